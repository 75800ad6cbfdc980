//! The place of one package in a staging library: its objects, its tag files, the seal that lies there.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use super::error::{StageError, StagingError};
use super::lanes::{in_lanes, patiently};
use super::store::{PutProof, StagingStore, StorePath};
use crate::library::{Library, SEALED_ORDER};
use crate::package::consistency::{DamagedFile, Differences, UnreadableFile};
use crate::package::reginfo::{DATA_NAME, REGINFO_MAX_BYTES, REGINFO_NAME, SEAL_NAME};
use crate::package::snapshot::LIST_MAX_BYTES;
use crate::package::staging::UNFINISHED;
use crate::package::{FileList, Manifest, PackageKey, Sha256Digest};
use crate::work::Work;

/// Longest signature that is read.
const SEAL_MAX_BYTES: u64 = 64 << 10;

/// What lies in the place of a package.
#[derive(Clone, Debug, Default)]
pub(super) struct There {
    /// Objects with their sizes, relative to the package.
    pub(super) objects: Vec<(String, u64)>,
    /// Whether there is nothing else.
    pub(super) is_all: bool,
}

/// Whether an object of this path was begun and not finished.
pub(super) fn is_unfinished(path: &str) -> bool {
    path.rsplit('/').next().unwrap_or(path).starts_with(UNFINISHED)
}

/// Where a package lies, or is to lie, in a staging library.
pub(super) struct Place {
    pub(super) store: Arc<dyn StagingStore>,
    pub(super) root: StorePath,
}

impl Place {
    pub(super) fn of(store: Arc<dyn StagingStore>, key: &PackageKey) -> Result<Self, StageError> {
        let root = StorePath::parse(&Library::place_of(key));
        let root = root.map_err(|problem| StagingError::Setup(problem.to_string()))?;
        Ok(Self { store, root })
    }

    /// An object of the package.
    pub(super) fn at(&self, path: &str) -> Result<StorePath, StagingError> {
        self.root.join(path).map_err(|problem| StagingError::Setup(format!("{path:?}: {problem}")))
    }

    /// A file of the package.
    pub(super) fn file(&self, path: &str) -> Result<StorePath, StagingError> {
        self.at(&format!("{DATA_NAME}/{path}"))
    }

    /// The tag files that lie there, by name. What is no text counts as absent.
    pub(super) fn tags(&self, work: &Work) -> Result<BTreeMap<String, String>, StagingError> {
        let mut tags = BTreeMap::new();
        for name in SEALED_ORDER {
            work.check()?;
            let path = self.at(name)?;
            let most = match name {
                REGINFO_NAME => REGINFO_MAX_BYTES,
                SEAL_NAME => SEAL_MAX_BYTES,
                _ => LIST_MAX_BYTES,
            };
            let read = patiently(work, || self.store.read(&path, most))?;
            if let Some(text) = read.and_then(|bytes| String::from_utf8(bytes).ok()) {
                tags.insert(name.to_owned(), text);
            }
        }
        Ok(tags)
    }

