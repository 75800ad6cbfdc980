//! Fetches one small document whole: a snapshot, a Metalink, a tag file. Nothing of it is proven here.

use reqwest::Url;

use super::codebase::{CodebaseAddress, Credentials, take_credentials, without_password};
use super::error::{FetchProblem, TransferError};
use super::http::{NetworkOptions, client, signed_in};
use super::network_words::status_words;

/// A document as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it holds.
    pub content: Vec<u8>,
    /// Where it was found in the end, after redirects: relative addresses in it are resolved against this.
    pub address: String,
}

/// Fetches the document at `address` (`http:`, `https:`, `file:` or a path), of at most `most_bytes`. Waits for it; must
/// not be called from within an async task.
pub fn fetch_document(
    address: &str,
    credentials: Option<&Credentials>,
    network: &NetworkOptions,
    most_bytes: u64,
) -> Result<Document, TransferError> {
    let shown = without_password(address);
    let fetch = |why: String, is_temporary, kind| TransferError::Fetch {
        address: shown.clone(),
        why,
        is_temporary,
        kind,
    };
    let failed = |why, is_temporary| fetch(why, is_temporary, FetchProblem::Other);
    let absent = |why| fetch(why, false, FetchProblem::Absent);
    let too_large = || TransferError::TooLarge { address: shown.clone(), most_bytes };
    if let CodebaseAddress::Folder(path) = CodebaseAddress::parse(address)? {
        use std::io::Read as _;
        let words = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => absent(crate::disk::words(&error)),
            _ => failed(crate::disk::words(&error), false),
        };
        let file = crate::disk::open_plain(&path).map_err(words)?;
        let mut content = Vec::new();
        file.take(most_bytes.saturating_add(1)).read_to_end(&mut content).map_err(words)?;
        let fits = content.len() as u64 <= most_bytes;
        return if fits {
            Ok(Document { content, address: path.display().to_string() })
        } else {
            Err(too_large())
        };
    }
    let wrong = |error: &dyn std::fmt::Display| TransferError::Address {
        address: shown.clone(),
        why: error.to_string(),
    };
    let mut url = Url::parse(address).map_err(|error| wrong(&error))?;
    let own = take_credentials(&mut url);
    let web = client(network)?;
    let client = &web.client;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| TransferError::Setup(error.to_string()))?;
    runtime.block_on(async {
        let request = signed_in(client.get(url.clone()), &url, credentials.or(own.as_ref()));
        let network = |error: reqwest::Error| failed(web.words_of(error), true);
        let mut response = request.send().await.map_err(network)?;
        let status = response.status();
        if matches!(status.as_u16(), 404 | 410) {
            return Err(absent(status_words(status)));
        }
        if status != reqwest::StatusCode::OK {
            let is_temporary = status.is_server_error() || matches!(status.as_u16(), 408 | 416 | 429);
            let kind = match status.as_u16() {
                401 | 403 | 407 => FetchProblem::Forbidden,
                _ => FetchProblem::Other,
            };
            return Err(fetch(status_words(status), is_temporary, kind));
        }
        if response.content_length().is_some_and(|length| length > most_bytes) {
            return Err(too_large());
        }
        let address = response.url().to_string();
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if (content.len() + chunk.len()) as u64 > most_bytes {
                return Err(too_large());
            }
            content.extend_from_slice(&chunk);
        }
        Ok(Document { content, address })
    })
}
