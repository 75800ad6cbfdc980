//! A list of rows and columns that builds only the rows in view, so that 100,000 rows cost as much as thirty.
//!
//! Owns keyboard, mouse and column widths. Knows neither what a row means nor how it is sorted: a click on a header
//! is returned, and the caller sorts.

use std::borrow::Cow;
use std::ops::Range;

use egui::{
    CursorIcon, EventFilter, Id, Key, Modifiers, Pos2, Rect, Response, Role, ScrollArea, Sense, Stroke,
    TextStyle, Ui, WidgetInfo, pos2, vec2,
};

use super::super::icons::{self, Icon, Mark};
use super::super::tokens::{Tokens, Tone};
use super::selection::Selection;
use super::{focus_ring, one_line};

/// Space left and right of a cell's text, in points.
const PADDING: f32 = 10.0;
/// Room for the icon of a row before its first cell, in points.
const ICON_ROOM: f32 = 24.0;
/// Height of the header, in points.
const HEADER_HEIGHT: f32 = 28.0;
/// Letters typed within this time belong together, in seconds.
const TYPING_SECS: f64 = 1.0;

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Text of the header.
    pub title: Cow<'static, str>,
    /// Width at the start, in points.
    pub width: f32,
    /// Numbers stand right.
    pub right: bool,
    /// Takes the width that is left over; one column at most.
    pub grows: bool,
    /// A click on the header sorts.
    pub sortable: bool,
}

impl Column {
    /// A sortable column of text.
    pub fn text(title: impl Into<Cow<'static, str>>, width: f32) -> Self {
        Self { title: title.into(), width, right: false, grows: false, sortable: true }
    }

    /// A sortable column of numbers.
    pub fn number(title: impl Into<Cow<'static, str>>, width: f32) -> Self {
        Self { right: true, ..Self::text(title, width) }
    }

