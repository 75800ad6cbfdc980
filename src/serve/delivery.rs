//! What agents may do in a staging library that is served: each reads its own jobs and makes its own reports, a new one
//! enrols with an open token. Nobody lists, nobody sees what is another's, nothing is overwritten.
//!
//! Owns who may do what below `delivery/`. Whose jobs they are stands in the jobs themselves: the public key of the agent.
//! Must not know what reports and jobs say, nor the keys of the site: what is forged is for agent and manager to find.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::answer::{blocking, said};
use super::path::{Place, place_of};
use crate::disk::{Kind, Root, rename_new};
use crate::package::SignedDocument;
use crate::package::agent_proof::AgentProof;
use crate::package::digest::parse_hex;
use crate::package::signed_document::{ENROLMENT_MAX_BYTES, SIGNED_MAX_BYTES, SIGNED_REPORT_MAX_BYTES};
use crate::package::staging::UNFINISHED;

/// The header in which an agent proves who it is.
const PROOF_HEADER: &str = "packhouse-agent";
/// Time for all of what an agent sends.
const BODY_WITHIN: Duration = Duration::from_secs(60);
const REPORTS: &str = "delivery/reports";
const ENROL: &str = "delivery/enrol";

/// What a path means here.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    /// Everybody may read it.
    Open,
    /// The jobs of this agent.
    Jobs(Uuid),
    /// A report of this agent, and its number.
    Report(Uuid, u64),
    /// The enrolment with this token.
    Enrolment(String),
    /// Not for who comes over the network.
    Closed,
    /// Nothing.
    Nothing,
}

fn thing_of(path: &str) -> Thing {
    if path.starts_with("packages/") || path == "delivery/site.json" {
        return Thing::Open;
    }
    let Some(below) = path.strip_prefix("delivery/") else {
        return if path == "delivery" { Thing::Closed } else { Thing::Nothing };
    };
    let named = |folder: &str| below.strip_prefix(folder)?.strip_suffix(".json");
    // One form only: no two names are one file on a disk that does not tell cases apart.
    let uuid = |text: &str| Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text);
    if let Some(id) = named("agents/").and_then(uuid) {
        return Thing::Jobs(id);
    }
    if let Some((id, n)) = named("reports/").and_then(|name| name.split_once('.')) {
        let number = n.parse::<u64>().ok().filter(|number| *number > 0 && number.to_string() == n);
        if let Some((id, number)) = uuid(id).zip(number) {
            return Thing::Report(id, number);
        }
    }
    if let Some(token) = named("enrol/") {
        let is_token = token.len() == 16 && token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_token {
            return Thing::Enrolment(token.to_owned());
        }
    }
    Thing::Closed
}

/// Answers what is special about a staging library; `None` where the request is one for a file that may be read.
pub(super) async fn decide(folder: &Path, head: &Parts, body: Body) -> Option<Response> {
    let path = match place_of(head.uri.path()) {
        Place::File(path) => path,
        Place::Index | Place::Nowhere => return Some(said(StatusCode::NOT_FOUND, "not found")),
    };
    let reads = head.method == Method::GET || head.method == Method::HEAD;
    let folder = folder.to_owned();
    match (thing_of(&path), head.method.clone()) {
        (Thing::Nothing, _) => Some(said(StatusCode::NOT_FOUND, "not found")),
        (Thing::Open, _) => None,
        (Thing::Jobs(agent), _) if reads => {
            let headers = head.headers.clone();
            blocking(move || Refusal(jobs(&folder, agent, &path, &headers))).await.0
        }
        (Thing::Report(agent, n), Method::PUT) => {
            let bytes = match take(head, body, SIGNED_REPORT_MAX_BYTES).await {
                Ok(bytes) => bytes,
                Err(refusal) => return Some(refusal),
            };
            Some(blocking(move || report(&folder, agent, n, &path, &bytes)).await)
        }
        (Thing::Enrolment(token), Method::PUT) => {
            let bytes = match take(head, body, ENROLMENT_MAX_BYTES).await {
                Ok(bytes) => bytes,
                Err(refusal) => return Some(refusal),
            };
            Some(blocking(move || enrolment(&folder, &token, &path, &bytes)).await)
        }
        _ => Some(forbidden()),
    }
}

/// An answer, or none, from a thread for the disk.
struct Refusal(Option<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Some(response))
    }
}

fn forbidden() -> Response {
    said(StatusCode::FORBIDDEN, "not for you")
}

/// What was sent, if it is not too much and comes in time.
async fn take(head: &Parts, body: Body, most: u64) -> Result<Bytes, Response> {
    let too_large = || said(StatusCode::PAYLOAD_TOO_LARGE, "it is too large");
    let told = head.headers.get(axum::http::header::CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<u64>().ok());
    if told.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    match tokio::time::timeout(BODY_WITHIN, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(said(StatusCode::REQUEST_TIMEOUT, "it came too slowly")),
    }
}

