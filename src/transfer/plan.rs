//! What is to be fetched: files, blocks, hashes, and where they lie. Pure.
//!
//! A plan is made from a package's snapshot and registration info, or from a Metalink of others. Blocks are numbered
//! through the plan: files by path bytes, then the blocks of a file; an empty file has none. A file with one hash for the
//! whole is one block where it is small; a large one is *unproven* until all of it is there.

use std::collections::HashSet;
use std::ops::Range;

pub use crate::package::metalink::Pieces;
use crate::package::reginfo::RegInfo;
use crate::package::snapshot::Snapshot;
use crate::package::{BlockMap, Sha256Digest, path};

/// Smallest piece that is taken from a Metalink.
pub const PIECE_LEAST_BYTES: u64 = 16 * 1024;
/// Largest piece that is taken from a Metalink.
pub const PIECE_MOST_BYTES: u64 = 64 * 1024 * 1024;
/// A file that has only a hash for the whole is proven in memory, as one block, up to this size.
pub const WHOLE_AS_BLOCK_BYTES: u64 = 4 * 1024 * 1024;

/// A file on its way into a [`Plan`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlannedFile {
    /// Path relative to the folder: `data/bin/app.exe` in a package.
    pub path: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the whole file, where it is known.
    pub whole: Option<Sha256Digest>,
    /// SHA-256 of its pieces, where they are known.
    pub pieces: Option<Pieces>,
    /// Addresses of this file alone, beside the codebases of the transfer.
    pub mirrors: Vec<Mirror>,
    /// Whether the owner may execute it.
    pub executable: bool,
}

/// Another address of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Absolute `http` or `https` address.
    pub url: String,
    /// Lower is asked first (RFC 5854, 4.2.16: 1 to 999,999).
    pub priority: u32,
}

/// A file that is written when everything else is proven: `reginfo.json`, `bagit.txt`, the seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFile {
    /// Path relative to the folder.
    pub path: String,
    /// What is written.
    pub content: Vec<u8>,
}

/// Why nothing can be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanProblem {
    /// A file has no SHA-256, neither whole nor in pieces: nothing could be proven.
    #[error("there are no hashes of {0:?}, so nothing could be proven")]
    NoHashes(String),
    /// A path that no package can have.
    #[error("{path:?} is no path that is written to: {why}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: path::PathProblem,
    },
    /// A path is listed twice, or is a file and a folder at once.
    #[error("{0:?} is listed twice, or is a file and a folder at once")]
    Twice(String),
    /// The size of the pieces is none that is taken, or their number does not fit the size of the file.
    #[error("the pieces of {path:?} are not possible: {why}")]
    Pieces {
        /// The file.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// More blocks than are kept apart, or more bytes than there are numbers for.
    #[error("it has more blocks than can be kept apart")]
    TooMuch,
    /// A tag file is not the one that the registration info names.
    #[error("{0} is not the file that the registration info names")]
    TagFile(String),
}

/// One file of a [`Plan`].
#[derive(Clone, Debug)]
pub struct FilePlan {
    /// Path relative to the folder.
    pub path: Box<str>,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Length of all but its last block.
    pub block_bytes: u64,
    /// Whether it is proven only by its whole hash, once all of it is there.
    pub is_unproven: bool,
    /// Whether the owner may execute it.
    pub executable: bool,
    /// Addresses of this file alone.
    pub mirrors: Box<[Mirror]>,
    first_block: usize,
}

/// Where one block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of its file.
    pub file: usize,
    /// Its number within the file.
    pub nth: u64,
    /// Its first byte within the file.
    pub offset_bytes: u64,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// What it must hash to.
    pub hash: Sha256Digest,
}

/// All that is to be fetched.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    files: Vec<FilePlan>,
    hashes: Vec<Sha256Digest>,
    tags: Vec<TagFile>,
    total_bytes: u64,
}

impl Plan {
    /// A plan of these files, with tag files that are written at the end in this order.
    pub fn new(mut files: Vec<PlannedFile>, tags: Vec<TagFile>) -> Result<Self, PlanProblem> {
        files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        check_paths(&files, &tags)?;
        let mut plan = Self { tags, ..Self::default() };
        plan.files.reserve_exact(files.len());
        for file in files {
            plan.add(file)?;
        }
        plan.hashes.shrink_to_fit();
        Ok(plan)
    }

