//! The page of one job: how many targets stand where, why those that failed did, each target, and what its computer said.

use egui::{Align, Frame, Label, Layout, Margin, Panel, RichText, TextEdit, Ui};
use uuid::Uuid;

use super::command::JobCommand;
use super::target::target_ui;
use super::targets::{Looked, PAGE, PageAsked, TargetRows, Targets, columns};
use super::{JobAction, Shown, menu_ui, words};
use crate::console::action::Action;
use crate::console::command::Command;
use crate::console::dialogs::sentence;
use crate::console::format;
use crate::console::pages::Page;
use crate::console::pages::packages::Moment;
use crate::console::theme::semibold;
use crate::console::tokens::Tokens;
use crate::console::widgets::alert::alert;
use crate::console::widgets::button::{button, link, primary_button_unless};
use crate::console::widgets::chip::chip;
use crate::console::widgets::list::{List, ListState};
use crate::console::widgets::selection::Selection;
use crate::console::widgets::{name_field, short};
use crate::package::Finding;
use crate::session::{
    ContainerDetails, ContainerView, JobView, OnChecksumError, Selected as SelectedJobs, Shown as ShownState,
    TargetPage, TargetQuery,
};

/// At most so many groups of failures are offered.
const GROUPS: usize = 12;
/// Height of what is said of the selected target, in points.
const TARGET_HEIGHT: f32 = 190.0;
/// Rows that are read at a time where selected ones have to be found out.
const READ_AT_ONCE: u32 = 5_000;

/// What the page needs to be read.
#[derive(Clone, Debug)]
pub enum Ask {
    /// All about the job.
    Details(Uuid),
    /// Some of its targets.
    Targets(Uuid, PageAsked),
    /// One of them with what its computer said.
    Target(Uuid),
}

/// The selected targets.
pub enum Chosen {
    /// These, as the library takes them.
    Known(SelectedJobs),
    /// Not all were read: those at these places of this question.
    Places(TargetQuery, Vec<u64>),
}

/// The page and what it remembers.
#[derive(Default)]
pub struct ContainerPage {
    of: Option<Uuid>,
    looked: Looked,
    targets: Targets,
    list: ListState,
    details: Option<ContainerDetails>,
    wants_details: bool,
    /// The target that is told of, and what was read of it.
    target: Option<(Uuid, Option<JobView>)>,
    wants_target: bool,
    /// What is known of a target stands below the list.
    has_panel: bool,
    /// All that are looked at are selected as soon as it is known how many there are.
    selects_all: bool,
}

impl ContainerPage {
    /// Shows this one.
    pub fn show(&mut self, id: Uuid) {
        if self.of != Some(id) {
            *self = Self { of: Some(id), wants_details: true, ..Self::default() };
        }
    }

    /// Something may have changed.
    pub fn age(&mut self) {
        self.targets.age();
        self.wants_details = true;
        self.wants_target = true;
    }

    /// What has to be read now.
    pub fn take_asks(&mut self) -> Vec<Ask> {
        let Some(id) = self.of else { return Vec::new() };
        let mut asks = Vec::new();
        if std::mem::take(&mut self.wants_details) {
            asks.push(Ask::Details(id));
        }
        self.targets.look_at(&self.looked);
        asks.extend(self.targets.take_asks().into_iter().map(|page| Ask::Targets(id, page)));
        let selected = self.one_selected();
        match (selected, &self.target) {
            (None, _) => self.target = None,
            (Some(job), Some((known, _))) if *known == job => {
                if std::mem::take(&mut self.wants_target) {
                    asks.push(Ask::Target(job));
                }
            }
            (Some(job), _) => {
                self.target = Some((job, None));
                self.wants_target = false;
                asks.push(Ask::Target(job));
            }
        }
        asks
    }

    /// Takes over what was read of the job.
    pub fn set_details(&mut self, details: ContainerDetails) {
        if self.of == Some(details.view.id) {
            self.details = Some(details);
        }
    }

    /// Takes over a part of the targets.
    pub fn set_targets(&mut self, id: Uuid, asked: &PageAsked, read: TargetPage) {
        if self.of == Some(id) {
            let is_taken = self.targets.set_page(asked, read, &mut self.list.selection);
            if is_taken && std::mem::take(&mut self.selects_all) {
                let count = self.targets.total().and_then(|total| usize::try_from(total).ok());
                self.list.selection.select_all(count.unwrap_or(0));
            }
        }
    }

