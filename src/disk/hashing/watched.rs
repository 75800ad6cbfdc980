//! Shows on a board how far a deep check is with each block. Only tells: what the check finds is decided elsewhere.

use crate::package::manifest::FileHashes;
use crate::package::{BlockBoard, BlockState, Sha256Digest};

/// A file that is read at once is verified or corrupt before anybody could see that it is being read.
const SEEN_BYTES: u64 = 256 * 1024;

/// The board of a package, for the files that are being checked.
pub(crate) struct Watched<'a> {
    board: &'a BlockBoard,
    /// The first block of each file within the package.
    first: Vec<usize>,
    recorded: &'a [&'a FileHashes],
}

impl<'a> Watched<'a> {
    /// `first` and `recorded` stand in the order of the files that are checked.
    pub(crate) fn new(board: &'a BlockBoard, first: Vec<usize>, recorded: &'a [&'a FileHashes]) -> Self {
        Self { board, first, recorded }
    }

    /// A block of `size_bytes` is being read.
    pub(crate) fn checking(&self, file: usize, nth: u64, size_bytes: u64) {
        if size_bytes >= SEEN_BYTES {
            self.mark(file, nth, BlockState::Checking);
        }
    }

    /// A block was read, and this is its hash.
    pub(crate) fn hashed(&self, file: usize, nth: u64, hash: &Sha256Digest) {
        let recorded =
            self.recorded.get(file).and_then(|hashes| hashes.blocks.get(usize::try_from(nth).ok()?));
        let is_right = recorded == Some(hash);
        self.mark(file, nth, if is_right { BlockState::Verified } else { BlockState::Corrupt });
    }

    /// The file could not be read to its end, or changed meanwhile: nothing is known of its blocks.
    pub(crate) fn unreadable(&self, file: usize, blocks: u64) {
        (0..blocks).for_each(|nth| self.mark(file, nth, BlockState::Missing));
    }

    fn mark(&self, file: usize, nth: u64, state: BlockState) {
        let nth = usize::try_from(nth).unwrap_or(usize::MAX);
        if let Some(block) = self.first.get(file).and_then(|first| first.checked_add(nth)) {
            self.board.mark(block, state);
        }
    }
}
