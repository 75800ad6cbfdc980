//! The commands of the main window: text, hover text, key and icon in one place, so that menu, tool bar and keys
//! cannot drift apart. Whether a command can be used now follows from what is selected, and is decided here too.

use std::sync::Arc;

use egui::{Key, KeyboardShortcut, Modifiers, ThemePreference};

use super::icons::Icon;
use super::pages::computers::command::{ComputerCommand, ComputerScope};
use super::pages::downloads::command::{DownloadCommand, DownloadScope};
use super::pages::jobs::command::{JobCommand, JobScope};
use super::pages::packages::command::{ListCommand, ListScope};
use super::pages::staging::command::{StagingCommand, StagingScope};
use super::pages::{Page, Place};
use super::selected::Selected;
use super::shell::{Entry, Menu};
use super::theme::Density;
use crate::package::record::PackageSummary;
use crate::package::{Finding, PackageState};

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Registers a new package.
    NewPackage,
    /// Opens another library.
    ChooseLibrary,
    /// Moves the library to another folder.
    MoveLibrary,
    /// Deletes the folder it was moved from.
    DeleteOldCopy,
    /// Writes what a successor must know.
    HandOver,
    /// Goes to a page.
    Go(Page),
    /// Makes a software group.
    NewGroup,
    /// Gives the group another name.
    RenameGroup,
    /// Takes the group away; its packages stay.
    RemoveGroup,
    /// Files the selection under a group.
    MoveToGroup,
    /// Records what differs as right.
    AcceptChanges,
    /// Fetches what is missing or damaged.
    Repair,
    /// Follows the chain of History.
    VerifyHistory,
    /// Writes History to a file.
    ExportHistory,
    /// Writes the accepted changes for printing.
    PrintReport,
    /// Makes a key.
    CreateKey,
    /// Takes a key from its backup.
    ImportKey,
    /// Trusts a key of somebody else.
    TrustKey,
    /// Writes a backup of the selected key.
    BackUpKey,
    /// Copies the public part of the selected key.
    CopyKey,
    /// Retires the selected key, or trusts it no longer.
    ForgetKey,
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
    /// Takes the last removal, or the last change of groups, back.
    Undo,
    /// Compares names and sizes.
    QuickCheck,
    /// Reads and hashes everything.
    DeepCheck,
    /// Puts the keyboard into the search field.
    Search,
    /// Finds a command by its name.
    Palette,
    /// Tells of what is focused.
    Help,
    /// Shows all keys.
    Shortcuts,
    /// Shows a download that may be broken.
    SeeRecovery,
    /// Shows versions and paths.
    About,
    /// Closes the program.
    Quit,
    /// Dark, light, or as the system has it.
    Theme(ThemePreference),
    /// How close rows stand.
    Density(Density),
    /// What is done to the list of packages as a list.
    List(ListCommand),
    /// What is done with downloads.
    Download(DownloadCommand),
    /// What is done with jobs and the delivery manager.
    Job(JobCommand),
    /// What is done with computers.
    Computer(ComputerCommand),
    /// What is done with staging libraries and staged packages.
    Staging(StagingCommand),
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
    /// Whether anything runs that would be in the way of a move.
    pub is_working: bool,
    /// Whether the folder is still there from which the library was moved.
    pub old_copy: bool,
    /// Removed packages that can be taken back.
    pub removed: u64,
    /// What Ctrl+Z takes back, as the menu says it.
    pub undo: Option<String>,
    /// The selected packages.
    pub selected: Arc<Selected>,
    /// What the list of packages can do now.
    pub list: ListScope,
    /// The group whose packages are shown.
    pub group: Option<String>,
    /// The selected key, on the page of keys.
    pub key: Option<SelectedKey>,
    /// What can be done with downloads now.
    pub downloads: DownloadScope,
    /// What can be done with jobs now.
    pub jobs: JobScope,
    /// What can be done with computers now.
    pub computers: ComputerScope,
    /// What can be done with staging libraries now.
    pub staging: StagingScope,
}

/// What a command needs to know of the selected key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedKey {
    /// Whether its secret part is here.
    pub is_own: bool,
    /// Whether it seals no longer.
    pub is_retired: bool,
}

