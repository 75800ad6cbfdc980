//! Handing a sealed package out: to a staging library, to a job. It is verified first, and what is handed out is the
//! seal with all it covers.
//!
//! Owns the moment of verification. Must not know where it goes.

use std::collections::BTreeMap;

use super::import::{ProvenSeal, TagFiles};
use super::package_folder::PACKAGES;
use super::repair::SealedFolder;
use super::{Library, LibraryError};
use crate::package::record::{PackageId, PackageRecord};
use crate::package::reginfo::{RegInfo, SEAL_NAME};
use crate::package::staging::StagingId;
use crate::package::{HistoryEntry, HistoryEvent, Manifest, PackageKey, PackageState, Sha256Digest};
use crate::work::Work;

/// The tag files of a sealed package in the order in which they are written: until the last two are there, nothing is
/// a seal.
pub const SEALED_ORDER: [&str; 7] = [
    "manifest-sha256.txt",
    "bag-info.txt",
    "bagit.txt",
    "snapshot.meta4",
    "reginfo.json",
    SEAL_NAME,
    "tagmanifest-sha256.txt",
];

/// A sealed package as it is handed out.
#[derive(Debug)]
pub struct HandOut {
    /// Its record, verified a moment ago.
    pub record: PackageRecord,
    /// What is sealed.
    pub info: RegInfo,
    /// The sealed files, with all hashes and modes.
    pub manifest: Manifest,
    /// Name and text of each tag file, in the order of [`SEALED_ORDER`].
    pub tags: Vec<(&'static str, String)>,
}

impl HandOut {
    /// SHA-256 of its snapshot.
    pub fn snapshot(&self) -> Sha256Digest {
        self.info.sha256.get("snapshot.meta4").copied().unwrap_or_default()
    }

    /// The text of a tag file.
    pub fn tag(&self, name: &str) -> &str {
        self.tags.iter().find(|(there, _)| *there == name).map_or("", |(_, text)| text.as_str())
    }
}

impl Library {
    /// Verifies a sealed package and gives it as it is handed out. Refused while it is blocked; with the switch off it
    /// is handed out as it lies there, and only its seal is proven.
    pub fn hand_out(&self, id: PackageId, work: &Work) -> Result<HandOut, LibraryError> {
        let record = self.record(id)?;
        if record.state != PackageState::Sealed {
            let instead = match record.state {
                PackageState::Archived => "Restore the package first",
                _ => "Seal the package first",
            };
            return Err(LibraryError::State {
                key: record.key,
                state: record.state,
                doing: "staged",
                instead,
            });
        }
        let record = self.verify_for_handing_out(id, work)?;
        let folder = self.package_folder(&record.key);
        let seal = ProvenSeal::prove(self.keys(), &[], folder.as_path(), &record.key.to_string())?;
        let broken =
            |why: &str| LibraryError::SealBroken { what: record.key.to_string(), why: why.to_owned() };
        if seal.info.id != record.id || seal.info.revision != record.revision {
            return Err(broken("the seal in the package folder is not the one that is recorded"));
        }
        let mut tags = Vec::with_capacity(SEALED_ORDER.len());
        for name in SEALED_ORDER {
            let text = seal.files.iter().find(|(there, _)| there == name).map(|(_, text)| text.clone());
            tags.push((name, text.ok_or_else(|| broken(&format!("{name} is missing")))?));
        }
        self.require_unchanged(&record)?;
        Ok(HandOut { info: seal.info, manifest: seal.snapshot.manifest, tags, record })
    }

    /// An error if another program changed the package since it was handed out.
    pub fn require_as_handed_out(&self, handed: &HandOut) -> Result<(), LibraryError> {
        self.require_unchanged(&handed.record)
    }

    /// Judges tag files that were read elsewhere, by name: the seal and all it covers.
    pub fn prove_tags(
        &self,
        what: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<SealedFolder, LibraryError> {
        let seal = ProvenSeal::prove(self.keys(), &[], tags, what)?;
        Ok(SealedFolder { info: seal.info, manifest: seal.snapshot.manifest })
    }

    /// An error while agents can be given the package, or were: to change it would make two packages of one name. What lies
    /// where only test computers read does not count.
    pub fn require_undelivered(&self, id: PackageId) -> Result<(), LibraryError> {
        let places = self.catalogue().places_of(id)?;
        let staged: Vec<String> =
            places.into_iter().filter(|place| !place.for_tests).map(|place| place.name).collect();
        let ((installed, _), jobs) = {
            let catalogue = self.catalogue();
            (catalogue.installation_count(id)?, catalogue.waiting_job_count(id)?)
        };
        if staged.is_empty() && installed == 0 && jobs == 0 {
            return Ok(());
        }
        Err(LibraryError::Delivered { key: self.record(id)?.key, staged, installed, jobs })
    }

    /// Keeps in History that a package was handed out to a staging library, or taken back. Nothing where the library can
    /// only be read.
    pub fn note_handed_out(
        &self,
        event: HistoryEvent,
        (id, key): (PackageId, &PackageKey),
        staging: StagingId,
        details: String,
    ) -> Result<(), LibraryError> {
        if self.is_read_only() {
            return Ok(());
        }
        let mut entry = self.entry_about(event, Some((id, key)), details);
        entry.staging = Some(staging);
        self.catalogue().change(|change| change.append_history(entry))?;
        self.append_history_file()
    }

    /// An entry of History about what was done with a package outside its folder, or with none. It belongs into the change
    /// that it tells of; [`Library::bring_history_file_up_to_date`] then appends it to the file.
    pub fn entry_about(
        &self,
        event: HistoryEvent,
        package: Option<(PackageId, &PackageKey)>,
        details: String,
    ) -> HistoryEntry {
        let mut entry = self.entry(event, None);
        (entry.package_id, entry.package) = package.map(|(id, key)| (id, key.clone())).unzip();
        entry.details = Some(details);
        entry
    }

    /// Appends to `history.jsonl` what it does not have yet. Where that fails it is done with the next entry: what the
    /// entries tell of has happened.
    pub fn bring_history_file_up_to_date(&self) {
        if let Err(error) = self.append_history_file() {
            tracing::warn!(%error, "an entry could not be appended to the history file");
        }
    }

    /// Where a package lies below a library, a staging library, or a web server in front of either.
    pub fn place_of(key: &PackageKey) -> String {
        format!("{PACKAGES}/{}/{}", key.name(), key.version())
    }
}

impl TagFiles for BTreeMap<String, String> {
    fn text(&self, name: &str) -> Result<Option<String>, LibraryError> {
        Ok(self.get(name).cloned())
    }
}
