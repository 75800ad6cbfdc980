//! Sealing, unsealing, and new versions.
//!
//! A sealed package is a BagIt bag with a Metalink snapshot and a minisign signature over its registration info.

use jiff::Timestamp;

use super::check::FoundBy;
use super::operation::{Operation, Step};
use super::package_folder::{notes_of, put_notes, put_reginfo, reginfo_of, relative_folder};
use super::{KeyInfo, Library, LibraryError};
use crate::disk::hashing;
use crate::package::bag;
use crate::package::record::{ListedProcedure, PackageId, PackageRecord, SealInfo};
use crate::package::reginfo::{NOTES_NAME, REGINFO_NAME, SEAL_NAME};
use crate::package::snapshot::{self, SNAPSHOT_NAME};
use crate::package::{
    BlockSize, CheckKind, CheckReport, Finding, HistoryEvent, Manifest, PackageKey, PackageState,
    Sha256Digest,
};
use crate::work::Work;

/// What was sealed.
#[derive(Clone, Debug)]
pub struct SealReport {
    /// The package now.
    pub record: PackageRecord,
    /// The key it was sealed with.
    pub key: KeyInfo,
    /// Whether that key was made for it, so that a backup is due.
    pub key_is_new: bool,
    /// What else is worth knowing, one sentence each.
    pub notes: Vec<String>,
}

/// Everything a seal consists of, worked out before a byte is written.
pub(super) struct SealPlan {
    key: KeyInfo,
    key_is_new: bool,
    /// Name and text of each tag file, in the order of writing.
    files: Vec<(&'static str, String)>,
}

impl SealPlan {
    /// Works out the seal of `manifest` and writes state, revision and seal into `record`.
    pub(super) fn make(
        library: &Library,
        record: &mut PackageRecord,
        manifest: &Manifest,
        key: Option<&str>,
    ) -> Result<Self, LibraryError> {
        let (key, key_is_new) = match library.keys().sealing_key(key)? {
            Some(key) => (key, false),
            None => {
                let name = format!("{} on {}", library.actor().who, library.actor().host);
                (library.keys().create(&name)?, true)
            }
        };
        let now = Timestamp::now();
        record.state = PackageState::Sealed;
        record.revision += 1;
        record.sealed_once = true;
        let snapshot = snapshot::write(record.id, manifest).ok_or_else(|| LibraryError::Unreadable {
            what: record.key.to_string(),
            why: "a file has no hashes".to_owned(),
        })?;
        record.seal = Some(SealInfo {
            key_id: key.key_id.clone(),
            key_name: key.name.clone(),
            at: now,
            block_size: manifest.block_size(),
            snapshot: Sha256Digest::of(snapshot.as_bytes()),
        });
        let mut info = reginfo_of(record, manifest);
        let mut files: Vec<(&'static str, String)> = Vec::new();
        let mut add = |name: &'static str, text: String| files.push((name, text));
        add("manifest-sha256.txt", bag::write::manifest(manifest).unwrap_or_default());
        let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        add(
            "bag-info.txt",
            bag::write::info(manifest, record.id, date, concat!("Packhouse ", env!("CARGO_PKG_VERSION"))),
        );
        add("bagit.txt", bag::write::declaration(bag::write::version_for(manifest)));
        add(SNAPSHOT_NAME, snapshot);
        for (name, text) in &files {
            info.sha256.insert((*name).to_owned(), Sha256Digest::of(text.as_bytes()));
        }
        let reginfo = info.to_text();
        let signature = library.keys().sign(&key, &reginfo, &info.trusted_comment())?;
        files.push((REGINFO_NAME, reginfo));
        files.push((SEAL_NAME, signature));
        let digests: Vec<(&str, Sha256Digest)> =
            files.iter().map(|(name, text)| (*name, Sha256Digest::of(text.as_bytes()))).collect();
        files.push(("tagmanifest-sha256.txt", bag::write::tag_manifest(digests)));
        Ok(Self { key, key_is_new, files })
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key.key_id
    }

    /// Writes the tag files into the operation, and adds the steps that put them into place, the tag manifest last.
    pub(super) fn write(
        &self,
        operation: &Operation<'_>,
        record: &PackageRecord,
        steps: &mut Vec<Step>,
    ) -> Result<(), LibraryError> {
        let folder = relative_folder(&record.key);
        for (name, text) in &self.files {
            operation.write(name, text.as_bytes())?;
            steps.push(Step::Rename { from: operation.relative(name), to: folder.join(name) });
        }
        Ok(())
    }
}

impl Library {
    /// Seals an Open package. All files are proven against their recorded hashes first; where the switch is off, or
    /// another block size is wanted, they are hashed anew.
    pub fn seal(
        &self,
        id: PackageId,
        key: Option<&str>,
        block_size: Option<BlockSize>,
        work: &Work,
    ) -> Result<SealReport, LibraryError> {
        let record = self.record(id)?;
        require_open(&record, "sealed", "It is sealed already; unseal it or make a new version")?;
        let (_lock, mut record) = self.lock_record(id)?;
        require_open(&record, "sealed", "It is sealed already; unseal it or make a new version")?;
        let old_checksum = record.checksum;
        let start = std::time::Instant::now();
        let manifest = self.proven_manifest(&record, block_size, work)?;
        record.checksum = manifest.files().checksum();
        record.checksum_event = "sealed".to_owned();
        record.checksum_at = Timestamp::now();
        record.changed = record.checksum_at;
        record.finding = Finding::Consistent;
        record.noticed = None;
        record.marked = None;
        record.count_as_deep_check(super::check::millis(start));
        work.begin("Sealing", 0, 0);
        let plan = SealPlan::make(self, &mut record, &manifest, key)?;
        let operation = Operation::begin(self)?;
        let mut steps = Vec::new();
        plan.write(&operation, &record, &mut steps)?;
        put_notes(&operation, &record, &mut steps)?;
        let mut entry = self.entry(HistoryEvent::Sealed, Some(&record));
        entry.old_checksum = Some(old_checksum);
        entry.new_checksum = Some(record.checksum);
        entry.key_id = Some(plan.key.key_id.clone());
        entry.details = Some(format!("revision {}", record.revision));
        work.check()?;
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_package(&record)?;
            change.put_manifest(record.id, &manifest)?;
            change.put_report(record.id, None)?;
            change.append_history(entry)?;
            Ok(())
        })?;
        let notes = notes_about_names(&manifest);
        Ok(SealReport { record, key: plan.key, key_is_new: plan.key_is_new, notes })
    }

