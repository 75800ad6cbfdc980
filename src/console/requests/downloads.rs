//! What the window does for downloads: follows them, carries out their commands, asks what they need to know.
//!
//! Owns the way from a page or dialog to the session and back. How a download goes on stands in the session.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use egui::Ui;

use crate::console::action::Action;
use crate::console::app::App;
use crate::console::dialogs::Delivery;
use crate::console::dialogs::download::{
    FilesNobodyLists, FolderTaken, Limit, NewDownload, NoHashes, Register, Remove, SnapshotChanged,
};
use crate::console::pages::Place;
use crate::console::pages::downloads::command::{DownloadCommand, DownloadScope};
use crate::console::pages::downloads::{DownloadAction, Shown};
use crate::console::pages::packages::Moment;
use crate::console::tasks::Show;
use crate::failure::{Class, Failure};
use crate::package::download::{DownloadId, DownloadState};
use crate::session::{
    AddDownload, DownloadRow, Downloads, LookAtOffer, RegisterDownload, RemoveDownload, Session,
    SetFilesAside,
};

/// How long a download that is at work may stay without a new picture, on its own page and beside others.
const FRAME_ON_PAGE: Duration = Duration::from_millis(100);
const FRAME_BESIDE: Duration = Duration::from_secs(1);

impl App {
    fn list_of_downloads(&self) -> Option<Downloads> {
        self.session()?.downloads()
    }

    /// Has the window painted when a download has something new.
    pub(in crate::console) fn wake_for_downloads(&self, session: &Session) {
        let ctx = self.ctx.clone();
        if let Some(downloads) = session.downloads() {
            downloads.set_waker(Arc::new(move || ctx.request_repaint()));
            downloads.ask_about_new_snapshots();
        }
    }

