//! The library moves to another folder: copied, the copy proven, then one file decides which of the two it is.
//!
//! Until `moved-to.json` stands in the old folder, the old one is the library and the copy is none; from then on the
//! reverse. A program that is killed between the decision and its last rename leaves that rename to whoever opens either
//! folder next. The old folder stays until somebody deletes it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::io_error;
use super::in_use::{self, OPEN};
use super::open::CATALOGUE;
use super::operation::{INCOMING, LOCKS, remove_any, sync_folder, sync_tree};
use super::package_folder::{PACKAGES, read_text};
use super::restore::require_empty;
use super::{Library, LibraryError, Standing};
use crate::disk::queue::work_through;
use crate::package::download::DownloadRecord;
use crate::package::record::PackageRecord;
use crate::package::{CheckKind, HistoryEvent, PackageState};
use crate::store::Catalogue;
use crate::work::Work;

/// In the old folder, from the decision on: where the library is now.
const MOVED_TO: &str = "moved-to.json";
/// In the new folder, while it is made: whose copy it is.
const MOVING: &str = "moving.json";
/// The library database in the new folder, once the copy is whole and proven.
const READY: &str = "catalog.db.moving";
/// The same while it is written.
const UNREADY: &str = "catalog.db.copying";
/// Name of a value in the library database: the old folder, while it is still there.
const MOVED_FROM: &str = "moved_from";
/// Ending of a sign that is being written.
const NEW: &str = "json.new";
/// Bytes copied at once from a large file.
const PIECE_BYTES: usize = 4 << 20;

/// Where a library went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sign {
    /// Identity of the library.
    library: String,
    /// `moved-to.json`: the new folder; `moving.json`: the old one.
    place: PathBuf,
    /// When.
    at: Timestamp,
    /// Who.
    by: String,
}

/// A library that was moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovedLibrary {
    /// Its new folder: the one to open from now on.
    pub to: PathBuf,
    /// Its old folder, which stays until it is deleted.
    pub from: PathBuf,
    /// Files that were copied.
    pub files: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// Packages whose files were read back from the copy and compared with their recorded hashes.
    pub proven: u64,
    /// Packages that were not as recorded before: their copy was compared with the original, file by file.
    pub compared: u64,
}

impl Library {
    /// Moves the library to `to`, which must be new or empty and outside it. Afterwards this value can only be read;
    /// the library is opened anew in its new folder.
    ///
    /// Refused while another program has it open. Cancelled, it leaves nothing in `to`.
    pub fn move_to(&self, to: &Path, work: &Work) -> Result<MovedLibrary, LibraryError> {
        self.require_writable()?;
        self.require_reachable()?;
        self.require_outside(to)?;
        let existed = to.exists();
        let parent = to.parent().filter(|_| !existed);
        fs::create_dir_all(to).map_err(io_error("make the folder", to))?;
        let to = fs::canonicalize(to).map_err(io_error("open", to))?;
        let result = self.move_alone(&to, work);
        if result.is_err() && !existed {
            let _ = fs::remove_dir(&to);
            if let Some(parent) = parent {
                let _ = sync_folder(parent);
            }
        }
        result
    }

    fn move_alone(&self, to: &Path, work: &Work) -> Result<MovedLibrary, LibraryError> {
        if to.starts_with(self.root()) || self.root().starts_with(to) {
            return Err(LibraryError::SourceInLibrary(to.to_owned()));
        }
        if read_sign(&to.join(MOVING))?
            .is_some_and(|sign| sign.library == self.id() && sign.place == self.root())
        {
            // A copy that was killed on its way; nobody else's files are beside it.
            remove_copy(to)?;
        }
        let half_sign = to.join(MOVING).with_extension(NEW);
        if entries_of(to)? == [half_sign.clone()] {
            // Killed before the sign itself was there.
            remove_any(&half_sign)?;
        }
        require_empty(to)?;
        let _alone = Alone::take(self)?;
        let sign = Sign {
            library: self.id().to_owned(),
            place: self.root().to_owned(),
            at: Timestamp::now(),
            by: self.actor().who.clone(),
        };
        let moved = put_sign(&to.join(MOVING), &sign).and_then(|()| self.copy_and_prove(to, work));
        let moved = match moved {
            Ok(moved) => moved,
            Err(error) => {
                if let Err(left) = remove_copy(to) {
                    tracing::warn!(error = %left, "a part of the copy is left");
                }
                return Err(error);
            }
        };
        // From here on the copy is the library.
        let moved_to = self.root().join(MOVED_TO);
        if let Err(error) = put_sign(&moved_to, &Sign { place: to.to_owned(), ..sign }) {
            // Half decided is not decided: the sign is taken back, and with it the copy.
            remove_any(&moved_to)?;
            remove_copy(to)?;
            return Err(error);
        }
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = Standing::Moved(to.to_owned());
        finish_copy(to)?;
        Ok(moved)
    }

