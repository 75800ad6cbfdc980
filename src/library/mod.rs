//! The Software Package Library on disk: reading folder trees, hashing and copying what is in them.

pub mod copying;
pub(crate) mod disk;
pub mod hashing;
pub(crate) mod queue;
pub mod scan;
