//! Our web server, beside nginx and asked by the programs of others; and the chaos origin, tried by curl.

mod answers;
mod behaviour;
#[path = "../support/chaos.rs"]
mod chaos;
mod chaos_faults;
mod digests;
mod http;
mod judges;
mod nginx;
mod paths;
mod program;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use packhouse::session::{self, ServeOptions, Server};

/// How a test ends.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Bytes that no two places of a file have alike.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    (0..bytes as u64).map(|at| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

/// Writes files below `root`, as old as a day: (path, content).
pub(crate) fn put(root: &Path, files: &[(&str, &[u8])]) -> Outcome {
    for (path, content) in files {
        let file = root.join(path);
        fs::create_dir_all(file.parent().ok_or("below the root")?)?;
        fs::write(&file, content)?;
        age(&file)?;
    }
    Ok(())
}

/// Makes a file look as if it was changed yesterday.
pub(crate) fn age(file: &Path) -> Outcome {
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    Ok(fs::File::options().write(true).open(file)?.set_modified(yesterday)?)
}

/// A server on a free port of loopback.
pub(crate) fn serve(folder: &Path) -> Result<Server, Box<dyn Error>> {
    Ok(session::serve(options(folder)?)?)
}

pub(crate) fn options(folder: &Path) -> Result<ServeOptions, Box<dyn Error>> {
    Ok(ServeOptions::new(folder, "127.0.0.1:0".parse()?))
}

/// Makes a library in `place` with one sealed package, `Tool@1.0`, and gives the folder of its packages.
pub(crate) fn sealed(place: &Path, files: &[(&str, &[u8])]) -> Result<PathBuf, Box<dyn Error>> {
    put(&place.join("source"), files)?;
    let line = ["register", "source", "--name", "Tool", "--version", "1.0", "--seal"];
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_packhouse-cli"))
        .args(line)
        .current_dir(place)
        .env("PACKHOUSE_LIBRARY", place.join("library"))
        .env("PACKHOUSE_KEYS", place.join("keys"))
        .timeout(Duration::from_secs(120))
        .assert()
        .success();
    // Of a snapshot written this very moment the server does not rely on the time of change.
    age(&place.join("library/packages/Tool/1.0/snapshot.meta4"))?;
    Ok(place.join("library/packages"))
}
