//! What deliveries leave in History: of each package what became of it, of computers and tokens who added them, and a
//! chain that holds.

use std::fs;

use packhouse::delivery::computers::{NewComputer, TokenRequest};
use packhouse::delivery::documents::{JobReport, ReportedState, Token};
use packhouse::delivery::jobs::{NewJobContainer, Selected, WantedProcedure};
use packhouse::delivery::model::{ContainerOptions, Linkage, OnChecksumError};
use packhouse::library::PackageRef;
use packhouse::package::history::ChainState;
use packhouse::package::procedure::Task;
use packhouse::package::{HistoryEntry, HistoryEvent, PackageId};
use packhouse::store::HistoryFilter;

use super::fixture::{Outcome, Site};

/// What History has since entry `after`, of one package or of none: events with their words.
fn since(site: &Site, after: u64, package: Option<PackageId>) -> Vec<HistoryEntry> {
    let filter = HistoryFilter { package, ..HistoryFilter::default() };
    let mut entries = site.library.history(&filter).expect("History");
    entries.retain(|entry| entry.number > after && entry.package_id == package);
    entries
}

fn told(entries: &[HistoryEntry]) -> Vec<(HistoryEvent, &str)> {
    entries.iter().map(|entry| (entry.event, entry.details.as_deref().unwrap_or_default())).collect()
}

fn last(site: &Site) -> u64 {
    site.library.history(&HistoryFilter::default()).expect("History").len() as u64
}

#[track_caller]
fn chain_holds(site: &Site) {
    let state = site.library.verify_history().expect("it is followed");
    assert!(matches!(state, ChainState::Verified { .. }), "{state:?}");
}

