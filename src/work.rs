//! One piece of long work: how far it is, whether it was cancelled, whether it stands still, and how fast it may go.
//!
//! Shared by the one who works and the one who watches. Owns counters and the control over them; it knows no room and
//! starts nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Under a rate limit no more than this is saved up while nothing is read.
const SAVED_UP: Duration = Duration::from_millis(100);
/// Longest time a rate limit waits without looking at the clock again.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The work was cancelled by the one who watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A handle to one piece of work; clones speak of the same work.
#[derive(Clone, Debug, Default)]
pub struct Work {
    shared: Arc<Shared>,
    control: Arc<Control>,
    /// The work this is a part of: bytes count there too.
    whole: Option<Arc<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    done_bytes: AtomicU64,
    total_bytes: AtomicU64,
    done_files: AtomicU64,
    total_files: AtomicU64,
    done_packages: AtomicU64,
    total_packages: AtomicU64,
    phase: Mutex<&'static str>,
    subject: Mutex<Arc<str>>,
}

/// What the one who watches decides; a part of the work obeys the same as the whole.
#[derive(Debug, Default)]
struct Control {
    cancelled: AtomicBool,
    /// Whether there is anything to wait for: paused, or a limit. Asked before every read, so it must be cheap.
    held: AtomicBool,
    pace: Mutex<Pace>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pace {
    paused: bool,
    bytes_per_second: Option<u64>,
    /// When the bytes taken so far are paid for.
    paid_at: Option<Instant>,
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
    /// Packages done, in work over several.
    pub done_packages: u64,
    /// Packages to do; 0 where the work is not over several.
    pub total_packages: u64,
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

    /// A part of this work with counters of its own: it begins phases of its own, and its bytes count in the whole as
    /// well. Cancelling, pausing and the rate are one for both.
    pub fn part(&self) -> Self {
        Self {
            shared: Arc::default(),
            control: Arc::clone(&self.control),
            whole: Some(Arc::clone(&self.shared)),
        }
    }

    /// Counts bytes that were done.
    pub fn add_bytes(&self, bytes: u64) {
        self.shared.done_bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.done_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Counts files that were done.
    pub fn add_files(&self, files: u64) {
        self.shared.done_files.fetch_add(files, Ordering::Relaxed);
    }

    /// Says how much of this phase is done, where that is known better than by counting.
    pub fn set_done(&self, files: u64, bytes: u64) {
        self.shared.done_files.store(files, Ordering::Relaxed);
        self.shared.done_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Says how many packages of how many are done, in work over several.
    pub fn set_packages(&self, done: u64, total: u64) {
        self.shared.done_packages.store(done, Ordering::Relaxed);
        self.shared.total_packages.store(total, Ordering::Relaxed);
    }

    /// Names what is being worked on now: a package.
    pub fn set_subject(&self, subject: &str) {
        *self.shared.subject.lock().unwrap_or_else(PoisonError::into_inner) = Arc::from(subject);
    }

    /// What is being worked on now; empty if nothing was named.
    pub fn subject(&self) -> Arc<str> {
        Arc::clone(&self.shared.subject.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the work to stop at the next good moment; also wakes it if it is paused.
    pub fn cancel(&self) {
        self.control.cancelled.store(true, Ordering::Relaxed);
        // Taken, so that nobody goes to sleep between looking and being woken.
        drop(self.control.lock());
        self.control.changed.notify_all();
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.control.cancelled.load(Ordering::Relaxed)
    }

    /// An error if it was asked to stop; the worker calls this between two pieces.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Lets the work stand still where it reads contents, until [`Work::resume`] or [`Work::cancel`].
    pub fn pause(&self) {
        self.control.set(|pace| pace.paused = true);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.control.set(|pace| {
            pace.paused = false;
            pace.paid_at = None;
        });
    }

    /// Whether it stands still.
    pub fn is_paused(&self) -> bool {
        self.control.lock().paused
    }

    /// Limits how many bytes of contents are read a second; `None` or 0 for no limit. Takes effect at once.
    pub fn set_rate(&self, bytes_per_second: Option<u64>) {
        self.control.set(|pace| {
            pace.bytes_per_second = bytes_per_second.filter(|rate| *rate > 0);
            pace.paid_at = None;
        });
    }

    /// The limit, in bytes a second.
    pub fn rate(&self) -> Option<u64> {
        self.control.lock().bytes_per_second
    }

    /// Called before `bytes` of contents are read: waits while the work is paused or ahead of its limit. An error if it
    /// was asked to stop.
    pub fn pace(&self, bytes: u64) -> Result<(), Cancelled> {
        self.check()?;
        if self.control.held.load(Ordering::Acquire) { self.control.wait(bytes) } else { Ok(()) }
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
            done_packages: shared.done_packages.load(Ordering::Relaxed),
            total_packages: shared.total_packages.load(Ordering::Relaxed),
        }
    }
}

impl Control {
    fn lock(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut Pace)) {
        let mut pace = self.lock();
        change(&mut pace);
        self.held.store(pace.paused || pace.bytes_per_second.is_some(), Ordering::Release);
        drop(pace);
        self.changed.notify_all();
    }

    fn wait(&self, bytes: u64) -> Result<(), Cancelled> {
        let mut pace = self.lock();
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Cancelled);
            }
            if pace.paused {
                pace = self.changed.wait(pace).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let Some(rate) = pace.bytes_per_second else { return Ok(()) };
            let now = Instant::now();
            let paid_at = pace.paid_at.unwrap_or(now);
            if paid_at <= now {
                // What was not used for a while does not allow a rush.
                let from = now.checked_sub(SAVED_UP).map_or(paid_at, |earliest| paid_at.max(earliest));
                let costs = Duration::from_secs_f64(bytes as f64 / rate as f64);
                pace.paid_at = from.checked_add(costs.min(LONGEST_WAIT));
                return Ok(());
            }
            let wait = (paid_at - now).min(LONGEST_WAIT);
            pace = self.changed.wait_timeout(pace, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Runs one `pace` in a thread; the receiver hears of its end.
    fn pace_elsewhere(work: &Work, bytes: u64) -> mpsc::Receiver<Result<(), Cancelled>> {
        let (ended, end) = mpsc::channel();
        let work = work.clone();
        std::thread::spawn(move || ended.send(work.pace(bytes)));
        end
    }

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(50);

    #[test]
    fn paused_work_waits_and_goes_on_or_is_cancelled() {
        let work = Work::new();
        work.pause();
        let end = pace_elsewhere(&work.part(), 1);
        assert!(end.recv_timeout(SHORT).is_err() && work.is_paused());
        work.resume();
        assert_eq!(end.recv_timeout(LONG), Ok(Ok(())));
        work.pause();
        let end = pace_elsewhere(&work, 1);
        work.cancel();
        assert_eq!(end.recv_timeout(LONG), Ok(Err(Cancelled)));
    }

    #[test]
    fn a_limit_holds_and_a_new_one_counts_at_once() {
        let work = Work::new();
        work.set_rate(Some(1000));
        let began = Instant::now();
        for _ in 0..4 {
            work.pace(100).expect("nobody cancels");
        }
        assert!(began.elapsed() >= Duration::from_millis(290), "four reads of a tenth of a second each");
        work.set_rate(Some(1));
        work.pace(1_000_000).expect("the first read is paid afterwards");
        let end = pace_elsewhere(&work, 1);
        assert!(end.recv_timeout(SHORT).is_err(), "a million seconds are to be waited for");
        work.set_rate(None);
        assert_eq!(end.recv_timeout(LONG), Ok(Ok(())));
    }

    #[test]
    fn a_part_counts_in_the_whole_and_begins_phases_of_its_own() {
        let whole = Work::new();
        whole.begin("Checking packages", 2, 100);
        let part = whole.part();
        part.begin("Checking contents", 1, 40);
        part.add_bytes(30);
        assert_eq!((whole.progress().done_bytes, part.progress().done_bytes), (30, 30));
        assert_eq!((whole.progress().phase, whole.progress().total_bytes), ("Checking packages", 100));
        part.cancel();
        assert!(whole.is_cancelled());
    }
}
