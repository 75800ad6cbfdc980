//! A staging library that is a folder: on this computer, or on a share that the system has mounted.
//!
//! Owns: writing under another name and renaming, so that no reader sees half a file. Must not know what the files are.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};

use super::store::{Fetched, Listed, Outgoing, PutProof, StagingError, StagingStore, StorePath};
use crate::disk::{Facts, create_file, escaped, open_plain, rename_new, set_mode, words};
use crate::package::staging::UNFINISHED;
use crate::work::{Cancelled, Work};

/// How much is read at once.
const PIECE_BYTES: usize = 1 << 20;

/// A folder as a store.
#[derive(Debug)]
pub(super) struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn at(&self, path: &StorePath) -> PathBuf {
        let mut at = self.root.clone();
        if !path.is_root() {
            at.extend(path.as_str().split('/'));
        }
        at
    }

    fn failed(&self, what: &str, path: &StorePath) -> impl Fn(io::Error) -> StagingError {
        let (store, shown, root) = (self.name(), path.to_string(), self.root.clone());
        let what = format!("{what} {}", path.shown());
        move |error| {
            let store = store.clone();
            match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory if !root.is_dir() => {
                    StagingError::NoFolder(store)
                }
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    StagingError::Full { store, path: shown.clone() }
                }
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                    StagingError::Forbidden { store, what: what.clone(), why: words(&error) }
                }
                _ => {
                    StagingError::Failed { store, what: what.clone(), why: words(&error), is_temporary: true }
                }
            }
        }
    }

    /// Writes a file under a name of its own beside `path`; gives that name, and the file it is.
    fn begin(&self, path: &StorePath) -> Result<(PathBuf, File), StagingError> {
        let failed = self.failed("writing", path);
        let no_name = || failed(io::Error::new(ErrorKind::InvalidInput, "a folder cannot be written"));
        let (folder, _) = path.split().ok_or_else(no_name)?;
        let folder = self.at(&folder);
        let name = format!("{UNFINISHED}{}", uuid::Uuid::new_v4().simple());
        let unfinished = folder.join(name);
        // The root itself is never made: a share that is not mounted must not become a folder of its own.
        let file = match create_file(&unfinished) {
            Err(error) if error.kind() == ErrorKind::NotFound && self.root.is_dir() => {
                fs::create_dir_all(&folder).and_then(|()| create_file(&unfinished)).map_err(failed)?
            }
            file => file.map_err(failed)?,
        };
        Ok((unfinished, file))
    }

    /// Writes `bytes`, synced, and has `place` put the file into its place.
    fn write_and(
        &self,
        path: &StorePath,
        bytes: &[u8],
        place: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), io::Error> {
        let (unfinished, mut file) = self.begin(path).map_err(io::Error::other)?;
        let target = self.at(path);
        let written = set_mode(&file, false)
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| file.sync_data())
            .and_then(|()| place(&unfinished, &target))
            .and_then(|()| target.parent().map_or(Ok(()), sync_folder));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    fn said(&self, path: &StorePath, error: io::Error) -> StagingError {
        match error.downcast::<StagingError>() {
            Ok(said) => said,
            Err(error) => self.failed("writing", path)(error),
        }
    }
}

impl StagingStore for FolderStore {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    fn proof(&self) -> PutProof {
        PutProof::ReadBack
    }

