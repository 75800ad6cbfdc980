//! A disk that is full, and a medium that cannot be written. Both are mounted for real, which takes root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::Place;

/// Something mounted on a folder until it is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(folder: &Path, arguments: &[&str]) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        mount(&[arguments, &[&folder.display().to_string()]].concat());
        Self(folder.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str]) {
    let status = Command::new("mount").args(arguments).status().expect("mount is installed");
    assert!(status.success(), "this test mounts a small disk and must run as root: mount {arguments:?}");
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let place = Place::new();
    let _disk = Mounted::new(&place.path("library"), &["-t", "tmpfs", "-o", "size=4m", "tmpfs"]);
    place.source("Big 1.0", &[("a", &[1; 3_000_000]), ("b", &[2; 3_000_000])]);
    place.run(&["register", "Big 1.0"]).refuses(4, "disk-full");
    assert_eq!(fs::read_dir(place.path("library/.incoming")).expect("the folder").count(), 0);
    place.source("Small 1.0", &[("a", b"1")]);
    place.run(&["register", "Small 1.0"]).ends(0);
}

#[test]
fn a_medium_that_cannot_be_written_is_read() {
    let place = Place::new();
    let disk = Mounted::new(&place.path("library"), &["-t", "tmpfs", "-o", "size=16m", "tmpfs"]);
    place.source("Tool 1.0", &[("a", b"1")]);
    place.run(&["register", "Tool 1.0"]).ends(0);
    mount(&["-o", "remount,ro", &disk.0.display().to_string()]);
    assert_eq!(place.run(&["list", "--json"]).ends(0).json().as_array().map(Vec::len), Some(1));
    place.run(&["show", "Tool"]).ends(0);
    place.run(&["find", "a"]).ends(0);
    place.run(&["check", "Tool", "--deep"]).ends(0);
    place.run(&["history", "--verify"]).ends(0);
    place.source("Other 1.0", &[("a", b"1")]);
    place.run(&["register", "Other 1.0"]).refuses(3, "read-only");
}
