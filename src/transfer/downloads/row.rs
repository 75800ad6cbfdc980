//! How a download stands, for a list: a picture of one moment.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::NewSnapshot;
use crate::package::PackageKey;
use crate::package::download::{DownloadId, DownloadRecord, DownloadState, TrustDecision};
use crate::transfer::{BlockCounts, CodebaseState, TransferStatus};

/// One line of the list of downloads.
#[derive(Clone, Debug, PartialEq)]
pub struct DownloadRow {
    /// Its identity.
    pub id: DownloadId,
    /// Name and version, or the last part of the address.
    pub title: String,
    /// Name and version, where it is a package of ours.
    pub key: Option<PackageKey>,
    /// Address of the snapshot, the package folder or the archive, without name and password.
    pub address: String,
    /// The folder it goes to.
    pub folder: PathBuf,
    /// The state.
    pub state: DownloadState,
    /// Why, where that needs a word; empty elsewhere.
    pub reason: String,
    /// How long until the next try, in Retrying.
    pub retry_in: Option<Duration>,
    /// Step of the ladder of waits, from 1; 0 where it does not wait.
    pub ladder_step: u32,
    /// Bytes that are proven; while it is Checking, bytes that were looked at.
    pub done_bytes: u64,
    /// Bytes of all files, once known.
    pub total_bytes: Option<u64>,
    /// Bytes a second over the last seconds, while something arrives.
    pub rate_bytes_per_s: Option<u64>,
    /// How long it still takes at this rate.
    pub left: Option<Duration>,
    /// Codebases that were not set aside.
    pub codebases_usable: usize,
    /// All codebases.
    pub codebases: usize,
    /// Bytes of blocks that arrived, did not match and had to be fetched again.
    pub fetched_again_bytes: u64,
    /// Numbers of blocks, where it ran in this program.
    pub blocks: Option<BlockCounts>,
    /// Rate limit in bytes a second.
    pub limit_bytes_per_s: Option<u64>,
    /// Most connections at once.
    pub connections: u32,
    /// On whose word it is believed, once decided.
    pub trust: Option<TrustDecision>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it became Ready or Invalid.
    pub finished: Option<Timestamp>,
    /// The package it was registered as.
    pub registered_as: Option<PackageKey>,
    /// How often it came to a standstill in this program: nothing could be fetched or written.
    pub stops: u32,
    /// How many files lie in its folder that its snapshot does not list, once it is Ready in this program.
    pub strangers: u64,
    /// It was published anew, and waits for somebody to decide.
    pub anew: Option<NewSnapshot>,
}

/// Name and version, or the last part of the address that says anything.
pub(super) fn title_of(record: &DownloadRecord) -> String {
    if let Some(key) = &record.key {
        return format!("{} {}", key.name(), key.version());
    }
    let address = record.address.split(['?', '#']).next().unwrap_or_default();
    let last = address.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(address);
    last.strip_suffix(".meta4").filter(|rest| !rest.is_empty()).unwrap_or(last).to_owned()
}

impl DownloadRow {
    /// A download that does nothing here now.
    pub(super) fn of_record(record: &DownloadRecord) -> Self {
        let is_ready = record.state == DownloadState::Ready;
        Self {
            id: record.id,
            title: title_of(record),
            key: record.key.clone(),
            address: record.address.clone(),
            folder: record.folder.clone(),
            state: record.state,
            reason: record.reason.clone(),
            retry_in: None,
            ladder_step: 0,
            done_bytes: if is_ready { record.size_bytes.unwrap_or(0) } else { 0 },
            total_bytes: record.size_bytes,
            rate_bytes_per_s: None,
            left: None,
            codebases_usable: 0,
            codebases: record.codebases.len(),
            fetched_again_bytes: 0,
            blocks: None,
            limit_bytes_per_s: record.limit_bytes_per_s,
            connections: record.connections,
            trust: record.trust.clone(),
            created: record.created,
            finished: record.finished,
            registered_as: record.registered_as.clone(),
            stops: 0,
            strangers: 0,
            anew: None,
        }
    }

    /// Adds what its engine says; `looked_at_bytes` is how far the survey is.
    pub(super) fn with_status(mut self, status: &TransferStatus, looked_at_bytes: u64) -> Self {
        let is_checking = status.state == DownloadState::Checking;
        self.done_bytes = if is_checking { looked_at_bytes } else { status.proven_bytes };
        self.done_bytes = self.done_bytes.min(status.total_bytes);
        self.total_bytes = Some(status.total_bytes);
        let usable = status.codebases.iter().filter(|one| one.state != CodebaseState::SetAside);
        self.codebases_usable = usable.count();
        self.codebases = status.codebases.len();
        // Not what is on its way right now.
        self.fetched_again_bytes = status.bad_bytes;
        self.blocks = Some(status.blocks);
        if status.state == DownloadState::Ready {
            self.strangers = status.strangers.count;
        }
        if status.state == DownloadState::Downloading && !status.stopped {
            let rate = status.bytes_per_second;
            self.rate_bytes_per_s = Some(rate as u64);
            let missing = status.total_bytes.saturating_sub(status.proven_bytes);
            self.left = (rate >= 1.0).then(|| Duration::from_secs((missing as f64 / rate) as u64));
        }
        if let Some(next) = &status.next_try {
            self.retry_in = Some(next.remaining);
            self.ladder_step = u32::try_from(next.step).unwrap_or(u32::MAX);
        }
        self
    }
}
