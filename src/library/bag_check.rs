//! Judges a BagIt folder on disk: is it complete, is it valid, and if not, which file and why.
//!
//! Owns: walking the bag, matching what is listed with what is there, and hashing on all cores, each file read
//! once for all its algorithms. Must not know: how tag files are written (that is `package::bag`), catalogues,
//! screens. It changes nothing and fetches nothing. Authority: RFC 8493 section 3.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

use crate::package::Sha256Digest;
use crate::package::bag::info::BagInfo;
use crate::package::bag::listing::{Listing, ListingKind, manifest_name};
use crate::package::bag::{
    Algorithm, BagProblem, BagVersion, BagWarning, DECLARATION_FILE, DECLARATION_MAX_BYTES, Declaration,
    FETCH_FILE, INFO_FILE, INFO_MAX_BYTES, Issues, LISTING_MAX_BYTES, OLD_INFO_FILE, PAYLOAD_FOLDER,
    ProblemCode, WarningCode, fetch,
};
use crate::work::{Cancelled, Work};

mod hashing;
mod tree;

use hashing::{Expected, hash_file};
use tree::{Tree, walk};

/// How many bytes are read at once.
const READ_BYTES: usize = 1 << 20;

/// Why a bag could not be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum BagCheckError {
    /// The folder itself is not to be had.
    #[error("cannot read the folder {folder:?}: {source}")]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl BagCheckError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "bag-unreadable",
            Self::Cancelled(_) => "cancelled",
        }
    }

    /// Whether trying again may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

/// The judgement on a bag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BagReport {
    /// The version it declares, where that could be read.
    pub version: Option<BagVersion>,
    /// Complete, every checksum matches, and nothing in it is against the rules of its version.
    pub valid: bool,
    /// Everything that is listed is there, and everything that is there is listed.
    pub complete: bool,
    /// Why it is not valid, sorted by file.
    pub errors: Vec<BagProblem>,
    /// What is odd about it, sorted by file.
    pub warnings: Vec<BagWarning>,
    /// How many errors and warnings are not in the lists because there were too many.
    pub left_out: u64,
    /// How many payload files there are.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub size_bytes: u64,
    /// The algorithms of its payload manifests.
    pub algorithms: Vec<String>,
    /// Labels and values of its metadata file.
    pub info: Vec<(String, String)>,
    #[serde(skip)]
    payload: BagPayload,
}

impl BagReport {
    /// The verified payload; `None` unless the bag is valid. Registering takes `folder` as its source and can
    /// compare what it copied with these sizes and digests.
    pub fn payload(&self) -> Option<&BagPayload> {
        self.valid.then_some(&self.payload)
    }
}

/// The payload of a valid bag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BagPayload {
    /// The bag's `data` folder.
    pub folder: PathBuf,
    /// Its files, sorted by path bytes.
    pub files: Vec<PayloadFile>,
}

/// A payload file whose content was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFile {
    /// Path relative to `data/`, as it is on disk.
    pub path: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the content, always computed, whatever the manifests use.
    pub digest: Sha256Digest,
}

/// Judges the bag in `folder`. A bag that is not valid is a report, not an error.
pub fn check_bag(folder: &Path, work: &Work) -> Result<BagReport, BagCheckError> {
    let unreadable = |source: io::Error| BagCheckError::Unreadable { folder: folder.to_path_buf(), source };
    // The bag itself may be reached through a link; from here on links are judged against the real place.
    let root = folder.canonicalize().map_err(unreadable)?;
    if !root.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::NotADirectory)));
    }
    work.begin("Reading", 0, 0);
    let mut issues = Issues::default();
    let tree = walk(&root, work, &mut issues)?.map_err(unreadable)?;
    let mut bag = Bag { root, tree, issues, jobs: BTreeMap::new() };
    let (version, info, algorithms) = bag.read_tags();
    let digests = bag.hash(work)?;
    Ok(bag.report(version, info, algorithms, &digests))
}

/// What is known while a bag is being judged.
struct Bag {
    root: PathBuf,
    tree: Tree,
    issues: Issues,
    /// What each file on disk has to match.
    jobs: BTreeMap<String, Vec<Expected>>,
}

type Tags = (Option<BagVersion>, BagInfo, Vec<String>);

