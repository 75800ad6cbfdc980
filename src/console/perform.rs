//! Carries out what was done: each action becomes a change of the window or a piece of work on another thread.

use std::fs::OpenOptions as FileOptions;
use std::io::Write as _;
use std::path::PathBuf;

use egui::ViewportCommand;

use super::action::{Action, Browse};
use super::app::{App, Front, Leaving, Opened};
use super::command::Command;
use super::dialogs::failure::{Told, is_worth_telling};
use super::dialogs::library::Report;
use super::dialogs::question::Accept;
use super::dialogs::unsaved::Unsaved;
use super::dialogs::{Delivery, Dialog};
use super::housekeeping::Facts;
use super::notices::Notices;
use super::pages::Place;
use super::pages::new_package::NewPackage;
use super::tasks::{Show, TaskId};
use super::undo::Undo;
use crate::failure::{Class, Failure};
use crate::package::record::{PackageId, PackageSummary};
use crate::package::{CheckKind, PackageState};
use crate::session::{
    self, KnownPlaces, LastReasons, ListKeys, PackageRef, ReadContents, ReadInfo, Request, RestoreSource,
    Session, ShowPackage,
};
use crate::work::Work;

impl App {
    /// Asks the library for something on another thread.
    pub(super) fn ask<R: Request>(
        &mut self,
        title: impl Into<String>,
        show: Show,
        request: R,
        done: impl FnOnce(&mut Self, Result<R::Reply, Failure>) + Send + 'static,
    ) -> Option<TaskId> {
        let session = self.session()?.clone();
        let run = move |work: &Work| session.run(request, work);
        Some(self.tasks.start(&self.ctx, title, show, run, done))
    }

    /// Puts a dialog in front and gets it what it waits for.
    pub(super) fn put_in_front(&mut self, dialog: Box<dyn Dialog>) {
        self.dialogs_so_far += 1;
        let number = self.dialogs_so_far;
        let needs = dialog.needs();
        self.dialogs.push(Front { number, is_new: true, dialog });
        if needs.reasons {
            self.ask("", Show::Nothing, LastReasons {}, move |app, result| {
                if let Ok(reasons) = result {
                    app.deliver(number, &Delivery::Reasons(&reasons));
                }
            });
        }
        if needs.keys {
            self.ask("", Show::Nothing, ListKeys {}, move |app, result| match result {
                Ok(keys) => app.deliver(number, &Delivery::Keys(&keys)),
                Err(failure) => app.tell(failure),
            });
        }
        if needs.info {
            self.ask("", Show::Nothing, ReadInfo {}, move |app, result| {
                // Without it the dialog says less.
                if let Ok(info) = result {
                    app.deliver(number, &Delivery::Info(&info));
                }
            });
        }
        if !needs.whereabouts.is_empty() {
            self.read_whereabouts(number, needs.whereabouts);
        }
        if let Some(id) = needs.contents {
            self.ask("", Show::Nothing, ReadContents { package: id }, move |app, result| match result {
                Ok(contents) => app.deliver(number, &Delivery::Contents(&contents)),
                Err(failure) => app.tell(failure),
            });
        }
        if let Some(id) = needs.places {
            self.ask("", Show::Nothing, KnownPlaces { package: id }, move |app, result| {
                // Without them the dialog offers less.
                if let Ok(places) = result {
                    app.deliver(number, &Delivery::KnownPlaces(&places));
                }
            });
        }
        if let Some(id) = needs.details {
            let request = ShowPackage { package: PackageRef::Id(id) };
            self.ask("", Show::Nothing, request, move |app, result| match result {
                Ok(details) => app.deliver(number, &Delivery::Details(&details)),
                Err(failure) => app.tell(failure),
            });
        }
    }

    pub(super) fn deliver(&mut self, number: u64, delivery: &Delivery<'_>) {
        if let Some(front) = self.dialogs.iter_mut().find(|front| front.number == number) {
            front.dialog.receive(delivery);
        }
    }

    /// Tells of a failure, unless somebody wanted it.
    pub(super) fn tell(&mut self, failure: Failure) {
        if is_worth_telling(&failure) {
            self.put_in_front(Box::new(Told::new(failure)));
        }
    }

    /// Tells of the failure of something that gives nothing worth showing.
    pub(super) fn tell_if_failed<T>(&mut self, result: Result<T, Failure>) {
        if let Err(failure) = result {
            self.tell(failure);
        }
    }

