//! Holding an archive against its manifest: every block hashed, on all cores, and unpacked on the way if asked to.
//!
//! Two ways. An archive of ours has its frames where [`Layout`] says, so frames are judged independently of each
//! other and of tar headers. Any other is read from front to back. Neither believes anything but the hashes.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::package::{BlockBoard, Manifest, Sha256Digest};
use crate::work::Work;

use super::damage::{ArchiveDamage, ExtraReason, Findings};
use super::extraction::Extraction;
use super::frames::{Frame, FrameDecoder};
use super::layout::{HeaderFacts, Layout, Segment, TAR_BLOCK, push_header};
use super::limits::{Limits, ReadError};
use super::reader::{ArchiveReader, below, top_of};
use super::shown::Shown;
use super::tar_stream::TarReader;
use super::{FRAME_MAX_BYTES, worker_count};

/// What tag files, headers and padding may add to the bytes of a manifest, beside a part for each file.
const BUDGET_BASE_BYTES: u64 = 512 * 1024 * 1024;
/// Headers of one file with a path of 4,096 bytes.
const BUDGET_FILE_BYTES: u64 = 16 * 1024;
/// Most frames of tag files: 256 MiB in frames of 256 KiB, to spare.
const TAG_FRAMES_MAX: usize = 1024;

impl ArchiveReader {
    /// Judges every file of `expected`, which lies in the folder `top` (`<Name>-<Version>`) of the archive.
    ///
    /// Damage is a finding, not an error. Memory: one frame a core.
    pub fn check(&self, top: &str, expected: &Manifest, work: &Work) -> Result<ArchiveDamage, ReadError> {
        self.check_on(top, expected, None, work)
    }

    /// As [`ArchiveReader::check`], and marks on `board`, which is as long as the package has blocks, whether each block
    /// was read as recorded.
    pub fn check_on(
        &self,
        top: &str,
        expected: &Manifest,
        board: Option<&BlockBoard>,
        work: &Work,
    ) -> Result<ArchiveDamage, ReadError> {
        let shown = board.map(|board| Shown::new(board, expected));
        self.judge(top, expected, None, shown.as_ref(), work)
    }

    /// As [`ArchiveReader::check`], and writes every file that proves good below `into`, which must not exist or be
    /// empty. Damaged files are not left there. Nothing is synced to the disk: that is for the one who renames.
    /// After an error or cancelling, `into` holds an unproven part and is to be removed.
    pub fn extract(
        &self,
        into: &Path,
        top: &str,
        expected: &Manifest,
        work: &Work,
    ) -> Result<ArchiveDamage, ReadError> {
        self.judge(top, expected, Some(into), None, work)
    }

    fn judge(
        &self,
        top: &str,
        expected: &Manifest,
        into: Option<&Path>,
        shown: Option<&Shown<'_>>,
        work: &Work,
    ) -> Result<ArchiveDamage, ReadError> {
        let layout = Layout::of_data(top, expected)?;
        if let Some(file) = expected.iter().find(|file| file.hashes.is_none()) {
            return Err(ReadError::NoHashes(file.path.to_owned()));
        }
        let phase = if into.is_some() { "Unpacking" } else { "Checking" };
        work.begin(phase, expected.len() as u64, expected.files().total_bytes());
        let extraction = into.map(|into| Extraction::begin(into, expected)).transpose()?;
        let ours = self.data_frames(&layout);
        let damage = match ours {
            Some(first) => OwnArchive {
                reader: self,
                top,
                expected,
                layout: &layout,
                first,
                extraction: extraction.as_ref(),
                shown,
            }
            .judge(work)?,
            None => self.judge_foreign(expected, extraction.as_ref(), shown, work)?,
        };
        if let Some(extraction) = extraction {
            extraction.finish(&damage.files)?;
        }
        Ok(damage)
    }

    /// Which frame is the first of the data, if the frames are where `layout` puts them.
    pub(super) fn data_frames(&self, layout: &Layout) -> Option<usize> {
        let frames = &self.index.frames;
        let fits = |first: &usize| fit(&frames[(*first).min(frames.len())..], layout);
        let from_end = frames.len().checked_sub(layout.frame_count());
        if self.index.from_table {
            return from_end.filter(fits);
        }
        // Without a table the end may be missing: the first header below data/ tells, or the frame sizes do.
        let by_header = || self.tag_files_and_frame().ok().and_then(|(_, frame)| frame).filter(fits);
        let by_sizes = || (0..frames.len().min(TAG_FRAMES_MAX)).find(fits);
        from_end.filter(fits).or_else(by_header).or_else(by_sizes)
    }

