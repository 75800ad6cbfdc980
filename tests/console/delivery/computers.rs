//! The page *Computers*: by hand, from a table with errors, with a token; groups, test computers, removal.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::session::{
    AddComputer, AddComputerGroup, AddStagingLibrary, ComputerEdit, ComputerFilter, ComputerRow,
    ContainerOptions, CreateKey, EditComputer, ListComputers, ListKeptPackages, ListTokens, NewComputer,
    NewStagingLibrary, ShowComputer, Shown,
};

use crate::desk::Desk;

fn computers(desk: &Desk) -> Vec<ComputerRow> {
    desk.run(ListComputers { filter: ComputerFilter::default() })
}

fn computer(desk: &Desk, name: &str) -> ComputerRow {
    computers(desk).into_iter().find(|row| row.name == name).expect("on the list")
}

fn add(desk: &Desk, name: &str) {
    desk.run(AddComputer { new: NewComputer { name: name.to_owned(), ..NewComputer::default() } });
}

#[test]
fn computers_are_added_by_hand_changed_and_removed() {
    let mut desk = Desk::open();
    desk.go_to_computers();
    desk.wait_for("No computer yet.");
    desk.click_last("Add computers…");
    desk.wait("the field", |desk| desk.has_field("Names"));
    assert!(!desk.is_enabled("Add"), "there is no name");
    desk.fill("Names", "PC-1\nPC-2; PC-3\nPC-1");
    desk.fill("Groups", "Branch Köln, Lab");
    desk.click("Add 3");
    desk.wait("three computers", |desk| computers(desk).len() == 3);
    desk.wait_for("PC-3, Branch Köln, Lab, last seen no agent enrolled");
    desk.wait_for("Branch Köln, 3");

    desk.select("PC-2");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("Edit PC-2");
    desk.fill("Name", "PC-1");
    assert!(!desk.is_enabled("OK"), "the name is taken");
    desk.fill("Name", "Reception");
    desk.click("Test computer");
    desk.click("OK");
    desk.wait_for("Reception, test computer");
    assert!(computer(&desk, "Reception").test);
    // The mark is taken back by the command that gives it.
    desk.command("Test computer");
    desk.wait("no test computer", |desk| !computer(desk, "Reception").test);

    desk.select("Reception");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.wait_for("Remove Reception?");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_gone("Remove Reception?");
    assert_eq!(computers(&desk).len(), 3, "Enter presses Cancel");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.click("Remove");
    desk.wait("two computers", |desk| computers(desk).len() == 2);
}

#[test]
fn a_table_is_shown_with_its_errors_by_line_before_it_is_taken() {
    let mut desk = Desk::open();
    let table = desk.folder.path().join("computers.csv");
    fs::write(&table, "name,group,test\nPC-1,Branch|Lab,yes\n,Branch,no\nPC-2,,perhaps\nPC-3,Branch,no\n")
        .expect("written");
    desk.go_to_computers();
    desk.click_last("Import CSV…");
    desk.fill("File", &table.display().to_string());
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("2 computers in the table:");
    assert!(desk.sees("PC-1 · Branch, Lab · test computer"), "{:#?}", desk.labels());
    desk.wait_for("2 lines cannot be taken:");
    assert!(desk.sees("Line 3: ") && desk.sees("Line 4: "));
    assert!(!desk.is_enabled("Import 2"));
    assert!(computers(&desk).is_empty(), "nothing is taken before somebody says so");
    desk.click("Pass over these lines");
    desk.click("Import 2");
    desk.wait("two computers", |desk| computers(desk).len() == 2);
    desk.wait_for("PC-1, test computer, Branch, Lab");
    desk.wait_for("2 computers added, 0 changed");
    // The groups stand in the tree, and show who is in them.
    desk.click("Lab, 1");
    desk.wait_until_gone("PC-3, ");
    desk.wait_for("PC-1, test computer");
    desk.wait_for("1 of 2 computers");
}

