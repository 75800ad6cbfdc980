//! Every failure of the library as a window shows it: the words name buttons and menus, not the command line.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use packhouse::console::advice::advice;
use packhouse::console::dialogs::sentence;
use packhouse::failure::{Class, Failure};
use packhouse::library::LibraryError as E;
use packhouse::package::key::KeyProblem;
use packhouse::package::procedure::ProcedureProblem;
use packhouse::package::{CheckKind, CheckReport, Differences, FileList, Finding, PackageKey, PackageState};
use packhouse::store::StoreError;
use packhouse::work::Cancelled;

/// A number for each cause. A new one does not compile until it has a number, and then fails until it is in [`all`].
fn number(error: &E) -> usize {
    match error {
        E::Cancelled(_) => 0,
        E::Io { .. } => 1,
        E::Store(_) => 2,
        E::NoLibrary(_) => 3,
        E::NotALibrary(_) => 4,
        E::Unreachable { .. } => 5,
        E::ReadOnly => 6,
        E::SourceMissing(_) => 7,
        E::SourceEmpty(_) => 8,
        E::SourceInLibrary(_) => 9,
        E::SameSourceName(_) => 10,
        E::SourceChanged(_) => 11,
        E::Refused(_) => 12,
        E::SourceUnreadable(_) => 13,
        E::Key(_) => 14,
        E::Exists(_) => 15,
        E::InTrash(_) => 16,
        E::FolderExists(_) => 17,
        E::NotFound(_) => 18,
        E::Ambiguous { .. } => 19,
        E::Locked(_) => 20,
        E::State { .. } => 21,
        E::Differs { .. } => 22,
        E::ChangedAgain(_) => 23,
        E::NothingToAccept(_) => 24,
        E::NoReason => 25,
        E::NoSuchFile { .. } => 26,
        E::PathConflict(_) => 27,
        E::Procedure(_) => 28,
        E::NoSuchProcedure(_) => 29,
        E::ProcedureSealed(_) => 30,
        E::KeyUnusable { .. } => 31,
        E::NoSuchKey(_) => 32,
        E::KeyExists(_) => 33,
        E::SealBroken { .. } => 34,
        E::SealUnknown { .. } => 35,
        E::NoSeal(_) => 36,
        E::ArchiveMissing { .. } => 37,
        E::ArchiveExists(_) => 38,
        E::NoRegInfo(_) => 39,
        E::ArchiveDamaged { .. } => 40,
        E::NotAnArchive { .. } => 41,
        E::BagInvalid { .. } => 42,
        E::FolderNotEmpty(_) => 43,
        E::NothingToUndo => 44,
        E::BadPattern(_) => 45,
        E::Unreadable { .. } => 46,
        E::InUse(_) => 47,
        E::AtWork(_) => 48,
        E::OtherDisk { .. } => 49,
        E::NotAKey(_) => 50,
        E::WrongPassphrase(_) => 51,
        E::GroupName(_) => 52,
        E::GroupExists(_) => 53,
        E::NoSuchGroup(_) => 54,
        E::Moving => 55,
        E::Moved { .. } => 56,
        E::HalfMoved { .. } => 57,
        E::CopyDiffers(_) => 58,
        E::NoOldCopy => 59,
        E::NotOldCopy(_) => 60,
        E::CheckRunning => 61,
        E::CheckUnfinished { .. } => 62,
        E::NoCheck => 63,
        E::InUseElsewhere(_) => 64,
        E::NeverSealed(_) => 65,
        E::NoHashes(_) => 66,
        E::NothingToRepair(_) => 67,
        E::Told(_) => 68,
        E::Delivered { .. } => 69,
    }
}

const CAUSES: usize = 70;

fn report(finding: Finding) -> Box<CheckReport> {
    Box::new(CheckReport {
        kind: CheckKind::Quick,
        finding,
        at: jiff::Timestamp::UNIX_EPOCH,
        took_ms: 1,
        recorded: FileList::default().checksum(),
        found: None,
        differences: Differences::default(),
        without_hashes: 0,
    })
}

