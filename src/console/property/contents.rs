//! The tab *Contents*: the recorded files, and for an Open package the changes of them through the library.

use egui::{Key, Modifiers, RichText, TextEdit, Ui};
use jiff::Timestamp;

use super::{PropertyWindow, why_not};
use crate::console::action::{Action, Browse};
use crate::console::dialogs::add::ReplaceFile;
use crate::console::dialogs::files::{RemoveFiles, RenameFile};
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::button_unless;
use crate::console::widgets::list::{Cell, Column, List, ListState, Row, Rows, Sort};
use crate::package::state::Field;
use crate::session::{ContentRow, Contents};

/// What the tab remembers.
pub(super) struct State {
    filter: String,
    list: ListState,
    sort: Sort,
    index: Vec<u32>,
    made: Option<(String, Sort)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            filter: String::new(),
            list: ListState::default(),
            sort: Sort { column: 0, descending: false },
            index: Vec::new(),
            made: None,
        }
    }
}

impl State {
    /// The files are others now.
    pub(super) fn forget(&mut self) {
        self.made = None;
        self.list = ListState::default();
    }

    fn refresh(&mut self, contents: &Contents) {
        let wanted = (self.filter.trim().to_lowercase(), self.sort);
        if self.made.as_ref() == Some(&wanted) {
            return;
        }
        let rows = &contents.rows;
        let hits = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| wanted.0.is_empty() || row.path.to_lowercase().contains(&wanted.0));
        self.index = hits.filter_map(|(at, _)| u32::try_from(at).ok()).collect();
        let key = |at: &u32| &rows[*at as usize];
        match self.sort.column {
            1 => self.index.sort_by_key(|at| key(at).size_bytes),
            2 => self.index.sort_by_key(|at| key(at).modified),
            4 => self.index.sort_by_key(|at| key(at).blocks),
            _ => {}
        }
        if self.sort.descending {
            self.index.reverse();
        }
        self.list = ListState::default();
        self.made = Some(wanted);
    }
}

struct FileRows<'a> {
    rows: &'a [ContentRow],
    index: &'a [u32],
    moment: Moment<'a>,
}

impl Rows for FileRows<'_> {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let file = &self.rows[self.index[index] as usize];
        let modified = |at: Timestamp| self.moment.full(at);
        Row {
            icon: None,
            cells: vec![
                Cell::new(file.path.as_str()),
                Cell::new(format::size(file.size_bytes)),
                Cell::secondary(file.modified.map(modified).unwrap_or_else(|| "not there".to_owned())),
                Cell::secondary(file.sha256.map(|hash| hash.short()).unwrap_or_default()).monospace(),
                Cell::secondary(format::thousands(file.blocks)),
            ],
            name: format!("{}, {}", file.path, format::exact_size(file.size_bytes)).into(),
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        &self.rows[self.index[index] as usize].path
    }
}

impl PropertyWindow {
    pub(super) fn contents_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let id = self.id;
        // What was read before stays on screen until the new list is there.
        if std::mem::take(&mut self.contents_old) {
            actions.push(Action::ReadContents(id));
        }
        let Some(contents) = self.contents.clone() else {
            ui.weak("Reading the files…");
            return;
        };
        let Some(state) = self.details.as_ref().map(|details| details.record.state) else { return };
        let open = self.may_edit(Field::Contents);
        let tab = &mut self.contents_state;
        tab.refresh(&contents);
        let columns = [
            Column::text("Path", 210.0).growing(),
            Column::number("Size", 80.0),
            Column::text("Modified", 146.0),
            Column::text("SHA-256", 110.0).unsortable(),
            Column::number("Blocks", 64.0),
        ];
        let selected: Vec<String> = tab
            .list
            .selection
            .rows()
            .filter_map(|row| tab.index.get(row))
            .map(|at| contents.rows[*at as usize].path.clone())
            .collect();
        let refused = (!open).then_some(why_not(state));
        let one = refused.or((selected.len() != 1).then_some("Select one file"));
        let some = refused.or(selected.is_empty().then_some("Select the files to remove"));
        ui.horizontal(|ui| {
            if button_unless(ui, "Add files…", None, refused).clicked() {
                actions.push(Action::AskAdd(id, Browse::AddFiles(id)));
            }
            if button_unless(ui, "Add folder…", None, refused).clicked() {
                actions.push(Action::AskAdd(id, Browse::AddFolder(id)));
            }
            if button_unless(ui, "Replace…", None, one).clicked()
                && let Some(package) = &self.seen
            {
                actions.push(Action::Ask(Box::new(ReplaceFile::new(package.clone(), &selected[0]))));
            }
            if button_unless(ui, "Rename…", None, one).on_hover_text("F2").clicked() {
                actions.push(Action::Ask(Box::new(RenameFile::new(id, &selected[0]))));
            }
            if button_unless(ui, "Remove…", None, some).on_hover_text("Del").clicked() {
                actions.push(Action::Ask(Box::new(RemoveFiles::new(id, selected.clone()))));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.name_inputs("Filter", |ui| {
                    ui.add(
                        TextEdit::singleline(&mut tab.filter)
                            .hint_text("Filter")
                            .desired_width(ui.available_width().min(180.0))
                            .align(egui::Align2::LEFT_CENTER),
                    )
                });
            });
        });
        let mut menu = None;
        let size = egui::vec2(ui.available_width(), (ui.available_height() - 24.0).max(60.0));
        let rows = FileRows { rows: &contents.rows, index: &tab.index, moment };
        let done = ui
            .allocate_ui(size, |ui| {
                ui.set_min_size(size);
                List::new("contents", "Contents", &columns, 24.0).sort(Some(tab.sort)).show(
                    ui,
                    &mut tab.list,
                    &rows,
                    |ui, row| {
                        let Some(file) = tab.index.get(row).map(|at| &contents.rows[*at as usize]) else {
                            return;
                        };
                        if ui.button("Copy path").clicked() {
                            menu = Some(file.path.clone());
                            ui.close();
                        }
                        if let Some(hash) = &file.sha256
                            && ui.button("Copy hash").clicked()
                        {
                            menu = Some(hash.to_string());
                            ui.close();
                        }
                    },
                )
            })
            .inner;
        if let Some(text) = menu {
            actions.push(Action::Copy(text));
        }
        if let Some(column) = done.sort_clicked {
            let again = tab.sort.column == column;
            tab.sort = Sort { column, descending: again && !tab.sort.descending };
        }
        if done.response.has_focus() {
            let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
            if one.is_none() && pressed(Key::F2) {
                actions.push(Action::Ask(Box::new(RenameFile::new(id, &selected[0]))));
            }
            if some.is_none() && pressed(Key::Delete) {
                actions.push(Action::Ask(Box::new(RemoveFiles::new(id, selected))));
            }
        }
        let shown = tab.index.len();
        let mut text = format!("{} files", format::thousands(contents.rows.len() as u64));
        if shown != contents.rows.len() {
            text = format!("{} of {text}", format::thousands(shown as u64));
        }
        ui.label(RichText::new(text).small().color(Tokens::of(ui).secondary));
    }
}
