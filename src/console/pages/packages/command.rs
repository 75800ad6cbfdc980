//! The commands of the list as a list: what is shown of it, what is copied from it, where the cursor goes.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::console::command::Command;
use crate::console::selected::Selected;
use crate::console::shell::Entry;

/// What can be done to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListCommand {
    /// Shows or hides the details pane.
    Details,
    /// Puts the details pane below the list, or at its right again.
    DetailsBelow,
    /// Shows or hides the fields below the headers.
    FilterRow,
    /// Chooses the columns.
    Columns,
    /// Shows everything again.
    ClearFilter,
    /// Selects of each product what is older than its two newest versions.
    AllButNewest,
    /// Goes to the next row that the search found.
    NextHit,
    /// Goes to the one before.
    PreviousHit,
    /// Goes to the next package that is not as recorded.
    NextFinding,
    /// Goes to the one before.
    PreviousFinding,
    /// Copies the selected rows as text.
    CopyRows,
    /// Copies the checksums of the selected packages.
    CopyChecksum,
    /// Higher rows.
    Larger,
    /// Lower rows.
    Smaller,
}

/// What the list can do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListScope {
    /// A list of packages is on the screen.
    pub is_shown: bool,
    /// The details pane is.
    pub details: bool,
    /// It stands below the list.
    pub details_below: bool,
    /// The fields below the headers are.
    pub filter_row: bool,
    /// Something is left out by chips or fields.
    pub is_filtered: bool,
    /// Something is searched for.
    pub is_searching: bool,
}

impl ListCommand {
    /// What copies.
    pub const COPIES: [Command; 2] = [Command::List(Self::CopyRows), Command::List(Self::CopyChecksum)];
    /// What goes from hit to hit.
    pub const HITS: [Command; 4] = [
        Command::List(Self::NextHit),
        Command::List(Self::PreviousHit),
        Command::List(Self::NextFinding),
        Command::List(Self::PreviousFinding),
    ];
    /// What changes the height of rows.
    pub const DENSITIES: [Command; 2] = [Command::List(Self::Larger), Command::List(Self::Smaller)];

    /// Text, hover text and key.
    pub fn entry(self) -> Entry<Command> {
        let entry = |text: &str| Entry::new(Command::List(self), text);
        let key = |modifiers, key| KeyboardShortcut::new(modifiers, key);
        let ctrl_shift = Modifiers::COMMAND | Modifiers::SHIFT;
        match self {
            Self::Details => entry("Details pane").shortcut(key(Modifiers::NONE, Key::F4)),
            Self::DetailsBelow => entry("Details below the list"),
            Self::FilterRow => entry("Filter row").shortcut(key(ctrl_shift, Key::F)),
            Self::Columns => entry("Columns…"),
            Self::ClearFilter => entry("Clear filter"),
            Self::AllButNewest => entry("Select all but the newest 2 versions")
                .hover("Of each product, what is neither among its two newest versions nor archived"),
            Self::NextHit => entry("Next hit").shortcut(key(Modifiers::NONE, Key::F3)),
            Self::PreviousHit => entry("Previous hit").shortcut(key(Modifiers::SHIFT, Key::F3)),
            Self::NextFinding => entry("Next finding").shortcut(key(Modifiers::NONE, Key::F8)),
            Self::PreviousFinding => entry("Previous finding").shortcut(key(Modifiers::SHIFT, Key::F8)),
            Self::CopyRows => entry("Copy rows").shortcut(key(Modifiers::COMMAND, Key::C)),
            Self::CopyChecksum => entry("Copy checksum").shortcut(key(ctrl_shift, Key::C)),
            Self::Larger => entry("Larger rows").shortcut(key(Modifiers::COMMAND, Key::Plus)),
            Self::Smaller => entry("Smaller rows").shortcut(key(Modifiers::COMMAND, Key::Minus)),
        }
    }
}

impl ListScope {
    /// Why `command` cannot be used now.
    pub fn refusal(&self, command: ListCommand, selected: &Selected) -> Option<&'static str> {
        use ListCommand as L;
        match command {
            L::Larger | L::Smaller => None,
            _ if !self.is_shown => Some("No list of packages is on the screen"),
            L::CopyRows | L::CopyChecksum if selected.is_empty() => Some("No package is selected"),
            L::NextHit | L::PreviousHit if !self.is_searching => Some("Nothing is searched for"),
            L::ClearFilter if !self.is_filtered => Some("Nothing is filtered"),
            L::DetailsBelow if !self.details => Some("The details pane is not shown"),
            _ => None,
        }
    }

    /// What the View menu says of the list.
    pub fn view_entries(&self, refused: &impl Fn(Command) -> Option<&'static str>) -> Vec<Entry<Command>> {
        let entry = |command: ListCommand| command.entry().refused(refused(Command::List(command)));
        vec![
            entry(ListCommand::Details).chosen(self.details),
            entry(ListCommand::DetailsBelow).chosen(self.details_below),
            entry(ListCommand::FilterRow).chosen(self.filter_row),
            entry(ListCommand::Columns),
            entry(ListCommand::ClearFilter),
        ]
    }
}
