//! The property window of several packages: what they have in common, and changes of all of them at once.
//!
//! A field in which they differ is empty and says "(different)"; what is typed there goes to all. What a package's
//! state does not allow is passed over, and said.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use egui::{Align, Layout, RichText, ScrollArea, TextEdit, Ui};

use super::common::Common;
use super::draft::Part;
use super::frame::{self, Around, Asked, Title, WindowFrame, closing_ui, tab_area_ui, tabs_ui};
use super::outcome::{Outcome, outcome_ui};
use super::several_delivery::{self, SeveralWhereabouts};
use super::{HistoryTab, Tab, WindowId, elsewhere_ui};
use crate::console::action::Action;
use crate::console::dialogs::several::SwitchOffSeveral;
use crate::console::format;
use crate::console::pages::packages::{Moment, consistency_text, icon_of};
use crate::console::selected::Selected;
use crate::console::tasks::TaskId;
use crate::console::theme::semibold;
use crate::console::tokens::{Tokens, Tone};
use crate::console::widgets::button::{button, link};
use crate::console::widgets::field_row::{field_row, labelled_row, value_row};
use crate::console::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use crate::package::record::{PackageId, PackageSummary};
use crate::package::{CheckKind, CheckReport, PackageList, PackageState};
use crate::session::{SeveralEdit, SwitchEdit};

const DIFFERENT: &str = "(different)";
const TABS: [Tab; 4] = [Tab::General, Tab::Consistency, Tab::Delivery, Tab::History];

/// What was done in a window of several packages.
pub enum SeveralAction {
    /// Carries out what was changed; closes the window afterwards if asked to.
    Apply {
        /// Whether the window closes when all is done.
        close: bool,
    },
    /// The same, with the reason for which checksum control is switched off.
    ApplyOff {
        /// Why.
        reason: String,
        /// Whether the window closes when all is done.
        close: bool,
    },
    /// Asks if something would be lost, and closes the window.
    Close,
    /// Closes it.
    Discard,
    /// Puts the tick back to where it was.
    ForgetSwitch,
    /// Opens the window of one of them on the differences that keep its checksum control off.
    ShowDifferences(PackageId, Box<CheckReport>),
}

/// Where the packages are taken from.
#[derive(Clone)]
enum Source {
    /// The selection, as the window was opened.
    Selected(Arc<Selected>),
    /// Those that were still there the last time.
    Common(Arc<Common>),
}

/// The fields that were changed; `None` leaves each package as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Draft {
    supplier: Option<String>,
    group: Option<String>,
    comment: Option<String>,
    control: Option<bool>,
}

/// The window.
pub struct SeveralWindow {
    /// Which.
    pub number: u64,
    /// What was selected then; its packages are not kept for it.
    opened_for: Weak<Selected>,
    source: Source,
    common: Option<Arc<Common>>,
    is_gathering: bool,
    tab: Tab,
    draft: Draft,
    /// Edited fields that another value came into in the library meanwhile.
    elsewhere: BTreeSet<Part>,
    applying: Option<TaskId>,
    is_saving: bool,
    close_when_done: bool,
    outcome: Option<Outcome>,
    list: ListState,
    delivery: several_delivery::State,
    history: HistoryTab,
    frame: WindowFrame,
}

impl SeveralWindow {
    /// A window of what is selected; `order` windows are open already.
    pub fn new(
        number: u64,
        selected: Arc<Selected>,
        last_tab: Tab,
        order: usize,
        size: Option<[f32; 2]>,
    ) -> Self {
        let tab = if selected.blocked() > 0 { Tab::Consistency } else { last_tab };
        Self {
            number,
            opened_for: Arc::downgrade(&selected),
            source: Source::Selected(selected),
            common: None,
            is_gathering: false,
            tab: if TABS.contains(&tab) { tab } else { Tab::General },
            draft: Draft::default(),
            elsewhere: BTreeSet::new(),
            applying: None,
            is_saving: false,
            close_when_done: false,
            outcome: None,
            list: ListState::default(),
            delivery: several_delivery::State::default(),
            history: HistoryTab::default(),
            frame: WindowFrame::new(order, size),
        }
    }

