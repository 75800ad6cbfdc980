//! The pages beside the list of packages, and the ways to them: tree, keys, palette, menus.

use egui::{Key, Modifiers};
use packhouse::session::ListKeys;
use packhouse::work::Work;

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

fn keys(desk: &Desk) -> Vec<packhouse::session::KeyInfo> {
    desk.session().expect("open").run(ListKeys {}, &Work::new()).expect("readable")
}

#[test]
fn the_palette_finds_a_command_and_says_why_one_is_greyed() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.press(Modifiers::COMMAND, Key::K);
    desk.wait_for("Find a command");
    desk.fill("Command", "seal");
    desk.wait_for("No package is selected");
    desk.fill("Command", "hist");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_gone("Find a command");
    desk.wait_for("All events");
    assert!(desk.sees("Registered, 7-Zip 24.09"));
}

#[test]
fn the_palette_is_walked_with_the_arrows() {
    let mut desk = Desk::open();
    desk.press(Modifiers::COMMAND, Key::K);
    desk.wait_for("Find a command");
    desk.fill("Command", "arch");
    // "Archive…" is greyed and comes after "Archived", the page.
    desk.press(Modifiers::NONE, Key::ArrowDown);
    desk.press(Modifiers::NONE, Key::ArrowUp);
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("No package is archived.");
}

#[test]
fn every_page_is_reached_by_its_key() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    for (key, seen) in [
        (Key::Num2, "System has registered no package."),
        (Key::Num3, "No package is archived."),
        (Key::Num4, "No package is retired."),
        (Key::Num5, "Every package is as recorded"),
        (Key::Num6, "No library check was made yet."),
        (Key::Num7, "All events"),
        (Key::Num8, "Nothing has been done since the start"),
        (Key::Num9, "No key yet."),
        (Key::Comma, "watched, in every package"),
        (Key::Num1, "7-Zip 24.09, "),
    ] {
        desk.press(Modifiers::COMMAND, key);
        desk.wait_for(seen);
    }
}

#[test]
fn all_keys_are_listed_and_the_diagnostics_can_be_copied() {
    let mut desk = Desk::open();
    desk.press(Modifiers::NONE, Key::F1);
    desk.wait_for("Help: Software Package Library");
    desk.click("Keyboard shortcuts");
    desk.wait_for("Next area, area before");
    for key in ["Ctrl+K", "Shift+F5", "Ctrl+,"] {
        assert!(desk.sees(key), "{key}");
    }
    desk.click("Close");
    desk.wait_until_gone("Keyboard shortcuts");
    desk.press(Modifiers::COMMAND, Key::K);
    desk.fill("Command", "about");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("Library id");
    desk.click_without_settling("Copy diagnostics");
    let copied = desk.copied().expect("something was copied");
    let version = format!("Version: {}", env!("CARGO_PKG_VERSION"));
    assert!(copied.contains(&version) && copied.contains("Library id: "), "{copied}");
}

#[test]
fn what_was_done_stands_among_the_tasks_with_its_reason() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.select("7-Zip 24.09");
    desk.press(Modifiers::NONE, Key::F5);
    desk.press(Modifiers::COMMAND, Key::Num8);
    desk.wait_for("Quick check of 7-Zip 24.09: Done");
    // A folder of its name is taken away: the next check of a group that is not there fails, and says so here too.
    desk.press(Modifiers::COMMAND, Key::Num9);
    desk.click("Import key…");
    desk.wait_for("Import a key from its backup");
    let nowhere = desk.folder.path().join("nowhere.key");
    desk.fill("Backup file", &nowhere.display().to_string());
    desk.fill("Name here", "Nobody");
    desk.click("Import");
    desk.wait_for("Copy report");
    desk.click("Close");
    desk.press(Modifiers::COMMAND, Key::Num8);
    desk.wait_for("Importing the key Nobody: ");
    desk.click_part("Importing the key Nobody: ");
    desk.wait_for("Copy report");
    desk.click_without_settling("Copy report");
    assert!(desk.copied().is_some_and(|text| text.starts_with("error[")));
}

