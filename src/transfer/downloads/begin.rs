//! The beginning of a download, and of its going on: what is kept is loaded or fetched again, judged, and the transfer
//! started. Runs on a thread of its own, since a network may take its time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::anew::{NewSnapshot, staying};
use super::home::{checkpoint_failure, database_failure, with_database};
use super::live::LiveDownload;
use super::offer::{self, Fetching, NotTaken, Payload};
use super::{Shared, lock};
use crate::disk::FileStamp;
use crate::failure::{Class, Failure};
use crate::package::download::{CodebaseEntry, DownloadId, DownloadRecord, LadderKind, TrustDecision};
use crate::package::{ProgressRecord, Sha256Digest, record::PackageId};
use crate::transfer::bits::Bits;
use crate::transfer::checkpoint::{CredentialsByAddress, KeptSnapshot, Loaded};
use crate::transfer::trust::{Judgement, Taken, Terms};
use crate::transfer::{
    CodebaseAddress, Credentials, Event, EventKind, FileHint, Hints, Ladder, Plan, Transfer, TransferError,
    TransferOptions, Waker,
};

/// A download that has begun.
pub(super) struct Begun {
    pub(super) record: DownloadRecord,
    pub(super) live: LiveDownload,
    pub(super) snapshot: Sha256Digest,
}

/// Why a download has not begun.
pub(super) struct NotBegun {
    pub(super) failure: Failure,
    /// Whether it is tried again by itself.
    pub(super) is_temporary: bool,
    /// Whether another program has its folder.
    pub(super) is_elsewhere: bool,
    /// The snapshot was published anew, and somebody is to say whether it is taken.
    pub(super) anew: Option<Box<NewSnapshot>>,
}

/// How it is to begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct How {
    /// Everything in the folder is looked at, whatever is known of it.
    pub(super) without_hints: bool,
    /// The snapshot is fetched again, whether there is one or not.
    pub(super) fetch_snapshot: bool,
    /// It begins only with another snapshot than this.
    pub(super) changed_from: Option<Sha256Digest>,
    /// The snapshot that somebody decided for; it is fetched again.
    pub(super) accepts: Option<Sha256Digest>,
}

impl NotBegun {
    fn asks(anew: NewSnapshot) -> Self {
        let failure =
            Failure::new("download-anew", Class::No, anew.words(), "Continue with the new one, or pause it");
        Self { failure, is_temporary: false, is_elsewhere: false, anew: Some(Box::new(anew)) }
    }
}

impl From<Failure> for NotBegun {
    fn from(failure: Failure) -> Self {
        let is_temporary = failure.temporary || failure.class == Class::Environment;
        Self { is_temporary, failure, is_elsewhere: false, anew: None }
    }
}

impl From<TransferError> for NotBegun {
    fn from(error: TransferError) -> Self {
        // A folder that cannot be made now, a disk that is not there: it is tried again.
        let is_temporary = error.is_temporary() || matches!(error, TransferError::Folder { .. });
        let is_elsewhere = matches!(error, TransferError::FolderInUse(_));
        Self { failure: error.explain(), is_temporary, is_elsewhere, anew: None }
    }
}

/// The terms on which a download of before is judged again.
pub(super) fn terms_of(record: &DownloadRecord, revision_seen: Option<u64>) -> Terms {
    let mut terms = Terms {
        allow_older: record.allow_older,
        revision_seen,
        expected: record.package,
        ..Terms::default()
    };
    match &record.trust {
        Some(TrustDecision::Unsigned { allowed }) => terms.unsigned = Some(allowed.clone()),
        Some(TrustDecision::ThisOnce { key_id, allowed }) => {
            terms.unknown_key = Some((key_id.clone(), allowed.clone()));
        }
        _ => {}
    }
    terms
}

