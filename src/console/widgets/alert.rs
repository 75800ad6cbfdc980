//! A finding with a bar at its left. Words first; the colour only makes it easier to find.

use egui::{CornerRadius, Frame, Margin, Rect, Response, RichText, Role, Ui, WidgetInfo, vec2};

use super::super::theme::semibold;
use super::super::tokens::Tokens;

/// A bold first line (left out if empty) and an explanation, over the whole width.
pub fn alert(ui: &mut Ui, title: &str, text: &str) -> Response {
    let tokens = Tokens::of(ui);
    let frame = Frame::new().fill(tokens.alert).corner_radius(CornerRadius::same(4)).inner_margin(Margin {
        left: 15,
        right: 12,
        top: 9,
        bottom: 9,
    });
    let response = frame
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 2.0;
            let size = egui::TextStyle::Body.resolve(ui.style()).size;
            if !title.is_empty() {
                ui.label(RichText::new(title).font(semibold(size)).color(tokens.text));
            }
            if !text.is_empty() {
                let colour = if title.is_empty() { tokens.text } else { tokens.secondary };
                ui.label(RichText::new(text).color(colour));
            }
        })
        .response;
    let bar = Rect::from_min_size(response.rect.min, vec2(3.0, response.rect.height()));
    ui.painter().rect_filled(bar, CornerRadius { nw: 2, sw: 2, ..Default::default() }, tokens.bad);
    let name =
        if title.is_empty() { text.to_owned() } else { format!("{}. {text}", title.trim_end_matches('.')) };
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, &name));
    response
}
