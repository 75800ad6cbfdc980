//! The seam: one open library. A request goes in, its reply comes out; what changed meanwhile is told by a view that
//! anybody may look at.
//!
//! Owns: the thread that looks for changes, and the form in which errors reach the front ends. Routing only: no SQL,
//! no hashing, no files. Must not know: screens, terminals, environment variables.

pub mod agent;
mod downloads;
mod manager;
mod network;
mod observer;
mod recovery;
mod repair;
mod requests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::failure::{Class, Failure};
use crate::library::{self, KeyRing, Library, LibraryError};
use crate::serve;
use crate::work::Work;

pub use crate::delivery::computers::{
    ComputerDetails, ComputerEdit, ComputerGroupEdit, ImportReport, NewComputer, NewToken, TokenRequest,
};
pub use crate::delivery::documents::{ComputerId, Fingerprint, When};
pub use crate::delivery::jobs::{
    ComputerFinding, ContainerDetails, ContainerView, JobView, NewJobContainer, PackageFinding, PackageJobs,
    Preflight, Selected, StagingReadiness, TargetOrder, TargetPage, TargetQuery, TargetRow, WantedProcedure,
};
pub use crate::delivery::kept::{KeepEdit, KeptPackages};
pub use crate::delivery::manager::{POLL_SECS, TickReport, TokenReach};
pub use crate::delivery::model::container::{GIVE_UP_AFTER_SECS, InstalledPackage, NamedComputer, PARALLEL};
pub use crate::delivery::model::{
    Container, ContainerOptions, ContainerState, Entry, FailureGroup, Import, ImportError, ImportedComputer,
    JobState, JobTotals, Linkage, OnChecksumError, Shown, TargetSpec,
};
pub use crate::delivery::staging::{
    CopyRow, NewStagingLibrary, PutProof, Reconciled, SealThere, StageLook, StageReport, StagedCheck,
    StagingAddress, StagingDesk, StagingEdit, StagingReach, StagingRow, UnknownPackage, UnstageReport,
};
pub use crate::library::{
    AcceptRequest, Actor, AddedChoice, AddedFile, ArchiveReport, ArchiveRequest, AutoRegisterOutcome,
    CheckGroup, CheckOrder, CheckRun, CheckedPackage, CheckedRow, CompareRequest, ComparedFile, ContentRow,
    Contents, EditedPackage, ExportFormat, FileComparison, FileFacts, FileSystem, FolderLook, HistoryDetails,
    KeyInfo, KeyUse, LibraryCheck, LibraryHolder, LibraryInfo, Links, MovedLibrary, OpenOptions,
    PackageBlocks, PackageDetails, PackageEdit, PackageRef, ParentWatch, ProcedureEdit, Proposal,
    ReadOnlyReason, RebuildReport, RebuiltPackage, RegisterReport, RegisterRequest, Removed, Renamable,
    RepairChange, RepairFile, RepairOutcome, RepairPlan, RepairRequest, RestoreReport, RestoreSource,
    SameProductPackage, SealJudgement, SealReport, Search, SeveralEdit, ShareOptions, SourceComparison,
    SourceKind, SourcePreview, SwitchAnswer, SwitchEdit, SwitchOutcome, TroubledFile, TryEnd, TryReport,
    TryRequest, UpdateReport, UpdateRequest, VerifiedThing, VerifyReport, difference_lines,
};
pub use crate::serve::{Certificate, Counters as ServeCounters, ServeOptions, Server, Tls};
pub use crate::store::{
    ComputerFacts, ComputerFilter, ComputerGroupRow, ComputerRow, EnrolledAgent, EnrolmentTokenRow,
    InstallationRow, InstalledOn, JobOfContainer, JobRow, RemovedComputer,
};
pub use crate::store::{FoundFile, HistoryFilter, SearchCount, SearchResult};
pub use crate::transfer::downloads::{
    DownloadRow, Downloads, LiveDownload, NewSnapshot, OfferLook, OfferSeal, RUNNING_MOST, Runs, SetAside,
};
pub use crate::transfer::{
    BlockCounts, BlockNote, CodebaseState, CodebaseStatus, Credentials, Event, EventKind, InvalidReason,
    Ladder, NetworkOptions, NetworkSetting, NextTry, Noted, ProxyAddress, ProxyChoice, RetryReason,
    TransferStatus, root_certificates,
};
pub use downloads::DownloadsSetting;
pub use manager::{ManagerListener, ManagerSetting, ManagerStatus};
pub use network::{NetworkSurroundings, SetNetwork};
pub use observer::{View, WatchState};
pub use recovery::Recovery;
pub use repair::{FolderRepair, PlaceLook, PreparedRepair, RepairFrom};
pub use requests::*;

/// A request to an open library. Each is a plain struct; its reply is a plain value.
pub trait Request: Send + 'static {
    /// What comes back.
    type Reply: Send + 'static;
    /// What it does, for a list of tasks: `Registering`, `Deep check`.
    fn title(&self) -> String;
    /// Whether it can change what a list shows.
    fn changes(&self) -> bool;
    #[doc(hidden)]
    fn run(self, session: &Session, work: &Work) -> Result<Self::Reply, Failure>;
}

