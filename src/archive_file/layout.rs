//! Where everything lies in the tar of an archive of ours, and where its frames begin: computed from names and sizes alone.
//!
//! Writer and reader share this one rule, which is why a file can be found although the headers before it are lost.
//! Knows no files and no zstd.

use crate::package::path::{self, PathProblem};
use crate::package::{BlockSize, Manifest};

use super::{FRAME_MAX_BYTES, SHARED_FRAME_BYTES};

/// Length of a tar header, and what contents are padded to (POSIX.1-2017, pax, ustar Interchange Format).
pub(super) const TAR_BLOCK: u64 = 512;
/// Two zero blocks end a tar.
const TRAILER_BYTES: u64 = 2 * TAR_BLOCK;
/// Longest name a plain ustar header takes here; anything longer goes into a pax header.
const NAME_FIELD_BYTES: usize = 100;
/// Largest size eleven octal digits can tell.
const OCTAL_SIZE_MAX: u64 = 0o77_777_777_777;

/// A name that cannot be in an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A path that would be refused at registration.
    #[error("{path:?} cannot be archived: {problem}")]
    Path {
        /// What is wrong with it.
        problem: PathProblem,
        /// The path as given.
        path: String,
    },
    /// More bytes or members than can be counted.
    #[error("the package is too large for one archive")]
    TooLarge,
}

/// The plan of one part of the archive: the tag files, or the data.
#[derive(Clone, Debug)]
pub struct Layout {
    members: Vec<Member>,
    frames: Vec<FrameSpan>,
    len: u64,
}

/// One tar member, counted from the beginning of its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Where its first header begins.
    pub start: u64,
    /// Length of all its headers.
    pub header_bytes: u32,
    /// Length of its content.
    pub size_bytes: u64,
}

impl Member {
    /// Where its content begins.
    pub(super) fn content_start(&self) -> u64 {
        self.start + u64::from(self.header_bytes)
    }
    fn content_end(&self) -> u64 {
        self.content_start() + self.size_bytes
    }
    fn end(&self) -> u64 {
        self.content_end().next_multiple_of(TAR_BLOCK)
    }
}

/// One frame, counted from the beginning of its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameSpan {
    /// Where its content begins.
    pub start: u64,
    /// Length of its content.
    pub len: u32,
    first_member: u32,
}

/// What one run of bytes in a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// All headers of a member.
    Header { member: usize, len: usize },
    /// Bytes `from..from + len` of a member's content. Never more than one block of it.
    Content { member: usize, from: u64, len: usize },
    /// Padding, or the end of the tar.
    Zeros { len: usize },
}

impl Segment {
    /// Its length in bytes.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Header { len, .. } | Self::Content { len, .. } | Self::Zeros { len } => len,
        }
    }
}

impl Layout {
    /// Plans tag files, given by name and size in their order.
    pub fn of_tag_files<'a>(
        top: &str,
        files: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<Self, LayoutError> {
        let mut planner = Planner::new(BlockSize::DEFAULT);
        checked_top(top)?;
        for (name, size_bytes) in files {
            checked(name)?;
            planner.add(header_bytes(&format!("{top}/{name}"), size_bytes), size_bytes)?;
        }
        planner.close();
        Ok(planner.layout)
    }

    /// Plans the data of a package: member 0 is the folder `data/`, member `i + 1` is file `i` of the manifest.
    pub fn of_data(top: &str, manifest: &Manifest) -> Result<Self, LayoutError> {
        let mut planner = Planner::new(manifest.block_size());
        checked_top(top)?;
        planner.add(header_bytes(&format!("{top}/data/"), 0), 0)?;
        for file in manifest.iter() {
            checked(file.path)?;
            let name = format!("{top}/data/{}", file.path);
            planner.add(header_bytes(&name, file.size_bytes), file.size_bytes)?;
        }
        planner.open();
        planner.layout.len += TRAILER_BYTES;
        planner.close();
        Ok(planner.layout)
    }

