//! Disks that are full, read-only, gone, or two where one is needed: as before, a clear error, nothing left.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use packhouse::failure::{Class, Failure};
use packhouse::package::CheckKind;
use packhouse::package::history::ChainState;
use packhouse::package::record::{PackageId, PackageRecord};
use packhouse::session::{
    Accept, AcceptRequest, AddNote, AddedFile, Archive, ArchiveRequest, Check, Edit, Export, FindFiles,
    ListPackages, PackageEdit, ReadContents, Remove, Repair, RepairFrom, RepairRequest, Restore,
    RestoreSource, Search, Session, Update, UpdateRequest, VerifyHistory, rebuild,
};
use packhouse::work::Work;

use crate::place::{
    Outcome, Place, ask, assert_sound, data, deep, put, quick, refused, register, seal, show, temporary, tree,
};

/// A mount that is gone with this value. Needs root.
struct Mounted(PathBuf);

impl Mounted {
    fn new(folder: &Path, arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let done = Command::new("mount").args(arguments).arg(folder).status()?;
        assert!(done.success(), "mounting needs root");
        Ok(Self(folder.to_owned()))
    }

    /// A file system of its own in memory.
    fn memory(folder: &Path, size: &str) -> Result<Self, Box<dyn Error>> {
        Self::new(folder, &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
    }

    /// The folder mounted on itself: the same files behind a border that nothing can be renamed over.
    fn on_itself(folder: &Path) -> Result<Self, Box<dyn Error>> {
        Self::new(folder, &["--bind", folder.to_str().ok_or("not UTF-8")?])
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What every operation on a package is given.
struct Given {
    place: Place,
    package: PackageId,
    file: PathBuf,
    archive: PathBuf,
}

type Operation = fn(&Session, &Given) -> Result<(), Failure>;

fn do_update(session: &Session, given: &Given) -> Result<(), Failure> {
    let add = vec![AddedFile { from: given.file.clone(), to: Some("new/file".to_owned()) }];
    let request = UpdateRequest { add, remove: vec!["b".to_owned()], ..UpdateRequest::default() };
    ask(session, Update { package: given.package, request }).map(drop)
}

fn do_seal(session: &Session, given: &Given) -> Result<(), Failure> {
    seal(session, given.package).map(drop)
}

fn do_accept(session: &Session, given: &Given) -> Result<(), Failure> {
    let request = AcceptRequest { reason: "meant so".to_owned(), expect: None, key: None };
    ask(session, Accept { package: given.package, request }).map(drop)
}

fn do_archive(session: &Session, given: &Given) -> Result<(), Failure> {
    let request = ArchiveRequest { folder: given.archive.clone(), comment: String::new() };
    ask(session, Archive { package: given.package, request }).map(drop)
}

fn do_restore(session: &Session, given: &Given) -> Result<(), Failure> {
    ask(session, Restore { source: RestoreSource::Package(given.package) }).map(drop)
}

fn do_remove(session: &Session, given: &Given) -> Result<(), Failure> {
    ask(session, Remove { package: given.package }).map(drop)
}

fn do_repair(session: &Session, given: &Given) -> Result<(), Failure> {
    let from = RepairFrom { addresses: vec![given.place.path("source").display().to_string()], wait: false };
    let request = RepairRequest::default();
    ask(session, Repair { package: given.package, request, from, switch_on: false }).map(drop)
}

fn do_register(session: &Session, given: &Given) -> Result<(), Failure> {
    register(session, &given.place.path("source"), "Second", "1").map(drop)
}

fn do_rename(session: &Session, given: &Given) -> Result<(), Failure> {
    let edit = PackageEdit { name: Some("Renamed".to_owned()), ..PackageEdit::default() };
    ask(session, Edit { package: given.package, edit }).map(drop)
}

/// A package of some hundred KiB, with a key to seal with.
fn given(place: Place) -> Result<(Given, Session), Box<dyn Error>> {
    // What no archive makes smaller.
    let hashes = (0..10_000u32).map(|n| packhouse::package::Sha256Digest::of(&n.to_le_bytes()));
    let noise: Vec<u8> = hashes.flat_map(|hash| hash.0).collect();
    let source = place.source("source", &[("a", &noise), ("b", b"b"), ("folder/c", &noise[..200_000])])?;
    let file = place.path("file");
    fs::write(&file, &noise[..250_000])?;
    let session = place.open()?;
    ask(&session, packhouse::session::CreateKey { name: "test key".to_owned() })?;
    let package = register(&session, &source, "First", "1")?.id;
    let archive = place.path("archive");
    Ok((Given { place, package, file, archive }, session))
}

/// The record of a package without the outcome of checks, and every byte below `packages/`.
type Picture =
    (Vec<PackageRecord>, std::collections::BTreeMap<String, (packhouse::package::Sha256Digest, bool)>);

fn picture(session: &Session) -> Result<Picture, Box<dyn Error>> {
    let mut records = Vec::new();
    for package in ask(session, ListPackages {})? {
        let mut record = show(session, package.id)?.record;
        (record.quick, record.deep, record.noticed, record.marked) = (None, None, None, None);
        record.finding = packhouse::package::Finding::Consistent;
        records.push(record);
    }
    Ok((records, tree(&session.root().join("packages"))?))
}

/// Fills the disk of `folder` up to `free` bytes. Gives the file to remove again.
fn fill(folder: &Path, free: u64) -> Result<PathBuf, Box<dyn Error>> {
    let ballast = folder.join(".ballast");
    let stat = rustix::fs::statvfs(folder)?;
    let size = (stat.f_bavail * stat.f_frsize).saturating_sub(free);
    let file = fs::File::create(&ballast)?;
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size.max(1))?;
    Ok(ballast)
}

#[test]
fn a_disk_that_fills_half_way_changes_nothing() -> Outcome {
    let operations: [(&str, Operation); 9] = [
        ("register", do_register),
        ("update", do_update),
        ("seal", do_seal),
        ("accept", do_accept),
        ("archive", do_archive),
        ("restore", do_restore),
        ("repair", do_repair),
        ("remove", do_remove),
        ("rename", do_rename),
    ];
    for (name, operation) in operations {
        let place = Place::new()?;
        let disk = Mounted::memory(&place.root(), "8m")?;
        let (given, session) = given(place)?;
        if matches!(name, "archive" | "restore" | "repair") {
            do_seal(&session, &given)?;
        }
        if name == "restore" {
            do_archive(&session, &given)?;
        }
        if name == "repair" {
            let data = data(&session, given.package)?;
            fs::remove_file(data.join("a"))?;
            put(&data, "folder/c", b"another size")?;
        }
        if name == "accept" {
            put(&data(&session, given.package)?, "a", b"another size")?;
        }
        let (mut refusals, mut done) = (0, false);
        for free in [0u64, 8, 24, 40, 72, 120, 200, 320, 500, 700, 1000, 2000].map(|kib| kib << 10) {
            let before = picture(&session)?;
            let ballast = fill(&disk.0, free)?;
            let result = operation(&session, &given);
            fs::remove_file(ballast)?;
            if result.is_ok() && name != "remove" && name != "archive" {
                // Done with the last byte, it may not be marked as done: then the next one to look at it does that.
                assert!(quick(&session, given.package)?.is_consistent(), "{name} with {free} bytes");
            }
            let left: Vec<_> = fs::read_dir(session.root().join(".incoming"))?.flatten().collect();
            // What was fetched is kept for the next try.
            let is_kept = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("repair-");
            assert!(
                left.iter().all(|entry| name == "repair" && result.is_err() && is_kept(entry)),
                "{name} with {free} bytes: {left:?} is left"
            );
            let Err(failure) = result else {
                done = true;
                break;
            };
            assert_eq!(
                (failure.code, failure.class),
                ("disk-full", Class::Environment),
                "{name}: {failure:?}"
            );
            assert!(!failure.action.is_empty());
            let after = picture(&session)?;
            assert_eq!(after.0, before.0, "{name} with {free} bytes: the record changed");
            assert!(after.1 == before.1, "{name} with {free} bytes: a file changed");
            assert!(name == "restore" || !given.archive.exists(), "{name}: an archive is left");
            refusals += 1;
        }
        assert!(done && refusals > 0, "{name}: refused {refusals} times, then done: {done}");
        assert_sound(&session)?;
        drop(session);
        assert_sound(&given.place.open()?)?;
    }
    Ok(())
}

#[test]
fn a_full_disk_for_the_archive_leaves_no_archive() -> Outcome {
    let (mut given, session) = given(Place::new()?)?;
    do_seal(&session, &given)?;
    let disk = Mounted::memory(&given.place.path("small"), "200k")?;
    given.archive = disk.0.join("new/folder");
    let before = picture(&session)?;
    let failure = refused(do_archive(&session, &given));
    assert_eq!((failure.code, failure.class), ("disk-full", Class::Environment));
    assert_eq!(fs::read_dir(&disk.0)?.count(), 0, "neither a file nor a folder is left");
    assert!(picture(&session)? == before);
    assert_sound(&session)
}

#[test]
fn a_package_on_another_disk_is_found_out_before_anything_changes() -> Outcome {
    let (given, session) = given(Place::new()?)?;
    let folder = show(&session, given.package)?.folder;
    let changes = |operation: Operation, what: &str, path: &Path| -> Outcome {
        let before = picture(&session)?;
        let mounted = Mounted::on_itself(path)?;
        let failure = refused(operation(&session, &given));
        assert_eq!((failure.code, failure.class), ("other-disk", Class::Environment), "{what}: {failure:?}");
        assert!(failure.message.contains("packages/"), "it says where: {}", failure.message);
        assert!(quick(&session, given.package)?.is_consistent(), "{what}");
        drop(mounted);
        assert!(picture(&session)? == before, "{what}: something changed");
        assert!(!given.archive.exists(), "{what}: an archive is left");
        assert_sound(&session)
    };
    for (operation, what) in
        [(do_update as Operation, "update"), (do_remove, "remove"), (do_rename, "rename"), (do_accept, "")]
    {
        if !what.is_empty() {
            changes(operation, what, &folder)?;
            changes(operation, what, &folder.join("data"))?;
            changes(operation, what, folder.parent().ok_or("it has one")?)?;
        }
    }
    changes(do_seal, "seal", &folder)?;
    do_seal(&session, &given)?;
    changes(do_archive, "archive", &folder.join("data"))?;
    changes(do_remove, "remove", &folder)?;
    // A folder that is there before its package.
    let other = session.root().join("packages/Second");
    fs::create_dir(&other)?;
    changes(do_register, "register", &other)?;
    fs::remove_dir(other)?;
    do_archive(&session, &given)?;
    let mounted = Mounted::on_itself(&folder)?;
    assert_eq!(refused(do_restore(&session, &given)).code, "other-disk");
    drop(mounted);
    do_restore(&session, &given)?;
    assert_sound(&session)
}

#[test]
fn packages_on_another_disk_than_the_library_are_refused_before_copying() -> Outcome {
    let (given, session) = given(Place::new()?)?;
    let packages = session.root().join("packages");
    let disk = Mounted::memory(&given.place.path("other"), "20m")?;
    let aside = given.place.path("aside");
    fs::rename(&packages, &aside)?;
    let copied = Command::new("cp").arg("-a").arg(&aside).arg(disk.0.join("packages")).status()?;
    assert!(copied.success());
    std::os::unix::fs::symlink(disk.0.join("packages"), &packages)?;
    for operation in [do_register as Operation, do_update, do_seal, do_remove, do_rename] {
        assert_eq!(refused(operation(&session, &given)).code, "other-disk");
        assert_eq!(fs::read_dir(session.root().join(".incoming"))?.count(), 0);
    }
    assert!(quick(&session, given.package)?.is_consistent(), "it can still be read");
    fs::remove_file(&packages)?;
    fs::rename(&aside, &packages)?;
    do_seal(&session, &given)?;
    assert_sound(&session)
}

#[test]
fn a_medium_that_cannot_be_written_is_read() -> Outcome {
    let place = Place::new()?;
    let disk = Mounted::memory(&place.root(), "20m")?;
    let (given, session) = given(place)?;
    drop(session);
    let before = tree(&disk.0)?;
    let done = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.0).status()?;
    assert!(done.success());
    let session = given.place.open()?;
    assert_eq!(session.read_only_reason(), Some(packhouse::session::ReadOnlyReason::Medium));
    assert_eq!(ask(&session, ListPackages {})?.len(), 1);
    assert_eq!(show(&session, given.package)?.record.key.to_string(), "First@1");
    assert_eq!(ask(&session, ReadContents { package: given.package })?.rows.len(), 3);
    assert_eq!(ask(&session, FindFiles { search: Search::new("folder"), limit: 10 })?.files.len(), 1);
    assert!(
        quick(&session, given.package)?.is_consistent() && deep(&session, given.package)?.is_consistent()
    );
    assert!(matches!(ask(&session, VerifyHistory {})?, ChainState::Verified { .. }));
    ask(&session, Export { package: given.package, to: given.place.path("exported") })?;
    let operations: [Operation; 8] =
        [do_register, do_update, do_seal, do_accept, do_archive, do_restore, do_remove, do_rename];
    for operation in operations {
        assert_eq!(refused(operation(&session, &given)).code, "read-only");
    }
    let note = AddNote { package: given.package, text: "a note".to_owned() };
    assert_eq!(refused(ask(&session, note)).code, "read-only");
    assert!(!given.archive.exists());
    // Two at once, and no word of a rebuild that nobody can do.
    assert!(given.place.open()?.is_read_only());
    assert_eq!(refused(rebuild(given.place.options(), &Work::new())).class, Class::Environment);
    drop(session);
    assert!(tree(&disk.0)? == before);
    Ok(())
}

#[test]
fn a_library_folder_that_goes_away_while_it_is_open_loses_nothing() -> Outcome {
    let (given, session) = given(Place::new()?)?;
    let before = picture(&session)?;
    let (root, aside) = (given.place.root(), given.place.path("gone"));
    fs::rename(&root, &aside)?;
    let operations: [Operation; 6] = [do_register, do_update, do_seal, do_accept, do_remove, do_rename];
    for operation in operations {
        let failure = refused(operation(&session, &given));
        assert_eq!((failure.code, failure.class), ("library-unreachable", Class::Environment), "{failure:?}");
        assert!(!root.exists(), "a folder was made in the place of the library");
    }
    for kind in [CheckKind::Quick, CheckKind::Deep] {
        let failure = refused(ask(&session, Check { package: given.package, kind }));
        assert_eq!(failure.code, "library-unreachable");
    }
    assert_eq!(ask(&session, ListPackages {})?.len(), 1, "what is known is still shown");
    fs::rename(&aside, &root)?;
    assert!(picture(&session)? == before);
    do_seal(&session, &given)?;
    assert_sound(&session)
}

#[test]
fn what_was_not_written_back_is_read_from_a_medium_that_cannot_be_written_or_missed() -> Outcome {
    let folder = temporary()?;
    let copy = Place::at(folder.path());
    let (given, session) = given(Place::new()?)?;
    // As a program leaves it that is killed: the last changes stand beside the database.
    let root = copy.root();
    let disk = Mounted::memory(&root, "20m")?;
    let from = format!("{}/.", given.place.root().display());
    assert!(Command::new("cp").args(["-a", &from]).arg(&root).status()?.success());
    assert!(fs::metadata(root.join("catalog.db-wal"))?.len() > 0);
    drop(session);
    let remount = |how: &str| Command::new("mount").args(["-o", how]).arg(&disk.0).status();
    assert!(remount("remount,ro")?.success());
    let session = copy.open()?;
    assert!(session.is_read_only());
    assert_eq!(ask(&session, ListPackages {})?.len(), 1);
    assert!(quick(&session, given.package)?.is_consistent());
    assert_eq!(ask(&session, FindFiles { search: Search::new("folder"), limit: 10 })?.files.len(), 1);
    drop(session);
    // Without the index they cannot be read there; then nothing old is shown in their place.
    assert!(remount("remount,rw")?.success());
    fs::remove_file(root.join("catalog.db-shm"))?;
    assert!(remount("remount,ro")?.success());
    let failure = refused(copy.open());
    assert_eq!((failure.code, failure.class), ("unreadable", Class::Environment));
    assert!(remount("remount,rw")?.success());
    assert_sound(&copy.open()?)
}
