//! The walk itself: folders and parts of large folders as tasks for all cores.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{FileStamp, Links, RefusedEntry, ScanError};
use crate::disk::queue::{Queue, work_through};
use crate::disk::{Facts, Folder, Kind, ReadBuffer, Root, words};
use crate::package::consistency::UnreadableFile;
use crate::package::path::{PATH_MAX_BYTES, PathProblem, check_part};
use crate::work::Work;

/// A folder with more entries is asked for its files in parts of this many.
const PART_ENTRIES: usize = 1024;
/// More links to folders than this are a trap: ten folders of ten links each to the next are 10^10.
const FOLLOWED_MAX: u32 = 10_000;

/// What a walk is for.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) links: Links,
    pub(super) stamps: bool,
}

/// What an entry of a [`Part`] is.
#[derive(Clone, Copy)]
pub(super) enum Value {
    /// Not asked yet, or found to be nothing that is taken.
    Pending(Kind),
    File {
        size_bytes: u64,
        executable: bool,
        stamp: u32,
    },
    /// Its number.
    Folder(u32),
}

/// One entry: where its name stands in [`Part::names`], and what it is.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    /// First bytes of the name as they sort; settles most comparisons without looking at the names.
    pub(super) key: u64,
    pub(super) start: u32,
    /// Length of the name; folders count the `/` that follows it.
    pub(super) len: u16,
    pub(super) value: Value,
}

/// Entries of one folder, sorted once they are settled.
#[derive(Default)]
pub(super) struct Part {
    pub(super) folder: u32,
    /// Names, each followed by `/`.
    pub(super) names: String,
    pub(super) entries: Vec<Entry>,
    pub(super) stamps: Vec<FileStamp>,
}

impl Part {
    fn new(folder: u32) -> Self {
        Self { folder, ..Self::default() }
    }

    pub(super) fn name(&self, entry: &Entry) -> &str {
        &self.names[entry.start as usize..entry.start as usize + usize::from(entry.len)]
    }

    fn push(&mut self, name: &str, value: Value) {
        // A part ends after PART_ENTRIES names of at most 255 bytes, so this never saturates.
        let start = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push_str(name);
        self.names.push('/');
        let slash = usize::from(matches!(value, Value::Folder(_)));
        self.entries.push(Entry { key: 0, start, len: (name.len() + slash) as u16, value });
    }

    /// Drops what is not taken and sorts the rest as it stands in paths.
    fn settle(&mut self) {
        let names = self.names.as_bytes();
        self.entries.retain_mut(|entry| {
            let name = &names[entry.start as usize..][..usize::from(entry.len)];
            let mut first = [0u8; 8];
            let known = name.len().min(8);
            first[..known].copy_from_slice(&name[..known]);
            entry.key = u64::from_be_bytes(first);
            !matches!(entry.value, Value::Pending(_))
        });
        self.sort();
    }

    pub(super) fn sort(&mut self) {
        let names = self.names.as_bytes();
        let name = |e: &Entry| &names[e.start as usize..][..usize::from(e.len)];
        self.entries.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| name(a).cmp(name(b))));
    }
}

/// A folder to be read.
struct FolderTask {
    number: u32,
    /// Empty for the root, else without a `/` at its end.
    path: String,
    /// Reached by a link, which may lead back.
    by_link: bool,
    /// The folders it lies in; only kept where links are followed.
    above: Option<Arc<Above>>,
}

struct Above {
    identity: (u64, u64),
    above: Option<Arc<Above>>,
}

enum Task {
    Folder(FolderTask),
    /// Entries of a large folder that are still to be asked for.
    Part(Arc<FolderTask>, Arc<Folder>, Part),
}

/// What one worker found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) parts: Vec<Part>,
    pub(super) refused: Vec<(String, RefusedEntry)>,
    pub(super) unreadable: Vec<UnreadableFile>,
    pub(super) skipped_links: u64,
    buffer: ReadBuffer,
}

struct Walk<'a> {
    root: &'a Root,
    wanted: Wanted,
    work: &'a Work,
    /// The root with no link in it; only where links are followed.
    real_root: Option<PathBuf>,
    folders: AtomicU32,
    followed: AtomicU32,
}

