//! The library moves: the copy is proven, one of the two folders is the library at every moment, and nobody else has it
//! open meanwhile.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use packhouse::package::record::PackageId;
use packhouse::package::{CheckKind, HistoryEvent};
use packhouse::session::{
    AddGroup, Archive, ArchiveRequest, DeleteOldCopy, HistoryFilter, ListGroups, ListPackages, Look,
    MoveLibrary, OpenOptions, ReadHistory, ReadInfo, Remove, Session, UndoRemove,
};
use packhouse::work::Work;

use crate::place::{Outcome, Place, ask, assert_sound, data, put, refused, register, seal, show, tree};
use crate::support::tool;

/// What the child is told: the folder of the place.
const FOLDER: &str = "PACKHOUSE_TEST_MOVE";

fn options(place: &Place, root: &Path) -> OpenOptions {
    OpenOptions { root: root.to_owned(), create: false, ..place.options() }
}

/// Sealed, archived, removed, changed behind the back, with a link put there by somebody.
fn filled(place: &Place) -> Result<(Session, PackageId), Box<dyn std::error::Error>> {
    let session = place.open()?;
    let source = place.source("source", &[("bin/a", &vec![1; 6 << 20]), ("b", b"b")])?;
    let sealed = register(&session, &source, "Sealed", "1")?.id;
    seal(&session, sealed)?;
    let archived = register(&session, &source, "Archived", "1")?.id;
    seal(&session, archived)?;
    let request = ArchiveRequest { folder: place.path("archive"), comment: String::new() };
    ask(&session, Archive { package: archived, request })?;
    let removed = register(&session, &source, "Removed", "1")?.id;
    ask(&session, Remove { package: removed })?;
    let changed = register(&session, &source, "Changed", "1")?.id;
    put(&data(&session, changed)?, "new", b"behind the back")?;
    std::os::unix::fs::symlink("new", data(&session, changed)?.join("link"))?;
    ask(&session, AddGroup { name: "Empty group".to_owned() })?;
    Ok((session, changed))
}

fn contents(root: &Path) -> std::io::Result<std::collections::BTreeMap<String, String>> {
    let mut all = std::collections::BTreeMap::new();
    for folder in ["packages", ".trash"] {
        for (path, found) in tree(&root.join(folder))? {
            all.insert(format!("{folder}/{path}"), format!("{found:?}"));
        }
    }
    Ok(all)
}

#[test]
fn it_moves_whole_and_the_old_folder_stays_until_it_is_deleted() -> Outcome {
    let place = Place::new()?;
    let (session, changed) = filled(&place)?;
    let before = contents(&place.root())?;
    let modified = fs::metadata(data(&session, changed)?.join("b"))?.modified()?;
    let found = ask(&session, Look { package: changed, kind: CheckKind::Deep })?;
    let to = place.path("new place/library");
    let moved = ask(&session, MoveLibrary { to: to.clone() })?;
    assert_eq!((moved.to.as_path(), moved.from.as_path()), (to.as_path(), place.root().as_path()));
    assert_eq!((moved.proven, moved.compared), (1, 1));

    // The session that is still open can read, and nothing else.
    assert!(session.is_read_only());
    assert_eq!(ask(&session, ListPackages {})?.len(), 3);
    assert_eq!(refused(ask(&session, AddGroup { name: "x".to_owned() })).code, "library-moved");
    let old = refused(place.open().map(|_| ()));
    assert_eq!(old.code, "library-moved");
    assert!(old.action.contains(&to.display().to_string()), "{old:?}");
    drop(session);

    let session = Session::open(options(&place, &to))?;
    assert_eq!(contents(&to)?, before);
    assert_eq!(fs::metadata(data(&session, changed)?.join("b"))?.modified()?, modified);
    let again = ask(&session, Look { package: changed, kind: CheckKind::Deep })?;
    assert_eq!((again.finding, again.differences), (found.finding, found.differences));
    assert_eq!(ask(&session, ListGroups {})?, ["Empty group"]);
    assert_eq!(ask(&session, UndoRemove {})?.to_string(), "Removed@1");
    let events = vec![HistoryEvent::LibraryMoved];
    let history =
        ask(&session, ReadHistory { filter: HistoryFilter { events, ..HistoryFilter::default() } })?;
    assert_eq!(history.len(), 1);
    fs::remove_dir_all(show(&session, changed)?.folder)?;
    ask(&session, packhouse::session::RemoveForGood { package: changed })?;
    let info = ask(&session, ReadInfo {})?;
    assert_eq!(info.old_copy.as_deref(), Some(place.root().as_path()));
    assert_sound(&session)?;

    assert!(place.root().join("packages").is_dir());
    put(&place.root(), "packages/note.txt", b"somebody's")?;
    assert_eq!(ask(&session, DeleteOldCopy {})?, place.root());
    assert!(!place.root().exists());
    assert_eq!(ask(&session, ReadInfo {})?.old_copy, None);
    assert_eq!(refused(ask(&session, DeleteOldCopy {})).code, "no-old-copy");
    assert_sound(&session)
}