impl Scope {
    /// Why `command` cannot be used now.
    pub fn refusal(&self, command: Command) -> Option<&'static str> {
        use Command as C;
        match command {
            C::List(command) => return self.list.refusal(command, &self.selected),
            C::Quit
            | C::Theme(_)
            | C::Density(_)
            | C::ChooseLibrary
            | C::Palette
            | C::Help
            | C::Shortcuts
            | C::About => {
                return None;
            }
            _ if !self.is_open => return Some("No library is open"),
            C::Search | C::Go(_) | C::VerifyHistory | C::ExportHistory | C::PrintReport => return None,
            C::CreateKey | C::ImportKey | C::TrustKey => return None,
            C::BackUpKey | C::CopyKey | C::ForgetKey => return self.key_refusal(command),
            C::Properties => return self.selected.is_empty().then_some("No package is selected"),
            C::Download(command) => return self.downloads.refusal(command),
            C::Job(command) if !JobScope::writes(command) => {
                return self.jobs.refusal(command, &self.selected);
            }
            C::Staging(command) if !StagingScope::writes(command) => {
                return self.staging.refusal(command, &self.selected);
            }
            _ if self.unreachable => return Some("The library folder cannot be reached"),
            C::HandOver => return None,
            _ => {}
        }
        let only_reads = match command {
            C::QuickCheck | C::DeepCheck | C::Export => true,
            C::Computer(command) => !ComputerScope::writes(command),
            _ => false,
        };
        if self.is_read_only && !only_reads {
            return Some("The library is open for reading only");
        }
        match command {
            C::Job(command) => return self.jobs.refusal(command, &self.selected),
            C::Computer(command) => return self.computers.refusal(command),
            C::Staging(command) => return self.staging.refusal(command, &self.selected),
            C::NewPackage | C::NewGroup | C::SeeRecovery => return None,
            C::MoveLibrary => {
                return self.is_working.then_some("Wait until what runs has ended, or cancel it");
            }
            C::DeleteOldCopy => return (!self.old_copy).then_some("There is no old copy"),
            C::RenameGroup | C::RemoveGroup => {
                return self.group.is_none().then_some("Select a group in the tree");
            }
            C::Undo => {
                let nothing = self.removed == 0 && self.undo.is_none();
                return nothing.then_some("There is nothing to undo");
            }
            // Without a selection it asks for an archive file.
            C::Restore if self.selected.is_empty() => return None,
            _ if self.selected.is_empty() => return Some("No package is selected"),
            _ => {}
        }
        let all = |state| self.selected.in_state(state) == self.selected.len();
        let any = |state| self.selected.in_state(state) > 0;
        let one = self.selected.len() == 1;
        match command {
            C::Seal | C::Unseal | C::NewVersion | C::Restore | C::Export | C::AcceptChanges if !one => {
                Some("Select one package")
            }
            C::AcceptChanges
                if self.selected.iter().all(|package| package.finding == Finding::Consistent) =>
            {
                Some("The package is as recorded, as far as it was checked")
            }
            C::Repair => {
                let mut refusals = self.selected.iter().map(repair_refusal);
                // One that can be repaired is enough; of the reasons of the others the first is told.
                refusals.try_fold(None, |first, refusal| Some(first.or(Some(refusal?)))).flatten()
            }
            C::Seal if !all(PackageState::Open) => Some("Only an open package can be sealed"),
            C::Unseal if !all(PackageState::Sealed) => Some("Only a sealed package can be unsealed"),
            C::NewVersion | C::Export if any(PackageState::Archived) => {
                Some("The package is archived: restore it first")
            }
            C::Restore if !all(PackageState::Archived) => Some("The package is not archived"),
            C::Archive if !all(PackageState::Sealed) => Some("Only sealed packages can be archived"),
            _ => None,
        }
    }
}

/// Why a package cannot be repaired, as far as the list says.
pub(super) fn repair_refusal(package: &PackageSummary) -> Option<&'static str> {
    if package.state == PackageState::Archived {
        Some("The package is archived: restore it first")
    } else if package.revision == 0 {
        Some("The package has never been sealed, nobody has a copy to repair from")
    } else if package.finding == Finding::Consistent {
        Some("The package is as recorded, as far as it was checked")
    } else {
        None
    }
}

impl Scope {
    /// Why nothing can be written now.
    pub fn write_refusal(&self) -> Option<&'static str> {
        if self.unreachable {
            return Some("The library folder cannot be reached");
        }
        self.is_read_only.then_some("The library is open for reading only")
    }

    /// Why no folder can be watched.
    pub fn watch_refusal(&self) -> Option<&'static str> {
        self.is_read_only.then_some("The library is open for reading only")
    }

    /// Why `command` cannot be used with the selected key.
    fn key_refusal(&self, command: Command) -> Option<&'static str> {
        match (command, self.key) {
            (_, None) => Some("Select a key on the page of keys"),
            (Command::BackUpKey, Some(key)) if !key.is_own => {
                Some("The secret part of this key is somewhere else")
            }
            (Command::ForgetKey, Some(key)) if key.is_own && key.is_retired => {
                Some("The key is retired already")
            }
            _ => None,
        }
    }
}

