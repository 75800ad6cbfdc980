//! The commands of the main window: text, hover text, key and icon in one place, so that menu, tool bar and keys
//! cannot drift apart. Whether a command can be used now follows from what is selected, and is decided here too.

use egui::{Key, KeyboardShortcut, Modifiers, ThemePreference};

use super::icons::Icon;
use super::shell::{Entry, Menu};
use super::theme::Density;
use crate::package::PackageState;
use crate::package::record::PackageSummary;

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Registers a new package.
    NewPackage,
    /// Opens another library.
    ChooseLibrary,
    /// Opens the property window.
    Properties,
    /// Seals the selection.
    Seal,
    /// Takes the seal off.
    Unseal,
    /// Starts an Open copy.
    NewVersion,
    /// Archives the selection.
    Archive,
    /// Restores the selection, or an archive file.
    Restore,
    /// Copies a package folder out of the library.
    Export,
    /// Takes the selection out of the library.
    Remove,
    /// Takes the last removal back.
    UndoRemove,
    /// Compares names and sizes.
    QuickCheck,
    /// Reads and hashes everything.
    DeepCheck,
    /// Puts the keyboard into the search field.
    Search,
    /// Closes the program.
    Quit,
    /// Dark, light, or as the system has it.
    Theme(ThemePreference),
    /// How close rows stand.
    Density(Density),
}

/// What a command would act on.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Whether a library is open and its list read.
    pub is_open: bool,
    /// Whether nothing may be written.
    pub is_read_only: bool,
    /// Why the folder of the library cannot be reached, while it cannot.
    pub unreachable: bool,
    /// Removed packages that can be taken back.
    pub removed: u64,
    /// The selected packages.
    pub selected: Vec<PackageSummary>,
}

impl Scope {
    /// Why `command` cannot be used now.
    pub fn refusal(&self, command: Command) -> Option<&'static str> {
        use Command as C;
        match command {
            C::Quit | C::Theme(_) | C::Density(_) | C::ChooseLibrary => return None,
            _ if !self.is_open => return Some("No library is open"),
            C::Search => return None,
            C::Properties => return self.selected.is_empty().then_some("No package is selected"),
            _ if self.unreachable => return Some("The library folder cannot be reached"),
            _ => {}
        }
        if self.is_read_only && !matches!(command, C::QuickCheck | C::DeepCheck | C::Export) {
            return Some("The library is open for reading only");
        }
        match command {
            C::NewPackage => return None,
            C::UndoRemove => return (self.removed == 0).then_some("Nothing was removed"),
            // Without a selection it asks for an archive file.
            C::Restore if self.selected.is_empty() => return None,
            _ if self.selected.is_empty() => return Some("No package is selected"),
            _ => {}
        }
        let all = |state| self.selected.iter().all(|package| package.state == state);
        let any = |state| self.selected.iter().any(|package| package.state == state);
        let one = self.selected.len() == 1;
        match command {
            C::Seal | C::Unseal | C::NewVersion | C::Restore | C::Export if !one => {
                Some("Select one package")
            }
            C::Seal if !all(PackageState::Open) => Some("Only an open package can be sealed"),
            C::Unseal if !all(PackageState::Sealed) => Some("Only a sealed package can be unsealed"),
            C::NewVersion | C::Export if any(PackageState::Archived) => {
                Some("The package is archived: restore it first")
            }
            C::Restore if !all(PackageState::Archived) => Some("The package is not archived"),
            C::Archive if !all(PackageState::Sealed) => Some("Only sealed packages can be archived"),
            C::Archive if self.selected.iter().any(PackageSummary::is_blocked) => Some(
                "A selected package differs from its checksum: accept its changes or put the files right",
            ),
            _ => None,
        }
    }
}

impl Command {
    /// The tool bar of the library page.
    pub const LIBRARY_TOOLS: [Self; 6] =
        [Self::NewPackage, Self::Seal, Self::Archive, Self::Restore, Self::QuickCheck, Self::DeepCheck];

    /// The context menu of a package, in groups.
    pub const PACKAGE_MENU: [&'static [Self]; 4] = [
        &[Self::Properties, Self::QuickCheck, Self::DeepCheck],
        &[Self::Seal, Self::Unseal, Self::NewVersion],
        &[Self::Archive, Self::Restore, Self::Export],
        &[Self::Remove],
    ];

