//! A table of computers: what it says, its errors by line, and taking it.

use std::path::{Path, PathBuf};

use egui::Ui;

use crate::console::action::{Action, Browse};
use crate::console::dialogs::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button, problem_list_ui, quiet,
    sentence, text, whole_path,
};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::computers::ComputerAction;
use crate::console::widgets::alert::alert;
use crate::failure::Failure;
use crate::session::{Import, ImportedComputer};

/// "Import computers".
#[derive(Default)]
pub struct ImportTable {
    path: String,
    /// The file that was asked for last.
    asked: Option<PathBuf>,
    read: Option<Result<(String, Import), Failure>>,
    skip_errors: bool,
    /// The path was chosen in a native dialog and not read.
    is_chosen: bool,
}

fn line(computer: &ImportedComputer) -> String {
    let mut parts = vec![computer.name.clone()];
    if !computer.groups.is_empty() {
        parts.push(computer.groups.join(", "));
    }
    if computer.test == Some(true) {
        parts.push("test computer".to_owned());
    }
    parts.extend(computer.staging.clone().filter(|staging| !staging.is_empty()));
    parts.extend(computer.comment.clone().filter(|comment| !comment.is_empty()));
    parts.join(" · ")
}

impl ImportTable {
    fn read_now(&mut self, actions: &mut Vec<Action>) {
        let Ok(path) = whole_path(&self.path) else { return };
        if self.asked.as_ref() != Some(&path) {
            self.read = None;
            self.asked = Some(path.clone());
            actions.push(Action::Computer(ComputerAction::ReadTable(path)));
        }
    }

    fn table(&self) -> Option<&(String, Import)> {
        self.read.as_ref()?.as_ref().ok()
    }
}

impl Dialog for ImportTable {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        "Import computers".to_owned()
    }

    fn width(&self) -> f32 {
        620.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "A table whose first line names its columns: name, group, test, staging, comment. Only name must be there. \
             Computers of the list that have a name of the table are changed as it says.",
        );
        let field = path_row(ui, "File", &mut self.path, Browse::File, env.is_new, actions);
        if field.lost_focus() || std::mem::take(&mut self.is_chosen) {
            // The first Enter shows what is in the table, the next one takes it.
            if whole_path(&self.path).ok() != self.asked {
                ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Enter));
            }
            self.read_now(actions);
        }
        let (mut count, mut errors) = (0, 0);
        match &self.read {
            None if self.asked.is_some() => quiet(ui, "Reading…"),
            None => {}
            Some(Err(failure)) => {
                alert(ui, &sentence(&failure.message), &sentence(&failure.reason));
            }
            Some(Ok((_, import))) => {
                count = import.computers.len();
                errors = import.errors.len();
                let computers = if count == 1 { "computer" } else { "computers" };
                text(ui, &format!("{} {computers} in the table:", format::thousands(count as u64)));
                let lines: Vec<String> = import.computers.iter().take(500).map(line).collect();
                problem_list_ui(ui, "Computers", &lines);
                if errors > 0 {
                    let lines = if errors == 1 { "line cannot" } else { "lines cannot" };
                    text(ui, &format!("{} {lines} be taken:", format::thousands(errors as u64)));
                    let told = import.errors.iter().take(500);
                    let told: Vec<String> =
                        told.map(|error| format!("Line {}: {}", error.line, error.why)).collect();
                    problem_list_ui(ui, "Errors", &told);
                    ui.checkbox(&mut self.skip_errors, "Pass over these lines");
                }
            }
        }
        let refused = match (whole_path(&self.path), self.table()) {
            (Err(why), _) => Some(why),
            (_, None) => Some("The table was not read"),
            _ if count == 0 => Some("There is no computer in the table"),
            _ if errors > 0 && !self.skip_errors => Some("Correct the lines, or pass over them"),
            _ => None,
        };
        buttons_ui(ui, |ui| {
            let label = format!("Import {}", format::thousands(count as u64));
            if default_button(ui, &label, refused, false)
                && let Some((text, _)) = self.table()
            {
                actions.push(Action::Computer(ComputerAction::Import(text.clone(), self.skip_errors)));
                return Next::Close;
            }
            if self.asked.is_none() && plain_button(ui, "Read") {
                self.read_now(actions);
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) => {
                self.path = path.display().to_string();
                self.asked = None;
                self.is_chosen = true;
            }
            Delivery::Table(path, read) if self.asked.as_deref() == Some(*path as &Path) => {
                self.read = Some((*read).clone());
            }
            _ => {}
        }
    }
}
