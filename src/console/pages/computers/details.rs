//! What is known of the selected computer: facts, software that is installed on it, its jobs and what they said.

use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::command::ComputerCommand;
use super::list::seen_text;
use super::{Ask, Known, Shown};
use crate::console::action::Action;
use crate::console::command::Command;
use crate::console::dialogs::show_scroll_bar;
use crate::console::format;
use crate::console::icons::Icon;
use crate::console::pages::jobs::{JobAction, words};
use crate::console::pages::packages::Moment;
use crate::console::theme::semibold;
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::button::{button_unless, link};
use crate::console::widgets::field_row::field_row;
use crate::console::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use crate::console::widgets::short;
use crate::console::widgets::tab_bar::{Tab, tab_bar_ui};
use crate::session::{ComputerDetails, ComputerRow, InstallationRow, JobOfContainer, JobState, JobView};

/// Width of what a job said, beside the jobs, in points.
const OUTPUT_WIDTH: f32 = 380.0;

/// The pane and what it remembers.
#[derive(Default)]
pub(super) struct DetailsPane {
    of: Option<Uuid>,
    details: Option<ComputerDetails>,
    wants: bool,
    tab: usize,
    installed: ListState,
    jobs: ListState,
    job: Option<(Uuid, Option<JobView>)>,
}

impl DetailsPane {
    /// The computer that is told of.
    pub(super) fn of(&self) -> Option<Uuid> {
        self.of
    }

    /// Something may have changed.
    pub(super) fn age(&mut self) {
        self.wants = true;
    }

    /// What has to be read now, where this computer is selected.
    pub(super) fn take_asks(&mut self, selected: Option<Uuid>) -> Vec<Ask> {
        if self.of != selected {
            *self = Self { of: selected, wants: true, tab: self.tab, ..Self::default() };
        }
        let mut asks = Vec::new();
        if let Some(id) = self.of.filter(|_| std::mem::take(&mut self.wants)) {
            asks.push(Ask::Computer(id));
        }
        let row = self.jobs.selection.rows().next();
        let job = row.and_then(|row| self.details.as_ref()?.jobs.get(row)).map(|job| job.job.id);
        if let Some(job) = job.filter(|job| self.job.as_ref().is_none_or(|(known, _)| known != job)) {
            self.job = Some((job, None));
            asks.push(Ask::Job(job));
        }
        asks
    }

    /// Takes over what was read of a computer.
    pub(super) fn set(&mut self, id: Uuid, read: Option<ComputerDetails>) {
        if self.of == Some(id) && read.is_some() {
            self.details = read;
            // It may have gone on.
            self.job = None;
        }
    }

    /// Takes over what was read of a job.
    pub(super) fn set_job(&mut self, job: Uuid, read: Option<JobView>) {
        if let Some((known, view)) = &mut self.job
            && *known == job
        {
            *view = read;
        }
    }

    /// Shows what is known of `row`; `count` computers are selected.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        (row, count): (&ComputerRow, usize),
        known: &Known,
        shown: &Shown<'_>,
        actions: &mut Vec<Action>,
    ) {
        head_ui(ui, row, count, shown, actions);
        let Some(details) = &self.details else {
            ui.label(RichText::new("Reading…").color(Tokens::of(ui).secondary));
            return;
        };
        let titles = [
            "General".to_owned(),
            format!("Installed software {}", format::thousands(details.installed.len() as u64)),
            format!("Jobs {}", format::thousands(details.jobs.len() as u64)),
        ];
        let tabs = titles.each_ref().map(|title| Tab { title, finding: false });
        if let Some(tab) = tab_bar_ui(ui, &tabs, self.tab) {
            self.tab = tab;
        }
        let height = shown.density.row_height();
        if self.tab == 0 {
            general_ui(ui, details, row, known, shown);
            return;
        }
        if self.tab == 1 {
            if details.installed.is_empty() {
                quiet(ui, "Nothing was installed by a job.");
                return;
            }
            let rows = InstalledRows { rows: &details.installed, zone: shown.moment.zone };
            let columns = installed_columns();
            List::new("installed list", "Installed software", &columns, height).show(
                ui,
                &mut self.installed,
                &rows,
                |_, _| (),
            );
            return;
        }
        if details.jobs.is_empty() {
            quiet(ui, "It has no jobs.");
            return;
        }
        let rows = JobRows { rows: &details.jobs, moment: shown.moment };
        let columns = job_columns();
        let area = ui.available_size();
        let output = if area.x > 2.0 * OUTPUT_WIDTH { OUTPUT_WIDTH } else { 0.0 };
        let mut opened = None;
        ui.horizontal_top(|ui| {
            ui.allocate_ui(egui::vec2(area.x - output - 8.0, area.y), |ui| {
                let list = List::new("computer jobs", "Jobs of this computer", &columns, height);
                opened = list.show(ui, &mut self.jobs, &rows, |_, _| ()).opened;
            });
            if output > 0.0 {
                ui.allocate_ui(egui::vec2(output, area.y), |ui| {
                    output_ui(ui, self.job.as_ref(), actions, details);
                });
            }
        });
        if let Some(job) = opened.and_then(|row| details.jobs.get(row)) {
            actions.push(Action::Job(JobAction::Show(job.container)));
        }
    }
}

