//! Several programs at once, interruption, and the watched folder.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::place::Place;

pub(crate) fn start(place: &Place, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_packhouse-cli"))
        .args(arguments)
        .current_dir(place.path(""))
        .env("PACKHOUSE_LIBRARY", place.path("library"))
        .env("PACKHOUSE_KEYS", place.path("keys"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

pub(crate) fn interrupt(child: &Child) {
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("the signal is sent");
}

#[test]
fn of_two_that_register_the_same_at_once_one_is_refused() {
    let place = Place::new();
    place.source("Tool 1.0", &[("a", &[1; 500_000])]);
    let mut both = [start(&place, &["register", "Tool 1.0"]), start(&place, &["register", "Tool 1.0"])];
    let mut codes: Vec<_> = both.iter_mut().map(|c| c.wait().expect("it ends").code()).collect();
    codes.sort();
    assert_eq!(codes, [Some(0), Some(3)]);
    place.run(&["check", "Tool", "--deep"]).ends(0);
}

#[test]
fn several_that_open_a_new_library_at_once_all_get_it() {
    for _ in 0..8 {
        let place = Place::new();
        let names = ["A 1", "B 1", "C 1", "D 1", "E 1"];
        names.iter().for_each(|name| drop(place.source(name, &[("a", name.as_bytes())])));
        let mut all = names.map(|name| start(&place, &["register", name]));
        let codes: Vec<_> = all.iter_mut().map(|child| child.wait().expect("it ends").code()).collect();
        assert_eq!(codes, [Some(0); 5]);
        assert_eq!(place.run(&["list", "--json"]).ends(0).json().as_array().map(Vec::len), Some(5));
    }
}

#[test]
fn a_watched_folder_is_registered_once_it_rests_and_an_interrupt_ends_it() {
    let place = Place::new();
    place.source("drop/7-Zip 24.09", &[("a.txt", b"abc")]);
    let mut child = start(&place, &["--json", "auto-register", "drop", "--watch"]);
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut next = || -> serde_json::Value {
        serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("one object a line")
    };
    assert_eq!(next()["event"], "watching");
    let registered = next();
    assert_eq!(registered["event"], "registered", "{registered}");
    assert_eq!((&registered["name"], &registered["filed_by"]), (&"7-Zip".into(), &"System".into()));
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn an_interrupted_registration_leaves_nothing() {
    let place = Place::new();
    place.run(&["list"]).ends(0);
    fs::create_dir(place.path("Big 1.0")).expect("a folder");
    for number in 0..8 {
        // Holes cost no disk in the source, but every byte is hashed.
        let file = fs::File::create(place.path(&format!("Big 1.0/{number}"))).expect("a file");
        file.set_len(1 << 29).expect("a size");
    }
    let mut child = start(&place, &["register", "Big 1.0"]);
    let incoming = place.path("library/.incoming");
    while fs::read_dir(&incoming).expect("the folder").next().is_none() {
        assert!(child.try_wait().expect("its state").is_none(), "it ended before it could be interrupted");
        std::thread::yield_now();
    }
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(fs::read_dir(&incoming).expect("the folder").next().is_none());
    assert_eq!(place.run(&["list", "--json"]).ends(0).json(), serde_json::json!([]));
}
