//! Which cell shows which blocks, and where it stands: whole pixels in, whole pixels out.
//!
//! Pure: no egui, no colours. A grid fills its space; cells grow as large as fits, up to a largest side, and below a
//! smallest side blocks share cells, evenly.

use std::ops::Range;

use crate::package::BlockMap;

/// What makes a cell as large as another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SizeBy {
    /// As many blocks.
    #[default]
    Blocks,
    /// As many bytes.
    Bytes,
}

/// The room of a grid, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
    /// Smallest side of a cell.
    pub least: usize,
    /// Largest side of a cell.
    pub most: usize,
    /// Largest side of a cell when zoomed.
    pub zoomed: usize,
    /// Most cells in a row: how wide a texture may be.
    pub columns: usize,
}

/// Where the cells of a grid stand. Rows beyond the room are reached by scrolling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What is shared out: blocks or bytes.
    units: u64,
    /// How many cells there are.
    pub cells: usize,
    /// Cells in a row.
    pub columns: usize,
    /// Rows in all.
    pub rows: usize,
    /// Rows that fit.
    pub rows_in_view: usize,
    /// Side of a cell, in pixels.
    pub side: usize,
    /// How much it is zoomed: 0 shows all.
    pub level: u32,
}

impl Layout {
    /// The layout of `blocks` blocks of `bytes` bytes; a `level` that is too high is the highest there is.
    pub fn new(blocks: usize, bytes: u64, by: SizeBy, space: Space, level: u32) -> Self {
        let columns_at = |side: usize| (space.width / side.max(1)).clamp(1, space.columns.max(1));
        let rows_at = |side: usize| (space.height / side.max(1)).max(1);
        let room_at = |side: usize| columns_at(side).saturating_mul(rows_at(side));
        let least = space.least.max(1);
        let fitting = (least..=space.most.max(least)).rev().find(|side| room_at(*side) >= blocks);
        let (mut side, mut cells) = match fitting {
            Some(side) => (side, blocks),
            None => (least, room_at(least).min(blocks)),
        };
        let mut reached = 0;
        while reached < level {
            if cells < blocks {
                cells = cells.saturating_mul(2).min(blocks);
            } else if side < space.zoomed {
                side = (side + (side / 4).max(1)).min(space.zoomed);
            } else {
                break;
            }
            reached += 1;
        }
        let units = match by {
            SizeBy::Blocks => blocks as u64,
            SizeBy::Bytes => bytes,
        };
        let cells = cells.min(usize::try_from(units).unwrap_or(usize::MAX));
        let columns = columns_at(side);
        Self {
            units,
            cells,
            columns,
            rows: cells.div_ceil(columns),
            rows_in_view: rows_at(side),
            side,
            level: reached,
        }
    }

    /// The highest row that can be the first in view.
    pub fn last_first_row(&self) -> usize {
        self.rows.saturating_sub(self.rows_in_view)
    }

    /// Whether some cells show more than one unit.
    pub fn is_shared(&self) -> bool {
        (self.cells as u64) < self.units
    }

    /// The units of a cell.
    fn units_of(&self, cell: usize) -> Range<u64> {
        let (units, cells) = (self.units, self.cells as u64);
        if units == cells {
            return cell as u64..cell as u64 + 1;
        }
        // Dividing 128 bits is slow, and seldom needed.
        let edge = |cell: u64| match cell.checked_mul(units) {
            Some(product) => product / cells.max(1),
            None => (u128::from(cell) * u128::from(units) / u128::from(cells.max(1))) as u64,
        };
        edge(cell as u64)..edge(cell as u64 + 1)
    }

    /// The cell of a unit.
    fn cell_of_unit(&self, unit: u64) -> usize {
        let cell = ((u128::from(unit) + 1) * self.cells as u128 - 1) / u128::from(self.units.max(1));
        usize::try_from(cell).unwrap_or(usize::MAX)
    }

    /// The cell at a pixel of the whole grid, scrolled rows included.
    pub fn cell_at(&self, x: usize, y: usize) -> Option<usize> {
        let (column, row) = (x / self.side.max(1), y / self.side.max(1));
        let cell = row.checked_mul(self.columns)?.checked_add(column)?;
        (column < self.columns && cell < self.cells).then_some(cell)
    }

