//! What somebody did, as data: sent by pages, windows and dialogs in one frame, carried out by the app after it.

use std::path::PathBuf;

use super::command::Command;
use super::dialogs::Dialog;
use super::dialogs::compare::ChangedFile;
use super::pages::computers::ComputerAction;
use super::pages::downloads::DownloadAction;
use super::pages::jobs::JobAction;
use super::pages::library_check::Steer;
use super::pages::packages::ListAction;
use super::pages::staging::StagingAction;
use super::property::{MakeRows, SeveralAction, WindowId};
use super::tasks::TaskId;
use crate::package::record::{PackageId, PackageSummary};
use crate::package::{BlockSize, CheckKind, PackageKey};
use crate::session::{
    AcceptRequest, AddDownload, ArchiveRequest, CheckRun, ExportFormat, FileComparison, HistoryFilter,
    KeyUse, NetworkSetting, ProcedureEdit, RegisterRequest, RepairPlan, RepairRequest, RestoreSource, Search,
    SwitchAnswer, UpdateRequest,
};

/// Which native dialog, and who gets what was chosen in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browse {
    /// Files for the New package page.
    SourceFiles,
    /// A folder for it.
    SourceFolder,
    /// A folder for the dialog in front.
    Folder,
    /// A file to read, for the dialog in front.
    File,
    /// A file to write, for the dialog in front.
    SaveAs,
    /// Files to add to a package, for the dialog in front.
    AddFiles(PackageId),
    /// Folders to add to a package, for the dialog in front.
    AddFolder(PackageId),
}

/// What waited for a key to be trusted.
#[derive(Clone, Debug)]
pub enum AfterTrust {
    /// Restoring from this.
    Restore(RestoreSource),
    /// This download.
    Download(Box<AddDownload>),
}

/// What is done with keys.
#[derive(Debug)]
pub enum KeyAction {
    /// Makes one of this name.
    Create(String),
    /// Writes a backup.
    BackUp {
        /// Of which.
        name: String,
        /// The file.
        to: PathBuf,
        /// What it is encrypted with.
        passphrase: String,
    },
    /// Takes one from a backup.
    Import {
        /// The file.
        from: PathBuf,
        /// Its name here.
        name: String,
        /// What it is encrypted with.
        passphrase: String,
    },
    /// Trusts one of somebody else.
    Trust {
        /// Its text, or a `.pub` file.
        key: String,
        /// Its name here.
        name: String,
        /// How its fingerprint ends, as somebody typed it.
        ending: String,
        /// For what.
        uses: Vec<KeyUse>,
        /// The fingerprint it must have, where a seal asks for it; any if empty.
        wanted: String,
        /// What goes on as soon as it is trusted.
        then: Option<AfterTrust>,
    },
    /// Seals with it no longer.
    Retire(String),
    /// Trusts it no longer.
    Distrust(String),
}

/// A choice on the page of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Size of everything, in per cent.
    Scale(u16),
    /// Where archives go unless another folder is named; empty = where the last ones went.
    ArchiveFolder(String),
    /// Bytes of a block when sealing; as recorded if absent.
    BlockSize(Option<u64>),
    /// Bytes a second a library check reads at most.
    CheckRate(Option<u64>),
    /// Whether the desktop tells of packages that changed.
    Notices(bool),
    /// Registers the folders in this one by itself.
    Watch(PathBuf),
    /// Does so no longer.
    Unwatch(PathBuf),
}

/// What was done.
#[derive(strum::IntoStaticStr)]
pub enum Action {
    /// A command of menu, tool bar or keyboard, on what is selected.
    Run(Command),
    /// Something done to the list of packages.
    List(ListAction),
    /// A command on one package, whatever is selected.
    RunOn(Command, PackageId),
    /// A command on these packages, whatever is selected.
    RunOnSeveral(Command, Vec<PackageId>),
    /// Opens the property window of a package.
    Open(PackageId),
    /// Opens the property window of the package of this name.
    OpenNamed(PackageKey),
    /// Opens the library in this folder.
    OpenLibrary(PathBuf),
    /// Opens the library of the window for reading only.
    OpenReadOnly,
    /// Opens the library of the window again, for writing if nobody else has it.
    OpenWritable,
    /// Looks whether the library folder can be reached again.
    LookAgain,
    /// Finds out what is in a folder, for the dialog in front.
    LookAtFolder(PathBuf),
    /// Looks at a share every so many minutes.
    PollEvery(u32),
    /// Moves the library to this folder.
    MoveLibrary(PathBuf),
    /// Deletes the folder it was moved from.
    DeleteOldCopy,
    /// Writes what a successor must know into this folder.
    HandOver(PathBuf),
    /// Writes the library database anew.
    Rebuild,
    /// Makes a choice on the page of settings.
    Set(Setting),
    /// Puts a dialog in front.
    Ask(Box<dyn Dialog>),
    /// Opens a native dialog.
    Browse(Browse),
    /// Stops a piece of work.
    Stop(TaskId),

