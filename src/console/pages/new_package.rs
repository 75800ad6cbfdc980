//! The New package page: what is to be registered, what was found in it, and as what it is registered.
//!
//! Holds the fields; looking and registering are done by the app on another thread.

use std::path::PathBuf;

use egui::{CentralPanel, Frame, Margin, Panel, RichText, ScrollArea, TextEdit, Ui};

use super::super::action::{Action, Browse};
use super::super::dialogs::{problem_list_ui, sentence};
use super::super::format;
use super::super::theme::CONTROL_HEIGHT;
use super::super::tokens::Tokens;
use super::super::widgets::alert::alert;
use super::super::widgets::button::{button, button_unless, link, primary_button_unless};
use super::super::widgets::chip::chip;
use super::super::widgets::field_row::{field_row, text_row};
use crate::failure::Failure;
use crate::package::PackageKey;
use crate::session::{Links, RegisterRequest, SourceKind, SourcePreview, View};

/// Everything on the page.
pub struct NewPackage {
    /// What was dropped, chosen, pasted or typed; each path once.
    pub sources: Vec<PathBuf>,
    /// What looking at it found; `None` while nobody has looked.
    pub preview: Option<Result<SourcePreview, Failure>>,
    /// Whether somebody looks now.
    pub is_looking: bool,
    typed_path: String,
    name: Field,
    version: Field,
    supplier: Field,
    group: String,
    comment: String,
    checksum_control: bool,
    reason: String,
    links: Links,
    focus: bool,
}

/// A field with a proposal: what somebody typed is never overwritten.
#[derive(Default)]
struct Field {
    text: String,
    from: &'static str,
    is_typed: bool,
}

impl Field {
    fn propose(&mut self, proposal: &crate::session::Proposal) {
        if !self.is_typed {
            self.text.clone_from(&proposal.value);
            self.from = proposal.from;
        }
    }
}

impl NewPackage {
    /// A page with these sources.
    pub fn new(sources: Vec<PathBuf>, group: String) -> Self {
        let mut page = Self {
            sources: Vec::new(),
            preview: None,
            is_looking: false,
            typed_path: String::new(),
            name: Field::default(),
            version: Field::default(),
            supplier: Field::default(),
            group,
            comment: String::new(),
            checksum_control: true,
            reason: String::new(),
            links: Links::default(),
            focus: true,
        };
        page.add(sources);
        page
    }

