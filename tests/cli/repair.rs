//! Repairing a package, a folder, a damaged archive, and all that is damaged, through the real program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place::{Place, Ran, tree};

/// Content that no compression makes small and of which no two parts are equal.
fn noise(bytes: usize, seed: u32) -> Vec<u8> {
    let numbers = (0u32..).map(|n| (n ^ seed).wrapping_mul(2_654_435_761).rotate_left(n % 31));
    numbers.flat_map(u32::to_le_bytes).take(bytes).collect()
}

/// `Tool 1.0`, sealed, in blocks of 256 KiB; gives its files as they should be.
fn sealed() -> (Place, Vec<(PathBuf, Vec<u8>, bool)>) {
    let place = Place::new();
    let large = noise(1_300_000, 1);
    place.source(
        "Tool 1.0",
        &[("bin/run.sh", b"#!/bin/sh\n"), ("empty.txt", b""), ("large.bin", &large), ("name.txt", b"name")],
    );
    place.run(&["register", "Tool 1.0"]).ends(0);
    place.run(&["seal", "Tool", "--block-size", "256K"]).ends(0);
    place.run(&["export", "Tool", "--to", "copy"]).ends(0);
    let whole = tree(&place.data(""));
    (place, whole)
}

/// Flips a byte and keeps the length.
fn damage(file: &Path, at: usize) {
    let mut bytes = fs::read(file).expect("a file");
    bytes[at] ^= 0x40;
    fs::write(file, bytes).expect("a file");
}

/// A refusal after the plan was told.
#[track_caller]
fn ends_with(ran: Ran, exit: i32, code: &str) -> Ran {
    let ran = ran.ends(exit);
    assert!(ran.err.contains(&format!("error[{code}]: ")) && ran.err.contains("\naction: "), "{}", ran.err);
    ran
}

#[test]
fn only_bad_blocks_are_fetched_and_strangers_are_set_aside() {
    let (place, whole) = sealed();
    damage(&place.data("large.bin"), 300_000);
    fs::remove_file(place.data("bin/run.sh")).expect("removed");
    fs::rename(place.data("name.txt"), place.data("NAME.txt")).expect("renamed");
    fs::write(place.data("extra.txt"), "not ours").expect("added");

    let plan = place.run(&["repair", "Tool", "--from", "copy", "--plan", "--json"]).ends(1).json();
    assert_eq!(plan["fetch_bytes"], 262_144 + 10);
    assert_eq!(plan["fetch"][1]["path"], "large.bin");
    assert_eq!(plan["fetch"][1]["blocks"], 1);
    assert_eq!(plan["rename"][0]["found"], "NAME.txt");
    assert_eq!(plan["added"][0]["path"], "extra.txt");
    assert!(place.data("extra.txt").exists(), "a plan changes nothing");

    let ran = place.run(&["repair", "Tool", "--from", "copy", "--json"]).ends(0);
    let done = ran.json();
    assert!(ran.err.contains("set aside extra.txt"), "the plan is shown first: {}", ran.err);
    assert_eq!(done["fetched_bytes"], 262_144 + 10);
    assert_eq!(done["repaired"], serde_json::json!(["bin/run.sh", "large.bin"]));
    assert_eq!((&done["check"]["consistent"], &done["blocked"]), (&true.into(), &false.into()));
    let codebase = done["from"][0]["codebase"].as_str().expect("a name");
    assert!(codebase.ends_with("copy"), "{codebase}");
    assert_eq!(tree(&place.data("")), whole);
    let aside = PathBuf::from(done["set_aside_folder"].as_str().expect("a folder"));
    assert_eq!(fs::read_to_string(aside.join("extra.txt")).expect("set aside"), "not ours");
    place.run(&["check", "Tool", "--deep"]).ends(0);
    place.run(&["verify", "library/packages/Tool/1.0"]).ends(0);
    place.run(&["history", "--verify"]).ends(0);
    let entry = &place.run(&["history", "Tool", "--event", "repaired", "--json"]).ends(0).out;
    assert!(entry.contains("262154 bytes fetched") && entry.contains(codebase), "{entry}");
    // What was repaired from is known from then on.
    damage(&place.data("large.bin"), 700_000);
    let again = place.run(&["repair", "Tool", "--json"]).ends(0).json();
    assert_eq!(again["fetched_bytes"], 262_144);
    assert_eq!(tree(&place.data("")), whole);
    let none = place.run(&["repair", "Tool"]).ends(0);
    assert!(none.out.contains("nothing to repair"), "{}", none.out);
}

