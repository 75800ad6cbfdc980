//! The end of a download: empty files, modes, and the tag files, so that the folder is a valid bag again.

use std::io;

use super::{Message, Writer, refused};
use crate::transfer::desk::RetryReason;
use crate::transfer::storage::is_full;

/// From so many folders on, one sync of the whole file system costs less than one for each.
const FOLDERS_FOR_ALL: usize = 24;

impl Writer {
    pub(super) fn finish(&mut self) {
        match self.complete() {
            Ok(()) => self.shared.with_kick(|desk, at| desk.finished(true, at)),
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

    fn complete(&mut self) -> Result<(), (Option<usize>, io::Error)> {
        self.open.clear();
        let plan = std::sync::Arc::clone(&self.shared.plan);
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
                open.file.set_executable(file.executable).and_then(|()| open.file.sync()).map_err(of_file)?;
            }
        }
        self.open.clear();
        for tag in plan.tags() {
            self.tag(&tag.path, &tag.content).map_err(|error| (None, error))?;
        }
        let mut folders: Vec<String> = self.folders.iter().cloned().collect();
        // A folder's name lies in the one above it.
        for folder in &self.folders {
            let mut above = folder.as_str();
            while let Some((parent, _)) = above.rsplit_once('/') {
                folders.push(parent.to_owned());
                above = parent;
            }
        }
        folders.push(String::new());
        folders.sort_unstable();
        folders.dedup();
        let storage = &self.shared.storage;
        let synced = match folders.len() {
            FOLDERS_FOR_ALL.. => storage.sync_all().or_else(|_| storage.sync_folders(&folders)),
            _ => storage.sync_folders(&folders),
        };
        synced.map_err(|error| (None, error))
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
