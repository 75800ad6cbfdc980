//! The tab *Contents*: the recorded files as a tree or a list, what leads out of it, and for an Open package the
//! changes of them through the library.

mod folders;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use egui::{Key, Modifiers, RichText, TextEdit, Ui};
use jiff::Timestamp;

use self::folders::{Folders, Item, Seen, Wanted, name_of};
use super::{PropertyWindow, why_not};
use crate::console::action::{Action, Browse};
use crate::console::dialogs::add::ReplaceFile;
use crate::console::dialogs::files::{RemoveFiles, RenameFile, SaveFile};
use crate::console::format;
use crate::console::icons::Icon;
use crate::console::pages::packages::Moment;
use crate::console::pages::search::FIRST;
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::button::button_unless;
use crate::console::widgets::chip::chip;
use crate::console::widgets::list::{Branch, Cell, Column, List, ListState, Row, Rows, Sort};
use crate::package::state::Field;
use crate::package::{CheckReport, PackageState};
use crate::session::{ContentRow, Contents, Search};

/// Most files to put hashes of on the clipboard within a frame.
const COPIED_AT_ONCE: usize = 2_000;

/// Of so many files at most the rows are made within a frame.
const MADE_AT_ONCE: usize = 2_000;

/// With so many files at most, all folders are unfolded at first.
const UNFOLDED: usize = 200;

/// How the files are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentsView {
    /// Folders that fold.
    #[default]
    Tree,
    /// One list of paths.
    List,
}

/// The recorded files of a package with their folders, made on another thread.
#[derive(Debug, Default)]
pub struct Listing {
    /// The files.
    pub contents: Arc<Contents>,
    /// Their folders.
    pub(super) folders: Folders,
}

impl Listing {
    /// Of these files.
    pub fn of(contents: Contents) -> Self {
        Self { folders: Folders::of(&contents.rows), contents: Arc::new(contents) }
    }
}

/// Makes rows on another thread.
pub type MakeRows = Box<dyn FnOnce() -> MadeRows + Send>;

/// Rows as they were wanted.
pub struct MadeRows {
    wanted: (Wanted, u64),
    seen: Vec<Seen>,
    places: HashMap<Item, usize>,
    hits: u64,
}

impl MadeRows {
    fn of(listing: &Listing, wanted: (Wanted, u64), unfolded: &HashSet<String>) -> Self {
        let seen = listing.folders.seen(&listing.contents.rows, &wanted.0, unfolded);
        let places = seen.iter().enumerate().map(|(at, seen)| (seen.item, at)).collect();
        let hits = seen.iter().filter(|seen| matches!(seen.item, Item::File(_))).count() as u64;
        Self { wanted, seen, places, hits }
    }
}

/// What the tab remembers.
pub(super) struct State {
    pub(super) view: ContentsView,
    filter: String,
    list: ListState,
    sort: Sort,
    seen: Vec<Seen>,
    unfolded: HashSet<String>,
    /// What the rows were made for, or are being made for, and how often something was folded by then.
    made: Option<(Wanted, u64)>,
    folded: u64,
    /// How many files are among the rows.
    hits: u64,
    /// What is wrong with a file, in the report of this time.
    found: Option<(Timestamp, HashMap<String, &'static str>)>,
}

impl State {
    pub(super) fn new(view: ContentsView) -> Self {
        Self {
            view,
            filter: String::new(),
            list: ListState::default(),
            sort: Sort { column: 0, descending: false },
            seen: Vec::new(),
            unfolded: HashSet::new(),
            made: None,
            folded: 0,
            hits: 0,
            found: None,
        }
    }

    /// The files are others now. Of a package with few files all folders are unfolded, as long as nobody folds them.
    pub(super) fn forget(&mut self, before: Option<&Listing>, now: &Listing) {
        if now.contents.rows.len() <= UNFOLDED {
            let known: HashSet<&str> =
                before.into_iter().flat_map(|listing| listing.folders.paths()).collect();
            let new = now.folders.paths().filter(|path| !known.contains(path));
            self.unfolded.extend(new.map(str::to_owned));
        }
        self.made = None;
        self.folded += 1;
        self.seen.clear();
        self.hits = 0;
        self.list = ListState::default();
    }