#[test]
fn wrong_bytes_never_reach_the_package() {
    let (place, _) = sealed();
    damage(&place.data("large.bin"), 300_000);
    damage(&place.data("large.bin"), 900_000);
    let before = tree(&place.data(""));
    // Same names, same lengths; wrong just where the package is damaged.
    damage(&place.path("copy/data/large.bin"), 300_001);
    damage(&place.path("copy/data/large.bin"), 900_001);
    let refused = ends_with(place.run(&["repair", "Tool", "--from", "copy"]), 1, "not-repairable");
    assert!(refused.err.contains("large.bin"), "{}", refused.err);
    assert_eq!(tree(&place.data("")), before);
    assert_eq!(place.run(&["show", "Tool", "--json"]).ends(0).json()["blocked"], true);
    ends_with(place.run(&["repair", "Tool", "--from", "nowhere"]), 4, "no-codebase");
    assert_eq!(tree(&place.data("")), before);
}

#[test]
fn two_places_with_half_of_the_blocks_each_are_enough() {
    let (place, whole) = sealed();
    damage(&place.data("large.bin"), 300_000);
    damage(&place.data("large.bin"), 900_000);
    let copied =
        std::process::Command::new("cp").arg("-a").args([place.path("copy"), place.path("half")]).status();
    assert!(copied.expect("cp").success());
    damage(&place.path("copy/data/large.bin"), 300_001);
    damage(&place.path("half/data/large.bin"), 900_001);

    // One alone keeps what it gave for the next.
    ends_with(place.run(&["repair", "Tool", "--from", "copy"]), 1, "not-repairable");
    let done = place.run(&["repair", "Tool", "--from", "half", "--json"]).ends(0).json();
    assert_eq!(done["fetched_bytes"], 262_144, "what came before is not fetched again");
    assert_eq!(tree(&place.data("")), whole);

    damage(&place.data("large.bin"), 300_000);
    damage(&place.data("large.bin"), 900_000);
    let done = place.run(&["repair", "Tool", "--from", "copy", "--from", "half", "--json"]).ends(0).json();
    assert_eq!(done["from"].as_array().map(Vec::len), Some(2), "{done}");
    assert_eq!(tree(&place.data("")), whole);
    assert_eq!(fs::read_dir(place.path("library/.incoming")).expect("a folder").count(), 0);
}

#[test]
fn other_packages_of_the_library_are_asked_first() {
    let (place, whole) = sealed();
    place.source("Other 2", &[("same.bin", &noise(1_300_000, 1))]);
    place.run(&["register", "Other 2"]).ends(0);
    place.run(&["seal", "Other", "--block-size", "256K"]).ends(0);
    damage(&place.data("large.bin"), 5);
    let done = place.run(&["repair", "Tool", "--json"]).ends(0).json();
    assert_eq!((&done["fetched_bytes"], &done["reused_bytes"]), (&0.into(), &262_144.into()));
    assert_eq!(tree(&place.data("")), whole);
}

#[test]
fn what_was_never_sealed_cannot_be_repaired() {
    let place = Place::with_tool();
    fs::write(place.data("data.bin"), "short").expect("a file");
    place.run(&["repair", "Tool", "--from", "Tool 1.0"]).refuses(1, "never-sealed");
    let all = place.run(&["check", "--all", "--deep"]).ends(1);
    assert!(all.out.contains("Tool@1.0: not repairable: it has never been sealed"), "{}", all.out);
}

