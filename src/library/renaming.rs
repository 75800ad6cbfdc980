//! Names of a source that cannot travel, and the names they get in the package.
//!
//! Owns: what a name is called while it cannot be written as text, which new name is proposed, and how an entry is found
//! again by its old one. What is renamed is taken as a part of its own; the source is not touched.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::LibraryError;
use super::error::io_error;
use super::scan::{self, Links, RefusedEntry, Scan};
use super::source::{Part, Source, SourceKind, facts_of, scan_error};
use crate::disk::escaped;
use crate::package::FileList;
use crate::package::path::{self, PathProblem};
use crate::work::Work;

/// A name that is refused, or may not arrive everywhere, and the one proposed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamable {
    /// The path as it was found; bytes that are not UTF-8 as `\xE4`.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
    /// A path that travels, and that nothing else in the source has.
    pub proposal: String,
    /// Whether it must have another name, or be left out.
    pub is_refused: bool,
}

impl Source {
    /// Every name that can be given another one, with a proposal.
    pub(super) fn renamable(&self) -> Vec<Renamable> {
        let mut taken: HashSet<String> = self.paths().map(|(path, _)| folded(&path)).collect();
        let mut found = Vec::new();
        for part in &self.parts {
            for (path, why) in &part.scan.refused {
                let RefusedEntry::Path(problem) = why else { continue };
                let path = format!("{}{path}", part.prefix);
                let readable = if *problem == PathProblem::NotUtf8 { unescaped(&path) } else { path.clone() };
                let proposal = free(path::portable(&readable), &mut taken);
                found.push(Renamable { path, why: problem.to_string(), proposal, is_refused: true });
            }
        }
        for (path, why) in self.warnings() {
            if found.last().is_some_and(|last| last.path == path) {
                continue;
            }
            let proposal = free(path::portable(&path), &mut taken);
            found.push(Renamable { path, why: why.to_string(), proposal, is_refused: false });
        }
        found
    }

    /// Gives entries other names: pairs of the path as it was found and the one in the package. A folder takes all that
    /// is in it with it.
    pub(super) fn rename(
        &mut self,
        wanted: &[(String, String)],
        links: Links,
        work: &Work,
    ) -> Result<(), LibraryError> {
        let mut problems: Vec<(String, String)> = Vec::new();
        if self.kind != SourceKind::Plain && !wanted.is_empty() {
            let why = "the names in a bag or a package folder are part of its proof".to_owned();
            problems.push((wanted[0].0.clone(), why));
            return Err(LibraryError::Refused(problems));
        }
        let mut gone: Vec<Vec<String>> = vec![Vec::new(); self.parts.len()];
        for (old, new) in wanted {
            work.check()?;
            if let Err(problem) = path::check(new) {
                problems.push((new.clone(), problem.to_string()));
                continue;
            }
            let Some((at, on_disk)) = self.find(old)? else {
                problems.push((old.clone(), "there is no such name to be changed".to_owned()));
                continue;
            };
            match taken_as(&on_disk, new, links, work)? {
                Some(part) => {
                    gone[at].push(old[self.parts[at].prefix.len()..].to_owned());
                    // What lies in it can be renamed as well, by its new path.
                    self.parts.push(part);
                    gone.push(Vec::new());
                }
                None => problems.push((old.clone(), "it is neither a file nor a folder".to_owned())),
            }
        }
        if !problems.is_empty() {
            return Err(LibraryError::Refused(problems));
        }
        for (part, gone) in self.parts.iter_mut().zip(gone) {
            if !gone.is_empty() {
                part.scan = without(std::mem::take(&mut part.scan), &gone);
            }
        }
        // Two names that have become one are found here, before anything is copied.
        self.file_list().map(drop)
    }