    /// Takes over what was read of a target; a renewed one has another identity.
    pub fn set_target(&mut self, job: Uuid, read: Option<JobView>) {
        if let Some((known, view)) = &mut self.target
            && *known == job
            && read.is_some()
        {
            *view = read;
        }
    }

    /// How many targets are selected.
    pub fn selected_count(&self) -> usize {
        self.list.selection.len()
    }

    fn one_selected(&self) -> Option<Uuid> {
        let cursor = self.list.selection.cursor().filter(|row| self.list.selection.contains(*row));
        let row = cursor.or_else(|| self.list.selection.rows().next())?;
        Some(self.targets.known(row)?.job)
    }

    /// What was read of the job.
    pub fn details(&self) -> Option<&ContainerDetails> {
        self.details.as_ref()
    }

    /// The selected targets; `None` if none is.
    pub fn chosen(&self) -> Option<Chosen> {
        let selection = &self.list.selection;
        if selection.is_empty() {
            return None;
        }
        let is_whole = self.targets.total() == Some(selection.len() as u64);
        if is_whole && self.looked.is_all() {
            return Some(Chosen::Known(SelectedJobs::All));
        }
        if is_whole
            && self.looked.find.trim().is_empty()
            && let Some((code, exit_code)) = self.looked.failure.clone()
        {
            return Some(Chosen::Known(SelectedJobs::Reason { code, exit_code }));
        }
        let known: Option<Vec<Uuid>> =
            selection.rows().map(|row| self.targets.known(row).map(|target| target.job)).collect();
        Some(match known {
            Some(jobs) => Chosen::Known(SelectedJobs::Jobs(jobs)),
            None => {
                let places = selection.rows().map(|row| row as u64).collect();
                Chosen::Places(self.looked.query(0, READ_AT_ONCE), places)
            }
        })
    }

    /// The selected targets that were read, for a report.
    pub fn selected_jobs(&self) -> Vec<Uuid> {
        let rows = self.list.selection.rows();
        rows.filter_map(|row| self.targets.known(row)).take(PAGE as usize).map(|row| row.job).collect()
    }

    fn is_grouped(&self, code: &str, exit_code: Option<i32>) -> bool {
        self.looked.failure.as_ref().is_some_and(|(one, exit)| one == code && *exit == exit_code)
    }

    fn select_nothing(&mut self) {
        self.selects_all = false;
        self.list.selection = Selection::default();
    }

