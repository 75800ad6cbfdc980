//! One row of a list: its ground, icon and cells.

use egui::{Id, Rect, Response, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::{Branch, Cell, ICON_ROOM, List, ListState, PADDING, Row, one_line};
use crate::console::icons::{self, Mark};
use crate::console::tokens::Tokens;

/// How much further right a row stands than what it hangs on, in points.
const STEP: f32 = 16.0;
/// Room for the text behind a bar, in points.
const BAR_TEXT: f32 = 50.0;

impl List<'_> {
    #[expect(
        clippy::too_many_arguments,
        reason = "drawing one row needs its place, its content and the state"
    )]
    pub(super) fn row_ui(
        &self,
        ui: &Ui,
        id: Id,
        rect: Rect,
        index: usize,
        (row, branch): (&Row<'_>, Option<Branch>),
        state: &ListState,
        edges: &[f32],
        focused: bool,
    ) -> (Response, bool, bool) {
        // Only CLICK: a row that could take the keyboard would make Tab stop at every row.
        let selected = state.selection.contains(index);
        let sense = if self.draggable && selected { Sense::CLICK | Sense::DRAG } else { Sense::CLICK };
        let response = ui.interact(rect, id.with(index), sense);
        response.widget_info(|| WidgetInfo::selected(Role::Row, ui.is_enabled(), selected, &row.name));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_selected(selected);
            node.set_row_index(index);
            if let Some(branch) = branch {
                node.set_level(usize::from(branch.depth) + 1);
                if let Some(unfolded) = branch.unfolded {
                    node.set_expanded(unfolded);
                }
            }
        });
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
            painter.rect_stroke(rect.shrink(1.0), 2.0, Stroke::new(1.0, tokens.focus), StrokeKind::Inside);
        }
        let mut indent = 0.0;
        let (mut folded, mut linked) = (false, false);
        if let Some(branch) = branch {
            // However deep: something of the name is seen.
            let most = edges.get(1).map_or(0.0, |edge| edge * 0.6);
            let left = rect.left() + PADDING + (f32::from(branch.depth) * STEP).min(most);
            if let Some(unfolded) = branch.unfolded {
                let grip = Rect::from_min_size(pos2(left - 6.0, rect.top()), vec2(18.0, rect.height()));
                folded = self.fold_ui(ui, id.with((index, "fold")), grip, row, unfolded);
            }
            indent = left - rect.left() - PADDING + STEP;
        }
        if let Some((icon, mark)) = row.icon {
            let centre = pos2(rect.left() + PADDING + indent + icons::SIZE / 2.0, rect.center().y);
            icons::paint(painter, centre, icon, if selected { tokens.text } else { tokens.secondary });
            if let Some(mark) = mark {
                let colour = if mark == Mark::CheckOff { tokens.busy } else { tokens.bad };
                icons::paint_mark(painter, centre, mark, colour, ground);
            }
            indent += ICON_ROOM;
        }
        for ((cell, column), edge) in row.cells.iter().zip(self.columns).zip(edges.windows(2)) {
            let style = style_of(cell);
            let mut left = rect.left() + edge[0] + PADDING + indent;
            let mut right = rect.left() + edge[1] - PADDING;
            indent = 0.0;
            if let Some((part, tone)) = cell.bar {
                let bar = Rect::from_min_max(
                    pos2(left, rect.center().y - 3.0),
                    pos2((right - BAR_TEXT).max(left), rect.center().y + 3.0),
                );
                painter.rect_filled(bar, 3.0, tokens.blocks.missing);
                let filled = Rect::from_min_size(bar.min, vec2(bar.width() * part, bar.height()));
                painter.rect_filled(filled, 3.0, tone.colour(tokens));
                left = bar.right() + PADDING;
            }
            let colour = cell.tone.colour(tokens);
            let link = cell.link.map(|link| {
                let font = style.resolve(ui.style());
                one_line(ui, link, font, tokens.accent, f32::INFINITY)
            });
            if let Some(link) = &link {
                right -= link.size().x + 8.0;
            }
            let galley = one_line(ui, &cell.text, style.resolve(ui.style()), colour, (right - left).max(0.0));
            if let (Some(link), Some(text)) = (link, cell.link) {
                let at = pos2(left + galley.size().x + 8.0, (rect.center().y - link.size().y / 2.0).round());
                let place = Rect::from_min_size(at, link.size());
                let pressed = ui.interact(place.expand(2.0), id.with((index, text)), Sense::CLICK);
                pressed.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), text));
                painter.galley(at, link, tokens.accent);
                if pressed.hovered() {
                    let under = Stroke::new(1.0, tokens.accent);
                    painter.hline(place.x_range(), place.bottom() - 1.0, under);
                }
                linked |= pressed.on_hover_cursor(egui::CursorIcon::PointingHand).clicked();
            }
            let x = if column.right { right - galley.size().x } else { left };
            let y = (rect.center().y - galley.size().y / 2.0).round();
            painter.galley(pos2(x, y), galley, colour);
        }
        (response, folded, linked)
    }

    /// The triangle that folds a row; whether it was pressed.
    fn fold_ui(&self, ui: &Ui, id: Id, grip: Rect, row: &Row<'_>, unfolded: bool) -> bool {
        let arrow = ui.interact(grip, id, Sense::CLICK);
        let verb = if unfolded { "Fold" } else { "Unfold" };
        let what = row.cells.first().map_or("", |cell| &cell.text);
        arrow.widget_info(|| {
            WidgetInfo::labeled(Role::DisclosureTriangle, ui.is_enabled(), format!("{verb} {what}"))
        });
        let icon = if unfolded { icons::Icon::Down } else { icons::Icon::Right };
        icons::paint(ui.painter(), grip.center(), icon, Tokens::of(ui).secondary);
        arrow.clicked()
    }

    /// The width in which the title of a column and its cells in `rows` are not cut, in points.
    pub(super) fn fitting_width<'r>(
        &self,
        ui: &Ui,
        column: usize,
        rows: impl Iterator<Item = Row<'r>>,
    ) -> f32 {
        let tokens = Tokens::of(ui);
        let width = |text: &str, style: TextStyle| {
            one_line(ui, text, style.resolve(ui.style()), tokens.text, f32::INFINITY).size().x
        };
        let title = self.columns.get(column).map_or("", |column| &*column.title);
        // Room for the arrow of a sorted column.
        let mut widest = width(title, TextStyle::Small) + 18.0;
        for row in rows {
            let icon = if column == 0 && row.icon.is_some() { ICON_ROOM } else { 0.0 };
            if let Some(cell) = row.cells.get(column) {
                widest = widest.max(width(&cell.text, style_of(cell)) + icon);
            }
        }
        (widest + 2.0 * PADDING).ceil()
    }
}

fn style_of(cell: &Cell<'_>) -> TextStyle {
    if cell.monospace { TextStyle::Monospace } else { TextStyle::Body }
}
