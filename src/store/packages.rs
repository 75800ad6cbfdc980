//! Rows of the table `packages`: one a package, in the library or in the trash.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Deserialize;

use super::{Catalogue, Change, StoreError, from_sql, to_sql};
use crate::package::consistency::ConsistencyChecksum;
use crate::package::record::{
    LastCheck, Noticed, PackageId, PackageRecord, PackageSummary, PackageType, RareFields,
};
use crate::package::shared_text::{SharedText, Texts};
use crate::package::{CheckReport, Finding, PackageKey, PackageList, PackageState, Sha256Digest};

/// A package that was removed and can be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovedPackage {
    /// Its record at the time of removal.
    pub record: PackageRecord,
    /// Name of its folder below `.trash/`.
    pub trash: String,
}

const COLUMNS: &str = "id, name, version, state, revision, supplier, package_type, based_on, group_name, comment, \
    replaces, retired, filed_by, registered, changed, checksum_control, files, size_bytes, digest, checksum_event, \
    checksum_at, finding, noticed_at, noticed_by, marked_at, quick_at, quick_finding, quick_ms, deep_at, \
    deep_finding, deep_ms, sealed_once, seal, archive, procedures";

const SUMMARY_COLUMNS: &str = "id, name, version, state, revision, supplier, package_type, group_name, retired, \
    filed_by, registered, checksum_control, files, size_bytes, finding, noticed_at, marked_at, quick_at, deep_at, \
    noticed_by, digest, seal, comment, replaces, archive";

impl Catalogue {
    /// All packages in the library, by name and version without regard to case.
    pub fn summaries(&self) -> Result<Vec<PackageSummary>, StoreError> {
        let mut summaries: Vec<Option<PackageSummary>> = Vec::new();
        self.each_summary(|count, place, summary| {
            summaries.resize(count, None);
            summaries[place] = Some(summary);
        })?;
        Ok(summaries.into_iter().flatten().collect())
    }

    /// The same for a program that stays: rows equal to those of `before` are shared with it, and the memory the
    /// database was read through is given back.
    pub fn list_after(&self, before: &PackageList) -> Result<PackageList, StoreError> {
        let mut rows: Vec<Option<Arc<PackageSummary>>> = Vec::new();
        self.each_summary(|count, place, summary| {
            rows.resize(count, None);
            rows[place] = Some(match before.find(summary.id) {
                Some(known) if **known == summary => Arc::clone(known),
                _ => Arc::new(summary),
            });
        })?;
        Ok(PackageList::new(rows.into_iter().flatten().collect()))
    }

    /// Calls `take` with the number of packages, the place of one in the order of names, and what a list shows of it.
    fn each_summary(&self, mut take: impl FnMut(usize, usize, PackageSummary)) -> Result<(), StoreError> {
        let _same_state = self.connection.unchecked_transaction()?;
        // The table is read as it lies on disk and put into order afterwards: following the order through an index
        // would look up each of 100,000 rows by itself.
        let mut places: Vec<(i64, usize)> = self.rows_in_order()?.into_iter().zip(0..).collect();
        places.sort_unstable();
        let count = places.len();
        let sql = format!(
            "SELECT row, {SUMMARY_COLUMNS} FROM packages NOT INDEXED WHERE trash IS NULL ORDER BY row"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        let mut places = places.into_iter();
        let mut texts = Texts::default();
        while let Some(row) = rows.next()? {
            match places.next() {
                Some((number, place)) if row.get::<_, i64>(0)? == number => {
                    take(count, place, read_summary(row, &mut texts)?);
                }
                _ => return Err(StoreError::Damaged("the order of packages does not fit them".to_owned())),
            }
        }
        Ok(())
    }

    /// Rows of the packages in the library, by name and version without regard to case.
    pub(super) fn rows_in_order(&self) -> Result<Vec<i64>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT row FROM packages WHERE trash IS NULL ORDER BY folded")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?)
    }

    /// The package with this name and version, without regard to case.
    pub fn package_by_key(&self, key: &PackageKey) -> Result<Option<PackageRecord>, StoreError> {
        package_by_key(&self.connection, key)
    }