    /// Whether it was opened for this selection.
    pub fn is_of(&self, selected: &Arc<Selected>) -> bool {
        std::ptr::eq(self.opened_for.as_ptr(), Arc::as_ptr(selected))
    }

    /// The tab that is shown.
    pub fn tab(&self) -> Tab {
        self.tab
    }

    /// Where the packages are may have changed.
    pub fn age_delivery(&mut self) {
        self.delivery.old = true;
    }

    /// Takes over where the packages are, or why that cannot be said.
    pub fn set_whereabouts(&mut self, read: SeveralWhereabouts) {
        self.delivery.set(read);
    }

    /// The tab *History*.
    pub fn history(&mut self) -> &mut HistoryTab {
        &mut self.history
    }

    /// Its size in points, once it was shown.
    pub fn size(&self) -> Option<[f32; 2]> {
        self.frame.size()
    }

    /// Brings the window in front of the others.
    pub fn bring_to_front(&mut self) {
        self.frame.to_front = true;
    }

    /// The packages, once they were looked up.
    pub fn ids(&self) -> Option<&[PackageId]> {
        self.common.as_deref().map(|common| common.ids.as_slice())
    }

    /// What has to be done on another thread so that the window follows the library; nothing if it is up to date.
    pub fn to_gather(&mut self, list: &Arc<PackageList>) -> Option<impl FnOnce() -> Common + Send + use<>> {
        let is_new = self.common.as_ref().is_some_and(|common| Arc::ptr_eq(&common.list, list));
        if is_new || self.is_gathering {
            return None;
        }
        self.is_gathering = true;
        let (source, list) = (self.source.clone(), Arc::clone(list));
        Some(move || match source {
            Source::Selected(selected) => Common::of(list, &selected.ids()),
            Source::Common(common) => common.again(list),
        })
    }

    /// Takes over what was gathered; whether any package is left.
    pub fn set_common(&mut self, common: Option<Common>) -> bool {
        self.is_gathering = false;
        let Some(common) = common.map(Arc::new) else { return true };
        // What this window changes itself is not changed elsewhere.
        if !self.is_saving {
            self.elsewhere.extend(common.changed.iter().copied());
        }
        self.source = Source::Common(Arc::clone(&common));
        self.history.old = true;
        self.delivery.old = true;
        let is_left = common.len() > 0;
        self.common = Some(common);
        self.tidy();
        is_left
    }

    /// A field that has the value of all of them again is not changed.
    fn tidy(&mut self) {
        let Some(common) = &self.common else { return };
        let text = |draft: &mut Option<String>, same: &Option<String>| {
            if draft.is_some() && draft == same {
                *draft = None;
            }
        };
        text(&mut self.draft.supplier, &common.supplier);
        text(&mut self.draft.group, &common.group);
        text(&mut self.draft.comment, &common.comment);
        // Only what was edited can meet another value.
        let draft = &self.draft;
        self.elsewhere.retain(|part| match part {
            Part::Supplier => draft.supplier.is_some(),
            Part::Group => draft.group.is_some(),
            Part::Comment => draft.comment.is_some(),
            _ => draft.control.is_some(),
        });
        if self.draft.control.is_some() && self.draft.control == common.control {
            self.draft.control = None;
        }
    }

    /// Whether anything was changed and not applied.
    pub fn is_changed(&self) -> bool {
        self.draft != Draft::default()
    }

    /// `12 packages`.
    pub fn title(&self) -> String {
        let count = match &self.source {
            Source::Selected(selected) => selected.len(),
            Source::Common(common) => common.len(),
        };
        format::counted(count as u64, "package")
    }

    /// What is to be applied; the reason is there once it was asked for.
    pub fn edit(&self, reason: Option<String>) -> SeveralEdit {
        let checksum_control = match (self.draft.control, reason) {
            (Some(true), _) => Some(SwitchEdit::On),
            (Some(false), Some(reason)) => Some(SwitchEdit::Off { reason }),
            _ => None,
        };
        SeveralEdit {
            group: self.draft.group.clone(),
            comment: self.draft.comment.clone(),
            supplier: self.draft.supplier.clone(),
            checksum_control,
        }
    }

