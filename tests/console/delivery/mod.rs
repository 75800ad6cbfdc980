//! Jobs and computers in the console: real libraries, a real staging folder, rounds of the delivery manager.

mod computers;
mod focus;
mod jobs;
mod many_targets;
mod refusals;
mod site;
mod tab;
mod wizard;

use egui::{Key, Modifiers};

use crate::desk::Desk;

const SHIFTED: Modifiers = Modifiers { alt: false, ctrl: false, shift: true, mac_cmd: false, command: true };

impl Desk {
    fn go_to_jobs(&mut self) {
        self.press(SHIFTED, Key::J);
        self.wait("the page of jobs", |desk| desk.has("New job…"));
    }

    fn go_to_computers(&mut self) {
        self.press(SHIFTED, Key::M);
        self.wait("the page of computers", |desk| desk.has("Add computers…"));
    }

    /// Shows the targets of the job of this name.
    #[track_caller]
    fn open_job(&mut self, name: &str) {
        self.go_to_jobs();
        self.select(name);
        self.press(Modifiers::NONE, Key::Enter);
        self.wait("its page", |desk| desk.has("All 0") || desk.sees("All "));
    }
}
