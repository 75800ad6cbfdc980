//! The library database lost or damaged: what comes back from the packages, and what is said to be lost.

use std::fs;
use std::io::{Seek as _, Write as _};

use packhouse::package::history::ChainState;
use packhouse::package::{HistoryEvent, PackageState};
use packhouse::session::{
    AddComputer, AddNote, Archive, ArchiveRequest, Edit, KeepEdit, KeepPackages, ListKeptPackages,
    ListPackages, NewComputer, PackageEdit, PackageRef, ReadHistory, Remove, Restore, RestoreSource,
    VerifyHistory,
};
use packhouse::work::Work;

use crate::place::{Outcome, Place, ask, assert_sound, quick, refused, register, seal, show};

#[test]
fn packages_groups_comments_seals_and_history_come_back() -> Outcome {
    for damage in [false, true] {
        let place = Place::new()?;
        let source = place.source("source", &[("a", b"aaaa"), ("b/c", b"cc")])?;
        let session = place.open()?;
        let open = register(&session, &source, "Open", "1")?.id;
        let sealed = register(&session, &source, "Sealed", "1")?.id;
        let archived = register(&session, &source, "Archived", "1")?.id;
        let gone = register(&session, &source, "Gone", "1")?.id;
        let edit = PackageEdit {
            group: Some("Tools".to_owned()),
            comment: Some("the good one".to_owned()),
            supplier: Some("Maker".to_owned()),
            ..PackageEdit::default()
        };
        ask(&session, Edit { package: open, edit })?;
        seal(&session, sealed)?;
        seal(&session, archived)?;
        let request = ArchiveRequest { folder: place.path("archive"), comment: "shelf 3".to_owned() };
        ask(&session, Archive { package: archived, request })?;
        ask(&session, Remove { package: gone })?;
        ask(&session, AddNote { package: open, text: "a note".to_owned() })?;
        let before = [open, sealed, archived].map(|id| show(&session, id).map(|details| details.record));
        let history = ask(&session, ReadHistory { filter: Default::default() })?;
        drop(session);

        let database = place.root().join("catalog.db");
        if damage {
            let mut file = fs::File::options().write(true).open(&database)?;
            let length = file.metadata()?.len();
            file.seek(std::io::SeekFrom::Start(0))?;
            file.write_all(&vec![0x5a; usize::try_from(length)?])?;
        } else {
            for ending in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(place.root().join(format!("catalog.db{ending}")));
            }
        }
        let mut existing = place.options();
        existing.create = false;
        for options in [place.options(), existing] {
            assert_eq!(refused(packhouse::session::Session::open(options)).code, "library-damaged");
        }
        let report = packhouse::session::rebuild(place.options(), &Work::new())?;
        assert_eq!((report.packages.len(), report.left_out.len()), (3, 0), "{report:?}");
        assert_eq!(report.old_database.is_some(), damage);
        assert_eq!(report.history_entries, history.len() as u64);
        assert!(report.lost.iter().any(|lost| lost.contains("removed")), "the trash: {:?}", report.lost);
        let lost_of_open =
            report.packages.iter().find(|found| found.key.name() == "Open").map(|found| &found.lost);
        assert!(
            lost_of_open.is_some_and(|lost| lost.iter().any(|lost| lost.contains("hashes"))),
            "{report:?}"
        );

        let session = place.open()?;
        for was in before {
            let was = was?;
            let is = show(&session, was.id)?.record;
            assert_eq!(
                (&is.key, is.state, is.revision, is.checksum),
                (&was.key, was.state, was.revision, was.checksum)
            );
            assert_eq!((&is.group, &is.comment, &is.supplier), (&was.group, &was.comment, &was.supplier));
            assert_eq!(
                (&is.filed_by, is.registered, is.checksum_control),
                (&was.filed_by, was.registered, true)
            );
            assert_eq!(is.archive, was.archive);
            assert_eq!(
                is.seal.map(|seal| (seal.key_id, seal.snapshot)),
                was.seal.map(|seal| (seal.key_id, seal.snapshot))
            );
        }
        let now = ask(&session, ReadHistory { filter: Default::default() })?;
        assert_eq!(now[..history.len()], history[..]);
        assert_eq!(now[history.len()].event, HistoryEvent::LibraryRebuilt);
        assert!(matches!(ask(&session, VerifyHistory {})?, ChainState::Verified { .. }));
        // Lost hashes are said to be lost and not taken silently.
        assert_eq!(crate::place::deep(&session, open)?.without_hashes, 2);
        ask(&session, Restore { source: RestoreSource::Package(archived) })?;
        seal(&session, open)?;
        assert_sound(&session)?;
        assert!(ask(&session, ListPackages {})?.iter().all(|package| package.state == PackageState::Sealed));
    }
    Ok(())
}

