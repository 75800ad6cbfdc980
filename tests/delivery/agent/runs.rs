//! What an agent does with jobs: brings, checks, runs, tells.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use packhouse::delivery::agent::{Agent, AgentOptions};
use packhouse::delivery::documents::{BatchId, BatchPlace, Job, ReportedState, When};
use packhouse::package::procedure::{ExitMeaning, RunsOn};
use packhouse::transfer::clock::Wait;
use packhouse::transfer::{Clock, ManualClock};
use packhouse::work::Work;

use crate::agent::site::{Outcome, Site, done, failed, refused};

const RAN: &str = "echo \"ran $1\" >> \"$LOG\"; cat \"$PACKHOUSE_PACKAGE/data.txt\"; pwd";

#[test]
fn a_job_is_brought_run_and_told() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 2, |procedure| {
        procedure.arguments = vec!["$(id) a b".to_owned()];
    });
    let computer = site.computer("pc");
    let job = site.job(&package);
    site.give(&computer, std::slice::from_ref(&job));
    let report = site.poll(&computer);
    assert!(report.has_news && report.is_known);
    assert_eq!(site.runs(), ["ran $(id) a b"], "no shell saw the argument");
    let told = site.told(&computer, &job);
    let states: Vec<ReportedState> = told.iter().map(|told| told.state).collect();
    use ReportedState as S;
    let begins = [S::Received, S::Delivering];
    assert_eq!(states[..2], begins);
    assert_eq!(states[states.len() - 3..], [S::Delivered, S::Executing, S::Ok]);
    let last = told.last().ok_or("it ended")?;
    assert_eq!((last.exit_code, last.meaning), (Some(0), Some(ExitMeaning::Ok)));
    let output = last.output.as_deref().unwrap_or_default();
    assert!(output.contains("of the package"), "{output}");
    let stood = computer.folder.canonicalize()?.join("scratch").join(job.id.to_string()).join("work");
    assert!(output.contains(&stood.display().to_string()), "{output}");
    assert!(!computer.folder.join("scratch").exists(), "nothing is left there");
    let facts = site.reports(&computer).into_iter().rev().find_map(|report| report.facts).ok_or("facts")?;
    assert_eq!((facts.host.as_str(), facts.installed.len()), ("pc-17", 1));
    // Its own folder is its user's alone, and so are its secrets.
    for (name, mode) in [("", 0o700), ("agent.key", 0o600), ("agent.json", 0o600)] {
        let found = fs::metadata(computer.folder.join(name))?.permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    // Nothing happens twice, whatever is asked again.
    for _ in 0..3 {
        assert!(!site.poll(&computer).has_news);
    }
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.runs().len(), 1);
    // Installed by the agent itself: another job for it has nothing to do, unless it asks for it.
    let again = site.job(&package);
    let mut anew = site.job(&package);
    anew.reinstall = true;
    site.give(&computer, &[again.clone(), anew.clone()]);
    site.poll(&computer);
    assert_eq!(site.end(&computer, &again), Some((S::AlreadyInstalled, "already-installed".into())));
    assert_eq!(site.end(&computer, &anew), done());
    assert_eq!(site.runs().len(), 2);
    Ok(())
}

#[test]
fn what_differs_on_the_computer_is_brought_right_once_and_then_is_an_error() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 3, |_| {});
    let computer = site.computer("pc");
    let mut job = site.job(&package);
    job.run_at = Some(When::Site { time: site.now() + 1000 });
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.states(&computer, &job).last(), Some(&ReportedState::WaitingForTime));
    let data = computer.folder.join("packages/Tool/1.0/data");
    // One file cut short, one added, one gone: named, fetched again, set aside.
    fs::write(data.join("cargo.bin"), b"short")?;
    fs::write(data.join("added.txt"), b"mine")?;
    fs::remove_file(data.join("data.txt"))?;
    site.clock.advance(Duration::from_secs(1000));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), done());
    assert_eq!(site.runs(), ["ran "]);
    let aside = fs::read_dir(computer.folder.join("set-aside"))?.next().ok_or("set aside")??.path();
    assert_eq!(fs::read(aside.join("added.txt"))?, b"mine");
    // What cannot be brought right now is not run, and waits for the staging library.
    let mut second = site.job(&package);
    second.reinstall = true;
    second.run_at = Some(When::Site { time: site.now() + 1000 });
    site.give(&computer, std::slice::from_ref(&second));
    site.poll(&computer);
    fs::write(data.join("cargo.bin"), b"short")?;
    fs::remove_dir_all(&package.folder)?;
    fs::create_dir_all(&package.folder)?;
    for name in ["reginfo.json", "reginfo.json.minisig", "snapshot.meta4"] {
        let from = computer.folder.join("packages/Tool/1.0").join(name);
        fs::copy(from, package.folder.join(name))?;
    }
    site.clock.advance(Duration::from_secs(1000));
    site.poll(&computer);
    assert_eq!(site.runs().len(), 1, "what is not proven is not run");
    assert_eq!(
        site.end(&computer, &second),
        None,
        "the staging library has lost the package: it is waited for"
    );
    Ok(())
}

