//! Job containers as a person makes, watches and steers them. Whether and when they are carried out is the delivery
//! manager's, which may run in another program.
//!
//! Owns: what is shown of containers and jobs, and what halt, resume, renew, recover and remove do to the rows. Must not
//! know staging stores.

mod preflight;
mod views;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::documents::{ComputerId, ContainerId};
use super::error::{DeliveryError, require_writable};
use super::history::{tell_created, tell_of_job, totals_by_entry, words_of_totals};
use super::model::container::{ContainerProblem, InstalledPackage, JobTotals, NamedComputer, TargetSpec};
use super::model::evaluation::{Wanted, entry_for};
use super::model::job::{JobEvent, JobState};
use super::model::{Container, ContainerOptions, Entry, Linkage, OnChecksumError};
use super::moves::{definition_of, happen_by_entry, place_of_job, reopen};
use crate::library::{Library, LibraryError, PackageRef, is_running};
use crate::package::HistoryEvent;
use crate::package::numbers::many;
use crate::package::procedure::Task;
use crate::package::record::{PackageId, PackageRecord};
use crate::store::{ContainerRow, JobFilter, JobOrder, JobRow, JobsOf, ManagerLease, StoreError};
use crate::transfer::Clock;

pub use preflight::{ComputerFinding, PackageFinding, Preflight, StagingReadiness, preflight};
pub use views::{
    ContainerDetails, ContainerView, JobView, ManagerSeen, PackageJobs, TargetOrder, TargetPage, TargetQuery,
    TargetRow,
};

/// Without being renewed, the lease of a delivery manager is over after so many seconds.
const LEASE_SECS: i64 = 120;

/// Whether a lease of a delivery manager is over, as seen from the computer `host`: it was not renewed in time, or its
/// process was killed there.
pub(super) fn is_over(held: &ManagerLease, host: &str, now: Timestamp) -> bool {
    let stale = now.checked_sub(SignedDuration::from_secs(LEASE_SECS)).unwrap_or(Timestamp::MIN);
    let was_killed = held.host == host && held.process != 0 && !is_running(held.process);
    held.renewed < stale || was_killed
}

/// The job containers of one library. Clones speak of the same.
#[derive(Clone)]
pub struct JobDesk {
    pub(super) library: Arc<Library>,
    pub(super) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for JobDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobDesk").field("library", &self.library.root()).finish_non_exhaustive()
    }
}

/// Which procedure of a package a new job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedProcedure {
    /// The default for a task, or the only one for it.
    Task(Task),
    /// The one of this name, without regard to case.
    Named(String),
}

/// A container that is to be made.
#[derive(Clone, Debug)]
pub struct NewJobContainer {
    /// Its name; made from package and task where absent.
    pub name: Option<String>,
    /// Packages and procedures, in order.
    pub packages: Vec<(PackageRef, WantedProcedure)>,
    /// Computers, by name or identity.
    pub computers: Vec<String>,
    /// Groups of computers.
    pub groups: Vec<String>,
    /// Computers on which one of these packages is installed.
    pub installed: Vec<PackageRef>,
    /// How it is carried out.
    pub options: ContainerOptions,
    /// It is made although a package is blocked now.
    pub anyway: bool,
}

/// Which jobs of a container something is done to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selected {
    /// All of them.
    #[default]
    All,
    /// Those of these targets, by name.
    Targets(Vec<String>),
    /// These.
    Jobs(Vec<Uuid>),
    /// Those with this reason and exit code: a group of failures.
    Reason {
        /// Code of the reason.
        code: String,
        /// Exit code of the procedure.
        exit_code: Option<i32>,
    },
}

impl JobDesk {
    /// The containers of `library`.
    pub fn new(library: Arc<Library>, clock: Arc<dyn Clock>) -> Self {
        Self { library, clock }
    }

