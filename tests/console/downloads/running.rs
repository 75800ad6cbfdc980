//! Downloads that run: blocks arrive, stop, are corrupt, heal; pause, limit, register, remove.

use std::fs;
use std::time::Duration;

use egui::{Key, Modifiers};
use packhouse::package::download::DownloadState;

use super::publisher::LARGE_BYTES;
use crate::desk::Desk;
use crate::origin::Fault;

const SLOW: Option<u64> = Some(256 * 1024);

#[test]
fn blocks_are_seen_to_arrive_and_pause_lasts() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    let id = desk.add(format!("{}Sample/1.0/", server.url()), SLOW, Vec::new());
    desk.go_to_downloads();
    desk.wait_for_state(DownloadState::Downloading);
    desk.wait_for("25 blocks of up to 256 KiB");
    desk.wait_for("1 active");
    let verified = |desk: &Desk| {
        let live = desk.session()?.downloads()?.live(id)?;
        Some(live.status().blocks.fetched)
    };
    desk.wait("a verified block", |desk| verified(desk).is_some_and(|blocks| blocks > 0));
    desk.click("Pause");
    desk.wait_for_state(DownloadState::Paused);
    assert!(!desk.is_enabled("Retry now"), "it waits for nothing");
    // Nothing moves, and nothing is painted.
    desk.harness.run();
    let before = verified(&desk);
    desk.click("Limit…");
    desk.wait_for("Limit of Sample 1.0");
    desk.click("Limit");
    desk.click_last("none");
    desk.click("OK");
    desk.wait("no limit", |desk| desk.row().is_some_and(|row| row.limit_bytes_per_s.is_none()));
    desk.click("Resume");
    desk.wait_for_state(DownloadState::Ready);
    assert!(verified(&desk) > before);

    desk.click("Register…");
    desk.wait_for("Register Sample 1.0?");
    desk.click("Register");
    desk.wait("a package", |desk| desk.package("Sample 1.0").is_some());
    desk.wait_for("registered");
    desk.wait("greyed", |desk| !desk.is_enabled("Register…"));
}

#[test]
fn a_corrupt_block_is_seen_and_fetched_again() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let origin = publisher.origin();
    let flipped = std::sync::atomic::AtomicBool::new(false);
    origin.fault(move |_, seen| {
        let is_payload = seen.path.ends_with("program.exe") && seen.range.is_some();
        let first = is_payload && !flipped.swap(true, std::sync::atomic::Ordering::SeqCst);
        if first { Fault::Flipped } else { Fault::None }
    });
    desk.add(format!("{}Sample/1.0/", origin.url()), None, Vec::new());
    desk.go_to_downloads();
    desk.wait_for_state(DownloadState::Ready);
    desk.wait_for("Blocks in trouble 1");
    assert!(desk.sees("Nothing was in the folder yet"), "as the names of states beside it");
    desk.click("Blocks in trouble 1");
    desk.wait_for("bad from 127.0.0.1");
    assert!(desk.sees("good from 127.0.0.1"));
    let row = desk.row().expect("a download");
    assert_eq!(row.fetched_again_bytes, 256 * 1024);
    let got = fs::read(row.folder.join("data/bin/program.exe")).expect("a file");
    assert_eq!(got.len(), LARGE_BYTES);
}

#[test]
fn check_again_finds_and_heals_what_changed_on_the_disk() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    desk.add(format!("{}Sample/1.0/", server.url()), None, Vec::new());
    desk.go_to_downloads();
    desk.wait_for_state(DownloadState::Ready);
    let file = desk.arrives_in().join("data/bin/program.exe");
    let good = fs::read(&file).expect("a file");
    let mut bad = good.clone();
    bad[300_000] ^= 1;
    fs::write(&file, bad).expect("damaged");
    desk.click("Check again");
    desk.wait("healed", |_| fs::read(&file).is_ok_and(|now| now == good));
    desk.wait_for_state(DownloadState::Ready);
    desk.wait_for("Blocks in trouble 1");
}

#[test]
fn a_server_that_is_gone_is_waited_for() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    let port = server.address().port();
    desk.add(format!("{}Sample/1.0/", server.url()), SLOW, Vec::new());
    desk.go_to_downloads();
    desk.wait_for_state(DownloadState::Downloading);
    server.stop(Duration::ZERO);
    desk.wait_for_state(DownloadState::Retrying);
    desk.wait_for("Retrying download in ");
    assert!(desk.is_enabled("Retry now"));
    let row = desk.row().expect("a download");
    assert!(!row.reason.is_empty() && row.retry_in.is_some(), "{row:?}");
    let _server = publisher.serve(port);
    let downloads = desk.session().and_then(|session| session.downloads()).expect("a list");
    downloads.set_limit(row.id, None);
    desk.click_last("Retry now");
    desk.wait_for_state(DownloadState::Ready);
}