    /// The question to ask before anything is applied: the reason for switching off.
    pub fn question(&self, close: bool) -> Option<SwitchOffSeveral> {
        let common = self.common.as_ref()?;
        (self.draft.control == Some(false)).then(|| {
            let sealed = common.in_state(PackageState::Sealed);
            SwitchOffSeveral::new(self.number, common.controlled, sealed > 0, common.blocked, close)
        })
    }

    /// Puts the tick back to where it was.
    pub fn forget_switch(&mut self) {
        self.draft.control = None;
    }

    /// Remembers that changes are being applied.
    pub fn set_applying(&mut self, task: TaskId, close: bool) {
        self.applying = Some(task);
        self.is_saving = true;
        self.close_when_done = close;
        self.outcome = None;
    }

    /// The changes could not even be tried.
    pub fn end_applying(&mut self) {
        self.is_saving = false;
    }

    /// Takes over what became of the changes; whether the window closes.
    pub fn set_outcome(&mut self, outcome: Outcome) -> bool {
        self.draft = Draft::default();
        self.elsewhere.clear();
        self.is_saving = false;
        let closes = self.close_when_done && outcome.is_fine();
        self.outcome = Some(outcome);
        closes
    }

    /// Shows the window; returns whether a press of the pointer went to it.
    pub fn show(&mut self, around: &Around<'_>, is_active: bool, actions: &mut Vec<Action>) -> bool {
        let ctx = around.ctx;
        let text = format!("{} - Properties", self.title());
        let title = Title { text: &text, icon: self.common.as_ref().and_then(|common| common.icon) };
        let is_popup_open = egui::Popup::is_any_open(ctx);
        let mut frame = std::mem::replace(&mut self.frame, WindowFrame::new(0, None));
        let shown = frame.show(ctx, title, |ui| self.window_ui(ui, around, actions));
        self.frame = frame;
        if shown.is_closed {
            self.ask(Asked::Close, actions);
        }
        if is_active && let Some(asked) = frame::keys(ctx, &TABS, &mut self.tab, is_popup_open) {
            self.ask(asked, actions);
        }
        shown.is_pressed
    }

    fn ask(&self, asked: Asked, actions: &mut Vec<Action>) {
        let action = match asked {
            Asked::Close => SeveralAction::Close,
            Asked::Discard => SeveralAction::Discard,
            Asked::Apply { close } => SeveralAction::Apply { close },
            Asked::Check(kind) => {
                let checked = self.common.as_ref().map(|common| Action::Check(common.ids.clone(), kind));
                return actions.extend(checked);
            }
        };
        actions.push(Action::Several(self.number, action));
    }

