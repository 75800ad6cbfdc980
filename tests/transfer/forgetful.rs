//! A disk that keeps what it must and nothing more. After a power cut a file has the content, the length and the mode of
//! its last sync, and a name is there only where its folder and the file were synced: POSIX promises no more. Real file
//! systems bring much along by themselves; on this one every sync that is left out is seen.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use packhouse::transfer::{
    DownloadState, Hints, Looks, Plan, PlannedFile, Storage, StorageWrap, StoredFile, TagFile, Transfer,
    TransferOptions,
};

use crate::crash::{Files, all_there, lost};
use crate::desk::{BLOCK, LONG, Outcome, noise, options, origin_of, planned, start, unproven, until, web};

/// What a power cut leaves of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// Those whose folders were synced.
    Synced,
    /// All of them, as where a journal brings them along with the data.
    All,
}

/// A file as it lies on the disk.
#[derive(Clone)]
struct Kept {
    content: Vec<u8>,
    mode: u32,
    /// Before that there is nothing that a name could lead to.
    was_synced: bool,
}

#[derive(Default)]
struct Disk {
    /// By inode.
    files: HashMap<u64, Kept>,
    /// By folder: each name, and the inode of a file.
    names: BTreeMap<String, BTreeMap<String, Option<u64>>>,
}

impl Disk {
    /// The names in a folder as they are now.
    fn keep_names(&mut self, root: &Path, folder: &str) -> io::Result<()> {
        let mut names = BTreeMap::new();
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let facts = entry.metadata()?;
            let name = entry.file_name().into_string().map_err(|_| io::ErrorKind::InvalidFilename)?;
            names.insert(name, facts.is_file().then(|| facts.ino()));
        }
        self.names.insert(folder.to_owned(), names);
        Ok(())
    }

    /// Everything below a folder, as it is now.
    fn keep_all(&mut self, root: &Path, folder: &str) -> io::Result<()> {
        self.keep_names(root, folder)?;
        for (name, inode) in self.names[folder].clone() {
            let path = below(folder, &name);
            match inode {
                Some(inode) => {
                    let mode = fs::metadata(root.join(&path))?.mode();
                    let content = fs::read(root.join(&path))?;
                    self.files.insert(inode, Kept { content, mode, was_synced: true });
                }
                None => self.keep_all(root, &path)?,
            }
        }
        Ok(())
    }

    /// Writes below `into` what is there after a power cut.
    fn after(&self, folder: &str, into: &Path) -> io::Result<()> {
        fs::create_dir_all(into.join(folder))?;
        for (name, inode) in self.names.get(folder).into_iter().flatten() {
            let path = below(folder, name);
            let Some(inode) = inode else {
                self.after(&path, into)?;
                continue;
            };
            let Some(kept) = self.files.get(inode).filter(|kept| kept.was_synced) else { continue };
            fs::write(into.join(&path), &kept.content)?;
            fs::set_permissions(into.join(&path), Permissions::from_mode(kept.mode & 0o777))?;
        }
        Ok(())
    }
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The disk under the folder of a transfer.
struct Forgetful {
    root: PathBuf,
    /// Whether everything can be synced at once: only Linux can.
    syncs_all: bool,
    disk: Mutex<Disk>,
}

impl Forgetful {
    /// What lies in the folder lies in memory only.
    fn new(root: &Path, syncs_all: bool) -> Arc<Self> {
        Arc::new(Self { root: root.to_owned(), syncs_all, disk: Mutex::default() })
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that lies in the folder has reached the disk.
    fn everything_is_synced(&self) -> io::Result<()> {
        self.disk().keep_all(&self.root, "")
    }

    fn wrap(self: &Arc<Self>) -> StorageWrap {
        let disk = Arc::clone(self);
        Arc::new(move |inner| Arc::new(Folder { inner, disk: Arc::clone(&disk) }))
    }

    /// Cuts the power while nothing is written: what is known of `transfer` at that moment, and what is left `into`.
    fn power_cut(&self, transfer: &Transfer, names: Names, into: &Path) -> io::Result<Hints> {
        let mut disk = self.disk();
        let facts = transfer.facts();
        if names == Names::All {
            self.each_folder("", &mut |folder| disk.keep_names(&self.root, folder))?;
        }
        disk.after("", into)?;
        Ok(facts)
    }

    fn each_folder(&self, folder: &str, call: &mut impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        call(folder)?;
        for entry in fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.each_folder(&below(folder, &entry.file_name().to_string_lossy()), call)?;
            }
        }
        Ok(())
    }
}

