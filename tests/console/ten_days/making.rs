//! Packages are made, corrected and replaced: days 1, 2 and 8.

use std::fs;
use std::io::Cursor;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::package::PackageState;

use super::{make_key, record, seal};
use crate::desk::Desk;

/// What a vendor sends: an installer that says what it is.
fn installer() -> Vec<u8> {
    let made = || -> std::io::Result<Vec<u8>> {
        let mut package = msi::Package::create(msi::PackageType::Installer, Cursor::new(Vec::new()))?;
        let columns = vec![
            msi::Column::build("Property").primary_key().id_string(72),
            msi::Column::build("Value").text_string(0),
        ];
        package.create_table("Property", columns)?;
        let properties = [
            ("ProductName", "7-Zip"),
            ("ProductVersion", "24.09"),
            ("Manufacturer", "Igor Pavlov"),
            ("ProductCode", "{23170F69-40C1-2702-2409-000001000000}"),
        ];
        let rows = properties.map(|(name, value)| vec![msi::Value::from(name), msi::Value::from(value)]);
        package.insert_rows(msi::Insert::into("Property").rows(rows.to_vec()))?;
        Ok(package.into_inner()?.into_inner())
    };
    made().expect("an installer")
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
fn day_1_a_new_installer_is_dropped_described_and_sealed() {
    let mut desk = Desk::open();
    let source = desk.source("download", &[("readme.txt", "read me")]);
    fs::write(source.join("7z2409-x64.msi"), installer()).expect("written");
    desk.drop(&[&source]);
    desk.wait_for("from the MSI properties of 7z2409-x64.msi");
    desk.fill("Comment", "for everybody");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.click("Create");
    desk.wait("the package", |desk| desk.package("7-Zip 24.09").is_some());
    desk.properties("7-Zip 24.09");

    // The steps lead on: procedures are there already, sealing asks for the first key.
    desk.wait_for("Procedures 2");
    desk.click("Procedures 2");
    desk.wait_for("Install, Install, embedded");
    desk.click("Seal");
    desk.wait_for("Seal 7-Zip 24.09");
    desk.wait_for("none yet: the next step makes one");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("The first key");
    desk.fill("Name", "Packaging Berlin 2026");
    desk.fill("Passphrase", "correct horse");
    desk.fill("Once more", "correct horse");
    let backup = desk.folder.path().join("key.backup");
    desk.fill("Backup file", &backup.display().to_string());
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("sealed", |desk| {
        desk.package("7-Zip 24.09").is_some_and(|package| package.state == PackageState::Sealed)
    });
    desk.wait_for("Sealed · revision 1");
    desk.wait_until_gone("Procedures 2");
    assert!(backup.is_file(), "the backup of the key");
    let record = record(&desk, "7-Zip 24.09");
    assert_eq!((record.supplier.as_str(), record.comment.as_str()), ("Igor Pavlov", "for everybody"));
    assert_eq!(record.procedures.len(), 2);
}

#[test]
fn day_2_a_wrong_switch_in_a_sealed_package_is_corrected() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("setup.exe", "MZ program")]);
    desk.properties("7-Zip 24.09");
    desk.click("Procedures");
    desk.click("Add…");
    desk.wait_for("Add a procedure");
    desk.fill("Name", "Install quietly");
    desk.click("Task");
    desk.click("Install");
    desk.fill("Program", "setup.exe");
    desk.fill("Arguments", "/silnet");
    desk.click("OK");
    desk.wait_for("Install quietly, Install, embedded");
    make_key(&desk);
    seal(&mut desk, "7-Zip 24.09");
    desk.wait_for("Sealed · revision 1");

    // What is sealed cannot be taken back; a corrected copy takes over, and the wrong one is offered no more.
    choose_row(&mut desk, "Install quietly, Install, embedded");
    assert!(!desk.is_enabled("Remove"));
    desk.click("Duplicate…");
    desk.wait_for("The package is sealed: this makes revision 2.");
    desk.fill("Name", "Install quietly, corrected");
    desk.fill("Arguments", "/silent");
    let is_default = |desk: &Desk| {
        desk.control("Default for its task").accesskit_node().toggled()
            == Some(egui::accesskit::Toggled::True)
    };
    assert!(!is_default(&desk), "a copy does not take over by itself");
    desk.control("Default for its task").scroll_to_me();
    desk.settle();
    desk.click("Default for its task");
    assert!(is_default(&desk));
    desk.click("OK");
    desk.wait("signed again", |desk| {
        desk.package("7-Zip 24.09").is_some_and(|package| package.revision == 2)
    });
    desk.wait_for("Install quietly, corrected, Install, added");
    choose_row(&mut desk, "Install quietly, Install, embedded");
    desk.click("Edit…");
    desk.wait_for("It is part of the seal: only what is local can be changed.");
    assert!(!is_default(&desk), "one default for a task");
    desk.click("Offered in jobs");
    desk.click("OK");
    desk.wait("the choice", |desk| {
        record(desk, "7-Zip 24.09").procedures.iter().any(|listed| !listed.choice.offered)
    });
    let listed = record(&desk, "7-Zip 24.09").procedures;
    let told: Vec<_> = listed
        .iter()
        .map(|one| (one.procedure.arguments.join(" "), one.choice.offered, one.choice.default_for_task))
        .collect();
    assert_eq!(told, [("/silnet".to_owned(), false, false), ("/silent".to_owned(), true, true)]);
}

#[test]
fn day_8_a_new_version_replaces_the_old_one_which_is_retired() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.08", &[("setup.exe", "MZ old"), ("License.txt", "LGPL")]);
    make_key(&desk);
    seal(&mut desk, "7-Zip 24.08");

    let source = desk.source("7-Zip 24.09", &[("setup.exe", "MZ new"), ("License.txt", "LGPL")]);
    desk.drop(&[&source]);
    desk.wait_for("7-Zip 24.08 is in the library.");
    desk.wait("the files are compared", |desk| desk.is_enabled("Create"));
    desk.click("Create");
    desk.wait("the package", |desk| desk.package("7-Zip 24.09").is_some());
    desk.properties("7-Zip 24.09");
    desk.click("General");
    // The link leads to what it replaces; there it is retired.
    desk.click("Open 7-Zip 24.08");
    desk.wait_for("7-Zip 24.08 - Properties");
    desk.click("General");
    desk.click("No new jobs");
    desk.click("Apply");
    desk.wait("retired", |desk| desk.package("7-Zip 24.08").is_some_and(|package| package.retired));
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("7-Zip 24.08 - Properties");
    desk.click("Retired, 1");
    desk.wait_for("7-Zip 24.08, ");
    assert!(!desk.sees("7-Zip 24.09, "), "only what is retired");
}
