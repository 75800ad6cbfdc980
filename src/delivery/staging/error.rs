//! Why a store did not do what was asked, in words and as a [`Failure`].

use std::io;

use crate::disk::words;
use crate::failure::{Class, Failure};
use crate::library::LibraryError;
use crate::package::numbers::many;
use crate::package::staging::Window;
use crate::package::{CheckReport, PackageKey};
use crate::store::StoreError;
use crate::transfer::secure_storage::SecureError;
use crate::work::Cancelled;

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// An address that names no store.
    #[error("{address:?} is no staging library: {why}")]
    Address {
        /// The address, without a password.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The network part could not be set up: a proxy address, a certificate.
    #[error("the connection cannot be set up: {0}")]
    Setup(String),
    /// There is no such folder. It is never made: it may lie on a share that is not mounted.
    #[error("there is no folder {0}")]
    NoFolder(String),
    /// The server has no way to list a folder; everything else works.
    #[error("{0} cannot list what it has")]
    CannotList(String),
    /// The store wants to be signed in to, or this account may not do it.
    #[error("{store} refused {what}: {why}")]
    Forbidden {
        /// The store.
        store: String,
        /// What was asked: `writing packages/…`.
        what: String,
        /// What it said.
        why: String,
    },
    /// The server is not the one it should be, as far as can be known here.
    #[error("{what} in {store} failed: {why}")]
    Untrusted {
        /// The store.
        store: String,
        /// What was asked: `reading packages/…`.
        what: String,
        /// Why its certificate is not trusted.
        why: String,
    },
    /// The store has no room left.
    #[error("{store} has no room for {path}")]
    Full {
        /// The store.
        store: String,
        /// The object.
        path: String,
    },
    /// An object larger than one of its kind can be.
    #[error("{path} in {store} is larger than {most_bytes} bytes")]
    TooLarge {
        /// The store.
        store: String,
        /// The object.
        path: String,
        /// The most that is taken.
        most_bytes: u64,
    },
    /// What was written is not what is there, or what was to be written changed while it was read.
    #[error("{path} in {store} is not what was written: {why}")]
    Differs {
        /// The store.
        store: String,
        /// The object.
        path: String,
        /// In what way.
        why: String,
    },
    /// Disk or network.
    #[error("{what} in {store} failed: {why}")]
    Failed {
        /// The store.
        store: String,
        /// What was asked: `reading packages/…`.
        what: String,
        /// What the system or the network said.
        why: String,
        /// Whether trying again later may help.
        is_temporary: bool,
    },
    /// The source of an upload could not be read.
    #[error("{path} could not be read: {}", words(.source))]
    Source {
        /// The object it was to become.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl StagingError {
    /// Whether trying again later may help without anything being changed.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::NoFolder(_) | Self::Failed { is_temporary: true, .. })
    }

    /// The error as a person reads it.
    pub fn explain(&self) -> Failure {
        let message = self.to_string();
        let failure = match self {
            Self::Address { .. } => Failure::new(
                "staging-address",
                Class::Usage,
                message,
                "Give the path of a folder, http://…, https://… or s3://bucket/prefix.",
            ),
            Self::Setup(_) => {
                Failure::new("staging-setup", Class::Usage, message, "Correct the settings of the network.")
            }
            Self::NoFolder(_) => Failure::new(
                "staging-no-folder",
                Class::Environment,
                message,
                "Make the folder, or mount the share it lies on, then try again.",
            ),
            Self::CannotList(_) => Failure::new(
                "staging-cannot-list",
                Class::Refused,
                message,
                "Switch on PROPFIND there (nginx: the module dav-ext). All else works without it.",
            ),
            Self::Forbidden { .. } => Failure::new(
                "staging-forbidden",
                Class::Environment,
                message,
                "Check what this account may do there, and name and password where it asks for them.",
            ),
            Self::Untrusted { .. } => Failure::new(
                "staging-not-trusted",
                Class::Refused,
                message,
                "If it is the right server, trust the certificate that signed its own: Settings > Network…, --certificates FILE, or in the system.",
            ),
            Self::Full { .. } => Failure::new(
                "staging-full",
                Class::Environment,
                message,
                "Make room there, then try again: what was sent is not sent twice.",
            ),
            Self::TooLarge { .. } => Failure::new(
                "staging-too-large",
                Class::No,
                message,
                "Look who wrote it: nothing of ours is so large.",
            ),
            Self::Differs { .. } => Failure::new(
                "staging-differs",
                Class::No,
                message,
                "Try again; if it happens again, check the disk of the staging library.",
            ),
            Self::Failed { .. } => Failure::new(
                "staging-failed",
                Class::Environment,
                message,
                "Check the address and the connection, then try again: what was sent is not sent twice.",
            ),
            Self::Source { .. } => {
                Failure::new("staging-source", Class::Environment, message, "Check the disk of the library.")
            }
            Self::Cancelled(_) => Failure::new(
                "cancelled",
                Class::Cancelled,
                message,
                "Start it again: what was sent is not sent twice.",
            ),
        };
        if self.is_temporary() { failure.temporary() } else { failure }
    }
}

