//! The property window of one package: header, tabs, buttons, and what was changed but not applied.
//!
//! Several may be open. A window draws what it was given and sends actions; what a field is allowed to do follows
//! from the state of the package alone.

mod blocks;
mod common;
mod consistency;
mod contents;
mod delivery;
mod draft;
mod frame;
mod general;
mod history;
mod outcome;
mod procedures;
mod several;
mod several_delivery;
mod staging;
mod steps;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use egui::{RichText, Sense, Ui, Vec2};

use jiff::Timestamp;

pub use self::common::Common;
pub use self::contents::{ContentsView, Listing, MadeRows, MakeRows};
pub use self::delivery::COMPUTERS_MOST;
use self::draft::{Draft, Part, merge};
pub use self::frame::{Around, Kept};
use self::frame::{Asked, Title, WindowFrame, closing_ui, tab_area_ui, tabs_ui};
pub use self::history::HistoryTab;
pub use self::outcome::Outcome;
pub use self::several::{SeveralAction, SeveralWindow};
pub use self::several_delivery::SeveralWhereabouts;
pub use self::staging::{StagingShown, StagingWindow};
use self::steps::Step;
use super::action::Action;
use super::command::Command;
use super::icons::{self, Icon};
use super::pages::packages::{Moment, icon_of};
use super::tasks::{TaskId, Tasks};
use super::theme::semibold;
use super::tokens::{Tokens, Tone};
use super::widgets::list::ListState;
use crate::failure::Failure;
use crate::package::record::{PackageId, PackageSummary};
use crate::package::staging::StagingId;
use crate::package::state::Field;
use crate::package::{BoardSlot, CheckReport, Finding, PackageKey, PackageList, PackageState};
use crate::session::{Contents, FileFacts, PackageBlocks, PackageDetails, PackageEdit, View, Whereabouts};

/// A tab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tab {
    /// What is registered.
    #[default]
    General,
    /// The switch, the check, the differences.
    Consistency,
    /// The files.
    Contents,
    /// How it is installed.
    Procedures,
    /// Its blocks after the last deep check.
    Blocks,
    /// Where it is staged and installed, and the jobs that have it.
    Delivery,
    /// What happened to it.
    History,
}

impl Tab {
    const ALL: [Self; 7] = [
        Self::General,
        Self::Consistency,
        Self::Contents,
        Self::Procedures,
        Self::Blocks,
        Self::Delivery,
        Self::History,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::General => "General",
            Self::Consistency => "Consistency",
            Self::Contents => "Contents",
            Self::Procedures => "Procedures",
            Self::Blocks => "Blocks",
            Self::Delivery => "Delivery",
            Self::History => "History",
        }
    }
}

/// Names a property window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowId {
    /// The one of this package.
    One(PackageId),
    /// One of several packages, by its number.
    Several(u64),
    /// The one of this staging library.
    Staging(StagingId),
}

/// A property window.
pub struct PropertyWindow {
    /// Whose.
    pub id: PackageId,
    /// The last known name and version, for the title.
    pub key: PackageKey,
    tab: Tab,
    seen: Option<PackageSummary>,
    details: Option<PackageDetails>,
    failure: Option<Failure>,
    base: Option<Draft>,
    draft: Option<Draft>,
    /// Edited fields that changed in the library meanwhile.
    elsewhere: BTreeSet<Part>,
    /// What the last check in this session found, the first time it is the newest.
    report: Option<CheckReport>,
    /// The check that runs.
    check: Option<TaskId>,
    /// Applying that runs.
    applying: Option<TaskId>,
    /// Whether the window closes once the switch has been answered.
    pub close_when_answered: bool,
    /// Which packages name this one as replaced, and in which list they were looked for.
    replaced_by: (Vec<PackageKey>, Weak<PackageList>),
    contents: Option<Arc<Listing>>,
    contents_state: contents::State,
    differences: ListState,
    /// When the files that differ were changed and whose they are, for the report of this time.
    facts: Option<(Timestamp, HashMap<String, FileFacts>)>,
    procedures: ListState,
    blocks: blocks::State,
    delivery: delivery::State,
    history: HistoryTab,
    frame: WindowFrame,
    /// What the tabs show is older than the details.
    contents_old: bool,
}

