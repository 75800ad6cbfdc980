//! Jobs, computers and staging libraries in the console: real libraries, a real staging folder, rounds of the delivery manager.

mod computers;
mod focus;
mod jobs;
mod many_targets;
mod refusals;
mod site;
mod staging;
mod staging_library;
mod tab;
mod wizard;

use egui::{Key, Modifiers};
use egui_kittest::Node;
use egui_kittest::kittest::NodeT as _;

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

    /// Whether any text on the screen has this in it, as a name or as what a label says.
    fn reads(&self, part: &str) -> bool {
        let has = |node: &Node<'_>| {
            let node = node.accesskit_node();
            node.label().is_some_and(|text| text.contains(part))
                || node.value().is_some_and(|text| text.contains(part))
        };
        self.harness.root().children_recursive().any(|node| has(&node))
    }

    /// Waits until it has.
    #[track_caller]
    fn wait_to_read(&mut self, part: &str) {
        self.wait(part, |desk| desk.reads(part));
        self.settle();
    }

    /// Waits until it has not.
    #[track_caller]
    fn wait_until_unread(&mut self, part: &str) {
        self.wait(&format!("{part} to be gone"), |desk| !desk.reads(part));
        self.settle();
    }

    fn go_to_staging(&mut self) {
        self.press(SHIFTED, Key::L);
        self.wait("the page of staging libraries", |desk| desk.has("Add staging library…"));
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
