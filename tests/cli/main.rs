//! The command line through the real program: what it does, what it prints, and the exit code it ends with.

mod changes;
mod checks;
mod disks;
mod download;
mod foreign;
mod groups;
mod keys;
mod library;
mod library_check;
mod lifecycle;
mod packages;
mod place;
mod processes;
mod refusals;
mod repair;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod words;