    /// Every version of a name, without regard to case.
    pub fn packages_named(&self, name: &str) -> Result<Vec<PackageRecord>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM packages WHERE trash IS NULL AND folded >= ?1 AND folded < ?2 ORDER BY folded"
        );
        // '@' cannot be in a name, so all its versions lie between `name@` and `nameA`.
        let folded = name.to_lowercase();
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([format!("{folded}@"), format!("{folded}A")])?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            records.push(read_record(row)?);
        }
        Ok(records)
    }

    /// The package with this identity, unless it is in the trash.
    pub fn package(&self, id: PackageId) -> Result<Option<PackageRecord>, StoreError> {
        package(&self.connection, id)
    }

    /// Packages whose recorded checksum is this one.
    pub fn keys_with_checksum(&self, checksum: &ConsistencyChecksum) -> Result<Vec<PackageKey>, StoreError> {
        let (Ok(files), Ok(size_bytes)) = (to_sql(checksum.files), to_sql(checksum.size_bytes)) else {
            // No package can have been recorded with so much.
            return Ok(Vec::new());
        };
        let mut statement = self.connection.prepare_cached(
            "SELECT name, version FROM packages WHERE trash IS NULL AND files = ?1 AND size_bytes = ?2 AND digest = ?3
             ORDER BY folded",
        )?;
        let mut rows = statement.query(params![files, size_bytes, checksum.digest.as_bytes()])?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            keys.push(read_key(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)?);
        }
        Ok(keys)
    }

    /// Packages whose recorded names and sizes have this digest.
    pub fn keys_with_digest(&self, digest: &Sha256Digest) -> Result<Vec<PackageKey>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name, version FROM packages WHERE trash IS NULL AND digest = ?1 ORDER BY folded",
        )?;
        let mut rows = statement.query([digest.as_bytes()])?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            keys.push(read_key(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)?);
        }
        Ok(keys)
    }

    /// The last verification of a package, if it did not agree.
    pub fn report(&self, id: PackageId) -> Result<Option<CheckReport>, StoreError> {
        let text: Option<String> = self
            .connection
            .prepare_cached(
                "SELECT report FROM reports JOIN packages ON packages.row = reports.package WHERE packages.id = ?1",
            )?
            .query_row([id.to_string()], |row| row.get(0))
            .optional()?;
        text.map(|text| from_json(&text, "a report")).transpose()
    }

    /// The packages in the trash, the one removed last at the end.
    pub fn removed_packages(&self) -> Result<Vec<RemovedPackage>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, trash FROM packages WHERE trash IS NOT NULL ORDER BY row");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        let mut removed = Vec::new();
        while let Some(row) = rows.next()? {
            removed.push(RemovedPackage { record: read_record(row)?, trash: row.get("trash")? });
        }
        removed.sort_by(|a, b| a.trash.cmp(&b.trash));
        Ok(removed)
    }

    /// How many packages are sealed with each key: key id to number.
    pub fn key_uses(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT json_extract(seal, '$.key_id'), count(*) FROM packages
             WHERE seal IS NOT NULL AND trash IS NULL GROUP BY 1 HAVING json_extract(seal, '$.key_id') IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        let mut uses = BTreeMap::new();
        while let Some(row) = rows.next()? {
            uses.insert(row.get(0)?, from_sql(row.get(1)?, "a count")?);
        }
        Ok(uses)
    }

    /// Software groups that were made, and those that packages are in, sorted.
    pub fn groups(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name FROM groups UNION SELECT group_name FROM packages WHERE group_name <> '' AND trash IS NULL ORDER BY 1",
        )?;
        let names = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        Ok(names)
    }
}

