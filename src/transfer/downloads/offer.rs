//! What an address offers: its snapshot, the texts beside it, and a judgement of them, before a byte of payload.
//!
//! An address is that of a snapshot or Metalink, of a package folder, or of an archive; on a web server or on this
//! computer. Owns which texts are fetched and from where; what they are worth is for [`crate::transfer::trust`] to say.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive_file::{ArchiveBlocks, ArchiveReader};
use crate::failure::{Class, Failure};
use crate::package::Sha256Digest;
use crate::package::address;
use crate::package::bag::write as bag;
use crate::package::metalink::{self, DOCUMENT_MAX_BYTES};
use crate::package::reginfo::{COVERED_NAMES, DATA_NAME, REGINFO_MAX_BYTES, REGINFO_NAME, SEAL_NAME};
use crate::package::snapshot::{self, SNAPSHOT_NAME};
use crate::package::trust::KeyInfo;
use crate::transfer::checkpoint::KeptSnapshot;
use crate::transfer::trust::{self, Judgement, Offer, Refusal, Taken, Terms};
use crate::transfer::{
    BlockRequest, BlockSource, CodebaseAddress, Credentials, Mirror, NetworkOptions, Plan, PlanProblem,
    PlannedFile, TagFile, TransferError, fetch_document,
};

/// Largest seal that is taken, in bytes.
const SEAL_MAX_BYTES: u64 = 64 * 1024;

/// Where the payload of an offer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// Below the address of its snapshot.
    Beside,
    /// In this archive.
    Archive(PathBuf),
}

/// Why an offer is not taken.
#[derive(Debug)]
pub(super) enum NotTaken {
    /// It could not be fetched.
    Fetch(TransferError),
    /// It is refused, whatever is tried.
    Refused(Refusal),
    /// An archive that cannot be read, and the like.
    Other(Failure),
}

impl NotTaken {
    /// Whether trying again later may help without anything being changed.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Fetch(error) => error.is_temporary(),
            Self::Other(failure) => failure.temporary,
            Self::Refused(_) => false,
        }
    }

    /// As a person reads it; `subject` is the address.
    pub(super) fn explain(&self, subject: &str) -> Failure {
        match self {
            Self::Fetch(error) => error.explain(),
            Self::Refused(refusal) => refusal.explain(subject),
            Self::Other(failure) => failure.clone(),
        }
    }
}

impl From<TransferError> for NotTaken {
    fn from(error: TransferError) -> Self {
        Self::Fetch(error)
    }
}

/// How the texts of an offer are fetched.
pub(super) struct Fetching<'a> {
    pub(super) address: &'a str,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) network: &'a NetworkOptions,
}

/// The path an address names, where it is one of this computer.
pub(super) fn local_path(text: &str) -> Result<Option<PathBuf>, TransferError> {
    match CodebaseAddress::parse(text)? {
        CodebaseAddress::Folder(path) => Ok(Some(path)),
        _ => Ok(None),
    }
}

