//! Copies a scanned source into a new folder and hashes the copy, for registration.
//!
//! Owns: how bytes get from one folder to the other, and the proof that the source stayed as it was. Must not
//! know what the folder becomes; after an error or a cancel its owner removes it. The copy of one large file
//! runs beside the hashing of another; small files are hashed by the worker that copied them.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::scan::Scan;
use crate::disk::hashing::{self, HashProblem, HashWhat, Piece, Reader, Unit};
use crate::disk::queue::{Queue, work_through};
use crate::disk::{Facts, PageBuffer, Root, create_file, open_plain, set_mode, words};
use crate::package::BlockSize;
use crate::package::file_list::FileEntry;
use crate::package::manifest::ManifestFile;
use crate::work::{Cancelled, Work};

/// Bytes written at once. Measured on ext4: half the time of `copy_file_range`, which goes page by page there.
const WRITE_BYTES: usize = 4 * 1024 * 1024;

/// Why a source was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A file of the source is not what it was when it was listed.
    #[error("{path}: changed while it was copied")]
    SourceChanged {
        /// Relative to the source.
        path: String,
    },
    /// A file of the source, or the source itself (an empty path), could not be read.
    #[error("{path}: cannot be read: {}", words(.reason))]
    Read {
        /// Relative to the source.
        path: String,
        /// What the system said.
        #[source]
        reason: io::Error,
    },
    /// No room is left where the copy goes.
    #[error("{path}: the disk is full")]
    DiskFull {
        /// The file that did not fit, relative to the source.
        path: String,
    },
    /// A file or folder of the copy could not be written.
    #[error("{path}: cannot be written: {}", words(.reason))]
    Write {
        /// Relative to the source.
        path: String,
        /// What the system said.
        #[source]
        reason: io::Error,
    },
    /// The copy could not be hashed.
    #[error("the copy of {0}")]
    Hash(#[source] HashProblem),
    /// Cancelled by the one who watches.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl CopyError {
    fn read(path: &str, reason: io::Error) -> Self {
        Self::Read { path: path.to_owned(), reason }
    }

    fn write(path: &str, reason: io::Error) -> Self {
        let path = path.to_owned();
        match reason.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Write { path, reason },
        }
    }
}

/// Copies the files of `scan` from `source` to the new folder `target`, and hashes the copy.
///
/// `scan` comes from [`super::scan::scan_source`]: every file must still have its size and stamp, before and
/// after it is copied. Links are followed where the scan listed what lies behind them. Files get mode 0644, or
/// 0755 where executable. Nothing is synced. Progress counts the hashed bytes and files of the phase `Copying`.
pub fn copy_and_hash(
    source: &Path,
    scan: &Scan,
    target: &Path,
    block_size: BlockSize,
    work: &Work,
) -> Result<Vec<ManifestFile>, CopyError> {
    let files: Vec<FileEntry<'_>> = scan.files.iter().collect();
    work.begin("Copying", files.len() as u64, scan.files.total_bytes());
    let from = Root::open(source).map_err(|e| CopyError::read("", e))?;
    make_folders(&files, target, work)?;
    let to = Root::open(target).map_err(|e| CopyError::write("", e))?;

    let (order, units) = hashing::units(&files, block_size, HashWhat::FileAndBlocks);
    let mut tasks: Vec<Task> = units
        .into_iter()
        .filter_map(|unit| match unit {
            Unit::Small(_) => Some(Task::Small(unit)),
            Unit::Whole(file) => Some(Task::Large(file)),
            Unit::Blocks(..) => None,
        })
        .collect();
    tasks.reverse();
    let job = Job {
        from,
        to,
        target: target.to_owned(),
        scan,
        files: &files,
        order,
        block_size,
        work,
        clones: AtomicBool::new(true),
        error: Mutex::new(None),
    };
    let workers = work_through(tasks, Local::default, |local, task, queue| {
        if let Err(error) = job.step(local, task, queue) {
            job.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            queue.stop();
        }
    });
    if let Some(error) = job.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    work.check()?;
    let pieces = workers.into_iter().flat_map(|local| local.pieces);
    let mut copied = Vec::with_capacity(files.len());
    for (index, hashed) in hashing::gather(&files, block_size, pieces).into_iter().enumerate() {
        let hashes = Some(hashed.map_err(CopyError::Hash)?.into_file_hashes());
        let FileEntry { path, size_bytes } = files[index];
        copied.push(ManifestFile {
            path: path.to_owned(),
            size_bytes,
            executable: scan.executable[index],
            hashes,
        });
    }
    Ok(copied)
}