    fn judge_foreign(
        &self,
        expected: &Manifest,
        extraction: Option<&Extraction<'_>>,
        shown: Option<&Shown<'_>>,
        work: &Work,
    ) -> Result<ArchiveDamage, ReadError> {
        let per_file = (expected.len() as u64).saturating_mul(BUDGET_FILE_BYTES);
        let limits = Limits {
            max_entries: (expected.len() as u64).saturating_mul(4).saturating_add(100_000),
            max_bytes: (expected.files().total_bytes())
                .saturating_add(BUDGET_BASE_BYTES)
                .saturating_add(per_file),
        };
        let mut tar = TarReader::new(&self.file, &self.index, limits, work.clone())?;
        let index_damaged = !self.index.from_table;
        let mut damage = ArchiveDamage { index_damaged, ..ArchiveDamage::default() };
        let mut findings = Findings::default();
        let mut seen = vec![false; expected.len()];
        let mut cut = None;
        let mut top: Option<String> = None;
        while let Some(entry) = tar.next_entry()? {
            if let Some(problem) = entry.problem {
                damage.add_extra(entry.path, problem);
                continue;
            }
            let top = top.get_or_insert_with(|| top_of(&entry).to_owned());
            let inside = below(top, &entry.path);
            if entry.is_folder {
                continue;
            }
            let Some(path) = inside.and_then(|path| path.strip_prefix("data/")) else {
                if inside.is_none() {
                    damage.add_extra(entry.path, ExtraReason::NotRecorded);
                } else {
                    let mut scratch = vec![0; 64 * 1024];
                    while tar.read_content(&mut scratch)? > 0 {
                        work.check()?;
                    }
                    damage.tag_files_damaged |= tar.content_is_damaged();
                }
                continue;
            };
            let Some(index) = expected.files().position(path) else {
                damage.add_extra(entry.path, ExtraReason::NotRecorded);
                continue;
            };
            if seen[index] {
                damage.add_extra(entry.path, ExtraReason::Duplicate);
                continue;
            }
            seen[index] = true;
            if entry.size_bytes != expected.files().size_bytes(index) {
                findings.resized.insert(index, entry.size_bytes);
                continue;
            }
            if let Some(got) = read_file(&mut tar, expected, index, extraction, &mut findings, work)? {
                cut = Some((index, got));
            }
        }
        findings.absent = (0..expected.len()).filter(|index| !seen[*index]).collect();
        damage.truncated = !tar.ended_well() || self.index.frames.last().is_some_and(|last| !last.is_whole);
        damage.framing_damaged = tar.framing_is_damaged();
        damage.bad_frames = tar.bad_frames();
        if let Some(shown) = shown {
            shown.files(expected, &seen, &findings);
        }
        damage.files = findings.into_files(expected, |index| match cut {
            Some((at, got)) if at == index => Some(got),
            _ => None,
        });
        Ok(damage)
    }
}

/// Hashes, and writes, one file of a foreign archive. Returns how far it came if the archive ended inside it.
fn read_file(
    tar: &mut TarReader<'_>,
    expected: &Manifest,
    index: usize,
    extraction: Option<&Extraction<'_>>,
    findings: &mut Findings,
    work: &Work,
) -> Result<Option<u64>, ReadError> {
    let Some(file) = expected.get(index) else { return Ok(None) };
    let block_size = expected.block_size();
    let output = extraction.map(|extraction| extraction.open(index, true)).transpose()?;
    let mut piece = vec![0; file.size_bytes.min(1024 * 1024) as usize];
    let mut at = 0;
    let mut cut = None;
    for block in 0..block_size.blocks_in(file.size_bytes) {
        let range = block_size.range(block, file.size_bytes);
        let mut hasher = Sha256::new();
        while at < range.end && cut.is_none() {
            work.check()?;
            let want = (range.end - at).min(piece.len() as u64) as usize;
            let got = tar.read_content(&mut piece[..want])?;
            hasher.update(&piece[..got]);
            if let (Some(extraction), Some(output)) = (extraction, &output) {
                extraction.write(output, index, &piece[..got], at)?;
            }
            work.add_bytes(got as u64);
            at += got as u64;
            if got < want {
                cut = Some(at);
            }
        }
        let recorded = file.hashes.and_then(|hashes| hashes.blocks.get(block as usize));
        if at < range.end || recorded != Some(&Sha256Digest::finish(hasher)) {
            findings.bad_blocks.entry(index).or_default().push(block);
        }
    }
    work.add_files(1);
    Ok(cut)
}