    /// What a new container would be. Refused for what could never be carried out; nothing is written.
    pub fn plan(&self, new: &NewJobContainer) -> Result<Container, DeliveryError> {
        let mut entries = Vec::with_capacity(new.packages.len());
        let mut blocked = None;
        for (package, wanted) in &new.packages {
            let record = self.library.resolve(package)?;
            let wanted = match wanted {
                WantedProcedure::Task(task) => Wanted::Task(*task),
                WantedProcedure::Named(name) => Wanted::Named(name),
            };
            let entry = entry_for(&record, &wanted)?;
            if !new.anyway && !entry.external && record.is_blocked() {
                blocked = blocked.or(Some(record));
            }
            entries.push(entry);
        }
        let mut targets = TargetSpec::default();
        for text in &new.computers {
            let text = text.trim();
            let found = self.library.catalogue().computer_named(text)?;
            let found = match (found, Uuid::try_parse(text)) {
                (None, Ok(id)) => self.library.catalogue().computer(id)?,
                (found, _) => found,
            };
            let computer = found.ok_or_else(|| DeliveryError::NoSuchComputer(text.to_owned()))?;
            let named = NamedComputer { id: ComputerId(computer.id), name: computer.name };
            if !targets.computers.contains(&named) {
                targets.computers.push(named);
            }
        }
        let groups = self.library.catalogue().computer_groups()?;
        for name in &new.groups {
            let folded = name.trim().to_lowercase();
            let found = groups.iter().find(|group| group.name.to_lowercase() == folded);
            let group = found.ok_or_else(|| DeliveryError::NoSuchGroup(name.trim().to_owned()))?;
            if !targets.groups.contains(&group.name) {
                targets.groups.push(group.name.clone());
            }
        }
        for package in &new.installed {
            let record = self.library.resolve(package)?;
            targets.installed.push(InstalledPackage { id: record.id, key: record.key });
        }
        let container = Container { entries, targets, options: new.options.clone() };
        container.check()?;
        if container.stops().is_some_and(|stops| stops <= self.clock.wall()) {
            return Err(ContainerProblem::StopsFirst.into());
        }
        match blocked {
            Some(record) => Err(self.differs(&record)?),
            None => Ok(container),
        }
    }

