//! The procedures a new package begins with: those of the version before and those its installer asks for, each with a
//! tick.

use std::collections::HashMap;

use egui::{RichText, Ui};

use super::super::super::dialogs::quiet;
use super::super::super::tokens::Tokens;
use crate::package::procedure::{Origin, Procedure};
use crate::package::record::ListedProcedure;
use crate::session::{SameProductPackage, SourceComparison, SourcePreview};

/// A procedure that can be taken.
struct Offer {
    listed: ListedProcedure,
    /// Whether the version before has it; else the installer proposes it.
    is_taken_over: bool,
    /// The file it names that is not in the source.
    missing: Option<String>,
    ticked: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Offers {
    offers: Vec<Offer>,
    /// Ticks somebody set: whether taken over, and the name.
    decided: HashMap<(bool, String), bool>,
    /// The version before.
    based_on: String,
    /// The installer that was asked.
    installer: String,
}

/// The procedures of a new version that nobody is asked about: those of the version before; where one names a file that
/// is no longer there, what the new installer proposes for its task.
pub(in super::super::super) fn of_new_version(
    based_on: &SameProductPackage,
    comparison: &SourceComparison,
    proposed: Vec<ListedProcedure>,
) -> Vec<ListedProcedure> {
    let mut offers = Offers::default();
    let preview = SourcePreview { procedures: proposed, ..SourcePreview::default() };
    offers.update(&preview, Some(based_on), Some(comparison));
    offers.taken()
}

impl Offers {
    /// Finds out anew what is offered. Ticks that somebody set stay.
    pub(super) fn update(
        &mut self,
        preview: &SourcePreview,
        based_on: Option<&SameProductPackage>,
        comparison: Option<&SourceComparison>,
    ) {
        let mut offers: Vec<Offer> = Vec::new();
        for listed in based_on.map(|package| package.procedures.as_slice()).unwrap_or_default() {
            let name = &listed.procedure.name;
            let taken = comparison.and_then(|found| found.procedures.iter().find(|one| one.name == *name));
            let missing = taken.and_then(|taken| taken.missing.clone());
            offers.push(Offer { listed: listed.clone(), is_taken_over: true, missing, ticked: true });
        }
        for listed in &preview.procedures {
            let is_there =
                |offer: &Offer| command_of(&offer.listed.procedure) == command_of(&listed.procedure);
            if !offers.iter().any(is_there) {
                offers.push(Offer {
                    listed: listed.clone(),
                    is_taken_over: false,
                    missing: None,
                    ticked: true,
                });
            }
        }
        // What cannot work any more gives way to what the new installer asks for; otherwise what was there stays.
        let proposed: Vec<_> =
            offers.iter().filter(|one| !one.is_taken_over).map(|one| one.listed.procedure.task).collect();
        for offer in offers.iter_mut().filter(|offer| offer.is_taken_over) {
            offer.ticked = offer.missing.is_none() || !proposed.contains(&offer.listed.procedure.task);
        }
        let kept: Vec<_> = offers
            .iter()
            .filter(|one| one.is_taken_over && one.ticked)
            .map(|one| one.listed.procedure.task)
            .collect();
        for offer in offers.iter_mut().filter(|offer| !offer.is_taken_over) {
            offer.ticked = !kept.contains(&offer.listed.procedure.task);
        }
        for offer in &mut offers {
            if let Some(ticked) =
                self.decided.get(&(offer.is_taken_over, offer.listed.procedure.name.clone()))
            {
                offer.ticked = *ticked;
            }
        }
        self.offers = offers;
        self.based_on = based_on.map(|package| package.key.title()).unwrap_or_default();
        self.installer.clone_from(&preview.installer);
    }

    /// What is taken: at most one default for each task.
    pub(super) fn taken(&self) -> Vec<ListedProcedure> {
        let mut defaults = Vec::new();
        let ticked = self.offers.iter().filter(|offer| offer.ticked);
        ticked
            .map(|offer| {
                let mut listed = offer.listed.clone();
                listed.procedure.origin = Origin::Embedded;
                if listed.choice.default_for_task {
                    listed.choice.default_for_task = !defaults.contains(&listed.procedure.task);
                    defaults.push(listed.procedure.task);
                }
                listed
            })
            .collect()
    }

    /// Shows them; nothing if there are none.
    pub(super) fn ui(&mut self, ui: &mut Ui) {
        if self.offers.is_empty() {
            return;
        }
        ui.add_space(4.0);
        ui.label(RichText::new("Procedures").strong());
        let mut changed = None;
        for is_taken_over in [true, false] {
            if !self.offers.iter().any(|offer| offer.is_taken_over == is_taken_over) {
                continue;
            }
            let from = if is_taken_over {
                format!("Taken over from {}:", self.based_on)
            } else {
                format!("Proposed for {}:", self.installer)
            };
            quiet(ui, &from);
            for (index, offer) in self.offers.iter_mut().enumerate() {
                if offer.is_taken_over != is_taken_over {
                    continue;
                }
                if ui.checkbox(&mut offer.ticked, line_of(&offer.listed.procedure)).changed() {
                    changed = Some(index);
                }
                if let Some(missing) = &offer.missing {
                    let text = format!("{missing} is not in these files");
                    ui.horizontal(|ui| {
                        ui.add_space(24.0);
                        ui.add(egui::Label::new(RichText::new(text).color(Tokens::of(ui).busy)).wrap());
                    });
                }
            }
        }
        ui.add_space(4.0);
        if let Some(index) = changed {
            self.decide(index);
        }
    }

    /// Keeps a tick that somebody set. Of two procedures of one name only one can be taken.
    fn decide(&mut self, index: usize) {
        let chosen = &self.offers[index];
        let (name, ticked) = (chosen.listed.procedure.name.to_lowercase(), chosen.ticked);
        for (at, offer) in self.offers.iter_mut().enumerate() {
            if ticked && at != index && offer.listed.procedure.name.to_lowercase() == name {
                offer.ticked = false;
            }
            if at == index || ticked && offer.listed.procedure.name.to_lowercase() == name {
                let key = (offer.is_taken_over, offer.listed.procedure.name.clone());
                self.decided.insert(key, offer.ticked);
            }
        }
    }
}

/// What is run.
fn command_of(procedure: &Procedure) -> String {
    let mut text = procedure.program().text().to_owned();
    for argument in &procedure.arguments {
        text.push(' ');
        if argument.is_empty() || argument.contains(char::is_whitespace) {
            text.push_str(&format!("\"{argument}\""));
        } else {
            text.push_str(argument);
        }
    }
    text
}

/// `Install: msiexec /i setup.msi /qn /norestart`; with its own name, where that is another than its task's.
fn line_of(procedure: &Procedure) -> String {
    let task = procedure.task.word();
    let command = command_of(procedure);
    if procedure.name == task {
        format!("{task}: {command}")
    } else {
        format!("{task}, {}: {command}", procedure.name)
    }
}
