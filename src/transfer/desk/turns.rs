//! Turns: which blocks a free connection fetches next, from where, and what follows from a failure.

use std::ops::Range;
use std::time::Duration;

use super::{Desk, EventKind, Moment, RetryReason};
use crate::transfer::codebase::{Codebase, Way};
use crate::transfer::error::InvalidReason;
use crate::transfer::retry::{FAILURES_IN_A_ROW, backoff};
use crate::transfer::score::{Candidate, in_order};
use crate::transfer::state::DownloadState;

/// Most bytes that are asked for at once.
const RUN_MOST_BYTES: u64 = 32 * 1024 * 1024;
/// A run is no longer than a connection needs so many seconds for.
const RUN_SECS: f64 = 4.0;
/// So many bytes of an unproven file are progress.
const PROGRESS_BYTES: u64 = 1024 * 1024;
/// ETags remembered for each codebase.
const ETAGS_MOST: usize = 10_000;

/// What a connection does now.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Fetches.
    Fetch(Assignment),
    /// Waits for a change, or until this moment.
    Wait(Option<Duration>),
    /// Ends.
    End,
}

/// Blocks of one file that nobody else fetches now.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) codebase: usize,
    pub(crate) file: usize,
    /// In order; several only where the codebase sends whole files.
    pub(crate) runs: Vec<Range<usize>>,
    /// Where an unproven file goes on.
    pub(crate) from_bytes: u64,
    /// For If-Range.
    pub(crate) etag: Option<Box<str>>,
    pub(crate) started: Duration,
}

/// What ended a turn early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What is said: a status, a wrong header, what the network said.
    pub(crate) what: String,
    /// How long the server asked to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The file itself is refused or not there: said at once.
    pub(crate) names_file: bool,
}

impl Trouble {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), retry_after: None, names_file: false }
    }
}

impl Desk {
    /// What connection `line` does now.
    pub(crate) fn turn(&mut self, line: usize, at: Moment) -> Turn {
        if self.stopping || line >= self.connections {
            return Turn::End;
        }
        if self.state == DownloadState::Retrying
            && let Some(next) = self.stuck.as_ref().map(|stuck| stuck.next)
        {
            if at.now < next {
                return Turn::Wait(Some(next));
            }
            self.try_again(at);
        }
        if self.state != DownloadState::Downloading || self.low_block().is_none() {
            return Turn::Wait(None);
        }
        let first_file = self.low_block().and_then(|block| self.plan.file_of(block));
        let mut soonest: Option<Duration> = None;
        let mut candidates = Vec::new();
        for (number, codebase) in self.codebases.iter().enumerate() {
            if codebase.set_aside {
                continue;
            }
            if codebase.retry_at > at.now {
                soonest = Some(soonest.map_or(codebase.retry_at, |soonest| soonest.min(codebase.retry_at)));
                continue;
            }
            candidates.push(Candidate {
                codebase: number,
                percent: codebase.score.percent(at.now),
                rate: codebase.rate,
                active: codebase.active,
                priority: first_file.map_or(0, |file| codebase.priority(&self.plan, file)),
            });
        }
        let has_candidates = !candidates.is_empty();
        for number in in_order(candidates) {
            if let Some(assignment) = self.assign(number, at) {
                return Turn::Fetch(assignment);
            }
        }
        if !has_candidates && soonest.is_none() && !self.codebases.is_empty() {
            let names = self.codebases.iter().map(|codebase| codebase.name.clone()).collect();
            self.become_stuck(RetryReason::SetAside(names), Duration::ZERO, at);
            return Turn::Wait(self.stuck.as_ref().map(|stuck| stuck.next));
        }
        // Nobody is asked, nobody will be, and still something is missing: nobody has it.
        if soonest.is_none() && self.codebases.iter().all(|codebase| codebase.active == 0) {
            self.nobody_has_it(at);
            return Turn::Wait(self.stuck.as_ref().map(|stuck| stuck.next));
        }
        Turn::Wait(soonest)
    }

