//! A package of 100 GiB, of which each block is another: surveyed and downloaded in little memory.
//!
//! The files are sparse; only the last bytes of each block are not zero. `PACKHOUSE_TEST_COUNTS=soak` surveys all of it and
//! downloads for 20 seconds; otherwise a part is enough.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use packhouse::package::Sha256Digest;
use packhouse::session::{self, ServeOptions};
use packhouse::transfer::{CodebaseAddress, DownloadState, Pieces, Plan, PlannedFile, Transfer};
use sha2::{Digest as _, Sha256};

use crate::desk::{LONG, Outcome, options};

const SIZE: u64 = 100 << 30;
const BLOCK: u64 = 2 << 20;
const MOST_MEMORY: u64 = 64 << 20;

const FOLDER: &str = "PACKHOUSE_TEST_HUGE_FOLDER";
const ADDRESS: &str = "PACKHOUSE_TEST_HUGE_ADDRESS";
const BYTES: &str = "PACKHOUSE_TEST_HUGE_BYTES";
const SECONDS: &str = "PACKHOUSE_TEST_HUGE_SECONDS";

/// The file: blocks of zeros that end with their number.
fn make(path: &Path) -> Outcome {
    fs::create_dir_all(path.parent().ok_or("below a folder")?)?;
    let file = File::create(path)?;
    file.set_len(SIZE)?;
    for block in 1..=SIZE / BLOCK {
        file.write_all_at(&block.to_le_bytes(), block * BLOCK - 8)?;
    }
    Ok(())
}

fn plan() -> Plan {
    // The zeros at the beginning of all blocks are hashed once.
    let zeros = Sha256::new_with_prefix(vec![0; BLOCK as usize - 8]);
    let hash = |block: u64| Sha256Digest(zeros.clone().chain_update(block.to_le_bytes()).finalize().into());
    let hashes = (1..=SIZE / BLOCK).map(hash).collect();
    let file = PlannedFile {
        path: "data/huge".to_owned(),
        size_bytes: SIZE,
        pieces: Some(Pieces { length_bytes: BLOCK, hashes }),
        ..PlannedFile::default()
    };
    Plan::new(vec![file], Vec::new()).expect("a good plan")
}

/// What the downloading process said.
#[derive(Debug)]
struct Said {
    kept: u64,
    fetched: u64,
    memory: u64,
    ready: bool,
}

/// Surveys and downloads in a process of its own, up to so many bytes or seconds.
fn download(
    folder: &Path,
    address: &str,
    bytes: u64,
    seconds: u64,
) -> Result<Said, Box<dyn std::error::Error>> {
    let child = Command::new(std::env::current_exe()?)
        .args(["huge::a_part_of_it_in_a_process_of_its_own", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(ADDRESS, address)
        .env(BYTES, bytes.to_string())
        .env(SECONDS, seconds.to_string())
        .stdout(Stdio::piped())
        .output()?;
    let line = BufReader::new(child.stdout.as_slice()).lines().map_while(Result::ok);
    let line = line.filter_map(|line| line.strip_prefix("said ").map(str::to_owned)).next();
    let line = line.ok_or_else(|| String::from_utf8_lossy(&child.stderr).into_owned())?;
    let numbers = line.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    let [kept, fetched, memory, ready] = numbers[..] else { return Err(line.into()) };
    writeln!(std::io::stdout(), "kept {kept}, fetched {fetched} blocks, {} MiB at most", memory >> 20)?;
    Ok(Said { kept, fetched, memory, ready: ready == 1 })
}

/// The most memory this process ever had, in bytes.
#[cfg(target_os = "linux")]
fn most_memory() -> Result<u64, Box<dyn std::error::Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}

/// The child; run by itself, it says how much memory its plan takes.
#[test]
fn a_part_of_it_in_a_process_of_its_own() -> Outcome {
    let plan = plan();
    let (Some(folder), Ok(address)) = (std::env::var_os(FOLDER), std::env::var(ADDRESS)) else {
        assert_eq!(plan.blocks() as u64, SIZE / BLOCK);
        return Ok(());
    };
    let (bytes, seconds) = (std::env::var(BYTES)?.parse::<u64>()?, std::env::var(SECONDS)?.parse()?);
    let options = options(Path::new(&folder), vec![CodebaseAddress::parse(&address)?]);
    let transfer = Transfer::start(plan, options, Arc::new(|| ()))?;
    let (status, surveyed) = transfer.wait(LONG * 30, |s| s.state != DownloadState::Checking);
    assert!(surveyed, "{status:?}");
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let (status, _) = transfer.wait(left, |s| s.state.is_at_rest() || s.fetched_bytes >= bytes);
        if status.state.is_at_rest() || status.fetched_bytes >= bytes || Instant::now() >= end {
            break;
        }
    }
    transfer.stop();
    let status = transfer.status();
    let (blocks, memory) = (status.blocks, most_memory()?);
    let ready = u8::from(status.state == DownloadState::Ready);
    writeln!(std::io::stdout(), "\nsaid {} {} {memory} {ready}", blocks.kept, blocks.fetched)?;
    Ok(())
}

#[test]
fn a_hundred_gibibytes_are_surveyed_and_downloaded_in_little_memory() -> Outcome {
    let soak = std::env::var("PACKHOUSE_TEST_COUNTS").is_ok_and(|counts| counts == "soak");
    let place = tempfile::tempdir()?;
    let (served, out) = (place.path().join("served"), place.path().join("out"));
    make(&served.join("data/huge"))?;
    let server = session::serve(ServeOptions::new(&served, "127.0.0.1:0".parse()?))?;
    let (bytes, seconds) = if soak { (5 << 30, 20) } else { (160 << 20, 60) };
    // Into nothing, then on from there: the survey passes over what is not there yet.
    let first = download(&out, &server.url(), bytes, seconds)?;
    assert!(first.fetched > 0 && first.kept == 0 && first.memory < MOST_MEMORY, "{first:?}");
    let second = download(&out, &server.url(), bytes / 4, seconds)?;
    assert!(second.kept == first.fetched && second.fetched > 0 && second.memory < MOST_MEMORY, "{second:?}");
    if soak {
        // All of it is there, and is read.
        let third = download(&served, &server.url(), 0, 0)?;
        assert!(third.ready && third.kept == SIZE / BLOCK && third.memory < MOST_MEMORY, "{third:?}");
    }
    Ok(())
}
