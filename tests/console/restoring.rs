//! What is said when an archive cannot be restored, and each way on from there; exporting, a new version, unsealing.

use std::fs;
use std::path::PathBuf;

use egui::Key;
use packhouse::package::PackageState;
use packhouse::session::{Archive, ArchiveRequest, CreateKey, ListKeys, Seal};
use packhouse::work::Work;

use super::desk::Desk;

const TITLE: &str = "7-Zip 24.09";

/// Content that compresses to nothing less than itself, so that damage in the middle of the archive meets it.
fn noise() -> String {
    let numbers = (0..400_000u32).map(|number| number.wrapping_mul(2_654_435_761).rotate_left(number % 31));
    numbers.map(|number| format!("{number:08x}")).collect()
}

fn state(desk: &Desk) -> Option<PackageState> {
    desk.package(TITLE).map(|package| package.state)
}

fn sealed() -> Desk {
    let mut desk = Desk::open();
    let noise = noise();
    desk.register("7-Zip", "24.09", &[("bin/7z.exe", "MZ program"), ("noise.bin", &noise)]);
    let session = desk.session().expect("open").clone();
    session.run(CreateKey { name: "Packaging".to_owned() }, &Work::new()).expect("a key");
    let package = desk.package(TITLE).expect("registered").id;
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
    desk.wait("sealed", |desk| state(desk) == Some(PackageState::Sealed));
    desk.settle();
    desk
}

/// An archived package, selected, and its archive file.
fn archived() -> (Desk, PathBuf) {
    let mut desk = sealed();
    let package = desk.package(TITLE).expect("sealed").id;
    let folder = desk.folder.path().join("shelf");
    let request = ArchiveRequest { folder: folder.clone(), comment: String::new() };
    let session = desk.session().expect("open").clone();
    session.run(Archive { package, request }, &Work::new()).expect("archived");
    desk.wait("archived", |desk| state(desk) == Some(PackageState::Archived));
    desk.settle();
    desk.click("Archived, 1");
    desk.select(TITLE);
    (desk, folder.join("7-Zip-24.09.tar.zst"))
}

fn ask_to_restore(desk: &mut Desk) {
    desk.click("Restore…");
    desk.wait_for("Restore 7-Zip 24.09");
    desk.wait_for("Every block is checked against the seal");
    desk.click("Restore");
}

#[test]
fn a_damaged_archive_names_its_files_and_gives_the_good_ones() {
    let (mut desk, file) = archived();
    let mut bytes = fs::read(&file).expect("the archive");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xA5);
    fs::write(&file, bytes).expect("damaged");
    ask_to_restore(&mut desk);
    desk.wait_for("The archive of 7-Zip 24.09 is damaged");
    desk.wait_for("1 of 2 files cannot be restored as they were archived on 20");
    assert!(desk.sees("Nothing was changed in the library.") && desk.sees("noise.bin, "));
    desk.wait_for("noise.bin, 3.1 MiB, content");
    assert!(!desk.has("Repair and restore"), "no codebase is known");
    // The default changes nothing.
    desk.harness.key_press(Key::Enter);
    desk.wait_until_gone("is damaged");
    assert_eq!(state(&desk), Some(PackageState::Archived));

    ask_to_restore(&mut desk);
    desk.wait_for("The archive of 7-Zip 24.09 is damaged");
    desk.click("Save the good files to a folder…");
    desk.wait_for("A note NOT-A-PACKAGE.txt in it lists what is missing.");
    let to = desk.folder.path().join("good");
    desk.fill("Folder", &to.display().to_string());
    desk.click("Save");
    desk.wait_for("The good files were saved");
    assert!(desk.sees("1 good file is in "));
    assert_eq!(fs::read_to_string(to.join("bin/7z.exe")).expect("saved"), "MZ program");
    assert!(fs::read_to_string(to.join("NOT-A-PACKAGE.txt")).expect("a note").contains("noise.bin"));
    assert!(!to.join("noise.bin").exists());
    desk.click("Close");
    assert_eq!(state(&desk), Some(PackageState::Archived));
}

