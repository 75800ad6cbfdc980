//! A library of its own for each test, and short words for what every test does with it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use packhouse::failure::Failure;
use packhouse::package::record::PackageRecord;
use packhouse::session::{
    Actor, OpenOptions, PackageDetails, PackageRef, Register, RegisterRequest, Request, Session, ShowPackage,
};
use packhouse::work::Work;

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// A temporary folder with a library, a folder of keys, and room for sources.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) session: Session,
}

impl Desk {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let session = Session::open(options(folder.path()))?;
        Ok(Self { folder, session })
    }

    /// A second session on the same library, as another program has it.
    pub(crate) fn open_again(&self) -> Result<Session, Failure> {
        Session::open(options(self.folder.path()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes files below the folder `name` and gives it.
    pub(crate) fn source(&self, name: &str, files: &[(&str, &[u8])]) -> Result<PathBuf, Box<dyn Error>> {
        let folder = self.path(name);
        for (path, content) in files {
            write(&folder.join(path), content)?;
        }
        Ok(folder)
    }

    pub(crate) fn run<R: Request>(&self, request: R) -> Result<R::Reply, Failure> {
        self.session.run(request, &Work::new())
    }

    pub(crate) fn register(&self, source: &Path) -> Result<PackageRecord, Failure> {
        let request = RegisterRequest::new(vec![source.to_owned()]);
        self.run(Register { request }).map(|report| report.record)
    }

    pub(crate) fn show(&self, package: &str) -> Result<PackageDetails, Failure> {
        self.run(ShowPackage { package: PackageRef::Text(package.to_owned()) })
    }

    /// Path of a file of a package, as somebody finds it who goes behind the library's back.
    pub(crate) fn data(&self, name: &str, version: &str, path: &str) -> PathBuf {
        self.path("library").join("packages").join(name).join(version).join("data").join(path)
    }
}

pub(crate) fn options(folder: &Path) -> OpenOptions {
    OpenOptions {
        root: folder.join("library"),
        create: true,
        read_only: false,
        actor: Actor {
            who: "anna".to_owned(),
            host: "PC-114".to_owned(),
            how: "test".to_owned(),
            time_zone: TimeZone::UTC,
        },
        keys: folder.join("keys"),
    }
}

pub(crate) fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)
}
