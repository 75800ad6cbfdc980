//! The library check: a deep check over many packages that can stand still, go slowly, and outlive the program.
//!
//! Owns: which packages are asked for, their order, what is kept of the outcome, and the groups it is shown in. How one
//! package is checked stands in `check`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::FoundBy;
use super::{Library, LibraryError, lock, operation};
use crate::package::record::{PackageId, PackageRecord, PackageSummary};
use crate::package::{CheckKind, CheckReport, Finding, PackageKey, PackageState};
use crate::store::{StoreError, StoredCheck, StoredCheckPackage};
use crate::work::Work;

/// The lock of the one program that runs the check; no package has this name.
const LOCK: &str = "library check";

/// Which packages are to be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckOrder {
    /// Only these; all that are not archived if absent. A named package that is archived has its archive read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<PackageId>>,
    /// Only those whose last deep check ended before this moment, or that never had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_since: Option<Timestamp>,
    /// Only those that did not agree at their last verification.
    #[serde(default)]
    pub damaged_only: bool,
}

/// How the check is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckRun {
    /// Which packages; `None` to go on with the check that is kept.
    pub order: Option<CheckOrder>,
    /// Begins anew even if a check is kept that is not done. Without it the same order goes on where it stood, and
    /// another order is refused.
    pub restart: bool,
}

/// In which group a package is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckGroup {
    /// Every file is there, and every block is as recorded.
    Whole,
    /// Something differs, and a place is known that should have a copy.
    Repairable,
    /// Something differs, and nobody is known who has a copy.
    NotRepairable,
    /// It could not be read to its end: nothing is said about its content.
    Unreadable,
    /// Names and sizes agree, but hashes were lost, so that contents could not be compared.
    Unproven,
    /// Not checked: removed, archived or changed while the check ran.
    Passed,
}

impl CheckGroup {
    /// All groups, in the order of the page.
    pub const ALL: [Self; 6] =
        [Self::Repairable, Self::NotRepairable, Self::Unreadable, Self::Unproven, Self::Passed, Self::Whole];

    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "Whole",
            Self::Repairable => "Repairable",
            Self::NotRepairable => "Not repairable",
            Self::Unreadable => "Unreadable",
            Self::Unproven => "Without hashes",
            Self::Passed => "Not checked",
        }
    }
}

/// One file that is not as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubledFile {
    /// Path relative to `data/`.
    pub path: String,
    /// What is wrong: `removed`, `blocks 3, 4`, the words of the system.
    pub what: String,
}

/// One package that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedRow {
    /// Which.
    pub id: PackageId,
    /// Its name and version when it was checked.
    pub key: PackageKey,
    /// Its group.
    pub group: CheckGroup,
    /// What the deep check found; `None` if there was none.
    pub finding: Option<Finding>,
    /// When it was done.
    pub at: Timestamp,
    /// Files as recorded when the check was begun.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub size_bytes: u64,
    /// Why it is in this group, where its files do not say it; may be empty.
    pub why: String,
    /// What is wrong, file by file.
    pub troubled: Vec<TroubledFile>,
    /// Where it could be repaired from; none where nobody is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// How many bytes a repair would fetch.
    #[serde(default)]
    pub fetch_bytes: u64,
}

/// A library check as it stands: what was asked, how far it is, what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LibraryCheck {
    /// What was asked.
    pub order: CheckOrder,
    /// When it was begun.
    pub begun: Timestamp,
    /// Who began it.
    pub begun_by: String,
    /// When its last package was done; `None` while packages are left.
    pub ended: Option<Timestamp>,
    /// Whether some program is at it now. Neither ended nor running: it stands still and can go on.
    pub running: bool,
    /// Why it stands still, if no person stopped it.
    pub stopped_because: Option<String>,
    /// Packages asked for.
    pub total_packages: u64,
    /// Their recorded bytes.
    pub total_bytes: u64,
    /// Packages left to do.
    pub left_packages: u64,
    /// Their recorded bytes.
    pub left_bytes: u64,
    /// The packages that are done, in the order they were read.
    pub done: Vec<CheckedRow>,
}

impl LibraryCheck {
    /// The packages of one group.
    pub fn in_group(&self, group: CheckGroup) -> impl Iterator<Item = &CheckedRow> {
        self.done.iter().filter(move |row| row.group == group)
    }

