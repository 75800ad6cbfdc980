//! Buttons and links.

use egui::{
    Align2, FontId, Response, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::super::icons::{self, Icon};
use super::super::theme::{CONTROL_HEIGHT, CONTROL_RADIUS};
use super::super::tokens::Tokens;
use super::{focus_ring, one_line};

/// How much a button stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Primary,
    Normal,
}

/// The one button of a page or dialog that most people press.
pub fn primary_button(ui: &mut Ui, text: &str) -> Response {
    button_ui(ui, text, None, Weight::Primary, None)
}

/// [`primary_button`] with an icon before the text.
pub fn primary_button_with(ui: &mut Ui, text: &str, icon: Icon) -> Response {
    button_ui(ui, text, Some(icon), Weight::Primary, None)
}

/// A button.
pub fn button(ui: &mut Ui, text: &str) -> Response {
    button_ui(ui, text, None, Weight::Normal, None)
}

/// A button that is greyed while `refused` says why it cannot be pressed; the reason stands in its hover text.
pub fn button_unless(ui: &mut Ui, text: &str, icon: Option<Icon>, refused: Option<&str>) -> Response {
    button_ui(ui, text, icon, Weight::Normal, refused)
}

/// [`button_unless`] for the primary button.
pub fn primary_button_unless(ui: &mut Ui, text: &str, icon: Option<Icon>, refused: Option<&str>) -> Response {
    button_ui(ui, text, icon, Weight::Primary, refused)
}

fn button_ui(ui: &mut Ui, text: &str, icon: Option<Icon>, weight: Weight, refused: Option<&str>) -> Response {
    let enabled = refused.is_none() && ui.is_enabled();
    let tokens = Tokens::of(ui);
    let font = TextStyle::Button.resolve(ui.style());
    let colour = match weight {
        _ if !enabled => tokens.disabled,
        Weight::Primary => tokens.on_primary,
        Weight::Normal => tokens.text,
    };
    let galley = one_line(ui, text, font, colour, f32::INFINITY);
    let icon_width = if icon.is_some() { icons::SIZE + 6.0 } else { 0.0 };
    let size = vec2((galley.size().x + icon_width + 22.0).ceil(), CONTROL_HEIGHT);
    let (rect, response) =
        ui.add_enabled_ui(refused.is_none(), |ui| ui.allocate_exact_size(size, Sense::click())).inner;
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, text));
    if ui.is_rect_visible(rect) {
        let (fill, border) = match weight {
            _ if !enabled => (tokens.hover, tokens.separator),
            Weight::Primary if response.hovered() => (tokens.primary.gamma_multiply(0.88), tokens.primary),
            Weight::Primary => (tokens.primary, tokens.primary),
            Weight::Normal if response.is_pointer_button_down_on() => (tokens.selected, tokens.border),
            Weight::Normal if response.hovered() => (tokens.hover, tokens.text),
            Weight::Normal => (tokens.control, tokens.border),
        };
        let painter = ui.painter();
        painter.rect(rect, CONTROL_RADIUS, fill, Stroke::new(1.0, border), StrokeKind::Inside);
        let text_at = pos2(
            rect.left() + 11.0 + icon_width,
            Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect).top().round(),
        );
        if let Some(icon) = icon {
            icons::paint(
                painter,
                pos2(rect.left() + 11.0 + icons::SIZE / 2.0, rect.center().y),
                icon,
                colour,
            );
        }
        painter.galley(text_at, galley, colour);
        if response.has_focus() {
            super::focus_outline(ui, rect, CONTROL_RADIUS);
        }
    }
    match refused {
        Some(reason) => response.on_disabled_hover_text(reason),
        None => response,
    }
}

/// A link in the text.
pub fn link(ui: &mut Ui, text: &str) -> Response {
    let tokens = Tokens::of(ui);
    let font: FontId = TextStyle::Body.resolve(ui.style());
    let galley = one_line(ui, text, font, tokens.accent, f32::INFINITY);
    let (rect, response) = ui.allocate_exact_size(galley.size() + Vec2::new(0.0, 2.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), text));
    if ui.is_rect_visible(rect) {
        ui.painter().galley(rect.min, galley, tokens.accent);
        if response.hovered() {
            ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(1.0, tokens.accent));
        }
        if response.has_focus() {
            focus_ring(ui, rect.expand2(vec2(4.0, 2.0)), 3);
        }
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand)
}