    /// Adds sources, each path once; whether any is new.
    pub fn add(&mut self, sources: Vec<PathBuf>) -> bool {
        let before = self.sources.len();
        for source in sources {
            if !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
        self.sources.len() > before
    }

    /// What becomes of symbolic links.
    pub fn links(&self) -> Links {
        self.links
    }

    /// Takes over what was found.
    pub fn set_preview(&mut self, preview: Result<SourcePreview, Failure>) {
        self.is_looking = false;
        if let Ok(found) = &preview {
            self.name.propose(&found.name);
            self.version.propose(&found.version);
            self.supplier.propose(&found.supplier);
        }
        self.preview = Some(preview);
    }

    /// What is to be registered.
    pub fn request(&self) -> RegisterRequest {
        let text = |text: &str| Some(text.trim().to_owned());
        RegisterRequest {
            name: text(&self.name.text),
            version: text(&self.version.text),
            supplier: text(&self.supplier.text),
            comment: text(&self.comment),
            group: text(&self.group),
            links: self.links,
            checksum_control: self.checksum_control,
            reason: if self.checksum_control { None } else { text(&self.reason) },
            ..RegisterRequest::new(self.sources.clone())
        }
    }

    /// `Inkscape 1.4`, for the row of the work.
    pub fn title(&self) -> String {
        format!("{} {}", self.name.text.trim(), self.version.text.trim())
    }

    /// Why *Create* cannot be pressed.
    fn refusal(&self, view: &View) -> Option<String> {
        if self.sources.is_empty() {
            return Some("Choose files or a folder first".to_owned());
        }
        if self.is_looking {
            return Some("The files are being counted".to_owned());
        }
        match &self.preview {
            None => return Some("The files have not been looked at yet".to_owned()),
            Some(Err(_)) => return Some("The source cannot be taken as it is".to_owned()),
            Some(Ok(found)) if !found.refused.is_empty() || !found.unreadable.is_empty() => {
                return Some("Some entries cannot be taken; see the list".to_owned());
            }
            Some(Ok(_)) => {}
        }
        let key = match PackageKey::new(self.name.text.trim(), self.version.text.trim()) {
            Ok(key) => key,
            Err(problem) => return Some(sentence(&problem.to_string())),
        };
        let folded = key.folded();
        if view.packages.iter().any(|package| package.key.folded() == folded) {
            return Some(format!("{} is already in the library", key.title()));
        }
        if !self.checksum_control && self.reason.trim().chars().count() < 3 {
            return Some("Say why the check is off".to_owned());
        }
        None
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &View, actions: &mut Vec<Action>) {
        let refused = self.refusal(view);
        let path_is_typed = !self.typed_path.trim().is_empty();
        let bar = Frame::new().fill(Tokens::of(ui).panel).inner_margin(Margin::symmetric(24, 10));
        Panel::bottom("new package buttons").frame(bar).show(ui, |ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let create = primary_button_unless(ui, "Create", None, refused.as_deref());
                if create.clicked() {
                    actions.push(Action::Create);
                }
                if button(ui, "Cancel").clicked() {
                    actions.push(Action::LeaveNewPackage);
                }
                if let Some(reason) = &refused {
                    ui.label(RichText::new(reason).color(Tokens::of(ui).secondary));
                }
            });
        });
        CentralPanel::no_frame().show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                Frame::new().inner_margin(Margin::symmetric(24, 18)).show(ui, |ui| {
                    ui.set_max_width(720.0);
                    ui.spacing_mut().item_spacing.y = 8.0;
                    ui.heading("New package");
                    self.source_ui(ui, actions);
                    self.found_ui(ui, actions);
                    ui.add_space(6.0);
                    self.fields_ui(ui, view);
                });
            });
        });
        // Enter presses the default button, unless it belongs to what is focused: a list of lines, a button, a path.
        let entered = ui.input(|input| input.key_pressed(egui::Key::Enter));
        let is_free = ui.memory(|memory| memory.focused().is_none());
        if entered && is_free && !path_is_typed && refused.is_none() {
            actions.push(Action::Create);
        }
    }

    fn source_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let tokens = Tokens::of(ui);
        if self.sources.is_empty() {
            ui.label(
                RichText::new(
                    "Drop files or folders anywhere in the window, paste their paths, or choose them.",
                )
                .color(tokens.secondary),
            );
        }
        let mut gone = None;
        for (index, source) in self.sources.iter().enumerate().take(8) {
            ui.horizontal(|ui| {
                let path = source.display().to_string();
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let label = format!("Leave out {path}");
                    let response = button(ui, "Leave out");
                    response
                        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, label.as_str()));
                    if response.clicked() {
                        gone = Some(index);
                    }
                    ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                        ui.add(
                            egui::Label::new(RichText::new(&path).monospace()).truncate().selectable(true),
                        );
                    });
                });
            });
        }
        if self.sources.len() > 8 {
            ui.label(format!("and {} more", self.sources.len() - 8));
        }
        if let Some(index) = gone {
            self.sources.remove(index);
            self.preview = None;
            if !self.sources.is_empty() {
                actions.push(Action::Preview);
            }
        }
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 300.0).max(120.0);
            let typed = ui
                .name_inputs("Path", |ui| {
                    let field = TextEdit::singleline(&mut self.typed_path)
                        .hint_text("Path of a folder or file")
                        .desired_width(width)
                        .min_size(egui::vec2(0.0, CONTROL_HEIGHT))
                        .align(egui::Align2::LEFT_CENTER);
                    ui.add(field)
                })
                .clone();
            let entered = typed.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            let empty = self.typed_path.trim().is_empty().then_some("Type a path first");
            if (button_unless(ui, "Add", None, empty).clicked() || entered) && empty.is_none() {
                let paths = super::super::paste::paths(&self.typed_path);
                self.typed_path.clear();
                if self.add(paths) {
                    actions.push(Action::Preview);
                }
            }
            if button(ui, "Folder…").clicked() {
                actions.push(Action::Browse(Browse::SourceFolder));
            }
            if button(ui, "Files…").clicked() {
                actions.push(Action::Browse(Browse::SourceFiles));
            }
        });
    }

    fn found_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let tokens = Tokens::of(ui);
        if self.is_looking {
            ui.label(RichText::new("Counting the files…").color(tokens.secondary));
            return;
        }
        let mut links_changed = false;
        match &self.preview {
            None => {}
            Some(Err(failure)) => {
                alert(ui, &sentence(&failure.message), &super::super::advice::advice(failure));
                problem_list_ui(ui, "Refused entries", &failure.details);
                links_changed = failure.code == "source-refused" && links_ui(ui, &mut self.links);
                ui.label(RichText::new(format!("Code: {}", failure.code)).color(tokens.secondary));
            }
            Some(Ok(found)) => {
                let files = if found.files == 1 { "file" } else { "files" };
                let mut line = format!(
                    "{} {files} · {}",
                    format::thousands(found.files),
                    format::exact_size(found.size_bytes)
                );
                if found.size_bytes >= 1024 {
                    line.push_str(&format!(" ({})", format::size(found.size_bytes)));
                }
                ui.label(line);
                let kind = match found.kind {
                    SourceKind::Plain => None,
                    SourceKind::Bag => {
                        Some("A BagIt bag: it is proven first, then its data folder becomes the package.")
                    }
                    SourceKind::Package => {
                        Some("A package folder with registration information: it is taken over.")
                    }
                };
                if let Some(kind) = kind {
                    ui.label(RichText::new(kind).color(tokens.secondary));
                }
                if let Some(exists) = &found.exists {
                    ui.horizontal(|ui| {
                        ui.label(format!("{} is already in the library.", exists.title()));
                        if link(ui, "Show it").clicked() {
                            actions.push(Action::OpenNamed(exists.clone()));
                        }
                    });
                }
                keys_ui(ui, "In the library already:", &found.same_product, actions);
                keys_ui(ui, "The same files are already in", &found.same_files, actions);
                let lines = |list: &[(String, String)]| -> Vec<String> {
                    list.iter().map(|(path, why)| format!("{path}: {why}")).collect()
                };
                if !found.refused.is_empty() {
                    let count = found.refused.len();
                    let what = if count == 1 { "entry" } else { "entries" };
                    alert(
                        ui,
                        &format!("{count} {what} cannot be taken"),
                        "Rename or leave out what is listed.",
                    );
                    problem_list_ui(ui, "Refused entries", &lines(&found.refused));
                }
                if !found.unreadable.is_empty() {
                    alert(ui, &format!("{} cannot be read", found.unreadable.len()), "Check your rights.");
                    problem_list_ui(ui, "Unreadable entries", &lines(&found.unreadable));
                }
                let has_links = found.skipped_links > 0
                    || self.links != Links::Refuse
                    || found.refused.iter().any(|(_, why)| why.contains("link"));
                if has_links {
                    links_changed = links_ui(ui, &mut self.links);
                }
                if !found.warnings.is_empty() {
                    let text =
                        format!("{} names may not arrive everywhere as they are", found.warnings.len());
                    ui.label(RichText::new(text).color(tokens.busy));
                    problem_list_ui(ui, "Warnings", &lines(&found.warnings));
                }
                let mut left_out = Vec::new();
                if found.empty_folders > 0 {
                    left_out.push(format!("{} empty folders", format::thousands(found.empty_folders)));
                }
                if found.skipped_links > 0 {
                    left_out.push(format!("{} symbolic links", format::thousands(found.skipped_links)));
                }
                if !left_out.is_empty() {
                    let text = format!("Left out: {}", left_out.join(", "));
                    ui.label(RichText::new(text).color(tokens.secondary));
                }
            }
        }
        if links_changed {
            actions.push(Action::Preview);
        }
    }

    fn fields_ui(&mut self, ui: &mut Ui, view: &View) {
        let name = proposal_row(ui, "Name", &mut self.name);
        if self.focus {
            name.request_focus();
            self.focus = false;
        }
        proposal_row(ui, "Version", &mut self.version);
        field_row(ui, "Group", |ui| {
            let room = if view.groups.is_empty() { 0.0 } else { 75.0 };
            ui.add(
                TextEdit::singleline(&mut self.group)
                    .desired_width(ui.available_width() - room)
                    .align(egui::Align2::LEFT_CENTER),
            );
            if !view.groups.is_empty() {
                ui.menu_button("Choose", |ui| {
                    for group in view.groups.iter() {
                        if ui.button(group.as_str()).clicked() {
                            self.group.clone_from(group);
                            ui.close();
                        }
                    }
                });
            }
        });
        proposal_row(ui, "Supplier", &mut self.supplier);
        field_row(ui, "Comment", |ui| {
            ui.add(TextEdit::multiline(&mut self.comment).desired_rows(3).desired_width(f32::INFINITY))
        });
        ui.add_space(4.0);
        ui.checkbox(&mut self.checksum_control, "Checksum control of package consistency");
        if !self.checksum_control {
            text_row(ui, "Reason (required)", &mut self.reason);
        }
    }
}