/// Copies the only file of `scan` from where it lies to its path in the package below `target`, and hashes the copy.
/// It must still have its size and stamp, as in [`copy_and_hash`].
pub(super) fn copy_renamed(
    from: &Path,
    scan: &Scan,
    target: &Path,
    block_size: BlockSize,
    work: &Work,
) -> Result<ManifestFile, CopyError> {
    let files: Vec<FileEntry<'_>> = scan.files.iter().collect();
    let shown = from.to_string_lossy();
    let changed = || CopyError::SourceChanged { path: shown.clone().into_owned() };
    let [file] = files.as_slice() else { return Err(changed()) };
    make_folders(&files, target, work)?;
    let read = |error| CopyError::read(&shown, error);
    let is_same = |source: &File| {
        let facts = Facts::of_file(source).map_err(read)?;
        let is_it =
            facts.size_bytes == file.size_bytes && scan.stamps.first().is_none_or(|s| *s == facts.stamp);
        if is_it { Ok(()) } else { Err(changed()) }
    };
    let mut source = open_plain(from).map_err(read)?;
    is_same(&source)?;
    let mut copy = create_file(&target.join(file.path)).map_err(|e| CopyError::write(file.path, e))?;
    let mut piece = vec![0; WRITE_BYTES.min(usize::try_from(file.size_bytes).unwrap_or(WRITE_BYTES).max(1))];
    let mut left = file.size_bytes;
    while left > 0 {
        work.check()?;
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        match source.read(&mut piece[..most]) {
            Ok(0) => return Err(changed()),
            Ok(got) => {
                copy.write_all(&piece[..got]).map_err(|e| CopyError::write(file.path, e))?;
                left -= got as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read(error)),
        }
    }
    let executable = scan.executable.first().copied().unwrap_or_default();
    set_mode(&copy, executable).map_err(|e| CopyError::write(file.path, e))?;
    // By path and not by descriptor: a file put in its place is a change too.
    is_same(&open_plain(from).map_err(read)?)?;
    let hashed = hashing::hash_files(target, &files, block_size, &work.part())?;
    let hashes = hashed.into_iter().next().ok_or_else(changed)?.map_err(CopyError::Hash)?;
    let (path, size_bytes) = (file.path.to_owned(), file.size_bytes);
    Ok(ManifestFile { path, size_bytes, executable, hashes: Some(hashes) })
}

/// Makes `target` and every folder the files need; the list is sorted, so each is tried about once.
fn make_folders(files: &[FileEntry<'_>], target: &Path, work: &Work) -> Result<(), CopyError> {
    std::fs::create_dir_all(target).map_err(|e| CopyError::write("", e))?;
    let mut last = "";
    for file in files {
        let Some((folder, _)) = file.path.rsplit_once('/') else { continue };
        if folder != last {
            work.check()?;
            std::fs::create_dir_all(target.join(folder)).map_err(|e| CopyError::write(folder, e))?;
            last = folder;
        }
    }
    Ok(())
}

enum Task {
    /// A batch to be copied and hashed at once.
    Small(Unit),
    /// A file of several blocks to be copied.
    Large(usize),
    /// A part of a copy to be hashed.
    Hash(Unit),
}

#[derive(Default)]
struct Local {
    hash_buffer: PageBuffer,
    write_buffer: PageBuffer,
    pieces: Vec<Piece>,
}

struct Job<'a> {
    from: Root,
    to: Root,
    target: PathBuf,
    scan: &'a Scan,
    files: &'a [FileEntry<'a>],
    order: Vec<usize>,
    block_size: BlockSize,
    work: &'a Work,
    /// Whether the file systems may share the blocks of a copy; false after the first refusal.
    clones: AtomicBool,
    error: Mutex<Option<CopyError>>,
}