    /// Opens the New package page with these sources, or adds them to it.
    NewPackage(Vec<PathBuf>),
    /// Looks at the sources of the New package page again.
    Preview,
    /// Asks for packages of this name, for the New package page.
    AskSameProduct(String),
    /// Compares the sources of the New package page with a package.
    CompareSource(PackageId),
    /// Registers what the New package page says.
    Create,
    /// Registers each of these as a package, one after the other.
    RegisterEach(Vec<RegisterRequest>),
    /// Makes what the New package page shows a new version of this package.
    ChooseNewVersion(PackageId),
    /// Leaves the New package page.
    LeaveNewPackage,

    /// Checks packages.
    Check(Vec<PackageId>, CheckKind),
    /// Looks at a package for its property window, and records nothing.
    Look(PackageId),
    /// Carries out what was changed in a property window.
    Apply {
        /// Whose window.
        package: PackageId,
        /// Whether the window closes when it is done.
        close: bool,
    },
    /// Something done in the window of several packages of this number.
    Several(u64, SeveralAction),
    /// Asks whether changes are to be lost, if there are any, and closes a property window.
    CloseWindow(PackageId),
    /// Closes a property window and forgets what was changed in it.
    Discard(PackageId),
    /// Puts the tick of checksum control back to where it was.
    ForgetSwitch(PackageId),
    /// Opens a file or folder with the program that the system has for it.
    OpenPath(PathBuf),
    /// Copies a file out of a package, to a file that must not exist.
    SaveFile(PathBuf, PathBuf),
    /// Reads what a tab of a property window shows.
    ReadContents(PackageId),
    /// Makes the rows of the tab *Contents* on another thread.
    MakeContentRows(PackageId, MakeRows),
    /// Reads the blocks of a package for its property window.
    ReadBlocks(PackageId),
    /// Reads where a package is, for its property window.
    ReadWhereabouts(PackageId),
    /// The same for the window of several packages of this number.
    ReadWhereaboutsOf(u64),
    /// Opens the property window of a package on where it is.
    ShowDelivery(PackageId),
    /// Reads the history that a property window shows.
    ReadHistoryOf(WindowId),
    /// Reads one entry of History with its place in the chain, for a property window.
    ReadEntry(WindowId, u64),
    /// Has downloads reach the network this way; whether the password that is kept stays.
    SetNetwork(NetworkSetting, bool),
    /// Adds a note to the history of a package.
    AddNote(PackageId, String),
    /// Switches checksum control on.
    SwitchOn(PackageId, Option<SwitchAnswer>),
    /// Switches it off.
    SwitchOff(PackageId, String),
    /// Opens the property window of a package on its differences.
    ShowDifferences(PackageId),
    /// Asks when the files that differ were changed.
    ReadFileFacts(PackageId),
    /// Asks what is to be added to a package; a native dialog of this kind chooses it.
    AskAdd(PackageId, Browse),
    /// Counts files for the dialog in front.
    Count(Vec<PathBuf>),
    /// Asks for a reason to accept what differs.
    AskAccept(PackageId),
    /// Accepts what differs.
    Accept {
        /// Which package.
        package: PackageId,
        /// Why, and what was shown.
        request: AcceptRequest,
        /// Whether the answer also switches checksum control on.
        switch_on: bool,
    },
    /// Makes the plan of a repair of these packages and shows it; whether it answers the question of switching on.
    AskRepair(Vec<PackageId>, bool),
    /// Looks what a place has of what these plans need, for the dialog in front.
    LookAtPlace(Vec<RepairPlan>, String),
    /// Repairs.
    Repair {
        /// Which packages, each as its plan was shown.
        repairs: Vec<(PackageId, RepairRequest)>,
        /// From where.
        addresses: Vec<String>,
        /// Whether checksum control is switched on once all is as recorded.
        switch_on: bool,
    },
    /// Puts a file together as it was recorded, with what these places have, and shows it beside what is there.
    CompareFile(ChangedFile, Vec<String>),
    /// Removes what was put together to be compared.
    EndComparison(Box<FileComparison>),
    /// Restores from a damaged archive; what is bad in it comes from these places.
    RepairAndRestore(RestoreSource, Vec<String>),
    /// Changes files of an Open package.
    Update(PackageId, UpdateRequest),
    /// Changes procedures.
    EditProcedures(PackageId, ProcedureEdit),
    /// Runs the procedure of this name on this computer; it was asked before.
    TryHere(PackageId, String),

