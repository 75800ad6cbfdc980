//! The watcher: notices changes in package folders within seconds and marks them. It neither blocks nor records.
//!
//! The system has a limited number of watches. A quarter of them is used, for the packages on the screen and the
//! selected ones first; it says how many packages it watches.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::{Library, LibraryError};
use crate::package::{PackageId, PackageList, PackageState};

/// Watches used if the system does not say how many it has.
const WATCHES_IF_UNKNOWN: usize = 2048;

/// How often all packages of a library on a share are looked at, unless somebody set it.
const POLLED_EVERY: Duration = Duration::from_secs(15 * 60);
/// How long they are looked at without a pause.
const POLLED_AT_ONCE: Duration = Duration::from_millis(200);

/// What is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WatchState {
    /// Packages that are watched.
    pub watched: u64,
    /// Packages that could be.
    pub packages: u64,
    /// Whether the system lets folders be watched at all.
    pub works: bool,
    /// How often all packages are looked at instead: on a share, where nobody says what other computers do.
    pub polls_every: Option<Duration>,
}

/// Watches the package folders of one library.
pub struct Watcher {
    library: Weak<Library>,
    watcher: Option<RecommendedWatcher>,
    /// Paths that changed since they were last marked.
    changed: Arc<Mutex<Vec<PathBuf>>>,
    /// Packages that are watched: their folder, and how many watches they take.
    watched: HashMap<PackageId, (PathBuf, usize)>,
    first: VecDeque<PackageId>,
    packages: Arc<PackageList>,
    budget: usize,
    used: usize,
    polling: Option<Polling>,
}

/// A quick look at all packages, again and again.
#[derive(Debug)]
struct Polling {
    every: Duration,
    next: Instant,
    /// Packages of this round that were not looked at yet.
    left: Vec<PackageId>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Watcher {
    /// Starts with no folder; `notice` is called from another thread whenever something changed.
    pub fn start(library: &Arc<Library>, notice: impl Fn() + Send + 'static) -> Self {
        let changed: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
        let shared = Arc::clone(&changed);
        let handler = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            // Reading a file is no change.
            if matches!(event.kind, notify::EventKind::Access(_)) {
                return;
            }
            shared.lock().unwrap_or_else(PoisonError::into_inner).extend(event.paths);
            notice();
        };
        let polling = library.is_on_share().then(|| Polling {
            every: POLLED_EVERY,
            next: Instant::now(),
            left: Vec::new(),
        });
        let watcher = if library.is_read_only() || polling.is_some() {
            None
        } else {
            notify::recommended_watcher(handler).ok()
        };
        Self {
            library: Arc::downgrade(library),
            watcher,
            changed,
            watched: HashMap::new(),
            first: VecDeque::new(),
            packages: Arc::default(),
            budget: watch_budget(),
            used: 0,
            polling,
        }
    }

    /// What is watched now.
    pub fn state(&self) -> WatchState {
        WatchState {
            watched: self.watched.len() as u64,
            packages: self.packages.iter().filter(|package| package.state != PackageState::Archived).count()
                as u64,
            works: self.watcher.is_some(),
            polls_every: self.polling.as_ref().map(|polling| polling.every),
        }
    }

    /// Sets how often all packages of a library on a share are looked at; the first time from now on.
    pub fn poll_every(&mut self, every: Duration) {
        if let Some(polling) = &mut self.polling {
            polling.every = every;
            polling.next = Instant::now() + every;
        }
    }

    /// How long it is until the next look.
    pub fn until_poll(&self) -> Duration {
        self.polling
            .as_ref()
            .map_or(Duration::MAX, |polling| polling.next.saturating_duration_since(Instant::now()))
    }

    /// Looks at packages of a library on a share for a moment, if it is time: whether any mark is new, and whether
    /// there are more to look at.
    pub fn poll(&mut self) -> (bool, bool) {
        let Some(polling) = &mut self.polling else { return (false, false) };
        let Some(library) = self.library.upgrade() else { return (false, false) };
        let start = Instant::now();
        if polling.left.is_empty() && start >= polling.next {
            polling.left = self.packages.iter().rev().map(|package| package.id).collect();
            polling.next = start + polling.every;
        }
        if library.is_read_only() {
            polling.left.clear();
        }
        let mut new = false;
        while start.elapsed() < POLLED_AT_ONCE
            && let Some(id) = polling.left.pop()
        {
            match library.mark_if_differs(id) {
                Ok(marked) => new |= marked,
                // A share that is gone is asked again next time.
                Err(LibraryError::Unreachable { .. }) => polling.left.clear(),
                Err(error) => tracing::debug!(%error, "a package could not be looked at"),
            }
        }
        (new, !polling.left.is_empty())
    }

