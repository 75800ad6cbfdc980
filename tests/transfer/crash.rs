//! Power cuts: an ext4 in an image file, the image copied in the middle of a download, and mounted as after a crash.
//!
//! What is in the page cache and was not synced is not in the copy. Whatever the progress said was verified must be
//! there; each sync in turn is left out, and the test must see it. `PACKHOUSE_TEST_COUNTS=soak` takes 50 images instead
//! of 10.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use packhouse::transfer::{
    DownloadState, Hints, Looks, Plan, Storage, StorageWrap, StoredFile, TagFile, TransferOptions,
};

use crate::desk::{BLOCK, LONG, Outcome, noise, options, origin_of, planned, same, start, until, web};
use crate::mounted::{Mounted, make_ext4};

/// A call that brings something to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    /// The data of one file.
    File,
    /// The whole file system, where many files were written.
    All,
    /// The names in folders.
    Folders,
    /// The mode of a file.
    Mode,
}

/// What the calls of a folder are held up by, and what they did.
#[derive(Default)]
struct Desk {
    /// Held for writing, no call is in progress and none begins.
    gate: RwLock<()>,
    /// The call that does nothing.
    without: Option<Sync>,
    /// Files that were opened since the names in their folder were synced last.
    unnamed: Mutex<BTreeSet<String>>,
}

struct Watched {
    inner: Arc<dyn Storage>,
    desk: Arc<Desk>,
}

struct WatchedFile {
    inner: Arc<dyn StoredFile>,
    desk: Arc<Desk>,
}

impl Desk {
    fn new(without: Option<Sync>) -> Arc<Self> {
        Arc::new(Self { without, ..Self::default() })
    }

    fn wrap(self: &Arc<Self>) -> StorageWrap {
        let desk = Arc::clone(self);
        Arc::new(move |inner| Arc::new(Watched { inner, desk: Arc::clone(&desk) }))
    }

    fn pass<T>(&self, call: impl FnOnce() -> T) -> T {
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        call()
    }

    /// A sync, unless it is left out.
    fn sync(&self, kind: Sync, call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.pass(|| if self.without == Some(kind) { Ok(()) } else { call() })
    }