#[test]
fn a_key_is_made_backed_up_retired_and_brought_back() {
    let mut desk = Desk::open();
    desk.press(Modifiers::COMMAND, Key::Num9);
    desk.wait_for("No key yet.");
    desk.click("Create key…");
    desk.wait_for("Create a key");
    assert!(!desk.is_enabled("Create"), "a key has a name");
    desk.fill("Name", "Packaging Berlin 2026");
    desk.click("Create");
    desk.wait_for("Packaging Berlin 2026, Own, ");
    assert!(!desk.is_enabled("Save backup…"), "none is selected");
    desk.click_part("Packaging Berlin 2026, Own, ");
    desk.click("Save backup…");
    desk.wait_for("Save a backup of Packaging Berlin 2026");
    let backup = desk.folder.path().join("backup.key");
    desk.fill("File", &backup.display().to_string());
    desk.fill("Passphrase", "correct horse");
    desk.fill("Once more", "correct house");
    assert!(!desk.is_enabled("Save backup"), "the passphrases differ");
    desk.fill("Once more", "correct horse");
    desk.click("Save backup");
    desk.wait("the backup", |desk| keys(desk).iter().any(|key| key.backup.is_some()));
    assert!(backup.exists());
    desk.wait_until_gone("No backup");
    desk.click("Retire key…");
    desk.wait_for("Retire Packaging Berlin 2026?");
    desk.click("Retire");
    desk.wait_for("Packaging Berlin 2026, Own, retired");
    assert!(keys(&desk)[0].retired);
}

#[test]
fn a_foreign_key_is_trusted_only_with_the_end_of_its_fingerprint() {
    let mut desk = Desk::open();
    let other = tempfile::tempdir().expect("a folder");
    let foreign = packhouse::library::KeyRing::new(other.path().to_owned()).create("Lyon").expect("a key");
    desk.press(Modifiers::COMMAND, Key::Num9);
    desk.click("Trust a key…");
    desk.fill("Key or .pub file", &foreign.public);
    desk.fill("Name here", "Packaging Lyon 2025");
    assert!(!desk.is_enabled("Trust"), "the fingerprint was not compared");
    desk.fill("Last 8 of it", "00000000");
    desk.click("Trust");
    desk.wait_for("does not end in 00000000");
    desk.click("Close");
    assert!(keys(&desk).is_empty(), "nothing was trusted");
    desk.click("Trust a key…");
    desk.fill("Key or .pub file", &foreign.public);
    desk.fill("Name here", "Packaging Lyon 2025");
    desk.fill("Last 8 of it", &foreign.key_id[8..].to_lowercase());
    desk.click("Trust");
    desk.wait_for("Packaging Lyon 2025, Trusted, ");
    assert!(keys(&desk).iter().any(|key| key.key_id == foreign.key_id && !key.own));
}

#[test]
fn a_group_is_made_filled_renamed_and_taken_away() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.command("New group");
    desk.wait_for("New group");
    desk.fill("Name", "Tools");
    desk.click("Create");
    desk.wait_for("No package fits the filter.");
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.select("7-Zip 24.09");
    desk.command("Move to group");
    desk.wait_for("Move to a group");
    desk.click("Group");
    desk.click_last("Tools");
    desk.click("Move");
    desk.wait("the package in its group", |desk| {
        desk.package("7-Zip 24.09").is_some_and(|package| &*package.group == "Tools")
    });
    desk.wait_for("Tools, 1");
    desk.click("Tools, 1");
    desk.command("Rename group");
    desk.fill("Name", "Packers");
    desk.click("Rename");
    desk.wait_for("Packers, 1");
    assert!(!desk.has("Tools"));
    desk.command("Remove group");
    desk.wait_for("Remove the group Packers?");
    desk.wait_for("Its package stays in the library, without a group.");
    desk.click("Remove");
    desk.wait_until_gone("Packers, 1");
    assert!(desk.package("7-Zip 24.09").is_some_and(|package| package.group.is_empty()));
}

