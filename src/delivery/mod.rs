//! Delivery: packages reach staging libraries, and from there the computers that run them.
//!
//! Owns: what lies in a staging library and how it gets there ([`staging`]), what console, manager and agents write to each
//! other ([`documents`]), what jobs mean ([`model`]), the computers ([`computers`]) and job containers ([`jobs`]) as a
//! person sees them, and the delivery manager ([`manager`]). Must not know screens, the command line, the environment or
//! the home folder; what a package *is* stands in `package`, who keeps it in `library`, every SQL statement in `store`.
//! Time comes in through a clock that is handed in.
//!
//! # One job from end to end
//!
//! 1. A sealed package is staged ([`staging`]): what is missing there is sent, its seal last. A staging library is a plain
//!    store of named objects; nothing of ours runs there.
//! 2. A computer becomes an agent by a token that is typed once ([`agent::enrol`]); the manager takes it
//!    (`manager::enrolments`).
//! 3. Somebody makes a job container: entries, targets, times ([`jobs`]). It is rows of the library, and the state machine
//!    of [`model`] says what each of its jobs may become.
//! 4. The manager finds the targets when their time has come, and gives each its turn: the package and the staged copies
//!    are proven, and only then its agent is told. What differs is a *checksum error*: no further target has its turn.
//! 5. The agent polls: one object, signed for it alone ([`documents`]). It brings the package by way of [`crate::transfer`],
//!    proves all of it against its seal, runs the procedure once, and tells what became of it.
//! 6. The manager applies the report once, and each package of the job gets one entry of History when the job has ended.

pub mod agent;
pub mod computers;
pub mod documents;
pub mod error;
mod history;
pub mod jobs;
pub mod kept;
mod keys;
pub mod manager;
pub mod model;
mod moves;
pub mod staging;

pub use error::DeliveryError;
