//! Opening an enrolment token at once, by whoever made it: a new agent does not have to wait for the manager's next round.
//!
//! That a token is open is said by an empty object that is the same whoever writes it, so it needs no lease. Agents need
//! the site list too: where none was ever written this program is the manager for a moment, and where another one is, that
//! one writes it.

use std::sync::{Arc, Mutex, PoisonError};

use super::documents::site_said;
use super::{Manager, ManagerOptions};
use crate::delivery::documents::{TokenId, names};
use crate::delivery::error::DeliveryError;
use crate::delivery::staging::{StageError, StagingDesk, StagingError, StagingWay, StorePath, in_lanes};
use crate::library::Library;
use crate::package::staging::StagingLibrary;
use crate::work::Work;

/// Where agents can be enrolled with a token now, and where not yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenReach {
    /// Names of staging libraries where it is open.
    pub open_at: Vec<String>,
    /// Names of the others, and why.
    pub not_open: Vec<(String, String)>,
}

/// Says in every staging library that can be reached that a token is open, or is no longer. What cannot be done now the
/// manager does.
pub fn say_token(
    library: &Arc<Library>,
    options: &ManagerOptions,
    token: TokenId,
    is_open: bool,
    work: &Work,
) -> Result<TokenReach, DeliveryError> {
    let stagings = library.catalogue().staging_libraries()?;
    let problems =
        if is_open { write_missing_site_lists(library, options, &stagings, work)? } else { Vec::new() };
    let desk = StagingDesk::new(Arc::clone(library), options.network.clone(), Arc::clone(&options.clock));
    let said: Mutex<Vec<Option<String>>> = Mutex::new(vec![None; stagings.len()]);
    in_lanes(stagings.len(), work, |at| {
        let problem = say_at(library, &desk, &stagings[at], token, is_open).err();
        said.lock().unwrap_or_else(PoisonError::into_inner)[at] = problem.map(|error| error.to_string());
        Ok(())
    })?;
    let said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut reach = TokenReach::default();
    for (staging, problem) in stagings.into_iter().zip(said) {
        match problem {
            None => reach.open_at.push(staging.name),
            Some(why) => {
                let why_not = |problem: &String| {
                    problem.strip_prefix(&staging.name)?.strip_prefix(": ").map(str::to_owned)
                };
                let why = problems.iter().find_map(why_not).unwrap_or(why);
                reach.not_open.push((staging.name, why));
            }
        }
    }
    Ok(reach)
}

fn say_at(
    library: &Library,
    desk: &StagingDesk,
    staging: &StagingLibrary,
    token: TokenId,
    is_open: bool,
) -> Result<(), DeliveryError> {
    if is_open && library.catalogue().library_value(&site_said(staging))?.is_none() {
        return Err(DeliveryError::NoSiteList);
    }
    let name = names::open_token(token);
    let name = StorePath::parse(&name)
        .map_err(|_| StageError::Staging(StagingError::Setup(format!("{name:?} is no name"))))?;
    let store = desk.open(staging, StagingWay::Report)?;
    let said = if is_open { store.write(&name, super::OPEN) } else { store.remove(&name) };
    Ok(said.map_err(StageError::from)?)
}

/// Gives what could not be done, each with the name of the staging library in front.
fn write_missing_site_lists(
    library: &Arc<Library>,
    options: &ManagerOptions,
    stagings: &[StagingLibrary],
    work: &Work,
) -> Result<Vec<String>, DeliveryError> {
    let mut is_missing = false;
    for staging in stagings {
        is_missing |= library.catalogue().library_value(&site_said(staging))?.is_none();
    }
    if !is_missing {
        return Ok(Vec::new());
    }
    match Manager::open(Arc::clone(library), options.clone()) {
        Ok(mut manager) => manager.write_site_lists(work),
        // That one writes it.
        Err(DeliveryError::ManagerRuns(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
