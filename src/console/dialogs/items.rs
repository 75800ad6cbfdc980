//! Several items dropped at once: one package of all, or one package each, with names that can be changed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use egui::{Label, RichText, ScrollArea, TextEdit, Ui, vec2};

use super::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, plain_button, quiet, sentence, show_scroll_bar,
};
use crate::console::action::Action;
use crate::console::format;
use crate::console::theme::CONTROL_HEIGHT;
use crate::console::tokens::{Tokens, Tone};
use crate::failure::Failure;
use crate::package::PackageKey;
use crate::package::record::PackageId;
use crate::session::{RegisterRequest, SourceKind, SourcePreview, View};

/// How many rows are seen before they scroll.
const SHOWN: usize = 8;
/// Widths of the columns, in points.
const ITEM: f32 = 180.0;
const NAME: f32 = 210.0;
const VERSION: f32 = 110.0;

/// Asks what several items become.
pub struct Several {
    items: Vec<Item>,
    is_each: bool,
}

struct Item {
    path: PathBuf,
    /// Its file name.
    shown: String,
    is_taken: bool,
    name: String,
    version: String,
    is_typed: bool,
    /// The package of this name that was registered last, for the name and the state of the library it was asked for.
    before: Option<(PackageId, PackageKey)>,
    before_of: (String, u64),
    /// Whether it becomes a new version of that one, where there is one.
    is_new_version: bool,
    /// Whether somebody counts its files, or has.
    is_asked: bool,
    found: Option<Result<SourcePreview, Failure>>,
}

impl Item {
    fn new(path: PathBuf) -> Self {
        let shown = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self {
            path,
            shown,
            is_taken: true,
            name: String::new(),
            version: String::new(),
            is_typed: false,
            before: None,
            before_of: (String::new(), 0),
            is_new_version: true,
            is_asked: false,
            found: None,
        }
    }

    fn key(&self) -> Result<PackageKey, String> {
        PackageKey::new(self.name.trim(), self.version.trim()).map_err(|problem| problem.to_string())
    }

    fn exists(&self) -> Option<&PackageKey> {
        let Some(Ok(found)) = &self.found else { return None };
        let exists = found.exists.as_ref()?;
        (self.key().ok()?.folded() == exists.folded()).then_some(exists)
    }

    /// Why it cannot be registered as it stands.
    fn problem(&self) -> Option<String> {
        match &self.found {
            None => return Some("the files are being counted".to_owned()),
            Some(Err(failure)) => return Some(failure.message.clone()),
            Some(Ok(found)) if !found.refused.is_empty() || !found.unreadable.is_empty() => {
                return Some("some entries cannot be taken; drop it alone to see them".to_owned());
            }
            Some(Ok(found)) if found.files == 0 => return Some("it holds no file".to_owned()),
            Some(Ok(_)) => {}
        }
        match self.key() {
            Err(problem) => Some(problem),
            Ok(key) => self.exists().map(|_| format!("{} is already in the library", key.title())),
        }
    }

    /// What is said at the end of its row.
    fn text(&self) -> (String, Tone) {
        match (&self.found, self.problem()) {
            (None, _) => ("Counting the files…".to_owned(), Tone::Secondary),
            (Some(_), Some(problem)) => (sentence(&problem), Tone::Bad),
            (Some(found), None) => {
                let (files, bytes) = found.as_ref().map_or((0, 0), |found| (found.files, found.size_bytes));
                let word = if files == 1 { "file" } else { "files" };
                (format!("{} {word}, {}", format::thousands(files), format::size(bytes)), Tone::Secondary)
            }
        }
    }

    /// Finds the package it may be a new version of. The list is gone through only when the name or the library has
    /// changed.
    fn look_for_before(&mut self, view: &View) {
        let asked = (self.name.trim().to_lowercase(), view.epoch);
        if self.before_of != asked {
            let named = view.packages.iter().filter(|package| package.key.name().to_lowercase() == asked.0);
            let newest = named.max_by_key(|package| package.registered);
            self.before = newest.map(|package| (package.id, package.key.clone()));
            self.before_of = asked;
        }
    }

    /// The package it becomes a new version of. One that brings its own registration is none.
    fn based_on(&self) -> Option<&(PackageId, PackageKey)> {
        let is_package = matches!(&self.found, Some(Ok(found)) if found.kind == SourceKind::Package);
        self.before.as_ref().filter(|_| self.is_new_version && !is_package)
    }

    fn request(&self) -> RegisterRequest {
        let found = self.found.as_ref().and_then(|found| found.as_ref().ok());
        if let Some((based_on, _)) = self.based_on() {
            // Supplier, group and comment come from the version before; its procedures are held against these files
            // when it is its turn.
            return RegisterRequest {
                name: Some(self.name.trim().to_owned()),
                version: Some(self.version.trim().to_owned()),
                procedures: found.map(|found| found.procedures.clone()),
                based_on: Some(*based_on),
                ..RegisterRequest::new(vec![self.path.clone()])
            };
        }
        RegisterRequest {
            name: Some(self.name.trim().to_owned()),
            version: Some(self.version.trim().to_owned()),
            supplier: found.map(|found| found.supplier.value.clone()),
            procedures: found.map(|found| found.procedures.clone()),
            ..RegisterRequest::new(vec![self.path.clone()])
        }
    }
}

