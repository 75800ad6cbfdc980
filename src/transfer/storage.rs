//! The few calls by which a transfer changes its folder, behind a small trait so that tests can let any of them fail.
//!
//! Owns: creating folders and files beneath the folder without following a link, writing in place, syncing, the lock
//! on the folder. Must not know blocks, hashes or the network.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::stamps::Looks;
use crate::disk::{Kind, Root, set_mode, words};

/// The name of a file that is about to replace one with other names.
#[cfg(unix)]
const DETACHED: &str = ".packhouse-detached";

/// An open file of the folder.
pub trait StoredFile: Send + Sync {
    /// Writes all of `bytes` at `offset_bytes`.
    fn write_at(&self, bytes: &[u8], offset_bytes: u64) -> io::Result<()>;
    /// Makes the file so long; longer means a hole.
    fn set_len(&self, size_bytes: u64) -> io::Result<()>;
    /// Asks for room on the disk. Where that is not known, nothing happens.
    fn allocate(&self, offset_bytes: u64, size_bytes: u64);
    /// Brings what was written to the disk.
    fn sync(&self) -> io::Result<()>;
    /// Sets whether the owner may execute it, and brings that to the disk: syncing the data does not.
    fn set_executable(&self, executable: bool) -> io::Result<()>;
    /// The file itself, for reading it back and asking for its facts.
    fn file(&self) -> &File;
}

/// The folder of a transfer. Paths are relative to it.
pub trait Storage: Send + Sync {
    /// Opens a file for writing; makes it, and the folders above it, where they are not there.
    fn open(&self, path: &str) -> io::Result<Arc<dyn StoredFile>>;
    /// How a file looks; a link and a folder are errors, as they are where it is opened.
    fn looks(&self, path: &str) -> io::Result<Looks>;
    /// Gives a file that has other names as well (hard links) a content of its own: what is written in place then must
    /// not appear under the others. Nothing happens where it has none.
    fn detach(&self, path: &str) -> io::Result<()> {
        let _ = path;
        Ok(())
    }
    /// Brings everything on the file system of the folder to the disk. `Unsupported` where that cannot be asked.
    fn sync_all(&self) -> io::Result<()>;
    /// Brings the names in these folders (`""` for the folder itself) to the disk.
    fn sync_folders(&self, paths: &[String]) -> io::Result<()>;
    /// Lets the folder go: the transfer has ended.
    fn release(&self);
    /// Bytes that can still be written; `None` where the system does not say.
    fn free_bytes(&self) -> Option<u64>;
}

/// Stands between the engine and its folder; made for tests that let a call fail.
pub type StorageWrap = Arc<dyn Fn(Arc<dyn Storage>) -> Arc<dyn Storage> + Send + Sync>;

/// A folder on the disk, ours alone until it is dropped.
pub(crate) struct FolderStorage {
    root: Root,
    path: PathBuf,
    /// Where the folder itself was made, if we made it.
    made_in: Option<PathBuf>,
    /// Holds the lock on the folder, and is what is synced. Other systems cannot open a folder as a file, and a lock file
    /// would lie in the package: there the library keeps two of our own transfers apart.
    #[cfg(unix)]
    handle: File,
    /// The folder that was made or found last: most files lie where the one before lies.
    last_folder: Mutex<String>,
    allocates: bool,
}

/// Why the folder could not be taken.
pub(crate) enum NotOurs {
    /// Somebody else has it.
    InUse,
    /// It could not be made, opened or locked.
    Io(io::Error),
}

impl FolderStorage {
    /// Makes the folder where it is not there, and takes it for this transfer alone.
    pub(crate) fn own(path: &Path) -> Result<Self, NotOurs> {
        let made_in = found_above(path);
        std::fs::create_dir_all(path).map_err(NotOurs::Io)?;
        #[cfg(unix)]
        let handle = {
            let handle = File::open(path).map_err(NotOurs::Io)?;
            lock(&handle)?;
            handle
        };
        Ok(Self {
            root: Root::open(path).map_err(NotOurs::Io)?,
            path: path.to_owned(),
            made_in,
            #[cfg(target_os = "linux")]
            allocates: allocating_helps(&handle),
            #[cfg(not(target_os = "linux"))]
            allocates: false,
            #[cfg(unix)]
            handle,
            last_folder: Mutex::default(),
        })
    }
}

