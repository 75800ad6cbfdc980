//! Delivery: packages reach staging libraries, and from there the computers that run them.
//!
//! Owns: what lies in a staging library and how it gets there ([`staging`]), what console, manager and agents write to each
//! other ([`documents`]), what jobs mean ([`model`]), the computers ([`computers`]) and job containers ([`jobs`]) as a
//! person sees them, and the delivery manager ([`manager`]). Must not know screens, the command line, the environment or
//! the home folder; what a package *is* stands in `package`, who keeps it in `library`, every SQL statement in `store`.
//! Time comes in through a clock that is handed in.

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
