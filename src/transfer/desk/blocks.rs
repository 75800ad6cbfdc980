//! What is known of each block, and how it changes: surveyed, arrived, bad, on the disk, lost again.

use super::events::{EventKind, Noted};
use super::{Desk, Moment, Whole};
use crate::package::BlockState;
use crate::package::numbers::many;
use crate::transfer::bits::Bits;
use crate::transfer::error::InvalidReason;
use crate::transfer::state::Happening;
use crate::transfer::survey::Found;
use crate::transfer::verified::Origin;

/// A block bad so often from every codebase is given up.
const BAD_MOST: u32 = 3;
/// So many bad blocks set a codebase aside.
const BAD_BLOCKS_MOST: u32 = 3;
/// The same block bad so often sets a codebase aside.
const SAME_BLOCK_MOST: u32 = 2;

impl Desk {
    /// The survey ended: what is not proven is missing.
    ///
    /// `taken` are blocks that were found elsewhere and are on their way to the disk.
    pub(crate) fn surveyed(&mut self, found: Found, taken: &Bits, at: Moment) {
        for block in found.proven {
            if self.proven.put(block, true) {
                self.counts.kept += 1;
                self.counts.proven += 1;
                let size = self.plan.place(block).map_or(0, |place| place.size_bytes);
                self.counts.kept_bytes += size;
                self.counts.proven_bytes += size;
            }
        }
        for block in found.corrupt {
            self.was_bad.put(block, true);
            self.counts.corrupt += 1;
            self.notes.add(block, at.wall, Noted::CorruptOnDisk);
        }
        for (file, written_bytes) in found.begun {
            let is_possible = self.plan.files().get(file).is_some_and(|plan| written_bytes < plan.size_bytes);
            let whole = self.wholes.entry(file).or_default();
            whole.written_bytes = if is_possible { written_bytes } else { 0 };
        }
        for block in 0..self.proven.len() {
            if !self.proven.get(block) && !taken.get(block) {
                self.missing.put(block, true);
            }
        }
        self.low = 0;
        self.strangers = found.strangers;
        self.surveyed = true;
        if let Some((file, why)) = found.obstacles.into_iter().next() {
            let path = self.plan.files()[file].path.to_string();
            self.end_invalid(InvalidReason::Obstacle { path, why }, at);
        }
        for (file, why) in found.unreadable.into_iter().take(20) {
            let path = self.plan.files().get(file).map_or("", |file| &file.path);
            self.log(EventKind::Disk, format!("{path} could not be read: {why}"), at);
        }
        self.log(EventKind::Survey, survey_words(self.counts.kept, self.counts.corrupt), at);
        self.happen(Happening::Surveyed, at);
    }

    /// A block matched its hash and is on its way to the disk.
    pub(crate) fn matched(&mut self, block: usize, origin: Origin, at: Moment) {
        let size = self.plan.place(block).map_or(0, |place| place.size_bytes);
        match origin {
            Origin::Codebase(number) => {
                if let Some(codebase) = self.codebases.get_mut(number) {
                    codebase.failures = 0;
                    codebase.fetched_bytes += size;
                    codebase.last_error = None;
                }
                self.counts.fetched_bytes += size;
                self.notes.add_trouble_end(block, at.wall, Noted::Fetched(number));
            }
            Origin::Reused => self.notes.add_trouble_end(block, at.wall, Noted::Reused),
        }
        self.board.mark(block, BlockState::Checking);
        self.step = 0;
        if let Some(stuck) = &self.stuck
            && matches!(stuck.reason, super::RetryReason::Codebases(_) | super::RetryReason::SetAside(_))
        {
            self.leave_ladder(at);
        }
        self.version += 1;
    }

    /// A block came that is not the one it was taken for: its codebase may be set aside.
    pub(crate) fn was_bad(&mut self, block: usize, number: usize, at: Moment) {
        self.counts.corrupt += usize::from(self.was_bad.put(block, true));
        self.counts.bad_bytes += self.plan.place(block).map_or(0, |place| place.size_bytes);
        self.board.mark(block, BlockState::Corrupt);
        self.notes.add(block, at.wall, Noted::Bad(number));
        let times = self.bad.entry(block).or_default().entry(number).or_default();
        *times += 1;
        let times = *times;
        let Some(codebase) = self.codebases.get_mut(number) else { return };
        codebase.bad_blocks += 1;
        codebase.score.add(at.now);
        let name = codebase.name.clone();
        codebase.last_error = Some(format!("block {block} does not match its hash"));
        let aside = codebase.bad_blocks >= BAD_BLOCKS_MOST || times >= SAME_BLOCK_MOST;
        let newly = aside && !codebase.set_aside;
        codebase.set_aside |= aside;
        self.log(EventKind::Bad, format!("block {block} from {name} does not match its hash"), at);
        if newly {
            self.log(EventKind::Codebase, format!("{name} is set aside: it sent bad blocks"), at);
        }
        self.give_back(block);
        self.give_up_if_hopeless(block, at);
    }

