//! What a person and the clock do to jobs: halt, resume, renew, recover, remove, times, batches; and a manager that is
//! stopped between two steps.

use std::fs;
use std::time::Duration;

use packhouse::delivery::DeliveryError;
use packhouse::delivery::documents::{JobReport, ReportedState, When};
use packhouse::delivery::jobs::{NewJobContainer, Selected, WantedProcedure, preflight};
use packhouse::delivery::model::evaluation::NOBODY;
use packhouse::delivery::model::{ContainerOptions, ContainerState, Linkage};
use packhouse::library::{PackageEdit, PackageRef};
use packhouse::package::procedure::Task;
use packhouse::work::Work;

use super::fixture::{Outcome, Site};

fn parallel(parallel: u32) -> ContainerOptions {
    ContainerOptions { parallel, ..ContainerOptions::default() }
}

#[test]
fn a_halted_job_is_withdrawn_and_what_runs_ends_as_it_ends() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2", "PC-3"]);
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1", "PC-2", "PC-3"], parallel(2));
    site.tick();
    let running = agents[0].jobs(&site).remove(0);
    agents[0].says(&site, &running, ReportedState::Executing);
    site.tick();
    assert_eq!(site.jobs().halt(job.id, &Selected::All)?, 2);
    assert_eq!(site.words(&job), ["Executing", "Halted", "Halted"]);
    assert_eq!(site.view(&job).state, ContainerState::HaltInProgress);
    site.tick();
    assert!(agents[1].jobs(&site).is_empty(), "it is withdrawn");
    assert_eq!(agents[0].jobs(&site).len(), 1, "what runs stays listed");
    agents[0].says(&site, &running, ReportedState::Ok);
    site.tick();
    assert_eq!(site.words(&job), ["OK", "Halted", "Halted"]);
    assert_eq!(site.view(&job).state, ContainerState::Halted);

    site.jobs().resume(job.id, &Selected::All)?;
    site.tick();
    assert_eq!(site.words(&job), ["OK", "Ordered", "Ordered"]);
    for agent in &mut agents[1..] {
        agent.does_its_job(&site);
    }
    site.tick();
    assert_eq!(site.view(&job).state, ContainerState::SuccessfullyCompleted);
    Ok(())
}

#[test]
fn one_target_can_be_halted_and_its_agent_confirms_it() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2"]);
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1", "PC-2"], parallel(2));
    site.tick();
    let first = agents[0].jobs(&site).remove(0);
    site.jobs().halt(job.id, &Selected::Targets(vec!["pc-1".into()]))?;
    site.tick();
    assert_eq!(site.words(&job), ["Halted", "Ordered"]);
    agents[0].says(&site, &first, ReportedState::Withdrawn);
    site.tick();
    let page = site.page(&job);
    assert_eq!((page.rows[0].shown.word(), page.rows[0].code.as_str()), ("Halted", "halted"));
    assert!(!page.rows[0].unconfirmed);
    site.jobs().resume(job.id, &Selected::Targets(vec!["PC-1".into()]))?;
    site.tick();
    let again = agents[0].jobs(&site).remove(0);
    assert_ne!(again.id, first.id, "what it will not run any more has another identity now");
    assert!(matches!(
        site.jobs().halt(job.id, &Selected::Targets(vec!["PC-9".into()])),
        Err(DeliveryError::NoSuchJob(_))
    ));
    Ok(())
}

#[test]
fn a_job_that_is_asked_for_again_before_its_withdrawal_is_confirmed_keeps_its_identity() -> Outcome {
    let mut site = Site::new();
    let agent = site.agent("PC-1");
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1"], parallel(1));
    site.tick();
    let first = agent.jobs(&site).remove(0);
    site.jobs().halt(job.id, &Selected::All)?;
    site.tick();
    assert!(agent.jobs(&site).is_empty());
    site.jobs().resume(job.id, &Selected::All)?;
    site.tick();
    assert_eq!(agent.jobs(&site)[0].id, first.id, "its agent may be about to run it");
    Ok(())
}

