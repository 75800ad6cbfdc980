//! The delivery manager: it takes what agents tell, sets up delivery environments, and tells agents their jobs.
//!
//! One [`Manager`] at a time works for a library, held by a lease. It does everything in ticks; whatever stops it, and
//! wherever, the next tick of any manager goes on from the rows:
//!
//! 1. Enrolments are taken (`enrolments`) and reports applied (`reports`): each once, then deleted.
//! 2. Containers whose time has come get their jobs (`evaluation`).
//! 3. Each target has its turn (`turns`): the package and the staged copies its agent reads are proven
//!    (`environments`), and only then the job is *Building*. What differs ends the rest in error or halts it.
//! 4. The documents of all computers whose jobs changed are signed and written (`documents`): first that which
//!    withdraws, then that which orders. What was written is ordered. A job that was Building when a manager was stopped
//!    is proven again before a document names it.
//!
//! Owns: the order of these steps and the lease. Must not know screens, nor how a package is staged. An error of a
//! staging library makes jobs wait with a reason; it never ends a tick.

mod documents;
mod enrolments;
mod environments;
mod evaluation;
mod leftovers;
mod opening;
mod reports;
mod turns;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::computers::ComputerDesk;
use super::documents::SiteId;
use super::error::{DeliveryError, require_writable};
use super::jobs::is_over;
use super::keys::job_key;
use super::staging::{StagingDesk, StagingStore, StagingWay};
use crate::library::{KeyInfo, Library};
use crate::package::staging::StagingLibrary;
use crate::store::{ContainerRow, ManagerLease};
use crate::transfer::{Clock, NetworkOptions};
use crate::work::Work;
use environments::Prover;
use leftovers::Leftovers;
pub use opening::{TokenReach, say_token};

/// How often a lease is renewed while a tick lasts.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// What says that a token is open: all of it is in the name.
const OPEN: &[u8] = b"{}";
/// Most problems that one tick names.
const MOST_PROBLEMS: usize = 50;
/// Seconds between two polls of an agent where nothing else is said.
pub const POLL_SECS: u32 = 60;

/// How a manager works.
#[derive(Clone)]
pub struct ManagerOptions {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How staging libraries are reached.
    pub network: NetworkOptions,
    /// Seconds between two polls of an agent.
    pub poll_seconds: u32,
    /// The process, as the lease names it.
    pub process: u32,
}

impl std::fmt::Debug for ManagerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagerOptions").field("poll_seconds", &self.poll_seconds).finish_non_exhaustive()
    }
}

/// The delivery manager of a library. Dropped, it gives its lease back.
pub struct Manager {
    library: Arc<Library>,
    desk: StagingDesk,
    computers: ComputerDesk,
    options: ManagerOptions,
    lease: ManagerLease,
    /// When the lease was renewed last, by the clock.
    renewed: Duration,
    site: SiteId,
    /// Tokens that were said to be open, where.
    opened: HashSet<(String, String)>,
    /// Staging libraries where it was looked for what others left of enrolments, and when, by the clock.
    looked: HashMap<String, Duration>,
    leftovers: Leftovers,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manager").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// What one tick did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TickReport {
    /// Names of computers that were enrolled.
    pub enrolled: Vec<String>,
    /// Reports that were applied.
    pub reports: u64,
    /// Jobs about which they said something, each counted once however often it was spoken of.
    pub reported_jobs: u64,
    /// Names of containers whose targets were found.
    pub evaluated: Vec<String>,
    /// Targets whose delivery environment was set up.
    pub set_up: u64,
    /// Documents that were written.
    pub documents: u64,
    /// Checksum errors, each a sentence.
    pub checksum_errors: Vec<String>,
    /// Names of containers that ended.
    pub ended: Vec<String>,
    /// What could not be done now and is tried again, each a sentence.
    pub problems: Vec<String>,
    /// Containers that have not ended.
    pub open_containers: u64,
}

impl TickReport {
    /// Whether nothing happened.
    pub fn is_quiet(&self) -> bool {
        let Self {
            enrolled, reports, evaluated, set_up, documents, checksum_errors, ended, problems, ..
        } = self;
        enrolled.is_empty()
            && evaluated.is_empty()
            && checksum_errors.is_empty()
            && ended.is_empty()
            && problems.is_empty()
            && *reports + *set_up + *documents == 0
    }

