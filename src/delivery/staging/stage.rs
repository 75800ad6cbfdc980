//! Staging: bringing a sealed package into a staging library, what is missing and nothing else.
//!
//! Owns the order in which things are sent, and what is remembered while they are: a copy that is not finished has no
//! seal, and what of it is there is not sent again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::desk::{StagingDesk, StagingWay};
use super::error::{StageError, StagingError};
use super::lanes::{in_lanes, patiently};
use super::look::Seen;
use super::place::Place;
use super::plan::{StagePlan, Step};
use super::store::{Outgoing, PutProof, StagingStore};
use crate::disk::Root;
use crate::library::{HandOut, Library};
use crate::package::numbers::many;
use crate::package::reginfo::SEAL_NAME;
use crate::package::staging::{StagedCopy, StagedFinding, StagingId, StagingLibrary};
use crate::package::{CheckKind, CheckReport, Differences, HistoryEvent, Manifest, PackageId, Sha256Digest};
use crate::store::StoreError;
use crate::work::Work;

/// Name of the tag file without which nothing is a bag.
const LAST: &str = "tagmanifest-sha256.txt";
/// What was sent is written down after so many files, so many bytes, or so long.
const NOTED_FILES: u64 = 256;
const NOTED_BYTES: u64 = 32 << 20;
const NOTED_AFTER: Duration = Duration::from_secs(2);

/// How a package is staged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageOptions {
    /// Whatever the time of day is: not only while the line is open.
    pub now: bool,
}

/// What staging did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageReport {
    /// The copy as it is now.
    pub copy: StagedCopy,
    /// Name of the staging library.
    pub name: String,
    /// Files that were sent, and their bytes.
    pub sent_files: u64,
    /// Bytes of the files that were sent.
    pub sent_bytes: u64,
    /// Bytes of files that were there already.
    pub kept_bytes: u64,
    /// Objects of an earlier revision that were removed.
    pub removed: u64,
    /// Objects there that nobody of ours put there; they were left.
    pub strangers: Vec<String>,
    /// How what was sent was proven.
    pub proof: PutProof,
}

impl StagingDesk {
    /// Stages a sealed package: verifies it, sends what is not there, proves it, and writes the seal last. A stop at any
    /// moment leaves a copy without a seal, and the next call sends the rest.
    pub fn stage(
        &self,
        package: PackageId,
        staging: StagingId,
        options: StageOptions,
        work: &Work,
    ) -> Result<StageReport, StageError> {
        self.require_writable()?;
        let staging = self.get(staging)?;
        self.require_open_line(&staging, options)?;
        let handed = self.library.hand_out(package, work)?;
        let asked_rate = work.rate();
        let line_rate = staging.line.bytes_per_second;
        work.set_rate(match (asked_rate, line_rate) {
            (Some(asked), Some(line)) => Some(asked.min(line)),
            (asked, line) => asked.or(line),
        });
        let place = Place::of(self.open(&staging, StagingWay::Write)?, &handed.record.key);
        let staged = place.and_then(|place| Staging::begin(self, &staging, &handed, place, work)?.run());
        work.set_rate(asked_rate);
        staged
    }

    fn require_open_line(&self, staging: &StagingLibrary, options: StageOptions) -> Result<(), StageError> {
        let Some(window) = staging.line.window.filter(|_| !options.now) else { return Ok(()) };
        let local = self.now().to_zoned(self.library.actor().time_zone.clone()).time();
        if window.is_open(local) {
            return Ok(());
        }
        Err(StageError::Closed { name: staging.name.clone(), window })
    }
}

/// One package on its way.
struct Staging<'s> {
    desk: &'s StagingDesk,
    staging: &'s StagingLibrary,
    handed: &'s HandOut,
    place: Place,
    plan: StagePlan,
    /// What lay there had a seal: what was kept of it was proven once.
    was_sealed: bool,
    /// Tag files there that are as they should be.
    same_tags: Vec<&'static str>,
    copy: StagedCopy,
    journal: Journal<'s>,
    work: &'s Work,
    sent_files: AtomicU64,
    sent_bytes: AtomicU64,
}

