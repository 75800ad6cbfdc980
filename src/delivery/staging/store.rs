//! The store behind the address of a staging library: named objects that are read, written whole, removed and listed.
//!
//! Owns: names and the calls that every kind of store answers; the kinds lie beside it. All calls block and must not be
//! made from within an async task. Must not know packages, documents or jobs.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use super::address::StagingAddress;
use super::bucket::BucketStore;
pub use super::error::StagingError;
use super::folder::FolderStore;
use super::web::WebStore;
use crate::package::Sha256Digest;
use crate::package::path::{PathProblem, check};
use crate::package::staging::UNFINISHED;
use crate::transfer::{Credentials, NetworkOptions};
use crate::work::{Cancelled, Work};

/// The name of an object or a folder in a store, relative to its root: parts separated by `/`, none of them `.` or
/// `..`, no control characters. The root itself is the empty path.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath(Box<str>);

impl StorePath {
    /// The root of the store.
    pub fn root() -> Self {
        Self::default()
    }

    /// Checks `text` by the rules for paths in packages.
    pub fn parse(text: &str) -> Result<Self, PathProblem> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// `path` below this one.
    pub fn join(&self, path: &str) -> Result<Self, PathProblem> {
        if self.is_root() { Self::parse(path) } else { Self::parse(&format!("{}/{path}", self.0)) }
    }

    /// The path as text, without `/` at either end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is told of: the root is `it`.
    pub(super) fn shown(&self) -> &str {
        if self.is_root() { "it" } else { &self.0 }
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The folder it lies in, and its own name; `None` for the root.
    pub fn split(&self) -> Option<(Self, &str)> {
        if self.is_root() {
            return None;
        }
        let (folder, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        Some((Self(folder.into()), name))
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One entry of a folder of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its name, without the folder.
    pub name: String,
    /// Bytes of an object; 0 for a folder.
    pub size: u64,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl Listed {
    /// Whether it is an object that somebody began to write and has not finished.
    pub fn is_unfinished(&self) -> bool {
        !self.is_folder && self.name.starts_with(UNFINISHED)
    }
}

/// The answer to [`StagingStore::read_if_changed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It is as it was when the tag was given.
    Unchanged,
    /// It is not there.
    Gone,
    /// It is there and may have changed.
    New {
        /// All of it.
        bytes: Vec<u8>,
        /// Names this state of it; `None` where the store gives no tags.
        tag: Option<String>,
    },
}

/// What is known of an object that is put into a store from a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// How many bytes come.
    pub size: u64,
    /// Their hash, where it is known.
    pub sha256: Option<Sha256Digest>,
    /// Whether it can be executed; kept where the store has modes.
    pub executable: bool,
}

/// How it is proven that what was put into a store is there as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PutProof {
    /// By reading it back.
    ReadBack,
    /// The store is given the hash and refuses what does not have it; a listing shows the size.
    Checksum,
    /// By a listing that shows the size.
    Listing,
}

/// A store of named objects. Nothing in it changes in place: an object is there whole or not at all.
///
/// Every call blocks. A store is used by many threads at once.
pub trait StagingStore: Send + Sync {
    /// Its address as it may be shown.
    fn name(&self) -> String;

    /// How what was put here is proven.
    fn proof(&self) -> PutProof;

    /// An object of at most `limit` bytes; `None` where it is not there.
    fn read(&self, path: &StorePath, limit: u64) -> Result<Option<Vec<u8>>, StagingError> {
        Ok(match self.read_if_changed(path, None, limit)? {
            Fetched::New { bytes, .. } => Some(bytes),
            Fetched::Gone | Fetched::Unchanged => None,
        })
    }

    /// An object of at most `limit` bytes, unless it is still as it was when `tag` was given.
    fn read_if_changed(
        &self,
        path: &StorePath,
        tag: Option<&str>,
        limit: u64,
    ) -> Result<Fetched, StagingError>;

