//! Writing what agents read: the site list, and for each agent all its open jobs. Only what changed is written.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::environments::Environment;
use super::{Manager, Tick};
use crate::delivery::documents::{
    AgentDocument, AgentId, BatchId, BatchPlace, ContainerId, Job, JobId, SiteDocument, names,
};
use crate::delivery::error::DeliveryError;
use crate::delivery::kept::kept_packages;
use crate::delivery::keys::site_keys;
use crate::delivery::model::Container;
use crate::delivery::model::job::{JobEvent, JobState};
use crate::delivery::moves::{definition_of, happen};
use crate::delivery::staging::{StagingError, StagingStore, StagingWay, StorePath};
use crate::library::Signer;
use crate::package::Sha256Digest;
use crate::package::staging::StagingLibrary;
use crate::store::{ContainerRow, DocumentRow, JobRow, JobsOf};

/// How long the jobs of an agent hold once they are written.
const HOLDS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// They are written again when they hold no longer than this.
const AGAIN_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many documents are made and written together.
const TOGETHER: u32 = 512;
/// How many are written to a server at a time.
const WRITERS: usize = 8;
/// After so many failures a staging library is left alone until the next tick.
const FAILURES: usize = 3;

/// A document that is to be written, or is as it must be already.
struct Draft {
    row: DocumentRow,
    document: AgentDocument,
    said: Sha256Digest,
    /// Where it goes; absent where what lies there says the same and holds.
    store: Option<Arc<dyn StagingStore>>,
    /// Until when it holds.
    expires: Option<Timestamp>,
    /// Rows of containers and jobs that are ordered once it is there.
    orders: Vec<(i64, i64)>,
}

impl Manager {
    /// Writes the site list to every staging library where it is not as it must be.
    pub(super) fn write_site(&self, tick: &mut Tick<'_>) -> Result<(), DeliveryError> {
        let keys = self.library.keys();
        let kept = kept_packages(&self.library)?;
        let mut site = SiteDocument {
            site: self.site,
            sequence: 1,
            issued: 0,
            keys: site_keys(keys, &tick.key)?,
            poll_seconds: self.options.poll_seconds,
            keep: kept.packages,
            keep_bytes: kept.most_bytes,
        };
        // What it says, sequence and time apart.
        let said = Sha256Digest::of(site.to_text()?.as_bytes()).to_string();
        let mut signed: Option<Vec<u8>> = None;
        for staging in tick.stagings.clone() {
            let place = site_said(&staging);
            if self.library.catalogue().library_value(&place)?.as_deref() == Some(said.as_str()) {
                continue;
            }
            let Some(store) = self.store(tick, &staging, StagingWay::Write) else { continue };
            if signed.is_none() {
                let now = tick.now.as_second();
                site.sequence = self.next_site(u64::try_from(now).unwrap_or(0))?;
                site.issued = now;
                let comment = format!("site {} sequence {}", self.site, site.sequence);
                let document = keys.signer(&tick.key)?.sign(site.to_text()?, &comment)?;
                signed = Some(document.to_bytes());
            }
            let Some(bytes) = &signed else { continue };
            let written = path(names::SITE).and_then(|name| store.write(&name, bytes));
            match written {
                Ok(()) => {
                    self.library.catalogue().change(|change| change.set_library_value(&place, &said))?;
                    tick.report.documents += 1;
                }
                Err(error) => tick.report.problem(format!("{}: {error}", staging.name)),
            }
        }
        Ok(())
    }

    fn next_site(&self, least: u64) -> Result<u64, DeliveryError> {
        self.library.catalogue().change(|change| -> Result<u64, DeliveryError> {
            let last = change.library_value("site-sequence")?.and_then(|text| text.parse::<u64>().ok());
            let next = last.map_or(least, |last| least.max(last.saturating_add(1)));
            change.set_library_value("site-sequence", &next.to_string())?;
            Ok(next)
        })
    }

