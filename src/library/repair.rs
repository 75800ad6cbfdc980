//! Repair: what is not as recorded becomes so again, by fetching only bad blocks; nothing that somebody added is lost.
//!
//! Everything is made ready in a folder of its own, from what is right of the files and what is fetched, and put into
//! place by one decided change: killed at any moment, the package is as it was, still blocked, or repaired, and the next
//! repair goes on with what was fetched. A file is replaced, never written to, so that other names of it (hard links,
//! clones) keep what they have. Where blocks come from is not known here: see [`FetchBlocks`].

mod compare;
mod plan;
mod ready;
mod sources;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

pub use compare::{CompareRequest, ComparedFile, FileComparison};
use plan::Planned;
pub(super) use plan::only;
pub use plan::{RepairChange, RepairFile, RepairPlan};
use ready::ReadyFolder;
pub(super) use ready::is_wanted;
pub use sources::{BadBlock, Needed};

use super::check::FoundBy;
use super::error::io_error;
use super::import::{ProvenSeal, TagFiles, first_difference};
use super::operation::{Operation, Step};
use super::package_folder::{put_notes, relative_folder};
use super::{KeyRing, Library, LibraryError};
use crate::disk::{create_file, hashing, open_plain};
use crate::failure::Failure;
use crate::package::consistency::{DamagedFile, Differences, ListedFile};
use crate::package::numbers::many;
use crate::package::record::{PackageId, PackageRecord};
use crate::package::reginfo::{DATA_NAME, RegInfo};
use crate::package::{
    CheckKind, CheckReport, HistoryEvent, Manifest, PackageKey, PackageState, Sha256Digest,
};
use crate::work::Work;

/// What becomes of files that do not belong to the package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddedChoice {
    /// They go to `<library>/set-aside/`.
    #[default]
    SetAside,
    /// They stay; the package stays blocked.
    Leave,
}

/// How a package is to be repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairRequest {
    /// What becomes of added files.
    pub added: AddedChoice,
    /// The plan that was shown ([`RepairPlan::state_digest`]): if the package changed since, nothing is done. Without
    /// it, all of the package is read first.
    pub expect: Option<Sha256Digest>,
}

/// Files that are to be made right in a folder.
#[derive(Debug)]
pub struct WantedFiles<'a> {
    /// A folder with `data/`, in which lies what is there of the files.
    pub folder: &'a Path,
    /// The files and their hashes.
    pub manifest: &'a Manifest,
    /// Identity of the package.
    pub package: PackageId,
    /// Its name and version.
    pub key: &'a PackageKey,
    /// Blocks that lie elsewhere in the library, by hash.
    pub equal: HashMap<Sha256Digest, EqualBlock>,
    /// A damaged archive of the package, which has most of them.
    pub archive: Option<&'a Path>,
}

/// Where a block with a certain hash should lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EqualBlock {
    /// The file.
    pub file: PathBuf,
    /// Its first byte.
    pub offset_bytes: u64,
}

/// What fetching came to.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// The files that are proven and whole now, relative to `data/`.
    pub whole: Vec<String>,
    /// Bytes that were fetched and matched.
    pub fetched_bytes: u64,
    /// Bytes that were taken from packages of the library, or from the archive.
    pub reused_bytes: u64,
    /// Bytes by codebase, those that gave any.
    pub from: Vec<(String, u64)>,
    /// Why not all are whole.
    pub stopped: Option<Failure>,
}

