//! Brings what was written to the disk, and only then says that a block is there.
//!
//! After a failed sync the system may have thrown away what was written, and the next sync would say that all is well:
//! so every block of that file that was begun before the failure was known is missing again.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::Receiver;

use super::{FILES_FOR_ALL, Message};
use crate::package::BlockState;
use crate::transfer::shared::Shared;
use crate::transfer::storage::StoredFile;
use crate::transfer::survey;
use crate::transfer::verified::Origin;
use crate::work::Work;

/// A block that was written.
pub(super) struct Written {
    pub(super) block: usize,
    pub(super) file: usize,
    pub(super) origin: Origin,
    /// The number of its write.
    pub(super) sequence: u64,
}

pub(super) enum SyncJob {
    Blocks { written: Vec<Written>, files: HashMap<usize, Option<Arc<dyn StoredFile>>> },
    Whole { file: usize, handle: Arc<dyn StoredFile> },
}

/// The syncing thread.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    jobs: Receiver<SyncJob>,
    sequence: Arc<AtomicU64>,
    /// Files whose sync failed, and the number of the last write that had begun when that was known.
    failed: HashMap<usize, u64>,
}

impl Syncer {
    pub(super) fn new(shared: Arc<Shared>, jobs: Receiver<SyncJob>, sequence: Arc<AtomicU64>) -> Self {
        Self { shared, jobs, sequence, failed: HashMap::new() }
    }

    pub(super) fn run(mut self) {
        while let Ok(job) = self.jobs.recv() {
            match job {
                SyncJob::Blocks { written, files } => self.blocks(&written, &files),
                SyncJob::Whole { file, handle } => self.whole(file, handle.as_ref()),
            }
            if self.shared.with(|desk, _| desk.begin_finishing()) {
                self.shared.writer.send(Message::Finish).ok();
            }
        }
    }

    fn blocks(&mut self, written: &[Written], files: &HashMap<usize, Option<Arc<dyn StoredFile>>>) {
        let mut error: Option<(usize, io::Error)> = None;
        let all = if files.len() >= FILES_FOR_ALL {
            self.shared.storage.sync_all()
        } else {
            Err(io::ErrorKind::Unsupported.into())
        };
        match all {
            Ok(()) => {}
            Err(refused) if refused.kind() == io::ErrorKind::Unsupported => {
                for (file, handle) in files {
                    if let Err(refused) = self.sync_one(*file, handle.as_deref()) {
                        self.failed.insert(*file, self.sequence.load(Ordering::SeqCst));
                        error = Some((*file, refused));
                    }
                }
            }
            Err(refused) => {
                // Which file it was is not said: all of them.
                let now = self.sequence.load(Ordering::SeqCst);
                self.failed.extend(files.keys().map(|file| (*file, now)));
                error = files.keys().next().map(|file| (*file, refused));
            }
        }
        let is_lost = |w: &Written| self.failed.get(&w.file).is_some_and(|last| w.sequence <= *last);
        let (lost, durable): (Vec<&Written>, Vec<&Written>) = written.iter().partition(|w| is_lost(w));
        let lost: Vec<usize> = lost.iter().map(|written| written.block).collect();
        self.shared.with(|desk, _| {
            for written in &durable {
                desk.durable(written.block, written.origin);
            }
        });
        if let Some((file, error)) = error {
            super::refused(&self.shared, file, &lost, &error);
        } else if !lost.is_empty() {
            self.shared.with_kick(|desk, _| lost.iter().for_each(|block| desk.give_back(*block)));
        }
    }

    fn sync_one(&self, file: usize, handle: Option<&dyn StoredFile>) -> io::Result<()> {
        match handle {
            Some(handle) => handle.sync(),
            None => self.shared.storage.open(&self.shared.plan.files()[file].path)?.sync(),
        }
    }

    /// Syncs an unproven file, reads it back and hashes it.
    fn whole(&mut self, file: usize, handle: &dyn StoredFile) {
        let block = self.shared.plan.blocks_of(file).start;
        self.shared.board.mark(block, BlockState::Checking);
        let checked = handle.sync().and_then(|()| {
            let place = self.shared.plan.place(block).ok_or(io::ErrorKind::NotFound)?;
            survey::is_right(handle.file(), &place, &Work::new())
        });
        match checked {
            Ok(is_right) => {
                if !is_right {
                    self.shared.writer.send(Message::Length { file, size_bytes: 0 }).ok();
                }
                self.shared.with_kick(|desk, at| desk.whole_checked(file, is_right, at));
            }
            Err(error) => super::refused(&self.shared, file, &[block], &error),
        }
    }
}
