//! Groups of computers: a new one, what holds for one, taking one away, who is in which.

use egui::{ScrollArea, Ui};

use super::staging_row;
use crate::console::action::Action;
use crate::console::dialogs::{
    Dialog, Env, Next, buttons_ui, default_button, plain_button, quiet, safe_button, text,
};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::computers::{ComputerAction, Known};
use crate::console::widgets::field_row::{field_row, hinted_row, text_row};
use crate::console::widgets::short;
use crate::session::{ComputerEdit, ComputerGroupEdit, ComputerGroupRow, ComputerRow};

/// Asks for the name of a new group.
pub struct NewGroup {
    known: Known,
    name: String,
}

impl NewGroup {
    /// Beside these.
    pub fn new(known: Known) -> Self {
        Self { known, name: String::new() }
    }

    fn refusal(&self) -> Option<&'static str> {
        let name = self.name.trim().to_lowercase();
        if name.is_empty() {
            Some("Give the group a name")
        } else if name.contains([',', ';']) {
            Some("A name has no comma and no semicolon")
        } else if self.known.groups.iter().any(|row| row.name.to_lowercase() == name) {
            Some("There is a group of that name")
        } else {
            None
        }
    }
}

impl Dialog for NewGroup {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        "New group of computers".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let field = text_row(ui, "Name", &mut self.name);
        if env.is_new {
            field.request_focus();
        }
        let refused = self.refusal();
        buttons_ui(ui, |ui| {
            if default_button(ui, "Create", refused, false) {
                let name = self.name.trim().to_owned();
                actions.push(Action::Computer(ComputerAction::AddGroup(name)));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks what holds for the computers of a group.
pub struct EditGroup {
    row: ComputerGroupRow,
    known: Known,
    comment: String,
    staging: String,
    staging_only: bool,
}

impl EditGroup {
    /// This one.
    pub fn new(row: ComputerGroupRow, known: Known) -> Self {
        let staging = row.staging.as_ref().and_then(|id| known.staging.get(id).cloned());
        Self {
            comment: row.comment.clone(),
            staging: staging.unwrap_or_default(),
            staging_only: row.staging_only,
            row,
            known,
        }
    }
}

impl Dialog for EditGroup {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        format!("Edit the group {}", short(&self.row.name, 80))
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let field = text_row(ui, "Comment", &mut self.comment);
        if env.is_new {
            field.request_focus();
        }
        staging_row(ui, &self.known, &mut self.staging, "none");
        if !self.staging.is_empty() {
            field_row(ui, "Others", |ui| ui.checkbox(&mut self.staging_only, "Read from no other"));
        }
        quiet(ui, "The staging library holds for computers of the group that have none of their own.");
        buttons_ui(ui, |ui| {
            if default_button(ui, "OK", None, false) {
                let staging = (!self.staging.is_empty()).then(|| self.staging.clone());
                let edit = ComputerGroupEdit {
                    comment: Some(self.comment.trim().to_owned()),
                    staging_only: Some(self.staging_only && staging.is_some()),
                    staging: Some(staging),
                };
                actions.push(Action::Computer(ComputerAction::EditGroup(self.row.name.clone(), edit)));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks before a group is taken away.
pub struct RemoveGroup {
    row: ComputerGroupRow,
}

impl RemoveGroup {
    /// This one.
    pub fn new(row: ComputerGroupRow) -> Self {
        Self { row }
    }
}

impl Dialog for RemoveGroup {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        format!("Remove the group {}?", short(&self.row.name, 80))
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let count = format::thousands(self.row.computers);
        text(
            ui,
            &match self.row.computers {
                0 => "It has no computers.".to_owned(),
                1 => "Its computer stays on the list.".to_owned(),
                _ => format!("Its {count} computers stay on the list."),
            },
        );
        quiet(ui, "A job that was set up for the group and has not begun finds nobody in it.");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Remove") {
                actions.push(Action::Computer(ComputerAction::RemoveGroup(self.row.name.clone())));
                return Next::Close;
            }
            Next::Stay
        })
    }
}

/// Whether computers are in a group: none, some, all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Members {
    None,
    Some,
    All,
}

/// Asks in which groups computers are.
pub struct ChooseGroups {
    ids: Vec<String>,
    count: usize,
    /// Each group with how it was and what is chosen.
    groups: Vec<(String, Members, Members)>,
    new: String,
}

impl ChooseGroups {
    /// These.
    pub fn new(rows: &[ComputerRow], known: Known) -> Self {
        let of = |name: &String| match rows.iter().filter(|row| row.groups.contains(name)).count() {
            0 => Members::None,
            count if count == rows.len() => Members::All,
            _ => Members::Some,
        };
        let groups = known.groups.iter().map(|row| {
            let members = of(&row.name);
            (row.name.clone(), members, members)
        });
        Self {
            ids: rows.iter().map(|row| row.id.to_string()).collect(),
            count: rows.len(),
            groups: groups.collect(),
            new: String::new(),
        }
    }
}

impl Dialog for ChooseGroups {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        match self.count {
            1 => "Groups of the computer".to_owned(),
            count => format!("Groups of {} computers", format::thousands(count as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        ScrollArea::vertical().max_height(240.0).auto_shrink([false, true]).show(ui, |ui| {
            for (name, _, now) in &mut self.groups {
                let mut is_in = *now == Members::All;
                let some = if *now == Members::Some { ", some of them" } else { "" };
                if ui.checkbox(&mut is_in, format!("{}{some}", short(name, 70))).changed() {
                    *now = if is_in { Members::All } else { Members::None };
                }
            }
        });
        let field = hinted_row(ui, "New groups", "with commas between them", &mut self.new);
        if env.is_new && self.groups.is_empty() {
            field.request_focus();
        }
        let is_same = self.groups.iter().all(|(_, before, now)| before == now) && self.new.trim().is_empty();
        buttons_ui(ui, |ui| {
            if default_button(ui, "OK", is_same.then_some("Nothing was changed"), false) {
                let changed = |to: Members| {
                    let changed =
                        self.groups.iter().filter(move |(_, before, now)| before != now && *now == to);
                    changed.map(|(name, ..)| name.clone())
                };
                let edit = ComputerEdit {
                    add_groups: changed(Members::All).chain(super::group_names(&self.new)).collect(),
                    leave_groups: changed(Members::None).collect(),
                    ..ComputerEdit::default()
                };
                let ids = std::mem::take(&mut self.ids);
                actions.push(Action::Computer(ComputerAction::Edit(ids, Box::new(edit))));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}
