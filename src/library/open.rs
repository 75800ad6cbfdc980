//! Opening a library: making it where there is none, finishing what was interrupted, refusing what is newer.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::copy_of_database::CopyOfDatabase;
use super::error::io_error;
use super::file_system;
use super::in_use::{self, InUse};
use super::lease::{self, Lease, LibraryHolder};
use super::operation::{self, INCOMING, LOCKS, TRASH};
use super::package_folder::{DOWNLOADS, PACKAGES, PROGRESS};
use super::{Actor, KeyRing, Library, LibraryError, ReadOnlyReason, ShareOptions, Standing, lock, moving};
use crate::package::HistoryEvent;
use crate::store::{Catalogue, StoreError};

/// File name of the library database.
pub(super) const CATALOGUE: &str = "catalog.db";

/// How a library is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Its folder.
    pub root: PathBuf,
    /// Whether it is made if it is not there.
    pub create: bool,
    /// Whether nothing may be written: another program has it, or the medium cannot be written.
    pub read_only: bool,
    /// Who is at work.
    pub actor: Actor,
    /// The folder of the user's keys.
    pub keys: PathBuf,
    /// What counts where it lies on a network share.
    pub share: ShareOptions,
}

/// A library on a share, as it is open here.
#[derive(Debug)]
pub(super) enum Share {
    /// Open for writing: nobody else's.
    Writer(Lease),
    /// Open for reading, from a copy where one could be made.
    Reader(Mutex<Option<CopyOfDatabase>>),
}

impl Share {
    /// Whether it was this program's and is no more.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Writer(lease) if lease.is_lost())
    }
}

impl Library {
    /// Opens a library; every change that was interrupted is finished or taken back first.
    ///
    /// A library on a medium that cannot be written opens for reading only by itself.
    pub fn open(options: OpenOptions) -> Result<Self, LibraryError> {
        moving::require_here(&options.root)?;
        let gate = in_use::gate_there(&options.root)?;
        Self::open_with(options, |root, options| in_use::enter(root, &options.actor, gate, options.read_only))
    }

    /// Opens a library; `enter` takes the share in it once its folder is there.
    pub(super) fn open_with(
        options: OpenOptions,
        enter: impl FnOnce(&Path, &OpenOptions) -> Result<InUse, LibraryError>,
    ) -> Result<Self, LibraryError> {
        let OpenOptions { root, create, read_only, .. } = options.clone();
        let database = root.join(CATALOGUE);
        moving::require_here(&root)?;
        moving::finish_arrival(&root)?;
        let exists = match fs::metadata(&database) {
            Ok(_) => true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(LibraryError::Unreachable { path: root, why: error.to_string() }),
        };
        if !exists {
            require_no_packages(&root)?;
            if !create || read_only {
                return Err(LibraryError::NoLibrary(root));
            }
            make_folders(&root)?;
        }
        let root = fs::canonicalize(&root).map_err(io_error("open", &root))?;
        let in_use = Some(enter(&root, &options)?);
        let OpenOptions { actor, keys, share, .. } = options;
        // Moved away by another program between looking and saying that it is open.
        moving::require_here(&root)?;
        let (share, catalogue, read_only) = open_shared(&root, &share, &actor, read_only)?;
        let id = match catalogue.library_value("id")? {
            Some(id) => id,
            None if read_only.is_some() => return Err(StoreError::Damaged("it has no id".to_owned()).into()),
            None => String::new(),
        };
        let keys = KeyRing::new(keys);
        let mut library = Self {
            root,
            id,
            actor,
            keys,
            read_only,
            catalogue: Mutex::new(catalogue),
            standing: Mutex::new(Standing::Here),
            share,
            in_use,
        };
        if library.id.is_empty() {
            library.id = library.first_opening()?;
        }
        if read_only.is_none() {
            library.finish_interrupted()?;
        }
        Ok(library)
    }

