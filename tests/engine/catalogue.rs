//! Lists and searches of the library database keep the order of names, however packages came in.

use std::sync::Arc;

use jiff::Timestamp;
use packhouse::package::manifest::{FileHashes, ManifestFile};
use packhouse::package::record::{PackageId, PackageSummary, PackageType, SealInfo};
use packhouse::package::{
    BlockSize, Finding, Manifest, PackageKey, PackageList, PackageRecord, PackageState, Sha256Digest,
};
use packhouse::store::{Catalogue, Pattern, StoreError};

fn record(name: &str, manifest: &Manifest) -> PackageRecord {
    PackageRecord {
        id: PackageId(uuid::Uuid::new_v4()),
        key: PackageKey::new(name, "1").expect("a plain name"),
        state: PackageState::Open,
        revision: 0,
        supplier: String::new(),
        package_type: PackageType::Generic,
        based_on: None,
        group: String::new(),
        comment: String::new(),
        replaces: None,
        retired: false,
        filed_by: "anna".to_owned(),
        registered: Timestamp::UNIX_EPOCH,
        changed: Timestamp::UNIX_EPOCH,
        checksum_control: true,
        checksum: manifest.files().checksum(),
        checksum_event: "registered".to_owned(),
        checksum_at: Timestamp::UNIX_EPOCH,
        finding: Finding::Consistent,
        noticed: None,
        marked: None,
        quick: None,
        deep: None,
        sealed_once: false,
        seal: None,
        archive: None,
        procedures: Vec::new(),
    }
}

/// A catalogue of these packages, each with one file.
fn catalogue(folder: &std::path::Path, packages: &[(String, String)]) -> Catalogue {
    let mut catalogue = Catalogue::open(&folder.join("catalog.db")).expect("it can be made");
    let put = catalogue.change(|change| {
        for (name, path) in packages {
            let file = Sha256Digest::of(path.as_bytes());
            let hashes = Some(FileHashes { file, blocks: vec![file] });
            let file = ManifestFile { path: path.clone(), size_bytes: 7, executable: false, hashes };
            let manifest = Manifest::from_files(BlockSize::DEFAULT, vec![file]).expect("one path");
            let record = record(name, &manifest);
            change.put_package(&record)?;
            change.put_manifest(record.id, &manifest)?;
            if name.starts_with("trashed") {
                change.put_in_trash(record.id, "1")?;
            }
        }
        Ok::<_, StoreError>(())
    });
    put.expect("it can be written");
    catalogue
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).expect("it is one")
}

#[test]
fn the_list_is_in_order_of_names_without_what_was_removed() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let packages = ["gamma", "trashed", "Alpha", "beta", "trashed too", "Zeta", "delta"]
        .map(|name| (name.to_owned(), "file".to_owned()));
    let catalogue = catalogue(folder.path(), &packages);
    let list = catalogue.summaries().expect("it can be read");
    let names: Vec<&str> = list.iter().map(|package| package.key.name()).collect();
    assert_eq!(names, ["Alpha", "beta", "delta", "gamma", "Zeta"]);
    assert!(list.iter().all(|package| package.files == 1 && package.size_bytes == 7), "{list:?}");
    assert!(list.iter().all(|package| package.filed_by == "anna"), "{list:?}");
}

#[test]
fn a_list_shares_what_did_not_change_with_the_one_before() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let packages = ["alpha", "beta"].map(|name| (name.to_owned(), "file".to_owned()));
    let mut catalogue = catalogue(folder.path(), &packages);
    let before = catalogue.list_after(&PackageList::default()).expect("it can be read");
    let key = PackageKey::new("beta", "1").expect("a plain name");
    let mut beta = catalogue.package_by_key(&key).expect("readable").expect("there");
    beta.comment = "changed".to_owned();
    beta.seal = Some(SealInfo {
        key_id: "0123456789ABCDEF".to_owned(),
        key_name: "Packaging".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        block_size: BlockSize::DEFAULT,
        snapshot: Sha256Digest::default(),
    });
    let put: Result<(), StoreError> = catalogue.change(|change| change.put_package(&beta));
    put.expect("it can be written");
    let after = catalogue.list_after(&before).expect("it can be read");
    assert!(Arc::ptr_eq(&before.rows()[0], &after.rows()[0]), "alpha did not change");
    assert_eq!(*after.rows()[1], PackageSummary::from(&beta));
    assert_eq!((before[1].comment(), after[1].comment()), ("", "changed"));
    assert_eq!(after.place_of(beta.id), Some(1));
}

