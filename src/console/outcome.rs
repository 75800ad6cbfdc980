//! The requests to the library, each with what is done with its result.

use std::path::PathBuf;

use super::action::Action;
use super::app::App;
use super::dialogs::archive::CannotRestore;
use super::dialogs::library::Report;
use super::dialogs::question::{Accept, Question, SwitchOff};
use super::dialogs::refused::Differs;
use super::dialogs::unseal::Unseal;
use super::perform::{is_archived, name_of};
use super::tasks::Show;
use super::undo::Step;
use crate::failure::{Class, Failure};
use crate::package::record::{PackageId, PackageSummary};
use crate::package::{BlockSize, BoardSlot, CheckKind};
use crate::session::{
    self, AcceptRequest, ArchiveRequest, Check, CheckAll, CheckBlocks, CreateKey, Edit, EditProcedures,
    EmptyTrash, ExportKey, Look, PackageRef, Passphrase, ReadBlocks, ReadFileFacts, RestoreSource,
    ShowPackage, SwitchAnswer, SwitchOutcome, UndoRemove, VerifyHistory,
};

impl App {
    fn title_of(&self, id: PackageId) -> String {
        self.summary(id).map(|package| package.key.title()).unwrap_or_default()
    }

    /// Carries out an action that asks the library for something.
    pub(super) fn request(&mut self, action: Action) {
        match action {
            Action::Look(id) => self.look(id),
            Action::Apply { package, close } => self.apply(package, close),
            Action::ReadBlocks(id) => {
                self.ask("", Show::Nothing, ReadBlocks { package: id }, move |app, result| match result {
                    Ok(blocks) => {
                        if let Some(window) = app.window(id) {
                            window.set_blocks(blocks);
                        }
                    }
                    Err(failure) => app.tell(failure),
                });
            }
            action @ (Action::ReadHistoryOf(_)
            | Action::ReadContents(_)
            | Action::ReadWhereabouts(_)
            | Action::ReadWhereaboutsOf(_)
            | Action::MakeContentRows(..)
            | Action::OpenPath(_)
            | Action::SaveFile(..)
            | Action::ReadEntry(..)
            | Action::AddNote(..)
            | Action::Several(..)
            | Action::CopyMade(_)) => self.work_on_properties(action),
            Action::ReadFileFacts(id) => self.read_file_facts(id),
            Action::SwitchOn(id, answer) => self.switch_on(id, answer, false),
            Action::SwitchOff(id, reason) => self.switch_off(id, reason),
            Action::Accept { package, request, switch_on } => self.accept(package, request, switch_on),
            action @ (Action::AskRepair(..)
            | Action::LookAtPlace(..)
            | Action::Repair { .. }
            | Action::CompareFile(..)
            | Action::EndComparison(_)
            | Action::RepairAndRestore(..)) => self.work_on_repair(action),
            Action::Update(id, request) => {
                let title = format!("Updating {}", self.title_of(id));
                let request = session::Update { package: id, request };
                self.ask(title, Show::Row, request, move |app, result| app.changed(id, result));
            }
            Action::TryHere(id, procedure) => self.try_here(id, procedure),
            Action::EditProcedures(id, edit) => {
                let title = format!("Saving procedures of {}", self.title_of(id));
                let request = EditProcedures { package: id, edit, key: None };
                self.ask(title, Show::Row, request, move |app, result| app.changed(id, result));
            }
            Action::Seal { package, key, block_size } => self.seal(package, key, block_size),
            Action::MakeKeyAndSeal { package, name, backup, block_size } => {
                self.make_key(package, name, backup, block_size);
            }
            Action::Unseal(id) => {
                let title = format!("Unsealing {}", self.title_of(id));
                let request = session::Unseal { package: id };
                self.ask(title, Show::Row, request, move |app, result| match result {
                    // It was staged, or a job was set up, while somebody was being asked.
                    Err(failure) if failure.code == "package-delivered" => {
                        app.read_details(id);
                        if let Some(package) = app.summary(id) {
                            app.put_in_front(Box::new(Unseal::new(package)));
                        }
                    }
                    result => app.changed(id, result),
                });
            }
            Action::NewVersion(id, version) => {
                let title = format!("Making version {version} of {}", self.title_of(id));
                let request = session::NewVersion { package: id, version };
                self.ask(title, Show::Row, request, |app, result| match result {
                    Ok(record) => app.packages.select_when_seen(record.id),
                    Err(failure) => app.tell(failure),
                });
            }
            Action::Archive(packages, request) => self.archive(packages, request),
            Action::Restore(source) => self.restore(source),
            Action::SaveGoodFiles(source, to) => {
                let shown = to.display().to_string();
                let request = session::SaveGoodFiles { source, to };
                self.ask("Saving the good files", Show::Row, request, move |app, result| match result {
                    Ok(count) => {
                        let files = if count == 1 { "file is" } else { "files are" };
                        let text = format!("{count} good {files} in {shown}.");
                        app.put_in_front(Box::new(Report::new(
                            "The good files were saved",
                            text,
                            Vec::new(),
                        )));
                    }
                    Err(failure) => app.tell(failure),
                });
            }
            Action::Export(id, to) => {
                let title = format!("Exporting {}", self.title_of(id));
                let request = session::Export { package: id, to };
                self.ask(title, Show::Row, request, move |app, result| {
                    app.handed_on(id, "exported", result);
                });
            }
            Action::Remove(ids) => {
                for id in ids {
                    let title = format!("Removing {}", self.title_of(id));
                    let request = session::Remove { package: id };
                    self.ask(title, Show::Row, request, |app, result| match result {
                        Ok(_) => app.remember_step(Step::RemovedPackage),
                        Err(failure) => app.tell(failure),
                    });
                }
            }
            Action::ExportSearch(search, to) => {
                let request = session::ExportSearch { search, to };
                self.ask("Writing the list", Show::Row, request, |app, result| app.tell_if_failed(result));
            }
            Action::Key(action) => self.work_on_keys(action),
            Action::AddGroup(_)
            | Action::RenameGroup { .. }
            | Action::RemoveGroup(_)
            | Action::MoveToGroup(..) => self.work_on_groups(action),
            Action::MoveLibrary(_) | Action::DeleteOldCopy | Action::HandOver(_) | Action::SetNetwork(..) => {
                self.work_on_library(action)
            }
            Action::VerifyHistory => {
                self.ask("", Show::Nothing, VerifyHistory {}, |app, result| match result {
                    Ok(chain) => app.history.set_chain(Some(chain)),
                    Err(failure) => {
                        app.history.set_chain(None);
                        app.tell(failure);
                    }
                });
            }
            Action::ExportHistory(filter, format, to) => {
                let request = session::ExportHistory { filter, format, to };
                self.ask("Exporting History", Show::Row, request, |app, result| app.tell_if_failed(result));
            }
            Action::PrintHistory { filter, to, open } => self.print_history(filter, to, open),
            // Everything else was carried out by `perform`.
            _ => {}
        }
    }

