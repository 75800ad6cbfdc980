//! The story of a package through the console, by accessible names: dropped, registered, changed behind its back,
//! found out, answered in each way, sealed, archived, restored.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::package::{Finding, HistoryEvent, PackageState};
use packhouse::session::{HistoryFilter, ReadHistory};
use packhouse::work::Work;

use super::desk::Desk;

const FILES: &[(&str, &str)] =
    &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL"), ("Lang/de.txt", "Deutsch")];
const SWITCH: &str = "Checksum control of package consistency";
const KEEP: &str = "Keep blocked. Switch the check on and deliver nothing until this is settled";
const ACCEPT: &str = "Accept changes…. The files are right: record the new checksum and switch the check on";
const CANCEL: &str = "Cancel. The check stays off";

fn finding(desk: &Desk) -> Finding {
    desk.package("7-Zip 24.09").expect("registered").finding
}

fn is_on(desk: &Desk) -> bool {
    desk.package("7-Zip 24.09").expect("registered").checksum_control
}

/// Reasons of the entries of this event, oldest first.
fn reasons(desk: &Desk, event: HistoryEvent) -> Vec<String> {
    let filter = HistoryFilter { events: vec![event], ..HistoryFilter::default() };
    let session = desk.session().expect("open");
    let entries = session.run(ReadHistory { filter }, &Work::new()).expect("readable");
    entries.into_iter().filter_map(|entry| entry.reason).collect()
}

/// A registered package with its property window open on *Consistency*.
fn with_window() -> Desk {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.properties("7-Zip 24.09");
    desk.click("Consistency");
    desk.wait_for("Quick check");
    desk
}

fn change_a_file(desk: &Desk) {
    fs::write(desk.data("7-Zip", "24.09").join("surprise.dll"), "not ours").expect("written");
}

/// Switches the check off with a reason, changes a file, and ticks the box again.
fn ticked_after_a_change() -> Desk {
    let mut desk = with_window();
    desk.click(SWITCH);
    desk.click("Apply");
    desk.wait_for("Switch checksum control off for 7-Zip 24.09?");
    assert!(!desk.is_enabled("Switch off"), "a reason is required");
    desk.fill("Reason (required)", "drivers are replaced by hand");
    desk.click("Switch off");
    desk.wait("the check to be off", |desk| !is_on(desk));
    desk.wait("the window to follow", |desk| !desk.is_enabled("Apply"));
    assert_eq!(reasons(&desk, HistoryEvent::ControlOff), ["drivers are replaced by hand"]);
    change_a_file(&desk);
    desk.click(SWITCH);
    // The box shows what it found at once, and records nothing.
    desk.wait_for("Added: surprise.dll");
    assert!(!is_on(&desk) && finding(&desk) == Finding::Consistent);
    desk.click("Apply");
    desk.wait_for("7-Zip 24.09 differs from its recorded checksum");
    desk
}

#[test]
fn a_dropped_folder_becomes_a_package() {
    let mut desk = Desk::open();
    let source = desk.source("7-Zip 24.09", FILES);
    desk.drop(&[&source, &source]);
    desk.wait_for("3 files");
    assert_eq!(desk.control("Name").value().as_deref(), Some("7-Zip"));
    assert_eq!(desk.control("Version").value().as_deref(), Some("24.09"));
    desk.click("Create");
    desk.wait("the package", |desk| desk.package("7-Zip 24.09").is_some());
    let package = desk.package("7-Zip 24.09").expect("registered");
    assert!(package.checksum_control && package.state == PackageState::Open && package.files == 3);
    desk.properties("7-Zip 24.09");
    desk.click("Consistency");
    desk.wait_for("Quick check");
    change_a_file(&desk);
    fs::remove_file(desk.data("7-Zip", "24.09").join("License.txt")).expect("removed");
    desk.harness.key_press(Key::F5);
    desk.wait_for("Added: surprise.dll");
    assert!(desk.sees("Removed: License.txt"));
    desk.wait_for("Blocked: differs since");
    desk.wait("the finding", |desk| finding(desk) == Finding::Differs);
}

#[test]
fn keep_blocked_switches_on_and_blocks() {
    let mut desk = ticked_after_a_change();
    desk.click(KEEP);
    desk.wait("the check to be on", is_on);
    let package = desk.package("7-Zip 24.09").expect("registered");
    assert!(package.is_blocked() && package.finding == Finding::Differs);
}

