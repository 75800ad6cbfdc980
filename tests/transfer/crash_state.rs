//! Power cuts and the state of a download: the key of secure storage, the snapshot under it, the record of a clean stop.
//!
//! On an ext4 without a journal, where no sync brings along what was not asked for.

use std::error::Error;
use std::path::Path;

use jiff::Timestamp;
use packhouse::package::download::{DownloadId, DownloadRecord};
use packhouse::package::progress_record::BlockRuns;
use packhouse::package::record::PackageId;
use packhouse::package::{DownloadState, ProgressRecord};
use packhouse::store::Catalogue;
use packhouse::transfer::checkpoint::{Checkpoints, KeptSnapshot};
use packhouse::transfer::secure_storage::SecureStorage;

use crate::crash::{Disk, bring_to_the_disk};
use crate::desk::Outcome;

/// Tells the child where the library is.
pub(crate) const FOLDER: &str = "PACKHOUSE_TEST_STATE_BEGUN_IN";
const DOWNLOAD: DownloadId = DownloadId(uuid::Uuid::from_u128(1));
const PACKAGE: PackageId = PackageId(uuid::Uuid::from_u128(2));

fn catalogue(library: &Path) -> Result<Catalogue, Box<dyn Error>> {
    std::fs::create_dir_all(library)?;
    Ok(Catalogue::open(&library.join("catalog.db"))?)
}

/// A library with one download.
fn new_catalogue(library: &Path) -> Result<Catalogue, Box<dyn Error>> {
    let mut catalogue = catalogue(library)?;
    catalogue.change(|change| change.set_library_value("id", "a library"))?;
    let record = DownloadRecord::new(DOWNLOAD, "http://srv/p", "/srv/p".into(), Timestamp::UNIX_EPOCH);
    catalogue.change(|change| {
        change.add_download(&record)?;
        change.name_download(DOWNLOAD, Some(PACKAGE), None)
    })?;
    Ok(catalogue)
}

fn checkpoints(library: &Path, catalogue: &Catalogue) -> Result<Checkpoints, Box<dyn Error>> {
    let secure = SecureStorage::open(&library.join("keys/of anna"), catalogue, "anna@pc")?;
    Ok(Checkpoints::new(library, secure))
}

fn snapshot() -> KeptSnapshot {
    KeptSnapshot {
        address: "http://srv/p/snapshot.meta4".to_owned(),
        snapshot: "<metalink/>".to_owned(),
        reginfo: None,
        seal: None,
        tag_files: Default::default(),
    }
}

fn progress(blocks: u64) -> ProgressRecord {
    ProgressRecord {
        package: PACKAGE,
        name: "p".to_owned(),
        version: "1".to_owned(),
        address: "http://srv/p".to_owned(),
        folder: "/srv/p".to_owned(),
        snapshot: snapshot().digest(),
        state: DownloadState::Downloading,
        reason: String::new(),
        block_size_bytes: 2 << 20,
        blocks: 10,
        verified: BlockRuns::from_rising(0..blocks),
        total_bytes: 20 << 20,
        fetched_bytes: blocks << 21,
        files: Vec::new(),
        clean_stop: false,
        begun: Timestamp::UNIX_EPOCH,
        written: Timestamp::UNIX_EPOCH,
    }
}

/// The child of a trace: makes the key, seals with it, and saves the progress, below the folder that is named.
#[test]
fn state_is_begun_in_a_process_of_its_own() -> Outcome {
    let own = tempfile::tempdir()?;
    let library = std::env::var_os(FOLDER).map_or_else(|| own.path().to_owned(), Into::into);
    let mut catalogue = new_catalogue(&library)?;
    let checkpoints = checkpoints(&library, &catalogue)?;
    checkpoints.save_snapshot(&mut catalogue, PACKAGE, &snapshot())?;
    checkpoints.save_stop(&mut catalogue, &progress(7))?;
    assert!(checkpoints.load(&mut catalogue, DOWNLOAD)?.progress.is_some_and(|progress| progress.clean_stop));
    Ok(())
}

/// Rows must not outlive the key they are sealed with: what it guards would be asked for again.
#[test]
fn the_key_is_there_before_anything_is_sealed_with_it() -> Outcome {
    let disk = Disk::new(false)?;
    let library = disk.path().join("library");
    let mut catalogue = new_catalogue(&library)?;
    bring_to_the_disk(&disk)?;
    checkpoints(&library, &catalogue)?.save_snapshot(&mut catalogue, PACKAGE, &snapshot())?;
    let after = disk.crashed("after")?;
    let library = after.path().join("library");
    let mut catalogue = self::catalogue(&library)?;
    let loaded = checkpoints(&library, &catalogue)?.load(&mut catalogue, DOWNLOAD)?;
    assert_eq!((loaded.snapshot, loaded.problems), (Some(snapshot()), Vec::new()));
    Ok(())
}

/// A clean stop that was marked is one after a power cut: the record it speaks of is there, whole and under its name.
#[test]
fn a_clean_stop_is_one_after_a_power_cut() -> Outcome {
    let disk = Disk::new(false)?;
    let library = disk.path().join("library");
    let mut catalogue = new_catalogue(&library)?;
    let checkpoints = checkpoints(&library, &catalogue)?;
    checkpoints.save_snapshot(&mut catalogue, PACKAGE, &snapshot())?;
    checkpoints.begin(&mut catalogue, PACKAGE)?;
    checkpoints.save_progress(&progress(3))?;
    bring_to_the_disk(&disk)?;
    checkpoints.save_stop(&mut catalogue, &progress(7))?;
    let after = disk.crashed("after")?;
    let library = after.path().join("library");
    let mut catalogue = self::catalogue(&library)?;
    let loaded = self::checkpoints(&library, &catalogue)?.load(&mut catalogue, DOWNLOAD)?;
    assert_eq!(loaded.problems, []);
    let progress = loaded.progress.ok_or("it was saved")?;
    assert_eq!((progress.verified.count(), progress.clean_stop), (7, true));
    Ok(())
}
