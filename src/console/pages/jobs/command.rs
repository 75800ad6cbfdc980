//! The commands about jobs and the delivery manager, and when each can be used.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::console::command::Command;
use crate::console::icons::Icon;
use crate::console::selected::Selected;
use crate::console::shell::Entry;
use crate::package::PackageState;
use crate::session::{ContainerView, ManagerStatus};

/// What can be done with jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobCommand {
    /// Sets one up.
    New,
    /// Sets one up for the selected packages.
    Deploy,
    /// Shows its targets.
    Open,
    /// Lets the failed targets be done again.
    RenewFailed,
    /// Lets the selected targets be done again.
    RenewSelected,
    /// Lets nothing else of it begin.
    Halt,
    /// Lets it go on.
    Resume,
    /// Runs the uninstall procedures where it failed.
    Recover,
    /// Copies what is known of the selected targets, for a ticket.
    CopyReport,
    /// Takes it off the list.
    Remove,
    /// Reads the page anew.
    Refresh,
    /// Starts the delivery manager in this program.
    StartManager,
    /// Stops the one of this program.
    StopManager,
    /// Tells how it runs without a person.
    InstallService,
}

/// What a command needs to know of a selected job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelectedJob {
    /// A person halted it, or some of its targets wait until they are let go on.
    pub is_halted: bool,
    /// How many targets have not ended and are not halted.
    pub open: u64,
    /// How many failed.
    pub failed: u64,
}

impl SelectedJob {
    /// Of this one.
    pub fn of(view: &ContainerView) -> Self {
        let totals = &view.totals;
        Self {
            is_halted: view.halted || totals.halted > 0,
            // Before its targets are found it has none, and can be halted all the same.
            open: if view.evaluated.is_none() { 1 } else { totals.open() - totals.halted },
            failed: totals.error,
        }
    }
}

/// Whether a delivery manager runs, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Managed {
    /// It was not read yet.
    #[default]
    Unknown,
    /// In this program.
    Here,
    /// In another one.
    Elsewhere,
    /// None.
    No,
}

impl Managed {
    /// What was read.
    pub fn of(status: Option<&ManagerStatus>) -> Self {
        match status {
            None => Self::Unknown,
            Some(ManagerStatus::Here { .. }) => Self::Here,
            Some(ManagerStatus::Elsewhere { .. }) => Self::Elsewhere,
            Some(ManagerStatus::NotRunning { .. }) => Self::No,
        }
    }
}

/// What can be done with jobs now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobScope {
    /// The selected ones, or the one whose targets are shown.
    pub selected: Vec<SelectedJob>,
    /// Whether the targets of one are shown.
    pub is_on_targets: bool,
    /// How many targets are selected.
    pub targets: usize,
    /// Whether a delivery manager runs.
    pub managed: Managed,
}

impl JobScope {
    /// Why `command` cannot be used now; `packages` are the selected ones.
    pub fn refusal(&self, command: JobCommand, packages: &Selected) -> Option<&'static str> {
        use JobCommand as C;
        let none = |takes: fn(&SelectedJob) -> bool| !self.selected.iter().any(takes);
        match command {
            C::New | C::Refresh | C::InstallService => None,
            C::Deploy => deploy_refusal(packages),
            C::StartManager => match self.managed {
                Managed::Here => Some("The delivery manager runs here already"),
                Managed::Elsewhere => Some("A delivery manager runs in another program"),
                Managed::Unknown | Managed::No => None,
            },
            C::StopManager => (self.managed != Managed::Here).then_some("No delivery manager runs here"),
            C::RenewSelected | C::CopyReport if !self.is_on_targets => Some("Open a job first"),
            C::RenewSelected | C::CopyReport => (self.targets == 0).then_some("No target is selected"),
            _ if self.selected.is_empty() => Some("No job is selected"),
            C::Open if self.is_on_targets => Some("It is open"),
            C::Open | C::RenewFailed | C::Recover if self.selected.len() > 1 => Some("Select one job"),
            C::RenewFailed | C::Recover if none(|job| job.failed > 0) => Some("No target has failed"),
            C::Halt if none(|job| job.open > 0) => Some("Nothing is left to be halted"),
            C::Resume if none(|job| job.is_halted) => Some("It is not halted"),
            _ => None,
        }
    }

    /// Whether it changes the library.
    pub fn writes(command: JobCommand) -> bool {
        use JobCommand as C;
        !matches!(command, C::Open | C::CopyReport | C::Refresh | C::InstallService | C::StopManager)
    }
}

/// Why these packages are not deployed.
fn deploy_refusal(packages: &Selected) -> Option<&'static str> {
    if packages.is_empty() {
        Some("No package is selected")
    } else if packages.in_state(PackageState::Sealed) != packages.len() {
        Some("Only sealed packages are delivered")
    } else if packages.iter().any(|package| package.retired) {
        Some("The package is retired: no new jobs")
    } else {
        None
    }
}

impl JobCommand {
    /// The tool bar of the page *Jobs*.
    pub const TOOLS: [Command; 7] = [
        Command::Job(Self::New),
        Command::Job(Self::Open),
        Command::Job(Self::RenewFailed),
        Command::Job(Self::Halt),
        Command::Job(Self::Resume),
        Command::Job(Self::Recover),
        Command::Job(Self::Remove),
    ];

