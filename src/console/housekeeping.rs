//! Work on the library as a whole: facts about it, moved to another folder, handed over.

use std::path::PathBuf;

use super::action::{Action, Setting};
use super::app::App;
use super::command::Command;
use super::dialogs::library::Report;
use super::dialogs::moving as dialogs;
use super::format;
use super::pages::Place;
use super::tasks::Show;
use super::watched_folders::MOST;
use crate::session::{DeleteOldCopy, HandOver, LibraryInfo, MoveLibrary, ReadInfo, SetNetwork};

/// Facts about the library, as they were read last.
#[derive(Default)]
pub(super) struct Facts {
    /// The facts.
    pub(super) info: Option<LibraryInfo>,
    /// Epoch of the view they were read at.
    read_at: Option<u64>,
}

impl App {
    /// Reads the facts: once after the library was opened, and for the page of settings whenever anything changed.
    pub(super) fn follow_facts(&mut self) {
        let epoch = self.view.epoch;
        let is_known = match self.facts.read_at {
            Some(at) => at == epoch || self.place != Place::Settings,
            None => false,
        };
        if epoch == 0 || is_known {
            return;
        }
        self.facts.read_at = Some(epoch);
        self.ask("", Show::Nothing, ReadInfo {}, |app, result| {
            // Without them the page says less.
            if let Ok(info) = result {
                app.facts.info = Some(info);
            }
        });
    }

    /// The folder the library was moved from, while it is still there.
    pub(super) fn old_copy(&self) -> Option<PathBuf> {
        self.facts.info.as_ref()?.old_copy.clone()
    }

    /// Asks what a command on the library needs to know.
    pub(super) fn ask_about_library(&mut self, command: Command) {
        match command {
            Command::MoveLibrary => {
                let from = self.around.library.clone();
                self.put_in_front(Box::new(dialogs::MoveLibrary::new(from)));
            }
            Command::HandOver => self.put_in_front(Box::new(dialogs::HandOver::default())),
            Command::DeleteOldCopy => {
                if let Some(old) = self.old_copy() {
                    self.put_in_front(Box::new(dialogs::DeleteOldCopy::new(old)));
                }
            }
            _ => {}
        }
    }

    /// Makes a choice of the page of settings.
    pub(super) fn set(&mut self, setting: Setting) {
        let settings = &mut self.settings;
        match setting {
            Setting::Scale(percent) => {
                settings.scale_percent = percent;
                self.ctx.set_zoom_factor(settings.zoom());
            }
            Setting::ArchiveFolder(folder) => {
                self.last_archive_folder.clear();
                settings.archive_folder = folder;
            }
            Setting::BlockSize(size) => settings.block_size_bytes = size,
            Setting::CheckRate(rate) => {
                settings.check_rate = rate;
                self.library_check.begin_with_rate(rate);
            }
            Setting::Notices(on) => settings.notices = on,
            Setting::Watch(folder) if settings.watched.contains(&folder) => {}
            Setting::Watch(folder) => {
                settings.watched.push(folder);
                settings.watched.truncate(MOST);
            }
            Setting::Unwatch(folder) => settings.watched.retain(|known| *known != folder),
        }
    }

    /// Carries out an action on the library as a whole.
    pub(super) fn work_on_library(&mut self, action: Action) {
        match action {
            Action::MoveLibrary(to) => self.move_library(to),
            Action::DeleteOldCopy => {
                self.ask("Deleting the old copy", Show::Row, DeleteOldCopy {}, |app, result| {
                    if let (Ok(_), Some(info)) = (&result, &mut app.facts.info) {
                        info.old_copy = None;
                    }
                    app.tell_if_failed(result);
                });
            }
            Action::SetNetwork(setting, keeps_password) => {
                let request = SetNetwork { setting, keeps_password };
                self.ask("Setting the network", Show::Nothing, request, |app, result| {
                    app.tell_if_failed(result);
                    // They were stopped for it: what shows them follows the new ones.
                    if let Some(session) = app.session().cloned() {
                        app.wake_for_downloads(&session);
                    }
                });
            }
            Action::HandOver(to) => {
                let shown = to.display().to_string();
                self.ask(
                    "Writing the hand over",
                    Show::Row,
                    HandOver { to },
                    move |app, result| match result {
                        Ok(document) => {
                            let keys = document.own_keys.iter().filter(|key| key.key.backup.is_none());
                            let lines =
                                keys.map(|key| format!("The key {} has no backup", key.key.name)).collect();
                            let text = format!("hand-over.html and hand-over.json are in {shown}.");
                            app.put_in_front(Box::new(Report::new("The hand over was written", text, lines)));
                        }
                        Err(failure) => app.tell(failure),
                    },
                );
            }
            // Everything else is carried out elsewhere.
            _ => {}
        }
    }

    fn move_library(&mut self, to: PathBuf) {
        self.ask("Moving the library", Show::Row, MoveLibrary { to }, |app, result| match result {
            Ok(moved) => {
                app.recent.retain(|known| *known != moved.from);
                app.around.library.clone_from(&moved.to);
                app.new_package = None;
                app.follow_move();
                app.open_library();
                let noun = if moved.proven == 1 { "package was" } else { "packages were" };
                let mut text = format!(
                    "It is in {} now, {} in {} files. {} {noun} proven by their hashes.",
                    moved.to.display(),
                    format::size(moved.size_bytes),
                    format::thousands(moved.files),
                    format::thousands(moved.proven),
                );
                if moved.compared > 0 {
                    let count = format::thousands(moved.compared);
                    let were = if moved.compared == 1 { "was" } else { "were" };
                    text.push_str(&format!(
                        " {count} {were} not as recorded before, and compared with the original file by file."
                    ));
                }
                let from = moved.from.display();
                text.push_str(&format!(" The old folder {from} stays until Library > Delete the old copy…"));
                app.put_in_front(Box::new(Report::new("The library was moved", text, Vec::new())));
            }
            Err(failure) => app.tell(failure),
        });
    }
}
