//! Computers: adding them by name or from a table, a token for enrolment, changing them, groups of them.

mod groups;
mod keep;
mod table;
mod token;

pub use groups::{ChooseGroups, EditGroup, NewGroup, RemoveGroup};
pub use keep::KeepDialog;
pub use table::ImportTable;
pub use token::Token;

use egui::{ComboBox, TextEdit, Ui};

use super::{
    Dialog, Env, Next, buttons_ui, default_button, plain_button, plain_button_unless, problem_list_ui, quiet,
    safe_button, text,
};
use crate::console::action::Action;
use crate::console::command::Command;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::computers::command::ComputerCommand;
use crate::console::pages::computers::{ComputerAction, Known};
use crate::console::widgets::button::link;
use crate::console::widgets::field_row::{field_row, hinted_row, labelled_row, text_row};
use crate::console::widgets::short;
use crate::session::{ComputerEdit, ComputerRow, NewComputer};

/// At most so many computers are added by hand at once; more come from a table.
const BY_HAND: usize = 1_000;

/// The choice of a staging library by name; empty for none. `none` says what none means.
fn staging_row(ui: &mut Ui, known: &Known, name: &mut String, none: &str) {
    field_row(ui, "Staging library", |ui| {
        let shown = if name.is_empty() { none.to_owned() } else { short(name, 40) };
        ComboBox::from_id_salt("staging").width(260.0).selected_text(shown).show_ui(ui, |ui| {
            ui.selectable_value(name, String::new(), none);
            let mut names: Vec<&String> = known.staging.values().collect();
            names.sort();
            for one in names {
                ui.selectable_value(name, one.clone(), short(one, 60));
            }
        });
    });
}

/// The choice of one group, or none.
fn group_row(ui: &mut Ui, known: &Known, group: &mut String) {
    field_row(ui, "Group", |ui| {
        let shown = if group.is_empty() { "none".to_owned() } else { short(group, 40) };
        ComboBox::from_id_salt("group of computers").width(260.0).selected_text(shown).show_ui(ui, |ui| {
            ui.selectable_value(group, String::new(), "none");
            for row in known.groups.iter() {
                ui.selectable_value(group, row.name.clone(), short(&row.name, 60));
            }
        });
    });
}

/// Group names as they are typed, with commas between them.
fn group_names(text: &str) -> Vec<String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Asks for the names of new computers.
pub struct AddComputers {
    known: Known,
    names: String,
    groups: String,
    comment: String,
    staging: String,
    staging_only: bool,
    test: bool,
}

impl AddComputers {
    /// Into this group, if one is given.
    pub fn new(known: Known, group: Option<String>) -> Self {
        Self {
            known,
            names: String::new(),
            groups: group.unwrap_or_default(),
            comment: String::new(),
            staging: String::new(),
            staging_only: false,
            test: false,
        }
    }

    fn names(&self) -> Vec<String> {
        let names = self.names.lines().flat_map(|line| line.split([',', ';'])).map(str::trim);
        let mut names: Vec<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.to_lowercase()));
        names
    }

    fn refusal(&self, names: &[String]) -> Option<String> {
        if names.is_empty() {
            return Some("Give a name".to_owned());
        }
        if names.len() > BY_HAND {
            return Some(format!("More than {BY_HAND} names: import a table"));
        }
        let known: std::collections::HashSet<String> =
            self.known.computers.iter().map(|row| row.name.to_lowercase()).collect();
        let taken = names.iter().find(|name| known.contains(&name.to_lowercase()))?;
        Some(format!("There is a computer of the name {}", short(taken, 40)))
    }
}