impl PropertyWindow {
    /// A window that waits for its details; `order` windows are open already.
    pub fn new(package: &PackageSummary, last_tab: Tab, order: usize, kept: &Kept) -> Self {
        Self {
            id: package.id,
            key: package.key.clone(),
            tab: if package.finding == Finding::Consistent { last_tab } else { Tab::Consistency },
            seen: Some(package.clone()),
            details: None,
            failure: None,
            base: None,
            draft: None,
            elsewhere: BTreeSet::new(),
            report: None,
            check: None,
            applying: None,
            close_when_answered: false,
            replaced_by: (Vec::new(), Weak::new()),
            contents: None,
            contents_state: contents::State::new(kept.contents),
            differences: ListState::default(),
            facts: None,
            procedures: ListState::default(),
            blocks: blocks::State::default(),
            delivery: delivery::State::default(),
            history: HistoryTab::default(),
            frame: WindowFrame::new(order, kept.one),
            contents_old: true,
        }
    }

    /// The tab that is shown.
    pub fn tab(&self) -> Tab {
        self.tab
    }

    /// Its size in points, once it was shown.
    pub fn size(&self) -> Option<[f32; 2]> {
        self.frame.size()
    }

    /// Brings the window in front of the others, with the differences.
    pub fn show_differences(&mut self) {
        self.tab = Tab::Consistency;
        self.frame.to_front = true;
    }

    /// Brings the window in front of the others, with where the package is.
    pub fn show_delivery(&mut self) {
        self.tab = Tab::Delivery;
        self.frame.to_front = true;
    }

    /// Brings the window in front of the others.
    pub fn bring_to_front(&mut self) {
        self.frame.to_front = true;
    }

    /// What the library knows of the package, once it was read.
    pub fn details(&self) -> Option<&PackageDetails> {
        self.details.as_ref()
    }

    /// The newest report that does not agree.
    pub fn differing_report(&self) -> Option<&CheckReport> {
        let newest = self.report.as_ref().or_else(|| self.details.as_ref()?.report.as_ref());
        newest.filter(|report| !report.is_consistent())
    }

    /// Whether the package changed in the library since the details were read.
    pub fn is_stale(&mut self, view: &View) -> bool {
        let now = view.packages.find(self.id).map(|package| &**package);
        let changed = now.is_some() && self.seen.as_ref() != now;
        if let (true, Some(now)) = (changed, now) {
            self.key = now.key.clone();
            self.seen = Some(now.clone());
        }
        changed
    }

    /// What has to be done on another thread so that *Replaced by* follows the library; nothing if it is up to date.
    pub fn to_follow(
        &mut self,
        list: &Arc<PackageList>,
    ) -> Option<impl FnOnce() -> Vec<PackageKey> + Send + use<>> {
        if std::ptr::eq(self.replaced_by.1.as_ptr(), Arc::as_ptr(list)) {
            return None;
        }
        self.replaced_by.1 = Arc::downgrade(list);
        let (key, list) = (self.key.folded(), Arc::clone(list));
        Some(move || {
            let names = |package: &&PackageSummary| {
                package.replaces().is_some_and(|replaces| replaces.folded() == key)
            };
            let mut found: Vec<PackageKey> =
                list.iter().filter(names).map(|package| package.key.clone()).collect();
            found.sort();
            found
        })
    }

    /// Takes over which packages replace this one.
    pub fn set_replaced_by(&mut self, packages: Vec<PackageKey>) {
        self.replaced_by.0 = packages;
    }

