//! Chips: a filter that is on or off.

use egui::{Response, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::super::tokens::Tokens;
use super::{focus_outline, one_line};

/// A chip; the caller changes `selected` when it was clicked.
pub fn chip(ui: &mut Ui, text: &str, selected: bool) -> Response {
    let tokens = Tokens::of(ui);
    let font = TextStyle::Small.resolve(ui.style());
    let galley =
        one_line(ui, text, font, if selected { tokens.text } else { tokens.secondary }, f32::INFINITY);
    let size = vec2((galley.size().x + 20.0).ceil(), 21.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), selected, text));
    if ui.is_rect_visible(rect) {
        let fill = match (selected, response.hovered()) {
            (true, _) => tokens.selected,
            (false, true) => tokens.hover,
            (false, false) => egui::Color32::TRANSPARENT,
        };
        let border = if selected { tokens.accent } else { tokens.border };
        ui.painter().rect(rect, 10, fill, Stroke::new(1.0, border), StrokeKind::Inside);
        let y = (rect.center().y - galley.size().y / 2.0).round();
        ui.painter().galley(pos2(rect.left() + 10.0, y), galley, tokens.text);
        if response.has_focus() {
            focus_outline(ui, rect, 10);
        }
    }
    response
}
