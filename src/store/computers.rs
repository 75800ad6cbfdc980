//! Rows of the tables about computers: the computers themselves, groups of them, tokens they are enrolled with, what is
//! installed on them, which of their reports were applied.
//!
//! Words of states and of reasons are kept as they are given; what they mean is not decided here.

mod changes;

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{Catalogue, StoreError, from_sql, to_sql};
use crate::package::record::PackageId;

/// The agent on a computer: who signs its reports, and where it looks for its jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledAgent {
    /// Made by the agent when it was enrolled.
    pub agent: Uuid,
    /// Its public key, as minisign writes it.
    pub key: String,
    /// When it was enrolled.
    pub since: Timestamp,
    /// Id of the staging library through which it was enrolled, and where its document lies.
    pub polls: String,
}

/// What the agent of a computer said last about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComputerFacts {
    /// The name the computer has for itself.
    pub host: String,
    /// `linux`, `windows`, `macos`.
    pub system: String,
    /// As the system writes it.
    pub system_version: String,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Free bytes where packages are kept.
    pub free_bytes: Option<u64>,
}

/// A computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputerRow {
    /// Number of its row; 0 for one that is not kept yet.
    pub row: i64,
    /// Its identity.
    pub id: Uuid,
    /// Unique without regard to case.
    pub name: String,
    /// Free text.
    pub comment: String,
    /// Copies and installations on it do not count where a package is unsealed.
    pub test: bool,
    /// Id of its home staging library.
    pub staging: Option<String>,
    /// Nothing is read from any other staging library.
    pub staging_only: bool,
    /// When it was added.
    pub added: Timestamp,
    /// Its agent, once it is enrolled.
    pub agent: Option<EnrolledAgent>,
    /// When its agent was heard of last.
    pub seen: Option<Timestamp>,
    /// What the agent said about it.
    pub facts: ComputerFacts,
    /// Groups it is in, sorted.
    pub groups: Vec<String>,
    /// How many packages are installed on it.
    pub installed: u64,
    /// How many jobs of it have not ended.
    pub open_jobs: u64,
}

/// A computer as it was when it was removed, with what its agent said and what had ended on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedComputer {
    /// What was known of it.
    pub row: ComputerRow,
    /// What was installed on it.
    pub installed: Vec<InstallationRow>,
    /// Rows of its jobs that had ended.
    jobs: Vec<i64>,
    /// Reports of its agent below this number were applied.
    reports_below: i64,
    /// The report that said the facts.
    facts_number: i64,
    /// Sequence of the last document its agent was given.
    sequence: i64,
}

/// A group of computers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputerGroupRow {
    /// Unique without regard to case.
    pub name: String,
    /// Free text.
    pub comment: String,
    /// Id of the staging library of computers in it that have none of their own.
    pub staging: Option<String>,
    /// Those read from no other.
    pub staging_only: bool,
    /// How many computers are in it.
    pub computers: u64,
}

/// A token with which one computer can be enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentTokenRow {
    /// 16 hex digits.
    pub id: String,
    /// The group the computer comes into.
    pub group: Option<String>,
    /// It becomes a test computer.
    pub test: bool,
    /// Name of the computer that is enrolled with it, whatever it calls itself.
    pub computer: Option<String>,
    /// When it was made.
    pub made: Timestamp,
    /// Who made it.
    pub made_by: String,
    /// Not taken after this.
    pub expires: Timestamp,
    /// When a computer was enrolled with it, and which.
    pub used: Option<(Timestamp, String)>,
}

/// A package on a computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallationRow {
    /// The package.
    pub package: PackageId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its revision.
    pub revision: u64,
    /// The procedure that put it there.
    pub procedure: String,
    /// The task of that procedure.
    pub task: String,
    /// Since when.
    pub since: Timestamp,
}

/// A computer that has a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledOn {
    /// Name of the computer.
    pub computer: String,
    /// Packages are only tried on it.
    pub test: bool,
    /// The job that put it there, and its name, where that is still listed.
    pub job: Option<(Uuid, String)>,
    /// What is there.
    pub what: InstallationRow,
}

/// What the document of an agent is made from, beside its jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRow {
    /// Row of the computer.
    pub computer: i64,
    /// Its agent.
    pub agent: Uuid,
    /// Public key of the agent.
    pub agent_key: String,
    /// Staging library where the document lies.
    pub polls: String,
    /// Sequence of the last document; 0 before the first.
    pub sequence: u64,
    /// SHA-256 of what the last document said, sequence and times apart.
    pub said: Option<Vec<u8>>,
    /// When the last document expires.
    pub expires: Option<Timestamp>,
    /// How often it was marked since it was written.
    pub wanted: i64,
}

