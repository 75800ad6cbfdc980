//! Joins the downloads of a library with the library: its database, its keys, blocks of its packages.
//!
//! Owns when the downloads of a session begin and end. What a download is stands in [`crate::transfer`].

use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Downloads, NetworkOptions, Runs, Session};
use crate::disk::open_plain;
use crate::failure::{Class, Failure};
use crate::library::{KeyInfo, Library, LibraryError, RegisterRequest};
use crate::package::download::DownloadRecord;
use crate::package::record::PackageId;
use crate::package::{PackageKey, PackageState, Sha256Digest};
use crate::store::Catalogue;
use crate::transfer::downloads::{DownloadsOptions, Home};
use crate::transfer::{BlockRequest, BlockSource, Plan};
use crate::work::Work;

/// How long other packages are looked through for equal blocks; those of the same name are looked through in any case.
const LOOK_FOR_EQUAL: Duration = Duration::from_secs(2);

/// How a session runs downloads.
#[derive(Clone, Debug)]
pub struct DownloadsSetting {
    /// How the network is reached.
    pub network: NetworkOptions,
    /// Whether those of the list go on here, or only those that are added here.
    pub runs: Runs,
    /// Keys that are trusted for this once: text (RW…), a `.pub` file, or a name.
    pub trust: Vec<String>,
}

impl Default for DownloadsSetting {
    fn default() -> Self {
        Self { network: NetworkOptions::default(), runs: Runs::All, trust: Vec::new() }
    }
}

/// The downloads of a session, once they were asked for. Dropped, they stop in order.
#[derive(Default)]
pub(super) struct Slot {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    setting: DownloadsSetting,
    also_trusted: Vec<KeyInfo>,
    running: Option<Downloads>,
    /// Nothing begins for now: the library is being moved.
    is_held: bool,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(running) = self.lock().running.take() {
            running.stop();
        }
    }
}

impl Session {
    /// The downloads of the library; the first call lets them begin. `None` where nothing can be written. Cheap.
    pub fn downloads(&self) -> Option<Downloads> {
        if self.is_read_only() {
            return None;
        }
        let mut state = self.shared.downloads.lock();
        if state.is_held {
            return None;
        }
        if let Some(running) = &state.running {
            return Some(running.clone());
        }
        let home = Arc::new(LibraryHome::of(self));
        let options = DownloadsOptions {
            network: state.setting.network.clone(),
            runs: state.setting.runs,
            also_trusted: state.also_trusted.clone(),
        };
        match Downloads::start(home, options) {
            Ok(running) => {
                state.running = Some(running.clone());
                Some(running)
            }
            Err(failure) => {
                tracing::error!(%failure, "the downloads cannot begin");
                None
            }
        }
    }

    /// Says how downloads are run, before they are first asked for; those that run already are stopped in order first.
    pub fn set_downloads(&self, setting: DownloadsSetting) -> Result<(), Failure> {
        let keys = self.library().keys();
        let also_trusted: Result<Vec<KeyInfo>, LibraryError> =
            setting.trust.iter().map(|text| keys.resolve(text)).collect();
        let also_trusted = also_trusted.map_err(|error| error.explain())?;
        self.stop_downloads();
        let mut state = self.shared.downloads.lock();
        state.setting = setting;
        state.also_trusted = also_trusted;
        Ok(())
    }

    /// How downloads are run.
    pub fn downloads_setting(&self) -> DownloadsSetting {
        self.shared.downloads.lock().setting.clone()
    }

    /// Stops every download in order; the next [`Session::downloads`] lets them go on. Waits for it.
    pub fn stop_downloads(&self) {
        let running = self.shared.downloads.lock().running.take();
        if let Some(running) = running {
            running.stop();
        }
    }

    /// Does `work` while nothing is downloaded; what was stopped for it goes on with the next [`Session::downloads`].
    pub(super) fn without_downloads<T>(&self, work: impl FnOnce() -> T) -> T {
        let running = {
            let mut state = self.shared.downloads.lock();
            state.is_held = true;
            state.running.take()
        };
        if let Some(running) = running {
            running.stop();
        }
        let done = work();
        self.shared.downloads.lock().is_held = false;
        done
    }

    pub(super) fn library(&self) -> &Library {
        &self.shared.library
    }
}

/// The downloads, or why there are none.
pub(super) fn of_writable(session: &Session) -> Result<Downloads, Failure> {
    session.downloads().ok_or_else(|| {
        Failure::new(
            "read-only",
            Class::Refused,
            "nothing can be downloaded: the library can only be read here",
            "Open it where it can be written",
        )
    })
}

/// A library as its downloads see it.
pub(super) struct LibraryHome {
    library: Arc<Library>,
    /// A connection of its own, so that a long operation of the library keeps no download waiting.
    own: Mutex<Option<Catalogue>>,
}

impl Home for LibraryHome {
    fn folder(&self) -> &Path {
        self.library.root()
    }

    fn keys_folder(&self) -> &Path {
        self.library.keys().folder()
    }

    fn downloads_folder(&self) -> PathBuf {
        self.library.downloads_folder()
    }

    fn user(&self) -> String {
        self.library.actor().who.clone()
    }

