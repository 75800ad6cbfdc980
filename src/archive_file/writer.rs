//! Writing an archive: one thread reads, all cores hash and compress, one thread writes in order.
//!
//! Nothing gets into an archive that is not as recorded: every block is hashed from the very bytes that are
//! compressed, and compared before they are written. Removes nothing; a failed archive is for the caller to remove.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::path::Path;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use sha2::{Digest as _, Sha256};
use zstd::zstd_safe::CParameter;

use crate::package::{BlockIndex, Manifest, Sha256Digest};
use crate::work::{Cancelled, Work};

use super::layout::{HeaderFacts, Layout, LayoutError, Segment, push_header};
use super::seek_table::{self, SeekEntry};
use super::{DEFAULT_LEVEL, worker_count};

/// What goes into an archive.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveContents<'a> {
    /// The one folder in the archive: `<Name>-<Version>`.
    pub top: &'a str,
    /// Tag files in the order they are written, by name and content.
    pub tag_files: &'a [(&'a str, &'a [u8])],
    /// The folder that holds the files of `manifest`: the package's `data/`.
    pub data: &'a Path,
    /// What must be there. Every file needs its hashes.
    pub manifest: &'a Manifest,
    /// Time of every member, in seconds since 1970; 0 where it shall not matter.
    pub mtime_secs: u64,
    /// zstd level; 3 is [`super::DEFAULT_LEVEL`].
    pub level: i32,
}