#[test]
fn what_must_not_be_is_refused_and_leaves_nothing() -> Outcome {
    let place = Place::new()?;
    let (session, _) = filled(&place)?;
    let to = |name: &str| MoveLibrary { to: place.path(name) };
    assert_eq!(refused(ask(&session, to("library/inside"))).code, "source-in-library");
    assert_eq!(refused(ask(&session, MoveLibrary { to: place.path("") })).code, "source-in-library");
    place.source("full", &[("a", b"a")])?;
    assert_eq!(refused(ask(&session, to("full"))).code, "folder-not-empty");
    assert_eq!(fs::read_dir(place.path("full"))?.count(), 1);

    let other = place.open()?;
    assert_eq!(refused(ask(&session, to("new"))).code, "library-in-use");
    assert!(!place.path("new").exists());
    drop(other);
    let work = Work::new();
    work.cancel();
    assert_eq!(refused(session.run(to("new"), &work)).code, "cancelled");
    assert!(!place.path("new").exists());
    assert!(!session.is_read_only(), "it goes on where it is");

    // While it is copied nobody else opens it, and nothing changes.
    let work = Work::new();
    work.pause();
    let (ended, end) = std::sync::mpsc::channel();
    {
        let (session, work, request) = (session.clone(), work.clone(), to("new"));
        std::thread::spawn(move || ended.send(session.run(request, &work)));
    }
    assert!(crate::place::wait_until(30, || work.progress().phase == "Copying the library"));
    assert_eq!(refused(place.open().map(|_| ())).code, "library-in-use");
    assert_eq!(refused(ask(&session, AddGroup { name: "x".to_owned() })).code, "library-moving");
    work.cancel();
    assert_eq!(refused(end.recv_timeout(std::time::Duration::from_secs(30))?).code, "cancelled");
    assert!(!place.path("new").exists());
    ask(&session, AddGroup { name: "x".to_owned() })?;
    drop(session);
    place.open()?;
    Ok(())
}

/// The child of the test below; by itself it moves a library once.
#[test]
fn a_child_moves_a_library() -> Outcome {
    let temporary;
    let place = match std::env::var_os(FOLDER) {
        Some(folder) => Place::at(Path::new(&folder)),
        None => {
            temporary = Place::new()?;
            filled(&temporary)?;
            Place::at(&temporary.path(""))
        }
    };
    ask(&place.open()?, MoveLibrary { to: place.path("new") })?;
    Ok(())
}

#[test]
fn killed_at_any_moment_one_of_the_two_is_the_library() -> Outcome {
    let strace = tool("strace", "apt-get install strace");
    let (mut here, mut there) = (0, 0);
    for call in ["rename", "fsync", "unlink", "openat"] {
        let mut nth = 1;
        loop {
            let place = Place::new()?;
            let (session, changed) = filled(&place)?;
            // Unfinished work of others is not what is tried here.
            ask(&session, packhouse::session::RemoveForGood { package: changed })?;
            drop(session);
            let before = contents(&place.root())?;
            let status = Command::new(&strace)
                .args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"])
                .arg(format!("inject={call}:signal=KILL:when={nth}"))
                .arg(std::env::current_exe()?)
                .args(["moving::a_child_moves_a_library", "--exact"])
                .env(FOLDER, place.path(""))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            let session = match place.open() {
                Ok(session) => {
                    here += 1;
                    session
                }
                Err(failure) => {
                    assert_eq!(failure.code, "library-moved", "{call} {nth}: {failure:?}");
                    there += 1;
                    Session::open(options(&place, &place.path("new")))?
                }
            };
            assert_eq!(contents(session.root())?, before, "{call} {nth}");
            assert_sound(&session)?;
            if session.root() == place.root() {
                // And it can be done again, over what was left of the first time.
                let moved = ask(&session, MoveLibrary { to: place.path("new") })?;
                drop(session);
                assert_sound(&Session::open(options(&place, &moved.to))?)?;
            }
            if status.success() {
                break;
            }
            nth += if call == "openat" { 401 } else { 2 };
        }
    }
    assert!(here > 5 && there > 2, "kills before and after the decision: {here}, {there}");
    Ok(())
}