/// The jobs of an agent, for that agent: `None` lets the file be sent.
fn jobs(folder: &Path, agent: Uuid, path: &str, headers: &HeaderMap) -> Option<Response> {
    let unproven = || Some(said(StatusCode::UNAUTHORIZED, "prove which agent you are"));
    let header = headers.get(PROOF_HEADER).and_then(|header| header.to_str().ok());
    let Some(proof) = header.and_then(AgentProof::signed) else { return unproven() };
    let key = match key_of(folder, agent) {
        Ok(Some(key)) => key,
        Ok(None) => return Some(said(StatusCode::NOT_FOUND, "not found")),
        Err(error) => return Some(unreadable(&error)),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    match proof.verify([key.as_str()]) {
        Ok((text, _)) if AgentProof::holds(text, agent, path, now) => None,
        _ => unproven(),
    }
}

/// A report of an agent, made once.
fn report(folder: &Path, agent: Uuid, n: u64, path: &str, bytes: &[u8]) -> Response {
    #[derive(Deserialize)]
    struct Head {
        kind: String,
        agent: Uuid,
        n: u64,
    }
    let key = match key_of(folder, agent) {
        Ok(Some(key)) => key,
        Ok(None) => return forbidden(),
        Err(error) => return unreadable(&error),
    };
    let Ok(signed) = SignedDocument::parse(bytes) else {
        return said(StatusCode::BAD_REQUEST, "it is no signed report");
    };
    let Ok((text, _)) = signed.verify([key.as_str()]) else { return forbidden() };
    match serde_json::from_str::<Head>(text) {
        Ok(head) if head.kind == "report" && head.agent == agent && head.n == n => {
            made(folder, REPORTS, path, bytes)
        }
        _ => forbidden(),
    }
}

/// The enrolment of a new agent, made once, while its token is open.
fn enrolment(folder: &Path, token: &str, path: &str, bytes: &[u8]) -> Response {
    #[derive(Deserialize)]
    struct Form {
        #[serde(rename = "document")]
        _document: String,
        hmac: String,
    }
    let open = Root::open(folder).and_then(|root| root.facts(&format!("{ENROL}/{token}.open"), false));
    match open {
        Ok(facts) if facts.kind == Kind::File => {}
        Err(error) if !is_absent(&error) => return unreadable(&error),
        _ => return forbidden(),
    }
    match serde_json::from_slice::<Form>(bytes) {
        Ok(form) if parse_hex::<32>(&form.hmac).is_some() => made(folder, ENROL, path, bytes),
        _ => said(StatusCode::BAD_REQUEST, "it is no enrolment"),
    }
}

/// The public key of an agent, as the manager wrote it into its jobs; `None` where there is no such agent.
fn key_of(folder: &Path, agent: Uuid) -> io::Result<Option<String>> {
    #[derive(Deserialize)]
    struct Head {
        agent: Uuid,
        agent_key: String,
    }
    let path = format!("delivery/agents/{}.json", agent.hyphenated());
    let file = match Root::open(folder)?.open_file(&path, false) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(SIGNED_MAX_BYTES).read_to_end(&mut bytes)?;
    let head = SignedDocument::parse(&bytes).ok();
    let head = head.and_then(|signed| serde_json::from_str::<Head>(&signed.document).ok());
    Ok(head.filter(|head| head.agent == agent).map(|head| head.agent_key))
}

/// Makes a file that is not there, whole; what is told to be there outlives a power cut.
fn made(folder: &Path, within: &str, path: &str, bytes: &[u8]) -> Response {
    let make = || -> io::Result<()> {
        let root = Root::open(folder)?;
        root.make_folders(within)?;
        // No link leads elsewhere: asked without following one.
        root.folder(within, false)?;
        let temporary = folder.join(within).join(format!("{UNFINISHED}{}", Uuid::new_v4().simple()));
        let written = crate::disk::create_file(&temporary)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| rename_new(&temporary, &folder.join(path)))
            .and_then(|()| root.sync_folder(within));
        if written.is_err() {
            fs::remove_file(&temporary).ok();
        }
        written
    };
    match make() {
        Ok(()) => said(StatusCode::CREATED, "made"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            said(StatusCode::PRECONDITION_FAILED, "it is there already")
        }
        Err(error) => {
            tracing::warn!(%error, path, "it cannot be written");
            said(StatusCode::INSUFFICIENT_STORAGE, "it cannot be written")
        }
    }
}

fn unreadable(error: &io::Error) -> Response {
    tracing::warn!(%error, "the folder cannot be read");
    said(StatusCode::SERVICE_UNAVAILABLE, "the folder cannot be read")
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_one_thing_or_is_closed() {
        let id = "00000000-0000-0000-0000-0000000000ab";
        let uuid = Uuid::from_u128(0xab);
        for (path, thing) in [
            ("packages/7-Zip/24.09/reginfo.json".to_owned(), Thing::Open),
            ("delivery/site.json".to_owned(), Thing::Open),
            (format!("delivery/agents/{id}.json"), Thing::Jobs(uuid)),
            (format!("delivery/agents/{}.json", id.to_uppercase()), Thing::Closed),
            (format!("delivery/agents/{}.json", id.replace('-', "")), Thing::Closed),
            ("delivery/agents".to_owned(), Thing::Closed),
            (format!("delivery/reports/{id}.7.json"), Thing::Report(uuid, 7)),
            (format!("delivery/reports/{id}.07.json"), Thing::Closed),
            (format!("delivery/reports/{id}.0.json"), Thing::Closed),
            (format!("delivery/reports/{id}.+7.json"), Thing::Closed),
            (format!("delivery/reports/x/{id}.7.json"), Thing::Closed),
            ("delivery/reports".to_owned(), Thing::Closed),
            (
                "delivery/enrol/00000000000000ab.json".to_owned(),
                Thing::Enrolment("00000000000000ab".to_owned()),
            ),
            ("delivery/enrol/00000000000000ab.open".to_owned(), Thing::Closed),
            ("delivery/enrol/00000000000000AB.json".to_owned(), Thing::Closed),
            ("delivery/other".to_owned(), Thing::Closed),
            ("catalog.db".to_owned(), Thing::Nothing),
            ("packages".to_owned(), Thing::Nothing),
            ("deliveryx/site.json".to_owned(), Thing::Nothing),
        ] {
            assert_eq!(thing_of(&path), thing, "{path}");
        }
    }
}
