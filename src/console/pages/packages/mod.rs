//! The list of packages: all, a group, the archived, those filed by System, and those that are not as recorded.
//!
//! Owns what is shown of the library and how: columns, order, filters, saved views, the details pane. Which rows
//! follow from that is an index, made anew only when one of these or the library changed; see `index`.

mod columns;
pub mod command;
mod copy;
mod details;
mod filter;
mod index;
mod texts;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::{Frame, Margin, Panel, Ui};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::format;
use crate::console::selected::Selected;
use crate::console::theme::Density;
use crate::console::widgets::chip::chip;
use crate::console::widgets::list::{Cell, Column, Filter, List, ListState, Row, Rows, Sort};
use crate::package::{Finding, PackageId};
use crate::session::View;
use command::ListScope;
use index::{Index, Wanted};
use texts::state_text;

pub use columns::{ColumnKind, Layout, ListKind, ShownColumn, SortBy};
pub use copy::Copied;
pub use details::{Details, DetailsPane};
pub use filter::{Chip, Filters, is_in};
pub use index::Job;
pub use texts::{consistency_text, icon_of};
pub use views::SavedView;

/// Up to so many packages the index is made at once, in the frame that needs it.
const MADE_AT_ONCE: usize = 2_000;
/// What a person arranged and wants to find again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arrangement {
    /// Columns and sorting of each list that was changed.
    pub layouts: BTreeMap<ListKind, Layout>,
    /// Saved views, in the order of the menu.
    pub views: Vec<SavedView>,
    /// The fields below the headers are shown.
    pub filter_row: bool,
    /// The details pane.
    pub details: DetailsPane,
}

/// Something done to the list that is carried out after the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum ListAction {
    /// Columns, order, sorting.
    SetLayout(ListKind, Layout),
    /// Opens the dialog of columns.
    ChooseColumns,
    /// Asks for a name for what is shown now.
    AskViewName,
    /// Keeps what is shown now under a name.
    SaveView(String),
    /// Asks for another name for a view.
    AskNewName(String),
    /// Gives a view another name.
    RenameView(String, String),
    /// Asks whether a view is to be deleted.
    AskDeleteView(String),
    /// Deletes a view.
    DeleteView(String),
}

/// The list and what it remembers.
#[derive(Default)]
pub struct PackagesPage {
    /// What is kept over a restart.
    pub arrangement: Arrangement,
    /// The details of the selected package.
    pub details: Details,
    filters: Filters,
    fields: Vec<Filter>,
    /// Which columns `fields` and the widths of the list belong to.
    arranged: Option<(ListKind, Vec<ColumnKind>)>,
    focus_fields: bool,
    list: ListState,
    index: Index,
    is_making: bool,
    selected: Arc<Selected>,
    wanted: Vec<PackageId>,
}

/// What the list is drawn from.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The library.
    pub view: &'a View,
    /// Where in the tree.
    pub place: &'a Place,
    /// The clock.
    pub moment: Moment<'a>,
    /// Height of rows.
    pub density: Density,
    /// What commands would act on.
    pub scope: &'a Scope,
}

/// What stands around the rows: the clock and where it is.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// Now.
    pub now: Timestamp,
    /// The zone of times on screen.
    pub zone: &'a TimeZone,
}

impl Moment<'_> {
    /// `10:42` today, else date and time.
    pub fn text(&self, at: Timestamp) -> String {
        format::time_or_date(at, self.now, self.zone)
    }

    /// `10:42` today, else the date: for what is looked at for its age.
    pub fn short(&self, at: Timestamp) -> String {
        let text = self.text(at);
        text.split_once(' ').map(|(date, _)| date.to_owned()).unwrap_or(text)
    }

    /// Date and time.
    pub fn full(&self, at: Timestamp) -> String {
        format::date_time(at, self.zone)
    }
}

impl PackagesPage {
    /// A list as it was left.
    pub fn new(arrangement: Arrangement) -> Self {
        Self { arrangement, ..Self::default() }
    }

