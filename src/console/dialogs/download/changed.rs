//! What is asked where a download was published anew: the new snapshot, or stand still.

use egui::Ui;

use super::ALLOW_OLDER;
use crate::console::action::Action;
use crate::console::dialogs::{
    Dialog, Env, Next, buttons_ui, default_button, plain_button, plain_button_unless, quiet, safe_button,
    text,
};
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::downloads::DownloadAction;
use crate::console::widgets::field_row::value_row;
use crate::package::download::DownloadId;
use crate::session::{DownloadRow, NewSnapshot};

/// "The snapshot of {Sample 1.0} changed at the source".
pub struct SnapshotChanged {
    id: DownloadId,
    title: String,
    anew: NewSnapshot,
    allow_older: bool,
}

impl SnapshotChanged {
    /// Of this download, if it was published anew.
    pub fn new(row: &DownloadRow) -> Option<Self> {
        let anew = row.anew.clone()?;
        Some(Self { id: row.id, title: row.title.clone(), anew, allow_older: false })
    }
}

fn revision(number: Option<u64>) -> String {
    number.map_or_else(|| "not known".to_owned(), format::thousands)
}

impl Dialog for SnapshotChanged {
    fn topic(&self) -> Topic {
        Topic::Downloads
    }

    fn title(&self) -> String {
        format!("The snapshot of {} changed at the source", self.title)
    }

    fn width(&self) -> f32 {
        560.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let anew = &self.anew;
        text(
            ui,
            "It was published anew while it was being downloaded. Blocks that are the same in both stay; what differs \
             is fetched again, and files that were complete may be written over.",
        );
        if anew.old_revision.is_some() || anew.new_revision.is_some() {
            value_row(ui, "Old revision", &revision(anew.old_revision));
            value_row(ui, "New revision", &revision(anew.new_revision));
        }
        let of = format::thousands(anew.blocks as u64);
        let stay = match anew.blocks_stay {
            Some(stay) => format!("{} of {of}", format::thousands(stay as u64)),
            None => format!("not known before they are read, of {of}"),
        };
        value_row(ui, "Blocks that stay", &stay);
        value_row(ui, "To be fetched", &format::size(anew.bytes_to_fetch));
        if let Some(seen) = anew.seen_revision {
            text(
                ui,
                &format!(
                    "This revision is lower than revision {seen}, which was seen here before. Whoever offers an older \
                     package again may mean to bring its faults back."
                ),
            );
            ui.checkbox(&mut self.allow_older, ALLOW_OLDER);
        }
        quiet(ui, "Paused, it stands as it is. Resume asks again.");
        let is_older = anew.is_older();
        let refused = (is_older && !self.allow_older).then_some("Allow the older revision first");
        buttons_ui(ui, |ui| {
            let taken = if is_older {
                plain_button_unless(ui, "Continue with the new one", refused)
            } else {
                default_button(ui, "Continue with the new one", None, env.is_new)
            };
            if taken {
                actions.push(Action::Download(DownloadAction::TakeNew(self.id, self.anew.digest)));
                return Next::Close;
            }
            let paused =
                if is_older { safe_button(ui, "Pause", env.is_new) } else { plain_button(ui, "Pause") };
            if paused {
                actions.push(Action::Download(DownloadAction::Pause(self.id)));
                return Next::Close;
            }
            Next::Stay
        })
    }

    fn escape(&mut self, actions: &mut Vec<Action>) {
        actions.push(Action::Download(DownloadAction::Pause(self.id)));
    }
}
