//! `agent.db`: what an agent keeps of its site, its jobs, its packages and its reports. Beside the catalogue, with a
//! schema of its own: an agent has no library.
//!
//! Owns: every SQL statement of the agent, and that what a change returned from has reached the disk. Must not know what
//! the texts in it mean.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::{BUSY_TIMEOUT, StoreError, from_sql, to_sql};
use crate::package::record::PackageId;

/// `PRAGMA application_id`: "PkAg".
const APPLICATION_ID: i64 = 0x506b_4167;

/// Steps from an empty database; the format is their number.
const STEPS: &[&str] = &[FORMAT_1];

const FORMAT_1: &str = "
CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE jobs (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    -- the job as it was listed last
    document TEXT NOT NULL,
    -- its place in the list
    position INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    batch TEXT,
    phase TEXT NOT NULL,
    phase_at INTEGER NOT NULL,
    -- not tried again before
    not_before INTEGER,
    -- what was told when it ended
    outcome TEXT,
    told_at INTEGER
) STRICT;
CREATE INDEX jobs_open ON jobs (phase, position);
CREATE INDEX jobs_batch ON jobs (batch) WHERE batch IS NOT NULL;

CREATE TABLE packages (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    -- the highest revision that was taken
    revision INTEGER NOT NULL,
    reginfo TEXT NOT NULL,
    -- whether its files are in its folder
    is_here INTEGER NOT NULL,
    is_whole INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;

CREATE TABLE installed (
    package_id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT;

-- what is to be told and stands in no report yet
CREATE TABLE events (
    row INTEGER PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- made, signed, not known to be in the store yet
CREATE TABLE reports (
    n INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
";

/// An open `agent.db`.
pub struct AgentStore {
    connection: Connection,
}

/// A transaction on an [`AgentStore`]; taken back unless [`AgentStore::change`] ends it.
pub struct AgentChange<'c> {
    transaction: Transaction<'c>,
}

/// A job as the agent keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentJobRow {
    /// Its id.
    pub id: String,
    /// The job as it was listed last.
    pub document: String,
    /// Whether the last list names it.
    pub listed: bool,
    /// How far it is.
    pub phase: String,
    /// Since when, in Unix seconds.
    pub phase_at: i64,
    /// Not tried again before, in Unix seconds.
    pub not_before: Option<i64>,
    /// What was told when it ended.
    pub outcome: Option<String>,
    /// When that was told last, in Unix seconds.
    pub told_at: Option<i64>,
}

/// A job of a list that is taken.
#[derive(Clone, Copy, Debug)]
pub struct ListedJob<'a> {
    /// Its id.
    pub id: &'a str,
    /// The job.
    pub document: &'a str,
    /// The piece of work it is part of.
    pub batch: Option<&'a str>,
}

/// A package as the agent keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPackageRow {
    /// Its identity.
    pub id: PackageId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The highest revision that was taken.
    pub revision: u64,
    /// SHA-256 of the registration info of that revision, in hex.
    pub reginfo: String,
    /// Whether something of it is in its folder.
    pub is_here: bool,
    /// Whether all of it was proven to be there.
    pub is_whole: bool,
    /// Sum of its files in bytes.
    pub size_bytes: u64,
    /// When a job last asked for it, in Unix seconds.
    pub used_at: i64,
}

impl std::fmt::Debug for AgentStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentStore").finish_non_exhaustive()
    }
}

