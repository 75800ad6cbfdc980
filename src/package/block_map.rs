//! Which block is which: the blocks of a package numbered through it, with file, offset, length and hash of each.
//!
//! Made once from a manifest and kept compact: a million blocks are 32 MB, nearly all of them hashes.

use std::ops::Range;

use super::block_state::BlockState;
use super::blocks::BlockSize;
use super::consistency::{CheckReport, Finding};
use super::digest::Sha256Digest;
use super::file_list::FileList;
use super::manifest::Manifest;

/// The blocks of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockMap {
    block_size: BlockSize,
    /// The size of a block of each file, where files differ in it: in a Metalink of others. Else empty.
    sizes_of_blocks: Vec<u64>,
    files: FileList,
    /// The first block of each file, and the number of all at the end.
    first_block: Vec<usize>,
    /// The first byte of each file within the package, and the number of all at the end.
    first_byte: Vec<u64>,
    /// The hashes of all files that have theirs, one after the other.
    hashes: Vec<Sha256Digest>,
    /// Where the hashes of each file begin among them; `None` where they were lost.
    first_hash: Vec<Option<usize>>,
    without_hashes: usize,
}

/// Where one block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockPlace<'a> {
    /// Place of its file in the list of files.
    pub file: usize,
    /// Path of its file, relative to `data/`.
    pub path: &'a str,
    /// Its number within the file.
    pub nth: u64,
    /// Its first byte within the file.
    pub offset_bytes: u64,
    /// How many bytes it has.
    pub size_bytes: u64,
    /// Its recorded hash, unless it was lost.
    pub hash: Option<Sha256Digest>,
}

impl BlockMap {
    /// Most blocks that are shown: 32 TiB in blocks of 2 MiB. A recorded size is only a number, and may be any.
    pub const MOST: usize = 1 << 24;

    /// The blocks of the files in `manifest`; `None` if there are more than [`BlockMap::MOST`].
    pub fn of(manifest: &Manifest) -> Option<Self> {
        let block_size = manifest.block_size();
        let mut map = Self { block_size, files: manifest.files().clone(), ..Self::default() };
        let (mut blocks, mut bytes) = (0usize, 0u64);
        for file in manifest.iter() {
            map.first_block.push(blocks);
            map.first_byte.push(bytes);
            let count = usize::try_from(block_size.blocks_in(file.size_bytes)).ok()?;
            blocks = blocks.checked_add(count).filter(|blocks| *blocks <= Self::MOST)?;
            bytes = bytes.checked_add(file.size_bytes)?;
            let known = file.hashes.filter(|hashes| hashes.blocks.len() == count);
            map.first_hash.push(known.map(|_| map.hashes.len()));
            match known {
                Some(hashes) => map.hashes.extend_from_slice(&hashes.blocks),
                None => map.without_hashes += 1,
            }
        }
        map.first_block.push(blocks);
        map.first_byte.push(bytes);
        Some(map)
    }

    /// The blocks of files that each have a block size of their own, in bytes: (path, size, block size), by path bytes;
    /// `hashes` are those of all blocks. `None` where they do not fit, or are more than [`BlockMap::MOST`].
    pub fn of_sizes<'p>(
        files: impl IntoIterator<Item = (&'p str, u64, u64)>,
        hashes: Vec<Sha256Digest>,
    ) -> Option<Self> {
        let mut map = Self::default();
        let (mut blocks, mut bytes) = (0usize, 0u64);
        for (path, size_bytes, block_bytes) in files {
            map.files.push(path, size_bytes).ok()?;
            map.sizes_of_blocks.push(Some(block_bytes).filter(|bytes| *bytes > 0)?);
            map.first_block.push(blocks);
            map.first_hash.push(Some(blocks));
            map.first_byte.push(bytes);
            let count = usize::try_from(size_bytes.div_ceil(block_bytes)).ok()?;
            blocks = blocks.checked_add(count).filter(|blocks| *blocks <= Self::MOST)?;
            bytes = bytes.checked_add(size_bytes)?;
        }
        map.first_block.push(blocks);
        map.first_byte.push(bytes);
        map.hashes = hashes;
        (map.hashes.len() == blocks).then_some(map)
    }

    /// The bytes of block `nth` of file `index`, counted through the file.
    fn range_in(&self, index: usize, nth: u64, size_bytes: u64) -> Range<u64> {
        match self.sizes_of_blocks.get(index) {
            Some(block_bytes) => {
                let start = nth.saturating_mul(*block_bytes).min(size_bytes);
                start..start.saturating_add(*block_bytes).min(size_bytes)
            }
            None => self.block_size.range(nth, size_bytes),
        }
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.first_block.last().copied().unwrap_or(0)
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The files.
    pub fn files(&self) -> &FileList {
        &self.files
    }

    /// The size of all but the last block of a file; the usual one where files differ in it.
    pub fn block_size(&self) -> BlockSize {
        self.block_size
    }

    /// The size of the largest block in bytes; looks at every file.
    pub fn largest_block_bytes(&self) -> u64 {
        let block_bytes = |file| self.sizes_of_blocks.get(file).copied().unwrap_or(self.block_size.bytes());
        let files = 0..self.files.len();
        files.map(|file| block_bytes(file).min(self.files.size_bytes(file))).max().unwrap_or(0)
    }

    /// Sum of all files in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.first_byte.last().copied().unwrap_or(0)
    }