    fn problem(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.problems.len() < MOST_PROBLEMS && !self.problems.contains(&what) {
            tracing::warn!(%what, "a delivery waits");
            self.problems.push(what);
        }
    }
}

/// One tick on its way.
struct Tick<'m> {
    now: Timestamp,
    key: KeyInfo,
    stagings: Vec<StagingLibrary>,
    stores: HashMap<(String, u8), Option<Arc<dyn StagingStore>>>,
    prover: Prover<'m>,
    /// Rows of jobs whose environment was proven in this tick.
    proven: HashSet<i64>,
    report: TickReport,
    work: &'m Work,
}

impl Manager {
    /// Becomes the delivery manager of `library`. Refused while another one runs, where the library can only be read, and
    /// where no own key signs jobs.
    pub fn open(library: Arc<Library>, options: ManagerOptions) -> Result<Self, DeliveryError> {
        require_writable(&library)?;
        job_key(library.keys())?;
        let now = options.clock.wall();
        let actor = library.actor();
        let lease = ManagerLease {
            holder: Uuid::new_v4(),
            who: actor.who.clone(),
            host: actor.host.clone(),
            process: options.process,
            how: actor.how.clone(),
            since: now,
            renewed: now,
        };
        take(&library, &lease)?.map_or(Ok(()), |other| Err(DeliveryError::ManagerRuns(Box::new(other))))?;
        let site = site_of(&library)?;
        let desk =
            StagingDesk::new(Arc::clone(&library), options.network.clone(), Arc::clone(&options.clock));
        let computers = ComputerDesk::new(Arc::clone(&library), Arc::clone(&options.clock));
        let renewed = options.clock.now();
        Ok(Self {
            library,
            desk,
            computers,
            options,
            lease,
            renewed,
            site,
            opened: HashSet::new(),
            looked: HashMap::new(),
            leftovers: Leftovers::default(),
        })
    }

    /// Who it is, as others see it.
    pub fn lease(&self) -> &ManagerLease {
        &self.lease
    }

    /// The site whose manager it is.
    pub fn site(&self) -> SiteId {
        self.site
    }

    /// Does everything that can be done now.
    pub fn tick(&mut self, work: &Work) -> Result<TickReport, DeliveryError> {
        let ticked = self.tick_on(work);
        // Once for all that happened, and also for what happened before an error; not where the library may be gone.
        if !matches!(ticked, Err(DeliveryError::Library(_))) {
            self.library.bring_history_file_up_to_date();
        }
        ticked
    }

    /// Writes the site list where there is none, or an old one, and nothing else; gives what could not be done.
    fn write_site_lists(&mut self, work: &Work) -> Result<Vec<String>, DeliveryError> {
        Ok(self.in_tick(work, |manager, tick| manager.write_site(tick))?.problems)
    }

    fn tick_on(&mut self, work: &Work) -> Result<TickReport, DeliveryError> {
        self.in_tick(work, Self::do_all)
    }

