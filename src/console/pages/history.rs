//! The page *History*: every event, the state of its chain, and its export.

use egui::{ComboBox, Frame, Margin, Panel, RichText, TextEdit, Ui};

use super::super::format;
use super::super::theme::Density;
use super::super::tokens::Tokens;
use super::super::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use super::packages::Moment;
use crate::package::history::ChainState;
use crate::package::{HistoryEntry, HistoryEvent};
use crate::session::HistoryFilter;

/// At most so many entries are read for the screen; an export has all.
pub const NEWEST: u32 = 20_000;

/// Columns of a list of events; `package` if it is about more than one.
pub fn columns(package: bool) -> Vec<Column> {
    let mut columns = vec![Column::text("Time", 142.0).unsortable()];
    if package {
        columns.push(Column::text("Package", 210.0).unsortable());
    }
    columns.extend([
        Column::text("Event", 166.0).unsortable(),
        Column::text("Who", 90.0).unsortable(),
        Column::text("Where", 150.0).unsortable(),
        Column::text("Reason, details", 200.0).growing().unsortable(),
    ]);
    columns
}

/// Rows of a list of events.
pub struct HistoryRows<'a> {
    /// All entries.
    pub entries: &'a [HistoryEntry],
    /// Which of them are shown.
    pub index: &'a [u32],
    /// The clock.
    pub moment: Moment<'a>,
    /// Whether the package is a column.
    pub package: bool,
}

impl Rows for HistoryRows<'_> {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let entry = &self.entries[self.index[index] as usize];
        let package = entry.package.as_ref().map(|key| key.title()).unwrap_or_default();
        let why = why(entry);
        let mut cells = vec![Cell::secondary(self.moment.full(entry.at))];
        let name = format!("{}, {package}, {why}", entry.event.word());
        if self.package {
            cells.push(Cell::new(package));
        }
        cells.extend([
            Cell::new(entry.event.word()),
            Cell::secondary(entry.who.as_str()),
            Cell::secondary(format!("{}, {}", entry.host, entry.how)),
            Cell::secondary(why),
        ]);
        Row { icon: None, cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.entries[self.index[index] as usize].event.word()
    }
}

/// Reason, details and differences in one line.
fn why(entry: &HistoryEntry) -> String {
    let differences = entry.differences.as_ref().map(|differences| differences.summary());
    let parts = [entry.reason.clone(), entry.details.clone(), differences];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// The page and what it remembers.
#[derive(Default)]
pub struct HistoryPage {
    entries: Vec<HistoryEntry>,
    index: Vec<u32>,
    /// Epoch of the view the entries were read at.
    pub read_at: Option<u64>,
    /// Whether they are being read.
    pub is_reading: bool,
    chain: Option<ChainState>,
    /// Whether the chain is being followed.
    pub is_verifying: bool,
    event: Option<HistoryEvent>,
    who: String,
    filtered: Option<(Option<HistoryEvent>, String)>,
    list: ListState,
}

impl HistoryPage {
    /// Takes over what was read, oldest first.
    pub fn set_entries(&mut self, mut entries: Vec<HistoryEntry>) {
        entries.reverse();
        self.entries = entries;
        self.filtered = None;
    }

    /// Takes over what following the chain found.
    pub fn set_chain(&mut self, chain: Option<ChainState>) {
        self.is_verifying = false;
        self.chain = chain;
    }

    /// What the page shows now, for an export of it.
    pub fn filter(&self) -> HistoryFilter {
        let who = self.who.trim();
        HistoryFilter {
            events: self.event.into_iter().collect(),
            who: (!who.is_empty()).then(|| who.to_owned()),
            ..HistoryFilter::default()
        }
    }

    /// How many entries are shown.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is shown.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn refresh(&mut self) {
        let wanted = (self.event, self.who.trim().to_lowercase());
        if self.filtered.as_ref() == Some(&wanted) {
            return;
        }
        let takes = |entry: &HistoryEntry| {
            wanted.0.is_none_or(|event| entry.event == event)
                && (wanted.1.is_empty() || entry.who.to_lowercase().contains(&wanted.1))
        };
        let rows = self.entries.iter().enumerate().filter(|(_, entry)| takes(entry));
        self.index = rows.filter_map(|(at, _)| u32::try_from(at).ok()).collect();
        self.list.selection = super::super::widgets::selection::Selection::default();
        self.filtered = Some(wanted);
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, moment: Moment<'_>, density: Density) {
        self.refresh();
        let frame = Frame::new().inner_margin(Margin::symmetric(10, 5));
        Panel::top("history tools").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.name_inputs("Event", |ui| {
                    let word = self.event.map_or("All events", HistoryEvent::word);
                    ComboBox::from_id_salt("event").width(170.0).selected_text(word).show_ui(ui, |ui| {
                        ui.selectable_value(&mut self.event, None, "All events");
                        for event in HistoryEvent::ALL {
                            ui.selectable_value(&mut self.event, Some(event), event.word());
                        }
                    });
                });
                ui.name_inputs("Who", |ui| {
                    ui.add(
                        TextEdit::singleline(&mut self.who)
                            .hint_text("Who")
                            .desired_width(110.0)
                            .align(egui::Align2::LEFT_CENTER),
                    )
                });
                let tokens = Tokens::of(ui);
                let (text, colour) = match (&self.chain, self.is_verifying) {
                    (_, true) => ("Following the chain…".to_owned(), tokens.secondary),
                    (Some(ChainState::Verified { entries }), _) => {
                        (format!("Chain verified: {} entries", format::thousands(*entries)), tokens.text)
                    }
                    (Some(ChainState::Broken { number, why }), _) => {
                        (format!("Chain broken at entry {number}: {why}"), tokens.bad)
                    }
                    (None, _) => (String::new(), tokens.secondary),
                };
                ui.label(RichText::new(text).color(colour));
            });
        });
        let rows = HistoryRows { entries: &self.entries, index: &self.index, moment, package: true };
        List::new("history", "History", &columns(true), density.row_height()).show(
            ui,
            &mut self.list,
            &rows,
            |_, _| (),
        );
    }
}
