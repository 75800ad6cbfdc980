//! Property windows and tabs without a mouse, and what a screen reader hears: a tree, a table, tabs, a grid of blocks.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

/// Role and name of what has the keyboard.
fn focused(desk: &Desk) -> Option<(Role, String)> {
    let node = desk.harness.query_all_by(|node| node.is_focused()).last()?;
    let node = node.accesskit_node();
    Some((node.role(), node.label().unwrap_or_default()))
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
    assert_eq!((home.0, home.1.as_str()), (Role::Grid, "Packages"));
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("7-Zip 24.09 - Properties");
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
    assert_eq!(named(&desk, Role::Tab).len(), 6);
    desk.click("Blocks");
    desk.press(Modifiers::SHIFT, Key::F5);
    desk.wait("the block grid", |desk| {
        named(desk, Role::Canvas).iter().any(|name| name.contains("2 blocks"))
    });
}