struct Folder {
    inner: Arc<dyn Storage>,
    disk: Arc<Forgetful>,
}

struct FileOnIt {
    inner: Arc<dyn StoredFile>,
    disk: Arc<Forgetful>,
}

impl Storage for Folder {
    fn open(&self, path: &str) -> io::Result<Arc<dyn StoredFile>> {
        let mut disk = self.disk.disk();
        let inner = self.inner.open(path)?;
        let facts = inner.file().metadata()?;
        // The mode it was made with stays, until it is another one that is synced.
        let nothing = Kept { content: Vec::new(), mode: facts.mode(), was_synced: false };
        disk.files.entry(facts.ino()).or_insert(nothing);
        Ok(Arc::new(FileOnIt { inner, disk: Arc::clone(&self.disk) }))
    }
    fn looks(&self, path: &str) -> io::Result<Looks> {
        self.inner.looks(path)
    }
    fn detach(&self, path: &str) -> io::Result<()> {
        let _disk = self.disk.disk();
        self.inner.detach(path)
    }
    fn sync_all(&self) -> io::Result<()> {
        if !self.disk.syncs_all {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut disk = self.disk.disk();
        self.inner.sync_all()?;
        disk.keep_all(&self.disk.root, "")
    }
    fn sync_folders(&self, paths: &[String]) -> io::Result<()> {
        let mut disk = self.disk.disk();
        self.inner.sync_folders(paths)?;
        paths.iter().try_for_each(|path| disk.keep_names(&self.disk.root, path))
    }
    fn release(&self) {
        self.inner.release();
    }
    fn free_bytes(&self) -> Option<u64> {
        self.inner.free_bytes()
    }
}

impl FileOnIt {
    fn keep(&self, disk: &mut Disk, with_mode: bool) -> io::Result<()> {
        let facts = self.inner.file().metadata()?;
        let mut content = vec![0; usize::try_from(facts.len()).map_err(io::Error::other)?];
        self.inner.file().read_exact_at(&mut content, 0)?;
        let kept = disk.files.get(&facts.ino());
        let mode = kept.map_or(facts.mode(), |kept| if with_mode { facts.mode() } else { kept.mode });
        disk.files.insert(facts.ino(), Kept { content, mode, was_synced: true });
        Ok(())
    }
}

impl StoredFile for FileOnIt {
    fn write_at(&self, bytes: &[u8], offset_bytes: u64) -> io::Result<()> {
        let _disk = self.disk.disk();
        self.inner.write_at(bytes, offset_bytes)
    }
    fn set_len(&self, size_bytes: u64) -> io::Result<()> {
        let _disk = self.disk.disk();
        self.inner.set_len(size_bytes)
    }
    fn allocate(&self, offset_bytes: u64, size_bytes: u64) {
        self.inner.allocate(offset_bytes, size_bytes);
    }
    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.disk();
        self.inner.sync()?;
        self.keep(&mut disk, false)
    }
    fn set_executable(&self, executable: bool) -> io::Result<()> {
        let mut disk = self.disk.disk();
        self.inner.set_executable(executable)?;
        self.keep(&mut disk, true)
    }
    fn file(&self) -> &File {
        self.inner.file()
    }
}

const TAG: &[u8] = b"BagIt-Version: 1.0\n";

/// A package on such a disk: what it is to hold, and what lies there before.
struct Scene {
    files: Files,
    plan: Plan,
    folder: tempfile::TempDir,
    disk: Arc<Forgetful>,
}

