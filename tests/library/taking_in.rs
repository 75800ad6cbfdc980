//! Registering, importing, auto-registering, updating, editing: how things come into a package.

use std::fs;
use std::time::{Duration, Instant};

use packhouse::package::procedure::{Origin, Procedure, ProcedureChoice, Task};
use packhouse::package::{CheckKind, HistoryEvent, PackageState};
use packhouse::session::{
    AddedFile, AutoRegister, AutoRegisterOutcome, Check, Edit, EditProcedures, EmptyTrash, Export,
    HistoryFilter, PackageEdit, ParentWatch, Preview, ProcedureEdit, ReadContents, ReadHistory, Register,
    RegisterRequest, Remove, Seal, SourceKind, TrustKey, UndoRemove, Unseal, Update, UpdateRequest,
    VerifyHistory,
};
use packhouse::work::Work;

use crate::place::{Desk, Outcome, Place, ask, deep, refused};

const FILES: &[(&str, &[u8])] =
    &[("setup.exe", b"installer"), ("lib/a.dll", b"a"), ("lib/b.dll", b"bb"), ("readme.txt", b"")];

#[test]
fn a_folder_becomes_a_package_under_its_proposed_name() -> Outcome {
    let desk = Desk::new()?;
    let source = desk.source("7-Zip 24.09", FILES)?;
    let preview = desk.run(Preview { sources: vec![source.clone()], links: Default::default() })?;
    assert_eq!((preview.name.value.as_str(), preview.version.value.as_str()), ("7-Zip", "24.09"));
    assert_eq!((preview.files, preview.size_bytes), (4, 12));
    let record = desk.register(&source)?;
    assert_eq!(record.key.to_string(), "7-Zip@24.09");
    assert!(record.checksum_control, "the check is on by default");
    assert_eq!(fs::read(desk.data("7-Zip", "24.09", "lib/b.dll"))?, b"bb");
    let again = desk.run(Preview { sources: vec![source.clone()], links: Default::default() })?;
    assert_eq!(again.exists.map(|key| key.to_string()), Some("7-Zip@24.09".to_owned()));
    assert_eq!(again.same_files.len(), 1);
    let refused = desk.register(&source).expect_err("it is there already");
    assert_eq!(refused.code, "package-exists");
    assert!(desk.run(Check { package: record.id, kind: CheckKind::Deep })?.is_consistent());
    Ok(())
}

#[test]
fn several_things_are_taken_by_their_names() -> Outcome {
    let desk = Desk::new()?;
    let folder =
        desk.source("parts", &[("docs/a.txt", b"a"), ("run.sh", b"#!/bin/sh\n"), ("other/x", b"x")])?;
    let sources = ["docs", "run.sh", "docs"].map(|name| folder.join(name));
    let request = RegisterRequest {
        name: Some("Tool".to_owned()),
        version: Some("1".to_owned()),
        ..RegisterRequest::new(sources.to_vec())
    };
    let report = desk.run(Register { request })?;
    assert_eq!(report.record.checksum.files, 2, "a path named twice is taken once");
    assert!(desk.data("Tool", "1", "docs/a.txt").is_file() && desk.data("Tool", "1", "run.sh").is_file());
    Ok(())
}

#[test]
fn an_exported_sealed_package_stays_sealed_elsewhere_if_its_key_is_trusted() -> Outcome {
    let desk = Desk::new()?;
    let record = desk.register(&desk.source("Inkscape 1.4", FILES)?)?;
    let mut install = Procedure::new("Install", Task::Install, "setup.exe");
    install.arguments = vec!["/S".to_owned(), "two words".to_owned()];
    let edit = ProcedureEdit::Add(install, ProcedureChoice::default());
    desk.run(EditProcedures { package: record.id, edit, key: None })?;
    let sealed = desk.run(Seal { package: record.id, key: None, block_size: None })?;
    assert!(sealed.key_is_new);
    let exported = desk.path("exported");
    desk.run(Export { package: record.id, to: exported.clone() })?;

    let other = Desk::new()?;
    let unknown = other.register(&exported)?;
    assert_eq!(unknown.state, PackageState::Open, "its key is not trusted there");
    let history = other.run(ReadHistory { filter: HistoryFilter::default() })?;
    assert!(history.iter().any(|e| e.details.as_deref().is_some_and(|d| d.contains(&sealed.key.key_id))));

    let third = Desk::new()?;
    let uses = vec![packhouse::session::KeyUse::Seal];
    third.run(TrustKey { key: sealed.key.public.clone(), name: Some("Berlin".to_owned()), uses })?;
    let preview = third.run(Preview { sources: vec![exported.clone()], links: Default::default() })?;
    assert_eq!(preview.kind, SourceKind::Package);
    let taken = third.register(&exported)?;
    assert_eq!((taken.state, taken.revision, taken.id), (PackageState::Sealed, 1, record.id));
    assert_eq!(taken.procedures[0].procedure.arguments, ["/S", "two words"]);
    assert!(taken.checksum_control);

    let broken = Desk::new()?;
    broken.run(TrustKey {
        key: sealed.key.public,
        name: None,
        uses: vec![packhouse::session::KeyUse::Seal],
    })?;
    fs::write(exported.join("data/lib/a.dll"), b"A")?;
    let refused = broken.register(&exported).expect_err("a file is not as it was sealed");
    assert_eq!(refused.code, "seal-broken");
    assert!(refused.reason.contains("lib/a.dll"), "{}", refused.reason);
    Ok(())
}

