//! The list of downloads in the library database.

use std::path::PathBuf;

use jiff::Timestamp;
use packhouse::package::download::{
    Allowance, CodebaseEntry, DownloadId, DownloadRecord, LadderKind, TrustDecision, Wanted,
};
use packhouse::package::record::PackageId;
use packhouse::package::{DownloadState, PackageKey};
use packhouse::store::{Catalogue, StoreError};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn download(number: u128) -> DownloadRecord {
    let id = DownloadId(uuid::Uuid::from_u128(number));
    DownloadRecord::new(id, "http://anna:secret@srv/p", PathBuf::from("/srv/ü"), Timestamp::UNIX_EPOCH)
}

#[test]
fn a_download_is_kept_whole_and_without_its_password() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("catalog.db");
    let mut catalogue = Catalogue::open(&path)?;
    let mut first = catalogue.change(|change| change.add_download(&download(1)))?;
    let second = catalogue.change(|change| change.add_download(&download(2)))?;
    assert_eq!((first.place, second.place), (1, 2));
    assert_eq!(first.address, "http://srv/p");
    first.key = Some(PackageKey::new("7-Zip", "24.09")?);
    first.codebases = vec![CodebaseEntry { address: "http://bob:hidden@mirror/p".to_owned(), added: true }];
    first.connections = 3;
    first.limit_bytes_per_s = Some(1 << 20);
    first.ladder = LadderKind::Agent;
    first.wanted = Wanted::Paused;
    first.state = DownloadState::Invalid;
    first.reason = "block 3 of a.exe was bad three times".to_owned();
    let allowed = Allowance { who: "anna".to_owned(), reason: "a test".to_owned() };
    first.trust = Some(TrustDecision::Unsigned { allowed });
    first.allow_older = true;
    first.registered_as = first.key.clone();
    first.size_bytes = Some(5);
    first.finished = Some(Timestamp::from_second(9)?);
    assert!(catalogue.change(|change| change.set_download(&first))?);
    drop(catalogue);
    let bytes = std::fs::read(&path)?;
    for secret in ["secret", "hidden"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    let mut catalogue = Catalogue::open(&path)?;
    first.codebases[0].address = "http://mirror/p".to_owned();
    assert_eq!(catalogue.downloads()?, [first.clone(), second.clone()]);
    assert_eq!(catalogue.download(second.id)?, Some(second.clone()));
    catalogue.change(|change| change.remove_download(second.id))?;
    assert!(!catalogue.change(|change| change.set_download(&second))?, "it does not come back");
    assert_eq!(catalogue.downloads()?, [first]);
    Ok(())
}

#[test]
fn two_downloads_of_one_package_do_not_share_their_state() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut catalogue = Catalogue::open(&folder.path().join("catalog.db"))?;
    let package = PackageId(uuid::Uuid::from_u128(77));
    let key = PackageKey::new("7-Zip", "24.09")?;
    let kept: Vec<PackageId> = catalogue.change(|change| {
        [1, 2]
            .into_iter()
            .map(|number| {
                let download = change.add_download(&download(number))?;
                change.name_download(download.id, Some(package), Some(&key))
            })
            .collect::<Result<_, StoreError>>()
    })?;
    assert_eq!(kept, [package, PackageId(uuid::Uuid::from_u128(2))]);
    let second = catalogue.download(DownloadId(uuid::Uuid::from_u128(2)))?.expect("it was added");
    assert_eq!((second.package, second.kept_as, second.key), (Some(package), Some(kept[1]), Some(key)));
    Ok(())
}

#[test]
fn the_highest_revision_seen_outlives_the_download() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut catalogue = Catalogue::open(&folder.path().join("catalog.db"))?;
    let package = PackageId(uuid::Uuid::from_u128(5));
    assert_eq!(catalogue.revision_seen(package)?, None);
    for revision in [3, 7, 5] {
        catalogue.change(|change| change.see_revision(package, revision))?;
    }
    assert_eq!(catalogue.revision_seen(package)?, Some(7));
    Ok(())
}
