//! More packages than are put in order within a frame: rows come from a task, and the window goes on meanwhile.

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use jiff::Timestamp;
use packhouse::package::consistency::ConsistencyChecksum;
use packhouse::package::{PackageId, PackageKey, PackageRecord, Sha256Digest};
use packhouse::session::Session;
use packhouse::store::{Catalogue, StoreError};

use super::desk::{Desk, surroundings};

const PACKAGES: u64 = 3_000;

/// A library of packages without files, written straight into its database. `Package 0000` is the largest.
fn desk() -> Desk {
    let folder = tempfile::tempdir().expect("a folder to play in");
    let around = surroundings(folder.path());
    drop(Session::open(around.open_options()).expect("a new library"));
    let mut catalogue = Catalogue::open(&around.library.join("catalog.db")).expect("its database");
    let put = catalogue.change(|change| {
        (0..PACKAGES).try_for_each(|n| {
            let checksum =
                ConsistencyChecksum { files: 1, size_bytes: PACKAGES - n, digest: Sha256Digest::default() };
            let key = PackageKey::new(&format!("Package {n:04}"), "1").expect("a good name");
            let id = PackageId(uuid::Uuid::from_u128(u128::from(n) + 1));
            let mut record = PackageRecord::new(id, key, "anna", checksum, Timestamp::UNIX_EPOCH);
            record.supplier = if n % 3 == 0 { "Three" } else { "Other" }.to_owned();
            change.put_package(&record)
        })
    });
    let put: Result<(), StoreError> = put;
    put.expect("written");
    drop(catalogue);
    let mut desk = Desk::start(folder, around);
    desk.wait("the rows", |desk| first(desk).is_some());
    desk
}

/// The name of the first row.
fn first(desk: &Desk) -> Option<String> {
    let all = desk.harness.query_all_by_label_contains("Package ");
    let rows = all.filter(|node| node.accesskit_node().role() == egui::Role::Row);
    let first = rows.min_by(|a, b| a.rect().top().total_cmp(&b.rect().top()))?;
    let label = first.accesskit_node().label()?;
    Some(label.split(',').next().unwrap_or_default().to_owned())
}

#[test]
fn sorting_searching_and_selecting_follow_when_they_are_ready() {
    let mut desk = desk();
    assert_eq!(first(&desk).as_deref(), Some("Package 0000 1"));
    desk.select("Package 0003 1");
    desk.click("Size column");
    desk.wait("the smallest first", |desk| first(desk).as_deref() == Some("Package 2999 1"));
    assert!(desk.sees("3,000 packages · 1 selected"), "the selection stays with its package");
    desk.fill("Search", "package 00");
    desk.wait("the largest of the hundred last", |desk| first(desk).as_deref() == Some("Package 0099 1"));
    desk.wait_for("100 of 3,000 packages · 1 selected");
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    desk.harness.key_press(Key::Backspace);
    desk.wait("all again", |desk| first(desk).as_deref() == Some("Package 2999 1"));
    desk.select("Package 2999 1");
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    desk.settle();
    assert!(desk.sees("3,000 packages · 3,000 selected"));
    desk.click("Supplier column");
    desk.wait("another order", |desk| first(desk).as_deref() == Some("Package 0001 1"));
    assert!(desk.sees("3,000 packages · 3,000 selected"));
}

#[test]
fn many_rows_are_copied_by_a_task() {
    let mut desk = desk();
    desk.select("Package 0000 1");
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    desk.settle();
    desk.harness.event(egui::Event::Copy);
    let mut copied = None;
    for _ in 0..100_000 {
        desk.harness.step();
        copied = desk.harness.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        if copied.is_some() {
            break;
        }
    }
    let text = copied.expect("copied at last");
    assert_eq!(text.lines().count(), 3_001);
    assert!(text.lines().nth(3_000).is_some_and(|line| line.starts_with("Package 2999\t1\tOpen\t")));
}

/// A list that is drawn anew by a change of one package shows the change and keeps its place.
#[test]
fn a_change_of_one_package_appears() {
    let mut desk = desk();
    let id = desk.package("Package 0002 1").expect("there").id;
    let edit = packhouse::session::PackageEdit {
        supplier: Some("Aardvark".to_owned()),
        ..packhouse::session::PackageEdit::default()
    };
    desk.click("Supplier column");
    desk.wait("the order of suppliers", |desk| first(desk).as_deref() == Some("Package 0001 1"));
    let session = desk.session().expect("open").clone();
    let work = packhouse::work::Work::new();
    session.run(packhouse::session::Edit { package: id, edit }, &work).expect("changed");
    desk.wait("the change", |desk| first(desk).as_deref() == Some("Package 0002 1"));
}
