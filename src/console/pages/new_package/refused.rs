//! Names that cannot travel: each with its problem, the name it gets in the package, and whether it is left out.
//!
//! Below it names that travel, but not everywhere: they stay as they are unless they are ticked. The source itself is
//! never renamed.

use std::collections::{HashMap, HashSet};

use egui::{Checkbox, Frame, Label, Margin, RichText, ScrollArea, TextEdit, Ui, vec2};

use super::super::super::dialogs::show_scroll_bar;
use super::super::super::theme::CONTROL_HEIGHT;
use super::super::super::tokens::Tokens;
use super::super::super::widgets::alert::alert;
use super::super::super::widgets::button::button;
use crate::package::path;
use crate::session::SourcePreview;

/// How many rows are seen before they scroll.
const SHOWN: usize = 6;
/// Width of the field for the new name, in points.
const FIELD: f32 = 230.0;

/// An entry with its problem.
struct Entry {
    path: String,
    why: String,
    /// The name proposed; absent for what no name helps: a link, a device.
    proposal: Option<String>,
    is_refused: bool,
}

/// What was decided about the entries.
#[derive(Default)]
pub(super) struct Refused {
    entries: Vec<Entry>,
    left_out: HashSet<String>,
    /// New names, by the path found: as proposed, or as typed.
    names: HashMap<String, String>,
    /// Warned-of names that are changed all the same.
    ticked: HashSet<String>,
}

impl Refused {
    /// Holds what was decided against what is there now.
    pub(super) fn update(&mut self, found: &SourcePreview) {
        let proposals: HashMap<&str, &str> =
            found.renamable.iter().map(|one| (one.path.as_str(), one.proposal.as_str())).collect();
        let entry = |path: &str, why: &str, is_refused: bool| Entry {
            path: path.to_owned(),
            why: why.to_owned(),
            proposal: proposals.get(path).map(|name| (*name).to_owned()),
            is_refused,
        };
        let refused = found.refused.iter().map(|(path, why)| entry(path, why, true));
        let warned = found.renamable.iter().filter(|one| !one.is_refused);
        self.entries = refused.chain(warned.map(|one| entry(&one.path, &one.why, false))).collect();
        let paths: HashSet<&str> = self.entries.iter().map(|entry| entry.path.as_str()).collect();
        self.left_out.retain(|path| paths.contains(path.as_str()));
        self.ticked.retain(|path| paths.contains(path.as_str()));
        self.names.retain(|path, _| paths.contains(path.as_str()));
        for entry in &self.entries {
            if let Some(proposal) = &entry.proposal {
                self.names.entry(entry.path.clone()).or_insert_with(|| proposal.clone());
            }
        }
    }

    /// Why one of the entries is still in the way.
    pub(super) fn problem(&self) -> Option<String> {
        let mut new = HashSet::new();
        for entry in &self.entries {
            if self.left_out.contains(&entry.path) || !entry.is_refused && !self.ticked.contains(&entry.path)
            {
                continue;
            }
            if entry.proposal.is_none() {
                return Some("Some entries cannot be taken; see the list".to_owned());
            }
            let name = self.names.get(&entry.path).map_or("", |name| name.trim());
            if let Err(problem) = path::check(name) {
                return Some(format!("New name of {}: {problem}", plain(&entry.path)));
            }
            if !new.insert(name) {
                return Some(format!("Two entries get the name {name}"));
            }
        }
        None
    }

    /// The paths of what is left out, sorted.
    pub(super) fn left_out(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.left_out.iter().cloned().collect();
        paths.sort_unstable();
        paths
    }

    /// What gets another name: the path found and the new one.
    pub(super) fn renamed(&self) -> Vec<(String, String)> {
        let entries = self.entries.iter().filter(|entry| {
            entry.proposal.is_some()
                && !self.left_out.contains(&entry.path)
                && (entry.is_refused || self.ticked.contains(&entry.path))
        });
        let name = |entry: &Entry| self.names.get(&entry.path).map(|name| name.trim().to_owned());
        entries.filter_map(|entry| Some((entry.path.clone(), name(entry)?))).collect()
    }

