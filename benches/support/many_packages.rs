//! A library of 100,000 packages with 2 million files.
//!
//! Registering 100,000 folders would take hours, so the library is written straight into its database: packages,
//! manifests and History as registering leaves them, without folders, which neither a list nor a search looks at.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::record::{PackageId, PackageType};
use packhouse::package::{
    BlockSize, Finding, HistoryEntry, HistoryEvent, Manifest, PackageKey, PackageRecord, PackageState,
    Sha256Digest,
};
use packhouse::session::Session;
use packhouse::store::{Catalogue, Change, StoreError};

use crate::support::{Outcome, make_once, options};

/// Packages in the library.
pub(crate) const PACKAGES: usize = 100_000;
const FILES_EACH: usize = 20;
/// Packages written in one transaction.
const AT_ONCE: usize = 10_000;

/// The library below `data`, made unless it is there.
pub(crate) fn library(data: &Path) -> Outcome<PathBuf> {
    let library = data.join("many-packages");
    make_once(&library, || make_packages(&library))?;
    Ok(library)
}

/// Writes the library database of [`PACKAGES`] packages.
fn make_packages(library: &Path) -> Outcome {
    drop(Session::open(options(library))?);
    let mut catalogue = Catalogue::open(&library.join("catalog.db"))?;
    for first in (0..PACKAGES).step_by(AT_ONCE) {
        catalogue.change(|change| {
            // Not in the order of names, as no library is.
            (first..first + AT_ONCE).try_for_each(|n| put(change, n * 61_357 % PACKAGES))
        })?;
    }
    catalogue.checkpoint()?;
    // Opening writes what is missing of `history.jsonl`.
    drop(Session::open(options(library))?);
    Ok(())
}

fn put(change: &Change<'_>, n: usize) -> Result<(), StoreError> {
    let unfit = |error: String| StoreError::Damaged(error);
    let files = (0..FILES_EACH).map(|file| ManifestFile {
        path: path(n, file),
        size_bytes: (n * 31 + file * 7919) as u64 % BlockSize::DEFAULT.bytes(),
        executable: file == 1,
        hashes: Some(FileHashes { file: digest(n, file), blocks: vec![digest(n, file)] }),
    });
    let manifest =
        Manifest::from_files(BlockSize::DEFAULT, files.collect()).map_err(|e| unfit(e.to_string()))?;
    let record = record(n, &manifest).map_err(|e| unfit(e.to_string()))?;
    change.put_package(&record)?;
    change.put_manifest(record.id, &manifest)?;
    change.append_history(HistoryEntry {
        number: 0,
        at: record.registered,
        local_time: "2026-03-09 12:00:00 +01:00".to_owned(),
        who: record.filed_by.clone(),
        host: "bench".to_owned(),
        how: "command line".to_owned(),
        event: HistoryEvent::Registered,
        package: Some(record.key.clone()),
        package_id: Some(record.id),
        old_checksum: None,
        new_checksum: Some(record.checksum),
        reason: None,
        differences: None,
        key_id: None,
        details: None,
        staging: None,
        previous: Sha256Digest::default(),
    })?;
    Ok(())
}

fn record(n: usize, manifest: &Manifest) -> Outcome<PackageRecord> {
    let vendors = ["Nordhafen", "Blue Ridge", "Kessler & Co", "Ostsee Data", "Acme", "Fabrikam", "Contoso"];
    let products =
        ["Viewer", "Archive", "Reader", "Office", "Driver", "Toolkit", "Runtime", "Client", "Server"];
    let vendor = vendors[n / 3 % vendors.len()];
    let product = products[n / 21 % products.len()];
    let at = Timestamp::from_second(1_780_000_000 + n as i64)?;
    Ok(PackageRecord {
        id: PackageId(uuid::Uuid::from_u128(
            (n as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        )),
        key: PackageKey::new(&format!("{product} {:05}", n / 3), &format!("{}.{}.0", n % 3 + 1, n % 10))?,
        state: PackageState::Open,
        revision: 0,
        supplier: vendor.to_owned(),
        package_type: PackageType::ALL[n % 6],
        based_on: None,
        group: format!("Group {:02}", n % 40),
        comment: String::new(),
        replaces: None,
        retired: n.is_multiple_of(50),
        filed_by: "anna".to_owned(),
        registered: at,
        changed: at,
        checksum_control: true,
        checksum: manifest.files().checksum(),
        checksum_event: "registered".to_owned(),
        checksum_at: at,
        finding: if n.is_multiple_of(1000) { Finding::Differs } else { Finding::Consistent },
        noticed: None,
        marked: None,
        quick: None,
        deep: None,
        sealed_once: false,
        seal: None,
        archive: None,
        procedures: Vec::new(),
    })
}

/// A path of some 40 bytes, one folder in two for each.
fn path(n: usize, file: usize) -> String {
    match file {
        0 => "readme.txt".to_owned(),
        1 => format!("bin/setup-{n:06}.exe"),
        2 if n % 20_011 == 7 => "lib/needle/in-the-haystack.jar".to_owned(),
        2 if n % 1_009 == 5 => format!("lib/third-party/log4j-core-2.{}.jar", n % 30),
        2 if n % 10 == 3 => format!("config/defaults/settings-{n:06}.properties"),
        _ => format!("resources/module-{:02}/section-{:03}/item-{n:06}-{file:02}.dat", file % 5, n % 700),
    }
}

/// The digest of a file that is nowhere.
pub(crate) fn digest(n: usize, file: usize) -> Sha256Digest {
    Sha256Digest::of(format!("{n}/{file}").as_bytes())
}
