//! What is to be done about a job now. Pure: the job, the time and its neighbours go in.

use jiff::tz::TimeZone;

use super::memory::{OpenJob, Phase};
use crate::delivery::documents::ReportedState;

/// What is to be done about a job now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// It is listed no more and was not started: it will not run.
    Withdraw,
    /// An earlier job of its piece of work failed.
    BatchFailed,
    /// The time to start is over.
    TooLate,
    /// Its package is to be brought.
    Deliver,
    /// Its procedure is to be run.
    Execute,
    /// Nothing before then, in Unix seconds; nothing that the clock brings where there is no time.
    Wait(Option<i64>),
}

/// What a job has to know of the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) now: i64,
    pub(super) zone: &'a TimeZone,
    /// The list of jobs expired: nothing is begun.
    pub(super) is_expired: bool,
    /// How earlier jobs of the piece of work ended.
    pub(super) batch: &'a [ReportedState],
    /// Whether an earlier job of the piece of work has not ended.
    pub(super) is_behind: bool,
    /// Whether its package is on its way.
    pub(super) is_in_transfer: bool,
}

/// Whether the rest of a piece of work ends with this.
pub(super) fn is_failure(state: ReportedState) -> bool {
    matches!(state, ReportedState::Error | ReportedState::Refused | ReportedState::Withdrawn)
}

/// What is to be done about `job` now.
pub(super) fn due(job: &OpenJob, around: &Around<'_>) -> Due {
    let Around { now, zone, .. } = *around;
    let moment = |when: Option<crate::delivery::documents::When>| when.map(|when| when.moment(zone));
    if job.phase == Phase::Started {
        return Due::Wait(None);
    }
    if !job.listed {
        return Due::Withdraw;
    }
    if around.batch.iter().any(|state| is_failure(*state)) {
        return Due::BatchFailed;
    }
    if moment(job.job.stop_starting_at).is_some_and(|stop| stop <= now) {
        return Due::TooLate;
    }
    let is_here = job.phase == Phase::Delivered;
    if around.is_in_transfer && !is_here {
        return Due::Wait(moment(job.job.stop_starting_at));
    }
    let not_before = if is_here { moment(job.job.run_at) } else { moment(job.job.stage_at) };
    let first = [job.not_before, not_before].into_iter().flatten().max();
    if let Some(first) = first.filter(|first| *first > now) {
        let stop = moment(job.job.stop_starting_at);
        return Due::Wait(Some(stop.map_or(first, |stop| stop.min(first))));
    }
    if around.is_expired || is_here && around.is_behind {
        return Due::Wait(moment(job.job.stop_starting_at));
    }
    if is_here { Due::Execute } else { Due::Deliver }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::documents::When;
    use crate::delivery::documents::jobs::sample;

    fn open(phase: Phase) -> OpenJob {
        OpenJob { job: sample(), listed: true, phase, not_before: None }
    }

    fn around(now: i64) -> Around<'static> {
        const UTC: &TimeZone = &TimeZone::UTC;
        Around { now, zone: UTC, is_expired: false, batch: &[], is_behind: false, is_in_transfer: false }
    }

    #[test]
    fn a_job_is_brought_and_run_when_its_times_come() {
        let mut job = open(Phase::Received);
        job.job.stage_at = Some(When::Site { time: 100 });
        job.job.run_at = Some(When::Site { time: 200 });
        job.job.stop_starting_at = Some(When::Site { time: 300 });
        assert_eq!(due(&job, &around(99)), Due::Wait(Some(100)));
        assert_eq!(due(&job, &around(100)), Due::Deliver);
        job.phase = Phase::Delivered;
        assert_eq!(due(&job, &around(100)), Due::Wait(Some(200)));
        assert_eq!(due(&job, &around(200)), Due::Execute);
        job.not_before = Some(250);
        assert_eq!(due(&job, &around(200)), Due::Wait(Some(250)));
        job.not_before = Some(900);
        assert_eq!(due(&job, &around(200)), Due::Wait(Some(300)), "looked at again when it is too late");
        assert_eq!(due(&job, &around(300)), Due::TooLate);
    }

    #[test]
    fn nothing_is_begun_that_nobody_wants_any_more() {
        let mut job = open(Phase::Delivered);
        let expired = Around { is_expired: true, ..around(1) };
        assert_eq!(due(&job, &expired), Due::Wait(None));
        let failed = Around { batch: &[ReportedState::Ok, ReportedState::Error], ..around(1) };
        assert_eq!(due(&job, &failed), Due::BatchFailed);
        let fine = Around { batch: &[ReportedState::Ok, ReportedState::AlreadyInstalled], ..around(1) };
        assert_eq!(due(&job, &fine), Due::Execute);
        let behind = Around { is_behind: true, ..around(1) };
        assert_eq!(due(&job, &behind), Due::Wait(None));
        job.listed = false;
        assert_eq!(due(&job, &expired), Due::Withdraw);
        job.phase = Phase::Started;
        assert_eq!(due(&job, &around(1)), Due::Wait(None), "what runs is not taken back");
    }
}