impl Several {
    /// These items.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { items: paths.into_iter().map(Item::new).collect(), is_each: false }
    }

    fn refusal(&self) -> Option<String> {
        if !self.is_each {
            return None;
        }
        let mut keys = HashSet::new();
        for item in self.items.iter().filter(|item| item.is_taken) {
            if let Some(problem) = item.problem() {
                return Some(format!("{}: {problem}", item.shown));
            }
            if let Ok(key) = item.key()
                && !keys.insert(key.folded())
            {
                return Some(format!("{} is there twice", key.title()));
            }
        }
        keys.is_empty().then(|| "Tick at least one".to_owned())
    }

    fn items_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing = vec2(8.0, 4.0);
        let rows = self.items.len();
        show_scroll_bar(ui);
        ScrollArea::vertical()
            .id_salt("items")
            .max_height(SHOWN as f32 * (CONTROL_HEIGHT + 4.0))
            .auto_shrink([false, true])
            .show_rows(ui, CONTROL_HEIGHT, rows, |ui, range| {
                for item in &mut self.items[range] {
                    ui.allocate_ui(vec2(ui.available_width(), CONTROL_HEIGHT), |ui| {
                        ui.horizontal_centered(|ui| item_ui(ui, item));
                    });
                }
            });
    }
}

fn item_ui(ui: &mut Ui, item: &mut Item) {
    let tokens = Tokens::of(ui);
    let label = format!("Take {}", item.shown);
    let tick = ui.checkbox(&mut item.is_taken, "");
    tick.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, item.is_taken, &label));
    ui.allocate_ui(vec2(ITEM, CONTROL_HEIGHT), |ui| {
        ui.set_min_width(ITEM);
        ui.add(Label::new(RichText::new(&item.shown)).truncate());
    });
    let is_taken = item.is_taken;
    let field = |ui: &mut Ui, what: &str, text: &mut String, width: f32| {
        let name = format!("{what} of {}", item.shown);
        let response = ui
            .name_inputs(name, |ui| {
                let field = TextEdit::singleline(text).desired_width(width);
                ui.add_enabled(is_taken, field.align(egui::Align2::LEFT_CENTER))
            })
            .clone();
        response.changed()
    };
    let name = field(ui, "Name", &mut item.name, NAME - 8.0);
    let version = field(ui, "Version", &mut item.version, VERSION - 8.0);
    item.is_typed |= name || version;
    if item.is_taken {
        let is_free = item.problem().is_none();
        if let Some((_, before)) = item.before.clone().filter(|_| is_free) {
            let label = format!("{} is a new version of {}", item.shown, before.title());
            let tick = ui.checkbox(&mut item.is_new_version, format!("New version of {}", before.version()));
            tick.widget_info(|| {
                egui::WidgetInfo::selected(egui::Role::CheckBox, true, item.is_new_version, &label)
            });
            return;
        }
        let (text, tone) = item.text();
        ui.add(Label::new(RichText::new(text).color(tone.colour(tokens))).truncate());
    }
}

impl Dialog for Several {
    fn title(&self) -> String {
        "Several items dropped".to_owned()
    }

    fn width(&self) -> f32 {
        780.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let count = self.items.len();
        ui.radio_value(&mut self.is_each, false, "One package of all");
        ui.radio_value(&mut self.is_each, true, "One package each");
        if self.is_each {
            // One after the other: a drop may hold hundreds.
            let is_counting = self.items.iter().any(|item| item.is_asked && item.found.is_none());
            if !is_counting && let Some(next) = self.items.iter_mut().find(|item| !item.is_asked) {
                next.is_asked = true;
                actions.push(Action::Count(vec![next.path.clone()]));
            }
            for item in &mut self.items {
                item.look_for_before(env.view);
            }
            ui.scope(|ui| self.items_ui(ui));
            quiet(ui, "Supplier and procedures are taken from the version before, or from the installers.");
        } else {
            let names: Vec<&str> = self.items.iter().take(6).map(|item| item.shown.as_str()).collect();
            let more = if count > 6 { format!(" and {} more", count - 6) } else { String::new() };
            quiet(ui, &format!("{}{more}", names.join(", ")));
        }
        let refused = self.refusal();
        if let Some(refused) = refused.as_ref().filter(|_| self.is_each) {
            quiet(ui, &sentence(refused));
        }
        buttons_ui(ui, |ui| {
            if default_button(ui, "Continue", refused.as_deref(), env.is_new) {
                actions.push(if self.is_each {
                    let taken = self.items.iter().filter(|item| item.is_taken);
                    Action::RegisterEach(taken.map(Item::request).collect())
                } else {
                    Action::NewPackage(self.items.iter().map(|item| item.path.clone()).collect())
                });
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        let Delivery::Counted([path], found) = delivery else { return };
        let path: &Path = path;
        let Some(item) = self.items.iter_mut().find(|item| item.path == path) else { return };
        if let (Ok(found), false) = (found, item.is_typed) {
            item.name.clone_from(&found.name.value);
            item.version.clone_from(&found.version.value);
        }
        item.found = Some((*found).clone());
    }
}