impl Change<'_> {
    /// The package with this identity, unless it is in the trash.
    pub fn package(&self, id: PackageId) -> Result<Option<PackageRecord>, StoreError> {
        package(&self.transaction, id)
    }

    /// The package with this name and version, without regard to case.
    pub fn package_by_key(&self, key: &PackageKey) -> Result<Option<PackageRecord>, StoreError> {
        package_by_key(&self.transaction, key)
    }

    /// Writes a package, new or known by its identity.
    pub fn put_package(&self, record: &PackageRecord) -> Result<(), StoreError> {
        let check = |check: Option<LastCheck>| match check {
            Some(LastCheck { at, finding, took_ms }) => Ok::<_, StoreError>((
                Some(at.as_microsecond()),
                Some(finding_code(finding)),
                Some(to_sql(took_ms)?),
            )),
            None => Ok((None, None, None)),
        };
        let (quick_at, quick_finding, quick_ms) = check(record.quick)?;
        let (deep_at, deep_finding, deep_ms) = check(record.deep)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO packages (id, name, version, folded, state, revision, supplier, package_type, based_on,
                    group_name, comment, replaces, retired, filed_by, registered, changed, checksum_control, files,
                    size_bytes, digest, checksum_event, checksum_at, finding, noticed_at, noticed_by, marked_at,
                    quick_at, quick_finding, quick_ms, deep_at, deep_finding, deep_ms, sealed_once, seal, archive,
                    procedures)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                    ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36)
                 ON CONFLICT (id) DO UPDATE SET name = ?2, version = ?3, folded = ?4, state = ?5, revision = ?6,
                    supplier = ?7, package_type = ?8, based_on = ?9, group_name = ?10, comment = ?11, replaces = ?12,
                    retired = ?13, filed_by = ?14, registered = ?15, changed = ?16, checksum_control = ?17,
                    files = ?18, size_bytes = ?19, digest = ?20, checksum_event = ?21, checksum_at = ?22,
                    finding = ?23, noticed_at = ?24, noticed_by = ?25, marked_at = ?26, quick_at = ?27,
                    quick_finding = ?28, quick_ms = ?29, deep_at = ?30, deep_finding = ?31, deep_ms = ?32,
                    sealed_once = ?33, seal = ?34, archive = ?35, procedures = ?36",
            )?
            .execute(params![
                record.id.to_string(),
                record.key.name(),
                record.key.version(),
                record.key.folded(),
                record.state.code(),
                to_sql(record.revision)?,
                record.supplier,
                record.package_type.code(),
                record.based_on.as_ref().map(ToString::to_string),
                record.group,
                record.comment,
                record.replaces.as_ref().map(ToString::to_string),
                record.retired,
                record.filed_by,
                record.registered.as_microsecond(),
                record.changed.as_microsecond(),
                record.checksum_control,
                to_sql(record.checksum.files)?,
                to_sql(record.checksum.size_bytes)?,
                record.checksum.digest.as_bytes(),
                record.checksum_event,
                record.checksum_at.as_microsecond(),
                finding_code(record.finding),
                record.noticed.as_ref().map(|n| n.at.as_microsecond()),
                record.noticed.as_ref().map(|n| n.by.as_str()),
                record.marked.map(Timestamp::as_microsecond),
                quick_at,
                quick_finding,
                quick_ms,
                deep_at,
                deep_finding,
                deep_ms,
                record.sealed_once,
                record.seal.as_ref().map(to_json).transpose()?,
                record.archive.as_ref().map(to_json).transpose()?,
                to_json(&record.procedures)?,
            ])?;
        Ok(())
    }

    /// Keeps the report of a verification that did not agree, or forgets it.
    pub fn put_report(&self, id: PackageId, report: Option<&CheckReport>) -> Result<(), StoreError> {
        let row = self.row_of(id)?;
        match report {
            Some(report) => {
                self.transaction
                    .prepare_cached("INSERT OR REPLACE INTO reports (package, report) VALUES (?1, ?2)")?
                    .execute(params![row, to_json(report)?])?;
            }
            None => {
                self.transaction.prepare_cached("DELETE FROM reports WHERE package = ?1")?.execute([row])?;
            }
        }
        Ok(())
    }

    /// Moves a package to `.trash/<trash>`.
    pub fn put_in_trash(&self, id: PackageId, trash: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("UPDATE packages SET trash = ?2 WHERE id = ?1 AND trash IS NULL")?
            .execute(params![id.to_string(), trash])?;
        Ok(())
    }

    /// Takes a package back from `.trash/<trash>`; whether it was still there.
    pub fn take_from_trash(&self, id: PackageId, trash: &str) -> Result<bool, StoreError> {
        let changed = self
            .transaction
            .prepare_cached("UPDATE packages SET trash = NULL WHERE id = ?1 AND trash = ?2")?
            .execute(params![id.to_string(), trash])?;
        Ok(changed == 1)
    }

    /// Forgets a package in `.trash/<trash>`, its contents and reports; whether it was still there. History keeps what
    /// happened to it.
    pub fn delete_from_trash(&self, id: PackageId, trash: &str) -> Result<bool, StoreError> {
        let changed = self
            .transaction
            .prepare_cached("DELETE FROM packages WHERE id = ?1 AND trash = ?2")?
            .execute(params![id.to_string(), trash])?;
        Ok(changed == 1)
    }

    /// Makes a software group, empty so far.
    pub fn put_group(&self, name: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("INSERT OR IGNORE INTO groups (name) VALUES (?1)")?
            .execute([name])?;
        Ok(())
    }

    /// Forgets a software group; its packages are in none then.
    pub fn delete_group(&self, name: &str) -> Result<(), StoreError> {
        self.transaction.prepare_cached("DELETE FROM groups WHERE name = ?1")?.execute([name])?;
        self.transaction
            .prepare_cached("UPDATE packages SET group_name = '' WHERE group_name = ?1")?
            .execute([name])?;
        Ok(())
    }

    pub(super) fn row_of(&self, id: PackageId) -> Result<i64, StoreError> {
        Ok(self
            .transaction
            .prepare_cached("SELECT row FROM packages WHERE id = ?1")?
            .query_row([id.to_string()], |row| row.get(0))?)
    }
}

