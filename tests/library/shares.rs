//! A library on a network share: one writer, everybody else reads, changes are looked for at intervals.
//!
//! A folder of this computer is treated as a share. What another program does there is done by a second program,
//! this test run again, or by a lease that another computer has written.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use packhouse::package::CheckKind;
use packhouse::session::{
    Actor, Check, Edit, FileSystem, FindFiles, MoveLibrary, OpenOptions, PackageEdit, ReadOnlyReason,
    Register, RegisterRequest, Search, Session, ShareOptions, rebuild,
};
use packhouse::work::Work;

use crate::place::{Outcome, Place};

const PATIENCE: Duration = Duration::from_secs(20);

fn options(place: &Place, who: &str, host: &str) -> OpenOptions {
    OpenOptions {
        actor: Actor { who: who.to_owned(), host: host.to_owned(), ..place.options().actor },
        share: ShareOptions {
            file_system: FileSystem::Share,
            read_only_if_in_use: false,
            copies: Some(place.path(&format!("copies of {host}"))),
        },
        ..place.options()
    }
}

fn read_only(place: &Place) -> OpenOptions {
    OpenOptions { read_only: true, ..options(place, "jan", "pc-7") }
}

fn register(session: &Session, place: &Place, name: &str) -> Outcome {
    let source = place.source(name, &[("bin/app.exe", b"content"), ("readme.txt", b"read me")])?;
    session.run(Register { request: RegisterRequest::new(vec![source]) }, &Work::new())?;
    Ok(())
}

/// Observes the session until its view is as wanted.
fn wait_for(session: &Session, wanted: impl Fn(&packhouse::session::View) -> bool) -> Outcome {
    let (waker, woken) = mpsc::channel();
    session.observe(std::sync::Arc::new(move || {
        let _ = waker.send(());
    }));
    let start = std::time::Instant::now();
    while !wanted(&session.view()) {
        let left = PATIENCE.checked_sub(start.elapsed()).ok_or("the view did not come")?;
        woken.recv_timeout(left)?;
    }
    Ok(())
}

#[test]
fn one_program_writes_and_another_is_told_who() -> Outcome {
    let place = Place::new()?;
    let anna = Session::open(options(&place, "anna", "pc-114"))?;
    register(&anna, &place, "Tool 1.0")?;
    let refused = Session::open(options(&place, "jan", "pc-7")).expect_err("anna has it");
    assert_eq!(refused.code, "library-in-use-elsewhere");
    assert_eq!(refused.message, "the library is in use by anna on pc-114");
    drop(anna);
    assert!(!place.root().join("in-use.json").exists(), "the lease is given back");
    Session::open(options(&place, "jan", "pc-7"))?;
    Ok(())
}

#[test]
fn a_reader_sees_what_the_writer_does_and_changes_nothing() -> Outcome {
    let place = Place::new()?;
    let anna = Session::open(options(&place, "anna", "pc-114"))?;
    register(&anna, &place, "Tool 1.0")?;
    let jan = Session::open(read_only(&place))?;
    assert!(jan.is_read_only());
    wait_for(&jan, |view| view.packages.len() == 1)?;
    let holder = jan.view().in_use_by.clone().ok_or("somebody has it")?;
    assert_eq!((holder.who.as_str(), holder.host.as_str()), ("anna", "pc-114"));
    register(&anna, &place, "Other 2.0")?;
    wait_for(&jan, |view| view.packages.len() == 2)?;
    let found = jan.run(FindFiles { search: Search::new("readme.txt"), limit: 10 }, &Work::new())?;
    assert_eq!(found.files.len(), 2, "the files are searched in the copy");
    let package = jan.view().packages.iter().next().ok_or("a package")?.id;
    let edit = PackageEdit { comment: Some("mine".to_owned()), ..PackageEdit::default() };
    let refused = jan.run(Edit { package, edit }, &Work::new()).expect_err("read-only");
    assert_eq!(refused.code, "library-in-use-elsewhere");
    drop(jan);
    assert_eq!(fs::read_dir(place.path("copies of pc-7"))?.count(), 0, "no copy is left");
    Ok(())
}

#[test]
fn a_program_that_may_read_only_opens_without_an_error() -> Outcome {
    let place = Place::new()?;
    let _anna = Session::open(options(&place, "anna", "pc-114"))?;
    let mut wish = options(&place, "jan", "pc-7");
    wish.share.read_only_if_in_use = true;
    assert!(Session::open(wish)?.is_read_only());
    Ok(())
}

/// Leaves the lease of another computer, renewed this long ago.
fn leave_lease(place: &Place, host: &str, process: u32, age: Duration) -> Outcome {
    let text = format!(
        r#"{{"who":"anna","host":"{host}","how":"console","process":{process},"since":"2026-11-21T08:12:00Z",
            "lease":"6c0d8a4e-3a83-4a56-a0d6-2f6f5e1b8a11","renewed":"2026-11-21T08:12:00Z"}}"#
    );
    let path = place.root().join("in-use.json");
    fs::write(&path, text)?;
    File::options().write(true).open(&path)?.set_modified(SystemTime::now() - age)?;
    Ok(())
}

