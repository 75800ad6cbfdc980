//! Hashes the contents of files on all cores: block by block for the deep check, whole file and blocks for
//! recording.
//!
//! Owns: how the work is cut and what a read may find. Must not know where recorded hashes come from or what a
//! difference leads to. A large file is cut into ranges of blocks; its whole-file hash, which cannot be cut,
//! runs beside them. Small files go in batches. Reads go into one small buffer for each worker, which stays in
//! the cache of its core.

mod watched;

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use self::watched::Watched;
use super::queue::work_through;
use super::ranges::{RangeStop, hash_ranges};
use super::{Facts, FileStamp, Kind, PageBuffer, Root, words};
use crate::package::consistency::{DamagedFile, UnreadableFile};
use crate::package::file_list::FileEntry;
use crate::package::manifest::FileHashes;
use crate::package::sha256_lanes::LANES;
use crate::package::{BlockBoard, BlockSize, Manifest, Sha256Digest};
use crate::work::{Cancelled, Work};

/// Bytes read at once: large enough that the call costs nothing, small enough to stay in a core's own cache.
const BUFFER_BYTES: usize = 256 * 1024;
/// Bytes in one range of a large file, or one batch of small ones: some milliseconds of work.
const UNIT_BYTES: u64 = 8 * 1024 * 1024;
/// Files in one batch.
const UNIT_FILES: usize = 256;

/// Why a file has no hashes.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct HashProblem {
    /// The file, relative to the root.
    pub path: String,
    /// What is wrong with it.
    pub reason: HashReason,
}

/// What is wrong with a file that should be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashReason {
    /// It could not be opened or read.
    #[error("{}", words(.0))]
    Io(#[source] io::Error),
    /// A folder, device or pipe lies in its place.
    #[error("is not a plain file")]
    NotAFile,
    /// It has another size than it should have.
    #[error("has {found_bytes} bytes instead of {expected_bytes}")]
    Size {
        /// The size that was listed.
        expected_bytes: u64,
        /// The size when it was opened.
        found_bytes: u64,
    },
    /// It was written to in the meantime.
    #[error("changed while it was read")]
    Changed,
}

/// What a deep check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeepResult {
    /// Files with blocks that do not match, in order of the manifest.
    pub damaged: Vec<DamagedFile>,
    /// Files that could not be read to their end, or changed meanwhile, in order of the manifest.
    pub unreadable: Vec<UnreadableFile>,
    /// Selected files whose hashes were lost, so that nothing could be proven.
    pub without_hashes: u64,
}

