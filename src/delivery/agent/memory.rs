//! What an agent remembers, typed: the rows of `agent.db` as documents, and the changes that belong together.
//!
//! Owns which changes are one: a job that starts, a job that ends with what is told of it, a report with the events in it.

use super::accept::Seen;
use super::error::AgentError;
use super::home::{Home, sync_folder};
use crate::delivery::documents::{
    AgentDocument, Installed, Job, JobId, JobReport, ReportedState, SiteDocument,
};
use crate::package::record::PackageId;
use crate::store::StoreError;
use crate::store::agent::{AgentJobRow, AgentPackageRow, AgentStore, ListedJob};

const SITE: &str = "site";
const SITE_SEEN: &str = "site seen";
const JOBS_SEEN: &str = "jobs seen";
const EXPIRES: &str = "jobs expire";
const TAG: &str = "jobs tag";

/// How far a job is that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Known; its package is not proven to be there.
    Received,
    /// Its package is on its way.
    Delivering,
    /// Its package is there, or it needs none.
    Delivered,
    /// Its procedure was started, and has not ended as far as is known.
    Started,
}

impl Phase {
    fn code(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Delivering => "delivering",
            Self::Delivered => "delivered",
            Self::Started => "started",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [Self::Received, Self::Delivering, Self::Delivered, Self::Started]
            .into_iter()
            .find(|phase| phase.code() == code)
    }
}

/// A job that has not ended.
#[derive(Clone, Debug)]
pub(super) struct OpenJob {
    pub(super) job: Job,
    pub(super) listed: bool,
    pub(super) phase: Phase,
    pub(super) not_before: Option<i64>,
}

/// What an agent remembers.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) store: AgentStore,
}

type Kept<T> = Result<T, AgentError>;

impl Memory {
    pub(super) fn open(home: &Home) -> Kept<Self> {
        let path = home.database();
        let is_new = !path.exists();
        let store = AgentStore::open(&path)?;
        if is_new {
            sync_folder(home.folder()).map_err(AgentError::folder("writing", home.folder()))?;
        }
        Ok(Self { store })
    }

    /// The site list that was taken last.
    pub(super) fn site(&self) -> Kept<Option<(SiteDocument, Seen)>> {
        let text = self.store.value(SITE)?;
        let seen = self.store.value(SITE_SEEN)?.and_then(|text| Seen::parse(&text));
        Ok(text.and_then(|text| SiteDocument::parse(&text).ok()).zip(seen))
    }

    pub(super) fn keep_site(&mut self, site: &SiteDocument, seen: Seen) -> Kept<()> {
        let text = site.to_text()?;
        self.store.change(|change| {
            change.set_value(SITE, &text)?;
            change.set_value(SITE_SEEN, &seen.to_text())?;
            Ok(())
        })
    }

    /// The list of jobs that was taken last, and until when it counts.
    pub(super) fn jobs_seen(&self) -> Kept<Option<Seen>> {
        Ok(self.store.value(JOBS_SEEN)?.and_then(|text| Seen::parse(&text)))
    }

    pub(super) fn jobs_expire(&self) -> Kept<Option<i64>> {
        Ok(self.store.value(EXPIRES)?.and_then(|text| text.parse().ok()))
    }

    /// The tag of the list of jobs that was read last.
    pub(super) fn tag(&self) -> Kept<Option<String>> {
        Ok(self.store.value(TAG)?.filter(|tag| !tag.is_empty()))
    }

    pub(super) fn keep_tag(&mut self, tag: Option<&str>) -> Kept<()> {
        self.store.change(|change| Ok(change.set_value(TAG, tag.unwrap_or_default())?))
    }

    pub(super) fn value(&self, name: &str) -> Kept<Option<String>> {
        Ok(self.store.value(name)?.filter(|value| !value.is_empty()))
    }

    pub(super) fn keep_value(&mut self, name: &str, value: &str) -> Kept<()> {
        self.store.change(|change| Ok(change.set_value(name, value)?))
    }

    /// Takes a list of jobs, its tag with it: new jobs are received, which is told.
    pub(super) fn keep_jobs(
        &mut self,
        document: &AgentDocument,
        seen: Seen,
        tag: Option<&str>,
        at: i64,
    ) -> Kept<Vec<JobReport>> {
        let texts: Vec<(String, String, Option<String>)> = document
            .jobs
            .iter()
            .map(|job| {
                let text =
                    serde_json::to_string(job).map_err(|error| StoreError::Damaged(error.to_string()))?;
                Ok((job.id.to_string(), text, job.batch.map(|batch| batch.id.to_string())))
            })
            .collect::<Result<_, StoreError>>()?;
        let listed: Vec<ListedJob<'_>> = texts
            .iter()
            .map(|(id, document, batch)| ListedJob { id, document, batch: batch.as_deref() })
            .collect();
        self.store.change(|change| {
            let added = change.take_list(&listed, at)?;
            change.set_value(JOBS_SEEN, &seen.to_text())?;
            change.set_value(EXPIRES, &document.expires.to_string())?;
            change.set_value(TAG, tag.unwrap_or_default())?;
            let mut told = Vec::with_capacity(added.len());
            for id in added.iter().filter_map(|id| id.parse::<JobId>().ok()) {
                let report = JobReport::new(id, ReportedState::Received, at);
                change.add_event(&text_of(&report)?)?;
                told.push(report);
            }
            Ok(told)
        })
    }

