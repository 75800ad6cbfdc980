//! Reports of agents: taken if the agent of that name signed them, applied once, then deleted.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Manager, Tick};
use crate::delivery::documents::limits::SIGNED_REPORT_MAX_BYTES;
use crate::delivery::documents::{
    AgentFacts, AgentId, Installed, JobReport, Report, ReportedState, SiteId, names,
};
use crate::delivery::error::DeliveryError;
use crate::delivery::model::job::{JobEvent, JobState, step};
use crate::delivery::model::{Container, reason};
use crate::delivery::moves::{class_of, place_of_job};
use crate::delivery::staging::{StagingError, StagingStore, StagingWay, StorePath};
use crate::library::LibraryError;
use crate::package::SignedDocument;
use crate::package::procedure::Task;
use crate::package::staging::StagingLibrary;
use crate::store::{Change, ComputerFacts, ComputerRow, InstallationRow, JobDetails, JobRow};

/// How many reports are read and applied together.
const TOGETHER: usize = 128;
/// How many are read from a server at a time.
const READERS: usize = 8;

/// A report that is believed.
struct Believed {
    computer: ComputerRow,
    report: Report,
}

/// What became of one object.
enum Judged {
    Believed(Box<Believed>),
    /// Nobody of ours made it, or it was altered.
    Refused(String),
    /// Gone since it was listed.
    Gone,
}

impl Manager {
    /// Applies every report that lies in a staging library.
    pub(super) fn apply_reports(&mut self, tick: &mut Tick<'_>) -> Result<(), DeliveryError> {
        let mut told = HashSet::new();
        for staging in tick.stagings.clone() {
            let Some(store) = self.store(tick, &staging, StagingWay::Report) else { continue };
            let mut listed = match self.list_reports(&*store, &staging) {
                Ok(listed) => listed,
                Err(ListError::Store(error)) => {
                    tick.report.problem(format!("{}: {error}", staging.name));
                    continue;
                }
                Err(ListError::Own(error)) => return Err(error),
            };
            // In the order in which each agent told it.
            listed.sort_unstable();
            for some in listed.chunks(TOGETHER) {
                tick.work.check()?;
                self.renew_lease(false)?;
                if let Err(error) = self.apply_some(tick, &store, some, &mut told)? {
                    tick.report.problem(format!("{}: {error}", staging.name));
                    break;
                }
            }
        }
        Ok(())
    }

    /// The reports that are there. A store that cannot list is asked for the next report of each agent.
    fn list_reports(
        &mut self,
        store: &dyn StagingStore,
        staging: &StagingLibrary,
    ) -> Result<Vec<(AgentId, u64)>, ListError> {
        let folder =
            StorePath::parse(names::REPORTS).map_err(|_| ListError::Store(not_a_name(names::REPORTS)))?;
        match store.list(&folder) {
            Ok(listed) => {
                self.leftovers.sweep(&self.options, store, &folder, &listed);
                let plain = listed.iter().filter(|entry| !entry.is_folder);
                Ok(plain.filter_map(|entry| names::parse_report_file(&entry.name)).collect())
            }
            Err(StagingError::CannotList(_)) => {
                let agents = self.library.catalogue().next_reports(&staging.id.to_string());
                let agents = agents.map_err(|error| ListError::Own(error.into()))?;
                Ok(agents.into_iter().map(|(agent, next)| (AgentId(agent), next)).collect())
            }
            Err(error) => Err(ListError::Store(error)),
        }
    }

    /// Reads, applies and deletes some reports. An error of the store is given inside; `told` gets the rows of the jobs
    /// about which they said something.
    fn apply_some(
        &self,
        tick: &mut Tick<'_>,
        store: &Arc<dyn StagingStore>,
        some: &[(AgentId, u64)],
        told: &mut HashSet<i64>,
    ) -> Result<Result<(), StagingError>, DeliveryError> {
        let mut known: HashMap<AgentId, Option<ComputerRow>> = HashMap::new();
        let mut wanted = Vec::new();
        for (agent, number) in some {
            if !known.contains_key(agent) {
                let computer = self.library.catalogue().computer_of_agent(agent.0)?;
                known.insert(*agent, computer);
            }
            match known.get(agent).cloned().flatten() {
                Some(computer) => wanted.push((computer, *number)),
                None => tick
                    .report
                    .problem(format!("a report of the agent {agent}, which is not enrolled, is left")),
            }
        }
        let judged = read_all(store, &wanted, self.site);
        let mut believed = Vec::new();
        let mut done = Vec::new();
        let mut failed = None;
        for ((computer, number), judged) in wanted.iter().zip(judged) {
            let agent = computer.agent.as_ref().map(|agent| AgentId(agent.agent));
            let Some(agent) = agent else { continue };
            match judged {
                Ok(Judged::Believed(one)) => believed.push(*one),
                Ok(Judged::Gone) => continue,
                Ok(Judged::Refused(why)) => {
                    tick.report.problem(format!("report {number} of {} is refused: {why}", computer.name));
                }
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            }
            done.push(names::report(agent, *number));
        }
        let now = tick.now;
        self.library.catalogue().change(|change| {
            let mut definitions = HashMap::new();
            believed.iter().try_for_each(|one| apply(change, one, now, &mut definitions, told))
        })?;
        tick.report.reports += believed.len() as u64;
        tick.report.reported_jobs = told.len() as u64;
        for path in &done {
            let removed =
                StorePath::parse(path).map_err(|_| not_a_name(path)).and_then(|path| store.remove(&path));
            if let Err(error) = removed {
                // It is known as applied, and removed next time.
                failed = failed.or(Some(error));
            }
        }
        Ok(failed.map_or(Ok(()), Err))
    }
}

