//! A library of 100,000 packages with 2 million files: listing and searching it. And sealing 4 GiB right after
//! registering, against the deep check of the same package. Each is a whole process.
//!
//! Test data are made once below `PACKHOUSE_BENCH_DIR` (or the temporary directory) and used again. Registering
//! 100,000 folders would take hours, so the library is written straight into its database: packages, manifests and
//! History as registering leaves them, without folders, which neither `list` nor `find` looks at.
//! Arguments: `many` (list and find), `seal` (default both). `seal` needs 17 GiB of room.

mod support;

use std::fs;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::record::{PackageId, PackageType};
use packhouse::package::{
    BlockSize, Finding, HistoryEntry, HistoryEvent, Manifest, PackageKey, PackageRecord, PackageState,
    Sha256Digest,
};
use packhouse::session::{Register, RegisterRequest, Session, Unseal};
use packhouse::store::{Catalogue, Change, StoreError};
use packhouse::work::Work;
use support::{Outcome, data_folder, deep_trees, make_once, options, program, report, time};

const PACKAGES: usize = 100_000;
const FILES_EACH: usize = 20;
/// Packages written in one transaction.
const AT_ONCE: usize = 10_000;
const RUNS: usize = 15;
const SEAL_RUNS: usize = 5;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let wants = |word: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == word);
    let data = data_folder()?;
    if wants("many") {
        bench_many(&data)?;
    }
    if wants("seal") {
        bench_seal(&data)?;
    }
    Ok(())
}

fn bench_many(data: &Path) -> Outcome {
    let library = data.join("many-packages");
    make_once(&library, || make_packages(&library))?;
    let hash = digest(77_777, 3).to_string();
    // The words, and at least how many lines they must print.
    let requests: [(&str, &[&str], usize); 6] = [
        ("list_of_100000_packages_ms", &["list"], PACKAGES),
        ("find_common_word_ms", &["find", "readme"], 500),
        ("find_rare_word_ms", &["find", "Needle"], 5),
        ("find_common_wildcard_ms", &["find", "*.properties"], 500),
        ("find_rare_wildcard_ms", &["find", "log4j-core-*.jar"], 100),
        ("find_sha256_ms", &["find", &hash], 1),
    ];
    for (name, words, lines) in requests {
        let mut millis = Vec::new();
        let printed = program(&library, words).output()?.stdout;
        let found = printed.iter().filter(|byte| **byte == b'\n').count();
        assert!(found >= lines, "{words:?} found {found}; remove {}", library.display());
        for _ in 0..RUNS {
            millis.push(time(&mut [program(&library, words)])? * 1e3);
        }
        report(name, &mut millis);
    }
    Ok(())
}

fn bench_seal(data: &Path) -> Outcome {
    let library = data.join("sealing");
    if library.exists() {
        fs::remove_dir_all(&library)?;
    }
    let session = Session::open(options(&library))?;
    for (name, tree) in ["files_of_one_block", "one_file"].into_iter().zip(deep_trees(data)?) {
        let mut request = RegisterRequest::new(vec![tree]);
        (request.name, request.version) = (Some(name.to_owned()), Some("1".to_owned()));
        let started = Instant::now();
        let id = session.run(Register { request }, &Work::new())?.record.id;
        report(&format!("register_{name}_secs"), &mut [started.elapsed().as_secs_f64()]);
        let key = format!("{name}@1");
        let (mut ratios, mut again, mut secs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..SEAL_RUNS {
            let seal = time(&mut [program(&library, &["seal", &key])])?;
            let deep = time(&mut [program(&library, &["check", "--deep", &key])])?;
            session.run(Unseal { package: id }, &Work::new())?;
            let other_blocks = time(&mut [program(&library, &["seal", "--block-size", "4M", &key])])?;
            session.run(Unseal { package: id }, &Work::new())?;
            // Back to the recorded block size, so that the next round is as the first.
            time(&mut [program(&library, &["seal", "--block-size", "2M", &key])])?;
            session.run(Unseal { package: id }, &Work::new())?;
            secs.push(seal);
            ratios.push(seal / deep);
            again.push(other_blocks / deep);
        }
        report(&format!("seal_{name}_secs"), &mut secs);
        report(&format!("seal_{name}_vs_deep_check"), &mut ratios);
        report(&format!("seal_{name}_with_other_blocks_vs_deep_check"), &mut again);
    }
    drop(session);
    Ok(fs::remove_dir_all(&library)?)
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
fn digest(n: usize, file: usize) -> Sha256Digest {
    Sha256Digest::of(format!("{n}/{file}").as_bytes())
}