    /// Whether nothing more is asked of a codebase, since it sent bad blocks.
    pub(crate) fn is_set_aside(&self, number: usize) -> bool {
        self.codebases.get(number).is_none_or(|codebase| codebase.set_aside)
    }

    /// A block that every codebase that could have it sent wrong three times makes the download impossible.
    fn give_up_if_hopeless(&mut self, block: usize, at: Moment) {
        let (Some(file), Some(bad)) = (self.plan.file_of(block), self.bad.get(&block)) else { return };
        let serving = |number: &usize| self.codebases[*number].serves(&self.plan, file);
        let mut all = (0..self.codebases.len()).filter(serving);
        if all.all(|number| bad.get(&number).is_some_and(|times| *times >= BAD_MOST)) {
            let codebases = bad.keys().map(|number| self.codebases[*number].name.clone()).collect();
            let path = self.plan.files()[file].path.to_string();
            let reason = if self.plan.files()[file].is_unproven {
                InvalidReason::BadFile { path, codebases }
            } else {
                InvalidReason::BadBlock { block, path, codebases }
            };
            self.end_invalid(reason, at);
        }
    }

    /// How often a codebase sent this block wrong.
    pub(super) fn bad_times(&self, block: usize, number: usize) -> u32 {
        self.bad.get(&block).and_then(|bad| bad.get(&number)).copied().unwrap_or(0)
    }

    /// A block that was taken is missing again.
    pub(crate) fn give_back(&mut self, block: usize) {
        if !self.proven.get(block) && self.missing.put(block, true) {
            self.low = self.low.min(block);
            if self.board.state(block) != Some(BlockState::Corrupt) {
                let state = if self.was_bad.get(block) { BlockState::Corrupt } else { BlockState::Missing };
                self.board.mark(block, state);
            }
        }
    }

    /// A block is on the disk, and the disk said so.
    pub(crate) fn durable(&mut self, block: usize, origin: Origin) {
        // Asked to be fetched again in the meantime.
        if self.missing.get(block) || !self.proven.put(block, true) {
            return;
        }
        self.counts.proven += 1;
        self.counts.proven_bytes += self.plan.place(block).map_or(0, |place| place.size_bytes);
        let state = match origin {
            Origin::Codebase(_) => {
                self.counts.fetched += 1;
                BlockState::Verified
            }
            Origin::Reused => {
                self.counts.reused += 1;
                BlockState::Reused
            }
        };
        let repaired = self.was_bad.get(block);
        self.counts.repaired += usize::from(repaired);
        self.board.mark(block, if repaired { BlockState::Repaired } else { state });
        self.bad.remove(&block);
        self.version += 1;
    }

    /// A proven block is not so any more, or shall be fetched again.
    pub(crate) fn forget(&mut self, block: usize, is_corrupt: bool, at: Moment) {
        if self.proven.put(block, false) {
            self.counts.proven -= 1;
            self.counts.proven_bytes -= self.plan.place(block).map_or(0, |place| place.size_bytes);
            if is_corrupt {
                self.counts.corrupt += 1;
                self.was_bad.put(block, true);
                self.notes.add(block, at.wall, Noted::CorruptOnDisk);
            }
            if let Some(file) = self.plan.file_of(block) {
                self.wholes.insert(file, Whole::default());
            }
            self.missing.put(block, true);
            self.low = self.low.min(block);
            self.board.mark(block, if is_corrupt { BlockState::Corrupt } else { BlockState::Missing });
            self.ready_at = None;
            self.happen(Happening::Missing, at);
        }
    }

    /// A file without block hashes is whole on the disk, and was hashed.
    pub(crate) fn whole_checked(&mut self, file: usize, is_right: bool, at: Moment) {
        let Some(block) =
            Some(self.plan.blocks_of(file).start).filter(|b| self.plan.file_of(*b) == Some(file))
        else {
            return;
        };
        let from = self.wholes.get(&file).and_then(|whole| whole.from);
        self.wholes.insert(file, Whole::default());
        let number = from.unwrap_or(0);
        if is_right {
            self.matched(block, Origin::Codebase(number), at);
            self.durable(block, Origin::Codebase(number));
        } else {
            self.was_bad(block, number, at);
        }
    }
}

fn survey_words(kept: usize, corrupt: usize) -> String {
    let blocks = many(kept as u64, "block");
    match (kept, corrupt) {
        (0, 0) => "nothing was in the folder yet".to_owned(),
        (_, 0) => format!("{blocks} kept from the checkpoint"),
        (_, corrupt) => format!("{blocks} kept from the checkpoint, {corrupt} corrupt"),
    }
}
