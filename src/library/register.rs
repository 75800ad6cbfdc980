//! Registering: a source becomes a package. Copied, hashed on the way, put into place in one step.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;

use super::import::require_same_payload;
use super::operation::{Operation, Step};
use super::package_folder::{notes_of, read_text, reginfo_of, relative_folder};
use super::scan::Links;
use super::source::{Source, SourceKind};
use super::{Library, LibraryError};
use crate::package::record::{ListedProcedure, PackageId, PackageType};
use crate::package::reginfo::{NOTES_NAME, Notes, REGINFO_NAME};
use crate::package::{BlockSize, HistoryEvent, Manifest, PackageKey, PackageRecord};
use crate::work::Work;

/// How many entries that were left out or renamed are named in History.
const NAMED: usize = 20;

/// What is to be registered, and as what.
#[derive(Clone, Debug)]
pub struct RegisterRequest {
    /// One folder, which is taken by its content, or several files and folders, which are taken by their names.
    pub sources: Vec<PathBuf>,
    /// Name; proposed from the source if absent.
    pub name: Option<String>,
    /// Version; proposed from the source if absent.
    pub version: Option<String>,
    /// Who made the software.
    pub supplier: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// Software group.
    pub group: Option<String>,
    /// Kind; proposed from the files if absent.
    pub package_type: Option<PackageType>,
    /// What becomes of symbolic links.
    pub links: Links,
    /// Entries that no package can hold and that are left out, by the paths a preview refuses.
    pub leave_out: Vec<String>,
    /// Entries that get another name, with all that is in them: the path as a preview lists it, and the path in the
    /// package.
    pub rename: Vec<(String, String)>,
    /// The switch; on unless somebody says otherwise.
    pub checksum_control: bool,
    /// Why the switch is off, if it is.
    pub reason: Option<String>,
    /// Procedures to begin with; absent, those of [`RegisterRequest::based_on`] are taken over.
    pub procedures: Option<Vec<ListedProcedure>>,
    /// The package this is a new version of: what is absent above is taken over from it; the new package is based on
    /// it and replaces it.
    pub based_on: Option<PackageId>,
}

impl RegisterRequest {
    /// Registers these sources with everything as proposed, the check on.
    pub fn new(sources: Vec<PathBuf>) -> Self {
        Self {
            sources,
            name: None,
            version: None,
            supplier: None,
            comment: None,
            group: None,
            package_type: None,
            links: Links::Refuse,
            leave_out: Vec::new(),
            rename: Vec::new(),
            checksum_control: true,
            reason: None,
            procedures: None,
            based_on: None,
        }
    }
}

/// What was registered.
#[derive(Clone, Debug)]
pub struct RegisterReport {
    /// The new package.
    pub record: PackageRecord,
    /// Names that may not arrive everywhere as they are: (path, why).
    pub warnings: Vec<(String, String)>,
    /// Empty folders that were left out.
    pub empty_folders: u64,
    /// Symbolic links that were left out.
    pub skipped_links: u64,
    /// What else is worth knowing, one sentence each.
    pub notes: Vec<String>,
}

impl Library {
    /// Registers a source as a new package.
    ///
    /// Until it is in place nothing of it can be seen; cancelled or killed, it leaves nothing. A package folder
    /// with a whole, trusted seal stays sealed; a BagIt bag is proven first.
    pub fn register(&self, request: &RegisterRequest, work: &Work) -> Result<RegisterReport, LibraryError> {
        self.register_as(request, None, work)
    }

    /// As [`Library::register`], filed by somebody else than who is at work: `System`.
    pub(super) fn register_as(
        &self,
        request: &RegisterRequest,
        filed_by: Option<&str>,
        work: &Work,
    ) -> Result<RegisterReport, LibraryError> {
        self.require_writable()?;
        let mut source = Source::look(self, &request.sources, request.links, work)?;
        source.rename(&request.rename, request.links, work)?;
        let key = wanted_key(request, &source)?;
        let based_on = request.based_on.map(|id| self.record(id)).transpose()?;
        // Everything that can be said before copying is said before copying.
        self.require_free(&key)?;
        let left_out = source.require_acceptable(&request.leave_out)?;
        let payload = match (source.kind, &source.folder) {
            (SourceKind::Bag, Some(folder)) => Some(self.prove_bag(folder, work)?),
            _ => None,
        };
        let seal = self.seal_of_source(&source, &key)?;
        let block_size = seal.as_ref().map_or(BlockSize::DEFAULT, |seal| seal.snapshot.manifest.block_size());
        let operation = Operation::begin(self)?;
        let package = operation.folder().join("package");
        let start = std::time::Instant::now();
        let files = source.copy(&package.join("data"), block_size, work)?;
        let copied_ms = super::check::millis(start);
        work.begin("Finishing", 0, 0);
        let manifest = Manifest::from_files(block_size, files)
            .map_err(|twice| LibraryError::Refused(vec![(twice.0, "it is there twice".to_owned())]))?;
        if let Some(payload) = &payload {
            require_same_payload(payload, &manifest)?;
        }
        let mut record = self.new_record(request, &source, key, &manifest, filed_by);
        record.count_as_deep_check(copied_ms);
        let mut notes = Vec::new();
        if let Some(based_on) = based_on.as_ref().filter(|_| seal.is_none()) {
            let is_file = |path: &str| manifest.files().position(path).is_some();
            notes = self.take_over(based_on, request, &mut record, is_file)?;
        }
        let (event, details) = match &seal {
            Some(seal) => self.take_over_seal(seal, &mut record, &manifest, &package)?,
            None => (HistoryEvent::Registered, source.unsealed_details(self, &mut notes)?),
        };
        if seal.is_none() {
            operation.write(
                &format!("package/{REGINFO_NAME}"),
                reginfo_of(&record, &manifest).to_text().as_bytes(),
            )?;
        }
        operation.write(&format!("package/{NOTES_NAME}"), notes_of(&record).to_text().as_bytes())?;
        work.check()?;
        let mut entry = self.entry(event, Some(&record));
        entry.new_checksum = Some(record.checksum);
        entry.details = details;
        if let Some(based_on) = record.based_on.as_ref().filter(|_| request.based_on.is_some()) {
            let text = format!("new version, based on {based_on}");
            entry.details =
                Some(entry.details.map_or_else(|| text.clone(), |more| format!("{text}; {more}")));
        }
        let mut add = |text: String| {
            entry.details =
                Some(entry.details.take().map_or_else(|| text.clone(), |more| format!("{more}; {text}")));
        };
        if !request.rename.is_empty() {
            let pairs = request.rename.iter().map(|(old, new)| format!("{old:?} is {new:?}"));
            add(format!("renamed: {}", some_of(pairs)));
        }
        if !left_out.is_empty() {
            add(format!("left out: {}", some_of(left_out.iter().map(|path| format!("{path:?}")))));
        }
        if !request.checksum_control {
            entry.reason = Some(request.reason.clone().unwrap_or_else(|| "no reason given".to_owned()));
            let text = "checksum control is off from the beginning";
            entry.details =
                Some(entry.details.map_or_else(|| text.to_owned(), |details| format!("{details}; {text}")));
        }
        self.put_in_place(operation, &record, &manifest, entry)?;
        Ok(RegisterReport {
            record,
            warnings: source.warnings().into_iter().map(|(path, why)| (path, why.to_string())).collect(),
            empty_folders: source.empty_folders(),
            skipped_links: source.skipped_links(),
            notes,
        })
    }