impl Bag {
    fn read_tags(&mut self) -> Tags {
        if !self.tree.has_payload_folder {
            self.issues.error(ProblemCode::PayloadFolderMissing, PAYLOAD_FOLDER, "there is no data folder");
        }
        let Some(declaration) = self.read_declaration() else { return (None, BagInfo::default(), vec![]) };
        let version = declaration.version;
        let info = self.read_info(declaration);
        let (listings, unread) = self.read_listings(declaration);
        let mut algorithms = Vec::new();
        for (name, listing) in &listings {
            if listing.kind == ListingKind::Payload {
                algorithms.push(listing.algorithm);
                tracing::debug!(manifest = name, files = listing.files.len(), "read a payload manifest");
            }
        }
        if algorithms.is_empty() && !unread {
            self.issues.error(ProblemCode::ManifestMissing, "", "there is no payload manifest");
        }
        if !algorithms.is_empty() && algorithms.iter().all(|a| matches!(a, Algorithm::Md5 | Algorithm::Sha1))
        {
            let message = "only MD5 or SHA-1 checksums, which show accidents but not intent";
            self.issues.warn(WarningCode::WeakChecksum, "", message);
        }
        let fetch = self.read_tag(FETCH_FILE, declaration, LISTING_MAX_BYTES);
        let fetch = fetch.map(|text| fetch::read(&text, version, &mut self.issues)).unwrap_or_default();
        self.match_listed(&listings, &fetch);
        self.match_found(&listings, version);
        self.match_fetch(&listings, &fetch, version);
        (Some(version), info, algorithms.iter().map(|a| a.name().to_owned()).collect())
    }

    fn read_declaration(&mut self) -> Option<Declaration> {
        if !self.tree.files.contains_key(DECLARATION_FILE) {
            self.issues.error(ProblemCode::DeclarationMissing, DECLARATION_FILE, "there is no bagit.txt");
            return None;
        }
        let bytes = self.read_bytes(DECLARATION_FILE, DECLARATION_MAX_BYTES)?;
        Declaration::read(&bytes, &mut self.issues)
    }

    fn read_info(&mut self, declaration: Declaration) -> BagInfo {
        let version = declaration.version;
        let old = version < BagVersion::V0_96 && self.tree.files.contains_key(OLD_INFO_FILE);
        let file = if old { OLD_INFO_FILE } else { INFO_FILE };
        let Some(text) = self.read_tag(file, declaration, INFO_MAX_BYTES) else { return BagInfo::default() };
        let info = BagInfo::read(&text, version, file, &mut self.issues);
        if let Some(oxum) = info.payload_oxum(version, file, &mut self.issues) {
            let (files, size_bytes) = self.tree.payload_sum();
            if (oxum.files, oxum.size_bytes) != (files, size_bytes) {
                let message = format!(
                    "Payload-Oxum says {} files and {} bytes, but there are {files} files and {size_bytes} bytes",
                    oxum.files, oxum.size_bytes
                );
                self.issues.error(ProblemCode::OxumMismatch, file, message);
            }
        }
        info
    }

    /// All manifests of known algorithms by file name, and whether some payload manifest could not be read.
    fn read_listings(&mut self, declaration: Declaration) -> (Vec<(String, Listing)>, bool) {
        let in_root = |name: &&String| !name.contains('/') && manifest_name(name).is_some();
        let names: Vec<String> = self.tree.files.keys().filter(in_root).cloned().collect();
        let mut listings: Vec<(String, Listing)> = Vec::new();
        let mut unknown = Vec::new();
        let mut unread = false;
        for name in names {
            let Some((kind, algorithm)) = manifest_name(&name) else { continue };
            let Some(algorithm) = Algorithm::parse(algorithm) else {
                unknown.push((name.clone(), kind));
                continue;
            };
            if listings.iter().any(|(_, l)| l.kind == kind && l.algorithm == algorithm) {
                let message = "another manifest names the same algorithm";
                self.issues.error(ProblemCode::AlgorithmTwice, name, message);
                continue;
            }
            let Some(text) = self.read_tag(&name, declaration, LISTING_MAX_BYTES) else {
                unread |= kind == ListingKind::Payload;
                continue;
            };
            let listing = Listing::read(&text, kind, algorithm, declaration.version, &name, &mut self.issues);
            listings.push((name, listing));
        }
        let some_payload = unread || listings.iter().any(|(_, l)| l.kind == ListingKind::Payload);
        for (name, kind) in unknown {
            let message = "its algorithm is not known, so it was not checked";
            if kind == ListingKind::Payload && !some_payload {
                unread = true;
                self.issues.error(ProblemCode::AlgorithmUnknown, name, message);
            } else {
                self.issues.warn(WarningCode::AlgorithmUnknown, name, message);
            }
        }
        (listings, unread)
    }

