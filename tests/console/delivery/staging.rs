//! Packages in staging libraries: staged, outdated, verified, unstaged, and what is refused; by menus and by dragging.

use std::fs;
use std::path::PathBuf;

use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::kittest::Queryable as _;
use packhouse::package::PackageId;
use packhouse::package::procedure::{Procedure, ProcedureChoice, Task};
use packhouse::package::staging::{Line, StagedFinding, Window};
use packhouse::session::{
    AddGroup, AddStagingLibrary, ContainerOptions, CopyRow, EditProcedures, ListStagedCopies, ListStaging,
    NewStagingLibrary, ProcedureEdit, StagingRow, Unseal,
};

use crate::desk::Desk;

impl Desk {
    /// Adds a staging library that is a folder of its own.
    #[track_caller]
    pub(super) fn site(&mut self, name: &str, line: Line) -> PathBuf {
        let folder = self.folder.path().join(format!("site of {name}"));
        fs::create_dir_all(&folder).expect("a folder");
        let write = folder.display().to_string();
        let new = NewStagingLibrary { name: name.to_owned(), write, line, ..NewStagingLibrary::default() };
        self.run(AddStagingLibrary { new });
        folder
    }

    pub(super) fn libraries(&self) -> Vec<StagingRow> {
        self.run(ListStaging {})
    }

    pub(super) fn copies(&self) -> Vec<CopyRow> {
        self.run(ListStagedCopies { package: None })
    }

    /// Adds a procedure to a sealed package, which seals it again, so that what is staged of it is outdated.
    pub(super) fn seal_again(&mut self, package: PackageId) {
        let procedure = Procedure::new("Configure", Task::Configure, "setup.sh");
        let edit = ProcedureEdit::Add(procedure, ProcedureChoice::default());
        self.run(EditProcedures { package, edit, key: None });
    }

    fn package_menu(&mut self, title: &str, command: &str) {
        self.press(Modifiers::COMMAND, Key::Num1);
        self.select(title);
        self.command(command);
    }
}

#[test]
fn a_package_is_staged_sealed_again_staged_again_and_unstaged() {
    let mut desk = Desk::open();
    let package = desk.sealed("Tool", "1");
    // Without a staging library there is nowhere to stage it.
    desk.select("Tool 1");
    desk.press(Modifiers::COMMAND, Key::K);
    desk.wait_to_read("Find a command");
    desk.fill("Command", "stage…");
    desk.wait_to_read("There is no staging library: add one first");
    desk.press(Modifiers::NONE, Key::Escape);
    let site = desk.site("Köln", Line::default());
    desk.wait("it is known", |desk| desk.reads("Köln"));
    desk.package_menu("Tool 1", "Stage…");
    desk.wait_to_read("Stage Tool 1");
    // The only one is chosen; what it has of the package is looked at.
    desk.wait_to_read("nothing");
    desk.wait_until_unread("looking…");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("it is staged", |desk| {
        desk.copies().iter().any(|row| row.copy.finding == StagedFinding::Whole)
    });
    desk.wait_to_read("Tool 1 revision 1 staged at Köln: ");
    assert!(site.join("packages/Tool/1/reginfo.json.minisig").exists());

    desk.package_menu("Tool 1", "Stage…");
    desk.wait_to_read("revision 1, whole");
    desk.press(Modifiers::NONE, Key::Escape);

    desk.seal_again(package);
    desk.go_to_staging();
    desk.select("Köln");
    desk.wait_to_read("Tool 1, revision 1, Outdated: the library has revision 2");
    desk.wait_to_read("1 package, 1 outdated");
    desk.package_menu("Tool 1", "Verify staged copy");
    desk.wait_to_read("Tool 1 at Köln is not as it should be");
    desk.wait_to_read("whole, outdated, revision 1");
    desk.click("Stage again…");
    desk.wait_to_read("Stage Tool 1");
    desk.wait_until_unread("looking…");
    desk.click("Stage");
    desk.wait("revision 2 is there", |desk| desk.copies()[0].copy.revision == 2);
    desk.wait_to_read("Tool 1 revision 2 staged at Köln: 0 bytes sent, ");

    desk.package_menu("Tool 1", "Verify staged copy deep");
    desk.wait_to_read("Tool 1 at Köln: whole, revision 2");
    // A file of the copy is damaged: a deep look finds it, a quick one does not.
    fs::write(site.join("packages/Tool/1/data/readme.txt"), "READ ME").expect("written");
    desk.package_menu("Tool 1", "Verify staged copy");
    desk.wait_to_read("Tool 1 at Köln: whole, revision 2");
    desk.package_menu("Tool 1", "Verify staged copy deep");
    desk.wait_to_read("Tool 1 at Köln is not as it should be");
    desk.wait_to_read("readme.txt");
    desk.click("Close");

    desk.package_menu("Tool 1", "Unstage…");
    desk.wait_to_read("Unstage Tool 1 from Köln?");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_unread("Unstage Tool 1 from Köln?");
    assert_eq!(desk.copies().len(), 1, "Enter presses Cancel");
    desk.package_menu("Tool 1", "Unstage…");
    desk.click("Unstage");
    desk.wait("it is gone", |desk| desk.copies().is_empty());
    desk.wait_to_read("1 package unstaged from Köln");
    assert!(!site.join("packages/Tool").exists());
    desk.press(Modifiers::COMMAND, Key::K);
    desk.fill("Command", "unstage…");
    desk.wait_to_read("The package is not staged");
}

