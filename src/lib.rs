//! Packhouse keeps a library of software packages and proves that none of them has changed behind its back.

pub mod failure;
pub mod package;
pub mod store;
pub mod work;
