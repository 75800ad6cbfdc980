//! What the console asks of the session, and what becomes of the answers: one file for each kind of thing asked for.
//!
//! Owns: the begin and the end of each piece of work. Must not draw more than the trace of a drag.

mod computers;
mod delivery;
mod downloads;
mod groups;
mod history;
mod jobs;
mod keys;
pub(in crate::console) mod library;
mod library_check;
mod new_package;
mod properties;
mod recovery;
mod repair;
mod search;
mod staged;
mod staging;

pub(in crate::console) use delivery::Reads;
pub(in crate::console) use downloads::is_metalink;
pub(in crate::console) use recovery::Sample;