/// Why a package was not staged, unstaged or verified.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The library refused it or could not read it.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The library database.
    #[error(transparent)]
    Database(#[from] StoreError),
    /// Secure storage.
    #[error(transparent)]
    Secure(#[from] SecureError),
    /// The staging library.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// It was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// No staging library of this name or address.
    #[error("there is no staging library {0:?}")]
    NoSuchStaging(String),
    /// Another staging library has this name.
    #[error("there is already a staging library {0:?}")]
    NameTaken(String),
    /// Another staging library is written or read there.
    #[error("the staging library {name:?} is at this address already: {address}")]
    AddressTaken {
        /// The other one.
        name: String,
        /// The address that was given.
        address: String,
    },
    /// The folder is that of a package library. Its packages would be taken for staged copies, and unstaging would
    /// remove them.
    #[error("{folder} cannot be a staging library: the package library {library} lies there")]
    IsLibrary {
        /// The folder that was named.
        folder: String,
        /// The folder of the library.
        library: String,
    },
    /// A name that no staging library can have.
    #[error("{0:?} cannot be the name of a staging library")]
    Name(String),
    /// Nothing may be sent to it at this time of day.
    #[error("nothing is sent to {name} now: its line is open {window}")]
    Closed {
        /// The staging library.
        name: String,
        /// When something may be sent.
        window: Window,
    },
    /// The package is not there, as far as is known.
    #[error("{package} is not staged at {name}")]
    NotStaged {
        /// The package.
        package: String,
        /// The staging library.
        name: String,
    },
    /// Something else lies in its place.
    #[error("another package lies at {place} in {name}")]
    OtherPackage {
        /// Where.
        place: String,
        /// The staging library.
        name: String,
        /// Which one it is.
        found: String,
    },
    /// Jobs use the copy.
    #[error("{key} cannot be unstaged from {name}: it is part of {}", many(.uses.len() as u64, "job"))]
    InUse {
        /// The package.
        key: PackageKey,
        /// The staging library.
        name: String,
        /// Who uses it.
        uses: Vec<String>,
    },
    /// Copies are known there.
    #[error("{name} still has {}", many(.copies.len() as u64, "package"))]
    StillUsed {
        /// The staging library.
        name: String,
        /// Which packages.
        copies: Vec<String>,
    },
    /// What was sent is not there as it was sent.
    #[error("{key} at {name} is not as it was sent: {}", .report.differences.summary())]
    NotAsSent {
        /// The package.
        key: PackageKey,
        /// The staging library.
        name: String,
        /// What differs there.
        report: Box<CheckReport>,
    },
}

impl StageError {
    /// Whether trying again later may help without anything being changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Staging(error) => error.is_temporary(),
            Self::Library(error) => error.is_temporary(),
            Self::Closed { .. } => true,
            _ => false,
        }
    }

    /// The error as a person reads it.
    pub fn explain(&self) -> Failure {
        let refused = |code, action: &str| Failure::new(code, Class::Refused, self.to_string(), action);
        let usage = |code, action: &str| Failure::new(code, Class::Usage, self.to_string(), action);
        match self {
            Self::Library(error) => error.explain(),
            Self::Staging(error) => error.explain(),
            Self::Secure(error) => error.explain(),
            Self::Cancelled(cancelled) => StagingError::Cancelled(*cancelled).explain(),
            Self::Database(error) => Failure::new(
                "database",
                Class::Environment,
                self.to_string(),
                "Check the disk of the library, then try again",
            )
            .because(error.to_string()),
            Self::NoSuchStaging(_) => usage("no-staging-library", "packhouse-cli staging list shows them"),
            Self::NameTaken(_) => refused("staging-exists", "Give another name"),
            Self::AddressTaken { .. } => {
                refused("staging-address-taken", "Use that one, or give an address of its own")
                    .because("two staging libraries in one place would remove each other's packages")
            }
            Self::IsLibrary { .. } => {
                refused("staging-is-library", "Give a folder of its own, outside every package library")
            }
            Self::Name(_) => {
                usage("staging-name", "Give a name of 1 to 100 characters without control characters")
            }
            Self::Closed { .. } => {
                refused("staging-closed", "Wait until then, or say that it is to be now").temporary()
            }
            Self::NotStaged { .. } => {
                refused("not-staged", "packhouse-cli staging list shows what is staged")
            }
            Self::OtherPackage { found, .. } => {
                let action = "Look whose it is: packhouse-cli staging reconcile; nothing there was changed";
                refused("staging-other-package", action).because(found.clone())
            }
            Self::InUse { uses, .. } => {
                refused("staged-in-use", "Wait until they have ended, or remove them")
                    .with_details(uses.clone())
            }
            Self::StillUsed { copies, .. } => refused(
                "staging-not-empty",
                "Unstage them first, or forget them: what lies there stays there then",
            )
            .with_details(copies.clone()),
            Self::NotAsSent { report, .. } => {
                let mut failure = Failure::new(
                    "staged-differs",
                    Class::No,
                    self.to_string(),
                    "Stage it again: what is right there is not sent twice",
                )
                .with_details(report.differences.lines());
                failure.report = Some(report.clone());
                failure
            }
        }
    }
}
