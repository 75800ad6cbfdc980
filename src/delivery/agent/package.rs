//! The package of a job: its registration info, judged; its files, brought with checkpoint recovery; its checksum.
//!
//! Owns what is refused, and the order of the proofs: the job names the hash of the registration info, the seal covers
//! it, it covers the snapshot, the snapshot every block. Nothing of a package is used that this chain does not hold.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::AgentOptions;
use super::error::AgentError;
use super::home::{Home, Identity};
use super::site::{PackageAddress, Site, pinned};
use crate::delivery::documents::{Job, SiteDocument, procedure_digest};
use crate::delivery::staging::{StagingAddress, StagingError, StorePath, open_store};
use crate::library::scan::{Scan, ScanError, scan_files};
use crate::package::consistency::UnreadableFile;
use crate::package::procedure::{Procedure, RunAs};
use crate::package::record::PackageId;
use crate::package::reginfo::{
    COVERED_NAMES, DATA_NAME, REGINFO_MAX_BYTES, REGINFO_NAME, RegInfo, SEAL_NAME,
};
use crate::package::snapshot::{self, SNAPSHOT_NAME};
use crate::package::trust::{self, KeyInfo, KeyUse, SealJudgement};
use crate::package::{CheckKind, CheckReport, Differences, Finding, Sha256Digest};
use crate::transfer::trust::{Judgement, Offer, Terms};
use crate::transfer::{
    CodebaseAddress, Ladder, NetworkOptions, Plan, TagFile, Transfer, TransferError, TransferOptions, Waker,
    fetch_document,
};
use crate::work::Work;

/// Largest seal that is taken, in bytes.
const SEAL_MAX_BYTES: u64 = 64 * 1024;
/// Largest tag file that is taken, in bytes.
const TAG_MAX_BYTES: u64 = 1 << 30;

/// Why a job does not go on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go on later: a network, a disk.
    Later(String),
    /// It is not taken, whatever is tried.
    Refused(&'static str, String),
    /// It failed.
    Failed(&'static str, String),
    /// The agent itself cannot go on.
    Agent(AgentError),
}

impl From<AgentError> for Trouble {
    fn from(error: AgentError) -> Self {
        Self::Agent(error)
    }
}

/// Registration info that a job names and a key of the site sealed.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) text: String,
    pub(super) seal: String,
    pub(super) info: RegInfo,
}

/// A package on its way.
pub(super) struct Delivery {
    pub(super) package: PackageId,
    pub(super) reginfo: Sha256Digest,
    pub(super) transfer: Transfer,
    /// The percentage that was told last.
    pub(super) told: Option<u8>,
    pub(super) told_retry: bool,
}

/// What the package of a job is looked at with.
pub(super) struct Packages<'a> {
    pub(super) home: &'a Home,
    pub(super) identity: &'a Identity,
    pub(super) site: &'a Site,
    pub(super) list: &'a SiteDocument,
    pub(super) options: &'a AgentOptions,
}

