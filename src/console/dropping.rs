//! Files that are dropped, pasted or named at the start: where they go, and what the window says meanwhile.
//!
//! Decides by what is in front only; reading and taking the files is work for the library.

use std::path::PathBuf;

use egui::{Align2, Ui};

use super::action::{Action, Browse};
use super::app::App;
use super::dialogs::Delivery;
use super::dialogs::add::AddFiles;
use super::property::{Tab, WindowId};
use super::requests::is_metalink;
use super::tasks::Show;
use super::tokens::Tokens;
use crate::failure::{Class, Failure};
use crate::package::PackageState;
use crate::package::record::PackageId;
use crate::package::state::Field;
use crate::session;

impl App {
    /// Takes what was dropped onto the window or pasted into it.
    pub(super) fn take_in(&mut self, ui: &Ui) {
        let (dropped, pasted) = ui.input(|input| {
            let dropped: Vec<PathBuf> =
                input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect();
            let pasted = input.events.iter().find_map(|event| match event {
                egui::Event::Paste(text) => Some(text.clone()),
                _ => None,
            });
            (dropped, pasted)
        });
        if !self.dialogs.is_empty() {
            return;
        }
        self.take_paths(dropped);
        if let Some(text) = pasted
            && !ui.ctx().text_edit_focused()
            && !self.take_address(&text)
        {
            self.take_paths(super::paste::paths(&text));
        }
    }

    /// Dropped, pasted, or named at the start: archives are restored, a metalink is downloaded, anything else becomes a
    /// package.
    pub(super) fn take_paths(&mut self, paths: Vec<PathBuf>) {
        if paths.is_empty() || self.add_to_contents(&paths) {
            return;
        }
        if self.take_metalink(&paths) {
            return;
        }
        let is_archive = |path: &PathBuf| path.to_string_lossy().to_lowercase().ends_with(".tar.zst");
        if let [one] = paths.as_slice()
            && is_archive(one)
        {
            let file = one.display().to_string();
            self.put_in_front(Box::new(super::dialogs::archive::Restore::file(file)));
            return;
        }
        let mut items: Vec<PathBuf> = Vec::new();
        for path in paths {
            if !items.contains(&path) {
                items.push(path);
            }
        }
        // A page that has something takes what comes as more of it; without a library nothing can be asked.
        let has_sources = self.new_package.as_ref().is_some_and(|page| !page.sources.is_empty());
        if items.len() > 1 && !has_sources && self.session().is_some() {
            self.put_in_front(Box::new(super::dialogs::items::Several::new(items)));
            return;
        }
        self.perform(Action::NewPackage(items));
    }

    /// Asks where files are to be added in a package; `paths` may be empty.
    pub(super) fn ask_add(&mut self, id: PackageId, browse: Browse, paths: Vec<PathBuf>) {
        let Some(package) = self.summary(id) else { return };
        if !package.state.may_edit(Field::Contents) {
            let message = format!("{} is {}", package.key.title(), package.state.word().to_lowercase());
            let action = match package.state {
                PackageState::Archived => "Restore… changes that",
                _ => "New version… or Unseal… changes that",
            };
            let failure = Failure::new("wrong-state", Class::Refused, message, action)
                .because("only the files of an open package can be changed");
            self.tell(failure);
            return;
        }
        let contents = self.window(id).and_then(|window| window.contents());
        self.put_in_front(Box::new(AddFiles::new(package, contents, browse, paths)));
    }

    /// Counts files for the dialog in front.
    pub(super) fn count(&mut self, sources: Vec<PathBuf>) {
        let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
        let request = session::Preview { sources: sources.clone(), links: session::Links::default() };
        self.ask("", Show::Nothing, request, move |app, result| {
            app.deliver(number, &Delivery::Counted(&sources, &result));
        });
    }

    /// Hands files to the package whose contents are in front, if a window shows some; whether it did.
    fn add_to_contents(&mut self, paths: &[PathBuf]) -> bool {
        let Some(id) = self.contents_in_front() else { return false };
        if !paths.is_empty() {
            self.ask_add(id, Browse::AddFiles(id), paths.to_vec());
        }
        true
    }

    /// The package whose tab *Contents* has the keyboard.
    fn contents_in_front(&self) -> Option<PackageId> {
        let Some(WindowId::One(active)) = self.active else { return None };
        (self.active_tab()? == Tab::Contents).then_some(active)
    }

    pub(super) fn hovering_ui(&self, ui: &Ui) {
        if ui.input(|input| input.raw.hovered_files.is_empty()) || !self.dialogs.is_empty() {
            return;
        }
        let tokens = Tokens::of(ui);
        let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop"));
        let painter = ui.ctx().layer_painter(layer);
        let area = ui.ctx().content_rect();
        painter.rect_filled(area, 0.0, tokens.ground.gamma_multiply(0.9));
        painter.rect_stroke(
            area.shrink(6.0),
            6.0,
            egui::Stroke::new(2.0, tokens.accent),
            egui::StrokeKind::Inside,
        );
        let font = egui::TextStyle::Heading.resolve(ui.style());
        painter.text(area.center(), Align2::CENTER_CENTER, self.drop_text(), font, tokens.text);
    }

    /// Whether what is held over the window is one list of files and hashes.
    fn holds_metalink(&self) -> bool {
        self.ctx.input(|input| match input.raw.hovered_files.as_slice() {
            [one] => one.path.as_ref().is_some_and(|path| is_metalink(&path.to_string_lossy())),
            _ => false,
        })
    }

    /// What the window says while files are held over it.
    fn drop_text(&self) -> String {
        match self.contents_in_front().and_then(|id| self.summary(id)) {
            Some(package) if package.state.may_edit(Field::Contents) => {
                format!("Drop to add to {}", package.key.title())
            }
            Some(package) if package.state == PackageState::Archived => {
                "The package is archived. Restore… changes that".to_owned()
            }
            Some(_) => "The package is sealed. New version… or Unseal… changes that".to_owned(),
            None if self.holds_metalink() => "Drop to download".to_owned(),
            None => "Drop to register as a package".to_owned(),
        }
    }
}