#[test]
fn the_history_of_a_package_tells_what_its_jobs_did() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2", "PC-3"]);
    let tool = site.staged("Tool 1.0");
    let before = last(&site);
    let options = ContainerOptions { parallel: 1, ..ContainerOptions::default() };
    let job = site.job(&tool, &["PC-1", "PC-2", "PC-3"], options);
    site.tick();
    site.jobs().halt(job.id, &Selected::All)?;
    site.jobs().resume(job.id, &Selected::All)?;
    // The first one is withdrawn and ordered again.
    let given = agents[0].jobs(&site).remove(0);
    agents[0].says(&site, &given, ReportedState::Withdrawn);
    site.tick();
    agents[0].does_its_job(&site);
    let stranger = site.package_file(&tool, "stranger.txt");
    fs::write(&stranger, "who put me here?")?;
    site.tick();
    site.tick();
    fs::remove_file(&stranger)?;
    site.jobs().renew(job.id, &Selected::All)?;
    site.tick();
    agents[1].does_its_job(&site);
    site.tick();
    let failing = agents[2].jobs(&site).remove(0);
    agents[2].reports(&site, vec![JobReport::new(failing.id, ReportedState::Error, 1_790_000_000)]);
    site.tick();
    site.jobs().remove(job.id, false)?;

    let entries = since(&site, before, Some(tool.id));
    let deliveries: Vec<_> =
        told(&entries).into_iter().filter(|(event, _)| *event != HistoryEvent::Verified).collect();
    assert_eq!(
        deliveries,
        [
            (HistoryEvent::JobCreated, r#"Install by "Install" on PC-1, PC-2, PC-3; job "Install Tool 1.0""#),
            (HistoryEvent::JobHalted, r#"3 targets; job "Install Tool 1.0""#),
            (HistoryEvent::JobResumed, r#"3 targets; job "Install Tool 1.0""#),
            (HistoryEvent::ChecksumError, r#"2 targets end in error; job "Install Tool 1.0""#),
            (HistoryEvent::JobEnded, r#"Install on 3 computers: 1 OK, 2 in error; job "Install Tool 1.0""#),
            (HistoryEvent::JobRenewed, r#"2 targets; job "Install Tool 1.0""#),
            (HistoryEvent::JobEnded, r#"Install on 3 computers: 2 OK, 1 in error; job "Install Tool 1.0""#),
            (HistoryEvent::JobRemoved, r#"2 OK, 1 in error; job "Install Tool 1.0""#),
        ]
    );
    let error = entries.iter().find(|entry| entry.event == HistoryEvent::ChecksumError).ok_or("an error")?;
    let differences = error.differences.as_ref().ok_or("what differs")?;
    assert_eq!(differences.added[0].path, "stranger.txt");
    assert_eq!(error.old_checksum, Some(tool.checksum));
    assert!(error.new_checksum.is_some_and(|found| found != tool.checksum));
    assert!(entries.iter().all(|entry| entry.who == "anna" && entry.package.as_ref() == Some(&tool.key)));
    chain_holds(&site);
    Ok(())
}

#[test]
fn each_package_of_a_job_has_its_own_end_and_a_copy_that_differs_is_told() -> Outcome {
    let mut site = Site::new();
    let mut agent = site.agent("PC-1");
    let (one, two) = (site.staged("One 1.0"), site.staged("Two 1.0"));
    let options =
        ContainerOptions { on_checksum_error: OnChecksumError::Halt, ..ContainerOptions::default() };
    let job = site.job_of(&[one.id, two.id], WantedProcedure::Task(Task::Install), &["PC-1"], options);
    fs::write(site.there("packages/Two/1.0/data/readme.txt"), "another size than before")?;
    let before = last(&site);
    site.tick();
    let mine = agent.jobs(&site);
    assert_eq!(mine.len(), 1, "the other one waits");
    agent.says(&site, &mine[0], ReportedState::Ok);
    site.tick();
    let halted = since(&site, before, Some(two.id));
    let [(HistoryEvent::ChecksumError, words)] = told(&halted)[..] else { panic!("{halted:?}") };
    assert!(words.contains("Köln") && words.contains("1 target is halted until"), "{words}");
    assert!(since(&site, before, Some(one.id)).is_empty(), "it has not ended as a whole");
    site.stage(two.id);
    site.tick();
    agent.does_its_job(&site);
    site.tick();
    let ends = |package| -> Vec<String> {
        let entries = since(&site, before, Some(package));
        let ended = entries.into_iter().filter(|entry| entry.event == HistoryEvent::JobEnded);
        ended.filter_map(|entry| entry.details).collect()
    };
    let words = format!("Install on 1 computer: 1 OK; job {:?}", job.name);
    assert_eq!((ends(one.id), ends(two.id)), (vec![words.clone()], vec![words]));
    chain_holds(&site);
    Ok(())
}

#[test]
fn each_package_of_a_job_tells_of_its_own_targets_only() -> Outcome {
    let mut site = Site::new();
    let mut agents = site.agents(&["PC-1", "PC-2", "PC-3"]);
    let (one, two) = (site.staged("One 1.0"), site.staged("Two 1.0"));
    let install = WantedProcedure::Task(Task::Install);
    let options = ContainerOptions { linkage: Linkage::Batch, ..ContainerOptions::default() };
    let job = site.job_of(&[one.id, two.id], install, &["PC-1", "PC-2", "PC-3"], options);
    let before = last(&site);
    site.tick();
    // Of the first package one job is done and one failed, which ends the second package on that computer.
    let first = agents[0].jobs(&site).remove(0);
    agents[0].says(&site, &first, ReportedState::Ok);
    let failing = agents[1].jobs(&site).remove(0);
    agents[1].reports(&site, vec![JobReport::new(failing.id, ReportedState::Error, 1_790_000_000)]);
    site.tick();
    assert_eq!(site.jobs().halt(job.id, &Selected::All)?, 3);
    assert_eq!(site.jobs().resume(job.id, &Selected::All)?, 3);
    let alone: Vec<_> =
        site.page(&job).rows.iter().filter(|row| row.package == one.key).map(|row| row.job).collect();
    assert_eq!(site.jobs().renew(job.id, &Selected::Jobs(alone))?, 1);
    site.jobs().remove(job.id, true)?;
    let of = |package| -> Vec<String> {
        let entries = since(&site, before, Some(package));
        let steered = entries.into_iter().filter(|entry| entry.event != HistoryEvent::Verified);
        steered
            .map(|entry| format!("{}: {}", entry.event.word(), entry.details.unwrap_or_default()))
            .collect()
    };
    let name = &job.name;
    assert_eq!(
        of(one.id),
        [
            format!("Job halted: 1 target; job {name:?}"),
            format!("Job resumed: 1 target; job {name:?}"),
            format!("Job renewed: 1 target; job {name:?}"),
            format!("Job removed: 2 jobs withdrawn; job {name:?}"),
        ]
    );
    assert_eq!(
        of(two.id),
        [
            format!("Job halted: 2 targets; job {name:?}"),
            format!("Job resumed: 2 targets; job {name:?}"),
            format!("Job removed: 2 jobs withdrawn; job {name:?}"),
        ]
    );
    chain_holds(&site);
    Ok(())
}

#[test]
fn a_job_without_targets_and_one_that_is_removed_early_are_told() -> Outcome {
    let mut site = Site::new();
    let tool = site.staged("Tool 1.0");
    site.add_computer("PC-1", &["Lab"]);
    let before = last(&site);
    let new = NewJobContainer {
        name: Some("Nobody".to_owned()),
        packages: vec![(PackageRef::Id(tool.id), WantedProcedure::Task(Task::Install))],
        computers: Vec::new(),
        groups: vec!["Lab".to_owned()],
        installed: Vec::new(),
        options: ContainerOptions { stage_only: true, ..ContainerOptions::default() },
        anyway: false,
    };
    let early = site.jobs().create(&NewJobContainer { name: Some("Early".to_owned()), ..new.clone() })?;
    site.jobs().halt(early.id, &Selected::All)?;
    site.jobs().halt(early.id, &Selected::All)?;
    site.jobs().remove(early.id, false)?;
    site.jobs().create(&new)?;
    site.computers().remove(&["PC-1".to_owned()], true)?;
    site.tick();
    assert_eq!(
        told(&since(&site, before, Some(tool.id))),
        [
            (HistoryEvent::JobCreated, r#"Stage by "Install" on group "Lab"; job "Early""#),
            (HistoryEvent::JobHalted, r#"before it began; job "Early""#),
            (HistoryEvent::JobRemoved, r#"before it began; job "Early""#),
            (HistoryEvent::JobCreated, r#"Stage by "Install" on group "Lab"; job "Nobody""#),
            (HistoryEvent::JobEnded, r#"Stage: No target computers found in evaluation step; job "Nobody""#),
        ]
    );
    Ok(())
}

#[test]
fn computers_and_tokens_are_told_without_secrets() -> Outcome {
    let mut site = Site::new();
    let before = last(&site);
    let lab = vec!["Lab".to_owned()];
    site.computers().add(&NewComputer { name: "PC-1".into(), groups: lab, ..NewComputer::default() })?;
    site.computers().import("name\nPC-1\nPC-2\nPC-3\n", false)?;
    let request = TokenRequest { computer: Some("PC-1".into()), test: true, ..TokenRequest::default() };
    let made = site.computers().new_token(&request)?;
    let token: Token = made.text.parse()?;
    site.computers().remove_token(&token.id.to_string())?;
    let _agent = site.agent("PC-2");
    site.computers().remove(&["PC-1".to_owned(), "PC-3".to_owned()], false)?;
    let entries = since(&site, before, None);
    let told = told(&entries);
    let [added, table, made, removed, second, enrolled, gone] = told[..] else { panic!("{told:#?}") };
    assert_eq!(added, (HistoryEvent::ComputerAdded, "PC-1, in Lab"));
    assert_eq!(table, (HistoryEvent::ComputerAdded, "2 computers from a table: PC-2, PC-3"));
    let words = format!("{} for PC-1, a test computer", token.id);
    assert_eq!(made, (HistoryEvent::TokenMade, words.as_str()));
    assert_eq!(removed, (HistoryEvent::TokenRemoved, token.id.to_string().as_str()));
    assert_eq!(second.0, HistoryEvent::TokenMade);
    assert_eq!(enrolled.0, HistoryEvent::ComputerEnrolled);
    assert!(enrolled.1.starts_with("PC-2, agent "), "{}", enrolled.1);
    assert_eq!(gone, (HistoryEvent::ComputerRemoved, "PC-1, PC-3"));
    let file = fs::read_to_string(site.library.root().join("history.jsonl"))?;
    let secret: String = token.secret.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!file.contains(&secret), "a secret is nobody's but the agent's");
    chain_holds(&site);
    Ok(())
}