/// Begins the download, or goes on with it.
pub(super) fn begin(shared: &Shared, id: DownloadId, how: How, waker: Waker) -> Result<Begun, NotBegun> {
    let checkpoints = shared.checkpoints()?;
    let loaded = with_database(&*shared.home, |catalogue| checkpoints.load(catalogue, id))?
        .map_err(|error| NotBegun::from(checkpoint_failure(&error)))?;
    let Loaded { record, snapshot, progress, credentials, problems } = loaded;
    let mut events: Vec<Event> = problems
        .iter()
        .map(|problem| Event { at: Timestamp::now(), kind: EventKind::Survey, text: problem.to_string() })
        .collect();
    let keys = shared.keys()?;
    let seen = match record.package {
        Some(package) => with_database(&*shared.home, |catalogue| catalogue.revision_seen(package))?
            .map_err(|error| database_failure(&error))?,
        None => None,
    };
    let terms = terms_of(&record, seen);
    // What was taken once stays taken: another download may have seen a newer revision since.
    let kept_terms = Terms { revision_seen: None, ..terms.clone() };
    let kept = snapshot.map(|texts| match offer::judge(&texts, &keys, &kept_terms) {
        Judgement::Taken(taken) => (texts, Some(taken)),
        // What was kept is not taken any more: what is offered now decides.
        Judgement::FetchOnceMore(_) | Judgement::Refused(_) => (texts, None),
    });
    let mut taken_anew = None;
    let asks = shared.asks.load(Ordering::Acquire);
    let is_kept = !how.fetch_snapshot && how.changed_from.is_none() && how.accepts.is_none();
    let (texts, payload, taken) = match kept {
        Some((texts, Some(taken))) if is_kept => {
            let payload = payload_of(&texts);
            (texts, payload, taken)
        }
        kept => {
            let own = credentials_for(&credentials, &record.address);
            let network = &shared.options.network;
            let fetching = Fetching { address: &record.address, credentials: own.as_ref(), network };
            // Somebody is asked about an older one.
            let offered_terms = Terms { allow_older: terms.allow_older || asks, ..terms.clone() };
            let fetched = fetching.judged(&keys, &offered_terms);
            let fetched = fetched.map_err(|why: NotTaken| NotBegun {
                is_temporary: why.is_temporary(),
                failure: why.explain(&record.address),
                is_elsewhere: false,
                anew: None,
            })?;
            if how.changed_from == Some(fetched.0.digest()) {
                return Err(unchanged().into());
            }
            let anew = compared(kept.as_ref(), (&fetched.0, &fetched.2), &terms, progress.as_ref())?;
            let is_agreed = how.accepts == Some(fetched.0.digest());
            let text = match anew {
                Some(anew) if asks && !is_agreed => return Err(NotBegun::asks(anew)),
                Some(anew) => taken_anew.insert(anew).words(),
                None => "the snapshot was fetched".to_owned(),
            };
            events.push(Event { at: Timestamp::now(), kind: EventKind::Survey, text });
            fetched
        }
    };
    let record = keep(shared, record, &texts, &taken)?;
    let plan = offer::plan_of(&texts, *taken)?;
    let hints = progress
        .filter(|progress| !how.without_hints && progress.snapshot == texts.digest())
        .map(|progress| hints_of(&progress, &plan));
    let codebases = codebases_of(&record, &texts, &payload, &plan, &credentials)?;
    with_database(&*shared.home, |catalogue| {
        checkpoints.begin(catalogue, record.kept_as.unwrap_or(PackageId(id.0)))
    })?
    .map_err(|error| NotBegun::from(checkpoint_failure(&error)))?;
    let options = TransferOptions {
        folder: record.folder.clone(),
        codebases,
        reuse: shared.home.block_sources(record.key.as_ref(), &plan),
        connections: usize::try_from(record.connections).unwrap_or(0),
        limit_bytes_per_second: record.limit_bytes_per_s,
        ladder: match record.ladder {
            LadderKind::Console => Ladder::Console,
            LadderKind::Agent => Ladder::Agent,
        },
        hints,
        network: shared.options.network.clone(),
        ..TransferOptions::default()
    };
    let snapshot = texts.digest();
    let transfer = Transfer::start(plan, options, waker)?;
    let earlier = lock(&shared.live).get(&id).cloned();
    let live = LiveDownload::new(transfer, events, earlier.as_ref(), taken_anew);
    Ok(Begun { record, live, snapshot })
}

