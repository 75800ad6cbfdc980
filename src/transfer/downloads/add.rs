//! A look at what an address offers, and taking it into the list of downloads.
//!
//! Owns what has to be decided before a byte of payload is fetched, and which folder a download gets. What was looked
//! at is kept for a while: what is added is what was shown, not what the address has meanwhile.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::begin::keep;
use super::home::{checkpoint_failure, database_failure, with_database};
use super::keeper::Message;
use super::offer::{self, Fetching, Payload};
use super::{Downloads, Shared, lock};
use crate::failure::{Class, Failure};
use crate::package::bucket::BucketAddress;
use crate::package::download::{
    Allowance, CodebaseEntry, DownloadId, DownloadRecord, DownloadState, LadderKind, Wanted,
};
use crate::package::metalink::{self, Metalink};
use crate::package::reginfo::RegInfo;
use crate::package::{PackageKey, address};
use crate::transfer::checkpoint::{CredentialsByAddress, KeptSnapshot};
use crate::transfer::plan::{PIECE_LEAST_BYTES, WHOLE_AS_BLOCK_BYTES};
use crate::transfer::trust::{Judgement, Refusal, Taken, Terms};
use crate::transfer::{CodebaseAddress, Credentials, TransferError};

/// How long what was looked at stays what is added.
const LOOKED_FOR: Duration = Duration::from_secs(15 * 60);
/// How many looks are kept.
const LOOKS_MOST: usize = 4;
/// Codebases a download may have beside its address.
const CODEBASES_MOST: usize = 64;
/// Longest name of a folder that is made of the title of a download, in bytes.
const FOLDER_NAME_MOST_BYTES: usize = 120;

/// What lies at an address.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferLook {
    /// Name and version, or the last part of the address.
    pub title: String,
    /// Name and version, where it is a package of ours.
    pub key: Option<PackageKey>,
    /// Number of files.
    pub files: usize,
    /// Bytes of all of them, those of unknown size not counted.
    pub size_bytes: u64,
    /// Number of blocks.
    pub blocks: usize,
    /// Size of the largest block in bytes; 0 where there is none.
    pub block_size_bytes: u64,
    /// Its revision, where it is a package of ours.
    pub revision: Option<u64>,
    /// What its seal is worth here.
    pub seal: OfferSeal,
    /// Servers its Metalink names.
    pub codebases: Vec<String>,
    /// Why it is not downloaded, whatever is decided about its seal.
    pub refusal: Option<Failure>,
    /// The library has a package of this name and version.
    pub already: bool,
}

/// What the seal of an offer is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferSeal {
    /// A trusted key sealed it, and the seal covers everything that came with it.
    Trusted {
        /// Name of the key here.
        name: String,
        /// Its fingerprint.
        key_id: String,
    },
    /// Nobody signed it.
    Unsigned,
    /// It is sealed by a key that is not trusted here.
    Unknown {
        /// Its fingerprint.
        key_id: String,
    },
    /// The seal does not match.
    Broken {
        /// Name of the key it says it is of, where that is known.
        key: Option<String>,
        /// What does not match.
        why: String,
    },
}

/// What is to be downloaded, and how.
#[derive(Clone, Debug)]
pub struct NewDownload {
    /// Address of a snapshot, a Metalink, a package folder or an archive; a name and password in it are kept apart.
    pub address: String,
    /// Where it goes; beside the packages of the library where none is named.
    pub folder: Option<PathBuf>,
    /// Further addresses of the same files.
    pub codebases: Vec<String>,
    /// Most connections at once.
    pub connections: u32,
    /// Most bytes a second.
    pub limit: Option<u64>,
    /// It may be unsigned; why.
    pub unsigned: Option<String>,
    /// It may be sealed by a key that is not known, just this once; why. Counts for the key that [`Downloads::look`] has
    /// shown for this address, and for no other.
    pub unknown_key: Option<String>,
    /// A lower revision than was seen may be taken.
    pub allow_older: bool,
    /// How to sign in.
    pub credentials: Option<Credentials>,
    /// Becomes a package of the library when it is ready.
    pub register: bool,
    /// Which ladder of waits.
    pub ladder: LadderKind,
    /// A download of the same address into the same folder that is in the list goes on, with these terms.
    pub goes_on: bool,
}

