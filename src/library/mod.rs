//! The Software Package Library on disk: reading folder trees, hashing, copying and archiving what is in them.

pub mod archive_file;
pub mod bag_check;
pub mod copying;
pub(crate) mod disk;
pub mod hashing;
pub(crate) mod queue;
pub mod scan;
