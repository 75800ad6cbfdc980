//! What a download goes on from: saved and loaded, lost, torn, forged, or of somebody else.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use packhouse::package::download::{DownloadId, DownloadRecord};
use packhouse::package::progress_record::{self, BlockRuns, ProgressProblem};
use packhouse::package::record::PackageId;
use packhouse::package::{DownloadState, ProgressRecord, Sha256Digest};
use packhouse::store::Catalogue;
use packhouse::transfer::checkpoint::{
    CheckpointError, Checkpoints, Credentials, CredentialsByAddress, KeptSnapshot, Loaded, Problem,
};
use packhouse::transfer::secure_storage::{KEY_FILE_NAME, SecureError, SecureStorage};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A library with one download that stopped cleanly.
struct Desk {
    folder: tempfile::TempDir,
    catalogue: Catalogue,
    id: DownloadId,
    package: PackageId,
}

const PASSWORD: &str = "correct horse battery";

impl Desk {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let mut catalogue = Catalogue::open(&folder.path().join("catalog.db"))?;
        catalogue.change(|change| change.set_library_value("id", "library one"))?;
        let id = DownloadId(uuid::Uuid::from_u128(1));
        let package = PackageId(uuid::Uuid::from_u128(2));
        let record = DownloadRecord::new(id, "http://srv/p", PathBuf::from("/srv/p"), Timestamp::UNIX_EPOCH);
        catalogue.change(|change| {
            change.add_download(&record)?;
            change.name_download(id, Some(package), None)
        })?;
        let mut desk = Self { folder, catalogue, id, package };
        let checkpoints = desk.checkpoints()?;
        checkpoints.save_snapshot(&mut desk.catalogue, package, &snapshot())?;
        checkpoints.save_credentials(&mut desk.catalogue, id, &credentials())?;
        checkpoints.begin(&mut desk.catalogue, package)?;
        checkpoints.save_progress(&desk.progress())?;
        let progress = desk.progress();
        checkpoints.save_stop(&mut desk.catalogue, &progress)?;
        Ok(desk)
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn checkpoints(&self) -> Result<Checkpoints, SecureError> {
        let secure = SecureStorage::open(&self.keys(), &self.catalogue, "anna@pc")?;
        Ok(Checkpoints::new(self.folder.path(), secure))
    }

    fn load(&mut self) -> Result<Loaded, CheckpointError> {
        self.checkpoints()?.load(&mut self.catalogue, self.id)
    }

    fn progress(&self) -> ProgressRecord {
        ProgressRecord {
            package: self.package,
            name: "p".to_owned(),
            version: "1".to_owned(),
            address: "http://srv/p".to_owned(),
            folder: "/srv/p".to_owned(),
            snapshot: snapshot().digest(),
            state: DownloadState::Downloading,
            reason: String::new(),
            block_size_bytes: 2 << 20,
            blocks: 10,
            verified: BlockRuns::from_rising([0, 1, 5]),
            total_bytes: 20 << 20,
            fetched_bytes: 6 << 20,
            files: Vec::new(),
            clean_stop: false,
            begun: Timestamp::UNIX_EPOCH,
            written: Timestamp::UNIX_EPOCH,
        }
    }

    fn xml(&self) -> PathBuf {
        self.folder.path().join("progress").join(format!("{}.xml", self.package))
    }

    /// Changes rows of the database behind its back.
    fn tamper(&self, sql: &str) -> Outcome {
        let changed = rusqlite::Connection::open(self.folder.path().join("catalog.db"))?.execute(sql, [])?;
        assert!(changed > 0, "{sql}");
        Ok(())
    }
}

fn snapshot() -> KeptSnapshot {
    KeptSnapshot {
        address: "http://srv/p/snapshot.meta4".to_owned(),
        snapshot: "<metalink/>".repeat(1000),
        reginfo: Some("{}".to_owned()),
        seal: Some("untrusted comment".to_owned()),
        tag_files: BTreeMap::from([("bagit.txt".to_owned(), "BagIt".to_owned())]),
    }
}

fn credentials() -> CredentialsByAddress {
    let basic = Credentials::Basic { user: "anna".to_owned(), password: PASSWORD.to_owned() };
    CredentialsByAddress(BTreeMap::from([("http://srv/".to_owned(), basic)]))
}

