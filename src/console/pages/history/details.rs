//! The selected entry of History with all that is known of it: differences, checksums, key, and its place in the chain.

use egui::{Align, Frame, Layout, Margin, Panel, ScrollArea, Ui};

use super::{HistoryPage, why};
use crate::console::action::Action;
use crate::console::dialogs::problem_list_ui;
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::theme::semibold;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::button;
use crate::console::widgets::field_row::value_row;
use crate::package::{ConsistencyChecksum, HistoryEntry};
use crate::session::HistoryDetails;

impl HistoryPage {
    /// Shows the panel below the list, while anything is selected.
    pub(super) fn details_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let count = self.list.selection.len();
        if count == 0 {
            return;
        }
        let frame = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin::symmetric(14, 10));
        let panel = Panel::bottom("history details").default_size(250.0).size_range(90.0..=480.0);
        let shown = panel.resizable(true).frame(frame).show(ui, |ui| {
            let one = self.selected().cloned();
            ui.horizontal(|ui| {
                let title = match &one {
                    Some(entry) => heading(entry),
                    None => format!("{count} events are selected"),
                };
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if button(ui, "Copy").on_hover_text("As text (Ctrl+C in the list)").clicked() {
                        actions.push(Action::Copy(self.as_text(moment)));
                    }
                    if let Some(entry) = one.as_ref().filter(|entry| entry.package_id.is_some())
                        && button(ui, "Only this package").clicked()
                    {
                        self.wanted.only_package(entry);
                    }
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        let title = egui::RichText::new(title).font(semibold(15.0));
                        ui.add(egui::Label::new(title).truncate());
                    });
                });
            });
            let Some(entry) = one else { return };
            let details = self.details.as_ref().filter(|(number, _)| *number == entry.number);
            let details = details.and_then(|(_, details)| details.as_ref());
            ScrollArea::vertical().id_salt("history details").auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                for (label, value) in facts(&entry, details) {
                    value_row(ui, label, &value);
                }
                if let Some(details) = details.filter(|details| !details.differences.is_empty()) {
                    ui.add_space(4.0);
                    problem_list_ui(ui, "Differences", &details.differences);
                }
            });
        });
        crate::console::areas::mark_details(ui.ctx(), shown.response.rect);
    }

    /// What is selected, as text: one entry with everything, several as a table.
    pub(super) fn as_text(&self, moment: Moment<'_>) -> String {
        if let Some(entry) = self.selected() {
            let details = self.details.as_ref().filter(|(number, _)| *number == entry.number);
            let details = details.and_then(|(_, details)| details.as_ref());
            let mut lines = vec![heading(entry)];
            let facts = facts(entry, details).into_iter();
            lines.extend(facts.map(|(label, value)| format!("{label}: {value}")));
            lines.extend(details.into_iter().flat_map(|details| details.differences.iter().cloned()));
            return lines.join("\n");
        }
        let mut lines = vec!["Time\tPackage\tEvent\tWho\tWhere\tReason, details".to_owned()];
        for entry in self.list.selection.rows().filter_map(|row| self.entries.get(row)) {
            let package = entry.package.as_ref().map(|key| key.title()).unwrap_or_default();
            let (time, place) = (moment.full(entry.at), format!("{}, {}", entry.host, entry.how));
            let cells = [time.as_str(), &package, entry.event.word(), &entry.who, &place, &why(entry)];
            // A tab or a line in a reason would be read as another cell or row.
            lines.push(cells.map(|cell| cell.replace(['\t', '\n', '\r'], " ")).join("\t"));
        }
        lines.join("\n")
    }
}

fn heading(entry: &HistoryEntry) -> String {
    match &entry.package {
        Some(key) => format!("{}: {}", key.title(), entry.event.word()),
        None => entry.event.word().to_owned(),
    }
}

/// Labels and values; what is not there is left out.
fn facts(entry: &HistoryEntry, details: Option<&HistoryDetails>) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Time", format!("{} UTC, there {}", entry.at.strftime("%Y-%m-%d %H:%M:%S"), entry.local_time)),
        ("Who", format!("{} on {}, {}", entry.who, entry.host, entry.how)),
    ];
    let checksum = |checksum: &Option<ConsistencyChecksum>| {
        let checksum = checksum.as_ref()?;
        let files = if checksum.files == 1 { "file" } else { "files" };
        let (count, size) = (format::thousands(checksum.files), format::size(checksum.size_bytes));
        Some(format!("{} ({count} {files}, {size})", checksum.digest))
    };
    let optional = [
        ("Reason", entry.reason.clone()),
        ("Details", entry.details.clone()),
        ("Old checksum", checksum(&entry.old_checksum)),
        ("New checksum", checksum(&entry.new_checksum)),
        ("Key", entry.key_id.clone()),
    ];
    let there = optional.into_iter().filter_map(|(label, value)| Some((label, value?)));
    facts.extend(there.filter(|(_, value)| !value.is_empty()));
    let chain = match details {
        None => format!("entry {}", entry.number),
        Some(details) => {
            let before = match (entry.number, details.follows) {
                (1, true) => "the first".to_owned(),
                (_, true) => format!("follows entry {}", entry.number - 1),
                (_, false) => "does not follow the entry before it".to_owned(),
            };
            let after = match details.is_followed {
                None => "the last",
                Some(true) => "the next one follows it",
                Some(false) => "the next one does not follow it",
            };
            format!("entry {}, {before}, {after}", entry.number)
        }
    };
    facts.push(("Chain", chain));
    facts.extend(details.map(|details| ("SHA-256 of it", details.digest.to_string())));
    facts
}