/// A field, and under it where its value comes from.
fn proposal_row(ui: &mut Ui, label: &str, field: &mut Field) -> egui::Response {
    let response = text_row(ui, label, &mut field.text);
    if response.changed() {
        field.is_typed = true;
        field.from = "";
    }
    if !field.from.is_empty() && !field.text.is_empty() {
        let gap = ui.spacing().item_spacing;
        ui.add_space(2.0 - gap.y);
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = 0.0;
            ui.add_space(super::super::widgets::field_row::LABEL_WIDTH + gap.x);
            let text = RichText::new(format!("from {}", field.from)).small();
            ui.label(text.color(Tokens::of(ui).secondary));
        });
    }
    response
}

fn keys_ui(ui: &mut Ui, words: &str, keys: &[PackageKey], actions: &mut Vec<Action>) {
    if keys.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.label(words);
        for key in keys.iter().take(6) {
            if link(ui, &key.title()).clicked() {
                actions.push(Action::OpenNamed(key.clone()));
            }
        }
        if keys.len() > 6 {
            ui.label(format!("and {} more", keys.len() - 6));
        }
    });
}

fn links_ui(ui: &mut Ui, links: &mut Links) -> bool {
    let mut changed = false;
    ui.horizontal(|ui| {
        ui.label("Symbolic links:");
        let choices =
            [(Links::Refuse, "Refuse"), (Links::Copy, "Copy what they point to"), (Links::Skip, "Leave out")];
        for (choice, word) in choices {
            if chip(ui, word, *links == choice).clicked() && *links != choice {
                *links = choice;
                changed = true;
            }
        }
    });
    changed
}
