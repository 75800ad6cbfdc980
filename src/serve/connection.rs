//! Connections: taken one by one, bounded in number, in the time for a request and in the time without progress.
//!
//! Owns the sockets and the order to stop. Must not know what is answered.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;

use super::answer::{Origin, answer};
use super::counters::OpenConnection;

/// Longest head of a request, and what hyper holds of an answer beside the piece it sends.
const HEAD_BYTES: usize = 64 << 10;
/// A pause where the system has no more descriptors.
const AFTER_REFUSAL: Duration = Duration::from_millis(50);

/// Descriptors left to the rest of the program.
const KEPT_BACK: u64 = 128;

/// How many connections can be open at a time: `wanted`, or as many as the system has descriptors for, a socket and a
/// file each. Raises the limit of the program as far as it may.
#[cfg(unix)]
pub(super) fn places(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let needed = (wanted as u64).saturating_mul(2).saturating_add(KEPT_BACK);
    let Some(now) = limit.current.filter(|now| *now < needed) else { return wanted };
    let raised = limit.maximum.map_or(needed, |most| most.min(needed));
    let new = Rlimit { current: Some(raised), maximum: limit.maximum };
    let have = if setrlimit(Resource::Nofile, new).is_ok() { raised } else { now };
    let places = usize::try_from(have.saturating_sub(KEPT_BACK) / 2).unwrap_or(wanted).clamp(1, wanted);
    if places < wanted {
        tracing::warn!(wanted, places, "fewer connections than asked for: the system allows no more files");
    }
    places
}

/// How many connections can be open at a time.
#[cfg(not(unix))]
pub(super) fn places(wanted: usize) -> usize {
    wanted
}

/// How a server treats its connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    pub(super) most: usize,
    pub(super) head_within: Duration,
    pub(super) stalled_after: Duration,
}

/// Whether the server goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Go,
    /// What is being sent is finished, at most until then.
    StopBy(Instant),
}

/// Takes connections until told to stop; returns when the last one has ended.
pub(super) async fn run(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    origin: Arc<Origin>,
    manners: Manners,
    mut order: watch::Receiver<Order>,
) {
    let places = Arc::new(Semaphore::new(manners.most));
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let taken = tokio::select! {
            // A server that is gone gives no order: the same as an order to stop.
            _ = order.changed() => break,
            taken = take(&listener, &places) => taken,
        };
        let (stream, peer, place) = match taken {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(AFTER_REFUSAL).await;
                continue;
            }
        };
        let (tls, origin, order) = (tls.clone(), Arc::clone(&origin), order.clone());
        open.spawn(async move {
            let _place = place;
            let _open = OpenConnection::new(&origin.running);
            if let Err(error) = serve(stream, peer, tls, origin, manners, order).await {
                tracing::debug!(%peer, error, "connection ended");
            }
        });
    }
    drop(listener);
    let until = match *order.borrow() {
        Order::StopBy(until) => until,
        Order::Go => Instant::now(),
    };
    let finish = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout_at(until.into(), finish).await.is_err() {
        tracing::info!(left = open.len(), "connections broken off: the time to finish is over");
        open.shutdown().await;
    }
}

type Taken = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// Waits for a place first: whoever comes when all are taken waits in the queue of the system.
async fn take(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Taken> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    origin: Arc<Origin>,
    manners: Manners,
    order: watch::Receiver<Order>,
) -> Result<(), String> {
    let stream = Patient::new(stream, manners.stalled_after);
    match tls {
        None => converse(stream, peer, origin, manners, order).await,
        Some(tls) => {
            let shaken = tokio::time::timeout(manners.head_within, tls.accept(stream)).await;
            let stream = shaken.map_err(|late| late.to_string())?.map_err(|error| error.to_string())?;
            converse(stream, peer, origin, manners, order).await
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    origin: Arc<Origin>,
    manners: Manners,
    mut order: watch::Receiver<Order>,
) -> Result<(), String> {
    let service = service_fn(move |request| {
        let origin = Arc::clone(&origin);
        async move { Ok::<_, std::convert::Infallible>(answer(origin, peer, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(manners.head_within)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { drop(order.wait_for(|order| *order != Order::Go).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    ended.map_err(|error| error.to_string())
}

/// A stream whose writing fails when the other side has taken nothing for so long.
struct Patient<S> {
    stream: S,
    patience: Duration,
    until: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, until: None }
    }

    fn judge<T>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.until = None;
            return poll;
        }
        let patience = self.patience;
        let until = self.until.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        match until.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.judge(context, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
