//! The property window of several packages: what they have in common, and changes of all of them.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::package::HistoryEvent;
use packhouse::session::{CreateKey, HistoryFilter, ReadHistory, Seal, SwitchOff};
use packhouse::work::Work;

use super::desk::Desk;

const TITLES: [&str; 3] = ["7-Zip 24.09", "Blender 4.2", "Inkscape 1.4"];

/// Three packages, the last one sealed, and all of them selected.
fn three() -> Desk {
    let mut desk = Desk::open();
    for (name, version) in [("7-Zip", "24.09"), ("Blender", "4.2"), ("Inkscape", "1.4")] {
        desk.register(name, version, &[("program.exe", "MZ")]);
    }
    let session = desk.session().expect("open").clone();
    session.run(CreateKey { name: "Packaging".to_owned() }, &Work::new()).expect("a key");
    let package = desk.package(TITLES[2]).expect("there").id;
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
    desk.wait("the seal", |desk| desk.package(TITLES[2]).is_some_and(|package| package.sealed_by.is_some()));
    desk.settle();
    desk
}

fn open_all(desk: &mut Desk) {
    desk.select(TITLES[0]);
    desk.press(Modifiers::COMMAND, Key::A);
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("3 packages - Properties");
    desk.wait_for("1 sealed, 2 open");
}

fn all(desk: &Desk, holds: impl Fn(&packhouse::package::record::PackageSummary) -> bool) -> bool {
    TITLES.iter().all(|title| desk.package(title).is_some_and(|package| holds(&package)))
}

fn windows(desk: &Desk) -> usize {
    let found = desk.harness.query_all_by_label_contains(" - Properties");
    found.filter(|node| node.accesskit_node().role() == Role::Window).count()
}

#[test]
fn enter_on_several_opens_one_window_with_what_they_have_in_common() {
    let mut desk = three();
    open_all(&mut desk);
    assert_eq!(windows(&desk), 1);
    assert!(desk.sees("(different)"), "names and versions differ");
    assert!(desk.has("anna"), "filed by is the same");
    assert!(!desk.is_enabled("Apply"));
    for tab in ["Contents", "Procedures", "Blocks"] {
        assert!(!desk.has(tab), "{tab} is of one package");
    }
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("3 packages - Properties");
}

#[test]
fn what_a_state_does_not_allow_is_passed_over_and_leads_to_its_window() {
    let mut desk = three();
    open_all(&mut desk);
    desk.fill("Group", "Graphics");
    desk.fill("Supplier", "Somebody");
    assert!(desk.sees("Changes the 2 open ones; the others are passed over"));
    desk.click("Apply");
    desk.wait("the group", |desk| all(desk, |package| &*package.group == "Graphics"));
    desk.wait_for("3 packages saved · 1 passed over in part");
    assert!(desk.sees("supplier left as it is: the package is sealed"));
    let supplier = |desk: &Desk, title| desk.package(title).expect("there").supplier.to_string();
    assert_eq!((supplier(&desk, TITLES[0]).as_str(), supplier(&desk, TITLES[2]).as_str()), ("Somebody", ""));
    let link =
        desk.harness.query_all_by_label(TITLES[2]).rfind(|node| node.accesskit_node().role() == Role::Link);
    link.expect("a link to its window").click();
    desk.settle();
    desk.wait_for("Inkscape 1.4 - Properties");
}

#[test]
fn a_field_that_was_touched_can_be_left_alone_again() {
    let mut desk = three();
    open_all(&mut desk);
    desk.fill("Comment", "for all");
    assert!(desk.is_enabled("Apply"));
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_for("Lose the changes to 3 packages?");
    desk.click("Go on editing");
    desk.click("Undo Comment");
    assert!(!desk.is_enabled("Apply"));
    desk.click("Cancel");
    desk.wait_until_gone("3 packages - Properties");
    assert!(all(&desk, |package| package.comment().is_empty()));
}

#[test]
fn checksum_control_is_switched_off_for_one_reason() {
    let mut desk = three();
    open_all(&mut desk);
    desk.click("Consistency");
    desk.click("Checksum control of package consistency");
    desk.click("OK");
    desk.wait_for("Switch checksum control off for 3 packages?");
    assert!(!desk.is_enabled("Switch off"));
    desk.fill("Reason (required)", "the depot is rebuilt");
    desk.click("Switch off");
    desk.wait("off", |desk| all(desk, |package| !package.checksum_control));
    desk.wait_until_gone("3 packages - Properties");
    let filter = HistoryFilter { events: vec![HistoryEvent::ControlOff], ..HistoryFilter::default() };
    let entries = desk.session().expect("open").run(ReadHistory { filter }, &Work::new()).expect("readable");
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry.reason.as_deref() == Some("the depot is rebuilt")));
}

#[test]
fn one_that_differs_stays_off_and_its_window_shows_why() {
    let mut desk = three();
    let session = desk.session().expect("open").clone();
    for title in [TITLES[0], TITLES[1]] {
        let package = desk.package(title).expect("there").id;
        let reason = Some("for the test".to_owned());
        session.run(SwitchOff { package, reason }, &Work::new()).expect("off");
    }
    std::fs::write(desk.data("7-Zip", "24.09").join("surprise.txt"), "?").expect("a new file");
    desk.wait("both are off", |desk| {
        desk.package(TITLES[0]).is_some_and(|package| !package.checksum_control)
            && desk.package(TITLES[1]).is_some_and(|package| !package.checksum_control)
    });
    open_all(&mut desk);
    desk.click("Consistency");
    desk.wait_for("On for 1 of 3");
    desk.click("Checksum control of package consistency");
    desk.click("Apply");
    desk.wait_for("1 differs and stays off");
    desk.wait("the other one is on", |desk| {
        desk.package(TITLES[1]).is_some_and(|package| package.checksum_control)
    });
    assert!(desk.package(TITLES[0]).is_some_and(|package| !package.checksum_control));
    let link =
        desk.harness.query_all_by_label(TITLES[0]).rfind(|node| node.accesskit_node().role() == Role::Link);
    link.expect("a link to its window").click();
    desk.settle();
    desk.wait_for("7-Zip 24.09 - Properties");
    desk.wait_for("Added: surprise.txt");
}

#[test]
fn the_history_of_all_of_them_is_one_list() {
    let mut desk = three();
    open_all(&mut desk);
    desk.click("History");
    for title in TITLES {
        desk.wait_for(&format!("Registered, {title}"));
    }
    assert!(!desk.has("Add note…"), "a note belongs to one package");
}

#[test]
fn an_edited_field_that_changes_elsewhere_is_marked_and_not_overwritten() {
    let mut desk = three();
    open_all(&mut desk);
    desk.fill("Comment", "mine");
    let session = desk.session().expect("open").clone();
    let package = desk.package(TITLES[0]).expect("there").id;
    let comment = |text: &str| packhouse::session::PackageEdit {
        comment: Some(text.to_owned()),
        group: Some("Archivers".to_owned()),
        ..Default::default()
    };
    session
        .run(packhouse::session::Edit { package, edit: comment("theirs") }, &Work::new())
        .expect("edited elsewhere");
    desk.wait_for("changed elsewhere");
    assert_eq!(
        desk.harness.query_all_by_label("changed elsewhere").count(),
        1,
        "the group was not edited here: it follows"
    );
    assert_eq!(desk.control("Comment").accesskit_node().value().as_deref(), Some("mine"));
    desk.click("Apply");
    desk.wait("applied", |desk| all(desk, |package| package.comment() == "mine"));
    desk.wait_until_gone("changed elsewhere");
}