    /// Who else may write to the library, where that is one program only: on a share.
    pub fn in_use_by(&self) -> Option<LibraryHolder> {
        match self.share.as_ref()? {
            Share::Writer(lease) if !lease.is_lost() => None,
            _ => lease::holder(&self.root, &self.actor.host),
        }
    }

    /// Whether it lies on a network share, where changes are looked for at intervals.
    pub fn is_on_share(&self) -> bool {
        self.share.is_some()
    }

    /// Copies the database anew, if it is read from a copy and was changed; gives how many copies were made.
    pub(super) fn follow_writer(&self) -> i64 {
        let Some(Share::Reader(copy)) = &self.share else { return 0 };
        let mut copy = copy.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(copy) = copy.as_mut() else { return 0 };
        match copy.follow() {
            Ok(Some(catalogue)) => *self.catalogue() = catalogue,
            Ok(None) => {}
            // What was read before stays; it is tried again.
            Err(error) => tracing::debug!(%error, "the library database cannot be copied now"),
        }
        copy.number
    }

    /// A connection of its own to the database, for work beside the library; `None` on a share, where there can be
    /// only one.
    pub(crate) fn own_catalogue(&self) -> Result<Option<Catalogue>, LibraryError> {
        if self.is_on_share() {
            return Ok(None);
        }
        self.require_writable()?;
        self.require_reachable()?;
        Ok(Some(Catalogue::open(&self.root.join(CATALOGUE))?))
    }

    fn first_opening(&self) -> Result<String, LibraryError> {
        let id = self.catalogue().change(|change| {
            // Two programs may be here at once; the first one's id counts.
            if let Some(id) = change.library_value("id")? {
                return Ok(id);
            }
            let id = uuid::Uuid::new_v4().hyphenated().to_string();
            change.set_library_value("id", &id)?;
            change.append_history(self.entry(HistoryEvent::LibraryCreated, None))?;
            Ok::<_, LibraryError>(id)
        })?;
        Ok(id)
    }

    fn finish_interrupted(&self) -> Result<(), LibraryError> {
        let finished = operation::recover(self)?;
        if !finished.is_empty() {
            let mut entry = self.entry(HistoryEvent::Recovered, None);
            entry.details = Some(format!("finished what was interrupted: {}", finished.join(", ")));
            self.catalogue().change(|change| change.append_history(entry))?;
        }
        if let Err(error) = self.append_history_file() {
            // The catalogue has every entry; a library that could not be opened for this would help nobody.
            tracing::warn!(%error, "the history file could not be brought up to date");
        }
        Ok(())
    }
}

/// Opens the database the way the file system wants it; whether it can only be read.
fn open_shared(
    root: &Path,
    options: &ShareOptions,
    actor: &Actor,
    read_only: bool,
) -> Result<(Option<Share>, Catalogue, Option<ReadOnlyReason>), LibraryError> {
    let database = root.join(CATALOGUE);
    if !options.is_share(root) {
        let (catalogue, read_only) = open_catalogue(&database, read_only)?;
        return Ok((None, catalogue, read_only));
    }
    let mut reason = ReadOnlyReason::Asked;
    if !read_only {
        reason = match Lease::take(root, actor) {
            Ok(lease) => {
                let catalogue = Catalogue::open_alone(&database)?;
                return Ok((Some(Share::Writer(lease)), catalogue, None));
            }
            Err(LibraryError::InUseElsewhere(_)) if options.read_only_if_in_use => ReadOnlyReason::InUse,
            // A share that cannot be written is read.
            Err(LibraryError::Io { source, .. }) if is_write_refused(&source) => why_not_written(root),
            Err(error) => return Err(error),
        }
    }
    // Without a writer nobody locks it, and the copy is one of a database at rest all the same.
    if let Some(copies) = &options.copies {
        let (copy, catalogue) = CopyOfDatabase::make(&database, copies)?;
        return Ok((Some(Share::Reader(Mutex::new(Some(copy)))), catalogue, Some(reason)));
    }
    let (catalogue, _) = open_catalogue(&database, true)?;
    Ok((Some(Share::Reader(Mutex::new(None))), catalogue, Some(reason)))
}