/// Which computers are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComputerFilter {
    /// In this group.
    pub group: Option<String>,
    /// Test computers only, or only others.
    pub test: Option<bool>,
    /// Not heard of since; those never heard of included.
    pub not_seen_since: Option<Timestamp>,
    /// With this package installed.
    pub installed: Option<PackageId>,
    /// With this in the name, the host or the comment, without regard to case.
    pub text: Option<String>,
}

const COLUMNS: &str = "c.row, c.id, c.name, c.comment, c.test, c.staging, c.staging_only, c.added, c.agent, c.agent_key, \
    c.enrolled, c.polls, c.seen, c.host, c.system, c.system_version, c.architecture, c.agent_version, c.free_bytes, \
    (SELECT group_concat(name, char(10)) FROM (SELECT g.name AS name FROM computer_group_members m JOIN computer_groups g \
        ON g.row = m.computer_group WHERE m.computer = c.row ORDER BY g.folded)), \
    (SELECT count(*) FROM installations i WHERE i.computer = c.row), \
    (SELECT count(*) FROM jobs j WHERE j.computer = c.row AND j.ended IS NULL)";

impl Catalogue {
    /// Whether the tables of deliveries are there: not in an older library that is only read.
    pub(super) fn has_deliveries(&self) -> Result<bool, StoreError> {
        Ok(!self.read_only || self.format()? >= 5)
    }

