//! `check` of one package and of all, and the documented form of its JSON document.

use std::fs;

use serde_json::{Value, json};

use crate::place::Place;

/// Three packages: `A 1` as recorded, `B 1` with one file too many, `C 1` with a byte changed in place.
fn three() -> Place {
    let place = Place::new();
    for name in ["A 1", "B 1", "C 1"] {
        place.source(name, &[("data.bin", &[7; 1000]), ("read.me", b"words")]);
        place.run(&["register", name]).ends(0);
    }
    fs::write(place.path("library/packages/B/1/data/new"), b"12").expect("a file");
    let file = place.path("library/packages/C/1/data/data.bin");
    let mut content = fs::read(&file).expect("a file");
    content[5] ^= 1;
    fs::write(file, content).expect("a file");
    place
}

fn names(document: &Value) -> Vec<&str> {
    let packages = document["packages"].as_array().expect("packages");
    packages.iter().map(|package| package["name"].as_str().expect("a name")).collect()
}

/// What a document says of a package.
fn package<'d>(document: &'d Value, name: &str) -> &'d Value {
    let packages = document["packages"].as_array().expect("packages");
    packages.iter().find(|package| package["name"] == name).expect("it was checked")
}

#[test]
fn every_package_is_checked_and_counted() {
    let place = three();
    let quick = place.run(&["check", "--all", "--json"]).ends(1).json();
    let counts = |document: &Value| {
        ["checked", "consistent", "differ", "failed"].map(|name| document[name].as_u64().expect("a number"))
    };
    assert_eq!(counts(&quick), [3, 2, 1, 0]);
    assert_eq!(names(&quick), ["A", "B", "C"]);
    assert_eq!(quick["packages"][1]["added"], json!(["new"]));
    let deep = place.run(&["check", "--all", "--deep", "--json"]).ends(1).json();
    assert_eq!(counts(&deep), [3, 1, 2, 0]);
    assert_eq!(package(&deep, "C")["files"], json!([{"path": "data.bin", "what": "other content, block 0"}]));
    assert_eq!(package(&deep, "C")["consistent"], false);
    assert_eq!(package(&deep, "A")["consistent"], true);
    let text = place.run(&["check", "--all", "--deep"]).ends(1).out;
    assert!(text.contains("B@1: not repairable") && text.contains("  new: added"), "{text}");
    assert!(text.contains("  data.bin: other content, block 0"), "{text}");
    assert!(text.contains("3 packages checked") && text.contains("1 whole; 2 not repairable"), "{text}");
}

#[test]
fn only_the_damaged_or_the_long_unchecked_are_looked_at_where_asked() {
    let place = three();
    let registered = jiff::Timestamp::now().to_string();
    place.run(&["check", "--all", "--not-since", "soon"]).refuses(2, "usage");
    place.run(&["check", "--damaged-only"]).ends(2);
    let all = place.run(&["check", "--all", "--not-since", "2020-01-01", "--json"]).ends(1).json();
    assert_eq!(names(&all), ["A", "B", "C"], "never checked is not checked since");
    let damaged = place.run(&["check", "--all", "--damaged-only", "--json"]).ends(1).json();
    assert_eq!(names(&damaged), ["B"]);
    let none = place.run(&["check", "--all", "--not-since", "2020-01-01", "--json"]).ends(0).json();
    assert_eq!(none["checked"], 0, "all were checked after that day");
    let again =
        place.run(&["check", "--all", "--not-since", "2999-12-31T00:00:00Z", "--json"]).ends(1).json();
    assert_eq!(again["checked"], 3);
    let deep = ["check", "--all", "--deep", "--not-since", "2020-01-01", "--json"];
    assert_eq!(place.run(&deep).ends(0).json()["checked"], 0, "registering has read every byte");
    let deep = ["check", "--all", "--deep", "--not-since", &registered, "--json"];
    assert_eq!(names(&place.run(&deep).ends(1).json()), ["A", "B", "C"], "a quick check is no deep one");
    fs::remove_file(place.path("library/packages/B/1/data/new")).expect("removed");
    let damaged = place.run(&["check", "--all", "--deep", "--damaged-only", "--json"]).ends(1).json();
    assert_eq!(names(&damaged), ["B", "C"]);
    assert_eq!(package(&damaged, "B")["consistent"], true, "B is right again");
}

