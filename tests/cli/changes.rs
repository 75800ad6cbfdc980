//! What changes a package through the library: update, unseal, new version, groups, procedures.

use std::fs;

use serde_json::json;

use crate::place::{Place, tree};

#[test]
fn files_are_added_replaced_and_removed() {
    let place = Place::with_tool();
    place.source("more", &[("one", b"1"), ("deep/two", b"22")]);
    fs::write(place.path("a=b.txt"), b"odd name").expect("a file");
    let update = place
        .run(&[
            "update",
            "Tool",
            "--json",
            "--add",
            "more",
            "--add",
            "more/one=bin/run.sh",
            "--add",
            "a=b.txt",
            "--remove",
            "data.bin",
        ])
        .ends(0)
        .json();
    assert_eq!(
        (&update["added"], &update["replaced"], &update["removed"]),
        (&json!(3), &json!(1), &json!(1))
    );
    let paths: Vec<_> =
        tree(&place.data("")).into_iter().map(|(path, ..)| path.display().to_string()).collect();
    assert_eq!(paths, ["a=b.txt", "bin/run.sh", "more/deep/two", "more/one"]);
    assert_eq!(fs::read(place.data("bin/run.sh")).expect("a file"), b"1");
    place.run(&["check", "Tool", "--deep"]).ends(0);
    place.run(&["update", "Tool", "--rename", "more=less"]).ends(0);
    assert!(place.data("less/deep/two").exists());

    place.run(&["update", "Tool"]).refuses(2, "usage");
    place.run(&["update", "Tool", "--rename", "less"]).refuses(2, "usage");
    place.run(&["update", "Tool", "--remove", "no/such"]).refuses(2, "no-such-file");
    place.run(&["update", "Tool", "--add", "no-such"]).refuses(4, "source-missing");
    place.run(&["update", "Tool", "--add", "more/one=../out"]).ends(3);
    assert!(!place.path("library/packages/Tool/1.0/out").exists());
    place.run(&["seal", "Tool"]).ends(0);
    place.run(&["update", "Tool", "--remove", "a=b.txt"]).refuses(3, "wrong-state");
    place.run(&["check", "Tool", "--deep"]).ends(0);
}

#[test]
fn a_seal_comes_off_and_goes_on_again_as_the_next_revision() {
    let place = Place::with_tool();
    place.run(&["unseal", "Tool"]).refuses(3, "wrong-state");
    place.run(&["seal", "Tool"]).ends(0);
    let open = place.run(&["unseal", "Tool", "--json"]).ends(0).json();
    assert_eq!(open["state"], "open");
    assert!(!place.path("library/packages/Tool/1.0/reginfo.json.minisig").exists());
    assert_eq!(place.run(&["seal", "Tool", "--json"]).ends(0).json()["revision"], 2);
}

#[test]
fn a_new_version_is_an_open_copy() {
    let place = Place::with_tool();
    place.run(&["seal", "Tool"]).ends(0);
    let new = place.run(&["new-version", "Tool", "2.0", "--json"]).ends(0).json();
    assert_eq!((&new["state"], &new["based_on"]), (&json!("open"), &json!("Tool@1.0")));
    assert_eq!(tree(&place.path("library/packages/Tool/2.0/data")), tree(&place.data("")));
    place.run(&["new-version", "Tool@1.0", "2.0"]).refuses(3, "package-exists");
    let ambiguous = place.run(&["show", "Tool"]).refuses(2, "ambiguous");
    assert!(ambiguous.err.contains("Tool@1.0") && ambiguous.err.contains("Tool@2.0"), "{}", ambiguous.err);
    place.run(&["new-version", "Tool@1.0", "a/b"]).refuses(2, "bad-name");
}

#[test]
fn groups_are_made_filled_and_taken_away() {
    let place = Place::with_tool();
    place.run(&["group", "add", "Office"]).ends(0);
    place.run(&["group", "set", "Tool", "Office"]).ends(0);
    assert_eq!(place.run(&["group", "list", "--json"]).ends(0).json(), json!(["Office"]));
    assert_eq!(place.run(&["show", "Tool", "--json"]).ends(0).json()["group"], "Office");
    place.run(&["group", "set", "Tool", ""]).ends(0);
    assert_eq!(place.run(&["show", "Tool", "--json"]).ends(0).json()["group"], "");
    place.run(&["group", "set", "Tool", "Tools"]).ends(0);
    place.run(&["group", "remove", "Tools"]).ends(0);
    assert_eq!(place.run(&["show", "Tool", "--json"]).ends(0).json()["group"], "");
    place.run(&["group", "remove", "Tools"]).refuses(2, "no-such-group");
    place.run(&["group", "set", "Nothing", "Office"]).refuses(2, "not-found");
}

#[test]
fn a_procedure_is_changed_and_made_the_default_and_a_seal_keeps_its_own() {
    let place = Place::with_tool();
    let add = |name: &str| {
        place.run(&["procedure", "Tool", "add", name, "--task", "install", "--program", "bin/run.sh"])
    };
    add("First").ends(0);
    add("Second").ends(0);
    place
        .run(&["procedure", "Tool", "edit", "first", "--arg", "-q", "--time-limit", "2h", "--no-offer"])
        .ends(0);
    place.run(&["procedure", "Tool", "default", "Second"]).ends(0);
    let listed = place.run(&["procedure", "Tool", "list", "--json"]).ends(0).json();
    assert_eq!((&listed[0]["arguments"], &listed[0]["time_limit_secs"]), (&json!(["-q"]), &json!(7200)));
    assert_eq!(listed[0]["choice"]["offered"], false);
    assert_eq!(listed[0]["choice"]["default_for_task"], false);
    assert_eq!(listed[1]["choice"]["default_for_task"], true);
    let unknown = place.run(&["procedure", "Tool", "default", "Third"]).refuses(2, "no-such-procedure");
    assert!(unknown.err.contains("packhouse-cli procedure Tool@1.0 list"), "{}", unknown.err);

    // Windows has larger exit codes than the others.
    let with = |on: &str| {
        let words = ["procedure", "Tool", "edit", "First", "--exit-code", "3010=ok-restart", "--runs-on", on];
        place.run(&words)
    };
    let refused = with("Linux,macos").refuses(2, "bad-procedure");
    assert!(refused.err.contains("3010 on Linux, macos: exit codes are 0 to 255 there"), "{}", refused.err);
    assert!(!with("linux,windows").ends(0).err.contains("note"));
    let any = ["procedure", "Tool", "add", "Any", "--task", "install", "--program", "bin/run.sh"];
    let noted = place.run(&[&any[..], &["--exit-code", "3010=ok", "--exit-code", "-1=ok"]].concat()).ends(0);
    assert!(noted.err.contains("note: only Windows has exit codes outside 0 to 255"), "{}", noted.err);
    assert!(noted.err.contains("ends with -1, 3010"), "{}", noted.err);
    place.run(&["procedure", "Tool", "remove", "Any"]).ends(0);

    place.run(&["seal", "Tool"]).ends(0);
    place.run(&["procedure", "Tool", "remove", "First"]).refuses(3, "procedure-sealed");
    let added = add("Third").ends(0);
    assert!(added.out.contains("signed again as revision 2"), "{}", added.out);
    place.run(&["verify", "library/packages/Tool/1.0"]).ends(0);
    place.run(&["procedure", "Tool", "remove", "Third"]).ends(0);
}
