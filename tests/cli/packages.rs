//! Registering, reading, checking, and the switch.

use std::fs;

use serde_json::json;

use crate::place::Place;

#[test]
fn register_and_show_have_the_documented_shape() {
    let place = Place::new();
    place.source("7-Zip 24.09", &[("a b/ü#?.txt", b"abc"), ("z", b"")]);
    fs::create_dir(place.path("7-Zip 24.09/empty")).expect("a folder");
    let registered = place.run(&["--json", "register", "7-Zip 24.09"]).ends(0).json();
    assert_eq!(registered["empty_folders"], 1);
    let shown = place.run(&["show", "7-Zip@24.09", "--json"]).ends(0).json();
    assert_eq!(shown["name"], "7-Zip");
    assert_eq!(shown["version"], "24.09");
    assert_eq!(shown["state"], "open");
    assert_eq!(shown["revision"], 0);
    assert_eq!(shown["filed_by"], "anna");
    assert_eq!(shown["checksum_control"], true);
    assert_eq!(shown["blocked"], false);
    assert_eq!(shown["files"], 2);
    assert_eq!(shown["size_bytes"], 3);
    assert_eq!(shown["checksum"]["files"], 2);
    assert_eq!(shown["checksum"]["digest"].as_str().map(str::len), Some(64));
    assert_eq!(shown["snapshot"], json!(null));
    assert_eq!(shown["procedures"], json!([]));
    assert_eq!(place.run(&["find", "ü#?", "--json"]).ends(0).json()["files"], json!([]), "? is a wildcard");
    assert_eq!(place.run(&["find", "ü#", "--json"]).ends(0).json()["files"][0]["path"], "a b/ü#?.txt");
    assert_eq!(place.run(&["list", "--json"]).ends(0).json().as_array().map(Vec::len), Some(1));
}

#[test]
fn check_names_every_difference_and_ends_with_one() {
    let place = Place::with_tool();
    place.run(&["check", "Tool"]).ends(0);
    fs::write(place.data("new"), b"12").expect("a file");
    fs::write(place.data("data.bin"), b"short").expect("a file");
    fs::remove_file(place.data("bin/run.sh")).expect("removed");
    let report = place.run(&["check", "Tool", "--json"]).ends(1).json();
    assert_eq!(report["consistent"], false);
    assert_eq!(report["recorded"]["files"], 2);
    assert_eq!(report["found"]["files"], 2);
    assert_eq!(report["added"], json!(["new"]));
    assert_eq!(report["removed"], json!(["bin/run.sh"]));
    let resized = json!([{"path": "data.bin", "recorded_bytes": 300_000, "found_bytes": 5}]);
    assert_eq!(report["resized"], resized);
    assert_eq!(report["case_changed"], json!([]));
    assert_eq!(report["damaged"], json!([]));
    assert_eq!(place.run(&["check", "--all", "--json"]).ends(1).json()["differ"], 1);
    place.run(&["export", "Tool", "--to", "out"]).refuses(3, "consistency-differs");
    assert!(!place.path("out").exists());
}

#[test]
fn a_deep_check_names_file_and_block() {
    let place = Place::with_tool();
    let mut content = fs::read(place.data("data.bin")).expect("a file");
    content[5] ^= 1;
    fs::write(place.data("data.bin"), content).expect("a file");
    place.run(&["check", "Tool"]).ends(0);
    let report = place.run(&["check", "Tool", "--deep", "--json"]).ends(1).json();
    assert_eq!(report["damaged"], json!([{"path": "data.bin", "blocks": [0]}]));
    assert!(place.run(&["show", "Tool", "--json"]).json()["blocked"].as_bool().expect("a bool"));
}

