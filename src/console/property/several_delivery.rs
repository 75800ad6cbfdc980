//! The tab *Delivery* of several packages: where each of them is, on a line.

use egui::{RichText, Ui};

use super::common::Common;
use crate::console::action::Action;
use crate::console::dialogs::sentence;
use crate::console::dialogs::whereabouts::{names_staged, open_job_names};
use crate::console::format;
use crate::console::pages::packages::icon_of;
use crate::console::tokens::Tokens;
use crate::console::widgets::alert::alert;
use crate::console::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use crate::failure::Failure;
use crate::package::record::{PackageId, PackageSummary};
use crate::session::Whereabouts;

/// What was read: where each of the packages is.
pub type SeveralWhereabouts = Result<Vec<(PackageId, Whereabouts)>, Failure>;

/// What the tab remembers.
pub(super) struct State {
    known: Option<SeveralWhereabouts>,
    /// What was read may have changed.
    pub(super) old: bool,
    is_reading: bool,
    list: ListState,
}

impl Default for State {
    fn default() -> Self {
        Self { known: None, old: true, is_reading: false, list: ListState::default() }
    }
}

impl State {
    pub(super) fn set(&mut self, read: SeveralWhereabouts) {
        self.is_reading = false;
        self.known = Some(read);
    }

    /// Shows the tab of the window of this number.
    pub(super) fn ui(&mut self, ui: &mut Ui, number: u64, common: &Common, actions: &mut Vec<Action>) {
        if self.old && !self.is_reading {
            self.old = false;
            self.is_reading = true;
            actions.push(Action::ReadWhereaboutsOf(number));
        }
        let known = match &self.known {
            None => {
                ui.weak("Reading where they are…");
                return;
            }
            Some(Err(failure)) => {
                let action = crate::console::advice::advice(failure);
                alert(ui, &sentence(&failure.message), &action);
                return;
            }
            Some(Ok(known)) => known,
        };
        let find = |id: &PackageId| common.rows.iter().find(|row| row.id == *id);
        let rows: Vec<(&PackageSummary, &Whereabouts)> =
            known.iter().filter_map(|(id, known)| Some((&**find(id)?, known))).collect();
        if rows.len() < common.len() {
            let first = format::thousands(rows.len() as u64);
            let colour = Tokens::of(ui).secondary;
            ui.label(RichText::new(format!("The first {first} packages are looked up")).color(colour));
        }
        let columns = [
            Column::text("Package", 200.0).growing().unsortable(),
            Column::text("Staged at", 210.0).unsortable(),
            Column::number("Installed on", 100.0).unsortable(),
            Column::text("Waiting jobs", 230.0).unsortable(),
            Column::number("Jobs", 70.0).unsortable(),
        ];
        let list = List::new("delivery of several", "Delivery", &columns, 24.0);
        let done = list.show(ui, &mut self.list, &DeliveryRows(&rows), |_, _| ());
        if let Some((package, _)) = done.opened.and_then(|row| rows.get(row)) {
            actions.push(Action::ShowDelivery(package.id));
        }
    }
}

struct DeliveryRows<'a>(&'a [(&'a PackageSummary, &'a Whereabouts)]);

impl Rows for DeliveryRows<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some((package, known)) = self.0.get(index) else { return Row::default() };
        let or_none = |text: String| if text.is_empty() { "–".to_owned() } else { text };
        let count = |count: u64| if count == 0 { "–".to_owned() } else { format::thousands(count) };
        let (staged, jobs) = (or_none(names_staged(known)), or_none(open_job_names(known)));
        let installed = count(known.installed + known.installed_tests);
        let title = package.key.title();
        let name = format!("{title}, staged at {staged}, installed on {installed}, waiting jobs {jobs}");
        let cells = vec![
            Cell::new(title),
            Cell::new(staged),
            Cell::new(installed),
            Cell::new(jobs),
            Cell::secondary(count(known.jobs.len() as u64)),
        ];
        Row { icon: Some(icon_of(package)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.0.get(index).map_or("", |(package, _)| package.key.name())
    }
}
