//! What jobs mean: containers, targets, the states of a job and which follows which.
//!
//! Owns: the state machine of a job ([`job`]), what a container is and how it stands ([`container`]), which computers
//! it is about ([`evaluation`]), why jobs fail ([`failures`]), and how a list of computers is read
//! ([`import`](mod@import)). Pure: values in, values out. Must not know stores, clocks, signatures or SQL.

pub mod computers;
pub mod container;
pub mod evaluation;
pub mod failures;
pub mod import;
pub mod job;

pub use computers::{NameProblem, checked_name};
pub use container::{
    Container, ContainerOptions, ContainerState, Entry, JobTotals, Linkage, OnChecksumError, Standing,
    TargetSpec,
};
pub use evaluation::{Evaluation, Refused, Target, evaluate};
pub use failures::{FailureGroup, reason};
pub use import::{Import, ImportError, ImportedComputer, import};
pub use job::{After, JobEvent, JobPlace, JobState, Shown, Step, step};