    /// The manifest of the files as they are, every hash of it proven by reading.
    fn proven_manifest(
        &self,
        record: &PackageRecord,
        block_size: Option<BlockSize>,
        work: &Work,
    ) -> Result<Manifest, LibraryError> {
        let recorded = self.recorded_manifest(record.id)?;
        let block_size = block_size.unwrap_or(recorded.block_size());
        if record.checksum_control || block_size == recorded.block_size() {
            let kind = if block_size == recorded.block_size() { CheckKind::Deep } else { CheckKind::Quick };
            let report = self.examine(record, kind, work)?;
            if record.checksum_control {
                self.store_outcome(record, &report, FoundBy::Sealing)?;
                if !report.is_consistent() {
                    return Err(LibraryError::Differs { key: record.key.clone(), report: Box::new(report) });
                }
            }
            if report.is_consistent() && kind == CheckKind::Deep && recorded.has_all_hashes() {
                return self.with_modes_on_disk(record, recorded, work);
            }
        }
        let fresh = self.hashed_manifest(record, block_size, work)?;
        if record.checksum_control {
            let changed = recorded.iter().find(|file| {
                let now =
                    fresh.files().position(file.path).and_then(|at| fresh.get(at)).and_then(|now| now.hashes);
                file.hashes.is_some_and(|was| now.is_none_or(|now| now.file != was.file))
            });
            if changed.is_some() {
                let report = self.examine(record, CheckKind::Deep, work)?;
                self.store_outcome(record, &report, FoundBy::Sealing)?;
                return Err(LibraryError::Differs { key: record.key.clone(), report: Box::new(report) });
            }
        }
        Ok(fresh)
    }