    /// Makes a container. Its computers are found when its time comes.
    pub fn create(&self, new: &NewJobContainer) -> Result<ContainerView, DeliveryError> {
        require_writable(&self.library)?;
        let container = self.plan(new)?;
        let name = match new.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            Some(name) => name.chars().filter(|c| !c.is_control()).take(200).collect(),
            None => name_for(&container),
        };
        self.keep(name, &container)
    }

    fn keep(&self, name: String, container: &Container) -> Result<ContainerView, DeliveryError> {
        let definition =
            serde_json::to_string(container).map_err(|error| DeliveryError::Unreadable(error.to_string()))?;
        let row = ContainerRow {
            row: 0,
            id: ContainerId::random().0,
            name,
            created: self.clock.wall(),
            created_by: self.library.actor().who.clone(),
            definition,
            halted: false,
            evaluated: None,
            ended: None,
            code: String::new(),
            reason: String::new(),
            report: None,
        };
        let packages: Vec<_> =
            container.entries.iter().map(|entry| (entry.package, entry.key.clone())).collect();
        self.library.catalogue().change(|change| -> Result<(), StoreError> {
            change.add_container(&row, &packages)?;
            tell_created(change, &self.library, &row.name, container)
        })?;
        self.library.bring_history_file_up_to_date();
        self.view_of(&self.row(row.id)?)
    }

    fn differs(&self, record: &PackageRecord) -> Result<DeliveryError, DeliveryError> {
        let report = self.library.catalogue().report(record.id)?;
        Ok(match report {
            Some(report) => {
                LibraryError::Differs { key: record.key.clone(), report: Box::new(report) }.into()
            }
            // The last check agreed meanwhile, or its report was lost: the manager checks at each turn.
            None => LibraryError::ChangedAgain(record.key.clone()).into(),
        })
    }

    /// The container of this name or with this identity, or the beginning of one.
    pub fn find(&self, text: &str) -> Result<ContainerRow, DeliveryError> {
        let text = text.trim();
        let folded = text.to_lowercase();
        let mut all = self.library.catalogue().containers()?;
        if let Some(at) = all.iter().position(|row| row.id.to_string() == folded) {
            return Ok(all.swap_remove(at));
        }
        let mut named: Vec<ContainerRow> =
            all.iter().filter(|row| row.name.to_lowercase() == folded).cloned().collect();
        if named.is_empty() && folded.len() >= 4 {
            named = all.into_iter().filter(|row| row.id.to_string().starts_with(&folded)).collect();
        }
        match named.len() {
            0 => Err(DeliveryError::NoSuchContainer(text.to_owned())),
            1 => Ok(named.swap_remove(0)),
            _ => Err(DeliveryError::SeveralContainers {
                name: text.to_owned(),
                ids: named.iter().map(|row| row.id.to_string()).collect(),
            }),
        }
    }

    /// Names of the containers that have a package to do: it must stay where it is staged.
    pub fn users_of(&self, package: PackageId) -> Result<Vec<String>, DeliveryError> {
        let containers = self.library.catalogue().containers_of_package(package)?;
        Ok(containers.into_iter().filter(|row| row.ended.is_none()).map(|row| row.name).collect())
    }

    pub(super) fn row(&self, id: Uuid) -> Result<ContainerRow, DeliveryError> {
        let found = self.library.catalogue().container(id)?;
        found.ok_or_else(|| DeliveryError::NoSuchContainer(id.to_string()))
    }

    /// Halts a container, or some of its jobs: what runs goes on to its end, nothing else begins.
    pub fn halt(&self, id: Uuid, selected: &Selected) -> Result<u64, DeliveryError> {
        let why = ("halted", super::model::reason("halted"));
        self.steer(id, selected, JobEvent::Halt, why, |row| row.halted |= *selected == Selected::All)
    }

    /// Lets a container, or some of its jobs, go on. What waits for a consistent package goes on by itself once it is.
    pub fn resume(&self, id: Uuid, selected: &Selected) -> Result<u64, DeliveryError> {
        self.steer(id, selected, JobEvent::Resume, ("", ""), |row| row.halted &= *selected != Selected::All)
    }

    /// Lets failed jobs be done again, all or some; gives how many. Done ones stay as they are.
    pub fn renew(&self, id: Uuid, selected: &Selected) -> Result<u64, DeliveryError> {
        let renewed = self.steer(id, selected, JobEvent::Renew, ("", ""), |row| {
            row.code.clear();
            row.reason.clear();
            row.report = None;
        })?;
        if renewed == 0 {
            return Err(DeliveryError::NothingFailed(self.row(id)?.name));
        }
        Ok(renewed)
    }

    fn steer(
        &self,
        id: Uuid,
        selected: &Selected,
        event: JobEvent,
        why: (&str, &str),
        container_also: impl Fn(&mut ContainerRow),
    ) -> Result<u64, DeliveryError> {
        require_writable(&self.library)?;
        let now = self.clock.wall();
        let row = self.row(id)?;
        let definition = definition_of(&row)?;
        let rows = self.rows_of(&row, selected)?;
        let moved = self.library.catalogue().change(|change| -> Result<u64, DeliveryError> {
            let mut row = row;
            let mut jobs = JobsOf::all(row.row);
            jobs.rows = rows.as_deref();
            // What was halted because of the package stays so until that is consistent.
            jobs.code = (event == JobEvent::Resume && *selected == Selected::All).then_some(why_halted());
            let was_halted = row.halted;
            let by_entry = happen_by_entry(change, &jobs, event, why, now)?;
            let moved: u64 = by_entry.values().sum();
            container_also(&mut row);
            change.set_container(&row)?;
            if moved > 0 {
                reopen(change, &mut row)?;
            }
            if moved > 0 || row.halted != was_halted {
                let told = match event {
                    JobEvent::Halt => HistoryEvent::JobHalted,
                    JobEvent::Resume => HistoryEvent::JobResumed,
                    _ => HistoryEvent::JobRenewed,
                };
                let words = |places: &[u32]| {
                    if row.evaluated.is_none() {
                        return Some("before it began".to_owned());
                    }
                    let of_these: u64 = places.iter().filter_map(|place| by_entry.get(place)).sum();
                    let what = if places.len() == 1 { "target" } else { "job" };
                    // A package none of whose jobs moved has nothing to tell, unless it is the container that changed.
                    (of_these > 0 || moved == 0).then(|| many(of_these, what))
                };
                tell_of_job(change, &self.library, told, (&row.name, &definition), words)?;
            }
            Ok(moved)
        })?;
        self.library.bring_history_file_up_to_date();
        Ok(moved)
    }

    /// Rows of the selected jobs; `None` for all.
    fn rows_of(
        &self,
        container: &ContainerRow,
        selected: &Selected,
    ) -> Result<Option<Vec<i64>>, DeliveryError> {
        let mut rows = Vec::new();
        match selected {
            Selected::All => return Ok(None),
            Selected::Jobs(ids) => {
                for id in ids {
                    let job = self.library.catalogue().job(*id)?;
                    let job = job.filter(|job| job.container == container.row);
                    rows.push(job.ok_or_else(|| DeliveryError::NoSuchJob(id.to_string()))?.row);
                }
            }
            Selected::Targets(names) => {
                for name in names {
                    let folded = name.trim().to_lowercase();
                    let filter = JobFilter { text: Some(folded.clone()), ..JobFilter::default() };
                    let found = self.jobs_like(container.row, &filter)?;
                    let before = rows.len();
                    rows.extend(
                        found.iter().filter(|job| job.target.to_lowercase() == folded).map(|job| job.row),
                    );
                    if rows.len() == before {
                        return Err(DeliveryError::NoSuchJob(name.trim().to_owned()));
                    }
                }
            }
            Selected::Reason { code, exit_code } => {
                let filter = JobFilter {
                    code: Some(code.clone()),
                    exit_code: Some(*exit_code),
                    ..JobFilter::default()
                };
                rows.extend(self.jobs_like(container.row, &filter)?.iter().map(|job| job.row));
            }
        }
        Ok(Some(rows))
    }

    fn jobs_like(&self, container: i64, filter: &JobFilter) -> Result<Vec<JobRow>, DeliveryError> {
        let catalogue = self.library.catalogue();
        Ok(catalogue.jobs_page(container, filter, JobOrder::Turn, false, 0, u32::MAX)?.1)
    }

    /// Makes a container that runs the uninstall procedures on the computers of failed jobs, to clean up after them.
    pub fn recover(&self, id: Uuid, selected: &Selected) -> Result<ContainerView, DeliveryError> {
        require_writable(&self.library)?;
        let row = self.row(id)?;
        let definition = definition_of(&row)?;
        let rows = self.rows_of(&row, selected)?;
        let failed = [JobState::ExecutionError, JobState::DeliveryError].map(|state| state.code().to_owned());
        let filter = JobFilter { states: failed.to_vec(), ..JobFilter::default() };
        let mut computers = Vec::new();
        let mut failed_entries = std::collections::BTreeSet::new();
        for job in self.jobs_like(row.row, &filter)? {
            let is_meant = rows.as_ref().is_none_or(|rows| rows.contains(&job.row));
            if !is_meant || job.computer.is_none() || !place_of_job(&job)?.can_renew() {
                continue;
            }
            failed_entries.insert(job.entry);
            if !computers.contains(&job.target) {
                computers.push(job.target);
            }
        }
        if computers.is_empty() {
            return Err(DeliveryError::NothingFailed(row.name));
        }
        let mut packages: Vec<(PackageRef, WantedProcedure)> = Vec::new();
        // Taken away in the reverse order.
        for (place, entry) in definition.entries.iter().enumerate().rev() {
            let failed = u32::try_from(place).is_ok_and(|place| failed_entries.contains(&place));
            let wanted = (PackageRef::Id(entry.package), WantedProcedure::Task(Task::Uninstall));
            if (failed || definition.options.linkage == Linkage::Batch) && !packages.contains(&wanted) {
                packages.push(wanted);
            }
        }
        self.create(&NewJobContainer {
            name: Some(format!("Recover {}", row.name)),
            packages,
            computers,
            groups: Vec::new(),
            installed: Vec::new(),
            options: ContainerOptions {
                linkage: definition.options.linkage,
                parallel: definition.options.parallel,
                time_limit_secs: definition.options.time_limit_secs,
                ..ContainerOptions::default()
            },
            anyway: false,
        })
    }

    /// Removes a container with its jobs and what they said. Refused while jobs have not ended, unless they are withdrawn;
    /// what a computer is executing it executes to its end.
    pub fn remove(&self, id: Uuid, withdraw: bool) -> Result<String, DeliveryError> {
        require_writable(&self.library)?;
        let row = self.row(id)?;
        let totals = self.view_of(&row)?.totals;
        let open = totals.open();
        if open > 0 && !withdraw {
            return Err(DeliveryError::StillRunning { name: row.name, jobs: open });
        }
        let definition = definition_of(&row)?;
        self.library.catalogue().change(|change| -> Result<(), StoreError> {
            let totals = totals_by_entry(change, &row, &definition)?;
            change.remove_container(row.row)?;
            let of = (row.name.as_str(), &definition);
            tell_of_job(change, &self.library, HistoryEvent::JobRemoved, of, |places| {
                Some(words_of_removed(&row, places.iter().filter_map(|place| totals.get(*place as usize))))
            })
        })?;
        self.library.bring_history_file_up_to_date();
        Ok(row.name)
    }
}

