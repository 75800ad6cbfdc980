//! What was found when an archive was held against its manifest.

use std::collections::BTreeMap;

use crate::package::Manifest;
use crate::package::path::PathProblem;

/// Most extra members that are listed by name; the rest is counted only.
pub(super) const EXTRA_LISTED_MAX: usize = 1000;

/// The finding of a check or an extraction. Nothing in it means: byte for byte as recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveDamage {
    /// Files that cannot be restored, in the order of the manifest.
    pub files: Vec<FileDamage>,
    /// Members that are not in the manifest, or must never be unpacked. At most the first 1,000.
    pub extra: Vec<Extra>,
    /// How many extra members there are in all.
    pub extra_count: u64,
    /// Frames that do not unpack as they were packed, wherever they lie.
    pub bad_frames: u64,
    /// Some tag file, or its header, lies in a bad frame.
    pub tag_files_damaged: bool,
    /// A tar header or padding is not as it was written: other programs will not unpack every file.
    pub framing_damaged: bool,
    /// The seek table is missing or wrong; the frames were found without it.
    pub index_damaged: bool,
    /// The archive ends too early.
    pub truncated: bool,
}

impl ArchiveDamage {
    /// Whether every file of the manifest can be restored; extra members and a damaged index do not count.
    pub fn files_are_whole(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether the archive is exactly what was written: what must hold before anything is removed for it.
    pub fn is_flawless(&self) -> bool {
        *self == Self::default()
    }

    /// The damage of file `index` of the manifest, if it has any.
    pub fn of_file(&self, index: usize) -> Option<&FileDamage> {
        let at = self.files.binary_search_by_key(&index, |file| file.index).ok()?;
        self.files.get(at)
    }

    pub(super) fn add_extra(&mut self, path: String, reason: ExtraReason) {
        self.extra_count += 1;
        if self.extra.len() < EXTRA_LISTED_MAX {
            self.extra.push(Extra { path, reason });
        }
    }
}

/// One file that cannot be restored from the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDamage {
    /// Its place in the manifest.
    pub index: usize,
    /// Its path, relative to `data/`.
    pub path: String,
    /// Its recorded size in bytes.
    pub size_bytes: u64,
    /// What is wrong.
    pub kind: FileDamageKind,
    /// Blocks that are not in the archive as recorded, numbered within the file.
    pub blocks: Vec<u64>,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileDamageKind {
    /// Some blocks do not match their hashes.
    Content,
    /// Nothing of it is there.
    Missing,
    /// The archive ends inside it: good up to this byte, nothing after.
    UnreadableFrom(u64),
    /// It is there with another size.
    Resized(u64),
}

impl std::fmt::Display for FileDamageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Content => f.write_str("content"),
            Self::Missing => f.write_str("missing"),
            Self::UnreadableFrom(byte) => write!(f, "unreadable from byte {byte}"),
            Self::Resized(bytes) => write!(f, "{bytes} bytes in the archive"),
        }
    }
}

/// A member of the archive that was not unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// Its path as far as it can be shown; control characters are escaped, long ones cut.
    pub path: String,
    /// Why.
    pub reason: ExtraReason,
}

/// Why a member of an archive is not unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtraReason {
    /// The manifest does not list it.
    #[error("not part of the package")]
    NotRecorded,
    /// Its path came before.
    #[error("listed twice")]
    Duplicate,
    /// Its path leads outside, or is none.
    #[error("{0}")]
    Path(PathProblem),
    /// A symbolic or hard link.
    #[error("a link")]
    Link,
    /// A device, a pipe, a sparse file or something else that is no plain file.
    #[error("not a plain file")]
    Special,
}

/// What was found so far about the files of a manifest, before it is put into words.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Blocks that did not match, by file.
    pub bad_blocks: BTreeMap<usize, Vec<u64>>,
    /// Files whose header was not there either.
    pub absent: Vec<usize>,
    /// Files that are there with another size.
    pub resized: BTreeMap<usize, u64>,
}

impl Findings {
    /// Puts them into words. `readable` tells how many bytes of a file lie in whole frames before the end
    /// of an archive that ends too early, and is `None` for any other archive.
    pub(super) fn into_files(
        mut self,
        manifest: &Manifest,
        readable: impl Fn(usize) -> Option<u64>,
    ) -> Vec<FileDamage> {
        for &index in &self.absent {
            self.bad_blocks.entry(index).or_default();
        }
        for &index in self.resized.keys() {
            self.bad_blocks.entry(index).or_default();
        }
        let absent: std::collections::HashSet<usize> = self.absent.into_iter().collect();
        let mut files = Vec::with_capacity(self.bad_blocks.len());
        for (index, mut blocks) in self.bad_blocks {
            let Some(file) = manifest.get(index) else { continue };
            let all = manifest.block_size().blocks_in(file.size_bytes);
            let kind = if let Some(&bytes) = self.resized.get(&index) {
                blocks = (0..all).collect();
                FileDamageKind::Resized(bytes)
            } else if absent.contains(&index) {
                blocks = (0..all).collect();
                FileDamageKind::Missing
            } else {
                blocks.sort_unstable();
                blocks.dedup();
                Self::kind_of(manifest, file.size_bytes, all, &blocks, readable(index))
            };
            files.push(FileDamage {
                index,
                path: file.path.to_owned(),
                size_bytes: file.size_bytes,
                kind,
                blocks,
            });
        }
        files
    }

    fn kind_of(
        manifest: &Manifest,
        size_bytes: u64,
        all: u64,
        blocks: &[u64],
        readable: Option<u64>,
    ) -> FileDamageKind {
        let Some(readable) = readable else { return FileDamageKind::Content };
        let first = blocks.first().copied().unwrap_or(all);
        let is_tail = blocks.len() as u64 == all - first;
        let good = manifest.block_size().range(first, size_bytes).start;
        match (is_tail && readable < size_bytes, good) {
            (true, 0) => FileDamageKind::Missing,
            (true, good) => FileDamageKind::UnreadableFrom(good),
            (false, _) => FileDamageKind::Content,
        }
    }
}
