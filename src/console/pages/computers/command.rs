//! The commands about computers and groups of them, and when each can be used.

use crate::console::command::Command;
use crate::console::icons::Icon;
use crate::console::shell::Entry;

/// What can be done with computers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputerCommand {
    /// Adds some by name.
    Add,
    /// Takes a table of them.
    Import,
    /// Makes a token with which one enrols itself.
    Token,
    /// Chooses the packages that agents keep.
    Keep,
    /// Changes the selected one.
    Edit,
    /// Marks the selected ones as test computers, or takes that back.
    Test,
    /// Puts the selected ones into groups.
    Groups,
    /// Takes the selected ones off the list.
    Remove,
    /// Makes a group.
    NewGroup,
    /// Changes what holds for the computers of the group.
    EditGroup,
    /// Takes the group away; its computers stay.
    RemoveGroup,
    /// Sets up a job for what is selected.
    NewJob,
    /// Reads the page anew.
    Refresh,
}

/// What can be done with computers now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComputerScope {
    /// How many are selected.
    pub selected: usize,
    /// How many of them are test computers.
    pub tests: usize,
    /// The group whose computers are shown.
    pub group: Option<String>,
}

impl ComputerScope {
    /// Why `command` cannot be used now.
    pub fn refusal(&self, command: ComputerCommand) -> Option<&'static str> {
        use ComputerCommand as C;
        match command {
            C::Add | C::Import | C::Token | C::Keep | C::NewGroup | C::Refresh => None,
            C::EditGroup | C::RemoveGroup => {
                self.group.is_none().then_some("Select a group of computers in the tree")
            }
            C::NewJob if self.selected == 0 && self.group.is_some() => None,
            _ if self.selected == 0 => Some("No computer is selected"),
            C::Edit if self.selected > 1 => Some("Select one computer"),
            _ => None,
        }
    }

    /// Whether it changes the library.
    pub fn writes(command: ComputerCommand) -> bool {
        command != ComputerCommand::Refresh
    }
}

impl ComputerCommand {
    /// The tool bar of the page.
    pub const TOOLS: [Command; 7] = [
        Command::Computer(Self::Add),
        Command::Computer(Self::Import),
        Command::Computer(Self::Token),
        Command::Computer(Self::Edit),
        Command::Computer(Self::Groups),
        Command::Computer(Self::NewJob),
        Command::Computer(Self::Remove),
    ];

    /// The menu *Computers*, in groups.
    pub const MENU: [&'static [Command]; 5] = [
        &[Command::Computer(Self::Add), Command::Computer(Self::Import), Command::Computer(Self::Token)],
        &[
            Command::Computer(Self::Edit),
            Command::Computer(Self::Test),
            Command::Computer(Self::Groups),
            Command::Computer(Self::NewJob),
        ],
        &[
            Command::Computer(Self::NewGroup),
            Command::Computer(Self::EditGroup),
            Command::Computer(Self::RemoveGroup),
        ],
        &[Command::Computer(Self::Keep)],
        &[Command::Computer(Self::Refresh), Command::Computer(Self::Remove)],
    ];

    /// The context menu of a computer, in groups.
    pub const ROW_MENU: [&'static [Command]; 3] = [
        &[
            Command::Computer(Self::Edit),
            Command::Computer(Self::Test),
            Command::Computer(Self::Groups),
            Command::Computer(Self::Token),
        ],
        &[Command::Computer(Self::NewJob)],
        &[Command::Computer(Self::Remove)],
    ];

    /// The context menu of a group of computers in the tree.
    pub const TREE_MENU: [Command; 5] = [
        Command::Computer(Self::NewJob),
        Command::Computer(Self::Add),
        Command::Computer(Self::NewGroup),
        Command::Computer(Self::EditGroup),
        Command::Computer(Self::RemoveGroup),
    ];

    /// Text, hover text and icon.
    pub fn entry(self) -> Entry<Command> {
        let entry = |text: &str| Entry::new(Command::Computer(self), text);
        match self {
            Self::Add => entry("Add computers…").hover("Add computers by their names").icon(Icon::Plus),
            Self::Import => {
                entry("Import CSV…").hover("Take a table of computers: name, group, test, staging")
            }
            Self::Token => {
                entry("Enrolment token…").hover("Make a token with which one computer enrols its agent")
            }
            Self::Keep => entry("Packages to keep…")
                .hover("Which packages agents keep although no job needs them, and how much room they take"),
            Self::Edit => entry("Edit computer…").hover("Name, comment, groups, staging library (Enter)"),
            Self::Test => entry("Test computer")
                .hover("Copies and installations on it do not keep a package from being unsealed"),
            Self::Groups => {
                entry("Groups…").hover("Put the selected computers into groups, or take them out")
            }
            Self::Remove => {
                entry("Remove computers…").hover("Take them off the list; nothing on them is touched (Del)")
            }
            Self::NewGroup => entry("New group of computers…"),
            Self::EditGroup => entry("Edit group of computers…")
                .hover("Its comment, and the staging library of its computers"),
            Self::RemoveGroup => entry("Remove group of computers…").hover("Its computers stay on the list"),
            Self::NewJob => entry("New job for these…").hover("Set up a job for the selected computers"),
            Self::Refresh => entry("Refresh computers").hover("Read the page again (F5)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_computer_or_a_group_says_so() {
        use ComputerCommand as C;
        let scope = |selected, group: Option<&str>| ComputerScope {
            selected,
            tests: 0,
            group: group.map(str::to_owned),
        };
        assert_eq!(scope(0, None).refusal(C::Add), None);
        assert_eq!(scope(0, None).refusal(C::Remove), Some("No computer is selected"));
        assert_eq!(scope(2, None).refusal(C::Edit), Some("Select one computer"));
        assert_eq!(scope(2, None).refusal(C::Groups), None);
        assert_eq!(scope(0, None).refusal(C::EditGroup), Some("Select a group of computers in the tree"));
        assert_eq!(scope(0, Some("Köln")).refusal(C::NewJob), None);
        assert_eq!(scope(0, None).refusal(C::NewJob), Some("No computer is selected"));
    }
}
