//! Requests about job containers and their jobs.

use std::sync::Arc;

use uuid::Uuid;

use super::desk_request::desk_request;
use super::{Request, Session};
use crate::delivery::jobs::{
    ContainerDetails, ContainerView, JobDesk, JobView, NewJobContainer, PackageJobs, Preflight, Selected,
    TargetPage, TargetQuery, preflight,
};
use crate::failure::Failure;
use crate::package::record::PackageId;
use crate::session::unpanicked;
use crate::transfer::SystemClock;
use crate::work::Work;

impl Session {
    /// The job containers of the library.
    pub(crate) fn jobs(&self) -> JobDesk {
        JobDesk::new(Arc::clone(&self.shared.library), Arc::new(SystemClock::default()))
    }
}

desk_request!(
    /// All job containers, the newest first.
    ListJobContainers {} -> Vec<ContainerView>, "Reading jobs", changes: false, jobs,
    |_this, desk, _work| desk.list()
);
desk_request!(
    /// The identity of a container, by its name, its id, or the beginning of that.
    FindJobContainer {
        /// Name or id.
        text: String
    } -> Uuid, "Reading jobs", changes: false, jobs,
    |this, desk, _work| desk.find(&this.text).map(|row| row.id)
);
desk_request!(
    /// A container with its definition and its failures by reason.
    ShowJobContainer {
        /// Which.
        id: Uuid
    } -> ContainerDetails, "Reading a job", changes: false, jobs,
    |this, desk, _work| desk.details(this.id)
);
desk_request!(
    /// A part of the targets of a container.
    ReadTargets {
        /// Which container.
        id: Uuid,
        /// Which targets.
        query: TargetQuery
    } -> TargetPage, "Reading targets", changes: false, jobs,
    |this, desk, _work| desk.targets(this.id, &this.query)
);
desk_request!(
    /// One job with what its computer said.
    ShowJob {
        /// Which.
        job: Uuid
    } -> JobView, "Reading a job", changes: false, jobs,
    |this, desk, _work| desk.job(this.job)
);
desk_request!(
    /// The containers that deliver a package, the newest first.
    ListJobsOfPackage {
        /// Which.
        package: PackageId
    } -> Vec<PackageJobs>, "Reading jobs of a package", changes: false, jobs,
    |this, desk, _work| desk.jobs_of_package(this.package)
);
desk_request!(
    /// Makes a container. Its computers are found when its time comes, by the delivery manager.
    CreateJobContainer {
        /// What.
        new: NewJobContainer
    } -> ContainerView, "Setting up a job", changes: true, jobs,
    |this, desk, _work| desk.create(&this.new)
);
desk_request!(
    /// Halts a container, or some of its jobs; gives how many. What runs goes on to its end.
    HaltJobs {
        /// Which container.
        id: Uuid,
        /// Which jobs.
        selected: Selected
    } -> u64, "Halting a job", changes: true, jobs,
    |this, desk, _work| desk.halt(this.id, &this.selected)
);
desk_request!(
    /// Lets a container, or some of its jobs, go on; gives how many.
    ResumeJobs {
        /// Which container.
        id: Uuid,
        /// Which jobs.
        selected: Selected
    } -> u64, "Resuming a job", changes: true, jobs,
    |this, desk, _work| desk.resume(this.id, &this.selected)
);
desk_request!(
    /// Lets failed jobs be done again; gives how many.
    RenewJobs {
        /// Which container.
        id: Uuid,
        /// Which jobs; those among them that did not fail stay as they are.
        selected: Selected
    } -> u64, "Renewing a job", changes: true, jobs,
    |this, desk, _work| desk.renew(this.id, &this.selected)
);
desk_request!(
    /// Makes a container that runs the uninstall procedures on the computers of failed jobs.
    RecoverJobs {
        /// Which container.
        id: Uuid,
        /// Which jobs.
        selected: Selected
    } -> ContainerView, "Recovering a job", changes: true, jobs,
    |this, desk, _work| desk.recover(this.id, &this.selected)
);
desk_request!(
    /// Removes a container with its jobs; gives its name.
    RemoveJobContainer {
        /// Which.
        id: Uuid,
        /// Also while jobs have not ended: these are withdrawn.
        withdraw: bool
    } -> String, "Removing a job", changes: true, jobs,
    |this, desk, _work| desk.remove(this.id, this.withdraw)
);

/// Says beforehand what would become of a container: packages, staged copies, computers. Verifies the packages and the
/// copies; makes nothing.
#[derive(Clone, Debug)]
pub struct PreflightJob {
    /// What would be made.
    pub new: NewJobContainer,
}

impl Request for PreflightJob {
    type Reply = Preflight;

    fn title(&self) -> String {
        "Checking a job beforehand".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, work: &Work) -> Result<Preflight, Failure> {
        let (jobs, staging) = (session.jobs(), session.staging());
        unpanicked(|| preflight(&jobs, &staging, &self.new, work).map_err(|error| error.explain()))
    }
}