    /// Follows the packages of the library: new ones are watched as far as there is room, gone ones no longer.
    pub fn keep_up(&mut self, packages: &Arc<PackageList>) {
        self.packages = Arc::clone(packages);
        let gone: Vec<PackageId> = self
            .watched
            .iter()
            .filter(|(id, (folder, _))| self.folder_of(**id).as_ref() != Some(folder))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.unwatch(id);
        }
        self.fill();
    }

    /// The folder to watch; none for a package that is archived or not there.
    fn folder_of(&self, id: PackageId) -> Option<PathBuf> {
        let package = self.packages.find(id).filter(|package| package.state != PackageState::Archived)?;
        Some(self.library.upgrade()?.data_folder(&package.key))
    }

    /// Packages on the screen and selected ones come first; the ones watched longest make room.
    pub fn watch_first(&mut self, packages: Vec<PackageId>) {
        for id in packages {
            self.first.retain(|there| *there != id);
            self.first.push_front(id);
        }
        self.first.truncate(4096);
        self.fill();
    }

    fn fill(&mut self) {
        let wanted: Vec<PackageId> = self
            .first
            .iter()
            .copied()
            .filter(|id| self.packages.find(*id).is_some() && !self.watched.contains_key(id))
            .collect();
        let first: HashSet<PackageId> = self.first.iter().copied().collect();
        for id in wanted {
            while !self.watch(id) {
                let Some(other) = self.watched.keys().find(|other| !first.contains(other)).copied() else {
                    return;
                };
                self.unwatch(other);
            }
        }
        let rest: Vec<PackageId> = self
            .packages
            .iter()
            .map(|package| package.id)
            .filter(|id| !self.watched.contains_key(id))
            .collect();
        for id in rest {
            if self.used >= self.budget || !self.watch(id) {
                return;
            }
        }
    }

    /// Whether the package is watched now, or cannot be for a reason that more room would not change.
    fn watch(&mut self, id: PackageId) -> bool {
        let Some(folder) = self.folder_of(id) else { return true };
        let cost = folders_below(&folder, self.budget + 1);
        if self.used + cost > self.budget {
            return self.watched.is_empty();
        }
        let Some(watcher) = &mut self.watcher else { return true };
        match watcher.watch(&folder, RecursiveMode::Recursive) {
            Ok(()) => {
                self.used += cost;
                self.watched.insert(id, (folder, cost));
                true
            }
            Err(error) => {
                tracing::debug!(%error, "a package folder is not watched");
                true
            }
        }
    }

    fn unwatch(&mut self, id: PackageId) {
        if let Some((folder, cost)) = self.watched.remove(&id) {
            self.used -= cost;
            if let Some(watcher) = &mut self.watcher {
                let _ = watcher.unwatch(&folder);
            }
        }
    }

    /// Marks every package in whose folder something changed since the last call; whether any mark is new.
    pub fn mark(&mut self) -> bool {
        let paths = std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
        if paths.is_empty() {
            return false;
        }
        let Some(library) = self.library.upgrade() else { return false };
        let touched: HashSet<PackageId> = self
            .watched
            .iter()
            .filter(|(_, (folder, _))| paths.iter().any(|path| path.starts_with(folder)))
            .map(|(id, _)| *id)
            .collect();
        let mut new = false;
        for id in touched {
            match library.mark_if_changed(id) {
                Ok(marked) => new |= marked,
                Err(error) => tracing::debug!(%error, "a change could not be marked"),
            }
        }
        new
    }
}

/// A quarter of the watches the system gives a user.
pub(super) fn watch_budget() -> usize {
    let text = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok();
    let all = text.and_then(|text| text.trim().parse::<usize>().ok()).unwrap_or(WATCHES_IF_UNKNOWN * 4);
    (all / 4).max(1)
}

/// How many folders there are in and below `folder`, at most `limit`.
fn folders_below(folder: &std::path::Path, limit: usize) -> usize {
    let mut count = 1;
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                count += 1;
                if count >= limit {
                    return count;
                }
                open.push(entry.path());
            }
        }
    }
    count
}
