//! The consistency check on disk: quick by names and sizes, deep by block hashes, and what becomes of the outcome.
//!
//! Updated at exactly: registering, auto-registering, an update through the library, restoring, sealing.
//! Verified at exactly: switching the check on, and whenever the library hands the package out. A user may check
//! at any time; the watcher only marks.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::scan::{self, Scan, ScanError};
use super::source::scan_error;
use super::{Library, LibraryError};
use crate::disk::hashing;
use crate::failure::Failure;
use crate::package::consistency::UnreadableFile;
use crate::package::record::{LastCheck, Noticed, PackageId, PackageRecord};
use crate::package::{
    BlockBoard, BlockMap, BoardSlot, CheckKind, CheckReport, Differences, Finding, HistoryEvent, Manifest,
    PackageKey, PackageState,
};
use crate::work::Work;

/// Who saw a difference first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// Somebody started a quick or deep check.
    Check(CheckKind),
    /// The check was switched on.
    SwitchingOn,
    /// The package was to be handed out.
    HandingOut,
    /// It was to be sealed.
    Sealing,
    /// Changes were to be accepted.
    Accepting,
}

impl FoundBy {
    fn words(self) -> &'static str {
        match self {
            Self::Check(CheckKind::Quick) => "a quick check",
            Self::Check(CheckKind::Deep) => "a deep check",
            Self::SwitchingOn => "switching the check on",
            Self::HandingOut => "handing the package out",
            Self::Sealing => "sealing",
            Self::Accepting => "accepting changes",
        }
    }
}

/// One package of a check over several.
#[derive(Clone, Debug)]
pub struct CheckedPackage {
    /// Its identity.
    pub id: PackageId,
    /// Its name and version.
    pub key: PackageKey,
    /// What was found, or why nothing could be.
    pub result: Result<CheckReport, Failure>,
}

impl Library {
    /// Checks a package and stores the outcome. Nothing else changes.
    ///
    /// A quick check of a package that a deep check found damaged looks at the damaged files' content as well: only
    /// when that is right does it agree.
    pub fn check(&self, id: PackageId, kind: CheckKind, work: &Work) -> Result<CheckReport, LibraryError> {
        self.check_on(id, kind, None, work)
    }

    /// A deep check whose blocks can be watched: makes the board in `slot`, as long as the package has blocks, and
    /// marks on it how far each block is. More blocks than [`BlockMap::MOST`] are not shown.
    pub fn check_blocks(
        &self,
        id: PackageId,
        slot: &BoardSlot,
        work: &Work,
    ) -> Result<CheckReport, LibraryError> {
        self.check_on(id, CheckKind::Deep, Some(slot), work)
    }

    fn check_on(
        &self,
        id: PackageId,
        kind: CheckKind,
        slot: Option<&BoardSlot>,
        work: &Work,
    ) -> Result<CheckReport, LibraryError> {
        let record = self.record(id)?;
        if record.state == PackageState::Archived {
            return self.check_archive(&record, slot, work);
        }
        let report = self.examine_on(&record, kind, slot, work)?;
        self.store_outcome(&record, &report, FoundBy::Check(kind))?;
        Ok(report)
    }

    /// Checks several packages, one after the other, or all that are not archived; each outcome is stored at once.
    pub fn check_several(
        &self,
        packages: Option<Vec<PackageId>>,
        kind: CheckKind,
        work: &Work,
    ) -> Result<Vec<CheckedPackage>, LibraryError> {
        let ids = match packages {
            Some(ids) => ids,
            None => {
                let all = self.list()?.into_iter().filter(|package| package.state != PackageState::Archived);
                all.map(|package| package.id).collect()
            }
        };
        let mut checked = Vec::with_capacity(ids.len());
        for id in &ids {
            work.check()?;
            // Removed by another program since the list was made.
            let Some(record) = self.catalogue().package(*id)? else { continue };
            let result = match self.check(*id, kind, work) {
                Err(LibraryError::Cancelled(cancelled)) => return Err(cancelled.into()),
                other => other.map_err(|error| error.explain()),
            };
            checked.push(CheckedPackage { id: *id, key: record.key, result });
        }
        Ok(checked)
    }

    /// Verifies a package before it is handed out, and stores the outcome; an error if it is blocked then. Nothing is
    /// verified while its check is off.
    pub fn verify_for_handing_out(&self, id: PackageId, work: &Work) -> Result<PackageRecord, LibraryError> {
        let record = self.record(id)?;
        if !record.checksum_control {
            return Ok(record);
        }
        let report = self.examine(&record, CheckKind::Quick, work)?;
        if !self.is_read_only() {
            self.store_outcome(&record, &report, FoundBy::HandingOut)?;
        }
        if report.is_consistent() {
            Ok(record)
        } else {
            Err(LibraryError::Differs { key: record.key, report: Box::new(report) })
        }
    }

