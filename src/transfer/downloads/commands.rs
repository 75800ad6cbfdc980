//! What a person wants of a download, carried out by the keeper.

use std::sync::Arc;

use jiff::Timestamp;

use super::entry::{Entry, Stage};
use super::keeper::{Keeper, Message};
use super::live::LiveDownload;
use super::lock;
use crate::package::Sha256Digest;
use crate::package::download::{DownloadId, DownloadRecord, DownloadState, Wanted};
use crate::transfer::{Event, EventKind};

/// What a person wants of one download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Pause,
    Resume,
    RetryNow,
    CheckAgain(Option<usize>),
    FetchAgain(usize),
    Limit(Option<u64>),
    Connections(u32),
    TakeNew(Sha256Digest),
}

impl Keeper<'_> {
    pub(super) fn added(&mut self, record: DownloadRecord, reads_all: bool) {
        let at = match self.entry(record.id) {
            Some(at) => {
                let entry = &mut self.entries[at];
                entry.is_here = true;
                entry.wait = None;
                entry.anew = None;
                if entry.stage == Stage::Running {
                    // It runs already; only how is new.
                    if let Some(live) = lock(&self.shared.live).get(&record.id) {
                        live.transfer().set_limit(record.limit_bytes_per_s);
                        live.transfer().set_connections(record.connections as usize);
                    }
                }
                entry.record = record;
                at
            }
            None => {
                self.entries.push(Entry::new(record, true));
                self.entries.len() - 1
            }
        };
        self.entries[at].how.without_hints |= reads_all;
        self.entries.sort_by_key(|entry| (entry.record.place, entry.record.created, entry.record.id));
    }

    pub(super) fn obey(&mut self, id: DownloadId, command: Command) {
        let Some(at) = self.entry(id).filter(|at| self.entries[*at].removal.is_none()) else { return };
        // Whoever gives commands is the one it runs with.
        self.entries[at].is_here = true;
        let live = lock(&self.shared.live).get(&id).cloned();
        let is_running = self.entries[at].stage == Stage::Running;
        match command {
            Command::Pause => {
                let entry = &mut self.entries[at];
                if entry.record.state.is_final() || entry.record.wanted == Wanted::Paused {
                    return;
                }
                entry.record.wanted = Wanted::Paused;
                entry.wait = None;
                if is_running {
                    entry.stops += 1;
                }
                // Why it stood still before holds on.
                let reason = entry.anew.as_ref().map(|anew| anew.words()).unwrap_or_default();
                self.set_state(at, DownloadState::Paused, reason);
                self.write(at);
                if is_running {
                    self.end(at);
                }
            }
            Command::Resume => {
                let entry = &mut self.entries[at];
                let was_invalid = entry.record.state == DownloadState::Invalid;
                if entry.anew.take().is_some() {
                    // Nobody decided for the new one: what was begun goes on as far as it can.
                    entry.asked_again_for = None;
                } else if entry.record.state == DownloadState::Ready
                    || !was_invalid && entry.record.wanted == Wanted::Running
                {
                    return self.retry_now(at);
                }
                // The codebases no longer had what was sealed: perhaps there is something new.
                entry.how.fetch_snapshot |= was_invalid;
                entry.record.wanted = Wanted::Running;
                entry.wait = None;
                self.set_state(at, DownloadState::Pending, String::new());
                self.write(at);
            }
            Command::TakeNew(digest) => {
                let entry = &mut self.entries[at];
                if entry.anew.as_ref().is_none_or(|anew| anew.digest != digest) {
                    return;
                }
                entry.anew = None;
                entry.accepts = Some(digest);
                entry.record.wanted = Wanted::Running;
                entry.wait = None;
                self.set_state(at, DownloadState::Pending, String::new());
                self.write(at);
            }
            Command::RetryNow => self.retry_now(at),
            Command::CheckAgain(Some(block)) => {
                if let Some(live) = live {
                    self.check_block(id, &live, block, is_running);
                } else {
                    self.again(at, None);
                }
            }
            Command::CheckAgain(None) => self.again(at, None),
            Command::FetchAgain(block) => match live {
                Some(live) if is_running && self.entries[at].record.state != DownloadState::Checking => {
                    live.transfer().fetch_again(block);
                }
                _ if is_running => self.entries[at].fetch_again.push(block),
                _ => self.again(at, Some(block)),
            },
            Command::Limit(limit) => {
                let limit = limit.filter(|limit| *limit > 0);
                self.entries[at].record.limit_bytes_per_s = limit;
                self.write(at);
                if let Some(live) = live {
                    live.transfer().set_limit(limit);
                }
            }
            Command::Connections(connections) => {
                let connections = connections.clamp(1, crate::transfer::CONNECTIONS_MOST as u32);
                self.entries[at].record.connections = connections;
                self.write(at);
                if let Some(live) = live {
                    live.transfer().set_connections(connections as usize);
                }
            }
        }
    }

    /// Looks through the whole folder again, whatever was known; `fetch` is fetched whatever is there.
    fn again(&mut self, at: usize, fetch: Option<usize>) {
        let entry = &mut self.entries[at];
        // Its files became a package and are gone from there; that package has checks of its own.
        if entry.record.registered_as.is_some() && !entry.record.folder.exists() {
            return;
        }
        if entry.anew.take().is_some() {
            entry.asked_again_for = None;
        }
        entry.how.without_hints |= fetch.is_none();
        entry.fetch_again.extend(fetch);
        entry.record.wanted = Wanted::Running;
        entry.wait = None;
        let is_running = entry.stage == Stage::Running;
        self.set_state(at, DownloadState::Pending, String::new());
        self.write(at);
        if is_running {
            self.end(at);
        }
    }

    /// Reads one block again, beside everything else.
    fn check_block(&self, id: DownloadId, live: &LiveDownload, block: usize, is_running: bool) {
        let (shared, live) = (Arc::clone(self.shared), live.clone());
        let work = move || {
            let note = |kind, text: String| live.note(Event { at: Timestamp::now(), kind, text });
            match live.transfer().check_again(block) {
                Ok(true) => {
                    note(EventKind::Survey, format!("block {block} was read again: it is as it should be"))
                }
                Ok(false) => {
                    note(EventKind::Bad, format!("block {block} was read again: it is not as it should be"));
                    if !is_running {
                        // Nobody is there who would fetch it: all is looked at, and fetched.
                        shared.send(Message::Command(id, Command::CheckAgain(None)));
                    }
                }
                Err(error) => {
                    let why = crate::disk::words(&error);
                    note(EventKind::Disk, format!("block {block} could not be read again: {why}"));
                }
            }
            shared.send(Message::Woken);
        };
        if let Err(error) = std::thread::Builder::new().name("download-check".to_owned()).spawn(work) {
            tracing::warn!(%error, "a block could not be read again");
        }
    }

    pub(super) fn retry_now(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        entry.wait = None;
        if entry.stage == Stage::Running
            && let Some(live) = lock(&self.shared.live).get(&entry.record.id)
        {
            live.transfer().retry_now();
        }
    }

    /// Ends every wait of a download, which waits anew from the first step where it has to, and says why where it was
    /// waiting.
    pub(super) fn network_is_back(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        entry.wait = None;
        entry.failures = 0;
        let Some(live) = lock(&self.shared.live).get(&entry.record.id).cloned() else { return };
        if entry.record.state == DownloadState::Retrying {
            let text = "the network is back: tried again at once".to_owned();
            live.note(Event { at: Timestamp::now(), kind: EventKind::State, text });
        }
        if entry.stage == Stage::Running {
            live.transfer().network_is_back();
        }
    }
}
