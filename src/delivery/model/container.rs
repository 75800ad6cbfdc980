//! A job container: which procedures of which packages run on which computers, when, and how many at a time; and how it
//! stands, in DSM's words.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::job::{After, JobPlace, JobState, Shown};
use crate::delivery::documents::{ComputerId, When, limits};
use crate::package::PackageKey;
use crate::package::procedure::Task;
use crate::package::record::PackageId;

/// Targets at a time where nothing else is said.
pub const PARALLEL: u32 = 50;
/// Most targets at a time.
pub const PARALLEL_MAX: u32 = 100_000;
/// How long after its time a job is waited for where nothing else is said: DSM's 7 days.
pub const GIVE_UP_AFTER_SECS: u64 = 7 * 24 * 3600;
/// Most packages in one container.
pub const ENTRIES_MAX: usize = 100;

/// A package of a container, and the procedure of it that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The package.
    pub package: PackageId,
    /// Its name and version when the container was made.
    pub key: PackageKey,
    /// Name of the procedure.
    pub procedure: String,
    /// What the procedure does.
    pub task: Task,
    /// Whether the procedure needs no file of the package, so that nothing is checked before it.
    #[serde(default)]
    pub external: bool,
}

/// How the packages of one container belong together on a computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Linkage {
    /// Each for itself.
    #[default]
    None,
    /// One piece of work: a failure ends the rest for that computer.
    Batch,
}

/// What becomes of the remaining targets after a checksum error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnChecksumError {
    /// They end in error.
    #[default]
    Error,
    /// They are halted until the package is consistent again, and go on by themselves.
    Halt,
}

/// A computer that was named, with the name it had then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedComputer {
    /// Which.
    pub id: ComputerId,
    /// Its name.
    pub name: String,
}

/// Which computers a container is about; found when its time comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// These.
    #[serde(default)]
    pub computers: Vec<NamedComputer>,
    /// All that are in these groups then.
    #[serde(default)]
    pub groups: Vec<String>,
    /// All on which one of these packages is installed then.
    #[serde(default)]
    pub installed: Vec<InstalledPackage>,
}

/// A package by which computers are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledPackage {
    /// Which.
    pub id: PackageId,
    /// Its name and version.
    pub key: PackageKey,
}

/// How a container is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerOptions {
    /// How its packages belong together.
    pub linkage: Linkage,
    /// Packages are only brought to the computers.
    pub stage_only: bool,
    /// Not brought before this.
    pub stage_at: Option<When>,
    /// Not run before this.
    pub run_at: Option<When>,
    /// Nothing is begun after this.
    pub stop_starting_at: Option<When>,
    /// A procedure is ended after so many seconds.
    pub time_limit_secs: Option<u64>,
    /// A job that has not ended so many seconds after its time ends in error.
    pub give_up_after_secs: u64,
    /// Targets at a time: those whose environment was set up and that have not ended. One whose package is there and that
    /// waits for its time to run does not count.
    pub parallel: u32,
    /// After a checksum error.
    pub on_checksum_error: OnChecksumError,
    /// Runs although it is installed already.
    pub reinstall: bool,
    /// Installed already counts as OK.
    pub installed_is_ok: bool,
}

impl Default for ContainerOptions {
    fn default() -> Self {
        Self {
            linkage: Linkage::None,
            stage_only: false,
            stage_at: None,
            run_at: None,
            stop_starting_at: None,
            time_limit_secs: None,
            give_up_after_secs: GIVE_UP_AFTER_SECS,
            parallel: PARALLEL,
            on_checksum_error: OnChecksumError::Error,
            reinstall: false,
            installed_is_ok: false,
        }
    }
}

/// What a container is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its packages, in order.
    pub entries: Vec<Entry>,
    /// Its computers.
    pub targets: TargetSpec,
    /// How it is carried out.
    #[serde(default)]
    pub options: ContainerOptions,
}

/// Why a container is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContainerProblem {
    /// No package.
    #[error("no package is named")]
    NoPackage,
    /// More than [`ENTRIES_MAX`].
    #[error("more than {ENTRIES_MAX} packages are named")]
    TooManyPackages,
    /// The same procedure of the same package twice.
    #[error("{0} is named twice with the same procedure")]
    Twice(PackageKey),
    /// No computer, group or package.
    #[error("no computer and no group is named")]
    NoTarget,
    /// No target, or more than there can be, at a time.
    #[error("targets at a time must be 1 to {PARALLEL_MAX}")]
    Parallel,
    /// A time limit of 0, or more than agents take.
    #[error("a time limit must be 1 second to 7 days")]
    TimeLimit,
    /// Nothing could ever begin.
    #[error("it stops starting before it may begin")]
    StopsFirst,
}