    /// The plan of a package: payload below `data/`, executable bits from the registration info, `tags` as they were
    /// fetched beside the snapshot. Those that `info` names must be what it names; the seal is judged elsewhere, before.
    pub fn of_package(snapshot: Snapshot, info: &RegInfo, tags: Vec<TagFile>) -> Result<Self, PlanProblem> {
        for tag in &tags {
            let named = info.sha256.get(&tag.path);
            if named.is_some_and(|named| *named != Sha256Digest::of(&tag.content)) {
                return Err(PlanProblem::TagFile(tag.path.clone()));
            }
        }
        let length_bytes = snapshot.manifest.block_size().bytes();
        let executable: HashSet<&str> = info.executable.iter().map(String::as_str).collect();
        let files = snapshot.manifest.into_files().into_iter().map(|file| {
            let (whole, blocks) = match file.hashes {
                Some(hashes) => (Some(hashes.file), hashes.blocks),
                None => (None, Vec::new()),
            };
            PlannedFile {
                executable: executable.contains(file.path.as_str()),
                path: format!("{}/{}", crate::package::reginfo::DATA_NAME, file.path),
                size_bytes: file.size_bytes,
                whole,
                pieces: Some(Pieces { length_bytes, hashes: blocks }),
                mirrors: Vec::new(),
            }
        });
        Self::new(files.collect(), tags)
    }

    fn add(&mut self, file: PlannedFile) -> Result<(), PlanProblem> {
        let PlannedFile { path, size_bytes, whole, pieces, mirrors, executable } = file;
        let first_block = self.hashes.len();
        let wrong = |why| PlanProblem::Pieces { path: path.clone(), why };
        let mut block_bytes = size_bytes.max(1);
        let mut is_unproven = false;
        match (pieces, whole) {
            _ if size_bytes == 0 => {}
            (Some(pieces), _) if !pieces.hashes.is_empty() => {
                if !(PIECE_LEAST_BYTES..=PIECE_MOST_BYTES).contains(&pieces.length_bytes) {
                    return Err(wrong("they are smaller than 16 KiB or larger than 64 MiB"));
                }
                if size_bytes.div_ceil(pieces.length_bytes) != pieces.hashes.len() as u64 {
                    return Err(wrong("their number does not fit the size of the file"));
                }
                block_bytes = pieces.length_bytes;
                self.hashes.extend_from_slice(&pieces.hashes);
            }
            (_, Some(whole)) => {
                is_unproven = size_bytes > WHOLE_AS_BLOCK_BYTES;
                self.hashes.push(whole);
            }
            (_, None) => return Err(PlanProblem::NoHashes(path)),
        }
        let total = self.total_bytes.checked_add(size_bytes).filter(|sum| i64::try_from(*sum).is_ok());
        self.total_bytes = total.ok_or(PlanProblem::TooMuch)?;
        if self.hashes.len() > BlockMap::MOST {
            return Err(PlanProblem::TooMuch);
        }
        self.files.push(FilePlan {
            path: path.into(),
            size_bytes,
            block_bytes,
            is_unproven,
            executable,
            mirrors: mirrors.into(),
            first_block,
        });
        Ok(())
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.hashes.len()
    }

    /// Sum of all files in bytes; tag files do not count.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The files, by path.
    pub fn files(&self) -> &[FilePlan] {
        &self.files
    }

    /// What is written at the end, in order.
    pub fn tags(&self) -> &[TagFile] {
        &self.tags
    }

    /// The blocks of file `index`.
    pub fn blocks_of(&self, index: usize) -> Range<usize> {
        let end = self.files.get(index + 1).map_or(self.hashes.len(), |next| next.first_block);
        self.files.get(index).map_or(0..0, |file| file.first_block..end)
    }

    /// The file that `block` belongs to; `None` where there is no such block.
    pub fn file_of(&self, block: usize) -> Option<usize> {
        let after = self.files.partition_point(|file| file.first_block <= block);
        (block < self.hashes.len()).then(|| after.checked_sub(1)).flatten()
    }

    /// Where a block lies.
    pub fn place(&self, block: usize) -> Option<Place> {
        let file = self.file_of(block)?;
        let plan = &self.files[file];
        let nth = (block - plan.first_block) as u64;
        let offset_bytes = nth * plan.block_bytes;
        let size_bytes = plan.block_bytes.min(plan.size_bytes - offset_bytes);
        Some(Place { file, nth, offset_bytes, size_bytes, hash: self.hashes[block] })
    }

    /// The same as those who show blocks take it; paths of a package without the `data/` in front of them.
    pub fn block_map(&self) -> Option<BlockMap> {
        let data = format!("{}/", crate::package::reginfo::DATA_NAME);
        let is_package = self.files.iter().all(|file| file.path.starts_with(&data));
        let front = if is_package { data.len() } else { 0 };
        let files = self.files.iter().map(|file| (&file.path[front..], file.size_bytes, file.block_bytes));
        BlockMap::of_sizes(files, self.hashes.clone())
    }

