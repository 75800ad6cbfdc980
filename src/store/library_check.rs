//! The deep check over many packages, kept so that it outlives the program: what was asked, and what is left of it.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Catalogue, Change, StoreError, from_sql, to_sql};
use crate::package::record::PackageId;

/// A check over many packages: the one that runs, stands still, or ended last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheck {
    /// What was asked, as JSON the library room understands.
    pub asked: String,
    /// When it was begun.
    pub begun: Timestamp,
    /// The account that began it.
    pub begun_by: String,
    /// When its last package was done; `None` while packages are left.
    pub ended: Option<Timestamp>,
    /// Why it stands still, if something else than a person stopped it.
    pub stopped_because: Option<String>,
}

/// One package of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckPackage {
    /// Its place in the order, from 1.
    pub place: u64,
    /// Which.
    pub id: PackageId,
    /// Its files as recorded when the check was begun.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub size_bytes: u64,
    /// What was found, as JSON the library room understands; `None` while it is still to do.
    pub outcome: Option<String>,
}

impl Catalogue {
    /// The check that is kept, if there is one.
    pub fn library_check(&self) -> Result<Option<StoredCheck>, StoreError> {
        // A database of format 1 that may not be written has no place for one.
        let format: i64 = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if format < 2 {
            return Ok(None);
        }
        let row = self
            .connection
            .prepare_cached("SELECT asked, begun, begun_by, ended, stopped_because FROM library_check")?
            .query_row([], |row| {
                let ended: Option<i64> = row.get(3)?;
                Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?, ended, row.get(4)?))
            })
            .optional()?;
        let time = |micros| {
            Timestamp::from_microsecond(micros)
                .map_err(|_| StoreError::Damaged(format!("{micros} is no time")))
        };
        row.map(|(asked, begun, begun_by, ended, stopped_because)| {
            let ended = ended.map(time).transpose()?;
            Ok(StoredCheck { asked, begun: time(begun)?, begun_by, ended, stopped_because })
        })
        .transpose()
    }

    /// Every package of the check that is kept, in order.
    pub fn library_check_packages(&self) -> Result<Vec<StoredCheckPackage>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT place, package_id, files, size_bytes, outcome FROM library_check_packages ORDER BY place",
        )?;
        let mut rows = statement.query([])?;
        let mut packages = Vec::new();
        while let Some(row) = rows.next()? {
            packages.push(read_package(row)?);
        }
        Ok(packages)
    }

    /// The first package of it that is still to do.
    pub fn next_of_library_check(&self) -> Result<Option<StoredCheckPackage>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT place, package_id, files, size_bytes, outcome FROM library_check_packages
             WHERE outcome IS NULL ORDER BY place LIMIT 1",
        )?;
        let mut rows = statement.query([])?;
        rows.next()?.map(read_package).transpose()
    }
}

impl Change<'_> {
    /// Keeps a new check in the place of the one before.
    pub fn put_library_check(
        &self,
        check: &StoredCheck,
        packages: impl Iterator<Item = (PackageId, u64, u64)>,
    ) -> Result<(), StoreError> {
        self.delete_library_check()?;
        self.transaction
            .prepare_cached(
                "INSERT INTO library_check (one, asked, begun, begun_by, ended, stopped_because)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                check.asked,
                check.begun.as_microsecond(),
                check.begun_by,
                check.ended.map(Timestamp::as_microsecond),
                check.stopped_because,
            ])?;
        let mut statement = self.transaction.prepare_cached(
            "INSERT INTO library_check_packages (place, package_id, files, size_bytes) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (place, (id, files, size_bytes)) in (1i64..).zip(packages) {
            statement.execute(params![place, id.to_string(), to_sql(files)?, to_sql(size_bytes)?])?;
        }
        Ok(())
    }

    /// Keeps what was found in one package of the check that began at `begun`; whether that one is still kept.
    pub fn put_library_check_outcome(
        &self,
        begun: Timestamp,
        place: u64,
        outcome: &str,
    ) -> Result<bool, StoreError> {
        let changed = self
            .transaction
            .prepare_cached(
                "UPDATE library_check_packages SET outcome = ?3
                 WHERE place = ?2 AND EXISTS (SELECT 1 FROM library_check WHERE begun = ?1)",
            )?
            .execute(params![begun.as_microsecond(), to_sql(place)?, outcome])?;
        Ok(changed == 1)
    }

    /// Says when the check that is kept ended, or why it stands still.
    pub fn stop_library_check(
        &self,
        ended: Option<Timestamp>,
        because: Option<&str>,
    ) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("UPDATE library_check SET ended = ?1, stopped_because = ?2")?
            .execute(params![ended.map(Timestamp::as_microsecond), because])?;
        Ok(())
    }

    /// Forgets the check that is kept.
    pub fn delete_library_check(&self) -> Result<(), StoreError> {
        self.transaction.execute_batch("DELETE FROM library_check; DELETE FROM library_check_packages;")?;
        Ok(())
    }
}

fn read_package(row: &Row<'_>) -> Result<StoredCheckPackage, StoreError> {
    let id = row.get_ref(1)?.as_str().map_err(|error| StoreError::Damaged(error.to_string()))?;
    let id = uuid::Uuid::parse_str(id).map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(StoredCheckPackage {
        place: from_sql(row.get(0)?, "place")?,
        id: PackageId(id),
        files: from_sql(row.get(2)?, "files")?,
        size_bytes: from_sql(row.get(3)?, "size_bytes")?,
        outcome: row.get(4)?,
    })
}
