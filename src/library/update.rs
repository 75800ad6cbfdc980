//! Changing the files of an Open package through the library: add, replace, rename, remove.
//!
//! Only the recorded entries of the files it touches change: what changed behind the library's back stays a
//! difference.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::operation::{Operation, Step};
use super::package_folder::{put_notes, put_reginfo, relative_folder};
use super::scan::Links;
use super::seal::require_open;
use super::source::Source;
use super::{Library, LibraryError};
use crate::package::manifest::ManifestFile;
use crate::package::record::{PackageId, PackageRecord};
use crate::package::reginfo::DATA_NAME;
use crate::package::{CheckReport, Finding, HistoryEvent, Manifest, path};
use crate::work::Work;

/// A file or folder to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedFile {
    /// Where it is now. A folder is added with all it holds.
    pub from: PathBuf,
    /// Path in the package; its own name if absent. What is there is replaced.
    pub to: Option<String>,
}

/// What is to be changed, in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateRequest {
    /// Files to add or replace.
    pub add: Vec<AddedFile>,
    /// Files or folders to remove.
    pub remove: Vec<String>,
    /// Files or folders to rename: (path now, path then).
    pub rename: Vec<(String, String)>,
    /// What becomes of symbolic links.
    pub links: Links,
}

/// What was changed.
#[derive(Clone, Debug)]
pub struct UpdateReport {
    /// The package now.
    pub record: PackageRecord,
    /// Files that are new.
    pub added: u64,
    /// Files that were replaced.
    pub replaced: u64,
    /// Files that are gone.
    pub removed: u64,
    /// Files that have another path.
    pub renamed: u64,
}

impl Library {
    /// Changes the files of an Open package. All of it happens, or nothing.
    pub fn update(
        &self,
        id: PackageId,
        request: &UpdateRequest,
        work: &Work,
    ) -> Result<UpdateReport, LibraryError> {
        const INSTEAD: &str = "The package is sealed. Unseal it, or make a new version";
        let record = self.record(id)?;
        require_open(&record, "changed", INSTEAD)?;
        let (_lock, mut record) = self.lock_record(id)?;
        require_open(&record, "changed", INSTEAD)?;
        self.require_reachable()?;
        let recorded = self.recorded_manifest(id)?;
        let block_size = recorded.block_size();
        let operation = Operation::begin(self)?;
        let data = relative_folder(&record.key).join(DATA_NAME);
        let files = recorded.into_files().into_iter().map(|file| (file.path.clone(), file)).collect();
        let mut edit = FileEdit::new(self.root(), files);

        let mut removed = 0;
        for wanted in &request.remove {
            removed += edit.remove(&record, wanted, &data, &operation)?;
        }
        let mut renamed = 0;
        for (from, to) in &request.rename {
            renamed += edit.rename(&record, from, to, &data)?;
        }
        let (mut added, mut replaced) = (0, 0);
        for (number, file) in request.add.iter().enumerate() {
            let part = format!("new{number}");
            let source = Source::look(self, std::slice::from_ref(&file.from), request.links, work)?;
            source.require_acceptable(&[])?;
            let target = file.to.clone().unwrap_or_default();
            for mut copied in source.copy(&operation.folder().join(&part), block_size, work)? {
                let from = operation.relative(&part).join(&copied.path);
                copied.path = destination(&copied.path, &target, file)?;
                path::check(&copied.path)
                    .map_err(|why| LibraryError::Refused(vec![(copied.path.clone(), why.to_string())]))?;
                if edit.put(copied, from, &data)? { replaced += 1 } else { added += 1 }
            }
        }
        work.begin("Finishing", 0, 0);
        require_tree(&edit.files)?;
        let FileEdit { files, steps, touched, .. } = edit;
        let mut steps: Vec<Step> = steps.into_iter().flatten().collect();
        let files = files.into_values().collect();
        self.require_room(&steps, &data)?;
        let manifest =
            Manifest::from_files(block_size, files).map_err(|twice| LibraryError::PathConflict(twice.0))?;
        for gone in touched.iter().filter(|path| manifest.files().position(path).is_none()) {
            if let Some(parent) = data.join(gone).parent() {
                steps.push(Step::RemoveEmpty { path: parent.to_owned(), stop: data.clone() });
            }
        }
        let old = record.checksum;
        record.checksum = manifest.files().checksum();
        record.checksum_event = "updated".to_owned();
        record.checksum_at = Timestamp::now();
        record.changed = record.checksum_at;
        let report = self.catalogue().report(id)?.map(|report| without(report, &touched, &record));
        if let Some(report) = &report {
            record.finding = report.finding;
            if report.is_consistent() {
                record.noticed = None;
            }
        }
        put_reginfo(&operation, &record, &manifest, &mut steps)?;
        put_notes(&operation, &record, &mut steps)?;
        let mut entry = self.entry(HistoryEvent::Updated, Some(&record));
        entry.old_checksum = Some(old);
        entry.new_checksum = Some(record.checksum);
        entry.details = Some(format!(
            "{added} added, {replaced} replaced, {removed} removed, {renamed} renamed: {}",
            names(&touched)
        ));
        work.check()?;
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_package(&record)?;
            change.put_manifest(id, &manifest)?;
            change.put_report(id, report.as_ref().filter(|report| !report.is_consistent()))?;
            change.append_history(entry)?;
            Ok(())
        })?;
        Ok(UpdateReport { record, added, replaced, removed, renamed })
    }
}

