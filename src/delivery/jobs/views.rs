//! What lists, pages and the command line show of containers and jobs.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::{JobDesk, is_over};
use crate::delivery::error::DeliveryError;
use crate::delivery::model::job::{After, JobPlace, JobState, Shown};
use crate::delivery::model::{Container, ContainerState, FailureGroup, JobTotals, OnChecksumError, Standing};
use crate::delivery::moves::{definition_of, place_of, place_of_job};
use crate::package::record::PackageId;
use crate::package::{CheckReport, PackageKey};
use crate::store::{ContainerRow, JobDetails, JobFilter, JobOrder, JobRow, ManagerLease};

/// A container as a list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ContainerView {
    /// Its identity.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// How it stands.
    pub state: ContainerState,
    /// How many jobs stand where.
    pub totals: JobTotals,
    /// Its packages, in order.
    pub packages: Vec<PackageKey>,
    /// Whether a person halted it.
    pub halted: bool,
    /// When its first environments may be set up; absent for at once.
    pub due: Option<Timestamp>,
    /// When its targets were found.
    pub evaluated: Option<Timestamp>,
    /// When the last of its jobs ended.
    pub ended: Option<Timestamp>,
    /// Code of what is to be known about it: `consistency-differs`, `no-targets`; empty for none.
    pub code: String,
    /// The same in words.
    pub reason: String,
    /// What becomes of the remaining targets after a checksum error.
    pub on_checksum_error: OnChecksumError,
    /// What a verification found, where that is why.
    pub report: Option<CheckReport>,
}

/// A container with all that its page shows above its targets.
#[derive(Clone, Debug)]
pub struct ContainerDetails {
    /// What a list shows.
    pub view: ContainerView,
    /// Packages, targets and options.
    pub definition: Container,
    /// Failed jobs by reason, the largest group first.
    pub failures: Vec<FailureGroup>,
}

/// One target of a container: a job on a computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetRow {
    /// The job.
    pub job: Uuid,
    /// Name of the computer.
    pub target: String,
    /// Which package of the container.
    pub package: PackageKey,
    /// The word a person reads.
    pub shown: Shown,
    /// The state in DSM's words.
    pub state: JobState,
    /// Whether its computer has not confirmed yet that it was withdrawn.
    pub unconfirmed: bool,
    /// Code of the reason; empty for none.
    pub code: String,
    /// Why: `checksum of the package (differs since 10:42)`, `not reached since 2026-11-12`.
    pub reason: String,
    /// How much of the package is there, 0 to 100, while it is delivered.
    pub percent: Option<u8>,
    /// Exit code of the procedure.
    pub exit_code: Option<i32>,
    /// When it came to stand there.
    pub changed: Timestamp,
    /// When its environment was set up.
    pub begun: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// A part of the targets of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetPage {
    /// How many fit the query in all.
    pub total: u64,
    /// Those of the range that was asked for.
    pub rows: Vec<TargetRow>,
}

/// In which order targets are shown.
pub type TargetOrder = JobOrder;

/// Which targets of a container are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetQuery {
    /// Only those that show one of these words; all where it is empty.
    pub shown: Vec<Shown>,
    /// Only those of this group of failures: code and exit code.
    pub failure: Option<(String, Option<i32>)>,
    /// Only those with this in the name of the computer.
    pub text: Option<String>,
    /// In which order.
    pub order: TargetOrder,
    /// The other way round.
    pub descending: bool,
    /// From this one on, counted from 0.
    pub from: u64,
    /// At most so many.
    pub most: u32,
}

/// A job with what its computer said.
#[derive(Clone, Debug)]
pub struct JobView {
    /// What a list shows.
    pub row: TargetRow,
    /// Identity of its container.
    pub container: Uuid,
    /// The end of what the procedure said.
    pub output: Option<String>,
    /// How the package on the computer differed.
    pub differences: Option<CheckReport>,
    /// What the exit code means by the procedure.
    pub meaning: Option<crate::package::procedure::ExitMeaning>,
}

/// The jobs of a package in one container.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageJobs {
    /// Identity of the container.
    pub container: Uuid,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: ContainerState,
    /// How many of its jobs stand where.
    pub totals: JobTotals,
    /// When it was made.
    pub created: Timestamp,
    /// It has the package to do, and not only for test computers: what is given to others must stay what it is.
    pub holds: bool,
}

