//! Disk: the Software Package Library. What is in it, and every way in which a package in it can change.
//!
//! Owns: package folders, the order of writing, locks, and the decision what an operation means. Must not know:
//! networks, screens, the command line, environment variables, the home folder. All SQL is in `store`; what a
//! package *is* stands in `package`.

mod accept;
mod archive;
pub mod archive_file;
mod auto_register;
pub mod bag_check;
mod check;
pub mod copying;
mod csv;
pub(crate) mod disk;
mod edit;
mod error;
mod export;
mod file_system;
mod groups;
pub mod hashing;
mod history_file;
mod history_report;
mod import;
mod in_use;
mod keys;
mod library_check;
mod lock;
mod moving;
mod open;
mod operation;
mod package_folder;
pub(crate) mod queue;
mod reading;
mod rebuild;
mod register;
mod remove;
mod restore;
pub mod scan;
mod seal;
mod search;
mod source;
mod update;
mod verify;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use accept::{AcceptRequest, SwitchAnswer, SwitchOutcome};
pub use archive::{ArchiveReport, ArchiveRequest};
pub use auto_register::{AutoRegisterOutcome, COMPLETE_AFTER, ParentWatch};
pub use check::{CheckedPackage, FoundBy};
pub use edit::{PackageEdit, ProcedureEdit};
pub use error::{LibraryError, difference_lines};
pub use groups::{EditedPackage, SeveralEdit, SwitchEdit};
pub use history_report::{ExportFormat, HistoryDetails};
pub use keys::{KeyInfo, KeyRing, KeyUse, SealJudgement};
pub use library_check::{CheckGroup, CheckOrder, CheckRun, CheckedRow, LibraryCheck, TroubledFile};
pub use moving::MovedLibrary;
pub use open::OpenOptions;
pub use reading::{ContentRow, Contents, LibraryInfo, PackageDetails, PackageRef};
pub use rebuild::{RebuildReport, RebuiltPackage};
pub use register::{RegisterReport, RegisterRequest};
pub use remove::Removed;
pub use restore::{RestoreReport, RestoreSource};
pub use scan::Links;
pub use seal::SealReport;
pub use search::Search;
pub use source::{Proposal, SourceKind, SourcePreview};
pub use update::{AddedFile, UpdateReport, UpdateRequest};
pub use verify::{VerifiedThing, VerifyReport};
pub use watch::{WatchState, Watcher};

use crate::package::{HistoryEntry, HistoryEvent, PackageRecord, Sha256Digest};
use crate::store::Catalogue;

/// Who is at work, as History keeps it. The front end finds it out; the engine never asks the system.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The account.
    pub who: String,
    /// The computer.
    pub host: String,
    /// `console`, `command line`, `watched folder`.
    pub how: String,
    /// The zone of local times in History.
    pub time_zone: TimeZone,
}

/// An open Software Package Library.
#[derive(Debug)]
pub struct Library {
    root: PathBuf,
    id: String,
    actor: Actor,
    keys: KeyRing,
    read_only: bool,
    catalogue: Mutex<Catalogue>,
    standing: Mutex<Standing>,
    in_use: Mutex<Option<in_use::InUse>>,
}

/// Whether the library is where it was opened.
#[derive(Debug)]
enum Standing {
    Here,
    /// It is being copied and must not change.
    Moving,
    /// It lies in another folder now.
    Moved(PathBuf),
}

impl Library {
    /// The folder of the library.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The library's own identity.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it can only be read: opened so, being moved, or moved away.
    pub fn is_read_only(&self) -> bool {
        self.read_only
            || !matches!(*self.standing.lock().unwrap_or_else(PoisonError::into_inner), Standing::Here)
    }

    /// The keys of the user who is at work.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// Who is at work.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The library database, for one statement: never held while something else of the library is called.
    pub(crate) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        // A panic elsewhere cannot leave a transaction half done: SQLite takes it back.
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn require_writable(&self) -> Result<(), LibraryError> {
        match &*self.standing.lock().unwrap_or_else(PoisonError::into_inner) {
            Standing::Moving => Err(LibraryError::Moving),
            Standing::Moved(to) => Err(LibraryError::Moved { from: self.root.clone(), to: to.clone() }),
            Standing::Here if self.read_only => Err(LibraryError::ReadOnly),
            Standing::Here => Ok(()),
        }
    }

    /// An error if the folder itself cannot be reached, so that a missing disk is not taken for missing packages.
    fn require_reachable(&self) -> Result<(), LibraryError> {
        let packages = self.root.join(package_folder::PACKAGES);
        match std::fs::metadata(&packages) {
            Ok(_) => Ok(()),
            Err(error) => Err(LibraryError::Unreachable { path: self.root.clone(), why: error.to_string() }),
        }
    }

    /// An error if a folder, which need not exist yet, lies in the library: what is written there would be taken for
    /// part of a package, or for a leftover.
    fn require_outside(&self, folder: &Path) -> Result<(), LibraryError> {
        let absolute = std::path::absolute(folder).map_err(error::io_error("open", folder))?;
        let existing = absolute.ancestors().find_map(|above| std::fs::canonicalize(above).ok());
        match existing {
            Some(existing) if existing.starts_with(&self.root) => {
                Err(LibraryError::SourceInLibrary(folder.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Takes the lock of a package for one change. What a killed program left undone of it is finished first.
    fn lock_package(&self, key: &crate::package::PackageKey) -> Result<lock::Lock, LibraryError> {
        self.require_writable()?;
        // A folder of locks in the place of a disk that is gone would be a library of its own.
        self.require_reachable()?;
        let lock = lock::take(&self.root.join(operation::LOCKS), &key.folded())?
            .ok_or_else(|| LibraryError::Locked(key.to_string()))?;
        operation::finish_package(self, &key.folded())?;
        Ok(lock)
    }

    /// A history entry of this moment, by whoever is at work.
    fn entry(&self, event: HistoryEvent, record: Option<&PackageRecord>) -> HistoryEntry {
        let at = Timestamp::now();
        HistoryEntry {
            number: 0,
            at,
            local_time: at
                .to_zoned(self.actor.time_zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S %:z")
                .to_string(),
            who: self.actor.who.clone(),
            host: self.actor.host.clone(),
            how: self.actor.how.clone(),
            event,
            package: record.map(|record| record.key.clone()),
            package_id: record.map(|record| record.id),
            old_checksum: None,
            new_checksum: None,
            reason: None,
            differences: None,
            key_id: None,
            details: None,
            previous: Sha256Digest::default(),
        }
    }
}

/// A reason as it must be: at least three characters that are not white space.
fn required_reason(reason: &str) -> Result<String, LibraryError> {
    let reason = reason.trim();
    if reason.chars().count() < 3 { Err(LibraryError::NoReason) } else { Ok(reason.to_owned()) }
}