    /// What is wrong with which file, as the newest report has it.
    fn follow(&mut self, report: Option<&CheckReport>) {
        let at = report.map(|report| report.at);
        if self.found.as_ref().map(|(at, _)| *at) == at {
            return;
        }
        self.found = report.map(|report| {
            let d = &report.differences;
            let mut found = HashMap::new();
            found.extend(d.removed.iter().map(|file| (file.path.clone(), "Removed")));
            found.extend(d.resized.iter().map(|file| (file.path.clone(), "Other size")));
            found.extend(d.case_changed.iter().map(|file| (file.recorded.clone(), "Other case")));
            found.extend(d.damaged.iter().map(|file| (file.path.clone(), "Damaged")));
            found.extend(d.unreadable.iter().map(|file| (file.path.clone(), "Unreadable")));
            (report.at, found)
        });
    }

    /// Makes the rows if they are old. Those of many files are made on another thread, by what this returns; the old
    /// ones stay until then.
    fn refresh(&mut self, listing: &Arc<Listing>) -> Option<MakeRows> {
        let filter = self.filter.trim().to_lowercase();
        let wanted = (Wanted { view: self.view, filter, sort: self.sort }, self.folded);
        if self.made.as_ref() == Some(&wanted) {
            return None;
        }
        self.made = Some(wanted.clone());
        let (listing, unfolded) = (Arc::clone(listing), self.unfolded.clone());
        let is_large = listing.contents.rows.len() > MADE_AT_ONCE;
        let make = move || MadeRows::of(&listing, wanted, &unfolded);
        if is_large {
            return Some(Box::new(make));
        }
        self.take(make());
        None
    }

    /// Takes over rows, if they are still wanted.
    pub(super) fn take(&mut self, made: MadeRows) {
        if self.made.as_ref() != Some(&made.wanted) {
            return;
        }
        let before = std::mem::replace(&mut self.seen, made.seen);
        self.hits = made.hits;
        // What is selected stays selected while it is seen.
        if !self.list.selection.is_empty() || self.list.selection.cursor().is_some() {
            let places = &made.places;
            self.list.selection.remap(self.seen.len(), |row| places.get(&before.get(row)?.item).copied());
        }
    }

    /// Folds or unfolds the folder in this row.
    fn toggle(&mut self, row: usize, folders: &Folders) {
        // All folders on the way to a hit are open.
        if !self.filter.trim().is_empty() {
            return;
        }
        let Some(Item::Folder(at)) = self.seen.get(row).map(|seen| seen.item) else { return };
        let path = &folders.get(at).path;
        if !self.unfolded.remove(path) {
            self.unfolded.insert(path.clone());
        }
        self.folded += 1;
    }
}

struct FileRows<'a> {
    listing: &'a Listing,
    seen: &'a [Seen],
    view: ContentsView,
    unfolded: &'a HashSet<String>,
    is_filtered: bool,
    found: Option<&'a HashMap<String, &'static str>>,
    moment: Moment<'a>,
}

impl FileRows<'_> {
    fn file(&self, at: u32) -> &ContentRow {
        &self.listing.contents.rows[at as usize]
    }

    fn is_unfolded(&self, path: &str) -> bool {
        self.is_filtered || self.unfolded.contains(path)
    }
}

/// `1 file`, `2,345 files`.
fn files(count: u64) -> String {
    format::counted(count, "file")
}

