//! The consistency check moment by moment: when the checksum is recorded, when it is verified, what counts.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use packhouse::package::record::PackageRecord;
use packhouse::package::{CheckKind, Finding, HistoryEvent, PackageState};
use packhouse::session::{
    Accept, AcceptRequest, AddedFile, Archive, ArchiveRequest, AutoRegister, AutoRegisterOutcome, Check,
    CheckAll, Export, Restore, RestoreSource, Session, SwitchAnswer, SwitchOff, SwitchOn, SwitchOutcome,
    Update, UpdateRequest, Verify,
};

use crate::place::{
    Outcome, Place, ask, assert_sound, data, deep, last, put, quick, refused, register, seal, show,
};

/// A library with one Open package of three files.
fn one_package() -> Result<(Place, Session, PackageRecord), Box<dyn std::error::Error>> {
    let place = Place::new()?;
    let source = place
        .source("Tool 1.0", &[("a.txt", b"aaaa"), ("dir/B.txt", b"bbbbb"), ("run.sh", b"#!/bin/sh\n")])?;
    fs::create_dir_all(source.join("empty"))?;
    let session = place.open()?;
    let record = register(&session, &source, "Tool", "1.0")?;
    Ok((place, session, record))
}

fn accept(reason: &str) -> AcceptRequest {
    AcceptRequest { reason: reason.to_owned(), expect: None, key: None }
}

#[test]
fn the_checksum_is_recorded_at_exactly_the_stated_moments() -> Outcome {
    let (place, session, record) = one_package()?;
    let id = record.id;
    assert!(record.checksum_control, "the check is on for what is registered");
    let events = |session: &Session| show(session, id).map(|details| details.record.checksum_event);
    assert_eq!(events(&session)?, "registered");

    let folder = place.source("Other-2.0", &[("x", b"x")])?;
    let AutoRegisterOutcome::Registered(auto) = ask(&session, AutoRegister { folder })? else {
        return Err("not registered".into());
    };
    assert!(auto.record.checksum_control && auto.record.filed_by == "System");
    assert_eq!((auto.record.key.name(), auto.record.key.version()), ("Other", "2.0"));

    let from = place.path("Tool 1.0/a.txt");
    let add = vec![AddedFile { from, to: Some("copy.txt".to_owned()) }];
    ask(&session, Update { package: id, request: UpdateRequest { add, ..UpdateRequest::default() } })?;
    let updated = show(&session, id)?.record;
    assert_eq!((updated.checksum_event.as_str(), updated.checksum.files), ("updated", 4));

    // A check of any kind records nothing, whatever it finds.
    put(&data(&session, id)?, "behind", b"1")?;
    for kind in [CheckKind::Quick, CheckKind::Deep] {
        assert_eq!(ask(&session, Check { package: id, kind })?.finding, Finding::Differs);
    }
    ask(&session, CheckAll { packages: None, kind: CheckKind::Quick })?;
    let checked = show(&session, id)?.record;
    assert_eq!((checked.checksum, checked.checksum_at), (updated.checksum, updated.checksum_at));

    let (accepted, _) = ask(&session, Accept { package: id, request: accept("meant so") })?;
    assert_eq!((accepted.checksum_event.as_str(), accepted.checksum.files), ("accepted", 5));
    seal(&session, id)?;
    assert_eq!(events(&session)?, "sealed");
    let request = ArchiveRequest { folder: place.path("archive"), comment: String::new() };
    let sealed_at = show(&session, id)?.record.checksum_at;
    ask(&session, Archive { package: id, request })?;
    assert_eq!(show(&session, id)?.record.checksum_at, sealed_at, "archiving records nothing");
    ask(&session, Restore { source: RestoreSource::Package(id) })?;
    assert_eq!(events(&session)?, "restored");
    assert_sound(&session)
}