/// Whether a delivery manager runs, as the library database tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagerSeen {
    /// It runs, and was heard of a moment ago.
    Running(ManagerLease),
    /// None runs. The one that ran last, if it did not stop in order.
    NotRunning(Option<ManagerLease>),
}

impl JobDesk {
    /// Whether a delivery manager runs.
    pub fn manager(&self) -> Result<ManagerSeen, DeliveryError> {
        let lease = self.library.catalogue().manager_lease()?;
        let (host, now) = (&self.library.actor().host, self.clock.wall());
        Ok(match lease {
            Some(lease) if !is_over(&lease, host, now) => ManagerSeen::Running(lease),
            other => ManagerSeen::NotRunning(other),
        })
    }

    /// All containers, the newest first.
    pub fn list(&self) -> Result<Vec<ContainerView>, DeliveryError> {
        let (rows, counts) = {
            let catalogue = self.library.catalogue();
            (catalogue.containers()?, catalogue.job_counts(None)?)
        };
        let managed = self.is_managed()?;
        let mut places: HashMap<i64, Vec<(JobPlace, u64)>> = HashMap::new();
        for count in &counts {
            places.entry(count.container).or_default().push((place_of(&count.class)?, count.jobs));
        }
        let none = Vec::new();
        rows.iter().map(|row| self.view(row, places.get(&row.row).unwrap_or(&none), managed)).collect()
    }

    pub(super) fn view_of(&self, row: &ContainerRow) -> Result<ContainerView, DeliveryError> {
        let counts = self.library.catalogue().job_counts(Some(row.row))?;
        let places = counts.iter().map(|count| Ok((place_of(&count.class)?, count.jobs)));
        let places = places.collect::<Result<Vec<_>, DeliveryError>>()?;
        self.view(row, &places, self.is_managed()?)
    }

    fn is_managed(&self) -> Result<bool, DeliveryError> {
        Ok(matches!(self.manager()?, ManagerSeen::Running(_)))
    }

    fn view(
        &self,
        row: &ContainerRow,
        places: &[(JobPlace, u64)],
        managed: bool,
    ) -> Result<ContainerView, DeliveryError> {
        let definition = definition_of(row)?;
        let mut totals = JobTotals::default();
        for (place, jobs) in places {
            totals.add(*place, *jobs, definition.options.installed_is_ok);
        }
        let standing = Standing {
            halted: row.halted,
            due: definition.due(),
            evaluated: row.evaluated.is_some(),
            managed,
            totals,
        };
        Ok(ContainerView {
            id: row.id,
            name: row.name.clone(),
            created: row.created,
            created_by: row.created_by.clone(),
            state: standing.state(self.clock.wall()),
            totals,
            packages: definition.entries.iter().map(|entry| entry.key.clone()).collect(),
            halted: row.halted,
            due: definition.due(),
            evaluated: row.evaluated,
            ended: row.ended,
            code: row.code.clone(),
            reason: row.reason.clone(),
            on_checksum_error: definition.options.on_checksum_error,
            report: row.report.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        })
    }

    /// A container with all that its page shows above its targets.
    pub fn details(&self, id: Uuid) -> Result<ContainerDetails, DeliveryError> {
        let row = self.row(id)?;
        let view = self.view_of(&row)?;
        let definition = definition_of(&row)?;
        let mut failed = vec![
            JobState::DeliveryError.code(),
            JobState::ExecutionError.code(),
            JobState::ManipulationNotAllowed.code(),
            JobState::Withdrawing.code(),
        ];
        if !definition.options.installed_is_ok {
            failed.push(JobState::AlreadyInstalled.code());
        }
        let failures = self.library.catalogue().failures(row.row, &failed)?;
        let groups = failures.iter().map(|failure| {
            FailureGroup::new(&failure.code, failure.exit_code, &failure.reason, failure.jobs)
        });
        Ok(ContainerDetails { view, definition, failures: groups.collect() })
    }

