//! What the console, the manager and the agents write to each other: the texts in `delivery/` of a staging library.
//!
//! Owns: the forms of the site list, of an agent's jobs, of a report and of an enrolment, their names in a store, their
//! limits, and what in them is refused. Pure: values in, values out; no file, clock or network. Must not know who is to
//! be believed: signatures are judged by [`crate::package::SignedDocument`], sequences and times by who keeps them.
//!
//! All are JSON with `"format": 1` and their `"kind"`; fields nobody knows are ignored, so that a newer program may say
//! more. Times are Unix seconds.

pub mod enrolment;
pub mod ids;
pub mod jobs;
pub mod limits;
pub mod names;
pub mod report;
pub mod site;
pub mod token;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use enrolment::{Enrolment, EnrolmentFile};
pub use ids::{AgentId, BatchId, ComputerId, ContainerId, JobId, SiteId, TokenId};
pub use jobs::{AgentDocument, BatchPlace, Job, JobPackage, JobProcedure, When, procedure_digest};
pub use report::{AgentFacts, Installed, JobReport, Reason, Report, ReportedState};
pub use site::{SiteDocument, SiteKeys};
pub use token::{Fingerprint, Token};

/// The only format there is.
const FORMAT: u32 = 1;

/// What a text is. It is part of what is signed: a report can never be read as a list of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// The site list.
    Site,
    /// The open jobs of one agent.
    Jobs,
    /// A report of one agent.
    Report,
    /// A new agent that asks to be taken.
    Enrolment,
}

/// Why a text is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentProblem {
    /// No JSON of this form.
    #[error("it cannot be read: {0}")]
    Json(String),
    /// Another format, probably of a newer program.
    #[error("it has the format {0}, which this program does not know")]
    Format(u32),
    /// A text of another kind.
    #[error("it is no {expected}")]
    Kind {
        /// What was expected.
        expected: &'static str,
    },
    /// Longer than one of its kind can be.
    #[error("it has {bytes} bytes; at most {most_bytes} are taken")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        most_bytes: u64,
    },
    /// A field whose content is not taken.
    #[error("{field}: {why}")]
    Field {
        /// Which one.
        field: &'static str,
        /// Why not.
        why: String,
    },
    /// The code of an enrolment does not fit the secret of its token.
    #[error("its code does not fit the token")]
    Code,
}

/// One of the forms that are written and read here.
pub(crate) trait Form: Serialize + DeserializeOwned {
    /// What it is.
    const KIND: DocumentKind;
    /// In words, for [`DocumentProblem::Kind`].
    const WORD: &'static str;
    /// Longest text, in bytes.
    const MOST_BYTES: u64;

    /// Refuses what the form allows and the meaning does not.
    fn check(&self) -> Result<(), DocumentProblem>;
}

#[derive(Serialize)]
struct Written<'f, F> {
    format: u32,
    kind: DocumentKind,
    #[serde(flatten)]
    form: &'f F,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
    kind: Option<serde_json::Value>,
}

pub(crate) fn write<F: Form>(form: &F) -> Result<String, DocumentProblem> {
    form.check()?;
    let written = Written { format: FORMAT, kind: F::KIND, form };
    let text = serde_json::to_string(&written).map_err(|error| DocumentProblem::Json(error.to_string()))?;
    bound(text.len() as u64, F::MOST_BYTES)?;
    Ok(text)
}

pub(crate) fn read<F: Form>(text: &str) -> Result<F, DocumentProblem> {
    bound(text.len() as u64, F::MOST_BYTES)?;
    let json = |error: serde_json::Error| DocumentProblem::Json(error.to_string());
    let head: Head = serde_json::from_str(text).map_err(json)?;
    if head.format != FORMAT {
        return Err(DocumentProblem::Format(head.format));
    }
    let kind = head.kind.and_then(|kind| serde_json::from_value::<DocumentKind>(kind).ok());
    if kind != Some(F::KIND) {
        return Err(DocumentProblem::Kind { expected: F::WORD });
    }
    let form: F = serde_json::from_str(text).map_err(json)?;
    form.check()?;
    Ok(form)
}

fn bound(bytes: u64, most_bytes: u64) -> Result<(), DocumentProblem> {
    if bytes > most_bytes { Err(DocumentProblem::TooLarge { bytes, most_bytes }) } else { Ok(()) }
}

/// Refuses text that is longer than `most` bytes or has control characters.
pub(crate) fn check_line(field: &'static str, text: &str, most: usize) -> Result<(), DocumentProblem> {
    if text.len() > most {
        let why = format!("it has {} bytes; at most {most} are taken", text.len());
        return Err(DocumentProblem::Field { field, why });
    }
    if text.chars().any(char::is_control) {
        return Err(DocumentProblem::Field { field, why: "it has control characters".to_owned() });
    }
    Ok(())
}

pub(crate) fn check_count(field: &'static str, count: usize, most: usize) -> Result<(), DocumentProblem> {
    if count > most {
        let why = format!("there are {count}; at most {most} are taken");
        return Err(DocumentProblem::Field { field, why });
    }
    Ok(())
}

/// Refuses what is no public minisign key.
pub(crate) fn check_key(field: &'static str, key: &str) -> Result<(), DocumentProblem> {
    if key.len() <= limits::KEY_MAX_BYTES && token::key_bytes(key).is_some() {
        return Ok(());
    }
    Err(DocumentProblem::Field { field, why: "it is no public minisign key".to_owned() })
}

/// Refuses times that no calendar of ours reaches.
pub(crate) fn check_time(field: &'static str, seconds: i64) -> Result<(), DocumentProblem> {
    match jiff::Timestamp::from_second(seconds) {
        Ok(_) => Ok(()),
        Err(_) => Err(DocumentProblem::Field { field, why: format!("{seconds} is no time") }),
    }
}
