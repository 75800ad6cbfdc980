//! A change of several files: written whole under `.incoming/<operation>/`, synced, decided in one transaction of
//! the catalogue, then carried out by renames. Killed at any point it is either taken back or finished.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Library;
use super::elsewhere;
use super::error::{LibraryError, io_error};
use super::lock;
use super::one_disk::{require_one_disk, require_same_disk};
use super::package_folder::PACKAGES;
use crate::store::{Change, StoredIntent};

/// Folder of work in progress.
pub(super) const INCOMING: &str = ".incoming";
/// Folder of removed packages until undo ends.
pub(super) const TRASH: &str = ".trash";
/// Folder of locks.
pub(super) const LOCKS: &str = ".locks";

/// One step of a decided change. Paths are relative to the library, so that it can move. Every step can be done
/// twice: what is already done is passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Moves a file or folder; folders above the target are made. A file that is there is replaced.
    Rename {
        /// From.
        from: PathBuf,
        /// To.
        to: PathBuf,
    },
    /// Moves a file or folder out of the way, once: passed over where `to` is there already, since what stands at
    /// `from` then is what took its place.
    MoveAside {
        /// From.
        from: PathBuf,
        /// To, in the folder of the operation.
        to: PathBuf,
    },
    /// Removes a file or a whole folder.
    Remove {
        /// What.
        path: PathBuf,
    },
    /// Removes folders as long as they are empty, from `path` upwards, but never `stop` or above.
    RemoveEmpty {
        /// First folder.
        path: PathBuf,
        /// Last folder that stays.
        stop: PathBuf,
    },
}

/// A change on its way: its folder exists, is locked by this program, and goes away with it.
#[derive(Debug)]
pub(super) struct Operation<'l> {
    library: &'l Library,
    id: String,
    folder: PathBuf,
    /// Set from the decision until everything is carried out: then the folder belongs to the intent.
    decided: bool,
    /// Keeps the folder from being taken for a leftover.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "held until it is dropped"))]
    folder_lock: FolderLock,
}

impl<'l> Operation<'l> {
    /// Makes the folder `.incoming/<new id>`.
    pub(super) fn begin(library: &'l Library) -> Result<Self, LibraryError> {
        library.require_writable()?;
        library.require_reachable()?;
        let incoming = library.root().join(INCOMING);
        // Before a byte is copied: for most changes the answer is known by now.
        require_same_disk(&incoming, &library.root().join(PACKAGES))?;
        loop {
            let id = uuid::Uuid::new_v4().simple().to_string();
            let folder = incoming.join(&id);
            fs::create_dir_all(&folder).map_err(io_error("make the folder", &folder))?;
            // Whoever tidies up takes the lock first: without it, the folder was taken for a leftover.
            if let Some(folder_lock) = lock_folder(&folder)? {
                return Ok(Self { library, id, folder, decided: false, folder_lock });
            }
        }
    }

    /// The folder to write to.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path below the folder, relative to the library, for steps.
    pub(super) fn relative(&self, name: impl AsRef<Path>) -> PathBuf {
        Path::new(INCOMING).join(&self.id).join(name)
    }

    /// The name of a file of part `number`, for [`Operation::commit_several`].
    pub(super) fn part(number: usize, name: &str) -> String {
        format!("{number}/{name}")
    }

    /// Writes a small file below the folder.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), LibraryError> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io_error("make the folder", parent))?;
        }
        fs::write(&path, content).map_err(io_error("write", &path))
    }

    /// Decides the change and carries it out: `decide` and the intent are one transaction; before it everything
    /// below the folder is synced, after it the steps are done and the intent is cleared.
    pub(super) fn commit<T>(
        self,
        package: &str,
        steps: &[Step],
        decide: impl FnOnce(&Change<'_>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        let intent = StoredIntent {
            operation: self.id.clone(),
            package: package.to_owned(),
            steps: text_of(package, steps)?,
        };
        self.commit_intents(&[intent], steps, decide)
    }

    /// As [`Operation::commit`], for several packages in one transaction: (folded key, steps) each. What part `n` moves
    /// lies in the folder `n`, see [`Operation::part`].
    pub(super) fn commit_several<T>(
        self,
        parts: &[(String, Vec<Step>)],
        decide: impl FnOnce(&Change<'_>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        let intents = parts.iter().enumerate().map(|(number, (package, steps))| {
            Ok(StoredIntent {
                operation: format!("{}/{number}", self.id),
                package: package.clone(),
                steps: text_of(package, steps)?,
            })
        });
        let intents = intents.collect::<Result<Vec<_>, LibraryError>>()?;
        let steps: Vec<Step> = parts.iter().flat_map(|(_, steps)| steps.iter().cloned()).collect();
        self.commit_intents(&intents, &steps, decide)
    }

    fn commit_intents<T>(
        mut self,
        intents: &[StoredIntent],
        steps: &[Step],
        decide: impl FnOnce(&Change<'_>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        require_one_disk(self.library.root(), steps)?;
        self.sync()?;
        let value = self.library.catalogue().change(|change| {
            let value = decide(change)?;
            for intent in intents {
                change.put_intent(intent)?;
            }
            Ok::<_, LibraryError>(value)
        })?;
        self.decided = true;
        carry_out(self.library.root(), steps)?;
        let cleared = self
            .library
            .catalogue()
            .change(|change| intents.iter().try_for_each(|intent| change.clear_intent(&intent.operation)));
        match cleared {
            Ok(()) => self.decided = false,
            // The change is made, so this is no failure of it: whoever locks the package next clears the intent.
            Err::<_, crate::store::StoreError>(error) => {
                tracing::warn!(%error, "a change is done, but not marked as done");
            }
        }
        self.library.bring_history_file_up_to_date();
        Ok(value)
    }
}

