//! Reading: what a list, a property page, a search and `show` ask of a library. Changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::open::CATALOGUE;
use super::{Library, LibraryError};
use crate::package::deep_blocks::{DeepBasis, after_deep_check};
use crate::package::record::{PackageId, PackageRecord, PackageSummary};
use crate::package::state::Field;
use crate::package::{
    BlockBoard, BlockMap, CheckReport, HistoryEntry, PackageKey, PackageList, PackageState, Sha256Digest,
};
use crate::store::HistoryFilter;
use crate::work::Work;

/// How a package is named by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageRef {
    /// By identity.
    Id(PackageId),
    /// `Name@Version`, or `Name` where only one version exists.
    Text(String),
}

/// A package with everything its property page shows, contents apart.
#[derive(Clone, Debug)]
pub struct PackageDetails {
    /// Its record.
    pub record: PackageRecord,
    /// The last verification, if it did not agree.
    pub report: Option<CheckReport>,
    /// Number of blocks of its block size.
    pub blocks: u64,
    /// Block size in bytes.
    pub block_size_bytes: u64,
    /// Whether every file has hashes.
    pub has_hashes: bool,
    /// The package folder, absolute.
    pub folder: PathBuf,
    /// Whether the archive file is there now; absent unless archived.
    pub archive_reachable: Option<bool>,
}

/// What lists are drawn from.
#[derive(Clone, Debug)]
pub struct Picture {
    /// All packages.
    pub packages: PackageList,
    /// Software groups, sorted.
    pub groups: Vec<String>,
    /// How many removed packages can be taken back, and their bytes.
    pub removed: (u64, u64),
}

/// One file on the Contents tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentRow {
    /// Path relative to `data/`.
    pub path: String,
    /// Recorded size in bytes.
    pub size_bytes: u64,
    /// Time of the last change of the file on disk, if it is there.
    pub modified: Option<Timestamp>,
    /// Recorded SHA-256, unless it was lost.
    pub sha256: Option<Sha256Digest>,
    /// Number of blocks.
    pub blocks: u64,
    /// Whether it is executable.
    pub executable: bool,
}

/// The files of a package as recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// By path bytes.
    pub rows: Vec<ContentRow>,
}

/// The blocks of a package, and how they stand after its last deep check.
#[derive(Clone, Debug)]
pub struct PackageBlocks {
    /// Which block is which; absent if there are more than [`BlockMap::MOST`].
    pub map: Option<Arc<BlockMap>>,
    /// The state of each block; as long as the map.
    pub board: Arc<BlockBoard>,
    /// What the states rest on.
    pub basis: DeepBasis,
    /// SHA-256 of the snapshot, while there is a seal.
    pub snapshot: Option<Sha256Digest>,
}

/// Facts about the library as a whole.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LibraryInfo {
    /// Its folder.
    pub root: PathBuf,
    /// Its identity.
    pub id: String,
    /// Packages by state: open, sealed, archived.
    pub open: u64,
    /// Sealed packages.
    pub sealed: u64,
    /// Archived packages.
    pub archived: u64,
    /// Blocked packages.
    pub blocked: u64,
    /// Removed packages that can be taken back.
    pub removed: u64,
    /// Files of all packages, recorded.
    pub files: u64,
    /// Sum of their sizes in bytes, recorded.
    pub size_bytes: u64,
    /// Size of the library database in bytes.
    pub database_bytes: u64,
    /// Number of history entries.
    pub history_entries: u64,
    /// Whether it is open for reading only.
    pub read_only: bool,
    /// Format of the library database.
    pub format: i64,
    /// Software groups.
    pub groups: u64,
    /// Packages whose checksum control is off.
    pub check_off: u64,
    /// Packages with their files here that were never deep checked.
    pub never_deep_checked: u64,
    /// Bytes of the packages whose files are here, recorded.
    pub present_bytes: u64,
    /// Bytes of removed packages that can be taken back.
    pub removed_bytes: u64,
    /// The kind of network share it lies on: `NFS`, `SMB`; `None` for a disk of this computer.
    pub network_share: Option<&'static str>,
    /// How many folders an open console can watch for changes.
    pub watches: u64,
    /// The folder it was moved from, while that is still there.
    pub old_copy: Option<PathBuf>,
}

