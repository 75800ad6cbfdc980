//! Libraries for tests of the list of downloads: one that publishes, one that downloads.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use packhouse::failure::Failure;
use packhouse::package::download::{DownloadId, DownloadState};
use packhouse::package::{BlockSize, PackageId};
use packhouse::session::{
    Actor, AddDownload, DownloadRow, Downloads, OpenOptions, Register, RegisterRequest, Seal, Session,
    ShareOptions,
};
use packhouse::work::Work;

use crate::desk::noise;
use crate::origin::Origin;

/// How long a test waits for what must come.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// Size of the blocks of published packages.
pub(crate) const BLOCK: usize = 256 * 1024;

/// A library and the keys of its user, in one folder.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
}

impl Place {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn open(&self) -> Session {
        self.open_on("bench")
    }

    /// As on a computer of this name.
    pub(crate) fn open_on(&self, host: &str) -> Session {
        Session::open(OpenOptions {
            root: self.folder.join("library"),
            create: true,
            read_only: false,
            actor: Actor {
                who: "anna".to_owned(),
                host: host.to_owned(),
                how: "test".to_owned(),
                time_zone: jiff::tz::TimeZone::UTC,
            },
            keys: self.folder.join("keys"),
            share: ShareOptions::default(),
        })
        .expect("it opens")
    }

    /// Trusts the keys of another user.
    pub(crate) fn trust(&self, other: &Self) {
        for key in packhouse::library::KeyRing::new(other.folder.join("keys")).list().expect("keys") {
            let keys = packhouse::library::KeyRing::new(self.folder.join("keys"));
            let uses = [packhouse::session::KeyUse::Seal];
            keys.trust(&key.public, Some(&format!("Packaging {}", key.key_id)), &uses)
                .expect("it is trusted");
        }
    }
}

/// A package to be published: three files, `blocks` blocks in the largest.
pub(crate) fn files(seed: u64, blocks: usize) -> Vec<(String, Vec<u8>)> {
    vec![
        ("bin/app.bin".to_owned(), noise(seed, BLOCK * blocks - 1000)),
        ("empty".to_owned(), Vec::new()),
        ("run me.sh".to_owned(), noise(seed + 1, 300)),
    ]
}

/// Registers and seals these files in a library; gives the package folder.
pub(crate) fn publish(
    session: &Session,
    key: (&str, &str),
    files: &[(String, Vec<u8>)],
) -> (PackageId, PathBuf) {
    let source = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let path = source.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    let mut request = RegisterRequest::new(vec![source.path().to_owned()]);
    (request.name, request.version) = (Some(key.0.to_owned()), Some(key.1.to_owned()));
    let registered = session.run(Register { request }, &Work::new()).expect("it registers");
    let package = registered.record.id;
    let block_size = Some(BlockSize::new(BLOCK as u64).expect("a size"));
    session.run(Seal { package, key: None, block_size }, &Work::new()).expect("it seals");
    (package, session.root().join("packages").join(key.0).join(key.1))
}

/// Every file of a folder, by its path below it, with `front` before it.
pub(crate) fn tree(folder: &Path, front: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let path = entry.strip_prefix(folder).expect("it is below").display().to_string();
                // As an address names it.
                let path = path.replace(' ', "%20");
                found.push((format!("{front}{path}"), fs::read(&entry).expect("a file")));
            }
        }
    }
    found.sort();
    found
}

/// A package that is published on a web server, and a library that trusts its key.
pub(crate) struct Scene {
    _dir: tempfile::TempDir,
    pub(crate) root: PathBuf,
    pub(crate) publisher: Place,
    pub(crate) here: Place,
    pub(crate) package_folder: PathBuf,
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) origin: Origin,
}

impl Scene {
    pub(crate) fn new(blocks: usize) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(dir.path()).expect("it is there");
        let (publisher, here) = (Place::new(&root.join("there")), Place::new(&root.join("here")));
        let files = files(7, blocks);
        let (_, package_folder) = publish(&publisher.open(), ("Tool", "1.0"), &files);
        here.trust(&publisher);
        let origin = Origin::serve(tree(&package_folder, "Tool/1.0/"));
        Self { _dir: dir, root, publisher, here, package_folder, files, origin }
    }

    pub(crate) fn address(&self) -> String {
        format!("{}Tool/1.0/", self.origin.url())
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("into")
    }

    pub(crate) fn request(&self) -> AddDownload {
        AddDownload {
            address: self.address(),
            folder: Some(self.target()),
            connections: 2,
            ..AddDownload::default()
        }
    }

    /// Requests for content of the package that the server saw.
    pub(crate) fn payload_requests(&self) -> usize {
        self.origin.seen().iter().filter(|seen| seen.path.contains("/data/")).count()
    }
}

/// Whether the payload in `folder` is these files and nothing else.
pub(crate) fn has_files(folder: &Path, files: &[(String, Vec<u8>)]) {
    let mut expected: Vec<_> =
        files.iter().map(|(path, content)| (path.replace(' ', "%20"), content.clone())).collect();
    expected.sort();
    let found = tree(&folder.join("data"), "");
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    assert!(found == expected, "some content differs");
}

/// A list of downloads whose changes can be waited for.
pub(crate) struct Watched {
    pub(crate) downloads: Downloads,
    changed: crossbeam_channel::Receiver<()>,
}

impl Watched {
    pub(crate) fn of(session: &Session) -> Self {
        let downloads = session.downloads().expect("it can be written");
        let (tell, changed) = crossbeam_channel::unbounded();
        downloads.set_waker(Arc::new(move || {
            tell.send(()).ok();
        }));
        Self { downloads, changed }
    }

    pub(crate) fn row(&self, id: DownloadId) -> Option<DownloadRow> {
        self.downloads.rows().iter().find(|row| row.id == id).cloned()
    }

    /// Waits until the rows are so; fails with what they are instead.
    pub(crate) fn until_rows(&self, is_so: impl Fn(&[DownloadRow]) -> bool) -> Arc<Vec<DownloadRow>> {
        let end = Instant::now() + LONG;
        loop {
            let rows = self.downloads.rows();
            if is_so(&rows) {
                return rows;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never so: {rows:#?}");
            self.changed.recv_timeout(left).ok();
        }
    }

    pub(crate) fn until(&self, id: DownloadId, is_so: impl Fn(&DownloadRow) -> bool) -> DownloadRow {
        let rows = self.until_rows(|rows| rows.iter().any(|row| row.id == id && is_so(row)));
        rows.iter().find(|row| row.id == id).cloned().expect("it was there")
    }

    pub(crate) fn until_state(&self, id: DownloadId, state: DownloadState) -> DownloadRow {
        self.until(id, |row| row.state == state)
    }
}

/// Asks for a download.
pub(crate) fn add(session: &Session, request: AddDownload) -> Result<DownloadId, Failure> {
    session.run(request, &Work::new())
}
