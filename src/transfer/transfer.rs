//! The handle of a running transfer: starts its threads, takes commands, tells how it stands, stops it in order.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::bits::Bits;
use super::clock::{Clock, SystemClock};
use super::codebase::{BlockRequest, BlockSource, CodebaseAddress, codebases};
use super::desk::{BlockNote, Desk, Event, TransferStatus};
use super::error::TransferError;
use super::fetch::run_line;
use super::hints::{FileHint, Hints};
use super::http::{self, NetworkOptions};
use super::plan::Plan;
use super::prover;
use super::retry::Ladder;
use super::shared::{Shared, Waker};
use super::stamps::{Looks, Stamps};
use super::state::{DownloadState, Happening};
use super::storage::{FolderStorage, NotOurs, Storage, StorageWrap, with_all_above};
use super::survey::{self, Found};
use super::throttle::Throttle;
use super::verified::{BufferPool, IncomingBlock, Origin, prove};
use super::writer::{self, FILES_FOR_ALL};
use crate::disk::queue::work_through;
use crate::disk::{Kind, Root};
use crate::package::{BlockBoard, BlockState};
use crate::work::{Progress, Work};

/// Connections unless told otherwise.
pub const CONNECTIONS: usize = 4;
/// Most connections.
pub const CONNECTIONS_MOST: usize = 64;

/// How a transfer is to be done.
#[derive(Clone, Default)]
pub struct TransferOptions {
    /// Where the files go; made where it is not there.
    pub folder: PathBuf,
    /// Where they come from, beside the mirrors of the plan.
    pub codebases: Vec<CodebaseAddress>,
    /// Sources asked first for each missing block, by its hash: other packages. What they give is not fetched.
    pub reuse: Vec<Arc<dyn BlockSource>>,
    /// Connections at once; [`CONNECTIONS`] where it is 0.
    pub connections: usize,
    /// Rate limit in bytes a second.
    pub limit_bytes_per_second: Option<u64>,
    /// The waits while nothing arrives.
    pub ladder: Ladder,
    /// What was known when a transfer into this folder stopped.
    pub hints: Option<Hints>,
    /// Proxy, certificates, name, time-out.
    pub network: NetworkOptions,
    /// The time; the system's where there is none.
    pub clock: Option<Arc<dyn Clock>>,
    /// Stands between the engine and its folder, in tests.
    pub wrap_storage: Option<StorageWrap>,
    /// Begins paused: nothing is read or fetched before [`Transfer::resume`].
    pub paused: bool,
}

/// A running transfer. Dropping it stops it in order.
pub struct Transfer {
    shared: Arc<Shared>,
    work: Work,
    folder: PathBuf,
    running: Mutex<Option<Running>>,
}

struct Running {
    runtime: Runtime,
    survey: JoinHandle<()>,
    provers: Vec<JoinHandle<()>>,
    writer: Vec<JoinHandle<()>>,
    lines: usize,
}

