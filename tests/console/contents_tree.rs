//! The tab *Contents* as a tree and as a list: folding, filtering, hashes, and files that leave the package.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::desk::Desk;

const TITLE: &str = "7-Zip 24.09";

fn desk() -> Desk {
    let mut desk = Desk::open();
    let files =
        [("bin/7z.exe", "MZ program"), ("doc/de/read.txt", "Hallo"), ("doc/notes.txt", "n"), ("top", "x")];
    desk.register("7-Zip", "24.09", &files);
    desk.register("Other", "1", &[("copy.bin", "MZ program"), ("own.txt", "own")]);
    desk.properties(TITLE);
    desk.click("Contents");
    desk.wait_for("top, ");
    desk
}

fn click_row(desk: &mut Desk, start: &str) {
    desk.wait_for(start);
    let row = desk
        .harness
        .query_all_by_label_contains(start)
        .rfind(|node| node.accesskit_node().role() == Role::Row);
    row.expect("a row").click();
    desk.settle();
}

fn menu(desk: &mut Desk, entry: &str) {
    desk.press(Modifiers::SHIFT, Key::F10);
    desk.wait(entry, |desk| desk.has(entry));
    desk.settle();
    desk.click_last(entry);
}

#[test]
fn folders_have_counts_and_fold_by_mouse_and_keyboard() {
    let mut desk = desk();
    assert!(desk.sees("Folder doc, 2 files, 6 bytes"));
    assert!(desk.sees("doc/de/read.txt, 5 bytes, as recorded"), "few files: all of it is seen");
    desk.click("Fold doc");
    assert!(!desk.sees("doc/de/read.txt, "));
    assert!(desk.has("Unfold doc"));
    click_row(&mut desk, "Folder doc, ");
    desk.press(Modifiers::NONE, Key::ArrowRight);
    assert!(desk.sees("doc/notes.txt, "));
    // On to the folder in it, and back by the left arrow: first it folds, then it goes up.
    desk.press(Modifiers::NONE, Key::ArrowRight);
    desk.press(Modifiers::NONE, Key::ArrowLeft);
    assert!(!desk.sees("doc/de/read.txt, ") && desk.sees("doc/notes.txt, "));
    desk.press(Modifiers::NONE, Key::ArrowLeft);
    desk.press(Modifiers::NONE, Key::ArrowLeft);
    assert!(!desk.sees("doc/notes.txt, "));
    desk.press(Modifiers::NONE, Key::Enter);
    assert!(desk.sees("doc/notes.txt, "), "Enter unfolds");
}

#[test]
fn a_filter_shows_hits_with_their_folders_and_a_list_has_none() {
    let mut desk = desk();
    desk.click("Fold doc");
    desk.fill("Filter", "READ");
    assert!(desk.sees("doc/de/read.txt, ") && desk.sees("Folder doc, ") && !desk.sees("Folder bin, "));
    assert!(desk.sees("1 of 4 files"));
    desk.click("List");
    assert!(desk.sees("doc/de/read.txt, ") && !desk.sees("Folder doc, "));
}

#[test]
fn the_hash_is_copied_and_finds_the_same_file_elsewhere() {
    let mut desk = desk();
    click_row(&mut desk, "bin/7z.exe, ");
    menu(&mut desk, "Find this file in other packages");
    desk.wait_for("copy.bin, Other 1");
    desk.wait_for("2 files in 2 packages match");
}

#[test]
fn a_file_is_saved_and_one_that_is_there_is_not_replaced() {
    let mut desk = desk();
    assert!(!desk.is_enabled("Save as…") && !desk.is_enabled("Open"));
    click_row(&mut desk, "bin/7z.exe, ");
    assert!(desk.is_enabled("Open") && desk.is_enabled("Open folder"));
    let to = desk.folder.path().join("saved.exe");
    for again in [false, true] {
        desk.click("Save as…");
        desk.wait_for("Save 7z.exe as");
        desk.fill("File", &to.display().to_string());
        desk.click("Save");
        if again {
            desk.wait_for("Cannot write");
        } else {
            desk.wait("the file", |_| std::fs::read_to_string(&to).is_ok_and(|text| text == "MZ program"));
            std::fs::write(&to, "mine").expect("writable");
        }
    }
    assert_eq!(std::fs::read_to_string(&to).expect("readable"), "mine");
}

#[test]
fn what_differs_is_said_of_the_file() {
    let mut desk = desk();
    std::fs::write(desk.data("7-Zip", "24.09").join("top"), "longer").expect("written");
    desk.press(Modifiers::NONE, Key::F5);
    desk.wait_for("top, 1 byte, Other size");
}

/// Only rows in view are built, whether folders are open or not.
#[test]
fn only_the_rows_in_view_are_built_of_many_files() {
    let mut desk = Desk::open();
    let paths: Vec<String> = (0..4_000).map(|n| format!("d{}/e{}/f{n}.txt", n % 10, n % 100)).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "x")).collect();
    desk.register("Large", "1", &files);
    desk.properties("Large 1");
    desk.click("Contents");
    desk.wait_for("Folder d0, 400 files, 400 bytes");
    assert!(!desk.sees("Folder d0/e0, "), "many files: folders are closed at first");
    desk.click("Unfold d0");
    desk.wait_for("Folder d0/e0, 40 files");
    desk.click("List");
    desk.wait_for("4,000 files");
    let rows = desk.harness.query_all_by_role(Role::Row).count();
    assert!(rows < 100, "{rows} rows were built");
}

#[test]
fn many_files_are_filtered_and_sorted_off_the_frame() {
    let mut desk = Desk::open();
    let names: Vec<String> =
        (0..2_400).map(|number| format!("part {}/file {number:04}.txt", number / 100)).collect();
    let files: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), if name.contains("1234") { "longer" } else { "x" }))
        .collect();
    desk.register("Many", "1", &files);
    desk.properties("Many 1");
    desk.click("Contents");
    desk.wait_for("2,400 files in 24 folders");
    desk.wait_for("Folder part 12, 100 files");
    desk.fill("Filter", "FILE 123");
    desk.wait_for("10 of 2,400 files");
    desk.wait_for("part 12/file 1234.txt, 6 bytes");
    // What is wanted last counts, however the threads come in.
    desk.fill("Filter", "file 00");
    desk.wait_for("100 of 2,400 files");
    desk.fill("Filter", "file 0001");
    desk.wait_for("1 of 2,400 files");
}