    /// Where the entry of this path lies: its part, and its path on disk.
    fn find(&self, old: &str) -> Result<Option<(usize, PathBuf)>, LibraryError> {
        for (at, part) in self.parts.iter().enumerate() {
            let Some(path) = old.strip_prefix(&part.prefix) else { continue };
            let refused = part.scan.refused.iter().find(|(refused, _)| refused == path);
            match refused {
                Some((_, RefusedEntry::Path(PathProblem::NotUtf8))) => {
                    return Ok(escaped_on_disk(&part.root, path)?.map(|found| (at, found)));
                }
                Some((_, RefusedEntry::Path(_))) => return Ok(Some((at, part.root.join(path)))),
                Some(_) => return Ok(None),
                None => {}
            }
            let is_folder = || {
                part.scan
                    .files
                    .iter()
                    .any(|file| file.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
            };
            if !path.is_empty() && (part.scan.files.position(path).is_some() || is_folder()) {
                let on_disk = part.on_disk.clone().unwrap_or_else(|| part.root.join(path));
                return Ok(Some((at, on_disk)));
            }
        }
        Ok(None)
    }
}

/// An entry as a part of its own, under its new path; `None` if it is neither file nor folder.
fn taken_as(on_disk: &Path, new: &str, links: Links, work: &Work) -> Result<Option<Part>, LibraryError> {
    let facts = fs::symlink_metadata(on_disk).map_err(io_error("read", on_disk))?;
    if facts.is_dir() {
        let scan = scan::scan_source(on_disk, links, work).map_err(|error| scan_error(error, on_disk))?;
        return Ok(Some(Part { root: on_disk.to_owned(), prefix: format!("{new}/"), scan, on_disk: None }));
    }
    if !facts.is_file() {
        return Ok(None);
    }
    let mut files = FileList::new();
    files.push(new, facts.len()).map_err(|twice| LibraryError::SameSourceName(twice.0))?;
    let (executable, stamp) = facts_of(&facts);
    let scan = Scan { files, executable: vec![executable], stamps: vec![stamp], ..Scan::default() };
    let root = on_disk.parent().unwrap_or(on_disk).to_owned();
    Ok(Some(Part { root, prefix: String::new(), scan, on_disk: Some(on_disk.to_owned()) }))
}

/// A scan without these entries, and without what is in them.
fn without(scan: Scan, gone: &[String]) -> Scan {
    let gone: HashSet<&str> = gone.iter().map(String::as_str).collect();
    let is_gone = |path: &str| {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        above.chain([path]).any(|path| gone.contains(path))
    };
    let mut left =
        Scan { empty_folders: scan.empty_folders, skipped_links: scan.skipped_links, ..Scan::default() };
    for (index, file) in scan.files.iter().enumerate().filter(|(_, file)| !is_gone(file.path)) {
        // They come in the order of the list they were in.
        if left.files.push(file.path, file.size_bytes).is_ok() {
            left.executable.extend(scan.executable.get(index));
            left.stamps.extend(scan.stamps.get(index));
        }
    }
    left.refused = scan.refused.into_iter().filter(|(path, _)| !is_gone(path)).collect();
    left.unreadable = scan.unreadable.into_iter().filter(|entry| !is_gone(&entry.path)).collect();
    left
}

/// The entry whose name, not being UTF-8, is shown as `path` ends.
fn escaped_on_disk(root: &Path, path: &str) -> Result<Option<PathBuf>, LibraryError> {
    let (folder, shown) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = root.join(folder);
    for entry in fs::read_dir(&folder).map_err(io_error("read the folder", &folder))? {
        let entry = entry.map_err(io_error("read the folder", &folder))?;
        let name = entry.file_name();
        if name.to_str().is_none() && escaped(name.as_encoded_bytes()) == shown {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Bytes shown as `\xE4` as the letters they are on most old Windows disks.
fn unescaped(shown: &str) -> String {
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some(at) = rest.find("\\x") {
        text.push_str(&rest[..at]);
        let byte = rest.get(at + 2..at + 4).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                text.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0);
                rest = &rest[at + 4..];
            }
            None => {
                text.push_str("\\x");
                rest = &rest[at + 2..];
            }
        }
    }
    text + rest
}

/// As names are compared that may be one on other systems.
fn folded(path: &str) -> String {
    path.to_lowercase()
}

/// A path nothing else has: `name (2).txt`.
fn free(path: String, taken: &mut HashSet<String>) -> String {
    if taken.insert(folded(&path)) {
        return path;
    }
    let (folder, name) = path.rsplit_once('/').map_or(("", path.as_str()), |(folder, name)| (folder, name));
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let slash = if folder.is_empty() { "" } else { "/" };
    let mut numbered = (2u64..).map(|number| format!("{folder}{slash}{stem} ({number}){ending}"));
    // Of all numbers one is free.
    numbered.find(|path| taken.insert(folded(path))).unwrap_or_default()
}
