//! The cells themselves: where they stand now, what the pointer does to them, and how they are painted.

use std::ops::Range;

use egui::{
    Color32, Rect, Response, RichText, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::cells::{Cells, Layout, Space};
use super::marks::{Scale, lines};
use super::texture::Look;
use super::words::{CellText, summary};
use super::{BlockGrid, GridResponse, GridState, ruler};
use crate::console::theme::semibold;
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::focus_outline;
use crate::package::BlockState;

/// Smallest and largest side of a cell, and the largest when zoomed, in points.
const SIDES: (f32, f32, f32) = (4.0, 12.0, 28.0);
/// Side from which on there is a line between cells, in points.
const LINES_FROM: f32 = 6.0;
/// Side from which on cells have marks, in points.
const MARKS_FROM: f32 = 8.0;
/// Between the frame and the cells, in points.
const PADDING: f32 = 2.0;
/// Width of the ruler with the space at its left, in points.
const RULER: f32 = 18.0;

/// The cells in their place.
pub(super) struct Placed<'a> {
    pub(super) cells: Cells<'a>,
    pub(super) look: Look,
    pub(super) scale: Scale,
    /// All that belongs to the grid, frame included.
    pub(super) area: Rect,
}

impl Placed<'_> {
    /// The cells in view.
    fn rect(&self) -> Rect {
        let Layout { columns, side, .. } = self.look.layout;
        self.scale.rect(0, 0, columns * side, self.look.rows() * side)
    }

    /// The cell at a point of the screen.
    fn cell_at(&self, x: f32, y: f32) -> Option<usize> {
        let (dx, dy) =
            ((x - self.scale.origin.x) / self.scale.pixel, (y - self.scale.origin.y) / self.scale.pixel);
        if dx < 0.0 || dy < 0.0 {
            return None;
        }
        let layout = &self.look.layout;
        let row = dy as usize / layout.side;
        (row < self.look.rows())
            .then(|| layout.cell_at(dx as usize, dy as usize + self.look.first_row * layout.side))
            .flatten()
    }
}

