//! What a repair would do to a package: which files are fetched, renamed, set aside, and how many bytes that takes.
//! Changes nothing in the package.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::disk::{hashing, open_plain};
use crate::library::check::FoundBy;
use crate::library::{Library, LibraryError};
use crate::package::consistency::{CaseChangedFile, Differences, ListedFile, UnreadableFile};
use crate::package::file_list::FileEntry;
use crate::package::manifest::ManifestFile;
use crate::package::numbers::many;
use crate::package::record::{PackageId, PackageRecord};
use crate::package::{CheckKind, CheckReport, Finding, Manifest, PackageKey, PackageState, Sha256Digest};
use crate::work::Work;

/// Folder of files that were set aside, in the library.
const SET_ASIDE: &str = "set-aside";

/// What is wrong with a file that is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RepairChange {
    /// It is not there.
    Removed,
    /// It has another size.
    Resized,
    /// Its content is another.
    Damaged,
}

/// A file of which something is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepairFile {
    /// Path relative to `data/`.
    pub path: String,
    /// What is wrong with it.
    pub change: RepairChange,
    /// Its recorded size in bytes.
    pub size_bytes: u64,
    /// Its size now, where that is another one.
    pub found_bytes: Option<u64>,
    /// How many of its blocks are missing or bad.
    pub blocks: u64,
    /// How many bytes these have.
    pub fetch_bytes: u64,
    /// Which blocks these are, numbered within the file.
    #[serde(skip)]
    pub(crate) bad: Vec<u64>,
    /// What lies there now and has the other blocks, relative to `data/`.
    #[serde(skip)]
    pub(crate) kept_from: Option<String>,
}

/// What a repair would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepairPlan {
    /// The package.
    #[serde(skip)]
    pub package: PackageId,
    /// Its name and version.
    pub key: PackageKey,
    /// How it stands.
    pub finding: Finding,
    /// Files of which something is fetched, by path.
    pub fetch: Vec<RepairFile>,
    /// Files whose name gets its case back.
    pub rename: Vec<CaseChangedFile>,
    /// Files that do not belong to the package.
    pub added: Vec<ListedFile>,
    /// What could not be read and is left as it is: (path, why).
    pub unreadable: Vec<UnreadableFile>,
    /// Where added files would go.
    pub set_aside: PathBuf,
    /// The state that this plan is for; see [`CheckReport::state_digest`].
    pub state_digest: Sha256Digest,
}

impl RepairFile {
    /// Whether bytes lie behind its recorded end, which a repair cuts off.
    pub fn is_too_long(&self) -> bool {
        self.found_bytes.is_some_and(|found| found > self.size_bytes)
    }

    /// What is done to it, in words.
    fn line(&self) -> String {
        let (path, fetched) = (&self.path, many(self.fetch_bytes, "byte"));
        let fetched = format!("{}, {fetched}", many(self.blocks, "block"));
        let change = match (self.change, self.found_bytes) {
            (RepairChange::Resized, Some(found)) if self.blocks == 0 && found > self.size_bytes => {
                return format!("cut {path} from {found} to {}", many(self.size_bytes, "byte"));
            }
            (RepairChange::Resized, Some(found)) => {
                format!("{found} instead of {}", many(self.size_bytes, "byte"))
            }
            (RepairChange::Resized, None) => "of another size".to_owned(),
            (RepairChange::Removed, _) => "removed".to_owned(),
            (RepairChange::Damaged, _) => "damaged".to_owned(),
        };
        format!("fetch {path} ({change}; {fetched})")
    }

    /// Whether what lies there has anything that need not be fetched.
    pub(super) fn has_right_blocks(&self) -> bool {
        self.fetch_bytes < self.size_bytes
    }
}

impl RepairPlan {
    /// How many bytes are to be fetched.
    pub fn fetch_bytes(&self) -> u64 {
        self.fetch.iter().map(|file| file.fetch_bytes).sum()
    }

    /// How many blocks are to be fetched.
    pub fn blocks(&self) -> u64 {
        self.fetch.iter().map(|file| file.blocks).sum()
    }

    /// Whether there is nothing that a repair could do.
    pub fn is_empty(&self) -> bool {
        self.fetch.is_empty() && self.rename.is_empty() && self.added.is_empty()
    }

    /// What is done, in words, one line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.fetch.iter().map(RepairFile::line).collect();
        lines.extend(self.rename.iter().map(|f| format!("rename {} to {}", f.found, f.recorded)));
        let aside = |f: &ListedFile| format!("set aside {} ({})", f.path, many(f.size_bytes, "byte"));
        lines.extend(self.added.iter().map(aside));
        lines.extend(self.unreadable.iter().map(|f| format!("leave {}: {}", f.path, f.reason)));
        lines
    }
}