    /// Shows the entries; whether the sources are to be looked at again.
    pub(super) fn ui(&mut self, ui: &mut Ui) -> bool {
        let refused = self.entries.iter().take_while(|entry| entry.is_refused).count();
        let mut is_looking_again = false;
        if refused > 0 {
            let entries = if refused == 1 { "entry" } else { "entries" };
            alert(
                ui,
                &format!("{refused} {entries} cannot be taken as found"),
                "Each is taken under the new name beside it, or left out. The source stays as it is.",
            );
            self.rows_ui(ui, 0..refused);
            ui.horizontal(|ui| {
                if button(ui, "Leave all out").clicked() {
                    self.left_out.extend(self.entries[..refused].iter().map(|entry| entry.path.clone()));
                }
                is_looking_again = button(ui, "Look again").clicked();
            });
        }
        let warned = self.entries.len() - refused;
        if warned > 0 {
            let (names, verb) = if warned == 1 { ("name", "is") } else { ("names", "are") };
            let text = format!("{warned} {names} may not arrive everywhere as {verb}; tick what is renamed");
            ui.label(RichText::new(text).color(Tokens::of(ui).busy));
            self.rows_ui(ui, refused..self.entries.len());
        }
        is_looking_again
    }

    fn rows_ui(&mut self, ui: &mut Ui, rows: std::ops::Range<usize>) {
        let ground = Tokens::of(ui).ground;
        let first = rows.start;
        Frame::new().fill(ground).corner_radius(4).inner_margin(Margin::symmetric(10, 6)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing = vec2(8.0, 2.0);
            show_scroll_bar(ui);
            ScrollArea::vertical()
                .id_salt(("renaming", first))
                .max_height(SHOWN as f32 * (CONTROL_HEIGHT + 2.0))
                .auto_shrink([false, true])
                .show_rows(ui, CONTROL_HEIGHT, rows.len(), |ui, range| {
                    for at in range {
                        ui.allocate_ui(vec2(ui.available_width(), CONTROL_HEIGHT), |ui| {
                            ui.horizontal_centered(|ui| self.row_ui(ui, first + at));
                        });
                    }
                });
        });
    }

    /// A tick, the name found with what is wrong with it, and the new name.
    fn row_ui(&mut self, ui: &mut Ui, index: usize) {
        let entry = &self.entries[index];
        let shown = plain(&entry.path);
        let ticks = if entry.is_refused { &mut self.left_out } else { &mut self.ticked };
        let mut is_ticked = ticks.contains(&entry.path);
        let word = if entry.is_refused { "Leave out" } else { "Rename" };
        let label = format!("{word} {shown}: {}", entry.why);
        let tick = ui.add(Checkbox::new(&mut is_ticked, word));
        tick.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, is_ticked, &label));
        if tick.changed() {
            if is_ticked {
                ticks.insert(entry.path.clone());
            } else {
                ticks.remove(&entry.path);
            }
        }
        let room = if entry.proposal.is_some() { FIELD + 16.0 } else { 0.0 };
        let width = (ui.available_width() - room).max(80.0);
        ui.allocate_ui(vec2(width, CONTROL_HEIGHT), |ui| {
            ui.set_min_width(width);
            ui.add(Label::new(format!("{shown}: {}", entry.why)).truncate());
        });
        let Some(name) = self.names.get_mut(&entry.path).filter(|_| entry.proposal.is_some()) else { return };
        let is_used = is_ticked != entry.is_refused;
        ui.name_inputs(format!("New name of {shown}"), |ui| {
            let field = TextEdit::singleline(name).desired_width(FIELD).align(egui::Align2::LEFT_CENTER);
            ui.add_enabled(is_used, field)
        });
    }
}

/// A name that breaks no line: what no font shows becomes `?`.
fn plain(path: &str) -> String {
    let is_odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    path.chars().map(|c| if is_odd(c) { '?' } else { c }).collect()
}
