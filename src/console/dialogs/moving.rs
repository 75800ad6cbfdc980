//! The library as a whole: moved to another folder, its old copy deleted, handed over to somebody else.

use std::path::PathBuf;

use egui::Ui;

use super::keys::BackUp;
use super::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, path_row, plain_button, quiet,
    safe_button, text,
};
use crate::console::action::{Action, Browse};
use crate::console::format;
use crate::console::widgets::alert::alert;
use crate::console::widgets::button::link;
use crate::console::widgets::field_row::value_row;
use crate::session::{KeyInfo, LibraryInfo};

const WHOLE_PATH: &str = "Give the whole path of a folder";

/// Asks where the library is moved to.
pub struct MoveLibrary {
    from: PathBuf,
    to: String,
    info: Option<LibraryInfo>,
}

impl MoveLibrary {
    /// From this folder.
    pub fn new(from: PathBuf) -> Self {
        Self { from, to: String::new(), info: None }
    }
}

impl Dialog for MoveLibrary {
    fn needs(&self) -> Needs {
        Needs { info: true, ..Needs::default() }
    }

    fn title(&self) -> String {
        "Move the library".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "Every file is copied and the copy is proven before the library is opened in its new folder. Cancelled, the \
             library stays where it is.",
        );
        value_row(ui, "From", &self.from.display().to_string());
        if let Some(info) = &self.info {
            let packages = info.open + info.sealed + info.archived;
            let noun = if packages == 1 { "package" } else { "packages" };
            let size = format::size(info.present_bytes.saturating_add(info.removed_bytes));
            value_row(ui, "Size", &format!("{} {noun}, {size}", format::thousands(packages)));
        }
        path_row(ui, "To", &mut self.to, Browse::Folder, env.is_new, actions);
        quiet(ui, "An empty folder, or one that does not exist yet, outside the library.");
        quiet(ui, "The old folder stays until Library > Delete the old copy…");
        let to = PathBuf::from(self.to.trim());
        let refused = if !to.is_absolute() {
            Some(WHOLE_PATH)
        } else {
            to.starts_with(&self.from).then_some("Choose a folder outside the library")
        };
        buttons_ui(ui, |ui| {
            if default_button(ui, "Move", refused, false) {
                actions.push(Action::MoveLibrary(to));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) => self.to = path.display().to_string(),
            Delivery::Info(info) => self.info = Some((*info).clone()),
            _ => {}
        }
    }
}

/// Asks before the folder is deleted from which the library was moved.
pub struct DeleteOldCopy {
    old: PathBuf,
}

impl DeleteOldCopy {
    /// This folder.
    pub fn new(old: PathBuf) -> Self {
        Self { old }
    }
}

impl Dialog for DeleteOldCopy {
    fn title(&self) -> String {
        "Delete the old copy of the library?".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        value_row(ui, "Folder", &self.old.display().to_string());
        text(
            ui,
            "It holds the library as it was before it was moved. The library that is open stays as it is. This cannot be \
             undone.",
        );
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Delete") {
                actions.push(Action::DeleteOldCopy);
                return Next::Close;
            }
            Next::Stay
        })
    }
}

/// Asks where everything is written that a successor must know.
#[derive(Default)]
pub struct HandOver {
    to: String,
    keys: Vec<KeyInfo>,
}

impl Dialog for HandOver {
    fn needs(&self) -> Needs {
        Needs { keys: true, ..Needs::default() }
    }

    fn title(&self) -> String {
        "Hand over the library".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "Writes a page to read and a file with the same for programs: where the library lies and how large it is, \
             keys and their backups, trusted keys, groups, archive folders, the last events, and what is not settled.",
        );
        quiet(
            ui,
            "No secret is in it. A key that seals is handed over as its backup, with its passphrase told apart.",
        );
        for key in self.keys.iter().filter(|key| key.own && !key.retired) {
            if key.backup.is_none() {
                alert(ui, &format!("The key {} has no backup", key.name), "Nobody else can seal with it.");
            }
            if link(ui, &format!("Save backup of {}…", key.name)).clicked() {
                actions.push(Action::Ask(Box::new(BackUp::new(key.clone()))));
            }
        }
        path_row(ui, "Folder", &mut self.to, Browse::Folder, env.is_new, actions);
        quiet(ui, "An empty folder, or one that does not exist yet, outside the library.");
        let to = PathBuf::from(self.to.trim());
        let refused = (!to.is_absolute()).then_some(WHOLE_PATH);
        buttons_ui(ui, |ui| {
            if default_button(ui, "Write", refused, false) {
                actions.push(Action::HandOver(to));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) => self.to = path.display().to_string(),
            Delivery::Keys(keys) => self.keys = keys.to_vec(),
            _ => {}
        }
    }
}
