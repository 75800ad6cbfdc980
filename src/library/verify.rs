//! Judging what anybody hands over: a package folder, a BagIt bag, an archive. Changes nothing, needs the user's keys and
//! no library.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::archive::read_error;
use super::bag_check::check_bag;
use super::import::{ProvenSeal, bag_error, bag_problems};
use super::restore::{Tags, damage_error};
use super::{KeyInfo, KeyRing, LibraryError};
use crate::archive_file::ArchiveReader;
use crate::package::PackageKey;
use crate::package::reginfo::{REGINFO_NAME, SEAL_NAME};
use crate::work::Work;

/// What was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VerifiedThing {
    /// A package folder of ours.
    Package,
    /// A BagIt bag.
    Bag,
    /// An archive of a package.
    Archive,
}

/// The judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// What it is.
    pub thing: VerifiedThing,
    /// Whether everything about it is right: files, bag, and the seal where it has one.
    pub valid: bool,
    /// The package, if it is one.
    pub package: Option<PackageKey>,
    /// `trusted`, `unknown`, `broken`, or `none`.
    pub seal: &'static str,
    /// Id of the key that sealed it.
    pub key_id: Option<String>,
    /// The key's name here, if it is trusted.
    pub key_name: Option<String>,
    /// BagIt version it declares.
    pub bagit_version: Option<String>,
    /// Number of files.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub size_bytes: u64,
    /// Everything that is wrong, one sentence part each.
    pub errors: Vec<String>,
    /// Everything that is odd.
    pub warnings: Vec<String>,
}

