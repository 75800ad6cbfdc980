//! Verifying a staged copy: what lies there against the seal that lies there, and that seal against the library's.
//!
//! Quick by names and sizes, from a listing; deep by reading every content. Changes nothing but what is known of the copy.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::desk::{StagingDesk, StagingWay};
use super::error::StageError;
use super::place::Place;
use crate::library::LibraryError;
use crate::package::reginfo::{REGINFO_NAME, RegInfo, SEAL_NAME};
use crate::package::staging::{StagedCopy, StagedFinding, StagingId, StagingLibrary};
use crate::package::{CheckKind, CheckReport, Differences, Finding, PackageId};
use crate::work::Work;

/// What seal lies beside a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "seal", rename_all = "kebab-case")]
pub enum SealThere {
    /// The one the library has.
    Newest,
    /// One of an earlier revision, whole and trusted.
    Outdated {
        /// Which revision lies there.
        revision: u64,
    },
    /// One of a later revision: another library staged it.
    Later {
        /// Which revision lies there.
        revision: u64,
    },
    /// None, or only a part of one: staging was not finished.
    Missing,
    /// One that does not fit, or that nobody here trusts.
    Untrusted {
        /// Why.
        why: String,
    },
    /// Nothing lies there at all.
    Nothing,
}

/// A staged copy as it was found.
#[derive(Clone, Debug)]
pub struct StagedCheck {
    /// The copy, with what is known of it now.
    pub copy: StagedCopy,
    /// Name of the staging library.
    pub name: String,
    /// The seal there.
    pub seal: SealThere,
    /// The files there against what is sealed there; against what the library sealed where no seal there can be believed.
    pub report: CheckReport,
}

impl StagedCheck {
    /// Whether an agent can be given the package from there: the newest revision, with its seal, and nothing differs.
    pub fn is_good(&self) -> bool {
        self.seal == SealThere::Newest && self.report.is_consistent()
    }
}

impl StagingDesk {
    /// Verifies the copy of a package in a staging library; `deep` reads every content.
    pub fn verify(
        &self,
        package: PackageId,
        staging: StagingId,
        deep: bool,
        work: &Work,
    ) -> Result<StagedCheck, StageError> {
        let staging = self.get(staging)?;
        let copy = self.known_copy(&staging, package)?;
        self.verify_copy(&staging, copy, deep, work)
    }

    /// Verifies every copy in a staging library that is known to be there, one after the other.
    pub fn verify_all(
        &self,
        staging: StagingId,
        deep: bool,
        work: &Work,
    ) -> Result<Vec<StagedCheck>, StageError> {
        let staging = self.get(staging)?;
        let copies = self.library.catalogue().staged_at(staging.id)?;
        let mut checks = Vec::with_capacity(copies.len());
        let total = copies.len() as u64;
        for (done, copy) in copies.into_iter().enumerate() {
            work.set_packages(done as u64, total);
            work.set_subject(&copy.key.to_string());
            checks.push(self.verify_copy(&staging, copy, deep, work)?);
        }
        Ok(checks)
    }

    /// What is known of the copy of a package in a staging library.
    pub(super) fn known_copy(
        &self,
        staging: &StagingLibrary,
        package: PackageId,
    ) -> Result<StagedCopy, StageError> {
        let known = self.library.catalogue().staged_copy(staging.id, package)?;
        if let Some(copy) = known {
            return Ok(copy);
        }
        let record = self.library.catalogue().package(package)?;
        let package = record.map_or_else(|| package.to_string(), |record| record.key.to_string());
        Err(StageError::NotStaged { package, name: staging.name.clone() })
    }

