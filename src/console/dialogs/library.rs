//! Choosing another library, and writing a damaged library database anew.

use egui::Ui;

use super::{Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button, quiet, text};
use crate::console::action::{Action, Browse};

/// Asks for the folder of a library.
pub struct ChooseLibrary {
    path: String,
}

impl ChooseLibrary {
    /// Begins with this folder.
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Dialog for ChooseLibrary {
    fn title(&self) -> String {
        "Choose library".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        path_row(ui, "Folder", &mut self.path, Browse::Folder, env.is_new, actions);
        quiet(ui, "An empty folder, or one that does not exist yet, becomes a new library.");
        let path = std::path::PathBuf::from(self.path.trim());
        let refused = (!path.is_absolute()).then_some("Give the whole path of a folder");
        buttons_ui(ui, |ui| {
            if default_button(ui, "Open", refused, false) {
                actions.push(Action::OpenLibrary(path));
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

/// Asks before the library database is written anew.
pub struct Rebuild;

impl Dialog for Rebuild {
    fn title(&self) -> String {
        "Rebuild the library database?".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "A new library database is written from the packages in the folder and from history.jsonl. The old one is \
             kept beside it. No package is changed.",
        );
        quiet(ui, "Close every other program that has this library open first.");
        buttons_ui(ui, |ui| {
            if default_button(ui, "Rebuild", None, env.is_new) {
                actions.push(Action::Rebuild);
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Something that was done, told in a few lines: what a rebuild found and lost.
pub struct Report {
    title: String,
    text: String,
    lines: Vec<String>,
}

impl Report {
    /// A title, a sentence, and lines.
    pub fn new(title: impl Into<String>, text: impl Into<String>, lines: Vec<String>) -> Self {
        Self { title: title.into(), text: text.into(), lines }
    }
}

impl Dialog for Report {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, _actions: &mut Vec<Action>) -> Next {
        text(ui, &self.text);
        super::problem_list_ui(ui, "Details", &self.lines);
        buttons_ui(
            ui,
            |ui| {
                if default_button(ui, "Close", None, env.is_new) { Next::Close } else { Next::Stay }
            },
        )
    }
}
