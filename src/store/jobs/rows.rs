//! What rows of containers and jobs hold, and how they are read.

use jiff::Timestamp;
use rusqlite::Row;
use uuid::Uuid;

use super::super::StoreError;
use super::super::computers::{time, uuid};

/// A job container.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerRow {
    /// Number of its row; 0 for one that is not kept yet.
    pub row: i64,
    /// Its identity.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Packages, procedures, targets and options, as JSON.
    pub definition: String,
    /// Whether a person halted it.
    pub halted: bool,
    /// When its targets were found.
    pub evaluated: Option<Timestamp>,
    /// When the last of its jobs ended.
    pub ended: Option<Timestamp>,
    /// Code of what is to be known about it: a checksum error, nothing found; empty for none.
    pub code: String,
    /// The same in words.
    pub reason: String,
    /// What a verification found, as JSON, where that is why.
    pub report: Option<String>,
}

/// One job: a procedure on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    /// Number of its row.
    pub row: i64,
    /// Its identity; another after each renewal.
    pub id: Uuid,
    /// Row of its container.
    pub container: i64,
    /// Which of the packages of its container.
    pub entry: u32,
    /// Row of the computer; absent where there is none of this name any more.
    pub computer: Option<i64>,
    /// Name of the computer.
    pub target: String,
    /// What it and other jobs of the computer are one piece of work in.
    pub batch: Option<Uuid>,
    /// Where it stands.
    pub state: String,
    /// What it becomes once its withdrawal is confirmed.
    pub after: String,
    /// Whether its agent may know it.
    pub known: bool,
    /// Code of the reason; empty for none.
    pub code: String,
    /// Why it stands there; may be empty.
    pub reason: String,
    /// How much of the package is there, 0 to 100, while it is delivered.
    pub percent: Option<u8>,
    /// Exit code of the procedure.
    pub exit_code: Option<i32>,
    /// When it came to stand there.
    pub changed: Timestamp,
    /// Row of what was proven when its environment was set up.
    pub environment: Option<i64>,
    /// When its environment was set up.
    pub begun: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Where jobs stand; all that decides what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobClass {
    /// Their state.
    pub state: String,
    /// What they become once withdrawn.
    pub after: String,
    /// Whether their agents may know them.
    pub known: bool,
}

/// Jobs of one container that a change is about.
#[derive(Clone, Copy, Debug)]
pub struct JobsOf<'a> {
    /// Row of the container.
    pub container: i64,
    /// Only those of this package.
    pub entry: Option<u32>,
    /// Only these rows.
    pub rows: Option<&'a [i64]>,
    /// Only those with this code of the reason.
    pub code: Option<&'a str>,
}

impl JobsOf<'_> {
    /// All jobs of a container.
    pub fn all(container: i64) -> Self {
        Self { container, entry: None, rows: None, code: None }
    }
}

/// What decides from where a computer reads packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ComputerReads {
    /// Whether it is a test computer.
    pub test: bool,
    /// Id of its home staging library: its own, that of a group, or the one it was enrolled through.
    pub home: Option<String>,
    /// Whether it reads from no other.
    pub only: bool,
}

/// What stays of several failed jobs when they are put into groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRow {
    /// State of all of them.
    pub state: String,
    /// Code of the reason.
    pub code: String,
    /// Exit code of the procedure.
    pub exit_code: Option<i32>,
    /// The reason of one of them.
    pub reason: String,
    /// How many.
    pub jobs: u64,
}

/// In which order the jobs of a container are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum JobOrder {
    /// As they have their turn.
    #[default]
    Turn,
    /// By name of the target.
    Target,
    /// By state.
    State,
    /// The latest change first.
    Changed,
    /// By reason.
    Reason,
}

/// Which jobs of a container are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// In one of these states; all where it is empty.
    pub states: Vec<String>,
    /// With this code of the reason.
    pub code: Option<String>,
    /// With this exit code; `Some(None)` for those without one.
    pub exit_code: Option<Option<i32>>,
    /// With this in the name of the target, without regard to case.
    pub text: Option<String>,
}

/// A job of a computer or of a package, with its container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOfContainer {
    /// The job.
    pub job: JobRow,
    /// Identity of the container.
    pub container: Uuid,
    /// Name of the container.
    pub container_name: String,
}

/// How many jobs of a container are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobCount {
    /// Row of the container.
    pub container: i64,
    /// Where they stand.
    pub class: JobClass,
    /// How many.
    pub jobs: u64,
}

/// What is kept of a job beside its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobDetails {
    /// The end of what the procedure said.
    pub output: Option<String>,
    /// How the package on the computer differed, as JSON.
    pub differences: Option<String>,
    /// What the exit code means by the procedure, as JSON.
    pub meaning: Option<String>,
}

pub(super) const CONTAINER_COLUMNS: &str =
    "row, id, name, created, created_by, definition, halted, evaluated, ended, code, reason, report";

pub(super) const JOB_COLUMNS: &str = "j.row, j.id, j.container, j.entry, j.computer, j.target, j.batch, j.state, j.after, j.known, \
    j.code, j.reason, j.percent, j.exit_code, j.changed, j.begun, j.ended, j.environment";

pub(super) fn container(row: &Row<'_>) -> Result<ContainerRow, StoreError> {
    let moment = |at: Option<i64>| at.map(time).transpose();
    Ok(ContainerRow {
        row: row.get(0)?,
        id: uuid(&row.get::<_, String>(1)?)?,
        name: row.get(2)?,
        created: time(row.get(3)?)?,
        created_by: row.get(4)?,
        definition: row.get(5)?,
        halted: row.get(6)?,
        evaluated: moment(row.get(7)?)?,
        ended: moment(row.get(8)?)?,
        code: row.get(9)?,
        reason: row.get(10)?,
        report: row.get(11)?,
    })
}

pub(super) fn job(row: &Row<'_>) -> Result<JobRow, StoreError> {
    let moment = |at: Option<i64>| at.map(time).transpose();
    let batch: Option<Vec<u8>> = row.get(6)?;
    Ok(JobRow {
        row: row.get(0)?,
        id: bytes(&row.get::<_, Vec<u8>>(1)?)?,
        container: row.get(2)?,
        entry: row.get(3)?,
        computer: row.get(4)?,
        target: row.get(5)?,
        batch: batch.map(|batch| bytes(&batch)).transpose()?,
        state: row.get(7)?,
        after: row.get(8)?,
        known: row.get(9)?,
        code: row.get(10)?,
        reason: row.get(11)?,
        percent: row.get(12)?,
        exit_code: row.get(13)?,
        changed: time(row.get(14)?)?,
        begun: moment(row.get(15)?)?,
        ended: moment(row.get(16)?)?,
        environment: row.get(17)?,
    })
}

fn bytes(bytes: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(bytes).map_err(|_| StoreError::Damaged("the identity of a job".to_owned()))
}