#[test]
fn auto_registration_is_filed_by_system_and_takes_each_folder_once() -> Outcome {
    let desk = Desk::new()?;
    let folder = desk.source("inbox/7zip-24.09", FILES)?;
    let AutoRegisterOutcome::Registered(report) = desk.run(AutoRegister { folder: folder.clone() })? else {
        panic!("it is new");
    };
    assert_eq!(report.record.filed_by, "System");
    assert_eq!(report.record.key.to_string(), "7zip@24.09");
    assert!(matches!(desk.run(AutoRegister { folder })?, AutoRegisterOutcome::Known(_)));
    Ok(())
}

#[test]
fn a_watched_folder_is_complete_after_five_seconds_without_change() -> Outcome {
    let desk = Desk::new()?;
    let folder = desk.source("inbox/Tool 1.0", FILES)?;
    fs::create_dir(desk.path("inbox/empty"))?;
    let mut watch = ParentWatch::new(&desk.path("inbox"));
    let (work, start) = (Work::new(), Instant::now());
    let after = |seconds| start + Duration::from_secs(seconds);
    assert!(watch.complete(start, &work)?.is_empty());
    assert!(watch.complete(after(4), &work)?.is_empty());
    fs::write(folder.join("late.txt"), b"late")?;
    assert!(watch.complete(after(6), &work)?.is_empty(), "it changed meanwhile");
    assert_eq!(watch.complete(after(11), &work)?, std::slice::from_ref(&folder));
    assert!(watch.complete(after(20), &work)?.is_empty(), "each state is handed out once");
    fs::write(folder.join("late.txt"), b"later")?;
    assert!(watch.complete(after(21), &work)?.is_empty());
    assert_eq!(watch.complete(after(26), &work)?, [folder]);
    Ok(())
}

#[test]
fn an_update_changes_only_what_it_touches() -> Outcome {
    let desk = Desk::new()?;
    let record = desk.register(&desk.source("Tool 1.0", FILES)?)?;
    // Behind the library's back, one file grows.
    fs::write(desk.data("Tool", "1.0", "lib/a.dll"), b"aaaa")?;
    let extra = desk.source("extra", &[("one.txt", b"1"), ("two/three.txt", b"3")])?;
    let request = UpdateRequest {
        add: vec![
            AddedFile { from: extra.join("one.txt"), to: Some("readme.txt".to_owned()) },
            AddedFile { from: extra.join("two"), to: None },
        ],
        remove: vec!["lib/b.dll".to_owned()],
        rename: vec![("setup.exe".to_owned(), "bin/install.exe".to_owned())],
        ..UpdateRequest::default()
    };
    let report = desk.run(Update { package: record.id, request })?;
    assert_eq!((report.added, report.replaced, report.removed, report.renamed), (1, 1, 1, 1));
    assert_eq!(fs::read(desk.data("Tool", "1.0", "readme.txt"))?, b"1");
    assert_eq!(fs::read(desk.data("Tool", "1.0", "two/three.txt"))?, b"3");
    assert!(
        desk.data("Tool", "1.0", "bin/install.exe").is_file()
            && !desk.data("Tool", "1.0", "lib/b.dll").exists()
    );
    let check = desk.run(Check { package: record.id, kind: CheckKind::Quick })?;
    assert_eq!(check.differences.summary(), "1 file of another size");
    assert_eq!(check.differences.resized[0].path, "lib/a.dll");
    let remove_and_add = UpdateRequest {
        add: vec![AddedFile { from: extra.join("one.txt"), to: Some("lib/a.dll".to_owned()) }],
        remove: vec!["lib/a.dll".to_owned()],
        ..UpdateRequest::default()
    };
    let report = desk.run(Update { package: record.id, request: remove_and_add })?;
    assert_eq!((report.replaced, report.record.finding), (1, packhouse::package::Finding::Consistent));
    assert!(desk.run(Check { package: record.id, kind: CheckKind::Deep })?.is_consistent());
    let conflict = UpdateRequest {
        add: vec![AddedFile { from: extra.join("one.txt"), to: Some("two/three.txt/x".to_owned()) }],
        ..UpdateRequest::default()
    };
    let refused =
        desk.run(Update { package: record.id, request: conflict }).expect_err("a file is no folder");
    assert_eq!(refused.code, "path-conflict");
    Ok(())
}

