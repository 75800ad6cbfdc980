//! Accepting on a sealed package, what changes between question and answer, and what is refused while it differs.

use std::fs;

use egui::Key;
use packhouse::package::{Finding, HistoryEvent, PackageState};
use packhouse::session::{CreateKey, HistoryFilter, ReadHistory, Seal, SwitchOff};
use packhouse::work::Work;

use super::desk::Desk;

const TITLE: &str = "7-Zip 24.09";
const SWITCH: &str = "Checksum control of package consistency";
const ACCEPT: &str = "Accept changes…. The files are right: record the new checksum and switch the check on";
const LOOKED: &str = "I looked at the changed files";

/// A desk with a package that was sealed once.
fn sealed() -> Desk {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")]);
    let session = desk.session().expect("open").clone();
    session.run(CreateKey { name: "Packaging Berlin 2026".to_owned() }, &Work::new()).expect("a key");
    let package = desk.package(TITLE).expect("registered").id;
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
    desk.wait("sealed", |desk| state(desk) == Some(PackageState::Sealed));
    desk.settle();
    desk
}

fn state(desk: &Desk) -> Option<PackageState> {
    desk.package(TITLE).map(|package| package.state)
}

fn revision(desk: &Desk) -> u64 {
    desk.package(TITLE).expect("there").revision
}

fn put(desk: &Desk, name: &str) {
    fs::write(desk.data("7-Zip", "24.09").join(name), "not ours").expect("written");
}

/// A sealed package that a quick check found to differ.
fn sealed_and_blocked() -> Desk {
    let mut desk = sealed();
    put(&desk, "surprise.dll");
    desk.select(TITLE);
    desk.harness.key_press(Key::F5);
    desk.wait("blocked", |desk| desk.package(TITLE).is_some_and(|package| package.is_blocked()));
    desk.settle();
    desk
}

fn accepted(desk: &Desk) -> Vec<String> {
    let filter = HistoryFilter { events: vec![HistoryEvent::Accepted], ..HistoryFilter::default() };
    let entries = desk.session().expect("open").run(ReadHistory { filter }, &Work::new()).expect("readable");
    entries.into_iter().filter_map(|entry| entry.reason).collect()
}

#[test]
fn accepting_on_a_sealed_package_seals_it_again_as_the_next_revision() {
    let mut desk = sealed();
    let package = desk.package(TITLE).expect("sealed");
    assert_eq!(package.revision, 1);
    let request = SwitchOff { package: package.id, reason: Some("being replaced".to_owned()) };
    desk.session().expect("open").run(request, &Work::new()).expect("off");
    put(&desk, "surprise.dll");
    desk.properties(TITLE);
    desk.click("Consistency");
    desk.wait("the window to follow", |desk| desk.has(SWITCH));
    desk.click(SWITCH);
    desk.wait_for("Added: surprise.dll");
    desk.click("Apply");
    desk.wait_for("7-Zip 24.09 differs from its recorded checksum");
    desk.wait_for("The package is sealed. Accepting means sealing it again as revision 2.");
    assert!(desk.sees("when it was sealed. What should happen to the package?"));
    desk.click(ACCEPT);
    desk.wait_for("Accept 1 change in 7-Zip 24.09?");
    assert!(!desk.is_enabled("Accept and seal again"), "a reason is required");
    desk.fill("Reason (required)", "the vendor told us to");
    assert!(!desk.is_enabled("Accept and seal again"), "nobody looked at the files");
    // Enter in the field presses Accept only when it can be pressed, and never Back.
    desk.harness.key_press(Key::Enter);
    desk.settle();
    desk.settle();
    assert!(desk.sees("Accept 1 change in 7-Zip 24.09?") && accepted(&desk).is_empty());
    desk.click(LOOKED);
    assert!(desk.is_enabled("Accept and seal again"));
    desk.click("Accept and seal again");
    desk.wait("the next revision", |desk| revision(desk) == 2);
    let package = desk.package(TITLE).expect("there");
    assert!(package.state == PackageState::Sealed && package.checksum_control && !package.is_blocked());
    assert_eq!(package.files, 3);
    assert_eq!(accepted(&desk), ["the vendor told us to"]);
}

#[test]
fn what_changed_between_question_and_press_is_asked_again() {
    let mut desk = sealed_and_blocked();
    desk.properties(TITLE);
    desk.wait_for("Added: surprise.dll");
    desk.click("Accept changes…");
    desk.wait_for("Accept 1 change in 7-Zip 24.09?");
    assert!(desk.sees("The package is sealed. Accepting means sealing it again as revision 2."));
    desk.fill("Reason (required)", "looks right");
    desk.click(LOOKED);
    put(&desk, "second.dll");
    desk.click("Accept and seal again");
    desk.wait_for("The package changed again at ");
    assert!(desk.sees("Accept 2 changes in 7-Zip 24.09?"));
    assert!(revision(&desk) == 1 && accepted(&desk).is_empty(), "nothing was accepted");
    // The answer to the new question counts, and Enter in the field gives it.
    desk.fill("Reason (required)", "both look right");
    desk.click(LOOKED);
    desk.fill("Reason (required)", "both look right");
    desk.harness.key_press(Key::Enter);
    desk.wait("the next revision", |desk| revision(desk) == 2);
    assert_eq!(accepted(&desk), ["both look right"]);
}

