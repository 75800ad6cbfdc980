//! Restoring: the seal is judged and every block proven first; only then does the package change. Damage is never
//! blessed.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::archive::{archive_file_of, archive_name, read_error};
use super::error::io_error;
use super::import::{ProvenSeal, TagFiles};
use super::operation::{Operation, Step};
use super::package_folder::{notes_of, relative_folder};
use super::repair::{FetchBlocks, Fetched, WantedFiles, fetch_proven, only};
use super::{Library, LibraryError};
use crate::archive_file::{ArchiveDamage, ArchiveReader, TagFiles as ArchiveTags};
use crate::package::numbers::many;
use crate::package::record::{ListedProcedure, PackageId, PackageRecord};
use crate::package::reginfo::{DATA_NAME, NOTES_NAME, REGINFO_NAME};
use crate::package::{Finding, HistoryEvent, PackageState};
use crate::work::Work;

/// What is to be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreSource {
    /// An archived package of this library, from where it was archived to.
    Package(PackageId),
    /// An archive file.
    File(PathBuf),
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct RestoreReport {
    /// The package now.
    pub record: PackageRecord,
    /// The archive it came from.
    pub file: PathBuf,
    /// Whether the library did not know it before.
    pub is_new: bool,
    /// What was fetched, where the archive was damaged.
    pub repaired: Option<Fetched>,
}

/// An archive whose seal has been proven.
struct ProvenArchive {
    file: PathBuf,
    top: String,
    reader: ArchiveReader,
    seal: ProvenSeal,
}

pub(super) struct Tags<'a>(pub(super) &'a ArchiveTags);

impl TagFiles for Tags<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, LibraryError> {
        let Some(file) = self.0.get(name) else { return Ok(None) };
        // Bytes that are no text cannot be what was signed.
        Ok(Some(String::from_utf8_lossy(&file.content).into_owned()))
    }
}

impl Library {
    /// Brings a package back from its archive, byte for byte as it was sealed, executables executable.
    pub fn restore(&self, source: &RestoreSource, work: &Work) -> Result<RestoreReport, LibraryError> {
        self.restore_with(source, None, work)
    }

    /// As [`Library::restore`]; what is damaged in the archive is fetched, and proven like all else before the package
    /// changes.
    pub fn restore_repaired(
        &self,
        source: &RestoreSource,
        fetch: &dyn FetchBlocks,
        work: &Work,
    ) -> Result<RestoreReport, LibraryError> {
        self.restore_with(source, Some(fetch), work)
    }

    fn restore_with(
        &self,
        source: &RestoreSource,
        fetch: Option<&dyn FetchBlocks>,
        work: &Work,
    ) -> Result<RestoreReport, LibraryError> {
        self.require_writable()?;
        let archive = self.open_archive(source)?;
        let info = &archive.seal.info;
        // Under the lock: what somebody changes in the record meanwhile must not be lost.
        let _lock = self.lock_package(&info.key)?;
        let known = self.known_package(&archive)?;
        let operation = Operation::begin(self)?;
        let package = operation.folder().join("package");
        let manifest = &archive.seal.snapshot.manifest;
        let start = std::time::Instant::now();
        fs::create_dir_all(&package).map_err(io_error("make the folder", &package))?;
        let damage = archive
            .reader
            .extract(&package.join(DATA_NAME), &archive.top, manifest, work)
            .map_err(|error| read_error(&archive.file, error))?;
        let mut repaired = None;
        if !damage.files_are_whole() {
            let error = || damage_error(&info.key.title(), &damage, manifest.len());
            let fetch = fetch.ok_or_else(error)?;
            repaired = Some(self.repair_unpacked(&archive, &package, &damage, fetch, work)?);
        }
        // An empty `data/` belongs to a package of empty files' folders only; the folder itself is always there.
        fs::create_dir_all(package.join(DATA_NAME)).map_err(io_error("make the folder", &package))?;
        let is_new = known.is_none();
        let mut record = self.restored_record(&archive, known);
        record.count_as_deep_check(super::check::millis(start));
        for (name, text) in &archive.seal.files {
            operation.write(&format!("package/{name}"), text.as_bytes())?;
        }
        operation.write(&format!("package/{NOTES_NAME}"), notes_of(&record).to_text().as_bytes())?;
        work.check()?;
        let folder = relative_folder(&record.key);
        let mut steps = Vec::new();
        if !is_new {
            // Only what is there: a step that did nothing would, done again, move what took its place.
            if self.package_folder(&record.key).exists() {
                steps.push(Step::MoveAside { from: folder.clone(), to: operation.relative("old") });
            }
        } else if self.package_folder(&record.key).exists() {
            return Err(LibraryError::FolderExists(self.package_folder(&record.key)));
        }
        steps.push(Step::Rename { from: operation.relative("package"), to: folder });
        let mut entry = self.entry(HistoryEvent::Restored, Some(&record));
        entry.new_checksum = Some(record.checksum);
        entry.key_id = Some(archive.seal.key_id.clone());
        entry.details = Some(match &repaired {
            None => format!("from {}", archive.file.display()),
            Some(fetched) => format!("from {}{}", archive.file.display(), repaired_words(fetched)),
        });
        operation.commit(&record.key.folded(), &steps, |change| {
            if let Some(there) = change.package_by_key(&record.key)?
                && (there.id != record.id || there.state != PackageState::Archived)
            {
                return Err(LibraryError::Exists(there.key));
            }
            change.put_package(&record)?;
            change.put_manifest(record.id, manifest)?;
            change.put_report(record.id, None)?;
            change.append_history(entry)?;
            Ok(())
        })?;
        Ok(RestoreReport { record, file: archive.file, is_new, repaired })
    }