impl Container {
    /// Refuses what could never be carried out.
    pub fn check(&self) -> Result<(), ContainerProblem> {
        let options = &self.options;
        if self.entries.is_empty() {
            return Err(ContainerProblem::NoPackage);
        }
        if self.entries.len() > ENTRIES_MAX {
            return Err(ContainerProblem::TooManyPackages);
        }
        for (place, entry) in self.entries.iter().enumerate() {
            let same = |other: &Entry| other.package == entry.package && other.procedure == entry.procedure;
            if self.entries[..place].iter().any(same) {
                return Err(ContainerProblem::Twice(entry.key.clone()));
            }
        }
        let targets = &self.targets;
        if targets.computers.is_empty() && targets.groups.is_empty() && targets.installed.is_empty() {
            return Err(ContainerProblem::NoTarget);
        }
        if !(1..=PARALLEL_MAX).contains(&options.parallel) {
            return Err(ContainerProblem::Parallel);
        }
        let is_limit = |secs: u64| (1..=limits::TIME_LIMIT_MAX_SECS).contains(&secs);
        if options.time_limit_secs.is_some_and(|secs| !is_limit(secs)) || options.give_up_after_secs == 0 {
            return Err(ContainerProblem::TimeLimit);
        }
        let begins = [options.stage_at, options.run_at].into_iter().flatten().map(earliest).max();
        if let (Some(stops), Some(begins)) = (options.stop_starting_at.map(latest), begins)
            && stops <= begins
        {
            return Err(ContainerProblem::StopsFirst);
        }
        Ok(())
    }

    /// When its first environments may be set up; at once if nothing is said.
    pub fn due(&self) -> Option<Timestamp> {
        self.options.stage_at.map(earliest)
    }

    /// When nothing more is begun, everywhere.
    pub fn stops(&self) -> Option<Timestamp> {
        self.options.stop_starting_at.map(latest)
    }

    /// When jobs that have not ended are given up, if its targets were found at `evaluated`.
    pub fn given_up(&self, evaluated: Timestamp) -> Timestamp {
        let begins = self.options.run_at.map_or(evaluated, |run_at| latest(run_at).max(evaluated));
        let secs = i64::try_from(self.options.give_up_after_secs).unwrap_or(i64::MAX);
        begins.checked_add(SignedDuration::from_secs(secs)).unwrap_or(Timestamp::MAX)
    }
}

/// Clocks on the walls of computers are at most so far ahead of that of Greenwich.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(14);
/// And at most so far behind.
const MOST_BEHIND: SignedDuration = SignedDuration::from_hours(12);

/// When it is that time on the first of all computers.
pub fn earliest(when: When) -> Timestamp {
    match when {
        When::Site { time } => Timestamp::from_second(time).unwrap_or(Timestamp::MAX),
        When::Computer { .. } => at_greenwich(when).checked_sub(MOST_AHEAD).unwrap_or(Timestamp::MIN),
    }
}

/// When it is that time on the last of all computers.
pub fn latest(when: When) -> Timestamp {
    match when {
        When::Site { time } => Timestamp::from_second(time).unwrap_or(Timestamp::MAX),
        When::Computer { .. } => at_greenwich(when).checked_add(MOST_BEHIND).unwrap_or(Timestamp::MAX),
    }
}

fn at_greenwich(when: When) -> Timestamp {
    Timestamp::from_second(when.moment(&TimeZone::UTC)).unwrap_or(Timestamp::MAX)
}

/// How many jobs of a container stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobTotals {
    /// Their turn has not come.
    pub waiting: u64,
    /// Given to their agents.
    pub ordered: u64,
    /// The package is on the computer.
    pub staged: u64,
    /// The procedure runs.
    pub executing: u64,
    /// They wait until they are let go on.
    pub halted: u64,
    /// Done.
    pub ok: u64,
    /// Failed.
    pub error: u64,
    /// Those among waiting whose environment is being set up.
    #[serde(skip)]
    pub building: u64,
    /// Those among halted and failed whose computer has not confirmed it.
    pub unconfirmed: u64,
    /// Those among the halted that can still turn out to run.
    #[serde(skip)]
    pub halting: u64,
}

