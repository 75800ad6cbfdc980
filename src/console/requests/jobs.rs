//! What the window does for jobs and the delivery manager: carries out their commands, asks what they need to know.

use egui::Ui;
use uuid::Uuid;

use crate::console::app::App;
use crate::console::dialogs::Delivery;
use crate::console::dialogs::job_wizard::JobWizard;
use crate::console::dialogs::jobs::{Halt, NotDelivered, Recover, RemoveJobs, Renew, ServiceHelp};
use crate::console::pages::Place;
use crate::console::pages::jobs::command::{JobCommand, JobScope};
use crate::console::pages::jobs::container::{Chosen, differing_package};
use crate::console::pages::jobs::{Draft, JobAction, Shown, words};
use crate::console::pages::packages::Moment;
use crate::console::tasks::Show;
use crate::failure::{Class, Failure};
use crate::package::{Finding, PackageId};
use crate::session::{
    ContainerView, CreateJobContainer, HaltJobs, ManagerSetting, ManagerStatus, NewJobContainer, PackageRef,
    PreflightJob, ReadTargets, RecoverJobs, RemoveJobContainer, RenewJobs, ResumeJobs, Selected, ShowJob,
    ShowJobContainer, ShowPackage, StopManager,
};
use crate::work::Work;

impl App {
    /// Shows the page of all jobs, or of one.
    pub(in crate::console) fn jobs_ui(
        &mut self,
        ui: &mut Ui,
        actions: &mut Vec<crate::console::action::Action>,
    ) {
        let view = std::sync::Arc::clone(&self.view);
        let shown = Shown {
            view: &view,
            scope: &self.scope,
            moment: Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone },
            density: self.density,
            keys: self.dialogs.is_empty() && self.active.is_none(),
        };
        match self.place {
            Place::Job(id) => self.jobs.container_ui(ui, id, &shown, actions),
            _ => self.jobs.ui(ui, &shown, actions),
        }
    }

    /// What can be done with jobs now.
    pub(in crate::console) fn job_scope(&self) -> JobScope {
        let managed = self.jobs.scope(None).managed;
        match self.place {
            _ if self.new_package.is_some() => JobScope { managed, ..JobScope::default() },
            Place::Jobs => self.jobs.scope(None),
            Place::Job(id) => self.jobs.scope(Some(id)),
            _ => JobScope { managed, ..JobScope::default() },
        }
    }

    /// The jobs a command acts on: the one whose page is shown, or those that are selected.
    fn jobs_in_hand(&self) -> Vec<ContainerView> {
        match self.place {
            Place::Job(id) => self.jobs.find(id).cloned().into_iter().collect(),
            Place::Jobs => self.jobs.selected().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Carries out a command on jobs; `packages` are the selected ones.
    pub(in crate::console) fn run_job(&mut self, command: JobCommand, packages: Vec<PackageId>) {
        let views = self.jobs_in_hand();
        let on_targets = matches!(self.place, Place::Job(_));
        match (command, views.as_slice()) {
            (JobCommand::New, _) => self.ask_new_job(Draft::default()),
            (JobCommand::Deploy, _) => self.ask_new_job(Draft { packages, ..Draft::default() }),
            (JobCommand::Refresh, _) => self.delivery_changed(false),
            (JobCommand::StartManager, _) => self.start_manager(),
            (JobCommand::StopManager, _) => self.stop_manager(),
            (JobCommand::InstallService, _) => {
                let library = self.around.library.display().to_string();
                let keys = self.around.keys.display().to_string();
                // It lies beside this one.
                let name = format!("packhouse-cli{}", std::env::consts::EXE_SUFFIX);
                let beside = std::env::current_exe().ok().map(|own| own.with_file_name(&name));
                let program = beside.map_or(name, |path| path.display().to_string());
                self.put_in_front(Box::new(ServiceHelp::new(program, library, keys)));
            }
            (JobCommand::Open, [one]) => self.go(Place::Job(one.id)),
            (JobCommand::RenewFailed, [one]) => self.ask_renew(one.clone()),
            (JobCommand::RenewSelected, [one]) => {
                let id = one.id;
                self.with_chosen(id, move |app, selected| app.renew(id, vec![selected]));
            }
            (JobCommand::Halt, views) if !views.is_empty() => {
                let targets = if on_targets { self.jobs.container.selected_count() } else { 0 };
                self.put_in_front(Box::new(Halt::new(views.to_vec(), targets)));
            }
            (JobCommand::Resume, [one]) if on_targets && self.jobs.container.selected_count() > 0 => {
                let id = one.id;
                self.with_chosen(id, move |app, selected| app.resume(id, selected));
            }
            (JobCommand::Resume, views) => {
                let ids: Vec<Uuid> = views.iter().map(|view| view.id).collect();
                ids.into_iter().for_each(|id| self.resume(id, Selected::All));
            }
            (JobCommand::Recover, [one]) => self.put_in_front(Box::new(Recover::new(one))),
            (JobCommand::CopyReport, [one]) => self.copy_reports(one.name.clone()),
            (JobCommand::Remove, [_, ..]) => self.put_in_front(Box::new(RemoveJobs::new(&views))),
            // Without a selection they are greyed.
            _ => {}
        }
    }

    /// Carries out what was done on a page or in a dialog.
    pub(in crate::console) fn work_on_jobs(&mut self, action: JobAction) {
        match action {
            JobAction::Show(id) => self.go(Place::Job(id)),
            JobAction::AskNew(draft) => self.ask_new_job(draft),
            JobAction::Check(new) => self.check_job(*new),
            JobAction::ReadPackage(id) => {
                let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
                let request = ShowPackage { package: PackageRef::Id(id) };
                self.ask("", Show::Nothing, request, move |app, result| match result {
                    Ok(details) => app.deliver(number, &Delivery::Details(&details)),
                    Err(failure) => app.tell(failure),
                });
            }
            JobAction::Create(new) => self.create_job(*new),
            JobAction::Renew(id, selected) => self.renew(id, selected),
            JobAction::Halt(id, Selected::Jobs(jobs)) if jobs.is_empty() => {
                self.with_chosen(id, move |app, selected| app.halt(id, selected));
            }
            JobAction::Halt(id, selected) => self.halt(id, selected),
            JobAction::Resume(id, selected) => self.resume(id, selected),
            JobAction::Recover(id) => {
                let request = RecoverJobs { id, selected: Selected::All };
                self.ask("Setting up the recovery", Show::Row, request, |app, result| match result {
                    Ok(view) => app.show_new_job(view),
                    Err(failure) => app.tell(failure),
                });
            }
            JobAction::Remove(ids, withdraw) => self.remove_jobs(ids, withdraw),
            JobAction::ShowRefusal(id) => self.show_refusal(id),
        }
    }

    fn name_of_job(&self, id: Uuid) -> String {
        self.jobs.find(id).map(|view| view.name.clone()).unwrap_or_default()
    }

    /// Opens the wizard, once the computers are known.
    pub(in crate::console) fn ask_new_job(&mut self, draft: Draft) {
        let known = self.computers.known().clone();
        let now = (self.around.now)();
        let zone = self.around.actor.time_zone.clone();
        let managed = self.jobs.scope(None).managed;
        let dialog = JobWizard::new(draft, known, &self.view, managed, (now, &zone));
        self.put_in_front(Box::new(dialog));
        // Somebody else may have enrolled some meanwhile.
        self.delivery_changed(true);
    }

    fn check_job(&mut self, new: NewJobContainer) {
        let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
        let request = PreflightJob { new };
        self.ask("", Show::Nothing, request, move |app, result| {
            app.deliver(number, &Delivery::Preflight(&result));
        });
    }

    fn create_job(&mut self, new: NewJobContainer) {
        let again = new.clone();
        self.ask(
            "Setting up the job",
            Show::Row,
            CreateJobContainer { new },
            move |app, result| match result {
                Ok(view) => app.show_new_job(view),
                Err(failure) if matches!(failure.code, "consistency-differs" | "consistency-damaged") => {
                    app.refused_at_once(&again, failure);
                }
                Err(failure) => app.tell(failure),
            },
        );
    }

    /// The package that is not delivered is the one the failure names.
    fn refused_at_once(&mut self, new: &NewJobContainer, failure: Failure) {
        let ids = new.packages.iter().filter_map(|(package, _)| match package {
            PackageRef::Id(id) => Some(*id),
            PackageRef::Text(_) => None,
        });
        let mut packages = ids.filter_map(|id| self.summary(id));
        let first = packages.clone().next();
        let blocked = packages.find(|package| package.finding != Finding::Consistent).or(first);
        match blocked {
            Some(package) => {
                let report = failure.report.map(|report| *report);
                let dialog = crate::console::dialogs::refused::Differs::new(package, "delivered", report);
                self.put_in_front(Box::new(dialog));
            }
            None => self.tell(failure),
        }
    }

    fn show_new_job(&mut self, view: ContainerView) {
        self.delivery_changed(false);
        self.jobs.select_when_seen(view.id);
        self.go(Place::Jobs);
    }

    fn renew(&mut self, id: Uuid, selected: Vec<Selected>) {
        let Some(session) = self.session().cloned() else { return };
        let title = format!("Renewing {}", self.name_of_job(id));
        let run = move |work: &Work| {
            let mut renewed = 0;
            for selected in selected {
                renewed += session.run(RenewJobs { id, selected }, work)?;
            }
            Ok(renewed)
        };
        self.tasks.start(&self.ctx, title, Show::Row, run, |app, result| match result {
            Ok(0) => app.tell_of_step("Nothing of it had failed".to_owned()),
            Ok(count) => app.told_of_targets(count, "done again"),
            Err(failure) => app.tell(failure),
        });
    }

    fn halt(&mut self, id: Uuid, selected: Selected) {
        let title = format!("Halting {}", self.name_of_job(id));
        self.ask(title, Show::Row, HaltJobs { id, selected }, |app, result| match result {
            Ok(count) => app.told_of_targets(count, "halted"),
            Err(failure) => app.tell(failure),
        });
    }

    fn resume(&mut self, id: Uuid, selected: Selected) {
        let title = format!("Resuming {}", self.name_of_job(id));
        self.ask(title, Show::Row, ResumeJobs { id, selected }, |app, result| match result {
            Ok(count) => app.told_of_targets(count, "let go on"),
            Err(failure) => app.tell(failure),
        });
    }

    fn told_of_targets(&mut self, count: u64, done: &str) {
        let are = if count == 1 { "is" } else { "are" };
        self.tell_of_step(format!("{} {are} {done}", words::targets(count)));
        self.delivery_changed(false);
    }

    fn remove_jobs(&mut self, ids: Vec<Uuid>, withdraw: bool) {
        if let Place::Job(id) = self.place
            && ids.contains(&id)
        {
            self.go(Place::Jobs);
        }
        for id in ids {
            let title = format!("Removing {}", self.name_of_job(id));
            self.ask(title, Show::Row, RemoveJobContainer { id, withdraw }, |app, result| {
                app.tell_if_failed(result);
                app.delivery_changed(false);
            });
        }
    }

    /// Reads why targets failed, and asks which of them are to be done again.
    fn ask_renew(&mut self, view: ContainerView) {
        let request = ShowJobContainer { id: view.id };
        self.ask("", Show::Nothing, request, |app, result| match result {
            Ok(details) => app.put_in_front(Box::new(Renew::new(&details))),
            Err(failure) => app.tell(failure),
        });
    }

    /// Finds out which targets are selected, and goes on with them.
    fn with_chosen(&mut self, id: Uuid, done: impl FnOnce(&mut Self, Selected) + Send + 'static) {
        match self.jobs.container.chosen() {
            None => {}
            Some(Chosen::Known(selected)) => done(self, selected),
            Some(Chosen::Places(query, places)) => {
                let Some(session) = self.session().cloned() else { return };
                let run = move |work: &Work| {
                    let mut jobs = Vec::with_capacity(places.len());
                    let mut rest = places.as_slice();
                    while let Some(first) = rest.first() {
                        stop_if_asked(work)?;
                        let mut query = query.clone();
                        query.from = *first;
                        let end = first + u64::from(query.most);
                        let (now, later) = rest.split_at(rest.partition_point(|place| *place < end));
                        let page = session.run(ReadTargets { id, query }, work)?;
                        let row = |place: &u64| usize::try_from(place - first).ok();
                        let found = now.iter().filter_map(|place| page.rows.get(row(place)?));
                        jobs.extend(found.map(|target| target.job));
                        rest = later;
                    }
                    Ok(Selected::Jobs(jobs))
                };
                self.tasks.start(&self.ctx, "Reading the selection", Show::Row, run, |app, result| {
                    match result {
                        Ok(selected) => done(app, selected),
                        Err(failure) => app.tell(failure),
                    }
                });
            }
        }
    }

    fn copy_reports(&mut self, name: String) {
        let jobs = self.jobs.container.selected_jobs();
        let Some(session) = self.session().cloned() else { return };
        let (now, zone) = ((self.around.now)(), self.around.actor.time_zone.clone());
        let run = move |work: &Work| {
            let moment = Moment { now, zone: &zone };
            let mut texts = Vec::with_capacity(jobs.len());
            for job in jobs {
                stop_if_asked(work)?;
                texts.push(words::report(&session.run(ShowJob { job }, work)?, &name, moment));
            }
            Ok(texts.join("\n\n"))
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| match result {
            Ok(text) => {
                app.ctx.copy_text(text);
                app.tell_of_step("The report is on the clipboard".to_owned());
            }
            Err(failure) => app.tell(failure),
        });
    }

    fn start_manager(&mut self) {
        let Some(session) = self.session().cloned() else { return };
        let ctx = self.ctx.clone();
        let run = move |_: &Work| {
            // The window looks after each round; what it paints it reads itself.
            let listener = Box::new(move |_: &_| ctx.request_repaint());
            session.start_telling_manager(ManagerSetting::default(), listener)?;
            session.manager_status()
        };
        let title = "Starting the delivery manager";
        self.tasks.start(&self.ctx, title, Show::Row, run, |app, result| app.manager_told(result));
    }

    fn stop_manager(&mut self) {
        let title = "Stopping the delivery manager";
        self.ask(title, Show::Row, StopManager {}, |app, result| app.manager_told(result));
    }

    fn manager_told(&mut self, result: Result<ManagerStatus, Failure>) {
        match result {
            Ok(status) => self.jobs.set_manager(status),
            Err(failure) => self.tell(failure),
        }
        self.delivery_changed(false);
    }

    /// Says in front of everything why a job is not delivered.
    fn show_refusal(&mut self, id: Uuid) {
        let Some(view) = self.jobs.find(id).cloned() else { return };
        let library = std::sync::Arc::clone(&self.view);
        let failed = self.jobs.container.failed_by_checksum();
        if let Some(package) = differing_package(&view, &library) {
            self.put_in_front(Box::new(NotDelivered::new(view, package.clone(), failed)));
        }
    }

    /// Somebody who watches the job is told of a checksum error, once.
    pub(in crate::console) fn tell_of_refusal_once(&mut self) {
        let Place::Job(id) = self.place else { return };
        let is_told = self.dialogs.is_empty() && self.active.is_none();
        let Some(details) = self.jobs.container.details().filter(|details| details.view.id == id) else {
            return;
        };
        let view = &details.view;
        let at = view.report.as_ref().map(|report| report.at);
        if view.code != words::DIFFERS || self.refusals_told.contains(&(id, at)) || !is_told {
            return;
        }
        let differs =
            differing_package(view, &self.view).is_some_and(|one| one.finding != Finding::Consistent);
        if differs {
            self.refusals_told.insert((id, at));
            self.show_refusal(id);
        }
    }
}

/// Ends work between two requests, where somebody stopped it.
fn stop_if_asked(work: &Work) -> Result<(), Failure> {
    work.check()
        .map_err(|_| Failure::new("cancelled", Class::Cancelled, "cancelled", "Start it again when you like"))
}
