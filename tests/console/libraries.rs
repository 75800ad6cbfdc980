//! The library as a whole: opened for reading only, out of reach, chosen anew, and changed by another program.

use std::fs;
use std::path::Path;
use std::process::Command;

use packhouse::console::one_window::{Entrance, enter};
use packhouse::session::{FileSystem, Session, ShareOptions};

use crate::desk::{Desk, surroundings};

/// Runs the command line on the library of the desk, as somebody beside the open console would.
fn run(folder: &Path, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"))
        .args(arguments)
        .current_dir(folder)
        .env("PACKHOUSE_LIBRARY", folder.join("library"))
        .env("PACKHOUSE_KEYS", folder.join("keys"))
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_another_program_registers_appears_and_what_it_removes_closes_its_window() {
    let mut desk = Desk::open();
    desk.source("Tool 1.0", &[("app.exe", "x")]);
    run(desk.folder.path(), &["register", "Tool 1.0"]);
    desk.wait("the new package", |desk| desk.package("Tool 1.0").is_some());
    desk.settle();
    desk.select("Tool 1.0");
    desk.harness.key_press_modifiers(egui::Modifiers::ALT, egui::Key::Enter);
    desk.wait_for("Tool 1.0 - Properties");
    run(desk.folder.path(), &["remove", "Tool", "--yes"]);
    desk.wait("the removal", |desk| desk.package("Tool 1.0").is_none());
    desk.wait_until_gone("Tool 1.0 - Properties");
}

fn share(folder: &Path) -> ShareOptions {
    ShareOptions {
        file_system: FileSystem::Share,
        read_only_if_in_use: false,
        copies: Some(folder.join("copies")),
    }
}

#[test]
fn a_library_in_use_elsewhere_is_read_and_becomes_writable_when_it_is_free() {
    let folder = tempfile::tempdir().expect("a folder to play in");
    let mut around = surroundings(folder.path());
    around.share = share(folder.path());
    let mut theirs = around.open_options();
    theirs.actor.who = "jan".to_owned();
    theirs.actor.host = "pc-7".to_owned();
    let jan = Session::open(theirs).expect("the first to open it");
    let mut desk = Desk::start(folder, around);
    assert!(desk.has("The library is in use elsewhere"));
    for button in ["Quit", "Try again", "Open read-only"] {
        assert!(desk.is_enabled(button), "{button}");
    }
    desk.click("Open read-only");
    desk.wait_for("Read-only, in use by jan on pc-7 since");
    assert!(desk.session().is_some_and(Session::is_read_only));
    desk.click("Try again");
    desk.wait_for("Read-only, in use by jan on pc-7 since");
    drop(jan);
    desk.wait_for("Nobody else has the library now");
    desk.click("Try again");
    desk.wait_until_gone("Read-only");
    desk.wait("writable", |desk| desk.session().is_some_and(|session| !session.is_read_only()));
    desk.wait_for("Polling every 15 min");
}

#[test]
fn a_library_out_of_reach_says_so_and_comes_back_by_itself() {
    let mut desk = Desk::open();
    desk.register("Tool", "1.0", &[("app.exe", "x")]);
    let library = desk.folder.path().join("library");
    let away = desk.folder.path().join("unplugged");
    fs::rename(&library, &away).expect("unplugged");
    let banner = format!("The library folder {} cannot be reached: ", library.display());
    desk.wait_for(&banner);
    assert!(desk.sees("Nothing was changed."));
    assert!(desk.has("Choose another…"));
    desk.click("Try again");
    assert!(desk.sees(&banner) && desk.package("Tool 1.0").is_some(), "the list stays");
    assert!(!desk.is_enabled("New package…"), "what needs files is grey");
    fs::rename(&away, &library).expect("plugged in again");
    desk.wait_until_gone("cannot be reached");
    let package = desk.package("Tool 1.0").expect("still there");
    assert!(package.marked.is_none() && !package.is_blocked(), "it has changed no package");
    desk.register("Other", "2.0", &[("app.exe", "x")]);
}

#[test]
fn choosing_a_library_says_what_is_in_a_folder() {
    let mut desk = Desk::open();
    let folder = desk.folder.path().to_owned();
    let at = |name: &str| folder.join(name).display().to_string();
    fs::create_dir(folder.join("empty")).expect("a folder");
    desk.source("other", &[("letter.txt", "x")]);
    desk.source("damaged", &[("catalog.db", "this is no database, but long enough to be read as one")]);
    let newer = folder.join("newer");
    let mut made = surroundings(&folder);
    made.library = newer.clone();
    drop(Session::open(made.open_options()).expect("a new library"));
    // The format is the number at byte 60 of the file.
    let mut bytes = fs::read(newer.join("catalog.db")).expect("it is read");
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    fs::write(newer.join("catalog.db"), bytes).expect("it is written");
    desk.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::O);
    desk.wait_for("A library.");
    for (name, said, opens) in [
        ("missing", "a new library is made there", true),
        ("empty", "it becomes a new library", true),
        ("other", "holds other files and is no library", false),
        ("damaged", "It can be rebuilt", true),
        ("newer", "A library of format 999", false),
    ] {
        desk.fill("Folder", &at(name));
        desk.wait_for(said);
        assert_eq!(desk.is_enabled("Open"), opens, "{name}");
    }
    desk.click(&folder.join("library").canonicalize().expect("it is there").display().to_string());
    desk.wait_for("A library.");
    desk.fill("Folder", &at("empty"));
    desk.wait_for("it becomes a new library");
    desk.click("Open");
    desk.wait("another library", |desk| {
        desk.session().is_some_and(|session| session.root().ends_with("empty"))
    });
}

