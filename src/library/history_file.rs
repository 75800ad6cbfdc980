//! `history.jsonl`: every event again, appended at once, outliving removal and rebuild.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use super::error::io_error;
use super::{Library, LibraryError};
use crate::package::HistoryEntry;
use crate::package::history::{self, ChainState};
use crate::store::HistoryFilter;

/// File name of the history.
pub(super) const HISTORY_FILE: &str = "history.jsonl";

impl Library {
    /// Appends to `history.jsonl` every entry of the catalogue that is not in it yet, and syncs it.
    pub(super) fn append_history_file(&self) -> Result<(), LibraryError> {
        let path = self.root().join(HISTORY_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(io_error("write", &path))?;
        // Two programs append in turn; the lock goes with the file handle.
        file.lock().map_err(io_error("lock", &path))?;
        let (number, torn) = last_number(&mut file).map_err(io_error("read", &path))?;
        let lines = self.catalogue().history_lines_after(number)?;
        if lines.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        if torn {
            // The power went while the last line was written; its entry follows whole.
            text.push('\n');
        }
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        file.write_all(text.as_bytes()).map_err(io_error("write", &path))?;
        file.sync_data().map_err(io_error("sync", &path))
    }

    /// Follows the chain through the catalogue and through `history.jsonl`, and holds the one against the other.
    pub fn verify_history(&self) -> Result<ChainState, LibraryError> {
        let lines = self.catalogue().history_lines(&HistoryFilter::default())?;
        let state = history::verify_chain(lines.iter().map(String::as_str));
        let ChainState::Verified { entries } = state else { return Ok(state) };
        let path = self.root().join(HISTORY_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                return Ok(ChainState::Broken {
                    number: 1,
                    why: format!("{HISTORY_FILE} cannot be read: {error}"),
                });
            }
        };
        let in_file = whole_lines(&text);
        for (index, line) in lines.iter().enumerate() {
            if in_file.get(index).copied() != Some(line.as_str()) {
                let why = format!("{HISTORY_FILE} does not have the same entry");
                return Ok(ChainState::Broken { number: index as u64 + 1, why });
            }
        }
        if in_file.len() > lines.len() {
            let why = format!("{HISTORY_FILE} has entries that the library database has not");
            return Ok(ChainState::Broken { number: entries + 1, why });
        }
        Ok(ChainState::Verified { entries })
    }
}

/// The lines of the file that are whole entries; what a torn write left is passed over.
pub(super) fn whole_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| serde_json::from_str::<HistoryEntry>(line).is_ok()).collect()
}

/// Number of the last whole entry, and whether the file ends in the middle of a line.
fn last_number(file: &mut File) -> std::io::Result<(u64, bool)> {
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Ok((0, false));
    }
    // An entry with thousands of differences is long: look further back until a whole line is found.
    let mut window = 64 * 1024;
    loop {
        let start = length.saturating_sub(window);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let torn = !tail.ends_with(b"\n");
        let text = String::from_utf8_lossy(&tail);
        let first_whole = usize::from(start > 0);
        let newest = text
            .lines()
            .skip(first_whole)
            .filter_map(|line| serde_json::from_str::<HistoryEntry>(line).ok())
            .map(|entry| entry.number)
            .last();
        match newest {
            Some(number) => return Ok((number, torn)),
            None if start == 0 => return Ok((0, torn)),
            None => window *= 8,
        }
    }
}
