//! Reading the tar inside an archive from front to back, whoever made it and whatever happened to it.
//!
//! Owns: unpacking frame after frame with bounded memory, parsing tar headers (ustar, pax, GNU long names), finding
//! the next header after a damaged one, and the budget that stops bombs. Writes nothing.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::ops::Range;

use crate::package::path::{self, PathProblem};
use crate::work::Work;

use super::damage::ExtraReason;
use super::frames::{FRAGMENT_BYTES, FileRange, Frame, FrameDecoder, FrameIndex};
use super::layout::TAR_BLOCK;
use super::limits::{Limits, ReadError};

/// Longest pax header or GNU long name: a path of 4,096 bytes and a few attributes.
const META_MAX_BYTES: u64 = 1024 * 1024;
/// Longest path that is shown of a refused member.
const SHOWN_PATH_MAX: usize = 200;

/// A member of an archive as its headers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its whole path, the top folder included; for a member with a problem, as far as it can be shown.
    pub path: String,
    /// Length of its content in bytes, as declared.
    pub size_bytes: u64,
    /// Permission bits.
    pub mode: u32,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Why it must not be unpacked, if so.
    pub problem: Option<ExtraReason>,
}

/// The unpacked bytes of all frames, one after another. A damaged frame of known length reads as zeros.
struct FrameStream<'a> {
    file: &'a File,
    frames: &'a [Frame],
    next: usize,
    decoder: FrameDecoder,
    piece: Vec<u8>,
    piece_at: usize,
    long: Option<LongFrame<'a>>,
    zeros: u64,
    position: u64,
    damaged: Vec<Range<u64>>,
    bad_frames: u64,
    ended: bool,
}

/// A frame too long to be unpacked in one piece.
struct LongFrame<'a> {
    decoder: zstd::Decoder<'static, BufReader<FileRange<'a>>>,
    left: Option<u64>,
    is_whole: bool,
}

impl<'a> FrameStream<'a> {
    fn new(file: &'a File, index: &'a FrameIndex) -> io::Result<Self> {
        Ok(Self {
            file,
            frames: &index.frames,
            next: 0,
            decoder: FrameDecoder::new()?,
            piece: Vec::new(),
            piece_at: 0,
            long: None,
            zeros: 0,
            position: 0,
            damaged: Vec::new(),
            bad_frames: 0,
            ended: false,
        })
    }

