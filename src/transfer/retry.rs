//! How long to wait after a failure. Pure: the time is handed in, chance too.
//!
//! Two waits: the short one of a single codebase (0.2 to 5 s), while others may still deliver; and the ladder, when
//! none of them does. The steps of the agent's ladder are those of the Symantec Management Agent.

use std::time::Duration;

use jiff::Timestamp;

/// The ladder of waits while nothing arrives; its last step is repeated for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ladder {
    /// 5, 10, 20, 40, 80, 120 seconds: somebody is watching.
    #[default]
    Console,
    /// 3, 6, 12, 24, 48, 96, 120 minutes: nobody is.
    Agent,
}

impl Ladder {
    const CONSOLE_SECS: [u64; 6] = [5, 10, 20, 40, 80, 120];
    const AGENT_MINUTES: [u64; 7] = [3, 6, 12, 24, 48, 96, 120];

    /// How many different steps there are.
    pub fn steps(&self) -> usize {
        match self {
            Self::Console => Self::CONSOLE_SECS.len(),
            Self::Agent => Self::AGENT_MINUTES.len(),
        }
    }

    /// The wait of step `step`, counted from 0; beyond the last step, the last.
    pub fn wait(&self, step: usize) -> Duration {
        let step = step.min(self.steps() - 1);
        match self {
            Self::Console => Duration::from_secs(Self::CONSOLE_SECS[step]),
            Self::Agent => Duration::from_secs(Self::AGENT_MINUTES[step] * 60),
        }
    }
}

/// Failures in a row after which a codebase counts as failed.
pub const FAILURES_IN_A_ROW: u32 = 3;
/// Longest wait that a server may ask for: as long as the last step of the agent's ladder.
pub const RETRY_AFTER_MOST: Duration = Duration::from_secs(120 * 60);

const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// The wait before a codebase is asked again after `failures` in a row: 0.2 s doubling to 5 s. `chance`, 0 to 1,
/// spreads it over its upper half, so that many clients do not come back at the same moment.
pub fn backoff(failures: u32, chance: f64) -> Duration {
    let doubled = SHORTEST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST);
    doubled.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0)).max(SHORTEST)
}

/// Reads a `Retry-After` (RFC 9110, 10.2.3): seconds, or a date compared with `now`. At most
/// [`RETRY_AFTER_MOST`].
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        return Some(text.parse().map_or(RETRY_AFTER_MOST, Duration::from_secs).min(RETRY_AFTER_MOST));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = Duration::try_from(date.duration_since(now)).unwrap_or_default();
    Some(wait.min(RETRY_AFTER_MOST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ladders_are_those_that_are_written_down() {
        let secs =
            |ladder: Ladder, n: usize| -> Vec<u64> { (0..n).map(|s| ladder.wait(s).as_secs()).collect() };
        assert_eq!(secs(Ladder::Console, 8), [5, 10, 20, 40, 80, 120, 120, 120]);
        let minutes: Vec<u64> = secs(Ladder::Agent, 9).into_iter().map(|s| s / 60).collect();
        assert_eq!(minutes, [3, 6, 12, 24, 48, 96, 120, 120, 120]);
        assert_eq!(Ladder::Agent.wait(usize::MAX).as_secs(), 7200);
    }

    proptest! {
        #[test]
        fn the_short_wait_stays_between_its_bounds(failures in any::<u32>(), chance in any::<f64>()) {
            let chance = if chance.is_finite() { chance } else { 0.5 };
            let wait = backoff(failures, chance);
            prop_assert!(wait >= SHORTEST && wait <= LONGEST);
        }

        #[test]
        fn no_server_can_send_us_away_for_good(text in "\\PC{0,40}") {
            prop_assert!(retry_after(&text, Timestamp::UNIX_EPOCH).is_none_or(|wait| wait <= RETRY_AFTER_MOST));
        }
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().expect("a time");
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("99999999999999999999", now), Some(RETRY_AFTER_MOST));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(37)));
        assert_eq!(retry_after("Sat, 05 Nov 1994 08:49:37 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("", now), None);
    }
}