    /// The jobs that have not ended: those withdrawn first, then in the order of the list.
    pub(super) fn open_jobs(&self) -> Kept<Vec<OpenJob>> {
        self.store.open_jobs()?.iter().map(open_job).collect()
    }

    /// Jobs that ended, are still listed, and whose end was told before `before`.
    pub(super) fn ended_and_listed(&self, before: i64) -> Kept<Vec<JobReport>> {
        let rows = self.store.ended_listed_jobs()?;
        let untold = rows.into_iter().filter(|row| row.told_at.is_none_or(|told| told < before));
        Ok(untold.filter_map(|row| serde_json::from_str(&row.outcome?).ok()).collect())
    }

    /// The packages of jobs that ended and are still listed: they may be asked for again in a moment.
    pub(super) fn listed_packages(&self) -> Kept<Vec<PackageId>> {
        let rows = self.store.ended_listed_jobs()?;
        let package =
            |row: AgentJobRow| serde_json::from_str::<Job>(&row.document).ok().map(|job| job.package.id);
        Ok(rows.into_iter().filter_map(package).collect())
    }

    /// How the ended jobs of a piece of work ended.
    pub(super) fn outcomes_of_batch(&self, batch: &str) -> Kept<Vec<ReportedState>> {
        let texts = self.store.outcomes_of_batch(batch)?;
        let state = |text: String| serde_json::from_str::<JobReport>(&text).ok().map(|report| report.state);
        Ok(texts.into_iter().filter_map(state).collect())
    }

    /// A job is so far, and nothing is told of it.
    pub(super) fn set_phase(&mut self, job: JobId, phase: Phase, at: i64) -> Kept<()> {
        self.store.change(|change| Ok(change.set_phase(&job.to_string(), phase.code(), at)?))
    }

    /// A job is so far, and that is told. When this returns from [`Phase::Started`], it is on the disk.
    pub(super) fn tell_phase(
        &mut self,
        report: &JobReport,
        phase: Phase,
        not_before: Option<i64>,
    ) -> Kept<()> {
        let (id, text) = (report.job.to_string(), text_of(report)?);
        self.store.change(|change| {
            change.set_phase(&id, phase.code(), report.at)?;
            change.set_not_before(&id, not_before)?;
            Ok(change.add_event(&text)?)
        })
    }

    /// Something is told of a job that stays where it is.
    pub(super) fn tell(&mut self, report: &JobReport) -> Kept<()> {
        let text = text_of(report)?;
        self.store.change(|change| Ok(change.add_event(&text)?))
    }

    /// A job ended: how, and what is installed since, and that it is to be told, are one change.
    pub(super) fn end(&mut self, report: &JobReport, installed: Option<InstalledChange<'_>>) -> Kept<()> {
        let text = text_of(report)?;
        self.store.change(|change| {
            change.end_job(&report.job.to_string(), &text, report.at)?;
            match installed {
                Some(InstalledChange::Add(installed)) => {
                    let document = serde_json::to_string(installed)
                        .map_err(|error| StoreError::Damaged(error.to_string()))?;
                    change.put_installed(installed.package_id, Some(&document), installed.since)?;
                }
                Some(InstalledChange::Remove(id)) => change.put_installed(id, None, 0)?,
                None => {}
            }
            Ok(change.add_event(&text)?)
        })
    }

    /// The end of a job is told once more.
    pub(super) fn tell_again(&mut self, report: &JobReport, at: i64) -> Kept<()> {
        let text = text_of(report)?;
        self.store.change(|change| {
            change.set_told(&report.job.to_string(), at)?;
            Ok(change.add_event(&text)?)
        })
    }

    pub(super) fn package(&self, id: PackageId) -> Kept<Option<AgentPackageRow>> {
        Ok(self.store.package(id)?)
    }

    pub(super) fn put_package(&mut self, row: &AgentPackageRow) -> Kept<()> {
        self.store.change(|change| Ok(change.put_package(row)?))
    }

    pub(super) fn installed(&self, id: PackageId) -> Kept<Option<Installed>> {
        Ok(self.store.installed(id)?.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

/// What a job changed about what is installed.
pub(super) enum InstalledChange<'a> {
    /// It is installed now.
    Add(&'a Installed),
    /// It is not any more.
    Remove(PackageId),
}

fn open_job(row: &AgentJobRow) -> Kept<OpenJob> {
    let damaged = |why: String| AgentError::Store(StoreError::Damaged(why));
    let job = serde_json::from_str(&row.document).map_err(|error| damaged(error.to_string()))?;
    let phase =
        Phase::from_code(&row.phase).ok_or_else(|| damaged(format!("{:?} is no phase", row.phase)))?;
    Ok(OpenJob { job, listed: row.listed, phase, not_before: row.not_before })
}

fn text_of(report: &JobReport) -> Result<String, StoreError> {
    serde_json::to_string(report).map_err(|error| StoreError::Damaged(error.to_string()))
}