#[test]
fn an_unanswered_question_changes_nothing_and_each_answer_does_what_it_says() {
    let place = Place::with_tool();
    place.run(&["consistency", "Tool", "off", "--reason", "trying"]).ends(0);
    fs::write(place.data("new"), b"12").expect("a file");
    let before = place.run(&["history", "--json"]).ends(0).json();
    let asked = place.run(&["consistency", "Tool", "on"]).refuses(3, "consistency-question");
    assert!(asked.err.contains("+ new"), "{}", asked.err);
    assert_eq!(place.run(&["history", "--json"]).ends(0).json(), before);
    assert_eq!(place.run(&["show", "Tool", "--json"]).json()["checksum_control"], false);

    let kept = place.run(&["consistency", "Tool", "on", "--keep-blocked", "--json"]).ends(0).json();
    assert_eq!(kept["blocked"], true);
    place.run(&["consistency", "Tool", "on", "--accept"]).refuses(2, "no-reason");
    let other = "0".repeat(64);
    let accept = ["consistency", "Tool", "on", "--accept", "--reason", "looked at it"];
    place.run(&[&accept[..], &["--expect", &other]].concat()).refuses(3, "changed-again");
    let state = place.run(&["check", "Tool", "--json"]).ends(1).json()["state_digest"].clone();
    let state = state.as_str().expect("a digest").to_owned();
    place.run(&[&accept[..], &["--expect", &state]].concat()).ends(0);
    let shown = place.run(&["show", "Tool", "--json"]).json();
    assert_eq!((&shown["blocked"], &shown["files"]), (&json!(false), &json!(3)));
}

#[test]
fn what_is_found_can_be_written_as_a_table() {
    let place = Place::with_tool();
    let ran = place.run(&["find", ".", "--limit", "1", "--count"]).ends(0);
    assert!(
        ran.err.contains("these are the first 1;") && ran.err.contains("2 files in 1 package"),
        "{}",
        ran.err
    );
    let counted = place.run(&["find", ".", "--limit", "1", "--count", "--json"]).ends(0).json();
    assert_eq!(counted["total"], json!({"files": 2, "packages": 1}));
    let wrote = place.run(&["find", "*.bin", "--csv", "found.csv", "--json"]).ends(0).json();
    assert_eq!(wrote, json!({"files": 1, "file": "found.csv"}));
    let text = fs::read_to_string(place.path("found.csv")).expect("the table");
    assert!(
        text.lines().nth(1).is_some_and(|line| line.starts_with("Tool,1.0,Open,data.bin,300000,")),
        "{text}"
    );
    place.run(&["find", "*.bin", "--csv", "found.csv"]).refuses(4, "io");
    let present = place.run(&["find", "*.bin", "--no-archived", "--json"]).ends(0).json();
    assert_eq!(present["files"].as_array().map(Vec::len), Some(1));
}

#[test]
fn history_is_filtered_by_event_person_day_and_text() {
    let place = Place::with_tool();
    place.run(&["consistency", "Tool", "off", "--reason", "a trial"]).ends(0);
    let count = |more: &[&str]| {
        let ran = place.run(&[&["history", "--json"], more].concat()).ends(0);
        ran.json().as_array().map(Vec::len)
    };
    assert_eq!(count(&[]), Some(3));
    assert_eq!(count(&["--event", "control-off,registered"]), Some(2));
    assert_eq!(count(&["--text", "TRIAL"]), Some(1));
    assert_eq!(count(&["--who", "somebody else"]), Some(0));
    assert_eq!(count(&["--newest", "1", "--event", "registered"]), Some(1));
    let today = jiff::Zoned::now().date().to_string();
    assert_eq!(count(&["--from", &today, "--until", &today]), Some(3), "a day counts to its end");
    assert_eq!(count(&["--until", "2020-01-01"]), Some(0));
    let refused = place.run(&["history", "--event", "exploded"]).refuses(2, "usage");
    assert!(refused.err.contains("control-off"), "{}", refused.err);
    place.run(&["history", "--verify", "--who", "anna"]).ends(2);
}

#[cfg(unix)]
#[test]
fn names_that_cannot_travel_are_renamed_or_left_out() {
    let place = Place::new();
    place.source("Tool 1.0", &[("tool", b"x"), ("line\nbreak", b"yy"), ("end ", b"z")]);
    place.run(&["register", "Tool 1.0"]).refuses(3, "source-refused");
    place.run(&["register", "Tool 1.0", "--rename", "no equals sign"]).ends(2);
    let registered = place.run(&[
        "register",
        "Tool 1.0",
        "--rename",
        "line\nbreak=docs/line break",
        "--leave-out",
        "end ",
        "--json",
    ]);
    assert_eq!(registered.ends(0).json()["files"], 2);
    assert_eq!(
        place.run(&["find", "line break", "--json"]).ends(0).json()["files"][0]["path"],
        "docs/line break"
    );
}
