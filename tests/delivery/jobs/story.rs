//! The story of the checksum error: the first target is done, a file changes behind the library's back, the rest ends in
//! error or waits, the package is repaired, only the rest is done.

use std::fs;

use packhouse::delivery::jobs::{Selected, WantedProcedure};
use packhouse::delivery::model::{ContainerOptions, ContainerState, OnChecksumError};

use super::fixture::{Outcome, Site};

fn one_at_a_time(on_checksum_error: OnChecksumError) -> ContainerOptions {
    ContainerOptions { parallel: 1, on_checksum_error, ..ContainerOptions::default() }
}

#[test]
fn the_rest_ends_in_error_and_only_it_is_renewed() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2", "PC-3"]);
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1", "PC-2", "PC-3"], one_at_a_time(OnChecksumError::Error));
    let tick = site.tick();
    assert_eq!((tick.evaluated.len(), tick.set_up, tick.documents), (1, 1, 1), "{tick:?}");
    assert_eq!(site.words(&job), ["Ordered", "Waiting", "Waiting"]);
    assert!(agents[1].jobs(&site).is_empty(), "its turn has not come");
    let given = agents[0].jobs(&site).remove(0);
    assert_eq!(given.package.key, tool.key);
    assert_eq!(given.checksum, tool.checksum);
    assert!(given.checksum_control && !given.stage_only);
    assert_eq!(given.read, [site.there("").display().to_string().trim_end_matches('/')]);
    assert_eq!(given.procedure.name, "Install");

    // Changed behind the library's back while the first target has its turn.
    agents[0].does_its_job(&site);
    let stranger = site.package_file(&tool, "stranger.txt");
    fs::write(&stranger, "who put me here?")?;
    let tick = site.tick();
    assert_eq!((tick.reports, tick.set_up, tick.checksum_errors.len()), (1, 0, 1), "{tick:?}");
    assert_eq!(site.words(&job), ["OK", "Error", "Error"]);
    let view = site.view(&job);
    assert_eq!((view.state, view.code.as_str()), (ContainerState::Failed, "consistency-differs"));
    assert_eq!(view.reason, "Tool 1.0 differs from its checksum: 1 file added. 2 targets end in error");
    let report = view.report.expect("what differs");
    assert_eq!(report.differences.added[0].path, "stranger.txt");
    let failures = site.jobs().details(job.id)?.failures;
    assert_eq!((failures.len(), failures[0].jobs, failures[0].code.as_str()), (1, 2, "consistency-differs"));
    assert!(failures[0].words.starts_with("checksum of the package (differs since"), "{}", failures[0].words);
    assert!(agents[1].jobs(&site).is_empty() && agents[2].jobs(&site).is_empty());

    // While it differs, renewing ends where it did.
    assert_eq!(site.jobs().renew(job.id, &Selected::All)?, 2);
    assert_eq!(site.words(&job), ["OK", "Waiting", "Waiting"]);
    site.tick();
    assert_eq!(site.words(&job), ["OK", "Error", "Error"]);

    fs::remove_file(&stranger)?;
    assert_eq!(site.jobs().renew(job.id, &Selected::All)?, 2);
    for turn in [1, 2] {
        site.tick();
        agents[turn].does_its_job(&site);
    }
    let tick = site.tick();
    assert_eq!(tick.ended, [job.name.as_str()]);
    assert_eq!(site.words(&job), ["OK", "OK", "OK"]);
    assert_eq!(site.view(&job).state, ContainerState::SuccessfullyCompleted);
    assert!(agents[0].jobs(&site).is_empty(), "what is done is not done again");
    assert_eq!(agents[0].next, 2, "the first one has had nothing more to tell");
    let reports = fs::read_dir(site.there("delivery/reports"))?.count();
    assert_eq!(reports, 0, "applied reports are deleted");
    Ok(())
}

#[test]
fn the_rest_waits_until_the_package_is_consistent_and_goes_on_by_itself() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2", "PC-3"]);
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1", "PC-2", "PC-3"], one_at_a_time(OnChecksumError::Halt));
    site.tick();
    agents[0].does_its_job(&site);
    let readme = site.package_file(&tool, "readme.txt");
    let content = fs::read(&readme)?;
    fs::write(&readme, "another size altogether")?;
    site.tick();
    assert_eq!(site.words(&job), ["OK", "Halted", "Halted"]);
    let view = site.view(&job);
    assert_eq!(view.state, ContainerState::Halted);
    assert!(view.reason.ends_with("2 targets are halted until the package is consistent"), "{}", view.reason);
    site.tick();
    assert_eq!(site.words(&job), ["OK", "Halted", "Halted"], "it still differs");
    assert_eq!(
        site.jobs().resume(job.id, &Selected::All)?,
        0,
        "what waits for the package is not let go by hand"
    );

    fs::write(&readme, content)?;
    let tick = site.tick();
    assert_eq!(tick.set_up, 1, "it goes on by itself: {tick:?}");
    agents[1].does_its_job(&site);
    site.tick();
    agents[2].does_its_job(&site);
    site.tick();
    assert_eq!(site.words(&job), ["OK", "OK", "OK"]);
    assert_eq!(site.view(&job).code, "");
    Ok(())
}

#[test]
fn before_an_external_procedure_nothing_is_checked() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2"]);
    let tool = site.staged("Tool 1.0");
    let wanted = WantedProcedure::Named("Ask the system".to_owned());
    let job = site.job_of(&[tool.id], wanted, &["PC-1", "PC-2"], one_at_a_time(OnChecksumError::Error));
    site.tick();
    agents[0].does_its_job(&site);
    fs::write(site.package_file(&tool, "stranger.txt"), "x")?;
    site.tick();
    agents[1].does_its_job(&site);
    site.tick();
    assert_eq!(site.words(&job), ["OK", "OK"]);
    Ok(())
}

#[test]
fn a_staged_copy_that_differs_is_a_checksum_error_for_those_who_read_it() -> Outcome {
    let mut site = Site::new();
    let mut agent = site.agent("PC-1");
    let tool = site.staged("Tool 1.0");
    fs::write(site.there("packages/Tool/1.0/data/readme.txt"), "another size altogether")?;
    let job = site.job(&tool, &["PC-1"], ContainerOptions::default());
    site.tick();
    let targets = site.targets(&job);
    assert_eq!((targets[0].1, targets[0].2.as_str()), ("Error", "staged-copy-differs"));
    assert!(agent.jobs(&site).is_empty());
    site.stage(tool.id);
    site.jobs().renew(job.id, &Selected::All)?;
    site.tick();
    agent.does_its_job(&site);
    site.tick();
    assert_eq!(site.words(&job), ["OK"]);
    Ok(())
}

#[test]
fn what_is_not_staged_waits_and_says_so() -> Outcome {
    let mut site = Site::new();
    let agent = site.agent("PC-1");
    let tool = site.sealed("Tool 1.0");
    let job = site.job(&tool, &["PC-1"], ContainerOptions::default());
    let tick = site.tick();
    assert_eq!((tick.set_up, tick.problems.len()), (0, 1), "{tick:?}");
    assert_eq!(site.targets(&job)[0].2, "not-staged");
    site.stage(tool.id);
    site.tick();
    assert_eq!(site.words(&job), ["Ordered"]);
    assert_eq!(agent.jobs(&site).len(), 1);
    Ok(())
}