impl<'a> BlockGrid<'a> {
    /// Where the cells stand in at most `height` points.
    fn place(&self, ui: &Ui, state: &mut GridState, height: f32) -> Placed<'a> {
        let ppp = ui.pixels_per_point();
        let pixel = 1.0 / ppp;
        let room = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
        let pixels = |points: f32| (points * ppp).round().max(1.0) as usize;
        let inside = |points: f32| (points * ppp).floor().max(1.0) as usize;
        let space = Space {
            width: inside(room.width() - 2.0 * PADDING - RULER),
            height: inside(room.height() - 2.0 * PADDING),
            least: pixels(SIDES.0),
            most: pixels(SIDES.1),
            zoomed: pixels(SIDES.2),
            columns: ui.input(|input| input.max_texture_side),
        };
        let layout = Layout::new(self.map.len(), self.map.total_bytes(), state.by, space, state.level);
        state.level = layout.level;
        let cells = Cells { layout, map: self.map, by: state.by };
        if let Some(block) = state.show.take() {
            let row = cells.cells_of(block).start / layout.columns;
            let last = state.first_row.saturating_add(layout.rows_in_view).saturating_sub(1);
            if row < state.first_row || row > last {
                state.first_row = row.saturating_sub(layout.rows_in_view / 2);
            }
        }
        state.first_row = state.first_row.min(layout.last_first_row());
        let look = Look {
            layout,
            by: state.by,
            first_row: state.first_row,
            filter: state.filter,
            dark: ui.visuals().dark_mode,
        };
        let on_pixel = |points: f32| (points * ppp).round() / ppp;
        let origin = pos2(on_pixel(room.left() + PADDING), on_pixel(room.top() + PADDING));
        let scale = Scale {
            origin,
            pixel,
            gap: if layout.side >= pixels(LINES_FROM) { pixels(1.0) } else { 0 },
            has_marks: layout.side >= pixels(MARKS_FROM),
        };
        let used = look.rows() as f32 * layout.side as f32 * pixel + 2.0 * PADDING;
        // A single row ends where its last cell does.
        let row = layout.cells as f32 * layout.side as f32 * pixel + 2.0 * PADDING + RULER;
        let width = if layout.rows <= 1 { row.min(room.width()) } else { room.width() };
        let area = Rect::from_min_size(room.min, vec2(width, used));
        Placed { cells, look, scale, area }
    }

    pub(super) fn grid_ui(
        &self,
        ui: &mut Ui,
        state: &mut GridState,
        changed: &[Range<usize>],
        height: f32,
    ) -> GridResponse {
        let id = ui.make_persistent_id(self.id_salt);
        let mut placed = self.place(ui, state, height);
        let response = ui.interact(placed.area, id, Sense::CLICK | Sense::FOCUSABLE);
        if self.moves(ui, state, &response, &placed) {
            placed = self.place(ui, state, height);
        }
        ui.allocate_rect(placed.area, Sense::hover());
        let mut selected = None;
        if response.clicked() || response.secondary_clicked() {
            response.request_focus();
            if let Some(at) = response.interact_pointer_pos() {
                selected = self.press(state, &placed, at);
            }
        }
        let before = (state.level, state.first_row, state.filter);
        if let Some(block) = self.keys_ui(ui, state, &response, &placed) {
            selected = Some(block);
        }
        if state.show.is_some() || before != (state.level, state.first_row, state.filter) {
            placed = self.place(ui, state, height);
            ui.ctx().request_repaint();
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, ui.is_enabled(), summary(&state.copy)));
        let now = state.cursor.map(|block| block..block + 1);
        if let Some(text) = now.and_then(|blocks| CellText::of(self.map, &state.copy, blocks, self.notes)) {
            ui.ctx().accesskit_node_builder(id, |node| node.set_value(text.line()));
        }
        self.paint(ui, state, &placed, changed, response.has_focus());
        let response = self.hover_ui(response, state, &placed);
        let wants_menu = response.has_focus()
            && ui.input_mut(|input| input.consume_key(egui::Modifiers::SHIFT, egui::Key::F10));
        GridResponse { response, selected, wants_menu }
    }

    /// Wheel and Ctrl+wheel; whether the cells stand elsewhere now.
    fn moves(&self, ui: &Ui, state: &mut GridState, response: &Response, placed: &Placed<'_>) -> bool {
        let Some(at) = response.hover_pos() else { return false };
        let (zoom, wheel) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta().y));
        let before = (state.level, state.first_row);
        if zoom != 1.0 {
            // The wheel comes in small parts: a step for every fifth more.
            state.scrolled += zoom.ln() * 5.0;
            let steps = state.scrolled.trunc();
            state.scrolled -= steps;
            self.zoom(state, placed, steps as i32, placed.cell_at(at.x, at.y));
        } else if wheel != 0.0 && placed.look.layout.last_first_row() > 0 {
            state.scrolled -= wheel / (placed.look.layout.side as f32 * placed.scale.pixel);
            let rows = state.scrolled.trunc();
            state.scrolled -= rows;
            let row = state.first_row as f32 + rows;
            state.first_row = (row.max(0.0) as usize).min(placed.look.layout.last_first_row());
            ui.input_mut(|input| input.smooth_scroll_delta.y = 0.0);
        }
        before != (state.level, state.first_row)
    }

    /// Zooms in or out by `steps`; what is at `cell` stays in view.
    pub(super) fn zoom(&self, state: &mut GridState, placed: &Placed<'_>, steps: i32, cell: Option<usize>) {
        if steps == 0 {
            return;
        }
        state.level = state.level.saturating_add_signed(steps);
        state.show = cell.map(|cell| placed.cells.blocks_of(cell).start).or(state.cursor);
        // Out of view, so that the row of the block goes to the middle, whichever row that will be.
        state.first_row = if state.show.is_some() { usize::MAX } else { 0 };
    }

    /// A click on a cell, or on the ruler.
    fn press(&self, state: &mut GridState, placed: &Placed<'_>, at: egui::Pos2) -> Option<usize> {
        if at.x > placed.area.right() - RULER {
            let part = ((at.y - placed.area.top()) / placed.area.height()).clamp(0.0, 1.0);
            let row = (part * placed.look.layout.rows as f32) as usize;
            state.first_row = row.saturating_sub(placed.look.layout.rows_in_view / 2);
            return None;
        }
        let blocks = placed.cells.blocks_of(placed.cell_at(at.x, at.y)?);
        let shown = state.filter.filter(|wanted| state.copy.has(blocks.clone(), *wanted));
        let wanted = shown.unwrap_or_else(|| state.copy.worst(blocks.clone()));
        state.cursor = state.copy.first(blocks, &[wanted]);
        state.cursor
    }

    fn paint(
        &self,
        ui: &Ui,
        state: &mut GridState,
        placed: &Placed<'_>,
        changed: &[Range<usize>],
        focused: bool,
    ) {
        let tokens = Tokens::of(ui);
        let Placed { cells, look, scale, area } = placed;
        let is_other = state.texture.update(ui.ctx(), cells, &state.copy, *look, changed);
        let painter = ui.painter();
        painter.rect_filled(*area, 0.0, tokens.ground);
        if let Some(texture) = state.texture.id() {
            let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            painter.image(texture, placed.rect(), all, Color32::WHITE);
        }
        let lines = lines(look, scale, tokens.ground);
        if !lines.is_empty() {
            painter.add(Shape::mesh(lines));
        }
        for mesh in state.marks.meshes(ui.ctx(), cells, &state.copy, *look, *scale, is_other) {
            painter.add(Shape::mesh(mesh));
        }
        self.paint_ruler(ui, state, placed);
        painter.rect_stroke(*area, 0.0, Stroke::new(1.0, tokens.blocks.frame), StrokeKind::Inside);
        if let Some(block) = state.cursor {
            let view = look.cells();
            let shown = cells.cells_of(block);
            let colour = if focused { tokens.focus } else { tokens.text };
            if shown.start < view.end && shown.end > view.start {
                let cell = scale.cell(look, shown.start.max(view.start)).expand(1.0);
                // On any fill: a light and a dark line.
                painter.rect_stroke(cell, 1.0, Stroke::new(1.0, tokens.ground), StrokeKind::Inside);
                painter.rect_stroke(cell, 1.0, Stroke::new(2.0, colour), StrokeKind::Outside);
            }
        }
        if focused {
            focus_outline(ui, *area, 1);
        }
    }

    fn paint_ruler(&self, ui: &Ui, state: &mut GridState, placed: &Placed<'_>) {
        let Placed { cells, look, scale, area } = placed;
        let rect = placed.rect();
        let strip = Rect::from_min_max(
            pos2(area.right() - PADDING - 10.0, rect.top()),
            pos2(area.right() - PADDING, rect.bottom()),
        );
        let height = (strip.height() / scale.pixel).round() as usize;
        let made = (look.layout, look.by, height);
        if state.ticks_made != Some(made) {
            state.ticks = ruler::ticks(cells, &state.copy, height);
            state.ticks_made = Some(made);
        }
        let rows = look.layout.rows as f32;
        let view = (look.layout.last_first_row() > 0)
            .then(|| look.first_row as f32 / rows..(look.first_row + look.rows()) as f32 / rows);
        ruler::paint(ui.painter(), strip, &state.ticks, scale.pixel, view, Tokens::of(ui));
    }

    fn hover_ui(&self, response: Response, state: &GridState, placed: &Placed<'_>) -> Response {
        let Some(at) = response.hover_pos() else { return response };
        let Some(cell) = placed.cell_at(at.x, at.y) else { return response };
        let blocks = placed.cells.blocks_of(cell);
        let Some(text) = CellText::of(self.map, &state.copy, blocks, self.notes) else { return response };
        response.on_hover_ui_at_pointer(|ui| cell_text_ui(ui, &text))
    }
}

fn cell_text_ui(ui: &mut Ui, text: &CellText) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing.y = 3.0;
    ui.horizontal(|ui| {
        let size = egui::TextStyle::Body.resolve(ui.style()).size;
        ui.label(RichText::new(&text.title).font(semibold(size)).color(tokens.text));
        let tone = match text.state {
            BlockState::Corrupt => Tone::Bad,
            BlockState::Repaired => Tone::Note,
            BlockState::Downloading => Tone::Accent,
            BlockState::Checking => Tone::Busy,
            _ => Tone::Secondary,
        };
        ui.label(RichText::new(text.state.word()).color(tone.colour(tokens)));
    });
    let line = |text: &str| RichText::new(text).small().color(tokens.secondary);
    if let Some(shares) = &text.shares {
        ui.label(line(shares));
    }
    ui.label(line(&text.path));
    ui.label(line(&text.place));
    if let Some(hash) = &text.hash {
        ui.label(line(hash).monospace());
    }
    for note in &text.notes {
        ui.label(line(note));
    }
}
