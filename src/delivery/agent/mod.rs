//! The agent: brings sealed packages to one computer and runs what they were sealed with.
//!
//! Owns: one folder, in which everything of it lies ([`enrol`] makes it), and every decision about a job on its computer.
//! Must not know the manager, other agents, the environment, or who is watching.
//!
//! # One poll
//!
//! 1. What was told while the site could not be reached is sent, in order.
//! 2. The one fixed name is read, with the tag of the last time: without news that is one answer without content. A new
//!    list of jobs is judged (`accept`): signature, site, agent, sequence, time. A job that is listed no more and was not
//!    started is withdrawn.
//! 3. For each job that is due (`due`): its registration info is judged and its package brought (`package`), block by
//!    block; or its procedure is run. Before a procedure that is not external, and at no other time, the checksum of the
//!    package is verified; what differs is brought right once, then the job is in error.
//! 4. *Started* is on the disk before a procedure begins, its end and what is told of it are one change. What is found
//!    started and not ended is an error, and never run again.
//! 5. What there is to tell becomes a report (`outbox`); packages that nobody names any more are removed.

mod accept;
mod due;
mod enrol;
mod error;
mod home;
mod host;
mod keeping;
mod memory;
mod outbox;
mod package;
mod poll;
mod running;
mod site;
mod status;
mod transfers;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::delivery::documents::{AgentId, JobId, JobReport, ReportedState, SiteDocument};
use crate::delivery::staging::StagingAddress;
use crate::failure::Failure;
use crate::transfer::{Clock, NetworkOptions, ObjectClient, SystemClock};
use crate::work::Work;
use accept::Seen;
use home::{AgentKey, Home, Identity};
use memory::{Memory, Phase};
use package::Delivery;
use site::{Site, pinned};

pub use enrol::{Enrolled, client_for, enrol};
pub use error::{AgentError, NotTaken};
pub use host::HostFacts;
pub use status::{AgentStatus, StatusJob, StatusPackage, agent_status};

/// A procedure without a limit of its own or of its job is ended after so long.
const TIME_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// How an agent is run.
#[derive(Clone)]
pub struct AgentOptions {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The time zone of the computer.
    pub zone: TimeZone,
    /// What the computer is.
    pub host: HostFacts,
    /// How the network is reached; the pin of the site is added to it.
    pub network: NetworkOptions,
    /// Speaks with the site's server, where many agents share one; it must know the pin.
    pub client: Option<Arc<ObjectClient>>,
    /// How long one poll waits for downloads; the time between two polls where there is none.
    pub patience: Option<Duration>,
    /// Connections of a download; the usual number where it is 0.
    pub connections: usize,
    /// Rate limit of a download.
    pub limit_bytes_per_second: Option<u64>,
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            zone: TimeZone::UTC,
            host: HostFacts::default(),
            network: NetworkOptions::default(),
            client: None,
            patience: None,
            connections: 0,
            limit_bytes_per_second: None,
        }
    }
}

impl std::fmt::Debug for AgentOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentOptions").field("host", &self.host).finish_non_exhaustive()
    }
}

/// A folder that is not there holds no agent.
fn not_there(error: AgentError, folder: &Path) -> AgentError {
    match error {
        AgentError::Folder { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            AgentError::NotEnrolled(folder.to_owned())
        }
        error => error,
    }
}

fn enrolled(home: &Home) -> Result<Identity, AgentError> {
    let identity = home.identity()?.filter(|identity| identity.enrolling.is_none());
    identity.ok_or_else(|| AgentError::NotEnrolled(home.folder().to_owned()))
}

/// What one poll did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PollReport {
    /// Whether a new list of jobs was taken.
    pub has_news: bool,
    /// Whether the site knows this agent: a list of jobs was there.
    pub is_known: bool,
    /// Whether there is none any more: its computer was removed from the site.
    pub is_gone: bool,
    /// Why the site could not be read.
    pub unreachable: Option<Failure>,
    /// Why a document was not taken: code and words.
    pub refused: Option<(&'static str, String)>,
    /// What happened to jobs, in order.
    pub jobs: Vec<JobReport>,
    /// Reports that reached the site.
    pub reports_sent: u64,
    /// Reports that wait to be sent.
    pub reports_waiting: u64,
    /// Downloads that go on.
    pub downloads: usize,
    /// When to come again.
    pub next: Duration,
}

