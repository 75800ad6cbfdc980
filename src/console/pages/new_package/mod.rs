//! The New package page: what is to be registered, what was found in it, and as what it is registered.
//!
//! Holds the fields; looking and registering are done by the app on another thread.

mod field;
pub(in super::super) mod procedures;
pub(in super::super) mod product;
mod refused;

use std::path::PathBuf;

use egui::{CentralPanel, Frame, Margin, Panel, RichText, ScrollArea, TextEdit, Ui};

use self::field::{Field, origin_ui, proposal_row};
use self::procedures::Offers;
use self::product::Product;
use self::refused::Refused;
use super::super::action::{Action, Browse};
use super::super::dialogs::{problem_list_ui, sentence, show_scroll_bar};
use super::super::format;
use super::super::theme::CONTROL_HEIGHT;
use super::super::tokens::Tokens;
use super::super::widgets::alert::alert;
use super::super::widgets::button::{button, button_unless, link, primary_button_unless};
use super::super::widgets::chip::chip;
use super::super::widgets::field_row::{field_row, text_row};
use crate::failure::Failure;
use crate::package::PackageKey;
use crate::package::record::PackageId;
use crate::session::{
    Links, Proposal, RegisterRequest, SameProductPackage, SourceComparison, SourceKind, SourcePreview, View,
};

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
    group: Field,
    /// The group whose list was shown when the page was opened.
    first_group: String,
    comment: Field,
    product: Product,
    refused: Refused,
    procedures: Offers,
    checksum_control: bool,
    reason: String,
    links: Links,
    focus: Focus,
    /// Whether *Create* was pressed before it was known what the library has of this name.
    pub is_create_wanted: bool,
}

