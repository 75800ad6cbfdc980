//! A field with a proposal, and the line under it that says where the proposal comes from.

use egui::{RichText, Ui};

use super::super::super::tokens::Tokens;
use super::super::super::widgets::field_row::{LABEL_WIDTH, text_row};

/// A field with a proposal: what somebody typed is never overwritten.
#[derive(Default)]
pub(super) struct Field {
    /// What it says.
    pub(super) text: String,
    /// Where that comes from; empty if it was typed or nothing was proposed.
    pub(super) from: String,
    /// Whether somebody wrote into it.
    pub(super) is_typed: bool,
}

impl Field {
    /// Takes over a proposal, unless somebody wrote into the field.
    pub(super) fn propose(&mut self, value: &str, from: &str) {
        if !self.is_typed {
            value.clone_into(&mut self.text);
            from.clone_into(&mut self.from);
        }
    }

    /// Remembers that somebody wrote into it.
    pub(super) fn typed(&mut self) {
        self.is_typed = true;
        self.from.clear();
    }

    /// Without white space around it.
    pub(super) fn trimmed(&self) -> &str {
        self.text.trim()
    }
}

/// A field of one line, and under it where its value comes from.
pub(super) fn proposal_row(ui: &mut Ui, label: &str, field: &mut Field) -> egui::Response {
    let response = text_row(ui, label, &mut field.text);
    if response.changed() {
        field.typed();
    }
    origin_ui(ui, field);
    response
}

/// The line under a field: where its value comes from.
pub(super) fn origin_ui(ui: &mut Ui, field: &Field) {
    if field.from.is_empty() || field.text.is_empty() {
        return;
    }
    let gap = ui.spacing().item_spacing;
    ui.add_space(2.0 - gap.y);
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        ui.add_space(LABEL_WIDTH + gap.x);
        let text = RichText::new(format!("from {}", field.from)).small();
        ui.add(egui::Label::new(text.color(Tokens::of(ui).secondary)).truncate());
    });
}