#[test]
fn a_rename_moves_the_folder_and_a_removal_can_be_taken_back() -> Outcome {
    let desk = Desk::new()?;
    let record = desk.register(&desk.source("Tool 1.0", FILES)?)?;
    let edit = PackageEdit {
        name: Some("Gadget".to_owned()),
        comment: Some("ours".to_owned()),
        ..Default::default()
    };
    let renamed = desk.run(Edit { package: record.id, edit })?;
    assert_eq!(renamed.key.to_string(), "Gadget@1.0");
    assert!(desk.data("Gadget", "1.0", "setup.exe").is_file());
    assert!(!desk.path("library/packages/Tool").exists(), "the empty folder went too");
    let notes = fs::read_to_string(desk.path("library/packages/Gadget/1.0/notes.json"))?;
    assert!(notes.contains("ours"));

    desk.run(Remove { package: record.id })?;
    assert!(desk.show("Gadget@1.0").is_err());
    assert!(!desk.path("library/packages/Gadget").exists());
    let session = desk.open()?;
    let back = session.run(UndoRemove {}, &Work::new())?;
    assert_eq!(back.to_string(), "Gadget@1.0");
    assert!(desk.run(Check { package: record.id, kind: CheckKind::Deep })?.is_consistent());
    assert_eq!(desk.run(UndoRemove {}).expect_err("nothing left").code, "nothing-to-undo");
    desk.run(Remove { package: record.id })?;
    assert_eq!(desk.run(EmptyTrash {})?, 1);
    assert_eq!(fs::read_dir(desk.path("library/.trash"))?.count(), 0);
    assert_eq!(desk.run(UndoRemove {}).expect_err("undo has ended").code, "nothing-to-undo");
    Ok(())
}

#[test]
fn a_sealed_package_takes_only_added_procedures_and_is_signed_again() -> Outcome {
    let desk = Desk::new()?;
    let record = desk.register(&desk.source("Tool 1.0", FILES)?)?;
    let add = |name: &str| {
        let procedure = Procedure::new(name, Task::Install, "setup.exe");
        ProcedureEdit::Add(procedure, ProcedureChoice::default())
    };
    desk.run(EditProcedures { package: record.id, edit: add("Install"), key: None })?;
    desk.run(Seal { package: record.id, key: None, block_size: None })?;
    let edit = ProcedureEdit::Remove { name: "Install".to_owned() };
    let refused = desk.run(EditProcedures { package: record.id, edit, key: None }).expect_err("it is sealed");
    assert_eq!(refused.code, "procedure-sealed");
    let added = desk.run(EditProcedures { package: record.id, edit: add("Install 2"), key: None })?;
    assert_eq!((added.revision, added.procedures[1].procedure.origin), (2, Origin::Added));
    let choose = ProcedureEdit::Choose {
        name: "install 2".to_owned(),
        choice: ProcedureChoice { default_for_task: true, ..ProcedureChoice::default() },
    };
    let chosen = desk.run(EditProcedures { package: record.id, edit: choose, key: None })?;
    assert_eq!(chosen.revision, 2, "what is local is not signed");
    assert!(!chosen.procedures[0].choice.default_for_task && chosen.procedures[1].choice.default_for_task);
    let refused = desk
        .run(Edit {
            package: record.id,
            edit: PackageEdit { supplier: Some("x".into()), ..Default::default() },
        })
        .expect_err("the supplier is signed");
    assert_eq!(refused.code, "wrong-state");
    let unsealed = desk.run(Unseal { package: record.id })?;
    assert_eq!((unsealed.state, unsealed.revision), (PackageState::Open, 2));
    let sealed = desk.run(Seal { package: record.id, key: None, block_size: None })?;
    assert_eq!((sealed.record.revision, sealed.key_is_new), (3, false));
    Ok(())
}

