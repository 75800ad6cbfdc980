//! What can go wrong with computers, jobs and the delivery manager, and how it is told.

use jiff::Timestamp;

use super::computers::{TOKEN_VALID_LEAST_SECS, TOKEN_VALID_MOST_SECS};
use super::documents::DocumentProblem;
use super::model::container::ContainerProblem;
use super::model::evaluation::Refused;
use super::model::{ImportError, NameProblem};
use super::staging::StageError;
use crate::failure::{Class, Failure, argument};
use crate::library::LibraryError;
use crate::package::numbers::many;
use crate::package::signed_document::SignatureProblem;
use crate::store::{ManagerLease, StoreError};
use crate::transfer::secure_storage::SecureError;
use crate::work::Cancelled;

/// An error of computers, jobs or the delivery manager.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The library said so.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A staging library said so.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// Secure storage said so.
    #[error(transparent)]
    Secure(#[from] SecureError),
    /// A document of ours that its readers would refuse.
    #[error("a document cannot be written: {0}")]
    Document(#[from] DocumentProblem),
    /// A document that cannot be signed.
    #[error(transparent)]
    Signature(#[from] SignatureProblem),
    /// No own key may sign jobs.
    #[error("there is no key that signs jobs")]
    NoJobKey,
    /// Another delivery manager runs.
    #[error("a delivery manager runs already: {} on {}, process {}", .0.who, .0.host, .0.process)]
    ManagerRuns(Box<ManagerLease>),
    /// It lost its turn to another one, after it was not heard of for too long.
    #[error("another delivery manager has taken over: {} on {}, process {}", .0.who, .0.host, .0.process)]
    TakenOver(Box<ManagerLease>),
    /// No manager has written the site list there yet.
    #[error("the site list was not written there yet")]
    NoSiteList,
    /// A name that is not taken.
    #[error("{name:?}: {problem}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        problem: NameProblem,
    },
    /// A computer of this name is there already.
    #[error("there is a computer {0:?} already")]
    ComputerExists(String),
    /// No such computer.
    #[error("there is no computer {0:?}")]
    NoSuchComputer(String),
    /// No such group of computers.
    #[error("there is no group of computers {0:?}")]
    NoSuchGroup(String),
    /// A group of this name is there already.
    #[error("there is a group of computers {0:?} already")]
    GroupExists(String),
    /// No such token.
    #[error("there is no enrolment token {0:?}")]
    NoSuchToken(String),
    /// A token that would serve for too short or too long, in seconds.
    #[error("a token cannot be taken for {0} s")]
    TokenTime(u64),
    /// Not on the list of packages to keep.
    #[error("{0:?} is not among the packages that agents keep")]
    NotKept(String),
    /// More packages to keep than agents take.
    #[error("more than {} packages to keep", super::documents::limits::KEEP_MAX)]
    KeptTooMany,
    /// A table with lines that are not taken.
    #[error("{} of the table cannot be taken", many(.0.len() as u64, "line"))]
    Table(Vec<ImportError>),
    /// No such container.
    #[error("there is no job container {0:?}")]
    NoSuchContainer(String),
    /// Several containers have this name.
    #[error("several job containers are named {name:?}")]
    SeveralContainers {
        /// The name.
        name: String,
        /// Their identities.
        ids: Vec<String>,
    },
    /// No such job in the container.
    #[error("there is no job {0:?} in this container")]
    NoSuchJob(String),
    /// It could never be carried out.
    #[error(transparent)]
    Container(#[from] ContainerProblem),
    /// A procedure of a package that jobs may not run.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Jobs of it have not ended.
    #[error("{name:?} has {} that {} not ended", many(*.jobs, "job"), if *.jobs == 1 { "has" } else { "have" })]
    StillRunning {
        /// The container, or the computer.
        name: String,
        /// How many.
        jobs: u64,
    },
    /// Nothing to do what was asked to.
    #[error("no job of {0:?} failed")]
    NothingFailed(String),
    /// A record of ours that cannot be read.
    #[error("the library database holds a job that cannot be read: {0}")]
    Unreadable(String),
}

impl From<StoreError> for DeliveryError {
    fn from(error: StoreError) -> Self {
        Self::Library(error.into())
    }
}

impl From<Cancelled> for DeliveryError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Library(cancelled.into())
    }
}