    fn owner(&self) -> String {
        let actor = self.library.actor();
        format!("{}@{}", actor.who, actor.host)
    }

    fn database(&self, work: &mut dyn FnMut(&mut Catalogue)) -> Result<(), Failure> {
        if self.library.is_on_share() {
            work(&mut self.library.catalogue());
            return Ok(());
        }
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none() {
            *own = self.library.own_catalogue().map_err(|error| error.explain())?;
        }
        match &mut *own {
            Some(catalogue) => work(catalogue),
            None => work(&mut self.library.catalogue()),
        }
        Ok(())
    }

    fn keys(&self) -> Result<Vec<KeyInfo>, Failure> {
        self.library.keys().list().map_err(|error| error.explain())
    }

    fn block_sources(&self, package: Option<&PackageKey>, plan: &Plan) -> Vec<Arc<dyn BlockSource>> {
        match self.equal_blocks(package, plan) {
            Ok(equal) if equal.places.is_empty() => Vec::new(),
            Ok(equal) => vec![Arc::new(equal)],
            Err(failure) => {
                // Then they are fetched.
                tracing::warn!(%failure, "the library was not looked through for equal blocks");
                Vec::new()
            }
        }
    }

    fn register(&self, download: &DownloadRecord, group: Option<&str>) -> Result<PackageKey, Failure> {
        if let Some(id) = download.package
            && let Some(known) = self.known(id)?
        {
            return Ok(known);
        }
        let mut request = RegisterRequest::new(vec![download.folder.clone()]);
        request.group = group.map(str::to_owned);
        let registered = self.library.register(&request, &Work::new()).map_err(|error| error.explain())?;
        Ok(registered.record.key)
    }
}

impl LibraryHome {
    /// The library of this session.
    pub(super) fn of(session: &Session) -> Self {
        Self { library: Arc::clone(&session.shared.library), own: Mutex::new(None) }
    }

    /// The package of this id, if the library has it.
    fn known(&self, id: PackageId) -> Result<Option<PackageKey>, Failure> {
        match self.library.record(id) {
            Ok(record) => Ok(Some(record.key)),
            Err(LibraryError::NotFound(_)) => Ok(None),
            Err(error) => Err(error.explain()),
        }
    }

    /// Where blocks of the plan lie in packages of the library: first in those of the same name, then in others.
    fn equal_blocks(&self, package: Option<&PackageKey>, plan: &Plan) -> Result<EqualBlocks, Failure> {
        let wanted: HashSet<Sha256Digest> =
            (0..plan.blocks()).filter_map(|block| plan.place(block)).map(|place| place.hash).collect();
        let mut equal = EqualBlocks::default();
        if wanted.is_empty() {
            return Ok(equal);
        }
        let name = package.map(|key| key.name().to_lowercase());
        let mut packages = self.library.list().map_err(|error| error.explain())?;
        packages.retain(|package| package.state != PackageState::Archived);
        packages.sort_by_key(|one| (Some(one.key.name().to_lowercase()) != name, one.id));
        let begun = Instant::now();
        for one in packages {
            let is_same_product = Some(one.key.name().to_lowercase()) == name;
            if equal.places.len() == wanted.len() || !is_same_product && begun.elapsed() > LOOK_FOR_EQUAL {
                break;
            }
            let manifest = match self.library.recorded_manifest(one.id) {
                Ok(manifest) => manifest,
                // Removed meanwhile.
                Err(_) => continue,
            };
            let data = self.library.data_folder(&one.key);
            let block_bytes = manifest.block_size().bytes();
            for file in manifest.iter() {
                let Some(hashes) = file.hashes else { continue };
                let mut number = None;
                let blocks =
                    hashes.blocks.iter().enumerate().map(|(nth, hash)| (nth as u64 * block_bytes, hash));
                // A whole file may be one block elsewhere.
                for (offset_bytes, hash) in blocks.chain(std::iter::once((0, &hashes.file))) {
                    if wanted.contains(hash) && !equal.places.contains_key(hash) {
                        let number = *number.get_or_insert_with(|| {
                            equal.files.push(data.join(file.path));
                            equal.files.len() - 1
                        });
                        equal.places.insert(*hash, (number, offset_bytes));
                    }
                }
            }
        }
        Ok(equal)
    }
}

/// Blocks that lie in packages of the library. What is read is hashed like what a server sends.
#[derive(Default)]
struct EqualBlocks {
    files: Vec<PathBuf>,
    /// By hash: number of the file, and where in it.
    places: HashMap<Sha256Digest, (usize, u64)>,
}

impl BlockSource for EqualBlocks {
    fn name(&self) -> String {
        "packages of this library".to_owned()
    }

    fn read(&self, block: BlockRequest<'_>, room: &mut [u8]) -> io::Result<bool> {
        let Some((number, offset_bytes)) = self.places.get(&block.place.hash) else { return Ok(false) };
        let Some(path) = self.files.get(*number) else { return Ok(false) };
        let mut file = match open_plain(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        file.seek(io::SeekFrom::Start(*offset_bytes))?;
        match file.read_exact(room) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            read => read.map(|()| true),
        }
    }
}