#[test]
fn failures_are_grouped_renewed_by_group_and_recovered() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2", "PC-3"]);
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1", "PC-2", "PC-3"], parallel(3));
    site.tick();
    for (place, (exit, reason)) in
        [(Some(1603), None), (Some(1603), None), (None, Some("interrupted"))].into_iter().enumerate()
    {
        let mine = agents[place].jobs(&site).remove(0);
        let mut report =
            JobReport::new(mine.id, ReportedState::Error, 1_790_000_000).with_output("it broke\n");
        report.exit_code = exit;
        if let Some(code) = reason {
            report = report.with_reason(code, "The computer went down.");
        }
        agents[place].reports(&site, vec![report]);
    }
    site.tick();
    let details = site.jobs().details(job.id)?;
    let groups: Vec<_> = details.failures.iter().map(|group| (group.jobs, group.words.as_str())).collect();
    assert_eq!(groups, [(2, "exit code 1603"), (1, "The computer went down.")]);
    let failed = site.page(&job).rows;
    assert_eq!(site.jobs().job(failed[0].job)?.output.as_deref(), Some("it broke\n"));
    let group = Selected::Reason { code: "exit-code".into(), exit_code: Some(1603) };
    assert_eq!(site.jobs().renew(job.id, &group)?, 2);
    assert_eq!(site.words(&job), ["Waiting", "Waiting", "Error"]);
    assert!(matches!(
        site.jobs().renew(job.id, &Selected::Reason { code: "no such".into(), exit_code: None }),
        Err(DeliveryError::NothingFailed(_))
    ));
    let recovery = site.jobs().recover(job.id, &Selected::All)?;
    site.tick();
    let page = site.page(&recovery);
    assert_eq!((page.total, page.rows[0].target.as_str()), (1, "PC-3"));
    let given = agents[2].jobs(&site).remove(0);
    assert_eq!((given.task, given.procedure.name.as_str()), (Task::Uninstall, "Remove"));
    Ok(())
}

#[test]
fn nothing_is_begun_after_its_time_and_nothing_is_waited_for_without_end() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2", "PC-3"]);
    let tool = site.staged("Tool 1.0");
    let now = packhouse::transfer::Clock::wall(&*site.clock).as_second();
    let options = ContainerOptions {
        parallel: 2,
        stage_at: Some(When::Site { time: now + 600 }),
        stop_starting_at: Some(When::Site { time: now + 3600 }),
        give_up_after_secs: 7200,
        ..ContainerOptions::default()
    };
    let job = site.job(&tool, &["PC-1", "PC-2", "PC-3"], options);
    site.tick();
    assert_eq!((site.view(&job).state, site.page(&job).total), (ContainerState::Waiting, 0));
    site.clock.advance(Duration::from_secs(600));
    site.tick();
    assert_eq!(site.words(&job), ["Ordered", "Ordered", "Waiting"]);
    let running = agents[0].jobs(&site).remove(0);
    assert_eq!(running.stop_starting_at, Some(When::Site { time: now + 3600 }));
    agents[0].says(&site, &running, ReportedState::Executing);
    site.tick();
    site.clock.advance(Duration::from_secs(3000));
    site.tick();
    let targets = site.targets(&job);
    assert_eq!(targets.iter().map(|target| target.1).collect::<Vec<_>>(), ["Executing", "Error", "Error"]);
    assert_eq!(targets[2].2, "too-late");
    assert!(agents[1].jobs(&site).is_empty());
    site.clock.advance(Duration::from_secs(7200));
    site.tick();
    assert_eq!(site.targets(&job)[0].2, "timed-out");
    assert_eq!(site.view(&job).state, ContainerState::Failed);
    // It comes to its end after all: its own result stands.
    agents[0].says(&site, &running, ReportedState::Ok);
    site.tick();
    assert_eq!(site.words(&job)[0], "OK");
    Ok(())
}

