//! The turns of targets, and what ends them: the checksum error, the end of the time to begin, a failed batch.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::SignedDuration;

use super::environments::{Proof, words_of};
use super::{Manager, Tick};
use crate::delivery::error::DeliveryError;
use crate::delivery::history::{tell_checksum_error, tell_ended};
use crate::delivery::jobs::words_after;
use crate::delivery::model::container::{earliest, latest};
use crate::delivery::model::failures::{COPY_DIFFERS, DIFFERS};
use crate::delivery::model::job::{JobEvent, JobState, Shown};
use crate::delivery::model::{Container, JobTotals, Linkage, OnChecksumError, reason};
use crate::delivery::moves::{definition_of, happen, happen_in, place_of, place_of_job};
use crate::package::CheckReport;
use crate::store::{ComputerReads, ContainerRow, JobRow, JobsOf};

/// How many waiting jobs are looked at together.
const PAGE: u32 = 2000;
/// A computer that was not heard of for so long after it was given a job holds up no other.
const ORDERED_HOLDS: SignedDuration = SignedDuration::from_mins(15);
/// Longest report of a verification that is kept with a container, in bytes.
const REPORT_KEPT_BYTES: usize = 1 << 20;

/// Jobs that have their turn together: of one entry, on computers that read alike.
type Groups = BTreeMap<u32, HashMap<ComputerReads, Vec<i64>>>;

impl Manager {
    /// Brings a container on as far as it comes now.
    pub(super) fn move_on(&self, tick: &mut Tick<'_>, row: &mut ContainerRow) -> Result<(), DeliveryError> {
        if row.evaluated.is_none() || row.ended.is_some() {
            return Ok(());
        }
        let container = definition_of(row)?;
        self.end_times(tick, row, &container)?;
        self.end_batches(tick, row, &container)?;
        if row.halted {
            return Ok(());
        }
        self.look_again(tick, row, &container)?;
        if container.stops().is_none_or(|stops| tick.now < stops) {
            self.turns(tick, row, &container)?;
            self.end_batches(tick, row, &container)?;
        }
        Ok(())
    }

    /// Ends what did not begin in time, and what takes too long.
    fn end_times(
        &self,
        tick: &Tick<'_>,
        row: &ContainerRow,
        container: &Container,
    ) -> Result<(), DeliveryError> {
        let Some(evaluated) = row.evaluated else { return Ok(()) };
        let mut over = Vec::new();
        if container.stops().is_some_and(|stops| tick.now >= stops) {
            over.push((JobEvent::NotStarted, "too-late"));
        }
        if tick.now >= container.given_up(evaluated) {
            over.push((JobEvent::TimedOut, "timed-out"));
        }
        for (event, code) in over {
            self.library.catalogue().change(|change| {
                happen(change, &JobsOf::all(row.row), event, (code, reason(code)), tick.now)
            })?;
        }
        Ok(())
    }

    /// Ends the rest of batches in which a job failed.
    fn end_batches(
        &self,
        tick: &Tick<'_>,
        row: &ContainerRow,
        container: &Container,
    ) -> Result<(), DeliveryError> {
        if container.options.linkage != Linkage::Batch {
            return Ok(());
        }
        let mut failed = vec![
            JobState::DeliveryError.code(),
            JobState::ExecutionError.code(),
            JobState::ManipulationNotAllowed.code(),
        ];
        if !container.options.installed_is_ok {
            failed.push(JobState::AlreadyInstalled.code());
        }
        let rows = self.library.catalogue().batch_followers(row.row, &failed)?;
        if rows.is_empty() {
            return Ok(());
        }
        let jobs = JobsOf { rows: Some(&rows), ..JobsOf::all(row.row) };
        let why = ("batch-failed", reason("batch-failed"));
        self.library
            .catalogue()
            .change(|change| happen(change, &jobs, JobEvent::BatchFailed, why, tick.now))?;
        Ok(())
    }