    /// Hashes every file of a package as it lies there.
    pub(super) fn hashed_manifest(
        &self,
        record: &PackageRecord,
        block_size: BlockSize,
        work: &Work,
    ) -> Result<Manifest, LibraryError> {
        let root = self.data_folder(&record.key);
        let unreadable = |what: &str, why: String| LibraryError::Unreadable { what: what.to_owned(), why };
        let scan = self
            .scan_package(&root, work)?
            .ok_or_else(|| unreadable(&record.key.to_string(), "its folder is missing".to_owned()))?;
        if let Some(odd) = super::check::odd_entries(&scan).into_iter().next() {
            return Err(unreadable(&odd.path, odd.reason));
        }
        let entries: Vec<_> = scan.files.iter().collect();
        let hashes = hashing::hash_files(&root, &entries, block_size, work)?;
        let mut files = Vec::with_capacity(entries.len());
        for ((entry, hashes), executable) in entries.iter().zip(hashes).zip(&scan.executable) {
            let hashes = hashes.map_err(|problem| unreadable(entry.path, problem.to_string()))?;
            files.push(crate::package::manifest::ManifestFile {
                path: entry.path.to_owned(),
                size_bytes: entry.size_bytes,
                executable: *executable,
                hashes: Some(hashes),
            });
        }
        Manifest::from_files(block_size, files)
            .map_err(|twice| unreadable(&twice.0, "it is there twice".to_owned()))
    }

    /// The recorded manifest with the executable flags the files have now: they are signed, but not checked before.
    fn with_modes_on_disk(
        &self,
        record: &PackageRecord,
        recorded: Manifest,
        work: &Work,
    ) -> Result<Manifest, LibraryError> {
        let Some(scan) = self.scan_package(&self.data_folder(&record.key), work)? else {
            return Ok(recorded);
        };
        let block_size = recorded.block_size();
        let mut files = recorded.into_files();
        for file in &mut files {
            if let Some(at) = scan.files.position(&file.path) {
                file.executable = scan.executable[at];
            }
        }
        Manifest::from_files(block_size, files).map_err(|_| LibraryError::ChangedAgain(record.key.clone()))
    }

    /// Takes the seal off, so that the package can change. The revision stays and rises with the next sealing. Refused
    /// while agents can be given the package, see [`Library::require_undelivered`].
    pub fn unseal(&self, id: PackageId) -> Result<PackageRecord, LibraryError> {
        let (_lock, mut record) = self.lock_record(id)?;
        if record.state != PackageState::Sealed {
            let instead = "Only a sealed package can be unsealed";
            return Err(LibraryError::State {
                key: record.key,
                state: record.state,
                doing: "unsealed",
                instead,
            });
        }
        self.require_undelivered(id)?;
        let manifest = self.recorded_manifest(id)?;
        let old_key = record.seal.take().map(|seal| seal.key_id);
        record.state = PackageState::Open;
        record.retired = false;
        record.changed = Timestamp::now();
        for listed in &mut record.procedures {
            listed.procedure.origin = crate::package::procedure::Origin::Embedded;
        }
        let operation = Operation::begin(self)?;
        let folder = relative_folder(&record.key);
        let mut steps: Vec<Step> = ["tagmanifest-sha256.txt", SEAL_NAME]
            .iter()
            .map(|name| Step::Remove { path: folder.join(name) })
            .collect();
        put_reginfo(&operation, &record, &manifest, &mut steps)?;
        put_notes(&operation, &record, &mut steps)?;
        let rest = [SNAPSHOT_NAME, "bagit.txt", "bag-info.txt", "manifest-sha256.txt"];
        steps.extend(rest.iter().map(|name| Step::Remove { path: folder.join(name) }));
        let mut entry = self.entry(HistoryEvent::Unsealed, Some(&record));
        entry.key_id = old_key;
        entry.details = Some(format!("revision {}", record.revision));
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_package(&record)?;
            change.append_history(entry)?;
            Ok(())
        })?;
        Ok(record)
    }

    /// Starts an Open copy of a package under a new version, with its procedures, based on it.
    pub fn new_version(
        &self,
        id: PackageId,
        version: &str,
        work: &Work,
    ) -> Result<PackageRecord, LibraryError> {
        let based_on = self.record(id)?;
        let key = PackageKey::new(based_on.key.name(), version.trim())?;
        self.require_free(&key)?;
        if based_on.state == PackageState::Archived {
            return Err(LibraryError::State {
                key: based_on.key,
                state: based_on.state,
                doing: "copied",
                instead: "Restore the package first",
            });
        }
        let operation = Operation::begin(self)?;
        let target = operation.folder().join("package").join("data");
        let files = self.copy_data(&based_on, &target, BlockSize::DEFAULT, work)?;
        let manifest = Manifest::from_files(BlockSize::DEFAULT, files)
            .map_err(|twice| LibraryError::Refused(vec![(twice.0, "it is there twice".to_owned())]))?;
        if based_on.checksum_control && based_on.finding == Finding::Consistent {
            // Damage nobody has seen would be taken for what was meant.
            let recorded = self.recorded_manifest(id)?;
            if let Some(report) = self.unseen_damage(&based_on, &recorded, &manifest, work)? {
                return Err(LibraryError::Differs { key: based_on.key, report: Box::new(report) });
            }
            if manifest.files().checksum() != based_on.checksum {
                // Nor were these differences shown to anybody; once they are, a new version may be made of them.
                let report = self.examine(&based_on, CheckKind::Quick, work)?;
                if report.is_consistent() {
                    return Err(LibraryError::ChangedAgain(based_on.key));
                }
                self.store_outcome(&based_on, &report, FoundBy::HandingOut)?;
                return Err(LibraryError::Differs { key: based_on.key, report: Box::new(report) });
            }
        }
        self.require_unchanged(&based_on)?;
        let now = Timestamp::now();
        let procedures = based_on.procedures.iter().map(|listed| {
            let mut procedure = listed.procedure.clone();
            procedure.origin = crate::package::procedure::Origin::Embedded;
            ListedProcedure { procedure, choice: listed.choice.clone() }
        });
        let id = PackageId(uuid::Uuid::new_v4());
        let record = PackageRecord {
            based_on: Some(based_on.key.clone()),
            replaces: Some(based_on.key.clone()),
            procedures: procedures.collect(),
            supplier: based_on.supplier,
            package_type: based_on.package_type,
            group: based_on.group,
            comment: based_on.comment,
            ..PackageRecord::new(id, key, &self.actor().who, manifest.files().checksum(), now)
        };
        operation
            .write(&format!("package/{REGINFO_NAME}"), reginfo_of(&record, &manifest).to_text().as_bytes())?;
        operation.write(&format!("package/{NOTES_NAME}"), notes_of(&record).to_text().as_bytes())?;
        work.check()?;
        let mut entry = self.entry(HistoryEvent::Registered, Some(&record));
        entry.new_checksum = Some(record.checksum);
        entry.details = Some(format!("new version, based on {}", based_on.key));
        self.put_in_place(operation, &record, &manifest, entry)?;
        Ok(record)
    }
}

