//! The switch "Checksum control of package consistency" and its question, and accepting changes.
//!
//! DSM's SDM002300 with a fourth answer and with names: where the files agree there is no question; where they
//! differ nothing changes until it is answered.

use jiff::Timestamp;

use super::check::FoundBy;
use super::operation::Operation;
use super::package_folder::{put_notes, put_reginfo};
use super::seal::SealPlan;
use super::{Library, LibraryError, required_reason};
use crate::disk::hashing;
use crate::package::file_list::FileEntry;
use crate::package::manifest::ManifestFile;
use crate::package::record::{PackageId, PackageRecord};
use crate::package::{CheckKind, CheckReport, Finding, HistoryEvent, Manifest, PackageState, Sha256Digest};
use crate::work::Work;

/// The answer to "What should happen to the package?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchAnswer {
    /// The files are right: record the new checksum and switch the check on.
    Accept(AcceptRequest),
    /// Switch the check on and deliver nothing until this is settled.
    KeepBlocked,
}

/// What came of switching the check on.
#[derive(Clone, Debug)]
pub enum SwitchOutcome {
    /// It is on; blocked, if the report does not agree.
    On(Box<PackageRecord>, CheckReport),
    /// The files differ and nothing was changed: the question is to be asked.
    Question(CheckReport),
}

/// Changes that are to be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptRequest {
    /// Why; at least 3 characters.
    pub reason: String,
    /// The state that was shown ([`CheckReport::state_digest`]): if it changed since, nothing is accepted.
    pub expect: Option<Sha256Digest>,
    /// Name of the key to seal again with, if the package is sealed; the key in use if absent.
    pub key: Option<String>,
}

impl Library {
    /// Verifies the package and switches the check on. Where it differs, only the answer decides.
    pub fn switch_on(
        &self,
        id: PackageId,
        answer: Option<&SwitchAnswer>,
        work: &Work,
    ) -> Result<SwitchOutcome, LibraryError> {
        let record = self.record(id)?;
        self.require_editable(&record, crate::package::state::Field::ChecksumControl, "switched")?;
        let report = self.examine(&record, CheckKind::Quick, work)?;
        if !report.is_consistent() {
            match answer {
                None => return Ok(SwitchOutcome::Question(report)),
                Some(SwitchAnswer::Accept(request)) => {
                    let (record, report) = self.accept_changes(id, request, Some(true), work)?;
                    return Ok(SwitchOutcome::On(Box::new(record), report));
                }
                Some(SwitchAnswer::KeepBlocked) => {}
            }
        }
        let record = self.set_switch(&record, true, None, Some(&report))?;
        Ok(SwitchOutcome::On(Box::new(record), report))
    }

    /// Switches the check off. The reason is kept in History; without one, History says so.
    pub fn switch_off(&self, id: PackageId, reason: Option<&str>) -> Result<PackageRecord, LibraryError> {
        let record = self.record(id)?;
        self.require_editable(&record, crate::package::state::Field::ChecksumControl, "switched")?;
        let reason = match reason {
            Some(reason) => required_reason(reason)?,
            None => "no reason given".to_owned(),
        };
        self.set_switch(&record, false, Some(reason), None)
    }

