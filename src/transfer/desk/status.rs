//! How a transfer stands, for those who look.

use std::time::Duration;

use jiff::Timestamp;

use super::{BlockNote, Desk, Event, Moment, RetryReason};
use crate::transfer::error::InvalidReason;
use crate::transfer::state::DownloadState;
use crate::transfer::survey::Strangers;

/// How a transfer stands at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferStatus {
    /// The state.
    pub state: DownloadState,
    /// Why nothing can be fetched, in Retrying.
    pub retry_reason: Option<RetryReason>,
    /// Why it is Invalid.
    pub invalid: Option<InvalidReason>,
    /// When it is tried again, in Retrying.
    pub next_try: Option<NextTry>,
    /// When it became Ready.
    pub ready_at: Option<Timestamp>,
    /// Sum of all files in bytes.
    pub total_bytes: u64,
    /// Bytes of proven blocks.
    pub proven_bytes: u64,
    /// Of these, bytes that were there at the start.
    pub kept_bytes: u64,
    /// Bytes of blocks that were fetched and matched.
    pub fetched_bytes: u64,
    /// Bytes that arrived, whether they matched or not.
    pub received_bytes: u64,
    /// Bytes of blocks that arrived whole and did not match.
    pub bad_bytes: u64,
    /// Bytes a second over the last five seconds.
    pub bytes_per_second: f64,
    /// Numbers of blocks.
    pub blocks: BlockCounts,
    /// Each codebase, in the order given.
    pub codebases: Vec<CodebaseStatus>,
    /// Files in the folder that nobody planned.
    pub strangers: Strangers,
    /// Connections that may be open.
    pub connections: usize,
    /// The rate limit in bytes a second.
    pub limit_bytes_per_second: Option<u64>,
    /// Whether the transfer was stopped and will not go on.
    pub stopped: bool,
    /// Rises with every change.
    pub version: u64,
}

/// Numbers of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// All.
    pub total: usize,
    /// Proven.
    pub proven: usize,
    /// Were there at the start.
    pub kept: usize,
    /// Were fetched.
    pub fetched: usize,
    /// Were taken from another package.
    pub reused: usize,
    /// Did not match their hash, on the disk or on their way.
    pub corrupt: usize,
    /// Of these, right now.
    pub repaired: usize,
}

/// When a stuck transfer is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextTry {
    /// The date and time.
    pub at: Timestamp,
    /// How long that is from now.
    pub remaining: Duration,
    /// Step of the ladder, from 1.
    pub step: usize,
    /// How many steps the ladder has.
    pub steps: usize,
}

/// What a codebase does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodebaseState {
    /// It is being asked.
    Active,
    /// It could be asked.
    Idle,
    /// It failed and is left alone for a while.
    Waiting,
    /// It sent bad blocks and is not asked any more.
    SetAside,
}

/// One codebase.
#[derive(Clone, Debug, PartialEq)]
pub struct CodebaseStatus {
    /// Its address or name, without a password.
    pub name: String,
    /// What it does.
    pub state: CodebaseState,
    /// Its score in per cent.
    pub score_percent: u8,
    /// Errors of the last 150 minutes.
    pub errors: usize,
    /// Bytes a second one connection to it brings.
    pub bytes_per_second: Option<f64>,
    /// Bytes of its blocks that matched.
    pub fetched_bytes: u64,
    /// Blocks that did not match.
    pub bad_blocks: u32,
    /// Connections to it.
    pub connections: usize,
    /// What went wrong last; `None` after something arrived.
    pub last_error: Option<String>,
    /// When it is asked again, where it is left alone.
    pub next_in: Option<Duration>,
}

impl Desk {
    pub(crate) fn status(&self, limit: Option<u64>, at: Moment) -> TransferStatus {
        let codebases = self.codebases.iter().zip(&self.meters).map(|(codebase, meter)| {
            // Until the first range has ended: what arrives, shared out among those that bring it.
            let arriving = meter.per_second(at.now) / codebase.active.max(1) as f64;
            let arriving = (codebase.active > 0 && arriving > 0.0).then_some(arriving);
            let next_in = codebase.retry_at.checked_sub(at.now).filter(|wait| !wait.is_zero());
            CodebaseStatus {
                name: codebase.name.clone(),
                state: match (codebase.set_aside, next_in, codebase.active) {
                    (true, ..) => CodebaseState::SetAside,
                    (_, Some(_), 0) => CodebaseState::Waiting,
                    (_, _, 0) => CodebaseState::Idle,
                    _ => CodebaseState::Active,
                },
                score_percent: codebase.score.percent(at.now),
                errors: codebase.score.errors(at.now),
                bytes_per_second: codebase.rate.or(arriving),
                fetched_bytes: codebase.fetched_bytes,
                bad_blocks: codebase.bad_blocks,
                connections: codebase.active,
                last_error: codebase.last_error.clone(),
                next_in,
            }
        });
        let stuck = self.stuck.as_ref().filter(|_| self.state == DownloadState::Retrying);
        TransferStatus {
            state: self.state,
            retry_reason: stuck.map(|stuck| stuck.reason.clone()),
            invalid: self.invalid.clone(),
            next_try: stuck.map(|stuck| NextTry {
                at: stuck.next_wall,
                remaining: stuck.next.saturating_sub(at.now),
                step: stuck.step + 1,
                steps: self.ladder.steps(),
            }),
            ready_at: self.ready_at,
            total_bytes: self.plan.total_bytes(),
            proven_bytes: self.counts.proven_bytes,
            kept_bytes: self.counts.kept_bytes,
            fetched_bytes: self.counts.fetched_bytes,
            received_bytes: self.counts.received_bytes,
            bad_bytes: self.counts.bad_bytes,
            bytes_per_second: self.meter.per_second(at.now),
            blocks: BlockCounts {
                total: self.proven.len(),
                proven: self.counts.proven,
                kept: self.counts.kept,
                fetched: self.counts.fetched,
                reused: self.counts.reused,
                corrupt: self.counts.corrupt,
                repaired: self.counts.repaired,
            },
            codebases: codebases.collect(),
            strangers: self.strangers.clone(),
            connections: self.connections,
            limit_bytes_per_second: limit,
            stopped: self.stopped,
            version: self.version,
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.all()
    }

    pub(crate) fn notes(&self, block: usize) -> Vec<BlockNote> {
        self.notes.of(block)
    }
}
