//! The tab *Delivery*: where the package is staged and installed, the jobs that have it, and the jobs that replace it.
//!
//! Nothing is edited here. What leads on from a row closes the window, unless something in it was changed.

use egui::{RichText, Ui};
use uuid::Uuid;

use super::{PropertyWindow, why_not};
use crate::console::action::Action;
use crate::console::command::Command;
use crate::console::dialogs::sentence;
use crate::console::dialogs::whereabouts::on_computers;
use crate::console::format;
use crate::console::icons::{Icon, Mark};
use crate::console::pages::computers::ComputerAction;
use crate::console::pages::jobs::command::JobCommand;
use crate::console::pages::jobs::{JobAction, words};
use crate::console::pages::packages::Moment;
use crate::console::pages::staging::StagingAction;
use crate::console::pages::staging::command::StagingCommand;
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::alert::alert;
use crate::console::widgets::button::{button, button_unless};
use crate::console::widgets::chip::chip;
use crate::console::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use crate::failure::Failure;
use crate::package::staging::{StagedFinding, StagingId};
use crate::package::{PackageKey, PackageState};
use crate::session::{CopyRow, InstalledOn, PackageJobs, Whereabouts};

/// So many computers are named; of more the count is told.
pub const COMPUTERS_MOST: u32 = 10_000;
/// Height of a row, in points.
const ROW: f32 = 24.0;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Staged,
    Installed,
    Jobs,
    Replacing,
}

impl Section {
    const ALL: [Self; 4] = [Self::Staged, Self::Installed, Self::Jobs, Self::Replacing];

    fn count(self, known: &Whereabouts) -> u64 {
        match self {
            Self::Staged => known.staged.len() as u64,
            Self::Installed => known.installed + known.installed_tests,
            Self::Jobs => known.jobs.len() as u64,
            Self::Replacing => known.replacing.len() as u64,
        }
    }

    fn title(self, known: &Whereabouts) -> String {
        let count = format::thousands(self.count(known));
        match self {
            Self::Staged => format!("Staged at {count}"),
            Self::Installed => format!("Installed on {count}"),
            Self::Jobs => format!("Jobs {count}"),
            Self::Replacing => format!("Replacing jobs of newer versions {count}"),
        }
    }

    /// What is said where there is nothing of it.
    fn nothing(self) -> &'static str {
        match self {
            Self::Staged => "It is not staged anywhere: no computer can be given it.",
            Self::Installed => "No computer is known to have it installed.",
            Self::Jobs => "No job has it.",
            Self::Replacing => "No job delivers a package that replaces this one.",
        }
    }
}

/// What the tab remembers.
pub(super) struct State {
    known: Option<Result<Whereabouts, Failure>>,
    /// What was read may have changed.
    pub(super) old: bool,
    is_reading: bool,
    /// What somebody chose to look at.
    section: Option<Section>,
    lists: [ListState; 4],
}

impl Default for State {
    fn default() -> Self {
        Self { known: None, old: true, is_reading: false, section: None, lists: Default::default() }
    }
}

impl State {
    /// The staging libraries of the selected copies, or of all where none is selected or they are not looked at.
    fn copies(&self) -> Vec<StagingId> {
        let Some(Ok(known)) = &self.known else { return Vec::new() };
        let all: Vec<StagingId> = known.staged.iter().map(|(row, _)| row.copy.staging).collect();
        let selection = &self.lists[Section::Staged as usize].selection;
        let chosen: Vec<StagingId> = selection.rows().filter_map(|row| all.get(row).copied()).collect();
        if chosen.is_empty() || self.shown(known) != Section::Staged { all } else { chosen }
    }

    /// What is looked at: what somebody chose, else the first of which there is anything.
    fn shown(&self, known: &Whereabouts) -> Section {
        let first = Section::ALL.into_iter().find(|section| section.count(known) > 0);
        self.section.or(first).unwrap_or(Section::Staged)
    }

    pub(super) fn set(&mut self, read: Result<Whereabouts, Failure>) {
        self.is_reading = false;
        let after = read.as_ref().ok();
        if let (Some(Ok(before)), Some(after)) = (&self.known, after) {
            // What is selected stays so, wherever it is now.
            let keys = |known: &Whereabouts| -> [Vec<String>; 4] {
                [
                    known.staged.iter().map(|(row, _)| row.copy.staging.to_string()).collect(),
                    known.computers.iter().map(|row| row.computer.clone()).collect(),
                    known.jobs.iter().map(|job| job.container.to_string()).collect(),
                    known.replacing.iter().map(|(key, job)| format!("{key} {}", job.container)).collect(),
                ]
            };
            if before != after {
                let (before, after) = (keys(before), keys(after));
                for (list, (before, after)) in self.lists.iter_mut().zip(before.iter().zip(&after)) {
                    if before != after {
                        list.selection.remap(after.len(), |row| {
                            let key = before.get(row)?;
                            after.iter().position(|one| one == key)
                        });
                    }
                }
            }
        }
        self.known = Some(read);
    }
}

