//! What a repair would do, shown before anything changes: what is fetched and from where, what is renamed, what is set
//! aside, what stays as it is.

use std::path::{Path, PathBuf};

use egui::{RichText, TextEdit, Ui};

use super::place_field::PlaceField;
use super::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, plain_button, problem_list_ui, quiet,
    sentence, text,
};
use crate::console::action::{Action, Browse};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::theme::semibold;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::{button, button_unless};
use crate::console::widgets::field_row::field_row;
use crate::failure::Failure;
use crate::package::PackageId;
use crate::session::{
    AddedChoice, PlaceLook, PreparedRepair, RepairChange, RepairFile, RepairPlan, RepairRequest,
    RestoreSource,
};

/// Says where bytes of other packages of the library come from.
const OWN: &str = "Other packages of the library";

/// Repairs that could begin.
pub struct RepairPackages {
    repairs: Vec<PreparedRepair>,
    /// Packages that cannot be repaired, and why.
    left_out: Vec<String>,
    places: Vec<(PlaceLook, bool)>,
    other: String,
    /// Whether places are being looked at.
    is_looking: bool,
    leave_added: bool,
    switch_on: bool,
}

impl RepairPackages {
    /// Of these packages; `switch_on` if it answers the question of switching checksum control on.
    pub fn new(repairs: Vec<PreparedRepair>, left_out: Vec<String>, switch_on: bool) -> Self {
        let mut dialog = Self {
            repairs: Vec::new(),
            left_out,
            places: Vec::new(),
            other: String::new(),
            is_looking: false,
            leave_added: false,
            switch_on,
        };
        for repair in &repairs {
            dialog.add_places(&repair.places);
        }
        dialog.repairs = repairs;
        dialog
    }

    /// Takes places in; what they have of several packages is added up.
    fn add_places(&mut self, found: &[PlaceLook]) {
        for place in found {
            match self.places.iter_mut().find(|(known, _)| known.address == place.address) {
                Some((known, _)) => {
                    known.has_bytes = known.has_bytes.zip(place.has_bytes).map(|(a, b)| a.saturating_add(b));
                    known.problem = known.problem.take().filter(|_| place.problem.is_some());
                }
                None => {
                    let is_chosen = place.problem.is_none() && place.has_bytes != Some(0);
                    self.places.push((place.clone(), is_chosen));
                }
            }
        }
    }

    fn plans(&self) -> impl Iterator<Item = &RepairPlan> {
        self.repairs.iter().map(|repair| &repair.plan)
    }

    fn fetch_bytes(&self) -> u64 {
        self.plans().map(RepairPlan::fetch_bytes).sum()
    }

    fn summary(&self) -> String {
        let of = |count: fn(&RepairPlan) -> u64| -> u64 { self.plans().map(count).sum() };
        let mut parts = Vec::new();
        let files = of(|plan| plan.fetch.iter().filter(|file| file.blocks > 0).count() as u64);
        if files > 0 {
            let blocks = of(RepairPlan::blocks);
            parts.push(format!(
                "{} in {} of {} to fetch",
                format::size(self.fetch_bytes()),
                format::counted(blocks, "block"),
                format::counted(files, "file")
            ));
        }
        let unfetched = of(|plan| plan.fetch.iter().filter(|file| file.blocks == 0).count() as u64);
        if unfetched > 0 {
            parts.push(format!("{} to make right without fetching", format::counted(unfetched, "file")));
        }
        let renamed = of(|plan| plan.rename.len() as u64);
        if renamed > 0 {
            parts.push(format!("{} to rename", format::counted(renamed, "file")));
        }
        let added = of(|plan| plan.added.len() as u64);
        if added > 0 {
            parts.push(format!("{} added", format::counted(added, "file")));
        }
        if parts.is_empty() {
            "There is nothing to repair.".to_owned()
        } else {
            format!("{}.", parts.join(", "))
        }
    }

