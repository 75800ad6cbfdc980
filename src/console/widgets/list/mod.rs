//! A list of rows and columns that builds only the rows in view, so that 100,000 rows cost as much as thirty.
//!
//! Owns keyboard, mouse and the widths on screen. Knows neither what a row means nor how it is sorted, filtered or
//! which columns there are: what was done to the header is returned, and the caller does it.

mod header;
mod keys;
mod row;

use std::borrow::Cow;
use std::ops::Range;

use egui::{Id, Popup, Rect, Response, Role, ScrollArea, Sense, SetOpenCommand, Ui, WidgetInfo, pos2, vec2};

use super::super::icons::{Icon, Mark};
use super::super::tokens::Tone;
use super::selection::Selection;
use super::{focus_ring, one_line};
pub use header::HeaderResponse;

/// Space left and right of a cell's text, in points.
const PADDING: f32 = 10.0;
/// Room for the icon of a row before its first cell, in points.
const ICON_ROOM: f32 = 24.0;
/// Height of the header, in points.
const HEADER_HEIGHT: f32 = 28.0;
/// Height of the row of filters below it, in points.
const FILTER_HEIGHT: f32 = 30.0;
/// How many rows a column is fitted to at most.
const FITTED_ROWS: usize = 400;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Text of the header.
    pub title: Cow<'static, str>,
    /// Width at the start, in points.
    pub width: f32,
    /// Numbers stand right.
    pub right: bool,
    /// How many parts it takes of the width that is left over.
    pub parts: u8,
    /// A click on the header sorts.
    pub sortable: bool,
}

impl Column {
    /// A sortable column of text.
    pub fn text(title: impl Into<Cow<'static, str>>, width: f32) -> Self {
        Self { title: title.into(), width, right: false, parts: 0, sortable: true }
    }

    /// A sortable column of numbers.
    pub fn number(title: impl Into<Cow<'static, str>>, width: f32) -> Self {
        Self { right: true, ..Self::text(title, width) }
    }

    /// The column that takes the rest of the width.
    pub fn growing(self) -> Self {
        self.growing_by(1)
    }

    /// One of several columns that share the rest of the width, with so many parts of it.
    pub fn growing_by(self, parts: u8) -> Self {
        Self { parts, ..self }
    }

    /// A column whose header does nothing.
    pub fn unsortable(self) -> Self {
        Self { sortable: false, ..self }
    }
}

/// What stands in one column of a row.
#[derive(Clone, Debug, Default)]
pub struct Cell<'a> {
    /// One line; cut with `…` where it does not fit.
    pub text: Cow<'a, str>,
    /// Colour of the text.
    pub tone: Tone,
    /// Text in the monospace face: hashes and paths.
    pub monospace: bool,
    /// A bar before the text: the part that is filled, 0 to 1, and its colour.
    pub bar: Option<(f32, Tone)>,
    /// A link behind the text.
    pub link: Option<&'static str>,
}

impl<'a> Cell<'a> {
    /// A name or value.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A normal state, a date.
    pub fn secondary(text: impl Into<Cow<'a, str>>) -> Self {
        Self { tone: Tone::Secondary, ..Self::new(text) }
    }

    /// The same text in another tone.
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// The same text in the monospace face.
    pub fn monospace(self) -> Self {
        Self { monospace: true, ..self }
    }

    /// The same text behind a bar of which this part is filled, 0 to 1.
    pub fn bar(self, part: f32, tone: Tone) -> Self {
        Self { bar: Some((part.clamp(0.0, 1.0), tone)), ..self }
    }

    /// The same text with a link behind it.
    pub fn link(self, link: Option<&'static str>) -> Self {
        Self { link, ..self }
    }
}

/// One row, made only while it is in view.
#[derive(Clone, Debug, Default)]
pub struct Row<'a> {
    /// Drawn before the first cell.
    pub icon: Option<(Icon, Option<Mark>)>,
    /// One cell a column.
    pub cells: Vec<Cell<'a>>,
    /// What a screen reader says: "7-Zip 24.09, Sealed, Consistent".
    pub name: Cow<'a, str>,
}

/// Where a row stands in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// 0 at the left.
    pub depth: u16,
    /// Whether its branches are shown; `None` = it has none.
    pub unfolded: Option<bool>,
}

/// Where the rows come from.
pub trait Rows {
    /// How many there are.
    fn len(&self) -> usize;

