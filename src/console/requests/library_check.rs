//! Work of the page *Library check*: started, steered while it runs, and its result read.

use std::time::Duration;

use crate::console::app::App;
use crate::console::pages::Place;
use crate::console::pages::library_check::{LIBRARY_CHECK, Steer};
use crate::console::tasks::Show;
use crate::session::{CheckRun, ForgetLibraryCheck, ReadLibraryCheck, RunLibraryCheck};

/// How often the result is read while a check runs.
const READ_EVERY: Duration = Duration::from_secs(1);

impl App {
    /// Begins a library check, or goes on with the one that is kept.
    pub(in crate::console) fn run_library_check(&mut self, run: CheckRun, rate: Option<u64>) {
        let request = RunLibraryCheck { run };
        let task = self.ask(LIBRARY_CHECK, Show::Lasting, request, |app, result| {
            app.library_check_task = None;
            app.library_check.is_outdated = true;
            app.tell_if_failed(result);
        });
        self.library_check_task = task;
        if let Some(task) = task {
            self.tasks.steer(task, |work| work.set_rate(rate));
        }
    }

    /// Pauses, slows or stops the check that runs.
    pub(in crate::console) fn steer_library_check(&mut self, steer: Steer) {
        let Some(task) = self.library_check_task else { return };
        self.tasks.steer(task, |work| match steer {
            Steer::Pause => work.pause(),
            Steer::Resume => work.resume(),
            Steer::Stop => work.cancel(),
            Steer::Rate(rate) => work.set_rate(rate),
        });
    }

    /// Forgets the check that stands still.
    pub(in crate::console) fn forget_library_check(&mut self) {
        self.ask("", Show::Nothing, ForgetLibraryCheck {}, |app, result| {
            app.library_check.is_outdated = true;
            app.tell_if_failed(result);
        });
    }

    /// Reads what is kept of the check, if the page is shown and something may have changed.
    pub(in crate::console) fn follow_library_check(&mut self) {
        let page = &self.library_check;
        // A read that was on its way when the check ended tells of the time before.
        let outdated = page.is_outdated;
        let is_known = page.read_at == Some(self.view.epoch) && !outdated;
        if self.place != Place::LibraryCheck || page.is_reading || is_known {
            return;
        }
        let now = std::time::Instant::now();
        if page.read_at.is_some()
            && !outdated
            && let Some(read) = self.library_check_read
            && now.duration_since(read) < READ_EVERY
        {
            self.ctx.request_repaint_after(READ_EVERY);
            return;
        }
        self.library_check_read = Some(now);
        self.library_check.is_reading = true;
        let epoch = self.view.epoch;
        self.ask("", Show::Nothing, ReadLibraryCheck {}, move |app, result| {
            app.library_check.is_reading = false;
            app.library_check.read_at = Some(epoch);
            app.library_check.is_outdated &= !outdated;
            match result {
                Ok(kept) => app.library_check.set_kept(kept),
                Err(failure) => app.tell(failure),
            }
        });
    }
}
