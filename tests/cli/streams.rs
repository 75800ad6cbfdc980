//! What goes where: the log, standard output, standard error, exported History.

use std::fs;

use crate::place::Place;

#[test]
fn the_log_says_what_was_done_and_keeps_secrets() {
    const WORDS: &str = "four words of mine";
    let place = Place::new();
    place.source("Tool 1.0", &[("a", b"1")]);
    fs::write(place.path("words"), format!("{WORDS}\n")).expect("a file");
    let logged = |arguments: &[&str]| place.run(&[&["--verbose", "--log", "work.log"], arguments].concat());
    logged(&["register", "Tool 1.0", "--seal"]).ends(0);
    logged(&["archive", "Tool", "--to", "shelf"]).ends(0);
    logged(&["show", "Other"]).ends(2);
    let key = place.run(&["key", "list", "--json"]).ends(0).json()[0]["name"].clone();
    let key = key.as_str().expect("a name").to_owned();
    logged(&["key", "export", &key, "backup.key", "--passphrase-file", "words"]).ends(0);
    let log = fs::read_to_string(place.path("work.log")).expect("the log");
    for part in ["Registering", "Sealing", "Archiving", "not-found", "Writing a backup"] {
        assert!(log.contains(part), "{part:?} is not in:\n{log}");
    }
    assert!(!log.contains('\u{1b}'), "{log}");
    let mut secrets = vec![WORDS.to_owned()];
    let files =
        fs::read_dir(place.path("keys")).expect("the keys").map(|entry| entry.expect("an entry").path());
    for file in files.filter(|path| path.extension().is_some_and(|ending| ending == "key")) {
        let text = fs::read_to_string(file).expect("a key");
        secrets.extend(text.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    assert!(secrets.len() > 1, "the key was found");
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "a secret is in the log");
    }
    let quiet = fs::metadata(place.path("work.log")).expect("the log").len();
    place.run(&["--log", "work.log", "show", "Other"]).refuses(2, "not-found");
    assert!(
        fs::metadata(place.path("work.log")).expect("the log").len() > quiet,
        "failures are always logged"
    );
    place.run(&["--log", "no/such/folder.log", "list"]).refuses(4, "log");
    let told = place.run(&["--verbose", "show", "Other"]).ends(2);
    assert!(told.err.contains("not-found") && told.err.contains("INFO"), "{}", told.err);
}

#[test]
fn quiet_prints_errors_and_json_only() {
    let place = Place::new();
    place.source("Tool 1.0", &[("a", b"1")]);
    let silent = |arguments: &[&str], code: i32| {
        let ran = place.run(&[&["--quiet"], arguments].concat()).ends(code);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""), "{arguments:?}");
    };
    silent(&["register", "Tool 1.0", "--seal"], 0);
    silent(&["list"], 0);
    silent(&["find", "nothing of this name"], 0);
    silent(&["check", "--all"], 0);
    fs::write(place.data("new"), b"2").expect("a file");
    silent(&["check", "Tool"], 1);
    assert_eq!(place.run(&["-q", "list", "--json"]).ends(0).json().as_array().map(Vec::len), Some(1));
    place.run(&["-q", "show", "Other"]).refuses(2, "not-found");
}

#[test]
fn history_is_exported_and_its_chain_followed() {
    let place = Place::with_tool();
    place.run(&["consistency", "Tool", "off", "--reason", "a \"quoted\", odd reason"]).ends(0);
    place.run(&["history", "--format", "csv"]).ends(2);
    place.run(&["history", "--to", "out.csv"]).ends(2);
    place.run(&["history", "Tool", "--verify"]).refuses(2, "usage");
    let written = place.run(&["history", "--format", "csv", "--to", "out.csv", "--json"]).ends(0).json();
    let shown = place.run(&["history", "--json"]).ends(0).json();
    let entries = shown.as_array().expect("entries").len();
    assert_eq!(written["entries"], entries);
    let csv = fs::read_to_string(place.path("out.csv")).expect("the file");
    assert_eq!(csv.lines().count(), entries + 1, "a heading and a line for each");
    assert!(csv.contains("\"a \"\"quoted\"\", odd reason\""), "{csv}");
    place.run(&["history", "--format", "csv", "--to", "out.csv"]).ends(4);
    assert_eq!(fs::read_to_string(place.path("out.csv")).expect("the file"), csv, "it was not written over");
    place.run(&["history", "Tool", "--format", "json", "--to", "out.json"]).ends(0);
    let text = fs::read_to_string(place.path("out.json")).expect("the file");
    let exported: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(exported["entries"], place.run(&["history", "Tool", "--json"]).ends(0).json());
    assert_eq!(exported["chain"], "verified");
    let chain = place.run(&["history", "--verify", "--json"]).ends(0).json();
    assert_eq!((&chain["chain"], &chain["entries"]), (&"verified".into(), &entries.into()));
}
