//! One lock per package, taken for one change, so that any number of programs can use one library.
//!
//! A lock is an advisory lock on a small file in `.locks/`, so it vanishes with the program that holds it, kill -9
//! included. The file is removed by the one who unlocks it; who gets a lock on a file that is gone tries again.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::{LibraryError, io_error};
use crate::package::Sha256Digest;

/// How long a change waits for another program's change of the same package.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Whether this is the lock whose file lies there.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.path == path
    }

    /// The file of the lock.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes who holds it into the file of the lock.
    pub(super) fn write(&self, text: &[u8]) -> Result<(), LibraryError> {
        (&self.file).write_all(text).map_err(io_error("write", &self.path))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still locked: nobody else can hold a lock on this file now.
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes the lock named `name` in `folder`, waiting up to five seconds; `None` if another program keeps it.
pub(crate) fn take(folder: &Path, name: &str) -> Result<Option<Lock>, LibraryError> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(lock) = try_take(folder, name)? {
            return Ok(Some(lock));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        std::thread::park_timeout(PAUSE);
    }
}

/// Takes the lock if nobody holds it.
pub(crate) fn try_take(folder: &Path, name: &str) -> Result<Option<Lock>, LibraryError> {
    // The name of a package can be as long as a file name may be: its digest always fits.
    let path = folder.join(&Sha256Digest::of(name.as_bytes()).to_string()[..32]);
    loop {
        fs::create_dir_all(folder).map_err(io_error("make the folder", folder))?;
        let file = match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
            Ok(file) => file,
            // Another program tidied the folder away between the two calls.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(io_error("write", &path)(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(io_error("lock", &path)(error)),
        }
        if is_same_file(&file, &path) {
            return Ok(Some(Lock { path, file }));
        }
    }
}

/// Removes the file of a lock that nobody holds: its program was killed. Gives whether nobody holds it.
pub(super) fn remove_unlocked(path: &Path) -> bool {
    // That of another user may be only readable, which is enough to ask.
    let Ok(file) = File::options().write(true).open(path).or_else(|_| File::open(path)) else { return false };
    if file.try_lock().is_err() {
        return false;
    }
    // Removed while it is locked here, and only if nobody put another in its place.
    if is_same_file(&file, path) {
        let _ = fs::remove_file(path);
    }
    true
}

/// Whether the open file is still the one at `path`.
pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => same(&open, &there),
        _ => false,
    }
}

#[cfg(unix)]
fn same(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    // A locked file cannot be removed there, so it is always the same one.
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_others_out_until_it_is_dropped() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let first = try_take(folder.path(), "a@1")?.expect("nobody holds it");
        assert!(try_take(folder.path(), "a@1")?.is_none());
        assert!(try_take(folder.path(), "b@1")?.is_some());
        drop(first);
        assert!(try_take(folder.path(), "a@1")?.is_some());
        assert_eq!(fs::read_dir(folder.path())?.count(), 0, "no lock file is left");
        Ok(())
    }
}