impl Scene {
    fn new(
        files: Files,
        plan: impl Fn(&str, &[u8]) -> PlannedFile,
        syncs_all: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let planned = files.iter().map(|(path, content)| plan(path, content)).collect();
        let plan = Plan::new(planned, vec![TagFile { path: "bagit.txt".into(), content: TAG.to_vec() }])?;
        let folder = tempfile::tempdir()?;
        let disk = Forgetful::new(folder.path(), syncs_all);
        Ok(Self { files, plan, folder, disk })
    }

    /// `count` files of one block and a half each, every fifth executable, one empty, in folders of folders.
    fn of(count: usize, syncs_all: bool) -> Result<Self, Box<dyn Error>> {
        let size = |n: usize| if n == 1 { 0 } else { BLOCK as usize + 1000 * n };
        let path = |n: usize| format!("data/{}/x/{n:02}", n % 3);
        let files = (0..count).map(|n| (path(n), noise(n as u64 + 1, size(n)))).collect();
        let executable = |path: &str| path.ends_with('4') || path.ends_with('9');
        Self::new(
            files,
            |path, content| PlannedFile { executable: executable(path), ..planned(path, content, BLOCK) },
            syncs_all,
        )
    }

    fn write(&self, path: &str, content: &[u8]) -> Outcome {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().ok_or("it has one")?)?;
        Ok(fs::write(path, content)?)
    }

    /// All of it lies in the folder.
    fn write_all(&self) -> Outcome {
        self.files.iter().try_for_each(|(path, content)| self.write(path, content))
    }

    fn options(&self, origin: &crate::origin::Origin) -> TransferOptions {
        TransferOptions {
            wrap_storage: Some(self.disk.wrap()),
            ..options(self.folder.path(), vec![web(origin)])
        }
    }

    /// Downloads it, cuts the power at the moment it is Ready, and looks whether all of it is there.
    fn is_whole_after_a_power_cut(&self) -> Outcome {
        let origin = origin_of(&self.files);
        let transfer = start(self.plan.clone(), self.options(&origin));
        until(&transfer, DownloadState::Ready);
        self.is_whole(&transfer)
    }

    fn is_whole(&self, transfer: &Transfer) -> Outcome {
        let after = tempfile::tempdir()?;
        self.disk.power_cut(transfer, Names::Synced, after.path())?;
        assert_eq!(all_there(after.path(), &self.plan, &self.files), Ok(()));
        Ok(())
    }
}

#[test]
fn few_files_reach_the_disk_with_names_and_modes() -> Outcome {
    Scene::of(7, true)?.is_whole_after_a_power_cut()
}

#[test]
fn many_files_reach_the_disk_together() -> Outcome {
    Scene::of(70, true)?.is_whole_after_a_power_cut()
}

/// More files than stay open until they are synced, where each has to be synced by itself.
#[test]
fn many_files_reach_the_disk_one_by_one() -> Outcome {
    Scene::of(70, false)?.is_whole_after_a_power_cut()
}

#[test]
fn a_file_with_one_hash_reaches_the_disk_before_it_is_believed() -> Outcome {
    let files = vec![("whole.iso".to_owned(), noise(3, 80 * BLOCK as usize + 1))];
    Scene::new(files, unproven, true)?.is_whole_after_a_power_cut()
}

/// At any moment: what is called verified lies on the disk.
#[test]
fn what_is_verified_is_on_the_disk() -> Outcome {
    for (count, syncs_all) in [(7, true), (70, true), (70, false)] {
        for part in [1, 3, 6] {
            let scene = Scene::of(count, syncs_all)?;
            let (origin, after) = (origin_of(&scene.files), tempfile::tempdir()?);
            let transfer = start(scene.plan.clone(), scene.options(&origin));
            let wanted = scene.plan.blocks() * part / 6;
            let (status, reached) = transfer.wait(LONG, |status| status.blocks.proven >= wanted);
            assert!(reached, "{status:?}");
            let facts = scene.disk.power_cut(&transfer, Names::All, after.path())?;
            assert_eq!(lost(after.path(), &scene.plan, &scene.files, &facts), Ok(()));
        }
    }
    Ok(())
}

