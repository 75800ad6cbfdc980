//! Removing packages, and losing what was changed in a property window.

use egui::Ui;

use super::{Dialog, Env, Next, buttons_ui, plain_button, safe_button, text};
use crate::console::action::Action;
use crate::console::format;
use crate::package::record::{PackageId, PackageSummary};

/// "Remove {4} packages from the library?"
pub struct Remove {
    packages: Vec<PackageSummary>,
}

impl Remove {
    /// These packages.
    pub fn new(packages: Vec<PackageSummary>) -> Self {
        Self { packages }
    }
}

impl Dialog for Remove {
    fn title(&self) -> String {
        match self.packages.as_slice() {
            [one] => format!("Remove {} from the library?", one.key.title()),
            all => format!("Remove {} packages from the library?", format::thousands(all.len() as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let bytes = self.packages.iter().map(|package| package.size_bytes).sum();
        let them = if self.packages.len() == 1 { "it" } else { "them" };
        text(ui, &format!("{}. Ctrl+Z brings {them} back until Packhouse is closed.", format::size(bytes)));
        if self.packages.len() > 1 {
            let lines: Vec<String> = self.packages.iter().map(|package| package.key.title()).collect();
            super::problem_list_ui(ui, "Packages", &lines);
        }
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Remove") {
                let ids = self.packages.iter().map(|package| package.id).collect();
                actions.push(Action::Remove(ids));
                return Next::Close;
            }
            Next::Stay
        })
    }
}

/// Asks before changes in a property window are lost.
pub struct Unsaved {
    package: PackageId,
    title: String,
}

impl Unsaved {
    /// In the window of this package.
    pub fn new(package: PackageId, title: String) -> Self {
        Self { package, title }
    }
}

impl Dialog for Unsaved {
    fn title(&self) -> String {
        format!("Lose the changes to {}?", self.title)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "The property window holds changes that were not applied.");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Go on editing", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Lose them") {
                actions.push(Action::Discard(self.package));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