/// What is new of an offer; `None` where it is the one that was kept, or the first, and no older one than was allowed.
fn compared(
    kept: Option<&(KeptSnapshot, Option<Box<Taken>>)>,
    (texts, taken): (&KeptSnapshot, &Taken),
    terms: &Terms,
    progress: Option<&ProgressRecord>,
) -> Result<Option<NewSnapshot>, TransferError> {
    let digest = texts.digest();
    let revision = |taken: &Taken| taken.package.as_ref().map(|(_, info)| info.revision);
    let new_revision = revision(taken);
    let seen_revision = terms.revision_seen.filter(|seen| new_revision.is_some_and(|new| new < *seen));
    let is_other = kept.is_some_and(|(kept, _)| kept.digest() != digest);
    if !is_other && (seen_revision.is_none() || terms.allow_older) {
        return Ok(None);
    }
    let plan = offer::plan_of(texts, taken.clone())?;
    let old = kept.and_then(|(kept, taken)| Some((kept, taken.as_deref()?)));
    let staying = match old {
        Some((kept, taken)) => {
            let old = offer::plan_of(kept, taken.clone())?;
            let progress = progress.filter(|progress| progress.snapshot == kept.digest());
            Some(progress.map_or((0, 0), |progress| staying(&old, &plan, progress)))
        }
        None => None,
    };
    Ok(Some(NewSnapshot {
        digest,
        old_revision: old.and_then(|(_, taken)| revision(taken)),
        new_revision,
        seen_revision,
        blocks: plan.blocks(),
        blocks_stay: staying.map(|(blocks, _)| blocks),
        bytes_to_fetch: plan.total_bytes().saturating_sub(staying.map_or(0, |(_, bytes)| bytes)),
    }))
}

/// The snapshot at the address is the one whose blocks nobody has.
fn unchanged() -> Failure {
    Failure::new(
        "download-invalid",
        Class::No,
        "the codebases no longer have what was sealed",
        "Add another codebase, or ask the publisher",
    )
}

/// Keeps the snapshot of a download and what it says about it.
pub(super) fn keep(
    shared: &Shared,
    mut record: DownloadRecord,
    texts: &KeptSnapshot,
    taken: &Taken,
) -> Result<DownloadRecord, Failure> {
    let checkpoints = shared.checkpoints()?;
    let package = taken.package.as_ref();
    record.package = package.map(|(_, info)| info.id);
    record.key = package.map(|(_, info)| info.key.clone());
    record.trust = Some(taken.decision.clone());
    record.size_bytes = Some(taken.metalink.size_bytes());
    let kept = with_database(&*shared.home, |catalogue| {
        let kept_as = catalogue.change(|change| {
            let kept_as = change.name_download(record.id, record.package, record.key.as_ref())?;
            record.kept_as = Some(kept_as);
            change.set_download(&record)?;
            if let Some((_, info)) = package {
                change.see_revision(info.id, info.revision)?;
            }
            Ok::<_, crate::store::StoreError>(kept_as)
        })?;
        checkpoints.save_snapshot(catalogue, kept_as, texts)
    })?;
    kept.map_err(|error| checkpoint_failure(&error))?;
    Ok(record)
}

/// Where the payload of kept texts is.
fn payload_of(texts: &KeptSnapshot) -> Payload {
    match offer::local_path(&texts.address) {
        Ok(Some(path)) if !texts.address.ends_with(".meta4") && path.is_file() => Payload::Archive(path),
        _ => Payload::Beside,
    }
}

