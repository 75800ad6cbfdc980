//! Rebuilding the library database from the packages, when it is damaged or lost. The old one is kept beside it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::history_file::{HISTORY_FILE, whole_lines};
use super::import::{ProvenSeal, TAG_FILE_MAX_BYTES, TagFiles, with_executables};
use super::in_use::{self, InUse};
use super::lease::Lease;
use super::open::CATALOGUE;
use super::operation::{self, INCOMING, TRASH, folders_in, remove_any};
use super::package_folder::{PACKAGES, read_reginfo, read_text, relative_folder};
use super::{KeyRing, Library, LibraryError, OpenOptions};
use crate::package::manifest::{Manifest, ManifestFile};
use crate::package::record::{ListedProcedure, PackageRecord, SealInfo};
use crate::package::reginfo::{DATA_NAME, NOTES_NAME, Notes, RegInfo, SEAL_NAME};
use crate::package::snapshot::{self, SNAPSHOT_NAME};
use crate::package::{
    BlockSize, Finding, HistoryEntry, HistoryEvent, PackageKey, PackageState, Sha256Digest, history,
};
use crate::store::{Catalogue, ComputerFilter, StoreError};
use crate::work::Work;

/// One package that was found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RebuiltPackage {
    /// Its name and version.
    pub key: PackageKey,
    /// Its state.
    pub state: PackageState,
    /// What could not be brought back, one sentence part each.
    pub lost: Vec<String>,
}

/// What a rebuild found and lost.
#[derive(Clone, Debug, serde::Serialize)]
pub struct RebuildReport {
    /// Packages that are in the new database.
    pub packages: Vec<RebuiltPackage>,
    /// Folders that are no package: (folder, why).
    pub left_out: Vec<(PathBuf, String)>,
    /// History entries that were taken over from `history.jsonl`.
    pub history_entries: u64,
    /// What is lost for good, one sentence each.
    pub lost: Vec<String>,
    /// Where the old database lies now, if there was one.
    pub old_database: Option<PathBuf>,
}

