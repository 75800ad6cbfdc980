//! Finding the zstd frames of a file and unpacking one of them (RFC 8878, section 3.1).
//!
//! Owns the index of frames, from the seek table or by walking from frame to frame, and the decoder for one
//! frame in memory. Knows nothing of tar.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use zstd::stream::raw::{Decoder, InBuffer, Operation as _, OutBuffer};

use super::FRAME_MAX_BYTES;
use super::limits::ReadError;
use super::seek_table::{FOOTER_BYTES, Footer};

/// Magic of a zstd frame.
pub(super) const FRAME_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Longest zstd frame header with its magic.
const FRAME_HEADER_MAX: usize = 18;
/// Most content of one block of a frame.
const ZSTD_BLOCK_MAX: u64 = 128 * 1024;
/// Most frames in one archive: 8 TiB in frames of 2 MiB.
const FRAMES_MAX: usize = 4 * 1024 * 1024;
/// Largest stored frame that is decoded in one piece: incompressible content plus its framing.
const STORED_MAX: u64 = FRAME_MAX_BYTES + 64 * 1024;
/// After lost sync a candidate frame may have this many blocks, and so many candidates are tried: the search stays linear.
const RESYNC_BLOCKS_MAX: u32 = 1024;
const RESYNC_CANDIDATES_MAX: u32 = 10_000;

/// One frame of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes of it there are.
    pub stored_bytes: u64,
    /// What it says it unpacks to.
    pub content_bytes: Option<u64>,
    /// Checksum of its content, from the seek table.
    pub checksum: Option<u32>,
    /// What its own header says it unpacks to, where that could be read.
    pub told_bytes: Option<u64>,
    /// Whether its end was found.
    pub is_whole: bool,
}

impl Frame {
    /// The length in its own header, where that is another one than the table's.
    pub(super) fn disputed_bytes(&self) -> Option<u64> {
        self.told_bytes.filter(|told| Some(*told) != self.content_bytes && *told <= FRAME_MAX_BYTES)
    }

    /// Whether it is small enough to be decoded in one piece.
    pub(super) fn fits_memory(&self) -> bool {
        self.stored_bytes <= STORED_MAX && self.content_bytes.is_some_and(|bytes| bytes <= FRAME_MAX_BYTES)
    }
}

/// All frames of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct FrameIndex {
    /// In the order of the file. Frames without content (skippable ones) are in it only where the table lists them.
    pub frames: Vec<Frame>,
    /// Whether the seek table was good.
    pub from_table: bool,
}

impl FrameIndex {
    /// Reads the seek table if there is a good one, else walks the frames.
    pub(super) fn read(file: &File) -> Result<Self, ReadError> {
        let len = file.metadata().map_err(ReadError::Read)?.len();
        if let Some(index) = Self::from_table(file, len).map_err(ReadError::Read)? {
            return Ok(index);
        }
        let index = Walk::new(file, len).map_err(ReadError::Read)?.run()?;
        if index.frames.is_empty() { Err(ReadError::NotAnArchive) } else { Ok(index) }
    }

    fn from_table(file: &File, len: u64) -> io::Result<Option<Self>> {
        let Some(footer_at) = len.checked_sub(FOOTER_BYTES as u64) else { return Ok(None) };
        let mut footer = [0u8; FOOTER_BYTES];
        read_exact_at(file, &mut footer, footer_at)?;
        let Some(footer) = Footer::parse(&footer) else { return Ok(None) };
        let Some(data_bytes) = len.checked_sub(footer.table_bytes()) else { return Ok(None) };
        if footer.frames as usize > FRAMES_MAX {
            return Ok(None);
        }
        let mut table = vec![0u8; (len - data_bytes) as usize];
        read_exact_at(file, &mut table, data_bytes)?;
        let Some(entries) = footer.parse_table(&table, data_bytes) else { return Ok(None) };
        let mut offset = 0;
        let mut frames = Vec::with_capacity(entries.len());
        for entry in entries {
            let stored_bytes = u64::from(entry.stored_bytes);
            let mut start = [0u8; FRAME_HEADER_MAX];
            let start = &mut start[..stored_bytes.min(FRAME_HEADER_MAX as u64) as usize];
            read_exact_at(file, start, offset)?;
            frames.push(Frame {
                offset,
                stored_bytes,
                content_bytes: Some(u64::from(entry.content_bytes)),
                checksum: entry.checksum,
                told_bytes: FrameHeader::parse(start).and_then(|header| header.content_bytes),
                is_whole: true,
            });
            offset += stored_bytes;
        }
        // A table of nothing tells nothing.
        let good = !frames.is_empty();
        Ok(good.then_some(Self { frames, from_table: true }))
    }
}