#[test]
fn the_first_hits_come_first_from_however_many_packages() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let count = 5_000;
    let packages: Vec<(String, String)> = (0..count)
        .map(|n| n * 1_237 % count)
        .map(|n| {
            (format!("package {n:04}"), format!("lib/{}{n:04}.jar", if n % 2 == 0 { "even" } else { "odd" }))
        })
        .collect();
    let catalogue = catalogue(folder.path(), &packages);
    let find = |text: &str, limit| {
        catalogue.find_files(&pattern(text), true, limit, &|| false).expect("it can be read")
    };

    let found = find("EVEN", 3);
    let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!((paths, found.more), (vec!["lib/even0000.jar", "lib/even0002.jar", "lib/even0004.jar"], true));
    let found = find("odd4*.jar", 1_000);
    let names: Vec<&str> = found.files.iter().map(|file| file.package.name()).collect();
    let expected: Vec<String> =
        (4_000..count).filter(|n| n % 2 == 1).map(|n| format!("package {n:04}")).collect();
    assert_eq!((names, found.more), (expected.iter().map(String::as_str).collect(), false));
    let hash = Sha256Digest::of(b"lib/odd4999.jar").to_string();
    let found = find(&hash, 500);
    assert_eq!((found.files.len(), found.files[0].package.name()), (1, "package 4999"));
    assert_eq!(found.files[0].sha256.map(|hash| hash.to_string()), Some(hash));
    assert_eq!(find("nowhere", 500), Default::default());
    let count = catalogue.count_files(&pattern("even*.jar"), true, &|| false).expect("it can be read");
    assert_eq!((count.files, count.packages), (2_500, 2_500));
}

/// The totals of a property page come from the columns they are in, whatever the names say.
#[test]
fn totals_of_contents_are_those_of_the_manifest() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut catalogue = Catalogue::open(&folder.path().join("catalog.db"))?;
    let block_size = BlockSize::new(256 * 1024)?;
    let hashes = |size: u64| {
        let blocks =
            vec![Sha256Digest::of(&size.to_le_bytes()); usize::try_from(block_size.blocks_in(size))?];
        let file = blocks.first().copied().unwrap_or(Sha256Digest::of(b""));
        Ok::<_, std::num::TryFromIntError>(FileHashes { file, blocks })
    };
    for lost in [None, Some(7)] {
        let mut files = Vec::new();
        for number in 0..20_000_u64 {
            let size_bytes = number * 7919 % 1_000_000;
            let kept = (lost != Some(number)).then(|| hashes(size_bytes)).transpose()?;
            let path = format!("folder {}/file {number}", number % 100);
            files.push(ManifestFile { path, size_bytes, executable: false, hashes: kept });
        }
        let manifest = Manifest::from_files(block_size, files).map_err(|twice| twice.0)?;
        let record = record(&format!("lost {lost:?}").replace(['(', ')'], ""), &manifest);
        catalogue.change(|change| {
            change.put_package(&record)?;
            change.put_manifest(record.id, &manifest)
        })?;
        let totals = catalogue.contents_totals(record.id)?.ok_or("it was put")?;
        assert_eq!(totals.block_size, block_size);
        assert_eq!(totals.blocks, manifest.block_count());
        assert_eq!(totals.has_all_hashes, lost.is_none());
        // Cheap: less than a tenth of reading everything.
        let time = |work: &dyn Fn()| {
            let started = std::time::Instant::now();
            (0..5).for_each(|_| work());
            started.elapsed()
        };
        let cheap = time(&|| drop(catalogue.contents_totals(record.id)));
        let whole = time(&|| drop(catalogue.manifest(record.id)));
        assert!(cheap * 10 < whole, "{cheap:?} against {whole:?}");
    }
    assert_eq!(catalogue.contents_totals(PackageId(uuid::Uuid::new_v4()))?, None);
    Ok(())
}