    fn lines(&self) -> Vec<String> {
        if let [only] = self.repairs.as_slice() {
            let mut lines: Vec<String> = only.plan.fetch.iter().map(fetch_line).collect();
            lines
                .extend(only.plan.rename.iter().map(|file| format!("Aa {} → {}", file.found, file.recorded)));
            lines.extend(only.plan.added.iter().map(|file| {
                format!("+ {}, {}: does not belong to the package", file.path, format::size(file.size_bytes))
            }));
            lines.extend(self.unreadable());
            lines.extend(self.left_out.iter().cloned());
            return lines;
        }
        let mut lines: Vec<String> = self
            .plans()
            .map(|plan| {
                let files = (plan.fetch.len() + plan.rename.len()) as u64;
                let mut line = format!(
                    "{}: {}, {} to fetch",
                    plan.key.title(),
                    format::counted(files, "file"),
                    format::size(plan.fetch_bytes())
                );
                if !plan.added.is_empty() {
                    line.push_str(&format!(", {} added", plan.added.len()));
                }
                line
            })
            .collect();
        lines.extend(self.unreadable());
        lines.extend(self.left_out.iter().cloned());
        lines
    }

    fn unreadable(&self) -> impl Iterator<Item = String> {
        let plans = self.plans().flat_map(|plan| plan.unreadable.iter());
        plans.map(|file| format!("! {}: left as it is, {}", file.path, file.reason))
    }

    fn places_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        ui.add_space(2.0);
        ui.label(RichText::new("Repair from").font(semibold(13.0)));
        let needed = self.fetch_bytes();
        ui.spacing_mut().item_spacing.y = 5.0;
        for (place, is_chosen) in &mut self.places {
            place_ui(ui, place, is_chosen, needed);
        }
        if self.places.is_empty() {
            quiet(ui, "Nobody is known who has a copy.");
        }
        field_row(ui, "Another place", |ui| {
            let field = TextEdit::singleline(&mut self.other)
                .desired_width((ui.available_width() - 168.0).max(80.0))
                .align(egui::Align2::LEFT_CENTER);
            ui.add(field);
            let refused = match (self.is_looking, self.other.trim().is_empty()) {
                (true, _) => Some("It is being looked at"),
                (_, true) => Some("Name a place first"),
                _ => None,
            };
            if button_unless(ui, "Look", None, refused).on_hover_text("See what it has").clicked() {
                self.is_looking = true;
                let plans = self.plans().cloned().collect();
                actions.push(Action::LookAtPlace(plans, self.other.trim().to_owned()));
            }
            if button(ui, "Browse…").clicked() {
                actions.push(Action::Browse(Browse::Folder));
            }
        });
        quiet(
            ui,
            "A web address, a folder of the package or of another library, an archive, or a .meta4. Only blocks \
             that match their recorded hashes are taken.",
        );
        ui.spacing_mut().item_spacing.y = 9.0;
    }

    fn added_ui(&mut self, ui: &mut Ui) {
        let added: Vec<&str> =
            self.plans().flat_map(|plan| plan.added.iter().map(|file| file.path.as_str())).collect();
        let [first, rest @ ..] = added.as_slice() else { return };
        ui.add_space(6.0);
        let belongs = if rest.is_empty() { "file does" } else { "files do" };
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let sealed = if self.repairs.len() == 1 { "the sealed package" } else { "their sealed packages" };
        text(
            ui,
            &format!(
                "{} {belongs} not belong to {sealed}: {first}{more}.",
                format::thousands(added.len() as u64)
            ),
        );
        let is_one = rest.is_empty();
        let folder = match self.repairs.as_slice() {
            [only] => only.plan.set_aside.display().to_string(),
            _ => "the folder set-aside of the library".to_owned(),
        };
        ui.spacing_mut().item_spacing.y = 1.0;
        let set_aside = if is_one { "Set it aside in" } else { "Set them aside in" };
        let set_aside = format!("{set_aside} {folder}");
        ui.radio_value(&mut self.leave_added, false, set_aside);
        let blocked = if self.repairs.len() == 1 { "the package stays" } else { "the packages stay" };
        let it = if is_one { "it" } else { "them" };
        ui.radio_value(&mut self.leave_added, true, format!("Leave {it}; {blocked} blocked"));
        ui.spacing_mut().item_spacing.y = 9.0;
    }

    /// Why nothing can be repaired as it is chosen now.
    fn refusal(&self) -> Option<&'static str> {
        if self.plans().all(RepairPlan::is_empty) {
            return Some("There is nothing to repair");
        }
        let is_known = self.places.iter().any(|(place, is_chosen)| *is_chosen || place.address.is_empty());
        let must_fetch = self.plans().all(|plan| {
            plan.rename.is_empty() && plan.added.is_empty() && plan.fetch.iter().all(|file| file.blocks > 0)
        });
        (must_fetch && !is_known && self.other.trim().is_empty()).then_some("Name a place to repair from")
    }

    fn addresses(&self) -> Vec<String> {
        let chosen = self.places.iter().filter(|(place, is_chosen)| *is_chosen && !place.address.is_empty());
        let mut addresses: Vec<String> = chosen.map(|(place, _)| place.address.clone()).collect();
        let other = self.other.trim();
        if !other.is_empty() && !addresses.iter().any(|address| address == other) {
            addresses.push(other.to_owned());
        }
        addresses
    }
}