    /// Shows the page.
    pub(in crate::console) fn downloads_ui(&mut self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let shown = self.downloads.shown().map(|row| row.id);
        let live = shown.and_then(|id| self.list_of_downloads()?.live(id));
        let shown = Shown {
            scope: &self.scope,
            moment: Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone },
            density: self.density,
            live: live.as_ref(),
            recovery: self.shown_recovery(),
            keys: self.dialogs.is_empty() && self.active.is_none(),
        };
        self.downloads.ui(ui, &shown, actions);
    }

    /// Takes over how the downloads stand, and comes back when there is more to see.
    pub(in crate::console) fn follow_downloads(&mut self) {
        let Some(downloads) = self.list_of_downloads() else { return };
        self.downloads.set_rows(downloads.rows());
        self.forget_old_sample();
        let on_page = self.place == Place::Downloads;
        // Elsewhere it waits: nobody is interrupted.
        if on_page
            && self.dialogs.is_empty()
            && let Some(row) = self.downloads.next_question()
        {
            match row.anew {
                Some(_) => self.ask_about_new_snapshot(&row),
                None => self.ask_about_strangers(&row),
            }
        }
        let works = self
            .downloads
            .rows()
            .iter()
            .any(|row| matches!(row.state, DownloadState::Checking | DownloadState::Downloading));
        let next = match (works, on_page) {
            (true, true) => Some(FRAME_ON_PAGE),
            (true, false) => Some(FRAME_BESIDE),
            (false, true) => self.downloads.next_frame(),
            (false, false) => None,
        };
        if let Some(next) = next {
            self.ctx.request_repaint_after(next);
        }
    }

    fn ask_about_strangers(&mut self, row: &DownloadRow) {
        let live = self.list_of_downloads().and_then(|downloads| downloads.live(row.id));
        if let Some(live) = live {
            let names = live.status().strangers.named;
            self.put_in_front(Box::new(FilesNobodyLists::new(row, names)));
        }
    }

    fn ask_about_new_snapshot(&mut self, row: &DownloadRow) {
        if let Some(dialog) = SnapshotChanged::new(row) {
            self.put_in_front(Box::new(dialog));
        }
    }

    /// What can be done with downloads now.
    pub(in crate::console) fn download_scope(&self) -> DownloadScope {
        let on_page = self.place == Place::Downloads && self.new_package.is_none();
        DownloadScope {
            is_there: self.list_of_downloads().is_some(),
            selected: if on_page { self.downloads.scope() } else { Vec::new() },
        }
    }

    /// Puts the selected downloads on the clipboard.
    pub(in crate::console) fn copy_downloads(&mut self) {
        let moment = Moment { now: (self.around.now)(), zone: &self.around.actor.time_zone };
        let text = self.downloads.copied(moment);
        self.ctx.copy_text(text);
    }

    /// Carries out a command on the selected downloads.
    pub(in crate::console) fn run_download(&mut self, command: DownloadCommand) {
        let selected: Vec<DownloadRow> = self.downloads.selected().cloned().collect();
        let Some(downloads) = self.list_of_downloads() else { return };
        let each = |act: &dyn Fn(DownloadId)| selected.iter().for_each(|row| act(row.id));
        match (command, selected.as_slice()) {
            (DownloadCommand::New, _) => self.put_in_front(Box::new(NewDownload::new(String::new()))),
            (DownloadCommand::Pause, _) => each(&|id| downloads.pause(id)),
            (DownloadCommand::Resume, [one]) if one.anew.is_some() => self.ask_about_new_snapshot(one),
            // Those that were published anew are asked about one by one.
            (DownloadCommand::Resume, all) => {
                all.iter().filter(|row| row.anew.is_none()).for_each(|row| downloads.resume(row.id));
            }
            (DownloadCommand::RetryNow, _) => each(&|id| downloads.retry_now(id)),
            (DownloadCommand::CheckAgain, _) => each(&|id| downloads.check_again(id, None)),
            (DownloadCommand::Register, [one]) => self.put_in_front(Box::new(Register::new(one.clone()))),
            (DownloadCommand::Limit, [one]) => self.put_in_front(Box::new(Limit::new(one))),
            (DownloadCommand::OpenFolder, [one]) => self.perform(Action::OpenPath(one.folder.clone())),
            (DownloadCommand::CopyAddress, [one]) => self.ctx.copy_text(one.address.clone()),
            (DownloadCommand::Remove, [_, ..]) => self.put_in_front(Box::new(Remove::new(&selected))),
            // Without a selection they are greyed.
            _ => {}
        }
    }

    /// Carries out what was done on the page or in a dialog.
    pub(in crate::console) fn work_on_downloads(&mut self, action: DownloadAction) {
        let Some(downloads) = self.list_of_downloads() else { return };
        match action {
            DownloadAction::Recovery(action) => self.work_on_recovery(action),
            DownloadAction::RetryNow(id) => downloads.retry_now(id),
            DownloadAction::CheckBlock(id, block) => downloads.check_again(id, Some(block)),
            DownloadAction::FetchBlock(id, block) => downloads.fetch_again(id, block),
            DownloadAction::SetLimit(id, limit) => downloads.set_limit(id, limit),
            DownloadAction::Look(address, credentials) => {
                let Some(number) = self.dialogs.last().map(|front| front.number) else { return };
                let request = LookAtOffer { address: address.clone(), credentials };
                self.ask("", Show::Nothing, request, move |app, result| {
                    app.deliver(number, &Delivery::Offer(&address, &result));
                });
            }
            DownloadAction::Add(request) => self.add_download(*request),
            DownloadAction::AskAgain(request) => self.put_in_front(Box::new(NewDownload::again(*request))),
            DownloadAction::TakeNew(id, digest) => downloads.take_new_snapshot(id, digest),
            DownloadAction::SetAside(id) => {
                let title = format!("Setting files of {} aside", self.title_of_download(id));
                self.ask(title, Show::Row, SetFilesAside { id }, |app, result| app.tell_if_failed(result));
            }
            DownloadAction::Pause(id) => downloads.pause(id),
            DownloadAction::Remove(ids, delete_files) => {
                for id in ids {
                    let title = format!("Removing the download of {}", self.title_of_download(id));
                    let request = RemoveDownload { id, delete_files };
                    self.ask(title, Show::Row, request, |app, result| app.tell_if_failed(result));
                }
            }
            DownloadAction::Register(id, group) => {
                let title = format!("Registering {}", self.title_of_download(id));
                let request = RegisterDownload { id, group };
                self.ask(title, Show::Row, request, |app, result| app.tell_if_failed(result));
            }
            DownloadAction::Show(id) => {
                self.go(Place::Downloads);
                self.downloads.select_when_seen(id);
            }
        }
    }

    fn title_of_download(&self, id: DownloadId) -> String {
        let row = self.downloads.rows().iter().find(|row| row.id == id);
        row.map(|row| row.title.clone()).unwrap_or_default()
    }

    fn add_download(&mut self, request: AddDownload) {
        let again = request.clone();
        self.ask("", Show::Nothing, request, move |app, result| match result {
            Ok(id) => {
                app.go(Place::Downloads);
                app.downloads.select_when_seen(id);
            }
            Err(failure) if failure.code == "folder-taken" => {
                let folder = again.folder.clone().unwrap_or_default();
                let owner = app.downloads.rows().iter().find(|row| row.folder == folder).cloned();
                app.put_in_front(Box::new(FolderTaken::new(again, folder, owner.as_ref())));
            }
            Err(failure) if failure.code == "no-hashes" => {
                app.put_in_front(Box::new(NoHashes::new(again.address.clone())));
            }
            Err(failure) => app.tell(failure),
        });
    }

    /// Asks for a download from this metalink, if it is one; whether it did.
    pub(in crate::console) fn take_metalink(&mut self, paths: &[PathBuf]) -> bool {
        let [one] = paths else { return false };
        if !is_metalink(&one.to_string_lossy()) {
            return false;
        }
        match self.session() {
            // Named at the start: it waits for the library.
            None => self.handed.push(one.clone()),
            Some(session) if session.downloads().is_none() => self.tell(takes_none()),
            Some(_) => self.put_in_front(Box::new(NewDownload::new(one.display().to_string()))),
        }
        true
    }

    /// Asks for a download from an address that was pasted, if it is one; whether it did.
    pub(in crate::console) fn take_address(&mut self, text: &str) -> bool {
        let address = text.trim();
        let is_web = address.starts_with("http://") || address.starts_with("https://");
        let is_one = is_web && !address.contains(char::is_whitespace);
        if !is_one || self.list_of_downloads().is_none() {
            return false;
        }
        self.put_in_front(Box::new(NewDownload::new(address.to_owned())));
        true
    }
}

/// What is said where a metalink is dropped on a library that takes no downloads.
fn takes_none() -> Failure {
    Failure::new(
        "read-only",
        Class::Refused,
        "this library takes no downloads",
        "Open a library that you may write in, and drop the file again",
    )
    .because("it is open for reading only")
}

/// Whether a path or address names a list of files and hashes.
pub(in crate::console) fn is_metalink(path: &str) -> bool {
    let path = path.to_lowercase();
    path.ends_with(".meta4") || path.ends_with(".metalink")
}

#[cfg(test)]
mod tests {
    use super::is_metalink;

    #[test]
    fn metalinks_are_known_by_their_ending() {
        assert!(is_metalink("/srv/a/snapshot.meta4") && is_metalink("X.META4"));
        assert!(!is_metalink("/srv/meta4") && !is_metalink("/srv/a.meta4.txt"));
    }
}
