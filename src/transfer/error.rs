//! Why a transfer cannot begin, or cannot end, in words and as a [`Failure`].

use std::io;
use std::path::PathBuf;

use super::plan::PlanProblem;
use crate::disk::words;
use crate::failure::{Class, Failure};

/// What is known of why a document could not be fetched, beside the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchProblem {
    /// It is not there.
    Absent,
    /// Who asks may not read it.
    Forbidden,
    /// Anything else.
    Other,
}

/// Why a transfer could not begin, or a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Another transfer, of this or another program, writes to the folder.
    #[error("another download writes to {}", .0.display())]
    FolderInUse(PathBuf),
    /// The folder could not be made or opened.
    #[error("{} cannot be used: {}", .folder.display(), words(.source))]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An address that no download understands.
    #[error("{address:?} is no address to download from: {why}")]
    Address {
        /// The address, without a password.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is neither a codebase nor a mirror.
    #[error("there is no codebase to download from")]
    NoCodebase,
    /// What is to be fetched does not make sense.
    #[error(transparent)]
    Plan(#[from] PlanProblem),
    /// The network part could not be set up: a proxy address, a certificate.
    #[error("the connection cannot be set up: {0}")]
    Setup(String),
    /// A document could not be fetched.
    #[error("{address} could not be fetched: {why}")]
    Fetch {
        /// Its address, without a password.
        address: String,
        /// The status or what the network said.
        why: String,
        /// Whether trying again later may help.
        is_temporary: bool,
        /// What more is known of why.
        kind: FetchProblem,
    },
    /// An address of this computer at which there is nothing.
    #[error("there is no file or folder {}", .0.display())]
    NoSuchPath(PathBuf),
    /// A folder of this computer that is no package folder.
    #[error("there is no package in {}", .0.display())]
    NoSnapshot(PathBuf),
    /// A document is larger than one of its kind can be.
    #[error("{address} is larger than {most_bytes} bytes")]
    TooLarge {
        /// Its address.
        address: String,
        /// The most that is taken.
        most_bytes: u64,
    },
}

impl TransferError {
    /// Whether trying again later may help without anything being changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::FolderInUse(_) | Self::Fetch { is_temporary: true, .. })
    }

    /// Whether the document is known not to be there.
    pub fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::NoSuchPath(_) | Self::NoSnapshot(_) | Self::Fetch { kind: FetchProblem::Absent, .. }
        )
    }

    /// The error as a person reads it.
    pub fn explain(&self) -> Failure {
        let message = self.to_string();
        let failure = match self {
            Self::FolderInUse(_) => Failure::new(
                "folder-taken",
                Class::Refused,
                message,
                "Show that download, or choose another folder.",
            ),
            Self::Folder { .. } => Failure::new(
                "download-folder",
                Class::Environment,
                message,
                "Choose a folder that can be written to.",
            ),
            Self::Address { .. } | Self::NoCodebase => Failure::new(
                "download-address",
                Class::Usage,
                message,
                "Give the address of a snapshot, a package folder or an archive.",
            ),
            Self::Plan(PlanProblem::NoHashes(_)) => Failure::new(
                "no-hashes",
                Class::Refused,
                message,
                "Ask the publisher for a Metalink with SHA-256 hashes.",
            ),
            Self::Plan(_) => Failure::new(
                "download-plan",
                Class::No,
                message,
                "Nothing was downloaded. Ask the publisher for a correct snapshot.",
            ),
            Self::Setup(_) => {
                Failure::new("download-setup", Class::Usage, message, "Correct the settings of the network.")
            }
            Self::Fetch { kind: FetchProblem::Forbidden, .. } => Failure::new(
                "download-sign-in",
                Class::Environment,
                message,
                "Sign in with a name that may read it, or ask who runs the server.",
            ),
            Self::Fetch { kind: FetchProblem::Absent, .. } => Failure::new(
                "download-fetch",
                Class::Environment,
                message,
                "Check the address: it must lead to a package folder with a snapshot.meta4, or to a Metalink.",
            ),
            Self::Fetch { .. } => Failure::new(
                "download-fetch",
                Class::Environment,
                message,
                "Check the address and the connection, then try again.",
            ),
            Self::NoSuchPath(_) => {
                Failure::new("download-fetch", Class::Environment, message, "Check the path.")
            }
            Self::NoSnapshot(_) => Failure::new(
                "download-fetch",
                Class::Environment,
                message,
                "Name the folder of a sealed package, or a Metalink or archive in it.",
            )
            .because("it has no snapshot.meta4"),
            Self::TooLarge { .. } => Failure::new(
                "download-too-large",
                Class::Refused,
                message,
                "Give the address of a snapshot or a Metalink.",
            ),
        };
        if self.is_temporary() { failure.temporary() } else { failure }
    }
}

/// Why a download is Invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReason {
    /// A block was bad three times from every codebase.
    #[error("block {block} of {path} was bad three times from every codebase: {}", .codebases.join(", "))]
    BadBlock {
        /// Its number through the plan.
        block: usize,
        /// Its file.
        path: String,
        /// The codebases that sent it.
        codebases: Vec<String>,
    },
    /// A file came three times from every codebase and never had its hash.
    #[error("{path} never had its hash; it came three times from every codebase: {}", .codebases.join(", "))]
    BadFile {
        /// The file.
        path: String,
        /// The codebases that sent it.
        codebases: Vec<String>,
    },
    /// Something that is no file lies where a file belongs, or a link or file where a folder belongs.
    #[error("{path} cannot be written: {why}")]
    Obstacle {
        /// The file that belongs there.
        path: String,
        /// What lies there.
        why: String,
    },
    /// No codebase has this file.
    #[error("no codebase has {0}")]
    NoCodebase(String),
}

impl InvalidReason {
    /// The reason as a person reads it.
    pub fn explain(&self) -> Failure {
        let action = match self {
            Self::BadBlock { .. } | Self::BadFile { .. } => {
                "The codebases no longer have what was sealed. Add another codebase, or ask the publisher."
            }
            Self::Obstacle { .. } => "Move away what lies there, then start the download again.",
            Self::NoCodebase(_) => "Add a codebase that has it.",
        };
        Failure::new("download-invalid", Class::No, self.to_string(), action)
    }
}
