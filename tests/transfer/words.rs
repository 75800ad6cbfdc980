//! What is said of connections that fail: words of an administrator, from real failures on loopback.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use packhouse::transfer::{NetworkOptions, ProxyAddress, TransferError, fetch_document};

use crate::desk::Outcome;

const CUT: &str = "the connection was cut";

/// What is said of an address.
fn said_with(address: &str, network: &NetworkOptions) -> String {
    match fetch_document(address, None, network, 1 << 20) {
        Err(TransferError::Fetch { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

fn said(address: &str) -> String {
    let stall_timeout = Duration::from_millis(300);
    said_with(address, &NetworkOptions { stall_timeout, ..NetworkOptions::default() })
}

/// A server for one connection; gives its port.
fn server(answer: impl FnOnce(TcpStream) + Send + 'static) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            answer(stream);
        }
    });
    Ok(port)
}

/// Reads the request and sends these bytes.
fn sends(bytes: &'static [u8]) -> impl FnOnce(TcpStream) + Send + 'static {
    move |mut stream| {
        let mut request = [0; 4096];
        if stream.read(&mut request).is_ok_and(|size| size > 0) {
            stream.write_all(bytes).ok();
        }
    }
}

#[test]
fn a_port_where_nobody_listens() -> Outcome {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    assert_eq!(said(&format!("http://127.0.0.1:{port}/a")), "the connection was refused");
    let proxy =
        ProxyAddress { url: format!("http://127.0.0.1:{port}"), credentials: None, bypass: String::new() };
    let words = said_with(
        "https://packages.invalid/a",
        &NetworkOptions { proxy: Some(proxy), ..NetworkOptions::default() },
    );
    assert_eq!(words, "the connection was refused, perhaps by the proxy 127.0.0.1");
    Ok(())
}

#[test]
fn a_name_that_nobody_has() {
    let words = said("http://packages.invalid/a");
    assert!(words.starts_with("the name packages.invalid is not known"), "{words}");
}

#[test]
fn connections_that_are_cut() -> Outcome {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all of it",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nnot all of it",
    ] {
        let port = server(sends(bytes))?;
        assert_eq!(said(&format!("http://127.0.0.1:{port}/a")), CUT, "{bytes:?}");
    }
    Ok(())
}

#[test]
fn servers_that_say_nothing_or_nonsense() -> Outcome {
    let (keep, kept) = std::sync::mpsc::channel();
    let port = server(move |stream| drop(keep.send(stream)))?;
    assert_eq!(said(&format!("http://127.0.0.1:{port}/a")), "no answer within 1 s");
    drop(kept);
    let port = server(sends(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))?;
    let words = said(&format!("http://127.0.0.1:{port}/a"));
    assert_eq!(words, "what answered does not speak HTTP as it should");
    let port = server(sends(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))?;
    let words = said(&format!("http://127.0.0.1:{port}/a"));
    assert_eq!(words, "the server answered 503 (Service Unavailable)");
    Ok(())
}

#[test]
fn certificates_that_are_not_trusted() -> Outcome {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)?;
    let serve = |config: Arc<rustls::ServerConfig>| {
        server(move |mut stream| {
            let mut tls = rustls::ServerConnection::new(config).expect("it fits");
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        })
    };
    let config = Arc::new(config);
    let port = serve(Arc::clone(&config))?;
    let words = said(&format!("https://localhost:{port}/a"));
    assert_eq!(words, "its certificate is not trusted: it was signed by nobody who is trusted here");
    // Trusted, and for another name.
    let port = serve(config)?;
    let roots = vec![signed.cert.pem().into_bytes()];
    let words = said_with(
        &format!("https://127.0.0.1:{port}/a"),
        &NetworkOptions { extra_roots: roots, ..NetworkOptions::default() },
    );
    assert_eq!(words, "its certificate is not trusted: it is for another name");
    // Nothing there speaks TLS.
    let port = server(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"))?;
    let words = said(&format!("https://localhost:{port}/a"));
    assert!(words.starts_with("no secure connection could be made: "), "{words}");
    Ok(())
}
