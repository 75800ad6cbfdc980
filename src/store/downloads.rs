//! Rows of the table `downloads`, and the revisions of packages that were seen.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Catalogue, Change, StoreError, from_sql, to_sql};
use crate::package::PackageKey;
use crate::package::address::without_credentials;
use crate::package::download::{CodebaseEntry, DownloadId, DownloadRecord};
use crate::package::record::PackageId;

const COLUMNS: &str = "id, package_id, package_key, kept_as, address, folder, codebases, connections, limit_bytes, ladder, \
    wanted, state, reason, trust, allow_older, register, registered_as, size_bytes, created, finished, place";

impl Catalogue {
    /// All downloads in the order of the list.
    pub fn downloads(&self) -> Result<Vec<DownloadRecord>, StoreError> {
        // A library of an older program that is only read has no downloads.
        if self.read_only && self.format()? < 3 {
            return Ok(Vec::new());
        }
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM downloads ORDER BY place, created, id"))?;
        let mut rows = statement.query([])?;
        let mut downloads = Vec::new();
        while let Some(row) = rows.next()? {
            downloads.push(download(row)?);
        }
        Ok(downloads)
    }

    /// One download.
    pub fn download(&self, id: DownloadId) -> Result<Option<DownloadRecord>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM downloads WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id.to_string()])?;
        rows.next()?.map(download).transpose()
    }

    /// The highest revision of a package that was taken here, also by downloads that were removed since.
    pub fn revision_seen(&self, package: PackageId) -> Result<Option<u64>, StoreError> {
        let seen = self
            .connection
            .prepare_cached("SELECT revision FROM revisions_seen WHERE package_id = ?1")?
            .query_row([package.to_string()], |row| row.get::<_, i64>(0))
            .optional()?;
        seen.map(|seen| from_sql(seen, "revision")).transpose()
    }
}

impl Change<'_> {
    /// Adds a download, at the end of the list; gives it as kept, with its place.
    pub fn add_download(&self, download: &DownloadRecord) -> Result<DownloadRecord, StoreError> {
        let place =
            self.transaction.query_row("SELECT coalesce(max(place), 0) + 1 FROM downloads", [], |row| {
                row.get::<_, i64>(0)
            })?;
        let kept = DownloadRecord { place, ..download.clone() };
        self.write_download("INSERT", &kept)?;
        Ok(kept)
    }

    /// Writes a download that is already there; does nothing if it was removed meanwhile.
    pub fn set_download(&self, download: &DownloadRecord) -> Result<bool, StoreError> {
        let is_there = self
            .transaction
            .prepare_cached("SELECT 1 FROM downloads WHERE id = ?1")?
            .exists([download.id.to_string()])?;
        if is_there {
            self.write_download("REPLACE", download)?;
        }
        Ok(is_there)
    }

    /// Says which package a download turned out to be, and under which id its snapshot and progress are kept: the
    /// package's, unless another download of the same package has it.
    pub fn name_download(
        &self,
        id: DownloadId,
        package: Option<PackageId>,
        key: Option<&PackageKey>,
    ) -> Result<PackageId, StoreError> {
        let own = PackageId(id.0);
        let wanted = package.unwrap_or(own);
        let taken = self
            .transaction
            .prepare_cached("SELECT 1 FROM downloads WHERE kept_as = ?1 AND id <> ?2")?
            .exists([wanted.to_string(), id.to_string()])?;
        let kept_as = if taken { own } else { wanted };
        self.transaction
            .prepare_cached(
                "UPDATE downloads SET package_id = ?2, package_key = ?3, kept_as = ?4 WHERE id = ?1",
            )?
            .execute(params![
                id.to_string(),
                package.map(|package| package.to_string()),
                key.map(ToString::to_string),
                kept_as.to_string()
            ])?;
        Ok(kept_as)
    }

    /// Removes a download from the list; its files are not touched.
    pub fn remove_download(&self, id: DownloadId) -> Result<(), StoreError> {
        self.transaction.prepare_cached("DELETE FROM downloads WHERE id = ?1")?.execute([id.to_string()])?;
        Ok(())
    }

    /// Remembers that a revision of a package was taken; a lower one than before changes nothing.
    pub fn see_revision(&self, package: PackageId, revision: u64) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "INSERT INTO revisions_seen (package_id, revision) VALUES (?1, ?2) \
                 ON CONFLICT (package_id) DO UPDATE SET revision = max(revision, ?2)",
            )?
            .execute(params![package.to_string(), to_sql(revision)?])?;
        Ok(())
    }

    fn write_download(&self, how: &str, download: &DownloadRecord) -> Result<(), StoreError> {
        let folder = download.folder.to_str();
        let folder = folder.ok_or_else(|| StoreError::Unwritable(download.folder.display().to_string()))?;
        // Whoever made the record: a password never reaches the database in the open.
        let codebases: Vec<CodebaseEntry> = download
            .codebases
            .iter()
            .map(|entry| CodebaseEntry { address: without_credentials(&entry.address).0, added: entry.added })
            .collect();
        self.transaction
            .prepare_cached(&format!(
                "{how} INTO downloads ({COLUMNS}) VALUES \
                 (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)"
            ))?
            .execute(params![
                download.id.to_string(),
                download.package.map(|package| package.to_string()),
                download.key.as_ref().map(ToString::to_string),
                download.kept_as.map(|kept_as| kept_as.to_string()),
                without_credentials(&download.address).0,
                folder,
                json(&codebases)?,
                download.connections,
                download.limit_bytes_per_s.map(to_sql).transpose()?,
                json(&download.ladder)?,
                json(&download.wanted)?,
                json(&download.state)?,
                download.reason,
                download.trust.as_ref().map(json).transpose()?,
                download.allow_older,
                download.register,
                download.registered_as.as_ref().map(ToString::to_string),
                download.size_bytes.map(to_sql).transpose()?,
                download.created.as_millisecond(),
                download.finished.map(Timestamp::as_millisecond),
                download.place
            ])?;
        Ok(())
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str, column: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Damaged(format!("{column} of a download: {error}")))
}