    /// Writes the jobs of every agent whose jobs changed.
    pub(super) fn write_documents(&mut self, tick: &mut Tick<'_>) -> Result<(), DeliveryError> {
        let soon = tick.now.checked_add(AGAIN_BEFORE).unwrap_or(Timestamp::MAX);
        self.library.catalogue().change(|change| change.want_documents_expiring(soon))?;
        let containers = self.library.catalogue().containers()?;
        let mut known: HashMap<i64, (ContainerRow, Container)> = HashMap::new();
        for row in containers {
            let definition = definition_of(&row)?;
            known.insert(row.row, (row, definition));
        }
        let mut environments = HashMap::new();
        let mut failures: HashMap<String, usize> = HashMap::new();
        let key = tick.key.clone();
        let signer = self.library.keys().signer(&key)?;
        let mut after = 0;
        loop {
            tick.work.check()?;
            self.renew_lease(false)?;
            let rows = self.library.catalogue().documents_wanted(after, TOGETHER)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.computer;
            let mut drafts = Vec::new();
            for row in rows {
                if failures.get(&row.polls).is_some_and(|failed| *failed >= FAILURES) {
                    continue;
                }
                drafts.extend(self.draft(tick, row, &known, &mut environments)?);
            }
            self.write_some(tick, drafts, &signer, &mut failures)?;
        }
    }

    /// Makes the document of one agent; `None` where it cannot be written now.
    fn draft(
        &self,
        tick: &mut Tick<'_>,
        row: DocumentRow,
        containers: &HashMap<i64, (ContainerRow, Container)>,
        environments: &mut HashMap<i64, Option<Arc<Environment>>>,
    ) -> Result<Option<Draft>, DeliveryError> {
        let listed = self.library.catalogue().listed_jobs(row.computer)?;
        let building = JobState::Building.code();
        if listed.iter().any(|job| job.state == building && !tick.proven.contains(&job.row)) {
            // Its environment was not proven since a manager was stopped: nothing names it before that.
            return Ok(None);
        }
        let mut jobs = Vec::with_capacity(listed.len());
        for job in &listed {
            let Some(number) = job.environment else { continue };
            if let std::collections::hash_map::Entry::Vacant(vacant) = environments.entry(number) {
                let facts = self.library.catalogue().environment(number)?;
                vacant.insert(facts.and_then(|facts| serde_json::from_str(&facts).ok()).map(Arc::new));
            }
            let environment = environments.get(&number).cloned().flatten();
            if let (Some(environment), Some((container, definition))) =
                (environment, containers.get(&job.container))
            {
                jobs.push(job_of(job, container, definition, &environment));
            }
        }
        let orders: Vec<(i64, i64)> =
            listed.iter().filter(|job| job.state == building).map(|job| (job.container, job.row)).collect();
        let document = AgentDocument {
            site: self.site,
            agent: AgentId(row.agent),
            agent_key: row.agent_key.clone(),
            sequence: 1,
            issued: 0,
            expires: 0,
            jobs,
        };
        let said = Sha256Digest::of(document.to_text()?.as_bytes());
        let soon = tick.now.checked_add(AGAIN_BEFORE).unwrap_or(Timestamp::MAX);
        let holds = row.expires.is_some_and(|expires| expires > soon) || document.jobs.is_empty();
        if row.said.as_deref() == Some(said.as_bytes().as_slice()) && holds {
            let expires = row.expires;
            return Ok(Some(Draft { row, document, said, store: None, expires, orders }));
        }
        let staging = tick.stagings.iter().find(|staging| staging.id.to_string() == row.polls).cloned();
        let Some(staging) = staging else {
            tick.report.problem(
                "a computer looks for its jobs in a staging library that was removed: enrol it anew",
            );
            return Ok(None);
        };
        let Some(store) = self.store(tick, &staging, StagingWay::Write) else { return Ok(None) };
        let expires = Some(tick.now.checked_add(HOLDS).unwrap_or(Timestamp::MAX));
        Ok(Some(Draft { row, document, said, store: Some(store), expires, orders }))
    }

