//! A checksum error with 10,000 targets: what was not begun is in error at once, what runs keeps its own result.

use std::collections::BTreeMap;
use std::fs;

use jiff::Timestamp;
use packhouse::delivery::documents::{AgentId, JobReport, ReportedState};
use packhouse::delivery::jobs::{ContainerView, NewJobContainer, Selected, WantedProcedure};
use packhouse::delivery::model::{ContainerOptions, ContainerState};
use packhouse::library::PackageRef;
use packhouse::package::procedure::Task;
use packhouse::store::{Catalogue, ComputerFacts, ComputerFilter, EnrolledAgent};

use super::fixture::{Agent, Outcome, Site};

const TARGETS: usize = 10_000;
const PARALLEL: usize = 200;

/// Computers with agents, in the group *all*. They share one key, which nothing here depends on.
fn enrolled(site: &Site, count: usize) -> Result<BTreeMap<String, Agent>, Box<dyn std::error::Error>> {
    let table: String = (0..count).map(|number| format!("PC-{number:05},all\n")).collect();
    let imported = site.computers().import(&format!("name,group\n{table}"), false)?;
    assert_eq!(imported.added.len(), count);
    let mut agents = BTreeMap::new();
    let keys = Agent::new("").keys;
    let mut catalogue = Catalogue::open(&site.library.root().join("catalog.db"))?;
    let computers = site.computers().list(&ComputerFilter::default())?;
    catalogue.change(|change| {
        for computer in &computers {
            let agent =
                Agent { name: computer.name.clone(), id: AgentId::random(), keys: keys.clone(), next: 1 };
            let enrolled = EnrolledAgent {
                agent: agent.id.0,
                key: agent.keys.pk.to_base64(),
                since: Timestamp::now(),
                polls: site.staging.id.to_string(),
            };
            change.enrol(computer.row, &enrolled, &ComputerFacts::default())?;
            agents.insert(computer.name.clone(), agent);
        }
        Ok::<_, packhouse::store::StoreError>(())
    })?;
    Ok(agents)
}

fn job_for_all(
    site: &Site,
    package: packhouse::package::PackageId,
) -> Result<ContainerView, Box<dyn std::error::Error>> {
    Ok(site.jobs().create(&NewJobContainer {
        name: Some("Everybody".into()),
        packages: vec![(PackageRef::Id(package), WantedProcedure::Task(Task::Install))],
        computers: Vec::new(),
        groups: vec!["all".into()],
        installed: Vec::new(),
        options: ContainerOptions { parallel: PARALLEL as u32, ..ContainerOptions::default() },
        anyway: false,
    })?)
}

#[test]
fn ten_thousand_targets_end_at_once_but_for_what_runs() -> Outcome {
    let mut site = Site::new();
    let mut agents = enrolled(&site, TARGETS)?;
    let tool = site.staged("Tool 1.0");
    let job = job_for_all(&site, tool.id)?;
    let tick = site.tick();
    assert_eq!(
        (tick.set_up, tick.documents as usize),
        (PARALLEL as u64, TARGETS + 1),
        "all have a document once"
    );
    assert_eq!((site.view(&job).totals.ordered, site.view(&job).totals.waiting), (200, 9_800));

    // Of the first turns 120 are done, 30 run, 50 have not begun; then the package changes.
    let first: Vec<String> = agents.keys().take(PARALLEL).cloned().collect();
    let mut given = BTreeMap::new();
    for (place, name) in first.iter().enumerate() {
        let agent = agents.get_mut(name).expect("it is there");
        let mine = agent.jobs(&site).remove(0);
        given.insert(name.clone(), mine.clone());
        let state = match place {
            0..120 => ReportedState::Ok,
            120..150 => ReportedState::Executing,
            _ => ReportedState::Delivered,
        };
        agent.says(&site, &mine, state);
    }
    fs::write(site.package_file(&tool, "stranger"), "x")?;
    let tick = site.tick();
    assert_eq!((tick.reports, tick.set_up, tick.checksum_errors.len()), (200, 0, 1), "{tick:?}");
    let totals = site.view(&job).totals;
    assert_eq!((totals.ok, totals.executing, totals.error), (120, 30, 9_850), "{totals:?}");
    assert_eq!((totals.waiting + totals.ordered + totals.staged, totals.unconfirmed), (0, 50), "{totals:?}");
    // Nothing is left for those that had not begun; those that run are not taken back.
    assert_eq!(tick.documents, 120 + 50, "only what changed is written");
    for (place, name) in first.iter().enumerate() {
        let listed = agents[name].jobs(&site).len();
        assert_eq!(listed, usize::from((120..150).contains(&place)), "{name}");
    }
    // One had begun after all, before it could hear of it: its own result stands. Another confirms.
    let say = |agents: &mut BTreeMap<String, Agent>, site: &Site, place: usize, states: &[ReportedState]| {
        let agent = agents.get_mut(&first[place]).expect("it is there");
        let about = given[&first[place]].id;
        let reports = states.iter().map(|state| JobReport::new(about, *state, 1_790_000_000));
        agent.reports(site, reports.collect());
    };
    say(&mut agents, &site, 150, &[ReportedState::Executing, ReportedState::Ok]);
    say(&mut agents, &site, 151, &[ReportedState::Withdrawn]);
    for place in 120..150 {
        say(&mut agents, &site, place, &[ReportedState::Ok]);
    }
    site.tick();
    let view = site.view(&job);
    assert_eq!((view.totals.ok, view.totals.error, view.totals.unconfirmed), (151, 9_849, 48));
    assert_eq!(view.state, ContainerState::Failed);

    // Corrected, only those that failed are done again.
    fs::remove_file(site.package_file(&tool, "stranger"))?;
    assert_eq!(site.jobs().renew(job.id, &Selected::All)?, 9_849);
    let tick = site.tick();
    assert_eq!(tick.set_up, PARALLEL as u64, "{tick:?}");
    assert_eq!(site.view(&job).totals.ok, 151);
    assert!(agents[&first[0]].jobs(&site).is_empty(), "what is done is not done again");
    Ok(())
}
