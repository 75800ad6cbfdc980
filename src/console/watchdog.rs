//! Says who keeps the window from being drawn: a frame that takes longer than [`LONGEST`] of the thread's own time.
//!
//! Time is that of the thread alone, so a machine with other work does not blame the window. Measured in debug builds
//! and tests; a release build measures nothing.

use std::time::Duration;

use egui::Context;

/// How long a frame may take, logic and drawing together.
pub const LONGEST: Duration = Duration::from_millis(8);

/// One frame: how long it took, and what ran in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The thread's own time, without the tessellation that follows.
    pub took: Duration,
    /// The page, results of work that were taken over, and what was done.
    pub ran: String,
}

/// Measures frames.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    began: Option<Duration>,
    logic: Duration,
    worst: Frame,
    /// What was logged already: the same again is news only when it takes longer.
    told: std::collections::BTreeMap<String, Duration>,
}

/// At most so many different things are logged.
const MOST: usize = 200;

impl Watchdog {
    /// Begins to measure; what was measured before belongs to the same frame.
    pub(super) fn begin(&mut self) {
        self.began = now();
    }

    /// Ends the first half of a frame.
    pub(super) fn end_logic(&mut self) {
        self.logic = self.taken();
    }

    /// Ends a frame; `ran` says what ran in it, and is asked only when it matters.
    pub(super) fn end(&mut self, ctx: &Context, ran: impl FnOnce() -> String) {
        let took = std::mem::take(&mut self.logic) + self.taken();
        if took <= self.worst.took && took <= LONGEST {
            return;
        }
        let ran = ran();
        if took > LONGEST && self.is_news(&ran, took) {
            let milliseconds = took.as_secs_f64() * 1e3;
            let pass = ctx.cumulative_pass_nr();
            tracing::warn!(milliseconds, pass, ran, "a frame took long");
        }
        if took > self.worst.took {
            self.worst = Frame { took, ran };
        }
    }

    /// The frame that took longest since the last time this was asked.
    pub(super) fn take_worst(&mut self) -> Frame {
        std::mem::take(&mut self.worst)
    }

    fn taken(&mut self) -> Duration {
        let began = self.began.take();
        began.zip(now()).map_or(Duration::ZERO, |(began, now)| now.saturating_sub(began))
    }

    fn is_news(&mut self, ran: &str, took: Duration) -> bool {
        if let Some(before) = self.told.get_mut(ran) {
            let is_news = took > *before * 2;
            *before = took.max(*before);
            return is_news;
        }
        let is_news = self.told.len() < MOST;
        if is_news {
            self.told.insert(ran.to_owned(), took);
        }
        is_news
    }
}

/// The time this thread has used so far.
#[cfg(unix)]
fn now() -> Option<Duration> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    Some(Duration::new(seconds, nanoseconds))
}

/// Where the time of a thread is not to be had, that of the clock is an upper bound.
#[cfg(not(unix))]
fn now() -> Option<Duration> {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    cfg!(debug_assertions).then(|| START.get_or_init(std::time::Instant::now).elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses the processor until the thread has used `time` of it.
    fn work(time: Duration) {
        let began = now().expect("a clock");
        while now().expect("a clock") - began < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn the_worst_frame_is_kept_with_what_ran_in_it() {
        let ctx = Context::default();
        let mut watchdog = Watchdog::default();
        watchdog.begin();
        work(Duration::from_millis(2));
        watchdog.end_logic();
        watchdog.begin();
        work(Duration::from_millis(8));
        watchdog.end(&ctx, || "Packages, QuickCheck".to_owned());
        // A frame in which nothing happens does not take its place.
        watchdog.begin();
        watchdog.end(&ctx, || "Packages".to_owned());
        let worst = watchdog.take_worst();
        assert!(worst.took >= Duration::from_millis(10), "{worst:?}");
        assert_eq!(worst.ran, "Packages, QuickCheck");
        assert_eq!(watchdog.take_worst(), Frame::default());
    }

    #[test]
    fn the_same_is_logged_again_only_when_it_is_far_worse() {
        let mut watchdog = Watchdog::default();
        let ms = Duration::from_millis;
        assert!(watchdog.is_news("Packages", ms(10)));
        assert!(!watchdog.is_news("Packages", ms(19)));
        assert!(watchdog.is_news("History", ms(9)));
        assert!(watchdog.is_news("Packages", ms(40)));
    }
}
