//! What is refused, with which code, and that nothing is left behind.

use std::fs;
use std::os::unix::fs::symlink;

use crate::place::Place;

#[test]
fn every_link_is_listed_at_once() {
    let place = Place::new();
    let source = place.source("Tool 1.0", &[("a", b"1")]);
    for name in ["one", "two"] {
        symlink("a", source.join(name)).expect("a link");
    }
    let refused = place.run(&["register", "Tool 1.0"]).refuses(3, "source-refused");
    assert!(refused.err.contains("  one: ") && refused.err.contains("  two: "), "{}", refused.err);
    place.run(&["register", "Tool 1.0", "--links", "skip"]).ends(0);
}

#[test]
fn each_mistake_has_its_exit_code() {
    let place = Place::with_tool();
    place.run(&["register", "Tool 1.0"]).refuses(3, "package-exists");
    place.run(&["register", "nowhere"]).refuses(4, "source-missing");
    fs::create_dir(place.path("Empty 1")).expect("a folder");
    place.run(&["register", "Empty 1"]).refuses(3, "source-empty");
    place.run(&["show", "Other"]).refuses(2, "not-found");
    place.run(&["archive", "Tool", "--to", "shelf"]).refuses(3, "wrong-state");
    assert!(!place.path("shelf").exists(), "a refused archive leaves nothing");
    place.run(&["seal", "Tool", "--block-size", "3M"]).refuses(2, "usage");
    place.run(&["no-such-command"]).ends(2);
    place.run(&["--help"]).ends(0);
    let incoming = fs::read_dir(place.path("library/.incoming")).map_or(0, Iterator::count);
    assert_eq!(incoming, 0);
}
