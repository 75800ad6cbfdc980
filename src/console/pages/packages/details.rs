//! The details pane: what is selected, what is wrong with it, and what can be done about it.
//!
//! Everything but the differences is in the list already; those are read by a task, and asked for here.

use std::sync::Arc;

use egui::{Frame, Label, Margin, Panel, RichText, ScrollArea, Ui};
use serde::{Deserialize, Serialize};

use super::Moment;
use super::texts::{checked_text, consistency_text, icon_of};
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::format;
use crate::console::icons::{self, Icon};
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::alert::alert;
use crate::console::widgets::button::{button_unless, primary_button_unless};
use crate::console::widgets::short;
use crate::failure::Failure;
use crate::package::record::PackageSummary;
use crate::package::{CheckReport, Finding, PackageId, PackageState};

/// From this width of the window on the pane is shown unless somebody hid it, in points.
const WIDE: f32 = 1440.0;
/// How many differences are named.
const DIFFERENCES: usize = 5;

/// Whether, where and how large the pane is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DetailsPane {
    /// Shown or hidden; where nobody decided, the width of the window does.
    pub shown: Option<bool>,
    /// Below the list instead of at its right.
    pub below: bool,
    /// Its width at the right, in points.
    pub width: f32,
    /// Its height below, in points.
    pub height: f32,
}

impl Default for DetailsPane {
    fn default() -> Self {
        Self { shown: None, below: false, width: 300.0, height: 190.0 }
    }
}

impl DetailsPane {
    /// Whether it is shown in a window of this width, in points.
    pub fn is_shown(&self, window_width: f32) -> bool {
        self.shown.unwrap_or(window_width >= WIDE)
    }

    /// The same with sizes that can be.
    pub fn sane(self) -> Self {
        let usual = Self::default();
        let fits =
            |value: f32, usual: f32| if value.is_finite() { value.clamp(120.0, 1200.0) } else { usual };
        Self { width: fits(self.width, usual.width), height: fits(self.height, usual.height), ..self }
    }
}

/// The last verification of a package, if it did not agree.
type ReadReport = Result<Option<CheckReport>, Failure>;

/// What was read of the selected package.
#[derive(Default)]
pub struct Details {
    /// For which package, as it was then; `None` while it is being read.
    read: Option<(Arc<PackageSummary>, Option<ReadReport>)>,
    is_reading: bool,
    is_shown: bool,
}