#[test]
fn the_document_of_a_check_has_the_documented_form() {
    let place = Place::with_tool();
    let agreed = place.run(&["check", "Tool", "--json"]).ends(0).json();
    assert_eq!(agreed["consistent"], true);
    assert_eq!(agreed["recorded"], agreed["found"]);
    for part in ["recorded", "found"] {
        let checksum = agreed[part].as_object().expect("a checksum");
        assert_eq!(
            checksum.keys().map(String::as_str).collect::<Vec<_>>(),
            ["digest", "files", "size_bytes"]
        );
        let digest = checksum["digest"].as_str().expect("a digest");
        assert!(digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()));
    }
    for part in ["added", "removed", "resized", "case_changed", "damaged"] {
        assert_eq!(agreed[part], json!([]), "{part}");
    }
    fs::rename(place.data("bin/run.sh"), place.data("bin/Run.sh")).expect("renamed");
    let mut content = fs::read(place.data("data.bin")).expect("a file");
    content[5] ^= 1;
    fs::write(place.data("data.bin"), content).expect("a file");
    let found = place.run(&["check", "Tool", "--deep", "--json"]).ends(1).json();
    assert_eq!(found["case_changed"], json!([{"recorded": "bin/run.sh", "found": "bin/Run.sh"}]));
    assert_eq!(found["damaged"], json!([{"path": "data.bin", "blocks": [0]}]));
    assert_eq!((&found["added"], &found["removed"]), (&json!([]), &json!([])));
}

#[test]
fn the_document_of_a_package_has_the_documented_form() {
    let place = Place::with_tool();
    place
        .run(&["procedure", "Tool", "add", "Set up", "--task", "install", "--program", "bin/run.sh"])
        .ends(0);
    place.run(&["seal", "Tool"]).ends(0);
    let shown = place.run(&["show", "Tool", "--json"]).ends(0).json();
    for (field, value) in [
        ("name", json!("Tool")),
        ("version", json!("1.0")),
        ("state", json!("sealed")),
        ("revision", json!(1)),
        ("filed_by", json!("anna")),
        ("checksum_control", json!(true)),
        ("blocked", json!(false)),
        ("files", json!(2)),
        ("size_bytes", json!(300_010)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    for field in ["id", "registered"] {
        assert!(shown[field].is_string(), "{field}");
    }
    assert_eq!((&shown["checksum"]["files"], &shown["checksum"]["size_bytes"]), (&json!(2), &json!(300_010)));
    let snapshot = shown["snapshot"].as_object().expect("a sealed package has one");
    assert_eq!(
        snapshot.keys().map(String::as_str).collect::<Vec<_>>(),
        ["block_size_bytes", "blocks", "digest"]
    );
    assert_eq!((&snapshot["block_size_bytes"], &snapshot["blocks"]), (&json!(2 << 20), &json!(2)));
    assert_eq!(shown["procedures"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_package_whose_folder_is_missing_says_so_and_offers_nothing_to_accept() {
    let place = Place::with_tool();
    let folder = place.path("library/packages/Tool/1.0");
    fs::rename(&folder, place.path("elsewhere")).expect("renamed");
    for kind in [&["check", "Tool"][..], &["check", "Tool", "--deep"]] {
        let told = place.run(kind).ends(1).out;
        let first = format!("Tool@1.0: its folder is missing\n  {}\n", folder.display());
        assert!(told.starts_with(&first), "{told}");
        assert!(told.contains("  Put it back from a backup\n"), "it was never sealed: {told}");
        assert!(told.contains("packhouse-cli remove Tool@1.0"), "{told}");
        assert!(!told.contains("state"), "there is no state that could be accepted: {told}");
    }
    let all = place.run(&["check", "--all"]).ends(1).out;
    assert!(all.contains("Tool@1.0: its folder is missing"), "{all}");
    let document = place.run(&["check", "Tool", "--json"]).ends(1).json();
    assert_eq!((&document["finding"], &document["state_digest"]), (&json!("missing"), &Value::Null));
    let refused = place.run(&["export", "Tool", "--to", "out"]).ends(3).err;
    assert!(refused.contains("packhouse-cli check Tool@1.0 says what can be done"), "{refused}");
    assert!(!refused.contains("--accept"), "{refused}");
    place.run(&["consistency", "Tool", "off"]).ends(0);
    let asked = place.run(&["consistency", "Tool", "on"]).refuses(3, "consistency-question").err;
    assert!(asked.contains("its folder is missing") && !asked.contains("no differences"), "{asked}");

    fs::remove_dir_all(&folder).ok();
    fs::rename(place.path("elsewhere"), &folder).expect("renamed");
    place.run(&["seal", "Tool"]).ends(0);
    fs::rename(&folder, place.path("elsewhere")).expect("renamed");
    let told = place.run(&["check", "Tool"]).ends(1).out;
    assert!(told.contains("packhouse-cli repair Tool@1.0 --from ADDRESS"), "{told}");
    place.run(&["repair", "Tool", "--from", "elsewhere"]).ends(0);
    place.run(&["check", "Tool", "--deep"]).ends(0);
}
