//! A disk that fails: each call of the folder in turn, a full disk, a sync that fails and forgets.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use packhouse::transfer::{
    DownloadState, Looks, Plan, PlannedFile, RetryReason, Storage, StorageWrap, StoredFile,
};

use crate::desk::{
    BLOCK, LONG, Outcome, noise, options, origin_of, plan_of, planned, same, sample, start, until, web,
};

/// What a call does instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Open,
    Write,
    Sync,
    SyncAll,
    SyncFolders,
    SetLen,
    Mode,
    Looks,
    Detach,
}

const CALLS: [Call; 9] = [
    Call::Open,
    Call::Write,
    Call::Sync,
    Call::SyncAll,
    Call::SyncFolders,
    Call::SetLen,
    Call::Mode,
    Call::Looks,
    Call::Detach,
];

/// A folder of which calls can be made to fail.
struct Faulty {
    inner: Arc<dyn Storage>,
    plan: Arc<Faults>,
}

struct Faults {
    /// Says which error a call has, by its kind and number.
    judge: Box<dyn Fn(Call, usize) -> Option<io::Error> + Send + Sync>,
    counts: [AtomicUsize; CALLS.len()],
    /// Where a failed sync throws away what was written, as a disk may.
    forget: Option<PathBuf>,
}

impl Faults {
    fn new(judge: impl Fn(Call, usize) -> Option<io::Error> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { judge: Box::new(judge), counts: Default::default(), forget: None })
    }

    fn call(&self, call: Call) -> io::Result<()> {
        let number = self.counts[call as usize].fetch_add(1, Ordering::SeqCst);
        (self.judge)(call, number).map_or(Ok(()), Err)
    }

    fn count(&self, call: Call) -> usize {
        self.counts[call as usize].load(Ordering::SeqCst)
    }

    fn wrap(self: &Arc<Self>) -> StorageWrap {
        let plan = Arc::clone(self);
        Arc::new(move |inner| Arc::new(Faulty { inner, plan: Arc::clone(&plan) }))
    }
}

struct FaultyFile {
    inner: Arc<dyn StoredFile>,
    plan: Arc<Faults>,
}

impl Storage for Faulty {
    fn open(&self, path: &str) -> io::Result<Arc<dyn StoredFile>> {
        self.plan.call(Call::Open)?;
        Ok(Arc::new(FaultyFile { inner: self.inner.open(path)?, plan: Arc::clone(&self.plan) }))
    }
    fn looks(&self, path: &str) -> io::Result<Looks> {
        self.plan.call(Call::Looks)?;
        self.inner.looks(path)
    }
    fn detach(&self, path: &str) -> io::Result<()> {
        self.plan.call(Call::Detach)?;
        self.inner.detach(path)
    }
    fn sync_all(&self) -> io::Result<()> {
        self.plan.call(Call::SyncAll)?;
        self.inner.sync_all()
    }
    fn sync_folders(&self, paths: &[String]) -> io::Result<()> {
        self.plan.call(Call::SyncFolders)?;
        self.inner.sync_folders(paths)
    }
    fn release(&self) {
        self.inner.release();
    }
    fn free_bytes(&self) -> Option<u64> {
        self.inner.free_bytes()
    }
}

impl StoredFile for FaultyFile {
    fn write_at(&self, bytes: &[u8], offset_bytes: u64) -> io::Result<()> {
        self.plan.call(Call::Write)?;
        self.inner.write_at(bytes, offset_bytes)
    }
    fn set_len(&self, size_bytes: u64) -> io::Result<()> {
        self.plan.call(Call::SetLen)?;
        self.inner.set_len(size_bytes)
    }
    fn allocate(&self, offset_bytes: u64, size_bytes: u64) {
        self.inner.allocate(offset_bytes, size_bytes);
    }
    fn sync(&self) -> io::Result<()> {
        if let Err(error) = self.plan.call(Call::Sync) {
            if let Some(path) = &self.plan.forget {
                // What was not synced is lost, and the next sync will say that all is well.
                let size = File::open(path)?.metadata()?.len();
                File::create(path)?.set_len(size)?;
            }
            return Err(error);
        }
        self.inner.sync()
    }
    fn set_executable(&self, executable: bool) -> io::Result<()> {
        self.plan.call(Call::Mode)?;
        self.inner.set_executable(executable)
    }
    fn file(&self) -> &File {
        self.inner.file()
    }
}