impl<'s> Staging<'s> {
    /// Looks at what lies there and makes the plan. Changes nothing there.
    fn begin(
        desk: &'s StagingDesk,
        staging: &'s StagingLibrary,
        handed: &'s HandOut,
        place: Place,
        work: &'s Work,
    ) -> Result<Self, StageError> {
        work.begin("Looking at the staging library", 0, 0);
        let record = &handed.record;
        let snapshot = handed.snapshot();
        let Seen { tags, was_sealed, plan, .. } =
            desk.see(staging, record, &handed.manifest, snapshot, &place, work)?;
        let is_same = |(name, text): &(&'static str, String)| {
            tags.get(*name).is_some_and(|there| there == text).then_some(*name)
        };
        let same_tags = handed.tags.iter().filter_map(is_same).collect();
        let checksum = handed.manifest.files().checksum();
        let now = desk.now();
        let copy = StagedCopy {
            staging: staging.id,
            package: record.id,
            key: record.key.clone(),
            revision: record.revision,
            snapshot,
            files: checksum.files,
            size_bytes: checksum.size_bytes,
            staged_at: now,
            staged_by: desk.library.actor().who.clone(),
            finding: StagedFinding::Incomplete,
            listed_at: None,
            read_at: None,
        };
        let journal = Journal::new(desk, &place, &copy, &plan);
        Ok(Self {
            was_sealed,
            desk,
            staging,
            handed,
            place,
            plan,
            same_tags,
            copy,
            journal,
            work,
            sent_files: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
        })
    }

    fn run(mut self) -> Result<StageReport, StageError> {
        self.desk.put_copy(&self.copy)?;
        self.journal.write()?;
        let kept = self.with_step(Step::Keep);
        if self.plan.changes_data() {
            self.break_seal()?;
        }
        self.clear_away()?;
        let sent = self.send_files()?;
        self.desk.library.require_as_handed_out(self.handed)?;
        let looked = self.prove(&sent)?;
        self.write_tags()?;
        self.desk.library.require_as_handed_out(self.handed)?;
        let (sent_files, sent_bytes) =
            (self.sent_files.load(Ordering::Relaxed), self.sent_bytes.load(Ordering::Relaxed));
        let is_clean = self.plan.strangers.is_empty();
        self.copy.finding = if is_clean { StagedFinding::Whole } else { StagedFinding::Differs };
        self.copy.listed_at = Some(looked);
        let proof = self.place.store.proof();
        if proof == PutProof::ReadBack && (kept.is_empty() || !self.was_sealed) {
            self.copy.read_at = Some(looked);
        }
        self.desk.put_copy(&self.copy)?;
        let details = format!(
            "revision {} at {}: {} sent, {}",
            self.copy.revision,
            self.staging.name,
            many(sent_files, "file"),
            many(sent_bytes, "byte")
        );
        self.desk.library.note_handed_out(
            HistoryEvent::Staged,
            (self.copy.package, &self.copy.key),
            self.staging.id,
            details,
        )?;
        Ok(StageReport {
            name: self.staging.name.clone(),
            sent_files,
            sent_bytes,
            // What was looked at and found right is kept as well.
            kept_bytes: self.copy.size_bytes.saturating_sub(sent_bytes),
            removed: self.plan.stale.len() as u64,
            strangers: std::mem::take(&mut self.plan.strangers),
            proof,
            copy: self.copy,
        })
    }

    fn with_step(&self, wanted: Step) -> Vec<usize> {
        let steps = self.plan.steps.iter().enumerate();
        steps.filter(|(_, step)| **step == wanted).map(|(at, _)| at).collect()
    }

    /// From now on what lies there is no sealed package, until it is whole again.
    fn break_seal(&self) -> Result<(), StageError> {
        for name in [LAST, SEAL_NAME] {
            let path = self.place.at(name)?;
            patiently(self.work, || self.place.store.remove(&path))?;
        }
        // The seal must not come back after a power cut under files that have changed.
        Ok(self.place.store.settle()?)
    }

