//! Archiving: a sealed package becomes one file elsewhere, and only when that file has been read back and proven do
//! its files leave the library. Registration, seal and notes stay.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;

use super::elsewhere::{self, Announced};
use super::error::io_error;
use super::import::{ProvenSeal, first_difference};
use super::one_disk::require_one_disk;
use super::operation::{Operation, Step};
use super::package_folder::{put_notes, relative_folder};
use super::{Library, LibraryError};
use crate::archive_file::{ArchiveContents, ArchiveReader, ReadError, WriteError, write_archive};
use crate::disk::rename_new;
use crate::package::consistency::{DamagedFile, ListedFile};
use crate::package::record::{ArchiveInfo, PackageId, PackageRecord};
use crate::package::reginfo::{DATA_NAME, NOTES_NAME, REGINFO_NAME, SEAL_NAME};
use crate::package::{
    BoardSlot, CheckKind, CheckReport, Differences, Finding, HistoryEvent, Manifest, PackageKey, PackageState,
};
use crate::work::Work;

/// Tag files of an archive, in their order: what a reader needs first comes first.
const TAG_ORDER: [&str; 7] = [
    REGINFO_NAME,
    SEAL_NAME,
    "snapshot.meta4",
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
];

/// Where a package is archived to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveRequest {
    /// The folder; made if it is not there.
    pub folder: PathBuf,
    /// Free text.
    pub comment: String,
}

/// What was archived.
#[derive(Clone, Debug)]
pub struct ArchiveReport {
    /// The package now.
    pub record: PackageRecord,
    /// The archive file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Bytes that were freed in the library.
    pub freed_bytes: u64,
    /// Whether a whole archive of this very package was already there, so that nothing had to be written.
    pub was_there: bool,
}

/// The name of the one folder in an archive, and of the archive without its ending.
pub(super) fn archive_name(key: &PackageKey) -> String {
    format!("{}-{}", key.name(), key.version())
}

impl Library {
    /// Writes a sealed package to one file `<Name>-<Version>.tar.zst`, reads it back and proves it, and only then
    /// removes its files from the library. Refused or failed, it leaves no file.
    pub fn archive(
        &self,
        id: PackageId,
        request: &ArchiveRequest,
        work: &Work,
    ) -> Result<ArchiveReport, LibraryError> {
        self.require_writable()?;
        let record = self.record(id)?;
        require_sealed(&record)?;
        // Whatever the switch says: an archive of something else than was sealed could never be restored.
        let report = self.examine(&record, CheckKind::Quick, work)?;
        if record.checksum_control {
            self.store_outcome(&record, &report, super::check::FoundBy::HandingOut)?;
        }
        if !report.is_consistent() {
            return Err(LibraryError::Differs { key: record.key, report: Box::new(report) });
        }
        let (_lock, record) = self.lock_record(id)?;
        require_sealed(&record)?;
        let manifest = self.recorded_manifest(id)?;
        // What a seal does not prove could never be restored.
        let seal = ProvenSeal::prove(
            self.keys(),
            &[],
            self.package_folder(&record.key).as_path(),
            &record.key.to_string(),
        )?;
        let differing = first_difference(&seal.snapshot.manifest, &manifest);
        if seal.info.id != record.id || seal.info.revision != record.revision || differing.is_some() {
            let why = "the seal in the package folder is not the one that is recorded".to_owned();
            return Err(LibraryError::SealBroken { what: record.key.to_string(), why });
        }
        self.require_outside(&request.folder)?;
        let operation = Operation::begin(self)?;
        let package = relative_folder(&record.key);
        // Out of sight in one step, then removed with the operation.
        let aside = Step::MoveAside { from: package.join(DATA_NAME), to: operation.relative("gone") };
        // Known before hours of writing, not after them.
        require_one_disk(self.root(), std::slice::from_ref(&aside))?;
        let place = elsewhere::announce(&operation, &request.folder)?;
        let archived =
            self.write_proven(&record, &manifest, &seal, &place, work).and_then(|(file, was_there)| {
                let stored = self.put_away(operation, record, (aside, &request.comment), &file, work);
                let (record, size_bytes) = stored.inspect_err(|_| {
                    // Decided is decided: then the archive is the package, and opening the library finishes it.
                    let is_undecided = self.record(id).is_ok_and(|now| now.state == PackageState::Sealed);
                    if is_undecided && !was_there {
                        let _ = fs::remove_file(&file);
                    }
                })?;
                let freed_bytes = record.checksum.size_bytes;
                Ok(ArchiveReport { freed_bytes, record, file, size_bytes, was_there })
            });
        if archived.is_err() {
            place.remove_made();
        }
        archived
    }

