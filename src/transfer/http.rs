//! HTTP as a downloader needs it: the client, the request for a range, and which answers are taken.
//!
//! Owns: proxy, certificates, sign-in, redirects, time-outs; the reading of Content-Range and ETag. A range is taken only
//! with status 206 and exactly the Content-Range that was asked for. Must not know blocks or files on the disk.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE,
    RETRY_AFTER,
};
use reqwest::{Certificate, Client, NoProxy, Proxy, StatusCode, Url, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::codebase::{Credentials, without_password};
use super::desk::Trouble;
use super::error::TransferError;
use super::network_words::{Reach, chain, words_of};
pub(crate) use super::network_words::{status_words, untrusted};

use super::pin;
use super::retry::retry_after;
use super::s3_signature;

/// Redirects that are followed.
const REDIRECTS: usize = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// A certificate that is added to the system's counts after so long at the latest.
const ROOTS_FRESH: Duration = Duration::from_secs(600);

/// How the network is reached.
#[derive(Clone, Debug, Default)]
pub struct NetworkOptions {
    /// The proxy, where there is one; the environment is never asked.
    pub proxy: Option<ProxyAddress>,
    /// Root certificates beside those of the system: texts in PEM with at least one each.
    pub extra_roots: Vec<Vec<u8>>,
    /// What a connection calls itself; empty for the name of this program.
    pub user_agent: String,
    /// A connection on which nothing arrives for so long has failed; 30 s where it is zero.
    pub stall_timeout: Duration,
    /// The first 16 bytes of the SHA-256 of the one certificate (DER) that a server may show; what the system trusts then
    /// counts for nothing.
    pub pin: Option<[u8; 16]>,
}

/// A proxy for `http` and `https`.
#[derive(Clone, Debug)]
pub struct ProxyAddress {
    /// `http://host:port`.
    pub url: String,
    /// How to sign in there.
    pub credentials: Option<Credentials>,
    /// Hosts that are reached without it, as `NO_PROXY` lists them: `localhost,.example.org,10.0.0.0/8`.
    pub bypass: String,
}

/// A client, and what has to be known to say what it failed of.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    pub(crate) client: Client,
    reach: Reach,
}

impl Web {
    /// What a request, or reading its answer, failed of; as a person reads it, without address and password.
    pub(crate) fn words_of(&self, error: reqwest::Error) -> String {
        words_of(error, &self.reach)
    }
}

/// Signs a request in; in a bucket only a GET of `url` can be.
pub(crate) fn signed_in(
    request: reqwest::RequestBuilder,
    url: &Url,
    credentials: Option<&Credentials>,
) -> reqwest::RequestBuilder {
    match credentials {
        Some(Credentials::Basic { user, password }) => request.basic_auth(user, Some(password)),
        Some(Credentials::Bearer { token }) => request.bearer_auth(token),
        Some(Credentials::Bucket { access_key, secret_key, region }) => {
            // The moment of the signature is that of the world, whatever clock a transfer goes by.
            let headers = s3_signature::headers(url, access_key, secret_key, region, Timestamp::now());
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
        }
        None => request,
    }
}

/// Makes the client that all connections of a transfer share.
pub(crate) fn client(options: &NetworkOptions) -> Result<Web, TransferError> {
    let setup = |error: reqwest::Error| TransferError::Setup(chain(&error));
    // Fails only where somebody installed one before, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let stall = if options.stall_timeout.is_zero() { Duration::from_secs(30) } else { options.stall_timeout };
    let agent = if options.user_agent.is_empty() {
        concat!("packhouse/", env!("CARGO_PKG_VERSION"))
    } else {
        &options.user_agent
    };
    let proxy_host = options.proxy.as_ref().and_then(|proxy| {
        let url = Url::parse(&proxy.url).ok()?;
        url.host_str().map(str::to_owned)
    });
    let reach = Reach { proxy_host, connect_timeout: CONNECT_TIMEOUT, stall_timeout: stall };
    let mut builder = Client::builder()
        .user_agent(agent)
        .no_proxy()
        .redirect(redirect::Policy::limited(REDIRECTS))
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(stall)
        .pool_max_idle_per_host(64)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .http1_only();
    if let Some(proxy) = &options.proxy {
        let mut one = Proxy::all(&proxy.url)
            .map_err(|_| TransferError::Setup(format!("{} is no proxy", without_password(&proxy.url))))?;
        if let Some(Credentials::Basic { user, password }) = &proxy.credentials {
            one = one.basic_auth(user, password);
        }
        builder = builder.proxy(one.no_proxy(NoProxy::from_string(&proxy.bypass)));
    }
    if let Some(pin) = options.pin {
        let client = builder.tls_backend_preconfigured(pin::config(pin)?).build().map_err(setup)?;
        return Ok(Web { client, reach });
    }
    if options.extra_roots.is_empty() {
        let client = builder.tls_backend_preconfigured((*system_tls()?).clone()).build().map_err(setup)?;
        return Ok(Web { client, reach });
    }
    let mut roots = Vec::new();
    for pem in &options.extra_roots {
        let some = Certificate::from_pem_bundle(pem).map_err(setup)?;
        if some.is_empty() {
            return Err(TransferError::Setup("there is no certificate in what is to be trusted".to_owned()));
        }
        roots.extend(some);
    }
    let client = builder.tls_certs_merge(roots).build().map_err(setup)?;
    Ok(Web { client, reach })
}

