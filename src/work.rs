//! One piece of long work: how far it is, and whether it was cancelled.
//!
//! Shared by the one who works and the one who watches. Owns counters only; it knows no room and starts nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The work was cancelled by the one who watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A handle to one piece of work; clones speak of the same work.
#[derive(Clone, Debug, Default)]
pub struct Work {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    done_bytes: AtomicU64,
    total_bytes: AtomicU64,
    done_files: AtomicU64,
    total_files: AtomicU64,
    cancelled: AtomicBool,
    phase: Mutex<&'static str>,
}

/// How far a piece of work is, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done now: `Copying`, `Hashing`.
    pub phase: &'static str,
    /// Bytes done in this phase.
    pub done_bytes: u64,
    /// Bytes to do in this phase; 0 while not known.
    pub total_bytes: u64,
    /// Files done in this phase.
    pub done_files: u64,
    /// Files to do in this phase; 0 while not known.
    pub total_files: u64,
}

impl Progress {
    /// The part that is done, 0 to 1; by bytes where they are known, else by files; `None` while neither is.
    pub fn fraction(&self) -> Option<f32> {
        let (done, total) = if self.total_bytes > 0 {
            (self.done_bytes, self.total_bytes)
        } else {
            (self.done_files, self.total_files)
        };
        (total > 0).then(|| (done as f64 / total as f64).min(1.0) as f32)
    }
}

impl Work {
    /// Work that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a phase: counters start again, with what is to do in it (0 for not known).
    pub fn begin(&self, phase: &'static str, total_files: u64, total_bytes: u64) {
        let shared = &self.shared;
        let mut current = shared.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *current = phase;
        shared.done_bytes.store(0, Ordering::Relaxed);
        shared.done_files.store(0, Ordering::Relaxed);
        shared.total_bytes.store(total_bytes, Ordering::Relaxed);
        shared.total_files.store(total_files, Ordering::Relaxed);
    }

    /// Counts bytes that were done.
    pub fn add_bytes(&self, bytes: u64) {
        self.shared.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts files that were done.
    pub fn add_files(&self, files: u64) {
        self.shared.done_files.fetch_add(files, Ordering::Relaxed);
    }

    /// Asks the work to stop at the next good moment.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    /// An error if it was asked to stop; the worker calls this between two pieces.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// How far it is now.
    pub fn progress(&self) -> Progress {
        let shared = &self.shared;
        let phase = *shared.phase.lock().unwrap_or_else(PoisonError::into_inner);
        Progress {
            phase,
            done_bytes: shared.done_bytes.load(Ordering::Relaxed),
            total_bytes: shared.total_bytes.load(Ordering::Relaxed),
            done_files: shared.done_files.load(Ordering::Relaxed),
            total_files: shared.total_files.load(Ordering::Relaxed),
        }
    }
}
