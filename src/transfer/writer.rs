//! Puts verified blocks into place, and says so only when the disk said so.
//!
//! One thread writes, one syncs ([`sync`]), so that the disk works while the next blocks come. Owns: open files, and what
//! was written and not synced yet. Takes nothing but [`VerifiedBlock`]s, pieces of unproven files, and the plan's own tag
//! files. Must not know where bytes come from.

mod finish;
mod sync;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use self::sync::{SyncJob, Written};
use super::desk::RetryReason;
use super::error::InvalidReason;
use super::shared::Shared;
use super::storage::{StoredFile, is_full, is_obstacle, obstacle_words};
use super::verified::{Buffer, VerifiedBlock};
use crate::disk::words;

/// Bytes that are synced together.
const BATCH_BYTES: u64 = 16 * 1024 * 1024;
/// Blocks that are synced together, where they are small.
const BATCH_BLOCKS: usize = 4096;
/// What was written waits no longer than this for more, nor than that when nothing more is to come.
const BATCH_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_millis(2);
/// From so many files on, one sync of the whole file system costs less than one for each.
pub(crate) const FILES_FOR_ALL: usize = 24;
/// Files kept open for writing.
const OPEN_FILES: usize = 32;
/// Room is asked for in steps of this.
const ALLOCATE_BYTES: u64 = 64 * 1024 * 1024;

/// What the writer is told to do.
pub(crate) enum Message {
    /// Write a block.
    Block(VerifiedBlock),
    /// Write a piece of an unproven file.
    Piece { file: usize, offset_bytes: u64, buffer: Buffer },
    /// An unproven file is whole: sync it, then hash it.
    Whole(usize),
    /// Make a file so long.
    Length { file: usize, size_bytes: u64 },
    /// Everything is proven: modes, empty files, tag files.
    Finish,
    /// Files that are executable and should not be; remembered for the finish.
    WronglyExecutable(Vec<usize>),
    /// Write and sync what is there, and end.
    Stop,
}

/// The writing thread.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    messages: Receiver<Message>,
    syncs: Sender<SyncJob>,
    open: HashMap<usize, OpenFile>,
    batch: Batch,
    /// Numbers every write, before it begins.
    sequence: Arc<AtomicU64>,
    /// Folders in which files were opened.
    folders: HashSet<String>,
    wrongly_executable: Vec<usize>,
}

struct OpenFile {
    file: Arc<dyn StoredFile>,
    allocated_bytes: u64,
    used: u64,
}

/// What was written and is not synced.
#[derive(Default)]
struct Batch {
    written: Vec<Written>,
    files: HashMap<usize, Option<Arc<dyn StoredFile>>>,
    bytes: u64,
    since: Option<Instant>,
}

/// Starts both threads; they end after [`Message::Stop`].
pub(crate) fn start(
    shared: &Arc<Shared>,
    messages: Receiver<Message>,
) -> io::Result<Vec<std::thread::JoinHandle<()>>> {
    let (syncs, jobs) = crossbeam_channel::bounded(2);
    let sequence = Arc::new(AtomicU64::new(0));
    let syncer = sync::Syncer::new(Arc::clone(shared), jobs, Arc::clone(&sequence));
    let writer = Writer {
        shared: Arc::clone(shared),
        messages,
        syncs,
        open: HashMap::new(),
        batch: Batch::default(),
        sequence,
        folders: HashSet::new(),
        wrongly_executable: Vec::new(),
    };
    let syncing = std::thread::Builder::new().name("transfer-sync".into()).spawn(move || syncer.run())?;
    let writing = std::thread::Builder::new().name("transfer-write".into()).spawn(move || writer.run())?;
    Ok(vec![writing, syncing])
}

