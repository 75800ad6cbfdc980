//! The page *Computers*: all, those of a group, test computers, those not seen lately; and what is known of one.
//!
//! Owns which are selected and how they are sorted. What a computer is stands in the session.

pub mod command;
mod details;
mod list;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use egui::{Frame, Key, Label, Margin, Modifiers, Panel, RichText, TextEdit, Ui};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Place;
use super::jobs::menu_ui;
use super::packages::Moment;
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::format;
use crate::console::icons::Icon;
use crate::console::theme::Density;
use crate::console::tokens::Tokens;
use crate::console::widgets::empty_state::empty_choices_ui;
use crate::console::widgets::list::{List, ListState, Sort};
use crate::console::widgets::name_field;
use crate::session::{
    ComputerDetails, ComputerEdit, ComputerGroupEdit, ComputerGroupRow, ComputerRow, JobView, KeepEdit,
    NewComputer, TokenRequest,
};
use command::{ComputerCommand, ComputerScope};
use details::DetailsPane;
use list::ComputerRows;

/// A computer that was not heard of for so long is *not seen lately*.
pub const NOT_SEEN_DAYS: i64 = 7;

/// What is done with computers.
#[derive(Debug)]
pub enum ComputerAction {
    /// Shows the one of this name.
    Show(String),
    /// Adds some.
    Add(Vec<NewComputer>),
    /// Changes some, by their identities.
    Edit(Vec<String>, Box<ComputerEdit>),
    /// Takes some off the list, by their identities; whether jobs that have not ended are withdrawn.
    Remove(Vec<String>, bool),
    /// Reads a table, for the dialog in front.
    ReadTable(PathBuf),
    /// Takes a table; whether lines that cannot be taken are passed over.
    Import(String, bool),
    /// Makes a token, for the dialog in front.
    MakeToken(TokenRequest),
    /// Reads what agents keep, for the dialog in front.
    ReadKept,
    /// Changes what agents keep although no job names it.
    Keep(KeepEdit),
    /// Makes a group.
    AddGroup(String),
    /// Changes what holds for a group.
    EditGroup(String, ComputerGroupEdit),
    /// Takes a group away.
    RemoveGroup(String),
}

/// What the page is drawn from.
pub struct Shown<'a> {
    /// Which computers.
    pub place: &'a Place,
    /// Which commands can be used.
    pub scope: &'a Scope,
    /// The clock.
    pub moment: Moment<'a>,
    /// Height of rows.
    pub density: Density,
    /// Whether keys reach the page.
    pub keys: bool,
}

/// What was read of the computers.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// All of them, by name.
    pub computers: Arc<Vec<ComputerRow>>,
    /// Groups of them, by name.
    pub groups: Arc<Vec<ComputerGroupRow>>,
    /// Names of staging libraries by their ids.
    pub staging: Arc<HashMap<String, String>>,
}

/// What rows were made for.
type MadeFor = (Place, String, Option<Sort>);

/// The page and what it remembers.
#[derive(Default)]
pub struct ComputersPage {
    known: Known,
    is_read: bool,
    /// How many are test computers, and how many were not seen lately when they were read.
    counts: (usize, usize),
    find: String,
    sort: Option<Sort>,
    made: Option<MadeFor>,
    /// Rows that are shown, as places in all.
    index: Vec<u32>,
    list: ListState,
    select: Option<String>,
    /// What is known of a computer stands below the list.
    has_panel: bool,
    details: DetailsPane,
}

/// What the page needs to be read.
#[derive(Clone, Debug)]
pub enum Ask {
    /// All about a computer.
    Computer(Uuid),
    /// What it said about a job.
    Job(Uuid),
}

/// Whether a computer was heard of so long ago that somebody should look.
pub fn is_unseen(row: &ComputerRow, now: Timestamp) -> bool {
    let since = now - SignedDuration::from_hours(24 * NOT_SEEN_DAYS);
    row.seen.is_none_or(|seen| seen < since)
}

impl ComputersPage {
    /// Takes over what was read at `now`.
    pub fn set(&mut self, known: Known, now: Timestamp) {
        let selected: Vec<Uuid> = self.selected().map(|row| row.id).collect();
        let cursor = self.list.selection.cursor().and_then(|row| self.at(row)).map(|row| row.id);
        let count =
            |takes: &dyn Fn(&ComputerRow) -> bool| known.computers.iter().filter(|row| takes(row)).count();
        self.counts = (count(&|row| row.test), count(&|row| is_unseen(row, now)));
        self.known = known;
        self.is_read = true;
        self.details.age();
        self.keep_selected(&selected, cursor);
    }

    /// How many are test computers, and how many were not seen lately.
    pub fn counts(&self) -> (usize, usize) {
        self.counts
    }

