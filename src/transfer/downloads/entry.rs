//! One download as the keeper has it: its record, where it stands in this program, and how that is shown.

use std::collections::HashMap;
use std::time::Instant;

use crossbeam_channel::Sender;

use super::NewSnapshot;
use super::begin::How;
use super::live::LiveDownload;
use super::row::DownloadRow;
use crate::failure::Failure;
use crate::package::Sha256Digest;
use crate::package::download::{DownloadId, DownloadRecord, DownloadState, LadderKind, Wanted};
use crate::transfer::{Ladder, TransferStatus};

/// Where a download stands in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It does nothing here.
    Still,
    /// A thread loads what is kept and starts its engine.
    Beginning,
    /// Its engine runs.
    Running,
    /// A thread stops its engine.
    Ending,
    /// A thread removes it.
    Removing,
}

/// A beginning that failed and is tried again.
pub(super) struct Wait {
    pub(super) until: Instant,
    pub(super) step: usize,
}

pub(super) struct Entry {
    pub(super) record: DownloadRecord,
    /// Whether this program is the one that runs it.
    pub(super) is_here: bool,
    pub(super) stage: Stage,
    pub(super) how: How,
    pub(super) wait: Option<Wait>,
    /// Beginnings that failed in a row.
    pub(super) failures: usize,
    /// Blocks to be fetched again once it is known what there is.
    pub(super) fetch_again: Vec<usize>,
    pub(super) snapshot: Sha256Digest,
    /// The snapshot whose codebases sent something else, and the address was asked for a new one.
    pub(super) asked_again_for: Option<Sha256Digest>,
    /// Why it is Invalid, while the address is asked for a new snapshot.
    pub(super) invalid: Option<String>,
    /// A snapshot that was published anew, until somebody decides.
    pub(super) anew: Option<NewSnapshot>,
    /// The snapshot that somebody decided for, until it is there.
    pub(super) accepts: Option<Sha256Digest>,
    pub(super) stops: u32,
    pub(super) started: Option<Instant>,
    pub(super) saved: Instant,
    pub(super) is_saving: bool,
    pub(super) is_registering: bool,
    pub(super) removal: Option<(bool, Sender<Result<(), Failure>>)>,
}

impl Entry {
    pub(super) fn new(record: DownloadRecord, is_here: bool) -> Self {
        Self {
            record,
            is_here,
            stage: Stage::Still,
            how: How::default(),
            wait: None,
            failures: 0,
            fetch_again: Vec::new(),
            snapshot: Sha256Digest::default(),
            asked_again_for: None,
            invalid: None,
            anew: None,
            accepts: None,
            stops: 0,
            started: None,
            saved: Instant::now(),
            is_saving: false,
            is_registering: false,
            removal: None,
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.is_here
            && self.removal.is_none()
            && self.anew.is_none()
            && self.record.wanted == Wanted::Running
            && !self.record.state.is_final()
    }

    /// Whether it takes one of the turns.
    pub(super) fn is_busy(&self) -> bool {
        match self.stage {
            Stage::Beginning | Stage::Ending => true,
            Stage::Running => self.record.state != DownloadState::Retrying,
            Stage::Still | Stage::Removing => false,
        }
    }
}

pub(super) fn ladder_of(kind: LadderKind) -> Ladder {
    match kind {
        LadderKind::Console => Ladder::Console,
        LadderKind::Agent => Ladder::Agent,
    }
}

pub(super) fn reason_of(status: &TransferStatus) -> String {
    let retry = status.retry_reason.as_ref().filter(|_| status.state == DownloadState::Retrying);
    let invalid = status.invalid.as_ref().filter(|_| status.state == DownloadState::Invalid);
    retry.map(ToString::to_string).or(invalid.map(ToString::to_string)).unwrap_or_default()
}

pub(super) fn row_of(entry: &Entry, live: &HashMap<DownloadId, LiveDownload>) -> DownloadRow {
    let mut row = DownloadRow::of_record(&entry.record);
    row.stops = entry.stops;
    row.anew.clone_from(&entry.anew);
    if let Some(live) = live.get(&entry.record.id) {
        let looked_at = live.transfer().survey_progress().done_bytes;
        row = row.with_status(&live.status(), looked_at);
    }
    if let Some(wait) = entry.wait.as_ref().filter(|_| entry.record.state == DownloadState::Retrying) {
        row.retry_in = Some(wait.until.saturating_duration_since(Instant::now()));
        row.ladder_step = u32::try_from(wait.step + 1).unwrap_or(u32::MAX);
    }
    row
}