    fn copy_and_prove(&self, to: &Path, work: &Work) -> Result<MovedLibrary, LibraryError> {
        work.begin("Looking at the library", 0, 0);
        let tree = Tree::read(self.root(), work)?;
        let (files, size_bytes) = (tree.files.len() as u64, tree.files.iter().map(|file| file.1).sum());
        work.begin("Copying the library", files, size_bytes);
        tree.copy(self.root(), to, work)?;
        let packages = to.join(PACKAGES);
        fs::create_dir_all(&packages).map_err(io_error("make the folder", &packages))?;
        let incoming = to.join(INCOMING);
        fs::create_dir_all(&incoming).map_err(io_error("make the folder", &incoming))?;
        let database = to.join(UNREADY);
        self.catalogue().copy_to(&database)?;
        let copy = Self {
            root: to.to_owned(),
            id: self.id.clone(),
            actor: self.actor.clone(),
            keys: self.keys.clone(),
            read_only: None,
            // The target may be a share, where a WAL is not to be trusted. Nobody else reads the copy yet, so that it
            // is one program's alone on any file system; whoever opens it next chooses the journal anew.
            catalogue: Mutex::new(Catalogue::open_alone(&database)?),
            standing: Mutex::new(Standing::Here),
            share: None,
            in_use: None,
        };
        sync_tree(to)?;
        let (proven, compared) = copy.prove_copy(self, &tree, work)?;
        work.begin("Switching over", 0, 0);
        let mut entry = copy.entry(HistoryEvent::LibraryMoved, None);
        entry.details = Some(format!("from {} to {}", self.root().display(), to.display()));
        let old = self.root().to_str().unwrap_or_default().to_owned();
        // Downloads into the library go on in the copy.
        let downloads = copy.catalogue().downloads()?;
        let moved = downloads.into_iter().filter_map(|download| {
            let folder = to.join(download.folder.strip_prefix(self.root()).ok()?);
            Some(DownloadRecord { folder, ..download })
        });
        let moved: Vec<DownloadRecord> = moved.collect();
        copy.catalogue().change(|change| {
            for download in &moved {
                change.set_download(download)?;
            }
            change.set_library_value(MOVED_FROM, &old)?;
            change.append_history(entry)
        })?;
        work.check()?;
        // The last connection takes its log with it when it ends.
        drop(copy);
        let ready = to.join(READY);
        fs::rename(&database, &ready).map_err(io_error("rename", &database))?;
        sync_tree(to)?;
        sync_folder(to)?;
        Ok(MovedLibrary {
            to: to.to_owned(),
            from: self.root().to_owned(),
            files,
            size_bytes,
            proven,
            compared,
        })
    }

