//! Which syncs a download asks the system for, as strace sees them: those a file system may bring along by itself, and a
//! power cut on any one of them would not show.

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::child::{Download, READY, cargo};
use crate::desk::{Outcome, origin_of, same};
use crate::support::tool;

/// Downloads [`cargo`] into `folder`; gives the calls that bring something to the disk or change a name, in order.
fn traced(folder: &Path, seed: u64) -> Result<Vec<String>, Box<dyn Error>> {
    let strace = tool("strace", "apt-get install strace");
    let (log, files) = (tempfile::NamedTempFile::new()?, cargo(seed));
    let origin = origin_of(&files);
    let (strace, out) = (strace.to_str().ok_or("not UTF-8")?, log.path().to_str().ok_or("not UTF-8")?);
    let before = [strace, "-f", "-y", "-s", "4096", "-e", "trace=fsync,fdatasync,syncfs,rename", "-o", out];
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
