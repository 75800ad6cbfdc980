//! The procedure of a job is run, once.
//!
//! Owns the order: proofs, checksum, *started* on the disk, the process, its end on the disk. Whatever moment the agent is
//! killed at, the procedure was not begun, or is never begun again.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::error::AgentError;
use super::memory::{InstalledChange, OpenJob, Phase};
use super::package::Trouble;
use super::{Agent, PollReport, TIME_LIMIT};
use crate::delivery::documents::{Installed, Job, JobReport, ReportedState};
use crate::library::execution::{run, set_writable};
use crate::library::{TryEnd, TryReport};
use crate::package::CheckReport;
use crate::package::procedure::{ExitMeaning, Procedure, Task};
use crate::package::reginfo::DATA_NAME;
use crate::work::Work;

impl Agent {
    /// Runs the procedure of a job whose package is there.
    pub(super) fn execute(&mut self, open: &OpenJob, report: &mut PollReport) -> Result<(), AgentError> {
        let job = &open.job;
        if self.is_installed(job)? {
            return self.end_installed(job);
        }
        let ready = match self.make_ready(job) {
            Ok(ready) => ready,
            Err(trouble) => return self.trouble(job, trouble).map(drop),
        };
        let Some((procedure, revision)) = ready else { return Ok(()) };
        // Told before it begins, so that nobody takes back what runs without knowing; *started* stands after it.
        let now = self.now();
        self.tell(JobReport::new(job.id, ReportedState::Executing, now))?;
        self.tell_site(report)?;
        self.memory.set_phase(job.id, Phase::Started, now)?;
        let ran = self.run_procedure(job, &procedure);
        let now = self.now();
        let ended = match ran {
            Ok(ran) => ran,
            Err(error) => {
                let failure = error.explain();
                let text = format!("{}. {}", failure.message, failure.reason);
                let report = JobReport::new(job.id, ReportedState::Error, now);
                return self.end(report.with_reason("procedure-not-started", &text), None);
            }
        };
        self.ended(job, &procedure, revision, &ended)
    }

    /// The procedure of a job, after all proofs; `None` where its package is brought right first.
    fn make_ready(&mut self, job: &Job) -> Result<Option<(Procedure, u64)>, Trouble> {
        let registration = self.packages().registration(job)?;
        let procedure = self.packages().procedure(job, &registration.info)?;
        if procedure.external {
            return Ok(Some((procedure, registration.info.revision)));
        }
        let known = self.memory.package(job.package.id)?;
        let is_ours =
            known.as_ref().is_some_and(|known| known.reginfo == job.package.reginfo_sha256.to_string());
        if !is_ours || known.as_ref().is_none_or(|known| !known.is_whole) {
            // Another revision came into its place meanwhile, or it was taken away.
            self.memory.set_phase(job.id, Phase::Received, self.now())?;
            return Ok(None);
        }
        if job.checksum_control
            && let Some(differs) = self.packages().check(job, &registration.info)?
        {
            return self.differs(job, differs).map(|()| None);
        }
        Ok(Some((procedure, registration.info.revision)))
    }

    /// The package on this computer is not as it was sealed: brought right once, then an error.
    fn differs(&mut self, job: &Job, differs: CheckReport) -> Result<(), Trouble> {
        let now = self.now();
        if !self.repaired.insert(job.id) {
            let summary = differs.differences.summary();
            let text = format!(
                "The package on this computer differs from its checksum. The procedure was not started. ({summary})"
            );
            let report = JobReport::new(job.id, ReportedState::Error, now)
                .with_reason("consistency-differs", &text)
                .with_differences(differs);
            return Ok(self.end(report, None)?);
        }
        self.packages().set_strangers_aside(job, &differs)?;
        if let Some(row) = self.memory.package(job.package.id)? {
            self.memory.put_package(&crate::store::agent::AgentPackageRow { is_whole: false, ..row })?;
        }
        let report = JobReport::new(job.id, ReportedState::Delivering, now).with_reason(
            "repairing",
            "The package on this computer differs from its checksum. What differs is fetched again.",
        );
        Ok(self.tell_phase(report, Phase::Received, None)?)
    }