    /// Reads every file of the copy: packages against their recorded hashes, all else against the original.
    fn prove_copy(&self, original: &Self, tree: &Tree, work: &Work) -> Result<(u64, u64), LibraryError> {
        let packages = self.list()?;
        let total = packages.iter().map(|package| package.size_bytes).sum();
        work.begin("Checking the copy", tree.files.len() as u64, total);
        let (mut proven, mut bytes) = (0, 0);
        let mut whole: Vec<PathBuf> = Vec::new();
        for (done, package) in packages.iter().enumerate() {
            work.check()?;
            work.set_packages(done as u64, packages.len() as u64);
            work.set_subject(&package.key.to_string());
            if package.state != PackageState::Archived {
                let record = self.record(package.id)?;
                if self.is_whole(&record, work)? {
                    proven += 1;
                    whole.push(
                        Path::new(PACKAGES).join(package.key.name()).join(package.key.version()).join("data"),
                    );
                }
            }
            bytes += package.size_bytes;
            work.set_done(0, bytes);
        }
        work.set_subject("");
        let here = packages.iter().filter(|package| package.state != PackageState::Archived).count() as u64;
        whole.sort();
        let rest = tree.files.iter().filter(|(path, _)| {
            !path.ancestors().any(|above| whole.binary_search_by(|data| data.as_path().cmp(above)).is_ok())
        });
        let rest: Vec<_> = rest.collect();
        work.begin("Comparing the rest", rest.len() as u64, rest.iter().map(|(_, size)| size).sum());
        for (path, _) in rest {
            if !is_same(&original.root().join(path), &self.root().join(path), work)? {
                return Err(LibraryError::CopyDiffers(self.root().join(path)));
            }
            work.add_files(1);
        }
        Ok((proven, here - proven))
    }

    fn is_whole(&self, record: &PackageRecord, work: &Work) -> Result<bool, LibraryError> {
        let report = self.examine(record, CheckKind::Deep, &work.part())?;
        Ok(report.is_consistent() && report.without_hashes == 0)
    }

    /// The folder the library was moved from, while it is still there.
    pub fn old_copy(&self) -> Result<Option<PathBuf>, LibraryError> {
        let place = self.catalogue().library_value(MOVED_FROM)?;
        Ok(place.filter(|place| !place.is_empty()).map(PathBuf::from))
    }

    /// Deletes the folder the library was moved from: what is the library's in it, and the folder if it is empty then.
    pub fn delete_old_copy(&self, work: &Work) -> Result<PathBuf, LibraryError> {
        self.require_writable()?;
        let old = self.old_copy()?.ok_or(LibraryError::NoOldCopy)?;
        work.begin("Deleting the old copy", 0, 0);
        match read_sign(&old.join(MOVED_TO))? {
            Some(sign) if sign.library == self.id() && sign.place == self.root() => {
                let alone = in_use::enter_alone(&old, self.actor())?;
                // The sign goes last: until then nobody takes the rest for a library.
                for path in entries_of(&old)? {
                    let name = path.file_name().unwrap_or_default();
                    if name != MOVED_TO && name != OPEN {
                        remove_any(&path)?;
                    }
                }
                sync_folder(&old)?;
                remove_any(&old.join(MOVED_TO))?;
                drop(alone);
                remove_any(&old.join(OPEN))?;
                fs::remove_dir(&old).map_err(io_error("remove", &old))?;
            }
            // Somebody put it away by hand.
            None if !old.join(CATALOGUE).exists() => {}
            _ => return Err(LibraryError::NotOldCopy(old)),
        }
        let mut entry = self.entry(HistoryEvent::LibraryMoved, None);
        entry.details = Some(format!("the old copy in {} was deleted", old.display()));
        self.catalogue().change(|change| {
            change.set_library_value(MOVED_FROM, "")?;
            change.append_history(entry)
        })?;
        self.append_history_file()?;
        Ok(old)
    }
}

/// The library is this program's alone and does not change, until this is dropped.
struct Alone<'l>(&'l Library);

impl<'l> Alone<'l> {
    fn take(library: &'l Library) -> Result<Self, LibraryError> {
        let in_use = library.in_use.as_ref().ok_or_else(|| LibraryError::InUse(Vec::new()))?;
        in_use.take_alone(library.root())?;
        *library.standing.lock().unwrap_or_else(PoisonError::into_inner) = Standing::Moving;
        let alone = Self(library);
        // What this very program began before ends, or the move waits for another time.
        for _ in 0..250 {
            let busy = [INCOMING, LOCKS].iter().any(|name| {
                fs::read_dir(library.root().join(name)).is_ok_and(|mut entries| entries.next().is_some())
            });
            if !busy {
                return Ok(alone);
            }
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        Err(LibraryError::InUse(Vec::new()))
    }
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let mut standing = self.0.standing.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody uses a folder the library was moved away from.
        if matches!(*standing, Standing::Moving) {
            *standing = Standing::Here;
            if let Some(in_use) = &self.0.in_use {
                in_use.share_again();
            }
        }
    }
}

