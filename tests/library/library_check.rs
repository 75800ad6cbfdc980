//! The library check: it can stand still, go slowly, outlive the program, and never takes a lost disk for damage.

use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use packhouse::package::Finding;
use packhouse::package::record::PackageId;
use packhouse::session::{
    CheckGroup, CheckOrder, CheckRun, ForgetLibraryCheck, LibraryCheck, ListPackages, ReadLibraryCheck,
    RemoveForGood, RunLibraryCheck, Session,
};
use packhouse::work::Work;

use crate::place::{Outcome, Place, ask, assert_sound, data, put, refused, register, show, wait_until};

const MIB: usize = 1 << 20;

fn all() -> RunLibraryCheck {
    RunLibraryCheck { run: CheckRun { order: Some(CheckOrder::default()), restart: false } }
}

fn go_on() -> RunLibraryCheck {
    RunLibraryCheck { run: CheckRun::default() }
}

/// A library of packages of 4 MiB each.
fn filled(place: &Place, count: usize) -> Result<(Session, Vec<PackageId>), Box<dyn std::error::Error>> {
    let session = place.open()?;
    let mut ids = Vec::new();
    for number in 0..count {
        let content = vec![number as u8; 4 * MIB];
        let source = place.source(&format!("source {number}"), &[("bin/a", &content), ("b", b"b")])?;
        ids.push(register(&session, &source, &format!("Tool {number}"), "1.0")?.id);
    }
    Ok((session, ids))
}

fn flip(path: &std::path::Path) -> std::io::Result<()> {
    let mut content = fs::read(path)?;
    content[3 * MIB] ^= 1;
    fs::write(path, content)
}

fn kept(session: &Session) -> Result<LibraryCheck, Box<dyn std::error::Error>> {
    Ok(ask(session, ReadLibraryCheck {})?.ok_or("a check is kept")?)
}

#[test]
fn each_package_ends_in_its_group_with_its_files() -> Outcome {
    let place = Place::new()?;
    let (session, ids) = filled(&place, 4)?;
    assert!(ask(&session, ReadLibraryCheck {})?.is_none());
    assert_eq!(refused(ask(&session, go_on())).code, "no-check");
    flip(&data(&session, ids[1])?.join("bin/a"))?;
    fs::remove_dir_all(show(&session, ids[2])?.folder)?;
    // Nobody can read a folder in the place of a file.
    let odd = data(&session, ids[3])?.join("b");
    fs::remove_file(&odd)?;
    std::os::unix::fs::symlink("a", &odd)?;

    let work = Work::new();
    let check = session.run(all(), &work)?;
    let group = |id: PackageId| {
        check
            .done
            .iter()
            .find(|row| row.id == id)
            .map(|row| (row.group, row.finding))
            .expect("it was checked")
    };
    assert_eq!(group(ids[0]), (CheckGroup::Whole, Some(Finding::Consistent)));
    assert_eq!(group(ids[1]), (CheckGroup::NotRepairable, Some(Finding::Damaged)));
    assert_eq!(group(ids[2]), (CheckGroup::NotRepairable, Some(Finding::Missing)));
    assert_eq!(group(ids[3]), (CheckGroup::Unreadable, Some(Finding::Unreadable)));
    let damaged = check.done.iter().find(|row| row.id == ids[1]).ok_or("it is there")?;
    assert_eq!(damaged.troubled.len(), 1);
    assert_eq!(damaged.troubled[0].path, "bin/a");
    assert!(damaged.troubled[0].what.contains("block 1"), "{damaged:?}");
    assert!(check.ended.is_some() && !check.running && !check.is_whole());
    assert_eq!((check.left_packages, check.total_bytes), (0, 4 * (4 * MIB as u64 + 1)));
    let progress = work.progress();
    assert_eq!((progress.done_packages, progress.total_packages), (4, 4));
    assert_eq!(progress.done_bytes, progress.total_bytes);
    assert_eq!(
        show(&session, ids[1])?.record.finding,
        Finding::Damaged,
        "the outcome is kept with the package"
    );
    assert_eq!(kept(&session)?, check, "and the result can be read again");

    // Only what did not agree, and only what was not read since: each by itself and both.
    let order = CheckOrder { damaged_only: true, ..CheckOrder::default() };
    let again = ask(&session, RunLibraryCheck { run: CheckRun { order: Some(order), restart: false } })?;
    assert_eq!(again.done.len(), 3);
    let order = CheckOrder { not_since: Some(check.begun), ..CheckOrder::default() };
    let again = ask(&session, RunLibraryCheck { run: CheckRun { order: Some(order), restart: false } })?;
    assert_eq!(again.done.len(), 0, "all were read since");
    let order = CheckOrder { packages: Some(vec![ids[0]]), ..CheckOrder::default() };
    let again = ask(&session, RunLibraryCheck { run: CheckRun { order: Some(order), restart: false } })?;
    assert!(again.is_whole() && again.done.len() == 1);
    ask(&session, ForgetLibraryCheck {})?;
    assert!(ask(&session, ReadLibraryCheck {})?.is_none());
    Ok(())
}

