//! Delivery: packages reach staging libraries, and from there the computers that run them.
//!
//! Owns: what lies in a staging library and how it gets there ([`staging`]), and what console, manager and agents write to
//! each other ([`documents`]). Must not know screens, the command line, the
//! environment or the home folder; what a package *is* stands in `package`, who keeps it in `library`, every SQL
//! statement in `store`. Time comes in through a clock that is handed in.

pub mod agent;
pub mod documents;
pub mod staging;
