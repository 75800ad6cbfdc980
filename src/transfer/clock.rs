//! The time, as the engine is told it. Waits go through it too, so that a test can pass two hours in an instant.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

/// A wait that ends by itself.
pub type Wait<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Time since the clock was made; never goes back.
    fn now(&self) -> Duration;
    /// The date and time of day.
    fn wall(&self) -> Timestamp;
    /// Ends at `moment` of [`Clock::now`], or later.
    fn until(&self, moment: Duration) -> Wait<'_>;
}

/// The clock of the computer.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn until(&self, moment: Duration) -> Wait<'_> {
        Box::pin(tokio::time::sleep(moment.saturating_sub(self.now())))
    }
}

/// A clock that goes on only when it is told to.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Duration>,
    start: Timestamp,
}

impl ManualClock {
    /// A clock that stands at 0, with `start` as the date.
    pub fn new(start: Timestamp) -> Self {
        Self { now: watch::Sender::new(Duration::ZERO), start }
    }

    /// Goes on by `step`.
    pub fn advance(&self, step: Duration) {
        self.now.send_modify(|now| *now += step);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.now.borrow()
    }

    fn wall(&self) -> Timestamp {
        self.start.checked_add(self.now()).unwrap_or(self.start)
    }

    fn until(&self, moment: Duration) -> Wait<'_> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives in `self`, so this never ends in an error.
            let _ = now.wait_for(|now| *now >= moment).await;
        })
    }
}
