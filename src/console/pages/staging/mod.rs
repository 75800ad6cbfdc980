//! The page *Staging libraries*: the folders, servers and buckets that agents read, whether they answer, and what lies
//! there as far as is known.
//!
//! Owns what is selected and when somebody asked whether they answer. What lies there is known by the library.

pub mod command;
pub mod copies;
mod details;
pub mod homes;
mod list;
pub mod words;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use egui::{Frame, Key, Margin, Modifiers, Panel, Ui};
use jiff::{SignedDuration, Timestamp};

use super::packages::Moment;
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::icons::Icon;
use crate::console::pages::jobs::menu_ui;
use crate::console::selected::Selected;
use crate::console::theme::Density;
use crate::console::tokens::Tokens;
use crate::console::widgets::empty_state::empty_choices_ui;
use crate::console::widgets::list::{List, ListState, Sort};
use crate::failure::Failure;
use crate::package::PackageId;
use crate::package::staging::StagingId;
use crate::session::{CopyRow, NewStagingLibrary, StagingEdit, StagingReach, StagingRow};
use command::{StagingCommand, StagingScope};
pub use details::{CopiesPanel, facts};
use homes::Homes;
use list::StagingRows;

/// Whether they answer is asked again after so long, while the page is shown.
const ASK_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// What is done with staging libraries and staged packages.
#[derive(Debug)]
pub enum StagingAction {
    /// Shows this one on the page.
    Show(StagingId),
    /// Adds one.
    Add(Box<NewStagingLibrary>),
    /// Changes one; whether its property window closes once that is done.
    Edit(StagingId, Box<StagingEdit>, bool),
    /// Closes the property window of one, after a question if anything would be lost.
    Close(StagingId),
    /// Closes it, whatever was changed in it.
    Discard(StagingId),
    /// Tries one before it is kept, for the dialog in front; the credentials of this one are used where none are given.
    Try(Box<NewStagingLibrary>, Option<StagingId>),
    /// Takes one off the list; whether what is known to lie there is forgotten.
    Remove(StagingId, bool),
    /// Asks where packages are to be staged; at this one first.
    AskStage(Vec<PackageId>, Option<StagingId>),
    /// Asks from where copies are to be removed.
    AskUnstage(Vec<(PackageId, StagingId)>),
    /// Looks what staging these packages there would do, for the dialog in front.
    Look(Vec<PackageId>, StagingId),
    /// Stages packages.
    Stage {
        /// Which.
        packages: Vec<PackageId>,
        /// Where.
        at: Vec<StagingId>,
        /// Whatever the time of day.
        now: bool,
    },
    /// Removes these copies.
    Unstage(Vec<(PackageId, StagingId)>),
    /// Verifies these copies; whether by their contents.
    Verify(Vec<(PackageId, StagingId)>, bool),
    /// Verifies all that lies in these; whether by contents.
    VerifyAll(Vec<StagingId>, bool),
    /// Looks what lies in one.
    Reconcile(StagingId),
    /// Registers packages that lie there, by their folders, relative to the staging library.
    RegisterUnknown(StagingId, Vec<String>),
}

/// Whether a staging library answers.
#[derive(Clone, Debug)]
pub enum Reach {
    /// It is being asked.
    Asking,
    /// It does.
    Answered(StagingReach),
    /// It does not, as was found then.
    Failed(Box<Failure>, Timestamp),
}

/// Whether each answers.
pub type Reaches = HashMap<StagingId, Reach>;

/// What was read of staging libraries.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// All of them, by name.
    pub libraries: Arc<Vec<StagingRow>>,
    /// All staged copies that are known, by name and version of the package.
    pub copies: Arc<Vec<CopyRow>>,
}

impl Known {
    /// The staging library with this identity.
    pub fn find(&self, id: StagingId) -> Option<&StagingRow> {
        self.libraries.iter().find(|row| row.staging.id == id)
    }

    /// What lies in a staging library.
    pub fn copies_at(&self, id: StagingId) -> impl Iterator<Item = &CopyRow> {
        self.copies.iter().filter(move |row| row.copy.staging == id)
    }

    /// Where a package is staged.
    pub fn copies_of(&self, id: PackageId) -> impl Iterator<Item = &CopyRow> {
        self.copies.iter().filter(move |row| row.copy.package == id)
    }

    /// Its name, or nothing where it is not known.
    pub fn name(&self, id: StagingId) -> &str {
        self.find(id).map_or("", |row| row.staging.name.as_str())
    }
}

/// What the page is drawn from.
pub struct Shown<'a> {
    /// Which commands can be used.
    pub scope: &'a Scope,
    /// The clock.
    pub moment: Moment<'a>,
    /// Height of rows.
    pub density: Density,
    /// Whether keys reach the page.
    pub keys: bool,
    /// Whose home each is.
    pub homes: &'a Homes,
}

