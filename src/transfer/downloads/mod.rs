//! The downloads of one library: the list of them, which run, and what is kept to go on after any stop.
//!
//! Owns the thread that starts, follows and stops the transfers of a library and saves how far they are. What a library
//! is comes in by [`Home`]: its database, the keys that are trusted, blocks of its packages.
//!
//! # A download from end to end
//!
//! 1. [`Downloads::look`] fetches the snapshot and the texts beside it (`offer`) and judges the seal.
//!    [`Downloads::add`] keeps them in secure storage, with a record in the database.
//! 2. The `keeper` gives it a turn; `begin` loads what is kept, or fetches it again, and starts the transfer.
//! 3. The keeper takes its state into the record, and its progress into the XML file. A stop in order is marked as one.
//! 4. *Ready*: a clean stop is marked, the engine ends.

mod add;
mod anew;
mod begin;
mod commands;
mod entry;
mod home;
mod keeper;
mod live;
mod network;
mod offer;
mod removing;
mod row;
mod saving;
mod strangers;

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::Sender;

use super::checkpoint::Checkpoints;
use super::secure_storage::SecureStorage;
use super::{NetworkOptions, Waker};
use crate::failure::Failure;
use crate::package::Sha256Digest;
use crate::package::download::DownloadId;
use crate::package::trust::KeyInfo;

pub use add::{NewDownload, OfferLook, OfferSeal};
pub use anew::NewSnapshot;
pub use home::Home;
pub use keeper::RUNNING_MOST;
pub use live::LiveDownload;
pub use row::DownloadRow;
pub use strangers::SetAside;

use keeper::{Command, Message};

/// Which downloads a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// All of the library that are wanted running.
    All,
    /// Only those that are added here.
    Own,
}

/// How the downloads of a library are run.
#[derive(Clone, Debug)]
pub struct DownloadsOptions {
    /// How the network is reached.
    pub network: NetworkOptions,
    /// Which run.
    pub runs: Runs,
    /// Keys that are trusted for this once, beside those of the user.
    pub also_trusted: Vec<KeyInfo>,
}

/// The downloads of a library. A cheap handle: nothing here but [`Downloads::look`], [`Downloads::add`],
/// [`Downloads::remove`], [`Downloads::register`] and [`Downloads::set_aside`] waits for a disk, the database or the network. Clones speak of the same.
#[derive(Clone)]
pub struct Downloads {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    home: Arc<dyn Home>,
    options: DownloadsOptions,
    messages: Sender<Message>,
    rows: Mutex<Arc<Vec<DownloadRow>>>,
    live: Mutex<HashMap<DownloadId, LiveDownload>>,
    waker: Mutex<Option<Waker>>,
    checkpoints: Mutex<Option<Arc<Checkpoints>>>,
    looked: Mutex<Vec<add::Looked>>,
    /// Whether somebody is asked before a snapshot that was published anew is taken.
    asks: AtomicBool,
    /// Whether the keeper was told that there is something to show, and has not looked yet.
    is_woken: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Downloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Downloads").finish_non_exhaustive()
    }
}

