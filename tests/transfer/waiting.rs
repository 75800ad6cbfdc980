//! Waits: the ladder, Retry-After, pause, a network that comes back. The clock is turned by hand: nobody sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use packhouse::transfer::{DownloadState, Ladder, ManualClock, RetryReason, Transfer, TransferStatus};

use crate::desk::{
    LONG, Outcome, noise, options, origin_of, plan_of, same, sample, start, total, until, web,
};
use crate::origin::{Fault, Origin};

/// A download from a server that can be switched off.
struct Scene {
    transfer: Transfer,
    clock: Arc<ManualClock>,
    broken: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    files: Vec<(String, Vec<u8>)>,
    dir: tempfile::TempDir,
    _origin: Origin,
}

impl Scene {
    fn new(ladder: Ladder, fault: Fault) -> Self {
        let (files, dir) = (sample(11), tempfile::tempdir().expect("a folder"));
        let origin = origin_of(&files);
        let (broken, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (is_broken, count) = (Arc::clone(&broken), Arc::clone(&asked));
        origin.fault(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
            if is_broken.load(Ordering::SeqCst) { fault } else { Fault::None }
        });
        let clock = Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
        let mut options = options(dir.path(), vec![web(&origin)]);
        options.connections = 1;
        options.ladder = ladder;
        options.clock = Some(Arc::clone(&clock) as _);
        let transfer = start(plan_of(&files), options);
        Self { transfer, clock, broken, asked, files, dir, _origin: origin }
    }

    /// Lets short waits pass until the ladder is entered.
    fn until_stuck(&self) -> TransferStatus {
        for _ in 0..1000 {
            let (status, stuck) =
                self.transfer.wait(Duration::from_millis(20), |s| s.state == DownloadState::Retrying);
            if stuck {
                return status;
            }
            self.clock.advance(Duration::from_secs(1));
        }
        panic!("never stuck: {:?}", self.transfer.status());
    }

    /// The wait is over; the next failure comes.
    fn next_step(&self, wait: Duration) -> TransferStatus {
        let before = self.asked.load(Ordering::SeqCst);
        self.clock.advance(wait);
        let (status, stuck) = self
            .transfer
            .wait(LONG, |s| self.asked.load(Ordering::SeqCst) > before && s.state == DownloadState::Retrying);
        assert!(stuck, "{status:?}");
        status
    }
}

#[test]
fn the_ladder_is_climbed_step_by_step_and_left_by_a_verified_block() {
    let scene = Scene::new(Ladder::Agent, Fault::Status(500));
    let status = scene.until_stuck();
    assert_eq!(scene.asked.load(Ordering::SeqCst), 3, "three times in a row");
    let reason = status.retry_reason.clone().expect("a reason");
    assert!(reason.to_string().contains("500"), "{reason}");
    let mut waits = Vec::new();
    let mut status = status;
    for _ in 0..8 {
        let next = status.next_try.clone().expect("a time");
        waits.push(next.remaining.as_secs_f64() / 60.0);
        status = scene.next_step(next.remaining);
    }
    for (wait, minutes) in waits.into_iter().zip([3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 120.0, 120.0]) {
        assert!((wait - minutes).abs() < 0.5, "{wait} minutes instead of {minutes}");
    }
    scene.broken.store(false, Ordering::SeqCst);
    scene.clock.advance(Duration::from_secs(7200));
    until(&scene.transfer, DownloadState::Ready);
    same(scene.dir.path(), &scene.files);
}

#[test]
fn retry_now_and_a_returning_network_end_the_wait() {
    let scene = Scene::new(Ladder::Agent, Fault::Closed);
    let first = scene.until_stuck();
    assert_eq!(first.next_try.map(|next| (next.step, next.steps)), Some((1, 7)));
    let before = scene.asked.load(Ordering::SeqCst);
    scene.transfer.retry_now();
    let (_, again) = scene
        .transfer
        .wait(LONG, |s| scene.asked.load(Ordering::SeqCst) > before && s.state == DownloadState::Retrying);
    assert!(again);
    scene.broken.store(false, Ordering::SeqCst);
    scene.transfer.network_is_back();
    until(&scene.transfer, DownloadState::Ready);
    same(scene.dir.path(), &scene.files);
}

