//! Dialogs that name a file or folder: rename and remove in a package, and everything that is written to a disk.

use std::path::PathBuf;

use egui::Ui;

use super::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, path_row, plain_button, quiet, text, whole_path,
};
use crate::console::action::{Action, Browse};
use crate::console::widgets::chip::chip;
use crate::console::widgets::field_row::{field_row, text_row};
use crate::package::HistoryEvent;
use crate::package::record::PackageId;
use crate::session::{ExportFormat, HistoryFilter, RestoreSource, Search, UpdateRequest};

/// Renames a file of an Open package.
pub struct RenameFile {
    package: PackageId,
    from: String,
    to: String,
}

impl RenameFile {
    /// This one.
    pub fn new(package: PackageId, from: &str) -> Self {
        Self { package, from: from.to_owned(), to: from.to_owned() }
    }
}

impl Dialog for RenameFile {
    fn title(&self) -> String {
        "Rename a file".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        quiet(ui, &self.from);
        let field = text_row(ui, "New path", &mut self.to);
        if env.is_new {
            field.request_focus();
        }
        let refused = if self.to == self.from { Some("Give another path") } else { None };
        buttons_ui(ui, |ui| {
            if default_button(ui, "Rename", refused, false) {
                let rename = vec![(self.from.clone(), self.to.trim().to_owned())];
                let request = UpdateRequest { rename, ..UpdateRequest::default() };
                actions.push(Action::Update(self.package, request));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }
}

/// Removes files of an Open package.
pub struct RemoveFiles {
    package: PackageId,
    paths: Vec<String>,
}

impl RemoveFiles {
    /// These.
    pub fn new(package: PackageId, paths: Vec<String>) -> Self {
        Self { package, paths }
    }
}

impl Dialog for RemoveFiles {
    fn title(&self) -> String {
        match self.paths.len() {
            1 => "Remove 1 file from the package?".to_owned(),
            count => format!("Remove {count} files from the package?"),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        super::problem_list_ui(ui, "Files", &self.paths);
        text(ui, "This cannot be undone.");
        buttons_ui(ui, |ui| {
            if plain_button(ui, "Remove") {
                let request = UpdateRequest { remove: self.paths.clone(), ..UpdateRequest::default() };
                actions.push(Action::Update(self.package, request));
                return Next::Close;
            }
            if super::safe_button(ui, "Cancel", env.is_new) { Next::Close } else { Next::Stay }
        })
    }
}

/// Writes a text to a new file.
pub struct SaveText {
    title: String,
    /// Made on the thread that writes it: it may be long.
    content: Option<Box<dyn FnOnce() -> String + Send>>,
    path: String,
}

impl SaveText {
    /// The text that `content` makes, on another thread.
    pub fn new(title: &str, content: impl FnOnce() -> String + Send + 'static) -> Self {
        Self { title: title.to_owned(), content: Some(Box::new(content)), path: String::new() }
    }
}

impl Dialog for SaveText {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        path_row(ui, "File", &mut self.path, Browse::SaveAs, env.is_new, actions);
        let path = whole_path(&self.path);
        buttons_ui(ui, |ui| {
            let pressed = default_button(ui, "Export", path.as_ref().err().copied(), false);
            if let (true, Ok(path)) = (pressed, path) {
                actions.extend(self.content.take().map(|content| Action::WriteText(path, content)));
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

/// Copies one file out of a package.
pub struct SaveFile {
    from: PathBuf,
    name: String,
    path: String,
}

impl SaveFile {
    /// This one, which is called `name`.
    pub fn new(from: PathBuf, name: &str) -> Self {
        Self { from, name: name.to_owned(), path: String::new() }
    }
}

impl Dialog for SaveFile {
    fn title(&self) -> String {
        format!("Save {} as", crate::console::widgets::short(&self.name, 60))
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        path_row(ui, "File", &mut self.path, Browse::SaveAs, env.is_new, actions);
        quiet(ui, "A file that is there is not replaced.");
        let path = whole_path(&self.path);
        buttons_ui(ui, |ui| {
            let pressed = default_button(ui, "Save", path.as_ref().err().copied(), false);
            if let (true, Ok(path)) = (pressed, path) {
                actions.push(Action::SaveFile(self.from.clone(), path));
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

/// Writes History to a new file.
pub struct ExportHistory {
    filter: HistoryFilter,
    json: bool,
    path: String,
}

impl ExportHistory {
    /// With this filter.
    pub fn new(filter: HistoryFilter) -> Self {
        Self { filter, json: false, path: String::new() }
    }
}

impl Dialog for ExportHistory {
    fn title(&self) -> String {
        "Export History".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        field_row(ui, "Format", |ui| {
            if chip(ui, "CSV", !self.json).clicked() {
                self.json = false;
            }
            if chip(ui, "JSON", self.json).clicked() {
                self.json = true;
            }
        });
        path_row(ui, "File", &mut self.path, Browse::SaveAs, env.is_new, actions);
        if self.filter != HistoryFilter::default() {
            quiet(ui, "Only the entries that pass the filter of the page are written.");
        }
        let path = whole_path(&self.path);
        buttons_ui(ui, |ui| {
            let pressed = default_button(ui, "Export", path.as_ref().err().copied(), false);
            if let (true, Ok(path)) = (pressed, path) {
                let format = if self.json { ExportFormat::Json } else { ExportFormat::Csv };
                actions.push(Action::ExportHistory(self.filter.clone(), format, path));
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

/// Writes the accepted changes to a document to print.
pub struct PrintReport {
    filter: HistoryFilter,
    path: String,
    leave_closed: bool,
}

impl PrintReport {
    /// Those that pass this filter, whatever events it names.
    pub fn new(filter: HistoryFilter) -> Self {
        let filter = HistoryFilter { events: vec![HistoryEvent::Accepted], newest: None, ..filter };
        Self { filter, path: String::new(), leave_closed: false }
    }
}

impl Dialog for PrintReport {
    fn title(&self) -> String {
        "Print report".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "One page for each accepted change: who, when, why, what differed, and its place in the chain.",
        );
        path_row(ui, "File (.html)", &mut self.path, Browse::SaveAs, env.is_new, actions);
        let mut open = !self.leave_closed;
        ui.checkbox(&mut open, "Open it, to print it from there");
        self.leave_closed = !open;
        let all = HistoryFilter { events: self.filter.events.clone(), ..HistoryFilter::default() };
        if self.filter != all {
            quiet(ui, "Only the changes that pass the filter of the page are written.");
        }
        let path = whole_path(&self.path);
        buttons_ui(ui, |ui| {
            let pressed = default_button(ui, "Write report", path.as_ref().err().copied(), false);
            if let (true, Ok(path)) = (pressed, path) {
                // A browser knows the document by its name.
                let is_html = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("html"));
                let to = if is_html { path } else { PathBuf::from(format!("{}.html", path.display())) };
                actions.push(Action::PrintHistory { filter: self.filter.clone(), to, open });
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

/// Writes what a search finds to a new file.
pub struct ExportSearch {
    search: Search,
    path: String,
}

impl ExportSearch {
    /// Everything this search finds.
    pub fn new(search: Search) -> Self {
        Self { search, path: String::new() }
    }
}

impl Dialog for ExportSearch {
    fn title(&self) -> String {
        "Export the search results".to_owned()
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        path_row(ui, "CSV file", &mut self.path, Browse::SaveAs, env.is_new, actions);
        quiet(ui, "All files that match are written, not only those that are shown.");
        let path = whole_path(&self.path);
        buttons_ui(ui, |ui| {
            let pressed = default_button(ui, "Export", path.as_ref().err().copied(), false);
            if let (true, Ok(path)) = (pressed, path) {
                actions.push(Action::ExportSearch(self.search.clone(), path));
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

/// Where a folder is written to.
pub enum FolderFor {
    /// A copy of a package.
    Export(PackageId, String),
    /// The good files of a damaged archive.
    GoodFiles(RestoreSource),
}

/// Asks for a new or empty folder.
pub struct SaveFolder {
    what: FolderFor,
    path: String,
}

impl SaveFolder {
    /// For this.
    pub fn new(what: FolderFor) -> Self {
        Self { what, path: String::new() }
    }
}

impl Dialog for SaveFolder {
    fn title(&self) -> String {
        match &self.what {
            FolderFor::Export(_, title) => format!("Export {title}"),
            FolderFor::GoodFiles(_) => "Save the good files to a folder".to_owned(),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        path_row(ui, "Folder", &mut self.path, Browse::Folder, env.is_new, actions);
        quiet(ui, "A new folder, or an empty one.");
        if matches!(self.what, FolderFor::GoodFiles(_)) {
            quiet(ui, "A note NOT-A-PACKAGE.txt in it lists what is missing.");
        }
        let path = whole_path(&self.path);
        let label = if matches!(self.what, FolderFor::Export(..)) { "Export" } else { "Save" };
        buttons_ui(ui, |ui| {
            let pressed = default_button(ui, label, path.as_ref().err().copied(), false);
            if let (true, Ok(path)) = (pressed, path) {
                actions.push(match &self.what {
                    FolderFor::Export(id, _) => Action::Export(*id, path),
                    FolderFor::GoodFiles(source) => Action::SaveGoodFiles(source.clone(), path),
                });
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