/// Whether `frames` have the sizes that `layout` gives them, all but few: those are damaged.
fn fit(frames: &[Frame], layout: &Layout) -> bool {
    let pairs = || frames.iter().zip(layout.frames());
    let known = pairs().filter(|(frame, _)| frame.content_bytes.is_some()).count();
    let is_other = |(frame, span): &(&Frame, &super::layout::FrameSpan)| {
        let len = Some(u64::from(span.len));
        frame.content_bytes.is_some() && frame.content_bytes != len && frame.told_bytes != len
    };
    let others = pairs().filter(is_other).count();
    known > 0 && others <= known / 8
}

/// An archive whose frames are where they belong.
struct OwnArchive<'a> {
    reader: &'a ArchiveReader,
    top: &'a str,
    expected: &'a Manifest,
    layout: &'a Layout,
    first: usize,
    extraction: Option<&'a Extraction<'a>>,
    shown: Option<&'a Shown<'a>>,
}

/// What all threads of one judgement share.
struct Shared {
    next_group: AtomicUsize,
    bad_blocks: Mutex<Findings>,
    bad_frames: AtomicU64,
    framing_damaged: AtomicBool,
    index_damaged: AtomicBool,
    stop: AtomicBool,
}

/// A block that is spread over several frames, while it is hashed.
struct OpenBlock {
    member: usize,
    block: u64,
    hasher: Sha256,
    is_complete: bool,
}

