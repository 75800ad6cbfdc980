//! What the network said, as an administrator reads it: that a connection was refused, not which layer noticed.
//!
//! The technical chain of causes goes to the log of the program, at the level `debug`. Must not know blocks or files.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use reqwest::StatusCode;
use rustls::CertificateError;

/// How a client reaches a server; needed to say what failed.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// The proxy it may go through.
    pub(super) proxy_host: Option<String>,
    pub(super) connect_timeout: Duration,
    pub(super) stall_timeout: Duration,
}

/// What a request, or reading its answer, failed of. Without address, user and password.
pub(super) fn words_of(error: reqwest::Error, reach: &Reach) -> String {
    let host = error.url().and_then(|url| url.host_str()).unwrap_or("of the server").to_owned();
    let error = error.without_url();
    let technical = chain(&error);
    let words = say(&error, &technical, &host, reach);
    tracing::debug!(host, technical, words, "the network failed");
    words
}

fn say(error: &reqwest::Error, technical: &str, host: &str, reach: &Reach) -> String {
    if error.is_redirect() {
        return "it redirects again and again".to_owned();
    }
    if let Some(words) = causes(error).find_map(tls_words) {
        return words;
    }
    // As the resolver of the client says it, which has no type of its own there.
    if error.is_dns() || technical.contains("dns error") {
        return match &reach.proxy_host {
            Some(proxy) => format!("the name {host} or that of the proxy, {proxy}, is not known"),
            None if technical.contains("Temporary failure") => {
                format!("the name {host} is not known: no name server answers")
            }
            None => format!("the name {host} is not known"),
        };
    }
    if error.is_timeout() {
        let timeout = if error.is_connect() { reach.connect_timeout } else { reach.stall_timeout };
        return format!("no answer within {} s", timeout.as_secs_f64().ceil());
    }
    let through = |words: &str| match &reach.proxy_host {
        Some(proxy) if error.is_connect() => format!("{words}, perhaps by the proxy {proxy}"),
        _ => words.to_owned(),
    };
    let kind = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    for kind in kind {
        match kind {
            ErrorKind::ConnectionRefused => return through("the connection was refused"),
            ErrorKind::HostUnreachable => return format!("{host} cannot be reached from here"),
            ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown | ErrorKind::AddrNotAvailable => {
                return "there is no network that leads there".to_owned();
            }
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof => return CUT.to_owned(),
            _ => {}
        }
    }
    // What the HTTP part says has no type that may be named here.
    if technical.contains("proxy authorization required") {
        return "the proxy wants to be signed in to".to_owned();
    }
    let is_cut = ["connection closed before", "end of file before", "IncompleteMessage", "connection error"];
    if is_cut.iter().any(|text| technical.contains(text)) {
        return CUT.to_owned();
    }
    if technical.contains("invalid HTTP") || technical.contains("invalid chunk") {
        return "what answered does not speak HTTP as it should".to_owned();
    }
    let last = causes(error).last().map(ToString::to_string).unwrap_or_default();
    format!("the connection failed: {}", last.split(" (os error ").next().unwrap_or_default())
}

/// Why the certificate of the server is not trusted, if an error comes from that.
pub(crate) fn untrusted(error: &(dyn Error + 'static)) -> Option<String> {
    let is_that = |cause: &&(dyn Error + 'static)| {
        matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
    };
    causes(error).find(is_that).and_then(tls_words)
}

/// A connection that ended before everything came.
pub(super) const CUT: &str = "the connection was cut";

/// A status that is no success.
pub(crate) fn status_words(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("the server answered {} ({reason})", status.as_u16()),
        None => format!("the server answered {}", status.as_u16()),
    }
}

fn tls_words(cause: &(dyn Error + 'static)) -> Option<String> {
    let error = cause.downcast_ref::<rustls::Error>()?;
    if matches!(error, rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) {
        let why = "what answered does not speak TLS; perhaps the address begins with http:";
        return Some(format!("no secure connection could be made: {why}"));
    }
    let rustls::Error::InvalidCertificate(why) = error else {
        return Some(format!("no secure connection could be made: {error}"));
    };
    let why = match why {
        CertificateError::UnknownIssuer => "it was signed by nobody who is trusted here".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; perhaps the clock of this computer is wrong".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        CertificateError::Revoked => "it was revoked".to_owned(),
        other => other.to_string(),
    };
    Some(format!("its certificate is not trusted: {why}"))
}

/// An error and what caused it, the contents of an I/O error among them, which do not count as its cause.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'e (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

/// An error with what caused it, which is where the network says what is wrong.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
