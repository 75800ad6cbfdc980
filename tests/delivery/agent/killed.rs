//! kill -9 at random moments of a real agent: no procedure runs twice, no job is lost, what was told agrees with what ran.
//!
//! `PACKHOUSE_TEST_SEED=N` replays a run; `PACKHOUSE_TEST_COUNTS=soak` kills 300 times instead of 30.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use packhouse::delivery::documents::{Job, JobId, JobReport, ReportedState};

use crate::agent::program::program;
use crate::agent::site::{Outcome, Site, done, end_of, failed};
use crate::kills::{Chance, kills};

#[test]
fn killed_at_random_moments_no_procedure_runs_twice_and_no_job_is_lost() -> Outcome {
    let kills = kills(30, 300);
    let mut chance = Chance::told()?;
    let mut site = Site::new();
    // The folder a procedure stands in names its job; a line at its begin and one at its end.
    let script = "job=$(basename \"$(dirname \"$PWD\")\"); echo \"begin $job\" >> \"$LOG\"; sleep 0.05; \
                  echo \"end $job\" >> \"$LOG\"";
    let package = site.package(("Tool", "1.0"), script, 8, |_| {});
    site.write_list(|list| list.poll_seconds = 1);
    let computer = site.computer("pc");
    let mut jobs: Vec<Job> = Vec::new();
    let agent = |words: &[&str]| {
        let mut command = program(&site.path("home"));
        command.args(["--json", "agent", "run"]).args(words).arg("--folder").arg(&computer.folder);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // How long one run takes: moments are chosen all over it.
    let mut first = site.job(&package);
    first.reinstall = true;
    jobs.push(first);
    site.give(&computer, &jobs);
    let begin = Instant::now();
    assert!(agent(&["--once"]).status()?.success());
    let takes = begin.elapsed();
    for _ in 0..kills {
        for _ in 0..2 {
            let mut job = site.job(&package);
            job.reinstall = true;
            jobs.push(job);
        }
        site.give(&computer, &jobs);
        if chance.next() < 0.2 {
            // Now and then its package has to be brought again.
            let _ = std::fs::remove_file(computer.folder.join("packages/Tool/1.0/data/cargo.bin"));
        }
        let mut running = agent(&[]).spawn()?;
        let moment = Instant::now() + takes.mul_f64(1.5 * chance.next());
        while let Some(left) = moment.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            assert_eq!(running.try_wait()?, None, "it goes on by itself");
            std::thread::park_timeout(left.min(Duration::from_millis(20)));
        }
        // SIGKILL: nothing of it can tidy up.
        running.kill()?;
        running.wait()?;
    }
    // Two more in peace: the second finds nothing to do.
    let mut last = String::new();
    for _ in 0..2 {
        let ended = agent(&["--once"]).stdout(Stdio::piped()).output()?;
        last += &String::from_utf8_lossy(&ended.stdout);
        assert!(matches!(ended.status.code(), Some(0 | 1)), "{}: {last}", ended.status);
    }
    let mut begins: HashMap<String, usize> = HashMap::new();
    let mut ends: HashMap<String, usize> = HashMap::new();
    for line in site.runs() {
        let (what, job) = line.split_once(' ').ok_or("two words")?;
        let counts = if what == "begin" { &mut begins } else { &mut ends };
        *counts.entry(job.to_owned()).or_default() += 1;
    }
    let mut told: HashMap<JobId, Vec<JobReport>> = HashMap::new();
    for report in site.reports(&computer).into_iter().flat_map(|report| report.jobs) {
        told.entry(report.job).or_default().push(report);
    }
    let mut interrupted = 0;
    for job in &jobs {
        let ran = begins.get(&job.id.to_string()).copied().unwrap_or(0);
        assert!(ran <= 1, "job {} ran {ran} times", job.id);
        let told = told.get(&job.id).map(Vec::as_slice).unwrap_or_default();
        let end = end_of(told);
        if end == done() {
            assert_eq!((ran, ends.get(&job.id.to_string())), (1, Some(&1)), "what is OK ran to its end");
        } else {
            assert_eq!(
                end,
                failed("interrupted"),
                "job {} ran {ran} times: {told:?}; at last: {last}",
                job.id
            );
            interrupted += 1;
        }
        let kinds: HashSet<ReportedState> =
            told.iter().map(|report| report.state).filter(|state| state.is_end()).collect();
        assert_eq!(kinds.len(), 1, "one end is told: {told:?}");
    }
    writeln!(std::io::stdout(), "{} jobs, {kills} kills, {interrupted} interrupted", jobs.len())?;
    Ok(())
}
