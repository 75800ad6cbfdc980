//! What is asked before a download begins: the address, the offer, the seal, the folder.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::package::download::{DownloadState, TrustDecision};

use super::publisher::{LARGE_BYTES, Publisher, bytes, metalink};
use crate::desk::Desk;
use crate::origin::Origin;

#[test]
fn a_trusted_package_comes_by_its_address_and_is_registered() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    desk.look_at(&format!("{}Sample/1.0/", server.url()));
    assert!(desk.sees("sealed by Packaging Berlin, which is trusted"));
    assert!(desk.sees("6.0 MiB in 2 files, 25 blocks of up to 256 KiB, revision 1"));
    desk.click("Download");
    desk.wait_for_state(DownloadState::Ready);
    desk.wait("a package of this library", |desk| desk.package("Sample 1.0").is_some());
    desk.wait_for("registered");
    // The page is quiet again.
    desk.harness.run();
}

#[test]
fn download_may_be_pressed_before_the_snapshot_was_read() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    desk.press(Modifiers::COMMAND, Key::D);
    desk.wait_for("Address or file");
    desk.fill("Address or file", &format!("{}Sample/1.0/snapshot.meta4", server.url()));
    // Before anything was read: it goes on by itself when it was.
    desk.click("Download");
    desk.wait_for_state(DownloadState::Ready);
}

#[test]
fn a_dropped_metalink_that_nobody_signed_needs_a_reason() {
    let mut desk = Desk::open();
    let content = bytes(LARGE_BYTES);
    let origin = Origin::serve([("program.exe".to_owned(), content.clone())]);
    let file = desk.folder.path().join("Sample 1.0.meta4");
    fs::write(&file, metalink(&format!("{}program.exe", origin.url()), &content)).expect("a new file");
    desk.drop(&[&file]);
    desk.wait_for("nobody vouches for the list of hashes");
    desk.click("Download");
    desk.wait_for("Download a package without a seal?");
    assert!(!desk.is_enabled("Download without a seal"));
    assert_eq!(origin.sent_bytes(), 0, "no payload before the decision");
    desk.fill("Reason (required)", "asked for by the maker");
    desk.click("Download without a seal");
    desk.wait_for_state(DownloadState::Ready);
    desk.wait_for("no seal, allowed by anna");
    let row = desk.row().expect("a download");
    let is_kept = matches!(&row.trust, Some(TrustDecision::Unsigned { allowed })
        if allowed.who == "anna" && allowed.reason == "asked for by the maker");
    assert!(is_kept, "{:?}", row.trust);
    assert_eq!(fs::read(row.folder.join("program.exe")).expect("a file"), content);
}

#[test]
fn a_metalink_named_at_the_start_waits_for_the_library() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("odd.meta4");
    fs::write(&file, "no Metalink").expect("a new file");
    let mut around = crate::desk::surroundings(folder.path());
    around.paths = vec![file];
    let mut desk = Desk::start(folder, around);
    desk.wait_for("Address or file");
    desk.wait_for("odd.meta4");
    // It says why it cannot be used, and offers to look again.
    desk.wait("why it cannot be used", |desk| desk.has("Look again"));
}

#[test]
fn a_key_that_nobody_trusts_is_asked_about() {
    let mut desk = Desk::open();
    let publisher = Publisher::new(desk.folder.path(), desk.folder.path().join("their keys"));
    let server = publisher.serve(0);
    let address = format!("{}Sample/1.0/", server.url());
    desk.look_at(&address);
    assert!(desk.sees("which is not trusted"));
    desk.click("Download");
    desk.wait_for("Signed by a key that is not trusted");
    assert!(desk.sees(&publisher.key.key_id));
    desk.click("Cancel");
    desk.wait_until_gone("Signed by a key that is not trusted");
    assert!(desk.rows().is_empty());

    // Only this one, with a reason.
    desk.look_at(&address);
    desk.click("Download");
    desk.click("Only this download");
    desk.fill("Reason (required)", "compared by telephone");
    desk.click("Only this download");
    desk.wait_for_state(DownloadState::Ready);
    desk.wait_for("allowed by anna");
}

#[test]
fn a_trusted_key_lets_the_download_go_on() {
    let mut desk = Desk::open();
    let publisher = Publisher::new(desk.folder.path(), desk.folder.path().join("their keys"));
    let server = publisher.serve(0);
    desk.look_at(&format!("{}Sample/1.0/", server.url()));
    desk.click("Download");
    desk.click("Trust this key…");
    desk.fill("Key or .pub file", &publisher.key.public);
    desk.fill("Name here", "Berlin");
    let ending = &publisher.key.key_id[publisher.key.key_id.len() - 8..];
    desk.fill("Last 8 of it", ending);
    desk.click("Trust");
    desk.wait_for_state(DownloadState::Ready);
    desk.wait_for("sealed by Berlin");
}

#[test]
fn a_broken_seal_is_never_taken() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let reginfo = publisher.folder().join("reginfo.json");
    let text = fs::read_to_string(&reginfo).expect("registration information");
    fs::write(&reginfo, text.replace("Sample", "Simple")).expect("changed");
    let server = publisher.serve(0);
    desk.look_at(&format!("{}Sample/1.0/", server.url()));
    desk.click("Download");
    desk.wait_for("does not match");
    assert!(desk.sees("Nothing was downloaded."));
    assert!(!desk.has("Download without a seal") && !desk.has("Only this download"));
    desk.click("Close");
    assert!(desk.rows().is_empty());
}

#[test]
fn a_folder_has_one_download() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    let address = format!("{}Sample/1.0/", server.url());
    desk.add(address.clone(), None, Vec::new());
    desk.go_to_downloads();
    desk.wait_for_state(DownloadState::Ready);
    let taken = desk.arrives_in().display().to_string();
    desk.look_at(&address);
    desk.fill("Folder", &taken);
    desk.click("Download");
    desk.wait_for("The folder belongs to another download");
    assert!(desk.sees("is filled by the download of Sample 1.0"));
    desk.click("Choose another folder…");
    desk.wait_for("Snapshot");
    desk.fill("Folder", &desk.folder.path().join("elsewhere").display().to_string());
    desk.click("Download");
    desk.wait("both", |desk| desk.rows().iter().filter(|row| row.state == DownloadState::Ready).count() == 2);
}

#[test]
fn a_pasted_address_is_asked_about() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    let paste = egui::Event::Paste(format!("{}Sample/1.0/", server.url()));
    desk.harness.input_mut().events.push(paste);
    desk.harness.step();
    desk.wait_for("Snapshot");
    desk.wait_for("sealed by Packaging Berlin");
}