impl Writer {
    fn run(mut self) {
        loop {
            let message = match self.batch.since {
                None => self.messages.recv().ok(),
                Some(since) => {
                    let nothing_more = self.shared.lock().nothing_missing();
                    let most = if nothing_more { LAST_WAIT } else { BATCH_WAIT };
                    match self.messages.recv_timeout(most.saturating_sub(since.elapsed()).max(LAST_WAIT)) {
                        Ok(message) => Some(message),
                        Err(RecvTimeoutError::Timeout) => {
                            self.hand_over();
                            continue;
                        }
                        Err(RecvTimeoutError::Disconnected) => None,
                    }
                }
            };
            match message {
                Some(Message::Block(block)) => self.block(&block),
                Some(Message::Piece { file, offset_bytes, buffer }) => {
                    self.piece(file, offset_bytes, &buffer)
                }
                Some(Message::Whole(file)) => self.whole(file),
                Some(Message::Length { file, size_bytes }) => self.length(file, size_bytes),
                Some(Message::WronglyExecutable(files)) => self.wrongly_executable = files,
                Some(Message::Finish) => self.finish(),
                Some(Message::Stop) | None => break,
            }
            let due = self.batch.since.is_some_and(|since| since.elapsed() >= BATCH_WAIT);
            if due || self.batch.bytes >= BATCH_BYTES || self.batch.written.len() >= BATCH_BLOCKS {
                self.hand_over();
            }
        }
        self.hand_over();
    }

    /// Lets the other thread sync what was written.
    fn hand_over(&mut self) {
        let Batch { written, files, .. } = std::mem::take(&mut self.batch);
        if !written.is_empty() {
            // The other thread ends after this one.
            self.syncs.send(SyncJob::Blocks { written, files }).ok();
        }
    }

    fn block(&mut self, block: &VerifiedBlock) {
        let place = *block.place();
        let sequence = self.sequence.fetch_add(1, Ordering::SeqCst) + 1;
        let result = self.opened(place.file, place.offset_bytes + place.size_bytes).and_then(|file| {
            self.shared.stamps.before(place.file, file.file());
            file.write_at(block.bytes(), place.offset_bytes)?;
            self.shared.stamps.after(place.file, file.file(), self.length_from_the_beginning(place.file));
            Ok(file)
        });
        match result {
            Ok(file) => {
                self.batch.since.get_or_insert_with(Instant::now);
                self.batch.bytes += place.size_bytes;
                self.batch.written.push(Written {
                    block: block.block(),
                    file: place.file,
                    origin: block.origin(),
                    sequence,
                });
                // Few stay open: there are packages of 100,000 files.
                let keep = self.batch.files.len() < OPEN_FILES;
                self.batch.files.entry(place.file).or_insert_with(|| keep.then_some(file));
            }
            Err(error) => self.refused(place.file, &[block.block()], &error),
        }
    }

    fn piece(&mut self, file: usize, offset_bytes: u64, buffer: &Buffer) {
        let end = offset_bytes + buffer.bytes().len() as u64;
        if offset_bytes > self.written_bytes(file) {
            // A piece before it could not be written: this one would leave a hole.
            return;
        }
        // Its length says how far it is, so no room is asked for ahead.
        let result = self.handle(file).and_then(|open| {
            open.file.write_at(buffer.bytes(), offset_bytes)?;
            Ok(Arc::clone(&open.file))
        });
        match result {
            Ok(handle) => {
                self.shared.stamps.after(file, handle.file(), None);
                self.shared.with(|desk, _| desk.wholes.entry(file).or_default().written_bytes = end);
            }
            Err(error) => self.refused(file, &[], &error),
        }
    }

    /// How far an unproven file is.
    fn written_bytes(&self, file: usize) -> u64 {
        self.shared.lock().wholes.get(&file).map_or(0, |whole| whole.written_bytes)
    }

    fn whole(&mut self, file: usize) {
        if self.written_bytes(file) < self.shared.plan.files()[file].size_bytes {
            // Its end could not be written: no codebase is to blame, and there is nothing to hash.
            let block = self.shared.plan.blocks_of(file).start;
            self.shared.with_kick(|desk, _| desk.give_back(block));
            return;
        }
        match self.handle(file).map(|open| Arc::clone(&open.file)) {
            Ok(handle) => {
                self.syncs.send(SyncJob::Whole { file, handle }).ok();
            }
            Err(error) => {
                let block = self.shared.plan.blocks_of(file).start;
                self.refused(file, &[block], &error);
            }
        }
    }

