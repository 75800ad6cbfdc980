//! The legend: every state with its mark and number. A click dims all other states, a second click jumps to the next
//! block in that state.

use egui::{Rect, Role, Sense, Shape, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::marks::small_mark;
use crate::console::format;
use crate::console::tokens::Tokens;
use crate::console::widgets::button::link;
use crate::console::widgets::{focus_outline, one_line};
use crate::package::{BlockState, BoardCopy};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// All states but this one are to be dimmed.
    Only(BlockState),
    /// The next block in the state that is not dimmed.
    Next,
    /// None is to be dimmed.
    All,
}

/// Shows the legend: the states in `states`, and all others that there are.
pub(super) fn legend_ui(
    ui: &mut Ui,
    copy: &BoardCopy,
    states: &[BlockState],
    filter: Option<BlockState>,
) -> Option<Done> {
    /// The order on screen: what is well, what is under way, what is not well.
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
    let mut done = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 2.0);
        for state in ORDER {
            let count = copy.count(state);
            if count == 0 && !states.contains(&state) && filter != Some(state) {
                continue;
            }
            let is_chosen = filter == Some(state);
            if entry_ui(ui, state, count, filter.is_none() || is_chosen, is_chosen) {
                done = Some(if is_chosen { Done::Next } else { Done::Only(state) });
            }
        }
        if filter.is_some() {
            ui.add_space(6.0);
            if link(ui, "Show all states").clicked() {
                done = Some(Done::All);
            }
        }
    });
    done
}

fn entry_ui(ui: &mut Ui, state: BlockState, count: usize, is_bright: bool, is_chosen: bool) -> bool {
    let tokens = Tokens::of(ui);
    let font = TextStyle::Small.resolve(ui.style());
    let number = format::thousands(count as u64);
    let word = one_line(
        ui,
        state.word(),
        font.clone(),
        if is_bright { tokens.text } else { tokens.secondary },
        f32::INFINITY,
    );
    let digits = one_line(ui, &number, font, tokens.secondary, f32::INFINITY);
    let swatch = 11.0;
    let width = 6.0 + swatch + 6.0 + word.size().x + 6.0 + digits.size().x + 8.0;
    let (rect, response) = ui.allocate_exact_size(vec2(width.ceil(), 22.0), Sense::click());
    let name = format!("{} {number}", state.word());
    response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), is_chosen, &name));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        if is_chosen {
            painter.rect(rect, 5, tokens.selected, Stroke::new(1.0, tokens.accent), StrokeKind::Inside);
        } else if response.hovered() {
            painter.rect_filled(rect, 5.0, tokens.hover);
        }
        let pixel = 1.0 / ui.pixels_per_point();
        let left = ui.painter().round_to_pixel_center(rect.left() + 6.0) - pixel / 2.0;
        let top = ui.painter().round_to_pixel_center(rect.center().y - swatch / 2.0) - pixel / 2.0;
        let side = (swatch / pixel).round() * pixel;
        let fill = Rect::from_min_size(pos2(left, top), vec2(side, side));
        let colours = &tokens.blocks;
        let colour = if is_bright { colours.fill(state) } else { colours.dimmed(state, tokens.ground) };
        painter.rect_filled(fill, 0.0, colour);
        if state == BlockState::Missing {
            // As faint as the empty part of the grid: a frame shows where it is.
            painter.rect_stroke(fill, 0.0, Stroke::new(pixel, colours.frame), StrokeKind::Inside);
        }
        if is_bright {
            painter.add(Shape::mesh(small_mark(state, fill, pixel, colours.mark(state))));
        }
        let y = |height: f32| (rect.center().y - height / 2.0).round();
        let word_left = fill.right() + 6.0;
        let digits_left = word_left + word.size().x + 6.0;
        painter.galley(pos2(word_left, y(word.size().y)), word, tokens.text);
        painter.galley(pos2(digits_left, y(digits.size().y)), digits, tokens.secondary);
        if response.has_focus() {
            focus_outline(ui, rect, 5);
        }
    }
    let hint = if is_chosen { "Jump to the next one (F8)" } else { "Dim all others" };
    response.on_hover_text(hint).clicked()
}
