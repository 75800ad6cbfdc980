//! The tab *History*: what happened to a package or to several, filtered, with one entry unfolded below the list.

use std::sync::Arc;

use egui::{ComboBox, Label, RichText, ScrollArea, TextEdit, Ui};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, civil::Date};

use super::{PropertyWindow, WindowId};
use crate::console::action::Action;
use crate::console::dialogs::files::{ExportHistory, SaveText};
use crate::console::dialogs::note::WriteNote;
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::button_unless;
use crate::console::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use crate::package::record::PackageId;
use crate::package::{ConsistencyChecksum, HistoryEntry, HistoryEvent};
use crate::session::{HistoryDetails, HistoryFilter};

/// So many rows become text within a frame; more are a matter for another thread.
const COPIED_AT_ONCE: usize = 300;
/// Height of what is told of one entry, in points.
const DETAILS: f32 = 150.0;

/// What the entries have to pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Filters {
    event: Option<HistoryEvent>,
    who: Option<String>,
    from: String,
    until: String,
}

/// The first moment of a day that was typed as `2026-11-21`; `None` for anything else.
fn day(text: &str, days_later: i64, zone: &TimeZone) -> Option<Timestamp> {
    let date: Date = text.trim().parse().ok()?;
    let date = date.checked_add(days_later.days()).ok()?;
    Some(date.to_zoned(zone.clone()).ok()?.timestamp())
}

impl Filters {
    fn whole(&self, package: Option<PackageId>, zone: &TimeZone) -> HistoryFilter {
        HistoryFilter {
            package,
            events: self.event.into_iter().collect(),
            who: self.who.clone(),
            from: day(&self.from, 0, zone),
            until: day(&self.until, 1, zone),
            ..HistoryFilter::default()
        }
    }
}

/// The tab and what it remembers.
pub struct HistoryTab {
    /// Newest first.
    entries: Option<Arc<Vec<HistoryEntry>>>,
    /// Everybody who did something, sorted.
    people: Vec<String>,
    filters: Filters,
    made: Option<Filters>,
    index: Vec<u32>,
    list: ListState,
    /// The entry that is told of below the list.
    unfolded: Option<HistoryDetails>,
    asked: Option<u64>,
    /// Not everything there is was read.
    is_cut: bool,
    /// What was read is older than the package.
    pub(super) old: bool,
}

impl Default for HistoryTab {
    fn default() -> Self {
        Self {
            entries: None,
            people: Vec::new(),
            filters: Filters::default(),
            made: None,
            index: Vec::new(),
            list: ListState::default(),
            unfolded: None,
            asked: None,
            is_cut: false,
            old: true,
        }
    }
}

impl HistoryTab {
    /// Takes over what was read, newest first; `is_cut` if there is more.
    pub fn set(&mut self, entries: Vec<HistoryEntry>, is_cut: bool) {
        let mut people: Vec<String> = Vec::new();
        for entry in &entries {
            if let Err(place) = people.binary_search(&entry.who) {
                people.insert(place, entry.who.clone());
            }
        }
        self.people = people;
        self.is_cut = is_cut;
        self.entries = Some(Arc::new(entries));
        self.made = None;
    }

    /// Takes over an entry with its place in the chain.
    pub fn set_unfolded(&mut self, details: Option<HistoryDetails>) {
        self.unfolded = details.filter(|details| self.asked == Some(details.entry.number));
    }

    fn refresh(&mut self, zone: &TimeZone) {
        if self.made.as_ref() == Some(&self.filters) {
            return;
        }
        let entries = self.entries.as_deref().map_or(&[][..], Vec::as_slice);
        let whole = self.filters.whole(None, zone);
        let takes = |entry: &HistoryEntry| {
            self.filters.event.is_none_or(|event| entry.event == event)
                && whole.who.as_ref().is_none_or(|who| entry.who == *who)
                && whole.from.is_none_or(|from| entry.at >= from)
                && whole.until.is_none_or(|until| entry.at < until)
        };
        // What is selected stays so while it is shown.
        let chosen: Vec<u64> = {
            let numbers = self.list.selection.rows().filter_map(|row| self.index.get(row));
            numbers.filter_map(|at| entries.get(*at as usize)).map(|entry| entry.number).collect()
        };
        let rows = entries.iter().enumerate().filter(|(_, entry)| takes(entry));
        self.index = rows.filter_map(|(at, _)| u32::try_from(at).ok()).collect();
        self.list.selection = Default::default();
        if let [number] = chosen.as_slice()
            && let Some(row) = self.index.iter().position(|at| entries[*at as usize].number == *number)
        {
            self.list.selection.select(row);
        }
        self.made = Some(self.filters.clone());
    }

