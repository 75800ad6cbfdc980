//! The page *Staging libraries*: added after a trial, changed, reconciled, removed; whether they answer.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::package::staging::{Line, Window};
use packhouse::session::{
    AddComputer, AddStagingLibrary, EditStagingLibrary, EmptyTrash, ListPackages, NewComputer,
    NewStagingLibrary, Remove, Stage, StagingEdit,
};

use crate::desk::Desk;

#[test]
fn a_staging_library_is_tried_added_changed_and_removed() {
    let mut desk = Desk::open();
    let site = desk.folder.path().join("site");
    desk.go_to_staging();
    desk.wait_to_read("No staging library yet.");
    desk.click_last("Add staging library…");
    desk.wait_to_read("Add a staging library");
    assert!(!desk.is_enabled("Add"), "it has no name");
    desk.fill("Name", "Branch Köln");
    desk.fill("Address", "relative/folder");
    assert!(!desk.is_enabled("Try it"));
    desk.fill("Address", &site.display().to_string());
    desk.fill("Rate limit", "10");
    desk.fill("Hours", "20:00-06:00");
    desk.wait_to_read("(10 Mbit/s) are sent there");
    // The folder is not there: it is said before anything is kept, and is nobody's to make.
    desk.click("Add");
    desk.wait_to_read("Add anyway");
    assert!(desk.libraries().is_empty() && !site.exists());
    fs::create_dir(&site).expect("a folder");
    desk.click("Try it");
    desk.wait_to_read("It works: an object was written, read and taken away.");
    assert_eq!(fs::read_dir(&site).expect("readable").count(), 0, "nothing of it stays");
    desk.click("Add");
    desk.wait("it is added", |desk| desk.libraries().len() == 1);
    let line = desk.libraries()[0].staging.line;
    assert_eq!(line, Line { bytes_per_second: Some(1_250_000), window: Window::parse("20:00-06:00").ok() });
    desk.wait_to_read("reachable yes, 0 packages, 0 outdated");

    desk.select("Branch Köln");
    // Its properties: another name, another line; what cannot be is not taken.
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_to_read("Branch Köln - Properties");
    desk.fill("Name", "Köln");
    desk.click("Line");
    desk.fill("Hours", "whenever");
    desk.wait_to_read("Hours are a part of the day");
    desk.click("Apply");
    assert_eq!(desk.libraries()[0].staging.name, "Branch Köln");
    desk.fill("Hours", " ");
    desk.fill("Rate limit", " ");
    desk.click("Apply");
    desk.wait("it is saved", |desk| desk.libraries()[0].staging.name == "Köln");
    assert_eq!(desk.libraries()[0].staging.line, Line::default());
    // What is typed and not applied is not lost without a question.
    desk.fill("Hours", "1:00-2:00");
    desk.click("Cancel");
    desk.wait_to_read("Lose the changes to Köln?");
    desk.click("Lose them");
    desk.wait_until_unread("Köln - Properties");

    // It goes away: the page says so. It comes back: the page says that too.
    let away = desk.folder.path().join("away");
    fs::rename(&site, &away).expect("moved");
    desk.press(Modifiers::NONE, Key::F5);
    desk.wait_to_read("reachable no: ");
    fs::rename(&away, &site).expect("moved back");
    desk.press(Modifiers::NONE, Key::F5);
    desk.wait_to_read("reachable yes");

    desk.press(Modifiers::NONE, Key::Delete);
    desk.wait_to_read("Remove Köln?");
    desk.click("Remove");
    desk.wait_to_read("No staging library yet.");
    assert!(site.exists(), "what is there stays");
}

#[test]
fn a_staging_library_with_packages_and_computers_is_removed_only_on_purpose() {
    let mut desk = Desk::open();
    desk.staged("Tool", "1");
    let new =
        NewComputer { name: "PC-1".to_owned(), staging: Some("Köln".to_owned()), ..NewComputer::default() };
    desk.run(AddComputer { new });
    desk.go_to_staging();
    desk.select("Köln");
    desk.wait_to_read("home of 1 computer");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_to_read("Köln - Properties");
    desk.click("Computers");
    desk.wait_to_read("PC-1, set for the computer, this one first");
    desk.click("History");
    desk.wait_to_read("Staged, Tool 1");
    desk.click("Packages");
    desk.wait_to_read("Tool 1, revision 1, Whole");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_unread("Köln - Properties");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.wait_to_read("Remove Köln?");
    assert!(desk.reads("1 package lies there:") && desk.reads("Tool 1, revision 1"));
    assert!(desk.reads("1 computer reads it first"));
    assert!(!desk.is_enabled("Remove"));
    desk.click("Forget what lies there");
    desk.click("Remove");
    desk.wait("it is gone", |desk| desk.libraries().is_empty() && desk.copies().is_empty());
    assert!(desk.there("packages/Tool/1/reginfo.json").exists());
}