    /// The upper left pixel of a cell, scrolled rows included.
    pub fn corner(&self, cell: usize) -> (usize, usize) {
        (cell % self.columns * self.side, cell / self.columns * self.side)
    }
}

/// A layout together with the blocks it shows.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    /// Where the cells stand.
    pub layout: Layout,
    /// The blocks.
    pub map: &'a BlockMap,
    /// What makes a cell as large as another.
    pub by: SizeBy,
}

impl Cells<'_> {
    /// The blocks a cell shows. By blocks, every block is in one cell; by bytes, a large block is in several.
    pub fn blocks_of(&self, cell: usize) -> Range<usize> {
        let units = self.layout.units_of(cell);
        if units.is_empty() {
            return 0..0;
        }
        match self.by {
            SizeBy::Blocks => units.start as usize..units.end as usize,
            SizeBy::Bytes => {
                let first = self.map.block_at(units.start);
                let last = self.map.block_at(units.end - 1);
                match (first, last) {
                    (Some(first), Some(last)) => first..last + 1,
                    _ => 0..0,
                }
            }
        }
    }

    /// What [`Cells::blocks_of`] gives for several cells in a row, faster than asked one by one.
    pub fn blocks_of_all(&self, cells: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let first = self.blocks_of(cells.start).start;
        let mut file = self.map.file_of(first).unwrap_or(0);
        cells.map(move |cell| {
            if self.by == SizeBy::Blocks {
                return self.blocks_of(cell);
            }
            let units = self.layout.units_of(cell);
            let mut at = |byte| {
                let (block, found) = self.map.block_at_from(byte, file)?;
                file = found;
                Some(block)
            };
            match (at(units.start), units.end.checked_sub(1).and_then(at)) {
                (Some(first), Some(last)) => first..last + 1,
                _ => 0..0,
            }
        })
    }

    /// The cells that show a block.
    pub fn cells_of(&self, block: usize) -> Range<usize> {
        if block >= self.map.len() || self.layout.cells == 0 {
            return 0..0;
        }
        match self.by {
            SizeBy::Blocks => {
                let cell = self.layout.cell_of_unit(block as u64);
                cell..cell + 1
            }
            SizeBy::Bytes => {
                let bytes = self.map.bytes_of(block);
                self.layout.cell_of_unit(bytes.start)..self.layout.cell_of_unit(bytes.end - 1) + 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::package::manifest::ManifestFile;
    use crate::package::{BlockBoard, BlockSize, BlockState, BoardCopy, Manifest};

    const SIZE: u64 = 256 * 1024;

    fn map(sizes: &[u64]) -> BlockMap {
        let file = |(n, size_bytes): (usize, &u64)| ManifestFile {
            path: format!("{n:06}"),
            size_bytes: *size_bytes,
            executable: false,
            hashes: None,
        };
        let size = BlockSize::new(SIZE).expect("a power of two in range");
        let files = sizes.iter().enumerate().map(file).collect();
        BlockMap::of(&Manifest::from_files(size, files).expect("distinct")).expect("not too many")
    }

    fn space(width: usize, height: usize) -> Space {
        Space { width, height, least: 4, most: 12, zoomed: 24, columns: 2048 }
    }

    fn any_grid() -> impl Strategy<Value = (Vec<u64>, Space, u32, SizeBy)> {
        let sizes = prop::collection::vec(prop_oneof![0..SIZE, 0..20 * SIZE], 1..200);
        let by = prop_oneof![Just(SizeBy::Blocks), Just(SizeBy::Bytes)];
        (sizes, 1..300usize, 1..120usize, 0..12u32, by)
            .prop_map(|(sizes, width, height, level, by)| (sizes, space(width, height), level, by))
    }

    proptest! {
        #[test]
        fn every_block_is_in_its_cells_and_in_no_other((sizes, space, level, by) in any_grid()) {
            let map = map(&sizes);
            let layout = Layout::new(map.len(), map.total_bytes(), by, space, level);
            let cells = Cells { layout, map: &map, by };
            let one_by_one: Vec<_> = (0..layout.cells).map(|cell| cells.blocks_of(cell)).collect();
            let from = layout.cells / 3;
            let in_a_row: Vec<_> = cells.blocks_of_all(from..layout.cells).collect();
            prop_assert_eq!(&one_by_one[from..], in_a_row.as_slice());
            let mut shown = vec![Vec::new(); map.len()];
            for cell in 0..layout.cells {
                let blocks = cells.blocks_of(cell);
                prop_assert!(!blocks.is_empty(), "cell {} shows nothing", cell);
                blocks.for_each(|block| shown[block].push(cell));
            }
            for (block, shown) in shown.into_iter().enumerate() {
                let told: Vec<usize> = cells.cells_of(block).collect();
                prop_assert_eq!(&shown, &told);
                prop_assert!(!shown.is_empty());
                if by == SizeBy::Blocks {
                    prop_assert_eq!(shown.len(), 1);
                }
            }
        }

        #[test]
        fn a_hit_inverts_the_layout((sizes, space, level, by) in any_grid()) {
            let map = map(&sizes);
            let layout = Layout::new(map.len(), map.total_bytes(), by, space, level);
            prop_assert!(layout.columns * layout.side <= space.width.max(layout.side));
            for cell in 0..layout.cells {
                let (x, y) = layout.corner(cell);
                for (dx, dy) in [(0, 0), (layout.side - 1, 0), (0, layout.side - 1), (layout.side - 1, layout.side - 1)] {
                    prop_assert_eq!(layout.cell_at(x + dx, y + dy), Some(cell));
                }
            }
            prop_assert_eq!(layout.cell_at(layout.columns * layout.side, 0), None);
            prop_assert_eq!(layout.cell_at(0, layout.rows * layout.side), None);
        }

        #[test]
        fn at_level_0_all_is_in_view_in_the_largest_cells_that_fit((sizes, space, _, by) in any_grid()) {
            let map = map(&sizes);
            let layout = Layout::new(map.len(), map.total_bytes(), by, space, 0);
            prop_assert!(layout.rows <= layout.rows_in_view);
            prop_assert!((4..=12).contains(&layout.side));
            if by == SizeBy::Blocks && layout.side < 12 {
                let larger = layout.side + 1;
                let room = (space.width / larger).max(1) * (space.height / larger).max(1);
                prop_assert!(room < map.len(), "cells of {} would fit too", larger);
            }
            if by == SizeBy::Blocks && layout.is_shared() {
                prop_assert_eq!(layout.side, 4);
                prop_assert_eq!(layout.cells, layout.columns * layout.rows_in_view, "the area is filled");
            }
        }

        #[test]
        fn the_worst_state_of_a_cell_wins(states in prop::collection::vec(0..8u8, 1..3000), width in 4..80usize) {
            let states: Vec<_> = states.into_iter().map(BlockState::from_byte).collect();
            let map = map(&vec![1; states.len()]);
            let copy = BoardCopy::of(&BlockBoard::from_states(&states));
            let layout = Layout::new(map.len(), map.total_bytes(), SizeBy::Blocks, space(width, 40), 0);
            let cells = Cells { layout, map: &map, by: SizeBy::Blocks };
            for cell in 0..layout.cells {
                let worst = copy.worst(cells.blocks_of(cell));
                let inside = &states[cells.blocks_of(cell)];
                prop_assert!(inside.contains(&worst));
                prop_assert!(inside.iter().all(|state| state.badness() <= worst.badness()));
            }
        }

        #[test]
        fn zooming_ends_with_a_cell_for_every_block(blocks in 1..20_000_000usize) {
            let highest = Layout::new(blocks, blocks as u64, SizeBy::Blocks, space(300, 200), u32::MAX);
            prop_assert_eq!(highest.cells, blocks);
            prop_assert!(highest.level < 40);
        }
    }

    #[test]
    fn nothing_has_no_cell() {
        let layout = Layout::new(0, 0, SizeBy::Bytes, space(100, 100), 3);
        assert_eq!((layout.cells, layout.rows, layout.cell_at(0, 0)), (0, 0, None));
    }
}
