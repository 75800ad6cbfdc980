//! What a grid says in words: the header, the text for screen readers, and what one cell shows.

use std::ops::Range;

use crate::console::format::{exact_size, size, thousands};
use crate::package::{BlockMap, BlockState, BoardCopy};

/// What somebody else knows of a block: a download its codebase and history, a check its time.
pub trait BlockNotes {
    /// When the block came into its state, as text.
    fn when(&self, _block: usize) -> Option<String> {
        None
    }

    /// Lines for the hover text: which codebase it came from, what became of it before.
    fn lines(&self, _block: usize) -> Vec<String> {
        Vec::new()
    }

    /// What the last column of the table of blocks in trouble says of a block.
    fn in_table(&self, block: usize) -> Option<String> {
        self.when(block)
    }

    /// What that column is called, and how wide it is in points.
    fn column(&self) -> (&'static str, f32) {
        ("When", 132.0)
    }
}

/// Nothing more is known.
pub struct NoNotes;

impl BlockNotes for NoNotes {}

/// `41,877 files, 42,310 blocks of up to 2 MiB`.
pub fn header(map: &BlockMap) -> String {
    let files = map.files().len();
    format!(
        "{} {}, {} {} of up to {}",
        thousands(files as u64),
        if files == 1 { "file" } else { "files" },
        thousands(map.len() as u64),
        if map.len() == 1 { "block" } else { "blocks" },
        short_size(map.block_size().bytes()),
    )
}

/// A block size, which is a power of two: `2 MiB` and not `2.0 MiB`.
pub fn short_size(bytes: u64) -> String {
    size(bytes).replace(".0 ", " ")
}

/// `1,824 blocks: 505 verified, 694 kept, 2 corrupt`.
pub fn summary(copy: &BoardCopy) -> String {
    const ORDER: [BlockState; 8] = [
        BlockState::Verified,
        BlockState::Kept,
        BlockState::Reused,
        BlockState::Downloading,
        BlockState::Checking,
        BlockState::Missing,
        BlockState::Corrupt,
        BlockState::Repaired,
    ];
    let parts: Vec<String> = ORDER
        .into_iter()
        .filter(|state| copy.count(*state) > 0)
        .map(|state| format!("{} {}", thousands(copy.count(state) as u64), state.short_word()))
        .collect();
    let blocks = if copy.len() == 1 { "block" } else { "blocks" };
    let all = thousands(copy.len() as u64);
    if parts.is_empty() { format!("{all} {blocks}") } else { format!("{all} {blocks}: {}", parts.join(", ")) }
}

/// What a cell shows, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellText {
    /// `Block 1,611`, `Blocks 1,608 to 1,615`.
    pub title: String,
    /// The worst state in it.
    pub state: BlockState,
    /// The block the rest speaks of: the only one, or the first of the worst.
    pub block: usize,
    /// `3 verified, 1 corrupt`, where blocks share the cell.
    pub shares: Option<String>,
    /// Its file.
    pub path: String,
    /// `offset 18,874,368 · 2,097,152 bytes`.
    pub place: String,
    /// `sha-256 5f1d…a93e`.
    pub hash: Option<String>,
    /// What else is known.
    pub notes: Vec<String>,
}

impl CellText {
    /// The text of a cell that shows `blocks`; `None` if that is none.
    pub fn of(
        map: &BlockMap,
        copy: &BoardCopy,
        blocks: Range<usize>,
        notes: &dyn BlockNotes,
    ) -> Option<Self> {
        let state = copy.worst(blocks.clone());
        let block = copy.first(blocks.clone(), &[state])?;
        let place = map.place(block)?;
        let number = |block: usize| thousands(block as u64);
        let (title, shares) = if blocks.len() == 1 {
            (format!("Block {}", number(block)), None)
        } else {
            let mut counts = [0u64; BlockState::ALL.len()];
            blocks.clone().for_each(|block| counts[copy.state(block).index()] += 1);
            let mut states = BlockState::ALL;
            states.sort_by_key(|state| std::cmp::Reverse(state.badness()));
            let parts = states.into_iter().filter(|state| counts[state.index()] > 0);
            let parts: Vec<_> = parts
                .map(|state| format!("{} {}", thousands(counts[state.index()]), state.short_word()))
                .collect();
            let title = format!("Blocks {} to {}", number(blocks.start), number(blocks.end - 1));
            (title, Some(format!("{} · first of the worst: {}", parts.join(", "), number(block))))
        };
        let mut notes_of = notes.lines(block);
        notes_of.extend(notes.when(block).map(|when| format!("{} {when}", state.short_word())));
        Some(Self {
            title,
            state,
            block,
            shares,
            path: place.path.to_owned(),
            place: format!("offset {} · {}", thousands(place.offset_bytes), exact_size(place.size_bytes)),
            hash: place.hash.map(|hash| format!("sha-256 {}", hash.short())),
            notes: notes_of,
        })
    }

    /// All of it on one line.
    pub fn line(&self) -> String {
        let mut parts = vec![self.title.clone(), self.state.word().to_owned()];
        parts.extend(self.shares.clone());
        parts.extend([self.path.clone(), self.place.clone()]);
        parts.extend(self.hash.clone());
        parts.extend(self.notes.iter().cloned());
        parts.join(" · ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::manifest::ManifestFile;
    use crate::package::{BlockBoard, BlockSize, Manifest};

    fn map() -> BlockMap {
        let file = |path: &str, size_bytes| ManifestFile {
            path: path.into(),
            size_bytes,
            executable: false,
            hashes: None,
        };
        let files = vec![file("a", 5 << 20), file("b", 7)];
        BlockMap::of(&Manifest::from_files(BlockSize::DEFAULT, files).expect("distinct")).expect("four")
    }

    #[test]
    fn a_grid_is_one_sentence() {
        let board = BlockBoard::new(4);
        board.mark(0, BlockState::Verified);
        board.mark(1, BlockState::Verified);
        board.mark(3, BlockState::Corrupt);
        let copy = BoardCopy::of(&board);
        assert_eq!(summary(&copy), "4 blocks: 2 verified, 1 missing, 1 corrupt");
        assert_eq!(header(&map()), "2 files, 4 blocks of up to 2 MiB");
        let text = CellText::of(&map(), &copy, 3..4, &NoNotes).expect("a block");
        assert_eq!(text.line(), "Block 3 · Corrupt · b · offset 0 · 7 bytes");
        let text = CellText::of(&map(), &copy, 0..3, &NoNotes).expect("blocks");
        assert_eq!(
            text.line(),
            "Blocks 0 to 2 · Missing · 1 missing, 2 verified · first of the worst: 2 · a · \
             offset 4,194,304 · 1,048,576 bytes"
        );
        assert_eq!(CellText::of(&map(), &copy, 9..9, &NoNotes), None);
        assert_eq!(summary(&BoardCopy::default()), "0 blocks");
    }
}