    /// Records that the package is archived in `file`, and lets its files go. Gives it as it is now, and the size of
    /// the archive in bytes.
    fn put_away(
        &self,
        operation: Operation<'_>,
        mut record: PackageRecord,
        (aside, comment): (Step, &str),
        file: &Path,
        work: &Work,
    ) -> Result<(PackageRecord, u64), LibraryError> {
        self.require_still_the_same(&record, work)?;
        work.check()?;
        let size_bytes = fs::metadata(file).map_err(io_error("read", file))?.len();
        record.state = PackageState::Archived;
        record.changed = Timestamp::now();
        record.finding = Finding::Consistent;
        record.noticed = None;
        record.marked = None;
        record.archive = Some(ArchiveInfo {
            by: self.actor().who.clone(),
            host: self.actor().host.clone(),
            at: record.changed,
            path: file.display().to_string(),
            size_bytes,
            comment: comment.trim().to_owned(),
        });
        let mut steps = Vec::new();
        let package = relative_folder(&record.key);
        put_notes(&operation, &record, &mut steps)?;
        steps.push(aside);
        let kept = [REGINFO_NAME, SEAL_NAME, NOTES_NAME];
        let rest = TAG_ORDER.iter().filter(|name| !kept.contains(name));
        steps.extend(rest.map(|name| Step::Remove { path: package.join(name) }));
        let mut entry = self.entry(HistoryEvent::Archived, Some(&record));
        entry.old_checksum = Some(record.checksum);
        entry.details = Some(format!("to {}", file.display()));
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_package(&record)?;
            change.put_report(record.id, None)?;
            change.append_history(entry)?;
            Ok(())
        })?;
        Ok((record, size_bytes))
    }

    /// Writes the archive and proves it; or proves the one that is already there, left by an archiving that was
    /// stopped at its very end.
    fn write_proven(
        &self,
        record: &PackageRecord,
        manifest: &Manifest,
        seal: &ProvenSeal,
        place: &Announced,
        work: &Work,
    ) -> Result<(PathBuf, bool), LibraryError> {
        let name = archive_name(&record.key);
        let file = place.folder.join(format!("{name}.tar.zst"));
        let tags = tag_files(record, seal)?;
        if fs::symlink_metadata(&file).is_ok() {
            return match prove_written(&file, &name, &tags, manifest, work) {
                Ok(()) => Ok((file, true)),
                Err(LibraryError::Cancelled(cancelled)) => Err(cancelled.into()),
                Err(_) => Err(LibraryError::ArchiveExists(file)),
            };
        }
        let partial = &place.partial;
        let written = self
            .write_partial(record, manifest, &tags, partial, work)
            .and_then(|()| prove_written(partial, &name, &tags, manifest, work))
            .and_then(|()| work.check().map_err(LibraryError::from))
            .and_then(|()| match rename_new(partial, &file) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    Err(LibraryError::ArchiveExists(file.clone()))
                }
                renamed => renamed.map_err(io_error("rename", partial)),
            });
        if let Err(error) = written {
            let _ = fs::remove_file(partial);
            return Err(error);
        }
        // What has not reached the disk is no archive that a package could be let go for.
        place.sync_names().inspect_err(|_| {
            let _ = fs::remove_file(&file);
        })?;
        Ok((file, false))
    }

    /// An error if something came into the package while it was written: it would go with the files and be in no
    /// archive.
    fn require_still_the_same(&self, record: &PackageRecord, work: &Work) -> Result<(), LibraryError> {
        let report = self.examine(record, CheckKind::Quick, work)?;
        if report.is_consistent() {
            return Ok(());
        }
        if record.checksum_control {
            self.store_outcome(record, &report, super::check::FoundBy::HandingOut)?;
        }
        Err(LibraryError::Differs { key: record.key.clone(), report: Box::new(report) })
    }

    fn write_partial(
        &self,
        record: &PackageRecord,
        manifest: &Manifest,
        tags: &[(String, Vec<u8>)],
        partial: &Path,
        work: &Work,
    ) -> Result<(), LibraryError> {
        let name = archive_name(&record.key);
        let data = self.data_folder(&record.key);
        let borrowed: Vec<(&str, &[u8])> =
            tags.iter().map(|(name, text)| (name.as_str(), text.as_slice())).collect();
        let mut contents = ArchiveContents::new(&name, &borrowed, &data, manifest);
        contents.mtime_secs =
            record.seal.as_ref().map_or(0, |seal| u64::try_from(seal.at.as_second()).unwrap_or(0));
        let file = File::create_new(partial).map_err(io_error("write", partial))?;
        write_archive(&file, &contents, work)
            .map(|_| ())
            .map_err(|error| self.write_error(record, partial, error, work))
    }

    /// A file that is not as recorded is damage of the package, not of the archive: it is found again by name.
    fn write_error(
        &self,
        record: &PackageRecord,
        partial: &Path,
        error: WriteError,
        work: &Work,
    ) -> LibraryError {
        match error {
            WriteError::Cancelled(cancelled) => cancelled.into(),
            WriteError::Write(source) => {
                LibraryError::Io { doing: "write", path: partial.to_owned(), source }
            }
            WriteError::Changed { .. } | WriteError::Resized { .. } => {
                match self.examine(record, CheckKind::Deep, work) {
                    Ok(report) if !report.is_consistent() => {
                        let stored = self.store_outcome(record, &report, super::check::FoundBy::HandingOut);
                        stored.err().unwrap_or(LibraryError::Differs {
                            key: record.key.clone(),
                            report: Box::new(report),
                        })
                    }
                    Ok(_) => LibraryError::ChangedAgain(record.key.clone()),
                    Err(error) => error,
                }
            }
            other => LibraryError::Unreadable { what: record.key.to_string(), why: other.to_string() },
        }
    }

    /// A check of an archived package: of its archive. Both kinds read all of it.
    pub(super) fn check_archive(
        &self,
        record: &PackageRecord,
        slot: Option<&BoardSlot>,
        work: &Work,
    ) -> Result<CheckReport, LibraryError> {
        let started = Instant::now();
        let file = archive_file_of(record)?;
        let manifest = self.recorded_manifest(record.id)?;
        let reader = ArchiveReader::open(&file).map_err(|error| read_error(&file, error))?;
        let board = slot.and_then(|slot| super::check::board_for(slot, &manifest));
        let damage = reader
            .check_on(&archive_name(&record.key), &manifest, board.as_deref(), work)
            .map_err(|error| read_error(&file, error))?;
        let mut differences = Differences::default();
        for damaged in &damage.files {
            if damaged.kind == crate::archive_file::FileDamageKind::Missing {
                let (path, size_bytes) = (damaged.path.clone(), damaged.size_bytes);
                differences.removed.push(ListedFile { path, size_bytes });
            } else {
                differences.damaged.push(DamagedFile {
                    path: damaged.path.clone(),
                    size_bytes: damaged.size_bytes,
                    blocks: damaged.blocks.clone(),
                    found: crate::package::Sha256Digest::default(),
                });
            }
        }
        let report = CheckReport {
            kind: CheckKind::Deep,
            at: Timestamp::now(),
            took_ms: super::check::millis(started),
            finding: if damage.files_are_whole() { Finding::Consistent } else { Finding::Damaged },
            recorded: record.checksum,
            found: Some(record.checksum),
            differences,
            without_hashes: 0,
        };
        self.store_outcome(record, &report, super::check::FoundBy::Check(CheckKind::Deep))?;
        Ok(report)
    }
}