impl Library {
    /// All packages, by name and version.
    pub fn list(&self) -> Result<Vec<PackageSummary>, LibraryError> {
        Ok(self.catalogue().summaries()?)
    }

    /// How many packages are sealed with each key: key id to number.
    pub fn key_uses(&self) -> Result<BTreeMap<String, u64>, LibraryError> {
        Ok(self.catalogue().key_uses()?)
    }

    /// What a console draws its lists from: all packages, software groups, and what can be taken back. Rows that are
    /// as in `before` are shared with it.
    pub fn picture(&self, before: &PackageList) -> Result<Picture, LibraryError> {
        let (packages, groups, removed) = {
            let catalogue = self.catalogue();
            (catalogue.list_after(before)?, catalogue.groups()?, catalogue.removed_packages()?)
        };
        let bytes = removed.iter().map(|package| package.record.checksum.size_bytes).sum();
        Ok(Picture { packages, groups, removed: (removed.len() as u64, bytes) })
    }

    /// Software groups.
    pub fn groups(&self) -> Result<Vec<String>, LibraryError> {
        Ok(self.catalogue().groups()?)
    }

    /// Finds a package as a person names it.
    pub fn resolve(&self, package: &PackageRef) -> Result<PackageRecord, LibraryError> {
        let text = match package {
            PackageRef::Id(id) => return self.record(*id),
            PackageRef::Text(text) => text.trim(),
        };
        if text.contains('@') {
            let key = PackageKey::parse(text)?;
            return self
                .catalogue()
                .package_by_key(&key)?
                .ok_or_else(|| LibraryError::NotFound(text.to_owned()));
        }
        let mut named = self.catalogue().packages_named(text)?;
        match named.len() {
            0 => Err(LibraryError::NotFound(text.to_owned())),
            1 => Ok(named.remove(0)),
            _ => Err(LibraryError::Ambiguous {
                name: text.to_owned(),
                keys: named.iter().map(|record| record.key.to_string()).collect(),
            }),
        }
    }

    /// What is recorded of a package, without its files.
    pub(crate) fn record(&self, id: PackageId) -> Result<PackageRecord, LibraryError> {
        self.catalogue().package(id)?.ok_or_else(|| LibraryError::NotFound(id.to_string()))
    }

    pub(super) fn require_editable(
        &self,
        record: &PackageRecord,
        field: Field,
        doing: &'static str,
    ) -> Result<(), LibraryError> {
        if record.state.may_edit(field) {
            return Ok(());
        }
        let instead = match record.state {
            PackageState::Archived => "Restore the package first",
            _ => "Unseal it, or make a new version",
        };
        Err(LibraryError::State { key: record.key.clone(), state: record.state, doing, instead })
    }

    /// Everything a property page shows of a package.
    pub fn details(&self, package: &PackageRef) -> Result<PackageDetails, LibraryError> {
        let record = self.resolve(package)?;
        let totals = self.catalogue().contents_totals(record.id)?.unwrap_or_default();
        let report = self.catalogue().report(record.id)?;
        Ok(PackageDetails {
            blocks: totals.blocks,
            block_size_bytes: totals.block_size.bytes(),
            has_hashes: totals.has_all_hashes,
            folder: self.package_folder(&record.key),
            archive_reachable: record
                .archive
                .as_ref()
                .map(|archive| std::path::Path::new(&archive.path).is_file()),
            report,
            record,
        })
    }

