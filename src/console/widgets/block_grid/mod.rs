//! The block grid: the state of every block of a package, a cell a block, as many as a million of them.
//!
//! Shows a [`BlockBoard`], on which others mark what becomes of the blocks, and follows it from frame to frame at the
//! price of what changed. Owns layout, texture, marks, ruler, legend, keyboard and words; must not know what the blocks
//! belong to, nor who works on them.

pub mod cells;
mod grid;
mod keys;
mod legend;
mod marks;
pub mod pixels;
mod ruler;
mod texture;
mod trouble;
pub mod words;

use std::sync::Arc;

use egui::{Align, Layout as Direction, Response, RichText, Ui};

use super::chip::chip;
use super::list::ListState;
use crate::console::tokens::Tokens;
use crate::package::{BlockBoard, BlockMap, BlockState, BoardCopy};
use cells::SizeBy;
use legend::{Done, legend_ui};
use words::{BlockNotes, NoNotes};

/// What F8 looks for.
const TROUBLE: [BlockState; 2] = [BlockState::Corrupt, BlockState::Repaired];

/// Height of the line below the cells with the switch in it, in points.
const SWITCH_HEIGHT: f32 = 26.0;

/// What a grid remembers from frame to frame.
#[derive(Default)]
pub struct GridState {
    board: Option<Arc<BlockBoard>>,
    copy: BoardCopy,
    by: SizeBy,
    level: u32,
    first_row: usize,
    /// What is left of a turn of the wheel that was less than a row or a step.
    scrolled: f32,
    /// The block with the cursor.
    cursor: Option<usize>,
    /// The block that is to be scrolled into view.
    show: Option<usize>,
    filter: Option<BlockState>,
    texture: texture::CellTexture,
    marks: marks::Marks,
    ticks: Vec<ruler::Tick>,
    ticks_made: Option<(cells::Layout, SizeBy, usize)>,
    trouble: trouble::Trouble,
    list: ListState,
}

impl GridState {
    /// The block with the cursor.
    pub fn cursor(&self) -> Option<usize> {
        self.cursor
    }

    /// Puts the cursor on a block and brings it into view.
    pub fn set_cursor(&mut self, block: usize) {
        self.cursor = Some(block);
        self.show = Some(block);
    }

    /// The state that is not dimmed, while the others are.
    pub fn filter(&self) -> Option<BlockState> {
        self.filter
    }

    /// Dims all states but this one, or none.
    pub fn set_filter(&mut self, state: Option<BlockState>) {
        self.filter = state;
    }

    /// Makes cells equal shares of the bytes, or of the blocks.
    pub fn set_size_by(&mut self, by: SizeBy) {
        self.by = by;
        self.show = self.cursor;
    }

    /// Zooms to this level: 0 shows all; a level that is too high is the highest there is.
    pub fn set_level(&mut self, level: u32) {
        self.level = level;
        self.show = self.cursor;
    }

    /// How many blocks are in a state, as of the last frame.
    pub fn count(&self, state: BlockState) -> usize {
        self.copy.count(state)
    }

    /// Puts the cursor on the next block (or the one before it) that is in the state the legend has chosen, or in
    /// trouble. Gives it, if there is one.
    pub fn jump(&mut self, back: bool) -> Option<usize> {
        let chosen = self.filter.map(|state| [state]);
        let wanted = chosen.as_ref().map_or(TROUBLE.as_slice(), |state| state.as_slice());
        let found = self.copy.next(self.cursor, back, wanted)?;
        self.set_cursor(found);
        Some(found)
    }

    /// Takes over what changed on `board`.
    fn follow(&mut self, board: &Arc<BlockBoard>) -> Vec<std::ops::Range<usize>> {
        if self.board.as_ref().is_some_and(|known| Arc::ptr_eq(known, board)) {
            let changed = self.copy.follow(board);
            if !changed.is_empty() {
                self.ticks_made = None;
                self.trouble.forget();
            }
            return changed;
        }
        self.board = Some(Arc::clone(board));
        self.copy = BoardCopy::of(board);
        self.cursor = self.cursor.filter(|block| *block < self.copy.len());
        self.texture.forget();
        self.marks.forget();
        self.ticks_made = None;
        self.trouble.forget();
        Vec::new()
    }
}

/// What was done to a grid in this frame.
#[derive(Debug)]
pub struct GridResponse {
    /// The area with the keyboard.
    pub response: Response,
    /// Block that was clicked, or that had the cursor when Enter was pressed.
    pub selected: Option<usize>,
    /// Shift+F10 was pressed, or the key for context menus: a menu about the block with the cursor is wanted.
    pub wants_menu: bool,
}