#[test]
fn only_names_with_case_sizes_and_their_number_count() -> Outcome {
    let (_place, session, record) = one_package()?;
    let id = record.id;
    let folder = data(&session, id)?;
    assert!(!folder.join("empty").exists(), "empty folders are left out");

    // What does not count.
    fs::create_dir_all(folder.join("another/empty"))?;
    fs::set_permissions(folder.join("a.txt"), fs::Permissions::from_mode(0o600))?;
    fs::File::options().write(true).open(folder.join("a.txt"))?.set_modified(std::time::UNIX_EPOCH)?;
    fs::write(folder.join("dir/B.txt"), b"BBBBB")?;
    assert!(quick(&session, id)?.is_consistent());

    // What counts: one more, one less, another size, another case.
    put(&folder, "new", b"12")?;
    let report = quick(&session, id)?;
    assert_eq!((report.differences.added.len(), report.differences.count()), (1, 1));
    fs::remove_file(folder.join("new"))?;
    fs::rename(folder.join("a.txt"), folder.join("A.txt"))?;
    let report = quick(&session, id)?;
    assert_eq!((report.differences.case_changed.len(), report.differences.count()), (1, 1));
    fs::rename(folder.join("A.txt"), folder.join("a.txt"))?;
    fs::write(folder.join("run.sh"), b"longer than before")?;
    let report = quick(&session, id)?;
    assert_eq!((report.differences.resized.len(), report.differences.count()), (1, 1));
    fs::remove_file(folder.join("run.sh"))?;
    let report = quick(&session, id)?;
    assert_eq!((report.differences.removed.len(), report.differences.count()), (1, 1));
    assert!(show(&session, id)?.record.is_blocked());
    Ok(())
}

#[test]
fn handing_out_verifies_and_a_blocked_package_is_not_handed_out() -> Outcome {
    let (place, session, record) = one_package()?;
    let id = record.id;
    seal(&session, id)?;
    let folder = data(&session, id)?;
    fs::write(folder.join("a.txt"), b"other size")?;
    assert!(!show(&session, id)?.record.is_blocked(), "nobody has looked yet");
    let failure = refused(ask(&session, Export { package: id, to: place.path("out") }));
    assert_eq!((failure.code, failure.same_as), ("consistency-differs", Some("SDM228429")));
    assert!(!place.path("out").exists(), "a refused export leaves nothing");
    assert!(show(&session, id)?.record.is_blocked(), "handing out verified it");
    let request = ArchiveRequest { folder: place.path("archive"), comment: String::new() };
    refused(ask(&session, Archive { package: id, request: request.clone() }));
    assert!(!place.path("archive").exists(), "a refused archiving leaves nothing");

    fs::write(folder.join("a.txt"), b"aaaa")?;
    assert!(show(&session, id)?.record.is_blocked(), "blocked until a verification agrees");
    ask(&session, Export { package: id, to: place.path("out") })?;
    assert!(!show(&session, id)?.record.is_blocked());
    ask(&session, Archive { package: id, request })?;
    // An archived package is not switched, not updated, not sealed.
    refused(ask(&session, SwitchOff { package: id, reason: Some("because".to_owned()) }));
    refused(ask(&session, Export { package: id, to: place.path("again") }));
    assert_eq!(refused(seal(&session, id)).code, "wrong-state");
    Ok(())
}

#[test]
fn damage_blocks_until_the_content_is_right_again() -> Outcome {
    let (_place, session, record) = one_package()?;
    let id = record.id;
    let file = data(&session, id)?.join("a.txt");
    fs::write(&file, b"AAAA")?;
    assert!(quick(&session, id)?.is_consistent(), "sizes agree");
    let report = deep(&session, id)?;
    assert_eq!(report.finding, Finding::Damaged);
    assert_eq!(
        (report.differences.damaged[0].path.as_str(), &*report.differences.damaged[0].blocks),
        ("a.txt", &[0][..])
    );
    assert!(show(&session, id)?.record.is_blocked());
    assert_eq!(quick(&session, id)?.finding, Finding::Damaged, "a quick check cannot wash it away");
    assert_eq!(refused(seal(&session, id)).code, "consistency-damaged");
    fs::write(&file, b"aaaa")?;
    assert!(quick(&session, id)?.is_consistent());
    assert!(!show(&session, id)?.record.is_blocked());
    // Accepting damage records the content that was shown, and no other.
    fs::write(&file, b"BBBB")?;
    let shown = deep(&session, id)?;
    fs::write(&file, b"CCCC")?;
    let request = AcceptRequest { expect: Some(shown.state_digest()), ..accept("meant so") };
    assert_eq!(refused(ask(&session, Accept { package: id, request })).code, "changed-again");
    let shown = quick(&session, id)?;
    let request = AcceptRequest { expect: Some(shown.state_digest()), ..accept("meant so") };
    ask(&session, Accept { package: id, request })?;
    assert!(deep(&session, id)?.is_consistent());
    assert_sound(&session)
}

