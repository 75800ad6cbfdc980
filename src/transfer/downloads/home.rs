//! What the downloads of a library need of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::failure::{Class, Failure};
use crate::package::PackageKey;
use crate::package::download::DownloadRecord;
use crate::package::trust::KeyInfo;
use crate::store::{Catalogue, StoreError};
use crate::transfer::checkpoint::CheckpointError;
use crate::transfer::{BlockSource, Plan};

/// A library as its downloads see it.
pub trait Home: Send + Sync {
    /// The folder of the library.
    fn folder(&self) -> &Path;
    /// The folder of the user's keys.
    fn keys_folder(&self) -> &Path;
    /// The folder downloads go to, unless told otherwise.
    fn downloads_folder(&self) -> PathBuf;
    /// Who is at work.
    fn user(&self) -> String;
    /// User and computer, as secure storage names whose row is whose.
    fn owner(&self) -> String;
    /// Gives the database to `work`, once.
    fn database(&self, work: &mut dyn FnMut(&mut Catalogue)) -> Result<(), Failure>;
    /// The keys of the user.
    fn keys(&self) -> Result<Vec<KeyInfo>, Failure>;
    /// Where blocks of `plan`, which is of this package or of none, may be had without fetching them.
    fn block_sources(&self, package: Option<&PackageKey>, plan: &Plan) -> Vec<Arc<dyn BlockSource>>;
    /// Makes a package of a download that is Ready; gives its name. One that is there already is no error.
    fn register(&self, download: &DownloadRecord, group: Option<&str>) -> Result<PackageKey, Failure>;
}

/// What `work` makes of the database.
pub(super) fn with_database<T>(
    home: &dyn Home,
    work: impl FnOnce(&mut Catalogue) -> T,
) -> Result<T, Failure> {
    let mut work = Some(work);
    let mut made = None;
    home.database(&mut |catalogue| {
        if let Some(work) = work.take() {
            made = Some(work(catalogue));
        }
    })?;
    made.ok_or_else(|| {
        Failure::new(
            "database",
            Class::Environment,
            "the library database is closed",
            "Open the library again",
        )
    })
}

/// An error of the database as a person reads it.
pub(super) fn database_failure(error: &StoreError) -> Failure {
    Failure::new(
        "database",
        Class::Environment,
        "the library database could not be read or written",
        "Check the disk of the library",
    )
    .because(error.to_string())
}

/// An error of what is kept of a download, as a person reads it.
pub(super) fn checkpoint_failure(error: &CheckpointError) -> Failure {
    match error {
        CheckpointError::Secure(error) => error.explain(),
        CheckpointError::Store(error) => database_failure(error),
        CheckpointError::Write { .. } => Failure::new(
            "download-progress",
            Class::Environment,
            error.to_string(),
            "Check the disk of the library",
        ),
        CheckpointError::NoSuchDownload(_) => Failure::new(
            "no-such-download",
            Class::Usage,
            error.to_string(),
            "It was removed meanwhile; look at the list",
        ),
    }
}
