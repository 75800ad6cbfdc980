//! What a request is answered with: the method, the path, the conditions, the range, the digests, in this order.
//!
//! Everything that touches the disk runs where it may take its time. Must not know sockets.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use base64::Engine as _;

use super::body::{Buffers, FileBody, Reader, Segment};
use super::counters::{Counting, Running};
use super::delivery;
use super::index;
use super::path::{Place, place_of};
use super::proof::{Proofs, Prover};
use super::range::{Wanted, wanted};
use super::validators::{self, Validators, Verdict, range_holds, verdict};
use crate::disk::{Facts, Kind, Root};
use crate::package::Sha256Digest;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// Between the parts of a multipart answer; every part tells its range, so that nothing rests on it being unlike them.
const BOUNDARY: &str = "packhouse-3f9c1d7e5b2a4860";

/// What all connections of a server share.
pub(super) struct Origin {
    pub(super) folder: PathBuf,
    /// Whether it is a staging library whose agents come here.
    pub(super) has_agents: bool,
    pub(super) running: Arc<Running>,
    pub(super) proofs: Arc<Proofs>,
    pub(super) buffers: Arc<Buffers>,
    /// One list of the packages is made at a time.
    pub(super) listing: tokio::sync::Mutex<()>,
}

/// What is asked for, without what a server has no use for.
struct Asked {
    is_head: bool,
    headers: HeaderMap,
    path: String,
    peer: SocketAddr,
}

/// Answers one request.
pub(super) async fn answer<B>(
    origin: Arc<Origin>,
    peer: SocketAddr,
    request: axum::http::Request<B>,
) -> Response
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    origin.running.requests.fetch_add(1, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    let shown = head.uri.path().to_owned();
    let method = head.method.clone();
    let range = head.headers.get(header::RANGE).cloned();
    let response = decide(origin, peer, head, Body::new(body)).await;
    let status = response.status().as_u16();
    tracing::info!(%peer, %method, path = shown, ?range, status, "request");
    response
}

async fn decide(
    origin: Arc<Origin>,
    peer: SocketAddr,
    head: axum::http::request::Parts,
    body: Body,
) -> Response {
    let is_head = head.method == Method::HEAD;
    if origin.has_agents
        && let Some(response) = delivery::decide(&origin.folder, &head, body).await
    {
        return response;
    }
    if !is_head && head.method != Method::GET {
        let mut response = said(StatusCode::METHOD_NOT_ALLOWED, "this server only reads");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if head.version == Version::HTTP_11 && !head.headers.contains_key(header::HOST) {
        return said(StatusCode::BAD_REQUEST, "the request names no host");
    }
    let path = match place_of(head.uri.path()) {
        Place::Nowhere => return said(StatusCode::NOT_FOUND, "not found"),
        Place::Index => {
            let _one = origin.listing.lock().await;
            let origin = Arc::clone(&origin);
            return blocking(move || index::page(&origin.folder)).await;
        }
        Place::File(path) => path,
    };
    let asked = Arc::new(Asked { is_head, headers: head.headers, path, peer });
    // A file changed this very moment is looked at again when its time of change can be relied on.
    for is_patient in [true, true, false] {
        let (origin, asked) = (Arc::clone(&origin), Arc::clone(&asked));
        match blocking(move || file(&origin, &asked, is_patient)).await {
            Outcome::Answer(response) => return response,
            Outcome::TooYoung(wait) => tokio::time::sleep(wait).await,
        }
    }
    said(StatusCode::SERVICE_UNAVAILABLE, "the file keeps changing")
}

/// Runs what reads the disk on a thread for that.
pub(super) async fn blocking<T: From<Response> + Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "program error");
            said(StatusCode::INTERNAL_SERVER_ERROR, "program error").into()
        }
    }
}

enum Outcome {
    Answer(Response),
    TooYoung(Duration),
}

impl From<Response> for Outcome {
    fn from(response: Response) -> Self {
        Self::Answer(response)
    }
}