/// What is needed to carry a plan out.
pub(super) struct Planned {
    pub(super) plan: RepairPlan,
    pub(super) report: CheckReport,
    pub(super) manifest: Manifest,
}

impl Library {
    /// Finds out what a repair of a package would do. Reads all of it, and stores what that finds.
    pub fn plan_repair(&self, id: PackageId, work: &Work) -> Result<RepairPlan, LibraryError> {
        let record = self.record(id)?;
        self.require_repairable(&record)?;
        Ok(self.planned(&record, CheckKind::Deep, work)?.plan)
    }

    /// An error if a package can never be repaired as it is.
    pub(in crate::library) fn require_repairable(&self, record: &PackageRecord) -> Result<(), LibraryError> {
        if record.state == PackageState::Archived {
            return Err(LibraryError::State {
                key: record.key.clone(),
                state: record.state,
                doing: "repaired",
                instead: "Restore the package first, with a place to repair its archive from",
            });
        }
        if !record.sealed_once {
            return Err(LibraryError::NeverSealed(record.key.clone()));
        }
        Ok(())
    }

    /// Examines a package and says what is to be done. A quick examination goes by the damage that is known already.
    pub(super) fn planned(
        &self,
        record: &PackageRecord,
        kind: CheckKind,
        work: &Work,
    ) -> Result<Planned, LibraryError> {
        let manifest = self.recorded_manifest(record.id)?;
        if !manifest.has_all_hashes() {
            return Err(LibraryError::NoHashes(record.key.clone()));
        }
        let report = self.examine(record, kind, work)?;
        self.store_outcome(record, &report, FoundBy::Check(kind))?;
        let plan = self.plan_of_report(record, &report, &manifest, work)?;
        Ok(Planned { plan, report, manifest })
    }

    /// What is to be done about what a deep examination found. Reads no more than files that have another size, or a
    /// name in another case.
    pub(in crate::library) fn plan_of_report(
        &self,
        record: &PackageRecord,
        report: &CheckReport,
        manifest: &Manifest,
        work: &Work,
    ) -> Result<RepairPlan, LibraryError> {
        let root = self.data_folder(&record.key);
        let differences = match report.finding {
            Finding::Missing => Differences { removed: listed_all(manifest), ..Differences::default() },
            _ => report.differences.clone(),
        };
        let mut fetch: Vec<RepairFile> = Vec::new();
        for file in &differences.removed {
            fetch.extend(all_of(manifest, &file.path, RepairChange::Removed));
        }
        fetch.extend(self.resized_files(&root, manifest, &differences, work)?);
        for file in &differences.damaged {
            fetch.extend(some_of(manifest, &file.path, &file.path, &file.blocks));
        }
        let (renamed, misnamed) = self.case_changes(&root, manifest, &differences, work)?;
        fetch.extend(misnamed);
        fetch.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(RepairPlan {
            package: record.id,
            key: record.key.clone(),
            finding: report.finding,
            fetch,
            rename: renamed,
            added: differences.added,
            unreadable: differences.unreadable,
            set_aside: self.root().join(self.free_set_aside(&record.key)),
            state_digest: report.state_digest(),
        })
    }

    /// Files of another size: what of their beginning is right need not be fetched.
    fn resized_files(
        &self,
        root: &Path,
        manifest: &Manifest,
        differences: &Differences,
        work: &Work,
    ) -> Result<Vec<RepairFile>, LibraryError> {
        let found: Vec<FileEntry<'_>> = differences
            .resized
            .iter()
            .map(|file| FileEntry { path: &file.path, size_bytes: file.found_bytes })
            .collect();
        // The blocks that the shorter of both has whole are compared, whatever comes after them.
        let hashed = hashing::hash_blocks(root, &found, manifest.block_size(), work)?;
        let mut files = Vec::new();
        for (file, hashed) in differences.resized.iter().zip(hashed) {
            let Some(mut wanted) = all_of(manifest, &file.path, RepairChange::Resized) else { continue };
            wanted.found_bytes = Some(file.found_bytes);
            if let (Ok(found), Some(recorded)) = (hashed, recorded_blocks(manifest, &file.path)) {
                let bad = (0u64..).zip(recorded).filter(|(n, hash)| found.get(*n as usize) != Some(hash));
                let mut bad: Vec<u64> = bad.map(|(n, _)| n).collect();
                // In a longer file, what is behind the recorded end was hashed with the last block.
                if let (true, Some(last), Some(hash)) = (wanted.is_too_long(), bad.last(), recorded.last())
                    && *last + 1 == recorded.len() as u64
                {
                    let place = manifest.block_size().range(*last, wanted.size_bytes);
                    if hash_of(&root.join(&file.path), place).is_ok_and(|found| found == *hash) {
                        bad.pop();
                    }
                }
                wanted.blocks = bad.len() as u64;
                wanted.fetch_bytes = bytes_of(manifest, wanted.size_bytes, &bad);
                wanted.bad = bad;
                wanted.kept_from = Some(file.path.clone());
            }
            files.push(wanted);
        }
        Ok(files)
    }