#[test]
fn what_is_staged_and_waits_for_its_time_holds_up_nobody_until_that_has_come() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2", "PC-3"]);
    let tool = site.staged("Tool 1.0");
    let now = packhouse::transfer::Clock::wall(&*site.clock).as_second();
    let options = ContainerOptions { run_at: Some(When::Site { time: now + 3600 }), ..parallel(1) };
    let job = site.job(&tool, &["PC-1", "PC-2", "PC-3"], options);
    let stage = |site: &Site, agent: &mut super::fixture::Agent| {
        let mine = agent.jobs(site).remove(0);
        let states = [ReportedState::Delivered, ReportedState::WaitingForTime];
        agent.reports(site, states.map(|state| JobReport::new(mine.id, state, 1_790_000_000)).to_vec());
        mine
    };
    site.tick();
    assert_eq!(site.words(&job), ["Ordered", "Waiting", "Waiting"], "one is set up and not there yet");
    site.tick();
    assert_eq!(site.words(&job), ["Ordered", "Waiting", "Waiting"]);
    let first = stage(&site, &mut agents[0]);
    site.tick();
    assert_eq!(site.words(&job), ["Staged", "Ordered", "Waiting"], "the first one waits for its time only");
    // The time comes: what is staged runs, and counts.
    site.clock.advance(Duration::from_secs(3600));
    let second = stage(&site, &mut agents[1]);
    site.tick();
    assert_eq!(site.words(&job), ["Staged", "Staged", "Waiting"], "both are about to run");
    agents[0].says(&site, &first, ReportedState::Ok);
    site.tick();
    assert_eq!(site.words(&job), ["OK", "Staged", "Waiting"]);
    agents[1].says(&site, &second, ReportedState::Ok);
    site.tick();
    assert_eq!(site.words(&job), ["OK", "OK", "Ordered"]);
    Ok(())
}

#[test]
fn by_the_clocks_of_computers_a_target_whose_time_has_not_come_holds_up_nobody() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2"]);
    let tool = site.staged("Tool 1.0");
    let now = packhouse::transfer::Clock::wall(&*site.clock);
    // In an hour at Greenwich: on some computers it is past already, on others it is not for half a day.
    let soon = now.checked_add(jiff::SignedDuration::from_hours(1))?;
    let time = soon.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let options = ContainerOptions { run_at: Some(When::Computer { time }), ..parallel(1) };
    let job = site.job(&tool, &["PC-1", "PC-2"], options);
    site.tick();
    let mine = agents[0].jobs(&site).remove(0);
    agents[0].says(&site, &mine, ReportedState::Delivered);
    site.tick();
    assert_eq!(site.words(&job), ["Staged", "Waiting"], "it may be about to run");
    agents[0].says(&site, &mine, ReportedState::WaitingForTime);
    site.tick();
    assert_eq!(site.words(&job), ["Staged", "Ordered"], "it says that it is not");
    Ok(())
}

#[test]
fn a_batch_ends_for_the_computer_where_one_of_it_fails() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2"]);
    let packages = [site.staged("First 1.0"), site.staged("Second 1.0"), site.staged("Third 1.0")];
    let ids = packages.each_ref().map(|record| record.id);
    let options = ContainerOptions { linkage: Linkage::Batch, ..parallel(2) };
    let wanted = WantedProcedure::Task(Task::Install);
    let job = site.job_of(&ids, wanted, &["PC-1", "PC-2"], options);
    site.tick();
    let mine = agents[0].jobs(&site);
    let places: Vec<_> = mine.iter().map(|job| job.batch.map(|batch| batch.position)).collect();
    assert_eq!(places, [Some(0), Some(1), Some(2)]);
    assert!(mine.iter().all(|job| job.batch.map(|batch| batch.id) == mine[0].batch.map(|batch| batch.id)));
    agents[0].says(&site, &mine[0], ReportedState::Ok);
    agents[0].says(&site, &mine[1], ReportedState::Error);
    site.tick();
    let targets = site.targets(&job);
    let of = |name: &str| targets.iter().filter(|t| t.0 == name).map(|t| t.1).collect::<Vec<_>>();
    assert_eq!((of("PC-1"), of("PC-2")), (vec!["OK", "Error", "Error"], vec!["Ordered"; 3]));
    assert_eq!(targets[2].2, "batch-failed");
    assert!(agents[0].jobs(&site).is_empty());
    assert_eq!(agents[1].jobs(&site).len(), 3);
    Ok(())
}