#[test]
fn it_stands_still_goes_on_and_reads_nothing_twice_after_a_restart() -> Outcome {
    let place = Place::new()?;
    let (session, ids) = filled(&place, 3)?;
    let work = Work::new();
    // Slow enough that it is in the middle for as long as this test wants.
    work.set_rate(Some(16 * MIB as u64));
    let (ended, end) = mpsc::channel();
    let runner = {
        let (session, work) = (session.clone(), work.clone());
        std::thread::spawn(move || ended.send(session.run(all(), &work)))
    };
    assert!(wait_until(30, || work.progress().done_packages == 1), "{:?}", work.progress());
    work.pause();
    let state = kept(&session)?;
    assert!(state.running && state.ended.is_none());
    assert_eq!(refused(ask(&session, go_on())).code, "check-running");
    // What was being read when it was told to stand still ends; then nothing moves.
    let mut last = work.progress().done_bytes;
    assert!(
        wait_until(30, || {
            std::thread::park_timeout(Duration::from_millis(100));
            let now = work.progress().done_bytes;
            std::mem::replace(&mut last, now) == now
        }),
        "it stands still"
    );
    assert!(end.try_recv().is_err());
    work.cancel();
    let stopped = end.recv_timeout(Duration::from_secs(30))?;
    assert_eq!(refused(stopped).code, "cancelled");
    runner.join().map_err(|_| "the thread panicked")??;
    drop(session);

    let session = place.open()?;
    let state = kept(&session)?;
    assert!(!state.running && state.ended.is_none(), "it is offered to go on");
    assert_eq!((state.done.len(), state.left_packages), (1, 2));
    let first = state.done[0].id;
    let read_at = show(&session, first)?.record.deep.ok_or("it was read")?.at;
    let other = CheckOrder { damaged_only: true, ..CheckOrder::default() };
    let run = CheckRun { order: Some(other), restart: false };
    assert_eq!(refused(ask(&session, RunLibraryCheck { run })).code, "check-unfinished");
    // One of those that are left goes away meanwhile.
    let gone = ids.iter().copied().rfind(|id| *id != first).ok_or("one is left")?;
    ask(&session, RemoveForGood { package: gone })?;
    let check = ask(&session, all())?;
    assert_eq!(check.begun, state.begun, "the same order goes on with the same check");
    assert_eq!(check.done.len(), 3);
    assert_eq!(check.in_group(CheckGroup::Passed).map(|row| row.id).collect::<Vec<_>>(), [gone]);
    assert_eq!(check.in_group(CheckGroup::Whole).count(), 2);
    assert_eq!(
        show(&session, first)?.record.deep.map(|deep| deep.at),
        Some(read_at),
        "it was not read again"
    );
    assert_sound(&session)
}

#[test]
fn a_lost_disk_stops_it_and_changes_no_package() -> Outcome {
    let place = Place::new()?;
    let (session, ids) = filled(&place, 2)?;
    let packages = place.root().join("packages");
    let away = place.path("away");
    let work = Work::new();
    work.set_rate(Some(MIB as u64));
    let (ended, end) = mpsc::channel();
    {
        let (session, work) = (session.clone(), work.clone());
        std::thread::spawn(move || ended.send(session.run(all(), &work)));
    }
    assert!(wait_until(30, || work.progress().done_bytes > 0));
    work.pause();
    fs::rename(&packages, &away)?;
    // What is open can still be read; damage it, so that only the reason keeps it from being taken for damage.
    for number in 0..2 {
        flip(&away.join(format!("Tool {number}/1.0/data/bin/a")))?;
    }
    work.set_rate(None);
    work.resume();
    let stopped = end.recv_timeout(Duration::from_secs(30))?;
    assert_eq!(refused(stopped).code, "library-unreachable");
    let state = kept(&session)?;
    assert!(state.stopped_because.is_some() && !state.running && state.done.is_empty(), "{state:?}");
    for package in ask(&session, ListPackages {})? {
        let as_registered = (Finding::Consistent, Some(package.registered));
        assert_eq!((package.finding, package.deep_at), as_registered, "{}", package.key);
    }
    fs::rename(&away, &packages)?;
    put(&packages, &format!("Tool {}/1.0/data/bin/a", 0), &vec![0; 4 * MIB])?;
    put(&packages, &format!("Tool {}/1.0/data/bin/a", 1), &vec![1; 4 * MIB])?;
    let check = ask(&session, go_on())?;
    assert!(check.is_whole() && check.stopped_because.is_none());
    assert_eq!(check.done.len(), ids.len());
    Ok(())
}