#[test]
fn removed_downloads_leave_their_files_unless_told_otherwise() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    let address = format!("{}Sample/1.0/", server.url());
    desk.add(address.clone(), None, Vec::new());
    desk.go_to_downloads();
    desk.wait_for_state(DownloadState::Ready);
    let kept = desk.arrives_in();
    desk.select("Sample 1.0");
    desk.press(Modifiers::NONE, Key::Delete);
    desk.wait_for("Remove the download of Sample 1.0?");
    // Enter presses Cancel.
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_gone("Remove the download of Sample 1.0?");
    assert_eq!(desk.rows().len(), 1);
    desk.click("Remove…");
    desk.click("Remove");
    desk.wait("an empty list", |desk| desk.rows().is_empty());
    assert!(kept.join("data/bin/program.exe").is_file());

    desk.add(address, None, Vec::new());
    desk.wait_for_state(DownloadState::Ready);
    let gone = desk.arrives_in();
    assert_ne!(gone, kept);
    desk.click("Remove…");
    desk.click("Delete the files too");
    desk.click("Remove");
    desk.wait("an empty list", |desk| desk.rows().is_empty());
    assert!(!gone.exists());
    desk.wait_for("Nothing is being downloaded.");
}

#[test]
fn closing_asks_while_a_download_runs() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    desk.add(format!("{}Sample/1.0/", server.url()), SLOW, Vec::new());
    desk.go_to_downloads();
    desk.wait_for_state(DownloadState::Downloading);
    let root = desk.harness.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default();
    root.events.push(egui::ViewportEvent::Close);
    desk.harness.step();
    desk.wait_for("Close Packhouse while work is running?");
    assert!(desk.sees("Goes on at the next start, nothing is fetched twice:"));
    assert!(desk.sees("Downloads: 1, "));
    desk.click("Don't close");
    desk.wait_until_gone("Close Packhouse while work is running?");
}

#[test]
fn a_sample_heals_from_all_that_is_done_to_it() {
    let mut desk = Desk::open();
    // The newcomer's page offers it.
    desk.click("See a recovery");
    desk.wait_for("Sample 1.0, Downloading");
    let row = desk.row().expect("a download");
    let blocks = |desk: &Desk| {
        let live = desk.session()?.downloads()?.live(row.id)?;
        Some(live.status().blocks)
    };
    desk.wait("proven blocks", |desk| blocks(desk).is_some_and(|blocks| blocks.fetched > 4));

    desk.click("Corrupt a block");
    desk.wait("it was found", |desk| desk.sees("Blocks in trouble 1"));

    desk.click("Stop the server");
    desk.wait_for_state(DownloadState::Retrying);
    desk.wait_for("The server is gone.");
    desk.click("Start the server");
    desk.click_last("Retry now");
    desk.wait_for_state(DownloadState::Downloading);

    desk.click("Cut the cable");
    desk.wait_for("The cable is cut: nothing arrives.");
    let before = blocks(&desk).map(|blocks| blocks.fetched);
    desk.click("Put the cable in");
    desk.wait("more blocks", |desk| blocks(desk).map(|blocks| blocks.fetched) > before);
    // The rest need not be waited for.
    let downloads = desk.session().and_then(|session| session.downloads()).expect("a list");
    downloads.set_limit(row.id, None);
    desk.wait_for_state(DownloadState::Ready);

    let made = desk.folder.path().join("library/.see-a-recovery");
    assert!(made.is_dir() && row.folder.is_dir());
    desk.click("End the sample");
    desk.wait("everything is gone", |desk| desk.rows().is_empty() && !made.exists() && !row.folder.exists());
    desk.wait_for("Nothing is being downloaded.");
}

#[test]
fn the_title_tells_how_far_it_is_and_the_table_how_fast_before_a_block_is_there() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let server = publisher.serve(0);
    let id = desk.add(format!("{}Sample/1.0/", server.url()), SLOW, Vec::new());
    desk.go_to_downloads();
    let titled = |desk: &Desk, is_so: &dyn Fn(&str) -> bool| {
        let root = desk.harness.output().viewport_output.get(&egui::ViewportId::ROOT);
        root.is_some_and(|root| {
            root.commands
                .iter()
                .any(|command| matches!(command, egui::ViewportCommand::Title(title) if is_so(title)))
        })
    };
    // The large file comes in ranges of several blocks, and none of them is over.
    desk.wait("a rate", |desk| {
        let live = desk.session().and_then(|session| session.downloads()?.live(id));
        live.is_some_and(|live| {
            let status = live.status();
            status.blocks.fetched == 0
                && status.codebases.iter().any(|one| one.bytes_per_second.is_some_and(|rate| rate >= 1.0))
        })
    });
    desk.wait("a title with the part that is done", |desk| {
        titled(desk, &|title| title.ends_with(" % - Packhouse"))
    });
    let downloads = desk.session().and_then(|session| session.downloads()).expect("a list");
    downloads.set_limit(id, None);
    desk.wait("a title as always", |desk| titled(desk, &|title| title == "Packhouse"));
    desk.wait_for_state(DownloadState::Ready);
}