/// An error if the library in `root` was moved away. What a killed move left to do in the new folder is done.
pub(super) fn require_here(root: &Path) -> Result<(), LibraryError> {
    let Some(sign) = read_sign(&root.join(MOVED_TO))? else { return Ok(()) };
    if sign.place.join(READY).exists() {
        finish_copy(&sign.place)?;
    }
    Err(LibraryError::Moved { from: root.to_owned(), to: sign.place })
}

/// Finishes a move into `root` that was decided, and whose last rename was not done.
pub(super) fn finish_arrival(root: &Path) -> Result<(), LibraryError> {
    let Some(sign) = read_sign(&root.join(MOVING))? else { return Ok(()) };
    if root.join(CATALOGUE).exists() {
        return remove_any(&root.join(MOVING));
    }
    let decided = read_sign(&sign.place.join(MOVED_TO))?.is_some_and(|there| {
        there.library == sign.library && Some(there.place) == fs::canonicalize(root).ok()
    });
    if decided && root.join(READY).exists() {
        return finish_copy(root);
    }
    Err(LibraryError::HalfMoved { here: root.to_owned(), from: sign.place })
}

fn finish_copy(to: &Path) -> Result<(), LibraryError> {
    let ready = to.join(READY);
    match fs::rename(&ready, to.join(CATALOGUE)) {
        // Two programs may open it at once: one of them was faster.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && to.join(CATALOGUE).exists() => {}
        other => other.map_err(io_error("rename", &ready))?,
    }
    sync_folder(to)?;
    remove_any(&to.join(MOVING))?;
    sync_folder(to)
}

/// Removes what a move put into a folder that was empty; its sign last.
fn remove_copy(to: &Path) -> Result<(), LibraryError> {
    for path in entries_of(to)? {
        if path.file_name().is_some_and(|name| name != MOVING) {
            remove_any(&path)?;
        }
    }
    remove_any(&to.join(MOVING))
}

fn entries_of(folder: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let entries = fs::read_dir(folder).map_err(io_error("read the folder", folder))?;
    entries.map(|entry| Ok(entry.map_err(io_error("read the folder", folder))?.path())).collect()
}

fn read_sign(path: &Path) -> Result<Option<Sign>, LibraryError> {
    let Some(text) = read_text(path, 64 * 1024)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| LibraryError::Unreadable {
        what: path.display().to_string(),
        why: error.to_string(),
    })
}

/// Writes a sign whole or not at all.
fn put_sign(path: &Path, sign: &Sign) -> Result<(), LibraryError> {
    let text = serde_json::to_string_pretty(sign).map_err(|_| {
        LibraryError::Refused(vec![(
            path.display().to_string(),
            crate::package::path::PathProblem::NotUtf8.to_string(),
        )])
    })?;
    let new = path.with_extension(NEW);
    let mut file = File::create(&new).map_err(io_error("write", &new))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io_error("write", &new))?;
    fs::rename(&new, path).map_err(io_error("rename", &new))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Everything that goes with a library, relative to its folder.
#[derive(Default)]
struct Tree {
    folders: Vec<PathBuf>,
    /// Files and their sizes.
    files: Vec<(PathBuf, u64)>,
    links: Vec<PathBuf>,
}

impl Tree {
    fn read(root: &Path, work: &Work) -> Result<Self, LibraryError> {
        let mut tree = Self::default();
        let mut open = vec![PathBuf::new()];
        while let Some(folder) = open.pop() {
            work.check()?;
            for path in entries_of(&root.join(&folder))? {
                let name = path.file_name().unwrap_or_default();
                let relative = folder.join(name);
                if folder.as_os_str().is_empty() && stays(&name.to_string_lossy()) {
                    continue;
                }
                let metadata = fs::symlink_metadata(&path).map_err(io_error("read", &path))?;
                if metadata.is_dir() {
                    open.push(relative.clone());
                    tree.folders.push(relative);
                } else if metadata.is_symlink() {
                    tree.links.push(relative);
                } else if metadata.is_file() {
                    tree.files.push((relative, metadata.len()));
                } else {
                    let why = "it is neither a file nor a folder".to_owned();
                    return Err(LibraryError::Unreadable { what: path.display().to_string(), why });
                }
            }
        }
        tree.folders.sort();
        tree.files.sort();
        Ok(tree)
    }