/// The n-th call of each kind fails once: the download waits, goes on, and is right.
#[test]
fn each_call_may_fail_once() -> Outcome {
    for call in CALLS {
        // Many files are synced together, and once only.
        let (count, most) = match call {
            Call::SyncAll => (60, 0),
            Call::SyncFolders => (6, 0),
            _ => (6, 3),
        };
        for fails in 0..=most {
            let (dir, files) = (tempfile::tempdir()?, sample_of(count));
            let origin = origin_of(&files);
            // Too long, so that its end is cut off.
            std::fs::create_dir(dir.path().join("data"))?;
            std::fs::write(dir.path().join(&files[3].0), [&files[3].1, b"more".as_slice()].concat())?;
            let faults = Faults::new(move |asked, number| {
                (asked == call && number == fails).then(|| io::Error::other("the disk is tired"))
            });
            let mut options = options(dir.path(), vec![web(&origin)]);
            options.wrap_storage = Some(faults.wrap());
            let planned = files
                .iter()
                .map(|(path, content)| PlannedFile { executable: true, ..planned(path, content, BLOCK) });
            let transfer = start(Plan::new(planned.collect(), Vec::new())?, options);
            loop {
                let (_, ready) =
                    transfer.wait(std::time::Duration::from_millis(50), |s| s.state == DownloadState::Ready);
                if ready {
                    break;
                }
                transfer.retry_now();
            }
            same(dir.path(), &files);
            assert!(faults.count(call) > fails, "{call:?} was called {} times", faults.count(call));
        }
    }
    Ok(())
}

/// Some files of two blocks, an empty one among them.
fn sample_of(count: usize) -> Vec<(String, Vec<u8>)> {
    let size = |n: usize| if n == 2 { 0 } else { BLOCK as usize + 9 };
    (0..count).map(|n| (format!("data/{n}"), noise(n as u64, size(n)))).collect()
}