#[test]
fn cancel_leaves_it_off_and_the_window_open() {
    let mut desk = ticked_after_a_change();
    desk.click(CANCEL);
    desk.wait_until_gone("differs from its recorded checksum");
    assert!(!is_on(&desk));
    assert!(desk.sees("7-Zip 24.09 - Properties"));
    assert!(!desk.is_enabled("Apply"), "the tick is gone again");
}

#[test]
fn accept_needs_a_reason_and_records_it() {
    let mut desk = ticked_after_a_change();
    desk.click(ACCEPT);
    desk.wait_for("Accept 1 change in 7-Zip 24.09?");
    assert!(!desk.is_enabled("Accept"));
    desk.fill("Reason (required)", "the vendor told us to");
    desk.click("Accept");
    desk.wait("the check to be on", is_on);
    let package = desk.package("7-Zip 24.09").expect("registered");
    assert!(!package.is_blocked() && package.files == 4);
    assert_eq!(reasons(&desk, HistoryEvent::Accepted), ["the vendor told us to"]);
}

#[test]
fn what_changed_meanwhile_is_asked_again() {
    let mut desk = ticked_after_a_change();
    desk.click(ACCEPT);
    desk.wait_for("Accept 1 change in 7-Zip 24.09?");
    desk.fill("Reason (required)", "looks right");
    fs::write(desk.data("7-Zip", "24.09").join("second.dll"), "not ours either").expect("written");
    desk.click("Accept");
    desk.wait_for("The package changed again at");
    assert!(desk.sees("second.dll"));
    assert!(!is_on(&desk) && reasons(&desk, HistoryEvent::Accepted).is_empty());
}

#[test]
fn seal_archive_and_restore() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.properties("7-Zip 24.09");
    desk.click("General");
    desk.wait_for("Package id");
    desk.click("Seal…");
    desk.click("Make a key…");
    desk.wait_for("The first key");
    desk.fill("Name", "Packaging Berlin 2026");
    desk.click("Later: create without a backup");
    let state = |desk: &Desk| desk.package("7-Zip 24.09").map(|package| package.state);
    desk.wait("sealed", |desk| state(desk) == Some(PackageState::Sealed));
    // Sealed fields are text; what is local stays a field.
    desk.wait("the window to follow", |desk| desk.has("New version…") && desk.has("Retired"));
    assert!(!desk.has_field("Name") && !desk.has_field("Supplier") && desk.has_field("Comment"));
    let archives = desk.folder.path().join("archives");
    desk.click("Archive…");
    desk.wait_for("Archive 7-Zip 24.09");
    desk.fill("Archive folder", &archives.display().to_string());
    desk.click("Archive");
    desk.wait("archived", |desk| state(desk) == Some(PackageState::Archived));
    assert!(!desk.data("7-Zip", "24.09").exists());
    desk.click("Archived, 1");
    desk.wait_for("Verified in archive");
    desk.wait("the button", |desk| desk.has("Verify archive"));
    desk.click("Restore…");
    desk.wait_for("Restore 7-Zip 24.09");
    desk.click("Restore");
    desk.wait("restored", |desk| state(desk) == Some(PackageState::Sealed));
    let restored = fs::read_to_string(desk.data("7-Zip", "24.09").join("bin/7z.exe")).expect("there again");
    assert_eq!(restored, "MZ program");
}

#[test]
fn a_removed_package_comes_back_with_undo() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.select("7-Zip 24.09");
    desk.harness.key_press(Key::Delete);
    desk.settle();
    desk.wait_for("Remove 7-Zip 24.09 from the library?");
    // The keyboard stands on Cancel: Enter changes nothing.
    desk.harness.key_press(Key::Enter);
    desk.wait_until_gone("from the library?");
    assert!(desk.package("7-Zip 24.09").is_some());
    desk.select("7-Zip 24.09");
    desk.harness.key_press(Key::Delete);
    desk.settle();
    desk.click("Remove");
    desk.wait("removed", |desk| desk.package("7-Zip 24.09").is_none());
    desk.wait("undo", |desk| desk.session().is_some_and(|session| session.view().removed.0 == 1));
    desk.settle();
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    desk.wait("back again", |desk| desk.package("7-Zip 24.09").is_some());
    assert!(desk.data("7-Zip", "24.09").join("bin/7z.exe").is_file());
}
