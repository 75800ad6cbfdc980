//! The list of packages in the console: columns, sorting, filters, views, details, copying, keys; and what of it is
//! there again after a restart.

use std::collections::HashMap;
use std::fs;

use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::console::preferences;
use packhouse::package::{Finding, PackageState};
use packhouse::session::{Edit, PackageEdit, SwitchOff};
use packhouse::work::Work;

use super::desk::{Desk, surroundings};

const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

/// Four packages: 7-Zip and Git of Igor, Firefox of Mozilla with its check off, R without a supplier.
fn desk() -> Desk {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    desk.register("Firefox", "128.6", &[("a.txt", "four"), ("b.txt", "more")]);
    desk.register("Git", "2.47", &[("a.txt", "a little more")]);
    desk.register("R", "4.4.1", &[("a.txt", "ab")]);
    for (title, supplier) in [("7-Zip 24.09", "Igor"), ("Firefox 128.6", "Mozilla"), ("Git 2.47", "Igor")] {
        let package = desk.package(title).expect("registered").id;
        let edit = PackageEdit { supplier: Some(supplier.to_owned()), ..PackageEdit::default() };
        desk.session().expect("open").run(Edit { package, edit }, &Work::new()).expect("changed");
    }
    let package = desk.package("Firefox 128.6").expect("registered").id;
    let off = SwitchOff { package, reason: Some("for the test".to_owned()) };
    desk.session().expect("open").run(off, &Work::new()).expect("switched off");
    desk.wait("the list to follow", |desk| {
        desk.package("Firefox 128.6").is_some_and(|p| !p.checksum_control)
    });
    desk.settle();
    desk
}

/// The names of the rows from top to bottom.
fn rows(desk: &Desk) -> Vec<String> {
    let all = desk.harness.query_all_by_label_contains("");
    let mut rows: Vec<(f32, String)> = all
        .filter(|node| node.accesskit_node().role() == egui::Role::Row)
        .filter_map(|node| Some((node.rect().top(), node.accesskit_node().label()?)))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let name = |label: String| label.split(' ').next().unwrap_or_default().to_owned();
    rows.into_iter().map(|(_, label)| name(label)).collect()
}

/// The headers from left to right, without what is said of their sorting.
fn headers(desk: &Desk) -> Vec<String> {
    let all = desk.harness.query_all_by_label_contains(" column");
    let mut found: Vec<(f32, String)> = all
        .filter(|node| node.accesskit_node().role() == egui::Role::ColumnHeader)
        .filter_map(|node| Some((node.rect().left(), node.accesskit_node().label()?)))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.into_iter().filter_map(|(_, label)| Some(label.split_once(" column")?.0.to_owned())).collect()
}

