//! The pieces pages are made of.
//!
//! Data in, actions out: a widget gets what it shows and returns what was done. None knows a session, a disk or a
//! clock. Each has an accessible name and role.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{Color32, FontId, Galley, Rect, Response, Stroke, StrokeKind, TextFormat, Ui};

use super::theme::FOCUS_WIDTH;
use super::tokens::Tokens;

pub mod alert;
pub mod block_grid;
pub mod button;
pub mod chip;
pub mod command_button;
pub mod empty_state;
pub mod field_row;
pub mod list;
pub mod progress_row;
pub mod rate_plot;
pub mod selection;
pub mod tab_bar;
pub mod tree;

/// Where the thing that has the keyboard stands.
///
/// Not by `Context::read_response`: that one takes the keyboard away whenever the pointer was pressed elsewhere, which
/// for a list is each of its rows.
pub(crate) fn focused_widget(ctx: &egui::Context) -> Option<egui::WidgetRect> {
    let id = ctx.memory(|memory| memory.focused())?;
    ctx.viewport(|viewport| {
        let widgets = &viewport.this_pass.widgets;
        widgets.get(id).or_else(|| viewport.prev_pass.widgets.get(id)).copied()
    })
}

/// Brings what Tab has just reached into view. Called last in the content of a scroll area.
pub(crate) fn follow_focus(ui: &Ui) {
    if let Some(reached) = focused_widget(ui.ctx())
        && ui.memory(|memory| !memory.had_focus_last_frame(reached.id))
        && reached.layer_id == ui.layer_id()
        && ui.min_rect().contains(reached.rect.center())
        && !ui.clip_rect().contains_rect(reached.rect)
    {
        ui.scroll_to_rect(reached.rect.expand(4.0), None);
    }
}

/// Text on one line, cut with `…` at `width`.
pub(crate) fn one_line(ui: &Ui, text: &str, font: FontId, colour: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::single_section(text.to_owned(), TextFormat::simple(font, colour));
    job.wrap = TextWrapping { max_width: width, max_rows: 1, break_anywhere: true, ..Default::default() };
    ui.ctx().fonts_mut(|fonts| fonts.layout_job(job))
}

/// A name that may have 200 characters, cut in the middle for a title of one line.
pub(crate) fn short(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let half = most / 2;
    let start: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(count - half).collect();
    format!("{start}…{end}")
}

/// Calls a field `name` for a screen reader, even where a hint stands in it.
pub(crate) fn name_field(response: &Response, name: &str) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// The ring around what has the keyboard, inside `rect` with a gap of 1 px.
pub(crate) fn focus_ring(ui: &Ui, rect: Rect, radius: u8) {
    ui.painter().rect_stroke(
        rect.shrink(1.0),
        radius,
        Stroke::new(FOCUS_WIDTH, Tokens::of(ui).focus),
        StrokeKind::Inside,
    );
}

/// The ring outside `rect`, with a gap of 1 px between it and the border.
pub(crate) fn focus_outline(ui: &Ui, rect: Rect, radius: u8) {
    ui.painter().rect_stroke(
        rect.expand(1.0),
        radius + 1,
        Stroke::new(FOCUS_WIDTH, Tokens::of(ui).focus),
        StrokeKind::Outside,
    );
}
