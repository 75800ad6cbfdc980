//! Setting up a job: by keyboard, from a package, by a drag onto a group, and with what is known to fail.

use egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::kittest::Queryable as _;
use packhouse::session::{
    AddComputer, ContainerView, ImportComputers, ListJobContainers, NewComputer, OnChecksumError,
    ShowJobContainer, Shown,
};

use crate::desk::Desk;

fn jobs(desk: &Desk) -> Vec<ContainerView> {
    desk.run(ListJobContainers {})
}

fn enter(desk: &mut Desk) {
    desk.press(Modifiers::NONE, Key::Enter);
}

#[test]
fn a_name_and_enter_in_one_frame_take_what_fits_that_name() {
    let mut desk = Desk::open();
    for name in ["Alpha", "Tool"] {
        desk.sealed(name, "1");
    }
    desk.press(Modifiers::COMMAND, Key::J);
    desk.wait_for("Which packages?");
    desk.wait("both", |desk| desk.has("Add Alpha 1") && desk.has("Add Tool 1"));
    // A slow frame gets all that was typed meanwhile.
    let pressed = |pressed| Event::Key {
        key: Key::Enter,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    let typed = [Event::Text("too".to_owned()), pressed(true), pressed(false)];
    desk.harness.input_mut().events.extend(typed);
    desk.wait("it is taken", |desk| desk.has("Remove Tool 1") || desk.has("Remove Alpha 1"));
    assert!(desk.has("Remove Tool 1") && desk.has("Add Alpha 1"), "{:#?}", desk.labels());
}

#[test]
fn a_job_is_set_up_by_keyboard_alone_and_its_states_are_seen() {
    let mut desk = Desk::open();
    desk.staged("Tool", "1");
    let mut agents = desk.agents(&["PC-1", "PC-2"]);
    desk.press(Modifiers::COMMAND, Key::J);
    desk.wait_for("Which packages?");
    assert!(!desk.is_enabled("Next"));
    desk.type_into_search("too");
    enter(&mut desk);
    desk.wait("its procedures", |desk| desk.is_enabled("Next"));
    enter(&mut desk);
    desk.wait("the second step", |desk| desk.has_field("Find a computer"));
    for name in ["pc-1", "pc-2"] {
        desk.type_into_search(name);
        enter(&mut desk);
    }
    desk.wait_for("Remove PC-2");
    enter(&mut desk);
    desk.wait_for("Stage: at once");
    enter(&mut desk);
    desk.wait_for("Name of the job");
    desk.type_into_search("Branch Köln");
    enter(&mut desk);
    desk.wait_for("2 of 2 computers are ready.");
    assert!(desk.sees("Tool 1 in Köln: staged and verified"), "{:#?}", desk.labels());
    desk.wait_for("No delivery manager is running: the job waits until one does.");
    enter(&mut desk);
    desk.wait_for("Branch Köln, ");
    let job = jobs(&desk).remove(0);
    desk.tick();
    desk.wait_for("Branch Köln, In progress, 0 %, – waiting, 2 active");
    agents.iter_mut().for_each(|agent| agent.does_its_job(&desk));
    desk.tick();
    desk.wait_for("Branch Köln, Successfully completed, 100 %");
    assert_eq!(desk.states(&job), [Shown::Ok; 2]);
    // What was installed stands with the computer.
    desk.go_to_computers();
    desk.select("PC-1");
    desk.wait_for("Installed software 1");
    assert!(desk.sees("Staging library") && desk.sees("Free space"), "{:#?}", desk.labels());
    desk.click("Installed software 1");
    desk.wait_for("Tool 1, since");
}

#[test]
fn options_are_kept_and_what_will_fail_is_known_before() {
    let mut desk = Desk::open();
    let tool = desk.sealed("Tool", "1");
    desk.run(AddComputer { new: NewComputer { name: "PC-1".to_owned(), ..NewComputer::default() } });
    desk.select("Tool 1");
    desk.click("Deploy…");
    desk.wait("its procedures", |desk| desk.is_enabled("Next"));
    assert!(desk.has("Procedure of Tool 1"));
    desk.click("Next");
    assert!(!desk.is_enabled("Next"), "there is no target");
    desk.click("Add PC-1");
    desk.click("Next");
    desk.click("Run: at a time");
    desk.fill("Run time", "tonight");
    assert!(!desk.is_enabled("Next"));
    desk.fill("Run time", "2099-01-01 02:00");
    desk.click("Next");
    desk.fill("Targets at a time", "20");
    desk.click("halt them until the package is consistent again");
    desk.click("Next");
    // Nobody has the package, and no agent is there to fetch it.
    desk.wait_for("Will fail, as things are:");
    assert!(desk.sees("PC-1: "), "{:#?}", desk.labels());
    // Enter leads back, not on.
    enter(&mut desk);
    desk.wait_for("Name of the job");
    assert!(jobs(&desk).is_empty());
    desk.click("Next");
    desk.click("Create anyway");
    desk.wait("a job", |desk| jobs(desk).len() == 1);
    let job = desk.run(ShowJobContainer { id: jobs(&desk)[0].id });
    let options = &job.definition.options;
    assert_eq!((options.parallel, options.on_checksum_error), (20, OnChecksumError::Halt));
    assert!(options.run_at.is_some() && options.stage_at.is_none());
    assert_eq!(job.definition.entries[0].package, tool);
    desk.wait_for("Install Tool 1, ");
}

#[test]
fn an_open_package_is_not_deployed() {
    let mut desk = Desk::open();
    desk.register("Tool", "1", &[("a.txt", "a")]);
    desk.select("Tool 1");
    assert!(!desk.is_enabled("Deploy…"));
}

#[test]
fn a_package_that_is_dropped_on_a_group_of_computers_begins_a_job_for_it() {
    let mut desk = Desk::open();
    desk.sealed("Tool", "1");
    desk.run(ImportComputers { text: "name,group\nPC-1,Branch\n".to_owned(), skip_errors: false });
    desk.command("Refresh computers");
    desk.wait_for("Branch, 1");
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.select("Tool 1");
    let centre = |desk: &Desk, part: &str| {
        let node = desk.harness.query_all_by_label_contains(part).next();
        node.expect("it is there").rect().center()
    };
    let (start, end) = (centre(&desk, "Tool 1, "), centre(&desk, "Branch, 1"));
    let button = |desk: &mut Desk, pos, pressed| {
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        desk.harness.event(Event::PointerButton { pos, button, pressed, modifiers });
        desk.harness.step();
    };
    desk.harness.event(Event::PointerMoved(start));
    desk.harness.step();
    button(&mut desk, start, true);
    for part in [0.2, 0.5, 0.8, 1.0, 1.0] {
        desk.harness.event(Event::PointerMoved(start.lerp(end, part)));
        desk.harness.step();
    }
    button(&mut desk, end, false);
    desk.wait("the wizard", |desk| desk.has("Procedure of Tool 1"));
    desk.wait("its procedures", |desk| desk.is_enabled("Next"));
    desk.click("Next");
    desk.wait("the group is chosen", |desk| desk.is_enabled("Next"));
    assert!(desk.sees("Branch (1 computer)"));
}
