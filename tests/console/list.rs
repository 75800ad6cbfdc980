//! The virtual list: what it builds, and what keys and clicks do.

use std::cell::Cell as Counter;
use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::console::widgets::list::{Cell, Column, List, ListState, Row, Rows, Sort};

struct Packages {
    names: Vec<String>,
    built: Counter<usize>,
}

impl Packages {
    fn new(count: usize) -> Self {
        Self { names: (0..count).map(|i| format!("Package {i:06}")).collect(), built: Counter::new(0) }
    }
}

impl Rows for Packages {
    fn len(&self) -> usize {
        self.names.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        self.built.set(self.built.get() + 1);
        let name = &self.names[index];
        Row {
            icon: None,
            cells: vec![Cell::new(name.as_str()), Cell::secondary("Sealed"), Cell::new(index.to_string())],
            name: format!("{name}, Sealed").into(),
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        &self.names[index]
    }
}

struct State {
    rows: Packages,
    list: ListState,
    opened: Option<usize>,
    sorted: Option<usize>,
    menu_for: Option<usize>,
}

fn harness(rows: Packages) -> Harness<'static, State> {
    let columns =
        [Column::text("Name", 200.0).growing(), Column::text("State", 100.0), Column::number("Size", 100.0)];
    let state = State { rows, list: ListState::default(), opened: None, sorted: None, menu_for: None };
    let mut harness =
        Harness::builder().with_size([600.0, 400.0]).with_context_setup(super::dress).build_ui_state(
            move |ui, state: &mut State| {
                let sort = Some(Sort { column: 0, descending: false });
                let list = List::new("packages", "Packages", &columns, 24.0).sort(sort);
                let menu_for = &mut state.menu_for;
                let done = list.show(ui, &mut state.list, &state.rows, |ui, row| {
                    if ui.button("Properties").clicked() {
                        *menu_for = Some(row);
                        ui.close();
                    }
                });
                state.opened = done.opened.or(state.opened);
                state.sorted = done.sort_clicked.or(state.sorted);
            },
            state,
        );
    harness.run();
    harness
}

fn selected(harness: &Harness<'_, State>) -> Vec<usize> {
    harness.state().list.selection.rows().collect()
}

#[test]
fn only_rows_in_view_are_built() {
    let mut harness = harness(Packages::new(100_000));
    harness.state().rows.built.set(0);
    harness.step();
    let built = harness.state().rows.built.get();
    assert!((10..=20).contains(&built), "{built} rows of 24 px in 372 px");
    let start = Instant::now();
    for _ in 0..100 {
        harness.step();
    }
    let frame = start.elapsed() / 100;
    assert!(frame < Duration::from_millis(40), "{frame:?} a frame");
    eprintln_frame(frame);
}

/// Shown with `--no-capture`.
#[expect(clippy::print_stderr, reason = "a measured figure for whoever runs the test by hand")]
fn eprintln_frame(frame: Duration) {
    eprintln!("100,000 rows: {frame:?} a frame");
}

#[test]
fn clicks_select_toggle_and_extend() {
    let mut harness = harness(Packages::new(1000));
    harness.get_by_label("Package 000002, Sealed").click();
    harness.run();
    assert_eq!(selected(&harness), [2]);
    harness.get_by_label("Package 000005, Sealed").click_modifiers(Modifiers::SHIFT);
    harness.run();
    assert_eq!(selected(&harness), [2, 3, 4, 5]);
    harness.get_by_label("Package 000003, Sealed").click_modifiers(Modifiers::COMMAND);
    harness.run();
    assert_eq!(selected(&harness), [2, 4, 5]);
    let row = harness.get_by_label("Package 000004, Sealed");
    assert_eq!(row.accesskit_node().role(), egui::Role::Row);
}

#[test]
fn keys_move_the_cursor_and_scroll() {
    let mut harness = harness(Packages::new(100_000));
    harness.get_by_label("Package 000000, Sealed").click();
    harness.run();
    harness.key_press(Key::ArrowDown);
    harness.run();
    assert_eq!(selected(&harness), [1]);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    harness.run();
    assert_eq!(selected(&harness), [1, 2]);
    harness.key_press(Key::End);
    harness.run();
    assert_eq!(selected(&harness), [99_999]);
    assert!(harness.query_by_label("Package 099999, Sealed").is_some(), "the last row is in view");
    assert!(harness.query_by_label("Package 000001, Sealed").is_none(), "the first rows are gone");
    harness.key_press(Key::PageUp);
    harness.run();
    let at = selected(&harness)[0];
    assert!((99_980..99_990).contains(&at), "a page up from the end: {at}");
    harness.key_press(Key::Home);
    harness.run();
    assert_eq!(selected(&harness), [0]);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run();
    assert_eq!(harness.state().list.selection.len(), 100_000);
}

#[test]
fn enter_and_double_click_open() {
    let mut harness = harness(Packages::new(100));
    harness.get_by_label("Package 000004, Sealed").click();
    harness.run();
    assert_eq!(harness.state().opened, None);
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().opened, Some(4));
}

#[test]
fn typing_jumps() {
    let mut rows = Packages::new(0);
    rows.names = ["Blender", "Firefox", "FreeCAD", "Überschrift", "GIMP"].map(str::to_owned).to_vec();
    let mut harness = harness(rows);
    harness.get_by_label("Blender, Sealed").click();
    harness.run();
    harness.event(egui::Event::Text("f".into()));
    harness.run();
    assert_eq!(selected(&harness), [1]);
    harness.event(egui::Event::Text("r".into()));
    harness.step();
    assert_eq!(selected(&harness), [2]);
}

#[test]
fn a_header_click_asks_for_sorting() {
    let mut harness = harness(Packages::new(10));
    assert!(harness.query_by_label("Name column, sorted ascending").is_some());
    harness.get_by_label("Size column").click();
    harness.run();
    assert_eq!(harness.state().sorted, Some(2));
}

#[test]
fn a_right_click_selects_and_opens_the_menu() {
    let mut harness = harness(Packages::new(10));
    harness.get_by_label("Package 000003, Sealed").click_secondary();
    harness.run();
    assert_eq!(selected(&harness), [3]);
    harness.get_by_label("Properties").click();
    harness.run();
    assert_eq!(harness.state().menu_for, Some(3));
}

/// File names come from strangers: whatever they are written in, drawing them must not fail.
#[test]
fn names_in_any_script_are_drawn() {
    let mut rows = Packages::new(0);
    rows.names = ["Ünïcode", "Ωμέγα", "Пакет", "≠ → × …"].map(str::to_owned).to_vec();
    let harness = harness(rows);
    assert!(harness.query_by_label("Пакет, Sealed").is_some());
}