#[test]
fn repair_answers_the_question_of_switching_on() {
    let (place, whole) = sealed();
    place.run(&["consistency", "Tool", "off", "--reason", "moving disks"]).ends(0);
    damage(&place.data("large.bin"), 300_000);
    fs::write(place.data("extra.txt"), "not ours").expect("added");
    place.run(&["consistency", "Tool", "on"]).refuses(3, "consistency-question");
    place.run(&["consistency", "Tool", "off", "--repair-from", "copy"]).refuses(2, "usage");
    let failed = place.run(&["consistency", "Tool", "on", "--repair-from", "nowhere"]).ends(1);
    assert!(failed.out.contains("checksum control is off"), "what could be done was: {}", failed.out);
    assert!(failed.err.contains("error[no-codebase]"), "{}", failed.err);
    let done = place.run(&["consistency", "Tool", "on", "--repair-from", "copy", "--json"]).ends(0).json();
    assert_eq!((&done["checksum_control"], &done["blocked"]), (&true.into(), &false.into()));
    assert_eq!(tree(&place.data("")), whole);
    place.run(&["consistency", "Tool", "on", "--repair-from", "copy"]).ends(0);
}

#[test]
fn everything_that_is_damaged_is_repaired_from_another_library() {
    let (place, whole) = sealed();
    place.source("Two 1", &[("two.bin", &noise(600_000, 7))]);
    place.source("Open 1", &[("open.bin", b"open")]);
    place.run(&["register", "Two 1", "--seal"]).ends(0);
    place.run(&["register", "Open 1"]).ends(0);
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([place.path("library"), place.path("second")])
        .status();
    assert!(copied.expect("cp").success());
    let two = place.path("library/packages/Two/1/data/two.bin");
    damage(&two, 1);
    damage(&place.data("large.bin"), 1);
    let checked = place.run(&["check", "--all", "--deep"]).ends(1);
    assert!(checked.out.contains("Two@1: not repairable"), "nobody is known yet: {}", checked.out);
    let plan = place.run(&["repair", "--all", "--from", "second", "--plan", "--json"]).ends(1).json();
    assert_eq!(plan["packages"].as_array().map(Vec::len), Some(2));
    let done = place.run(&["repair", "--all", "--from", "second", "--json"]).ends(0).json();
    assert_eq!((&done["repaired"], &done["failed"]), (&2.into(), &0.into()));
    assert_eq!(tree(&place.data("")), whole);
    assert_eq!(fs::read(&two).expect("a file"), noise(600_000, 7));
    damage(&two, 3);
    let checked = place.run(&["check", "--all", "--deep"]).ends(1);
    assert!(checked.out.contains("Two@1: repairable from "), "{}", checked.out);
    assert!(checked.out.contains("1 repairable"), "{}", checked.out);
    place.run(&["repair", "--all"]).ends(0);
    place.run(&["check", "--all", "--deep"]).ends(0);
}

