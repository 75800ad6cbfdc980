//! Taking in what was a package elsewhere: a sealed package folder stays sealed if its seal is whole and trusted;
//! a BagIt bag is proven before its files are taken.

use std::fs;
use std::path::Path;

use super::SealJudgement;
use super::bag_check::{BagCheckError, BagPayload, BagReport, PayloadFile, check_bag};
use super::package_folder::read_text;
use super::source::{Source, SourceKind};
use super::{KeyInfo, KeyRing, Library, LibraryError};
use crate::package::manifest::ManifestEntry;
use crate::package::record::SealInfo;
use crate::package::reginfo::{COVERED_NAMES, REGINFO_MAX_BYTES, REGINFO_NAME, RegInfo, SEAL_NAME};
use crate::package::snapshot::{self, SNAPSHOT_NAME, Snapshot};
use crate::package::{HistoryEvent, Manifest, PackageKey, PackageRecord, PackageState, Sha256Digest};
use crate::work::Work;

/// Largest tag file that is read, in bytes: the snapshot of millions of files.
pub(super) const TAG_FILE_MAX_BYTES: u64 = snapshot::LIST_MAX_BYTES;

/// Largest signature that is read, in bytes: four short lines, with comments of any honest length.
const SEAL_MAX_BYTES: u64 = 64 * 1024;

/// A seal that was found whole and trusted: everything the tag files say.
#[derive(Debug)]
pub(super) struct ProvenSeal {
    pub(super) info: RegInfo,
    pub(super) snapshot: Snapshot,
    pub(super) key_id: String,
    pub(super) key_name: String,
    /// Name and text of every tag file that is kept.
    pub(super) files: Vec<(String, String)>,
}

/// Where tag files are read from: a folder, or an archive.
pub(super) trait TagFiles {
    /// The text of a tag file; `None` if it is not there.
    fn text(&self, name: &str) -> Result<Option<String>, LibraryError>;
}

impl TagFiles for Path {
    fn text(&self, name: &str) -> Result<Option<String>, LibraryError> {
        // Read before anything is proven, so not more of them than they can honestly have.
        let most = match name {
            REGINFO_NAME => REGINFO_MAX_BYTES,
            SEAL_NAME => SEAL_MAX_BYTES,
            _ => TAG_FILE_MAX_BYTES,
        };
        read_text(&self.join(name), most)
    }
}

impl ProvenSeal {
    /// Judges the seal and everything it covers, files apart.
    pub(super) fn prove(
        keys: &KeyRing,
        also_trusted: &[KeyInfo],
        tags: &(impl TagFiles + ?Sized),
        what: &str,
    ) -> Result<Self, LibraryError> {
        let broken = |why: String| LibraryError::SealBroken { what: what.to_owned(), why };
        let reginfo = tags.text(REGINFO_NAME)?.ok_or_else(|| LibraryError::NoRegInfo(what.into()))?;
        let signature = tags.text(SEAL_NAME)?.ok_or_else(|| LibraryError::NoSeal(what.to_owned()))?;
        let (key_name, key_id) = match keys.judge(&reginfo, &signature, also_trusted)? {
            SealJudgement::Trusted { name, key_id } => (name, key_id),
            SealJudgement::Unknown { key_id } => {
                return Err(LibraryError::SealUnknown { what: what.to_owned(), key_id });
            }
            SealJudgement::Broken { why } => return Err(broken(why)),
        };
        let info = RegInfo::parse(&reginfo).map_err(|problem| broken(problem.to_string()))?;
        let mut files = vec![(REGINFO_NAME.to_owned(), reginfo), (SEAL_NAME.to_owned(), signature)];
        for name in COVERED_NAMES {
            let text = tags.text(name)?.ok_or_else(|| broken(format!("{name} is missing")))?;
            if info.sha256.get(name) != Some(&Sha256Digest::of(text.as_bytes())) {
                return Err(broken(format!("{name} was changed after signing")));
            }
            files.push((name.to_owned(), text));
        }
        let text = files.iter().find(|(name, _)| name == SNAPSHOT_NAME).map_or("", |(_, text)| text.as_str());
        let mut snapshot =
            snapshot::read(text).map_err(|problem| broken(format!("{SNAPSHOT_NAME}: {problem}")))?;
        if snapshot.package != info.id {
            return Err(broken(format!("{SNAPSHOT_NAME} belongs to another package")));
        }
        snapshot.manifest = with_executables(snapshot.manifest, &info).map_err(broken)?;
        if snapshot.manifest.files().checksum() != info.checksum {
            return Err(broken("the checksum does not fit the snapshot".to_owned()));
        }
        if let Some(text) = tags.text("tagmanifest-sha256.txt")? {
            files.push(("tagmanifest-sha256.txt".to_owned(), text));
        }
        Ok(Self { info, snapshot, key_id, key_name, files })
    }