    /// The selected packages.
    pub fn selected(&self) -> &Arc<Selected> {
        &self.selected
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether the rows are still being found for the first time.
    pub fn is_making(&self) -> bool {
        self.is_making && self.index.packages.is_empty()
    }

    /// Selects a package as soon as it is in the list.
    pub fn select_when_seen(&mut self, id: PackageId) {
        self.wanted = vec![id];
    }

    /// Selects several packages, as far as they are in the list, without any filter.
    pub fn select_all_when_seen(&mut self, ids: Vec<PackageId>) {
        self.clear_filters();
        self.wanted = ids;
    }

    /// Whether anything but the place and the search hides rows.
    pub fn is_filtered(&self) -> bool {
        !self.filters.is_empty()
    }

    /// What hides rows, for the status bar.
    pub fn filter_sentence(&self) -> String {
        self.filters.sentence()
    }

    /// Shows everything again.
    pub fn clear_filters(&mut self) {
        self.filters = Filters::default();
        self.arranged = None;
    }

    /// What can be done to the list now.
    pub fn scope(&self, is_shown: bool, search: &str, window_width: f32) -> ListScope {
        let pane = &self.arrangement.details;
        ListScope {
            is_shown,
            details: pane.is_shown(window_width),
            details_below: pane.below,
            filter_row: self.arrangement.filter_row,
            is_filtered: self.is_filtered(),
            is_searching: !search.trim().is_empty(),
        }
    }

    /// Shows or hides the fields below the headers; when shown, the keyboard goes into them.
    pub fn toggle_filter_row(&mut self) {
        self.arrangement.filter_row = !self.arrangement.filter_row;
        self.focus_fields = self.arrangement.filter_row;
    }

    /// Moves the cursor to the row after it, or before it, and around at the ends.
    pub fn go_to_hit(&mut self, forward: bool) {
        let count = self.index.len();
        if count == 0 {
            return;
        }
        let row = match (self.list.selection.cursor(), forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(row), true) => (row + 1) % count,
            (Some(row), false) => (row + count - 1) % count,
        };
        self.list.selection.select(row);
        self.list.scroll_to(row);
        self.follow_selection();
    }

    /// Selects the rows of all packages but the `kept` newest versions of each product. What is archived is old enough,
    /// and does not count.
    pub fn select_all_but_newest(&mut self, kept: usize) {
        let rows = self.index.older_than_newest(kept);
        let first = rows.first().copied();
        self.list.selection.select_rows(rows.into_iter());
        if let Some(row) = first {
            self.list.scroll_to(row);
        }
        self.follow_selection();
    }

    /// Moves the cursor to the next package that is not as recorded, or the one before, and around at the ends.
    pub fn go_to_finding(&mut self, forward: bool) {
        let count = self.index.len();
        let start = match (self.list.selection.cursor(), forward) {
            (Some(row), _) => row,
            (None, true) => count.saturating_sub(1),
            (None, false) => 0,
        };
        let is_finding = |row: &usize| {
            self.index.package(*row).is_some_and(|package| package.finding != Finding::Consistent)
        };
        let mut rows = (1..=count)
            .map(|step| if forward { (start + step) % count } else { (start + count - step) % count });
        if let Some(row) = rows.find(is_finding) {
            self.list.selection.select(row);
            self.list.scroll_to(row);
            self.follow_selection();
        }
    }

    /// Columns and sorting of a list.
    pub fn layout(&self, list: ListKind) -> Layout {
        self.arrangement.layouts.get(&list).cloned().unwrap_or_else(|| Layout::of(list))
    }

    /// Carries out what was done; the name of a view that does not exist does nothing.
    pub fn perform(&mut self, action: ListAction, place: &Place) {
        match action {
            ListAction::SetLayout(list, layout) => {
                if layout == Layout::of(list) {
                    self.arrangement.layouts.remove(&list);
                } else {
                    self.arrangement.layouts.insert(list, layout.sane(list));
                }
                self.arranged = None;
            }
            ListAction::SaveView(name) => {
                let layout = self.layout(ListKind::of(place));
                views::save(
                    &mut self.arrangement.views,
                    SavedView { name, layout, filters: self.filters.clone() },
                );
            }
            ListAction::RenameView(before, name) => views::rename(&mut self.arrangement.views, &before, name),
            ListAction::DeleteView(name) => self.arrangement.views.retain(|view| view.name != name),
            // These ask first: the app puts a dialog in front.
            ListAction::ChooseColumns
            | ListAction::AskViewName
            | ListAction::AskNewName(_)
            | ListAction::AskDeleteView(_) => {}
        }
    }