impl<'a> ArchiveContents<'a> {
    /// Contents at the default level, time 0.
    pub fn new(
        top: &'a str,
        tag_files: &'a [(&'a str, &'a [u8])],
        data: &'a Path,
        manifest: &'a Manifest,
    ) -> Self {
        Self { top, tag_files, data, manifest, mtime_secs: 0, level: DEFAULT_LEVEL }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// Length of the archive file.
    pub size_bytes: u64,
    /// Length of the tar inside.
    pub tar_bytes: u64,
    /// Number of frames with content.
    pub frames: u64,
}

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file of the package cannot be read.
    #[error("{path:?} cannot be read: {source}")]
    Read {
        /// What failed.
        source: io::Error,
        /// Path relative to `data/`.
        path: String,
    },
    /// A file has another size than recorded, or is no plain file any more.
    #[error("{path:?} is not as recorded: {recorded_bytes} bytes are expected")]
    Resized {
        /// The recorded size.
        recorded_bytes: u64,
        /// Path relative to `data/`.
        path: String,
    },
    /// A block of a file has another hash than recorded.
    #[error("block {block} of {path:?} is not as recorded")]
    Changed {
        /// The block, numbered within the file.
        block: BlockIndex,
        /// Path relative to `data/`.
        path: String,
    },
    /// The manifest lacks the hashes of a file.
    #[error("no hashes are recorded for {0:?}")]
    NoHashes(String),
    /// A name or size cannot be archived.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The archive file cannot be written.
    #[error("the archive cannot be written: {0}")]
    Write(#[source] io::Error),
    /// Asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// A part of a frame that must have the hash of a block.
struct Proof {
    file: usize,
    block: u64,
    bytes: Range<usize>,
}

/// One frame on its way to a compressor.
struct Raw {
    number: u64,
    content: Vec<u8>,
    proofs: Vec<Proof>,
}

/// One frame on its way to the file.
struct Packed {
    number: u64,
    content_bytes: u32,
    /// The buffers go back to be used again.
    content: Vec<u8>,
    stored: Vec<u8>,
}

/// Writes the archive into `file` from its present position, which must be the beginning, and syncs it.
///
/// Memory: at most two frames a core and four. After an error the file holds a useless beginning.
pub fn write_archive(
    file: &File,
    contents: &ArchiveContents<'_>,
    work: &Work,
) -> Result<ArchiveSummary, WriteError> {
    let manifest = contents.manifest;
    if let Some(entry) = manifest.iter().find(|entry| entry.hashes.is_none()) {
        return Err(WriteError::NoHashes(entry.path.to_owned()));
    }
    let tags = contents.tag_files.iter().map(|(name, content)| (*name, content.len() as u64));
    let tags = Layout::of_tag_files(contents.top, tags)?;
    let data = Layout::of_data(contents.top, manifest)?;
    work.begin("Archiving", manifest.len() as u64, manifest.files().total_bytes());

    let workers = worker_count();
    let in_flight = 2 * workers + 4;
    // A token is taken before a frame is read and given back when it is written: that bounds the memory.
    let (take_token, give_token) = bounded::<()>(in_flight);
    let (send_raw, raw) = bounded::<Raw>(workers);
    let (send_packed, packed) = unbounded::<Result<Packed, WriteError>>();
    let (send_spare, spare) = bounded::<Vec<u8>>(in_flight);
    let (send_spare_stored, spare_stored) = bounded::<Vec<u8>>(in_flight);
    std::thread::scope(|scope| {
        let failed = send_packed.clone();
        let (tags, data) = (&tags, &data);
        scope.spawn(move || {
            let mut source =
                Source { contents, work, take_token, send_raw, spare, number: 0, open: None, hasher: None };
            let result = source.read_part(tags, true).and_then(|()| source.read_part(data, false));
            if let Err(Stop::Failed(error)) = result {
                let _ = failed.send(Err(error));
            }
        });
        for _ in 0..workers {
            let (raw, send_packed, spare_stored) = (raw.clone(), send_packed.clone(), spare_stored.clone());
            scope.spawn(move || compress(contents, &raw, &send_packed, &spare_stored));
        }
        drop((raw, send_packed, spare_stored));
        // Its ends of the channels go with it: when it fails, every other thread notices and ends.
        write_in_order(file, packed, give_token, &send_spare, &send_spare_stored)
    })
}

/// Why the reading thread ends early.
enum Stop {
    Failed(WriteError),
    /// Another thread failed and will say why.
    Deserted,
}

impl<E: Into<WriteError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The reading thread.
struct Source<'a> {
    contents: &'a ArchiveContents<'a>,
    work: &'a Work,
    take_token: Sender<()>,
    send_raw: Sender<Raw>,
    spare: Receiver<Vec<u8>>,
    number: u64,
    open: Option<(usize, File)>,
    /// Running hash of a block that is longer than a frame.
    hasher: Option<Sha256>,
}

impl Source<'_> {
    fn read_part(&mut self, layout: &Layout, are_tags: bool) -> Result<(), Stop> {
        for frame in 0..layout.frame_count() {
            self.work.check()?;
            self.take_token.send(()).map_err(|_| Stop::Deserted)?;
            let mut content = self.spare.try_recv().unwrap_or_default();
            content.clear();
            let mut proofs = Vec::new();
            for segment in layout.segments(frame) {
                match segment {
                    Segment::Header { member, .. } => self.push_header(&mut content, member, are_tags)?,
                    Segment::Zeros { len } => content.resize(content.len() + len, 0),
                    Segment::Content { member, from, len } if are_tags => {
                        let from = from as usize;
                        content.extend_from_slice(&self.contents.tag_files[member].1[from..from + len]);
                    }
                    Segment::Content { member, from, len } => {
                        let proof = self.read_content(&mut content, member - 1, from, len)?;
                        proofs.extend(proof);
                    }
                }
            }
            let raw = Raw { number: self.number, content, proofs };
            self.number += 1;
            self.send_raw.send(raw).map_err(|_| Stop::Deserted)?;
        }
        Ok(())
    }

