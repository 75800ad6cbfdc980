//! Which bytes were proven: blocks that, on their way to a client, had the hash that the package's snapshot says.
//!
//! A digest is promised only for bytes that were hashed in the state the file is in now: size, time of change and inode
//! are those of the proof. Nothing is read for a proof: what is sent is hashed while it is at hand. Remembered until
//! the server ends; bounded in snapshots and files. Reads `snapshot.meta4`; must not know HTTP.

use std::collections::HashMap;
use std::io::Read as _;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::validators;
use crate::disk::{Facts, FileStamp, Kind, Root};
use crate::package::Sha256Digest;
use crate::package::manifest::FileHashes;
use crate::package::snapshot::{self, SNAPSHOT_NAME, Snapshot};

/// A longer snapshot is not read: its package goes without digests. 32 MiB tell of some 700 GB in blocks of 2 MiB.
const LONGEST_SNAPSHOT_BYTES: u64 = 32 << 20;
/// Snapshots kept at a time.
const MOST_SNAPSHOTS: usize = 8;
/// Files whose proofs are kept at a time.
const MOST_FILES: usize = 1 << 16;

/// What was proven so far, of all files.
#[derive(Default)]
pub(super) struct Proofs {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The one used last stands last.
    snapshots: Vec<KnownSnapshot>,
    files: HashMap<String, Proven>,
}

struct KnownSnapshot {
    path: String,
    state: (u64, FileStamp),
    /// `None` where the file is no snapshot.
    snapshot: Option<Arc<Snapshot>>,
}

/// The proofs of one file, in one state of it, against one snapshot.
struct Proven {
    state: (u64, FileStamp),
    snapshot: Arc<Snapshot>,
    blocks: Vec<bool>,
    whole: bool,
}

/// The digests that may be promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digests {
    /// Of the whole file.
    pub(super) whole: Option<Sha256Digest>,
    /// Of the bytes asked about.
    pub(super) part: Option<Sha256Digest>,
}

/// What the snapshot of its package says of a file that has the size the snapshot says.
#[derive(Clone)]
pub(super) struct Expected {
    path: String,
    state: (u64, FileStamp),
    snapshot: Arc<Snapshot>,
    index: usize,
}

impl Expected {
    fn hashes(&self) -> Option<&FileHashes> {
        self.snapshot.manifest.get(self.index)?.hashes
    }

    fn block(&self, nth: u64) -> Option<Sha256Digest> {
        self.hashes()?.blocks.get(usize::try_from(nth).ok()?).copied()
    }

    /// The block that lies at exactly these bytes.
    fn block_at(&self, bytes: &Range<u64>) -> Option<u64> {
        let size = self.snapshot.manifest.block_size();
        let nth = bytes.start / size.bytes();
        (bytes.start < bytes.end && size.range(nth, self.state.0) == *bytes).then_some(nth)
    }
}

impl Proofs {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the snapshot says of the file at `path`, which is in the state `facts`. `None` for a file that no snapshot
    /// lists in this size, and for one so young that its state does not tell it from the next.
    pub(super) fn expected(&self, root: &Root, path: &str, facts: &Facts) -> Option<Expected> {
        if !is_settled(facts) {
            return None;
        }
        // <package>/data/<file>; the folder that is served can be the package itself.
        let starts = path.match_indices("data/").map(|(at, _)| at);
        let starts = starts.filter(|at| *at == 0 || path.as_bytes()[at - 1] == b'/');
        for start in starts.take(4) {
            let (package, file) = (&path[..start], &path[start + "data/".len()..]);
            let Some(snapshot) = self.snapshot(root, &format!("{package}{SNAPSHOT_NAME}")) else { continue };
            let index = snapshot.manifest.files().position(file)?;
            let listed = snapshot.manifest.get(index)?.size_bytes;
            let state = (facts.size_bytes, facts.stamp);
            return (listed == facts.size_bytes).then(|| Expected {
                path: path.to_owned(),
                state,
                snapshot,
                index,
            });
        }
        None
    }

    /// The snapshot at `path`, read again when it has changed.
    fn snapshot(&self, root: &Root, path: &str) -> Option<Arc<Snapshot>> {
        let facts = root.facts(path, false).ok()?;
        let state = (facts.size_bytes, facts.stamp);
        let mut known = self.known();
        if let Some(at) = known.snapshots.iter().position(|known| known.path == path) {
            let found = known.snapshots.remove(at);
            if found.state == state {
                let snapshot = found.snapshot.clone();
                known.snapshots.push(found);
                return snapshot;
            }
        }
        if facts.kind != Kind::File || facts.size_bytes > LONGEST_SNAPSHOT_BYTES || !is_settled(&facts) {
            return None;
        }
        // Under the lock, so that a hundred requests for a new package read it once.
        let snapshot = read(root, path, state).map(Arc::new);
        if known.snapshots.len() >= MOST_SNAPSHOTS {
            known.snapshots.remove(0);
        }
        known.snapshots.push(KnownSnapshot { path: path.to_owned(), state, snapshot: snapshot.clone() });
        snapshot
    }