    fn set_switch(
        &self,
        examined: &PackageRecord,
        on: bool,
        reason: Option<String>,
        report: Option<&CheckReport>,
    ) -> Result<PackageRecord, LibraryError> {
        let (_lock, mut record) = self.lock_record(examined.id)?;
        // A report is about the files as they were when it was made, under the name they had.
        let is_another = record.checksum != examined.checksum
            || record.state != examined.state
            || report.is_some() && (record.checksum_at, &record.key) != (examined.checksum_at, &examined.key);
        if is_another {
            return Err(LibraryError::ChangedAgain(record.key));
        }
        let was_on = record.checksum_control;
        record.checksum_control = on;
        if let Some(report) = report {
            super::check::set_outcome(&mut record, report, "switching the check on");
        }
        let operation = Operation::begin(self)?;
        let mut steps = Vec::new();
        put_notes(&operation, &record, &mut steps)?;
        let event = if on { HistoryEvent::ControlOn } else { HistoryEvent::ControlOff };
        let mut entry = self.entry(event, Some(&record));
        entry.reason = reason;
        entry.old_checksum = Some(record.checksum);
        if let Some(report) = report.filter(|report| !report.is_consistent()) {
            entry.differences = Some(report.differences.clone());
            entry.details = Some("kept blocked".to_owned());
        }
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_package(&record)?;
            if let Some(report) = report {
                change.put_report(record.id, (!report.is_consistent()).then_some(report))?;
            }
            if was_on != on {
                change.append_history(entry)?;
            }
            Ok(())
        })?;
        Ok(record)
    }

    /// Accepts what differs: records exactly the state that was shown. On a sealed package this is *accept and seal
    /// again*. Gives the package and the report that was accepted.
    pub fn accept(
        &self,
        id: PackageId,
        request: &AcceptRequest,
        work: &Work,
    ) -> Result<(PackageRecord, CheckReport), LibraryError> {
        self.accept_changes(id, request, None, work)
    }

    fn accept_changes(
        &self,
        id: PackageId,
        request: &AcceptRequest,
        switch: Option<bool>,
        work: &Work,
    ) -> Result<(PackageRecord, CheckReport), LibraryError> {
        let reason = required_reason(&request.reason)?;
        require_not_archived(&self.record(id)?)?;
        let (_lock, mut record) = self.lock_record(id)?;
        require_not_archived(&record)?;
        // Damage that a deep check found is looked at again by the quick check.
        let report = self.examine(&record, CheckKind::Quick, work)?;
        self.require_acceptable(&record, &report, request)?;
        let start = std::time::Instant::now();
        let manifest = self.manifest_as_found(&record, &report, work)?;
        let hashed_ms = super::check::millis(start);
        let found = manifest.files().checksum();
        if Some(found.digest) != report.found.map(|found| found.digest) {
            return Err(LibraryError::ChangedAgain(record.key));
        }
        let old = record.checksum;
        record.checksum = found;
        record.checksum_event = "accepted".to_owned();
        record.checksum_at = Timestamp::now();
        record.changed = record.checksum_at;
        record.finding = Finding::Consistent;
        record.noticed = None;
        record.marked = None;
        if let Some(on) = switch {
            record.checksum_control = on;
        }
        let operation = Operation::begin(self)?;
        let mut steps = Vec::new();
        let mut entry = self.entry(HistoryEvent::Accepted, Some(&record));
        if record.state == PackageState::Sealed {
            // All files were hashed for it.
            record.count_as_deep_check(hashed_ms);
            let plan = SealPlan::make(self, &mut record, &manifest, request.key.as_deref())?;
            entry.key_id = Some(plan.key_id().to_owned());
            entry.details = Some(format!("sealed again as revision {}", record.revision));
            plan.write(&operation, &record, &mut steps)?;
        } else {
            put_reginfo(&operation, &record, &manifest, &mut steps)?;
        }
        put_notes(&operation, &record, &mut steps)?;
        entry.old_checksum = Some(old);
        entry.new_checksum = Some(found);
        entry.reason = Some(reason);
        entry.differences = Some(report.differences.clone());
        let switched = switch.map(|_| self.entry(HistoryEvent::ControlOn, Some(&record)));
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_package(&record)?;
            change.put_manifest(record.id, &manifest)?;
            change.put_report(record.id, None)?;
            change.append_history(entry)?;
            if let Some(switched) = switched {
                change.append_history(switched)?;
            }
            Ok(())
        })?;
        Ok((record, report))
    }

    fn require_acceptable(
        &self,
        record: &PackageRecord,
        report: &CheckReport,
        request: &AcceptRequest,
    ) -> Result<(), LibraryError> {
        match report.finding {
            Finding::Consistent => return Err(LibraryError::NothingToAccept(record.key.clone())),
            Finding::Missing | Finding::Unreadable => {
                self.store_outcome(record, report, FoundBy::Accepting)?;
                return Err(LibraryError::Differs {
                    key: record.key.clone(),
                    report: Box::new(report.clone()),
                });
            }
            Finding::Differs | Finding::Damaged => {}
        }
        if request.expect.is_some_and(|expected| expected != report.state_digest()) {
            self.store_outcome(record, report, FoundBy::Accepting)?;
            return Err(LibraryError::ChangedAgain(record.key.clone()));
        }
        Ok(())
    }

    /// The manifest that describes the files as they are now. What agrees keeps its recorded hashes; the rest, and
    /// on a sealed package everything, is hashed.
    fn manifest_as_found(
        &self,
        record: &PackageRecord,
        report: &CheckReport,
        work: &Work,
    ) -> Result<Manifest, LibraryError> {
        let root = self.data_folder(&record.key);
        let recorded = self.recorded_manifest(record.id)?;
        let block_size = recorded.block_size();
        let scan =
            self.scan_package(&root, work)?.ok_or_else(|| LibraryError::ChangedAgain(record.key.clone()))?;
        let hash_all = record.state == PackageState::Sealed;
        let mut files = Vec::with_capacity(scan.files.len());
        let mut to_hash = Vec::new();
        for (index, file) in scan.files.iter().enumerate() {
            let known = recorded.files().position(file.path).and_then(|at| recorded.get(at));
            let damaged = report.differences.damaged.iter().any(|damaged| damaged.path == file.path);
            let known = known.filter(|known| known.size_bytes == file.size_bytes && !damaged && !hash_all);
            if known.is_none() {
                to_hash.push((index, file.path.to_owned(), file.size_bytes));
            }
            files.push(ManifestFile {
                path: file.path.to_owned(),
                size_bytes: file.size_bytes,
                executable: scan.executable[index],
                hashes: known.and_then(|known| known.hashes.cloned()),
            });
        }
        let list: Vec<FileEntry<'_>> =
            to_hash.iter().map(|(_, path, size_bytes)| FileEntry { path, size_bytes: *size_bytes }).collect();
        let hashes = hashing::hash_files(&root, &list, block_size, work)?;
        for ((index, path, _), hash) in to_hash.iter().zip(hashes) {
            let hash = hash.map_err(|problem| LibraryError::Unreadable {
                what: path.clone(),
                why: problem.to_string(),
            })?;
            files[*index].hashes = Some(hash);
        }
        if hash_all && self.has_unseen_change(record, report, &recorded, &files, work)? {
            return Err(LibraryError::ChangedAgain(record.key.clone()));
        }
        Manifest::from_files(block_size, files).map_err(|_| LibraryError::ChangedAgain(record.key.clone()))
    }

    /// Whether a file of a sealed package has other content than recorded, though nobody was shown that it has. The
    /// deep check that shows it is stored.
    fn has_unseen_change(
        &self,
        record: &PackageRecord,
        report: &CheckReport,
        recorded: &Manifest,
        files: &[ManifestFile],
        work: &Work,
    ) -> Result<bool, LibraryError> {
        let unseen = files.iter().any(|file| {
            let was = recorded.files().position(&file.path).and_then(|at| recorded.get(at));
            let shown = report.differences.damaged.iter().any(|damaged| damaged.path == file.path);
            was.filter(|was| was.size_bytes == file.size_bytes && !shown)
                .and_then(|was| was.hashes)
                .is_some_and(|was| file.hashes.as_ref().is_none_or(|is| is.file != was.file))
        });
        if unseen {
            let deep = self.examine(record, CheckKind::Deep, work)?;
            self.store_outcome(record, &deep, FoundBy::Accepting)?;
        }
        Ok(unseen)
    }
}

fn require_not_archived(record: &PackageRecord) -> Result<(), LibraryError> {
    if record.state != PackageState::Archived {
        return Ok(());
    }
    let instead = "Restore the package first";
    Err(LibraryError::State { key: record.key.clone(), state: record.state, doing: "changed", instead })
}
