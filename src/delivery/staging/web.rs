//! A staging library on a web server that speaks a little WebDAV (RFC 4918): PUT, MOVE, DELETE, MKCOL, and PROPFIND where
//! it can be listed.
//!
//! Owns: the requests and what their answers mean. An object is sent under another name and moved into its place, so that
//! no reader sees half of it. Proxy, certificates and sign-in are as for downloads. Must not know what the objects are.

use std::collections::HashSet;
use std::io::Read;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use tokio::sync::mpsc;

use super::propfind::{self, PropfindProblem};
use super::runtime::{runtime, wait};
use super::sending::{Sending, expect_all};
use super::small::Small;
use super::store::{Fetched, Listed, Outgoing, PutProof, StagingError, StagingStore, StorePath};
use crate::package::snapshot::escape_url_path;
use crate::package::staging::UNFINISHED;
use crate::transfer::http::{Web, client, signed_in, status_words, untrusted};
use crate::transfer::{Credentials, NetworkOptions};
use crate::work::{Cancelled, Work};

/// How much is sent at once.
const PIECE_BYTES: usize = 256 << 10;
/// Pieces that wait for the network.
const PIECES_WAITING: usize = 8;
/// Longest list of a folder that is taken.
const LIST_MOST_BYTES: u64 = 1 << 30;
/// A server may need so long to take in what was sent before it answers.
const TAKES_IN: Duration = Duration::from_secs(300);

/// A web server as a store.
#[derive(Debug)]
pub(super) struct WebStore {
    base: Url,
    credentials: Option<Credentials>,
    web: Web,
    /// Waits for the answer as long as something is sent.
    sender: Web,
    stall: Duration,
    /// Folders that are known to be there.
    folders: Mutex<HashSet<StorePath>>,
}

impl WebStore {
    pub(super) fn new(
        base: Url,
        credentials: Option<Credentials>,
        network: &NetworkOptions,
    ) -> Result<Self, StagingError> {
        let setup = |error: crate::transfer::TransferError| StagingError::Setup(error.to_string());
        let stall =
            if network.stall_timeout.is_zero() { Duration::from_secs(30) } else { network.stall_timeout };
        let patient = NetworkOptions { stall_timeout: TAKES_IN * 1000, ..network.clone() };
        Ok(Self {
            base,
            credentials,
            web: client(network).map_err(setup)?,
            sender: client(&patient).map_err(setup)?,
            stall,
            folders: Mutex::default(),
        })
    }