    /// The rows that are copied or written: the selected ones, else all that are shown.
    fn text(&self, with_package: bool, all: bool, zone: &TimeZone) -> impl FnOnce() -> String + Send + use<> {
        let entries = self.entries.clone().unwrap_or_default();
        let rows: Vec<u32> = if all || self.list.selection.is_empty() {
            self.index.clone()
        } else {
            self.list.selection.rows().filter_map(|row| self.index.get(row)).copied().collect()
        };
        let zone = zone.clone();
        move || text_of(rows.iter().filter_map(|at| entries.get(*at as usize)), with_package, &zone)
    }

    /// Shows the tab. `package` is whose history it is; `None` for several packages.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        window: WindowId,
        package: Option<(PackageId, &str)>,
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        if std::mem::take(&mut self.old) {
            actions.push(Action::ReadHistoryOf(window));
        }
        if self.entries.is_none() {
            ui.weak("Reading History…");
            return;
        }
        self.filters_ui(ui, moment.zone);
        self.refresh(moment.zone);
        self.buttons_ui(ui, package, moment, actions);
        let entries = self.entries.clone().unwrap_or_default();
        let chosen = self.list.selection.rows().next().filter(|_| self.list.selection.len() == 1);
        let chosen = chosen.and_then(|row| entries.get(*self.index.get(row)? as usize));
        let number = chosen.map(|entry| entry.number);
        if number != self.asked {
            self.asked = number;
            self.unfolded = None;
            if let Some(number) = number {
                actions.push(Action::ReadEntry(window, number));
            }
        }
        let below = if chosen.is_some() { (ui.available_height() * 0.45).min(DETAILS) + 8.0 } else { 0.0 };
        let size = egui::vec2(ui.available_width(), (ui.available_height() - below).max(60.0));
        let with_package = package.is_none();
        let rows = EntryRows { entries: &entries, index: &self.index, moment, with_package };
        ui.allocate_ui(size, |ui| {
            ui.set_min_size(size);
            let columns = columns(with_package);
            List::new("package history", "History", &columns, 24.0).show(
                ui,
                &mut self.list,
                &rows,
                |_, _| (),
            );
        });
        if let Some(entry) = chosen {
            let unfolded = self.unfolded.as_ref().filter(|details| details.entry.number == entry.number);
            details_ui(ui, entry, unfolded, moment);
        }
    }

    fn filters_ui(&mut self, ui: &mut Ui, zone: &TimeZone) {
        ui.horizontal(|ui| {
            ui.name_inputs("Event", |ui| {
                let word = self.filters.event.map_or("All events", HistoryEvent::word);
                ComboBox::from_id_salt("event").width(150.0).selected_text(word).show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.filters.event, None, "All events");
                    for event in HistoryEvent::ALL {
                        ui.selectable_value(&mut self.filters.event, Some(event), event.word());
                    }
                });
            });
            ui.name_inputs("Who", |ui| {
                let word = self.filters.who.clone().unwrap_or_else(|| "Everybody".to_owned());
                let word = crate::console::widgets::short(&word, 24).to_string();
                ComboBox::from_id_salt("who").width(110.0).selected_text(word).show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.filters.who, None, "Everybody");
                    for who in &self.people {
                        ui.selectable_value(&mut self.filters.who, Some(who.clone()), who.as_str());
                    }
                });
            });
            for (name, text) in [("From", &mut self.filters.from), ("Until", &mut self.filters.until)] {
                let wrong = !text.trim().is_empty() && day(text, 0, zone).is_none();
                ui.name_inputs(name, |ui| {
                    let colour = if wrong { Tokens::of(ui).bad } else { Tokens::of(ui).text };
                    let field = ui.add(
                        TextEdit::singleline(text)
                            .hint_text(name)
                            .desired_width(92.0)
                            .text_color(colour)
                            .align(egui::Align2::LEFT_CENTER),
                    );
                    // A hint is no name.
                    ui.ctx().accesskit_node_builder(field.id, |node| node.set_label(name));
                    field.on_hover_text("A day, written as 2026-01-31");
                });
            }
        });
    }

    fn buttons_ui(
        &self,
        ui: &mut Ui,
        package: Option<(PackageId, &str)>,
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        ui.horizontal(|ui| {
            let none = self.index.is_empty().then_some("No entry is shown");
            if let Some((id, title)) = package
                && button_unless(ui, "Add note…", None, None)
                    .on_hover_text("A remark of your own, kept in History")
                    .clicked()
            {
                actions.push(Action::Ask(Box::new(WriteNote::new(id, title))));
            }
            if button_unless(ui, "Export…", None, none).clicked() {
                let dialog: Box<dyn crate::console::dialogs::Dialog> = match package {
                    Some((id, _)) => Box::new(ExportHistory::new(self.filters.whole(Some(id), moment.zone))),
                    None => Box::new(SaveText::new(
                        "Export the history of several packages",
                        self.text(true, true, moment.zone),
                    )),
                };
                actions.push(Action::Ask(dialog));
            }
            let hover = "The selected entries, or all that are shown, as text with a header";
            if button_unless(ui, "Copy", None, none).on_hover_text(hover).clicked() {
                let count =
                    if self.list.selection.is_empty() { self.index.len() } else { self.list.selection.len() };
                let text = self.text(package.is_none(), false, moment.zone);
                actions.push(if count > COPIED_AT_ONCE {
                    Action::CopyMade(Box::new(text))
                } else {
                    Action::Copy(text())
                });
            }
            let all = self.entries.as_ref().map_or(0, |entries| entries.len());
            let shown = format::thousands(self.index.len() as u64);
            let mut text = match (self.index.len(), all) {
                (1, 1) => "1 entry".to_owned(),
                (shown_count, all) if shown_count == all => format!("{shown} entries"),
                _ => format!("{shown} of {} entries", format::thousands(all as u64)),
            };
            if self.is_cut {
                text.push_str(", the newest");
            }
            ui.label(RichText::new(text).small().color(Tokens::of(ui).secondary));
        });
    }
}