    /// What was read.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Whether it was read.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// Selects the one of this name as soon as it is shown.
    pub fn select_when_seen(&mut self, name: String) {
        self.find.clear();
        self.select = Some(name);
        self.made = None;
    }

    /// Makes the rows anew where something else is shown.
    fn refresh(&mut self, place: &Place, now: Timestamp) {
        let of = (place.clone(), self.find.clone(), self.sort);
        if self.made.as_ref() == Some(&of) {
            return;
        }
        let selected: Vec<Uuid> = self.selected().map(|row| row.id).collect();
        let cursor = self.list.selection.cursor().and_then(|row| self.at(row)).map(|row| row.id);
        self.index = list::index(&self.known, place, &self.find, self.sort, now);
        self.made = Some(of);
        self.select_ids(&selected, cursor);
        if let Some(name) = self.select.take() {
            let folded = name.to_lowercase();
            let places = self.index.iter().map(|at| &self.known.computers[*at as usize]);
            match places.into_iter().position(|row| row.name.to_lowercase() == folded) {
                Some(row) => {
                    self.list.selection.select(row);
                    self.list.scroll_to(row);
                }
                None => self.select = Some(name),
            }
        }
    }

    /// Rows are made anew in the next frame; what is selected then is what is selected now.
    fn keep_selected(&mut self, selected: &[Uuid], cursor: Option<Uuid>) {
        self.made = None;
        // Every row of the new list, until those that are shown are found.
        self.index = (0..u32::try_from(self.known.computers.len()).unwrap_or(u32::MAX)).collect();
        self.select_ids(selected, cursor);
    }

    fn select_ids(&mut self, selected: &[Uuid], cursor: Option<Uuid>) {
        let wanted: std::collections::HashSet<&Uuid> = selected.iter().collect();
        let id = |at: &u32| self.known.computers[*at as usize].id;
        let rows: Vec<usize> = if wanted.is_empty() {
            Vec::new()
        } else {
            self.index
                .iter()
                .enumerate()
                .filter(|(_, at)| wanted.contains(&id(at)))
                .map(|(row, _)| row)
                .collect()
        };
        let cursor = cursor.and_then(|cursor| self.index.iter().position(|at| id(at) == cursor));
        self.list.selection.select_rows(rows.into_iter());
        if let Some(cursor) = cursor {
            self.list.selection.move_cursor(cursor);
        }
    }

    fn at(&self, row: usize) -> Option<&ComputerRow> {
        self.known.computers.get(*self.index.get(row)? as usize)
    }

    /// The selected ones.
    pub fn selected(&self) -> impl Iterator<Item = &ComputerRow> {
        self.list.selection.rows().filter_map(|row| self.at(row))
    }

    /// How many are shown.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is shown.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// What commands need to know.
    pub fn scope(&self, place: &Place) -> ComputerScope {
        let group = match place {
            Place::ComputerGroup(group) => Some(group.clone()),
            _ => None,
        };
        let selected = self.list.selection.len();
        ComputerScope { selected, tests: self.selected().filter(|row| row.test).count(), group }
    }

    /// What has to be read now.
    pub fn take_asks(&mut self) -> Vec<Ask> {
        let cursor = self.list.selection.cursor().filter(|row| self.list.selection.contains(*row));
        let row = cursor.or_else(|| self.list.selection.rows().next());
        let selected = row.and_then(|row| self.at(row)).map(|row| row.id);
        self.details.take_asks(selected)
    }

    /// Takes over what was read of a computer.
    pub fn set_details(&mut self, id: Uuid, read: Option<ComputerDetails>) {
        self.details.set(id, read);
    }

    /// Takes over what a computer said about a job.
    pub fn set_job(&mut self, job: Uuid, read: Option<JobView>) {
        self.details.set_job(job, read);
    }

