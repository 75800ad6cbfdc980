//! The pages *Jobs* and of one job: what stands where, why it failed, and what can be done about it.

use std::fs;

use egui::{Key, Modifiers, ViewportEvent, ViewportId};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::package::CheckKind;
use packhouse::session::{
    AddComputer, Check, ContainerOptions, ImportComputers, NewComputer, OnChecksumError, Shown,
};

use crate::desk::Desk;

fn one_at_a_time(on_checksum_error: OnChecksumError) -> ContainerOptions {
    ContainerOptions { parallel: 1, on_checksum_error, ..ContainerOptions::default() }
}

#[test]
fn without_jobs_the_page_says_what_a_job_is_and_that_no_manager_runs() {
    let mut desk = Desk::open();
    desk.go_to_jobs();
    desk.wait_for("No job yet.");
    desk.wait_for("Delivery manager: not running");
    assert!(!desk.is_enabled("Halt…") && !desk.is_enabled("Renew failed…"));
    desk.click("Install as a service…");
    desk.wait_for("Install the delivery manager as a service");
    desk.click_without_settling("Copy file");
    assert!(desk.copied().is_some_and(|text| text.contains(" manage\n") && text.contains("PACKHOUSE_KEYS=")));
    desk.click_without_settling("Copy commands");
    let commands = desk.copied().expect("the commands");
    assert!(
        commands.lines().any(|line| line == "systemctl --user enable --now packhouse-manager"),
        "{commands}"
    );
    desk.click("Close");
    desk.wait_until_gone("Install the delivery manager as a service");
}

#[test]
fn the_delivery_manager_is_started_here_and_stopped_and_closing_names_what_waits() {
    let mut desk = Desk::open();
    let tool = desk.sealed("Tool", "1");
    desk.run(AddComputer { new: NewComputer { name: "PC-1".to_owned(), ..NewComputer::default() } });
    desk.job(tool, &["PC-1"], ContainerOptions::default());
    desk.go_to_jobs();
    desk.wait_for("Install Tool 1, ");
    desk.click("Start here");
    desk.wait_for("Delivery manager: running here since");
    // No agent is enrolled on the computer: its target waits.
    desk.wait_for("1 waiting, – active");
    let root = desk.harness.input_mut().viewports.entry(ViewportId::ROOT).or_default();
    root.events.push(ViewportEvent::Close);
    desk.harness.step();
    desk.wait_for("Close Packhouse while work is running?");
    assert!(desk.sees("Stops until somebody starts it again:"));
    assert!(desk.sees("Delivery manager: 1 target of \"Install Tool 1\" waits"));
    // Nothing is lost without being asked: Enter stays.
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_gone("Close Packhouse while work is running?");
    desk.click("Stop");
    desk.wait_for("No delivery manager is running: 1 target waits.");
}

#[test]
fn a_checksum_error_is_told_with_the_ways_out_and_only_the_rest_is_renewed() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    let mut agents = desk.agents(&["PC-1", "PC-2", "PC-3"]);
    let job = desk.job(tool, &["PC-1", "PC-2", "PC-3"], one_at_a_time(OnChecksumError::Error));
    desk.tick();
    desk.open_job("Install Tool 1");
    desk.wait_for("PC-1, Ordered");
    desk.wait_for("PC-2, Waiting");

    let stranger = desk.data("Tool", "1").join("stranger.txt");
    fs::write(&stranger, "who put me here?").expect("written");
    agents[0].does_its_job(&desk);
    desk.tick();
    desk.wait_for("Tool 1 is not delivered: it differs from its checksum");
    desk.wait_for("1 target is done and stays OK. 2 targets end in error.");
    assert!(desk.sees("Checksum control of package consistency is on, and 1 file was added since 20"));
    assert!(desk.sees("+ stranger.txt") && desk.sees("Same as SDM228429"));
    desk.click("Close");
    desk.wait_until_gone("Same as SDM228429");
    desk.wait_for("PC-2, Error: checksum of the package (differs since");
    assert!(desk.sees("PC-1, OK") && desk.has("Error 2") && desk.has("OK 1"));
    desk.click("Why, and what to do…");
    desk.click("Show differences");
    desk.wait_for("Tool 1 - Properties");
    desk.press(Modifiers::NONE, Key::Escape);

    fs::remove_file(&stranger).expect("removed");
    desk.run(Check { package: tool, kind: CheckKind::Quick });
    desk.click("Renew 2 targets");
    desk.wait_for("PC-2, Waiting");
    for turn in [1, 2] {
        desk.tick();
        agents[turn].does_its_job(&desk);
    }
    desk.tick();
    assert_eq!(desk.states(&job), [Shown::Ok; 3]);
    desk.wait_for("Successfully completed");
    desk.wait_for("PC-3, OK");
}

