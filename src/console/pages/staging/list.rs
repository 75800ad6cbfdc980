//! The rows of the list of staging libraries, and their order.

use std::cmp::Ordering;

use super::{Known, Reaches};
use crate::console::format;
use crate::console::icons::{Icon, Mark};
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tone;
use crate::console::widgets::list::{Cell, Column, Row, Rows, Sort};
use crate::session::StagingRow;

use super::words::{packages, rate_text, reach_text, reconciled_text, window_text};

/// The columns. Together they fit a window of 1280 points beside the tree.
pub(super) fn columns() -> [Column; 8] {
    [
        Column::text("Staging library", 150.0).growing_by(2),
        Column::text("Address", 150.0).growing_by(2),
        Column::text("Reachable", 130.0).growing_by(1),
        Column::number("Packages", 76.0),
        Column::text("Outdated", 116.0),
        Column::text("Rate limit", 84.0),
        Column::text("Window", 100.0),
        Column::text("Last reconcile", 170.0).growing_by(2),
    ]
}

/// Places of the staging libraries in their order.
pub(super) fn index(known: &Known, reaches: &Reaches, sort: Option<Sort>) -> Vec<u32> {
    let mut index: Vec<u32> = (0..u32::try_from(known.libraries.len()).unwrap_or(u32::MAX)).collect();
    if let Some(sort) = sort {
        index.sort_by(|a, b| {
            let (a, b) = (&known.libraries[*a as usize], &known.libraries[*b as usize]);
            let order = compare(a, b, sort.column, reaches);
            if sort.descending { order.reverse() } else { order }
        });
    }
    index
}

fn compare(a: &StagingRow, b: &StagingRow, column: usize, reaches: &Reaches) -> Ordering {
    let line = |row: &StagingRow| row.staging.line.window.map(|window| window.to_string());
    let reach = |row: &StagingRow| reach_text(reaches.get(&row.staging.id)).0;
    match column {
        1 => a.staging.write.cmp(&b.staging.write),
        2 => reach(a).cmp(&reach(b)),
        3 => a.copies.cmp(&b.copies),
        4 => a.outdated.cmp(&b.outdated),
        5 => a.staging.line.bytes_per_second.cmp(&b.staging.line.bytes_per_second),
        6 => line(a).cmp(&line(b)),
        7 => a.staging.reconciled.map(|found| found.at).cmp(&b.staging.reconciled.map(|found| found.at)),
        _ => a.staging.name.to_lowercase().cmp(&b.staging.name.to_lowercase()),
    }
}

/// The staging libraries that are shown.
pub(super) struct StagingRows<'a> {
    pub(super) known: &'a Known,
    pub(super) reaches: &'a Reaches,
    pub(super) index: &'a [u32],
    pub(super) moment: Moment<'a>,
}

impl StagingRows<'_> {
    fn at(&self, index: usize) -> Option<&StagingRow> {
        self.known.libraries.get(*self.index.get(index)? as usize)
    }

    fn texts(&self, row: &StagingRow) -> [(String, Tone); 8] {
        let plain = |text: String| (text, Tone::Secondary);
        let outdated = match (row.outdated, row.not_whole) {
            (0, 0) => plain("0".to_owned()),
            (outdated, 0) => (format::thousands(outdated), Tone::Busy),
            (0, broken) => (format!("{} not whole", format::thousands(broken)), Tone::Bad),
            (outdated, broken) => (format!("{outdated}, {broken} not whole"), Tone::Bad),
        };
        [
            (row.staging.name.clone(), Tone::Text),
            plain(row.staging.write.clone()),
            reach_text(self.reaches.get(&row.staging.id)),
            plain(format::thousands(row.copies)),
            outdated,
            plain(rate_text(&row.staging.line)),
            plain(window_text(&row.staging.line)),
            reconciled_text(row, self.moment),
        ]
    }

    /// The rows at these places as text with a header, for the clipboard.
    pub(super) fn copied(&self, places: impl Iterator<Item = usize>) -> String {
        let titles: Vec<String> = columns().iter().map(|column| column.title.to_string()).collect();
        let mut text = titles.join("\t") + "\n";
        for row in places.filter_map(|place| self.at(place)) {
            let cells = self.texts(row).map(|(cell, _)| cell.replace(char::is_control, " "));
            text.push_str(&(cells.join("\t") + "\n"));
        }
        text
    }
}

impl Rows for StagingRows<'_> {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(row) = self.at(index) else { return Row::default() };
        let texts = self.texts(row);
        let [(name, _), (address, _), (reach, _), _, (outdated, _), ..] = &texts;
        let tests = if row.staging.for_tests { ", for test computers" } else { "" };
        let said = format!(
            "{name}{tests}, {address}, reachable {reach}, {}, {outdated} outdated, reconciled {}",
            packages(row.copies),
            texts[7].0
        );
        let is_bad = texts.iter().any(|(_, tone)| *tone == Tone::Bad);
        let mut cells: Vec<Cell<'_>> =
            texts.into_iter().map(|(text, tone)| Cell::new(text).tone(tone)).collect();
        if row.staging.for_tests
            && let Some(cell) = cells.first_mut()
        {
            cell.text = format!("{} (test)", cell.text).into();
        }
        let mark = (is_bad || row.outdated > 0).then_some(Mark::Differs);
        Row { icon: Some((Icon::Staging, mark)), cells, name: said.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.at(index).map_or("", |row| row.staging.name.as_str())
    }
}