    /// Whether everything that was asked for is done and whole.
    pub fn is_whole(&self) -> bool {
        self.ended.is_some()
            && self.done.iter().all(|row| matches!(row.group, CheckGroup::Whole | CheckGroup::Passed))
    }
}

impl Library {
    /// The library check that runs, stands still, or ended last.
    pub fn library_check(&self) -> Result<Option<LibraryCheck>, LibraryError> {
        let stored = {
            let catalogue = self.catalogue();
            catalogue
                .library_check()?
                .map(|check| Ok::<_, StoreError>((check, catalogue.library_check_packages()?)))
        };
        let Some((check, packages)) = stored.transpose()? else { return Ok(None) };
        let running = check.ended.is_none() && !self.is_read_only() && self.take_check_lock()?.is_none();
        let mut state = LibraryCheck {
            order: serde_json::from_str(&check.asked).map_err(damaged)?,
            begun: check.begun,
            begun_by: check.begun_by,
            ended: check.ended,
            running,
            stopped_because: check.stopped_because,
            total_packages: packages.len() as u64,
            total_bytes: packages.iter().map(|package| package.size_bytes).sum(),
            left_packages: 0,
            left_bytes: 0,
            done: Vec::new(),
        };
        for package in &packages {
            match &package.outcome {
                Some(text) => state.done.push(serde_json::from_str(text).map_err(damaged)?),
                None => {
                    state.left_packages += 1;
                    state.left_bytes += package.size_bytes;
                }
            }
        }
        Ok(Some(state))
    }

    /// Runs a library check until it is done, cancelled, or the library cannot be reached.
    ///
    /// Each package that is done is kept at once: cancelled or killed, the check goes on later with the package it was
    /// at. The progress of `work` counts the bytes of the whole check; it can be paused and limited while it runs.
    pub fn run_library_check(&self, run: &CheckRun, work: &Work) -> Result<LibraryCheck, LibraryError> {
        self.require_writable()?;
        self.require_reachable()?;
        let _only_one = self.require_check_lock()?;
        let (begun, with_archives) = self.begin_or_go_on(run)?;
        let all = self.catalogue().library_check_packages()?;
        let total_bytes = all.iter().map(|package| package.size_bytes).sum();
        let total_files = all.iter().map(|package| package.files).sum();
        let (mut files, mut bytes, mut done) = (0, 0, 0);
        for package in all.iter().filter(|package| package.outcome.is_some()) {
            files += package.files;
            bytes += package.size_bytes;
            done += 1;
        }
        work.begin("Checking packages", total_files, total_bytes);
        loop {
            work.set_done(files, bytes);
            work.set_packages(done, all.len() as u64);
            work.check()?;
            let next = self.catalogue().next_of_library_check()?;
            let Some(package) = next else { break };
            let row = match self.check_one(&package, with_archives, work) {
                Err(error @ LibraryError::Unreachable { .. }) => {
                    let why = error.explain().reason;
                    // Where the database went with the disk there is nowhere to write it, and the check stands still
                    // all the same.
                    let _ = self.catalogue().change(|change| change.stop_library_check(None, Some(&why)));
                    return Err(error);
                }
                other => other?,
            };
            let outcome = serde_json::to_string(&row).map_err(damaged)?;
            let kept = self
                .catalogue()
                .change(|change| change.put_library_check_outcome(begun, package.place, &outcome))?;
            if !kept {
                return Err(LibraryError::NoCheck);
            }
            files += package.files;
            bytes += package.size_bytes;
            done += 1;
        }
        work.set_subject("");
        let ended = Timestamp::now();
        self.catalogue().change(|change| change.stop_library_check(Some(ended), None))?;
        self.library_check()?.ok_or(LibraryError::NoCheck)
    }

    /// Forgets the check that is kept, with its result.
    pub fn forget_library_check(&self) -> Result<(), LibraryError> {
        self.require_writable()?;
        let _only_one = self.require_check_lock()?;
        Ok(self.catalogue().change(|change| change.delete_library_check())?)
    }

