//! The first key with its backup, and the dialog of a procedure in every state of the package.

use std::fs;

use egui::{Key, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::package::PackageState;
use packhouse::package::procedure::ExitMeaning;
use packhouse::package::record::ListedProcedure;
use packhouse::session::{
    Archive, ArchiveRequest, CreateKey, ImportKey, ListKeys, PackageRef, Passphrase, Seal, ShowPackage,
};
use packhouse::work::Work;

use super::desk::Desk;

const TITLE: &str = "7-Zip 24.09";

fn state(desk: &Desk) -> Option<PackageState> {
    desk.package(TITLE).map(|package| package.state)
}

fn procedures(desk: &Desk) -> Vec<ListedProcedure> {
    let package = PackageRef::Id(desk.package(TITLE).expect("there").id);
    let session = desk.session().expect("open");
    session.run(ShowPackage { package }, &Work::new()).expect("readable").record.procedures
}

fn on_procedures() -> Desk {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")]);
    desk.properties(TITLE);
    desk.click("Procedures");
    desk.wait_for("No procedure says how this package is installed.");
    desk
}

fn choose_row(desk: &mut Desk, start: &str) {
    desk.wait_for(start);
    let row = desk
        .harness
        .query_all_by_label_contains(start)
        .find(|node| node.accesskit_node().role() == Role::Row);
    row.expect("a row").click();
    desk.settle();
}

#[test]
fn the_first_key_is_made_with_a_backup_that_the_passphrase_opens() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    desk.select(TITLE);
    desk.click("Seal…");
    desk.wait_for("none yet: the next step makes one");
    desk.click("Make a key…");
    desk.wait_for("The first key");
    let create = "Create and save backup";
    assert!(!desk.is_enabled(create));
    desk.fill("Name", "Packaging Berlin 2026");
    desk.fill("Passphrase", "correct horse");
    desk.fill("Once more", "correct hors");
    let backup = desk.folder.path().join("key.backup");
    desk.fill("Backup file", &backup.display().to_string());
    assert!(!desk.is_enabled(create), "the two passphrases differ");
    desk.fill("Once more", "correct horse");
    assert!(desk.is_enabled(create));
    desk.harness.key_press(Key::Enter);
    desk.wait("sealed", |desk| state(desk) == Some(PackageState::Sealed));
    let text = fs::read_to_string(&backup).expect("the backup");
    assert!(!text.contains("correct horse"));

    // Another person with the file and the passphrase has the key.
    let other = Desk::open();
    let session = other.session().expect("open");
    let import = |passphrase: &str| {
        let request = ImportKey {
            from: backup.clone(),
            name: "Packaging Berlin 2026".to_owned(),
            passphrase: Passphrase(passphrase.to_owned()),
        };
        session.run(request, &Work::new())
    };
    assert!(import("wrong horse").is_err());
    import("correct horse").expect("the backup opens");
    let keys = session.run(ListKeys {}, &Work::new()).expect("readable");
    assert!(keys.iter().any(|key| key.own && key.name == "Packaging Berlin 2026"));
}

#[test]
fn a_procedure_is_added_with_all_its_fields_and_copied() {
    let mut desk = on_procedures();
    desk.click("Add…");
    desk.wait_for("Add a procedure");
    assert!(!desk.is_enabled("OK"), "it names no program");
    desk.fill("Name", "Install quietly");
    desk.click("Choose…");
    desk.click("bin/7z.exe");
    assert_eq!(desk.control("Program").value().as_deref(), Some("bin/7z.exe"));
    desk.fill("Arguments", "/S\n/D=C:\\Program Files\\7-Zip");
    desk.fill("Working folder", "bin");
    desk.fill("Environment", "NO EQUALS SIGN");
    assert!(!desk.is_enabled("OK"), "environment is NAME=value");
    desk.fill("Environment", "LANG=de\nEMPTY=");
    desk.fill("Systems", "windows");
    desk.fill("From version", "10.0.19045");
    desk.fill("Architectures", "x86_64, aarch64");
    desk.fill("Comment", "asks nothing");
    assert!(desk.is_enabled("OK"));
    // Enter in a field of one line presses the default.
    desk.harness.key_press(Key::Enter);
    desk.wait("the procedure", |desk| procedures(desk).len() == 1);
    let listed = procedures(&desk).remove(0);
    let made = &listed.procedure;
    assert_eq!((made.name.as_str(), made.program.as_str()), ("Install quietly", "bin/7z.exe"));
    assert_eq!(made.arguments, ["/S", "/D=C:\\Program Files\\7-Zip"]);
    assert_eq!(made.working_folder.as_deref(), Some("bin"));
    assert_eq!(made.environment.get("LANG").map(String::as_str), Some("de"));
    assert_eq!(made.environment.get("EMPTY").map(String::as_str), Some(""));
    assert_eq!(made.runs_on.systems, ["windows"]);
    assert_eq!(made.runs_on.architectures, ["x86_64", "aarch64"]);
    assert_eq!(made.exit_codes.get(&0), Some(&ExitMeaning::Ok));
    assert_eq!(listed.choice.comment, "asks nothing");

    choose_row(&mut desk, "Install quietly, Install, ");
    desk.click("Duplicate…");
    desk.wait_for("Add a procedure");
    assert_eq!(desk.control("Name").value().as_deref(), Some("Install quietly 2"));
    desk.click("OK");
    desk.wait("the copy", |desk| procedures(desk).len() == 2);
}

