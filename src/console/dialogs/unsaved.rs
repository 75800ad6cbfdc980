//! Asks before changes in a property window are lost.

use egui::Ui;

use super::{Dialog, Env, Next, buttons_ui, plain_button, safe_button, text};
use crate::console::action::Action;
use crate::console::widgets::short;

/// Longest name in the title.
const LONGEST_NAME: usize = 80;

/// The question; what is answered by losing them is done by `discard`.
pub struct Unsaved {
    title: String,
    discard: Option<Action>,
}

impl Unsaved {
    /// In the window called `title`; `discard` closes it with all changes lost.
    pub fn new(title: &str, discard: Action) -> Self {
        Self { title: short(title, LONGEST_NAME), discard: Some(discard) }
    }
}

impl Dialog for Unsaved {
    fn title(&self) -> String {
        format!("Lose the changes to {}?", self.title)
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, "The property window holds changes that were not applied.");
        buttons_ui(ui, |ui| {
            if safe_button(ui, "Go on editing", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Lose them") {
                actions.extend(self.discard.take());
                return Next::Close;
            }
            Next::Stay
        })
    }
}