    fn in_tick(
        &mut self,
        work: &Work,
        act: impl FnOnce(&mut Self, &mut Tick<'_>) -> Result<(), DeliveryError>,
    ) -> Result<TickReport, DeliveryError> {
        // It may be being moved, or have lost its share.
        require_writable(&self.library)?;
        self.renew_lease(true)?;
        let key = job_key(self.library.keys())?;
        let stagings = self.library.catalogue().staging_libraries()?;
        let library = Arc::clone(&self.library);
        let desk = self.desk.clone();
        let mut tick = Tick {
            now: self.options.clock.wall(),
            key,
            prover: Prover::new(&library, &desk, &stagings, Arc::clone(&self.options.clock)),
            stagings: stagings.clone(),
            stores: HashMap::new(),
            proven: HashSet::new(),
            report: TickReport::default(),
            work,
        };
        act(self, &mut tick)?;
        Ok(tick.report)
    }

    fn do_all(&mut self, tick: &mut Tick<'_>) -> Result<(), DeliveryError> {
        let work = tick.work;
        work.begin("Taking enrolments", 0, 0);
        self.write_site(tick)?;
        self.take_enrolments(tick)?;
        work.begin("Applying reports", 0, 0);
        self.apply_reports(tick)?;
        work.begin("Setting up delivery environments", 0, 0);
        let mut containers = self.library.catalogue().open_containers()?;
        for row in &mut containers {
            work.check()?;
            self.renew_lease(false)?;
            self.evaluate(tick, row)?;
        }
        for row in &mut containers {
            work.check()?;
            self.renew_lease(false)?;
            if self.refresh(row)? {
                self.move_on(tick, row)?;
            }
        }
        work.begin("Writing jobs", 0, 0);
        self.write_documents(tick)?;
        for row in &mut containers {
            if self.refresh(row)? {
                self.end(tick, row)?;
            }
        }
        tick.report.open_containers = containers.iter().filter(|row| row.ended.is_none()).count() as u64;
        Ok(())
    }

    /// Ticks until it is cancelled. Between two ticks it waits `every`, or until `wake` is told something; each report goes
    /// to `told`. An error that may pass, as of a disk or a database that is busy, is told and tried again.
    pub fn run(
        &mut self,
        every: Duration,
        wake: &crossbeam_channel::Receiver<()>,
        work: &Work,
        told: &mut dyn FnMut(&Result<TickReport, DeliveryError>),
    ) -> Result<(), DeliveryError> {
        loop {
            let ticked = self.tick(work);
            match &ticked {
                Err(error) if error.is_cancelled() => return Ok(()),
                Err(DeliveryError::TakenOver(_)) => return ticked.map(drop),
                _ => told(&ticked),
            }
            let mut left = every;
            while !left.is_zero() {
                if work.is_cancelled() {
                    return Ok(());
                }
                let step = left.min(Duration::from_millis(100));
                match wake.recv_timeout(step) {
                    Ok(()) => {
                        while wake.try_recv().is_ok() {}
                        break;
                    }
                    Err(crossbeam_channel::RecvTimeoutError::Timeout) => left -= step,
                    // Nobody is left to wake it: it waits by itself.
                    Err(crossbeam_channel::RecvTimeoutError::Disconnected) => {
                        std::thread::park_timeout(step);
                        left -= step;
                    }
                }
            }
        }
    }

    /// Reads a container again: what happened to another may concern it. Whether it is still there.
    fn refresh(&self, row: &mut ContainerRow) -> Result<bool, DeliveryError> {
        match self.library.catalogue().container(row.id)? {
            Some(now) => {
                *row = now;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Says that it is still there; with `now` at once, else when it is time again.
    fn renew_lease(&mut self, now: bool) -> Result<(), DeliveryError> {
        let clock = &self.options.clock;
        if !now && clock.now().saturating_sub(self.renewed) < RENEW_EVERY {
            return Ok(());
        }
        self.lease.renewed = clock.wall();
        self.renewed = clock.now();
        match take(&self.library, &self.lease)? {
            Some(other) => Err(DeliveryError::TakenOver(Box::new(other))),
            None => Ok(()),
        }
    }

    /// The store of a staging library, opened once a tick; `None`, with a problem told, where it cannot be.
    fn store(
        &self,
        tick: &mut Tick<'_>,
        staging: &StagingLibrary,
        way: StagingWay,
    ) -> Option<Arc<dyn StagingStore>> {
        let place = (staging.id.to_string(), way as u8);
        if let Some(known) = tick.stores.get(&place) {
            return known.clone();
        }
        let opened = match self.desk.open(staging, way) {
            Ok(store) => Some(store),
            Err(error) => {
                tick.report.problem(format!("{}: {error}", staging.name));
                None
            }
        };
        tick.stores.insert(place, opened.clone());
        opened
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let dropped = self.library.catalogue().change(|change| change.drop_lease(self.lease.holder));
        if let Err(error) = dropped {
            // It is over by itself in two minutes.
            tracing::warn!(%error, "the lease of the delivery manager was not given back");
        }
    }
}

/// Takes or renews the lease; gives the other one that has it.
fn take(library: &Library, lease: &ManagerLease) -> Result<Option<ManagerLease>, DeliveryError> {
    let is_over = |held: &ManagerLease| is_over(held, &lease.host, lease.renewed);
    Ok(library.catalogue().change(|change| change.take_lease(lease, is_over))?)
}

/// The identity of the site, made once.
fn site_of(library: &Library) -> Result<SiteId, DeliveryError> {
    let site = library.catalogue().change(|change| -> Result<String, DeliveryError> {
        if let Some(site) = change.library_value("site")? {
            return Ok(site);
        }
        let site = SiteId::random().to_string();
        change.set_library_value("site", &site)?;
        Ok(site)
    })?;
    site.parse().map_err(|_| DeliveryError::Unreadable(format!("the site {site:?}")))
}
