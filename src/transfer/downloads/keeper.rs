//! The thread that keeps the downloads of a library going: whose turn it is, what is wanted of each, how it stands.
//!
//! It waits for messages, and once a second for the time while something runs. Whatever may take its time (a network, a
//! survey, a sync) happens on threads of its own that send a message when it is done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use jiff::Timestamp;

use super::begin::{self, Begun, How, NotBegun};
pub(super) use super::commands::Command;
use super::entry::{Entry, Stage, Wait, ladder_of, reason_of, row_of};
use super::home::{database_failure, with_database};
use super::row::DownloadRow;
use super::{Runs, Shared, lock, network, removing, saving};
use crate::failure::Failure;
use crate::package::PackageKey;
use crate::package::download::{DownloadId, DownloadRecord, DownloadState};
use crate::transfer::{InvalidReason, Waker};

/// Most downloads that fetch or check at once; those that wait for a network do not count.
pub const RUNNING_MOST: usize = 3;
/// Most that have an engine at once, those that wait for a network among them.
const ENGINES_MOST: usize = 12;
/// How long between two looks while something runs.
const TICK: Duration = Duration::from_secs(1);
/// How long between two looks for what other programs did.
const LOOK_ELSEWHERE: Duration = Duration::from_secs(5);
/// How often the list is made anew at most.
const BETWEEN_ROWS: Duration = Duration::from_millis(100);
/// How often the progress of a running download is saved.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Downloads that ended and whose details are kept.
const ENDED_MOST: usize = 16;
/// How long beginnings are waited for at the end; they have nothing to keep.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// What is told to the keeper.
pub(super) enum Message {
    Command(DownloadId, Command),
    /// It is new in the list, or goes on from there; whether all of its folder is to be read.
    Added(Box<DownloadRecord>, bool),
    Remove(DownloadId, bool, Sender<Result<(), Failure>>),
    Removed(DownloadId, Result<(), Failure>),
    Begun(DownloadId, Box<Result<Begun, NotBegun>>),
    Saved(DownloadId),
    Ended(DownloadId),
    Registered(DownloadId, Result<PackageKey, Failure>),
    NetworkIsBack,
    /// A transfer has something to show.
    Woken,
    Stop,
}

pub(super) struct Keeper<'k> {
    pub(super) shared: &'k Arc<Shared>,
    pub(super) entries: Vec<Entry>,
    pub(super) ended: VecDeque<DownloadId>,
    pub(super) seen_version: Option<(i64, u64)>,
    pub(super) looked: Instant,
    pub(super) published: Option<Instant>,
}

