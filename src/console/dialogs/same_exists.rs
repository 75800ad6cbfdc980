//! What is said when a package of this name and version is in the library already, and the ways on from there.

use egui::Ui;

use super::{Delivery, Dialog, Env, Next, buttons_ui, plain_button, quiet, safe_button, text};
use crate::console::action::Action;
use crate::console::format;
use crate::console::pages::new_package::product::comparison_text;
use crate::package::PackageKey;
use crate::package::record::PackageId;
use crate::session::SourceComparison;

/// "Same name and version exists".
pub struct SameExists {
    id: PackageId,
    key: PackageKey,
    compared: Option<SourceComparison>,
}

impl SameExists {
    /// This package exists.
    pub fn new(id: PackageId, key: PackageKey) -> Self {
        Self { id, key, compared: None }
    }
}

impl Dialog for SameExists {
    fn title(&self) -> String {
        format!("{} exists already", self.key.title())
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "A second package of the same name and version is never made.");
        if let Some(package) = env.view.packages.find(self.id) {
            let files = if package.files == 1 { "file" } else { "files" };
            let line = format!(
                "In the library: {} {files}, {}, {}, registered {}.",
                format::thousands(package.files),
                format::size(package.size_bytes),
                package.state.word().to_lowercase(),
                env.moment.text(package.registered)
            );
            quiet(ui, &line);
        }
        if let Some(compared) = &self.compared {
            let is_equal = compared.changed + compared.new + compared.gone == 0;
            let line = if is_equal {
                "These files are the same.".to_owned()
            } else {
                format!("These files: {}.", comparison_text(compared))
            };
            quiet(ui, &line);
        }
        buttons_ui(ui, |ui| {
            if plain_button(ui, "New version…") {
                actions.push(Action::ChooseNewVersion(self.id));
                return Next::Close;
            }
            if plain_button(ui, "Open existing") {
                actions.push(Action::Open(self.id));
                return Next::Close;
            }
            if safe_button(ui, "Cancel", env.is_new) { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Compared(id, compared) = delivery
            && *id == self.id
        {
            self.compared = Some((*compared).clone());
        }
    }
}
