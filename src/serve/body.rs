//! The bytes of an answer: read from the file in large pieces on threads of their own, one piece ahead of what is sent.
//!
//! Owns the buffers, whose size goes down as more answers are sent at once. A file that is found changed ends the answer
//! with an error, which breaks the connection off: what was sent is of one state, and nothing is sent of the next.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future as _;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::counters::Counting;
use super::proof::Prover;
use crate::disk::{Facts, PageBuffer};

/// All answers together aim to have no more than this in their buffers.
const ROOM_BYTES: usize = 32 << 20;
const LARGEST_PIECE_BYTES: usize = 512 << 10;
const SMALLEST_PIECE_BYTES: usize = 32 << 10;
/// Buffers kept for the next answers.
const MOST_FREE: usize = 32;

/// The buffers of a server.
#[derive(Default)]
pub(super) struct Buffers {
    free: Mutex<Vec<PageBuffer>>,
    answers: AtomicUsize,
}

impl Buffers {
    /// How large a piece may be while so many answers are being sent: two of them are held for each.
    fn piece_bytes(&self) -> usize {
        let answers = self.answers.load(Ordering::Relaxed).max(1);
        (ROOM_BYTES / 2 / answers).clamp(SMALLEST_PIECE_BYTES, LARGEST_PIECE_BYTES)
    }

    fn take(&self) -> PageBuffer {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, buffer: PageBuffer) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < MOST_FREE {
            free.push(buffer);
        }
    }
}

/// A buffer on its way; it comes back when the last of it was sent.
struct Piece {
    buffer: PageBuffer,
    bytes: usize,
    buffers: Arc<Buffers>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.buffer.filled(self.bytes)
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.buffers.give_back(std::mem::take(&mut self.buffer));
    }
}

/// One part of an answer.
pub(super) enum Segment {
    /// Text between the parts of a multipart answer.
    Text(Bytes),
    /// Bytes of the file.
    File(Range<u64>),
}

impl Segment {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(range) => range.end - range.start,
        }
    }
}

/// Reads the segments of an answer one after the other.
pub(super) struct Reader {
    file: File,
    facts: Facts,
    segments: VecDeque<Segment>,
    prover: Option<Prover>,
    buffers: Arc<Buffers>,
}

impl Reader {
    pub(super) fn new(
        file: File,
        facts: Facts,
        segments: Vec<Segment>,
        prover: Option<Prover>,
        buffers: &Arc<Buffers>,
    ) -> Self {
        buffers.answers.fetch_add(1, Ordering::Relaxed);
        Self { file, facts, segments: segments.into(), prover, buffers: Arc::clone(buffers) }
    }

    fn left(&self) -> u64 {
        self.segments.iter().map(Segment::len).sum()
    }

    /// The next piece, `None` after the last.
    fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self.segments.pop_front()? {
            Segment::Text(text) => Some(Ok(text)),
            Segment::File(range) => {
                let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                Some(self.read(range.start, wanted.min(self.buffers.piece_bytes())).inspect(|piece| {
                    let next = range.start + piece.len() as u64;
                    if next < range.end {
                        self.segments.push_front(Segment::File(next..range.end));
                    }
                }))
            }
        }
    }

    fn read(&mut self, offset: u64, wanted: usize) -> io::Result<Bytes> {
        let mut buffer = self.buffers.take();
        let read = read_at(&self.file, buffer.room(wanted), offset)?;
        let piece = Piece { buffer, bytes: read, buffers: Arc::clone(&self.buffers) };
        // Asked after reading: a change that came before or during it shows now.
        let now = Facts::of_file(&self.file)?;
        if read == 0 || (now.size_bytes, now.stamp) != (self.facts.size_bytes, self.facts.stamp) {
            return Err(io::Error::other("the file changed while it was sent"));
        }
        if let Some(prover) = &mut self.prover {
            prover.feed(offset, piece.as_ref());
        }
        Ok(Bytes::from_owner(piece))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.buffers.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(unix)]
fn read_at(file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt as _;
    loop {
        match file.read_at(room, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(not(unix))]
fn read_at(mut file: &File, room: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read(room)
}

type Read = (Box<Reader>, Option<io::Result<Bytes>>);

enum State {
    /// A piece that was read with the answer's head.
    Ready(Box<Reader>, Bytes),
    Reading(JoinHandle<Read>),
    Ended,
}

/// The body of an answer out of a file.
pub(super) struct FileBody {
    state: State,
    left: u64,
    counting: Counting,
}

impl FileBody {
    /// Reads the first piece; to be called where reading may take its time.
    pub(super) fn begin(mut reader: Reader, counting: Counting) -> io::Result<Self> {
        let left = reader.left();
        let first = reader.next().transpose()?;
        let state = first.map_or(State::Ended, |first| State::Ready(Box::new(reader), first));
        Ok(Self { state, left, counting })
    }
}

fn read_ahead(mut reader: Box<Reader>) -> State {
    if reader.segments.is_empty() {
        return State::Ended;
    }
    State::Reading(tokio::task::spawn_blocking(move || {
        let piece = reader.next();
        (reader, piece)
    }))
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let (reader, piece) = match &mut self.state {
            State::Ended => return Poll::Ready(None),
            State::Reading(handle) => {
                let read = ready!(Pin::new(handle).poll(context));
                match read.map_err(io::Error::other) {
                    Ok((reader, Some(Ok(piece)))) => (reader, piece),
                    Ok((_, None)) => {
                        self.state = State::Ended;
                        return Poll::Ready(None);
                    }
                    Ok((_, Some(Err(error)))) | Err(error) => {
                        self.state = State::Ended;
                        self.counting.broken(&error);
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
            State::Ready(..) => match std::mem::replace(&mut self.state, State::Ended) {
                State::Ready(reader, piece) => (reader, piece),
                State::Reading(_) | State::Ended => return Poll::Ready(None),
            },
        };
        self.state = read_ahead(reader);
        self.left = self.left.saturating_sub(piece.len() as u64);
        self.counting.sent(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
