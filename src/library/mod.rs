//! Disk: the Software Package Library. What is in it, and every way in which a package in it can change.
//!
//! Owns: package folders, the order of writing, locks, and the decision what an operation means. Must not know:
//! networks, screens, the command line, environment variables, the home folder. All SQL is in `store`; what a
//! package *is* stands in `package`.

mod accept;
mod archive;
mod auto_register;
pub mod bag_check;
mod check;
mod copy_of_database;
pub mod copying;
mod csv;
mod edit;
mod elsewhere;
mod error;
pub(crate) mod execution;
mod export;
mod file_facts;
mod file_system;
mod groups;
mod hand_out;
mod hand_over;
mod history_file;
mod history_page;
mod history_report;
mod import;
mod in_use;
mod installer;
mod keys;
mod lease;
mod library_check;
mod lock;
mod look;
mod moving;
mod one_disk;
mod open;
mod operation;
mod package_folder;
mod reading;
mod rebuild;
mod reginfo_text;
mod register;
mod remove;
mod renaming;
mod repair;
mod restore;
mod same_product;
pub mod scan;
mod scratch;
mod seal;
mod search;
mod source;
mod try_here;
mod update;
mod verify;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::package::trust::{KeyInfo, KeyUse, SealJudgement};
pub use accept::{AcceptRequest, SwitchAnswer, SwitchOutcome};
pub use archive::{ArchiveReport, ArchiveRequest};
pub use auto_register::{AutoRegisterOutcome, COMPLETE_AFTER, ParentWatch};
pub use check::{CheckedPackage, FoundBy};
pub use edit::{PackageEdit, ProcedureEdit};
pub use error::{LibraryError, difference_lines};
pub use execution::{TryEnd, TryReport};
pub use file_facts::FileFacts;
pub use file_system::{FileSystem, ShareOptions};
pub use groups::{EditedPackage, SeveralEdit, SwitchEdit};
pub use hand_out::{HandOut, SEALED_ORDER};
pub use hand_over::{
    HandOverDocument, HandedEvent, HandedFinding, HandedFolder, HandedGroup, HandedKey, HandedLibrary,
    read_hand_over,
};
pub use history_report::{ExportFormat, HistoryDetails};
pub use keys::{KeyRing, Signer};
pub use lease::LibraryHolder;
pub(crate) use lease::is_running;
pub use library_check::{CheckGroup, CheckOrder, CheckRun, CheckedRow, LibraryCheck, TroubledFile};
pub use look::{FolderLook, look_at_folder};
pub use moving::MovedLibrary;
pub use open::OpenOptions;
pub use reading::{ContentRow, Contents, LibraryInfo, PackageBlocks, PackageDetails, PackageRef, Picture};
pub use rebuild::{RebuildReport, RebuiltPackage};
pub use register::{RegisterReport, RegisterRequest};
pub use remove::Removed;
pub use renaming::Renamable;
pub use repair::{
    AddedChoice, BadBlock, CompareRequest, ComparedFile, EqualBlock, FetchBlocks, Fetched, FileComparison,
    Needed, RepairChange, RepairFile, RepairOutcome, RepairPlan, RepairRequest, SealedFolder, WantedFiles,
};
pub use restore::{RestoreReport, RestoreSource};
pub use same_product::{SameProductPackage, SourceComparison, TakenOverProcedure};
pub use scan::Links;
pub use seal::SealReport;
pub use search::Search;
pub use source::{Proposal, SourceKind, SourcePreview};
pub use try_here::TryRequest;
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
    /// Why it can only be read, if it was opened so.
    read_only: Option<ReadOnlyReason>,
    catalogue: Mutex<Catalogue>,
    standing: Mutex<Standing>,
    /// Where it lies on a share: by whom and how it is used.
    share: Option<open::Share>,
    /// Given back last, when nothing of the database is open any more.
    in_use: Option<in_use::InUse>,
}

