//! The overview ruler at the right edge: ticks where blocks are corrupt or repaired, and which part is in view.
//!
//! It is the way to find one cell in a million.

use egui::{Painter, Rect, Stroke, StrokeKind, pos2};

use super::cells::Cells;
use crate::console::tokens::Tokens;
use crate::package::{BlockState, BoardCopy};

/// Height of a tick, in points.
const TICK: f32 = 2.0;
/// Least height of the part in view, in points.
const VIEW: f32 = 10.0;

/// A tick: pixels from the top, and the worse of the states there.
pub(super) type Tick = (usize, BlockState);

/// The ticks of a ruler of `height` pixels.
pub(super) fn ticks(cells: &Cells<'_>, copy: &BoardCopy, height: usize) -> Vec<Tick> {
    let trouble = [BlockState::Corrupt, BlockState::Repaired];
    let (rows, columns) = (cells.layout.rows, cells.layout.columns);
    if rows == 0 || height == 0 || trouble.iter().all(|state| copy.count(*state) == 0) {
        return Vec::new();
    }
    // A tick for each row, or where there are more rows than pixels, for each pixel.
    let steps = rows.min(height);
    let mut ticks = Vec::new();
    for step in 0..steps {
        let (first, end) = (step * rows / steps, (step + 1) * rows / steps);
        let last_cell = (end * columns).min(cells.layout.cells).saturating_sub(1);
        let blocks = cells.blocks_of(first * columns).start..cells.blocks_of(last_cell).end;
        let worst = trouble.into_iter().find(|state| copy.first(blocks.clone(), &[*state]).is_some());
        if let Some(state) = worst {
            ticks.push(((2 * step + 1) * height / (2 * steps), state));
        }
    }
    ticks
}

/// Paints the ruler. `view` is the part in view, from 0 to 1, unless all of it is.
pub(super) fn paint(
    painter: &Painter,
    rect: Rect,
    ticks: &[Tick],
    pixel: f32,
    view: Option<std::ops::Range<f32>>,
    tokens: &Tokens,
) {
    painter.rect_filled(rect, 0.0, tokens.control);
    if let Some(view) = view {
        // Of a million blocks very little is in view: at least as much as can be seen.
        let middle = rect.top() + (view.start + view.end) / 2.0 * rect.height();
        let half = ((view.end - view.start) * rect.height()).max(VIEW) / 2.0;
        let part = Rect::from_x_y_ranges(rect.x_range(), middle - half..=middle + half).intersect(rect);
        painter.rect_filled(part, 1.0, tokens.selected);
        painter.rect_stroke(part, 1.0, Stroke::new(1.0, tokens.secondary), StrokeKind::Inside);
    }
    // Corrupt last, so that it lies above.
    for wanted in [BlockState::Repaired, BlockState::Corrupt] {
        for (y, _) in ticks.iter().filter(|(_, state)| *state == wanted) {
            let middle = rect.top() + *y as f32 * pixel;
            let top = (middle - TICK / 2.0).clamp(rect.top(), (rect.bottom() - TICK).max(rect.top()));
            let tick = Rect::from_min_max(pos2(rect.left(), top), pos2(rect.right(), top + TICK));
            painter.rect_filled(tick, 0.0, tokens.blocks.fill(wanted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::{Layout, SizeBy, Space};
    use super::*;
    use crate::package::manifest::ManifestFile;
    use crate::package::{BlockBoard, BlockMap, BlockSize, Manifest};

    #[test]
    fn one_block_in_a_million_has_its_tick_in_its_row() {
        let file =
            ManifestFile { path: "a".into(), size_bytes: 1_000_000 << 18, executable: false, hashes: None };
        let size = BlockSize::new(1 << 18).expect("256 KiB");
        let map =
            BlockMap::of(&Manifest::from_files(size, vec![file]).expect("one file")).expect("a million");
        let space = Space { width: 800, height: 400, least: 4, most: 12, zoomed: 24, columns: 2048 };
        for level in [0, 2, 30] {
            let layout = Layout::new(map.len(), map.total_bytes(), SizeBy::Blocks, space, level);
            let cells = Cells { layout, map: &map, by: SizeBy::Blocks };
            let board = BlockBoard::new(map.len());
            assert!(ticks(&cells, &BoardCopy::of(&board), 400).is_empty());
            board.mark(777_777, BlockState::Corrupt);
            let found = ticks(&cells, &BoardCopy::of(&board), 400);
            assert_eq!(found.len(), 1);
            assert!((310..=312).contains(&found[0].0), "{found:?} at level {level}");
        }
    }
}