impl Packages<'_> {
    /// The registration info of a job: kept from before, or fetched from the staging libraries it names. What is kept is
    /// judged again: a key may have lost its use since.
    pub(super) fn registration(&self, job: &Job) -> Result<Registration, Trouble> {
        // One that does not hold may be torn: what is staged says why.
        if let Some(kept) = self.kept(job).and_then(|(text, seal)| self.judged(job, text, seal).ok()) {
            return Ok(kept);
        }
        let mut trouble = None;
        for place in self.places(job)? {
            // Once more where the texts do not fit: they may have been replaced while they were fetched.
            for _ in 0..2 {
                match self.fetch_registration(job, &place) {
                    Ok(registration) => {
                        self.keep(job, &registration)?;
                        return Ok(registration);
                    }
                    Err(Trouble::Agent(error)) => return Err(Trouble::Agent(error)),
                    Err(later @ Trouble::Later(_)) => {
                        // What may come later counts more than what is wrong elsewhere.
                        trouble = Some(later);
                        break;
                    }
                    Err(other) => trouble = trouble.or(Some(other)),
                }
            }
        }
        Err(trouble.unwrap_or_else(|| {
            Trouble::Refused("job-no-address", "The job names no staging library.".to_owned())
        }))
    }

    fn kept(&self, job: &Job) -> Option<(String, String)> {
        let path = self.home.reginfos().join(job.package.reginfo_sha256.to_string());
        let text = fs::read_to_string(path.with_extension("json")).ok()?;
        let seal = fs::read_to_string(path.with_extension("minisig")).ok()?;
        // Torn or changed: fetched again.
        (Sha256Digest::of(text.as_bytes()) == job.package.reginfo_sha256).then_some((text, seal))
    }

    fn keep(&self, job: &Job, registration: &Registration) -> Result<(), Trouble> {
        let folder = self.home.reginfos();
        let path = folder.join(job.package.reginfo_sha256.to_string());
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(path.with_extension("minisig"), &registration.seal))
            .and_then(|()| fs::write(path.with_extension("json"), &registration.text))
            .map_err(|error| AgentError::folder("writing", &path)(error).into())
    }

    fn fetch_registration(&self, job: &Job, place: &PackageAddress) -> Result<Registration, Trouble> {
        let text = self.fetch(place, REGINFO_NAME, REGINFO_MAX_BYTES)?;
        let Some(text) = text else { return Err(not_staged(place)) };
        let Some(seal) = self.fetch(place, SEAL_NAME, SEAL_MAX_BYTES)? else {
            return Err(Trouble::Refused(
                "package-not-sealed",
                format!("The package at {} has no seal. Only sealed packages are run.", place.address),
            ));
        };
        let text = text_of(text, REGINFO_NAME)?;
        if Sha256Digest::of(text.as_bytes()) != job.package.reginfo_sha256 {
            return Err(Trouble::Refused(
                "package-other",
                format!("The package at {} is not the one that the job names.", place.address),
            ));
        }
        self.judged(job, text, text_of(seal, SEAL_NAME)?)
    }

    /// What the seal is worth, and whether it is of the package of the job.
    fn judged(&self, job: &Job, text: String, seal: String) -> Result<Registration, Trouble> {
        let refused = |code, why: String| Err(Trouble::Refused(code, why));
        match trust::judge(&text, &seal, &self.keys()) {
            SealJudgement::Trusted { .. } => {}
            SealJudgement::Unknown { key_id } => {
                return refused(
                    "package-unknown-key",
                    format!(
                        "The package is sealed by the key {key_id}, which may not seal packages of this site."
                    ),
                );
            }
            SealJudgement::Broken { why } => {
                return refused("package-seal", format!("The seal of the package does not match: {why}."));
            }
        }
        let info = match RegInfo::parse(&text) {
            Ok(info) => info,
            Err(why) => {
                return refused("package-form", format!("The registration info of the package: {why}."));
            }
        };
        let named = &job.package;
        if info.id != named.id || info.key != named.key || info.revision != named.revision {
            return refused(
                "package-other",
                "The sealed package is not the one that the job names.".to_owned(),
            );
        }
        if info.checksum != job.checksum {
            return refused(
                "checksum-other",
                "The checksum of the job is not the one that was sealed.".to_owned(),
            );
        }
        Ok(Registration { text, seal, info })
    }

    fn keys(&self) -> Vec<KeyInfo> {
        let keys = self.list.keys.seals.iter().filter_map(|public| {
            let key = minisign::PublicKey::from_base64(public).ok()?;
            Some(KeyInfo {
                name: "site".to_owned(),
                key_id: trust::key_id(key.keynum()),
                public: public.clone(),
                own: false,
                since: Timestamp::UNIX_EPOCH,
                backup: None,
                retired: false,
                uses: vec![KeyUse::Seal],
            })
        });
        keys.collect()
    }

    /// The procedure of a job, as it is sealed, if it is one for this computer.
    pub(super) fn procedure(&self, job: &Job, info: &RegInfo) -> Result<Procedure, Trouble> {
        let named = info.procedures.iter().find(|procedure| procedure.name == job.procedure.name);
        let Some(procedure) = named else {
            return Err(Trouble::Refused(
                "procedure-missing",
                format!("The sealed package has no procedure {:?}.", job.procedure.name),
            ));
        };
        if procedure_digest(procedure) != job.procedure.sha256 || procedure.task != job.task {
            return Err(Trouble::Refused(
                "procedure-other",
                format!("The procedure {:?} is not the one that the job names.", procedure.name),
            ));
        }
        if procedure.run_as != RunAs::System {
            return Err(Trouble::Refused(
                "procedure-account",
                "The procedure is to run as the user who is logged on; this agent runs all as its own account."
                    .to_owned(),
            ));
        }
        if !self.options.host.fits(&procedure.runs_on) {
            return Err(Trouble::Refused(
                "procedure-system",
                format!("The procedure runs on {}, not on this computer.", procedure.runs_on.describe()),
            ));
        }
        Ok(procedure.clone())
    }

    /// Where the package of a job lies, in the order of the job.
    fn places(&self, job: &Job) -> Result<Vec<PackageAddress>, Trouble> {
        let key = &job.package.key;
        // Name and version are parts of a path by the rules of their type.
        let below = StorePath::parse(&format!("packages/{}/{}", key.name(), key.version()))
            .map_err(|why| Trouble::Refused("job-form", why.to_string()))?;
        let places = job.read.iter().map(|read| self.site.package_address(read, &below));
        places
            .collect::<Result<_, StagingError>>()
            .map_err(|error| Trouble::Refused("job-address", error.to_string()))
    }

    fn network(&self, place: &PackageAddress) -> NetworkOptions {
        if place.is_ours {
            pinned(&self.options.network, self.identity.pin())
        } else {
            self.options.network.clone()
        }
    }

    /// A file of a package; `None` where it is not there.
    fn fetch(&self, place: &PackageAddress, name: &str, most: u64) -> Result<Option<Vec<u8>>, Trouble> {
        if let StagingAddress::Bucket(_) = &place.address {
            return self.fetch_object(place, name, most);
        }
        let address = beside(&place.address.to_string(), name);
        match fetch_document(&address, place.credentials.as_ref(), &self.network(place), most) {
            Ok(document) => Ok(Some(document.content)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error @ TransferError::TooLarge { .. }) => {
                Err(Trouble::Refused("package-form", error.to_string()))
            }
            Err(error) => Err(Trouble::Later(error.to_string())),
        }
    }

    fn fetch_object(
        &self,
        place: &PackageAddress,
        name: &str,
        most: u64,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let refused = |why: String| Trouble::Refused("package-form", why);
        let path = StorePath::parse(name).map_err(|why| refused(why.to_string()))?;
        let store = open_store(&place.address, place.credentials.clone(), &self.network(place));
        match store.and_then(|store| store.read(&path, most)) {
            Ok(content) => Ok(content),
            Err(error @ StagingError::TooLarge { .. }) => Err(refused(error.to_string())),
            Err(error) => Err(Trouble::Later(error.to_string())),
        }
    }

    /// Begins to bring the package of a job.
    pub(super) fn begin(
        &self,
        job: &Job,
        registration: &Registration,
        waker: Waker,
    ) -> Result<Delivery, Trouble> {
        let mut trouble = None;
        let places = self.places(job)?;
        for (nth, place) in places.iter().enumerate() {
            match self.plan(registration, place) {
                Ok(plan) => return self.start(job, plan, &places, nth, waker),
                Err(Trouble::Agent(error)) => return Err(Trouble::Agent(error)),
                Err(later @ Trouble::Later(_)) => trouble = Some(later),
                Err(other) => trouble = trouble.or(Some(other)),
            }
        }
        Err(trouble.unwrap_or_else(|| {
            Trouble::Refused("job-no-address", "The job names no staging library.".to_owned())
        }))
    }

    fn plan(&self, registration: &Registration, place: &PackageAddress) -> Result<Plan, Trouble> {
        let mut texts = BTreeMap::new();
        for name in COVERED_NAMES {
            let most = if name == SNAPSHOT_NAME {
                snapshot::most_bytes(&registration.info.checksum)
            } else {
                TAG_MAX_BYTES
            };
            let Some(content) = self.fetch(place, name, most)? else { return Err(not_staged(place)) };
            texts.insert(name.to_owned(), content);
        }
        let meta = texts.remove(SNAPSHOT_NAME).unwrap_or_default();
        let meta = text_of(meta, SNAPSHOT_NAME)?;
        let offer = Offer {
            snapshot: &meta,
            reginfo: Some(&registration.text),
            seal: Some(&registration.seal),
            tag_files: &texts,
        };
        let terms = Terms {
            expected: Some(registration.info.id),
            revision_seen: Some(registration.info.revision),
            ..Terms::default()
        };
        let taken = match crate::transfer::trust::judge(&offer, &self.keys(), &terms) {
            Judgement::Taken(taken) => taken,
            Judgement::FetchOnceMore(refusal) | Judgement::Refused(refusal) => {
                return Err(Trouble::Refused(
                    "package-seal",
                    format!("The package at {}: {refusal}.", place.address),
                ));
            }
        };
        let Some((snapshot, info)) = taken.package else {
            return Err(Trouble::Refused("package-form", "It is no package.".to_owned()));
        };
        let tag = |path: &str, content: Vec<u8>| TagFile { path: path.to_owned(), content };
        let mut tags: Vec<TagFile> = texts.into_iter().map(|(name, content)| tag(&name, content)).collect();
        tags.push(tag(SNAPSHOT_NAME, meta.into_bytes()));
        tags.push(tag(REGINFO_NAME, registration.text.clone().into_bytes()));
        tags.push(tag(SEAL_NAME, registration.seal.clone().into_bytes()));
        Plan::of_package(snapshot, &info, tags)
            .map_err(|problem| Trouble::Refused("package-form", problem.to_string()))
    }

    fn codebase(&self, place: &PackageAddress) -> Result<CodebaseAddress, Trouble> {
        let refused = |error: TransferError| Trouble::Refused("job-address", error.to_string());
        let mut address = CodebaseAddress::parse(&place.address.to_string()).map_err(refused)?;
        if let CodebaseAddress::Web { credentials, .. } = &mut address {
            *credentials = match (&place.address, place.credentials.clone()) {
                (StagingAddress::Bucket(bucket), Some(own)) => Some(own.for_bucket(bucket.region())),
                (_, own) => own,
            };
        }
        Ok(address)
    }

    fn start(
        &self,
        job: &Job,
        plan: Plan,
        places: &[PackageAddress],
        nth: usize,
        waker: Waker,
    ) -> Result<Delivery, Trouble> {
        let folder = self.home.package(&job.package.key);
        // It may lie there from before, read-only.
        if folder.is_dir() {
            crate::library::execution::set_writable(&folder, true).map_err(AgentError::from)?;
        }
        // One transfer knows one certificate: servers are asked that are known in the same way.
        let alike = |place: &&PackageAddress| place.is_ours == places[nth].is_ours;
        let codebases = places.iter().filter(alike).map(|place| self.codebase(place));
        let codebases: Vec<CodebaseAddress> = codebases.collect::<Result<_, Trouble>>()?;
        let options = TransferOptions {
            folder,
            codebases,
            ladder: Ladder::Agent,
            network: self.network(&places[nth]),
            clock: Some(Arc::clone(&self.options.clock)),
            connections: self.options.connections,
            limit_bytes_per_second: self.options.limit_bytes_per_second,
            ..TransferOptions::default()
        };
        match Transfer::start(plan, options, waker) {
            Ok(transfer) => Ok(Delivery {
                package: job.package.id,
                reginfo: job.package.reginfo_sha256,
                transfer,
                told: None,
                told_retry: false,
            }),
            Err(error) if error.is_temporary() => Err(Trouble::Later(error.to_string())),
            Err(error @ TransferError::Folder { .. }) => Err(Trouble::Later(error.to_string())),
            Err(error) => Err(Trouble::Failed("delivery", error.to_string())),
        }
    }

    /// Verifies the checksum of the package on this computer: names and sizes. `None` where it is as it was sealed.
    pub(super) fn check(&self, job: &Job, info: &RegInfo) -> Result<Option<CheckReport>, Trouble> {
        let begin = Instant::now();
        let folder = self.home.package(&job.package.key);
        let scan = match scan_files(&folder.join(DATA_NAME), &Work::new()) {
            Ok(scan) => scan,
            // A package without files has no folder for them.
            Err(ScanError::Missing) => Scan::default(),
            Err(error) => return Err(Trouble::Failed("package-unreadable", error.to_string())),
        };
        let found = scan.files.checksum();
        let refused = scan.refused.iter();
        let odd = refused.map(|(path, why)| UnreadableFile { path: path.clone(), reason: why.to_string() });
        let odd: Vec<UnreadableFile> = odd.chain(scan.unreadable.iter().cloned()).collect();
        if found == job.checksum && odd.is_empty() {
            return Ok(None);
        }
        let recorded = self.sealed_snapshot(&folder, info);
        let mut differences = recorded
            .map(|recorded| Differences::between(recorded.manifest.files(), &scan.files))
            .unwrap_or_default();
        differences.set_unreadable(odd);
        let finding = match differences.finding() {
            Finding::Consistent => Finding::Differs,
            finding => finding,
        };
        Ok(Some(CheckReport {
            kind: CheckKind::Quick,
            at: self.options.clock.wall(),
            took_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            finding,
            recorded: job.checksum,
            found: Some(found),
            differences,
            without_hashes: 0,
        }))
    }

    /// The list of files that was sealed, where it is still here as it was.
    fn sealed_snapshot(&self, folder: &Path, info: &RegInfo) -> Option<snapshot::Snapshot> {
        let text = fs::read_to_string(folder.join(SNAPSHOT_NAME)).ok()?;
        let sealed = info.sha256.get(SNAPSHOT_NAME)?;
        (Sha256Digest::of(text.as_bytes()) == *sealed).then(|| snapshot::read(&text).ok()).flatten()
    }

    /// Moves what belongs to no package out of the way; the transfer brings the rest right. Nothing is deleted.
    pub(super) fn set_strangers_aside(&self, job: &Job, report: &CheckReport) -> Result<(), Trouble> {
        let data = self.home.package(&job.package.key).join(DATA_NAME);
        if data.is_dir() {
            crate::library::execution::set_writable(&data, true).map_err(AgentError::from)?;
        }
        let differences = &report.differences;
        let added = differences.added.iter().map(|file| &file.path);
        let cased = differences.case_changed.iter().map(|file| &file.found);
        let odd = differences.unreadable.iter().map(|file| &file.path);
        let aside = self.home.set_aside().join(uuid::Uuid::new_v4().simple().to_string());
        for path in added.chain(cased).chain(odd) {
            let (from, to) = (data.join(path), aside.join(path));
            let moved = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::rename(&from, &to));
            match moved {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Trouble::Failed(
                        "package-unreadable",
                        format!("{path}: {}", crate::disk::words(&error)),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The address of a file in the folder at `address`.
fn beside(address: &str, name: &str) -> String {
    let slash = if address.ends_with('/') { "" } else { "/" };
    format!("{address}{slash}{name}")
}

fn text_of(content: Vec<u8>, name: &str) -> Result<String, Trouble> {
    String::from_utf8(content).map_err(|_| Trouble::Refused("package-form", format!("{name} is no text.")))
}

/// What is missing now may be staged in a moment.
fn not_staged(place: &PackageAddress) -> Trouble {
    Trouble::Later(format!("The package is not staged at {}.", place.address))
}
