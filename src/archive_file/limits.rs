//! What a reader puts up with from an archive of a stranger, and how it says no.

use std::io;
use std::path::PathBuf;

use crate::work::Cancelled;

use super::layout::LayoutError;

/// Bounds for reading an archive without a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most tar members, refused ones included.
    pub max_entries: u64,
    /// Most bytes it may unpack to.
    pub max_bytes: u64,
}

impl Default for Limits {
    /// A million entries and 1 TiB.
    fn default() -> Self {
        Self { max_entries: 1_000_000, max_bytes: 1 << 40 }
    }
}

/// Why an archive could not be read at all. Damage inside it is no error but a finding: [`super::ArchiveDamage`].
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("the archive cannot be read: {0}")]
    Read(#[source] io::Error),
    /// No zstd frame anywhere.
    #[error("this is not a zstd archive")]
    NotAnArchive,
    /// It unpacks to more than it may: a bomb, or another package.
    #[error("the archive unpacks to more than the {0} bytes expected of it")]
    TooLarge(u64),
    /// More members or frames than allowed.
    #[error("the archive has more than {0} entries")]
    TooManyEntries(u64),
    /// The manifest lacks the hashes of a file, so nothing can be proven.
    #[error("no hashes are recorded for {0:?}")]
    NoHashes(String),
    /// The manifest or the name of the top folder cannot be in an archive.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The folder to unpack into exists and is not empty.
    #[error("the folder is not empty: {}", .0.display())]
    NotEmpty(PathBuf),
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// What failed.
        source: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// Asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
