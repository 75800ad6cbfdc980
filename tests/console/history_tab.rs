//! The tab *History* of a property window: a note of one's own, filters, and an entry that unfolds.

use egui::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::package::CheckKind;
use packhouse::session::{Check, HistoryFilter, ReadHistory};
use packhouse::work::Work;

use super::desk::Desk;

const TITLE: &str = "7-Zip 24.09";

/// A package that differs, with its history in front.
fn on_history() -> Desk {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")]);
    std::fs::write(desk.data("7-Zip", "24.09").join("surprise.txt"), "?").expect("a new file");
    let package = desk.package(TITLE).expect("there").id;
    let session = desk.session().expect("open").clone();
    session.run(Check { package, kind: CheckKind::Quick }, &Work::new()).expect("checked");
    desk.wait("the finding", |desk| desk.package(TITLE).is_some_and(|package| package.is_blocked()));
    desk.properties(TITLE);
    desk.click("History");
    desk.wait_for("Registered, 7-Zip 24.09");
    desk
}

fn rows(desk: &Desk) -> usize {
    let all = desk.harness.query_all_by_label_contains(TITLE);
    let rows = all.filter(|node| node.accesskit_node().role() == Role::Row);
    // The row of the list of packages begins with its name.
    rows.filter(|node| node.accesskit_node().label().is_some_and(|label| !label.starts_with(TITLE))).count()
}

fn click_row(desk: &mut Desk, part: &str) {
    desk.wait_for(part);
    let row =
        desk.harness.query_all_by_label_contains(part).find(|node| node.accesskit_node().role() == Role::Row);
    row.expect("a row").click();
    desk.settle();
}

#[test]
fn a_note_becomes_an_event() {
    let mut desk = on_history();
    desk.click("Add note…");
    desk.wait_for("Add a note to 7-Zip 24.09");
    assert!(!desk.is_enabled("Add"), "nothing was written");
    desk.fill("Note", "The vendor was asked\nwhy this file is there");
    desk.click("Add");
    desk.wait_for("Note, 7-Zip 24.09, The vendor was asked");
    let package = desk.package(TITLE).expect("there").id;
    let filter = HistoryFilter { package: Some(package), text: Some("vendor".into()), ..Default::default() };
    let entries = desk.session().expect("open").run(ReadHistory { filter }, &Work::new()).expect("readable");
    let details: Vec<_> = entries.iter().filter_map(|entry| entry.details.as_deref()).collect();
    assert_eq!(details, ["The vendor was asked\nwhy this file is there"]);
}

#[test]
fn an_entry_unfolds_to_its_differences_and_its_place_in_the_chain() {
    let mut desk = on_history();
    assert!(!desk.sees("Chain: "));
    click_row(&mut desk, "1 file added");
    desk.wait_for("surprise.txt");
    desk.wait_for("Chain: follows the entry before");
    click_row(&mut desk, "Registered, 7-Zip 24.09");
    desk.wait_for("New checksum: 2 files, 14 bytes, ");
}

#[test]
fn days_and_accounts_filter_and_what_is_shown_is_copied() {
    let mut desk = on_history();
    let all = rows(&desk);
    assert!(all >= 2);
    desk.fill("Until", "2001-01-01");
    assert_eq!(rows(&desk), 0);
    assert!(!desk.is_enabled("Export…") && !desk.is_enabled("Copy"));
    desk.fill("Until", "2101-01-01");
    assert_eq!(rows(&desk), all);
    desk.fill("From", "yesterday");
    assert_eq!(rows(&desk), all, "what is no day hides nothing");
    click_row(&mut desk, "Registered, 7-Zip 24.09");
    desk.control("Copy").click();
    desk.harness.step();
    let mut copied = desk.copied();
    for _ in 0..3 {
        if copied.is_none() {
            desk.harness.step();
            copied = desk.copied();
        }
    }
    let text = copied.expect("copied");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.starts_with("Time\tWho\tWhere\tEvent\tOld checksum\tNew checksum\tReason\tDetails\n"));
    assert!(text.contains("\tanna\tpc-114, console\tRegistered\t\t"));
}

#[test]
fn what_passes_the_filter_is_exported() {
    let mut desk = on_history();
    desk.click("Export…");
    desk.wait_for("Export History");
    let path = desk.folder.path().join("history.csv");
    desk.fill("File", &path.display().to_string());
    desk.click_last("Export");
    desk.wait("the file", |_| path.metadata().is_ok_and(|found| found.len() > 0));
    let text = std::fs::read_to_string(&path).expect("readable");
    assert!(text.contains("7-Zip"), "{text}");
}
