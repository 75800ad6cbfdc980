//! Small objects of a web server, read whole or made once: the documents of delivery, as an agent needs them.
//!
//! One client serves any number of agents. Nothing of what comes is proven here; all of it is bounded.

use jiff::Timestamp;
use reqwest::header::{ACCEPT_ENCODING, DATE, ETAG, HeaderMap, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use tokio::runtime::Runtime;

use super::codebase::{Credentials, without_password};
use super::error::{FetchProblem, TransferError};
use super::http::{NetworkOptions, Web, client, signed_in};
use super::network_words::status_words;

/// The header in which an agent proves who it is.
pub const PROOF_HEADER: &str = "packhouse-agent";

/// Speaks with web servers. Every call waits, and must not be made from within an async task; any number of threads may.
#[derive(Debug)]
pub struct ObjectClient {
    web: Web,
    runtime: Runtime,
}

/// What is said with a request beside its address.
#[derive(Clone, Copy, Debug, Default)]
pub struct ObjectRequest<'a> {
    /// How to sign in.
    pub credentials: Option<&'a Credentials>,
    /// What the header [`PROOF_HEADER`] says.
    pub proof: Option<&'a str>,
    /// The entity tag of what is known already.
    pub etag: Option<&'a str>,
    /// Most bytes that are taken.
    pub most_bytes: u64,
}

/// What a server answered to a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectAnswer {
    /// It is as it was when the entity tag was given; nothing was sent.
    Unchanged,
    /// It is not there.
    Gone,
    /// It is there.
    New {
        /// All of it.
        bytes: Vec<u8>,
        /// Its entity tag.
        etag: Option<String>,
    },
    /// The server does not show it to us.
    Refused {
        /// What it said.
        why: String,
        /// Its time of day: ours may be another.
        server_time: Option<Timestamp>,
    },
}

/// What a server answered to a writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutAnswer {
    /// It is there now.
    Made,
    /// Something was there already; nothing was changed.
    Exists,
    /// The server does not take it from us.
    Refused {
        /// What it said.
        why: String,
    },
    /// The server cannot do it like this: the folder it belongs into may have to be made first.
    NotThisWay {
        /// What it said.
        why: String,
    },
}

impl ObjectClient {
    /// A client that reaches the network like this.
    pub fn new(network: &NetworkOptions) -> Result<Self, TransferError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("objects")
            .enable_all()
            .build()
            .map_err(|error| TransferError::Setup(error.to_string()))?;
        Ok(Self { web: client(network)?, runtime })
    }

    /// Reads an object.
    pub fn get(&self, address: &str, request: &ObjectRequest<'_>) -> Result<ObjectAnswer, TransferError> {
        let mut asked = self.begin(Method::GET, address, request)?;
        if let Some(etag) = request.etag {
            asked = asked.header(IF_NONE_MATCH, etag);
        }
        let failed = |error: reqwest::Error| failure(address, self.web.words_of(error), true);
        self.runtime.block_on(async {
            let mut response = asked.send().await.map_err(failed)?;
            match response.status() {
                StatusCode::NOT_MODIFIED => return Ok(ObjectAnswer::Unchanged),
                StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(ObjectAnswer::Gone),
                status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                    let server_time = date_of(response.headers());
                    return Ok(ObjectAnswer::Refused { why: status_words(status), server_time });
                }
                StatusCode::OK => {}
                status => return Err(failure(address, status_words(status), is_temporary(status))),
            }
            let too_large = || TransferError::TooLarge {
                address: without_password(address),
                most_bytes: request.most_bytes,
            };
            if response.content_length().is_some_and(|length| length > request.most_bytes) {
                return Err(too_large());
            }
            let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
            let mut bytes = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if (bytes.len() + chunk.len()) as u64 > request.most_bytes {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(ObjectAnswer::New { bytes, etag: etag.filter(|etag| etag.len() <= 1024) })
        })
    }

    /// Makes an object that is not there yet. A server that does not understand that replaces what is there.
    pub fn put_new(
        &self,
        address: &str,
        bytes: Vec<u8>,
        request: &ObjectRequest<'_>,
    ) -> Result<PutAnswer, TransferError> {
        let asked = self.begin(Method::PUT, address, request)?.header(IF_NONE_MATCH, "*").body(bytes);
        let failed = |error: reqwest::Error| failure(address, self.web.words_of(error), true);
        let status = self.runtime.block_on(async {
            let response = asked.send().await.map_err(failed)?;
            let status = response.status();
            // Taken to its end, so that the connection serves the next request; a long one is not worth that.
            if response.content_length().is_some_and(|length| length <= 4096) {
                response.bytes().await.ok();
            }
            Ok::<_, TransferError>(status)
        })?;
        match status {
            status if status.is_success() => Ok(PutAnswer::Made),
            StatusCode::PRECONDITION_FAILED => Ok(PutAnswer::Exists),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Ok(PutAnswer::Refused { why: status_words(status) })
            }
            // nginx says 500 where the folder is missing, others 409 (RFC 4918, 9.7.1) or 404.
            StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::CONFLICT
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::NOT_IMPLEMENTED => Ok(PutAnswer::NotThisWay { why: status_words(status) }),
            status => Err(failure(address, status_words(status), is_temporary(status))),
        }
    }

    fn begin(
        &self,
        method: Method,
        address: &str,
        request: &ObjectRequest<'_>,
    ) -> Result<RequestBuilder, TransferError> {
        let url = Url::parse(address).map_err(|error| TransferError::Address {
            address: without_password(address),
            why: error.to_string(),
        })?;
        let asked = self.web.client.request(method, url.clone()).header(ACCEPT_ENCODING, "identity");
        let mut asked = signed_in(asked, &url, request.credentials);
        if let Some(proof) = request.proof {
            asked = asked.header(PROOF_HEADER, proof);
        }
        Ok(asked)
    }
}

fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

fn failure(address: &str, why: String, is_temporary: bool) -> TransferError {
    TransferError::Fetch { address: without_password(address), why, is_temporary, kind: FetchProblem::Other }
}

/// The time of day of the server (RFC 9110, 6.6.1).
fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}
