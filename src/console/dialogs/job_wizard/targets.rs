//! The second step: on which computers.

use std::collections::BTreeSet;

use egui::{ScrollArea, Ui};

use super::finder::{Finder, OFFERED};
use crate::console::dialogs::{quiet, show_scroll_bar, text};
use crate::console::format;
use crate::console::pages::computers::Known;
use crate::console::widgets::button::button;
use crate::console::widgets::{name_field, short};
use crate::package::PackageKey;
use crate::package::record::PackageId;
use crate::session::PackageRef;

/// The computers of the job.
pub(super) struct Targets {
    known: Known,
    groups: BTreeSet<String>,
    computers: Vec<String>,
    installed: Vec<PackageId>,
    finder: Finder,
    fitting: Vec<String>,
    found_for: Option<(String, usize)>,
}

impl Targets {
    /// With these groups and computers.
    pub(super) fn new(groups: Vec<String>, computers: Vec<String>, known: Known) -> Self {
        Self {
            known,
            groups: groups.into_iter().collect(),
            computers,
            installed: Vec::new(),
            finder: Finder::default(),
            fitting: Vec::new(),
            found_for: None,
        }
    }

    /// Takes over the computers as they were just read.
    pub(super) fn set_known(&mut self, known: Known) {
        self.known = known;
        self.found_for = None;
    }

    /// Why this is not enough.
    pub(super) fn refusal(&self) -> Option<&'static str> {
        let none = self.groups.is_empty() && self.computers.is_empty() && self.installed.is_empty();
        none.then_some("Choose a group or a computer")
    }

    pub(super) fn groups(&self) -> Vec<String> {
        self.groups.iter().cloned().collect()
    }

    pub(super) fn computers(&self) -> Vec<String> {
        self.computers.clone()
    }

    pub(super) fn installed(&self) -> Vec<PackageRef> {
        self.installed.iter().copied().map(PackageRef::Id).collect()
    }

    fn find(&mut self) {
        let of = (self.finder.text.clone(), self.computers.len());
        if self.found_for.as_ref() == Some(&of) {
            return;
        }
        let text = self.finder.text.trim().to_lowercase();
        let fits = |name: &&String| name.to_lowercase().contains(&text) && !self.computers.contains(name);
        let names = self.known.computers.iter().map(|row| &row.name);
        self.fitting = names.filter(fits).take(OFFERED + 1).cloned().collect();
        self.found_for = Some(of);
    }

    /// Shows the step; computers can also be found by `others`, which are installed on them.
    pub(super) fn ui(&mut self, ui: &mut Ui, focus: bool, room: f32, others: &[(PackageId, PackageKey)]) {
        if self.known.computers.is_empty() {
            text(
                ui,
                "There are no computers yet. Add some on the page Computers, or enrol them with a token.",
            );
            return;
        }
        quiet(ui, "Groups are looked up when the job begins, and again when it runs.");
        let groups = self.known.groups.clone();
        show_scroll_bar(ui);
        let bottom = ui.cursor().top() + room - 24.0;
        let height = room * 0.36;
        if groups.is_empty() {
            quiet(ui, "There are no groups of computers.");
        }
        ScrollArea::vertical().id_salt("groups").max_height(height).auto_shrink([false, true]).show(
            ui,
            |ui| {
                for row in groups.iter() {
                    let mut is_in = self.groups.contains(&row.name);
                    let computers = if row.computers == 1 { "computer" } else { "computers" };
                    let label = format!(
                        "{} ({} {computers})",
                        short(&row.name, 60),
                        format::thousands(row.computers)
                    );
                    let response = ui.checkbox(&mut is_in, label);
                    if response.changed() && is_in {
                        self.groups.insert(row.name.clone());
                    } else if response.changed() {
                        self.groups.remove(&row.name);
                    }
                }
                for (id, key) in others {
                    let mut is_in = self.installed.contains(id);
                    let label = format!("Computers that have {} installed", short(&key.title(), 60));
                    let response = ui.checkbox(&mut is_in, label);
                    if response.changed() && is_in {
                        self.installed.push(*id);
                    } else if response.changed() {
                        self.installed.retain(|one| one != id);
                    }
                }
            },
        );
        let mut remove = None;
        ScrollArea::vertical().id_salt("chosen").max_height(room * 0.22).auto_shrink([false, true]).show(
            ui,
            |ui| {
                ui.horizontal_wrapped(|ui| {
                    for (place, name) in self.computers.iter().enumerate() {
                        let response = button(ui, &format!("{}  ×", short(name, 40)));
                        name_field(&response, &format!("Remove {name}"));
                        if response.clicked() {
                            remove = Some(place);
                        }
                    }
                });
            },
        );
        if let Some(place) = remove {
            self.computers.remove(place);
        }
        self.find();
        let fitting = self.fitting.clone();
        let what = (
            "Find a computer",
            "Add a computer: a part of its name",
            if self.computers.is_empty() {
                "There is no computer yet. Add computers… on their page lists some, or enrols them with a token."
            } else {
                "There is no other computer"
            },
        );
        if let Some(name) =
            self.finder.ui(ui, what, &fitting, bottom, focus).and_then(|place| fitting.get(place))
        {
            self.computers.push(name.clone());
        }
    }
}
