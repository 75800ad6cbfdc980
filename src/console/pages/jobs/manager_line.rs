//! The line that always says whether a delivery manager runs, with the ways to have one.

use egui::{Align, Frame, Label, Layout, Margin, RichText, Ui};

use super::command::JobCommand;
use super::words;
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::icons::{self, Icon};
use crate::console::pages::packages::Moment;
use crate::console::theme::CONTROL_HEIGHT;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::{button_unless, primary_button_unless};
use crate::session::ManagerStatus;

/// How many of its problems are named; the rest is counted.
const PROBLEMS: usize = 2;

/// Shows the line; `waiting` targets have not ended.
pub(super) fn manager_ui(
    ui: &mut Ui,
    status: Option<&ManagerStatus>,
    waiting: u64,
    scope: &Scope,
    moment: Moment<'_>,
    actions: &mut Vec<Action>,
) {
    let tokens = Tokens::of(ui);
    let (text, is_wanted) = words::manager_line(status, waiting, moment);
    let problems = words::manager_problems(status);
    let fill = if is_wanted { tokens.alert } else { tokens.panel };
    let frame = Frame::new().fill(fill).inner_margin(Margin::symmetric(12, 6));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            let (place, _) =
                ui.allocate_exact_size(egui::vec2(icons::SIZE, CONTROL_HEIGHT), egui::Sense::hover());
            let (icon, colour) =
                if is_wanted { (Icon::Warning, tokens.bad) } else { (Icon::Jobs, tokens.secondary) };
            icons::paint(ui.painter(), place.center(), icon, colour);
            let row = egui::vec2(ui.available_width(), CONTROL_HEIGHT);
            ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
                buttons_ui(ui, status, is_wanted, scope, actions);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(RichText::new(text).color(tokens.text)).truncate());
                });
            });
        });
        for problem in problems.iter().take(PROBLEMS) {
            ui.add(Label::new(RichText::new(problem).color(tokens.bad)).wrap());
        }
        if problems.len() > PROBLEMS {
            let more = format!("and {} more", problems.len() - PROBLEMS);
            ui.label(RichText::new(more).color(tokens.secondary));
        }
    });
}

/// From the right to the left.
fn buttons_ui(
    ui: &mut Ui,
    status: Option<&ManagerStatus>,
    is_wanted: bool,
    scope: &Scope,
    actions: &mut Vec<Action>,
) {
    let mut press = |command: JobCommand| actions.push(Action::Run(Command::Job(command)));
    let refusal = |command| scope.refusal(Command::Job(command));
    match status {
        None | Some(ManagerStatus::Elsewhere { .. }) => {}
        Some(ManagerStatus::Here { .. }) => {
            let refused = refusal(JobCommand::StopManager);
            if button_unless(ui, "Stop", None, refused).clicked() {
                press(JobCommand::StopManager);
            }
        }
        Some(ManagerStatus::NotRunning { .. }) => {
            if button_unless(ui, "Install as a service…", None, None).clicked() {
                press(JobCommand::InstallService);
            }
            let refused = refusal(JobCommand::StartManager);
            let start = if is_wanted { primary_button_unless } else { button_unless };
            if start(ui, "Start here", None, refused).clicked() {
                press(JobCommand::StartManager);
            }
        }
    }
}