/// What the header of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FrameHeader {
    header_bytes: usize,
    content_bytes: Option<u64>,
    has_checksum: bool,
}

impl FrameHeader {
    /// Reads a frame header that begins with its magic.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&FRAME_MAGIC)?;
        let descriptor = *rest.first()?;
        if descriptor & 0x08 != 0 {
            return None;
        }
        let is_single = descriptor & 0x20 != 0;
        let dictionary = [0usize, 1, 2, 4][usize::from(descriptor & 3)];
        let size_field = match descriptor >> 6 {
            0 => usize::from(is_single),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let at = 1 + usize::from(!is_single) + dictionary;
        let field = rest.get(at..at + size_field)?;
        let number = field.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b));
        let content_bytes = match size_field {
            0 => None,
            2 => Some(number + 256),
            _ => Some(number),
        };
        Some(Self {
            header_bytes: FRAME_MAGIC.len() + at + size_field,
            content_bytes,
            has_checksum: descriptor & 4 != 0,
        })
    }
}

/// What stands at one place of the file.
enum Found {
    /// A frame, and where the next thing begins.
    Frame(Frame, u64),
    /// A skippable frame, and where the next thing begins.
    Skippable(u64),
    /// A frame whose end is beyond the end of the file.
    Cut(Frame),
    /// Neither.
    Nothing,
}

struct Walk<'a> {
    reader: BufReader<&'a File>,
    at: u64,
    len: u64,
    candidates: u32,
    index: FrameIndex,
}

impl<'a> Walk<'a> {
    fn new(file: &'a File, len: u64) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(4096, file);
        reader.seek(SeekFrom::Start(0))?;
        Ok(Self { reader, at: 0, len, candidates: 0, index: FrameIndex::default() })
    }

    fn run(mut self) -> Result<FrameIndex, ReadError> {
        let mut at = 0;
        while at < self.len {
            if self.index.frames.len() >= FRAMES_MAX {
                return Err(ReadError::TooManyEntries(FRAMES_MAX as u64));
            }
            match self.look(at, u32::MAX).map_err(ReadError::Read)? {
                Found::Frame(frame, next) => {
                    self.index.frames.push(frame);
                    at = next;
                }
                Found::Skippable(next) => at = next,
                Found::Cut(frame) => {
                    // A damaged length may point beyond the end although whole frames follow.
                    match self.resync(at + 4).map_err(ReadError::Read)? {
                        Some(next) => {
                            let stored_bytes = next - at;
                            self.index.frames.push(Frame { stored_bytes, is_whole: false, ..frame });
                            at = next;
                        }
                        None => {
                            self.index.frames.push(frame);
                            break;
                        }
                    }
                }
                Found::Nothing => {
                    if self.index.frames.is_empty() && at == 0 && !self.starts_like_a_frame()? {
                        return Err(ReadError::NotAnArchive);
                    }
                    let Some(next) = self.resync(at + 1).map_err(ReadError::Read)? else { break };
                    let gap = Frame {
                        offset: at,
                        stored_bytes: next - at,
                        content_bytes: None,
                        checksum: None,
                        told_bytes: None,
                        is_whole: false,
                    };
                    self.index.frames.push(gap);
                    at = next;
                }
            }
        }
        Ok(self.index)
    }

    /// Whether the file begins with at least three of the four magic bytes: one flipped byte leaves it an archive.
    fn starts_like_a_frame(&mut self) -> Result<bool, ReadError> {
        let start = self.peek(0, 4).map_err(ReadError::Read)?;
        Ok(start.iter().zip(FRAME_MAGIC).filter(|(a, b)| **a == *b).count() >= 3)
    }