    /// After a change of a package: its window shows what is there now.
    fn changed<T>(&mut self, id: PackageId, result: Result<T, Failure>) {
        match result {
            Ok(_) => self.read_details(id),
            Err(failure) => self.tell(failure),
        }
    }

    /// [`App::changed`] where the package has to agree with its checksum first: the refusal leads on.
    fn handed_on<T>(&mut self, id: PackageId, doing: &'static str, result: Result<T, Failure>) {
        match result {
            Err(failure) if matches!(failure.code, "consistency-differs" | "consistency-damaged") => {
                self.read_details(id);
                let Some(package) = self.summary(id) else { return };
                let report = failure.report.map(|report| *report);
                self.put_in_front(Box::new(Differs::new(package, doing, report)));
            }
            other => self.changed(id, other),
        }
    }

    /// Asks the system when the files that differ were changed.
    fn read_file_facts(&mut self, id: PackageId) {
        let Some(window) = self.window(id) else { return };
        let Some(report) = window.differing_report() else { return };
        let at = report.at;
        let d = &report.differences;
        let mut paths: Vec<String> = d.added.iter().map(|file| file.path.clone()).collect();
        paths.extend(d.resized.iter().map(|file| file.path.clone()));
        paths.extend(d.case_changed.iter().map(|file| file.found.clone()));
        paths.extend(d.damaged.iter().map(|file| file.path.clone()));
        let request = ReadFileFacts { package: id, paths };
        self.ask("", Show::Nothing, request, move |app, result| {
            // What cannot be asked now stays unsaid.
            if let (Ok(facts), Some(window)) = (result, app.window(id)) {
                window.set_file_facts(at, facts);
            }
        });
    }