    pub(super) fn seal_info(&self, at: jiff::Timestamp) -> SealInfo {
        let snapshot = self.info.sha256.get(SNAPSHOT_NAME).copied().unwrap_or_default();
        SealInfo {
            key_id: self.key_id.clone(),
            key_name: self.key_name.clone(),
            at,
            block_size: self.snapshot.manifest.block_size(),
            snapshot,
        }
    }
}

/// A snapshot does not say which files are executable; the registration info does.
pub(super) fn with_executables(manifest: Manifest, info: &RegInfo) -> Result<Manifest, String> {
    let block_size = manifest.block_size();
    let mut files = manifest.into_files();
    for path in &info.executable {
        let at = files
            .binary_search_by(|file| file.path.as_bytes().cmp(path.as_bytes()))
            .map_err(|_| format!("{path:?} is executable, but not in the snapshot"))?;
        files[at].executable = true;
    }
    Manifest::from_files(block_size, files).map_err(|twice| twice.to_string())
}

impl Source {
    /// For a package folder whose seal cannot be kept: what History says about it.
    pub(super) fn unsealed_details(
        &self,
        library: &Library,
        notes: &mut Vec<String>,
    ) -> Result<Option<String>, LibraryError> {
        match (self.kind, &self.folder) {
            (SourceKind::Bag, _) => Ok(Some("from a BagIt bag, proven before".to_owned())),
            (SourceKind::Package, Some(folder)) => {
                let Some((info, text)) = &self.reginfo else { return Ok(None) };
                let Some(signature) = folder.text(SEAL_NAME)? else {
                    return Ok(Some(format!("from a package folder, {} there", info.key)));
                };
                let judged = library.keys().judge(text, &signature, &[])?;
                let seal = match judged {
                    SealJudgement::Unknown { key_id } => {
                        format!("the seal of key {key_id}, which is not trusted")
                    }
                    SealJudgement::Trusted { key_id, .. } => format!("the seal of key {key_id}"),
                    SealJudgement::Broken { why } => format!("a seal that does not match ({why})"),
                };
                notes.push(format!("The package is Open: it came with {seal}, which was not kept"));
                Ok(Some(format!("from a package folder with {seal}: {}", signature.replace('\n', " | "))))
            }
            _ => Ok(None),
        }
    }
}