    /// Length of this part of the tar in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many frames it is cut into.
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn frames(&self) -> &[FrameSpan] {
        &self.frames
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// What frame `frame` consists of, in order.
    pub(super) fn segments(&self, frame: usize) -> impl Iterator<Item = Segment> + '_ {
        let span = self.frames[frame];
        let end = span.start + u64::from(span.len);
        let (mut at, mut member) = (span.start, span.first_member as usize);
        std::iter::from_fn(move || {
            while self.members.get(member).is_some_and(|m| m.end() <= at) {
                member += 1;
            }
            if at >= end {
                return None;
            }
            let length = |to: u64| (to.min(end) - at) as usize;
            let segment = match self.members.get(member) {
                Some(m) if at < m.content_start() => {
                    Segment::Header { member, len: length(m.content_start()) }
                }
                Some(m) if at < m.content_end() => {
                    Segment::Content { member, from: at - m.content_start(), len: length(m.content_end()) }
                }
                Some(m) => Segment::Zeros { len: length(m.end()) },
                None => Segment::Zeros { len: length(end) },
            };
            at += segment.len() as u64;
            Some(segment)
        })
    }
}

fn checked(path: &str) -> Result<(), LayoutError> {
    path::check(path).map_err(|problem| LayoutError::Path { problem, path: path.to_owned() })
}

fn checked_top(top: &str) -> Result<(), LayoutError> {
    path::check_part(top).map_err(|problem| LayoutError::Path { problem, path: top.to_owned() })
}

struct Planner {
    piece: u64,
    big: u64,
    layout: Layout,
    opened: Option<(u64, u32)>,
}

impl Planner {
    fn new(block_size: BlockSize) -> Self {
        Self {
            piece: block_size.bytes().min(FRAME_MAX_BYTES),
            big: block_size.bytes().min(SHARED_FRAME_BYTES),
            layout: Layout { members: Vec::new(), frames: Vec::new(), len: 0 },
            opened: None,
        }
    }

    fn open(&mut self) {
        if self.opened.is_none() {
            let member = self.layout.members.len() as u32;
            self.opened = Some((self.layout.len, member));
        }
    }

    fn close(&mut self) {
        if let Some((start, first_member)) = self.opened.take() {
            let len = (self.layout.len - start) as u32;
            self.layout.frames.push(FrameSpan { start, len, first_member });
        }
    }

    /// A file of a block or more gets frames of its own, one a block; its header ends the shared frame before it.
    fn add(&mut self, header_bytes: u32, size_bytes: u64) -> Result<(), LayoutError> {
        // Sizes near 2^64 cannot exist; refusing them here keeps every sum below from overflowing.
        if size_bytes > 1 << 60 || self.layout.len > 1 << 61 || self.layout.members.len() > 1 << 30 {
            return Err(LayoutError::TooLarge);
        }
        let member = Member { start: self.layout.len, header_bytes, size_bytes };
        let whole = member.end() - member.start;
        let joining = if size_bytes >= self.big { u64::from(header_bytes) } else { whole };
        if self.opened.is_some_and(|(start, _)| self.layout.len + joining - start > SHARED_FRAME_BYTES) {
            self.close();
        }
        self.open();
        self.layout.members.push(member);
        if size_bytes < self.big {
            self.layout.len = member.end();
            return Ok(());
        }
        self.layout.len = member.content_start();
        self.close();
        let first_member = (self.layout.members.len() - 1) as u32;
        let content_end = member.content_end();
        while self.layout.len < content_end {
            let start = self.layout.len;
            let end = if content_end - start <= self.piece { member.end() } else { start + self.piece };
            self.layout.frames.push(FrameSpan { start, len: (end - start) as u32, first_member });
            self.layout.len = end;
        }
        Ok(())
    }
}

/// Length of all headers of a member.
fn header_bytes(full_name: &str, size_bytes: u64) -> u32 {
    let pax = pax_records(full_name, size_bytes).len() as u64;
    let extra = if pax == 0 { 0 } else { TAR_BLOCK + pax.next_multiple_of(TAR_BLOCK) };
    (TAR_BLOCK + extra) as u32
}

/// The pax records a member needs: its name if it is long or not ASCII, its size if it is 8 GiB or more.
fn pax_records(full_name: &str, size_bytes: u64) -> String {
    let mut records = String::new();
    if full_name.len() > NAME_FIELD_BYTES || !full_name.is_ascii() {
        push_pax_record(&mut records, "path", full_name);
    }
    if size_bytes > OCTAL_SIZE_MAX {
        push_pax_record(&mut records, "size", &size_bytes.to_string());
    }
    records
}