enum ListError {
    Store(StagingError),
    Own(DeliveryError),
}

fn not_a_name(name: &str) -> StagingError {
    StagingError::Setup(format!("{name:?} is no name of an object"))
}

/// Reads reports, several at a time.
fn read_all(
    store: &Arc<dyn StagingStore>,
    wanted: &[(ComputerRow, u64)],
    site: SiteId,
) -> Vec<Result<Judged, StagingError>> {
    let chunk = wanted.len().div_ceil(READERS).max(1);
    let mut judged = Vec::with_capacity(wanted.len());
    std::thread::scope(|scope| {
        let readers: Vec<_> = wanted
            .chunks(chunk)
            .map(|some| {
                let read = move |(computer, n): &(ComputerRow, u64)| read_one(&**store, computer, *n, site);
                (some.len(), scope.spawn(move || some.iter().map(read).collect::<Vec<_>>()))
            })
            .collect();
        for (count, reader) in readers {
            match reader.join() {
                Ok(some) => judged.extend(some),
                Err(_) => {
                    let broken =
                        || Err(StagingError::Setup("reading a report ended in a program error".to_owned()));
                    judged.extend((0..count).map(|_| broken()));
                }
            }
        }
    });
    judged
}

fn read_one(
    store: &dyn StagingStore,
    computer: &ComputerRow,
    number: u64,
    site: SiteId,
) -> Result<Judged, StagingError> {
    let Some(agent) = &computer.agent else { return Ok(Judged::Gone) };
    let name = names::report(AgentId(agent.agent), number);
    let path = StorePath::parse(&name).map_err(|_| not_a_name(&name))?;
    let bytes = match store.read(&path, SIGNED_REPORT_MAX_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Judged::Gone),
        Err(StagingError::TooLarge { .. }) => return Ok(Judged::Refused("it is too large".to_owned())),
        Err(error) => return Err(error),
    };
    Ok(match judge(&bytes, computer, number, site) {
        Ok(report) => Judged::Believed(Box::new(Believed { computer: computer.clone(), report })),
        Err(why) => Judged::Refused(why),
    })
}

/// Whether a report was made by the agent of this computer, for this site, under this number.
fn judge(bytes: &[u8], computer: &ComputerRow, number: u64, site: SiteId) -> Result<Report, String> {
    let Some(agent) = &computer.agent else { return Err("the computer has no agent".to_owned()) };
    let signed = SignedDocument::parse(bytes).map_err(|problem| problem.to_string())?;
    let (text, _) = signed.verify([agent.key.as_str()]).map_err(|problem| problem.to_string())?;
    let report = Report::parse(text).map_err(|problem| problem.to_string())?;
    if report.site != site {
        return Err(format!("it is for the site {}", report.site));
    }
    if report.agent.0 != agent.agent {
        return Err(format!("it was made by the agent {}", report.agent));
    }
    if report.n != number {
        return Err(format!("it is report {} under the name of {number}", report.n));
    }
    Ok(report)
}

/// Applies one report; `told` gets the rows of the jobs about which it said something. Applied twice it does nothing.
fn apply(
    change: &Change<'_>,
    one: &Believed,
    now: Timestamp,
    definitions: &mut HashMap<i64, Container>,
    told: &mut HashSet<i64>,
) -> Result<(), DeliveryError> {
    let Believed { computer, report } = one;
    // What a wrong clock on a computer says is not when it was heard of.
    if !change.apply_report(computer.row, report.n, now)? {
        return Ok(());
    }
    for about in &report.jobs {
        let Some(job) = change.job(about.job.0)? else { continue };
        // A job of another computer is none of its business.
        if job.computer != Some(computer.row) {
            continue;
        }
        told.insert(job.row);
        let definition = match definitions.entry(job.container) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let text = change.container_definition(job.container)?.unwrap_or_default();
                let definition = serde_json::from_str(&text)
                    .map_err(|error| DeliveryError::Unreadable(format!("a container: {error}")))?;
                new.insert(definition)
            }
        };
        apply_to_job(change, computer, job, about, definition, now)?;
    }
    if let Some(facts) = &report.facts {
        let installed: Vec<InstallationRow> = facts.installed.iter().map(installation).collect();
        change.set_facts(computer.row, report.n, &facts_of(facts), &installed)?;
    }
    Ok(())
}

