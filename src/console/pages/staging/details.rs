//! What is known of the selected staging library: how it is reached, and what lies there.

use egui::{Align, Label, Layout, RichText, Ui};

use super::command::StagingCommand;
use super::copies::{CopyRows, columns};
use super::words::{is_open, opens_at, packages, reach_text, reconciled_text, time_text, window_text};
use super::{Reach, Shown, StagingAction};
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::dialogs::sentence;
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::theme::semibold;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::button_unless;
use crate::console::widgets::list::{List, ListState};
use crate::console::widgets::short;
use crate::package::PackageId;
use crate::package::staging::StagingId;
use crate::session::{CopyRow, StagingRow};

/// Height of a row of the list.
const ROW: f32 = 24.0;

/// Name, buttons, and a line of facts.
pub(super) fn head_ui(
    ui: &mut Ui,
    row: &StagingRow,
    reach: Option<&Reach>,
    count: usize,
    shown: &Shown<'_>,
    actions: &mut Vec<Action>,
) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            for command in [StagingCommand::Reconcile, StagingCommand::Properties] {
                let command = Command::Staging(command);
                let refused = shown.scope.refusal(command);
                if button_unless(ui, &command.entry().text, None, refused).clicked() {
                    actions.push(Action::Run(command));
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let size = egui::TextStyle::Body.resolve(ui.style()).size;
                ui.label(RichText::new(short(&row.staging.name, 48)).font(semibold(size)))
                    .on_hover_text("In ITMS: package server");
                if count > 1 {
                    ui.label(RichText::new(format!("and {} more", count - 1)).color(tokens.secondary));
                }
            });
        });
    });
    let homes = shown.homes.get(&row.staging.id.to_string()).map_or(0, Vec::len);
    let mut facts = facts(row, reach, homes, shown.moment);
    if row.staging.reconciled.is_some() {
        facts.insert(1, format!("reconciled {}", reconciled_text(row, shown.moment).0));
    }
    let text = sentence(&facts.join(" · "));
    ui.add(Label::new(RichText::new(text).color(tokens.secondary)).wrap());
    if let Some(Reach::Failed(failure, _)) = reach {
        let text = format!("It does not answer: {failure}. {}", failure.action);
        ui.add(Label::new(RichText::new(text).color(tokens.bad)).wrap());
    }
}

/// What is known of a staging library, in parts of a sentence.
pub fn facts(row: &StagingRow, reach: Option<&Reach>, homes: usize, moment: Moment<'_>) -> Vec<String> {
    let staging = &row.staging;
    let mut parts = vec![format!("{}, {}", packages(row.copies), format::size(row.size_bytes))];
    if let Some(Reach::Answered(reach)) = reach {
        parts.extend(reach.free_bytes.map(|free| format!("{} free", format::size(free))));
        if !reach.lists {
            parts.push("it cannot list what it has".to_owned());
        }
    } else if !matches!(reach, Some(Reach::Failed(..))) {
        parts.push(format!("reachable: {}", reach_text(reach).0));
    }
    if let Some(window) = staging.line.window {
        let now = if is_open(&staging.line, moment.now, moment.zone) {
            "open now".to_owned()
        } else {
            format!("opens {}", opens_at(window))
        };
        parts.push(format!("line open {}, {now}", window_text(&staging.line)));
    }
    if let Some(rate) = staging.line.bytes_per_second {
        parts.push(format!("at most {}", format::rate(rate)));
        parts.extend(time_text(&staging.line, 1 << 30).map(|time| format!("{time} for 1 GiB")));
    }
    parts.push(match homes {
        0 => "home of no computer".to_owned(),
        1 => "home of 1 computer".to_owned(),
        homes => format!("home of {} computers", format::thousands(homes as u64)),
    });
    if staging.for_tests {
        parts.push("only test computers read it".to_owned());
    }
    parts.extend(row.user.as_ref().map(|user| format!("signs in as {}", short(user, 30))));
    parts.extend(staging.read.as_ref().map(|read| format!("agents read {read}")));
    parts.push(staging.write.clone());
    parts
}

/// The packages of a staging library with what can be done with them.
#[derive(Default)]
pub struct CopiesPanel {
    of: Option<StagingId>,
    /// What the rows stand for: what is selected stays so while others come and go.
    rows: Vec<PackageId>,
    list: ListState,
}

impl CopiesPanel {
    /// Shows them. `salt` tells one such list on the screen from another.
    #[expect(clippy::too_many_arguments, reason = "each is one thing the list is drawn from")]
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        salt: &str,
        staging: StagingId,
        copies: &[&CopyRow],
        scope: &Scope,
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        if self.of != Some(staging) {
            *self = Self { of: Some(staging), ..Self::default() };
        }
        let now: Vec<PackageId> = copies.iter().map(|row| row.copy.package).collect();
        if now != self.rows {
            let before = std::mem::replace(&mut self.rows, now);
            let rows = &self.rows;
            self.list.selection.remap(rows.len(), |row| {
                let id = before.get(row)?;
                rows.iter().position(|one| one == id)
            });
        }
        if copies.is_empty() {
            ui.add_space(6.0);
            let text = "Nothing is known to lie here. Stage… in the list of packages brings them here; dragging them onto \
                        this staging library in the tree does the same. Reconcile… finds what lies here already.";
            let colour = Tokens::of(ui).secondary;
            ui.add(Label::new(RichText::new(text).color(colour)).wrap());
            return;
        }
        self.buttons_ui(ui, staging, copies, scope, actions);
        let rows = CopyRows { copies, moment };
        let columns = columns();
        let done =
            List::new(salt, "Staged packages", &columns, ROW).show(ui, &mut self.list, &rows, |_, _| ());
        if let Some(row) = done.opened.and_then(|row| copies.get(row)) {
            actions.push(Action::Open(row.copy.package));
        }
    }

    fn buttons_ui(
        &self,
        ui: &mut Ui,
        staging: StagingId,
        copies: &[&CopyRow],
        scope: &Scope,
        actions: &mut Vec<Action>,
    ) {
        let chosen: Vec<&CopyRow> =
            self.list.selection.rows().filter_map(|row| copies.get(row).copied()).collect();
        let nothing = chosen.is_empty().then_some("Select a package here");
        let pairs = || chosen.iter().map(|row| (row.copy.package, staging)).collect::<Vec<_>>();
        let written = scope.write_refusal();
        let here: Vec<PackageId> =
            chosen.iter().filter(|row| row.newest.is_some()).map(|row| row.copy.package).collect();
        ui.horizontal(|ui| {
            let gone = here.is_empty().then_some("The library no longer has the package");
            if button_unless(ui, "Stage again…", None, written.or(nothing).or(gone)).clicked() {
                actions.push(Action::Staging(StagingAction::AskStage(here, Some(staging))));
            }
            if button_unless(ui, "Unstage…", None, written.or(nothing)).clicked() {
                actions.push(Action::Staging(StagingAction::AskUnstage(pairs())));
            }
            if button_unless(ui, "Verify", None, nothing).clicked() {
                actions.push(Action::Staging(StagingAction::Verify(pairs(), false)));
            }
            if button_unless(ui, "Verify deep", None, nothing).clicked() {
                actions.push(Action::Staging(StagingAction::Verify(pairs(), true)));
            }
            if chosen.len() > 1 {
                let colour = Tokens::of(ui).secondary;
                ui.label(RichText::new(format!("{} selected", chosen.len())).color(colour));
            }
        });
    }
}
