//! A cable between a server and those who fetch from it: it can be cut and put back in, and the server behind it can
//! change. For showing what a download does when the network fails.
//!
//! Owns the port that others connect to, and the lines that run through it. Must not know what is sent.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Lines at a time; further ones are closed at once.
const LINES_MOST: usize = 64;
/// Bytes that are carried at a time in each direction.
const PIECE_BYTES: usize = 64 * 1024;

/// A cable; dropped, it closes every line.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something of the state has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    server: Option<SocketAddr>,
    is_cut: bool,
    is_over: bool,
    lines: HashMap<u64, [TcpStream; 2]>,
    lines_so_far: u64,
}

impl Cable {
    /// A cable that leads nowhere yet, at a free port of this computer.
    pub fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let own = Arc::clone(&shared);
        let accept = move || {
            for stream in listener.incoming() {
                if own.lock().is_over {
                    break;
                }
                if let Ok(stream) = stream
                    && let Err(error) = own.connect(stream)
                {
                    tracing::debug!(%error, "a line was not laid");
                }
            }
        };
        let thread = std::thread::Builder::new().name("cable".to_owned()).spawn(accept)?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it leads; `None` closes every line, as a server does that ends.
    pub fn lead_to(&self, server: Option<SocketAddr>) {
        let mut state = self.shared.lock();
        state.server = server;
        if server.is_none() {
            state.close_lines();
        }
    }

    /// Cuts it, or puts it back in. While it is cut nothing passes, and nobody is told.
    pub fn cut(&self, is_cut: bool) {
        self.shared.lock().is_cut = is_cut;
        self.shared.changed.notify_all();
    }

    /// Whether it is cut.
    pub fn is_cut(&self) -> bool {
        self.shared.lock().is_cut
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.is_over = true;
            state.close_lines();
        }
        self.shared.changed.notify_all();
        // The thread waits for a connection: this is its last.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            thread.join().ok();
        }
    }
}

impl State {
    fn close_lines(&mut self) {
        for stream in self.lines.drain().flat_map(|(_, ends)| ends) {
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays a line from `client` to the server; without a server the line ends at once.
    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = self.lock().server;
        let Some(server) = server else { return Ok(()) };
        let server = TcpStream::connect(server)?;
        let number = {
            let mut state = self.lock();
            if state.lines.len() >= LINES_MOST {
                return Ok(());
            }
            state.lines_so_far += 1;
            let number = state.lines_so_far;
            state.lines.insert(number, [client.try_clone()?, server.try_clone()?]);
            number
        };
        let ways = [(client.try_clone()?, server.try_clone()?), (server, client)];
        for (from, into) in ways {
            let own = Arc::clone(self);
            let carry = move || {
                own.carry(&from, &into);
                from.shutdown(Shutdown::Both).ok();
                into.shutdown(Shutdown::Both).ok();
                own.lock().lines.remove(&number);
            };
            std::thread::Builder::new().name("cable line".to_owned()).spawn(carry)?;
        }
        Ok(())
    }

    /// Carries bytes one way until an end closes.
    fn carry(&self, mut from: &TcpStream, mut into: &TcpStream) {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(read) => read,
            };
            {
                let mut state = self.lock();
                while state.is_cut && !state.is_over {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                if state.is_over {
                    return;
                }
            }
            if into.write_all(&piece[..read]).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A server that sends back what it gets.
    fn echo() -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut byte = [0];
                    while (&stream).read_exact(&mut byte).is_ok() && (&stream).write_all(&byte).is_ok() {}
                });
            }
        });
        Ok(address)
    }

    #[test]
    fn nothing_passes_while_it_is_cut_and_everything_afterwards() -> io::Result<()> {
        let cable = Cable::new()?;
        cable.lead_to(Some(echo()?));
        let mut client = TcpStream::connect(cable.address())?;
        let mut byte = [0];
        client.write_all(b"a")?;
        client.read_exact(&mut byte)?;
        assert_eq!(&byte, b"a");
        cable.cut(true);
        assert!(cable.is_cut());
        client.write_all(b"b")?;
        client.set_read_timeout(Some(Duration::from_millis(200)))?;
        assert!(client.read_exact(&mut byte).is_err(), "it is cut");
        client.set_read_timeout(Some(Duration::from_secs(20)))?;
        cable.cut(false);
        client.read_exact(&mut byte)?;
        assert_eq!(&byte, b"b");
        Ok(())
    }

    #[test]
    fn without_a_server_every_line_ends() -> io::Result<()> {
        let cable = Cable::new()?;
        cable.lead_to(Some(echo()?));
        let mut client = TcpStream::connect(cable.address())?;
        client.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut byte = [0];
        client.write_all(b"a")?;
        client.read_exact(&mut byte)?;
        cable.lead_to(None);
        assert!(client.read_exact(&mut byte).is_err(), "the line was closed");
        let mut again = TcpStream::connect(cable.address())?;
        again.set_read_timeout(Some(Duration::from_secs(20)))?;
        assert_eq!(again.read(&mut byte).unwrap_or(0), 0, "nobody is there");
        cable.cut(true);
        drop(cable);
        Ok(())
    }
}
