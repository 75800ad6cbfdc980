//! The desk: all that is known of a running transfer, and every decision in it. One lock, no waiting, no I/O.
//!
//! Connections come for a turn (`turns`) and report what came of it; the writer reports what is on the disk. The time
//! is handed in with every call. Who looks gets a [`TransferStatus`] (`status`).

mod blocks;
mod events;
mod rate;
mod status;
mod turns;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use self::events::{BlockNote, Event, EventKind, Noted};
use self::events::{Events, Notes};
use self::rate::RateMeter;
pub use self::status::{BlockCounts, CodebaseState, CodebaseStatus, NextTry, TransferStatus};
pub(crate) use self::turns::{Assignment, Trouble, Turn};
use super::bits::Bits;
use super::codebase::Codebase;
use super::error::InvalidReason;
use super::plan::Plan;
use super::retry::Ladder;
use super::state::{DownloadState, Happening};
use super::survey::Strangers;
use crate::package::BlockBoard;

/// The moment of a call: the clock of the engine, and the date for those who read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Duration,
    pub(crate) wall: Timestamp,
}

/// Why nothing can be fetched for a while.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetryReason {
    /// Every codebase failed three times in a row; what each said last.
    #[error("{}", .0.join("; "))]
    Codebases(Vec<String>),
    /// There is no room on the disk.
    #[error("disk full")]
    DiskFull,
    /// The disk refused to write.
    #[error("{path} cannot be written: {why}")]
    Disk {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
    },
    /// All codebases were set aside for bad blocks.
    #[error("every codebase sent bad blocks: {}", .0.join(", "))]
    SetAside(Vec<String>),
}

/// The wait of a transfer that is stuck.
#[derive(Clone, Debug)]
pub(crate) struct Stuck {
    pub(crate) reason: RetryReason,
    pub(crate) next: Duration,
    pub(crate) next_wall: Timestamp,
    pub(crate) step: usize,
}

/// How far an unproven file is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    /// Bytes on the disk, from the first on.
    pub(crate) written_bytes: u64,
    /// The strong ETag they came under, and the address.
    pub(crate) etag: Option<(String, String)>,
    /// The codebase that sent its end.
    pub(crate) from: Option<usize>,
}

/// All that is known of a running transfer.
pub(crate) struct Desk {
    pub(crate) plan: Arc<Plan>,
    pub(crate) board: Arc<BlockBoard>,
    pub(crate) codebases: Vec<Codebase>,
    /// Nobody has it and nobody fetches it.
    missing: Bits,
    /// It is on the disk, synced, and matched its hash in this life, or was believed.
    pub(crate) proven: Bits,
    /// It was corrupt on the disk or on its way: when it is right, it is repaired.
    was_bad: Bits,
    /// How often each codebase sent each bad block. Short: three from one set it aside.
    bad: HashMap<usize, BTreeMap<usize, u32>>,
    pub(crate) wholes: HashMap<usize, Whole>,
    /// No block before this one is missing.
    low: usize,
    pub(crate) state: DownloadState,
    pub(crate) surveyed: bool,
    pub(crate) stopping: bool,
    pub(crate) stopped: bool,
    pub(crate) invalid: Option<InvalidReason>,
    stuck: Option<Stuck>,
    /// Step of the ladder that comes next.
    step: usize,
    ladder: Ladder,
    pub(crate) connections: usize,
    counts: Counts,
    meter: RateMeter,
    /// What arrives from each codebase.
    meters: Vec<RateMeter>,
    events: Events,
    notes: Notes,
    strangers: Strangers,
    ready_at: Option<Timestamp>,
    /// The tag files are being written.
    finishing: bool,
    /// Rises with every change that somebody may want to see.
    pub(crate) version: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    proven: usize,
    kept: usize,
    fetched: usize,
    reused: usize,
    corrupt: usize,
    repaired: usize,
    proven_bytes: u64,
    kept_bytes: u64,
    /// Bytes that arrived, right or wrong.
    received_bytes: u64,
    bad_bytes: u64,
    fetched_bytes: u64,
}

impl Desk {
    pub(crate) fn new(
        plan: Arc<Plan>,
        board: Arc<BlockBoard>,
        codebases: Vec<Codebase>,
        ladder: Ladder,
        connections: usize,
    ) -> Self {
        let blocks = plan.blocks();
        let meters = vec![RateMeter::default(); codebases.len()];
        Self {
            plan,
            board,
            codebases,
            missing: Bits::new(blocks, false),
            proven: Bits::new(blocks, false),
            was_bad: Bits::new(blocks, false),
            bad: HashMap::new(),
            wholes: HashMap::new(),
            low: 0,
            state: DownloadState::Pending,
            surveyed: false,
            stopping: false,
            stopped: false,
            invalid: None,
            stuck: None,
            step: 0,
            ladder,
            connections: connections.max(1),
            counts: Counts::default(),
            meter: RateMeter::default(),
            meters,
            events: Events::default(),
            notes: Notes::default(),
            strangers: Strangers::default(),
            ready_at: None,
            finishing: false,
            version: 0,
        }
    }