impl Rows for FileRows<'_> {
    fn len(&self) -> usize {
        self.seen.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let file = match self.seen[index].item {
            Item::File(at) => self.file(at),
            Item::Folder(at) => {
                let folder = self.listing.folders.get(at);
                let count = files(folder.files);
                return Row {
                    icon: Some((Icon::Folder, None)),
                    cells: vec![
                        Cell::new(folder.name()),
                        Cell::new(format::size(folder.size_bytes)),
                        Cell::secondary(count.clone()),
                        Cell::default(),
                        Cell::secondary(format::thousands(folder.blocks)),
                        Cell::default(),
                    ],
                    name: format!(
                        "Folder {}, {count}, {}",
                        folder.path,
                        format::exact_size(folder.size_bytes)
                    )
                    .into(),
                };
            }
        };
        let state = self.found.and_then(|found| found.get(&file.path)).copied();
        let (state, tone) = match (state, file.modified) {
            (Some(state), _) => (state, Tone::Bad),
            (None, None) => ("not there", Tone::Secondary),
            (None, Some(_)) => ("as recorded", Tone::Secondary),
        };
        let shown = if self.view == ContentsView::Tree { name_of(&file.path) } else { file.path.as_str() };
        let modified = file.modified.map(|at| self.moment.full(at)).unwrap_or_else(|| "–".to_owned());
        Row {
            icon: None,
            cells: vec![
                Cell::new(shown),
                Cell::new(format::size(file.size_bytes)),
                Cell::secondary(modified),
                Cell::secondary(file.sha256.map(|hash| hash.short()).unwrap_or_default()).monospace(),
                Cell::secondary(format::thousands(file.blocks)),
                Cell::new(state).tone(tone),
            ],
            name: format!("{}, {}, {state}", file.path, format::exact_size(file.size_bytes)).into(),
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        match self.seen[index].item {
            Item::File(at) if self.view == ContentsView::Tree => name_of(&self.file(at).path),
            Item::File(at) => &self.file(at).path,
            Item::Folder(at) => self.listing.folders.get(at).name(),
        }
    }

    fn branch(&self, index: usize) -> Option<Branch> {
        let seen = self.seen[index];
        let unfolded = match seen.item {
            Item::Folder(at) => Some(self.is_unfolded(&self.listing.folders.get(at).path)),
            Item::File(_) => None,
        };
        (self.view == ContentsView::Tree).then_some(Branch { depth: seen.depth, unfolded })
    }
}

/// What is selected.
struct Chosen {
    /// The files, by their places in the contents; what is in selected folders is not among them.
    files: Vec<u32>,
    /// The one folder, if it is the only thing selected.
    folder: Option<u32>,
}

impl State {
    fn chosen(&self) -> Chosen {
        let mut chosen = Chosen { files: Vec::new(), folder: None };
        let mut others = 0;
        for row in self.list.selection.rows() {
            match self.seen.get(row).map(|seen| seen.item) {
                Some(Item::File(at)) => chosen.files.push(at),
                Some(Item::Folder(at)) => {
                    others += 1;
                    chosen.folder = Some(at);
                }
                None => {}
            }
        }
        if others != 1 || !chosen.files.is_empty() {
            chosen.folder = None;
        }
        chosen
    }
}

/// What may be done with what is selected; each is a reason why not.
struct Refusals {
    /// Changing the contents at all.
    change: Option<&'static str>,
    one: Option<&'static str>,
    some: Option<&'static str>,
    open: Option<&'static str>,
    open_folder: Option<&'static str>,
    save: Option<&'static str>,
}

impl PropertyWindow {
    /// Tree or list, as it was chosen last.
    pub fn contents_view(&self) -> ContentsView {
        self.contents_state.view
    }

