//! Setting up a delivery environment: proving the package, and the staged copies that a computer reads.
//!
//! What was proven a moment ago counts for the targets that have their turn in that moment; nothing is believed longer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::delivery::documents::limits::READ_MAX;
use crate::delivery::documents::{JobPackage, JobProcedure, procedure_digest};
use crate::delivery::model::failures::{COPY_DIFFERS, DIFFERS, reason};
use crate::delivery::model::{Entry, evaluation::still_allowed};
use crate::delivery::staging::{SealThere, StagingDesk};
use crate::library::{Library, LibraryError};
use crate::package::procedure::Task;
use crate::package::record::{PackageId, PackageRecord};
use crate::package::reginfo::{REGINFO_NAME, RegInfo};
use crate::package::staging::{StagedFinding, StagingLibrary};
use crate::package::{CheckReport, ConsistencyChecksum, Sha256Digest};
use crate::store::ComputerReads;
use crate::transfer::Clock;
use crate::work::Work;

/// How long a proof serves.
const SERVES: Duration = Duration::from_secs(2);

/// What the jobs of an environment are told: the same for all computers that read from the same places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Environment {
    pub(super) package: JobPackage,
    pub(super) checksum: ConsistencyChecksum,
    pub(super) checksum_control: bool,
    pub(super) procedure: JobProcedure,
    pub(super) task: Task,
    /// Where agents read, nearest first.
    pub(super) read: Vec<String>,
}

/// Whether an environment can be set up.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// Everything is as it was sealed and recorded.
    Proven(Arc<Environment>),
    /// The package in the library differs: this is about every target.
    Differs(Arc<CheckReport>),
    /// Every staged copy there is for these computers differs.
    CopyDiffers(String),
    /// Not now: a code and words.
    Later(&'static str, String),
    /// Never, as the package is.
    Forbidden(&'static str, String),
}

#[derive(Clone, Debug)]
enum PackageProof {
    Whole { record: Arc<PackageRecord>, reginfo: Sha256Digest, info: Arc<RegInfo> },
    No(Proof),
}

#[derive(Clone, Debug)]
enum CopyProof {
    Good,
    /// The seal is the newest, but files differ: enough where none of them is needed.
    SealOnly(String),
    /// Nobody can use it.
    Broken(String),
    Outdated,
    Missing,
    Unreachable(String),
}

/// Proves packages and copies, each once in a moment.
pub(super) struct Prover<'l> {
    library: &'l Library,
    desk: &'l StagingDesk,
    stagings: &'l [StagingLibrary],
    clock: Arc<dyn Clock>,
    packages: HashMap<(PackageId, bool), (Duration, PackageProof)>,
    copies: HashMap<(String, PackageId), (Duration, CopyProof)>,
}

impl<'l> Prover<'l> {
    pub(super) fn new(
        library: &'l Library,
        desk: &'l StagingDesk,
        stagings: &'l [StagingLibrary],
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { library, desk, stagings, clock, packages: HashMap::new(), copies: HashMap::new() }
    }

    /// Whether a package may be delivered by an entry, and is as recorded unless its procedure needs none of its files.
    pub(super) fn package(&mut self, entry: &Entry, work: &Work) -> Result<Option<Proof>, LibraryError> {
        Ok(match self.proven_package(entry, work)? {
            PackageProof::Whole { .. } => None,
            PackageProof::No(proof) => Some(proof),
        })
    }

    /// Proves the environment of an entry for computers that read like this.
    pub(super) fn prove(
        &mut self,
        entry: &Entry,
        reads: &ComputerReads,
        work: &Work,
    ) -> Result<Proof, LibraryError> {
        let (record, reginfo, info) = match self.proven_package(entry, work)? {
            PackageProof::Whole { record, reginfo, info } => (record, reginfo, info),
            PackageProof::No(proof) => return Ok(proof),
        };
        let Some(procedure) = info.procedures.iter().find(|procedure| procedure.name == entry.procedure)
        else {
            let words = format!("the sealed package has no procedure {:?}", entry.procedure);
            return Ok(Proof::Forbidden("no-procedure", words));
        };
        let mut read = Vec::new();
        let (mut differs, mut unreachable, mut outdated) = (None, None, false);
        for staging in self.candidates(reads) {
            match self.copy(staging, &record, work)? {
                CopyProof::Good => read.push(staging.read_address().to_owned()),
                CopyProof::SealOnly(_) if entry.external || !record.checksum_control => {
                    read.push(staging.read_address().to_owned());
                }
                CopyProof::SealOnly(words) | CopyProof::Broken(words) => differs = differs.or(Some(words)),
                CopyProof::Unreachable(words) => unreachable = unreachable.or(Some(words)),
                CopyProof::Outdated => outdated = true,
                CopyProof::Missing => {}
            }
        }
        read.truncate(READ_MAX);
        if !read.is_empty() {
            return Ok(Proof::Proven(Arc::new(Environment {
                package: JobPackage {
                    id: record.id,
                    key: record.key.clone(),
                    revision: record.revision,
                    reginfo_sha256: reginfo,
                },
                checksum: record.checksum,
                checksum_control: record.checksum_control,
                procedure: JobProcedure { name: procedure.name.clone(), sha256: procedure_digest(procedure) },
                task: entry.task,
                read,
            })));
        }
        let later = |code| Proof::Later(code, reason(code).to_owned());
        Ok(match (differs, unreachable) {
            (Some(words), _) => Proof::CopyDiffers(words),
            (None, Some(words)) => Proof::Later("staging-unreachable", words),
            (None, None) if outdated => later("copy-outdated"),
            (None, None) => later("not-staged"),
        })
    }