    /// Something happened: the state follows.
    pub(crate) fn happen(&mut self, happening: Happening, at: Moment) {
        let before = self.state;
        self.state = before.after(happening, self.surveyed);
        if self.state != before {
            let text = match (&self.invalid, &self.stuck) {
                (Some(reason), _) if self.state == DownloadState::Invalid => {
                    format!("{}: {reason}", self.state.words())
                }
                (_, Some(stuck)) if self.state == DownloadState::Retrying => {
                    format!("{}: {}", self.state.words(), stuck.reason)
                }
                _ => self.state.words().to_owned(),
            };
            self.log(EventKind::State, text, at);
        }
        self.version += 1;
    }

    pub(crate) fn log(&mut self, kind: EventKind, text: String, at: Moment) {
        self.events.add(Event { at: at.wall, kind, text });
        self.version += 1;
    }

    pub(crate) fn end_invalid(&mut self, reason: InvalidReason, at: Moment) {
        self.invalid.get_or_insert(reason);
        self.happen(Happening::Impossible, at);
    }

    /// *Pause*.
    pub(crate) fn pause(&mut self, at: Moment) {
        self.happen(Happening::Paused, at);
    }

    /// *Resume*: begins at the first step of the ladder.
    pub(crate) fn resume(&mut self, at: Moment) {
        if self.state == DownloadState::Paused {
            self.leave_ladder(at);
            self.happen(Happening::Resumed, at);
        }
    }

    /// *Retry now*: ends every wait.
    pub(crate) fn retry_now(&mut self, at: Moment) {
        for codebase in &mut self.codebases {
            codebase.retry_at = Duration::ZERO;
        }
        if self.state == DownloadState::Retrying {
            self.try_again(at);
        }
    }

    /// The network is back: ends every wait, and forgets what failed before. A link is up before there is a way through
    /// it, so the first try may fail; it is no reason for the long wait in which the network came back.
    pub(crate) fn network_is_back(&mut self, at: Moment) {
        self.retry_now(at);
        self.step = 0;
        for codebase in &mut self.codebases {
            codebase.failures = 0;
        }
    }

    /// The wait is over; one failure of each is enough for the next step.
    fn try_again(&mut self, at: Moment) {
        for codebase in &mut self.codebases {
            codebase.failures = codebase.failures.min(super::retry::FAILURES_IN_A_ROW - 1);
            codebase.retry_at = Duration::ZERO;
        }
        if self.codebases.iter().all(|codebase| codebase.set_aside) {
            for codebase in &mut self.codebases {
                codebase.set_aside = false;
                codebase.bad_blocks = 0;
            }
        }
        self.stuck = None;
        self.happen(Happening::GoesOn, at);
    }

    fn leave_ladder(&mut self, at: Moment) {
        self.step = 0;
        for codebase in &mut self.codebases {
            codebase.failures = 0;
            codebase.retry_at = Duration::ZERO;
        }
        self.stuck = None;
        self.happen(Happening::GoesOn, at);
    }

    /// The ladder begins, or goes one step up.
    fn become_stuck(&mut self, reason: RetryReason, not_before: Duration, at: Moment) {
        if self.state != DownloadState::Downloading {
            return;
        }
        let wait = self.ladder.wait(self.step).max(not_before.saturating_sub(at.now));
        let next_wall = at.wall.checked_add(wait).unwrap_or(Timestamp::MAX);
        let step = self.step.min(self.ladder.steps() - 1);
        self.stuck = Some(Stuck { reason, next: at.now + wait, next_wall, step });
        self.step = self.step.saturating_add(1);
        self.happen(Happening::Stuck, at);
    }

    /// The disk refused. It goes on by itself; a full disk is looked at again as soon as the first step of the console's
    /// ladder allows, whatever ladder it is: asking costs nothing.
    pub(crate) fn disk_failed(&mut self, reason: RetryReason, at: Moment) {
        if reason == RetryReason::DiskFull {
            self.step = 0;
            let wait = Ladder::Console.wait(0);
            if self.state == DownloadState::Downloading {
                let next_wall = at.wall.checked_add(wait).unwrap_or(Timestamp::MAX);
                self.stuck = Some(Stuck { reason, next: at.now + wait, next_wall, step: 0 });
                self.happen(Happening::Stuck, at);
            }
        } else {
            self.become_stuck(reason, Duration::ZERO, at);
        }
    }

    /// Whether everything is proven and nobody began to write the tag files; then the caller must.
    pub(crate) fn begin_finishing(&mut self) -> bool {
        let all = self.surveyed && !self.finishing && self.counts.proven == self.proven.len();
        let going = matches!(self.state, DownloadState::Downloading | DownloadState::Retrying);
        let begins = all && going && !self.stopping;
        self.finishing |= begins;
        begins
    }

    /// The tag files are written, or something is missing after all.
    pub(crate) fn finished(&mut self, complete: bool, at: Moment) {
        self.finishing = false;
        if complete && self.counts.proven == self.proven.len() {
            self.stuck = None;
            self.step = 0;
            self.ready_at = Some(at.wall);
            self.happen(Happening::Completed, at);
        }
    }
}