    /// The recorded files of a package, with the times of those that are there.
    pub fn contents(&self, id: PackageId, work: &Work) -> Result<Contents, LibraryError> {
        let record = self.record(id)?;
        let manifest = self.recorded_manifest(id)?;
        let root = self.data_folder(&record.key);
        let mut rows = Vec::with_capacity(manifest.len());
        for file in manifest.iter() {
            work.check()?;
            let modified = std::fs::symlink_metadata(root.join(file.path)).and_then(|m| m.modified()).ok();
            rows.push(ContentRow {
                path: file.path.to_owned(),
                size_bytes: file.size_bytes,
                modified: modified.and_then(|at| Timestamp::try_from(at).ok()),
                sha256: file.hashes.map(|hashes| hashes.file),
                blocks: manifest.block_size().blocks_in(file.size_bytes),
                executable: file.executable,
            });
        }
        Ok(Contents { rows })
    }

    /// The blocks of a package, and how they stand after its last deep check; for an archived package, after the last
    /// verification of its archive.
    pub fn blocks(&self, id: PackageId) -> Result<PackageBlocks, LibraryError> {
        let record = self.record(id)?;
        let manifest = self.recorded_manifest(id)?;
        let report = self.catalogue().report(id)?;
        let map = BlockMap::of(&manifest);
        drop(manifest);
        let empty = BlockMap::default();
        let (states, basis) = after_deep_check(map.as_ref().unwrap_or(&empty), &record, report.as_ref());
        Ok(PackageBlocks {
            map: map.map(Arc::new),
            board: Arc::new(BlockBoard::from_states(&states)),
            basis,
            snapshot: record.seal.map(|seal| seal.snapshot),
        })
    }

    /// History entries that pass the filter, oldest first.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, LibraryError> {
        Ok(self.catalogue().history(filter)?)
    }

    /// The last reasons that were given, for the field that asks for one.
    pub fn last_reasons(&self) -> Result<Vec<String>, LibraryError> {
        Ok(self.catalogue().last_reasons(5)?)
    }

    /// A value that differs whenever the library was changed, by this program or another.
    pub fn data_version(&self) -> Result<(i64, u64), LibraryError> {
        let copies = self.follow_writer();
        let (others, own) = self.catalogue().data_version()?;
        Ok((others + (copies << 32), own))
    }

    /// Whether the library folder cannot be reached now, and why.
    pub fn unreachable_reason(&self) -> Option<String> {
        self.require_reachable().err().map(|error| error.explain().reason)
    }

    /// Facts about the library as a whole.
    pub fn info(&self) -> Result<LibraryInfo, LibraryError> {
        let packages = self.list()?;
        let count = |state| packages.iter().filter(|p| p.state == state).count() as u64;
        let removed = self.removed()?;
        let here = packages.iter().filter(|p| p.state != PackageState::Archived);
        let old_copy = self.old_copy()?;
        let catalogue = self.catalogue();
        Ok(LibraryInfo {
            root: self.root().to_owned(),
            id: self.id().to_owned(),
            open: count(PackageState::Open),
            sealed: count(PackageState::Sealed),
            archived: count(PackageState::Archived),
            blocked: packages.iter().filter(|p| p.is_blocked()).count() as u64,
            removed: removed.len() as u64,
            files: packages.iter().map(|p| p.files).sum(),
            size_bytes: packages.iter().map(|p| p.size_bytes).sum(),
            database_bytes: std::fs::metadata(self.root().join(CATALOGUE)).map_or(0, |m| m.len()),
            history_entries: catalogue.last_history_number()?,
            read_only: self.is_read_only(),
            format: catalogue.format()?,
            groups: catalogue.groups()?.len() as u64,
            check_off: packages.iter().filter(|p| !p.checksum_control).count() as u64,
            never_deep_checked: here.clone().filter(|p| p.deep_at.is_none()).count() as u64,
            present_bytes: here.map(|p| p.size_bytes).sum(),
            removed_bytes: removed.iter().map(|p| p.size_bytes).sum(),
            network_share: super::file_system::network_share(self.root()),
            watches: super::watch::watch_budget() as u64,
            old_copy,
        })
    }
}
