//! Metalink 4 (RFC 5854), whoever wrote it: files with sizes, hashes, pieces and the addresses they can be had from.
//!
//! Owns the one reader of the format; [`super::snapshot`] reads our own, stricter form through it. What is not
//! understood is passed over, what could do harm is refused: see [`super::xml`]. Weaker hashes than SHA-256 are
//! ignored, and a document in which no file has one is refused, since nothing in it could be proven.

use std::collections::HashSet;

use super::address::{self, AddressProblem};
use super::block_map::BlockMap;
use super::digest::Sha256Digest;
use super::path::{self, PathWarning, RelativePath};
use super::record::PackageId;
use super::xml::{Element, Step, Walk, XmlProblem};

/// Namespace of Metalink 4.
pub(super) const METALINK: &str = "urn:ietf:params:xml:ns:metalink";
/// Namespace of Metalink 3, which is named and not read.
const METALINK_3: &str = "http://www.metalinker.org/";

/// Largest document that is taken, in bytes: 16 TiB in blocks of 8 MiB, or half a million small files.
pub const DOCUMENT_MAX_BYTES: usize = 256 << 20;
/// Most files in a document.
pub const FILES_MAX: usize = 1 << 20;
/// Most addresses of one file.
pub const URLS_MAX: usize = 1000;
/// Shortest piece, in bytes: 16 KiB.
pub const PIECE_MIN_BYTES: u64 = 16 << 10;
/// Longest piece, in bytes: 64 MiB.
pub const PIECE_MAX_BYTES: u64 = 64 << 20;
/// The priority of an address that tells none (RFC 5854, 4.1.2.5): the last.
pub const LAST_PRIORITY: u32 = 999_999;

/// A Metalink document as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metalink {
    /// Our own root attribute: the package it is the snapshot of. Where it is present, the seal is required.
    pub package: Option<PackageId>,
    /// The files, in the order of the document; no path twice, none inside another file.
    pub files: Vec<MetalinkFile>,
    /// What was passed over, or may not arrive as it is on another system.
    pub warnings: Vec<MetalinkWarning>,
    /// Whether a CDATA section was met; legal, and never in a snapshot of ours.
    pub(super) has_cdata: bool,
}

/// One file of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetalinkFile {
    /// Where it goes, relative to the folder of the download.
    pub path: RelativePath,
    /// Length in bytes, below 2^63, where it is told.
    pub size_bytes: Option<u64>,
    /// SHA-256 of the whole file.
    pub sha256: Option<Sha256Digest>,
    /// SHA-256 of its pieces; their number fits the size where that is told.
    pub pieces: Option<Pieces>,
    /// Where it can be had, in the order of the document.
    pub urls: Vec<MetalinkUrl>,
}

/// The pieces of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// Length of each but the last: [`PIECE_MIN_BYTES`] to [`PIECE_MAX_BYTES`].
    pub length_bytes: u64,
    /// Their hashes in order.
    pub hashes: Vec<Sha256Digest>,
}

/// An address of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetalinkUrl {
    /// As written: whole, or relative to the address of the document.
    pub reference: Box<str>,
    /// 1, the first, to [`LAST_PRIORITY`].
    pub priority: u32,
    /// The country of the mirror, two letters in lower case (ISO 3166-1), where it is told.
    pub location: Option<[u8; 2]>,
}

/// What was passed over, or may not arrive as it is on another system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetalinkWarning {
    /// Pieces that are too short or too long to be of use.
    #[error("the pieces of {path} have {length} bytes each and are not used")]
    Pieces {
        /// The file.
        path: String,
        /// The length as written.
        length: String,
    },
    /// A name that is not portable, or differs from another in case only.
    #[error("{path}: {warning}")]
    Path {
        /// The file.
        path: String,
        /// What about it.
        warning: PathWarning,
    },
}

