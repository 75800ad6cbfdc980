//! Rows of the tables `staging_libraries` and `staged`: where packages lie for agents, and which revision.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Catalogue, Change, StoreError, from_sql, to_sql};
use crate::package::address::without_credentials;
use crate::package::staging::{LastReconcile, Line, StagedCopy, StagedFinding, StagingId, StagingLibrary};
use crate::package::{PackageId, PackageKey, Sha256Digest};

const LIBRARY: &str =
    "id, name, write_address, read_address, report_address, line, for_tests, added, reconciled";
const COPY: &str = "staging_id, package_id, name, version, revision, snapshot, files, size_bytes, staged_at, staged_by, \
    finding, listed_at, read_at";

/// The format of the database from which on there are staging libraries.
const SINCE: i64 = 4;

/// A place where a package is staged, as the rules of a library see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedPlace {
    /// Name of the staging library.
    pub name: String,
    /// The revision there.
    pub revision: u64,
    /// Only test computers read it.
    pub for_tests: bool,
}

impl Catalogue {
    /// All staging libraries by name.
    pub fn staging_libraries(&self) -> Result<Vec<StagingLibrary>, StoreError> {
        if self.is_without_staging()? {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT {LIBRARY} FROM staging_libraries ORDER BY folded");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        let mut libraries = Vec::new();
        while let Some(row) = rows.next()? {
            libraries.push(library(row)?);
        }
        Ok(libraries)
    }

    /// One staging library.
    pub fn staging_library(&self, id: StagingId) -> Result<Option<StagingLibrary>, StoreError> {
        let sql = format!("SELECT {LIBRARY} FROM staging_libraries WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id.to_string()])?;
        rows.next()?.map(library).transpose()
    }

    /// Every staged copy, by name and version.
    pub fn staged(&self) -> Result<Vec<StagedCopy>, StoreError> {
        if self.is_without_staging()? {
            return Ok(Vec::new());
        }
        self.copies("ORDER BY lower(name), lower(version), staging_id", [])
    }

    /// The copies in one staging library, by name and version.
    pub fn staged_at(&self, staging: StagingId) -> Result<Vec<StagedCopy>, StoreError> {
        self.copies("WHERE staging_id = ?1 ORDER BY lower(name), lower(version)", [staging.to_string()])
    }

    /// The copy of a package in a staging library.
    pub fn staged_copy(
        &self,
        staging: StagingId,
        package: PackageId,
    ) -> Result<Option<StagedCopy>, StoreError> {
        let found = self.copies(
            "WHERE staging_id = ?1 AND package_id = ?2",
            [staging.to_string(), package.to_string()],
        )?;
        Ok(found.into_iter().next())
    }

    /// Where a package lies, or lay when it was last looked at, in part or whole.
    pub fn places_of(&self, package: PackageId) -> Result<Vec<StagedPlace>, StoreError> {
        if self.is_without_staging()? {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT l.name, s.revision, l.for_tests FROM staged s JOIN staging_libraries l ON l.id = s.staging_id \
             WHERE s.package_id = ?1 AND s.finding <> 'missing' ORDER BY l.folded",
        )?;
        let mut rows = statement.query([package.to_string()])?;
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            let revision = from_sql(row.get(1)?, "revision")?;
            places.push(StagedPlace { name: row.get(0)?, revision, for_tests: row.get(2)? });
        }
        Ok(places)
    }

    /// Which files of a copy that is being sent are there: one bit a file, in the order of its snapshot. `None` where
    /// another revision, or nothing, is being sent.
    pub fn sent_files(
        &self,
        staging: StagingId,
        package: PackageId,
        snapshot: Sha256Digest,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sent = self
            .connection
            .prepare_cached(
                "SELECT sent FROM staged WHERE staging_id = ?1 AND package_id = ?2 AND snapshot = ?3",
            )?
            .query_row(params![staging.to_string(), package.to_string(), snapshot.as_bytes()], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(sent.flatten())
    }

    fn copies(&self, which: &str, parameters: impl rusqlite::Params) -> Result<Vec<StagedCopy>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("SELECT {COPY} FROM staged {which}"))?;
        let mut rows = statement.query(parameters)?;
        let mut copies = Vec::new();
        while let Some(row) = rows.next()? {
            copies.push(copy(row)?);
        }
        Ok(copies)
    }

    /// A library of an older program that is only read has no staging libraries.
    fn is_without_staging(&self) -> Result<bool, StoreError> {
        Ok(self.read_only && self.format()? < SINCE)
    }
}