impl Downloads {
    /// Begins: reads the list, and starts what is wanted running.
    pub fn start(home: Arc<dyn Home>, options: DownloadsOptions) -> Result<Self, Failure> {
        let (messages, inbox) = crossbeam_channel::unbounded();
        let shared = Arc::new(Shared {
            home,
            options,
            messages,
            rows: Mutex::default(),
            live: Mutex::default(),
            waker: Mutex::new(None),
            checkpoints: Mutex::new(None),
            looked: Mutex::default(),
            asks: AtomicBool::new(false),
            is_woken: AtomicBool::new(false),
            thread: Mutex::new(None),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("downloads".to_owned())
            .spawn(move || keeper::run(&own, &inbox))
            .map_err(|error| super::TransferError::Setup(error.to_string()).explain())?;
        *lock(&shared.thread) = Some(thread);
        Ok(Self { shared })
    }

    /// Called whenever [`Downloads::rows`] has changed, at most about ten times a second.
    pub fn set_waker(&self, waker: Waker) {
        *lock(&self.shared.waker) = Some(waker);
    }

    /// Somebody is there who answers: a snapshot that was published anew is taken only after
    /// [`Downloads::take_new_snapshot`], and until then the download stands still. Otherwise it is taken at once, a
    /// lower revision never.
    pub fn ask_about_new_snapshots(&self) {
        self.shared.asks.store(true, std::sync::atomic::Ordering::Release);
    }

    /// *Continue with the new one*: goes on with the snapshot that [`DownloadRow::anew`] has shown, also where it is of
    /// a lower revision. Is there another one meanwhile, that is asked about again.
    pub fn take_new_snapshot(&self, id: DownloadId, digest: Sha256Digest) {
        self.command(id, Command::TakeNew(digest));
    }

    /// The newest picture of the list.
    pub fn rows(&self) -> Arc<Vec<DownloadRow>> {
        Arc::clone(&lock(&self.shared.rows))
    }

    /// The details of a download that has an engine in this program, or had one.
    pub fn live(&self, id: DownloadId) -> Option<LiveDownload> {
        lock(&self.shared.live).get(&id).cloned()
    }

    /// *Pause*: it stands still, also after a restart.
    pub fn pause(&self, id: DownloadId) {
        self.command(id, Command::Pause);
    }

    /// *Resume*: it goes on. One that is Invalid begins again.
    pub fn resume(&self, id: DownloadId) {
        self.command(id, Command::Resume);
    }

    /// *Retry now*: ends every wait.
    pub fn retry_now(&self, id: DownloadId) {
        self.command(id, Command::RetryNow);
    }

    /// Reads a block again, or all of the folder, and fetches what is not right any more.
    pub fn check_again(&self, id: DownloadId, block: Option<usize>) {
        self.command(id, Command::CheckAgain(block));
    }

    /// Fetches a block again, whatever is there.
    pub fn fetch_again(&self, id: DownloadId, block: usize) {
        self.command(id, Command::FetchAgain(block));
    }

    /// Changes the rate limit in bytes a second; `None` for none.
    pub fn set_limit(&self, id: DownloadId, bytes_per_s: Option<u64>) {
        self.command(id, Command::Limit(bytes_per_s));
    }

    /// Changes how many connections there may be at once.
    pub fn set_connections(&self, id: DownloadId, connections: u32) {
        self.command(id, Command::Connections(connections));
    }

    /// The network came back: every wait ends.
    pub fn network_is_back(&self) {
        self.shared.send(Message::NetworkIsBack);
    }

    /// Stops every transfer in order and marks how far it is; waits for it. Nothing runs here any more afterwards.
    pub fn stop(&self) {
        self.shared.send(Message::Stop);
        let thread = lock(&self.shared.thread).take();
        if let Some(thread) = thread {
            thread.join().ok();
        }
    }

    fn command(&self, id: DownloadId, command: Command) {
        self.shared.send(Message::Command(id, command));
    }
}

impl Shared {
    fn send(&self, message: Message) {
        // After the end there is nobody who could do it, and nothing to be done.
        self.messages.send(message).ok();
    }

    /// The keys that are believed.
    fn keys(&self) -> Result<Vec<KeyInfo>, Failure> {
        let mut keys = self.options.also_trusted.clone();
        keys.extend(self.home.keys()?);
        Ok(keys)
    }

    /// The checkpoints of the library, with secure storage opened when it is first needed.
    fn checkpoints(&self) -> Result<Arc<Checkpoints>, Failure> {
        let mut kept = lock(&self.checkpoints);
        if let Some(checkpoints) = &*kept {
            return Ok(Arc::clone(checkpoints));
        }
        let opened = home::with_database(&*self.home, |catalogue| {
            SecureStorage::open(self.home.keys_folder(), catalogue, &self.home.owner())
        })?;
        let secure = opened.map_err(|error| error.explain())?;
        let checkpoints = Arc::new(Checkpoints::new(self.home.folder(), secure));
        *kept = Some(Arc::clone(&checkpoints));
        Ok(checkpoints)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