#[test]
fn back_is_the_default_and_leads_to_the_question() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    let package = desk.package(TITLE).expect("registered").id;
    let request = SwitchOff { package, reason: Some("being replaced".to_owned()) };
    desk.session().expect("open").run(request, &Work::new()).expect("off");
    put(&desk, "surprise.dll");
    desk.properties(TITLE);
    desk.click("Consistency");
    desk.wait("the window to follow", |desk| desk.has(SWITCH));
    desk.click(SWITCH);
    desk.wait_for("Added: surprise.dll");
    desk.click("OK");
    desk.wait_for("What should happen to the package?");
    desk.click(ACCEPT);
    desk.wait_for("Accept 1 change in 7-Zip 24.09?");
    desk.fill("Reason (required)", "typed and not lost by Tab");
    // From the field the keyboard goes to Accept and Back; Enter presses what it stands on.
    desk.control("Back").focus();
    desk.settle();
    desk.harness.key_press(Key::Enter);
    desk.wait_for("What should happen to the package?");
    assert!(accepted(&desk).is_empty());
    desk.harness.key_press(Key::Escape);
    desk.wait_until_gone("What should happen to the package?");
    assert!(!desk.package(TITLE).expect("there").checksum_control, "Esc leaves the check off");
    assert!(desk.sees("7-Zip 24.09 - Properties"));
}

#[test]
fn an_archive_of_what_differs_is_refused_and_the_refusal_leads_on() {
    let mut desk = sealed_and_blocked();
    desk.click("Archive…");
    desk.wait_for("7-Zip 24.09 is not archived: it differs from its checksum");
    desk.wait_for("1 file added since");
    assert!(desk.sees("First noticed") && desk.sees("Same as SDM228429"));
    // Enter presses the default: the window with the differences.
    desk.harness.key_press(Key::Enter);
    desk.wait_for("7-Zip 24.09 - Properties");
    desk.wait_for("Added: surprise.dll");
    desk.harness.key_press(Key::Escape);
    desk.wait_until_gone("7-Zip 24.09 - Properties");
    desk.select(TITLE);
    desk.click("Archive…");
    desk.wait_for("is not archived");
    desk.click("Accept changes…");
    desk.wait_for("Accept 1 change in 7-Zip 24.09?");
    desk.fill("Reason (required)", "the vendor told us to");
    desk.click(LOOKED);
    desk.click("Accept and seal again");
    desk.wait("the next revision", |desk| revision(desk) == 2);
    assert_eq!(state(&desk), Some(PackageState::Sealed));
}

#[test]
fn an_archive_that_finds_the_difference_itself_is_refused_in_the_same_words() {
    let mut desk = sealed();
    desk.select(TITLE);
    desk.click("Archive…");
    desk.wait_for("The files go into an archive file");
    let archives = desk.folder.path().join("archives");
    desk.fill("Archive folder", &archives.display().to_string());
    fs::remove_file(desk.data("7-Zip", "24.09").join("License.txt")).expect("removed");
    // Enter in the field presses the default.
    desk.harness.key_press(Key::Enter);
    desk.wait_for("7-Zip 24.09 is not archived: it differs from its checksum");
    desk.wait("the finding", |desk| desk.package(TITLE).is_some_and(|p| p.finding == Finding::Differs));
    assert_eq!(state(&desk), Some(PackageState::Sealed));
    assert!(!archives.exists() || fs::read_dir(&archives).expect("readable").next().is_none());
    desk.click("Close");
    desk.wait_until_gone("is not archived");
}

#[test]
fn sealing_what_differs_is_refused_with_the_way_on() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    let session = desk.session().expect("open").clone();
    session.run(CreateKey { name: "Packaging".to_owned() }, &Work::new()).expect("a key");
    desk.select(TITLE);
    desk.click("Seal…");
    desk.wait_for("Block size");
    put(&desk, "surprise.dll");
    desk.click("Seal");
    desk.wait_for("7-Zip 24.09 is not sealed: it differs from its checksum");
    desk.click("Accept changes…");
    desk.wait_for("Accept 1 change in 7-Zip 24.09?");
    desk.fill("Reason (required)", "it belongs to it");
    desk.click("Accept");
    desk.wait("agreed", |desk| {
        desk.package(TITLE).is_some_and(|package| !package.is_blocked() && package.files == 2)
    });
}
