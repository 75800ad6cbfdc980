//! Auto-registration: a folder becomes a package without anybody being asked, filed by System.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::operation::folders_in;
use super::{Library, LibraryError, RegisterReport, RegisterRequest, scan};
use crate::package::{PackageKey, Sha256Digest};
use crate::work::Work;

/// Who auto-registered packages are filed by.
pub(super) const SYSTEM: &str = "System";

/// How long a folder must stay as it is to count as complete.
pub const COMPLETE_AFTER: Duration = Duration::from_secs(5);

/// What became of a folder.
#[derive(Clone, Debug)]
pub enum AutoRegisterOutcome {
    /// It is a package now.
    Registered(Box<RegisterReport>),
    /// The library has this package already; nothing was changed.
    Known(PackageKey),
}

impl Library {
    /// Registers a folder without asking. With a whole, trusted seal it stays sealed; with the seal of an unknown key
    /// it becomes Open and the old seal is kept in History; a plain folder takes name and version from its name.
    pub fn auto_register(&self, folder: &Path, work: &Work) -> Result<AutoRegisterOutcome, LibraryError> {
        let request = RegisterRequest::new(vec![folder.to_owned()]);
        match self.register_as(&request, Some(SYSTEM), work) {
            Ok(report) => Ok(AutoRegisterOutcome::Registered(Box::new(report))),
            Err(LibraryError::Exists(key)) => Ok(AutoRegisterOutcome::Known(key)),
            Err(error) => Err(error),
        }
    }
}

/// Watches a folder whose folders are packages to be: says which of them are complete.
///
/// It polls, so it works on every file system; it keeps no thread.
#[derive(Debug)]
pub struct ParentWatch {
    parent: PathBuf,
    seen: HashMap<PathBuf, Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Names, sizes and times of everything in it.
    state: Sha256Digest,
    since: Instant,
    /// Whether this state was handed out.
    taken: bool,
}

impl ParentWatch {
    /// Watches `parent`.
    pub fn new(parent: &Path) -> Self {
        Self { parent: parent.to_owned(), seen: HashMap::new() }
    }

    /// Looks once, at the moment `now`. Gives the folders that have not changed for [`COMPLETE_AFTER`], each once for
    /// each state of it.
    pub fn complete(&mut self, now: Instant, work: &Work) -> Result<Vec<PathBuf>, LibraryError> {
        if !self.parent.is_dir() {
            return Err(LibraryError::SourceMissing(self.parent.clone()));
        }
        let folders = folders_in(&self.parent)?;
        self.seen.retain(|folder, _| folders.contains(folder));
        let mut complete = Vec::new();
        for folder in folders {
            let hidden = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            let Some(state) = state_of(&folder, work)? else { continue };
            let seen = self.seen.entry(folder.clone()).or_insert(Seen { state, since: now, taken: false });
            if seen.state != state {
                *seen = Seen { state, since: now, taken: false };
            } else if !seen.taken && now.duration_since(seen.since) >= COMPLETE_AFTER {
                seen.taken = true;
                complete.push(folder);
            }
        }
        Ok(complete)
    }
}

/// A digest of names, sizes and times below a folder; `None` if it has no file or vanished.
fn state_of(folder: &Path, work: &Work) -> Result<Option<Sha256Digest>, LibraryError> {
    let scan = match scan::scan_source(folder, scan::Links::Skip, work) {
        Ok(scan) => scan,
        Err(scan::ScanError::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(_) => return Ok(None),
    };
    if scan.files.is_empty() {
        return Ok(None);
    }
    let mut text = scan.files.checksum().digest.as_bytes().to_vec();
    for stamp in &scan.stamps {
        text.extend_from_slice(&stamp.mtime_ns.to_le_bytes());
    }
    if let Ok(metadata) = fs::metadata(folder)
        && let Ok(modified) = metadata.modified()
        && let Ok(since) = modified.duration_since(std::time::UNIX_EPOCH)
    {
        text.extend_from_slice(&since.as_nanos().to_le_bytes());
    }
    Ok(Some(Sha256Digest::of(&text)))
}
