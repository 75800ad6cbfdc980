//! Which package replaces which: links in both directions, which follow the library.

use egui::{Key, Modifiers};
use packhouse::package::PackageKey;
use packhouse::session::{Edit, PackageEdit};
use packhouse::work::Work;

use super::desk::Desk;

const FILES: &[(&str, &str)] = &[("a.txt", "a")];

fn replace(desk: &Desk, title: &str, replaces: Option<&str>) {
    let package = desk.package(title).expect("there").id;
    let replaces = replaces.map(|key| PackageKey::parse(key).expect("a key"));
    let edit = PackageEdit { replaces: Some(replaces), ..PackageEdit::default() };
    let session = desk.session().expect("open").clone();
    session.run(Edit { package, edit }, &Work::new()).expect("edited");
}

#[test]
fn what_replaces_a_package_is_a_link_in_its_window() {
    let mut desk = Desk::open();
    desk.register("Tool", "1", FILES);
    desk.register("Tool", "2", FILES);
    desk.properties("Tool 1");
    assert!(!desk.sees("Replaced by"));
    // While the window is open another one is filed as its successor.
    replace(&desk, "Tool 2", Some("tool@1"));
    desk.wait_for("Replaced by");
    desk.click_last("Tool 2");
    desk.wait_for("Tool 2 - Properties");
    desk.click("Open tool 1");
    desk.press(Modifiers::NONE, Key::Escape);
    replace(&desk, "Tool 2", None);
    desk.properties("Tool 1");
    desk.wait_until_gone("Replaced by");
}