fn package(connection: &Connection, id: PackageId) -> Result<Option<PackageRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM packages WHERE id = ?1 AND trash IS NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([id.to_string()])?;
    rows.next()?.map(read_record).transpose()
}

fn package_by_key(connection: &Connection, key: &PackageKey) -> Result<Option<PackageRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM packages WHERE folded = ?1 AND trash IS NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([key.folded()])?;
    rows.next()?.map(read_record).transpose()
}

/// What a list shows of a seal.
#[derive(Deserialize)]
struct ShownSeal {
    key_id: String,
    key_name: String,
    at: Timestamp,
}

/// What a list shows of an archive.
#[derive(Deserialize)]
struct ShownArchive {
    path: String,
}

/// Reads [`SUMMARY_COLUMNS`] after the number of the row.
fn read_summary(row: &Row<'_>, texts: &mut Texts) -> Result<PackageSummary, StoreError> {
    let mut text = |column: usize| -> Result<SharedText, StoreError> {
        Ok(texts.share(row.get_ref(column)?.as_str().map_err(damaged)?))
    };
    let (supplier, group, filed_by) = (text(6)?, text(8)?, text(10)?);
    let noticed_by = row.get_ref(20)?.as_str_or_null().map_err(damaged)?.map(|by| texts.share(by));
    let seal = row.get_ref(22)?.as_str_or_null().map_err(damaged)?;
    let seal: Option<ShownSeal> = seal.map(|text| from_json(text, "seal")).transpose()?;
    let replaces = row.get_ref(24)?.as_str_or_null().map_err(damaged)?;
    let archive = row.get_ref(25)?.as_str_or_null().map_err(damaged)?;
    let rare = RareFields {
        comment: row.get_ref(23)?.as_str().map_err(damaged)?.to_owned(),
        replaces: replaces.map(PackageKey::parse).transpose().map_err(damaged)?,
        archive_path: archive
            .map(|text| from_json::<ShownArchive>(text, "archive"))
            .transpose()?
            .map(|archive| archive.path),
    };
    Ok(PackageSummary {
        id: read_id(row.get_ref(1)?.as_str().map_err(damaged)?)?,
        key: read_key(
            row.get_ref(2)?.as_str().map_err(damaged)?,
            row.get_ref(3)?.as_str().map_err(damaged)?,
        )?,
        state: read_state(row.get_ref(4)?.as_str().map_err(damaged)?)?,
        revision: from_sql(row.get(5)?, "revision")?,
        supplier,
        package_type: read_type(row.get_ref(7)?.as_str().map_err(damaged)?)?,
        group,
        retired: row.get(9)?,
        filed_by,
        registered: read_time(row.get(11)?)?,
        checksum_control: row.get(12)?,
        files: from_sql(row.get(13)?, "files")?,
        size_bytes: from_sql(row.get(14)?, "size_bytes")?,
        finding: read_finding(row.get_ref(15)?.as_str().map_err(damaged)?)?,
        noticed_at: read_time_or_none(row.get(16)?)?,
        marked: read_time_or_none(row.get(17)?)?,
        quick_at: read_time_or_none(row.get(18)?)?,
        deep_at: read_time_or_none(row.get(19)?)?,
        noticed_by,
        digest: Sha256Digest(row.get(21)?),
        sealed_at: seal.as_ref().map(|seal| seal.at),
        sealed_by: seal
            .map(|seal| texts.share(if seal.key_name.is_empty() { &seal.key_id } else { &seal.key_name })),
        rare: (rare != RareFields::default()).then(|| Box::new(rare)),
    })
}

