//! The thread that listens to the kernel of Linux (rtnetlink). It polls without a time-out.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::rtnetlink::{GROUPS, Heard, Known, QUESTIONS, question};

/// Larger than what the kernel sends at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// The thread; dropped, it ends and is waited for.
pub(super) struct Listener {
    /// Closed, it wakes the thread for its end.
    end: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub(super) fn start(told: impl Fn() + Send + 'static) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // Without a protocol named: NETLINK_ROUTE, which is 0.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        let (end, ended) = UnixStream::pair()?;
        let work = move || {
            if let Err(error) = listen(&socket, &ended, &told) {
                tracing::warn!(%error, "it will not be noticed any more when the network comes back");
            }
        };
        let thread = std::thread::Builder::new().name("network-watch".to_owned()).spawn(work)?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn listen(socket: &OwnedFd, ended: &UnixStream, told: &impl Fn()) -> io::Result<()> {
    let mut known = Known::default();
    // What there is already is asked for piece by piece: the kernel answers one such question at a time.
    let mut questions = QUESTIONS.iter();
    let ask =
        |kind: Option<&u16>| kind.map_or(Ok(0), |kind| send(socket, &question(*kind), SendFlags::empty()));
    ask(questions.next())?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let mut both = [PollFd::new(socket, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
        match poll(&mut both, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if !both[1].revents().is_empty() {
            return Ok(());
        }
        match recv(socket, buffer.as_mut_slice(), RecvFlags::empty()) {
            Ok((bytes, _)) => {
                let Heard { is_back, is_answered } = known.hear(&buffer[..bytes]);
                if is_back {
                    told();
                }
                if is_answered {
                    ask(questions.next())?;
                }
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            // More happened than was kept for us: something of it may have come back. All is asked for again.
            Err(Errno::NOBUFS) => {
                told();
                known = Known::default();
                questions = QUESTIONS.iter();
                ask(questions.next())?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