    /// What may be promised of the whole file and of its bytes `part`.
    pub(super) fn digests(&self, expected: &Expected, part: &Range<u64>) -> Digests {
        let known = self.known();
        let Some(proven) = known.files.get(&expected.path).filter(|proven| proven.is_of(expected)) else {
            return Digests::default();
        };
        let whole = expected.hashes().filter(|_| proven.whole).map(|hashes| hashes.file);
        let block = expected.block_at(part).filter(|nth| proven.has(*nth));
        let part = if *part == (0..expected.state.0) && whole.is_some() {
            whole
        } else {
            block.and_then(|nth| expected.block(nth))
        };
        Digests { whole, part }
    }

    fn has_block(&self, expected: &Expected, nth: u64) -> bool {
        let known = self.known();
        known.files.get(&expected.path).is_some_and(|proven| proven.is_of(expected) && proven.has(nth))
    }

    fn has_whole(&self, expected: &Expected) -> bool {
        let known = self.known();
        known.files.get(&expected.path).is_some_and(|proven| proven.is_of(expected) && proven.whole)
    }

    fn note(&self, expected: &Expected, what: impl FnOnce(&mut Proven)) {
        let mut known = self.known();
        if known.files.len() >= MOST_FILES && !known.files.contains_key(&expected.path) {
            known.files.clear();
        }
        let fresh = || Proven {
            state: expected.state,
            snapshot: Arc::clone(&expected.snapshot),
            blocks: vec![false; expected.hashes().map_or(0, |hashes| hashes.blocks.len())],
            whole: false,
        };
        let proven = known.files.entry(expected.path.clone()).or_insert_with(fresh);
        if !proven.is_of(expected) {
            *proven = fresh();
        }
        what(proven);
    }
}

impl Proven {
    fn is_of(&self, expected: &Expected) -> bool {
        self.state == expected.state && Arc::ptr_eq(&self.snapshot, &expected.snapshot)
    }

    fn has(&self, nth: u64) -> bool {
        usize::try_from(nth).ok().and_then(|nth| self.blocks.get(nth).copied()).unwrap_or(false)
    }
}

fn is_settled(facts: &Facts) -> bool {
    let age = validators::age(facts, SystemTime::now());
    age.is_none_or(|age| age >= validators::settling_time(facts))
}

fn read(root: &Root, path: &str, state: (u64, FileStamp)) -> Option<Snapshot> {
    let mut file = root.open_file(path, false).ok()?;
    let is_same = |facts: Facts| (facts.size_bytes, facts.stamp) == state;
    let mut text = String::new();
    file.by_ref().take(LONGEST_SNAPSHOT_BYTES).read_to_string(&mut text).ok()?;
    if !is_same(Facts::of_file(&file).ok()?) {
        return None;
    }
    snapshot::read(&text).ok()
}

/// Hashes what is sent of one file, in the order in which it is sent.
pub(super) struct Prover {
    proofs: Arc<Proofs>,
    expected: Expected,
    /// The hash of the block that is being sent, if it was begun at its start and is not proven.
    block: Option<Sha256>,
    /// The hash of the file from its start, if nothing was left out.
    whole: Option<Sha256>,
    /// Where the next byte is expected.
    at: u64,
}

impl Prover {
    /// For bytes of `expected`; `is_whole` says that all of them will come.
    pub(super) fn new(proofs: Arc<Proofs>, expected: Expected, is_whole: bool) -> Self {
        // A file of one block has its hash.
        let one_block = expected.hashes().is_none_or(|hashes| hashes.blocks.len() == 1);
        let whole = (is_whole && !one_block && !proofs.has_whole(&expected)).then(Sha256::new);
        Self { proofs, expected, block: None, whole, at: 0 }
    }

    /// Takes bytes that lie at `offset`, of which is known that they are of the state that was expected.
    pub(super) fn feed(&mut self, offset: u64, mut bytes: &[u8]) {
        if offset != self.at {
            (self.block, self.whole) = (None, None);
            self.at = offset;
        }
        if let Some(whole) = &mut self.whole {
            whole.update(bytes);
        }
        let size = self.expected.snapshot.manifest.block_size();
        while !bytes.is_empty() {
            let nth = self.at / size.bytes();
            let block = size.range(nth, self.expected.state.0);
            if block.start == self.at {
                self.block = (!self.proofs.has_block(&self.expected, nth)).then(Sha256::new);
            }
            let left = usize::try_from(block.end - self.at).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(bytes.len().min(left));
            if now.is_empty() {
                return;
            }
            if let Some(hash) = &mut self.block {
                hash.update(now);
            }
            self.at += now.len() as u64;
            bytes = later;
            if self.at == block.end
                && let Some(hash) = self.block.take()
            {
                self.end_block(nth, Sha256Digest::finish(hash));
            }
        }
        if self.at == self.expected.state.0
            && let Some(hash) = self.whole.take()
        {
            let digest = Sha256Digest::finish(hash);
            if self.expected.hashes().is_some_and(|hashes| hashes.file == digest) {
                self.proofs.note(&self.expected, |proven| proven.whole = true);
            }
        }
    }

    fn end_block(&self, nth: u64, found: Sha256Digest) {
        if self.expected.block(nth) != Some(found) {
            tracing::warn!(path = self.expected.path, block = nth, "served, and not as its snapshot says");
            return;
        }
        self.proofs.note(&self.expected, |proven| {
            if let Some(block) = usize::try_from(nth).ok().and_then(|nth| proven.blocks.get_mut(nth)) {
                *block = true;
            }
            proven.whole |= proven.blocks.len() == 1;
        });
    }
}