fn all() -> Vec<E> {
    let key = || PackageKey::new("7-Zip", "24.09").expect("a good name");
    let path = || PathBuf::from("/srv/packages");
    let text = || "something".to_owned();
    let one = || vec![(text(), text())];
    let failed = |kind| io::Error::new(kind, "the system said no");
    let state = PackageState::Sealed;
    vec![
        E::Cancelled(Cancelled),
        E::Io { doing: "write", path: path(), source: failed(io::ErrorKind::StorageFull) },
        E::Io { doing: "write", path: path(), source: failed(io::ErrorKind::PermissionDenied) },
        E::Store(StoreError::Damaged(text())),
        E::Store(StoreError::Newer { found: 9, known: 1 }),
        E::Store(StoreError::TooLarge(u64::MAX)),
        E::NoLibrary(path()),
        E::NotALibrary(path()),
        E::Unreachable { path: path(), why: text() },
        E::ReadOnly,
        E::SourceMissing(path()),
        E::SourceEmpty(path()),
        E::SourceInLibrary(path()),
        E::SameSourceName(text()),
        E::SourceChanged(text()),
        E::Refused(one()),
        E::SourceUnreadable(one()),
        E::Key(KeyProblem::Empty("version")),
        E::Key(KeyProblem::Character("name", '/')),
        E::Exists(key()),
        E::InTrash(key()),
        E::FolderExists(path()),
        E::NotFound(text()),
        E::Ambiguous { name: text(), keys: vec![text()] },
        E::Locked(text()),
        E::State { key: key(), state, doing: "changed", instead: "Unseal it, or make a new version" },
        E::Differs { key: key(), report: report(Finding::Differs) },
        E::Differs { key: key(), report: report(Finding::Damaged) },
        E::Differs { key: key(), report: report(Finding::Missing) },
        E::ChangedAgain(key()),
        E::NothingToAccept(key()),
        E::NoReason,
        E::NoSuchFile { key: key(), path: text() },
        E::PathConflict(text()),
        E::Procedure(ProcedureProblem::NoName),
        E::NoSuchProcedure(text()),
        E::ProcedureSealed(text()),
        E::KeyUnusable { name: text(), why: text() },
        E::NoSuchKey(text()),
        E::KeyExists(text()),
        E::SealBroken { what: text(), why: text() },
        E::SealUnknown { what: text(), key_id: text() },
        E::NoSeal(text()),
        E::ArchiveMissing { what: text(), place: text() },
        E::ArchiveExists(path()),
        E::NoRegInfo(path()),
        E::ArchiveDamaged { what: text(), summary: text(), files: one() },
        E::NotAnArchive { path: path(), why: text() },
        E::BagInvalid { path: path(), problems: vec![text()] },
        E::FolderNotEmpty(path()),
        E::NothingToUndo,
        E::BadPattern(text()),
        E::Unreadable { what: text(), why: text() },
        E::InUse(vec![text()]),
        E::AtWork(vec![text()]),
        E::OtherDisk { from: path(), to: path() },
        E::NotAKey(text()),
        E::WrongPassphrase(path()),
        E::GroupName(text()),
        E::GroupExists(text()),
        E::NoSuchGroup(text()),
        E::Moving,
        E::Moved { from: path(), to: path() },
        E::HalfMoved { here: path(), from: path() },
        E::CopyDiffers(path()),
        E::NoOldCopy,
        E::NotOldCopy(path()),
        E::CheckRunning,
        E::CheckUnfinished { begun: jiff::Timestamp::UNIX_EPOCH, by: text() },
        E::NoCheck,
        E::InUseElsewhere(Box::new(packhouse::library::LibraryHolder {
            who: text(),
            host: text(),
            how: text(),
            process: 1,
            since: jiff::Timestamp::UNIX_EPOCH,
        })),
        E::NeverSealed(key()),
        E::NoHashes(key()),
        E::NothingToRepair(key()),
        E::Told(Box::new(Failure::new("not-repairable", Class::No, text(), "Give another place"))),
        E::Delivered { key: key(), staged: vec![text(), text()], installed: 2, jobs: 1 },
    ]
}

/// What a window shows of a failure.
fn shown(failure: &Failure) -> [String; 3] {
    [sentence(&failure.message), sentence(&failure.reason), advice(failure)]
}

#[test]
fn no_failure_sends_a_person_at_a_window_to_the_command_line() {
    let all = all();
    let numbers: BTreeSet<usize> = all.iter().map(number).collect();
    assert_eq!(numbers.len(), CAUSES, "a cause is missing from the list of this test");
    for error in &all {
        let failure = error.explain();
        for text in shown(&failure) {
            assert!(!text.contains("packhouse-cli"), "{}: {text}", failure.code);
            assert!(!text.contains("--"), "{} names an option: {text}", failure.code);
            assert!(!text.contains("PKG"), "{} names an argument: {text}", failure.code);
        }
        assert!(!advice(&failure).is_empty(), "{} says nothing to do", failure.code);
    }
}