impl PropertyWindow {
    pub(super) fn delivery_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let Some(state) = self.details.as_ref().map(|details| details.record.state) else { return };
        if state == PackageState::Open {
            let colour = Tokens::of(ui).secondary;
            ui.label(RichText::new("Only sealed packages are delivered").color(colour));
            return;
        }
        if self.delivery.old && !self.delivery.is_reading {
            self.delivery.old = false;
            self.delivery.is_reading = true;
            actions.push(Action::ReadWhereabouts(self.id));
        }
        self.delivery_buttons_ui(ui, state, actions);
        let is_changed = self.is_changed();
        let delivery = &mut self.delivery;
        let known = match &delivery.known {
            None => {
                ui.weak("Reading where it is…");
                return;
            }
            Some(Err(failure)) => {
                let action = crate::console::advice::advice(failure);
                alert(ui, &sentence(&failure.message), &action);
                return;
            }
            Some(Ok(known)) => known,
        };
        let mut section = delivery.shown(known);
        ui.horizontal_wrapped(|ui| {
            for one in Section::ALL {
                if chip(ui, &one.title(known), one == section).clicked() {
                    delivery.section = Some(one);
                    section = one;
                }
            }
        });
        if section.count(known) == 0 {
            ui.add_space(6.0);
            ui.label(RichText::new(section.nothing()).color(Tokens::of(ui).secondary));
            return;
        }
        if section == Section::Installed {
            installed_line_ui(ui, known);
        }
        let list = &mut delivery.lists[section as usize];
        let chosen = match section {
            Section::Staged => {
                let rows = StagedRows { known, moment };
                let done = list_ui(ui, "staged at", "Staged at", &staged_columns(), &rows, list);
                let row = done.linked.or(done.opened).and_then(|row| known.staged.get(row));
                row.map(|(row, _)| Lead::Staging(row.copy.staging))
            }
            Section::Installed => {
                let rows = InstalledRows { rows: &known.computers, moment };
                let done = list_ui(ui, "installed on", "Installed on", &installed_columns(), &rows, list);
                let at = |row: usize| known.computers.get(row);
                let job = done.linked.and_then(at).and_then(|row| row.job.as_ref());
                let computer = done.opened.and_then(at).map(|row| Lead::Computer(row.computer.clone()));
                job.map(|(id, _)| Lead::Job(*id)).or(computer)
            }
            Section::Jobs => {
                let rows = JobRows { rows: known.jobs.iter().map(|job| (None, job)).collect(), moment };
                let done = list_ui(ui, "jobs of it", "Jobs", &job_columns(false), &rows, list);
                let row = done.linked.or(done.opened).and_then(|row| known.jobs.get(row));
                row.map(|job| Lead::Job(job.container))
            }
            Section::Replacing => {
                let rows = known.replacing.iter().map(|(key, job)| (Some(key), job)).collect();
                let rows = JobRows { rows, moment };
                let name = "Replacing jobs of newer versions";
                let done = list_ui(ui, "replacing jobs", name, &job_columns(true), &rows, list);
                let row = done.linked.or(done.opened).and_then(|row| known.replacing.get(row));
                row.map(|(_, job)| Lead::Job(job.container))
            }
        };
        let Some(lead) = chosen else { return };
        actions.push(match lead {
            Lead::Staging(id) => Action::Staging(StagingAction::Show(id)),
            Lead::Job(job) => Action::Job(JobAction::Show(job)),
            Lead::Computer(name) => Action::Computer(ComputerAction::Show(name)),
        });
        if !is_changed {
            actions.push(Action::Discard(self.id));
        }
    }

    fn delivery_buttons_ui(&self, ui: &mut Ui, state: PackageState, actions: &mut Vec<Action>) {
        let id = self.id;
        if state == PackageState::Archived {
            ui.horizontal(|ui| {
                if button(ui, &Command::Restore.entry().text).clicked() {
                    actions.push(Action::RunOn(Command::Restore, id));
                }
                ui.label(RichText::new(why_not(state)).color(Tokens::of(ui).secondary));
            });
            return;
        }
        let is_retired = self.details.as_ref().is_some_and(|details| details.record.retired);
        let retired = is_retired.then_some("The package is retired: no new jobs");
        let copies = self.delivery.copies();
        let nowhere = copies.is_empty().then_some("The package is not staged");
        let of_them = if copies.len() > 1 { "The selected copies, or all of them" } else { "" };
        ui.horizontal(|ui| {
            let deploy = Command::Job(JobCommand::Deploy);
            if button_unless(ui, &deploy.entry().text, None, retired).clicked() {
                actions.push(Action::RunOn(deploy, id));
            }
            let stage = Command::Staging(StagingCommand::Stage);
            let none = matches!(&self.delivery.known, Some(Ok(known)) if known.libraries == 0)
                .then_some("There is no staging library: add one first");
            if button_unless(ui, &stage.entry().text, None, none).clicked() {
                actions.push(Action::RunOn(stage, id));
            }
            let mut of_copies = |command: StagingCommand, action: StagingAction| {
                let text = Command::Staging(command).entry().text;
                let response = button_unless(ui, &text, None, nowhere);
                let response = if of_them.is_empty() { response } else { response.on_hover_text(of_them) };
                if response.clicked() {
                    actions.push(Action::Staging(action));
                }
            };
            let places: Vec<_> = copies.iter().map(|staging| (id, *staging)).collect();
            of_copies(StagingCommand::Unstage, StagingAction::AskUnstage(places.clone()));
            of_copies(StagingCommand::VerifyCopy, StagingAction::Verify(places, false));
        });
    }
}