    fn push_header(&mut self, content: &mut Vec<u8>, member: usize, are_tags: bool) -> Result<(), Stop> {
        let top = self.contents.top;
        let (full_name, size_bytes, executable) = if are_tags {
            let (name, tag) = self.contents.tag_files[member];
            (format!("{top}/{name}"), tag.len() as u64, false)
        } else {
            match member.checked_sub(1).and_then(|index| self.contents.manifest.get(index)) {
                Some(file) => (format!("{top}/data/{}", file.path), file.size_bytes, file.executable),
                None => (format!("{top}/data/"), 0, false),
            }
        };
        let mtime_secs = self.contents.mtime_secs;
        push_header(content, HeaderFacts { full_name: &full_name, size_bytes, executable, mtime_secs });
        // An empty file has no content to be read, but it must be there and be empty.
        if let (Some(index), false, 0) = (member.checked_sub(1), are_tags, size_bytes) {
            self.open(index)?;
            self.expect_end(index)?;
        }
        Ok(())
    }

    fn path(&self, index: usize) -> String {
        self.contents.manifest.files().path(index).to_owned()
    }

    fn failed(&self, index: usize, source: io::Error) -> Stop {
        Stop::Failed(WriteError::Read { source, path: self.path(index) })
    }

    fn resized(&self, index: usize) -> Stop {
        let recorded_bytes = self.contents.manifest.files().size_bytes(index);
        Stop::Failed(WriteError::Resized { recorded_bytes, path: self.path(index) })
    }

    fn open(&mut self, index: usize) -> Result<(), Stop> {
        let path = self.contents.data.join(self.contents.manifest.files().path(index));
        // Asked before opening: opening a pipe would wait for somebody to write into it.
        let metadata = fs::symlink_metadata(&path).map_err(|error| self.failed(index, error))?;
        if !metadata.is_file() || metadata.len() != self.contents.manifest.files().size_bytes(index) {
            return Err(self.resized(index));
        }
        let file = File::open(&path).map_err(|error| self.failed(index, error))?;
        self.open = Some((index, file));
        Ok(())
    }

    /// Makes sure that the file ends here: one that grew while it was read is not as recorded.
    fn expect_end(&mut self, index: usize) -> Result<(), Stop> {
        let Some((_, mut file)) = self.open.take() else { return Ok(()) };
        match file.read(&mut [0]) {
            Ok(0) => {
                self.work.add_files(1);
                Ok(())
            }
            Ok(_) => Err(self.resized(index)),
            Err(error) => Err(self.failed(index, error)),
        }
    }

    fn read_content(
        &mut self,
        content: &mut Vec<u8>,
        index: usize,
        from: u64,
        len: usize,
    ) -> Result<Option<Proof>, Stop> {
        if from == 0 {
            self.open(index)?;
        }
        let start = content.len();
        content.resize(start + len, 0);
        if let Some((_, file)) = &mut self.open
            && let Err(error) = file.read_exact(&mut content[start..])
        {
            let is_short = error.kind() == io::ErrorKind::UnexpectedEof;
            return Err(if is_short { self.resized(index) } else { self.failed(index, error) });
        }
        let size_bytes = self.contents.manifest.files().size_bytes(index);
        let to = from + len as u64;
        self.work.add_bytes(len as u64);
        if to == size_bytes {
            self.expect_end(index)?;
        }
        let block_size = self.contents.manifest.block_size();
        let block = from / block_size.bytes();
        let range = block_size.range(block, size_bytes);
        if (from, to) == (range.start, range.end) {
            return Ok(Some(Proof { file: index, block, bytes: start..start + len }));
        }
        // Only blocks longer than a frame come here; their parts must be hashed one after another.
        let hasher = self.hasher.get_or_insert_with(Sha256::new);
        hasher.update(&content[start..]);
        if to == range.end
            && let Some(hasher) = self.hasher.take()
        {
            prove(self.contents.manifest, index, block, Sha256Digest::finish(hasher))?;
        }
        Ok(None)
    }
}

