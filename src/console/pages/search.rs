//! The page *Search results*: one row a file, of every package, archived ones too.

use egui::{Frame, Margin, Panel, RichText, Ui};

use super::super::action::Action;
use super::super::dialogs::files::ExportSearch;
use super::super::format;
use super::super::icons::Icon;
use super::super::theme::Density;
use super::super::tokens::Tokens;
use super::super::widgets::button::{button_unless, link};
use super::super::widgets::empty_state::empty_state_ui;
use super::super::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use crate::package::PackageState;
use crate::package::record::PackageId;
use crate::session::{FoundFile, Search, SearchCount, SearchResult};

/// So many files are shown at first; they are there at once.
pub const FIRST: usize = 500;
/// So many at most.
const MOST: usize = 50_000;

/// The page and what it remembers.
#[derive(Default)]
pub struct SearchPage {
    /// What was searched for, if anything was.
    asked: Option<Search>,
    limit: usize,
    /// Rises with every search, so that an answer to an older one is known.
    number: u64,
    result: Option<SearchResult>,
    count: Option<SearchCount>,
    list: ListState,
    rows: Vec<FileText>,
}

/// The texts of a row that have to be made.
struct FileText {
    package: String,
    sha256: String,
    name: String,
}

struct FileRows<'a> {
    files: &'a [FoundFile],
    texts: &'a [FileText],
}

impl Rows for FileRows<'_> {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let (file, text) = (&self.files[index], &self.texts[index]);
        let icon = match file.state {
            PackageState::Open => Icon::PackageOpen,
            PackageState::Sealed => Icon::PackageSealed,
            PackageState::Archived => Icon::PackageArchived,
        };
        let cells = vec![
            Cell::new(text.package.as_str()),
            Cell::secondary(file.state.word()),
            Cell::new(file.path.as_str()),
            Cell::secondary(format::size(file.size_bytes)),
            Cell::secondary(text.sha256.as_str()).monospace(),
        ];
        Row { icon: Some((icon, None)), cells, name: text.name.as_str().into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        &self.texts[index].package
    }
}

impl SearchPage {
    /// Begins a search; gives its number.
    pub fn begin(&mut self, search: Search, limit: usize) -> u64 {
        if self.asked.as_ref() != Some(&search) {
            self.list = ListState::default();
            self.count = None;
            self.result = None;
            self.rows.clear();
        }
        self.asked = Some(search);
        self.limit = limit;
        self.number += 1;
        self.number
    }

    /// Whether this is the search that is shown.
    pub fn is_current(&self, number: u64) -> bool {
        self.number == number
    }

    /// Takes over the first files.
    pub fn set_result(&mut self, result: SearchResult) {
        let text = |file: &FoundFile| FileText {
            package: file.package.title(),
            sha256: file.sha256.map(|digest| digest.to_string()).unwrap_or_default(),
            name: format!("{}, {}", file.path, file.package.title()),
        };
        self.rows = result.files.iter().map(text).collect();
        self.result = Some(result);
    }

    /// Takes over how much there is in all.
    pub fn set_count(&mut self, count: SearchCount) {
        self.count = Some(count);
    }