#[test]
fn what_cannot_be_staged_or_unstaged_says_why() {
    let mut desk = Desk::open();
    desk.register("Open", "1", &[("a.txt", "a")]);
    let package = desk.staged("Tool", "1");
    desk.wait("it is known", |desk| desk.reads("Köln"));
    // Only sealed ones.
    desk.select("Open 1");
    desk.press(Modifiers::COMMAND, Key::K);
    desk.fill("Command", "stage…");
    desk.wait_to_read("Only sealed packages are staged");
    desk.press(Modifiers::NONE, Key::Escape);
    // One that a job has to do stays where it is.
    desk.agents(&["PC-1"]);
    let job = desk.job(package, &["PC-1"], ContainerOptions::default());
    desk.package_menu("Tool 1", "Unstage…");
    desk.wait_to_read("Unstage Tool 1 from Köln?");
    desk.wait_to_read(&format!("Tool 1: job {}", job.name));
    assert!(!desk.is_enabled("Unstage"));
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_unread("Unstage Tool 1 from Köln?");
    // What is staged is not unsealed.
    let session = desk.session().expect("open").clone();
    let refused = session.run(Unseal { package }, &packhouse::work::Work::new());
    assert!(refused.is_err_and(|failure| failure.code == "package-delivered"));
    // One that changed behind the library's back is not handed out, and the differences are shown.
    fs::write(desk.data("Tool", "1").join("surprise.txt"), "not ours").expect("written");
    desk.package_menu("Tool 1", "Stage…");
    desk.wait_to_read("Stage Tool 1");
    desk.wait_until_unread("looking…");
    desk.click("Stage");
    desk.wait_to_read("is not staged: it differs");
    desk.press(Modifiers::NONE, Key::Escape);
    // Now that it is known, nobody is asked where.
    desk.package_menu("Tool 1", "Stage…");
    desk.wait_to_read("is not staged: it differs");
}

#[test]
fn a_closed_line_wants_to_be_opened_on_purpose() {
    let mut desk = Desk::open();
    desk.sealed("Tool", "1");
    // The part of the day that is not now.
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).time();
    let hour = (i32::from(now.hour()) + 3) % 24;
    let window = Window::parse(&format!("{hour:02}:00-{:02}:00", (hour + 2) % 24)).expect("a window");
    let line = Line { bytes_per_second: Some(10 << 20), window: Some(window) };
    desk.site("Lyon", line);
    desk.wait("it is known", |desk| desk.reads("Lyon"));
    desk.package_menu("Tool 1", "Stage…");
    desk.wait_to_read(&format!("opens {hour:02}:00"));
    assert!(!desk.is_enabled("Stage"));
    desk.click("Send now, although the line of Lyon is closed");
    desk.click("Stage");
    desk.wait("it is staged", |desk| {
        desk.copies().iter().any(|row| row.copy.finding == StagedFinding::Whole)
    });
}