#[test]
fn a_batch_that_was_withdrawn_is_another_piece_of_work_when_it_goes_on() -> Outcome {
    let mut site = Site::new();
    let mut agent = site.agent("PC-1");
    let packages = [site.staged("First 1.0"), site.staged("Second 1.0")];
    let ids = packages.each_ref().map(|record| record.id);
    let options = ContainerOptions { linkage: Linkage::Batch, ..parallel(1) };
    let job = site.job_of(&ids, WantedProcedure::Task(Task::Install), &["PC-1"], options);
    site.tick();
    let before = agent.jobs(&site);
    site.jobs().halt(job.id, &Selected::All)?;
    site.tick();
    for job in &before {
        agent.says(&site, job, ReportedState::Withdrawn);
    }
    site.tick();
    site.jobs().resume(job.id, &Selected::All)?;
    site.tick();
    let after = agent.jobs(&site);
    let batch = |jobs: &[packhouse::delivery::documents::Job]| jobs[0].batch.map(|batch| batch.id);
    assert_eq!(after.len(), 2);
    // An agent ends the rest of a piece of work in which a job was withdrawn.
    assert_ne!(batch(&before), batch(&after));
    assert_eq!(batch(&after), batch(&after[1..]));
    Ok(())
}

#[test]
fn what_is_installed_counts_as_failed_unless_it_is_said_otherwise() -> Outcome {
    let mut site = Site::new();
    let mut agent = site.agent("PC-1");
    let tool = site.staged("Tool 1.0");
    let first = site.job(&tool, &["PC-1"], parallel(1));
    site.tick();
    agent.does_its_job(&site);
    site.tick();
    assert_eq!(site.words(&first), ["OK"]);
    assert_eq!(site.computers().details("PC-1")?.installed[0].name, "Tool");
    let failed = site.job(&tool, &["PC-1"], parallel(1));
    let fine = site.job(&tool, &["PC-1"], ContainerOptions { installed_is_ok: true, ..parallel(1) });
    let again = site.job(&tool, &["PC-1"], ContainerOptions { reinstall: true, ..parallel(1) });
    site.tick();
    assert_eq!(
        (site.words(&failed), site.words(&fine), site.words(&again)),
        (vec!["Error"], vec!["OK"], vec!["Ordered"])
    );
    assert_eq!(site.view(&failed).state, ContainerState::Failed);
    assert_eq!(site.view(&fine).state, ContainerState::SuccessfullyCompleted);
    // Installed, it is not unsealed.
    let refused = site.library.unseal(tool.id).expect_err("it is installed").explain();
    assert!(refused.reason.contains("installed on 1 computer"), "{}", refused.reason);
    assert!(refused.reason.contains("part of 1 waiting job"), "{}", refused.reason);
    Ok(())
}

#[test]
fn nobody_found_unknown_computers_and_lost_procedures_are_told() -> Outcome {
    let mut site = Site::new();
    let _agent = site.agent("PC-1");
    site.add_computer("PC-2", &[]);
    let tool = site.staged("Tool 1.0");
    site.computers().add_group("Empty")?;
    let new = NewJobContainer {
        name: None,
        packages: vec![(PackageRef::Id(tool.id), WantedProcedure::Task(Task::Install))],
        computers: Vec::new(),
        groups: vec!["empty".into()],
        installed: Vec::new(),
        options: parallel(1),
        anyway: false,
    };
    let nobody = site.jobs().create(&new)?;
    let gone = site.job(&tool, &["PC-1", "PC-2"], parallel(2));
    site.computers().remove(&["PC-2".into()], false)?;
    let tick = site.tick();
    assert_eq!(tick.ended, [nobody.name.as_str()]);
    let view = site.view(&nobody);
    assert_eq!((view.state, view.reason.as_str()), (ContainerState::Warning, NOBODY));
    assert_eq!(site.targets(&gone)[1], ("PC-2".to_owned(), "Error", "unknown-computer".to_owned()));
    let unknown = NewJobContainer { computers: vec!["PC-2".into()], groups: Vec::new(), ..new.clone() };
    assert!(matches!(site.jobs().create(&unknown), Err(DeliveryError::NoSuchComputer(_))));
    let lost = NewJobContainer {
        packages: vec![(PackageRef::Id(tool.id), WantedProcedure::Task(Task::Activate))],
        ..new.clone()
    };
    assert_eq!(site.jobs().create(&lost).expect_err("there is none").explain().code, "no-procedure");
    site.library.edit(tool.id, &PackageEdit { retired: Some(true), ..PackageEdit::default() })?;
    assert_eq!(site.jobs().create(&new).expect_err("it is retired").explain().code, "retired");
    Ok(())
}