/// Credentials for an address: those of the longest address it begins with.
pub(super) fn credentials_for(kept: &CredentialsByAddress, address: &str) -> Option<Credentials> {
    // `http://srv` is not the beginning of `http://srv.example.org`.
    let is_below = |of: &str| {
        address
            .strip_prefix(of)
            .is_some_and(|rest| of.ends_with('/') || rest.is_empty() || rest.starts_with(['/', '?', '#']))
    };
    let fitting = kept.0.iter().filter(|(of, _)| is_below(of));
    fitting.max_by_key(|(of, _)| of.len()).map(|(_, credentials)| credentials.clone())
}

/// Everything its payload can be had from, mirrors of the snapshot apart.
fn codebases_of(
    record: &DownloadRecord,
    texts: &KeptSnapshot,
    payload: &Payload,
    plan: &Plan,
    credentials: &CredentialsByAddress,
) -> Result<Vec<CodebaseAddress>, TransferError> {
    let mut codebases = Vec::new();
    let is_package = record.package.is_some();
    match payload {
        // Files of others have their own addresses each.
        Payload::Beside if !is_package && plan.files().iter().all(|file| !file.mirrors.is_empty()) => {}
        Payload::Beside => {
            let own = credentials_for(credentials, &record.address);
            codebases.push(offer::base_of(&texts.address)?.with_credentials(own));
        }
        Payload::Archive(path) => codebases.push(offer::archive_source(path, texts)?),
    }
    for CodebaseEntry { address, .. } in &record.codebases {
        let own = credentials_for(credentials, address);
        codebases.push(CodebaseAddress::parse(address)?.with_credentials(own));
    }
    Ok(codebases)
}

/// What the progress record is worth to the survey.
fn hints_of(progress: &ProgressRecord, plan: &Plan) -> Hints {
    let mut hints = Hints { clean_stop: progress.clean_stop, files: BTreeMap::new() };
    for file in &progress.files {
        let index = plan
            .files()
            .binary_search_by(|planned| planned.path.as_bytes().cmp(file.path.as_str().as_bytes()));
        let Ok(index) = index else { continue };
        let blocks = plan.blocks_of(index);
        let mut proven = Bits::new(blocks.len(), false);
        for block in blocks.clone().filter(|block| progress.verified.contains(*block as u64)) {
            proven.put(block - blocks.start, true);
        }
        let stamp = FileStamp { mtime_ns: file.mtime_ns, inode: file.inode };
        let hint = FileHint { size_bytes: file.size_bytes, stamp, proven, etag: file.etag.clone() };
        hints.files.insert(file.path.to_string(), hint);
    }
    hints
}

/// Begins on a thread of its own, which says when it is done.
pub(super) fn start(shared: &Arc<Shared>, id: DownloadId, how: How, waker: Waker) {
    let own = Arc::clone(shared);
    let begun = std::thread::Builder::new().name("download-begin".to_owned()).spawn(move || {
        let begun = begin(&own, id, how, waker);
        own.send(super::keeper::Message::Begun(id, Box::new(begun)));
    });
    if let Err(error) = begun {
        let failure = TransferError::Setup(error.to_string()).explain();
        let not_begun = NotBegun { failure, is_temporary: true, is_elsewhere: false, anew: None };
        shared.send(super::keeper::Message::Begun(id, Box::new(Err(not_begun))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_no_other_server() {
        let credentials = Credentials::Bearer { token: "t".to_owned() };
        let kept = CredentialsByAddress(BTreeMap::from([("http://srv".to_owned(), credentials.clone())]));
        for (address, is_given) in [
            ("http://srv", true),
            ("http://srv/7-Zip/", true),
            ("http://srv?x=1", true),
            ("http://srv.example.org/", false),
            ("http://srv:81/", false),
            ("https://srv/", false),
        ] {
            assert_eq!(credentials_for(&kept, address).is_some(), is_given, "{address}");
        }
    }
}
