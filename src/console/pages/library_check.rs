//! The page *Library check*: a deep check over the library that can stand still, go slowly, and outlive the program.
//!
//! Owns what is chosen before the start and which group of the result is shown. How a check is run stands in the
//! library; that it runs, in the tasks.

use egui::{Align, ComboBox, DragValue, Frame, Layout, Margin, Panel, RichText, Ui};
use jiff::{SignedDuration, Timestamp};

use super::super::action::Action;
use super::super::dialogs::files::SaveText;
use super::super::dialogs::problem_list_ui;
use super::super::format;
use super::super::icons::Icon;
use super::super::selected::Selected;
use super::super::tasks::TaskRow;
use super::super::theme::{Density, semibold};
use super::super::tokens::{Tokens, Tone};
use super::super::widgets::alert::alert;
use super::super::widgets::button::{button, button_unless, primary_button};
use super::super::widgets::chip::chip;
use super::super::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use super::super::widgets::progress_row::{Progress, progress_bar_ui};
use super::packages::Moment;
use crate::package::PackageId;
use crate::session::{CheckGroup, CheckOrder, CheckRun, CheckedRow, LibraryCheck};

/// Limits to choose from, in bytes a second; none at first.
pub const RATES: [Option<u64>; 6] =
    [None, Some(10 << 20), Some(25 << 20), Some(50 << 20), Some(100 << 20), Some(250 << 20)];

/// What the work is called in the list of tasks.
pub const LIBRARY_CHECK: &str = "Library check";

/// A limit as it is chosen.
pub fn rate_word(rate: Option<u64>) -> String {
    match rate {
        Some(rate) => format!("at most {}", format::short_rate(rate)),
        None => "as fast as possible".to_owned(),
    }
}

/// What is to be checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    All,
    NotSince,
    Selected,
    Damaged,
}

/// What is done to the check that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// It stands still.
    Pause,
    /// It goes on.
    Resume,
    /// It stops, and is kept.
    Stop,
    /// It reads at most so many bytes a second.
    Rate(Option<u64>),
}

/// What runs now.
pub struct Running<'a> {
    /// How far it is.
    pub row: &'a TaskRow,
    /// Whether it stands still.
    pub is_paused: bool,
    /// The package that is being read.
    pub subject: &'a str,
}

/// The page and what it remembers.
pub struct LibraryCheckPage {
    kept: Option<LibraryCheck>,
    /// The groups of it that have packages, with their number: counted once, not in each frame.
    counts: Vec<(CheckGroup, usize)>,
    is_whole: bool,
    /// Epoch of the view at which it was read.
    pub read_at: Option<u64>,
    /// Whether it is being read.
    pub is_reading: bool,
    /// Whether a check of this window has ended since what is shown was asked for.
    pub is_outdated: bool,
    choice: Choice,
    days: u32,
    rate: Option<u64>,
    group: Option<CheckGroup>,
    index: Vec<u32>,
    made: Option<(Option<CheckGroup>, usize)>,
    list: ListState,
}

impl Default for LibraryCheckPage {
    fn default() -> Self {
        Self {
            kept: None,
            counts: Vec::new(),
            is_whole: false,
            read_at: None,
            is_reading: false,
            is_outdated: false,
            choice: Choice::All,
            days: 90,
            rate: None,
            group: None,
            index: Vec::new(),
            made: None,
            list: ListState::default(),
        }
    }
}

struct CheckedRows<'a> {
    rows: &'a [CheckedRow],
    index: &'a [u32],
    moment: Moment<'a>,
}

impl Rows for CheckedRows<'_> {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let row = &self.rows[self.index[index] as usize];
        let (icon, tone) = match row.group {
            CheckGroup::Whole => (Icon::Check, Tone::Secondary),
            CheckGroup::Passed | CheckGroup::Unproven => (Icon::Info, Tone::Text),
            CheckGroup::Repairable | CheckGroup::NotRepairable | CheckGroup::Unreadable => {
                (Icon::Warning, Tone::Bad)
            }
        };
        let what = match row.troubled.as_slice() {
            [] => row.why.clone(),
            [one] => format!("{}: {}", one.path, one.what),
            [one, rest @ ..] => format!("{}: {}, and {} more", one.path, one.what, rest.len()),
        };
        let what = match row.places.first() {
            Some(place) => format!("{what} · {}", source_words(row, short_place(place))),
            None if row.why.is_empty() || row.troubled.is_empty() => what,
            None => format!("{}; {what}", row.why),
        };
        let title = row.key.title();
        let name = format!("{title}, {}", row.group.word());
        let cells = vec![
            Cell::new(title),
            Cell::new(row.group.word()).tone(tone),
            Cell::secondary(what),
            Cell::secondary(format::size(row.size_bytes)),
            Cell::secondary(self.moment.text(row.at)),
        ];
        Row { icon: Some((icon, None)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.rows[self.index[index] as usize].key.name()
    }
}