    fn nobody_has_it(&mut self, at: Moment) {
        let Some(block) = self.low_block() else { return };
        let Some(file) = self.plan.file_of(block) else { return };
        if self.codebases.iter().any(|codebase| codebase.serves(&self.plan, file)) {
            let aside = self.codebases.iter().filter(|codebase| codebase.set_aside);
            let names = aside.map(|codebase| codebase.name.clone()).collect();
            for codebase in &mut self.codebases {
                codebase.set_aside = true;
            }
            self.become_stuck(RetryReason::SetAside(names), Duration::ZERO, at);
        } else {
            let path = self.plan.files()[file].path.to_string();
            self.end_invalid(InvalidReason::NoCodebase(path), at);
        }
    }

    /// Whether every block is proven or with somebody.
    pub(crate) fn nothing_missing(&self) -> bool {
        self.missing.next(self.low).is_none()
    }

    fn low_block(&mut self) -> Option<usize> {
        let first = self.missing.next(self.low);
        self.low = first.unwrap_or(self.missing.len());
        first
    }

    /// Takes the next blocks that this codebase can be asked for.
    fn assign(&mut self, number: usize, at: Moment) -> Option<Assignment> {
        let mut block = self.low_block()?;
        let mut known = (usize::MAX, false);
        loop {
            let file = self.plan.file_of(block)?;
            if known.0 != file {
                known = (file, self.codebases[number].serves(&self.plan, file));
            }
            if known.1 && self.may_have(block, number) {
                break;
            }
            // A whole file that is not there is passed over at once.
            let next = if known.1 { block + 1 } else { self.plan.blocks_of(file).end };
            block = self.missing.next(next)?;
        }
        let file = self.plan.file_of(block)?;
        let codebase = &self.codebases[number];
        let runs = if codebase.without_ranges {
            self.runs_of_file(file, block)
        } else {
            let end = self.run_end(block, file, number);
            std::iter::once(block..end).collect()
        };
        for block in runs.iter().cloned().flatten() {
            self.missing.put(block, false);
        }
        let codebase = &mut self.codebases[number];
        codebase.active += 1;
        let whole = self.wholes.get(&file);
        let is_unproven = self.plan.files()[file].is_unproven;
        let etag = if is_unproven {
            let url = codebase.url_of(&self.plan, file).map(|(url, _)| url.to_string());
            let known = whole.and_then(|whole| whole.etag.as_ref());
            known.filter(|(_, from)| Some(from) == url.as_ref()).map(|(etag, _)| etag.as_str().into())
        } else {
            codebase.etags.get(&file).cloned()
        };
        let from_bytes = if is_unproven { whole.map_or(0, |whole| whole.written_bytes) } else { 0 };
        self.version += 1;
        Some(Assignment { codebase: number, file, runs, from_bytes, etag, started: at.now })
    }

    /// Whether a codebase may be asked for a block: not while another sent it wrong less often.
    fn may_have(&self, block: usize, number: usize) -> bool {
        let times = self.bad_times(block, number);
        times == 0
            || !self.codebases.iter().enumerate().any(|(other, codebase)| {
                other != number
                    && !codebase.set_aside
                    && self.bad_times(block, other) < times
                    && self.plan.file_of(block).is_some_and(|file| codebase.serves(&self.plan, file))
            })
    }

    /// All that is missing of a file, from `block` on.
    fn runs_of_file(&self, file: usize, block: usize) -> Vec<Range<usize>> {
        let end = self.plan.blocks_of(file).end;
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut next = self.missing.next(block).filter(|block| *block < end);
        while let Some(block) = next {
            match runs.last_mut() {
                Some(last) if last.end == block => last.end = block + 1,
                _ => runs.push(block..block + 1),
            }
            next = self.missing.next(block + 1).filter(|block| *block < end);
        }
        runs
    }