#[test]
fn an_archive_that_is_not_there_is_looked_for_again() {
    let (mut desk, file) = archived();
    let elsewhere = file.with_file_name("away.tar.zst");
    fs::rename(&file, &elsewhere).expect("moved");
    ask_to_restore(&mut desk);
    desk.wait_for("The archive of 7-Zip 24.09 is not there");
    assert!(desk.sees(&format!("It was archived to {} on pc-114.", file.display())));
    // The default looks again, and says the same.
    desk.harness.key_press(Key::Enter);
    desk.wait_for("The archive of 7-Zip 24.09 is not there");
    fs::rename(&elsewhere, &file).expect("moved back");
    desk.click("Look again");
    desk.wait("restored", |desk| state(desk) == Some(PackageState::Sealed));
}

#[test]
fn an_archive_that_was_moved_is_chosen_by_its_path() {
    let (mut desk, file) = archived();
    let elsewhere = file.with_file_name("away.tar.zst");
    fs::rename(&file, &elsewhere).expect("moved");
    ask_to_restore(&mut desk);
    desk.wait_for("The archive of 7-Zip 24.09 is not there");
    desk.click("Choose the file…");
    desk.wait_for("Restore a package from an archive");
    desk.fill("Archive file", &elsewhere.display().to_string());
    desk.harness.key_press(Key::Enter);
    desk.wait("restored", |desk| state(desk) == Some(PackageState::Sealed));
    assert!(desk.data("7-Zip", "24.09").join("bin/7z.exe").is_file());
}

#[test]
fn what_is_there_already_is_shown_and_not_made_twice() {
    let (mut desk, file) = archived();
    ask_to_restore(&mut desk);
    desk.wait("restored", |desk| state(desk) == Some(PackageState::Sealed));
    desk.click("Software Package Library, 1");
    // An archive dropped onto the window asks to be restored.
    desk.drop(&[&file]);
    desk.wait_for("Restore a package from an archive");
    desk.click("Restore");
    desk.wait_for("7-Zip 24.09 is already in the library");
    assert!(desk.sees("A second copy under the same name is never made."));
    desk.click("Show it");
    desk.wait_for("7-Zip 24.09 - Properties");
}

#[test]
fn an_archive_without_registration_is_taken_as_a_new_package() {
    let mut desk = Desk::open();
    let folder = desk.source("Other 2.0", &[("setup.exe", "MZ")]);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all("Other-2.0", &folder).expect("packed");
    let packed = archive.into_inner().expect("a tar file");
    let file = desk.folder.path().join("Other 2.0.tar.zst");
    fs::write(&file, zstd::encode_all(packed.as_slice(), 3).expect("compressed")).expect("written");
    desk.drop(&[&file]);
    desk.wait_for("Restore a package from an archive");
    desk.click("Restore");
    desk.wait_for("This archive cannot be restored");
    assert!(desk.sees(&format!("No registration information (reginfo) found in {}.", file.display())));
    assert!(desk.sees("If these are the files of a package, register them as a new one."));
    desk.click("Register as new…");
    desk.wait_for("1 file");
    assert_eq!(desk.control("Version").value().as_deref(), Some("2.0"));
}

#[test]
fn a_sealed_package_is_exported_copied_as_a_new_version_and_unsealed() {
    let mut desk = sealed();
    desk.select(TITLE);
    desk.harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::E);
    desk.settle();
    desk.wait_for("Export 7-Zip 24.09");
    let to = desk.folder.path().join("out");
    desk.fill("Folder", &to.display().to_string());
    desk.harness.key_press(Key::Enter);
    desk.wait("the copy", |_| to.join("data/bin/7z.exe").is_file() && to.join("bagit.txt").is_file());
    // Again into the same folder: it holds other things now.
    desk.wait_until_gone("Exporting 7-Zip 24.09");
    desk.harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::E);
    desk.settle();
    desk.fill("Folder", &to.display().to_string());
    desk.click("Export");
    desk.wait_for("Code: folder-not-empty");
    assert!(desk.sees("Choose an empty folder, or a new one"));
    desk.click("Close");

    desk.properties(TITLE);
    desk.click("General");
    desk.click("New version…");
    desk.wait_for("New version of 7-Zip 24.09");
    desk.fill("Version", "24.09");
    assert!(!desk.is_enabled("Create"), "it is taken");
    desk.fill("Version", "25.00");
    desk.harness.key_press(Key::Enter);
    desk.wait("the new version", |desk| desk.package("7-Zip 25.00").is_some());
    assert_eq!(desk.package("7-Zip 25.00").map(|package| package.state), Some(PackageState::Open));

    desk.wait_until_gone("Making version");
    desk.click("Unseal…");
    desk.wait_for("Unseal 7-Zip 24.09?");
    // The keyboard stands on Cancel.
    desk.harness.key_press(Key::Enter);
    desk.wait_until_gone("Unseal 7-Zip 24.09?");
    assert_eq!(state(&desk), Some(PackageState::Sealed));
    desk.click("Unseal…");
    desk.wait_for("Unseal 7-Zip 24.09?");
    desk.click("Unseal");
    desk.wait("open", |desk| state(desk) == Some(PackageState::Open));
}