    /// A part of the targets of a container.
    pub fn targets(&self, id: Uuid, query: &TargetQuery) -> Result<TargetPage, DeliveryError> {
        let row = self.row(id)?;
        let definition = definition_of(&row)?;
        let installed_is_ok = definition.options.installed_is_ok;
        let mut states = Vec::new();
        for state in JobState::ALL {
            let could_show = |after: Option<After>| {
                query.shown.contains(&JobPlace { state, after, known: true }.shown(installed_is_ok))
            };
            let afters: &[Option<After>] = match state {
                JobState::Withdrawing => &[Some(After::Error), Some(After::Halted)],
                _ => &[None],
            };
            if afters.iter().any(|after| could_show(*after)) {
                states.push(state.code().to_owned());
            }
        }
        let filter = JobFilter {
            states,
            code: query.failure.as_ref().map(|(code, _)| code.clone()),
            exit_code: query.failure.as_ref().map(|(_, exit_code)| *exit_code),
            text: query.text.clone().filter(|text| !text.trim().is_empty()),
        };
        let catalogue = self.library.catalogue();
        let (total, jobs) =
            catalogue.jobs_page(row.row, &filter, query.order, query.descending, query.from, query.most)?;
        let seen = catalogue.seen_of(&jobs.iter().filter_map(|job| job.computer).collect::<Vec<_>>())?;
        drop(catalogue);
        let now = self.clock.wall();
        let rows = jobs.iter().map(|job| {
            let seen = job.computer.and_then(|computer| seen.get(&computer).copied());
            target_row(job, &definition, seen.flatten(), now)
        });
        Ok(TargetPage { total, rows: rows.collect::<Result<_, _>>()? })
    }

    /// A job with what its computer said.
    pub fn job(&self, id: Uuid) -> Result<JobView, DeliveryError> {
        let job = self.library.catalogue().job(id)?;
        let job = job.ok_or_else(|| DeliveryError::NoSuchJob(id.to_string()))?;
        let containers = self.library.catalogue().containers()?;
        let row = containers.into_iter().find(|row| row.row == job.container);
        let row = row.ok_or_else(|| DeliveryError::NoSuchJob(id.to_string()))?;
        let definition = definition_of(&row)?;
        let (JobDetails { output, differences, meaning }, seen) = {
            let catalogue = self.library.catalogue();
            (catalogue.job_details(job.row)?, catalogue.seen_of(job.computer.as_slice())?)
        };
        let seen = job.computer.and_then(|computer| seen.get(&computer).copied()).flatten();
        Ok(JobView {
            row: target_row(&job, &definition, seen, self.clock.wall())?,
            container: row.id,
            output,
            differences: differences.and_then(|text| serde_json::from_str(&text).ok()),
            meaning: meaning.and_then(|text| serde_json::from_str(&text).ok()),
        })
    }

    /// The containers that deliver a package, the newest first.
    pub fn jobs_of_package(&self, package: PackageId) -> Result<Vec<PackageJobs>, DeliveryError> {
        let (rows, holding) = {
            let catalogue = self.library.catalogue();
            (catalogue.containers_of_package(package)?, catalogue.waiting_jobs(package)?)
        };
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            let view = self.view_of(row)?;
            jobs.push(PackageJobs {
                container: view.id,
                holds: holding.contains(&view.id),
                name: view.name,
                state: view.state,
                totals: view.totals,
                created: view.created,
            });
        }
        Ok(jobs)
    }
}

/// An ordered job whose computer was not heard of for so long is shown as not reached.
const NOT_REACHED_AFTER: SignedDuration = SignedDuration::from_hours(24);

fn target_row(
    job: &JobRow,
    definition: &Container,
    seen: Option<Timestamp>,
    now: Timestamp,
) -> Result<TargetRow, DeliveryError> {
    let place = place_of_job(job)?;
    let entry = definition.entries.get(job.entry as usize);
    let entry = entry.ok_or_else(|| DeliveryError::Unreadable(format!("entry {}", job.entry)))?;
    let shown = place.shown(definition.options.installed_is_ok);
    let mut code = job.code.clone();
    let mut reason = job.reason.clone();
    let unconfirmed = place.state == JobState::Withdrawing;
    if shown == Shown::Ordered && job.begun.is_some_and(|begun| now.duration_since(begun) > NOT_REACHED_AFTER)
    {
        let silent = seen.is_none_or(|seen| now.duration_since(seen) > NOT_REACHED_AFTER);
        if silent {
            code = "not-reached".to_owned();
            reason = match seen {
                Some(seen) => format!("not reached since {}", seen.strftime("%Y-%m-%d")),
                None => "never reached".to_owned(),
            };
        }
    }
    Ok(TargetRow {
        job: job.id,
        target: job.target.clone(),
        package: entry.key.clone(),
        shown,
        state: place.state,
        unconfirmed,
        code,
        reason,
        percent: job.percent,
        exit_code: job.exit_code,
        changed: job.changed,
        begun: job.begun,
        ended: job.ended,
    })
}