#[test]
fn failures_are_grouped_by_reason_and_a_group_is_done_again() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    let mut agents = desk.agents(&["PC-1", "PC-2", "PC-3"]);
    let job = desk.job(tool, &["PC-1", "PC-2", "PC-3"], ContainerOptions::default());
    desk.tick();
    agents[0].fails(&desk, 1603, "fatal error during installation");
    agents[1].fails(&desk, 1603, "fatal error during installation");
    agents[2].fails(&desk, 7, "no licence");
    desk.tick();
    desk.go_to_jobs();
    desk.wait_for("Install Tool 1, Failed: 3 of 3");
    desk.open_job("Install Tool 1");
    desk.wait_for("exit code 1603: 2");
    desk.select("PC-3");
    desk.wait_for("no licence");
    desk.click_without_settling("Copy as text");
    let report = desk.copied().expect("a report");
    assert!(report.contains("Tool 1 on PC-3: Error") && report.contains("exit code: 7"), "{report}");
    assert!(report.ends_with("output:\nno licence"), "{report}");

    // The group is selected with a press, and done again with another.
    desk.click("exit code 1603: 2");
    desk.wait_until_gone("PC-3, Error");
    desk.wait("both are selected", |desk| desk.sees("2 selected"));
    desk.click("Renew selected");
    desk.wait("both wait again", |desk| desk.states(&job) == [Shown::Waiting, Shown::Waiting, Shown::Error]);
    desk.wait_for("2 targets are done again");

    desk.click("Renew failed…");
    desk.wait_for("Do failed targets of Install Tool 1 again");
    desk.click("Exit code 7: 1 target");
    assert!(!desk.is_enabled("Renew 0 targets"), "no reason is ticked");
    desk.click("Exit code 7: 1 target");
    desk.click("Renew 1 target");
    desk.wait("all wait", |desk| desk.states(&job) == [Shown::Waiting; 3]);
}

#[test]
fn many_targets_are_read_as_far_as_they_are_looked_at_and_halted_as_a_whole() {
    let mut desk = Desk::open();
    let tool = desk.sealed("Tool", "1");
    let mut table = String::from("name,group\n");
    for number in 0..3000 {
        table.push_str(&format!("PC-{number:04},Branch\n"));
    }
    desk.run(ImportComputers { text: table, skip_errors: false });
    let names: Vec<String> = (0..3000).map(|number| format!("PC-{number:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let job = desk.job(tool, &names, ContainerOptions::default());
    desk.tick();
    desk.open_job("Install Tool 1");
    desk.wait_for("PC-0000, Waiting");
    assert!(!desk.sees("PC-2999, "), "only rows in view are built");
    desk.select("PC-0000");
    desk.press(Modifiers::NONE, Key::End);
    desk.wait_for("PC-2999, Waiting");
    desk.fill("Find a computer", "PC-14");
    desk.wait_for("PC-1400, ");
    desk.wait_for("100 targets");
    desk.fill("Find a computer", " ");
    // All, though most were never read: End was pressed, and Home with Shift.
    desk.wait_for("PC-0000, Waiting");
    desk.select("PC-0000");
    desk.press(Modifiers::SHIFT, Key::End);
    desk.wait_for("3,000 selected");
    desk.click("Halt…");
    desk.wait_for("Only what is selected: 3,000 targets");
    desk.click("Halt");
    desk.wait("all are halted", |desk| desk.states(&job).iter().all(|state| *state == Shown::Halted));
    desk.wait_for("Halted 3,000");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.click("Resume");
    desk.wait("all go on", |desk| desk.states(&job).iter().all(|state| *state == Shown::Waiting));
}

#[test]
fn a_job_is_halted_resumed_and_removed_from_the_list() {
    let mut desk = Desk::open();
    let tool = desk.sealed("Tool", "1");
    desk.run(AddComputer { new: NewComputer { name: "PC-1".to_owned(), ..NewComputer::default() } });
    let job = desk.job(tool, &["PC-1"], ContainerOptions::default());
    desk.tick();
    desk.go_to_jobs();
    desk.select("Install Tool 1");
    desk.click("Halt…");
    desk.wait_for("Halt Install Tool 1?");
    desk.click("Halt");
    desk.wait_for("Install Tool 1, Halted");
    desk.click("Resume");
    desk.wait("it goes on", |desk| desk.states(&job) == [Shown::Waiting]);
    desk.wait_until_gone("Install Tool 1, Halted");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.wait_for("Remove the job Install Tool 1?");
    // Enter presses Cancel.
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_gone("Remove the job Install Tool 1?");
    assert!(desk.sees("Install Tool 1, "));
    desk.press(Modifiers::NONE, Key::Delete);
    desk.click("Remove");
    desk.wait_for("No job yet.");
}

#[test]
fn every_stop_of_tab_on_the_pages_has_a_name() {
    let mut desk = Desk::open();
    let tool = desk.sealed("Tool", "1");
    desk.run(AddComputer { new: NewComputer { name: "PC-1".to_owned(), ..NewComputer::default() } });
    desk.job(tool, &["PC-1"], ContainerOptions::default());
    desk.tick();
    desk.open_job("Install Tool 1");
    desk.wait_for("PC-1, Waiting");
    desk.select("PC-1");
    for page in ["job", "jobs", "computers"] {
        match page {
            "jobs" => desk.go_to_jobs(),
            "computers" => {
                desk.go_to_computers();
                desk.select("PC-1");
            }
            _ => {}
        }
        let mut seen = 0;
        for _ in 0..60 {
            desk.harness.key_press(Key::Tab);
            desk.harness.step();
            let Some(node) = desk.harness.query_all_by(|node| node.is_focused()).last() else { continue };
            let name = node.accesskit_node().label().unwrap_or_default();
            assert!(!name.trim().is_empty(), "{page}: {:?}", node.accesskit_node().role());
            seen += 1;
        }
        assert!(seen > 20, "{page}: {seen}");
    }
}