#[test]
fn history_is_chained_and_kept_twice() -> Outcome {
    use packhouse::package::history::ChainState;
    let desk = Desk::new()?;
    desk.register(&desk.source("Tool 1.0", FILES)?)?;
    let file = desk.path("library/history.jsonl");
    let text = fs::read_to_string(&file)?;
    assert_eq!(text.lines().count(), 2);
    assert_eq!(desk.run(VerifyHistory {})?, ChainState::Verified { entries: 2 });
    let entries = desk.run(ReadHistory { filter: HistoryFilter::default() })?;
    assert_eq!(entries[1].event, HistoryEvent::Registered);
    assert_eq!((entries[1].who.as_str(), entries[1].host.as_str()), ("tester", "bench"));
    // A torn line, as a power cut leaves it, and a line that was lost.
    fs::write(&file, &text.as_bytes()[..text.len() - 40])?;
    drop(packhouse::session::Session::open(desk.options())?);
    assert_eq!(desk.run(VerifyHistory {})?, ChainState::Verified { entries: 2 });
    fs::write(&file, text.replace("tester", "somebody"))?;
    assert!(matches!(desk.run(VerifyHistory {})?, ChainState::Broken { number: 1, .. }));
    Ok(())
}

#[test]
fn an_archive_is_never_written_into_the_library_nor_without_its_seal() -> Outcome {
    use packhouse::session::{Archive, ArchiveRequest};
    let desk = Desk::new()?;
    let record = desk.register(&desk.source("Tool 1.0", FILES)?)?;
    desk.run(Seal { package: record.id, key: None, block_size: None })?;
    let to = |folder: std::path::PathBuf| ArchiveRequest { folder, comment: String::new() };
    for inside in [desk.data("Tool", "1.0", "new"), desk.path("library/.incoming/a"), desk.path("library")] {
        let refused = desk
            .run(Archive { package: record.id, request: to(inside.clone()) })
            .expect_err("inside the library");
        assert_eq!(refused.code, "source-in-library", "{}", inside.display());
    }
    let snapshot = desk.path("library/packages/Tool/1.0/snapshot.meta4");
    let text = fs::read_to_string(&snapshot)?;
    fs::write(&snapshot, text.replacen("<size>9<", "<size>8<", 1))?;
    let refused =
        desk.run(Archive { package: record.id, request: to(desk.path("out")) }).expect_err("no whole seal");
    assert_eq!(refused.code, "seal-broken");
    assert!(!desk.path("out").exists() && desk.data("Tool", "1.0", "setup.exe").is_file());
    fs::write(&snapshot, text)?;
    desk.run(Archive { package: record.id, request: to(desk.path("out")) })?;
    desk.run(Remove { package: record.id })?;
    let source = packhouse::session::RestoreSource::File(desk.path("out/Tool-1.0.tar.zst"));
    let refused =
        desk.run(packhouse::session::Restore { source: source.clone() }).expect_err("it is in the trash");
    assert_eq!(refused.code, "package-removed");
    desk.run(UndoRemove {})?;
    desk.run(packhouse::session::Restore { source })?;
    assert!(desk.run(Check { package: record.id, kind: CheckKind::Deep })?.is_consistent());
    Ok(())
}

#[test]
fn damage_that_nobody_was_shown_is_not_blessed() -> Outcome {
    use packhouse::package::Finding;
    use packhouse::session::{Accept, AcceptRequest, NewVersion};
    let desk = Desk::new()?;
    let record = desk.register(&desk.source("Tool 1.0", FILES)?)?;
    desk.run(Seal { package: record.id, key: None, block_size: None })?;
    fs::write(desk.data("Tool", "1.0", "setup.exe"), b"INSTALLER")?;
    let refused =
        desk.run(NewVersion { package: record.id, version: "2.0".to_owned() }).expect_err("it is damaged");
    assert_eq!(refused.code, "consistency-damaged");
    fs::write(desk.data("Tool", "1.0", "setup.exe"), b"installer")?;
    assert!(desk.run(Check { package: record.id, kind: CheckKind::Deep })?.is_consistent());
    fs::write(desk.data("Tool", "1.0", "setup.exe"), b"INSTALLER")?;
    fs::write(desk.data("Tool", "1.0", "new.txt"), b"new")?;
    let request = AcceptRequest { reason: "the readme".to_owned(), expect: None, key: None };
    let refused =
        desk.run(Accept { package: record.id, request: request.clone() }).expect_err("only one was shown");
    assert_eq!(refused.code, "changed-again");
    let report = desk.show("Tool@1.0")?.report.ok_or("the deep check is stored")?;
    assert_eq!(report.differences.damaged[0].path, "setup.exe");
    let (accepted, _) = desk.run(Accept { package: record.id, request })?;
    assert_eq!((accepted.revision, accepted.finding), (2, Finding::Consistent));
    Ok(())
}