/// Why a text is no Metalink that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetalinkProblem {
    /// No XML that is taken.
    #[error(transparent)]
    Xml(#[from] XmlProblem),
    /// A Metalink 3.
    #[error("it is a Metalink 3 (.metalink); only Metalink 4 (.meta4, RFC 5854) is read")]
    Version3,
    /// No Metalink 4, or more than one holds.
    #[error("it is no Metalink that can be used: {0}")]
    Form(String),
    /// A file whose entry is not possible.
    #[error("the entry of {path:?} is not valid: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// No file has a SHA-256.
    #[error("there are no hashes in it that prove anything (SHA-256)")]
    NoHashes,
}

impl MetalinkFile {
    /// Whether what arrives can be proven to be this file.
    pub fn has_hashes(&self) -> bool {
        self.sha256.is_some() || self.pieces.is_some()
    }
}

impl MetalinkUrl {
    /// The whole address, resolved against `base`, the address of the document.
    pub fn address(&self, base: &str) -> Result<String, AddressProblem> {
        address::resolve(base, &self.reference)
    }
}

impl Metalink {
    /// The files without any hash: nothing of them could be proven, so nothing of them is downloaded.
    pub fn files_without_hashes(&self) -> impl Iterator<Item = &MetalinkFile> {
        self.files.iter().filter(|file| !file.has_hashes())
    }

    /// The sum of all sizes that are told.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().filter_map(|file| file.size_bytes).sum()
    }
}

/// Reads a document. Memory stays within a small multiple of its length, whatever it says.
pub fn read(text: &str) -> Result<Metalink, MetalinkProblem> {
    let metalink = read_entries(text)?;
    if metalink.files.is_empty() {
        return Err(form("it lists no file"));
    }
    if !metalink.files.iter().any(MetalinkFile::has_hashes) {
        return Err(MetalinkProblem::NoHashes);
    }
    Ok(metalink)
}

/// Reads a document in which hashes may be missing.
pub(super) fn read_entries(text: &str) -> Result<Metalink, MetalinkProblem> {
    if text.len() > DOCUMENT_MAX_BYTES {
        return Err(form("it is larger than 256 MiB"));
    }
    let mut walk = Walk::new(text);
    let mut reading = Reading::default();
    let mut places = vec![Place::Outside];
    while let Some(step) = walk.next()? {
        match step {
            Step::Begin(element) => {
                let place = places.last().copied().unwrap_or(Place::Outside);
                places.push(reading.enter(place, &element)?);
            }
            Step::End(text) => {
                let place = places.pop().unwrap_or(Place::Outside);
                reading.leave(place, text.trim())?;
            }
        }
    }
    let has_cdata = walk.has_cdata();
    reading.finish(has_cdata)
}

fn form(why: &str) -> MetalinkProblem {
    MetalinkProblem::Form(why.to_owned())
}

/// Where the reader stands in the document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Root,
    File,
    Size,
    FileHash,
    Pieces,
    PieceHash,
    Url,
    Ignored,
}

#[derive(Default)]
struct Reading {
    metalink: Metalink,
    open: Option<MetalinkFile>,
    /// Priority and location of the address that is being read.
    url: (u32, Option<[u8; 2]>),
    pieces: usize,
    bytes: u64,
}

