//! What an agent keeps: reports while the site cannot be reached, packages while somebody names them, and what was begun.

use std::fs;
use std::time::Duration;

use packhouse::delivery::agent::{Agent, AgentError};
use packhouse::delivery::documents::{ReportedState, When, names};
use packhouse::package::PackageKey;
use packhouse::work::Work;

use crate::agent::site::{Outcome, Site, done};

const RAN: &str = "echo ran >> \"$LOG\"";

#[test]
fn reports_are_kept_while_the_site_cannot_be_reached_and_sent_in_order() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 1, |_| {});
    let computer = site.computer("pc");
    let mut job = site.job(&package);
    job.run_at = Some(When::Site { time: site.now() + 100 });
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    let before = site.reports(&computer).len();
    // The share is gone; the time of the job comes all the same, and what happens is told later.
    fs::rename(site.staging(), site.path("away"))?;
    fs::write(site.staging(), b"no folder")?;
    site.clock.advance(Duration::from_secs(100));
    for _ in 0..3 {
        let report = site.open(&computer).poll_once(&Work::new())?;
        assert!(report.unreachable.is_some());
        assert!(report.reports_waiting > 0);
    }
    assert_eq!(site.runs(), ["ran"]);
    fs::remove_file(site.staging())?;
    fs::rename(site.path("away"), site.staging())?;
    let report = site.poll(&computer);
    assert_eq!(report.reports_waiting, 0);
    assert!(site.reports(&computer).len() > before);
    assert_eq!(site.end(&computer, &job), done());
    let at =
        |state| site.told(&computer, &job).into_iter().find(|told| told.state == state).map(|told| told.at);
    assert_eq!(at(ReportedState::Ok), Some(site.now()), "told later, with the time it happened");
    Ok(())
}

#[test]
fn a_report_that_was_applied_and_deleted_is_not_told_again_under_another_number() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 0, |_| {});
    let computer = site.computer("pc");
    let job = site.job(&package);
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    let last = site.reports(&computer).last().ok_or("told")?.n;
    fs::remove_dir_all(site.staging().join(names::REPORTS))?;
    let second = site.job(&package);
    site.give(&computer, std::slice::from_ref(&second));
    site.poll(&computer);
    let first = site.reports(&computer).first().ok_or("told")?.n;
    assert_eq!(first, last + 1, "numbers rise and are used once");
    // A manager that still lists a job long after it ended may not have heard: it is told once more.
    site.clock.advance(Duration::from_secs(3600));
    fs::remove_dir_all(site.staging().join(names::REPORTS))?;
    site.give(&computer, std::slice::from_ref(&second));
    site.poll(&computer);
    assert!(site.end(&computer, &second).is_some());
    assert_eq!(site.runs().len(), 1);
    Ok(())
}

/// An agent that was killed while it wrote the seal down must not take its own torn copy for a broken seal.
#[test]
fn a_seal_that_was_written_down_in_part_is_fetched_again() -> Outcome {
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), RAN, 0, |_| {});
    let computer = site.computer("pc");
    let mut job = site.job(&package);
    job.run_at = Some(When::Site { time: site.now() + 100 });
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    let kept = computer.folder.join("reginfo").join(job.package.reginfo_sha256.to_string());
    fs::write(kept.with_extension("minisig"), b"untrusted comm")?;
    site.clock.advance(Duration::from_secs(100));
    site.poll(&computer);
    assert_eq!(site.end(&computer, &job), done());
    Ok(())
}