/// Brings blocks from wherever they can be had. Files outside [`WantedFiles::folder`] are not touched.
pub trait FetchBlocks {
    /// Makes as many of the files right as it can. An error where it was cancelled, or could not begin.
    fn fetch(&self, wanted: &WantedFiles<'_>, work: &Work) -> Result<Fetched, LibraryError>;

    /// The text of a tag file of the package, as somebody has it; proven by whoever asks.
    fn tag_file(&self, key: &PackageKey, name: &str) -> Option<String>;
}

/// What a repair came to.
#[derive(Clone, Debug)]
pub struct RepairOutcome {
    /// The package now.
    pub record: PackageRecord,
    /// How it stands now.
    pub report: CheckReport,
    /// Files that were made right.
    pub repaired: Vec<String>,
    /// Files that got their name back: (before, now).
    pub renamed: Vec<(String, String)>,
    /// Files that were set aside.
    pub set_aside: Vec<String>,
    /// Where they are, if there are any.
    pub set_aside_folder: Option<PathBuf>,
    /// Bytes that were fetched and matched.
    pub fetched_bytes: u64,
    /// Bytes that lay in packages of the library.
    pub reused_bytes: u64,
    /// Bytes by codebase.
    pub from: Vec<(String, u64)>,
    /// Why not everything was repaired.
    pub stopped: Option<Failure>,
}

/// Tag files as somebody else has them.
struct Elsewhere<'a>(&'a dyn FetchBlocks, &'a PackageKey);

impl TagFiles for Elsewhere<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, LibraryError> {
        Ok(self.0.tag_file(self.1, name))
    }
}

impl Library {
    /// Repairs a package: fetches what is missing or bad, renames, sets aside. What cannot be had stays as it is, and
    /// the package stays blocked. The outcome says what is left.
    pub fn repair(
        &self,
        id: PackageId,
        request: &RepairRequest,
        fetch: &dyn FetchBlocks,
        work: &Work,
    ) -> Result<RepairOutcome, LibraryError> {
        self.require_writable()?;
        self.require_repairable(&self.record(id)?)?;
        let (_lock, record) = self.lock_record(id)?;
        self.require_repairable(&record)?;
        let kind = if request.expect.is_some() { CheckKind::Quick } else { CheckKind::Deep };
        let Planned { mut plan, report, manifest } = self.planned(&record, kind, work)?;
        if request.expect.is_some_and(|expected| expected != plan.state_digest) {
            return Err(LibraryError::ChangedAgain(record.key));
        }
        // The outcome of looking was stored.
        let record = self.record(id)?;
        if request.added == AddedChoice::Leave {
            require_out_of_the_way(&plan)?;
            plan.added.clear();
        }
        let seal = self.seal_from_elsewhere(&record, &manifest, fetch)?;
        if plan.is_empty() && seal.is_none() {
            return Err(LibraryError::NothingToRepair(record.key));
        }
        let operation = Operation::begin(self)?;
        let ready = ReadyFolder::take(self, &record)?;
        let repaired = (|| {
            let fetched = self.make_whole(&ready, &record, &plan, &manifest, fetch, work)?;
            if fetched.whole.is_empty() && plan.rename.is_empty() && plan.added.is_empty() && seal.is_none() {
                let told = fetched.stopped;
                let told =
                    told.unwrap_or_else(|| LibraryError::NothingToRepair(record.key.clone()).explain());
                return Err(LibraryError::Told(Box::new(told)));
            }
            work.check()?;
            self.put_repaired(operation, &ready, record, &plan, &report, fetched, seal.as_ref(), work)
        })();
        ready.end(repaired.as_ref().map_or(true, |done| !done.report.is_consistent()));
        repaired
    }

    /// Makes the bad files right in a folder of their own.
    fn make_whole(
        &self,
        ready: &ReadyFolder,
        record: &PackageRecord,
        plan: &RepairPlan,
        manifest: &Manifest,
        fetch: &dyn FetchBlocks,
        work: &Work,
    ) -> Result<Fetched, LibraryError> {
        if plan.fetch.is_empty() {
            return Ok(Fetched::default());
        }
        let folder = ready.package();
        self.copy_what_is_right(&folder, record, plan, work)?;
        let paths: HashSet<&str> = plan.fetch.iter().map(|file| file.path.as_str()).collect();
        let mut fetched = self.fetch_files(&folder, record, &only(manifest, &paths), &paths, fetch, work)?;
        let there = self.data_folder(&record.key);
        fetched.whole.retain(|path| folders_in_the_way(&there, path, &plan.added).is_some());
        Ok(fetched)
    }