impl Details {
    /// A package whose differences are to be read now.
    pub fn to_read(&mut self, one: Option<&Arc<PackageSummary>>) -> Option<PackageId> {
        let shown = std::mem::take(&mut self.is_shown);
        let package = one.filter(|package| shown && package.finding != Finding::Consistent)?;
        let is_known = self.read.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, package));
        if is_known || self.is_reading {
            return None;
        }
        self.is_reading = true;
        self.read = Some((Arc::clone(package), None));
        Some(package.id)
    }

    /// Takes what was read.
    pub fn set_report(&mut self, id: PackageId, report: ReadReport) {
        self.is_reading = false;
        if let Some((package, known)) = &mut self.read
            && package.id == id
        {
            *known = Some(report);
        }
    }

    fn report(&self, package: &Arc<PackageSummary>) -> Option<&ReadReport> {
        self.read.as_ref().filter(|(known, _)| known.id == package.id)?.1.as_ref()
    }

    /// Shows the pane beside or below what is left in `ui`.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        pane: &mut DetailsPane,
        scope: &Scope,
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        self.is_shown = true;
        let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin::same(14));
        let panel = if pane.below {
            Panel::bottom("details-below").default_size(pane.height).size_range(110.0..=500.0)
        } else {
            Panel::right("details").default_size(pane.width).size_range(220.0..=560.0)
        };
        let shown = panel.resizable(true).frame(frame).show(ui, |ui| {
            ScrollArea::vertical().id_salt("details").auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 5.0;
                match scope.selected.one() {
                    Some(package) => self.one_ui(ui, package, scope, moment, actions),
                    None if scope.selected.is_empty() => quiet(ui, "No package is selected."),
                    None => several_ui(ui, scope, actions),
                }
            });
        });
        crate::console::areas::mark_details(ui.ctx(), shown.response.rect);
        let size = shown.response.rect.size();
        if pane.below {
            pane.height = size.y;
        } else {
            pane.width = size.x;
        }
    }

    fn one_ui(
        &self,
        ui: &mut Ui,
        package: &Arc<PackageSummary>,
        scope: &Scope,
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        let title = package.key.title();
        ui.add(Label::new(RichText::new(short(&title, 90)).heading()).wrap()).on_hover_text(&title);
        let mut facts = Vec::new();
        if !package.supplier.is_empty() {
            facts.push(package.supplier.to_string());
        }
        facts.push(package.state.word().to_lowercase());
        if package.revision > 0 {
            facts.push(format!("revision {}", package.revision));
        }
        if package.retired {
            facts.push("retired".to_owned());
        }
        quiet(ui, &facts.join(" · "));
        ui.add_space(4.0);
        if package.finding != Finding::Consistent {
            self.finding_ui(ui, package, moment);
        } else {
            let (text, tone) = consistency_text(package, moment);
            ui.horizontal(|ui| {
                let tokens = Tokens::of(ui);
                let (icon, mark) = icon_of(package);
                let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(icons::SIZE), egui::Sense::hover());
                icons::paint(ui.painter(), rect.center(), icon, tokens.secondary);
                if let Some(mark) = mark {
                    icons::paint_mark(ui.painter(), rect.center(), mark, tokens.busy, tokens.panel);
                }
                let tone = if tone == Tone::Secondary { Tone::Text } else { tone };
                ui.add(Label::new(RichText::new(text).color(tone.colour(tokens))).wrap());
            });
        }
        ui.add_space(4.0);
        buttons_ui(ui, &fitting(package), scope, actions);
        ui.add_space(4.0);
        fields_ui(ui, package, moment);
    }

    fn finding_ui(&self, ui: &mut Ui, package: &Arc<PackageSummary>, moment: Moment<'_>) {
        let title = match package.finding {
            Finding::Differs => "Differs from its checksum",
            Finding::Damaged => "Damaged: content differs",
            Finding::Unreadable => "Unreadable",
            Finding::Missing => "The files are missing",
            Finding::Consistent => "",
        };
        let since = package.noticed_at.map(|at| format!("since {}", moment.text(at))).unwrap_or_default();
        let by = package.noticed_by.as_ref().map(|by| format!(", noticed by {by}")).unwrap_or_default();
        alert(ui, title, &format!("{since}{by}"));
        match self.report(package) {
            None => quiet(ui, "Reading the differences…"),
            Some(Err(failure)) => quiet(ui, &crate::console::dialogs::sentence(&failure.message)),
            Some(Ok(None)) => quiet(ui, "Nothing is known of single files."),
            Some(Ok(Some(report))) => {
                for (icon, word, file) in first_differences(report) {
                    difference_ui(ui, icon, word, &file);
                }
                let rest = report.differences.count().saturating_sub(DIFFERENCES);
                if rest > 0 {
                    quiet(ui, &format!("and {} more", format::thousands(rest as u64)));
                }
            }
        }
    }
}

fn difference_ui(ui: &mut Ui, icon: Icon, word: &str, file: &str) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(icons::SIZE), egui::Sense::hover());
        icons::paint(ui.painter(), rect.center(), icon, Tokens::of(ui).secondary);
        let said = format!("{word}: {file}");
        let response = ui.add(Label::new(file).truncate()).on_hover_text(&said);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &said));
    });
}

/// Icon, word and path of the first differences, in the order of the tab *Consistency*.
fn first_differences(report: &CheckReport) -> Vec<(Icon, &'static str, String)> {
    let d = &report.differences;
    let path = |path: &str| path.to_owned();
    let added = d.added.iter().map(|f| (Icon::Added, "Added", path(&f.path)));
    let removed = d.removed.iter().map(|f| (Icon::Removed, "Removed", path(&f.path)));
    let resized = d.resized.iter().map(|f| (Icon::Resized, "Other size", path(&f.path)));
    let case =
        d.case_changed.iter().map(|f| (Icon::Case, "Other case", format!("{} → {}", f.recorded, f.found)));
    let damaged = d.damaged.iter().map(|f| (Icon::Damaged, "Damaged", path(&f.path)));
    let unreadable = d.unreadable.iter().map(|f| (Icon::Warning, "Unreadable", path(&f.path)));
    let all = added.chain(removed).chain(resized).chain(case).chain(damaged).chain(unreadable);
    all.take(DIFFERENCES).collect()
}

