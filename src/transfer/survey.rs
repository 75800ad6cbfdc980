//! What is already in the folder, found by hashing it on all cores.
//!
//! Owns: which bytes are read, and which need not be: holes are compared with the hash of zeros, and what a hint says is
//! believed where it matches in full. Changes nothing. Must not know the network.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::hints::Hints;
use super::plan::{Place, Plan};
use super::stamps::Looks;
use super::storage::{is_obstacle, obstacle_words};
use crate::disk::queue::work_through;
use crate::disk::ranges::{RangeStop, hash_ranges};
use crate::disk::{Facts, Kind, PageBuffer, ReadBuffer, Root, words};
use crate::package::sha256_lanes::{LANES, Sha256Lane, update_together};
use crate::package::{BlockBoard, BlockState, Sha256Digest};
use crate::work::{Cancelled, Work};

/// Blocks from this size on are shown while they are read.
const SHOWN_FROM_BYTES: u64 = 64 * 1024;
/// Bytes of one task: some milliseconds of work.
const UNIT_BYTES: u64 = 8 * 1024 * 1024;
/// Small files of one task.
const UNIT_FILES: usize = 256;
/// Names of strangers that are kept; more are only counted.
const STRANGERS_NAMED: usize = 1000;

/// What lies in the folder.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Blocks that match, or are believed to.
    pub(crate) proven: Vec<usize>,
    /// Blocks that hold something else than nothing, and do not match.
    pub(crate) corrupt: Vec<usize>,
    /// How far unproven files have come: (file, bytes).
    pub(crate) begun: Vec<(usize, u64)>,
    /// Files that are executable and should not be.
    pub(crate) wrongly_executable: Vec<usize>,
    /// Files that are longer than they should be.
    pub(crate) too_long: Vec<usize>,
    /// What keeps a file from being written, where something does: (file, why).
    pub(crate) obstacles: Vec<(usize, String)>,
    /// Files that could not be read: (file, why). Their blocks count as missing.
    pub(crate) unreadable: Vec<(usize, String)>,
    /// Files that the plan does not list.
    pub(crate) strangers: Strangers,
    /// How the files looked before they were hashed.
    pub(crate) looks: Vec<(usize, Looks)>,
    /// Bytes that were read.
    pub(crate) read_bytes: u64,
}

/// Files in the folder that nobody planned; they are reported, never deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strangers {
    /// The first of them, relative to the folder.
    pub named: Vec<String>,
    /// How many there are.
    pub count: u64,
}

enum Unit {
    /// Files of one block or none.
    Small(Range<usize>),
    /// Blocks of one file.
    Blocks(usize, Range<usize>),
}

/// Looks through the folder.
pub(crate) fn survey(
    folder: &Path,
    plan: &Plan,
    hints: Option<&Hints>,
    board: &BlockBoard,
    work: &Work,
) -> Result<Found, Cancelled> {
    work.begin("Checking", plan.files().len() as u64, plan.total_bytes());
    let root = match Root::open(folder) {
        Ok(root) => root,
        Err(error) => {
            let unreadable = vec![(0, words(&error))];
            return Ok(Found { unreadable, ..Found::default() });
        }
    };
    let zeros = Zeros::default();
    let surveyor = Surveyor { root: &root, plan, hints, board, zeros: &zeros, work };
    let mut units = units(plan);
    units.reverse();
    let workers = work_through(
        units,
        || (PageBuffer::default(), Found::default()),
        |(buffer, found), unit, queue| {
            if surveyor.unit(unit, buffer, found).is_err() {
                queue.stop();
            }
        },
    );
    work.check()?;
    let mut all = Found::default();
    for (_, found) in workers {
        all.proven.extend(found.proven);
        all.corrupt.extend(found.corrupt);
        all.begun.extend(found.begun);
        all.wrongly_executable.extend(found.wrongly_executable);
        all.too_long.extend(found.too_long);
        all.obstacles.extend(found.obstacles);
        all.unreadable.extend(found.unreadable);
        all.looks.extend(found.looks);
        all.read_bytes += found.read_bytes;
    }
    all.strangers = strangers(&root, plan, work)?;
    Ok(all)
}

/// Cuts the work: long files first, then the others in batches.
fn units(plan: &Plan) -> Vec<Unit> {
    let mut units = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, file) in plan.files().iter().enumerate() {
        let blocks = plan.blocks_of(index);
        if blocks.len() > 1 {
            let step = usize::try_from(UNIT_BYTES / file.block_bytes).unwrap_or(1).max(1);
            for first in blocks.clone().step_by(step) {
                units.push(Unit::Blocks(index, first..(first + step).min(blocks.end)));
            }
        } else {
            bytes += file.size_bytes;
        }
        // The batch holds long files too; they are passed over there.
        if bytes >= UNIT_BYTES || index + 1 - start >= UNIT_FILES || index + 1 == plan.files().len() {
            units.push(Unit::Small(start..index + 1));
            (start, bytes) = (index + 1, 0);
        }
    }
    units
}