impl Fetching<'_> {
    /// Fetches all texts and judges them; where they do not fit together, once more.
    pub(super) fn judged(
        &self,
        keys: &[KeyInfo],
        terms: &Terms,
    ) -> Result<(KeptSnapshot, Payload, Box<Taken>), NotTaken> {
        let mut terms = terms.clone();
        loop {
            let (texts, payload) = self.fetch()?;
            match judge(&texts, keys, &terms) {
                Judgement::Taken(taken) => return Ok((texts, payload, taken)),
                Judgement::Refused(refusal) => return Err(NotTaken::Refused(refusal)),
                Judgement::FetchOnceMore(_) => terms.fetched_again = true,
            }
        }
    }

    /// Fetches the snapshot and what lies beside it.
    pub(super) fn fetch(&self) -> Result<(KeptSnapshot, Payload), NotTaken> {
        if let Some(path) = local_path(self.address)? {
            if matches!(std::fs::metadata(&path), Err(error) if error.kind() == io::ErrorKind::NotFound) {
                return Err(TransferError::NoSuchPath(path).into());
            }
            if path.is_file() && !is_metalink_name(&path.to_string_lossy()) {
                return Ok((of_archive(&path)?, Payload::Archive(path)));
            }
            let is_folder = path.is_dir();
            let snapshot = if is_folder { path.join(SNAPSHOT_NAME) } else { path.clone() };
            let snapshot = std::path::absolute(&snapshot).unwrap_or(snapshot);
            return match self.texts(&snapshot.display().to_string()) {
                Err(NotTaken::Fetch(error)) if is_folder && error.is_absent() => {
                    Err(TransferError::NoSnapshot(path).into())
                }
                texts => Ok((texts?, Payload::Beside)),
            };
        }
        let (plain, query) = split_query(self.address);
        if is_metalink_name(plain) {
            return Ok((self.texts(self.address)?, Payload::Beside));
        }
        let slash = if plain.ends_with('/') { "" } else { "/" };
        match self.texts(&format!("{plain}{slash}{SNAPSHOT_NAME}{query}")) {
            // A Metalink of others may have any name.
            Err(NotTaken::Fetch(error)) if error.is_absent() && slash == "/" => {
                Ok((self.texts(self.address)?, Payload::Beside))
            }
            texts => Ok((texts?, Payload::Beside)),
        }
    }

    fn texts(&self, snapshot: &str) -> Result<KeptSnapshot, NotTaken> {
        let document = fetch_document(snapshot, self.credentials, self.network, DOCUMENT_MAX_BYTES as u64)?;
        let address = document.address;
        let text = utf8(document.content, &address)?;
        let mut kept =
            KeptSnapshot { address, snapshot: text, reginfo: None, seal: None, tag_files: BTreeMap::new() };
        let is_ours = metalink::read(&kept.snapshot).is_ok_and(|metalink| metalink.package.is_some());
        // The mark can be taken out of a snapshot of ours; its name, or what lies beside it, gives it away.
        if !is_ours && !split_query(&kept.address).0.ends_with(SNAPSHOT_NAME) {
            return Ok(kept);
        }
        kept.reginfo = self.beside(&kept.address, REGINFO_NAME, REGINFO_MAX_BYTES)?;
        kept.seal = self.beside(&kept.address, SEAL_NAME, SEAL_MAX_BYTES)?;
        if kept.reginfo.is_some() && kept.seal.is_some() {
            for name in COVERED_NAMES.into_iter().filter(|name| *name != SNAPSHOT_NAME) {
                if let Some(text) = self.beside(&kept.address, name, DOCUMENT_MAX_BYTES as u64)? {
                    kept.tag_files.insert(name.to_owned(), text);
                }
            }
        }
        Ok(kept)
    }

    /// The text of a file beside the snapshot; `None` where there is none.
    pub(super) fn beside(&self, snapshot: &str, name: &str, most: u64) -> Result<Option<String>, NotTaken> {
        let address = match local_path(snapshot)? {
            Some(path) => path.with_file_name(name).display().to_string(),
            None => {
                let (_, query) = split_query(snapshot);
                let resolved = address::resolve(snapshot, name).map_err(|problem| {
                    TransferError::Address { address: snapshot.to_owned(), why: problem.to_string() }
                })?;
                format!("{resolved}{query}")
            }
        };
        match fetch_document(&address, self.credentials, self.network, most) {
            Ok(document) => Ok(Some(utf8(document.content, name)?)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Judges kept or fetched texts.
pub(super) fn judge(texts: &KeptSnapshot, keys: &[KeyInfo], terms: &Terms) -> Judgement {
    let tag_files: BTreeMap<String, Vec<u8>> =
        texts.tag_files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())).collect();
    let offer = Offer {
        snapshot: &texts.snapshot,
        reginfo: texts.reginfo.as_deref(),
        seal: texts.seal.as_deref(),
        tag_files: &tag_files,
    };
    trust::judge(&offer, keys, terms)
}

/// What is to be fetched for an offer that was taken.
pub(super) fn plan_of(texts: &KeptSnapshot, taken: Taken) -> Result<Plan, TransferError> {
    if let Some((snapshot, info)) = taken.package {
        return Ok(Plan::of_package(snapshot, &info, tags_of(texts))?);
    }
    let base = match local_path(&texts.address)? {
        Some(path) => url_of(&path),
        None => texts.address.clone(),
    };
    let no_size = |path: &str| PlanProblem::Pieces { path: path.to_owned(), why: "its size is not told" };
    let files = taken.metalink.files.into_iter().map(|file| {
        let size_bytes = file.size_bytes.ok_or_else(|| no_size(file.path.as_str()))?;
        // Files beside a Metalink of this computer come from its folder; no stranger names other files of it.
        let mirrors = file.urls.iter().filter_map(|url| {
            let address = url.address(&base).ok().filter(|address| address.starts_with("http"))?;
            Some(Mirror { url: address, priority: url.priority })
        });
        Ok(PlannedFile {
            path: file.path.to_string(),
            size_bytes,
            whole: file.sha256,
            mirrors: mirrors.collect(),
            pieces: file.pieces,
            executable: false,
        })
    });
    let files: Result<Vec<_>, PlanProblem> = files.collect();
    Ok(Plan::new(files?, Vec::new())?)
}

/// The tag files of a sealed package as they are written at the end, the seal and what lists them last.
fn tags_of(texts: &KeptSnapshot) -> Vec<TagFile> {
    let mut tags: Vec<TagFile> = Vec::new();
    let mut add = |name: &str, text: &str| {
        tags.push(TagFile { path: name.to_owned(), content: text.as_bytes().to_vec() });
    };
    // In the order of sealing, so that the list of them is the same again, byte for byte.
    for name in COVERED_NAMES {
        let text = if name == SNAPSHOT_NAME { Some(&texts.snapshot) } else { texts.tag_files.get(name) };
        if let Some(text) = text {
            add(name, text);
        }
    }
    let parts = [(REGINFO_NAME, &texts.reginfo), (SEAL_NAME, &texts.seal)];
    for (name, text) in parts {
        if let Some(text) = text {
            add(name, text);
        }
    }
    let digests: Vec<(String, Sha256Digest)> =
        tags.iter().map(|tag| (tag.path.clone(), Sha256Digest::of(&tag.content))).collect();
    let listing = bag::tag_manifest(digests.iter().map(|(name, digest)| (name.as_str(), *digest)));
    tags.push(TagFile { path: bag::TAG_MANIFEST_FILE.to_owned(), content: listing.into_bytes() });
    tags
}

/// The folder the payload lies in, where it lies beside the snapshot.
pub(super) fn base_of(snapshot: &str) -> Result<CodebaseAddress, TransferError> {
    if let Some(path) = local_path(snapshot)? {
        return Ok(CodebaseAddress::Folder(path.parent().map(Path::to_owned).unwrap_or_default()));
    }
    let (plain, query) = split_query(snapshot);
    let folder = plain.rfind('/').map_or(plain, |at| &plain[..=at]);
    CodebaseAddress::parse(&format!("{folder}{query}"))
}

/// The texts at the front of an archive.
fn of_archive(path: &Path) -> Result<KeptSnapshot, NotTaken> {
    let unreadable = |why: String| {
        NotTaken::Other(
            Failure::new(
                "download-not-readable",
                Class::No,
                format!("{} cannot be downloaded", path.display()),
                "Give the address of a snapshot, a Metalink, a package folder or an archive",
            )
            .because(why),
        )
    };
    let tags = ArchiveReader::open(path)
        .and_then(|archive| archive.read_tag_files())
        .map_err(|error| unreadable(format!("it cannot be read as an archive: {error}")))?;
    let text = |name: &str| {
        let file = tags.get(name)?;
        String::from_utf8(file.content.clone()).ok()
    };
    let snapshot = text(SNAPSHOT_NAME)
        .ok_or_else(|| unreadable("it is no archive of a sealed package: it has no snapshot".to_owned()))?;
    let others = COVERED_NAMES.into_iter().filter(|name| *name != SNAPSHOT_NAME);
    Ok(KeptSnapshot {
        address: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string(),
        snapshot,
        reginfo: text(REGINFO_NAME),
        seal: text(SEAL_NAME),
        tag_files: others.filter_map(|name| Some((name.to_owned(), text(name)?))).collect(),
    })
}

fn is_metalink_name(address: &str) -> bool {
    let name = address.to_ascii_lowercase();
    name.ends_with(".meta4") || name.ends_with(".metalink")
}

/// An address before its query, and the query with its question mark.
fn split_query(address: &str) -> (&str, &str) {
    let plain = address.split('#').next().unwrap_or(address);
    plain.find('?').map_or((plain, ""), |at| plain.split_at(at))
}

fn url_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    let slash = if text.starts_with('/') { "" } else { "/" };
    format!("file://{slash}{}", crate::package::snapshot::escape_url_path(&text.replace('\\', "/")))
}

