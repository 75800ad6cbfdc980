//! What the window does for the list of packages: its commands, its index and details made by tasks, its dialogs, and
//! what is kept of it over a restart.

use std::path::PathBuf;

use egui::{Key, Modifiers, Ui};

use super::action::Action;
use super::app::App;
use super::command::Command;
use super::dialogs::columns::Columns;
use super::dialogs::views::{DeleteView, NameView};
use super::pages::Place;
use super::pages::packages::command::{ListCommand, ListScope};
use super::pages::packages::{Job, ListAction, ListKind, Moment};
use super::preferences::Preferences;
use super::tasks::Show;
use super::theme::{self, Density};
use crate::session::{PackageRef, ShowPackage};

/// How many versions of a product are not old.
const NEWEST_KEPT: usize = 2;

impl App {
    /// Brings the rows up to date with the library, the place, the filters and the sorting.
    pub(super) fn refresh_list(&mut self) {
        // Beside other pages the list stays as it is, with what is selected in it.
        if self.place.is_list() && self.list_place != self.place {
            self.list_place = self.place.clone();
        }
        let view = std::sync::Arc::clone(&self.view);
        let zone = self.around.actor.time_zone.clone();
        if let Some(job) = self.packages.refresh(&view, &self.list_place, &self.search, &zone) {
            self.make_index(job);
        }
    }

    fn make_index(&mut self, job: Job) {
        self.tasks.start(
            &self.ctx,
            "",
            Show::Nothing,
            move |_| Ok(job.make()),
            |app, result| match result {
                Ok(index) => app.packages.adopt(Some(index)),
                Err(failure) => {
                    app.packages.adopt(None);
                    app.tell(failure);
                }
            },
        );
    }

    /// Reads the differences that the details pane shows.
    pub(super) fn read_for_details(&mut self) {
        let selected = std::sync::Arc::clone(self.packages.selected());
        let Some(id) = self.packages.details.to_read(selected.one()) else { return };
        let request = ShowPackage { package: PackageRef::Id(id) };
        self.ask("", Show::Nothing, request, move |app, result| {
            app.packages.details.set_report(id, result.map(|details| details.report));
        });
    }

    /// What the list can do now.
    pub(super) fn list_scope(&self) -> ListScope {
        let is_open = self.session().is_some() && self.view.epoch > 0;
        let is_shown = is_open && self.new_package.is_none() && self.place.is_list();
        self.packages.scope(is_shown, &self.search, self.ctx.content_rect().width())
    }

    /// Ctrl+C and the other spelling of Ctrl+Plus arrive otherwise than as the keys that stand in the menu.
    pub(super) fn list_keys(&mut self, ui: &Ui) {
        let typing = ui.ctx().text_edit_focused();
        let copies = ui.input(|input| input.events.contains(&egui::Event::Copy));
        if copies && !typing && self.list_scope().is_shown && !self.packages.selected().is_empty() {
            self.run_list(ListCommand::CopyRows);
        }
        if copies && !typing && self.place == Place::Downloads {
            self.copy_downloads();
        }
        if copies && !typing && self.place.is_delivery() {
            self.copy_delivery();
        }
        let asks = ui.input(|input| input.events.contains(&egui::Event::Text("?".to_owned())));
        if asks && !typing {
            self.perform(Action::Run(Command::Shortcuts));
        }
        if ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Equals)) {
            self.run_list(ListCommand::Larger);
        }
    }

    /// Carries out a command of the list.
    pub(super) fn run_list(&mut self, command: ListCommand) {
        let width = self.ctx.content_rect().width();
        match command {
            ListCommand::Details => {
                let pane = &mut self.packages.arrangement.details;
                pane.shown = Some(!pane.is_shown(width));
            }
            ListCommand::DetailsBelow => {
                let pane = &mut self.packages.arrangement.details;
                pane.below = !pane.below;
            }
            ListCommand::FilterRow => self.packages.toggle_filter_row(),
            ListCommand::Columns => self.list_action(ListAction::ChooseColumns),
            ListCommand::ClearFilter => self.packages.clear_filters(),
            ListCommand::AllButNewest => self.packages.select_all_but_newest(NEWEST_KEPT),
            ListCommand::NextHit => self.packages.go_to_hit(true),
            ListCommand::PreviousHit => self.packages.go_to_hit(false),
            ListCommand::NextFinding => self.packages.go_to_finding(true),
            ListCommand::PreviousFinding => self.packages.go_to_finding(false),
            ListCommand::CopyRows | ListCommand::CopyChecksum => self.copy_rows(command),
            ListCommand::Larger => self.set_density(1),
            ListCommand::Smaller => self.set_density(-1),
        }
    }

    fn copy_rows(&mut self, command: ListCommand) {
        let moment = Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone };
        let copied = self.packages.copy(&self.place, moment);
        let is_long = copied.is_long();
        let text = move || if command == ListCommand::CopyRows { copied.rows() } else { copied.checksums() };
        if is_long {
            let done = |app: &mut Self, result: Result<String, _>| match result {
                Ok(text) => app.ctx.copy_text(text),
                Err(failure) => app.tell(failure),
            };
            self.tasks.start(&self.ctx, "", Show::Nothing, move |_| Ok(text()), done);
        } else {
            self.ctx.copy_text(text());
        }
    }

    fn set_density(&mut self, step: isize) {
        let at = Density::ALL.iter().position(|density| *density == self.density).unwrap_or(1);
        let next = at.saturating_add_signed(step).min(Density::ALL.len() - 1);
        self.density = Density::ALL[next];
        theme::apply_density(&self.ctx, self.density);
    }

    /// Carries out what was done to the list.
    pub(super) fn list_action(&mut self, action: ListAction) {
        let names = || self.packages.arrangement.views.iter().map(|view| view.name.clone()).collect();
        match action {
            ListAction::ChooseColumns => {
                let list = ListKind::of(&self.place);
                self.put_in_front(Box::new(Columns::new(list, self.packages.layout(list))));
            }
            ListAction::AskViewName => self.put_in_front(Box::new(NameView::new(None, names()))),
            ListAction::AskNewName(name) => self.put_in_front(Box::new(NameView::new(Some(name), names()))),
            ListAction::AskDeleteView(name) => self.put_in_front(Box::new(DeleteView::new(name))),
            other => self.packages.perform(other, &self.place),
        }
    }

    /// Remembers a library that was opened.
    pub(super) fn remember(&mut self, library: PathBuf) {
        let mut preferences = self.preferences();
        preferences.opened(library);
        self.recent = preferences.recent;
    }

    /// What is kept over a restart.
    pub(super) fn preferences(&self) -> Preferences {
        Preferences {
            theme: self.theme,
            density: self.density,
            place: match &self.place {
                Place::Search => Place::default(),
                Place::Job(_) => Place::Jobs,
                place => place.clone(),
            },
            last_tab: self.last_tab,
            property: self.property.clone(),
            arrangement: self.packages.arrangement.clone(),
            recent: self.recent.clone(),
            poll_minutes: self.poll_minutes,
            settings: self.settings.clone(),
        }
    }
}