    /// Lets jobs go on that were halted until a package, or a staged copy, is consistent, if it is now.
    fn look_again(
        &self,
        tick: &mut Tick<'_>,
        row: &mut ContainerRow,
        container: &Container,
    ) -> Result<(), DeliveryError> {
        for (place, entry) in container.entries.iter().enumerate() {
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            for code in [DIFFERS, COPY_DIFFERS] {
                let halted = self.library.catalogue().halted_jobs(row.row, number, code, PAGE)?;
                if halted.is_empty() || tick.prover.package(entry, tick.work)?.is_some() {
                    continue;
                }
                let resumed = if code == DIFFERS {
                    None
                } else {
                    let mut rows = Vec::new();
                    for (reads, some) in self.by_reads(&halted)? {
                        if !matches!(tick.prover.prove(entry, &reads, tick.work)?, Proof::CopyDiffers(_)) {
                            rows.extend(some);
                        }
                    }
                    Some(rows)
                };
                let jobs = JobsOf {
                    entry: Some(number),
                    rows: resumed.as_deref(),
                    code: Some(code),
                    ..JobsOf::all(row.row)
                };
                self.library.catalogue().change(|change| -> Result<(), DeliveryError> {
                    if happen(change, &jobs, JobEvent::Resume, ("", ""), tick.now)? > 0 {
                        row.code.clear();
                        row.reason.clear();
                        row.report = None;
                        change.set_container(row)?;
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Gives as many targets their turn as may be at work at a time.
    fn turns(
        &self,
        tick: &mut Tick<'_>,
        row: &mut ContainerRow,
        container: &Container,
    ) -> Result<(), DeliveryError> {
        // Left by a manager that was stopped: proven again before a document names them.
        let left = self.library.catalogue().jobs_in_state(row.row, JobState::Building.code(), 0, u32::MAX)?;
        let at_work = self.at_work(tick, row, container)?;
        let mut free = u64::from(container.options.parallel).saturating_sub(at_work);
        let mut broken: HashSet<u32> = HashSet::new();
        self.begin(tick, row, container, &left, &mut broken)?;
        let mut after = 0;
        while free > 0 {
            tick.work.check()?;
            let waiting = self.library.catalogue().next_turns(row.row, after, PAGE)?;
            let Some(last) = waiting.last() else { break };
            after = last.row;
            let mut computers: Vec<i64> = waiting.iter().filter_map(|job| job.computer).collect();
            computers.dedup();
            for some in computers.chunks(usize::try_from(free).unwrap_or(usize::MAX).clamp(1, PAGE as usize))
            {
                if free == 0 {
                    break;
                }
                let some = &some[..some.len().min(usize::try_from(free).unwrap_or(usize::MAX))];
                let jobs = self.library.catalogue().jobs_on(row.row, some)?;
                let begun = self.begin(tick, row, container, &jobs, &mut broken)?;
                free = free.saturating_sub(begun);
            }
        }
        Ok(())
    }

    /// How many computers of a container are at work: set up and not ended. One whose package is there and that waits for
    /// its time to run is not at work, or no more computers than that could be staged before the time; nor is one that was
    /// given a job and is not heard of.
    fn at_work(
        &self,
        tick: &Tick<'_>,
        row: &ContainerRow,
        container: &Container,
    ) -> Result<u64, DeliveryError> {
        let run_at = container.options.run_at;
        let counts = |state: JobState| match state {
            JobState::DeliveryOk | JobState::AlreadyDelivered => {
                run_at.is_none_or(|run_at| tick.now >= earliest(run_at))
            }
            // It says itself that its time has not come: only when it has come everywhere is that old news.
            JobState::ExecutionOrdered => run_at.is_none_or(|run_at| tick.now >= latest(run_at)),
            other => other.is_at_work(),
        };
        let states: Vec<&str> =
            JobState::ALL.into_iter().filter(|state| counts(*state)).map(JobState::code).collect();
        let holds_since = tick.now.checked_sub(ORDERED_HOLDS).unwrap_or(tick.now);
        let silent = JobState::DeliveryOrdered.code();
        Ok(self.library.catalogue().computers_at_work(row.row, &states, silent, holds_since)?)
    }

    /// Sets up the environments of these jobs, those of them that wait or were being set up; gives on how many computers.
    fn begin(
        &self,
        tick: &mut Tick<'_>,
        row: &mut ContainerRow,
        container: &Container,
        jobs: &[JobRow],
        broken: &mut HashSet<u32>,
    ) -> Result<u64, DeliveryError> {
        let begins = |job: &JobRow| matches!(job.state.as_str(), "waiting" | "building");
        let ready: Vec<JobRow> = jobs
            .iter()
            .filter(|job| begins(job) && !broken.contains(&job.entry) && !tick.proven.contains(&job.row))
            .filter(|job| container.options.linkage == Linkage::None || follows(jobs, job, container, broken))
            .cloned()
            .collect();
        let mut groups: Groups = BTreeMap::new();
        let computer_of: HashMap<i64, i64> =
            ready.iter().filter_map(|job| Some((job.row, job.computer?))).collect();
        for (entry, of_entry) in by_entry(&ready) {
            groups.insert(entry, self.by_reads(&of_entry)?);
        }
        let mut set_up = HashSet::new();
        let mut held_up: HashSet<i64> = HashSet::new();
        for (number, by_reads) in groups {
            let Some(entry) = container.entries.get(number as usize) else { continue };
            for (reads, mut rows) in by_reads {
                // In a batch nothing begins whose forerunner does not.
                if container.options.linkage == Linkage::Batch {
                    rows.retain(|row| {
                        computer_of.get(row).is_none_or(|computer| !held_up.contains(computer))
                    });
                }
                if rows.is_empty() {
                    continue;
                }
                let proof = tick.prover.prove(entry, &reads, tick.work)?;
                if !matches!(proof, Proof::Proven(_)) {
                    held_up.extend(rows.iter().filter_map(|row| computer_of.get(row)));
                }
                let these = JobsOf { entry: Some(number), rows: Some(&rows), ..JobsOf::all(row.row) };
                match proof {
                    Proof::Proven(environment) => {
                        let facts = serde_json::to_string(&*environment)
                            .map_err(|error| DeliveryError::Unreadable(error.to_string()))?;
                        self.library.catalogue().change(|change| -> Result<(), DeliveryError> {
                            let environment = Some(change.put_environment(row.row, number, &facts)?);
                            happen_in(change, &these, JobEvent::Begin, ("", ""), environment, tick.now)?;
                            Ok(())
                        })?;
                        set_up.extend(rows.iter().filter_map(|row| computer_of.get(row).copied()));
                        tick.proven.extend(rows);
                    }
                    Proof::Differs(report) => {
                        self.package_differs(tick, row, container, number, &report)?;
                        broken.insert(number);
                        break;
                    }
                    Proof::CopyDiffers(words) => {
                        let all = self.alike(row, container, number, &reads, &rows)?;
                        self.copy_differs(tick, row, container, number, &all, &words)?;
                    }
                    Proof::Later(code, words) => {
                        let why = (code, words.as_str());
                        self.library.catalogue().change(|change| {
                            change.set_waiting_reason(&these, JobState::Waiting.code(), why)
                        })?;
                        tick.report.problem(format!("{}: {words}", row.name));
                    }
                    Proof::Forbidden(code, words) => {
                        let all = JobsOf { rows: None, ..these };
                        self.library.catalogue().change(|change| {
                            happen(change, &all, JobEvent::Forbidden, (code, &words), tick.now)
                        })?;
                        broken.insert(number);
                        break;
                    }
                }
            }
        }
        tick.report.set_up += set_up.len() as u64;
        Ok(set_up.len() as u64)
    }

    /// The checksum error of DSM (SDM228429): what is done stays done; what runs ends as it ends; all others of every
    /// container that delivers the package end in error, or are halted until it is consistent again.
    fn package_differs(
        &self,
        tick: &mut Tick<'_>,
        row: &mut ContainerRow,
        container: &Container,
        number: u32,
        report: &CheckReport,
    ) -> Result<(), DeliveryError> {
        let Some(entry) = container.entries.get(number as usize) else { return Ok(()) };
        self.container_differs(tick, row, container, number, report)?;
        let others = self.library.catalogue().open_containers()?;
        for mut other in others {
            if other.row == row.row || other.evaluated.is_none() {
                continue;
            }
            let definition = definition_of(&other)?;
            for (place, same) in definition.entries.iter().enumerate() {
                if same.package == entry.package && !same.external {
                    let number = u32::try_from(place).unwrap_or(u32::MAX);
                    self.container_differs(tick, &mut other, &definition, number, report)?;
                }
            }
        }
        Ok(())
    }

    fn container_differs(
        &self,
        tick: &mut Tick<'_>,
        row: &mut ContainerRow,
        container: &Container,
        number: u32,
        report: &CheckReport,
    ) -> Result<(), DeliveryError> {
        let Some(entry) = container.entries.get(number as usize) else { return Ok(()) };
        let words = words_of(&self.library, entry.package);
        let on = container.options.on_checksum_error;
        let jobs = JobsOf { entry: Some(number), ..JobsOf::all(row.row) };
        let event = JobEvent::Differs { halt: on == OnChecksumError::Halt };
        let sentence =
            self.library.catalogue().change(|change| -> Result<Option<String>, DeliveryError> {
                let moved = happen(change, &jobs, event, (DIFFERS, &words), tick.now)?;
                if moved == 0 {
                    return Ok(None);
                }
                row.code = DIFFERS.to_owned();
                row.reason = format!(
                    "{} differs from its checksum: {}. {}",
                    entry.key.title(),
                    report.differences.summary(),
                    words_after(moved, on),
                );
                let kept = kept_report(report);
                row.report = serde_json::to_string(&*kept).ok();
                change.set_container(row)?;
                let words = format!("{}; job {:?}", words_after(moved, on), row.name);
                let package = (entry.package, &entry.key);
                tell_checksum_error(change, &self.library, package, Some(&kept), words)?;
                Ok(Some(format!("{}: {}", row.name, row.reason)))
            })?;
        tick.report.checksum_errors.extend(sentence);
        Ok(())
    }

    /// The same for the targets that read a staged copy that differs.
    fn copy_differs(
        &self,
        tick: &mut Tick<'_>,
        row: &mut ContainerRow,
        container: &Container,
        number: u32,
        rows: &[i64],
        words: &str,
    ) -> Result<(), DeliveryError> {
        let Some(entry) = container.entries.get(number as usize) else { return Ok(()) };
        let on = container.options.on_checksum_error;
        let jobs = JobsOf { entry: Some(number), rows: Some(rows), ..JobsOf::all(row.row) };
        let event = JobEvent::Differs { halt: on == OnChecksumError::Halt };
        self.library.catalogue().change(|change| -> Result<(), DeliveryError> {
            let moved = happen(change, &jobs, event, (COPY_DIFFERS, words), tick.now)?;
            if moved > 0 {
                row.code = COPY_DIFFERS.to_owned();
                let stopped = words_after(moved, on);
                row.reason = format!("{}: {words}. {stopped}", entry.key.title());
                change.set_container(row)?;
                let words = format!("{words}; {stopped}; job {:?}", row.name);
                tell_checksum_error(change, &self.library, (entry.package, &entry.key), None, words)?;
            }
            Ok(())
        })?;
        tick.report.checksum_errors.push(format!("{}: {words}", row.name));
        Ok(())
    }

    /// Rows of all jobs of an entry that have not ended, on computers that read alike.
    fn alike(
        &self,
        row: &ContainerRow,
        container: &Container,
        number: u32,
        reads: &ComputerReads,
        first: &[i64],
    ) -> Result<Vec<i64>, DeliveryError> {
        let mut rows = first.to_vec();
        let mut jobs = Vec::new();
        for state in JobState::ALL.into_iter().filter(|state| !state.is_ended()) {
            jobs.extend(self.library.catalogue().jobs_in_state(row.row, state.code(), 0, u32::MAX)?);
        }
        jobs.retain(|job| job.entry == number && container.entries.len() > number as usize);
        if let Some(alike) = self.by_reads(&jobs)?.remove(reads) {
            rows.extend(alike);
        }
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }

    fn by_reads(&self, jobs: &[JobRow]) -> Result<HashMap<ComputerReads, Vec<i64>>, DeliveryError> {
        let computers: Vec<i64> = jobs.iter().filter_map(|job| job.computer).collect();
        let reads = self.library.catalogue().computers_read(&computers)?;
        let mut groups: HashMap<ComputerReads, Vec<i64>> = HashMap::new();
        for job in jobs {
            if let Some(reads) = job.computer.and_then(|computer| reads.get(&computer)) {
                groups.entry(reads.clone()).or_default().push(job.row);
            }
        }
        Ok(groups)
    }

    /// Notes that a container has ended, once all its jobs have.
    pub(super) fn end(&self, tick: &mut Tick<'_>, row: &mut ContainerRow) -> Result<(), DeliveryError> {
        if row.evaluated.is_none() || row.ended.is_some() {
            return Ok(());
        }
        let container = definition_of(row)?;
        let counts = self.library.catalogue().job_counts(Some(row.row))?;
        let mut totals = JobTotals::default();
        for count in &counts {
            totals.add(place_of(&count.class)?, count.jobs, container.options.installed_is_ok);
        }
        if totals.open() > 0 {
            return Ok(());
        }
        let ended = self.library.catalogue().change(|change| -> Result<bool, DeliveryError> {
            // Somebody may have renewed a job since they were counted.
            if change.has_open_jobs(row.row)? {
                return Ok(false);
            }
            row.ended = Some(tick.now);
            change.set_container(row)?;
            tell_ended(change, &self.library, row, &container)?;
            Ok(true)
        })?;
        if ended {
            tick.report.ended.push(row.name.clone());
        }
        Ok(())
    }
}

fn by_entry(jobs: &[JobRow]) -> BTreeMap<u32, Vec<JobRow>> {
    let mut entries: BTreeMap<u32, Vec<JobRow>> = BTreeMap::new();
    for job in jobs {
        entries.entry(job.entry).or_default().push(job.clone());
    }
    entries
}

/// Whether all earlier jobs of the batch on the same computer are done, on their way, or begin as well.
fn follows(jobs: &[JobRow], job: &JobRow, container: &Container, broken: &HashSet<u32>) -> bool {
    jobs.iter().filter(|other| other.computer == job.computer && other.entry < job.entry).all(|other| {
        let Ok(place) = place_of_job(other) else { return false };
        let begins = place.state == JobState::Waiting && !broken.contains(&other.entry);
        let is_done = place.shown(container.options.installed_is_ok) == Shown::Ok;
        begins || is_done || place.state.is_listed()
    })
}

/// A report as it is kept with a container and in History: whole, or its first differences.
fn kept_report(report: &CheckReport) -> Cow<'_, CheckReport> {
    if serde_json::to_string(report).is_ok_and(|text| text.len() <= REPORT_KEPT_BYTES) {
        return Cow::Borrowed(report);
    }
    let mut short = report.clone();
    const SOME: usize = 200;
    short.differences.added.truncate(SOME);
    short.differences.removed.truncate(SOME);
    short.differences.resized.truncate(SOME);
    short.differences.case_changed.truncate(SOME);
    short.differences.damaged.truncate(SOME);
    short.differences.damaged.iter_mut().for_each(|file| file.blocks.truncate(SOME));
    short.differences.unreadable.truncate(SOME);
    Cow::Owned(short)
}
