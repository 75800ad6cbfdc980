//! What stands in the window while no library is open: that it is being opened, or why it could not be.

use egui::{Align, Layout, RichText, Ui, vec2};

use super::super::action::Action;
use super::super::command::Command;
use super::super::dialogs::sentence;
use super::super::tokens::Tokens;
use super::super::widgets::alert::alert;
use super::super::widgets::button::{button, primary_button};
use crate::failure::Failure;

/// While the library is being opened.
pub fn opening_ui(ui: &mut Ui, path: &str) {
    middle(ui, |ui| {
        ui.heading("Opening the library");
        ui.label(RichText::new(path).color(Tokens::of(ui).secondary));
    });
}

/// A library that could not be opened: code, reason, action, and what can be done here.
pub fn failed_ui(ui: &mut Ui, path: &str, failure: &Failure, actions: &mut Vec<Action>) {
    middle(ui, |ui| {
        let title = match failure.code {
            "library-newer" => "The library was written by a newer Packhouse",
            "library-damaged" => "The library database is damaged",
            "library-in-use-elsewhere" => "The library is in use elsewhere",
            "not-a-library" => "This folder is not a library",
            "library-unreachable" => "The library folder cannot be reached",
            _ => "The library cannot be opened",
        };
        ui.heading(title);
        ui.label(RichText::new(path).color(Tokens::of(ui).secondary));
        ui.add_space(4.0);
        alert(ui, &sentence(&failure.message), &sentence(&failure.reason));
        ui.add_space(2.0);
        ui.label(super::super::advice::advice(failure));
        if failure.code == "library-damaged" {
            ui.label(
                "A rebuild finds the packages, their contents, seals, groups and comments, and History as far as \
                 history.jsonl has it. Lost are the times of checks, and which differences were noticed when.",
            );
        }
        ui.label(RichText::new(format!("Code: {}", failure.code)).color(Tokens::of(ui).secondary));
        ui.add_space(6.0);
        let rebuild = || Action::Ask(Box::new(super::super::dialogs::library::Rebuild));
        ui.horizontal(|ui| {
            let again = || Action::OpenLibrary(path.into());
            let quit = || Action::Run(Command::Quit);
            // The one that is meant stands first here, as everywhere in the window.
            let (main, others): (_, Vec<(_, Action)>) = match failure.code {
                "library-damaged" | "database" => (
                    ("Rebuild…", rebuild()),
                    vec![("Open read-only", Action::OpenReadOnly), ("Try again", again()), ("Quit", quit())],
                ),
                "library-in-use-elsewhere" => {
                    (("Open read-only", Action::OpenReadOnly), vec![("Try again", again()), ("Quit", quit())])
                }
                "library-newer" => (("Close", quit()), Vec::new()),
                _ => (("Try again", again()), Vec::new()),
            };
            if primary_button(ui, main.0).clicked() {
                actions.push(main.1);
            }
            for (word, action) in others {
                if button(ui, word).clicked() {
                    actions.push(action);
                }
            }
            if button(ui, "Choose another…").clicked() {
                actions.push(Action::Run(Command::ChooseLibrary));
            }
        });
    });
}

fn middle(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let area = ui.available_rect_before_wrap();
    let width = (area.width() - 48.0).clamp(120.0, 560.0);
    let top = area.top() + (area.height() * 0.25).round();
    let rect = egui::Rect::from_min_size(
        egui::pos2((area.center().x - width / 2.0).round(), top),
        vec2(width, area.height() * 0.75),
    );
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(Layout::top_down(Align::Min)));
    content(&mut inner);
}