/// Where a row leads.
enum Lead {
    Staging(StagingId),
    Job(Uuid),
    Computer(String),
}

fn list_ui(
    ui: &mut Ui,
    id: &str,
    name: &str,
    columns: &[Column],
    rows: &dyn Rows,
    state: &mut ListState,
) -> crate::console::widgets::list::ListResponse {
    let done = List::new(id, name, columns, ROW).show(ui, state, rows, |_, _| ());
    let copies = ui.input(|input| input.events.contains(&egui::Event::Copy));
    if copies && done.response.has_focus() && !state.selection.is_empty() {
        ui.ctx().copy_text(copied(columns, rows, state.selection.rows()));
    }
    done
}

/// Rows as text with a header, cells apart by tabs.
fn copied(columns: &[Column], rows: &dyn Rows, places: impl Iterator<Item = usize>) -> String {
    let titles: Vec<&str> = columns.iter().map(|column| &*column.title).collect();
    let mut text = titles.join("\t") + "\n";
    for place in places {
        let cells = rows.row(place).cells;
        let cells: Vec<String> = cells.iter().map(|cell| cell.text.replace(char::is_control, " ")).collect();
        text.push_str(&(cells.join("\t") + "\n"));
    }
    text
}

/// `212 computers and 3 test computers.`
fn installed_line_ui(ui: &mut Ui, known: &Whereabouts) {
    let shown = known.computers.len() as u64;
    let all = known.installed + known.installed_tests;
    let mut text = on_computers(known);
    if shown < all {
        text.push_str(&format!(". The first {} by name are listed", format::thousands(shown)));
    }
    ui.label(RichText::new(text).color(Tokens::of(ui).secondary));
}

fn staged_columns() -> [Column; 5] {
    [
        Column::text("Staging library", 220.0).growing().unsortable(),
        Column::number("Revision", 76.0).unsortable(),
        Column::text("State", 190.0).unsortable(),
        Column::text("Verified", 190.0).unsortable(),
        Column::text("Staged", 180.0).unsortable(),
    ]
}

struct StagedRows<'a> {
    known: &'a Whereabouts,
    moment: Moment<'a>,
}

/// How a copy is: `Outdated: the library has revision 3`.
fn copy_state(row: &CopyRow) -> (String, Tone) {
    match (row.copy.finding, row.newest) {
        (StagedFinding::Whole | StagedFinding::Unverified, Some(newest)) if row.is_outdated() => {
            (format!("Outdated: revision {newest} is here"), Tone::Busy)
        }
        (StagedFinding::Whole, _) => ("Whole".to_owned(), Tone::Secondary),
        (StagedFinding::Unverified, _) => ("Not verified".to_owned(), Tone::Busy),
        (finding, _) => (finding.word().to_owned(), Tone::Bad),
    }
}

/// When a copy was verified, and how.
fn verified(row: &CopyRow, moment: Moment<'_>) -> String {
    match (row.copy.read_at, row.copy.listed_at) {
        (Some(read), listed) if listed.is_none_or(|listed| read >= listed) => {
            format!("{}, contents", moment.text(read))
        }
        (_, Some(listed)) => format!("{}, names and sizes", moment.text(listed)),
        _ => "never".to_owned(),
    }
}

