//! Copying out of the library: a package folder, and History.

use std::fs;
use std::io::Write as _;
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
use crate::store::HistoryFilter;
use crate::work::Work;

/// In which form History is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One table, a line an entry, after RFC 4180.
    Csv,
    /// A JSON array of the entries as they are kept.
    Json,
}

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
        super::operation::sync_tree(to)
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

    /// Writes the entries that pass the filter to a new file. Gives how many.
    pub fn export_history(
        &self,
        filter: &HistoryFilter,
        format: ExportFormat,
        to: &Path,
    ) -> Result<u64, LibraryError> {
        let entries = self.catalogue().history(filter)?;
        let text = match format {
            ExportFormat::Json => {
                let mut text = serde_json::to_string_pretty(&entries).unwrap_or_default();
                text.push('\n');
                text
            }
            ExportFormat::Csv => history_csv(&entries),
        };
        let mut file = fs::File::create_new(to).map_err(io_error("write", to))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io_error("write", to))?;
        Ok(entries.len() as u64)
    }
}

fn history_csv(entries: &[crate::package::HistoryEntry]) -> String {
    let mut text = String::from(
        "Number,Time (UTC),Local time,Who,Where,How,Event,Package,Old checksum,New checksum,Reason,Differences,Key,Details,Previous\r\n",
    );
    for entry in entries {
        let checksum = |c: Option<crate::package::ConsistencyChecksum>| {
            c.map(|c| format!("{} files, {} bytes, {}", c.files, c.size_bytes, c.digest)).unwrap_or_default()
        };
        let fields = [
            entry.number.to_string(),
            entry.at.to_string(),
            entry.local_time.clone(),
            entry.who.clone(),
            entry.host.clone(),
            entry.how.clone(),
            entry.event.word().to_owned(),
            entry.package.as_ref().map(ToString::to_string).unwrap_or_default(),
            checksum(entry.old_checksum),
            checksum(entry.new_checksum),
            entry.reason.clone().unwrap_or_default(),
            entry.differences.as_ref().map(|d| d.summary()).unwrap_or_default(),
            entry.key_id.clone().unwrap_or_default(),
            entry.details.clone().unwrap_or_default(),
            entry.previous.to_string(),
        ];
        let quoted: Vec<_> = fields.iter().map(|field| super::csv::field(field)).collect();
        text.push_str(&quoted.join(","));
        text.push_str("\r\n");
    }
    text
}