fn download(row: &Row<'_>) -> Result<DownloadRecord, StoreError> {
    let damaged = |column: &str| StoreError::Damaged(format!("{column} of a download"));
    let id = |text: String, column: &str| uuid::Uuid::parse_str(&text).map_err(|_| damaged(column));
    let package = |column: &str| -> Result<Option<PackageId>, StoreError> {
        row.get::<_, Option<String>>(column)?.map(|text| id(text, column).map(PackageId)).transpose()
    };
    let key = |column: &str| -> Result<Option<PackageKey>, StoreError> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| PackageKey::parse(&text).map_err(|_| damaged(column))).transpose()
    };
    let time = |at: i64, column: &str| Timestamp::from_millisecond(at).map_err(|_| damaged(column));
    let bytes = |column: &'static str| -> Result<Option<u64>, StoreError> {
        row.get::<_, Option<i64>>(column)?.map(|bytes| from_sql(bytes, column)).transpose()
    };
    let text = |column: &str| row.get::<_, String>(column);
    let trust: Option<String> = row.get("trust")?;
    let finished: Option<i64> = row.get("finished")?;
    Ok(DownloadRecord {
        id: DownloadId(id(text("id")?, "id")?),
        package: package("package_id")?,
        key: key("package_key")?,
        kept_as: package("kept_as")?,
        address: text("address")?,
        folder: PathBuf::from(text("folder")?),
        codebases: from_json(&text("codebases")?, "codebases")?,
        connections: row.get("connections")?,
        limit_bytes_per_s: bytes("limit_bytes")?,
        ladder: from_json(&text("ladder")?, "ladder")?,
        wanted: from_json(&text("wanted")?, "wanted")?,
        state: from_json(&text("state")?, "state")?,
        reason: text("reason")?,
        trust: trust.map(|trust| from_json(&trust, "trust")).transpose()?,
        allow_older: row.get("allow_older")?,
        register: row.get("register")?,
        registered_as: key("registered_as")?,
        size_bytes: bytes("size_bytes")?,
        created: time(row.get("created")?, "created")?,
        finished: finished.map(|at| time(at, "finished")).transpose()?,
        place: row.get("place")?,
    })
}