fn is_write_refused(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// Why nothing can be written in the library at `root`, where that was tried in vain.
fn why_not_written(root: &Path) -> ReadOnlyReason {
    if file_system::is_read_only_medium(root) { ReadOnlyReason::Medium } else { ReadOnlyReason::Permissions }
}

fn open_catalogue(
    database: &Path,
    read_only: bool,
) -> Result<(Catalogue, Option<ReadOnlyReason>), LibraryError> {
    let mut reason = ReadOnlyReason::Asked;
    if !read_only {
        // One after the other: of two programs that make a database at once SQLite sends one away, without waiting.
        // Where no lock can be had, nothing can be made either.
        let locks = database.with_file_name(LOCKS);
        let _one_at_a_time = lock::take(&locks, "opening the library database").ok().flatten();
        match Catalogue::open(database) {
            Ok(catalogue) => return Ok((catalogue, None)),
            Err(error) if error.is_read_only() && database.exists() => {
                reason = why_not_written(database.parent().unwrap_or(database));
            }
            Err(error) => return Err(error.into()),
        }
    }
    // On a medium that cannot be written not even the index of the WAL can be made: nothing changes there.
    let catalogue = match Catalogue::open_read_only(database, false) {
        Ok(catalogue) => Ok(catalogue),
        Err(error) if error.is_read_only() => {
            require_no_wal(database)?;
            Catalogue::open_read_only(database, true)
        }
        Err(error) => Err(error),
    };
    Ok((catalogue?, Some(reason)))
}

/// An error if the last changes stand beside the database, where they cannot be read: without them it would say what
/// was true some time ago.
fn require_no_wal(database: &Path) -> Result<(), LibraryError> {
    let wal = database.with_file_name(format!("{CATALOGUE}-wal"));
    if fs::metadata(&wal).map_or(0, |wal| wal.len()) == 0 {
        return Ok(());
    }
    let why =
        "the last changes in it can only be read where they can be written: copy the library to such a disk";
    Err(LibraryError::Unreadable { what: wal.display().to_string(), why: why.to_owned() })
}

/// An error if there are packages where there is no database: a new empty one would hide them.
fn require_no_packages(root: &Path) -> Result<(), LibraryError> {
    let packages = root.join(PACKAGES);
    if !root.join(INCOMING).is_dir() || operation::folders_in(&packages)?.is_empty() {
        return Ok(());
    }
    Err(StoreError::Damaged(format!("{CATALOGUE} is missing, but there are packages")).into())
}

/// Makes the folders of a new library. A folder that holds other things is refused.
fn make_folders(root: &Path) -> Result<(), LibraryError> {
    if let Ok(entries) = fs::read_dir(root)
        && entries.filter_map(Result::ok).any(|entry| is_foreign(&entry.file_name()))
    {
        return Err(LibraryError::NotALibrary(root.to_owned()));
    }
    for folder in [PACKAGES, INCOMING] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).map_err(io_error("make the folder", &folder))?;
    }
    Ok(())
}

impl Library {
    /// Whether `folder` is the folder of a library, this one or another.
    pub(crate) fn is_in(folder: &Path) -> bool {
        folder.join(CATALOGUE).is_file()
    }
}

/// Whether a file or folder of this name is none of a library.
pub(super) fn is_foreign(name: &std::ffi::OsStr) -> bool {
    let ours =
        [PACKAGES, INCOMING, TRASH, LOCKS, DOWNLOADS, PROGRESS, in_use::OPEN, lease::LEASE, "set-aside"];
    let beginnings = [CATALOGUE, super::history_file::HISTORY_FILE];
    let text = name.to_string_lossy();
    !ours.iter().any(|known| text == **known) && !beginnings.iter().any(|start| text.starts_with(start))
}
