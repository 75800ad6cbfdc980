//! The page *Downloads*: the list, and below it everything about the selected one, block by block.
//!
//! Owns which downloads are selected and how the page is divided. What a download is and how it goes on stands in the
//! session; this page draws rows and sends what was done.

pub mod command;
mod detail;
mod history;
mod list;
pub mod recovery;
mod tables;
pub mod words;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Frame, Key, Margin, Modifiers, Panel, Ui};

use super::packages::Moment;
use crate::console::action::Action;
use crate::console::command::{Command, Scope};
use crate::console::icons::Icon;
use crate::console::theme::Density;
use crate::console::tokens::Tokens;
use crate::console::widgets::empty_state::empty_choices_ui;
use crate::console::widgets::list::{List, ListState};
use crate::package::Sha256Digest;
use crate::package::download::{DownloadId, DownloadState};
use crate::session::{AddDownload, Credentials, DownloadRow, LiveDownload};
use command::{DownloadCommand, SelectedDownload};
use list::DownloadRows;
use recovery::{RecoveryAction, RecoveryShown, recovery_ui};
use words::Totals;

/// What is done with one download, or to have one.
#[derive(Debug)]
pub enum DownloadAction {
    /// Ends the wait of this one.
    RetryNow(DownloadId),
    /// Reads a block from the disk and compares its hash.
    CheckBlock(DownloadId, usize),
    /// Fetches a block anew.
    FetchBlock(DownloadId, usize),
    /// Lets it take at most so many bytes a second.
    SetLimit(DownloadId, Option<u64>),
    /// Finds out what lies at an address, for the dialog in front.
    Look(String, Option<Credentials>),
    /// Starts one.
    Add(Box<AddDownload>),
    /// Asks for one, with the folder changed: the one it had belongs to another download.
    AskAgain(Box<AddDownload>),
    /// Goes on with a snapshot that was published anew.
    TakeNew(DownloadId, Sha256Digest),
    /// Moves the files nobody lists out of its folder.
    SetAside(DownloadId),
    /// Stops one until somebody says otherwise.
    Pause(DownloadId),
    /// Takes these off the list, and deletes their files if asked to.
    Remove(Vec<DownloadId>, bool),
    /// Makes a package of a finished one, under this group.
    Register(DownloadId, Option<String>),
    /// Shows one in the list.
    Show(DownloadId),
    /// Does something to the sample of *See a recovery*.
    Recovery(RecoveryAction),
}

/// What the page is drawn from.
pub struct Shown<'a> {
    /// Which commands can be used.
    pub scope: &'a Scope,
    /// The clock.
    pub moment: Moment<'a>,
    /// Height of rows.
    pub density: Density,
    /// The selected download while it is at work.
    pub live: Option<&'a LiveDownload>,
    /// What is broken of the sample of *See a recovery*, where its download is the selected one.
    pub recovery: Option<RecoveryShown>,
    /// Whether keys reach the page.
    pub keys: bool,
}

/// The page and what it remembers.
#[derive(Default)]
pub struct DownloadsPage {
    rows: Arc<Vec<DownloadRow>>,
    /// When the rows were read: countdowns go on from there.
    read_at: Option<Instant>,
    totals: Totals,
    list: ListState,
    select: Option<DownloadId>,
    /// What was asked about already: each new snapshot once, and once the files nobody lists.
    asked: HashSet<(DownloadId, Option<Sha256Digest>)>,
    detail: detail::Detail,
}

impl DownloadsPage {
    /// Takes over how the downloads stand now; whether that is anything new.
    pub fn set_rows(&mut self, rows: Arc<Vec<DownloadRow>>) -> bool {
        if Arc::ptr_eq(&self.rows, &rows) && self.read_at.is_some() {
            return false;
        }
        let before = std::mem::replace(&mut self.rows, rows);
        self.read_at = Some(Instant::now());
        let same = before.len() == self.rows.len()
            && before.iter().zip(self.rows.iter()).all(|(one, other)| one.id == other.id);
        if !same {
            let rows = &self.rows;
            self.list.selection.remap(rows.len(), |row| {
                let id = before.get(row)?.id;
                rows.iter().position(|one| one.id == id)
            });
        }
        if let Some(id) = self.select
            && let Some(row) = self.rows.iter().position(|one| one.id == id)
        {
            self.select = None;
            self.list.selection.select(row);
            self.list.scroll_to(row);
        }
        if self.list.selection.is_empty() && !self.rows.is_empty() {
            self.list.selection.select(0);
        }
        self.totals = Totals::of(&self.rows);
        true
    }

    /// Selects a download as soon as it is in the list.
    pub fn select_when_seen(&mut self, id: DownloadId) {
        self.select = Some(id);
        self.read_at = None;
    }

    /// A download that was published anew, or is Ready beside files nobody lists, and was not asked about; it counts as
    /// asked about then.
    pub fn next_question(&mut self) -> Option<DownloadRow> {
        let of = |row: &DownloadRow| {
            let anew = row.anew.as_ref().map(|anew| anew.digest);
            (anew.is_some() || row.strangers > 0).then_some((row.id, anew))
        };
        let now: HashSet<_> = self.rows.iter().filter_map(of).collect();
        self.asked.retain(|one| now.contains(one));
        let next = self.rows.iter().find(|row| of(row).is_some_and(|one| !self.asked.contains(&one)))?;
        self.asked.extend(of(next));
        Some(next.clone())
    }

