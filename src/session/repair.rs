//! Repair: joins what the library wants made right with the transfer that fetches it.
//!
//! Owns: what an address to repair from means (a web server, a folder, a staging library, an archive, a Metalink), and when a repair
//! that gets nothing gives up. Must not know what a package is blocked for, nor how it is put into place.

mod look;
mod places;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::disk::open_plain;
use crate::failure::{Class, Failure};
use crate::library::{EqualBlock, FetchBlocks, Fetched, KeyRing, LibraryError, WantedFiles};
use crate::package::numbers::many;
use crate::package::reginfo::DATA_NAME;
use crate::package::{BlockBoard, Manifest, PackageKey, Sha256Digest};
use crate::transfer::{
    BlockRequest, BlockSource, CodebaseAddress, DownloadState, InvalidReason, Ladder, Mirror, NetworkOptions,
    Pieces, Plan, PlannedFile, RetryReason, Transfer, TransferError, TransferOptions, TransferStatus, survey,
};
use crate::work::Work;

pub use look::{PlaceLook, PreparedRepair};
pub(super) use look::{look, prepare};
use places::Place;

/// What lies beside `data/` in a package folder.
const KNOWN_NAMES: [&str; 8] = [
    "notes.json",
    "reginfo.json",
    "reginfo.json.minisig",
    "snapshot.meta4",
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
];
/// How often the progress of a repair is told.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// So many transfers in a row that brought nothing new end a repair.
const ROUNDS_IN_VAIN: u32 = 3;
/// How often codebases are asked again that were set aside for bad blocks, where nobody else is left.
const ASK_SET_ASIDE_AGAIN: u32 = 8;

/// Where to repair from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairFrom {
    /// Addresses: `http:`, `https:`, `file:`, the path of a folder, of a staging library, of an archive, of a `.meta4`.
    pub addresses: Vec<String>,
    /// Waits for ever where nobody answers, instead of giving up when every codebase failed three times in a row.
    pub wait: bool,
}

impl RepairFrom {
    pub(super) fn through(self, network: NetworkOptions) -> RepairWay {
        RepairWay { from: self, network }
    }
}

/// Where to repair from, and how it is reached.
pub(super) struct RepairWay {
    pub(super) from: RepairFrom,
    pub(super) network: NetworkOptions,
}

impl RepairWay {
    fn reached(&self, key: &PackageKey) -> Result<Vec<Place>, Failure> {
        let mut reached = Vec::new();
        let mut failed = Vec::new();
        for address in &self.from.addresses {
            match Place::find(address, key, &self.network) {
                Ok(place) => reached.push(place),
                Err(failure) if failure.class == Class::Usage => return Err(failure),
                // It may be back while others give what they have.
                Err(failure) if self.from.wait && failure.temporary => {
                    reached.extend(Place::unseen(address)?);
                }
                Err(failure) => failed.push(failure.to_string()),
            }
        }
        if reached.is_empty() && !failed.is_empty() {
            return Err(unreachable(&failed));
        }
        Ok(reached)
    }
}

fn unreachable(said: &[String]) -> Failure {
    let action = "Check the addresses and the connection, or give another place to repair from";
    Failure::new("no-codebase", Class::Environment, "no codebase can be reached", action)
        .because(said.join("; "))
        .temporary()
}

impl FetchBlocks for RepairWay {
    fn fetch(&self, wanted: &WantedFiles<'_>, work: &Work) -> Result<Fetched, LibraryError> {
        fetch(self, wanted, work).map_err(|failure| match failure {
            Stop::Cancelled => LibraryError::Cancelled(crate::work::Cancelled),
            Stop::Told(failure) => LibraryError::Told(Box::new(failure)),
        })
    }

    fn tag_file(&self, key: &PackageKey, name: &str) -> Option<String> {
        let mut addresses = self.from.addresses.iter();
        addresses
            .find_map(|address| Place::find(address, key, &self.network).ok()?.tag_file(name, &self.network))
    }
}

/// What all places together have.
#[derive(Default)]
struct Offer {
    codebases: Vec<CodebaseAddress>,
    /// Addresses of single files, by path relative to `data/`.
    mirrors: HashMap<String, Vec<Mirror>>,
}