/// A clock that puts a file into the package whenever it is looked at.
struct Spoiler {
    clock: Arc<ManualClock>,
    file: PathBuf,
}

impl Clock for Spoiler {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn wall(&self) -> jiff::Timestamp {
        fs::write(&self.file, b"x").expect("it is written");
        self.clock.wall()
    }

    fn until(&self, moment: Duration) -> Wait<'_> {
        self.clock.until(moment)
    }
}

#[test]
fn after_the_second_time_the_differences_are_told() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 1, |_| {});
    let computer = site.computer("pc");
    let mut job = site.job(&package);
    job.run_at = Some(When::Site { time: site.now() + 1000 });
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    let data = computer.folder.join("packages/Tool/1.0/data");
    // A file that is put back whenever it is set aside.
    site.clock.advance(Duration::from_secs(1000));
    let clock = Arc::new(Spoiler { clock: Arc::clone(&site.clock), file: data.join("grows") });
    let mut agent = Agent::open(&computer.folder, AgentOptions { clock, ..site.options() })?;
    agent.poll_once(&Work::new())?;
    assert_eq!(site.end(&computer, &job), failed("consistency-differs"));
    let last = site.told(&computer, &job).pop().ok_or("told")?;
    let differences = last.differences.ok_or("the differences")?.differences;
    assert_eq!(differences.paths().collect::<Vec<_>>(), ["grows"]);
    let text = last.reason.ok_or("a reason")?.text;
    assert!(
        text.starts_with(
            "The package on this computer differs from its checksum. The procedure was not started."
        ),
        "{text}"
    );
    assert_eq!(site.runs().len(), 0);
    Ok(())
}

#[test]
fn an_external_procedure_is_not_checked_and_needs_no_file() -> Outcome {
    let mut site = Site::new();
    let tool = site.path("tool.sh");
    fs::write(&tool, "#!/bin/sh\necho external >> \"$LOG\"\n")?;
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755))?;
    let program = tool.display().to_string();
    let package = site.package(("Tool", "1.0"), RAN, 2, move |procedure| {
        procedure.external = true;
        procedure.program = program;
    });
    // What the staging library has of the files plays no part.
    fs::remove_dir_all(package.folder.join("data"))?;
    fs::remove_file(package.folder.join("snapshot.meta4"))?;
    let computer = site.computer("pc");
    let job = site.job(&package);
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), done());
    assert_eq!(site.runs(), ["external"]);
    assert!(!computer.folder.join("packages").exists());
    Ok(())
}

