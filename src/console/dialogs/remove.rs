//! Removing packages, and losing what was changed in a property window.

use egui::Ui;

use super::whereabouts::leave_out;
use super::{Delivery, Dialog, Env, Needs, Next, buttons_ui, plain_button, safe_button, text};
use crate::console::action::Action;
use crate::console::format;
use crate::package::record::{PackageId, PackageSummary};
use crate::session::Whereabouts;

/// "Remove {4} packages from the library?"
pub struct Remove {
    packages: Vec<PackageSummary>,
    /// Where they are, of those that are anywhere, once that is known.
    known: Vec<(PackageId, Whereabouts)>,
}

impl Remove {
    /// These packages.
    pub fn new(packages: Vec<PackageSummary>) -> Self {
        Self { packages, known: Vec::new() }
    }

    fn places_ui(&self, ui: &mut Ui) {
        match (self.packages.as_slice(), self.known.as_slice()) {
            (_, []) => {}
            ([_], [(_, known)]) => {
                if known.installed + known.installed_tests > 0 {
                    let count = super::whereabouts::on_computers(known);
                    let text_of = format!(
                        "It is installed on {count} and can then no longer be uninstalled from here."
                    );
                    text(ui, &text_of);
                }
                if super::whereabouts::is_in_a_job(known) {
                    text(ui, "What a job has still to do with it ends in error.");
                }
                if super::whereabouts::is_staged(known) {
                    text(ui, "What is staged stays there. Unstage it first if it should not.");
                }
                super::problem_list_ui(ui, "Where it is", &super::whereabouts::lines(known));
            }
            (all, known) => {
                let count = format::thousands(known.len() as u64);
                let text_of = if known.len() == 1 {
                    "1 of them is staged, installed or in a job. It can then no longer be uninstalled from here, what \
                     jobs have still to do with it ends in error, and what is staged stays there:"
                        .to_owned()
                } else {
                    format!(
                        "{count} of them are staged, installed or in a job. They can then no longer be uninstalled from \
                         here, what jobs have still to do with them ends in error, and what is staged stays there:"
                    )
                };
                text(ui, &text_of);
                super::problem_list_ui(ui, "Where they are", &super::whereabouts::lines_of(all, known));
            }
        }
    }
}

impl Dialog for Remove {
    fn needs(&self) -> Needs {
        let packages = self.packages.iter().map(|package| package.id).collect();
        Needs { whereabouts: packages, ..Needs::default() }
    }

    fn title(&self) -> String {
        match self.packages.as_slice() {
            [one] => format!("Remove {} from the library?", one.key.title()),
            all => format!("Remove {} packages from the library?", format::thousands(all.len() as u64)),
        }
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let bytes = self.packages.iter().map(|package| package.size_bytes).sum();
        let them = if self.packages.len() == 1 { "it" } else { "them" };
        text(ui, &format!("{}. Ctrl+Z brings {them} back until Packhouse is closed.", format::size(bytes)));
        if self.packages.len() > 1 {
            let lines: Vec<String> = self.packages.iter().map(|package| package.key.title()).collect();
            super::problem_list_ui(ui, "Packages", &lines);
        }
        self.places_ui(ui);
        let shown = match (self.packages.as_slice(), self.known.as_slice()) {
            ([one], [_]) => Some(one.id),
            _ => None,
        };
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Remove") {
                let ids = self.packages.iter().map(|package| package.id).collect();
                actions.push(Action::Remove(ids));
                return Next::Close;
            }
            if !self.known.is_empty()
                && self.packages.len() > self.known.len()
                && plain_button(ui, leave_out(self.known.len()))
            {
                let known = std::mem::take(&mut self.known);
                self.packages.retain(|package| known.iter().all(|(id, _)| *id != package.id));
            }
            if let Some(id) = shown
                && plain_button(ui, "Show where")
            {
                actions.push(Action::ShowDelivery(id));
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Whereabouts(Ok(all)) = delivery {
            self.known = super::whereabouts::somewhere(all);
        }
    }
}