/// TLS that trusts what the system trusts. Its certificates are read once and serve all that begins within
/// [`ROOTS_FRESH`]: reading them takes longer than a small download.
fn system_tls() -> Result<Arc<ClientConfig>, TransferError> {
    static KNOWN: Mutex<Option<(Instant, Arc<ClientConfig>)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read_at, config)) = known.as_ref()
        && read_at.elapsed() < ROOTS_FRESH
    {
        return Ok(Arc::clone(config));
    }
    let setup = |error: rustls::Error| TransferError::Setup(chain(&error));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(setup)?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    *known = Some((Instant::now(), Arc::clone(&config)));
    Ok(config)
}

/// What an answer carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// Exactly the range that was asked for.
    Range,
    /// The file from its first byte.
    Whole,
}

/// An answer that is taken.
pub(crate) struct Answer {
    pub(crate) carries: Carries,
    /// Its ETag, if it is a strong one.
    pub(crate) etag: Option<String>,
    pub(crate) response: reqwest::Response,
}

/// Asks for bytes of a file of `size_bytes`; all of it without a Range where `range` is the whole.
pub(crate) async fn ask(
    web: &Web,
    url: Url,
    credentials: Option<&Credentials>,
    range: Range<u64>,
    size_bytes: u64,
    if_range: Option<&str>,
    now: Timestamp,
) -> Result<Answer, Trouble> {
    let mut request = web.client.get(url.clone()).header(ACCEPT_ENCODING, "identity");
    let asks_for_range = range != (0..size_bytes);
    if asks_for_range {
        request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        if let Some(etag) = if_range {
            request = request.header(IF_RANGE, etag);
        }
    }
    let response = signed_in(request, &url, credentials)
        .send()
        .await
        .map_err(|error| Trouble::new(web.words_of(error)))?;
    let carries = judge(response.status(), response.headers(), &range, size_bytes, asks_for_range, now)?;
    let etag = strong_etag(response.headers());
    Ok(Answer { carries, etag, response })
}

/// Whether an answer is taken, and for what.
fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    range: &Range<u64>,
    size_bytes: u64,
    asked_for_range: bool,
    now: Timestamp,
) -> Result<Carries, Trouble> {
    let text = |name| headers.get(name).and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok());
    if !status.is_success() {
        let mut trouble = Trouble::new(status_words(status));
        trouble.retry_after = text(RETRY_AFTER).and_then(|text| retry_after(text, now));
        trouble.names_file = matches!(status.as_u16(), 401 | 403 | 404 | 410);
        return Err(trouble);
    }
    if text(CONTENT_ENCODING).is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity")) {
        return Err(Trouble::new("it sent an encoded file"));
    }
    let length = text(CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
    match status {
        StatusCode::PARTIAL_CONTENT if asked_for_range => {
            let found =
                text(CONTENT_RANGE).ok_or_else(|| Trouble::new("it sent a part without Content-Range"))?;
            let parsed = content_range(found);
            if parsed != Some((range.clone(), Some(size_bytes))) && parsed != Some((range.clone(), None)) {
                let shown: String = found.chars().take(80).collect();
                return Err(Trouble::new(format!(
                    "it sent Content-Range {shown:?}, which was not asked for"
                )));
            }
            if length.is_some_and(|length| length != range.end - range.start) {
                return Err(Trouble::new("it sent a part of another length"));
            }
            Ok(Carries::Range)
        }
        StatusCode::OK => match length {
            Some(length) if length != size_bytes => {
                Err(Trouble::new(format!("its file has {length} bytes instead of {size_bytes}")))
            }
            _ => Ok(Carries::Whole),
        },
        other => Err(Trouble::new(status_words(other))),
    }
}

