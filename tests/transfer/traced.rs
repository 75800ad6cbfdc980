//! Which syncs a download asks the system for, as strace sees them: those a file system may bring along by itself, and a
//! power cut on any one of them would not show.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::child::{Download, READY, cargo};
use crate::crash_state::FOLDER;
use crate::desk::{Outcome, origin_of, same};
use crate::support::tool;

/// The words before a program whose calls are to be written to `log`.
fn strace(log: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let strace = tool("strace", "apt-get install strace");
    let (strace, log) = (strace.to_str().ok_or("not UTF-8")?, log.to_str().ok_or("not UTF-8")?);
    let words = [strace, "-f", "-y", "-s", "4096", "-e", "trace=fsync,fdatasync,syncfs,rename", "-o", log];
    Ok(words.map(str::to_owned).into())
}

/// Downloads [`cargo`] into `folder`; gives the calls that bring something to the disk or change a name, in order.
fn traced(folder: &Path, seed: u64) -> Result<Vec<String>, Box<dyn Error>> {
    let (log, files) = (tempfile::NamedTempFile::new()?, cargo(seed));
    let (origin, before) = (origin_of(&files), strace(log.path())?);
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let mut download = Download::start(&before, folder, &origin.url(), seed, 0)?;
    assert!(download.says(READY));
    assert!(download.child.wait()?.success());
    same(folder, &files);
    Ok(fs::read_to_string(log.path())?.lines().map(str::to_owned).collect())
}

/// Where the call that syncs `path` stands; `-y` shows the path of what is open.
fn sync_of(path: &Path, calls: &[String]) -> Option<usize> {
    let wanted = format!("<{}>", path.display());
    calls.iter().position(|call| call.contains("fsync(") && call.contains(&wanted))
}

/// The names of new folders, down to the one that was there; the folders of files have each its own too.
#[test]
fn the_names_of_new_folders_are_synced_up_to_the_one_that_was_there() -> Outcome {
    let dir = tempfile::tempdir()?;
    let there = fs::canonicalize(dir.path())?;
    let folder = there.join("new/deep/package");
    let calls = traced(&folder, 60)?;
    for path in folder.join("data/d").ancestors().take(6) {
        assert!(sync_of(path, &calls).is_some(), "{} is not synced: {calls:#?}", path.display());
    }
    assert!(folder.join("data/d").ancestors().nth(5) == Some(&there));
    Ok(())
}

/// The folders of the keys and of the progress are made when they are needed: what is in them must not be lost with them.
#[test]
fn the_names_of_the_folders_of_state_are_synced() -> Outcome {
    let (dir, log) = (tempfile::tempdir()?, tempfile::NamedTempFile::new()?);
    let library = fs::canonicalize(dir.path())?;
    let words = strace(log.path())?;
    let output = Command::new(&words[0])
        .args(&words[1..])
        .arg(std::env::current_exe()?)
        .args(["crash_state::state_is_begun_in_a_process_of_its_own", "--exact"])
        .env(FOLDER, &library)
        .output()?;
    assert!(output.status.success(), "{output:?}");
    let calls: Vec<String> = fs::read_to_string(log.path())?.lines().map(str::to_owned).collect();
    for path in ["keys/of anna", "keys", "progress"].map(|path| library.join(path)) {
        assert!(sync_of(&path, &calls).is_some(), "{} is not synced: {calls:#?}", path.display());
    }
    // The database syncs the folder of the library for itself; just before the first record it is for a name in it.
    let first = calls.iter().position(|call| call.contains("/progress/")).ok_or("a record is written")?;
    let before = first.checked_sub(1).map(|before| &calls[before]);
    let of_library = format!("<{}>", library.display());
    let is_named = |call: &String| call.contains("fsync(") && call.contains(&of_library);
    assert!(before.is_some_and(is_named), "{calls:#?}");
    Ok(())
}

/// A file with a second name is replaced by a copy. What it holds was verified: the copy is on the disk before that.
#[test]
fn a_copy_is_synced_before_it_replaces_a_file() -> Outcome {
    let (dir, elsewhere, files) = (tempfile::tempdir()?, tempfile::tempdir()?, cargo(61));
    let there = fs::canonicalize(dir.path())?;
    for (path, content) in &files {
        fs::create_dir_all(there.join(path).parent().ok_or("it has one")?)?;
        fs::write(there.join(path), content)?;
    }
    let (path, content) = &files[1];
    let mut damaged = content.clone();
    damaged[7] ^= 1;
    fs::write(there.join(path), &damaged)?;
    fs::hard_link(there.join(path), elsewhere.path().join("mine"))?;
    let calls = traced(&there, 61)?;
    let copy = there.join(path).with_file_name(".packhouse-detached");
    let synced = sync_of(&copy, &calls).ok_or_else(|| format!("the copy is not synced: {calls:#?}"))?;
    let named = |call: &String| call.contains("rename(") && call.contains(".packhouse-detached");
    let renamed = calls.iter().position(named).ok_or("it was not renamed")?;
    assert!(synced < renamed, "{calls:#?}");
    assert_eq!(fs::read(elsewhere.path().join("mine"))?, damaged);
    Ok(())
}