fn columns(package: bool) -> Vec<Column> {
    let mut columns = vec![Column::text("Time", 142.0).unsortable()];
    if package {
        columns.push(Column::text("Package", 160.0).unsortable());
    }
    columns.extend([
        Column::text("Who", 64.0).unsortable(),
        Column::text("Where", 104.0).unsortable(),
        Column::text("Event", 110.0).unsortable(),
        Column::text("Old checksum", 100.0).unsortable(),
        Column::text("New checksum", 100.0).unsortable(),
        Column::text("Reason", 110.0).unsortable(),
        Column::text("Details", 150.0).growing().unsortable(),
    ]);
    columns
}

struct EntryRows<'a> {
    entries: &'a [HistoryEntry],
    index: &'a [u32],
    moment: Moment<'a>,
    with_package: bool,
}

impl Rows for EntryRows<'_> {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let entry = &self.entries[self.index[index] as usize];
        let package = entry.package.as_ref().map(|key| key.title()).unwrap_or_default();
        let details = details(entry);
        let reason = entry.reason.as_deref().unwrap_or_default();
        let name = [entry.event.word(), &package, reason, &details]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ");
        let mut cells = vec![Cell::secondary(self.moment.full(entry.at))];
        if self.with_package {
            cells.push(Cell::new(package));
        }
        let sum = |sum: &Option<ConsistencyChecksum>| {
            sum.as_ref().map(|sum| sum.digest.short()).unwrap_or_default()
        };
        cells.extend([
            Cell::secondary(entry.who.as_str()),
            Cell::secondary(format!("{}, {}", entry.host, entry.how)),
            Cell::new(entry.event.word()),
            Cell::secondary(sum(&entry.old_checksum)).monospace(),
            Cell::secondary(sum(&entry.new_checksum)).monospace(),
            Cell::new(reason),
            Cell::secondary(details),
        ]);
        Row { icon: None, cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.entries[self.index[index] as usize].event.word()
    }
}

/// Details and differences in one line.
fn details(entry: &HistoryEntry) -> String {
    let differences = entry.differences.as_ref().map(|differences| differences.summary());
    let parts = [entry.details.clone(), differences];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// A header and one line for each entry, cells apart by tabs. Nothing in a cell looks like the end of it.
fn text_of<'a>(
    entries: impl Iterator<Item = &'a HistoryEntry>,
    with_package: bool,
    zone: &TimeZone,
) -> String {
    let words: Vec<_> = columns(with_package).into_iter().map(|column| column.title).collect();
    let mut text = words.join("\t") + "\n";
    for entry in entries {
        let sum = |sum: &Option<ConsistencyChecksum>| {
            sum.as_ref().map(|sum| sum.digest.to_string()).unwrap_or_default()
        };
        let mut cells = vec![format::date_time(entry.at, zone)];
        if with_package {
            cells.push(entry.package.as_ref().map(ToString::to_string).unwrap_or_default());
        }
        cells.extend([
            entry.who.clone(),
            format!("{}, {}", entry.host, entry.how),
            entry.event.word().to_owned(),
            sum(&entry.old_checksum),
            sum(&entry.new_checksum),
            entry.reason.clone().unwrap_or_default(),
            details(entry),
        ]);
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                text.push('\t');
            }
            text.extend(cell.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        text.push('\n');
    }
    text
}