/// The page and what it remembers.
#[derive(Default)]
pub struct StagingPage {
    known: Known,
    is_read: bool,
    reaches: Reaches,
    /// Those that are being asked.
    asked: HashSet<StagingId>,
    sort: Option<Sort>,
    /// The order of rows is older than what decides about it.
    is_old: bool,
    index: Vec<u32>,
    list: ListState,
    select: Option<String>,
    has_panel: bool,
    panel: CopiesPanel,
    /// How many of these packages are staged.
    counted: Option<(Weak<Selected>, usize)>,
}

impl StagingPage {
    /// Takes over what was read.
    pub fn set(&mut self, known: Known) {
        let selected = self.selected_ids();
        let is_same = |old: &StagingRow, new: &StagingRow| old.staging.write == new.staging.write;
        let before = std::mem::replace(&mut self.known, known);
        let known = &self.known;
        // One that lies elsewhere now is asked again.
        self.reaches.retain(|id, _| {
            known.find(*id).zip(before.find(*id)).is_some_and(|(new, old)| is_same(old, new))
        });
        self.is_read = true;
        self.counted = None;
        self.order(&selected);
    }

    fn order(&mut self, selected: &[StagingId]) {
        self.index = list::index(&self.known, &self.reaches, self.sort);
        self.is_old = false;
        let mut rows: Vec<usize> = self.places_of(selected);
        if let Some(name) = &self.select {
            let folded = name.to_lowercase();
            let found = self.known.libraries.iter().find(|row| row.staging.name.to_lowercase() == folded);
            if let Some(id) = found.map(|row| row.staging.id) {
                self.select = None;
                rows = self.places_of(&[id]);
            }
        }
        if let [one] = rows.as_slice() {
            self.list.selection.select(*one);
        } else {
            self.list.selection.select_rows(rows.into_iter());
        }
    }

    fn places_of(&self, ids: &[StagingId]) -> Vec<usize> {
        let id = |at: &u32| self.known.libraries.get(*at as usize).map(|row| row.staging.id);
        let places = self.index.iter().enumerate();
        places.filter(|(_, at)| id(at).is_some_and(|id| ids.contains(&id))).map(|(row, _)| row).collect()
    }

    /// What was read.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Whether it was read.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// Whether each answers, as far as was asked.
    pub fn reaches(&self) -> &Reaches {
        &self.reaches
    }

    /// Which should be asked now whether they answer; they count as being asked from now on.
    pub fn take_to_ask(&mut self, now: Timestamp) -> Vec<StagingId> {
        let mut ids = Vec::new();
        for row in self.known.libraries.iter() {
            let id = row.staging.id;
            let known = self.reaches.get(&id);
            let is_due = known.is_none_or(|reach| words::is_old(reach, now, ASK_AFTER));
            if is_due && self.asked.insert(id) {
                ids.push(id);
                // What was known stays on the screen until there is an answer.
                if known.is_none() {
                    self.reaches.insert(id, Reach::Asking);
                }
            }
        }
        ids
    }

    /// Takes over whether one answers.
    pub fn set_reach(&mut self, id: StagingId, reach: Reach) {
        self.asked.remove(&id);
        if self.known.find(id).is_some() {
            self.reaches.insert(id, reach);
            self.is_old = self.sort.is_some_and(|sort| sort.column == 2);
        }
    }

    /// Forgets whether they answer: all are asked again.
    pub fn forget_reaches(&mut self) {
        self.reaches.clear();
        self.asked.clear();
    }

    /// Selects the one of this name as soon as it is there.
    pub fn select_when_seen(&mut self, name: String) {
        self.select = Some(name);
        let selected = self.selected_ids();
        self.order(&selected);
    }

    /// Selects this one, or none.
    pub fn select(&mut self, id: Option<StagingId>) {
        let ids: Vec<StagingId> = id.into_iter().collect();
        self.order(&ids);
        if let Some(row) = self.list.selection.cursor() {
            self.list.scroll_to(row);
        }
    }

    fn at(&self, row: usize) -> Option<&StagingRow> {
        self.known.libraries.get(*self.index.get(row)? as usize)
    }

    /// The selected ones.
    pub fn selected(&self) -> impl Iterator<Item = &StagingRow> {
        self.list.selection.rows().filter_map(|row| self.at(row))
    }

    /// Their identities.
    pub fn selected_ids(&self) -> Vec<StagingId> {
        self.selected().map(|row| row.staging.id).collect()
    }

