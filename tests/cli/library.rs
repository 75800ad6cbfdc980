//! `library`: facts, moving it.

use crate::place::Place;

#[test]
fn info_says_what_there_is_and_a_move_brings_it_elsewhere() {
    let place = Place::with_tool();
    let info = place.run(&["library", "info", "--json"]).ends(0).json();
    assert_eq!(
        (&info["open"], &info["format"], &info["never_deep_checked"]),
        (&1.into(), &2.into(), &1.into())
    );
    assert_eq!(info["size_bytes"], 300_010);
    assert_eq!(info["network_share"], serde_json::json!(null));
    let text = place.run(&["library", "info"]).ends(0).out;
    assert!(text.contains("Lies on:    a disk\n") && text.contains("Watching:"), "{text}");

    place.run(&["library", "move", "library/inside"]).refuses(3, "source-in-library");
    let moved = place.run(&["library", "move", "moved", "--json"]).ends(0).json();
    assert_eq!(moved["proven"], 1);
    place.run(&["list"]).refuses(3, "library-moved");
    place.run(&["rebuild"]).refuses(3, "library-moved");
    let at = ["--library", "moved"];
    place.run(&[&at[..], &["check", "Tool", "--deep"]].concat()).ends(0);
    let info = place.run(&[&at[..], &["library", "info", "--json"]].concat()).ends(0).json();
    assert!(info["old_copy"].as_str().is_some_and(|old| old.ends_with("/library")), "{info}");
    place.run(&[&at[..], &["library", "delete-old-copy"]].concat()).ends(0);
    assert!(!place.path("library").exists());
    place.run(&[&at[..], &["history", "--verify"]].concat()).ends(0);
}