impl Library {
    /// The seal of a source that is a sealed package and keeps its name; `None` if it has none that can be kept. A seal
    /// of a trusted key that does not fit is an error: what it covered was changed.
    pub(super) fn seal_of_source(
        &self,
        source: &Source,
        key: &PackageKey,
    ) -> Result<Option<ProvenSeal>, LibraryError> {
        let (SourceKind::Package, Some(folder), Some((info, _))) =
            (source.kind, &source.folder, &source.reginfo)
        else {
            return Ok(None);
        };
        if info.key != *key || fs::symlink_metadata(folder.join(SEAL_NAME)).is_err() {
            return Ok(None);
        }
        match ProvenSeal::prove(self.keys(), &[], folder.as_path(), &folder.display().to_string()) {
            Ok(seal) => Ok(Some(seal)),
            Err(LibraryError::SealUnknown { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the new package what the seal says it is, once the copied files have proven to be the sealed ones.
    pub(super) fn take_over_seal(
        &self,
        seal: &ProvenSeal,
        record: &mut PackageRecord,
        copied: &Manifest,
        package: &Path,
    ) -> Result<(HistoryEvent, Option<String>), LibraryError> {
        let sealed = &seal.snapshot.manifest;
        let differing = first_difference(sealed, copied);
        if let Some(path) = differing {
            let what = record.key.to_string();
            return Err(LibraryError::SealBroken { what, why: format!("{path:?} is not as it was sealed") });
        }
        // The same package again has the same identity, unless the library has it under another name.
        if self.catalogue().package(seal.info.id)?.is_none() && !self.is_in_trash(seal.info.id)? {
            record.id = seal.info.id;
        } else {
            return Err(LibraryError::Exists(seal.info.key.clone()));
        }
        record.state = PackageState::Sealed;
        record.revision = seal.info.revision;
        record.sealed_once = true;
        record.checksum_event = "sealed".to_owned();
        record.based_on = seal.info.based_on.clone();
        record.supplier = seal.info.supplier.clone();
        record.package_type = seal.info.package_type;
        record.seal = Some(seal.seal_info(record.registered));
        for (name, text) in &seal.files {
            let path = package.join(name);
            fs::write(&path, text).map_err(super::error::io_error("write", &path))?;
        }
        let details = format!("sealed as revision {} with key {}", seal.info.revision, seal.key_id);
        Ok((HistoryEvent::Registered, Some(details)))
    }

    pub(super) fn is_in_trash(&self, id: crate::package::PackageId) -> Result<bool, LibraryError> {
        Ok(self.catalogue().removed_packages()?.iter().any(|removed| removed.record.id == id))
    }

    /// Proves a bag; an error names every problem of one that is not valid. Gives what its payload was then.
    pub(super) fn prove_bag(&self, folder: &Path, work: &Work) -> Result<BagPayload, LibraryError> {
        let report = check_bag(folder, work).map_err(|error| bag_error(folder, error))?;
        match report.payload() {
            Some(payload) => Ok(payload.clone()),
            None => {
                Err(LibraryError::BagInvalid { path: folder.to_owned(), problems: bag_problems(&report) })
            }
        }
    }
}

/// An error if the copy of a bag's payload is not what was proven before it was copied.
pub(super) fn require_same_payload(payload: &BagPayload, copied: &Manifest) -> Result<(), LibraryError> {
    let same = |(proven, copy): (&PayloadFile, ManifestEntry<'_>)| {
        proven.path == copy.path && copy.hashes.is_some_and(|hashes| hashes.file == proven.digest)
    };
    match payload.files.iter().zip(copied.iter()).find(|(proven, copy)| !same((proven, *copy))) {
        Some((proven, _)) => Err(LibraryError::SourceChanged(proven.path.clone())),
        None if payload.files.len() != copied.len() => Err(LibraryError::SourceChanged("data".to_owned())),
        None => Ok(()),
    }
}

/// Every problem of a bag, one a line.
pub(super) fn bag_problems(report: &BagReport) -> Vec<String> {
    let line = |file: &str, message: &str| {
        if file.is_empty() { message.to_owned() } else { format!("{file}: {message}") }
    };
    report.errors.iter().map(|problem| line(&problem.file, &problem.message)).collect()
}

/// An error of the bag judge, told of this folder.
pub(super) fn bag_error(folder: &Path, error: BagCheckError) -> LibraryError {
    match error {
        BagCheckError::Cancelled(cancelled) => cancelled.into(),
        BagCheckError::Unreadable { source, .. } => super::error::io_error("read", folder)(source),
    }
}

/// The first path that is not the same in both, executable flags included.
pub(super) fn first_difference(sealed: &Manifest, found: &Manifest) -> Option<String> {
    let mut pairs = sealed.iter().zip(found.iter());
    let differing = pairs.find(|(a, b)| {
        a.path != b.path
            || a.size_bytes != b.size_bytes
            || a.executable != b.executable
            || a.hashes.map(|h| h.file) != b.hashes.map(|h| h.file)
    });
    match differing {
        Some((a, _)) => Some(a.path.to_owned()),
        None if sealed.len() != found.len() => {
            let (longer, from) =
                if sealed.len() > found.len() { (sealed, found.len()) } else { (found, sealed.len()) };
            longer.get(from).map(|file| file.path.to_owned())
        }
        None => None,
    }
}