    fn verify_copy(
        &self,
        staging: &StagingLibrary,
        mut copy: StagedCopy,
        deep: bool,
        work: &Work,
    ) -> Result<StagedCheck, StageError> {
        let started = Instant::now();
        work.begin("Verifying", 0, 0);
        let place = Place::of(self.open(staging, StagingWay::Write)?, &copy.key)?;
        let tags = place.tags(work)?;
        let record = self.library.catalogue().package(copy.package)?;
        let newest = record.as_ref().map(|record| record.revision);
        let there = self.library.prove_tags(&format!("{} at {}", copy.key, staging.name), &tags);
        let (seal, expected) = match there {
            Ok(sealed) if sealed.info.id != copy.package => {
                return Err(StageError::OtherPackage {
                    place: place.root.to_string(),
                    name: staging.name.clone(),
                    found: format!("it is {} with the id {}", sealed.info.key, sealed.info.id),
                });
            }
            Ok(sealed) => {
                let revision = sealed.info.revision;
                let seal = match newest {
                    Some(newest) if revision < newest => SealThere::Outdated { revision },
                    Some(newest) if revision > newest => SealThere::Later { revision },
                    _ => SealThere::Newest,
                };
                copy.revision = revision;
                (seal, sealed.manifest)
            }
            Err(error @ LibraryError::SealUnknown { .. } | error @ LibraryError::SealBroken { .. }) => {
                (untrusted(&tags, &error), self.sealed_here(&copy)?)
            }
            Err(LibraryError::NoRegInfo(_) | LibraryError::NoSeal(_)) => {
                let seal = if tags.is_empty() { SealThere::Nothing } else { SealThere::Missing };
                (seal, self.sealed_here(&copy)?)
            }
            Err(error) => return Err(error.into()),
        };
        let found = place.found(&expected, work)?;
        let seal = if seal == SealThere::Nothing && !found.is_empty() { SealThere::Missing } else { seal };
        let mut differences = Differences::between(expected.files(), &found);
        if deep && !found.is_empty() {
            let is_there = |at: &usize| {
                let entry = expected.files();
                found
                    .position(entry.path(*at))
                    .is_some_and(|there| found.size_bytes(there) == entry.size_bytes(*at))
            };
            let files: Vec<usize> = (0..expected.len()).filter(is_there).collect();
            work.begin("Reading", files.len() as u64, expected.files().total_bytes());
            place.read_contents(&expected, &files, &mut differences, work)?;
        }
        let is_gone = found.is_empty() && seal == SealThere::Nothing;
        let at = self.now();
        let report = CheckReport {
            kind: if deep { CheckKind::Deep } else { CheckKind::Quick },
            at,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            finding: if is_gone { Finding::Missing } else { differences.finding() },
            recorded: expected.files().checksum(),
            found: (!is_gone).then(|| found.checksum()),
            differences,
            without_hashes: 0,
        };
        copy.finding = match (&seal, report.finding) {
            (SealThere::Nothing, _) => StagedFinding::Missing,
            (SealThere::Missing, _) => StagedFinding::Incomplete,
            (SealThere::Untrusted { .. }, _) => StagedFinding::Differs,
            (_, Finding::Consistent) => StagedFinding::Whole,
            _ => StagedFinding::Differs,
        };
        copy.listed_at = Some(at);
        if deep {
            copy.read_at = Some(at);
        }
        if !self.library.is_read_only() {
            self.put_copy(&copy)?;
        }
        Ok(StagedCheck { copy, name: staging.name.clone(), seal, report })
    }

    /// What the library has sealed, for want of a list that lies there.
    fn sealed_here(&self, copy: &StagedCopy) -> Result<crate::package::Manifest, StageError> {
        if self.library.catalogue().package(copy.package)?.is_none() {
            return Ok(crate::package::Manifest::default());
        }
        Ok(self.library.recorded_manifest(copy.package)?)
    }
}

/// A seal that lies there and cannot be believed; a part of one is none.
fn untrusted(tags: &BTreeMap<String, String>, error: &LibraryError) -> SealThere {
    let has_both = tags.contains_key(REGINFO_NAME) && tags.contains_key(SEAL_NAME);
    let is_ours = tags.get(REGINFO_NAME).is_some_and(|text| RegInfo::parse(text).is_ok());
    if has_both && is_ours {
        let failure = error.explain();
        SealThere::Untrusted { why: failure.to_string() }
    } else {
        SealThere::Missing
    }
}
