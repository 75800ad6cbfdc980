//! A small web server of files in memory, on loopback, with the faults a test asks for. Counts what it sends.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// This status, without content.
    Status(u16),
    /// This status and `Retry-After` in seconds.
    Busy(u16, u64),
    /// The whole file where a part was asked for.
    Whole,
    /// Content-Range of other bytes.
    WrongRange,
    /// A part without Content-Range.
    NoRange,
    /// Ends in the middle of the content.
    Truncated,
    /// The first byte of the content has another bit.
    Flipped,
    /// The connection is closed without an answer.
    Closed,
    /// A redirect to itself.
    Loop,
    /// Sends half of the content and then nothing, until the server ends.
    Stalled,
}

/// A request as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) if_range: Option<String>,
    pub(crate) authorization: Option<String>,
}

/// Content and strong ETag of each file.
type Files = HashMap<String, (Vec<u8>, Option<String>)>;
type Judge = Box<dyn Fn(usize, &Seen) -> Fault + Send>;

struct Inner {
    files: Mutex<Files>,
    judge: Mutex<Judge>,
    seen: Mutex<Vec<Seen>>,
    sent_bytes: AtomicU64,
    connections: AtomicU64,
    /// Connections that are open now.
    live: Mutex<usize>,
    fewer: Condvar,
    stopped: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

/// The server; ends when it is dropped.
pub(crate) struct Origin {
    inner: Arc<Inner>,
    address: SocketAddr,
}

impl Origin {
    /// Serves `files` by path, each with a strong ETag.
    pub(crate) fn serve(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self::at("127.0.0.1", files)
    }

    /// As [`Origin::serve`], on another address of this computer.
    pub(crate) fn at(host: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(path, content)| {
            let etag = format!("\"{}\"", content.len());
            (path, (content, Some(etag)))
        });
        let inner = Arc::new(Inner {
            files: Mutex::new(files.collect()),
            judge: Mutex::new(Box::new(|_, _| Fault::None)),
            seen: Mutex::default(),
            sent_bytes: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            live: Mutex::default(),
            fewer: Condvar::new(),
            stopped: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let listener = TcpListener::bind((host, 0)).expect("an address of this computer");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.stopped.load(Ordering::SeqCst) {
                    break;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&shared);
                shared.open.lock().expect("no panic").extend(stream.try_clone());
                *shared.live.lock().expect("no panic") += 1;
                std::thread::spawn(move || {
                    while shared.answer(&stream).is_some() {}
                    *shared.live.lock().expect("no panic") -= 1;
                    shared.fewer.notify_all();
                });
            }
        });
        Self { inner, address }
    }

    /// Decides what goes wrong: by the number of the request, from 0, and what it asks for.
    pub(crate) fn fault(&self, judge: impl Fn(usize, &Seen) -> Fault + Send + 'static) {
        *self.inner.judge.lock().expect("no panic") = Box::new(judge);
    }

    /// Another content, or another ETag, from now on.
    pub(crate) fn put(&self, path: &str, content: Vec<u8>, etag: Option<&str>) {
        let etag = etag.map(str::to_owned);
        self.inner.files.lock().expect("no panic").insert(path.to_owned(), (content, etag));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Bytes of content sent so far.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.inner.sent_bytes.load(Ordering::SeqCst)
    }

    /// Connections taken so far.
    pub(crate) fn connections(&self) -> u64 {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many bytes of content were sent.
    pub(crate) fn wait_until_sent(&self, bytes: u64) {
        while self.sent_bytes() < bytes {
            std::thread::yield_now();
        }
    }

    /// Waits until every connection is over; only where clients are.
    pub(crate) fn wait_until_idle(&self) {
        let live = self.inner.live.lock().expect("no panic");
        drop(self.inner.fewer.wait_while(live, |live| *live > 0).expect("no panic"));
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().expect("no panic").clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.inner.stopped.store(true, Ordering::SeqCst);
        for stream in self.inner.open.lock().expect("no panic").drain(..) {
            stream.shutdown(std::net::Shutdown::Both).ok();
        }
        TcpStream::connect(self.address).ok();
    }
}

impl Inner {
    /// Answers one request; `None` when the connection is over.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream);
        let mut first = String::new();
        lines.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let path = first.split(' ').nth(1)?.trim_start_matches('/').to_owned();
        let mut seen = Seen { path, range: None, if_range: None, authorization: None };
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "range" => {
                    let (from, to) = value.strip_prefix("bytes=")?.split_once('-')?;
                    seen.range = Some((from.parse().ok()?, to.parse::<u64>().ok()? + 1));
                }
                "if-range" => seen.if_range = Some(value.to_owned()),
                "authorization" => seen.authorization = Some(value.to_owned()),
                _ => {}
            }
        }
        let number = {
            let mut all = self.seen.lock().expect("no panic");
            all.push(seen.clone());
            all.len() - 1
        };
        let fault = (self.judge.lock().expect("no panic"))(number, &seen);
        self.send(stream, &seen, fault)
    }

    fn send(&self, mut stream: &TcpStream, seen: &Seen, fault: Fault) -> Option<()> {
        let file = self.files.lock().expect("no panic").get(&seen.path).cloned();
        let status = |mut stream: &TcpStream, status: u16, more: &str| {
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{more}\r\n").ok()
        };
        match fault {
            Fault::Status(code) => return status(stream, code, ""),
            Fault::Busy(code, secs) => return status(stream, code, &format!("Retry-After: {secs}\r\n")),
            Fault::Loop => return status(stream, 302, &format!("Location: /{}\r\n", seen.path)),
            Fault::Closed => {
                stream.shutdown(std::net::Shutdown::Both).ok();
                return None;
            }
            _ => {}
        }
        let Some((content, etag)) = file else { return status(stream, 404, "") };
        let size = content.len() as u64;
        let changed = seen.if_range.is_some() && seen.if_range != etag;
        let range = seen.range.filter(|_| !changed && fault != Fault::Whole);
        let etag = etag.map_or(String::new(), |etag| format!("ETag: {etag}\r\n"));
        let (from, to) = range.unwrap_or((0, size));
        if from >= size && size > 0 || to > size {
            return status(stream, 416, "");
        }
        let head = match (range, fault) {
            (None, _) => "HTTP/1.1 200 OK\r\n".to_owned(),
            (Some(_), Fault::NoRange) => "HTTP/1.1 206 Partial Content\r\n".to_owned(),
            (Some(_), Fault::WrongRange) => {
                format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {}-{to}/{size}\r\n", from + 1)
            }
            (Some(_), _) => {
                format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{size}\r\n", to - 1)
            }
        };
        let mut body = content[from as usize..to as usize].to_vec();
        write!(stream, "{head}{etag}Content-Length: {}\r\n\r\n", body.len()).ok()?;
        if fault == Fault::Flipped
            && let Some(byte) = body.first_mut()
        {
            *byte ^= 1;
        }
        let whole = body.len();
        if matches!(fault, Fault::Truncated | Fault::Stalled) {
            body.truncate(whole / 2);
        }
        for piece in body.chunks(64 * 1024) {
            stream.write_all(piece).ok()?;
            self.sent_bytes.fetch_add(piece.len() as u64, Ordering::SeqCst);
        }
        match fault {
            Fault::Truncated => {
                stream.shutdown(std::net::Shutdown::Both).ok();
                None
            }
            // The next line of the request never comes: this waits until the other side gives up.
            Fault::Stalled => BufReader::new(stream).read_line(&mut String::new()).ok().map(|_| ()),
            _ => Some(()),
        }
    }
}