impl Offer {
    fn of(places: Vec<Place>) -> Self {
        let mut offer = Self::default();
        for mut place in places {
            for (path, mirror) in place.take_mirrors() {
                offer.mirrors.entry(path).or_default().push(mirror);
            }
            offer.codebases.extend(place.into_codebase());
        }
        offer
    }

    /// The codebases; where there is nobody to ask, what lies here decides.
    fn codebases(&self) -> Vec<CodebaseAddress> {
        if self.codebases.is_empty() {
            vec![CodebaseAddress::Source(Arc::new(Nobody))]
        } else {
            self.codebases.clone()
        }
    }
}

enum Stop {
    Cancelled,
    Told(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Told(failure)
    }
}

fn fetch(way: &RepairWay, wanted: &WantedFiles<'_>, work: &Work) -> Result<Fetched, Stop> {
    let reused = Arc::new(AtomicU64::new(0));
    let mut offer = Offer::default();
    let mut unreached = None;
    match way.reached(wanted.key) {
        Ok(places) => offer = Offer::of(places),
        // What lies in the library may be enough.
        Err(failure) if failure.class == Class::Environment => unreached = Some(failure),
        Err(failure) => return Err(failure.into()),
    }
    let mut reuse: Vec<Arc<dyn BlockSource>> = Vec::new();
    if let Some(archive) = wanted.archive.and_then(|file| places::archive(file, Some(wanted)).ok()) {
        reuse.push(Arc::new(Counted { of: archive, bytes: Arc::clone(&reused) }));
    }
    if !wanted.equal.is_empty() {
        let equal: Arc<dyn BlockSource> = Arc::new(EqualBlocks(wanted.equal.clone()));
        reuse.push(Arc::new(Counted { of: equal, bytes: Arc::clone(&reused) }));
    }
    let options = TransferOptions {
        folder: wanted.folder.to_owned(),
        codebases: offer.codebases(),
        reuse,
        ladder: Ladder::Console,
        network: way.network.clone(),
        ..TransferOptions::default()
    };
    let plan = plan_of(wanted.manifest, &offer.mirrors).map_err(|error| error.explain())?;
    let Ended { transfer, status, fetched_bytes, from } = run(&plan, &options, way.from.wait, work)?;
    let reused_bytes = reused.load(Ordering::Relaxed);
    let mut fetched = Fetched { fetched_bytes, reused_bytes, from, ..Fetched::default() };
    if status.state == DownloadState::Ready {
        fetched.whole = wanted.manifest.iter().map(|file| file.path.to_owned()).collect();
        return Ok(fetched);
    }
    fetched.whole = whole_files(&transfer, wanted.manifest);
    drop(transfer);
    finish(wanted, &mut fetched.whole, work)?;
    let told = unreached.unwrap_or_else(|| why(&status));
    let missing =
        wanted.manifest.iter().map(|file| file.path).filter(|path| !fetched.whole.iter().any(|w| w == path));
    fetched.stopped = Some(told.with_details(missing.map(str::to_owned).collect()));
    Ok(fetched)
}

/// A transfer that has stopped, and what it and those before it came to.
struct Ended {
    transfer: Transfer,
    status: TransferStatus,
    fetched_bytes: u64,
    /// Bytes by codebase, those that gave any.
    from: Vec<(String, u64)>,
}

/// Fetches all that can be had. A transfer ends at a block that nobody has right, wherever that is among the others, so
/// it is begun again for as long as more arrives.
fn run(plan: &Plan, options: &TransferOptions, wait: bool, work: &Work) -> Result<Ended, Stop> {
    let (mut fetched_bytes, mut from) = (0, Vec::<(String, u64)>::new());
    let (mut proven_bytes, mut in_vain) = (0, 0);
    loop {
        let transfer = Transfer::start(plan.clone(), options.clone(), Arc::new(|| {}))
            .map_err(|error| Stop::Told(error.explain()))?;
        let status = follow(&transfer, wait, work)?;
        transfer.stop();
        fetched_bytes += status.fetched_bytes;
        for codebase in status.codebases.iter().filter(|codebase| codebase.fetched_bytes > 0) {
            match from.iter_mut().find(|(name, _)| *name == codebase.name) {
                Some((_, bytes)) => *bytes += codebase.fetched_bytes,
                None => from.push((codebase.name.clone(), codebase.fetched_bytes)),
            }
        }
        in_vain = if status.proven_bytes > proven_bytes { 0 } else { in_vain + 1 };
        proven_bytes = status.proven_bytes;
        let is_bad_block = matches!(status.invalid, Some(InvalidReason::BadBlock { .. }));
        if !is_bad_block || in_vain == ROUNDS_IN_VAIN {
            return Ok(Ended { transfer, status, fetched_bytes, from });
        }
    }
}

