//! Archiving and restoring, and what is said when an archive cannot be restored.

use std::path::PathBuf;

use egui::Ui;
use jiff::Timestamp;

use super::failure::unknown_key;
use super::files::{FolderFor, SaveFolder};
use super::keys::TrustKey;
use super::repair::{RepairArchive, other_places};
use super::whereabouts::{self, leave_out};
use super::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, path_row, plain_button, safe_button,
};
use super::{problem_list_ui, quiet, text};
use crate::console::action::{Action, AfterTrust, Browse};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::widgets::field_row::text_row;
use crate::console::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use crate::failure::Failure;
use crate::package::PackageKey;
use crate::package::record::{PackageId, PackageSummary};
use crate::session::{ArchiveRequest, RestoreSource, Whereabouts};

/// Asks where packages are archived to.
pub struct Archive {
    packages: Vec<PackageSummary>,
    /// What is left out, and why.
    skipped: Vec<String>,
    folder: String,
    comment: String,
    /// Where they are, of those that are anywhere, once that is known.
    known: Vec<(PackageId, Whereabouts)>,
}

impl Archive {
    /// These packages; `folder` is where the last ones went.
    pub fn new(packages: Vec<PackageSummary>, folder: String) -> Self {
        let (blocked, packages): (Vec<_>, Vec<_>) =
            packages.into_iter().partition(PackageSummary::is_blocked);
        let why = "differs from its checksum: accept its changes or put the files right";
        let skipped = blocked.iter().map(|package| format!("{}: {why}", package.key.title())).collect();
        Self { packages, skipped, folder, comment: String::new(), known: Vec::new() }
    }

    fn places_ui(&self, ui: &mut Ui) {
        let known = self.known.as_slice();
        let lines = match (self.packages.as_slice(), known) {
            (_, []) => return,
            ([_], [(_, one)]) => whereabouts::lines(one),
            (all, known) => whereabouts::lines_of(all, known),
        };
        let has = |what: fn(&Whereabouts) -> bool| known.iter().any(|(_, one)| what(one));
        let jobs = "What a job has still to do with it ends in error until it is restored. ";
        let jobs = if has(whereabouts::is_in_a_job) { jobs } else { "" };
        let staged = if has(whereabouts::is_staged) { "What is staged stays there. " } else { "" };
        let only_archived = "No job delivers what is archived. ";
        let begin = if jobs.is_empty() { only_archived } else { jobs };
        text(ui, format!("{begin}{staged}").trim_end());
        problem_list_ui(ui, "Where it is", &lines);
    }
}

