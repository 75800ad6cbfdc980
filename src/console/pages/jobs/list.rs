//! The rows of the list of jobs.

use super::words;
use crate::console::format;
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tone;
use crate::console::widgets::list::{Cell, Column, Row, Rows};
use crate::session::ContainerView;

/// The columns.
pub(super) fn columns() -> [Column; 9] {
    [
        Column::text("Job", 210.0).growing().unsortable(),
        Column::text("State", 170.0).unsortable(),
        Column::text("Progress", 110.0).unsortable(),
        Column::number("Waiting", 68.0).unsortable(),
        Column::number("Active", 60.0).unsortable(),
        Column::number("Halted", 60.0).unsortable(),
        Column::number("OK", 60.0).unsortable(),
        Column::number("Error", 60.0).unsortable(),
        Column::text("Set up", 122.0).unsortable(),
    ]
}

/// All jobs, the newest first.
pub(super) struct ContainerRows<'a> {
    pub(super) rows: &'a [ContainerView],
    pub(super) moment: Moment<'a>,
}

impl ContainerRows<'_> {
    fn texts(&self, view: &ContainerView) -> [String; 9] {
        let totals = &view.totals;
        let count = |count: u64| if count == 0 { "–".to_owned() } else { format::thousands(count) };
        [
            view.name.clone(),
            words::state_text(view, self.moment),
            words::percent(totals),
            count(totals.waiting),
            count(totals.ordered + totals.staged + totals.executing),
            count(totals.halted),
            count(totals.ok),
            count(totals.error),
            self.moment.text(view.created),
        ]
    }

    /// The rows at these places as text with a header, for the clipboard.
    pub(super) fn copied(&self, places: impl Iterator<Item = usize>) -> String {
        let titles: Vec<String> = columns().iter().map(|column| column.title.to_string()).collect();
        let mut text = titles.join("\t") + "\n";
        for view in places.filter_map(|place| self.rows.get(place)) {
            let cells = self.texts(view).map(|cell| cell.replace(char::is_control, " "));
            text.push_str(&(cells.join("\t") + "\n"));
        }
        text
    }
}

impl Rows for ContainerRows<'_> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(view) = self.rows.get(index) else { return Row::default() };
        let [name, state, percent, waiting, active, halted, ok, error, created] = self.texts(view);
        let said = format!(
            "{name}, {state}, {percent}, {waiting} waiting, {active} active, {halted} halted, {ok} OK, {error} in error"
        );
        let number = |text: String, tone: Tone| {
            if text == "–" { Cell::secondary(text) } else { Cell::new(text).tone(tone) }
        };
        let bar = if view.totals.error > 0 { Tone::Bad } else { Tone::Accent };
        let cells = vec![
            Cell::new(name),
            Cell::new(state).tone(words::state_tone(view)),
            Cell::secondary(percent).bar(words::part(&view.totals), bar),
            number(waiting, Tone::Text),
            number(active, Tone::Text),
            number(halted, Tone::Busy),
            number(ok, Tone::Text),
            number(error, Tone::Bad),
            Cell::secondary(created),
        ];
        Row { icon: Some(words::icon(view)), cells, name: said.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.rows.get(index).map_or("", |view| view.name.as_str())
    }
}