fn file(origin: &Origin, asked: &Asked, is_patient: bool) -> Outcome {
    let root = match Root::open(&origin.folder) {
        Ok(root) => root,
        Err(error) => return unreachable_folder(&error).into(),
    };
    let opened = root.open_file(&asked.path, false).and_then(|file| Ok((Facts::of_file(&file)?, file)));
    let (facts, file) = match opened {
        Ok((facts, file)) if facts.kind == Kind::File => (facts, file),
        Ok(_) => return said(StatusCode::NOT_FOUND, "not found").into(),
        Err(error) => return not_opened(&error).into(),
    };
    let now = SystemTime::now();
    if is_patient && let Some(age) = validators::age(&facts, now) {
        let settled = validators::settling_time(&facts);
        // Seconds are too long to wait; then the entity tag is weak.
        if age < settled && settled < Duration::from_millis(500) {
            return Outcome::TooYoung(settled - age);
        }
    }
    let validators = Validators::of(&facts, now);
    let fields = FileFields { validators: &validators, content_type: content_type(&asked.path) };
    match verdict(&asked.headers, &validators) {
        Verdict::Failed => {
            let mut response = said(StatusCode::PRECONDITION_FAILED, "the file is another one now");
            fields.tell_state(response.headers_mut());
            return response.into();
        }
        Verdict::NotModified => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            fields.tell_state(response.headers_mut());
            return response.into();
        }
        Verdict::Go => {}
    }
    // Ranges are defined for GET only.
    let range = asked
        .headers
        .get(header::RANGE)
        .filter(|_| !asked.is_head && range_holds(&asked.headers, &validators));
    let wanted = match range.map(|range| range.to_str()) {
        None => Wanted::Whole,
        Some(Ok(range)) => wanted(range, facts.size_bytes),
        Some(Err(_)) => Wanted::NotSatisfiable,
    };
    let response = match wanted {
        Wanted::NotSatisfiable => {
            let mut response = said(StatusCode::RANGE_NOT_SATISFIABLE, "the file has no such bytes");
            let size = text(format!("bytes */{}", facts.size_bytes));
            response.headers_mut().insert(header::CONTENT_RANGE, size);
            fields.tell_state(response.headers_mut());
            response
        }
        Wanted::Whole => send(origin, asked, &root, (file, facts), &fields, None),
        Wanted::Parts(parts) => send(origin, asked, &root, (file, facts), &fields, Some(parts)),
    };
    response.into()
}

/// What every answer about a file says of it.
struct FileFields<'a> {
    validators: &'a Validators,
    content_type: &'static str,
}

impl FileFields<'_> {
    fn tell_state(&self, headers: &mut HeaderMap) {
        headers.insert(header::ETAG, text(self.validators.etag.clone()));
        if let Some(modified) = self.validators.modified {
            headers.insert(header::LAST_MODIFIED, text(httpdate::fmt_http_date(modified)));
        }
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
}