/// Reads `bytes 0-99/200` (RFC 9110, 14.4): the bytes, end exclusive, and the size where it is known.
pub(crate) fn content_range(text: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (unit, rest) = text.trim().split_once(' ')?;
    let (range, size) = rest.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let (first, last) = (number(first)?, number(last)?);
    let size = if size == "*" { None } else { Some(number(size)?) };
    let fits = unit.eq_ignore_ascii_case("bytes") && first <= last && size.is_none_or(|size| last < size);
    fits.then(|| last.checked_add(1).map(|end| (first..end, size))).flatten()
}

/// The ETag of an answer, unless it is weak (RFC 9110, 8.8.3).
pub(crate) fn strong_etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG)?.to_str().ok()?.trim();
    let is_strong = etag.len() >= 2 && etag.starts_with('"') && etag.ends_with('"') && etag.len() <= 1024;
    is_strong.then(|| etag.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn verdict(status: u16, headers: &[(HeaderName, &'static str)]) -> Result<Carries, Trouble> {
        let map =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let status = StatusCode::from_u16(status).expect("a status");
        judge(status, &map, &(100..200), 1000, true, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_certificates_of_the_system_are_read_once() {
        let first = system_tls().expect("the system has some");
        client(&NetworkOptions::default()).expect("a client");
        assert!(Arc::ptr_eq(&first, &system_tls().expect("the same")));
    }

    #[test]
    fn only_what_was_asked_for_is_taken() {
        assert_eq!(verdict(206, &[(CONTENT_RANGE, "bytes 100-199/1000")]), Ok(Carries::Range));
        assert_eq!(verdict(206, &[(CONTENT_RANGE, "bytes 100-199/*")]), Ok(Carries::Range));
        assert_eq!(verdict(200, &[(CONTENT_LENGTH, "1000")]), Ok(Carries::Whole));
        assert_eq!(verdict(200, &[]), Ok(Carries::Whole));
        for wrong in [
            "bytes 0-99/1000",
            "bytes 100-198/1000",
            "bytes 100-199/1001",
            "100-199/1000",
            "bytes */1000",
            "",
        ] {
            assert!(verdict(206, &[(CONTENT_RANGE, wrong)]).is_err(), "{wrong:?}");
        }
        assert!(verdict(206, &[]).is_err());
        assert!(verdict(206, &[(CONTENT_RANGE, "bytes 100-199/1000"), (CONTENT_LENGTH, "99")]).is_err());
        assert!(verdict(206, &[(CONTENT_RANGE, "bytes 100-199/1000"), (CONTENT_ENCODING, "gzip")]).is_err());
        assert!(verdict(200, &[(CONTENT_LENGTH, "999")]).is_err());
        assert!(verdict(204, &[]).is_err());
        let gone = verdict(404, &[]).expect_err("not there");
        assert_eq!((gone.what.as_str(), gone.names_file), ("the server answered 404 (Not Found)", true));
        let busy = verdict(503, &[(RETRY_AFTER, "7")]).expect_err("busy");
        assert_eq!((busy.retry_after, busy.names_file), (Some(Duration::from_secs(7)), false));
    }

    #[test]
    fn only_strong_etags_count() {
        let etag =
            |text: &'static str| strong_etag(&HeaderMap::from_iter([(ETAG, HeaderValue::from_static(text))]));
        assert_eq!(etag("\"a\""), Some("\"a\"".to_owned()));
        assert_eq!((etag("W/\"a\""), etag("a"), etag("\"")), (None, None, None));
    }

    proptest! {
        #[test]
        fn what_is_a_content_range_is_read_and_nothing_else_panics(
            first in any::<u64>(), length in 1..1_000_000u64, more in 0..1000u64, noise in "\\PC{0,30}",
        ) {
            let _ = content_range(&noise);
            if let Some(end) = first.checked_add(length) {
                let size = end.saturating_add(more);
                let text = format!("bytes {first}-{}/{size}", end - 1);
                prop_assert_eq!(content_range(&text), Some((first..end, Some(size))));
            }
        }
    }
}