impl Library {
    /// An error if a step could not be done for what stands where its file goes: decided is decided, so it is found out
    /// before. What came behind the library's back is not overwritten by a rename.
    fn require_room(&self, steps: &[Step], data: &Path) -> Result<(), LibraryError> {
        let data = self.root().join(data);
        let mut moved_aside: BTreeSet<&Path> = BTreeSet::new();
        for step in steps {
            let (from, to) = match step {
                Step::MoveAside { from, .. } => {
                    require_real_folders(&self.root().join(from), &data)?;
                    moved_aside.insert(from);
                    continue;
                }
                Step::Rename { from, to } => (self.root().join(from), self.root().join(to)),
                Step::Remove { .. } | Step::RemoveEmpty { .. } => continue,
            };
            require_real_folders(&from, &data)?;
            let Ok(inside) = to.strip_prefix(&data) else { continue };
            let conflict = || LibraryError::PathConflict(inside.display().to_string());
            let is_gone = |path: &Path| {
                path.strip_prefix(self.root()).is_ok_and(|relative| moved_aside.contains(relative))
            };
            match std::fs::symlink_metadata(&to) {
                Ok(there) if there.is_dir() => return Err(conflict()),
                // On a file system without case this is the file itself.
                Ok(_) if from.starts_with(&data) && !is_gone(&to) && !is_same_entry(&from, &to) => {
                    return Err(conflict());
                }
                _ => {}
            }
            let above = to.ancestors().skip(1).take_while(|folder| folder.starts_with(&data));
            for folder in above {
                let is_folder = std::fs::symlink_metadata(folder).is_ok_and(|there| there.is_dir());
                if !is_folder && std::fs::symlink_metadata(folder).is_ok() && !is_gone(folder) {
                    return Err(conflict());
                }
            }
        }
        Ok(())
    }
}

/// An error if a folder above a file of the package is a link: what is moved out of it would be somebody else's.
fn require_real_folders(file: &Path, data: &Path) -> Result<(), LibraryError> {
    for folder in file.ancestors().skip(1).take_while(|folder| folder.starts_with(data)) {
        if std::fs::symlink_metadata(folder).is_ok_and(|there| !there.is_dir()) {
            let inside = folder.strip_prefix(data).unwrap_or(folder);
            return Err(LibraryError::PathConflict(inside.display().to_string()));
        }
    }
    Ok(())
}