fn read_record(row: &Row<'_>) -> Result<PackageRecord, StoreError> {
    let text = |column: &'static str| -> Result<String, StoreError> { Ok(row.get(column)?) };
    let key_or_none = |column: &'static str| -> Result<Option<PackageKey>, StoreError> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| PackageKey::parse(&text).map_err(|p| StoreError::Damaged(format!("{column}: {p}"))))
            .transpose()
    };
    let check = |at: &'static str,
                 finding: &'static str,
                 ms: &'static str|
     -> Result<Option<LastCheck>, StoreError> {
        let Some(at) = read_time_or_none(row.get(at)?)? else { return Ok(None) };
        Ok(Some(LastCheck {
            at,
            finding: read_finding(&text(finding)?)?,
            took_ms: from_sql(row.get(ms)?, ms)?,
        }))
    };
    let noticed =
        match (read_time_or_none(row.get("noticed_at")?)?, row.get::<_, Option<String>>("noticed_by")?) {
            (Some(at), Some(by)) => Some(Noticed { at, by }),
            _ => None,
        };
    let digest: [u8; 32] = row.get("digest")?;
    let seal: Option<String> = row.get("seal")?;
    let archive: Option<String> = row.get("archive")?;
    Ok(PackageRecord {
        id: read_id(&text("id")?)?,
        key: read_key(&text("name")?, &text("version")?)?,
        state: read_state(&text("state")?)?,
        revision: from_sql(row.get("revision")?, "revision")?,
        supplier: text("supplier")?,
        package_type: read_type(&text("package_type")?)?,
        based_on: key_or_none("based_on")?,
        group: text("group_name")?,
        comment: text("comment")?,
        replaces: key_or_none("replaces")?,
        retired: row.get("retired")?,
        filed_by: text("filed_by")?,
        registered: read_time(row.get("registered")?)?,
        changed: read_time(row.get("changed")?)?,
        checksum_control: row.get("checksum_control")?,
        checksum: ConsistencyChecksum {
            files: from_sql(row.get("files")?, "files")?,
            size_bytes: from_sql(row.get("size_bytes")?, "size_bytes")?,
            digest: Sha256Digest(digest),
        },
        checksum_event: text("checksum_event")?,
        checksum_at: read_time(row.get("checksum_at")?)?,
        finding: read_finding(&text("finding")?)?,
        noticed,
        marked: read_time_or_none(row.get("marked_at")?)?,
        quick: check("quick_at", "quick_finding", "quick_ms")?,
        deep: check("deep_at", "deep_finding", "deep_ms")?,
        sealed_once: row.get("sealed_once")?,
        seal: seal.map(|text| from_json(&text, "seal")).transpose()?,
        archive: archive.map(|text| from_json(&text, "archive")).transpose()?,
        procedures: from_json(&text("procedures")?, "procedures")?,
    })
}

fn damaged(error: impl std::fmt::Display) -> StoreError {
    StoreError::Damaged(error.to_string())
}

fn read_id(text: &str) -> Result<PackageId, StoreError> {
    uuid::Uuid::parse_str(text)
        .map(PackageId)
        .map_err(|_| StoreError::Damaged(format!("{text:?} is no package id")))
}

fn read_key(name: &str, version: &str) -> Result<PackageKey, StoreError> {
    PackageKey::new(name, version).map_err(|problem| StoreError::Damaged(problem.to_string()))
}

fn read_state(code: &str) -> Result<PackageState, StoreError> {
    PackageState::from_code(code).ok_or_else(|| StoreError::Damaged(format!("{code:?} is no state")))
}

fn read_type(code: &str) -> Result<PackageType, StoreError> {
    PackageType::from_code(code).ok_or_else(|| StoreError::Damaged(format!("{code:?} is no package type")))
}

fn read_time(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|_| StoreError::Damaged(format!("{micros} is no time")))
}

fn read_time_or_none(micros: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    micros.map(read_time).transpose()
}

fn finding_code(finding: Finding) -> &'static str {
    match finding {
        Finding::Consistent => "consistent",
        Finding::Differs => "differs",
        Finding::Damaged => "damaged",
        Finding::Unreadable => "unreadable",
        Finding::Missing => "missing",
    }
}

fn read_finding(code: &str) -> Result<Finding, StoreError> {
    [Finding::Consistent, Finding::Differs, Finding::Damaged, Finding::Unreadable, Finding::Missing]
        .into_iter()
        .find(|finding| finding_code(*finding) == code)
        .ok_or_else(|| StoreError::Damaged(format!("{code:?} is no finding")))
}

fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("{what}: {error}")))
}