    /// Seals.
    Seal {
        /// Which package.
        package: PackageId,
        /// With which key; the one in use if absent.
        key: Option<String>,
        /// Size of the blocks.
        block_size: Option<BlockSize>,
    },
    /// Makes the first key, writes its backup if a file is named, and then seals.
    MakeKeyAndSeal {
        /// Which package.
        package: PackageId,
        /// Name of the key.
        name: String,
        /// File and passphrase of the backup.
        backup: Option<(PathBuf, String)>,
        /// Size of the blocks.
        block_size: Option<BlockSize>,
    },
    /// Takes the seal off.
    Unseal(PackageId),
    /// Starts an Open copy.
    NewVersion(PackageId, String),
    /// Archives packages.
    Archive(Vec<PackageSummary>, ArchiveRequest),
    /// Restores.
    Restore(RestoreSource),
    /// Saves the good files of a damaged archive.
    SaveGoodFiles(RestoreSource, PathBuf),
    /// Copies a package folder out of the library.
    Export(PackageId, PathBuf),
    /// Removes packages.
    Remove(Vec<PackageId>),

    /// Makes a software group.
    AddGroup(String),
    /// Gives a group another name.
    RenameGroup {
        /// Its name now.
        from: String,
        /// The new one.
        to: String,
    },
    /// Takes a group away.
    RemoveGroup(String),
    /// Files packages under a group; under none if it is empty.
    MoveToGroup(Vec<PackageId>, String),
    /// Does something with keys.
    Key(KeyAction),
    /// Does something with downloads.
    Download(DownloadAction),
    /// Does something with jobs.
    Job(JobAction),
    /// Does something with computers.
    Computer(ComputerAction),
    /// Does something with staging libraries.
    Staging(StagingAction),

    /// Searches the files of every package, and shows at most so many.
    Find(Search, usize),
    /// Writes what a search finds to a file.
    ExportSearch(Search, PathBuf),
    /// Selects packages in the list of all.
    SelectPackages(Vec<PackageId>),

    /// Begins a library check or goes on with one, at most so many bytes a second.
    RunLibraryCheck(CheckRun, Option<u64>),
    /// Pauses, slows or stops it.
    SteerLibraryCheck(Steer),
    /// Forgets the one that stands still.
    ForgetLibraryCheck,

    /// Follows the chain of History.
    VerifyHistory,
    /// Writes History to a file.
    ExportHistory(HistoryFilter, ExportFormat, PathBuf),
    /// Writes History to print to a file, and opens it if asked to.
    PrintHistory {
        /// Which entries.
        filter: HistoryFilter,
        /// The file.
        to: PathBuf,
        /// Whether the program that the system has for it opens it.
        open: bool,
    },
    /// Writes a text, made on the thread that writes, to a file that must not exist.
    WriteText(PathBuf, Box<dyn FnOnce() -> String + Send>),
    /// Puts a text on the clipboard.
    Copy(String),
    /// Puts a text on the clipboard that is made on another thread.
    CopyMade(Box<dyn FnOnce() -> String + Send>),

    /// Closes the program, stopping what runs.
    CloseNow,
    /// Closes the program once nothing runs any more.
    CloseWhenDone,
    /// Takes that back.
    StayOpen,
}

impl Action {
    /// What it is called in a log; what it carries stays out of it.
    pub fn name(&self) -> String {
        match self {
            Self::Run(command) | Self::RunOn(command, _) | Self::RunOnSeveral(command, _) => {
                format!("{command:?}")
            }
            other => <&'static str>::from(other).to_owned(),
        }
    }
}
