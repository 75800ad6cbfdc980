//! What a download needs to go on after any stop, saved and loaded: its record, its snapshot, its progress.
//!
//! The snapshot and the credentials lie in secure storage, the progress in an XML file that is replaced as a whole.
//! Whatever is lost, cut, old or untrue ends in a [`Problem`] and costs time; only a key that cannot be reached stops a
//! download, since nothing may be discarded then. Owns these files and rows; must not know how blocks are fetched.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use super::codebase::Credentials;
use super::secure_storage::{Kept, Kind, SecureError, SecureStorage};
use crate::disk;
use crate::package::download::{DownloadId, DownloadRecord};
use crate::package::progress_record::{self, ProgressProblem, ProgressRecord, RECORD_MAX_BYTES};
use crate::package::{Sha256Digest, record::PackageId};
use crate::store::{Catalogue, StoreError};

/// Name of the folder of progress records in a library.
pub const PROGRESS_FOLDER: &str = "progress";

/// The snapshot of a download, with the texts that prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSnapshot {
    /// The address it came from, against which its own addresses are resolved.
    pub address: String,
    /// Text of the Metalink document.
    pub snapshot: String,
    /// Text of the registration info, where it is a sealed package.
    pub reginfo: Option<String>,
    /// Text of the seal.
    pub seal: Option<String>,
    /// The other tag files, by name.
    #[serde(default)]
    pub tag_files: BTreeMap<String, String>,
}

impl KeptSnapshot {
    /// SHA-256 of the Metalink document, as the progress record names it.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest::of(self.snapshot.as_bytes())
    }
}

/// Credentials by the address of their codebase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialsByAddress(pub BTreeMap<String, Credentials>);

/// What is there of a download.
#[derive(Debug)]
pub struct Loaded {
    /// Its record.
    pub record: DownloadRecord,
    /// Its snapshot, unless it must be fetched again.
    pub snapshot: Option<KeptSnapshot>,
    /// Its progress, if there is a record of just this snapshot and folder. `clean_stop` is true only where it was proven.
    pub progress: Option<ProgressRecord>,
    /// Credentials for its codebases.
    pub credentials: CredentialsByAddress,
    /// What was wrong, for the events of the download. None of it stops anything.
    pub problems: Vec<Problem>,
}

/// Something that was not as it was left.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A row that was not sealed by us for this place; it was dropped.
    #[error("the {what} in secure storage was changed by somebody else and is fetched or asked for again")]
    Forged {
        /// `snapshot`, `credentials`, `mark of the clean stop`.
        what: &'static str,
    },
    /// A row of ours with content of another program version; it was dropped.
    #[error("the {what} in secure storage has a form that is not known: {why}")]
    Form {
        /// As above.
        what: &'static str,
        /// What was wrong.
        why: String,
    },
    /// The progress record is none; all files are checked.
    #[error("the progress record is not used: {0}")]
    Progress(ProgressProblem),
    /// The progress record cannot be read; all files are checked.
    #[error("the progress record cannot be read: {0}")]
    Unreadable(String),
    /// It speaks of another package, folder or snapshot; all files are checked.
    #[error("the progress record is not used: it is of another {0}")]
    OfAnother(&'static str),
    /// It says that the download was stopped cleanly, and secure storage does not; all files are checked.
    #[error("the progress record says more than was proven; all files are checked again")]
    NotProven,
}

/// What stopped saving or loading.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Secure storage, among others a key that cannot be reached.
    #[error(transparent)]
    Secure(#[from] SecureError),
    /// The library database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The progress record could not be written.
    #[error("cannot write {}: {}", path.display(), disk::words(error))]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No such download.
    #[error("there is no download {0}")]
    NoSuchDownload(DownloadId),
}

/// The checkpoints of one library.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    secure: SecureStorage,
}

impl Checkpoints {
    /// The checkpoints of the library at `library`, with the user's secure storage in it.
    pub fn new(library: &Path, secure: SecureStorage) -> Self {
        Self { folder: library.join(PROGRESS_FOLDER), secure }
    }