    /// What commands need to know; `on_page` says whether the page is shown, `packages` are the selected ones.
    pub fn scope(&mut self, on_page: bool, packages: &Arc<Selected>) -> StagingScope {
        StagingScope {
            selected: if on_page { self.list.selection.len() } else { 0 },
            libraries: self.known.libraries.len(),
            staged: self.count_staged(packages),
        }
    }

    /// How many of these are staged. Of 100,000 packages that is counted once.
    fn count_staged(&mut self, packages: &Arc<Selected>) -> usize {
        if let Some((of, count)) = &self.counted
            && std::ptr::eq(of.as_ptr(), Arc::as_ptr(packages))
        {
            return *count;
        }
        let staged: HashSet<PackageId> = self.known.copies.iter().map(|row| row.copy.package).collect();
        let count = packages.iter().filter(|package| staged.contains(&package.id)).count();
        self.counted = Some((Arc::downgrade(packages), count));
        count
    }

    /// The selected rows as text with a header.
    pub fn copied(&self, moment: Moment<'_>) -> String {
        let rows = StagingRows { known: &self.known, reaches: &self.reaches, index: &self.index, moment };
        rows.copied(self.list.selection.rows())
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        if !self.is_read {
            ui.centered_and_justified(|ui| ui.label("Reading staging libraries…"));
            return;
        }
        if self.known.libraries.is_empty() {
            empty_ui(ui, shown.scope, actions);
            return;
        }
        if self.is_old {
            let selected = self.selected_ids();
            self.order(&selected);
        }
        self.details_ui(ui, shown, actions);
        let rows = StagingRows {
            known: &self.known,
            reaches: &self.reaches,
            index: &self.index,
            moment: shown.moment,
        };
        let mut list = std::mem::take(&mut self.list);
        let columns = list::columns();
        let done = List::new("staging list", "Staging libraries", &columns, shown.density.row_height())
            .sort(self.sort)
            .show(ui, &mut list, &rows, |ui, _| {
                menu_ui(ui, &StagingCommand::ROW_MENU, shown.scope, actions);
            });
        self.list = list;
        if let Some(column) = done.sort_clicked {
            let descending = self.sort.is_some_and(|sort| sort.column == column && !sort.descending);
            self.sort = Some(Sort { column, descending });
            self.is_old = true;
        }
        if done.opened.is_some() {
            actions.push(Action::Run(Command::Staging(StagingCommand::Properties)));
        }
        if shown.keys && !ui.ctx().text_edit_focused() {
            for (key, command) in [(Key::Delete, StagingCommand::Remove), (Key::F5, StagingCommand::Refresh)]
            {
                let command = Command::Staging(command);
                if shown.scope.refusal(command).is_none()
                    && ui.input_mut(|input| input.consume_key(Modifiers::NONE, key))
                {
                    actions.push(Action::Run(command));
                }
            }
        }
    }

    fn details_ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        let count = self.list.selection.len();
        let cursor = self.list.selection.cursor().filter(|row| self.list.selection.contains(*row));
        let row = cursor.or_else(|| self.list.selection.rows().next()).and_then(|row| self.at(row)).cloned();
        let Some(row) = row else {
            self.has_panel = false;
            return;
        };
        if !std::mem::replace(&mut self.has_panel, true)
            && let Some(row) = self.list.selection.cursor()
        {
            // The list has just become lower.
            self.list.scroll_to(row);
        }
        let most = (ui.available_height() - 120.0).max(90.0);
        let margin = Margin { left: 12, right: 12, top: 8, bottom: 8 };
        let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(margin);
        Panel::bottom("staging details")
            .frame(frame)
            .resizable(true)
            .default_size(290.0_f32.min(most))
            .size_range(100.0..=most)
            .show(ui, |ui| {
                ui.set_min_size(ui.available_size());
                details::head_ui(ui, &row, self.reaches.get(&row.staging.id), count, shown, actions);
                let copies: Vec<&CopyRow> = self.known.copies_at(row.staging.id).collect();
                let salt = "staged on page";
                self.panel.ui(ui, salt, row.staging.id, &copies, shown.scope, shown.moment, actions);
            });
    }
}

fn empty_ui(ui: &mut Ui, scope: &Scope, actions: &mut Vec<Action>) {
    let text = "No staging library yet. It is the place from which agents read packages: a folder or share, a web server \
                or a bucket. Add one, then stage sealed packages there: Stage…, or drag them onto it.";
    let add = Command::Staging(StagingCommand::Add);
    let offered = scope.refusal(add).is_none();
    let texts: Vec<String> = offered.then(|| add.entry().text).into_iter().collect();
    if empty_choices_ui(ui, Icon::Staging, text, &texts).is_some() {
        actions.push(Action::Run(add));
    }
}
