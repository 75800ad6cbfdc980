//! A procedure tried on this computer: from a copy, with limits, and nothing of the package changes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use packhouse::package::procedure::{ExitMeaning, Procedure, ProcedureChoice, Task};
use packhouse::package::record::{ListedProcedure, PackageId};
use packhouse::session::{Register, RegisterRequest, Session, TryEnd, TryHere, TryReport, TryRequest};
use packhouse::work::Work;

use crate::place::{Outcome, Place, ask, data, deep, put, refused, tree, wait_until};

const LONG: Duration = Duration::from_secs(60);

/// A package whose only procedure runs this script with these arguments.
fn with_script(
    session: &Session,
    place: &Place,
    text: &str,
    change: impl FnOnce(&mut Procedure),
) -> Result<PackageId, Box<dyn std::error::Error>> {
    use std::os::unix::fs::PermissionsExt as _;
    let source =
        place.source("Tool 1.0", &[("bin/run.sh", text.as_bytes()), ("data.txt", b"of the package")])?;
    fs::set_permissions(source.join("bin/run.sh"), fs::Permissions::from_mode(0o755))?;
    let mut procedure = Procedure::new("Install", Task::Install, "bin/run.sh");
    change(&mut procedure);
    let listed = ListedProcedure { procedure, choice: ProcedureChoice::default() };
    let request = RegisterRequest { procedures: Some(vec![listed]), ..RegisterRequest::new(vec![source]) };
    Ok(ask(session, Register { request })?.record.id)
}

fn request(place: &Place, package: PackageId, time_limit: Duration) -> TryHere {
    let (procedure, scratch) = ("install".to_owned(), place.path("scratch"));
    TryHere { request: TryRequest { package, procedure, scratch, time_limit } }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

#[test]
fn it_runs_from_a_copy_and_nothing_of_the_package_changes() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let script = "#!/bin/sh\necho \"$1|$2|$HELLO\"; cat \"$PACKHOUSE_PACKAGE/data.txt\"; pwd >&2; echo out; echo err >&2\n\
                  echo spoiled > \"$PACKHOUSE_PACKAGE/../package/data.txt\"; rm -rf \"$PACKHOUSE_PACKAGE\"\n\
                  touch here; exit 3010\n";
    // No shell sees the arguments: a shell would make something of them.
    let package = with_script(&session, &place, &script.replace("3010", "194"), |procedure| {
        procedure.arguments = vec!["a b; exit 7".to_owned(), "$(id)".to_owned()];
        procedure.environment.insert("HELLO".to_owned(), "hello".to_owned());
        procedure.exit_codes.insert(194, ExitMeaning::OkRestart);
    })?;
    let before = tree(&place.root().join("packages"))?;
    let report: TryReport = ask(&session, request(&place, package, LONG))?;
    assert_eq!(report.end, TryEnd::Exited { code: 194, meaning: ExitMeaning::OkRestart });
    assert!(report.output.contains("a b; exit 7|$(id)|hello\nof the package"), "{}", report.output);
    let works_in = format!("{}/packhouse-try-", place.path("scratch").display());
    assert!(
        report.output.contains(&works_in) && report.output.ends_with("/work\nout\nerr\n"),
        "{}",
        report.output
    );
    assert!(!report.is_cut);
    assert!(tree(&place.root().join("packages"))? == before, "the package is as it was");
    assert!(deep(&session, package)?.is_consistent());
    assert!(is_empty(&place.path("scratch")), "nothing is left of the copy");
    Ok(())
}

#[test]
fn its_time_ends_and_so_it_does_when_it_is_cancelled() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    // What it starts is ended with it.
    let script = format!(
        "#!/bin/sh\necho begun; touch '{0}/begun'\n(sleep 300; touch '{0}/late') &\nsleep 300\n",
        place.path("").display()
    );
    let package = with_script(&session, &place, &script, |_| {})?;
    let start = Instant::now();
    let report = ask(&session, request(&place, package, Duration::from_millis(300)))?;
    assert_eq!(report.end, TryEnd::TimedOut);
    assert!(report.took >= Duration::from_millis(300) && start.elapsed() < LONG);
    fs::remove_file(place.path("begun"))?;
    let work = Work::new();
    let (ended, end) = std::sync::mpsc::channel();
    {
        let (session, work, request) = (session.clone(), work.clone(), request(&place, package, LONG));
        std::thread::spawn(move || ended.send(session.run(request, &work)));
    }
    assert!(wait_until(30, || place.path("begun").exists()));
    work.cancel();
    assert_eq!(refused(end.recv_timeout(LONG)?).code, "cancelled");
    assert!(is_empty(&place.path("scratch")));
    Ok(())
}

#[test]
fn what_it_says_is_bounded_and_what_cannot_be_is_refused() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let script = "#!/bin/sh\ni=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done\n";
    let package = with_script(&session, &place, script, |_| {})?;
    let report = ask(&session, request(&place, package, LONG))?;
    assert_eq!(report.end, TryEnd::Exited { code: 0, meaning: ExitMeaning::Ok });
    assert!(report.is_cut && report.output.len() <= 64 * 1024 && report.output.ends_with("line 19999\n"));
    let mut other = request(&place, package, LONG);
    other.request.procedure = "Uninstall".to_owned();
    assert_eq!(refused(ask(&session, other)).code, "no-such-procedure");
    // A package that differs is not tried.
    put(&data(&session, package)?, "new.txt", b"behind the back")?;
    assert_eq!(refused(ask(&session, request(&place, package, LONG))).code, "consistency-differs");
    assert!(is_empty(&place.path("scratch")));
    Ok(())
}

#[test]
fn a_program_of_the_system_finds_the_files_it_is_given() -> Outcome {
    let place = Place::new()?;
    let session = place.open()?;
    let package = with_script(&session, &place, "", |procedure| {
        procedure.program = "system:cat".to_owned();
        procedure.arguments = vec!["./data.txt".to_owned()];
    })?;
    let report = ask(&session, request(&place, package, LONG))?;
    assert_eq!(report.output, "of the package");
    Ok(())
}