/// What was put on the clipboard by the last step.
fn copied(desk: &Desk) -> Option<String> {
    desk.harness.output().platform_output.commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

/// The storage of a desktop, as eframe would keep it.
#[derive(Default)]
struct Storage(HashMap<String, String>);

impl eframe::Storage for Storage {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

fn save(desk: &mut Desk) -> Storage {
    let mut storage = Storage::default();
    eframe::App::save(desk.harness.state_mut(), &mut storage);
    storage
}

/// The same library in a new window, with what the storage has.
fn restart(desk: Desk, storage: Storage) -> Desk {
    let Desk { harness, folder } = desk;
    drop(harness);
    let around = surroundings(folder.path());
    Desk::start_with(folder, around, Box::leak(Box::new(storage)))
}

#[test]
fn headers_sort_and_shift_sorts_among_equals() {
    let mut desk = desk();
    assert_eq!(rows(&desk), ["7-Zip", "Firefox", "Git", "R"]);
    desk.click("Supplier column");
    assert_eq!(rows(&desk), ["7-Zip", "Git", "Firefox", "R"], "who has no supplier comes last");
    desk.control("Size column").click_modifiers(Modifiers::SHIFT);
    desk.settle();
    desk.control("Size column, then sorted ascending").click_modifiers(Modifiers::SHIFT);
    desk.settle();
    assert_eq!(rows(&desk), ["Git", "7-Zip", "Firefox", "R"]);
    assert!(desk.has("Supplier column, sorted ascending") && desk.has("Size column, then sorted descending"));
    desk.click("Name column");
    desk.click("Name column, sorted ascending");
    assert_eq!(rows(&desk), ["R", "Git", "Firefox", "7-Zip"]);
}

#[test]
fn columns_are_chosen_by_the_menu_of_the_header_and_ordered_by_dragging() {
    let mut desk = desk();
    let usual = ["Name", "Version", "State", "Consistency", "Checked", "Size", "Registered", "Supplier"];
    assert_eq!(headers(&desk), usual);
    desk.control("State column").click_secondary();
    desk.settle();
    desk.click("Checked");
    desk.click("Files");
    desk.harness.key_press(Key::Escape);
    desk.settle();
    let chosen = ["Name", "Version", "State", "Consistency", "Size", "Registered", "Supplier", "Files"];
    assert_eq!(headers(&desk), chosen);
    let (from, to) = (desk.control("Supplier column").rect(), desk.control("Version column").rect());
    desk.harness.drag_at(from.center());
    desk.harness.step();
    desk.harness.hover_at(to.left_center() + egui::vec2(4.0, 0.0));
    desk.harness.step();
    desk.harness.drop_at(to.left_center() + egui::vec2(4.0, 0.0));
    desk.settle();
    let dragged = ["Name", "Supplier", "Version", "State", "Consistency", "Size", "Registered", "Files"];
    assert_eq!(headers(&desk), dragged);
}

#[test]
fn the_dialog_of_columns_orders_hides_and_resets() {
    let mut desk = desk();
    desk.click("View");
    desk.click("Columns…");
    desk.click("Version");
    desk.click("Up");
    desk.click("Show Consistency");
    desk.click("OK");
    let chosen = ["Version", "Name", "State", "Checked", "Size", "Registered", "Supplier"];
    assert_eq!(headers(&desk), chosen);
    desk.click("View");
    desk.click("Columns…");
    desk.click("Reset");
    desk.click("OK");
    assert_eq!(headers(&desk)[..4], ["Name", "Version", "State", "Consistency"]);
}

#[test]
fn widths_are_dragged_and_fitted() {
    let mut desk = desk();
    let width = |desk: &Desk| desk.control("Version column").rect().width();
    let before = width(&desk);
    let edge = desk.control("Version column").rect().right_center();
    desk.harness.drag_at(edge);
    desk.harness.step();
    desk.harness.hover_at(edge + egui::vec2(60.0, 0.0));
    desk.harness.step();
    desk.harness.drop_at(edge + egui::vec2(60.0, 0.0));
    desk.settle();
    assert!((width(&desk) - before - 60.0).abs() < 2.0, "{} was {before}", width(&desk));
    let edge = desk.control("Version column").rect().right_center();
    // Each event has a frame of its own, a quarter of a second long.
    desk.harness.ctx.options_mut(|options| options.input_options.max_double_click_delay = 2.0);
    for _ in 0..2 {
        desk.harness.drag_at(edge);
        desk.harness.drop_at(edge);
    }
    desk.harness.step();
    desk.settle();
    assert!(width(&desk) < before, "fitted to short versions: {} was {before}", width(&desk));
}

#[test]
fn the_header_obeys_the_keyboard() {
    let mut desk = desk();
    desk.control("Name column, sorted ascending").focus();
    desk.settle();
    desk.harness.key_press(Key::ArrowRight);
    desk.settle();
    desk.harness.key_press(Key::Enter);
    desk.settle();
    assert!(desk.has("Version column, sorted ascending"), "{:?}", headers(&desk));
    assert_eq!(rows(&desk), ["Git", "R", "7-Zip", "Firefox"], "numbers in versions count as numbers");
    desk.harness.key_press_modifiers(Modifiers::ALT, Key::ArrowLeft);
    desk.settle();
    assert_eq!(headers(&desk)[..2], ["Version", "Name"]);
}

#[test]
fn chips_and_fields_filter_and_the_status_bar_says_so() {
    let mut desk = desk();
    desk.click("Check off");
    assert_eq!(rows(&desk), ["Firefox"]);
    assert!(desk.sees("Filter: Check off") && desk.sees("1 of 4 packages"));
    desk.click("Clear");
    assert_eq!(rows(&desk).len(), 4);
    assert!(!desk.has("Clear"));
    desk.harness.key_press_modifiers(CTRL_SHIFT, Key::F);
    desk.settle();
    assert!(desk.has_field("Filter Name"));
    desk.fill("Filter Supplier", "IGOR");
    assert_eq!(rows(&desk), ["7-Zip", "Git"]);
    desk.fill("Filter Size", ">5");
    assert_eq!(rows(&desk), ["Git"]);
    assert!(desk.sees("Supplier \"IGOR\""));
    desk.fill("Filter Registered", "yesterday");
    assert_eq!(rows(&desk), ["Git"], "what cannot be understood leaves nothing out");
    desk.click("Clear");
    assert_eq!(rows(&desk).len(), 4);
}

#[test]
fn a_view_is_saved_renamed_and_deleted() {
    let mut desk = desk();
    desk.click("Supplier column");
    desk.click("Check off");
    desk.click("Views");
    desk.click("Save view…");
    assert!(!desk.is_enabled("Save"));
    desk.fill("Name", "Unchecked");
    desk.click("Save");
    desk.click("All");
    desk.click("Name column");
    desk.click("Views");
    desk.click("Unchecked");
    assert_eq!(rows(&desk), ["Firefox"]);
    assert!(desk.has("Supplier column, sorted ascending"));
    desk.click("Views");
    desk.click("Rename view");
    desk.click("Unchecked…");
    desk.fill("Name", "Off");
    desk.click("Rename");
    desk.click("Views");
    assert!(desk.has("Off") && !desk.has("Unchecked"));
    desk.click("Delete view");
    desk.click("Off…");
    desk.wait_for("Delete the view Off?");
    desk.click("Delete");
    desk.click("Views");
    assert!(!desk.has("Off") && !desk.has("Delete view"));
}

#[test]
fn the_details_pane_names_differences_and_counts_several() {
    let mut desk = desk();
    fs::write(desk.data("Git", "2.47").join("surprise.dll"), "not ours").expect("written");
    desk.select("Git 2.47");
    desk.harness.key_press(Key::F5);
    desk.wait("the finding", |desk| desk.package("Git 2.47").is_some_and(|p| p.finding == Finding::Differs));
    desk.settle();
    assert!(
        !desk.sees("Differs from its checksum"),
        "a window of 1280 points has no pane until it is asked for"
    );
    desk.harness.key_press(Key::F4);
    desk.settle();
    desk.wait_for("Differs from its checksum");
    desk.wait_for("Added: surprise.dll");
    assert!(desk.has("Show differences"));
    desk.select("R 4.4.1");
    desk.wait_until_gone("Added: surprise.dll");
    let sealing = desk.harness.query_all_by_label("Seal…").count();
    assert!(sealing >= 2, "in the tool bar and in the pane");
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    desk.settle();
    desk.wait_for("4 selected: 4 open, 1 blocked, 24 bytes");
    desk.harness.key_press(Key::F4);
    desk.settle();
    assert!(!desk.sees("4 selected: "));
}

#[test]
fn rows_and_checksums_are_copied() {
    let mut desk = desk();
    desk.select("7-Zip 24.09");
    desk.harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    desk.settle();
    desk.harness.event(egui::Event::Copy);
    desk.harness.step();
    let text = copied(&desk).expect("something was copied");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Name\tVersion\tState\tConsistency\tChecked\tSize\tRegistered\tSupplier");
    assert!(lines[1].starts_with("7-Zip\t24.09\tOpen\tConsistent · recorded "), "{text}");
    assert!(lines[2].starts_with("Firefox\t128.6\tOpen\tCheck off\trecorded "), "{text}");
    assert_eq!(lines.len(), 3);
    desk.select("R 4.4.1");
    // One event, one frame: what is copied stands in the output of that frame.
    desk.harness.event(egui::Event::Key {
        key: Key::C,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: CTRL_SHIFT,
    });
    desk.harness.step();
    let digest = desk.package("R 4.4.1").expect("registered").digest;
    assert_eq!(copied(&desk), Some(digest.to_string()));
}

#[test]
fn f3_goes_from_hit_to_hit() {
    let mut desk = desk();
    desk.fill("Search", "i");
    assert_eq!(rows(&desk), ["7-Zip", "Firefox", "Git"]);
    let selected = |desk: &Desk, name: &str| {
        let package = desk.package(name).expect("registered");
        let title = format!("{}, ", package.key.title());
        let mut rows = desk.harness.query_all_by_label_contains(&title);
        rows.any(|node| node.accesskit_node().is_selected() == Some(true))
    };
    for (key, name) in [
        (Modifiers::NONE, "7-Zip 24.09"),
        (Modifiers::NONE, "Firefox 128.6"),
        (Modifiers::SHIFT, "7-Zip 24.09"),
        (Modifiers::SHIFT, "Git 2.47"),
    ] {
        desk.harness.key_press_modifiers(key, Key::F3);
        desk.settle();
        assert!(selected(&desk, name), "{name}");
    }
}

#[test]
fn keys_change_the_height_of_rows() {
    let mut desk = desk();
    let height = |desk: &Desk| {
        let row = desk.harness.query_all_by_label_contains("Git 2.47, ").next().expect("a row");
        row.rect().height()
    };
    assert_eq!(height(&desk), 24.0);
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::Plus);
    desk.settle();
    assert_eq!(height(&desk), 28.0);
    for _ in 0..3 {
        desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::Minus);
        desk.settle();
    }
    assert_eq!(height(&desk), 22.0);
}

