//! How the files of a folder looked when we last had them in hand, so that what somebody else does to them meanwhile is
//! noticed: such a file is hashed again before anything says that it is right.
//!
//! A change in the very moment of our own write cannot be told from it, unless it changes the length.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::disk::{Facts, FileStamp};

/// The looks of all files that hold something of ours, by their number in the plan.
#[derive(Debug, Default)]
pub(crate) struct Stamps(Mutex<HashMap<usize, Known>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    looks: Looks,
    /// Somebody else had it in hand.
    is_touched: bool,
}

/// What a change of a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Its time of change and inode.
    pub stamp: FileStamp,
}

impl Looks {
    pub(crate) fn of(facts: &Facts) -> Self {
        Self { size_bytes: facts.size_bytes, stamp: facts.stamp }
    }

    fn of_file(file: &File) -> Option<Self> {
        Facts::of_file(file).ok().map(|facts| Self::of(&facts))
    }
}

impl Stamps {
    fn known(&self) -> MutexGuard<'_, HashMap<usize, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file looked like this when some of its blocks were hashed.
    pub(crate) fn hashed(&self, file: usize, looks: Looks) {
        let mut all = self.known();
        let known = all.entry(file).or_insert(Known { looks, is_touched: false });
        known.is_touched |= known.looks != looks;
    }

    /// The file looked like this when all of it that counts was hashed again.
    pub(crate) fn hashed_again(&self, file: usize, looks: Looks) {
        self.known().insert(file, Known { looks, is_touched: false });
    }

    /// We are about to change the file: what somebody else did is noticed now, or never.
    pub(crate) fn before(&self, file: usize, handle: &File) {
        if let Some(known) = self.known().get_mut(&file) {
            known.is_touched |= Looks::of_file(handle) != Some(known.looks);
        }
    }

    /// We changed it, and it must be so long now, where that is known.
    pub(crate) fn after(&self, file: usize, handle: &File, size_bytes: Option<u64>) {
        let Some(looks) = Looks::of_file(handle) else { return };
        let mut all = self.known();
        let known = all.entry(file).or_insert(Known { looks, is_touched: false });
        known.looks = looks;
        known.is_touched |= size_bytes.is_some_and(|size_bytes| size_bytes != looks.size_bytes);
    }

    /// How the file looked last; `None` where it is not known, or somebody else had it in hand.
    pub(crate) fn trusted(&self, file: usize) -> Option<Looks> {
        self.known().get(&file).filter(|known| !known.is_touched).map(|known| known.looks)
    }
}
