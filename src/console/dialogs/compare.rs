//! *Compare…*: a changed file beside the same file as it was recorded, so that one sees what was changed before one
//! decides. The recorded one is put together in a temporary folder and goes with the dialog that shows both.

use std::path::Path;

use egui::{Label, RichText, Ui};

use super::place_field::PlaceField;
use super::{
    Delivery, Dialog, Env, Needs, Next, buttons_ui, default_button, plain_button, plain_button_unless, quiet,
    safe_button, text,
};
use crate::console::action::Action;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::widgets::field_row::field_row;
use crate::package::PackageId;
use crate::session::{ComparedFile, FileComparison};

/// Opening one of these runs it.
const PROGRAMS: [&str; 26] = [
    "appimage", "appx", "bat", "bin", "cmd", "com", "cpl", "deb", "desktop", "exe", "hta", "jar", "js",
    "lnk", "msi", "msix", "msp", "ps1", "py", "reg", "rpm", "run", "scr", "sh", "vbs", "wsf",
];

/// A file of which the recorded content is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// The package.
    pub package: PackageId,
    /// The path that was recorded, relative to `data/`.
    pub recorded: String,
    /// The path that is there now.
    pub found: String,
}

/// Asks where the recorded content comes from.
pub struct CompareWithSealed {
    file: ChangedFile,
    place: PlaceField,
}

impl CompareWithSealed {
    /// Of this file; places that may have it are looked up.
    pub fn new(file: ChangedFile) -> Self {
        Self { file, place: PlaceField::default() }
    }
}

impl Dialog for CompareWithSealed {
    fn topic(&self) -> Topic {
        Topic::Repairing
    }

    fn needs(&self) -> Needs {
        Needs { places: Some(self.file.package), ..Needs::default() }
    }

    fn title(&self) -> String {
        format!("Compare {} with the sealed copy", name_of(&self.file.recorded))
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        text(
            ui,
            "The file is put together in a temporary folder as it was recorded, from what is right of it, other \
             packages of the library, and the place below. Nothing in the package changes.",
        );
        let explanation =
            "A web address, a folder of the package or of another library, an archive, or a .meta4.";
        self.place.ui(ui, "Fetch from", explanation, env, actions);
        buttons_ui(ui, |ui| {
            if default_button(ui, "Compare", None, false) {
                let place = self.place.place();
                let addresses = if place.is_empty() { Vec::new() } else { vec![place.to_owned()] };
                actions.push(Action::CompareFile(self.file.clone(), addresses));
                return Next::Close;
            }
            if plain_button(ui, "Cancel") { Next::Close } else { Next::Stay }
        })
    }

    fn receive(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::KnownPlaces(known) => self.place.learn(known.to_vec()),
            other => self.place.receive(other),
        }
    }
}

/// Shows both files.
pub struct Compared {
    name: String,
    /// Gone once the dialog goes: what it holds is removed elsewhere.
    comparison: Option<FileComparison>,
}

impl Compared {
    /// Of the file of this path.
    pub fn new(path: &str, comparison: FileComparison) -> Self {
        Self { name: name_of(path).to_owned(), comparison: Some(comparison) }
    }
}

impl Dialog for Compared {
    fn topic(&self) -> Topic {
        Topic::Repairing
    }

    fn title(&self) -> String {
        format!("{}, as recorded and now", self.name)
    }

    fn width(&self) -> f32 {
        620.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let Some(comparison) = &self.comparison else { return Next::Close };
        text(ui, &difference(comparison));
        side_ui(ui, "As recorded", &comparison.recorded);
        side_ui(ui, "Now", &comparison.found);
        ui.add_space(2.0);
        quiet(ui, "The recorded one lies in a temporary folder, and is removed when this is closed.");
        let both = [&comparison.recorded.path, &comparison.found.path];
        let is_program = is_program(&comparison.found.path)
            || comparison.found.executable
            || comparison.recorded.executable;
        let refused = is_program.then_some("It is a program: opening it would run it");
        let next = buttons_ui(ui, |ui| {
            if safe_button(ui, "Close", env.is_new) {
                return Next::Close;
            }
            if plain_button(ui, "Open folders") {
                actions.extend(both.iter().filter_map(|path| path.parent()).map(open));
            }
            if plain_button_unless(ui, "Open both", refused) {
                actions.extend(both.iter().map(|path| open(path)));
            }
            Next::Stay
        });
        if next == Next::Close {
            self.escape(actions);
        }
        next
    }

    fn escape(&mut self, actions: &mut Vec<Action>) {
        actions.extend(self.comparison.take().map(|comparison| Action::EndComparison(Box::new(comparison))));
    }
}

fn open(path: &Path) -> Action {
    Action::OpenPath(path.to_owned())
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_program(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    PROGRAMS.contains(&extension.to_ascii_lowercase().as_str())
}

fn difference(comparison: &FileComparison) -> String {
    let Some(first) = comparison.first_difference else {
        return "Both are equal: it is as recorded again.".to_owned();
    };
    let bytes = comparison.different_bytes;
    let place = format!("The first difference is at byte {}.", format::thousands(first));
    let common = match bytes {
        0 => "What both have is equal".to_owned(),
        1 => "1 byte differs".to_owned(),
        _ => format!("{} bytes differ", format::thousands(bytes)),
    };
    let (recorded, found) = (comparison.recorded.size_bytes, comparison.found.size_bytes);
    let longer = match found.cmp(&recorded) {
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!("; {} more now", format::exact_size(found - recorded)),
        std::cmp::Ordering::Less => format!("; {} fewer now", format::exact_size(recorded - found)),
    };
    format!("{common}{longer}. {place}")
}

fn side_ui(ui: &mut Ui, label: &str, file: &ComparedFile) {
    field_row(ui, label, |ui| {
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let line = |ui: &mut Ui, text: String, monospace: bool| {
                let rich = RichText::new(text);
                let rich = if monospace { rich.monospace() } else { rich };
                ui.add(Label::new(rich).selectable(true).wrap());
            };
            line(ui, format::exact_size(file.size_bytes), false);
            line(ui, file.digest.to_string(), true);
            line(ui, file.path.display().to_string(), false);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_not_opened() {
        for name in ["setup.EXE", "a/install.sh", "x.Msi"] {
            assert!(is_program(Path::new(name)), "{name}");
        }
        for name in ["readme.txt", "a.exe/readme", "LICENSE", "settings.ini"] {
            assert!(!is_program(Path::new(name)), "{name}");
        }
    }
}
