//! The keyboard in a list: moving, selecting, opening, and letters that jump.

use egui::{EventFilter, Id, Key, Modifiers, Ui};

use super::{List, ListState, Rows};
use crate::console::widgets::selection::Selection;

/// Letters typed within this time belong together, in seconds.
const TYPING_SECS: f64 = 1.0;

impl List<'_> {
    /// Arrows, Home, End, pages, Space, Ctrl+A, Enter and letters. Returns the row to open, and the one to fold or
    /// unfold.
    pub(super) fn keys_ui(
        &self,
        ui: &Ui,
        id: Id,
        state: &mut ListState,
        rows: &dyn Rows,
    ) -> (Option<usize>, Option<usize>) {
        let is_tree = !rows.is_empty() && rows.branch(0).is_some();
        ui.memory_mut(|memory| {
            let filter =
                EventFilter { horizontal_arrows: is_tree, vertical_arrows: true, ..Default::default() };
            memory.set_focus_lock_filter(id, filter);
        });
        if rows.is_empty() {
            return (None, None);
        }
        let last = rows.len() - 1;
        let page = state.rows_in_view.max(1);
        let cursor = state.selection.cursor();
        let events = ui.input(|input| input.events.clone());
        let now = ui.input(|input| input.time);
        let (mut opened, mut toggled) = (None, None);
        for event in &events {
            match event {
                egui::Event::Key { key, pressed: true, modifiers, .. } => {
                    let at = state.selection.cursor();
                    let target = match key {
                        Key::ArrowDown => Some(at.map_or(0, |row| (row + 1).min(last))),
                        Key::ArrowUp => Some(at.map_or(last, |row| row.saturating_sub(1))),
                        Key::PageDown => Some(at.map_or(page.min(last), |row| (row + page).min(last))),
                        Key::PageUp => Some(at.map_or(0, |row| row.saturating_sub(page))),
                        Key::ArrowRight | Key::ArrowLeft if is_tree && modifiers.is_none() => {
                            let step = at.map_or(Step::Stay, |row| step(rows, row, *key == Key::ArrowRight));
                            match step {
                                Step::Fold => {
                                    toggled = at;
                                    None
                                }
                                Step::To(row) => Some(row),
                                Step::Stay => None,
                            }
                        }
                        Key::Home => Some(0),
                        Key::End => Some(last),
                        Key::F10 if modifiers.shift_only() => {
                            state.menu_by_key = at;
                            state.open_menu = at.is_some();
                            state.scroll_to = at;
                            None
                        }
                        Key::A if modifiers.command => {
                            state.selection.select_all(rows.len());
                            None
                        }
                        Key::Space if state.typed.is_empty() || now - state.typed_at > TYPING_SECS => {
                            if let Some(row) = at {
                                state.selection.toggle(row);
                            }
                            None
                        }
                        Key::Enter if modifiers.is_none() || modifiers.alt => {
                            opened = at;
                            None
                        }
                        _ => None,
                    };
                    if let Some(row) = target {
                        move_to(&mut state.selection, row, *modifiers);
                        state.scroll_to = Some(row);
                    }
                }
                egui::Event::Text(text) if !text.trim().is_empty() || !state.typed.is_empty() => {
                    if now - state.typed_at > TYPING_SECS {
                        state.typed.clear();
                        if text.trim().is_empty() {
                            continue;
                        }
                    }
                    state.typed_at = now;
                    state.typed.push_str(&text.to_lowercase());
                    if let Some(row) = jump(rows, &state.typed, cursor) {
                        state.selection.select(row);
                        state.scroll_to = Some(row);
                    }
                }
                _ => {}
            }
        }
        (opened, toggled)
    }
}

/// What an arrow to the side does in a tree.
enum Step {
    Fold,
    To(usize),
    Stay,
}

/// To the right unfolds, or goes to the first branch; to the left folds, or goes to what the row hangs on.
fn step(rows: &dyn Rows, row: usize, right: bool) -> Step {
    let Some(branch) = rows.branch(row) else { return Step::Stay };
    match (branch.unfolded, right) {
        (Some(false), true) | (Some(true), false) => Step::Fold,
        (Some(true), true) if row + 1 < rows.len() => Step::To(row + 1),
        (_, true) => Step::Stay,
        (_, false) => {
            let above = (0..row).rev();
            let mut above =
                above.filter(|at| rows.branch(*at).is_some_and(|above| above.depth < branch.depth));
            above.next().map_or(Step::Stay, Step::To)
        }
    }
}

fn move_to(selection: &mut Selection, row: usize, modifiers: Modifiers) {
    if modifiers.shift {
        selection.extend_to(row);
    } else if modifiers.command {
        selection.move_cursor(row);
    } else {
        selection.select(row);
    }
}

/// The first row from the cursor on that begins with what was typed; one letter typed again goes to the next one.
fn jump(rows: &dyn Rows, typed: &str, cursor: Option<usize>) -> Option<usize> {
    let count = rows.len();
    let mut letters = typed.chars();
    let first = letters.next()?;
    let repeated = letters.clone().next().is_some() && letters.all(|letter| letter == first);
    let single = first.to_string();
    let (wanted, skip) =
        if repeated { (single.as_str(), 1) } else { (typed, usize::from(typed.chars().count() == 1)) };
    let start = cursor.map_or(0, |row| row + skip);
    (0..count)
        .map(|step| (start + step) % count)
        .find(|row| starts_with_ignoring_case(rows.jump_text(*row), wanted))
}

/// Without a new string for each of 100,000 names. `wanted` is lower case.
fn starts_with_ignoring_case(text: &str, wanted: &str) -> bool {
    let mut lower = text.chars().flat_map(char::to_lowercase);
    wanted.chars().all(|letter| lower.next() == Some(letter))
}
