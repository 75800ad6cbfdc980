//! Enrolment: a token serves once, who does not know its secret is refused, and an agent becomes the agent of the right
//! computer.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use packhouse::delivery::computers::TokenRequest;
use packhouse::delivery::documents::{Token, names};
use packhouse::delivery::manager::{Manager, say_token};
use packhouse::delivery::staging::NewStagingLibrary;
use packhouse::delivery::{DeliveryError, model::ContainerOptions};
use packhouse::store::ComputerFilter;
use packhouse::work::Work;

use super::fixture::{Agent, Outcome, Site};

fn token(site: &Site, request: &TokenRequest) -> Result<Token, Box<dyn std::error::Error>> {
    Ok(site.computers().new_token(request)?.text.parse()?)
}

fn answer(site: &Site, token: &Token, bytes: &[u8]) -> Outcome {
    fs::create_dir_all(site.there("delivery/enrol"))?;
    fs::write(site.there(&names::enrolment(token.id)), bytes)?;
    Ok(())
}

#[test]
fn a_token_is_said_to_be_open_serves_once_and_is_gone() -> Outcome {
    let mut site = Site::new();
    let request = TokenRequest { group: Some("Köln".into()), test: true, ..TokenRequest::default() };
    let token = token(&site, &request)?;
    site.tick();
    assert!(site.there(&names::open_token(token.id)).exists());
    let agent = Agent::new("pc");
    answer(&site, &token, &agent.enrolment(&token, "pc-114"))?;
    assert_eq!(site.tick().enrolled, ["pc-114"]);
    let computer = site.computers().find("PC-114")?;
    assert_eq!((computer.groups.as_slice(), computer.test), (&["Köln".to_owned()][..], true));
    assert_eq!(computer.facts.system, "linux");
    assert!(!site.there(&names::open_token(token.id)).exists());
    assert!(!site.there(&names::enrolment(token.id)).exists());
    assert!(agent.jobs(&site).is_empty(), "it has a document, with nothing to do");
    // Again with the same token, by somebody who has seen it typed.
    let second = Agent::new("second");
    answer(&site, &token, &second.enrolment(&token, "pc-114"))?;
    assert!(site.tick().enrolled.is_empty());
    assert_eq!(site.computers().list(&ComputerFilter::default())?.len(), 1);
    Ok(())
}

#[test]
fn a_token_is_open_at_once_and_a_manager_closes_what_others_left_open() -> Outcome {
    let mut site = Site::new();
    let open = |site: &Site, token: &Token| site.there(&names::open_token(token.id)).exists();
    let say =
        |site: &Site, token: &Token| say_token(&site.library, &site.options(), token.id, true, &Work::new());
    let (one, two) = (token(&site, &TokenRequest::default())?, token(&site, &TokenRequest::default())?);
    // No manager has ever run: the site list is written as well.
    let reach = say(&site, &one)?;
    assert_eq!((reach.open_at, reach.not_open), (vec!["Köln".to_owned()], Vec::new()));
    assert!(open(&site, &one) && site.there(names::SITE).exists());
    let site_list = fs::read(site.there(names::SITE))?;
    say(&site, &two)?;
    assert_eq!(fs::read(site.there(names::SITE))?, site_list, "it is there");
    let agent = Agent::new("pc");
    answer(&site, &one, &agent.enrolment(&one, "pc-114"))?;
    assert_eq!(site.tick().enrolled, ["pc-114"]);
    assert!(!open(&site, &one) && open(&site, &two));
    // While a manager runs it is open at once too.
    let three = token(&site, &TokenRequest::default())?;
    assert_eq!(say(&site, &three)?.open_at, ["Köln"]);
    assert!(open(&site, &three));
    // What was removed or ran out while no manager ran is closed by the next one.
    site.stop_manager();
    site.computers().remove_token(&two.id.to_string())?;
    site.clock.advance(Duration::from_secs(25 * 3600));
    assert!(open(&site, &two) && open(&site, &three));
    let tick = site.tick();
    assert!(!open(&site, &two) && !open(&site, &three), "{tick:?}");
    // Another one is found while it runs.
    let four = token(&site, &TokenRequest::default())?;
    site.tick();
    fs::write(site.there(&names::open_token(three.id)), b"{}")?;
    site.tick();
    assert!(!open(&site, &three) && open(&site, &four));
    say_token(&site.library, &site.options(), four.id, false, &Work::new())?;
    assert!(!open(&site, &four));
    Ok(())
}

