//! Staging by the command line: what it prints, how it ends, and what is left when it is killed.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{SEAL, files};
use crate::desk::{Desk, Outcome, noise};
use crate::sites::{Kind, Site};

pub(super) struct Ran {
    code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    #[track_caller]
    pub(super) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

fn program(desk: &Desk, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
    command
        .args(arguments)
        .current_dir(desk.folder.path())
        .env("PACKHOUSE_LIBRARY", desk.path("library"))
        .env("PACKHOUSE_KEYS", desk.path("keys"))
        .env("PACKHOUSE_PASSWORD", "s3cretkey")
        .env("USER", "anna");
    command
}

pub(super) fn run(desk: &Desk, arguments: &[&str]) -> Ran {
    let output = program(desk, arguments).output().expect("the program runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_package_is_staged_verified_and_unstaged_by_command() -> Outcome {
    for kind in [Kind::Folder, Kind::Nginx, Kind::S3] {
        let (desk, site) = (Desk::new()?, Site::open(kind));
        desk.sealed("Tool 1.0", &files())?;
        let mut add = vec!["staging", "add", "Köln", &site.address, "--json"];
        if site.credentials.is_some() {
            add.extend(["--user", "AKANNA"]);
        }
        let added = run(&desk, &add).ends(0).json();
        assert_eq!(added["name"], "Köln");
        assert!(!added.to_string().contains("s3cretkey"));
        let staged = run(&desk, &["stage", "Tool", "--to", "Köln", "--json"]).ends(0).json();
        assert_eq!((&staged["sent_files"], &staged["finding"]), (&Value::from(7), &Value::from("whole")));
        let listed = run(&desk, &["staging", "list", "--json"]).ends(0).json();
        assert_eq!((&listed[0]["packages"], &listed[0]["outdated"]), (&Value::from(1), &Value::from(0)));
        let checked = run(&desk, &["staging", "verify", "Köln", "--deep", "--json"]).ends(0).json();
        assert_eq!((&checked[0]["good"], &checked[0]["seal"]), (&Value::from(true), &Value::from("newest")));
        let refused = run(&desk, &["unseal", "Tool"]).ends(3);
        assert!(refused.err.starts_with("error[package-delivered]: "), "{}", refused.err);
        fs::write(site.object("packages/Tool/1.0/data/data/100%.txt"), "per cent")?;
        let checked = run(&desk, &["staging", "verify", "Köln", "Tool", "--json"]).ends(1).json();
        assert_eq!(checked[0]["resized"][0]["path"], "data/100%.txt");
        let found = run(&desk, &["staging", "reconcile", "Köln", "--json"]).ends(1).json();
        assert_eq!(found["incomplete"].as_array().map(Vec::len), Some(1));
        let again = run(&desk, &["stage", "Tool", "--to", &site.address, "--json"]).ends(0).json();
        let all: u64 = files().iter().map(|(_, content)| content.len() as u64).sum();
        assert_eq!((&again["sent_files"], &again["sent_bytes"]), (&Value::from(1), &Value::from(7)));
        assert_eq!(again["kept_bytes"], Value::from(all - 7), "what was found right there is counted");
        run(&desk, &["staging", "verify", "Köln", "--deep"]).ends(0);
        run(&desk, &["unstage", "Tool", "--from", "Köln"]).ends(0);
        run(&desk, &["unstage", "Tool", "--all"]).ends(3);
        run(&desk, &["unseal", "Tool"]).ends(0);
        run(&desk, &["stage", "Tool", "--to", "Köln"]).ends(3);
        run(&desk, &["stage", "Tool", "--to", "Bonn"]).ends(2);
        run(&desk, &["staging", "remove", "Köln"]).ends(0);
    }
    Ok(())
}

#[test]
fn what_is_missing_there_is_staged_by_a_reconcile() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::open(Kind::Folder));
    desk.sealed("Tool 1.0", &files())?;
    desk.sealed("One 1.0", &[("a", vec![1])])?;
    let added = run(&desk, &["staging", "add", "Köln", &site.address]).ends(0);
    assert_eq!(added.err, "");
    let missing = desk.path("nothing").display().to_string();
    let added = run(&desk, &["staging", "add", "Later", &missing]).ends(0);
    assert!(
        added.err.starts_with(&format!("note: there is no folder {missing}. Make the folder")),
        "{}",
        added.err
    );
    run(&desk, &["stage", "One", "--to", "Köln"]).ends(0);
    let told = run(&desk, &["history", "One"]).ends(0);
    assert!(told.out.contains("revision 1 at Köln: 1 file sent, 1 byte)"), "{}", told.out);
    let found = run(&desk, &["staging", "reconcile", "Köln"]).ends(0);
    assert!(found.out.starts_with("Köln: 1 whole, 0 missing"), "{}", found.out);
    run(&desk, &["unstage", "One", "--all"]).ends(0);
    run(&desk, &["stage", "Tool", "--to", "Köln"]).ends(0);
    fs::remove_dir_all(site.object("packages"))?;
    run(&desk, &["staging", "reconcile", "Köln"]).ends(1);
    let done = run(&desk, &["staging", "reconcile", "Köln", "--stage", "--json"]).ends(0).json();
    assert_eq!(done["staged"][0]["sent_files"], 7);
    run(&desk, &["staging", "reconcile", "Köln"]).ends(0);
    run(&desk, &["staging", "verify", "Köln", "--deep"]).ends(0);
    Ok(())
}

