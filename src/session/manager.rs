//! The delivery manager of a session: its thread, and what it told last.
//!
//! Owns when it begins and ends. What it does stands in [`crate::delivery::manager`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use super::Session;
use crate::delivery::error::DeliveryError;
use crate::delivery::jobs::ManagerSeen;
use crate::delivery::manager::{Manager, ManagerOptions, POLL_SECS, TickReport};
use crate::failure::Failure;
use crate::store::ManagerLease;
use crate::transfer::SystemClock;
use crate::work::Work;

/// How a delivery manager works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerSetting {
    /// How long it waits between two rounds; woken earlier by what is done in this session.
    pub every: Duration,
    /// Seconds between two polls of an agent.
    pub poll_seconds: u32,
}

impl Default for ManagerSetting {
    fn default() -> Self {
        Self { every: Duration::from_secs(5), poll_seconds: POLL_SECS }
    }
}

/// Whether a delivery manager runs.
#[derive(Clone, Debug, PartialEq)]
pub enum ManagerStatus {
    /// Here.
    Here {
        /// Since when.
        since: Timestamp,
        /// When its last round ended.
        ticked: Option<Timestamp>,
        /// What it could not do in its last round and tries again, each a sentence.
        problems: Vec<String>,
    },
    /// In another program.
    Elsewhere {
        /// The account.
        who: String,
        /// The computer.
        host: String,
        /// The process.
        process: u32,
        /// `console`, `command line`.
        how: String,
        /// Since when.
        since: Timestamp,
    },
    /// None runs.
    NotRunning {
        /// When the last one was heard of, if it did not stop in order.
        heard: Option<Timestamp>,
        /// Why the one of this session ended, if it did by itself.
        ended: Option<Box<Failure>>,
    },
}

/// Called with what each round did, or why it failed.
pub type ManagerListener = Box<dyn FnMut(&Result<TickReport, Failure>) + Send>;

/// The delivery manager of a session, once it was started. Dropped, it stops in order.
#[derive(Default)]
pub(super) struct Slot {
    running: Mutex<Option<Running>>,
}

struct Running {
    lease: ManagerLease,
    work: Work,
    wake: crossbeam_channel::Sender<()>,
    told: Arc<Mutex<Told>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Told {
    ticked: Option<Timestamp>,
    problems: Vec<String>,
    ended: Option<Box<Failure>>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let running = self.lock().take();
        drop(running);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.work.cancel();
        let _ = self.wake.try_send(());
        if let Some(thread) = self.thread.take() {
            // A panic in it was told by its own words.
            let _ = thread.join();
        }
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// Starts the delivery manager here, in a thread of its own. Nothing to do where it runs here already.
    pub fn start_manager(&self, setting: ManagerSetting) -> Result<(), Failure> {
        self.start_telling_manager(setting, Box::new(|_| {}))
    }

    /// The same, and tells what each round does.
    pub fn start_telling_manager(
        &self,
        setting: ManagerSetting,
        mut listener: ManagerListener,
    ) -> Result<(), Failure> {
        let mut slot = self.shared.manager.lock();
        let is_over = |running: &Running| running.thread.as_ref().is_none_or(JoinHandle::is_finished);
        if slot.as_ref().is_some_and(|running| !is_over(running)) {
            return Ok(());
        }
        // Its lease is given back before another is asked for.
        *slot = None;
        let mut manager = self.open_manager(&setting)?;
        let lease = manager.lease().clone();
        let work = Work::new();
        let (wake, woken) = crossbeam_channel::bounded(1);
        let told = Arc::new(Mutex::new(Told::default()));
        let thread = {
            let (work, told) = (work.clone(), Arc::clone(&told));
            std::thread::Builder::new().name("delivery manager".to_owned()).spawn(move || {
                let ran = super::unpanicked(|| {
                    let mut tell = |ticked: &Result<TickReport, DeliveryError>| {
                        let ticked = match ticked {
                            Ok(report) => Ok(report.clone()),
                            Err(error) => Err(error.explain()),
                        };
                        {
                            let mut told = lock(&told);
                            told.ticked = Some(Timestamp::now());
                            told.problems = match &ticked {
                                Ok(report) => report.problems.clone(),
                                Err(failure) => vec![failure.to_string()],
                            };
                        }
                        listener(&ticked);
                    };
                    manager.run(setting.every, &woken, &work, &mut tell).map_err(|error| error.explain())
                });
                if let Err(failure) = ran {
                    tracing::error!(%failure, "the delivery manager ended");
                    lock(&told).ended = Some(Box::new(failure));
                }
            })
        };
        let thread = thread.map_err(|error| {
            Failure::new(
                "no-thread",
                crate::failure::Class::Environment,
                "the delivery manager cannot be started",
                "Close other programs, then try again",
            )
            .because(error.to_string())
        })?;
        *slot = Some(Running { lease, work, wake, told, thread: Some(thread) });
        Ok(())
    }

    /// A delivery manager that works in this thread, for one round at a time.
    pub fn manage_once(&self, setting: &ManagerSetting, work: &Work) -> Result<TickReport, Failure> {
        super::unpanicked(|| {
            let mut manager = self.open_manager(setting)?;
            manager.tick(work).map_err(|error| error.explain())
        })
    }

    pub(crate) fn manager_options(&self, setting: &ManagerSetting) -> ManagerOptions {
        ManagerOptions {
            clock: Arc::new(SystemClock::default()),
            network: self.network_options(),
            poll_seconds: setting.poll_seconds,
            process: std::process::id(),
        }
    }

    fn open_manager(&self, setting: &ManagerSetting) -> Result<Manager, Failure> {
        let options = self.manager_options(setting);
        Manager::open(Arc::clone(&self.shared.library), options).map_err(|error| error.explain())
    }

    /// Stops the delivery manager of this session in order; waits for it.
    pub fn stop_manager(&self) {
        let running = self.shared.manager.lock().take();
        drop(running);
    }

    /// Lets the delivery manager of this session look at once what there is to do.
    pub fn wake_manager(&self) {
        if let Some(running) = &*self.shared.manager.lock() {
            let _ = running.wake.try_send(());
        }
    }

    /// Whether the delivery manager runs in this session.
    pub fn manages(&self) -> bool {
        let slot = self.shared.manager.lock();
        slot.as_ref().and_then(|running| running.thread.as_ref()).is_some_and(|thread| !thread.is_finished())
    }

    /// Whether a delivery manager runs: here, elsewhere, or not at all.
    pub fn manager_status(&self) -> Result<ManagerStatus, Failure> {
        let mut ended = None;
        if let Some(running) = &*self.shared.manager.lock() {
            let told = lock(&running.told);
            if running.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
                return Ok(ManagerStatus::Here {
                    since: running.lease.since,
                    ticked: told.ticked,
                    problems: told.problems.clone(),
                });
            }
            ended = told.ended.clone();
        }
        match self.jobs().manager().map_err(|error| error.explain())? {
            ManagerSeen::Running(lease) => Ok(ManagerStatus::Elsewhere {
                who: lease.who,
                host: lease.host,
                process: lease.process,
                how: lease.how,
                since: lease.since,
            }),
            ManagerSeen::NotRunning(last) => {
                Ok(ManagerStatus::NotRunning { heard: last.map(|lease| lease.renewed), ended })
            }
        }
    }
}
