//! A web server that misbehaves on purpose: every fault a downloader has to live through, in a given or a seeded order.
//!
//! Bounded HTTP/1.1 on loopback, one thread a connection, ended when dropped. Seeded faults depend on the seed, the file,
//! the place in it and how often it was asked for, never on the order in which connections come: a failing seed can be
//! replayed.

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often somebody who waits looks whether there is still a reason to.
const TICK: Duration = Duration::from_millis(10);
/// Most connections at a time; more are closed at once.
const MOST_CONNECTIONS: usize = 64;
/// Longest head of a request.
const LONGEST_HEAD: usize = 16 << 10;
/// A drip that takes longer than this many pauses has made its point.
const MOST_PAUSES: usize = 100;
/// What is sent in one write.
const PIECE: usize = 64 << 10;

/// What goes wrong with one request. Offsets count from the start of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is closed after so many bytes.
    Cut { after: u64 },
    /// Nothing more comes after so many bytes, until released or the client goes.
    Stall { after: u64 },
    /// So many bytes at a time, with a pause after each.
    Drip { bytes: usize },
    /// So many bytes fewer than `Content-Range` says, with a `Content-Length` that hides it.
    Truncate { by: u64 },
    /// One bit of the byte at this offset is turned.
    Flip { at: u64 },
    /// 200 with the whole file where a part was asked for.
    WholeForPart,
    /// 206 with a `Content-Range` of other bytes than those that come.
    WrongContentRange,
    /// 206 without `Content-Range`.
    NoContentRange,
    /// `Content-Length` is so much more (or less) than what comes; then the connection ends.
    WrongContentLength { by: i64 },
    /// An answer without the file: 416, 429, 500, 503 or any other status; `retry_after` in seconds.
    Status { status: u16, retry_after: Option<u32> },
    /// The connection is reset (RST) after so many bytes.
    Reset { after: u64 },
    /// 302 to an address that serves the same file in good order.
    Redirect,
    /// 302 to an address that redirects to itself, for ever.
    RedirectLoop,
    /// The entity tag is a new one from this request on; the content stays.
    TagChanged,
    /// After so many bytes comes what another content would have there; the tag is a new one from then on.
    ContentChanged { after: u64 },
}

/// Which request has which fault.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// One after the other in the order of requests; after the last all goes well.
    Script(Vec<Option<Fault>>),
    /// A mixture that depends on a seed.
    Seeded(Seeded),
}

/// A seeded mixture of faults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeded {
    /// What makes it this mixture.
    pub(crate) seed: u64,
    /// How many of a hundred requests have a fault.
    pub(crate) rate: u8,
    /// After so many faults of requests that begin in the same block, all goes well there; `None`: the rate is kept.
    pub(crate) good_after: Option<u32>,
    /// How large these blocks are.
    pub(crate) block_bytes: u64,
}

impl Plan {
    /// Faults in `rate` of a hundred requests and at most three a block of 2 MiB, so that a patient client gets through.
    pub(crate) fn from_seed(seed: u64) -> Seeded {
        let rate = 20 + u8::try_from(mix(seed) % 60).unwrap_or(0);
        Seeded { seed, rate, good_after: Some(3), block_bytes: 2 << 20 }
    }
}

/// A file to serve.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// These bytes.
    Bytes(Arc<Vec<u8>>),
    /// What is in this file.
    File(PathBuf),
}

/// What was asked and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// The range that was asked for, as bytes of the file.
    pub(crate) range: Option<Range<u64>>,
    pub(crate) if_range: Option<String>,
    pub(crate) fault: Option<Fault>,
    pub(crate) status: u16,
    /// Where in the file the body began.
    pub(crate) offset: u64,
    /// Bytes of the file handed to the connection.
    pub(crate) sent_bytes: u64,
}

/// The server.
pub(crate) struct Chaos {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    files: HashMap<String, Content>,
    plan: Plan,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    ended: bool,
    released: bool,
    asked: Vec<Asked>,
    /// How often the entity tag of a file has changed.
    generations: HashMap<String, u64>,
    /// By file and block: requests and faults so far.
    blocks: HashMap<(String, u64), (u64, u32)>,
    connections: HashMap<u64, TcpStream>,
    next_connection: u64,
}