    /// Row `index`; asked only for rows in view.
    fn row(&self, index: usize) -> Row<'_>;

    /// The text that typing jumps to; asked for many rows, so it should not build a row.
    fn jump_text(&self, index: usize) -> &str;

    /// Where row `index` stands, if the rows are a tree.
    fn branch(&self, _index: usize) -> Option<Branch> {
        None
    }

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// By which column a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// Index into the columns.
    pub column: usize,
    /// Largest first.
    pub descending: bool,
}

/// What is looked for in one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// As it was typed.
    pub text: String,
    /// What may be typed here.
    pub hint: &'static str,
    /// What is wrong with it.
    pub problem: Option<&'static str>,
}

/// What a list remembers from frame to frame.
#[derive(Clone, Debug, Default)]
pub struct ListState {
    /// The selected rows.
    pub selection: Selection,
    widths: Vec<f32>,
    typed: String,
    typed_at: f64,
    scroll_to: Option<usize>,
    rows_in_view: usize,
    /// The header that the keyboard comes to.
    header_at: usize,
    /// The header that is being dragged to another place.
    moving: Option<usize>,
    /// A context menu that was opened by a key stands at its row, not at the pointer.
    menu_by_key: Option<usize>,
    open_menu: bool,
}

impl ListState {
    /// Scrolls `row` into view in the next frame.
    pub fn scroll_to(&mut self, row: usize) {
        self.scroll_to = Some(row);
    }

    /// Takes the widths of the columns anew, in points: there are other columns now, or another order.
    pub fn set_widths(&mut self, widths: Vec<f32>) {
        self.widths = widths;
    }

    /// The widths of the columns, in points.
    pub fn widths(&self) -> &[f32] {
        &self.widths
    }
}

/// What was done to a list in this frame.
#[derive(Debug)]
pub struct ListResponse {
    /// The area with the keyboard.
    pub response: Response,
    /// The selection is another one.
    pub selection_changed: bool,
    /// Row that was double-clicked, or that had the cursor when Enter was pressed.
    pub opened: Option<usize>,
    /// Row to fold or unfold.
    pub toggled: Option<usize>,
    /// Row in which a link was pressed.
    pub linked: Option<usize>,
    /// Header that was clicked.
    pub sort_clicked: Option<usize>,
    /// What else was done to the header.
    pub header: HeaderResponse,
    /// The text of a filter was changed.
    pub filter_changed: bool,
    /// Somebody began to drag the selected rows.
    pub dragged: bool,
    /// Rows that were built.
    pub built: Range<usize>,
}

/// A list about to be shown.
pub struct List<'a> {
    id_salt: &'a str,
    name: &'a str,
    columns: &'a [Column],
    sorts: [Option<Sort>; 2],
    row_height: f32,
    movable: bool,
    header_menu: Option<HeaderMenu<'a>>,
    filters: Option<&'a mut [Filter]>,
    focus_filter: bool,
    draggable: bool,
}

/// Draws the menu of a header; the argument is the column.
type HeaderMenu<'a> = &'a mut dyn FnMut(&mut Ui, usize);

impl<'a> List<'a> {
    /// A list; `name` is what a screen reader calls it, `row_height` comes from the density.
    pub fn new(id_salt: &'a str, name: &'a str, columns: &'a [Column], row_height: f32) -> Self {
        Self {
            id_salt,
            name,
            columns,
            sorts: [None; 2],
            row_height,
            movable: false,
            header_menu: None,
            filters: None,
            focus_filter: false,
            draggable: false,
        }
    }

    /// Shows an arrow at the sorted column.
    pub fn sort(self, sort: Option<Sort>) -> Self {
        Self { sorts: [sort, self.sorts[1]], ..self }
    }

    /// Shows an arrow at the column that decides among equals.
    pub fn then(self, sort: Option<Sort>) -> Self {
        Self { sorts: [self.sorts[0], sort], ..self }
    }

    /// Lets headers be dragged to another place.
    pub fn movable(self) -> Self {
        Self { movable: true, ..self }
    }

    /// Lets selected rows be dragged to somewhere else.
    pub fn draggable(self, draggable: bool) -> Self {
        Self { draggable, ..self }
    }

    /// Gives headers a context menu.
    pub fn header_menu(self, menu: HeaderMenu<'a>) -> Self {
        Self { header_menu: Some(menu), ..self }
    }