    /// The computers that fit, by name.
    pub fn computers(&self, filter: &ComputerFilter) -> Result<Vec<ComputerRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM computers c WHERE
                (?1 IS NULL OR c.row IN (SELECT m.computer FROM computer_group_members m JOIN computer_groups g
                    ON g.row = m.computer_group WHERE g.folded = ?1))
                AND (?2 IS NULL OR c.test = ?2)
                AND (?3 IS NULL OR c.seen IS NULL OR c.seen < ?3)
                AND (?4 IS NULL OR c.row IN (SELECT computer FROM installations WHERE package_id = ?4))
                AND (?5 IS NULL OR instr(c.folded, ?5) OR instr(lower(c.host), ?5) OR instr(lower(c.comment), ?5))
             ORDER BY c.folded"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![
            filter.group.as_ref().map(|group| group.to_lowercase()),
            filter.test,
            filter.not_seen_since.map(Timestamp::as_second),
            filter.installed.map(|package| package.to_string()),
            filter.text.as_ref().map(|text| text.to_lowercase()),
        ])?;
        let mut computers = Vec::new();
        while let Some(row) = rows.next()? {
            computers.push(computer(row)?);
        }
        Ok(computers)
    }

    /// The computer of this name, without regard to case.
    pub fn computer_named(&self, name: &str) -> Result<Option<ComputerRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(None);
        }
        one_computer(&self.connection, "c.folded = ?1", params![name.to_lowercase()])
    }

    /// The computer with this identity.
    pub fn computer(&self, id: Uuid) -> Result<Option<ComputerRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(None);
        }
        one_computer(&self.connection, "c.id = ?1", params![id.hyphenated().to_string()])
    }

    /// The computer of an agent.
    pub fn computer_of_agent(&self, agent: Uuid) -> Result<Option<ComputerRow>, StoreError> {
        one_computer(&self.connection, "c.agent = ?1", params![agent.hyphenated().to_string()])
    }

    /// How many computers there are.
    pub fn computer_count(&self) -> Result<u64, StoreError> {
        if !self.has_deliveries()? {
            return Ok(0);
        }
        let count = self.connection.query_row("SELECT count(*) FROM computers", [], |row| row.get(0))?;
        from_sql(count, "a count")
    }

    /// Groups of computers, by name.
    pub fn computer_groups(&self) -> Result<Vec<ComputerGroupRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT name, comment, staging, staging_only,
                (SELECT count(*) FROM computer_group_members m WHERE m.computer_group = g.row)
             FROM computer_groups g ORDER BY folded",
        )?;
        let mut rows = statement.query([])?;
        let mut groups = Vec::new();
        while let Some(row) = rows.next()? {
            groups.push(ComputerGroupRow {
                name: row.get(0)?,
                comment: row.get(1)?,
                staging: row.get(2)?,
                staging_only: row.get(3)?,
                computers: from_sql(row.get(4)?, "a count")?,
            });
        }
        Ok(groups)
    }

    /// The tokens, the newest first.
    pub fn enrolment_tokens(&self) -> Result<Vec<EnrolmentTokenRow>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT id, group_name, test, made, made_by, expires, used, used_by, computer_name FROM enrolment_tokens ORDER BY made DESC, id",
        )?;
        let mut rows = statement.query([])?;
        let mut tokens = Vec::new();
        while let Some(row) = rows.next()? {
            let used: Option<i64> = row.get(6)?;
            let used_by: Option<String> = row.get(7)?;
            tokens.push(EnrolmentTokenRow {
                id: row.get(0)?,
                group: row.get(1)?,
                test: row.get(2)?,
                computer: row.get(8)?,
                made: time(row.get(3)?)?,
                made_by: row.get(4)?,
                expires: time(row.get(5)?)?,
                used: used.map(time).transpose()?.map(|at| (at, used_by.unwrap_or_default())),
            });
        }
        Ok(tokens)
    }

    /// What is installed on a computer, by name and version.
    pub fn installations_on(&self, computer: i64) -> Result<Vec<InstallationRow>, StoreError> {
        installations_on(&self.connection, computer)
    }

    /// On which computers a package is installed, by name of the computer, at most `most`, each with the newest job whose
    /// procedure put it there, where that is still listed.
    pub fn installations_of(&self, package: PackageId, most: u32) -> Result<Vec<InstalledOn>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT c.name, c.test, k.id, k.name,
                i.package_id, i.name, i.version, i.revision, i.procedure, i.task, i.since
             FROM installations i JOIN computers c ON c.row = i.computer
             LEFT JOIN containers k ON k.row = (SELECT j.container FROM jobs j
                JOIN container_packages p ON p.container = j.container AND p.entry = j.entry
                JOIN containers o ON o.row = j.container
                WHERE j.computer = i.computer AND j.state = 'execution_ok' AND p.package_id = i.package_id
                AND json_extract(o.definition, '$.entries[' || j.entry || '].procedure') = i.procedure
                ORDER BY j.ended DESC, j.row DESC LIMIT 1)
             WHERE i.package_id = ?1 ORDER BY c.folded LIMIT ?2",
        )?;
        let mut rows = statement.query(params![package.to_string(), most])?;
        let mut installed = Vec::new();
        while let Some(row) = rows.next()? {
            let (job, name): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
            let job =
                job.map(|job| Ok::<_, StoreError>((uuid(&job)?, name.unwrap_or_default()))).transpose()?;
            installed.push(InstalledOn {
                computer: row.get(0)?,
                test: row.get(1)?,
                job,
                what: installation(row, 4)?,
            });
        }
        Ok(installed)
    }

    /// On how many computers a package is installed: those that are no test computers, and test computers.
    pub fn installation_count(&self, package: PackageId) -> Result<(u64, u64), StoreError> {
        if !self.has_deliveries()? {
            return Ok((0, 0));
        }
        installation_count(&self.connection, package)
    }

    /// Row, name and agent of the computers in these groups, of these identities, or with one of these packages
    /// installed, by name; each once.
    pub fn targets(
        &self,
        ids: &[Uuid],
        groups: &[String],
        installed: &[PackageId],
    ) -> Result<Vec<(i64, Uuid, String)>, StoreError> {
        let text = |id: &Uuid| id.hyphenated().to_string();
        let ids = json(&ids.iter().map(text).collect::<Vec<_>>())?;
        let groups = json(&groups.iter().map(|group| group.to_lowercase()).collect::<Vec<_>>())?;
        let installed = json(&installed.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let mut statement = self.connection.prepare_cached(
            "SELECT row, id, name FROM computers WHERE
                id IN (SELECT value FROM json_each(?1))
                OR row IN (SELECT m.computer FROM computer_group_members m JOIN computer_groups g
                    ON g.row = m.computer_group WHERE g.folded IN (SELECT value FROM json_each(?2)))
                OR row IN (SELECT computer FROM installations WHERE package_id IN (SELECT value FROM json_each(?3)))
             ORDER BY folded",
        )?;
        let mut rows = statement.query(params![ids, groups, installed])?;
        let mut targets = Vec::new();
        while let Some(row) = rows.next()? {
            targets.push((row.get(0)?, uuid(&row.get::<_, String>(1)?)?, row.get(2)?));
        }
        Ok(targets)
    }

    /// Rows of the computers on which a package is installed in this revision or a later one.
    pub fn computers_with(&self, package: PackageId, revision: u64) -> Result<HashSet<i64>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT computer FROM installations WHERE package_id = ?1 AND revision >= ?2")?;
        let rows = statement.query_map(params![package.to_string(), to_sql(revision)?], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The agents that look for their jobs in a staging library, with the number of the next report of each.
    pub fn next_reports(&self, polls: &str) -> Result<Vec<(Uuid, u64)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT agent, reports_below FROM computers WHERE polls = ?1 AND agent IS NOT NULL ORDER BY row",
        )?;
        let mut rows = statement.query([polls])?;
        let mut agents = Vec::new();
        while let Some(row) = rows.next()? {
            agents.push((uuid(&row.get::<_, String>(0)?)?, from_sql(row.get(1)?, "a number")?));
        }
        Ok(agents)
    }

    /// The agents whose document must be looked at, by row from the one after `after`, at most `most`.
    pub fn documents_wanted(&self, after: i64, most: u32) -> Result<Vec<DocumentRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT row, agent, agent_key, polls, document_sequence, document_said, document_expires, document_wanted
             FROM computers WHERE document_wanted > 0 AND agent IS NOT NULL AND row > ?2 ORDER BY row LIMIT ?1",
        )?;
        let mut rows = statement.query(params![most, after])?;
        let mut documents = Vec::new();
        while let Some(row) = rows.next()? {
            let expires: Option<i64> = row.get(6)?;
            documents.push(DocumentRow {
                computer: row.get(0)?,
                agent: uuid(&row.get::<_, String>(1)?)?,
                agent_key: row.get(2)?,
                polls: row.get(3)?,
                sequence: from_sql(row.get(4)?, "a sequence")?,
                said: row.get(5)?,
                expires: expires.map(time).transpose()?,
                wanted: row.get(7)?,
            });
        }
        Ok(documents)
    }
}