#[test]
fn a_token_is_shown_once() {
    let mut desk = Desk::open();
    desk.run(CreateKey { name: "Packaging".to_owned() });
    desk.run(AddComputerGroup { name: "Branch".to_owned() });
    desk.go_to_computers();
    desk.click_last("Enrolment token…");
    desk.fill("Computer", "nobody");
    assert!(!desk.is_enabled("Make token"), "there is no such computer");
    desk.fill("Computer", " ");
    desk.click("It becomes a test computer");
    desk.click("Make token");
    desk.wait_for("The token is shown this once.");
    desk.click_without_settling("Copy");
    let token = desk.copied().expect("on the clipboard");
    let made = desk.run(ListTokens {});
    assert_eq!(made.len(), 1);
    assert!(made[0].test && token.starts_with(&made[0].id), "{token}");
    assert!(desk.sees("Valid until") && desk.sees("a new computer, a test computer"));
    desk.click("Done");
    desk.wait_until_gone("The token is shown this once.");
}

/// Makes a token in the dialog, which stays open.
fn make_token(desk: &mut Desk) {
    desk.click_last("Enrolment token…");
    desk.click("Make token");
    desk.wait_for("The token is shown this once.");
}

#[test]
fn a_new_token_tells_where_it_can_be_used_and_what_to_do_elsewhere() {
    let mut desk = Desk::open();
    desk.run(CreateKey { name: "Packaging".to_owned() });
    desk.go_to_computers();
    make_token(&mut desk);
    desk.wait_to_read("It cannot be used yet: there is no staging library");
    assert!(desk.reads("Add a staging library first; the delivery manager opens the token there."));
    desk.click("Done");

    let add = |desk: &Desk, name: &str| {
        let folder = desk.there(name);
        fs::create_dir_all(&folder).expect("a folder");
        let write = folder.display().to_string();
        let new = NewStagingLibrary { name: name.to_owned(), write, ..NewStagingLibrary::default() };
        desk.run(AddStagingLibrary { new });
        folder
    };
    add(&desk, "Köln");
    let bern = add(&desk, "Bern");
    desk.settle();
    make_token(&mut desk);
    desk.wait_to_read("Usable now at");
    assert!(desk.reads("Bern, Köln") && !desk.reads("It cannot be used"), "{:#?}", desk.labels());
    desk.click("Done");

    // One is away.
    fs::remove_dir_all(&bern).expect("gone");
    make_token(&mut desk);
    desk.wait_to_read("It cannot be used at Bern yet");
    assert!(desk.reads("Usable now at") && desk.reads("Köln"), "{:#?}", desk.labels());
    assert!(desk.reads("start it on the page Jobs, if none runs"), "{:#?}", desk.labels());
    desk.click("Done");

    // None can be reached.
    fs::remove_dir_all(desk.there("Köln")).expect("gone");
    make_token(&mut desk);
    desk.wait_to_read("It cannot be used at 2 staging libraries yet");
    assert!(desk.reads("Bern: ") && desk.reads("Köln: "), "{:#?}", desk.labels());
    assert!(!desk.reads("Usable now at") && desk.reads("as soon as it can"), "{:#?}", desk.labels());
}

#[test]
fn several_computers_are_put_into_groups_and_taken_out() {
    let mut desk = Desk::open();
    for name in ["PC-1", "PC-2"] {
        add(&desk, name);
    }
    desk.go_to_computers();
    desk.select("PC-1");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.wait_for("2 selected");
    desk.click("Groups…");
    desk.wait_for("Groups of 2 computers");
    assert!(!desk.is_enabled("OK"), "nothing was changed");
    desk.fill("New groups", "Lab, Branch");
    desk.click("OK");
    desk.wait("both in both", |desk| computers(desk).iter().all(|row| row.groups == ["Branch", "Lab"]));
    desk.wait_for("PC-2, Branch, Lab");
    desk.click("Groups…");
    desk.click("Lab");
    desk.click("OK");
    desk.wait("both in one", |desk| computers(desk).iter().all(|row| row.groups == ["Branch"]));
    // A group is taken away, and its computers stay.
    desk.click("Branch, 2");
    desk.command("Remove group of computers…");
    desk.click("Remove");
    desk.wait("no group", |desk| computers(desk).iter().all(|row| row.groups.is_empty()));
    desk.wait_for("2 computers");
}