#[test]
fn files_are_found_in_every_package_and_written_to_a_table() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", &[("lib/log4j-core-2.jar", "one"), ("lib/other.jar", "two")]);
    desk.press(Modifiers::COMMAND, Key::F);
    desk.type_into_search("*log4j*.jar");
    desk.wait_for("Enter searches the files of all packages.");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("1 file in 1 package match “*log4j*.jar”");
    assert!(desk.sees("lib/log4j-core-2.jar, Tool 1"));
    let to = desk.folder.path().join("found.csv");
    desk.click("Export…");
    desk.fill("CSV file", &to.display().to_string());
    desk.click("Export");
    desk.wait("the table", |_| to.exists());
    desk.wait_until_gone("Export the search results");
    let table = std::fs::read_to_string(&to).expect("written");
    assert!(table.contains("lib/log4j-core-2.jar") && !table.contains("other.jar"), "{table}");
    desk.click("Select packages");
    desk.wait_for("1 selected");
    desk.press(Modifiers::ALT, Key::Enter);
    desk.wait_for("Tool 1 - Properties");
}

#[test]
fn the_library_check_names_what_is_damaged_and_saves_the_list() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", &[("lib/tool.dll", "as it was made")]);
    std::fs::write(desk.data("Tool", "1").join("lib/tool.dll"), "as it wasn't md").expect("written");
    desk.press(Modifiers::COMMAND, Key::Num6);
    desk.wait_for("No library check was made yet.");
    desk.click("Start");
    desk.wait_for("Not repairable 1");
    desk.wait_for("Whole 1");
    desk.wait_for("7-Zip 24.09, Whole");
    desk.click_part("Tool 1, Not repairable");
    desk.wait_for("lib/tool.dll: ");
    let to = desk.folder.path().join("damage.txt");
    desk.click("Save list…");
    desk.fill("File", &to.display().to_string());
    desk.click("Export");
    desk.wait("the list", |_| to.exists());
    let list = std::fs::read_to_string(&to).expect("written");
    assert!(list.contains("Tool@1: lib/tool.dll: "), "{list}");
    // A second one of what is in trouble alone.
    desk.click("Only what was not as recorded");
    desk.click("Start");
    desk.wait("All 1", |desk| {
        assert!(
            !desk.sees("Another program"),
            "a check of this window is no other program's, not even at its end"
        );
        desk.sees("All 1")
    });
    assert!(!desk.sees("Whole 1"));
}

#[test]
fn a_library_check_can_be_paused_and_goes_on_after_it_was_stopped() {
    let mut desk = Desk::open();
    desk.register("First", "1", &[("a.bin", "some content")]);
    desk.register("Second", "1", &[("b.bin", "other content")]);
    // One byte after the other: slow enough to be stopped in the middle, whatever the machine.
    let session = desk.session().expect("open").clone();
    let work = Work::new();
    work.pause();
    let own = work.clone();
    let run = packhouse::session::CheckRun { order: Some(Default::default()), restart: false };
    let request = packhouse::session::RunLibraryCheck { run };
    let thread = std::thread::spawn(move || session.run(request, &own).map(|_| ()));
    desk.press(Modifiers::COMMAND, Key::Num6);
    desk.wait_for("Another program runs the library check");
    work.cancel();
    let stopped = thread.join().expect("no panic").expect_err("it was stopped");
    assert_eq!(stopped.class, packhouse::failure::Class::Cancelled);
    // Another page and back: the page reads again what is kept.
    desk.register("Third", "1", &[("c.bin", "more")]);
    desk.wait_for("A library check stands still since 0 of 2 packages");
    desk.click("Go on");
    desk.wait_for("Everything is whole");
    desk.wait_for("Whole 2");
}
