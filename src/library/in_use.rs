//! Who has a library open: every program holds a shared lock on a small file in it, so that a move can be alone.
//!
//! The lock vanishes with the program. Where the file cannot be written, nothing can be moved from there either.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::LibraryError;
use super::error::io_error;

/// Name of the file.
pub(super) const IN_USE: &str = "in-use.lock";

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct InUse {
    path: PathBuf,
    file: File,
}

impl InUse {
    /// Says that this program has the library open; an error if it is being moved. `None` where it cannot be said.
    pub(super) fn share(root: &Path) -> Result<Option<Self>, LibraryError> {
        let path = root.join(IN_USE);
        let Ok(file) = OpenOptions::new().read(true).append(true).create(true).open(&path) else {
            return Ok(None);
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Self { path, file })),
            Err(TryLockError::WouldBlock) => Err(LibraryError::Moving),
            // A file system without locks: as before there were any.
            Err(TryLockError::Error(_)) => Ok(None),
        }
    }

    /// Takes the library for this program alone; `None` if another has it open. The shared lock is kept then.
    pub(super) fn take_alone(self) -> (Self, bool) {
        // A lock cannot be changed everywhere: it is given up and taken anew.
        let alone = self.file.unlock().is_ok() && self.file.try_lock().is_ok();
        if !alone {
            let _ = self.file.try_lock_shared();
        }
        (self, alone)
    }

    /// Gives up being alone.
    pub(super) fn share_again(self) -> Self {
        if self.file.unlock().is_ok() {
            let _ = self.file.try_lock_shared();
        }
        self
    }

    /// Takes the library in `root` for this program alone, which does not have it open.
    pub(super) fn alone(root: &Path) -> Result<Option<Self>, LibraryError> {
        let path = root.join(IN_USE);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(io_error("write", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_error("lock", &path)(error)),
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