    /// The selected rows as text with a header.
    pub fn copied(&self, moment: Moment<'_>) -> String {
        let rows = ComputerRows { known: &self.known, index: &self.index, moment };
        list::copied(&rows, self.list.selection.rows())
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        if !self.is_read {
            ui.centered_and_justified(|ui| ui.label("Reading computers…"));
            return;
        }
        if self.known.computers.is_empty() {
            empty_ui(ui, shown.scope, actions);
            return;
        }
        self.refresh(shown.place, shown.moment.now);
        let frame = Frame::new().inner_margin(Margin { left: 10, right: 10, top: 7, bottom: 5 });
        Panel::top("computer tools").frame(frame).show_separator_line(false).show(ui, |ui| {
            self.find_ui(ui, shown);
        });
        self.details_ui(ui, shown, actions);
        let rows = ComputerRows { known: &self.known, index: &self.index, moment: shown.moment };
        let mut list = std::mem::take(&mut self.list);
        let done = List::new("computer list", "Computers", &list::columns(), shown.density.row_height())
            .sort(self.sort)
            .show(ui, &mut list, &rows, |ui, _| {
                menu_ui(ui, &ComputerCommand::ROW_MENU, shown.scope, actions);
            });
        self.list = list;
        if let Some(column) = done.sort_clicked {
            let descending = self.sort.is_some_and(|sort| sort.column == column && !sort.descending);
            self.sort = Some(Sort { column, descending });
        }
        if done.opened.is_some() {
            actions.push(Action::Run(Command::Computer(ComputerCommand::Edit)));
        }
        if self.index.is_empty() {
            let text = match shown.place {
                _ if !self.find.trim().is_empty() => "No computer has that in its name.",
                Place::TestComputers => "No computer is marked as a test computer.",
                Place::NotSeen => "Every computer was heard of within the last 7 days.",
                _ => "No computer is in this group.",
            };
            let line = egui::Rect::from_center_size(done.response.rect.center(), egui::vec2(600.0, 24.0));
            let colour = Tokens::of(ui).secondary;
            ui.put(line, Label::new(RichText::new(text).color(colour)));
        }
        if shown.keys && !ui.ctx().text_edit_focused() {
            for (key, command) in
                [(Key::Delete, ComputerCommand::Remove), (Key::F5, ComputerCommand::Refresh)]
            {
                let command = Command::Computer(command);
                if shown.scope.refusal(command).is_none()
                    && ui.input_mut(|input| input.consume_key(Modifiers::NONE, key))
                {
                    actions.push(Action::Run(command));
                }
            }
        }
    }

    fn find_ui(&mut self, ui: &mut Ui, shown: &Shown<'_>) {
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut self.find)
                .hint_text("Find a computer")
                .desired_width(220.0)
                .align(egui::Align2::LEFT_CENTER);
            let response = ui.add(field);
            name_field(&response, "Find a computer");
            let mut text = match shown.place {
                Place::NotSeen => format!("Not heard of for {NOT_SEEN_DAYS} days, or never"),
                Place::TestComputers => {
                    "What is copied or installed here does not keep a package from being unsealed".to_owned()
                }
                Place::ComputerGroup(group) => {
                    let row = self.known.groups.iter().find(|row| row.name == *group);
                    row.map(|row| group_text(row, &self.known)).unwrap_or_default()
                }
                _ => String::new(),
            };
            if !self.find.trim().is_empty() {
                text = format!("{} found", format::thousands(self.index.len() as u64));
            }
            let colour = Tokens::of(ui).secondary;
            ui.add(Label::new(RichText::new(text).color(colour)).truncate());
        });
    }

    fn details_ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        let count = self.list.selection.len();
        let Some(row) = self.selected().next().cloned() else {
            self.has_panel = false;
            return;
        };
        if !std::mem::replace(&mut self.has_panel, true)
            && let Some(row) = self.list.selection.cursor()
        {
            // The list has just become lower.
            self.list.scroll_to(row);
        }
        let of = self.details.of();
        let row = self.known.computers.iter().find(|row| Some(row.id) == of).cloned().unwrap_or(row);
        let most = (ui.available_height() - 120.0).max(90.0);
        let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin {
            left: 12,
            right: 12,
            top: 8,
            bottom: 8,
        });
        Panel::bottom("computer details")
            .frame(frame)
            .resizable(true)
            .default_size(240.0_f32.min(most))
            .size_range(100.0..=most)
            .show(ui, |ui| {
                ui.set_min_size(ui.available_size());
                self.details.ui(ui, (&row, count), &self.known, shown, actions);
            });
    }
}

/// What holds for the computers of a group.
fn group_text(row: &ComputerGroupRow, known: &Known) -> String {
    let mut parts = Vec::new();
    if let Some(staging) = row.staging.as_ref().and_then(|id| known.staging.get(id)) {
        let only = if row.staging_only { ", and no other" } else { "" };
        parts.push(format!("Staging library {staging}{only}"));
    }
    if !row.comment.is_empty() {
        parts.push(row.comment.clone());
    }
    parts.join(" · ")
}

fn empty_ui(ui: &mut Ui, scope: &Scope, actions: &mut Vec<Action>) {
    let text = "No computer yet. A computer gets jobs once an agent is enrolled on it: with a token, which also adds it \
                to this list. Computers can be listed before, by name or from a table.";
    let offered =
        [ComputerCommand::Token, ComputerCommand::Add, ComputerCommand::Import].map(Command::Computer);
    let offered: Vec<Command> =
        offered.into_iter().filter(|command| scope.refusal(*command).is_none()).collect();
    let texts: Vec<String> = offered.iter().map(|command| command.entry().text).collect();
    let chosen = empty_choices_ui(ui, Icon::Computers, text, &texts);
    actions.extend(chosen.and_then(|chosen| offered.get(chosen)).copied().map(Action::Run));
}