    /// Reads up to `buffer.len()` bytes; 0 only at the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let got = self.read_current(buffer)?;
            if got > 0 {
                self.position += got as u64;
                return Ok(got);
            }
            self.begin_next()?;
        }
        Ok(0)
    }

    fn read_current(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.zeros > 0 {
            let got = self.zeros.min(buffer.len() as u64) as usize;
            buffer[..got].fill(0);
            self.zeros -= got as u64;
            return Ok(got);
        }
        if self.piece_at < self.piece.len() {
            let got = (self.piece.len() - self.piece_at).min(buffer.len());
            buffer[..got].copy_from_slice(&self.piece[self.piece_at..self.piece_at + got]);
            self.piece_at += got;
            return Ok(got);
        }
        let Some(long) = &mut self.long else { return Ok(0) };
        let result = long.decoder.read(buffer);
        if let Ok(got) = result
            && got > 0
        {
            // More than it announced: the frame lies, and its end with it. The budget of the reader bounds it.
            long.left = long.left.map(|left| left.saturating_sub(got as u64));
            return Ok(got);
        }
        let (left, is_good) = (long.left, result.is_ok() && long.is_whole);
        self.long = None;
        if !is_good || left.is_some_and(|left| left > 0) {
            self.bad_frames += 1;
            self.damaged.push(self.position..self.position + left.unwrap_or(0));
            match left {
                // Without a length nothing behind this place can be found again.
                None => self.ended = true,
                Some(_) if self.is_last() => self.ended = true,
                Some(left) => self.zeros = left,
            }
        }
        self.read_zeros_or_end(buffer)
    }

    fn read_zeros_or_end(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.zeros > 0 { self.read_current(buffer) } else { Ok(0) }
    }

    fn is_last(&self) -> bool {
        self.next >= self.frames.len()
    }

    fn begin_next(&mut self) -> io::Result<()> {
        let Some(frame) = self.frames.get(self.next) else {
            self.ended = true;
            return Ok(());
        };
        self.next += 1;
        self.piece.clear();
        self.piece_at = 0;
        if let (true, Some(content)) = (frame.fits_memory(), frame.content_bytes) {
            // Where table and frame differ about the length, the one that unpacks is right.
            if let Some(told) = frame.disputed_bytes() {
                let unpacked = self.decoder.unpack(self.file, frame, told as usize)?;
                if unpacked.is_whole {
                    self.piece.extend_from_slice(unpacked.content);
                    return Ok(());
                }
            }
            let unpacked = self.decoder.unpack(self.file, frame, content as usize)?;
            self.piece.extend_from_slice(unpacked.content);
            if !unpacked.is_whole {
                self.bad_frames += 1;
                self.damaged.push(self.position..self.position + content);
                // At the end of a truncated file there is nothing to keep in step with.
                let is_cut = !frame.is_whole && self.is_last();
                self.zeros = 0;
                if !is_cut {
                    self.piece.resize(content as usize, 0);
                }
            }
            return Ok(());
        }
        if frame.content_bytes.is_none() && !frame.is_whole && !self.is_last() {
            // A gap of unknown length between two frames.
            self.bad_frames += 1;
            self.damaged.push(self.position..self.position);
            return Ok(());
        }
        let range = FileRange::new(self.file, frame.offset, frame.stored_bytes);
        let reader = BufReader::with_capacity(FRAGMENT_BYTES, range);
        self.long = Some(LongFrame {
            decoder: zstd::Decoder::with_buffer(reader)?.single_frame(),
            left: frame.content_bytes,
            is_whole: frame.is_whole,
        });
        Ok(())
    }

    /// Moves on by `bytes` without unpacking frames that lie wholly within; returns how far it came.
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let mut left = bytes;
        let mut scratch = [0u8; 16 * 1024];
        while left > 0 {
            if self.zeros > 0 {
                let step = self.zeros.min(left);
                self.zeros -= step;
                self.position += step;
                left -= step;
                continue;
            }
            let is_between = self.piece_at >= self.piece.len() && self.long.is_none();
            if is_between
                && let Some(frame) = self.frames.get(self.next)
                && frame.is_whole
                && frame.fits_memory()
                && frame.disputed_bytes().is_none()
                && let Some(content) = frame.content_bytes
                && content <= left
            {
                self.next += 1;
                self.position += content;
                left -= content;
                continue;
            }
            let want = left.min(scratch.len() as u64) as usize;
            match self.read(&mut scratch[..want])? {
                0 => break,
                got => left -= got as u64,
            }
        }
        Ok(bytes - left)
    }

    /// Whether any byte of `range` came from a frame that is not whole.
    fn is_damaged(&self, range: Range<u64>) -> bool {
        // Damaged ranges come in order, and the question is always about the last bytes read.
        self.damaged.iter().rev().take_while(|d| d.end >= range.start).any(|d| d.start < range.end)
    }
}

/// Members of the tar, one after another.
pub(super) struct TarReader<'a> {
    stream: FrameStream<'a>,
    limits: Limits,
    entries: u64,
    content_left: u64,
    content_start: u64,
    padding: u64,
    framing_damaged: bool,
    ended_well: bool,
    work: Work,
}

/// What is known of the next member from the headers before its own.
#[derive(Default)]
struct Announced {
    path: Option<Vec<u8>>,
    size_bytes: Option<u64>,
    is_sparse: bool,
}

impl<'a> TarReader<'a> {
    pub(super) fn new(
        file: &'a File,
        index: &'a FrameIndex,
        limits: Limits,
        work: Work,
    ) -> Result<Self, ReadError> {
        Ok(Self {
            stream: FrameStream::new(file, index).map_err(ReadError::Read)?,
            limits,
            entries: 0,
            content_left: 0,
            content_start: 0,
            padding: 0,
            framing_damaged: false,
            ended_well: false,
            work,
        })
    }

