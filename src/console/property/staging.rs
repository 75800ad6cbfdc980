//! The property window of a staging library: how it is reached, what lies there, its line, whose home it is, what was
//! brought there and away.

use std::sync::Arc;

use egui::{Label, RichText, ScrollArea, Ui};

use super::frame::{self, Around, Asked, Title, WindowFrame, closing_ui, tab_area_ui};
use super::{HistoryTab, WindowId};
use crate::console::action::Action;
use crate::console::command::Scope;
use crate::console::dialogs::staging::form::{StagingForm, Trial};
use crate::console::dialogs::{sentence, show_scroll_bar};
use crate::console::icons::Icon;
use crate::console::pages::packages::Moment;
use crate::console::pages::staging::homes::{Home, Homes};
use crate::console::pages::staging::words::{is_open, opens_at, reconciled_text, time_text};
use crate::console::pages::staging::{CopiesPanel, Known, Reaches, StagingAction, facts};
use crate::console::tasks::TaskId;
use crate::console::theme::semibold;
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::button::button_unless;
use crate::console::widgets::field_row::value_row;
use crate::console::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use crate::console::widgets::short;
use crate::console::widgets::tab_bar::{Tab as TabHead, tab_bar_ui};
use crate::failure::Failure;
use crate::package::CheckKind;
use crate::package::staging::StagingId;
use crate::session::{CopyRow, StagingReach, StagingRow};

/// A tab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StagingTab {
    #[default]
    General,
    Packages,
    Line,
    Computers,
    History,
}

impl StagingTab {
    const ALL: [Self; 5] = [Self::General, Self::Packages, Self::Line, Self::Computers, Self::History];

    fn word(self) -> &'static str {
        match self {
            Self::General => "General",
            Self::Packages => "Packages",
            Self::Line => "Line",
            Self::Computers => "Computers",
            Self::History => "History",
        }
    }
}

/// What the window is drawn from.
pub struct StagingShown<'a> {
    /// What is known of staging libraries.
    pub known: &'a Known,
    /// Whether they answer.
    pub reaches: &'a Reaches,
    /// Whose home each is.
    pub homes: &'a Homes,
    /// Which commands can be used.
    pub scope: &'a Scope,
}

/// The window.
pub struct StagingWindow {
    /// Whose.
    pub id: StagingId,
    row: StagingRow,
    base: StagingForm,
    form: StagingForm,
    tab: StagingTab,
    trial: Trial,
    saving: Option<TaskId>,
    copies: CopiesPanel,
    computers: ListState,
    history: HistoryTab,
    seen: Option<Arc<Vec<CopyRow>>>,
    frame: WindowFrame,
}

impl StagingWindow {
    /// A window; `order` windows are open already.
    pub fn new(row: StagingRow, order: usize) -> Self {
        let form = StagingForm::of(&row);
        Self {
            id: row.staging.id,
            base: form.clone(),
            form,
            row,
            tab: StagingTab::default(),
            trial: Trial::default(),
            saving: None,
            copies: CopiesPanel::default(),
            computers: ListState::default(),
            history: HistoryTab::default(),
            seen: None,
            frame: WindowFrame::new(order, None),
        }
    }

    /// Brings the window in front of the others.
    pub fn bring_to_front(&mut self) {
        self.frame.to_front = true;
    }

    /// The tab *History*.
    pub fn history(&mut self) -> &mut HistoryTab {
        &mut self.history
    }

    /// Its name, as it is kept.
    pub fn name(&self) -> &str {
        &self.row.staging.name
    }

    /// Whether anything was changed and not saved.
    pub fn is_changed(&self) -> bool {
        self.form != self.base
    }

    /// What was changed is being saved.
    pub fn set_saving(&mut self, task: TaskId) {
        self.saving = Some(task);
    }

    /// Takes over what came of a trial.
    pub fn set_trial(&mut self, result: &Result<StagingReach, Failure>) {
        self.trial.set(result);
    }

    /// What was changed was saved: nothing of it is left to be saved.
    pub fn set_saved(&mut self) {
        self.form.forget_secrets();
        self.base = self.form.clone();
    }