    /// Where the progress of a package, or of a download that is none, is written.
    pub fn progress_path(&self, kept_as: PackageId) -> PathBuf {
        self.folder.join(format!("{kept_as}.xml"))
    }

    /// Everything that is there of a download. Rows that were forged are dropped, the rest is left as it is.
    pub fn load(&self, catalogue: &mut Catalogue, id: DownloadId) -> Result<Loaded, CheckpointError> {
        let record = catalogue.download(id)?.ok_or(CheckpointError::NoSuchDownload(id))?;
        let kept_as = record.kept_as.unwrap_or(PackageId(id.0));
        let mut problems = Vec::new();
        let snapshot = self.row(catalogue, Kind::Snapshot, kept_as, "snapshot", &mut problems)?;
        let snapshot: Option<KeptSnapshot> =
            self.parsed(catalogue, snapshot, Kind::Snapshot, kept_as, &mut problems)?;
        // Credentials belong to the download: they are there before it is known which package it is.
        let own = PackageId(id.0);
        let credentials = self.row(catalogue, Kind::Credentials, own, "credentials", &mut problems)?;
        let credentials = self.parsed(catalogue, credentials, Kind::Credentials, own, &mut problems)?;
        let progress = self.progress(catalogue, &record, kept_as, snapshot.as_ref(), &mut problems)?;
        Ok(Loaded { record, snapshot, progress, credentials: credentials.unwrap_or_default(), problems })
    }

    /// Keeps the snapshot of a download.
    pub fn save_snapshot(
        &self,
        catalogue: &mut Catalogue,
        kept_as: PackageId,
        snapshot: &KeptSnapshot,
    ) -> Result<(), CheckpointError> {
        Ok(self.secure.keep(catalogue, Kind::Snapshot, kept_as, &json(snapshot)?)?)
    }

    /// Keeps the credentials of a download.
    pub fn save_credentials(
        &self,
        catalogue: &mut Catalogue,
        id: DownloadId,
        credentials: &CredentialsByAddress,
    ) -> Result<(), CheckpointError> {
        Ok(self.secure.keep(catalogue, Kind::Credentials, PackageId(id.0), &json(credentials)?)?)
    }

    /// To be called before the first byte is written: from now on a clean stop of the past proves nothing.
    pub fn begin(&self, catalogue: &mut Catalogue, kept_as: PackageId) -> Result<(), CheckpointError> {
        Ok(self.secure.drop(catalogue, Kind::CleanStop, kept_as)?)
    }

    /// Replaces the progress record. Never a clean stop, whatever `progress` says: see [`Checkpoints::save_stop`].
    pub fn save_progress(&self, progress: &ProgressRecord) -> Result<(), CheckpointError> {
        let running = ProgressRecord { clean_stop: false, ..progress.clone() };
        self.write_progress(running.package, &progress_record::write(&running))
    }

    /// Replaces the progress record by one of a clean stop, and marks it in secure storage. Everything it counts as
    /// verified must have reached the disk before.
    pub fn save_stop(
        &self,
        catalogue: &mut Catalogue,
        progress: &ProgressRecord,
    ) -> Result<(), CheckpointError> {
        let stopped = ProgressRecord { clean_stop: true, ..progress.clone() };
        let text = progress_record::write(&stopped);
        self.write_progress(stopped.package, &text)?;
        let mark = Sha256Digest::of(text.as_bytes()).to_string();
        Ok(self.secure.keep(catalogue, Kind::CleanStop, stopped.package, mark.as_bytes())?)
    }