/// The two actions that fit one package, the more likely one first.
fn fitting(package: &PackageSummary) -> [(Command, &'static str); 2] {
    match package.state {
        _ if package.finding != Finding::Consistent => {
            [(Command::Properties, "Show differences"), (Command::QuickCheck, "Quick check")]
        }
        PackageState::Archived => [(Command::Restore, "Restore…"), (Command::QuickCheck, "Verify archive")],
        _ if package.marked.is_some() => {
            [(Command::QuickCheck, "Quick check"), (Command::Properties, "Properties")]
        }
        PackageState::Open => [(Command::Seal, "Seal…"), (Command::QuickCheck, "Quick check")],
        PackageState::Sealed => [(Command::QuickCheck, "Quick check"), (Command::Archive, "Archive…")],
    }
}

fn buttons_ui(ui: &mut Ui, commands: &[(Command, &str)], scope: &Scope, actions: &mut Vec<Action>) {
    // Two in a row: more would make the pane wider than it was drawn.
    let mut is_first = true;
    for row in commands.chunks(2) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            for (command, text) in row {
                let refused = scope.refusal(*command);
                let response = if std::mem::take(&mut is_first) {
                    primary_button_unless(ui, text, None, refused)
                } else {
                    button_unless(ui, text, None, refused)
                };
                if response.clicked() {
                    actions.push(Action::Run(*command));
                }
            }
        });
    }
}

fn several_ui(ui: &mut Ui, scope: &Scope, actions: &mut Vec<Action>) {
    let selected = &scope.selected;
    ui.heading(format!("{} packages", format::thousands(selected.len() as u64)));
    ui.add(Label::new(selected.sentence()).wrap());
    ui.add_space(4.0);
    let commands = [
        (Command::QuickCheck, "Quick check"),
        (Command::DeepCheck, "Deep check"),
        (Command::Archive, "Archive…"),
        (Command::Remove, "Remove…"),
    ];
    buttons_ui(ui, &commands, scope, actions);
}

fn fields_ui(ui: &mut Ui, package: &PackageSummary, moment: Moment<'_>) {
    let checked = match (package.quick_at, package.deep_at) {
        (Some(quick), Some(deep)) => format!("quick {}, deep {}", moment.short(quick), moment.short(deep)),
        _ => checked_text(package, moment).into_owned(),
    };
    field(ui, "Checked", &checked);
    if !package.checksum_control && package.state != PackageState::Archived {
        field(ui, "Checksum control", "off");
    }
    if let (Some(by), Some(at)) = (&package.sealed_by, package.sealed_at) {
        field(ui, "Sealed by", &format!("{by}, {}", moment.full(at)));
    }
    let files = format::thousands(package.files);
    let noun = if package.files == 1 { "file" } else { "files" };
    let size = format!("{files} {noun}, {}", format::size(package.size_bytes));
    field(ui, "Files", &size).on_hover_text(format::exact_size(package.size_bytes));
    if !package.group.is_empty() {
        field(ui, "Group", &package.group);
    }
    field(ui, "Registered", &format!("{}, by {}", moment.full(package.registered), package.filed_by));
    if let Some(replaces) = package.replaces() {
        field(ui, "Replaces", &replaces.title());
    }
    if let Some(path) = package.archive_path() {
        field(ui, "Archive place", path);
    }
    if !package.comment().is_empty() {
        field(ui, "Comment", package.comment());
    }
}

/// A label with its value below it.
fn field(ui: &mut Ui, label: &str, value: &str) -> egui::Response {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.label(RichText::new(label).small().color(Tokens::of(ui).secondary));
        ui.add(Label::new(value).selectable(true).wrap())
    })
    .inner
}

fn quiet(ui: &mut Ui, text: &str) {
    ui.add(Label::new(RichText::new(text).color(Tokens::of(ui).secondary)).wrap());
}
