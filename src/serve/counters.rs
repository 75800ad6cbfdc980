//! What a server counts, and the log line of an answer that ended.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a server did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Requests that were answered or are being answered.
    pub requests: u64,
    /// Bytes of files handed to connections; what a client did not take any more is in it.
    pub sent_bytes: u64,
    /// Connections taken since the start.
    pub connections: u64,
    /// Connections open now.
    pub open_connections: u64,
    /// Answers that ended before their end: the client went away, or the file changed.
    pub broken: u64,
}

/// The counters while they are counted.
#[derive(Debug, Default)]
pub(super) struct Running {
    pub(super) requests: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) open_connections: AtomicU64,
    pub(super) broken: AtomicU64,
}

impl Running {
    pub(super) fn now(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            requests: read(&self.requests),
            sent_bytes: read(&self.sent_bytes),
            connections: read(&self.connections),
            open_connections: read(&self.open_connections),
            broken: read(&self.broken),
        }
    }
}

/// Counts one connection as open until it is dropped.
pub(super) struct OpenConnection(Arc<Running>);

impl OpenConnection {
    pub(super) fn new(running: &Arc<Running>) -> Self {
        running.connections.fetch_add(1, Ordering::Relaxed);
        running.open_connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(running))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open_connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts what one answer sends, and logs it when it ends, however it ends.
pub(super) struct Counting {
    running: Arc<Running>,
    peer: SocketAddr,
    path: String,
    left: u64,
    sent: u64,
    why: Option<String>,
}

impl Counting {
    pub(super) fn new(running: &Arc<Running>, peer: SocketAddr, path: &str, expected: u64) -> Self {
        Self { running: Arc::clone(running), peer, path: path.to_owned(), left: expected, sent: 0, why: None }
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        self.left = self.left.saturating_sub(bytes as u64);
        self.running.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn broken(&mut self, why: &io::Error) {
        self.why = Some(why.to_string());
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let (peer, path, sent_bytes) = (self.peer, self.path.as_str(), self.sent);
        if self.left == 0 {
            tracing::debug!(%peer, path, sent_bytes, "sent");
        } else {
            self.running.broken.fetch_add(1, Ordering::Relaxed);
            let why = self.why.as_deref().unwrap_or("the client went away, or was too slow");
            tracing::info!(%peer, path, sent_bytes, left_bytes = self.left, why, "broken off");
        }
    }
}
