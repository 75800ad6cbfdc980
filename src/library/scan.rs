//! Walks a folder tree and lists its files: for the quick check by name and size, for registration with all
//! that a package keeps or refuses.
//!
//! Owns: the order of the list, what is refused, how links are taken. Must not know what the list is compared
//! with. All cores walk; a folder is opened, listed and asked for its files by one of them, a large one by
//! several. Siblings are sorted as `name` or `name/`, so that reading the tree in order gives paths in byte
//! order and nothing needs sorting as a whole.

use std::io;
use std::path::Path;

use crate::package::FileList;
use crate::package::consistency::UnreadableFile;
use crate::package::path::PathProblem;
use crate::work::{Cancelled, Work};

pub use crate::disk::FileStamp;
use crate::disk::{Root, words};

mod assembly;
mod walk;

/// What a folder tree holds. Paths are relative to its root, parts separated by `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Plain files, sorted by path bytes.
    pub files: FileList,
    /// For each file, whether its owner may execute it.
    pub executable: Vec<bool>,
    /// For each file, what shows a later change; empty after [`scan_files`].
    pub stamps: Vec<FileStamp>,
    /// What a package cannot hold, sorted by path. Bytes of a name that are not UTF-8 are shown as
    /// `\xE4`.
    pub refused: Vec<(String, RefusedEntry)>,
    /// Folders that hold no file at any depth; a package does not keep them.
    pub empty_folders: u64,
    /// Symbolic links left out because of [`Links::Skip`].
    pub skipped_links: u64,
    /// Files and folders that could not be read, sorted by path; a folder is one entry for all it holds.
    pub unreadable: Vec<UnreadableFile>,
}

/// What becomes of symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Each is refused.
    #[default]
    Refuse,
    /// What it points to is taken in its place, if it lies inside the source.
    Copy,
    /// Left out.
    Skip,
}

/// Why an entry cannot be part of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RefusedEntry {
    /// Its path breaks a rule.
    #[error(transparent)]
    Path(#[from] PathProblem),
    /// A symbolic link.
    #[error("is a symbolic link")]
    SymbolicLink,
    /// A link to something outside the source.
    #[error("is a symbolic link that leads outside the source")]
    LinkOutside,
    /// A link to nothing.
    #[error("is a symbolic link that leads nowhere")]
    LinkBroken,
    /// A link to a folder it lies in.
    #[error("is a symbolic link that leads back to a folder above it")]
    LinkLoop,
    /// Links that multiply each other; once there are so many, every further link is refused.
    #[error("comes after more than 10,000 symbolic links to folders")]
    TooManyLinks,
    /// A character or block device.
    #[error("is a device")]
    Device,
    /// A named pipe.
    #[error("is a named pipe")]
    Fifo,
    /// A socket.
    #[error("is a socket")]
    Socket,
}

/// Why a tree could not be walked at all.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// There is nothing at the path.
    #[error("there is no such folder")]
    Missing,
    /// There is something else.
    #[error("it is not a folder")]
    NotAFolder,
    /// The folder cannot be opened.
    #[error("the folder cannot be read: {}", words(.0))]
    Unreadable(#[source] io::Error),
    /// The paths have more than 4 GiB of text in all.
    #[error("the folder holds more files than can be listed")]
    TooManyFiles,
    /// Cancelled by the one who watches.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::NotADirectory => Self::NotAFolder,
            _ => Self::Unreadable(error),
        }
    }
}

/// Lists the files below `root` by name and size, as the quick check needs it.
///
/// Links are never followed; they, devices and forbidden names are in [`Scan::refused`]. What vanishes while
/// it is walked is not there. Counts files in `work`.
pub fn scan_files(root: &Path, work: &Work) -> Result<Scan, ScanError> {
    scan(root, walk::Wanted { links: Links::Refuse, stamps: false }, work)
}

/// Lists the files below `root` as a source to be registered: with stamps, and with everything that is refused.
///
/// Counts files in `work`.
pub fn scan_source(root: &Path, links: Links, work: &Work) -> Result<Scan, ScanError> {
    scan(root, walk::Wanted { links, stamps: true }, work)
}

fn scan(path: &Path, wanted: walk::Wanted, work: &Work) -> Result<Scan, ScanError> {
    work.begin("Listing files", 0, 0);
    let root = Root::open(path)?;
    let found = walk::walk(&root, path, wanted, work)?;
    work.check()?;
    assembly::assemble(found)
}