/// A record counts its own length, its digits included.
fn push_pax_record(records: &mut String, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    records.push_str(&format!("{len} {key}={value}\n"));
}

/// What a header is written for.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderFacts<'a> {
    /// `<top>/data/bin/app`; a name that ends with a slash is a folder.
    pub full_name: &'a str,
    /// Length of the content.
    pub size_bytes: u64,
    /// Mode 0755 instead of 0644.
    pub executable: bool,
    /// Seconds since 1970.
    pub mtime_secs: u64,
}

/// Appends all headers of a member: always the same bytes for the same facts.
pub(super) fn push_header(out: &mut Vec<u8>, facts: HeaderFacts<'_>) {
    let records = pax_records(facts.full_name, facts.size_bytes);
    if !records.is_empty() {
        let header = ustar(b"././@PaxHeader", tar::EntryType::XHeader, records.len() as u64, 0o644, facts);
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(records.as_bytes());
        out.resize(out.len().next_multiple_of(TAR_BLOCK as usize), 0);
    }
    let is_folder = facts.full_name.ends_with('/');
    let kind = if is_folder { tar::EntryType::Directory } else { tar::EntryType::Regular };
    let mode = if facts.executable || is_folder { 0o755 } else { 0o644 };
    // A reader without pax sees a shortened name; every reader of this century takes the record before it.
    let plain: Vec<u8> = facts.full_name.bytes().map(|b| if b.is_ascii() { b } else { b'_' }).collect();
    let name = &plain[..plain.len().min(NAME_FIELD_BYTES)];
    out.extend_from_slice(ustar(name, kind, facts.size_bytes, mode, facts).as_bytes());
}

fn ustar(name: &[u8], kind: tar::EntryType, size: u64, mode: u32, facts: HeaderFacts<'_>) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(facts.mtime_secs.min(OCTAL_SIZE_MAX));
    header.set_size(size);
    header.set_cksum();
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::manifest::ManifestFile;

    fn layout(block: u64, sizes: &[u64]) -> Layout {
        let file = |(i, size): (usize, &u64)| ManifestFile {
            path: format!("{i:03}"),
            size_bytes: *size,
            executable: false,
            hashes: None,
        };
        let files = sizes.iter().enumerate().map(file).collect();
        let manifest =
            Manifest::from_files(BlockSize::new(block).expect("good size"), files).expect("distinct paths");
        Layout::of_data("a-1", &manifest).expect("good paths")
    }

    #[test]
    fn frames_cover_the_part_without_gap_and_segments_cover_each_frame() {
        for block in [256 << 10, 2 << 20, 64 << 20] {
            let sizes = [0, 1, 511, 512, 513, block - 1, block, block + 1, 3 * block, 70 << 20, 5, 0];
            let layout = layout(block, &sizes);
            let mut at = 0;
            for (i, frame) in layout.frames().iter().enumerate() {
                assert_eq!(frame.start, at);
                assert!(frame.len > 0 && u64::from(frame.len) <= FRAME_MAX_BYTES);
                let covered: usize = layout.segments(i).map(Segment::len).sum();
                assert_eq!(covered as u64, u64::from(frame.len));
                for segment in layout.segments(i) {
                    if let Segment::Content { from, len, .. } = segment {
                        assert_eq!(from / block, (from + len as u64 - 1) / block, "one block a segment");
                    }
                }
                at += u64::from(frame.len);
            }
            assert_eq!(at, layout.len());
        }
    }

    #[test]
    fn the_planned_header_length_is_the_written_one() {
        let long = "x".repeat(300);
        for (name, size) in [("a-1/data/", 0), ("a-1/ü", 3), (long.as_str(), 1), ("a-1/b", 1 << 34)] {
            let mut out = Vec::new();
            let facts = HeaderFacts { full_name: name, size_bytes: size, executable: true, mtime_secs: 7 };
            push_header(&mut out, facts);
            assert_eq!(out.len() as u32, header_bytes(name, size), "{name}");
        }
    }

    #[test]
    fn a_pax_record_counts_itself() {
        for length in 1..1200 {
            let mut record = String::new();
            push_pax_record(&mut record, "path", &"n".repeat(length));
            let told: usize = record.split(' ').next().and_then(|t| t.parse().ok()).expect("a number");
            assert_eq!(told, record.len());
        }
    }
}