#[test]
fn what_is_blocked_is_left_out_of_an_archive_of_several() {
    let mut desk = sealed();
    desk.register("Blender", "4.3", &[("blender", "program")]);
    let session = desk.session().expect("open").clone();
    let package = desk.package("Blender 4.3").expect("registered").id;
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
    fs::write(desk.data("Blender", "4.3").join("surprise"), "not ours").expect("written");
    desk.select("Blender 4.3");
    desk.harness.key_press(Key::F5);
    desk.wait("blocked", |desk| desk.package("Blender 4.3").is_some_and(|package| package.is_blocked()));
    desk.settle();
    desk.harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
    desk.settle();
    desk.click("Archive…");
    desk.wait_for("1 package is left out:");
    assert!(desk.sees("Blender 4.3: differs from its checksum"));
    let shelf = desk.folder.path().join("shelf");
    desk.fill("Archive folder", &shelf.display().to_string());
    desk.click("Archive");
    desk.wait("archived", |desk| state(desk) == Some(PackageState::Archived));
    assert_eq!(desk.package("Blender 4.3").map(|package| package.state), Some(PackageState::Sealed));
}

#[test]
fn a_key_that_nobody_trusts_is_trusted_from_the_dialog_and_the_restore_goes_on() {
    let (desk, file) = archived();
    let session = desk.session().expect("open").clone();
    let key = session.run(ListKeys {}, &Work::new()).expect("keys").remove(0);
    let mut other = Desk::open();
    other.click("Restore…");
    other.fill("Archive file", &file.display().to_string());
    other.click("Restore");
    other.wait_for("Signed by a key that is not trusted");
    assert!(other.sees(&format!("Fingerprint {}", key.key_id)));
    other.click("Trust this key…");
    other.wait_for("A seal names its key and does not hold it");
    other.fill("Key or .pub file", &key.public);
    other.fill("Name here", "Packaging Lyon 2025");
    other.fill("Last 8 of it", "00000000");
    assert!(!other.is_enabled("Trust"), "the end of another fingerprint");
    other.fill("Last 8 of it", &key.key_id[8..]);
    other.click("Trust");
    other.wait("restored", |desk| state(desk) == Some(PackageState::Sealed));
}

#[test]
fn a_damaged_archive_is_repaired_from_the_properties_of_the_package() {
    let (mut desk, file) = archived();
    desk.properties(TITLE);
    desk.click("Consistency");
    assert!(!desk.is_enabled("Repair archive…"), "no damage is known");
    let spare = file.with_file_name("spare.tar.zst");
    fs::copy(&file, &spare).expect("a copy");
    let mut bytes = fs::read(&file).expect("the archive");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xA5);
    fs::write(&file, bytes).expect("damaged");
    desk.click_last("Verify archive");
    desk.wait("the damage", |desk| desk.has("Repair archive…") && desk.is_enabled("Repair archive…"));
    desk.wait_for("damage found");
    desk.click("Repair archive…");
    desk.wait_for("Repair and restore 7-Zip 24.09");
    desk.fill("Repair from", &spare.display().to_string());
    desk.click_last("Repair and restore");
    desk.wait("restored", |desk| state(desk) == Some(PackageState::Sealed));
    let restored = desk.data("7-Zip", "24.09").join("noise.bin");
    assert_eq!(fs::read_to_string(restored).expect("a file"), noise());
}