impl JobTotals {
    /// Counts jobs at a place.
    pub fn add(&mut self, place: JobPlace, jobs: u64, installed_is_ok: bool) {
        let total = match place.shown(installed_is_ok) {
            Shown::Waiting => &mut self.waiting,
            Shown::Ordered => &mut self.ordered,
            Shown::Staged => &mut self.staged,
            Shown::Executing => &mut self.executing,
            Shown::Halted => &mut self.halted,
            Shown::Ok => &mut self.ok,
            Shown::Error => &mut self.error,
        };
        *total += jobs;
        match (place.state, place.after) {
            (JobState::Building, _) => self.building += jobs,
            (JobState::Withdrawing, after) => {
                self.unconfirmed += jobs;
                if after == Some(After::Halted) {
                    self.halting += jobs;
                }
            }
            _ => {}
        }
    }

    /// These and more.
    pub fn and(&self, more: &Self) -> Self {
        Self {
            waiting: self.waiting + more.waiting,
            ordered: self.ordered + more.ordered,
            staged: self.staged + more.staged,
            executing: self.executing + more.executing,
            halted: self.halted + more.halted,
            ok: self.ok + more.ok,
            error: self.error + more.error,
            building: self.building + more.building,
            unconfirmed: self.unconfirmed + more.unconfirmed,
            halting: self.halting + more.halting,
        }
    }

    /// All of them.
    pub fn all(&self) -> u64 {
        self.waiting + self.ordered + self.staged + self.executing + self.halted + self.ok + self.error
    }

    /// Those that are neither done nor failed.
    pub fn open(&self) -> u64 {
        self.all() - self.ok - self.error
    }

    /// How many show this word.
    pub fn of(&self, shown: Shown) -> u64 {
        match shown {
            Shown::Waiting => self.waiting,
            Shown::Ordered => self.ordered,
            Shown::Staged => self.staged,
            Shown::Executing => self.executing,
            Shown::Halted => self.halted,
            Shown::Ok => self.ok,
            Shown::Error => self.error,
        }
    }
}

/// How a container stands, in DSM's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerState {
    /// Made, and no delivery manager has seen it.
    Created,
    /// Its time has not come.
    Waiting,
    /// Its computers are being found.
    Evaluating,
    /// Its first environments are being set up.
    Building,
    /// Its jobs are being done.
    InProgress,
    /// All jobs are done.
    SuccessfullyCompleted,
    /// All jobs have ended, and at least one failed.
    Failed,
    /// There was nothing to do.
    Warning,
    /// It is being halted, and something still runs.
    HaltInProgress,
    /// It waits until it is let go on.
    Halted,
}

impl ContainerState {
    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Waiting => "Waiting",
            Self::Evaluating => "Evaluating",
            Self::Building => "Building",
            Self::InProgress => "In progress",
            Self::SuccessfullyCompleted => "Successfully completed",
            Self::Failed => "Failed",
            Self::Warning => "Warning",
            Self::HaltInProgress => "Halt in progress",
            Self::Halted => "Halted",
        }
    }

    /// Whether nothing more happens by itself.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::SuccessfullyCompleted | Self::Failed | Self::Warning)
    }
}

/// What the state of a container follows from.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// A person halted it.
    pub halted: bool,
    /// When its environments may be set up.
    pub due: Option<Timestamp>,
    /// Whether its computers were found.
    pub evaluated: bool,
    /// Whether a delivery manager runs.
    pub managed: bool,
    /// Where its jobs stand.
    pub totals: JobTotals,
}

