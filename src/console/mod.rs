//! The console: windows, pages, pictures.
//!
//! The only room that names egui, eframe, rfd and poll-promise. It draws data and returns what was done; it reads no
//! file of a package and opens no database.

pub mod action;
pub mod advice;
pub mod app;
mod areas;
pub mod arguments;
mod check_work;
#[cfg(test)]
mod colour_vision;
pub mod command;
pub mod dialogs;
pub mod format;
mod group_work;
mod history_work;
mod housekeeping;
pub mod icons;
mod key_work;
mod library_work;
mod listing;
mod new_package_work;
pub mod one_window;
mod outcome;
pub mod pages;
pub mod paste;
mod perform;
pub mod preferences;
pub mod property;
mod property_work;
pub mod renderer;
mod search_work;
pub mod selected;
pub mod shell;
pub mod start;
pub mod tasks;
pub mod theme;
pub mod tokens;
pub mod watchdog;
mod watched_folders;
pub mod widgets;