    /// Makes these files of a package whole in another folder: from what is right of them, other packages, and whoever is
    /// asked.
    fn fetch_files(
        &self,
        folder: &Path,
        record: &PackageRecord,
        wanted: &Manifest,
        paths: &HashSet<&str>,
        fetch: &dyn FetchBlocks,
        work: &Work,
    ) -> Result<Fetched, LibraryError> {
        let wanted = WantedFiles {
            folder,
            manifest: wanted,
            package: record.id,
            key: &record.key,
            equal: self.equal_blocks(&record.key, wanted, Some((record.id, paths)))?,
            archive: None,
        };
        fetch_proven(&wanted, fetch, work)
    }

    /// Copies the files that have right blocks, unless an earlier repair did.
    fn copy_what_is_right(
        &self,
        folder: &Path,
        record: &PackageRecord,
        plan: &RepairPlan,
        work: &Work,
    ) -> Result<(), LibraryError> {
        let data = folder.join(DATA_NAME);
        fs::create_dir_all(&data).map_err(io_error("make the folder", &data))?;
        let there = self.data_folder(&record.key);
        let mut copied = Vec::new();
        let done = (|| {
            work.begin("Copying what is right", plan.fetch.len() as u64, 0);
            for file in &plan.fetch {
                work.check()?;
                let target = data.join(&file.path);
                if let Some(kept) = file.kept_from.as_ref().filter(|_| file.has_right_blocks())
                    && fs::symlink_metadata(&target).is_err()
                {
                    copied.push(target.clone());
                    copy_file(&there.join(kept), &target)?;
                }
                work.add_files(1);
            }
            Ok(())
        })();
        if done.is_err() {
            // Half a copy helps nobody, and on a full disk it is in the way. What was fetched before stays.
            copied.iter().for_each(|copy| drop(fs::remove_file(copy)));
        }
        done
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one decided change of everything that was found out before it"
    )]
    fn put_repaired(
        &self,
        operation: Operation<'_>,
        ready: &ReadyFolder,
        record: PackageRecord,
        plan: &RepairPlan,
        report: &CheckReport,
        fetched: Fetched,
        seal: Option<&ProvenSeal>,
        work: &Work,
    ) -> Result<RepairOutcome, LibraryError> {
        let package = relative_folder(&record.key);
        let data = package.join(DATA_NAME);
        let aside = self.free_set_aside(&record.key);
        let mut steps = Vec::new();
        for file in &plan.added {
            steps.push(Step::MoveAside { from: data.join(&file.path), to: aside.join(&file.path) });
        }
        let mut renamed = Vec::new();
        for file in &plan.rename {
            steps.push(Step::Rename { from: data.join(&file.found), to: data.join(&file.recorded) });
            renamed.push((file.found.clone(), file.recorded.clone()));
        }
        // Folders that held nothing else, which may stand where a file belongs.
        let left = plan.added.iter().map(|file| &file.path).chain(renamed.iter().map(|(found, _)| found));
        for folder in left.filter_map(|path| Path::new(path).parent()).filter(|f| !f.as_os_str().is_empty()) {
            steps.push(Step::RemoveEmpty { path: data.join(folder), stop: data.clone() });
        }
        let there = self.data_folder(&record.key);
        for path in &fetched.whole {
            for folder in folders_in_the_way(&there, path, &plan.added).unwrap_or_default() {
                steps.push(Step::RemoveEmpty { path: data.join(folder), stop: data.clone() });
            }
            let from = ready.relative(&Path::new(DATA_NAME).join(path));
            steps.push(Step::Rename { from, to: data.join(path) });
        }
        for (name, text) in seal.map(|seal| seal.files.as_slice()).unwrap_or_default() {
            operation.write(&format!("tags/{name}"), text.as_bytes())?;
            steps.push(Step::Rename {
                from: operation.relative(Path::new("tags").join(name)),
                to: package.join(name),
            });
        }
        put_notes(&operation, &record, &mut steps)?;
        // Until they were looked at in their place, repaired files are not believed: killed before that, the package
        // stays blocked, and the next check looks at their content.
        let mut unseen = report.clone();
        unseen.differences = Differences { damaged: touched(plan), ..report.differences.clone() };
        let mut entry = self.entry(HistoryEvent::Repaired, Some(&record));
        entry.old_checksum = report.found;
        entry.new_checksum = Some(record.checksum);
        entry.differences = Some(report.differences.clone());
        entry.details = Some(details(&fetched, plan, &renamed, &aside));
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_report(record.id, Some(&unseen))?;
            change.append_history(entry)?;
            Ok(())
        })?;
        // The repaired files are known as damaged, so this reads them, and compares names and sizes of all others.
        let mut after = self.examine(&record, CheckKind::Quick, work)?;
        if after.is_consistent() && record.deep.is_some() {
            // Everything else was read before.
            after.kind = CheckKind::Deep;
        }
        self.store_outcome(&record, &after, FoundBy::Check(after.kind))?;
        let folder = (!plan.added.is_empty()).then(|| self.root().join(&aside));
        Ok(RepairOutcome {
            record: self.record(record.id)?,
            report: after,
            repaired: fetched.whole,
            renamed,
            set_aside: plan.added.iter().map(|file| file.path.clone()).collect(),
            set_aside_folder: folder,
            fetched_bytes: fetched.fetched_bytes,
            reused_bytes: fetched.reused_bytes,
            from: fetched.from,
            stopped: fetched.stopped,
        })
    }

    /// The seal of a sealed package whose own was lost or broken, from somebody who has it. `None` where it is whole, or
    /// where nobody has the one that is recorded.
    fn seal_from_elsewhere(
        &self,
        record: &PackageRecord,
        manifest: &Manifest,
        fetch: &dyn FetchBlocks,
    ) -> Result<Option<ProvenSeal>, LibraryError> {
        if record.state != PackageState::Sealed {
            return Ok(None);
        }
        let what = record.key.to_string();
        let own = ProvenSeal::prove(self.keys(), &[], self.package_folder(&record.key).as_path(), &what);
        // A key that is not trusted any more is no damage.
        if matches!(own, Ok(_) | Err(LibraryError::SealUnknown { .. })) {
            return Ok(None);
        }
        let Ok(seal) = ProvenSeal::prove(self.keys(), &[], &Elsewhere(fetch, &record.key), &what) else {
            return Ok(None);
        };
        let is_it = seal.info.id == record.id
            && seal.info.revision == record.revision
            && first_difference(&seal.snapshot.manifest, manifest).is_none();
        Ok(is_it.then_some(seal))
    }
}

