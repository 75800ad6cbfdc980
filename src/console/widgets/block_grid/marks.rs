//! What is drawn over the cells: the lines between them, the marks of states, the beginnings of files.
//!
//! Two meshes: the lines, one rectangle a row and a column; and the marks, one rectangle a mark, of cells in view, kept
//! until something in view changes.

use std::sync::Arc;

use egui::{Color32, ColorImage, Context, Mesh, Pos2, Rect, TextureHandle, TextureOptions, pos2, vec2};

use super::cells::Cells;
use super::pixels::{MARKED, covers, place_of};
use super::texture::{Look, shown_state};
use crate::console::tokens::Tokens;
use crate::package::{BlockState, BoardCopy};

/// Most marks that are drawn.
const MOST: usize = 20_000;

/// How the grid lies on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// The upper left corner of the first row in view.
    pub(super) origin: Pos2,
    /// Points in a pixel.
    pub(super) pixel: f32,
    /// Pixels between two cells; 0 where cells are too small for that.
    pub(super) gap: usize,
    /// Whether cells are large enough for marks.
    pub(super) has_marks: bool,
}

impl Scale {
    fn at(&self, x: usize, y: usize) -> Pos2 {
        self.origin + vec2(x as f32, y as f32) * self.pixel
    }

    /// A rectangle in pixels of the view.
    pub(super) fn rect(&self, x: usize, y: usize, width: usize, height: usize) -> Rect {
        Rect::from_min_max(self.at(x, y), self.at(x + width, y + height))
    }

    /// The coloured part of a cell that is in view.
    pub(super) fn cell(&self, look: &Look, cell: usize) -> Rect {
        let (x, y) = look.layout.corner(cell);
        let side = look.layout.side;
        let top = y.saturating_sub(look.first_row * side);
        self.rect(x, top, side - self.gap, side - self.gap)
    }
}

/// The lines between the cells, in the colour of the ground.
pub(super) fn lines(look: &Look, scale: &Scale, colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    let (rows, side, gap) = (look.rows(), look.layout.side, scale.gap);
    // A single row ends where its last cell does, and its frame with it.
    let columns = look.layout.columns.min(look.cells().len());
    if gap == 0 {
        return mesh;
    }
    for column in 1..=columns {
        mesh.add_colored_rect(scale.rect(column * side - gap, 0, gap, rows * side), colour);
    }
    for row in 1..=rows {
        mesh.add_colored_rect(scale.rect(0, row * side - gap, columns * side, gap), colour);
    }
    mesh
}

/// The marks over the cells in view.
#[derive(Default)]
pub(super) struct Marks {
    atlas: Option<(usize, TextureHandle)>,
    made: Option<(Look, Scale)>,
    mesh: Option<Arc<Mesh>>,
    borders: Option<Arc<Mesh>>,
}

impl Marks {
    /// Forgets what is drawn: the blocks are those of another board.
    pub(super) fn forget(&mut self) {
        self.made = None;
    }

    /// The meshes of marks and beginnings of files; made anew if `changed` or if the grid lies or looks otherwise.
    pub(super) fn meshes(
        &mut self,
        ctx: &Context,
        cells: &Cells<'_>,
        copy: &BoardCopy,
        look: Look,
        scale: Scale,
        changed: bool,
    ) -> impl Iterator<Item = Arc<Mesh>> {
        let is_same = self.made == Some((look, scale));
        if !scale.has_marks {
            (self.mesh, self.borders) = (None, None);
        } else {
            if !is_same || changed {
                self.mesh = Some(Arc::new(self.marks(ctx, cells, copy, &look, &scale)));
            }
            if !is_same {
                self.borders = Some(Arc::new(borders(cells, &look, &scale)));
            }
        }
        self.made = Some((look, scale));
        self.borders.clone().into_iter().chain(self.mesh.clone())
    }