impl Rows for StagedRows<'_> {
    fn len(&self) -> usize {
        self.known.staged.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some((row, for_tests)) = self.known.staged.get(index) else { return Row::default() };
        let (state, tone) = copy_state(row);
        let verified = verified(row, self.moment);
        let name = if *for_tests { format!("{} (test computers)", row.name) } else { row.name.clone() };
        let said = format!("{name}, revision {}, {state}, verified {verified}", row.copy.revision);
        let staged = format!("{}, {}", self.moment.text(row.copy.staged_at), row.copy.staged_by);
        let mark = match tone {
            Tone::Secondary => None,
            _ => Some(Mark::Differs),
        };
        let cells = vec![
            Cell::new(name).link(Some("Show")),
            Cell::secondary(row.copy.revision.to_string()),
            Cell::new(state).tone(tone),
            Cell::secondary(verified),
            Cell::secondary(staged),
        ];
        Row { icon: Some((Icon::Staging, mark)), cells, name: said.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.known.staged.get(index).map_or("", |(row, _)| row.name.as_str())
    }
}

fn installed_columns() -> [Column; 5] {
    [
        Column::text("Computer", 190.0).growing().unsortable(),
        Column::number("Revision", 76.0).unsortable(),
        Column::text("Since", 130.0).unsortable(),
        Column::text("Procedure", 150.0).unsortable(),
        Column::text("Job", 260.0).unsortable(),
    ]
}

struct InstalledRows<'a> {
    rows: &'a [InstalledOn],
    moment: Moment<'a>,
}

impl Rows for InstalledRows<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(row) = self.rows.get(index) else { return Row::default() };
        let since = self.moment.text(row.what.since);
        let computer = if row.test { format!("{} (test)", row.computer) } else { row.computer.clone() };
        let job = row.job.as_ref().map(|(_, name)| name.as_str());
        let said = format!("{computer}, since {since}, {}, {}", row.what.procedure, job.unwrap_or("no job"));
        let cells = vec![
            Cell::new(computer),
            Cell::secondary(row.what.revision.to_string()),
            Cell::secondary(since),
            Cell::secondary(row.what.procedure.as_str()),
            Cell::secondary(job.unwrap_or("–")).link(job.map(|_| "Show")),
        ];
        Row { icon: Some((Icon::Computers, None)), cells, name: said.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.rows.get(index).map_or("", |row| row.computer.as_str())
    }
}

fn job_columns(with_package: bool) -> Vec<Column> {
    let package = with_package.then(|| Column::text("Package", 150.0).unsortable());
    let rest = [
        Column::text("Job", 180.0).growing().unsortable(),
        Column::text("State", 150.0).unsortable(),
        Column::number("Waiting", 70.0).unsortable(),
        Column::number("Active", 62.0).unsortable(),
        Column::number("Halted", 62.0).unsortable(),
        Column::number("OK", 62.0).unsortable(),
        Column::number("Error", 62.0).unsortable(),
        Column::text("Set up", 120.0).unsortable(),
    ];
    package.into_iter().chain(rest).collect()
}

struct JobRows<'a> {
    rows: Vec<(Option<&'a PackageKey>, &'a PackageJobs)>,
    moment: Moment<'a>,
}

impl Rows for JobRows<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some((package, job)) = self.rows.get(index) else { return Row::default() };
        let totals = &job.totals;
        let state = words::counted_state(job.state, totals);
        let active = totals.ordered + totals.staged + totals.executing;
        let package = package.map(PackageKey::title);
        let said = format!(
            "{}, {state}, {} waiting, {active} active, {} OK, {} in error",
            package.iter().chain([&job.name]).cloned().collect::<Vec<_>>().join(", "),
            totals.waiting,
            totals.ok,
            totals.error
        );
        let count = |count: u64, tone: Tone| match count {
            0 => Cell::secondary("–"),
            count => Cell::new(format::thousands(count)).tone(tone),
        };
        let cells = package.map(Cell::new).into_iter().chain([
            Cell::new(job.name.as_str()).link(Some("Show")),
            Cell::new(state).tone(words::tone_of(job.state)),
            count(totals.waiting, Tone::Text),
            count(active, Tone::Text),
            count(totals.halted, Tone::Busy),
            count(totals.ok, Tone::Text),
            count(totals.error, Tone::Bad),
            Cell::secondary(self.moment.text(job.created)),
        ]);
        Row { icon: Some(words::icon_of(job.state)), cells: cells.collect(), name: said.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.rows.get(index).map_or("", |(_, job)| job.name.as_str())
    }
}