    /// Makes the damaged files right below `package`: their good blocks come from the archive.
    fn repair_unpacked(
        &self,
        archive: &ProvenArchive,
        package: &Path,
        damage: &ArchiveDamage,
        fetch: &dyn FetchBlocks,
        work: &Work,
    ) -> Result<Fetched, LibraryError> {
        let (info, manifest) = (&archive.seal.info, &archive.seal.snapshot.manifest);
        let bad: HashSet<&str> = damage.files.iter().map(|file| file.path.as_str()).collect();
        let wanted = only(manifest, &bad);
        let equal = self.equal_blocks(&info.key, &wanted, None)?;
        let asked = WantedFiles {
            folder: package,
            manifest: &wanted,
            package: info.id,
            key: &info.key,
            equal,
            archive: Some(&archive.file),
        };
        let fetched = fetch_proven(&asked, fetch, work)?;
        if fetched.whole.len() == wanted.len() {
            return Ok(fetched);
        }
        Err(match fetched.stopped {
            Some(told) => LibraryError::Told(Box::new(told)),
            None => damage_error(&info.key.title(), damage, manifest.len()),
        })
    }

    /// Saves the whole files of a damaged archive below `to`, with a note that this is no package. Gives how many.
    pub fn save_good_files(
        &self,
        source: &RestoreSource,
        to: &Path,
        work: &Work,
    ) -> Result<u64, LibraryError> {
        let archive = self.open_archive(source)?;
        self.require_outside(to)?;
        require_empty(to)?;
        let manifest = &archive.seal.snapshot.manifest;
        let damage = archive
            .reader
            .extract(to, &archive.top, manifest, work)
            .map_err(|error| read_error(&archive.file, error))?;
        let mut note = format!(
            "This is not a package. It holds the whole files of a damaged archive of {}.\n\nMissing:\n",
            archive.seal.info.key.title()
        );
        for file in &damage.files {
            note.push_str(&format!("{} ({})\n", file.path, file.kind));
        }
        let path = to.join("NOT-A-PACKAGE.txt");
        fs::create_dir_all(to).and_then(|()| fs::write(&path, note)).map_err(io_error("write", &path))?;
        Ok((manifest.len() - damage.files.len()) as u64)
    }

    fn open_archive(&self, source: &RestoreSource) -> Result<ProvenArchive, LibraryError> {
        let file = match source {
            RestoreSource::Package(id) => archive_file_of(&self.record(*id)?)?,
            RestoreSource::File(file) => match fs::metadata(file) {
                Ok(_) => fs::canonicalize(file).map_err(io_error("open", file))?,
                Err(error) => return Err(io_error("read", file)(error)),
            },
        };
        let reader = ArchiveReader::open(&file).map_err(|error| read_error(&file, error))?;
        let tags = reader.read_tag_files().map_err(|error| read_error(&file, error))?;
        if tags.get(REGINFO_NAME).is_none() {
            return Err(LibraryError::NoRegInfo(file));
        }
        let seal = ProvenSeal::prove(self.keys(), &[], &Tags(&tags), &file.display().to_string())?;
        if let RestoreSource::Package(id) = source
            && seal.info.id != *id
        {
            let why = format!("it is the archive of {}", seal.info.key);
            return Err(LibraryError::NotAnArchive { path: file, why });
        }
        let top = tags.top.unwrap_or_else(|| archive_name(&seal.info.key));
        Ok(ProvenArchive { file, top, reader, seal })
    }

