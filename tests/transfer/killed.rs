//! kill -9 at random moments: the next run fetches what is missing or torn, and nothing else.
//!
//! `PACKHOUSE_TEST_SEED=N` replays a run; `PACKHOUSE_TEST_COUNTS=soak` kills 500 times instead of 60.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::child::{BEGAN, Download, READY, cargo};
use crate::desk::{BLOCK, Outcome, origin_of, same};
use crate::kills::{Chance, kills};

/// Bytes a second, so that a download takes a while.
const LIMIT: u64 = 24 << 20;

/// Bytes of the blocks that are not there, or not as they must be.
fn missing_bytes(folder: &Path, files: &[(String, Vec<u8>)]) -> u64 {
    let of_file = |(path, content): &(String, Vec<u8>)| {
        let found = std::fs::read(folder.join(path)).unwrap_or_default();
        let blocks = content.chunks(BLOCK as usize).enumerate();
        let wrong = blocks.filter(|(nth, block)| {
            let at = nth * BLOCK as usize;
            found.get(at..at + block.len()) != Some(*block)
        });
        wrong.map(|(_, block)| block.len() as u64).sum::<u64>()
    };
    files.iter().map(of_file).sum()
}

#[test]
fn killed_at_random_moments_only_what_is_missing_is_fetched() -> Outcome {
    let kills = kills(60, 500);
    let mut chance = Chance::told()?;
    let files = cargo(50);
    let whole = missing_bytes(Path::new("/nonexistent"), &files);
    let takes = Duration::from_secs_f64(whole as f64 / LIMIT as f64);
    let (mut killed, mut in_the_middle) = (0, 0);
    while killed < kills {
        let (dir, origin) = (tempfile::tempdir()?, origin_of(&files));
        // Up to three kills on the way of one download, then it may end.
        let times = 1 + (chance.next() * 3.0) as usize;
        for nth in 0..=times {
            let missing = missing_bytes(dir.path(), &files);
            let before = origin.sent_bytes();
            let last = nth == times;
            let limit = if last { 0 } else { LIMIT };
            let mut download = Download::start(&[], dir.path(), &origin.url(), 50, limit)?;
            let after = takes.mul_f64(1.2 * chance.next() / times as f64);
            if last {
                assert!(download.says(READY), "it did not end after {nth} kills");
                same(dir.path(), &files);
            } else {
                assert!(download.says(BEGAN));
                let began = Instant::now();
                while began.elapsed() < after {
                    std::thread::yield_now();
                }
                download.child.kill()?;
                download.child.wait()?;
                killed += 1;
                let left = missing_bytes(dir.path(), &files);
                in_the_middle += usize::from(left > 0 && left < whole);
            }
            // What a server sends into a connection that is gone counts to the run that was killed.
            origin.wait_until_idle();
            let sent = origin.sent_bytes() - before;
            assert!(
                sent <= missing,
                "{sent} bytes for {missing} missing, killed {nth} times after {after:?}"
            );
        }
    }
    // Moments that miss the download prove nothing.
    assert!(in_the_middle * 4 >= killed, "{in_the_middle} of {killed} kills hit the middle");
    Ok(())
}