/// What was looked at.
pub(super) struct Looked {
    address: String,
    at: Instant,
    texts: KeptSnapshot,
    payload: Payload,
}

impl Downloads {
    /// Fetches the snapshot at `address` and what lies beside it, and judges it. No payload is fetched, and nothing is
    /// kept but in memory. Waits for the network.
    pub fn look(&self, address: &str, credentials: Option<&Credentials>) -> Result<OfferLook, Failure> {
        let shared = &self.shared;
        let network = &shared.options.network;
        let (plain, credentials) = split(address, credentials);
        let fetching = Fetching { address: &plain, credentials: credentials.as_ref(), network };
        let fetched = fetching.fetch().map_err(|why| why.explain(&plain))?;
        let (texts, payload, judged) = settled(shared, &fetching, fetched, &Terms::default())?;
        let look = picture(shared, &plain, &texts, judged)?;
        let mut looks = lock(&shared.looked);
        looks.retain(|one| one.address != plain);
        if looks.len() >= LOOKS_MOST {
            looks.remove(0);
        }
        looks.push(Looked { address: plain, at: Instant::now(), texts, payload });
        Ok(look)
    }

    /// Takes a download into the list and lets it begin in its turn. Waits for the network, unless it was looked at just
    /// before.
    pub fn add(&self, wanted: NewDownload) -> Result<DownloadId, Failure> {
        let shared = &self.shared;
        let who = shared.home.user();
        let (plain, credentials) = split(&wanted.address, wanted.credentials.as_ref());
        let allowance = |reason: &String| Allowance { who: who.clone(), reason: reason.trim().to_owned() };
        let terms = Terms {
            unsigned: wanted.unsigned.as_ref().map(allowance),
            allow_older: wanted.allow_older,
            ..Terms::default()
        };
        let unknown_key = wanted.unknown_key.as_ref().map(allowance);
        let (texts, taken) = self.taken(&plain, credentials.as_ref(), terms, unknown_key)?;
        // What cannot be planned is not taken into the list either.
        offer::plan_of(&texts, (*taken).clone()).map_err(|error| error.explain())?;
        let package = taken.package.as_ref().map(|(_, info)| (info.id, info.key.clone()));
        let id = DownloadId(uuid::Uuid::new_v4());
        let mut record = DownloadRecord::new(id, &whole(&plain), PathBuf::new(), Timestamp::now());
        record.package = package.as_ref().map(|(package, _)| *package);
        record.key = package.map(|(_, key)| key);
        let downloads = with_database(&*shared.home, |catalogue| catalogue.downloads())?;
        let downloads = downloads.map_err(|error| database_failure(&error))?;
        record.folder = match &wanted.folder {
            Some(folder) => std::path::absolute(folder)
                .map_err(|source| TransferError::Folder { folder: folder.clone(), source }.explain())?,
            None => free_folder(&shared.home.downloads_folder(), &super::row::title_of(&record), &downloads),
        };
        require_not_in_library(shared, &record.folder)?;
        let mut by_address = CredentialsByAddress::default();
        if let Some(credentials) = credentials {
            by_address.0.insert(record.address.clone(), credentials);
        }
        record.codebases = codebases(&wanted.codebases, &mut by_address)?;
        record.connections = wanted.connections.clamp(1, crate::transfer::CONNECTIONS_MOST as u32);
        record.limit_bytes_per_s = wanted.limit.filter(|limit| *limit > 0);
        record.ladder = wanted.ladder;
        record.allow_older = wanted.allow_older;
        record.register = wanted.register;
        record.trust = Some(taken.decision.clone());
        let owner = downloads.iter().find(|other| overlap(&other.folder, &record.folder));
        let is_same = |other: &DownloadRecord| {
            let same_thing = match other.package {
                Some(package) => record.package == Some(package),
                None => other.address == record.address,
            };
            same_thing && other.folder == record.folder
        };
        let before = match owner {
            Some(other) if wanted.goes_on && is_same(other) => Some(other),
            Some(other) => return Err(folder_taken(&record.folder, Some(other))),
            None => None,
        };
        if let Some(before) = before {
            record.id = before.id;
            record.place = before.place;
            record.created = before.created;
            record.kept_as = before.kept_as;
        }
        record.wanted = Wanted::Running;
        record.state = DownloadState::Pending;
        let added = with_database(&*shared.home, |catalogue| {
            catalogue.change(|change| match before {
                Some(_) => change.set_download(&record).map(|_| record.clone()),
                None => change.add_download(&record),
            })
        })?;
        let record = added.map_err(|error| database_failure(&error))?;
        let record = keep(shared, record, &texts, &taken)?;
        let checkpoints = shared.checkpoints()?;
        if !by_address.0.is_empty() {
            with_database(&*shared.home, |catalogue| {
                checkpoints.save_credentials(catalogue, record.id, &by_address)
            })?
            .map_err(|error| checkpoint_failure(&error))?;
        }
        let id = record.id;
        let was_ready = before.is_some_and(|before| before.state == DownloadState::Ready);
        shared.send(Message::Added(Box::new(record), was_ready));
        Ok(id)
    }