    /// Shows the page.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        view: &ContainerView,
        shown: &Shown<'_>,
        actions: &mut Vec<Action>,
    ) {
        let frame = Frame::new().inner_margin(Margin { left: 12, right: 12, top: 8, bottom: 6 });
        Panel::top("job head").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            head_ui(ui, view, shown.moment, actions);
            self.finding_ui(ui, view, shown, actions);
            self.states_ui(ui, view);
            self.groups_ui(ui);
            self.find_ui(ui, view);
        });
        self.target_panel_ui(ui, view, shown, actions);
        let mut list = std::mem::take(&mut self.list);
        let rows = TargetRows { targets: &self.targets, moment: shown.moment };
        let done = List::new("target list", "Targets", &columns(), shown.density.row_height())
            .sort(self.looked.sort())
            .show(ui, &mut list, &rows, |ui, _| {
                menu_ui(ui, &JobCommand::TARGET_MENU, shown.scope, actions);
            });
        self.list = list;
        if let Some(column) = done.sort_clicked {
            self.looked.sort_by(column);
            self.select_nothing();
        }
        let copies = ui.input(|input| input.events.contains(&egui::Event::Copy));
        if copies && done.response.has_focus() && !self.list.selection.is_empty() {
            actions.push(Action::Copy(self.copied(shown.moment)));
        }
        if self.targets.total() == Some(0) {
            let text = if !self.looked.is_all() {
                "No target fits."
            } else if view.evaluated.is_none() {
                "Its targets are found when its time comes, by the delivery manager."
            } else {
                "It has no targets."
            };
            let line = egui::Rect::from_center_size(done.response.rect.center(), egui::vec2(600.0, 24.0));
            let colour = Tokens::of(ui).secondary;
            ui.put(line, Label::new(RichText::new(text).color(colour)));
        }
    }

    fn copied(&self, moment: Moment<'_>) -> String {
        let titles: Vec<String> = columns().iter().map(|column| column.title.to_string()).collect();
        let mut text = titles.join("\t") + "\n";
        let rows = self.list.selection.rows();
        for row in rows.filter_map(|row| self.targets.known(row)) {
            let exit = row.exit_code.map(|code| code.to_string()).unwrap_or_default();
            let cells = [
                row.target.clone(),
                words::target_text(row),
                row.package.title(),
                exit,
                moment.full(row.changed),
            ];
            let cells = cells.map(|cell| cell.replace(char::is_control, " "));
            text.push_str(&(cells.join("\t") + "\n"));
        }
        text
    }

    /// What keeps it from going on, and the ways out.
    fn finding_ui(&self, ui: &mut Ui, view: &ContainerView, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        if view.reason.is_empty() {
            return;
        }
        if view.code != words::DIFFERS {
            alert(ui, "", &sentence(&view.reason));
            return;
        }
        let package = differing_package(view, shown.view);
        let is_settled = package.is_some_and(|package| package.finding == Finding::Consistent);
        let failed = self.failed_by_checksum();
        let title = package.map(|package| package.key.title()).unwrap_or_default();
        if is_settled && failed == 0 {
            return;
        }
        if is_settled {
            alert(ui, &format!("{title} is as recorded again"), "What ended in error can be done again.");
        } else {
            let stopped = match view.on_checksum_error {
                OnChecksumError::Halt => view.totals.halted,
                OnChecksumError::Error => failed,
            };
            let summary = view.report.as_ref().map(|report| report.differences.summary());
            let text = match summary.filter(|text| !text.is_empty() && stopped > 0) {
                Some(summary) => {
                    let after = words::after_checksum_error(stopped, view.on_checksum_error);
                    format!("{}. {after}.", sentence(&summary))
                }
                None => sentence(&view.reason),
            };
            alert(ui, &format!("{title} is not delivered: it differs from its checksum"), &text);
        }
        ui.horizontal(|ui| {
            if is_settled {
                let refused = shown.scope.refusal(Command::Job(JobCommand::RenewFailed));
                let label = format!("Renew {}", words::targets(failed));
                if primary_button_unless(ui, &label, None, refused).clicked() {
                    let group = SelectedJobs::Reason { code: words::DIFFERS.to_owned(), exit_code: None };
                    actions.push(Action::Job(JobAction::Renew(view.id, vec![group])));
                }
            } else if button(ui, "Why, and what to do…").clicked() {
                actions.push(Action::Job(JobAction::ShowRefusal(view.id)));
            }
        });
    }

    /// How many failed because the package differs.
    pub fn failed_by_checksum(&self) -> u64 {
        let groups = self.details.iter().flat_map(|details| &details.failures);
        groups.filter(|group| group.code == words::DIFFERS).map(|group| group.jobs).sum()
    }

    /// How many targets stand where; each filters.
    fn states_ui(&mut self, ui: &mut Ui, view: &ContainerView) {
        ui.horizontal_wrapped(|ui| {
            let all = format!("All {}", format::thousands(view.totals.all()));
            let is_all = self.looked.shown.is_none() && self.looked.failure.is_none();
            if chip(ui, &all, is_all).clicked() {
                (self.looked.shown, self.looked.failure) = (None, None);
                self.select_nothing();
            }
            for state in ShownState::ALL {
                let count = view.totals.of(state);
                let is = self.looked.shown == Some(state);
                if (count > 0 || is)
                    && chip(ui, &format!("{} {}", state.word(), format::thousands(count)), is).clicked()
                {
                    (self.looked.shown, self.looked.failure) = ((!is).then_some(state), None);
                    self.select_nothing();
                }
            }
        });
    }

    /// Why those that failed did; each group filters.
    fn groups_ui(&mut self, ui: &mut Ui) {
        let groups = self.details.as_ref().map(|details| details.failures.clone()).unwrap_or_default();
        if groups.is_empty() {
            return;
        }
        ui.horizontal_wrapped(|ui| {
            let colour = Tokens::of(ui).secondary;
            ui.label(RichText::new("Failed by reason").color(colour));
            for group in groups.iter().take(GROUPS) {
                let text = format!("{}: {}", short(&group.words, 64), format::thousands(group.jobs));
                let is = self.is_grouped(&group.code, group.exit_code);
                if chip(ui, &text, is).on_hover_text(sentence(&group.words)).clicked() {
                    self.looked.shown = None;
                    self.looked.failure = (!is).then(|| (group.code.clone(), group.exit_code));
                    self.select_nothing();
                    // All of the group, as soon as they are read: what can be done to them is one press away.
                    self.selects_all = !is;
                }
            }
            if groups.len() > GROUPS {
                let rest: u64 = groups.iter().skip(GROUPS).map(|group| group.jobs).sum();
                let text = format!("and {} for other reasons", format::thousands(rest));
                ui.label(RichText::new(text).color(colour));
            }
        });
    }

    fn find_ui(&mut self, ui: &mut Ui, view: &ContainerView) {
        // A few are seen at a glance.
        if view.totals.all() < 20 && self.looked.find.is_empty() {
            return;
        }
        ui.horizontal(|ui| {
            let before = self.looked.find.clone();
            let field = TextEdit::singleline(&mut self.looked.find)
                .hint_text("Find a computer")
                .desired_width(220.0)
                .align(egui::Align2::LEFT_CENTER);
            let response = ui.add(field);
            name_field(&response, "Find a computer");
            if self.looked.find != before {
                self.select_nothing();
            }
            if let Some(total) = self.targets.total().filter(|_| !self.looked.is_all()) {
                let colour = Tokens::of(ui).secondary;
                ui.label(RichText::new(words::targets(total)).color(colour));
            }
        });
    }

    fn target_panel_ui(
        &mut self,
        ui: &mut Ui,
        view: &ContainerView,
        shown: &Shown<'_>,
        actions: &mut Vec<Action>,
    ) {
        let count = self.list.selection.len();
        if count == 0 {
            self.has_panel = false;
            return;
        }
        if !std::mem::replace(&mut self.has_panel, true)
            && let Some(row) = self.list.selection.cursor()
        {
            // The list has just become lower.
            self.list.scroll_to(row);
        }
        let target = self.target.as_ref().and_then(|(_, target)| target.as_ref());
        let most = (ui.available_height() - 120.0).max(90.0);
        let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin {
            left: 12,
            right: 12,
            top: 8,
            bottom: 8,
        });
        Panel::bottom("target")
            .frame(frame)
            .resizable(true)
            .default_size(TARGET_HEIGHT.min(most))
            .size_range(80.0..=most)
            .show(ui, |ui| {
                ui.set_min_size(ui.available_size());
                target_ui(ui, target, count, &view.name, shown, actions);
            });
    }
}

