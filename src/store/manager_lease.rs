//! Who is the delivery manager: one row.

use jiff::Timestamp;
use uuid::Uuid;

use rusqlite::params;

use super::computers::{time, uuid};
use super::{Catalogue, Change, StoreError};

/// Who is the delivery manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerLease {
    /// Made by chance at each start.
    pub holder: Uuid,
    /// The account.
    pub who: String,
    /// The computer.
    pub host: String,
    /// The process.
    pub process: u32,
    /// `console`, `command line`.
    pub how: String,
    /// Since when.
    pub since: Timestamp,
    /// When it said last that it is there.
    pub renewed: Timestamp,
}

impl Catalogue {
    /// Who is or was the delivery manager last.
    pub fn manager_lease(&self) -> Result<Option<ManagerLease>, StoreError> {
        if !self.has_deliveries()? {
            return Ok(None);
        }
        lease(&self.connection)
    }
}

impl Change<'_> {
    /// Takes or renews the lease of the delivery manager. Gives the other one that has it, unless that one `is_over`.
    pub fn take_lease(
        &self,
        wanted: &ManagerLease,
        is_over: impl FnOnce(&ManagerLease) -> bool,
    ) -> Result<Option<ManagerLease>, StoreError> {
        if let Some(held) = lease(&self.transaction)?
            && held.holder != wanted.holder
            && !is_over(&held)
        {
            return Ok(Some(held));
        }
        self.transaction.prepare_cached("DELETE FROM manager_lease")?.execute([])?;
        self.transaction
            .prepare_cached(
                "INSERT INTO manager_lease (one, holder, who, host, process, how, since, renewed)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                wanted.holder.hyphenated().to_string(),
                wanted.who,
                wanted.host,
                wanted.process,
                wanted.how,
                wanted.since.as_second(),
                wanted.renewed.as_second()
            ])?;
        Ok(None)
    }

    /// Gives the lease back.
    pub fn drop_lease(&self, holder: Uuid) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("DELETE FROM manager_lease WHERE holder = ?1")?
            .execute([holder.hyphenated().to_string()])?;
        Ok(())
    }
}

fn lease(connection: &rusqlite::Connection) -> Result<Option<ManagerLease>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT holder, who, host, process, how, since, renewed FROM manager_lease")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(ManagerLease {
        holder: uuid(&row.get::<_, String>(0)?)?,
        who: row.get(1)?,
        host: row.get(2)?,
        process: row.get(3)?,
        how: row.get(4)?,
        since: time(row.get(5)?)?,
        renewed: time(row.get(6)?)?,
    }))
}
