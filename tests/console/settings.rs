//! The page *Settings*: facts about the library, choices that are kept, and folders that are watched.

use egui::{Key, Modifiers};
use packhouse::console::preferences::Preferences;

use super::desk::{Desk, surroundings};

const FILES: &[(&str, &str)] = &[("bin/7z.exe", "MZ program"), ("License.txt", "LGPL")];

/// What one window leaves to the next.
#[derive(Default)]
struct Kept(std::collections::HashMap<String, String>);

impl eframe::Storage for Kept {
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

fn save(desk: &mut Desk) -> Kept {
    let mut kept = Kept::default();
    eframe::App::save(desk.harness.state_mut(), &mut kept);
    kept
}

#[test]
fn the_library_is_described_and_choices_are_kept_over_a_restart() {
    let mut desk = Desk::open();
    desk.register("7-Zip", "24.09", FILES);
    desk.press(Modifiers::COMMAND, Key::Comma);
    desk.wait_for("1 open, 0 sealed, 0 archived");
    desk.wait_for("2 files, 14 bytes; 14 bytes of them here");
    assert!(desk.has("Library id") && desk.sees("2 entries of History"));
    desk.click("Choose folder…");
    let archives = desk.folder.path().join("archives");
    desk.fill("Folder", &archives.display().to_string());
    desk.click("Use");
    desk.wait_for("Forget");
    desk.click("Block size");
    desk.click("4.0 MiB");
    desk.click("Library check");
    desk.click_last("at most 25 MiB/s");
    desk.click("125 %");
    assert!((desk.harness.ctx.zoom_factor() - 1.25).abs() < 0.01);
    let kept = save(&mut desk);
    let text = eframe::Storage::get_string(&kept, packhouse::console::preferences::KEY).expect("saved");
    let settings = Preferences::read(&text).settings;
    assert_eq!(settings.scale_percent, 125);
    assert_eq!(settings.block_size_bytes, Some(4 << 20));
    assert_eq!(settings.check_rate, Some(25 << 20));
    let folder = desk.folder;
    drop(desk.harness);
    let around = surroundings(folder.path());
    let mut desk = Desk::start_with(folder, around, Box::leak(Box::new(kept)));
    assert!((desk.harness.ctx.zoom_factor() - 1.25).abs() < 0.01);
    desk.press(Modifiers::COMMAND, Key::Num1);
    desk.select("7-Zip 24.09");
    desk.command("Seal");
    desk.wait_for("Seal 7-Zip 24.09");
    desk.wait_for("4.0 MiB");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.press(Modifiers::COMMAND, Key::Num6);
    desk.wait_for("at most 25 MiB/s");
}

#[test]
fn a_folder_that_is_put_into_a_watched_one_becomes_a_package() {
    let mut desk = Desk::open();
    let parent = desk.folder.path().join("drop");
    desk.press(Modifiers::COMMAND, Key::Comma);
    desk.click("Watch a folder…");
    desk.fill("Folder", &parent.display().to_string());
    desk.click("Watch");
    // It is not there yet: that is said, and it is looked for again.
    desk.wait_until_gone("being looked at");
    desk.source("drop/Tool 1.2", &[("tool.exe", "MZ")]);
    desk.wait("the package", |desk| desk.package("Tool 1.2").is_some());
    desk.wait_for("Tool 1.2 was registered");
    let package = desk.package("Tool 1.2").expect("registered");
    assert_eq!(&*package.filed_by, "System");
    desk.click(&format!("Stop watching {}", parent.display()));
    desk.wait_until_gone("Tool 1.2 was registered");
}

/// The button lies below what is seen: the keyboard goes there, and the page follows.
fn open_network(desk: &mut Desk) {
    desk.control("Network…").focus();
    desk.settle();
    desk.click("Network…");
    desk.wait_for("The proxy that the environment names");
}

#[test]
fn a_proxy_that_is_chosen_is_used_at_once_and_kept_over_a_restart() {
    let mut desk = Desk::open();
    desk.press(Modifiers::COMMAND, Key::Comma);
    desk.wait_for("none; the environment names none");
    open_network(&mut desk);
    desk.click("This proxy");
    desk.fill("Address", "proxy");
    assert!(!desk.is_enabled("Use"), "that is no address");
    desk.fill("Address", "http://proxy.example:3128");
    desk.fill("User", "anna");
    desk.fill("Password", "s3cret");
    desk.click("Use");
    desk.wait_for("http://proxy.example:3128, signed in as anna, with password");
    assert!(desk.session().is_some_and(|session| session.downloads().is_some()), "they go on");
    let folder = desk.folder;
    drop(desk.harness);
    let around = surroundings(folder.path());
    let mut desk = Desk::start(folder, around);
    desk.press(Modifiers::COMMAND, Key::Comma);
    desk.wait_for("http://proxy.example:3128, signed in as anna, with password");
    // The password that is kept is shown to nobody, and stays unless another is typed.
    open_network(&mut desk);
    desk.wait_for("leave the field empty to keep it");
    desk.fill("Certificates", &desk.folder.path().join("none.pem").display().to_string());
    desk.click("Use");
    desk.wait_for("cannot be used");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_for("http://proxy.example:3128, signed in as anna, with password");
    open_network(&mut desk);
    desk.click("No proxy");
    desk.click("Use");
    desk.wait_until_gone("proxy.example");
}
