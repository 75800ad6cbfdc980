//! Closing the program while work runs, or with removed packages that could still be taken back.

use egui::Ui;

use super::{Dialog, Env, Next, buttons_ui, default_button, plain_button, text};
use crate::console::action::Action;
use crate::console::format;
use crate::console::tasks::TaskRow;

/// "Close Packhouse while work is running?"
pub struct CloseQuestion {
    /// Work that is undone.
    pub undone: Vec<String>,
    /// What is deleted: `2 removed packages, 1.2 GiB (undo ends)`.
    pub deleted: Option<String>,
}

/// What is lost of a piece of work: `Registering LibreOffice 24.8.4, 41 % of 1.2 GiB`.
pub fn undone(row: &TaskRow) -> String {
    let mut line = row.title.clone();
    if let Some(part) = row.progress.fraction() {
        line.push_str(&format!(", {:.0} % of {}", part * 100.0, format::size(row.progress.total_bytes)));
    }
    if line.starts_with("Archiving ") {
        line.push_str(" (the package stays in the library)");
    }
    line
}

impl Dialog for CloseQuestion {
    fn title(&self) -> String {
        if self.undone.is_empty() {
            "Close Packhouse?".to_owned()
        } else {
            "Close Packhouse while work is running?".to_owned()
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let group = |ui: &mut Ui, title: &str, lines: &[String]| {
            if !lines.is_empty() {
                text(ui, title);
                for line in lines {
                    ui.horizontal(|ui| {
                        ui.add_space(16.0);
                        super::quiet(ui, line);
                    });
                }
            }
        };
        group(ui, "Is undone, start it again later:", &self.undone);
        let deleted: Vec<String> = self.deleted.iter().cloned().collect();
        group(ui, "Is deleted:", &deleted);
        buttons_ui(ui, |ui| {
            if default_button(ui, "Don't close", None, env.is_new) {
                actions.push(Action::StayOpen);
                return Next::Close;
            }
            if !self.undone.is_empty() && plain_button(ui, "Close when done") {
                actions.push(Action::CloseWhenDone);
                return Next::Close;
            }
            if plain_button(ui, "Close") {
                actions.push(Action::CloseNow);
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn escape(&mut self, actions: &mut Vec<Action>) {
        actions.push(Action::StayOpen);
    }
}
