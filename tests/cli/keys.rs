//! Keys, procedures, and the chain of History.

use std::fs;

use crate::place::Place;

#[test]
fn a_key_goes_through_its_backup_to_another_user() {
    let place = Place::new();
    fs::write(place.path("words"), "correct horse\n").expect("a file");
    let made = place.run(&["key", "create", "Packaging Berlin", "--json"]).ends(0).json();
    let export = ["key", "export", "Packaging Berlin", "backup.key"];
    fs::write(place.path("short"), "words\n").expect("a file");
    place.run(&[&export[..], &["--passphrase-file", "short"]].concat()).refuses(4, "passphrase-file");
    assert!(!place.path("backup.key").exists());
    place.run(&export).refuses(3, "no-passphrase");
    place.run(&[&export[..], &["--passphrase-file", "words"]].concat()).ends(0);
    let shown = place.run(&["key", "show", "packaging berlin"]).ends(0);
    let public = made["public"].as_str().expect("a key");
    assert!(shown.out.lines().any(|line| line == public), "{}", shown.out);

    let other = Place::new();
    let (backup, words) = (place.path("backup.key"), place.path("words"));
    let (backup, words) = (backup.display().to_string(), words.display().to_string());
    fs::write(other.path("wrong"), "wrong\n").expect("a file");
    let import = ["key", "import", &backup, "--name", "Berlin", "--passphrase-file"];
    other.run(&[&import[..], &["wrong"]].concat()).refuses(3, "wrong-passphrase");
    let imported = other.run(&[&import[..], &[&words, "--json"]].concat()).ends(0).json();
    assert_eq!((&imported["key_id"], &imported["own"]), (&made["key_id"], &true.into()));
    other.run(&["key", "retire", "Berlin"]).ends(0);
    assert_eq!(other.run(&["key", "list", "--json"]).ends(0).json()[0]["retired"], true);
}

#[test]
fn a_procedure_is_kept_as_it_was_typed() {
    let place = Place::with_tool();
    let add = ["procedure", "Tool", "add", "Set up", "--task", "install", "--program"];
    place.run(&[&add[..], &["no/such"]].concat()).refuses(2, "bad-procedure");
    let more = [
        "bin/run.sh",
        "--arg",
        "-q",
        "--arg",
        "two words",
        "--runs-on",
        "windows,linux",
        "--time-limit",
        "30m",
        "--exit-code",
        "3010=ok-restart",
        "--exit-code",
        "1618=try-again:10",
        "--env",
        "A=b=c",
        "--json",
    ];
    place.run(&[&add[..], &more].concat()).ends(0);
    let listed = place.run(&["procedure", "Tool", "list", "--json"]).ends(0).json();
    let procedure = &listed[0];
    assert_eq!(procedure["arguments"], serde_json::json!(["-q", "two words"]));
    assert_eq!(procedure["time_limit_secs"], 1800);
    assert_eq!(procedure["environment"]["A"], "b=c");
    assert_eq!(procedure["choice"]["default_for_task"], true, "the first of its task");
    place.run(&["procedure", "Tool", "remove", "Set up"]).ends(0);
    place.run(&["procedure", "Tool", "remove", "Set up"]).refuses(2, "no-such-procedure");
}

#[test]
fn a_changed_entry_of_history_is_found() {
    let place = Place::with_tool();
    place.run(&["history", "--verify"]).ends(0);
    let catalogue = rusqlite::Connection::open(place.path("library/catalog.db")).expect("the database");
    catalogue
        .execute("UPDATE history SET line = replace(line, 'anna', 'john') WHERE number = 1", [])
        .expect("changed");
    drop(catalogue);
    let broken = place.run(&["history", "--verify", "--json"]).ends(1).json();
    assert_eq!((&broken["chain"], &broken["number"]), (&"broken".into(), &2.into()));
}
