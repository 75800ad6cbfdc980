//! One line of a property page: label at the left, value or editor at the right.

use egui::{Align, InnerResponse, Label, Layout, Response, RichText, Role, Sense, TextEdit, Ui, vec2};

use super::super::theme::CONTROL_HEIGHT;
use super::super::tokens::Tokens;

/// Width of the label, in points.
pub const LABEL_WIDTH: f32 = 130.0;

/// A value that cannot be edited: text that can be selected and copied.
pub fn value_row(ui: &mut Ui, label: &str, value: &str) -> Response {
    field_row(ui, label, |ui| ui.add(Label::new(value).selectable(true).wrap())).inner
}

/// A text field.
pub fn text_row(ui: &mut Ui, label: &str, value: &mut String) -> Response {
    field_row(ui, label, |ui| {
        ui.add(TextEdit::singleline(value).desired_width(f32::INFINITY).align(egui::Align2::LEFT_CENTER))
    })
    .inner
}

/// A text field of one line that says in pale letters what belongs in it. It is called after `label` all the same.
pub fn hinted_row(ui: &mut Ui, label: &str, hint: &str, value: &mut String) -> Response {
    labelled_row(ui, label, |ui, name| {
        let field = TextEdit::singleline(value).hint_text(hint).desired_width(f32::INFINITY);
        ui.add(field.align(egui::Align2::LEFT_CENTER)).labelled_by(name)
    })
    .inner
}

/// Any editor; inputs in it without a name are called after `label`.
pub fn field_row<R>(ui: &mut Ui, label: &str, editor: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    labelled_row(ui, label, |ui, _| editor(ui))
}

/// [`field_row`] for an editor that gets the label to be called after: a hint would otherwise be taken for its name.
pub fn labelled_row<R>(
    ui: &mut Ui,
    label: &str,
    editor: impl FnOnce(&mut Ui, egui::Id) -> R,
) -> InnerResponse<R> {
    let row = vec2(ui.available_width(), CONTROL_HEIGHT);
    ui.allocate_ui_with_layout(row, Layout::left_to_right(Align::Center), |ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(LABEL_WIDTH, CONTROL_HEIGHT), Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(Role::Label, true, label));
        let text = RichText::new(label).color(Tokens::of(ui).secondary);
        let font = egui::TextStyle::Body.resolve(ui.style());
        let galley = super::one_line(ui, text.text(), font, Tokens::of(ui).secondary, LABEL_WIDTH - 8.0);
        let y = (rect.center().y - galley.size().y / 2.0).round();
        ui.painter().galley(egui::pos2(rect.left(), y), galley, Tokens::of(ui).secondary);
        ui.label_inputs_by(response.id, |ui| editor(ui, response.id))
    })
}