impl VerifyReport {
    fn new(thing: VerifiedThing) -> Self {
        Self {
            thing,
            valid: false,
            package: None,
            seal: "none",
            key_id: None,
            key_name: None,
            bagit_version: None,
            files: 0,
            size_bytes: 0,
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Takes the outcome of judging the seal in; gives the seal if it was proven.
    fn judge_seal(
        &mut self,
        proven: Result<ProvenSeal, LibraryError>,
    ) -> Result<Option<ProvenSeal>, LibraryError> {
        match proven {
            Ok(seal) => {
                self.seal = "trusted";
                self.package = Some(seal.info.key.clone());
                self.key_id = Some(seal.key_id.clone());
                self.key_name = Some(seal.key_name.clone());
                return Ok(Some(seal));
            }
            Err(LibraryError::SealUnknown { key_id, .. }) => {
                self.seal = "unknown";
                self.errors.push(format!("the seal is signed by key {key_id}, which is not trusted"));
                self.key_id = Some(key_id);
            }
            Err(LibraryError::SealBroken { why, .. }) => {
                self.seal = "broken";
                self.errors.push(format!("the seal does not match: {why}"));
            }
            Err(LibraryError::NoRegInfo(_)) => {
                self.errors.push("no registration information (reginfo) found".to_owned());
            }
            Err(LibraryError::NoSeal(_)) => self.errors.push("there is no seal".to_owned()),
            Err(LibraryError::Unreadable { what, why }) => self.errors.push(format!("{what}: {why}")),
            Err(error) => return Err(error),
        }
        Ok(None)
    }
}

impl KeyRing {
    /// Judges a folder or an archive by these keys. `trust` names keys that are trusted for this once.
    pub fn verify(&self, path: &Path, trust: &[String], work: &Work) -> Result<VerifyReport, LibraryError> {
        let trusted: Vec<KeyInfo> =
            trust.iter().map(|text| self.resolve(text)).collect::<Result<_, LibraryError>>()?;
        let metadata = fs::metadata(path).map_err(super::error::io_error("read", path))?;
        if metadata.is_dir() {
            self.verify_folder(path, &trusted, work)
        } else {
            self.verify_archive(path, &trusted, work)
        }
    }

    fn verify_folder(
        &self,
        folder: &Path,
        trusted: &[KeyInfo],
        work: &Work,
    ) -> Result<VerifyReport, LibraryError> {
        let is_package = folder.join(REGINFO_NAME).is_file();
        let mut report =
            VerifyReport::new(if is_package { VerifiedThing::Package } else { VerifiedThing::Bag });
        let mut seal = None;
        if folder.join(SEAL_NAME).is_file() || is_package {
            let shown = folder.display().to_string();
            seal = report.judge_seal(ProvenSeal::prove(self, trusted, folder, &shown))?;
        }
        let bag = check_bag(folder, work).map_err(|error| bag_error(folder, error))?;
        report.bagit_version = bag.version.map(|version| version.as_str().to_owned());
        report.files = bag.files;
        report.size_bytes = bag.size_bytes;
        report.errors.extend(bag_problems(&bag));
        report.warnings.extend(bag.warnings.iter().map(|warning| {
            if warning.file.is_empty() {
                warning.message.clone()
            } else {
                format!("{}: {}", warning.file, warning.message)
            }
        }));
        if let (Some(seal), Some(payload)) = (&seal, bag.payload()) {
            // The bag proves itself; the snapshot under the seal proves the bag.
            let sealed = &seal.snapshot.manifest;
            for file in &payload.files {
                let listed = sealed.files().position(&file.path).and_then(|at| sealed.get(at));
                if listed.and_then(|listed| listed.hashes).is_none_or(|hashes| hashes.file != file.digest) {
                    report.errors.push(format!("{}: it is not as it was sealed", file.path));
                }
            }
            if payload.files.len() != sealed.len() {
                report.errors.push("the sealed files and those of the bag are not the same".to_owned());
            }
        }
        report.valid = report.errors.is_empty();
        Ok(report)
    }

    fn verify_archive(
        &self,
        file: &Path,
        trusted: &[KeyInfo],
        work: &Work,
    ) -> Result<VerifyReport, LibraryError> {
        let mut report = VerifyReport::new(VerifiedThing::Archive);
        let reader = match ArchiveReader::open(file).map_err(|error| read_error(file, error)) {
            Ok(reader) => reader,
            Err(LibraryError::NotAnArchive { why, .. }) => {
                report.errors.push(why);
                return Ok(report);
            }
            Err(error) => return Err(error),
        };
        let tags = match reader.read_tag_files().map_err(|error| read_error(file, error)) {
            Ok(tags) => tags,
            Err(LibraryError::NotAnArchive { why, .. }) => {
                report.errors.push(why);
                return Ok(report);
            }
            Err(error) => return Err(error),
        };
        if tags.get(REGINFO_NAME).is_none() {
            report.errors.push("no registration information (reginfo) found".to_owned());
            return Ok(report);
        }
        let shown = file.display().to_string();
        if let Some(seal) = report.judge_seal(ProvenSeal::prove(self, trusted, &Tags(&tags), &shown))? {
            let manifest = &seal.snapshot.manifest;
            report.files = manifest.len() as u64;
            report.size_bytes = manifest.files().total_bytes();
            let top = tags.top.clone().unwrap_or_default();
            match reader.check(&top, manifest, work).map_err(|error| read_error(file, error)) {
                Ok(damage) => {
                    if let LibraryError::ArchiveDamaged { files, .. } =
                        damage_error(&shown, &damage, manifest.len())
                    {
                        report.errors.extend(files.into_iter().map(|(path, why)| format!("{path}: {why}")));
                    }
                    report
                        .errors
                        .extend(damage.extra.iter().map(|extra| format!("{}: {}", extra.path, extra.reason)));
                    if damage.files_are_whole() && !damage.is_flawless() {
                        report
                            .warnings
                            .push("every file is whole, but the archive around them is damaged".to_owned());
                    }
                }
                Err(LibraryError::NotAnArchive { why, .. }) => report.errors.push(why),
                Err(error) => return Err(error),
            }
        }
        report.valid = report.errors.is_empty();
        Ok(report)
    }
}
