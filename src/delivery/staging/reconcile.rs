//! Reconciling: what really lies in a staging library against what is known of it. Moves nothing.

use serde::Serialize;

use super::desk::{CopyRow, StagingDesk, StagingWay};
use super::error::StageError;
use super::lanes::patiently;
use super::store::{StagingStore, StorePath};
use crate::library::Library;
use crate::package::reginfo::{REGINFO_MAX_BYTES, REGINFO_NAME, RegInfo, SEAL_NAME};
use crate::package::snapshot::SNAPSHOT_NAME;
use crate::package::staging::{LastReconcile, StagedCopy, StagedFinding, StagingId, StagingLibrary};
use crate::package::{PackageId, PackageKey};
use crate::work::Work;

/// Longest signature that is read.
const SEAL_MAX_BYTES: u64 = 64 << 10;

/// A package that lies in a staging library and that the library does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownPackage {
    /// Its folder, relative to the staging library.
    pub folder: String,
    /// Its name and version as it says, where it has a registration of ours.
    pub key: Option<PackageKey>,
    /// Its identity, likewise.
    pub id: Option<PackageId>,
    /// Its revision, likewise.
    pub revision: Option<u64>,
}

/// What a reconcile found.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// The staging library.
    pub staging: StagingLibrary,
    /// In number.
    pub found: LastReconcile,
    /// What lies there and is not known here.
    pub unknown: Vec<UnknownPackage>,
    /// What is known here and does not lie there.
    pub missing: Vec<CopyRow>,
    /// What lies there in an older revision.
    pub outdated: Vec<CopyRow>,
    /// What lies there in part, without its seal, or was found to differ before.
    pub incomplete: Vec<CopyRow>,
    /// What lies there as it should.
    pub good: Vec<CopyRow>,
    /// What was found there, belongs to a package of the library and had been forgotten; it is known again.
    pub learned: Vec<PackageKey>,
}

/// A package folder of a staging library, by what its registration says.
struct Found {
    folder: StorePath,
    info: Option<RegInfo>,
    has_seal: bool,
}

impl StagingDesk {
    /// Looks what lies in a staging library and brings what is known of it up to date. An error where the server cannot
    /// list. Contents are not looked at; see [`StagingDesk::verify_all`].
    pub fn reconcile(&self, staging: StagingId, work: &Work) -> Result<Reconciled, StageError> {
        self.require_writable()?;
        let staging = self.get(staging)?;
        let store = self.open(&staging, StagingWay::Write)?;
        work.begin("Reading the staging library", 0, 0);
        let found = packages_at(store.as_ref(), work)?;
        let known = self.library.catalogue().staged_at(staging.id)?;
        let at = self.now();
        let mut unknown = Vec::new();
        let mut learned = Vec::new();
        let mut there: Vec<StagedCopy> = Vec::new();
        for one in found {
            let place = |key: &PackageKey| {
                one.folder.as_str().to_lowercase() == Library::place_of(key).to_lowercase()
            };
            let info = one.info.as_ref().filter(|info| place(&info.key));
            let row = match info {
                Some(info) => known.iter().find(|copy| copy.package == info.id),
                // Before its registration was written: only the place tells whose it is.
                None => known.iter().find(|copy| place(&copy.key)),
            };
            let copy = match (row, info) {
                (Some(copy), info) => Some(seen(copy.clone(), info, one.has_seal)),
                (None, Some(info)) => {
                    let copy = self.learn(&staging, info, one.has_seal)?;
                    learned.extend(copy.as_ref().map(|copy| copy.key.clone()));
                    copy
                }
                (None, None) => None,
            };
            match copy {
                Some(copy) => there.push(copy),
                None => unknown.push(UnknownPackage {
                    folder: one.folder.to_string(),
                    key: one.info.as_ref().map(|info| info.key.clone()),
                    id: one.info.as_ref().map(|info| info.id),
                    revision: one.info.as_ref().map(|info| info.revision),
                }),
            }
        }
        let gone = known.into_iter().filter(|copy| !there.iter().any(|seen| seen.package == copy.package));
        let gone: Vec<StagedCopy> =
            gone.map(|copy| StagedCopy { finding: StagedFinding::Missing, ..copy }).collect();
        self.library.catalogue().change(|change| -> Result<(), crate::store::StoreError> {
            there.iter().chain(&gone).try_for_each(|copy| change.put_staged(copy))
        })?;
        let rows = self.copies()?.into_iter().filter(|row| row.copy.staging == staging.id);
        let (mut missing, mut outdated, mut incomplete, mut good) = (vec![], vec![], vec![], vec![]);
        for row in rows {
            match row.copy.finding {
                StagedFinding::Missing => missing.push(row),
                StagedFinding::Incomplete | StagedFinding::Differs => incomplete.push(row),
                _ if row.is_outdated() => outdated.push(row),
                _ => good.push(row),
            }
        }
        let found = LastReconcile {
            at,
            unknown: unknown.len() as u64,
            missing: missing.len() as u64,
            outdated: outdated.len() as u64,
            incomplete: incomplete.len() as u64,
        };
        self.library.catalogue().change(|change| change.set_reconciled(staging.id, &found))?;
        let staging = StagingLibrary { reconciled: Some(found), ..staging };
        Ok(Reconciled { staging, found, unknown, missing, outdated, incomplete, good, learned })
    }