    fn length(&mut self, file: usize, size_bytes: u64) {
        let is_final = size_bytes == self.shared.plan.files()[file].size_bytes;
        let result = self.handle(file).map(|open| Arc::clone(&open.file)).and_then(|handle| {
            handle.set_len(size_bytes)?;
            self.shared.stamps.after(file, handle.file(), Some(size_bytes));
            // What was cut off must not come back: no block of it may ever be written again.
            if is_final { handle.sync() } else { Ok(()) }
        });
        self.shared.with(|desk, _| {
            if let Some(whole) = desk.wholes.get_mut(&file) {
                whole.written_bytes = whole.written_bytes.min(size_bytes);
            }
        });
        if let Err(error) = result {
            self.refused(file, &[], &error);
        }
    }

    /// The file, long enough and with room asked for up to `end`.
    fn opened(&mut self, file: usize, end: u64) -> io::Result<Arc<dyn StoredFile>> {
        let size_bytes = self.shared.plan.files()[file].size_bytes;
        let open = self.handle(file)?;
        if end > open.allocated_bytes && size_bytes > ALLOCATE_BYTES / 64 {
            let upto = end.next_multiple_of(ALLOCATE_BYTES).min(size_bytes);
            open.file.allocate(open.allocated_bytes, upto - open.allocated_bytes);
            open.allocated_bytes = upto;
            let handle = Arc::clone(&open.file);
            self.shared.stamps.after(file, handle.file(), self.length_from_the_beginning(file));
            return Ok(handle);
        }
        Ok(Arc::clone(&open.file))
    }

    /// A file of several blocks has its length from the beginning: what is not there yet is a hole, which costs nothing to
    /// look at.
    fn length_from_the_beginning(&self, file: usize) -> Option<u64> {
        let plan = &self.shared.plan.files()[file];
        (plan.size_bytes > plan.block_bytes && !plan.is_unproven).then_some(plan.size_bytes)
    }

    fn handle(&mut self, file: usize) -> io::Result<&mut OpenFile> {
        let sequence = self.sequence.load(Ordering::Relaxed);
        if !self.open.contains_key(&file) {
            if self.open.len() >= OPEN_FILES
                && let Some(oldest) =
                    self.open.iter().min_by_key(|(_, open)| open.used).map(|(file, _)| *file)
            {
                self.open.remove(&oldest);
            }
            let plan = &self.shared.plan.files()[file];
            self.shared.storage.detach(&plan.path)?;
            let stored = self.shared.storage.open(&plan.path)?;
            if let Some((folder, _)) = plan.path.rsplit_once('/')
                && !self.folders.contains(folder)
            {
                self.folders.insert(folder.to_owned());
            }
            let length = self.length_from_the_beginning(file);
            self.shared.stamps.before(file, stored.file());
            // A new file has no stamp yet; what we do next is our own.
            if let Some(size_bytes) = length
                && stored.file().metadata()?.len() != size_bytes
            {
                stored.set_len(size_bytes)?;
            }
            self.shared.stamps.after(file, stored.file(), length);
            self.open.insert(file, OpenFile { file: stored, allocated_bytes: 0, used: sequence });
        }
        let open = self.open.get_mut(&file).ok_or(io::ErrorKind::NotFound)?;
        self.shared.stamps.before(file, open.file.file());
        open.used = sequence;
        Ok(open)
    }

    fn refused(&mut self, file: usize, blocks: &[usize], error: &io::Error) {
        self.open.remove(&file);
        refused(&self.shared, file, blocks, error);
    }
}

/// The disk refused: the blocks are missing again, and the transfer waits, or cannot go on.
fn refused(shared: &Shared, file: usize, blocks: &[usize], error: &io::Error) {
    let path = shared.plan.files().get(file).map_or_else(String::new, |file| file.path.to_string());
    shared.with_kick(|desk, at| {
        for block in blocks {
            desk.give_back(*block);
        }
        if is_obstacle(error) {
            desk.end_invalid(InvalidReason::Obstacle { path, why: obstacle_words(error) }, at);
        } else if is_full(error) {
            desk.disk_failed(RetryReason::DiskFull, at);
        } else {
            desk.disk_failed(RetryReason::Disk { path, why: words(error) }, at);
        }
    });
}
