//! Agents, as the front ends reach them: an agent has a folder of its own and needs no library.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::delivery::agent::{Agent, AgentOptions, agent_status, enrol};
use crate::delivery::documents::Token;
use crate::failure::{Class, Failure};
use crate::transfer::{NetworkOptions, SystemClock};
use crate::work::Work;

pub use crate::delivery::agent::{AgentStatus, Enrolled, HostFacts, PollReport, StatusJob, StatusPackage};
pub use crate::delivery::documents::{JobReport, ReportedState};

/// What an agent has to be told by who starts it.
#[derive(Clone, Debug)]
pub struct AgentSurroundings {
    /// What the computer is.
    pub host: HostFacts,
    /// How the network is reached.
    pub network: NetworkOptions,
    /// Rate limit of downloads.
    pub limit_bytes_per_second: Option<u64>,
}

/// How long an agent goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentRun {
    /// Until it is told to stop.
    On,
    /// Until nothing more can be done now: downloads are waited for, unless no staging library delivers.
    Once,
}

/// Downloads of a single run may take as long as they go on.
const ONCE_PATIENCE: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);

fn options(surroundings: AgentSurroundings, patience: Option<std::time::Duration>) -> AgentOptions {
    AgentOptions {
        clock: Arc::new(SystemClock::default()),
        zone: TimeZone::system(),
        host: surroundings.host,
        network: surroundings.network,
        patience,
        limit_bytes_per_second: surroundings.limit_bytes_per_second,
        ..AgentOptions::default()
    }
}

/// Makes an agent in `folder`, and enrols it at `site` with a token.
pub fn enrol_agent(
    folder: &Path,
    site: &str,
    token: &str,
    surroundings: AgentSurroundings,
) -> Result<Enrolled, Failure> {
    let token: Token = token.parse().map_err(|wrong: crate::delivery::documents::token::NotAToken| {
        let action = "Copy the whole token, as it was shown when it was made.";
        Failure::new("agent-token-form", Class::Usage, wrong.to_string(), action)
    })?;
    let host = surroundings.host.clone();
    enrol(folder, site, &token, &host, &options(surroundings, None)).map_err(|error| error.explain())
}

/// Runs the agent in `folder`. `tell` is called after each poll.
pub fn run_agent(
    folder: &Path,
    how: AgentRun,
    surroundings: AgentSurroundings,
    work: &Work,
    tell: &mut dyn FnMut(&PollReport),
) -> Result<(), Failure> {
    let patience = (how == AgentRun::Once).then_some(ONCE_PATIENCE);
    let mut agent = Agent::open(folder, options(surroundings, patience)).map_err(|error| error.explain())?;
    match how {
        AgentRun::On => agent.run(work, tell).map_err(|error| error.explain()),
        AgentRun::Once => {
            let report = agent.poll_once(work).map_err(|error| error.explain())?;
            tell(&report);
            Ok(())
        }
    }
}

/// How the agent in `folder` stands.
pub fn status_of_agent(folder: &Path) -> Result<AgentStatus, Failure> {
    agent_status(folder).map_err(|error| error.explain())
}
