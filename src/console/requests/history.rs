//! Work of the page *History*: its entries read, one of them in full, its chain followed.

use std::path::PathBuf;

use crate::console::action::Action;
use crate::console::app::App;
use crate::console::dialogs::library::Report;
use crate::console::pages::Place;
use crate::console::pages::history::NEWEST;
use crate::console::tasks::Show;
use crate::session::{ExportFormat, ExportHistory, HistoryFilter, ListPeople, ReadHistory, ShowHistoryEntry};
use crate::work::Work;

impl App {
    /// Reads what the page shows and has not read yet.
    pub(in crate::console) fn follow_history(&mut self) {
        if self.place != Place::History || self.view.epoch == 0 {
            return;
        }
        if let Some(filter) = self.history.to_read(self.view.epoch) {
            self.read_history(filter);
        }
        if self.history.starts_verifying() {
            self.history.is_verifying = true;
            self.perform(Action::VerifyHistory);
        }
        if let Some(number) = self.history.details_to_read() {
            self.ask("", Show::Nothing, ShowHistoryEntry { number }, move |app, result| match result {
                Ok(details) => app.history.set_details(number, details),
                Err(failure) => app.tell(failure),
            });
        }
    }

    /// Writes the entries for printing, and hands them to the program that prints.
    pub(in crate::console) fn print_history(&mut self, filter: HistoryFilter, to: PathBuf, open: bool) {
        let request = ExportHistory { filter, format: ExportFormat::Html, to: to.clone() };
        self.ask("Writing the report", Show::Row, request, move |app, result| match result {
            Ok(0) => {
                let text = format!("No accepted change passes the filter; {} says so.", to.display());
                app.put_in_front(Box::new(Report::new("There is nothing to print", text, Vec::new())));
            }
            Ok(_) if open => app.perform(Action::OpenPath(to)),
            Ok(_) => {}
            Err(failure) => app.tell(failure),
        });
    }

    fn read_history(&mut self, filter: HistoryFilter) {
        let Some(session) = self.session().cloned() else { return };
        let filter = HistoryFilter { newest: Some(NEWEST), ..filter };
        let run = move |work: &Work| {
            let entries = session.run(ReadHistory { filter }, work)?;
            Ok((entries, session.run(ListPeople {}, work)?))
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| match result {
            Ok(read) => app.history.set_entries(Some(read)),
            Err(failure) => {
                app.history.set_entries(None);
                app.tell(failure);
            }
        });
    }
}