#[test]
fn a_lease_counts_for_two_minutes() -> Outcome {
    let place = Place::new()?;
    drop(Session::open(options(&place, "jan", "pc-7"))?);
    leave_lease(&place, "pc-114", 1, Duration::from_secs(100))?;
    let refused = Session::open(options(&place, "jan", "pc-7")).expect_err("it is renewed every 30 seconds");
    assert!(refused.reason.contains("since 2026-11-21 08:12:00 UTC"), "{}", refused.reason);
    leave_lease(&place, "pc-114", 1, Duration::from_secs(121))?;
    assert!(!Session::open(options(&place, "jan", "pc-7"))?.is_read_only());
    Ok(())
}

#[test]
fn the_lease_of_a_killed_program_of_this_computer_counts_no_more() -> Outcome {
    let place = Place::new()?;
    drop(Session::open(options(&place, "jan", "pc-7"))?);
    let mut gone = Command::new("true").spawn()?;
    gone.wait()?;
    leave_lease(&place, "pc-7", gone.id(), Duration::ZERO)?;
    Session::open(options(&place, "jan", "pc-7"))?;
    Ok(())
}

#[test]
fn what_is_no_lease_is_somebodys_until_it_is_old() -> Outcome {
    let place = Place::new()?;
    drop(Session::open(options(&place, "jan", "pc-7"))?);
    let path = place.root().join("in-use.json");
    fs::write(&path, vec![b'['; 1 << 20])?;
    assert!(Session::open(options(&place, "jan", "pc-7")).is_err());
    File::options().write(true).open(&path)?.set_modified(SystemTime::now() - Duration::from_secs(121))?;
    Session::open(options(&place, "jan", "pc-7"))?;
    Ok(())
}

/// The other program: opens the library named in the environment as a share and keeps it until it is killed.
#[test]
fn other_program() -> Outcome {
    let Ok(folder) = std::env::var("SHARE_TEST_FOLDER") else { return Ok(()) };
    let place = Place::at(folder.as_ref());
    let session = Session::open(options(&place, "anna", &std::env::var("SHARE_TEST_HOST")?))?;
    register(&session, &place, "Tool 1.0")?;
    fs::write(place.path("ready"), "")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(())
}

fn start_other(place: &Place, host: &str) -> Result<Child, Box<dyn std::error::Error>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--exact", "shares::other_program", "--nocapture"])
        .env("SHARE_TEST_FOLDER", place.path(""))
        .env("SHARE_TEST_HOST", host)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = BufReader::new(child.stdout.take().ok_or("its output")?);
    let start = std::time::Instant::now();
    while !place.path("ready").exists() {
        if start.elapsed() > PATIENCE || child.try_wait()?.is_some() {
            let mut said = String::new();
            while output.read_line(&mut said)? > 0 {}
            return Err(said.into());
        }
        std::thread::yield_now();
    }
    Ok(child)
}

#[test]
fn of_two_programs_one_writes_and_its_death_frees_the_library() -> Outcome {
    let place = Place::new()?;
    let mut other = start_other(&place, "pc-114")?;
    let here = options(&place, "jan", "pc-114");
    let refused = Session::open(here.clone()).expect_err("the other program has it");
    assert_eq!(refused.code, "library-in-use-elsewhere");
    let reader = Session::open(OpenOptions { read_only: true, ..here.clone() })?;
    wait_for(&reader, |view| view.packages.len() == 1)?;
    // A computer elsewhere that asks the database itself is kept out of it, not only by word.
    let direct = packhouse::store::Catalogue::open_read_only(&place.root().join("catalog.db"), false)
        .and_then(|catalogue| catalogue.library_value("id"));
    assert!(direct.is_err_and(|error| error.is_busy()), "the writer has the database to itself");
    other.kill()?;
    other.wait()?;
    let writer = Session::open(here)?;
    register(&writer, &place, "Other 2.0")?;
    wait_for(&reader, |view| view.packages.len() == 2)?;
    Ok(())
}

#[test]
fn the_journal_is_one_that_shares_can_take_and_goes_back_on_a_disk() -> Outcome {
    let place = Place::new()?;
    drop(place.open()?);
    let writes_as_wal =
        || -> std::io::Result<bool> { Ok(fs::read(place.root().join("catalog.db"))?[18] == 2) };
    assert!(writes_as_wal()?);
    drop(Session::open(options(&place, "anna", "pc-114"))?);
    assert!(!writes_as_wal()?, "a WAL needs memory that two computers do not share");
    drop(place.open()?);
    assert!(writes_as_wal()?);
    Ok(())
}

