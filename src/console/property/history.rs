//! The tab *History*: what happened to the package.

use egui::Ui;

use super::PropertyWindow;
use crate::console::action::Action;
use crate::console::pages::history::{HistoryRows, columns};
use crate::console::pages::packages::Moment;
use crate::console::widgets::list::List;

impl PropertyWindow {
    pub(super) fn history_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        if std::mem::take(&mut self.history_old) {
            actions.push(Action::ReadHistoryOf(self.id));
        }
        let Some(entries) = &self.history else {
            ui.weak("Reading History…");
            return;
        };
        let index: Vec<u32> = (0..entries.len()).filter_map(|at| u32::try_from(at).ok()).collect();
        let rows = HistoryRows { entries, index: &index, moment, package: false };
        List::new("package history", "History", &columns(false), 24.0).show(
            ui,
            &mut self.history_list,
            &rows,
            |_, _| (),
        );
    }
}
