//! How an agent stands, from what it remembers: for people and scripts beside the one that runs it.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::AgentError;
use super::home::Home;
use super::memory::{Memory, Phase};
use super::{enrolled, not_there};
use crate::delivery::documents::limits::INSTALLED_MAX;
use crate::delivery::documents::{AgentId, Installed, JobId, SiteId};

/// How an agent stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgentStatus {
    /// Who it is.
    pub agent: AgentId,
    /// Its public key.
    pub agent_key: String,
    /// Its site.
    pub site: Option<SiteId>,
    /// Address of the site, without a password.
    pub address: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The sequence of the list of jobs that was taken last.
    pub sequence: Option<u64>,
    /// Jobs that have not ended.
    pub jobs: Vec<StatusJob>,
    /// Packages that are on the disk.
    pub packages: Vec<StatusPackage>,
    /// What it installed.
    pub installed: Vec<Installed>,
    /// Reports that wait to be sent.
    pub reports_waiting: u64,
}

/// A job that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusJob {
    /// Which job.
    pub job: JobId,
    /// `7-Zip 24.09: Install`.
    pub title: String,
    /// `received`, `delivering`, `delivered`, `executing`.
    pub state: &'static str,
}

/// A package that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether all of it was proven to be there.
    pub is_whole: bool,
    /// Sum of its files.
    pub size_bytes: u64,
}

/// How the agent in `folder` stands. Nothing is asked of the site; another program may run the agent.
pub fn agent_status(folder: &Path) -> Result<AgentStatus, AgentError> {
    let home = Home::look(folder).map_err(|error| not_there(error, folder))?;
    let identity = enrolled(&home)?;
    let memory = Memory::open(&home)?;
    let jobs = memory.open_jobs()?.into_iter().map(|open| StatusJob {
        job: open.job.id,
        title: format!("{}: {}", open.job.package.key.title(), open.job.procedure.name),
        state: match open.phase {
            Phase::Received => "received",
            Phase::Delivering => "delivering",
            Phase::Delivered => "delivered",
            Phase::Started => "executing",
        },
    });
    let packages = memory.store.packages_here()?.into_iter().map(|row| StatusPackage {
        name: row.name,
        version: row.version,
        is_whole: row.is_whole,
        size_bytes: row.size_bytes,
    });
    let installed = memory.store.all_installed(INSTALLED_MAX)?;
    Ok(AgentStatus {
        agent: identity.agent,
        agent_key: identity.agent_key,
        site: memory.site()?.map(|(list, _)| list.site),
        address: identity.site,
        folder: home.folder().to_owned(),
        sequence: memory.jobs_seen()?.map(|seen| seen.sequence),
        jobs: jobs.collect(),
        packages: packages.collect(),
        installed: installed.iter().filter_map(|text| serde_json::from_str(text).ok()).collect(),
        reports_waiting: memory.store.reports_waiting()?,
    })
}