    /// Makes the index anew if anything it depends on changed. With many packages it is made elsewhere: the job that is
    /// given must be run, and its result handed to [`PackagesPage::adopt`].
    pub fn refresh(&mut self, view: &View, place: &Place, search: &str, zone: &TimeZone) -> Option<Job> {
        let list = ListKind::of(place);
        if list != ListKind::of(&self.index.wanted.place) && !self.is_making {
            self.filters = Filters::default();
            self.arranged = None;
        }
        let wanted = Wanted {
            place: place.clone(),
            filters: self.filters.clone(),
            search: search.trim().to_lowercase(),
            sort: self.layout(list).sort,
        };
        let is_made = self.index.wanted == wanted && Arc::ptr_eq(&self.index.packages, &view.packages);
        let mut job = None;
        if !is_made && !self.is_making {
            let before = Arc::clone(&self.index.packages);
            let new = Job { wanted, zone: zone.clone(), packages: Arc::clone(&view.packages), before };
            if view.packages.len() <= MADE_AT_ONCE {
                self.adopt(Some(new.make()));
            } else {
                self.is_making = true;
                job = Some(new);
            }
        }
        let mut rows: Vec<usize> = self.wanted.iter().filter_map(|id| self.index.row_of(*id)).collect();
        rows.sort_unstable();
        if let (false, Some((first, rest))) = (self.is_making, rows.split_first()) {
            self.list.selection.select(*first);
            rest.iter().for_each(|row| self.list.selection.toggle(*row));
            self.list.scroll_to(*first);
            self.wanted.clear();
            self.follow_selection();
        }
        job
    }

    /// Shows a new index; the selection stays with its packages, as far as they are still shown.
    pub fn adopt(&mut self, index: Option<Index>) {
        self.is_making = false;
        let Some(index) = index else { return };
        if index.wanted.place == self.index.wanted.place {
            let before = &self.index;
            self.list.selection.remap(index.len(), |row| index.row_after(before, row));
        } else {
            self.list = ListState::default();
            self.arranged = None;
        }
        self.index = index;
        self.follow_selection();
    }

    fn follow_selection(&mut self) {
        let rows = self.list.selection.rows().filter_map(|row| self.index.package(row));
        self.selected = Arc::new(Selected::new(rows.cloned().collect()));
    }

    /// The selected rows as text with a header: the shown columns, separated by tabs. Many rows are a matter for
    /// another thread.
    pub fn copy(&self, place: &Place, moment: Moment<'_>) -> Copied {
        let columns = self.layout(ListKind::of(place)).columns.iter().map(|column| column.kind).collect();
        Copied { columns, packages: Arc::clone(&self.selected), now: moment.now, zone: moment.zone.clone() }
    }

    /// Shows chips, list and details.
    pub fn ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        let Shown { place, moment, density, scope, .. } = *shown;
        let kind = ListKind::of(place);
        if self.arrangement.details.is_shown(ui.ctx().content_rect().width()) {
            self.details.ui(ui, &mut self.arrangement.details, scope, moment, actions);
        }
        if kind == ListKind::Packages {
            self.chips_ui(ui, actions);
        }
        let mut layout = self.layout(kind);
        let kinds: Vec<ColumnKind> = layout.columns.iter().map(|column| column.kind).collect();
        if self.arranged.as_ref() != Some(&(kind, kinds.clone())) {
            let filter = |kind: &ColumnKind| Filter {
                text: self.filters.columns.get(kind).cloned().unwrap_or_default(),
                hint: filter::hint(*kind),
                problem: None,
            };
            self.fields = kinds.iter().map(filter).collect();
            // Empty: taken from the columns.
            self.list.set_widths(Vec::new());
            self.arranged = Some((kind, kinds.clone()));
        }
        for (field, kind) in self.fields.iter_mut().zip(&kinds) {
            field.problem = filter::parse(*kind, &field.text, moment.zone).err();
        }
        let columns: Vec<Column> =
            layout.columns.iter().map(|column| column.kind.column(column.width)).collect();
        let rows = PackageRows { index: &self.index, kinds: &kinds, moment };
        let name = match kind {
            ListKind::Inconsistent => "Inconsistent packages",
            ListKind::Archived => "Archived packages",
            ListKind::Packages => "Packages",
        };
        let sort = |at: usize| {
            let by = layout.sort.get(at)?;
            let column = kinds.iter().position(|kind| *kind == by.kind)?;
            Some(Sort { column, descending: by.descending })
        };
        let mut toggled = None;
        let mut header_actions = Vec::new();
        let shows = kinds.clone();
        let mut header_menu =
            |ui: &mut Ui, _column: usize| header_menu_ui(ui, &shows, &mut toggled, &mut header_actions);
        let filters = self.arrangement.filter_row.then_some(self.fields.as_mut_slice());
        let done = List::new("packages", name, &columns, density.row_height())
            .sort(sort(0))
            .then(sort(1))
            .movable()
            .draggable(scope.refusal(Command::MoveToGroup).is_none())
            .header_menu(&mut header_menu)
            .filters(filters, std::mem::take(&mut self.focus_fields))
            .show(ui, &mut self.list, &rows, |ui, _row| menu_ui(ui, scope, actions));
        actions.append(&mut header_actions);
        if done.dragged {
            egui::DragAndDrop::set_payload(ui.ctx(), Dragged(Arc::clone(&self.selected)));
        }
        let before = layout.clone();
        if let Some(kind) = done.sort_clicked.and_then(|column| kinds.get(column)) {
            layout.sort_by(*kind, done.header.among_equals);
        }
        if let Some(column) = done.header.resized {
            layout.columns[column].width = self.list.widths().get(column).copied();
        }
        if let Some((from, to)) = done.header.moved {
            let column = layout.columns.remove(from);
            layout.columns.insert(to, column);
        }
        if let Some(kind) = toggled {
            layout.toggle(kind);
        }
        if layout != before {
            self.arrangement.layouts.insert(kind, layout);
        }
        if done.filter_changed {
            for (kind, field) in kinds.iter().zip(&self.fields) {
                let text = field.text.trim();
                if text.is_empty() {
                    self.filters.columns.remove(kind);
                } else {
                    self.filters.columns.insert(*kind, text.to_owned());
                }
            }
        }
        if done.selection_changed {
            self.follow_selection();
        }
        if let Some(row) = done.opened {
            // Enter is meant for all that is selected.
            if self.selected.len() > 1 && self.list.selection.contains(row) {
                actions.push(Action::Run(Command::Properties));
            } else if let Some(package) = self.index.package(row) {
                actions.push(Action::Open(package.id));
            }
        }
    }

    fn chips_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let frame = Frame::new().inner_margin(Margin::symmetric(10, 5));
        Panel::top("chips").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                for choice in Chip::ALL {
                    if chip(ui, choice.word(), self.filters.chip == choice).clicked() {
                        self.filters.chip = choice;
                    }
                }
                let chosen = views::menu_ui(ui, &self.arrangement.views, actions);
                if let Some(view) = chosen {
                    self.filters = view.filters;
                    self.arrangement.layouts.insert(ListKind::Packages, view.layout);
                    self.arranged = None;
                }
            });
        });
    }
}