#[test]
fn a_folder_outside_a_library_is_repaired_in_place() {
    let (place, whole) = sealed();
    damage(&place.path("copy/data/large.bin"), 600_000);
    fs::remove_file(place.path("copy/data/name.txt")).expect("removed");
    // Another name of the file keeps what it has: somebody may have linked a whole folder so.
    fs::hard_link(place.path("copy/data/large.bin"), place.path("link.bin")).expect("a link");
    let linked = fs::read(place.path("link.bin")).expect("a file");
    let plan = place.run(&["repair", "copy/", "--plan", "--json"]).ends(1).json();
    assert_eq!((&plan["blocks"], &plan["bad_bytes"]), (&2.into(), &(262_144 + 4).into()));
    let library = place.path("library/packages").display().to_string();
    let done = place.run(&["repair", "copy/", "--from", &library, "--json"]).ends(0).json();
    assert_eq!(done["fetched_bytes"], 262_144 + 4);
    assert_eq!(tree(&place.path("copy/data")), whole);
    assert!(fs::read(place.path("link.bin")).expect("a file") == linked);
    place.run(&["verify", "copy"]).ends(0);

    // What needs nobody is put right without asking for an address: a file that is too long, one without content.
    let large = place.path("copy/data/large.bin");
    let longer = [&fs::read(&large).expect("a file")[..], b"more"].concat();
    fs::write(&large, longer).expect("a file");
    fs::remove_file(place.path("copy/data/empty.txt")).expect("removed");
    place.run(&["verify", "copy"]).ends(1);
    let plan = place.run(&["repair", "copy/", "--plan", "--json"]).ends(1).json();
    assert_eq!((&plan["whole"], &plan["blocks"]), (&false.into(), &0.into()));
    assert_eq!(plan["cut"], serde_json::json!(["data/large.bin"]));
    assert_eq!(plan["made"], serde_json::json!(["data/empty.txt"]));
    let done = place.run(&["repair", "copy/"]).ends(0).out;
    assert!(done.contains("data/large.bin was cut to its recorded length"), "{done}");
    assert!(done.contains("data/empty.txt was missing and is empty; it was made"), "{done}");
    place.run(&["verify", "copy"]).ends(0);
    let again = place.run(&["repair", "copy/"]).ends(0).out;
    assert!(again.contains("no block of Tool@1.0 is missing or damaged"), "{again}");
    damage(&large, 600_000);
    place.run(&["repair", "copy/"]).refuses(2, "usage");
    place.run(&["repair", "library/packages/Tool/1.0/", "--from", "copy"]).refuses(3, "source-in-library");
}

#[test]
fn a_damaged_archive_is_repaired_while_it_is_restored() {
    let (place, whole) = sealed();
    place.run(&["archive", "Tool", "--to", "shelf"]).ends(0);
    let file = place.path("shelf/Tool-1.0.tar.zst");
    let mut bytes = fs::read(&file).expect("the archive");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xA5);
    fs::write(&file, bytes).expect("the archive");
    place.run(&["restore", "Tool"]).refuses(1, "archive-damaged");
    place.run(&["restore", "Tool", "--repair-from", "nowhere"]).ends(4);
    assert_eq!(place.run(&["show", "Tool", "--json"]).json()["state"], "archived");
    let done = place.run(&["restore", "Tool", "--repair-from", "copy", "--json"]).ends(0).json();
    assert_eq!(done["repaired"], serde_json::json!(["large.bin"]));
    let fetched = done["fetched_bytes"].as_u64().expect("bytes");
    assert!((1..=2 * 262_144).contains(&fetched), "only the blocks of the damaged frame: {fetched}");
    assert_eq!(tree(&place.data("")), whole);
    place.run(&["check", "Tool", "--deep"]).ends(0);
}

#[test]
fn an_archive_is_a_place_to_repair_from() {
    let (place, whole) = sealed();
    place.run(&["archive", "Tool", "--to", "shelf"]).ends(0);
    place.run(&["restore", "Tool"]).ends(0);
    damage(&place.data("large.bin"), 1_200_000);
    fs::remove_dir_all(place.path("copy")).expect("removed");
    let done = place.run(&["repair", "Tool", "--json"]).ends(0).json();
    assert_eq!(done["fetched_bytes"], 1_300_000 - 4 * 262_144);
    assert!(done["from"][0]["codebase"].as_str().expect("a name").ends_with("Tool-1.0.tar.zst"));
    assert_eq!(tree(&place.data("")), whole);
}

