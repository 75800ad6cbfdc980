//! Bytes a second over the last seconds. Pure.

use std::time::Duration;

/// Length of one slot.
const SLOT: Duration = Duration::from_millis(500);
/// Slots that are looked at.
const SLOTS: usize = 10;

/// Counts what arrives in slots of half a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RateMeter {
    slots: [u64; SLOTS],
    /// Number of the newest slot since the clock began.
    newest: u64,
    /// The first slot in which something was counted.
    first: Option<u64>,
}

impl RateMeter {
    pub(super) fn add(&mut self, bytes: u64, now: Duration) {
        self.advance(now);
        self.first.get_or_insert(self.newest);
        self.slots[self.newest as usize % SLOTS] += bytes;
    }

    fn advance(&mut self, now: Duration) {
        let slot = (now.as_millis() / SLOT.as_millis()) as u64;
        let passed = slot.saturating_sub(self.newest).min(SLOTS as u64);
        for n in 0..passed {
            self.slots[((slot - n) % SLOTS as u64) as usize] = 0;
        }
        self.newest = self.newest.max(slot);
    }

    /// Bytes a second at `now`.
    pub(super) fn per_second(mut self, now: Duration) -> f64 {
        self.advance(now);
        let Some(first) = self.first else { return 0.0 };
        let begun = SLOT.mul_f64(first.max((self.newest + 1).saturating_sub(SLOTS as u64)) as f64);
        let span = now.saturating_sub(begun).max(SLOT / 2);
        self.slots.iter().sum::<u64>() as f64 / span.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate_and_silence_ends_it() {
        let mut meter = RateMeter::default();
        assert_eq!(meter.per_second(Duration::from_secs(100)), 0.0);
        for tenth in 0..200 {
            meter.add(100, Duration::from_millis(7_000 + tenth * 100));
        }
        let rate = meter.per_second(Duration::from_millis(27_000));
        assert!((900.0..1100.0).contains(&rate), "{rate}");
        assert_eq!(meter.per_second(Duration::from_secs(60)), 0.0);
    }
}