impl Command {
    /// The tool bar of a place; the first is what most people come for.
    pub fn tools(place: &Place) -> &'static [Self] {
        use Command as C;
        match place {
            Place::Packages | Place::Group(_) | Place::AutoRegistered | Place::Retired => &[
                C::NewPackage,
                C::Seal,
                C::Job(JobCommand::Deploy),
                C::Archive,
                C::Restore,
                C::QuickCheck,
                C::DeepCheck,
            ],
            Place::Archived => &[C::Restore, C::DeepCheck, C::Properties],
            Place::Inconsistent => &[C::Repair, C::AcceptChanges, C::QuickCheck, C::DeepCheck, C::Properties],
            Place::Downloads => &DownloadCommand::TOOLS,
            Place::Jobs => &JobCommand::TOOLS,
            Place::Job(_) => &JobCommand::TARGET_TOOLS,
            Place::Computers | Place::ComputerGroup(_) | Place::TestComputers | Place::NotSeen => {
                &ComputerCommand::TOOLS
            }
            Place::Staging | Place::StagingLibrary(_) => &StagingCommand::TOOLS,
            Place::History => &[C::ExportHistory, C::PrintReport, C::VerifyHistory],
            Place::LibraryCheck | Place::Tasks | Place::Settings => &[C::NewPackage],
            Place::Search => &[C::NewPackage],
            Place::Keys => &[C::CreateKey, C::ImportKey, C::TrustKey, C::BackUpKey, C::CopyKey, C::ForgetKey],
        }
    }

    /// The context menu of a package, in groups.
    pub const PACKAGE_MENU: [&'static [Self]; 6] = [
        &[Self::Properties, Self::QuickCheck, Self::DeepCheck, Self::Repair, Self::AcceptChanges],
        &[Self::Seal, Self::Unseal, Self::NewVersion],
        &[
            Self::Job(JobCommand::Deploy),
            Self::Staging(StagingCommand::Stage),
            Self::Staging(StagingCommand::Unstage),
            Self::Staging(StagingCommand::VerifyCopy),
            Self::Staging(StagingCommand::VerifyCopyDeep),
        ],
        &[Self::Archive, Self::Restore, Self::Export],
        &[Self::MoveToGroup],
        &[Self::Remove],
    ];

    /// The context menu of a group in the tree.
    pub const GROUP_MENU: [Self; 3] = [Self::NewGroup, Self::RenameGroup, Self::RemoveGroup];

    /// The context menu of a place in the tree.
    pub fn tree_menu(place: &Place) -> &'static [Self] {
        match place {
            place if place.is_computers() => &ComputerCommand::TREE_MENU,
            place if place.is_staging() => &StagingCommand::TREE_MENU,
            Place::Jobs | Place::Job(_) => {
                const { &[Self::Job(JobCommand::New), Self::Job(JobCommand::StartManager)] }
            }
            _ => &Self::GROUP_MENU,
        }
    }

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
            Self::MoveLibrary => Entry::new(self, "Move library…")
                .hover("Copy it to another folder, prove the copy, switch over"),
            Self::DeleteOldCopy => Entry::new(self, "Delete the old copy…")
                .hover("Delete the folder from which the library was moved"),
            Self::HandOver => Entry::new(self, "Hand over…")
                .hover("Write what a successor must know: place, keys, groups, what is not settled"),
            Self::Go(page) => {
                let entry = Entry::new(self, page.word()).hover(page.purpose());
                match page.key() {
                    Some((modifiers, key)) => entry.shortcut(KeyboardShortcut::new(modifiers, key)),
                    None => entry,
                }
            }
            Self::NewGroup => Entry::new(self, "New group…").hover("Make a software group"),
            Self::RenameGroup => Entry::new(self, "Rename group…").shortcut(key(Modifiers::NONE, Key::F2)),
            Self::RemoveGroup => Entry::new(self, "Remove group…").hover("Its packages stay in the library"),
            Self::MoveToGroup => {
                Entry::new(self, "Move to group…").hover("File the selection under a software group")
            }
            Self::AcceptChanges => {
                Entry::new(self, "Accept changes…").hover("The files are right: record the new checksum")
            }
            Self::Repair => Entry::new(self, "Repair…")
                .hover("The files are wrong: fetch what is missing or damaged from somebody who has it"),
            Self::VerifyHistory => {
                Entry::new(self, "Verify the chain").hover("Follow History from its first entry to its last")
            }
            Self::ExportHistory => Entry::new(self, "Export History…")
                .hover("Write the entries that pass the filter to a file, as CSV or JSON"),
            Self::PrintReport => Entry::new(self, "Print report…")
                .hover("Write the accepted changes that pass the filter for printing, one page each"),
            Self::CreateKey => {
                Entry::new(self, "Create key…").hover("Make a key that seals from now on").icon(Icon::Plus)
            }
            Self::ImportKey => Entry::new(self, "Import key…").hover("Take an own key from its backup"),
            Self::TrustKey => Entry::new(self, "Trust a key…").hover("Believe the seals of somebody else"),
            Self::BackUpKey => {
                Entry::new(self, "Save backup…").hover("Write the selected key to a file, with a passphrase")
            }
            Self::CopyKey => {
                Entry::new(self, "Copy public key").hover("What others need to trust your seals")
            }
            Self::ForgetKey => Entry::new(self, "Retire key…")
                .hover("Seal with the selected key no longer, or distrust one of somebody else"),
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
            Self::Undo => Entry::new(self, "Undo").shortcut(key(ctrl, Key::Z)),
            Self::QuickCheck => Entry::new(self, "Quick check")
                .hover("Compare names and sizes with the recorded checksum (F5)")
                .shortcut(key(Modifiers::NONE, Key::F5)),
            Self::DeepCheck => Entry::new(self, "Deep check")
                .hover("Read every file and compare its hashes (Shift+F5)")
                .shortcut(key(Modifiers::SHIFT, Key::F5)),
            Self::Search => Entry::new(self, "Search").shortcut(key(ctrl, Key::F)),
            Self::Palette => Entry::new(self, "Find a command…").shortcut(key(ctrl, Key::K)),
            Self::Help => Entry::new(self, "Help on what is shown").shortcut(key(Modifiers::NONE, Key::F1)),
            // `?` shows them, where nobody types.
            Self::Shortcuts => Entry::new(self, "Keyboard shortcuts"),
            Self::SeeRecovery => Entry::new(self, "See a recovery").hover(
                "A sample download that you may break: cut the cable, corrupt a block, stop the server",
            ),
            Self::About => Entry::new(self, "About Packhouse"),
            Self::Quit => Entry::new(self, "Quit").shortcut(key(ctrl, Key::Q)),
            Self::Theme(ThemePreference::Dark) => Entry::new(self, "Dark"),
            Self::Theme(ThemePreference::Light) => Entry::new(self, "Light"),
            Self::Theme(ThemePreference::System) => Entry::new(self, "As the system has it"),
            Self::Density(density) => Entry::new(self, density.word()),
            Self::List(command) => command.entry(),
            Self::Download(command) => command.entry(),
            Self::Job(command) => command.entry(),
            Self::Computer(command) => command.entry(),
            Self::Staging(command) => command.entry(),
        }
    }

    /// The menu bar; `refused` says why a command cannot be used now.
    pub fn menus(
        theme: ThemePreference,
        density: Density,
        list: &ListScope,
        refused: impl Fn(Self) -> Option<&'static str>,
    ) -> Vec<Menu<Self>> {
        let group = |commands: &[Self]| -> Vec<Entry<Self>> {
            commands.iter().map(|command| command.entry().refused(refused(*command))).collect()
        };
        let menu = |title: &str, groups| Menu { title: title.to_owned(), groups };
        let themes = [ThemePreference::System, ThemePreference::Light, ThemePreference::Dark]
            .map(|choice| Self::Theme(choice).entry().chosen(choice == theme));
        let densities = Density::ALL.map(|choice| Self::Density(choice).entry().chosen(choice == density));
        let pages = Page::ALL.map(Self::Go);
        vec![
            menu(
                "Library",
                vec![
                    group(&[Self::NewPackage]),
                    group(&Self::GROUP_MENU),
                    group(&[Self::VerifyHistory, Self::ExportHistory, Self::PrintReport]),
                    group(&[Self::ChooseLibrary, Self::MoveLibrary, Self::DeleteOldCopy, Self::HandOver]),
                    group(&[Self::Quit]),
                ],
            ),
            menu(
                "Edit",
                vec![
                    group(&[Self::Undo]),
                    group(&ListCommand::COPIES),
                    group(&[Self::List(ListCommand::AllButNewest)]),
                    group(&[Self::Search]),
                    group(&ListCommand::HITS),
                ],
            ),
            menu("Package", Self::PACKAGE_MENU.iter().map(|commands| group(commands)).collect()),
            menu("Delivery", DownloadCommand::MENU.iter().map(|commands| group(commands)).collect()),
            menu("Jobs", JobCommand::MENU.iter().map(|commands| group(commands)).collect()),
            menu("Computers", ComputerCommand::MENU.iter().map(|commands| group(commands)).collect()),
            menu("Staging", StagingCommand::MENU.iter().map(|commands| group(commands)).collect()),
            menu(
                "Keys",
                vec![
                    group(&[Self::CreateKey, Self::ImportKey, Self::TrustKey]),
                    group(&[Self::BackUpKey, Self::CopyKey, Self::ForgetKey]),
                ],
            ),
            menu(
                "View",
                vec![
                    group(&pages),
                    list.view_entries(&refused),
                    densities.into_iter().chain(group(&ListCommand::DENSITIES)).collect(),
                    themes.to_vec(),
                ],
            ),
            menu(
                "Help",
                vec![
                    group(&[Self::Help, Self::Palette, Self::Shortcuts]),
                    group(&[Self::SeeRecovery]),
                    group(&[Self::About]),
                ],
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_has_two_meanings() {
        let menus = Command::menus(ThemePreference::System, Density::Normal, &ListScope::default(), |_| None);
        let mut keys = HashSet::new();
        for entry in menus.iter().flat_map(|menu| menu.groups.iter().flatten()) {
            if let Some(shortcut) = entry.shortcut {
                assert!(keys.insert(shortcut), "{}", entry.text);
            }
        }
    }

    #[test]
    fn every_tool_stands_in_a_menu() {
        let menus = Command::menus(ThemePreference::System, Density::Normal, &ListScope::default(), |_| None);
        for tool in Page::ALL.iter().flat_map(|page| Command::tools(&page.place())) {
            let found = menus.iter().flat_map(|menu| menu.groups.iter().flatten());
            assert!(found.into_iter().any(|entry| entry.command == *tool), "{tool:?}");
        }
    }

    #[test]
    fn without_a_library_only_the_window_obeys() {
        let scope = Scope::default();
        assert_eq!(scope.refusal(Command::Quit), None);
        assert_eq!(scope.refusal(Command::ChooseLibrary), None);
        for command in Command::tools(&Place::Packages) {
            assert_eq!(scope.refusal(*command), Some("No library is open"), "{command:?}");
        }
        let open = Scope { is_open: true, ..Scope::default() };
        assert_eq!(open.refusal(Command::NewPackage), None);
        assert_eq!(open.refusal(Command::Restore), None, "asks for a file");
        assert_eq!(open.refusal(Command::Seal), Some("No package is selected"));
        assert_eq!(open.refusal(Command::Undo), Some("There is nothing to undo"));
        assert_eq!(open.refusal(Command::RenameGroup), Some("Select a group in the tree"));
    }

    #[test]
    fn what_is_staged_is_verified_where_nothing_may_be_written() {
        let scope = Scope { is_open: true, is_read_only: true, ..Scope::default() };
        let why = |command| scope.refusal(Command::Staging(command));
        assert_eq!(why(StagingCommand::Add), Some("The library is open for reading only"));
        assert_eq!(why(StagingCommand::Stage), Some("The library is open for reading only"));
        assert_eq!(why(StagingCommand::VerifyCopy), Some("No package is selected"));
        assert_eq!(why(StagingCommand::Refresh), None);
    }

    #[test]
    fn a_key_of_somebody_else_has_no_backup_here() {
        let with = |is_own, is_retired| Scope {
            is_open: true,
            key: Some(SelectedKey { is_own, is_retired }),
            ..Scope::default()
        };
        assert_eq!(with(true, false).refusal(Command::BackUpKey), None);
        assert!(with(false, false).refusal(Command::BackUpKey).is_some());
        assert_eq!(with(false, false).refusal(Command::ForgetKey), None);
        assert!(with(true, true).refusal(Command::ForgetKey).is_some());
        assert!(Scope { is_open: true, ..Scope::default() }.refusal(Command::CopyKey).is_some());
    }
}
