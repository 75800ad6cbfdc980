//! What no package can hold: each entry with its problem, and whether it is left out.
//!
//! A package keeps the names of its files as they are, so there is no renaming on the way in: what is to be kept is
//! renamed where it lies and looked at again.

use std::collections::HashSet;

use egui::{Checkbox, Frame, Margin, ScrollArea, Ui};

use super::super::super::dialogs::show_scroll_bar;
use super::super::super::theme::CONTROL_HEIGHT;
use super::super::super::tokens::Tokens;
use super::super::super::widgets::alert::alert;
use super::super::super::widgets::button::button;

/// How many rows are seen before they scroll.
const SHOWN: usize = 6;

/// What was decided about the entries.
#[derive(Default)]
pub(super) struct Refused {
    left_out: HashSet<String>,
    /// How many are neither left out nor gone.
    undecided: usize,
}

impl Refused {
    /// Holds what was decided against what is refused now.
    pub(super) fn update(&mut self, refused: &[(String, String)]) {
        let paths: HashSet<&str> = refused.iter().map(|(path, _)| path.as_str()).collect();
        self.left_out.retain(|path| paths.contains(path.as_str()));
        self.undecided = refused.iter().filter(|(path, _)| !self.left_out.contains(path)).count();
    }

    /// Whether something is still in the way.
    pub(super) fn is_undecided(&self) -> bool {
        self.undecided > 0
    }

    /// The paths of what is left out, sorted.
    pub(super) fn left_out(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.left_out.iter().cloned().collect();
        paths.sort_unstable();
        paths
    }

    /// Shows the entries, each with a tick; whether the sources are to be looked at again.
    pub(super) fn ui(&mut self, ui: &mut Ui, refused: &[(String, String)]) -> bool {
        if refused.is_empty() {
            return false;
        }
        let entries = if refused.len() == 1 { "entry" } else { "entries" };
        alert(
            ui,
            &format!("{} {entries} cannot be taken", refused.len()),
            "Tick what is left out. To keep one, rename it where it lies and look again.",
        );
        let mut changed = false;
        let frame =
            Frame::new().fill(Tokens::of(ui).ground).corner_radius(4).inner_margin(Margin::symmetric(10, 6));
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 0.0;
            show_scroll_bar(ui);
            ScrollArea::vertical()
                .id_salt("refused")
                .max_height(SHOWN as f32 * CONTROL_HEIGHT)
                .auto_shrink([false, true])
                .show_rows(ui, CONTROL_HEIGHT, refused.len(), |ui, range| {
                    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
                    for (path, why) in &refused[range] {
                        let mut is_out = self.left_out.contains(path);
                        // Names as they are would break the line they stand in.
                        let is_odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
                        let shown: String = path.chars().map(|c| if is_odd(c) { '?' } else { c }).collect();
                        if ui.add(Checkbox::new(&mut is_out, format!("{shown}: {why}"))).changed() {
                            changed = true;
                            if is_out {
                                self.left_out.insert(path.clone());
                            } else {
                                self.left_out.remove(path);
                            }
                        }
                    }
                });
        });
        let mut is_looking_again = false;
        ui.horizontal(|ui| {
            if button(ui, "Leave all out").clicked() {
                self.left_out = refused.iter().map(|(path, _)| path.clone()).collect();
                changed = true;
            }
            is_looking_again = button(ui, "Look again").clicked();
        });
        if changed {
            self.update(refused);
        }
        is_looking_again
    }
}
