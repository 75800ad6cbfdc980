//! The keyboard: arrows, Home, End and pages move the cursor, F8 goes to findings, plus, minus and 0 zoom.

use egui::{Event, EventFilter, Key, Modifiers, Response, Ui};

use super::grid::Placed;
use super::{BlockGrid, GridState};

impl BlockGrid<'_> {
    /// Obeys the keys of this frame; gives the block that was chosen by Enter.
    pub(super) fn keys_ui(
        &self,
        ui: &Ui,
        state: &mut GridState,
        response: &Response,
        placed: &Placed<'_>,
    ) -> Option<usize> {
        let focused = response.has_focus();
        if focused || self.keys {
            let pressed = |modifiers| ui.input_mut(|input| input.consume_key(modifiers, Key::F8));
            if pressed(Modifiers::SHIFT) {
                state.jump(true);
            } else if pressed(Modifiers::NONE) {
                state.jump(false);
            }
        }
        if !focused {
            return None;
        }
        let filter = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            // The first Escape lets go of the legend, the next of the window.
            escape: state.filter.is_some(),
            ..Default::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        if state.filter.is_some() && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            state.filter = None;
        }
        let mut chosen = None;
        for event in ui.input(|input| input.events.clone()) {
            let Event::Key { key, pressed: true, modifiers, .. } = event else { continue };
            if modifiers.command || modifiers.alt {
                continue;
            }
            match key {
                Key::Plus | Key::Equals => self.zoom(state, placed, 1, None),
                Key::Minus => self.zoom(state, placed, -1, None),
                Key::Num0 => state.level = 0,
                Key::Enter => chosen = state.cursor,
                _ => self.move_cursor(state, placed, key),
            }
        }
        chosen
    }

    fn move_cursor(&self, state: &mut GridState, placed: &Placed<'_>, key: Key) {
        let layout = &placed.look.layout;
        let Some(last) = layout.cells.checked_sub(1) else { return };
        let at = state.cursor.map(|block| placed.cells.cells_of(block));
        let page = layout.rows_in_view.max(1) * layout.columns;
        // A block that is larger than a cell is left at its far end.
        let (start, end) = at.map_or((None, None), |cells| (Some(cells.start), cells.end.checked_sub(1)));
        let forward = |step: usize| end.map_or(0, |cell| (cell + step).min(last));
        let back = |step: usize| start.map_or(0, |cell| cell.saturating_sub(step));
        let cell = match key {
            Key::ArrowRight => forward(1),
            Key::ArrowLeft => back(1),
            Key::ArrowDown => match end {
                Some(cell) if cell + layout.columns > last => cell,
                _ => forward(layout.columns),
            },
            Key::ArrowUp => match start {
                Some(cell) if cell < layout.columns => cell,
                _ => back(layout.columns),
            },
            Key::PageDown => forward(page),
            Key::PageUp => back(page),
            Key::Home => 0,
            Key::End => last,
            _ => return,
        };
        let blocks = placed.cells.blocks_of(cell);
        if let Some(block) = blocks.clone().next() {
            // Of blocks that share a cell the cursor is on the one that gives it its colour.
            let worst = state.copy.worst(blocks.clone());
            state.set_cursor(state.copy.first(blocks, &[worst]).unwrap_or(block));
        }
    }
}
