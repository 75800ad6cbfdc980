//! Progress on the terminal: what is being done, how far it is, how fast, how long still.
//!
//! On standard error: a bar where that is a terminal, a plain line now and then where it is not. The worker never waits
//! for it.

use std::fmt;
use std::io::{IsTerminal as _, Write, stderr};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::report::{count, size};
use crate::work::{Progress, Work};

/// Work that ends sooner than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(400);
const BETWEEN_FRAMES: Duration = Duration::from_millis(100);
const BETWEEN_LINES: Duration = Duration::from_secs(10);

const BY_BYTES: &str = "{msg} {wide_bar} {percent}% {bytes}/{total_bytes} {bytes_per_sec} {left}";
const BY_FILES: &str = "{msg} {wide_bar} {percent}% {pos}/{len} files {left}";
const UNKNOWN: &str = "{spinner} {msg} {elapsed}";

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Not at all.
    Silent,
    /// A bar that is drawn over and over, on a terminal.
    Bar,
    /// A line now and then, for a log.
    Lines,
}

impl Style {
    /// The style for standard error; `shared` where something else writes there too, which a bar would garble.
    pub(crate) fn for_stderr(quiet: bool, shared: bool) -> Self {
        match (quiet, stderr().is_terminal()) {
            (true, _) => Self::Silent,
            (false, true) if !shared => Self::Bar,
            (false, _) => Self::Lines,
        }
    }
}

/// A bar that is drawn, or lines that are written, until it is dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Begins to draw.
    pub(crate) fn draw(work: &Work, style: Style) -> Self {
        if style == Style::Silent {
            return Self { stop: None, thread: None };
        }
        let (stop, stopped) = mpsc::channel();
        let work = work.clone();
        let thread = std::thread::Builder::new().name("progress".into()).spawn(move || match style {
            Style::Lines => write_lines(&work, &stopped, BETWEEN_LINES, &mut stderr()),
            Style::Bar | Style::Silent => follow(&work, &stopped),
        });
        Self { stop: Some(stop), thread: thread.ok() }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A bar that failed to draw is no reason to fail.
            let _ = thread.join();
        }
    }
}

/// A line each time `between` has gone by; none for work that is done sooner.
fn write_lines(work: &Work, stopped: &mpsc::Receiver<()>, between: Duration, to: &mut impl Write) {
    while stopped.recv_timeout(between) == Err(RecvTimeoutError::Timeout) {
        // A reader that went away misses nothing that counts.
        let _ = writeln!(to, "{}", plain_line(&work.progress()));
    }
}

/// `Copying: 42 %, 1.50 GiB of 3.56 GiB`.
fn plain_line(now: &Progress) -> String {
    let phase = phase_of(now);
    match now {
        Progress { total_bytes: total @ 1.., done_bytes: done, .. } => {
            let done = (*done).min(*total);
            format!("{phase}: {} %, {} of {}", percent(done, *total), size(done), size(*total))
        }
        Progress { total_files: total @ 1.., done_files: done, .. } => {
            let done = (*done).min(*total);
            format!("{phase}: {} %, {done} of {}", percent(done, *total), count(*total, "file"))
        }
        _ => phase.to_owned(),
    }
}

/// Short work names no phase.
fn phase_of(now: &Progress) -> &'static str {
    if now.phase.is_empty() { "Working" } else { now.phase }
}

fn percent(done: u64, total: u64) -> u128 {
    u128::from(done) * 100 / u128::from(total.max(1))
}

fn follow(work: &Work, stopped: &mpsc::Receiver<()>) {
    if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let mut bar = ProgressBar::hidden();
    let mut shown = ("", "");
    loop {
        let now = work.progress();
        let (template, done, total) = match now {
            Progress { total_bytes: total @ 1.., done_bytes, .. } => (BY_BYTES, done_bytes, total),
            Progress { total_files: total @ 1.., done_files, .. } => (BY_FILES, done_files, total),
            _ => (UNKNOWN, 0, 0),
        };
        if shown != (now.phase, template) {
            shown = (now.phase, template);
            bar.finish_and_clear();
            // A bar of its own for each phase: rate and time left begin again, and nothing of the last one is drawn.
            bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr())
                .with_style(style_of(template))
                .with_message(phase_of(&now));
        }
        if work.is_cancelled() {
            bar.set_message("Stopping");
        }
        bar.set_length(total);
        bar.set_position(done.min(total));
        bar.tick();
        if stopped.recv_timeout(BETWEEN_FRAMES) != Err(RecvTimeoutError::Timeout) {
            bar.finish_and_clear();
            return;
        }
    }
}

fn style_of(template: &str) -> ProgressStyle {
    // The templates are constants, tried in the test below.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("left", |state: &ProgressState, to: &mut dyn fmt::Write| {
        // Before the first bytes nobody can say.
        if state.per_sec() > 0.0 && state.pos() > 0 {
            let _ = write!(to, "{:#} left", HumanDuration(state.eta()));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_well_formed() {
        for template in [BY_BYTES, BY_FILES, UNKNOWN] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn plain_lines_say_how_far_it_is() {
        let work = Work::new();
        let line = || plain_line(&work.progress());
        assert_eq!(line(), "Working");
        work.begin("Looking at the source", 0, 0);
        assert_eq!(line(), "Looking at the source");
        work.begin("Checking", 3, 0);
        work.add_files(2);
        assert_eq!(line(), "Checking: 66 %, 2 of 3 files");
        work.begin("Copying", 3, 4096);
        work.add_bytes(1024);
        assert_eq!(line(), "Copying: 25 %, 1.00 KiB of 4.00 KiB");
        work.add_bytes(u64::MAX / 2);
        assert_eq!(line(), "Copying: 100 %, 4.00 KiB of 4.00 KiB");
    }

    #[test]
    fn lines_are_written_until_the_work_ends_and_none_for_short_work() {
        /// Ends the work once it was written to twice.
        struct Twice(Vec<u8>, Option<mpsc::Sender<()>>);
        impl Write for Twice {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.extend(bytes);
                if self.0.iter().filter(|byte| **byte == b'\n').count() == 2 {
                    self.1 = None;
                }
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let work = Work::new();
        work.begin("Checking", 2, 0);
        let (stop, stopped) = mpsc::channel();
        let mut written = Twice(Vec::new(), Some(stop));
        write_lines(&work, &stopped, Duration::from_millis(1), &mut written);
        assert_eq!(written.0, b"Checking: 0 %, 0 of 2 files\n".repeat(2));

        let (stop, stopped) = mpsc::channel();
        drop(stop);
        let mut nothing = Vec::new();
        write_lines(&work, &stopped, Duration::from_secs(60), &mut nothing);
        assert!(nothing.is_empty());
    }
}