    fn read_bytes(&mut self, name: &str, most_bytes: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let read =
            File::open(self.root.join(name)).and_then(|f| f.take(most_bytes + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => self.issues.error(ProblemCode::Unreadable, name, error.to_string()),
            Ok(_) if bytes.len() as u64 > most_bytes => {
                let message = format!("it has more than {most_bytes} bytes");
                self.issues.error(ProblemCode::TooLarge, name, message);
            }
            Ok(_) => return Some(bytes),
        }
        None
    }

    /// The text of a tag file; `None` if it is not there, or cannot be read, which is then among the errors.
    fn read_tag(&mut self, name: &str, declaration: Declaration, most_bytes: u64) -> Option<String> {
        if !self.tree.files.contains_key(name) {
            return None;
        }
        let bytes = self.read_bytes(name, most_bytes)?;
        let Some(decoded) = declaration.encoding.decode(&bytes) else {
            let message = "it is not in the encoding that bagit.txt declares";
            self.issues.error(ProblemCode::EncodingBroken, name, message);
            return None;
        };
        if decoded.had_utf8_mark {
            self.issues.warn(WarningCode::ByteOrderMark, name, "it begins with a byte-order mark");
        }
        Some(decoded.text.into_owned())
    }

    /// Finds each listed file on disk and notes what it has to match.
    fn match_listed(&mut self, listings: &[(String, Listing)], fetch: &[fetch::FetchEntry]) {
        let to_fetch: HashMap<&str, &str> = fetch.iter().map(|e| (e.path.as_str(), e.url.as_str())).collect();
        let mut by_form: Option<HashMap<String, Vec<String>>> = None;
        for (manifest, listing) in listings {
            let claimed: std::collections::HashSet<&str> =
                listing.files.iter().map(|f| f.path.as_str()).collect();
            for listed in &listing.files {
                let mut found = self.tree.files.contains_key(&listed.path).then(|| listed.path.clone());
                for (other, warning) in &listed.alternatives {
                    if found.is_none()
                        && self.tree.files.contains_key(other)
                        && !claimed.contains(other.as_str())
                    {
                        let message = format!("{manifest} lists it as {:?}", listed.path);
                        self.issues.warn(*warning, other.clone(), message);
                        found = Some(other.clone());
                    }
                }
                if found.is_none() && !listed.path.is_ascii() {
                    let forms = by_form.get_or_insert_with(|| self.tree.by_normal_form());
                    let same = forms.get(&listed.path.nfc().collect::<String>());
                    if let Some([one]) = same.map(Vec::as_slice)
                        && !claimed.contains(one.as_str())
                    {
                        let message = format!("{manifest} lists it in another Unicode normal form");
                        self.issues.warn(WarningCode::NormalForm, one.clone(), message);
                        found = Some(one.clone());
                    }
                }
                let Some(found) = found else {
                    self.note_missing(listed.path.clone(), listing.kind, manifest, &to_fetch);
                    continue;
                };
                self.jobs.entry(found).or_default().push(Expected {
                    algorithm: listing.algorithm,
                    digest: listed.digest.clone(),
                    manifest: manifest.clone(),
                });
            }
        }
    }

    fn note_missing(
        &mut self,
        path: String,
        kind: ListingKind,
        manifest: &str,
        to_fetch: &HashMap<&str, &str>,
    ) {
        if self.tree.refused.contains(&path) {
            return;
        }
        match kind {
            // Said once, by the fetch list.
            ListingKind::Payload if to_fetch.contains_key(path.as_str()) => {}
            ListingKind::Payload => {
                let message = format!("{manifest} lists it, but it is not there");
                self.issues.error(ProblemCode::FileMissing, path, message);
            }
            ListingKind::Tags => {
                let message = format!("{manifest} lists it, but it is not there");
                self.issues.error(ProblemCode::TagFileMissing, path, message);
            }
        }
    }

    /// Every payload file must be listed: up to 0.97 in one manifest at least, from 1.0 on in each
    /// (RFC 8493 section 3 and 2.1.3).
    fn match_found(&mut self, listings: &[(String, Listing)], version: BagVersion) {
        let payload: Vec<&String> =
            listings.iter().filter(|(_, l)| l.kind == ListingKind::Payload).map(|(name, _)| name).collect();
        if payload.is_empty() {
            return;
        }
        let prefix = "data/";
        for file in self.tree.files.keys().filter(|name| name.starts_with(prefix)) {
            let lists = |name: &str| {
                self.jobs.get(file).is_some_and(|expected| expected.iter().any(|e| e.manifest == name))
            };
            let missing: Vec<&str> =
                payload.iter().filter(|name| !lists(name)).map(|name| name.as_str()).collect();
            if missing.len() == payload.len() || (version >= BagVersion::V1_0 && !missing.is_empty()) {
                let message = format!("it is not listed in {}", missing.join(", "));
                self.issues.error(ProblemCode::FileNotListed, file.clone(), message);
            }
        }
    }

    /// Files of the fetch list must be in the payload manifests, and fetched (RFC 8493 2.2.3).
    fn match_fetch(
        &mut self,
        listings: &[(String, Listing)],
        fetch: &[fetch::FetchEntry],
        version: BagVersion,
    ) {
        if fetch.is_empty() {
            return;
        }
        let sets: Vec<(&String, std::collections::HashSet<&str>)> = listings
            .iter()
            .filter(|(_, l)| l.kind == ListingKind::Payload)
            .map(|(name, l)| (name, l.files.iter().map(|f| f.path.as_str()).collect()))
            .collect();
        for entry in fetch {
            let without: Vec<&str> = sets
                .iter()
                .filter(|(_, files)| !files.contains(entry.path.as_str()))
                .map(|(name, _)| name.as_str())
                .collect();
            if without.len() == sets.len() || (version >= BagVersion::V1_0 && !without.is_empty()) {
                let message = format!("fetch.txt lists it, but not {}", without.join(", "));
                self.issues.error(ProblemCode::FetchNotListed, entry.path.clone(), message);
            }
            let here = |path: &str| self.tree.files.contains_key(path);
            if !here(&entry.path) && !entry.alternatives.iter().any(|(other, _)| here(other)) {
                let message = format!("it was not fetched from {}", entry.url);
                self.issues.error(ProblemCode::FetchMissing, entry.path.clone(), message);
            }
        }
    }

    /// Reads every listed file once, on all cores. Gives the SHA-256 of each that matched.
    fn hash(&mut self, work: &Work) -> Result<HashMap<String, Sha256Digest>, BagCheckError> {
        let mut jobs: Vec<(&String, &Vec<Expected>)> = self.jobs.iter().collect();
        // The largest first, so that no core is left with a long file at the end.
        jobs.sort_by_key(|(path, _)| std::cmp::Reverse(self.tree.files.get(*path).copied()));
        let bytes = jobs.iter().filter_map(|(path, _)| self.tree.files.get(*path)).sum();
        work.begin("Hashing", jobs.len() as u64, bytes);
        let next = AtomicUsize::new(0);
        let done: Mutex<(Vec<BagProblem>, HashMap<String, Sha256Digest>)> = Mutex::default();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
        let hash_some = || {
            let mut buffer = vec![0; READ_BYTES];
            let mut found = Vec::new();
            let mut digests = Vec::new();
            while let Some((path, expected)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let size_bytes = self.tree.files.get(*path).copied().unwrap_or_default();
                match hash_file(&self.root.join(path), path, size_bytes, expected, &mut buffer, work) {
                    Ok(Ok(digest)) => digests.push(((*path).clone(), digest)),
                    Ok(Err(problems)) => found.extend(problems),
                    Err(Cancelled) => break,
                }
                work.add_files(1);
            }
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.0.extend(found);
            done.1.extend(digests);
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(hash_some);
            }
        });
        work.check()?;
        let (problems, digests) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        problems.into_iter().for_each(|problem| self.issues.add(problem));
        Ok(digests)
    }

    fn report(
        self,
        version: Option<BagVersion>,
        info: BagInfo,
        algorithms: Vec<String>,
        digests: &HashMap<String, Sha256Digest>,
    ) -> BagReport {
        let Self { root, tree, mut issues, .. } = self;
        issues.settle();
        let (files, size_bytes) = tree.payload_sum();
        let valid = issues.errors.is_empty() && version.is_some();
        let payload = tree.payload().filter_map(|(path, size_bytes)| {
            let digest = *digests.get(&format!("{PAYLOAD_FOLDER}/{path}"))?;
            Some(PayloadFile { path: path.to_owned(), size_bytes, digest })
        });
        let payload = BagPayload { folder: root.join(PAYLOAD_FOLDER), files: payload.collect() };
        BagReport {
            version,
            valid,
            // Without a version nothing could be compared, so nothing can be called complete.
            complete: version.is_some() && !issues.incomplete,
            errors: issues.errors,
            warnings: issues.warnings,
            left_out: issues.left_out,
            files,
            size_bytes,
            algorithms,
            info: info.fields().to_vec(),
            payload,
        }
    }
}