#[test]
fn times_limits_and_codes_are_kept() -> Outcome {
    let mut site = Site::new();
    let script = "echo ran >> \"$LOG\"; [ -e \"$LOG.again\" ] && exit 194; touch \"$LOG.again\"; exit 75";
    let package = site.package(("Later", "1"), script, 0, |procedure| {
        procedure.exit_codes.insert(75, ExitMeaning::TryAgain { after_minutes: 10 });
        procedure.exit_codes.insert(194, ExitMeaning::OkRestart);
    });
    let slow = site.package(("Slow", "1"), "(sleep 600; echo late >> \"$LOG\") & sleep 600", 0, |_| {});
    let bad = site.package(("Bad", "1"), "echo it failed >&2; exit 3", 0, |_| {});
    let elsewhere = site.package(("Elsewhere", "1"), RAN, 0, |procedure| {
        procedure.runs_on = RunsOn { systems: vec!["plan9".into()], ..RunsOn::default() };
    });
    let computer = site.computer("pc");
    let later = site.job(&package);
    site.give(&computer, std::slice::from_ref(&later));
    let report = site.poll(&computer);
    assert!(report.next <= Duration::from_secs(75), "it polls as the site says");
    assert_eq!(site.runs().len(), 1);
    site.clock.advance(Duration::from_secs(599));
    site.poll(&computer);
    assert_eq!(site.runs().len(), 1);
    site.clock.advance(Duration::from_secs(1));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &later), done());
    let last = site.told(&computer, &later).pop().ok_or("told")?;
    assert_eq!((last.exit_code, last.meaning), (Some(194), Some(ExitMeaning::OkRestart)));
    let mut hung = site.job(&slow);
    hung.time_limit_seconds = Some(1);
    let (failing, foreign) = (site.job(&bad), site.job(&elsewhere));
    let mut late = site.job(&bad);
    late.stop_starting_at = Some(When::Site { time: site.now() });
    site.give(&computer, &[hung.clone(), failing.clone(), foreign.clone(), late.clone()]);
    let begin = Instant::now();
    site.poll(&computer);
    assert!(begin.elapsed() < Duration::from_secs(60), "it was ended with all it had started");
    assert_eq!(site.end(&computer, &hung), failed("time-limit"));
    assert_eq!(site.end(&computer, &failing), failed("exit-code"));
    let told = site.told(&computer, &failing).pop().ok_or("told")?;
    assert_eq!((told.exit_code, told.output.as_deref()), (Some(3), Some("it failed\n")));
    assert_eq!(site.end(&computer, &foreign), refused("procedure-system"));
    assert_eq!(site.end(&computer, &late), failed("too-late"));
    Ok(())
}

#[test]
fn a_failure_ends_the_rest_of_its_batch_and_nothing_else() -> Outcome {
    let mut site = Site::new();
    let good = site.package(("Good", "1"), "echo good >> \"$LOG\"", 0, |_| {});
    let bad = site.package(("Bad", "1"), "exit 1", 0, |_| {});
    let computer = site.computer("pc");
    let batch = BatchId::random();
    let job = |package, position: Option<u32>| {
        let mut job = site.job(package);
        job.reinstall = true;
        job.batch = position.map(|position| BatchPlace { id: batch, position });
        job
    };
    // The list is not in the order of the batch: the batch counts.
    let (third, first, second) = (job(&good, Some(2)), job(&good, Some(0)), job(&bad, Some(1)));
    let alone = job(&good, None);
    site.give(&computer, &[third.clone(), first.clone(), second.clone(), alone.clone()]);
    site.poll(&computer);
    assert_eq!(site.end(&computer, &first), done());
    assert_eq!(site.end(&computer, &second), failed("exit-code"));
    assert_eq!(site.end(&computer, &third), failed("batch-failed"));
    assert_eq!(site.end(&computer, &alone), done());
    assert_eq!(site.runs(), ["good", "good"]);
    Ok(())
}

#[test]
fn what_is_listed_no_more_does_not_run() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 1, |_| {});
    let computer = site.computer("pc");
    let mut job = site.job(&package);
    job.run_at = Some(When::Site { time: site.now() + 100 });
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    site.give(&computer, &[]);
    site.clock.advance(Duration::from_secs(200));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), Some((ReportedState::Withdrawn, "withdrawn".into())));
    // Listed again, it stays withdrawn: a job is one piece of work.
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.runs().len(), 0);
    assert_eq!(site.states(&computer, &job).iter().filter(|state| state.is_end()).count(), 1);
    Ok(())
}

/// However many jobs are due: one poll does them all.
#[test]
fn all_that_is_due_is_done_in_one_poll() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 0, |_| {});
    let computer = site.computer("pc");
    let again = || Job { reinstall: true, ..site.job(&package) };
    let jobs: Vec<Job> = std::iter::repeat_with(again).take(40).collect();
    site.give(&computer, &jobs);
    site.poll(&computer);
    assert_eq!(site.runs().len(), jobs.len());
    Ok(())
}
