//! Downloads whose source is not what it was: published anew, or of a lower revision than was seen.

use std::fs;

use egui::{Key, Modifiers};
use packhouse::package::download::DownloadState;

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
