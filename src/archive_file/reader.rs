//! An archive that was opened: its frames found, its tag files and its entries to be read.
//!
//! Judging it against a manifest is in `judge`, unpacking in `extraction`. This one neither compares nor writes.

use std::fs::File;
use std::path::Path;

use crate::disk::open_plain;
use crate::package::reginfo::{REGINFO_NAME, RegInfo};
use crate::package::snapshot::{self, SNAPSHOT_NAME};
use crate::work::Work;

use super::frames::FrameIndex;
use super::limits::{Limits, ReadError};
use super::tar_stream::{Entry, TarReader};

/// Most bytes of all tag files, lists of files apart where the registration info before them says how long they may be.
const TAG_FILES_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Longest tag file, with the same exception.
const TAG_FILE_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Tag files that list every file of the package, and grow with it.
const LISTS: [&str; 2] = [SNAPSHOT_NAME, "manifest-sha256.txt"];
/// Bytes that are unpacked at once: memory is taken for what is there, not for what a header promises.
const PIECE_BYTES: usize = 1 << 20;
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

    /// Reads the tag files in memory: everything before the first member below `data/`, at most 64 MiB a file and
    /// 256 MiB in all. The lists of files may be as long as a package of so many files and bytes as its registration
    /// info says can need, which stands before them; at most 1 GiB each.
    pub fn read_tag_files(&self) -> Result<TagFiles, ReadError> {
        self.tag_files_and_frame().map(|(tags, _)| tags)
    }

    /// The tag files, and the frame in which the first header below `data/` was found.
    pub(super) fn tag_files_and_frame(&self) -> Result<(TagFiles, Option<usize>), ReadError> {
        let limits = Limits { max_entries: TAG_FILES_MAX, max_bytes: TAG_FILES_MAX_BYTES };
        let mut tar = TarReader::new(&self.file, &self.index, limits, Work::new())?;
        let mut tags = TagFiles::default();
        let mut data_frame = None;
        let mut list_max_bytes = TAG_FILE_MAX_BYTES;
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
            let most = if LISTS.contains(&name) { list_max_bytes } else { TAG_FILE_MAX_BYTES };
            if entry.size_bytes > most {
                return Err(ReadError::TooLarge(most));
            }
            let name = name.to_owned();
            let content = content_of(&mut tar, entry.size_bytes)?;
            if name == REGINFO_NAME {
                list_max_bytes = list_max_bytes_by(&content);
                tar.allow((list_max_bytes - TAG_FILE_MAX_BYTES) * LISTS.len() as u64);
            }
            let is_damaged = (content.len() as u64) < entry.size_bytes || tar.content_is_damaged();
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

/// The content of the current member, of `size_bytes` bytes or as far as it is there.
fn content_of(tar: &mut TarReader<'_>, size_bytes: u64) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::new();
    while (content.len() as u64) < size_bytes {
        let from = content.len();
        let left = usize::try_from(size_bytes - from as u64).unwrap_or(usize::MAX);
        content.resize(from + left.min(PIECE_BYTES), 0);
        let got = tar.read_content(&mut content[from..])?;
        if got == 0 {
            content.truncate(from);
            break;
        }
        content.truncate(from + got);
    }
    Ok(content)
}

/// The longest list of files that goes with this registration info. It is not proven yet: it says how much is read,
/// not what is believed.
fn list_max_bytes_by(reginfo: &[u8]) -> u64 {
    let info = std::str::from_utf8(reginfo).ok().and_then(|text| RegInfo::parse(text).ok());
    info.map_or(0, |info| snapshot::most_bytes(&info.checksum)).max(TAG_FILE_MAX_BYTES)
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