    fn run_procedure(&self, job: &Job, procedure: &Procedure) -> Result<TryReport, AgentError> {
        let scratch = self.home.scratch();
        empty_scratch(&scratch);
        let own = scratch.join(job.id.to_string());
        let folder = own.join("work");
        fs::create_dir_all(&folder).map_err(AgentError::folder("making", &folder))?;
        let package = if procedure.external {
            let none = own.join("package");
            fs::create_dir(&none).map_err(AgentError::folder("making", &none))?;
            none
        } else {
            let data = self.home.package(&job.package.key).join(DATA_NAME);
            set_writable(&data, false)?;
            data
        };
        let limits = [procedure.time_limit_secs, job.time_limit_seconds];
        let limit = limits.into_iter().flatten().min().map_or(TIME_LIMIT, Duration::from_secs);
        let procedure = Procedure { time_limit_secs: Some(limit.as_secs()), ..procedure.clone() };
        // Whoever stops the agent waits for it: what was begun is not left half done.
        let ran = run(&procedure, &package, &folder, limit, &Work::new());
        empty_scratch(&scratch);
        Ok(ran?)
    }

    /// A procedure ended.
    fn ended(
        &mut self,
        job: &Job,
        procedure: &Procedure,
        revision: u64,
        ran: &TryReport,
    ) -> Result<(), AgentError> {
        let now = self.now();
        let new = |state| JobReport::new(job.id, state, now).with_output(&ran.output);
        let (code, meaning) = match ran.end {
            TryEnd::Exited { code, meaning } => (code, meaning),
            TryEnd::Killed => {
                let text = "The procedure was ended by a signal.";
                return self.end(new(ReportedState::Error).with_reason("procedure-killed", text), None);
            }
            TryEnd::TimedOut => {
                let text = "The procedure did not end in its time, and was ended with all it had started.";
                return self.end(new(ReportedState::Error).with_reason("time-limit", text), None);
            }
        };
        let with_code = |mut report: JobReport| {
            report.exit_code = Some(code);
            report.meaning = Some(meaning);
            report
        };
        match meaning {
            ExitMeaning::Ok | ExitMeaning::OkRestart => {
                let installed = Installed {
                    package_id: job.package.id,
                    key: job.package.key.clone(),
                    revision,
                    procedure: procedure.name.clone(),
                    task: procedure.task,
                    since: now,
                };
                let change = match procedure.task {
                    Task::Install => Some(InstalledChange::Add(&installed)),
                    Task::Uninstall => Some(InstalledChange::Remove(job.package.id)),
                    Task::Activate | Task::Configure => None,
                };
                self.memory.keep_value(&super::keeping::staged(job.package.id), "")?;
                self.end(with_code(new(ReportedState::Ok)), change)
            }
            ExitMeaning::TryAgain { after_minutes } => {
                let at = now.saturating_add(i64::from(after_minutes.max(1)) * 60);
                let text = format!("The procedure asked to be tried again after {after_minutes} min.");
                let report = with_code(new(ReportedState::WaitingForTime)).with_reason("try-again", &text);
                self.tell_phase(report, Phase::Delivered, Some(at))
            }
            ExitMeaning::Error => {
                // SDM228001.
                let text = format!("Exit code {code} indicates possible error.");
                self.end(with_code(new(ReportedState::Error)).with_reason("exit-code", &text), None)
            }
        }
    }

    /// Whether the agent itself installed the package, and the job does not ask for it again.
    pub(super) fn is_installed(&self, job: &Job) -> Result<bool, AgentError> {
        let asks = job.task == Task::Install && !job.reinstall && !job.stage_only;
        Ok(asks && self.memory.installed(job.package.id)?.is_some())
    }

    pub(super) fn end_installed(&mut self, job: &Job) -> Result<(), AgentError> {
        let report = JobReport::new(job.id, ReportedState::AlreadyInstalled, self.now());
        self.end(report.with_reason("already-installed", "The agent installed it before."), None)
    }
}

/// Removes what procedures left behind.
pub(super) fn empty_scratch(scratch: &Path) {
    if !scratch.is_dir() {
        return;
    }
    let emptied = set_writable(scratch, true).map_err(|error| error.to_string());
    let emptied = emptied.and_then(|()| fs::remove_dir_all(scratch).map_err(|error| error.to_string()));
    if let Err(error) = emptied {
        tracing::warn!(error, "the scratch folder is left");
    }
}
