//! What changes about computers, groups of them, tokens, installations and reports.

use jiff::Timestamp;
use rusqlite::params;
use uuid::Uuid;

use super::super::{Change, StoreError, from_sql, to_sql};
use super::{
    ComputerFacts, ComputerRow, DocumentRow, EnrolledAgent, EnrolmentTokenRow, InstallationRow,
    RemovedComputer, installation_count, installations_on, json, one_computer,
};
use crate::package::record::PackageId;

/// How many numbers of reports are kept of one computer beside the mark below which all count as applied.
const MOST_REPORTS_KEPT: i64 = 1000;

impl Change<'_> {
    /// Adds a computer or writes what a person decides about one: name, comment, test, staging library. Gives its row.
    pub fn put_computer(&self, computer: &ComputerRow) -> Result<i64, StoreError> {
        let row = self
            .transaction
            .prepare_cached(
                "INSERT INTO computers (id, name, folded, comment, test, staging, staging_only, added)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (id) DO UPDATE SET name = ?2, folded = ?3, comment = ?4, test = ?5, staging = ?6,
                    staging_only = ?7 RETURNING row",
            )?
            .query_row(
                params![
                    computer.id.hyphenated().to_string(),
                    computer.name,
                    computer.name.to_lowercase(),
                    computer.comment,
                    computer.test,
                    computer.staging,
                    computer.staging_only,
                    computer.added.as_second(),
                ],
                |row| row.get(0),
            )?;
        Ok(row)
    }

    /// The computer of this name, without regard to case.
    pub fn computer_named(&self, name: &str) -> Result<Option<ComputerRow>, StoreError> {
        one_computer(&self.transaction, "c.folded = ?1", params![name.to_lowercase()])
    }

    /// The computer that this agent is enrolled on.
    pub fn computer_of_agent(&self, agent: Uuid) -> Result<Option<ComputerRow>, StoreError> {
        one_computer(&self.transaction, "c.agent = ?1", [agent.hyphenated().to_string()])
    }

    /// Joins a computer with its agent. What an agent before it said and was told does not count any more.
    pub fn enrol(
        &self,
        computer: i64,
        agent: &EnrolledAgent,
        facts: &ComputerFacts,
    ) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE computers SET agent = ?2, agent_key = ?3, enrolled = ?4, polls = ?5, seen = ?4, reports_below = 1,
                    facts_number = 0, document_wanted = document_wanted + 1, document_said = NULL, document_expires = NULL WHERE row = ?1",
            )?
            .execute(params![
                computer,
                agent.agent.hyphenated().to_string(),
                agent.key,
                agent.since.as_second(),
                agent.polls
            ])?;
        self.transaction
            .prepare_cached("DELETE FROM reports_applied WHERE computer = ?1")?
            .execute([computer])?;
        self.write_facts(computer, facts)
    }

    /// Removes a computer and gives it as it was; its jobs that have not ended go with it, ended ones stay under its name.
    pub fn remove_computer(&self, computer: i64) -> Result<Option<RemovedComputer>, StoreError> {
        let Some(row) = one_computer(&self.transaction, "c.row = ?1", [computer])? else { return Ok(None) };
        let (reports_below, facts_number, sequence) = self
            .transaction
            .prepare_cached(
                "SELECT max(reports_below, coalesce((SELECT max(number) + 1 FROM reports_applied WHERE computer = ?1), 1)),
                    facts_number, document_sequence FROM computers WHERE row = ?1",
            )?
            .query_row([computer], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let installed = installations_on(&self.transaction, computer)?;
        self.transaction
            .prepare_cached("DELETE FROM jobs WHERE computer = ?1 AND ended IS NULL")?
            .execute([computer])?;
        let jobs = self
            .transaction
            .prepare_cached("SELECT row FROM jobs WHERE computer = ?1")?
            .query_map([computer], |row| row.get(0))?
            .collect::<Result<Vec<i64>, _>>()?;
        self.transaction.prepare_cached("DELETE FROM computers WHERE row = ?1")?.execute([computer])?;
        Ok(Some(RemovedComputer { row, installed, jobs, reports_below, facts_number, sequence }))
    }

    /// Puts a computer back as it was, with its agent, what is installed on it, and its jobs that had ended. No other of its
    /// name may be there.
    pub fn put_computer_back(&self, removed: &RemovedComputer) -> Result<(), StoreError> {
        let RemovedComputer { row, installed, jobs, .. } = removed;
        let computer = self.put_computer(row)?;
        self.set_groups_of(computer, &row.groups)?;
        if let Some(agent) = &row.agent {
            self.transaction
                .prepare_cached(
                    "UPDATE computers SET agent = ?2, agent_key = ?3, enrolled = ?4, polls = ?5, seen = ?6,
                        reports_below = ?7, facts_number = ?8, document_sequence = ?9,
                        document_wanted = document_wanted + 1 WHERE row = ?1",
                )?
                .execute(params![
                    computer,
                    agent.agent.hyphenated().to_string(),
                    agent.key,
                    agent.since.as_second(),
                    agent.polls,
                    row.seen.map(|seen| seen.as_second()),
                    removed.reports_below,
                    removed.facts_number,
                    removed.sequence
                ])?;
            self.write_facts(computer, &row.facts)?;
        }
        for one in installed {
            self.put_installation(computer, one)?;
        }
        self.transaction
            .prepare_cached(
                "UPDATE jobs SET computer = ?1 WHERE computer IS NULL AND row IN (SELECT value FROM json_each(?2))",
            )?
            .execute(params![computer, json(jobs)?])?;
        Ok(())
    }

    /// Makes a group of computers; whether there was none of this name.
    pub fn add_computer_group(&self, name: &str) -> Result<bool, StoreError> {
        let added = self
            .transaction
            .prepare_cached("INSERT OR IGNORE INTO computer_groups (name, folded) VALUES (?1, ?2)")?
            .execute(params![name, name.to_lowercase()])?;
        Ok(added > 0)
    }

    /// Writes what a person decides about a group; whether there is one of this name.
    pub fn set_computer_group(
        &self,
        name: &str,
        comment: &str,
        staging: Option<&str>,
        staging_only: bool,
    ) -> Result<bool, StoreError> {
        let changed = self
            .transaction
            .prepare_cached(
                "UPDATE computer_groups SET comment = ?2, staging = ?3, staging_only = ?4 WHERE folded = ?1",
            )?
            .execute(params![name.to_lowercase(), comment, staging, staging_only])?;
        Ok(changed > 0)
    }

    /// Removes a group; its computers stay. Whether there was one.
    pub fn remove_computer_group(&self, name: &str) -> Result<bool, StoreError> {
        let removed = self
            .transaction
            .prepare_cached("DELETE FROM computer_groups WHERE folded = ?1")?
            .execute([name.to_lowercase()])?;
        Ok(removed > 0)
    }

    /// Puts a computer into exactly these groups; groups that are not there are made.
    pub fn set_groups_of(&self, computer: i64, groups: &[String]) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("DELETE FROM computer_group_members WHERE computer = ?1")?
            .execute([computer])?;
        for group in groups {
            self.add_to_group(computer, group)?;
        }
        Ok(())
    }

    /// Puts a computer into a group, which is made if it is not there.
    pub fn add_to_group(&self, computer: i64, group: &str) -> Result<(), StoreError> {
        self.add_computer_group(group)?;
        self.transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO computer_group_members (computer_group, computer)
                 SELECT row, ?2 FROM computer_groups WHERE folded = ?1",
            )?
            .execute(params![group.to_lowercase(), computer])?;
        Ok(())
    }

    /// Takes a computer out of a group.
    pub fn take_from_group(&self, computer: i64, group: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "DELETE FROM computer_group_members WHERE computer = ?2
                 AND computer_group IN (SELECT row FROM computer_groups WHERE folded = ?1)",
            )?
            .execute(params![group.to_lowercase(), computer])?;
        Ok(())
    }

    /// Keeps a token.
    pub fn add_enrolment_token(&self, token: &EnrolmentTokenRow) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "INSERT INTO enrolment_tokens (id, group_name, test, made, made_by, expires, computer_name)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                token.id,
                token.group,
                token.test,
                token.made.as_second(),
                token.made_by,
                token.expires.as_second(),
                token.computer
            ])?;
        Ok(())
    }

    /// Marks a token as used by a computer; whether it was still unused, so that it serves once.
    pub fn use_enrolment_token(&self, id: &str, at: Timestamp, by: &str) -> Result<bool, StoreError> {
        let used = self
            .transaction
            .prepare_cached(
                "UPDATE enrolment_tokens SET used = ?2, used_by = ?3 WHERE id = ?1 AND used IS NULL",
            )?
            .execute(params![id, at.as_second(), by])?;
        Ok(used > 0)
    }

    /// Removes a token; whether there was one.
    pub fn remove_enrolment_token(&self, id: &str) -> Result<bool, StoreError> {
        let removed =
            self.transaction.prepare_cached("DELETE FROM enrolment_tokens WHERE id = ?1")?.execute([id])?;
        Ok(removed > 0)
    }

    /// Counts report `number` of a computer as applied; whether it was not before. The computer was heard of then.
    pub fn apply_report(&self, computer: i64, number: u64, at: Timestamp) -> Result<bool, StoreError> {
        let number = to_sql(number)?;
        let below: i64 = self
            .transaction
            .prepare_cached("SELECT reports_below FROM computers WHERE row = ?1")?
            .query_row([computer], |row| row.get(0))?;
        if number < below {
            return Ok(false);
        }
        let new = self
            .transaction
            .prepare_cached("INSERT OR IGNORE INTO reports_applied (computer, number) VALUES (?1, ?2)")?
            .execute(params![computer, number])?
            > 0;
        if new {
            self.settle_reports(computer, below)?;
            self.transaction
                .prepare_cached("UPDATE computers SET seen = max(coalesce(seen, 0), ?2) WHERE row = ?1")?
                .execute(params![computer, at.as_second()])?;
        }
        Ok(new)
    }

    /// Raises the mark below which every report counts as applied: over those that follow without a gap, and over a gap
    /// that has stayed open for so long that nothing can come any more.
    fn settle_reports(&self, computer: i64, mut below: i64) -> Result<(), StoreError> {
        let first = below;
        let mut statement = self
            .transaction
            .prepare_cached("SELECT number FROM reports_applied WHERE computer = ?1 ORDER BY number")?;
        let numbers: Vec<i64> =
            statement.query_map([computer], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let too_many = (numbers.len() as i64 - MOST_REPORTS_KEPT).max(0) as usize;
        for (place, number) in numbers.iter().enumerate() {
            if *number <= below || place < too_many {
                below = below.max(number + 1);
            }
        }
        if below > first {
            self.transaction
                .prepare_cached("DELETE FROM reports_applied WHERE computer = ?1 AND number < ?2")?
                .execute(params![computer, below])?;
            self.transaction
                .prepare_cached("UPDATE computers SET reports_below = ?2 WHERE row = ?1")?
                .execute(params![computer, below])?;
        }
        Ok(())
    }

    /// Writes what report `number` says about a computer and about all that is installed on it, unless a later report
    /// said it already.
    pub fn set_facts(
        &self,
        computer: i64,
        number: u64,
        facts: &ComputerFacts,
        installed: &[InstallationRow],
    ) -> Result<(), StoreError> {
        let newer = self
            .transaction
            .prepare_cached("UPDATE computers SET facts_number = ?2 WHERE row = ?1 AND facts_number < ?2")?
            .execute(params![computer, to_sql(number)?])?;
        if newer == 0 {
            return Ok(());
        }
        self.write_facts(computer, facts)?;
        self.transaction
            .prepare_cached("DELETE FROM installations WHERE computer = ?1")?
            .execute([computer])?;
        for one in installed {
            self.put_installation(computer, one)?;
        }
        Ok(())
    }

    /// Says that a package is on a computer.
    pub fn put_installation(&self, computer: i64, one: &InstallationRow) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO installations (computer, package_id, name, version, revision, procedure, task, since)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                computer,
                one.package.to_string(),
                one.name,
                one.version,
                to_sql(one.revision)?,
                one.procedure,
                one.task,
                one.since.as_second()
            ])?;
        Ok(())
    }

    /// Says that a package is not on a computer any more.
    pub fn drop_installation(&self, computer: i64, package: PackageId) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("DELETE FROM installations WHERE computer = ?1 AND package_id = ?2")?
            .execute(params![computer, package.to_string()])?;
        Ok(())
    }

    /// On how many computers a package is installed: those that are no test computers, and test computers.
    pub fn installation_count(&self, package: PackageId) -> Result<(u64, u64), StoreError> {
        installation_count(&self.transaction, package)
    }

    /// Takes the next sequence of the document of an agent, which must be at least `least`, before it is written. From now
    /// on it is not known what lies there.
    pub fn next_document(&self, computer: i64, least: u64) -> Result<u64, StoreError> {
        let sequence: i64 = self
            .transaction
            .prepare_cached(
                "UPDATE computers SET document_sequence = max(document_sequence + 1, ?2), document_said = NULL
                 WHERE row = ?1 RETURNING document_sequence",
            )?
            .query_row(params![computer, to_sql(least)?], |row| row.get(0))?;
        from_sql(sequence, "a sequence")
    }

    /// The document that was made from `row` is there: what it says, and until when it holds. Where something changed since
    /// the row was read, it is looked at once more.
    pub fn document_written(
        &self,
        row: &DocumentRow,
        said: &[u8],
        expires: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE computers SET document_said = ?2, document_expires = ?3,
                    document_wanted = CASE WHEN document_wanted = ?4 THEN 0 ELSE document_wanted END WHERE row = ?1",
            )?
            .execute(params![row.computer, said, expires.map(Timestamp::as_second), row.wanted])?;
        Ok(())
    }

    /// Marks the documents that expire before `then` and name jobs as to be written again.
    pub fn want_documents_expiring(&self, then: Timestamp) -> Result<u64, StoreError> {
        let marked = self
            .transaction
            .prepare_cached(
                "UPDATE computers SET document_wanted = document_wanted + 1 WHERE document_wanted = 0 AND document_expires < ?1
                 AND row IN (SELECT computer FROM jobs WHERE listed = 1)",
            )?
            .execute([then.as_second()])?;
        Ok(marked as u64)
    }

    fn write_facts(&self, computer: i64, facts: &ComputerFacts) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE computers SET host = ?2, system = ?3, system_version = ?4, architecture = ?5, agent_version = ?6,
                    free_bytes = ?7 WHERE row = ?1",
            )?
            .execute(params![
                computer,
                facts.host,
                facts.system,
                facts.system_version,
                facts.architecture,
                facts.agent_version,
                facts.free_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
            ])?;
        Ok(())
    }
}
