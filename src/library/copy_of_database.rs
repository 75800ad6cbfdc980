//! A copy of the library database to read, while the one writer on another computer has it to itself.
//!
//! The database on a share is locked by its writer. What is read here is a copy, taken between two of its changes, and
//! taken anew when it changed. The copies lie in a folder of this computer and vanish with the program, kill -9 included.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::LibraryError;
use super::error::io_error;
use super::lock::{self, Lock};
use crate::store::Catalogue;

/// How long a copy is tried while the writer is in the middle of a change.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// A new copy is made when at least this many times the duration of the last one has gone by.
const REST: u32 = 4;

/// A copy, and what it was made of.
#[derive(Debug)]
pub(super) struct CopyOfDatabase {
    database: PathBuf,
    copy: PathBuf,
    made_of: State,
    next: Instant,
    /// How many were made: part of what tells one state of the library from another.
    pub(super) number: i64,
    _lock: Lock,
}

/// What tells one state of a database file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
    /// Rises with every change, in bytes 24 to 27 of the file.
    change: [u8; 4],
}

impl CopyOfDatabase {
    /// Copies the database into the folder `copies`, and opens the copy.
    pub(super) fn make(database: &Path, copies: &Path) -> Result<(Self, Catalogue), LibraryError> {
        remove_left(copies);
        let name = uuid::Uuid::new_v4().simple().to_string();
        let lock = lock::try_take(copies, &name)?.ok_or_else(|| LibraryError::Locked("a copy".to_owned()))?;
        let copy = lock.path().with_extension("db");
        let start = Instant::now();
        let made_of = copy_between_changes(database, &copy)?;
        let catalogue = Catalogue::open_read_only(&copy, true);
        let next = Instant::now() + start.elapsed() * REST;
        let made = Self { database: database.to_owned(), copy, made_of, next, number: 1, _lock: lock };
        Ok((made, catalogue?))
    }

    /// A new copy, opened, if the database changed since the last one and that was not a moment ago.
    pub(super) fn follow(&mut self) -> Result<Option<Catalogue>, LibraryError> {
        let start = Instant::now();
        if start < self.next || state(&self.database).is_ok_and(|now| now == self.made_of) {
            return Ok(None);
        }
        let fresh = self.copy.with_extension(format!("{}.db", self.number + 1));
        let made_of = copy_between_changes(&self.database, &fresh)?;
        let catalogue = Catalogue::open_read_only(&fresh, true)?;
        let _ = fs::remove_file(&self.copy);
        self.copy = fresh;
        self.made_of = made_of;
        self.number += 1;
        self.next = Instant::now() + start.elapsed() * REST;
        Ok(Some(catalogue))
    }
}

impl Drop for CopyOfDatabase {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.copy);
    }
}

/// Removes copies whose program was killed.
fn remove_left(copies: &Path) {
    let Ok(entries) = fs::read_dir(copies) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let is_copy = path.extension().is_some_and(|extension| extension == "db");
        // `<lock>.db` or `<lock>.<n>.db`.
        let lock = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next());
        if let Some(lock) = lock.filter(|_| is_copy).map(|name| path.with_file_name(name))
            && (!lock.exists() || lock::remove_unlocked(&lock))
        {
            let _ = fs::remove_file(&path);
        }
    }
}

fn copy_between_changes(database: &Path, copy: &Path) -> Result<State, LibraryError> {
    let until = Instant::now() + PATIENCE;
    let failed = io_error("read", database);
    loop {
        let attempt = || -> io::Result<Option<State>> {
            let before = state(database)?;
            if is_changing(database) {
                return Ok(None);
            }
            fs::copy(database, copy)?;
            let after = state(database)?;
            Ok((before == after && !is_changing(database)).then_some(after))
        };
        match attempt() {
            Ok(Some(state)) => return Ok(state),
            Ok(None) if Instant::now() < until => std::thread::park_timeout(PAUSE),
            Ok(None) => {
                let _ = fs::remove_file(copy);
                return Err(LibraryError::Locked("the library database".to_owned()));
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Whether the journal says that a change is under way: it is emptied by the change's last act.
fn is_changing(database: &Path) -> bool {
    let journal = |end: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        fs::metadata(PathBuf::from(name)).map_or(0, |facts| facts.len())
    };
    journal("-journal") > 0 || journal("-wal") > 0
}

fn state(database: &Path) -> io::Result<State> {
    let mut file = File::open(database)?;
    let mut head = [0; 28];
    file.read_exact(&mut head)?;
    let facts = file.metadata()?;
    let mut change = [0; 4];
    change.copy_from_slice(&head[24..28]);
    Ok(State { length: facts.len(), modified: facts.modified().ok(), change })
}