    /// What was searched for.
    pub fn asked(&self) -> Option<&Search> {
        self.asked.as_ref()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The packages of the selected rows, each once; those of all rows if none is selected.
    pub fn packages(&self) -> Vec<PackageId> {
        let Some(result) = &self.result else { return Vec::new() };
        let selected: Vec<&FoundFile> =
            self.list.selection.rows().filter_map(|row| result.files.get(row)).collect();
        let mut seen = std::collections::HashSet::new();
        let all = if selected.is_empty() { result.files.iter().collect() } else { selected };
        all.into_iter().map(|file| file.package_id).filter(|id| seen.insert(*id)).collect()
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, density: Density, actions: &mut Vec<Action>) {
        let Some(search) = self.asked.clone() else {
            let text =
                "Type a part of a path, a pattern like *log4j*.jar or a SHA-256 above and press Enter.";
            empty_state_ui(ui, Icon::Search, text, None);
            return;
        };
        self.head_ui(ui, &search, actions);
        let Some(result) = &self.result else { return };
        if result.files.is_empty() {
            empty_state_ui(ui, Icon::Search, "No package has a file like that.", None);
            return;
        }
        let columns = [
            Column::text("Package", 200.0).unsortable(),
            Column::text("State", 84.0).unsortable(),
            Column::text("Path", 300.0).growing().unsortable(),
            Column::number("Size", 84.0).unsortable(),
            Column::text("SHA-256", 180.0).unsortable(),
        ];
        let rows = FileRows { files: &result.files, texts: &self.rows };
        let done = List::new("search", "Search results", &columns, density.row_height()).show(
            ui,
            &mut self.list,
            &rows,
            |ui, row| {
                let Some(file) = result.files.get(row) else { return };
                if ui.button("Open package").clicked() {
                    actions.push(Action::Open(file.package_id));
                    ui.close();
                }
                if ui.button("Copy path").clicked() {
                    actions.push(Action::Copy(file.path.clone()));
                    ui.close();
                }
                let copy = ui.add_enabled(file.sha256.is_some(), egui::Button::new("Copy SHA-256"));
                if let (true, Some(digest)) = (copy.clicked(), file.sha256) {
                    actions.push(Action::Copy(digest.to_string()));
                    ui.close();
                }
            },
        );
        if let Some(file) = done.opened.and_then(|row| result.files.get(row)) {
            actions.push(Action::Open(file.package_id));
        }
    }

    fn head_ui(&mut self, ui: &mut Ui, search: &Search, actions: &mut Vec<Action>) {
        let frame = Frame::new().inner_margin(Margin::symmetric(12, 6));
        Panel::top("search head").frame(frame).show_separator_line(false).show(ui, |ui| {
            let secondary = Tokens::of(ui).secondary;
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 12.0;
                ui.label(self.summary(search));
                let mut archived = search.archived;
                if ui.checkbox(&mut archived, "In archived packages too").changed() {
                    let search = Search { archived, ..search.clone() };
                    actions.push(Action::Find(search, FIRST));
                }
                let none = self.rows.is_empty().then_some("Nothing was found");
                if button_unless(ui, "Select packages", None, none).clicked() {
                    actions.push(Action::SelectPackages(self.packages()));
                }
                if button_unless(ui, "Export…", None, none).clicked() {
                    actions.push(Action::Ask(Box::new(ExportSearch::new(search.clone()))));
                }
                let more = self.result.as_ref().is_some_and(|result| result.more) && self.limit < MOST;
                if more && link(ui, "Show more").clicked() {
                    actions.push(Action::Find(search.clone(), (self.limit * 10).min(MOST)));
                }
            });
            let note = "Files inside .jar, .zip and .msi are not searched.";
            ui.label(RichText::new(note).small().color(secondary));
        });
    }

    /// `137 files in 41 packages match "*log4j*.jar"`.
    fn summary(&self, search: &Search) -> String {
        let pattern = super::super::widgets::short(search.pattern.trim(), 40);
        let plural = |count: u64, word: &str| match count {
            1 => format!("1 {word}"),
            count => format!("{} {word}s", format::thousands(count)),
        };
        match (&self.result, self.count) {
            (None, _) => format!("Searching for “{pattern}”…"),
            (Some(result), None) if result.more => {
                format!("More than {} files match “{pattern}”", format::thousands(result.files.len() as u64))
            }
            (Some(result), None) => {
                format!("{} match “{pattern}”", plural(result.files.len() as u64, "file"))
            }
            (Some(_), Some(count)) => format!(
                "{} in {} match “{pattern}”",
                plural(count.files, "file"),
                plural(count.packages, "package")
            ),
        }
    }
}
