//! What is asked about downloads that are in the list: a limit, the folder, registering, removing.

use std::path::PathBuf;

use egui::{ComboBox, Ui};

use super::limit_row;
use crate::console::action::Action;
use crate::console::dialogs::{
    Dialog, Env, Next, buttons_ui, default_button, plain_button, problem_list_ui, quiet, safe_button, text,
};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::downloads::DownloadAction;
use crate::console::widgets::field_row::{field_row, value_row};
use crate::package::download::DownloadId;
use crate::session::{AddDownload, DownloadRow};

/// Asks how many bytes a second a download may take.
pub struct Limit {
    id: DownloadId,
    title: String,
    limit: Option<u64>,
}

impl Limit {
    /// This one.
    pub fn new(row: &DownloadRow) -> Self {
        Self { id: row.id, title: row.title.clone(), limit: row.limit_bytes_per_s }
    }
}

impl Dialog for Limit {
    fn topic(&self) -> Topic {
        Topic::Downloads
    }

    fn title(&self) -> String {
        format!("Limit of {}", self.title)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "Holds at once, also while it is running, and over a restart.");
        limit_row(ui, &mut self.limit);
        buttons_ui(ui, |ui| {
            if default_button(ui, "OK", None, env.is_new) {
                actions.push(Action::Download(DownloadAction::SetLimit(self.id, self.limit)));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks for the group of a finished download that becomes a package.
pub struct Register {
    row: DownloadRow,
    group: String,
}

impl Register {
    /// This one.
    pub fn new(row: DownloadRow) -> Self {
        Self { row, group: String::new() }
    }
}

impl Dialog for Register {
    fn topic(&self) -> Topic {
        Topic::Downloads
    }

    fn title(&self) -> String {
        format!("Register {}?", self.row.title)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "Every block was proven. Registered, it becomes a package of this library.");
        match &self.row.key {
            Some(key) => {
                value_row(ui, "Name", key.name());
                value_row(ui, "Version", key.version());
            }
            None => quiet(ui, "It is no package of Packhouse: its files become an open package."),
        }
        value_row(ui, "Size", &format::size(self.row.done_bytes));
        field_row(ui, "Group", |ui| {
            let shown = if self.group.is_empty() { "none" } else { self.group.as_str() };
            ComboBox::from_id_salt("group").width(210.0).selected_text(shown).show_ui(ui, |ui| {
                ui.selectable_value(&mut self.group, String::new(), "none");
                for group in env.view.groups.iter() {
                    ui.selectable_value(&mut self.group, group.clone(), group.as_str());
                }
            });
        });
        buttons_ui(ui, |ui| {
            if default_button(ui, "Register", None, env.is_new) {
                let group = (!self.group.is_empty()).then(|| self.group.clone());
                actions.push(Action::Download(DownloadAction::Register(self.row.id, group)));
                return Next::Close;
            }
            if plain_button(ui, "Not now") { Next::Close } else { Next::Stay }
        })
    }
}

/// Asks before downloads are taken off the list.
pub struct Remove {
    ids: Vec<DownloadId>,
    titles: Vec<String>,
    folders: Vec<String>,
    bytes: u64,
    delete: bool,
}

impl Remove {
    /// These.
    pub fn new(rows: &[DownloadRow]) -> Self {
        // What became a package is the library's.
        let own = rows.iter().filter(|row| row.registered_as.is_none());
        Self {
            ids: rows.iter().map(|row| row.id).collect(),
            titles: rows.iter().map(|row| row.title.clone()).collect(),
            folders: own.clone().map(|row| row.folder.display().to_string()).collect(),
            bytes: own.map(|row| row.done_bytes).sum(),
            delete: false,
        }
    }
}

impl Dialog for Remove {
    fn topic(&self) -> Topic {
        Topic::Downloads
    }

    fn title(&self) -> String {
        match self.titles.as_slice() {
            [one] => format!("Remove the download of {one}?"),
            all => format!("Remove {} downloads?", format::thousands(all.len() as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if self.titles.len() > 1 {
            problem_list_ui(ui, "Downloads", &self.titles);
        }
        if self.folders.is_empty() {
            text(ui, "It leaves the list. The registered package stays in the library.");
        } else {
            text(ui, &format!("What was fetched, {}, lies in:", format::size(self.bytes)));
            problem_list_ui(ui, "Folders", &self.folders);
            ui.radio_value(&mut self.delete, false, "The files stay: a download into the folder keeps them");
            ui.radio_value(&mut self.delete, true, "Delete the files too");
        }
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Cancel", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Remove") {
                let ids = std::mem::take(&mut self.ids);
                actions.push(Action::Download(DownloadAction::Remove(ids, self.delete)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}

/// "The folder belongs to another download".
pub struct FolderTaken {
    request: Option<AddDownload>,
    folder: PathBuf,
    /// The one that has it, and since when; unknown if it belongs to another program.
    owner: Option<(DownloadId, String, jiff::Timestamp)>,
}

impl FolderTaken {
    /// The folder asked for in `request` belongs to `owner`, if that is in the list.
    pub fn new(request: AddDownload, folder: PathBuf, owner: Option<&DownloadRow>) -> Self {
        let owner = owner.map(|row| (row.id, row.title.clone(), row.created));
        Self { request: Some(request), folder, owner }
    }
}

impl Dialog for FolderTaken {
    fn topic(&self) -> Topic {
        Topic::NewDownload
    }

    fn title(&self) -> String {
        "The folder belongs to another download".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let folder = self.folder.display();
        let told = match &self.owner {
            Some((_, title, since)) => {
                format!("{folder} is filled by the download of {title}, since {}.", env.moment.full(*since))
            }
            None => format!("{folder} is filled by another program."),
        };
        text(ui, &told);
        buttons_ui(ui, |ui| {
            if plain_button(ui, "Cancel") {
                return Next::Close;
            }
            let shows = self.owner.is_some();
            let other = if shows {
                plain_button(ui, "Choose another folder…")
            } else {
                default_button(ui, "Choose another folder…", None, env.is_new)
            };
            if other && let Some(request) = self.request.take() {
                actions.push(Action::Download(DownloadAction::AskAgain(Box::new(request))));
                return Next::Close;
            }
            if let Some((id, ..)) = self.owner
                && default_button(ui, "Show it", None, env.is_new)
            {
                actions.push(Action::Download(DownloadAction::Show(id)));
                return Next::Close;
            }
            Next::Stay
        })
    }
}
