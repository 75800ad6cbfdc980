//! Downloads whose source is not what it was: published anew, of a lower revision than was seen, or beside files nobody lists.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::package::download::DownloadState;
use packhouse::session::AddDownload;
use packhouse::work::Work;

use super::publisher::Publisher;
use crate::desk::Desk;
use crate::origin::Origin;

const SLOW: Option<u64> = Some(512 * 1024);
const CHANGED: &str = "The snapshot of Sample 1.0 changed at the source";

fn put_all(origin: &Origin, publisher: &Publisher) {
    for (path, content) in publisher.files() {
        origin.put(&path, content, None);
    }
}

/// A slow download that has two blocks and more, and whose source is sealed again then.
fn published_anew_under_way() -> (Desk, Publisher, Origin) {
    let (mut desk, publisher) = Desk::beside_publisher();
    let origin = publisher.origin();
    let id = desk.add(format!("{}Sample/1.0/", origin.url()), SLOW, Vec::new());
    desk.go_to_downloads();
    desk.wait("two blocks", |desk| {
        desk.row().and_then(|row| row.blocks).is_some_and(|blocks| blocks.proven >= 2)
    });
    publisher.publish_again();
    put_all(&origin, &publisher);
    let downloads = desk.session().and_then(|session| session.downloads()).expect("a list");
    downloads.set_limit(id, None);
    desk.wait_for(CHANGED);
    (desk, publisher, origin)
}

#[test]
fn a_snapshot_published_anew_is_asked_about_and_equal_blocks_stay() {
    let (mut desk, publisher, _origin) = published_anew_under_way();
    let row = desk.row().expect("a download");
    let anew = row.anew.clone().expect("it was published anew");
    assert_eq!((anew.old_revision, anew.new_revision, anew.seen_revision), (Some(1), Some(2), None));
    let stay = anew.blocks_stay.expect("both are known");
    assert!((2..25).contains(&stay) && anew.blocks == 25, "{anew:?}");
    assert_eq!(row.state, DownloadState::Paused);
    assert!(desk.sees("Blocks that stay"));

    // Paused: it stands as it is, and is not asked about again by itself.
    desk.click_last("Pause");
    desk.wait_until_gone(CHANGED);
    desk.wait_for("revision 1 is now revision 2");
    desk.harness.run();
    let old = fs::read(row.folder.join("reginfo.json")).ok();
    assert!(old.is_none(), "nothing of the new one was written");

    // Resume asks; Enter continues with the new one.
    desk.click_last("Resume");
    desk.wait_for(CHANGED);
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_for_state(DownloadState::Ready);
    let path = "data/bin/program.exe";
    let got = fs::read(row.folder.join(path)).expect("a file");
    assert!(got == fs::read(publisher.folder().join(path)).expect("a file"));
    let blocks = desk.row().and_then(|row| row.blocks).expect("blocks");
    assert!(blocks.kept >= stay, "{blocks:?}, {stay} stay");
}

#[test]
fn a_lower_revision_is_taken_only_where_somebody_ticks_it() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let older = publisher.origin();
    publisher.publish_again();
    let newer = publisher.origin();
    desk.add(format!("{}Sample/1.0/", newer.url()), None, Vec::new());
    desk.go_to_downloads();
    desk.wait_for_state(DownloadState::Ready);

    desk.look_at(&format!("{}Sample/1.0/", older.url()));
    assert!(desk.sees("revision 2 was seen before"));
    assert!(!desk.is_enabled("Download"), "a lower revision wants a choice of its own");
    let folder = desk.folder.path().join("older");
    desk.fill("Folder", &folder.display().to_string());
    desk.click("Allow the older revision");
    desk.click("Download");
    desk.wait("both", |desk| desk.rows().iter().filter(|row| row.state == DownloadState::Ready).count() == 2);
    let text = fs::read_to_string(folder.join("reginfo.json")).expect("registration information");
    assert!(text.contains("\"revision\": 1"), "{text}");
}