/// Where the keyboard goes in the next frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Focus {
    Stays,
    Name,
    Version,
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
            group: Field { text: group.clone(), ..Field::default() },
            first_group: group,
            comment: Field::default(),
            product: Product::default(),
            refused: Refused::default(),
            procedures: Offers::default(),
            checksum_control: true,
            reason: String::new(),
            links: Links::default(),
            focus: Focus::Name,
            is_create_wanted: false,
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

    /// The name that was typed, if one was: the library is asked for it rather than for the proposed one.
    pub fn typed_name(&self) -> Option<String> {
        self.name.is_typed.then(|| self.name.trimmed().to_owned())
    }

    /// Remembers that somebody looks at the sources.
    pub fn begin_looking(&mut self) {
        self.is_looking = true;
        self.product.forget_comparison();
    }

    /// Takes over what was found in the source, and what the library of this state has of the same name.
    pub fn set_preview(
        &mut self,
        preview: Result<(SourcePreview, Vec<SameProductPackage>), Failure>,
        epoch: u64,
    ) {
        self.is_looking = false;
        self.preview = Some(preview.map(|(found, products)| {
            self.name.propose(&found.name.value, &origin(&found.name, &found));
            let name = self.name.trimmed().to_owned();
            self.product.ask(&name, epoch);
            self.product.set_found(&name, products);
            self.refused.update(&found);
            found
        }));
        self.propose();
    }

    /// Takes over which packages have this name.
    pub fn set_same_product(&mut self, name: &str, found: Vec<SameProductPackage>) {
        if self.product.set_found(name, found) {
            self.propose();
        }
    }

    /// Takes over how the source compares with this package.
    pub fn set_comparison(&mut self, with: PackageId, result: Result<SourceComparison, Failure>) {
        if self.product.set_comparison(with, result) {
            self.propose();
        }
    }

    /// Makes it a new version of this package, and asks for the version.
    pub fn choose_new_version(&mut self, package: PackageId) {
        self.product.choose(package);
        self.propose();
        self.focus = Focus::Version;
    }

    /// The package it is a new version of; a package that brings its own registration is none.
    fn based_on(&self) -> Option<&SameProductPackage> {
        match &self.preview {
            Some(Ok(found)) if found.kind == SourceKind::Package => None,
            _ => self.product.based_on(),
        }
    }

    /// Fills in every field that nobody wrote into, and finds the procedures.
    fn propose(&mut self) {
        let Some(Ok(found)) = &self.preview else { return };
        let based_on = if found.kind == SourceKind::Package { None } else { self.product.based_on() };
        let origin = |proposal: &Proposal| origin(proposal, found);
        self.name.propose(&found.name.value, &origin(&found.name));
        self.version.propose(&found.version.value, &origin(&found.version));
        let title = based_on.map(|package| package.key.title()).unwrap_or_default();
        // Written as the version before, where only the case is another one.
        if let Some(based_on) = based_on
            && self.name.text != based_on.key.name()
        {
            self.name.propose(based_on.key.name(), &title);
        }
        let take = |field: &mut Field, was: Option<&str>, otherwise: &str, from: &str| match was {
            Some(was) if !was.is_empty() => field.propose(was, &title),
            _ => field.propose(otherwise, from),
        };
        let was = based_on.map(|package| package.supplier.as_str());
        take(&mut self.supplier, was, &found.supplier.value, &origin(&found.supplier));
        take(&mut self.group, based_on.map(|package| package.group.as_str()), &self.first_group, "");
        take(&mut self.comment, based_on.map(|package| package.comment.as_str()), "", "");
        self.procedures.update(found, based_on, self.product.comparison());
    }

    /// What is to be registered.
    pub fn request(&self) -> RegisterRequest {
        let text = |field: &Field| Some(field.trimmed().to_owned());
        RegisterRequest {
            name: text(&self.name),
            version: text(&self.version),
            supplier: text(&self.supplier),
            comment: text(&self.comment),
            group: text(&self.group),
            links: self.links,
            leave_out: self.refused.left_out(),
            rename: self.refused.renamed(),
            checksum_control: self.checksum_control,
            reason: if self.checksum_control { None } else { Some(self.reason.trim().to_owned()) },
            procedures: Some(self.procedures.taken()),
            based_on: self.new_version_of(),
            ..RegisterRequest::new(self.sources.clone())
        }
    }

    /// Whether it is not known yet what the library has of this name.
    pub fn is_asking(&self) -> bool {
        self.product.is_asking()
    }

    /// The package it is a new version of, if it is one.
    pub fn new_version_of(&self) -> Option<PackageId> {
        self.based_on().map(|package| package.id)
    }

    /// The package of the same name and version.
    pub fn existing(&self) -> Option<&SameProductPackage> {
        let key = PackageKey::new(self.name.trimmed(), self.version.trimmed()).ok()?;
        self.product.existing(&key)
    }

    /// `Inkscape 1.4`, for the row of the work.
    pub fn title(&self) -> String {
        format!("{} {}", self.name.trimmed(), self.version.trimmed())
    }

    /// Why *Create* cannot be pressed.
    fn refusal(&self) -> Option<String> {
        if self.sources.is_empty() {
            return Some("Choose files or a folder first".to_owned());
        }
        if self.is_looking {
            return Some("The files are being counted".to_owned());
        }
        match &self.preview {
            None => return Some("The files have not been looked at yet".to_owned()),
            Some(Err(_)) => return Some("The source cannot be taken as it is".to_owned()),
            Some(Ok(found)) if !found.unreadable.is_empty() => {
                return Some("Some entries cannot be taken; see the list".to_owned());
            }
            Some(Ok(_)) => {}
        }
        if let Some(problem) = self.refused.problem() {
            return Some(problem);
        }
        if let Err(problem) = PackageKey::new(self.name.trimmed(), self.version.trimmed()) {
            return Some(sentence(&problem.to_string()));
        }
        if self.based_on().is_some() && self.product.is_comparing() {
            return Some("The files are being compared".to_owned());
        }
        if !self.checksum_control && self.reason.trim().chars().count() < 3 {
            return Some("Say why the check is off".to_owned());
        }
        None
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &View, actions: &mut Vec<Action>) {
        if matches!(self.preview, Some(Ok(_))) && !self.is_looking {
            let name = self.name.trimmed().to_owned();
            if self.product.wants(&name, view.epoch) {
                actions.push(Action::AskSameProduct(name));
            }
            if self.based_on().is_some()
                && let Some(package) = self.product.wants_comparison()
            {
                actions.push(Action::CompareSource(package));
            }
        }
        let refused = self.refusal();
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
            show_scroll_bar(ui);
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                Frame::new().inner_margin(Margin::symmetric(24, 18)).show(ui, |ui| {
                    ui.set_max_width(720.0);
                    ui.spacing_mut().item_spacing.y = 8.0;
                    ui.heading("New package");
                    self.source_ui(ui, actions);
                    self.found_ui(ui, actions);
                    self.product_ui(ui);
                    ui.add_space(6.0);
                    self.fields_ui(ui, view);
                    if matches!(self.preview, Some(Ok(_))) {
                        self.procedures.ui(ui);
                    }
                    self.more_fields_ui(ui);
                    ui.add_space(12.0);
                });
            });
        });
        // Enter presses the default button, unless it belongs to what is focused: a list of lines, a button, a path.
        let entered = ui.input(|input| input.key_pressed(egui::Key::Enter));
        // Nor does it get through a dialog in front of the page.
        let is_free = ui.memory(|memory| memory.focused().is_none() && memory.top_modal_layer().is_none());
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
                if let Some(exists) = self.existing() {
                    let key = exists.key.clone();
                    ui.horizontal_wrapped(|ui| {
                        ui.label(format!("{} is already in the library.", key.title()));
                        if link(ui, "Show it").clicked() {
                            actions.push(Action::OpenNamed(key));
                        }
                    });
                }
                keys_ui(ui, "The same files are already in", &found.same_files, actions);
                let lines = |list: &[(String, String)]| -> Vec<String> {
                    list.iter().map(|(path, why)| format!("{path}: {why}")).collect()
                };
                if self.refused.ui(ui) {
                    actions.push(Action::Preview);
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

    fn product_ui(&mut self, ui: &mut Ui) {
        let offers = matches!(&self.preview, Some(Ok(found)) if found.kind != SourceKind::Package);
        if offers && !self.is_looking && self.product.ui(ui) {
            self.propose();
        }
    }

    fn fields_ui(&mut self, ui: &mut Ui, view: &View) {
        let name = proposal_row(ui, "Name", &mut self.name);
        let version = proposal_row(ui, "Version", &mut self.version);
        match std::mem::replace(&mut self.focus, Focus::Stays) {
            Focus::Stays => {}
            Focus::Name => name.request_focus(),
            Focus::Version => version.request_focus(),
        }
        field_row(ui, "Group", |ui| {
            let room = if view.groups.is_empty() { 0.0 } else { 75.0 };
            let field = TextEdit::singleline(&mut self.group.text)
                .desired_width(ui.available_width() - room)
                .align(egui::Align2::LEFT_CENTER);
            if ui.add(field).changed() {
                self.group.typed();
            }
            if !view.groups.is_empty() {
                ui.menu_button("Choose", |ui| {
                    for group in view.groups.iter() {
                        if ui.button(group.as_str()).clicked() {
                            self.group.text.clone_from(group);
                            self.group.typed();
                            ui.close();
                        }
                    }
                });
            }
        });
        origin_ui(ui, &self.group);
        proposal_row(ui, "Supplier", &mut self.supplier);
    }

    /// What most packages leave as it is.
    fn more_fields_ui(&mut self, ui: &mut Ui) {
        field_row(ui, "Comment", |ui| {
            let field =
                TextEdit::multiline(&mut self.comment.text).desired_rows(3).desired_width(f32::INFINITY);
            if ui.add(field).changed() {
                self.comment.typed();
            }
        });
        origin_ui(ui, &self.comment);
        ui.add_space(4.0);
        ui.checkbox(&mut self.checksum_control, "Checksum control of package consistency");
        if !self.checksum_control {
            text_row(ui, "Reason (required)", &mut self.reason);
        }
    }
}

/// Where a proposed value comes from; with the name of the installer, if it was one that said it.
fn origin(proposal: &Proposal, found: &SourcePreview) -> String {
    let is_told = !["", "the folder name", "the file name", "the registration info"].contains(&proposal.from);
    match found.installer.rsplit('/').next() {
        Some(installer) if is_told && !installer.is_empty() => format!("{} of {installer}", proposal.from),
        _ => proposal.from.to_owned(),
    }
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