impl DeliveryError {
    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Library(LibraryError::Cancelled(_)))
    }

    /// The error as a person reads it.
    pub fn explain(&self) -> Failure {
        let failure = |code, class, action: &str| Failure::new(code, class, self.to_string(), action);
        match self {
            Self::Library(error) => error.explain(),
            Self::Stage(error) => error.explain(),
            Self::Secure(error) => error.explain(),
            Self::Document(_) | Self::Signature(_) => failure(
                "delivery-document",
                Class::Environment,
                "Use fewer jobs or shorter names, then try again",
            ),
            Self::NoJobKey => failure(
                "no-job-key",
                Class::Refused,
                "Make a key: packhouse-cli key create NAME. Agents believe jobs that it signs",
            ),
            Self::ManagerRuns(lease) => {
                failure("manager-runs", Class::Refused, "Stop it there, or let it do the work; one that was killed is over 2 minutes after it was last heard of")
                    .because(since(lease))
            }
            Self::TakenOver(lease) => failure(
                "manager-taken-over",
                Class::Environment,
                "Nothing needs to be done: the other one goes on",
            )
            .because(since(lease)),
            Self::NoSiteList => {
                failure("no-site-list", Class::Environment, "Run the delivery manager: packhouse-cli manage")
            }
            Self::Name { .. } => failure("bad-name", Class::Usage, "Choose another name"),
            Self::ComputerExists(_) => failure("computer-exists", Class::Refused, "Choose another name"),
            Self::NoSuchComputer(_) => {
                failure("no-such-computer", Class::Usage, "packhouse-cli computer list shows every computer")
            }
            Self::NoSuchGroup(_) => failure(
                "no-such-computer-group",
                Class::Usage,
                "packhouse-cli computer group list shows every group",
            ),
            Self::GroupExists(_) => failure("computer-group-exists", Class::Refused, "Choose another name"),
            Self::NoSuchToken(_) => {
                failure("no-such-token", Class::Usage, "packhouse-cli computer token list shows every token")
            }
            Self::TokenTime(_) => {
                let (least, most) = (TOKEN_VALID_LEAST_SECS, TOKEN_VALID_MOST_SECS / (24 * 3600));
                failure("bad-token-time", Class::Usage, &format!("Give {least} s at least, {most} days at most"))
            }
            Self::NotKept(_) => {
                failure("not-kept", Class::Usage, "packhouse-cli computer keep shows the packages")
            }
            Self::KeptTooMany => failure("too-many-kept", Class::Usage, "Take some off the list"),
            Self::Table(errors) => {
                let details =
                    errors.iter().map(|error| format!("line {}: {}", error.line, error.why)).collect();
                failure(
                    "import-refused",
                    Class::Refused,
                    "Nothing was changed. Correct what is listed, or take the rest: --skip-errors",
                )
                .with_details(details)
            }
            Self::NoSuchContainer(_) => {
                failure("no-such-job", Class::Usage, "packhouse-cli job list shows every one")
            }
            Self::SeveralContainers { ids, .. } => {
                failure("ambiguous", Class::Usage, "Name it by its id: packhouse-cli job list shows them").with_details(ids.clone())
            }
            Self::NoSuchJob(_) => {
                failure("no-such-target", Class::Usage, "packhouse-cli job show JOB names them")
            }
            Self::Container(problem) => failure(
                "bad-job",
                Class::Usage,
                match problem {
                    ContainerProblem::NoTarget => {
                        "Name them: --computer NAME, --group NAME, or --installed PKG"
                    }
                    _ => "Correct it and try again",
                },
            ),
            Self::Refused(refused) => {
                let (class, action) = match refused {
                    Refused::Gone(_) => (Class::Usage, "packhouse-cli list shows every package".to_owned()),
                    Refused::NotSealed { key, .. } => (
                        Class::Refused,
                        format!("Seal it first: packhouse-cli seal {}", argument(&key.to_string())),
                    ),
                    Refused::Retired(_) => {
                        (Class::Refused, "Take the mark Retired off, or deliver another version".to_owned())
                    }
                    Refused::NoProcedure { key, .. } | Refused::Several { key, .. } => (
                        Class::Usage,
                        format!("packhouse-cli procedure {} list shows them", argument(&key.to_string())),
                    ),
                    Refused::NotOffered { .. } => (
                        Class::Refused,
                        "Tick Offered in jobs for it, or choose another procedure".to_owned(),
                    ),
                };
                failure(refused.code(), class, &action)
            }
            Self::StillRunning { .. } => failure(
                "jobs-running",
                Class::Refused,
                "Halt it and wait, or remove it all the same: --withdraw",
            ),
            Self::NothingFailed(_) => failure("nothing-failed", Class::Refused, "Nothing needs to be done"),
            Self::Unreadable(_) => {
                failure("bad-job-record", Class::Environment, "Remove the job and make it again")
            }
        }
    }
}

fn since(lease: &ManagerLease) -> String {
    let time = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    format!("{}, since {}, last heard of {}", lease.how, time(lease.since), time(lease.renewed))
}

/// An error where the library can only be read here.
pub(crate) fn require_writable(library: &crate::library::Library) -> Result<(), DeliveryError> {
    if library.is_read_only() { Err(LibraryError::ReadOnly.into()) } else { Ok(()) }
}
