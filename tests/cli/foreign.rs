//! What needs no library, what others made, and a library that is broken.

use std::fs;
use std::process::Command;

use crate::place::Place;
use crate::support::tool;

/// A bag that bagit.py made of two files.
fn bag_of_another(place: &Place) -> std::path::PathBuf {
    let bag = place.source("bag", &[("read me.txt", b"words"), ("deep/ä.bin", &[3; 5000])]);
    let made =
        Command::new(tool("bagit.py", "pip install bagit")).args(["--quiet", "--sha256"]).arg(&bag).status();
    assert!(made.expect("bagit.py runs").success());
    bag
}

#[test]
fn a_bag_of_another_program_is_judged_and_taken() {
    let place = Place::new();
    let bag = bag_of_another(&place);
    let judged = place.run(&["verify", "bag", "--json"]).ends(0).json();
    assert_eq!(
        (&judged["valid"], &judged["thing"], &judged["seal"]),
        (&true.into(), &"bag".into(), &"none".into())
    );
    assert_eq!((&judged["files"], &judged["size_bytes"]), (&2.into(), &5005.into()));
    place.run(&["register", "bag", "--name", "Words", "--version", "1"]).ends(0);
    assert_eq!(fs::read(place.path("library/packages/Words/1/data/read me.txt")).expect("a file"), b"words");
    fs::write(bag.join("data/read me.txt"), b"Words").expect("a file");
    let judged = place.run(&["verify", "bag"]).ends(1);
    assert!(judged.out.contains("not a valid bag") && judged.out.contains("read me.txt"), "{}", judged.out);
    let refused =
        place.run(&["register", "bag", "--name", "Words", "--version", "2"]).refuses(1, "bag-invalid");
    assert!(refused.err.contains("read me.txt"), "{}", refused.err);
    let missing = place.run(&["verify", "nowhere"]).refuses(4, "io");
    assert!(missing.err.contains("Check the path"), "{}", missing.err);
    place.run(&["verify", "bag", "--trust", "nobody"]).refuses(2, "no-such-key");
    place.run(&["key", "trust", "nonsense"]).refuses(2, "not-a-key");
}

#[test]
fn judging_keys_completions_and_the_manual_need_no_library_and_make_none() {
    let place = Place::new();
    bag_of_another(&place);
    fs::write(place.path("words"), "four words of mine\n").expect("a file");
    place.run(&["verify", "bag"]).ends(0);
    let none = place.run(&["key", "list"]).ends(0);
    assert!(none.out.is_empty() && none.err.contains("key create"), "{}", none.err);
    let key = place.run(&["key", "create", "Berlin", "--json"]).ends(0).json();
    place.run(&["key", "show", "Berlin"]).ends(0);
    place.run(&["key", "export", "Berlin", "backup", "--passphrase-file", "words"]).ends(0);
    let listed = place.run(&["key", "list", "--json"]).ends(0).json();
    assert_eq!(listed[0]["key_id"], key["key_id"]);
    assert!(listed[0].get("used_by_packages").is_none(), "{listed}");
    assert!(!place.run(&["key", "list"]).ends(0).out.contains("used by"));
    place.run(&["key", "retire", "Berlin"]).ends(0);
    place.run(&["key", "distrust", "Berlin"]).ends(0);
    place.run(&["completions", "bash"]).ends(0);
    place.run(&["man"]).ends(0);
    assert!(!place.path("library").exists(), "a library was made");

    let place = Place::with_tool();
    place.run(&["seal", "Tool"]).ends(0);
    place.run(&["key", "create", "Second"]).ends(0);
    let listed = place.run(&["key", "list"]).ends(0).out;
    let line = |name: &str| listed.lines().find(|line| line.starts_with(name)).expect("a line").to_owned();
    assert!(line("Second").ends_with("used by 0 packages"), "{listed}");
    assert!(listed.lines().any(|line| line.ends_with("used by 1 package")), "{listed}");
}

#[test]
fn a_damaged_database_is_said_and_rebuilt_and_keys_are_listed_all_the_same() {
    let place = Place::with_tool();
    place.run(&["seal", "Tool"]).ends(0);
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(place.path(&format!("library/catalog.db{ending}")));
    }
    let database = place.path("library/catalog.db");
    let mut bytes = fs::read(&database).expect("the database");
    bytes.fill(0xA5);
    fs::write(&database, bytes).expect("the database");
    for command in [&["list"][..], &["show", "Tool"], &["check", "--all"], &["register", "Tool 1.0"]] {
        let refused = place.run(command).refuses(4, "library-damaged");
        assert!(refused.err.contains("packhouse-cli rebuild"), "{}", refused.err);
    }
    let keys = place.run(&["key", "list"]).ends(0);
    assert!(keys.out.lines().count() == 1 && keys.err.contains("not known"), "{} {}", keys.out, keys.err);
    let rebuilt = place.run(&["rebuild", "--json"]).ends(0).json();
    assert_eq!(
        (&rebuilt["packages"][0]["name"], &rebuilt["packages"][0]["state"]),
        (&"Tool".into(), &"sealed".into())
    );
    assert!(
        rebuilt["old_database"].as_str().is_some_and(|path| fs::exists(path).expect("its place")),
        "{rebuilt}"
    );
    place.run(&["check", "Tool", "--deep"]).ends(0);
    place.run(&["history", "--verify"]).ends(0);
}

#[test]
fn an_archive_without_registration_information_is_not_restored() {
    let place = Place::with_tool();
    let made = Command::new(tool("tar", "apt-get install tar"))
        .args(["--zstd", "-cf", "plain.tar.zst", "Tool 1.0"])
        .current_dir(place.path(""))
        .status();
    assert!(made.expect("tar runs").success());
    let refused = place.run(&["restore", "plain.tar.zst"]).refuses(3, "no-reginfo");
    assert!(refused.err.contains("no registration information (reginfo) found"), "{}", refused.err);
    assert!(refused.err.contains("packhouse-cli register"), "{}", refused.err);
    let judged = place.run(&["verify", "plain.tar.zst"]).ends(1);
    assert!(judged.out.contains("no registration information (reginfo) found"), "{}", judged.out);
    fs::write(place.path("text.tar.zst"), b"no archive at all").expect("a file");
    place.run(&["restore", "text.tar.zst"]).refuses(1, "not-an-archive");
    place.run(&["restore", "Tool"]).refuses(3, "wrong-state");
    place.run(&["restore", "no/such.tar.zst"]).ends(4);
}
