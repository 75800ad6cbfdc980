//! The page *Jobs*: every job container with how many of its targets stand where, and the line about the delivery
//! manager; and the page of one container.
//!
//! Owns which jobs and targets are selected and looked at. What a job is and how it goes on stands in the session.

pub mod command;
pub mod container;
mod list;
mod manager_line;
mod target;
mod targets;
pub mod words;

use std::sync::Arc;

use egui::{Key, Label, Modifiers, Panel, RichText, Ui};
use uuid::Uuid;

use super::packages::Moment;
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::icons::Icon;
use crate::console::theme::Density;
use crate::console::tokens::Tokens;
use crate::console::widgets::alert::alert;
use crate::console::widgets::empty_state::empty_choices_ui;
use crate::console::widgets::list::{List, ListState};
use crate::failure::Failure;
use crate::package::PackageId;
use crate::session::{ContainerView, ManagerStatus, NewJobContainer, Selected as SelectedJobs, View};
use command::{JobCommand, JobScope, Managed, SelectedJob};
use container::ContainerPage;
use list::ContainerRows;

/// What a new job begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Packages.
    pub packages: Vec<PackageId>,
    /// Groups of computers.
    pub groups: Vec<String>,
    /// Computers, by name.
    pub computers: Vec<String>,
}

/// What is done with jobs.
#[derive(Debug)]
pub enum JobAction {
    /// Shows the targets of one.
    Show(Uuid),
    /// Asks for a new one.
    AskNew(Draft),
    /// Looks beforehand at what a new one would be, for the dialog in front.
    Check(Box<NewJobContainer>),
    /// Reads the procedures of a package, for the dialog in front.
    ReadPackage(PackageId),
    /// Makes one.
    Create(Box<NewJobContainer>),
    /// Lets these parts of one be done again.
    Renew(Uuid, Vec<SelectedJobs>),
    /// Halts a part of one, or all of it.
    Halt(Uuid, SelectedJobs),
    /// Lets a part of one, or all of it, go on.
    Resume(Uuid, SelectedJobs),
    /// Runs the uninstall procedures where it failed.
    Recover(Uuid),
    /// Removes these; whether those that have not ended are withdrawn.
    Remove(Vec<Uuid>, bool),
    /// Says in front of everything why one is not delivered.
    ShowRefusal(Uuid),
}

/// What the pages are drawn from.
pub struct Shown<'a> {
    /// The library.
    pub view: &'a View,
    /// Which commands can be used.
    pub scope: &'a Scope,
    /// The clock.
    pub moment: Moment<'a>,
    /// Height of rows.
    pub density: Density,
    /// Whether keys reach the page.
    pub keys: bool,
}

/// The page and what it remembers.
#[derive(Default)]
pub struct JobsPage {
    rows: Arc<Vec<ContainerView>>,
    is_read: bool,
    manager: Option<ManagerStatus>,
    failure: Option<Failure>,
    list: ListState,
    select: Option<Uuid>,
    /// The targets of one.
    pub container: ContainerPage,
}

impl JobsPage {
    /// Takes over what was read.
    pub fn set(&mut self, rows: Vec<ContainerView>, manager: ManagerStatus) {
        let before = std::mem::replace(&mut self.rows, Arc::new(rows));
        let rows = &self.rows;
        let is_same = before.len() == rows.len()
            && before.iter().zip(rows.iter()).all(|(one, other)| one.id == other.id);
        if !is_same {
            self.list.selection.remap(rows.len(), |row| {
                let id = before.get(row)?.id;
                rows.iter().position(|one| one.id == id)
            });
        }
        if let Some(row) = self.select.and_then(|id| rows.iter().position(|one| one.id == id)) {
            self.select = None;
            self.list.selection.select(row);
            self.list.scroll_to(row);
        }
        self.manager = Some(manager);
        self.is_read = true;
        self.failure = None;
    }

    /// They could not be read.
    pub fn set_failure(&mut self, failure: Failure) {
        self.failure = Some(failure);
        self.is_read = true;
    }

    /// Selects one as soon as it is in the list.
    pub fn select_when_seen(&mut self, id: Uuid) {
        self.select = Some(id);
    }

    /// All of them.
    pub fn rows(&self) -> &[ContainerView] {
        &self.rows
    }

    /// The one with this identity.
    pub fn find(&self, id: Uuid) -> Option<&ContainerView> {
        self.rows.iter().find(|view| view.id == id)
    }

    /// Whether they were read.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// Whether a delivery manager runs, as it was read last.
    pub fn manager(&self) -> Option<&ManagerStatus> {
        self.manager.as_ref()
    }

    /// Takes over whether a delivery manager runs.
    pub fn set_manager(&mut self, status: ManagerStatus) {
        self.manager = Some(status);
    }

