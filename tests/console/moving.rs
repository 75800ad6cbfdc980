//! The library moved to another folder, its old copy deleted, and handed over.

use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

#[test]
fn the_library_is_moved_opened_there_and_the_old_copy_deleted() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    let (old, new) = (desk.folder.path().join("library"), desk.folder.path().join("elsewhere/library"));
    desk.command("Move library");
    desk.wait_for("Move the library");
    desk.wait_for("1 package, ");
    desk.fill("To", &old.join("inside").display().to_string());
    assert!(!desk.is_enabled("Move"), "not into itself");
    desk.fill("To", &new.display().to_string());
    desk.click("Move");
    desk.wait_for("The library was moved");
    desk.wait("the library in its new place", |desk| {
        desk.session().is_some_and(|session| session.root().ends_with("elsewhere/library"))
    });
    desk.click("Close");
    desk.wait_for("7-Zip 24.09, ");
    assert!(old.join("packages").exists(), "the old folder stays");
    assert!(new.join("packages/7-Zip/24.09/data/bin/7z.exe").exists());
    desk.wait("that there is an old copy", |desk| {
        let info = desk.session().map(|session| {
            session.run(packhouse::session::ReadInfo {}, &packhouse::work::Work::new()).expect("read")
        });
        info.is_some_and(|info| info.old_copy.is_some())
    });
    desk.settle();
    desk.command("Delete the old copy");
    desk.wait_for("Delete the old copy of the library?");
    // The default keeps it.
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_gone("Delete the old copy of the library?");
    assert!(old.exists());
    desk.command("Delete the old copy");
    desk.click("Delete");
    desk.wait("it is gone", |_| !old.exists());
    desk.wait_until_gone("Deleting the old copy");
    // What cannot be done says why.
    desk.press(Modifiers::COMMAND, Key::K);
    desk.fill("Command", "old copy");
    desk.wait_for("There is no old copy");
}

#[test]
fn a_move_onto_other_files_is_refused_and_changes_nothing() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    let new = desk.folder.path().join("occupied");
    std::fs::create_dir(&new).expect("a folder");
    std::fs::write(new.join("mine.txt"), "mine").expect("a file");
    desk.command("Move library");
    desk.fill("To", &new.display().to_string());
    desk.click("Move");
    desk.wait_for("Copy report");
    desk.click("Close");
    assert!(desk.session().is_some_and(|session| session.root().ends_with("library")));
    assert!(desk.sees("7-Zip 24.09, "));
    assert_eq!(std::fs::read_to_string(new.join("mine.txt")).expect("still there"), "mine");
}

/// Every file below a folder, but for the library database, which is written all the time.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let (mut found, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable") {
            let entry = entry.expect("readable");
            let facts = entry.metadata().expect("readable");
            if facts.is_dir() {
                left.push(entry.path());
            } else if !entry.file_name().to_string_lossy().starts_with("catalog.db") {
                found.push((entry.path(), facts.len()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_cancelled_move_leaves_the_library_where_it_is_and_nothing_in_the_new_folder() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    let old = desk.folder.path().join("library");
    // All holes: it takes no room in the library, and long enough to copy that there is time to cancel.
    let holes = std::fs::File::create(old.join("holes.bin")).expect("a file");
    holes.set_len(24 << 30).expect("a long file");
    drop(holes);
    let before = files(&old.join("packages"));
    for (name, exists) in [("new", false), ("empty", true)] {
        let new = desk.folder.path().join(name);
        if exists {
            std::fs::create_dir(&new).expect("a folder");
        }
        desk.command("Move library");
        desk.fill("To", &new.display().to_string());
        desk.click_without_settling("Move");
        desk.wait("copying", |desk| desk.sees("Copying the library") && new.join("moving.json").exists());
        desk.click_without_settling("Cancel");
        desk.wait_until_gone("Moving the library");
        assert_eq!(new.exists(), exists, "{name}");
        assert!(
            !exists || std::fs::read_dir(&new).expect("readable").next().is_none(),
            "{name} is empty again"
        );
        assert!(!old.join("moved-to.json").exists());
        assert_eq!(files(&old.join("packages")), before, "every file is where it was");
        assert!(!desk.sees("The library was moved") && !desk.sees("Copy report"));
    }
    // It goes on as before: it can be read, proven and changed.
    assert!(desk.session().is_some_and(|session| session.root().ends_with("library")));
    std::fs::remove_file(old.join("holes.bin")).expect("removed");
    desk.select("7-Zip 24.09");
    desk.press(Modifiers::SHIFT, Key::F5);
    desk.wait("a deep check", |desk| {
        desk.package("7-Zip 24.09").is_some_and(|package| package.deep_at.is_some() && !package.is_blocked())
    });
    desk.register("Tool", "1", &[("tool.exe", "MZ")]);
}

#[test]
fn the_hand_over_is_written_and_says_which_key_has_no_backup() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.press(Modifiers::COMMAND, Key::Num9);
    desk.click("Create key…");
    desk.fill("Name", "Packaging Berlin 2026");
    desk.click("Create");
    desk.wait_for("Packaging Berlin 2026, Own, ");
    desk.command("Hand over");
    desk.wait_for("The key Packaging Berlin 2026 has no backup");
    desk.click("Save backup of Packaging Berlin 2026…");
    desk.wait_for("Save a backup of Packaging Berlin 2026");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("Save a backup of Packaging Berlin 2026");
    let to = desk.folder.path().join("hand-over");
    desk.fill("Folder", &to.display().to_string());
    desk.click("Write");
    desk.wait_for("The hand over was written");
    let page = std::fs::read_to_string(to.join("hand-over.html")).expect("a page");
    assert!(page.contains("Packaging Berlin 2026"));
    assert!(to.join("hand-over.json").exists());
    assert!(desk.sees("The key Packaging Berlin 2026 has no backup"));
}