impl Dialog for Archive {
    fn needs(&self) -> Needs {
        let packages = self.packages.iter().map(|package| package.id).collect();
        Needs { whereabouts: packages, ..Needs::default() }
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn topic(&self) -> Topic {
        Topic::Archiving
    }

    fn title(&self) -> String {
        match self.packages.as_slice() {
            [one] => format!("Archive {}", one.key.title()),
            all => format!("Archive {} packages", format::thousands(all.len() as u64)),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "The files go into an archive file, which is read back and proven before they are removed from the library.",
        );
        path_row(ui, "Archive folder", &mut self.folder, Browse::Folder, env.is_new, actions);
        text_row(ui, "Comment", &mut self.comment);
        let bytes = self.packages.iter().map(|package| package.size_bytes).sum();
        quiet(ui, &format!("Frees {} in the library.", format::size(bytes)));
        if !self.skipped.is_empty() {
            let what = if self.skipped.len() == 1 { "1 package is" } else { "These packages are" };
            text(ui, &format!("{what} left out:"));
            problem_list_ui(ui, "Left out", &self.skipped);
        }
        self.places_ui(ui);
        let folder = PathBuf::from(self.folder.trim());
        let refused = if self.packages.is_empty() {
            Some("Nothing is left to be archived")
        } else {
            (!folder.is_absolute()).then_some("Give the whole path of a folder")
        };
        buttons_ui(ui, |ui| {
            if default_button(ui, "Archive", refused, false) {
                let request = ArchiveRequest { folder, comment: self.comment.trim().to_owned() };
                actions.push(Action::Archive(std::mem::take(&mut self.packages), request));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") {
                return Next::Close;
            }
            if !self.known.is_empty()
                && self.packages.len() > self.known.len()
                && plain_button(ui, leave_out(self.known.len()))
            {
                let known = std::mem::take(&mut self.known);
                self.packages.retain(|package| known.iter().all(|(id, _)| *id != package.id));
            }
            if let ([one], [_]) = (self.packages.as_slice(), self.known.as_slice())
                && plain_button(ui, "Show where")
            {
                actions.push(Action::ShowDelivery(one.id));
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) => self.folder = path.display().to_string(),
            Delivery::Whereabouts(Ok(all)) => self.known = whereabouts::somewhere(all),
            _ => {}
        }
    }
}

/// Asks before a package is restored, from the catalogue or from a file.
pub struct Restore {
    package: Option<PackageSummary>,
    place: String,
    file: String,
}

impl Restore {
    /// An archived package; `place` is where its archive lies.
    pub fn package(package: PackageSummary) -> Self {
        Self { package: Some(package), place: String::new(), file: String::new() }
    }

    /// An archive file.
    pub fn file(file: String) -> Self {
        Self { package: None, place: String::new(), file }
    }
}

impl Dialog for Restore {
    fn topic(&self) -> Topic {
        Topic::Restoring
    }

    fn needs(&self) -> Needs {
        Needs { details: self.package.as_ref().map(|package| package.id), ..Needs::default() }
    }

    fn title(&self) -> String {
        match &self.package {
            Some(package) => format!("Restore {}", package.key.title()),
            None => "Restore a package from an archive".to_owned(),
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let source = match &self.package {
            Some(package) => {
                let files = format::thousands(package.files);
                text(ui, &format!("{files} files, {}, sealed.", format::size(package.size_bytes)));
                if !self.place.is_empty() {
                    quiet(ui, &self.place);
                }
                Ok(RestoreSource::Package(package.id))
            }
            None => {
                path_row(ui, "Archive file", &mut self.file, Browse::File, env.is_new, actions);
                let file = PathBuf::from(self.file.trim());
                if file.is_absolute() {
                    Ok(RestoreSource::File(file))
                } else {
                    Err("Give the whole path of an archive file")
                }
            }
        };
        text(ui, "Every block is checked against the seal before the package is back in the library.");
        let focus = env.is_new && self.package.is_some();
        buttons_ui(ui, |ui| {
            let pressed = default_button(ui, "Restore", source.as_ref().err().copied(), focus);
            if let (true, Ok(source)) = (pressed, source) {
                actions.push(Action::Restore(source));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) => self.file = path.display().to_string(),
            Delivery::Details(details) => {
                if let Some(archive) = &details.record.archive {
                    self.place = archive.path.clone();
                }
            }
            _ => {}
        }
    }
}

/// A file of an archive that cannot be restored.
struct Damaged {
    path: String,
    /// Its size; a dash while the library does not say.
    size: String,
    damage: String,
}

impl Damaged {
    /// From `path: damage`.
    fn of(line: &str) -> Self {
        let (path, damage) = line.rsplit_once(": ").unwrap_or((line, ""));
        Self { path: path.to_owned(), size: "–".to_owned(), damage: damage.to_owned() }
    }
}

struct DamagedRows<'a>(&'a [Damaged]);

impl Rows for DamagedRows<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let file = &self.0[index];
        Row {
            icon: None,
            cells: vec![
                Cell::new(file.path.as_str()),
                Cell::new(file.size.as_str()),
                Cell::new(file.damage.as_str()),
            ],
            name: format!("{}, {}, {}", file.path, file.size, file.damage).into(),
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        &self.0[index].path
    }
}

/// The table of damaged files, at most eight rows high.
fn damaged_ui(ui: &mut Ui, files: &[Damaged], state: &mut ListState) {
    const ROW: f32 = 24.0;
    let columns = [
        Column::text("File", 200.0).growing().unsortable(),
        Column::number("Size", 84.0).unsortable(),
        Column::text("Damage", 170.0).unsortable(),
    ];
    let rows = files.len().min(8) as f32;
    let size = egui::vec2(ui.available_width(), (rows + 1.0) * ROW + 8.0);
    ui.allocate_ui(size, |ui| {
        ui.set_min_size(size);
        List::new("damaged", "Damaged files", &columns, ROW).show(ui, state, &DamagedRows(files), |_, _| ());
    });
}

/// Why a restore failed, with what can be done about it.
pub struct CannotRestore {
    source: RestoreSource,
    name: String,
    /// The package that is in the way, if that is why.
    there: Option<PackageKey>,
    /// The damaged files.
    damaged: Vec<Damaged>,
    list: ListState,
    /// When it was archived, where the library knows.
    archived: Option<Timestamp>,
    /// Where the archive lies.
    place: Option<PathBuf>,
    /// Where what is damaged could come from.
    known: Vec<String>,
    failure: Failure,
}

impl CannotRestore {
    /// This failure of this source.
    pub fn new(source: RestoreSource, name: String, failure: Failure) -> Self {
        // "Inkscape@1.4 is already in the library"
        let there = (failure.code == "package-exists")
            .then(|| failure.message.strip_suffix(" is already in the library"))
            .flatten()
            .and_then(|key| PackageKey::parse(key).ok());
        let damaged = match failure.code {
            "archive-damaged" => failure.details.iter().map(|line| Damaged::of(line)).collect(),
            _ => Vec::new(),
        };
        let list = ListState::default();
        Self { source, name, there, damaged, list, archived: None, place: None, known: Vec::new(), failure }
    }

    /// Whether there is more to say about this failure than any dialog would.
    pub fn knows(code: &str) -> bool {
        matches!(
            code,
            "archive-damaged"
                | "no-reginfo"
                | "archive-missing"
                | "package-exists"
                | "key-not-trusted"
                | "seal-broken"
        )
    }
}

impl Dialog for CannotRestore {
    fn topic(&self) -> Topic {
        Topic::Restoring
    }

    fn needs(&self) -> Needs {
        match &self.source {
            RestoreSource::Package(id) => {
                let contents = (!self.damaged.is_empty()).then_some(*id);
                let places = contents;
                Needs { details: Some(*id), contents, places, ..Needs::default() }
            }
            RestoreSource::File(_) => Needs::default(),
        }
    }

    fn title(&self) -> String {
        match self.failure.code {
            "archive-damaged" => format!("The archive of {} is damaged", self.name),
            "no-reginfo" => "This archive cannot be restored".to_owned(),
            "archive-missing" => format!("The archive of {} is not there", self.name),
            "key-not-trusted" => "Signed by a key that is not trusted".to_owned(),
            "seal-broken" => format!("The seal of {} does not match", self.name),
            _ => match &self.there {
                Some(key) => format!("{} is already in the library", key.title()),
                None => super::sentence(&self.failure.message),
            },
        }
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let failure = &self.failure;
        match failure.code {
            "archive-damaged" => {
                let on = self.archived.map(|at| {
                    let full = env.moment.full(at);
                    format!(" on {}", full.split(' ').next().unwrap_or_default())
                });
                let summary = super::sentence(&failure.reason);
                let on = on.unwrap_or_default();
                text(ui, &format!("{summary}{on}. Nothing was changed in the library."));
                damaged_ui(ui, &self.damaged, &mut self.list);
                if let Some(place) = self.known.first() {
                    text(ui, &format!("{place} may have what is missing."));
                }
            }
            "no-reginfo" => {
                text(ui, &format!("{}.", super::sentence(&failure.message)));
                text(ui, "If these are the files of a package, register them as a new one.");
            }
            "archive-missing" => text(ui, &format!("{}.", super::sentence(&failure.reason))),
            "key-not-trusted" => {
                let fingerprint = unknown_key(failure).unwrap_or("not given");
                text(
                    ui,
                    &format!(
                        "Fingerprint {fingerprint}. Compare it with the one its owner gives you by another way."
                    ),
                );
                text(ui, "Nothing was restored.");
            }
            "seal-broken" => {
                text(
                    ui,
                    "The snapshot or the registration information was changed after signing. Nothing was restored.",
                );
                quiet(ui, &super::sentence(&failure.reason));
            }
            _ => text(ui, "A second copy under the same name is never made."),
        }
        quiet(ui, &format!("Code: {}", failure.code));
        buttons_ui(ui, |ui| match failure.code {
            "archive-damaged" => {
                let is_known = !self.known.is_empty();
                let cancelled = match is_known {
                    true => plain_button(ui, "Cancel"),
                    false => safe_button(ui, "Cancel", env.is_new),
                };
                if cancelled {
                    return Next::Close;
                }
                if plain_button(ui, "Choose where to repair from…") {
                    let (source, known) = (self.source.clone(), self.known.clone());
                    let dialog = RepairArchive::new(source, self.name.clone(), known);
                    actions.push(Action::Ask(Box::new(dialog)));
                    return Next::Close;
                }
                if is_known && default_button(ui, "Repair and restore", None, false) {
                    actions.push(Action::RepairAndRestore(self.source.clone(), self.known.clone()));
                    return Next::Close;
                }
                if plain_button(ui, "Save the good files to a folder…") {
                    let what = FolderFor::GoodFiles(self.source.clone());
                    actions.push(Action::Ask(Box::new(SaveFolder::new(what))));
                    return Next::Close;
                }
                Next::Stay
            }
            "no-reginfo" => {
                if safe_button(ui, "Close", env.is_new) {
                    return Next::Close;
                }
                if let RestoreSource::File(file) = &self.source
                    && plain_button(ui, "Register as new…")
                {
                    actions.push(Action::NewPackage(vec![file.clone()]));
                    return Next::Close;
                }
                Next::Stay
            }
            "key-not-trusted" => {
                if safe_button(ui, "Cancel", env.is_new) {
                    return Next::Close;
                }
                if let Some(fingerprint) = unknown_key(failure)
                    && plain_button(ui, "Trust this key…")
                {
                    let then = Some(AfterTrust::Restore(self.source.clone()));
                    actions.push(Action::Ask(Box::new(TrustKey::of_seal(fingerprint.to_owned(), then))));
                    return Next::Close;
                }
                Next::Stay
            }
            "seal-broken" => {
                if safe_button(ui, "Close", env.is_new) {
                    return Next::Close;
                }
                Next::Stay
            }
            "archive-missing" => {
                if plain_button(ui, "Cancel") {
                    return Next::Close;
                }
                if plain_button(ui, "Choose the file…") {
                    actions.push(Action::Ask(Box::new(Restore::file(String::new()))));
                    return Next::Close;
                }
                if safe_button(ui, "Look again", env.is_new) {
                    actions.push(Action::Restore(self.source.clone()));
                    return Next::Close;
                }
                Next::Stay
            }
            _ => {
                if safe_button(ui, "Cancel", env.is_new) {
                    return Next::Close;
                }
                if let Some(key) = &self.there
                    && plain_button(ui, "Show it")
                {
                    actions.push(Action::OpenNamed(key.clone()));
                    return Next::Close;
                }
                Next::Stay
            }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Details(details) => {
                self.archived = details.record.archive.as_ref().map(|archive| archive.at);
                self.place = details.record.archive.as_ref().map(|archive| PathBuf::from(&archive.path));
                self.known = other_places(&self.known, self.place.as_deref());
            }
            Delivery::KnownPlaces(known) => self.known = other_places(known, self.place.as_deref()),
            Delivery::Contents(contents) => {
                // The rows are in the order of their paths.
                for file in &mut self.damaged {
                    let at = contents.rows.binary_search_by(|row| row.path.as_str().cmp(&file.path));
                    if let Ok(at) = at {
                        file.size = format::size(contents.rows[at].size_bytes);
                    }
                }
            }
            _ => {}
        }
    }
}
