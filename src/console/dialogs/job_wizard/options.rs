//! The fourth step: how the job is carried out.

use egui::{TextEdit, Ui};

use crate::console::dialogs::{quiet, text};
use crate::console::tokens::Tokens;
use crate::console::widgets::field_row::{field_row, hinted_row, labelled_row};
use crate::session::{ContainerOptions, Linkage, OnChecksumError};

/// The options as they are typed.
pub(super) struct Options {
    name: String,
    parallel: String,
    time_limit_min: String,
    give_up_days: String,
    options: ContainerOptions,
}

impl Default for Options {
    fn default() -> Self {
        let options = ContainerOptions::default();
        Self {
            name: String::new(),
            parallel: options.parallel.to_string(),
            time_limit_min: String::new(),
            give_up_days: (options.give_up_after_secs / 86_400).to_string(),
            options,
        }
    }
}

/// A number that was typed, within bounds.
fn number(name: &str, text: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = text.trim().parse::<u64>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{name}: a number from {least} to {most}"))
}

impl Options {
    /// The name that was given.
    pub(super) fn name(&self) -> Option<String> {
        let name = self.name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// The options; why they cannot be understood.
    pub(super) fn apply(&self) -> Result<ContainerOptions, String> {
        let parallel = number("Targets at a time", &self.parallel, 1, 100_000)?;
        let limit = match self.time_limit_min.trim() {
            "" => None,
            text => Some(number("Time limit", text, 1, 7 * 24 * 60)? * 60),
        };
        let days = number("Give up after", &self.give_up_days, 1, 365)?;
        Ok(ContainerOptions {
            parallel: u32::try_from(parallel).unwrap_or(u32::MAX),
            time_limit_secs: limit,
            give_up_after_secs: days * 86_400,
            ..self.options.clone()
        })
    }

    /// Shows the step.
    pub(super) fn ui(&mut self, ui: &mut Ui, focus: bool, default_name: &str) {
        let field = hinted_row(ui, "Name of the job", default_name, &mut self.name);
        if focus {
            field.request_focus();
        }
        number_row(ui, "Targets at a time", &mut self.parallel, "");
        number_row(ui, "Time limit", &mut self.time_limit_min, "minutes; if empty, that of the procedure");
        number_row(
            ui,
            "Give up after",
            &mut self.give_up_days,
            "days; what has not ended by then ends in error",
        );
        ui.separator();
        let options = &mut self.options;
        text(ui, "On a checksum error:");
        let on = &mut options.on_checksum_error;
        ui.radio_value(on, OnChecksumError::Error, "end the remaining targets in error");
        ui.radio_value(on, OnChecksumError::Halt, "halt them until the package is consistent again");
        ui.separator();
        field_row(ui, "Several packages", |ui| {
            ui.radio_value(&mut options.linkage, Linkage::None, "each for itself");
            ui.radio_value(&mut options.linkage, Linkage::Batch, "a failure ends the rest on that computer");
        });
        ui.checkbox(&mut options.stage_only, "Only bring the packages to the computers, run nothing");
        ui.checkbox(&mut options.reinstall, "Run although it is installed already");
        ui.add_enabled_ui(!options.reinstall, |ui| {
            ui.checkbox(&mut options.installed_is_ok, "Installed already counts as OK");
        });
        if let Err(why) = self.apply() {
            let colour = Tokens::of(ui).bad;
            ui.label(egui::RichText::new(why).color(colour));
        } else {
            quiet(ui, "");
        }
    }
}

/// A short field for a number, and what it counts behind it.
fn number_row(ui: &mut Ui, label: &str, value: &mut String, unit: &str) {
    labelled_row(ui, label, |ui, name| {
        let field = TextEdit::singleline(value).desired_width(70.0).align(egui::Align2::LEFT_CENTER);
        ui.add(field).labelled_by(name);
        quiet(ui, unit);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_options_or_says_what_is_wrong() {
        let mut typed = Options::default();
        assert_eq!(typed.apply(), Ok(ContainerOptions::default()));
        typed.parallel = "20".to_owned();
        typed.time_limit_min = " 90 ".to_owned();
        let options = typed.apply().expect("good");
        assert_eq!((options.parallel, options.time_limit_secs), (20, Some(5400)));
        typed.parallel = "0".to_owned();
        assert_eq!(typed.apply(), Err("Targets at a time: a number from 1 to 100000".to_owned()));
    }
}