/// What is told of the jobs of one package when their container is removed.
fn words_of_removed<'t>(row: &ContainerRow, totals: impl Iterator<Item = &'t JobTotals>) -> String {
    if row.evaluated.is_none() {
        return "before it began".to_owned();
    }
    let all = totals.fold(JobTotals::default(), |all, more| all.and(more));
    match all.open() {
        0 => words_of_totals(&all),
        open => format!("{} withdrawn", many(open, "job")),
    }
}

/// The code of what a person halted.
pub(crate) fn why_halted() -> &'static str {
    "halted"
}

fn name_for(container: &Container) -> String {
    let Some(Entry { key, task, .. }) = container.entries.first() else { return String::new() };
    let more = container.entries.len() - 1;
    let doing = if container.options.stage_only { "Stage" } else { task.word() };
    if more == 0 {
        format!("{doing} {}", key.title())
    } else {
        format!("{doing} {} and {more} more", key.title())
    }
}

/// What is said of the targets of a container after a checksum error: `2 targets end in error`.
pub(crate) fn words_after(count: u64, on: OnChecksumError) -> String {
    match (on, count) {
        (OnChecksumError::Error, 1) => "1 target ends in error".to_owned(),
        (OnChecksumError::Error, _) => format!("{count} targets end in error"),
        (OnChecksumError::Halt, 1) => "1 target is halted until the package is consistent".to_owned(),
        (OnChecksumError::Halt, _) => format!("{count} targets are halted until the package is consistent"),
    }
}

#[cfg(test)]
mod tests {
    use super::{OnChecksumError, words_after};

    #[test]
    fn one_target_ends_and_several_end() {
        let error = OnChecksumError::Error;
        let halt = OnChecksumError::Halt;
        assert_eq!(words_after(1, error), "1 target ends in error");
        assert_eq!(words_after(2, error), "2 targets end in error");
        assert_eq!(words_after(1, halt), "1 target is halted until the package is consistent");
        assert_eq!(words_after(3, halt), "3 targets are halted until the package is consistent");
    }
}