#[test]
fn a_new_version_of_changes_that_nobody_was_shown_is_refused_once() -> Outcome {
    use packhouse::session::NewVersion;
    let desk = Desk::new()?;
    let record = desk.register(&desk.source("Tool 1.0", FILES)?)?;
    fs::write(desk.data("Tool", "1.0", "behind the back"), b"new")?;
    let new_version = || desk.run(NewVersion { package: record.id, version: "2.0".to_owned() });
    assert_eq!(refused(new_version()).code, "consistency-differs");
    assert!(desk.show("Tool@2.0").is_err());
    let report = desk.show("Tool@1.0")?.report.ok_or("what was found is kept and shown")?;
    assert_eq!(report.differences.added[0].path, "behind the back");
    // Shown now: what was changed becomes the new version, and the old one stays as it was recorded.
    let new = new_version()?;
    assert_eq!(new.checksum.files, record.checksum.files + 1);
    assert_eq!(desk.show("Tool@1.0")?.record.checksum, record.checksum);
    Ok(())
}

#[test]
fn files_with_more_holes_than_there_are_numbers_for_are_counted() -> Outcome {
    let desk = Desk::new()?;
    let source = desk.source("Holes 1.0", FILES)?;
    for name in ["one", "two", "three"] {
        fs::File::create(source.join(name))?.set_len(i64::MAX as u64)?;
    }
    let preview = desk.run(Preview { sources: vec![source], links: Default::default() })?;
    assert_eq!((preview.files, preview.size_bytes), (FILES.len() as u64 + 3, u64::MAX));
    Ok(())
}

#[test]
fn names_that_cannot_travel_are_taken_under_other_names() -> Outcome {
    use std::os::unix::ffi::OsStrExt as _;
    let place = Place::new()?;
    let desk = place.open()?;
    let files: [(&str, &[u8]); 4] =
        [("a", b"1"), ("bad\ndir/inner/b", b"22"), ("bad\ndir/c ", b"333"), ("dir./d", b"4444")];
    let source = place.source("Tool 1.0", &files)?;
    let bytes = |name: &[u8]| source.join(std::ffi::OsStr::from_bytes(name));
    for (name, content) in [(&b"x\xe4"[..], "ae"), (b"x\xfc", "ue")] {
        fs::write(bytes(name), content)?;
    }
    let seen =
        desk.run(Preview { sources: vec![source.clone()], links: Default::default() }, &Work::new())?;
    let seen: Vec<_> =
        seen.renamable.iter().map(|one| (one.path.as_str(), one.proposal.as_str(), one.is_refused)).collect();
    assert_eq!(
        seen,
        [
            ("bad\ndir", "bad_dir", true),
            ("x\\xE4", "xä", true),
            ("x\\xFC", "xü", true),
            ("dir./d", "dir/d", false),
        ]
    );
    let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
    let request = |rename: Vec<(String, String)>| Register {
        request: RegisterRequest { rename, ..RegisterRequest::new(vec![source.clone()]) },
    };
    // What cannot be is said, and nothing is made.
    for (rename, about) in [
        (vec![pair("nothing", "x")], "nothing"),
        (vec![pair("a", "../x")], "../x"),
        (vec![pair("bad\ndir", "dir"), pair("x\\xE4", "ae"), pair("x\\xFC", "ae")], "ae"),
        (vec![pair("bad\ndir", "dir"), pair("x\\xE4", "ae"), pair("x\\xFC", "ue")], "dir/c "),
    ] {
        let failure = refused(desk.run(request(rename), &Work::new()));
        assert_eq!(failure.code, "source-refused");
        assert!(failure.details.iter().any(|line| line.starts_with(about)), "{failure:?}");
    }
    let rename = vec![
        pair("bad\ndir", "good/dir"),
        pair("good/dir/c ", "good/dir/c"),
        pair("x\\xE4", "xä"),
        pair("x\\xFC", "a folder/xü"),
        pair("dir.", "dir"),
    ];
    let record = ask(&desk, request(rename))?.record;
    let rows = ask(&desk, ReadContents { package: record.id })?.rows;
    let paths: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(paths, ["a", "a folder/xü", "dir/d", "good/dir/c", "good/dir/inner/b", "xä"]);
    assert!(deep(&desk, record.id)?.is_consistent());
    let kept = ask(&desk, ReadHistory { filter: Default::default() })?;
    let details = kept.last().and_then(|entry| entry.details.clone()).unwrap_or_default();
    assert!(details.starts_with(r#"renamed: "bad\ndir" is "good/dir""#), "{details}");
    assert_eq!(fs::read(bytes(b"x\xfc"))?, b"ue", "the source stays as it is");
    Ok(())
}