/// Why an open library can only be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadOnlyReason {
    /// It was opened so on request.
    Asked,
    /// Another program had it when it was opened, or has taken it since.
    InUse,
    /// It lies on a medium that is mounted for reading only.
    Medium,
    /// The account at work may not write in its folder.
    Permissions,
    /// It is being copied to another folder.
    Moving,
    /// It lies in another folder now.
    Moved,
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
        self.read_only_reason().is_some()
    }

    /// Why it can only be read; `None` if it can be written.
    pub fn read_only_reason(&self) -> Option<ReadOnlyReason> {
        match *self.standing.lock().unwrap_or_else(PoisonError::into_inner) {
            Standing::Moving => return Some(ReadOnlyReason::Moving),
            Standing::Moved(_) => return Some(ReadOnlyReason::Moved),
            Standing::Here => {}
        }
        let is_lost = self.share.as_ref().is_some_and(open::Share::is_lost);
        self.read_only.or(is_lost.then_some(ReadOnlyReason::InUse))
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
            Standing::Here => match (self.in_use_by(), self.read_only.is_some()) {
                (Some(holder), _) => Err(LibraryError::InUseElsewhere(Box::new(holder))),
                (None, true) => Err(LibraryError::ReadOnly),
                (None, false) if self.share.as_ref().is_some_and(open::Share::is_lost) => {
                    Err(LibraryError::ReadOnly)
                }
                (None, false) => Ok(()),
            },
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

    /// Takes the lock of the package `id` and gives it as it is under that lock. Another program may rename it between
    /// looking it up and locking it; then the new name is locked.
    fn lock_record(
        &self,
        id: crate::package::PackageId,
    ) -> Result<(lock::Lock, PackageRecord), LibraryError> {
        loop {
            let looked_up = self.record(id)?;
            if let Some(locked) = self.lock_looked_up(&looked_up)? {
                return Ok(locked);
            }
        }
    }

    /// One try of [`Library::lock_record`]; `None` if the package has another name now.
    fn lock_looked_up(
        &self,
        looked_up: &PackageRecord,
    ) -> Result<Option<(lock::Lock, PackageRecord)>, LibraryError> {
        let lock = self.lock_package(&looked_up.key)?;
        let record = self.record(looked_up.id)?;
        Ok((record.key.folded() == looked_up.key.folded()).then_some((lock, record)))
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
            staging: None,
            previous: Sha256Digest::default(),
        }
    }
}

/// A reason as it must be: at least three characters that are not white space.
fn required_reason(reason: &str) -> Result<String, LibraryError> {
    let reason = reason.trim();
    if reason.chars().count() < 3 { Err(LibraryError::NoReason) } else { Ok(reason.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn open(folder: &Path) -> Result<Library, LibraryError> {
        Library::open(OpenOptions {
            root: folder.join("library"),
            create: true,
            read_only: false,
            actor: Actor {
                who: "tester".to_owned(),
                host: "bench".to_owned(),
                how: "test".to_owned(),
                time_zone: TimeZone::UTC,
            },
            keys: folder.join("keys"),
            share: ShareOptions::default(),
        })
    }

    #[test]
    fn a_package_renamed_or_removed_between_look_up_and_lock_is_noticed() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (one, other) = (open(folder.path())?, open(folder.path())?);
        let source = folder.path().join("Tool 1.0");
        std::fs::create_dir(&source)?;
        std::fs::write(source.join("a"), "a")?;
        let id = one.register(&RegisterRequest::new(vec![source]), &crate::work::Work::new())?.record.id;

        let looked_up = one.record(id)?;
        other.edit(id, &PackageEdit { name: Some("Renamed".to_owned()), ..PackageEdit::default() })?;
        assert!(one.lock_looked_up(&looked_up)?.is_none(), "the lock of a name it no longer has");
        let (lock, record) = one.lock_record(id)?;
        assert_eq!(record.key.to_string(), "Renamed@1.0");
        let new_name = lock::try_take(&one.root().join(operation::LOCKS), &record.key.folded())?;
        assert!(new_name.is_none(), "the name it has now is locked");
        drop(lock);

        let looked_up = one.record(id)?;
        other.remove(id)?;
        assert!(matches!(one.lock_looked_up(&looked_up), Err(LibraryError::NotFound(_))));
        assert!(matches!(one.lock_record(id), Err(LibraryError::NotFound(_))));
        assert_eq!(std::fs::read_dir(one.root().join(operation::LOCKS))?.count(), 0);
        Ok(())
    }
}
