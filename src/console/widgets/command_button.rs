//! A wide button that says on a second line what it does: the answers of a question.

use egui::{Response, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::super::theme::{CONTROL_RADIUS, semibold};
use super::super::tokens::Tokens;
use super::{focus_outline, one_line};

/// An answer: `title` and, below it, `explanation`. While `refused` is given it is greyed and that reason stands in
/// place of the explanation. `default` = the answer that changes least; it gets the stronger border.
pub fn command_button(
    ui: &mut Ui,
    title: &str,
    explanation: &str,
    default: bool,
    refused: Option<&str>,
) -> Response {
    let enabled = refused.is_none() && ui.is_enabled();
    let second = refused.unwrap_or(explanation);
    let tokens = Tokens::of(ui);
    let size = TextStyle::Body.resolve(ui.style()).size;
    let width = ui.available_width();
    let (text, below) =
        if enabled { (tokens.text, tokens.secondary) } else { (tokens.disabled, tokens.disabled) };
    let first = one_line(ui, title, semibold(size), text, width - 28.0);
    let font = TextStyle::Body.resolve(ui.style());
    let explained = ui.ctx().fonts_mut(|fonts| fonts.layout(second.to_owned(), font, below, width - 28.0));
    let height = first.size().y + explained.size().y + 2.0 + 18.0;
    let (rect, response) = ui
        .add_enabled_ui(refused.is_none(), |ui| ui.allocate_exact_size(vec2(width, height), Sense::click()))
        .inner;
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, format!("{title}. {second}")));
    if ui.is_rect_visible(rect) {
        let fill = if enabled && response.hovered() { tokens.hover } else { tokens.control };
        let border = match (enabled, default) {
            (false, _) => tokens.separator,
            (true, true) => tokens.accent,
            (true, false) => tokens.border,
        };
        let width = if default && enabled { 1.5 } else { 1.0 };
        let painter = ui.painter();
        painter.rect(rect, CONTROL_RADIUS, fill, Stroke::new(width, border), StrokeKind::Inside);
        let at = pos2(rect.left() + 14.0, rect.top() + 9.0);
        let next = pos2(at.x, (at.y + first.size().y + 2.0).round());
        painter.galley(at, first, text);
        painter.galley(next, explained, below);
        if response.has_focus() {
            focus_outline(ui, rect, CONTROL_RADIUS);
        }
    }
    response
}
