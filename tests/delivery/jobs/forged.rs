//! Reports that are not what they seem: each is refused or does nothing, and the true one still counts.

use std::fs;
use std::time::Duration;

use packhouse::delivery::documents::{JobReport, ReportedState, SiteId, names};
use packhouse::delivery::model::ContainerOptions;
use packhouse::package::SignedDocument;
use packhouse::package::staging::UNFINISHED;

use super::fixture::{Agent, Outcome, Site};

/// A site with two computers, each with an ordered job.
fn ordered() -> (Site, Vec<Agent>, packhouse::delivery::jobs::ContainerView) {
    let mut site = Site::new();
    let agents = site.agents(&["PC-1", "PC-2"]);
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1", "PC-2"], ContainerOptions::default());
    site.tick();
    assert_eq!(site.words(&job), ["Ordered", "Ordered"]);
    fs::create_dir_all(site.there("delivery/reports")).expect("a folder");
    (site, agents, job)
}

#[test]
fn a_report_counts_only_from_its_own_agent_under_its_own_name() -> Outcome {
    let (mut site, mut agents, job) = ordered();
    let mine = agents[0].jobs(&site).remove(0);
    let ok = |id| vec![JobReport::new(id, ReportedState::Ok, 1_790_000_000)];
    // Signed by the other agent, under the name of the first.
    let mut foreign = agents[1].report(&site, ok(mine.id));
    foreign.agent = agents[0].id;
    fs::write(site.there(&names::report(agents[0].id, 1)), agents[1].signed(&foreign))?;
    let tick = site.tick();
    assert!(tick.reports == 0 && tick.problems.len() == 1, "{tick:?}");
    // A true report of the second, under a name of the first.
    let true_one = agents[1].report(&site, ok(mine.id));
    fs::write(site.there(&names::report(agents[0].id, 1)), agents[1].signed(&true_one))?;
    assert_eq!(site.tick().reports, 0);
    // A true report under another number.
    let numbered = agents[0].report(&site, ok(mine.id));
    fs::write(site.there(&names::report(agents[0].id, 9)), agents[0].signed(&numbered))?;
    assert_eq!(site.tick().reports, 0);
    // Altered after it was signed.
    let honest = agents[0].report(&site, vec![JobReport::new(mine.id, ReportedState::Error, 1_790_000_000)]);
    let mut signed = SignedDocument::parse(&agents[0].signed(&honest))?;
    signed.document = signed.document.replace("\"error\"", "\"ok\"");
    fs::write(site.there(&names::report(agents[0].id, 1)), signed.to_bytes())?;
    assert_eq!(site.tick().reports, 0);
    // For another site.
    let mut elsewhere = agents[0].report(&site, ok(mine.id));
    elsewhere.site = SiteId::random();
    fs::write(site.there(&names::report(agents[0].id, 1)), agents[0].signed(&elsewhere))?;
    assert_eq!(site.tick().reports, 0);
    // No report at all, and one that is too large.
    fs::write(site.there(&names::report(agents[0].id, 1)), b"{}")?;
    fs::write(site.there(&names::report(agents[0].id, 2)), vec![b' '; 4 << 20])?;
    assert_eq!(site.tick().reports, 0);
    assert_eq!(site.words(&job), ["Ordered", "Ordered"], "nothing of it counted");

    agents[0].says(&site, &mine, ReportedState::Ok);
    assert_eq!(site.tick().reports, 1);
    assert_eq!(site.words(&job), ["OK", "Ordered"]);
    Ok(())
}

#[test]
fn an_agent_says_nothing_about_the_job_of_another() -> Outcome {
    let (mut site, mut agents, job) = ordered();
    let other = agents[1].jobs(&site).remove(0);
    agents[0].says(&site, &other, ReportedState::Ok);
    let tick = site.tick();
    assert_eq!((tick.reports, tick.reported_jobs), (1, 0), "{tick:?}");
    assert_eq!(site.words(&job), ["Ordered", "Ordered"]);
    Ok(())
}