    fn clear_away(&self) -> Result<(), StageError> {
        let gone: Vec<&String> = self.plan.unfinished.iter().chain(&self.plan.stale).collect();
        in_lanes(gone.len(), self.work, |at| {
            let path = self.place.at(gone[at])?;
            Ok(patiently(self.work, || self.place.store.remove(&path))?)
        })?;
        for folder in &self.plan.in_the_way {
            let folder = self.place.at(folder)?;
            patiently(self.work, || self.place.store.remove_folder(&folder))?;
        }
        Ok(())
    }

    /// Looks at what may be there, sends what is not; gives the files that were sent.
    fn send_files(&self) -> Result<Vec<usize>, StageError> {
        let manifest = &self.handed.manifest;
        let bytes = |files: &[usize]| files.iter().map(|at| manifest.files().size_bytes(*at)).sum::<u64>();
        let to_look = self.with_step(Step::Look);
        let mut to_send = self.with_step(Step::Send);
        if !to_look.is_empty() {
            self.work.begin("Looking at what is there", to_look.len() as u64, bytes(&to_look));
            let mut differences = Differences::default();
            self.place.read_contents(manifest, &to_look, &mut differences, self.work)?;
            let other: Vec<&str> = differences.paths().collect();
            for at in to_look {
                if other.contains(&manifest.files().path(at)) {
                    to_send.push(at);
                } else {
                    self.journal.add(at, manifest.files().size_bytes(at))?;
                }
            }
            to_send.sort_unstable();
        }
        self.work.begin("Staging", to_send.len() as u64, bytes(&to_send));
        let data = self.desk.library.data_folder(&self.handed.record.key);
        let unreadable = |path: &str, source| StagingError::Source { path: path.to_owned(), source };
        let root = Root::open(&data).map_err(|error| unreadable(&data.display().to_string(), error))?;
        let sent = in_lanes(to_send.len(), self.work, |nth| {
            let at = to_send[nth];
            let Some(file) = manifest.get(at) else { return Ok(()) };
            let outgoing = Outgoing {
                size: file.size_bytes,
                sha256: file.hashes.map(|hashes| hashes.file),
                executable: file.executable,
            };
            let object = self.place.file(file.path)?;
            patiently(self.work, || {
                let mut source =
                    root.open_file(file.path, false).map_err(|error| unreadable(file.path, error))?;
                self.place.store.put_file(&object, &mut source, &outgoing, self.work)
            })?;
            self.work.add_files(1);
            self.sent_files.fetch_add(1, Ordering::Relaxed);
            self.sent_bytes.fetch_add(file.size_bytes, Ordering::Relaxed);
            self.journal.add(at, file.size_bytes)
        });
        // Also after an error: what is there is not sent again.
        let noted = self.journal.write();
        sent?;
        noted?;
        Ok(to_send)
    }

    /// Proves that all is there: by a listing, and where the store is a folder by reading back what was sent.
    fn prove(&self, sent: &[usize]) -> Result<Timestamp, StageError> {
        let manifest = &self.handed.manifest;
        let started = Instant::now();
        let proof = self.place.store.proof();
        let all: Vec<usize> = (0..manifest.len()).collect();
        let read = match proof {
            PutProof::ReadBack if self.was_sealed => sent,
            // What was sent before a stop was not proven then.
            PutProof::ReadBack => &all,
            PutProof::Checksum | PutProof::Listing => &[],
        };
        let bytes = read.iter().map(|at| manifest.files().size_bytes(*at)).sum::<u64>();
        self.work.begin("Verifying what was staged", read.len() as u64, bytes);
        self.place.store.settle()?;
        let found = self.place.found(manifest, self.work)?;
        let mut differences = Differences::between(manifest.files(), &found);
        // What strangers put there is told apart; it makes nothing of ours wrong.
        differences.added.clear();
        if differences.is_empty() && !read.is_empty() {
            self.place.read_contents(manifest, read, &mut differences, self.work)?;
        }
        let at = self.desk.now();
        if differences.is_empty() {
            return Ok(at);
        }
        let wrong: Vec<&str> = differences.paths().collect();
        self.journal.forget(manifest, &wrong)?;
        let report = CheckReport {
            kind: if read.is_empty() { CheckKind::Quick } else { CheckKind::Deep },
            at,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            finding: differences.finding(),
            recorded: manifest.files().checksum(),
            found: Some(found.checksum()),
            differences,
            without_hashes: 0,
        };
        Err(StageError::NotAsSent {
            key: self.handed.record.key.clone(),
            name: self.staging.name.clone(),
            report: Box::new(report),
        })
    }

