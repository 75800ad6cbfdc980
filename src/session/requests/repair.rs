//! Requests about repair: what it would do, doing it, and where it could be had from.

use std::path::PathBuf;

use super::{KeyRequest, Request};
use crate::library::{
    CompareRequest, FileComparison, KeyRing, Library, LibraryError, RepairOutcome, RepairPlan, RepairRequest,
    RestoreReport, RestoreSource, SwitchOutcome,
};
use crate::package::record::PackageId;
use crate::session::repair::{
    FolderRepair, PlaceLook, PreparedRepair, RepairFrom, look, prepare, repair_folder,
};
use crate::transfer::NetworkOptions;
use crate::work::Work;

request!(
    /// What a repair of a package would do. Reads all of it; changes nothing in it.
    PlanRepair {
        /// Which.
        package: PackageId
    } -> RepairPlan, "Planning a repair", changes: true,
    |this, library, work| library.plan_repair(this.package, work)
);
request!(
    /// Repairs a package: fetches what is missing or bad, renames, sets aside.
    Repair {
        /// Which.
        package: PackageId,
        /// How.
        request: RepairRequest,
        /// From where.
        from: RepairFrom,
        /// Switches checksum control on, once everything is as recorded: the answer *Repair*.
        switch_on: bool
    } -> RepairOutcome, "Repairing", changes: true,
    |this, library, session, work| {
        let way = this.from.through(session.network_options());
        let mut outcome = library.repair(this.package, &this.request, &way, work)?;
        if this.switch_on
            && outcome.report.is_consistent()
            && let SwitchOutcome::On(record, _) = library.switch_on(this.package, None, work)?
        {
            outcome.record = *record;
        }
        Ok(outcome)
    }
);
request!(
    /// Where a package could be repaired from, as far as is known: archives, and what it was repaired from before.
    KnownPlaces {
        /// Which.
        package: PackageId
    } -> Vec<String>, "Reading History", changes: false,
    |this, library, _work| library.known_places(this.package)
);
request!(
    /// What a repair of a package would do, and which of the known places have what it needs.
    PrepareRepair {
        /// Which.
        package: PackageId
    } -> PreparedRepair, "Planning a repair", changes: true,
    |this, library, session, work| prepare(library, this.package, &session.network_options(), work)
);
request!(
    /// What these places have of what a repair needs.
    LookAtPlaces {
        /// What it would do.
        plan: RepairPlan,
        /// Where to look.
        addresses: Vec<String>
    } -> Vec<PlaceLook>, "Looking for blocks", changes: false,
    |this, library, session, work| {
        look(library, &this.plan, &this.addresses, &session.network_options(), work)
    }
);
request!(
    /// Restores a package from a damaged archive; only what is bad in it is fetched.
    RepairAndRestore {
        /// From where.
        source: RestoreSource,
        /// Where what is bad comes from.
        from: RepairFrom
    } -> RestoreReport, "Repairing and restoring", changes: true,
    |this, library, session, work| {
        library.restore_repaired(&this.source, &this.from.through(session.network_options()), work)
    }
);
request!(
    /// Puts a file of a package together as it was recorded, in a folder of its own, and compares it with what is there.
    CompareFile {
        /// Which, and where to.
        request: CompareRequest,
        /// Where what is not here comes from.
        from: RepairFrom
    } -> FileComparison, "Comparing", changes: false,
    |this, library, session, work| {
        library.compare_with_recorded(&this.request, &this.from.through(session.network_options()), work)
    }
);
key_request!(
    /// Repairs a package folder outside a library in place, once its seal was judged.
    RepairFolder {
        /// The package folder.
        folder: PathBuf,
        /// From where.
        from: RepairFrom,
        /// How the network is reached: there is no library to ask.
        network: NetworkOptions,
        /// Keys trusted for this once.
        trust: Vec<String>,
        /// Only says what is bad.
        plan_only: bool
    } -> FolderRepair, "Repairing a folder",
    |this, keys, work| {
        repair_folder(keys, &this.folder, &this.from.through(this.network), &this.trust, this.plan_only, work)
    }
);
