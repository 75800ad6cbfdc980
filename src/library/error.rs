//! What can go wrong in a library, and how it is told: one variant a cause, one place for code, reason and action.

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

    /// The error as a person reads it.
    pub fn explain(&self) -> Failure {
        let failure = |code, class, action: &str| Failure::new(code, class, self.to_string(), action);
        let pairs = |list: &[(String, String)]| list.iter().map(|(a, b)| format!("{a}: {b}")).collect();
        let explained = match self {
            Self::Cancelled(_) => failure("cancelled", Class::Cancelled, "Nothing was changed. Start it again when you like"),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                failure("disk-full", Class::Environment, "Nothing was lost. Free some space and try again")
                    .because("the disk is full")
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                failure("io", Class::Environment, "Check the path, then try again").because(source.to_string())
            }
            Self::Io { source, .. } => {
                failure("io", Class::Environment, "Check the disk and your rights, then try again").because(source.to_string())
            }
            Self::Store(error) if error.is_busy() => {
                failure("database-busy", Class::Environment, "Another program holds the library database; try again in a moment")
            }
            Self::Store(StoreError::Newer { .. }) => {
                failure("library-newer", Class::Refused, "Nothing was changed. Open it with the newer Packhouse that wrote it")
            }
            Self::Store(error) if error.is_disk_full() => {
                failure("disk-full", Class::Environment, "Nothing was lost. Free some space and try again")
            }
            Self::Store(error) if error.is_damage() => {
                failure("library-damaged", Class::Environment, "Rebuild the library database from the packages: packhouse-cli rebuild")
            }
            Self::Store(error) if error.is_read_only() => failure(
                "library-read-only",
                Class::Environment,
                "Check your rights on the library folder, or open the library for reading only",
            ),
            Self::Store(_) => failure("database", Class::Environment, "Try again; if it stays, rebuild the library database: packhouse-cli rebuild"),
            Self::NoLibrary(_) => failure("no-library", Class::Environment, "Name a folder that holds a library, with --library DIR"),
            Self::NotALibrary(_) => {
                failure("not-a-library", Class::Refused, "Choose an empty folder, or one that does not exist yet")
            }
            Self::Unreachable { why, .. } => {
                failure("library-unreachable", Class::Environment, "Nothing was changed. Connect the disk or share, then try again")
                    .because(why.clone())
            }
            Self::InUse(by) => {
                failure("library-in-use", Class::Refused, "Nothing was changed. Close the library there, then try again")
                    .because(by.join("; "))
            }
            Self::AtWork(by) => {
                failure("library-in-use", Class::Refused, "Wait until it is done, then try again").because(by.join("; "))
            }
            Self::InUseElsewhere(holder) => {
                let LibraryHolder { how, process, since, .. } = &**holder;
                let since = since.strftime("%Y-%m-%d %H:%M:%S");
                failure(
                    "library-in-use-elsewhere",
                    Class::Refused,
                    "Nothing was changed. Close the library there, or open it for reading only",
                )
                .because(format!("{how}, process {process}, since {since} UTC"))
            }
            Self::Delivered { key, staged, installed, jobs } => {
                let many = |count: u64, one: &str, more: &str| match count {
                    1 => format!("1 {one}"),
                    _ => format!("{count} {more}"),
                };
                let mut where_it_is = Vec::new();
                if !staged.is_empty() {
                    where_it_is.push(format!("staged at {}", many(staged.len() as u64, "place", "places")));
                }
                if *installed > 0 {
                    where_it_is.push(format!("installed on {}", many(*installed, "computer", "computers")));
                }
                if *jobs > 0 {
                    where_it_is.push(format!("part of {}", many(*jobs, "waiting job", "waiting jobs")));
                }
                let last = where_it_is.pop().unwrap_or_default();
                let where_it_is = match where_it_is.is_empty() {
                    true => last,
                    false => format!("{} and {last}", where_it_is.join(", ")),
                };
                failure(
                    "package-delivered",
                    Class::Refused,
                    &format!(
                        "Make a new version (packhouse-cli new-version {} VERSION), or add a procedure",
                        argument(&key.to_string())
                    ),
                )
                .because(format!(
                    "it is {where_it_is}; changing it would make two different packages with one name"
                ))
                .with_details(staged.iter().map(|name| format!("staged at {name}")).collect())
            }
            Self::ReadOnly => failure("read-only", Class::Refused, "Close the other program, or get write access, then try again"),
            Self::SourceMissing(_) => failure("source-missing", Class::Environment, "Check the path"),
            Self::SourceEmpty(_) => failure("source-empty", Class::Refused, "Name a folder with at least one file"),
            Self::SourceInLibrary(_) => {
                failure("source-in-library", Class::Refused, "Choose a folder outside the library")
            }
            Self::SameSourceName(_) => failure("source-same-name", Class::Refused, "Put them into one folder under names of their own"),
            Self::SourceChanged(_) => {
                failure("source-changed", Class::Refused, "Wait until nothing writes to the source, then try again")
            }
            Self::Refused(list) => failure(
                "source-refused",
                Class::Refused,
                "Rename or leave out what is listed; symbolic links: --links copy or --links skip",
            )
            .with_details(pairs(list)),
            Self::SourceUnreadable(list) => {
                failure("source-unreadable", Class::Environment, "Check your rights on what is listed, then try again")
                    .with_details(pairs(list))
            }
            Self::Key(KeyProblem::Empty(_)) => failure(
                "bad-name",
                Class::Usage,
                "Nothing could be proposed from the source: give it, with --name N and --version V",
            ),
            Self::Key(_) => failure("bad-name", Class::Usage, "Use letters, digits, spaces, dots and hyphens, at most 100 characters"),
            Self::Exists(_) => failure("package-exists", Class::Refused, "Choose another version, or update or remove the one that exists"),
            Self::InTrash(_) => failure(
                "package-removed",
                Class::Refused,
                "Take the removal back in the console, or end undo by closing it, then try again",
            ),
            Self::FolderExists(_) => failure(
                "folder-exists",
                Class::Refused,
                "Move the folder away, or take its package in with: packhouse-cli rebuild",
            ),
            Self::OtherDisk { .. } => failure(
                "other-disk",
                Class::Environment,
                "Nothing was changed. Keep the whole library on one disk: unmount what is mounted in it, or move it",
            )
            .because("a change is put into place by renaming, which no system can do from one disk to another"),
            Self::NotFound(_) => failure("not-found", Class::Usage, "packhouse-cli list shows every package"),
            Self::Ambiguous { keys, .. } => {
                failure("ambiguous", Class::Usage, "Name the version as well: Name@Version").with_details(keys.clone())
            }
            Self::Locked(_) => failure("package-locked", Class::Refused, "Wait until it is done, then try again"),
            Self::State { instead, .. } => failure("wrong-state", Class::Refused, instead),
            Self::Differs { key, report } => {
                let mut differs = failure(
                    if report.finding == Finding::Damaged { "consistency-damaged" } else { "consistency-differs" },
                    Class::Refused,
                    &format!(
                        "packhouse-cli check {0} names what differs. Then: packhouse-cli repair {0}, or: packhouse-cli consistency {0} \
                         on --accept --reason TEXT",
                        argument(&key.to_string())
                    ),
                )
                .because("checksum control of package consistency is on, and the files are not as recorded")
                .same_as("SDM228429");
                differs.details = difference_lines(report);
                differs.report = Some(report.clone());
                differs
            }
            Self::ChangedAgain(_) => {
                failure("changed-again", Class::Refused, "Nothing was done. Look at what is there now, then try again: packhouse-cli check PKG")
            }
            Self::NothingToAccept(_) => failure("nothing-to-accept", Class::Refused, "Nothing needs to be done"),
            Self::NeverSealed(_) => {
                failure("never-sealed", Class::No, "Accept the changes, or put the files back yourself")
                    .because("there are no hashes of a sealed content, so nobody has a copy to repair from")
            }
            Self::NoHashes(_) => {
                failure("no-hashes", Class::No, "Register the package anew, or restore it from its archive")
                    .because("its hashes were lost with a library database, so nothing could be proven")
            }
            Self::NothingToRepair(_) => failure("nothing-to-repair", Class::Refused, "Nothing needs to be done"),
            Self::Told(told) => (**told).clone(),
            Self::NoReason => failure("no-reason", Class::Usage, "Say why, with --reason TEXT"),
            Self::NoSuchFile { .. } => failure("no-such-file", Class::Usage, "Paths are relative to the package, with / and in the right case; packhouse-cli find PATTERN lists them"),
            Self::PathConflict(_) => failure("path-conflict", Class::Refused, "Remove the one, or give the other another name"),
            Self::Procedure(_) => failure("bad-procedure", Class::Usage, "Correct the procedure and try again"),
            Self::NoSuchProcedure(_) => failure("no-such-procedure", Class::Usage, "packhouse-cli procedure PKG list shows them"),
            Self::ProcedureSealed(_) => {
                failure("procedure-sealed", Class::Refused, "Add a corrected procedure, or unseal, or make a new version")
            }
            Self::KeyUnusable { why, .. } => failure("bad-key", Class::Environment, "Check the key file; packhouse-cli key list shows every key").because(why.clone()),
            Self::NotAKey(_) => {
                failure("not-a-key", Class::Usage, "Give the text of a public key, which begins with RW, or the path of a .pub file")
            }
            Self::WrongPassphrase(_) => failure(
                "wrong-passphrase",
                Class::Refused,
                "Give the passphrase the backup was written with; upper and lower case count",
            ),
            Self::NoSuchKey(_) => failure("no-such-key", Class::Usage, "packhouse-cli key list shows every key"),
            Self::KeyExists(_) => failure("key-exists", Class::Refused, "Choose another name"),
            Self::SealBroken { why, .. } => {
                failure("seal-broken", Class::No, "Do not use it. Get it again from where it was sealed").because(why.clone())
            }
            Self::SealUnknown { key_id, .. } => failure(
                "key-not-trusted",
                Class::Refused,
                "Compare the key with the one its owner gives you by another way, then: packhouse-cli key trust KEY",
            )
            .because(format!("key {key_id}")),
            Self::NoSeal(_) => failure("no-seal", Class::Refused, "Seal it first: packhouse-cli seal PKG"),
            Self::ArchiveMissing { place, .. } => {
                failure("archive-missing", Class::Environment, "Connect the disk, or name the file: packhouse-cli restore FILE")
                    .because(place.clone())
            }
            Self::ArchiveExists(_) => failure("archive-exists", Class::Refused, "Choose another folder, or move the file away"),
            Self::NoRegInfo(_) => {
                failure("no-reginfo", Class::Refused, "If these are the files of a package, unpack them and register them as a new one: packhouse-cli register FOLDER")
            }
            Self::ArchiveDamaged { summary, files, .. } => {
                failure("archive-damaged", Class::No, "Nothing was changed in the library. Where somebody has what is damaged: packhouse-cli restore FILE --repair-from ADDRESS. What is whole can be saved: packhouse-cli restore FILE --save-good-files DIR")
                    .because(summary.clone())
                    .with_details(pairs(files))
            }
            Self::NotAnArchive { why, .. } => failure("not-an-archive", Class::No, "Check the path").because(why.clone()),
            Self::BagInvalid { problems, .. } => {
                failure("bag-invalid", Class::No, "Get the bag again from where it comes from").with_details(problems.clone())
            }
            Self::FolderNotEmpty(_) => failure("folder-not-empty", Class::Refused, "Choose an empty folder, or a new one"),
            Self::NothingToUndo => failure("nothing-to-undo", Class::Refused, "Nothing needs to be done"),
            Self::BadPattern(_) => failure("bad-pattern", Class::Usage, "Give a part of a path, a pattern with * and ?, or a SHA-256"),
            Self::GroupName(_) => {
                failure("bad-group", Class::Usage, "Use at most 100 characters and no control characters")
            }
            Self::GroupExists(_) => failure("group-exists", Class::Refused, "Choose another name, or move its packages"),
            Self::NoSuchGroup(_) => failure("no-such-group", Class::Usage, "packhouse-cli group list shows every group"),
            Self::Moving => failure("library-moving", Class::Refused, "Wait until it is done, then open it in its new folder"),
            Self::Moved { to, .. } => failure(
                "library-moved",
                Class::Refused,
                &format!("Open it there: --library {}. To use the old copy again, remove moved-to.json from it", to.display()),
            ),
            Self::HalfMoved { from, .. } => failure(
                "library-half-moved",
                Class::Refused,
                &format!("The library is in {}: open it there, or move it again", from.display()),
            ),
            Self::CopyDiffers(_) => {
                failure("copy-differs", Class::Environment, "The library stays where it is. Check the new disk, then try again")
            }
            Self::NoOldCopy => failure("no-old-copy", Class::Refused, "Nothing needs to be done"),
            Self::NotOldCopy(_) => {
                failure("not-old-copy", Class::Refused, "Nothing was deleted. Look at the folder and delete it yourself")
            }
            Self::CheckRunning => {
                failure("check-running", Class::Refused, "Wait until it is done, or stop it in the other program")
            }
            Self::CheckUnfinished { .. } => failure(
                "check-unfinished",
                Class::Refused,
                "Go on with the one that is not done, or begin anew: --restart",
            ),
            Self::NoCheck => failure("no-check", Class::Refused, "Start a new library check"),
            Self::Unreadable { why, .. } => failure("unreadable", Class::Environment, "Check the disk, then try again").because(why.clone()),
        };
        if self.is_temporary() { explained.temporary() } else { explained }
    }
}

/// The differences of a report, one a line, as the command line and details show them.
pub fn difference_lines(report: &CheckReport) -> Vec<String> {
    report.differences.lines()
}