/// Waits until it is done, cannot be, or nobody gives anything.
fn follow(transfer: &Transfer, wait: bool, work: &Work) -> Result<TransferStatus, Stop> {
    work.begin("Fetching", 0, transfer.status().total_bytes);
    let mut asked_again = 0;
    loop {
        let ends = |status: &TransferStatus| match status.state {
            DownloadState::Ready | DownloadState::Invalid => true,
            DownloadState::Retrying => !wait || !is_of_network(status),
            _ => false,
        };
        let (status, ended) = transfer.wait(LOOK_EVERY, ends);
        work.set_done(0, status.proven_bytes);
        let is_set_aside = status.state == DownloadState::Retrying
            && matches!(status.retry_reason, Some(RetryReason::SetAside(_)));
        if is_set_aside && asked_again < ASK_SET_ASIDE_AGAIN {
            // Each sent its bad block first; it may have the others. A block that nobody has right ends it.
            asked_again += 1;
            transfer.retry_now();
            continue;
        }
        if ended {
            return Ok(status);
        }
        if work.is_cancelled() {
            transfer.stop();
            return Err(Stop::Cancelled);
        }
    }
}

fn is_of_network(status: &TransferStatus) -> bool {
    matches!(status.retry_reason, Some(RetryReason::Codebases(_)))
}

/// The files whose every block is proven.
fn whole_files(transfer: &Transfer, manifest: &Manifest) -> Vec<String> {
    let facts = transfer.facts();
    let whole = manifest.iter().filter(|file| {
        let blocks = file.hashes.map_or(0, |hashes| hashes.blocks.len());
        blocks == 0
            || facts
                .files
                .get(&format!("{DATA_NAME}/{}", file.path))
                .is_some_and(|hint| (0..blocks).all(|block| hint.proven.get(block)))
    });
    whole.map(|file| file.path.to_owned()).collect()
}

/// Gives the files that came whole their length and mode, where not all came.
fn finish(wanted: &WantedFiles<'_>, whole: &mut Vec<String>, work: &Work) -> Result<(), Stop> {
    if whole.is_empty() {
        return Ok(());
    }
    let none = HashMap::new();
    let files = planned(wanted.manifest, &none).filter(|file| {
        let path = file.path.strip_prefix(DATA_NAME).and_then(|path| path.strip_prefix('/'));
        path.is_some_and(|path| whole.iter().any(|whole| whole == path))
    });
    let plan = Plan::new(files.collect(), Vec::new())
        .map_err(|problem| Stop::Told(TransferError::from(problem).explain()))?;
    let options = TransferOptions {
        folder: wanted.folder.to_owned(),
        codebases: vec![CodebaseAddress::Source(Arc::new(Nobody))],
        ..TransferOptions::default()
    };
    let transfer =
        Transfer::start(plan, options, Arc::new(|| {})).map_err(|error| Stop::Told(error.explain()))?;
    if follow(&transfer, false, work)?.state != DownloadState::Ready {
        whole.clear();
    }
    transfer.stop();
    Ok(())
}

fn planned<'a>(
    manifest: &'a Manifest,
    mirrors: &'a HashMap<String, Vec<Mirror>>,
) -> impl Iterator<Item = PlannedFile> + 'a {
    let length_bytes = manifest.block_size().bytes();
    manifest.iter().map(move |file| PlannedFile {
        path: format!("{DATA_NAME}/{}", file.path),
        size_bytes: file.size_bytes,
        whole: file.hashes.map(|hashes| hashes.file),
        pieces: file.hashes.map(|hashes| Pieces { length_bytes, hashes: hashes.blocks.clone() }),
        mirrors: mirrors.get(file.path).cloned().unwrap_or_default(),
        executable: file.executable,
    })
}

