//! The tree: names, headings, keyboard.

use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::console::icons::Icon;
use packhouse::console::widgets::tree::{TreeRow, tree_ui};

fn harness() -> Harness<'static, (Option<usize>, Option<usize>)> {
    let mut harness =
        Harness::builder().with_size([260.0, 300.0]).with_context_setup(super::dress).build_ui_state(
            |ui, (selected, toggled)| {
                let mut library = TreeRow::item(0, Icon::Library, "Library", "1,284");
                library.unfolded = Some(true);
                let rows = [
                    TreeRow::heading("Places"),
                    library,
                    TreeRow::item(1, Icon::Folder, "Browsers", "42"),
                    TreeRow::heading("Health"),
                    TreeRow::item(0, Icon::Warning, "Inconsistent packages", "2").bad(),
                ];
                let done = tree_ui(ui, "Places", &rows, *selected, 24.0, |_, _| ());
                *selected = done.selected.or(*selected);
                *toggled = done.toggled.or(*toggled);
            },
            (None, None),
        );
    harness.run();
    harness
}

#[test]
fn keys_skip_headings_and_fold() {
    let mut harness = harness();
    harness.get_by_label("Browsers, 42").click();
    harness.run();
    assert_eq!(harness.state().0, Some(2));
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().0, Some(4));
    harness.key_press(Key::Home);
    harness.run();
    assert_eq!(harness.state().0, Some(1));
    harness.key_press(Key::ArrowUp);
    harness.run();
    assert_eq!(harness.state().0, Some(1));
    harness.key_press(Key::ArrowLeft);
    harness.run();
    assert_eq!(harness.state().1, Some(1));
}

#[test]
fn a_heading_cannot_be_selected() {
    let mut harness = harness();
    let heading = harness.get_by_label("Health");
    assert_eq!(heading.accesskit_node().role(), egui::Role::Heading);
    heading.click();
    harness.run();
    assert_eq!(harness.state().0, None);
}