    fn url(&self, path: &StorePath) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), escape_url_path(path.as_str())));
        url
    }

    fn folder_url(&self, folder: &StorePath) -> Url {
        if folder.is_root() {
            return self.base.clone();
        }
        let mut url = self.url(folder);
        url.set_path(&format!("{}/", url.path()));
        url
    }

    fn known(&self) -> MutexGuard<'_, HashSet<StorePath>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request without content and waits for the head of its answer.
    fn ask(&self, what: &str, path: &StorePath, request: RequestBuilder) -> Result<Response, StagingError> {
        let request = signed_in(request, &self.base, self.credentials.as_ref());
        // Within the runtime already when it begins: its time-outs begin there.
        wait(async { request.send().await })?.map_err(|error| self.failed(what, path, &self.web, error))
    }

    fn failed(&self, what: &str, path: &StorePath, web: &Web, error: reqwest::Error) -> StagingError {
        let (store, what) = (self.name(), format!("{what} {}", path.shown()));
        if let Some(why) = untrusted(&error) {
            return StagingError::Untrusted { store, what, why };
        }
        StagingError::Failed { store, what, why: web.words_of(error), is_temporary: true }
    }

    /// The error that an answer without success is.
    fn refusal(&self, what: &str, path: &StorePath, status: StatusCode) -> StagingError {
        let (store, what) = (self.name(), format!("{what} {}", path.shown()));
        match status.as_u16() {
            401 | 403 | 407 => StagingError::Forbidden { store, what, why: status_words(status) },
            507 => StagingError::Full { store, path: path.to_string() },
            413 => {
                let why = format!("{}; it takes no object so large", status_words(status));
                StagingError::Failed { store, what, why, is_temporary: false }
            }
            code => {
                let is_temporary = matches!(code, 408 | 423 | 425 | 429 | 500..=599);
                StagingError::Failed { store, what, why: status_words(status), is_temporary }
            }
        }
    }

    fn get(&self, path: &StorePath, tag: Option<&str>) -> Result<Response, StagingError> {
        let mut request = self.web.client.get(self.url(path)).header(ACCEPT_ENCODING, "identity");
        if let Some(tag) = tag {
            request = request.header(IF_NONE_MATCH, tag);
        }
        self.ask("reading", path, request)
    }

    fn chunk(&self, path: &StorePath, response: &mut Response) -> Result<Option<Bytes>, StagingError> {
        wait(response.chunk())?.map_err(|error| self.failed("reading", path, &self.web, error))
    }

    /// Makes the folder that an object lies in, and those above it.
    fn make_folder_of(&self, path: &StorePath) -> Result<(), StagingError> {
        let mut missing = Vec::new();
        let mut folder = path.split().map(|(folder, _)| folder).unwrap_or_default();
        // From the innermost outwards, until one can be made or is there; then inwards again.
        loop {
            if folder.is_root() || self.known().contains(&folder) {
                break;
            }
            if self.made_folder(&folder)? {
                break;
            }
            let above = folder.split().map(|(above, _)| above).unwrap_or_default();
            missing.push(std::mem::replace(&mut folder, above));
        }
        for folder in missing.iter().rev() {
            if !self.made_folder(folder)? {
                return Err(self.refusal("making the folder", folder, StatusCode::CONFLICT));
            }
        }
        Ok(())
    }

    /// Makes one folder; `false` where the one above it is not there.
    fn made_folder(&self, folder: &StorePath) -> Result<bool, StagingError> {
        let url = self.folder_url(folder);
        let request = self.web.client.request(method(b"MKCOL"), url).header(CONTENT_LENGTH, 0);
        let status = self.ask("making the folder", folder, request)?.status();
        match status.as_u16() {
            // 405: it is there, or the server makes folders by itself and knows no MKCOL.
            200..=299 | 301 | 405 | 501 => {}
            404 | 409 => return Ok(false),
            _ => return Err(self.refusal("making the folder", folder, status)),
        }
        self.known().insert(folder.clone());
        Ok(true)
    }

    /// Sends what `sending` reads to `path` as it stands.
    fn send(
        &self,
        path: &StorePath,
        sending: &mut Sending<'_>,
        size: u64,
        new_only: bool,
    ) -> Result<StatusCode, StagingError> {
        let (pieces, body) = mpsc::channel(PIECES_WAITING);
        let body = reqwest::Body::wrap(Pieces { pieces: body, left: size });
        let mut request = self
            .sender
            .client
            .put(self.url(path))
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, size)
            .body(body);
        if new_only {
            request = request.header(IF_NONE_MATCH, "*");
        }
        let request = signed_in(request, &self.base, self.credentials.as_ref());
        let runtime = runtime()?;
        let answer = runtime.spawn(async move { request.send().await });
        let stalled = || StagingError::Failed {
            store: self.name(),
            what: format!("writing {path}"),
            why: "nothing was taken for too long".to_owned(),
            is_temporary: true,
        };
        let mut left = size;
        while left > 0 {
            // One who takes a part of it and answers has decided.
            if answer.is_finished() {
                break;
            }
            let piece = match sending.next(PIECE_BYTES, left) {
                Ok(Some(piece)) => piece,
                // Shorter than was said is not what is to be sent: the request ends in the middle.
                Ok(None) => break,
                Err(error) => {
                    answer.abort();
                    return Err(error);
                }
            };
            left -= piece.len() as u64;
            let taken = async { tokio::time::timeout(self.stall, pieces.send(piece)).await };
            match runtime.block_on(taken) {
                Ok(Ok(())) => {}
                Ok(Err(_)) => break,
                Err(_) => {
                    answer.abort();
                    return Err(stalled());
                }
            }
        }
        drop(pieces);
        let patience = self.stall.max(TAKES_IN);
        match runtime.block_on(async { tokio::time::timeout(patience, answer).await }) {
            Ok(Ok(Ok(response))) => Ok(response.status()),
            Ok(Ok(Err(error))) => Err(self.failed("writing", path, &self.sender, error)),
            Ok(Err(_)) | Err(_) => Err(stalled()),
        }
    }

    /// Puts an object under another name and moves it into its place; `false` where one is there already and `new_only`.
    fn put(
        &self,
        path: &StorePath,
        from: &mut dyn Read,
        outgoing: &Outgoing,
        new_only: bool,
        work: &Work,
    ) -> Result<bool, StagingError> {
        self.make_folder_of(path)?;
        let (folder, _) = path.split().unwrap_or_default();
        let name = format!("{UNFINISHED}{}", uuid::Uuid::new_v4().simple());
        let unfinished = folder.join(&name).map_err(|problem| StagingError::Setup(problem.to_string()))?;
        let mut sending = Sending::new(from, path, work);
        let sent = self.send(&unfinished, &mut sending, outgoing.size, false);
        let put = sending.ended(outgoing.size).and_then(|all| {
            // What changed while it was read is the reason for what the network said.
            if all.is_other_than(outgoing.size) {
                expect_all(self, path, outgoing, all)?;
            }
            let status = sent?;
            if !status.is_success() {
                return Err(self.refusal("writing", path, status));
            }
            expect_all(self, path, outgoing, all)?;
            self.move_to(&unfinished, path, new_only)
        });
        if !matches!(put, Ok(true)) {
            // A wish: what stays is recognised by its name, and cleared away by the next who stages there.
            let _ = self.remove(&unfinished);
        }
        put
    }

    fn move_to(&self, from: &StorePath, to: &StorePath, new_only: bool) -> Result<bool, StagingError> {
        let request = self
            .web
            .client
            .request(method(b"MOVE"), self.url(from))
            .header("Destination", self.url(to).as_str())
            .header("Overwrite", if new_only { "F" } else { "T" })
            .header(CONTENT_LENGTH, 0);
        let status = self.ask("writing", to, request)?.status();
        match status {
            StatusCode::PRECONDITION_FAILED if new_only => Ok(false),
            status if status.is_success() => Ok(true),
            status => Err(self.refusal("writing", to, status)),
        }
    }

    /// A small object, for servers that let nobody write under other names: sent to its place as it is.
    fn put_directly(&self, path: &StorePath, bytes: &[u8], new_only: bool) -> Result<bool, StagingError> {
        let mut from = bytes;
        let size = bytes.len() as u64;
        let work = Work::new();
        let mut sending = Sending::new(&mut from, path, &work);
        let status = self.send(path, &mut sending, size, new_only)?;
        match status {
            StatusCode::PRECONDITION_FAILED if new_only => Ok(false),
            status if status.is_success() => Ok(true),
            status => Err(self.refusal("writing", path, status)),
        }
    }

    fn write_small(&self, path: &StorePath, bytes: &[u8], new_only: bool) -> Result<bool, StagingError> {
        let outgoing = Outgoing { size: bytes.len() as u64, ..Outgoing::default() };
        let mut from = bytes;
        match self.put(path, &mut from, &outgoing, new_only, &Work::new()) {
            Err(StagingError::Forbidden { .. } | StagingError::Failed { is_temporary: false, .. }) => {
                self.put_directly(path, bytes, new_only)
            }
            put => put,
        }
    }

    fn delete(&self, what: &str, path: &StorePath, url: Url) -> Result<(), StagingError> {
        let status = self.ask(what, path, self.web.client.delete(url))?.status();
        match status.as_u16() {
            200..=299 | 404 | 410 => Ok(()),
            _ => Err(self.refusal(what, path, status)),
        }
    }
}