    /// Reads everything about a package for its window.
    pub(super) fn read_details(&mut self, id: PackageId) {
        if self.window(id).is_none() {
            return;
        }
        let request = ShowPackage { package: PackageRef::Id(id) };
        self.ask("", Show::Nothing, request, move |app, result| {
            if let Some(window) = app.window(id) {
                window.set_details(result);
            }
        });
    }

    pub(super) fn check_one(&mut self, id: PackageId, kind: CheckKind) {
        let what = match kind {
            _ if is_archived(self, id) => "Verifying the archive of",
            CheckKind::Quick => "Quick check of",
            CheckKind::Deep => "Deep check of",
        };
        let title = format!("{what} {}", self.title_of(id));
        if kind == CheckKind::Deep {
            self.check_blocks(id, title);
            return;
        }
        let request = Check { package: id, kind };
        let task = self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(report) => {
                if let Some(window) = app.window(id) {
                    window.set_report(report);
                }
                app.read_details(id);
            }
            Err(failure) => app.tell(failure),
        });
        if let (Some(task), Some(window)) = (task, self.window(id)) {
            window.set_check(task);
        }
    }

    /// A deep check, or of an archived package the verification of its archive, whose blocks can be watched.
    fn check_blocks(&mut self, id: PackageId, title: String) {
        let blocks = BoardSlot::new();
        let request = CheckBlocks { package: id, blocks: blocks.clone() };
        let task = self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(report) => {
                if let Some(window) = app.window(id) {
                    window.end_check(Some(report));
                }
                app.read_details(id);
            }
            Err(failure) => {
                if let Some(window) = app.window(id) {
                    window.end_check(None);
                }
                app.tell(failure);
            }
        });
        if let (Some(task), Some(window)) = (task, self.window(id)) {
            window.watch_check(task, blocks);
        }
    }

    pub(super) fn check_several(&mut self, packages: Vec<PackageId>, kind: CheckKind) {
        let what = if kind == CheckKind::Quick { "Quick check" } else { "Deep check" };
        let title = format!("{what} of {} packages", packages.len());
        let request = CheckAll { packages: Some(packages), kind };
        self.ask(title, Show::Row, request, |app, result| match result {
            Ok(checked) => {
                let failed: Vec<String> = checked
                    .iter()
                    .filter_map(|one| one.result.as_ref().err().map(|failure| (one, failure)))
                    .map(|(one, failure)| format!("{}: {failure}", one.key))
                    .collect();
                if !failed.is_empty() {
                    let text = format!("{} of {} packages:", failed.len(), checked.len());
                    app.put_in_front(Box::new(Report::new("Not all could be checked", text, failed)));
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    /// Looks at a package without recording anything.
    fn look(&mut self, id: PackageId) {
        let title = format!("Quick check of {}", self.title_of(id));
        let request = Look { package: id, kind: CheckKind::Quick };
        let task = self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(report) => {
                if let Some(window) = app.window(id) {
                    window.set_report(report);
                }
            }
            Err(failure) => app.tell(failure),
        });
        if let (Some(task), Some(window)) = (task, self.window(id)) {
            window.set_check(task);
        }
    }

    fn apply(&mut self, id: PackageId, close: bool) {
        let Some(changes) = self.window(id).and_then(|window| window.changes()) else { return };
        let (edit, switch) = match changes {
            Ok(changes) => changes,
            Err(why) => {
                let action = "Replaces takes a package as Name@Version";
                self.tell(Failure::new("bad-name", Class::Usage, why, action));
                return;
            }
        };
        if edit == session::PackageEdit::default() {
            self.apply_switch(id, switch, close);
            return;
        }
        let title = format!("Saving {}", self.title_of(id));
        let task = self.ask(title, Show::Row, Edit { package: id, edit }, move |app, result| match result {
            Ok(_) => {
                if switch.is_some() || !close {
                    app.read_details(id);
                }
                app.apply_switch(id, switch, close);
            }
            Err(failure) => app.tell(failure),
        });
        if let (Some(task), Some(window)) = (task, self.window(id)) {
            window.set_applying(task);
        }
    }

    fn apply_switch(&mut self, id: PackageId, switch: Option<bool>, close: bool) {
        let Some(window) = self.window(id) else { return };
        window.close_when_answered = close;
        match switch {
            None if close => self.close_window(id),
            None => {}
            Some(true) => self.switch_on(id, None, false),
            Some(false) => {
                let record = window.details().map(|details| details.record.clone());
                let differs = window.differing_report().map(|report| report.differences.summary());
                if let Some(record) = record {
                    self.put_in_front(Box::new(SwitchOff::new(record, differs)));
                }
            }
        }
    }

    /// Switches the check on. `again`: the package changed between question and answer.
    fn switch_on(&mut self, id: PackageId, answer: Option<SwitchAnswer>, again: bool) {
        let title = format!("Switching checksum control on for {}", self.title_of(id));
        let request = session::SwitchOn { package: id, answer };
        let task = self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(SwitchOutcome::On(_, report)) => {
                if let Some(window) = app.window(id) {
                    window.set_report(report);
                }
                app.answered(id);
            }
            Ok(SwitchOutcome::Question(report)) => {
                let changed = again.then(app.around.now);
                let Some(window) = app.window(id) else { return };
                window.set_report(report.clone());
                let record = window.details().map(|details| details.record.clone());
                if let Some(record) = record {
                    app.put_in_front(Box::new(Question::new(record, report, changed)));
                }
            }
            Err(failure) if failure.code == "changed-again" && !again => app.switch_on(id, None, true),
            Err(failure) => {
                if let Some(window) = app.window(id) {
                    window.forget_switch();
                }
                app.tell(failure);
            }
        });
        if let (Some(task), Some(window)) = (task, self.window(id)) {
            window.set_applying(task);
        }
    }

    fn switch_off(&mut self, id: PackageId, reason: String) {
        let title = format!("Switching checksum control off for {}", self.title_of(id));
        let request = session::SwitchOff { package: id, reason: Some(reason) };
        self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(_) => app.answered(id),
            Err(failure) => {
                if let Some(window) = app.window(id) {
                    window.forget_switch();
                }
                app.tell(failure);
            }
        });
    }

    /// The switch is where it was wanted: the window closes if OK was pressed.
    pub(super) fn answered(&mut self, id: PackageId) {
        if self.window(id).is_some_and(|window| window.close_when_answered) {
            self.close_window(id);
        } else {
            self.read_details(id);
        }
    }

    fn accept(&mut self, id: PackageId, request: AcceptRequest, switch_on: bool) {
        if switch_on {
            self.switch_on(id, Some(SwitchAnswer::Accept(request)), false);
            return;
        }
        let title = format!("Accepting changes in {}", self.title_of(id));
        let request = session::Accept { package: id, request };
        self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(_) => {
                // What was accepted agrees now; the details say so.
                if let Some(window) = app.window(id) {
                    window.forget_report();
                }
                app.read_details(id);
            }
            Err(failure) if failure.code == "changed-again" => app.accept_again(id),
            Err(failure) => app.tell(failure),
        });
    }

    /// Reads what differs in a package that has no window, and asks whether it is to be accepted.
    pub(super) fn read_and_ask_accept(&mut self, id: PackageId) {
        let request = ShowPackage { package: PackageRef::Id(id) };
        self.ask("", Show::Nothing, request, |app, result| match result {
            Ok(details) => {
                if let Some(report) = details.report.filter(|report| !report.is_consistent()) {
                    app.put_in_front(Box::new(Accept::new(details.record, report, false)));
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    /// The package changed between question and answer: checks again and asks again.
    fn accept_again(&mut self, id: PackageId) {
        let title = format!("Quick check of {}", self.title_of(id));
        let request = Check { package: id, kind: CheckKind::Quick };
        self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(report) => {
                let now = (app.around.now)();
                let Some(window) = app.window(id) else { return };
                window.set_report(report.clone());
                let record = window.details().map(|details| details.record.clone());
                app.read_details(id);
                if let Some(record) = record.filter(|_| !report.is_consistent()) {
                    let dialog = Accept::new(record, report, false).changed_again(now);
                    app.put_in_front(Box::new(dialog));
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    fn seal(&mut self, id: PackageId, key: Option<String>, block_size: Option<BlockSize>) {
        let title = format!("Sealing {}", self.title_of(id));
        let request = session::Seal { package: id, key, block_size };
        self.ask(title, Show::Row, request, move |app, result| match result {
            Err(failure) if !matches!(failure.code, "consistency-differs" | "consistency-damaged") => {
                app.read_details(id);
                app.tell(failure);
            }
            result => app.handed_on(id, "sealed", result),
        });
    }

    fn make_key(
        &mut self,
        id: PackageId,
        name: String,
        backup: Option<(PathBuf, String)>,
        block_size: Option<BlockSize>,
    ) {
        let Some(session) = self.session().cloned() else { return };
        let key = name.clone();
        let run = move |work: &crate::work::Work| {
            session.run(CreateKey { name: name.clone() }, work)?;
            match backup {
                Some((to, passphrase)) => {
                    let request = ExportKey { name, to, passphrase: Passphrase(passphrase) };
                    session.run(request, work).map(|_| ())
                }
                None => Ok(()),
            }
        };
        let title = format!("Making the key {key}");
        self.tasks.start(&self.ctx, title, Show::Row, run, move |app, result| match result {
            Ok(()) => app.seal(id, Some(key), block_size),
            Err(failure) => app.tell(failure),
        });
    }

    fn archive(&mut self, packages: Vec<PackageSummary>, request: ArchiveRequest) {
        self.last_archive_folder = request.folder.display().to_string();
        for package in packages {
            let id = package.id;
            let title = format!("Archiving {}", package.key.title());
            let request = session::Archive { package: id, request: request.clone() };
            self.ask(title, Show::Row, request, move |app, result| {
                app.handed_on(id, "archived", result);
            });
        }
    }

    fn restore(&mut self, source: RestoreSource) {
        let name = name_of(self, &source);
        let title = format!("Restoring {name}");
        let request = session::Restore { source: source.clone() };
        self.ask(title, Show::Row, request, move |app, result| match result {
            Ok(report) => {
                app.packages.select_when_seen(report.record.id);
                app.read_details(report.record.id);
            }
            Err(failure) if CannotRestore::knows(failure.code) => {
                app.put_in_front(Box::new(CannotRestore::new(source, name, failure)));
            }
            Err(failure) => app.tell(failure),
        });
    }

    pub(super) fn undo_remove(&mut self) {
        self.ask("Undo remove", Show::Row, UndoRemove {}, |app, result| match result {
            Ok(key) => {
                let folded = key.folded();
                if let Some(session) = app.session() {
                    let view = session.view();
                    let there = view.packages.iter().find(|package| package.key.folded() == folded);
                    if let Some(id) = there.map(|package| package.id) {
                        app.packages.select_when_seen(id);
                    }
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    pub(super) fn empty_trash(&mut self) {
        // The program ends whether or not it works; what stays is deleted the next time.
        self.ask("Deleting removed packages", Show::Row, EmptyTrash {}, |_, result| {
            if let Err(failure) = result {
                tracing::warn!(%failure, "removed packages could not be deleted");
            }
        });
    }
}