    /// How many files have no hashes any more, so that none of their blocks can be proven.
    pub fn files_without_hashes(&self) -> usize {
        self.without_hashes
    }

    /// The blocks of file `index`.
    pub fn blocks_of(&self, index: usize) -> Range<usize> {
        match (self.first_block.get(index), self.first_block.get(index + 1)) {
            (Some(first), Some(end)) => *first..*end,
            _ => 0..0,
        }
    }

    /// The file that `block` belongs to.
    pub fn file_of(&self, block: usize) -> Option<usize> {
        // Empty files have no block: of several that begin here, the last is the one with a block.
        (block < self.len()).then(|| self.first_block.partition_point(|first| *first <= block) - 1)
    }

    /// Where a block lies.
    pub fn place(&self, block: usize) -> Option<BlockPlace<'_>> {
        let file = self.file_of(block)?;
        let entry = self.files.get(file)?;
        let nth = (block - self.first_block[file]) as u64;
        let range = self.range_in(file, nth, entry.size_bytes);
        let in_file = block - self.first_block[file];
        let hash = self.first_hash[file].and_then(|first| self.hashes.get(first + in_file).copied());
        Some(BlockPlace {
            file,
            path: entry.path,
            nth,
            offset_bytes: range.start,
            size_bytes: range.end - range.start,
            hash,
        })
    }

    /// The bytes of a block, counted through the package.
    pub fn bytes_of(&self, block: usize) -> Range<u64> {
        let Some(file) = self.file_of(block) else { return 0..0 };
        let nth = (block - self.first_block[file]) as u64;
        let range = self.range_in(file, nth, self.files.size_bytes(file));
        let start = self.first_byte[file];
        start + range.start..start + range.end
    }

    /// The block that holds a byte, counted through the package.
    pub fn block_at(&self, byte: u64) -> Option<usize> {
        if byte >= self.total_bytes() {
            return None;
        }
        self.block_at_from(byte, self.first_byte.partition_point(|first| *first <= byte) - 1)
            .map(|(block, _)| block)
    }

    /// As [`BlockMap::block_at`], going forward from `file`, which must not lie behind the byte; gives the file as well,
    /// to go on from. Asked for byte after byte this is faster than searching for each.
    pub fn block_at_from(&self, byte: u64, mut file: usize) -> Option<(usize, usize)> {
        if byte >= self.total_bytes() {
            return None;
        }
        while *self.first_byte.get(file + 1)? <= byte {
            file += 1;
        }
        let block_bytes = self.sizes_of_blocks.get(file).copied().unwrap_or(self.block_size.bytes());
        let nth = byte.checked_sub(self.first_byte[file])? / block_bytes;
        Some((self.first_block[file] + usize::try_from(nth).ok()?, file))
    }

    /// Writes what `report` says about blocks into `states`: damaged blocks are corrupt; of files that are gone, of
    /// another size, named otherwise or not readable, nothing was checked.
    pub fn mark_report(&self, report: &CheckReport, states: &mut [BlockState]) {
        if report.finding == Finding::Missing {
            states.fill(BlockState::Missing);
            return;
        }
        let differences = &report.differences;
        let mut forget = |file: usize| {
            if let Some(blocks) = states.get_mut(self.blocks_of(file)) {
                blocks.fill(BlockState::Missing);
            }
        };
        let removed = differences.removed.iter().map(|file| file.path.as_str());
        let resized = differences.resized.iter().map(|file| file.path.as_str());
        let renamed = differences.case_changed.iter().map(|file| file.recorded.as_str());
        for path in removed.chain(resized).chain(renamed) {
            if let Some(file) = self.files.position(path) {
                forget(file);
            }
        }
        for unreadable in &differences.unreadable {
            // A folder that cannot be read hides all that lies in it.
            let below =
                if unreadable.path.is_empty() { String::new() } else { format!("{}/", unreadable.path) };
            if let Some(file) = self.files.position(&unreadable.path) {
                forget(file);
            }
            let inside = (self.first_from(&below)..self.files.len())
                .map_while(|file| self.files.path(file).starts_with(&below).then_some(file));
            inside.for_each(&mut forget);
        }
        for damaged in &differences.damaged {
            let Some(file) = self.files.position(&damaged.path) else { continue };
            let blocks = self.blocks_of(file);
            for nth in &damaged.blocks {
                let block = usize::try_from(*nth).ok().and_then(|nth| blocks.start.checked_add(nth));
                if let Some(block) = block.filter(|block| blocks.contains(block)) {
                    states[block] = BlockState::Corrupt;
                }
            }
        }
    }

    /// The states in which every block with a hash is verified.
    pub fn all_verified(&self) -> Vec<BlockState> {
        let mut states = vec![BlockState::Verified; self.len()];
        for file in (0..self.files.len()).filter(|file| self.first_hash[*file].is_none()) {
            states[self.blocks_of(file)].fill(BlockState::Missing);
        }
        states
    }

    /// The first file whose path does not come before `path`.
    fn first_from(&self, path: &str) -> usize {
        let (mut low, mut high) = (0, self.files.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.files.path(middle).as_bytes() < path.as_bytes() {
                low = middle + 1
            } else {
                high = middle
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::super::consistency::{
        CheckKind, ConsistencyChecksum, DamagedFile, Differences, ListedFile, UnreadableFile,
    };
    use super::super::manifest::{FileHashes, ManifestFile};
    use super::BlockState::{Corrupt, Missing, Verified};
    use super::*;

    const SIZE: u64 = 256 * 1024;

    fn map(files: &[(&str, u64)], with_hashes: bool) -> BlockMap {
        let size = BlockSize::new(SIZE).expect("a power of two in range");
        let files = files.iter().map(|(path, size_bytes)| ManifestFile {
            path: (*path).to_owned(),
            size_bytes: *size_bytes,
            executable: false,
            hashes: with_hashes.then(|| FileHashes {
                file: Sha256Digest::default(),
                blocks: (0..size.blocks_in(*size_bytes))
                    .map(|n| Sha256Digest::of(&n.to_le_bytes()))
                    .collect(),
            }),
        });
        BlockMap::of(&Manifest::from_files(size, files.collect()).expect("distinct")).expect("not too many")
    }

    fn report(finding: Finding, differences: Differences) -> CheckReport {
        CheckReport {
            kind: CheckKind::Deep,
            at: Timestamp::UNIX_EPOCH,
            took_ms: 0,
            finding,
            recorded: ConsistencyChecksum::of(&FileList::new()),
            found: None,
            differences,
            without_hashes: 0,
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_in_the_block_that_holds_it(sizes in prop::collection::vec(0..5 * SIZE, 0..12)) {
            let names: Vec<String> = (0..sizes.len()).map(|n| format!("{n:02}")).collect();
            let files: Vec<_> = names.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
            let map = map(&files, true);
            let mut next = 0;
            for block in 0..map.len() {
                let bytes = map.bytes_of(block);
                prop_assert_eq!(bytes.start, next);
                next = bytes.end;
                prop_assert_eq!(map.block_at(bytes.start), Some(block));
                prop_assert_eq!(map.block_at(bytes.end - 1), Some(block));
                let place = map.place(block).expect("it is one");
                prop_assert_eq!(place.size_bytes, bytes.end - bytes.start);
                prop_assert!(map.blocks_of(place.file).contains(&block));
                prop_assert_eq!(place.hash, Some(Sha256Digest::of(&place.nth.to_le_bytes())));
            }
            prop_assert_eq!(next, map.total_bytes());
            prop_assert_eq!((map.block_at(next), map.place(map.len())), (None, None));
        }
    }

    #[test]
    fn a_report_marks_its_blocks_and_only_them() {
        let map = map(
            &[("a", SIZE * 3), ("d/x", 1), ("d/y", 1), ("d.txt", 1), ("empty", 0), ("gone", SIZE + 1)],
            true,
        );
        let differences = Differences {
            damaged: vec![DamagedFile {
                path: "a".into(),
                size_bytes: SIZE * 3,
                blocks: vec![1, 99, u64::MAX],
                found: Sha256Digest::default(),
            }],
            removed: vec![
                ListedFile { path: "gone".into(), size_bytes: 1 },
                ListedFile { path: "never there".into(), size_bytes: 1 },
            ],
            unreadable: vec![UnreadableFile { path: "d".into(), reason: "permission denied".into() }],
            ..Differences::default()
        };
        let mut states = map.all_verified();
        map.mark_report(&report(Finding::Unreadable, differences), &mut states);
        // a, d.txt, d/x, d/y, gone
        assert_eq!(states, [Verified, Corrupt, Verified, Verified, Missing, Missing, Missing, Missing]);
        map.mark_report(&report(Finding::Missing, Differences::default()), &mut states);
        assert!(states.iter().all(|state| *state == Missing));
    }

    #[test]
    fn without_hashes_nothing_is_verified() {
        let map = map(&[("a", SIZE * 2)], false);
        assert_eq!(map.all_verified(), [Missing, Missing]);
        assert_eq!((map.place(1).and_then(|place| place.hash), map.files_without_hashes()), (None, 1));
    }

    #[test]
    fn a_size_that_no_disk_has_is_refused() {
        let size = BlockSize::DEFAULT;
        let file = ManifestFile { path: "a".into(), size_bytes: u64::MAX, executable: false, hashes: None };
        assert_eq!(BlockMap::of(&Manifest::from_files(size, vec![file]).expect("one file")), None);
    }
}