fn fetch_line(file: &RepairFile) -> String {
    let (mark, what) = match file.change {
        RepairChange::Removed => ("−", "removed"),
        RepairChange::Resized => ("≠", "other size"),
        RepairChange::Damaged => ("#", "other content"),
    };
    if file.blocks == 0 {
        let what = match file.is_too_long() {
            true => format!("longer than recorded, is cut to {}", format::exact_size(file.size_bytes)),
            false => format!("{what}, is made right without fetching"),
        };
        return format!("{mark} {}: {what}", file.path);
    }
    let blocks = format::counted(file.blocks, "block");
    format!("{mark} {}: {what}, {} in {blocks} to fetch", file.path, format::size(file.fetch_bytes))
}

/// One place: its name and what it has.
fn place_ui(ui: &mut Ui, place: &PlaceLook, is_chosen: &mut bool, needed: u64) {
    let name = if place.address.is_empty() { OWN } else { place.address.as_str() };
    let has = match (&place.problem, place.has_bytes) {
        (Some(problem), _) => sentence(problem),
        (None, None) => "what it has shows while it is fetched".to_owned(),
        (None, Some(0)) => "has nothing that is needed".to_owned(),
        (None, Some(has)) if has >= needed => format!("has all of it, {}", format::size(needed)),
        (None, Some(has)) => format!("has {} of {}", format::size(has), format::size(needed)),
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let mut always = true;
        let (ticked, refused) = match (&place.problem, place.address.is_empty()) {
            (Some(_), _) => (is_chosen, Some("It cannot be used now")),
            (_, true) => (&mut always, Some("They are asked first in any case")),
            _ => (is_chosen, None),
        };
        let shown = super::super::widgets::short(name, 56);
        let tick = ui.add_enabled(refused.is_none(), egui::Checkbox::new(ticked, shown));
        match refused {
            Some(why) => tick.on_disabled_hover_text(why),
            None => tick.on_hover_text(name),
        };
        let colour = Tokens::of(ui).secondary;
        ui.add(egui::Label::new(RichText::new(has.as_str()).color(colour)).truncate())
            .on_hover_text(has.as_str());
    });
}

impl Dialog for RepairPackages {
    fn topic(&self) -> Topic {
        Topic::Repairing
    }

    fn title(&self) -> String {
        match self.repairs.as_slice() {
            [only] => format!("Repair {}?", only.plan.key.title()),
            several => format!("Repair {} packages?", format::thousands(several.len() as u64)),
        }
    }