    /// Opens the library of the surroundings on another thread.
    pub(super) fn open_library(&mut self) {
        self.opened = Opened::Opening;
        self.view = std::sync::Arc::default();
        self.windows.clear();
        self.several.clear();
        self.active = None;
        self.downloads = super::pages::downloads::DownloadsPage::default();
        self.sample = super::requests::Sample::default();
        self.jobs = super::pages::jobs::JobsPage::default();
        self.computers = super::pages::computers::ComputersPage::default();
        self.staging = super::pages::staging::StagingPage::default();
        self.staging_windows.clear();
        self.homes = std::sync::Arc::default();
        self.delivery = super::requests::Reads::default();
        self.refusals_told.clear();
        self.history = super::pages::history::HistoryPage::default();
        self.undo = Undo::default();
        self.notices = Notices::default();
        self.library_check.read_at = None;
        self.facts = Facts::default();
        self.watched.stop();
        let options = self.around.open_options();
        let proxy = self.around.proxy.clone();
        let ctx = self.ctx.clone();
        let run = move |_: &Work| {
            let session = Session::open(options)?;
            if !session.is_read_only() {
                session.use_network(proxy)?;
            }
            session.observe(std::sync::Arc::new(move || ctx.request_repaint()));
            Ok(session)
        };
        self.tasks.start(&self.ctx, "Opening the library", Show::Nothing, run, |app, result| match result {
            Ok(session) => {
                app.remember(session.root().to_owned());
                app.wake_for_downloads(&session);
                app.opened = Opened::Open(session);
                app.set_polling(app.poll_minutes);
                if app.new_package.is_some() {
                    app.perform(Action::Preview);
                }
            }
            Err(failure) => app.opened = Opened::Failed(failure),
        });
    }

