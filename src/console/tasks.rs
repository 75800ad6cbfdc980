//! Work on other threads: what runs, how far it is, and what is done with its result.
//!
//! Owns the threads' results and their progress. What a result means stands beside the request that asked for it, as
//! a closure that the app runs in a later frame.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use egui::Context;
use jiff::Timestamp;
use poll_promise::Promise;

use super::app::App;
use crate::failure::{Class, Failure};
use crate::work::{Progress, Work};

/// Names a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskId(u64);

/// Whether a piece of work has a row at the bottom of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// A row with progress and Cancel.
    Row,
    /// A row; what is done stays done, and it goes on another day.
    Lasting,
    /// None: it only reads, or asks somebody.
    Nothing,
}

type Done = Box<dyn FnOnce(&mut App) + Send>;

/// At most so many pieces of work that ended are remembered.
const REMEMBERED: usize = 1000;

/// How a piece of work ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It did what it was to do.
    Done,
    /// Somebody stopped it.
    Cancelled,
    /// It could not.
    Failed(Box<Failure>),
}

impl Ending {
    fn of<T>(result: &Result<T, Failure>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(failure) if failure.class == Class::Cancelled => Self::Cancelled,
            Err(failure) => Self::Failed(Box::new(failure.clone())),
        }
    }
}

/// A piece of work that ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// `Registering LibreOffice 24.8.4`.
    pub title: String,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How it ended.
    pub ending: Ending,
}

struct Task {
    id: TaskId,
    title: String,
    show: Show,
    work: Work,
    promise: Promise<(Ending, Done)>,
    began: Instant,
    phase: &'static str,
    phase_began: Instant,
}

/// All work that runs.
#[derive(Default)]
pub struct Tasks {
    running: Vec<Task>,
    ended: VecDeque<Ended>,
    last: u64,
}

/// A row of the list of work.
pub struct TaskRow {
    /// Which.
    pub id: TaskId,
    /// `Registering LibreOffice 24.8.4`.
    pub title: String,
    /// How far.
    pub progress: Progress,
    /// Bytes a second in this phase; 0 while not known.
    pub bytes_per_second: u64,
    /// Whether it was asked to stop.
    pub stopping: bool,
    /// Whether it goes on another day.
    pub lasting: bool,
}

impl Tasks {
    /// Runs `run` on a thread of its own; `done` gets the result in a later frame. A panic becomes a failure.
    pub fn start<T: Send + 'static>(
        &mut self,
        ctx: &Context,
        title: impl Into<String>,
        show: Show,
        run: impl FnOnce(&Work) -> Result<T, Failure> + Send + 'static,
        done: impl FnOnce(&mut App, Result<T, Failure>) + Send + 'static,
    ) -> TaskId {
        self.last += 1;
        let id = TaskId(self.last);
        let work = Work::new();
        let (own, ctx) = (work.clone(), ctx.clone());
        let promise = Promise::spawn_thread("work", move || {
            let result = catch_unwind(AssertUnwindSafe(|| run(&own))).unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                let action = "Start the work again; your packages are safe";
                Err(Failure::new(
                    "program-error",
                    Class::Environment,
                    "something went wrong in Packhouse itself",
                    action,
                )
                .because(text))
            });
            ctx.request_repaint();
            (Ending::of(&result), Box::new(move |app: &mut App| done(app, result)) as Done)
        });
        self.running.push(Task {
            id,
            title: title.into(),
            show,
            work,
            promise,
            began: Instant::now(),
            phase: "",
            phase_began: Instant::now(),
        });
        id
    }

    /// What has ended since the start and had a row, the last first.
    pub fn ended(&self) -> &VecDeque<Ended> {
        &self.ended
    }

    /// Takes out what has ended by `now`.
    pub(super) fn take_done(&mut self, now: Timestamp) -> Vec<Done> {
        let mut done = Vec::new();
        let mut rest = Vec::with_capacity(self.running.len());
        for mut task in self.running.drain(..) {
            match task.promise.try_take() {
                Ok((ending, end)) => {
                    done.push(end);
                    if task.show != Show::Nothing {
                        let took_ms = u64::try_from(task.began.elapsed().as_millis()).unwrap_or(u64::MAX);
                        self.ended.push_front(Ended { title: task.title, at: now, took_ms, ending });
                        self.ended.truncate(REMEMBERED);
                    }
                }
                Err(promise) => {
                    task.promise = promise;
                    rest.push(task);
                }
            }
        }
        self.running = rest;
        done
    }

    /// Whether anything runs.
    pub fn is_any_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Whether anything runs that has a row.
    pub fn has_rows(&self) -> bool {
        self.running.iter().any(|task| task.show != Show::Nothing)
    }

    /// Whether this one still runs.
    pub fn is_running(&self, id: TaskId) -> bool {
        self.running.iter().any(|task| task.id == id)
    }

    /// Asks a piece of work to stop.
    pub fn cancel(&self, id: TaskId) {
        if let Some(task) = self.running.iter().find(|task| task.id == id) {
            task.work.cancel();
        }
    }

    /// Pauses, slows, or asks after one piece of work.
    pub fn steer<T>(&self, id: TaskId, how: impl FnOnce(&Work) -> T) -> Option<T> {
        self.running.iter().find(|task| task.id == id).map(|task| how(&task.work))
    }

    /// Asks everything to stop.
    pub fn cancel_all(&self) {
        self.running.iter().for_each(|task| task.work.cancel());
    }

    /// How far one piece of work is.
    pub fn progress(&self, id: TaskId) -> Option<Progress> {
        self.running.iter().find(|task| task.id == id).map(|task| task.work.progress())
    }

    /// The rows to show.
    pub fn rows(&mut self) -> Vec<TaskRow> {
        let shown = self.running.iter_mut().filter(|task| task.show != Show::Nothing);
        shown
            .map(|task| {
                let progress = task.work.progress();
                if progress.phase != task.phase {
                    task.phase = progress.phase;
                    task.phase_began = Instant::now();
                }
                let seconds = task.phase_began.elapsed().as_secs_f64();
                let rate = bytes_per_second(progress.done_bytes, seconds);
                TaskRow {
                    id: task.id,
                    title: task.title.clone(),
                    progress,
                    bytes_per_second: rate,
                    stopping: task.work.is_cancelled(),
                    lasting: task.show == Show::Lasting,
                }
            })
            .collect()
    }
}

/// The mean speed of a phase; 0 until it has run for a second, which is how long files need to be opened.
fn bytes_per_second(done_bytes: u64, seconds: f64) -> u64 {
    if seconds < 1.0 { 0 } else { (done_bytes as f64 / seconds) as u64 }
}

#[cfg(test)]
mod tests {
    use super::bytes_per_second;

    #[test]
    fn the_first_moment_has_no_speed() {
        assert_eq!(bytes_per_second(4096, 0.6), 0);
        assert_eq!(bytes_per_second(4096, 2.0), 2048);
    }
}
