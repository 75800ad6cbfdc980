//! The rate limit, shared by all connections and changeable at any time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::clock::Clock;

/// What was not used for so long does not allow a rush.
const SAVED_UP: Duration = Duration::from_millis(100);

/// When the bytes taken so far are paid for. Pure.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    bytes_per_second: Option<u64>,
    paid_at: Duration,
}

impl Account {
    /// Changes the limit; `None` or 0 for none. Debts are forgiven.
    pub(crate) fn set(&mut self, bytes_per_second: Option<u64>, now: Duration) {
        self.bytes_per_second = bytes_per_second.filter(|rate| *rate > 0);
        self.paid_at = now;
    }

    /// Books `bytes` that arrived; until when to wait before taking more, if at all.
    pub(crate) fn book(&mut self, bytes: u64, now: Duration) -> Option<Duration> {
        let rate = self.bytes_per_second?;
        let from = self.paid_at.max(now.saturating_sub(SAVED_UP));
        let costs = Duration::try_from_secs_f64(bytes as f64 / rate as f64).unwrap_or(Duration::MAX);
        self.paid_at = from.saturating_add(costs);
        (self.paid_at > now).then_some(self.paid_at)
    }
}

/// The limit of one transfer.
#[derive(Debug)]
pub(crate) struct Throttle {
    account: Mutex<Account>,
    changed: watch::Sender<u64>,
}

impl Throttle {
    pub(crate) fn new(bytes_per_second: Option<u64>, now: Duration) -> Self {
        let mut account = Account::default();
        account.set(bytes_per_second, now);
        Self { account: Mutex::new(account), changed: watch::Sender::new(0) }
    }

    pub(crate) fn set(&self, bytes_per_second: Option<u64>, now: Duration) {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).set(bytes_per_second, now);
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn limit(&self) -> Option<u64> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).bytes_per_second
    }

    /// Waits until `bytes` that arrived are paid for, or the limit changed.
    pub(crate) async fn pay(&self, bytes: u64, clock: &dyn Clock) {
        let mut changed = self.changed.subscribe();
        let until = self.account.lock().unwrap_or_else(PoisonError::into_inner).book(bytes, clock.now());
        if let Some(until) = until {
            tokio::select! {
                () = clock.until(until) => {}
                _ = changed.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whoever waits as told never exceeds the limit by more than a tenth of a second's worth and one piece.
        #[test]
        fn the_limit_holds(rate in 1..10_000_000u64, pieces in prop::collection::vec((1..300_000u64, 0..500u64), 1..60)) {
            let mut account = Account::default();
            account.set(Some(rate), Duration::ZERO);
            let (mut now, mut taken) = (Duration::ZERO, 0u64);
            for (bytes, idle_ms) in pieces {
                now += Duration::from_millis(idle_ms);
                let wait = account.book(bytes, now);
                let allowed = (now + SAVED_UP).as_secs_f64() * rate as f64;
                prop_assert!(taken as f64 <= allowed + 1.0, "{taken} bytes at {now:?} of {allowed}");
                taken += bytes;
                now = wait.unwrap_or(now);
            }
        }
    }

    #[test]
    fn without_a_limit_nobody_waits_and_a_new_limit_forgives() {
        let mut account = Account::default();
        assert_eq!(account.book(u64::MAX, Duration::ZERO), None);
        account.set(Some(1), Duration::ZERO);
        assert!(account.book(1_000_000, Duration::ZERO).is_some());
        account.set(Some(1_000_000), Duration::from_secs(1));
        assert_eq!(account.book(500_000, Duration::from_secs(1)), Some(Duration::from_millis(1500)));
        account.set(Some(0), Duration::from_secs(1));
        assert_eq!(account.book(u64::MAX, Duration::ZERO), None);
    }
}
