//! A folder for things that last no longer than a piece of work, or than whoever looks at them.

use std::fs;
use std::path::{Path, PathBuf};

use super::LibraryError;
use super::error::io_error;
use super::execution::set_writable;
use super::operation::remove_any;

/// A folder of its own that is gone with this value.
#[derive(Debug)]
pub(super) struct ScratchFolder(PathBuf);

impl ScratchFolder {
    /// A new folder below `below`; `what` stands in its name.
    pub(super) fn new(below: &Path, what: &str) -> Result<Self, LibraryError> {
        let folder = below.join(format!("packhouse-{what}-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).map_err(io_error("make the folder", &folder))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        let removed = set_writable(&self.0, true).and_then(|()| remove_any(&self.0));
        if let Err(error) = removed {
            tracing::warn!(%error, "a scratch folder is left");
        }
    }
}
