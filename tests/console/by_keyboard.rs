//! Property windows, tabs and dialogs without a mouse: what Tab stops at has a name and a ring that is seen, each dialog
//! is reached, stays in front and is left, and a screen reader hears what is a tree, a table and a tab.

use egui::epaint::{ClippedShape, Shape};
use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::console::tokens::DARK;
use packhouse::session::{CreateKey, Seal};
use packhouse::work::Work;

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

/// What has the keyboard.
#[derive(Clone, Debug, PartialEq)]
struct Stop {
    role: Role,
    name: String,
    rect: egui::Rect,
}

fn focused(desk: &Desk) -> Option<Stop> {
    let node = desk.harness.query_all_by(|node| node.is_focused()).last()?;
    let rect = node.rect();
    let node = node.accesskit_node();
    Some(Stop { role: node.role(), name: node.label().unwrap_or_default(), rect })
}

/// Whether anything is drawn in the colour of the focus ring and as wide.
fn is_ring_drawn(shapes: &[ClippedShape]) -> bool {
    fn is_ring(shape: &Shape) -> bool {
        let is = |stroke: egui::Stroke| stroke.color == DARK.focus && stroke.width >= 2.0;
        match shape {
            Shape::Vec(shapes) => shapes.iter().any(is_ring),
            Shape::Rect(rect) => is(rect.stroke),
            Shape::Circle(circle) => is(circle.stroke),
            Shape::LineSegment { stroke, .. } => is(*stroke),
            _ => false,
        }
    }
    shapes.iter().any(|clipped| is_ring(&clipped.shape))
}

/// Presses Tab until it comes round or `most` times; every stop with whether its ring is seen.
fn walk(desk: &mut Desk, most: usize) -> Vec<(Stop, bool)> {
    let mut stops: Vec<(Stop, bool)> = Vec::new();
    for _ in 0..most {
        desk.harness.key_press(Key::Tab);
        desk.harness.run_steps(3);
        let Some(stop) = focused(desk) else { continue };
        if stops.first().is_some_and(|(first, _)| *first == stop) {
            break;
        }
        // egui marks the edge between two panels in its own way.
        let seen = stop.role == Role::Splitter || is_ring_drawn(&desk.harness.output().shapes);
        // The first menu: the window has been gone through, the page behind it begins.
        let is_round = stop.role == Role::Button && stop.name == "Library";
        stops.push((stop, seen));
        if is_round {
            break;
        }
    }
    stops
}

#[track_caller]
fn check(stops: &[(Stop, bool)], place: &str) {
    let unnamed: Vec<_> = stops.iter().filter(|(stop, _)| stop.name.trim().is_empty()).collect();
    assert!(unnamed.is_empty(), "{place}: {unnamed:?}");
    let unseen: Vec<_> = stops.iter().filter(|(_, seen)| !seen).collect();
    assert!(unseen.is_empty(), "{place}: no ring at {unseen:?}");
}

#[test]
fn every_stop_of_a_property_window_has_a_name_and_a_ring() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.properties("7-Zip 24.09");
    // From the page into the window: its cross, its title, its tabs.
    let way_in = walk(&mut desk, 60);
    check(&way_in, "the page");
    for tab in ["General", "Consistency", "Contents", "Procedures", "Blocks", "History"] {
        desk.click(tab);
        desk.settle();
        let stops = walk(&mut desk, 120);
        check(&stops, tab);
        for needed in ["OK", "Cancel", "Library"] {
            assert!(stops.iter().any(|(stop, _)| stop.name == needed), "{tab}: {needed} among {stops:?}");
        }
    }
}

#[test]
fn ctrl_tab_goes_round_the_tabs_and_escape_gives_the_keyboard_back_to_the_list() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.properties("7-Zip 24.09");
    let chosen = |desk: &Desk| {
        let all = desk.harness.query_all_by_role(Role::Tab);
        let mut chosen = all.filter(|tab| tab.accesskit_node().is_selected() == Some(true));
        let label = chosen.next().and_then(|tab| tab.accesskit_node().label());
        assert!(chosen.next().is_none(), "one tab at a time");
        label
    };
    let mut seen = Vec::new();
    for _ in 0..6 {
        desk.press(Modifiers::CTRL, Key::Tab);
        seen.extend(chosen(&desk));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6, "{seen:?}");
    // A button has the keyboard when the window goes; the list gets it back, and Enter opens again.
    desk.click("General");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("7-Zip 24.09 - Properties");
    let home = focused(&desk).expect("something has the keyboard");
    assert_eq!((home.role, home.name.as_str()), (Role::Grid, "Packages"));
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("7-Zip 24.09 - Properties");
}