fn centre(desk: &Desk, part: &str) -> Pos2 {
    let node = desk.harness.query_all_by_label_contains(part).next();
    node.unwrap_or_else(|| panic!("no {part}")).rect().center()
}

fn button(desk: &mut Desk, pos: Pos2, pressed: bool) {
    let modifiers = Modifiers::NONE;
    desk.harness.event(Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers });
    desk.harness.step();
}

/// Presses on one thing, moves to another in a few steps, and lets go.
fn drag(desk: &mut Desk, from: &str, to: &str) {
    let (start, end) = (centre(desk, from), centre(desk, to));
    desk.harness.event(Event::PointerMoved(start));
    desk.harness.step();
    button(desk, start, true);
    for part in [0.2, 0.5, 0.8, 1.0, 1.0] {
        desk.harness.event(Event::PointerMoved(start.lerp(end, part)));
        desk.harness.step();
    }
    button(desk, end, false);
    desk.settle();
}

#[test]
fn packages_are_dragged_onto_a_staging_library() {
    let mut desk = Desk::open();
    for name in ["One", "Two"] {
        desk.sealed(name, "1");
    }
    for name in ["Köln", "Lyon"] {
        desk.site(name, Line::default());
    }
    desk.wait("both are known", |desk| desk.reads("Köln") && desk.reads("Lyon"));
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.select("One 1");
    desk.press(Modifiers::COMMAND, Key::A);
    drag(&mut desk, "One 1, ", "Lyon");
    desk.wait_to_read("Stage 2 packages");
    desk.wait_until_unread("looking…");
    desk.click("Stage");
    desk.wait("both are staged", |desk| {
        let copies = desk.copies();
        copies.len() == 2 && copies.iter().all(|row| row.copy.finding == StagedFinding::Whole)
    });
    assert!(desk.copies().iter().all(|row| row.name == "Lyon"), "the one they were dropped on, and no other");
    desk.wait_to_read("2 packages staged at Lyon: ");
    // From the staging library both are removed at once.
    desk.click_part("Lyon, 2");
    desk.wait_to_read("One 1, revision 1, Whole");
    desk.select("One 1");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.click_last("Unstage…");
    desk.wait_to_read("Unstage 2 packages?");
    desk.click("Unstage");
    desk.wait("nothing is there", |desk| desk.copies().is_empty());
}

#[test]
fn a_staging_library_far_down_the_tree_is_shown_and_reached() {
    let mut desk = Desk::open();
    desk.sealed("Tool", "1");
    for number in 0..40 {
        desk.run(AddGroup { name: format!("Group {number:02}") });
    }
    desk.site("Köln", Line::default());
    desk.wait_to_read("Group 00");
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.select("Tool 1");
    assert!(!desk.has("Köln"), "its row is out of sight");
    // Held at the lower edge of the tree, the package scrolls it.
    let start = centre(&desk, "Tool 1, ");
    desk.harness.event(Event::PointerMoved(start));
    desk.harness.step();
    button(&mut desk, start, true);
    let edge = Pos2::new(100.0, 762.0);
    for part in [0.3, 0.7, 1.0] {
        desk.harness.event(Event::PointerMoved(start.lerp(edge, part)));
        desk.harness.step();
    }
    desk.wait("its row", |desk| desk.has("Köln"));
    let end = centre(&desk, "Köln");
    for part in [0.5, 1.0, 1.0] {
        desk.harness.event(Event::PointerMoved(edge.lerp(end, part)));
        desk.harness.step();
    }
    let end = centre(&desk, "Köln");
    desk.harness.event(Event::PointerMoved(end));
    desk.harness.step();
    button(&mut desk, end, false);
    desk.wait_to_read("Stage Tool 1");
    desk.press(Modifiers::NONE, Key::Escape);
    // And the tree shows where one is, wherever that was chosen.
    desk.press(Modifiers::COMMAND, Key::Num7);
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.wait("the upper end of the tree", |desk| !desk.has("Köln"));
    desk.go_to_staging();
    desk.select("Köln");
    desk.wait("its row", |desk| desk.has("Köln"));
}