    pub(super) fn contents_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let id = self.id;
        // What was read before stays on screen until the new list is there.
        if std::mem::take(&mut self.contents_old) {
            actions.push(Action::ReadContents(id));
        }
        let Some(listing) = self.contents.clone() else {
            ui.weak("Reading the files…");
            return;
        };
        let Some((state, data)) =
            self.details.as_ref().map(|details| (details.record.state, details.folder.join("data")))
        else {
            return;
        };
        let report = self.report.as_ref().or_else(|| self.details.as_ref()?.report.as_ref());
        self.contents_state.follow(report.filter(|report| !report.is_consistent()));
        let may_change = self.may_edit(Field::Contents);
        let rows = &listing.contents.rows;
        let tab = &mut self.contents_state;
        actions.extend(tab.refresh(&listing).map(|make| Action::MakeContentRows(id, make)));
        let chosen = tab.chosen();
        let single = match chosen.files.as_slice() {
            [one] => Some(&rows[*one as usize]),
            _ => None,
        };
        let archived =
            (state == PackageState::Archived).then_some("The package is archived: restore it first");
        let change = (!may_change).then_some(why_not(state));
        let no_file = single.is_none().then_some("Select one file");
        let refused = Refusals {
            change,
            one: change.or(no_file),
            some: change.or(chosen.files.is_empty().then_some("Select the files to remove")),
            open: archived.or(no_file),
            open_folder: archived,
            save: archived.or(no_file),
        };
        let place = |path: &str| data.join(path);
        ui.horizontal(|ui| {
            if button_unless(ui, "Add files…", None, refused.change).clicked() {
                actions.push(Action::AskAdd(id, Browse::AddFiles(id)));
            }
            if button_unless(ui, "Add folder…", None, refused.change).clicked() {
                actions.push(Action::AskAdd(id, Browse::AddFolder(id)));
            }
            if button_unless(ui, "Replace…", None, refused.one).clicked()
                && let (Some(package), Some(file)) = (&self.seen, single)
            {
                actions.push(Action::Ask(Box::new(ReplaceFile::new(package.clone(), &file.path))));
            }
            if button_unless(ui, "Rename…", None, refused.one).on_hover_text("F2").clicked()
                && let Some(file) = single
            {
                actions.push(Action::Ask(Box::new(RenameFile::new(id, &file.path))));
            }
            if button_unless(ui, "Remove…", None, refused.some).on_hover_text("Del").clicked() {
                actions.push(Action::Ask(Box::new(RemoveFiles::new(id, paths(rows, &chosen.files)))));
            }
        });
        ui.horizontal(|ui| {
            for (word, view) in [("Tree", ContentsView::Tree), ("List", ContentsView::List)] {
                if chip(ui, word, tab.view == view).clicked() {
                    tab.view = view;
                }
            }
            if button_unless(ui, "Open", None, refused.open)
                .on_hover_text("With the program that the system has for it")
                .clicked()
                && let Some(file) = single
            {
                actions.push(Action::OpenPath(place(&file.path)));
            }
            if button_unless(ui, "Open folder", None, refused.open_folder).clicked() {
                actions.push(Action::OpenPath(folder_to_open(&listing, &chosen, &data)));
            }
            if button_unless(ui, "Save as…", None, refused.save).clicked()
                && let Some(file) = single
            {
                actions.push(Action::Ask(Box::new(SaveFile::new(place(&file.path), name_of(&file.path)))));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let field = ui.add(
                    TextEdit::singleline(&mut tab.filter)
                        .hint_text("Filter")
                        .desired_width(ui.available_width().min(180.0))
                        .align(egui::Align2::LEFT_CENTER),
                );
                // A hint is no name.
                ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Filter"));
            });
        });
        let columns = [
            Column::text("Path", 210.0).growing(),
            Column::number("Size", 80.0),
            Column::text("Modified", 146.0),
            Column::text("SHA-256", 110.0).unsortable(),
            Column::number("Blocks", 64.0),
            Column::text("State", 96.0).unsortable(),
        ];
        let size = egui::vec2(ui.available_width(), (ui.available_height() - 24.0).max(60.0));
        let shown = FileRows {
            listing: &listing,
            seen: &tab.seen,
            view: tab.view,
            unfolded: &tab.unfolded,
            is_filtered: !tab.filter.trim().is_empty(),
            found: tab.found.as_ref().map(|(_, found)| found),
            moment,
        };
        let mut menu = Vec::new();
        let done = ui
            .allocate_ui(size, |ui| {
                ui.set_min_size(size);
                List::new("contents", "Contents", &columns, 24.0).sort(Some(tab.sort)).show(
                    ui,
                    &mut tab.list,
                    &shown,
                    |ui, _| menu_ui(ui, &listing, &chosen, &data, &refused, &mut menu),
                )
            })
            .inner;
        actions.append(&mut menu);
        if let Some(column) = done.sort_clicked {
            let again = tab.sort.column == column;
            tab.sort = Sort { column, descending: again && !tab.sort.descending };
        }
        let folder = |row: &usize| matches!(tab.seen.get(*row), Some(Seen { item: Item::Folder(_), .. }));
        let opened_folder = done.opened.filter(folder);
        if done.opened.is_some()
            && opened_folder.is_none()
            && refused.open.is_none()
            && let Some(file) = single
        {
            actions.push(Action::OpenPath(place(&file.path)));
        }
        if let Some(row) = done.toggled.or(opened_folder) {
            tab.toggle(row, &listing.folders);
            ui.ctx().request_repaint();
        }
        if done.response.has_focus() {
            let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
            if refused.one.is_none()
                && pressed(Key::F2)
                && let Some(file) = single
            {
                actions.push(Action::Ask(Box::new(RenameFile::new(id, &file.path))));
            }
            if refused.some.is_none() && pressed(Key::Delete) {
                actions.push(Action::Ask(Box::new(RemoveFiles::new(id, paths(rows, &chosen.files)))));
            }
        }
        let all = rows.len() as u64;
        let mut text = files(all);
        if !tab.filter.trim().is_empty() {
            text = format!("{} of {text}", format::thousands(tab.hits));
        } else if listing.folders.len() > 0 {
            let folders = if listing.folders.len() == 1 { "folder" } else { "folders" };
            text.push_str(&format!(" in {} {folders}", format::thousands(listing.folders.len() as u64)));
        }
        ui.label(RichText::new(text).small().color(Tokens::of(ui).secondary));
    }
}

