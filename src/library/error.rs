//! What can go wrong in a library: one variant a cause. Code, reason and action of each stand in `explain`.

mod explain;

use std::io;
use std::path::{Path, PathBuf};

use super::lease::LibraryHolder;
use crate::failure::{Class, Failure, argument};
use crate::package::key::KeyProblem;
use crate::package::procedure::ProcedureProblem;
use crate::package::{CheckReport, Finding, PackageKey, PackageState};
use crate::store::StoreError;
use crate::work::Cancelled;

/// An error of the library room.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Cancelled by the one who watches.
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    /// The system refused something on a file or folder.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `read`, `write`, `rename`, ….
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The library database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no library in the folder, and none was to be made.
    #[error("there is no library in {}", .0.display())]
    NoLibrary(PathBuf),
    /// The folder holds other things, so no library is made in it.
    #[error("{} holds other files and is no library", .0.display())]
    NotALibrary(PathBuf),
    /// The folder of the library cannot be reached.
    #[error("the library folder {} cannot be reached", .path.display())]
    Unreachable {
        /// The library.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Other programs have the library open, so it can be neither rebuilt nor moved: who they are, as far as they said so.
    #[error("the library is open in another program")]
    InUse(Vec<String>),
    /// Another program rebuilds or moves the library: who it is, if it said so.
    #[error("the library is being rebuilt or moved by another program")]
    AtWork(Vec<String>),
    /// It lies on a share, and another program may write to it.
    #[error("the library is in use by {} on {}", .0.who, .0.host)]
    InUseElsewhere(Box<LibraryHolder>),
    /// Opened for reading only.
    #[error("the library is open for reading only")]
    ReadOnly,
    /// A source does not exist.
    #[error("the source {} does not exist", .0.display())]
    SourceMissing(PathBuf),
    /// A source holds no file.
    #[error("there is no file in {}", .0.display())]
    SourceEmpty(PathBuf),
    /// A source lies in the library, or the library in it.
    #[error("{} and the library lie one inside the other", .0.display())]
    SourceInLibrary(PathBuf),
    /// Two sources have the same name.
    #[error("two sources are named {0:?}")]
    SameSourceName(String),
    /// A file changed while it was copied.
    #[error("{0:?} changed while it was copied")]
    SourceChanged(String),
    /// Names or kinds of files that no package takes: (path, why).
    #[error("{} in the source cannot be taken", entries(.0.len()))]
    Refused(Vec<(String, String)>),
    /// Parts of the source could not be read: (path, why).
    #[error("{} in the source cannot be read", entries(.0.len()))]
    SourceUnreadable(Vec<(String, String)>),
    /// A name or version that cannot be used.
    #[error("{0}")]
    Key(#[from] KeyProblem),
    /// The library has a package of this name and version.
    #[error("{0} is already in the library")]
    Exists(PackageKey),
    /// The package was removed and can still be taken back.
    #[error("{0} was removed and can still be taken back")]
    InTrash(PackageKey),
    /// A part of the library lies on a disk of its own, so that nothing can be moved there in one step.
    #[error("{} and {} lie on two disks", from.display(), to.display())]
    OtherDisk {
        /// What was to be moved.
        from: PathBuf,
        /// Where to.
        to: PathBuf,
    },
    /// A folder of this name and version is there, though the library knows no such package.
    #[error("the folder {} is already there", .0.display())]
    FolderExists(PathBuf),
    /// No such package.
    #[error("there is no package {0:?} in the library")]
    NotFound(String),
    /// Several versions, and none was named.
    #[error("there are several versions of {name:?}")]
    Ambiguous {
        /// The name.
        name: String,
        /// All its keys.
        keys: Vec<String>,
    },
    /// Another program is changing the package.
    #[error("{0} is being changed by another program")]
    Locked(String),
    /// The state of the package forbids it.
    #[error("{key} is {}, so it cannot be {doing}", state.word().to_lowercase())]
    State {
        /// The package.
        key: PackageKey,
        /// Its state.
        state: PackageState,
        /// What was to be done: `archived`, `changed`.
        doing: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// It is staged, installed or to be delivered, so that what others were given would no longer be what has this name
    /// here.
    #[error("{key} cannot be unsealed")]
    Delivered {
        /// The package.
        key: PackageKey,
        /// Names of the staging libraries.
        staged: Vec<String>,
        /// On how many computers it is installed.
        installed: u64,
        /// How many job containers have it to do.
        jobs: u64,
    },
    /// Checksum control is on, and the package does not agree with its record.
    #[error("{key} {}", finding_phrase(report))]
    Differs {
        /// The package.
        key: PackageKey,
        /// What was found.
        report: Box<CheckReport>,
    },
    /// The package changed between question and answer.
    #[error("{0} changed again")]
    ChangedAgain(PackageKey),
    /// Nothing differs, so there is nothing to accept.
    #[error("{0} agrees with its recorded checksum")]
    NothingToAccept(PackageKey),
    /// There is nothing to repair it by: it has no seal and never had one.
    #[error("{0} cannot be repaired: it has never been sealed")]
    NeverSealed(PackageKey),
    /// The recorded hashes were lost, so nothing that is fetched could be proven.
    #[error("{0} cannot be repaired: it has no hashes")]
    NoHashes(PackageKey),
    /// Everything is as recorded, or all that is not is to be left.
    #[error("{0} has nothing that could be repaired")]
    NothingToRepair(PackageKey),
    /// What another room said, in its own words.
    #[error("{0}")]
    Told(Box<Failure>),
    /// A required reason is missing or too short.
    #[error("a reason of at least 3 characters is needed")]
    NoReason,
    /// A path that the package does not have.
    #[error("{key} has no file {path:?}")]
    NoSuchFile {
        /// The package.
        key: PackageKey,
        /// The path.
        path: String,
    },
    /// A file would stand where a folder is, or the reverse.
    #[error("{0:?} is a file and a folder at once")]
    PathConflict(String),
    /// A procedure that is not valid.
    #[error("{0}")]
    Procedure(#[from] ProcedureProblem),
    /// No such procedure.
    #[error("there is no procedure {0:?}")]
    NoSuchProcedure(String),
    /// The procedure was signed with the package.
    #[error("the procedure {0:?} is part of the seal")]
    ProcedureSealed(String),
    /// A key file or key list cannot be used.
    #[error("the key {name:?} cannot be used")]
    KeyUnusable {
        /// Name or file of the key.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A text that is no public key, and no file of one.
    #[error("{0:?} is no public key")]
    NotAKey(String),
    /// The passphrase does not open a backup.
    #[error("the passphrase does not open the backup {}", .0.display())]
    WrongPassphrase(PathBuf),
    /// No key of this name.
    #[error("there is no key {0:?}")]
    NoSuchKey(String),
    /// A key of this name or with this id is known.
    #[error("there is already a key {0:?}")]
    KeyExists(String),
    /// The seal or what it covers was changed.
    #[error("the seal of {what} does not match")]
    SealBroken {
        /// The package or file.
        what: String,
        /// What does not match.
        why: String,
    },
    /// Signed by a key that is not trusted.
    #[error("{what} is signed by a key that is not trusted")]
    SealUnknown {
        /// The package or file.
        what: String,
        /// Id of the key.
        key_id: String,
    },
    /// No seal where one is needed.
    #[error("{0} has no seal")]
    NoSeal(String),
    /// The archive file is not where it was archived.
    #[error("the archive of {what} is not there")]
    ArchiveMissing {
        /// The package.
        what: String,
        /// Where it should be, and on which computer it was written.
        place: String,
    },
    /// A file of the archive's name is already there, and it is not this package.
    #[error("{} is already there", .0.display())]
    ArchiveExists(PathBuf),
    /// No registration information in an archive or folder.
    #[error("no registration information (reginfo) found in {}", .0.display())]
    NoRegInfo(PathBuf),
    /// An archive that cannot be restored whole.
    #[error("the archive of {what} is damaged")]
    ArchiveDamaged {
        /// The package.
        what: String,
        /// How many of how many files.
        summary: String,
        /// (file, damage).
        files: Vec<(String, String)>,
    },
    /// No archive of ours at all, or hostile.
    #[error("{} is no archive of a package", path.display())]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A bag that is not valid.
    #[error("the bag {} is not valid", path.display())]
    BagInvalid {
        /// Its folder.
        path: PathBuf,
        /// Every problem.
        problems: Vec<String>,
    },
    /// A target folder that must be empty.
    #[error("the folder {} is not empty", .0.display())]
    FolderNotEmpty(PathBuf),
    /// There is nothing to take back.
    #[error("there is no removed package to take back")]
    NothingToUndo,
    /// A pattern that cannot be searched for.
    #[error("nothing can be searched for with {0:?}")]
    BadPattern(String),
    /// A name that no group can have.
    #[error("{0:?} cannot be the name of a group")]
    GroupName(String),
    /// A group of this name, perhaps spelt in another way, is there.
    #[error("there is already a group {0:?}")]
    GroupExists(String),
    /// No group of this name.
    #[error("there is no group {0:?}")]
    NoSuchGroup(String),
    /// The library is being moved to another folder.
    #[error("the library is being moved")]
    Moving,
    /// The library was moved to another folder.
    #[error("the library in {} was moved to {}", from.display(), to.display())]
    Moved {
        /// Its old folder.
        from: PathBuf,
        /// Its new one.
        to: PathBuf,
    },
    /// A move into this folder was not finished, and the library is still where it was.
    #[error("the move of the library into {} was not finished", here.display())]
    HalfMoved {
        /// The folder.
        here: PathBuf,
        /// Where the library is.
        from: PathBuf,
    },
    /// A file of the copy is not as the original.
    #[error("{} was not copied right", .0.display())]
    CopyDiffers(PathBuf),
    /// The library was not moved, or its old copy is gone.
    #[error("there is no old copy of the library")]
    NoOldCopy,
    /// A folder that is not the old copy of this library any more.
    #[error("{} is not the old copy of this library", .0.display())]
    NotOldCopy(PathBuf),
    /// Another program runs the library check.
    #[error("a library check is running already")]
    CheckRunning,
    /// Another library check is not done yet.
    #[error("the library check of {} by {by} is not done", begun.strftime("%Y-%m-%d %H:%M UTC"))]
    CheckUnfinished {
        /// When it was begun.
        begun: jiff::Timestamp,
        /// By whom.
        by: String,
    },
    /// No library check is kept that could go on.
    #[error("there is no library check to go on with")]
    NoCheck,
    /// Parts of a package's own folder that no package can have.
    #[error("{what} cannot be read")]
    Unreadable {
        /// The package or file.
        what: String,
        /// Why.
        why: String,
    },
}

fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

fn finding_phrase(report: &CheckReport) -> String {
    match report.finding {
        Finding::Missing => "is missing from the library folder".to_owned(),
        Finding::Unreadable => format!("cannot be read: {}", report.differences.summary()),
        Finding::Damaged => format!("is damaged: {}", report.differences.summary()),
        Finding::Differs | Finding::Consistent => {
            format!("differs from its recorded checksum: {}", report.differences.summary())
        }
    }
}

/// Wraps the system's error with what was being done to which path.
pub(crate) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LibraryError {
    let path = path.to_owned();
    move |source| LibraryError::Io { doing, path, source }
}

impl LibraryError {
    /// Whether trying again may help without anything being changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Locked(_)
            | Self::CheckRunning
            | Self::Unreachable { .. }
            | Self::InUse(_)
            | Self::InUseElsewhere(_)
            | Self::AtWork(_) => true,
            Self::Store(error) => error.is_busy(),
            _ => false,
        }
    }
}

/// The differences of a report, one a line, as the command line and details show them.
pub fn difference_lines(report: &CheckReport) -> Vec<String> {
    report.differences.lines()
}
