//! A server that misbehaves by a seed, as one of several codebases and as the only one: the right bytes or a clear
//! Invalid, never a wrong byte, never a hang.
//!
//! `PACKHOUSE_TEST_SEED=N` replays one seed; `PACKHOUSE_TEST_COUNTS=soak` takes 5,000 instead of 200. The clock is turned
//! by hand, so that no wait of the ladder is waited for.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use packhouse::package::Sha256Digest;
use packhouse::transfer::{
    CodebaseAddress, DownloadState, InvalidReason, ManualClock, Pieces, Plan, PlannedFile, Transfer,
    TransferStatus,
};

use crate::chaos::{Chaos, Content, Seeded};
use crate::desk::{Outcome, noise, options, same, start, unproven};

/// Pieces as small as those of others may be.
const PIECE: u64 = 16 * 1024;
/// Longer than any seed takes on a slow machine.
const HANGS: Duration = Duration::from_secs(60);
/// Seeds that run beside each other: most of their time they wait for a server that stalls.
const AT_ONCE: usize = 8;

/// Waits for the end, turning the clock whenever somebody waits for it; a seed that hangs says where.
fn watched(seed: u64, transfer: &Transfer, clock: &ManualClock) -> Result<TransferStatus, String> {
    let began = Instant::now();
    loop {
        let moved = |status: &TransferStatus| {
            let waits = status.codebases.iter().any(|codebase| codebase.next_in.is_some());
            status.state.is_at_rest() || status.next_try.is_some() || waits
        };
        let (status, _) = transfer.wait(Duration::from_millis(100), moved);
        if status.state.is_at_rest() {
            return Ok(status);
        }
        if began.elapsed() > HANGS {
            return Err(format!("seed {seed} hangs: {status:#?}\n{:#?}", transfer.events()));
        }
        let waits = status.codebases.iter().filter_map(|codebase| codebase.next_in);
        if let Some(next) = waits.chain(status.next_try.map(|next| next.remaining)).min() {
            clock.advance(next + Duration::from_millis(1));
        }
    }
}

fn in_pieces(path: &str, content: &[u8]) -> PlannedFile {
    let hashes = content.chunks(PIECE as usize).map(Sha256Digest::of).collect();
    PlannedFile {
        path: path.to_owned(),
        size_bytes: content.len() as u64,
        pieces: Some(Pieces { length_bytes: PIECE, hashes }),
        ..PlannedFile::default()
    }
}

/// Some files; in one seed of eight one of them has a hash for the whole only.
fn files_of(seed: u64) -> (Vec<(String, Vec<u8>)>, Plan) {
    let sizes = [("data/a.bin", 20 * PIECE + 17), ("data/d/small", 5), ("data/empty", 0), ("z", 3 * PIECE)];
    let mut files: Vec<(String, Vec<u8>)> = sizes
        .iter()
        .enumerate()
        .map(|(n, (path, size))| ((*path).to_owned(), noise(seed * 8 + n as u64, *size as usize)))
        .collect();
    let mut planned: Vec<_> = files.iter().map(|(path, content)| in_pieces(path, content)).collect();
    if seed % 8 == 7 {
        let content = noise(seed * 8 + 7, (4 << 20) + 1000);
        planned.push(unproven("whole.iso", &content));
        files.push(("whole.iso".to_owned(), content));
    }
    let plan = Plan::new(planned, Vec::new()).expect("a good plan");
    (files, plan)
}

/// The mixture of a seed: three of four let a patient client through, the others never become better.
fn mixture(seed: u64) -> Seeded {
    let patient = crate::chaos::Plan::from_seed(seed);
    let endless = seed % 4 == 3;
    Seeded {
        block_bytes: 4 * PIECE,
        good_after: (!endless).then_some(3),
        rate: if endless { patient.rate / 2 } else { patient.rate },
        ..patient
    }
}