impl Change<'_> {
    /// Adds a staging library, or writes one that is there; `false` where another has its name.
    pub fn put_staging_library(&self, staging: &StagingLibrary) -> Result<bool, StoreError> {
        let folded = staging.name.to_lowercase();
        let is_taken = self
            .transaction
            .prepare_cached("SELECT 1 FROM staging_libraries WHERE folded = ?1 AND id <> ?2")?
            .exists([&folded, &staging.id.to_string()])?;
        if is_taken {
            return Ok(false);
        }
        // Whoever made the record: a password never reaches the database in the open.
        let bare = |address: &str| without_credentials(address).0;
        self.transaction
            .prepare_cached(
                "INSERT INTO staging_libraries \
                 (id, name, folded, write_address, read_address, report_address, line, for_tests, added, reconciled) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO UPDATE SET \
                 name = ?2, folded = ?3, write_address = ?4, read_address = ?5, report_address = ?6, line = ?7, \
                 for_tests = ?8, added = ?9, reconciled = ?10",
            )?
            .execute(params![
                staging.id.to_string(),
                staging.name,
                folded,
                bare(&staging.write),
                staging.read.as_deref().map(bare),
                staging.report.as_deref().map(bare),
                json(&staging.line)?,
                staging.for_tests,
                staging.added.as_millisecond(),
                staging.reconciled.as_ref().map(json).transpose()?,
            ])?;
        Ok(true)
    }

    /// Keeps what a reconcile found; does nothing if the staging library was removed meanwhile.
    pub fn set_reconciled(&self, staging: StagingId, found: &LastReconcile) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("UPDATE staging_libraries SET reconciled = ?2 WHERE id = ?1")?
            .execute(params![staging.to_string(), json(found)?])?;
        Ok(())
    }

    /// Forgets a staging library and what is known of the copies there; nothing there is touched.
    pub fn delete_staging_library(&self, staging: StagingId) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("DELETE FROM staging_libraries WHERE id = ?1")?
            .execute([staging.to_string()])?;
        Ok(())
    }

    /// Writes what is known of a copy. Which of its files were sent stays known while the same revision is sent.
    pub fn put_staged(&self, copy: &StagedCopy) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(&format!(
                "INSERT INTO staged ({COPY}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
                 ON CONFLICT (staging_id, package_id) DO UPDATE SET name = ?3, version = ?4, revision = ?5, \
                 sent = CASE WHEN snapshot = ?6 AND ?11 = 'incomplete' THEN sent END, snapshot = ?6, files = ?7, \
                 size_bytes = ?8, staged_at = ?9, staged_by = ?10, finding = ?11, listed_at = ?12, read_at = ?13"
            ))?
            .execute(params![
                copy.staging.to_string(),
                copy.package.to_string(),
                copy.key.name(),
                copy.key.version(),
                to_sql(copy.revision)?,
                copy.snapshot.as_bytes(),
                to_sql(copy.files)?,
                to_sql(copy.size_bytes)?,
                copy.staged_at.as_millisecond(),
                copy.staged_by,
                copy.finding.code(),
                copy.listed_at.map(Timestamp::as_millisecond),
                copy.read_at.map(Timestamp::as_millisecond),
            ])?;
        Ok(())
    }

    /// Says which files of a copy that is being sent are there.
    pub fn put_sent_files(
        &self,
        staging: StagingId,
        package: PackageId,
        snapshot: Sha256Digest,
        sent: &[u8],
    ) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "UPDATE staged SET sent = ?4 WHERE staging_id = ?1 AND package_id = ?2 AND snapshot = ?3",
            )?
            .execute(params![staging.to_string(), package.to_string(), snapshot.as_bytes(), sent])?;
        Ok(())
    }

    /// Forgets a copy.
    pub fn delete_staged(&self, staging: StagingId, package: PackageId) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("DELETE FROM staged WHERE staging_id = ?1 AND package_id = ?2")?
            .execute([staging.to_string(), package.to_string()])?;
        Ok(())
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn library(row: &Row<'_>) -> Result<StagingLibrary, StoreError> {
    let damaged = |column: &str| StoreError::Damaged(format!("{column} of a staging library"));
    let id: String = row.get("id")?;
    let line: String = row.get("line")?;
    let reconciled: Option<String> = row.get("reconciled")?;
    Ok(StagingLibrary {
        id: StagingId(uuid::Uuid::parse_str(&id).map_err(|_| damaged("id"))?),
        name: row.get("name")?,
        write: row.get("write_address")?,
        read: row.get("read_address")?,
        report: row.get("report_address")?,
        line: serde_json::from_str::<Line>(&line).map_err(|_| damaged("line"))?,
        for_tests: row.get("for_tests")?,
        added: Timestamp::from_millisecond(row.get("added")?).map_err(|_| damaged("added"))?,
        reconciled: reconciled
            .map(|text| serde_json::from_str::<LastReconcile>(&text).map_err(|_| damaged("reconciled")))
            .transpose()?,
    })
}

