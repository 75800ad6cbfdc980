//! The command line through the real program: what it does, what it prints, and the exit code it ends with.

mod disks;
mod groups;
mod keys;
mod library_check;
mod lifecycle;
mod packages;
mod place;
mod processes;
mod refusals;
