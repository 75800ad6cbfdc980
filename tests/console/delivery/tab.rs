//! The tab *Delivery*: where a package is, what leads on from there, and what is said of one that is not sealed.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::package::PackageKey;
use packhouse::package::staging::Line;
use packhouse::session::{
    Accept, AcceptRequest, Archive, ArchiveRequest, ComputerEdit, ContainerOptions, Edit, EditComputer,
    ListStaging, PackageEdit, ReadWhereabouts, VerifyStaged,
};

use crate::desk::Desk;

/// Opens the properties of a package on the tab.
#[track_caller]
fn open_tab(desk: &mut Desk, title: &str) {
    desk.properties(title);
    desk.click("Delivery");
}

#[test]
fn an_open_package_is_nowhere() {
    let mut desk = Desk::open();
    desk.register("Tool", "1", &[("a.txt", "a")]);
    open_tab(&mut desk, "Tool 1");
    desk.wait_for("Only sealed packages are delivered");
    assert!(!desk.sees("Staged at"));
}

#[test]
fn where_a_package_is_stands_on_its_tab_and_follows_the_jobs() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    let mut agents = desk.agents(&["PC-1", "PC-2"]);
    let edit = ComputerEdit { test: Some(true), ..ComputerEdit::default() };
    desk.run(EditComputer { computer: "PC-2".to_owned(), edit });
    open_tab(&mut desk, "Tool 1");
    desk.wait_for("Köln, revision 1, Whole, verified");
    assert!(desk.has("Staged at 1") && desk.has("Installed on 0") && desk.has("Jobs 0"));
    desk.click("Installed on 0");
    desk.wait_for("No computer is known to have it installed.");

    // A job is set up elsewhere, and its computers report: the open tab follows.
    desk.job(tool, &["PC-1", "PC-2"], ContainerOptions::default());
    desk.tick();
    desk.wait_for("Jobs 1");
    desk.click("Jobs 1");
    desk.wait_for("Install Tool 1, In progress, 0 waiting, 2 active, 0 OK, 0 in error");
    agents.iter_mut().for_each(|agent| agent.does_its_job(&desk));
    desk.tick();
    desk.wait_for("Install Tool 1, Successfully completed, 0 waiting, 0 active, 2 OK, 0 in error");
    desk.click("Installed on 2");
    desk.wait_for("1 computer and 1 test computer");
    desk.wait_for("PC-1, since");
    assert!(desk.sees("PC-2 (test), since") && desk.sees("Install, Install Tool 1"), "{:#?}", desk.labels());

    // The job that put it there is one press away.
    desk.click("Show");
    desk.wait_until_gone("Tool 1 - Properties");
    desk.wait("the page of the job", |desk| desk.sees("All 2"));
}

#[test]
fn a_copy_that_is_older_than_the_package_is_outdated_and_what_is_gone_is_missing() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    open_tab(&mut desk, "Tool 1");
    desk.wait_for("Köln, revision 1, Whole, verified");
    // Accepted changes of a sealed package seal it again.
    fs::write(desk.data("Tool", "1").join("more.txt"), "more").expect("written");
    let request = AcceptRequest { reason: "wanted".to_owned(), expect: None, key: None };
    desk.run(Accept { package: tool, request });
    desk.wait_for("Köln, revision 1, Outdated: revision 2 is here");
    fs::remove_dir_all(desk.there("packages")).expect("removed");
    let staging = desk.run(ListStaging {})[0].staging.id;
    desk.run(VerifyStaged { package: None, staging, deep: false });
    desk.wait_for("Köln, revision 1, Missing, verified");
}

