//! An archive that was opened: its frames found, its tag files and its entries to be read.
//!
//! Judging it against a manifest is in `judge`, unpacking in `extraction`. This one neither compares nor writes.

use std::fs::File;
use std::path::Path;

use crate::disk::open_plain;
use crate::work::Work;

use super::frames::FrameIndex;
use super::limits::{Limits, ReadError};
use super::tar_stream::{Entry, TarReader};

/// Most bytes of all tag files.
const TAG_FILES_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Longest tag file.
const TAG_FILE_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Most members before `data/`.
const TAG_FILES_MAX: u64 = 4096;

/// One archive file, open for reading.
#[derive(Debug)]
pub struct ArchiveReader {
    pub(super) file: File,
    pub(super) index: FrameIndex,
}

/// A tag file: everything of a package folder that is not below `data/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFile {
    /// Path relative to the top folder.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
    /// It is not all there, or lies in a frame whose checksum is wrong: believe it only after its own hash.
    pub is_damaged: bool,
}

/// The tag files at the front of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagFiles {
    /// Name of the folder everything lies in; empty if there is none, `None` if no header could be read.
    pub top: Option<String>,
    /// The files in their order.
    pub files: Vec<TagFile>,
    /// Some frame or header before `data/` could not be read; files may be missing.
    pub is_damaged: bool,
}

impl TagFiles {
    /// The content of tag file `name`, damaged or not.
    pub fn get(&self, name: &str) -> Option<&TagFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl ArchiveReader {
    /// Opens `path` and finds its frames: from the seek table where there is a good one, else one by one.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Self::from_file(open_plain(path).map_err(ReadError::Read)?)
    }

    /// As [`ArchiveReader::open`], for a file that is open already. Its position is moved.
    pub fn from_file(file: File) -> Result<Self, ReadError> {
        let index = FrameIndex::read(&file)?;
        Ok(Self { file, index })
    }

    /// Whether the seek table was good.
    pub fn has_seek_table(&self) -> bool {
        self.index.from_table
    }

    /// Reads the tag files in memory: everything before the first member below `data/`, at most 64 MiB a file
    /// and 256 MiB in all.
    pub fn read_tag_files(&self) -> Result<TagFiles, ReadError> {
        self.tag_files_and_frame().map(|(tags, _)| tags)
    }

    /// The tag files, and the frame in which the first header below `data/` was found.
    pub(super) fn tag_files_and_frame(&self) -> Result<(TagFiles, Option<usize>), ReadError> {
        let limits = Limits { max_entries: TAG_FILES_MAX, max_bytes: TAG_FILES_MAX_BYTES };
        let mut tar = TarReader::new(&self.file, &self.index, limits, Work::new())?;
        let mut tags = TagFiles::default();
        let mut data_frame = None;
        loop {
            let entry = match tar.next_entry() {
                Ok(Some(entry)) => entry,
                // With the first header below data/ lost, its content may be more than tag files may be.
                Ok(None) | Err(ReadError::TooLarge(_)) => break,
                Err(error) => return Err(error),
            };
            if entry.problem.is_some() || (entry.is_folder && entry.path.is_empty()) {
                continue;
            }
            let top = tags.top.get_or_insert_with(|| top_of(&entry).to_owned());
            let Some(name) = below(top, &entry.path) else { continue };
            if name == "data" || name.starts_with("data/") {
                data_frame = Some(tar.frame());
                break;
            }
            if entry.is_folder || name.is_empty() {
                continue;
            }
            if entry.size_bytes > TAG_FILE_MAX_BYTES {
                return Err(ReadError::TooLarge(TAG_FILE_MAX_BYTES));
            }
            let name = name.to_owned();
            let mut content = vec![0; entry.size_bytes as usize];
            let got = tar.read_content(&mut content)?;
            content.truncate(got);
            let is_damaged = (got as u64) < entry.size_bytes || tar.content_is_damaged();
            tags.files.push(TagFile { name, content, is_damaged });
        }
        // Frames are unpacked one ahead at most, so a bad one here lies before the data or holds its first header.
        tags.is_damaged = tar.framing_is_damaged() || tags.files.iter().any(|file| file.is_damaged);
        Ok((tags, data_frame))
    }

    /// All members in order, for an archive without a manifest. Contents are skipped, not unpacked, where the
    /// frames allow it.
    pub fn entries(&self, limits: Limits, work: &Work) -> Result<Entries<'_>, ReadError> {
        Ok(Entries { tar: Some(TarReader::new(&self.file, &self.index, limits, work.clone())?) })
    }
}

/// The members of an archive. Ends after the first error.
pub struct Entries<'a> {
    tar: Option<TarReader<'a>>,
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.tar.as_mut()?.next_entry().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.tar = None;
        }
        next
    }
}

/// The top folder, judged by the first member: its first part, unless it lies at the top itself.
pub(super) fn top_of(entry: &Entry) -> &str {
    match entry.path.split_once('/') {
        Some(("data", _)) => "",
        Some((top, _)) => top,
        None if entry.is_folder && entry.path != "data" => &entry.path,
        None => "",
    }
}

/// `path` relative to `top`; `None` if it is not in there.
pub(super) fn below<'p>(top: &str, path: &'p str) -> Option<&'p str> {
    if top.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(top)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}