    /// The column that takes the rest of the width.
    pub fn growing(self) -> Self {
        Self { grows: true, ..self }
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

/// Where the rows come from.
pub trait Rows {
    /// How many there are.
    fn len(&self) -> usize;

    /// Row `index`; asked only for rows in view.
    fn row(&self, index: usize) -> Row<'_>;

    /// The text that typing jumps to; asked for many rows, so it should not build a row.
    fn jump_text(&self, index: usize) -> &str;

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
}

impl ListState {
    /// Scrolls `row` into view in the next frame.
    pub fn scroll_to(&mut self, row: usize) {
        self.scroll_to = Some(row);
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
    /// Header that was clicked.
    pub sort_clicked: Option<usize>,
    /// Rows that were built.
    pub built: Range<usize>,
}

/// A list about to be shown.
pub struct List<'a> {
    id_salt: &'a str,
    name: &'a str,
    columns: &'a [Column],
    sort: Option<Sort>,
    row_height: f32,
}

impl<'a> List<'a> {
    /// A list; `name` is what a screen reader calls it, `row_height` comes from the density.
    pub fn new(id_salt: &'a str, name: &'a str, columns: &'a [Column], row_height: f32) -> Self {
        Self { id_salt, name, columns, sort: None, row_height }
    }

    /// Shows an arrow at the sorted column.
    pub fn sort(self, sort: Option<Sort>) -> Self {
        Self { sort, ..self }
    }

    /// Fills the space that is left in `ui`. `menu` draws the context menu of the selection; its argument is the row
    /// that was clicked, which is selected by then.
    pub fn show(
        self,
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
        let body = Rect::from_min_max(pos2(area.left(), header.bottom()), area.max);
        // Registered before the rows, so that rows lie above it and get the clicks.
        let response = ui.interact(body, id, Sense::FOCUSABLE | Sense::CLICK);
        response.widget_info(|| WidgetInfo::labeled(Role::Grid, ui.is_enabled(), self.name));
        if response.clicked() {
            response.request_focus();
        }
        let mut opened = None;
        if response.has_focus() {
            opened = self.keys_ui(ui, id, state, rows);
        }

        let edges = self.edges(state, area.width());
        let content_width = edges.last().copied().unwrap_or(0.0).max(area.width());
        let mut built = 0..0;
        let mut pressed = None;
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
                let row_response =
                    self.row_ui(ui, id, rect, index, &row, state, &edges, response.has_focus());
                if row_response.clicked() || row_response.secondary_clicked() {
                    pressed = Some((index, row_response.secondary_clicked()));
                }
                if row_response.double_clicked() {
                    opened = Some(index);
                }
                row_response.context_menu(|ui| menu(ui, index));
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
        let sort_clicked = self.header_ui(ui, header, state, &edges, output.state.clamped_offset().x);
        if response.has_focus() {
            focus_ring(ui, body, 2);
        }
        ui.allocate_rect(area, Sense::hover());
        let selection_changed = state.selection != before;
        ListResponse { response, selection_changed, opened, sort_clicked, built }
    }

    /// Left edges of the columns, and the right edge of the last.
    fn edges(&self, state: &ListState, width: f32) -> Vec<f32> {
        let spare = (width - state.widths.iter().sum::<f32>()).max(0.0);
        let mut edge = 0.0;
        let mut edges = vec![0.0];
        for (column, width) in self.columns.iter().zip(&state.widths) {
            edge += if column.grows { width + spare } else { *width };
            edges.push(edge);
        }
        edges
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

    #[expect(
        clippy::too_many_arguments,
        reason = "drawing one row needs its place, its content and the state"
    )]
    fn row_ui(
        &self,
        ui: &Ui,
        id: Id,
        rect: Rect,
        index: usize,
        row: &Row<'_>,
        state: &ListState,
        edges: &[f32],
        focused: bool,
    ) -> Response {
        // Only CLICK: a row that could take the keyboard would make Tab stop at every row.
        let response = ui.interact(rect, id.with(index), Sense::CLICK);
        let selected = state.selection.contains(index);
        response.widget_info(|| WidgetInfo::selected(Role::Row, ui.is_enabled(), selected, &row.name));
        let tokens = Tokens::of(ui);
        let painter = ui.painter();
        let ground = if selected {
            tokens.selected
        } else if response.hovered() || response.context_menu_opened() {
            tokens.hover
        } else {
            tokens.ground
        };
        if ground != tokens.ground {
            painter.rect_filled(rect, 0.0, ground);
        }
        painter.hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, tokens.separator));
        if selected {
            let bar = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
            painter.rect_filled(bar, 0.0, if focused { tokens.accent } else { tokens.secondary });
        }
        if focused && state.selection.cursor() == Some(index) && !selected {
            painter.rect_stroke(
                rect.shrink(1.0),
                2.0,
                Stroke::new(1.0, tokens.focus),
                egui::StrokeKind::Inside,
            );
        }
        let mut indent = 0.0;
        if let Some((icon, mark)) = row.icon {
            let centre = pos2(rect.left() + PADDING + icons::SIZE / 2.0, rect.center().y);
            icons::paint(painter, centre, icon, if selected { tokens.text } else { tokens.secondary });
            if let Some(mark) = mark {
                let colour = if mark == Mark::CheckOff { tokens.busy } else { tokens.bad };
                icons::paint_mark(painter, centre, mark, colour, ground);
            }
            indent = ICON_ROOM;
        }
        for ((cell, column), edge) in row.cells.iter().zip(self.columns).zip(edges.windows(2)) {
            let style = if cell.monospace { TextStyle::Monospace } else { TextStyle::Body };
            let left = rect.left() + edge[0] + PADDING + indent;
            let right = rect.left() + edge[1] - PADDING;
            indent = 0.0;
            let colour = cell.tone.colour(tokens);
            let galley = one_line(ui, &cell.text, style.resolve(ui.style()), colour, (right - left).max(0.0));
            let x = if column.right { right - galley.size().x } else { left };
            let y = (rect.center().y - galley.size().y / 2.0).round();
            painter.galley(pos2(x, y), galley, colour);
        }
        response
    }

    /// Draws the header and handles clicks and drags in it.
    fn header_ui(
        &self,
        ui: &Ui,
        rect: Rect,
        state: &mut ListState,
        edges: &[f32],
        offset: f32,
    ) -> Option<usize> {
        let tokens = Tokens::of(ui);
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 0.0, tokens.ground);
        painter.hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, tokens.separator));
        let font = TextStyle::Small.resolve(ui.style());
        let mut clicked = None;
        for (index, (column, edge)) in self.columns.iter().zip(edges.windows(2)).enumerate() {
            let cell = Rect::from_x_y_ranges(
                rect.left() + edge[0] - offset..=rect.left() + edge[1] - offset,
                rect.y_range(),
            );
            let sorted = self.sort.filter(|sort| sort.column == index);
            let seen = cell.intersect(rect);
            if seen.width() > 0.0 {
                let id = ui.scope_id().with((self.id_salt, "header", index));
                let sense = if column.sortable { Sense::CLICK } else { Sense::hover() };
                let response = ui.interact(seen, id, sense);
                let how = match sorted {
                    Some(Sort { descending: true, .. }) => ", sorted descending",
                    Some(_) => ", sorted ascending",
                    None => "",
                };
                response.widget_info(|| {
                    WidgetInfo::labeled(
                        Role::ColumnHeader,
                        ui.is_enabled(),
                        format!("{} column{how}", column.title),
                    )
                });
                if response.hovered() && column.sortable {
                    painter.rect_filled(seen.shrink2(vec2(1.0, 3.0)), 3.0, tokens.hover);
                }
                if response.clicked() {
                    clicked = Some(index);
                }
            }
            let colour = if sorted.is_some() { tokens.text } else { tokens.secondary };
            let galley = one_line(ui, &column.title, font.clone(), colour, (cell.width() - PADDING).max(0.0));
            let arrow = if sorted.is_some() { 14.0 } else { 0.0 };
            let x = if column.right {
                cell.right() - PADDING - galley.size().x - arrow
            } else {
                cell.left() + PADDING
            };
            let end = x + galley.size().x;
            painter.galley(pos2(x, (cell.center().y - galley.size().y / 2.0).round()), galley, colour);
            if let Some(sort) = sorted {
                let icon = if sort.descending { Icon::SortDown } else { Icon::SortUp };
                icons::paint(&painter, pos2(end + 9.0, cell.center().y), icon, colour);
            }
            if rect.x_range().contains(cell.right()) {
                let grip = Rect::from_center_size(
                    Pos2::new(cell.right(), rect.center().y),
                    vec2(6.0, rect.height()),
                );
                let id = ui.scope_id().with((self.id_salt, "grip", index));
                let drag =
                    ui.interact(grip, id, Sense::DRAG).on_hover_and_drag_cursor(CursorIcon::ResizeColumn);
                if drag.dragged() {
                    state.widths[index] = (state.widths[index] + drag.drag_delta().x).max(30.0);
                }
                if drag.hovered() || drag.dragged() {
                    painter.vline(
                        cell.right(),
                        rect.shrink(4.0).y_range(),
                        Stroke::new(1.0, tokens.secondary),
                    );
                }
            }
        }
        clicked
    }

    /// Arrows, Home, End, pages, Space, Ctrl+A, Enter and letters. Returns the row to open.
    fn keys_ui(&self, ui: &Ui, id: Id, state: &mut ListState, rows: &dyn Rows) -> Option<usize> {
        ui.memory_mut(|memory| {
            let filter =
                EventFilter { horizontal_arrows: false, vertical_arrows: true, ..Default::default() };
            memory.set_focus_lock_filter(id, filter);
        });
        if rows.is_empty() {
            return None;
        }
        let last = rows.len() - 1;
        let page = state.rows_in_view.max(1);
        let cursor = state.selection.cursor();
        let events = ui.input(|input| input.events.clone());
        let now = ui.input(|input| input.time);
        let mut opened = None;
        for event in &events {
            match event {
                egui::Event::Key { key, pressed: true, modifiers, .. } => {
                    let at = state.selection.cursor();
                    let target = match key {
                        Key::ArrowDown => Some(at.map_or(0, |row| (row + 1).min(last))),
                        Key::ArrowUp => Some(at.map_or(last, |row| row.saturating_sub(1))),
                        Key::PageDown => Some(at.map_or(page.min(last), |row| (row + page).min(last))),
                        Key::PageUp => Some(at.map_or(0, |row| row.saturating_sub(page))),
                        Key::Home => Some(0),
                        Key::End => Some(last),
                        Key::A if modifiers.command => {
                            state.selection.select_all(rows.len());
                            None
                        }
                        Key::Space if state.typed.is_empty() || now - state.typed_at > TYPING_SECS => {
                            if let Some(row) = at {
                                state.selection.toggle(row);
                            }
                            None
                        }
                        Key::Enter if modifiers.is_none() || modifiers.alt => {
                            opened = at;
                            None
                        }
                        _ => None,
                    };
                    if let Some(row) = target {
                        move_to(&mut state.selection, row, *modifiers);
                        state.scroll_to = Some(row);
                    }
                }
                egui::Event::Text(text) if !text.trim().is_empty() || !state.typed.is_empty() => {
                    if now - state.typed_at > TYPING_SECS {
                        state.typed.clear();
                        if text.trim().is_empty() {
                            continue;
                        }
                    }
                    state.typed_at = now;
                    state.typed.push_str(&text.to_lowercase());
                    if let Some(row) = jump(rows, &state.typed, cursor) {
                        state.selection.select(row);
                        state.scroll_to = Some(row);
                    }
                }
                _ => {}
            }
        }
        opened
    }
}