    /// Follows what was read; whether it is still there. What was edited stays.
    pub fn follow(&mut self, known: &Known) -> bool {
        let Some(row) = known.find(self.id) else { return false };
        if !self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &known.copies)) {
            self.seen = Some(Arc::clone(&known.copies));
            self.history.old = true;
        }
        if *row != self.row {
            let fresh = StagingForm::of(row);
            self.form.follow(&self.base, &fresh);
            self.base = fresh;
            self.row = row.clone();
        }
        true
    }

    /// Shows the window; returns whether a press of the pointer went to it.
    pub fn show(
        &mut self,
        around: &Around<'_>,
        shown: &StagingShown<'_>,
        is_active: bool,
        actions: &mut Vec<Action>,
    ) -> bool {
        let text = format!("{} - Properties", self.row.staging.name);
        let title = Title { text: &text, icon: Some((Icon::Staging, None)) };
        let is_popup_open = egui::Popup::is_any_open(around.ctx);
        let mut frame = std::mem::replace(&mut self.frame, WindowFrame::new(0, None));
        let drawn = frame.show(around.ctx, title, |ui| self.window_ui(ui, around, shown, actions));
        self.frame = frame;
        if drawn.is_closed {
            self.ask(Asked::Close, actions);
        }
        let asked = if is_active {
            frame::keys(around.ctx, &StagingTab::ALL, &mut self.tab, is_popup_open)
        } else {
            None
        };
        if let Some(asked) = asked {
            self.ask(asked, actions);
        }
        drawn.is_pressed
    }

    fn ask(&mut self, asked: Asked, actions: &mut Vec<Action>) {
        let id = self.id;
        actions.push(Action::Staging(match asked {
            Asked::Close => StagingAction::Close(id),
            Asked::Discard => StagingAction::Discard(id),
            Asked::Apply { close } => StagingAction::Edit(id, Box::new(self.form.edit()), close),
            Asked::Check(kind) => StagingAction::VerifyAll(vec![id], kind == CheckKind::Deep),
        }));
    }

    fn window_ui(
        &mut self,
        ui: &mut Ui,
        around: &Around<'_>,
        shown: &StagingShown<'_>,
        actions: &mut Vec<Action>,
    ) {
        let homes = shown.homes.get(&self.id.to_string()).map_or(&[][..], Vec::as_slice);
        self.header_ui(ui, shown, homes.len(), around.moment);
        let heads: Vec<TabHead<'_>> = StagingTab::ALL
            .iter()
            .map(|tab| TabHead {
                title: tab.word(),
                finding: *tab == StagingTab::Packages && (self.row.outdated > 0 || self.row.not_whole > 0),
            })
            .collect();
        let at = StagingTab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        if let Some(clicked) = tab_bar_ui(ui, &heads, at) {
            self.tab = StagingTab::ALL[clicked];
        }
        let others = shown.known.libraries.iter().filter(|row| row.staging.id != self.id);
        let others: Vec<String> = others.map(|row| row.staging.name.clone()).collect();
        let refusal = shown.scope.write_refusal().map(str::to_owned);
        let refusal = refusal.or_else(|| self.form.refusal(&others, Some(&self.row)));
        let is_sound = refusal.is_none();
        if let (Some(why), true) = (&refusal, self.is_changed()) {
            let colour = Tokens::of(ui).bad;
            ui.add(Label::new(RichText::new(why).color(colour)).truncate());
        }
        tab_area_ui(ui, |ui| self.tab_ui(ui, shown, homes, around.moment, actions));
        let is_busy = self.saving.is_some_and(|task| around.tasks.is_running(task));
        if let Some(asked) = closing_ui(ui, around.desktop, is_busy, self.is_changed())
            && (is_sound || !matches!(asked, Asked::Apply { .. }))
        {
            self.ask(asked, actions);
        }
    }

    fn header_ui(&self, ui: &mut Ui, shown: &StagingShown<'_>, homes: usize, moment: Moment<'_>) {
        let tokens = Tokens::of(ui);
        let size = egui::TextStyle::Body.resolve(ui.style()).size;
        ui.label(RichText::new(short(&self.row.staging.write, 110)).font(semibold(size)));
        let mut facts = facts(&self.row, shown.reaches.get(&self.id), homes, moment);
        // The address stands above.
        facts.pop();
        let text = sentence(&facts.join(" · "));
        ui.add(Label::new(RichText::new(text).color(tokens.secondary)).wrap());
    }

    fn tab_ui(
        &mut self,
        ui: &mut Ui,
        shown: &StagingShown<'_>,
        homes: &[Home],
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        match self.tab {
            StagingTab::General => self.general_ui(ui, shown, moment, actions),
            StagingTab::Packages => {
                let copies: Vec<&CopyRow> = shown.known.copies_at(self.id).collect();
                let salt = "staged in window";
                self.copies.ui(ui, salt, self.id, &copies, shown.scope, moment, actions);
            }
            StagingTab::Line => self.line_tab_ui(ui, shown, moment),
            StagingTab::Computers => self.computers_ui(ui, homes, moment),
            StagingTab::History => {
                self.history.ui(ui, WindowId::Staging(self.id), None, moment, actions);
            }
        }
    }

    fn general_ui(
        &mut self,
        ui: &mut Ui,
        shown: &StagingShown<'_>,
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        show_scroll_bar(ui);
        ScrollArea::vertical().id_salt("staging general").auto_shrink(false).show(ui, |ui| {
            ui.set_width(ui.available_width() - 10.0);
            let may = shown.scope.write_refusal().is_none();
            ui.add_enabled_ui(may, |ui| self.form.general_ui(ui, Some(&self.row), false, false, actions));
            ui.horizontal(|ui| {
                let refused = if self.trial.is_running() {
                    Some("It is being tried".to_owned())
                } else {
                    self.form.address_refusal(Some(&self.row))
                };
                if button_unless(ui, "Try it", None, refused.as_deref()).clicked() {
                    self.trial = Trial::Trying(Box::new(self.form.clone()));
                    let new = Box::new(self.form.new_library());
                    actions.push(Action::Staging(StagingAction::Try(new, Some(self.id))));
                }
            });
            self.trial.ui(ui, &self.form);
            ui.add_space(4.0);
            value_row(ui, "Added", &moment.full(self.row.staging.added));
            value_row(ui, "Last reconcile", &reconciled_text(&self.row, moment).0);
            value_row(ui, "Identity", &self.id.to_string());
        });
    }

    fn line_tab_ui(&mut self, ui: &mut Ui, shown: &StagingShown<'_>, moment: Moment<'_>) {
        let may = shown.scope.write_refusal().is_none();
        ui.add_enabled_ui(may, |ui| self.form.line_ui(ui));
        let line = self.form.line().unwrap_or_default();
        if let Some(window) = line.window {
            let now = if is_open(&line, moment.now, moment.zone) {
                "The line is open now.".to_owned()
            } else {
                format!("The line is closed now and opens at {}.", opens_at(window))
            };
            value_row(ui, "", &now);
        }
        if let Some(time) = time_text(&line, 1 << 30) {
            value_row(ui, "", &sentence(&format!("{time} for 1 GiB.")));
        }
        ui.add_space(6.0);
        let text = "Both hold for what is staged there; what agents read from there is not limited by them. While the line is \
                    closed nothing is staged, unless Send now is chosen.";
        let colour = Tokens::of(ui).secondary;
        ui.add(Label::new(RichText::new(text).color(colour)).wrap());
    }

    fn computers_ui(&mut self, ui: &mut Ui, homes: &[Home], moment: Moment<'_>) {
        if homes.is_empty() {
            ui.add_space(6.0);
            let text = "It is the home of no computer. A computer, or a group of computers, gets a staging library in its \
                        properties; agents without one read where they were enrolled.";
            let colour = Tokens::of(ui).secondary;
            ui.add(Label::new(RichText::new(text).color(colour)).wrap());
            return;
        }
        let columns = [
            Column::text("Computer", 180.0).growing().unsortable(),
            Column::text("Home because", 240.0).unsortable(),
            Column::text("Reads", 130.0).unsortable(),
            Column::text("Last seen", 130.0).unsortable(),
        ];
        let rows = HomeRows { homes, moment };
        List::new("homes", "Computers", &columns, 24.0).show(ui, &mut self.computers, &rows, |_, _| ());
    }
}

struct HomeRows<'a> {
    homes: &'a [Home],
    moment: Moment<'a>,
}

impl Rows for HomeRows<'_> {
    fn len(&self) -> usize {
        self.homes.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(home) = self.homes.get(index) else { return Row::default() };
        let seen = home.seen.map_or_else(|| "never".to_owned(), |seen| self.moment.text(seen));
        let reads = if home.only { "only this one" } else { "this one first" };
        let name = format!("{}, {}, {reads}, last seen {seen}", home.computer, home.by.text());
        let cells = vec![
            Cell::new(home.computer.as_str()),
            Cell::secondary(home.by.text()),
            Cell::new(reads).tone(if home.only { Tone::Text } else { Tone::Secondary }),
            Cell::secondary(seen),
        ];
        Row { icon: Some((Icon::Computers, None)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.homes.get(index).map_or("", |home| home.computer.as_str())
    }
}
