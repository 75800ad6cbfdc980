//! `library`: facts, moving it.

use crate::place::Place;

#[test]
fn info_says_what_there_is_and_a_move_brings_it_elsewhere() {
    let place = Place::with_tool();
    let info = place.run(&["library", "info", "--json"]).ends(0).json();
    assert_eq!(
        (&info["open"], &info["format"], &info["never_deep_checked"]),
        (&1.into(), &5.into(), &0.into())
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

#[test]
fn a_hand_over_tells_what_is_there_without_secrets() {
    let place = Place::with_tool();
    place.run(&["seal", "Tool"]).ends(0);
    place.run(&["group", "move", "Tool", "--to", "<b>Tools & more</b>"]).ends(0);
    let ran = place.run(&["library", "hand-over", "out", "--json"]).ends(0);
    assert!(ran.err.contains("has no backup"), "{}", ran.err);
    let document = ran.json();
    assert_eq!(document["own_keys"][0]["sealed_packages"], 1);
    assert_eq!(document["never_deep_checked"], serde_json::json!([]));
    let page = std::fs::read_to_string(place.path("out/hand-over.html")).expect("the page");
    assert!(page.contains("&lt;b&gt;Tools &amp; more&lt;/b&gt;") && !page.contains("<b>Tools"), "{page}");
    for name in ["hand-over.html", "hand-over.json"] {
        let text = std::fs::read_to_string(place.path("out").join(name)).expect("a file");
        for key in
            std::fs::read_dir(place.path("keys")).expect("the keys").map(|key| key.expect("one").path())
        {
            if key.extension().is_some_and(|ending| ending == "key") {
                let secret = std::fs::read_to_string(key).expect("the secret key");
                let secret = secret.lines().last().expect("a line");
                assert!(secret.len() > 40 && !text.contains(secret), "the secret key is in {name}");
            }
        }
    }
    place.run(&["library", "hand-over", "out"]).refuses(3, "folder-not-empty");
    place.run(&["library", "hand-over", "library/out"]).refuses(3, "source-in-library");
}