#[test]
fn where_a_token_cannot_be_opened_is_said() -> Outcome {
    let site = Site::new();
    let desk = site.staging_desk();
    desk.add(NewStagingLibrary {
        name: "Away".to_owned(),
        write: site.folder.path().join("away/gone").display().to_string(),
        ..NewStagingLibrary::default()
    })?;
    let token = token(&site, &TokenRequest::default())?;
    let reach = say_token(&site.library, &site.options(), token.id, true, &Work::new())?;
    assert_eq!(reach.open_at, ["Köln"]);
    let [(name, why)] = &reach.not_open[..] else { panic!("{reach:?}") };
    assert!(name == "Away" && why.contains("away/gone"), "{why}");
    Ok(())
}

#[test]
fn who_does_not_know_the_secret_is_refused_and_the_right_one_still_comes() -> Outcome {
    let mut site = Site::new();
    let token = token(&site, &TokenRequest::default())?;
    let mut forged = token.clone();
    forged.secret = [7; 16];
    answer(&site, &token, &Agent::new("x").enrolment(&forged, "evil"))?;
    let tick = site.tick();
    assert!(tick.enrolled.is_empty() && tick.problems.len() == 1, "{tick:?}");
    answer(&site, &token, b"no enrolment at all")?;
    assert!(site.tick().enrolled.is_empty());
    answer(&site, &token, &Agent::new("pc").enrolment(&token, "good"))?;
    assert_eq!(site.tick().enrolled, ["good"]);
    Ok(())
}

#[test]
fn an_expired_or_removed_token_enrols_nobody() -> Outcome {
    let mut site = Site::new();
    let expired = token(&site, &TokenRequest { valid_secs: Some(60), ..TokenRequest::default() })?;
    let removed = token(&site, &TokenRequest::default())?;
    site.tick();
    site.computers().remove_token(&removed.id.to_string())?;
    site.clock.advance(Duration::from_secs(61));
    for token in [&expired, &removed] {
        answer(&site, token, &Agent::new("pc").enrolment(token, "pc"))?;
    }
    assert!(site.tick().enrolled.is_empty());
    for token in [&expired, &removed] {
        assert!(!site.there(&names::open_token(token.id)).exists(), "nobody is told that it is open");
    }
    Ok(())
}

#[test]
fn an_agent_joins_the_computer_of_its_name_or_of_its_token() -> Outcome {
    let mut site = Site::new();
    site.add_computer("pc-1", &["Lab"]);
    site.add_computer("Reception", &[]);
    let _first = site.agent("PC-1");
    let computer = site.computers().find("pc-1")?;
    assert!(computer.agent.is_some() && computer.groups == ["Lab"]);
    // Another computer calls itself the same: it does not take the place of the first.
    let _second = site.agent("PC-1");
    assert!(site.computers().find("PC-1 (2)")?.agent.is_some());
    let request = TokenRequest { computer: Some("Reception".into()), ..TokenRequest::default() };
    let token = token(&site, &request)?;
    answer(&site, &token, &Agent::new("x").enrolment(&token, "desktop-7f3a"))?;
    assert_eq!(site.tick().enrolled, ["Reception"]);
    Ok(())
}

#[test]
fn a_job_for_a_computer_without_an_agent_waits_for_it() -> Outcome {
    let mut site = Site::new();
    site.add_computer("PC-1", &[]);
    let tool = site.staged("Tool 1.0");
    let job = site.job(&tool, &["PC-1"], ContainerOptions::default());
    site.tick();
    assert_eq!(site.targets(&job)[0], ("PC-1".to_owned(), "Waiting", "no-agent".to_owned()));
    let agent = site.agent("PC-1");
    site.tick();
    assert_eq!(site.words(&job), ["Ordered"]);
    assert_eq!(agent.jobs(&site).len(), 1);
    Ok(())
}

#[test]
fn one_manager_at_a_time_and_a_dead_one_is_succeeded() -> Outcome {
    let mut site = Site::new();
    site.tick();
    let second = Manager::open(Arc::clone(&site.library), site.options());
    assert!(matches!(second, Err(DeliveryError::ManagerRuns(_))));
    site.kill_manager();
    let second = Manager::open(Arc::clone(&site.library), site.options())?;
    drop(second);
    let third = Manager::open(Arc::clone(&site.library), site.options())?;
    assert!(third.lease().process > 0);
    Ok(())
}

#[test]
fn a_manager_that_was_thought_dead_does_nothing_any_more() -> Outcome {
    let mut site = Site::new();
    site.tick();
    site.clock.advance(Duration::from_secs(300));
    let _second = Manager::open(Arc::clone(&site.library), site.options())?;
    assert!(matches!(site.try_tick(), Err(DeliveryError::TakenOver(_))));
    Ok(())
}