/// A grid about to be shown.
pub struct BlockGrid<'a> {
    id_salt: &'a str,
    map: &'a BlockMap,
    board: &'a Arc<BlockBoard>,
    states: &'a [BlockState],
    notes: &'a dyn BlockNotes,
    keys: bool,
    /// Who shows the grid says how many blocks there are.
    plain: bool,
}

impl<'a> BlockGrid<'a> {
    /// A grid of the blocks in `map`, whose states stand on `board`; both are of one package.
    pub fn new(id_salt: &'a str, map: &'a BlockMap, board: &'a Arc<BlockBoard>) -> Self {
        Self { id_salt, map, board, states: &[], notes: &NoNotes, keys: false, plain: false }
    }

    /// States that stand in the legend even while no block is in them.
    pub fn states(self, states: &'a [BlockState]) -> Self {
        Self { states, ..self }
    }

    /// What else is known of the blocks.
    pub fn notes(self, notes: &'a dyn BlockNotes) -> Self {
        Self { notes, ..self }
    }

    /// Whether F8 is obeyed while something else has the keyboard.
    pub fn keys(self, keys: bool) -> Self {
        Self { keys, ..self }
    }

    /// Leaves the number of blocks and files out.
    pub fn plain(self) -> Self {
        Self { plain: true, ..self }
    }

    /// Shows header, legend, cells, ruler and a line about the block with the cursor, in at most `height` points. Cells
    /// that need less take less.
    pub fn show(&self, ui: &mut Ui, state: &mut GridState, height: f32) -> GridResponse {
        let bottom = ui.cursor().top() + height;
        let changed = state.follow(self.board);
        if !self.plain {
            self.header_ui(ui, state);
        }
        let done = legend_ui(ui, &state.copy, self.states, state.filter);
        match done {
            Some(Done::Only(chosen)) => state.filter = Some(chosen),
            Some(Done::All) => state.filter = None,
            Some(Done::Next) => {
                state.jump(false);
            }
            None => {}
        }
        let text = ui.text_style_height(&egui::TextStyle::Small) + 6.0;
        let line = if self.plain { SWITCH_HEIGHT } else { text };
        let room = (bottom - ui.cursor().top() - line).max(40.0);
        let response = self.grid_ui(ui, state, &changed, room);
        if self.plain {
            // Where the header is elsewhere, its switch stands at the end of this line.
            let size = egui::vec2(ui.available_width(), SWITCH_HEIGHT);
            ui.allocate_ui_with_layout(size, Direction::right_to_left(Align::Center), |ui| {
                self.switch_ui(ui, state);
                ui.add_space(8.0);
                ui.with_layout(Direction::left_to_right(Align::Center), |ui| self.line_ui(ui, state));
            });
        } else {
            self.line_ui(ui, state);
        }
        response
    }

    /// The table of the blocks in trouble; fills the space that is left in `ui`. A selected row puts the cursor of the
    /// grid on its block.
    pub fn trouble_ui(&self, ui: &mut Ui, state: &mut GridState) {
        trouble::trouble_ui(ui, self.id_salt, self.map, self.notes, state);
    }

    fn header_ui(&self, ui: &mut Ui, state: &mut GridState) {
        ui.horizontal(|ui| {
            ui.label(RichText::new(words::header(self.map)).color(Tokens::of(ui).secondary));
            ui.with_layout(Direction::right_to_left(Align::Center), |ui| self.switch_ui(ui, state));
        });
    }

    /// What the cells stand for, from right to left.
    fn switch_ui(&self, ui: &mut Ui, state: &mut GridState) {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (by, word, hint) in [
            (SizeBy::Bytes, "bytes", "Every cell is an equal share of the bytes"),
            (SizeBy::Blocks, "blocks", "Every cell is an equal number of blocks"),
        ] {
            if chip(ui, word, state.by == by).on_hover_text(hint).clicked() && state.by != by {
                state.set_size_by(by);
            }
        }
        ui.label(RichText::new("Size by").small().color(Tokens::of(ui).secondary));
        if state.level > 0 {
            ui.add_space(8.0);
            if chip(ui, "Show whole package", false).on_hover_text("0").clicked() {
                state.set_level(0);
            }
        }
    }

    fn line_ui(&self, ui: &mut Ui, state: &GridState) {
        let tokens = Tokens::of(ui);
        let blocks = state.cursor.map(|block| block..block + 1);
        let text = blocks.and_then(|blocks| words::CellText::of(self.map, &state.copy, blocks, self.notes));
        let text = match text {
            Some(text) => RichText::new(text.line()).small().color(tokens.text),
            None => {
                let hint = "F8 goes to the next finding, Ctrl+wheel zooms, arrow keys move the cursor";
                RichText::new(hint).small().color(tokens.secondary)
            }
        };
        ui.add(egui::Label::new(text).selectable(true).truncate());
    }
}