    /// Where the run ends that begins at `block`.
    fn run_end(&self, block: usize, file: usize, number: usize) -> usize {
        let blocks = self.plan.blocks_of(file);
        let left = self.plan.total_bytes() - self.counts.proven_bytes.min(self.plan.total_bytes());
        let most = run_bytes(left, self.connections, self.codebases[number].rate);
        let count = usize::try_from(most / self.plan.files()[file].block_bytes).unwrap_or(1).max(1);
        let most = blocks.end.min(block.saturating_add(count));
        let mut end = block + 1;
        while end < most && self.missing.get(end) && self.bad_times(end, number) == 0 {
            end += 1;
        }
        end
    }

    /// More of a file that comes whole, taken while it comes.
    pub(crate) fn take_more(&mut self, assignment: &mut Assignment) {
        self.take_more_from(assignment, self.plan.blocks_of(assignment.file).start);
    }

    /// As [`Desk::take_more`], from `block` on.
    pub(crate) fn take_more_from(&mut self, assignment: &mut Assignment, block: usize) {
        let more = self.runs_of_file(assignment.file, block);
        for block in more.iter().cloned().flatten() {
            self.missing.put(block, false);
        }
        assignment.runs.extend(more);
        assignment.runs.sort_by_key(|run| run.start);
    }

    /// A codebase answered a range with the whole file.
    pub(crate) fn found_without_ranges(&mut self, number: usize, at: Moment) {
        let Some(codebase) = self.codebases.get_mut(number).filter(|codebase| !codebase.without_ranges)
        else {
            return;
        };
        codebase.without_ranges = true;
        let text = format!("{} sends whole files only", codebase.name);
        self.log(EventKind::Codebase, text, at);
    }

    /// A codebase that was taken for one without ranges has them after all. Keeps of the assignment what one request
    /// should bring: what lies between its runs is not missing.
    pub(crate) fn found_with_ranges(&mut self, number: usize, assignment: &mut Assignment) {
        if let Some(codebase) = self.codebases.get_mut(number) {
            codebase.without_ranges = false;
        }
        let others = assignment.runs.split_off(assignment.runs.len().min(1));
        others.into_iter().flatten().for_each(|block| self.give_back(block));
    }

    /// The strong ETag of a file at a codebase, or that it changed.
    pub(crate) fn note_etag(&mut self, number: usize, file: usize, etag: Option<&str>, at: Moment) {
        let Some(codebase) = self.codebases.get_mut(number) else { return };
        let before = codebase.etags.get(&file).cloned();
        let changed = before.as_deref().is_some_and(|before| Some(before) != etag);
        codebase.etags_change |= changed;
        match etag.filter(|_| !codebase.etags_change) {
            Some(etag) if codebase.etags.len() < ETAGS_MOST || before.is_some() => {
                codebase.etags.insert(file, etag.into());
            }
            _ => {
                codebase.etags.remove(&file);
            }
        }
        if changed {
            let text = format!("{} changed at {}", self.plan.files()[file].path, codebase.name);
            self.log(EventKind::Codebase, text, at);
        }
    }

    /// Bytes arrived on some connection to `codebase`.
    pub(crate) fn received(&mut self, codebase: usize, bytes: u64, at: Moment) {
        self.counts.received_bytes += bytes;
        self.meter.add(bytes, at.now);
        if let Some(meter) = self.meters.get_mut(codebase) {
            meter.add(bytes, at.now);
        }
        self.version += 1;
    }

    /// A turn ended: in order, halted, or in trouble. What was not fetched is missing again.
    pub(crate) fn settle(
        &mut self,
        assignment: &Assignment,
        fetched_bytes: u64,
        trouble: Option<Trouble>,
        chance: f64,
        at: Moment,
    ) {
        for block in assignment.runs.iter().cloned().flatten() {
            self.give_back(block);
        }
        let Some(codebase) = self.codebases.get_mut(assignment.codebase) else { return };
        codebase.active = codebase.active.saturating_sub(1);
        let took = at.now.saturating_sub(assignment.started).as_secs_f64();
        if fetched_bytes > 0 && took > 0.0 {
            let rate = fetched_bytes as f64 / took;
            codebase.rate = Some(codebase.rate.map_or(rate, |before| before * 0.7 + rate * 0.3));
        }
        // A piece of an unproven file that was kept is as good as a block: nothing is stuck.
        let is_unproven = self.plan.files().get(assignment.file).is_some_and(|file| file.is_unproven);
        if is_unproven && fetched_bytes >= PROGRESS_BYTES {
            codebase.failures = 0;
            self.step = 0;
        }
        if let Some(trouble) = trouble {
            self.failed(assignment, trouble, chance, at);
        }
        self.version += 1;
    }