#[test]
fn a_file_that_is_only_too_long_is_cut_and_needs_nobody() {
    let (place, whole) = sealed();
    for (name, content) in [("large.bin", noise(1_300_000, 1)), ("name.txt", b"name".to_vec())] {
        fs::write(place.data(name), [&content[..], b"more"].concat()).expect("a file");
    }
    let checked = place.run(&["check", "--all", "--deep"]).ends(1).out;
    assert!(checked.contains("Tool@1.0: repairable, nothing has to be fetched"), "{checked}");
    let plan = place.run(&["repair", "Tool", "--plan"]).ends(1).out;
    assert!(plan.starts_with("Tool@1.0: 2 files to make right without fetching\n"), "{plan}");
    assert!(plan.contains("  cut large.bin from 1300004 to 1300000 bytes\n"), "{plan}");
    let done = place.run(&["repair", "Tool"]).ends(0).out;
    assert!(done.contains("Tool@1.0: repaired 2 files, nothing had to be fetched\n"), "{done}");
    assert!(done.contains("  large.bin cut to its 1300000 bytes\n"), "{done}");
    assert!(done.contains("  name.txt cut to its 4 bytes\n"), "{done}");
    assert_eq!(tree(&place.data("")), whole);

    // Too long and damaged before the end: that block is fetched.
    let mut content = [&noise(1_300_000, 1)[..], b"more"].concat();
    content[1_299_999] ^= 1;
    fs::write(place.data("large.bin"), content).expect("a file");
    let plan = place.run(&["repair", "Tool", "--plan", "--json"]).ends(1).json();
    assert_eq!(
        (&plan["fetch"][0]["blocks"], &plan["fetch"][0]["found_bytes"]),
        (&1.into(), &1_300_004.into())
    );
    let done = place.run(&["repair", "Tool", "--from", "copy"]).ends(0);
    assert!(
        done.err.contains("fetch large.bin (1300004 instead of 1300000 bytes; 1 block, "),
        "{}",
        done.err
    );
    assert!(done.out.contains("repaired 1 file, 246 KiB fetched\n"), "{}", done.out);
    assert_eq!(tree(&place.data("")), whole);
}

#[test]
fn what_repair_tells_counts_right_and_leaves_nothing_out() {
    let (place, _) = sealed();
    assert!(place.run(&["repair", "--all"]).ends(0).out.contains("Nothing to repair"));
    damage(&place.data("large.bin"), 300_000);
    let deep = place.run(&["check", "Tool", "--deep"]).ends(1).out;
    assert!(deep.contains("# large.bin (block 1)\n"), "{deep}");
    let plan = place.run(&["repair", "Tool", "--plan", "--from", "copy"]).ends(1).out;
    assert!(plan.starts_with("Tool@1.0: 256 KiB to fetch (1 block in 1 file)\n"), "{plan}");
    assert!(plan.contains("  fetch large.bin (damaged; 1 block, 262144 bytes)\n"), "{plan}");
    let done = place.run(&["repair", "Tool", "--from", "copy"]).ends(0).out;
    assert!(done.contains("Tool@1.0: repaired 1 file, 256 KiB fetched\n"), "{done}");

    fs::write(place.data("extra.txt"), "x").expect("added");
    let left = ends_with(place.run(&["repair", "Tool", "--leave-added"]), 1, "nothing-to-repair");
    assert!(left.err.contains("1 file to leave\n") && !left.err.contains("set aside extra"), "{}", left.err);
    assert!(left.err.contains("1 file that does not belong to it was left"), "{}", left.err);
    assert!(place.data("extra.txt").exists());
    let done = place.run(&["repair", "Tool"]).ends(0);
    assert!(done.err.contains("set aside extra.txt (1 byte)\n"), "{}", done.err);
    assert!(done.out.starts_with("Tool@1.0: as recorded again\n  1 file set aside in "), "{}", done.out);

    for (path, why) in [("nowhere/", "nowhere/ is not there"), ("copy/bagit.txt", "is no folder")] {
        let refused = place.run(&["repair", path, "--from", "copy"]).refuses(2, "usage").err;
        assert!(refused.contains(why), "{refused}");
    }
    let whole = place.run(&["repair", "copy/", "--plan"]).ends(0).out;
    assert!(whole.contains("no block of Tool@1.0 is missing or damaged"), "{whole}");
}
