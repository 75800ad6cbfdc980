//! The origin: a web server for a folder of packages, for sites too small for one of their own.
//!
//! It serves what nginx would serve from the same folder, reads and never writes (but for what agents send, see `delivery`),
//! and leaves out what is no package: links, other kinds of files, names that begin with a dot at the top. `http://host/<Name>/<Version>/…` is the package
//! folder, its notes included. Ranges, one or several; strong entity tags; digests of what was proven (RFC 9110, 9530).
//! Of a file that changes while it is sent nothing more is sent. HTTP/1.1, with TLS where asked for.
//!
//! Owns its threads, sockets and certificates. Must not know libraries, stores or transfers.

mod answer;
mod body;
mod cable;
mod connection;
mod counters;
mod delivery;
mod error;
mod index;
mod path;
mod proof;
mod range;
mod tls;
mod validators;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::disk::Root;
use answer::Origin;
use connection::{Manners, Order};
use counters::Running;

pub use cable::Cable;
pub use counters::Counters;
pub use error::ServeError;
pub use tls::{Certificate, Tls};

/// What to serve, where, and how patiently.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The folder: `packages` of a library, a staging library's, one package, or any other.
    pub folder: PathBuf,
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// TLS, with this certificate.
    pub tls: Option<Tls>,
    /// Whether the folder is the root of a staging library, with `packages/` and `delivery/`: agents read their own jobs
    /// and make their own reports, nobody else sees them, and nothing is listed.
    pub delivery: bool,
    /// Connections at a time; more wait in the queue of the system. Fewer where it allows no more open files.
    pub most_connections: usize,
    /// Time for the head of a request, a connection without any request included.
    pub head_within: Duration,
    /// A client that takes nothing of its answer for so long is left.
    pub stalled_after: Duration,
}

impl ServeOptions {
    /// Serves `folder` at `listen`: no TLS, 1,000 connections, 30 s for a head, 60 s without progress.
    pub fn new(folder: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            folder: folder.into(),
            listen,
            tls: None,
            delivery: false,
            most_connections: 1000,
            head_within: Duration::from_secs(30),
            stalled_after: Duration::from_secs(60),
        }
    }
}

/// A running server; dropped, it breaks off what it sends.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    folder: PathBuf,
    certificate: Option<Certificate>,
    running: Arc<Running>,
    order: watch::Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a server on threads of its own. When this returns, it takes connections.
pub fn start(options: ServeOptions) -> Result<Server, ServeError> {
    let ServeOptions { folder, listen, .. } = options;
    let unusable = |error| ServeError::Folder { folder: folder.clone(), error };
    let folder = folder.canonicalize().map_err(unusable)?;
    let root = Root::open(&folder).map_err(unusable)?;
    if root.facts("catalog.db", false).is_ok() && root.folder("packages", false).is_ok() {
        return Err(ServeError::Library { folder });
    }
    let (acceptor, certificate) = match &options.tls {
        Some(tls) => {
            let (acceptor, certificate) = tls::acceptor(tls)?;
            (Some(acceptor), Some(certificate))
        }
        None => (None, None),
    };
    let refused = |error| ServeError::Listen { listen, error };
    let listener = TcpListener::bind(listen).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(64)
        .thread_name("serve")
        .enable_all()
        .build()
        .map_err(ServeError::Threads)?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(refused)?
    };
    let running = Arc::<Running>::default();
    let origin = Arc::new(Origin {
        folder: folder.clone(),
        has_agents: options.delivery,
        running: Arc::clone(&running),
        proofs: Arc::default(),
        buffers: Arc::default(),
        listing: tokio::sync::Mutex::default(),
    });
    let manners = Manners {
        most: connection::places(options.most_connections.max(1)),
        head_within: options.head_within,
        stalled_after: options.stalled_after,
    };
    let (order, orders) = watch::channel(Order::Go);
    let run = move || {
        runtime.block_on(connection::run(listener, acceptor, origin, manners, orders));
        // A read that hangs on a lost share must not hold the end up.
        runtime.shutdown_timeout(Duration::from_secs(1));
    };
    let thread =
        std::thread::Builder::new().name("serve".to_owned()).spawn(run).map_err(ServeError::Threads)?;
    tracing::info!(%address, folder = %folder.display(), tls = certificate.is_some(), "serving");
    Ok(Server { address, folder, certificate, running, order, thread: Some(thread) })
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder it serves, its links resolved.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// The address to type: `http://127.0.0.1:8080/`.
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", self.address)
    }

    /// The certificate, where it speaks TLS.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// What it did so far.
    pub fn counters(&self) -> Counters {
        self.running.now()
    }

    /// Takes no more connections, finishes what is being sent, but not longer than `within`, and ends. Gives what was
    /// counted to the end. Waits for it: not to be called from a thread that must not wait.
    pub fn stop(mut self, within: Duration) -> Counters {
        self.end(within);
        self.counters()
    }

    fn end(&mut self, within: Duration) {
        let Some(thread) = self.thread.take() else { return };
        self.order.send_replace(Order::StopBy(Instant::now() + within));
        if thread.join().is_err() {
            tracing::error!("the server ended with a program error");
        }
        tracing::info!(address = %self.address, "serving ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}
