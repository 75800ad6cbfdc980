//! What is known of the selected target: state, times, exit code, differences, and what the procedure said.

use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};

use super::command::JobCommand;
use super::{Shown, words};
use crate::console::action::Action;
use crate::console::command::Command;
use crate::console::dialogs::show_scroll_bar;
use crate::console::format;
use crate::console::pages::computers::ComputerAction;
use crate::console::theme::semibold;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::{button, button_unless};
use crate::console::widgets::short;
use crate::session::{JobView, difference_lines};

/// Shows it; `count` targets are selected, of which this one has the cursor.
pub(super) fn target_ui(
    ui: &mut Ui,
    view: Option<&JobView>,
    count: usize,
    job: &str,
    shown: &Shown<'_>,
    actions: &mut Vec<Action>,
) {
    let tokens = Tokens::of(ui);
    let Some(view) = view else {
        ui.label(RichText::new("Reading…").color(tokens.secondary));
        return;
    };
    let row = &view.row;
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if count > 1 {
                let copy = Command::Job(JobCommand::CopyReport);
                if button_unless(ui, "Copy reports", None, shown.scope.refusal(copy)).clicked() {
                    actions.push(Action::Run(copy));
                }
            } else if button(ui, "Copy as text").clicked() {
                actions.push(Action::Copy(words::report(view, job, shown.moment)));
            }
            if button(ui, "Show computer").clicked() {
                actions.push(Action::Computer(ComputerAction::Show(row.target.clone())));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let size = egui::TextStyle::Body.resolve(ui.style()).size;
                let most = if count > 1 { 48 } else { 120 };
                let name = RichText::new(short(&row.target, most)).font(semibold(size));
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
    let state = words::target_text(row);
    let colour = words::target_tone(row.shown).colour(tokens);
    ui.add(Label::new(RichText::new(state).color(colour)).wrap().selectable(true));
    let mut facts = Vec::new();
    if let Some(code) = row.exit_code {
        let means = view.meaning.map(|one| format!(": {}", words::meaning(one))).unwrap_or_default();
        facts.push(format!("Exit code {code}{means}"));
    }
    if let Some(begun) = row.begun {
        facts.push(format!("begun {}", shown.moment.text(begun)));
    }
    if let Some(ended) = row.ended {
        facts.push(format!("ended {}", shown.moment.text(ended)));
    }
    facts.push(row.package.title());
    ui.add(Label::new(RichText::new(facts.join(" · ")).color(tokens.secondary)).truncate());
    show_scroll_bar(ui);
    ScrollArea::both().id_salt("target output").auto_shrink(false).show(ui, |ui| {
        if let Some(report) = &view.differences {
            for line in difference_lines(report) {
                ui.add(Label::new(line).extend().selectable(true));
            }
        }
        match view.output.as_deref().filter(|output| !output.is_empty()) {
            Some(output) => {
                ui.add(Label::new(RichText::new(output).monospace()).extend().selectable(true));
            }
            None if view.differences.is_none() => {
                ui.label(RichText::new("The procedure has said nothing.").color(tokens.secondary));
            }
            None => {}
        }
    });
}
