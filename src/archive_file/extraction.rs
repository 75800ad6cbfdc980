//! Writing files below one fresh folder, and nowhere else.
//!
//! Owns the folder while it is filled: paths come from a checked manifest only, files are made new, and whatever
//! did not prove good is removed again at the end. Decides nothing about good and bad.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::package::Manifest;

use super::damage::FileDamage;
use super::frames::write_all_at;
use super::limits::ReadError;

/// The folder that is being filled.
pub(super) struct Extraction<'a> {
    into: &'a Path,
    manifest: &'a Manifest,
    /// Folders that exist already, so that each is made once.
    folders: Mutex<HashSet<PathBuf>>,
}

impl<'a> Extraction<'a> {
    /// Makes `into`; refused if it exists and holds anything. Paths of `manifest` must have been checked.
    pub(super) fn begin(into: &'a Path, manifest: &'a Manifest) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Write { source, path: into.to_owned() };
        match fs::create_dir(into) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::read_dir(into).map_err(failed)?.next().is_some() {
                    return Err(ReadError::NotEmpty(into.to_owned()));
                }
            }
            Err(error) => return Err(failed(error)),
        }
        let folders = Mutex::new(HashSet::from([into.to_owned()]));
        Ok(Self { into, manifest, folders })
    }

    fn path_of(&self, index: usize) -> PathBuf {
        self.into.join(self.manifest.files().path(index))
    }

    /// Opens file `index`, making its folders where they are not there yet. With `is_new` it must not be there
    /// itself either, which catches names that are one name on this file system; else it may have been begun.
    pub(super) fn open(&self, index: usize, is_new: bool) -> Result<File, ReadError> {
        let path = self.path_of(index);
        let failed = |source| ReadError::Write { source, path: path.clone() };
        if let Some(folder) = path.parent() {
            let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            if !folders.contains(folder) {
                fs::create_dir_all(folder).map_err(failed)?;
                folders.insert(folder.to_owned());
            }
        }
        OpenOptions::new()
            .write(true)
            .create(true)
            .create_new(is_new)
            .truncate(false)
            .open(&path)
            .map_err(failed)
    }

    /// Writes `bytes` at `from` of file `index`.
    pub(super) fn write(&self, file: &File, index: usize, bytes: &[u8], from: u64) -> Result<(), ReadError> {
        let failed = |source| ReadError::Write { source, path: self.path_of(index) };
        write_all_at(file, bytes, from).map_err(failed)
    }

    /// Removes what is not whole and sets the executable bits.
    pub(super) fn finish(self, damaged: &[FileDamage]) -> Result<(), ReadError> {
        for file in damaged {
            let path = self.path_of(file.index);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(ReadError::Write { source, path }),
            }
        }
        let is_damaged: HashSet<usize> = damaged.iter().map(|file| file.index).collect();
        for (index, file) in self.manifest.iter().enumerate() {
            if file.executable && !is_damaged.contains(&index) {
                let path = self.path_of(index);
                make_executable(&path).map_err(|source| ReadError::Write { source, path })?;
            }
        }
        Ok(())
    }
}

/// Whoever may read the file may also run it.
#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)?.permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))
}

/// There is no such bit elsewhere; it is kept in the registration.
#[cfg(not(unix))]
fn make_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}
