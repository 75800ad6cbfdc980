//! What the console refuses, and how it says so; and work that is cancelled.

use std::fs;

use packhouse::package::PackageState;

use super::desk::{Desk, surroundings};

#[test]
fn a_source_inside_the_library_is_refused() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    let inside = desk.data("7-Zip", "24.09");
    desk.drop(&[&inside]);
    desk.wait_for("Code: source-in-library");
    assert!(!desk.is_enabled("Create"));
}

#[cfg(unix)]
#[test]
fn links_are_listed_and_can_be_left_out() {
    let mut desk = Desk::open();
    let source = desk.source("Tool 1.0", &[("tool", "x")]);
    std::os::unix::fs::symlink("tool", source.join("alias")).expect("a link");
    std::os::unix::fs::symlink("/etc/hostname", source.join("host")).expect("a link");
    desk.drop(&[&source]);
    desk.wait_for("alias");
    assert!(desk.sees("host: "), "all links are listed at once");
    assert!(!desk.is_enabled("Create"));
    desk.click("Leave out");
    desk.wait_for("Left out: 2 symbolic links");
    assert!(desk.is_enabled("Create"));
}

#[test]
fn a_name_that_is_there_is_not_made_twice() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    let source = desk.source("7-zip-24.09", &[("b.txt", "b")]);
    desk.drop(&[&source]);
    desk.wait_for("1 file");
    desk.wait_for("is already in the library");
    desk.wait("the files are compared", |desk| desk.is_enabled("Create"));
    desk.click("Create");
    desk.wait_for("7-Zip 24.09 exists already");
    desk.click("Cancel");
    desk.wait_until_gone("7-Zip 24.09 exists already");
    desk.fill("Version", "24.10");
    assert!(!desk.sees("is already in the library") && desk.is_enabled("Create"));
}

#[test]
fn a_cancelled_registration_leaves_nothing() {
    let mut desk = Desk::open();
    let source = desk.source("Big 1.0", &[("small.txt", "x")]);
    let big = fs::File::create(source.join("big.bin")).expect("a file");
    // All holes: it takes no room, and long enough to read.
    big.set_len(6 << 30).expect("a long file");
    desk.drop(&[&source]);
    desk.wait_for("2 files");
    desk.click_without_settling("Create");
    desk.wait("the row of the work", |desk| desk.sees("Registering Big 1.0"));
    desk.click_without_settling("Cancel");
    desk.wait_until_gone("Registering Big 1.0");
    assert!(desk.package("Big 1.0").is_none());
    let library = desk.folder.path().join("library");
    let left = |name: &str| fs::read_dir(library.join(name)).map_or(0, Iterator::count);
    assert_eq!((left("packages"), left(".incoming")), (0, 0));
}

#[test]
fn a_folder_that_is_no_library_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let around = surroundings(folder.path());
    fs::create_dir_all(&around.library).expect("a folder");
    fs::write(around.library.join("letter.txt"), "Dear Anna").expect("a file");
    let desk = Desk::start(folder, around);
    assert!(desk.sees("This folder is not a library"));
    assert!(desk.sees("Code: not-a-library") && desk.has("Choose another…"));
}

#[test]
fn a_damaged_library_can_be_rebuilt() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    let Desk { harness, folder } = desk;
    drop(harness);
    let around = surroundings(folder.path());
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(around.library.join(format!("catalog.db{ending}")));
    }
    fs::write(around.library.join("catalog.db"), vec![0x5a; 64 << 10]).expect("damaged");
    let mut desk = Desk::start(folder, around);
    assert!(desk.sees("Code: library-damaged"), "{:?}", desk.labels());
    desk.click("Rebuild…");
    desk.click("Rebuild");
    desk.wait_for("The library database was rebuilt");
    desk.wait("the package", |desk| desk.package("7-Zip 24.09").is_some());
    assert_eq!(desk.package("7-Zip 24.09").map(|package| package.state), Some(PackageState::Open));
}
