//! Files that change while they are sent, clients that are slow, many, or gone, and the end of the server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use packhouse::session;

use crate::http::{connect, exchange, get, request};
use crate::{Outcome, content, options, put, serve};

/// More than the buffers of both ends of a connection hold.
const LARGE: usize = 64 << 20;

/// Reads the head of an answer and gives the length it promises.
fn head(stream: &mut TcpStream) -> Result<u64, Box<dyn std::error::Error>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8(head)?.to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("a length")?;
    Ok(length.parse()?)
}

#[test]
fn a_file_that_changes_half_way_breaks_the_connection_and_is_never_mixed() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("x", &vec![b'a'; LARGE])])?;
    let server = serve(place.path())?;
    let mut stream = connect(server.address())?;
    stream.write_all(&request("GET", "/x", &[]))?;
    assert_eq!(head(&mut stream)?, LARGE as u64);
    let mut start = vec![0; 1 << 20];
    stream.read_exact(&mut start)?;
    // In place, all of it: whatever the server reads from now on is of the new content.
    let file = fs::File::options().write(true).open(place.path().join("x"))?;
    file.write_all_at(&vec![b'b'; LARGE], 0)?;
    let mut rest = Vec::new();
    // A connection broken off ends early, or with a reset.
    let _ = stream.read_to_end(&mut rest);
    assert!(start.len() + rest.len() < LARGE, "it was sent to the end");
    assert!(start.iter().chain(&rest).all(|byte| *byte == b'a'), "bytes of two contents in one answer");
    assert_eq!(server.counters().broken, 1);
    // Replaced by rename instead: the answer that was begun goes on with the file it began with.
    let mut stream = connect(server.address())?;
    stream.write_all(&request("GET", "/x", &[]))?;
    head(&mut stream)?;
    put(place.path(), &[("new", &vec![b'c'; LARGE])])?;
    fs::rename(place.path().join("new"), place.path().join("x"))?;
    let mut whole = Vec::new();
    stream.read_to_end(&mut whole)?;
    assert!(whole.len() == LARGE && whole.iter().all(|byte| *byte == b'b'));
    assert!(get(server.address(), "/x", &[])?.body.iter().all(|byte| *byte == b'c'));
    Ok(())
}

#[test]
fn a_client_that_says_nothing_or_takes_nothing_is_left() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("x", &vec![b'a'; LARGE])])?;
    let mut options = options(place.path())?;
    (options.head_within, options.stalled_after) = (Duration::from_millis(300), Duration::from_millis(300));
    let server = session::serve(options)?;
    // Nothing, half a head, and an idle connection after an answer.
    for begun in [&b""[..], b"GET /x HTT", b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let mut stream = connect(server.address())?;
        stream.write_all(begun)?;
        let started = Instant::now();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(started.elapsed() < Duration::from_secs(30), "{begun:?} is still waited for");
    }
    let mut stream = connect(server.address())?;
    stream.write_all(&request("GET", "/x", &[]))?;
    head(&mut stream)?;
    // Nothing is read: the server ends it, which its counters show.
    let started = Instant::now();
    while server.counters().open_connections > 0 {
        assert!(started.elapsed() < Duration::from_secs(30), "a client that takes nothing holds its place");
        std::thread::yield_now();
    }
    assert_eq!(server.counters().broken, 1);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < LARGE);
    // A client that reads slowly, but reads, is served: each read is longer apart than nothing, shorter than the limit.
    let mut stream = connect(server.address())?;
    stream.write_all(&request("GET", "/x", &[]))?;
    head(&mut stream)?;
    let mut buffer = vec![0; 256 << 10];
    let mut taken = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => break,
            read => taken += read,
        }
    }
    assert_eq!(taken, LARGE);
    Ok(())
}

