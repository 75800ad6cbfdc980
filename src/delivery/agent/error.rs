//! What keeps an agent from being enrolled, opened or run; and why a document is not taken.

use std::io;
use std::path::{Path, PathBuf};

use crate::delivery::documents::DocumentProblem;
use crate::delivery::staging::StagingError;
use crate::disk::words;
use crate::failure::{Class, Failure};
use crate::library::LibraryError;
use crate::package::signed_document::SignatureProblem;
use crate::store::StoreError;
use crate::transfer::TransferError;
use crate::work::Cancelled;

/// Why an agent does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// There is no agent in the folder.
    #[error("there is no agent in {}", .0.display())]
    NotEnrolled(PathBuf),
    /// There is one already.
    #[error("there is an agent in {} already", .0.display())]
    AlreadyEnrolled(PathBuf),
    /// Another program runs it.
    #[error("the agent in {} is run by another program", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be used.
    #[error("{what} {} failed: {}", .path.display(), words(.source))]
    Folder {
        /// `making the folder`, `writing`.
        what: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the agent is damaged.
    #[error("{} cannot be used: {why}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// `agent.db`.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store at the address of the site.
    #[error(transparent)]
    Site(#[from] StagingError),
    /// The same, on a web server.
    #[error(transparent)]
    Web(#[from] TransferError),
    /// There is no site list at the address.
    #[error("there is no site at {0}")]
    NoSite(String),
    /// The site list is not signed by the key of the token.
    #[error("the site at {site} is not the one of the token: {why}")]
    OtherSite {
        /// Its address.
        site: String,
        /// Why.
        why: String,
    },
    /// The token is not open.
    #[error("the token is not open at {0}")]
    TokenClosed(String),
    /// Something enrolled with the token already.
    #[error("the token was used already at {0}")]
    TokenUsed(String),
    /// A document of our own cannot be written.
    #[error(transparent)]
    Document(#[from] DocumentProblem),
    /// It cannot be signed.
    #[error(transparent)]
    Signature(#[from] SignatureProblem),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoChance,
    /// A procedure or the folder of a package.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// It was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl AgentError {
    pub(super) fn folder<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> Self + use<'p> {
        move |source| Self::Folder { what, path: path.to_owned(), source }
    }

    /// The error as a person reads it.
    pub fn explain(&self) -> Failure {
        let message = self.to_string();
        let new = |code, class, action: &str| Failure::new(code, class, message.clone(), action);
        match self {
            Self::NotEnrolled(_) => new(
                "agent-not-enrolled",
                Class::Usage,
                "Enrol it with a token: packhouse-cli agent enroll --site ADDRESS --token TOKEN",
            ),
            Self::AlreadyEnrolled(_) => new(
                "agent-enrolled",
                Class::Refused,
                "Choose another folder with --folder, or remove this one if the agent is no longer wanted.",
            ),
            Self::InUse(_) => {
                new("agent-in-use", Class::Refused, "Stop the other program first.").temporary()
            }
            Self::Folder { .. } => {
                new("agent-folder", Class::Environment, "Check the folder, and that it can be written to.")
            }
            Self::Damaged { .. } => new(
                "agent-damaged",
                Class::Environment,
                "Restore the file from a backup, or remove the folder and enrol anew.",
            ),
            Self::Store(_) => new("agent-store", Class::Environment, "Check the disk of the agent's folder."),
            Self::Site(error) => error.explain(),
            Self::Web(error @ TransferError::Fetch { .. }) => Failure {
                action: "Check the address and the connection. Where its certificate is not trusted and it is the right \
                         server: --certificates FILE, or a token that was made with its fingerprint (--pin)."
                    .to_owned(),
                ..error.explain()
            },
            Self::Web(error) => error.explain(),
            Self::NoSite(_) => new(
                "agent-no-site",
                Class::No,
                "Check the address, that of the staging library's root, and that a delivery manager has run: packhouse-cli manage",
            ),
            Self::OtherSite { .. } => new(
                "agent-other-site",
                Class::Refused,
                "Check address and token. If both are right, somebody else may answer there.",
            ),
            Self::TokenClosed(_) => new(
                "agent-token",
                Class::Refused,
                "Ask for a new token: each is good for one computer. One that was just made is opened by the delivery \
                 manager there: packhouse-cli manage",
            )
            .because("it was used, has expired, was removed, or is not open there yet"),
            Self::TokenUsed(_) => {
                new("agent-token", Class::Refused, "Ask for a new token: each is good for one computer.")
            }
            Self::Document(_) | Self::Signature(_) | Self::NoChance => {
                new("agent-document", Class::Environment, "Try again; if it happens again, enrol anew.")
            }
            Self::Library(error) => error.explain(),
            Self::Cancelled(_) => new("cancelled", Class::Cancelled, "Start it again when you like."),
        }
    }
}

/// Why a document of the manager is not taken. The jobs that are known stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The signature, or who made it.
    #[error(transparent)]
    Signature(#[from] SignatureProblem),
    /// What it says.
    #[error(transparent)]
    Document(#[from] DocumentProblem),
    /// Another site.
    #[error("it is of another site")]
    Site,
    /// Another agent.
    #[error("it is for another agent")]
    Agent,
    /// A lower sequence than was seen.
    #[error("its sequence is {found}; {seen} was seen before")]
    Older {
        /// Its sequence.
        found: u64,
        /// The highest that was seen.
        seen: u64,
    },
    /// The sequence that was seen, with other content.
    #[error("it has the sequence {0} of another one that was seen before")]
    Twice(u64),
    /// Its time is over.
    #[error(
        "it expired by the clock of this computer: that is set wrong, or no delivery manager has run for long"
    )]
    Expired,
}

impl NotTaken {
    /// Stable, lower-case, words joined by `-`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signature(SignatureProblem::UnknownKey { .. }) => "document-unknown-key",
            Self::Signature(_) => "document-signature",
            Self::Document(_) => "document-form",
            Self::Site => "document-other-site",
            Self::Agent => "document-other-agent",
            Self::Older { .. } => "document-older",
            Self::Twice(_) => "document-twice",
            Self::Expired => "document-expired",
        }
    }
}
