//! What the window does for staging libraries and staged packages: carries out their commands, asks what they need to
//! know.

use std::path::Path;

use egui::Ui;

use super::staged::{Each, cancelled};
use crate::console::action::Action;
use crate::console::app::App;
use crate::console::dialogs::Delivery;
use crate::console::dialogs::download::NewDownload;
use crate::console::dialogs::staging::{AddStaging, ReconcileResult, RemoveStaging};
use crate::console::dialogs::unsaved::Unsaved;
use crate::console::pages::Place;
use crate::console::pages::packages::Moment;
use crate::console::pages::staging::command::{StagingCommand, StagingScope};
use crate::console::pages::staging::words::packages as packages_text;
use crate::console::pages::staging::{Reach, Shown, StagingAction};
use crate::console::property::{StagingWindow, WindowId};
use crate::console::tasks::Show;
use crate::package::HistoryEvent;
use crate::package::history::StagingNamed;
use crate::package::record::PackageSummary;
use crate::package::staging::{StagedFinding, StagingId};
use crate::session::{
    self, AddStagingLibrary, CopyRow, EditStagingLibrary, HistoryFilter, NewStagingLibrary, ReachStaging,
    ReadHistory, Reconcile, Register, RegisterReport, RegisterRequest, RemoveStagingLibrary, StagingAddress,
    TryStaging,
};
use crate::work::Work;

/// At most so many entries of History are read.
const HISTORY_MOST: u32 = 5_000;