impl OwnArchive<'_> {
    fn frame(&self, index: usize) -> Option<&Frame> {
        self.reader.index.frames.get(self.first + index)
    }

    fn judge(&self, work: &Work) -> Result<ArchiveDamage, ReadError> {
        let mut damage = ArchiveDamage::default();
        self.judge_tag_frames(&mut damage, work)?;
        let mtime_secs = self.mtime_secs()?;
        let groups = self.groups();
        let shared = Shared {
            next_group: AtomicUsize::new(0),
            bad_blocks: Mutex::default(),
            bad_frames: AtomicU64::new(damage.bad_frames),
            framing_damaged: AtomicBool::new(false),
            index_damaged: AtomicBool::new(damage.index_damaged || !self.reader.index.from_table),
            stop: AtomicBool::new(false),
        };
        std::thread::scope(|scope| -> Result<(), ReadError> {
            let run = || Worker::new(self, &shared, mtime_secs, work).run(&groups);
            let threads: Vec<_> = (1..worker_count().min(groups.len())).map(|_| scope.spawn(run)).collect();
            let mut result = run();
            for thread in threads {
                match thread.join() {
                    Ok(other) => result = result.and(other),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            result
        })?;
        let mut findings = shared.bad_blocks.into_inner().unwrap_or_else(PoisonError::into_inner);
        let readable_end = self.readable_end();
        if let Some(end) = readable_end {
            damage.truncated = true;
            let members = self.layout.members().iter().skip(1);
            let absent = |(index, member): (usize, &super::layout::Member)| {
                (member.content_start() > end).then_some(index)
            };
            findings.absent = members.enumerate().filter_map(absent).collect();
        }
        damage.files = findings.into_files(self.expected, |index| {
            let start = self.layout.members().get(index + 1)?.content_start();
            readable_end.map(|end| end.saturating_sub(start))
        });
        damage.bad_frames = shared.bad_frames.into_inner();
        damage.framing_damaged = shared.framing_damaged.into_inner();
        damage.index_damaged = shared.index_damaged.into_inner();
        Ok(damage)
    }

    /// Where the data ends if the archive ends too early, in bytes of the data part.
    fn readable_end(&self) -> Option<u64> {
        let available = self.reader.index.frames.len() - self.first;
        let spans = self.layout.frames();
        if available < spans.len() {
            return Some(match available.checked_sub(1) {
                Some(last) if self.frame(last).is_some_and(|frame| !frame.is_whole) => spans[last].start,
                _ => spans[available].start,
            });
        }
        let last = spans.len().checked_sub(1)?;
        let is_cut = self.frame(last).is_some_and(|frame| !frame.is_whole && frame.content_bytes.is_some());
        (is_cut && available == spans.len()).then_some(spans[last].start)
    }

    fn judge_tag_frames(&self, damage: &mut ArchiveDamage, work: &Work) -> Result<(), ReadError> {
        let mut decoder = FrameDecoder::new().map_err(ReadError::Read)?;
        for frame in &self.reader.index.frames[..self.first] {
            work.check()?;
            let told = frame.told_bytes.or(frame.content_bytes).unwrap_or(0).min(FRAME_MAX_BYTES) as usize;
            let listed = frame.content_bytes.unwrap_or(0).min(FRAME_MAX_BYTES) as usize;
            let unpacked = decoder.unpack(&self.reader.file, frame, told).map_err(ReadError::Read)?;
            let mut is_whole = unpacked.is_whole;
            damage.index_damaged |= unpacked.differs_from_table || (is_whole && told != listed);
            if !is_whole && told != listed {
                is_whole =
                    decoder.unpack(&self.reader.file, frame, listed).map_err(ReadError::Read)?.is_whole;
            }
            if !is_whole {
                damage.bad_frames += 1;
                damage.tag_files_damaged = true;
            }
        }
        Ok(())
    }

    /// The time that stands in the header of the folder `data/`: the same in all headers.
    fn mtime_secs(&self) -> Result<u64, ReadError> {
        let (Some(frame), Some(span)) = (self.frame(0), self.layout.frames().first()) else { return Ok(0) };
        let mut decoder = FrameDecoder::new().map_err(ReadError::Read)?;
        let unpacked =
            decoder.unpack(&self.reader.file, frame, span.len as usize).map_err(ReadError::Read)?;
        // The plain header is the last of a member's headers.
        let header_end = self.layout.members().first().map_or(0, |member| member.header_bytes as usize);
        let header =
            unpacked.content.get(..header_end).and_then(|h| h.last_chunk::<{ TAR_BLOCK as usize }>());
        Ok(header.and_then(|header| tar::Header::from_byte_slice(header).mtime().ok()).unwrap_or(0))
    }

    /// Frames to be judged together: all of one block where a block is longer than a frame.
    fn groups(&self) -> Vec<Range<usize>> {
        let block = self.expected.block_size().bytes();
        let mut groups: Vec<Range<usize>> = Vec::with_capacity(self.layout.frame_count());
        for index in 0..self.layout.frame_count() {
            let inside = matches!(self.layout.segments(index).next(),
                Some(Segment::Content { from, .. }) if from % block != 0);
            match groups.last_mut() {
                Some(group) if inside => group.end = index + 1,
                _ => groups.push(index..index + 1),
            }
        }
        groups
    }
}

/// One thread of a judgement.
struct Worker<'a> {
    archive: &'a OwnArchive<'a>,
    shared: &'a Shared,
    work: &'a Work,
    mtime_secs: u64,
    decoder: Option<FrameDecoder>,
    header: Vec<u8>,
    block: Option<OpenBlock>,
    output: Option<(usize, File)>,
}

impl<'a> Worker<'a> {
    fn new(archive: &'a OwnArchive<'a>, shared: &'a Shared, mtime_secs: u64, work: &'a Work) -> Self {
        Self {
            archive,
            shared,
            work,
            mtime_secs,
            decoder: None,
            header: Vec::new(),
            block: None,
            output: None,
        }
    }

