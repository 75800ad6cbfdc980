//! The tab *Consistency*: the switch, what is recorded, what is there now, and every difference by name.

use std::collections::HashMap;
use std::path::PathBuf;

use egui::{Label, RichText, Ui};

use super::{Part, PropertyWindow};
use crate::console::action::Action;
use crate::console::dialogs::compare::{ChangedFile, CompareWithSealed};
use crate::console::dialogs::files::SaveText;
use crate::console::dialogs::repair::RepairArchive;
use crate::console::format;
use crate::console::icons::Icon;
use crate::console::pages::packages::Moment;
use crate::console::tasks::Tasks;
use crate::console::tokens::Tokens;
use crate::console::widgets::alert::alert;
use crate::console::widgets::button::{button_unless, link};
use crate::console::widgets::field_row::field_row;
use crate::console::widgets::list::{Cell, Column, List, Row, Rows};
use crate::package::state::Field;
use crate::package::{CheckKind, CheckReport, ConsistencyChecksum, Finding, PackageState};
use crate::session::difference_lines;

/// One line of the table of differences.
struct Difference {
    icon: Icon,
    word: &'static str,
    file: String,
    recorded: String,
    found: String,
    /// The path to ask for its time, if there is a file.
    there: Option<String>,
    /// The path as recorded, if it can be compared with what is there; or why not.
    compare: Result<String, &'static str>,
}

fn rows_of(report: &CheckReport) -> Vec<Difference> {
    let d = &report.differences;
    let size = format::thousands;
    let line = |icon, word, file: &str, recorded: String, found: String| Difference {
        icon,
        word,
        file: file.to_owned(),
        recorded,
        found,
        there: (word != "Removed").then(|| file.to_owned()),
        compare: match word {
            "Added" => Err("It does not belong to the package: there is nothing to compare it with"),
            "Removed" => Err("There is nothing to compare: Repair brings it back"),
            "Unreadable" => Err("It cannot be read"),
            _ => Ok(file.to_owned()),
        },
    };
    let mut rows = Vec::with_capacity(d.count());
    let none = || "–".to_owned();
    rows.extend(d.added.iter().map(|f| line(Icon::Added, "Added", &f.path, none(), size(f.size_bytes))));
    rows.extend(
        d.removed.iter().map(|f| line(Icon::Removed, "Removed", &f.path, size(f.size_bytes), none())),
    );
    rows.extend(
        d.resized
            .iter()
            .map(|f| line(Icon::Resized, "Other size", &f.path, size(f.recorded_bytes), size(f.found_bytes))),
    );
    rows.extend(d.case_changed.iter().map(|f| {
        let names = format!("{} → {}", f.recorded, f.found);
        let there = Some(f.found.clone());
        let compare = Ok(f.recorded.clone());
        Difference {
            there,
            compare,
            ..line(Icon::Case, "Other case", &names, size(f.size_bytes), size(f.size_bytes))
        }
    }));
    rows.extend(d.damaged.iter().map(|f| {
        let blocks =
            if f.blocks.len() == 1 { "1 block".to_owned() } else { format!("{} blocks", f.blocks.len()) };
        line(Icon::Damaged, "Damaged", &f.path, size(f.size_bytes), blocks)
    }));
    rows.extend(
        d.unreadable.iter().map(|f| line(Icon::Warning, "Unreadable", &f.path, none(), f.reason.clone())),
    );
    rows
}

struct DifferenceRows<'a> {
    rows: &'a [Difference],
    /// When each was changed, and whose it is.
    facts: &'a [(String, &'a str)],
    noticed: &'a str,
    by: &'a str,
}

impl Rows for DifferenceRows<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let row = &self.rows[index];
        let (modified, owner) = &self.facts[index];
        Row {
            icon: Some((row.icon, None)),
            cells: vec![
                Cell::new(row.word),
                Cell::new(row.file.as_str()),
                Cell::new(row.recorded.as_str()),
                Cell::new(row.found.as_str()),
                Cell::secondary(modified.as_str()),
                Cell::secondary(*owner),
                Cell::secondary(self.noticed),
                Cell::secondary(self.by),
            ],
            name: format!(
                "{}: {}, recorded {}, found {}, modified {modified}, owner {owner}",
                row.word, row.file, row.recorded, row.found
            )
            .into(),
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        &self.rows[index].file
    }
}

