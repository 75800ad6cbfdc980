//! The tab *Contents*: files added, replaced, renamed and removed, dropped and pasted; and the fields of a property
//! window that change under the hands of the one who edits them.

use std::fs;

use egui::{Event, Key, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::package::PackageState;
use packhouse::session::{CreateKey, Edit, PackageEdit, Seal};
use packhouse::work::Work;

use super::desk::Desk;

const TITLE: &str = "7-Zip 24.09";

fn on_contents() -> Desk {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")]);
    desk.properties(TITLE);
    desk.click("Contents");
    desk.wait_for("License.txt, ");
    desk
}

fn read(desk: &Desk, path: &str) -> Option<String> {
    fs::read_to_string(desk.data("7-Zip", "24.09").join(path)).ok()
}

fn files(desk: &Desk) -> u64 {
    desk.package(TITLE).expect("there").files
}

/// Selects a file of the list.
fn choose(desk: &mut Desk, path: &str) {
    let start = format!("{path}, ");
    desk.wait_for(&start);
    let row = desk
        .harness
        .query_all_by_label_contains(&start)
        .find(|node| node.accesskit_node().role() == Role::Row);
    row.expect("a row").click();
    desk.settle();
}

fn seal(desk: &Desk) {
    let session = desk.session().expect("open").clone();
    session.run(CreateKey { name: "Packaging".to_owned() }, &Work::new()).expect("a key");
    let package = desk.package(TITLE).expect("there").id;
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
}

#[test]
fn a_file_is_added_from_its_path_into_a_folder() {
    let mut desk = on_contents();
    let more = desk.source("more", &[("readme.txt", "hello")]);
    desk.click("Add files…");
    desk.wait_for("Add files to 7-Zip 24.09");
    assert!(!desk.is_enabled("Add"));
    desk.fill("File or folder", &more.join("readme.txt").display().to_string());
    desk.fill("Into folder", "doc/en");
    desk.wait_for("1 file, 5 bytes");
    // Enter in the field presses the default.
    desk.harness.key_press(Key::Enter);
    desk.wait("the file", |desk| files(desk) == 3);
    assert_eq!(read(&desk, "doc/en/readme.txt").as_deref(), Some("hello"));
    desk.wait_for("doc/en/readme.txt, ");
}

#[test]
fn what_is_dropped_onto_the_tab_goes_into_the_package_and_says_what_it_replaces() {
    let mut desk = on_contents();
    let more = desk
        .source("more", &[("License.txt", "MIT"), ("lang/de.txt", "Deutsch"), ("lang/fr.txt", "Français")]);
    desk.drop(&[&more.join("License.txt"), &more.join("lang")]);
    desk.wait_for("Add files to 7-Zip 24.09");
    desk.wait_for("3 files, ");
    assert!(desk.sees("License.txt is replaced"));
    desk.click("Add");
    desk.wait("the files", |desk| files(desk) == 4);
    assert_eq!(read(&desk, "License.txt").as_deref(), Some("MIT"));
    assert_eq!(read(&desk, "lang/fr.txt").as_deref(), Some("Français"));
    assert!(desk.package(TITLE).is_some_and(|package| !package.is_blocked()), "the library did it itself");
}

#[test]
fn a_pasted_path_goes_into_the_package_too() {
    let mut desk = on_contents();
    let more = desk.source("more", &[("readme.txt", "hello")]);
    let text = format!("file://{}\r\n", more.join("readme.txt").display());
    desk.harness.event(Event::Paste(text));
    desk.settle();
    desk.wait_for("Add files to 7-Zip 24.09");
    desk.wait_for("1 file, 5 bytes");
    desk.click("Add");
    desk.wait("the file", |desk| files(desk) == 3);
    assert_eq!(read(&desk, "readme.txt").as_deref(), Some("hello"));
}

#[test]
fn a_path_pasted_beside_a_window_becomes_a_package() {
    let mut desk = Desk::open();
    let source = desk.source("Größe & Maß 2.5", &[("setup.exe", "MZ")]);
    let text = format!("file://{}\r\n", source.display().to_string().replace(' ', "%20"));
    desk.harness.event(Event::Paste(text));
    desk.settle();
    desk.wait_for("1 file");
    assert_eq!(desk.control("Name").value().as_deref(), Some("Größe & Maß"));
    desk.click("Create");
    desk.wait("the package", |desk| desk.package("Größe & Maß 2.5").is_some());
}

#[test]
fn a_link_among_what_is_added_is_refused_by_name() {
    let mut desk = on_contents();
    let more = desk.source("more", &[("readme.txt", "hello")]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/hostname", more.join("host")).expect("a link");
    desk.drop(&[&more]);
    desk.wait_for("Not everything can be added");
    assert!(desk.sees("host: ") && !desk.is_enabled("Add"));
    desk.harness.key_press(Key::Escape);
    desk.wait_until_gone("Add files to");
    assert!(desk.sees("7-Zip 24.09 - Properties"), "Esc closed the dialog, not the window under it");
    assert_eq!(files(&desk), 2);
}

#[test]
fn a_file_is_replaced_renamed_and_removed() {
    let mut desk = on_contents();
    let more = desk.source("more", &[("other.txt", "MIT")]);
    choose(&mut desk, "License.txt");
    desk.click("Replace…");
    desk.wait_for("License.txt in 7-Zip 24.09");
    desk.fill("By the file", &more.join("other.txt").display().to_string());
    desk.click("Replace");
    desk.wait("replaced", |desk| read(desk, "License.txt").as_deref() == Some("MIT"));
    desk.wait_for("License.txt, 3 bytes");

    choose(&mut desk, "License.txt");
    desk.harness.key_press(Key::F2);
    desk.settle();
    desk.wait_for("Rename a file");
    desk.fill("New path", "doc/License.txt");
    desk.harness.key_press(Key::Enter);
    desk.wait("renamed", |desk| read(desk, "doc/License.txt").is_some());
    assert_eq!(read(&desk, "License.txt"), None);

    choose(&mut desk, "doc/License.txt");
    desk.harness.key_press(Key::Delete);
    desk.settle();
    desk.wait_for("Remove 1 file from the package?");
    // The keyboard stands on Cancel: Enter changes nothing.
    desk.harness.key_press(Key::Enter);
    desk.wait_until_gone("from the package?");
    assert!(read(&desk, "doc/License.txt").is_some());
    choose(&mut desk, "doc/License.txt");
    desk.harness.key_press(Key::Delete);
    desk.settle();
    desk.click("Remove");
    desk.wait("removed", |desk| files(desk) == 1);
    assert_eq!(read(&desk, "doc/License.txt"), None);
}

#[test]
fn a_sealed_package_says_why_nothing_can_be_added() {
    let mut desk = on_contents();
    seal(&desk);
    desk.wait("the window to follow", |desk| !desk.is_enabled("Add files…"));
    let more = desk.source("more", &[("readme.txt", "hello")]);
    desk.drop(&[&more]);
    desk.wait_for("7-Zip 24.09 is sealed");
    assert!(desk.sees("New version… or Unseal… changes that"));
    desk.click("Close");
    assert_eq!(
        desk.package(TITLE).map(|package| (package.state, package.files)),
        Some((PackageState::Sealed, 2))
    );
}

#[test]
fn a_field_of_a_sealed_package_says_what_would_make_it_editable() {
    let mut desk = on_contents();
    seal(&desk);
    desk.wait("the window to follow", |desk| !desk.is_enabled("Add files…"));
    desk.click("General");
    desk.wait_for("Package id");
    let name =
        desk.harness.query_all_by_value("7-Zip").find(|node| node.accesskit_node().role() == Role::Label);
    name.expect("the name as text").hover();
    desk.wait_for("The package is sealed. New version… or Unseal… changes that");
    assert!(!desk.has_field("Name") && desk.has_field("Comment"));
}

#[test]
fn an_edited_field_that_changed_in_the_library_is_marked_and_kept() {
    let mut desk = on_contents();
    desk.click("General");
    desk.fill("Supplier", "Mine");
    let package = desk.package(TITLE).expect("there").id;
    let edit = PackageEdit {
        supplier: Some("Theirs".to_owned()),
        comment: Some("follows".to_owned()),
        ..PackageEdit::default()
    };
    desk.session().expect("open").run(Edit { package, edit }, &Work::new()).expect("edited");
    desk.wait_for("changed elsewhere");
    assert_eq!(desk.control("Supplier").value().as_deref(), Some("Mine"), "it is not overwritten");
    assert_eq!(desk.control("Comment").value().as_deref(), Some("follows"), "what was not edited follows");
    desk.click("Apply");
    desk.wait_until_gone("changed elsewhere");
    assert_eq!(desk.package(TITLE).map(|package| package.supplier.to_string()), Some("Mine".to_owned()));
}

#[test]
fn cancel_escape_and_the_cross_ask_if_there_is_something_to_lose() {
    const ASKED: &str = "Lose the changes to 7-Zip 24.09?";
    let mut desk = on_contents();
    desk.click("General");
    desk.fill("Supplier", "Mine");
    for way in ["Cancel", "Esc", "Close window"] {
        match way {
            "Esc" => desk.harness.key_press(Key::Escape),
            button => desk.click(button),
        }
        desk.settle();
        desk.wait_for(ASKED);
        // The default keeps what was typed.
        desk.harness.key_press(Key::Enter);
        desk.wait_until_gone(ASKED);
        assert!(desk.sees("7-Zip 24.09 - Properties"), "{way}");
        assert_eq!(desk.control("Supplier").value().as_deref(), Some("Mine"), "{way}");
    }
    desk.click("Cancel");
    desk.click("Lose them");
    desk.wait_until_gone("7-Zip 24.09 - Properties");
    // Nothing to lose: nothing is asked.
    desk.properties(TITLE);
    desk.wait_for("Supplier");
    desk.click("Cancel");
    desk.wait_until_gone("7-Zip 24.09 - Properties");
    assert_eq!(desk.package(TITLE).map(|package| package.supplier.to_string()), Some(String::new()));
}

#[test]
fn the_list_of_differences_says_when_a_file_was_changed() {
    let mut desk = on_contents();
    let data = desk.data("7-Zip", "24.09");
    fs::write(data.join("surprise.dll"), "not ours").expect("written");
    let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let file = fs::OpenOptions::new().write(true).open(data.join("surprise.dll")).expect("there");
    file.set_modified(then).expect("an older time");
    fs::remove_file(data.join("License.txt")).expect("removed");
    desk.click("Consistency");
    desk.harness.key_press(Key::F5);
    desk.wait_for("Added: surprise.dll, recorded –, found 8, modified 2001-09-09 01:46");
    assert!(desk.sees("Removed: License.txt, recorded 4, found –, modified –"));
}