fn installations_on(connection: &Connection, computer: i64) -> Result<Vec<InstallationRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT package_id, name, version, revision, procedure, task, since FROM installations
         WHERE computer = ?1 ORDER BY lower(name), version",
    )?;
    let mut rows = statement.query([computer])?;
    let mut installed = Vec::new();
    while let Some(row) = rows.next()? {
        installed.push(installation(row, 0)?);
    }
    Ok(installed)
}

fn installation_count(connection: &Connection, package: PackageId) -> Result<(u64, u64), StoreError> {
    let (others, tests) = connection
        .prepare_cached(
            "SELECT coalesce(sum(c.test = 0), 0), coalesce(sum(c.test), 0) FROM installations i
             JOIN computers c ON c.row = i.computer WHERE i.package_id = ?1",
        )?
        .query_row([package.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((from_sql(others, "a count")?, from_sql(tests, "a count")?))
}

fn one_computer(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Option<ComputerRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM computers c WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(computer).transpose()
}

fn computer(row: &Row<'_>) -> Result<ComputerRow, StoreError> {
    let agent: Option<String> = row.get(8)?;
    let agent = match agent {
        Some(agent) => Some(EnrolledAgent {
            agent: uuid(&agent)?,
            key: row.get::<_, Option<String>>(9)?.unwrap_or_default(),
            since: time(row.get::<_, Option<i64>>(10)?.unwrap_or_default())?,
            polls: row.get::<_, Option<String>>(11)?.unwrap_or_default(),
        }),
        None => None,
    };
    let free: Option<i64> = row.get(18)?;
    let groups: Option<String> = row.get(19)?;
    Ok(ComputerRow {
        row: row.get(0)?,
        id: uuid(&row.get::<_, String>(1)?)?,
        name: row.get(2)?,
        comment: row.get(3)?,
        test: row.get(4)?,
        staging: row.get(5)?,
        staging_only: row.get(6)?,
        added: time(row.get(7)?)?,
        agent,
        seen: row.get::<_, Option<i64>>(12)?.map(time).transpose()?,
        facts: ComputerFacts {
            host: row.get(13)?,
            system: row.get(14)?,
            system_version: row.get(15)?,
            architecture: row.get(16)?,
            agent_version: row.get(17)?,
            free_bytes: free.map(|bytes| from_sql(bytes, "free bytes")).transpose()?,
        },
        groups: groups.map(|names| names.lines().map(str::to_owned).collect()).unwrap_or_default(),
        installed: from_sql(row.get(20)?, "a count")?,
        open_jobs: from_sql(row.get(21)?, "a count")?,
    })
}

fn installation(row: &Row<'_>, from: usize) -> Result<InstallationRow, StoreError> {
    Ok(InstallationRow {
        package: PackageId(uuid(&row.get::<_, String>(from)?)?),
        name: row.get(from + 1)?,
        version: row.get(from + 2)?,
        revision: from_sql(row.get(from + 3)?, "a revision")?,
        procedure: row.get(from + 4)?,
        task: row.get(from + 5)?,
        since: time(row.get(from + 6)?)?,
    })
}

/// A moment kept in seconds.
pub(super) fn time(seconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_second(seconds).map_err(|_| StoreError::Damaged(format!("{seconds} is no moment")))
}

/// An identity kept as text.
pub(super) fn uuid(text: &str) -> Result<Uuid, StoreError> {
    Uuid::parse_str(text).map_err(|_| StoreError::Damaged(format!("{text:?} is no identity")))
}

/// A list for `json_each`.
pub(super) fn json(list: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|error| StoreError::Damaged(error.to_string()))
}
