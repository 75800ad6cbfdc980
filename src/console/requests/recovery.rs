//! *See a recovery*: a sample download that may be broken, and what is done to it.
//!
//! Owns the sample while it is shown. How it is made and broken stands in the session.

use std::sync::Arc;

use crate::console::app::App;
use crate::console::pages::Place;
use crate::console::pages::downloads::recovery::{RecoveryAction, RecoveryShown};
use crate::console::tasks::Show;
use crate::package::download::DownloadId;
use crate::session::{Recovery, RemoveDownload};
use crate::work::Work;

/// The sample, and what this window knows of it.
#[derive(Default)]
pub(in crate::console) struct Sample {
    recovery: Option<Arc<Recovery>>,
    shown: RecoveryShown,
    /// It is being made, or deleted.
    is_changing: bool,
}

impl App {
    /// Makes the sample and shows its download; shows it only, if there is one.
    pub(in crate::console) fn see_recovery(&mut self) {
        if let Some(recovery) = &self.sample.recovery {
            let id = recovery.id();
            self.go(Place::Downloads);
            self.downloads.select_when_seen(id);
            return;
        }
        let Some(session) = self.session().cloned() else { return };
        if std::mem::replace(&mut self.sample.is_changing, true) {
            return;
        }
        let run = move |work: &Work| Recovery::begin(&session, work);
        self.tasks.start(&self.ctx, "Making a sample", Show::Row, run, |app, result| {
            app.sample = Sample::default();
            match result {
                Ok(recovery) => {
                    app.sample.recovery = Some(Arc::new(recovery));
                    app.see_recovery();
                }
                Err(failure) => app.tell(failure),
            }
        });
    }

    /// What can be done to the sample, if its download is the one that is shown.
    pub(in crate::console) fn shown_recovery(&self) -> Option<RecoveryShown> {
        let id = self.sample.recovery.as_ref()?.id();
        (self.downloads.shown()?.id == id).then_some(self.sample.shown)
    }

    /// Does something to the sample.
    pub(in crate::console) fn work_on_recovery(&mut self, action: RecoveryAction) {
        let Some(recovery) = self.sample.recovery.clone() else { return };
        match action {
            RecoveryAction::Cut(is_cut) => {
                recovery.cut_cable(is_cut);
                self.sample.shown.is_cut = is_cut;
            }
            RecoveryAction::Serve(serves) => {
                let run = move |_: &Work| {
                    if serves {
                        return recovery.start_server();
                    }
                    recovery.stop_server();
                    Ok(())
                };
                self.sample.shown.is_stopped = !serves;
                self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| app.tell_if_failed(result));
            }
            RecoveryAction::Corrupt => {
                let Some(downloads) = self.session().and_then(|session| session.downloads()) else { return };
                let Some(live) = downloads.live(recovery.id()) else { return };
                let mut rows = self.downloads.rows().iter();
                let Some(row) = rows.find(|row| row.id == recovery.id()) else { return };
                let folder = row.folder.clone();
                let run = move |_: &Work| {
                    let block = recovery.corrupt_block(&live, &folder)?;
                    // Nobody reads a proven block again unless told to: a check finds it.
                    if block.is_some() {
                        downloads.check_again(recovery.id(), block);
                    }
                    Ok(())
                };
                self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| app.tell_if_failed(result));
            }
            RecoveryAction::End => self.end_sample(recovery.id()),
        }
    }

    /// Deletes what a window has left that was closed meanwhile.
    pub(in crate::console) fn forget_old_sample(&mut self) {
        if self.sample.recovery.is_some() || self.sample.is_changing {
            return;
        }
        let mut rows = self.downloads.rows().iter();
        let left = rows.find(|row| Recovery::is_of_sample(row)).map(|row| row.id);
        if let Some(id) = left {
            self.end_sample(id);
        }
    }

    fn end_sample(&mut self, id: DownloadId) {
        let Some(session) = self.session().cloned() else { return };
        let recovery = self.sample.recovery.take();
        self.sample = Sample { is_changing: true, ..Sample::default() };
        let run = move |work: &Work| {
            session.run(RemoveDownload { id, delete_files: true }, work)?;
            drop(recovery);
            Recovery::clear(&session)
        };
        self.tasks.start(&self.ctx, "", Show::Nothing, run, |app, result| {
            // What could not be deleted is tried again at the next start, not at once.
            app.sample.is_changing = result.is_err();
            app.tell_if_failed(result);
        });
    }
}
