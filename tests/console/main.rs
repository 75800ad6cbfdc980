//! The console without a window: clicks and keys by accessible name, and two pictures.

mod desk;
mod gallery;
mod list;
mod pages;
mod question;
mod refused;
mod story;
mod tree;

/// Fonts and styles of the console, with the clock and the pointer of the test.
fn dress(ctx: &egui::Context) {
    packhouse::console::theme::apply(ctx, packhouse::console::theme::Density::Normal);
}