#[cfg(unix)]
fn lock(handle: &File) -> Result<(), NotOurs> {
    use rustix::fs::{FlockOperation, flock};
    use rustix::io::Errno;
    match flock(handle, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(NotOurs::InUse),
        // File systems without locks: the library keeps two of our own transfers apart.
        Err(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(NotOurs::Io(error.into())),
    }
}

/// Memory file systems fill what is allocated with zeros, which costs as much as writing.
#[cfg(target_os = "linux")]
fn allocating_helps(folder: &File) -> bool {
    const TMPFS: i64 = 0x0102_1994;
    rustix::fs::fstatfs(folder).is_ok_and(|facts| facts.f_type != TMPFS)
}

impl Storage for FolderStorage {
    fn open(&self, path: &str) -> io::Result<Arc<dyn StoredFile>> {
        if let Some((folder, _)) = path.rsplit_once('/') {
            let mut last = self.last_folder.lock().unwrap_or_else(PoisonError::into_inner);
            if *last != folder {
                self.root.make_folders(folder)?;
                folder.clone_into(&mut last);
            }
        }
        let opened = match self.root.open_for_writing(path) {
            // The folder was removed by somebody since it was made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.last_folder.lock().unwrap_or_else(PoisonError::into_inner).clear();
                if let Some((folder, _)) = path.rsplit_once('/') {
                    self.root.make_folders(folder)?;
                }
                self.root.open_for_writing(path)
            }
            opened => opened,
        };
        Ok(Arc::new(DiskFile { file: opened?, allocates: self.allocates }))
    }

    fn looks(&self, path: &str) -> io::Result<Looks> {
        let facts = self.root.facts(path, false)?;
        if facts.kind == Kind::File {
            Ok(Looks::of(&facts))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidFilename, "it is not a plain file"))
        }
    }

    #[cfg(unix)]
    fn detach(&self, path: &str) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let mut source = match self.root.open_file(path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            source => source?,
        };
        let facts = source.metadata()?;
        if facts.nlink() <= 1 || !facts.is_file() {
            return Ok(());
        }
        let target = self.path.join(path);
        let beside = target.with_file_name(DETACHED);
        // Left by a program that was killed.
        if let Err(error) = std::fs::remove_file(&beside)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut copy = File::options().write(true).create_new(true).open(&beside)?;
        let copied = io::copy(&mut source, &mut copy)
            .and_then(|_| copy.set_permissions(facts.permissions()))
            .and_then(|()| copy.sync_all())
            .and_then(|()| std::fs::rename(&beside, &target));
        if copied.is_err() {
            std::fs::remove_file(&beside).ok();
        }
        copied
    }

    #[cfg(target_os = "linux")]
    fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.handle)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn sync_all(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_folders(&self, paths: &[String]) -> io::Result<()> {
        if cfg!(not(unix)) {
            return Ok(());
        }
        for path in paths {
            self.root.sync_folder(path)?;
        }
        // The name of the folder, and of those that were made above it.
        if let Some(made_in) = &self.made_in {
            let full = std::path::absolute(&self.path)?;
            for above in full.ancestors().skip(1).take_while(|above| above.starts_with(made_in)) {
                match File::open(above).and_then(|folder| folder.sync_all()) {
                    // Where one may not look there is nothing one can do.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                    synced => synced?,
                }
            }
        }
        Ok(())
    }

    #[cfg(unix)]
    fn release(&self) {
        // Closing would do the same, but the handle lives as long as who looks at the transfer.
        rustix::fs::flock(&self.handle, rustix::fs::FlockOperation::Unlock).ok();
    }

    #[cfg(not(unix))]
    fn release(&self) {}

    #[cfg(unix)]
    fn free_bytes(&self) -> Option<u64> {
        let facts = rustix::fs::statvfs(&self.path).ok()?;
        Some(facts.f_bavail.saturating_mul(facts.f_frsize))
    }

    #[cfg(not(unix))]
    fn free_bytes(&self) -> Option<u64> {
        let _ = &self.path;
        None
    }
}

struct DiskFile {
    file: File,
    allocates: bool,
}

impl StoredFile for DiskFile {
    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], offset_bytes: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, offset_bytes)
    }

    #[cfg(not(unix))]
    fn write_at(&self, bytes: &[u8], offset_bytes: u64) -> io::Result<()> {
        use std::io::{Seek as _, Write as _};
        (&self.file).seek(io::SeekFrom::Start(offset_bytes))?;
        (&self.file).write_all(bytes)
    }

    fn set_len(&self, size_bytes: u64) -> io::Result<()> {
        self.file.set_len(size_bytes)
    }

    #[cfg(target_os = "linux")]
    fn allocate(&self, offset_bytes: u64, size_bytes: u64) {
        if self.allocates && size_bytes > 0 {
            // A hint: a file system that cannot, or a full disk, is found out by the write itself.
            rustix::fs::fallocate(
                &self.file,
                rustix::fs::FallocateFlags::KEEP_SIZE,
                offset_bytes,
                size_bytes,
            )
            .ok();
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn allocate(&self, _: u64, _: u64) {
        let _ = self.allocates;
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_executable(&self, executable: bool) -> io::Result<()> {
        set_mode(&self.file, executable)?;
        self.file.sync_all()
    }

    fn file(&self) -> &File {
        &self.file
    }
}

/// The folders of these files and all above them, down to `""`: a name lies in the folder above it.
pub(crate) fn with_all_above<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut folders = BTreeSet::from([""]);
    for mut path in paths {
        while let Some((folder, _)) = path.rsplit_once('/') {
            if !folders.insert(folder) {
                break;
            }
            path = folder;
        }
    }
    folders.into_iter().map(str::to_owned).collect()
}

/// The folder that is there already, of `path` and those above it, where `path` itself is not.
fn found_above(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let found = path.ancestors().find(|folder| folder.is_dir())?;
    (found != path).then(|| found.to_owned())
}

/// Whether the error says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What lies in the way, as far as the error says so.
pub(crate) fn obstacle_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::IsADirectory => return "a folder lies there".to_owned(),
        io::ErrorKind::NotADirectory => return "a file lies where a folder belongs".to_owned(),
        _ => {}
    }
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return "a link lies there, which is not followed".to_owned();
    }
    words(error)
}

/// Whether something lies in the way that only a person can move.
pub(crate) fn is_obstacle(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    if matches!(error.kind(), K::NotADirectory | K::IsADirectory | K::InvalidFilename) {
        return true;
    }
    #[cfg(unix)]
    {
        // A link where none may be followed; a named pipe or a device without a reader.
        let code = error.raw_os_error();
        let strange = [rustix::io::Errno::LOOP, rustix::io::Errno::NXIO, rustix::io::Errno::NAMETOOLONG];
        if code.is_some_and(|code| strange.iter().any(|errno| errno.raw_os_error() == code)) {
            return true;
        }
    }
    false
}