/// Whether two names lead to the same entry of a folder.
fn is_same_entry(a: &Path, b: &Path) -> bool {
    match (std::fs::canonicalize(a), std::fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// The recorded files on their way to the next state, and the steps that bring the disk there.
struct FileEdit {
    /// The folder of the library.
    root: PathBuf,
    files: BTreeMap<String, ManifestFile>,
    /// Steps; one that turned out not to be needed is `None`.
    steps: Vec<Option<Step>>,
    touched: BTreeSet<String>,
    /// Paths that a rename leaves. Nothing may come to them in the same update: a step that is done twice after an
    /// interruption must not find something else in its place.
    left: BTreeSet<String>,
    /// Paths that a removal leaves, and the number of its step.
    removed: BTreeMap<String, usize>,
}

impl FileEdit {
    fn new(root: &Path, files: BTreeMap<String, ManifestFile>) -> Self {
        let (touched, left, removed) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        Self { root: root.to_owned(), files, steps: Vec::new(), touched, left, removed }
    }

    /// The files that are `path` or lie below it.
    fn at_or_below(&self, record: &PackageRecord, path: &str) -> Result<Vec<String>, LibraryError> {
        let below = format!("{path}/");
        let inside = self
            .files
            .range(below.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&below));
        let chosen: Vec<String> =
            self.files.get_key_value(path).map(|(path, _)| path).into_iter().chain(inside).cloned().collect();
        if chosen.is_empty() {
            return Err(LibraryError::NoSuchFile { key: record.key.clone(), path: path.to_owned() });
        }
        Ok(chosen)
    }

    fn remove(
        &mut self,
        record: &PackageRecord,
        path: &str,
        data: &Path,
        operation: &Operation<'_>,
    ) -> Result<u64, LibraryError> {
        let chosen = self.at_or_below(record, path.trim_end_matches('/'))?;
        let count = chosen.len() as u64;
        for path in chosen {
            self.files.remove(&path);
            let to = operation.relative("old").join(&path);
            self.removed.insert(path.clone(), self.steps.len());
            // Once only: a folder may take the place of the file.
            // A file that is gone already needs no step: done again, it would move what took its place.
            let is_there = std::fs::symlink_metadata(self.root.join(data).join(&path)).is_ok();
            self.steps.push(is_there.then(|| Step::MoveAside { from: data.join(&path), to }));
            self.touched.insert(path);
        }
        Ok(count)
    }

    fn rename(
        &mut self,
        record: &PackageRecord,
        from: &str,
        to: &str,
        data: &Path,
    ) -> Result<u64, LibraryError> {
        let (from, to) = (from.trim_end_matches('/'), to.trim_end_matches('/'));
        let chosen = self.at_or_below(record, from)?;
        let count = chosen.len() as u64;
        for old in chosen {
            let new = format!("{to}{}", &old[from.len()..]);
            path::check(&new).map_err(|why| LibraryError::Refused(vec![(new.clone(), why.to_string())]))?;
            if self.files.contains_key(&new) || self.left.contains(&new) || self.removed.contains_key(&new) {
                return Err(LibraryError::PathConflict(new));
            }
            if let Some(mut file) = self.files.remove(&old) {
                file.path.clone_from(&new);
                self.files.insert(new.clone(), file);
            }
            self.steps.push(Some(Step::Rename { from: data.join(&old), to: data.join(&new) }));
            self.left.insert(old.clone());
            self.touched.extend([old, new]);
        }
        Ok(count)
    }

    /// Takes a file in that lies at `from`; whether it replaced one. Removed and added is replaced.
    fn put(&mut self, file: ManifestFile, from: PathBuf, data: &Path) -> Result<bool, LibraryError> {
        if self.left.contains(&file.path) {
            return Err(LibraryError::PathConflict(file.path));
        }
        let was_removed = self.removed.remove(&file.path);
        if let Some(step) = was_removed {
            self.steps[step] = None;
        }
        self.steps.push(Some(Step::Rename { from, to: data.join(&file.path) }));
        self.touched.insert(file.path.clone());
        Ok(self.files.insert(file.path.clone(), file).is_some() || was_removed.is_some())
    }
}

/// Where a copied file goes: `to` names the file, or the folder for the content of an added folder; `to/` ends in a
/// slash where the name is kept.
fn destination(copied: &str, to: &str, file: &AddedFile) -> Result<String, LibraryError> {
    let is_folder = file.from.is_dir();
    if to.is_empty() {
        if !is_folder {
            return Ok(copied.to_owned());
        }
        let name = file.from.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        return Ok(format!("{name}/{copied}"));
    }
    match (is_folder, to.strip_suffix('/')) {
        (false, None) => Ok(to.to_owned()),
        (_, folder) => Ok(format!("{}/{copied}", folder.unwrap_or(to))),
    }
}

/// No path may be a file and a folder at once.
fn require_tree(files: &BTreeMap<String, ManifestFile>) -> Result<(), LibraryError> {
    for path in files.keys() {
        let mut end = path.len();
        while let Some(slash) = path[..end].rfind('/') {
            if files.contains_key(&path[..slash]) {
                return Err(LibraryError::PathConflict(path[..slash].to_owned()));
            }
            end = slash;
        }
    }
    Ok(())
}

/// A stored report without the files that were settled by the update.
fn without(mut report: CheckReport, touched: &BTreeSet<String>, record: &PackageRecord) -> CheckReport {
    let d = &mut report.differences;
    d.added.retain(|f| !touched.contains(&f.path));
    d.removed.retain(|f| !touched.contains(&f.path));
    d.resized.retain(|f| !touched.contains(&f.path));
    d.case_changed.retain(|f| !touched.contains(&f.recorded) && !touched.contains(&f.found));
    d.damaged.retain(|f| !touched.contains(&f.path));
    d.unreadable.retain(|f| !touched.contains(&f.path));
    report.recorded = record.checksum;
    if report.finding != Finding::Missing {
        report.finding = report.differences.finding();
    }
    report
}

fn names(touched: &BTreeSet<String>) -> String {
    const SHOWN: usize = 20;
    let mut text = touched.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if touched.len() > SHOWN {
        text.push_str(&format!(", and {} more", touched.len() - SHOWN));
    }
    text
}
