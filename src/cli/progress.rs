//! Progress on the terminal: what is being done, how far it is, how fast, how long still.
//!
//! Draws on standard error, and only where that is a terminal. The worker never waits for it.

use std::io::{IsTerminal as _, stderr};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::work::{Progress, Work};

/// Work that ends sooner than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(400);
const BETWEEN_FRAMES: Duration = Duration::from_millis(100);

const BY_BYTES: &str = "{msg} {wide_bar} {percent}% {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const BY_FILES: &str = "{msg} {wide_bar} {percent}% {pos}/{len} files {eta}";
const UNKNOWN: &str = "{spinner} {msg} {elapsed}";

/// A bar that is drawn until it is dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Begins to draw; does nothing where standard error is no terminal.
    pub(crate) fn draw(work: &Work, quiet: bool) -> Self {
        if quiet || !stderr().is_terminal() {
            return Self { stop: None, thread: None };
        }
        let (stop, stopped) = mpsc::channel();
        let work = work.clone();
        let thread =
            std::thread::Builder::new().name("progress".into()).spawn(move || follow(&work, &stopped));
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

fn follow(work: &Work, stopped: &mpsc::Receiver<()>) {
    if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let mut shown = Progress::default();
    let mut style = "";
    loop {
        let now = work.progress();
        let wanted = match now {
            Progress { total_bytes: 1.., .. } => BY_BYTES,
            Progress { total_files: 1.., .. } => BY_FILES,
            _ => UNKNOWN,
        };
        if now.phase != shown.phase || wanted != style {
            style = wanted;
            bar.reset();
            // The templates are constants, tried in the test below.
            if let Ok(style) = ProgressStyle::with_template(wanted) {
                bar.set_style(style);
            }
            bar.set_message(if work.is_cancelled() { "Stopping" } else { now.phase });
        }
        match wanted {
            BY_BYTES => {
                bar.set_length(now.total_bytes);
                bar.set_position(now.done_bytes.min(now.total_bytes));
            }
            BY_FILES => {
                bar.set_length(now.total_files);
                bar.set_position(now.done_files.min(now.total_files));
            }
            _ => bar.tick(),
        }
        shown = now;
        if stopped.recv_timeout(BETWEEN_FRAMES) != Err(RecvTimeoutError::Timeout) {
            bar.finish_and_clear();
            return;
        }
    }
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
}