#[test]
fn an_update_leaves_what_changed_behind_the_back_a_difference() -> Outcome {
    let (place, session, record) = one_package()?;
    let id = record.id;
    let folder = data(&session, id)?;
    put(&folder, "behind", b"1")?;
    fs::write(folder.join("dir/B.txt"), b"resized!")?;
    quick(&session, id)?;
    let add = vec![AddedFile { from: place.path("Tool 1.0/a.txt"), to: Some("through.txt".to_owned()) }];
    let report =
        ask(&session, Update { package: id, request: UpdateRequest { add, ..UpdateRequest::default() } })?;
    assert!(report.record.is_blocked());
    let report = quick(&session, id)?;
    assert_eq!(report.differences.added.len() + report.differences.resized.len(), 2, "{report:?}");
    assert_eq!(report.differences.count(), 2);
    // The library writes the file again: settled.
    let add = vec![AddedFile { from: place.path("Tool 1.0/dir/B.txt"), to: Some("dir/B.txt".to_owned()) }];
    ask(&session, Update { package: id, request: UpdateRequest { add, ..UpdateRequest::default() } })?;
    let report = quick(&session, id)?;
    assert_eq!((report.differences.added.len(), report.differences.count()), (1, 1));
    Ok(())
}

#[test]
fn an_update_that_cannot_be_carried_out_is_refused_before_it_is_decided() -> Outcome {
    let (place, session, record) = one_package()?;
    let id = record.id;
    let folder = data(&session, id)?;
    let from = place.path("Tool 1.0/a.txt");
    let rename = |from: &str, to: &str| UpdateRequest {
        rename: vec![(from.to_owned(), to.to_owned())],
        ..UpdateRequest::default()
    };
    let add = |to: &str| UpdateRequest {
        add: vec![AddedFile { from: from.clone(), to: Some(to.to_owned()) }],
        ..UpdateRequest::default()
    };
    // Behind the back: a file and a folder where the update wants the other, and a file a rename would replace.
    put(&folder, "blocks", b"a file")?;
    put(&folder, "occupied/inside", b"a folder")?;
    put(&folder, "mine", b"not the library's")?;
    for request in [
        rename("a.txt", "a.txt/deeper"),
        rename("dir/B.txt", "dir"),
        rename("a.txt", "occupied"),
        rename("a.txt", "blocks/x"),
        rename("a.txt", "mine"),
        rename("a.txt", "../outside"),
        add("blocks/x"),
        add("occupied"),
        add("a.txt/x"),
        add("dir"),
        add("../x"),
    ] {
        let text = format!("{request:?}");
        let result = ask(&session, Update { package: id, request });
        assert!(result.is_err(), "{text} must be refused");
        refused(result);
        assert_eq!(show(&session, id)?.record.checksum, record.checksum, "{text}");
        assert_eq!(quick(&session, id)?.differences.added.len(), 3, "{text}");
    }
    assert_eq!(fs::read(folder.join("mine"))?, b"not the library's");
    assert_eq!(fs::read(folder.join("a.txt"))?, b"aaaa");
    Ok(())
}