#[test]
fn after_a_change_of_library_a_second_console_finds_this_window_by_the_new_one() {
    let folder = tempfile::tempdir().expect("a folder to play in");
    let (run, old, new) =
        (folder.path().join("run"), folder.path().join("library"), folder.path().join("new"));
    let mut around = surroundings(folder.path());
    let Entrance::First(calls) = enter(&run, &old, &[]) else { panic!("nobody else is here") };
    around.calls = calls;
    let mut desk = Desk::start(folder, around);
    desk.press(egui::Modifiers::COMMAND, egui::Key::O);
    desk.wait_for("A library.");
    desk.fill("Folder", &new.display().to_string());
    desk.wait_for("a new library is made there");
    desk.click("Open");
    desk.wait("another library", |desk| {
        desk.session().is_some_and(|session| session.root().ends_with("new") && session.view().epoch > 0)
    });
    let handed = desk.source("Handed 2.0", &[("app.exe", "x")]);
    let second = enter(&run, &new, &[handed]);
    assert!(matches!(second, Entrance::HandedOver), "{second:?}");
    desk.wait_for("New package");
    desk.wait("the paths of the second console", |desk| desk.sees("Handed"));
    // Another window takes the library that was left, and keeps it.
    let Entrance::First(_other) = enter(&run, &old, &[]) else { panic!("the old library is free") };
    desk.press(egui::Modifiers::COMMAND, egui::Key::O);
    desk.wait_for("A library.");
    desk.fill("Folder", &old.display().to_string());
    desk.wait("the look at it", |desk| desk.is_enabled("Open"));
    desk.click("Open");
    desk.wait_for("is open in another window");
    assert!(desk.session().is_some_and(|session| session.root().ends_with("new")), "this one stays as it is");
}

#[test]
fn a_newer_or_damaged_library_offers_what_can_be_done() {
    let folder = tempfile::tempdir().expect("a folder to play in");
    let library = folder.path().join("library");
    fs::create_dir(&library).expect("a folder");
    fs::write(library.join("catalog.db"), "this is no database, but long enough to be read as one")
        .expect("a file");
    let around = surroundings(folder.path());
    let desk = Desk::start(folder, around);
    assert!(desk.has("The library database is damaged"));
    for button in ["Quit", "Open read-only", "Rebuild…"] {
        assert!(desk.is_enabled(button), "{button}");
    }
    assert!(desk.sees("Lost are the times of checks"));
}