    fn marks(
        &mut self,
        ctx: &Context,
        cells: &Cells<'_>,
        copy: &BoardCopy,
        look: &Look,
        scale: &Scale,
    ) -> Mesh {
        let side = look.layout.side - scale.gap;
        if self.atlas.as_ref().is_none_or(|(made_for, _)| *made_for != side) {
            let texture = ctx.load_texture("block marks", atlas(side), TextureOptions::NEAREST);
            self.atlas = Some((side, texture));
        }
        let Some((_, texture)) = &self.atlas else { return Mesh::default() };
        let colours = &Tokens::for_theme(look.dark).blocks;
        let mut mesh = Mesh::with_texture(texture.id());
        let width = 1.0 / MARKED.len() as f32;
        let mut count = 0;
        // What is worst has its mark for sure, even where there are more than can be drawn.
        let passes: &[fn(BlockState) -> bool] = if look.cells().len() > MOST {
            &[BlockState::is_trouble, |state| !state.is_trouble()]
        } else {
            &[|_| true]
        };
        for wanted in passes {
            for (cell, blocks) in look.cells().zip(cells.blocks_of_all(look.cells())) {
                let (state, is_dimmed) = shown_state(copy, look.filter, blocks);
                let Some(place) = place_of(state).filter(|_| !is_dimmed && wanted(state)) else { continue };
                if count == MOST {
                    return mesh;
                }
                count += 1;
                let left = place as f32 * width;
                let uv = Rect::from_min_max(pos2(left, 0.0), pos2(left + width, 1.0));
                mesh.add_rect_with_uv(scale.cell(look, cell), uv, colours.mark(state));
            }
        }
        mesh
    }
}

/// All marks side by side, white, for cells whose coloured part has `side` pixels.
fn atlas(side: usize) -> ColorImage {
    let pixels = (0..side).flat_map(|y| {
        MARKED.into_iter().flat_map(move |state| {
            (0..side)
                .map(move |x| if covers(state, side, x, y) { Color32::WHITE } else { Color32::TRANSPARENT })
        })
    });
    ColorImage::new([side * MARKED.len(), side], pixels.collect())
}

/// A line before the first block of each file. Where files of one block stand in a row it would only be noise, so one of
/// the two files must have more.
fn borders(cells: &Cells<'_>, look: &Look, scale: &Scale) -> Mesh {
    let mut mesh = Mesh::default();
    let (view, map) = (look.cells(), cells.map);
    let tokens = Tokens::for_theme(look.dark);
    let Some(mut file) = map.file_of(cells.blocks_of(view.start).start) else { return mesh };
    let side = look.layout.side;
    let mut before = map.blocks_of(file).len();
    let mut count = 0;
    loop {
        file += 1;
        let blocks = map.blocks_of(file);
        if file >= map.files().len() || count == MOST {
            return mesh;
        }
        if blocks.is_empty() {
            continue;
        }
        let cell = cells.cells_of(blocks.start).start;
        if cell >= view.end {
            return mesh;
        }
        let is_worth_it = before > 1 || blocks.len() > 1;
        before = blocks.len();
        let (x, y) = look.layout.corner(cell);
        if is_worth_it && x >= 2 * scale.gap && cell >= view.start {
            let top = y.saturating_sub(look.first_row * side);
            // A wider gap is seen on every fill, and the line in it where the fill is as faint as the ground.
            let gap = scale.gap;
            mesh.add_colored_rect(scale.rect(x - 2 * gap, top, 3 * gap, side - gap), tokens.ground);
            mesh.add_colored_rect(scale.rect(x - gap, top, gap, side - gap), tokens.secondary);
            count += 1;
        }
    }
}

/// The mark of a state as rectangles, for the legend.
pub(super) fn small_mark(state: BlockState, rect: Rect, pixel: f32, colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    let side = (rect.width() / pixel).round() as usize;
    for (x, y) in (0..side).flat_map(|y| (0..side).map(move |x| (x, y))) {
        if covers(state, side, x, y) {
            let corner = rect.min + vec2(x as f32, y as f32) * pixel;
            mesh.add_colored_rect(Rect::from_min_size(corner, vec2(pixel, pixel)), colour);
        }
    }
    mesh
}
