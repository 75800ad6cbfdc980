//! One poll, from the site list to the last report.

use std::time::Duration;

use super::accept::{self, Whose};
use super::due::{Around, Due, due};
use super::error::{AgentError, NotTaken};
use super::memory::{InstalledChange, OpenJob, Phase};
use super::outbox;
use super::{Agent, PollReport};
use crate::delivery::documents::{JobReport, ReportedState};
use crate::delivery::staging::Fetched;
use crate::package::SignedDocument;
use crate::work::Work;

/// The site list is read again after so long, and with every new list of jobs.
const LIST_EVERY_SECS: i64 = 6 * 3600;
/// Where it is remembered when it was read, in Unix seconds; also for programs that poll once.
pub(super) const LIST_READ: &str = "site list read";
/// The end of a job that is still listed is told again after so many seconds: its report may have been lost.
const TELL_AGAIN_SECS: i64 = 600;

impl Agent {
    /// Does everything that is due now, and says when to come again. A procedure that runs is waited for; downloads are
    /// waited for as long as the options say, and go on after it.
    pub fn poll_once(&mut self, work: &Work) -> Result<PollReport, AgentError> {
        let mut report = PollReport::default();
        self.read_site(&mut report)?;
        let until = self.options.clock.now() + self.options.patience.unwrap_or(self.interval());
        let next = loop {
            work.check()?;
            let next = self.do_what_is_due(work, &mut report)?;
            if !self.wait_for_downloads(until, next, work)? {
                break next;
            }
        };
        // Nothing can have become superfluous where nothing happened.
        if report.has_news || !self.told.is_empty() || !self.is_tidy {
            self.tidy()?;
        }
        self.tell_site(&mut report)?;
        report.jobs = std::mem::take(&mut self.told);
        report.is_known = self.is_known;
        report.downloads = self.deliveries.len();
        report.reports_waiting = self.memory.store.reports_waiting()?;
        let poll = self.jittered();
        let due = next.map(|at| Duration::from_secs(u64::try_from(at - self.now()).unwrap_or(0).max(1)));
        report.next = due.map_or(poll, |due| due.min(poll));
        Ok(report)
    }

    /// Seconds between two polls, by the site.
    fn interval(&self) -> Duration {
        Duration::from_secs(self.list.poll_seconds.into())
    }

    /// The same, a quarter earlier or later by chance: a thousand agents do not come at once.
    fn jittered(&self) -> Duration {
        let chance = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
        self.interval().mul_f64(0.75 + 0.5 * chance)
    }

