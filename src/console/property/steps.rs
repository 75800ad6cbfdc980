//! The way of a new package to its first seal, at the right of the header: *Source*, done; *Procedures*; *Seal*.

use egui::{Align, Layout, RichText, Sense, Ui, Vec2};

use crate::console::icons::{self, Icon};
use crate::console::tokens::Tokens;
use crate::console::widgets::button::link;

/// A step that was clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The files.
    Source,
    /// How it is installed.
    Procedures,
    /// The seal.
    Seal,
}

/// Shows the steps; `procedures` is how many there are, once that is known.
pub(super) fn steps_ui(ui: &mut Ui, procedures: Option<usize>) -> Option<Step> {
    let tokens = Tokens::of(ui);
    let mut clicked = None;
    let between = |ui: &mut Ui| {
        ui.label(RichText::new("·").color(tokens.secondary));
    };
    let done = |ui: &mut Ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(icons::SIZE), Sense::hover());
        icons::paint(ui.painter(), rect.center(), Icon::Check, tokens.good);
    };
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if link(ui, "Seal").on_hover_text("Closes the registration and signs it").clicked() {
            clicked = Some(Step::Seal);
        }
        between(ui);
        if procedures.is_some_and(|count| count > 0) {
            done(ui);
        }
        let text = procedures.map_or_else(|| "Procedures".to_owned(), |count| format!("Procedures {count}"));
        if link(ui, &text).on_hover_text("How the package is installed").clicked() {
            clicked = Some(Step::Procedures);
        }
        between(ui);
        done(ui);
        if link(ui, "Source").on_hover_text("The files of the package").clicked() {
            clicked = Some(Step::Source);
        }
    });
    clicked
}
