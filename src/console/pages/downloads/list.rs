//! The rows of the list of downloads.

use std::time::Duration;

use super::words;
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tone;
use crate::console::widgets::list::{Cell, Column, Row, Rows};
use crate::package::download::DownloadState;
use crate::session::DownloadRow;

/// The columns.
pub(super) fn columns() -> [Column; 8] {
    [
        Column::text("Package", 158.0).unsortable(),
        Column::text("State", 200.0).growing().unsortable(),
        Column::text("Progress", 150.0).unsortable(),
        Column::number("Done", 114.0).unsortable(),
        Column::number("Rate", 84.0).unsortable(),
        Column::number("Time left", 76.0).unsortable(),
        Column::text("Codebases", 84.0).unsortable(),
        Column::number("Fetched again", 100.0).unsortable(),
    ]
}

/// All downloads, `waited` after they were read.
pub(super) struct DownloadRows<'a> {
    pub(super) rows: &'a [DownloadRow],
    pub(super) waited: Duration,
    pub(super) moment: Moment<'a>,
}

impl DownloadRows<'_> {
    fn texts(&self, row: &DownloadRow) -> [String; 8] {
        [
            row.title.clone(),
            words::state_text(row, self.waited, self.moment.now, self.moment.zone),
            words::percent(row.done_bytes, row.total_bytes, row.state),
            words::done(row.done_bytes, row.total_bytes),
            words::rate(row.rate_bytes_per_s),
            words::left(row.left, row.state),
            words::codebases(row.codebases_usable, row.codebases),
            words::fetched_again(row.fetched_again_bytes),
        ]
    }

    /// The rows at these places as text with a header, for the clipboard.
    pub(super) fn copied(&self, places: impl Iterator<Item = usize>) -> String {
        let titles: Vec<String> = columns().iter().map(|column| column.title.to_string()).collect();
        let mut text = titles.join("\t") + "\n";
        for row in places.filter_map(|place| self.rows.get(place)) {
            let cells = self.texts(row).map(|cell| cell.replace(char::is_control, " "));
            text.push_str(&(cells.join("\t") + "\n"));
        }
        text
    }
}

impl Rows for DownloadRows<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(row) = self.rows.get(index) else { return Row::default() };
        let [title, state, percent, done, rate, left, codebases, again] = self.texts(row);
        let name = format!("{title}, {state}, {percent}, {done}");
        let part = words::fraction(row.done_bytes, row.total_bytes, row.state);
        let retry = (row.state == DownloadState::Retrying).then_some("Retry now");
        let quiet = |text: String| if text == "–" { Cell::secondary(text) } else { Cell::new(text) };
        let cells = vec![
            Cell::new(title),
            Cell::new(state).tone(words::tone(row.state)).link(retry),
            Cell::secondary(percent).bar(part, words::bar_tone(row.state)),
            Cell::new(done),
            quiet(rate),
            quiet(left),
            Cell::secondary(codebases),
            Cell::new(again).tone(Tone::Text),
        ];
        Row { icon: Some((words::icon(row), None)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.rows.get(index).map_or("", |row| row.title.as_str())
    }
}
