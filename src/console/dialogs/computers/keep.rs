//! The packages that agents keep although no job names them, and how many bytes of packages a computer keeps.

use std::collections::HashMap;

use egui::{Frame, Label, Margin, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::console::action::Action;
use crate::console::dialogs::job_wizard::finder::{Finder, OFFERED};
use crate::console::dialogs::{
    Delivery, Dialog, Env, Next, buttons_ui, default_button, plain_button, quiet, sentence, show_scroll_bar,
    text,
};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::computers::ComputerAction;
use crate::console::theme::CONTROL_HEIGHT;
use crate::console::tokens::Tokens;
use crate::console::widgets::alert::alert;
use crate::console::widgets::button::button;
use crate::console::widgets::field_row::hinted_row;
use crate::console::widgets::{name_field, one_line};
use crate::failure::Failure;
use crate::package::{PackageKey, PackageState};
use crate::session::{KeepEdit, KeptPackages, PackageRef, View};

/// In what a size may be typed, with the bytes each is.
const UNITS: [(char, u64); 4] = [('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30), ('t', 1 << 40)];
/// How many kept packages are seen before the list scrolls.
const SHOWN: usize = 5;
/// Height of what can be added, in points.
const FOUND_HEIGHT: f32 = 132.0;

/// "Packages to keep".
#[derive(Default)]
pub struct KeepDialog {
    /// As it is kept, or why that cannot be said; nothing until it was read.
    before: Option<Result<KeptPackages, Failure>>,
    is_asked: bool,
    /// The keyboard was put into the field, which is there once the list was read.
    has_focused: bool,
    packages: Vec<PackageKey>,
    most: String,
    finder: Finder,
    /// What the lists below were made for.
    made_for: Option<(u64, String, Vec<PackageKey>)>,
    /// Bytes of each package that is kept; nothing where it is not in the library any more.
    sizes: Vec<Option<u64>>,
    fitting: Vec<PackageKey>,
}

impl KeepDialog {
    /// Makes the lists anew where something changed.
    fn refresh(&mut self, view: &View) {
        let of = (view.epoch, self.finder.text.clone(), self.packages.clone());
        if self.made_for.as_ref() == Some(&of) {
            return;
        }
        let mut places: HashMap<String, usize> =
            self.packages.iter().enumerate().map(|(place, key)| (key.folded(), place)).collect();
        self.sizes = vec![None; self.packages.len()];
        self.fitting.clear();
        let text = self.finder.text.trim().to_lowercase();
        for package in view.packages.iter() {
            match places.remove(&package.key.folded()) {
                Some(place) => self.sizes[place] = Some(package.size_bytes),
                None if self.fitting.len() <= OFFERED
                    && package.state == PackageState::Sealed
                    && package.key.title().to_lowercase().contains(&text) =>
                {
                    self.fitting.push(package.key.clone());
                }
                None => {}
            }
        }
        self.made_for = Some(of);
    }

    /// What is changed; why it cannot be.
    fn edit(&self) -> Result<KeepEdit, &'static str> {
        let before = match &self.before {
            None => return Err("It is being read"),
            Some(Err(_)) => return Err("It could not be read"),
            Some(Ok(before)) => before,
        };
        let most = size_of(&self.most)?;
        let add = self.packages.iter().filter(|key| !before.packages.contains(key));
        let remove = before.packages.iter().filter(|key| !self.packages.contains(key));
        let edit = KeepEdit {
            add: add.map(|key| PackageRef::Text(key.to_string())).collect(),
            remove: remove.map(PackageKey::to_string).collect(),
            most_bytes: (most != before.most_bytes).then_some(most),
        };
        if edit.add.is_empty() && edit.remove.is_empty() && edit.most_bytes.is_none() {
            return Err("Nothing was changed");
        }
        Ok(edit)
    }

    /// The packages that are kept, each with a button that takes it off the list.
    fn kept_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let frame = Frame::new().fill(tokens.ground).corner_radius(4).inner_margin(Margin::symmetric(10, 6));
        let mut gone = None;
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            if self.packages.is_empty() {
                ui.add(Label::new("No package is kept once its jobs have ended.").wrap());
                return;
            }
            ui.spacing_mut().item_spacing.y = 4.0;
            show_scroll_bar(ui);
            let shown = self.packages.len().min(SHOWN) as f32;
            ScrollArea::vertical()
                .id_salt("kept packages")
                .max_height(shown * (CONTROL_HEIGHT + 4.0))
                .auto_shrink([false, true])
                .show_rows(ui, CONTROL_HEIGHT, self.packages.len(), |ui, range| {
                    for place in range {
                        if kept_row_ui(ui, &self.packages[place], self.sizes[place]) {
                            gone = Some(place);
                        }
                    }
                });
        });
        if let Some(place) = gone {
            self.packages.remove(place);
        }
    }

    /// How many there are, and how many bytes.
    fn sum(&self) -> String {
        let count = self.packages.len() as u64;
        let packages = if count == 1 { "package" } else { "packages" };
        let bytes: u64 = self.sizes.iter().flatten().sum();
        format!("{} {packages}, {}", format::thousands(count), format::size(bytes))
    }
}