impl Transfer {
    /// Takes the folder, and begins.
    pub fn start(plan: Plan, options: TransferOptions, waker: Waker) -> Result<Self, TransferError> {
        let folder = options.folder.clone();
        let storage = FolderStorage::own(&folder).map_err(|refused| match refused {
            NotOurs::InUse => TransferError::FolderInUse(folder.clone()),
            NotOurs::Io(source) => TransferError::Folder { folder: folder.clone(), source },
        })?;
        let codebases = codebases(&options.codebases, &plan);
        if codebases.is_empty() && plan.blocks() > 0 && options.reuse.is_empty() {
            return Err(TransferError::NoCodebase);
        }
        let mut storage: Arc<dyn Storage> = Arc::new(storage);
        if let Some(wrap) = &options.wrap_storage {
            storage = wrap(storage);
        }
        let clock = options.clock.clone().unwrap_or_else(|| Arc::new(SystemClock::default()));
        let web = http::client(&options.network)?;
        let setup = |error: std::io::Error| TransferError::Setup(error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            // Each takes some megabytes for what it reads ahead, and one alone receives more than a gigabyte a second.
            .worker_threads(prover::threads().min(2))
            .thread_name("transfer-net")
            .enable_all()
            .build()
            .map_err(setup)?;
        let plan = Arc::new(plan);
        let board = Arc::new(BlockBoard::new(plan.blocks()));
        let connections = if options.connections == 0 { CONNECTIONS } else { options.connections };
        let connections = connections.min(CONNECTIONS_MOST);
        let mut desk =
            Desk::new(Arc::clone(&plan), Arc::clone(&board), codebases, options.ladder.clone(), connections);
        if let Some(hints) = &options.hints {
            remember_etags(&mut desk, hints);
        }
        let (blocks, to_prove) = crossbeam_channel::unbounded();
        let (messages, inbox) = crossbeam_channel::unbounded();
        let shared = Arc::new(Shared {
            pool: BufferPool::new(plan.largest_block_bytes()),
            throttle: Throttle::new(options.limit_bytes_per_second, clock.now()),
            plan,
            board,
            desk: Mutex::new(desk),
            changed: std::sync::Condvar::new(),
            kick: tokio::sync::watch::Sender::new(0),
            halt: tokio::sync::watch::Sender::new(0),
            clock,
            waker,
            woken_at: Mutex::new(Duration::ZERO),
            web,
            prover: blocks,
            writer: messages,
            storage,
            stamps: Stamps::default(),
        });
        let work = Work::new();
        shared.with(|desk, at| desk.happen(Happening::Started, at));
        if options.paused {
            work.pause();
            shared.with(|desk, at| desk.pause(at));
        }
        let writer = writer::start(&shared, inbox).map_err(setup)?;
        let provers = prover::start(&shared, &to_prove).map_err(setup)?;
        let survey = Survey {
            shared: Arc::clone(&shared),
            work: work.clone(),
            folder: folder.clone(),
            hints: options.hints,
            reuse: options.reuse,
            runtime: runtime.handle().clone(),
        };
        let survey = std::thread::Builder::new()
            .name("transfer-survey".into())
            .spawn(move || survey.run())
            .map_err(setup)?;
        for line in 0..connections {
            runtime.spawn(run_line(Arc::clone(&shared), line));
        }
        let running = Mutex::new(Some(Running { runtime, survey, provers, writer, lines: connections }));
        Ok(Self { shared, work, folder, running })
    }

    /// How it stands.
    pub fn status(&self) -> TransferStatus {
        let at = self.shared.moment();
        self.shared.lock().status(self.shared.throttle.limit(), at)
    }

    /// How far the survey is, while the state is Checking.
    pub fn survey_progress(&self) -> Progress {
        self.work.progress()
    }

    /// What is being fetched.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.shared.plan
    }

    /// The folder the files go to.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The state of every block.
    pub fn board(&self) -> Arc<BlockBoard> {
        Arc::clone(&self.shared.board)
    }

    /// What happened to a block that had trouble; nothing for one that came right at once.
    pub fn notes(&self, block: usize) -> Vec<BlockNote> {
        self.shared.lock().notes(block)
    }

    /// What happened, oldest first; the last 500.
    pub fn events(&self) -> Vec<Event> {
        self.shared.lock().events()
    }

    /// Stops fetching and reading; what is on its way is dropped.
    pub fn pause(&self) {
        self.work.pause();
        self.shared.with_kick(|desk, at| desk.pause(at));
    }

    /// Goes on after [`Transfer::pause`].
    pub fn resume(&self) {
        self.work.resume();
        self.shared.with_kick(|desk, at| desk.resume(at));
    }

    /// *Retry now*: ends every wait.
    pub fn retry_now(&self) {
        self.shared.with_kick(|desk, at| desk.retry_now(at));
    }

    /// The network came back: as [`Transfer::retry_now`], and the ladder of waits begins anew where that fails once more.
    pub fn network_is_back(&self) {
        self.shared.with_kick(|desk, at| desk.network_is_back(at));
    }

    /// Changes the rate limit; `None` for none.
    pub fn set_limit(&self, bytes_per_second: Option<u64>) {
        self.shared.throttle.set(bytes_per_second, self.shared.clock.now());
        self.shared.with(|desk, _| desk.version += 1);
    }

    /// Changes how many connections there are, 1 to [`CONNECTIONS_MOST`].
    pub fn set_connections(&self, connections: usize) {
        let connections = connections.clamp(1, CONNECTIONS_MOST);
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = running.as_mut() else { return };
        let before = self.shared.with_kick(|desk, _| {
            desk.version += 1;
            std::mem::replace(&mut desk.connections, connections)
        });
        // Lines above the number end by themselves when their turn ends; those that are there already are not doubled.
        for line in before.min(running.lines)..connections {
            running.runtime.spawn(run_line(Arc::clone(&self.shared), line));
        }
        running.lines = connections;
    }