#[test]
fn a_full_disk_is_waited_for() -> Outcome {
    let (files, dir) = (sample(2), tempfile::tempdir()?);
    let origin = origin_of(&files);
    let full = Arc::new(AtomicBool::new(true));
    let is_full = Arc::clone(&full);
    let faults = Faults::new(move |call, number| {
        let fails = call == Call::Write && number > 3 && is_full.load(Ordering::SeqCst);
        fails.then(|| io::ErrorKind::StorageFull.into())
    });
    let clock = Arc::new(packhouse::transfer::ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
    let mut options = options(dir.path(), vec![web(&origin)]);
    options.wrap_storage = Some(faults.wrap());
    options.clock = Some(Arc::clone(&clock) as _);
    let transfer = start(plan_of(&files), options);
    let status = until(&transfer, DownloadState::Retrying);
    assert_eq!(status.retry_reason, Some(RetryReason::DiskFull));
    assert_eq!(status.codebases[0].score_percent, 100, "no codebase is to blame");
    full.store(false, Ordering::SeqCst);
    // Goes on by itself.
    clock.advance(std::time::Duration::from_secs(5));
    until(&transfer, DownloadState::Ready);
    same(dir.path(), &files);
    Ok(())
}

/// A sync that fails has thrown away what was written before it, whatever the next one says.
#[test]
fn after_a_failed_sync_everything_since_the_last_good_one_comes_again() -> Outcome {
    let files = vec![("a".to_owned(), noise(3, 40 * BLOCK as usize))];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let failed = Arc::new(AtomicBool::new(false));
    let once = Arc::clone(&failed);
    let mut faults = Faults {
        judge: Box::new(move |call, number| {
            let fails = call == Call::Sync && number == 0;
            once.fetch_or(fails, Ordering::SeqCst);
            fails.then(|| io::Error::from_raw_os_error(5))
        }),
        counts: Default::default(),
        forget: None,
    };
    faults.forget = Some(dir.path().join("a"));
    let faults = Arc::new(faults);
    let mut options = options(dir.path(), vec![web(&origin)]);
    options.wrap_storage = Some(faults.wrap());
    let transfer = start(plan_of(&files), options);
    let (status, stuck) = transfer.wait(LONG, |s| s.state == DownloadState::Retrying);
    assert!(stuck && matches!(status.retry_reason, Some(RetryReason::Disk { .. })), "{status:?}");
    transfer.retry_now();
    until(&transfer, DownloadState::Ready);
    assert!(failed.load(Ordering::SeqCst));
    same(dir.path(), &files);
    Ok(())
}

/// Nothing says verified before a sync; where syncs are counted, taking one away is seen.
#[test]
fn nothing_is_verified_before_it_is_synced() -> Outcome {
    let files = vec![("a".to_owned(), noise(4, 20 * BLOCK as usize))];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let faults = Faults::new(|call, _| (call == Call::Sync).then(|| io::Error::from_raw_os_error(5)));
    let mut options = options(dir.path(), vec![web(&origin)]);
    options.wrap_storage = Some(faults.wrap());
    let transfer = start(plan_of(&files), options);
    until(&transfer, DownloadState::Retrying);
    assert!(faults.count(Call::Write) > 0);
    transfer.stop();
    assert_eq!(transfer.status().proven_bytes, 0);
    assert!(transfer.facts().files.is_empty());
    Ok(())
}

#[test]
fn the_end_syncs_tag_files_and_folders() -> Outcome {
    let (files, dir) = (sample(5), tempfile::tempdir()?);
    let origin = origin_of(&files);
    let faults = Faults::new(|_, _| None);
    let mut options = options(dir.path(), vec![web(&origin)]);
    options.wrap_storage = Some(faults.wrap());
    let transfer = start(plan_of(&files), options);
    until(&transfer, DownloadState::Ready);
    // Three files with content, an empty one, a tag file; all names in one go.
    assert!(faults.count(Call::Sync) >= 5, "{} syncs", faults.count(Call::Sync));
    assert_eq!((faults.count(Call::SyncFolders), faults.count(Call::SyncAll)), (1, 0));
    Ok(())
}

/// What lies in the folder may lie in memory only: it is brought to the disk before it counts.
#[test]
fn what_is_kept_is_synced_before_it_is_believed() -> Outcome {
    let (files, dir) = (sample(6), tempfile::tempdir()?);
    let origin = origin_of(&files);
    drop(until(&start(plan_of(&files), options(dir.path(), vec![web(&origin)])), DownloadState::Ready));
    let again = |faults: &Arc<Faults>| {
        let mut again = options(dir.path(), vec![web(&origin)]);
        again.wrap_storage = Some(faults.wrap());
        until(&start(plan_of(&files), again), DownloadState::Ready)
    };
    let counted = Faults::new(|_, _| None);
    let status = again(&counted);
    // Three files with content, and at the end the empty one and the tag file.
    assert_eq!((counted.count(Call::Sync), status.blocks.kept), (5, 15));
    // A disk that cannot bring it there: all of it is fetched.
    let failing = Faults::new(|call, number| {
        (call == Call::Sync && number == 0).then(|| io::Error::from_raw_os_error(5))
    });
    let status = again(&failing);
    assert_eq!((status.blocks.kept, status.blocks.fetched), (0, 15));
    same(dir.path(), &files);
    Ok(())
}
