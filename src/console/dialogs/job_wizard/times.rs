//! The third step: when packages are brought to the computers, when they run, and when nothing more begins.

use egui::{Align, ComboBox, Layout, TextEdit, Ui};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::console::dialogs::{Env, quiet};
use crate::console::format;
use crate::console::tokens::Tokens;
use crate::console::widgets::field_row::field_row;
use crate::console::widgets::name_field;
use crate::session::When;

/// How times are written.
const WRITTEN: &str = "%Y-%m-%d %H:%M";
/// Width of the choice of no time, in points.
const UNSET_WIDTH: f32 = 140.0;
/// Lines for which the time is estimated, in bits a second.
const LINES: [(u64, &str); 2] = [(10_000_000, "10 Mbit/s"), (100_000_000, "100 Mbit/s")];

/// One time of the job.
struct Field {
    name: &'static str,
    /// What it means where none is set.
    unset: &'static str,
    is_set: bool,
    text: String,
    at_computer: bool,
}

impl Field {
    fn new(name: &'static str, unset: &'static str, text: String) -> Self {
        Self { name, unset, is_set: false, text, at_computer: false }
    }

    fn read(&self, zone: &TimeZone) -> Result<Option<When>, String> {
        if !self.is_set {
            return Ok(None);
        }
        let wrong = |_| format!("{} is written 2026-11-21 20:00", self.name);
        let time = DateTime::strptime(WRITTEN, self.text.trim()).map_err(wrong)?;
        if self.at_computer {
            return Ok(Some(When::Computer { time }));
        }
        let zoned = zone.to_ambiguous_zoned(time).compatible().map_err(wrong)?;
        Ok(Some(When::Site { time: zoned.timestamp().as_second() }))
    }

    fn ui(&mut self, ui: &mut Ui) {
        field_row(ui, self.name, |ui| {
            // Under one another, whatever the words before them.
            let room = egui::vec2(UNSET_WIDTH, ui.available_height());
            let unset = ui
                .allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
                    ui.set_min_width(UNSET_WIDTH);
                    ui.radio_value(&mut self.is_set, false, self.unset)
                })
                .inner;
            name_field(&unset, &format!("{}: {}", self.name, self.unset));
            let set = ui.radio_value(&mut self.is_set, true, "At");
            name_field(&set, &format!("{}: at a time", self.name));
            ui.add_enabled_ui(self.is_set, |ui| {
                let field = TextEdit::singleline(&mut self.text)
                    .desired_width(150.0)
                    .align(egui::Align2::LEFT_CENTER);
                let response = ui.add(field);
                name_field(&response, &format!("{} time", self.name));
                let word = |at_computer| if at_computer { "the computer's time" } else { "console time" };
                let combo = ComboBox::from_id_salt(self.name)
                    .width(160.0)
                    .selected_text(word(self.at_computer))
                    .show_ui(ui, |ui| {
                        for choice in [false, true] {
                            ui.selectable_value(&mut self.at_computer, choice, word(choice));
                        }
                    });
                name_field(&combo.response, &format!("{} clock", self.name));
            });
        });
    }
}

/// What was set.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) stage_at: Option<When>,
    pub(super) run_at: Option<When>,
    pub(super) stop_starting_at: Option<When>,
}

/// The times of the job.
pub(super) struct Times {
    stage: Field,
    run: Field,
    stop: Field,
}

impl Times {
    /// At once, with this evening and night proposed.
    pub(super) fn new(now: Timestamp, zone: &TimeZone) -> Self {
        let today = now.to_zoned(zone.clone()).date();
        let tomorrow = today.tomorrow().unwrap_or(today);
        let text = |date: jiff::civil::Date, hour| date.at(hour, 0, 0, 0).strftime(WRITTEN).to_string();
        Self {
            stage: Field::new("Stage", "at once", text(today, 20)),
            run: Field::new("Run", "as soon as staged", text(tomorrow, 2)),
            stop: Field::new("Stop starting", "never", text(tomorrow, 5)),
        }
    }

    /// What was set; why it cannot be understood.
    pub(super) fn apply(&self, zone: &TimeZone) -> Result<Set, String> {
        Ok(Set {
            stage_at: self.stage.read(zone)?,
            run_at: self.run.read(zone)?,
            stop_starting_at: self.stop.read(zone)?,
        })
    }

    /// Shows the step for packages of so many bytes.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, size_bytes: u64) {
        self.stage.ui(ui);
        quiet(ui, &estimate(size_bytes));
        ui.add_space(6.0);
        self.run.ui(ui);
        quiet(ui, "The earliest time at which procedures run.");
        ui.add_space(6.0);
        self.stop.ui(ui);
        quiet(ui, "What has not begun by then ends in error, and can be renewed.");
        if let Err(why) = self.apply(env.moment.zone) {
            let colour = Tokens::of(ui).bad;
            ui.label(egui::RichText::new(why).color(colour));
        }
    }
}

/// `3.6 GiB for each computer: over 10 Mbit/s about 51 min, over 100 Mbit/s about 5 min`.
fn estimate(size_bytes: u64) -> String {
    let lines = LINES.map(|(bits, word)| {
        let milliseconds = size_bytes.saturating_mul(8).saturating_mul(1000) / bits;
        format!("over {word} about {}", format::duration(milliseconds.max(1000)))
    });
    format!("{} for each computer, at most: {}", format::size(size_bytes), lines.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_on_the_clock_that_was_chosen() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let mut times = Times::new(Timestamp::UNIX_EPOCH, &zone);
        assert_eq!(times.apply(&zone), Ok(Set::default()));
        assert_eq!(times.stage.text, "1970-01-01 20:00");
        times.stage.is_set = true;
        let at = |set: &Set| set.stage_at;
        assert_eq!(times.apply(&zone).as_ref().map(at), Ok(Some(When::Site { time: 19 * 3600 })));
        times.stage.at_computer = true;
        assert!(matches!(times.apply(&zone).as_ref().map(at), Ok(Some(When::Computer { .. }))));
        times.stage.text = "tonight".to_owned();
        assert_eq!(times.apply(&zone), Err("Stage is written 2026-11-21 20:00".to_owned()));
        assert_eq!(
            estimate(1_250_000 * 60),
            "72 MiB for each computer, at most: over 10 Mbit/s about 1 min, over 100 Mbit/s about 6 s"
        );
    }
}