    /// The lock; an error if another program runs the check. One that only looks whether it runs holds it for a moment,
    /// which is waited for.
    fn require_check_lock(&self) -> Result<lock::Lock, LibraryError> {
        for _ in 0..10 {
            if let Some(lock) = self.take_check_lock()? {
                return Ok(lock);
            }
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        Err(LibraryError::CheckRunning)
    }

    fn take_check_lock(&self) -> Result<Option<lock::Lock>, LibraryError> {
        lock::try_take(&self.root().join(operation::LOCKS), LOCK)
    }

    /// Makes a new check, or goes on with the one that is kept. Gives when it was begun, which names it, and whether
    /// archives are read: those of packages that were named.
    fn begin_or_go_on(&self, run: &CheckRun) -> Result<(Timestamp, bool), LibraryError> {
        let kept = self.catalogue().library_check()?.filter(|check| check.ended.is_none());
        if let Some(kept) = kept.filter(|_| !run.restart) {
            let asked: CheckOrder = serde_json::from_str(&kept.asked).map_err(damaged)?;
            if run.order.as_ref().is_some_and(|order| *order != asked) {
                return Err(LibraryError::CheckUnfinished { begun: kept.begun, by: kept.begun_by });
            }
            self.catalogue().change(|change| change.stop_library_check(None, None))?;
            return Ok((kept.begun, asked.packages.is_some()));
        }
        let order = run.order.as_ref().ok_or(LibraryError::NoCheck)?;
        let mut packages = self.chosen(order)?;
        // What was never read comes first, then what was read longest ago.
        packages.sort_by_key(|package| package.deep_at);
        let check = StoredCheck {
            asked: serde_json::to_string(order).map_err(damaged)?,
            // As the database keeps it.
            begun: Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap_or_default(),
            begun_by: self.actor().who.clone(),
            ended: None,
            stopped_because: None,
        };
        self.catalogue().change(|change| {
            let rows = packages.iter().map(|package| (package.id, package.files, package.size_bytes));
            change.put_library_check(&check, rows)
        })?;
        Ok((check.begun, order.packages.is_some()))
    }

    fn chosen(&self, order: &CheckOrder) -> Result<Vec<PackageSummary>, LibraryError> {
        let named: Option<std::collections::HashSet<PackageId>> =
            order.packages.as_ref().map(|ids| ids.iter().copied().collect());
        let mut chosen = self.list()?;
        chosen.retain(|package| {
            let is_meant = match &named {
                Some(named) => named.contains(&package.id),
                None => package.state != PackageState::Archived,
            };
            is_meant
                && (!order.damaged_only || package.finding != Finding::Consistent)
                && order.not_since.is_none_or(|since| package.deep_at.is_none_or(|at| at < since))
        });
        Ok(chosen)
    }

    /// Checks one package and says in which group it is. An error only if the check cannot go on.
    fn check_one(
        &self,
        package: &StoredCheckPackage,
        with_archives: bool,
        work: &Work,
    ) -> Result<CheckedRow, LibraryError> {
        let row = |key: PackageKey, group, why: &str, report: Option<&CheckReport>| CheckedRow {
            id: package.id,
            key,
            group,
            finding: report.map(|report| report.finding),
            at: Timestamp::now(),
            files: package.files,
            size_bytes: package.size_bytes,
            why: why.to_owned(),
            troubled: report.map(troubled).unwrap_or_default(),
            places: Vec::new(),
            fetch_bytes: 0,
        };
        // A package that changes through the library while it is read is read once more.
        for _ in 0..2 {
            let Some(record) = self.catalogue().package(package.id)? else {
                let key = self.last_key(package.id)?;
                return Ok(row(key, CheckGroup::Passed, "removed from the library meanwhile", None));
            };
            if record.state == PackageState::Archived && !with_archives {
                return Ok(row(record.key, CheckGroup::Passed, "archived meanwhile", None));
            }
            work.set_subject(&record.key.to_string());
            let part = work.part();
            let checked = if record.state == PackageState::Archived {
                self.check(record.id, CheckKind::Deep, &part)
            } else {
                self.examine(&record, CheckKind::Deep, &part)
            };
            let now = self.catalogue().package(package.id)?;
            let is_same = now.is_some_and(|now| {
                (&now.key, now.state, now.checksum_at) == (&record.key, record.state, record.checksum_at)
            });
            match checked {
                Err(error @ (LibraryError::Cancelled(_) | LibraryError::Unreachable { .. })) => {
                    return Err(error);
                }
                _ if !is_same => continue,
                Err(error) if error.is_temporary() => {
                    let failure = error.explain();
                    return Ok(row(record.key, CheckGroup::Passed, &failure.to_string(), None));
                }
                Err(error) => {
                    self.require_reachable()?;
                    let failure = error.explain();
                    return Ok(row(record.key, CheckGroup::Unreadable, &failure.to_string(), None));
                }
                Ok(report) => {
                    if record.state != PackageState::Archived {
                        self.store_outcome(&record, &report, FoundBy::Check(CheckKind::Deep))?;
                    }
                    let (group, why) = group_of(&report);
                    let mut row = row(record.key.clone(), group, &why, Some(&report));
                    if group == CheckGroup::NotRepairable {
                        self.look_for_repair(&record, &report, &mut row, work)?;
                    }
                    return Ok(row);
                }
            }
        }
        let key = self.last_key(package.id)?;
        Ok(row(key, CheckGroup::Passed, "it is being changed", None))
    }

    /// Says where a package could be repaired from, if somebody is known.
    fn look_for_repair(
        &self,
        record: &PackageRecord,
        report: &CheckReport,
        row: &mut CheckedRow,
        work: &Work,
    ) -> Result<(), LibraryError> {
        if self.require_repairable(record).is_err() {
            if record.state != PackageState::Archived && row.why.is_empty() {
                row.why = "it has never been sealed".to_owned();
            }
            return Ok(());
        }
        let manifest = self.recorded_manifest(record.id)?;
        if !manifest.has_all_hashes() {
            return Ok(());
        }
        let plan = self.plan_of_report(record, report, &manifest, &work.part())?;
        row.fetch_bytes = plan.fetch_bytes();
        row.places = self.places_for(&plan)?;
        if !row.places.is_empty() {
            row.group = CheckGroup::Repairable;
        }
        Ok(())
    }

    /// Name and version of a package that may be gone.
    fn last_key(&self, id: PackageId) -> Result<PackageKey, LibraryError> {
        if let Some(record) = self.catalogue().package(id)? {
            return Ok(record.key);
        }
        let filter = crate::store::HistoryFilter { package: Some(id), newest: Some(1), ..Default::default() };
        let entries = self.catalogue().history(&filter)?;
        let key = entries.into_iter().find_map(|entry| entry.package);
        key.ok_or_else(|| LibraryError::NotFound(id.to_string()))
    }
}

/// The group of a report, and why it is there where its files do not say it.
fn group_of(report: &CheckReport) -> (CheckGroup, String) {
    match report.finding {
        Finding::Consistent if report.without_hashes == 0 => (CheckGroup::Whole, String::new()),
        Finding::Consistent => {
            let why = match report.without_hashes {
                1 => "1 file has no recorded hashes".to_owned(),
                several => format!("{several} files have no recorded hashes"),
            };
            (CheckGroup::Unproven, why)
        }
        Finding::Unreadable => (CheckGroup::Unreadable, String::new()),
        Finding::Missing => (CheckGroup::NotRepairable, "its folder is missing".to_owned()),
        Finding::Differs | Finding::Damaged => (CheckGroup::NotRepairable, String::new()),
    }
}

fn troubled(report: &CheckReport) -> Vec<TroubledFile> {
    let differences = &report.differences;
    let file = |path: &str, what: String| TroubledFile { path: path.to_owned(), what };
    let mut files = Vec::with_capacity(differences.count());
    files.extend(
        differences
            .damaged
            .iter()
            .map(|damaged| file(&damaged.path, format!("other content, {}", damaged.named_blocks()))),
    );
    files.extend(differences.unreadable.iter().map(|found| file(&found.path, found.reason.clone())));
    files.extend(differences.removed.iter().map(|found| file(&found.path, "removed".to_owned())));
    files.extend(differences.resized.iter().map(|found| {
        file(&found.path, format!("{} instead of {} bytes", found.found_bytes, found.recorded_bytes))
    }));
    files.extend(
        differences
            .case_changed
            .iter()
            .map(|found| file(&found.recorded, format!("is named {:?} now", found.found))),
    );
    files.extend(differences.added.iter().map(|found| file(&found.path, "added".to_owned())));
    files
}

fn damaged(error: serde_json::Error) -> StoreError {
    StoreError::Damaged(format!("the library check: {error}"))
}
