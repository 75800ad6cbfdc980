//! How far a codebase is trusted to deliver: by the errors of the last two and a half hours, and by its speed. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// After this long an error is forgotten.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(150 * 60);
/// The score by the number of errors remembered; more have the last.
pub const PERCENT: [u8; 8] = [100, 95, 90, 75, 60, 35, 10, 0];
/// More errors than these are not remembered.
const MOST: usize = 20;

/// The errors of one codebase.
#[derive(Clone, Debug, Default)]
pub struct Score {
    errors: VecDeque<Duration>,
}

impl Score {
    /// Remembers an error at `now`.
    pub fn add(&mut self, now: Duration) {
        if self.errors.len() == MOST {
            self.errors.pop_front();
        }
        self.errors.push_back(now);
    }

    /// How many errors are remembered at `now`.
    pub fn errors(&self, now: Duration) -> usize {
        self.errors.iter().filter(|at| now.saturating_sub(**at) < FORGOTTEN_AFTER).count()
    }

    /// The score at `now` in per cent.
    pub fn percent(&self, now: Duration) -> u8 {
        PERCENT[self.errors(now).min(PERCENT.len() - 1)]
    }
}

/// A codebase that could be asked now.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Its number.
    pub codebase: usize,
    /// Its score in per cent.
    pub percent: u8,
    /// Bytes a second one connection to it has brought; `None` before the first.
    pub rate: Option<f64>,
    /// Connections it is asked on already.
    pub active: usize,
    /// Its priority where a Metalink gives one: lower first, compared only where speeds are not known.
    pub priority: u32,
}

/// The order in which codebases are asked by the next free connection: fastest first, scaled by score, shared out by
/// the connections each has; those at 0 % last, not never.
pub fn in_order(mut candidates: Vec<Candidate>) -> Vec<usize> {
    let best = candidates.iter().filter_map(|c| c.rate).fold(0.0, f64::max);
    let weight = |c: &Candidate| {
        // One that was not tried yet is taken for as fast as the best, so that it is tried.
        let rate = c.rate.unwrap_or(best).max(1.0);
        rate * f64::from(c.percent) / 100.0 / (c.active as f64 + 1.0)
    };
    candidates.sort_by(|a, b| {
        let last = (a.percent == 0).cmp(&(b.percent == 0));
        last.then(weight(b).total_cmp(&weight(a)))
            .then(a.priority.cmp(&b.priority))
            .then(a.codebase.cmp(&b.codebase))
    });
    candidates.into_iter().map(|c| c.codebase).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_error_costs_what_is_written_down_and_is_forgotten() {
        let mut score = Score::default();
        let mut seen = Vec::new();
        for n in 0..10 {
            seen.push(score.percent(Duration::from_secs(n)));
            score.add(Duration::from_secs(n));
        }
        assert_eq!(seen, [100, 95, 90, 75, 60, 35, 10, 0, 0, 0]);
        assert_eq!(score.percent(FORGOTTEN_AFTER + Duration::from_secs(5)), 60, "six of ten are forgotten");
        assert_eq!(score.percent(FORGOTTEN_AFTER * 2), 100);
    }

    fn candidate(codebase: usize, percent: u8, rate: Option<f64>, active: usize) -> Candidate {
        Candidate { codebase, percent, rate, active, priority: 1 }
    }

    #[test]
    fn the_fastest_is_first_and_zero_is_last_not_never() {
        let all = vec![
            candidate(0, 0, Some(1e9), 0),
            candidate(1, 100, Some(1e6), 0),
            candidate(2, 90, Some(2e6), 0),
        ];
        assert_eq!(in_order(all), [2, 1, 0]);
        // Two connections to the fast one cost it its lead.
        let all = vec![candidate(1, 100, Some(1e6), 0), candidate(2, 100, Some(2e6), 2)];
        assert_eq!(in_order(all), [1, 2]);
        assert_eq!(in_order(vec![candidate(7, 0, None, 3)]), [7]);
    }

    proptest! {
        #[test]
        fn everybody_stands_in_the_order_once(list in prop::collection::vec((0..101u8, prop::option::of(0.0..1e9f64), 0..9usize), 0..9)) {
            let all: Vec<_> = list.iter().enumerate().map(|(n, (p, r, a))| candidate(n, *p, *r, *a)).collect();
            let mut order = in_order(all);
            order.sort_unstable();
            prop_assert_eq!(order, (0..list.len()).collect::<Vec<_>>());
        }
    }
}