impl Job<'_> {
    fn step(&self, local: &mut Local, task: Task, queue: &Queue<Task>) -> Result<(), CopyError> {
        self.work.check()?;
        match task {
            Task::Small(unit) => {
                if let Unit::Small(places) = &unit {
                    for &file in &self.order[places.clone()] {
                        self.copy(file, &mut local.write_buffer)?;
                    }
                }
                self.hash(local, unit)
            }
            Task::Large(file) => {
                self.copy(file, &mut local.write_buffer)?;
                queue.push_urgent(Task::Hash(Unit::Whole(file)));
                for range in hashing::block_ranges(self.block_size, self.files[file].size_bytes) {
                    queue.push_urgent(Task::Hash(Unit::Blocks(file, range)));
                }
                Ok(())
            }
            Task::Hash(unit) => self.hash(local, unit),
        }
    }

    fn hash(&self, local: &mut Local, unit: Unit) -> Result<(), CopyError> {
        let buffer = &mut local.hash_buffer;
        let mut reader =
            Reader { root: &self.to, size: self.block_size, work: self.work, watched: None, buffer };
        Ok(reader.unit(self.files, &self.order, unit, HashWhat::FileAndBlocks, &mut local.pieces)?)
    }

    fn copy(&self, index: usize, buffer: &mut PageBuffer) -> Result<(), CopyError> {
        self.work.check()?;
        let FileEntry { path, size_bytes } = self.files[index];
        let changed = || CopyError::SourceChanged { path: path.to_owned() };
        let is_same = |facts: &Facts| {
            facts.size_bytes == size_bytes && self.scan.stamps.get(index).is_none_or(|s| *s == facts.stamp)
        };
        let gone = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => changed(),
            _ => CopyError::read(path, e),
        };
        // What is opened here is followed through links, and then held against what the scan saw behind them.
        let mut source = self.from.open_file(path, true).map_err(gone)?;
        if !is_same(&Facts::of_file(&source).map_err(|e| CopyError::read(path, e))?) {
            return Err(changed());
        }
        let mut target = create_file(&self.target.join(path)).map_err(|e| CopyError::write(path, e))?;
        if !self.clone_blocks(&source, &target) {
            let mut left = size_bytes;
            let room = usize::try_from(size_bytes).unwrap_or(usize::MAX).clamp(1, WRITE_BYTES);
            let buffer = buffer.room(room);
            while left > 0 {
                self.work.check()?;
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                let read = match source.read(&mut buffer[..most]) {
                    Ok(0) => return Err(changed()),
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(CopyError::read(path, error)),
                };
                target.write_all(&buffer[..read]).map_err(|e| CopyError::write(path, e))?;
                left -= read as u64;
            }
        }
        set_mode(&target, self.scan.executable[index]).map_err(|e| CopyError::write(path, e))?;
        // By path and not by descriptor: a file put in its place is a change too.
        if is_same(&self.from.facts(path, true).map_err(gone)?) { Ok(()) } else { Err(changed()) }
    }

    /// Lets the copy share the blocks of the source, where the file system can.
    #[cfg(target_os = "linux")]
    fn clone_blocks(&self, source: &File, target: &File) -> bool {
        if !self.clones.load(Ordering::Relaxed) {
            return false;
        }
        let cloned = rustix::fs::ioctl_ficlone(target, source).is_ok();
        if !cloned {
            self.clones.store(false, Ordering::Relaxed);
        }
        cloned
    }

    #[cfg(not(target_os = "linux"))]
    fn clone_blocks(&self, _: &File, _: &File) -> bool {
        self.clones.store(false, Ordering::Relaxed);
        false
    }
}
