//! A download in a process of its own, which can be killed, stopped, or put into a network of its own.
//!
//! The process is this very test program again: it runs the one test that is told here, with what it needs to know in
//! its environment.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use packhouse::transfer::{CodebaseAddress, DownloadState, Transfer, TransferOptions};

use crate::desk::{LONG, Outcome, noise, plan_of, same};

const FOLDER: &str = "PACKHOUSE_TEST_FOLDER";
const ADDRESS: &str = "PACKHOUSE_TEST_ADDRESS";
const SEED: &str = "PACKHOUSE_TEST_CONTENT";
const LIMIT: &str = "PACKHOUSE_TEST_LIMIT";
/// What the child says, one word a line.
pub(crate) const BEGAN: &str = "began";
pub(crate) const RETRYING: &str = "retrying";
pub(crate) const READY: &str = "ready";
const RECEIVED: &str = "received ";

/// What the child downloads: 5 MiB and some.
pub(crate) fn cargo(seed: u64) -> Vec<(String, Vec<u8>)> {
    [("data/a.bin", 40 * 65536 + 17), ("data/d/ü.bin", 25 * 65536), ("data/small", 9), ("data/z", 16 * 65536)]
        .into_iter()
        .enumerate()
        .map(|(n, (path, size))| (path.to_owned(), noise(seed + n as u64, size)))
        .collect()
}

/// A download of [`cargo`] in a process of its own; killed when dropped.
pub(crate) struct Download {
    pub(crate) child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Download {
    /// `before` are words before the program: another network, say.
    pub(crate) fn start(
        before: &[&str],
        folder: &Path,
        address: &str,
        seed: u64,
        limit: u64,
    ) -> std::io::Result<Self> {
        let program = std::env::current_exe()?;
        let mut words = before.iter().map(std::ffi::OsString::from).collect::<Vec<_>>();
        words.push(program.into());
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["child::a_download_in_a_process_of_its_own", "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .env(ADDRESS, address)
            .env(SEED, seed.to_string())
            .env(LIMIT, limit.to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        Ok(Self { child, said })
    }

    /// How many bytes arrived, once it is ready.
    pub(crate) fn received(&mut self) -> Result<u64, Box<dyn std::error::Error>> {
        let mut lines = self.said.by_ref().lines().map_while(Result::ok);
        let said = lines.find_map(|line| line.strip_prefix(RECEIVED).map(str::to_owned));
        Ok(said.ok_or("it did not say")?.parse()?)
    }

    /// Waits until it says `word`; `false` where it ended without.
    pub(crate) fn says(&mut self, word: &str) -> bool {
        let lines = self.said.by_ref().lines();
        lines.map_while(Result::ok).any(|line| line.trim() == word)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The child; run by itself, it downloads from a server of its own.
#[test]
fn a_download_in_a_process_of_its_own() -> Outcome {
    use std::io::Write as _;
    let (Some(folder), Ok(address)) = (std::env::var_os(FOLDER), std::env::var(ADDRESS)) else {
        let (dir, files) = (tempfile::tempdir()?, cargo(1));
        let origin = crate::desk::origin_of(&files);
        let mut download = Download::start(&[], dir.path(), &origin.url(), 1, 0)?;
        assert!(download.says(READY));
        same(dir.path(), &files);
        return Ok(());
    };
    let mut out = std::io::stdout();
    let limit: u64 = std::env::var(LIMIT)?.parse()?;
    let options = TransferOptions {
        folder: folder.into(),
        codebases: vec![CodebaseAddress::parse(&address)?],
        limit_bytes_per_second: Some(limit).filter(|limit| *limit > 0),
        network: packhouse::transfer::NetworkOptions {
            stall_timeout: Duration::from_secs(5),
            ..Default::default()
        },
        ..TransferOptions::default()
    };
    let transfer = Transfer::start(plan_of(&cargo(std::env::var(SEED)?.parse()?)), options, Arc::new(|| ()))?;
    writeln!(out, "\n{BEGAN}")?;
    let mut known = DownloadState::Downloading;
    while !known.is_at_rest() {
        let (status, changed) = transfer.wait(LONG * 2, |status| status.state != known);
        assert!(changed, "{status:#?}\n{:#?}", transfer.events());
        known = status.state;
        if known == DownloadState::Retrying {
            writeln!(out, "{RETRYING}")?;
        }
    }
    assert_eq!(known, DownloadState::Ready, "{:#?}", transfer.events());
    writeln!(out, "{READY}\n{RECEIVED}{}", transfer.status().received_bytes)?;
    Ok(())
}