/// A request that only the user's keys answer: it needs no library.
pub trait KeyRequest: Request {
    #[doc(hidden)]
    fn run_with(self, keys: &KeyRing, work: &Work) -> Result<Self::Reply, LibraryError>;
}

/// Called whenever there is something new to look at; must return at once.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// One open library. Clones speak of the same one.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    /// Dropped first: it uses all else.
    manager: manager::Slot,
    downloads: downloads::Slot,
    network: network::Network,
    library: Arc<Library>,
    observer: Mutex<Option<observer::Observer>>,
    view: observer::SharedView,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("root", &self.root()).finish_non_exhaustive()
    }
}

impl Session {
    /// Opens a library. Interrupted changes are finished or taken back first.
    pub fn open(options: OpenOptions) -> Result<Self, Failure> {
        let library = guarded(|| Library::open(options))?;
        let shared = Shared {
            manager: manager::Slot::default(),
            downloads: downloads::Slot::default(),
            network: network::Network::default(),
            library: Arc::new(library),
            observer: Mutex::new(None),
            view: observer::SharedView::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Begins to look for changes, by this program, by others, and in the package folders: from now on
    /// [`Session::view`] is kept up to date and `waker` is called after each change.
    pub fn observe(&self, waker: Waker) {
        let observer = observer::Observer::start(&self.shared.library, &self.shared.view, waker);
        *self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    /// Names the packages to watch first: those on the screen and the selected ones.
    pub fn watch_first(&self, packages: Vec<crate::package::PackageId>) {
        if let Some(observer) = &*self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner) {
            observer.watch_first(packages);
        }
    }

    /// Looks for changes now, and whether the folder can be reached.
    pub fn look_now(&self) {
        if let Some(observer) = &*self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner) {
            observer.look_now();
        }
    }

    /// Sets how often all packages of a library on a network share are looked at, once it is observed.
    pub fn poll_every(&self, every: std::time::Duration) {
        if let Some(observer) = &*self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner) {
            observer.poll_every(every);
        }
    }

    /// The newest view of the library; cheap.
    pub fn view(&self) -> Arc<View> {
        self.shared.view.get()
    }

    /// Does what is asked and waits for it. A program error in it becomes a failure, not the end of the program.
    pub fn run<R: Request>(&self, request: R, work: &Work) -> Result<R::Reply, Failure> {
        let changes = request.changes();
        let result = logged(&request.title(), || request.run(self, work));
        if changes
            && let Some(observer) = &*self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner)
        {
            observer.look_now();
        }
        result
    }

    /// The folder of the library.
    pub fn root(&self) -> &Path {
        self.shared.library.root()
    }

    /// Why it can only be read; `None` if it can be written.
    pub fn read_only_reason(&self) -> Option<ReadOnlyReason> {
        self.shared.library.read_only_reason()
    }

    /// Whether it was opened for reading only.
    pub fn is_read_only(&self) -> bool {
        self.shared.library.is_read_only()
    }
}

/// Does what is asked with the keys in the folder `keys`, which need not exist, and no library.
pub fn run_with_keys<R: KeyRequest>(request: R, keys: PathBuf, work: &Work) -> Result<R::Reply, Failure> {
    logged(&request.title(), || guarded(|| request.run_with(&KeyRing::new(keys), work)))
}

/// Runs `work` and logs how it ended.
fn logged<T>(title: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let span = tracing::info_span!("request", title);
    let _entered = span.enter();
    let result = work();
    match &result {
        Ok(_) => tracing::debug!("done"),
        Err(failure) => tracing::info!(code = failure.code, %failure, "failed"),
    }
    result
}

/// Runs `work`; an error is explained, a panic becomes a failure with a code.
fn guarded<T>(work: impl FnOnce() -> Result<T, LibraryError>) -> Result<T, Failure> {
    unpanicked(|| work().map_err(|error| error.explain()))
}

/// Runs `work`; a panic becomes a failure with a code.
fn unpanicked<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            tracing::error!(text, "program error");
            let action =
                "Copy the report and send it to the makers; your packages are safe, start the work again";
            Err(Failure::new(
                "program-error",
                Class::Environment,
                "something went wrong in Packhouse itself",
                action,
            )
            .because(text))
        }
    }
}

/// Looks once at a folder whose folders are packages to be: gives those that have become complete.
pub fn look_for_complete(watch: &mut ParentWatch, work: &Work) -> Result<Vec<PathBuf>, Failure> {
    guarded(|| watch.complete(Instant::now(), work))
}

/// Starts a web server for a folder of packages; needs no library to be open.
pub fn serve(options: ServeOptions) -> Result<Server, Failure> {
    serve::start(options).map_err(|error| error.explain())
}

/// Finds out what is in a folder that may be opened as a library, as seen from the computer `host`.
pub fn look_at_folder(folder: &Path, host: &str) -> FolderLook {
    library::look_at_folder(folder, host)
}

/// Opens a library database anew from the packages: see [`Library::rebuild`].
pub fn rebuild(options: OpenOptions, work: &Work) -> Result<RebuildReport, Failure> {
    guarded(|| Library::rebuild(options, work))
}
