//! Packages on their way: begun, waited for, taken when they are whole.

use std::sync::Arc;
use std::time::Duration;

use super::Agent;
use super::error::AgentError;
use super::memory::Phase;
use super::package::{Packages, Trouble};
use crate::delivery::documents::{Job, JobReport, ReportedState};
use crate::store::agent::AgentPackageRow;
use crate::transfer::{DownloadState, Ladder, TransferStatus};
use crate::work::Work;

/// Downloads at a time.
const AT_ONCE: usize = 2;
/// Progress is told in such steps, in percent.
const STEP_PERCENT: u8 = 10;

impl Agent {
    pub(super) fn packages(&self) -> Packages<'_> {
        Packages {
            home: &self.home,
            identity: &self.identity,
            site: &self.site,
            list: &self.list,
            options: &self.options,
        }
    }

    /// The delivery under way that a job waits for.
    pub(super) fn delivery_of(&self, job: &Job) -> Option<usize> {
        self.deliveries.iter().position(|delivery| {
            delivery.package == job.package.id && delivery.reginfo == job.package.reginfo_sha256
        })
    }

    /// Brings the package of a job, or what it needs of it; whether that may change what is due.
    pub(super) fn deliver(&mut self, job: &Job) -> Result<bool, AgentError> {
        match self.try_deliver(job) {
            Ok(is_done) => Ok(is_done),
            Err(trouble) => self.trouble(job, trouble),
        }
    }

    fn try_deliver(&mut self, job: &Job) -> Result<bool, Trouble> {
        let now = self.now();
        let id = job.package.id;
        if self.is_installed(job)? {
            self.end_installed(job)?;
            return Ok(true);
        }
        let known = self.memory.package(id)?;
        if let Some(known) = &known
            && job.package.revision < known.revision
        {
            return Err(Trouble::Refused(
                "package-older",
                format!(
                    "It is revision {}; revision {} was seen before.",
                    job.package.revision, known.revision
                ),
            ));
        }
        let registration = self.packages().registration(job)?;
        let procedure = self.packages().procedure(job, &registration.info)?;
        let is_here = known.as_ref().is_some_and(|known| {
            known.is_here && known.is_whole && known.reginfo == job.package.reginfo_sha256.to_string()
        });
        // What an external procedure runs is on the computer: nothing of the package is needed.
        let needs_nothing = procedure.external && !job.stage_only;
        if is_here || needs_nothing {
            if let Some(known) = known.filter(|_| is_here) {
                self.memory.put_package(&AgentPackageRow { used_at: now, ..known })?;
            }
            self.delivered(job, ReportedState::AlreadyDelivered)?;
            return Ok(true);
        }
        let folder_is_taken = self.deliveries.iter().any(|delivery| delivery.package == id);
        if self.deliveries.len() >= AT_ONCE || folder_is_taken {
            return Ok(false);
        }
        let row = AgentPackageRow {
            id,
            name: job.package.key.name().to_owned(),
            version: job.package.key.version().to_owned(),
            revision: job.package.revision,
            reginfo: job.package.reginfo_sha256.to_string(),
            is_here: true,
            is_whole: false,
            size_bytes: registration.info.checksum.size_bytes,
            used_at: now,
        };
        // Before the first byte: what is there from now on may be half of the one and half of the other.
        self.memory.put_package(&row)?;
        let signal = Arc::clone(&self.signal);
        let delivery = self.packages().begin(job, &registration, Arc::new(move || signal.wake()))?;
        self.deliveries.push(delivery);
        let report = JobReport::new(job.id, ReportedState::Delivering, now);
        self.tell_phase(report, Phase::Delivering, None)?;
        Ok(true)
    }

    /// What becomes of a job that does not go on.
    pub(super) fn trouble(&mut self, job: &Job, trouble: Trouble) -> Result<bool, AgentError> {
        let now = self.now();
        match trouble {
            Trouble::Agent(error) => return Err(error),
            Trouble::Refused(code, why) => {
                self.end(JobReport::new(job.id, ReportedState::Refused, now).with_reason(code, &why), None)?;
            }
            Trouble::Failed(code, why) => {
                self.end(JobReport::new(job.id, ReportedState::Error, now).with_reason(code, &why), None)?;
            }
            Trouble::Later(why) => {
                let step = self.waits.get(&job.id).map_or(0, |(step, _)| step + 1);
                let wait = i64::try_from(Ladder::Agent.wait(step).as_secs()).unwrap_or(i64::MAX);
                self.waits.insert(job.id, (step, now.saturating_add(wait)));
                if step == 0 {
                    let report = JobReport::new(job.id, ReportedState::Delivering, now);
                    self.tell(report.with_reason("retrying", &why))?;
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The package of a job is there, or it needs none.
    fn delivered(&mut self, job: &Job, state: ReportedState) -> Result<(), AgentError> {
        let now = self.now();
        self.waits.remove(&job.id);
        if job.stage_only {
            self.memory.keep_value(&super::keeping::staged(job.package.id), "1")?;
            self.tell(JobReport::new(job.id, state, now))?;
            return self.end(JobReport::new(job.id, ReportedState::Ok, now), None);
        }
        self.tell_phase(JobReport::new(job.id, state, now), Phase::Delivered, None)?;
        if job.run_at.is_some_and(|when| when.moment(&self.options.zone) > now) {
            self.tell(JobReport::new(job.id, ReportedState::WaitingForTime, now))?;
        }
        Ok(())
    }

    /// Takes what arrived, tells how far the rest is, and stops what nobody waits for.
    pub(super) fn take_downloads(&mut self) -> Result<(), AgentError> {
        let mut nth = 0;
        while nth < self.deliveries.len() {
            let delivery = &self.deliveries[nth];
            let status = delivery.transfer.status();
            let waiting: Vec<Job> = self
                .memory
                .open_jobs()?
                .into_iter()
                .filter(|open| open.listed && open.phase != Phase::Delivered)
                .map(|open| open.job)
                .filter(|job| self.delivery_of(job) == Some(nth))
                .collect();
            let is_over = match status.state {
                _ if waiting.is_empty() => true,
                DownloadState::Ready => {
                    self.take(nth, &waiting)?;
                    true
                }
                DownloadState::Invalid => {
                    let why = status.invalid.as_ref().map(ToString::to_string).unwrap_or_default();
                    for job in &waiting {
                        self.trouble(job, Trouble::Failed("delivery-invalid", why.clone()))?;
                    }
                    true
                }
                _ => {
                    self.tell_progress(nth, &status, &waiting)?;
                    false
                }
            };
            if is_over {
                self.deliveries.remove(nth).transfer.stop();
            } else {
                nth += 1;
            }
        }
        Ok(())
    }

    fn take(&mut self, nth: usize, waiting: &[Job]) -> Result<(), AgentError> {
        let package = self.deliveries[nth].package;
        // The folder is free before anybody is told that the package is there.
        self.deliveries[nth].transfer.stop();
        if let Some(row) = self.memory.package(package)? {
            self.memory.put_package(&AgentPackageRow { is_whole: true, used_at: self.now(), ..row })?;
        }
        for job in waiting {
            self.delivered(job, ReportedState::Delivered)?;
        }
        Ok(())
    }

    fn tell_progress(
        &mut self,
        nth: usize,
        status: &TransferStatus,
        waiting: &[Job],
    ) -> Result<(), AgentError> {
        let percent = match status.total_bytes {
            0 => 0,
            total => u8::try_from(status.proven_bytes.saturating_mul(100) / total).unwrap_or(100).min(100),
        };
        let now = self.now();
        let delivery = &mut self.deliveries[nth];
        let is_retrying = status.state == DownloadState::Retrying;
        let is_step = percent >= delivery.told.unwrap_or(0).saturating_add(STEP_PERCENT);
        if !is_step && delivery.told_retry == is_retrying {
            return Ok(());
        }
        delivery.told = Some(percent);
        delivery.told_retry = is_retrying;
        for job in waiting {
            let mut report = JobReport::new(job.id, ReportedState::Delivering, now);
            report.percent = Some(percent);
            if is_retrying {
                let mut errors =
                    status.codebases.iter().filter_map(|codebase| codebase.last_error.as_deref());
                let why = errors.next_back().unwrap_or("no staging library delivers");
                report = report.with_reason("retrying", why);
            }
            self.tell(report)?;
        }
        Ok(())
    }

    /// Whether a download needs to be looked at.
    pub(super) fn is_something_done(&self) -> bool {
        self.deliveries.iter().any(|delivery| is_done(delivery.transfer.status().state))
    }

    /// Waits until a download has come to an end; `false` where none will soon: the time is over, something else is due,
    /// or all wait to try again.
    pub(super) fn wait_for_downloads(
        &mut self,
        until: Duration,
        next: Option<i64>,
        work: &Work,
    ) -> Result<bool, AgentError> {
        loop {
            work.check()?;
            // Asked once: one that is done between two looks would neither go on nor be done.
            let states: Vec<DownloadState> =
                self.deliveries.iter().map(|delivery| delivery.transfer.status().state).collect();
            if states.iter().copied().any(is_done) {
                return Ok(true);
            }
            let goes_on = |state: &DownloadState| {
                matches!(state, DownloadState::Pending | DownloadState::Checking | DownloadState::Downloading)
            };
            if !states.iter().any(goes_on) || self.options.clock.now() >= until {
                return Ok(false);
            }
            if next.is_some_and(|at| at <= self.now()) {
                return Ok(true);
            }
            self.signal.wait(Duration::from_millis(100));
        }
    }
}

/// Whether a download has come to its end, good or bad.
fn is_done(state: DownloadState) -> bool {
    matches!(state, DownloadState::Ready | DownloadState::Invalid)
}