/// Says which block is not as recorded.
fn prove(manifest: &Manifest, index: usize, block: u64, digest: Sha256Digest) -> Result<(), WriteError> {
    let file = manifest.get(index);
    let recorded = file.and_then(|f| f.hashes).and_then(|hashes| hashes.blocks.get(block as usize));
    if recorded == Some(&digest) {
        return Ok(());
    }
    Err(WriteError::Changed {
        block: BlockIndex(block),
        path: file.map_or_else(String::new, |file| file.path.to_owned()),
    })
}

/// A compressing thread: until there are no more frames, or nobody wants them.
fn compress(
    contents: &ArchiveContents<'_>,
    raw: &Receiver<Raw>,
    send_packed: &Sender<Result<Packed, WriteError>>,
    spare_stored: &Receiver<Vec<u8>>,
) {
    let mut compressor = None;
    for frame in raw {
        let stored = spare_stored.try_recv().unwrap_or_default();
        let result = compress_frame(contents, &mut compressor, frame, stored);
        let is_error = result.is_err();
        if send_packed.send(result).is_err() || is_error {
            return;
        }
    }
}

fn compress_frame(
    contents: &ArchiveContents<'_>,
    compressor: &mut Option<zstd::bulk::Compressor<'static>>,
    frame: Raw,
    mut stored: Vec<u8>,
) -> Result<Packed, WriteError> {
    for proof in &frame.proofs {
        let digest = Sha256Digest::of(&frame.content[proof.bytes.clone()]);
        prove(contents.manifest, proof.file, proof.block, digest)?;
    }
    let compressor = match compressor {
        Some(compressor) => compressor,
        none => {
            let mut new = zstd::bulk::Compressor::new(contents.level).map_err(WriteError::Write)?;
            new.set_parameter(CParameter::ChecksumFlag(true)).map_err(WriteError::Write)?;
            new.set_parameter(CParameter::ContentSizeFlag(true)).map_err(WriteError::Write)?;
            none.insert(new)
        }
    };
    stored.clear();
    stored.reserve(zstd::zstd_safe::compress_bound(frame.content.len()));
    compressor.compress_to_buffer(&frame.content, &mut stored).map_err(WriteError::Write)?;
    let content_bytes = frame.content.len() as u32;
    Ok(Packed { number: frame.number, content_bytes, content: frame.content, stored })
}

fn write_in_order(
    mut file: &File,
    packed: Receiver<Result<Packed, WriteError>>,
    give_token: Receiver<()>,
    send_spare: &Sender<Vec<u8>>,
    send_spare_stored: &Sender<Vec<u8>>,
) -> Result<ArchiveSummary, WriteError> {
    let mut entries = Vec::new();
    let mut summary = ArchiveSummary { size_bytes: 0, tar_bytes: 0, frames: 0 };
    let mut waiting = BTreeMap::new();
    for frame in &packed {
        let frame = frame?;
        waiting.insert(frame.number, frame);
        while let Some(frame) = waiting.remove(&summary.frames) {
            file.write_all(&frame.stored).map_err(WriteError::Write)?;
            let last = frame.stored.last_chunk::<4>().copied().unwrap_or_default();
            entries.push(SeekEntry {
                stored_bytes: frame.stored.len() as u32,
                content_bytes: frame.content_bytes,
                // The content checksum of the frame is the very value the table wants.
                checksum: Some(u32::from_le_bytes(last)),
            });
            summary.frames += 1;
            summary.size_bytes += frame.stored.len() as u64;
            summary.tar_bytes += u64::from(frame.content_bytes);
            let _ = give_token.try_recv();
            let _ = send_spare.try_send(frame.content);
            let _ = send_spare_stored.try_send(frame.stored);
        }
    }
    let table = seek_table::encode(&entries).ok_or(WriteError::Layout(LayoutError::TooLarge))?;
    file.write_all(&table).map_err(WriteError::Write)?;
    summary.size_bytes += table.len() as u64;
    file.sync_all().map_err(WriteError::Write)?;
    Ok(summary)
}
