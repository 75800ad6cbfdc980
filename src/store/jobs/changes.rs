//! What changes about containers and jobs: whole classes of jobs at once, single jobs after a report.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::super::computers::json;
use super::super::{Change, StoreError, from_sql};
use super::rows::{JOB_COLUMNS, job};
use super::{ContainerRow, JobClass, JobCount, JobDetails, JobRow, JobsOf, waiting_jobs};
use crate::package::PackageKey;
use crate::package::record::PackageId;

/// A job that is to be kept.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// Its identity.
    pub id: Uuid,
    /// Which of the packages of its container.
    pub entry: u32,
    /// Row of the computer.
    pub computer: Option<i64>,
    /// Name of the computer.
    pub target: &'a str,
    /// What it and other jobs of the computer are one piece of work in.
    pub batch: Option<Uuid>,
    /// Where it stands at once.
    pub class: &'a JobClass,
    /// Code of the reason.
    pub code: &'a str,
    /// The reason.
    pub reason: &'a str,
    /// Whether it has ended already.
    pub ended: bool,
}

/// Where jobs come to stand, and what follows from that for the row.
#[derive(Clone, Debug)]
pub struct JobMove<'a> {
    /// Where.
    pub class: &'a JobClass,
    /// Whether the document of the computer lists it then.
    pub listed: bool,
    /// Whether it has ended then.
    pub ended: bool,
    /// Whether it gets another identity.
    pub fresh: bool,
    /// Row of what was proven of their environment; stays as it is where absent.
    pub environment: Option<i64>,
    /// Code and words of the reason.
    pub why: (&'a str, &'a str),
}

/// Which rows a change is about; the first six parameters of a statement.
const WHICH: &str =
    "container = ?1 AND state = ?2 AND after = ?3 AND known = ?4 AND (?5 IS NULL OR entry = ?5)
    AND (?6 IS NULL OR row IN (SELECT value FROM json_each(?6))) AND (?7 IS NULL OR code = ?7)";

