//! Folders whose folders become packages by themselves, while the console runs.
//!
//! Owns one thread a folder, which looks every few seconds and wakes the window only when there is something to tell.
//! Registering is the app's: it has a row, can be cancelled, and is asked about when the program closes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::app::App;
use super::dialogs::sentence;
use super::pages::packages::Moment;
use super::tasks::Show;
use crate::failure::{Class, Failure};
use crate::session::{AutoRegister, AutoRegisterOutcome, ParentWatch, Session, look_for_complete};
use crate::work::Work;

/// How often a folder is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How many folders are watched at most.
pub(super) const MOST: usize = 32;

/// What a thread found: folders that are complete, or why it cannot look.
type Found = Result<Vec<PathBuf>, Failure>;

/// One folder that is watched.
struct Watched {
    work: Work,
    found: Receiver<Found>,
    /// Dropped, it ends the thread.
    _end: Sender<()>,
    last: String,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.work.cancel();
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct WatchedFolders(BTreeMap<PathBuf, Watched>);

impl WatchedFolders {
    /// Ends all threads: another library is opened.
    pub(super) fn stop(&mut self) {
        self.0.clear();
    }

    /// What happened last in a folder.
    pub(super) fn last(&self, folder: &Path) -> &str {
        self.0.get(folder).map_or("not watched now", |watched| watched.last.as_str())
    }

    fn tell(&mut self, folder: &Path, last: String) {
        if let Some(watched) = self.0.get_mut(folder) {
            watched.last = last;
        }
    }
}

/// Starts a thread that looks at `parent` until its end of the channel is dropped.
fn start(parent: &Path, ctx: &egui::Context) -> Watched {
    let (tell, found) = channel();
    let (end, ended) = channel();
    let work = Work::new();
    let (own, ctx, folder) = (work.clone(), ctx.clone(), parent.to_owned());
    let thread = std::thread::Builder::new().name("watched folder".to_owned());
    let started = thread.spawn(move || look(&folder, &own, &ended, &tell, &ctx));
    let last = match started {
        Ok(_) => "being looked at".to_owned(),
        Err(error) => format!("cannot be watched: {error}"),
    };
    Watched { work, found, _end: end, last }
}

fn look(parent: &Path, work: &Work, ended: &Receiver<()>, tell: &Sender<Found>, ctx: &egui::Context) {
    let mut watch = ParentWatch::new(parent);
    let mut is_well = None;
    loop {
        let found = look_for_complete(&mut watch, work);
        let is_news = match &found {
            Ok(complete) => !complete.is_empty() || is_well != Some(true),
            Err(failure) if failure.class == Class::Cancelled => return,
            Err(_) => is_well != Some(false),
        };
        is_well = Some(found.is_ok());
        if is_news {
            if tell.send(found).is_err() {
                return;
            }
            ctx.request_repaint();
        }
        if ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

impl App {
    /// Watches the folders of the settings, and registers what has become complete in them.
    pub(super) fn follow_watched(&mut self) {
        if self.view.epoch == 0 || self.session().is_none_or(Session::is_read_only) {
            self.watched.stop();
            return;
        }
        let wanted = &self.settings.watched;
        self.watched.0.retain(|folder, _| wanted.contains(folder));
        for folder in wanted {
            if !self.watched.0.contains_key(folder) {
                self.watched.0.insert(folder.clone(), start(folder, &self.ctx));
            }
        }
        let mut complete = Vec::new();
        for (parent, watched) in &mut self.watched.0 {
            for found in watched.found.try_iter() {
                match found {
                    Ok(folders) if folders.is_empty() => watched.last = "watched, nothing new yet".to_owned(),
                    Ok(folders) => complete.extend(folders.into_iter().map(|one| (parent.clone(), one))),
                    Err(failure) => watched.last = sentence(&failure.message),
                }
            }
        }
        for (parent, folder) in complete {
            self.auto_register(parent, folder);
        }
    }

    fn auto_register(&mut self, parent: PathBuf, folder: PathBuf) {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let title = format!("Auto-registering {name}");
        self.ask(title, Show::Row, AutoRegister { folder }, move |app, result| {
            let moment = Moment { now: (app.around.now)(), zone: &app.around.actor.time_zone };
            let at = moment.full(moment.now);
            // One bad folder does not stop the others, and is no reason for a dialog nobody asked for.
            let last = match result {
                Ok(AutoRegisterOutcome::Registered(report)) => {
                    format!("{at}: {} was registered", report.record.key.title())
                }
                Ok(AutoRegisterOutcome::Known(key)) => {
                    format!("{at}: {} is already in the library", key.title())
                }
                Err(failure) => format!("{at}: {name}: {}", failure.message),
            };
            app.watched.tell(&parent, last);
        });
    }
}
