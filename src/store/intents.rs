//! Intents: changes of several files that were decided in a transaction and are carried out after it.

use rusqlite::params;

use super::{Catalogue, Change, StoreError};

/// A change that was decided and may not be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredIntent {
    /// Identity of the operation: also the name of its folder below `.incoming/`.
    pub operation: String,
    /// The package it changes: the folded key, which names its lock.
    pub package: String,
    /// Its steps, as JSON the library room understands.
    pub steps: String,
}

impl Catalogue {
    /// All intents that were not cleared, oldest first.
    pub fn intents(&self) -> Result<Vec<StoredIntent>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT operation, package, steps FROM intents ORDER BY rowid")?;
        let intents = statement
            .query_map([], |row| {
                Ok(StoredIntent { operation: row.get(0)?, package: row.get(1)?, steps: row.get(2)? })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(intents)
    }

    /// Whether an intent of this operation, or of a part of it, is still there.
    pub fn has_intent(&self, operation: &str) -> Result<bool, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT 1 FROM intents WHERE operation = ?1 OR substr(operation, 1, length(?1) + 1) = ?1 || '/'")?
            .exists([operation])?)
    }
}

impl Change<'_> {
    /// Records an intent, in the same transaction as what it is for.
    pub fn put_intent(&self, intent: &StoredIntent) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached("INSERT INTO intents (operation, package, steps) VALUES (?1, ?2, ?3)")?
            .execute(params![intent.operation, intent.package, intent.steps])?;
        Ok(())
    }

    /// Clears an intent that was carried out.
    pub fn clear_intent(&self, operation: &str) -> Result<(), StoreError> {
        self.transaction.prepare_cached("DELETE FROM intents WHERE operation = ?1")?.execute([operation])?;
        Ok(())
    }
}
