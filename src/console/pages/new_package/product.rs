//! What the library has of the same name: whether the source is a new version of it, and how the two differ.

use egui::{ComboBox, Ui};

use super::super::super::dialogs::quiet;
use super::super::super::format;
use super::super::super::widgets::field_row::field_row;
use crate::failure::Failure;
use crate::package::PackageKey;
use crate::package::record::PackageId;
use crate::session::{SameProductPackage, SourceComparison};

/// Packages of the name in the field, and what was decided about them.
#[derive(Default)]
pub(super) struct Product {
    /// What was asked for last: the name, and the state of the library.
    asked: Option<(String, u64)>,
    /// The answer, the one registered last first.
    found: Vec<SameProductPackage>,
    /// Whether the answer is still to come.
    is_asking: bool,
    /// Whether somebody wants a package of its own.
    is_separate: bool,
    /// The one that was chosen; the newest if none was.
    chosen: Option<PackageId>,
    /// How the source compares with one of them; no result while it is being compared.
    compared: Option<(PackageId, Option<Result<SourceComparison, Failure>>)>,
}

impl Product {
    /// Whether the library is to be asked for this name; remembers that it is.
    pub(super) fn wants(&mut self, name: &str, epoch: u64) -> bool {
        let is_old = self.asked.as_ref().is_none_or(|(asked, at)| asked != name || *at != epoch);
        if is_old {
            self.ask(name, epoch);
        }
        is_old
    }

    /// Remembers what is being asked for.
    pub(super) fn ask(&mut self, name: &str, epoch: u64) {
        self.asked = Some((name.to_owned(), epoch));
        self.is_asking = true;
    }

    /// Takes over the answer for this name; whether it was the one waited for.
    pub(super) fn set_found(&mut self, name: &str, found: Vec<SameProductPackage>) -> bool {
        if self.asked.as_ref().is_some_and(|(asked, _)| asked != name) {
            return false;
        }
        self.is_asking = false;
        self.found = found;
        if self.based_on().is_none() {
            self.compared = None;
        }
        true
    }

    /// Whether the answer is still to come.
    pub(super) fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// The package of this name and version.
    pub(super) fn existing(&self, key: &PackageKey) -> Option<&SameProductPackage> {
        let folded = key.folded();
        self.found.iter().find(|package| package.key.folded() == folded)
    }

    /// The package that the source is to be a new version of.
    pub(super) fn based_on(&self) -> Option<&SameProductPackage> {
        if self.is_separate {
            return None;
        }
        let chosen = self.chosen.and_then(|id| self.found.iter().find(|package| package.id == id));
        chosen.or_else(|| self.found.first())
    }

    /// Decides for a new version of this package.
    pub(super) fn choose(&mut self, package: PackageId) {
        self.is_separate = false;
        self.chosen = Some(package);
    }

    /// The package to compare with, if nobody has done so; remembers that somebody does.
    pub(super) fn wants_comparison(&mut self) -> Option<PackageId> {
        let based_on = self.based_on()?.id;
        if self.compared.as_ref().is_some_and(|(id, _)| *id == based_on) {
            return None;
        }
        self.compared = Some((based_on, None));
        Some(based_on)
    }

    /// Forgets the comparison: the source is another one.
    pub(super) fn forget_comparison(&mut self) {
        self.compared = None;
    }

    /// Takes over how the source compares with this package.
    pub(super) fn set_comparison(
        &mut self,
        based_on: PackageId,
        result: Result<SourceComparison, Failure>,
    ) -> bool {
        let is_awaited = matches!(&self.compared, Some((id, None)) if *id == based_on);
        if is_awaited {
            self.compared = Some((based_on, Some(result)));
        }
        is_awaited
    }

    /// Whether the files are being compared.
    pub(super) fn is_comparing(&self) -> bool {
        let based_on = self.based_on().map(|package| package.id);
        matches!(&self.compared, Some((id, None)) if Some(*id) == based_on)
    }

    /// How the source compares with the package it is a new version of.
    pub(super) fn comparison(&self) -> Option<&SourceComparison> {
        let based_on = self.based_on()?.id;
        match &self.compared {
            Some((id, Some(Ok(comparison)))) if *id == based_on => Some(comparison),
            _ => None,
        }
    }

    /// Shows the choice; whether it was changed.
    pub(super) fn ui(&mut self, ui: &mut Ui) -> bool {
        let Some(first) = self.found.first() else { return false };
        let before = (self.is_separate, self.based_on().map(|package| package.id));
        let shown = self.based_on().unwrap_or(first).key.title();
        ui.horizontal_wrapped(|ui| {
            ui.add(egui::Label::new(format!("{shown} is in the library.")).wrap());
            ui.radio_value(&mut self.is_separate, false, "New version of it");
            ui.radio_value(&mut self.is_separate, true, "Separate package");
        });
        if self.found.len() > 1 && !self.is_separate {
            field_row(ui, "Based on", |ui| {
                let now = self.based_on().map(|package| package.id);
                ComboBox::from_id_salt("based on")
                    .width(ui.available_width())
                    .truncate()
                    .selected_text(shown)
                    .show_ui(ui, |ui| {
                        for package in &self.found {
                            let is_it = Some(package.id) == now;
                            if ui.selectable_label(is_it, package.key.title()).clicked() {
                                self.chosen = Some(package.id);
                            }
                        }
                    });
            });
        }
        if self.is_comparing() {
            quiet(ui, "Comparing the files…");
        } else if let Some(comparison) = self.comparison() {
            quiet(ui, &comparison_text(comparison));
        } else if let Some((_, Some(Err(failure)))) = &self.compared
            && !self.is_separate
        {
            quiet(ui, &format!("The files could not be compared: {failure}"));
        }
        (self.is_separate, self.based_on().map(|package| package.id)) != before
    }
}

/// `3 files same (12 MiB) · 1 changed · 2 new · 1 no longer there`.
pub(in super::super::super) fn comparison_text(comparison: &SourceComparison) -> String {
    let files = if comparison.same == 1 { "file" } else { "files" };
    let mut text = format!("{} {files} same", format::thousands(comparison.same));
    if comparison.same_bytes > 0 {
        text.push_str(&format!(" ({})", format::size(comparison.same_bytes)));
    }
    let counts = [
        (comparison.changed, "changed"),
        (comparison.new, "new"),
        (comparison.gone, "no longer there"),
        (comparison.not_compared, "compared by size only"),
    ];
    for (index, (count, word)) in counts.into_iter().enumerate() {
        if count > 0 || index < 2 {
            text.push_str(&format!(" · {} {word}", format::thousands(count)));
        }
    }
    text
}
