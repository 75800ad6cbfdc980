//! What is in a folder that may be opened as a library. Opens nothing for writing.

use std::fs;
use std::path::Path;

use super::open::{CATALOGUE, is_foreign};
use super::{LibraryHolder, lease};
use crate::store::{Catalogue, StoreError};

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderLook {
    /// There is no such folder; one can be made.
    Missing,
    /// Nothing.
    Empty,
    /// A library; who may write to it, where that is one program only.
    Library(Option<LibraryHolder>),
    /// A library of a newer program: (format found, highest known).
    Newer(i64, i64),
    /// A library whose database cannot be read, and why.
    Damaged(String),
    /// Other files.
    OtherFiles,
    /// It cannot be looked at, and why.
    Unreadable(String),
}

/// Looks at a folder, as seen from the computer `host`.
pub fn look_at_folder(folder: &Path, host: &str) -> FolderLook {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return FolderLook::Missing,
        Err(error) => return FolderLook::Unreadable(error.to_string()),
    };
    let database = folder.join(CATALOGUE);
    if !database.exists() {
        let names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
        return match names.iter().any(|name| is_foreign(name)) {
            true => FolderLook::OtherFiles,
            false if names.is_empty() => FolderLook::Empty,
            // Folders of a library that was begun, or that has lost its database.
            false if folder.join(super::package_folder::PACKAGES).is_dir() => {
                FolderLook::Damaged(format!("{CATALOGUE} is missing"))
            }
            false => FolderLook::Empty,
        };
    }
    let holder = lease::holder(folder, host);
    if holder.is_some() {
        // Its database would be waited for in vain.
        return FolderLook::Library(holder);
    }
    let opened = Catalogue::open_read_only(&database, false);
    match opened.and_then(|catalogue| catalogue.library_value("id")) {
        Err(StoreError::Newer { found, known }) => FolderLook::Newer(found, known),
        Err(error) if error.is_damage() => FolderLook::Damaged(error.to_string()),
        // Its writer may have it to itself, or it lies where it cannot be locked.
        Ok(_) | Err(_) => FolderLook::Library(holder),
    }
}
