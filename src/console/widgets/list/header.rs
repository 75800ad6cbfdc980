//! The header of a list: sorting, widths, order, and the fields that filter.
//!
//! One stop for the keyboard: Left and Right go from column to column, Enter sorts, Shift+Enter sorts by it among
//! equals, Alt+Left and Alt+Right move the column, Ctrl+Left and Ctrl+Right change its width.

use egui::{
    CursorIcon, EventFilter, Id, Key, Modifiers, Popup, Pos2, Rect, Response, Role, Sense, SetOpenCommand,
    Stroke, TextEdit, TextStyle, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::{List, ListState, PADDING, Sort, one_line};
use crate::console::icons::{self, Icon};
use crate::console::tokens::Tokens;
use crate::console::widgets::{focus_ring, name_field};

/// The narrowest a column becomes, in points.
const NARROWEST: f32 = 30.0;
/// How far a key changes a width, in points.
const STEP: f32 = 12.0;

/// What was done to the header in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderResponse {
    /// Column to sort by.
    pub sorted: Option<usize>,
    /// It decides among equals, instead of first.
    pub among_equals: bool,
    /// A column that goes to the place of another.
    pub moved: Option<(usize, usize)>,
    /// A column whose width was changed.
    pub resized: Option<usize>,
    /// A column to be fitted to what stands in it.
    pub(super) fit: Option<usize>,
}