impl PropertyWindow {
    pub(super) fn consistency_ui(
        &mut self,
        ui: &mut Ui,
        moment: Moment<'_>,
        tasks: &Tasks,
        actions: &mut Vec<Action>,
    ) {
        self.switch_ui(ui, actions);
        ui.add_space(2.0);
        ui.spacing_mut().item_spacing.y = 2.0;
        self.lines_ui(ui, moment, actions);
        ui.spacing_mut().item_spacing.y = 6.0;
        let Some(details) = &self.details else { return };
        let record = &details.record;
        let report = self.differing_report().cloned();
        if let Some(report) = &report {
            let consequence = if self.base.as_ref().is_some_and(|base| base.control) {
                "The package is blocked: it cannot be archived or delivered until this is settled."
            } else if self.draft.as_ref().is_some_and(|draft| draft.control) {
                "What becomes of it is asked at Apply."
            } else {
                "Checksum control is off: nothing is blocked."
            };
            alert(ui, &format!("{}.", super::super::dialogs::question::summary(report)), consequence);
        } else if let Some(marked) = record.marked {
            alert(
                ui,
                &format!("Something in the folder changed at {}", moment.text(marked)),
                "A quick check says what.",
            );
        }
        let busy = self.check.filter(|task| tasks.is_running(*task));
        let archived = record.state == PackageState::Archived;
        let (noticed, by) = match &record.noticed {
            Some(noticed) => (moment.text(noticed.at), noticed.by.clone()),
            None => report.as_ref().map(|r| (moment.text(r.at), String::new())).unwrap_or_default(),
        };
        let repair_refused = self.repair_refusal();
        let mut compare = Err("Select the file to compare");
        let mut opened = false;
        let buttons = 38.0;
        if let Some(report) = &report {
            let rows = rows_of(report);
            if self.facts.as_ref().is_none_or(|(at, _)| *at != report.at) {
                // Asked for once: what is not there yet comes with the answer.
                self.facts = Some((report.at, HashMap::new()));
                actions.push(Action::ReadFileFacts(self.id));
            }
            let known = self.facts.as_ref().map(|(_, facts)| facts);
            let facts: Vec<(String, &str)> = rows
                .iter()
                .map(|row| row.there.as_ref().and_then(|path| known?.get(path)))
                .map(|facts| {
                    let modified = facts.and_then(|facts| facts.modified);
                    let owner = facts.and_then(|facts| facts.owner.as_deref());
                    (modified.map_or_else(|| "–".to_owned(), |at| moment.text(at)), owner.unwrap_or("–"))
                })
                .collect();
            let columns = [
                Column::text("Change", 112.0).unsortable(),
                Column::text("File", 120.0).growing().unsortable(),
                Column::number("Recorded", 94.0).unsortable(),
                Column::number("Found", 94.0).unsortable(),
                Column::text("Modified", 124.0).unsortable(),
                Column::text("Owner", 76.0).unsortable(),
                Column::text("First noticed", 90.0).unsortable(),
                Column::text("Found by", 112.0).unsortable(),
            ];
            let has_owners = facts.iter().any(|(_, owner)| *owner != "–");
            let hint = if has_owners { 20.0 } else { 0.0 };
            let size = egui::vec2(ui.available_width(), (ui.available_height() - buttons - hint).max(60.0));
            ui.allocate_ui(size, |ui| {
                ui.set_min_size(size);
                let shown = List::new("differences", "Differences", &columns, 24.0).show(
                    ui,
                    &mut self.differences,
                    &DifferenceRows { rows: &rows, facts: &facts, noticed: &noticed, by: &by },
                    |_, _| (),
                );
                opened = shown.opened.is_some();
            });
            compare = self.file_to_compare(&rows);
            if has_owners {
                let text = RichText::new("The owner of a file is not always who changed it.").small();
                ui.label(text.color(Tokens::of(ui).secondary));
            }
        }
        let id = self.id;
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            if let Some(task) = busy {
                let progress = tasks.progress(task).unwrap_or_default();
                if crate::console::widgets::button::button(ui, "Stop").clicked() {
                    actions.push(Action::Stop(task));
                }
                let percent = progress.fraction().map(|part| format!(" {:.0} %", part * 100.0));
                let text = format!("{}{}", progress.phase, percent.unwrap_or_default());
                ui.label(RichText::new(text).color(Tokens::of(ui).secondary));
                return;
            }
            if archived {
                if crate::console::widgets::button::button(ui, "Verify archive").clicked() {
                    actions.push(Action::Check(vec![id], CheckKind::Deep));
                }
                let refused = self.archive_repair_refusal();
                if button_unless(ui, "Repair archive…", None, refused)
                    .on_hover_text("Fetch what is damaged, and bring the package back")
                    .clicked()
                    && let Some(archive) = &record.archive
                {
                    let file = PathBuf::from(&archive.path);
                    let dialog = RepairArchive::of_package(id, record.key.title(), file);
                    actions.push(Action::Ask(Box::new(dialog)));
                }
                return;
            }
            let quick = button_unless(ui, "Quick check", None, None)
                .on_hover_text("Compare names and sizes with the recorded checksum (F5)");
            if quick.clicked() {
                actions.push(Action::Check(vec![id], CheckKind::Quick));
            }
            let deep = button_unless(ui, "Deep check", None, None)
                .on_hover_text("Read every file and compare its hashes (Shift+F5)");
            if deep.clicked() {
                actions.push(Action::Check(vec![id], CheckKind::Deep));
            }
            let refused = report.is_none().then_some("Nothing differs, so there is nothing to accept");
            let accept = button_unless(ui, "Accept changes…", None, refused);
            if accept.clicked() {
                actions.push(Action::AskAccept(id));
            }
            if button_unless(ui, "Repair…", None, repair_refused).clicked() {
                actions.push(Action::AskRepair(vec![id], false));
            }
            let refused = compare.as_ref().err().copied();
            let asked = button_unless(ui, "Compare…", None, refused)
                .on_hover_text("See the selected file beside what was sealed")
                .clicked();
            if let (true, Ok(file)) = (asked || opened, compare) {
                actions.push(Action::Ask(Box::new(CompareWithSealed::new(file))));
            }
            if button_unless(ui, "Export list…", None, report.is_none().then_some("Nothing differs"))
                .clicked()
                && let Some(report) = &report
            {
                let text = difference_lines(report).join("\n") + "\n";
                actions.push(Action::Ask(Box::new(SaveText::new(
                    "Export the list of differences",
                    move || text,
                ))));
            }
        });
    }

    /// The selected file, if it can be compared with what was sealed.
    fn file_to_compare(&self, rows: &[Difference]) -> Result<ChangedFile, &'static str> {
        if let Some(refused) = self.repair_refusal() {
            return Err(refused);
        }
        let mut selected = self.differences.selection.rows().filter_map(|row| rows.get(row));
        let (Some(row), None) = (selected.next(), selected.next()) else {
            return Err("Select one file to compare");
        };
        let recorded = row.compare.clone()?;
        let found = row.there.clone().unwrap_or_else(|| recorded.clone());
        Ok(ChangedFile { package: self.id, recorded, found })
    }

    /// Why the archive of the package cannot be repaired now.
    fn archive_repair_refusal(&self) -> Option<&'static str> {
        let deep = self.details.as_ref().and_then(|details| details.record.deep);
        match deep.map(|check| check.finding) {
            Some(Finding::Damaged) => None,
            Some(Finding::Consistent) => Some("No damage was found in the archive when it was last verified"),
            _ => Some("Verify the archive first: it says what is damaged"),
        }
    }

    /// Why the package cannot be repaired now.
    pub(super) fn repair_refusal(&self) -> Option<&'static str> {
        let sealed_once = self.details.as_ref().is_some_and(|details| details.record.sealed_once);
        match (sealed_once, self.differing_report()) {
            (false, _) => Some("The package has never been sealed, nobody has a copy to repair from"),
            (true, None) => Some("Nothing differs, so there is nothing to repair"),
            _ => None,
        }
    }

    fn switch_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        const LABEL: &str = "Checksum control of package consistency";
        let editable = self.may_edit(Field::ChecksumControl);
        let id = self.id;
        let elsewhere = self.elsewhere.contains(&Part::Control);
        let Some(draft) = &mut self.draft else { return };
        if editable {
            if ui.checkbox(&mut draft.control, LABEL).changed()
                && draft.control
                && self.base.as_ref().is_some_and(|base| !base.control)
            {
                actions.push(Action::Look(id));
            }
            if elsewhere {
                super::elsewhere_ui(ui, "");
            }
        } else {
            let mut control = draft.control;
            ui.add_enabled(false, egui::Checkbox::new(&mut control, LABEL))
                .on_disabled_hover_text("The package is archived: decided on restore");
        }
    }

    fn lines_ui(&self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let Some(details) = &self.details else { return };
        let record = &details.record;
        let line = |ui: &mut Ui, label: &str, parts: &[(String, bool)], rest: &str| {
            field_row(ui, label, |ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                for (text, monospace) in parts {
                    let rich = RichText::new(text).color(Tokens::of(ui).text);
                    let rich = if *monospace { rich.monospace() } else { rich };
                    ui.add(Label::new(rich).selectable(true));
                }
                ui.add(
                    Label::new(RichText::new(rest).color(Tokens::of(ui).secondary))
                        .selectable(true)
                        .truncate(),
                );
            });
        };
        let recorded = format!(" · {} {}", record.checksum_event, moment.full(record.checksum_at));
        line(ui, "Recorded", &sum(&record.checksum), &recorded);
        let found = self.report.as_ref().or(details.report.as_ref()).and_then(|report| report.found);
        let mut copies = vec![("Copy recorded digest", record.checksum.digest)];
        copies.extend(found.map(|found| ("Copy found digest", found.digest)));
        if record.state != PackageState::Archived {
            match (&self.report, record.last_check()) {
                (Some(report), _) => found_line(ui, line, report, moment),
                (None, Some((_, check))) => match (&details.report, check.finding) {
                    (Some(report), _) => found_line(ui, line, report, moment),
                    (None, Finding::Consistent) => {
                        let rest =
                            format!(" · {}, in {}", moment.text(check.at), format::duration(check.took_ms));
                        line(ui, "Found now", &sum(&record.checksum), &rest);
                    }
                    (None, finding) => line(ui, "Found now", &[], finding.word()),
                },
                (None, None) => line(ui, "Found now", &[], "not checked since it was recorded"),
            }
        }
        let deep = match record.deep {
            None => "never".to_owned(),
            Some(check) => {
                let result = match check.finding {
                    Finding::Consistent => "no damage",
                    Finding::Damaged => "damage found",
                    Finding::Differs => "differences found",
                    Finding::Unreadable => "not all of it could be read",
                    Finding::Missing => "the folder was missing",
                };
                let took = format::duration(check.took_ms);
                match record.deep_event() {
                    Some("registered") => {
                        format!("hashes taken when it was registered, {}", moment.full(check.at))
                    }
                    Some(event) => {
                        format!("{result}, when it was {event}, {}, in {took}", moment.full(check.at))
                    }
                    None => format!("{result}, {}, in {took}", moment.full(check.at)),
                }
            }
        };
        let label = if record.state == PackageState::Archived { "Archive verified" } else { "Deep check" };
        line(ui, label, &[], &deep);
        field_row(ui, "", |ui| {
            ui.spacing_mut().item_spacing.x = 14.0;
            for (word, digest) in copies {
                if link(ui, word).on_hover_text(digest.to_string()).clicked() {
                    actions.push(Action::Copy(digest.to_string()));
                }
            }
        });
    }
}

fn found_line(
    ui: &mut Ui,
    line: impl Fn(&mut Ui, &str, &[(String, bool)], &str),
    report: &CheckReport,
    moment: Moment<'_>,
) {
    let when = format!("{}, in {}", moment.text(report.at), format::duration(report.took_ms));
    match &report.found {
        Some(found) => line(ui, "Found now", &sum(found), &format!(" · {when}")),
        None => line(ui, "Found now", &[], &format!("nothing: the folder is missing · {when}")),
    }
}

fn sum(checksum: &ConsistencyChecksum) -> Vec<(String, bool)> {
    let files = if checksum.files == 1 { "file" } else { "files" };
    vec![
        (
            format!(
                "{} {files} · {} · ",
                format::thousands(checksum.files),
                format::exact_size(checksum.size_bytes)
            ),
            false,
        ),
        (checksum.digest.short(), true),
    ]
}