    fn failed(&mut self, assignment: &Assignment, trouble: Trouble, chance: f64, at: Moment) {
        let codebase = &mut self.codebases[assignment.codebase];
        let path = &self.plan.files()[assignment.file].path;
        let said = if trouble.names_file { format!("{}: {path}", trouble.what) } else { trouble.what };
        let is_news = codebase.last_error.as_ref() != Some(&said);
        let text = format!("{}: {said}", codebase.name);
        codebase.last_error = Some(said);
        // Four connections that break at once are one failure, not four in a row.
        let is_same = codebase.failed_at.is_some_and(|failed| assignment.started < failed);
        if !is_same {
            codebase.score.add(at.now);
            codebase.failures = codebase.failures.saturating_add(1);
            codebase.failed_at = Some(at.now);
        }
        let wait = trouble.retry_after.unwrap_or_default().max(backoff(codebase.failures, chance));
        codebase.retry_at = codebase.retry_at.max(at.now + wait);
        if is_news {
            self.log(EventKind::Codebase, text, at);
        }
        let usable = || self.codebases.iter().filter(|codebase| !codebase.set_aside);
        let has_failed = |codebase: &Codebase| codebase.failures >= FAILURES_IN_A_ROW;
        let could_deliver = |codebase: &Codebase| codebase.active > 0 || self.serves_missing(codebase);
        if usable().all(|codebase| has_failed(codebase) || !could_deliver(codebase)) {
            let failed = || usable().filter(|codebase| has_failed(codebase));
            let said = failed().map(|codebase| {
                format!("{}: {}", codebase.name, codebase.last_error.as_deref().unwrap_or("no answer"))
            });
            let reason = RetryReason::Codebases(said.collect());
            // Where all of them asked to be left alone, nobody is asked before the first allows it.
            let first = failed().map(|codebase| codebase.retry_at).min().unwrap_or_default();
            let not_before = if first > at.now + LONGEST_OWN_WAIT { first } else { Duration::ZERO };
            self.become_stuck(reason, not_before, at);
        }
    }

    /// Whether a codebase has a file of which something is missing.
    fn serves_missing(&self, codebase: &Codebase) -> bool {
        let mut next = self.missing.next(self.low);
        while let Some(file) = next.and_then(|block| self.plan.file_of(block)) {
            if codebase.serves(&self.plan, file) {
                return true;
            }
            next = self.missing.next(self.plan.blocks_of(file).end);
        }
        false
    }

    /// Whether a codebase is on this computer.
    pub(crate) fn way(&self, number: usize) -> Option<&Way> {
        self.codebases.get(number).map(|codebase| &codebase.way)
    }
}

/// A codebase that waits longer than this was asked to by its server.
const LONGEST_OWN_WAIT: Duration = Duration::from_secs(5);

/// How many bytes a connection asks for at once: long runs while much is left, short ones towards the end, so that all
/// connections end together; and never more than a slow one brings in some seconds. Pure.
pub(crate) fn run_bytes(left_bytes: u64, connections: usize, rate: Option<f64>) -> u64 {
    let share = left_bytes / (connections.max(1) as u64 * 3);
    let by_rate = rate.map_or(RUN_MOST_BYTES, |rate| (rate * RUN_SECS) as u64);
    share.min(by_rate).min(RUN_MOST_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_shrink_towards_the_end_and_with_slow_codebases() {
        assert_eq!(run_bytes(10 << 30, 4, None), RUN_MOST_BYTES);
        assert_eq!(run_bytes(12 << 20, 4, None), 1 << 20);
        assert_eq!(run_bytes(10 << 30, 4, Some(1000.0)), 4000);
        assert_eq!(run_bytes(0, 0, Some(f64::INFINITY)), 0);
    }
}
