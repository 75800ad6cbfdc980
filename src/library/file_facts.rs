//! What the system says of files in a package folder: when they were changed, and whose they are.
//!
//! For files that differ, where a person asks who did it. Must not know what differs.

use std::collections::HashMap;
use std::path::{Component, Path};

use jiff::Timestamp;

use super::{Library, LibraryError};
use crate::disk::owner::Owners;
use crate::package::record::PackageId;
use crate::work::Work;

/// What the system says of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Time of its last change.
    pub modified: Option<Timestamp>,
    /// The account that owns it, who is not always the one who changed it; absent where the system does not say.
    pub owner: Option<String>,
}

impl Library {
    /// The facts of those of these files that are there; paths are relative to `data/`.
    pub fn file_facts(
        &self,
        id: PackageId,
        paths: &[String],
        work: &Work,
    ) -> Result<HashMap<String, FileFacts>, LibraryError> {
        let root = self.data_folder(&self.record(id)?.key);
        let mut owners = Owners::default();
        let mut facts = HashMap::with_capacity(paths.len());
        for path in paths {
            work.check()?;
            let is_below = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
            // What cannot be read has no facts.
            let Ok(found) = std::fs::symlink_metadata(root.join(path)) else { continue };
            if is_below {
                let modified = found.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
                facts.insert(path.clone(), FileFacts { modified, owner: owners.of(&found) });
            }
        }
        Ok(facts)
    }
}