/// The tag files as they were proven, in the order of an archive.
fn tag_files(record: &PackageRecord, seal: &ProvenSeal) -> Result<Vec<(String, Vec<u8>)>, LibraryError> {
    let mut tags = Vec::new();
    for name in TAG_ORDER {
        let found = seal.files.iter().find(|(there, _)| there == name);
        let (_, text) = found.ok_or_else(|| LibraryError::SealBroken {
            what: record.key.to_string(),
            why: format!("{name} is missing"),
        })?;
        tags.push((name.to_owned(), text.clone().into_bytes()));
    }
    Ok(tags)
}

/// The archive file of an archived package; an error that says where it should be if it is not there.
pub(super) fn archive_file_of(record: &PackageRecord) -> Result<PathBuf, LibraryError> {
    let Some(archive) = &record.archive else {
        return Err(LibraryError::State {
            key: record.key.clone(),
            state: record.state,
            doing: "restored",
            instead: "Only an archived package can be restored",
        });
    };
    let path = PathBuf::from(&archive.path);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(path),
        _ => Err(LibraryError::ArchiveMissing {
            what: record.key.title(),
            place: format!("it was archived to {} on {}", archive.path, archive.host),
        }),
    }
}

/// An error of the archive reader, told of this file.
pub(super) fn read_error(path: &Path, error: ReadError) -> LibraryError {
    match error {
        ReadError::Cancelled(cancelled) => cancelled.into(),
        ReadError::Read(source) => LibraryError::Io { doing: "read", path: path.to_owned(), source },
        ReadError::Write { source, path } => LibraryError::Io { doing: "write", path, source },
        ReadError::NotEmpty(folder) => LibraryError::FolderNotEmpty(folder),
        other => LibraryError::NotAnArchive { path: path.to_owned(), why: other.to_string() },
    }
}

