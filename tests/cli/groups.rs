//! `group`: made, renamed, filled, removed.

use serde_json::json;

use crate::place::Place;

#[test]
fn groups_are_made_filled_renamed_and_removed() {
    let place = Place::with_tool();
    place.source("Other 2.0", &[("a", b"a")]);
    place.run(&["register", "Other 2.0"]).ends(0);
    place.run(&["group", "add", "Browsers"]).ends(0);
    let moved =
        place.run(&["group", "move", "Tool", "Other@2.0", "--to", "browsers", "--json"]).ends(0).json();
    assert_eq!(moved["packages"], json!(["Other@2.0", "Tool@1.0"]));
    let renamed = place.run(&["group", "rename", "Browsers", "Web", "--json"]).ends(0).json();
    assert_eq!(renamed, json!({"group": "Web", "packages": ["Other@2.0", "Tool@1.0"]}));
    assert_eq!(place.run(&["group", "list", "--json"]).ends(0).json(), json!(["Web"]));
    place.run(&["group", "move", "Tool", "--to", ""]).ends(0);
    let left = place.run(&["group", "remove", "Web", "--json"]).ends(0).json();
    assert_eq!(left["packages"], json!(["Other@2.0"]));
    place.run(&["group", "rename", "Web", "X"]).refuses(2, "no-such-group");
    place.run(&["group", "move", "Nothing", "--to", "X"]).refuses(2, "not-found");
    assert_eq!(place.run(&["group", "list", "--json"]).ends(0).json(), json!([]));
}