    /// Up to `want` bytes at `at`; fewer only at the end of the file.
    fn peek(&mut self, at: u64, want: usize) -> io::Result<Vec<u8>> {
        self.seek(at)?;
        let mut bytes = Vec::with_capacity(want);
        (&mut self.reader).take(want as u64).read_to_end(&mut bytes)?;
        self.at += bytes.len() as u64;
        Ok(bytes)
    }

    fn seek(&mut self, to: u64) -> io::Result<()> {
        let to = to.min(self.len);
        self.reader.seek_relative(to as i64 - self.at as i64)?;
        self.at = to;
        Ok(())
    }

    fn look(&mut self, at: u64, max_blocks: u32) -> io::Result<Found> {
        let start = self.peek(at, FRAME_HEADER_MAX)?;
        if let Some(size) = skippable_bytes(&start) {
            let next = at + 8 + u64::from(size);
            return Ok(if next <= self.len { Found::Skippable(next) } else { Found::Nothing });
        }
        let Some(header) = FrameHeader::parse(&start) else {
            return Ok(Found::Nothing);
        };
        let frame = |end: u64, is_whole| Frame {
            offset: at,
            stored_bytes: end - at,
            content_bytes: header.content_bytes,
            checksum: None,
            told_bytes: header.content_bytes,
            is_whole,
        };
        let mut block_at = at + header.header_bytes as u64;
        for _ in 0..max_blocks {
            let bytes = self.peek(block_at, 3)?;
            let Ok([a, b, c]) = <[u8; 3]>::try_from(bytes) else {
                return Ok(Found::Cut(frame(self.len, false)));
            };
            let block = u32::from_le_bytes([a, b, c, 0]);
            let size = u64::from(block >> 3);
            let stored = match block >> 1 & 3 {
                1 => 1,
                3 => return Ok(Found::Nothing),
                _ if size > ZSTD_BLOCK_MAX => return Ok(Found::Nothing),
                _ => size,
            };
            block_at += 3 + stored;
            if block & 1 == 1 {
                block_at += if header.has_checksum { 4 } else { 0 };
                return Ok(if block_at <= self.len {
                    Found::Frame(frame(block_at, true), block_at)
                } else {
                    Found::Cut(frame(self.len, false))
                });
            }
        }
        Ok(Found::Nothing)
    }

    /// The next place from `from` on where a whole frame begins that is followed by another one or the end.
    fn resync(&mut self, from: u64) -> io::Result<Option<u64>> {
        let mut at = from;
        while at < self.len && self.candidates < RESYNC_CANDIDATES_MAX {
            self.seek(at)?;
            let buffer = self.reader.fill_buf()?;
            if buffer.len() < 4 {
                // The rest of a buffer: at most three bytes, looked at together with what follows.
                let bytes = self.peek(at, 4)?;
                if bytes.len() < 4 {
                    return Ok(None);
                }
                if bytes == FRAME_MAGIC && self.is_followed(at)? {
                    return Ok(Some(at));
                }
                at += 1;
                continue;
            }
            let Some(hit) = memchr::memmem::find(buffer, &FRAME_MAGIC) else {
                at += (buffer.len() - 3) as u64;
                continue;
            };
            at += hit as u64;
            if self.is_followed(at)? {
                return Ok(Some(at));
            }
            at += 1;
        }
        Ok(None)
    }

    fn is_followed(&mut self, at: u64) -> io::Result<bool> {
        self.candidates += 1;
        let Found::Frame(_, next) = self.look(at, RESYNC_BLOCKS_MAX)? else { return Ok(false) };
        let after = self.peek(next, 8)?;
        Ok(after.is_empty() || after.starts_with(&FRAME_MAGIC) || skippable_bytes(&after).is_some())
    }
}

/// The length a skippable frame gives for itself, if these bytes begin one.
fn skippable_bytes(bytes: &[u8]) -> Option<u32> {
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let size = rest.first_chunk::<4>()?;
    (u32::from_le_bytes(*magic) & 0xffff_fff0 == 0x184D_2A50).then(|| u32::from_le_bytes(*size))
}

/// Unpacks frames that fit in memory; one for each thread.
pub(super) struct FrameDecoder {
    whole: zstd::bulk::Decompressor<'static>,
    stored: Vec<u8>,
    content: Vec<u8>,
}