impl StagingStore for WebStore {
    fn name(&self) -> String {
        self.base.to_string()
    }

    fn proof(&self) -> PutProof {
        PutProof::Listing
    }

    fn read_if_changed(
        &self,
        path: &StorePath,
        tag: Option<&str>,
        limit: u64,
    ) -> Result<Fetched, StagingError> {
        let mut response = self.get(path, tag)?;
        match response.status() {
            StatusCode::NOT_MODIFIED if tag.is_some() => return Ok(Fetched::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Fetched::Gone),
            StatusCode::OK => {}
            status => return Err(self.refusal("reading", path, status)),
        }
        let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let mut small = Small::begin(self, path, response.content_length(), limit)?;
        while let Some(chunk) = self.chunk(path, &mut response)? {
            small.take(&chunk)?;
        }
        Ok(Fetched::New { bytes: small.whole(), tag })
    }

    fn read_through(
        &self,
        path: &StorePath,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Cancelled>,
    ) -> Result<bool, StagingError> {
        let mut response = self.get(path, None)?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(false),
            StatusCode::OK => {}
            status => return Err(self.refusal("reading", path, status)),
        }
        while let Some(chunk) = self.chunk(path, &mut response)? {
            take(&chunk)?;
        }
        Ok(true)
    }

    fn write(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StagingError> {
        self.write_small(path, bytes, false).map(|_| ())
    }

    fn create(&self, path: &StorePath, bytes: &[u8]) -> Result<bool, StagingError> {
        self.write_small(path, bytes, true)
    }

    fn put_file(
        &self,
        path: &StorePath,
        file: &mut dyn Read,
        outgoing: &Outgoing,
        work: &Work,
    ) -> Result<(), StagingError> {
        self.put(path, file, outgoing, false, work).map(|_| ())
    }

    fn remove(&self, path: &StorePath) -> Result<(), StagingError> {
        self.delete("removing", path, self.url(path))
    }

    fn remove_folder(&self, folder: &StorePath) -> Result<(), StagingError> {
        self.known().retain(|known| {
            let below = known.as_str().strip_prefix(folder.as_str());
            !below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        self.delete("removing", folder, self.folder_url(folder))
    }

    fn size(&self, path: &StorePath) -> Result<Option<u64>, StagingError> {
        let request = self.web.client.head(self.url(path)).header(ACCEPT_ENCODING, "identity");
        let response = self.ask("reading", path, request)?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            StatusCode::OK => {
                let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
                match length.and_then(|length| length.parse().ok()) {
                    Some(length) => Ok(Some(length)),
                    None => Err(StagingError::Failed {
                        store: self.name(),
                        what: format!("reading {path}"),
                        why: "the server does not say how large it is".to_owned(),
                        is_temporary: false,
                    }),
                }
            }
            status => Err(self.refusal("reading", path, status)),
        }
    }

    fn list(&self, folder: &StorePath) -> Result<Vec<Listed>, StagingError> {
        let url = self.folder_url(folder);
        let own = url.path().to_owned();
        let request = self
            .web
            .client
            .request(method(b"PROPFIND"), url)
            .header("Depth", "1")
            .header(CONTENT_TYPE, "application/xml; charset=utf-8")
            .body(propfind::QUESTION);
        let mut response = self.ask("listing", folder, request)?;
        match response.status().as_u16() {
            207 => {}
            404 | 410 => return Ok(Vec::new()),
            // What knows no PROPFIND says so in one of these ways, or takes it for a GET.
            200 | 400 | 405 | 501 => return Err(StagingError::CannotList(self.name())),
            _ => return Err(self.refusal("listing", folder, response.status())),
        }
        let unusable = |why: String| StagingError::Failed {
            store: self.name(),
            what: format!("listing {}", folder.shown()),
            why,
            is_temporary: false,
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(folder, &mut response)? {
            if (bytes.len() + chunk.len()) as u64 > LIST_MOST_BYTES {
                return Err(unusable(PropfindProblem::TooMuch.to_string()));
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|_| unusable("the answer is no text".to_owned()))?;
        let listed = propfind::entries(&text, &own).map_err(|problem| unusable(problem.to_string()))?;
        let mut known = self.known();
        known.insert(folder.clone());
        let folders = listed.iter().filter(|entry| entry.is_folder);
        known.extend(folders.filter_map(|entry| folder.join(&entry.name).ok()));
        drop(known);
        Ok(listed)
    }
}

fn method(name: &[u8]) -> Method {
    // Only for names that are no words, and these are.
    Method::from_bytes(name).unwrap_or_default()
}

/// The content of a PUT as it is read elsewhere.
struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    left: u64,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.pieces.poll_recv(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(piece)) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Poll::Ready(None) if self.left == 0 => Poll::Ready(None),
            // Nothing that ends here may count as whole.
            Poll::Ready(None) => Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
