//! The page *Settings*: the library, how the window looks, what is watched. Each choice takes effect at once.

use egui::{Frame, Margin, RichText, ScrollArea, ThemePreference, Ui};

use super::super::action::Action;
use super::super::command::Command;
use super::super::theme::{Density, semibold};
use super::super::widgets::button::button;
use super::super::widgets::chip::chip;
use super::super::widgets::field_row::{field_row, value_row};
use super::Page;
use crate::session::WatchState;

/// What is shown.
pub struct Shown<'a> {
    /// The folder of the library.
    pub library: &'a str,
    /// The folder of the keys.
    pub keys: &'a str,
    /// Dark or light.
    pub theme: ThemePreference,
    /// Height of rows.
    pub density: Density,
    /// What is watched.
    pub watching: WatchState,
    /// How often a library on a share is looked at.
    pub poll_minutes: u32,
}

/// Shows the page.
pub fn settings_ui(ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin::symmetric(18, 14)).show(ui, |ui| {
            ui.set_max_width(720.0);
            ui.spacing_mut().item_spacing.y = 6.0;
            heading(ui, "Library");
            value_row(ui, "Folder", shown.library);
            value_row(ui, "Changes on disk", &watching(shown.watching));
            if shown.watching.polls_every.is_some() {
                field_row(ui, "Look at a share", |ui| {
                    for (minutes, word) in [
                        (5, "Every 5 min"),
                        (15, "Every 15 min"),
                        (60, "Every hour"),
                        (24 * 60, "Once a day"),
                    ] {
                        if chip(ui, word, shown.poll_minutes == minutes).clicked() {
                            actions.push(Action::PollEvery(minutes));
                        }
                    }
                });
            }
            ui.horizontal(|ui| {
                if button(ui, "Choose library…").clicked() {
                    actions.push(Action::Run(Command::ChooseLibrary));
                }
            });
            heading(ui, "Appearance");
            field_row(ui, "Colours", |ui| {
                for (theme, word) in [
                    (ThemePreference::System, "As the system has it"),
                    (ThemePreference::Light, "Light"),
                    (ThemePreference::Dark, "Dark"),
                ] {
                    if chip(ui, word, shown.theme == theme).clicked() {
                        actions.push(Action::Run(Command::Theme(theme)));
                    }
                }
            });
            field_row(ui, "Rows", |ui| {
                for density in Density::ALL {
                    if chip(ui, density.word(), shown.density == density).clicked() {
                        actions.push(Action::Run(Command::Density(density)));
                    }
                }
            });
            heading(ui, "Keys");
            value_row(ui, "Folder", shown.keys);
            ui.horizontal(|ui| {
                if button(ui, "Keys…").clicked() {
                    actions.push(Action::Run(Command::Go(Page::Keys)));
                }
            });
        });
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(text).font(semibold(14.0)));
}

/// What stands in the status bar too, in a sentence.
fn watching(state: WatchState) -> String {
    if let Some(every) = state.polls_every {
        return format!("Polling every {} min: the library lies on a network share", every.as_secs() / 60);
    }
    match (state.works, state.watched == state.packages) {
        (false, _) => "not watched: a quick check finds them".to_owned(),
        (true, true) => "watched, in every package".to_owned(),
        (true, false) => format!(
            "watched in {} of {} packages, those on the screen first; the system allows no more",
            state.watched, state.packages
        ),
    }
}