    /// The texts at an address and what they are worth on these terms, as they were looked at where that was just now.
    /// An unknown key is taken only from what was looked at: nobody has seen the fingerprint of another.
    fn taken(
        &self,
        address: &str,
        credentials: Option<&Credentials>,
        mut terms: Terms,
        unknown_key: Option<Allowance>,
    ) -> Result<(KeptSnapshot, Box<Taken>), Failure> {
        let shared = &self.shared;
        let fetching = Fetching { address, credentials, network: &shared.options.network };
        let looked = {
            let mut looks = lock(&shared.looked);
            let at = looks.iter().position(|one| one.address == address);
            at.map(|at| looks.remove(at)).filter(|looked| looked.at.elapsed() < LOOKED_FOR)
        };
        let (fetched, was_seen) = match looked {
            Some(looked) => ((looked.texts, looked.payload), true),
            None => (fetching.fetch().map_err(|why| why.explain(address))?, false),
        };
        let (texts, payload, judged) = settled(shared, &fetching, fetched, &terms)?;
        let (texts, judged) = match (judged, unknown_key) {
            (Err(Refusal::UnknownKey { key_id }), Some(allowed)) if was_seen => {
                terms.unknown_key = Some((key_id, allowed));
                let (texts, _, judged) = settled(shared, &fetching, (texts, payload), &terms)?;
                (texts, judged)
            }
            (judged, _) => (texts, judged),
        };
        judged.map(|taken| (texts, taken)).map_err(|refusal| refusal.explain(address))
    }
}

/// Texts, where their payload is, and what they are worth.
type Settled = (KeptSnapshot, Payload, Result<Box<Taken>, Refusal>);

/// Judges texts; where they do not fit together they are fetched once more.
fn settled(
    shared: &Shared,
    fetching: &Fetching<'_>,
    fetched: (KeptSnapshot, Payload),
    terms: &Terms,
) -> Result<Settled, Failure> {
    let keys = shared.keys()?;
    let mut terms = terms.clone();
    let (mut texts, mut payload) = fetched;
    let package = metalink::read(&texts.snapshot).ok().and_then(|metalink| metalink.package);
    if let Some(package) = package {
        let seen = with_database(&*shared.home, |catalogue| catalogue.revision_seen(package))?;
        terms.revision_seen = seen.map_err(|error| database_failure(&error))?;
    }
    loop {
        match offer::judge(&texts, &keys, &terms) {
            Judgement::Taken(taken) => return Ok((texts, payload, Ok(taken))),
            Judgement::Refused(refusal) => return Ok((texts, payload, Err(refusal))),
            Judgement::FetchOnceMore(_) => {
                terms.fetched_again = true;
                (texts, payload) = fetching.fetch().map_err(|why| why.explain(fetching.address))?;
            }
        }
    }
}

