//! Requests about staging libraries: which there are, what lies there, and bringing packages there and away.

use std::sync::Arc;

use super::desk_request::desk_request;
use super::{Request, Session};
use crate::delivery::staging::{
    CopyRow, NewStagingLibrary, Reconciled, StageError, StageLook, StageOptions, StageReport, StagedCheck,
    StagingDesk, StagingEdit, StagingReach, StagingRow, UnstageReport,
};
use crate::failure::Failure;
use crate::library::LibraryError;
use crate::package::staging::{StagingId, StagingLibrary};
use crate::package::{PackageId, PackageRecord, PackageState};
use crate::session::unpanicked;
use crate::transfer::SystemClock;
use crate::work::Work;

impl Session {
    /// The staging libraries, reached as the network is set.
    pub(crate) fn staging(&self) -> StagingDesk {
        let network = self.network_options();
        StagingDesk::new(Arc::clone(&self.shared.library), network, Arc::new(SystemClock::default()))
    }
}

desk_request!(
    /// All staging libraries with what lies there, as far as is known. Nothing is asked of them.
    ListStaging {} -> Vec<StagingRow>, "Reading staging libraries", changes: false, staging,
    |_this, desk, _work| desk.list()
);
desk_request!(
    /// Every staged copy that is known, or those of one package.
    ListStagedCopies {
        /// Of which; of all if absent.
        package: Option<PackageId>
    } -> Vec<CopyRow>, "Reading staged packages", changes: false, staging,
    |this, desk, _work| match this.package {
        Some(package) => desk.copies_of(package),
        None => desk.copies(),
    }
);
desk_request!(
    /// The staging library of this name, or at this address.
    FindStaging {
        /// Name or address.
        text: String
    } -> StagingLibrary, "Reading staging libraries", changes: false, staging,
    |this, desk, _work| desk.find(&this.text)
);
desk_request!(
    /// Adds a staging library. Nothing is asked of it yet.
    AddStagingLibrary {
        /// Which.
        new: NewStagingLibrary
    } -> StagingLibrary, "Adding a staging library", changes: true, staging,
    |this, desk, _work| desk.add(this.new)
);
desk_request!(
    /// Changes a staging library. Nothing there is touched.
    EditStagingLibrary {
        /// Which.
        id: StagingId,
        /// What.
        edit: StagingEdit
    } -> StagingLibrary, "Saving a staging library", changes: true, staging,
    |this, desk, _work| desk.edit(this.id, this.edit)
);
desk_request!(
    /// Takes a staging library off the list; what lies there stays there.
    RemoveStagingLibrary {
        /// Which.
        id: StagingId,
        /// Also while packages are known to lie there.
        forget_copies: bool
    } -> StagingLibrary, "Removing a staging library", changes: true, staging,
    |this, desk, _work| desk.remove(this.id, this.forget_copies)
);
desk_request!(
    /// Asks a staging library whether it answers, and what room it has.
    ReachStaging {
        /// Which.
        staging: StagingId
    } -> StagingReach, "Asking a staging library", changes: false, staging,
    |this, desk, work| desk.reach(this.staging, work)
);
desk_request!(
    /// Tries a staging library before it is kept: writes an object there, reads it where agents read, takes it away.
    TryStaging {
        /// Which.
        new: NewStagingLibrary,
        /// Whose credentials are used where none are given.
        kept: Option<StagingId>
    } -> StagingReach, "Trying a staging library", changes: false, staging,
    |this, desk, work| desk.try_out(&this.new, this.kept, work)
);
desk_request!(
    /// What staging a package would do there. Nothing is changed, and the package is not verified.
    LookBeforeStaging {
        /// Which.
        package: PackageId,
        /// Where.
        staging: StagingId
    } -> StageLook, "Looking at a staging library", changes: false, staging,
    |this, desk, work| desk.look(this.package, this.staging, work)
);
desk_request!(
    /// Stages a sealed package: what is missing there is sent, the seal last.
    Stage {
        /// Which.
        package: PackageId,
        /// Where.
        staging: StagingId,
        /// Whatever the time of day: not only while the line is open.
        now: bool
    } -> StageReport, "Staging", changes: true, staging,
    |this, desk, work| desk.stage(this.package, this.staging, StageOptions { now: this.now }, work)
);
/// Removes a package from a staging library; refused while a job has it to do.
#[derive(Clone, Debug)]
pub struct Unstage {
    /// Which; the library need not have it any more.
    pub package: PackageId,
    /// Where.
    pub staging: StagingId,
}

impl Request for Unstage {
    type Reply = UnstageReport;

    fn title(&self) -> String {
        "Unstaging".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, work: &Work) -> Result<UnstageReport, Failure> {
        let (desk, jobs) = (session.staging(), session.jobs());
        let users = move |package: PackageId, _: StagingId| match jobs.users_of(package) {
            Ok(users) => Ok(users),
            Err(error) => Err(StageError::from(LibraryError::Told(Box::new(error.explain())))),
        };
        unpanicked(|| desk.unstage(self.package, self.staging, &users, work).map_err(|error| error.explain()))
    }
}

desk_request!(
    /// Verifies what lies in a staging library: one package, or all that are known there.
    VerifyStaged {
        /// Which; all if absent.
        package: Option<PackageId>,
        /// Where.
        staging: StagingId,
        /// Reads every content, beside names and sizes.
        deep: bool
    } -> Vec<StagedCheck>, "Verifying staged packages", changes: true, staging,
    |this, desk, work| match this.package {
        Some(package) => desk.verify(package, this.staging, this.deep, work).map(|check| vec![check]),
        None => desk.verify_all(this.staging, this.deep, work),
    }
);
desk_request!(
    /// Looks what lies in a staging library, and what is unknown, missing, outdated or incomplete there.
    Reconcile {
        /// Where.
        staging: StagingId
    } -> Reconciled, "Reconciling", changes: true, staging,
    |this, desk, work| desk.reconcile(this.staging, work)
);

/// Who uses a staged copy that only test computers read, once it is known that no job has its package to do.
fn nobody(_: PackageId, _: StagingId) -> Result<Vec<String>, StageError> {
    Ok(Vec::new())
}

/// Takes the seal off. Copies where only test computers read are unstaged; any other refuses it.
#[derive(Clone, Debug)]
pub struct Unseal {
    /// Which.
    pub package: PackageId,
}

impl Request for Unseal {
    type Reply = PackageRecord;

    fn title(&self) -> String {
        "Unsealing".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, work: &Work) -> Result<PackageRecord, Failure> {
        let Self { package } = self;
        let desk = session.staging();
        unpanicked(|| {
            let library = session.library();
            let unsealed = || -> Result<PackageRecord, StageError> {
                library.require_undelivered(package)?;
                let is_sealed = library
                    .resolve(&crate::library::PackageRef::Id(package))
                    .is_ok_and(|record| record.state == PackageState::Sealed);
                if is_sealed {
                    // What is left is where only test computers read.
                    for row in desk.copies_of(package)? {
                        desk.unstage(package, row.copy.staging, &nobody, work)?;
                    }
                }
                Ok(library.unseal(package)?)
            };
            unsealed().map_err(|error| error.explain())
        })
    }
}
