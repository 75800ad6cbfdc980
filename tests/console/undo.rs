//! Ctrl+Z: moves between groups, groups themselves, and removed packages, the last first.

use egui::{Key, Modifiers};

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("a.txt", "a")];

fn group(desk: &Desk, title: &str) -> String {
    desk.package(title).map(|package| package.group.to_string()).unwrap_or_default()
}

fn in_groups(desk: &mut Desk, alpha: &str, beta: &str) {
    desk.wait(&format!("Alpha in {alpha:?}, Beta in {beta:?}"), |desk| {
        group(desk, "Alpha 1") == alpha && group(desk, "Beta 1") == beta
    });
    desk.settle();
}

fn run<R: packhouse::session::Request>(desk: &mut Desk, request: R) {
    let session = desk.session().expect("open").clone();
    session.run(request, &packhouse::work::Work::new()).map(|_| ()).expect("done");
    desk.settle();
}

#[test]
fn a_move_to_a_group_is_taken_back_package_by_package() {
    let mut desk = Desk::open();
    desk.register("Alpha", "1", FILES);
    desk.register("Beta", "1", FILES);
    let alpha = desk.package("Alpha 1").expect("there").id;
    run(&mut desk, packhouse::session::MoveToGroup { packages: vec![alpha], group: "Archivers".to_owned() });
    run(&mut desk, packhouse::session::AddGroup { name: "Browsers".to_owned() });
    in_groups(&mut desk, "Archivers", "");
    desk.select("Alpha 1");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.command("Move to group");
    desk.wait_for("Move 2 packages to a group");
    desk.click_last("Group");
    desk.click_last("Browsers");
    desk.click("Move");
    in_groups(&mut desk, "Browsers", "Browsers");
    desk.wait_for("2 packages moved to Browsers. Ctrl+Z takes it back");
    desk.press(Modifiers::COMMAND, Key::Z);
    in_groups(&mut desk, "Archivers", "");
    desk.wait_for("Taken back: 2 packages moved to Browsers");
}

#[test]
fn names_and_removals_of_groups_and_packages_come_back_in_turn() {
    let mut desk = Desk::open();
    desk.register("Alpha", "1", FILES);
    desk.register("Beta", "1", FILES);
    let alpha = desk.package("Alpha 1").expect("there").id;
    run(&mut desk, packhouse::session::MoveToGroup { packages: vec![alpha], group: "Tools".to_owned() });
    desk.click_part("Tools");
    desk.command("Rename group");
    desk.fill("Name", "Utilities");
    desk.click("Rename");
    in_groups(&mut desk, "Utilities", "");
    desk.wait_for("Group Tools renamed to Utilities. Ctrl+Z takes it back");
    desk.command("Remove group");
    desk.click("Remove");
    in_groups(&mut desk, "", "");
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.select("Beta 1");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.click("Remove");
    desk.wait("the removal", |desk| desk.package("Beta 1").is_none());
    desk.wait_for("Package removed. Ctrl+Z brings it back");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.wait("Beta is back", |desk| desk.package("Beta 1").is_some());
    desk.settle();
    desk.press(Modifiers::COMMAND, Key::Z);
    in_groups(&mut desk, "Utilities", "");
    desk.press(Modifiers::COMMAND, Key::Z);
    in_groups(&mut desk, "Tools", "");
}