impl Chaos {
    /// Serves `files` (path without the first slash, content) as `plan` says.
    pub(crate) fn start(files: impl IntoIterator<Item = (String, Content)>, plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            files: files.into_iter().collect(),
            plan,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let accepting = std::thread::Builder::new().name("chaos".to_owned()).spawn(move || {
            let mut open: Vec<JoinHandle<()>> = Vec::new();
            for stream in listener.incoming() {
                if theirs.state().ended {
                    break;
                }
                open.retain(|thread| !thread.is_finished());
                let Ok(stream) = stream else { continue };
                if open.len() >= MOST_CONNECTIONS {
                    continue;
                }
                let shared = Arc::clone(&theirs);
                open.push(std::thread::spawn(move || shared.converse(stream)));
            }
            for thread in open {
                let _ = thread.join();
            }
        })?;
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    /// Serves `files` with the mixture of `seed`, in which a patient client gets through.
    pub(crate) fn from_seed(
        seed: u64,
        files: impl IntoIterator<Item = (String, Content)>,
    ) -> io::Result<Self> {
        Self::start(files, Plan::Seeded(Plan::from_seed(seed)))
    }

    /// The address of a path, which must be escaped as a URL already.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Everything that was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// Bytes of `path` handed to connections so far.
    pub(crate) fn sent_bytes(&self, path: &str) -> u64 {
        let state = self.shared.state();
        state.asked.iter().filter(|asked| asked.path == path).map(|asked| asked.sent_bytes).sum()
    }

    /// The bytes of `path` handed to connections, answer by answer.
    pub(crate) fn sent_ranges(&self, path: &str) -> Vec<Range<u64>> {
        let state = self.shared.state();
        let of_path = state.asked.iter().filter(|asked| asked.path == path && asked.sent_bytes > 0);
        of_path.map(|asked| asked.offset..asked.offset + asked.sent_bytes).collect()
    }

    /// Waits until so many requests came; `false` if they do not within half a minute.
    pub(crate) fn wait_for_requests(&self, requests: usize) -> bool {
        let state = self.shared.state();
        let few = |state: &mut State| state.asked.len() < requests;
        let waited = self.shared.changed.wait_timeout_while(state, Duration::from_secs(30), few);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Lets every stalled answer go on, now and from now on.
    pub(crate) fn release(&self) {
        self.shared.state().released = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.ended = true;
            for stream in state.connections.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Whether a connection is kept for the next request.
type Kept = bool;

struct Request {
    is_head: bool,
    path: String,
    range: Option<String>,
    if_range: Option<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, stream: TcpStream) {
        let Ok(copy) = stream.try_clone() else { return };
        let number = {
            let mut state = self.state();
            if state.ended {
                return;
            }
            let number = state.next_connection;
            state.next_connection += 1;
            state.connections.insert(number, copy);
            number
        };
        let _ = stream.set_nodelay(true);
        if let Ok(reading) = stream.try_clone() {
            let mut reading = BufReader::new(reading);
            // A client that is gone is no fault of ours.
            while let Ok(Some(request)) = read_request(&mut reading) {
                if !self.answer(&stream, &request).unwrap_or(false) {
                    break;
                }
            }
        }
        // The copy is closed before the stream: a reset is sent by whoever closes last.
        self.state().connections.remove(&number);
    }

    fn answer(&self, stream: &TcpStream, request: &Request) -> io::Result<Kept> {
        let (served, is_good) = match request.path.split_once('/') {
            Some(("~loop", _)) => {
                self.note(request, None, None, 302);
                return redirect(stream, &format!("/{}", request.path));
            }
            Some(("~good", rest)) => (rest, true),
            _ => (request.path.as_str(), false),
        };
        let content = match self.files.get(served) {
            Some(Content::Bytes(bytes)) => Arc::clone(bytes),
            Some(Content::File(file)) => Arc::new(std::fs::read(file)?),
            None => {
                self.note(request, None, None, 404);
                return plain(stream, 404, None);
            }
        };
        let size = content.len() as u64;
        let asked = request.range.as_deref().map(|range| range_of(range, size));
        let start = asked.clone().flatten().map_or(0, |range| range.start);
        let fault = if is_good { None } else { self.fault(served, start, size) };
        let tag = self.tag(served, fault.as_ref());
        let holds = request.if_range.as_deref().is_none_or(|if_range| if_range == tag);
        let is_changed = matches!(fault, Some(Fault::ContentChanged { .. }));
        if is_changed {
            *self.state().generations.entry(served.to_owned()).or_default() += 1;
        }
        match &fault {
            Some(Fault::Status { status, retry_after }) => {
                self.note(request, asked.flatten(), fault.clone(), *status);
                return plain(stream, *status, *retry_after);
            }
            Some(Fault::Redirect) => {
                self.note(request, asked.flatten(), fault.clone(), 302);
                return redirect(stream, &format!("/~good/{served}"));
            }
            Some(Fault::RedirectLoop) => {
                self.note(request, asked.flatten(), fault.clone(), 302);
                return redirect(stream, &format!("/~loop/{served}"));
            }
            _ => {}
        }
        let part = match asked.filter(|_| holds && fault != Some(Fault::WholeForPart)) {
            None => None,
            Some(None) => {
                self.note(request, None, fault, 416);
                return plain(stream, 416, None);
            }
            Some(Some(part)) => Some(part),
        };
        self.send(stream, request, &content, part, fault, &tag)
    }

    /// Sends the file or `part` of it, with what goes wrong on the way.
    fn send(
        &self,
        stream: &TcpStream,
        request: &Request,
        content: &[u8],
        part: Option<Range<u64>>,
        fault: Option<Fault>,
        tag: &str,
    ) -> io::Result<Kept> {
        let size = content.len() as u64;
        let body = part.clone().unwrap_or(0..size);
        let mut told = body.end - body.start;
        let mut length = told;
        let mut kept = true;
        match &fault {
            Some(Fault::Truncate { by }) => {
                length = length.saturating_sub(*by);
                told = length;
            }
            Some(Fault::WrongContentLength { by }) => {
                told = told.saturating_add_signed(*by);
                length = length.min(told);
                kept = false;
            }
            _ => {}
        }
        let status = if part.is_some() { 206 } else { 200 };
        let mut head = format!(
            "HTTP/1.1 {status} Chaos\r\nContent-Length: {told}\r\nETag: {tag}\r\nAccept-Ranges: bytes\r\n\
             Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Type: application/octet-stream\r\n"
        );
        if let Some(part) = &part {
            match &fault {
                Some(Fault::NoContentRange) => {}
                Some(Fault::WrongContentRange) => {
                    head += &format!("Content-Range: bytes {}-{}/{size}\r\n", part.start + 1, part.end);
                }
                _ => head += &format!("Content-Range: bytes {}-{}/{size}\r\n", part.start, part.end - 1),
            }
        }
        head += "\r\n";
        let asked = request.range.as_deref().and_then(|range| range_of(range, size));
        let at = self.note(request, asked, fault.clone(), status);
        self.state().asked[at].offset = body.start;
        let mut writing = stream;
        writing.write_all(head.as_bytes())?;
        if request.is_head {
            return Ok(kept);
        }
        let mut bytes = content[index(body.start)..index(body.start + length)].to_vec();
        match &fault {
            Some(Fault::Flip { at }) if !bytes.is_empty() => {
                let at = index(*at).min(bytes.len() - 1);
                bytes[at] ^= 1 << (at % 8);
            }
            Some(Fault::ContentChanged { after }) => {
                let from = index(*after).min(bytes.len());
                bytes[from..].iter_mut().for_each(|byte| *byte ^= 0xff);
            }
            _ => {}
        }
        let (stop_at, piece) = match &fault {
            Some(Fault::Cut { after } | Fault::Stall { after } | Fault::Reset { after }) => {
                (index(*after), PIECE)
            }
            Some(Fault::Drip { bytes }) => (usize::MAX, (*bytes).max(1)),
            _ => (usize::MAX, PIECE),
        };
        let stop_at = stop_at.min(bytes.len());
        let (before, after) = bytes.split_at(stop_at);
        for (nth, part) in before.chunks(piece).enumerate() {
            self.write(stream, at, part)?;
            if matches!(fault, Some(Fault::Drip { .. })) && nth < MOST_PAUSES {
                self.pause(TICK);
            }
        }
        match fault {
            Some(Fault::Cut { .. }) => Ok(false),
            Some(Fault::Reset { .. }) => {
                reset(stream)?;
                Ok(false)
            }
            Some(Fault::Stall { .. }) => {
                if !self.wait_for_release(stream)? {
                    return Ok(false);
                }
                for part in after.chunks(PIECE) {
                    self.write(stream, at, part)?;
                }
                Ok(kept)
            }
            _ => Ok(kept),
        }
    }

    fn write(&self, mut stream: &TcpStream, at: usize, bytes: &[u8]) -> io::Result<()> {
        // Counted first: whoever got the bytes finds them counted.
        self.state().asked[at].sent_bytes += bytes.len() as u64;
        stream.write_all(bytes)
    }

    /// Waits a moment, or until all ends.
    fn pause(&self, moment: Duration) {
        let state = self.state();
        let _ended = self.changed.wait_timeout_while(state, moment, |state| !state.ended);
    }

    /// Waits until the stalled are released (true), or the client or the server is gone (false).
    fn wait_for_release(&self, stream: &TcpStream) -> io::Result<bool> {
        stream.set_read_timeout(Some(TICK))?;
        let released = loop {
            let (ended, released) = {
                let state = self.state();
                (state.ended, state.released)
            };
            if ended || released {
                break released && !ended;
            }
            match stream.peek(&mut [0]) {
                Ok(0) => break false,
                // The next request is there already: nothing to learn from looking.
                Ok(_) => self.pause(TICK),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(_) => break false,
            }
        };
        stream.set_read_timeout(None)?;
        Ok(released)
    }

    fn note(&self, request: &Request, range: Option<Range<u64>>, fault: Option<Fault>, status: u16) -> usize {
        let mut state = self.state();
        let (path, if_range) = (request.path.clone(), request.if_range.clone());
        state.asked.push(Asked { path, range, if_range, fault, status, offset: 0, sent_bytes: 0 });
        self.changed.notify_all();
        state.asked.len() - 1
    }

    fn tag(&self, path: &str, fault: Option<&Fault>) -> String {
        let mut state = self.state();
        let generation = state.generations.entry(path.to_owned()).or_default();
        if fault == Some(&Fault::TagChanged) {
            *generation += 1;
        }
        format!("\"{:x}-{generation}\"", hash(path))
    }

    /// The fault of the next request, for a body that begins at `start` of a file of `size` bytes.
    fn fault(&self, path: &str, start: u64, size: u64) -> Option<Fault> {
        let mut state = self.state();
        match &self.plan {
            Plan::Script(faults) => {
                // Good answers from elsewhere do not use up the script.
                let before = state.asked.iter().filter(|asked| !asked.path.starts_with('~'));
                let nth = before.count();
                faults.get(nth).cloned().flatten()
            }
            Plan::Seeded(seeded) => {
                let block = start / seeded.block_bytes.max(1);
                let (requests, faults) = state.blocks.entry((path.to_owned(), block)).or_default();
                let nth = *requests;
                *requests += 1;
                if seeded.good_after.is_some_and(|most| *faults >= most) {
                    return None;
                }
                let mut dice = Dice(mix(seeded.seed ^ hash(path) ^ mix(block) ^ mix(nth.wrapping_add(77))));
                if dice.below(100) >= u64::from(seeded.rate) {
                    return None;
                }
                *faults += 1;
                Some(dice.fault(size - start))
            }
        }
    }
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0) % end.max(1)
    }

    /// A fault for a body of up to `length` bytes.
    fn fault(&mut self, length: u64) -> Fault {
        let length = length.min(4 << 20);
        let at = self.below(length);
        match self.below(18) {
            0 => Fault::Cut { after: at },
            1 => Fault::Reset { after: at },
            2 => Fault::Stall { after: at },
            3 => Fault::Drip { bytes: 16 << 10 },
            4 => Fault::Truncate { by: 1 + self.below(1000) },
            5 | 6 => Fault::Flip { at },
            7 => Fault::WholeForPart,
            8 => Fault::WrongContentRange,
            9 => Fault::NoContentRange,
            10 => Fault::WrongContentLength { by: if self.below(2) == 0 { 100 } else { -100 } },
            11 => Fault::Status { status: 416, retry_after: None },
            12 => Fault::Status { status: 429, retry_after: Some(0) },
            13 => Fault::Status { status: 500, retry_after: None },
            14 => Fault::Status { status: 503, retry_after: Some(0) },
            15 => {
                if self.below(4) == 0 {
                    Fault::RedirectLoop
                } else {
                    Fault::Redirect
                }
            }
            16 => Fault::TagChanged,
            _ => Fault::ContentChanged { after: at },
        }
    }
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// FNV-1a: the same in every run and build.
fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// The one range that is asked for; `None` where it hits nothing.
fn range_of(range: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let range = if first.is_empty() {
        size.saturating_sub(last.parse().ok()?)..size
    } else {
        let last = if last.is_empty() { size } else { last.parse::<u64>().ok()?.saturating_add(1) };
        first.parse().ok()?..last.min(size)
    };
    (range.start < range.end).then_some(range)
}

/// Closing it sends a reset instead of an end, and drops what was not sent yet.
fn reset(stream: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

fn redirect(mut stream: &TcpStream, to: &str) -> io::Result<Kept> {
    let head = format!("HTTP/1.1 302 Chaos\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    Ok(true)
}

fn plain(mut stream: &TcpStream, status: u16, retry_after: Option<u32>) -> io::Result<Kept> {
    let retry = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} Chaos\r\n{retry}Content-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    Ok(true)
}

/// The next request; `None` where the client ended, or sent what is none.
fn read_request(reading: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut lines = Vec::new();
    let mut read = 0;
    loop {
        let mut line = String::new();
        let bytes = io::Read::take(&mut *reading, LONGEST_HEAD as u64).read_line(&mut line)?;
        read += bytes;
        if bytes == 0 || read > LONGEST_HEAD {
            return Ok(None);
        }
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut words = lines.first().map_or("", String::as_str).split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let field = |name: &str| {
        let mut fields = lines[1..].iter().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    Ok(Some(Request {
        is_head: method == "HEAD",
        path: path.trim_start_matches('/').to_owned(),
        range: field("Range"),
        if_range: field("If-Range"),
    }))
}
