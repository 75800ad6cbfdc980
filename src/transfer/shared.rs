//! What the parts of one running transfer share: the desk, the ways to wake each other, the folder.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::http::Web;
use crossbeam_channel::Sender;
use tokio::sync::watch;

use super::clock::Clock;
use super::desk::{Desk, Moment};
use super::plan::Plan;
use super::stamps::Stamps;
use super::state::DownloadState;
use super::storage::Storage;
use super::throttle::Throttle;
use super::verified::BufferPool;
use super::{prover, writer};
use crate::package::BlockBoard;

/// Called when there is something new to look at; may be called from any thread, and must return at once.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Between two calls of the waker while only bytes arrive.
const WAKE_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Shared {
    pub(crate) plan: Arc<Plan>,
    pub(crate) board: Arc<BlockBoard>,
    pub(crate) desk: Mutex<Desk>,
    /// Told of every change that is more than arriving bytes.
    pub(crate) changed: Condvar,
    /// Rises when a connection that waits may find work.
    pub(crate) kick: watch::Sender<u64>,
    /// Rises when whoever fetches must let go at once.
    pub(crate) halt: watch::Sender<u64>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) waker: Waker,
    pub(crate) woken_at: Mutex<Duration>,
    pub(crate) throttle: Throttle,
    pub(crate) pool: Arc<BufferPool>,
    pub(crate) web: Web,
    pub(crate) prover: Sender<prover::Message>,
    pub(crate) writer: Sender<writer::Message>,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) stamps: Stamps,
}

impl Shared {
    pub(crate) fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), wall: self.clock.wall() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Speaks with the desk, and wakes those who look where something changed.
    pub(crate) fn with<T>(&self, speak: impl FnOnce(&mut Desk, Moment) -> T) -> T {
        let at = self.moment();
        let mut desk = self.lock();
        let (before, state) = (desk.version, desk.state);
        let said = speak(&mut desk, at);
        let (after, new_state) = (desk.version, desk.state);
        drop(desk);
        if after != before {
            self.changed.notify_all();
            self.wake(state != new_state, at.now);
            // Whoever wrote or fetched must not go on with what cannot be kept.
            let stops =
                matches!(new_state, DownloadState::Paused | DownloadState::Invalid | DownloadState::Retrying);
            if state != new_state && stops {
                self.halt.send_modify(|count| *count += 1);
            }
        }
        said
    }

    /// As [`Shared::with`], and lets waiting connections look for work.
    pub(crate) fn with_kick<T>(&self, speak: impl FnOnce(&mut Desk, Moment) -> T) -> T {
        let said = self.with(speak);
        self.kick.send_modify(|count| *count += 1);
        said
    }

    /// Bytes arrived from `codebase`: counted, and nobody is woken for it more often than can be seen.
    pub(crate) fn received(&self, codebase: usize, bytes: u64) {
        let at = self.moment();
        self.lock().received(codebase, bytes, at);
        self.wake(false, at.now);
    }

    fn wake(&self, at_once: bool, now: Duration) {
        let mut woken = self.woken_at.lock().unwrap_or_else(PoisonError::into_inner);
        if at_once || now.saturating_sub(*woken) >= WAKE_EVERY {
            *woken = now;
            drop(woken);
            (self.waker)();
        }
    }
}