/// Walks everything below `root`, which was opened from `path`.
pub(super) fn walk(root: &Root, path: &Path, wanted: Wanted, work: &Work) -> Result<Vec<Found>, ScanError> {
    let real_root = match wanted.links {
        Links::Copy => Some(std::fs::canonicalize(path)?),
        Links::Refuse | Links::Skip => None,
    };
    let walk =
        Walk { root, wanted, work, real_root, folders: AtomicU32::new(1), followed: AtomicU32::new(0) };
    let first = FolderTask { number: 0, path: String::new(), by_link: false, above: None };
    Ok(work_through(vec![Task::Folder(first)], Found::default, |found, task, queue| {
        if work.is_cancelled() {
            queue.stop();
            return;
        }
        match task {
            Task::Folder(task) => walk.read(task, found, queue),
            Task::Part(task, folder, mut part) => {
                let mut below = Vec::new();
                walk.ask(&task, &folder, &mut part, &mut below, None, found);
                found.parts.push(part);
                queue.push(below.into_iter());
            }
        }
    }))
}

impl Walk<'_> {
    fn read(&self, mut task: FolderTask, found: &mut Found, queue: &Queue<Task>) {
        let follow = self.real_root.is_some();
        let folder = match self.root.folder(&task.path, follow) {
            Ok(folder) => Arc::new(folder),
            Err(error) => return found.cannot_read(task.path, &error),
        };
        if follow {
            match folder.identity() {
                Ok(identity) if task.by_link && is_above(&task.above, identity) => {
                    found.refused.push((task.path, RefusedEntry::LinkLoop));
                    return;
                }
                Ok(identity) => task.above = Some(Arc::new(Above { identity, above: task.above.take() })),
                Err(error) => return found.cannot_read(task.path, &error),
            }
        }
        let task = Arc::new(task);
        let mut part = Part::new(task.number);
        let mut below = Vec::new();
        let mut buffer = std::mem::take(&mut found.buffer);
        let result = folder.read(&mut buffer, |name, kind| {
            let name = match name {
                Ok(name) => name,
                Err(shown) => return found.refuse(&task.path, &shown, PathProblem::NotUtf8.into()),
            };
            if let Err(problem) = self.check(&task, name) {
                return found.refuse(&task.path, name, problem.into());
            }
            match kind {
                Kind::Folder => part.push(name, self.folder(&task, name, false, &mut below)),
                _ => part.push(name, Value::Pending(kind)),
            }
            if part.entries.len() >= PART_ENTRIES {
                let full = std::mem::replace(&mut part, Part::new(task.number));
                queue.push_urgent(Task::Part(Arc::clone(&task), Arc::clone(&folder), full));
            }
        });
        found.buffer = buffer;
        if let Err(error) = result {
            found.cannot_read(task.path.clone(), &error);
        }
        // Subfolders are given to the others before the files here are asked for.
        self.ask(&task, &folder, &mut part, &mut below, Some(queue), found);
        found.parts.push(part);
        queue.push(below.into_iter());
    }

    fn check(&self, task: &FolderTask, name: &str) -> Result<(), PathProblem> {
        check_part(name)?;
        if task.path.len() + 1 + name.len() > PATH_MAX_BYTES { Err(PathProblem::TooLong) } else { Ok(()) }
    }

    /// Gives a subfolder its number and its task.
    fn folder(&self, task: &FolderTask, name: &str, by_link: bool, below: &mut Vec<Task>) -> Value {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let (path, above) = (join(&task.path, name), task.above.clone());
        below.push(Task::Folder(FolderTask { number, path, by_link, above }));
        Value::Folder(number)
    }

    /// Asks for every entry of `part` that is not settled, then settles it.
    fn ask(
        &self,
        task: &FolderTask,
        folder: &Folder,
        part: &mut Part,
        below: &mut Vec<Task>,
        queue: Option<&Queue<Task>>,
        found: &mut Found,
    ) {
        if let Some(queue) = queue {
            queue.push(below.drain(..));
        }
        let Part { names, entries, stamps, .. } = part;
        let mut files = 0;
        for (index, entry) in entries.iter_mut().enumerate() {
            let Value::Pending(mut kind) = entry.value else { continue };
            if index % 256 == 255 && self.work.is_cancelled() {
                break;
            }
            let name = &names[entry.start as usize..][..usize::from(entry.len)];
            let mut facts = None;
            if matches!(kind, Kind::File | Kind::Unknown) {
                match folder.facts(name, false, self.wanted.stamps) {
                    Ok(said) => (kind, facts) = (said.kind, Some(said)),
                    Err(error) => {
                        found.cannot_read(join(&task.path, name), &error);
                        continue;
                    }
                }
            }
            let by_link = kind == Kind::Link;
            if by_link {
                match self.follow(task, folder, name) {
                    Ok(Some(said)) => (kind, facts) = (said.kind, Some(said)),
                    Ok(None) => {
                        found.skipped_links += 1;
                        continue;
                    }
                    Err(why) => {
                        found.refuse(&task.path, name, why);
                        continue;
                    }
                }
            }
            match (kind, facts) {
                (Kind::File, Some(Facts { size_bytes, executable, stamp, .. })) => {
                    let at = stamps.len() as u32;
                    if self.wanted.stamps {
                        stamps.push(stamp);
                    }
                    entry.value = Value::File { size_bytes, executable, stamp: at };
                    files += 1;
                }
                (Kind::Folder, _) => {
                    entry.value = self.folder(task, name, by_link, below);
                    entry.len += 1;
                }
                (Kind::Fifo, _) => found.refuse(&task.path, name, RefusedEntry::Fifo),
                (Kind::Socket, _) => found.refuse(&task.path, name, RefusedEntry::Socket),
                (Kind::Link, _) => found.refuse(&task.path, name, RefusedEntry::SymbolicLink),
                (Kind::Device | Kind::Unknown | Kind::File, _) => {
                    found.refuse(&task.path, name, RefusedEntry::Device);
                }
            }
        }
        self.work.add_files(files);
        part.settle();
    }

    /// What a link leads to; `None` if it is to be left out.
    fn follow(&self, task: &FolderTask, folder: &Folder, name: &str) -> Result<Option<Facts>, RefusedEntry> {
        let Some(real_root) = &self.real_root else {
            return match self.wanted.links {
                Links::Skip => Ok(None),
                Links::Refuse | Links::Copy => Err(RefusedEntry::SymbolicLink),
            };
        };
        if self.followed.load(Ordering::Relaxed) > FOLLOWED_MAX {
            return Err(RefusedEntry::TooManyLinks);
        }
        let target = std::fs::canonicalize(real_root.join(&task.path).join(name))
            .map_err(|_| RefusedEntry::LinkBroken)?;
        if !target.starts_with(real_root) {
            return Err(RefusedEntry::LinkOutside);
        }
        let facts = folder.facts(name, true, true).map_err(|_| RefusedEntry::LinkBroken)?;
        if facts.kind == Kind::Folder && self.followed.fetch_add(1, Ordering::Relaxed) >= FOLLOWED_MAX {
            return Err(RefusedEntry::TooManyLinks);
        }
        Ok(Some(facts))
    }
}

impl Found {
    fn refuse(&mut self, folder: &str, name: &str, why: RefusedEntry) {
        self.refused.push((join(folder, name), why));
    }

    /// Notes what cannot be read; what is gone since its folder was listed is simply not there.
    fn cannot_read(&mut self, path: String, error: &std::io::Error) {
        if error.kind() != std::io::ErrorKind::NotFound {
            self.unreadable.push(UnreadableFile { path, reason: words(error) });
        }
    }
}

fn is_above(above: &Option<Arc<Above>>, identity: (u64, u64)) -> bool {
    let mut next = above.as_deref();
    while let Some(folder) = next {
        if folder.identity == identity {
            return true;
        }
        next = folder.above.as_deref();
    }
    false
}

impl Drop for Above {
    /// Takes a long chain apart link by link; the derived way would recurse once for each level.
    fn drop(&mut self) {
        let mut next = self.above.take();
        while let Some(folder) = next {
            next = Arc::into_inner(folder).and_then(|mut folder| folder.above.take());
        }
    }
}

fn join(folder: &str, name: &str) -> String {
    let mut path = String::with_capacity(folder.len() + 1 + name.len());
    if !folder.is_empty() {
        path.push_str(folder);
        path.push('/');
    }
    path.push_str(name);
    path
}
