//! The tab *General*: what is registered, each field editable or not as the state of the package has it.

use egui::{ComboBox, Label, RichText, ScrollArea, TextEdit, Ui};

use super::{Part, PropertyWindow, Tab, elsewhere_ui, why_not};
use crate::console::action::Action;
use crate::console::command::Command;
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::{button, link};
use crate::console::widgets::field_row::{field_row, labelled_row, value_row};
use crate::package::record::PackageType;
use crate::package::state::Field;
use crate::package::{PackageKey, PackageState};

/// So many packages that replace this one are named.
const REPLACED_BY_SHOWN: usize = 6;

impl PropertyWindow {
    pub(super) fn general_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let room = (ui.available_height() - 40.0).max(60.0);
        // There are more fields than fit into the smallest window: that has to be seen.
        crate::console::dialogs::show_scroll_bar(ui);
        ScrollArea::vertical().id_salt("general").auto_shrink(false).max_height(room).show(ui, |ui| {
            ui.set_width(ui.available_width() - 10.0);
            self.editable_ui(ui, actions);
            self.facts_ui(ui, moment, actions);
            crate::console::widgets::follow_focus(ui);
        });
        self.state_buttons_ui(ui, actions);
    }

    fn editable_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let Some(state) = self.details.as_ref().map(|details| details.record.state) else { return };
        let (Some(draft), Some(base)) = (&mut self.draft, &self.base) else { return };
        let elsewhere = &self.elsewhere;
        let text = |ui: &mut Ui, label: &str, field: Field, part: Part, value: &mut String, theirs: &str| {
            if state.may_edit(field) {
                text_row(ui, label, value, elsewhere.contains(&part).then_some(theirs));
            } else {
                value_row(ui, label, if value.is_empty() { "–" } else { value })
                    .on_hover_text(why_not(state));
            }
        };
        text(ui, "Name", Field::Name, Part::Name, &mut draft.name, &base.name);
        text(ui, "Version", Field::Version, Part::Version, &mut draft.version, &base.version);
        text(ui, "Supplier", Field::Supplier, Part::Supplier, &mut draft.supplier, &base.supplier);
        text(ui, "Group", Field::Group, Part::Group, &mut draft.group, &base.group);
        field_row(ui, "Comment", |ui| {
            marked_ui(ui, elsewhere.contains(&Part::Comment).then_some(&base.comment), |ui| {
                let width = ui.available_width();
                ui.add(TextEdit::multiline(&mut draft.comment).desired_rows(3).desired_width(width));
            });
        });
        if state.may_edit(Field::Type) {
            field_row(ui, "Type", |ui| {
                if elsewhere.contains(&Part::Type) {
                    elsewhere_ui(ui, base.package_type.word());
                }
                ComboBox::from_id_salt("type").selected_text(draft.package_type.word()).show_ui(ui, |ui| {
                    for kind in PackageType::ALL {
                        ui.selectable_value(&mut draft.package_type, kind, kind.word());
                    }
                });
            });
        } else {
            value_row(ui, "Type", draft.package_type.word()).on_hover_text(why_not(state));
        }
        if state.may_edit(Field::Replaces) {
            labelled_row(ui, "Replaces", |ui, name| {
                marked_ui(ui, elsewhere.contains(&Part::Replaces).then_some(&base.replaces), |ui| {
                    // What stands there may be opened, as far as it is applied.
                    let named = (draft.replaces == base.replaces && !base.replaces.is_empty())
                        .then(|| PackageKey::parse(base.replaces.trim()).ok())
                        .flatten();
                    let width = ui.available_width() - if named.is_some() { 48.0 } else { 0.0 };
                    ui.add(
                        TextEdit::singleline(&mut draft.replaces)
                            .hint_text("Name@Version")
                            .desired_width(width)
                            .align(egui::Align2::LEFT_CENTER),
                    )
                    .labelled_by(name);
                    if let Some(named) = named {
                        let open = link(ui, "Open");
                        open.widget_info(|| {
                            egui::WidgetInfo::labeled(
                                egui::Role::Link,
                                true,
                                format!("Open {}", named.title()),
                            )
                        });
                        if open.clicked() {
                            actions.push(Action::OpenNamed(named));
                        }
                    }
                });
            });
        } else if let Ok(named) = PackageKey::parse(base.replaces.trim()) {
            field_row(ui, "Replaces", |ui| {
                if link(ui, &named.title()).on_hover_text(why_not(state)).clicked() {
                    actions.push(Action::OpenNamed(named));
                }
            });
        }
        if !self.replaced_by.0.is_empty() {
            field_row(ui, "Replaced by", |ui| {
                ui.horizontal_wrapped(|ui| {
                    for key in self.replaced_by.0.iter().take(REPLACED_BY_SHOWN) {
                        if link(ui, &key.title()).on_hover_text("Open its properties").clicked() {
                            actions.push(Action::OpenNamed(key.clone()));
                        }
                    }
                    let more = self.replaced_by.0.len().saturating_sub(REPLACED_BY_SHOWN);
                    if more > 0 {
                        ui.label(format!("and {} more", format::thousands(more as u64)));
                    }
                });
            });
        }
        if state.may_edit(Field::Retired) {
            field_row(ui, "Retired", |ui| {
                ui.checkbox(&mut draft.retired, "No new jobs");
                if elsewhere.contains(&Part::Retired) {
                    elsewhere_ui(ui, "");
                }
            });
        }
    }

    fn facts_ui(&mut self, ui: &mut Ui, moment: Moment<'_>, actions: &mut Vec<Action>) {
        let Some(details) = &self.details else { return };
        let record = &details.record;
        let state = match record.revision {
            0 => record.state.word().to_owned(),
            revision => format!("{}, revision {revision}", record.state.word()),
        };
        value_row(ui, "State", &state);
        if let Some(based_on) = &record.based_on {
            field_row(ui, "Based on", |ui| {
                if link(ui, &based_on.title()).clicked() {
                    actions.push(Action::OpenNamed(based_on.clone()));
                }
            });
        }
        let checksum = &record.checksum;
        let files = format!(
            "{} · {} · {} of up to {}",
            format::counted(checksum.files, "file"),
            format::exact_size(checksum.size_bytes),
            format::counted(details.blocks, "block"),
            format::size(details.block_size_bytes),
        );
        value_row(ui, "Files, size", &files);
        let filed = format!("{}, {}", record.filed_by, moment.full(record.registered));
        value_row(ui, "Filed by, on", &filed).on_hover_text(format::utc(record.registered));
        if record.state != PackageState::Archived {
            value_row(ui, "Changed on", &moment.full(record.changed))
                .on_hover_text(format::utc(record.changed));
        }
        if let Some(seal) = &record.seal {
            let name = if seal.key_name.is_empty() { "a key without a name here" } else { &seal.key_name };
            let by = format!("{name}, {}, on {}", seal.key_id, moment.full(seal.at));
            value_row(ui, "Sealed by", &by).on_hover_text(format::utc(seal.at));
        }
        if let Some(archive) = &record.archive {
            let by = format!("{} on {}, {}", archive.by, archive.host, moment.full(archive.at));
            value_row(ui, "Archived by", &by).on_hover_text(format::utc(archive.at));
            let reach = match details.archive_reachable {
                Some(true) => "reachable",
                _ => "not reachable now",
            };
            value_row(ui, "Archive file", &format!("{} ({reach})", archive.path));
            value_row(ui, "Archive size", &format::exact_size(archive.size_bytes));
            if let (Some(draft), Some(base)) = (&mut self.draft, &self.base) {
                let theirs = self.elsewhere.contains(&Part::ArchiveComment);
                let theirs = theirs.then_some(base.archive_comment.as_str());
                text_row(ui, "Archive comment", &mut draft.archive_comment, theirs);
            }
        } else {
            let folder = details.folder.display().to_string();
            let path = details.folder.clone();
            field_row(ui, "Folder", |ui| {
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let open = button(ui, "Open");
                    open.widget_info(|| {
                        egui::WidgetInfo::labeled(egui::Role::Button, true, "Open folder of the package")
                    });
                    if open.clicked() {
                        actions.push(Action::OpenPath(path));
                    }
                    copy_ui(ui, "Copy folder", &folder, actions);
                });
            });
        }
        field_row(ui, "Package id", |ui| copy_ui(ui, "Copy package id", &record.id.to_string(), actions));
        let digest = record.checksum.digest.to_string();
        field_row(ui, "Checksum", |ui| copy_ui(ui, "Copy checksum", &digest, actions));
        let consistency = self.seen.as_ref().map(|package| super::finding_text(package, moment).0);
        let mut go = false;
        field_row(ui, "Consistency", |ui| {
            go = link(ui, consistency.as_deref().unwrap_or("Show")).clicked();
        });
        if go {
            self.tab = Tab::Consistency;
        }
    }

    fn state_buttons_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let Some(state) = self.details.as_ref().map(|details| details.record.state) else { return };
        let commands: &[Command] = match state {
            PackageState::Open => &[Command::Seal],
            PackageState::Sealed => &[Command::NewVersion, Command::Unseal, Command::Archive],
            PackageState::Archived => &[Command::Restore],
        };
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            for command in commands {
                if button(ui, &command.entry().text).clicked() {
                    actions.push(Action::RunOn(*command, self.id));
                }
            }
            if state == PackageState::Archived && button(ui, "Verify archive").clicked() {
                actions.push(Action::Check(vec![self.id], crate::package::CheckKind::Deep));
            }
        });
    }
}

/// A text field; `theirs` is what the library has where that changed since the field was edited.
fn text_row(ui: &mut Ui, label: &str, value: &mut String, theirs: Option<&str>) {
    field_row(ui, label, |ui| {
        marked_ui(ui, theirs, |ui| {
            let width = ui.available_width();
            ui.add(TextEdit::singleline(value).desired_width(width).align(egui::Align2::LEFT_CENTER));
        });
    });
}

/// An editor, and at its right the mark that the library has another value now.
fn marked_ui(ui: &mut Ui, theirs: Option<impl AsRef<str>>, editor: impl FnOnce(&mut Ui)) {
    let Some(theirs) = theirs else { return editor(ui) };
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        elsewhere_ui(ui, theirs.as_ref());
        editor(ui);
    });
}

/// A value in monospace with a button that copies it.
fn copy_ui(ui: &mut Ui, name: &str, value: &str, actions: &mut Vec<Action>) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let copy = button(ui, "Copy");
        copy.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, name));
        if copy.clicked() {
            actions.push(Action::Copy(value.to_owned()));
        }
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let text = RichText::new(value).monospace().color(Tokens::of(ui).text);
            ui.add(Label::new(text).truncate().selectable(true));
        });
    });
}