#[test]
fn a_difference_is_not_blessed_by_a_rebuild() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa")])?;
    let session = place.open()?;
    let id = register(&session, &source, "Changed", "1")?.id;
    fs::write(crate::place::data(&session, id)?.join("a"), b"another size")?;
    drop(session);
    packhouse::session::rebuild(place.options(), &Work::new())?;
    let session = place.open()?;
    assert!(show(&session, id)?.record.is_blocked());
    assert!(!quick(&session, id)?.is_consistent());
    Ok(())
}

#[test]
fn deliveries_are_said_to_be_lost_with_the_database_that_knew_them() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa")])?;
    let session = place.open()?;
    let id = register(&session, &source, "Tool", "1")?.id;
    let is_told = |report: &packhouse::session::RebuildReport, words: &str| {
        report.lost.iter().any(|lost| lost.contains("agents keep") && lost.contains(words))
    };
    drop(session);
    let report = packhouse::session::rebuild(place.options(), &Work::new())?;
    assert!(!report.lost.iter().any(|lost| lost.contains("agents")), "there were none: {report:?}");
    let session = place.open()?;
    let new = NewComputer { name: "PC-1".into(), ..NewComputer::default() };
    ask(&session, AddComputer { new })?;
    let edit = KeepEdit { add: vec![PackageRef::Id(id)], ..KeepEdit::default() };
    assert_eq!(ask(&session, KeepPackages { edit })?.packages.len(), 1);
    drop(session);
    let report = packhouse::session::rebuild(place.options(), &Work::new())?;
    assert!(is_told(&report, "computers: 1"), "{report:?}");
    let session = place.open()?;
    assert_eq!(ask(&session, ListKeptPackages {})?, Default::default());
    drop(session);
    fs::remove_file(place.root().join("catalog.db"))?;
    let report = packhouse::session::rebuild(place.options(), &Work::new())?;
    assert!(is_told(&report, "if there were any"), "{report:?}");
    Ok(())
}

#[test]
fn a_history_that_cannot_be_read_is_not_begun_anew() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa")])?;
    let session = place.open()?;
    register(&session, &source, "Kept", "1")?;
    drop(session);
    let (file, aside) = (place.root().join("history.jsonl"), place.path("aside"));
    fs::rename(&file, &aside)?;
    // What cannot be read, whoever asks.
    fs::create_dir(&file)?;
    refused(packhouse::session::rebuild(place.options(), &Work::new()));
    assert!(file.is_dir() && !place.root().join(".incoming").read_dir()?.any(|_| true));
    fs::remove_dir(&file)?;
    fs::rename(&aside, &file)?;
    let report = packhouse::session::rebuild(place.options(), &Work::new())?;
    assert_eq!(report.history_entries, 2);
    assert!(matches!(ask(&place.open()?, VerifyHistory {})?, ChainState::Verified { .. }));
    Ok(())
}

#[test]
fn the_list_of_an_archived_package_comes_from_no_other_archive() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let mut archives = Vec::new();
    for (name, content) in [("One", b"first"), ("Two", b"other")] {
        let source = place.source(name, &[("a", content), (name, content)])?;
        let id = register(&session, &source, name, "1")?.id;
        seal(&session, id)?;
        let request = ArchiveRequest { folder: place.path("archive"), comment: String::new() };
        archives.push((id, ask(&session, Archive { package: id, request })?.file));
    }
    drop(session);
    fs::copy(&archives[1].1, &archives[0].1)?;
    let report = packhouse::session::rebuild(place.options(), &Work::new())?;
    let lost: Vec<_> = report.packages.iter().filter(|package| !package.lost.is_empty()).collect();
    assert!(matches!(lost.as_slice(), [one] if one.key.name() == "One"), "{lost:?}");
    let session = place.open()?;
    let files =
        |id| ask(&session, packhouse::session::ReadContents { package: id }).map(|found| found.rows.len());
    assert_eq!((files(archives[0].0)?, files(archives[1].0)?), (0, 2));
    Ok(())
}