/// Has files made right, and asks the disk whether they are.
pub(super) fn fetch_proven(
    wanted: &WantedFiles<'_>,
    fetch: &dyn FetchBlocks,
    work: &Work,
) -> Result<Fetched, LibraryError> {
    let mut fetched = fetch.fetch(wanted, work)?;
    let whole: HashSet<&str> = fetched.whole.iter().map(String::as_str).collect();
    let claimed = only(wanted.manifest, &whole);
    let data = wanted.folder.join(DATA_NAME);
    let bad = hashing::verify_blocks(&data, &claimed, 0..claimed.len(), work)?;
    let wrong: HashSet<String> = (bad.damaged.into_iter().map(|file| file.path))
        .chain(bad.unreadable.into_iter().map(|file| file.path))
        .collect();
    fetched.whole.retain(|path| !wrong.contains(path));
    Ok(fetched)
}

/// The folders that stand where a file belongs, deepest first, relative to `data`; none where there is none. `None`
/// where something is in them that is not set aside.
fn folders_in_the_way(data: &Path, path: &str, added: &[ListedFile]) -> Option<Vec<String>> {
    if !fs::symlink_metadata(data.join(path)).is_ok_and(|there| there.is_dir()) {
        return Some(Vec::new());
    }
    let (mut found, mut next) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(data.join(&folder)).ok()? {
            let entry = entry.ok()?;
            let inner = format!("{folder}/{}", entry.file_name().to_str()?);
            if entry.file_type().ok()?.is_dir() {
                next.push(inner);
            } else if !added.iter().any(|file| file.path == inner) {
                return None;
            }
        }
        found.push(folder);
    }
    found.reverse();
    Some(found)
}