#[test]
fn what_may_be_edited_follows_the_state_of_the_package() {
    let mut desk = on_procedures();
    desk.click("Add…");
    desk.wait_for("Add a procedure");
    desk.fill("Name", "Install quietly");
    desk.fill("Program", "bin/7z.exe");
    desk.click("OK");
    desk.wait("the procedure", |desk| procedures(desk).len() == 1);

    let session = desk.session().expect("open").clone();
    session.run(CreateKey { name: "Packaging".to_owned() }, &Work::new()).expect("a key");
    let package = desk.package(TITLE).expect("there").id;
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
    desk.wait_for("Sealed · revision 1");

    // Sealed and embedded: what is signed is text, what is local can be changed.
    choose_row(&mut desk, "Install quietly, Install, embedded");
    assert!(!desk.is_enabled("Remove"));
    desk.click("Edit…");
    desk.wait_for("It is part of the seal: only what is local can be changed.");
    assert!(!desk.has_field("Name") && !desk.has_field("Program") && !desk.has_field("Arguments"));
    desk.fill("Comment", "mind the restart");
    desk.click("Offered in jobs");
    desk.click("OK");
    desk.wait("the choice", |desk| !procedures(desk)[0].choice.offered);
    assert_eq!(procedures(&desk)[0].choice.comment, "mind the restart");
    assert_eq!(desk.package(TITLE).map(|package| package.revision), Some(1), "nothing was signed again");

    // Sealed and added: everything, and it is signed again.
    desk.click("Add…");
    desk.wait_for("The package is sealed: this makes revision 2.");
    desk.fill("Name", "Install corrected");
    desk.fill("Program", "bin/7z.exe");
    desk.click("OK");
    desk.wait("signed again", |desk| desk.package(TITLE).is_some_and(|package| package.revision == 2));
    choose_row(&mut desk, "Install corrected, Activate, added");
    desk.click("Edit…");
    desk.wait_for("Procedure Install corrected");
    assert!(desk.has_field("Name") && desk.has_field("Arguments"));
    desk.harness.key_press(Key::Escape);
    desk.wait_until_gone("Procedure Install corrected");

    // Archived: everything can be read, nothing changed.
    let folder = desk.folder.path().join("shelf");
    let request = ArchiveRequest { folder, comment: String::new() };
    session.run(Archive { package, request }, &Work::new()).expect("archived");
    desk.wait("archived", |desk| state(desk) == Some(PackageState::Archived));
    desk.wait("the window to follow", |desk| !desk.is_enabled("Add…"));
    choose_row(&mut desk, "Install quietly, Install, embedded");
    desk.click("Edit…");
    desk.wait_for("The package is archived. Restore… changes that.");
    assert!(!desk.has_field("Name") && !desk.is_enabled("Comment") && !desk.is_enabled("Offered in jobs"));
    desk.harness.key_press(Key::Enter);
    desk.wait_until_gone("The package is archived. Restore… changes that.");
}

#[test]
fn a_procedure_is_tried_here_after_a_question() {
    let mut desk = on_procedures();
    desk.click("Add…");
    desk.wait_for("Add a procedure");
    desk.fill("Name", "Say hello");
    desk.click("The program is already on the computer");
    desk.fill("Program", "sh");
    desk.fill("Arguments", "-c\necho hello from here; exit 3");
    desk.click("OK");
    desk.wait("the procedure", |desk| procedures(desk).len() == 1);
    choose_row(&mut desk, "Say hello, Install, ");
    let question = "on this computer?";
    desk.click("Try here…");
    desk.wait_for(question);
    assert!(desk.sees("The program is the one on this computer"));
    // The keyboard stands on Cancel.
    desk.harness.key_press(Key::Enter);
    desk.wait_until_gone(question);
    assert!(!desk.sees("hello from here"));
    desk.click("Try here…");
    desk.wait_for(question);
    desk.click("Run");
    desk.wait_for("Exit code 3");
    desk.wait_for("hello from here");
    assert!(desk.sees(": an error."));
}
