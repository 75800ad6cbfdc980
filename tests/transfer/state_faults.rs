//! The n-th call by which the state of a download is read or written fails: in the library database, the progress
//! record, the folder of keys. It costs time or ends with a word, and the next start ends right without help.
//!
//! The calls fail where the system answers, by strace; `PACKHOUSE_TEST_COUNTS=soak` lets more of them fail.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use packhouse::failure::Failure;
use packhouse::package::download::DownloadState;
use packhouse::session::{Actor, AddDownload, OpenOptions, Session, ShareOptions};
use packhouse::work::Work;

use crate::desk::Outcome;
use crate::publisher::{Scene, Watched, has_files};
use crate::support::tool;

const FOLDER: &str = "PACKHOUSE_TEST_STATE_FOLDER";
const ADDRESS: &str = "PACKHOUSE_TEST_STATE_ADDRESS";
const READY: &str = "ready";
const REFUSED: &str = "refused ";

/// The calls that read and write state.
const CALLS: [&str; 5] = ["openat", "pwrite64", "write", "fsync,fdatasync", "rename,unlink"];

/// Downloads into `here/` in a process of its own, in which the `nth` of `call` on the state fails.
fn run(scene: &Scene, fault: Option<(&str, usize, &str)>) -> std::io::Result<Output> {
    let program = std::env::current_exe()?;
    let mut command = match fault {
        None => Command::new(program),
        Some((call, nth, error)) => {
            let mut command = Command::new(tool("strace", "apt-get install strace"));
            command.args(["-f", "--seccomp-bpf", "-o"]).arg(scene.root.join("calls"));
            let state = scene.here.folder.join("library");
            // A path counts with the descriptors that are open on it; what SQLite makes beside it is named as well.
            for path in ["catalog.db", "catalog.db-wal", "catalog.db-shm", "progress", "../keys"] {
                command.arg("-P").arg(state.join(path));
            }
            for entry in fs::read_dir(state.join("progress")).into_iter().flatten() {
                command.arg("-P").arg(entry?.path());
            }
            command.args(["-e", &format!("trace={call}")]);
            command.args(["-e", &format!("inject={call}:error={error}:when={nth}")]).arg(program);
            command
        }
    };
    command
        .args(["state_faults::a_download_of_a_library_in_a_process_of_its_own", "--exact", "--nocapture"])
        .env(FOLDER, &scene.here.folder)
        .env(ADDRESS, scene.address())
        .stdin(Stdio::null())
        .output()
}

fn said(output: &Output) -> Option<String> {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    out.lines().find(|line| *line == READY || line.starts_with(REFUSED)).map(str::to_owned)
}

#[test]
fn each_call_on_the_state_may_fail_once() -> Outcome {
    let soak = std::env::var("PACKHOUSE_TEST_COUNTS").is_ok_and(|counts| counts == "soak");
    let most = if soak { 60 } else { 6 };
    let scene = Scene::new(6);
    let fresh = scene.root.join("fresh");
    drop(scene.here.open());
    copy(&scene.here.folder, &fresh)?;
    let (mut failed, mut ready) = (0, 0);
    for call in CALLS {
        let mut nth = 1;
        while nth <= most {
            fs::remove_dir_all(&scene.here.folder)?;
            copy(&fresh, &scene.here.folder)?;
            let error = if nth % 2 == 0 { "ENOSPC" } else { "EIO" };
            let output = run(&scene, Some((call, nth, error)))?;
            let how = format!("{call} {nth} {error}");
            let said_first = said(&output).ok_or_else(|| format!("{how}: {output:?}"))?;
            let injected = fs::read_to_string(scene.root.join("calls"))?.contains("(INJECTED)");
            failed += usize::from(injected);
            ready += usize::from(said_first == READY);
            if said_first == READY {
                has_files(&scene.here.folder.join("into"), &scene.files);
            }
            // Whatever is left: the next one ends right, without help.
            let output = run(&scene, None)?;
            assert_eq!(said(&output).as_deref(), Some(READY), "{how}, {said_first}: {output:?}");
            has_files(&scene.here.folder.join("into"), &scene.files);
            if !injected {
                break;
            }
            nth += if soak || nth < 3 { 1 } else { 3 };
        }
    }
    assert!(failed >= 12 && ready > 0, "{failed} calls failed, {ready} downloads were ready all the same");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Opens the library and lets its download come to its end, or begins it.
fn download(folder: &Path, address: String) -> Result<(), String> {
    let word = |failure: Failure| format!("{} {}", failure.code, failure.reason);
    let session = Session::open(OpenOptions {
        root: folder.join("library"),
        create: false,
        read_only: false,
        actor: Actor {
            who: "anna".to_owned(),
            host: "bench".to_owned(),
            how: "test".to_owned(),
            time_zone: jiff::tz::TimeZone::UTC,
        },
        keys: folder.join("keys"),
        share: ShareOptions::default(),
    })
    .map_err(word)?;
    let downloads = session.downloads().ok_or("the library can be read only")?;
    let (tell, changed) = crossbeam_channel::unbounded();
    downloads.set_waker(std::sync::Arc::new(move || {
        tell.send(()).ok();
    }));
    let into = Some(folder.join("into"));
    match session.run(AddDownload { address, folder: into, ..AddDownload::default() }, &Work::new()) {
        Ok(_) => {}
        // It was begun before, and goes on by itself.
        Err(failure) if failure.code == "folder-taken" => {}
        Err(failure) => return Err(word(failure)),
    }
    let end = std::time::Instant::now() + crate::desk::LONG;
    loop {
        let rows = downloads.rows();
        let row = rows.first();
        match row.map(|row| (row.state, row.id)) {
            Some((DownloadState::Ready, _)) => break,
            Some((DownloadState::Retrying, id)) => downloads.retry_now(id),
            _ => {}
        }
        assert!(std::time::Instant::now() < end, "{row:?}");
        changed.recv_timeout(std::time::Duration::from_millis(200)).ok();
    }
    session.stop_downloads();
    Ok(())
}

/// The child; run by itself, it downloads from a server of its own.
#[test]
fn a_download_of_a_library_in_a_process_of_its_own() -> Outcome {
    let (Some(folder), Ok(address)) = (std::env::var_os(FOLDER).map(PathBuf::from), std::env::var(ADDRESS))
    else {
        let scene = Scene::new(2);
        drop(Watched::of(&scene.here.open()));
        let output = run(&scene, None)?;
        assert_eq!(said(&output).as_deref(), Some(READY), "{output:?}");
        has_files(&scene.here.folder.join("into"), &scene.files);
        return Ok(());
    };
    let word = match download(&folder, address) {
        Ok(()) => READY.to_owned(),
        Err(why) => format!("{REFUSED}{why}"),
    };
    writeln!(std::io::stdout(), "\n{word}")?;
    Ok(())
}
