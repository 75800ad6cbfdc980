//! Several programs and one library: rebuilding is for one alone, changes of one package take turns.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use packhouse::failure::Class;
use packhouse::package::record::PackageId;
use packhouse::session::{
    AddedFile, Edit, ListPackages, PackageEdit, ReadHistory, Remove, Session, UndoRemove, Unseal, Update,
    UpdateRequest, VerifyHistory, rebuild,
};
use packhouse::work::Work;

use crate::place::{Outcome, Place, ask, assert_sound, quick, refused, register, seal, show};

/// The command line, as another program.
fn cli(place: &Place) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
    command.arg("--library").arg(place.root()).env("PACKHOUSE_KEYS", place.path("keys"));
    command.env("HOME", place.path("home")).env("XDG_CONFIG_HOME", place.path("home"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_library_that_is_open_elsewhere_is_not_rebuilt() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa")])?;
    let session = place.open()?;
    let id = register(&session, &source, "Kept", "1")?.id;
    let entries = ask(&session, ReadHistory { filter: Default::default() })?.len();
    // By another program, and by the same one.
    let output = cli(&place).arg("rebuild").output()?;
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    let said = words(&output);
    assert!(said.contains("library-in-use") && said.contains("tester on bench (test, process "), "{said}");
    let failure = refused(rebuild(place.options(), &Work::new()));
    assert_eq!((failure.code, failure.class), ("library-in-use", Class::Refused));
    assert!(failure.temporary && failure.reason.contains("tester on bench"), "{failure:?}");

    // The session that was there all the time goes on, and nothing was changed.
    assert_eq!(ask(&session, ReadHistory { filter: Default::default() })?.len(), entries);
    assert!(quick(&session, id)?.is_consistent());
    register(&session, &source, "Kept", "2")?;
    assert_sound(&session)?;
    let left: Vec<_> = fs::read_dir(place.root())?.flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("old")), "{left:?}");
    drop(session);

    let output = cli(&place).arg("rebuild").output()?;
    assert!(output.status.success(), "{}", words(&output));
    let session = place.open()?;
    assert_eq!(ask(&session, ListPackages {})?.len(), 2);
    ask(&session, VerifyHistory {})?;
    Ok(())
}

#[test]
fn who_was_killed_keeps_nobody_from_rebuilding() -> Outcome {
    let place = Place::new()?;
    let inbox = place.path("inbox");
    fs::create_dir_all(&inbox)?;
    drop(place.open()?);
    let mut watching = cli(&place).arg("auto-register").arg(&inbox).arg("--watch").spawn()?;
    let open = place.root().join(".open");
    let holders = || fs::read_dir(&open).map_or(0, Iterator::count);
    assert!(crate::place::wait_until(20, || holders() == 2), "the other program says that it is there");
    assert_eq!(refused(rebuild(place.options(), &Work::new())).code, "library-in-use");
    watching.kill()?;
    watching.wait()?;
    rebuild(place.options(), &Work::new())?;
    assert_eq!(holders(), 1, "what the killed program left is gone");
    Ok(())
}

#[test]
fn opening_waits_for_a_rebuild_and_then_says_so() -> Outcome {
    let place = Place::new()?;
    drop(place.open()?);
    let gate = fs::File::options().write(true).open(place.root().join(".open/library"))?;
    // As a rebuild holds it.
    gate.lock()?;
    let failure = refused(place.open());
    assert_eq!((failure.code, failure.class), ("library-in-use", Class::Refused));
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| place.open().map(drop));
        gate.unlock()?;
        opening.join().expect("no panic")?;
        Ok(())
    })
}

#[test]
fn an_interrupted_change_is_finished_before_a_rebuild() -> Outcome {
    let strace = crate::support::tool("strace", "apt-get install strace");
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa"), ("b", b"b")])?;
    let session = place.open()?;
    let id = register(&session, &source, "Killed", "1")?.id;
    drop(session);
    let new = place.source("new", &[("c", b"cc")])?.join("c");
    let killed = Command::new(strace)
        .args(["-f", "-o", "/dev/null", "-e", "trace=rename", "-e", "inject=rename:signal=KILL:when=2"])
        .arg(env!("CARGO_BIN_EXE_packhouse-cli"))
        .arg("--library")
        .arg(place.root())
        .args(["update", "Killed@1", "--remove", "a", "--add"])
        .arg(new)
        .stderr(Stdio::null())
        .status()?;
    assert!(!killed.success(), "it was to be killed");
    let report = rebuild(place.options(), &Work::new())?;
    assert!(!report.lost.iter().any(|lost| lost.contains("interrupted")), "{report:?}");
    let session = place.open()?;
    assert!(quick(&session, id)?.is_consistent());
    assert_eq!(show(&session, id)?.record.checksum.files, 2);
    assert!(show(&session, id)?.folder.join("data/c").is_file());
    Ok(())
}