#[test]
fn a_job_that_was_being_set_up_when_the_manager_was_killed_is_proven_again_first() -> Outcome {
    let mut site = Site::new();
    let agent = site.agent("PC-1");
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1"], parallel(1));
    // A folder stands where its document is written: it is set up, and cannot be told.
    let document = site.there(&packhouse::delivery::documents::names::agent(agent.id));
    fs::remove_file(&document)?;
    fs::create_dir(&document)?;
    fs::write(document.join("in the way"), "x")?;
    let tick = site.tick();
    assert_eq!((tick.set_up, tick.documents), (1, 0), "{tick:?}");
    assert!(!tick.problems.is_empty());
    assert_eq!(site.page(&job).rows[0].state.code(), "building");
    site.kill_manager();
    fs::remove_dir_all(&document)?;
    fs::write(site.package_file(&tool, "stranger"), "x")?;
    site.tick();
    assert_eq!(site.words(&job), ["Error"], "what was proven before does not count any more");
    assert!(agent.jobs(&site).is_empty(), "no document ever named it");
    Ok(())
}

#[test]
fn only_documents_that_changed_are_written() -> Outcome {
    let mut site = Site::new();
    let agents = site.agents(&["PC-1", "PC-2"]);
    let tool = site.staged("Tool 1.0");
    let before = agents[1].document(&site);
    site.job(&tool, &["PC-1"], parallel(1));
    assert_eq!(site.tick().documents, 1);
    assert!(site.tick().is_quiet());
    assert_eq!(agents[1].document(&site), before, "nothing about it changed");
    let first = agents[0].document(&site);
    assert!(first.sequence > before.sequence || first.sequence >= first.issued as u64);
    // Before it expires it is written again, with the same jobs.
    site.clock.advance(Duration::from_secs(24 * 24 * 3600));
    let tick = site.tick();
    let renewed = agents[0].document(&site);
    assert!(tick.documents <= 1 && renewed.sequence > first.sequence && renewed.expires > first.expires);
    Ok(())
}

#[test]
fn a_job_is_removed_with_what_it_withdraws() -> Outcome {
    let mut site = Site::new();
    let agent = site.agent("PC-1");
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1"], parallel(1));
    site.tick();
    assert!(matches!(site.jobs().remove(job.id, false), Err(DeliveryError::StillRunning { .. })));
    site.jobs().remove(job.id, true)?;
    site.tick();
    assert!(agent.jobs(&site).is_empty());
    assert!(site.jobs().list()?.is_empty());
    Ok(())
}

#[test]
fn preflight_finds_what_will_fail_and_makes_nothing() -> Outcome {
    let mut site = Site::new();
    let _agent = site.agent("PC-1");
    site.add_computer("PC-2", &[]);
    let tool = site.sealed("Tool 1.0");
    let new = NewJobContainer {
        name: None,
        packages: vec![(PackageRef::Id(tool.id), WantedProcedure::Task(Task::Install))],
        computers: vec!["PC-1".into(), "PC-2".into()],
        groups: Vec::new(),
        installed: Vec::new(),
        options: parallel(1),
        anyway: false,
    };
    let look = |site: &Site| preflight(&site.jobs(), &site.staging_desk(), &new, &Work::new());
    let found = look(&site)?;
    assert!(!found.is_clear() && found.ready == 0);
    assert_eq!(found.staging[0].words, "not staged");
    assert_eq!(found.staging[0].to_send_bytes, tool.checksum.size_bytes);
    site.stage(tool.id);
    let found = look(&site)?;
    assert_eq!((found.targets, found.ready, found.staging[0].words.as_str()), (2, 1, "staged and verified"));
    assert!(found.computers.iter().any(|one| one.computer == "PC-2" && one.fails));
    fs::write(site.package_file(&tool, "stranger"), "x")?;
    let found = look(&site)?;
    let failure = found.packages[0].failure.as_ref().expect("it differs");
    assert_eq!((failure.code, found.ready), ("consistency-differs", 0));
    assert!(site.jobs().list()?.is_empty());
    // Blocked, no job is made unless somebody wants it all the same.
    assert_eq!(site.jobs().create(&new).expect_err("it is blocked").explain().code, "consistency-differs");
    site.jobs().create(&NewJobContainer { anyway: true, ..new.clone() })?;
    Ok(())
}