/// What a frame unpacked to.
pub(super) struct Unpacked<'a> {
    /// The bytes that could be had; nobody vouches for them unless `is_whole`.
    pub content: &'a [u8],
    /// Whether length and checksum are right.
    pub is_whole: bool,
    /// Whether the checksum in the seek table is another one.
    pub differs_from_table: bool,
}

impl FrameDecoder {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { whole: zstd::bulk::Decompressor::new()?, stored: Vec::new(), content: Vec::new() })
    }

    /// Unpacks `frame` to at most `want` bytes; a damaged one to as many as can be had.
    pub(super) fn unpack(&mut self, file: &File, frame: &Frame, want: usize) -> io::Result<Unpacked<'_>> {
        self.stored.resize(frame.stored_bytes.min(STORED_MAX) as usize, 0);
        read_exact_at(file, &mut self.stored, frame.offset)?;
        self.content.clear();
        self.content.reserve(want);
        // The buffer may hold more than was asked for; a frame that unpacks to more is none of ours.
        let done = self.whole.decompress_to_buffer(&self.stored, &mut self.content);
        if matches!(done, Ok(bytes) if bytes == want) && frame.is_whole {
            let differs_from_table = match (frame.checksum, self.stored.last_chunk::<4>()) {
                (Some(told), Some(last)) if self.has_checksum() => told != u32::from_le_bytes(*last),
                _ => false,
            };
            return Ok(Unpacked { content: &self.content, is_whole: true, differs_from_table });
        }
        let got = self.unpack_what_is_left(want)?;
        Ok(Unpacked { content: &self.content[..got], is_whole: false, differs_from_table: false })
    }

    fn has_checksum(&self) -> bool {
        FrameHeader::parse(&self.stored).is_some_and(|header| header.has_checksum)
    }

    /// Block by block up to the first one that does not unpack.
    fn unpack_what_is_left(&mut self, want: usize) -> io::Result<usize> {
        self.content.clear();
        self.content.resize(want, 0);
        let mut decoder = Decoder::new()?;
        let mut input = InBuffer::around(&self.stored);
        let mut done = 0;
        while done < want {
            let before = (done, input.pos());
            // Small steps: what came out before an error is kept.
            let step = (want - done).min(ZSTD_BLOCK_MAX as usize);
            let mut output = OutBuffer::around(&mut self.content[done..done + step]);
            let result = decoder.run(&mut input, &mut output);
            done += output.pos();
            if !matches!(result, Ok(hint) if hint > 0) || (done, input.pos()) == before {
                break;
            }
        }
        Ok(done)
    }
}

/// How much of a long frame is read at a time.
pub(super) const FRAGMENT_BYTES: usize = 128 * 1024;

/// A part of a file, read without the position that all users of the file share.
pub(super) struct FileRange<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl<'a> FileRange<'a> {
    pub(super) fn new(file: &'a File, at: u64, left: u64) -> Self {
        Self { file, at, left }
    }
}

impl io::Read for FileRange<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = self.left.min(buffer.len() as u64) as usize;
        #[cfg(unix)]
        let got = std::os::unix::fs::FileExt::read_at(self.file, &mut buffer[..want], self.at)?;
        #[cfg(windows)]
        let got = std::os::windows::fs::FileExt::seek_read(self.file, &mut buffer[..want], self.at)?;
        self.at += got as u64;
        self.left -= got as u64;
        Ok(got)
    }
}

/// Fills `buffer` from `offset`, without moving a shared position where the system can.
pub(super) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < buffer.len() {
            let got =
                std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], offset + done as u64)?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            done += got;
        }
        Ok(())
    }
}

/// Writes all of `bytes` at `offset`.
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < bytes.len() {
            done += std::os::windows::fs::FileExt::seek_write(file, &bytes[done..], offset + done as u64)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_headers_tell_what_zstd_wrote() {
        for size in [0usize, 1, 255, 256, 65_791, 65_792, 3 << 20] {
            let mut compressor = zstd::bulk::Compressor::new(3).expect("a context");
            let frame = compressor.compress(&vec![7u8; size]).expect("compresses");
            let header = FrameHeader::parse(&frame).expect("a header");
            assert_eq!(header.content_bytes, Some(size as u64));
        }
        assert_eq!(FrameHeader::parse(b"(\xb5/"), None);
    }
}