    fn width(&self) -> f32 {
        640.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(ui, &self.summary());
        problem_list_ui(ui, "Plan", &self.lines());
        if self.fetch_bytes() > 0 {
            self.places_ui(ui, actions);
        }
        self.added_ui(ui);
        let refused = self.refusal();
        buttons_ui(ui, |ui| {
            if default_button(ui, "Repair", refused, env.is_new && refused.is_none()) {
                let added = if self.leave_added { AddedChoice::Leave } else { AddedChoice::SetAside };
                let repairs = self
                    .plans()
                    .map(|plan| (plan.package, RepairRequest { added, expect: Some(plan.state_digest) }));
                actions.push(Action::Repair {
                    repairs: repairs.collect(),
                    addresses: self.addresses(),
                    switch_on: self.switch_on,
                });
                return Next::Close;
            }
            if plain_button(ui, "Cancel") {
                self.escape(actions);
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn escape(&mut self, actions: &mut Vec<Action>) {
        if let (true, Some(plan)) = (self.switch_on, self.plans().next()) {
            actions.push(Action::ForgetSwitch(plan.package));
        }
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Path(path) => self.other = path.display().to_string(),
            Delivery::Places(found) => {
                self.is_looking = false;
                self.places.retain(|(known, _)| found.iter().all(|place| place.address != known.address));
                if found.iter().any(|place| place.address == self.other.trim()) {
                    self.other.clear();
                }
                self.add_places(found);
            }
            _ => {}
        }
    }
}

/// Asks where what is damaged in an archive comes from.
pub struct RepairArchive {
    source: RestoreSource,
    name: String,
    place: PlaceField,
    /// The damaged archive itself: it is no place to repair from.
    archive: Option<PathBuf>,
}

impl RepairArchive {
    /// Of this archive, called so; `known` are places that may have what is missing.
    pub fn new(source: RestoreSource, name: String, known: Vec<String>) -> Self {
        Self { source, name, place: PlaceField::new(known), archive: None }
    }

    /// Of the archive of this package, which lies at `archive`; places that may have what is missing are looked up.
    pub fn of_package(id: PackageId, name: String, archive: PathBuf) -> Self {
        Self { archive: Some(archive), ..Self::new(RestoreSource::Package(id), name, Vec::new()) }
    }
}

impl Dialog for RepairArchive {
    fn topic(&self) -> Topic {
        Topic::Repairing
    }

    fn title(&self) -> String {
        format!("Repair and restore {}", self.name)
    }

    fn needs(&self) -> Needs {
        match (&self.source, &self.archive) {
            (RestoreSource::Package(id), Some(_)) => Needs { places: Some(*id), ..Needs::default() },
            _ => Needs::default(),
        }
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "What is damaged in the archive is fetched from there. Every block is checked against the seal before \
             anything changes. The package comes back to the library and can be archived again.",
        );
        let explanation =
            "A web address, a folder of the package or of another library, another archive, or a .meta4.";
        self.place.ui(ui, "Repair from", explanation, env, actions);
        let refused = self.place.place().is_empty().then_some("Name a place to repair from");
        buttons_ui(ui, |ui| {
            if default_button(ui, "Repair and restore", refused, false) {
                let addresses = vec![self.place.place().to_owned()];
                actions.push(Action::RepairAndRestore(self.source.clone(), addresses));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::KnownPlaces(known) => self.place.learn(other_places(known, self.archive.as_deref())),
            other => self.place.receive(other),
        }
    }
}

/// Why a package is not among those that are repaired.
pub fn left_out(title: &str, failure: &Failure) -> String {
    format!("! {title}: not repaired, {failure}")
}

/// Places that are not the archive itself.
pub fn other_places(known: &[String], archive: Option<&Path>) -> Vec<String> {
    known.iter().filter(|place| archive.is_none_or(|archive| Path::new(place) != archive)).cloned().collect()
}
