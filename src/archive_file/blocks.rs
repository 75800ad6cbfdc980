//! Reading single runs of bytes out of an archive of ours: only the frames they lie in are unpacked.
//!
//! Where everything lies follows from names and sizes ([`Layout`]), so a file is found although the headers before it
//! are lost. Proves nothing: what comes out may be damaged, and whoever takes it compares it with its hash.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::frames::FrameDecoder;
use super::layout::Layout;
use super::limits::ReadError;
use super::reader::ArchiveReader;
use crate::package::Manifest;

/// An archive as a place where blocks can be had.
pub struct ArchiveBlocks {
    reader: ArchiveReader,
    layout: Layout,
    /// The frame in which the data begins.
    first: usize,
    manifest: Manifest,
    /// The frame that was unpacked last: small files share one.
    last: Mutex<Last>,
    frames_read: AtomicU64,
}

struct Last {
    decoder: FrameDecoder,
    frame: Option<usize>,
    content: Vec<u8>,
}

impl std::fmt::Debug for ArchiveBlocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveBlocks").field("frames", &self.layout.frame_count()).finish_non_exhaustive()
    }
}

impl ArchiveBlocks {
    /// The blocks of the archive of a package with these files, which lie in its folder `top`. `None` where its frames
    /// are not where ours would be: an archive that somebody else wrote, or one that lost its end.
    pub fn new(reader: ArchiveReader, top: &str, manifest: Manifest) -> Result<Option<Self>, ReadError> {
        let layout = Layout::of_data(top, &manifest)?;
        let Some(first) = reader.data_frames(&layout) else { return Ok(None) };
        let decoder = FrameDecoder::new().map_err(ReadError::Read)?;
        let last = Mutex::new(Last { decoder, frame: None, content: Vec::new() });
        Ok(Some(Self { reader, layout, first, manifest, last, frames_read: AtomicU64::new(0) }))
    }

    /// Fills `room` with the bytes of `path`, relative to `data/`, from `offset_bytes` on. `false` where the archive does
    /// not have them, or cannot unpack so far.
    pub fn read(&self, path: &str, offset_bytes: u64, room: &mut [u8]) -> io::Result<bool> {
        let Some(index) = self.manifest.files().position(path) else { return Ok(false) };
        let Some(member) = self.layout.members().get(index + 1) else { return Ok(false) };
        let Some(end) = offset_bytes.checked_add(room.len() as u64) else { return Ok(false) };
        if end > member.size_bytes {
            return Ok(false);
        }
        let (mut at, mut done) = (member.content_start() + offset_bytes, 0);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        while done < room.len() {
            let spans = self.layout.frames();
            let Some(number) = spans.partition_point(|span| span.start <= at).checked_sub(1) else {
                return Ok(false);
            };
            let span = spans[number];
            self.unpack(&mut last, number, span.len as usize)?;
            let from = usize::try_from(at - span.start).unwrap_or(usize::MAX);
            let Some(there) = last.content.get(from..).filter(|there| !there.is_empty()) else {
                return Ok(false);
            };
            let now = there.len().min(room.len() - done);
            room[done..done + now].copy_from_slice(&there[..now]);
            done += now;
            at += now as u64;
        }
        Ok(true)
    }

    /// How many frames were unpacked so far.
    pub fn frames_read(&self) -> u64 {
        self.frames_read.load(Ordering::Relaxed)
    }

    fn unpack(&self, last: &mut Last, number: usize, want: usize) -> io::Result<()> {
        if last.frame == Some(number) {
            return Ok(());
        }
        let Last { decoder, frame, content } = last;
        *frame = None;
        content.clear();
        if let Some(stored) = self.reader.index.frames.get(self.first + number) {
            let unpacked = decoder.unpack(&self.reader.file, stored, want)?;
            content.extend_from_slice(unpacked.content);
            self.frames_read.fetch_add(1, Ordering::Relaxed);
        }
        *frame = Some(number);
        Ok(())
    }
}
