//! Secure rows: sealed texts of secure storage, kept as they are. What is in them, and the key that opens them, is not
//! known here.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::{Catalogue, Change, StoreError};
use crate::package::record::PackageId;

/// A sealed text, under the key that sealed it: rows of several users' keys lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecureRow {
    /// What it is: `snapshot`, `credentials`.
    pub kind: String,
    /// What it belongs to.
    pub package: PackageId,
    /// Id of the key that sealed it.
    pub key_id: String,
    /// Whose key that is: a hint, to tell a lost key of one's own from another user's.
    pub owner: String,
    /// Taken once.
    pub nonce: Vec<u8>,
    /// The sealed text.
    pub sealed: Vec<u8>,
    /// When it was written.
    pub saved: Timestamp,
}

impl Catalogue {
    /// The row of this kind and package under this key.
    pub fn secure_row(
        &self,
        kind: &str,
        package: PackageId,
        key_id: &str,
    ) -> Result<Option<SecureRow>, StoreError> {
        let row = self
            .connection
            .prepare_cached(
                "SELECT owner, nonce, sealed, saved FROM secure WHERE kind = ?1 AND package_id = ?2 AND key_id = ?3",
            )?
            .query_row(params![kind, package.to_string(), key_id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?))
            })
            .optional()?;
        Ok(row.map(|(owner, nonce, sealed, saved)| SecureRow {
            kind: kind.to_owned(),
            package,
            key_id: key_id.to_owned(),
            owner,
            nonce,
            sealed,
            saved: Timestamp::from_second(saved).unwrap_or_default(),
        }))
    }

    /// The ids of the keys under which this user has rows.
    pub fn secure_keys_of(&self, owner: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT DISTINCT key_id FROM secure WHERE owner = ?1 ORDER BY key_id")?;
        Ok(statement.query_map([owner], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Writes a row in place of the one of the same kind, package and key.
    pub fn put_secure_row(&self, row: &SecureRow) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO secure (kind, package_id, key_id, owner, nonce, sealed, saved) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                row.kind,
                row.package.to_string(),
                row.key_id,
                row.owner,
                row.nonce,
                row.sealed,
                row.saved.as_second()
            ])?;
        Ok(())
    }

    /// Removes the row of this kind and package under this key; rows under other keys stay.
    pub fn drop_secure_row(&self, kind: &str, package: PackageId, key_id: &str) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("DELETE FROM secure WHERE kind = ?1 AND package_id = ?2 AND key_id = ?3")?
            .execute(params![kind, package.to_string(), key_id])?;
        Ok(())
    }
}
