//! Sealing, archiving, restoring, removing, History and rebuilding.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::place::{Place, tree};

#[test]
fn an_archived_package_comes_back_byte_for_byte() {
    let place = Place::new();
    let source = place.source("Tool 1.0", &[("bin/run.sh", b"#!/bin/sh\n"), ("ä & b.bin", &[3; 70_000])]);
    fs::set_permissions(source.join("bin/run.sh"), fs::Permissions::from_mode(0o755)).expect("a mode");
    let sealed = place.run(&["register", "Tool 1.0", "--seal"]).ends(0);
    assert!(sealed.err.contains("key export"), "the first seal asks for a backup: {}", sealed.err);
    let before = tree(&place.data(""));
    place.run(&["archive", "Tool", "--to", "shelf"]).ends(0);
    assert!(!place.data("").exists());
    assert_eq!(place.run(&["show", "Tool", "--json"]).json()["state"], "archived");
    place.run(&["verify", "shelf/Tool-1.0.tar.zst"]).ends(0);
    place.run(&["restore", "Tool"]).ends(0);
    assert_eq!(tree(&place.data("")), before);
    assert!(before.iter().any(|(_, _, executable)| *executable));
    let shown = place.run(&["show", "Tool", "--json"]).ends(0).json();
    assert_eq!((&shown["state"], &shown["revision"]), (&"sealed".into(), &1.into()));
    assert_eq!(shown["snapshot"]["block_size_bytes"], 2 * 1024 * 1024);
    place.run(&["verify", "library/packages/Tool/1.0"]).ends(0);
}

#[test]
fn removing_is_for_good_and_only_on_a_yes() {
    let place = Place::with_tool();
    place.run(&["remove", "Tool"]).refuses(3, "not-confirmed");
    place.run(&["remove", "Tool", "--yes"]).ends(0);
    let trash = fs::read_dir(place.path("library/.trash")).map_or(0, Iterator::count);
    assert_eq!(trash, 0);
    place.run(&["show", "Tool"]).refuses(2, "not-found");
    place.run(&["register", "Tool 1.0"]).ends(0);
}

#[test]
fn a_lost_catalogue_is_said_and_rebuilt() {
    let place = Place::with_tool();
    place.run(&["history", "--verify"]).ends(0);
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(place.path(&format!("library/catalog.db{ending}")));
    }
    place.run(&["list"]).refuses(4, "library-damaged");
    let rebuilt = place.run(&["rebuild", "--json"]).ends(0).json();
    assert_eq!(rebuilt["packages"][0]["name"], "Tool");
    place.run(&["check", "Tool"]).ends(0);
    place.run(&["history", "--verify"]).ends(0);
}

#[test]
fn a_restore_of_a_damaged_archive_names_the_files_and_changes_nothing() {
    let place = Place::new();
    let noise: Vec<u8> = (0..400_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    place.source("Tool 1.0", &[("good.txt", b"good"), ("noise.bin", &noise)]);
    place.run(&["register", "Tool 1.0", "--seal"]).ends(0);
    place.run(&["archive", "Tool", "--to", "shelf"]).ends(0);
    let file = place.path("shelf/Tool-1.0.tar.zst");
    let mut bytes = fs::read(&file).expect("the archive");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xA5);
    fs::write(&file, bytes).expect("the archive");
    let refused = place.run(&["restore", "Tool"]).refuses(1, "archive-damaged");
    assert!(refused.err.contains("noise.bin"), "{}", refused.err);
    assert!(!refused.err.contains("good.txt"), "{}", refused.err);
    assert_eq!(place.run(&["show", "Tool", "--json"]).json()["state"], "archived");
    place.run(&["verify", "shelf/Tool-1.0.tar.zst"]).ends(1);
}

#[test]
fn what_was_exported_stays_sealed_only_where_its_key_is_trusted() {
    let place = Place::with_tool();
    place.run(&["seal", "Tool"]).ends(0);
    place.run(&["export", "Tool", "--to", "out"]).ends(0);
    let at_home = place.run(&["--library", "second", "register", "out", "--json"]).ends(0).json();
    assert_eq!(at_home["state"], "sealed");
    let stranger = Place::new();
    let out = place.path("out").display().to_string();
    let verdict = stranger.run(&["verify", &out, "--json"]).ends(1).json();
    assert_eq!((&verdict["valid"], &verdict["seal"]), (&false.into(), &"unknown".into()));
    assert_eq!(stranger.run(&["register", &out, "--json"]).ends(0).json()["state"], "open");
    let public = place.run(&["key", "list", "--json"]).ends(0).json()[0]["public"].clone();
    let public = public.as_str().expect("a key").to_owned();
    stranger.run(&["verify", &out, "--trust", &public]).ends(0);
}