    fn copy(&self, from: &Path, to: &Path, work: &Work) -> Result<(), LibraryError> {
        for folder in &self.folders {
            let target = to.join(folder);
            fs::create_dir_all(&target).map_err(io_error("make the folder", &target))?;
        }
        let failed: Mutex<Option<LibraryError>> = Mutex::new(None);
        work_through(
            self.files.iter().collect(),
            || (),
            |(), (path, size), queue| {
                if let Err(error) = copy_file(&from.join(path), &to.join(path), *size, work) {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    queue.stop();
                }
                work.add_files(1);
            },
        );
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        for link in &self.links {
            copy_link(&from.join(link), &to.join(link))?;
        }
        Ok(())
    }
}

/// What of the library's folder is not copied: locks, work in progress, and the database, which is copied whole by
/// itself.
fn stays(name: &str) -> bool {
    let database = [CATALOGUE, "catalog.db-wal", "catalog.db-shm", "catalog.db-journal"];
    database.contains(&name) || [INCOMING, LOCKS, OPEN, MOVED_TO, MOVING].contains(&name)
}

fn copy_file(from: &Path, to: &Path, size: u64, work: &Work) -> Result<(), LibraryError> {
    work.pace(size.min(PIECE_BYTES as u64))?;
    if size <= PIECE_BYTES as u64 {
        fs::copy(from, to).map_err(io_error("copy", from))?;
        work.add_bytes(size);
    } else {
        let mut source = File::open(from).map_err(io_error("read", from))?;
        let mut target = File::create(to).map_err(io_error("write", to))?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            work.pace(PIECE_BYTES as u64)?;
            let read = source.read(&mut piece).map_err(io_error("read", from))?;
            if read == 0 {
                break;
            }
            target.write_all(&piece[..read]).map_err(io_error("write", to))?;
            work.add_bytes(read as u64);
        }
    }
    // Times of the files are shown, and tell who looks for a change when it was.
    let metadata = fs::metadata(from).map_err(io_error("read", from))?;
    fs::set_permissions(to, metadata.permissions()).map_err(io_error("write", to))?;
    if let Ok(modified) = metadata.modified() {
        let target = File::options().append(true).open(to).or_else(|_| File::open(to));
        let _ = target.and_then(|file| file.set_modified(modified));
    }
    Ok(())
}

#[cfg(unix)]
fn copy_link(from: &Path, to: &Path) -> Result<(), LibraryError> {
    let target = fs::read_link(from).map_err(io_error("read", from))?;
    std::os::unix::fs::symlink(target, to).map_err(io_error("write", to))
}

#[cfg(not(unix))]
fn copy_link(from: &Path, _: &Path) -> Result<(), LibraryError> {
    let why = "it is a link".to_owned();
    Err(LibraryError::Unreadable { what: from.display().to_string(), why })
}

/// Whether two files have the same content.
fn is_same(a: &Path, b: &Path, work: &Work) -> Result<bool, LibraryError> {
    let mut one = File::open(a).map_err(io_error("read", a))?;
    let mut two = File::open(b).map_err(io_error("read", b))?;
    let (mut here, mut there) = (vec![0; 256 * 1024], vec![0; 256 * 1024]);
    loop {
        work.pace(here.len() as u64)?;
        let read = one.read(&mut here).map_err(io_error("read", a))?;
        if read == 0 {
            return Ok(two.read(&mut there[..1]).map_err(io_error("read", b))? == 0);
        }
        if two.read_exact(&mut there[..read]).is_err() || here[..read] != there[..read] {
            return Ok(false);
        }
        work.add_bytes(read as u64);
    }
}
