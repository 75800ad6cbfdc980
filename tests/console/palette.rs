//! The palette over a property window: its commands are carried out on the package of that window.

use egui::{Key, Modifiers};

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

#[test]
fn in_a_property_window_the_palette_is_about_its_package() {
    let mut desk = Desk::open();
    desk.register("Alpha", "1", FILES);
    desk.register("Beta", "1", FILES);
    desk.select("Alpha 1");
    desk.press(Modifiers::ALT, Key::Enter);
    desk.wait_for("Alpha 1 - Properties");
    desk.press(Modifiers::COMMAND, Key::K);
    desk.wait_for("Find a command for Alpha 1");
    // What is selected in the list meanwhile is of no account.
    desk.fill("Command", "New version");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("New version of Alpha 1");
}

#[test]
fn in_a_window_of_several_packages_it_is_about_all_of_them() {
    let mut desk = Desk::open();
    desk.register("Alpha", "1", FILES);
    desk.register("Beta", "1", FILES);
    desk.select("Alpha 1");
    desk.press(Modifiers::COMMAND, Key::A);
    desk.press(Modifiers::ALT, Key::Enter);
    desk.wait_for("2 packages - Properties");
    desk.wait_for("2 open");
    desk.press(Modifiers::COMMAND, Key::K);
    desk.wait_for("Find a command for 2 packages");
    desk.fill("Command", "Quick check");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait("both are checked", |desk| {
        ["Alpha 1", "Beta 1"]
            .iter()
            .all(|title| desk.package(title).is_some_and(|package| package.quick_at.is_some()))
    });
}
