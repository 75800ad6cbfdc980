//! Enrolments: a new agent that knows the secret of an open token becomes the agent of a computer. Each token serves once.

use std::time::Duration;

use uuid::Uuid;

use super::{Manager, Tick};
use crate::delivery::documents::limits::ENROLMENT_MAX_BYTES;
use crate::delivery::documents::{Enrolment, TokenId, names};
use crate::delivery::error::DeliveryError;
use crate::delivery::history::tell;
use crate::delivery::model::checked_name;
use crate::delivery::staging::{StagingError, StagingStore, StagingWay, StorePath};
use crate::package::HistoryEvent;
use crate::package::staging::StagingLibrary;
use crate::store::{Change, ComputerFacts, ComputerRow, EnrolledAgent, EnrolmentTokenRow, StoreError};

/// While no token is open nobody writes an enrolment, so it is seldom looked for what lies there all the same: tokens that
/// are said to be open and are not, and what a writer that was killed left.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// Most computers that are tried as names for one that calls itself like another.
const MOST_NAMES: u32 = 10_000;

impl Manager {
    /// Says everywhere which tokens are open, and takes the agents that answer.
    pub(super) fn take_enrolments(&mut self, tick: &mut Tick<'_>) -> Result<(), DeliveryError> {
        let tokens = self.library.catalogue().enrolment_tokens()?;
        let open: Vec<(TokenId, EnrolmentTokenRow)> = tokens
            .into_iter()
            .filter(|token| token.used.is_none() && token.expires > tick.now)
            .filter_map(|token| Some((token.id.parse().ok()?, token)))
            .collect();
        // Those that serve no more are not said to be open any more.
        let over: Vec<(String, String)> = self
            .opened
            .iter()
            .filter(|(_, token)| !open.iter().any(|(id, _)| id.to_string() == *token))
            .cloned()
            .collect();
        for staging in tick.stagings.clone() {
            let here = staging.id.to_string();
            // At first, and then every hour, it looks for what others left.
            let needs_store =
                !open.is_empty() || over.iter().any(|(at, _)| *at == here) || self.is_to_be_looked_at(&here);
            if !needs_store {
                continue;
            }
            let Some(store) = self.store(tick, &staging, StagingWay::Report) else { continue };
            let taken = self.enrol_at(tick, &*store, &staging, &open, &over);
            match taken {
                Ok(()) => {}
                Err(Trouble::Store(error)) => tick.report.problem(format!("{}: {error}", staging.name)),
                Err(Trouble::Own(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether it is time to look for what others left in a staging library.
    fn is_to_be_looked_at(&self, staging: &str) -> bool {
        let now = self.options.clock.now();
        self.looked.get(staging).is_none_or(|looked| now.saturating_sub(*looked) >= LOOK_EVERY)
    }

    fn enrol_at(
        &mut self,
        tick: &mut Tick<'_>,
        store: &dyn StagingStore,
        staging: &StagingLibrary,
        open: &[(TokenId, EnrolmentTokenRow)],
        over: &[(String, String)],
    ) -> Result<(), Trouble> {
        let here = staging.id.to_string();
        for (at, token) in over.iter().filter(|(at, _)| *at == here) {
            if let Ok(token) = token.parse::<TokenId>() {
                store.remove(&path(&names::open_token(token))?)?;
            }
            self.opened.remove(&(at.clone(), token.clone()));
        }
        for (token, _) in open {
            let place = (here.clone(), token.to_string());
            if !self.opened.contains(&place) {
                store.write(&path(&names::open_token(*token))?, super::OPEN)?;
                self.opened.insert(place);
            }
        }
        if open.is_empty() && !self.is_to_be_looked_at(&here) {
            return Ok(());
        }
        let there: Option<Vec<TokenId>> = match store.list(&path(names::ENROL)?) {
            Ok(listed) => {
                self.leftovers.sweep(&self.options, store, &path(names::ENROL)?, &listed);
                let said = listed.iter().filter_map(|entry| names::parse_open_file(&entry.name));
                let said: Vec<TokenId> =
                    said.filter(|token| !open.iter().any(|(known, _)| known == token)).collect();
                self.close(store, &said, tick.now)?;
                Some(listed.iter().filter_map(|entry| names::parse_enrolment_file(&entry.name)).collect())
            }
            Err(StagingError::CannotList(_)) => None,
            Err(error) => return Err(error.into()),
        };
        self.looked.insert(here, self.options.clock.now());
        for (token, row) in open {
            if there.as_ref().is_none_or(|there| there.contains(token)) {
                self.take_one(tick, store, staging, *token, row)?;
            }
        }
        Ok(())
    }

    /// Says of tokens no more that they are open: those that another program opened, or a manager that was stopped, and
    /// that serve no more.
    fn close(&self, store: &dyn StagingStore, said: &[TokenId], now: jiff::Timestamp) -> Result<(), Trouble> {
        if said.is_empty() {
            return Ok(());
        }
        // Read again: whoever opens one keeps it first, so one that was made a moment ago is among them.
        let known = self.library.catalogue().enrolment_tokens();
        let known = known.map_err(|error| Trouble::Own(error.into()))?;
        for token in said {
            let id = token.to_string();
            let serves = |row: &EnrolmentTokenRow| row.id == id && row.used.is_none() && row.expires > now;
            if !known.iter().any(serves) {
                store.remove(&path(&names::open_token(*token))?)?;
            }
        }
        Ok(())
    }

    fn take_one(
        &mut self,
        tick: &mut Tick<'_>,
        store: &dyn StagingStore,
        staging: &StagingLibrary,
        token: TokenId,
        row: &EnrolmentTokenRow,
    ) -> Result<(), Trouble> {
        let name = path(&names::enrolment(token))?;
        let bytes = match store.read(&name, ENROLMENT_MAX_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(()),
            Err(StagingError::TooLarge { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let Some(secret) = self.computers.secret(token).map_err(Trouble::Own)? else {
            let what =
                format!("the secret of token {token} is kept by another user, who must run the manager");
            tick.report.problem(what);
            return Ok(());
        };
        let enrolment = match Enrolment::parse(&bytes, token, &secret) {
            Ok(enrolment) => enrolment,
            Err(problem) => {
                // The right one may still come.
                tick.report.problem(format!("an enrolment with token {token} is refused: {problem}"));
                store.remove(&name)?;
                return Ok(());
            }
        };
        let agent = EnrolledAgent {
            agent: enrolment.agent.0,
            key: enrolment.agent_key.clone(),
            since: tick.now,
            polls: staging.id.to_string(),
        };
        let facts = ComputerFacts {
            host: enrolment.host.clone(),
            system: enrolment.system.clone(),
            architecture: enrolment.architecture.clone(),
            agent_version: enrolment.agent_version.clone(),
            ..ComputerFacts::default()
        };
        let now = tick.now;
        let enrolled = self.library.catalogue().change(|change| -> Result<Option<String>, StoreError> {
            let computer = computer_for(change, row, &enrolment, now)?;
            // Another agent answered with the same token a moment ago: it serves once.
            if !change.use_enrolment_token(&row.id, now, &computer.name)? {
                return Ok(None);
            }
            let number = change.put_computer(&computer)?;
            if let Some(group) = &row.group {
                change.add_to_group(number, group)?;
            }
            change.enrol(number, &agent, &facts)?;
            let words = format!("{}, agent {}, token {}", computer.name, agent.agent, row.id);
            tell(change, &self.library, HistoryEvent::ComputerEnrolled, words)?;
            Ok(Some(computer.name))
        });
        let enrolled = enrolled.map_err(|error| Trouble::Own(error.into()))?;
        if let Some(name) = enrolled {
            tick.report.enrolled.push(name);
        }
        self.computers.forget_secret(token).map_err(Trouble::Own)?;
        store.remove(&name)?;
        store.remove(&path(&names::open_token(token))?)?;
        self.opened.remove(&(staging.id.to_string(), token.to_string()));
        Ok(())
    }
}

/// The computer that an agent becomes the agent of: the one its token names; else the one of its name, if nobody is its
/// agent; else a new one.
fn computer_for(
    change: &Change<'_>,
    token: &EnrolmentTokenRow,
    enrolment: &Enrolment,
    now: jiff::Timestamp,
) -> Result<ComputerRow, StoreError> {
    if let Some(name) = &token.computer
        && let Some(computer) = change.computer_named(name)?
    {
        return Ok(computer);
    }
    let fit: String = enrolment.host.chars().map(|c| if matches!(c, ',' | ';') { '-' } else { c }).collect();
    let fit: String = fit.chars().take(150).collect();
    let host = checked_name(&fit).unwrap_or_else(|_| format!("Computer {}", enrolment.agent));
    let mut name = host.clone();
    for number in 2..MOST_NAMES {
        match change.computer_named(&name)? {
            None => break,
            Some(mut computer) if computer.agent.is_none() => {
                computer.test |= token.test;
                return Ok(computer);
            }
            Some(_) => name = format!("{host} ({number})"),
        }
    }
    Ok(ComputerRow {
        row: 0,
        id: Uuid::new_v4(),
        name,
        comment: String::new(),
        test: token.test,
        staging: None,
        staging_only: false,
        added: now,
        agent: None,
        seen: None,
        facts: ComputerFacts::default(),
        groups: Vec::new(),
        installed: 0,
        open_jobs: 0,
    })
}

/// What stopped the enrolments of one staging library.
enum Trouble {
    /// The store: tried again with the next tick.
    Store(StagingError),
    /// Our own database or keys.
    Own(DeliveryError),
}

impl From<StagingError> for Trouble {
    fn from(error: StagingError) -> Self {
        Self::Store(error)
    }
}

fn path(name: &str) -> Result<StorePath, Trouble> {
    StorePath::parse(name).map_err(|_| Trouble::Store(StagingError::Setup(format!("{name:?} is no name"))))
}