    /// The staging libraries a computer may read, in the order in which it should.
    fn candidates(&self, reads: &ComputerReads) -> Vec<&'l StagingLibrary> {
        let is_home = |staging: &StagingLibrary| reads.home.as_ref() == Some(&staging.id.to_string());
        let mut candidates: Vec<&StagingLibrary> = self
            .stagings
            .iter()
            .filter(|staging| is_home(staging) || !(reads.only || staging.for_tests && !reads.test))
            .collect();
        candidates.sort_by_key(|staging| !is_home(staging));
        candidates
    }

    fn proven_package(&mut self, entry: &Entry, work: &Work) -> Result<PackageProof, LibraryError> {
        let place = (entry.package, entry.external);
        let proof = match self.packages.get(&place) {
            Some((at, proof)) if self.clock.now().saturating_sub(*at) < SERVES => proof.clone(),
            _ => {
                let proof = self.look_at_package(entry, work)?;
                self.packages.insert(place, (self.clock.now(), proof.clone()));
                proof
            }
        };
        // The package is the same for all entries of it; the procedure is not.
        if let PackageProof::Whole { record, .. } = &proof
            && let Err(refused) = still_allowed(record, entry)
        {
            return Ok(PackageProof::No(Proof::Forbidden(refused.code(), refused.to_string())));
        }
        Ok(proof)
    }

    fn look_at_package(&self, entry: &Entry, work: &Work) -> Result<PackageProof, LibraryError> {
        let looked = if entry.external {
            // Nothing of its files is needed, so nothing of them is looked at.
            self.library.sealed_reginfo(entry.package)
        } else {
            self.library.hand_out(entry.package, work).map(|handed| {
                let reginfo = Sha256Digest::of(handed.tag(REGINFO_NAME).as_bytes());
                (handed.record, handed.info, reginfo)
            })
        };
        Ok(match looked {
            Ok((record, info, reginfo)) => {
                PackageProof::Whole { record: Arc::new(record), info: Arc::new(info), reginfo }
            }
            Err(LibraryError::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(LibraryError::Differs { report, .. }) => PackageProof::No(Proof::Differs(Arc::from(report))),
            Err(LibraryError::NotFound(_)) => {
                PackageProof::No(Proof::Forbidden("package-gone", reason("package-gone").to_owned()))
            }
            Err(error @ LibraryError::State { .. }) => {
                PackageProof::No(Proof::Forbidden("not-sealed", error.to_string()))
            }
            Err(
                error @ (LibraryError::SealBroken { .. }
                | LibraryError::SealUnknown { .. }
                | LibraryError::NoSeal(_)),
            ) => PackageProof::No(Proof::Forbidden("seal-not-trusted", error.to_string())),
            // A disk, a lock, a change on its way: it is looked at again.
            Err(error) => PackageProof::No(Proof::Later("library-unreachable", error.to_string())),
        })
    }

    fn copy(
        &mut self,
        staging: &StagingLibrary,
        record: &PackageRecord,
        work: &Work,
    ) -> Result<CopyProof, LibraryError> {
        let place = (staging.id.to_string(), record.id);
        if let Some((at, proof)) = self.copies.get(&place)
            && self.clock.now().saturating_sub(*at) < SERVES
        {
            return Ok(proof.clone());
        }
        let proof = self.look_at_copy(staging, record, work)?;
        self.copies.insert(place, (self.clock.now(), proof.clone()));
        Ok(proof)
    }

    fn look_at_copy(
        &self,
        staging: &StagingLibrary,
        record: &PackageRecord,
        work: &Work,
    ) -> Result<CopyProof, LibraryError> {
        let known = self.library.catalogue().staged_copy(staging.id, record.id)?;
        let Some(known) = known else { return Ok(CopyProof::Missing) };
        if matches!(known.finding, StagedFinding::Incomplete | StagedFinding::Missing) {
            return Ok(CopyProof::Missing);
        }
        if known.revision != record.revision {
            return Ok(CopyProof::Outdated);
        }
        let checked = match self.desk.verify(record.id, staging.id, false, work) {
            Ok(checked) => checked,
            Err(error) => {
                work.check()?;
                return Ok(CopyProof::Unreachable(format!("{}: {error}", staging.name)));
            }
        };
        Ok(match checked.seal {
            SealThere::Newest if checked.report.is_consistent() => CopyProof::Good,
            SealThere::Newest => {
                let words = checked.report.differences.lines().into_iter().next().unwrap_or_default();
                CopyProof::SealOnly(format!("{} ({}: {words})", reason(COPY_DIFFERS), staging.name))
            }
            SealThere::Outdated { .. } | SealThere::Later { .. } => CopyProof::Outdated,
            SealThere::Missing | SealThere::Nothing => CopyProof::Missing,
            SealThere::Untrusted { why } => {
                CopyProof::Broken(format!("{} ({}: {why})", reason(COPY_DIFFERS), staging.name))
            }
        })
    }
}

/// The words of a checksum error for one target: since when, as far as that is known.
pub(super) fn words_of(library: &Library, package: PackageId) -> String {
    let record = library.catalogue().package(package).ok().flatten();
    let since = record.and_then(|record| record.noticed).map(|noticed| {
        let zoned = noticed.at.to_zoned(library.actor().time_zone.clone());
        zoned.strftime("%Y-%m-%d %H:%M").to_string()
    });
    match since {
        Some(since) => format!("{} (differs since {since})", reason(DIFFERS)),
        None => reason(DIFFERS).to_owned(),
    }
}
