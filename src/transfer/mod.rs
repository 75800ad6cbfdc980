//! Downloads: checkpoint recovery, block by block.
//!
//! Owns what a download needs to go on after any stop, and the judgement of what it is offered. Must not know
//! libraries, screens or terminals.

pub mod checkpoint;
pub mod secure_storage;
pub mod trust;
