//! The page *History*: the events that pass a filter, the selected one with all that is known of it, and the state of
//! the chain.
//!
//! Owns what is looked for; the library does the looking, so that the filter of the page and of an export are one.

mod details;
mod filter;

use egui::{Frame, Margin, Panel, RichText, Ui};

use super::super::action::Action;
use super::super::format;
use super::super::theme::Density;
use super::super::tokens::Tokens;
use super::super::widgets::button::link;
use super::super::widgets::list::{Cell, Column, List, ListState, Row, Rows};
use super::super::widgets::selection::Selection;
use super::packages::Moment;
use crate::package::HistoryEntry;
use crate::package::history::ChainState;
use crate::session::{HistoryDetails, HistoryFilter};
use filter::Wanted;

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
    people: Vec<String>,
    /// Epoch of the view and filter the entries were read with.
    read: Option<(u64, HistoryFilter)>,
    is_reading: bool,
    chain: Option<ChainState>,
    /// Whether the chain is being followed.
    pub is_verifying: bool,
    was_verified: bool,
    wanted: Wanted,
    list: ListState,
    /// All about the selected entry; `None` while it is being read.
    details: Option<(u64, Option<HistoryDetails>)>,
}

impl HistoryPage {
    /// The filter to read entries with now, if those of `epoch` are not there yet.
    pub fn to_read(&mut self, epoch: u64) -> Option<HistoryFilter> {
        let filter = self.filter();
        let is_there = self.read.as_ref().is_some_and(|read| (read.0, &read.1) == (epoch, &filter));
        if self.is_reading || is_there {
            return None;
        }
        self.is_reading = true;
        self.read = Some((epoch, filter.clone()));
        Some(filter)
    }

    /// Whether the chain is to be followed now: once by itself.
    pub fn starts_verifying(&mut self) -> bool {
        !std::mem::replace(&mut self.was_verified, true) && !self.is_verifying
    }

    /// The number of the entry that is to be read now.
    pub fn details_to_read(&mut self) -> Option<u64> {
        let number = self.selected()?.number;
        if self.details.as_ref().is_some_and(|(known, _)| *known == number) {
            return None;
        }
        self.details = Some((number, None));
        Some(number)
    }

    /// Takes over what was read, oldest first, and who is in History; nothing if it could not be read.
    pub fn set_entries(&mut self, read: Option<(Vec<HistoryEntry>, Vec<String>)>) {
        self.is_reading = false;
        let Some((mut entries, people)) = read else { return };
        entries.reverse();
        // Entries come newest first, with falling numbers: what is selected stays so.
        let before = std::mem::replace(&mut self.entries, entries);
        let place = |row: usize| {
            let number = before.get(row)?.number;
            self.entries.binary_search_by(|entry| number.cmp(&entry.number)).ok()
        };
        self.list.selection.remap(self.entries.len(), place);
        self.index = (0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX)).collect();
        self.people = people;
    }

    /// Takes over all about one entry.
    pub fn set_details(&mut self, number: u64, read: Option<HistoryDetails>) {
        if let Some((known, details)) = &mut self.details
            && *known == number
        {
            *details = read;
        }
    }

    /// Takes over what following the chain found.
    pub fn set_chain(&mut self, chain: Option<ChainState>) {
        self.is_verifying = false;
        self.chain = chain;
    }

    /// What the page shows now, for an export of it.
    pub fn filter(&self) -> HistoryFilter {
        self.wanted.filter.clone()
    }

    /// How many entries are shown.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is shown.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The entry that is selected alone.
    fn selected(&self) -> Option<&HistoryEntry> {
        let mut rows = self.list.selection.rows();
        let row = rows.next()?;
        if rows.next().is_some() { None } else { self.entries.get(row) }
    }

    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, moment: Moment<'_>, density: Density, actions: &mut Vec<Action>) {
        let frame = Frame::new().inner_margin(Margin { left: 10, right: 10, top: 7, bottom: 5 });
        Panel::top("history tools").frame(frame).show_separator_line(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            self.wanted.ui(ui, &self.people, moment);
            self.chain_ui(ui);
        });
        self.details_ui(ui, moment, actions);
        let rows = HistoryRows { entries: &self.entries, index: &self.index, moment, package: true };
        let done = List::new("history", "History", &columns(true), density.row_height()).show(
            ui,
            &mut self.list,
            &rows,
            |_, _| (),
        );
        let copies = ui.input(|input| input.events.contains(&egui::Event::Copy));
        if copies && done.response.has_focus() && !self.list.selection.is_empty() {
            actions.push(Action::Copy(self.as_text(moment)));
        }
        if self.is_empty() && !self.is_reading {
            let text = if self.wanted.filter == HistoryFilter::default() {
                "Nothing has happened yet."
            } else {
                "No event passes the filter."
            };
            let line = egui::Rect::from_center_size(done.response.rect.center(), egui::vec2(600.0, 24.0));
            let colour = Tokens::of(ui).secondary;
            ui.put(line, egui::Label::new(RichText::new(text).color(colour)));
        }
    }

    /// The state of the chain; a broken one leads to the entry that does not fit.
    fn chain_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let (text, colour, broken) = match (&self.chain, self.is_verifying) {
            (_, true) => ("Following the chain…".to_owned(), tokens.secondary, None),
            (Some(ChainState::Verified { entries }), _) => {
                let noun = if *entries == 1 { "entry" } else { "entries" };
                let text = format!("Chain verified: {} {noun}", format::thousands(*entries));
                (text, tokens.secondary, None)
            }
            (Some(ChainState::Broken { number, why }), _) => {
                (format!("Chain broken at entry {number}: {why}"), tokens.bad, Some(*number))
            }
            (None, _) => ("The chain was not followed yet".to_owned(), tokens.secondary, None),
        };
        ui.horizontal(|ui| {
            ui.label(RichText::new(text).color(colour));
            let row = broken
                .and_then(|broken| self.entries.binary_search_by(|entry| broken.cmp(&entry.number)).ok());
            if let Some(row) = row
                && link(ui, "Show it").clicked()
            {
                self.list.selection = Selection::one(row);
                self.list.scroll_to(row);
            }
        });
    }
}