fn utf8(content: Vec<u8>, name: &str) -> Result<String, NotTaken> {
    String::from_utf8(content).map_err(|_| {
        NotTaken::Other(Failure::new(
            "download-not-readable",
            Class::No,
            format!("{name} is no text"),
            "Check the address: it must lead to a Metalink 4 document or a package folder",
        ))
    })
}

/// The archive at `path` as a source of blocks.
pub(super) fn archive_source(path: &Path, texts: &KeptSnapshot) -> Result<CodebaseAddress, TransferError> {
    let wrong = |why: String| TransferError::Address { address: path.display().to_string(), why };
    let reader = ArchiveReader::open(path).map_err(|error| wrong(error.to_string()))?;
    let tags = reader.read_tag_files().map_err(|error| wrong(error.to_string()))?;
    let snapshot = snapshot::read(&texts.snapshot).map_err(|problem| wrong(problem.to_string()))?;
    let top = tags.top.ok_or_else(|| wrong("its first folder cannot be read".to_owned()))?;
    let blocks =
        ArchiveBlocks::new(reader, &top, snapshot.manifest).map_err(|error| wrong(error.to_string()))?;
    let blocks = blocks.ok_or_else(|| {
        wrong("it was not written by Packhouse, or it lost its end: restore it instead".to_owned())
    })?;
    Ok(CodebaseAddress::Source(Arc::new(ArchiveSource { name: path.display().to_string(), blocks })))
}

/// An archive of ours.
struct ArchiveSource {
    name: String,
    blocks: ArchiveBlocks,
}

impl BlockSource for ArchiveSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool> {
        let data = block.path.strip_prefix(DATA_NAME).and_then(|path| path.strip_prefix('/'));
        data.map_or(Ok(false), |path| self.blocks.read(path, block.place.offset_bytes, room))
    }
}
