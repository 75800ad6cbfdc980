//! The tables about jobs: containers and their jobs.
//!
//! A container has up to 100,000 jobs: they are moved from one state to another by whole classes, and shown by pages.
//! The words of states and reasons are kept as they are given; which follows which is not decided here.

mod changes;
mod rows;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::computers::{json, time, uuid};
use super::{Catalogue, StoreError, from_sql};
use crate::package::record::PackageId;

pub use changes::{JobMove, NewJob};
use rows::{CONTAINER_COLUMNS, JOB_COLUMNS, container, job};
pub use rows::{
    ComputerReads, ContainerRow, FailureRow, JobClass, JobCount, JobDetails, JobFilter, JobOfContainer,
    JobOrder, JobRow, JobsOf,
};

impl Catalogue {
    /// All containers, the newest first.
    pub fn containers(&self) -> Result<Vec<ContainerRow>, StoreError> {
        self.some_containers("1 ORDER BY created DESC, row DESC")
    }

    /// Those that have not ended, the oldest first.
    pub fn open_containers(&self) -> Result<Vec<ContainerRow>, StoreError> {
        self.some_containers("ended IS NULL ORDER BY row")
    }

    fn some_containers(&self, condition: &str) -> Result<Vec<ContainerRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT {CONTAINER_COLUMNS} FROM containers WHERE {condition}");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        let mut containers = Vec::new();
        while let Some(row) = rows.next()? {
            containers.push(container(row)?);
        }
        Ok(containers)
    }

    /// One container.
    pub fn container(&self, id: Uuid) -> Result<Option<ContainerRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(None);
        }
        let sql = format!("SELECT {CONTAINER_COLUMNS} FROM containers WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id.hyphenated().to_string()])?;
        rows.next()?.map(container).transpose()
    }

    /// How many jobs of each open container, or of one container, stand where.
    pub fn job_counts(&self, container: Option<i64>) -> Result<Vec<JobCount>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT container, state, after, known, count(*) FROM jobs WHERE ?1 IS NULL OR container = ?1
             GROUP BY container, state, after, known",
        )?;
        let mut one = self.connection.prepare_cached(
            "SELECT container, state, after, known, count(*) FROM jobs WHERE container = ?1
             GROUP BY container, state, after, known",
        )?;
        let statement = if container.is_some() { &mut one } else { &mut statement };
        let mut rows = statement.query(params![container])?;
        let mut counts = Vec::new();
        while let Some(row) = rows.next()? {
            counts.push(JobCount {
                container: row.get(0)?,
                class: JobClass { state: row.get(1)?, after: row.get(2)?, known: row.get(3)? },
                jobs: from_sql(row.get(4)?, "a count")?,
            });
        }
        Ok(counts)
    }

    /// One page of the jobs of a container, and how many fit the filter in all.
    pub fn jobs_page(
        &self,
        container: i64,
        filter: &JobFilter,
        order: JobOrder,
        descending: bool,
        from: u64,
        most: u32,
    ) -> Result<(u64, Vec<JobRow>), StoreError> {
        let (column, turned) = match order {
            JobOrder::Turn => ("j.row", descending),
            JobOrder::Target => ("lower(j.target)", descending),
            JobOrder::State => ("j.state", descending),
            JobOrder::Changed => ("j.changed", !descending),
            JobOrder::Reason => ("j.reason", descending),
        };
        let direction = if turned { "DESC" } else { "ASC" };
        let condition = "j.container = ?1
            AND (?2 = '[]' OR j.state IN (SELECT value FROM json_each(?2)))
            AND (?3 IS NULL OR j.code = ?3)
            AND (?4 = 0 OR j.exit_code IS ?5)
            AND (?6 IS NULL OR instr(lower(j.target), ?6))";
        let states = json(&filter.states)?;
        let text = filter.text.as_ref().map(|text| text.to_lowercase());
        let exit_code = filter.exit_code.flatten();
        let values = params![container, states, filter.code, filter.exit_code.is_some(), exit_code, text];
        let total: i64 = self
            .connection
            .prepare_cached(&format!("SELECT count(*) FROM jobs j WHERE {condition}"))?
            .query_row(values, |row| row.get(0))?;
        let sql = format!(
            "SELECT {JOB_COLUMNS} FROM jobs j WHERE {condition} ORDER BY {column} {direction}, j.row {direction}
             LIMIT ?7 OFFSET ?8"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![
            container,
            states,
            filter.code,
            filter.exit_code.is_some(),
            exit_code,
            text,
            most,
            i64::try_from(from).unwrap_or(i64::MAX)
        ])?;
        let mut jobs = Vec::new();
        while let Some(row) = rows.next()? {
            jobs.push(job(row)?);
        }
        Ok((from_sql(total, "a count")?, jobs))
    }

    /// Jobs of a container in a state, in the order of their turns, after row `after`, at most `most`.
    pub fn jobs_in_state(
        &self,
        container: i64,
        state: &str,
        after: i64,
        most: u32,
    ) -> Result<Vec<JobRow>, StoreError> {
        let sql = format!(
            "SELECT {JOB_COLUMNS} FROM jobs j INDEXED BY jobs_state WHERE j.container = ?1 AND j.state = ?2 AND j.row > ?3
             ORDER BY j.row LIMIT ?4"
        );
        self.some_jobs(&sql, params![container, state, after, most])
    }

    /// Every job of a container on these computers, in the order of their turns.
    pub fn jobs_on(&self, container: i64, computers: &[i64]) -> Result<Vec<JobRow>, StoreError> {
        let sql = format!(
            "SELECT {JOB_COLUMNS} FROM jobs j WHERE j.computer IN (SELECT value FROM json_each(?2)) AND j.container = ?1
             ORDER BY j.row"
        );
        self.some_jobs(&sql, params![container, json(&computers)?])
    }

    /// How many computers of a container have a job in one of these states; in state `silent` only those count whose job
    /// came to it after `since` or whose agent was heard of since.
    pub fn computers_at_work(
        &self,
        container: i64,
        states: &[&str],
        silent: &str,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        let count = self
            .connection
            .prepare_cached(
                "SELECT count(DISTINCT j.computer) FROM jobs j LEFT JOIN computers c ON c.row = j.computer
                 WHERE j.container = ?1 AND j.state IN (SELECT value FROM json_each(?2))
                    AND (j.state <> ?3 OR j.changed >= ?4 OR c.seen >= ?4)",
            )?
            .query_row(params![container, json(&states)?, silent, since.as_second()], |row| row.get(0))?;
        from_sql(count, "a count")
    }

    /// Jobs of an entry that are halted for this reason, or will be once they are withdrawn, at most `most`.
    pub fn halted_jobs(
        &self,
        container: i64,
        entry: u32,
        code: &str,
        most: u32,
    ) -> Result<Vec<JobRow>, StoreError> {
        let sql = format!(
            "SELECT {JOB_COLUMNS} FROM jobs j WHERE j.container = ?1 AND j.entry = ?2 AND j.code = ?3
             AND (j.state = 'halted' OR (j.state = 'withdrawing' AND j.after = 'halted')) LIMIT ?4"
        );
        self.some_jobs(&sql, params![container, entry, code, most])
    }

    /// The jobs that the document of a computer lists, in the order of containers and turns.
    pub fn listed_jobs(&self, computer: i64) -> Result<Vec<JobRow>, StoreError> {
        let sql = format!(
            "SELECT {JOB_COLUMNS} FROM jobs j INDEXED BY jobs_listed WHERE j.computer = ?1 AND j.listed = 1
             ORDER BY j.container, j.entry, j.row"
        );
        self.some_jobs(&sql, [computer])
    }

    /// The newest jobs of a computer, at most `most`.
    pub fn jobs_of_computer(&self, computer: i64, most: u32) -> Result<Vec<JobOfContainer>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {JOB_COLUMNS}, c.id, c.name FROM jobs j JOIN containers c ON c.row = j.container
             WHERE j.computer = ?1 ORDER BY j.row DESC LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![computer, most])?;
        let mut jobs = Vec::new();
        while let Some(row) = rows.next()? {
            let container = uuid(&row.get::<_, String>(18)?)?;
            jobs.push(JobOfContainer { job: job(row)?, container, container_name: row.get(19)? });
        }
        Ok(jobs)
    }

    /// The containers that deliver a package, the newest first.
    pub fn containers_of_package(&self, package: PackageId) -> Result<Vec<ContainerRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {CONTAINER_COLUMNS} FROM containers WHERE row IN
                (SELECT container FROM container_packages WHERE package_id = ?1) ORDER BY row DESC"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([package.to_string()])?;
        let mut containers = Vec::new();
        while let Some(row) = rows.next()? {
            containers.push(container(row)?);
        }
        Ok(containers)
    }

    /// The job with this identity.
    pub fn job(&self, id: Uuid) -> Result<Option<JobRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(None);
        }
        let sql = format!("SELECT {JOB_COLUMNS} FROM jobs j WHERE j.id = ?1");
        Ok(self.some_jobs(&sql, params![id.as_bytes()])?.pop())
    }

    /// What is kept of a job beside its row.
    pub fn job_details(&self, row: i64) -> Result<JobDetails, StoreError> {
        let details = self
            .connection
            .prepare_cached("SELECT output, differences, meaning FROM job_details WHERE job = ?1")?
            .query_row([row], |row| {
                Ok(JobDetails { output: row.get(0)?, differences: row.get(1)?, meaning: row.get(2)? })
            })
            .optional()?;
        Ok(details.unwrap_or_default())
    }

    /// The jobs of a container in these states, in groups of one reason, the largest first.
    pub fn failures(&self, container: i64, states: &[&str]) -> Result<Vec<FailureRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT min(state), code, exit_code, min(reason), count(*) FROM jobs WHERE container = ?1
             AND state IN (SELECT value FROM json_each(?2)) AND (state <> 'withdrawing' OR after = 'error')
             GROUP BY code, exit_code ORDER BY count(*) DESC, code, exit_code",
        )?;
        let mut rows = statement.query(params![container, json(&states)?])?;
        let mut failures = Vec::new();
        while let Some(row) = rows.next()? {
            failures.push(FailureRow {
                state: row.get(0)?,
                code: row.get(1)?,
                exit_code: row.get(2)?,
                reason: row.get(3)?,
                jobs: from_sql(row.get(4)?, "a count")?,
            });
        }
        Ok(failures)
    }

    /// In how many containers with jobs to do a package is; jobs on test computers do not count.
    pub fn waiting_job_count(&self, package: PackageId) -> Result<u64, StoreError> {
        Ok(self.waiting_jobs(package)?.len() as u64)
    }

    /// The containers with jobs to do in which a package is, the newest first; jobs on test computers do not count.
    pub fn waiting_jobs(&self, package: PackageId) -> Result<Vec<Uuid>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        waiting_jobs(&self.connection, package)
    }

    /// From where computers read packages, by row: what a person said of the computer, else of the first of its groups
    /// that says something, else where it was enrolled.
    pub fn computers_read(&self, computers: &[i64]) -> Result<HashMap<i64, ComputerReads>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.row, c.test, c.staging, c.staging_only, g.staging, g.staging_only, c.polls FROM computers c
             LEFT JOIN computer_group_members m ON m.computer = c.row
             LEFT JOIN computer_groups g ON g.row = m.computer_group AND g.staging IS NOT NULL
             WHERE c.row IN (SELECT value FROM json_each(?1)) ORDER BY c.row, g.folded IS NULL, g.folded",
        )?;
        let mut rows = statement.query([json(&computers)?])?;
        let mut reads = HashMap::new();
        while let Some(row) = rows.next()? {
            let (own, of_group): (Option<String>, Option<String>) = (row.get(2)?, row.get(4)?);
            let (home, only) = match (own, of_group) {
                (Some(own), _) => (Some(own), row.get(3)?),
                (None, Some(home)) => (Some(home), row.get::<_, Option<bool>>(5)?.unwrap_or_default()),
                (None, None) => (row.get(6)?, false),
            };
            // The first row of a computer is that of the first of its groups that says something.
            reads.entry(row.get(0)?).or_insert(ComputerReads { test: row.get(1)?, home, only });
        }
        Ok(reads)
    }

    /// When the agents of computers were heard of last, by row.
    pub fn seen_of(&self, computers: &[i64]) -> Result<HashMap<i64, Option<Timestamp>>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT row, seen FROM computers WHERE row IN (SELECT value FROM json_each(?1))",
        )?;
        let mut rows = statement.query([json(&computers)?])?;
        let mut seen = HashMap::new();
        while let Some(row) = rows.next()? {
            seen.insert(row.get(0)?, row.get::<_, Option<i64>>(1)?.map(time).transpose()?);
        }
        Ok(seen)
    }

    /// What was proven when environments were set up, as JSON.
    pub fn environment(&self, row: i64) -> Result<Option<String>, StoreError> {
        let facts = self
            .connection
            .prepare_cached("SELECT facts FROM environments WHERE row = ?1")?
            .query_row([row], |row| row.get(0))
            .optional()?;
        Ok(facts)
    }

    /// Waiting jobs of a container whose computer has an agent, in the order of their turns, after row `after`, at most
    /// `most`.
    pub fn next_turns(&self, container: i64, after: i64, most: u32) -> Result<Vec<JobRow>, StoreError> {
        let sql = format!(
            "SELECT {JOB_COLUMNS} FROM jobs j INDEXED BY jobs_state JOIN computers c ON c.row = j.computer
             WHERE j.container = ?1 AND j.state = 'waiting' AND j.row > ?3 AND c.agent IS NOT NULL
             ORDER BY j.row LIMIT ?2"
        );
        self.some_jobs(&sql, params![container, most, after])
    }

    /// Rows of jobs of a batch that have not ended though an earlier one on the same computer is in one of the `failed`
    /// states, or was withdrawn in error.
    pub fn batch_followers(&self, container: i64, failed: &[&str]) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT j.row FROM jobs f JOIN jobs j ON j.computer = f.computer AND j.container = f.container
                AND j.entry > f.entry AND j.ended IS NULL
             WHERE f.container = ?1 AND (f.state IN (SELECT value FROM json_each(?2))
                OR (f.state = 'withdrawing' AND f.after = 'error'))",
        )?;
        let rows = statement.query_map(params![container, json(&failed)?], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Rows of the computers that have a job of a container.
    pub fn computers_of_container(&self, container: i64) -> Result<HashSet<i64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT DISTINCT computer FROM jobs WHERE container = ?1 AND computer IS NOT NULL",
        )?;
        let rows = statement.query_map([container], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn some_jobs(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<JobRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        let mut jobs = Vec::new();
        while let Some(row) = rows.next()? {
            jobs.push(job(row)?);
        }
        Ok(jobs)
    }
}

fn waiting_jobs(connection: &rusqlite::Connection, package: PackageId) -> Result<Vec<Uuid>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT c.id, c.row FROM container_packages p JOIN containers c ON c.row = p.container
         WHERE p.package_id = ?1 AND c.ended IS NULL AND (c.evaluated IS NULL OR EXISTS (
            SELECT 1 FROM jobs j LEFT JOIN computers k ON k.row = j.computer
            WHERE j.container = c.row AND j.entry = p.entry AND j.ended IS NULL AND coalesce(k.test, 0) = 0))
         ORDER BY c.row DESC",
    )?;
    let mut rows = statement.query([package.to_string()])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(uuid(&row.get::<_, String>(0)?)?);
    }
    Ok(ids)
}
