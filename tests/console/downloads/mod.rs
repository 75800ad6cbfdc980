//! Downloads in the console: real libraries, real servers on loopback, the whole window.

mod asking;
mod changed;
mod publisher;
mod running;

use std::path::PathBuf;

use egui::{Key, Modifiers};
use packhouse::package::download::{DownloadId, DownloadState};
use packhouse::session::{AddDownload, DownloadRow};
use packhouse::work::Work;

use crate::desk::Desk;
use publisher::Publisher;

impl Desk {
    /// A window beside a publisher whose key it trusts: both have the same keys.
    fn beside_publisher() -> (Self, Publisher) {
        let desk = Self::open();
        let publisher = Publisher::new(desk.folder.path(), desk.folder.path().join("keys"));
        (desk, publisher)
    }

    fn go_to_downloads(&mut self) {
        self.press(Modifiers::COMMAND, Key::Num0);
        self.wait("the page", |desk| desk.has("New download…"));
    }

    fn rows(&self) -> Vec<DownloadRow> {
        let downloads = self.session().and_then(|session| session.downloads());
        downloads.map(|downloads| downloads.rows().to_vec()).unwrap_or_default()
    }

    /// The only download.
    fn row(&self) -> Option<DownloadRow> {
        self.rows().into_iter().next()
    }

    #[track_caller]
    fn wait_for_state(&mut self, state: DownloadState) {
        self.wait(state.words(), |desk| desk.row().is_some_and(|row| row.state == state));
        self.wait_for(&format!("Sample 1.0, {}", state.words()));
    }

    /// Begins a download of the sample without the dialog.
    fn add(&self, address: String, limit: Option<u64>, codebases: Vec<String>) -> DownloadId {
        let request = AddDownload { address, limit, codebases, connections: 4, ..AddDownload::default() };
        let session = self.session().expect("an open library").clone();
        session.run(request, &Work::new()).expect("a download")
    }

    /// Where the only download goes to.
    fn arrives_in(&self) -> PathBuf {
        self.row().expect("a download").folder
    }

    /// Types an address into the dialog, and waits until what lies there was read.
    fn look_at(&mut self, address: &str) {
        self.press(Modifiers::COMMAND, Key::D);
        self.wait_for("Address or file");
        self.fill("Address or file", address);
        self.press(Modifiers::NONE, Key::Enter);
        self.wait_for("Snapshot");
    }
}

#[test]
fn without_downloads_the_page_says_what_to_do() {
    let mut desk = Desk::open();
    desk.go_to_downloads();
    desk.wait_for("Nothing is being downloaded.");
    assert!(!desk.is_enabled("Pause"), "no download is selected");
    assert!(!desk.is_enabled("Remove…"));
    desk.click_last("New download…");
    desk.wait_for("Address or file");
    assert!(!desk.is_enabled("Download"), "there is no address");
    desk.press(Modifiers::NONE, Key::Escape);
    desk.wait_until_gone("Address or file");
    // Nothing runs, so nothing is painted.
    desk.harness.run();
}
