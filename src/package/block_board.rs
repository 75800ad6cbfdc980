//! The states of all blocks of a package, shared between those who work on the blocks and those who look.
//!
//! A board takes marks from any thread at the price of a few atomic operations. Who looks keeps a [`BoardCopy`] and
//! asks it to follow: that costs a glance at one counter for every 64 blocks, and at the blocks that changed. Any
//! number may look. Neither side waits for the other.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::block_state::BlockState;

/// Blocks whose changes are counted together.
pub const CHUNK: usize = 64;

/// The states of the blocks of one package, numbered through it.
#[derive(Debug)]
pub struct BlockBoard {
    states: Vec<AtomicU8>,
    /// One for each [`CHUNK`] blocks: rises after every change of one of them.
    changes: Vec<AtomicU32>,
    /// Rises after every change.
    epoch: AtomicU64,
}

impl BlockBoard {
    /// A board of `len` blocks, all missing.
    pub fn new(len: usize) -> Self {
        Self::from_states(&vec![BlockState::Missing; len])
    }

    /// A board on which the blocks stand as they are in `states`.
    pub fn from_states(states: &[BlockState]) -> Self {
        Self {
            states: states.iter().map(|state| AtomicU8::new(*state as u8)).collect(),
            changes: (0..states.len().div_ceil(CHUNK)).map(|_| AtomicU32::new(0)).collect(),
            epoch: AtomicU64::new(0),
        }
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Sets the state of a block; one that is not on the board is nobody's.
    pub fn mark(&self, block: usize, state: BlockState) {
        let Some(place) = self.states.get(block) else { return };
        // The order matters: state, then the counter of its chunk, then the epoch. Who sees an older counter will look
        // again.
        place.store(state as u8, Ordering::Relaxed);
        self.changes[block / CHUNK].fetch_add(1, Ordering::Release);
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// The state of a block.
    pub fn state(&self, block: usize) -> Option<BlockState> {
        self.states.get(block).map(|state| BlockState::from_byte(state.load(Ordering::Relaxed)))
    }

    /// Rises with every change.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }
}

/// A board that is made by the one who works, once it knows how many blocks there are.
#[derive(Clone, Debug, Default)]
pub struct BoardSlot(Arc<OnceLock<Arc<BlockBoard>>>);

impl BoardSlot {
    /// A slot without a board.
    pub fn new() -> Self {
        Self::default()
    }

    /// The board, once it was made.
    pub fn board(&self) -> Option<&Arc<BlockBoard>> {
        self.0.get()
    }

    /// Makes the board, of `len` blocks that are all missing; gives the one that is there if there is one.
    pub fn make(&self, len: usize) -> Arc<BlockBoard> {
        Arc::clone(self.0.get_or_init(|| Arc::new(BlockBoard::new(len))))
    }
}

/// A board as somebody saw it last: states, how many there are of each, and where they are.
#[derive(Clone, Debug, Default)]
pub struct BoardCopy {
    states: Vec<u8>,
    seen: Vec<u32>,
    /// For each chunk one bit a state: which states are in it.
    present: Vec<u8>,
    counts: [usize; BlockState::ALL.len()],
    epoch: u64,
}

impl BoardCopy {
    /// A whole copy of `board`.
    pub fn of(board: &BlockBoard) -> Self {
        let mut copy = Self { states: vec![0; board.len()], ..Self::default() };
        copy.counts[BlockState::Missing.index()] = board.len();
        copy.seen = vec![0; board.changes.len()];
        copy.present = vec![0; board.changes.len()];
        copy.epoch = board.epoch();
        for chunk in 0..copy.seen.len() {
            copy.seen[chunk] = board.changes[chunk].load(Ordering::Acquire);
            copy.read_chunk(board, chunk);
        }
        copy
    }

    /// Takes over what changed on `board`, which must be the one this is a copy of. Gives the ranges in which blocks
    /// changed, in order; none if nothing did.
    pub fn follow(&mut self, board: &BlockBoard) -> Vec<Range<usize>> {
        let epoch = board.epoch();
        let mut changed: Vec<Range<usize>> = Vec::new();
        if epoch == self.epoch || board.len() != self.states.len() {
            return changed;
        }
        self.epoch = epoch;
        for chunk in 0..self.seen.len() {
            let count = board.changes[chunk].load(Ordering::Acquire);
            if count == self.seen[chunk] {
                continue;
            }
            self.seen[chunk] = count;
            let Some(range) = self.read_chunk(board, chunk) else { continue };
            match changed.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => changed.push(range),
            }
        }
        changed
    }

    /// Reads the states of a chunk; gives the range from the first to the last that is another one.
    fn read_chunk(&mut self, board: &BlockBoard, chunk: usize) -> Option<Range<usize>> {
        let range = chunk * CHUNK..(chunk * CHUNK + CHUNK).min(self.states.len());
        let mut changed: Option<Range<usize>> = None;
        let mut present = 0u8;
        for block in range {
            let now = BlockState::from_byte(board.states[block].load(Ordering::Relaxed));
            let before = std::mem::replace(&mut self.states[block], now as u8);
            present |= 1 << now as u8;
            if before != now as u8 {
                self.counts[BlockState::from_byte(before).index()] -= 1;
                self.counts[now.index()] += 1;
                changed.get_or_insert(block..block).end = block + 1;
            }
        }
        self.present[chunk] = present;
        changed
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The state of a block; missing where there is none.
    pub fn state(&self, block: usize) -> BlockState {
        self.states.get(block).map_or(BlockState::Missing, |byte| BlockState::from_byte(*byte))
    }

    /// How many blocks are in this state.
    pub fn count(&self, state: BlockState) -> usize {
        self.counts[state.index()]
    }

    /// The worst state of the blocks in `range`; missing where there is none.
    pub fn worst(&self, range: Range<usize>) -> BlockState {
        if range.len() == 1 {
            return self.state(range.start);
        }
        let bits = self.slice(range).iter().fold(0u8, |bits, byte| bits | 1 << (byte & 7));
        let present = BlockState::ALL.into_iter().filter(|state| bits & 1 << *state as u8 != 0);
        present.max_by_key(|state| state.badness()).unwrap_or_default()
    }

    /// Whether a block in `range` is in this state.
    pub fn has(&self, range: Range<usize>, state: BlockState) -> bool {
        self.slice(range).contains(&(state as u8))
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        let end = range.end.min(self.states.len());
        &self.states[range.start.min(end)..end]
    }

    /// The next block after `block` (or before it, going `back`) whose state is one of `wanted`, around the end.
    /// Without `block`, the first (or last).
    pub fn next(&self, block: Option<usize>, back: bool, wanted: &[BlockState]) -> Option<usize> {
        let len = self.len();
        let last = len.checked_sub(1)?;
        let bits: u8 = wanted.iter().fold(0, |bits, state| bits | 1 << *state as u8);
        let start = match (block, back) {
            (None, false) => 0,
            (None, true) => last,
            (Some(block), false) => (block.min(last) + 1) % len,
            (Some(block), true) => (block.min(last) + last) % len,
        };
        // From the start to the end, and then the whole again: what lies before the start comes last.
        let found =
            |range: Range<usize>| if back { self.last_in(range, bits) } else { self.first_in(range, bits) };
        let near = if back { 0..start + 1 } else { start..len };
        found(near).or_else(|| found(0..len))
    }

    /// The first block in `range` whose state is one of `wanted`.
    pub fn first(&self, range: Range<usize>, wanted: &[BlockState]) -> Option<usize> {
        let bits = wanted.iter().fold(0u8, |bits, state| bits | 1 << *state as u8);
        self.first_in(range.start..range.end.min(self.len()), bits)
    }

    /// The blocks whose state is one of `wanted`, in order; at most `most`.
    pub fn all(&self, wanted: &[BlockState], most: usize) -> Vec<usize> {
        let bits: u8 = wanted.iter().fold(0, |bits, state| bits | 1 << *state as u8);
        let mut found = Vec::new();
        let mut from = 0;
        while found.len() < most
            && let Some(block) = self.first_in(from..self.len(), bits)
        {
            found.push(block);
            from = block + 1;
        }
        found
    }

    fn first_in(&self, range: Range<usize>, bits: u8) -> Option<usize> {
        let mut block = range.start;
        while block < range.end {
            let chunk = block / CHUNK;
            let end = ((chunk + 1) * CHUNK).min(range.end);
            if self.present[chunk] & bits != 0
                && let Some(at) = (block..end).find(|at| 1u8 << self.states[*at] & bits != 0)
            {
                return Some(at);
            }
            block = end;
        }
        None
    }

    fn last_in(&self, range: Range<usize>, bits: u8) -> Option<usize> {
        let mut end = range.end;
        while end > range.start {
            let chunk = (end - 1) / CHUNK;
            let first = (chunk * CHUNK).max(range.start);
            if self.present[chunk] & bits != 0
                && let Some(at) = (first..end).rev().find(|at| 1u8 << self.states[*at] & bits != 0)
            {
                return Some(at);
            }
            end = first;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::BlockState::{Corrupt, Missing};
    use super::*;

    fn state() -> impl Strategy<Value = BlockState> {
        (0..8u8).prop_map(BlockState::from_byte)
    }

    proptest! {
        #[test]
        fn a_copy_that_follows_is_the_board(
            first in prop::collection::vec(state(), 0..400),
            marks in prop::collection::vec((0..400usize, state()), 0..50),
        ) {
            let board = BlockBoard::from_states(&first);
            let mut copy = BoardCopy::of(&board);
            let before: Vec<_> = (0..first.len()).map(|block| copy.state(block)).collect();
            prop_assert_eq!(&before, &first);
            for (block, state) in &marks {
                board.mark(*block, *state);
            }
            let changed = copy.follow(&board);
            for (block, was) in before.into_iter().enumerate() {
                prop_assert_eq!(Some(copy.state(block)), board.state(block));
                let told = changed.iter().any(|range| range.contains(&block));
                prop_assert!(told || copy.state(block) == was);
            }
            for state in BlockState::ALL {
                let counted = (0..first.len()).filter(|block| copy.state(*block) == state).count();
                prop_assert_eq!(copy.count(state), counted);
                prop_assert_eq!(copy.all(&[state], usize::MAX).len(), counted);
            }
            prop_assert!(copy.follow(&board).is_empty());
        }

        #[test]
        fn the_next_one_is_the_nearest_around_the_end(
            states in prop::collection::vec(state(), 1..300), from in 0..300usize, wanted in state(), back in any::<bool>(),
        ) {
            let copy = BoardCopy::of(&BlockBoard::from_states(&states));
            let (from, len) = (from % states.len(), states.len());
            let steps = (1..=len).map(|step| if back { (from + len - step) % len } else { (from + step) % len });
            let nearest = steps.into_iter().find(|at| states[*at] == wanted);
            prop_assert_eq!(copy.next(Some(from), back, &[wanted]), nearest);
        }
    }

    #[test]
    fn a_block_that_is_not_there_is_nobodys() {
        let board = BlockBoard::new(3);
        let mut copy = BoardCopy::of(&board);
        board.mark(3, Corrupt);
        assert!(copy.follow(&board).is_empty());
        assert_eq!((copy.count(Missing), board.state(3)), (3, None));
    }

    #[test]
    fn a_slot_keeps_its_first_board() {
        let slot = BoardSlot::new();
        assert!(slot.board().is_none());
        let board = slot.make(3);
        assert!(Arc::ptr_eq(&board, &slot.clone().make(9)));
    }
}
