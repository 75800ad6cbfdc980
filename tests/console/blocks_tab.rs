//! The tab *Blocks* on packages that are really damaged, archived, empty, or whose hashes are lost.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use egui::{Key, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use packhouse::package::Finding;
use packhouse::session::{Archive, ArchiveRequest, Seal};
use packhouse::work::Work;

use super::desk::Desk;

/// What the grid says of itself.
fn grid(desk: &Desk) -> String {
    let all = desk.harness.query_all_by_role(Role::Canvas);
    all.filter_map(|node| node.accesskit_node().label()).collect()
}

/// Whether a sentence contains this.
fn says(desk: &Desk, part: &str) -> bool {
    let all = desk.harness.query_all_by_role(Role::Label);
    all.filter_map(|node| node.value()).any(|text| text.contains(part))
}

/// Waits until a sentence contains this.
#[track_caller]
fn wait_until_said(desk: &mut Desk, part: &str) {
    desk.wait(part, |desk| says(desk, part));
    desk.settle();
}

/// A package of 5 blocks, one of them in `data/b.txt`, with its window on *Blocks*.
fn with_window() -> Desk {
    let mut desk = Desk::open();
    // Letters that do not repeat, so that most of an archive is content.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let letters = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    });
    let large: String = letters.take(7 << 20).collect();
    desk.register("KiCad", "8.0.7", &[("bin/kicad", &large), ("b.txt", "b"), ("empty", "")]);
    desk.properties("KiCad 8.0.7");
    desk.click("Blocks");
    desk.wait_for("3 files, 5 blocks of up to 2 MiB");
    desk
}

/// Waits until the grid says this.
#[track_caller]
fn wait_for_grid(desk: &mut Desk, text: &str) {
    desk.wait(text, |desk| grid(desk) == text);
    desk.settle();
}

fn damage(desk: &Desk, at: u64) {
    let file = File::options().write(true).open(desk.data("KiCad", "8.0.7").join("bin/kicad"));
    file.expect("its own file").write_all_at(b"damaged", at).expect("written");
}

#[test]
fn a_deep_check_fills_the_grid_and_names_the_damaged_block() {
    let mut desk = with_window();
    assert!(says(&desk, "Hashes taken when it was registered, "));
    assert_eq!(grid(&desk), "5 blocks: 5 verified");
    desk.click_without_settling("Deep check");
    wait_for_grid(&mut desk, "5 blocks: 5 verified");
    wait_until_said(&mut desk, "Deep check: no damage, ");
    assert!(!desk.sees("Blocks, has findings"));

    damage(&desk, 2 << 20);
    desk.harness.key_press_modifiers(egui::Modifiers::SHIFT, Key::F5);
    wait_for_grid(&mut desk, "5 blocks: 4 verified, 1 corrupt");
    wait_until_said(&mut desk, "Deep check: damage found, ");
    desk.wait_for("Blocks, has findings");
    desk.wait_for("bin/kicad, offset 2,097,152, 2,097,152 bytes, Corrupt, ");
    // F8 goes there from anywhere in the window.
    desk.harness.key_press(Key::F8);
    desk.settle();
    let said = desk.harness.get_by_role(Role::Canvas).value().unwrap_or_default();
    assert!(said.starts_with("Block 2 · Corrupt · bin/kicad · offset 2,097,152"), "{said}");

    // What is recorded says the same after the window was opened anew, and a file that is gone has no blocks.
    fs::remove_file(desk.data("KiCad", "8.0.7").join("b.txt")).expect("removed");
    desk.click("Cancel");
    desk.properties("KiCad 8.0.7");
    desk.click("Blocks, has findings");
    wait_for_grid(&mut desk, "5 blocks: 4 verified, 1 corrupt");
    desk.click_without_settling("Deep check");
    wait_for_grid(&mut desk, "5 blocks: 3 verified, 1 missing, 1 corrupt");
    wait_until_said(&mut desk, "Deep check: differences found, ");
}

#[test]
fn the_legend_of_the_tab_filters() {
    let mut desk = with_window();
    damage(&desk, 0);
    desk.click_without_settling("Deep check");
    wait_for_grid(&mut desk, "5 blocks: 4 verified, 1 corrupt");
    desk.click("Corrupt 1");
    assert!(desk.has("Show all states"));
    desk.click("Corrupt 1");
    let said = desk.harness.get_by_role(Role::Canvas).value().unwrap_or_default();
    assert!(said.starts_with("Block 1 · Corrupt"), "{said}");
    // The first Escape lets go of the legend, the next closes the window.
    desk.harness.get_by_role(Role::Canvas).focus();
    desk.settle();
    desk.harness.key_press(Key::Escape);
    desk.settle();
    assert!(!desk.has("Show all states") && desk.sees("KiCad 8.0.7 - Properties"));
    desk.harness.key_press(Key::Escape);
    desk.wait_until_gone("KiCad 8.0.7 - Properties");
}

#[test]
fn a_sealed_package_shows_its_snapshot_and_an_archived_one_its_archive() {
    let mut desk = with_window();
    let session = desk.session().expect("open").clone();
    let package = desk.package("KiCad 8.0.7").expect("registered").id;
    assert!(!desk.has("Copy snapshot digest"));
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
    desk.wait("the link", |desk| desk.has("Copy snapshot digest"));
    let folder = desk.folder.path().join("archives");
    let request = ArchiveRequest { folder: folder.clone(), comment: String::new() };
    session.run(Archive { package, request }, &Work::new()).expect("archived");
    wait_until_said(&mut desk, "Read back and compared when it was archived, ");
    wait_for_grid(&mut desk, "5 blocks: 5 verified");

    let archive = fs::read_dir(&folder).expect("a folder").next().expect("an archive").expect("readable");
    let bytes = fs::read(archive.path()).expect("an archive");
    File::options()
        .write(true)
        .open(archive.path())
        .expect("an archive")
        .write_all_at(&[!bytes[bytes.len() / 2]], bytes.len() as u64 / 2)
        .expect("written");
    desk.click_without_settling("Verify archive");
    wait_until_said(&mut desk, "Archive verified: damage found, ");
    assert_eq!(desk.package("KiCad 8.0.7").expect("there").finding, Finding::Damaged);
    assert!(grid(&desk).ends_with("corrupt"), "{}", grid(&desk));
}

#[test]
fn a_package_without_blocks_says_why() {
    let mut desk = Desk::open();
    desk.register("Empty", "1", &[("a", ""), ("b", "")]);
    desk.properties("Empty 1");
    desk.click("Blocks");
    desk.wait_for("All files of the package are empty, so it has no blocks.");
    assert!(grid(&desk).is_empty());
}
