//! What is recorded about every file of a package: path, size, whether it is executable, and its hashes.

use super::blocks::BlockSize;
use super::digest::Sha256Digest;
use super::file_list::{FileEntry, FileList};

/// Hashes of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHashes {
    /// SHA-256 of the whole file.
    pub file: Sha256Digest,
    /// SHA-256 of each block in order; one that equals `file` for a file of one block, none for an empty file.
    pub blocks: Vec<Sha256Digest>,
}

/// One file with all that is recorded about it.
#[derive(Clone, Copy, Debug)]
pub struct ManifestEntry<'a> {
    /// Path relative to `data/`.
    pub path: &'a str,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Whether the owner may execute it; set again on restore.
    pub executable: bool,
    /// Its hashes, unless they were lost with a catalogue.
    pub hashes: Option<&'a FileHashes>,
}

/// Every file of a package as recorded: the list the consistency check compares, and what the deep check and the seal need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    block_size: BlockSize,
    files: FileList,
    executable: Vec<bool>,
    hashes: Vec<Option<FileHashes>>,
}

/// A file on its way into a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// Path relative to `data/`.
    pub path: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Whether the owner may execute it.
    pub executable: bool,
    /// Its hashes, where known.
    pub hashes: Option<FileHashes>,
}

impl Manifest {
    /// Sorts `files` by path bytes. An error names a path given twice.
    pub fn from_files(
        block_size: BlockSize,
        mut files: Vec<ManifestFile>,
    ) -> Result<Self, super::file_list::OutOfOrder> {
        files.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        let mut manifest = Self { block_size, ..Self::default() };
        for file in files {
            manifest.files.push(&file.path, file.size_bytes)?;
            manifest.executable.push(file.executable);
            manifest.hashes.push(file.hashes);
        }
        Ok(manifest)
    }

    /// Takes the manifest apart, in order, to build a changed one.
    pub fn into_files(self) -> Vec<ManifestFile> {
        let Self { files, executable, hashes, .. } = self;
        files
            .iter()
            .zip(executable)
            .zip(hashes)
            .map(|((entry, executable), hashes)| ManifestFile {
                path: entry.path.to_owned(),
                size_bytes: entry.size_bytes,
                executable,
                hashes,
            })
            .collect()
    }

    /// The size in which the blocks were hashed.
    pub fn block_size(&self) -> BlockSize {
        self.block_size
    }

    /// Paths and sizes alone.
    pub fn files(&self) -> &FileList {
        &self.files
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// File `index`, if there is one.
    pub fn get(&self, index: usize) -> Option<ManifestEntry<'_>> {
        let FileEntry { path, size_bytes } = self.files.get(index)?;
        Some(ManifestEntry {
            path,
            size_bytes,
            executable: self.executable[index],
            hashes: self.hashes[index].as_ref(),
        })
    }

    /// All files in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ManifestEntry<'_>> + Clone {
        (0..self.len()).map(|index| ManifestEntry {
            path: self.files.path(index),
            size_bytes: self.files.size_bytes(index),
            executable: self.executable[index],
            hashes: self.hashes[index].as_ref(),
        })
    }

    /// Whether every file has its hashes, so that a deep check and a seal can rest on them.
    pub fn has_all_hashes(&self) -> bool {
        self.hashes.iter().all(Option::is_some)
    }

    /// How many blocks the package has in all.
    pub fn block_count(&self) -> u64 {
        self.files.iter().map(|f| self.block_size.blocks_in(f.size_bytes)).sum()
    }

    /// The number, within the package, of the first block of file `index`.
    pub fn first_block_of(&self, index: usize) -> super::blocks::BlockIndex {
        let before = self.files.iter().take(index).map(|f| self.block_size.blocks_in(f.size_bytes)).sum();
        super::blocks::BlockIndex(before)
    }

    /// The number, within the package, of the first block of every file, in order.
    pub fn first_blocks(&self) -> Vec<usize> {
        let mut next = 0usize;
        let sizes = self.files.iter().map(|file| self.block_size.blocks_in(file.size_bytes));
        sizes
            .map(|blocks| {
                let first = next;
                next = next.saturating_add(usize::try_from(blocks).unwrap_or(usize::MAX));
                first
            })
            .collect()
    }

    /// Paths of the executable files, in order.
    pub fn executable_paths(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|f| f.executable).map(|f| f.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, size_bytes: u64) -> ManifestFile {
        ManifestFile { path: path.to_owned(), size_bytes, executable: false, hashes: None }
    }

    #[test]
    fn blocks_are_numbered_through_the_package() {
        let size = BlockSize::new(262_144).expect("good");
        let files = vec![file("c", 1), file("a", 262_145), file("b", 0)];
        let manifest = Manifest::from_files(size, files).expect("distinct");
        assert_eq!(manifest.block_count(), 3);
        let firsts: Vec<_> = (0..3).map(|i| manifest.first_block_of(i).0).collect();
        assert_eq!(firsts, [0, 2, 2]);
        assert_eq!(manifest.first_blocks(), [0, 2, 2]);
        assert!(!manifest.has_all_hashes());
    }
}