    /// Compares a package with its record and stores nothing: what a box shows before *Apply*.
    pub fn look(&self, id: PackageId, kind: CheckKind, work: &Work) -> Result<CheckReport, LibraryError> {
        let record = self.record(id)?;
        self.examine(&record, kind, work)
    }

    /// Compares a package with its record. Stores nothing.
    pub(super) fn examine(
        &self,
        record: &PackageRecord,
        kind: CheckKind,
        work: &Work,
    ) -> Result<CheckReport, LibraryError> {
        self.examine_on(record, kind, None, work)
    }

    fn examine_on(
        &self,
        record: &PackageRecord,
        kind: CheckKind,
        slot: Option<&BoardSlot>,
        work: &Work,
    ) -> Result<CheckReport, LibraryError> {
        let started = Instant::now();
        self.require_reachable()?;
        self.wait_until_in_place(record)?;
        let report = |finding, found, differences, without_hashes| CheckReport {
            kind,
            at: Timestamp::now(),
            took_ms: millis(started),
            finding,
            recorded: record.checksum,
            found,
            differences,
            without_hashes,
        };
        let root = self.data_folder(&record.key);
        let Some(found) = self.scan_package(&root, work)? else {
            self.require_reachable()?;
            return Ok(report(Finding::Missing, None, Differences::default(), 0));
        };
        let checksum = found.files.checksum();
        let odd = odd_entries(&found);
        let agrees = checksum == record.checksum && odd.is_empty();
        let suspects = self.known_damage(record)?;
        if agrees && kind == CheckKind::Quick && suspects.is_empty() {
            return Ok(report(Finding::Consistent, Some(checksum), Differences::default(), 0));
        }
        let manifest = self.recorded_manifest(record.id)?;
        let mut differences = Differences::between(manifest.files(), &found.files);
        differences.set_unreadable(odd);
        let mut without_hashes = 0;
        if kind == CheckKind::Deep || !suspects.is_empty() {
            let chosen: Vec<usize> = manifest
                .files()
                .iter()
                .enumerate()
                .filter(|(_, file)| kind == CheckKind::Deep || suspects.iter().any(|path| path == file.path))
                .filter(|(_, file)| {
                    found
                        .files
                        .position(file.path)
                        .is_some_and(|at| found.files.size_bytes(at) == file.size_bytes)
                })
                .map(|(index, _)| index)
                .collect();
            let board = slot.and_then(|slot| board_for(slot, &manifest));
            let deep = hashing::verify_blocks_on(&root, &manifest, chosen, board.as_deref(), work)?;
            differences.damaged = deep.damaged;
            differences.unreadable.extend(deep.unreadable);
            differences.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
            without_hashes = deep.without_hashes;
        }
        let mut finding = differences.finding();
        if finding == Finding::Consistent && checksum != record.checksum {
            // The recorded list was lost with a database: that it differs is all that can be said.
            finding = Finding::Differs;
        }
        if finding != Finding::Consistent {
            // The disk may have gone while it was read: then nothing is known about the package.
            self.require_reachable()?;
        }
        Ok(report(finding, Some(checksum), differences, without_hashes))
    }

    /// Lists the files of a package folder; `None` if there is no such folder.
    pub(super) fn scan_package(
        &self,
        root: &std::path::Path,
        work: &Work,
    ) -> Result<Option<Scan>, LibraryError> {
        match scan::scan_files(root, work) {
            Ok(scan) => Ok(Some(scan)),
            Err(ScanError::Missing) => Ok(None),
            Err(error) => Err(scan_error(error, root)),
        }
    }

    /// Files that the last deep check found damaged.
    fn known_damage(&self, record: &PackageRecord) -> Result<Vec<String>, LibraryError> {
        if record.finding == Finding::Consistent {
            return Ok(Vec::new());
        }
        let report = self.catalogue().report(record.id)?;
        Ok(report
            .map(|r| r.differences.damaged.into_iter().map(|file| file.path).collect())
            .unwrap_or_default())
    }

    /// A change that another program decided a moment ago is about to be carried out: waits for it.
    fn wait_until_in_place(&self, record: &PackageRecord) -> Result<(), LibraryError> {
        if self.is_read_only() {
            return Ok(());
        }
        let folded = record.key.folded();
        let pending = self.catalogue().intents()?.iter().any(|intent| intent.package == folded);
        if pending {
            drop(self.lock_package(&record.key)?);
        }
        Ok(())
    }

    /// The recorded files of a package; none where it is not known.
    pub(crate) fn recorded_manifest(&self, id: PackageId) -> Result<Manifest, LibraryError> {
        Ok(self.catalogue().manifest(id)?.unwrap_or_default())
    }

