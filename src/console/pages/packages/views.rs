//! Saved views: columns, sorting and filters under a name.

use egui::{Popup, Ui};
use serde::{Deserialize, Serialize};

use super::{Filters, Layout, ListAction};
use crate::console::action::Action;
use crate::console::widgets::chip::chip;

/// What is shown of the library, under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedView {
    /// As it stands in the menu; no two have the same.
    pub name: String,
    /// Columns and sorting.
    pub layout: Layout,
    /// Chip and fields.
    #[serde(default)]
    pub filters: Filters,
}

/// Keeps a view; one of the same name is replaced.
pub(super) fn save(views: &mut Vec<SavedView>, view: SavedView) {
    match views.iter_mut().find(|known| known.name == view.name) {
        Some(known) => *known = view,
        None => views.push(view),
    }
}

/// Gives a view another name; a view that had it goes.
pub(super) fn rename(views: &mut Vec<SavedView>, before: &str, name: String) {
    if before == name {
        return;
    }
    views.retain(|view| view.name != name);
    if let Some(view) = views.iter_mut().find(|view| view.name == before) {
        view.name = name;
    }
}

/// The menu of views; gives the one that was chosen.
pub(super) fn menu_ui(ui: &mut Ui, views: &[SavedView], actions: &mut Vec<Action>) -> Option<SavedView> {
    let mut chosen = None;
    let mut ask = |ui: &mut Ui, action| {
        actions.push(Action::List(action));
        ui.close();
    };
    let opener = chip(ui, "Views", false).on_hover_text("Columns, sorting and filters under a name");
    Popup::menu(&opener).show(|ui| {
        ui.set_min_width(170.0);
        for view in views {
            if ui.button(&view.name).clicked() {
                chosen = Some(view.clone());
                ui.close();
            }
        }
        if !views.is_empty() {
            ui.separator();
        }
        if ui.button("Save view…").clicked() {
            ask(ui, ListAction::AskViewName);
        }
        if views.is_empty() {
            return;
        }
        ui.menu_button("Rename view", |ui| {
            for view in views {
                if ui.button(format!("{}…", view.name)).clicked() {
                    ask(ui, ListAction::AskNewName(view.name.clone()));
                }
            }
        });
        ui.menu_button("Delete view", |ui| {
            for view in views {
                if ui.button(format!("{}…", view.name)).clicked() {
                    ask(ui, ListAction::AskDeleteView(view.name.clone()));
                }
            }
        });
    });
    chosen
}
