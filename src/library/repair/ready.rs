//! The folder in which a repair makes files ready. It outlives a repair that was killed, cancelled, or could not get
//! everything: the next one goes on with what is there, and fetches nothing twice.
//!
//! Owns its name, its lock, and when it is no longer wanted. What lies in it is never believed: the next repair hashes it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::library::error::io_error;
use crate::library::operation::{FolderLock, INCOMING, folders_in, lock_folder, remove_any};
use crate::library::{Library, LibraryError};
use crate::package::record::{PackageId, PackageRecord};
use crate::package::{Finding, PackageState};

/// What the names of these folders begin with; no operation's does.
const PREFIX: &str = "repair-";
/// Below it lies `data/`, as in a package. A transfer takes this folder for itself.
const PACKAGE: &str = "package";

/// The folder of one repair, locked as long as this value lives.
#[derive(Debug)]
pub(super) struct ReadyFolder {
    path: PathBuf,
    name: String,
    _lock: FolderLock,
}

impl ReadyFolder {
    /// Takes the folder for a package as it is recorded; the caller holds the lock of the package. What was made ready
    /// for another state of it is removed.
    pub(super) fn take(library: &Library, record: &PackageRecord) -> Result<Self, LibraryError> {
        let incoming = library.root().join(INCOMING);
        let name = name_of(record);
        for folder in folders_in(&incoming)? {
            let found = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if found != name
                && package_of(&found) == Some(record.id)
                && let Some(_lock) = lock_folder(&folder)?
            {
                remove_any(&folder)?;
            }
        }
        let path = incoming.join(&name);
        loop {
            let package = path.join(PACKAGE);
            fs::create_dir_all(&package).map_err(io_error("make the folder", &package))?;
            // Whoever tidies up takes the lock first: without it, the folder was taken for a leftover.
            if let Some(lock) = lock_folder(&path)?
                && package.is_dir()
            {
                return Ok(Self { path, name, _lock: lock });
            }
        }
    }

    /// Where the files are made right.
    pub(super) fn package(&self) -> PathBuf {
        self.path.join(PACKAGE)
    }

    /// A path below [`ReadyFolder::package`], relative to the library, for steps.
    pub(super) fn relative(&self, path: &Path) -> PathBuf {
        Path::new(INCOMING).join(&self.name).join(PACKAGE).join(path)
    }

    /// Ends it. With `keep`, files that are in it stay for the next repair.
    pub(super) fn end(self, keep: bool) {
        if !(keep && holds_a_file(&self.path)) {
            // What cannot be removed now is removed when the library is opened next.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Whether a folder below `.incoming/` holds what the next repair of a package goes on with.
pub(in crate::library) fn is_wanted(library: &Library, folder: &Path) -> Result<bool, LibraryError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let Some(id) = package_of(&name) else { return Ok(false) };
    let Some(record) = library.catalogue().package(id)? else { return Ok(false) };
    Ok(record.finding != Finding::Consistent
        && record.state != PackageState::Archived
        && name_of(&record) == name
        && holds_a_file(folder))
}

/// `repair-<package>-<moment of its checksum>`: every update, sealing and restoring makes another.
fn name_of(record: &PackageRecord) -> String {
    format!("{PREFIX}{}-{}", record.id.0.simple(), record.checksum_at.as_microsecond())
}

fn package_of(name: &str) -> Option<PackageId> {
    let (id, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    uuid::Uuid::try_parse(id).ok().map(PackageId)
}

/// Whether there is anything but folders below `folder`.
fn holds_a_file(folder: &Path) -> bool {
    let mut open = vec![folder.to_owned()];
    while let Some(current) = open.pop() {
        for entry in fs::read_dir(&current).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                _ => return true,
            }
        }
    }
    false
}