/// Reads an archive back: every tag file as it was, every file whole, nothing else in it.
fn prove_written(
    file: &Path,
    top: &str,
    tags: &[(String, Vec<u8>)],
    manifest: &Manifest,
    work: &Work,
) -> Result<(), LibraryError> {
    let wrong = |why: &str| LibraryError::NotAnArchive { path: file.to_owned(), why: why.to_owned() };
    let reader = ArchiveReader::open(file).map_err(|error| read_error(file, error))?;
    let there = reader.read_tag_files().map_err(|error| read_error(file, error))?;
    let same = there.files.len() == tags.len()
        && there
            .files
            .iter()
            .zip(tags)
            .all(|(found, wanted)| found.name == wanted.0 && found.content == wanted.1);
    if there.top.as_deref() != Some(top) || !same {
        return Err(wrong("its tag files are not those of the package"));
    }
    let damage = reader.check(top, manifest, work).map_err(|error| read_error(file, error))?;
    if damage.is_flawless() { Ok(()) } else { Err(wrong("it was not written as it should be")) }
}

fn require_sealed(record: &PackageRecord) -> Result<(), LibraryError> {
    let instead = match record.state {
        PackageState::Sealed => return Ok(()),
        PackageState::Open => "Seal it first, or remove it",
        PackageState::Archived => "It is archived already",
    };
    Err(LibraryError::State { key: record.key.clone(), state: record.state, doing: "archived", instead })
}
