//! Requests about the delivery manager: whether one runs, and starting and stopping one here.

use super::{Request, Session};
use crate::failure::Failure;
use crate::session::manager::{ManagerSetting, ManagerStatus};
use crate::session::unpanicked;
use crate::work::Work;

/// Whether a delivery manager runs: here, elsewhere, or not at all.
#[derive(Clone, Debug, Default)]
pub struct ReadManagerStatus {}

impl Request for ReadManagerStatus {
    type Reply = ManagerStatus;

    fn title(&self) -> String {
        "Reading the delivery manager".to_owned()
    }

    fn changes(&self) -> bool {
        false
    }

    fn run(self, session: &Session, _work: &Work) -> Result<ManagerStatus, Failure> {
        unpanicked(|| session.manager_status())
    }
}

/// Starts the delivery manager in this session. Does nothing where it runs here already; refused while another one runs.
#[derive(Clone, Debug, Default)]
pub struct StartManager {
    /// How it works.
    pub setting: ManagerSetting,
}

impl Request for StartManager {
    type Reply = ManagerStatus;

    fn title(&self) -> String {
        "Starting the delivery manager".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, _work: &Work) -> Result<ManagerStatus, Failure> {
        unpanicked(|| {
            session.start_manager(self.setting)?;
            session.manager_status()
        })
    }
}

/// Stops the delivery manager of this session in order. What it has ordered goes on; its reports are applied by the next.
#[derive(Clone, Debug, Default)]
pub struct StopManager {}

impl Request for StopManager {
    type Reply = ManagerStatus;

    fn title(&self) -> String {
        "Stopping the delivery manager".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, _work: &Work) -> Result<ManagerStatus, Failure> {
        unpanicked(|| {
            session.stop_manager();
            session.manager_status()
        })
    }
}