fn header_menu_ui(
    ui: &mut Ui,
    shows: &[ColumnKind],
    toggled: &mut Option<ColumnKind>,
    actions: &mut Vec<Action>,
) {
    ui.set_min_width(170.0);
    // All of them fit a low window, or scroll.
    ui.spacing_mut().item_spacing.y = 1.0;
    ui.spacing_mut().interact_size.y = 20.0;
    let room = (ui.ctx().content_rect().height() - 160.0).max(120.0);
    egui::ScrollArea::vertical().max_height(room).show(ui, |ui| {
        for kind in ColumnKind::ALL {
            let mut is_shown = shows.contains(&kind);
            if ui.checkbox(&mut is_shown, kind.word()).changed() {
                *toggled = Some(kind);
            }
        }
    });
    ui.separator();
    if ui.button("Columns…").clicked() {
        actions.push(Action::List(ListAction::ChooseColumns));
        ui.close();
    }
}

fn menu_ui(ui: &mut Ui, scope: &Scope, actions: &mut Vec<Action>) {
    ui.set_min_width(190.0);
    for (group, commands) in Command::PACKAGE_MENU.iter().enumerate() {
        if group > 0 {
            ui.separator();
        }
        for command in *commands {
            let entry = command.entry();
            let refused = scope.refusal(*command);
            let mut button = egui::Button::new(entry.text.as_str());
            if let Some(shortcut) = &entry.shortcut {
                button = button.shortcut_text(ui.ctx().format_shortcut(shortcut));
            }
            let mut response = ui.add_enabled(refused.is_none(), button);
            if let Some(reason) = refused {
                response = response.on_disabled_hover_text(reason);
            }
            if response.clicked() {
                actions.push(Action::Run(*command));
                ui.close();
            }
        }
    }
}

/// Packages on their way to a group.
pub struct Dragged(pub Arc<Selected>);

struct PackageRows<'a> {
    index: &'a Index,
    kinds: &'a [ColumnKind],
    moment: Moment<'a>,
}

impl Rows for PackageRows<'_> {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(package) = self.index.package(index) else { return Row::default() };
        let cells: Vec<Cell<'_>> = self.kinds.iter().map(|kind| kind.cell(package, self.moment)).collect();
        let (consistency, _) = consistency_text(package, self.moment);
        let name = format!("{}, {}, {consistency}", package.key.title(), state_text(package));
        Row { icon: Some(icon_of(package)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.index.package(index).map_or("", |package| package.key.name())
    }
}