    /// Stores the outcome of a verification. History gets an entry when the finding changes.
    pub(super) fn store_outcome(
        &self,
        examined: &PackageRecord,
        report: &CheckReport,
        by: FoundBy,
    ) -> Result<(), LibraryError> {
        if self.is_read_only() {
            return Ok(());
        }
        let entry = self.entry(HistoryEvent::Verified, Some(examined));
        self.catalogue().change(|change| {
            let Some(mut record) = change.package(examined.id)? else { return Ok(()) };
            let is_another = record.checksum != examined.checksum
                || record.checksum_at != examined.checksum_at
                || record.state != examined.state
                || record.key != examined.key;
            // Damage that a deep check found meanwhile is not cleared by a check that did not look for it.
            let is_older = record.finding != examined.finding && report.is_consistent();
            if is_another || is_older {
                // Another program changed the package meanwhile: this report is about the one before.
                return Ok(());
            }
            let before = record.finding;
            set_outcome(&mut record, report, by.words());
            change.put_package(&record)?;
            change.put_report(record.id, (!report.is_consistent()).then_some(report))?;
            if before != report.finding {
                let mut entry = entry;
                entry.old_checksum = Some(report.recorded);
                entry.new_checksum = report.found;
                entry.differences = (!report.is_consistent()).then(|| report.differences.clone());
                entry.details =
                    Some(format!("{} -> {}, found by {}", before.word(), report.finding.word(), by.words()));
                change.append_history(entry)?;
            }
            Ok::<_, LibraryError>(())
        })?;
        self.append_history_file()
    }

    /// Marks that something in a package folder changed, unless it was the library itself. Neither blocks nor records;
    /// the next check judges. Gives whether the mark is new.
    pub(super) fn mark_if_changed(&self, id: PackageId) -> Result<bool, LibraryError> {
        self.mark(id, false)
    }

    /// The same where nothing said that something changed: names and sizes are compared first.
    pub(super) fn mark_if_differs(&self, id: PackageId) -> Result<bool, LibraryError> {
        // A share that is gone has changed no package.
        self.require_reachable()?;
        self.mark(id, true)
    }

    fn mark(&self, id: PackageId, compare: bool) -> Result<bool, LibraryError> {
        /// What the library wrote itself is noticed within this time.
        const OWN_CHANGE: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);
        let Some(record) = self.catalogue().package(id)? else { return Ok(false) };
        self.wait_until_in_place(&record)?;
        let Some(record) = self.catalogue().package(id)? else { return Ok(false) };
        if record.marked.is_some() || record.state == PackageState::Archived {
            return Ok(false);
        }
        let is_recent = Timestamp::now().duration_since(record.changed).abs() < OWN_CHANGE;
        if is_recent || compare {
            let scan = self.scan_package(&self.data_folder(&record.key), &Work::new())?;
            if scan.is_none_or(|scan| scan.files.checksum() == record.checksum) {
                return Ok(false);
            }
        }
        self.catalogue().change(|change| {
            let Some(mut record) = change.package(id)? else { return Ok(false) };
            if record.marked.is_some() {
                return Ok(false);
            }
            record.marked = Some(Timestamp::now());
            change.put_package(&record)?;
            Ok::<_, LibraryError>(true)
        })
    }
}

/// Makes the board of a package, unless it has more blocks than anybody could look at.
pub(super) fn board_for(slot: &BoardSlot, manifest: &Manifest) -> Option<Arc<BlockBoard>> {
    let blocks = usize::try_from(manifest.block_count()).ok().filter(|blocks| *blocks <= BlockMap::MOST)?;
    Some(slot.make(blocks))
}

/// Writes the outcome of a verification into a record.
pub(super) fn set_outcome(record: &mut PackageRecord, report: &CheckReport, by: &str) {
    let last = LastCheck { at: report.at, finding: report.finding, took_ms: report.took_ms };
    match report.kind {
        CheckKind::Quick => record.quick = Some(last),
        CheckKind::Deep => record.deep = Some(last),
    }
    record.finding = report.finding;
    if report.is_consistent() {
        record.noticed = None;
    } else if record.noticed.is_none() {
        // The watcher may have seen it long before the check that judged it.
        record.noticed = Some(match record.marked {
            Some(at) => Noticed { at, by: "the watcher".to_owned() },
            None => Noticed { at: report.at, by: by.to_owned() },
        });
    }
    record.marked = None;
}

/// What is in a package folder and is no file a package can have: links, devices, forbidden names, unreadable things.
pub(super) fn odd_entries(scan: &Scan) -> Vec<UnreadableFile> {
    let refused =
        scan.refused.iter().map(|(path, why)| UnreadableFile { path: path.clone(), reason: why.to_string() });
    let mut odd: Vec<UnreadableFile> = refused.chain(scan.unreadable.iter().cloned()).collect();
    odd.sort_by(|a, b| a.path.cmp(&b.path));
    odd
}

/// Milliseconds since then.
pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
