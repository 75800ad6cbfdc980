//! The commands of the page *Downloads*, and when each can be used.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::console::command::Command;
use crate::console::icons::Icon;
use crate::console::shell::Entry;
use crate::package::download::DownloadState;

/// What can be done with downloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadCommand {
    /// Asks for an address.
    New,
    /// Stops the selected ones until somebody says otherwise.
    Pause,
    /// Goes on.
    Resume,
    /// Ends the wait.
    RetryNow,
    /// Reads what is in the folder, and fetches what does not match.
    CheckAgain,
    /// Registers the finished one as a package.
    Register,
    /// Sets how many bytes a second it may take.
    Limit,
    /// Shows its folder in the file manager.
    OpenFolder,
    /// Copies its address.
    CopyAddress,
    /// Takes it off the list.
    Remove,
}

/// What a command needs to know of a selected download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedDownload {
    /// How it stands.
    pub state: DownloadState,
    /// Whether it became a package already.
    pub is_registered: bool,
}

/// What can be done with downloads now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownloadScope {
    /// Whether this library takes downloads.
    pub is_there: bool,
    /// The selected ones, on the page *Downloads*.
    pub selected: Vec<SelectedDownload>,
}

impl DownloadScope {
    /// Why `command` cannot be used now.
    pub fn refusal(&self, command: DownloadCommand) -> Option<&'static str> {
        use DownloadCommand as C;
        if !self.is_there {
            return Some("This library takes no downloads");
        }
        let all = |takes: fn(&SelectedDownload) -> bool| self.selected.iter().all(takes);
        match command {
            C::New => None,
            _ if self.selected.is_empty() => Some("No download is selected"),
            C::Register | C::Limit | C::OpenFolder | C::CopyAddress if self.selected.len() != 1 => {
                Some("Select one download")
            }
            C::Pause if all(|one| one.state == DownloadState::Paused) => Some("It is paused already"),
            C::Pause if all(|one| one.state.is_final()) => Some("Nothing is being fetched any more"),
            C::Resume if !self.selected.iter().any(|one| one.state == DownloadState::Paused) => {
                Some("It is not paused")
            }
            C::RetryNow if !self.selected.iter().any(|one| one.state == DownloadState::Retrying) => {
                Some("It waits for nothing")
            }
            C::CheckAgain if all(|one| one.state == DownloadState::Checking) => Some("It is being checked"),
            C::Register if all(|one| one.is_registered) => Some("It is registered already"),
            C::Register if !all(|one| one.state == DownloadState::Ready) => Some("It is not ready yet"),
            _ => None,
        }
    }
}

impl DownloadCommand {
    /// The tool bar of the page.
    pub const TOOLS: [Command; 7] = [
        Command::Download(Self::New),
        Command::Download(Self::Pause),
        Command::Download(Self::Resume),
        Command::Download(Self::RetryNow),
        Command::Download(Self::CheckAgain),
        Command::Download(Self::Register),
        Command::Download(Self::Remove),
    ];

    /// The menu *Download*, and the context menu of a row (without the first group), in groups.
    pub const MENU: [&'static [Command]; 4] = [
        &[Command::Download(Self::New)],
        &[
            Command::Download(Self::Pause),
            Command::Download(Self::Resume),
            Command::Download(Self::RetryNow),
            Command::Download(Self::CheckAgain),
            Command::Download(Self::Limit),
        ],
        &[
            Command::Download(Self::Register),
            Command::Download(Self::OpenFolder),
            Command::Download(Self::CopyAddress),
        ],
        &[Command::Download(Self::Remove)],
    ];

    /// Text, hover text, key and icon.
    pub fn entry(self) -> Entry<Command> {
        let entry = |text: &str| Entry::new(Command::Download(self), text);
        match self {
            Self::New => entry("New download…")
                .hover("Download a package by its address, or with a .meta4 file (Ctrl+D)")
                .icon(Icon::Plus)
                .shortcut(KeyboardShortcut::new(Modifiers::COMMAND, Key::D)),
            Self::Pause => entry("Pause").hover("Stop until Resume, also over a restart; nothing is lost"),
            Self::Resume => entry("Resume").hover("Go on with the blocks that are missing"),
            Self::RetryNow => entry("Retry now").hover("Ask every codebase again at once"),
            Self::CheckAgain => entry("Check again")
                .hover("Read what is in the folder, and fetch the blocks that do not match (F5)"),
            Self::Register => entry("Register…").hover("Make a package of the finished download"),
            Self::Limit => entry("Limit…").hover("Set how many bytes a second it takes"),
            Self::OpenFolder => entry("Open folder").hover("Show the files in the file manager"),
            Self::CopyAddress => entry("Copy address"),
            Self::Remove => entry("Remove…").hover("The files stay, or are deleted with it (Del)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(states: &[DownloadState]) -> DownloadScope {
        let selected = states.iter().map(|state| SelectedDownload { state: *state, is_registered: false });
        DownloadScope { is_there: true, selected: selected.collect() }
    }

    #[test]
    fn what_does_not_fit_the_state_says_why() {
        use DownloadCommand as C;
        use DownloadState as S;
        assert_eq!(DownloadScope::default().refusal(C::New), Some("This library takes no downloads"));
        assert_eq!(scope(&[]).refusal(C::New), None);
        assert_eq!(scope(&[]).refusal(C::Remove), Some("No download is selected"));
        assert_eq!(scope(&[S::Downloading]).refusal(C::Pause), None);
        assert_eq!(scope(&[S::Paused]).refusal(C::Pause), Some("It is paused already"));
        assert_eq!(scope(&[S::Ready]).refusal(C::Pause), Some("Nothing is being fetched any more"));
        assert_eq!(scope(&[S::Downloading]).refusal(C::Resume), Some("It is not paused"));
        assert_eq!(scope(&[S::Paused]).refusal(C::Resume), None);
        assert_eq!(scope(&[S::Retrying]).refusal(C::RetryNow), None);
        assert_eq!(scope(&[S::Paused]).refusal(C::RetryNow), Some("It waits for nothing"));
        assert_eq!(scope(&[S::Ready]).refusal(C::Register), None);
        assert_eq!(scope(&[S::Invalid]).refusal(C::Register), Some("It is not ready yet"));
        assert_eq!(scope(&[S::Ready, S::Ready]).refusal(C::Limit), Some("Select one download"));
        let mut done = scope(&[S::Ready]);
        done.selected[0].is_registered = true;
        assert_eq!(done.refusal(C::Register), Some("It is registered already"));
    }
}