/// There is no least rate in bytes a second, and none is needed: the system lets us write again only when a good part of
/// its buffer was taken, and that has to happen within the same time as any progress.
#[test]
fn a_client_that_takes_byte_by_byte_does_not_keep_its_place() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("x", &vec![b'a'; LARGE])])?;
    let mut options = options(place.path())?;
    options.stalled_after = Duration::from_millis(500);
    let server = session::serve(options)?;
    let mut stream = connect(server.address())?;
    stream.write_all(&request("GET", "/x", &[]))?;
    head(&mut stream)?;
    let (_held, pace) = std::sync::mpsc::channel::<()>();
    let (started, mut taken) = (Instant::now(), 0);
    while server.counters().open_connections > 0 {
        assert!(started.elapsed() < Duration::from_secs(30), "it took {taken} bytes and holds its place");
        // A byte from time to time.
        if stream.read(&mut [0])? == 0 {
            break;
        }
        taken += 1;
        let _ = pace.recv_timeout(Duration::from_millis(20));
    }
    assert!(taken < 10_000, "{taken} bytes were taken");
    assert_eq!(server.counters().broken, 1);
    Ok(())
}

#[test]
fn two_hundred_at_once_are_all_served_and_more_than_allowed_wait() -> Outcome {
    let place = tempfile::tempdir()?;
    let bytes = content(1_000_000);
    put(place.path(), &[("x", &bytes)])?;
    let server = serve(place.path())?;
    // All connected and asking before anyone reads.
    let mut streams = Vec::new();
    for _ in 0..200 {
        let mut stream = connect(server.address())?;
        stream.write_all(&request("GET", "/x", &[]))?;
        streams.push(stream);
    }
    for stream in streams {
        let reply = exchange(stream, b"")?;
        assert!(reply.status == 200 && reply.body == bytes);
    }
    let counters = server.counters();
    assert_eq!((counters.requests, counters.connections, counters.broken), (200, 200, 0));
    assert_eq!(counters.sent_bytes, 200 * 1_000_000);

    let mut options = options(place.path())?;
    options.most_connections = 2;
    let server = session::serve(options)?;
    let mut streams = (0..5).map(|_| connect(server.address())).collect::<Result<Vec<_>, _>>()?;
    for stream in &mut streams {
        stream.write_all(&request("GET", "/x", &[]))?;
    }
    for stream in streams {
        assert!(server.counters().open_connections <= 2);
        assert!(exchange(stream, b"")?.body == bytes);
    }
    assert_eq!(server.counters().connections, 5);
    Ok(())
}

#[test]
fn several_requests_go_over_one_connection() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("x", b"0123456789")])?;
    let server = serve(place.path())?;
    let mut stream = connect(server.address())?;
    // Sent at once, answered in order.
    let one = "GET /x HTTP/1.1\r\nHost: a\r\nRange: bytes=0-4\r\n\r\n".repeat(50);
    stream.write_all(one.as_bytes())?;
    for _ in 0..50 {
        assert_eq!(head(&mut stream)?, 5);
        let mut body = [0; 5];
        stream.read_exact(&mut body)?;
        assert_eq!(&body, b"01234");
    }
    let last = exchange(stream, &request("GET", "/none", &[]))?;
    assert_eq!(last.status, 404);
    let counters = server.counters();
    assert_eq!((counters.requests, counters.connections, counters.sent_bytes), (51, 1, 250));
    Ok(())
}

#[test]
fn stopping_finishes_what_is_sent_but_not_for_ever() -> Outcome {
    let place = tempfile::tempdir()?;
    put(place.path(), &[("x", &vec![b'a'; LARGE])])?;
    let server = serve(place.path())?;
    let address = server.address();
    let mut busy = connect(address)?;
    busy.write_all(&request("GET", "/x", &[]))?;
    head(&mut busy)?;
    let mut idle = connect(address)?;
    idle.write_all(b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n")?;
    head(&mut idle)?;
    let stopping = std::thread::spawn(move || server.stop(Duration::from_secs(60)));
    // The idle connection ends at once, nobody new is let in, and the answer that was begun is finished.
    assert_eq!(idle.read(&mut [0])?, 0);
    let started = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(started.elapsed() < Duration::from_secs(30), "it still listens");
        std::thread::yield_now();
    }
    let mut body = Vec::new();
    busy.read_to_end(&mut body)?;
    assert_eq!(body.len(), LARGE);
    let counters = stopping.join().map_err(|_| "it panicked")?;
    assert_eq!((counters.broken, counters.open_connections), (0, 0));

    // One who takes nothing does not hold the end up.
    let server = serve(place.path())?;
    let mut stuck = connect(server.address())?;
    stuck.write_all(&request("GET", "/x", &[]))?;
    head(&mut stuck)?;
    let started = Instant::now();
    let counters = server.stop(Duration::from_millis(200));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(counters.broken, 1);
    Ok(())
}