#[test]
fn after_a_returning_network_the_ladder_begins_anew() {
    let scene = Scene::new(Ladder::Agent, Fault::Closed);
    let mut status = scene.until_stuck();
    for _ in 0..4 {
        let next = status.next_try.expect("a time");
        status = scene.next_step(next.remaining);
    }
    assert_eq!(status.next_try.map(|next| (next.step, next.steps)), Some((5, 7)));
    // The link is up, and nothing behind it answers yet.
    let before = scene.asked.load(Ordering::SeqCst);
    scene.transfer.network_is_back();
    let (_, tried) = scene.transfer.wait(LONG, |_| scene.asked.load(Ordering::SeqCst) > before);
    assert!(tried, "it is tried at once");
    let status = scene.until_stuck();
    assert_eq!(scene.asked.load(Ordering::SeqCst) - before, 3, "three times in a row, as at first");
    let next = status.next_try.expect("a time");
    assert_eq!(next.step, 1);
    assert!(next.remaining <= Duration::from_secs(180), "{next:?}");
    // Nobody brings it back to the step where it was.
    let next = scene.next_step(next.remaining).next_try.expect("a time");
    assert_eq!(next.step, 2);
    scene.broken.store(false, Ordering::SeqCst);
    scene.transfer.network_is_back();
    until(&scene.transfer, DownloadState::Ready);
    same(scene.dir.path(), &scene.files);
}

#[test]
fn a_server_that_asks_to_be_left_alone_is_left_alone() {
    let scene = Scene::new(Ladder::Console, Fault::Busy(503, 1000));
    let (_, asked) = scene.transfer.wait(LONG, |s| s.codebases[0].next_in.is_some());
    assert!(asked);
    // Half of the time: nobody asks again.
    scene.clock.advance(Duration::from_secs(500));
    let (status, again) =
        scene.transfer.wait(Duration::from_millis(100), |_| scene.asked.load(Ordering::SeqCst) > 1);
    assert!(!again, "{status:?}");
    scene.broken.store(false, Ordering::SeqCst);
    scene.clock.advance(Duration::from_secs(501));
    until(&scene.transfer, DownloadState::Ready);
}

#[test]
fn pause_stops_and_resume_goes_on() -> Outcome {
    let files = vec![("a".to_owned(), noise(12, 200 * 65536))];
    let (origin, dir) = (origin_of(&files), tempfile::tempdir()?);
    let mut slow = options(dir.path(), vec![web(&origin)]);
    slow.limit_bytes_per_second = Some(4 << 20);
    let transfer = start(plan_of(&files), slow);
    transfer.wait(LONG, |status| status.fetched_bytes > 0);
    transfer.pause();
    let (status, idle) = transfer.wait(LONG, |s| {
        s.state == DownloadState::Paused && s.codebases.iter().all(|codebase| codebase.connections == 0)
    });
    assert!(idle && status.fetched_bytes < total(&files));
    transfer.set_limit(None);
    transfer.set_connections(8);
    transfer.resume();
    until(&transfer, DownloadState::Ready);
    same(dir.path(), &files);
    assert_eq!((transfer.status().connections, transfer.status().limit_bytes_per_second), (8, None));
    Ok(())
}

#[test]
fn a_transfer_can_begin_paused() -> Outcome {
    let (files, dir) = (sample(13), tempfile::tempdir()?);
    let origin = origin_of(&files);
    let mut paused = options(dir.path(), vec![web(&origin)]);
    paused.paused = true;
    let transfer = start(plan_of(&files), paused);
    assert_eq!(transfer.status().state, DownloadState::Paused);
    assert!(origin.seen().is_empty());
    transfer.resume();
    until(&transfer, DownloadState::Ready);
    Ok(())
}

#[test]
fn the_reason_names_every_codebase() {
    let scene = Scene::new(Ladder::Console, Fault::Status(403));
    let status = scene.until_stuck();
    let Some(RetryReason::Codebases(said)) = status.retry_reason else { panic!("{status:?}") };
    assert!(said[0].contains("403") && said[0].contains("data/a.bin"), "{said:?}");
    assert!(status.codebases[0].score_percent < 100);
}
