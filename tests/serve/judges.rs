//! aria2c downloads a sealed package from us, and bagit.py and our own program find it whole.

use std::fs;
use std::process::Command;

use crate::support::tool;
use crate::{Outcome, content, sealed, serve};

#[test]
fn aria2_downloads_a_sealed_package_and_bagit_finds_it_valid() -> Outcome {
    let place = tempfile::tempdir()?;
    let big = content(7_000_000);
    let packages = sealed(
        place.path(),
        &[
            ("bin/big file.bin", &big),
            ("100%.txt", b"percent"),
            ("#1 + <2>?.txt", b"signs"),
            ("ملف 🧰.txt", b"letters"),
            ("empty", b""),
            (".hidden/dot", b"dot"),
            ("back\\slash", b"slash"),
        ],
    )?;
    let server = serve(&packages)?;
    let url = format!("{}Tool/1.0/", server.url());
    let here = place.path().join("here");
    fs::create_dir(&here)?;
    let aria2 = || {
        let mut command = Command::new(tool("aria2c", "apt-get install aria2"));
        command.args(["--no-conf", "--quiet=true", "--auto-file-renaming=false", "--file-allocation=none"]);
        command.args(["--allow-overwrite=true", "--max-tries=2", "--no-proxy=*", "--timeout=30"]);
        command
    };
    let runs = |command: &mut Command| -> Outcome {
        let out = command.output()?;
        let text =
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{command:?}: {text}");
        Ok(())
    };
    // What stands beside the data, by name; then the data as the snapshot that came lists them.
    let tags: Vec<String> = fs::read_dir(packages.join("Tool/1.0"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .filter(|name| !name.as_ref().is_ok_and(|name| name == "data"))
        .collect::<Result<_, std::io::Error>>()?;
    assert!(tags.len() >= 7, "{tags:?}");
    for tag in &tags {
        runs(aria2().arg("--follow-metalink=false").arg("--dir").arg(&here).arg(format!("{url}{tag}")))?;
    }
    runs(
        aria2()
            .args([
                "--check-integrity=true",
                "--split=5",
                "--min-split-size=1M",
                "--max-connection-per-server=5",
            ])
            .arg(format!("--metalink-base-uri={url}"))
            .arg(format!("--metalink-file={}", here.join("snapshot.meta4").display()))
            .arg(format!("--dir={}", here.join("data").display())),
    )?;
    assert!(fs::read(here.join("data/bin/big file.bin"))? == big);
    let bagit = || {
        let mut command = Command::new(tool("bagit.py", "python3 -m pip install bagit"));
        command.arg("--validate").arg(&here);
        command
    };
    runs(&mut bagit())?;
    let verify = || {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
        command.arg("verify").arg(&here).env("PACKHOUSE_KEYS", place.path().join("keys"));
        command
    };
    verify().assert().success();
    // The judge judges.
    fs::write(here.join("data/100%.txt"), "Percent")?;
    assert!(!bagit().output()?.status.success());
    verify().assert().code(1);
    Ok(())
}