/// The hashes of zeros, by length, computed once each.
#[derive(Default)]
struct Zeros(Mutex<HashMap<u64, Sha256Digest>>);

impl Zeros {
    fn hash(&self, size_bytes: u64) -> Sha256Digest {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&size_bytes) {
            return *known;
        }
        const PIECE: &[u8] = &[0; 4096];
        let mut lane = [Sha256Lane::default()];
        for _ in 0..size_bytes / PIECE.len() as u64 {
            update_together(&mut lane, &[PIECE]);
        }
        let hash = lane[0].finish(&PIECE[..(size_bytes % PIECE.len() as u64) as usize]);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(size_bytes, hash);
        hash
    }
}

struct Surveyor<'a> {
    root: &'a Root,
    plan: &'a Plan,
    hints: Option<&'a Hints>,
    board: &'a BlockBoard,
    zeros: &'a Zeros,
    work: &'a Work,
}

/// Why looking at a file ended early.
enum Stop {
    Cancelled,
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<RangeStop> for Stop {
    fn from(stop: RangeStop) -> Self {
        match stop {
            RangeStop::Cancelled => Self::Cancelled,
            RangeStop::Io(error) => Self::Io(error),
        }
    }
}

impl Surveyor<'_> {
    fn unit(&self, unit: Unit, buffer: &mut PageBuffer, found: &mut Found) -> Result<(), Cancelled> {
        match unit {
            Unit::Small(files) => {
                for index in files.filter(|index| self.plan.blocks_of(*index).len() <= 1) {
                    self.work.check()?;
                    self.file(index, self.plan.blocks_of(index), buffer, found)?;
                }
                Ok(())
            }
            Unit::Blocks(index, blocks) => self.file(index, blocks, buffer, found),
        }
    }

    fn file(
        &self,
        index: usize,
        blocks: Range<usize>,
        buffer: &mut PageBuffer,
        found: &mut Found,
    ) -> Result<(), Cancelled> {
        let is_first = blocks.start == self.plan.blocks_of(index).start;
        match self.look(index, blocks, is_first, buffer, found) {
            Ok(()) => {}
            Err(Stop::Cancelled) => return Err(Cancelled),
            Err(Stop::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(Stop::Io(error)) if is_first && is_obstacle(&error) => {
                found.obstacles.push((index, obstacle_words(&error)))
            }
            Err(Stop::Io(error)) if is_first => found.unreadable.push((index, words(&error))),
            Err(Stop::Io(_)) => {}
        }
        Ok(())
    }

    fn look(
        &self,
        index: usize,
        blocks: Range<usize>,
        is_first: bool,
        buffer: &mut PageBuffer,
        found: &mut Found,
    ) -> Result<(), Stop> {
        let file_plan = &self.plan.files()[index];
        let file = self.root.open_file(&file_plan.path, false)?;
        let facts = Facts::of_file(&file)?;
        if facts.kind != Kind::File {
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, "it is not a plain file").into());
        }
        found.looks.push((index, Looks::of(&facts)));
        if is_first && facts.executable && !file_plan.executable {
            found.wrongly_executable.push(index);
        }
        if is_first && facts.size_bytes > file_plan.size_bytes {
            found.too_long.push(index);
        }
        let believed = self.hints.and_then(|hints| {
            let all = self.plan.blocks_of(index).len();
            hints.believed(&file_plan.path, facts.size_bytes, facts.stamp, all)
        });
        if file_plan.is_unproven && facts.size_bytes != file_plan.size_bytes {
            found.begun.push((index, facts.size_bytes));
            return Ok(());
        }
        let first = self.plan.blocks_of(index).start;
        let mut unread = Vec::new();
        for block in blocks {
            let Some(place) = self.plan.place(block) else { continue };
            self.work.check().map_err(|_| Stop::Cancelled)?;
            if believed.is_some_and(|hint| hint.proven.get(block - first)) {
                self.tell(block, BlockState::Kept, place.size_bytes, found);
                continue;
            }
            if place.offset_bytes + place.size_bytes > facts.size_bytes {
                continue;
            }
            if is_hole(&file, &place) {
                let matches = self.zeros.hash(place.size_bytes) == place.hash;
                let state = if matches { BlockState::Kept } else { BlockState::Missing };
                self.tell(block, state, place.size_bytes, found);
            } else {
                unread.push((block, place));
            }
        }
        for some in unread.chunks(LANES) {
            self.read(&file, some, buffer, found)?;
        }
        Ok(())
    }

    fn tell(&self, block: usize, state: BlockState, size_bytes: u64, found: &mut Found) {
        match state {
            BlockState::Kept => found.proven.push(block),
            BlockState::Corrupt => found.corrupt.push(block),
            _ => {}
        }
        self.board.mark(block, state);
        self.work.add_bytes(size_bytes);
    }

    /// Reads and hashes some blocks together: each is kept, corrupt, or missing where nothing but zeros is there and
    /// something else belongs there.
    fn read(
        &self,
        file: &File,
        some: &[(usize, Place)],
        buffer: &mut PageBuffer,
        found: &mut Found,
    ) -> Result<(), Stop> {
        for (block, place) in some {
            if place.size_bytes >= SHOWN_FROM_BYTES {
                self.board.mark(*block, BlockState::Checking);
            }
        }
        let mut only_zeros = [true; LANES];
        let ranges: Vec<Range<u64>> = some.iter().map(|(_, place)| range_of(place)).collect();
        let hashes = hash_ranges(
            file,
            &ranges,
            buffer,
            |bytes| self.work.pace(bytes),
            // Ends at the first byte that is not zero: costs nothing where there is content.
            |n, bytes| only_zeros[n] = only_zeros[n] && bytes.iter().all(|byte| *byte == 0),
        )?;
        for (((block, place), hash), only_zeros) in some.iter().zip(hashes).zip(only_zeros) {
            found.read_bytes += place.size_bytes;
            let state = match (hash == place.hash, only_zeros) {
                (true, _) => BlockState::Kept,
                // Room that was asked for and never written to: nothing went wrong with it.
                (false, true) => BlockState::Missing,
                (false, false) => BlockState::Corrupt,
            };
            self.tell(*block, state, place.size_bytes, found);
        }
        Ok(())
    }
}