impl LibraryCheckPage {
    /// Takes over what is kept of the last check.
    pub fn set_kept(&mut self, kept: Option<LibraryCheck>) {
        if self.kept.as_ref().map(|check| check.begun) != kept.as_ref().map(|check| check.begun) {
            self.list = ListState::default();
            self.group = None;
        }
        let count = |group| kept.as_ref().map_or(0, |check| check.in_group(group).count());
        let counts = CheckGroup::ALL.into_iter().map(|group| (group, count(group)));
        self.counts = counts.filter(|(_, count)| *count > 0).collect();
        self.is_whole = kept.as_ref().is_some_and(LibraryCheck::is_whole);
        self.kept = kept;
        self.made = None;
    }

    /// Offers this limit for the next check.
    pub fn begin_with_rate(&mut self, rate: Option<u64>) {
        self.rate = rate;
    }

    /// How many packages of the result are shown.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is shown.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Shows the page; `selected` are the packages that are selected in the list.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        running: Option<&Running<'_>>,
        selected: &Selected,
        moment: Moment<'_>,
        density: Density,
        actions: &mut Vec<Action>,
    ) {
        let frame = Frame::new().inner_margin(Margin::symmetric(14, 10));
        Panel::top("library check").frame(frame).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 7.0;
            match running {
                Some(running) => self.running_ui(ui, running, actions),
                None => self.standing_ui(ui, selected, moment, actions),
            }
        });
        self.result_ui(ui, moment, density, actions);
    }

    fn running_ui(&mut self, ui: &mut Ui, running: &Running<'_>, actions: &mut Vec<Action>) {
        let secondary = Tokens::of(ui).secondary;
        let progress = running.row.progress;
        let shown = Progress {
            name: "Library check",
            done_bytes: progress.done_bytes,
            total_bytes: progress.total_bytes,
            bytes_per_second: if running.is_paused { 0 } else { running.row.bytes_per_second },
        };
        ui.horizontal(|ui| {
            let word = match (running.row.stopping, running.is_paused) {
                (true, _) => "Stopping",
                (_, true) => "Paused",
                _ => "Checking every file of the library",
            };
            ui.label(RichText::new(word).font(semibold(14.0)));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if button(ui, "Stop").on_hover_text("It is kept and can go on later").clicked() {
                    actions.push(Action::SteerLibraryCheck(Steer::Stop));
                }
                let (label, steer) =
                    if running.is_paused { ("Resume", Steer::Resume) } else { ("Pause", Steer::Pause) };
                if button(ui, label).clicked() {
                    actions.push(Action::SteerLibraryCheck(steer));
                }
                self.rate_ui(ui, actions);
            });
        });
        progress_bar_ui(ui, &shown, ui.available_width());
        let packages = format!(
            "{} of {} packages",
            format::thousands(progress.done_packages),
            format::thousands(progress.total_packages)
        );
        ui.horizontal(|ui| {
            ui.label(RichText::new(format!("{} · {packages}", shown.figures())).color(secondary));
            if !running.subject.is_empty() {
                ui.label(RichText::new(format!("· {}", running.subject)).color(secondary));
            }
        });
    }

    /// Before the start, or while it stands still.
    fn standing_ui(
        &mut self,
        ui: &mut Ui,
        selected: &Selected,
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        let secondary = Tokens::of(ui).secondary;
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.ended.is_none()) {
            if kept.running && self.is_outdated {
                ui.label(RichText::new("Reading the result…").color(secondary));
                return;
            }
            if kept.running {
                let text = "Another program runs the library check; what it finds appears here.";
                ui.label(RichText::new(text).color(secondary));
                return;
            }
            let done = kept.total_packages - kept.left_packages;
            let title = format!(
                "A library check stands still since {} of {} packages",
                format::thousands(done),
                format::thousands(kept.total_packages)
            );
            let why = kept.stopped_because.as_deref().unwrap_or("It was stopped");
            let begun = format!("{why}. It was begun {} by {}.", moment.text(kept.begun), kept.begun_by);
            alert(ui, &title, &super::super::dialogs::sentence(&begun));
            ui.horizontal(|ui| {
                if primary_button(ui, "Go on").clicked() {
                    actions.push(Action::RunLibraryCheck(CheckRun::default(), self.rate));
                }
                if button(ui, "Forget it").on_hover_text("What was found stays with the packages").clicked() {
                    actions.push(Action::ForgetLibraryCheck);
                }
                self.rate_ui(ui, actions);
            });
            return;
        }
        ui.label(RichText::new("Check every file against its hashes").font(semibold(14.0)));
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 14.0;
            ui.radio_value(&mut self.choice, Choice::All, "All packages");
            ui.radio_value(&mut self.choice, Choice::NotSince, "Not deep checked for");
            ui.name_inputs("Days", |ui| {
                ui.add_enabled(
                    self.choice == Choice::NotSince,
                    DragValue::new(&mut self.days).range(0..=3650).suffix(" days"),
                )
            });
            ui.radio_value(&mut self.choice, Choice::Damaged, "Only what was not as recorded");
            let count = selected.len();
            let label = match count {
                0 => "The selected packages".to_owned(),
                1 => "The selected package".to_owned(),
                _ => format!("The {} selected packages", format::thousands(count as u64)),
            };
            ui.add_enabled_ui(count > 0, |ui| {
                ui.radio_value(&mut self.choice, Choice::Selected, label)
                    .on_disabled_hover_text("No package is selected");
            });
        });
        ui.horizontal(|ui| {
            let refused = (self.choice == Choice::Selected && selected.is_empty())
                .then_some("Select packages in the list first");
            if super::super::widgets::button::primary_button_unless(ui, "Start", None, refused).clicked() {
                let order = self.order(selected, moment.now);
                let run = CheckRun { order: Some(order), restart: false };
                actions.push(Action::RunLibraryCheck(run, self.rate));
            }
            self.rate_ui(ui, actions);
        });
    }

    fn order(&self, selected: &Selected, now: Timestamp) -> CheckOrder {
        match self.choice {
            Choice::All => CheckOrder::default(),
            Choice::Damaged => CheckOrder { damaged_only: true, ..CheckOrder::default() },
            Choice::Selected => CheckOrder { packages: Some(selected.ids()), ..CheckOrder::default() },
            Choice::NotSince => {
                let since = now - SignedDuration::from_hours(24 * i64::from(self.days));
                CheckOrder { not_since: Some(since), ..CheckOrder::default() }
            }
        }
    }

    fn rate_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let before = self.rate;
        ui.name_inputs("Speed", |ui| {
            ComboBox::from_id_salt("rate").width(170.0).selected_text(rate_word(self.rate)).show_ui(
                ui,
                |ui| {
                    for rate in RATES {
                        ui.selectable_value(&mut self.rate, rate, rate_word(rate));
                    }
                },
            );
        });
        if self.rate != before {
            actions.push(Action::SteerLibraryCheck(Steer::Rate(self.rate)));
        }
    }

    fn refresh(&mut self) {
        let Some(kept) = &self.kept else {
            self.index.clear();
            return;
        };
        let wanted = (self.group, kept.done.len());
        if self.made == Some(wanted) {
            return;
        }
        let rows = kept.done.iter().enumerate();
        let shown = rows.filter(|(_, row)| self.group.is_none_or(|group| row.group == group));
        self.index = shown.filter_map(|(at, _)| u32::try_from(at).ok()).collect();
        // What is in trouble first, the newest of it first.
        let rank = |row: &CheckedRow| CheckGroup::ALL.iter().position(|group| *group == row.group);
        self.index.sort_by_key(|at| {
            let row = &kept.done[*at as usize];
            (rank(row), std::cmp::Reverse(row.at))
        });
        self.made = Some(wanted);
    }

    fn result_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, density: Density, actions: &mut Vec<Action>) {
        self.refresh();
        let Some(kept) = &self.kept else {
            let text = "No library check was made yet. It reads every file, names what is damaged, and can be paused, \
                        slowed down and continued another day.";
            super::super::widgets::empty_state::empty_state_ui(ui, Icon::Shield, text, None);
            return;
        };
        let frame = Frame::new().inner_margin(Margin::symmetric(14, 6));
        Panel::top("check groups").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                let all = format!("All {}", format::thousands(kept.done.len() as u64));
                if chip(ui, &all, self.group.is_none()).clicked() {
                    self.group = None;
                }
                for &(group, count) in &self.counts {
                    let text = format!("{} {}", group.word(), format::thousands(count as u64));
                    if chip(ui, &text, self.group == Some(group)).clicked() {
                        self.group = Some(group);
                    }
                }
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let trouble = self.counts.iter().any(|(group, _)| is_trouble(*group));
                    let none = (!trouble).then_some("Nothing is in trouble");
                    if button_unless(ui, "Save list…", None, none).clicked() {
                        let text = trouble_lines(kept).join("\n") + "\n";
                        actions
                            .push(Action::Ask(Box::new(SaveText::new("Save the list of damage", || text))));
                    }
                    let rows = kept.done.iter();
                    let repairable: Vec<PackageId> =
                        rows.filter(|row| row.group == CheckGroup::Repairable).map(|row| row.id).collect();
                    let none = repairable.is_empty().then_some("Nothing is known to be repairable");
                    if button_unless(ui, "Repair all repairable…", None, none).clicked() {
                        actions.push(Action::AskRepair(repairable, false));
                    }
                    if let Some(ended) = kept.ended {
                        let text = match self.is_whole {
                            true => format!("Everything is whole · ended {}", moment.text(ended)),
                            false => format!("Ended {}", moment.text(ended)),
                        };
                        ui.label(RichText::new(text).color(Tokens::of(ui).secondary));
                    }
                });
            });
        });
        let selected = self.list.selection.rows().next().and_then(|row| self.index.get(row));
        let troubled = selected.map(|at| &kept.done[*at as usize]).filter(|row| !row.troubled.is_empty());
        if let Some(row) = troubled {
            let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin::symmetric(14, 10));
            Panel::bottom("check details").frame(frame).show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(row.key.title()).font(semibold(13.0)));
                    if let Some(place) = row.places.first() {
                        let text = format!("Repairable: {}", source_words(row, place));
                        let label = RichText::new(text).color(Tokens::of(ui).secondary);
                        ui.add(egui::Label::new(label).selectable(true).truncate());
                    }
                });
                let lines: Vec<String> =
                    row.troubled.iter().map(|file| format!("{}: {}", file.path, file.what)).collect();
                problem_list_ui(ui, "Files in trouble", &lines);
            });
        }
        let columns = [
            Column::text("Package", 230.0).unsortable(),
            Column::text("Result", 120.0).unsortable(),
            Column::text("What is wrong", 260.0).growing().unsortable(),
            Column::number("Size", 84.0).unsortable(),
            Column::text("Checked", 142.0).unsortable(),
        ];
        let rows = CheckedRows { rows: &kept.done, index: &self.index, moment };
        let done = List::new("checked packages", "Library check", &columns, density.row_height()).show(
            ui,
            &mut self.list,
            &rows,
            |_, _| (),
        );
        let opened = done.opened.and_then(|row| self.index.get(row));
        if let Some(at) = opened {
            actions.push(Action::Open(kept.done[*at as usize].id));
        }
    }
}

/// `2.0 MiB from Blender-4.3.2.tar.zst`.
fn source_words(row: &CheckedRow, place: &str) -> String {
    match row.fetch_bytes {
        0 => "nothing to fetch".to_owned(),
        bytes => format!("{} from {place}", format::size(bytes)),
    }
}

/// The last part of a path; the whole of anything else.
fn short_place(place: &str) -> &str {
    let path = std::path::Path::new(place);
    let name = path.file_name().and_then(|name| name.to_str()).filter(|_| path.is_absolute());
    name.unwrap_or(place)
}

fn is_trouble(group: CheckGroup) -> bool {
    !matches!(group, CheckGroup::Whole | CheckGroup::Passed)
}

/// Every file that is in trouble, a line each.
fn trouble_lines(check: &LibraryCheck) -> Vec<String> {
    let mut lines = Vec::new();
    for row in check.done.iter().filter(|row| is_trouble(row.group)) {
        if row.troubled.is_empty() {
            lines.push(format!("{}: {}: {}", row.key, row.group.word(), row.why));
        }
        lines.extend(row.troubled.iter().map(|file| format!("{}: {}: {}", row.key, file.path, file.what)));
    }
    lines
}