#[test]
fn a_row_has_its_menu_by_the_keyboard() {
    let mut desk = desk();
    desk.select("R 4.4.1");
    desk.harness.key_press_modifiers(Modifiers::SHIFT, Key::F10);
    desk.settle();
    desk.click("Remove… Delete");
    desk.wait_for("Remove R 4.4.1 from the library?");
}

#[test]
fn the_arrangement_is_there_again_after_a_restart() {
    let mut desk = desk();
    desk.click("Supplier column");
    desk.harness.key_press(Key::F4);
    desk.harness.key_press_modifiers(CTRL_SHIFT, Key::F);
    desk.harness.key_press_modifiers(Modifiers::COMMAND, Key::Minus);
    desk.settle();
    desk.control("State column").click_secondary();
    desk.settle();
    desk.click("Checked");
    desk.harness.key_press(Key::Escape);
    desk.settle();
    desk.click("Views");
    desk.click("Save view…");
    desk.fill("Name", "Mine");
    desk.click("Save");
    let storage = save(&mut desk);
    let mut desk = restart(desk, storage);
    desk.wait("the list", |desk| rows(desk).len() == 4);
    assert_eq!(rows(&desk), ["7-Zip", "Git", "Firefox", "R"]);
    assert!(!headers(&desk).contains(&"Checked".to_owned()) && desk.has_field("Filter Name"));
    assert!(desk.sees("No package is selected."), "the details pane");
    desk.click("Views");
    assert!(desk.has("Mine"));
    let storage = save(&mut desk);
    let kept = preferences::Preferences::read(&storage.0[preferences::KEY]);
    assert_eq!(kept.recent, [desk.folder.path().join("library")]);
}

#[test]
fn damaged_preferences_never_stop_the_start() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", &[("a.txt", "a")]);
    for text in
        ["", "{", "[1,2,3]", "{\"layouts\":{\"packages\":{\"columns\":[{\"kind\":7}]}},\"views\":[null]}"]
    {
        let storage = Storage([(preferences::KEY.to_owned(), text.to_owned())].into());
        desk = restart(desk, storage);
        desk.wait("the list", |desk| rows(desk) == ["7-Zip"]);
        assert_eq!(headers(&desk)[..2], ["Name", "Version"]);
        assert_eq!(desk.package("7-Zip 24.09").map(|p| p.state), Some(PackageState::Open));
    }
}
