//! What stands in the window while no library is open: that it is being opened, or why it could not be.

use egui::{Align, Layout, RichText, Ui, vec2};

use super::super::action::Action;
use super::super::dialogs::library::ChooseLibrary;
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
        ui.label(RichText::new(format!("Code: {}", failure.code)).color(Tokens::of(ui).secondary));
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            let can_rebuild = matches!(failure.code, "library-damaged" | "database");
            if can_rebuild {
                if primary_button(ui, "Rebuild…").clicked() {
                    actions.push(Action::Ask(Box::new(super::super::dialogs::library::Rebuild)));
                }
                if button(ui, "Try again").clicked() {
                    actions.push(Action::OpenLibrary(path.into()));
                }
            } else if primary_button(ui, "Try again").clicked() {
                actions.push(Action::OpenLibrary(path.into()));
            }
            if button(ui, "Choose another…").clicked() {
                actions.push(Action::Ask(Box::new(ChooseLibrary::new(path))));
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