impl Change<'_> {
    /// Keeps a container with its packages.
    pub fn add_container(
        &self,
        container: &ContainerRow,
        packages: &[(PackageId, PackageKey)],
    ) -> Result<i64, StoreError> {
        let row = self
            .transaction
            .prepare_cached(
                "INSERT INTO containers (id, name, created, created_by, definition, halted, code, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING row",
            )?
            .query_row(
                params![
                    container.id.hyphenated().to_string(),
                    container.name,
                    container.created.as_second(),
                    container.created_by,
                    container.definition,
                    container.halted,
                    container.code,
                    container.reason
                ],
                |row| row.get(0),
            )?;
        for (entry, (package, key)) in packages.iter().enumerate() {
            self.transaction
                .prepare_cached(
                    "INSERT INTO container_packages (container, entry, package_id, package_key) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![row, entry as i64, package.to_string(), key.to_string()])?;
        }
        Ok(row)
    }

    /// Writes what changes about a container: halted, evaluated, ended, reason.
    pub fn set_container(&self, container: &ContainerRow) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE containers SET halted = ?2, evaluated = ?3, ended = ?4, code = ?5, reason = ?6, report = ?7
                 WHERE row = ?1",
            )?
            .execute(params![
                container.row,
                container.halted,
                container.evaluated.map(Timestamp::as_second),
                container.ended.map(Timestamp::as_second),
                container.code,
                container.reason,
                container.report
            ])?;
        Ok(())
    }

    /// Removes a container with its jobs; documents that list any are written again.
    pub fn remove_container(&self, container: i64) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE computers SET document_wanted = document_wanted + 1 WHERE row IN
                    (SELECT computer FROM jobs WHERE container = ?1 AND listed = 1)",
            )?
            .execute([container])?;
        self.transaction.prepare_cached("DELETE FROM containers WHERE row = ?1")?.execute([container])?;
        Ok(())
    }

    /// Keeps new jobs of a container.
    pub fn add_jobs<'a>(
        &self,
        container: i64,
        jobs: impl IntoIterator<Item = NewJob<'a>>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO jobs (id, container, entry, computer, target, batch, state, after, known, listed, code, reason,
                changed, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, ?12, ?13)",
        )?;
        let mut added = 0;
        for job in jobs {
            statement.execute(params![
                job.id.as_bytes(),
                container,
                job.entry,
                job.computer,
                job.target,
                job.batch.as_ref().map(Uuid::as_bytes),
                job.class.state,
                job.class.after,
                job.class.known,
                job.code,
                job.reason,
                at.as_second(),
                job.ended.then(|| at.as_second())
            ])?;
            added += 1;
        }
        Ok(added)
    }

    /// Says of the waiting jobs of a container whose computer has no agent that they wait for one.
    pub fn mark_without_agent(&self, container: i64, words: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE jobs SET code = 'no-agent', reason = ?2 WHERE container = ?1 AND state = 'waiting'
                 AND computer IN (SELECT row FROM computers WHERE agent IS NULL)",
            )?
            .execute(params![container, words])?;
        Ok(())
    }

    /// Lets the container of a job go on, where it had ended.
    pub fn reopen_container(&self, container: i64) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("UPDATE containers SET ended = NULL WHERE row = ?1 AND ended IS NOT NULL")?
            .execute([container])?;
        Ok(())
    }

    /// What a container is, as JSON.
    pub fn container_definition(&self, container: i64) -> Result<Option<String>, StoreError> {
        let found = self
            .transaction
            .prepare_cached("SELECT definition FROM containers WHERE row = ?1")?
            .query_row([container], |row| row.get(0))
            .optional()?;
        Ok(found)
    }

    /// The classes in which jobs stand.
    pub fn job_classes(&self, jobs: &JobsOf<'_>) -> Result<Vec<JobClass>, StoreError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT DISTINCT state, after, known FROM jobs WHERE container = ?1 AND (?2 IS NULL OR entry = ?2)
             AND (?3 IS NULL OR row IN (SELECT value FROM json_each(?3))) AND (?4 IS NULL OR code = ?4)",
        )?;
        let rows = jobs.rows.map(|rows| json(&rows)).transpose()?;
        let classes = statement.query_map(params![jobs.container, jobs.entry, rows, jobs.code], |row| {
            Ok(JobClass { state: row.get(0)?, after: row.get(1)?, known: row.get(2)? })
        })?;
        Ok(classes.collect::<Result<_, _>>()?)
    }

    /// Moves all jobs of a class at once; gives how many. Where the document of a computer must change, it is marked.
    pub fn move_jobs(
        &self,
        jobs: &JobsOf<'_>,
        from: &JobClass,
        to: &JobMove<'_>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let rows = jobs.rows.map(|rows| json(&rows)).transpose()?;
        self.transaction
            .prepare_cached(&format!(
                "UPDATE computers SET document_wanted = document_wanted + 1 WHERE row IN
                    (SELECT computer FROM jobs WHERE {WHICH} AND listed <> ?8)"
            ))?
            .execute(params![
                jobs.container,
                from.state,
                from.after,
                from.known,
                jobs.entry,
                rows,
                jobs.code,
                to.listed
            ])?;
        if to.fresh {
            self.renumber(jobs, from, rows.as_deref())?;
        }
        let moved = self
            .transaction
            .prepare_cached(&format!(
                "UPDATE jobs SET state = ?8, after = ?9, known = ?10, listed = ?11, code = ?12, reason = ?13,
                    changed = ?14, ended = ?15, percent = NULL,
                    begun = CASE WHEN ?11 THEN coalesce(begun, ?14) ELSE begun END,
                    exit_code = CASE WHEN ?16 THEN NULL ELSE exit_code END,
                    environment = coalesce(?17, environment)
                 WHERE {WHICH}"
            ))?
            .execute(params![
                jobs.container,
                from.state,
                from.after,
                from.known,
                jobs.entry,
                rows,
                jobs.code,
                to.class.state,
                to.class.after,
                to.class.known,
                to.listed,
                to.why.0,
                to.why.1,
                at.as_second(),
                to.ended.then(|| at.as_second()),
                to.fresh,
                to.environment
            ])?;
        Ok(moved as u64)
    }

    /// How many jobs of a class there are of each package, with the number of the package.
    pub fn class_by_entry(&self, jobs: &JobsOf<'_>, of: &JobClass) -> Result<Vec<(u32, u64)>, StoreError> {
        let rows = jobs.rows.map(|rows| json(&rows)).transpose()?;
        let mut statement = self.transaction.prepare_cached(&format!(
            "SELECT entry, count(*) FROM jobs WHERE {WHICH} GROUP BY entry ORDER BY entry"
        ))?;
        let mut found = statement.query(params![
            jobs.container,
            of.state,
            of.after,
            of.known,
            jobs.entry,
            rows,
            jobs.code
        ])?;
        let mut counts = Vec::new();
        while let Some(row) = found.next()? {
            counts.push((row.get(0)?, from_sql(row.get(1)?, "a count")?));
        }
        Ok(counts)
    }

    /// Keeps what was proven when environments were set up; gives its row, the same for the same.
    pub fn put_environment(&self, container: i64, entry: u32, facts: &str) -> Result<i64, StoreError> {
        let row = self
            .transaction
            .prepare_cached(
                "INSERT INTO environments (container, entry, facts) VALUES (?1, ?2, ?3)
                 ON CONFLICT (container, entry, facts) DO UPDATE SET entry = ?2 RETURNING row",
            )?
            .query_row(params![container, entry, facts], |row| row.get(0))?;
        Ok(row)
    }

    /// Gives jobs new identities, one for each, and one for the piece of work they are in on their computer.
    fn renumber(&self, jobs: &JobsOf<'_>, from: &JobClass, rows: Option<&str>) -> Result<(), StoreError> {
        let found: Vec<(i64, Option<i64>)> = self
            .transaction
            .prepare_cached(&format!(
                "SELECT row, CASE WHEN batch IS NULL THEN NULL ELSE computer END FROM jobs WHERE {WHICH}"
            ))?
            .query_map(
                params![jobs.container, from.state, from.after, from.known, jobs.entry, rows, jobs.code],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?
            .collect::<Result<_, _>>()?;
        let mut set =
            self.transaction.prepare_cached("UPDATE jobs SET id = ?2, begun = NULL WHERE row = ?1")?;
        let mut drop_details = self.transaction.prepare_cached("DELETE FROM job_details WHERE job = ?1")?;
        let mut batches = HashSet::new();
        for (row, batch_of) in found {
            set.execute(params![row, Uuid::new_v4().as_bytes()])?;
            drop_details.execute([row])?;
            if let Some(computer) = batch_of
                && batches.insert(computer)
            {
                self.rebatch(jobs.container, computer)?;
            }
        }
        Ok(())
    }

    /// Writes one job after a report, and what is kept beside it; its computer's document is marked where it must change.
    pub fn set_job(
        &self,
        job: &JobRow,
        listed: bool,
        details: Option<&JobDetails>,
    ) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE computers SET document_wanted = document_wanted + 1 WHERE row IN
                    (SELECT computer FROM jobs WHERE row = ?1 AND (listed <> ?2 OR (listed AND id <> ?3)))",
            )?
            .execute(params![job.row, listed, job.id.as_bytes()])?;
        self.transaction
            .prepare_cached(
                "UPDATE jobs SET id = ?2, state = ?3, after = ?4, known = ?5, listed = ?6, code = ?7, reason = ?8,
                    percent = ?9, exit_code = ?10, changed = ?11, ended = ?12 WHERE row = ?1",
            )?
            .execute(params![
                job.row,
                job.id.as_bytes(),
                job.state,
                job.after,
                job.known,
                listed,
                job.code,
                job.reason,
                job.percent,
                job.exit_code,
                job.changed.as_second(),
                job.ended.map(Timestamp::as_second)
            ])?;
        if let Some(details) = details {
            self.transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO job_details (job, output, differences, meaning) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![job.row, details.output, details.differences, details.meaning])?;
        }
        Ok(())
    }

    /// Makes the jobs of a computer in a container another piece of work, where they are one: how jobs under the old one
    /// ended says nothing about them any more.
    pub fn rebatch(&self, container: i64, computer: i64) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE jobs SET batch = ?3 WHERE container = ?1 AND computer = ?2 AND batch IS NOT NULL",
            )?
            .execute(params![container, computer, Uuid::new_v4().as_bytes()])?;
        Ok(())
    }

    /// The job with this identity.
    pub fn job(&self, id: Uuid) -> Result<Option<JobRow>, StoreError> {
        let sql = format!("SELECT {JOB_COLUMNS} FROM jobs j WHERE j.id = ?1");
        let mut statement = self.transaction.prepare_cached(&sql)?;
        let mut rows = statement.query([id.as_bytes()])?;
        rows.next()?.map(job).transpose()
    }

    /// Writes the reason of the jobs of a container that wait, where it changed; they stay where they are.
    pub fn set_waiting_reason(
        &self,
        jobs: &JobsOf<'_>,
        state: &str,
        why: (&str, &str),
    ) -> Result<u64, StoreError> {
        let rows = jobs.rows.map(|rows| json(&rows)).transpose()?;
        let changed = self
            .transaction
            .prepare_cached(
                "UPDATE jobs SET code = ?4, reason = ?5 WHERE container = ?1 AND state = ?6
                 AND (?2 IS NULL OR entry = ?2) AND (?3 IS NULL OR row IN (SELECT value FROM json_each(?3)))
                 AND (code <> ?4 OR reason <> ?5)",
            )?
            .execute(params![jobs.container, jobs.entry, rows, why.0, why.1, state])?;
        Ok(changed as u64)
    }

    /// In how many containers with jobs to do a package is; jobs on test computers do not count.
    pub fn waiting_job_count(&self, package: PackageId) -> Result<u64, StoreError> {
        Ok(waiting_jobs(&self.transaction, package)?.len() as u64)
    }

    /// How many jobs of each package of a container stand where; with the number of the package.
    pub fn job_counts_by_entry(&self, container: i64) -> Result<Vec<(u32, JobCount)>, StoreError> {
        let mut statement = self.transaction.prepare_cached(
            "SELECT entry, state, after, known, count(*) FROM jobs WHERE container = ?1
             GROUP BY entry, state, after, known ORDER BY entry",
        )?;
        let mut rows = statement.query([container])?;
        let mut counts = Vec::new();
        while let Some(row) = rows.next()? {
            let class = JobClass { state: row.get(1)?, after: row.get(2)?, known: row.get(3)? };
            let jobs = from_sql(row.get(4)?, "a count")?;
            counts.push((row.get(0)?, JobCount { container, class, jobs }));
        }
        Ok(counts)
    }

    /// Whether jobs of a container are left that have not ended.
    pub fn has_open_jobs(&self, container: i64) -> Result<bool, StoreError> {
        let found = self
            .transaction
            .prepare_cached("SELECT 1 FROM jobs WHERE container = ?1 AND ended IS NULL LIMIT 1")?
            .query_row([container], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }
}
