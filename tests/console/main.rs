//! The console without a window: clicks and keys by accessible name, and two pictures.

mod advice;
mod answers;
mod block_grid;
mod blocks_tab;
mod by_keyboard;
mod closing;
mod contents;
mod contents_tree;
mod delivery;
mod desk;
mod downloads;
mod dragging;
mod gallery;
mod help;
mod history;
mod history_tab;
mod keyboard;
mod libraries;
mod list;
mod many;
mod moving;
mod new_package;
#[expect(dead_code, reason = "the tests of transfers need more of it")]
#[path = "../support/origin.rs"]
mod origin;
mod packages;
mod pages;
mod palette;
mod procedures;
mod question;
mod refused;
mod repairing;
mod replaced;
mod restoring;
mod settings;
mod several;
mod story;
mod ten_days;
mod tree;
mod undo;

/// Fonts and styles of the console, with the clock and the pointer of the test.
fn dress(ctx: &egui::Context) {
    packhouse::console::theme::apply(ctx, packhouse::console::theme::Density::Normal);
}
