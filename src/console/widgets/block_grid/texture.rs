//! The cells as one texture, a texel a cell, kept up to date by the rows that changed.
//!
//! Drawing a hundred thousand rectangles costs 41 ms a frame, this costs next to nothing.

use std::ops::Range;

use egui::{Color32, ColorImage, Context, TextureHandle, TextureId, TextureOptions};

use super::cells::{Cells, Layout, SizeBy};
use crate::console::tokens::Tokens;
use crate::package::{BlockState, BoardCopy};

/// Runs of changed rows that are sent one by one; more are sent as a whole.
const MOST_RUNS: usize = 8;

/// What decides the colour of every texel, blocks apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) layout: Layout,
    pub(super) by: SizeBy,
    /// The first row in view.
    pub(super) first_row: usize,
    /// The state that is not dimmed, if the others are.
    pub(super) filter: Option<BlockState>,
    /// The theme.
    pub(super) dark: bool,
}

impl Look {
    /// Rows that are drawn.
    pub(super) fn rows(&self) -> usize {
        self.layout.rows.saturating_sub(self.first_row).min(self.layout.rows_in_view)
    }

    /// Cells that are drawn.
    pub(super) fn cells(&self) -> Range<usize> {
        let first = self.first_row * self.layout.columns;
        first..(first + self.rows() * self.layout.columns).min(self.layout.cells).max(first)
    }
}

/// The texture.
#[derive(Default)]
pub(super) struct CellTexture {
    handle: Option<TextureHandle>,
    look: Option<Look>,
    pixels: Vec<Color32>,
}

impl CellTexture {
    /// Forgets what is drawn: the blocks are those of another board.
    pub(super) fn forget(&mut self) {
        self.look = None;
    }

    /// The texture, once there is one.
    pub(super) fn id(&self) -> Option<TextureId> {
        self.handle.as_ref().map(TextureHandle::id)
    }

    /// Makes the texture show `copy`, of which the blocks in `changed` are others than last time. Gives whether anything
    /// that is in view changed.
    pub(super) fn update(
        &mut self,
        ctx: &Context,
        cells: &Cells<'_>,
        copy: &BoardCopy,
        look: Look,
        changed: &[Range<usize>],
    ) -> bool {
        let painter = Painter { copy, look, tokens: Tokens::for_theme(look.dark) };
        let (columns, rows) = (look.layout.columns, look.rows());
        if self.look != Some(look) || self.handle.is_none() {
            self.look = Some(look);
            self.pixels.clear();
            self.pixels.extend(cells.blocks_of_all(look.cells()).map(|blocks| painter.colour(blocks)));
            self.pixels.resize(columns * rows, Color32::TRANSPARENT);
            self.send_all(ctx, columns, rows);
            return true;
        }
        let view = look.cells();
        let mut dirty = vec![false; rows];
        for blocks in changed {
            let (first, last) = (cells.cells_of(blocks.start), cells.cells_of(blocks.end.saturating_sub(1)));
            for cell in first.start.max(view.start)..last.end.min(view.end) {
                let at = cell - view.start;
                let colour = painter.colour(cells.blocks_of(cell));
                if std::mem::replace(&mut self.pixels[at], colour) != colour {
                    dirty[at / columns] = true;
                }
            }
        }
        let runs = runs(&dirty);
        if runs.len() > MOST_RUNS {
            self.send_all(ctx, columns, rows);
        } else if let Some(handle) = &mut self.handle {
            for run in &runs {
                let pixels = self.pixels[run.start * columns..run.end * columns].to_vec();
                let image = ColorImage::new([columns, run.len()], pixels);
                handle.set_partial([0, run.start], image, TextureOptions::NEAREST);
            }
        }
        !runs.is_empty()
    }

    fn send_all(&mut self, ctx: &Context, columns: usize, rows: usize) {
        if columns * rows == 0 {
            self.handle = None;
            return;
        }
        let image = ColorImage::new([columns, rows], self.pixels.clone());
        match &mut self.handle {
            Some(handle) => handle.set(image, TextureOptions::NEAREST),
            None => self.handle = Some(ctx.load_texture("block grid", image, TextureOptions::NEAREST)),
        }
    }
}

/// The rows that are true, as runs.
fn runs(rows: &[bool]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for row in rows.iter().enumerate().filter_map(|(row, dirty)| dirty.then_some(row)) {
        match runs.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs
}

/// The state that a cell of `blocks` shows, and whether it is dimmed.
pub(super) fn shown_state(
    copy: &BoardCopy,
    filter: Option<BlockState>,
    blocks: Range<usize>,
) -> (BlockState, bool) {
    match filter {
        // What is looked for is not hidden behind something worse in the same cell.
        Some(state) if copy.has(blocks.clone(), state) => (state, false),
        Some(_) => (copy.worst(blocks), true),
        None => (copy.worst(blocks), false),
    }
}

struct Painter<'a> {
    copy: &'a BoardCopy,
    look: Look,
    tokens: &'static Tokens,
}

impl Painter<'_> {
    fn colour(&self, shown: Range<usize>) -> Color32 {
        let blocks = &self.tokens.blocks;
        match shown_state(self.copy, self.look.filter, shown) {
            (state, false) => blocks.fill(state),
            (state, true) => blocks.dimmed(state, self.tokens.ground),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_lie_together_are_one_run() {
        assert_eq!(runs(&[true, true, false, true]), [0..2, 3..4]);
        assert!(runs(&[false; 4]).is_empty());
    }
}
