//! What happened, with times: a bounded log for people, and the history of blocks that had trouble.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

/// Events that are kept; older ones are forgotten.
const EVENTS: usize = 500;
/// Blocks whose history is kept, and how long it may be for each.
const NOTED_BLOCKS: usize = 4096;
const NOTES_EACH: usize = 8;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The state of the download changed.
    State,
    /// What was found in the folder.
    Survey,
    /// A codebase failed, recovered or was set aside.
    Codebase,
    /// Bytes came that did not match.
    Bad,
    /// The disk failed.
    Disk,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What it is about.
    pub kind: EventKind,
    /// What happened, without a password.
    pub text: String,
}

#[derive(Debug, Default)]
pub(super) struct Events {
    log: VecDeque<Event>,
}

impl Events {
    pub(super) fn add(&mut self, event: Event) {
        if self.log.len() == EVENTS {
            self.log.pop_front();
        }
        self.log.push_back(event);
    }

    pub(super) fn all(&self) -> Vec<Event> {
        self.log.iter().cloned().collect()
    }
}

/// What happened to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It did not match its hash where it lay.
    CorruptOnDisk,
    /// This codebase sent something else.
    Bad(usize),
    /// This codebase sent it right, after trouble.
    Fetched(usize),
    /// It was taken from another package, after trouble.
    Reused,
}

/// One line of the history of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockNote {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Noted,
}

#[derive(Debug, Default)]
pub(super) struct Notes {
    blocks: HashMap<usize, Vec<BlockNote>>,
}

impl Notes {
    pub(super) fn add(&mut self, block: usize, at: Timestamp, what: Noted) {
        if self.blocks.len() >= NOTED_BLOCKS && !self.blocks.contains_key(&block) {
            return;
        }
        let notes = self.blocks.entry(block).or_default();
        if notes.len() == NOTES_EACH {
            notes.remove(0);
        }
        notes.push(BlockNote { at, what });
    }

    /// Only blocks that had trouble have a history: the others would fill the memory with what the board says already.
    pub(super) fn add_trouble_end(&mut self, block: usize, at: Timestamp, what: Noted) {
        if self.blocks.contains_key(&block) {
            self.add(block, at, what);
        }
    }

    pub(super) fn of(&self, block: usize) -> Vec<BlockNote> {
        self.blocks.get(&block).cloned().unwrap_or_default()
    }
}