    fn run(mut self, groups: &[Range<usize>]) -> Result<(), ReadError> {
        loop {
            let next = self.shared.next_group.fetch_add(1, Ordering::Relaxed);
            let Some(group) = groups.get(next) else { return Ok(()) };
            if self.shared.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            for frame in group.clone() {
                if let Err(error) =
                    self.work.check().map_err(ReadError::from).and_then(|()| self.judge_frame(frame))
                {
                    self.shared.stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            self.output = None;
        }
    }

    fn judge_frame(&mut self, index: usize) -> Result<(), ReadError> {
        let archive = self.archive;
        let span = archive.layout.frames()[index];
        // Taken out so that the unpacked bytes may be borrowed while the rest of the worker changes.
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => FrameDecoder::new().map_err(ReadError::Read)?,
        };
        let mut content: &[u8] = &[];
        if let Some(frame) = archive.frame(index) {
            let unpacked =
                decoder.unpack(&archive.reader.file, frame, span.len as usize).map_err(ReadError::Read)?;
            if !unpacked.is_whole {
                self.shared.bad_frames.fetch_add(1, Ordering::Relaxed);
            }
            let is_other = unpacked.is_whole && frame.content_bytes != Some(u64::from(span.len));
            if unpacked.differs_from_table || is_other {
                self.shared.index_damaged.store(true, Ordering::Relaxed);
            }
            content = unpacked.content;
        }
        let mut at = 0;
        for segment in archive.layout.segments(index) {
            let bytes = &content[at.min(content.len())..(at + segment.len()).min(content.len())];
            match segment {
                Segment::Header { member, len } => self.judge_header(member, len, bytes)?,
                Segment::Content { member, from, len } => self.judge_content(member, from, len, bytes)?,
                Segment::Zeros { len } => {
                    if bytes.len() < len || bytes.iter().any(|b| *b != 0) {
                        self.shared.framing_damaged.store(true, Ordering::Relaxed);
                    }
                }
            }
            at += segment.len();
        }
        self.decoder = Some(decoder);
        Ok(())
    }

    fn judge_header(&mut self, member: usize, len: usize, bytes: &[u8]) -> Result<(), ReadError> {
        let file = member.checked_sub(1).and_then(|index| self.archive.expected.get(index));
        let full_name = match file {
            Some(file) => format!("{}/data/{}", self.archive.top, file.path),
            None => format!("{}/data/", self.archive.top),
        };
        let facts = HeaderFacts {
            full_name: &full_name,
            size_bytes: file.map_or(0, |file| file.size_bytes),
            executable: file.is_some_and(|file| file.executable),
            mtime_secs: self.mtime_secs,
        };
        self.header.clear();
        push_header(&mut self.header, facts);
        if bytes.len() < len || self.header != bytes {
            self.shared.framing_damaged.store(true, Ordering::Relaxed);
        }
        if let (Some(index), Some(0)) = (member.checked_sub(1), file.map(|file| file.size_bytes)) {
            self.work.add_files(1);
            if let Some(extraction) = self.archive.extraction {
                extraction.open(index, true)?;
            }
        }
        Ok(())
    }

    fn judge_content(&mut self, member: usize, from: u64, len: usize, bytes: &[u8]) -> Result<(), ReadError> {
        let index = member - 1;
        let archive = self.archive;
        let block_size = archive.expected.block_size();
        let Some(file) = archive.expected.get(index) else { return Ok(()) };
        let number = from / block_size.bytes();
        let mut open = match self.block.take() {
            Some(open) if open.member == member && open.block == number => open,
            _ => OpenBlock { member, block: number, hasher: Sha256::new(), is_complete: true },
        };
        open.is_complete &= bytes.len() == len;
        open.hasher.update(bytes);
        let to = from + len as u64;
        self.work.add_bytes(len as u64);
        if to == file.size_bytes {
            self.work.add_files(1);
        }
        let range = block_size.range(number, file.size_bytes);
        if to < range.end {
            self.write(index, file.size_bytes, from, bytes)?;
            self.block = Some(open);
            return Ok(());
        }
        let recorded = file.hashes.and_then(|hashes| hashes.blocks.get(number as usize));
        let is_right = open.is_complete && recorded == Some(&Sha256Digest::finish(open.hasher));
        if let Some(shown) = archive.shown {
            shown.block(index, number, is_right);
        }
        if is_right {
            return self.write(index, file.size_bytes, from, bytes);
        }
        let mut findings = self.shared.bad_blocks.lock().unwrap_or_else(PoisonError::into_inner);
        findings.bad_blocks.entry(index).or_default().push(number);
        Ok(())
    }

    fn write(&mut self, index: usize, size_bytes: u64, from: u64, bytes: &[u8]) -> Result<(), ReadError> {
        let Some(extraction) = self.archive.extraction else { return Ok(()) };
        if !matches!(&self.output, Some((open, _)) if *open == index) {
            let is_all = from == 0 && bytes.len() as u64 == size_bytes;
            self.output = Some((index, extraction.open(index, is_all)?));
        }
        match &self.output {
            Some((_, file)) => extraction.write(file, index, bytes, from),
            None => Ok(()),
        }
    }
}