#[test]
fn every_dialog_is_reached_walked_and_left_by_keyboard() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.register("Tool", "1", FILES);
    let session = desk.session().expect("open").clone();
    session.run(CreateKey { name: "Packaging".to_owned() }, &Work::new()).expect("a key");
    let package = desk.package("Tool 1").expect("registered").id;
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
    desk.wait("sealed", |desk| desk.package("Tool 1").is_some_and(|package| package.revision == 1));
    desk.settle();
    let dialogs = [
        ("7-Zip 24.09", "Choose library", "Cancel"),
        ("7-Zip 24.09", "Move library", "Cancel"),
        ("7-Zip 24.09", "Hand over", "Cancel"),
        ("7-Zip 24.09", "New group", "Cancel"),
        ("7-Zip 24.09", "Move to group", "Cancel"),
        ("7-Zip 24.09", "Seal…", "Cancel"),
        ("7-Zip 24.09", "Remove…", "Cancel"),
        ("7-Zip 24.09", "New version", "Cancel"),
        ("7-Zip 24.09", "Columns", "Cancel"),
        ("7-Zip 24.09", "Create key", "Cancel"),
        ("7-Zip 24.09", "Import key", "Cancel"),
        ("7-Zip 24.09", "Trust a key", "Cancel"),
        ("7-Zip 24.09", "Keyboard shortcuts", "Close"),
        ("7-Zip 24.09", "About", "Close"),
        ("Tool 1", "Unseal", "Cancel"),
        ("Tool 1", "Archive…", "Cancel"),
        ("Tool 1", "Export…", "Cancel"),
    ];
    for (package, command, way_out) in dialogs {
        desk.select(package);
        desk.command(command);
        desk.wait(command, |desk| desk.harness.query_all_by_role(Role::Dialog).next().is_some());
        desk.settle();
        let dialog = desk.harness.query_all_by_role(Role::Dialog).last().expect("a dialog");
        let area = dialog.rect().expand(2.0);
        assert!(dialog.accesskit_node().label().is_some_and(|label| !label.is_empty()), "{command}");
        let stops = walk(&mut desk, 80);
        check(&stops, command);
        assert!(stops.iter().any(|(stop, _)| stop.name == way_out), "{command}: {stops:?}");
        let outside: Vec<_> = stops.iter().filter(|(stop, _)| !area.contains(stop.rect.center())).collect();
        assert!(outside.is_empty(), "{command} at {area:?}: {outside:?}");
        desk.press(Modifiers::NONE, Key::Escape);
        desk.wait(command, |desk| desk.harness.query_all_by_role(Role::Dialog).next().is_none());
    }
    assert_eq!(desk.session().expect("open").view().packages.len(), 2, "nothing was changed");
}

#[test]
fn a_screen_reader_hears_tree_table_tabs_and_grid() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    let named = |desk: &Desk, role: Role| -> Vec<String> {
        let all = desk.harness.query_all_by_role(role);
        all.map(|node| node.accesskit_node().label().unwrap_or_default()).collect()
    };
    assert_eq!(named(&desk, Role::Tree), ["Places"]);
    assert!(named(&desk, Role::TreeItem).iter().any(|name| name == "Software Package Library, 1"));
    assert_eq!(named(&desk, Role::Grid), ["Packages"]);
    let grid = desk.harness.query_all_by_role(Role::Grid).next().expect("the list");
    let size = (grid.accesskit_node().data().row_count(), grid.accesskit_node().data().column_count());
    assert!(size.0 == Some(1) && size.1.is_some_and(|columns| columns > 4), "{size:?}");
    assert!(named(&desk, Role::Row).iter().any(|name| name.starts_with("7-Zip 24.09, Open, ")));
    assert!(named(&desk, Role::ColumnHeader).iter().any(|name| name == "Name column, sorted ascending"));
    desk.properties("7-Zip 24.09");
    assert_eq!(named(&desk, Role::TabList), ["Tabs"]);
    assert_eq!(named(&desk, Role::Tab).len(), 7);
    desk.click("Blocks");
    desk.press(Modifiers::SHIFT, Key::F5);
    desk.wait("the block grid", |desk| {
        named(desk, Role::Canvas).iter().any(|name| name.contains("2 blocks"))
    });
}