    fn window_ui(&mut self, ui: &mut Ui, around: &Around<'_>, actions: &mut Vec<Action>) {
        let moment = around.moment;
        let common = self.common.clone();
        if let Some(common) = &common {
            let size = egui::TextStyle::Body.resolve(ui.style()).size;
            let tokens = Tokens::of(ui);
            ui.label(RichText::new(common.states()).font(semibold(size)).color(tokens.text));
        }
        let blocked = common.as_ref().is_some_and(|common| common.blocked > 0);
        tabs_ui(ui, &TABS, &mut self.tab, |tab| tab == Tab::Consistency && blocked);
        tab_area_ui(ui, |ui| {
            let Some(common) = &common else {
                ui.weak("Reading the packages…");
                return;
            };
            let below = match &self.outcome {
                Some(outcome) if !outcome.is_fine() => 130.0,
                Some(_) => 26.0,
                None => 0.0,
            };
            let size = egui::vec2(ui.available_width(), (ui.available_height() - below).max(60.0));
            ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                ui.set_min_size(size);
                ui.set_max_size(size);
                match self.tab {
                    Tab::Consistency => self.consistency_ui(ui, common, moment, actions),
                    Tab::History => {
                        self.history.ui(ui, WindowId::Several(self.number), None, moment, actions);
                    }
                    Tab::Delivery => self.delivery.ui(ui, self.number, common, actions),
                    _ => self.general_ui(ui, common),
                }
            });
            if let Some(outcome) = &self.outcome {
                outcome_ui(ui, outcome, self.number, actions);
            }
        });
        let is_busy = self.applying.is_some_and(|task| around.tasks.is_running(task));
        if let Some(asked) = closing_ui(ui, around.desktop, is_busy, self.is_changed()) {
            self.ask(asked, actions);
        }
    }

    fn general_ui(&mut self, ui: &mut Ui, common: &Common) {
        crate::console::dialogs::show_scroll_bar(ui);
        let mut go = false;
        ScrollArea::vertical().id_salt("general").auto_shrink(false).show(ui, |ui| {
            ui.set_width(ui.available_width() - 10.0);
            let fact = |ui: &mut Ui, label: &str, same: Option<&str>| match same {
                Some("") => value_row(ui, label, "–"),
                Some(text) => value_row(ui, label, text),
                None => {
                    field_row(ui, label, |ui| {
                        let colour = Tokens::of(ui).secondary;
                        ui.label(RichText::new(DIFFERENT).color(colour))
                    })
                    .inner
                }
            };
            fact(ui, "Name", common.name.as_deref());
            fact(ui, "Version", common.version.as_deref());
            let (draft, elsewhere) = (&mut self.draft, &self.elsewhere);
            let is = |part| elsewhere.contains(&part);
            let open = common.in_state(PackageState::Open);
            if open == 0 {
                let why = "None of the packages is open. New version… or Unseal… changes that";
                fact(ui, "Supplier", common.supplier.as_deref()).on_hover_text(why);
            } else {
                several_row(ui, "Supplier", &common.supplier, &mut draft.supplier, 1, is(Part::Supplier));
                if open < common.len() && draft.supplier.is_some() {
                    let open = format::thousands(open as u64);
                    hint_ui(ui, &format!("Changes the {open} open ones; the others are passed over"));
                }
            }
            several_row(ui, "Group", &common.group, &mut draft.group, 1, is(Part::Group));
            several_row(ui, "Comment", &common.comment, &mut draft.comment, 3, is(Part::Comment));
            fact(ui, "Type", common.package_type.map(|kind| kind.word()));
            fact(ui, "State", Some(&common.states()));
            if common.retired > 0 {
                let retired = format!("{} of them", format::thousands(common.retired as u64));
                fact(ui, "Retired", Some(&retired));
            }
            let size = format!(
                "{} {} · {}",
                format::thousands(common.files),
                if common.files == 1 { "file" } else { "files" },
                format::exact_size(common.size_bytes)
            );
            fact(ui, "Files, size", Some(&size));
            fact(ui, "Filed by", common.filed_by.as_deref());
            field_row(ui, "Consistency", |ui| {
                go = link(ui, &common.findings()).clicked();
            });
        });
        if go {
            self.tab = Tab::Consistency;
        }
        self.tidy();
    }

    fn consistency_ui(
        &mut self,
        ui: &mut Ui,
        common: &Common,
        moment: Moment<'_>,
        actions: &mut Vec<Action>,
    ) {
        const LABEL: &str = "Checksum control of package consistency";
        let archived = common.in_state(PackageState::Archived);
        if archived == common.len() {
            let mut control = common.control.unwrap_or(false);
            ui.add_enabled(
                false,
                egui::Checkbox::new(&mut control, LABEL).indeterminate(common.control.is_none()),
            )
            .on_disabled_hover_text("The packages are archived: decided on restore");
        } else {
            ui.horizontal(|ui| {
                let shown = self.draft.control.or(common.control);
                let mut control = shown.unwrap_or(false);
                let tick = egui::Checkbox::new(&mut control, LABEL).indeterminate(shown.is_none());
                if ui.add(tick).changed() {
                    self.draft.control = Some(control);
                }
                if self.draft.control.is_some() && common.control.is_none() && link(ui, "Undo").clicked() {
                    self.draft.control = None;
                }
                if self.elsewhere.contains(&Part::Control) {
                    elsewhere_ui(ui, "");
                }
            });
            let [on, all] = [common.controlled, common.len()].map(|n| format::thousands(n as u64));
            let mut text = match common.control {
                Some(true) => "On for all of them".to_owned(),
                Some(false) => "Off for all of them".to_owned(),
                None => format!("On for {on} of {all}"),
            };
            if archived > 0 {
                let archived = format::thousands(archived as u64);
                text.push_str(&format!(". {archived} archived: decided on restore"));
            }
            hint_ui(ui, &text);
        }
        self.tidy();
        let buttons = 40.0;
        let size = egui::vec2(ui.available_width(), (ui.available_height() - buttons).max(60.0));
        ui.allocate_ui(size, |ui| {
            ui.set_min_size(size);
            let columns = [
                Column::text("Package", 220.0).growing().unsortable(),
                Column::text("State", 90.0).unsortable(),
                Column::text("Checksum control", 130.0).unsortable(),
                Column::text("Finding", 200.0).unsortable(),
            ];
            let rows = PackageRows { rows: &common.rows, moment };
            let list = List::new("several packages", "Packages of this window", &columns, 24.0);
            let done = list.show(ui, &mut self.list, &rows, |_, _| ());
            if let Some(row) = done.opened.and_then(|row| common.rows.get(row)) {
                actions.push(Action::Open(row.id));
            }
        });
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let quick = button(ui, "Quick check")
                .on_hover_text("Compare names and sizes with the recorded checksum (F5)");
            if quick.clicked() {
                actions.push(Action::Check(common.ids.clone(), CheckKind::Quick));
            }
            let deep =
                button(ui, "Deep check").on_hover_text("Read every file and compare its hashes (Shift+F5)");
            if deep.clicked() {
                actions.push(Action::Check(common.ids.clone(), CheckKind::Deep));
            }
            let colour = Tokens::of(ui).secondary;
            ui.label(RichText::new(common.findings()).color(colour));
        });
    }
}