#[test]
fn jobs_of_packages_that_replace_it_stand_apart() {
    let mut desk = Desk::open();
    let old = desk.staged("Tool", "1");
    let new = desk.staged("Tool", "2");
    let newest = desk.staged("Tool", "3");
    for (package, replaces) in [(new, "Tool@1"), (newest, "Tool@2")] {
        let replaces = Some(PackageKey::parse(replaces).expect("a package"));
        let edit = PackageEdit { replaces: Some(replaces), ..PackageEdit::default() };
        desk.run(Edit { package, edit });
    }
    desk.agents(&["PC-1"]);
    desk.job(newest, &["PC-1"], ContainerOptions::default());
    open_tab(&mut desk, "Tool 1");
    desk.wait_for("Replacing jobs of newer versions 1");
    assert!(desk.has("Jobs 0"), "it is no job of this one");
    desk.click("Replacing jobs of newer versions 1");
    desk.wait_for("Tool 3, Install Tool 3, ");
    let known = desk.run(ReadWhereabouts { package: old, most: 10 });
    assert_eq!((known.replacing.len(), known.jobs.len()), (1, 0));
}

#[test]
fn a_sealed_package_is_deployed_from_its_tab_and_an_archived_one_restored() {
    let mut desk = Desk::open();
    let tool = desk.sealed("Tool", "1");
    open_tab(&mut desk, "Tool 1");
    desk.wait_for("It is not staged anywhere");
    assert!(!desk.is_enabled("Stage…") && !desk.is_enabled("Unstage…"), "there is no staging library");
    desk.click("Deploy…");
    desk.wait("the wizard", |desk| desk.has("Procedure of Tool 1"));
    desk.press(Modifiers::NONE, Key::Escape);
    // A retired one gets no new jobs.
    let edit = PackageEdit { retired: Some(true), ..PackageEdit::default() };
    desk.run(Edit { package: tool, edit });
    desk.wait("no new jobs", |desk| !desk.is_enabled("Deploy…"));

    let folder = desk.folder.path().join("archives");
    let request = ArchiveRequest { folder, comment: String::new() };
    desk.run(Archive { package: tool, request });
    desk.wait_for("The package is archived.");
    desk.click("Restore…");
    desk.wait_for("Restore Tool 1");
}

#[test]
fn several_packages_are_told_of_on_a_line_each() {
    let mut desk = Desk::open();
    let tool = desk.staged("Tool", "1");
    desk.sealed("Other", "1");
    desk.agents(&["PC-1"]);
    desk.job(tool, &["PC-1"], ContainerOptions::default());
    desk.tick();
    desk.select("Tool 1");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("2 packages - Properties");
    desk.click("Delivery");
    desk.wait_for("Tool 1, staged at Köln, installed on –, waiting jobs Install Tool 1");
    assert!(desk.sees("Other 1, staged at –, installed on –, waiting jobs –"), "{:#?}", desk.labels());
}

#[test]
fn a_package_is_staged_verified_and_unstaged_from_its_tab() {
    let mut desk = Desk::open();
    desk.sealed("Tool", "1");
    desk.site("Köln", Line::default());
    open_tab(&mut desk, "Tool 1");
    desk.wait("there is somewhere to stage it", |desk| desk.has("Stage…") && desk.is_enabled("Stage…"));
    assert!(!desk.is_enabled("Verify staged copy"), "it is not staged");
    desk.click("Stage…");
    desk.wait_to_read("Stage Tool 1");
    desk.wait_until_unread("looking…");
    desk.click("Stage");
    desk.wait_for("Köln, revision 1, Whole");
    desk.click("Verify staged copy");
    desk.wait_to_read("Tool 1 at Köln: whole, revision 1");
    // The staging library is a press away.
    desk.click("Show");
    desk.wait_until_gone("Tool 1 - Properties");
    desk.wait("the page", |desk| desk.has("Add staging library…"));

    desk.press(Modifiers::COMMAND, Key::Num1);
    open_tab(&mut desk, "Tool 1");
    desk.wait("its copy", |desk| desk.has("Unstage…") && desk.is_enabled("Unstage…"));
    desk.click("Unstage…");
    desk.wait_to_read("Unstage Tool 1 from Köln?");
    desk.click("Unstage");
    desk.wait_for("It is not staged anywhere");
}