/// Adds a file of its own to the package, again while another program has it.
fn add(session: &Session, id: PackageId, from: PathBuf) -> Result<bool, Box<dyn std::error::Error>> {
    let add = vec![AddedFile { from, to: None }];
    match ask(session, Update { package: id, request: UpdateRequest { add, ..UpdateRequest::default() } }) {
        Ok(_) => Ok(true),
        Err(failure) if failure.code == "package-locked" => Ok(false),
        Err(failure) => Err(format!("{failure:?}").into()),
    }
}

#[test]
fn two_programs_change_one_package_in_turn() -> Outcome {
    const EACH: usize = 12;
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa")])?;
    let session = place.open()?;
    let id = register(&session, &source, "Shared", "1")?.id;
    let files = place.source("files", &[])?;
    for number in 0..EACH {
        fs::write(files.join(format!("ours {number}")), [1; 700])?;
        fs::write(files.join(format!("theirs {number}")), [2; 900])?;
    }
    let mut done = 1;
    for number in 0..EACH {
        let from = files.join(format!("theirs {number}"));
        let theirs = cli(&place).args(["update", "Shared@1", "--add"]).arg(from).spawn()?;
        done += u64::from(add(&session, id, files.join(format!("ours {number}")))?);
        let theirs = theirs.wait_with_output()?;
        assert!(theirs.status.success() || words(&theirs).contains("package-locked"), "{}", words(&theirs));
        done += u64::from(theirs.status.success());
    }
    assert_eq!(show(&session, id)?.record.checksum.files, done, "nothing that was done is lost");
    assert_eq!(done, 1 + 2 * EACH as u64, "five seconds of patience are enough");
    assert_sound(&session)
}

#[test]
fn renaming_removing_and_changing_at_once_leave_a_whole_library() -> Outcome {
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa"), ("b", b"b")])?;
    let (one, two) = (place.open()?, place.open()?);
    let id = register(&one, &source, "Moving", "1")?.id;
    let tolerated = ["package-locked", "wrong-state", "not-found", "nothing-to-undo"];
    let judge = |result: Result<(), packhouse::failure::Failure>| match result {
        Err(failure) if !tolerated.contains(&failure.code) => Err(format!("{failure:?}")),
        _ => Ok(()),
    };
    std::thread::scope(|scope| -> Outcome {
        let renaming = scope.spawn(|| {
            for round in 0..30 {
                let edit =
                    PackageEdit { name: Some(format!("Name {}", round % 3)), ..PackageEdit::default() };
                judge(ask(&two, Edit { package: id, edit }).map(drop))?;
                if round % 7 == 3 {
                    judge(ask(&two, Remove { package: id }).map(drop))?;
                    judge(ask(&two, UndoRemove {}).map(drop))?;
                }
            }
            Ok::<_, String>(())
        });
        for round in 0..30 {
            let from = source.join("a");
            let request = UpdateRequest {
                add: vec![AddedFile { from, to: Some(format!("more/{round}")) }],
                ..UpdateRequest::default()
            };
            judge(ask(&one, Update { package: id, request }).map(drop))?;
            if round % 5 == 0 {
                judge(seal(&one, id).map(drop))?;
                judge(ask(&one, Unseal { package: id }).map(drop))?;
            }
        }
        renaming.join().expect("no panic")?;
        Ok(())
    })?;
    assert_eq!(ask(&one, ListPackages {})?.len(), 1);
    assert_sound(&one)?;
    assert_sound(&two)
}

#[test]
fn a_copy_of_what_changes_meanwhile_is_no_package() -> Outcome {
    let strace = crate::support::tool("strace", "apt-get install strace");
    let place = Place::new()?;
    let source = place.source("source", &[("a", b"aaaa")])?;
    let session = place.open()?;
    let id = register(&session, &source, "Copied", "1")?.id;
    let (to, log) = (place.path("copy"), place.path("log"));
    // The other program stops when the copy is written, before it is judged.
    let exporting = Command::new(strace)
        .args(["-f", "-e", "trace=syncfs", "-e", "inject=syncfs:signal=STOP:when=1", "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_packhouse-cli"))
        .env("PACKHOUSE_KEYS", place.path("keys"))
        .arg("--library")
        .arg(place.root())
        .args(["export", "Copied@1", "--to"])
        .arg(&to)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // `NUMBER --- stopped by SIGSTOP ---`
    let stopped = || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let line = text.lines().find(|line| line.ends_with("stopped by SIGSTOP ---"));
        line.and_then(|line| line.split(' ').next()).map(str::to_owned)
    };
    assert!(crate::place::wait_until(30, || stopped().is_some()), "it stops where it was told to");
    assert!(to.join("data/a").is_file());
    assert!(add(&session, id, place.source("more", &[("b", b"bb")])?.join("b"))?);
    let process = stopped().ok_or("it is stopped")?;
    assert!(Command::new("kill").arg("-CONT").arg(process).status()?.success());
    let output = exporting.wait_with_output()?;
    assert!(words(&output).contains("changed-again"), "{}", words(&output));
    assert!(!to.exists(), "half a package is left");
    assert_sound(&session)
}
