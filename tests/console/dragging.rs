//! Packages dragged onto a group of the tree.

use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::kittest::Queryable as _;

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("a.txt", "a")];

fn centre(desk: &Desk, part: &str) -> Pos2 {
    let node = desk.harness.query_all_by_label_contains(part).next();
    node.unwrap_or_else(|| panic!("no {part}")).rect().center()
}

fn button(desk: &mut Desk, pos: Pos2, pressed: bool) {
    let modifiers = Modifiers::NONE;
    desk.harness.event(Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers });
    desk.harness.step();
}

/// Presses on one thing and moves to another in a few steps.
fn drag(desk: &mut Desk, from: &str, to: &str) -> Pos2 {
    let (start, end) = (centre(desk, from), centre(desk, to));
    desk.harness.event(Event::PointerMoved(start));
    desk.harness.step();
    button(desk, start, true);
    for part in [0.2, 0.5, 0.8, 1.0, 1.0] {
        desk.harness.event(Event::PointerMoved(start.lerp(end, part)));
        desk.harness.step();
    }
    end
}

fn group(desk: &Desk, title: &str) -> String {
    desk.package(title).map(|package| package.group.to_string()).unwrap_or_default()
}

#[test]
fn selected_packages_are_dragged_into_a_group_and_out_of_it() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", FILES);
    let session = desk.session().expect("open").clone();
    let request = packhouse::session::AddGroup { name: "Browsers".to_owned() };
    session.run(request, &packhouse::work::Work::new()).expect("a group");
    desk.wait_for("Browsers");
    // A row that is not selected is no handle.
    let end = drag(&mut desk, "Tool 1, ", "Browsers");
    button(&mut desk, end, false);
    desk.settle();
    assert_eq!(group(&desk, "Tool 1"), "");
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.select("7-Zip 24.09");
    desk.press(Modifiers::COMMAND, Key::A);
    // Esc on the way: nothing happens.
    let end = drag(&mut desk, "Tool 1, ", "Browsers");
    desk.harness.key_press(Key::Escape);
    desk.harness.step();
    button(&mut desk, end, false);
    desk.settle();
    assert_eq!(group(&desk, "Tool 1"), "");
    let end = drag(&mut desk, "Tool 1, ", "Browsers");
    button(&mut desk, end, false);
    desk.wait("both in the group", |desk| {
        ["Tool 1", "7-Zip 24.09"].iter().all(|title| group(desk, title) == "Browsers")
    });
    desk.settle();
    // Onto the library: out of the group.
    desk.select("Tool 1");
    let end = drag(&mut desk, "Tool 1, ", "Software Package Library");
    button(&mut desk, end, false);
    desk.wait("out of the group", |desk| group(desk, "Tool 1").is_empty());
    assert_eq!(group(&desk, "7-Zip 24.09"), "Browsers");
}