impl Library {
    /// Writes a new library database from what is in `packages/` and `history.jsonl`.
    pub fn rebuild(options: OpenOptions, work: &Work) -> Result<RebuildReport, LibraryError> {
        if options.read_only {
            return Err(LibraryError::ReadOnly);
        }
        let root = options.root.clone();
        super::moving::require_here(&root)?;
        super::moving::finish_arrival(&root)?;
        if !root.join(PACKAGES).is_dir() {
            return Err(LibraryError::NoLibrary(root));
        }
        let root = fs::canonicalize(&root).map_err(super::error::io_error("open", &root))?;
        // Whoever has the old database open would go on writing to what nobody reads any more.
        let in_use = in_use::enter_alone(&root, &options.actor)?;
        finish_old(&root, &options)?;
        // The lock above may be nobody's business on a share: its lease is held until the new database is in place.
        let lease =
            if options.share.is_share(&root) { Some(Lease::take(&root, &options.actor)?) } else { None };
        let fresh = root.join(INCOMING).join(format!("rebuild-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&fresh).map_err(super::error::io_error("make the folder", &fresh))?;
        // Another program that opens the library meanwhile must not take the folder for a leftover.
        let _lock =
            operation::lock_folder(&fresh)?.ok_or_else(|| LibraryError::Locked("the library".to_owned()))?;
        let built = build(&root, &fresh, &options, work);
        let report = match built {
            Ok((mut report, history_is_whole)) => {
                keep_interrupted(&root, &fresh, &mut report)?;
                if lease.as_ref().is_some_and(Lease::is_lost) {
                    let _ = remove_any(&fresh);
                    return Err(LibraryError::ReadOnly);
                }
                report.old_database = put_into_place(&root, &fresh, history_is_whole)?;
                report
            }
            Err(error) => {
                let _ = remove_any(&fresh);
                return Err(error);
            }
        };
        let _ = remove_any(&fresh);
        drop(lease);
        // Opening it writes the history file again and proves that it opens. Whoever was faster has done so already.
        match Self::open_with(OpenOptions { root, ..options }, |_, _| Ok(in_use)) {
            Ok(_) | Err(LibraryError::InUseElsewhere(_)) => Ok(report),
            Err(error) => Err(error),
        }
    }
}

/// Lets the old database finish what was interrupted, if it can: the new one will know nothing of it.
fn finish_old(root: &Path, options: &OpenOptions) -> Result<(), LibraryError> {
    let options = OpenOptions { root: root.to_owned(), create: false, ..options.clone() };
    match Library::open_with(options, |_, _| Ok(InUse::nobody())) {
        // What a newer program wrote is not for this one to judge; what is busy is not lost.
        Err(LibraryError::Store(error)) if error.is_busy() || matches!(error, StoreError::Newer { .. }) => {
            Err(error.into())
        }
        Err(error @ (LibraryError::Unreachable { .. } | LibraryError::InUseElsewhere(_))) => Err(error),
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::info!(%error, "the old library database cannot be opened");
            Ok(())
        }
    }
}

fn build(
    root: &Path,
    fresh: &Path,
    options: &OpenOptions,
    work: &Work,
) -> Result<(RebuildReport, bool), LibraryError> {
    let database = fresh.join(CATALOGUE);
    let catalogue = if options.share.is_share(root) {
        Catalogue::open_alone(&database)?
    } else {
        Catalogue::open(&database)?
    };
    let library = Library {
        root: root.to_owned(),
        id: uuid::Uuid::new_v4().hyphenated().to_string(),
        actor: options.actor.clone(),
        keys: KeyRing::new(options.keys.clone()),
        read_only: None,
        standing: std::sync::Mutex::new(super::Standing::Here),
        catalogue: std::sync::Mutex::new(catalogue),
        share: None,
        in_use: None,
    };
    let mut report = RebuildReport {
        packages: Vec::new(),
        left_out: Vec::new(),
        history_entries: 0,
        lost: vec!["times of checks, and which differences were noticed when".to_owned()],
        old_database: None,
    };
    let history_path = root.join(HISTORY_FILE);
    let text = match fs::read(&history_path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        // Not the same as none: it would be begun anew over what cannot be read today.
        Err(error) => return Err(super::error::io_error("read", &history_path)(error)),
    };
    let text = String::from_utf8_lossy(&text);
    let lines = whole_lines(&text);
    if let history::ChainState::Broken { number, why } = history::verify_chain(lines.iter().copied()) {
        report.lost.push(format!("history from entry {number} on cannot be trusted: {why}"));
    }
    library.catalogue().change(|change| {
        change.set_library_value("id", library.id())?;
        let mut next = 1;
        for line in &lines {
            let Ok(entry) = serde_json::from_str::<HistoryEntry>(line) else { continue };
            if entry.number == next {
                change.put_history_line(&entry, line)?;
                next += 1;
            }
        }
        report.history_entries = next - 1;
        Ok::<_, LibraryError>(())
    })?;
    if report.history_entries == 0 {
        report.lost.push("all history: there was no history.jsonl".to_owned());
    }
    let trash = folders_in(&root.join(TRASH))?.len();
    report.lost.extend(lost_deliveries(root));
    if trash > 0 {
        report.lost.push(format!("undo for {trash} removed packages: their files stay in {TRASH}"));
    }
    let names = folders_in(&root.join(PACKAGES))?;
    let folders: Vec<PathBuf> =
        names.iter().map(|name| folders_in(name)).collect::<Result<Vec<_>, _>>()?.concat();
    work.begin("Reading packages", folders.len() as u64, 0);
    for folder in folders {
        work.pace(0)?;
        match library.rebuild_package(&folder, work) {
            Ok(found) => report.packages.push(found),
            Err(LibraryError::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(error) => {
                let explained = error.explain();
                report.left_out.push((folder, explained.to_string()));
            }
        }
        work.add_files(1);
    }
    let mut entry = library.entry(HistoryEvent::LibraryRebuilt, None);
    entry.details =
        Some(format!("{} packages found, {} folders left out", report.packages.len(), report.left_out.len()));
    library.catalogue().change(|change| change.append_history(entry))?;
    library.catalogue().checkpoint()?;
    let history_is_whole =
        lines.len() as u64 == report.history_entries && text.lines().count() == lines.len();
    if !history_is_whole {
        report.lost.push(
            "history entries that could not be read or chained: the old file is kept beside the new"
                .to_owned(),
        );
    }
    Ok((report, history_is_whole))
}

/// What was known of deliveries stands in no package. Counted where the old database can still be read.
fn lost_deliveries(root: &Path) -> Option<String> {
    const ALL: &str = "staging libraries, computers, jobs and what agents keep";
    let count = || -> Result<[usize; 3], StoreError> {
        let old = Catalogue::open_read_only(&root.join(CATALOGUE), false)?;
        let computers = old.computers(&ComputerFilter::default())?.len();
        Ok([old.staging_libraries()?.len(), computers, old.containers()?.len()])
    };
    match count() {
        Ok([0, 0, 0]) => None,
        Ok([stagings, computers, jobs]) => Some(format!(
            "{ALL} (staging libraries: {stagings}, computers: {computers}, jobs: {jobs}); agents must be enrolled anew"
        )),
        Err(_) => Some(format!("{ALL}, if there were any: agents must be enrolled anew")),
    }
}

/// What an interrupted change left below `.incoming/` belonged to the lost database: it is kept, and said.
fn keep_interrupted(root: &Path, fresh: &Path, report: &mut RebuildReport) -> Result<(), LibraryError> {
    for folder in folders_in(&root.join(INCOMING))? {
        if folder == fresh {
            continue;
        }
        // Still locked: its program is at it and will see that the database is another one.
        let Some(_lock) = operation::lock_folder(&folder)? else { continue };
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let to = root.join("set-aside").join(format!("interrupted-{name}"));
        fs::create_dir_all(root.join("set-aside")).map_err(super::error::io_error("make the folder", &to))?;
        fs::rename(&folder, &to).map_err(super::error::io_error("rename", &folder))?;
        report.lost.push(format!("an interrupted change: what it had written lies in {}", to.display()));
    }
    Ok(())
}

/// Puts the new database where the old one was; gives where that lies now.
fn put_into_place(
    root: &Path,
    fresh: &Path,
    history_is_whole: bool,
) -> Result<Option<PathBuf>, LibraryError> {
    let stamp = Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
    let history = root.join(HISTORY_FILE);
    if !history_is_whole && history.exists() {
        let to = root.join(format!("{HISTORY_FILE}.old-{stamp}"));
        fs::rename(&history, &to).map_err(super::error::io_error("rename", &history))?;
    }
    let mut kept = None;
    for ending in ["", "-wal", "-shm"] {
        let old = root.join(format!("{CATALOGUE}{ending}"));
        if old.exists() {
            let to = root.join(format!("{CATALOGUE}.old-{stamp}{ending}"));
            fs::rename(&old, &to).map_err(super::error::io_error("rename", &old))?;
            if ending.is_empty() {
                kept = Some(to);
            }
        }
    }
    // First the old is out of the way on the disk as well: a new database never meets an old WAL.
    super::operation::sync_folder(root)?;
    for ending in ["-wal", "-shm", ""] {
        let from = fresh.join(format!("{CATALOGUE}{ending}"));
        if from.exists() {
            let to = root.join(format!("{CATALOGUE}{ending}"));
            fs::rename(&from, &to).map_err(super::error::io_error("rename", &from))?;
        }
    }
    super::operation::sync_folder(root)?;
    Ok(kept)
}

impl Library {
    fn rebuild_package(&self, folder: &Path, work: &Work) -> Result<RebuiltPackage, LibraryError> {
        let (info, _) = read_reginfo(folder)?.ok_or_else(|| LibraryError::NoRegInfo(folder.to_owned()))?;
        let unreadable = |why: String| LibraryError::Unreadable { what: folder.display().to_string(), why };
        if relative_folder(&info.key) != folder.strip_prefix(self.root()).unwrap_or(folder) {
            return Err(unreadable(format!("its registration says that it is {}", info.key)));
        }
        if self.catalogue().package(info.id)?.is_some() {
            return Err(unreadable("another package has the same identity".to_owned()));
        }
        let mut lost = Vec::new();
        let notes = read_text(&folder.join(NOTES_NAME), 1 << 24)?.and_then(|text| Notes::parse(&text));
        if notes.is_none() {
            lost.push("group, comment, who registered it and when".to_owned());
        }
        let is_sealed = folder.join(SEAL_NAME).is_file();
        let archive = notes.as_ref().and_then(|notes| notes.archive.clone());
        let has_data = folder.join(DATA_NAME).is_dir();
        let state = match (is_sealed, has_data, &archive) {
            (true, false, Some(_)) => PackageState::Archived,
            (true, true, _) => PackageState::Sealed,
            (_, true, _) => PackageState::Open,
            (_, false, _) => return Err(unreadable("its files are missing".to_owned())),
        };
        let manifest = match state {
            PackageState::Sealed => self.sealed_manifest(folder, &info, &mut lost)?,
            PackageState::Open => self.found_manifest(folder, &info, &mut lost, work)?,
            PackageState::Archived => self.archived_manifest(&archive, &info, &mut lost),
        };
        let seal =
            if state == PackageState::Open { None } else { self.seal_on_disk(folder, &info, &manifest) };
        let record = rebuilt_record(self, info, notes, state, &manifest, seal);
        self.catalogue().change(|change| {
            change.put_package(&record)?;
            change.put_manifest(record.id, &manifest)
        })?;
        let mut state_lost = lost;
        if record.finding != Finding::Consistent {
            state_lost.push(
                "it differs from its recorded checksum, and the recorded list of files is lost".to_owned(),
            );
        }
        Ok(RebuiltPackage { key: record.key, state, lost: state_lost })
    }

    /// The manifest of a sealed package, from its snapshot. A seal that does not fit is said, not believed.
    fn sealed_manifest(
        &self,
        folder: &Path,
        info: &RegInfo,
        lost: &mut Vec<String>,
    ) -> Result<Manifest, LibraryError> {
        let text = folder.text(SNAPSHOT_NAME)?.unwrap_or_default();
        match snapshot::read(&text)
            .map_err(|problem| problem.to_string())
            .and_then(|snapshot| with_executables(snapshot.manifest, info))
        {
            Ok(manifest) => {
                match ProvenSeal::prove(self.keys(), &[], folder, &info.key.to_string()) {
                    Ok(_) => Ok(manifest),
                    Err(error @ LibraryError::SealUnknown { .. }) => {
                        lost.push(format!("its seal could not be proven: {}", error.explain()));
                        Ok(manifest)
                    }
                    // Hashes that nobody vouches for are not taken over: nothing could ever tell them from the right ones.
                    Err(error) => {
                        lost.push(format!("its hashes: {}", error.explain()));
                        without_hashes(manifest)
                    }
                }
            }
            Err(why) => Err(LibraryError::Unreadable { what: SNAPSHOT_NAME.to_owned(), why }),
        }
    }

    /// The manifest of an Open package: its files as they are. Their hashes are lost and not taken silently.
    fn found_manifest(
        &self,
        folder: &Path,
        info: &RegInfo,
        lost: &mut Vec<String>,
        work: &Work,
    ) -> Result<Manifest, LibraryError> {
        let scan = self.scan_package(&folder.join(DATA_NAME), &Work::new())?.unwrap_or_default();
        work.check()?;
        if !scan.files.is_empty() {
            lost.push(
                "hashes of its files: a deep check has nothing to compare with until it is sealed".to_owned(),
            );
        }
        let files = scan.files.iter().zip(&scan.executable).map(|(file, executable)| ManifestFile {
            path: file.path.to_owned(),
            size_bytes: file.size_bytes,
            executable: *executable || info.executable.iter().any(|path| path == file.path),
            hashes: None,
        });
        Manifest::from_files(BlockSize::DEFAULT, files.collect())
            .map_err(|twice| LibraryError::Unreadable { what: twice.0, why: "it is there twice".to_owned() })
    }

    /// The manifest of an archived package, from its archive if that is reachable.
    fn archived_manifest(
        &self,
        archive: &Option<crate::package::record::ArchiveInfo>,
        info: &RegInfo,
        lost: &mut Vec<String>,
    ) -> Manifest {
        let path = archive.as_ref().map(|archive| PathBuf::from(&archive.path)).unwrap_or_default();
        let read = crate::archive_file::ArchiveReader::open(&path).ok().and_then(|reader| {
            let tags = reader.read_tag_files().ok()?;
            let text = String::from_utf8(tags.get(SNAPSHOT_NAME)?.content.clone()).ok()?;
            // The very snapshot that was signed: anybody can put another file where the archive was.
            if info.sha256.get(SNAPSHOT_NAME) != Some(&Sha256Digest::of(text.as_bytes())) {
                return None;
            }
            let snapshot = snapshot::read(&text).ok().filter(|snapshot| snapshot.package == info.id)?;
            with_executables(snapshot.manifest, info).ok()
        });
        read.unwrap_or_else(|| {
            lost.push("its list of files, until it is restored: the archive could not be read".to_owned());
            Manifest::default()
        })
    }

    fn seal_on_disk(&self, folder: &Path, info: &RegInfo, manifest: &Manifest) -> Option<SealInfo> {
        let signature = read_text(&folder.join(SEAL_NAME), TAG_FILE_MAX_BYTES).ok()??;
        let text = read_text(&folder.join("reginfo.json"), TAG_FILE_MAX_BYTES).ok()??;
        let (key_id, key_name) = match self.keys().judge(&text, &signature, &[]).ok()? {
            super::SealJudgement::Trusted { name, key_id } => (key_id, name),
            super::SealJudgement::Unknown { key_id } => (key_id, String::new()),
            super::SealJudgement::Broken { .. } => (String::new(), String::new()),
        };
        let modified = fs::metadata(folder.join(SEAL_NAME)).and_then(|m| m.modified()).ok();
        Some(SealInfo {
            key_id,
            key_name,
            at: modified.and_then(|at| Timestamp::try_from(at).ok()).unwrap_or_else(Timestamp::now),
            block_size: manifest.block_size(),
            snapshot: info.sha256.get(SNAPSHOT_NAME).copied().unwrap_or_default(),
        })
    }
}

fn without_hashes(manifest: Manifest) -> Result<Manifest, LibraryError> {
    let block_size = manifest.block_size();
    let mut files = manifest.into_files();
    for file in &mut files {
        file.hashes = None;
    }
    Manifest::from_files(block_size, files)
        .map_err(|twice| LibraryError::Unreadable { what: twice.0, why: "it is there twice".to_owned() })
}

fn rebuilt_record(
    library: &Library,
    info: RegInfo,
    notes: Option<Notes>,
    state: PackageState,
    manifest: &Manifest,
    seal: Option<SealInfo>,
) -> PackageRecord {
    let now = Timestamp::now();
    let agrees = state == PackageState::Archived || manifest.files().checksum() == info.checksum;
    let choices = notes.as_ref().map(|notes| notes.procedures.clone()).unwrap_or_default();
    let procedures = info.procedures.iter().map(|procedure| ListedProcedure {
        choice: choices.get(&procedure.name).cloned().unwrap_or_default(),
        procedure: procedure.clone(),
    });
    PackageRecord {
        id: info.id,
        state,
        revision: info.revision,
        supplier: info.supplier.clone(),
        package_type: info.package_type,
        based_on: info.based_on.clone(),
        group: notes.as_ref().map(|n| n.group.clone()).unwrap_or_default(),
        comment: notes.as_ref().map(|n| n.comment.clone()).unwrap_or_default(),
        replaces: notes.as_ref().and_then(|n| n.replaces.clone()),
        retired: notes.as_ref().is_some_and(|n| n.retired),
        filed_by: notes.as_ref().map_or_else(|| library.actor().who.clone(), |n| n.filed_by.clone()),
        registered: notes.as_ref().map_or(now, |n| n.registered),
        changed: now,
        checksum_control: notes.as_ref().is_none_or(|n| n.checksum_control),
        checksum: info.checksum,
        checksum_event: "rebuilt".to_owned(),
        checksum_at: now,
        finding: if agrees { Finding::Consistent } else { Finding::Differs },
        noticed: None,
        marked: None,
        quick: None,
        deep: None,
        sealed_once: info.revision > 0,
        seal,
        archive: notes.and_then(|n| n.archive).filter(|_| state == PackageState::Archived),
        procedures: procedures.collect(),
        key: info.key,
    }
}
