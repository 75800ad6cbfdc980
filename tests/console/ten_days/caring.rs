//! The library grows old, moves on and is asked questions: days 9, 10 and 11.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::package::{PackageState, Sha256Digest};

use super::{make_key, seal};
use crate::desk::Desk;

fn state(desk: &Desk, title: &str) -> Option<PackageState> {
    desk.package(title).map(|package| package.state)
}

#[test]
fn day_9_old_versions_go_into_the_archive_in_one_go() {
    let mut desk = Desk::open();
    for version in ["24.06", "24.07", "24.08", "24.09"] {
        desk.register("7-Zip", version, &[("bin/7z.exe", "MZ program")]);
    }
    make_key(&desk);
    for version in ["24.06", "24.07", "24.08", "24.09"] {
        seal(&mut desk, &format!("7-Zip {version}"));
    }
    desk.command("Select all but the newest 2 versions");
    desk.wait_for("2 selected");
    desk.click("Archive…");
    desk.wait_for("Archive 2 packages");
    let shelf = desk.folder.path().join("shelf");
    desk.fill("Archive folder", &shelf.display().to_string());
    desk.fill("Comment", "replaced by 24.09");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("archived", |desk| {
        ["7-Zip 24.06", "7-Zip 24.07"].iter().all(|title| state(desk, title) == Some(PackageState::Archived))
    });
    assert_eq!(state(&desk, "7-Zip 24.09"), Some(PackageState::Sealed));
    assert!(!desk.data("7-Zip", "24.06").exists() && !desk.data("7-Zip", "24.07").exists());
    desk.click("Archived, 2");
    desk.wait_for("7-Zip 24.06, ");
    desk.select("7-Zip 24.07");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("7-Zip 24.07 - Properties");
    desk.click("General");
    desk.wait_for("replaced by 24.09");
    desk.wait_for("(reachable)");
    // An archive that is not there now is said to be so.
    fs::rename(shelf.join("7-Zip-24.07.tar.zst"), desk.folder.path().join("lent.tar.zst")).expect("lent");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("7-Zip 24.07 - Properties");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.click("General");
    desk.wait_for("(not reachable now)");
}

#[test]
fn day_10_the_successor_has_the_key_and_seals_on() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("bin/7z.exe", "MZ program")]);
    make_key(&desk);
    seal(&mut desk, "7-Zip 24.09");
    let backup = desk.folder.path().join("key.backup");
    desk.press(Modifiers::COMMAND, Key::Num9);
    desk.click_part("Packaging Berlin 2026, Own, ");
    desk.click("Save backup…");
    desk.fill("File", &backup.display().to_string());
    desk.fill("Passphrase", "correct horse");
    desk.fill("Once more", "correct horse");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("the backup", |_| backup.is_file());
    desk.wait_until_gone("Save a backup of");

    // Somebody else, with keys of their own and the library as it lies there.
    let Desk { harness, folder } = desk;
    drop(harness);
    let mut around = crate::desk::surroundings(folder.path());
    around.actor.who = "jan".to_owned();
    around.keys = folder.path().join("keys of jan");
    let mut desk = Desk::start(folder, around);
    desk.wait_for("7-Zip 24.09, ");
    desk.press(Modifiers::COMMAND, Key::Num9);
    desk.click("Import key…");
    desk.fill("Backup file", &backup.display().to_string());
    desk.fill("Name here", "Packaging Berlin 2026");
    desk.fill("Passphrase", "correct horse");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("Packaging Berlin 2026, Own, ");
    desk.wait_until_gone("Import a key from its backup");
    desk.wait_for("used by 1 package");
    desk.register("Tool", "1", &[("tool.exe", "MZ")]);
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.select("Tool 1");
    desk.click("Seal…");
    desk.wait_for("Block size");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("sealed", |desk| state(desk, "Tool 1") == Some(PackageState::Sealed));
    desk.press(Modifiers::COMMAND, Key::Num9);
    desk.wait_for("used by 2 packages");
}

#[test]
fn day_11_a_file_is_found_by_name_and_by_hash_in_archives_too() {
    let mut desk = Desk::open();
    desk.register("Shop", "1", &[("lib/log4j-core-2.jar", "the same bytes")]);
    desk.register("Desk", "2", &[("app/renamed.bin", "the same bytes"), ("lib/log4j-api.jar", "others")]);
    make_key(&desk);
    for title in ["Shop 1", "Desk 2"] {
        seal(&mut desk, title);
    }
    desk.select("Shop 1");
    desk.click("Archive…");
    let shelf = desk.folder.path().join("shelf");
    desk.fill("Archive folder", &shelf.display().to_string());
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("archived", |desk| state(desk, "Shop 1") == Some(PackageState::Archived));
    desk.settle();

    desk.press(Modifiers::COMMAND, Key::F);
    desk.type_into_search("*log4j*.jar");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("2 files in 2 packages match “*log4j*.jar”");
    assert!(desk.sees("Files inside .jar, .zip and .msi are not searched."));
    desk.click("In archived packages too");
    desk.wait_for("1 file in 1 package match");
    assert!(desk.sees("lib/log4j-api.jar, Desk 2"));
    desk.click("In archived packages too");
    desk.wait_for("lib/log4j-core-2.jar, Shop 1");

    // Its hash finds it under another name.
    let digest = Sha256Digest::of(b"the same bytes").to_string();
    desk.press(Modifiers::COMMAND, Key::F);
    desk.press(Modifiers::COMMAND, Key::A);
    desk.type_into_search(&digest);
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("2 files in 2 packages match");
    desk.wait_for("app/renamed.bin, Desk 2");
    desk.click("Select packages");
    desk.wait_for("2 selected");
}