fn quiet(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(text).color(Tokens::of(ui).secondary));
}

fn head_ui(ui: &mut Ui, row: &ComputerRow, count: usize, shown: &Shown<'_>, actions: &mut Vec<Action>) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for command in [ComputerCommand::NewJob, ComputerCommand::Edit] {
                let command = Command::Computer(command);
                let refused = shown.scope.refusal(command);
                if button_unless(ui, &command.entry().text, None, refused).clicked() {
                    actions.push(Action::Run(command));
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let size = egui::TextStyle::Body.resolve(ui.style()).size;
                let most = if count > 1 { 48 } else { 120 };
                let name = RichText::new(short(&row.name, most)).font(semibold(size));
                if count > 1 {
                    ui.label(name);
                    let more = format!("and {} more", format::thousands(count as u64 - 1));
                    ui.label(RichText::new(more).color(tokens.secondary));
                } else {
                    ui.add(Label::new(name).truncate());
                }
            });
        });
    });
    let mut parts = vec![match &row.agent {
        Some(_) if row.seen.is_some() => format!("last seen {}", seen_text(row, shown.moment)),
        Some(agent) => format!("enrolled {}, never heard of", shown.moment.text(agent.since)),
        None => "no agent is enrolled: it gets no jobs".to_owned(),
    }];
    if row.open_jobs > 0 {
        let jobs = if row.open_jobs == 1 { "job" } else { "jobs" };
        parts.push(format!("{} open {jobs}", format::thousands(row.open_jobs)));
    }
    parts.extend(row.test.then(|| "test computer".to_owned()));
    let text = crate::console::dialogs::sentence(&parts.join(" · "));
    ui.add(Label::new(RichText::new(text).color(tokens.secondary)).truncate());
}

/// What is known of a computer, in two columns.
fn general_ui(ui: &mut Ui, details: &ComputerDetails, row: &ComputerRow, known: &Known, shown: &Shown<'_>) {
    let facts = &row.facts;
    let moment = shown.moment;
    let or_none = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let system = [facts.system.as_str(), &facts.system_version, &facts.architecture];
    let system: Vec<&str> = system.into_iter().filter(|part| !part.is_empty()).collect();
    let seen = match (row.seen, &row.agent) {
        (Some(seen), _) => moment.full(seen),
        (None, Some(_)) => "never".to_owned(),
        (None, None) => "–".to_owned(),
    };
    let agent = match &row.agent {
        None => "none is enrolled".to_owned(),
        Some(agent) => {
            let version = or_none(&facts.agent_version);
            format!("{version}, enrolled {}", moment.text(agent.since))
        }
    };
    let polls = details.polls.clone().filter(|_| row.agent.is_some());
    let left = [
        ("Last seen", seen),
        ("Agent", agent),
        ("Calls itself", or_none(&facts.host)),
        ("System", or_none(&system.join(" "))),
        ("Free space", facts.free_bytes.map_or_else(|| "–".to_owned(), format::size)),
    ];
    let right = [
        ("Groups", or_none(&row.groups.join(", "))),
        ("Staging library", staging_text(row, known, polls.as_deref())),
        ("Looks for jobs at", polls.unwrap_or_else(|| "–".to_owned())),
        ("Comment", or_none(&row.comment)),
        ("Added", moment.full(row.added)),
    ];
    show_scroll_bar(ui);
    ScrollArea::vertical().id_salt("computer general").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.columns(2, |columns| {
            for (ui, rows) in columns.iter_mut().zip([left, right]) {
                for (label, value) in rows {
                    field_row(ui, label, |ui| ui.add(Label::new(value).selectable(true).truncate()));
                }
            }
        });
    });
}

/// From where a computer reads packages first: what was said of it, else of the first of its groups, else where it was
/// enrolled.
fn staging_text(row: &ComputerRow, known: &Known, polls: Option<&str>) -> String {
    let name_of = |id: &String| known.staging.get(id).cloned().unwrap_or_else(|| id.clone());
    let text = |name: String, only: bool| if only { format!("{name}, and no other") } else { name };
    if let Some(id) = &row.staging {
        return text(name_of(id), row.staging_only);
    }
    let groups = known.groups.iter().filter(|group| row.groups.contains(&group.name));
    let of_group = groups.filter_map(|group| Some((group, group.staging.as_ref()?))).next();
    match of_group {
        Some((group, id)) => format!("{} (group {})", text(name_of(id), group.staging_only), group.name),
        None => polls.map_or_else(|| "any".to_owned(), |name| format!("{name} (enrolled there)")),
    }
}

