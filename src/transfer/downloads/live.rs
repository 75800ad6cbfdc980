//! A download that has an engine in this program, or had one: everything a page of details shows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::NewSnapshot;
use crate::package::{BlockBoard, BlockMap};
use crate::transfer::{BlockNote, Event, Transfer, TransferStatus};

/// How far back rates are kept.
const RATES_KEPT: Duration = Duration::from_secs(300);
/// Rates that are kept: one a second.
const RATES_MOST: usize = 300;
/// Events of earlier engines of the same download that are kept.
const EARLIER_EVENTS_MOST: usize = 500;

/// A download that has an engine in this program, or had one. Clones speak of the same one.
#[derive(Clone)]
pub struct LiveDownload {
    shared: Arc<Shared>,
}

struct Shared {
    transfer: Arc<Transfer>,
    map: OnceLock<Option<Arc<BlockMap>>>,
    rates: Mutex<Rates>,
    events: Mutex<Vec<Event>>,
    taken_anew: Option<NewSnapshot>,
}

#[derive(Default)]
struct Rates {
    last: Option<(Instant, u64)>,
    kept: VecDeque<(Instant, u64)>,
}

impl std::fmt::Debug for LiveDownload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveDownload").field("folder", &self.shared.transfer.folder()).finish_non_exhaustive()
    }
}

impl LiveDownload {
    /// `earlier` is what went before: its events and rates go on. `taken_anew` is the snapshot, where it is another one
    /// than before.
    pub(super) fn new(
        transfer: Transfer,
        before: Vec<Event>,
        earlier: Option<&Self>,
        taken_anew: Option<NewSnapshot>,
    ) -> Self {
        let mut events = earlier.map(Self::events).unwrap_or_default();
        events.extend(before);
        let surplus = events.len().saturating_sub(EARLIER_EVENTS_MOST);
        events.drain(..surplus);
        let kept = earlier.map(|earlier| earlier.lock_rates().kept.clone()).unwrap_or_default();
        let shared = Shared {
            transfer: Arc::new(transfer),
            map: OnceLock::new(),
            rates: Mutex::new(Rates { last: None, kept }),
            events: Mutex::new(events),
            taken_anew,
        };
        Self { shared: Arc::new(shared) }
    }

    /// What is new of its snapshot, where it was published anew and taken.
    pub fn taken_anew(&self) -> Option<&NewSnapshot> {
        self.shared.taken_anew.as_ref()
    }

    /// The state of every block.
    pub fn board(&self) -> Arc<BlockBoard> {
        self.shared.transfer.board()
    }

    /// Which block is which; `None` where there are more than can be shown.
    pub fn map(&self) -> Option<Arc<BlockMap>> {
        let map = || self.shared.transfer.plan().block_map().map(Arc::new);
        self.shared.map.get_or_init(map).clone()
    }

    /// How it stands, its codebases among the rest.
    pub fn status(&self) -> TransferStatus {
        self.shared.transfer.status()
    }

    /// What happened to a block that had trouble; nothing for one that came right at once.
    pub fn notes(&self, block: usize) -> Vec<BlockNote> {
        self.shared.transfer.notes(block)
    }

    /// What happened, oldest first.
    pub fn events(&self) -> Vec<Event> {
        let mut events = self.shared.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        events.extend(self.shared.transfer.events());
        // What is noted from outside while it runs has its place among the others.
        events.sort_by_key(|event| event.at);
        events
    }

    /// How fast bytes arrived, oldest first: (seconds ago, bytes a second), one a second, of the last five minutes.
    pub fn rates(&self) -> Vec<(f32, u64)> {
        let now = Instant::now();
        let rates = self.lock_rates();
        let recent = rates.kept.iter().map(|(at, rate)| (now.saturating_duration_since(*at), *rate));
        recent.filter(|(age, _)| *age <= RATES_KEPT).map(|(age, rate)| (age.as_secs_f32(), rate)).collect()
    }

    pub(super) fn transfer(&self) -> &Arc<Transfer> {
        &self.shared.transfer
    }

    /// Adds to what happened.
    pub(super) fn note(&self, event: Event) {
        let mut events = self.shared.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() < EARLIER_EVENTS_MOST {
            events.push(event);
        }
    }

    /// Takes note of how much has arrived until now; to be called about once a second.
    pub(super) fn measure(&self, received_bytes: u64, now: Instant) {
        let mut rates = self.lock_rates();
        let Some((at, before)) = rates.last else {
            rates.last = Some((now, received_bytes));
            return;
        };
        let seconds = now.saturating_duration_since(at).as_secs_f64();
        if seconds < 0.95 {
            return;
        }
        let rate = (received_bytes.saturating_sub(before) as f64 / seconds) as u64;
        rates.last = Some((now, received_bytes));
        if rates.kept.len() >= RATES_MOST {
            rates.kept.pop_front();
        }
        rates.kept.push_back((now, rate));
    }

    fn lock_rates(&self) -> std::sync::MutexGuard<'_, Rates> {
        self.shared.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