fn plan_of(manifest: &Manifest, mirrors: &HashMap<String, Vec<Mirror>>) -> Result<Plan, TransferError> {
    Ok(Plan::new(planned(manifest, mirrors).collect(), Vec::new())?)
}

/// Why a repair could not get everything.
fn why(status: &TransferStatus) -> Failure {
    let not_all = |why: String| {
        let action = "Give another place to repair from";
        Failure::new("not-repairable", Class::No, "not everything could be repaired", action).because(why)
    };
    if let Some(invalid) = &status.invalid {
        return not_all(match invalid {
            InvalidReason::NoCodebase(path) => format!("nobody has {path}"),
            other => other.to_string(),
        });
    }
    match &status.retry_reason {
        Some(RetryReason::Codebases(_)) => {
            let asked = status.codebases.iter().filter(|codebase| codebase.name != NOBODY);
            let said = asked.map(|codebase| {
                let why = codebase.last_error.as_deref().unwrap_or("it does not have what is missing");
                format!("{}: {why}", codebase.name)
            });
            let said: Vec<String> = said.collect();
            not_all(if said.is_empty() {
                "nobody is known who has a copy".to_owned()
            } else {
                said.join("; ")
            })
        }
        Some(RetryReason::SetAside(_)) => {
            not_all(status.retry_reason.as_ref().map_or_else(String::new, ToString::to_string))
        }
        Some(RetryReason::DiskFull) => {
            let action = "Nothing was lost, and what was fetched is kept. Free some space and try again";
            Failure::new("disk-full", Class::Environment, "the repair stopped", action)
                .because("the disk is full")
        }
        Some(disk) => {
            let action = "Nothing was lost, and what was fetched is kept. Check the disk, then try again";
            Failure::new("repair-disk", Class::Environment, "the repair stopped", action)
                .because(disk.to_string())
        }
        None => not_all("it stopped".to_owned()),
    }
}

/// Blocks that lie elsewhere in the library.
struct EqualBlocks(HashMap<Sha256Digest, EqualBlock>);

impl BlockSource for EqualBlocks {
    fn name(&self) -> String {
        "other packages of the library".to_owned()
    }

    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool> {
        let Some(equal) = self.0.get(&block.place.hash) else { return Ok(false) };
        read_at(&equal.file, equal.offset_bytes, room)
    }
}

/// A source that counts what it gave and what was right.
struct Counted {
    of: Arc<dyn BlockSource>,
    bytes: Arc<AtomicU64>,
}

impl BlockSource for Counted {
    fn name(&self) -> String {
        self.of.name()
    }

    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool> {
        let has = self.of.read(block, room)?;
        if has && Sha256Digest::of(room) == block.place.hash {
            self.bytes.fetch_add(room.len() as u64, Ordering::Relaxed);
        }
        Ok(has)
    }
}

/// Stands in the list of codebases where nobody is asked.
const NOBODY: &str = "nobody";

/// Has nothing.
struct Nobody;

impl BlockSource for Nobody {
    fn name(&self) -> String {
        NOBODY.to_owned()
    }

    fn read(&self, _: BlockRequest<'_>, _: &mut [u8]) -> io::Result<bool> {
        Ok(false)
    }
}