    /// How many have not ended.
    pub fn active(&self) -> usize {
        self.rows.iter().filter(|view| !view.state.is_ended()).count()
    }

    /// How many targets have not ended.
    pub fn waiting(&self) -> u64 {
        self.rows.iter().map(|view| view.totals.open()).sum()
    }

    /// The selected ones.
    pub fn selected(&self) -> impl Iterator<Item = &ContainerView> {
        self.list.selection.rows().filter_map(|row| self.rows.get(row))
    }

    /// What commands need to know, on the page of all or, given its identity, of one.
    pub fn scope(&self, shown: Option<Uuid>) -> JobScope {
        let selected = match shown {
            Some(id) => self.find(id).map(SelectedJob::of).into_iter().collect(),
            None => self.selected().map(SelectedJob::of).collect(),
        };
        let targets = if shown.is_some() { self.container.selected_count() } else { 0 };
        JobScope { selected, is_on_targets: shown.is_some(), targets, managed: Managed::of(self.manager()) }
    }

    /// The selected rows as text with a header.
    pub fn copied(&self, moment: Moment<'_>) -> String {
        ContainerRows { rows: &self.rows, moment }.copied(self.list.selection.rows())
    }

    /// Shows the page of all.
    pub fn ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        self.manager_ui(ui, shown, actions);
        if let Some(failure) = &self.failure {
            alert(ui, "Jobs could not be read", &failure.to_string());
        }
        if self.rows.is_empty() {
            let new = Command::Job(JobCommand::New);
            if !self.is_read {
                ui.centered_and_justified(|ui| ui.label("Reading jobs…"));
                return;
            }
            let text = "No job yet. A job runs a procedure of a sealed package on computers, and says of each how it \
                        stands. It is carried out while a delivery manager runs.";
            let offered = shown.scope.refusal(new).is_none();
            let texts: Vec<String> = offered.then(|| new.entry().text).into_iter().collect();
            if empty_choices_ui(ui, Icon::Jobs, text, &texts).is_some() {
                actions.push(Action::Run(new));
            }
            return;
        }
        let mut list = std::mem::take(&mut self.list);
        let columns = list::columns();
        let rows = ContainerRows { rows: &self.rows, moment: shown.moment };
        let done = List::new("job list", "Jobs", &columns, shown.density.row_height()).show(
            ui,
            &mut list,
            &rows,
            |ui, _| menu_ui(ui, &JobCommand::ROW_MENU, shown.scope, actions),
        );
        if let Some(view) = done.opened.and_then(|row| self.rows.get(row)) {
            actions.push(Action::Job(JobAction::Show(view.id)));
        }
        self.list = list;
        keys_ui(ui, shown, &[(Key::Delete, JobCommand::Remove), (Key::F5, JobCommand::Refresh)], actions);
    }

    /// Shows the page of one.
    pub fn container_ui(&mut self, ui: &mut Ui, id: Uuid, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        self.manager_ui(ui, shown, actions);
        let Some(view) = self.rows.iter().find(|view| view.id == id).cloned() else {
            let text = if self.is_read { "There is no such job any more." } else { "Reading the job…" };
            let colour = Tokens::of(ui).secondary;
            ui.centered_and_justified(|ui| ui.add(Label::new(RichText::new(text).color(colour))));
            return;
        };
        self.container.ui(ui, &view, shown, actions);
        keys_ui(ui, shown, &[(Key::F5, JobCommand::Refresh)], actions);
    }

    fn manager_ui(&self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        let waiting = self.waiting();
        Panel::top("manager line").frame(egui::Frame::new()).show(ui, |ui| {
            manager_line::manager_ui(ui, self.manager(), waiting, shown.scope, shown.moment, actions);
        });
    }
}

/// Keys that are the page's own.
fn keys_ui(ui: &Ui, shown: &Shown<'_>, keys: &[(Key, JobCommand)], actions: &mut Vec<Action>) {
    if !shown.keys || ui.ctx().text_edit_focused() {
        return;
    }
    for (key, command) in keys {
        let command = Command::Job(*command);
        if shown.scope.refusal(command).is_none()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, *key))
        {
            actions.push(Action::Run(command));
        }
    }
}

/// A context menu of these groups of commands.
pub(in crate::console) fn menu_ui(
    ui: &mut Ui,
    groups: &[&[Command]],
    scope: &Scope,
    actions: &mut Vec<Action>,
) {
    ui.set_min_width(190.0);
    for (number, commands) in groups.iter().enumerate() {
        if number > 0 {
            ui.separator();
        }
        for command in *commands {
            let refused = scope.refusal(*command);
            let mut response = ui.add_enabled(refused.is_none(), egui::Button::new(command.entry().text));
            if let Some(reason) = refused {
                response = response.on_disabled_hover_text(reason);
            }
            if response.clicked() {
                actions.push(Action::Run(*command));
                ui.close();
            }
        }
    }
}
