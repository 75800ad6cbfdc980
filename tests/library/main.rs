//! The library proven through the session: what a front end can do and what becomes of it on disk; other people's
//! programs judge what it writes, it is killed while it works, its rules hold moment by moment, and bad input is
//! refused with nothing lost.

mod bad_input;
mod deep_events;
mod disks;
mod groups;
mod history;
mod installers;
mod judges;
mod kill;
mod library_check;
mod moments;
mod moving;
mod new_version;
mod other_programs;
mod place;
mod real_trees;
mod rebuild;
mod search;
mod shares;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod taking_in;
mod try_here;
mod watching;