#[test]
fn everything_comes_back_and_nothing_lies_in_the_open() -> Outcome {
    let mut desk = Desk::new()?;
    let loaded = desk.load()?;
    assert_eq!((loaded.snapshot, loaded.problems), (Some(snapshot()), Vec::new()));
    assert_eq!(loaded.credentials, credentials());
    assert!(!format!("{:?}", loaded.credentials).contains(PASSWORD));
    let progress = loaded.progress.expect("it was saved");
    assert_eq!((progress.clean_stop, progress.verified), (true, BlockRuns::from_rising([0, 1, 5])));
    let mut names = Vec::new();
    for entry in fs::read_dir(desk.folder.path())?.chain(fs::read_dir(desk.folder.path().join("progress"))?) {
        let path = entry?.path();
        if path.is_file() {
            let bytes = fs::read(&path)?;
            assert!(!bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
            names.push(path);
        }
    }
    assert!(names.contains(&desk.xml()) && names.iter().all(|name| !name.ends_with("tmp")), "{names:?}");
    Ok(())
}

#[cfg(unix)]
#[test]
fn the_key_is_for_its_owner_alone_and_is_never_made_twice() -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new()?;
    let file = desk.keys().join(KEY_FILE_NAME);
    assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    let before = fs::read(&file)?;
    let ids: Vec<String> = std::thread::scope(|scope| {
        let open = || {
            let catalogue = Catalogue::open(&desk.folder.path().join("catalog.db"))?;
            SecureStorage::open(&desk.folder.path().join("new"), &catalogue, "bob@pc")
                .map(|secure| secure.key_id().to_owned())
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect::<Result<_, SecureError>>()
    })?;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    desk.checkpoints()?;
    assert_eq!(fs::read(&file)?, before);
    Ok(())
}

#[test]
fn rows_that_were_damaged_are_reported_dropped_and_fetched_again() -> Outcome {
    for sql in [
        "UPDATE secure SET sealed = substr(sealed, 1, 40) WHERE kind = 'snapshot'",
        "UPDATE secure SET sealed = x'' WHERE kind = 'snapshot'",
        "UPDATE secure SET sealed = zeroblob(length(sealed)) WHERE kind = 'snapshot'",
        "UPDATE secure SET nonce = x'00' WHERE kind = 'snapshot'",
        "UPDATE secure SET nonce = zeroblob(24) WHERE kind = 'snapshot'",
        "UPDATE secure SET sealed = (SELECT sealed FROM secure WHERE kind = 'credentials'), \
         nonce = (SELECT nonce FROM secure WHERE kind = 'credentials') WHERE kind = 'snapshot'",
    ] {
        let mut desk = Desk::new()?;
        desk.tamper(sql)?;
        let loaded = desk.load()?;
        assert_eq!(loaded.snapshot, None, "{sql}");
        let expected = [Problem::Forged { what: "snapshot" }, Problem::OfAnother("snapshot")];
        assert_eq!(loaded.problems, expected, "{sql}");
        assert!(loaded.progress.is_none(), "progress counts only with its snapshot");
        assert_eq!(loaded.credentials, credentials(), "the others stay");
        // Reported once; then fetched and kept again.
        assert_eq!(desk.load()?.problems, [Problem::OfAnother("snapshot")]);
        let (checkpoints, package) = (desk.checkpoints()?, desk.package);
        checkpoints.save_snapshot(&mut desk.catalogue, package, &snapshot())?;
        let loaded = desk.load()?;
        assert_eq!((loaded.snapshot, loaded.problems), (Some(snapshot()), Vec::new()));
        assert!(loaded.progress.is_some_and(|progress| progress.clean_stop));
    }
    Ok(())
}

#[test]
fn a_row_of_another_library_opens_nothing() -> Outcome {
    let mut desk = Desk::new()?;
    desk.catalogue.change(|change| change.set_library_value("id", "library two"))?;
    let loaded = desk.load()?;
    assert_eq!(loaded.snapshot, None);
    assert!(loaded.problems.contains(&Problem::Forged { what: "snapshot" }));
    assert_eq!(loaded.credentials, CredentialsByAddress::default());
    Ok(())
}

#[test]
fn deleted_rows_are_absent() -> Outcome {
    let mut desk = Desk::new()?;
    desk.tamper("DELETE FROM secure")?;
    let loaded = desk.load()?;
    assert_eq!((loaded.snapshot, loaded.problems), (None, vec![Problem::OfAnother("snapshot")]));
    Ok(())
}

#[test]
fn rows_under_another_users_key_are_absent_and_left_alone() -> Outcome {
    let mut desk = Desk::new()?;
    let secure = SecureStorage::open(&desk.folder.path().join("keys of bob"), &desk.catalogue, "bob@pc")?;
    let bob = Checkpoints::new(desk.folder.path(), secure);
    let loaded = bob.load(&mut desk.catalogue, desk.id)?;
    assert_eq!((loaded.snapshot, loaded.problems), (None, vec![Problem::OfAnother("snapshot")]));
    bob.save_snapshot(&mut desk.catalogue, desk.package, &KeptSnapshot { seal: None, ..snapshot() })?;
    assert_eq!(desk.load()?.snapshot, Some(snapshot()), "both lie side by side");
    Ok(())
}

#[test]
fn a_key_that_cannot_be_reached_locks_and_discards_nothing() -> Outcome {
    let mut desk = Desk::new()?;
    let file = desk.keys().join(KEY_FILE_NAME);
    let good = fs::read_to_string(&file)?;
    let flipped = good.trim_end().to_owned() + "0";
    let mut other = good.trim_end().to_owned();
    let last = if other.ends_with('0') { "1" } else { "0" };
    other.replace_range(other.len() - 1.., last);
    for damaged in
        [Some(""), Some("\0\0\0"), Some(&good[..40]), Some(flipped.as_str()), Some(other.as_str()), None]
    {
        match damaged {
            Some(text) => fs::write(&file, text)?,
            None => fs::remove_file(&file)?,
        }
        let error = desk.load().expect_err("locked");
        let CheckpointError::Secure(error @ SecureError::Locked { .. }) = error else {
            panic!("{damaged:?}: {error}");
        };
        assert_eq!(error.explain().code, "SECURE_STORE_LOCKED");
        assert_eq!(fs::read_to_string(&file).ok().as_deref(), damaged, "nothing was overwritten");
    }
    fs::write(&file, &good)?;
    assert_eq!(desk.load()?.snapshot, Some(snapshot()));
    // Lost for good: a new key on purpose, the old rows stay for the day the old one is found.
    let started = SecureStorage::start_anew(&desk.keys(), &desk.catalogue, "anna@pc");
    assert!(started.is_err(), "a key that works is not replaced");
    fs::write(&file, "torn")?;
    SecureStorage::start_anew(&desk.keys(), &desk.catalogue, "anna@pc")?;
    assert_eq!(desk.load()?.snapshot, None);
    fs::write(&file, &good)?;
    assert_eq!(desk.load()?.snapshot, Some(snapshot()));
    Ok(())
}

#[test]
fn a_progress_record_that_is_none_costs_time_only() -> Outcome {
    let mut desk = Desk::new()?;
    let good = fs::read_to_string(desk.xml())?;
    for (text, problem) in [
        (String::new(), Some(Problem::Progress(ProgressProblem::Empty))),
        (good[..good.len() / 2].to_owned(), None),
        ("\0".repeat(good.len()), None),
        (good.replace("/srv/p", "/srv/q"), Some(Problem::OfAnother("folder"))),
        (good.replace(&desk.package.to_string(), &desk.id.to_string()), Some(Problem::OfAnother("package"))),
        (
            good.replace(&snapshot().digest().to_string(), &Sha256Digest::of(b"old").to_string()),
            Some(Problem::OfAnother("snapshot")),
        ),
    ] {
        fs::write(desk.xml(), &text)?;
        let loaded = desk.load()?;
        assert!(loaded.progress.is_none(), "{text}");
        assert_eq!((loaded.snapshot, loaded.problems.len()), (Some(snapshot()), 1));
        if let Some(problem) = problem {
            assert_eq!(loaded.problems, [problem]);
        }
    }
    fs::write(desk.xml(), [0xff, 0xfe])?;
    assert!(matches!(desk.load()?.problems.as_slice(), [Problem::Unreadable(_)]));
    fs::remove_file(desk.xml())?;
    let loaded = desk.load()?;
    assert!(loaded.progress.is_none() && loaded.problems.is_empty());
    Ok(())
}

/// "All done", said by somebody else, and an old record put back: neither is a clean stop.
#[test]
fn a_record_that_lies_is_not_believed() -> Outcome {
    let mut desk = Desk::new()?;
    let stopped = fs::read_to_string(desk.xml())?;
    let mut lie = desk.progress();
    lie.verified = BlockRuns::from_rising(0..10);
    lie.state = DownloadState::Ready;
    lie.clean_stop = true;
    fs::write(desk.xml(), progress_record::write(&lie))?;
    let loaded = desk.load()?;
    assert_eq!(loaded.problems, [Problem::NotProven]);
    assert!(loaded.progress.is_some_and(|progress| !progress.clean_stop));
    // The true one again: proven. Once the download has gone on, it is not.
    fs::write(desk.xml(), &stopped)?;
    assert!(desk.load()?.progress.is_some_and(|progress| progress.clean_stop));
    let (checkpoints, package) = (desk.checkpoints()?, desk.package);
    checkpoints.begin(&mut desk.catalogue, package)?;
    let loaded = desk.load()?;
    assert_eq!(loaded.problems, [Problem::NotProven]);
    assert!(loaded.progress.is_some_and(|progress| !progress.clean_stop));
    // Running progress is never a clean stop, whatever the caller says.
    checkpoints.save_progress(&lie)?;
    assert!(!progress_record::read(&fs::read_to_string(desk.xml())?)?.clean_stop);
    Ok(())
}

#[test]
fn a_download_that_is_removed_leaves_nothing_behind() -> Outcome {
    let mut desk = Desk::new()?;
    let (checkpoints, id) = (desk.checkpoints()?, desk.id);
    let record = desk.load()?.record;
    checkpoints.forget(&mut desk.catalogue, &record)?;
    desk.catalogue.change(|change| change.remove_download(id))?;
    assert!(!desk.xml().exists());
    assert_eq!(desk.catalogue.secure_keys_of("anna@pc")?, Vec::<String>::new());
    assert!(matches!(desk.load(), Err(CheckpointError::NoSuchDownload(_))));
    Ok(())
}