    /// Takes over what was read. Fields that were edited stay as they are; the others follow.
    pub fn set_details(&mut self, result: Result<PackageDetails, Failure>) {
        match result {
            Ok(details) => {
                self.failure = None;
                self.key = details.record.key.clone();
                let fresh = Draft::of(&details.record);
                if let (Some(base), Some(draft)) = (&self.base, &mut self.draft) {
                    merge(draft, base, &fresh, &mut self.elsewhere);
                } else {
                    self.draft = Some(fresh.clone());
                }
                self.base = Some(fresh);
                let newest = details.record.last_check().map(|(_, check)| check.at);
                // A look that nobody recorded is newer than every recorded check.
                if self.report.as_ref().is_some_and(|report| newest.is_some_and(|at| at > report.at)) {
                    self.report = None;
                }
                self.details = Some(details);
                self.contents_old = true;
                self.history.old = true;
                self.blocks.old = true;
                self.delivery.old = true;
            }
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Remembers which check runs.
    pub fn set_check(&mut self, task: TaskId) {
        self.check = Some(task);
    }

    /// Remembers which deep check runs, and where its blocks can be watched.
    pub fn watch_check(&mut self, task: TaskId, blocks: BoardSlot) {
        self.check = Some(task);
        self.blocks.watch(blocks);
    }

    /// The deep check has ended, with a report or without one.
    pub fn end_check(&mut self, report: Option<CheckReport>) {
        self.blocks.end(report.is_some());
        if report.is_some() {
            self.report = report;
        }
    }

    /// Takes over the blocks.
    pub fn set_blocks(&mut self, blocks: PackageBlocks) {
        self.blocks.set(blocks, self.report.as_ref());
    }

    /// Where the package is may have changed.
    pub fn age_delivery(&mut self) {
        self.delivery.old = true;
    }

    /// Takes over where the package is, or why that cannot be said.
    pub fn set_whereabouts(&mut self, read: Result<Whereabouts, Failure>) {
        self.delivery.set(read);
    }

    /// Remembers that changes are being applied.
    pub fn set_applying(&mut self, task: TaskId) {
        self.applying = Some(task);
    }

    /// Takes over what a check found.
    pub fn set_report(&mut self, report: CheckReport) {
        self.report = Some(report);
    }

    /// Forgets what a check found: it does not count any more.
    pub fn forget_report(&mut self) {
        self.report = None;
    }

    /// The files, if they were read.
    pub fn contents(&self) -> Option<Arc<Contents>> {
        self.contents.as_ref().map(|listing| Arc::clone(&listing.contents))
    }

    /// Takes over when the files that differ in the report of this time were changed, and whose they are.
    pub fn set_file_facts(&mut self, report: Timestamp, facts: HashMap<String, FileFacts>) {
        self.facts = Some((report, facts));
    }

    /// Takes over the rows of the tab *Contents*.
    pub fn set_content_rows(&mut self, made: MadeRows) {
        self.contents_state.take(made);
    }

    /// Takes over the files.
    pub fn set_contents(&mut self, listing: Listing) {
        // What is selected stays selected where only something else about the package changed.
        if self.contents.as_ref().is_some_and(|known| known.contents == listing.contents) {
            return;
        }
        self.contents_state.forget(self.contents.as_deref(), &listing);
        self.contents = Some(Arc::new(listing));
    }

    /// Puts the tick back to where it was.
    pub fn forget_switch(&mut self) {
        if let (Some(draft), Some(base)) = (&mut self.draft, &self.base) {
            draft.control = base.control;
        }
        self.close_when_answered = false;
    }

    /// Whether anything was changed and not applied.
    pub fn is_changed(&self) -> bool {
        self.draft.is_some() && self.draft != self.base
    }

    /// What to apply: the fields, and the switch if it was moved.
    pub fn changes(&self) -> Option<Result<(PackageEdit, Option<bool>), String>> {
        let (draft, base) = (self.draft.as_ref()?, self.base.as_ref()?);
        let switch = (draft.control != base.control).then_some(draft.control);
        Some(draft.edit(base).map(|edit| (edit, switch)))
    }

    /// Shows the window; returns whether a press of the pointer went to it.
    pub fn show(&mut self, around: &Around<'_>, is_active: bool, actions: &mut Vec<Action>) -> bool {
        let ctx = around.ctx;
        let text = format!("{} - Properties", self.key.title());
        let title = Title { text: &text, icon: self.seen.as_ref().map(icon_of) };
        let is_popup_open = egui::Popup::is_any_open(ctx);
        let mut frame = std::mem::replace(&mut self.frame, WindowFrame::new(0, None));
        let shown = frame.show(ctx, title, |ui| self.window_ui(ui, around, is_active, actions));
        self.frame = frame;
        if shown.is_closed {
            self.ask(Asked::Close, around.tasks, actions);
        }
        if is_active && let Some(asked) = frame::keys(ctx, &Tab::ALL, &mut self.tab, is_popup_open) {
            self.ask(asked, around.tasks, actions);
        }
        shown.is_pressed
    }

    fn ask(&self, asked: Asked, tasks: &Tasks, actions: &mut Vec<Action>) {
        let id = self.id;
        actions.push(match asked {
            Asked::Close => Action::CloseWindow(id),
            Asked::Discard => Action::Discard(id),
            Asked::Apply { close } => Action::Apply { package: id, close },
            // One at a time.
            Asked::Check(_) if self.check.is_some_and(|task| tasks.is_running(task)) => return,
            Asked::Check(kind) => Action::Check(vec![id], kind),
        });
    }

    fn window_ui(&mut self, ui: &mut Ui, around: &Around<'_>, is_active: bool, actions: &mut Vec<Action>) {
        let (moment, tasks) = (around.moment, around.tasks);
        self.header_ui(ui, moment, actions);
        let blocked = self.seen.as_ref().is_some_and(|package| package.finding != Finding::Consistent);
        let damaged = self.differing_report().is_some_and(|report| !report.differences.damaged.is_empty());
        tabs_ui(ui, &Tab::ALL, &mut self.tab, |tab| {
            tab == Tab::Consistency && blocked || tab == Tab::Blocks && damaged
        });
        tab_area_ui(ui, |ui| self.tab_ui(ui, moment, tasks, is_active, actions));
        let is_busy = self.applying.is_some_and(|task| tasks.is_running(task));
        if let Some(asked) = closing_ui(ui, around.desktop, is_busy, self.is_changed()) {
            self.ask(asked, tasks, actions);
        }
    }

    fn tab_ui(
        &mut self,
        ui: &mut Ui,
        moment: Moment<'_>,
        tasks: &Tasks,
        is_active: bool,
        actions: &mut Vec<Action>,
    ) {
        if let Some(failure) = &self.failure {
            let action = super::advice::advice(failure);
            super::widgets::alert::alert(ui, &super::dialogs::sentence(&failure.message), &action);
            return;
        }
        if self.details.is_none() || self.draft.is_none() {
            ui.weak("Reading the package…");
            return;
        }
        match self.tab {
            Tab::General => self.general_ui(ui, moment, actions),
            Tab::Consistency => self.consistency_ui(ui, moment, tasks, actions),
            Tab::Contents => self.contents_ui(ui, moment, actions),
            Tab::Procedures => self.procedures_ui(ui, actions),
            Tab::Blocks => self.blocks_ui(ui, moment, tasks, is_active, actions),
            Tab::Delivery => self.delivery_ui(ui, moment, actions),
            Tab::History => self.history_ui(ui, moment, actions),
        }
    }

    fn header_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let Some(package) = &self.seen else { return };
        let tokens = Tokens::of(ui);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 10.0;
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(icons::SIZE), Sense::hover());
            let (text, tone) = finding_text(package, moment);
            // The state stands in the title: here its finding.
            let (icon, colour) = match package.finding {
                Finding::Consistent => (Icon::Shield, tokens.secondary),
                _ => (Icon::Warning, tone.colour(tokens)),
            };
            icons::paint(ui.painter(), rect.center(), icon, colour);
            let size = egui::TextStyle::Body.resolve(ui.style()).size;
            ui.label(RichText::new(text).font(semibold(size)).color(tone.colour(tokens)));
            let mut state = package.state.word().to_owned();
            if package.revision > 0 {
                state.push_str(&format!(" · revision {}", package.revision));
            }
            ui.label(RichText::new(state).color(tokens.secondary));
            if package.revision == 0 {
                let id = package.id;
                let procedures = self.details.as_ref().map(|details| details.record.procedures.len());
                match steps::steps_ui(ui, procedures) {
                    Some(Step::Source) => self.tab = Tab::Contents,
                    Some(Step::Procedures) => self.tab = Tab::Procedures,
                    Some(Step::Seal) => actions.push(Action::RunOn(Command::Seal, id)),
                    None => {}
                }
            }
        });
    }

    fn may_edit(&self, field: Field) -> bool {
        self.details.as_ref().is_some_and(|details| details.record.state.may_edit(field))
    }
}

/// `Blocked: differs since 10:42`.
fn finding_text(package: &PackageSummary, moment: Moment<'_>) -> (String, Tone) {
    let (text, tone) = super::pages::packages::consistency_text(package, moment);
    if package.is_blocked() {
        let mut letters = text.chars();
        let small: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
        return (format!("Blocked: {small}"), Tone::Bad);
    }
    let tone = if tone == Tone::Secondary { Tone::Text } else { tone };
    (text.into_owned(), tone)
}

/// The mark beside an edited field that changed in the library meanwhile; `theirs` is what the library has.
fn elsewhere_ui(ui: &mut Ui, theirs: &str) {
    let colour = Tokens::of(ui).busy;
    let mark = ui.label(RichText::new("changed elsewhere").color(colour));
    if !theirs.is_empty() {
        mark.on_hover_text(format!("In the library now: {theirs}"));
    }
}

/// Why a field cannot be edited, for its hover text.
fn why_not(state: PackageState) -> &'static str {
    match state {
        PackageState::Archived => "The package is archived. Restore… changes that",
        _ => "The package is sealed. New version… or Unseal… changes that",
    }
}