    /// Reads what the site says. That it cannot be reached is told, and stops nothing.
    fn read_site(&mut self, report: &mut PollReport) -> Result<(), AgentError> {
        match self.read_jobs(report) {
            Ok(()) => Ok(()),
            Err(error @ (AgentError::Site(_) | AgentError::Web(_))) => {
                report.unreachable = Some(error.explain());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn read_jobs(&mut self, report: &mut PollReport) -> Result<(), AgentError> {
        let now = self.now();
        // A clock that was set back says nothing of how old the list is.
        if !(now - LIST_EVERY_SECS..=now).contains(&self.list_read) {
            self.read_list(report)?;
        }
        let (bytes, tag) = match self.site.read_jobs(&self.identity, &self.key, self.tag.as_deref(), now)? {
            Fetched::Unchanged => return Ok(()),
            Fetched::Gone => {
                report.is_gone = self.is_known;
                return Ok(());
            }
            Fetched::New { bytes, tag } => (bytes, tag),
        };
        let first = self.take_jobs(&bytes, tag.as_deref());
        match first {
            Err(Refused::Document(NotTaken::Signature(_))) => {
                // The site may have a new key since: its list says so, signed by one that is known.
                self.read_list(report)?;
                match self.take_jobs(&bytes, tag.as_deref()) {
                    Ok(has_news) => report.has_news = has_news,
                    Err(refused) => self.refuse(refused, report)?,
                }
            }
            Ok(has_news) => {
                report.has_news = has_news;
                if has_news {
                    self.read_list(report)?;
                }
            }
            Err(refused) => self.refuse(refused, report)?,
        }
        if report.has_news {
            self.tell_ends_again()?;
        }
        Ok(())
    }

    fn refuse(&mut self, refused: Refused, report: &mut PollReport) -> Result<(), AgentError> {
        match refused {
            Refused::Document(why) => {
                tracing::warn!(%why, "a list of jobs is not taken");
                report.refused = Some((why.code(), why.to_string()));
                Ok(())
            }
            Refused::Agent(error) => Err(error),
        }
    }

    /// Takes a list of jobs; whether it is new.
    fn take_jobs(&mut self, bytes: &[u8], tag: Option<&str>) -> Result<bool, Refused> {
        let now = self.now();
        let signed = SignedDocument::parse(bytes).map_err(NotTaken::from)?;
        let whose = Whose {
            site: self.list.site,
            agent: self.identity.agent,
            agent_key: &self.identity.agent_key,
            keys: &self.list.keys.jobs,
        };
        let seen = self.memory.jobs_seen().map_err(Refused::Agent)?;
        let taken = accept::jobs(&signed, whose, seen, now)?;
        self.is_known = true;
        self.tag = tag.map(str::to_owned);
        let Some((document, seen)) = taken else {
            self.memory.keep_tag(tag).map_err(Refused::Agent)?;
            return Ok(false);
        };
        let told = self.memory.keep_jobs(&document, seen, tag, now).map_err(Refused::Agent)?;
        self.told.extend(told);
        Ok(true)
    }

    /// Reads the site list; one that is not taken changes nothing.
    fn read_list(&mut self, report: &mut PollReport) -> Result<(), AgentError> {
        let Fetched::New { bytes, .. } = self.site.read_site(None)? else { return Ok(()) };
        self.list_read = self.now();
        self.memory.keep_value(LIST_READ, &self.list_read.to_string())?;
        let signed = SignedDocument::parse(&bytes).map_err(NotTaken::from);
        match signed.and_then(|signed| accept::site(&signed, &self.list, self.list_seen)) {
            Ok(Some((list, seen))) => {
                self.memory.keep_site(&list, seen)?;
                (self.list, self.list_seen) = (list, seen);
                // It may name other packages to keep.
                self.is_tidy = false;
            }
            Ok(None) => {}
            Err(why) => {
                tracing::warn!(%why, "the site list is not taken");
                report.refused = Some((why.code(), format!("the site list: {why}")));
            }
        }
        Ok(())
    }

    /// The manager lists a job that ended here: it may not have heard.
    fn tell_ends_again(&mut self) -> Result<(), AgentError> {
        let now = self.now();
        for report in self.memory.ended_and_listed(now - TELL_AGAIN_SECS)? {
            self.memory.tell_again(&report, now)?;
        }
        Ok(())
    }

    /// Does what is due, job by job, and says when something is due next, in Unix seconds.
    fn do_what_is_due(&mut self, work: &Work, report: &mut PollReport) -> Result<Option<i64>, AgentError> {
        // Each job is done something about at most so often in a poll: brought, brought right, run, and told. Counted once:
        // jobs that end are no longer open.
        let most_rounds = 8 * (self.memory.open_jobs()?.len() + 1);
        let mut rounds = 0;
        loop {
            self.take_downloads()?;
            let jobs = self.memory.open_jobs()?;
            let is_expired = self.memory.jobs_expire()?.is_none_or(|expires| expires <= self.now());
            let mut next: Option<i64> = None;
            let mut is_done = true;
            for open in &jobs {
                work.check()?;
                match self.due_of(open, &jobs, is_expired)? {
                    Due::Wait(at) => next = [next, at].into_iter().flatten().min(),
                    Due::Execute => {
                        // What a neighbour in the list is depends on how this ends.
                        self.execute(open, report)?;
                        is_done = false;
                        break;
                    }
                    todo => is_done &= !self.act(open, todo)?,
                }
            }
            rounds += 1;
            if is_done || rounds > most_rounds {
                return Ok(next);
            }
        }
    }

    fn due_of(&self, open: &OpenJob, jobs: &[OpenJob], is_expired: bool) -> Result<Due, AgentError> {
        let batch = match open.job.batch {
            Some(batch) => self.memory.outcomes_of_batch(&batch.id.to_string())?,
            None => Vec::new(),
        };
        let is_behind = open.job.batch.is_some_and(|own| {
            let earlier = |other: &OpenJob| {
                other.job.batch.is_some_and(|batch| batch.id == own.id && batch.position < own.position)
            };
            jobs.iter().any(earlier)
        });
        let waits = self.waits.get(&open.job.id).map(|(_, until)| *until);
        let not_before = [open.not_before, waits].into_iter().flatten().max();
        let around = Around {
            now: self.now(),
            zone: &self.options.zone,
            is_expired,
            batch: &batch,
            is_behind,
            is_in_transfer: self.delivery_of(&open.job).is_some(),
        };
        Ok(due(&OpenJob { not_before, ..open.clone() }, &around))
    }

    /// Does something about a job that is no procedure; whether that may change what is due.
    fn act(&mut self, open: &OpenJob, todo: Due) -> Result<bool, AgentError> {
        let (job, now) = (&open.job, self.now());
        let error = |state, code, text| JobReport::new(job.id, state, now).with_reason(code, text);
        match todo {
            Due::Withdraw => {
                self.end(
                    error(ReportedState::Withdrawn, "withdrawn", "It was withdrawn before it began."),
                    None,
                )?;
            }
            Due::BatchFailed => {
                let text = "An earlier job of the same batch did not succeed; this one was not started.";
                self.end(error(ReportedState::Error, "batch-failed", text), None)?;
            }
            Due::TooLate => {
                let text = "The time to start it was over before it could begin.";
                self.end(error(ReportedState::Error, "too-late", text), None)?;
            }
            Due::Deliver => return self.deliver(job),
            Due::Execute | Due::Wait(_) => return Ok(false),
        }
        Ok(true)
    }

    /// A job ends, and that is told.
    pub(super) fn end(
        &mut self,
        report: JobReport,
        installed: Option<InstalledChange<'_>>,
    ) -> Result<(), AgentError> {
        self.memory.end(&report, installed)?;
        self.waits.remove(&report.job);
        self.repaired.remove(&report.job);
        self.told.push(report);
        Ok(())
    }

    /// A job is so far, and that is told.
    pub(super) fn tell_phase(
        &mut self,
        report: JobReport,
        phase: Phase,
        not_before: Option<i64>,
    ) -> Result<(), AgentError> {
        self.memory.tell_phase(&report, phase, not_before)?;
        self.told.push(report);
        Ok(())
    }

    /// Something is told of a job that stays where it is.
    pub(super) fn tell(&mut self, report: JobReport) -> Result<(), AgentError> {
        self.memory.tell(&report)?;
        self.told.push(report);
        Ok(())
    }

    /// Makes a report of all there is to tell, and sends what waits. A site that cannot be reached stops nothing.
    pub(super) fn tell_site(&mut self, report: &mut PollReport) -> Result<(), AgentError> {
        // Nobody there would know whose report it is.
        if !self.is_known {
            return Ok(());
        }
        let now = self.now();
        let facts = self.options.host.facts(crate::disk::free_bytes(self.home.folder()));
        outbox::make(&mut self.memory, self.list.site, &self.identity, &self.key, &facts, now)?;
        match outbox::send(&mut self.memory, &self.site, &self.identity) {
            Ok(sent) => {
                report.reports_sent += sent.sent;
                if let Some(why) = sent.refused {
                    report.refused = Some(("report-refused", why));
                }
            }
            Err(error @ (AgentError::Site(_) | AgentError::Web(_))) => {
                report.unreachable.get_or_insert(error.explain());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Why a list of jobs is not taken.
enum Refused {
    Document(NotTaken),
    Agent(AgentError),
}

impl From<NotTaken> for Refused {
    fn from(why: NotTaken) -> Self {
        Self::Document(why)
    }
}