    /// What is known of a copy that was found: the library has the package, and had forgotten the copy.
    fn learn(
        &self,
        staging: &StagingLibrary,
        info: &RegInfo,
        has_seal: bool,
    ) -> Result<Option<StagedCopy>, StageError> {
        let Some(record) = self.library.catalogue().package(info.id)? else { return Ok(None) };
        let copy = StagedCopy {
            staging: staging.id,
            package: info.id,
            key: record.key,
            revision: info.revision,
            snapshot: info.sha256.get(SNAPSHOT_NAME).copied().unwrap_or_default(),
            files: info.checksum.files,
            size_bytes: info.checksum.size_bytes,
            staged_at: self.now(),
            staged_by: String::new(),
            finding: if has_seal { StagedFinding::Unverified } else { StagedFinding::Incomplete },
            listed_at: None,
            read_at: None,
        };
        Ok(Some(copy))
    }
}

/// A known copy as it was seen now.
fn seen(mut copy: StagedCopy, info: Option<&RegInfo>, has_seal: bool) -> StagedCopy {
    let Some(info) = info.filter(|_| has_seal) else {
        return StagedCopy { finding: StagedFinding::Incomplete, ..copy };
    };
    let is_another = copy.revision != info.revision;
    if is_another {
        copy.revision = info.revision;
        copy.snapshot = info.sha256.get(SNAPSHOT_NAME).copied().unwrap_or_default();
        (copy.files, copy.size_bytes) = (info.checksum.files, info.checksum.size_bytes);
        (copy.listed_at, copy.read_at) = (None, None);
    }
    let was_not_there = matches!(copy.finding, StagedFinding::Missing | StagedFinding::Incomplete);
    if is_another || was_not_there {
        copy.finding = StagedFinding::Unverified;
    }
    copy
}

/// Every package folder of a staging library.
fn packages_at(store: &dyn StagingStore, work: &Work) -> Result<Vec<Found>, StageError> {
    let mut found = Vec::new();
    let Ok(top) = StorePath::parse("packages") else { return Ok(found) };
    for name in folders_in(store, &top, work)? {
        for folder in folders_in(store, &name, work)? {
            work.check()?;
            let objects = patiently(work, || store.list(&folder))?;
            if objects.is_empty() {
                continue;
            }
            let read = |name: &str, most: u64| -> Result<Option<Vec<u8>>, StageError> {
                if !objects.iter().any(|object| object.name == name) {
                    return Ok(None);
                }
                let Ok(path) = folder.join(name) else { return Ok(None) };
                Ok(patiently(work, || store.read(&path, most))?)
            };
            let text = read(REGINFO_NAME, REGINFO_MAX_BYTES)?;
            let info = text.and_then(|text| RegInfo::parse(&String::from_utf8_lossy(&text)).ok());
            let has_seal = read(SEAL_NAME, SEAL_MAX_BYTES)?.is_some()
                && objects.iter().any(|object| object.name == "tagmanifest-sha256.txt");
            work.add_files(1);
            found.push(Found { folder, info, has_seal });
        }
    }
    Ok(found)
}

fn folders_in(
    store: &dyn StagingStore,
    folder: &StorePath,
    work: &Work,
) -> Result<Vec<StorePath>, StageError> {
    let listed = patiently(work, || store.list(folder))?;
    let mut folders: Vec<StorePath> = listed
        .into_iter()
        .filter(|entry| entry.is_folder)
        .filter_map(|entry| folder.join(&entry.name).ok())
        .collect();
    folders.sort();
    Ok(folders)
}