    /// Reads a block again and hashes it; where it does not match any more it is fetched. Returns when it was read.
    pub fn check_again(&self, block: usize) -> std::io::Result<bool> {
        let plan = &self.shared.plan;
        let Some(place) = plan.place(block).filter(|_| self.shared.lock().proven.get(block)) else {
            return Ok(false);
        };
        let file = Root::open(&self.folder)?.open_file(&plan.files()[place.file].path, false);
        let right = match file {
            Ok(file) => survey::is_right(&file, &place, &Work::new())?,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !right {
            self.shared.with_kick(|desk, at| desk.forget(block, true, at));
        }
        Ok(right)
    }

    /// Fetches a block again, whatever is there.
    pub fn fetch_again(&self, block: usize) {
        self.shared.with_kick(|desk, at| desk.forget(block, false, at));
    }

    /// Waits until `is_so`, or until the time is over; gives how it stands then, and whether it is so.
    pub fn wait(
        &self,
        timeout: Duration,
        mut is_so: impl FnMut(&TransferStatus) -> bool,
    ) -> (TransferStatus, bool) {
        let end = Instant::now() + timeout;
        let mut desk = self.shared.lock();
        loop {
            let status = desk.status(self.shared.throttle.limit(), self.shared.moment());
            let left = end.saturating_duration_since(Instant::now());
            if is_so(&status) {
                return (status, true);
            }
            if left.is_zero() {
                return (status, false);
            }
            desk = self.shared.changed.wait_timeout(desk, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Stops in order: what was written is synced, all threads end, the folder is free. Files stay as they are. Must not
    /// be called from within an async task.
    pub fn stop(&self) {
        let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        self.shared.with_kick(|desk, _| desk.stopping = true);
        self.shared.halt.send_modify(|count| *count += 1);
        self.work.cancel();
        running.survey.join().ok();
        // Readings of a slow share may still hold a thread; nothing waits for them.
        running.runtime.shutdown_timeout(Duration::from_secs(2));
        let mut in_order = true;
        for _ in &running.provers {
            self.shared.prover.send(prover::Message::Stop).ok();
        }
        for thread in running.provers {
            in_order &= thread.join().is_ok();
        }
        self.shared.writer.send(writer::Message::Stop).ok();
        for thread in running.writer {
            in_order &= thread.join().is_ok();
        }
        // What was on its way is not any more.
        let board = &self.shared.board;
        for block in 0..board.len() {
            if matches!(board.state(block), Some(BlockState::Downloading | BlockState::Checking)) {
                board.mark(block, BlockState::Missing);
            }
        }
        self.shared.with(|desk, _| {
            desk.stopped = in_order;
            desk.version += 1;
        });
        self.shared.storage.release();
    }

    /// What is known now, for the next start. Only after [`Transfer::stop`], or when it is Ready, is it a clean stop.
    pub fn facts(&self) -> Hints {
        let (proven, wholes, clean_stop) = {
            let desk = self.shared.lock();
            let wholes = desk.wholes.clone();
            (desk.proven.clone(), wholes, desk.stopped || desk.state == DownloadState::Ready)
        };
        let mut hints = Hints { clean_stop, ..Hints::default() };
        let Ok(root) = Root::open(&self.folder) else { return hints };
        let plan = &self.shared.plan;
        for (index, file) in plan.files().iter().enumerate() {
            let blocks = plan.blocks_of(index);
            let etag = wholes.get(&index).and_then(|whole| whole.etag.clone());
            if proven.next(blocks.start).is_none_or(|first| first >= blocks.end) && etag.is_none() {
                continue;
            }
            let Ok(facts) = root.facts(&file.path, false) else { continue };
            // What somebody else changed since is hashed again.
            if facts.kind != Kind::File || self.shared.stamps.trusted(index) != Some(Looks::of(&facts)) {
                continue;
            }
            let mut bits = Bits::new(blocks.len(), false);
            for block in blocks.clone().filter(|block| proven.get(*block)) {
                bits.put(block - blocks.start, true);
            }
            let hint = FileHint { size_bytes: facts.size_bytes, stamp: facts.stamp, proven: bits, etag };
            hints.files.insert(file.path.to_string(), hint);
        }
        hints
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The ETags under which unproven files were begun.
fn remember_etags(desk: &mut Desk, hints: &Hints) {
    for (index, file) in desk.plan.files().iter().enumerate().filter(|(_, file)| file.is_unproven) {
        if let Some(hint) = hints.files.get(&*file.path) {
            desk.wholes.entry(index).or_default().etag.clone_from(&hint.etag);
        }
    }
}

/// The thread that looks through the folder, and takes what other packages have.
struct Survey {
    shared: Arc<Shared>,
    work: Work,
    folder: PathBuf,
    hints: Option<Hints>,
    reuse: Vec<Arc<dyn BlockSource>>,
    runtime: tokio::runtime::Handle,
}

impl Survey {
    fn run(self) {
        let Self { shared, work, folder, hints, .. } = &self;
        // A pause before the beginning.
        if work.pace(0).is_err() {
            return;
        }
        let found = survey::survey(folder, &shared.plan, hints.as_ref(), &shared.board, work);
        let Ok(mut found) = found else { return };
        for (file, looks) in found.looks.drain(..) {
            shared.stamps.hashed(file, looks);
        }
        if !found.proven.is_empty() && self.sync_kept(&found).is_err() {
            // What matches may still be thrown away by the disk: nothing of it is believed.
            for block in found.proven.drain(..) {
                shared.board.mark(block, BlockState::Missing);
            }
        }
        for file in &found.too_long {
            let size_bytes = shared.plan.files()[*file].size_bytes;
            shared.writer.send(writer::Message::Length { file: *file, size_bytes }).ok();
        }
        shared
            .writer
            .send(writer::Message::WronglyExecutable(std::mem::take(&mut found.wrongly_executable)))
            .ok();
        let taken = self.reuse(&found);
        // Paused meanwhile: the state of Checking ends when it goes on.
        if work.pace(0).is_err() {
            return;
        }
        let finish = shared.with_kick(|desk, at| {
            desk.surveyed(found, &taken, at);
            desk.begin_finishing()
        });
        if finish {
            shared.writer.send(writer::Message::Finish).ok();
        }
    }

    /// What was found may have been written by a program that was killed, and lie in memory only: it is brought to the
    /// disk before anything says that it is there.
    fn sync_kept(&self, found: &Found) -> std::io::Result<()> {
        let shared = &self.shared;
        let mut files: Vec<usize> =
            found.proven.iter().filter_map(|block| shared.plan.file_of(*block)).collect();
        files.sort_unstable();
        files.dedup();
        if files.len() > FILES_FOR_ALL {
            match shared.storage.sync_all() {
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                synced => return synced,
            }
        }
        let unless_read_only =
            |synced: std::io::Result<()>| match synced.map_err(|error| (error.kind(), error)) {
                // Nobody can have written to it lately.
                Err((ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem, _)) | Ok(()) => Ok(()),
                Err((_, error)) => Err(error),
            };
        let paths = || files.iter().map(|file| &*shared.plan.files()[*file].path);
        paths()
            .try_for_each(|path| unless_read_only(shared.storage.open(path).and_then(|file| file.sync())))?;
        unless_read_only(shared.storage.sync_folders(&with_all_above(paths())))
    }

    /// Takes missing blocks from other packages.
    fn reuse(&self, found: &Found) -> Bits {
        let shared = &self.shared;
        let blocks = shared.plan.blocks();
        if self.reuse.is_empty() {
            return Bits::new(blocks, false);
        }
        let mut missing = Bits::new(blocks, true);
        for block in &found.proven {
            missing.put(*block, false);
        }
        let mut units: Vec<usize> = (0..blocks).filter(|block| missing.get(*block)).collect();
        units.reverse();
        let workers = work_through(units, Vec::new, |taken, block, queue| {
            if self.work.pace(0).is_err() {
                queue.stop();
                return;
            }
            if self.reuse_block(block) {
                taken.push(block);
            }
        });
        let mut taken = Bits::new(blocks, false);
        for block in workers.into_iter().flatten() {
            taken.put(block, true);
        }
        taken
    }

    fn reuse_block(&self, block: usize) -> bool {
        let shared = &self.shared;
        let Some(place) = shared.plan.place(block) else { return false };
        let file = &shared.plan.files()[place.file];
        if file.is_unproven {
            return false;
        }
        for source in &self.reuse {
            let buffer = self.runtime.block_on(shared.pool.buffer(place.size_bytes));
            let mut incoming = IncomingBlock::new(block, place, buffer, Origin::Reused);
            let request = BlockRequest { path: &file.path, place };
            let mut has = false;
            let read = incoming.fill(|room| source.read(request, room).map(|found| has = found));
            if read.is_ok()
                && has
                && let Some(Ok(verified)) = prove(vec![incoming]).pop()
            {
                shared.with(|desk, at| desk.matched(block, Origin::Reused, at));
                shared.writer.send(writer::Message::Block(verified)).ok();
                return true;
            }
        }
        false
    }
}