fn picture(
    shared: &Shared,
    address: &str,
    texts: &KeptSnapshot,
    judged: Result<Box<Taken>, Refusal>,
) -> Result<OfferLook, Failure> {
    let document = metalink::read(&texts.snapshot);
    let mut info: Option<RegInfo> = texts.reginfo.as_deref().and_then(|text| RegInfo::parse(text).ok());
    let mut refusal = None;
    let seal = match judged {
        Ok(taken) => {
            info = taken.package.as_ref().map(|(_, info)| info.clone());
            match &taken.decision {
                crate::package::download::TrustDecision::Sealed { name, key_id } => {
                    OfferSeal::Trusted { name: name.clone(), key_id: key_id.clone() }
                }
                crate::package::download::TrustDecision::ThisOnce { key_id, .. } => {
                    OfferSeal::Unknown { key_id: key_id.clone() }
                }
                crate::package::download::TrustDecision::Unsigned { .. } => OfferSeal::Unsigned,
            }
        }
        Err(Refusal::Unsigned) => OfferSeal::Unsigned,
        Err(Refusal::UnknownKey { key_id }) => OfferSeal::Unknown { key_id },
        Err(Refusal::Broken { signer, why }) => OfferSeal::Broken { key: signer, why },
        // Without a document there is nothing to be shown.
        Err(refused @ (Refusal::Document(_) | Refusal::NoDocument(_) | Refusal::NoHashes)) => {
            return Err(refused.explain(address));
        }
        Err(refused @ Refusal::Older { .. }) => {
            refusal = Some(refused.explain(address));
            // Its revision is looked at last: the seal is that of a trusted key.
            let terms = Terms { allow_older: true, fetched_again: true, ..Terms::default() };
            match offer::judge(texts, &shared.keys()?, &terms) {
                Judgement::Taken(taken) => match taken.decision {
                    crate::package::download::TrustDecision::Sealed { name, key_id } => {
                        OfferSeal::Trusted { name, key_id }
                    }
                    _ => OfferSeal::Unsigned,
                },
                Judgement::FetchOnceMore(other) | Judgement::Refused(other) => {
                    OfferSeal::Broken { key: None, why: other.to_string() }
                }
            }
        }
        Err(refused) => {
            refusal = Some(refused.explain(address));
            match &refused {
                Refusal::SealMissing { missing } => {
                    OfferSeal::Broken { key: None, why: format!("{missing} is missing") }
                }
                _ => OfferSeal::Broken { key: None, why: refused.to_string() },
            }
        }
    };
    let document = document.map_err(|problem| Refusal::Document(problem).explain(address))?;
    let key = info.as_ref().map(|info| info.key.clone());
    let mut record =
        DownloadRecord::new(DownloadId(uuid::Uuid::nil()), address, PathBuf::new(), Timestamp::now());
    record.key.clone_from(&key);
    let already = match &key {
        Some(key) => with_database(&*shared.home, |catalogue| catalogue.package_by_key(key))?
            .map_err(|error| database_failure(&error))?
            .is_some(),
        None => false,
    };
    let (blocks, block_size_bytes) = blocks_of(&document);
    Ok(OfferLook {
        title: super::row::title_of(&record),
        key,
        files: document.files.len(),
        size_bytes: document.size_bytes(),
        blocks,
        block_size_bytes,
        revision: info.as_ref().map(|info| info.revision),
        seal,
        codebases: servers_of(&document, &texts.address),
        refusal,
        already,
    })
}

/// How many blocks a document has, and the size of the largest.
fn blocks_of(document: &Metalink) -> (usize, u64) {
    let (mut blocks, mut largest) = (0_usize, 0);
    for file in &document.files {
        match &file.pieces {
            Some(pieces) if !pieces.hashes.is_empty() => {
                blocks += pieces.hashes.len();
                largest = largest.max(pieces.length_bytes.max(PIECE_LEAST_BYTES));
            }
            _ if file.size_bytes == Some(0) => {}
            _ => {
                blocks += 1;
                largest = largest.max(file.size_bytes.unwrap_or(0).min(WHOLE_AS_BLOCK_BYTES));
            }
        }
    }
    (blocks, largest)
}

/// The servers a document names, each once, beside the one it lies on itself.
fn servers_of(document: &Metalink, address: &str) -> Vec<String> {
    let server = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        (scheme.starts_with("http") && !host.is_empty()).then(|| format!("{scheme}://{host}"))
    };
    let own = server(address);
    let mut servers: Vec<String> = Vec::new();
    for url in document.files.iter().flat_map(|file| file.urls.iter()) {
        let Some(server) = server(&address::without_credentials(&url.reference).0) else { continue };
        if Some(&server) != own.as_ref() && !servers.contains(&server) && servers.len() < CODEBASES_MOST {
            servers.push(server);
        }
    }
    servers
}