    fn read_if_changed(
        &self,
        path: &StorePath,
        tag: Option<&str>,
        limit: u64,
    ) -> Result<Fetched, StagingError> {
        let failed = self.failed("reading", path);
        let file = match open_plain(&self.at(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound && self.root.is_dir() => {
                return Ok(Fetched::Gone);
            }
            Err(error) => return Err(failed(error)),
        };
        let now = tag_of(&file).map_err(&failed)?;
        if tag == Some(&now) {
            return Ok(Fetched::Unchanged);
        }
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(&failed)?;
        if bytes.len() as u64 > limit {
            let (store, path) = (self.name(), path.to_string());
            return Err(StagingError::TooLarge { store, path, most_bytes: limit });
        }
        Ok(Fetched::New { bytes, tag: Some(now) })
    }

    fn read_through(
        &self,
        path: &StorePath,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Cancelled>,
    ) -> Result<bool, StagingError> {
        let failed = self.failed("reading", path);
        let mut file = match open_plain(&self.at(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound && self.root.is_dir() => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        forget_cached(&file);
        let mut piece = vec![0u8; PIECE_BYTES];
        loop {
            match file.read(&mut piece) {
                Ok(0) => return Ok(true),
                Ok(bytes) => take(&piece[..bytes])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn write(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StagingError> {
        self.write_and(path, bytes, |from, to| fs::rename(from, to)).map_err(|error| self.said(path, error))
    }

    fn create(&self, path: &StorePath, bytes: &[u8]) -> Result<bool, StagingError> {
        match self.write_and(path, bytes, rename_new) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.said(path, error)),
        }
    }

    fn put_file(
        &self,
        path: &StorePath,
        from: &mut dyn Read,
        outgoing: &Outgoing,
        work: &Work,
    ) -> Result<(), StagingError> {
        let (unfinished, mut file) = self.begin(path)?;
        let failed = self.failed("writing", path);
        let put = copy(from, &mut file, path, outgoing.size, &failed, work)
            .and_then(|sent| super::sending::expect_all(self, path, outgoing, sent))
            .and_then(|()| set_mode(&file, outgoing.executable).map_err(&failed))
            .and_then(|()| fs::rename(&unfinished, self.at(path)).map_err(&failed));
        if put.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        put
    }

    fn settle(&self) -> Result<(), StagingError> {
        settle(&self.root).map_err(self.failed("syncing", &StorePath::root()))
    }

    fn free_bytes(&self) -> Option<u64> {
        crate::disk::free_bytes(&self.root)
    }

    fn remove(&self, path: &StorePath) -> Result<(), StagingError> {
        match fs::remove_file(self.at(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound || !self.root.is_dir() => {
                Err(self.failed("removing", path)(error))
            }
            _ => Ok(()),
        }
    }

    fn remove_folder(&self, folder: &StorePath) -> Result<(), StagingError> {
        match fs::remove_dir_all(self.at(folder)) {
            Err(error) if error.kind() != ErrorKind::NotFound || !self.root.is_dir() => {
                Err(self.failed("removing", folder)(error))
            }
            _ => Ok(()),
        }
    }

    fn remove_empty(&self, folder: &StorePath) -> Result<(), StagingError> {
        match fs::remove_dir(self.at(folder)) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                Ok(())
            }
            removed => removed.map_err(self.failed("removing", folder)),
        }
    }

    fn size(&self, path: &StorePath) -> Result<Option<u64>, StagingError> {
        match fs::metadata(self.at(path)) {
            Ok(facts) => Ok(facts.is_file().then_some(facts.len())),
            Err(error) if error.kind() == ErrorKind::NotFound && self.root.is_dir() => Ok(None),
            Err(error) => Err(self.failed("reading", path)(error)),
        }
    }

    fn list(&self, folder: &StorePath) -> Result<Vec<Listed>, StagingError> {
        let failed = self.failed("listing", folder);
        let entries = match fs::read_dir(self.at(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound && self.root.is_dir() => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(&failed)?;
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                // It went away meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            // A reader gets what a link leads to; a link to a folder is no folder of ours, and may lead in circles.
            let size =
                if kind.is_dir() { 0 } else { fs::metadata(entry.path()).map_or(0, |facts| facts.len()) };
            let name = entry.file_name();
            let name = name.to_str().map_or_else(|| escaped(name.as_encoded_bytes()), str::to_owned);
            listed.push(Listed { name, size, is_folder: kind.is_dir() });
        }
        Ok(listed)
    }
}

fn copy(
    from: &mut dyn Read,
    to: &mut File,
    path: &StorePath,
    size: u64,
    failed: &dyn Fn(io::Error) -> StagingError,
    work: &Work,
) -> Result<super::sending::Sent, StagingError> {
    let mut sending = super::sending::Sending::new(from, path, work);
    let mut left = size;
    while let Some(piece) = sending.next(PIECE_BYTES, left)? {
        to.write_all(&piece).map_err(failed)?;
        left -= piece.len() as u64;
    }
    sending.ended(size)
}

fn tag_of(file: &File) -> io::Result<String> {
    let facts = Facts::of_file(file)?;
    Ok(format!("{}-{}-{}", facts.stamp.mtime_ns, facts.size_bytes, facts.stamp.inode))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some shares cannot sync a folder, and have nothing to sync.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn settle(root: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(root)?)?)
}

/// Without a call for all of it, each file was written whole, and the system decides when it reaches the disk.
#[cfg(not(target_os = "linux"))]
fn settle(_: &Path) -> io::Result<()> {
    Ok(())
}

/// What is in memory of a file is no proof of what is on its disk. A wish: a system that keeps it is not asked again.
#[cfg(target_os = "linux")]
fn forget_cached(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn forget_cached(_: &File) {}