impl Dialog for AddComputers {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        "Add computers".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        labelled_row(ui, "Names", |ui, name| {
            let field = TextEdit::multiline(&mut self.names)
                .hint_text("one name a line")
                .desired_rows(3)
                .desired_width(f32::INFINITY);
            let response = ui.add(field).labelled_by(name);
            if env.is_new {
                response.request_focus();
            }
        });
        hinted_row(ui, "Groups", "with commas between them; new ones are made", &mut self.groups);
        staging_row(ui, &self.known, &mut self.staging, "that of their group");
        if !self.staging.is_empty() {
            field_row(ui, "Others", |ui| ui.checkbox(&mut self.staging_only, "Read from no other"));
        }
        text_row(ui, "Comment", &mut self.comment);
        field_row(ui, "Test", |ui| ui.checkbox(&mut self.test, "Test computers"));
        quiet(ui, "They get jobs once an agent is enrolled on them with a token.");
        ui.horizontal(|ui| {
            for command in [ComputerCommand::Import, ComputerCommand::Token].map(Command::Computer) {
                if link(ui, &command.entry().text).clicked() {
                    actions.push(Action::Run(command));
                }
            }
        });
        let names = self.names();
        let refused = self.refusal(&names);
        let label = match names.len() {
            0 | 1 => "Add".to_owned(),
            count => format!("Add {}", format::thousands(count as u64)),
        };
        buttons_ui(ui, |ui| {
            if default_button(ui, &label, refused.as_deref(), false) {
                let new = |name: &String| NewComputer {
                    name: name.clone(),
                    comment: self.comment.trim().to_owned(),
                    groups: group_names(&self.groups),
                    test: self.test,
                    staging: (!self.staging.is_empty()).then(|| self.staging.clone()),
                    staging_only: self.staging_only && !self.staging.is_empty(),
                };
                actions.push(Action::Computer(ComputerAction::Add(names.iter().map(new).collect())));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks what is to be changed of a computer.
pub struct EditComputer {
    row: ComputerRow,
    known: Known,
    name: String,
    comment: String,
    groups: String,
    staging: String,
    staging_only: bool,
    test: bool,
}

impl EditComputer {
    /// This one.
    pub fn new(row: ComputerRow, known: Known) -> Self {
        let staging = row.staging.as_ref().and_then(|id| known.staging.get(id).cloned());
        Self {
            name: row.name.clone(),
            comment: row.comment.clone(),
            groups: row.groups.join(", "),
            staging: staging.unwrap_or_default(),
            staging_only: row.staging_only,
            test: row.test,
            row,
            known,
        }
    }

    fn refusal(&self) -> Option<&'static str> {
        let name = self.name.trim().to_lowercase();
        let is_taken = |row: &ComputerRow| row.id != self.row.id && row.name.to_lowercase() == name;
        if name.is_empty() {
            Some("Give the computer a name")
        } else if self.known.computers.iter().any(is_taken) {
            Some("There is a computer of that name")
        } else {
            None
        }
    }
}

impl Dialog for EditComputer {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        format!("Edit {}", short(&self.row.name, 80))
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let field = text_row(ui, "Name", &mut self.name);
        if env.is_new {
            field.request_focus();
        }
        text_row(ui, "Comment", &mut self.comment);
        hinted_row(ui, "Groups", "with commas between them; new ones are made", &mut self.groups);
        staging_row(ui, &self.known, &mut self.staging, "that of its group");
        if !self.staging.is_empty() {
            field_row(ui, "Others", |ui| ui.checkbox(&mut self.staging_only, "Read from no other"));
        }
        field_row(ui, "Test", |ui| ui.checkbox(&mut self.test, "Test computer"));
        let refused = self.refusal();
        buttons_ui(ui, |ui| {
            if default_button(ui, "OK", refused, false) {
                let staging = (!self.staging.is_empty()).then(|| self.staging.clone());
                let edit = ComputerEdit {
                    name: Some(self.name.trim().to_owned()),
                    comment: Some(self.comment.trim().to_owned()),
                    test: Some(self.test),
                    staging_only: Some(self.staging_only && staging.is_some()),
                    staging: Some(staging),
                    groups: Some(group_names(&self.groups)),
                    ..ComputerEdit::default()
                };
                let id = self.row.id.to_string();
                actions.push(Action::Computer(ComputerAction::Edit(vec![id], Box::new(edit))));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks before computers are taken off the list.
pub struct RemoveComputers {
    ids: Vec<String>,
    names: Vec<String>,
    enrolled: usize,
    open_jobs: u64,
    withdraw: bool,
}

impl RemoveComputers {
    /// These.
    pub fn new(rows: &[ComputerRow]) -> Self {
        Self {
            ids: rows.iter().map(|row| row.id.to_string()).collect(),
            names: rows.iter().map(|row| row.name.clone()).collect(),
            enrolled: rows.iter().filter(|row| row.agent.is_some()).count(),
            open_jobs: rows.iter().map(|row| row.open_jobs).sum(),
            withdraw: false,
        }
    }
}

impl Dialog for RemoveComputers {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        match self.names.as_slice() {
            [one] => format!("Remove {}?", short(one, 80)),
            all => format!("Remove {} computers?", format::thousands(all.len() as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if self.names.len() > 1 {
            problem_list_ui(ui, "Computers", &self.names);
        }
        let is_one = self.names.len() == 1;
        let (on_it, it) = if is_one { ("it", "It is") } else { ("them", "They are") };
        text(
            ui,
            &format!(
                "Nothing on {on_it} is touched, and what is installed there stays. {it} only not known here any more. \
                 Ctrl+Z brings {on_it} back until Packhouse is closed."
            ),
        );
        match (self.enrolled, is_one) {
            (0, _) => {}
            (_, true) => text(ui, "Its agent is enrolled; after that it needs a new token to come back."),
            (1, false) => {
                text(ui, "One has an agent that is enrolled; after that it needs a new token to come back.")
            }
            (count, false) => {
                let count = format::thousands(count as u64);
                text(
                    ui,
                    &format!(
                        "{count} have agents that are enrolled; after that these need new tokens to come back."
                    ),
                );
            }
        }
        if self.open_jobs > 0 {
            let (left, have) = match (self.open_jobs, is_one) {
                (1, true) => ("what it still has to do", "job has"),
                (_, true) => ("what it still has to do", "jobs have"),
                (1, false) => ("what they still have to do", "job has"),
                (_, false) => ("what they still have to do", "jobs have"),
            };
            let count = format::thousands(self.open_jobs);
            ui.checkbox(&mut self.withdraw, format!("Withdraw {left}, for good: {count} {have} not ended"));
        }
        let refused =
            (self.open_jobs > 0 && !self.withdraw).then_some("Jobs have not ended: withdraw them, or wait");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button_unless(ui, "Remove", refused) {
                let ids = std::mem::take(&mut self.ids);
                actions.push(Action::Computer(ComputerAction::Remove(ids, self.withdraw)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
