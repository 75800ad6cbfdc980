//! What is looked for in History: events, a person, days, a package, a text.
//!
//! Owns the fields as they were typed. What they mean goes to the library as one filter.

use egui::{ComboBox, PopupCloseBehavior, TextEdit, Ui};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::console::pages::packages::Moment;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::link;
use crate::console::widgets::chip::chip;
use crate::console::widgets::name_field;
use crate::package::{HistoryEntry, HistoryEvent};
use crate::session::HistoryFilter;

/// What was chosen and typed.
#[derive(Default)]
pub(super) struct Wanted {
    /// What it means; a day that cannot be one is left out.
    pub(super) filter: HistoryFilter,
    /// The title of the package in the filter.
    package: String,
    from: String,
    until: String,
    text: String,
}

impl Wanted {
    /// Only the package of this entry from now on.
    pub(super) fn only_package(&mut self, entry: &HistoryEntry) {
        if let (Some(id), Some(key)) = (entry.package_id, &entry.package) {
            self.filter.package = Some(id);
            self.package = key.title();
        }
    }

    /// Shows the fields.
    pub(super) fn ui(&mut self, ui: &mut Ui, people: &[String], moment: Moment<'_>) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            self.events_ui(ui);
            ui.name_inputs("Who", |ui| {
                let shown = self.filter.who.clone().unwrap_or_else(|| "Everybody".to_owned());
                ComboBox::from_id_salt("who").width(120.0).selected_text(shown).show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.filter.who, None, "Everybody");
                    for who in people {
                        ui.selectable_value(&mut self.filter.who, Some(who.clone()), who.as_str());
                    }
                });
            });
            let from = day_ui(ui, "From", &mut self.from, moment.zone, false);
            let until = day_ui(ui, "Until", &mut self.until, moment.zone, true);
            (self.filter.from, self.filter.until) = (from, until);
            let field = TextEdit::singleline(&mut self.text)
                .hint_text("Text, name or path")
                .desired_width(170.0)
                .align(egui::Align2::LEFT_CENTER);
            let field = ui.add(field);
            name_field(&field, "Text");
            let text = self.text.trim();
            self.filter.text = (!text.is_empty()).then(|| text.to_owned());
            if self.filter.package.is_some() {
                let name = format!("Only {}  ×", crate::console::widgets::short(&self.package, 40));
                if chip(ui, &name, true).on_hover_text("Show every package again").clicked() {
                    self.filter.package = None;
                }
            }
            if self.filter != HistoryFilter::default() && link(ui, "Clear filter").clicked() {
                *self = Self::default();
            }
        });
    }

    /// A menu in which several can be ticked: it stays open until somebody clicks beside it.
    fn events_ui(&mut self, ui: &mut Ui) {
        let events = &mut self.filter.events;
        let shown = match events.as_slice() {
            [] => "All events".to_owned(),
            [one] => one.word().to_owned(),
            several => format!("{} kinds of events", several.len()),
        };
        ui.name_inputs("Event", |ui| {
            let menu = ComboBox::from_id_salt("events").width(170.0).selected_text(shown);
            let menu = menu.height(480.0).close_behavior(PopupCloseBehavior::CloseOnClickOutside);
            menu.show_ui(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                if ui.selectable_label(events.is_empty(), "All events").clicked() {
                    events.clear();
                }
                for event in HistoryEvent::ALL {
                    let mut is_in = events.contains(&event);
                    if ui.checkbox(&mut is_in, event.word()).changed() {
                        events.retain(|one| *one != event);
                        if is_in {
                            events.push(event);
                        }
                    }
                }
            });
        });
    }
}

/// A field for a day. Gives the moment at which it begins, or of the last day, ends.
fn day_ui(ui: &mut Ui, name: &str, typed: &mut String, zone: &TimeZone, last: bool) -> Option<Timestamp> {
    let day = day(typed, zone, last);
    let colour = if day.is_err() { Tokens::of(ui).bad } else { Tokens::of(ui).text };
    let field = TextEdit::singleline(typed)
        .hint_text(format!("{name} 2026-01-31"))
        .desired_width(144.0)
        .text_color(colour)
        .align(egui::Align2::LEFT_CENTER);
    let response = ui.add(field);
    name_field(&response, name);
    if day.is_err() {
        response.on_hover_text("A day is written as 2026-01-31");
    }
    day.unwrap_or(None)
}

/// The moment a typed day begins, or with `last` the one after it; `None` if nothing was typed.
fn day(typed: &str, zone: &TimeZone, last: bool) -> Result<Option<Timestamp>, jiff::Error> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let day: Date = typed.parse()?;
    let day = if last { day.checked_add(1.day())? } else { day };
    Ok(Some(day.to_zoned(zone.clone())?.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_counts_whole() {
        let zone = TimeZone::UTC;
        let text = |typed, last| day(typed, &zone, last).expect("a day").map(|at| at.to_string());
        assert_eq!(text(" 2026-02-28 ", false).as_deref(), Some("2026-02-28T00:00:00Z"));
        assert_eq!(text("2026-02-28", true).as_deref(), Some("2026-03-01T00:00:00Z"));
        assert_eq!(text("", true), None);
    }

    #[test]
    fn what_is_no_day_is_said_to_be_none() {
        for typed in ["yesterday", "2026-02-30", "2026-13-01", "-", "9999-12-31T"] {
            assert!(day(typed, &TimeZone::UTC, false).is_err(), "{typed}");
        }
        // There is no day after the last one.
        assert!(day("9999-12-31", &TimeZone::UTC, true).is_err());
    }
}