/// What is told of one entry: its facts, then its differences, of which only those in view are built.
fn details_ui(ui: &mut Ui, entry: &HistoryEntry, unfolded: Option<&HistoryDetails>, moment: Moment<'_>) {
    let mut lines = vec![format!(
        "Entry {} · {} · {}, {}, {}",
        format::thousands(entry.number),
        moment.full(entry.at),
        entry.who,
        entry.host,
        entry.how
    )];
    let sum = |sum: &ConsistencyChecksum| {
        format!(
            "{}, {}, {}",
            format::counted(sum.files, "file"),
            format::exact_size(sum.size_bytes),
            sum.digest
        )
    };
    lines.extend(entry.reason.iter().map(|reason| format!("Reason: {reason}")));
    lines.extend(entry.details.iter().flat_map(|details| details.lines()).map(str::to_owned));
    lines.extend(entry.old_checksum.iter().map(|old| format!("Old checksum: {}", sum(old))));
    lines.extend(entry.new_checksum.iter().map(|new| format!("New checksum: {}", sum(new))));
    lines.extend(entry.key_id.iter().map(|key| format!("Key: {key}")));
    let mut broken = false;
    if let Some(unfolded) = unfolded {
        broken = !unfolded.follows || unfolded.is_followed == Some(false);
        lines.push(match (unfolded.follows, unfolded.is_followed) {
            (true, Some(true)) => "Chain: follows the entry before, and the next one follows it".to_owned(),
            (true, None) => "Chain: follows the entry before; it is the last one".to_owned(),
            (false, _) => "Chain: does not follow the entry before it".to_owned(),
            (true, Some(false)) => "Chain: the next entry does not follow it".to_owned(),
        });
    }
    let differences = unfolded.map_or(&[][..], |unfolded| unfolded.differences.as_slice());
    let tokens = Tokens::of(ui);
    let frame =
        egui::Frame::new().fill(tokens.ground).corner_radius(4).inner_margin(egui::Margin::symmetric(10, 6));
    ui.add_space(4.0);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let height = ui.text_style_height(&egui::TextStyle::Body);
        ui.spacing_mut().item_spacing.y = 3.0;
        crate::console::dialogs::show_scroll_bar(ui);
        let room = ui.available_height() - 6.0;
        ScrollArea::vertical().id_salt("entry").max_height(room).auto_shrink([false, false]).show_rows(
            ui,
            height,
            lines.len() + differences.len(),
            |ui, range| {
                for at in range {
                    let (line, colour) = match lines.get(at) {
                        Some(line) if broken && line.starts_with("Chain: ") => (line, tokens.bad),
                        Some(line) => (line, tokens.text),
                        None => (&differences[at - lines.len()], tokens.secondary),
                    };
                    let text = RichText::new(line).color(colour);
                    ui.add(Label::new(text).truncate().selectable(true));
                }
            },
        );
    });
}

impl PropertyWindow {
    pub(super) fn history_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let title = self.key.title();
        self.history.ui(ui, WindowId::One(self.id), Some((self.id, &title)), moment, actions);
    }

    /// The tab *History*.
    pub fn history(&mut self) -> &mut HistoryTab {
        &mut self.history
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_where_the_person_is() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let from = day(" 2026-11-21 ", 0, &zone).expect("a day");
        let until = day("2026-11-21", 1, &zone).expect("a day");
        assert_eq!(from.to_string(), "2026-11-20T22:00:00Z");
        assert_eq!(until.duration_since(from).as_hours(), 24);
        for odd in ["", "2026", "21.11.2026", "2026-02-30", "9999-12-31x"] {
            assert_eq!(day(odd, 0, &zone), None, "{odd}");
        }
        assert_eq!(day("9999-12-31", 1, &zone), None, "there is no day after the last");
    }
}
