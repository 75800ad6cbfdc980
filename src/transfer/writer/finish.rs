//! The end of a download: empty files, modes, and the tag files, so that the folder is a valid bag again.

use std::io;

use super::{Message, Writer, refused};
use crate::disk::Facts;
use crate::transfer::desk::RetryReason;
use crate::transfer::stamps::Looks;
use crate::transfer::storage::{is_full, with_all_above};
use crate::transfer::survey;
use crate::work::Work;

/// From so many folders on, one sync of the whole file system costs less than one for each.
const FOLDERS_FOR_ALL: usize = 24;

impl Writer {
    pub(super) fn finish(&mut self) {
        match self.complete() {
            Ok(lost) => self.shared.with_kick(|desk, at| {
                for block in &lost {
                    desk.forget(*block, true, at);
                }
                desk.finished(lost.is_empty(), at);
            }),
            Err((file, error)) => {
                self.shared.with(|desk, at| desk.finished(false, at));
                match file {
                    Some(file) => refused(&self.shared, file, &[], &error),
                    None => self.shared.with_kick(|desk, at| {
                        let why = crate::disk::words(&error);
                        let reason = if is_full(&error) {
                            RetryReason::DiskFull
                        } else {
                            RetryReason::Disk { path: "the tag files".to_owned(), why }
                        };
                        desk.disk_failed(reason, at);
                    }),
                }
            }
        }
    }

    /// Gives the blocks that are not right any more; where there are some, the end is not reached.
    fn complete(&mut self) -> Result<Vec<usize>, (Option<usize>, io::Error)> {
        self.open.clear();
        let plan = std::sync::Arc::clone(&self.shared.plan);
        let mut lost = Vec::new();
        for index in 0..plan.files().len() {
            lost.extend(self.hash_again_where_touched(index).map_err(|error| (Some(index), error))?);
        }
        if !lost.is_empty() {
            return Ok(lost);
        }
        let mut wrongly = self.wrongly_executable.clone();
        wrongly.sort_unstable();
        for (index, file) in plan.files().iter().enumerate() {
            let of_file = |error| (Some(index), error);
            if file.size_bytes == 0 {
                let open = self.handle(index).map_err(of_file)?;
                open.file.set_len(0).and_then(|()| open.file.sync()).map_err(of_file)?;
            }
            if file.executable || wrongly.binary_search(&index).is_ok() {
                let open = self.handle(index).map_err(of_file)?;
                open.file.set_executable(file.executable).map_err(of_file)?;
            }
        }
        self.open.clear();
        for tag in plan.tags() {
            self.tag(&tag.path, &tag.content).map_err(|error| (None, error))?;
        }
        let written = self.folders.iter().map(|folder| format!("{folder}/x"));
        let tags = plan.tags().iter().map(|tag| tag.path.clone());
        let paths: Vec<String> = written.chain(tags).collect();
        let folders = with_all_above(paths.iter().map(String::as_str));
        let storage = &self.shared.storage;
        let synced = match folders.len() {
            FOLDERS_FOR_ALL.. => storage.sync_all().or_else(|_| storage.sync_folders(&folders)),
            _ => storage.sync_folders(&folders),
        };
        synced.map_err(|error| (None, error))?;
        Ok(lost)
    }

    /// Looks at a file: where it is not as we left it, its blocks are hashed again. Gives those that are wrong.
    fn hash_again_where_touched(&mut self, index: usize) -> io::Result<Vec<usize>> {
        let shared = std::sync::Arc::clone(&self.shared);
        let plan = &shared.plan.files()[index];
        let known = shared.stamps.trusted(index);
        if plan.size_bytes == 0 {
            return Ok(Vec::new());
        }
        let now = match shared.storage.looks(&plan.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            looks => Some(looks?),
        };
        if now.is_some() && now == known && known.is_some_and(|looks| looks.size_bytes == plan.size_bytes) {
            return Ok(Vec::new());
        }
        let open = self.handle(index)?;
        if open.file.file().metadata()?.len() > plan.size_bytes {
            open.file.set_len(plan.size_bytes)?;
        }
        let file = std::sync::Arc::clone(&open.file);
        let looks = Looks::of(&Facts::of_file(file.file())?);
        let mut wrong = Vec::new();
        for block in shared.plan.blocks_of(index) {
            let Some(place) = shared.plan.place(block) else { continue };
            if shared.lock().stopping {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if !survey::is_right(file.file(), &place, &Work::new())? {
                wrong.push(block);
            }
        }
        // Somebody else's bytes may be right and still lie in memory only.
        file.sync()?;
        shared.stamps.hashed_again(index, looks);
        self.open.remove(&index);
        Ok(wrong)
    }

    /// Writes a tag file, unless it lies there already.
    fn tag(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let file = self.shared.storage.open(path)?;
        let same = file.file().metadata()?.len() == content.len() as u64 && {
            let mut there = Vec::with_capacity(content.len());
            io::Read::read_to_end(&mut file.file(), &mut there)?;
            there == content
        };
        if !same {
            self.shared.storage.detach(path)?;
            let file = self.shared.storage.open(path)?;
            file.write_at(content, 0)?;
            file.set_len(content.len() as u64)?;
        }
        file.sync()
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Block(_) => "Block",
            Self::Piece { .. } => "Piece",
            Self::Whole(_) => "Whole",
            Self::Length { .. } => "Length",
            Self::Finish => "Finish",
            Self::WronglyExecutable(_) => "WronglyExecutable",
            Self::Stop => "Stop",
        })
    }
}