impl Operation<'_> {
    /// Makes sure that everything below the folder has reached the disk.
    fn sync(&self) -> Result<(), LibraryError> {
        // By the descriptor that is open since the beginning: it is told of every write that failed since then.
        #[cfg(target_os = "linux")]
        return rustix::fs::syncfs(&self.folder_lock)
            .map_err(|error| io_error("sync", &self.folder)(error.into()));
        #[cfg(not(target_os = "linux"))]
        sync_tree(&self.folder)
    }
}

/// The steps as an intent keeps them. A path that cannot be written down would be an intent that nobody can finish.
fn text_of(package: &str, steps: &[Step]) -> Result<String, LibraryError> {
    serde_json::to_string(steps).map_err(|error| LibraryError::Unreadable {
        what: package.to_owned(),
        why: format!("a path in it: {error}"),
    })
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        if !self.decided {
            // What cannot be removed now is removed at the next opening.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Does the steps in order, passing over what is already done.
pub(super) fn carry_out(root: &Path, steps: &[Step]) -> Result<(), LibraryError> {
    let mut touched: Vec<PathBuf> = Vec::new();
    for step in steps {
        match step {
            Step::Rename { from, to } | Step::MoveAside { from, to } => {
                let (from, to) = (root.join(from), root.join(to));
                let is_done = fs::symlink_metadata(&from).is_err()
                    || matches!(step, Step::MoveAside { .. }) && fs::symlink_metadata(&to).is_ok();
                // What was renamed before an interruption may not have reached the disk: synced all the same.
                touched.extend([&from, &to].into_iter().flat_map(|path| {
                    path.ancestors().skip(1).take_while(|above| above.starts_with(root)).map(Path::to_owned)
                }));
                if is_done {
                    continue;
                }
                if let Some(parent) = to.parent() {
                    fs::create_dir_all(parent).map_err(io_error("make the folder", parent))?;
                }
                fs::rename(&from, &to).map_err(io_error("rename", &from))?;
            }
            Step::Remove { path } => {
                let path = root.join(path);
                remove_any(&path)?;
                touched.extend(path.parent().map(Path::to_owned));
            }
            Step::RemoveEmpty { path, stop } => {
                let stop = root.join(stop);
                let mut folder = Some(root.join(path));
                while let Some(current) = folder.filter(|f| *f != stop && f.starts_with(&stop)) {
                    if fs::remove_dir(&current).is_err() && current.exists() {
                        break;
                    }
                    folder = current.parent().map(Path::to_owned);
                    touched.extend(folder.clone());
                }
            }
        }
    }
    touched.sort();
    touched.dedup();
    for folder in touched {
        sync_folder(&folder)?;
    }
    Ok(())
}

/// Finishes every change that was decided and removes every leftover, unless its program is still at it. Gives the
/// packages whose change was finished.
pub(super) fn recover(library: &Library) -> Result<Vec<String>, LibraryError> {
    let mut finished = Vec::new();
    let intents = library.catalogue().intents()?;
    for intent in intents {
        // The program that decided it holds the package until it is done.
        let Some(_package) = lock::try_take(&library.root().join(LOCKS), &intent.package)? else { continue };
        if !library.catalogue().has_intent(&intent.operation)? {
            continue;
        }
        if let Err(error) = finish(library, &intent) {
            // Everything else stays usable; the next opening tries again.
            tracing::warn!(package = intent.package, %error, "an interrupted change could not be finished");
            continue;
        }
        finished.push(intent.package);
    }
    remove_leftovers(library)?;
    Ok(finished)
}

/// Finishes what was decided about one package by a program that is gone. The caller holds the lock of the package,
/// so nobody is still at it.
pub(super) fn finish_package(library: &Library, folded: &str) -> Result<(), LibraryError> {
    let intents = library.catalogue().intents()?;
    for intent in intents.iter().filter(|intent| intent.package == folded) {
        finish(library, intent)?;
        let folder = library.root().join(INCOMING).join(&intent.operation);
        remove_any(&folder)?;
        // The part of a change of several packages: the last one takes their folder with it.
        if let Some(above) = folder.parent().filter(|_| intent.operation.contains('/')) {
            let _ = fs::remove_dir(above);
        }
    }
    Ok(())
}

fn finish(library: &Library, intent: &StoredIntent) -> Result<(), LibraryError> {
    let steps: Vec<Step> = serde_json::from_str(&intent.steps)
        .map_err(|error| crate::store::StoreError::Damaged(format!("an intent: {error}")))?;
    carry_out(library.root(), &steps)?;
    Ok(library.catalogue().change(|change| change.clear_intent(&intent.operation))?)
}

fn remove_leftovers(library: &Library) -> Result<(), LibraryError> {
    let incoming = library.root().join(INCOMING);
    for folder in folders_in(&incoming)? {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Held until it is removed; and what was decided meanwhile belongs to its intent.
        let Some(_lock) = lock_leftover(&folder)? else { continue };
        if super::repair::is_wanted(library, &folder)? {
            continue;
        }
        if !library.catalogue().has_intent(&name)? && elsewhere::remove_left(&folder) {
            remove_any(&folder)?;
        }
    }
    let locks = library.root().join(LOCKS);
    if let Ok(entries) = fs::read_dir(&locks) {
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            // A lock file nobody holds was left by a program that was killed.
            lock::remove_unlocked(&path);
        }
    }
    Ok(())
}

/// Folders directly in `path`; none if it is not there.
pub(super) fn folders_in(path: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("read the folder", path)(error)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_error("read the folder", path))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// Removes a file or folder; nothing there is fine.
pub(super) fn remove_any(path: &Path) -> Result<(), LibraryError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes sure that everything below `folder` has reached the disk.
#[cfg(target_os = "linux")]
pub(super) fn sync_tree(folder: &Path) -> Result<(), LibraryError> {
    // One call for a hundred thousand files; each file by itself would take minutes.
    let file = File::open(folder).map_err(io_error("open", folder))?;
    rustix::fs::syncfs(&file).map_err(|error| io_error("sync", folder)(error.into()))
}

/// Makes sure that everything below `folder` has reached the disk.
#[cfg(not(target_os = "linux"))]
pub(super) fn sync_tree(folder: &Path) -> Result<(), LibraryError> {
    let entries = fs::read_dir(folder).map_err(io_error("read the folder", folder))?;
    for entry in entries {
        let path = entry.map_err(io_error("read the folder", folder))?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            File::open(&path).and_then(|file| file.sync_all()).map_err(io_error("sync", &path))?;
        }
    }
    sync_folder(folder)
}