    /// Writes the tag files, the seal last, and reads them back.
    fn write_tags(&self) -> Result<(), StageError> {
        self.work.begin("Sealing the copy", 0, 0);
        let has_changed = self.plan.changes_data();
        for (name, text) in &self.handed.tags {
            // The last two were removed where files changed.
            let was_removed = has_changed && [LAST, SEAL_NAME].contains(name);
            if self.same_tags.contains(name) && !was_removed {
                continue;
            }
            let path = self.place.at(name)?;
            if *name == SEAL_NAME {
                // All that it covers has reached the disk before it.
                self.place.store.settle()?;
            }
            let bytes = text.as_bytes();
            let outgoing = Outgoing {
                size: bytes.len() as u64,
                sha256: Some(Sha256Digest::of(bytes)),
                executable: false,
            };
            let quiet = Work::new();
            patiently(self.work, || {
                let mut from = bytes;
                self.place.store.put_file(&path, &mut from, &outgoing, &quiet)
            })?;
        }
        self.place.store.settle()?;
        let there = self.place.tags(self.work)?;
        for (name, text) in &self.handed.tags {
            if there.get(*name) != Some(text) {
                let path = self.place.at(name)?.to_string();
                let why = "it was read back and is another".to_owned();
                return Err(StagingError::Differs { store: self.place.store.name(), path, why }.into());
            }
        }
        Ok(())
    }
}

/// Which files of the copy are there, written down from time to time.
struct Journal<'j> {
    library: &'j Library,
    store: Arc<dyn StagingStore>,
    staging: StagingId,
    package: PackageId,
    snapshot: Sha256Digest,
    noted: Mutex<Noted>,
}

struct Noted {
    sent: Vec<u8>,
    files: u64,
    bytes: u64,
    at: Instant,
}

impl<'j> Journal<'j> {
    fn new(desk: &'j StagingDesk, place: &Place, copy: &StagedCopy, plan: &StagePlan) -> Self {
        let mut sent = vec![0u8; plan.steps.len().div_ceil(8)];
        for (at, step) in plan.steps.iter().enumerate() {
            if *step == Step::Keep {
                sent[at / 8] |= 1 << (at % 8);
            }
        }
        Self {
            library: &desk.library,
            store: Arc::clone(&place.store),
            staging: copy.staging,
            package: copy.package,
            snapshot: copy.snapshot,
            noted: Mutex::new(Noted { sent, files: 0, bytes: 0, at: Instant::now() }),
        }
    }

    /// A file is there. Written down with others, soon.
    fn add(&self, file: usize, bytes: u64) -> Result<(), StageError> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(byte) = noted.sent.get_mut(file / 8) {
            *byte |= 1 << (file % 8);
        }
        noted.files += 1;
        noted.bytes += bytes;
        let is_due =
            noted.files >= NOTED_FILES || noted.bytes >= NOTED_BYTES || noted.at.elapsed() >= NOTED_AFTER;
        if is_due { self.write_down(&mut noted) } else { Ok(()) }
    }

    /// Files that were found to be wrong are sent again.
    fn forget(&self, manifest: &Manifest, paths: &[&str]) -> Result<(), StageError> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        for at in paths.iter().filter_map(|path| manifest.files().position(path)) {
            if let Some(byte) = noted.sent.get_mut(at / 8) {
                *byte &= !(1 << (at % 8));
            }
        }
        self.write_down(&mut noted)
    }

    fn write(&self) -> Result<(), StageError> {
        self.write_down(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write_down(&self, noted: &mut Noted) -> Result<(), StageError> {
        // Nothing counts as sent that a power cut could still take away.
        self.store.settle()?;
        self.library.catalogue().change(|change| -> Result<(), StoreError> {
            change.put_sent_files(self.staging, self.package, self.snapshot, &noted.sent)
        })?;
        (noted.files, noted.bytes, noted.at) = (0, 0, Instant::now());
        Ok(())
    }
}