/// The package of a job that differs: the one its reason begins with, where there are several.
pub fn differing_package<'v>(
    view: &ContainerView,
    library: &'v crate::session::View,
) -> Option<&'v crate::package::record::PackageSummary> {
    let named = view.packages.iter().find(|key| view.reason.starts_with(&key.title()));
    let key = named.or_else(|| view.packages.first())?.folded();
    library.packages.iter().find(|package| package.key.folded() == key)
}

/// Name, state, by whom and when.
fn head_ui(ui: &mut Ui, view: &ContainerView, moment: Moment<'_>, actions: &mut Vec<Action>) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        if link(ui, Page::Jobs.word()).clicked() {
            actions.push(Action::Run(Command::Go(Page::Jobs)));
        }
        ui.label(RichText::new("›").color(tokens.secondary));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let made = format!("set up by {}, {}", short(&view.created_by, 24), moment.text(view.created));
            ui.label(RichText::new(made).color(tokens.secondary));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let size = egui::TextStyle::Heading.resolve(ui.style()).size;
                ui.add(Label::new(RichText::new(&view.name).font(semibold(size))).truncate());
            });
        });
    });
    ui.horizontal(|ui| {
        let state = words::state_text(view, moment);
        ui.label(RichText::new(state).color(words::state_tone(view).colour(tokens)));
        let packages: Vec<String> = view.packages.iter().map(|key| key.title()).collect();
        let text = format!("· {}", packages.join(", "));
        ui.add(Label::new(RichText::new(text).color(tokens.secondary)).truncate());
    });
}