/// A package folder outside a library whose seal was found whole and trusted.
#[derive(Debug)]
pub struct SealedFolder {
    /// What is sealed.
    pub info: RegInfo,
    /// The sealed files.
    pub manifest: Manifest,
}

impl KeyRing {
    /// Judges the seal of a package folder outside a library. `trust` names keys that are trusted for this once.
    pub fn sealed_folder(&self, folder: &Path, trust: &[String]) -> Result<SealedFolder, LibraryError> {
        let folder = fs::canonicalize(folder).map_err(io_error("open", folder))?;
        if folder.ancestors().any(|above| above.join(super::open::CATALOGUE).is_file()) {
            return Err(LibraryError::SourceInLibrary(folder));
        }
        let trusted = trust.iter().map(|text| self.resolve(text)).collect::<Result<Vec<_>, _>>()?;
        let shown = folder.display().to_string();
        let seal = ProvenSeal::prove(self, &trusted, folder.as_path(), &shown)?;
        Ok(SealedFolder { info: seal.info, manifest: seal.snapshot.manifest })
    }
}

/// What stands before the places in the details of a repair.
const FROM: &str = "; from ";

fn details(fetched: &Fetched, plan: &RepairPlan, renamed: &[(String, String)], aside: &Path) -> String {
    let mut text = format!(
        "{} of {} made right, {} bytes fetched, {} bytes found here; {} renamed; {} set aside",
        fetched.whole.len(),
        many(plan.fetch.len() as u64, "file"),
        fetched.fetched_bytes,
        fetched.reused_bytes,
        renamed.len(),
        plan.added.len()
    );
    if !plan.added.is_empty() {
        text.push_str(&format!(" in {}", aside.display()));
    }
    if !fetched.from.is_empty() {
        let from: Vec<&str> = fetched.from.iter().map(|(name, _)| name.as_str()).collect();
        text.push_str(&format!("{FROM}{}", from.join(" | ")));
    }
    text
}

/// The files that are to be looked at again.
fn touched(plan: &RepairPlan) -> Vec<DamagedFile> {
    let mut touched: Vec<DamagedFile> = Vec::new();
    for file in &plan.fetch {
        let (path, size_bytes) = (file.path.clone(), file.size_bytes);
        touched.push(DamagedFile { path, size_bytes, blocks: Vec::new(), found: Sha256Digest::default() });
    }
    touched
}

/// Files that are to stay must not stand where others are put.
fn require_out_of_the_way(plan: &RepairPlan) -> Result<(), LibraryError> {
    let wanted =
        plan.fetch.iter().map(|f| f.path.as_str()).chain(plan.rename.iter().map(|f| f.recorded.as_str()));
    for path in wanted {
        let in_the_way = plan.added.iter().find(|added| {
            let is_above = |above: &str, below: &str| {
                below.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
            };
            is_above(&added.path, path) || is_above(path, &added.path)
        });
        if let Some(added) = in_the_way {
            return Err(LibraryError::PathConflict(added.path.clone()));
        }
    }
    Ok(())
}

/// Copies a plain file, without the holes, links and other names it may have.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<(), LibraryError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(io_error("make the folder", folder))?;
    }
    let mut source = open_plain(from).map_err(io_error("read", from))?;
    let mut copy = create_file(to).map_err(io_error("write", to))?;
    std::io::copy(&mut source, &mut copy).map_err(io_error("write", to))?;
    Ok(())
}