    /// Signs and writes documents, several at a time, and notes which are there.
    fn write_some(
        &self,
        tick: &mut Tick<'_>,
        mut drafts: Vec<Draft>,
        signer: &Signer,
        failures: &mut HashMap<String, usize>,
    ) -> Result<(), DeliveryError> {
        let now = tick.now.as_second();
        // Taken before anything is written: a sequence that was used is never used again, and what lies there is not
        // known until the new document is.
        self.library.catalogue().change(|change| -> Result<(), DeliveryError> {
            for draft in drafts.iter_mut().filter(|draft| draft.store.is_some()) {
                draft.document.sequence =
                    change.next_document(draft.row.computer, u64::try_from(now).unwrap_or(0))?;
                draft.document.issued = now;
                draft.document.expires = draft.expires.map_or(now, Timestamp::as_second);
            }
            Ok(())
        })?;
        let chunk = drafts.len().div_ceil(WRITERS).max(1);
        let written: Vec<Result<(), DeliveryError>> = std::thread::scope(|scope| {
            let work = |some: &[Draft]| some.iter().map(|draft| write(draft, signer)).collect::<Vec<_>>();
            let writers: Vec<_> =
                drafts.chunks(chunk).map(|some| (some.len(), scope.spawn(move || work(some)))).collect();
            let joined = writers.into_iter().map(|(count, writer)| {
                writer.join().unwrap_or_else(|_| (0..count).map(|_| Err(program_error())).collect())
            });
            joined.flatten().collect()
        });
        let mut stores: Vec<Arc<dyn StagingStore>> = Vec::new();
        let mut done = Vec::with_capacity(drafts.len());
        for (draft, written) in drafts.into_iter().zip(written) {
            match written {
                Ok(()) => {
                    if let Some(store) = &draft.store
                        && !stores.iter().any(|known| Arc::ptr_eq(known, store))
                    {
                        stores.push(Arc::clone(store));
                    }
                    done.push(draft);
                }
                Err(error) => {
                    *failures.entry(draft.row.polls.clone()).or_default() += 1;
                    tick.report.problem(error.to_string());
                }
            }
        }
        for store in stores {
            if let Err(error) = store.settle() {
                // Written, but a power cut could undo it: they are written again.
                tick.report.problem(error.to_string());
                done.retain(|draft| !draft.store.as_ref().is_some_and(|known| Arc::ptr_eq(known, &store)));
            }
        }
        tick.report.documents += done.iter().filter(|draft| draft.store.is_some()).count() as u64;
        let mut orders: HashMap<i64, Vec<i64>> = HashMap::new();
        for (container, job) in done.iter().flat_map(|draft| &draft.orders) {
            orders.entry(*container).or_default().push(*job);
        }
        self.library.catalogue().change(|change| -> Result<(), DeliveryError> {
            for (container, rows) in &orders {
                let jobs = JobsOf { rows: Some(rows), ..JobsOf::all(*container) };
                happen(change, &jobs, JobEvent::Published, ("", ""), tick.now)?;
            }
            for draft in &done {
                change.document_written(&draft.row, draft.said.as_bytes(), draft.expires)?;
            }
            Ok(())
        })
    }
}

/// Under which name the library keeps what its site list says there; nothing where none was written yet.
pub(super) fn site_said(staging: &StagingLibrary) -> String {
    format!("site-said:{}:{}", staging.id, staging.write)
}

fn program_error() -> DeliveryError {
    let why = "writing jobs ended in a program error".to_owned();
    DeliveryError::Stage(StagingError::Setup(why).into())
}

fn write(draft: &Draft, signer: &Signer) -> Result<(), DeliveryError> {
    let Some(store) = &draft.store else { return Ok(()) };
    let AgentDocument { agent, sequence, .. } = &draft.document;
    let comment = format!("agent {agent} sequence {sequence}");
    let signed = signer.sign(draft.document.to_text()?, &comment)?;
    let written = path(&names::agent(*agent)).and_then(|name| store.write(&name, &signed.to_bytes()));
    written.map_err(|error| DeliveryError::Stage(error.into()))
}

fn path(name: &str) -> Result<StorePath, StagingError> {
    StorePath::parse(name).map_err(|_| StagingError::Setup(format!("{name:?} is no name of an object")))
}

/// What the agent is told of one job.
fn job_of(job: &JobRow, row: &ContainerRow, container: &Container, environment: &Environment) -> Job {
    let options = &container.options;
    let limit = options.time_limit_secs;
    Job {
        id: JobId(job.id),
        container: ContainerId(row.id),
        container_name: row.name.clone(),
        batch: job.batch.map(|batch| BatchPlace { id: BatchId(batch), position: job.entry }),
        task: environment.task,
        package: environment.package.clone(),
        checksum: environment.checksum,
        checksum_control: environment.checksum_control,
        procedure: environment.procedure.clone(),
        read: environment.read.clone(),
        stage_only: options.stage_only,
        stage_at: options.stage_at,
        run_at: options.run_at,
        stop_starting_at: options.stop_starting_at,
        time_limit_seconds: limit,
        reinstall: options.reinstall,
    }
}
