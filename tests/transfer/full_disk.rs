//! A disk that is really full: a small file system in memory, filled by somebody else, then freed, or made larger.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use packhouse::transfer::{DownloadState, ManualClock, RetryReason};

use crate::desk::{
    BLOCK, LONG, Outcome, noise, options, origin_of, plan_of, same, start, total, unproven, until, web,
};
use crate::mounted::Mounted;

fn freed(unproven_too: bool, free: impl FnOnce(&Mounted) -> Outcome) -> Outcome {
    let dir = tempfile::tempdir()?;
    let disk = Mounted::memory(&dir.path().join("disk"), "12m")?;
    fs::write(disk.path().join("of somebody else"), vec![1; 5 << 20])?;
    let mut files = vec![("data/a".to_owned(), noise(1, 150 * BLOCK as usize + 3))];
    let mut plan = plan_of(&files);
    if unproven_too {
        files = vec![("whole.iso".to_owned(), files[0].1.clone())];
        plan = packhouse::transfer::Plan::new(vec![unproven("whole.iso", &files[0].1)], Vec::new())?;
    }
    let origin = origin_of(&files);
    let clock = Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
    let mut options = options(&disk.path().join("package"), vec![web(&origin)]);
    options.clock = Some(Arc::clone(&clock) as _);
    let transfer = start(plan, options);
    let status = until(&transfer, DownloadState::Retrying);
    assert_eq!(status.retry_reason, Some(RetryReason::DiskFull));
    // Still full: it waits again, and nobody else is blamed.
    for _ in 0..3 {
        let before = transfer.wait(LONG, |s| s.next_try.is_some()).0.version;
        clock.advance(Duration::from_secs(6));
        let again = |s: &packhouse::transfer::TransferStatus| {
            s.version > before && s.state == DownloadState::Retrying
        };
        let (status, stuck) = transfer.wait(LONG, again);
        assert!(stuck && status.codebases[0].score_percent == 100, "{status:?}");
        assert_eq!(status.retry_reason, Some(RetryReason::DiskFull));
    }
    // What fits is brought to the disk.
    let (status, holds) = transfer.wait(LONG, |s| unproven_too || s.proven_bytes > 4 << 20);
    assert!(holds, "{status:?}");
    let held = status.proven_bytes;
    free(&disk)?;
    clock.advance(Duration::from_secs(6));
    let status = until(&transfer, DownloadState::Ready);
    same(&disk.path().join("package"), &files);
    assert_eq!(status.proven_bytes, total(&files));
    // What was there stayed: no block was fetched twice that had reached the disk.
    assert!(unproven_too || status.fetched_bytes <= total(&files) * 2 - held, "{status:?}");
    Ok(())
}

#[test]
fn room_that_somebody_gives_back_is_used() -> Outcome {
    freed(false, |disk| Ok(fs::remove_file(disk.path().join("of somebody else"))?))
}

#[test]
fn a_disk_that_grows_is_used() -> Outcome {
    freed(false, |disk| disk.again("size=40m"))
}

#[test]
fn a_file_with_one_hash_goes_on_where_the_disk_was_full() -> Outcome {
    freed(true, |disk| disk.again("size=40m"))
}