#[test]
fn a_lower_revision_that_turns_up_under_way_is_not_taken_by_pressing_enter() {
    let (mut desk, publisher) = Desk::beside_publisher();
    let first = publisher.files();
    publisher.publish_again();
    let origin = publisher.origin();
    let id = desk.add(format!("{}Sample/1.0/", origin.url()), SLOW, Vec::new());
    desk.go_to_downloads();
    desk.wait("two blocks", |desk| {
        desk.row().and_then(|row| row.blocks).is_some_and(|blocks| blocks.proven >= 2)
    });
    for (path, content) in first {
        origin.put(&path, content, None);
    }
    let downloads = desk.session().and_then(|session| session.downloads()).expect("a list");
    downloads.set_limit(id, None);
    desk.wait_for(CHANGED);
    assert!(desk.sees("lower than revision 2, which was seen here before"));
    assert!(!desk.is_enabled("Continue with the new one"));
    // Enter pauses.
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_gone(CHANGED);
    assert_eq!(desk.row().expect("a download").state, DownloadState::Paused);
    desk.click_last("Resume");
    desk.wait_for(CHANGED);
    desk.click("Allow the older revision");
    desk.click("Continue with the new one");
    desk.wait_for_state(DownloadState::Ready);
    let text = fs::read_to_string(desk.arrives_in().join("reginfo.json")).expect("registration information");
    assert!(text.contains("\"revision\": 1"), "{text}");
}

#[test]
fn files_nobody_lists_are_left_or_set_aside_and_never_deleted() {
    const ASKED: &str = "Files nobody lists";
    let (mut desk, publisher) = Desk::beside_publisher();
    let origin = publisher.origin();
    let folder = desk.folder.path().join("into");
    fs::create_dir_all(folder.join("data/bin")).expect("a new folder");
    for (path, content) in [("notes.txt", "mine"), ("data/bin/own.ini", "mine too")] {
        fs::write(folder.join(path), content).expect("a new file");
    }
    let address = format!("{}Sample/1.0/", origin.url());
    let request =
        AddDownload { folder: Some(folder.clone()), connections: 4, address, ..AddDownload::default() };
    desk.session().expect("a library").run(request, &Work::new()).expect("a download");
    desk.go_to_downloads();
    desk.wait_for(ASKED);
    assert!(desk.sees("2 files more that its snapshot does not list"));
    assert!(desk.sees("data/bin/own.ini") && desk.sees("notes.txt"));
    // Enter leaves them.
    desk.press(Modifiers::NONE, Key::Enter);
    desk.wait_until_gone(ASKED);
    assert!(folder.join("notes.txt").is_file());
    desk.harness.run();
    assert!(!desk.sees(ASKED), "asked once");

    // Read again, they are found again.
    desk.click("Check again");
    desk.wait_for(ASKED);
    desk.click("Set aside…");
    desk.wait_for("Set 2 files aside?");
    desk.click_last("Back");
    desk.click("Set aside…");
    desk.click_last("Set aside");
    desk.wait("they are gone", |_| {
        !folder.join("notes.txt").exists() && !folder.join("data/bin/own.ini").exists()
    });
    desk.wait_for("2 files that nobody lists went to");
    let beside = fs::read_dir(desk.folder.path()).expect("a folder").flatten().map(|entry| entry.path());
    let aside: Vec<_> = beside
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("into set aside ")))
        .collect();
    let [aside] = aside.as_slice() else { panic!("{aside:?}") };
    assert_eq!(fs::read_to_string(aside.join("data/bin/own.ini")).expect("a file"), "mine too");
    assert_eq!(fs::read_to_string(aside.join("notes.txt")).expect("a file"), "mine");
    assert!(folder.join("data/bin/program.exe").is_file() && folder.join("reginfo.json").is_file());
}