    fn unnamed(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.unnamed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Watched {
    fn open(&self, path: &str) -> io::Result<Arc<dyn StoredFile>> {
        self.desk.pass(|| {
            let inner = self.inner.open(path)?;
            self.desk.unnamed().insert(path.to_owned());
            Ok(Arc::new(WatchedFile { inner, desk: Arc::clone(&self.desk) }) as _)
        })
    }
    fn looks(&self, path: &str) -> io::Result<Looks> {
        self.inner.looks(path)
    }
    fn sync_all(&self) -> io::Result<()> {
        self.desk.sync(Sync::All, || {
            self.inner.sync_all()?;
            self.desk.unnamed().clear();
            Ok(())
        })
    }
    fn sync_folders(&self, paths: &[String]) -> io::Result<()> {
        self.desk.sync(Sync::Folders, || {
            self.inner.sync_folders(paths)?;
            let mut unnamed = self.desk.unnamed();
            // A name counts when the folder it is in and every folder above were synced.
            unnamed.retain(|path| {
                let mut above = path.as_str();
                while let Some((folder, _)) = above.rsplit_once('/') {
                    if !paths.iter().any(|path| path == folder) {
                        return true;
                    }
                    above = folder;
                }
                !paths.iter().any(String::is_empty)
            });
            Ok(())
        })
    }
    fn release(&self) {
        self.inner.release();
    }
    fn free_bytes(&self) -> Option<u64> {
        self.inner.free_bytes()
    }
}

impl StoredFile for WatchedFile {
    fn write_at(&self, bytes: &[u8], offset_bytes: u64) -> io::Result<()> {
        self.desk.pass(|| self.inner.write_at(bytes, offset_bytes))
    }
    fn set_len(&self, size_bytes: u64) -> io::Result<()> {
        self.desk.pass(|| self.inner.set_len(size_bytes))
    }
    fn allocate(&self, offset_bytes: u64, size_bytes: u64) {
        self.desk.pass(|| self.inner.allocate(offset_bytes, size_bytes));
    }
    fn sync(&self) -> io::Result<()> {
        self.desk.sync(Sync::File, || self.inner.sync())
    }
    fn set_executable(&self, executable: bool) -> io::Result<()> {
        if self.desk.without == Some(Sync::Mode) {
            let mode = if executable { 0o755 } else { 0o644 };
            return self.desk.pass(|| self.inner.file().set_permissions(Permissions::from_mode(mode)));
        }
        self.desk.pass(|| self.inner.set_executable(executable))
    }
    fn file(&self) -> &File {
        self.inner.file()
    }
}

/// A disk in a file, mounted; its copies are what a power cut leaves.
pub(crate) struct Disk {
    mounted: Mounted,
    folder: tempfile::TempDir,
    journal: bool,
}

impl Disk {
    pub(crate) fn new(journal: bool) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let image = folder.path().join("disk");
        make_ext4(&image, 64 << 20, journal)?;
        let mounted = Mounted::image(&folder.path().join("mounted"), &image, journal)?;
        Ok(Self { mounted, folder, journal })
    }

    pub(crate) fn path(&self) -> &Path {
        self.mounted.path()
    }

    fn package(&self) -> std::path::PathBuf {
        self.mounted.path().join("package")
    }

    /// The disk as it is at this moment, mounted elsewhere as after a crash.
    pub(crate) fn crashed(&self, name: &str) -> Result<Mounted, Box<dyn Error>> {
        let copy = self.folder.path().join(format!("{name}.copy"));
        fs::copy(self.folder.path().join("disk"), &copy)?;
        Mounted::image(&self.folder.path().join(name), &copy, self.journal)
    }
}

pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// `count` files of some blocks; every third is executable.
fn content(count: usize, seed: u64) -> (Files, Plan) {
    let size = |n: usize| if n == 1 { 0 } else { (24 << 20) / 2 / count - n * 13 };
    let files: Files =
        (0..count).map(|n| (format!("data/{:02}/{n:04}", n % 5), noise(seed + n as u64, size(n)))).collect();
    let planned = files.iter().enumerate().map(|(n, (path, content))| packhouse::transfer::PlannedFile {
        executable: n % 3 == 0,
        ..planned(path, content, BLOCK)
    });
    let tags = vec![TagFile { path: "bagit.txt".into(), content: b"BagIt-Version: 1.0\n".to_vec() }];
    let plan = Plan::new(planned.collect(), tags).expect("a good plan");
    (files, plan)
}

/// What of the verified blocks is not in the folder.
pub(crate) fn lost(folder: &Path, plan: &Plan, files: &Files, facts: &Hints) -> Result<(), String> {
    let files: BTreeMap<_, _> = files.iter().map(|(path, content)| (path.as_str(), content)).collect();
    for (index, file) in plan.files().iter().enumerate() {
        let Some(hint) = facts.files.get(&*file.path) else { continue };
        let found = fs::read(folder.join(&*file.path)).unwrap_or_default();
        let first = plan.blocks_of(index).start;
        for block in (0..hint.proven.len()).filter(|block| hint.proven.get(*block)) {
            let place = plan.place(first + block).expect("it is one");
            let bytes = place.offset_bytes as usize..(place.offset_bytes + place.size_bytes) as usize;
            if found.get(bytes.clone()) != files[&*file.path].get(bytes) {
                return Err(format!("block {block} of {} was verified and is lost", file.path));
            }
        }
    }
    Ok(())
}

/// Everything of a finished package is there: content, modes, empty files, tag files.
pub(crate) fn all_there(folder: &Path, plan: &Plan, files: &Files) -> Result<(), String> {
    for (path, content) in files {
        let found = fs::read(folder.join(path)).map_err(|error| format!("{path}: {error}"))?;
        if found != *content {
            return Err(format!("{path} differs"));
        }
        let file = plan.files().iter().find(|file| *file.path == **path).expect("planned");
        let mode = fs::metadata(folder.join(path)).map_err(|error| error.to_string())?.permissions().mode();
        if (mode & 0o100 != 0) != file.executable {
            return Err(format!("{path} has the mode {mode:o}"));
        }
    }
    for tag in plan.tags() {
        if fs::read(folder.join(&tag.path)).ok().as_ref() != Some(&tag.content) {
            return Err(format!("{} is not there", tag.path));
        }
    }
    Ok(())
}

fn on(disk: &Disk, desk: &Arc<Desk>, origin: &crate::origin::Origin) -> TransferOptions {
    TransferOptions { wrap_storage: Some(desk.wrap()), ..options(&disk.package(), vec![web(origin)]) }
}

/// Cuts the power when a part of the blocks is verified: what was lost, and how the next download of it ended.
fn cut(count: usize, part: f64, without: Option<Sync>) -> Result<Result<(), String>, Box<dyn Error>> {
    let ((files, plan), disk) = (content(count, 7), Disk::new(true)?);
    let (origin, desk) = (origin_of(&files), Desk::new(without));
    let transfer = start(plan.clone(), on(&disk, &desk, &origin));
    let wanted = (plan.blocks() as f64 * part) as usize;
    let (status, reached) = transfer.wait(LONG, |status| status.blocks.proven >= wanted);
    assert!(reached, "{status:?}");
    let (facts, after) = {
        let _gate = desk.gate.write().unwrap_or_else(PoisonError::into_inner);
        (transfer.facts(), disk.crashed("after")?)
    };
    drop(transfer);
    let folder = after.path().join("package");
    let lost = lost(&folder, &plan, &files, &facts);
    // Whatever was lost, the download ends right.
    let again = start(plan, options(&folder, vec![web(&origin)]));
    until(&again, DownloadState::Ready);
    same(&folder, &files);
    Ok(lost)
}

/// Cuts the power at the moment it is Ready.
fn cut_when_ready(
    count: usize,
    without: Option<Sync>,
    prepare: impl Fn(&Disk, &Files) -> Outcome,
) -> Result<Result<(), String>, Box<dyn Error>> {
    cut_when_ready_on(&Disk::new(true)?, count, without, prepare)
}

fn cut_when_ready_on(
    disk: &Disk,
    count: usize,
    without: Option<Sync>,
    prepare: impl Fn(&Disk, &Files) -> Outcome,
) -> Result<Result<(), String>, Box<dyn Error>> {
    let (files, plan) = content(count, 8);
    let (origin, desk) = (origin_of(&files), Desk::new(without));
    prepare(disk, &files)?;
    let transfer = start(plan.clone(), on(disk, &desk, &origin));
    until(&transfer, DownloadState::Ready);
    let after = disk.crashed("after")?;
    let unnamed = desk.unnamed().clone();
    if !unnamed.is_empty() {
        return Ok(Err(format!("the names of {unnamed:?} may be lost")));
    }
    Ok(all_there(&after.path().join("package"), &plan, &files))
}

fn nothing(_: &Disk, _: &Files) -> Outcome {
    Ok(())
}

/// Somebody wrote all of it and was killed: it lies in memory only.
fn written_and_not_synced(disk: &Disk, files: &Files) -> Outcome {
    for (path, content) in files {
        let path = disk.package().join(path);
        fs::create_dir_all(path.parent().expect("it has one"))?;
        fs::write(path, content)?;
    }
    Ok(())
}

/// A file that is too long: its end is cut off.
fn one_too_long(disk: &Disk, files: &Files) -> Outcome {
    written_and_not_synced(disk, files)?;
    // One that is not executable: the sync of a mode would bring its length along.
    let (path, content) = &files[2];
    fs::write(disk.package().join(path), [content.as_slice(), b"more"].concat())?;
    bring_to_the_disk(disk)
}

pub(crate) fn bring_to_the_disk(disk: &Disk) -> Outcome {
    crate::mounted::run(std::process::Command::new("sync").arg("-f").arg(disk.mounted.path()))
}

#[test]
fn what_was_verified_is_there_after_a_power_cut() -> Outcome {
    let soak = std::env::var("PACKHOUSE_TEST_COUNTS").is_ok_and(|counts| counts == "soak");
    let images = if soak { 50 } else { 10 };
    for nth in 0..images {
        // Few files, each synced; many, synced together.
        let count = if nth % 2 == 0 { 6 } else { 60 };
        let part = f64::from(nth + 1) / f64::from(images);
        assert_eq!(cut(count, part, None)?, Ok(()), "{count} files, {part} of them");
    }
    Ok(())
}

#[test]
fn a_ready_package_is_there_after_a_power_cut() -> Outcome {
    for count in [6, 60] {
        assert_eq!(cut_when_ready(count, None, nothing)?, Ok(()), "{count} files");
        assert_eq!(cut_when_ready(count, None, written_and_not_synced)?, Ok(()), "{count} files were there");
        let without_journal = Disk::new(false)?;
        let cut_off = cut_when_ready_on(&without_journal, count, None, one_too_long)?;
        assert_eq!(cut_off, Ok(()), "one of {count} files was too long");
    }
    Ok(())
}

/// Each sync is left out in turn: a power cut shows it.
#[test]
fn without_any_one_sync_a_power_cut_is_seen() -> Outcome {
    let seen = |what: &str, found: Result<(), String>| {
        assert!(found.is_err(), "{what} is left out, and nothing is lost");
    };
    seen("the sync of each file", cut(6, 0.5, Some(Sync::File))?);
    seen("the sync of all files", cut(60, 0.9, Some(Sync::All))?);
    seen(
        "the sync of each file that was there",
        cut_when_ready(6, Some(Sync::File), written_and_not_synced)?,
    );
    seen(
        "the sync of all files that were there",
        cut_when_ready(60, Some(Sync::All), written_and_not_synced)?,
    );
    seen("the sync of names", cut_when_ready(6, Some(Sync::Folders), nothing)?);
    seen(
        "the sync of names that were there",
        cut_when_ready(6, Some(Sync::Folders), written_and_not_synced)?,
    );
    let without_journal = || Disk::new(false);
    assert_eq!(cut_when_ready_on(&without_journal()?, 6, None, nothing)?, Ok(()), "without a journal");
    seen("the sync of modes", cut_when_ready_on(&without_journal()?, 6, Some(Sync::Mode), nothing)?);
    seen("the sync of a length", cut_when_ready_on(&without_journal()?, 6, Some(Sync::File), one_too_long)?);
    Ok(())
}