impl AgentStore {
    /// Opens the database, made where it is not there. Each change waits for the disk.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Ten thousand agents in one process are tried out: each has little in memory.
        connection.pragma_update(None, "cache_size", -256)?;
        connection.set_prepared_statement_cache_capacity(16);
        migrate(&mut connection)?;
        Ok(Self { connection })
    }

    /// Runs `work` in one transaction. An error of `work` takes everything back.
    pub fn change<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&AgentChange<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| E::from(error.into()))?;
        let change = AgentChange { transaction };
        let value = work(&change)?;
        change.transaction.commit().map_err(|error| E::from(error.into()))?;
        Ok(value)
    }

    /// A value of the agent itself.
    pub fn value(&self, name: &str) -> Result<Option<String>, StoreError> {
        value(&self.connection, name)
    }

    /// The jobs that have not ended, in the order of the list; those no longer listed first.
    pub fn open_jobs(&self) -> Result<Vec<AgentJobRow>, StoreError> {
        self.jobs_where("phase <> 'ended' ORDER BY listed, position, row")
    }

    /// The jobs that ended and are still listed.
    pub fn ended_listed_jobs(&self) -> Result<Vec<AgentJobRow>, StoreError> {
        self.jobs_where("phase = 'ended' AND listed ORDER BY position, row")
    }

    fn jobs_where(&self, clause: &str) -> Result<Vec<AgentJobRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, document, listed, phase, phase_at, not_before, outcome, told_at FROM jobs WHERE {clause}"
        ))?;
        Ok(statement.query_map([], job_row)?.collect::<Result<_, _>>()?)
    }

    /// A job.
    pub fn job(&self, id: &str) -> Result<Option<AgentJobRow>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT id, document, listed, phase, phase_at, not_before, outcome, told_at FROM jobs WHERE id = ?1",
            )?
            .query_row([id], job_row)
            .optional()?)
    }

    /// Outcomes of the ended jobs of a piece of work.
    pub fn outcomes_of_batch(&self, batch: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT outcome FROM jobs WHERE batch = ?1 AND phase = 'ended' AND outcome IS NOT NULL",
        )?;
        Ok(statement.query_map([batch], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// What is kept of a package.
    pub fn package(&self, id: PackageId) -> Result<Option<AgentPackageRow>, StoreError> {
        self.packages_where("id = ?1", &[&id.to_string()]).map(|mut rows| rows.pop())
    }

    /// The packages of which something is on the disk, those that were not asked for longest first.
    pub fn packages_here(&self) -> Result<Vec<AgentPackageRow>, StoreError> {
        self.packages_where("is_here ORDER BY used_at, id", &[])
    }

    fn packages_where(
        &self,
        clause: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<AgentPackageRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, name, version, revision, reginfo, is_here, is_whole, size_bytes, used_at \
             FROM packages WHERE {clause}"
        ))?;
        let mut rows = statement.query(values)?;
        let mut packages = Vec::new();
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            let id =
                uuid::Uuid::try_parse(&id).map_err(|_| StoreError::Damaged(format!("{id:?} is no id")))?;
            packages.push(AgentPackageRow {
                id: PackageId(id),
                name: row.get(1)?,
                version: row.get(2)?,
                revision: from_sql(row.get(3)?, "revision")?,
                reginfo: row.get(4)?,
                is_here: row.get(5)?,
                is_whole: row.get(6)?,
                size_bytes: from_sql(row.get(7)?, "size_bytes")?,
                used_at: row.get(8)?,
            });
        }
        Ok(packages)
    }

    /// What is known to be installed of a package.
    pub fn installed(&self, id: PackageId) -> Result<Option<String>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT document FROM installed WHERE package_id = ?1")?
            .query_row([id.to_string()], |row| row.get(0))
            .optional()?)
    }

    /// What is known to be installed, the newest first, at most `most`.
    pub fn all_installed(&self, most: usize) -> Result<Vec<String>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut statement = self
            .connection
            .prepare_cached("SELECT document FROM installed ORDER BY since DESC, package_id LIMIT ?1")?;
        Ok(statement.query_map([most], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// What is to be told, oldest first, at most `most`; with the number of each.
    pub fn events(&self, most: usize) -> Result<Vec<(i64, String)>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut statement =
            self.connection.prepare_cached("SELECT row, document FROM events ORDER BY row LIMIT ?1")?;
        Ok(statement.query_map([most], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
    }

    /// The first report that is not known to be in the store.
    pub fn first_report(&self) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let row: Option<(i64, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT n, bytes FROM reports ORDER BY n LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        row.map(|(n, bytes)| Ok((from_sql(n, "n")?, bytes))).transpose()
    }

    /// How many reports wait to be sent.
    pub fn reports_waiting(&self) -> Result<u64, StoreError> {
        let count = self.connection.query_row("SELECT count(*) FROM reports", [], |row| row.get(0))?;
        from_sql(count, "count")
    }
}

impl AgentChange<'_> {
    /// A value of the agent itself.
    pub fn value(&self, name: &str) -> Result<Option<String>, StoreError> {
        value(&self.transaction, name)
    }

    /// Sets a value of the agent itself.
    pub fn set_value(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "INSERT INTO state (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            )?
            .execute((name, value))?;
        Ok(())
    }

    /// Takes a list of jobs: those it names are listed, in this order, all others are not. Gives the ids that are new.
    pub fn take_list(&self, jobs: &[ListedJob<'_>], at: i64) -> Result<Vec<String>, StoreError> {
        self.transaction.prepare_cached("UPDATE jobs SET listed = 0 WHERE listed")?.execute([])?;
        let mut known = self.transaction.prepare_cached(
            "UPDATE jobs SET listed = 1, position = ?2, document = ?3, batch = ?4 WHERE id = ?1",
        )?;
        let mut new = self.transaction.prepare_cached(
            "INSERT INTO jobs (id, listed, position, document, batch, phase, phase_at) \
             VALUES (?1, 1, ?2, ?3, ?4, 'received', ?5)",
        )?;
        let mut added = Vec::new();
        for (position, job) in jobs.iter().enumerate() {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            if known.execute(params![job.id, position, job.document, job.batch])? == 0 {
                new.execute(params![job.id, position, job.document, job.batch, at])?;
                added.push(job.id.to_owned());
            }
        }
        Ok(added)
    }

    /// Sets how far a job is.
    pub fn set_phase(&self, id: &str, phase: &str, at: i64) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("UPDATE jobs SET phase = ?2, phase_at = ?3 WHERE id = ?1 AND phase <> 'ended'")?
            .execute(params![id, phase, at])?;
        Ok(())
    }

    /// Sets when a job is tried again.
    pub fn set_not_before(&self, id: &str, not_before: Option<i64>) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("UPDATE jobs SET not_before = ?2 WHERE id = ?1")?
            .execute(params![id, not_before])?;
        Ok(())
    }

    /// Ends a job. Ended once, it stays so.
    pub fn end_job(&self, id: &str, outcome: &str, at: i64) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE jobs SET phase = 'ended', phase_at = ?3, outcome = ?2, told_at = ?3 \
                 WHERE id = ?1 AND phase <> 'ended'",
            )?
            .execute(params![id, outcome, at])?;
        Ok(())
    }

    /// Sets when the end of a job was told last.
    pub fn set_told(&self, id: &str, at: i64) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("UPDATE jobs SET told_at = ?2 WHERE id = ?1")?
            .execute(params![id, at])?;
        Ok(())
    }

    /// Forgets jobs that ended before `before` and are not listed.
    pub fn forget_jobs(&self, before: i64) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("DELETE FROM jobs WHERE phase = 'ended' AND NOT listed AND phase_at < ?1")?
            .execute([before])?;
        Ok(())
    }

    /// Writes what is kept of a package.
    pub fn put_package(&self, row: &AgentPackageRow) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO packages \
                 (id, name, version, revision, reginfo, is_here, is_whole, size_bytes, used_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                row.id.to_string(),
                row.name,
                row.version,
                to_sql(row.revision)?,
                row.reginfo,
                row.is_here,
                row.is_whole,
                to_sql(row.size_bytes)?,
                row.used_at
            ])?;
        Ok(())
    }

    /// Writes what is known to be installed of a package; `None` takes it away.
    pub fn put_installed(&self, id: PackageId, document: Option<&str>, since: i64) -> Result<(), StoreError> {
        let id = id.to_string();
        match document {
            Some(document) => self
                .transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO installed (package_id, document, since) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![id, document, since])?,
            None => self
                .transaction
                .prepare_cached("DELETE FROM installed WHERE package_id = ?1")?
                .execute([id])?,
        };
        Ok(())
    }

    /// Adds something to be told.
    pub fn add_event(&self, document: &str) -> Result<(), StoreError> {
        self.transaction.prepare_cached("INSERT INTO events (document) VALUES (?1)")?.execute([document])?;
        Ok(())
    }

    /// Drops what was told up to event `last`.
    pub fn drop_events(&self, last: i64) -> Result<(), StoreError> {
        self.transaction.prepare_cached("DELETE FROM events WHERE row <= ?1")?.execute([last])?;
        Ok(())
    }

    /// Keeps a report until it is known to be in the store.
    pub fn add_report(&self, n: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("INSERT INTO reports (n, bytes) VALUES (?1, ?2)")?
            .execute(params![to_sql(n)?, bytes])?;
        Ok(())
    }

    /// Forgets a report that is in the store.
    pub fn drop_report(&self, n: u64) -> Result<(), StoreError> {
        self.transaction.prepare_cached("DELETE FROM reports WHERE n = ?1")?.execute([to_sql(n)?])?;
        Ok(())
    }
}