/// A program that was killed wrote all of it: it lies in memory only.
#[test]
fn what_a_killed_program_wrote_reaches_the_disk() -> Outcome {
    for (count, syncs_all) in [(7, true), (70, true), (70, false)] {
        let scene = Scene::of(count, syncs_all)?;
        scene.write_all()?;
        scene.write("bagit.txt", TAG)?;
        scene.is_whole_after_a_power_cut()?;
    }
    Ok(())
}

/// The end of a file is cut off, an empty file is emptied, a tag file is replaced by a shorter one.
#[test]
fn lengths_that_are_cut_reach_the_disk() -> Outcome {
    let scene = Scene::of(7, true)?;
    scene.write_all()?;
    for (path, content) in &scene.files {
        scene.write(path, &[content, b"more".as_slice()].concat())?;
    }
    scene.write("bagit.txt", &[TAG, b"more"].concat())?;
    scene.disk.everything_is_synced()?;
    scene.is_whole_after_a_power_cut()
}

/// Modes are all that is wrong.
#[test]
fn modes_reach_the_disk() -> Outcome {
    let scene = Scene::of(12, true)?;
    scene.write_all()?;
    scene.write("bagit.txt", TAG)?;
    for (n, (path, _)) in scene.files.iter().enumerate() {
        let mode = if n % 2 == 0 { 0o755 } else { 0o644 };
        fs::set_permissions(scene.folder.path().join(path), Permissions::from_mode(mode))?;
    }
    scene.disk.everything_is_synced()?;
    scene.is_whole_after_a_power_cut()
}

/// More folders than are synced one by one, in which no more than one file was written.
#[test]
fn names_in_many_folders_reach_the_disk() -> Outcome {
    for syncs_all in [true, false] {
        let path = (0..30).map(|n| format!("{n:02}/")).collect::<String>() + "file";
        let scene = Scene::new(vec![(path, noise(5, 3000))], |p, c| planned(p, c, BLOCK), syncs_all)?;
        scene.is_whole_after_a_power_cut()?;
    }
    Ok(())
}

/// Somebody replaces a file during the download by one with the right content, which lies in memory only.
#[test]
fn what_somebody_else_wrote_meanwhile_reaches_the_disk() -> Outcome {
    let files = vec![("data/a".to_owned(), noise(1, 96 * BLOCK as usize))];
    let scene = Scene::new(files, |path, content| planned(path, content, BLOCK), true)?;
    let origin = origin_of(&scene.files);
    let mut slow = scene.options(&origin);
    slow.limit_bytes_per_second = Some(4 << 20);
    let transfer = start(scene.plan.clone(), slow);
    let (status, some) = transfer.wait(LONG, |status| status.blocks.proven >= 8);
    assert!(some && status.blocks.proven < status.blocks.total, "{status:?}");
    transfer.pause();
    let (path, content) = &scene.files[0];
    scene.write("new", content)?;
    fs::rename(scene.folder.path().join("new"), scene.folder.path().join(path))?;
    transfer.set_limit(None);
    transfer.resume();
    until(&transfer, DownloadState::Ready);
    scene.is_whole(&transfer)
}

/// A file with a second name gets a content of its own under its first one.
#[test]
fn a_file_with_two_names_is_whole_under_the_one_that_counts() -> Outcome {
    let (scene, elsewhere) = (Scene::of(7, true)?, tempfile::tempdir()?);
    scene.write_all()?;
    let (path, content) = &scene.files[2];
    let mut damaged = content.clone();
    damaged[5] ^= 1;
    scene.write(path, &damaged)?;
    fs::hard_link(scene.folder.path().join(path), elsewhere.path().join("mine"))?;
    scene.disk.everything_is_synced()?;
    scene.is_whole_after_a_power_cut()?;
    assert_eq!(fs::read(elsewhere.path().join("mine"))?, damaged);
    Ok(())
}
