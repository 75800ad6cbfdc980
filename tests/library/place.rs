//! The fixture of these tests: a library in a folder of its own, with the user's keys beside it, and sources to fill it
//! from; a [`Place`] opens it as often as it is told, a [`Desk`] has it open.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use packhouse::failure::Failure;
use packhouse::package::history::ChainState;
use packhouse::package::record::{PackageId, PackageRecord};
use packhouse::package::{CheckKind, CheckReport, HistoryEntry, HistoryEvent, Sha256Digest};
use packhouse::session::{
    Actor, Check, HistoryFilter, OpenOptions, PackageDetails, PackageRef, ReadHistory, Register,
    RegisterRequest, Request, Seal, Session, ShareOptions, ShowPackage, Verify, VerifyHistory,
};
use packhouse::work::Work;
use tempfile::TempDir;

/// What every test gives back.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// A folder with a library, keys and sources, gone with this value unless it was given from outside.
pub(crate) struct Place {
    folder: PathBuf,
    _temporary: Option<TempDir>,
}

impl Place {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let temporary = temporary()?;
        // A temporary folder may be reached through a link.
        let folder = temporary.path().canonicalize()?;
        Ok(Self { folder, _temporary: Some(temporary) })
    }

    /// A place somebody else made and takes away.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), _temporary: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path("library")
    }

    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions {
            root: self.root(),
            create: true,
            read_only: false,
            actor: actor(),
            keys: self.path("keys"),
            share: ShareOptions::default(),
        }
    }

    pub(crate) fn open(&self) -> Result<Session, Failure> {
        Session::open(self.options())
    }

    /// Makes a source folder with these files.
    pub(crate) fn source(&self, name: &str, files: &[(&str, &[u8])]) -> Result<PathBuf, Box<dyn Error>> {
        let folder = self.path(name);
        fs::create_dir_all(&folder)?;
        for (path, content) in files {
            put(&folder, path, content)?;
        }
        Ok(folder)
    }
}

/// A place with its library open, and short words for what a test does with it.
pub(crate) struct Desk {
    pub(crate) place: Place,
    pub(crate) session: Session,
}

impl Desk {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        Self::of(Place::new()?)
    }

    /// On a disk, and not in memory, for trees that are larger than that.
    pub(crate) fn on_disk() -> Result<Self, Box<dyn Error>> {
        let temporary = tempfile::tempdir()?;
        let folder = temporary.path().canonicalize()?;
        Self::of(Place { folder, _temporary: Some(temporary) })
    }

    fn of(place: Place) -> Result<Self, Box<dyn Error>> {
        let session = place.open()?;
        Ok(Self { place, session })
    }

    pub(crate) fn run<R: Request>(&self, request: R) -> Result<R::Reply, Failure> {
        ask(&self.session, request)
    }

    /// Registers a folder under the name and version that are proposed for it.
    pub(crate) fn register(&self, source: &Path) -> Result<PackageRecord, Failure> {
        let request = RegisterRequest::new(vec![source.to_owned()]);
        self.run(Register { request }).map(|report| report.record)
    }

    pub(crate) fn show(&self, package: &str) -> Result<PackageDetails, Failure> {
        self.run(ShowPackage { package: PackageRef::Text(package.to_owned()) })
    }

    /// Path of a file of a package, as somebody finds it who goes behind the library's back.
    pub(crate) fn data(&self, name: &str, version: &str, path: &str) -> PathBuf {
        self.root().join("packages").join(name).join(version).join("data").join(path)
    }
}

impl std::ops::Deref for Desk {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

/// A temporary folder, in memory where there is such a place: a sync of a disk waits for everybody else's files.
pub(crate) fn temporary() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}

pub(crate) fn actor() -> Actor {
    Actor {
        who: "tester".to_owned(),
        host: "bench".to_owned(),
        how: "test".to_owned(),
        time_zone: jiff::tz::TimeZone::UTC,
    }
}

/// Writes a file below a folder, folders above it included.
pub(crate) fn put(folder: &Path, path: &str, content: &[u8]) -> std::io::Result<()> {
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(file, content)
}

/// Asks the session and waits.
pub(crate) fn ask<R: Request>(session: &Session, request: R) -> Result<R::Reply, Failure> {
    session.run(request, &Work::new())
}

