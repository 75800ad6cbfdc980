//! What was not meant to change has changed, or is gone: days 3, 4 and 5.

use std::fs;
use std::process::Command;

use egui::{Key, Modifiers};
use packhouse::package::Finding;

use super::{make_key, seal};
use crate::desk::Desk;

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

#[test]
fn day_3_a_file_changed_by_a_colleague_is_noticed_found_and_put_right() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", &[("tool.exe", "MZ")]);
    make_key(&desk);
    seal(&mut desk, "7-Zip 24.09");
    let file = desk.data("7-Zip", "24.09").join("bin/7z.exe");
    fs::write(&file, "MZ program, patched by hand").expect("written");
    // Nobody asks for a check: the watcher has seen that something changed, a quick check says what.
    desk.wait("the mark", |desk| desk.package("7-Zip 24.09").is_some_and(|package| package.marked.is_some()));
    desk.wait_for("not checked");
    desk.select("7-Zip 24.09");
    desk.press(Modifiers::NONE, Key::F5);
    desk.wait("the finding", |desk| {
        desk.package("7-Zip 24.09").is_some_and(|package| package.finding == Finding::Differs)
    });
    desk.press(Modifiers::COMMAND, Key::Num5);
    desk.select("7-Zip 24.09");
    assert!(!desk.sees("Tool 1, "), "only what is not as recorded");
    desk.press(Modifiers::NONE, Key::F4);
    desk.wait_for("Differs from its checksum");
    desk.wait_for("noticed by the watcher");
    desk.wait_for("Other size: bin/7z.exe");
    desk.click("Show differences");
    desk.wait_for("7-Zip 24.09 - Properties");
    desk.wait_for("Blocked: differs since");
    desk.wait_for("Other size: bin/7z.exe, recorded 10, found 27");

    // Put back as it was, it is delivered again, and nothing was signed anew.
    fs::write(&file, "MZ program").expect("written");
    desk.press(Modifiers::NONE, Key::F5);
    desk.wait("as recorded again", |desk| {
        desk.package("7-Zip 24.09").is_some_and(|package| !package.is_blocked() && package.revision == 1)
    });
    desk.wait_until_gone("Blocked: differs since");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_for("Every package is as recorded, as far as it was checked.");
}

#[test]
fn day_4_an_audit_finds_who_accepted_what() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", &[("tool.exe", "MZ")]);
    // Jan accepts at a command line, anna at the window.
    fs::write(desk.data("7-Zip", "24.09").join("surprise.txt"), "new").expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"))
        .args(["consistency", "7-Zip@24.09", "on", "--accept", "--reason", "the vendor told us to"])
        .env("PACKHOUSE_LIBRARY", desk.folder.path().join("library"))
        .env("PACKHOUSE_KEYS", desk.folder.path().join("keys"))
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(desk.data("Tool", "1").join("second.txt"), "new").expect("written");
    desk.select("Tool 1");
    desk.press(Modifiers::NONE, Key::F5);
    desk.wait("the finding", |desk| desk.package("Tool 1").is_some_and(|package| package.is_blocked()));
    desk.settle();
    desk.command("Accept changes");
    desk.wait_for("Accept 1 change in Tool 1?");
    desk.fill("Reason (required)", "by hand");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("accepted", |desk| desk.package("Tool 1").is_some_and(|package| !package.is_blocked()));

    desk.press(Modifiers::COMMAND, Key::Num7);
    desk.wait_for("Chain verified: ");
    desk.click("Event");
    desk.click("Accepted");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("Registered, Tool 1");
    desk.wait_for("Accepted, 7-Zip 24.09, the vendor told us to");
    desk.wait_for("Accepted, Tool 1, by hand");
    desk.click_part("Accepted, 7-Zip 24.09, the vendor told us to");
    desk.wait_for("surprise.txt");
    desk.wait_for("command line");
    let to = desk.folder.path().join("accepted.json");
    desk.click("Export History…");
    desk.click("JSON");
    desk.fill("File", &to.display().to_string());
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("the file", |_| to.exists());
    desk.wait_until_gone("Only the entries that pass");
    let text = fs::read_to_string(&to).expect("written");
    for told in ["surprise.txt", "second.txt", "the vendor told us to", "by hand", "console", "command line"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("registered"), "{text}");
}

#[test]
fn day_5_the_library_check_names_what_a_new_disk_has_lost() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", &[("lib/tool.dll", "as it was made")]);
    desk.register("Gone", "1", &[("gone.exe", "MZ")]);
    make_key(&desk);
    seal(&mut desk, "Tool 1");
    // Same length, other content; a folder that did not come back at all.
    fs::write(desk.data("Tool", "1").join("lib/tool.dll"), "as it wasn't md").expect("written");
    fs::remove_dir_all(desk.data("Gone", "1").parent().expect("the package")).expect("removed");
    desk.press(Modifiers::COMMAND, Key::Num6);
    desk.wait_for("No library check was made yet.");
    desk.click("Start");
    desk.wait_for("Not repairable 2");
    desk.wait_for("Whole 1");
    desk.wait_for("Ended ");

    // One group alone; a row tells its files and opens its window on what is wrong.
    desk.click("Not repairable 2");
    desk.wait_until_gone("7-Zip 24.09, Whole");
    desk.click_part("Tool 1, Not repairable");
    desk.wait_for("lib/tool.dll: ");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("Tool 1 - Properties");
    desk.wait_for("Blocked: ");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("Tool 1 - Properties");
    let to = desk.folder.path().join("damage.txt");
    desk.click("Save list…");
    desk.fill("File", &to.display().to_string());
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("the list", |_| to.exists());
    let list = fs::read_to_string(&to).expect("written");
    assert!(list.contains("Tool@1: lib/tool.dll: ") && list.contains("Gone@1: "), "{list}");

    // What came back from elsewhere is proven by a check of what was in trouble alone.
    fs::write(desk.data("Tool", "1").join("lib/tool.dll"), "as it was made").expect("written");
    desk.wait_until_gone("Save the list of damage");
    desk.click("Only what was not as recorded");
    desk.click("Start");
    desk.wait_for("All 2");
    desk.wait_for("Whole 1");
    desk.wait_for("Not repairable 1");
    desk.wait("whole", |desk| desk.package("Tool 1").is_some_and(|package| !package.is_blocked()));
}