    /// Names in another case: which are only renamed, and which have other content as well.
    fn case_changes(
        &self,
        root: &Path,
        manifest: &Manifest,
        differences: &Differences,
        work: &Work,
    ) -> Result<(Vec<CaseChangedFile>, Vec<RepairFile>), LibraryError> {
        let mut as_found = Vec::with_capacity(differences.case_changed.len());
        for file in &differences.case_changed {
            let recorded = manifest.files().position(&file.recorded).and_then(|at| manifest.get(at));
            as_found.push(ManifestFile {
                path: file.found.clone(),
                size_bytes: file.size_bytes,
                executable: false,
                hashes: recorded.and_then(|recorded| recorded.hashes.cloned()),
            });
        }
        let found = Manifest::from_files(manifest.block_size(), as_found).unwrap_or_default();
        let deep = hashing::verify_blocks(root, &found, 0..found.len(), work)?;
        let mut misnamed = Vec::new();
        for file in &differences.case_changed {
            if let Some(bad) = deep.damaged.iter().find(|bad| bad.path == file.found) {
                misnamed.extend(some_of(manifest, &file.recorded, &file.found, &bad.blocks));
            }
        }
        let readable =
            |file: &&CaseChangedFile| !deep.unreadable.iter().any(|unreadable| unreadable.path == file.found);
        Ok((differences.case_changed.iter().filter(readable).cloned().collect(), misnamed))
    }

    /// A folder for files that are set aside now, relative to the library, that nothing was ever put into.
    pub(super) fn free_set_aside(&self, key: &PackageKey) -> PathBuf {
        let folder = Path::new(SET_ASIDE).join(key.name()).join(key.version());
        let today = jiff::Timestamp::now().to_zoned(self.actor().time_zone.clone()).date().to_string();
        let names = std::iter::once(today.clone()).chain((2u32..).map(|n| format!("{today}-{n}")));
        let mut free = names.map(|name| folder.join(name));
        let is_free = |folder: &PathBuf| fs::symlink_metadata(self.root().join(folder)).is_err();
        free.find(is_free).unwrap_or(folder)
    }
}

/// The hash of a part of a file, which is at most a block.
fn hash_of(file: &Path, place: Range<u64>) -> io::Result<Sha256Digest> {
    let mut file = open_plain(file)?;
    file.seek(io::SeekFrom::Start(place.start))?;
    let mut part = Vec::new();
    file.take(place.end - place.start).read_to_end(&mut part)?;
    Ok(Sha256Digest::of(&part))
}

fn listed_all(manifest: &Manifest) -> Vec<ListedFile> {
    let files = manifest.iter();
    files.map(|file| ListedFile { path: file.path.to_owned(), size_bytes: file.size_bytes }).collect()
}

fn recorded_blocks<'m>(manifest: &'m Manifest, path: &str) -> Option<&'m [Sha256Digest]> {
    let file = manifest.get(manifest.files().position(path)?)?;
    file.hashes.map(|hashes| hashes.blocks.as_slice())
}

fn all_of(manifest: &Manifest, path: &str, change: RepairChange) -> Option<RepairFile> {
    let size_bytes = manifest.files().size_bytes(manifest.files().position(path)?);
    let blocks = manifest.block_size().blocks_in(size_bytes);
    Some(RepairFile {
        path: path.to_owned(),
        change,
        size_bytes,
        found_bytes: None,
        blocks,
        fetch_bytes: size_bytes,
        bad: (0..blocks).collect(),
        kept_from: None,
    })
}

fn some_of(manifest: &Manifest, path: &str, found: &str, blocks: &[u64]) -> Option<RepairFile> {
    let mut file = all_of(manifest, path, RepairChange::Damaged)?;
    file.blocks = blocks.len() as u64;
    file.fetch_bytes = bytes_of(manifest, file.size_bytes, blocks);
    file.bad = blocks.to_vec();
    file.kept_from = Some(found.to_owned());
    Some(file)
}

fn bytes_of(manifest: &Manifest, size_bytes: u64, blocks: &[u64]) -> u64 {
    let length = |block: &u64| {
        let range = manifest.block_size().range(*block, size_bytes);
        range.end - range.start
    };
    blocks.iter().map(length).sum()
}

/// The part of a manifest that these files are.
pub(crate) fn only(manifest: &Manifest, paths: &HashSet<&str>) -> Manifest {
    let files = manifest.iter().filter(|file| paths.contains(file.path)).map(|file| ManifestFile {
        path: file.path.to_owned(),
        size_bytes: file.size_bytes,
        executable: file.executable,
        hashes: file.hashes.cloned(),
    });
    Manifest::from_files(manifest.block_size(), files.collect()).unwrap_or_default()
}