/// One package that is kept; whether it is to leave the list.
fn kept_row_ui(ui: &mut Ui, key: &PackageKey, bytes: Option<u64>) -> bool {
    let title = key.title();
    let size = bytes.map_or_else(|| "not in the library any more".to_owned(), format::size);
    ui.horizontal(|ui| {
        let tokens = Tokens::of(ui);
        let font = egui::TextStyle::Body.resolve(ui.style());
        let width = (ui.available_width() - 100.0).max(120.0);
        let (rect, response) = ui.allocate_exact_size(vec2(width, CONTROL_HEIGHT), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{title}, {size}")));
        let size = one_line(ui, &size, font.clone(), tokens.secondary, width / 2.0);
        let name = one_line(ui, &title, font, tokens.text, width - size.size().x - 20.0);
        let y = |height: f32| (rect.center().y - height / 2.0).round();
        let right = pos2(rect.right() - size.size().x - 8.0, y(size.size().y));
        ui.painter().galley(pos2(rect.left(), y(name.size().y)), name, tokens.text);
        ui.painter().galley(right, size, tokens.secondary);
        let response = button(ui, "Remove");
        name_field(&response, &format!("Remove {title}"));
        response.clicked()
    })
    .inner
}

/// A size as it was typed: `20 GiB`, `20G`, `5000000`; none where nothing was.
fn size_of(typed: &str) -> Result<Option<u64>, &'static str> {
    const WRONG: &str = "A size is a number above 0, such as 20 GiB or 500 MiB";
    let text = typed.trim().to_lowercase().replace(',', ".");
    if text.is_empty() {
        return Ok(None);
    }
    let text = text.strip_suffix("ib").or_else(|| text.strip_suffix('b')).unwrap_or(&text).trim_end();
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(*unit)?, *bytes)));
    let (number, unit) = unit.unwrap_or((text, 1));
    let number = number.trim();
    let bytes = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(unit),
        Err(_) => {
            let bytes = number.parse::<f64>().map_err(|_| WRONG)? * unit as f64;
            (1.0..=1e15).contains(&bytes).then_some(bytes.round() as u64)
        }
    };
    bytes.filter(|bytes| *bytes > 0).map(Some).ok_or(WRONG)
}

/// A size as somebody would type it, and as exact as it is kept: to look at it changes nothing.
fn size_as_typed(bytes: u64) -> String {
    let whole = UNITS.iter().rev().find(|(_, unit)| bytes.is_multiple_of(*unit));
    match whole {
        Some((name, unit)) if bytes > 0 => format!("{} {}iB", bytes / unit, name.to_ascii_uppercase()),
        _ => bytes.to_string(),
    }
}

impl Dialog for KeepDialog {
    fn topic(&self) -> Topic {
        Topic::Computers
    }

    fn title(&self) -> String {
        "Packages to keep".to_owned()
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        if !std::mem::replace(&mut self.is_asked, true) {
            actions.push(Action::Computer(ComputerAction::ReadKept));
        }
        text(
            ui,
            "Agents remove a package from their computer once no job needs it any more. These they keep, so that it is \
             there already when a job needs it again.",
        );
        match &self.before {
            None => quiet(ui, "Reading…"),
            Some(Err(failure)) => {
                alert(ui, &sentence(&failure.to_string()), &failure.action);
            }
            Some(Ok(_)) => {
                self.refresh(env.view);
                self.kept_ui(ui);
                self.refresh(env.view);
                if self.packages.len() > 1 {
                    quiet(ui, &self.sum());
                }
                let fitting: Vec<String> = self.fitting.iter().map(PackageKey::title).collect();
                let nothing = if self.packages.is_empty() {
                    "No package can be kept yet: seal one first."
                } else {
                    "There is no other sealed package"
                };
                let focus = !std::mem::replace(&mut self.has_focused, true);
                let what = ("Find a package", "Add a package: a part of its name", nothing);
                let bottom = ui.cursor().top() + FOUND_HEIGHT;
                if let Some(place) = self.finder.ui(ui, what, &fitting, bottom, focus)
                    && let Some(key) = self.fitting.get(place)
                {
                    self.packages.push(key.clone());
                    self.packages.sort_by_key(PackageKey::folded);
                }
                hinted_row(ui, "Most per computer", "no limit; 20 GiB, 500 MiB", &mut self.most);
                quiet(
                    ui,
                    "All packages on a computer count, but those that open jobs need stay in any case. Agents hear of it \
                     with their next jobs, or else within 6 hours.",
                );
            }
        }
        let edit = self.edit();
        let refused = edit.as_ref().err().copied();
        buttons_ui(ui, |ui| {
            if default_button(ui, "OK", refused, false)
                && let Ok(edit) = edit
            {
                actions.push(Action::Computer(ComputerAction::Keep(edit)));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        if let Delivery::Kept(read) = delivery {
            if let Ok(kept) = read {
                self.packages.clone_from(&kept.packages);
                self.most = kept.most_bytes.map(size_as_typed).unwrap_or_default();
            }
            self.before = Some((*read).clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_shown() {
        for bytes in [1, 1000, 5_000_000, 1 << 10, 500 << 20, 20 << 30, 3 << 40, (20 << 30) + 1] {
            assert_eq!(size_of(&size_as_typed(bytes)), Ok(Some(bytes)), "{}", size_as_typed(bytes));
        }
        assert_eq!(size_as_typed(20 << 30), "20 GiB");
        for (text, bytes) in
            [("20G", 20 << 30), ("20 gb", 20 << 30), ("1,5 GiB", 3 << 29), (" 500 M ", 500 << 20)]
        {
            assert_eq!(size_of(text), Ok(Some(bytes)), "{text}");
        }
        assert_eq!(size_of("  "), Ok(None));
        for wrong in ["0", "-1", "much", "G", "nan", "inf g", "99999999999T", "1 X"] {
            assert!(size_of(wrong).is_err(), "{wrong}");
        }
    }
}
