//! The page of a job with 100,000 targets: only what is in view is built, whatever is looked at.

use std::fmt::Write as _;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::package::procedure::Task;
use packhouse::session::{
    ContainerOptions, CreateJobContainer, HaltJobs, ImportComputers, NewJobContainer, PackageRef, Selected,
    WantedProcedure,
};

use crate::desk::Desk;

const TARGETS: usize = 100_000;
/// More rows than any window of this size has room for.
const IN_VIEW: usize = 60;

/// The rows of the list that were built in the last frame; one that is not built has no node.
fn built(desk: &Desk) -> usize {
    let rows = desk.harness.query_all_by_role(Role::Row);
    let is_target = |name: String| name.starts_with("PC-");
    rows.filter(|row| row.accesskit_node().label().is_some_and(is_target)).count()
}

#[track_caller]
fn assert_few(desk: &Desk) {
    let count = built(desk);
    assert!((1..=IN_VIEW).contains(&count), "{count} rows were built");
}

#[test]
fn of_100_000_targets_only_those_in_view_are_built() {
    let mut desk = Desk::open();
    let tool = desk.sealed("Tool", "1");
    let mut table = String::from("name,group\n");
    for number in 0..TARGETS {
        writeln!(table, "PC-{number:05},Branch").expect("it is written");
    }
    desk.run(ImportComputers { text: table, skip_errors: false });
    let new = NewJobContainer {
        name: None,
        packages: vec![(PackageRef::Id(tool), WantedProcedure::Task(Task::Install))],
        computers: Vec::new(),
        groups: vec!["Branch".to_owned()],
        installed: Vec::new(),
        options: ContainerOptions::default(),
        anyway: true,
    };
    let job = desk.run(CreateJobContainer { new });
    desk.tick();
    desk.open_job("Install Tool 1");
    desk.wait_for("PC-00000, Waiting");
    assert!(desk.has("All 100,000"), "{:#?}", desk.labels());
    assert_few(&desk);

    desk.select("PC-00000");
    desk.press(Modifiers::NONE, Key::End);
    desk.wait_for("PC-99999, Waiting");
    assert_few(&desk);
    desk.fill("Find a computer", "PC-5");
    desk.wait_for("10,000 targets");
    desk.wait_for("PC-50000, Waiting");
    assert_few(&desk);
    desk.fill("Find a computer", " ");
    desk.wait_for("PC-00000, Waiting");

    // All are selected, and their state changes: still no more is built.
    desk.select("PC-00000");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.wait_for("100,000 selected");
    assert_few(&desk);
    desk.run(HaltJobs { id: job.id, selected: Selected::All });
    desk.wait_for("PC-00000, Halted");
    desk.click("Halted 100,000");
    desk.wait_for("PC-00000, Halted");
    assert_few(&desk);
}
