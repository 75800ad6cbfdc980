//! The page *History*: what is looked for, the selected entry, and the chain.

use egui::{Key, Modifiers};

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

#[test]
fn the_chain_is_followed_by_itself_and_an_entry_tells_all_it_knows() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.press(Modifiers::COMMAND, Key::Num7);
    desk.wait_for("Chain verified: 2 entries");
    desk.click_part("Registered, 7-Zip 24.09");
    desk.wait_for("7-Zip 24.09: Registered");
    desk.wait_for("entry 2, follows entry 1, the last");
    desk.wait_for("New checksum");
    desk.wait_for("(2 files, 14 bytes)");
    desk.click_without_settling("Copy");
    let copied = desk.copied().expect("something was copied");
    assert!(copied.starts_with("7-Zip 24.09: Registered\nTime: "), "{copied}");
    assert!(copied.contains(" UTC, there ") && copied.contains("\nNew checksum: "), "{copied}");
}

#[test]
fn accepted_changes_are_found_with_their_differences_and_exported_with_the_filter() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", &[("tool.exe", "MZ")]);
    std::fs::write(desk.data("7-Zip", "24.09").join("surprise.txt"), "new").expect("written");
    desk.select("7-Zip 24.09");
    desk.press(Modifiers::NONE, Key::F5);
    desk.wait("the finding", |desk| desk.package("7-Zip 24.09").is_some_and(|package| package.is_blocked()));
    desk.command("Accept changes");
    desk.wait_for("Accept 1 change in 7-Zip 24.09?");
    desk.fill("Reason (required)", "by hand");
    desk.click("Accept");
    desk.wait("accepted", |desk| desk.package("7-Zip 24.09").is_some_and(|package| !package.is_blocked()));
    desk.press(Modifiers::COMMAND, Key::Num7);
    desk.wait_for("Registered, Tool 1");
    // Several kinds of events.
    desk.click("Event");
    desk.click("Accepted");
    desk.click("Sealed");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_for("2 kinds of events");
    desk.wait_until_gone("Registered, Tool 1");
    desk.click_part("7-Zip 24.09, by hand");
    desk.wait_for("surprise.txt");
    desk.wait_for("Old checksum");
    let to = desk.folder.path().join("history.csv");
    desk.click("Export History…");
    desk.wait_for("Only the entries that pass the filter of the page are written.");
    desk.fill("File", &to.display().to_string());
    desk.click("Export");
    desk.wait("the file", |_| to.exists());
    desk.wait_until_gone("Only the entries that pass");
    let text = std::fs::read_to_string(&to).expect("written");
    assert!(text.contains("by hand") && !text.contains("registered"), "{text}");
    // All of one package, then none.
    desk.click("Clear filter");
    desk.wait_for("Registered, Tool 1");
    desk.click_part("Registered, 7-Zip 24.09");
    desk.click("Only this package");
    desk.wait_until_gone("Registered, Tool 1");
    assert!(desk.sees("Registered, 7-Zip 24.09"));
    desk.fill("Until", "2020-01-31");
    desk.wait_for("No event passes the filter.");
    desk.fill("Until", "2020-02-31");
    desk.wait_for("Registered, 7-Zip 24.09");
    desk.fill("Text", "nobody wrote this");
    desk.wait_for("No event passes the filter.");
}

#[test]
fn a_broken_chain_is_named_and_shown() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", &[("tool.exe", "MZ")]);
    // Somebody rewrites what happened.
    let database = desk.folder.path().join("library/catalog.db");
    let connection = rusqlite::Connection::open(database).expect("the library database");
    let changed = connection
        .execute("UPDATE history SET line = replace(line, '24.09', '24.08') WHERE number = 2", [])
        .expect("a history table");
    assert_eq!(changed, 1);
    drop(connection);
    desk.press(Modifiers::COMMAND, Key::Num7);
    desk.wait_for("Chain broken at entry ");
    desk.click("Show it");
    desk.wait_for("does not follow");
}