/// Makes sure that the names in a folder have reached the disk. A folder that is gone needs none.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> Result<(), LibraryError> {
    match File::open(folder) {
        Ok(file) => file.sync_all().map_err(io_error("sync", folder)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("open", folder)(error)),
    }
}

/// Folders cannot be synced there; the file system keeps their order itself.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> Result<(), LibraryError> {
    Ok(())
}

/// What keeps others from taking the folder for a leftover.
#[cfg(unix)]
pub(super) type FolderLock = File;
/// What keeps others from taking the folder for a leftover.
#[cfg(not(unix))]
pub(super) type FolderLock = ();

/// Locks a folder; `None` if somebody who tidies up was faster.
#[cfg(unix)]
pub(super) fn lock_folder(folder: &Path) -> Result<Option<FolderLock>, LibraryError> {
    match File::open(folder) {
        Ok(file) => Ok((file.try_lock().is_ok() && lock::is_same_file(&file, folder)).then_some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("open", folder)(error)),
    }
}

/// Locks a folder that seems to be left over; `None` if its program is still at it, or it is gone.
#[cfg(unix)]
fn lock_leftover(folder: &Path) -> Result<Option<FolderLock>, LibraryError> {
    lock_folder(folder)
}

#[cfg(not(unix))]
pub(super) fn lock_folder(_: &Path) -> Result<Option<FolderLock>, LibraryError> {
    Ok(Some(()))
}

#[cfg(not(unix))]
fn lock_leftover(folder: &Path) -> Result<Option<FolderLock>, LibraryError> {
    // Folders cannot be locked there: what has not been touched for a day belongs to nobody.
    let age = fs::metadata(folder).and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
    Ok(age.is_some_and(|age| age > std::time::Duration::from_secs(24 * 3600)).then_some(()))
}
