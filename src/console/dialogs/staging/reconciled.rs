//! What a reconcile found: what is unknown, missing, outdated or incomplete there, with what to do about each.

use egui::{RichText, ScrollArea, Ui};

use super::super::show_scroll_bar;
use super::{Dialog, Env, Next, buttons_ui, default_button, plain_button, plain_button_unless, quiet, text};
use crate::console::action::Action;
use crate::console::format;
use crate::console::help::Topic;
use crate::console::pages::staging::StagingAction;
use crate::console::pages::staging::words::packages;
use crate::console::theme::semibold;
use crate::console::tokens::Tokens;
use crate::console::widgets::short;
use crate::package::PackageId;
use crate::session::{CopyRow, Reconciled};

/// So many of each kind are named.
const NAMED: usize = 50;

/// "Reconcile".
pub struct ReconcileResult {
    found: Box<Reconciled>,
    /// Whether what lies there can be registered from here, and if not, why.
    registers: Result<(), &'static str>,
    /// Why nothing may be written, where it may not.
    written: Option<&'static str>,
}

impl ReconcileResult {
    /// This was found.
    pub fn new(
        found: Reconciled,
        registers: Result<(), &'static str>,
        written: Option<&'static str>,
    ) -> Self {
        Self { found: Box::new(found), registers, written }
    }

    /// What can be staged: it is not there as it should be, and the library has it.
    fn to_stage(&self) -> Vec<PackageId> {
        let found = &self.found;
        let rows = found.missing.iter().chain(&found.outdated).chain(&found.incomplete);
        rows.filter(|row| row.newest.is_some()).map(|row| row.copy.package).collect()
    }

    fn is_settled(&self) -> bool {
        let found = &self.found.found;
        found.unknown + found.missing + found.outdated + found.incomplete == 0
    }

    fn groups_ui(&self, ui: &mut Ui) {
        let found = &self.found;
        let line = |row: &CopyRow| {
            let newest = match row.newest {
                Some(newest) if newest != row.copy.revision => format!(", the library has revision {newest}"),
                Some(_) => String::new(),
                None => ", no longer in the library".to_owned(),
            };
            format!("{}, revision {}{newest}", row.copy.key.title(), row.copy.revision)
        };
        let rows = |rows: &[CopyRow]| rows.iter().map(line).collect::<Vec<_>>();
        let unknown = found.unknown.iter().map(|one| match (&one.key, one.revision) {
            (Some(key), Some(revision)) => format!("{}, revision {revision} ({})", key.title(), one.folder),
            _ => format!("{}: no package of Packhouse", one.folder),
        });
        let groups = [
            (
                "Missing there",
                "They are known to have been staged and do not lie there any more. Stage them, or unstage them if that is \
                 meant.",
                rows(&found.missing),
            ),
            (
                "Outdated there",
                "The library has a newer revision, and jobs refuse the one there. Stage them: only what differs is sent.",
                rows(&found.outdated),
            ),
            (
                "Incomplete there",
                "They lie there in part, or something of them differs. Stage them: the rest is sent.",
                rows(&found.incomplete),
            ),
            (
                "Unknown there",
                "They lie there and the library does not know them. Register them, or leave them: no job reads them.",
                unknown.collect(),
            ),
        ];
        let tokens = Tokens::of(ui);
        let size = egui::TextStyle::Body.resolve(ui.style()).size;
        for (title, what, lines) in groups.into_iter().filter(|(.., lines)| !lines.is_empty()) {
            ui.label(
                RichText::new(format!("{title}: {}", packages(lines.len() as u64))).font(semibold(size)),
            );
            quiet(ui, what);
            for line in lines.iter().take(NAMED) {
                ui.add(egui::Label::new(line).truncate().selectable(true));
            }
            if lines.len() > NAMED {
                let more = format::thousands((lines.len() - NAMED) as u64);
                ui.label(RichText::new(format!("and {more} more")).color(tokens.secondary));
            }
            ui.add_space(4.0);
        }
        if !found.learned.is_empty() {
            let names: Vec<String> = found.learned.iter().map(|key| key.title()).collect();
            quiet(ui, &format!("Known again, for they were found there: {}.", short(&names.join(", "), 300)));
        }
    }
}

impl Dialog for ReconcileResult {
    fn topic(&self) -> Topic {
        Topic::Staging
    }

    fn title(&self) -> String {
        let name = short(&self.found.staging.name, 60);
        if self.is_settled() { format!("{name} is as it should be") } else { format!("What lies at {name}") }
    }

    fn width(&self) -> f32 {
        640.0
    }

    fn ui(&mut self, ui: &mut Ui, env: &Env<'_>, actions: &mut Vec<Action>) -> Next {
        let good = packages(self.found.good.len() as u64);
        let verb = if self.found.good.len() == 1 { "is" } else { "are" };
        text(
            ui,
            &format!(
                "{good} {verb} there as known. Contents were not read: Verify all there deep does that."
            ),
        );
        show_scroll_bar(ui);
        let most = (ui.ctx().content_rect().height() - 240.0).clamp(120.0, 420.0);
        ScrollArea::vertical().max_height(most).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            self.groups_ui(ui);
        });
        let id = self.found.staging.id;
        let to_stage = self.to_stage();
        if to_stage.is_empty() && self.found.unknown.is_empty() {
            return buttons_ui(ui, |ui| {
                if default_button(ui, "Close", None, env.is_new) { Next::Close } else { Next::Stay }
            });
        }
        buttons_ui(ui, |ui| {
            let nothing = to_stage.is_empty().then_some("Nothing is missing that the library has");
            if default_button(ui, "Stage missing…", self.written.or(nothing), false) {
                actions.push(Action::Staging(StagingAction::AskStage(to_stage, Some(id))));
                return Next::Close;
            }
            let none = self.found.unknown.is_empty().then_some("Nothing there is unknown");
            let refused = self.written.or(none).or(self.registers.err());
            if plain_button_unless(ui, "Register unknown…", refused) {
                let folders = self.found.unknown.iter().map(|one| one.folder.clone()).collect();
                actions.push(Action::Staging(StagingAction::RegisterUnknown(id, folders)));
                return Next::Close;
            }
            if plain_button(ui, "Close") { Next::Close } else { Next::Stay }
        })
    }
}