/// Hashes whole files and their blocks, for recording. Results stand in the order of `files`.
///
/// A file of one block is hashed once; an empty file has the hash of nothing and no blocks. Progress counts
/// bytes and files of the phase `Hashing`.
pub fn hash_files(
    root: &Path,
    files: &[FileEntry<'_>],
    block_size: BlockSize,
    work: &Work,
) -> Result<Vec<Result<FileHashes, HashProblem>>, Cancelled> {
    work.begin("Hashing", files.len() as u64, files.iter().map(|f| f.size_bytes).sum());
    let hashed = hash(root, files, block_size, HashWhat::FileAndBlocks, None, work)?;
    Ok(hashed.into_iter().map(|result| result.map(Hashed::into_file_hashes)).collect())
}

/// Hashes the blocks of files, which all cores can do even for a single file. Results stand in the order of
/// `files`. Progress counts bytes and files of the phase `Hashing`.
pub fn hash_blocks(
    root: &Path,
    files: &[FileEntry<'_>],
    block_size: BlockSize,
    work: &Work,
) -> Result<Vec<Result<Vec<Sha256Digest>, HashProblem>>, Cancelled> {
    work.begin("Hashing", files.len() as u64, files.iter().map(|f| f.size_bytes).sum());
    let hashed = hash(root, files, block_size, HashWhat::Blocks, None, work)?;
    Ok(hashed.into_iter().map(|result| result.map(|h| h.blocks)).collect())
}

/// Compares the contents below `root` with the hashes in `manifest`, for the files numbered in `selection`.
///
/// Progress counts bytes and files of the phase `Checking contents`.
pub fn verify_blocks(
    root: &Path,
    manifest: &Manifest,
    selection: impl IntoIterator<Item = usize>,
    work: &Work,
) -> Result<DeepResult, Cancelled> {
    verify_blocks_on(root, manifest, selection, None, work)
}

/// As [`verify_blocks`], and marks on `board`, which is as long as the package has blocks, how far each block is:
/// checking, verified, corrupt. Blocks of files that are not in the selection stay as they are.
pub fn verify_blocks_on(
    root: &Path,
    manifest: &Manifest,
    selection: impl IntoIterator<Item = usize>,
    board: Option<&BlockBoard>,
    work: &Work,
) -> Result<DeepResult, Cancelled> {
    let mut result = DeepResult::default();
    let (mut files, mut recorded, mut first) = (Vec::new(), Vec::new(), Vec::new());
    let first_blocks = if board.is_some() { manifest.first_blocks() } else { Vec::new() };
    for (index, entry) in selection.into_iter().filter_map(|index| Some((index, manifest.get(index)?))) {
        match entry.hashes {
            Some(hashes) => {
                files.push(FileEntry { path: entry.path, size_bytes: entry.size_bytes });
                recorded.push(hashes);
                first.extend(first_blocks.get(index));
            }
            None => result.without_hashes += 1,
        }
    }
    work.begin("Checking contents", files.len() as u64, files.iter().map(|f| f.size_bytes).sum());
    let watched = board.map(|board| Watched::new(board, first, &recorded));
    let hashed = hash(root, &files, manifest.block_size(), HashWhat::Blocks, watched.as_ref(), work)?;
    for (place, ((file, recorded), found)) in files.iter().zip(&recorded).zip(hashed).enumerate() {
        let found = match found {
            Ok(hashed) => hashed.blocks,
            Err(problem) => {
                if let Some(watched) = &watched {
                    watched.unreadable(place, manifest.block_size().blocks_in(file.size_bytes));
                }
                let reason = problem.reason.to_string();
                result.unreadable.push(UnreadableFile { path: problem.path, reason });
                continue;
            }
        };
        let blocks: Vec<u64> = (0..)
            .zip(&found)
            .filter(|(n, hash)| recorded.blocks.get(*n) != Some(hash))
            .map(|(n, _)| n as u64)
            .collect();
        if !blocks.is_empty() {
            result.damaged.push(DamagedFile {
                path: file.path.to_owned(),
                size_bytes: file.size_bytes,
                blocks,
                found: digest_of_blocks(&found),
            });
        }
    }
    Ok(result)
}

/// SHA-256 over block hashes one after another: names the content that was found.
pub fn digest_of_blocks(blocks: &[Sha256Digest]) -> Sha256Digest {
    let mut hasher = Sha256::new();
    for block in blocks {
        hasher.update(block.as_bytes());
    }
    Sha256Digest::finish(hasher)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HashWhat {
    Blocks,
    FileAndBlocks,
}

/// What a worker takes at once.
pub(crate) enum Unit {
    /// Files of one block or none; places in the order of work.
    Small(Range<usize>),
    /// Blocks of a file of several.
    Blocks(usize, Range<u64>),
    /// The whole-file hash of a file of several blocks.
    Whole(usize),
}

/// What came out of one file of a unit.
pub(crate) struct Piece {
    pub(crate) file: usize,
    pub(crate) outcome: Result<(FileStamp, Found), HashReason>,
}

pub(crate) enum Found {
    /// The file is empty or one block.
    Single(Sha256Digest),
    /// Blocks from this one on.
    Blocks(u64, Vec<Sha256Digest>),
    Whole(Sha256Digest),
}

/// Hashes of one file as they come together.
#[derive(Default)]
pub(crate) struct Hashed {
    stamp: Option<FileStamp>,
    whole: Option<Sha256Digest>,
    blocks: Vec<Sha256Digest>,
}

impl Hashed {
    pub(crate) fn into_file_hashes(self) -> FileHashes {
        FileHashes { file: self.whole.unwrap_or_default(), blocks: self.blocks }
    }

    /// Takes a piece in; one that saw another state of the file than the pieces before is refused.
    fn add(
        &mut self,
        file: &FileEntry<'_>,
        size: BlockSize,
        stamp: FileStamp,
        found: Found,
    ) -> Result<(), HashReason> {
        if *self.stamp.get_or_insert(stamp) != stamp {
            return Err(HashReason::Changed);
        }
        match found {
            Found::Single(hash) => {
                self.whole = Some(hash);
                if file.size_bytes > 0 {
                    self.blocks = vec![hash];
                }
            }
            Found::Whole(hash) => self.whole = Some(hash),
            Found::Blocks(first, hashes) => {
                if self.blocks.is_empty() {
                    self.blocks = vec![Sha256Digest::default(); size.blocks_in(file.size_bytes) as usize];
                }
                self.blocks[first as usize..][..hashes.len()].copy_from_slice(&hashes);
            }
        }
        Ok(())
    }
}

/// Puts the pieces of all workers together, file by file.
pub(crate) fn gather(
    files: &[FileEntry<'_>],
    size: BlockSize,
    pieces: impl Iterator<Item = Piece>,
) -> Vec<Result<Hashed, HashProblem>> {
    let mut hashed: Vec<Result<Hashed, HashProblem>> = files.iter().map(|_| Ok(Hashed::default())).collect();
    for Piece { file, outcome } in pieces {
        let Ok(so_far) = &mut hashed[file] else { continue };
        let added = outcome.and_then(|(stamp, found)| so_far.add(&files[file], size, stamp, found));
        if let Err(reason) = added {
            hashed[file] = Err(HashProblem { path: files[file].path.to_owned(), reason });
        }
    }
    hashed
}

fn hash(
    root: &Path,
    files: &[FileEntry<'_>],
    size: BlockSize,
    what: HashWhat,
    watched: Option<&Watched<'_>>,
    work: &Work,
) -> Result<Vec<Result<Hashed, HashProblem>>, Cancelled> {
    let root = match Root::open(root) {
        Ok(root) => root,
        Err(error) => return Ok(files.iter().map(|f| Err(same_problem(f.path, &error))).collect()),
    };
    let (order, mut units) = units(files, size, what);
    units.reverse();
    let workers = work_through(
        units,
        || (PageBuffer::default(), Vec::new()),
        |(buffer, pieces), unit, queue| {
            let mut reader = Reader { root: &root, size, work, watched, buffer };
            if reader.unit(files, &order, unit, what, pieces).is_err() {
                queue.stop();
            }
        },
    );
    work.check()?;
    Ok(gather(files, size, workers.into_iter().flat_map(|(_, pieces)| pieces)))
}

fn same_problem(path: &str, error: &io::Error) -> HashProblem {
    let again = io::Error::new(error.kind(), words(error));
    HashProblem { path: path.to_owned(), reason: HashReason::Io(again) }
}

/// Cuts the work: files of several blocks first, the longest before all, then the others in batches.
pub(crate) fn units(files: &[FileEntry<'_>], size: BlockSize, what: HashWhat) -> (Vec<usize>, Vec<Unit>) {
    let (mut large, small): (Vec<usize>, Vec<usize>) =
        (0..files.len()).partition(|&i| files[i].size_bytes > size.bytes());
    large.sort_by_key(|&i| std::cmp::Reverse(files[i].size_bytes));
    let mut units = Vec::new();
    for file in large {
        if what == HashWhat::FileAndBlocks {
            units.push(Unit::Whole(file));
        }
        units.extend(block_ranges(size, files[file].size_bytes).map(|range| Unit::Blocks(file, range)));
    }
    let (mut start, mut bytes) = (0, 0u64);
    for (at, &file) in small.iter().enumerate() {
        bytes += files[file].size_bytes;
        if bytes >= UNIT_BYTES || at - start + 1 >= UNIT_FILES || at + 1 == small.len() {
            units.push(Unit::Small(start..at + 1));
            (start, bytes) = (at + 1, 0);
        }
    }
    (small, units)
}

/// Ranges of blocks of about [`UNIT_BYTES`] that cover a file.
pub(crate) fn block_ranges(size: BlockSize, size_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    let (blocks, step) = (size.blocks_in(size_bytes), (UNIT_BYTES / size.bytes()).max(1));
    (0..blocks).step_by(step as usize).map(move |first| first..(first + step).min(blocks))
}

/// Why reading ended early.
enum Stop {
    Cancelled,
    Reason(HashReason),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Reason(HashReason::Io(error))
    }
}

impl From<RangeStop> for Stop {
    fn from(stop: RangeStop) -> Self {
        match stop {
            RangeStop::Cancelled => Self::Cancelled,
            // The file is shorter than when it was opened.
            RangeStop::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Reason(HashReason::Changed)
            }
            RangeStop::Io(error) => error.into(),
        }
    }
}

/// Reads and hashes for one worker.
pub(crate) struct Reader<'a> {
    pub(crate) root: &'a Root,
    pub(crate) size: BlockSize,
    pub(crate) work: &'a Work,
    /// Who wants to see each block, in a deep check.
    pub(crate) watched: Option<&'a Watched<'a>>,
    pub(crate) buffer: &'a mut PageBuffer,
}

impl Reader<'_> {
    pub(crate) fn unit(
        &mut self,
        files: &[FileEntry<'_>],
        order: &[usize],
        unit: Unit,
        what: HashWhat,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), Cancelled> {
        match unit {
            Unit::Small(places) => {
                for &file in &order[places] {
                    let FileEntry { path, size_bytes } = files[file];
                    self.show(|watched| watched.checking(file, 0, size_bytes));
                    let found = self.open(path, size_bytes).and_then(|(mut open, facts)| {
                        self.single(&mut open, size_bytes, &facts).map(|f| (facts.stamp, f))
                    });
                    if let Ok((_, Found::Single(hash))) = &found
                        && size_bytes > 0
                    {
                        self.show(|watched| watched.hashed(file, 0, hash));
                    }
                    self.work.add_files(1);
                    pieces.push(Piece { file, outcome: outcome(found)? });
                }
            }
            Unit::Blocks(file, range) => {
                let FileEntry { path, size_bytes } = files[file];
                let last = range.end == self.size.blocks_in(size_bytes);
                let counts = what == HashWhat::Blocks;
                let found = self.open(path, size_bytes).and_then(|(mut open, facts)| {
                    self.blocks(file, &mut open, range, &facts, counts).map(|f| (facts.stamp, f))
                });
                if counts && last {
                    self.work.add_files(1);
                }
                pieces.push(Piece { file, outcome: outcome(found)? });
            }
            Unit::Whole(file) => {
                let FileEntry { path, size_bytes } = files[file];
                let found = self.open(path, size_bytes).and_then(|(mut open, facts)| {
                    let mut hasher = Sha256::new();
                    self.feed(&mut open, 0..size_bytes, true, |bytes| hasher.update(bytes))?;
                    unchanged(&open, &facts)?;
                    Ok((facts.stamp, Found::Whole(Sha256Digest::finish(hasher))))
                });
                self.work.add_files(1);
                pieces.push(Piece { file, outcome: outcome(found)? });
            }
        }
        Ok(())
    }

    fn show(&self, tell: impl FnOnce(&Watched<'_>)) {
        if let Some(watched) = self.watched {
            tell(watched);
        }
    }

    /// Opens a file and makes sure that it is one, of the size it should have.
    fn open(&self, path: &str, expected_bytes: u64) -> Result<(File, Facts), Stop> {
        let file = self.root.open_file(path, false)?;
        let facts = Facts::of_file(&file)?;
        if facts.kind != Kind::File {
            return Err(Stop::Reason(HashReason::NotAFile));
        }
        if facts.size_bytes != expected_bytes {
            let found_bytes = facts.size_bytes;
            return Err(Stop::Reason(HashReason::Size { expected_bytes, found_bytes }));
        }
        if expected_bytes > UNIT_BYTES / 8 {
            read_ahead(&file);
        }
        Ok((file, facts))
    }

    fn single(&mut self, file: &mut File, size_bytes: u64, facts: &Facts) -> Result<Found, Stop> {
        let mut hasher = Sha256::new();
        self.feed(file, 0..size_bytes, true, |bytes| hasher.update(bytes))?;
        unchanged(file, facts)?;
        Ok(Found::Single(Sha256Digest::finish(hasher)))
    }

    fn blocks(
        &mut self,
        number: usize,
        file: &mut File,
        range: Range<u64>,
        facts: &Facts,
        counts: bool,
    ) -> Result<Found, Stop> {
        let blocks: Vec<u64> = range.clone().collect();
        let mut hashes = Vec::with_capacity(blocks.len());
        for some in blocks.chunks(LANES) {
            let ranges: Vec<Range<u64>> =
                some.iter().map(|block| self.size.range(*block, facts.size_bytes)).collect();
            for (block, bytes) in some.iter().zip(&ranges) {
                self.show(|watched| watched.checking(number, *block, bytes.end - bytes.start));
            }
            let work = self.work;
            let counted = |_: usize, bytes: &[u8]| {
                if counts {
                    work.add_bytes(bytes.len() as u64);
                }
            };
            let found = hash_ranges(file, &ranges, self.buffer, |bytes| work.pace(bytes), counted)?;
            for (block, hash) in some.iter().zip(&found) {
                self.show(|watched| watched.hashed(number, *block, hash));
            }
            hashes.extend(found);
        }
        unchanged(file, facts)?;
        Ok(Found::Blocks(range.start, hashes))
    }

    /// Hands the bytes of `range` to `take`, a buffer at a time.
    fn feed(
        &mut self,
        file: &mut File,
        range: Range<u64>,
        counts: bool,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Stop> {
        file.seek(SeekFrom::Start(range.start))?;
        let mut left = range.end - range.start;
        let buffer = self.buffer.room(BUFFER_BYTES);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            self.work.pace(most as u64).map_err(|_| Stop::Cancelled)?;
            let read = match file.read(&mut buffer[..most]) {
                Ok(0) => return Err(Stop::Reason(HashReason::Changed)),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            take(&buffer[..read]);
            left -= read as u64;
            if counts {
                self.work.add_bytes(read as u64);
            }
        }
        Ok(())
    }
}

fn outcome<T>(result: Result<T, Stop>) -> Result<Result<T, HashReason>, Cancelled> {
    match result {
        Ok(found) => Ok(Ok(found)),
        Err(Stop::Reason(reason)) => Ok(Err(reason)),
        Err(Stop::Cancelled) => Err(Cancelled),
    }
}

/// A file that grew or was written to since it was opened has no hash that means anything.
fn unchanged(file: &File, before: &Facts) -> Result<(), Stop> {
    let after = Facts::of_file(file)?;
    if (after.size_bytes, after.stamp) == (before.size_bytes, before.stamp) {
        Ok(())
    } else {
        Err(Stop::Reason(HashReason::Changed))
    }
}

/// Asks for a wide window of reading ahead; a hint, so its failure means nothing.
#[cfg(target_os = "linux")]
fn read_ahead(file: &File) {
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential).ok();
}

#[cfg(not(target_os = "linux"))]
fn read_ahead(_: &File) {}
