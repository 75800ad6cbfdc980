//! Copying a package folder out of the library.

use std::fs;
use std::path::Path;

use super::error::io_error;
use super::import::first_difference;
use super::package_folder::read_text;
use super::restore::require_empty;
use super::source::{copy_error, scan_error};
use super::{Library, LibraryError, copying, scan};
use crate::package::manifest::ManifestFile;
use crate::package::record::{PackageId, PackageRecord};
use crate::package::reginfo::{DATA_NAME, NOTES_NAME, REGINFO_NAME, SEAL_NAME};
use crate::package::{BlockSize, HistoryEvent, Manifest, PackageState};
use crate::work::Work;

/// Every file of a package folder beside `data/`.
const BESIDE_DATA: [&str; 8] = [
    REGINFO_NAME,
    SEAL_NAME,
    NOTES_NAME,
    "snapshot.meta4",
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
];

impl Library {
    /// Copies a package folder to `to`, which must be new or empty, and becomes what `register` takes. The package is
    /// verified first, and the copy is held against the record.
    pub fn export(&self, id: PackageId, to: &Path, work: &Work) -> Result<(), LibraryError> {
        let record = self.record(id)?;
        if record.state == PackageState::Archived {
            return Err(LibraryError::State {
                key: record.key,
                state: record.state,
                doing: "exported",
                instead: "Restore the package first",
            });
        }
        let record = self.verify_for_handing_out(record.id, work)?;
        require_empty(to)?;
        let was_there = to.exists();
        fs::create_dir_all(to).map_err(io_error("make the folder", to))?;
        let absolute = fs::canonicalize(to).map_err(io_error("open", to))?;
        let copied = if absolute.starts_with(self.root()) {
            Err(LibraryError::SourceInLibrary(to.to_owned()))
        } else {
            self.copy_out(&record, &absolute, work)
        };
        if let Err(error) = copied {
            for name in BESIDE_DATA {
                let _ = fs::remove_file(absolute.join(name));
            }
            let _ = fs::remove_dir_all(absolute.join(DATA_NAME));
            if !was_there {
                let _ = fs::remove_dir(&absolute);
            }
            return Err(error);
        }
        if !self.is_read_only() {
            let mut entry = self.entry(HistoryEvent::Exported, Some(&record));
            entry.details = Some(format!("to {}", absolute.display()));
            self.catalogue().change(|change| change.append_history(entry))?;
            self.append_history_file()?;
        }
        Ok(())
    }

    fn copy_out(&self, record: &PackageRecord, to: &Path, work: &Work) -> Result<(), LibraryError> {
        let recorded = self.recorded_manifest(record.id)?;
        let files = self.copy_data(record, &to.join(DATA_NAME), recorded.block_size(), work)?;
        let copied = Manifest::from_files(recorded.block_size(), files)
            .map_err(|_| LibraryError::ChangedAgain(record.key.clone()))?;
        if record.checksum_control
            && recorded.has_all_hashes()
            && first_difference(&recorded, &copied).is_some_and(|path| {
                // Modes of an Open package are recorded when it is sealed.
                let was =
                    recorded.files().position(&path).and_then(|at| recorded.get(at)).and_then(|f| f.hashes);
                let is = copied.files().position(&path).and_then(|at| copied.get(at)).and_then(|f| f.hashes);
                was.map(|hashes| hashes.file) != is.map(|hashes| hashes.file)
            })
        {
            let report = self.examine(record, crate::package::CheckKind::Deep, work)?;
            self.store_outcome(record, &report, super::check::FoundBy::HandingOut)?;
            return Err(LibraryError::Differs { key: record.key.clone(), report: Box::new(report) });
        }
        let folder = self.package_folder(&record.key);
        for name in BESIDE_DATA {
            if let Some(text) = read_text(&folder.join(name), super::import::TAG_FILE_MAX_BYTES)? {
                let path = to.join(name);
                fs::write(&path, text).map_err(io_error("write", &path))?;
            }
        }
        super::operation::sync_tree(to)?;
        // No lock is held while it is copied: files of before and a seal of after would be no package.
        self.require_unchanged(record)
    }

    /// An error if another program changed the package since this record of it was read.
    pub(super) fn require_unchanged(&self, read: &PackageRecord) -> Result<(), LibraryError> {
        let now = self.record(read.id)?;
        let same = (&now.key, now.changed, now.revision, now.state, now.checksum)
            == (&read.key, read.changed, read.revision, read.state, read.checksum);
        if same { Ok(()) } else { Err(LibraryError::ChangedAgain(now.key)) }
    }

    /// Copies the files of a package as they lie there, and hashes the copies.
    pub(super) fn copy_data(
        &self,
        record: &PackageRecord,
        to: &Path,
        block_size: BlockSize,
        work: &Work,
    ) -> Result<Vec<ManifestFile>, LibraryError> {
        let data = self.data_folder(&record.key);
        let scan =
            scan::scan_source(&data, scan::Links::Refuse, work).map_err(|error| scan_error(error, &data))?;
        if let Some(odd) = super::check::odd_entries(&scan).into_iter().next() {
            return Err(LibraryError::Unreadable { what: odd.path, why: odd.reason });
        }
        fs::create_dir_all(to).map_err(io_error("make the folder", to))?;
        copying::copy_and_hash(&data, &scan, to, block_size, work).map_err(copy_error)
    }
}
