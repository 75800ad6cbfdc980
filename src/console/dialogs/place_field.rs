//! The field that asks where something is fetched from, with the places that are known below it.

use egui::Ui;

use super::{Delivery, Env, path_row, quiet};
use crate::console::action::{Action, Browse};

/// A place that is typed, chosen, or taken from those that are known.
#[derive(Debug, Default)]
pub struct PlaceField {
    place: String,
    known: Vec<String>,
}

impl PlaceField {
    /// With these places known; the first of them stands in the field.
    pub fn new(known: Vec<String>) -> Self {
        let mut field = Self::default();
        field.learn(known);
        field
    }

    /// The place as it stands there; empty for none.
    pub fn place(&self) -> &str {
        self.place.trim()
    }

    /// Takes places that were found meanwhile.
    pub fn learn(&mut self, known: Vec<String>) {
        self.known = known;
        if self.place.is_empty() {
            self.place = self.known.first().cloned().unwrap_or_default();
        }
    }

    /// Takes what was chosen, if it is a path.
    pub fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Path(path) = delivery {
            self.place = path.display().to_string();
        }
    }

    /// The field, what may be written there, and the other places that are known.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        label: &str,
        explanation: &str,
        env: &Env<'_>,
        actions: &mut Vec<Action>,
    ) {
        path_row(ui, label, &mut self.place, Browse::Folder, env.is_new, actions);
        quiet(ui, explanation);
        for place in self.known.iter().filter(|known| **known != self.place) {
            quiet(ui, &format!("Known: {place}"));
        }
    }
}