    /// Text, hover text, key and icon.
    pub fn entry(self) -> Entry<Self> {
        let key = |modifiers, key| KeyboardShortcut::new(modifiers, key);
        let ctrl = Modifiers::COMMAND;
        match self {
            Self::NewPackage => Entry::new(self, "New package…")
                .hover("Register files as a package (Ctrl+N)")
                .icon(Icon::Plus)
                .shortcut(key(ctrl, Key::N)),
            Self::ChooseLibrary => Entry::new(self, "Choose library…").shortcut(key(ctrl, Key::O)),
            // Enter and a double click do the same in the list.
            Self::Properties => Entry::new(self, "Properties").shortcut(key(Modifiers::ALT, Key::Enter)),
            Self::Seal => {
                Entry::new(self, "Seal…").hover("Close the registration and sign it. DSM: Close package")
            }
            Self::Unseal => Entry::new(self, "Unseal…").hover("Take the seal off and open the package"),
            Self::NewVersion => {
                Entry::new(self, "New version…").hover("Start an open copy under another version")
            }
            Self::Archive => Entry::new(self, "Archive…").hover("Move the files into an archive"),
            Self::Restore => Entry::new(self, "Restore…").hover("Bring the files back from the archive"),
            Self::Export => Entry::new(self, "Export…")
                .hover("Copy the package folder out of the library (Ctrl+E)")
                .shortcut(key(ctrl, Key::E)),
            Self::Remove => Entry::new(self, "Remove…").shortcut(key(Modifiers::NONE, Key::Delete)),
            Self::UndoRemove => Entry::new(self, "Undo remove").shortcut(key(ctrl, Key::Z)),
            Self::QuickCheck => Entry::new(self, "Quick check")
                .hover("Compare names and sizes with the recorded checksum (F5)")
                .shortcut(key(Modifiers::NONE, Key::F5)),
            Self::DeepCheck => Entry::new(self, "Deep check")
                .hover("Read every file and compare its hashes (Shift+F5)")
                .shortcut(key(Modifiers::SHIFT, Key::F5)),
            Self::Search => Entry::new(self, "Search").shortcut(key(ctrl, Key::F)),
            Self::Quit => Entry::new(self, "Quit").shortcut(key(ctrl, Key::Q)),
            Self::Theme(ThemePreference::Dark) => Entry::new(self, "Dark"),
            Self::Theme(ThemePreference::Light) => Entry::new(self, "Light"),
            Self::Theme(ThemePreference::System) => Entry::new(self, "As the system has it"),
            Self::Density(density) => Entry::new(self, density.word()),
        }
    }

    /// The menu bar; `refused` says why a command cannot be used now.
    pub fn menus(
        theme: ThemePreference,
        density: Density,
        refused: impl Fn(Self) -> Option<&'static str>,
    ) -> Vec<Menu<Self>> {
        let group = |commands: &[Self]| -> Vec<Entry<Self>> {
            commands.iter().map(|command| command.entry().refused(refused(*command))).collect()
        };
        let menu = |title: &str, groups| Menu { title: title.to_owned(), groups };
        let themes = [ThemePreference::System, ThemePreference::Light, ThemePreference::Dark]
            .map(|choice| Self::Theme(choice).entry().chosen(choice == theme));
        let densities = Density::ALL.map(|choice| Self::Density(choice).entry().chosen(choice == density));
        vec![
            menu(
                "Library",
                vec![group(&[Self::NewPackage]), group(&[Self::ChooseLibrary]), group(&[Self::Quit])],
            ),
            menu("Edit", vec![group(&[Self::UndoRemove]), group(&[Self::Search])]),
            menu("Package", Self::PACKAGE_MENU.iter().map(|commands| group(commands)).collect()),
            menu("View", vec![themes.to_vec(), densities.to_vec()]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        let menus = Command::menus(ThemePreference::System, Density::Normal, |_| None);
        let mut keys = HashSet::new();
        for entry in menus.iter().flat_map(|menu| menu.groups.iter().flatten()) {
            if let Some(shortcut) = entry.shortcut {
                assert!(keys.insert(shortcut), "{}", entry.text);
            }
        }
    }

    #[test]
    fn every_tool_stands_in_a_menu() {
        let menus = Command::menus(ThemePreference::System, Density::Normal, |_| None);
        for tool in Command::LIBRARY_TOOLS {
            let found = menus.iter().flat_map(|menu| menu.groups.iter().flatten());
            assert!(found.into_iter().any(|entry| entry.command == tool), "{tool:?}");
        }
    }

    #[test]
    fn without_a_library_only_the_window_obeys() {
        let scope = Scope::default();
        assert_eq!(scope.refusal(Command::Quit), None);
        assert_eq!(scope.refusal(Command::ChooseLibrary), None);
        for command in Command::LIBRARY_TOOLS {
            assert_eq!(scope.refusal(command), Some("No library is open"), "{command:?}");
        }
        let open = Scope { is_open: true, ..Scope::default() };
        assert_eq!(open.refusal(Command::NewPackage), None);
        assert_eq!(open.refusal(Command::Restore), None, "asks for a file");
        assert_eq!(open.refusal(Command::Seal), Some("No package is selected"));
        assert_eq!(open.refusal(Command::UndoRemove), Some("Nothing was removed"));
    }
}