/// Killed at some moments: what lies there never passes for whole before it is, and in the end nothing is wrong.
#[test]
fn a_killed_staging_leaves_no_seal_and_the_next_one_ends_it() -> Outcome {
    for kind in [Kind::Folder, Kind::Nginx, Kind::S3] {
        let (desk, site) = (Desk::new()?, Site::open(kind));
        let files: Vec<(String, Vec<u8>)> =
            (0..30).map(|at| (format!("{at:02}.bin"), noise(at, 150_000))).collect();
        let files: Vec<(&str, Vec<u8>)> =
            files.iter().map(|(path, content)| (path.as_str(), content.clone())).collect();
        desk.sealed("Tool 1.0", &files)?;
        let mut add = vec!["staging", "add", "Köln", &site.address];
        if site.credentials.is_some() {
            add.extend(["--user", "AKANNA"]);
        }
        run(&desk, &add).ends(0);
        let package = site.object("packages/Tool/1.0");
        let data = package.join("data");
        let count = || fs::read_dir(&data).map_or(0, |entries| entries.count());
        let mut killed = 0;
        let mut wanted = 3;
        while wanted < 30 {
            let mut child = program(&desk, &["stage", "Tool", "--to", "Köln", "--limit", "6M", "--quiet"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            // Killed once so many files lie there, whichever they are.
            while count() < wanted && child.try_wait()?.is_none() {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            child.kill()?;
            let ended = child.wait()?;
            if ended.success() {
                break;
            }
            killed += 1;
            assert!(SEAL.iter().all(|name| !package.join(name).exists()), "after {wanted} files");
            wanted += 6;
        }
        assert!(killed >= 3, "killed {killed} times: {kind:?}");
        run(&desk, &["stage", "Tool", "--to", "Köln"]).ends(0);
        run(&desk, &["staging", "verify", "Köln", "--deep"]).ends(0);
        let left = fs::read_dir(&data)?.filter(|entry| {
            entry.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().starts_with("packhouse-"))
        });
        assert_eq!(left.count(), 0, "what was begun and not finished is cleared away");
        let verify = ["verify", package.to_str().ok_or("UTF-8")?];
        run(&desk, &verify).ends(0);
    }
    Ok(())
}

#[test]
fn a_server_of_an_own_authority_is_trusted_where_its_certificate_is_named() -> Outcome {
    let (desk, site) = (Desk::new()?, Site::secured(Kind::Nginx));
    desk.sealed("Tool 1.0", &files())?;
    run(&desk, &["staging", "add", "Köln", &site.address]).ends(0);
    let refused = run(&desk, &["stage", "Tool", "--to", "Köln"]).ends(3);
    assert!(refused.err.starts_with("error[staging-not-trusted]: "), "{}", refused.err);
    assert!(refused.err.contains("--certificates FILE"), "{}", refused.err);
    let certificate = site.certificate.as_ref().ok_or("it has one")?.display().to_string();
    let trusting = |line: &[&str]| run(&desk, &[line, &["--certificates", &certificate]].concat());
    trusting(&["stage", "Tool", "--to", "Köln"]).ends(0);
    trusting(&["staging", "verify", "Köln", "--deep"]).ends(0);
    // It was named for those two, and is not kept.
    run(&desk, &["staging", "verify", "Köln"]).ends(3);
    let list = site.object("delivery/site.json");
    let waits = run(&desk, &["manage", "--once"]).ends(0);
    assert!(waits.err.contains("note: Köln: ") && waits.err.contains("trusted"), "{}", waits.err);
    assert!(!list.exists(), "nothing was written there");
    trusting(&["manage", "--once"]).ends(0);
    assert!(list.exists());
    let made = run(&desk, &["computer", "token", "make"]).ends(0);
    assert!(made.err.contains("it cannot be used at Köln yet: "), "{}", made.err);
    let by_environment =
        program(&desk, &["manage", "--once"]).env("PACKHOUSE_CERTIFICATES", &certificate).output()?;
    let told = String::from_utf8_lossy(&by_environment.stderr);
    assert!(by_environment.status.success() && !told.contains("Köln"), "{told}");
    let open = fs::read_dir(site.object("delivery/enrol"))?.count();
    assert_eq!(open, 1, "the token was opened there");
    Ok(())
}
