//! The keyboard comes back to the list that had it, once nothing is in front of the page any more.

use egui::{Key, Modifiers};
use packhouse::session::{AddComputer, ContainerOptions, NewComputer};

use crate::desk::Desk;

/// Three jobs, the newest first: *Install C 1*, *Install B 1*, *Install A 1*.
fn with_jobs() -> Desk {
    let mut desk = Desk::open();
    for name in ["PC-1", "PC-2", "PC-3"] {
        desk.run(AddComputer { new: NewComputer { name: name.to_owned(), ..NewComputer::default() } });
    }
    for name in ["A", "B", "C"] {
        let package = desk.sealed(name, "1");
        desk.job(package, &["PC-1", "PC-2", "PC-3"], ContainerOptions::default());
    }
    desk.tick();
    desk
}

/// Keys that come one right after the other, a frame each, as fast as somebody types.
fn keys(desk: &mut Desk, keys: &[Key]) {
    for key in keys {
        desk.harness.key_press(*key);
        desk.harness.step();
    }
    desk.settle();
}

#[test]
fn the_list_of_jobs_has_the_keys_again_as_soon_as_a_dialog_is_gone() {
    let mut desk = with_jobs();
    desk.go_to_jobs();
    desk.select("Install C 1");
    for (open, what) in [(Key::Delete, "Remove the job Install C 1?"), (Key::F1, "Jobs")] {
        desk.select("Install C 1");
        desk.press(Modifiers::NONE, open);
        desk.wait_for(what);
        keys(&mut desk, &[Key::Escape, Key::ArrowDown, Key::Delete]);
        desk.wait_for("Remove the job Install B 1?");
        keys(&mut desk, &[Key::Escape, Key::End, Key::Delete]);
        desk.wait_for("Remove the job Install A 1?");
        desk.press(Modifiers::NONE, Key::Escape);
        desk.wait_until_gone("Remove the job Install A 1?");
    }
    // The wizard has the keyboard in a field of its own.
    desk.select("Install C 1");
    desk.press(Modifiers::COMMAND, Key::J);
    desk.wait_for("Which packages?");
    keys(&mut desk, &[Key::Escape, Key::ArrowDown, Key::Delete]);
    desk.wait_for("Remove the job Install B 1?");
}

#[test]
fn targets_and_computers_have_the_keys_again_as_soon_as_a_dialog_is_gone() {
    let mut desk = with_jobs();
    desk.open_job("Install C 1");
    desk.wait_for("PC-1, Waiting");
    desk.select("PC-1");
    desk.click("Halt…");
    desk.wait_for("Only what is selected: 1 target");
    keys(&mut desk, &[Key::Escape, Key::ArrowDown]);
    desk.click("Show computer");
    desk.wait("the page of computers", |desk| desk.has("Add computers…"));
    desk.select("PC-2");
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for("Edit PC-2");
    keys(&mut desk, &[Key::Escape, Key::ArrowDown, Key::Enter]);
    desk.wait_for("Edit PC-3");
}
