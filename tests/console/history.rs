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

#[test]
fn accepted_changes_are_written_for_printing_each_on_its_page() {
    let mut desk = Desk::open();
    let odd = "<b>odd & \"quoted\"</b>.txt";
    desk.register("7-Zip", "24.09", FILES);
    for (file, reason) in [(odd, "for <everybody>"), ("second.txt", "again")] {
        std::fs::write(desk.data("7-Zip", "24.09").join(file.replace('/', "|")), "new").expect("written");
        desk.press(Modifiers::COMMAND, Key::Num1);
        desk.select("7-Zip 24.09");
        desk.press(Modifiers::NONE, Key::F5);
        desk.wait("the finding", |desk| {
            desk.package("7-Zip 24.09").is_some_and(|package| package.is_blocked())
        });
        desk.command("Accept changes");
        desk.wait_for("Accept 1 change in 7-Zip 24.09?");
        desk.fill("Reason (required)", reason);
        desk.click("Accept");
        desk.wait("accepted", |desk| {
            desk.package("7-Zip 24.09").is_some_and(|package| !package.is_blocked())
        });
    }
    desk.press(Modifiers::COMMAND, Key::Num7);
    desk.wait_for("Chain verified");
    desk.click("Print report…");
    desk.wait_for("One page for each accepted change");
    let to = desk.folder.path().join("report");
    desk.fill("File (.html)", &to.display().to_string());
    desk.click("Open it, to print it from there");
    desk.click("Write report");
    let to = to.with_extension("html");
    desk.wait("the report", |_| std::fs::read_to_string(&to).is_ok_and(|text| text.ends_with("</html>\n")));
    let html = std::fs::read_to_string(&to).expect("written");
    assert_eq!(html.matches("<section>").count(), 2, "a page each, and none for registering");
    assert!(html.contains("break-after:page") && html.contains("Chain of History: verified"), "{html}");
    for written in
        ["for &lt;everybody&gt;", "&lt;b&gt;odd &amp; &quot;quoted&quot;&lt;|b&gt;.txt", "anna on pc-114"]
    {
        assert!(html.contains(written), "{written}: {html}");
    }
    assert!(!html.contains("<b>") && !html.contains("<everybody>"), "{html}");
}
