//! SQLite: the library database `catalog.db`, its schema, rows, intents and history.
//!
//! Owns every SQL statement of the program. Must not know: package folders, hashing, networks, screens. All
//! changes of one operation happen in one [`Change`], which is one transaction.

pub mod agent;
mod computers;
mod contents;
mod downloads;
mod error;
mod history;
mod intents;
mod jobs;
mod library_check;
mod manager_lease;
mod packages;
mod schema;
mod search;
mod secure;
mod staging;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

pub use computers::{
    ComputerFacts, ComputerFilter, ComputerGroupRow, ComputerRow, DocumentRow, EnrolledAgent,
    EnrolmentTokenRow, InstallationRow, InstalledOn, RemovedComputer,
};
pub use contents::ContentsTotals;
pub use error::StoreError;
pub use history::HistoryFilter;
pub use intents::StoredIntent;
pub use jobs::{
    ComputerReads, ContainerRow, FailureRow, JobClass, JobCount, JobDetails, JobFilter, JobMove,
    JobOfContainer, JobOrder, JobRow, JobsOf, NewJob,
};
pub use library_check::{StoredCheck, StoredCheckPackage};
pub use manager_lease::ManagerLease;
pub use packages::RemovedPackage;
pub use search::{FoundFile, Pattern, SearchCount, SearchResult};
pub use secure::SecureRow;
pub use staging::StagedPlace;

/// How long a statement waits for another program's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of the database is read as memory of the process.
const MAPPED_BYTES: i64 = 1 << 30;

/// An open library database.
#[derive(Debug)]
pub struct Catalogue {
    connection: Connection,
    path: PathBuf,
    read_only: bool,
    /// How many changes were made through this connection.
    own_changes: u64,
    /// Opened so that no other program, and no other connection, can read or write it.
    alone: bool,
    /// Opened as a file that nobody changes; another connection must not take a living one for that.
    immutable: bool,
}

/// One transaction: everything done through it happens, or nothing.
#[derive(Debug)]
pub struct Change<'c> {
    transaction: rusqlite::Transaction<'c>,
}

impl Catalogue {
    /// Opens the database at `path`, making it and its schema if it is not there.
    ///
    /// WAL, `synchronous=FULL`: what [`Catalogue::change`] returned from has reached the disk.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_as(path, false)
    }

    /// The same for a database on a network share, where programs cannot share a WAL: it is this connection's alone
    /// until it is closed, with a rollback journal that is truncated by each change.
    pub fn open_alone(path: &Path) -> Result<Self, StoreError> {
        Self::open_as(path, true)
    }

    fn open_as(path: &Path, alone: bool) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        if connection.is_readonly("main")? {
            // SQLite opens for reading what it cannot write, and would say so at the first change only.
            let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
            return Err(rusqlite::Error::SqliteFailure(error, None).into());
        }
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // The page size counts only before the first table is made.
        connection.pragma_update(None, "page_size", 8192)?;
        if alone {
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            connection.pragma_update(None, "journal_mode", "TRUNCATE")?;
            // The lock is taken by the first statement that needs it, and then kept.
            connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        } else {
            connection.pragma_update(None, "journal_mode", "WAL")?;
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        let mut catalogue = Self {
            connection,
            path: path.to_owned(),
            read_only: false,
            alone,
            immutable: false,
            own_changes: 0,
        };
        catalogue.prepare()?;
        schema::migrate(&mut catalogue.connection)?;
        Ok(catalogue)
    }

    /// Opens the database without ever writing to it. `immutable` for a medium that cannot change, where even
    /// the WAL's index cannot be made.
    pub fn open_read_only(path: &Path, immutable: bool) -> Result<Self, StoreError> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = if immutable {
            Connection::open_with_flags(immutable_uri(path), flags)?
        } else {
            Connection::open_with_flags(path, flags)?
        };
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let catalogue = Self {
            connection,
            path: path.to_owned(),
            read_only: true,
            alone: false,
            immutable,
            own_changes: 0,
        };
        catalogue.prepare()?;
        schema::check_version(&catalogue.connection)?;
        Ok(catalogue)
    }

    /// A second connection to the same database that only reads, for work beside this one; `None` where this one keeps
    /// all others out. It alone maps the file into memory, which makes a search through all file lists as fast as
    /// memory: the connection that stays open must not, or what was read once would stay resident, 200 MB of it in a
    /// library of 100,000 packages. A share, whose mapped file could go away, is always alone.
    pub fn reader(&self) -> Result<Option<Self>, StoreError> {
        if self.alone {
            return Ok(None);
        }
        let reader = Self::open_read_only(&self.path, self.immutable)?;
        reader.connection.pragma_update(None, "mmap_size", MAPPED_BYTES)?;
        Ok(Some(reader))
    }

    fn prepare(&self) -> Result<(), StoreError> {
        self.connection.pragma_update(None, "foreign_keys", "ON")?;
        self.connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Runs `work` in one transaction. An error of `work` takes everything back.
    pub fn change<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| E::from(error.into()))?;
        let change = Change { transaction };
        let value = work(&change)?;
        change.transaction.commit().map_err(|error| E::from(error.into()))?;
        self.own_changes += 1;
        Ok(value)
    }

    /// A value that differs whenever the database was changed, through this connection or another.
    pub fn data_version(&self) -> Result<(i64, u64), StoreError> {
        let others = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        Ok((others, self.own_changes))
    }

    /// Writes the WAL back into the database file, as far as other readers let it.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// The format of the database.
    pub fn format(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
    }

    /// Writes the database, as it stands now, whole to a new file.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let path = path.to_str().ok_or_else(|| StoreError::Unwritable(path.display().to_string()))?;
        self.connection.execute("VACUUM INTO ?1", [path])?;
        Ok(())
    }

    /// Reads the database whole and says what is wrong with it; `None` if nothing.
    pub fn integrity_problem(&self) -> Result<Option<String>, StoreError> {
        let answer: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok((answer != "ok").then_some(answer))
    }

    /// A value of the library itself: `id`, `created`.
    pub fn library_value(&self, name: &str) -> Result<Option<String>, StoreError> {
        library_value(&self.connection, name)
    }
}

impl Change<'_> {
    /// Sets a value of the library itself.
    pub fn set_library_value(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("INSERT INTO library (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2")?
            .execute((name, value))?;
        Ok(())
    }

    /// A value of the library itself.
    pub fn library_value(&self, name: &str) -> Result<Option<String>, StoreError> {
        library_value(&self.transaction, name)
    }
}

fn library_value(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    use rusqlite::OptionalExtension as _;
    Ok(connection
        .prepare_cached("SELECT value FROM library WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

/// A `file:` URI for SQLite, each byte that could mean something else escaped.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(*byte as char),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// A count or size for SQLite, which has no unsigned numbers.
fn to_sql(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::TooLarge(value))
}

/// The reverse of [`to_sql`]; a negative number is damage.
fn from_sql(value: i64, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Damaged(format!("{column} is negative")))
}