impl Library {
    /// A deep check, stored, if a file that was copied has other content than recorded under the same size.
    pub(super) fn unseen_damage(
        &self,
        record: &PackageRecord,
        recorded: &Manifest,
        copied: &Manifest,
        work: &Work,
    ) -> Result<Option<CheckReport>, LibraryError> {
        let damaged = copied.iter().any(|copy| {
            let was = recorded.files().position(copy.path).and_then(|at| recorded.get(at));
            was.filter(|was| was.size_bytes == copy.size_bytes)
                .and_then(|was| was.hashes)
                .is_some_and(|was| copy.hashes.is_none_or(|is| is.file != was.file))
        });
        if !damaged {
            return Ok(None);
        }
        let report = self.examine(record, CheckKind::Deep, work)?;
        self.store_outcome(record, &report, FoundBy::HandingOut)?;
        Ok(Some(report))
    }
}

pub(super) fn require_open(
    record: &PackageRecord,
    doing: &'static str,
    instead: &'static str,
) -> Result<(), LibraryError> {
    if record.state == PackageState::Open {
        return Ok(());
    }
    let instead = if record.state == PackageState::Archived { "Restore the package first" } else { instead };
    Err(LibraryError::State { key: record.key.clone(), state: record.state, doing, instead })
}

/// What other programs make of unusual names.
fn notes_about_names(manifest: &Manifest) -> Vec<String> {
    let mut notes = Vec::new();
    if manifest.iter().any(|file| file.path.contains('&')) {
        notes.push("A name contains &: aria2 1.36 stores it as &#38; when it reads the snapshot".to_owned());
    }
    if manifest.iter().any(|file| file.path.contains('%')) {
        notes.push("A name contains %: the bag declares BagIt 0.97, which does not encode names".to_owned());
    }
    notes
}