fn range_of(place: &Place) -> Range<u64> {
    place.offset_bytes..place.offset_bytes + place.size_bytes
}

/// Whether the block of an open file has the hash it must have. Reads all of it.
pub(crate) fn is_right(file: &File, place: &Place, work: &Work) -> io::Result<bool> {
    let mut buffer = PageBuffer::default();
    match hash_ranges(file, &[range_of(place)], &mut buffer, |bytes| work.pace(bytes), |_, _| ()) {
        Ok(hashes) => Ok(hashes == [place.hash]),
        Err(RangeStop::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(RangeStop::Io(error)) => Err(error),
        Err(RangeStop::Cancelled) => Err(io::ErrorKind::Interrupted.into()),
    }
}

/// Whether nothing was ever written where the block lies.
#[cfg(target_os = "linux")]
fn is_hole(file: &File, place: &Place) -> bool {
    use rustix::fs::{SeekFrom, seek};
    match seek(file, SeekFrom::Data(place.offset_bytes)) {
        Ok(data) => data >= place.offset_bytes + place.size_bytes,
        // No data from here to the end of the file.
        Err(rustix::io::Errno::NXIO) => true,
        Err(_) => false,
    }
}

#[cfg(not(target_os = "linux"))]
fn is_hole(_: &File, _: &Place) -> bool {
    false
}

/// Files below the folder that the plan does not list.
fn strangers(root: &Root, plan: &Plan, work: &Work) -> Result<Strangers, Cancelled> {
    let mut strangers = Strangers::default();
    each_stranger(root, plan, work, |path| {
        strangers.count += 1;
        if strangers.named.len() < STRANGERS_NAMED {
            strangers.named.push(path);
        }
    })?;
    strangers.named.sort();
    Ok(strangers)
}

/// Calls `tell` with the path of every file below the folder that the plan does not list; no link is followed.
pub(super) fn each_stranger(
    root: &Root,
    plan: &Plan,
    work: &Work,
    mut tell: impl FnMut(String),
) -> Result<(), Cancelled> {
    let mut folders = vec![String::new()];
    let mut buffer = ReadBuffer::default();
    while let Some(folder) = folders.pop() {
        work.check()?;
        let Ok(open) = root.folder(&folder, false) else { continue };
        let mut entries = Vec::new();
        // What cannot be listed cannot be named either.
        open.read(&mut buffer, |name, kind| {
            entries.push((name.map_or_else(|shown| shown, str::to_owned), kind));
        })
        .ok();
        for (name, kind) in entries {
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let kind = match kind {
                Kind::Unknown => open.facts(&name, false, false).map_or(Kind::File, |facts| facts.kind),
                kind => kind,
            };
            if kind == Kind::Folder {
                folders.push(path);
            } else if !is_planned(plan, &path) {
                tell(path);
            }
        }
    }
    Ok(())
}

fn is_planned(plan: &Plan, path: &str) -> bool {
    let file = plan.files().binary_search_by(|file| file.path.as_bytes().cmp(path.as_bytes()));
    file.is_ok() || plan.tags().iter().any(|tag| tag.path == path)
}
