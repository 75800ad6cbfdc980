//! Requests about downloads that wait for a network or a disk. What takes no time is asked of
//! [`Downloads`](super::super::Downloads) itself.

use std::path::PathBuf;

use super::{Request, Session};
use crate::failure::{Class, Failure};
use crate::package::PackageKey;
use crate::package::download::{DownloadId, LadderKind};
use crate::session::downloads::of_writable;
use crate::session::{Credentials, OfferLook, SetAside, unpanicked};
use crate::transfer::downloads::NewDownload;
use crate::work::Work;

/// Finds out what lies at an address: its snapshot is fetched and its seal judged, nothing else.
#[derive(Clone, Debug)]
pub struct LookAtOffer {
    /// Address of a snapshot, a Metalink, a package folder or an archive.
    pub address: String,
    /// How to sign in.
    pub credentials: Option<Credentials>,
}

impl Request for LookAtOffer {
    type Reply = OfferLook;

    fn title(&self) -> String {
        "Reading the snapshot".to_owned()
    }

    fn changes(&self) -> bool {
        false
    }

    fn run(self, session: &Session, _work: &Work) -> Result<OfferLook, Failure> {
        unpanicked(|| of_writable(session)?.look(&self.address, self.credentials.as_ref()))
    }
}

/// Takes a download into the list. Refused, with nothing fetched but the snapshot, where its seal is not trusted and
/// nobody allowed it.
#[derive(Clone, Debug, Default)]
pub struct AddDownload {
    /// Address of a snapshot, a Metalink, a package folder or an archive; a name and password in it are kept apart.
    pub address: String,
    /// Where it goes; a folder beside the packages of the library where none is named.
    pub folder: Option<PathBuf>,
    /// Further addresses of the same files.
    pub codebases: Vec<String>,
    /// Most connections at once.
    pub connections: u32,
    /// Most bytes a second.
    pub limit: Option<u64>,
    /// It may be unsigned; why.
    pub unsigned: Option<String>,
    /// It may be sealed by a key that is not trusted, just this once; why. Counts for the key that [`LookAtOffer`] has
    /// shown for this address, and for no other.
    pub unknown_key: Option<String>,
    /// A lower revision than was seen may be taken.
    pub allow_older: bool,
    /// How to sign in.
    pub credentials: Option<Credentials>,
    /// Becomes a package of the library when it is ready.
    pub register: bool,
}

impl Request for AddDownload {
    type Reply = DownloadId;

    fn title(&self) -> String {
        "Starting a download".to_owned()
    }

    fn changes(&self) -> bool {
        false
    }

    fn run(self, session: &Session, work: &Work) -> Result<DownloadId, Failure> {
        for reason in self.unsigned.iter().chain(&self.unknown_key) {
            if reason.trim().chars().count() < 3 {
                let message = "a reason of at least 3 characters is needed";
                return Err(Failure::new("no-reason", Class::Usage, message, "Say why, with --reason TEXT"));
            }
        }
        StartDownload { download: self, agent_ladder: false, goes_on: false }.run(session, work)
    }
}

/// The same for a script: it may say more, and need not say why.
#[derive(Clone, Debug, Default)]
pub struct StartDownload {
    /// What, and how.
    pub download: AddDownload,
    /// Waits by the agent's ladder, 3 to 120 minutes, where nothing arrives.
    pub agent_ladder: bool,
    /// A download of the same into the same folder that is in the list goes on; else the folder is taken.
    pub goes_on: bool,
}

impl Request for StartDownload {
    type Reply = DownloadId;

    fn title(&self) -> String {
        self.download.title()
    }

    fn changes(&self) -> bool {
        false
    }

    fn run(self, session: &Session, _work: &Work) -> Result<DownloadId, Failure> {
        let Self { download, agent_ladder, goes_on } = self;
        let wanted = NewDownload {
            address: download.address,
            folder: download.folder,
            codebases: download.codebases,
            connections: download.connections,
            limit: download.limit,
            unsigned: download.unsigned,
            unknown_key: download.unknown_key,
            allow_older: download.allow_older,
            credentials: download.credentials,
            register: download.register,
            ladder: if agent_ladder { LadderKind::Agent } else { LadderKind::Console },
            goes_on,
        };
        unpanicked(|| of_writable(session)?.add(wanted))
    }
}

/// Takes a download off the list.
#[derive(Clone, Debug)]
pub struct RemoveDownload {
    /// Which.
    pub id: DownloadId,
    /// Whether the files its snapshot lists are deleted; others stay in any case.
    pub delete_files: bool,
}

impl Request for RemoveDownload {
    type Reply = ();

    fn title(&self) -> String {
        "Removing a download".to_owned()
    }

    fn changes(&self) -> bool {
        false
    }

    fn run(self, session: &Session, _work: &Work) -> Result<(), Failure> {
        unpanicked(|| of_writable(session)?.remove(self.id, self.delete_files))
    }
}

/// Makes a package of a download that is Ready.
#[derive(Clone, Debug)]
pub struct RegisterDownload {
    /// Which.
    pub id: DownloadId,
    /// Software group.
    pub group: Option<String>,
}

impl Request for RegisterDownload {
    type Reply = PackageKey;

    fn title(&self) -> String {
        "Registering a download".to_owned()
    }

    fn changes(&self) -> bool {
        true
    }

    fn run(self, session: &Session, _work: &Work) -> Result<PackageKey, Failure> {
        unpanicked(|| of_writable(session)?.register(self.id, self.group.as_deref()))
    }
}

/// Moves the files that the snapshot of a finished download does not list into a folder beside it; deletes nothing.
#[derive(Clone, Debug)]
pub struct SetFilesAside {
    /// Which.
    pub id: DownloadId,
}

impl Request for SetFilesAside {
    type Reply = SetAside;

    fn title(&self) -> String {
        "Setting files aside".to_owned()
    }

    fn changes(&self) -> bool {
        false
    }

    fn run(self, session: &Session, work: &Work) -> Result<SetAside, Failure> {
        unpanicked(|| of_writable(session)?.set_aside(self.id, work))
    }
}