/// Fills `room` from a file; `false` where it is not there or too short.
fn read_at(file: &Path, offset_bytes: u64, room: &mut [u8]) -> io::Result<bool> {
    use std::io::{Read as _, Seek as _};
    let mut file = match open_plain(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    file.seek(io::SeekFrom::Start(offset_bytes))?;
    match file.read_exact(room) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

/// What was repaired in a package folder outside a library.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderRepair {
    /// The package.
    pub key: PackageKey,
    /// The folder.
    pub folder: PathBuf,
    /// Blocks that were missing or bad.
    pub blocks: u64,
    /// Their bytes.
    pub bad_bytes: u64,
    /// Bytes that were fetched and matched; 0 for a plan.
    pub fetched_bytes: u64,
    /// Files that are longer than they should be: cut, with nothing fetched.
    pub cut: Vec<String>,
    /// Files without content that are missing: made, with nothing fetched.
    pub made: Vec<String>,
    /// Files that do not belong to the package; they are left.
    pub strangers: Vec<String>,
    /// Bytes by codebase.
    pub from: Vec<(String, u64)>,
    /// Why not everything was repaired.
    pub stopped: Option<Failure>,
}

impl FolderRepair {
    /// Whether there was nothing to put right.
    pub fn was_whole(&self) -> bool {
        self.blocks == 0 && self.cut.is_empty() && self.made.is_empty()
    }
}

/// Repairs a package folder outside a library in place, once its seal was judged; with `plan_only`, says what is bad.
pub(super) fn repair_folder(
    keys: &KeyRing,
    folder: &Path,
    way: &RepairWay,
    trust: &[String],
    plan_only: bool,
    work: &Work,
) -> Result<FolderRepair, LibraryError> {
    let told = |failure: Failure| LibraryError::Told(Box::new(failure));
    let sealed = keys.sealed_folder(folder, trust)?;
    let (key, manifest) = (sealed.info.key.clone(), &sealed.manifest);
    let offer = match plan_only {
        true => Ok(Offer::default()),
        false => way.reached(&key).map(Offer::of),
    };
    let mirrors = offer.as_ref().map(|offer| offer.mirrors.clone()).unwrap_or_default();
    let plan = plan_of(manifest, &mirrors).map_err(|error| told(error.explain()))?;
    let board = BlockBoard::new(plan.blocks());
    let found = survey::survey(folder, &plan, None, &board, work)?;
    let mut proven = vec![false; plan.blocks()];
    found.proven.iter().for_each(|block| proven[*block] = true);
    let bad: Vec<usize> = (0..plan.blocks()).filter(|block| !proven[*block]).collect();
    let bad_bytes = bad.iter().filter_map(|block| plan.place(*block)).map(|place| place.size_bytes).sum();
    let path_of = |file: usize| plan.files()[file].path.to_string();
    let is_missing = |file: &usize| {
        plan.blocks_of(*file).is_empty() && fs::symlink_metadata(folder.join(path_of(*file))).is_err()
    };
    let is_no_tag = |path: &String| path.contains('/') || !KNOWN_NAMES.contains(&path.as_str());
    let mut repair = FolderRepair {
        key,
        folder: folder.to_owned(),
        blocks: bad.len() as u64,
        bad_bytes,
        fetched_bytes: 0,
        cut: found.too_long.iter().map(|file| path_of(*file)).collect(),
        made: (0..plan.files().len()).filter(is_missing).map(path_of).collect(),
        strangers: found.strangers.named.into_iter().filter(is_no_tag).collect(),
        from: Vec::new(),
        stopped: None,
    };
    if plan_only {
        return Ok(repair);
    }
    if way.from.addresses.is_empty() && !bad.is_empty() {
        let missing = many(repair.blocks, "missing or damaged block");
        let message = format!("{} has {missing}, and no address to fetch from is known", folder.display());
        let action = "packhouse-cli repair FOLDER --from ADDRESS";
        return Err(told(Failure::new("usage", Class::Usage, message, action)));
    }
    let codebases = match offer {
        Ok(offer) => offer.codebases(),
        // Modes and lengths need nobody.
        Err(_) if bad.is_empty() => Offer::default().codebases(),
        Err(failure) => return Err(told(failure)),
    };
    let network = way.network.clone();
    let folder = folder.to_owned();
    let options = TransferOptions { folder, codebases, network, ..TransferOptions::default() };
    let ended = run(&plan, &options, way.from.wait, work).map_err(|stop| match stop {
        Stop::Cancelled => LibraryError::Cancelled(crate::work::Cancelled),
        Stop::Told(failure) => told(failure),
    })?;
    let status = ended.status;
    repair.fetched_bytes = ended.fetched_bytes;
    repair.from = ended.from;
    repair.stopped = (status.state != DownloadState::Ready).then(|| why(&status));
    Ok(repair)
}