/// The file, or `parts` of it.
fn send(
    origin: &Origin,
    asked: &Asked,
    root: &Root,
    (file, facts): (File, Facts),
    fields: &FileFields<'_>,
    parts: Option<Vec<Range<u64>>>,
) -> Response {
    let size = facts.size_bytes;
    let expected = origin.proofs.expected(root, &asked.path, &facts);
    let single = match parts.as_deref() {
        None => Some(0..size),
        Some([part]) => Some(part.clone()),
        Some(_) => None,
    };
    // Of several parts at once no digest is told: no block is.
    let digests = expected.as_ref().map(|expected| {
        let part = single.clone().unwrap_or(0..0);
        origin.proofs.digests(expected, &part)
    });
    let is_partial = parts.is_some();
    let (content_type, segments) = match (&single, parts) {
        (Some(part), _) if part.is_empty() => (fields.content_type.to_owned(), Vec::new()),
        (Some(part), _) => (fields.content_type.to_owned(), vec![Segment::File(part.clone())]),
        (None, parts) => {
            let parts = parts.unwrap_or_default();
            (
                format!("multipart/byteranges; boundary={BOUNDARY}"),
                multipart(parts, size, fields.content_type),
            )
        }
    };
    let length: u64 = segments.iter().map(Segment::len).sum();
    let body = if asked.is_head {
        Body::empty()
    } else {
        let is_whole = single == Some(0..size);
        let prover = expected.map(|expected| Prover::new(Arc::clone(&origin.proofs), expected, is_whole));
        let counting = Counting::new(&origin.running, asked.peer, &asked.path, length);
        let reader = Reader::new(file, facts, segments, prover, &origin.buffers);
        match FileBody::begin(reader, counting) {
            Ok(body) => Body::new(body),
            Err(error) => return not_read(&error),
        }
    };
    let mut response = Response::new(body);
    if is_partial {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let headers = response.headers_mut();
    fields.tell_state(headers);
    headers.insert(header::CONTENT_TYPE, text(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if is_partial && let Some(part) = single {
        let told = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        headers.insert(header::CONTENT_RANGE, text(told));
    }
    let mut digests = digests.unwrap_or_default();
    if asked.is_head {
        // Nothing is sent that it could be the digest of.
        digests.part = None;
    }
    for (name, digest) in [(REPR_DIGEST, digests.whole), (CONTENT_DIGEST, digests.part)] {
        if let Some(digest) = digest {
            headers.insert(name, digest_field(digest));
        }
    }
    response
}

/// Parts of a file of `size` bytes as `multipart/byteranges` (RFC 9110, 14.6).
fn multipart(parts: Vec<Range<u64>>, size: u64, content_type: &str) -> Vec<Segment> {
    let mut segments = Vec::with_capacity(parts.len() * 2 + 1);
    for (nth, part) in parts.into_iter().enumerate() {
        let mut head = String::from(if nth == 0 { "" } else { "\r\n" });
        // Writing to a String cannot fail.
        let _ = write!(
            head,
            "--{BOUNDARY}\r\nContent-Type: {content_type}\r\nContent-Range: bytes {}-{}/{size}\r\n\r\n",
            part.start,
            part.end - 1
        );
        segments.push(Segment::Text(Bytes::from(head)));
        segments.push(Segment::File(part));
    }
    segments.push(Segment::Text(Bytes::from(format!("\r\n--{BOUNDARY}--\r\n"))));
    segments
}

/// `sha-256=:…:` (RFC 9530).
fn digest_field(digest: Sha256Digest) -> HeaderValue {
    let encoded = base64::engine::general_purpose::STANDARD.encode(digest.as_bytes());
    text(format!("sha-256=:{encoded}:"))
}

/// A field value of our own making: printable ASCII.
fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// An answer without a file.
pub(super) fn said(status: StatusCode, words: &'static str) -> Response {
    let mut response = Response::new(Body::from(format!("{} {words}\n", status.as_u16())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The folder that is served is not there now: a share that was lost comes back.
pub(super) fn unreachable_folder(error: &io::Error) -> Response {
    tracing::warn!(%error, "the folder cannot be reached");
    let mut response = said(StatusCode::SERVICE_UNAVAILABLE, "the folder cannot be reached");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

fn not_opened(error: &io::Error) -> Response {
    match error.kind() {
        io::ErrorKind::PermissionDenied => said(StatusCode::FORBIDDEN, "the server may not read it"),
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::InvalidFilename => said(StatusCode::NOT_FOUND, "not found"),
        // A link in its place (ELOOP), a way out (EXDEV), a socket (ENXIO): nothing of these is a file here.
        _ if is_no_file(error) => said(StatusCode::NOT_FOUND, "not found"),
        _ => not_read(error),
    }
}

#[cfg(unix)]
fn is_no_file(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::XDEV | Errno::NXIO | Errno::NODEV))
}

#[cfg(not(unix))]
fn is_no_file(_: &io::Error) -> bool {
    false
}

fn not_read(error: &io::Error) -> Response {
    tracing::warn!(%error, "a file cannot be read");
    said(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")
}

/// What a file is, by its name. Nothing is told as HTML: what a package holds never runs in a browser from here.
fn content_type(path: &str) -> &'static str {
    let ending =
        path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "meta4" => "application/metalink4+xml",
        "json" => "application/json",
        "txt" | "minisig" | "pub" => "text/plain; charset=utf-8",
        "zip" => "application/zip",
        "zst" => "application/zstd",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        _ => "application/octet-stream",
    }
}
