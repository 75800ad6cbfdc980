//! Software groups: making one, another name for it, taking it away, filing packages under it.

use egui::{ComboBox, Ui};

use super::{Dialog, Env, Next, buttons_ui, default_button, plain_button, quiet, safe_button, text};
use crate::console::action::Action;
use crate::console::format;
use crate::console::widgets::field_row::{field_row, text_row};
use crate::package::record::PackageId;
use crate::session::View;

/// Why a group cannot have this name; `now` is the one it has.
fn refusal(name: &str, now: &str, view: &View) -> Option<&'static str> {
    let name = name.trim();
    let is_taken = |group: &String| group.to_lowercase() == name.to_lowercase() && group != now;
    match name {
        "" => Some("Give the group a name"),
        _ if name.chars().count() > 100 => Some("A name has at most 100 characters"),
        _ if name.chars().any(char::is_control) => Some("The name has characters that cannot be shown"),
        _ if name == now => Some("That is its name now"),
        _ if view.groups.iter().any(is_taken) => Some("There is a group of that name"),
        _ => None,
    }
}

/// Asks for the name of a new group, or for another name of one.
pub struct NameGroup {
    now: Option<String>,
    name: String,
}

impl NameGroup {
    /// A new group.
    pub fn new() -> Self {
        Self { now: None, name: String::new() }
    }

    /// Another name for this one.
    pub fn rename(group: String) -> Self {
        Self { name: group.clone(), now: Some(group) }
    }
}

impl Default for NameGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl Dialog for NameGroup {
    fn title(&self) -> String {
        match &self.now {
            Some(group) => format!("Rename the group {group}"),
            None => "New group".to_owned(),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let field = text_row(ui, "Name", &mut self.name);
        if env.is_new {
            field.request_focus();
        }
        let refused = refusal(&self.name, self.now.as_deref().unwrap_or(""), env.view);
        let label = if self.now.is_some() { "Rename" } else { "Create" };
        buttons_ui(ui, |ui| {
            if default_button(ui, label, refused, false) {
                let name = self.name.trim().to_owned();
                actions.push(match self.now.take() {
                    Some(from) => Action::RenameGroup { from, to: name },
                    None => Action::AddGroup(name),
                });
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks before a group is taken away.
pub struct RemoveGroup {
    group: String,
    members: usize,
}

impl RemoveGroup {
    /// This one, which has so many packages.
    pub fn new(group: String, members: usize) -> Self {
        Self { group, members }
    }
}

impl Dialog for RemoveGroup {
    fn title(&self) -> String {
        format!("Remove the group {}?", self.group)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let count = format::thousands(self.members as u64);
        text(
            ui,
            &match self.members {
                0 => "It has no packages.".to_owned(),
                1 => "Its package stays in the library, without a group.".to_owned(),
                _ => format!("Its {count} packages stay in the library, without a group."),
            },
        );
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Remove") {
                actions.push(Action::RemoveGroup(self.group.clone()));
                return Next::Close;
            }
            Next::Stay
        })
    }
}

/// Asks under which group packages are filed.
pub struct MoveToGroup {
    packages: Vec<PackageId>,
    group: String,
}

impl MoveToGroup {
    /// These packages, which are in `group` now.
    pub fn new(packages: Vec<PackageId>, group: String) -> Self {
        Self { packages, group }
    }
}

impl Dialog for MoveToGroup {
    fn title(&self) -> String {
        match self.packages.len() {
            1 => "Move to a group".to_owned(),
            count => format!("Move {} packages to a group", format::thousands(count as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        field_row(ui, "Group", |ui| {
            let shown = if self.group.is_empty() { "No group" } else { self.group.as_str() };
            ComboBox::from_id_salt("group").width(300.0).selected_text(shown).show_ui(ui, |ui| {
                let mut choice = self.group.clone();
                ui.selectable_value(&mut choice, String::new(), "No group");
                for group in env.view.groups.iter() {
                    ui.selectable_value(&mut choice, group.clone(), group.as_str());
                }
                self.group = choice;
            });
        });
        quiet(ui, "Packages can also be dragged onto a group in the tree.");
        buttons_ui(ui, |ui| {
            if default_button(ui, "Move", None, env.is_new) {
                let packages = std::mem::take(&mut self.packages);
                actions.push(Action::MoveToGroup(packages, self.group.clone()));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}
