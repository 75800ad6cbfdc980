//! A library of its own for each test, opened as the programs open it, and packages in it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use packhouse::failure::Failure;
use packhouse::package::{PackageId, PackageRecord};
use packhouse::session::{
    Actor, OpenOptions, Register, RegisterRequest, Request, Seal, Session, ShareOptions,
};
use packhouse::work::Work;

pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Bytes that differ everywhere, by seed.
pub(crate) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(size).collect()
}

/// A library with its keys in a temporary place.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) session: Session,
}

impl Desk {
    pub(crate) fn new() -> Result<Self, Failure> {
        Self::of("anna")
    }

    /// A library of somebody else, with keys of one's own.
    pub(crate) fn of(who: &str) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let session = Session::open(OpenOptions {
            root: folder.path().join("library"),
            create: true,
            read_only: false,
            actor: Actor {
                who: who.to_owned(),
                host: "bench".to_owned(),
                how: "test".to_owned(),
                time_zone: TimeZone::UTC,
            },
            keys: folder.path().join("keys"),
            share: ShareOptions::default(),
        })?;
        Ok(Self { folder, session })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run<R: Request>(&self, request: R) -> Result<R::Reply, Failure> {
        self.session.run(request, &Work::new())
    }

    /// Registers and seals a package of these files; those that end with `.sh` can be executed.
    pub(crate) fn sealed(&self, name: &str, files: &[(&str, Vec<u8>)]) -> Result<PackageRecord, Failure> {
        let source = self.path(name);
        for (path, content) in files {
            let file = source.join(path);
            fs::create_dir_all(file.parent().expect("below the source")).expect("a folder");
            fs::write(&file, content).expect("a file");
            #[cfg(unix)]
            if path.ends_with(".sh") {
                use std::os::unix::fs::PermissionsExt as _;
                fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("its mode");
            }
        }
        let record = self.run(Register { request: RegisterRequest::new(vec![source]) })?.record;
        self.seal(record.id)
    }

    pub(crate) fn seal(&self, package: PackageId) -> Result<PackageRecord, Failure> {
        let block_size = packhouse::package::BlockSize::new(256 * 1024).ok();
        Ok(self.run(Seal { package, key: None, block_size })?.record)
    }

    /// The folder of `Name/Version` in the library.
    pub(crate) fn package(&self, path: &str) -> PathBuf {
        self.path("library/packages").join(path)
    }
}

/// Every file below a folder with its content, in order.
pub(crate) fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below").display().to_string();
                found.push((name, fs::read(&path).expect("a file")));
            }
        }
    }
    found.sort();
    found
}