impl Reading {
    fn enter(&mut self, place: Place, element: &Element<'_, '_>) -> Result<Place, MetalinkProblem> {
        if place == Place::Outside {
            return self.enter_root(element);
        }
        if !element.is_of(METALINK) {
            return Ok(Place::Ignored);
        }
        match (place, element.name()) {
            (Place::Root, "file") => {
                let name = element.attribute("name")?.ok_or_else(|| form("a file has no name"))?;
                let path = RelativePath::parse(&name).map_err(|problem| MetalinkProblem::File {
                    path: name.chars().take(path::PART_MAX_BYTES).collect(),
                    why: problem.to_string(),
                })?;
                if self.metalink.files.len() >= FILES_MAX {
                    return Err(form("it lists more than 1,048,576 files"));
                }
                self.open = Some(MetalinkFile {
                    path,
                    size_bytes: None,
                    sha256: None,
                    pieces: None,
                    urls: Vec::new(),
                });
                Ok(Place::File)
            }
            (Place::File, "size") => Ok(Place::Size),
            (Place::File, "hash") if is_sha256(element)? => Ok(Place::FileHash),
            (Place::File, "pieces") if is_sha256(element)? => self.enter_pieces(element),
            (Place::File, "url") => {
                let priority = element.attribute("priority")?;
                let priority = priority.and_then(|text| text.trim().parse().ok());
                let priority = priority.filter(|priority| (1..=LAST_PRIORITY).contains(priority));
                let location = element.attribute("location")?;
                self.url = (priority.unwrap_or(LAST_PRIORITY), location.and_then(|text| country(&text)));
                Ok(Place::Url)
            }
            (Place::Pieces, "hash") => Ok(Place::PieceHash),
            _ => Ok(Place::Ignored),
        }
    }

    fn enter_root(&mut self, element: &Element<'_, '_>) -> Result<Place, MetalinkProblem> {
        if element.name() != "metalink" {
            return Err(form("its root is no <metalink>"));
        }
        let version = element.attribute("version")?;
        if element.is_of(METALINK_3) || version.is_some_and(|version| version.starts_with('3')) {
            return Err(MetalinkProblem::Version3);
        }
        if !element.is_of(METALINK) {
            return Err(form("it is no Metalink 4"));
        }
        if let Some(id) = element.attribute_of(super::snapshot::NAMESPACE, "package")? {
            let id = uuid::Uuid::parse_str(&id).map_err(|_| form("it has a package id that is none"))?;
            self.metalink.package = Some(PackageId(id));
        }
        Ok(Place::Root)
    }

    fn enter_pieces(&mut self, element: &Element<'_, '_>) -> Result<Place, MetalinkProblem> {
        let length = element.attribute("length")?.unwrap_or_default();
        let length_bytes =
            number(&length).filter(|bytes| (PIECE_MIN_BYTES..=PIECE_MAX_BYTES).contains(bytes));
        let Some(open) = &mut self.open else { return Ok(Place::Ignored) };
        let Some(length_bytes) = length_bytes else {
            let length = length.chars().take(30).collect();
            let path = open.path.as_str().to_owned();
            self.metalink.warnings.push(MetalinkWarning::Pieces { path, length });
            return Ok(Place::Ignored);
        };
        if open.pieces.is_some() {
            return Err(file_problem(open, "it has its pieces twice"));
        }
        open.pieces = Some(Pieces { length_bytes, hashes: Vec::new() });
        Ok(Place::Pieces)
    }