    /// Every object there with its size, relative to the package; `None` where the server cannot list.
    pub(super) fn walk(&self, work: &Work) -> Result<Option<Vec<(String, u64)>>, StagingError> {
        match patiently(work, || self.store.walk(&self.root, work)) {
            Ok(found) => Ok(Some(found)),
            Err(StagingError::CannotList(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What lies there by what was `listed`, and whether that is all. What no server lists (names that begin with a
    /// dot), and where it cannot list all that is expected, is asked for one by one.
    pub(super) fn listing(
        &self,
        listed: Option<Vec<(String, u64)>>,
        expected: &Manifest,
        work: &Work,
    ) -> Result<There, StageError> {
        let is_all = listed.is_some();
        let mut objects = listed.unwrap_or_default();
        let mut asked: Vec<usize> = Vec::new();
        if !is_all {
            asked.extend(0..expected.len());
        } else if self.store.proof() == PutProof::Listing && !objects.is_empty() {
            let known: HashSet<&str> = objects.iter().map(|(path, _)| path.as_str()).collect();
            let is_hidden = |path: &str| path.split('/').any(|part| part.starts_with('.'));
            asked.extend((0..expected.len()).filter(|at| {
                let path = expected.files().path(*at);
                is_hidden(path) && !known.contains(format!("{DATA_NAME}/{path}").as_str())
            }));
        }
        let sizes = Mutex::new(Vec::with_capacity(asked.len()));
        in_lanes(asked.len(), work, |nth| {
            let path = expected.files().path(asked[nth]);
            let object = self.file(path)?;
            if let Some(size) = patiently(work, || self.store.size(&object))? {
                let mut sizes = sizes.lock().unwrap_or_else(PoisonError::into_inner);
                sizes.push((format!("{DATA_NAME}/{path}"), size));
            }
            Ok(())
        })?;
        objects.extend(sizes.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(There { objects, is_all })
    }

    /// The files there by name and size, those that are being written left out.
    pub(super) fn found(&self, expected: &Manifest, work: &Work) -> Result<FileList, StageError> {
        let there = self.listing(self.walk(work)?, expected, work)?;
        let inner = |path: &str| {
            path.strip_prefix(DATA_NAME).and_then(|path| path.strip_prefix('/')).map(str::to_owned)
        };
        let files = there.objects.iter().filter_map(|(path, size)| Some((inner(path)?, *size)));
        let files =
            files.filter(|(path, _)| !is_unfinished(path) || expected.files().position(path).is_some());
        FileList::from_unsorted(files.collect()).map_err(|twice| {
            StageError::Staging(StagingError::Failed {
                store: self.store.name(),
                what: format!("listing {}", self.root),
                why: twice.to_string(),
                is_temporary: false,
            })
        })
    }

    /// Reads the files with these numbers and holds their contents against the sealed hashes; adds what is wrong.
    pub(super) fn read_contents(
        &self,
        sealed: &Manifest,
        files: &[usize],
        differences: &mut Differences,
        work: &Work,
    ) -> Result<(), StageError> {
        let wrong = Mutex::new((Vec::new(), Vec::new()));
        in_lanes(files.len(), work, |nth| {
            let Some(file) = sealed.get(files[nth]) else { return Ok(()) };
            let object = self.file(file.path)?;
            let mut hasher = BlockHasher::new(sealed.block_size().bytes());
            let read = patiently(work, || {
                hasher = BlockHasher::new(sealed.block_size().bytes());
                self.store.read_through(&object, &mut |bytes| {
                    work.pace(bytes.len() as u64)?;
                    work.add_bytes(bytes.len() as u64);
                    hasher.take(bytes);
                    Ok(())
                })
            });
            work.add_files(1);
            let is_there = match read {
                Ok(is_there) => is_there,
                Err(StagingError::Cancelled(cancelled)) => return Err(cancelled.into()),
                // One file that cannot be read is a finding; a store that cannot be reached is an error.
                Err(error) if error.is_temporary() => return Err(error.into()),
                Err(error) => {
                    let mut wrong = wrong.lock().unwrap_or_else(PoisonError::into_inner);
                    wrong.1.push(UnreadableFile { path: file.path.to_owned(), reason: error.to_string() });
                    return Ok(());
                }
            };
            let found = hasher.end();
            let expected = file.hashes.map(|hashes| hashes.blocks.as_slice()).unwrap_or_default();
            let bad: Vec<u64> = (0..expected.len().max(found.len()))
                .filter(|at| expected.get(*at) != found.get(*at))
                .map(|at| at as u64)
                .collect();
            if !is_there || !bad.is_empty() {
                let damaged = DamagedFile {
                    path: file.path.to_owned(),
                    size_bytes: file.size_bytes,
                    blocks: bad,
                    found: crate::disk::hashing::digest_of_blocks(&found),
                };
                wrong.lock().unwrap_or_else(PoisonError::into_inner).0.push(damaged);
            }
            Ok(())
        })?;
        let (mut damaged, mut unreadable) = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
        damaged.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        unreadable.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        differences.damaged.extend(damaged);
        differences.unreadable.extend(unreadable);
        Ok(())
    }
}

/// Hashes a file block by block as it comes.
struct BlockHasher {
    size: u64,
    left: u64,
    hasher: Sha256,
    blocks: Vec<Sha256Digest>,
}

impl BlockHasher {
    fn new(size: u64) -> Self {
        Self { size, left: size, hasher: Sha256::new(), blocks: Vec::new() }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            let (now, rest) = bytes.split_at(room);
            self.hasher.update(now);
            self.left -= room as u64;
            if self.left == 0 {
                self.blocks.push(Sha256Digest::finish(std::mem::take(&mut self.hasher)));
                self.left = self.size;
            }
            bytes = rest;
        }
    }

    fn end(mut self) -> Vec<Sha256Digest> {
        if self.left < self.size {
            self.blocks.push(Sha256Digest::finish(self.hasher));
        }
        self.blocks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_of_any_length_give_the_same_blocks(
            content in prop::collection::vec(any::<u8>(), 0..200), size in 1..64u64, step in 1..50usize,
        ) {
            let mut hasher = BlockHasher::new(size);
            for piece in content.chunks(step) {
                hasher.take(piece);
            }
            let expected: Vec<Sha256Digest> =
                content.chunks(size as usize).map(Sha256Digest::of).collect();
            prop_assert_eq!(hasher.end(), expected);
        }
    }
}