impl Standing {
    /// The state at this moment.
    pub fn state(&self, now: Timestamp) -> ContainerState {
        let totals = &self.totals;
        if !self.evaluated {
            return match self.due {
                _ if self.halted => ContainerState::Halted,
                Some(due) if now < due => ContainerState::Waiting,
                _ if self.managed => ContainerState::Evaluating,
                _ => ContainerState::Created,
            };
        }
        if totals.all() == 0 {
            return ContainerState::Warning;
        }
        if totals.open() == 0 {
            let failed = totals.error > 0;
            return if failed { ContainerState::Failed } else { ContainerState::SuccessfullyCompleted };
        }
        let busy = totals.ordered + totals.staged + totals.executing;
        if self.halted || totals.halted > 0 && totals.waiting == 0 {
            return if busy > 0 { ContainerState::HaltInProgress } else { ContainerState::Halted };
        }
        if busy + totals.ok + totals.error == 0 && totals.building > 0 {
            return ContainerState::Building;
        }
        ContainerState::InProgress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container() -> Container {
        let id = uuid::Uuid::from_u128(7);
        Container {
            entries: vec![Entry {
                package: PackageId(id),
                key: PackageKey::new("Tool", "1").expect("good"),
                procedure: "Install".into(),
                task: Task::Install,
                external: false,
            }],
            targets: TargetSpec { groups: vec!["Köln".into()], ..TargetSpec::default() },
            options: ContainerOptions::default(),
        }
    }

    #[test]
    fn what_can_never_be_carried_out_is_refused() {
        let good = container();
        assert_eq!(good.check(), Ok(()));
        let text = serde_json::to_string(&good).expect("it is written");
        assert_eq!(serde_json::from_str::<Container>(&text).expect("it is read"), good);
        let with = |change: fn(&mut Container)| {
            let mut changed = container();
            change(&mut changed);
            changed.check()
        };
        assert_eq!(with(|c| c.entries.clear()), Err(ContainerProblem::NoPackage));
        assert!(matches!(with(|c| c.entries.push(c.entries[0].clone())), Err(ContainerProblem::Twice(_))));
        assert_eq!(with(|c| c.targets.groups.clear()), Err(ContainerProblem::NoTarget));
        assert_eq!(with(|c| c.options.parallel = 0), Err(ContainerProblem::Parallel));
        assert_eq!(with(|c| c.options.time_limit_secs = Some(0)), Err(ContainerProblem::TimeLimit));
        let stops_first = with(|c| {
            c.options.run_at = Some(When::Site { time: 2000 });
            c.options.stop_starting_at = Some(When::Site { time: 2000 });
        });
        assert_eq!(stops_first, Err(ContainerProblem::StopsFirst));
    }

    #[test]
    fn the_time_of_a_wall_comes_to_all_computers_within_26_hours() {
        let midnight = jiff::civil::date(2026, 11, 21).at(0, 0, 0, 0);
        let when = When::Computer { time: midnight };
        for zone in ["Pacific/Kiritimati", "Europe/Berlin", "America/Los_Angeles", "UTC"] {
            let Ok(zone) = TimeZone::get(zone) else { continue };
            let moment = Timestamp::from_second(when.moment(&zone)).expect("a moment");
            assert!(earliest(when) <= moment && moment <= latest(when), "{zone:?}");
        }
    }

    #[test]
    fn a_container_stands_as_its_jobs_do() {
        let now = Timestamp::from_second(1000).expect("a moment");
        let mut standing = Standing {
            halted: false,
            due: Timestamp::from_second(2000).ok(),
            evaluated: false,
            managed: true,
            totals: JobTotals::default(),
        };
        assert_eq!(standing.state(now), ContainerState::Waiting);
        standing.due = None;
        assert_eq!(standing.state(now), ContainerState::Evaluating);
        standing.managed = false;
        assert_eq!(standing.state(now), ContainerState::Created);
        standing.evaluated = true;
        assert_eq!(standing.state(now), ContainerState::Warning, "there was nobody");
        standing.totals.add(JobPlace::at(JobState::Building), 2, false);
        assert_eq!(standing.state(now), ContainerState::Building);
        standing.totals.add(JobPlace::at(JobState::ExecutionOk), 1, false);
        assert_eq!(standing.state(now), ContainerState::InProgress);
        standing.halted = true;
        assert_eq!(standing.state(now), ContainerState::Halted);
        standing.totals.add(JobPlace::at(JobState::Executing), 1, false);
        assert_eq!(standing.state(now), ContainerState::HaltInProgress);
        standing.totals = JobTotals { ok: 3, error: 1, ..JobTotals::default() };
        assert_eq!(standing.state(now), ContainerState::Failed);
        standing.totals.error = 0;
        assert_eq!(standing.state(now), ContainerState::SuccessfullyCompleted);
    }

    #[test]
    fn every_job_is_counted_once() {
        let mut totals = JobTotals::default();
        for state in JobState::ALL {
            totals.add(JobPlace::at(state), 1, true);
        }
        assert_eq!(totals.all(), JobState::ALL.len() as u64);
        assert_eq!(Shown::ALL.map(|shown| totals.of(shown)).iter().sum::<u64>(), totals.all());
        assert_eq!(totals.ok, 2, "installed already counts as done");
    }
}
