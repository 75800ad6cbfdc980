//! The end of a download's life in the list: removed, with its files or without; or become a package.
//!
//! Owns which files of a folder are a download's own: those its snapshot lists, and nothing else.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::home::{checkpoint_failure, database_failure, with_database};
use super::keeper::Message;
use super::{Downloads, Shared, begin, offer};
use crate::failure::{Class, Failure};
use crate::package::PackageKey;
use crate::package::download::{DownloadId, DownloadRecord};
use crate::transfer::Plan;
use crate::transfer::trust::Judgement;

impl Downloads {
    /// Takes a download off the list. Its files stay unless they are to be deleted; files its snapshot does not list
    /// stay in any case. Waits until it is done.
    pub fn remove(&self, id: DownloadId, delete_files: bool) -> Result<(), Failure> {
        let (reply, answer) = crossbeam_channel::bounded(1);
        self.shared.send(Message::Remove(id, delete_files, reply));
        answer.recv().unwrap_or_else(|_| Err(is_closing()))
    }

    /// Registers what a download that is Ready has brought as a package of the library. Waits until it is done.
    pub fn register(&self, id: DownloadId, group: Option<&str>) -> Result<PackageKey, Failure> {
        let shared = &self.shared;
        let record = with_database(&*shared.home, |catalogue| catalogue.download(id))?;
        let record = record.map_err(|error| database_failure(&error))?.ok_or_else(no_such_download)?;
        if record.state != crate::package::download::DownloadState::Ready {
            let message = format!("{} is not ready", super::row::title_of(&record));
            let action = "Register it when every block was proven";
            return Err(Failure::new("download-not-ready", Class::Refused, message, action)
                .because(record.state.words()));
        }
        let registered = become_package(shared, &record, group);
        if registered.is_ok() {
            shared.send(Message::Registered(id, registered.clone()));
        }
        registered
    }
}

/// There is no such download.
pub(super) fn no_such_download() -> Failure {
    Failure::new(
        "no-such-download",
        Class::Usage,
        "there is no such download",
        "It was removed meanwhile; look at the list",
    )
}

/// The library is being closed.
pub(super) fn is_closing() -> Failure {
    Failure::new(
        "downloads-closed",
        Class::Environment,
        "the downloads of the library were stopped",
        "Open it again",
    )
}

/// Removes it on a thread of its own; nothing runs of it any more.
pub(super) fn remove(shared: &Arc<Shared>, record: DownloadRecord, delete_files: bool) {
    let own = Arc::clone(shared);
    let id = record.id;
    let work = move || {
        let removed = remove_now(&own, &record, delete_files);
        own.send(Message::Removed(id, removed));
    };
    if let Err(error) = std::thread::Builder::new().name("download-remove".to_owned()).spawn(work) {
        let failure = crate::transfer::TransferError::Setup(error.to_string()).explain();
        shared.send(Message::Removed(id, Err(failure)));
    }
}

fn remove_now(shared: &Shared, record: &DownloadRecord, delete_files: bool) -> Result<(), Failure> {
    if delete_files {
        delete(shared, record)?;
    }
    let forgotten = match shared.checkpoints() {
        Ok(checkpoints) => with_database(&*shared.home, |catalogue| checkpoints.forget(catalogue, record))?,
        // A key that is lost for good must not keep a download in the list for ever.
        Err(failure) => {
            tracing::warn!(%failure, "what is kept of a download in secure storage stays there");
            Ok(())
        }
    };
    forgotten.map_err(|error| checkpoint_failure(&error))?;
    let removed = with_database(&*shared.home, |catalogue| {
        catalogue.change(|change| change.remove_download(record.id))
    })?;
    removed.map_err(|error| database_failure(&error))
}

/// Registers it on a thread of its own.
pub(super) fn register(shared: &Arc<Shared>, record: DownloadRecord) {
    let own = Arc::clone(shared);
    let id = record.id;
    let work = move || {
        let registered = become_package(&own, &record, None);
        own.send(Message::Registered(id, registered));
    };
    if let Err(error) = std::thread::Builder::new().name("download-register".to_owned()).spawn(work) {
        let failure = crate::transfer::TransferError::Setup(error.to_string()).explain();
        shared.send(Message::Registered(id, Err(failure)));
    }
}

/// The library takes it in as a copy. What lay beside its packages for that only is deleted: two copies on one disk
/// prove no more than one.
fn become_package(
    shared: &Shared,
    record: &DownloadRecord,
    group: Option<&str>,
) -> Result<PackageKey, Failure> {
    let key = shared.home.register(record, group)?;
    let mut kept = record.clone();
    kept.registered_as = Some(key.clone());
    let written =
        with_database(&*shared.home, |catalogue| catalogue.change(|change| change.set_download(&kept)))?;
    written.map_err(|error| database_failure(&error))?;
    if record.folder.parent() == Some(&*shared.home.downloads_folder())
        && let Err(failure) = delete(shared, record)
    {
        tracing::warn!(%failure, "what was downloaded stays beside the packages");
    }
    Ok(key)
}

/// Deletes the files its snapshot lists, and the folders that are empty then.
fn delete(shared: &Shared, record: &DownloadRecord) -> Result<(), Failure> {
    let failed = |why: String| {
        Failure::new(
            "download-files",
            Class::Environment,
            format!("the files in {} could not be deleted", record.folder.display()),
            "Delete them yourself, or remove the download and leave the files",
        )
        .because(why)
    };
    let plan = plan_of(shared, record)?;
    let plan =
        plan.ok_or_else(|| failed("which of them belong to the download is not known any more".to_owned()))?;
    let folder = &record.folder;
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    let files = plan.files().iter().map(|file| &*file.path);
    for path in files.chain(plan.tags().iter().map(|tag| tag.path.as_str())) {
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            folders.insert(parent);
            above = parent;
        }
        if leads_through_link(folder, path) {
            continue;
        }
        match std::fs::remove_file(folder.join(path)) {
            Err(error) if !is_gone(&error) => {
                return Err(failed(format!("{path}: {}", crate::disk::words(&error))));
            }
            _ => {}
        }
    }
    // The deepest first; those that have something else stay.
    for path in folders.into_iter().rev() {
        if !leads_through_link(folder, path) {
            std::fs::remove_dir(folder.join(path)).ok();
        }
    }
    std::fs::remove_dir(folder).ok();
    Ok(())
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a folder on the way is a link by now: what lies behind it is not ours.
pub(super) fn leads_through_link(folder: &Path, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let mut at = folder.to_owned();
    parts[..parts.len().saturating_sub(1)].iter().any(|part| {
        at.push(part);
        std::fs::symlink_metadata(&at).is_ok_and(|facts| facts.is_symlink())
    })
}

/// What was to be fetched for it, as its kept snapshot says; `None` where that is lost.
pub(super) fn plan_of(shared: &Shared, record: &DownloadRecord) -> Result<Option<Plan>, Failure> {
    let checkpoints = shared.checkpoints()?;
    let loaded = with_database(&*shared.home, |catalogue| checkpoints.load(catalogue, record.id))?;
    let loaded = loaded.map_err(|error| checkpoint_failure(&error))?;
    let Some(texts) = loaded.snapshot else { return Ok(None) };
    let mut terms = begin::terms_of(record, None);
    terms.fetched_again = true;
    match offer::judge(&texts, &shared.keys()?, &terms) {
        Judgement::Taken(taken) => offer::plan_of(&texts, *taken).map(Some).map_err(|error| error.explain()),
        Judgement::FetchOnceMore(_) | Judgement::Refused(_) => Ok(None),
    }
}