    /// The size of the largest block that is proven in memory.
    pub fn largest_block_bytes(&self) -> u64 {
        let proven = self.files.iter().filter(|file| !file.is_unproven);
        proven.map(|file| file.block_bytes.min(file.size_bytes)).max().unwrap_or(0)
    }
}

/// No path leaves the folder, comes twice, or needs a folder where a file is.
fn check_paths(files: &[PlannedFile], tags: &[TagFile]) -> Result<(), PlanProblem> {
    let all = || files.iter().map(|f| f.path.as_str()).chain(tags.iter().map(|t| t.path.as_str()));
    let mut names = HashSet::new();
    for name in all() {
        path::check(name).map_err(|why| PlanProblem::Path { path: name.to_owned(), why })?;
        if !names.insert(name) {
            return Err(PlanProblem::Twice(name.to_owned()));
        }
    }
    for name in all() {
        let mut above = name;
        while let Some((folder, _)) = above.rsplit_once('/') {
            if names.contains(folder) {
                return Err(PlanProblem::Twice(folder.to_owned()));
            }
            above = folder;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(path: &str, size_bytes: u64, length_bytes: u64) -> PlannedFile {
        let count = size_bytes.div_ceil(length_bytes);
        let hashes = (0..count).map(|n| Sha256Digest::of(format!("{path}{n}").as_bytes())).collect();
        let pieces = Some(Pieces { length_bytes, hashes });
        PlannedFile { path: path.into(), size_bytes, pieces, ..PlannedFile::default() }
    }

    proptest! {
        #[test]
        fn blocks_cover_every_file_without_gaps(sizes in prop::collection::vec((0..900_000u64, 16_384..300_000u64), 0..9)) {
            let files = sizes.iter().enumerate().map(|(n, (size, piece))| file(&format!("d/{n}"), *size, *piece));
            let plan = Plan::new(files.collect(), Vec::new()).expect("a good plan");
            let mut seen = 0;
            for (index, file) in plan.files().iter().enumerate() {
                let mut at = 0;
                for block in plan.blocks_of(index) {
                    prop_assert_eq!(block, seen);
                    let place = plan.place(block).expect("it is one");
                    prop_assert_eq!((place.file, place.offset_bytes), (index, at));
                    at += place.size_bytes;
                    seen += 1;
                }
                prop_assert_eq!(at, file.size_bytes);
            }
            prop_assert_eq!((seen, plan.place(seen)), (plan.blocks(), None));
        }
    }

    #[test]
    fn what_cannot_be_proven_or_written_is_refused() {
        let no_hash = PlannedFile { path: "a".into(), size_bytes: 1, ..PlannedFile::default() };
        assert_eq!(Plan::new(vec![no_hash], vec![]).err(), Some(PlanProblem::NoHashes("a".into())));
        for path in ["../a", "/a", "a/../b", "", "a\nb"] {
            let plan = Plan::new(vec![file(path, 1, 16_384)], vec![]);
            assert!(matches!(plan, Err(PlanProblem::Path { .. })), "{path:?}");
        }
        let twice = Plan::new(vec![file("a", 1, 16_384), file("a/b", 1, 16_384)], vec![]);
        assert_eq!(twice.err(), Some(PlanProblem::Twice("a".into())));
        let tag = TagFile { path: "a".into(), content: vec![] };
        assert!(matches!(Plan::new(vec![file("a", 1, 16_384)], vec![tag]), Err(PlanProblem::Twice(_))));
        for length in [0, 1, 16_383, 64 * 1024 * 1024 + 1] {
            let mut wrong = file("a", 10, 16_384);
            wrong.pieces.as_mut().expect("it has some").length_bytes = length;
            assert!(matches!(Plan::new(vec![wrong], vec![]), Err(PlanProblem::Pieces { .. })));
        }
        let mut many = file("a", 1, 16_384);
        many.size_bytes = u64::MAX;
        assert!(matches!(Plan::new(vec![many], vec![]), Err(PlanProblem::Pieces { .. })));
    }

    #[test]
    fn a_file_with_one_hash_is_one_block_and_unproven_where_it_is_large() {
        let whole = |size_bytes| PlannedFile {
            path: "iso".into(),
            size_bytes,
            whole: Some(Sha256Digest::default()),
            ..PlannedFile::default()
        };
        let small = Plan::new(vec![whole(WHOLE_AS_BLOCK_BYTES)], vec![]).expect("good");
        let large = Plan::new(vec![whole(WHOLE_AS_BLOCK_BYTES + 1)], vec![]).expect("good");
        assert_eq!((small.blocks(), small.files()[0].is_unproven), (1, false));
        assert_eq!((large.blocks(), large.files()[0].is_unproven), (1, true));
    }
}
