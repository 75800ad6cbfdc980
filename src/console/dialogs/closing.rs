//! Closing the program while work runs, or with removed packages that could still be taken back.

use egui::Ui;

use super::{Dialog, Env, Next, buttons_ui, default_button, plain_button, text};
use crate::console::action::Action;
use crate::console::command::Command;
use crate::console::format;
use crate::console::pages::jobs::command::JobCommand;
use crate::console::pages::library_check::LIBRARY_CHECK;
use crate::console::tasks::TaskRow;
use crate::console::widgets::button::link;

/// "Close Packhouse while work is running?"
pub struct CloseQuestion {
    /// The delivery manager of this window, with what it still has to do.
    pub stops: Option<String>,
    /// Work that is undone.
    pub undone: Vec<String>,
    /// Work that goes on at the next start.
    pub lasting: Vec<String>,
    /// What is deleted: `2 removed packages, 1.2 GiB (undo ends)`.
    pub deleted: Option<String>,
}

impl CloseQuestion {
    /// What runs, and what of it is lost; `manager` says what the delivery manager of this window still has to do,
    /// `downloads` how many go on at the next start.
    pub fn new(
        rows: &[TaskRow],
        manager: Option<String>,
        downloads: Option<String>,
        deleted: Option<String>,
    ) -> Self {
        let lines = |lasting| rows.iter().filter(move |row| row.lasting == lasting).map(line);
        let lasting = downloads.into_iter().chain(lines(true)).collect();
        Self { stops: manager, undone: lines(false).collect(), lasting, deleted }
    }

    /// Whether nothing is lost by closing.
    fn is_harmless(&self) -> bool {
        self.stops.is_none() && self.undone.is_empty() && self.deleted.is_none()
    }
}

/// A piece of work and how far it is: `Registering LibreOffice 24.8.4, 41 % of 1.2 GiB`.
fn line(row: &TaskRow) -> String {
    let mut line = if row.lasting && row.title == LIBRARY_CHECK {
        "Deep check of the library".to_owned()
    } else {
        row.title.clone()
    };
    if let Some(part) = row.progress.fraction() {
        line.push_str(&format!(", {:.0} %", part * 100.0));
        if !row.lasting {
            line.push_str(&format!(" of {}", format::size(row.progress.total_bytes)));
        }
    }
    if line.starts_with("Archiving ") {
        line.push_str(" (the package stays in the library)");
    }
    line
}

impl Dialog for CloseQuestion {
    fn title(&self) -> String {
        if self.stops.is_none() && self.undone.is_empty() && self.lasting.is_empty() {
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
        if let Some(line) = &self.stops {
            text(ui, "Stops until somebody starts it again:");
            ui.horizontal_wrapped(|ui| {
                ui.add_space(16.0);
                super::quiet(ui, line);
                if link(ui, "Install as a service…").clicked() {
                    actions.push(Action::Run(Command::Job(JobCommand::InstallService)));
                }
            });
        }
        group(ui, "Is undone, start it again later:", &self.undone);
        group(ui, "Goes on at the next start, nothing is fetched twice:", &self.lasting);
        let deleted: Vec<String> = self.deleted.iter().cloned().collect();
        group(ui, "Is deleted:", &deleted);
        // Enter closes only where nothing is lost by it.
        let harmless = self.is_harmless();
        buttons_ui(ui, |ui| {
            let stay = if harmless {
                plain_button(ui, "Don't close")
            } else {
                default_button(ui, "Don't close", None, env.is_new)
            };
            if stay {
                actions.push(Action::StayOpen);
                return Next::Close;
            }
            let works = self.stops.is_some() || !self.undone.is_empty() || !self.lasting.is_empty();
            if works && plain_button(ui, "Close when done") {
                actions.push(Action::CloseWhenDone);
                return Next::Close;
            }
            let close = if harmless {
                default_button(ui, "Close", None, env.is_new)
            } else {
                plain_button(ui, "Close")
            };
            if close {
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
