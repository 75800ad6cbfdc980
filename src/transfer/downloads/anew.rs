//! A snapshot that was published anew while its download was under way: what is known before anybody decides.
//!
//! Owns the comparison of the two snapshots. Whether the new one is taken at once or asked about first is for those who
//! run the downloads; nothing of it is written before.

use super::super::Plan;
use crate::package::{ProgressRecord, Sha256Digest};

/// A snapshot at the address of a download that is not the one it was begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSnapshot {
    /// Which it is: what is agreed to is this one, and not what the address has later.
    pub digest: Sha256Digest,
    /// Revision of the download so far, where it is a package of ours and still known.
    pub old_revision: Option<u64>,
    /// Revision that is offered now, where it is a package of ours.
    pub new_revision: Option<u64>,
    /// The highest revision seen here, where the one that is offered is lower.
    pub seen_revision: Option<u64>,
    /// Number of blocks of the new one.
    pub blocks: usize,
    /// How many of them lie proven in the folder already; `None` where the old snapshot is not known any more.
    pub blocks_stay: Option<usize>,
    /// Bytes of the blocks that do not stay.
    pub bytes_to_fetch: u64,
}

impl NewSnapshot {
    /// Whether a lower revision is offered than was seen: that wants a choice of its own.
    pub fn is_older(&self) -> bool {
        self.seen_revision.is_some()
    }

    /// `the snapshot changed at the source: revision 1 is now revision 2, 20 of 25 blocks stay`.
    pub fn words(&self) -> String {
        let mut text = "the snapshot changed at the source".to_owned();
        if let (Some(old), Some(new)) = (self.old_revision, self.new_revision) {
            text.push_str(&format!(": revision {old} is now revision {new}"));
        }
        if let Some(stay) = self.blocks_stay {
            text.push_str(&format!(", {stay} of {} blocks stay", self.blocks));
        }
        text
    }
}

/// Blocks and bytes of `new` that lie at the same place of `old`, and are proven there.
pub(super) fn staying(old: &Plan, new: &Plan, progress: &ProgressRecord) -> (usize, u64) {
    let (mut blocks, mut bytes) = (0, 0);
    for (index, file) in new.files().iter().enumerate() {
        let before = old.files().binary_search_by(|other| other.path.as_bytes().cmp(file.path.as_bytes()));
        let Ok(before) = before else { continue };
        for (now, then) in new.blocks_of(index).zip(old.blocks_of(before)) {
            let (Some(now), Some(place)) = (new.place(now), old.place(then)) else { break };
            let is_same = (now.offset_bytes, now.size_bytes, now.hash)
                == (place.offset_bytes, place.size_bytes, place.hash);
            if is_same && progress.verified.contains(then as u64) {
                blocks += 1;
                bytes += now.size_bytes;
            }
        }
    }
    (blocks, bytes)
}