impl List<'_> {
    fn header_id(&self, ui: &Ui, column: usize) -> Id {
        ui.scope_id().with((self.id_salt, "header", column))
    }

    /// Draws the header and handles clicks, drags and keys in it.
    pub(super) fn header_ui(
        &mut self,
        ui: &Ui,
        rect: Rect,
        state: &mut ListState,
        edges: &[f32],
        offset: f32,
    ) -> HeaderResponse {
        let tokens = Tokens::of(ui);
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 0.0, tokens.ground);
        painter.hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, tokens.separator));
        let mut done = HeaderResponse::default();
        state.header_at = state.header_at.min(self.columns.len().saturating_sub(1));
        let cells: Vec<Rect> = edges
            .windows(2)
            .map(|edge| {
                let left = rect.left() - offset;
                Rect::from_x_y_ranges(left + edge[0]..=left + edge[1], rect.y_range())
            })
            .collect();
        for (index, cell) in cells.iter().enumerate() {
            let seen = cell.intersect(rect);
            if seen.width() > 0.0 {
                let response = self.title_ui(ui, index, *cell, seen, state);
                if response.has_focus() {
                    self.header_keys_ui(ui, index, response.id, state, cell.width(), &mut done);
                }
                if response.clicked() {
                    state.header_at = index;
                    done.sorted = Some(index);
                    done.among_equals = ui.input(|input| input.modifiers.shift);
                }
                if self.movable {
                    drag(ui, &response, index, &cells, rect, state, &mut done);
                }
                if let Some(menu) = self.header_menu.as_deref_mut() {
                    let open = response.has_focus()
                        && ui.input_mut(|input| input.consume_key(Modifiers::SHIFT, Key::F10));
                    let popup = if open {
                        Popup::menu(&response).open_memory(SetOpenCommand::Bool(true))
                    } else {
                        Popup::context_menu(&response)
                    };
                    popup
                        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
                        .show(|ui| menu(ui, index));
                }
            }
        }
        // After all titles, so that the edges lie above them.
        for (index, cell) in cells.iter().enumerate() {
            self.grip_ui(ui, index, *cell, rect, state, &mut done);
        }
        done
    }

    /// The title of one column with its arrow.
    fn title_ui(&self, ui: &Ui, index: usize, cell: Rect, seen: Rect, state: &ListState) -> Response {
        let tokens = Tokens::of(ui);
        let column = &self.columns[index];
        let sorted = |sort: &Option<Sort>| sort.filter(|sort| sort.column == index);
        let first = sorted(&self.sorts[0]);
        let second = sorted(&self.sorts[1]).filter(|_| first.is_none());
        let mut sense = if column.sortable { Sense::CLICK } else { Sense::hover() };
        if column.sortable && index == state.header_at {
            sense |= Sense::FOCUSABLE;
        }
        if self.movable {
            sense |= Sense::DRAG;
        }
        let response = ui.interact(seen, self.header_id(ui, index), sense);
        let direction = |sort: Sort| if sort.descending { "descending" } else { "ascending" };
        let how = match (first, second) {
            (Some(sort), _) => format!(", sorted {}", direction(sort)),
            (_, Some(sort)) => format!(", then sorted {}", direction(sort)),
            _ => String::new(),
        };
        response.widget_info(|| {
            let name = format!("{} column{how}", column.title);
            WidgetInfo::labeled(Role::ColumnHeader, ui.is_enabled(), name)
        });
        let painter = ui.painter_at(seen);
        if response.hovered() && column.sortable {
            painter.rect_filled(seen.shrink2(vec2(1.0, 3.0)), 3.0, tokens.hover);
        }
        let sort = first.or(second);
        let colour = if first.is_some() { tokens.text } else { tokens.secondary };
        let arrow = if sort.is_some() { 14.0 } else { 0.0 };
        let font = TextStyle::Small.resolve(ui.style());
        let room = (cell.width() - PADDING - arrow - 4.0).max(0.0);
        let galley = one_line(ui, &column.title, font, colour, room);
        let x = if column.right {
            cell.right() - PADDING - galley.size().x - arrow
        } else {
            cell.left() + PADDING
        };
        let end = x + galley.size().x;
        painter.galley(pos2(x, (cell.center().y - galley.size().y / 2.0).round()), galley, colour);
        if let Some(sort) = sort {
            let icon = if sort.descending { Icon::SortDown } else { Icon::SortUp };
            // The arrow of the second column is hollow by its colour and says so in its name.
            icons::paint(&painter, pos2(end + 9.0, cell.center().y), icon, colour);
            if second.is_some() {
                let small = TextStyle::Small.resolve(ui.style());
                let two = one_line(ui, "2", egui::FontId::new(small.size - 2.0, small.family), colour, 12.0);
                painter.galley(pos2(end + 15.0, (cell.center().y - 7.0).round()), two, colour);
            }
        }
        if response.has_focus() {
            focus_ring(ui, seen, 3);
        }
        response
    }

    fn grip_ui(
        &self,
        ui: &Ui,
        index: usize,
        cell: Rect,
        rect: Rect,
        state: &mut ListState,
        done: &mut HeaderResponse,
    ) {
        if !rect.x_range().contains(cell.right()) {
            return;
        }
        let grip = Rect::from_center_size(Pos2::new(cell.right(), rect.center().y), vec2(6.0, rect.height()));
        let id = ui.scope_id().with((self.id_salt, "grip", index));
        let drag = ui
            .interact(grip, id, Sense::DRAG | Sense::CLICK)
            .on_hover_and_drag_cursor(CursorIcon::ResizeColumn);
        if drag.double_clicked() {
            done.fit = Some(index);
        } else if drag.dragged() && drag.drag_delta().x != 0.0 {
            // A column that grows has more than its own width on the screen.
            state.widths[index] = (cell.width() + drag.drag_delta().x).max(NARROWEST);
            done.resized = Some(index);
        }
        if drag.hovered() || drag.dragged() {
            let stroke = Stroke::new(1.0, Tokens::of(ui).secondary);
            ui.painter_at(rect).vline(cell.right(), rect.shrink(4.0).y_range(), stroke);
        }
    }

    fn header_keys_ui(
        &self,
        ui: &Ui,
        index: usize,
        id: Id,
        state: &mut ListState,
        width: f32,
        done: &mut HeaderResponse,
    ) {
        ui.memory_mut(|memory| {
            let filter = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
            memory.set_focus_lock_filter(id, filter);
        });
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        for (key, forward) in [(Key::ArrowLeft, false), (Key::ArrowRight, true)] {
            let last = self.columns.len() - 1;
            let next = if forward { (index + 1).min(last) } else { index.saturating_sub(1) };
            if self.movable && pressed(Modifiers::ALT, key) {
                done.moved = (next != index).then_some((index, next));
                state.header_at = next;
            } else if pressed(Modifiers::COMMAND, key) {
                let step = if forward { STEP } else { -STEP };
                state.widths[index] = (width + step).max(NARROWEST);
                done.resized = Some(index);
            } else if pressed(Modifiers::NONE, key) {
                state.header_at = next;
            } else {
                continue;
            }
            // It can take the keyboard from the next frame on.
            let to = self.header_id(ui, state.header_at);
            ui.memory_mut(|memory| memory.request_focus(to));
        }
        if pressed(Modifiers::SHIFT, Key::Enter) {
            done.sorted = Some(index);
            done.among_equals = true;
        }
    }

    /// The fields below the header; whether one was changed.
    pub(super) fn filters_ui(&mut self, ui: &mut Ui, area: Rect, edges: &[f32], offset: f32) -> bool {
        let Some(filters) = self.filters.as_deref_mut() else { return false };
        let tokens = Tokens::of(ui);
        ui.painter().rect_filled(area, 0.0, tokens.ground);
        ui.painter().hline(area.x_range(), area.bottom() - 0.5, Stroke::new(1.0, tokens.separator));
        let mut changed = false;
        let mut clipped = ui.new_child(UiBuilder::new().max_rect(area).id_salt((self.id_salt, "filters")));
        clipped.shrink_clip_rect(area);
        for (index, (filter, edge)) in filters.iter_mut().zip(edges.windows(2)).enumerate() {
            let left = area.left() - offset;
            let cell = Rect::from_x_y_ranges(left + edge[0]..=left + edge[1], area.y_range());
            if !cell.intersects(area) {
                continue;
            }
            let title = &self.columns[index].title;
            let field = cell.shrink2(vec2(3.0, 3.0));
            let response = clipped.put(
                field,
                TextEdit::singleline(&mut filter.text)
                    .id_salt((self.id_salt, "filter", index))
                    .hint_text(filter.hint)
                    .desired_width(field.width())
                    .margin(egui::Margin::symmetric(6, 2))
                    .align(egui::Align2::LEFT_CENTER),
            );
            name_field(&response, &format!("Filter {title}"));
            if self.focus_filter && index == 0 {
                response.request_focus();
            }
            changed |= response.changed();
            if let Some(problem) = filter.problem {
                let stroke = Stroke::new(1.0, tokens.bad);
                clipped.painter().rect_stroke(field, 4.0, stroke, egui::StrokeKind::Inside);
                response.on_hover_text(problem);
            }
        }
        changed
    }
}

/// Drags a header to another place: a line shows where it goes.
fn drag(
    ui: &Ui,
    response: &Response,
    index: usize,
    cells: &[Rect],
    rect: Rect,
    state: &mut ListState,
    done: &mut HeaderResponse,
) {
    if response.drag_started() {
        state.moving = Some(index);
    }
    if state.moving != Some(index) {
        return;
    }
    let tokens = Tokens::of(ui);
    let Some(pointer) = ui.ctx().pointer_interact_pos() else { return };
    // The gap between columns that is nearest to the pointer.
    let gap = cells.iter().filter(|cell| cell.center().x < pointer.x).count();
    let x = if gap == 0 { cells[0].left() } else { cells[gap - 1].right() };
    let painter = ui.painter_at(rect);
    painter.rect_filled(cells[index].shrink2(vec2(1.0, 3.0)), 3.0, tokens.selected);
    painter.vline(
        x.clamp(rect.left() + 1.0, rect.right() - 1.0),
        rect.y_range(),
        Stroke::new(2.0, tokens.accent),
    );
    ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    if response.drag_stopped() {
        state.moving = None;
        let to = if gap > index { gap - 1 } else { gap };
        if to != index {
            done.moved = Some((index, to));
            state.header_at = to;
        }
    }
}