/// Runs until it is told to stop.
pub(super) fn run(shared: &Arc<Shared>, inbox: &Receiver<Message>) {
    let mut keeper = Keeper {
        shared,
        entries: Vec::new(),
        ended: VecDeque::new(),
        seen_version: None,
        looked: Instant::now(),
        published: None,
    };
    let messages = shared.messages.clone();
    // Ends with the keeper.
    let _network = network::watch(move || {
        messages.send(Message::NetworkIsBack).ok();
    });
    keeper.read_list(true);
    let mut timeout = Duration::ZERO;
    loop {
        let mut only_woken = false;
        match inbox.recv_timeout(timeout) {
            Ok(message) => {
                only_woken = true;
                for message in std::iter::once(message).chain(inbox.try_iter()) {
                    only_woken &= matches!(message, Message::Woken);
                    if matches!(message, Message::Stop) {
                        return keeper.stop(inbox);
                    }
                    keeper.hear(message);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return keeper.stop(inbox),
        }
        let since = keeper.published.map_or(BETWEEN_ROWS, |at| at.elapsed());
        if only_woken && since < BETWEEN_ROWS {
            timeout = BETWEEN_ROWS - since;
            continue;
        }
        shared.is_woken.store(false, Ordering::Release);
        if keeper.looked.elapsed() >= LOOK_ELSEWHERE {
            keeper.read_list(false);
        }
        keeper.follow();
        keeper.give_turns();
        keeper.publish();
        timeout = keeper.until_next();
    }
}

impl Keeper<'_> {
    pub(super) fn entry(&mut self, id: DownloadId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.record.id == id)
    }

    /// Reads the list, where it has changed; what runs here is told by nobody else.
    fn read_list(&mut self, is_first: bool) {
        self.looked = Instant::now();
        let before = self.seen_version;
        let read = with_database(&*self.shared.home, |catalogue| {
            let version = catalogue.data_version()?;
            if before == Some(version) {
                return Ok(None);
            }
            Ok(Some((version, catalogue.downloads()?)))
        });
        let (version, records) = match read {
            Ok(Ok(Some(read))) => read,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => {
                let failure = database_failure(&error);
                tracing::warn!(%failure, "the list of downloads cannot be read now");
                return;
            }
            Err(failure) => {
                tracing::warn!(%failure, "the list of downloads cannot be read now");
                return;
            }
        };
        // A list that could not be read at first is read again: what is in it then was there before as well.
        let is_first = is_first || before.is_none();
        self.seen_version = Some(version);
        self.entries.retain(|entry| {
            entry.is_here && entry.stage != Stage::Still
                || records.iter().any(|one| one.id == entry.record.id)
        });
        for record in records {
            match self.entries.iter_mut().find(|entry| entry.record.id == record.id) {
                Some(entry) if entry.is_here => {}
                Some(entry) => entry.record = record,
                None => {
                    let runs_here = is_first && self.shared.options.runs == Runs::All;
                    self.entries.push(Entry::new(record, runs_here));
                }
            }
        }
        self.entries.sort_by_key(|entry| (entry.record.place, entry.record.created, entry.record.id));
        if is_first && self.shared.options.runs == Runs::All {
            for at in 0..self.entries.len() {
                self.register_if_asked(at);
            }
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Command(id, command) => self.obey(id, command),
            Message::Added(record, reads_all) => self.added(*record, reads_all),
            Message::Remove(id, delete_files, reply) => match self.entry(id) {
                Some(at) => {
                    self.entries[at].removal = Some((delete_files, reply));
                    match self.entries[at].stage {
                        Stage::Still => self.remove(at),
                        Stage::Running => self.end(at),
                        // It goes on when that is over.
                        Stage::Beginning | Stage::Ending | Stage::Removing => {}
                    }
                }
                None => {
                    reply.send(Err(removing::no_such_download())).ok();
                }
            },
            Message::Removed(id, result) => self.removed(id, result),
            Message::Begun(id, begun) => self.begun(id, *begun),
            Message::Saved(id) => {
                if let Some(at) = self.entry(id) {
                    self.entries[at].is_saving = false;
                    self.entries[at].saved = Instant::now();
                }
            }
            Message::Ended(id) => self.was_ended(id),
            Message::Registered(id, result) => self.registered(id, result),
            Message::NetworkIsBack => {
                for at in 0..self.entries.len() {
                    self.network_is_back(at);
                }
            }
            Message::Woken | Message::Stop => {}
        }
    }

    /// Takes over how the transfers stand.
    fn follow(&mut self) {
        let now = Instant::now();
        for at in 0..self.entries.len() {
            if self.entries[at].stage != Stage::Running {
                continue;
            }
            let id = self.entries[at].record.id;
            let Some(live) = lock(&self.shared.live).get(&id).cloned() else { continue };
            let status = live.status();
            live.measure(status.received_bytes, now);
            let surveyed = !matches!(status.state, DownloadState::Pending | DownloadState::Checking);
            if surveyed && !self.entries[at].fetch_again.is_empty() {
                for block in std::mem::take(&mut self.entries[at].fetch_again) {
                    live.transfer().fetch_again(block);
                }
                continue;
            }
            let before = self.entries[at].record.state;
            if status.state == DownloadState::Retrying && before != DownloadState::Retrying {
                self.entries[at].stops += 1;
            }
            let sends_else = matches!(
                status.invalid,
                Some(InvalidReason::BadBlock { .. } | InvalidReason::BadFile { .. })
            );
            let entry = &mut self.entries[at];
            if status.state == DownloadState::Invalid
                && sends_else
                && entry.asked_again_for != Some(entry.snapshot)
            {
                // Perhaps it was published anew: then the new snapshot is taken, and equal blocks stay.
                entry.asked_again_for = Some(entry.snapshot);
                entry.invalid = Some(reason_of(&status));
                entry.how = How { changed_from: Some(entry.snapshot), ..How::default() };
                self.set_state(at, DownloadState::Pending, String::new());
                self.end(at);
                continue;
            }
            self.set_state(at, status.state, reason_of(&status));
            if before != self.entries[at].record.state {
                self.write(at);
            }
            if status.state.is_final() {
                self.end(at);
            } else if !self.entries[at].is_saving && self.entries[at].saved.elapsed() >= SAVE_EVERY {
                let entry = &mut self.entries[at];
                entry.is_saving = true;
                saving::save(self.shared, &entry.record, &live, entry.snapshot);
            }
        }
    }

    /// Starts what is next, and puts back what is too much.
    fn give_turns(&mut self) {
        let busy = |entries: &[Entry]| entries.iter().filter(|entry| entry.is_busy()).count();
        let engines = |entries: &[Entry]| {
            entries.iter().filter(|entry| !matches!(entry.stage, Stage::Still | Stage::Removing)).count()
        };
        // One that waited for its network came back while others had taken its turn.
        if busy(&self.entries) > RUNNING_MOST {
            let latest = self
                .entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.stage == Stage::Running && entry.is_busy())
                .max_by_key(|(_, entry)| entry.started);
            if let Some((at, _)) = latest {
                self.set_state(at, DownloadState::Pending, String::new());
                self.end(at);
            }
        }
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let waits = entry.wait.as_ref().is_some_and(|wait| wait.until > Instant::now());
            if !entry.is_wanted() || entry.stage != Stage::Still || waits {
                continue;
            }
            if busy(&self.entries) >= RUNNING_MOST || engines(&self.entries) >= ENGINES_MOST {
                if self.entries[at].wait.is_none() {
                    self.set_state(at, DownloadState::Pending, String::new());
                }
                continue;
            }
            let entry = &mut self.entries[at];
            entry.stage = Stage::Beginning;
            let mut how = std::mem::take(&mut entry.how);
            how.accepts = entry.accepts;
            let (id, waker) = (entry.record.id, self.waker());
            begin::start(self.shared, id, how, waker);
        }
    }

    fn waker(&self) -> Waker {
        let shared = Arc::downgrade(self.shared);
        Arc::new(move || {
            if let Some(shared) = shared.upgrade()
                && !shared.is_woken.swap(true, Ordering::AcqRel)
            {
                shared.send(Message::Woken);
            }
        })
    }

    fn begun(&mut self, id: DownloadId, begun: Result<Begun, NotBegun>) {
        let Some(at) = self.entry(id) else { return };
        match begun {
            Ok(Begun { record, live, snapshot }) => {
                let entry = &mut self.entries[at];
                entry.stage = Stage::Running;
                entry.invalid = None;
                entry.accepts = None;
                entry.wait = None;
                entry.snapshot = snapshot;
                entry.started = Some(Instant::now());
                entry.saved = Instant::now();
                // What was wanted meanwhile stays wanted.
                let (package, key, kept_as) = (record.package, record.key, record.kept_as);
                let (trust, size_bytes) = (record.trust, record.size_bytes);
                entry.record =
                    DownloadRecord { package, key, kept_as, trust, size_bytes, ..entry.record.clone() };
                live.transfer().set_limit(entry.record.limit_bytes_per_s);
                // Asked for meanwhile: another beginning.
                let goes_on = entry.is_wanted() && entry.how == How::default();
                self.ended.retain(|ended| *ended != id);
                lock(&self.shared.live).insert(id, live);
                if !goes_on {
                    self.end(at);
                }
            }
            Err(NotBegun { failure, is_temporary, is_elsewhere, anew }) => {
                let entry = &mut self.entries[at];
                entry.stage = Stage::Still;
                if entry.removal.is_some() {
                    return self.remove(at);
                }
                if !entry.is_wanted() {
                    return;
                }
                if let Some(anew) = anew {
                    entry.invalid = None;
                    entry.accepts = None;
                    let reason = anew.words();
                    entry.anew = Some(*anew);
                    self.set_state(at, DownloadState::Paused, reason);
                    self.write(at);
                    return;
                }
                if let Some(reason) = entry.invalid.take() {
                    // There is nothing new.
                    self.set_state(at, DownloadState::Invalid, reason);
                    self.write(at);
                    return;
                }
                if !is_temporary {
                    self.set_state(at, DownloadState::Invalid, failure.to_string());
                    self.write(at);
                    return;
                }
                let ladder = ladder_of(entry.record.ladder);
                let step = entry.failures.min(ladder.steps() - 1);
                entry.failures += 1;
                entry.wait = Some(Wait { until: Instant::now() + ladder.wait(step), step });
                let was = entry.record.state;
                self.set_state(at, DownloadState::Retrying, failure.to_string());
                if was != DownloadState::Retrying && !is_elsewhere {
                    self.entries[at].stops += 1;
                    self.write(at);
                }
            }
        }
    }

    /// Stops the engine in order.
    pub(super) fn end(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        let live = lock(&self.shared.live).get(&entry.record.id).cloned();
        match live {
            Some(live) if entry.stage == Stage::Running => {
                entry.stage = Stage::Ending;
                saving::end(self.shared, &entry.record, &live, entry.snapshot);
            }
            _ => entry.stage = Stage::Still,
        }
    }

    fn was_ended(&mut self, id: DownloadId) {
        let Some(at) = self.entry(id) else { return };
        self.entries[at].stage = Stage::Still;
        self.ended.retain(|ended| *ended != id);
        self.ended.push_back(id);
        while self.ended.len() > ENDED_MOST {
            if let Some(oldest) = self.ended.pop_front() {
                lock(&self.shared.live).remove(&oldest);
            }
        }
        if self.entries[at].removal.is_some() {
            self.remove(at);
        } else {
            self.register_if_asked(at);
        }
    }

    fn register_if_asked(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        let record = &entry.record;
        let is_asked = record.register
            && record.state == DownloadState::Ready
            && record.registered_as.is_none()
            && record.reason.is_empty();
        if is_asked && entry.is_here && entry.stage == Stage::Still && !entry.is_registering {
            entry.is_registering = true;
            removing::register(self.shared, record.clone());
        }
    }

    fn registered(&mut self, id: DownloadId, result: Result<PackageKey, Failure>) {
        let Some(at) = self.entry(id) else { return };
        let entry = &mut self.entries[at];
        entry.is_registering = false;
        match result {
            Ok(key) => {
                entry.record.registered_as = Some(key);
                entry.record.reason.clear();
            }
            Err(failure) => entry.record.reason = format!("not registered: {failure}"),
        }
        self.write(at);
    }

    fn remove(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        let Some((delete_files, _)) = &entry.removal else { return };
        entry.stage = Stage::Removing;
        removing::remove(self.shared, entry.record.clone(), *delete_files);
    }

    fn removed(&mut self, id: DownloadId, result: Result<(), Failure>) {
        let Some(at) = self.entry(id) else { return };
        let reply = self.entries[at].removal.take();
        if result.is_ok() {
            lock(&self.shared.live).remove(&id);
            self.ended.retain(|ended| *ended != id);
            self.entries.remove(at);
            // Whoever waits for it may look at once.
            self.publish();
        } else {
            self.entries[at].stage = Stage::Still;
        }
        if let Some((_, reply)) = reply {
            reply.send(result).ok();
        }
    }

    pub(super) fn set_state(&mut self, at: usize, state: DownloadState, reason: String) {
        let entry = &mut self.entries[at];
        if entry.removal.is_some() {
            return;
        }
        let record = &mut entry.record;
        if record.state != state {
            record.finished = state.is_final().then(Timestamp::now);
        }
        if state == DownloadState::Downloading || state == DownloadState::Checking {
            entry.failures = 0;
        }
        record.state = state;
        record.reason = reason;
    }

    /// Keeps what is wanted of a download and how it stands.
    pub(super) fn write(&self, at: usize) {
        let record = &self.entries[at].record;
        let written = with_database(&*self.shared.home, |catalogue| {
            catalogue.change(|change| change.set_download(record))
        });
        match written {
            Ok(Ok(_)) => {}
            // It is written with the next change; until then the list here is right.
            Ok(Err(error)) => tracing::warn!(%error, "a download could not be written to the list"),
            Err(failure) => tracing::warn!(%failure, "a download could not be written to the list"),
        }
    }

    fn publish(&mut self) {
        let live = lock(&self.shared.live).clone();
        let rows: Vec<DownloadRow> = self.entries.iter().map(|entry| row_of(entry, &live)).collect();
        self.published = Some(Instant::now());
        let mut shown = lock(&self.shared.rows);
        if **shown == rows {
            return;
        }
        *shown = Arc::new(rows);
        drop(shown);
        let waker = lock(&self.shared.waker).clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    fn until_next(&self) -> Duration {
        if self.entries.iter().any(|entry| entry.stage == Stage::Running) {
            return TICK;
        }
        let now = Instant::now();
        let waits =
            self.entries.iter().filter(|entry| entry.is_wanted()).filter_map(|entry| entry.wait.as_ref());
        let next = waits.map(|wait| wait.until.saturating_duration_since(now)).min();
        let elsewhere = LOOK_ELSEWHERE.saturating_sub(self.looked.elapsed());
        next.unwrap_or(elsewhere).min(elsewhere).max(Duration::from_millis(10))
    }

    /// Stops every engine in order and waits for it.
    fn stop(mut self, inbox: &Receiver<Message>) {
        for at in 0..self.entries.len() {
            if self.entries[at].stage == Stage::Running {
                self.end(at);
            }
        }
        let stopped = Instant::now();
        loop {
            let any = |stage| self.entries.iter().any(|entry| entry.stage == stage);
            let must = any(Stage::Ending) || any(Stage::Removing);
            let patience = END_PATIENCE.saturating_sub(stopped.elapsed());
            if !must && (!any(Stage::Beginning) || patience.is_zero()) {
                break;
            }
            let wait = if must { TICK } else { patience };
            match inbox.recv_timeout(wait) {
                Ok(Message::Ended(id)) => {
                    if let Some(at) = self.entry(id) {
                        self.entries[at].stage = Stage::Still;
                    }
                }
                Ok(Message::Begun(id, begun)) => {
                    if let Some(at) = self.entry(id) {
                        self.entries[at].stage = Stage::Still;
                    }
                    if let Ok(Begun { record, live, snapshot }) = *begun {
                        if let Some(at) = self.entry(id) {
                            self.entries[at].stage = Stage::Ending;
                        }
                        saving::end(self.shared, &record, &live, snapshot);
                    }
                }
                Ok(Message::Removed(id, result)) => self.removed(id, result),
                Ok(Message::Remove(_, _, reply)) => {
                    reply.send(Err(removing::is_closing())).ok();
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        for (_, reply) in self.entries.iter_mut().filter_map(|entry| entry.removal.take()) {
            reply.send(Err(removing::is_closing())).ok();
        }
    }
}