    /// Puts a new package, written whole under `package/` of the operation, into the library.
    pub(super) fn put_in_place(
        &self,
        operation: Operation<'_>,
        record: &PackageRecord,
        manifest: &Manifest,
        entry: crate::package::HistoryEntry,
    ) -> Result<(), LibraryError> {
        let _lock = self.lock_package(&record.key)?;
        let folder = self.package_folder(&record.key);
        if fs::symlink_metadata(&folder).is_ok() && self.catalogue().package_by_key(&record.key)?.is_none() {
            return Err(LibraryError::FolderExists(folder));
        }
        let steps = [Step::Rename { from: operation.relative("package"), to: relative_folder(&record.key) }];
        operation.commit(&record.key.folded(), &steps, |change| {
            if let Some(there) = change.package_by_key(&record.key)? {
                return Err(LibraryError::Exists(there.key));
            }
            change.put_package(record)?;
            change.put_manifest(record.id, manifest)?;
            change.append_history(entry)?;
            Ok(())
        })
    }

    /// An error if the library has this name and version, without regard to case.
    pub(super) fn require_free(&self, key: &PackageKey) -> Result<(), LibraryError> {
        match self.catalogue().package_by_key(key)? {
            Some(there) => Err(LibraryError::Exists(there.key)),
            None => Ok(()),
        }
    }

    fn new_record(
        &self,
        request: &RegisterRequest,
        source: &Source,
        key: PackageKey,
        manifest: &Manifest,
        filed_by: Option<&str>,
    ) -> PackageRecord {
        let now = Timestamp::now();
        let info = source.reginfo.as_ref().map(|(info, _)| info);
        let local =
            source.folder.as_ref().filter(|_| info.is_some()).and_then(|folder| {
                Notes::parse(&read_text(&folder.join(NOTES_NAME), 1 << 20).ok().flatten()?)
            });
        let mut procedures = request.procedures.clone().unwrap_or_default();
        if let Some(info) = info {
            for procedure in &info.procedures {
                let choice = local.as_ref().and_then(|notes| notes.procedures.get(&procedure.name).cloned());
                let choice = choice.unwrap_or_default();
                procedures.push(ListedProcedure { procedure: procedure.clone(), choice });
            }
        }
        let from_notes = |of: fn(&Notes) -> &String| local.as_ref().map(|notes| of(notes).clone());
        let id = PackageId(uuid::Uuid::new_v4());
        PackageRecord {
            supplier: request
                .supplier
                .clone()
                .or_else(|| info.map(|info| info.supplier.clone()))
                .unwrap_or_default(),
            package_type: request.package_type.unwrap_or_else(|| source.propose_type()),
            based_on: info.and_then(|info| info.based_on.clone()),
            group: request.group.clone().or_else(|| from_notes(|notes| &notes.group)).unwrap_or_default(),
            comment: request
                .comment
                .clone()
                .or_else(|| from_notes(|notes| &notes.comment))
                .unwrap_or_default(),
            checksum_control: request.checksum_control,
            procedures,
            ..PackageRecord::new(
                id,
                key,
                filed_by.unwrap_or(&self.actor().who),
                manifest.files().checksum(),
                now,
            )
        }
    }
}

/// The first of these, and how many more there are.
fn some_of(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn wanted_key(request: &RegisterRequest, source: &Source) -> Result<PackageKey, LibraryError> {
    let (name, version) = source.propose();
    let name = request.name.clone().unwrap_or(name.value);
    let version = request.version.clone().unwrap_or(version.value);
    Ok(PackageKey::new(name.trim(), version.trim())?)
}