#[test]
fn packages_on_a_share_are_looked_at_again_and_again() -> Outcome {
    let place = Place::new()?;
    let anna = Session::open(options(&place, "anna", "pc-114"))?;
    register(&anna, &place, "Tool 1.0")?;
    wait_for(&anna, |view| view.watching.polls_every == Some(Duration::from_secs(900)))?;
    let id = anna.view().packages.iter().next().ok_or("a package")?.id;
    fs::write(place.root().join("packages/Tool/1.0/data/new.txt"), "new")?;
    anna.poll_every(Duration::from_millis(20));
    let start = std::time::Instant::now();
    while anna.view().packages.find(id).is_none_or(|package| package.marked.is_none()) {
        assert!(start.elapsed() < PATIENCE, "the change was not noticed");
        std::thread::yield_now();
    }
    let report = anna.run(Check { package: id, kind: CheckKind::Quick }, &Work::new())?;
    assert!(!report.is_consistent());
    Ok(())
}

#[test]
fn a_share_that_is_gone_changes_no_package() -> Outcome {
    let place = Place::new()?;
    let anna = Session::open(options(&place, "anna", "pc-114"))?;
    register(&anna, &place, "Tool 1.0")?;
    wait_for(&anna, |view| view.packages.len() == 1)?;
    fs::rename(place.root(), place.path("unplugged"))?;
    anna.poll_every(Duration::from_millis(1));
    let start = std::time::Instant::now();
    while anna.view().unreachable.is_none() {
        assert!(start.elapsed() < PATIENCE, "nobody noticed");
        std::thread::yield_now();
    }
    assert!(anna.view().packages.iter().all(|package| package.marked.is_none()));
    fs::rename(place.path("unplugged"), place.root())?;
    while anna.view().unreachable.is_some() {
        assert!(start.elapsed() < PATIENCE, "it does not come back");
        std::thread::yield_now();
    }
    register(&anna, &place, "Other 2.0")?;
    assert!(anna.view().packages.iter().all(|package| package.marked.is_none()));
    Ok(())
}

/// The two bytes of a database that say how it is written: 2 is a WAL.
fn is_written_as_wal(database: &std::path::Path) -> std::io::Result<bool> {
    Ok(fs::read(database)?[18] == 2)
}

#[test]
fn a_library_that_moves_is_never_written_with_a_wal_on_its_way() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    register(&session, &place, "Tool 1.0")?;
    let to = place.path("share/library");
    session.run(MoveLibrary { to: to.clone() }, &Work::new())?;
    drop(session);
    assert!(!is_written_as_wal(&to.join("catalog.db"))?, "the new folder may lie on a share");
    assert!(is_written_as_wal(&place.root().join("catalog.db"))?);
    // Whoever opens it next uses what its file system takes.
    drop(Session::open(OpenOptions { root: to.clone(), create: false, ..place.options() })?);
    assert!(is_written_as_wal(&to.join("catalog.db"))?);
    Ok(())
}

#[test]
fn a_rebuild_on_a_share_is_the_one_writer() -> Outcome {
    let place = Place::new()?;
    let anna = Session::open(options(&place, "anna", "pc-114"))?;
    for number in 0..20 {
        register(&anna, &place, &format!("Tool {number}.0"))?;
    }
    drop(anna);
    // Somebody on another computer has it, whom no lock of this computer keeps out.
    leave_lease(&place, "pc-114", 1, Duration::ZERO)?;
    let before = fs::read(place.root().join("catalog.db"))?;
    let mut wish = options(&place, "jan", "pc-7");
    for read_only_if_in_use in [false, true] {
        wish.share.read_only_if_in_use = read_only_if_in_use;
        let refused = rebuild(wish.clone(), &Work::new()).expect_err("anna has it");
        assert_eq!(refused.code, "library-in-use-elsewhere");
    }
    assert_eq!(fs::read(place.root().join("catalog.db"))?, before, "nothing was built over hers");
    fs::remove_file(place.root().join("in-use.json"))?;

    // While it is built, the lease says who does it.
    wish.share.read_only_if_in_use = false;
    let work = Work::new();
    let (lease, mut seen) = (place.root().join("in-use.json"), false);
    let (ended, end) = mpsc::channel();
    let building = work.clone();
    work.pause();
    std::thread::spawn(move || ended.send(rebuild(wish, &building)));
    let start = std::time::Instant::now();
    while work.progress().phase != "Reading packages" {
        assert!(start.elapsed() < PATIENCE, "it was not begun");
        std::thread::yield_now();
    }
    seen |= fs::read_to_string(&lease).is_ok_and(|text| text.contains("jan"));
    work.resume();
    let report = end.recv_timeout(PATIENCE)??;
    assert!(seen, "the lease was held while it was built");
    assert_eq!(report.packages.len(), 20);
    assert!(!lease.exists(), "and given back");
    Session::open(options(&place, "anna", "pc-114"))?;
    Ok(())
}

#[test]
fn why_a_library_can_only_be_read_is_known() -> Outcome {
    let place = Place::new()?;
    let anna = Session::open(options(&place, "anna", "pc-114"))?;
    assert_eq!(anna.read_only_reason(), None);
    assert_eq!(Session::open(read_only(&place))?.read_only_reason(), Some(ReadOnlyReason::Asked));
    let mut wish = options(&place, "jan", "pc-7");
    wish.share.read_only_if_in_use = true;
    assert_eq!(Session::open(wish)?.read_only_reason(), Some(ReadOnlyReason::InUse));
    Ok(())
}