/// An agent. One program at a time has it open.
pub struct Agent {
    home: Home,
    identity: Identity,
    key: AgentKey,
    memory: Memory,
    options: AgentOptions,
    site: Site,
    list: SiteDocument,
    list_seen: Seen,
    /// When the site list was read last, by [`Clock::now`].
    /// When the site list was read, in Unix seconds.
    list_read: i64,
    /// The tag of the jobs that were read last; what was not taken is read again.
    tag: Option<String>,
    is_known: bool,
    deliveries: Vec<Delivery>,
    signal: Arc<Signal>,
    /// Jobs whose package could not be begun: how often, and until when, in Unix seconds.
    waits: HashMap<JobId, (usize, i64)>,
    /// Jobs whose package was brought right once.
    repaired: HashSet<JobId>,
    told: Vec<JobReport>,
    /// Whether what nobody names was removed since the start.
    is_tidy: bool,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("agent", &self.identity.agent).finish_non_exhaustive()
    }
}

/// Wakes whoever waits for a download.
#[derive(Debug, Default)]
struct Signal {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn wake(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits until it is woken, at most so long.
    fn wait(&self, most: Duration) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut woken = self
            .changed
            .wait_timeout_while(woken, most, |woken| !*woken)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        *woken = false;
    }
}

impl Agent {
    /// Opens the agent in `folder`. A procedure that was started and has not ended is told as interrupted.
    pub fn open(folder: &Path, options: AgentOptions) -> Result<Self, AgentError> {
        let home = Home::take(folder).map_err(|error| not_there(error, folder))?;
        let identity = enrolled(&home)?;
        let key = home.key()?;
        let memory = Memory::open(&home)?;
        let Some((list, list_seen)) = memory.site()? else {
            let why = "the site list is lost".to_owned();
            return Err(AgentError::Damaged { path: home.database(), why });
        };
        let (address, _) = StagingAddress::parse(&identity.site)?;
        let network = pinned(&options.network, identity.pin());
        let site = Site::open(address, identity.credentials.clone(), &network, options.client.as_ref())?;
        // At first the list is that of the enrolment.
        let read = memory.value(poll::LIST_READ)?.and_then(|at| at.parse().ok());
        let list_read = read.unwrap_or_else(|| list.issued.min(options.clock.wall().as_second()));
        let tag = memory.tag()?;
        let is_known = memory.jobs_seen()?.is_some();
        let mut agent = Self {
            home,
            identity,
            key,
            memory,
            options,
            site,
            list,
            list_seen,
            list_read,
            tag,
            is_known,
            deliveries: Vec::new(),
            signal: Arc::default(),
            waits: HashMap::new(),
            repaired: HashSet::new(),
            told: Vec::new(),
            is_tidy: false,
        };
        agent.recover()?;
        Ok(agent)
    }

    /// Who it is.
    pub fn id(&self) -> AgentId {
        self.identity.agent
    }

    /// What runs when it was stopped is never run again.
    fn recover(&mut self) -> Result<(), AgentError> {
        let now = self.now();
        for open in self.memory.open_jobs()?.into_iter().filter(|open| open.phase == Phase::Started) {
            let report = JobReport::new(open.job.id, ReportedState::Error, now).with_reason(
                "interrupted",
                "The agent was stopped while the procedure ran. What it did is not known; it is not run again by itself.",
            );
            self.end(report, None)?;
        }
        running::empty_scratch(&self.home.scratch());
        Ok(())
    }

    /// Unix seconds.
    fn now(&self) -> i64 {
        self.options.clock.wall().as_second()
    }

    /// Polls until `work` is cancelled; a procedure that runs then is waited for. `tell` is called after each poll.
    pub fn run(&mut self, work: &Work, tell: &mut dyn FnMut(&PollReport)) -> Result<(), AgentError> {
        while !work.is_cancelled() {
            let report = match self.poll_once(work) {
                Err(AgentError::Cancelled(_)) => break,
                report => report?,
            };
            tell(&report);
            let until = self.options.clock.now() + report.next;
            while !work.is_cancelled() && !self.is_something_done() {
                let left = until.saturating_sub(self.options.clock.now());
                if left.is_zero() {
                    break;
                }
                // Cancelling wakes nobody.
                self.signal.wait(left.min(Duration::from_millis(200)));
            }
        }
        self.deliveries.clear();
        Ok(())
    }
}
