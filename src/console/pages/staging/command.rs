//! The commands about staging libraries and what lies there, and when each can be used.

use crate::console::command::Command;
use crate::console::icons::Icon;
use crate::console::selected::Selected;
use crate::console::shell::Entry;
use crate::package::PackageState;

/// What can be done with staging libraries and staged packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StagingCommand {
    /// Adds one.
    Add,
    /// Opens the property window of the selected one.
    Properties,
    /// Looks what lies in the selected one.
    Reconcile,
    /// Verifies what lies in the selected one, by names and sizes.
    VerifyAll,
    /// The same by contents.
    VerifyAllDeep,
    /// Takes the selected one off the list.
    Remove,
    /// Reads the page anew, and asks whether they answer.
    Refresh,
    /// Brings the selected packages to staging libraries.
    Stage,
    /// Removes the selected packages from staging libraries.
    Unstage,
    /// Verifies the copies of the selected packages, by names and sizes.
    VerifyCopy,
    /// The same by contents.
    VerifyCopyDeep,
}

/// What can be done with staging libraries now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StagingScope {
    /// How many are selected on their page.
    pub selected: usize,
    /// How many there are.
    pub libraries: usize,
    /// How many of the selected packages are staged somewhere.
    pub staged: usize,
}

impl StagingScope {
    /// Why `command` cannot be used now; `packages` are the selected ones.
    pub fn refusal(&self, command: StagingCommand, packages: &Selected) -> Option<&'static str> {
        use StagingCommand as C;
        match command {
            C::Add | C::Refresh => None,
            C::Stage | C::Unstage | C::VerifyCopy | C::VerifyCopyDeep if packages.is_empty() => {
                Some("No package is selected")
            }
            C::Stage if packages.in_state(PackageState::Sealed) != packages.len() => {
                Some("Only sealed packages are staged")
            }
            C::Stage => (self.libraries == 0).then_some("There is no staging library: add one first"),
            C::Unstage | C::VerifyCopy | C::VerifyCopyDeep => {
                let one = packages.len() == 1;
                let why = if one { "The package is not staged" } else { "None of the packages is staged" };
                (self.staged == 0).then_some(why)
            }
            _ if self.selected == 0 => Some("No staging library is selected"),
            C::Properties | C::Reconcile | C::Remove if self.selected > 1 => {
                Some("Select one staging library")
            }
            _ => None,
        }
    }

    /// Whether it changes the library or what is known of staging libraries.
    pub fn writes(command: StagingCommand) -> bool {
        use StagingCommand as C;
        !matches!(
            command,
            C::Properties | C::VerifyAll | C::VerifyAllDeep | C::VerifyCopy | C::VerifyCopyDeep | C::Refresh
        )
    }
}

impl StagingCommand {
    /// The tool bar of the page.
    pub const TOOLS: [Command; 6] = [
        Command::Staging(Self::Add),
        Command::Staging(Self::Properties),
        Command::Staging(Self::Reconcile),
        Command::Staging(Self::VerifyAll),
        Command::Staging(Self::VerifyAllDeep),
        Command::Staging(Self::Remove),
    ];

    /// The menu *Staging*, in groups.
    pub const MENU: [&'static [Command]; 3] = [
        &[Command::Staging(Self::Add), Command::Staging(Self::Properties)],
        &[
            Command::Staging(Self::Reconcile),
            Command::Staging(Self::VerifyAll),
            Command::Staging(Self::VerifyAllDeep),
        ],
        &[Command::Staging(Self::Refresh), Command::Staging(Self::Remove)],
    ];

    /// The context menu of a staging library, in groups.
    pub const ROW_MENU: [&'static [Command]; 3] = [
        &[Command::Staging(Self::Properties)],
        &[
            Command::Staging(Self::Reconcile),
            Command::Staging(Self::VerifyAll),
            Command::Staging(Self::VerifyAllDeep),
        ],
        &[Command::Staging(Self::Remove)],
    ];

    /// The context menu of a staging library in the tree.
    pub const TREE_MENU: [Command; 4] = [
        Command::Staging(Self::Add),
        Command::Staging(Self::Properties),
        Command::Staging(Self::Reconcile),
        Command::Staging(Self::Remove),
    ];

    /// What is done with packages, as it stands in their menus.
    pub const PACKAGE_MENU: [Command; 4] = [
        Command::Staging(Self::Stage),
        Command::Staging(Self::Unstage),
        Command::Staging(Self::VerifyCopy),
        Command::Staging(Self::VerifyCopyDeep),
    ];

    /// Text, hover text and icon.
    pub fn entry(self) -> Entry<Command> {
        let entry = |text: &str| Entry::new(Command::Staging(self), text);
        match self {
            Self::Add => entry("Add staging library…")
                .hover("A folder, share, web server or bucket that agents read. In ITMS: package server")
                .icon(Icon::Plus),
            Self::Properties => entry("Edit staging library…")
                .hover("Address, line, what lies there, whose home it is (Enter)"),
            Self::Reconcile => entry("Reconcile…")
                .hover("Look what lies there: what is unknown, missing, outdated or incomplete"),
            Self::VerifyAll => entry("Verify all there")
                .hover("Hold names and sizes of all that lies there against its seals"),
            Self::VerifyAllDeep => entry("Verify all there deep")
                .hover("Read all that lies there and compare its hashes with the seals"),
            Self::Remove => entry("Remove staging library…")
                .hover("Take it off the list; what lies there stays there (Del)"),
            Self::Refresh => entry("Refresh staging libraries")
                .hover("Read the page again, and ask whether they answer (F5)"),
            Self::Stage => entry("Stage…").hover("Bring it to staging libraries, where agents read it"),
            Self::Unstage => entry("Unstage…").hover("Remove it from staging libraries"),
            Self::VerifyCopy => {
                entry("Verify staged copy").hover("Hold names and sizes of what is staged against its seal")
            }
            Self::VerifyCopyDeep => entry("Verify staged copy deep")
                .hover("Read what is staged and compare its hashes with the seal"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_staging_library_or_a_package_says_so() {
        use StagingCommand as C;
        let nobody = Selected::default();
        let scope = |selected| StagingScope { selected, libraries: 3, staged: 0 };
        let why = |selected, command| scope(selected).refusal(command, &nobody);
        assert_eq!(why(0, C::Add), None);
        assert_eq!(why(0, C::Reconcile), Some("No staging library is selected"));
        assert_eq!(why(2, C::Remove), Some("Select one staging library"));
        assert_eq!(why(2, C::VerifyAll), None);
        assert_eq!(why(1, C::Reconcile), None);
        for command in [C::Stage, C::Unstage, C::VerifyCopy] {
            assert_eq!(why(1, command), Some("No package is selected"));
        }
    }
}
