//! Staging libraries: folders, web servers and buckets that agents read, and what is put there.
//!
//! Owns: the stores behind an address ([`store`]), which staging libraries there are ([`StagingDesk`]), and what becomes of
//! packages there. A staging library is a plain store of named objects: nothing of ours runs there. Must not know computers
//! or jobs; who uses a copy is asked of whoever calls.
//!
//! # How a package is staged
//!
//! 1. The library verifies it and hands it out: the sealed list of its files, and its tag files.
//! 2. What lies in its place is looked at, and a plan made: what is known to be there is kept, what may be there is looked
//!    at, the rest is sent.
//! 3. Where files change, the seal of what lies there is removed first. Each file is sent whole or not at all; which
//!    ones are there is written down, so that after any stop only the rest is sent.
//! 4. What was sent is proven to be there, then the tag files follow, the seal last. A copy without its end has no seal.

mod address;
mod bucket;
mod desk;
mod error;
mod folder;
mod identity;
mod lanes;
mod look;
mod place;
mod plan;
mod propfind;
mod reconcile;
mod runtime;
mod sending;
mod small;
mod stage;
pub mod store;
mod unstage;
mod verify;
mod web;

pub use address::StagingAddress;
pub use desk::{CopyRow, NewStagingLibrary, StagingDesk, StagingEdit, StagingRow, StagingWay};
pub use error::{StageError, StagingError};
pub(super) use lanes::in_lanes;
pub use look::{StageLook, StagingReach};
pub use reconcile::{Reconciled, UnknownPackage};
pub use stage::{StageOptions, StageReport};
pub use store::{Fetched, Listed, Outgoing, PutProof, StagingStore, StorePath, open_store};
pub use unstage::UnstageReport;
pub use verify::{SealThere, StagedCheck};