fn paths(rows: &[ContentRow], files: &[u32]) -> Vec<String> {
    files.iter().map(|at| rows[*at as usize].path.clone()).collect()
}

/// The folder of what is selected; that of all files if nothing is.
fn folder_to_open(listing: &Listing, chosen: &Chosen, data: &std::path::Path) -> PathBuf {
    let file = chosen.files.first().map(|at| listing.contents.rows[*at as usize].path.as_str());
    let folder = chosen.folder.map(|at| listing.folders.get(at).path.as_str());
    let folder = folder.or_else(|| file?.rsplit_once('/').map(|(folder, _)| folder));
    folder.map_or_else(|| data.to_owned(), |folder| data.join(folder))
}

fn menu_ui(
    ui: &mut Ui,
    listing: &Listing,
    chosen: &Chosen,
    data: &std::path::Path,
    refused: &Refusals,
    actions: &mut Vec<Action>,
) {
    let rows = &listing.contents.rows;
    let chosen_file = chosen.files.first().filter(|_| chosen.files.len() == 1);
    let single = chosen_file.map(|at| &rows[*at as usize]);
    let entry = |ui: &mut Ui, text: &str, refused: Option<&str>| {
        let button = ui.add_enabled(refused.is_none(), egui::Button::new(text));
        let button = match refused {
            Some(reason) => button.on_disabled_hover_text(reason),
            None => button,
        };
        if button.clicked() {
            ui.close();
        }
        button.clicked()
    };
    if entry(ui, "Open", refused.open)
        && let Some(file) = single
    {
        actions.push(Action::OpenPath(data.join(&file.path)));
    }
    if entry(ui, "Open folder", refused.open_folder) {
        actions.push(Action::OpenPath(folder_to_open(listing, chosen, data)));
    }
    if entry(ui, "Save as…", refused.save)
        && let Some(file) = single
    {
        let dialog = SaveFile::new(data.join(&file.path), name_of(&file.path));
        actions.push(Action::Ask(Box::new(dialog)));
    }
    ui.separator();
    let nothing = (chosen.files.is_empty() && chosen.folder.is_none()).then_some("Nothing is selected");
    if entry(ui, "Copy path", nothing) {
        let text = match chosen.folder {
            Some(folder) => listing.folders.get(folder).path.clone(),
            None => paths(rows, &chosen.files).join("\n"),
        };
        actions.push(Action::Copy(text));
    }
    let hashed =
        || chosen.files.iter().filter_map(|at| Some((rows.get(*at as usize)?, rows[*at as usize].sha256?)));
    let no_hash = match hashed().next() {
        None => Some("No file with a recorded hash is selected"),
        Some(_) if chosen.files.len() > COPIED_AT_ONCE => Some("Select fewer files"),
        Some(_) => None,
    };
    if entry(ui, "Copy hash", no_hash) {
        let text = match single.and_then(|file| file.sha256) {
            Some(hash) => hash.to_string(),
            None => hashed().map(|(file, hash)| format!("{hash}  {}\n", file.path)).collect(),
        };
        actions.push(Action::Copy(text));
    }
    let hash = single.and_then(|file| file.sha256);
    let no_search = hash.is_none().then_some("Select one file with a recorded hash");
    if entry(ui, "Find this file in other packages", no_search)
        && let Some(hash) = hash
    {
        actions.push(Action::Find(Search::new(hash.to_string()), FIRST));
    }
}