fn apply_to_job(
    change: &Change<'_>,
    computer: &ComputerRow,
    mut job: JobRow,
    about: &JobReport,
    definition: &Container,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    let Some(entry) = definition.entries.get(job.entry as usize) else { return Ok(()) };
    let delivered = matches!(about.state, ReportedState::Delivered | ReportedState::AlreadyDelivered);
    // Where nothing is to be run, what is there is done.
    let reported = if definition.options.stage_only && delivered { ReportedState::Ok } else { about.state };
    let before = place_of_job(&job)?;
    let after = step(before, JobEvent::Reported(reported));
    let moved = after.place != before || after.fresh;
    let goes_on =
        matches!(before.state, JobState::Delivering | JobState::ExecutionOrdered | JobState::Executing);
    let says_something = moved || goes_on && before.known;
    if !says_something {
        return Ok(());
    }
    let class = class_of(after.place);
    (job.state, job.after, job.known) = (class.state, class.after, class.known);
    if moved {
        job.changed = now;
        job.ended = after.place.is_over().then_some(now);
    }
    job.percent = if after.place.state == JobState::Delivering { about.percent } else { None };
    if after.fresh {
        job.id = uuid::Uuid::new_v4();
    }
    // What a person or the package halted keeps its reason when that is confirmed.
    let is_confirmation = reported == ReportedState::Withdrawn;
    if !is_confirmation {
        let (code, words) = match &about.reason {
            Some(reason) => (reason.code.clone(), reason.text.clone()),
            None if about.exit_code.is_some() && after.place.is_over() => {
                ("exit-code".to_owned(), String::new())
            }
            None if reported == ReportedState::AlreadyInstalled => {
                ("already-installed".to_owned(), reason("already-installed").to_owned())
            }
            None => Default::default(),
        };
        (job.code, job.reason) = (code, words);
        job.exit_code = about.exit_code;
    }
    let says_more = about.output.is_some() || about.differences.is_some() || about.meaning.is_some();
    let details = says_more.then(|| JobDetails {
        output: about.output.clone(),
        differences: about.differences.as_ref().and_then(|report| serde_json::to_string(report).ok()),
        meaning: about.meaning.as_ref().and_then(|meaning| serde_json::to_string(meaning).ok()),
    });
    change.set_job(&job, after.place.state.is_listed(), details.as_ref())?;
    if after.fresh && job.batch.is_some() {
        change.rebatch(job.container, computer.row)?;
    }
    if !after.place.is_over() {
        change.reopen_container(job.container)?;
    }
    let done = moved && after.place.state == JobState::ExecutionOk && !definition.options.stage_only;
    match entry.task {
        Task::Install if done => {
            let revision = change.package(entry.package)?.map_or(0, |record| record.revision);
            let installed = InstallationRow {
                package: entry.package,
                name: entry.key.name().to_owned(),
                version: entry.key.version().to_owned(),
                revision,
                procedure: entry.procedure.clone(),
                task: task_word(entry.task).to_owned(),
                since: now,
            };
            change.put_installation(computer.row, &installed).map_err(LibraryError::from)?;
        }
        Task::Uninstall if done => change.drop_installation(computer.row, entry.package)?,
        _ => {}
    }
    Ok(())
}

fn facts_of(facts: &AgentFacts) -> ComputerFacts {
    ComputerFacts {
        host: facts.host.clone(),
        system: facts.system.clone(),
        system_version: facts.system_version.clone(),
        architecture: facts.architecture.clone(),
        agent_version: facts.agent_version.clone(),
        free_bytes: facts.free_bytes,
    }
}

fn installation(installed: &Installed) -> InstallationRow {
    InstallationRow {
        package: installed.package_id,
        name: installed.key.name().to_owned(),
        version: installed.key.version().to_owned(),
        revision: installed.revision,
        procedure: installed.procedure.clone(),
        task: task_word(installed.task).to_owned(),
        since: Timestamp::from_second(installed.since).unwrap_or_default(),
    }
}

fn task_word(task: Task) -> &'static str {
    task.word()
}