    /// The archived package this archive belongs to, if the library knows it.
    fn known_package(&self, archive: &ProvenArchive) -> Result<Option<PackageRecord>, LibraryError> {
        let info = &archive.seal.info;
        let by_id = self.catalogue().package(info.id)?;
        let by_key = self.catalogue().package_by_key(&info.key)?;
        if self.is_in_trash(info.id)? {
            return Err(LibraryError::InTrash(info.key.clone()));
        }
        if let Some(known) = by_id.as_ref().filter(|known| known.revision > info.revision) {
            let why =
                format!("it holds revision {}, the library has revision {}", info.revision, known.revision);
            return Err(LibraryError::NotAnArchive { path: archive.file.clone(), why });
        }
        match (by_id, by_key) {
            (None, None) => Ok(None),
            (Some(record), _) if record.state == PackageState::Archived && record.key == info.key => {
                Ok(Some(record))
            }
            (Some(other), _) | (None, Some(other)) => Err(LibraryError::Exists(other.key)),
        }
    }

    fn restored_record(&self, archive: &ProvenArchive, known: Option<PackageRecord>) -> PackageRecord {
        let (info, manifest) = (&archive.seal.info, &archive.seal.snapshot.manifest);
        let now = Timestamp::now();
        let procedures = |choices: &dyn Fn(&str) -> Option<crate::package::procedure::ProcedureChoice>| {
            let listed = info.procedures.iter().map(|procedure| ListedProcedure {
                choice: choices(&procedure.name).unwrap_or_default(),
                procedure: procedure.clone(),
            });
            listed.collect::<Vec<_>>()
        };
        let mut record = match known {
            Some(mut known) => {
                let before = std::mem::take(&mut known.procedures);
                known.procedures = procedures(&|name| {
                    let there = before.iter().find(|listed| listed.procedure.name == name);
                    there.map(|listed| listed.choice.clone())
                });
                known
            }
            None => PackageRecord {
                supplier: info.supplier.clone(),
                package_type: info.package_type,
                based_on: info.based_on.clone(),
                procedures: procedures(&|_| None),
                ..PackageRecord::new(info.id, info.key.clone(), &self.actor().who, info.checksum, now)
            },
        };
        let sealed_at = record.seal.as_ref().map_or(now, |seal| seal.at);
        record.state = PackageState::Sealed;
        record.revision = info.revision;
        record.seal = Some(archive.seal.seal_info(sealed_at));
        record.sealed_once = true;
        record.archive = None;
        record.changed = now;
        record.checksum = manifest.files().checksum();
        record.checksum_event = "restored".to_owned();
        record.checksum_at = now;
        record.finding = Finding::Consistent;
        record.noticed = None;
        record.marked = None;
        record
    }
}

/// What History says of an archive that had to be repaired.
fn repaired_words(fetched: &Fetched) -> String {
    let from: Vec<&str> = fetched.from.iter().map(|(name, _)| name.as_str()).collect();
    format!(
        " | {} repaired, {} bytes fetched from {}",
        many(fetched.whole.len() as u64, "damaged file"),
        fetched.fetched_bytes,
        if from.is_empty() { "nowhere".to_owned() } else { from.join(", ") }
    )
}

/// An error if the folder is there and not empty.
pub(super) fn require_empty(folder: &Path) -> Result<(), LibraryError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(LibraryError::FolderNotEmpty(folder.to_owned())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("read the folder", folder)(error)),
    }
}

/// How many files of an archive are damaged, and each by name.
pub(super) fn damage_error(what: &str, damage: &ArchiveDamage, files: usize) -> LibraryError {
    LibraryError::ArchiveDamaged {
        what: what.to_owned(),
        summary: format!("{} of {files} files cannot be restored as they were archived", damage.files.len()),
        files: damage
            .files
            .iter()
            .map(|file| {
                let blocks: Vec<String> = file.blocks.iter().take(20).map(u64::to_string).collect();
                let blocks =
                    if blocks.is_empty() { String::new() } else { format!(", blocks {}", blocks.join(", ")) };
                (file.path.clone(), format!("{}{blocks}", file.kind))
            })
            .collect(),
    }
}
