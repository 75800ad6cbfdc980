//! The whole window by keyboard: every stop of Tab has a name, F6 goes from area to area, and a slow frame is known.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

/// Role and name of what has the keyboard, and where it stands.
fn focused(desk: &Desk) -> Option<(Role, String, String)> {
    let node = desk.harness.query_all_by(|node| node.is_focused()).last()?;
    let place = format!("{:?}", node.rect());
    let node = node.accesskit_node();
    Some((node.role(), node.label().unwrap_or_default(), place))
}

#[test]
fn every_stop_of_tab_on_every_page_has_a_name() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    let numbers = [
        Key::Num1,
        Key::Num2,
        Key::Num3,
        Key::Num4,
        Key::Num5,
        Key::Num6,
        Key::Num7,
        Key::Num8,
        Key::Num9,
        Key::Comma,
    ];
    for number in numbers {
        desk.press(Modifiers::COMMAND, number);
        let mut stops = Vec::new();
        for _ in 0..90 {
            desk.harness.key_press(Key::Tab);
            desk.harness.step();
            let Some(stop) = focused(&desk) else { continue };
            if stops.first() == Some(&stop) {
                break;
            }
            stops.push(stop);
        }
        let unnamed: Vec<_> = stops.iter().filter(|(_, name, _)| name.trim().is_empty()).collect();
        assert!(unnamed.is_empty(), "{number:?}: {unnamed:?}");
        assert!(stops.iter().any(|(role, ..)| *role == Role::Tree), "{number:?}: {stops:?}");
        assert!(stops.len() > 8, "{number:?}: {stops:?}");
    }
}

#[test]
fn f6_goes_from_the_tool_bar_to_tree_list_and_details_and_back() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.press(Modifiers::NONE, Key::F4);
    desk.select("7-Zip 24.09");
    let mut stops = Vec::new();
    let mut go = |desk: &mut Desk, modifiers| {
        desk.press(modifiers, Key::F6);
        let (role, name, _) = focused(desk).expect("something has the keyboard");
        stops.push((role, name));
    };
    for _ in 0..4 {
        go(&mut desk, Modifiers::NONE);
    }
    for _ in 0..3 {
        go(&mut desk, Modifiers::SHIFT);
    }
    let names: Vec<&str> = stops.iter().map(|(_, name)| name.as_str()).collect();
    let expected = ["Seal…", "New package…", "Places", "Packages", "Places", "New package…", "Seal…"];
    assert_eq!(names, expected);
    assert_eq!(stops[3].0, Role::Grid);
}

#[test]
fn a_question_mark_shows_the_keys_and_a_dialog_is_one() {
    let mut desk = Desk::open();
    desk.harness.event(egui::Event::Text("?".to_owned()));
    desk.settle();
    desk.wait_for("Next area, area before");
    let dialog = desk.harness.query_all_by_role(Role::Dialog).last().expect("a dialog");
    assert_eq!(dialog.accesskit_node().label().as_deref(), Some("Keyboard shortcuts"));
    desk.click("Close");
    desk.wait_until_gone("Next area, area before");
    // In a field it is a letter.
    desk.press(Modifiers::COMMAND, Key::F);
    desk.type_into_search("?");
    assert!(!desk.sees("Next area, area before"));
}

#[test]
fn f8_goes_to_the_next_package_that_is_not_as_recorded() {
    let mut desk = Desk::open();
    desk.register("Alpha", "1", FILES);
    desk.register("Beta", "1", FILES);
    desk.register("Gamma", "1", FILES);
    std::fs::write(desk.data("Beta", "1").join("surprise.txt"), "new").expect("written");
    desk.select("Beta 1");
    desk.press(Modifiers::NONE, Key::F5);
    desk.wait("the finding", |desk| desk.package("Beta 1").is_some_and(|package| package.is_blocked()));
    desk.select("Gamma 1");
    desk.press(Modifiers::NONE, Key::F8);
    desk.press(Modifiers::ALT, Key::Enter);
    desk.wait_for("Beta 1 - Properties");
}

#[test]
fn the_slowest_frame_is_known_with_its_page() {
    let mut desk = Desk::open();
    desk.harness.state_mut().take_worst_frame();
    desk.press(Modifiers::COMMAND, Key::Num7);
    let worst = desk.harness.state_mut().take_worst_frame();
    assert!(worst.took > std::time::Duration::ZERO, "{worst:?}");
    assert!(
        ["Software Package Library", "History"].iter().any(|page| worst.ran.starts_with(page)),
        "{worst:?}"
    );
}