#[test]
fn packages_stay_while_somebody_names_them() -> Outcome {
    let mut site = Site::new();
    let kept = site.package(("Kept", "1.0"), RAN, 1, |_| {});
    let used = site.package(("Used", "1.0"), RAN, 1, |_| {});
    let staged = site.package(("Staged", "1.0"), RAN, 1, |_| {});
    let computer = site.computer("pc");
    let mut stage = site.job(&staged);
    stage.stage_only = true;
    let jobs = [site.job(&kept), site.job(&used), stage.clone()];
    let key = PackageKey::new("Kept", "1.0")?;
    site.write_list(|list| list.keep = vec![key.clone()]);
    site.give(&computer, &jobs);
    site.poll(&computer);
    assert_eq!(site.end(&computer, &stage), done());
    assert_eq!(site.runs().len(), 2, "what is only brought does not run");
    let is_here = |name: &str| computer.folder.join("packages").join(name).join("1.0/data").is_dir();
    assert!(is_here("Kept") && is_here("Used") && is_here("Staged"), "their jobs are listed");
    site.give(&computer, &[]);
    site.poll(&computer);
    assert!(is_here("Kept") && !is_here("Used") && is_here("Staged"));
    // What was brought for later is there when it is asked for: nothing is fetched.
    fs::remove_dir_all(staged.folder.join("data"))?;
    let run = site.job(&staged);
    site.give(&computer, std::slice::from_ref(&run));
    site.poll(&computer);
    assert_eq!(site.states(&computer, &run)[1], ReportedState::AlreadyDelivered);
    assert_eq!(site.end(&computer, &run), done());
    // Too much: the longest unused goes, named or not.
    site.write_list(|list| {
        list.keep = vec![key];
        list.keep_bytes = Some(1);
    });
    site.give(&computer, &[]);
    site.poll(&computer);
    assert!(!is_here("Kept") && !is_here("Staged"));
    Ok(())
}

#[test]
fn a_list_that_changed_without_jobs_is_noticed_within_hours() -> Outcome {
    let mut site = Site::new();
    let kept = site.package(("Kept", "1.0"), RAN, 1, |_| {});
    let computer = site.computer("pc");
    let key = PackageKey::new("Kept", "1.0")?;
    site.write_list(|list| list.keep = vec![key]);
    site.give(&computer, &[site.job(&kept)]);
    site.poll(&computer);
    site.give(&computer, &[]);
    site.poll(&computer);
    let is_here = || computer.folder.join("packages/Kept/1.0/data").is_dir();
    assert!(is_here());
    site.write_list(|list| list.keep.clear());
    // One that runs on and one that is started for each poll.
    let mut agent = site.open(&computer);
    agent.poll_once(&Work::new())?;
    site.clock.advance(Duration::from_secs(3 * 3600));
    agent.poll_once(&Work::new())?;
    drop(agent);
    site.poll(&computer);
    assert!(is_here(), "a poll without news is one request");
    site.clock.advance(Duration::from_secs(3 * 3600 + 1));
    site.poll(&computer);
    assert!(!is_here());
    Ok(())
}

#[test]
fn an_agent_that_runs_on_removes_what_a_new_list_no_longer_names() -> Outcome {
    let mut site = Site::new();
    let kept = site.package(("Kept", "1.0"), RAN, 1, |_| {});
    let computer = site.computer("pc");
    let key = PackageKey::new("Kept", "1.0")?;
    site.write_list(|list| list.keep = vec![key]);
    site.give(&computer, &[site.job(&kept)]);
    let mut agent = site.open(&computer);
    agent.poll_once(&Work::new())?;
    site.give(&computer, &[]);
    agent.poll_once(&Work::new())?;
    let is_here = || computer.folder.join("packages/Kept/1.0/data").is_dir();
    assert!(is_here());
    site.write_list(|list| list.keep.clear());
    site.clock.advance(Duration::from_secs(6 * 3600 + 1));
    agent.poll_once(&Work::new())?;
    assert!(!is_here());
    Ok(())
}

#[test]
fn one_program_at_a_time_has_an_agent() -> Outcome {
    let site = Site::new();
    let (one, two) = (site.computer("one"), site.computer("two"));
    let held = site.open(&one);
    assert!(matches!(Agent::open(&one.folder, site.options()), Err(AgentError::InUse(_))));
    let other = site.open(&two);
    assert_ne!(held.id(), other.id(), "many agents on one computer");
    assert!(packhouse::delivery::agent::agent_status(&one.folder).is_ok(), "anybody may look");
    drop(held);
    site.open(&one);
    let nowhere = Agent::open(&site.path("nowhere"), site.options());
    assert!(matches!(nowhere, Err(AgentError::NotEnrolled(_))));
    Ok(())
}
