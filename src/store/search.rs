//! Search over the paths and hashes of every recorded file: which package contains log4j.jar?
//!
//! Paths of a package are one blob, so two million of them are searched like one text, on two connections at once.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use regex::bytes::{Regex, RegexBuilder};
use rusqlite::Statement;

use super::{Catalogue, StoreError};
use crate::package::record::PackageId;
use crate::package::{PackageKey, PackageState, Sha256Digest};

/// Stripes of the sorted packages, so that the first hits are found first; two connections share them.
const STRIPE: usize = 2048;

/// What is searched for.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Part of a path, or a path with `*` and `?` that must match a whole name (or a whole path if it has a `/`),
    /// without regard to case.
    Path(PathPattern),
    /// A file with this SHA-256.
    Hash(Sha256Digest),
}

/// A compiled path pattern.
#[derive(Clone, Debug)]
pub struct PathPattern {
    regex: Regex,
}

/// One file that was found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FoundFile {
    /// The package it belongs to.
    pub package: PackageKey,
    /// Its identity.
    pub package_id: PackageId,
    /// State of the package.
    pub state: PackageState,
    /// Path relative to `data/`.
    pub path: String,
    /// Recorded size in bytes.
    pub size_bytes: u64,
    /// Recorded SHA-256, unless it was lost.
    pub sha256: Option<Sha256Digest>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SearchResult {
    /// The first files, by package and path.
    pub files: Vec<FoundFile>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// How much a search finds in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SearchCount {
    /// Files that match.
    pub files: u64,
    /// Packages they are in.
    pub packages: u64,
}

impl Pattern {
    /// Reads a pattern: 64 hex digits are a hash, `*` and `?` are wildcards, all else is part of a path.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(digest) = Sha256Digest::parse(text) {
            return Some(Self::Hash(digest));
        }
        if text.is_empty() {
            return None;
        }
        let wild = text.contains(['*', '?']);
        let mut source = String::new();
        if wild {
            // From a name's beginning (or the path's, if the pattern has a `/`) to its end.
            source.push_str(if text.contains('/') { r"(?:\A|\x00)" } else { r"(?:\A|\x00|/)" });
        }
        for c in text.chars() {
            match c {
                '*' => source.push_str(r"[^\x00]*"),
                '?' => source.push_str(r"[^\x00]"),
                other => source.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        if wild {
            source.push_str(r"\x00");
        }
        let regex = RegexBuilder::new(&source).case_insensitive(true).size_limit(8 << 20).build().ok()?;
        Some(Self::Path(PathPattern { regex }))
    }

    /// The statement that reads what it is searched in.
    fn column(&self) -> &'static str {
        match self {
            Self::Path(_) => "SELECT names FROM contents WHERE package = ?1",
            Self::Hash(_) => "SELECT file_hashes FROM contents WHERE package = ?1",
        }
    }

    /// Numbers of the files in a row of `contents` that match, at most `limit`.
    fn positions(&self, blobs: &mut Statement<'_>, row: i64, limit: usize) -> Result<Vec<usize>, StoreError> {
        let mut rows = blobs.query([row])?;
        let Some(row) = rows.next()? else { return Ok(Vec::new()) };
        let blob = row.get_ref(0)?.as_blob().map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(match self {
            Self::Path(path) => matching_paths(blob, &path.regex, limit),
            Self::Hash(hash) => matching_hashes(blob, hash, limit),
        })
    }
}

