//! Choosing another library, and writing a damaged library database anew.

use std::path::PathBuf;

use egui::Ui;

use super::{Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button, quiet, text};
use crate::console::action::{Action, Browse};
use crate::console::requests::library::in_use_words;
use crate::console::widgets::button::link;
use crate::console::widgets::field_row::value_row;
use crate::session::FolderLook;

/// How many libraries that were open are offered.
const RECENT_SHOWN: usize = 6;

/// Asks for the folder of a library.
pub struct ChooseLibrary {
    path: String,
    recent: Vec<PathBuf>,
    /// The folder that was asked about last.
    asked: Option<PathBuf>,
    /// What is in it, as soon as that is known.
    look: Option<FolderLook>,
}

impl ChooseLibrary {
    /// Begins with this folder; `recent` are those that were open before, the last one first.
    pub fn new(path: &str, recent: Vec<PathBuf>) -> Self {
        Self { path: path.to_owned(), recent, asked: None, look: None }
    }

    /// What is there, in a sentence, and why it cannot be opened.
    fn what_is_there(&self, env: &Env<'_>) -> (String, Option<&'static str>) {
        let Some(look) = &self.look else { return ("Looking…".to_owned(), None) };
        match look {
            FolderLook::Missing => ("There is no such folder: a new library is made there.".to_owned(), None),
            FolderLook::Empty => ("The folder is empty: it becomes a new library.".to_owned(), None),
            FolderLook::Library(None) => ("A library.".to_owned(), None),
            FolderLook::Library(Some(holder)) => {
                let words = in_use_words(holder, env.moment.now, env.moment.zone);
                (format!("A library, {words}. It can be opened read-only."), None)
            }
            FolderLook::Newer(found, known) => (
                format!("A library of format {found}. This Packhouse knows formats up to {known}."),
                Some("It was written by a newer Packhouse"),
            ),
            FolderLook::Damaged(why) => {
                (format!("A library whose database cannot be read: {why}. It can be rebuilt."), None)
            }
            FolderLook::OtherFiles => {
                ("The folder holds other files and is no library.".to_owned(), Some("It is no library"))
            }
            FolderLook::Unreadable(why) => {
                (format!("The folder cannot be read: {why}."), Some("The folder cannot be read"))
            }
        }
    }
}

impl Dialog for ChooseLibrary {
    fn title(&self) -> String {
        "Choose library".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        path_row(ui, "Folder", &mut self.path, Browse::Folder, env.is_new, actions);
        let path = PathBuf::from(self.path.trim());
        let is_whole = path.is_absolute();
        if is_whole && self.asked.as_ref() != Some(&path) {
            self.asked = Some(path.clone());
            self.look = None;
            actions.push(Action::LookAtFolder(path.clone()));
        }
        let (there, mut refused) = self.what_is_there(env);
        if is_whole {
            value_row(ui, "What is there", &there);
        } else {
            refused = Some("Give the whole path of a folder");
            value_row(ui, "What is there", "Give the whole path of a folder.");
        }
        if !self.recent.is_empty() {
            quiet(ui, "Recently open");
            for recent in self.recent.iter().take(RECENT_SHOWN) {
                let text = recent.display().to_string();
                if link(ui, &text).clicked() {
                    self.path = text;
                }
            }
        }
        buttons_ui(ui, |ui| {
            if default_button(ui, "Open", refused, false) {
                actions.push(Action::OpenLibrary(path));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) => self.path = path.display().to_string(),
            Delivery::Looked(folder, look) if self.asked.as_deref() == Some(*folder) => {
                self.look = Some((*look).clone());
            }
            _ => {}
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