/// The address without its name and password, and those. A bucket becomes the web server it is; `given` are those of
/// another source, for the same address, and win.
fn split(address: &str, given: Option<&Credentials>) -> (String, Option<Credentials>) {
    let (plain, own) = address::without_credentials(address.trim());
    let own = own.map(|(user, password)| Credentials::Basic { user, password });
    let credentials = given.cloned().or(own);
    let url = url::Url::parse(&plain).ok().filter(|url| url.scheme() == "s3");
    match url.and_then(|url| BucketAddress::of(&url).ok()) {
        Some(bucket) => {
            (bucket.web_address(), credentials.map(|credentials| credentials.for_bucket(bucket.region())))
        }
        // What is no bucket is refused by whoever reads the address.
        None => (plain, credentials),
    }
}

/// A path of this computer as one that does not depend on the folder the program was started in.
fn whole(address: &str) -> String {
    match offer::local_path(address) {
        Ok(Some(path)) => std::path::absolute(&path).unwrap_or(path).display().to_string(),
        _ => address.to_owned(),
    }
}

fn codebases(
    wanted: &[String],
    credentials: &mut CredentialsByAddress,
) -> Result<Vec<CodebaseEntry>, Failure> {
    if wanted.len() > CODEBASES_MOST {
        let message = format!("more than {CODEBASES_MOST} codebases");
        return Err(Failure::new("download-address", Class::Usage, message, "Give fewer codebases"));
    }
    let mut entries = Vec::new();
    for text in wanted {
        let (plain, own) = split(text, None);
        CodebaseAddress::parse(&plain).map_err(|error| error.explain())?;
        let address = whole(&plain);
        if let Some(own) = own {
            credentials.0.insert(address.clone(), own);
        }
        entries.push(CodebaseEntry { address, added: true });
    }
    Ok(entries)
}

/// An error if a folder is one of the library's own: what is written there would be taken for part of a package.
fn require_not_in_library(shared: &Shared, folder: &Path) -> Result<(), Failure> {
    let is_download = folder.parent() == Some(&*shared.home.downloads_folder());
    if is_download || !overlap(folder, shared.home.folder()) {
        return Ok(());
    }
    let library = shared.home.folder();
    let holds_it = library.starts_with(folder) && library != folder;
    let message = match holds_it {
        true => format!("the library lies in {}", folder.display()),
        false => format!("{} is a folder of the library", folder.display()),
    };
    let action = "Choose a folder outside the library, or none: then it goes beside the packages";
    Err(Failure::new("download-into-library", Class::Refused, message, action))
}

/// Whether one of the folders lies in the other.
fn overlap(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let existing = path.ancestors().find_map(|above| {
            let rest = path.strip_prefix(above).ok()?;
            std::fs::canonicalize(above)
                .ok()
                .map(|real| if rest.as_os_str().is_empty() { real } else { real.join(rest) })
        });
        existing.unwrap_or_else(|| path.to_owned())
    };
    let (one, other) = (real(one), real(other));
    one.starts_with(&other) || other.starts_with(&one)
}

/// A folder below `parent` that no download has and nothing lies in.
fn free_folder(parent: &Path, title: &str, downloads: &[DownloadRecord]) -> PathBuf {
    let forbidden = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let mut name: String = title.chars().map(|c| if forbidden(c) { '_' } else { c }).collect();
    while name.len() > FOLDER_NAME_MOST_BYTES {
        name.pop();
    }
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let name = if name.is_empty() { "download" } else { name };
    let is_free = |folder: &PathBuf| {
        !folder.exists() && !downloads.iter().any(|download| overlap(&download.folder, folder))
    };
    let numbered = (2..).map(|number| parent.join(format!("{name} ({number})")));
    let mut folders = std::iter::once(parent.join(name)).chain(numbered);
    folders.find(is_free).unwrap_or_else(|| parent.join(name))
}

/// The folder belongs to another download.
pub(super) fn folder_taken(folder: &Path, owner: Option<&DownloadRecord>) -> Failure {
    let failure = Failure::new(
        "folder-taken",
        Class::Refused,
        format!("{} belongs to another download", folder.display()),
        "Show that download, or choose another folder",
    );
    match owner {
        Some(owner) => {
            let title = super::row::title_of(owner);
            failure
                .because(format!("it is filled by the download of {title} into {}", owner.folder.display()))
        }
        None => failure,
    }
}