fn chaos(files: &[(String, Vec<u8>)], mixture: Seeded) -> std::io::Result<Chaos> {
    let served =
        files.iter().map(|(path, content)| (path.clone(), Content::Bytes(Arc::new(content.clone()))));
    Chaos::start(served, crate::chaos::Plan::Seeded(mixture))
}

/// What is said to be proven is right, however the download ended.
fn nothing_wrong_is_proven(folder: &Path, transfer: &Transfer, files: &[(String, Vec<u8>)]) {
    for (path, hint) in transfer.facts().files {
        let (_, right) = files.iter().find(|(name, _)| *name == path).expect("a planned file");
        let found = std::fs::read(folder.join(&path)).expect("it was there");
        let index = transfer.plan().files().iter().position(|file| *file.path == *path).expect("planned");
        let first = transfer.plan().blocks_of(index).start;
        for block in (0..hint.proven.len()).filter(|block| hint.proven.get(*block)) {
            let place = transfer.plan().place(first + block).expect("it is one");
            let bytes = place.offset_bytes as usize..(place.offset_bytes + place.size_bytes) as usize;
            assert!(found.get(bytes.clone()) == right.get(bytes), "{path}, block {block}");
        }
    }
}

/// Downloads with one seed; says whether it completed.
fn run(seed: u64, others: usize) -> Result<bool, String> {
    let (files, plan) = files_of(seed);
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let bad = chaos(&files, mixture(seed)).map_err(|error| error.to_string())?;
    let good = Seeded { rate: 0, ..mixture(seed) };
    let mut origins = vec![bad];
    for _ in 0..others {
        origins.push(chaos(&files, good).map_err(|error| error.to_string())?);
    }
    let codebases = origins.iter().map(|origin| CodebaseAddress::parse(&origin.url("")));
    let codebases = codebases.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let clock = Arc::new(ManualClock::new(jiff::Timestamp::UNIX_EPOCH));
    let mut options = options(dir.path(), codebases);
    options.clock = Some(Arc::clone(&clock) as _);
    options.network.stall_timeout = Duration::from_millis(150);
    options.connections = 1 + (seed % 4) as usize;
    let transfer = start(plan, options);
    let status = watched(seed, &transfer, &clock)?;
    nothing_wrong_is_proven(dir.path(), &transfer, &files);
    match (status.state, &status.invalid) {
        (DownloadState::Ready, None) => {
            same(dir.path(), &files);
            Ok(true)
        }
        (DownloadState::Invalid, Some(InvalidReason::BadBlock { .. } | InvalidReason::BadFile { .. }))
            if others == 0 =>
        {
            Ok(false)
        }
        _ => Err(format!("seed {seed} ended {:?}: {:?}", status.state, status.invalid)),
    }
}

/// Many seeds; at least nine of ten must complete.
fn seeds(others: usize) -> Outcome {
    if let Ok(seed) = std::env::var("PACKHOUSE_TEST_SEED") {
        let completed = run(seed.parse()?, others)?;
        writeln!(std::io::stdout(), "completed: {completed}")?;
        return Ok(());
    }
    let soak = std::env::var("PACKHOUSE_TEST_COUNTS").is_ok_and(|counts| counts == "soak");
    let count = if soak { 5000 } else { 200 };
    let (next, completed) = (AtomicU64::new(0), AtomicUsize::new(0));
    let work = || -> Result<(), String> {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= count {
                return Ok(());
            }
            let done = std::panic::catch_unwind(|| run(seed, others))
                .map_err(|_| format!("seed {seed}; replay it by PACKHOUSE_TEST_SEED={seed}"))?;
            completed.fetch_add(usize::from(done?), Ordering::SeqCst);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("panics are caught"))
    })?;
    let completed = completed.into_inner() as u64;
    writeln!(std::io::stdout(), "{completed} of {count} completed")?;
    assert!(completed * 10 >= count * 9, "only {completed} of {count} completed");
    Ok(())
}

#[test]
fn a_misbehaving_server_as_the_only_codebase() -> Outcome {
    seeds(0)
}

#[test]
fn a_misbehaving_server_beside_a_good_one() -> Outcome {
    seeds(1)
}