    /// The tool bar of the page of one job.
    pub const TARGET_TOOLS: [Command; 6] = [
        Command::Job(Self::RenewFailed),
        Command::Job(Self::RenewSelected),
        Command::Job(Self::Halt),
        Command::Job(Self::Resume),
        Command::Job(Self::Recover),
        Command::Job(Self::CopyReport),
    ];

    /// The menu *Jobs*, in groups.
    pub const MENU: [&'static [Command]; 5] = [
        &[Command::Job(Self::New)],
        &[
            Command::Job(Self::Open),
            Command::Job(Self::RenewFailed),
            Command::Job(Self::RenewSelected),
            Command::Job(Self::Halt),
            Command::Job(Self::Resume),
            Command::Job(Self::Recover),
        ],
        &[Command::Job(Self::CopyReport), Command::Job(Self::Refresh)],
        &[Command::Job(Self::Remove)],
        &[
            Command::Job(Self::StartManager),
            Command::Job(Self::StopManager),
            Command::Job(Self::InstallService),
        ],
    ];

    /// The context menu of a job, in groups.
    pub const ROW_MENU: [&'static [Command]; 3] = [
        &[Command::Job(Self::Open)],
        &[
            Command::Job(Self::RenewFailed),
            Command::Job(Self::Halt),
            Command::Job(Self::Resume),
            Command::Job(Self::Recover),
        ],
        &[Command::Job(Self::Remove)],
    ];

    /// The context menu of a target, in groups.
    pub const TARGET_MENU: [&'static [Command]; 2] = [
        &[Command::Job(Self::RenewSelected), Command::Job(Self::Halt), Command::Job(Self::Resume)],
        &[Command::Job(Self::CopyReport)],
    ];

    /// Text, hover text, key and icon.
    pub fn entry(self) -> Entry<Command> {
        let entry = |text: &str| Entry::new(Command::Job(self), text);
        match self {
            Self::New => entry("New job…")
                .hover("Run procedures of packages on computers (Ctrl+J)")
                .icon(Icon::Plus)
                .shortcut(KeyboardShortcut::new(Modifiers::COMMAND, Key::J)),
            Self::Deploy => entry("Deploy…").hover("Set up a job with the selected packages"),
            Self::Open => entry("Show targets").hover("Each computer of the job, and how it stands (Enter)"),
            Self::RenewFailed => entry("Renew failed…").hover("Let the failed targets be done again"),
            Self::RenewSelected => {
                entry("Renew selected").hover("Let the selected targets be done again, as far as they failed")
            }
            Self::Halt => entry("Halt…").hover("What runs goes on to its end, nothing else begins"),
            Self::Resume => entry("Resume").hover("Let what is halted go on"),
            Self::Recover => {
                entry("Recover…").hover("Run the uninstall procedure on the computers where the job failed")
            }
            Self::CopyReport => {
                entry("Copy report").hover("What is known of the selected targets, as a text for a ticket")
            }
            Self::Remove => entry("Remove job…").hover("Take it off the list, with all its targets (Del)"),
            Self::Refresh => entry("Refresh").hover("Read the page again (F5)"),
            Self::StartManager => entry("Start delivery manager here")
                .hover("Jobs are carried out for as long as Packhouse is open on this computer"),
            Self::StopManager => entry("Stop delivery manager")
                .hover("What agents were told already goes on; nothing new begins"),
            Self::InstallService => entry("Install delivery manager as a service…")
                .hover("Jobs are carried out without anybody being logged on"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(selected: &[SelectedJob]) -> JobScope {
        JobScope { selected: selected.to_vec(), ..JobScope::default() }
    }

    #[test]
    fn what_does_not_fit_the_job_says_why() {
        use JobCommand as C;
        let nobody = Selected::default();
        let why = |scope: &JobScope, command| scope.refusal(command, &nobody);
        assert_eq!(why(&scope(&[]), C::New), None);
        assert_eq!(why(&scope(&[]), C::Halt), Some("No job is selected"));
        assert_eq!(why(&scope(&[]), C::Deploy), Some("No package is selected"));
        let running = SelectedJob { open: 3, ..SelectedJob::default() };
        let failed = SelectedJob { failed: 2, ..SelectedJob::default() };
        let halted = SelectedJob { is_halted: true, ..SelectedJob::default() };
        assert_eq!(why(&scope(&[running]), C::Halt), None);
        assert_eq!(why(&scope(&[running]), C::Resume), Some("It is not halted"));
        assert_eq!(why(&scope(&[running]), C::RenewFailed), Some("No target has failed"));
        assert_eq!(why(&scope(&[failed]), C::RenewFailed), None);
        assert_eq!(why(&scope(&[failed]), C::Halt), Some("Nothing is left to be halted"));
        assert_eq!(why(&scope(&[failed, failed]), C::Recover), Some("Select one job"));
        assert_eq!(why(&scope(&[halted]), C::Resume), None);
        assert_eq!(why(&scope(&[failed]), C::RenewSelected), Some("Open a job first"));
    }

    #[test]
    fn there_is_one_delivery_manager() {
        let with = |managed| JobScope { managed, ..JobScope::default() };
        let why = |managed, command| with(managed).refusal(command, &Selected::default());
        assert_eq!(why(Managed::No, JobCommand::StartManager), None);
        assert!(why(Managed::Here, JobCommand::StartManager).is_some());
        assert!(why(Managed::Elsewhere, JobCommand::StartManager).is_some());
        assert_eq!(why(Managed::Here, JobCommand::StopManager), None);
        assert!(why(Managed::Elsewhere, JobCommand::StopManager).is_some());
    }
}
