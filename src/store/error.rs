//! What can go wrong with the library database.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said so.
    #[error("the library database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Written by a newer program; nothing was changed.
    #[error("the library database has format {found}, this program knows up to {known}")]
    Newer {
        /// Format found.
        found: i64,
        /// Highest format this program knows.
        known: i64,
    },
    /// It is no library database, or a value in it makes no sense.
    #[error("the library database is damaged: {0}")]
    Damaged(String),
    /// A path that SQLite cannot be told.
    #[error("the name of {0} is not UTF-8")]
    Unwritable(String),
    /// A number that the database cannot hold.
    #[error("{0} is too large for the library database")]
    TooLarge(u64),
}

impl StoreError {
    /// Whether another program holds the database; trying again helps.
    pub fn is_busy(&self) -> bool {
        matches!(
            self.sqlite_code(),
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
        )
    }

    /// Whether the database cannot be read as one, so that it must be rebuilt.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
            || matches!(
                self.sqlite_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            )
    }

    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self.sqlite_code(), Some(rusqlite::ErrorCode::DiskFull))
    }

    /// Whether the medium cannot be written.
    pub fn is_read_only(&self) -> bool {
        matches!(
            self.sqlite_code(),
            Some(
                rusqlite::ErrorCode::ReadOnly
                    | rusqlite::ErrorCode::CannotOpen
                    | rusqlite::ErrorCode::PermissionDenied
            )
        )
    }

    fn sqlite_code(&self) -> Option<rusqlite::ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }
}