#[test]
fn switching_on_asks_and_changes_nothing_until_it_is_answered() -> Outcome {
    let (_place, session, record) = one_package()?;
    let id = record.id;
    ask(&session, SwitchOff { package: id, reason: None })?;
    assert_eq!(last(&session, id, HistoryEvent::ControlOff)?.reason.as_deref(), Some("no reason given"));
    fs::write(data(&session, id)?.join("a.txt"), b"other size")?;
    let entries = crate::place::history(&session, id)?.len();
    let SwitchOutcome::Question(report) = ask(&session, SwitchOn { package: id, answer: None })? else {
        return Err("no question".into());
    };
    let record = show(&session, id)?.record;
    assert!(!record.checksum_control && !record.is_blocked());
    assert_eq!(crate::place::history(&session, id)?.len(), entries);

    let answer = Some(SwitchAnswer::Accept(accept("  x ")));
    assert_eq!(refused(ask(&session, SwitchOn { package: id, answer })).code, "no-reason");
    fs::write(data(&session, id)?.join("a.txt"), b"yet another size")?;
    let stale = AcceptRequest { expect: Some(report.state_digest()), ..accept("meant so") };
    let answer = Some(SwitchAnswer::Accept(stale));
    assert_eq!(refused(ask(&session, SwitchOn { package: id, answer })).code, "changed-again");
    assert!(!show(&session, id)?.record.checksum_control);

    ask(&session, SwitchOn { package: id, answer: Some(SwitchAnswer::KeepBlocked) })?;
    assert!(show(&session, id)?.record.is_blocked());
    let shown = quick(&session, id)?;
    let request = AcceptRequest { expect: Some(shown.state_digest()), ..accept("meant so") };
    let (accepted, _) = ask(&session, Accept { package: id, request })?;
    assert!(!accepted.is_blocked());
    let entry = last(&session, id, HistoryEvent::Accepted)?;
    assert_eq!(entry.reason.as_deref(), Some("meant so"));
    assert_eq!(entry.differences, Some(shown.differences));
    assert_eq!(
        refused(ask(&session, Accept { package: id, request: accept("again") })).code,
        "nothing-to-accept"
    );

    // Where the files agree there is no question.
    ask(&session, SwitchOff { package: id, reason: Some("a test".to_owned()) })?;
    assert!(matches!(ask(&session, SwitchOn { package: id, answer: None })?, SwitchOutcome::On(..)));
    assert_sound(&session)
}

#[test]
fn accepting_on_a_sealed_package_seals_it_again() -> Outcome {
    let (_place, session, record) = one_package()?;
    let id = record.id;
    let sealed = seal(&session, id)?;
    assert_eq!((sealed.state, sealed.revision), (PackageState::Sealed, 1));
    fs::write(data(&session, id)?.join("a.txt"), b"another size")?;
    let path = show(&session, id)?.folder;
    assert!(!ask(&session, Verify { path, trust: Vec::new() })?.valid);
    quick(&session, id)?;
    let (again, _) = ask(&session, Accept { package: id, request: accept("meant so") })?;
    assert_eq!((again.state, again.revision, again.id), (PackageState::Sealed, 2, id));
    assert_sound(&session)
}

#[test]
fn missing_unreadable_and_unreachable_are_three_things() -> Outcome {
    let (place, session, record) = one_package()?;
    let id = record.id;
    let folder = data(&session, id)?;
    symlink("a.txt", folder.join("link"))?;
    let report = quick(&session, id)?;
    assert_eq!(report.finding, Finding::Unreadable);
    assert_eq!((report.differences.unreadable[0].path.as_str(), report.differences.count()), ("link", 1));
    assert_eq!(
        refused(ask(&session, Accept { package: id, request: accept("meant so") })).code,
        "consistency-differs"
    );
    fs::remove_file(folder.join("link"))?;

    let aside = place.path("aside");
    fs::rename(&folder, &aside)?;
    assert_eq!(quick(&session, id)?.finding, Finding::Missing);
    fs::rename(&aside, &folder)?;
    assert!(quick(&session, id)?.is_consistent());

    // The whole library away: nobody's package changes its state, and nothing is made in its place.
    let before = show(&session, id)?.record;
    fs::rename(place.root(), &aside)?;
    fs::create_dir(place.root())?;
    for failure in [
        refused(quick(&session, id)),
        refused(seal(&session, id)),
        refused(register(&session, &place.path("Tool 1.0"), "Tool", "2.0")),
    ] {
        assert_eq!(failure.code, "library-unreachable");
    }
    assert_eq!(fs::read_dir(place.root())?.count(), 0, "nothing is made where the library was");
    fs::remove_dir(place.root())?;
    fs::rename(&aside, place.root())?;
    assert_eq!(show(&session, id)?.record, before);
    assert!(quick(&session, id)?.is_consistent());
    assert_sound(&session)
}