fn value(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT value FROM state WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

fn job_row(row: &Row<'_>) -> rusqlite::Result<AgentJobRow> {
    Ok(AgentJobRow {
        id: row.get(0)?,
        document: row.get(1)?,
        listed: row.get(2)?,
        phase: row.get(3)?,
        phase_at: row.get(4)?,
        not_before: row.get(5)?,
        outcome: row.get(6)?,
        told_at: row.get(7)?,
    })
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version = |connection: &Connection| -> Result<i64, StoreError> {
        Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
    };
    let known = STEPS.len() as i64;
    if version(connection)? == known {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    let done = usize::try_from(found).ok().filter(|done| *done <= STEPS.len());
    let Some(done) = done else { return Err(StoreError::Newer { found, known }) };
    for step in &STEPS[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_takes_jobs_in_and_what_ended_stays_ended() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("agent.db");
        let mut store = AgentStore::open(&path)?;
        let job = |id, document| ListedJob { id, document, batch: Some("b") };
        let new =
            store.change::<_, StoreError>(|change| change.take_list(&[job("1", "x"), job("2", "y")], 5))?;
        assert_eq!(new, ["1", "2"]);
        store.change::<_, StoreError>(|change| {
            change.set_phase("1", "started", 6)?;
            change.end_job("1", "ok", 7)?;
            change.end_job("1", "error", 8)?;
            change.set_phase("1", "received", 9)
        })?;
        let new =
            store.change::<_, StoreError>(|change| change.take_list(&[job("1", "x2"), job("3", "z")], 10))?;
        assert_eq!(new, ["3"]);
        drop(store);
        let mut store = AgentStore::open(&path)?;
        let one = store.job("1")?.ok_or("it is there")?;
        assert_eq!((one.phase.as_str(), one.outcome.as_deref(), one.phase_at), ("ended", Some("ok"), 7));
        assert_eq!(store.outcomes_of_batch("b")?, ["ok"]);
        let open: Vec<(String, bool)> =
            store.open_jobs()?.into_iter().map(|job| (job.id, job.listed)).collect();
        assert_eq!(open, [("2".to_owned(), false), ("3".to_owned(), true)]);
        store.change::<_, StoreError>(|change| change.forget_jobs(100))?;
        assert!(store.job("1")?.is_some(), "it is listed");
        store.change::<_, StoreError>(|change| {
            change.take_list(&[], 11)?;
            change.forget_jobs(100)
        })?;
        assert!(store.job("1")?.is_none());
        Ok(())
    }
}