    /// Shows a field below each header. `focus` puts the keyboard into the first one.
    pub fn filters(self, filters: Option<&'a mut [Filter]>, focus: bool) -> Self {
        Self { filters, focus_filter: focus, ..self }
    }

    /// Fills the space that is left in `ui`. `menu` draws the context menu of the selection; its argument is the row
    /// that was clicked, which is selected by then.
    pub fn show(
        mut self,
        ui: &mut Ui,
        state: &mut ListState,
        rows: &dyn Rows,
        mut menu: impl FnMut(&mut Ui, usize),
    ) -> ListResponse {
        let id = ui.make_persistent_id(self.id_salt);
        let area = ui.available_rect_before_wrap();
        let before = state.selection.clone();
        state.selection.truncate(rows.len());
        state.widths.resize(self.columns.len(), 0.0);
        for (width, column) in state.widths.iter_mut().zip(self.columns) {
            if *width == 0.0 {
                *width = column.width;
            }
        }

        let header = Rect::from_min_size(area.min, vec2(area.width(), HEADER_HEIGHT));
        let filter_height = if self.filters.is_some() { FILTER_HEIGHT } else { 0.0 };
        let body = Rect::from_min_max(pos2(area.left(), header.bottom() + filter_height), area.max);
        // Registered before the rows, so that rows lie above it and get the clicks.
        let response = ui.interact(body, id, Sense::FOCUSABLE | Sense::CLICK);
        response.widget_info(|| WidgetInfo::labeled(Role::Grid, ui.is_enabled(), self.name));
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_row_count(rows.len());
            node.set_column_count(self.columns.len());
            node.set_multiselectable();
        });
        if response.clicked() {
            response.request_focus();
        }
        let (mut opened, mut toggled, mut linked) = (None, None, None);
        if response.has_focus() {
            (opened, toggled) = self.keys_ui(ui, id, state, rows);
        }

        let edges = self.edges(state, area.width());
        let content_width = edges.last().copied().unwrap_or(0.0).max(area.width());
        let mut built = 0..0;
        let mut pressed = None;
        let mut dragged = false;
        let mut body_ui = ui.new_child(egui::UiBuilder::new().max_rect(body).id_salt((self.id_salt, "body")));
        body_ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
        let mut scroll = ScrollArea::both().id_salt(self.id_salt).auto_shrink(false);
        if let Some(row) = state.scroll_to.take() {
            scroll = scroll.vertical_scroll_offset(self.offset_for(&body_ui, id, row, body.height()));
        }
        let output = scroll.show_viewport(&mut body_ui, |ui, viewport| {
            ui.set_height(self.row_height * rows.len() as f32);
            ui.set_width(content_width);
            let first = ((viewport.min.y / self.row_height).floor().max(0.0) as usize).min(rows.len());
            let last = ((viewport.max.y / self.row_height).ceil().max(0.0) as usize).min(rows.len());
            built = first..last.max(first);
            let origin = ui.max_rect().min;
            for index in built.clone() {
                let top = origin.y + index as f32 * self.row_height;
                let rect = Rect::from_min_size(pos2(origin.x, top), vec2(content_width, self.row_height));
                let row = rows.row(index);
                let branch = rows.branch(index);
                let (row_response, folded, link_pressed) =
                    self.row_ui(ui, id, rect, index, (&row, branch), state, &edges, response.has_focus());
                if folded {
                    toggled = Some(index);
                }
                if link_pressed {
                    linked = Some(index);
                }
                if row_response.clicked() || row_response.secondary_clicked() {
                    pressed = Some((index, row_response.secondary_clicked()));
                }
                dragged |= row_response.drag_started();
                if row_response.double_clicked() {
                    opened = Some(index);
                }
                let by_key = state.menu_by_key == Some(index);
                let popup = if by_key && !row_response.secondary_clicked() {
                    // Opened in the frame of the key; from then on it closes like any menu.
                    let open = std::mem::take(&mut state.open_menu).then_some(SetOpenCommand::Bool(true));
                    Popup::menu(&row_response).open_memory(open)
                } else {
                    Popup::context_menu(&row_response)
                };
                if row_response.secondary_clicked() {
                    state.menu_by_key = None;
                }
                popup.show(|ui| menu(ui, index));
            }
        });
        ui.data_mut(|data| data.insert_temp(id, output.state.clamped_offset().y));
        state.rows_in_view = (body.height() / self.row_height).floor().max(1.0) as usize;
        if let Some((index, secondary)) = pressed {
            let modifiers = ui.input(|input| input.modifiers);
            if secondary {
                if !state.selection.contains(index) {
                    state.selection.select(index);
                }
            } else if modifiers.command {
                state.selection.toggle(index);
            } else if modifiers.shift {
                state.selection.extend_to(index);
            } else {
                state.selection.select(index);
            }
            response.request_focus();
        }
        let offset = output.state.clamped_offset().x;
        let mut done = self.header_ui(ui, header, state, &edges, offset);
        if let Some(column) = done.fit {
            let from = built.start.saturating_sub((FITTED_ROWS - built.len().min(FITTED_ROWS)) / 2);
            let seen = (from..rows.len().min(from + FITTED_ROWS)).map(|row| rows.row(row));
            state.widths[column] = self.fitting_width(ui, column, seen);
            done.resized = Some(column);
        }
        if let Some(column) = done.resized {
            self.keep_others(column, &edges, state);
        }
        let fields = Rect::from_min_max(header.left_bottom(), body.right_top());
        let filter_changed = self.filters_ui(ui, fields, &edges, offset);
        if response.has_focus() {
            focus_ring(ui, body, 2);
        }
        ui.allocate_rect(area, Sense::hover());
        let selection_changed = state.selection != before;
        let sort_clicked = done.sorted;
        ListResponse {
            response,
            selection_changed,
            opened,
            toggled,
            linked,
            sort_clicked,
            header: done,
            filter_changed,
            dragged,
            built,
        }
    }

    /// Left edges of the columns, and the right edge of the last.
    fn edges(&self, state: &ListState, width: f32) -> Vec<f32> {
        let spare = (width - state.widths.iter().sum::<f32>()).max(0.0);
        let parts: f32 = self.columns.iter().map(|column| f32::from(column.parts)).sum();
        let mut edge = 0.0;
        let mut edges = vec![0.0];
        for (column, width) in self.columns.iter().zip(&state.widths) {
            edge += if column.parts > 0 { width + spare * f32::from(column.parts) / parts } else { *width };
            edges.push(edge);
        }
        edges
    }

    /// Keeps the other columns as wide as they are seen where one of several that grow was given a width: it would take
    /// its part of what is left over once more.
    fn keep_others(&self, resized: usize, edges: &[f32], state: &mut ListState) {
        let is_one_of_several = self.columns.iter().filter(|column| column.parts > 0).count() > 1
            && self.columns.get(resized).is_some_and(|column| column.parts > 0);
        if !is_one_of_several {
            return;
        }
        for (place, (width, edges)) in state.widths.iter_mut().zip(edges.windows(2)).enumerate() {
            if place != resized {
                *width = edges[1] - edges[0];
            }
        }
    }

    /// The scroll offset that shows `row` with the least movement.
    fn offset_for(&self, ui: &Ui, id: Id, row: usize, height: f32) -> f32 {
        let now = ui.data(|data| data.get_temp::<f32>(id)).unwrap_or(0.0);
        let top = row as f32 * self.row_height;
        if top < now {
            top
        } else if top + self.row_height > now + height {
            top + self.row_height - height
        } else {
            now
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(edges: &[f32]) -> Vec<f32> {
        edges.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn columns_share_the_width_that_is_left_over_and_one_can_be_made_narrower() {
        let columns = [
            Column::text("Name", 100.0).growing_by(2),
            Column::text("State", 100.0),
            Column::text("Address", 100.0).growing_by(1),
        ];
        let list = List::new("list", "List", &columns, 24.0);
        let mut state = ListState::default();
        state.set_widths(columns.iter().map(|column| column.width).collect());
        let edges = list.edges(&state, 600.0);
        assert_eq!(widths(&edges), [300.0, 100.0, 200.0]);
        // Where there is too little room each has its own width.
        assert_eq!(widths(&list.edges(&state, 200.0)), [100.0, 100.0, 100.0]);
        // One that is made wider stays as wide as it was made, and the others as they were.
        state.widths[0] = 310.0;
        list.keep_others(0, &edges, &mut state);
        assert_eq!(widths(&list.edges(&state, 600.0)), [310.0, 100.0, 200.0]);
        // What one that does not grow gives away is shared.
        let edges = list.edges(&state, 700.0);
        state.widths[1] = 40.0;
        list.keep_others(1, &edges, &mut state);
        assert_eq!(widths(&list.edges(&state, 700.0)), [410.0, 40.0, 250.0]);
    }
}
