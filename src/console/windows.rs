//! The property windows that are open: opened, closed, painted, and which of them has the keyboard.
//!
//! A window itself stands in `console::property`; what it reads and changes, in `console::requests::properties`.

use super::action::Action;
use super::app::App;
use super::command::Command;
use super::pages::packages::Moment;
use super::property::{Around, PropertyWindow, StagingShown, Tab, WindowId};
use crate::package::record::PackageId;

impl App {
    pub(super) fn window(&mut self, id: PackageId) -> Option<&mut PropertyWindow> {
        self.windows.iter_mut().find(|window| window.id == id)
    }

    pub(super) fn open_window(&mut self, id: PackageId) {
        let Some(package) = self.summary(id) else { return };
        self.active = Some(WindowId::One(id));
        if let Some(window) = self.window(id) {
            window.bring_to_front();
            return;
        }
        let order = self.windows.len() + self.several.len();
        self.windows.push(PropertyWindow::new(&package, self.last_tab, order, &self.property));
        if let Some(session) = self.session() {
            session.watch_first(vec![id]);
        }
        self.read_details(id);
    }

    pub(super) fn close_window(&mut self, id: PackageId) {
        self.keep_windows(|other| other != id);
    }

    /// Closes the windows of the other packages.
    pub(super) fn keep_windows(&mut self, keeps: impl Fn(PackageId) -> bool) {
        self.windows.retain(|window| keeps(window.id));
        if matches!(self.active, Some(WindowId::One(id)) if !keeps(id)) {
            self.active = None;
        }
    }

    /// The tab of the window that has the keyboard.
    pub(super) fn active_tab(&self) -> Option<Tab> {
        match self.active? {
            WindowId::One(id) => self.windows.iter().find(|window| window.id == id).map(PropertyWindow::tab),
            WindowId::Several(number) => {
                self.several.iter().find(|window| window.number == number).map(|window| window.tab())
            }
            WindowId::Staging(_) => None,
        }
    }

    pub(super) fn windows_ui(&mut self, actions: &mut Vec<Action>) {
        let ctx = self.ctx.clone();
        let is_modal = !self.dialogs.is_empty();
        let active = self.active.filter(|_| !is_modal);
        if active.is_some() {
            // Before the fields of the window, to which Ctrl+K means something else.
            window_keys(&ctx, actions);
        }
        let is_pressed = ctx.input(|input| input.pointer.any_pressed());
        let moment = Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone };
        let around = Around { ctx: &ctx, moment, tasks: &self.tasks, desktop: self.around.desktop };
        let mut hit = None;
        for window in &mut self.windows {
            let id = WindowId::One(window.id);
            if window.show(&around, active == Some(id), actions) {
                hit = Some(id);
            }
            if active == Some(id) {
                self.last_tab = window.tab();
                self.property.contents = window.contents_view();
                self.property.one = window.size().or(self.property.one);
            }
        }
        for window in &mut self.several {
            let id = WindowId::Several(window.number);
            if window.show(&around, active == Some(id), actions) {
                hit = Some(id);
            }
            if active == Some(id) {
                self.last_tab = window.tab();
                self.property.several = window.size().or(self.property.several);
            }
        }
        let shown = StagingShown {
            known: self.staging.known(),
            reaches: self.staging.reaches(),
            homes: &self.homes,
            scope: &self.scope,
        };
        for window in &mut self.staging_windows {
            let id = WindowId::Staging(window.id);
            if window.show(&around, &shown, active == Some(id), actions) {
                hit = Some(id);
            }
        }
        if is_pressed && !is_modal {
            self.active = hit;
        }
    }
}

/// Keys of the program that count in a property window too.
fn window_keys(ctx: &egui::Context, actions: &mut Vec<Action>) {
    for command in [Command::Palette, Command::Help] {
        if let Some(shortcut) = command.entry().shortcut
            && ctx.input_mut(|input| input.consume_shortcut(&shortcut))
        {
            actions.push(Action::Run(command));
        }
    }
}
