//! A library and a key folder of its own for each test, and the program run on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

/// A temporary place with `library/`, `keys/` and room for sources.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// What one run of the program gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Exactly one JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    #[track_caller]
    pub(crate) fn refuses(self, exit: i32, code: &str) -> Self {
        let ran = self.ends(exit);
        assert!(ran.err.starts_with(&format!("error[{code}]: ")), "{}", ran.err);
        assert!(ran.err.contains("\naction: "), "{}", ran.err);
        assert_eq!(ran.out, "", "nothing is printed on standard output by a refusal");
        ran
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("PACKHOUSE_LIBRARY", self.path("library"))
            .env("PACKHOUSE_KEYS", self.path("keys"))
            .env("USER", "anna")
            .timeout(std::time::Duration::from_secs(120));
        Ran::from(command.output().expect("the program runs"))
    }

    /// Makes files below `name`: (path, content).
    pub(crate) fn source(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let root = self.path(name);
        for (path, content) in files {
            let file = root.join(path);
            fs::create_dir_all(file.parent().expect("below the root")).expect("a folder");
            fs::write(file, content).expect("a file");
        }
        root
    }

    /// Registers `Tool 1.0`: two files.
    pub(crate) fn with_tool() -> Self {
        let place = Self::new();
        place.source("Tool 1.0", &[("bin/run.sh", b"#!/bin/sh\n"), ("data.bin", &[7; 300_000])]);
        place.run(&["register", "Tool 1.0"]).ends(0);
        place
    }

    pub(crate) fn data(&self, path: &str) -> PathBuf {
        self.path("library/packages/Tool/1.0/data").join(path)
    }
}

/// Every file below a folder with its content and whether it is executable, in order.
pub(crate) fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>, bool)> {
    use std::os::unix::fs::PermissionsExt as _;
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let mode = fs::metadata(&path).expect("a file").permissions().mode();
                let content = fs::read(&path).expect("a file");
                found.push((path.strip_prefix(root).expect("below").to_owned(), content, mode & 0o100 != 0));
            }
        }
    }
    found.sort();
    found
}