fn output_ui(
    ui: &mut Ui,
    job: Option<&(Uuid, Option<JobView>)>,
    actions: &mut Vec<Action>,
    details: &ComputerDetails,
) {
    let tokens = Tokens::of(ui);
    let Some((id, view)) = job else {
        quiet(ui, "Select a job: what it said stands here.");
        return;
    };
    let Some(view) = view else {
        quiet(ui, "Reading…");
        return;
    };
    ui.vertical(|ui| {
        ui.set_width(ui.available_width());
        let state = words::target_text(&view.row);
        ui.add(
            Label::new(RichText::new(state).color(words::target_tone(view.row.shown).colour(tokens))).wrap(),
        );
        if let Some(job) = details.jobs.iter().find(|job| job.job.id == *id)
            && link(ui, "Show the job").clicked()
        {
            actions.push(Action::Job(JobAction::Show(job.container)));
        }
        show_scroll_bar(ui);
        ScrollArea::both().id_salt("job output").auto_shrink(false).show(ui, |ui| {
            let output = view.output.as_deref().unwrap_or("The procedure has said nothing.");
            ui.add(Label::new(RichText::new(output).monospace()).extend().selectable(true));
        });
    });
}

fn installed_columns() -> [Column; 5] {
    [
        Column::text("Package", 220.0).growing().unsortable(),
        Column::text("Version", 120.0).unsortable(),
        Column::number("Revision", 70.0).unsortable(),
        Column::text("Procedure", 160.0).unsortable(),
        Column::text("Since", 130.0).unsortable(),
    ]
}

struct InstalledRows<'a> {
    rows: &'a [InstallationRow],
    zone: &'a TimeZone,
}

impl Rows for InstalledRows<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(row) = self.rows.get(index) else { return Row::default() };
        let since = format::date_time(row.since, self.zone);
        let name = format!("{} {}, since {since}", row.name, row.version);
        let cells = vec![
            Cell::new(row.name.as_str()),
            Cell::new(row.version.as_str()),
            Cell::secondary(row.revision.to_string()),
            Cell::secondary(row.procedure.as_str()),
            Cell::secondary(since),
        ];
        Row { icon: Some((Icon::PackageSealed, None)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.rows.get(index).map_or("", |row| row.name.as_str())
    }
}

fn job_columns() -> [Column; 3] {
    [
        Column::text("Job", 180.0).growing().unsortable(),
        Column::text("State", 220.0).unsortable(),
        Column::text("Since", 120.0).unsortable(),
    ]
}

struct JobRows<'a> {
    rows: &'a [JobOfContainer],
    moment: Moment<'a>,
}

/// How a job stands, from what is kept of it.
fn kept_state(one: &JobOfContainer) -> (String, Tone) {
    let job = &one.job;
    let state = JobState::from_code(&job.state);
    let (word, tone) = match state {
        Some(JobState::ExecutionOk) => ("OK", Tone::Secondary),
        Some(JobState::DeliveryError | JobState::ExecutionError | JobState::ManipulationNotAllowed) => {
            ("Error", Tone::Bad)
        }
        Some(JobState::Halted) => ("Halted", Tone::Busy),
        Some(JobState::Executing) => ("Executing", Tone::Accent),
        Some(JobState::DeliveryOk | JobState::AlreadyDelivered | JobState::ExecutionOrdered) => {
            ("Staged", Tone::Accent)
        }
        Some(JobState::AlreadyInstalled) => ("Installed already", Tone::Secondary),
        Some(JobState::Waiting | JobState::Building) => ("Waiting", Tone::Secondary),
        Some(JobState::Withdrawing) => ("Being withdrawn", Tone::Busy),
        _ => ("Ordered", Tone::Accent),
    };
    let text = if job.reason.is_empty() { word.to_owned() } else { format!("{word}: {}", job.reason) };
    (text, tone)
}

impl Rows for JobRows<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(one) = self.rows.get(index) else { return Row::default() };
        let (state, tone) = kept_state(one);
        let name = format!("{}, {state}", one.container_name);
        let cells = vec![
            Cell::new(one.container_name.as_str()),
            Cell::new(state).tone(tone),
            Cell::secondary(self.moment.text(one.job.changed)),
        ];
        Row { icon: Some((Icon::Jobs, None)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.rows.get(index).map_or("", |one| one.container_name.as_str())
    }
}
