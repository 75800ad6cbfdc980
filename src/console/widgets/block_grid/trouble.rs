//! The table *Blocks in trouble*: every corrupt and repaired block by name. It is what a screen reader gets.

use egui::{RichText, Ui};

use super::words::BlockNotes;
use super::{GridState, TROUBLE};
use crate::console::format::{exact_size, size, thousands};
use crate::console::icons::Icon;
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::list::{Cell, Column, List, Row, Rows};
use crate::package::{BlockMap, BlockState, BoardCopy};

/// Most rows; where more is wrong, the grid says where.
const MOST: usize = 100_000;

/// The rows, made anew when a block changed.
#[derive(Default)]
pub(super) struct Trouble {
    made: bool,
    blocks: Vec<usize>,
}

impl Trouble {
    pub(super) fn forget(&mut self) {
        self.made = false;
    }

    fn make(&mut self, copy: &BoardCopy) {
        if !std::mem::replace(&mut self.made, true) {
            self.blocks = copy.all(&TROUBLE, MOST);
        }
    }
}

struct TroubleRows<'a> {
    map: &'a BlockMap,
    copy: &'a BoardCopy,
    blocks: &'a [usize],
    notes: &'a dyn BlockNotes,
}

impl Rows for TroubleRows<'_> {
    fn len(&self) -> usize {
        self.blocks.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let block = self.blocks[index];
        let state = self.copy.state(block);
        let Some(place) = self.map.place(block) else { return Row::default() };
        let offset = thousands(place.offset_bytes);
        let when = self.notes.in_table(block).unwrap_or_default();
        let (icon, tone) = match state {
            BlockState::Corrupt => (Icon::Damaged, Tone::Bad),
            _ => (Icon::Check, Tone::Note),
        };
        let name = format!(
            "{}, offset {offset}, {}, {}{}{when}",
            place.path,
            exact_size(place.size_bytes),
            state.word(),
            if when.is_empty() { "" } else { ", " },
        );
        Row {
            icon: Some((icon, None)),
            cells: vec![
                Cell::new(place.path),
                Cell::new(offset),
                Cell::new(size(place.size_bytes)),
                Cell::new(state.word()).tone(tone),
                Cell::secondary(when),
            ],
            name: name.into(),
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.map.place(self.blocks[index]).map_or("", |place| place.path)
    }
}

pub(super) fn trouble_ui(
    ui: &mut Ui,
    id_salt: &str,
    map: &BlockMap,
    notes: &dyn BlockNotes,
    state: &mut GridState,
) {
    state.trouble.make(&state.copy);
    let all: usize = TROUBLE.iter().map(|one| state.copy.count(*one)).sum();
    let listed = state.trouble.blocks.len();
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new("Blocks in trouble").color(tokens.text));
        let text = match all {
            0 => "none".to_owned(),
            _ if listed < all => {
                format!("the first {} of {}", thousands(listed as u64), thousands(all as u64))
            }
            _ => thousands(all as u64),
        };
        ui.label(RichText::new(text).small().color(tokens.secondary));
    });
    if listed == 0 {
        return;
    }
    // The row of the block with the cursor is the selected one.
    let row = state.cursor.and_then(|block| state.trouble.blocks.binary_search(&block).ok());
    if let Some(row) = row
        && state.list.selection.cursor() != Some(row)
    {
        state.list.selection.select(row);
        state.list.scroll_to(row);
    }
    let (title, width) = notes.column();
    let columns = [
        Column::text("File", 130.0).growing().unsortable(),
        Column::number("Offset", 112.0).unsortable(),
        Column::number("Size", 74.0).unsortable(),
        Column::text("State", 82.0).unsortable(),
        Column::text(title, width).unsortable(),
    ];
    let rows = TroubleRows { map, copy: &state.copy, blocks: &state.trouble.blocks, notes };
    let salt = format!("{id_salt} trouble");
    let list = List::new(&salt, "Blocks in trouble", &columns, 24.0);
    let done = list.show(ui, &mut state.list, &rows, |_, _| ());
    if done.selection_changed
        && let Some(block) = state.list.selection.cursor().and_then(|row| state.trouble.blocks.get(row))
    {
        state.set_cursor(*block);
    }
}