fn move_to(selection: &mut Selection, row: usize, modifiers: Modifiers) {
    if modifiers.shift {
        selection.extend_to(row);
    } else if modifiers.command {
        selection.move_cursor(row);
    } else {
        selection.select(row);
    }
}

/// The first row from the cursor on that begins with what was typed; one letter typed again goes to the next one.
fn jump(rows: &dyn Rows, typed: &str, cursor: Option<usize>) -> Option<usize> {
    let count = rows.len();
    let mut letters = typed.chars();
    let first = letters.next()?;
    let repeated = letters.clone().next().is_some() && letters.all(|letter| letter == first);
    let single = first.to_string();
    let (wanted, skip) =
        if repeated { (single.as_str(), 1) } else { (typed, usize::from(typed.chars().count() == 1)) };
    let start = cursor.map_or(0, |row| row + skip);
    (0..count)
        .map(|step| (start + step) % count)
        .find(|row| starts_with_ignoring_case(rows.jump_text(*row), wanted))
}

/// Without a new string for each of 100,000 names. `wanted` is lower case.
fn starts_with_ignoring_case(text: &str, wanted: &str) -> bool {
    let mut lower = text.chars().flat_map(char::to_lowercase);
    wanted.chars().all(|letter| lower.next() == Some(letter))
}