/// A field of all of them. What is typed goes to all; *Undo* leaves each as it is.
fn several_row(
    ui: &mut Ui,
    label: &str,
    same: &Option<String>,
    draft: &mut Option<String>,
    lines: usize,
    is_elsewhere: bool,
) {
    labelled_row(ui, label, |ui, name| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if draft.is_some() {
                let undo = link(ui, "Undo").on_hover_text("Leave each package as it is");
                undo.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::Link, true, format!("Undo {label}"))
                });
                if undo.clicked() {
                    *draft = None;
                }
            }
            if is_elsewhere {
                elsewhere_ui(ui, same.as_deref().unwrap_or(DIFFERENT));
            }
            let mut text = draft.clone().or_else(|| same.clone()).unwrap_or_default();
            let hint = if same.is_none() && draft.is_none() { DIFFERENT } else { "" };
            let width = ui.available_width();
            let field = if lines > 1 {
                TextEdit::multiline(&mut text).desired_rows(lines)
            } else {
                TextEdit::singleline(&mut text).align(egui::Align2::LEFT_CENTER)
            };
            let field = ui.add(field.hint_text(hint).desired_width(width)).labelled_by(name);
            if field.changed() {
                *draft = Some(text);
            }
        });
    });
}

fn hint_ui(ui: &mut Ui, text: &str) {
    let colour = Tokens::of(ui).secondary;
    ui.label(RichText::new(text).small().color(colour));
}

struct PackageRows<'a> {
    rows: &'a [Arc<PackageSummary>],
    moment: Moment<'a>,
}

impl Rows for PackageRows<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let package = &self.rows[index];
        let (finding, tone) = consistency_text(package, self.moment);
        let control = if package.checksum_control { "on" } else { "off" };
        let title = package.key.title();
        let name = format!("{title}, {}, checksum control {control}, {finding}", package.state.word()).into();
        Row {
            icon: Some(icon_of(package)),
            cells: vec![
                Cell::new(title),
                Cell::secondary(package.state.word()),
                Cell::new(control).tone(if package.checksum_control { Tone::Secondary } else { Tone::Busy }),
                Cell::new(finding).tone(tone),
            ],
            name,
        }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.rows[index].key.name()
    }
}
