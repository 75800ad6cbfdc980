//! The days of somebody who looks after a library, each from its first click to its end, through the window alone.
//!
//! | day | story |
//! |---|---|
//! | 1, a new vendor installer arrives | [`making::day_1_a_new_installer_is_dropped_described_and_sealed`]; its parts in `new_package` |
//! | 2, a broken package is fixed | [`making::day_2_a_wrong_switch_in_a_sealed_package_is_corrected`]; unsealing in `restoring` |
//! | 3, a colleague changed a file on the share | [`keeping::day_3_a_file_changed_by_a_colleague_is_noticed_found_and_put_right`]; accepting in `answers` |
//! | 4, who accepted a changed checksum | [`keeping::day_4_an_audit_finds_who_accepted_what`]; export and a broken chain in `history` |
//! | 5, a disk was replaced | [`keeping::day_5_the_library_check_names_what_a_new_disk_has_lost`]; pausing in `pages`, rebuilding in `refused` |
//! | 6, 7, delivery | not part of the library |
//! | 8, a new version replaces the old one | [`making::day_8_a_new_version_replaces_the_old_one_which_is_retired`]; taking over in `new_package` |
//! | 9, old versions are archived | [`caring::day_9_old_versions_go_into_the_archive_in_one_go`]; what is left out and coming back in `restoring` |
//! | 10, the library moves, and is handed over | [`caring::day_10_the_successor_has_the_key_and_seals_on`]; both dialogs in `moving` |
//! | 11, which package contains log4j | [`caring::day_11_a_file_is_found_by_name_and_by_hash_in_archives_too`] |

mod caring;
mod keeping;
mod making;

use packhouse::package::record::PackageRecord;
use packhouse::session::{CreateKey, PackageRef, Seal, ShowPackage};
use packhouse::work::Work;

use crate::desk::Desk;

/// Makes a key to seal with, without the window.
fn make_key(desk: &Desk) {
    let session = desk.session().expect("open");
    session.run(CreateKey { name: "Packaging Berlin 2026".to_owned() }, &Work::new()).expect("a key");
}

/// Seals a registered package without the window.
fn seal(desk: &mut Desk, title: &str) {
    let package = desk.package(title).expect("registered").id;
    let session = desk.session().expect("open").clone();
    session.run(Seal { package, key: None, block_size: None }, &Work::new()).expect("sealed");
    desk.wait("sealed", |desk| desk.package(title).is_some_and(|package| package.revision == 1));
    desk.settle();
}

/// Everything the library knows of a package.
fn record(desk: &Desk, title: &str) -> PackageRecord {
    let package = PackageRef::Id(desk.package(title).expect("registered").id);
    let session = desk.session().expect("open");
    session.run(ShowPackage { package }, &Work::new()).expect("readable").record
}
