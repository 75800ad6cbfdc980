//! Shows on a board which blocks of an archive were read as recorded, while it is judged. Only tells.

use super::damage::Findings;
use crate::package::{BlockBoard, BlockState, Manifest};

/// The board of a package, for the one who judges its archive.
pub(super) struct Shown<'a> {
    board: &'a BlockBoard,
    /// The first block of each file within the package.
    first: Vec<usize>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(board: &'a BlockBoard, expected: &Manifest) -> Self {
        Self { board, first: expected.first_blocks() }
    }

    /// A block was hashed.
    pub(super) fn block(&self, file: usize, nth: u64, is_right: bool) {
        let nth = usize::try_from(nth).unwrap_or(usize::MAX);
        if let Some(block) = self.first.get(file).and_then(|first| first.checked_add(nth)) {
            self.board.mark(block, if is_right { BlockState::Verified } else { BlockState::Corrupt });
        }
    }

    /// All files of an archive that was read from front to back: those that were `seen` are right but for what was
    /// found; of those of another size nothing is known.
    pub(super) fn files(&self, expected: &Manifest, seen: &[bool], findings: &Findings) {
        for (file, entry) in expected.files().iter().enumerate() {
            let is_there = seen.get(file).is_some_and(|seen| *seen) && !findings.resized.contains_key(&file);
            if !is_there {
                continue;
            }
            let bad = findings.bad_blocks.get(&file);
            for nth in 0..expected.block_size().blocks_in(entry.size_bytes) {
                self.block(file, nth, bad.is_none_or(|bad| bad.binary_search(&nth).is_err()));
            }
        }
    }
}