    /// Carries out one action.
    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Run(Command::List(command)) => self.run_list(command),
            Action::Run(Command::Download(command)) => self.run_download(command),
            Action::Download(action) => self.work_on_downloads(action),
            Action::Run(Command::Computer(command)) => self.run_computer(command),
            Action::Job(action) => self.work_on_jobs(action),
            Action::Computer(action) => self.work_on_computers(action),
            Action::Staging(action) => self.work_on_staging(action),
            // Of 100,000 packages no copy is made for it.
            Action::Run(Command::Properties) => self.open_properties(),
            Action::Run(command) => {
                let selected = self.packages.selected().to_vec();
                self.run(command, selected);
            }
            Action::List(action) => self.list_action(action),
            Action::RunOn(command, id) => {
                let package: Vec<PackageSummary> = self.summary(id).into_iter().collect();
                self.run(command, package);
            }
            Action::RunOnSeveral(command, ids) => {
                let packages = ids.into_iter().filter_map(|id| self.summary(id)).collect();
                self.run(command, packages);
            }
            Action::Open(id) => self.open_window(id),
            Action::OpenNamed(key) => {
                let folded = key.folded();
                let found = self.view.packages.iter().find(|package| package.key.folded() == folded);
                if let Some(id) = found.map(|package| package.id) {
                    self.open_window(id);
                }
            }
            Action::OpenReadOnly => {
                self.around.read_only = true;
                self.open_library();
            }
            Action::OpenWritable => {
                self.around.read_only = false;
                // Somebody else may still have it: the lists stay then.
                self.around.share.read_only_if_in_use = true;
                self.open_library();
                self.around.share.read_only_if_in_use = false;
            }
            Action::LookAgain => {
                if let Some(session) = self.session() {
                    session.look_now();
                }
            }
            Action::LookAtFolder(folder) => self.look_at_folder(folder),
            Action::PollEvery(minutes) => self.set_polling(minutes),
            Action::OpenLibrary(path) => self.change_library(path),
            Action::Set(setting) => self.set(setting),
            Action::Rebuild => self.rebuild(),
            Action::Ask(dialog) => self.put_in_front(dialog),
            Action::Browse(browse) => self.browse(browse),
            Action::Stop(task) => self.tasks.cancel(task),
            Action::NewPackage(sources) => {
                match &mut self.new_package {
                    Some(page) => {
                        page.add(sources);
                    }
                    None => {
                        let group = match &self.place {
                            Place::Group(group) => group.clone(),
                            _ => String::new(),
                        };
                        self.new_package = Some(NewPackage::new(sources, group));
                    }
                }
                self.preview();
            }
            Action::Preview => self.preview(),
            Action::AskSameProduct(name) => self.ask_same_product(name),
            Action::CompareSource(package) => self.compare_source(package),
            Action::Create => self.create(),
            Action::RegisterEach(requests) => self.register_each(requests),
            Action::ChooseNewVersion(package) => {
                if let Some(page) = &mut self.new_package {
                    page.choose_new_version(package);
                }
            }
            Action::LeaveNewPackage => self.new_package = None,
            Action::Check(packages, kind) => self.check(packages, kind),
            Action::CloseWindow(id) => {
                let Some(window) = self.window(id) else { return };
                if window.is_changed() {
                    let title = window.key.title();
                    self.put_in_front(Box::new(Unsaved::new(&title, Action::Discard(id))));
                } else {
                    self.close_window(id);
                }
            }
            Action::Discard(id) => self.close_window(id),
            Action::ForgetSwitch(id) => {
                if let Some(window) = self.window(id) {
                    window.forget_switch();
                }
            }
            Action::AskAccept(id) => self.ask_accept(id),
            Action::Find(search, limit) => self.find(search, limit),
            Action::SelectPackages(packages) => {
                self.go(Place::Packages);
                self.search.clear();
                self.packages.select_all_when_seen(packages);
            }
            Action::RunLibraryCheck(run, rate) => self.run_library_check(run, rate),
            Action::SteerLibraryCheck(steer) => self.steer_library_check(steer),
            Action::ForgetLibraryCheck => self.forget_library_check(),
            Action::ShowDifferences(id) => {
                self.open_window(id);
                if let Some(window) = self.window(id) {
                    window.show_differences();
                }
            }
            Action::ShowDelivery(id) => {
                self.open_window(id);
                if let Some(window) = self.window(id) {
                    window.show_delivery();
                }
            }
            Action::AskAdd(id, browse) => self.ask_add(id, browse, Vec::new()),
            Action::Count(sources) => self.count(sources),
            Action::Copy(text) => self.ctx.copy_text(text),
            Action::CloseNow => {
                self.leaving = Leaving::Now;
                self.tasks.cancel_all();
            }
            Action::CloseWhenDone => {
                self.leaving = Leaving::WhenDone;
            }
            Action::StayOpen => {
                self.leaving = Leaving::No;
            }
            Action::WriteText(path, text) => self.write_text(path, text),
            other => self.request(other),
        }
    }

    /// Shows another place.
    pub(super) fn go(&mut self, place: Place) {
        let place = match place {
            // One is shown on the page of all, selected.
            Place::StagingLibrary(id) => {
                self.staging.select(Some(id));
                Place::Staging
            }
            Place::Staging => {
                self.staging.select(None);
                Place::Staging
            }
            place => place,
        };
        if place.is_delivery() && !self.place.is_delivery() {
            self.delivery_changed(place.is_computers());
        }
        if place == Place::Keys {
            self.keys_page.is_old = true;
        }
        self.place = place;
        self.new_package = None;
    }

    fn ask_accept(&mut self, id: PackageId) {
        if let Some(window) = self.window(id) {
            let record = window.details().map(|details| details.record.clone());
            let report = window.differing_report().cloned();
            if let (Some(record), Some(report)) = (record, report) {
                self.put_in_front(Box::new(Accept::new(record, report, false)));
                return;
            }
        }
        let request = ShowPackage { package: PackageRef::Id(id) };
        self.ask("", Show::Nothing, request, |app, result| match result {
            Ok(details) => {
                if let Some(report) = details.report {
                    app.put_in_front(Box::new(Accept::new(details.record, report, false)));
                }
            }
            Err(failure) => app.tell(failure),
        });
    }

    pub(super) fn check(&mut self, packages: Vec<PackageId>, kind: CheckKind) {
        if let [id] = packages.as_slice() {
            self.check_one(*id, kind);
        } else {
            self.check_several(packages, kind);
        }
    }

    fn rebuild(&mut self) {
        let options = self.around.open_options();
        self.opened = Opened::Opening;
        let run = move |work: &Work| session::rebuild(options, work);
        self.tasks.start(&self.ctx, "Rebuilding the library database", Show::Row, run, |app, result| {
            match result {
                Ok(report) => {
                    let mut lines: Vec<String> = report
                        .packages
                        .iter()
                        .filter(|package| !package.lost.is_empty())
                        .map(|package| format!("{}: {}", package.key, package.lost.join(", ")))
                        .collect();
                    let left_out = report.left_out.iter();
                    lines.extend(left_out.map(|(path, why)| format!("{}: {why}", path.display())));
                    lines.extend(report.lost.iter().cloned());
                    let text = format!(
                        "{} packages and {} events of History are in the new library database.",
                        report.packages.len(),
                        report.history_entries
                    );
                    app.put_in_front(Box::new(Report::new("The library database was rebuilt", text, lines)));
                    app.open_library();
                }
                Err(failure) => app.opened = Opened::Failed(failure),
            }
        });
    }

    fn browse(&mut self, browse: Browse) {
        let number = self.dialogs.last().map(|front| front.number);
        // A native dialog may be closed, or not be there at all: nothing happens then, the path field stays.
        let run = move |_: &Work| {
            let title = match browse {
                Browse::SourceFiles | Browse::AddFiles(_) => "Choose files",
                Browse::SourceFolder | Browse::AddFolder(_) => "Choose folders",
                Browse::Folder => "Choose a folder",
                Browse::File => "Choose a file",
                Browse::SaveAs => "Save as",
            };
            let dialog = rfd::FileDialog::new().set_title(title);
            Ok(match browse {
                Browse::SourceFiles | Browse::AddFiles(_) => dialog.pick_files().unwrap_or_default(),
                Browse::SourceFolder | Browse::AddFolder(_) => dialog.pick_folders().unwrap_or_default(),
                Browse::Folder => dialog.pick_folder().into_iter().collect(),
                Browse::File => dialog.pick_file().into_iter().collect(),
                Browse::SaveAs => dialog.save_file().into_iter().collect::<Vec<PathBuf>>(),
            })
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, move |app, result| {
            let paths = result.unwrap_or_default();
            if paths.is_empty() {
                return;
            }
            match browse {
                Browse::SourceFiles | Browse::SourceFolder => app.perform(Action::NewPackage(paths)),
                Browse::AddFiles(_) | Browse::AddFolder(_) => {
                    if let Some(number) = number {
                        app.deliver(number, &Delivery::Paths(&paths));
                    }
                }
                Browse::Folder | Browse::File | Browse::SaveAs => {
                    if let (Some(number), Some(path)) = (number, paths.into_iter().next()) {
                        app.deliver(number, &Delivery::Path(path));
                    }
                }
            }
        });
    }

    fn write_text(&mut self, path: PathBuf, make: Box<dyn FnOnce() -> String + Send>) {
        let run = move |_: &Work| {
            let failed = |error: std::io::Error| {
                let message = format!("cannot write {}", path.display());
                Failure::new("io", Class::Environment, message, "Choose another file, or check your rights")
                    .because(error.to_string())
            };
            let mut file = FileOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
            file.write_all(make().as_bytes()).map_err(failed)
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| app.tell_if_failed(result));
    }

    /// What follows from a new view of the library.
    pub(super) fn follow_view(&mut self) {
        let view = std::sync::Arc::clone(&self.view);
        if view.epoch == 0 {
            return;
        }
        let stale: Vec<PackageId> = self
            .windows
            .iter_mut()
            .filter_map(|window| window.is_stale(&view).then_some(window.id))
            .collect();
        stale.into_iter().for_each(|id| self.read_details(id));
        // A package that was removed has no properties.
        self.keep_windows(|id| view.packages.find(id).is_some());
        self.follow_several();
        self.follow_replaced();
        if let Place::Group(group) = &self.place
            && !view.groups.contains(group)
        {
            self.place = Place::Packages;
        }
        self.leave_gone_group();
        self.follow_library_check();
        if self.place == Place::Keys && self.keys_page.wants_keys() {
            self.read_keys();
        }
    }

    /// Ends the program as soon as what was asked for is done.
    pub(super) fn leave_if_ready(&mut self) {
        if !matches!(self.leaving, Leaving::Now | Leaving::WhenDone) {
            return;
        }
        let ends = if self.leaving == Leaving::Now {
            !self.tasks.is_any_running()
        } else {
            let manages = self.session().is_some_and(Session::manages);
            self.tasks.rows().is_empty()
                && self.downloads.totals().active == 0
                && !(manages && self.jobs.active() > 0)
        };
        if !ends {
            return;
        }
        if self.view.removed.0 > 0 && !std::mem::replace(&mut self.emptied, true) {
            self.empty_trash();
            return;
        }
        self.leaving = Leaving::Ready;
        self.ctx.send_viewport_cmd(ViewportCommand::Close);
    }
}

/// How a source of a restore is called in a sentence.
pub(super) fn name_of(app: &App, source: &RestoreSource) -> String {
    match source {
        RestoreSource::Package(id) => app.summary(*id).map(|package| package.key.title()).unwrap_or_default(),
        RestoreSource::File(path) => {
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
    }
}

/// Whether the package is archived.
pub(super) fn is_archived(app: &App, id: PackageId) -> bool {
    app.summary(id).is_some_and(|package| package.state == PackageState::Archived)
}