    /// All of them.
    pub fn rows(&self) -> &[DownloadRow] {
        &self.rows
    }

    /// All of them in a few figures.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The selected ones.
    pub fn selected(&self) -> impl Iterator<Item = &DownloadRow> {
        self.list.selection.rows().filter_map(|row| self.rows.get(row))
    }

    /// The one whose blocks are shown.
    pub fn shown(&self) -> Option<&DownloadRow> {
        let cursor = self.list.selection.cursor().filter(|row| self.list.selection.contains(*row));
        self.rows.get(cursor.or_else(|| self.list.selection.rows().next())?)
    }

    /// What commands need to know of the selected ones.
    pub fn scope(&self) -> Vec<SelectedDownload> {
        let one = |row: &DownloadRow| SelectedDownload {
            state: row.state,
            is_registered: row.registered_as.is_some(),
        };
        self.selected().map(one).collect()
    }

    /// In how long there is something new to paint that nobody tells of: a countdown.
    pub fn next_frame(&self) -> Option<Duration> {
        let counts = self.rows.iter().any(|row| row.state == DownloadState::Retrying);
        counts.then_some(Duration::from_secs(1))
    }

    /// The selected rows as text with a header.
    pub fn copied(&self, moment: Moment<'_>) -> String {
        self.as_rows(moment).copied(self.list.selection.rows())
    }

    fn as_rows<'a>(&'a self, moment: Moment<'a>) -> DownloadRows<'a> {
        let waited = self.read_at.map(|at| at.elapsed()).unwrap_or_default();
        DownloadRows { rows: &self.rows, waited, moment }
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        if self.rows.is_empty() {
            let new = Command::Download(DownloadCommand::New);
            let text = "Nothing is being downloaded. Drop a .meta4 file here, or give the address of a package. Every \
                        block is proven by its hash, and no interruption costs more than the blocks it touched.";
            let offered = [new, Command::SeeRecovery];
            let offered = offered.map(|command| shown.scope.refusal(command).is_none().then_some(command));
            let offered: Vec<Command> = offered.into_iter().flatten().collect();
            let texts: Vec<String> = offered.iter().map(|command| command.entry().text).collect();
            let chosen = empty_choices_ui(ui, Icon::Download, text, &texts);
            actions.extend(chosen.and_then(|chosen| offered.get(chosen)).copied().map(Action::Run));
            return;
        }
        let row_height = shown.density.row_height();
        // Room for the header and six rows, unless somebody has moved the border.
        let height = 28.0 + row_height * self.rows.len().clamp(3, 6) as f32 + 4.0;
        let most = (ui.available_height() - 200.0).max(90.0);
        let frame = Frame::new().fill(Tokens::of(ui).ground);
        // With another number of rows it has another height, unless somebody moved the border.
        Panel::top(("downloads", self.rows.len().clamp(3, 6)))
            .frame(frame)
            .resizable(true)
            .default_size(height.min(most))
            .size_range(76.0..=most)
            .show(ui, |ui| self.list_ui(ui, shown, actions));
        let Some(row) = self.shown().cloned() else { return };
        Frame::new().inner_margin(Margin { left: 16, right: 16, top: 10, bottom: 8 }).show(ui, |ui| {
            if let Some(recovery) = shown.recovery {
                recovery_ui(ui, recovery, actions);
                ui.add_space(6.0);
            }
            let shown = detail::Shown {
                row: &row,
                live: shown.live,
                scope: shown.scope,
                moment: shown.moment,
                density: shown.density,
                keys: shown.keys,
            };
            self.detail.ui(ui, &shown, actions);
        });
    }

    fn list_ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        let mut list = std::mem::take(&mut self.list);
        let columns = list::columns();
        let rows = self.as_rows(shown.moment);
        let done = List::new("download list", "Downloads", &columns, shown.density.row_height()).show(
            ui,
            &mut list,
            &rows,
            |ui, _| menu_ui(ui, shown.scope, actions),
        );
        if let Some(row) = done.linked.and_then(|row| self.rows.get(row)) {
            actions.push(Action::Download(DownloadAction::RetryNow(row.id)));
        }
        if let Some(row) = done.opened.and_then(|row| self.rows.get(row)) {
            actions.push(match &row.registered_as {
                Some(key) => Action::OpenNamed(key.clone()),
                None => Action::Run(Command::Download(DownloadCommand::OpenFolder)),
            });
        }
        if shown.keys && !ui.ctx().text_edit_focused() {
            let keys = [(Key::Delete, DownloadCommand::Remove), (Key::F5, DownloadCommand::CheckAgain)];
            for (key, command) in keys {
                let command = Command::Download(command);
                if shown.scope.refusal(command).is_none()
                    && ui.input_mut(|input| input.consume_key(Modifiers::NONE, key))
                {
                    actions.push(Action::Run(command));
                }
            }
        }
        self.list = list;
    }
}

fn menu_ui(ui: &mut Ui, scope: &Scope, actions: &mut Vec<Action>) {
    ui.set_min_width(190.0);
    for (group, commands) in DownloadCommand::MENU[1..].iter().enumerate() {
        if group > 0 {
            ui.separator();
        }
        for command in *commands {
            let refused = scope.refusal(*command);
            let mut response = ui.add_enabled(refused.is_none(), egui::Button::new(command.entry().text));
            if let Some(reason) = refused {
                response = response.on_disabled_hover_text(reason);
            }
            if response.clicked() {
                actions.push(Action::Run(*command));
                ui.close();
            }
        }
    }
}