/// Registers a folder under a name and version.
pub(crate) fn register(
    session: &Session,
    source: &Path,
    name: &str,
    version: &str,
) -> Result<PackageRecord, Failure> {
    let mut request = RegisterRequest::new(vec![source.to_owned()]);
    request.name = Some(name.to_owned());
    request.version = Some(version.to_owned());
    Ok(ask(session, Register { request })?.record)
}

pub(crate) fn seal(session: &Session, package: PackageId) -> Result<PackageRecord, Failure> {
    Ok(ask(session, Seal { package, key: None, block_size: None })?.record)
}

pub(crate) fn show(session: &Session, package: PackageId) -> Result<PackageDetails, Failure> {
    ask(session, ShowPackage { package: PackageRef::Id(package) })
}

pub(crate) fn quick(session: &Session, package: PackageId) -> Result<CheckReport, Failure> {
    ask(session, Check { package, kind: CheckKind::Quick })
}

pub(crate) fn deep(session: &Session, package: PackageId) -> Result<CheckReport, Failure> {
    ask(session, Check { package, kind: CheckKind::Deep })
}

/// All history of a package.
pub(crate) fn history(session: &Session, package: PackageId) -> Result<Vec<HistoryEntry>, Failure> {
    ask(session, ReadHistory { filter: HistoryFilter { package: Some(package), ..HistoryFilter::default() } })
}

/// The last history entry of one kind.
pub(crate) fn last(
    session: &Session,
    package: PackageId,
    event: HistoryEvent,
) -> Result<HistoryEntry, Box<dyn Error>> {
    let found = history(session, package)?.into_iter().rfind(|entry| entry.event == event);
    Ok(found.ok_or_else(|| format!("no {event:?} in history"))?)
}

/// The files with the data of a package.
pub(crate) fn data(session: &Session, package: PackageId) -> Result<PathBuf, Failure> {
    Ok(show(session, package)?.folder.join("data"))
}

/// The failure of something that must fail: it must have a code and say what to do.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> Failure {
    let failure = result.expect_err("this must be refused");
    assert!(!failure.code.is_empty() && failure.code != "program-error", "{failure:?}");
    assert!(!failure.message.is_empty() && !failure.action.is_empty(), "{failure:?}");
    failure
}

/// Every file below a folder: path, digest of its content, whether it is executable.
pub(crate) fn tree(folder: &Path) -> std::io::Result<BTreeMap<String, (Sha256Digest, bool)>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(current) = open.pop() {
        for entry in fs::read_dir(&current)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
                continue;
            }
            let path = entry.path();
            let relative = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
            files.insert(relative, (Sha256Digest::of(&fs::read(&path)?), executable));
        }
    }
    Ok(files)
}

/// Asserts what must hold of every library at rest: nothing in progress, catalogue and disk agree, history verified,
/// every sealed package proves.
pub(crate) fn assert_sound(session: &Session) -> Outcome {
    for folder in [".incoming", ".locks"] {
        let folder = session.root().join(folder);
        let left: Vec<_> = fs::read_dir(&folder).into_iter().flatten().collect();
        assert!(left.is_empty(), "{left:?} is left, with {:?}", tree(&folder)?);
    }
    let packages = ask(session, packhouse::session::ListPackages {})?;
    for package in &packages {
        if package.state == packhouse::package::PackageState::Archived {
            continue;
        }
        let quick = quick(session, package.id)?;
        assert!(quick.is_consistent(), "{}: {quick:?}", package.key);
        let deep = deep(session, package.id)?;
        assert!(deep.is_consistent() && deep.without_hashes == 0, "{}: {deep:?}", package.key);
        if package.state == packhouse::package::PackageState::Sealed {
            let path = show(session, package.id)?.folder;
            let report = ask(session, Verify { path, trust: Vec::new() })?;
            assert!(report.valid && report.seal == "trusted", "{}: {report:?}", package.key);
        }
    }
    let folders = fs::read_dir(session.root().join("packages"))?
        .map(|name| Ok(fs::read_dir(name?.path())?.count()))
        .sum::<std::io::Result<usize>>()?;
    assert_eq!(folders, packages.len(), "package folders and packages");
    let chain = ask(session, VerifyHistory {})?;
    assert!(matches!(chain, ChainState::Verified { .. }), "{chain:?}");
    Ok(())
}

/// Waits until `condition` holds, asking again and again, at most `seconds`.
pub(crate) fn wait_until(seconds: u64, mut condition: impl FnMut() -> bool) -> bool {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    while std::time::Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
    condition()
}