impl Catalogue {
    /// The first `limit` files, by package and path, that match; archived packages only if `with_archived`.
    /// `cancelled` is asked between packages.
    pub fn find_files(
        &self,
        pattern: &Pattern,
        with_archived: bool,
        limit: usize,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<SearchResult, StoreError> {
        let keys = self.rows_to_search(with_archived)?;
        let next = AtomicU64::new(0);
        let enough = AtomicBool::new(false);
        let stripes = keys.len().div_ceil(STRIPE);
        let worker = |catalogue: &Self| -> Result<Vec<(usize, Vec<FoundFile>)>, StoreError> {
            // One transaction for all: each statement by itself would ask the system whether the file has changed.
            let _same_state = catalogue.connection.unchecked_transaction()?;
            let mut blobs = catalogue.connection.prepare_cached(pattern.column())?;
            let mut found = Vec::new();
            let mut count = 0;
            loop {
                let stripe = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                if stripe >= stripes || enough.load(Ordering::Relaxed) || cancelled() {
                    return Ok(found);
                }
                let range = stripe * STRIPE..((stripe + 1) * STRIPE).min(keys.len());
                let mut files = Vec::new();
                for row in &keys[range] {
                    let most = limit + 1 - files.len().min(limit);
                    let positions = pattern.positions(&mut blobs, *row, most)?;
                    if !positions.is_empty() {
                        catalogue.describe(*row, &positions, &mut files)?;
                    }
                    if files.len() > limit {
                        break;
                    }
                }
                count += files.len();
                found.push((stripe, files));
                // Stripes are handed out in order: all before this one are done or under way.
                if count > limit {
                    enough.store(true, Ordering::Relaxed);
                }
            }
        };
        let second = if stripes > 1 { self.reader()? } else { None };
        let mut parts = if let Some(second) = second {
            std::thread::scope(|scope| {
                let other = scope.spawn(move || worker(&second));
                let mut parts = worker(self)?;
                let others =
                    other.join().map_err(|_| StoreError::Damaged("a search thread stopped".to_owned()))?;
                parts.extend(others?);
                Ok::<_, StoreError>(parts)
            })?
        } else {
            worker(self)?
        };
        parts.sort_by_key(|(stripe, _)| *stripe);
        let mut files: Vec<FoundFile> = parts.into_iter().flat_map(|(_, files)| files).collect();
        let more = files.len() > limit;
        files.truncate(limit);
        Ok(SearchResult { files, more })
    }

    /// How many files of how many packages match.
    pub fn count_files(
        &self,
        pattern: &Pattern,
        with_archived: bool,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<SearchCount, StoreError> {
        let keys = self.rows_to_search(with_archived)?;
        let next = AtomicUsize::new(0);
        let worker = |catalogue: &Self| -> Result<SearchCount, StoreError> {
            let _same_state = catalogue.connection.unchecked_transaction()?;
            let mut blobs = catalogue.connection.prepare_cached(pattern.column())?;
            let mut count = SearchCount::default();
            loop {
                let from = next.fetch_add(STRIPE, Ordering::Relaxed);
                if from >= keys.len() || cancelled() {
                    return Ok(count);
                }
                for row in &keys[from..(from + STRIPE).min(keys.len())] {
                    let files = pattern.positions(&mut blobs, *row, usize::MAX)?.len() as u64;
                    count.files += files;
                    count.packages += u64::from(files > 0);
                }
            }
        };
        let second = if keys.len() > STRIPE { self.reader()? } else { None };
        let Some(second) = second else { return worker(self) };
        std::thread::scope(|scope| {
            let other = scope.spawn(move || worker(&second));
            let one = worker(self)?;
            let other =
                other.join().map_err(|_| StoreError::Damaged("a search thread stopped".to_owned()))??;
            Ok(SearchCount { files: one.files + other.files, packages: one.packages + other.packages })
        })
    }

    /// Hands every file that matches to `take`, package by package, in order. Gives how many; `take` ends it early by
    /// an error.
    pub fn every_file<E: From<StoreError>>(
        &self,
        pattern: &Pattern,
        with_archived: bool,
        mut take: impl FnMut(&FoundFile) -> Result<(), E>,
    ) -> Result<u64, E> {
        let keys = self.rows_to_search(with_archived)?;
        let mut blobs =
            self.connection.prepare_cached(pattern.column()).map_err(|error| E::from(error.into()))?;
        let mut count = 0;
        let mut files = Vec::new();
        for row in keys {
            let positions = pattern.positions(&mut blobs, row, usize::MAX)?;
            if positions.is_empty() {
                continue;
            }
            files.clear();
            self.describe(row, &positions, &mut files)?;
            count += files.len() as u64;
            files.iter().try_for_each(&mut take)?;
        }
        Ok(count)
    }

    /// Rows of the packages in which a search looks, by name and version.
    fn rows_to_search(&self, with_archived: bool) -> Result<Vec<i64>, StoreError> {
        if with_archived {
            return self.rows_in_order();
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT row FROM packages WHERE trash IS NULL AND state <> 'archived' ORDER BY folded",
        )?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?)
    }

    fn describe(&self, row: i64, positions: &[usize], files: &mut Vec<FoundFile>) -> Result<(), StoreError> {
        let id: String = self
            .connection
            .prepare_cached("SELECT id FROM packages WHERE row = ?1")?
            .query_row([row], |row| row.get(0))?;
        let id = uuid::Uuid::parse_str(&id).map(PackageId).map_err(|e| StoreError::Damaged(e.to_string()))?;
        let (Some(record), Some(manifest)) = (self.package(id)?, self.manifest(id)?) else { return Ok(()) };
        for file in positions.iter().filter_map(|position| manifest.get(*position)) {
            files.push(FoundFile {
                package: record.key.clone(),
                package_id: id,
                state: record.state,
                path: file.path.to_owned(),
                size_bytes: file.size_bytes,
                sha256: file.hashes.map(|hashes| hashes.file),
            });
        }
        Ok(())
    }
}

/// Numbers of the paths in a blob of `\0`-ended paths that the regex touches, at most `limit`.
fn matching_paths(blob: &[u8], regex: &Regex, limit: usize) -> Vec<usize> {
    let mut positions = Vec::new();
    let (mut from, mut path_number) = (0, 0);
    // A match may begin at the `\0` before its path, so that names can be tied to their beginning.
    let mut search_from = 0;
    while let Some(hit) = regex.find_at(blob, search_from) {
        let inside = hit.start() + usize::from(blob.get(hit.start()) == Some(&0));
        path_number += memchr::memchr_iter(0, &blob[from..inside]).count();
        positions.push(path_number);
        let Some(end) = memchr::memchr(0, &blob[inside..]) else { break };
        from = inside + end;
        search_from = from;
        if positions.len() == limit || from + 1 >= blob.len() {
            break;
        }
    }
    positions
}

fn matching_hashes(blob: &[u8], hash: &Sha256Digest, limit: usize) -> Vec<usize> {
    let (hashes, _) = blob.as_chunks::<32>();
    hashes
        .iter()
        .enumerate()
        .filter(|(_, found)| *found == hash.as_bytes())
        .map(|(i, _)| i)
        .take(limit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(pattern: &str, paths: &[&str]) -> Vec<usize> {
        let blob: Vec<u8> = paths.iter().flat_map(|path| path.bytes().chain([0])).collect();
        match Pattern::parse(pattern) {
            Some(Pattern::Path(path)) => matching_paths(&blob, &path.regex, 100),
            other => panic!("{pattern:?} is {other:?}"),
        }
    }

    #[test]
    fn a_plain_text_is_part_of_a_path_without_regard_to_case() {
        let paths = ["lib/Log4J.jar", "lib/log4j.jar.bak", "readme", "x/log4j.jar"];
        assert_eq!(hits("log4j.jar", &paths), [0, 1, 3]);
        assert_eq!(hits("LIB/", &paths), [0, 1]);
        assert_eq!(hits(".", &paths), [0, 1, 3], "a dot is a dot");
    }

    #[test]
    fn wildcards_match_whole_names() {
        let paths = ["lib/log4j-core.jar", "lib/log4j.jar.bak", "log4j.jar", "mylog4j.jar"];
        assert_eq!(hits("log4j*.jar", &paths), [0, 2]);
        assert_eq!(hits("*log4j*.jar", &paths), [0, 2, 3]);
        assert_eq!(hits("lib/*", &paths), [0, 1]);
        assert_eq!(hits("?ylog4j.jar", &paths), [3]);
    }

    #[test]
    fn neighbours_are_both_found() {
        assert_eq!(hits("*.a", &["1.a", "2.a", "3.b", "4.a"]), [0, 1, 3]);
    }
}
