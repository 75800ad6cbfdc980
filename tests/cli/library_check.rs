//! `check --all --deep`: interrupted, gone on with, begun anew, limited.

use std::fs;

use packhouse::session::{Actor, LibraryCheck, OpenOptions, ReadLibraryCheck, Session};
use packhouse::work::Work;

use crate::place::Place;
use crate::processes::{interrupt, start};

fn session(place: &Place) -> Session {
    Session::open(OpenOptions {
        root: place.path("library"),
        create: false,
        read_only: true,
        actor: Actor {
            who: "tester".to_owned(),
            host: "bench".to_owned(),
            how: "test".to_owned(),
            time_zone: jiff::tz::TimeZone::UTC,
        },
        keys: place.path("keys"),
        share: packhouse::session::ShareOptions::default(),
    })
    .expect("the library opens")
}

fn kept(session: &Session) -> Option<LibraryCheck> {
    session.run(ReadLibraryCheck {}, &Work::new()).expect("it can be read")
}

#[test]
fn an_interrupted_check_is_kept_and_the_same_command_goes_on() {
    let place = Place::new();
    for number in 0..3 {
        place.source(&format!("Tool{number} 1.0"), &[("a", &vec![number; 3 << 20])]);
        place.run(&["register", &format!("Tool{number} 1.0")]).ends(0);
    }
    let mut child = start(&place, &["check", "--all", "--deep", "--limit", "6M"]);
    let session = session(&place);
    while kept(&session).is_none_or(|check| check.done.is_empty()) {
        assert!(child.try_wait().expect("its state").is_none(), "it ended before it could be interrupted");
        std::thread::yield_now();
    }
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let state = kept(&session).expect("it is kept");
    assert!(state.ended.is_none() && state.left_packages > 0, "{state:?}");

    place.run(&["check", "--all", "--deep", "--damaged-only"]).refuses(3, "check-unfinished");
    let went_on = place.run(&["check", "--all", "--deep", "--json"]).ends(0);
    assert!(went_on.err.contains("going on with the check of"), "{}", went_on.err);
    let document = went_on.json();
    assert_eq!(document["checked"], 3);
    assert_eq!(document["begun"], serde_json::json!(state.begun));
    assert_eq!(document["differ"], 0);

    let anew = place.run(&["check", "--all", "--deep", "--json", "--restart"]).ends(0).json();
    assert_ne!(anew["begun"], document["begun"]);
    place.run(&["check", "--all", "--limit", "1M"]).ends(2);
    place.run(&["check", "--all", "--deep", "--limit", "fast"]).refuses(2, "usage");
}

#[test]
fn what_is_damaged_is_told_by_file_and_ends_with_one() {
    let place = Place::with_tool();
    fs::write(place.data("data.bin"), vec![8; 300_000]).expect("a file");
    let ran = place.run(&["check", "--all", "--deep"]).ends(1);
    let told = "Tool@1.0: not repairable: it has never been sealed\n  data.bin: other content, block 0";
    assert!(ran.out.contains(told), "{}", ran.out);
    let found = place.run(&["check", "--all", "--deep", "--damaged-only", "--json"]).ends(1).json();
    assert_eq!(found["packages"][0]["group"], "not_repairable");
    assert_eq!(found["packages"][0]["files"][0]["path"], "data.bin");
    fs::write(place.data("data.bin"), vec![7; 300_000]).expect("a file");
    place.run(&["check", "--all", "--deep", "--damaged-only"]).ends(0);
    let none = place.run(&["check", "--all", "--deep", "--damaged-only", "--json"]).ends(0).json();
    assert_eq!(none["checked"], 0);
}