impl App {
    /// Shows the page.
    pub(in crate::console) fn staging_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let shown = Shown {
            scope: &self.scope,
            moment: Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone },
            density: self.density,
            keys: self.dialogs.is_empty() && self.active.is_none(),
            homes: &self.homes,
        };
        self.staging.ui(ui, &shown, actions);
    }

    /// What can be done with staging libraries now.
    pub(in crate::console) fn staging_scope(
        &mut self,
        selected: &std::sync::Arc<crate::console::selected::Selected>,
    ) -> StagingScope {
        let on_page = self.place.is_staging() && self.new_package.is_none();
        self.staging.scope(on_page, selected)
    }

    /// Carries out a command on the selected staging libraries, or on these packages.
    pub(in crate::console) fn run_staging(&mut self, command: StagingCommand, packages: Vec<PackageSummary>) {
        let selected = self.staging.selected_ids();
        match (command, selected.as_slice()) {
            (StagingCommand::Add, _) => {
                let known = self.staging.known().libraries.iter();
                let names = known.map(|row| row.staging.name.clone()).collect();
                self.put_in_front(Box::new(AddStaging::new(names)));
            }
            (StagingCommand::Refresh, _) => {
                self.staging.forget_reaches();
                self.staging_changed();
            }
            (StagingCommand::Properties, [one]) => self.open_staging_window(*one),
            (StagingCommand::Reconcile, [one]) => self.reconcile(*one),
            (StagingCommand::VerifyAll, [_, ..]) => self.verify_all(selected, false),
            (StagingCommand::VerifyAllDeep, [_, ..]) => self.verify_all(selected, true),
            (StagingCommand::Remove, [one]) => self.ask_remove_staging(*one),
            (StagingCommand::Stage, _) => self.ask_stage(packages, None),
            (StagingCommand::Unstage, _) => {
                let copies = self.copies_of(&packages);
                self.ask_unstage(copies);
            }
            (StagingCommand::VerifyCopy | StagingCommand::VerifyCopyDeep, _) => {
                let copies = self.copies_of(&packages);
                let copies = copies.iter().map(|row| (row.copy.package, row.copy.staging)).collect();
                self.verify(copies, command == StagingCommand::VerifyCopyDeep);
            }
            // Without a selection they are greyed.
            _ => {}
        }
    }

    /// Carries out what was done on the page, in a window or in a dialog.
    pub(in crate::console) fn work_on_staging(&mut self, action: StagingAction) {
        match action {
            StagingAction::Show(id) => self.go(Place::StagingLibrary(id)),
            StagingAction::Add(new) => {
                let name = new.name.clone();
                let request = AddStagingLibrary { new: *new };
                self.ask("Adding a staging library", Show::Row, request, |app, result| {
                    if result.is_ok() {
                        app.go(Place::Staging);
                        app.staging.select_when_seen(name);
                    }
                    app.tell_if_failed(result);
                    app.staging_changed();
                });
            }
            StagingAction::Edit(id, edit, close) => self.edit_staging(id, *edit, close),
            StagingAction::Close(id) => {
                let Some(window) = self.staging_windows.iter().find(|window| window.id == id) else { return };
                if window.is_changed() {
                    let dialog = Unsaved::new(window.name(), Action::Staging(StagingAction::Discard(id)));
                    self.put_in_front(Box::new(dialog));
                } else {
                    self.close_staging_window(id);
                }
            }
            StagingAction::Discard(id) => self.close_staging_window(id),
            StagingAction::Try(new, kept) => self.try_staging(*new, kept),
            StagingAction::Remove(id, forget_copies) => {
                let request = RemoveStagingLibrary { id, forget_copies };
                self.ask("Removing the staging library", Show::Row, request, |app, result| {
                    if let Ok(removed) = &result {
                        app.tell_of_step(format!("{} is no longer listed", removed.name));
                    }
                    app.tell_if_failed(result);
                    app.staging_changed();
                });
            }
            StagingAction::AskStage(packages, first) => {
                let packages = packages.into_iter().filter_map(|id| self.summary(id)).collect();
                self.ask_stage(packages, first);
            }
            StagingAction::AskUnstage(copies) => {
                let is_wanted = |row: &&CopyRow| copies.contains(&(row.copy.package, row.copy.staging));
                let rows = self.staging.known().copies.iter().filter(is_wanted).cloned().collect();
                self.ask_unstage(rows);
            }
            StagingAction::Look(packages, at) => self.look_before_staging(packages, at),
            StagingAction::Stage { packages, at, now } => {
                at.into_iter().for_each(|at| self.stage(packages.clone(), at, now));
            }
            StagingAction::Unstage(copies) => self.unstage(copies),
            StagingAction::Verify(copies, deep) => self.verify(copies, deep),
            StagingAction::VerifyAll(ids, deep) => self.verify_all(ids, deep),
            StagingAction::Reconcile(id) => self.reconcile(id),
            StagingAction::RegisterUnknown(id, folders) => self.register_unknown(id, folders),
        }
    }

    /// Something was done: what is known of staging libraries is read at once.
    pub(in crate::console) fn staging_changed(&mut self) {
        self.delivery.staging_is_old();
        self.ctx.request_repaint();
    }

    pub(super) fn name_of_staging(&self, id: StagingId) -> String {
        self.staging.known().name(id).to_owned()
    }

    fn ask_remove_staging(&mut self, id: StagingId) {
        let Some(row) = self.staging.known().find(id).cloned() else { return };
        // What is known to be gone is nothing to be lost.
        let is_there = |row: &&CopyRow| row.copy.finding != StagedFinding::Missing;
        let copies: Vec<&CopyRow> = self.staging.known().copies_at(id).filter(is_there).collect();
        let staged =
            copies.iter().map(|row| format!("{}, revision {}", row.copy.key.title(), row.copy.revision));
        let mut jobs: Vec<String> = copies.iter().flat_map(|row| self.jobs_of(row)).collect();
        jobs.sort();
        jobs.dedup();
        let homes = self.homes.get(&id.to_string()).map_or(0, Vec::len);
        let dialog = RemoveStaging::new(row, staged.collect(), jobs, homes);
        self.put_in_front(Box::new(dialog));
    }

    /// Asks whether staging libraries answer, where that is shown and not known; ends looks nobody waits for any more.
    pub(in crate::console) fn follow_staging(&mut self) {
        let (dialogs, tasks) = (&self.dialogs, &self.tasks);
        self.staging_looks.retain(|(number, task)| {
            let is_wanted = dialogs.iter().any(|front| front.number == *number);
            if !is_wanted {
                tasks.cancel(*task);
            }
            is_wanted && tasks.is_running(*task)
        });
        let known = self.staging.known().clone();
        let mut gone = Vec::new();
        for window in &mut self.staging_windows {
            if self.staging.is_read() && !window.follow(&known) {
                gone.push(window.id);
            }
        }
        gone.into_iter().for_each(|id| self.close_staging_window(id));
        let is_shown = self.place.is_staging() || !self.staging_windows.is_empty();
        if !is_shown || self.session().is_none() || !self.staging.is_read() {
            return;
        }
        for id in self.staging.take_to_ask((self.around.now)()) {
            self.ask("", Show::Nothing, ReachStaging { staging: id }, move |app, result| {
                let reach = match result {
                    Ok(reach) => Reach::Answered(reach),
                    Err(failure) => Reach::Failed(Box::new(failure), (app.around.now)()),
                };
                app.staging.set_reach(id, reach);
            });
        }
    }

    fn reconcile(&mut self, staging: StagingId) {
        let title = format!("Reconciling {}", self.name_of_staging(staging));
        self.ask(title, Show::Row, Reconcile { staging }, |app, result| {
            match result {
                Ok(found) => {
                    let registers = match StagingAddress::parse(&found.staging.write) {
                        Ok((StagingAddress::Folder(_) | StagingAddress::Web(_), _)) => Ok(()),
                        _ => Err("What lies in a bucket is downloaded first: Downloads, New download…"),
                    };
                    let written = app.scope.write_refusal();
                    app.put_in_front(Box::new(ReconcileResult::new(found, registers, written)));
                }
                Err(failure) => app.tell(failure),
            }
            app.staging_changed();
        });
    }

    /// Registers packages that lie in a folder; one on a server is offered as a download.
    fn register_unknown(&mut self, id: StagingId, folders: Vec<String>) {
        let Some(row) = self.staging.known().find(id) else { return };
        let address = row.staging.read_address().to_owned();
        let Ok((parsed, _)) = StagingAddress::parse(&row.staging.write) else { return };
        let StagingAddress::Folder(root) = parsed else {
            if let Some(folder) = folders.first() {
                let address = format!("{}/{folder}/", address.trim_end_matches('/'));
                self.put_in_front(Box::new(NewDownload::new(address)));
            }
            return;
        };
        let Some(session) = self.session().cloned() else { return };
        let title = format!("Registering what lies at {}", row.staging.name);
        let run = move |work: &Work| {
            let mut results: Each<RegisterReport> = Vec::new();
            for folder in folders {
                work.check().map_err(|_| cancelled())?;
                let path = root.join(Path::new(&folder));
                // With a whole, trusted seal it stays sealed.
                let request = RegisterRequest::new(vec![path]);
                results.push((folder, session.run(Register { request }, work)));
            }
            // What is known now is looked for again, so that its copy is known as well.
            session.run(Reconcile { staging: id }, work)?;
            Ok(results)
        };
        self.tasks.start(&self.ctx, title, Show::Row, run, |app, result| {
            match result {
                Ok(results) => {
                    let done = results.iter().filter(|(_, one)| one.is_ok()).count() as u64;
                    app.tell_of_step(format!("{} registered", packages_text(done)));
                    app.tell_of_each(&results, "not registered");
                }
                Err(failure) => app.tell(failure),
            }
            app.staging_changed();
        });
    }

    fn try_staging(&mut self, new: NewStagingLibrary, kept: Option<StagingId>) {
        let number = self.dialogs.last().map(|front| front.number);
        self.ask("", Show::Nothing, TryStaging { new, kept }, move |app, result| match (kept, number) {
            (Some(id), _) => {
                if let Some(window) = app.staging_windows.iter_mut().find(|window| window.id == id) {
                    window.set_trial(&result);
                }
            }
            (None, Some(number)) => app.deliver(number, &Delivery::StagingTrial(&result)),
            (None, None) => {}
        });
    }

    fn edit_staging(&mut self, id: StagingId, edit: session::StagingEdit, close: bool) {
        let request = EditStagingLibrary { id, edit };
        let task = self.ask("Saving the staging library", Show::Row, request, move |app, result| {
            if result.is_ok() {
                if let Some(window) = app.staging_windows.iter_mut().find(|window| window.id == id) {
                    window.set_saved();
                }
                if close {
                    app.close_staging_window(id);
                }
            }
            app.tell_if_failed(result);
            app.staging_changed();
        });
        if let (Some(task), Some(window)) =
            (task, self.staging_windows.iter_mut().find(|window| window.id == id))
        {
            window.set_saving(task);
        }
    }

    fn open_staging_window(&mut self, id: StagingId) {
        let Some(row) = self.staging.known().find(id).cloned() else { return };
        self.active = Some(WindowId::Staging(id));
        if let Some(window) = self.staging_windows.iter_mut().find(|window| window.id == id) {
            window.bring_to_front();
            return;
        }
        let order = self.windows.len() + self.several.len() + self.staging_windows.len();
        self.staging_windows.push(StagingWindow::new(row, order));
    }

    /// Reads what was brought to a staging library and away, for its property window.
    pub(in crate::console) fn read_history_of_staging(&mut self, id: StagingId) {
        let filter = HistoryFilter {
            events: vec![HistoryEvent::Staged, HistoryEvent::Unstaged],
            staging: Some(StagingNamed { id, name: self.name_of_staging(id) }),
            newest: Some(HISTORY_MOST),
            ..HistoryFilter::default()
        };
        self.ask("", Show::Nothing, ReadHistory { filter }, move |app, result| match result {
            Ok(mut entries) => {
                let is_cut = entries.len() >= HISTORY_MOST as usize;
                entries.reverse();
                if let Some(window) = app.staging_windows.iter_mut().find(|window| window.id == id) {
                    window.history().set(entries, is_cut);
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    fn close_staging_window(&mut self, id: StagingId) {
        self.staging_windows.retain(|window| window.id != id);
        if self.active == Some(WindowId::Staging(id)) {
            self.active = None;
        }
    }
}