#[test]
fn a_report_is_applied_once_whatever_comes_again_and_in_which_order() -> Outcome {
    let (mut site, mut agents, job) = ordered();
    let mine = agents[0].jobs(&site).remove(0);
    let reports: Vec<_> = [ReportedState::Received, ReportedState::Executing, ReportedState::Ok]
        .into_iter()
        .map(|state| {
            let report = agents[0].report(&site, vec![JobReport::new(mine.id, state, 1_790_000_000)]);
            agents[0].next += 1;
            (report.n, agents[0].signed(&report))
        })
        .collect();
    let put = |site: &Site, agent: &Agent, at: usize| {
        let (n, bytes) = &reports[at];
        fs::write(site.there(&names::report(agent.id, *n)), bytes)
    };
    // The last first, then an older one, then all again.
    put(&site, &agents[0], 2)?;
    assert_eq!(site.tick().reported_jobs, 1);
    put(&site, &agents[0], 0)?;
    site.tick();
    assert_eq!(site.words(&job), ["OK", "Ordered"]);
    for at in [0, 1, 2, 2] {
        put(&site, &agents[0], at)?;
        site.tick();
    }
    assert_eq!(site.words(&job), ["OK", "Ordered"]);
    assert_eq!(fs::read_dir(site.there("delivery/reports"))?.count(), 0);
    Ok(())
}

#[test]
fn the_report_of_a_stranger_is_left_and_holds_up_nobody() -> Outcome {
    let (mut site, mut agents, job) = ordered();
    let mine = agents[0].jobs(&site).remove(0);
    let stranger = Agent::new("x");
    let report = stranger.report(&site, vec![JobReport::new(mine.id, ReportedState::Ok, 1_790_000_000)]);
    fs::write(site.there(&names::report(stranger.id, 1)), stranger.signed(&report))?;
    fs::write(site.there("delivery/reports/no report.txt"), "x")?;
    agents[0].says(&site, &mine, ReportedState::Executing);
    let tick = site.tick();
    assert_eq!((tick.reports, tick.problems.len()), (1, 1), "{tick:?}");
    assert_eq!(site.words(&job), ["Executing", "Ordered"]);
    Ok(())
}

/// A writer that was killed leaves a file without its name: it goes once nobody can be writing it any more.
#[test]
fn what_a_killed_writer_left_is_removed_after_an_hour() -> Outcome {
    let (mut site, _, _) = ordered();
    let left = site.there(&format!("{}/{UNFINISHED}of-a-killed-agent", names::REPORTS));
    fs::write(&left, b"{\"docum")?;
    site.tick();
    site.clock.advance(Duration::from_secs(3_000));
    site.tick();
    assert!(left.exists(), "somebody may still be writing it");
    let later = site.there(&format!("{}/{UNFINISHED}of-another", names::REPORTS));
    fs::write(&later, b"")?;
    site.clock.advance(Duration::from_secs(600));
    assert_eq!(site.tick().problems, [""; 0]);
    assert!(!left.exists() && later.exists(), "each has its hour");
    Ok(())
}

/// The same beside enrolments, where no token is open: the manager looks there every hour, not at every turn.
#[test]
fn what_a_killed_enroller_left_is_removed_while_no_token_is_open() -> Outcome {
    let mut site = Site::new();
    let folder = site.there(names::ENROL);
    fs::create_dir_all(&folder)?;
    let left = |name: &str| folder.join(format!("{UNFINISHED}{name}"));
    fs::write(left("before-the-manager"), b"{\"tok")?;
    site.tick();
    fs::write(left("while-it-runs"), b"")?;
    site.clock.advance(Duration::from_secs(3_000));
    assert_eq!(site.tick().problems, [""; 0]);
    assert!(left("before-the-manager").exists(), "somebody may still be writing it");
    site.clock.advance(Duration::from_secs(600));
    site.tick();
    assert!(!left("before-the-manager").exists(), "its hour is over");
    assert!(left("while-it-runs").exists(), "it was seen a moment ago");
    site.clock.advance(Duration::from_secs(3_600));
    assert_eq!(site.tick().problems, [""; 0]);
    assert!(!left("while-it-runs").exists());
    Ok(())
}