    /// Reads an object of any size piece by piece, in order; `false` where it is not there. An error of `take` ends it.
    /// A folder is read from its disk where the system lets us, not from memory.
    fn read_through(
        &self,
        path: &StorePath,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Cancelled>,
    ) -> Result<bool, StagingError>;

    /// Writes an object whole: a reader sees the old one or the new one.
    fn write(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StagingError>;

    /// Writes an object that is not there yet; `false` where it is, and then nothing is changed. On stores that cannot
    /// decide it in one step, a writer who comes at the same moment may win.
    fn create(&self, path: &StorePath, bytes: &[u8]) -> Result<bool, StagingError>;

    /// Puts an object of any size, whole or not at all. `work` counts the bytes, paces and can cancel.
    fn put_file(
        &self,
        path: &StorePath,
        file: &mut dyn Read,
        outgoing: &Outgoing,
        work: &Work,
    ) -> Result<(), StagingError>;

    /// What was put before this call outlives a power cut after it. Nothing to do where the store sees to it by itself.
    fn settle(&self) -> Result<(), StagingError> {
        Ok(())
    }

    /// Room that is left, in bytes; `None` where the store does not say.
    fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Removes an object; one that is not there is as good.
    fn remove(&self, path: &StorePath) -> Result<(), StagingError>;

    /// Removes a folder with all that is in it; one that is not there is as good.
    fn remove_folder(&self, folder: &StorePath) -> Result<(), StagingError>;

    /// Removes a folder that is empty; nothing happens to one that is not, or where the store has no folders.
    fn remove_empty(&self, folder: &StorePath) -> Result<(), StagingError> {
        let _ = folder;
        Ok(())
    }

    /// Bytes of an object; `None` where it is not there.
    fn size(&self, path: &StorePath) -> Result<Option<u64>, StagingError>;

    /// The entries of a folder, one level deep, in no order; none where it is not there.
    /// [`StagingError::CannotList`] where the server cannot say.
    fn list(&self, folder: &StorePath) -> Result<Vec<Listed>, StagingError>;

    /// Every object below a folder, with its path relative to it and its bytes, in no order. A name that no package can
    /// have is given as it is shown; what lies below such a folder is not looked for.
    fn walk(&self, folder: &StorePath, work: &Work) -> Result<Vec<(String, u64)>, StagingError> {
        let mut found = Vec::new();
        let mut folders = vec![(folder.clone(), String::new())];
        while let Some((folder, before)) = folders.pop() {
            work.check()?;
            for entry in self.list(&folder)? {
                let path = format!("{before}{}", entry.name);
                match folder.join(&entry.name) {
                    Ok(below) if entry.is_folder => folders.push((below, format!("{path}/"))),
                    _ => found.push((path, entry.size)),
                }
            }
        }
        Ok(found)
    }
}

/// Opens the store at an address. Nothing is asked of a server yet.
///
/// For a bucket the credentials are access key and secret, as name and password.
pub fn open_store(
    address: &StagingAddress,
    credentials: Option<Credentials>,
    network: &NetworkOptions,
) -> Result<Arc<dyn StagingStore>, StagingError> {
    Ok(match address {
        StagingAddress::Folder(folder) => Arc::new(FolderStore::new(folder.clone())),
        StagingAddress::Web(url) => Arc::new(WebStore::new(url.clone(), credentials, network)?),
        StagingAddress::Bucket(bucket) => Arc::new(BucketStore::new(bucket, credentials.as_ref(), network)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_root() {
        for wrong in ["", "/x", "a/../b", "..", "a//b", "a/", "a\nb", "."] {
            assert!(StorePath::parse(wrong).is_err(), "{wrong:?}");
        }
        let path =
            StorePath::root().join("packages").and_then(|path| path.join("7-Zip/24.09")).expect("a path");
        assert_eq!(path.as_str(), "packages/7-Zip/24.09");
        let (folder, name) = path.split().expect("not the root");
        assert_eq!((folder.as_str(), name), ("packages/7-Zip", "24.09"));
        assert!(path.join("../../x").is_err());
    }
}