    fn leave(&mut self, place: Place, text: &str) -> Result<(), MetalinkProblem> {
        if place == Place::File {
            return self.close_file();
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        match place {
            Place::Size => {
                let size = number(text).filter(|size| i64::try_from(*size).is_ok());
                let size = size.ok_or_else(|| file_problem(open, "its size is no number of bytes"))?;
                if open.size_bytes.replace(size).is_some_and(|before| before != size) {
                    return Err(file_problem(open, "it has two sizes"));
                }
            }
            Place::FileHash => {
                let hash = Sha256Digest::parse(text);
                let hash = hash.ok_or_else(|| file_problem(open, "its hash is no SHA-256"))?;
                if open.sha256.replace(hash).is_some_and(|before| before != hash) {
                    return Err(file_problem(open, "it has two different hashes"));
                }
            }
            Place::PieceHash => {
                let hash = Sha256Digest::parse(text);
                let hash = hash.ok_or_else(|| file_problem(open, "a block hash is no SHA-256"))?;
                self.pieces += 1;
                if self.pieces > BlockMap::MOST {
                    return Err(form("it has more than 16,777,216 pieces"));
                }
                if let Some(pieces) = &mut open.pieces {
                    pieces.hashes.push(hash);
                    let most = open.size_bytes.map(|size| size.div_ceil(pieces.length_bytes));
                    if most.is_some_and(|most| pieces.hashes.len() as u64 > most) {
                        return Err(file_problem(open, WRONG_COUNT));
                    }
                }
            }
            Place::Url if !text.is_empty() => {
                if open.urls.len() >= URLS_MAX {
                    return Err(file_problem(open, "it has more than 1,000 addresses"));
                }
                if text.len() > address::ADDRESS_MAX_BYTES {
                    return Err(file_problem(open, &AddressProblem::TooLong.to_string()));
                }
                let (priority, location) = self.url;
                open.urls.push(MetalinkUrl { reference: text.into(), priority, location });
            }
            _ => {}
        }
        Ok(())
    }

    fn close_file(&mut self) -> Result<(), MetalinkProblem> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        if let Some(pieces) = &open.pieces {
            let fits = match open.size_bytes {
                Some(size) => pieces.hashes.len() as u64 == size.div_ceil(pieces.length_bytes),
                None => !pieces.hashes.is_empty(),
            };
            if !fits {
                return Err(file_problem(&open, WRONG_COUNT));
            }
            if let ([only], Some(file)) = (pieces.hashes.as_slice(), open.sha256)
                && *only != file
            {
                return Err(file_problem(&open, "its only block has another hash than the file"));
            }
        }
        let bytes = self.bytes.checked_add(open.size_bytes.unwrap_or(0));
        let bytes = bytes.filter(|bytes| i64::try_from(*bytes).is_ok());
        self.bytes = bytes.ok_or_else(|| file_problem(&open, "all sizes together are too large"))?;
        open.urls.shrink_to_fit();
        // Pieces of an empty file prove what its size says already.
        open.pieces = open.pieces.filter(|pieces| !pieces.hashes.is_empty());
        if let Some(pieces) = &mut open.pieces {
            pieces.hashes.shrink_to_fit();
        }
        self.metalink.files.push(open);
        Ok(())
    }

    fn finish(self, has_cdata: bool) -> Result<Metalink, MetalinkProblem> {
        let mut metalink = self.metalink;
        metalink.has_cdata = has_cdata;
        let mut seen = HashSet::with_capacity(metalink.files.len());
        for file in &metalink.files {
            if !seen.insert(file.path.as_str()) {
                return Err(file_problem(file, "it is listed twice"));
            }
        }
        for file in &metalink.files {
            let path = file.path.as_str();
            let mut folders = path.match_indices('/').map(|(at, _)| &path[..at]);
            if let Some(folder) = folders.find(|folder| seen.contains(folder)) {
                return Err(file_problem(file, &format!("{folder:?} is a file and cannot hold it")));
            }
        }
        let warned = path::portability_warnings(metalink.files.iter().map(|file| file.path.as_str()));
        let warned = warned.into_iter().map(|(path, warning)| MetalinkWarning::Path { path, warning });
        metalink.warnings.extend(warned);
        Ok(metalink)
    }
}

const WRONG_COUNT: &str = "the number of its block hashes does not fit its size";

fn file_problem(file: &MetalinkFile, why: &str) -> MetalinkProblem {
    MetalinkProblem::File { path: file.path.as_str().to_owned(), why: why.to_owned() }
}

/// Whether `type` names SHA-256, as RFC 5854 writes it or as some programs do.
fn is_sha256(element: &Element<'_, '_>) -> Result<bool, XmlProblem> {
    let kind = element.attribute("type")?.unwrap_or_default();
    Ok(kind.eq_ignore_ascii_case("sha-256") || kind.eq_ignore_ascii_case("sha256"))
}

/// Plain digits: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn country(text: &str) -> Option<[u8; 2]> {
    let letters: [u8; 2] = text.trim().as_bytes().try_into().ok()?;
    letters.iter().all(u8::is_ascii_alphabetic).then(|| letters.map(|letter| letter.to_ascii_lowercase()))
}
