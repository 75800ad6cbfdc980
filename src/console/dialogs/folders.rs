//! A folder for the settings.

use std::path::PathBuf;

use egui::Ui;

use super::{Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button, quiet};
use crate::console::action::{Action, Browse, Setting};

/// Asks for a folder.
pub struct ChooseFolder {
    title: &'static str,
    hint: &'static str,
    button: &'static str,
    path: String,
    then: fn(PathBuf) -> Setting,
}

impl ChooseFolder {
    /// The folder that archives go to unless another one is named.
    pub fn for_archives(path: &str) -> Self {
        Self {
            title: "Archive folder",
            hint: "Archive… begins with this folder. It can lie on another disk or on a share.",
            button: "Use",
            path: path.to_owned(),
            then: |path| Setting::ArchiveFolder(path.display().to_string()),
        }
    }

    /// A folder whose folders become packages by themselves.
    pub fn to_watch() -> Self {
        Self {
            title: "Watch a folder",
            hint: "Each folder in it becomes a package as soon as it has not changed for five seconds: its files are \
                   copied, it is filed by System, and nobody is asked. This works while Packhouse runs.",
            button: "Watch",
            path: String::new(),
            then: Setting::Watch,
        }
    }
}

impl Dialog for ChooseFolder {
    fn title(&self) -> String {
        self.title.to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        path_row(ui, "Folder", &mut self.path, Browse::Folder, env.is_new, actions);
        quiet(ui, self.hint);
        let path = PathBuf::from(self.path.trim());
        let refused = (!path.is_absolute()).then_some("Give the whole path of a folder");
        buttons_ui(ui, |ui| {
            if default_button(ui, self.button, refused, false) {
                actions.push(Action::Set((self.then)(path)));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Path(path) = delivery {
            self.path = path.display().to_string();
        }
    }
}
