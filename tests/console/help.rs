//! F1: each page, tab and dialog tells of itself and leads on.

use egui::{Key, Modifiers};

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("a.txt", "a")];

#[track_caller]
fn help(desk: &mut Desk, topic: &str) {
    desk.press(Modifiers::NONE, Key::F1);
    desk.wait_for(&format!("Help: {topic}"));
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone(&format!("Help: {topic}"));
}

#[test]
fn f1_tells_of_the_page_the_tab_and_the_dialog_that_have_the_keyboard() {
    let mut desk = Desk::open();
    desk.register("Tool", "1", FILES);
    help(&mut desk, "Software Package Library");
    desk.press(Modifiers::COMMAND, Key::Num7);
    help(&mut desk, "History");
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.properties("Tool 1");
    help(&mut desk, "General");
    desk.press(Modifiers::CTRL, Key::Tab);
    help(&mut desk, "Consistency");
    assert!(desk.sees("Tool 1 - Properties"), "Esc has closed the help and not the window");
    desk.command("Seal");
    desk.wait_for("Seal Tool 1");
    help(&mut desk, "Sealing");
    assert!(desk.sees("Seal Tool 1"), "the dialog waits below");
    desk.press(Modifiers::NONE, Key::F1);
    desk.click("Keys");
    desk.wait_until_gone("Help: Sealing");
}