#[test]
fn removed_computers_come_back_with_their_agent_what_is_installed_and_their_jobs() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    let mut agents = desk.agents(&["PC-1", "PC-2"]);
    let edit = ComputerEdit {
        comment: Some("reception".to_owned()),
        groups: Some(vec!["Branch".to_owned(), "Lab".to_owned()]),
        ..ComputerEdit::default()
    };
    desk.run(EditComputer { computer: "PC-1".to_owned(), edit });
    desk.job(tool, &["PC-1", "PC-2"], ContainerOptions::default());
    desk.tick();
    agents.iter_mut().for_each(|agent| agent.does_its_job(&desk));
    desk.tick();
    let show = |desk: &Desk| {
        let details = desk.run(ShowComputer { computer: "PC-1".to_owned() });
        let jobs: Vec<_> = details.jobs.iter().map(|one| one.job.id).collect();
        (ComputerRow { row: 0, ..details.computer }, details.installed, jobs)
    };
    let before = show(&desk);
    assert_eq!((before.1.len(), before.2.len()), (1, 1));

    desk.go_to_computers();
    desk.select("PC-1");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.wait_for("2 selected");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.wait_for("Remove 2 computers?");
    assert!(desk.sees("Ctrl+Z brings them back until Packhouse is closed."));
    assert!(desk.sees("2 have agents that are enrolled"));
    desk.click("Remove");
    desk.wait("none is left", |desk| computers(desk).is_empty());
    desk.wait_for("2 computers removed. Ctrl+Z brings them back");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.wait("both are back", |desk| computers(desk).len() == 2);
    assert_eq!(show(&desk), before, "as it was");
    desk.wait_for("PC-1, Branch, Lab, last seen");

    // Its agent goes on with the same key.
    let other = desk.staged("Other", "1");
    let job = desk.job(other, &["PC-1"], ContainerOptions::default());
    desk.tick();
    agents[0].does_its_job(&desk);
    desk.tick();
    assert_eq!(desk.states(&job), [Shown::Ok]);
}

#[test]
fn a_removed_computer_stays_away_where_another_has_its_name() {
    let mut desk = Desk::open();
    add(&desk, "PC-1");
    desk.go_to_computers();
    desk.select("PC-1");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.click("Remove");
    desk.wait("it is gone", |desk| computers(desk).is_empty());
    desk.wait_for("PC-1 removed. Ctrl+Z brings it back");
    add(&desk, "pc-1");
    desk.press(Modifiers::COMMAND, Key::Z);
    desk.wait_for("There is a computer \"PC-1\" already");
    assert_eq!(computers(&desk).len(), 1);
}

#[test]
fn packages_to_keep_are_chosen_taken_off_again_and_limited() {
    let mut desk = Desk::open();
    for name in ["Tool", "Other"] {
        desk.sealed(name, "1");
    }
    desk.go_to_computers();
    desk.command("Packages to keep…");
    desk.wait_for("No package is kept once its jobs have ended.");
    assert!(!desk.is_enabled("OK"), "nothing was changed");
    // The field has the keyboard.
    desk.type_into_search("too");
    assert!(!desk.has("Add Other 1"), "it does not fit");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("Tool 1, ");
    desk.click("Add Other 1");
    desk.wait_for("2 packages, ");
    desk.fill("Most per computer", "much");
    assert!(!desk.is_enabled("OK"), "that is no size");
    desk.fill("Most per computer", "20 GB");
    desk.click("OK");
    desk.wait_for("Agents keep 2 packages although no job needs them");
    let kept = desk.run(ListKeptPackages {});
    let names: Vec<String> = kept.packages.iter().map(ToString::to_string).collect();
    assert_eq!((names, kept.most_bytes), (vec!["Other@1".to_owned(), "Tool@1".to_owned()], Some(20 << 30)));

    desk.command("Packages to keep…");
    desk.wait_for("Tool 1, ");
    assert_eq!(desk.control("Most per computer").value().as_deref(), Some("20 GiB"));
    desk.click("Remove Other 1");
    desk.wait("it can be added again", |desk| desk.has("Add Other 1"));
    desk.fill("Most per computer", " ");
    desk.click("OK");
    desk.wait_for("Agents keep 1 package although no job needs it");
    let kept = desk.run(ListKeptPackages {});
    assert_eq!((kept.packages.len(), kept.packages[0].name(), kept.most_bytes), (1, "Tool", None));

    // Cancel leaves it as it was.
    desk.command("Packages to keep…");
    desk.click("Remove Tool 1");
    desk.wait_for("No package is kept");
    desk.click("Cancel");
    desk.wait_until_gone("No package is kept");
    assert_eq!(desk.run(ListKeptPackages {}), kept);
}