    /// The next member, skipping what was not read of the one before.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        let rest = self.content_left + self.padding;
        self.content_left = 0;
        self.padding = 0;
        if self.stream.skip(rest).map_err(ReadError::Read)? < rest {
            return Ok(None);
        }
        let mut announced = Announced::default();
        let mut zero_blocks = 0;
        loop {
            self.work.check()?;
            let Some(block) = self.read_block()? else { return Ok(None) };
            if block.iter().all(|b| *b == 0) {
                zero_blocks += 1;
                let end = self.stream.position;
                let is_real = !self.stream.is_damaged(end - TAR_BLOCK..end);
                if zero_blocks >= 2 && is_real {
                    self.ended_well = true;
                    return Ok(None);
                }
                if !is_real {
                    self.framing_damaged = true;
                    let known_zeros = self.stream.zeros / TAR_BLOCK * TAR_BLOCK;
                    self.stream.skip(known_zeros).map_err(ReadError::Read)?;
                }
                continue;
            }
            zero_blocks = 0;
            let header = tar::Header::from_byte_slice(&block);
            let size = header.entry_size().ok().filter(|size| *size <= i64::MAX as u64);
            let (true, Some(size)) = (checksum_is_right(&block), size) else {
                // Not a header: a damaged one, or content behind one. The next that is one goes on.
                self.framing_damaged = true;
                announced = Announced::default();
                continue;
            };
            self.entries += 1;
            if self.entries > self.limits.max_entries {
                return Err(ReadError::TooManyEntries(self.limits.max_entries));
            }
            let kind = header.entry_type();
            if kind.is_pax_local_extensions() || kind.is_gnu_longname() {
                self.read_announcement(kind, size, &mut announced)?;
                continue;
            }
            if kind.is_pax_global_extensions() || kind.is_gnu_longlink() {
                self.begin_content(size)?;
                let rest = self.content_left + self.padding;
                self.stream.skip(rest).map_err(ReadError::Read)?;
                self.content_left = 0;
                self.padding = 0;
                continue;
            }
            return self.entry(header, size, announced).map(Some);
        }
    }

    fn entry(&mut self, header: &tar::Header, size: u64, announced: Announced) -> Result<Entry, ReadError> {
        let kind = header.entry_type();
        let is_folder = kind.is_dir();
        let has_content = !(is_folder || kind.is_hard_link() || kind.is_symlink());
        let size_bytes = if has_content { announced.size_bytes.unwrap_or(size) } else { 0 };
        // A folder has no content, whatever its size field says; links neither.
        self.begin_content(size_bytes)?;
        let raw = announced.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let (path, path_problem) = readable_path(&raw, is_folder);
        let problem = if kind.is_hard_link() || kind.is_symlink() {
            Some(ExtraReason::Link)
        } else if announced.is_sparse || !(is_folder || kind.is_file() || kind.is_contiguous()) {
            Some(ExtraReason::Special)
        } else {
            path_problem.map(ExtraReason::Path)
        };
        Ok(Entry { path, size_bytes, mode: header.mode().unwrap_or(0) & 0o7777, is_folder, problem })
    }

    /// Lets it unpack so many bytes more.
    pub(super) fn allow(&mut self, bytes: u64) {
        self.limits.max_bytes = self.limits.max_bytes.saturating_add(bytes);
    }

    /// Says no before anything is unpacked that goes over the budget.
    fn begin_content(&mut self, size: u64) -> Result<(), ReadError> {
        let padded = size.checked_next_multiple_of(TAR_BLOCK);
        let end = padded.and_then(|padded| self.stream.position.checked_add(padded));
        match (padded, end) {
            (Some(padded), Some(end)) if end <= self.limits.max_bytes => {
                self.content_start = self.stream.position;
                self.content_left = size;
                self.padding = padded - size;
                Ok(())
            }
            _ => Err(ReadError::TooLarge(self.limits.max_bytes)),
        }
    }

    fn read_announcement(
        &mut self,
        kind: tar::EntryType,
        size: u64,
        announced: &mut Announced,
    ) -> Result<(), ReadError> {
        self.begin_content(size)?;
        if size > META_MAX_BYTES {
            // Too long to be honest: skipped, and the member after it keeps the name of its own header.
            let rest = self.content_left + self.padding;
            self.stream.skip(rest).map_err(ReadError::Read)?;
            self.framing_damaged = true;
        } else {
            let mut bytes = vec![0; size as usize];
            let got = self.read_content(&mut bytes)?;
            bytes.truncate(got);
            let padding = self.padding;
            self.stream.skip(padding).map_err(ReadError::Read)?;
            if kind.is_gnu_longname() {
                let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
                bytes.truncate(end);
                announced.path = Some(bytes);
            } else {
                parse_pax(&bytes, announced);
            }
        }
        self.content_left = 0;
        self.padding = 0;
        Ok(())
    }

    fn read_block(&mut self) -> Result<Option<[u8; TAR_BLOCK as usize]>, ReadError> {
        let mut block = [0u8; TAR_BLOCK as usize];
        if self.stream.position + TAR_BLOCK > self.limits.max_bytes {
            return Err(ReadError::TooLarge(self.limits.max_bytes));
        }
        let mut done = 0;
        while done < block.len() {
            match self.stream.read(&mut block[done..]).map_err(ReadError::Read)? {
                0 => return Ok(None),
                got => done += got,
            }
        }
        Ok(Some(block))
    }

    /// Reads content of the current member until `buffer` is full or the content, or the archive, ends.
    pub(super) fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let want = self.content_left.min(buffer.len() as u64) as usize;
        let mut done = 0;
        while done < want {
            match self.stream.read(&mut buffer[done..want]).map_err(ReadError::Read)? {
                0 => break,
                got => done += got,
            }
        }
        self.content_left -= done as u64;
        Ok(done)
    }

    /// Whether what was read of the current member came out of a frame that is not whole.
    pub(super) fn content_is_damaged(&self) -> bool {
        self.stream.is_damaged(self.content_start..self.stream.position)
    }

    /// Whether some header could not be read.
    pub(super) fn framing_is_damaged(&self) -> bool {
        self.framing_damaged
    }

    /// Frames so far that did not unpack as they should.
    pub(super) fn bad_frames(&self) -> u64 {
        self.stream.bad_frames
    }

    /// Whether the end of the tar was reached, not just the end of the file.
    pub(super) fn ended_well(&self) -> bool {
        self.ended_well
    }

    /// The frame that is being read.
    pub(super) fn frame(&self) -> usize {
        self.stream.next.saturating_sub(1)
    }
}