fn copy(row: &Row<'_>) -> Result<StagedCopy, StoreError> {
    let damaged = |column: &str| StoreError::Damaged(format!("{column} of a staged copy"));
    let id = |column: &str| -> Result<uuid::Uuid, StoreError> {
        uuid::Uuid::parse_str(&row.get::<_, String>(column)?).map_err(|_| damaged(column))
    };
    let number = |column: &'static str| from_sql(row.get(column)?, column);
    let moment = |at: i64, column: &str| Timestamp::from_millisecond(at).map_err(|_| damaged(column));
    let perhaps = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        row.get::<_, Option<i64>>(column)?.map(|at| moment(at, column)).transpose()
    };
    let (name, version): (String, String) = (row.get("name")?, row.get("version")?);
    let finding: String = row.get("finding")?;
    Ok(StagedCopy {
        staging: StagingId(id("staging_id")?),
        package: PackageId(id("package_id")?),
        key: PackageKey::new(&name, &version).map_err(|_| damaged("name"))?,
        revision: number("revision")?,
        snapshot: Sha256Digest(row.get::<_, [u8; 32]>("snapshot")?),
        files: number("files")?,
        size_bytes: number("size_bytes")?,
        staged_at: moment(row.get("staged_at")?, "staged_at")?,
        staged_by: row.get("staged_by")?,
        finding: StagedFinding::from_code(&finding).ok_or_else(|| damaged("finding"))?,
        listed_at: perhaps("listed_at")?,
        read_at: perhaps("read_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn staging(name: &str) -> StagingLibrary {
        StagingLibrary {
            id: StagingId(uuid::Uuid::new_v4()),
            name: name.to_owned(),
            write: "https://anna:secret@host/staging/".to_owned(),
            read: Some("http://host/staging/".to_owned()),
            report: None,
            line: Line { bytes_per_second: Some(1000), window: None },
            for_tests: false,
            added: Timestamp::from_millisecond(1_700_000_000_000).expect("a moment"),
            reconciled: None,
        }
    }

    fn copy_of(staging: &StagingLibrary) -> StagedCopy {
        StagedCopy {
            staging: staging.id,
            package: PackageId(uuid::Uuid::new_v4()),
            key: PackageKey::new("7-Zip", "24.09").expect("a key"),
            revision: 2,
            snapshot: Sha256Digest::of(b"two"),
            files: 3,
            size_bytes: 5000,
            staged_at: staging.added,
            staged_by: "anna".to_owned(),
            finding: StagedFinding::Incomplete,
            listed_at: None,
            read_at: Some(staging.added),
        }
    }

    #[test]
    fn names_are_unique_without_case_and_no_password_is_kept() -> Outcome {
        let folder = tempfile::tempdir()?;
        let mut catalogue = Catalogue::open(&folder.path().join("catalog.db"))?;
        let (one, other) = (staging("Köln"), staging("KÖLN"));
        assert!(catalogue.change(|change| change.put_staging_library(&one))?);
        assert!(!catalogue.change(|change| change.put_staging_library(&other))?);
        let kept = catalogue.staging_library(one.id)?.ok_or("kept")?;
        assert_eq!(kept.write, "https://host/staging/");
        assert_eq!((kept.line, kept.read), (one.line, one.read.clone()));
        let renamed = StagingLibrary { name: "Cologne".to_owned(), ..one };
        assert!(catalogue.change(|change| change.put_staging_library(&renamed))?);
        assert!(catalogue.change(|change| change.put_staging_library(&other))?);
        let names: Vec<String> = catalogue.staging_libraries()?.into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["Cologne", "KÖLN"]);
        Ok(())
    }

    #[test]
    fn what_was_sent_is_known_for_the_revision_that_is_sent_and_no_other() -> Outcome {
        let folder = tempfile::tempdir()?;
        let mut catalogue = Catalogue::open(&folder.path().join("catalog.db"))?;
        let staging = staging("Köln");
        let copy = copy_of(&staging);
        let (at, package) = (staging.id, copy.package);
        catalogue.change(|change| -> Result<(), StoreError> {
            change.put_staging_library(&staging)?;
            change.put_staged(&copy)?;
            change.put_sent_files(at, package, copy.snapshot, &[0b101])
        })?;
        assert_eq!(catalogue.sent_files(at, package, copy.snapshot)?, Some(vec![0b101]));
        assert_eq!(catalogue.staged_copy(at, package)?, Some(copy.clone()));
        // The same again keeps it, another revision does not, nor does the end.
        catalogue.change(|change| change.put_staged(&copy))?;
        assert_eq!(catalogue.sent_files(at, package, copy.snapshot)?, Some(vec![0b101]));
        let whole = StagedCopy { finding: StagedFinding::Whole, ..copy.clone() };
        catalogue.change(|change| change.put_staged(&whole))?;
        assert_eq!(catalogue.sent_files(at, package, copy.snapshot)?, None);
        let next = StagedCopy { snapshot: Sha256Digest::of(b"three"), revision: 3, ..copy };
        catalogue.change(|change| -> Result<(), StoreError> {
            change.put_staged(&next)?;
            change.put_sent_files(at, package, Sha256Digest::of(b"two"), &[1])
        })?;
        assert_eq!(catalogue.sent_files(at, package, next.snapshot)?, None);
        assert_eq!(catalogue.places_of(package)?.len(), 1);
        let missing = StagedCopy { finding: StagedFinding::Missing, ..next };
        catalogue.change(|change| change.put_staged(&missing))?;
        assert_eq!((catalogue.places_of(package)?.len(), catalogue.staged()?.len()), (0, 1));
        catalogue.change(|change| change.delete_staging_library(at))?;
        assert_eq!(catalogue.staged()?, Vec::new());
        Ok(())
    }
}
