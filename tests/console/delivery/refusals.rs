//! What is said of a package that is staged, installed or in a job before it is unsealed, archived or removed.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::package::{CheckKind, PackageState};
use packhouse::session::{
    AddComputer, Check, ComputerEdit, ContainerOptions, EditComputer, EditStagingLibrary, ListStaging,
    NewComputer, StagingEdit,
};

use crate::desk::Desk;

#[track_caller]
fn state(desk: &Desk, title: &str) -> PackageState {
    desk.package(title).expect("in the library").state
}

#[test]
fn unsealing_is_refused_by_the_names_of_the_places_and_leads_on() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    let mut agents = desk.agents(&["PC-1", "PC-2", "PC-3", "PC-4"]);
    desk.job(tool, &["PC-1", "PC-2", "PC-3", "PC-4"], ContainerOptions::default());
    desk.tick();
    agents.iter_mut().for_each(|agent| agent.does_its_job(&desk));
    desk.tick();
    desk.run(AddComputer { new: NewComputer { name: "PC-5".to_owned(), ..NewComputer::default() } });
    desk.job(tool, &["PC-5"], ContainerOptions::default());
    desk.tick();

    desk.select("Tool 1");
    desk.command("Unseal");
    desk.wait_for("Tool 1 cannot be unsealed");
    assert!(
        desk.sees(
            "It is staged at 1 place, installed on 4 computers and part of 1 waiting job. Changing it would make two \
             different packages with one name."
        ),
        "{:#?}",
        desk.labels()
    );
    assert!(desk.has("Staged at Köln, revision 1"));
    assert!(desk.has("Installed on computers PC-1, PC-2, PC-3 and 1 more"));
    assert!(desk.sees("Job Install Tool 1: ") && desk.sees(", 1 target left"), "{:#?}", desk.labels());
    assert!(!desk.has("Unseal"), "it cannot be done");

    desk.click("Show where");
    desk.wait_for("Tool 1 - Properties");
    desk.wait_for("Köln, revision 1, Whole");
    desk.click("General");
    desk.click("Unseal…");
    desk.wait_for("Tool 1 cannot be unsealed");
    desk.click("Add a procedure…");
    desk.wait("the dialog of a procedure", |desk| desk.has_field("Name"));
    desk.press(Modifiers::NONE, Key::Escape);
    desk.click("Unseal…");
    desk.wait_for("Tool 1 cannot be unsealed");
    // A new version is the way that Enter takes.
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("New version of Tool 1");
    assert_eq!(state(&desk, "Tool 1"), PackageState::Sealed);
}

#[test]
fn test_computers_keep_nothing_sealed_and_their_copies_are_named() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    let mut agents = desk.agents(&["TEST-1"]);
    let edit = ComputerEdit { test: Some(true), ..ComputerEdit::default() };
    desk.run(EditComputer { computer: "TEST-1".to_owned(), edit });
    let id = desk.run(ListStaging {})[0].staging.id;
    let edit = StagingEdit { for_tests: Some(true), ..StagingEdit::default() };
    desk.run(EditStagingLibrary { id, edit });
    desk.job(tool, &["TEST-1"], ContainerOptions::default());
    desk.tick();
    agents[0].does_its_job(&desk);
    desk.tick();
    desk.select("Tool 1");
    desk.command("Unseal");
    desk.wait_for("Its copies where only test computers read are removed:");
    assert!(desk.has("Staged at Köln, revision 1, for test computers"), "{:#?}", desk.labels());
    assert!(desk.has("Installed on test computer TEST-1"));
    desk.click("Unseal");
    desk.wait("open", |desk| state(desk, "Tool 1") == PackageState::Open);
    assert!(!desk.there("packages/Tool/1").exists(), "the copy is gone");
}

#[test]
fn removing_and_archiving_name_what_is_staged_and_in_jobs_and_can_leave_it_out() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    desk.sealed("Other", "1");
    desk.run(AddComputer { new: NewComputer { name: "PC-1".to_owned(), ..NewComputer::default() } });
    desk.job(tool, &["PC-1"], ContainerOptions::default());
    desk.tick();
    desk.select("Tool 1");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.wait_for("What a job has still to do with it ends in error.");
    assert!(desk.sees("What is staged stays there."));
    assert!(desk.has("Staged at Köln, revision 1") && desk.sees("Job Install Tool 1: "));
    desk.click("Show where");
    desk.wait_for("Köln, revision 1, Whole");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("Tool 1 - Properties");

    desk.select("Tool 1");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.command("Archive…");
    desk.wait_for("Archive 2 packages");
    desk.wait_for("Tool 1: staged at Köln, in the job Install Tool 1");
    desk.click("Leave it out");
    desk.wait_for("Archive Other 1");
    assert!(!desk.sees("Tool 1: staged at Köln"));
    desk.fill("Archive folder", &desk.folder.path().join("archives").display().to_string());
    desk.click("Archive");
    desk.wait("archived", |desk| state(desk, "Other 1") == PackageState::Archived);
    assert_eq!(state(&desk, "Tool 1"), PackageState::Sealed);
}

#[test]
fn accepting_changes_of_what_was_delivered_says_so_and_offers_a_new_version() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    fs::write(desk.data("Tool", "1").join("stranger.txt"), "who put me here?").expect("written");
    desk.run(Check { package: tool, kind: CheckKind::Quick });
    desk.wait("it is blocked", |desk| desk.package("Tool 1").is_some_and(|package| package.is_blocked()));
    desk.properties("Tool 1");
    desk.click("Accept changes…");
    desk.wait_for("Accepting means sealing it again as revision 2; 1 staged copy becomes outdated.");
    assert!(desk.sees("It is staged at 1 place. A new version is usually the better way."));
    desk.click_last("New version…");
    desk.wait_for("New version of Tool 1");
}