/// Sum of all header bytes with the checksum field taken as blanks, unsigned or signed.
fn checksum_is_right(block: &[u8; TAR_BLOCK as usize]) -> bool {
    let header = tar::Header::from_byte_slice(block);
    let Ok(told) = header.cksum() else { return false };
    let is_sum = |(i, _): &(usize, &u8)| !(148..156).contains(i);
    let unsigned: u32 =
        block.iter().enumerate().filter(is_sum).map(|(_, b)| u32::from(*b)).sum::<u32>() + 256;
    let signed: i32 =
        block.iter().enumerate().filter(is_sum).map(|(_, b)| i32::from(b.cast_signed())).sum::<i32>() + 256;
    told == unsigned || i32::try_from(told) == Ok(signed)
}

fn parse_pax(mut bytes: &[u8], announced: &mut Announced) {
    while !bytes.is_empty() {
        let Some(space) = bytes.iter().take(12).position(|b| *b == b' ') else { return };
        let length = std::str::from_utf8(&bytes[..space]).ok().and_then(|text| text.parse::<usize>().ok());
        let Some(record) = length.and_then(|length| bytes.get(space + 1..length)) else { return };
        if let Some(equals) = memchr::memchr(b'=', record) {
            let value = record[equals + 1..].strip_suffix(b"\n").unwrap_or(&record[equals + 1..]);
            match &record[..equals] {
                b"path" => announced.path = Some(value.to_vec()),
                b"size" => {
                    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    // A size that is no number must not fall back to another one.
                    announced.size_bytes = Some(number.unwrap_or(u64::MAX));
                }
                key if key.starts_with(b"GNU.sparse.") => announced.is_sparse = true,
                _ => {}
            }
        }
        bytes = &bytes[length.unwrap_or(bytes.len())..];
    }
}

/// The path as text, without `./` before and `/` behind, and what is wrong with it.
fn readable_path(raw: &[u8], is_folder: bool) -> (String, Option<PathProblem>) {
    let shown = |bytes: &[u8]| {
        let cut = &bytes[..bytes.len().min(SHOWN_PATH_MAX)];
        String::from_utf8_lossy(cut).escape_debug().collect::<String>()
    };
    let Ok(text) = std::str::from_utf8(raw) else { return (shown(raw), Some(PathProblem::NotUtf8)) };
    let mut plain = text;
    while let Some(rest) = plain.strip_prefix("./") {
        plain = rest;
    }
    if is_folder {
        plain = plain.trim_end_matches('/');
        if matches!(plain, "" | ".") && !text.starts_with('/') {
            return (String::new(), None);
        }
    }
    match path::check(plain) {
        Ok(()) => (plain.to_owned(), None),
        Err(problem) => (shown(raw), Some(problem)),
    }
}