#[test]
fn what_was_staged_is_found_after_the_staging_library_has_another_name() {
    let mut desk = Desk::open();
    desk.staged("Tool", "1");
    let id = desk.libraries()[0].staging.id;
    let edit = StagingEdit { name: Some("Cologne".to_owned()), ..StagingEdit::default() };
    desk.run(EditStagingLibrary { id, edit });
    // Another one comes to have the name that stands in the entry.
    let other = desk.folder.path().join("other");
    fs::create_dir(&other).expect("a folder");
    let new = NewStagingLibrary {
        name: "Köln".to_owned(),
        write: other.display().to_string(),
        ..NewStagingLibrary::default()
    };
    desk.run(AddStagingLibrary { new });
    for (name, is_there) in [("Cologne", true), ("Köln", false)] {
        desk.go_to_staging();
        desk.press(Modifiers::NONE, Key::F5);
        desk.wait_to_read(name);
        desk.select(name);
        desk.press(Modifiers::NONE, Key::Enter);
        desk.wait_to_read(&format!("{name} - Properties"));
        desk.click("History");
        if is_there {
            desk.wait_to_read("Staged, Tool 1");
        } else {
            desk.wait_to_read("0 entries");
            assert!(!desk.reads("Staged, Tool 1"));
        }
        desk.press(Modifiers::NONE, Key::Escape);
        desk.wait_until_unread(&format!("{name} - Properties"));
    }
}

#[test]
fn a_reconcile_says_what_to_do_about_each() {
    let mut desk = Desk::open();
    let missing = desk.staged("Missing", "1");
    let outdated = desk.staged("Outdated", "1");
    desk.staged("Broken", "1");
    let unknown = desk.staged("Unknown", "1");
    fs::remove_dir_all(desk.there("packages/Missing")).expect("removed");
    desk.seal_again(outdated);
    fs::remove_file(desk.there("packages/Broken/1/reginfo.json.minisig")).expect("removed");
    // One that only lies there: the library never heard of it.
    desk.run(packhouse::session::Unstage { package: unknown, staging: desk.libraries()[0].staging.id });
    let (staging, there) = (desk.libraries()[0].staging.id, desk.there("packages/Unknown"));
    desk.run(Stage { package: unknown, staging, now: true });
    let aside = desk.folder.path().join("aside");
    fs::rename(&there, &aside).expect("moved");
    desk.run(packhouse::session::Unstage { package: unknown, staging });
    desk.run(Remove { package: unknown });
    desk.run(EmptyTrash {});
    fs::rename(&aside, &there).expect("moved back");

    desk.go_to_staging();
    desk.select("Köln");
    desk.command("Reconcile…");
    desk.wait_to_read("What lies at Köln");
    for line in [
        "Missing there: 1 package",
        "Missing 1, revision 1",
        "Outdated there: 1 package",
        "Outdated 1, revision 1, the library has revision 2",
        "Incomplete there: 1 package",
        "Broken 1, revision 1",
        "Unknown there: 1 package",
        "Unknown 1, revision 1 (packages/Unknown/1)",
    ] {
        desk.wait_to_read(line);
    }
    desk.click("Stage missing…");
    desk.wait_to_read("Stage 3 packages");
    desk.wait_until_unread("looking…");
    desk.click("Stage");
    desk.wait_to_read("3 packages staged at Köln: ");
    assert!(desk.there("packages/Missing/1/reginfo.json.minisig").exists());
    assert!(desk.copies().iter().any(|row| row.copy.package == missing));

    desk.command("Reconcile…");
    desk.wait_to_read("Unknown there: 1 package");
    assert!(!desk.is_enabled("Stage missing…"));
    desk.click("Register unknown…");
    desk.wait("it is a package again", |desk| {
        desk.run(ListPackages {}).iter().any(|package| package.key.name() == "Unknown")
    });
    desk.wait_to_read("1 package registered");
    desk.command("Reconcile…");
    desk.wait_to_read("Köln is as it should be");
}
