//! Whether a change can be carried out by renaming: everything it moves must lie on one disk.
//!
//! `packages/`, one package or a folder in it can be a mount or a link to another disk. Decided is decided, so that is
//! found out before anything is. Must not know what a change means.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::LibraryError;
use super::operation::Step;
use crate::disk::disk_of;
use crate::package::reginfo::DATA_NAME;

/// An error if a step would have to move something from one disk to another, or move a disk itself.
pub(super) fn require_one_disk(root: &Path, steps: &[Step]) -> Result<(), LibraryError> {
    let mut disks = Disks::default();
    for step in steps {
        let (Step::Rename { from, to } | Step::MoveAside { from, to }) = step else { continue };
        let (from, to) = (root.join(from), root.join(to));
        let here = disks.of_parent(&from);
        if here.is_some() && here != disks.of_parent(&to) {
            return Err(LibraryError::OtherDisk { from, to });
        }
        // What another disk is mounted on cannot be moved, nor deleted with the package it is in.
        for moved in [from.clone(), from.join(DATA_NAME)] {
            let is_folder = fs::symlink_metadata(&moved).is_ok_and(|moved| moved.is_dir());
            if is_folder && disk_of(&moved).ok() != here {
                return Err(LibraryError::OtherDisk { from: moved, to });
            }
        }
    }
    Ok(())
}

/// An error if what is written in `from` can never be moved to `to`. A folder that is not there yet is judged by the
/// one it will be made in.
pub(super) fn require_same_disk(from: &Path, to: &Path) -> Result<(), LibraryError> {
    if disk_of_existing(from) == disk_of_existing(to) {
        return Ok(());
    }
    Err(LibraryError::OtherDisk { from: from.to_owned(), to: to.to_owned() })
}

fn disk_of_existing(path: &Path) -> Option<(u64, u64)> {
    path.ancestors().find_map(|above| disk_of(above).ok())
}

/// The disks of folders, each asked for once: an update moves a hundred thousand files of a few folders.
#[derive(Default)]
struct Disks(HashMap<PathBuf, Option<(u64, u64)>>);

impl Disks {
    fn of_parent(&mut self, path: &Path) -> Option<(u64, u64)> {
        let parent = path.parent()?;
        if let Some(known) = self.0.get(parent) {
            return *known;
        }
        let disk = disk_of_existing(parent);
        self.0.insert(parent.to_owned(), disk);
        disk
    }
}
