//! Closing the window: with work that runs, with packages that could still be taken back, with neither.

use std::fs;

use egui::{Key, ViewportCommand, ViewportEvent, ViewportId};
use packhouse::session::Remove;
use packhouse::work::Work;

use super::desk::Desk;

const ASKED: &str = "Close Packhouse while work is running?";

/// What the cross of the window does; whether the window went at once.
fn press_the_cross(desk: &mut Desk) -> bool {
    let root = desk.harness.input_mut().viewports.entry(ViewportId::ROOT).or_default();
    root.events.push(ViewportEvent::Close);
    desk.harness.step();
    let stays = commands(desk).any(|command| matches!(command, ViewportCommand::CancelClose));
    desk.settle();
    !stays
}

fn commands(desk: &Desk) -> impl Iterator<Item = &ViewportCommand> {
    desk.harness.output().viewport_output.values().flat_map(|output| output.commands.iter())
}

/// Steps until the program closes its window itself.
#[track_caller]
fn wait_until_closed(desk: &mut Desk) {
    let start = std::time::Instant::now();
    while !commands(desk).any(|command| matches!(command, ViewportCommand::Close)) {
        assert!(start.elapsed().as_secs() < 20, "it did not close\n{}", desk.labels().join("\n"));
        desk.harness.step();
        std::thread::yield_now();
    }
}

/// A registration of a file that takes its time to be read.
fn registering(desk: &mut Desk) {
    let source = desk.source("Big 1.0", &[("small.txt", "x")]);
    let big = fs::File::create(source.join("big.bin")).expect("a file");
    // All holes: it takes no room, and long enough to read.
    big.set_len(6 << 30).expect("a long file");
    desk.drop(&[&source]);
    desk.wait_for("2 files");
    desk.click_without_settling("Create");
    desk.wait("the row of the work", |desk| desk.sees("Registering Big 1.0"));
    desk.wait("its progress", |desk| texts(desk).iter().any(|text| text.ends_with(" of 6.0 GiB")));
}

fn remove(desk: &mut Desk, title: &str) {
    let package = desk.package(title).expect("there").id;
    desk.session().expect("open").run(Remove { package }, &Work::new()).expect("removed");
    desk.wait("removed", |desk| desk.session().is_some_and(|session| session.view().removed.0 == 1));
    desk.settle();
}

fn trash(desk: &Desk) -> usize {
    fs::read_dir(desk.folder.path().join("library/.trash")).map_or(0, Iterator::count)
}

#[test]
fn without_work_and_without_removed_packages_nothing_is_asked() {
    let mut desk = Desk::open();
    assert!(press_the_cross(&mut desk));
}

#[test]
fn running_work_and_removed_packages_are_named_in_this_order() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    remove(&mut desk, "7-Zip 24.09");
    registering(&mut desk);
    assert!(!press_the_cross(&mut desk));
    desk.wait_for(ASKED);
    let labels = texts(&desk);
    let at = |part: &str| labels.iter().position(|label| label.starts_with(part)).expect(part);
    assert!(at("Is undone, start it again later:") < at("Is deleted:"), "{labels:?}");
    assert!(labels.iter().any(|label| label.ends_with(" % of 6.0 GiB")), "{labels:?}");
    assert!(at("Is deleted:") < at("1 removed package, 1 byte (undo ends)"), "{labels:?}");
    // Enter presses Don't close: the work goes on.
    desk.harness.key_press(Key::Enter);
    desk.wait_until_gone(ASKED);
    assert!(desk.sees("Registering Big 1.0"));
    assert!(!press_the_cross(&mut desk));
    desk.wait_for(ASKED);
    desk.harness.key_press(Key::Escape);
    desk.wait_until_gone(ASKED);
    assert!(desk.sees("Registering Big 1.0"));
    // Close stops the work, which leaves nothing, and empties the trash.
    assert!(!press_the_cross(&mut desk));
    desk.wait_for(ASKED);
    desk.click_without_settling("Close");
    wait_until_closed(&mut desk);
    assert_eq!(trash(&desk), 0);
    let left = |name: &str| {
        fs::read_dir(desk.folder.path().join("library").join(name))
            .map_or(0, |entries| entries.flatten().count())
    };
    assert_eq!(left(".incoming"), 0);
    assert!(desk.package("Big 1.0").is_none());
}

/// The texts of labels, in the order they are drawn.
fn texts(desk: &Desk) -> Vec<String> {
    use egui_kittest::kittest::{NodeT as _, Queryable as _};
    let all = desk.harness.query_all_by_role(egui::Role::Label);
    all.filter_map(|node| node.accesskit_node().value()).collect()
}

#[test]
fn close_when_done_waits_and_can_be_taken_back() {
    let mut desk = Desk::open();
    registering(&mut desk);
    assert!(!press_the_cross(&mut desk));
    desk.wait_for(ASKED);
    desk.control("Close when done").click();
    desk.harness.step();
    desk.wait("the link", |desk| desk.has("Cancel closing"));
    desk.click("Cancel closing");
    desk.wait("it to be taken back", |desk| !desk.has("Cancel closing"));
    assert!(!press_the_cross(&mut desk));
    desk.wait_for(ASKED);
    desk.control("Close when done").click();
    desk.harness.step();
    desk.wait("the link", |desk| desk.has("Cancel closing"));
    // The row has moved up to make room for the link.
    desk.settle();
    desk.click_without_settling("Cancel");
    wait_until_closed(&mut desk);
    assert!(desk.package("Big 1.0").is_none());
}

#[test]
fn only_removed_packages_are_asked_about_and_deleted() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    remove(&mut desk, "7-Zip 24.09");
    assert!(trash(&desk) > 0);
    assert!(!press_the_cross(&mut desk));
    desk.wait_for("1 removed package, 1 byte (undo ends)");
    desk.harness.key_press(Key::Enter);
    desk.wait_until_gone("undo ends");
    assert!(trash(&desk) > 0, "the default keeps it");
    assert!(!press_the_cross(&mut desk));
    desk.wait_for("undo ends");
    desk.click_without_settling("Close");
    wait_until_closed(&mut desk);
    assert_eq!(trash(&desk), 0);
}

#[test]
fn a_library_check_goes_on_at_the_next_start_so_enter_closes() {
    let mut desk = Desk::open();
    let content = "0123456789abcdef".repeat(1 << 20);
    desk.register("Tool", "1", &[("tool.bin", &content)]);
    desk.press(egui::Modifiers::COMMAND, Key::Num6);
    // Slow enough to be paused in the middle, whatever the machine.
    desk.click("Speed");
    desk.click("at most 10 MiB/s");
    desk.click_without_settling("Start");
    desk.wait("that it can be paused", |desk| desk.has("Pause"));
    desk.click("Pause");
    desk.wait_for("Resume");
    assert!(!press_the_cross(&mut desk));
    desk.wait_for(ASKED);
    let labels = texts(&desk);
    let at = |part: &str| labels.iter().position(|label| label.starts_with(part));
    assert!(at("Goes on at the next start, nothing is fetched twice:").is_some(), "{labels:?}");
    let line = &labels[at("Deep check of the library, ").expect("a line of it")];
    assert!(line.ends_with(" %"), "{line}");
    assert!(at("Is undone").is_none() && at("Is deleted").is_none(), "{labels:?}");
    desk.harness.key_press(Key::Enter);
    desk.harness.step();
    wait_until_closed(&mut desk);
}