    /// Forgets a download: its snapshot, credentials, mark and progress record. Its files stay.
    pub fn forget(&self, catalogue: &mut Catalogue, record: &DownloadRecord) -> Result<(), CheckpointError> {
        let own = PackageId(record.id.0);
        let kept_as = record.kept_as.unwrap_or(own);
        self.secure.drop(catalogue, Kind::CleanStop, kept_as)?;
        self.secure.drop(catalogue, Kind::Snapshot, kept_as)?;
        self.secure.drop(catalogue, Kind::Credentials, own)?;
        let path = self.progress_path(kept_as);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(CheckpointError::Write { path, error })
            }
            _ => Ok(()),
        }
    }

    fn row(
        &self,
        catalogue: &mut Catalogue,
        kind: Kind,
        package: PackageId,
        what: &'static str,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, CheckpointError> {
        match self.secure.kept(catalogue, kind, package)? {
            Kept::Absent => Ok(None),
            Kept::Text(text) => Ok(Some(text)),
            Kept::Forged => {
                problems.push(Problem::Forged { what });
                self.secure.drop(catalogue, kind, package)?;
                Ok(None)
            }
        }
    }

    fn parsed<T: serde::de::DeserializeOwned>(
        &self,
        catalogue: &mut Catalogue,
        text: Option<Zeroizing<Vec<u8>>>,
        kind: Kind,
        package: PackageId,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<T>, CheckpointError> {
        let Some(text) = text else { return Ok(None) };
        match serde_json::from_slice(&text) {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                let what = if kind == Kind::Snapshot { "snapshot" } else { "credentials" };
                // Where it went wrong, never what stood there.
                let why = format!("line {}, column {}", error.line(), error.column());
                problems.push(Problem::Form { what, why });
                self.secure.drop(catalogue, kind, package)?;
                Ok(None)
            }
        }
    }

    fn progress(
        &self,
        catalogue: &mut Catalogue,
        record: &DownloadRecord,
        kept_as: PackageId,
        snapshot: Option<&KeptSnapshot>,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<ProgressRecord>, CheckpointError> {
        let text = match read_bounded(&self.progress_path(kept_as)) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(why) => {
                problems.push(Problem::Unreadable(why));
                return Ok(None);
            }
        };
        let mut progress = match progress_record::read(&text) {
            Ok(progress) => progress,
            Err(problem) => {
                problems.push(Problem::Progress(problem));
                return Ok(None);
            }
        };
        let of_another = if progress.package != kept_as {
            Some("package")
        } else if record.folder.to_str() != Some(progress.folder.as_str()) {
            Some("folder")
        } else if snapshot.is_none_or(|snapshot| snapshot.digest() != progress.snapshot) {
            Some("snapshot")
        } else {
            None
        };
        if let Some(of_another) = of_another {
            problems.push(Problem::OfAnother(of_another));
            return Ok(None);
        }
        if progress.clean_stop {
            let what = "mark of the clean stop";
            let mark = self.row(catalogue, Kind::CleanStop, kept_as, what, problems)?;
            let found = Sha256Digest::of(text.as_bytes()).to_string();
            if mark.is_none_or(|mark| mark.as_slice() != found.as_bytes()) {
                problems.push(Problem::NotProven);
                progress.clean_stop = false;
            }
        }
        Ok(Some(progress))
    }

    fn write_progress(&self, kept_as: PackageId, text: &str) -> Result<(), CheckpointError> {
        let path = self.progress_path(kept_as);
        let temporary = self.folder.join(format!(".{kept_as}.{}", uuid::Uuid::new_v4().simple()));
        let written = make_folder(&self.folder)
            .and_then(|()| disk::create_file(&temporary))
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &path))
            .and_then(|()| sync_folder(&self.folder));
        written.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            CheckpointError::Write { path, error }
        })
    }
}

fn json<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, CheckpointError> {
    let text = serde_json::to_vec(value).map_err(|error| SecureError::Sealing(error.to_string()))?;
    Ok(Zeroizing::new(text))
}

/// The text of a file, or why not; `None` if there is none.
fn read_bounded(path: &Path) -> Result<Option<String>, String> {
    let file = match disk::open_plain(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk::words(&error)),
    };
    let mut bytes = Vec::new();
    let most = RECORD_MAX_BYTES as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| disk::words(&error))?;
    String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".to_owned())
}

/// Makes a folder and those above it, where they are not there; their names have reached the disk then, so that nothing in
/// them is lost with them.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let folder = std::path::absolute(folder)?;
    let made: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.is_dir()).collect();
    fs::create_dir_all(&folder)?;
    for above in made.iter().rev().filter_map(|folder| folder.parent()) {
        match sync_folder(above) {
            // Where one may not look there is nothing one can do.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Makes sure that the names in a folder have reached the disk.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be synced there; the file system keeps their order itself.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
