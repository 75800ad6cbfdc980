//! The console: windows, pages, pictures.
//!
//! The only room that names egui, eframe, rfd and poll-promise. It draws data and returns what was done; it reads no
//! file of a package and opens no database.

pub mod action;
pub mod advice;
pub mod app;
mod areas;
pub mod arguments;
#[cfg(test)]
mod colour_vision;
pub mod command;
pub mod dialogs;
mod dropping;
pub mod format;
pub mod help;
mod housekeeping;
pub mod icons;
mod listing;
pub mod notices;
pub mod one_window;
mod outcome;
pub mod pages;
pub mod paste;
mod perform;
pub mod preferences;
pub mod property;
pub mod renderer;
mod requests;
mod run_command;
pub mod selected;
pub mod shell;
pub mod start;
mod status;
pub mod tasks;
pub mod theme;
pub mod tokens;
mod undo;
pub mod watchdog;
mod watched_folders;
pub mod widgets;
mod windows;
