//! The tables below the grid: codebases and events.

use jiff::tz::TimeZone;

use super::history::{short_name, time, with_short_addresses};
use crate::console::dialogs::sentence;
use crate::console::format;
use crate::console::icons::Icon;
use crate::console::tokens::Tone;
use crate::console::widgets::list::{Cell, Column, Row, Rows};
use crate::session::{CodebaseState, CodebaseStatus, Event, EventKind};

/// The columns of the table of codebases.
pub(super) fn codebase_columns() -> [Column; 4] {
    [
        Column::text("Codebase", 200.0).unsortable(),
        Column::number("Score", 70.0).unsortable(),
        Column::number("Rate", 92.0).unsortable(),
        Column::text("Last error", 200.0).growing().unsortable(),
    ]
}

/// The codebases of a download.
pub(super) struct CodebaseRows<'a>(pub(super) &'a [CodebaseStatus]);

impl Rows for CodebaseRows<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(one) = self.0.get(index) else { return Row::default() };
        let is_dropped = one.state == CodebaseState::SetAside;
        let score = if is_dropped { "dropped".to_owned() } else { format!("{} %", one.score_percent) };
        let rate = match one.bytes_per_second {
            // What one connection brings, times how many there are now.
            Some(rate) if rate >= 1.0 && one.connections > 0 => {
                format::short_rate((rate * one.connections as f64) as u64)
            }
            _ => "–".to_owned(),
        };
        let error = one.last_error.as_deref().map(with_short_addresses);
        let mut error = error.unwrap_or_else(|| "–".to_owned());
        if let Some(next) = one.next_in.filter(|_| !is_dropped) {
            let left = format::duration(u64::try_from(next.as_millis()).unwrap_or(u64::MAX).max(1000));
            error.push_str(&format!(", asked again in {left}"));
        }
        let tone = if is_dropped { Tone::Bad } else { Tone::Secondary };
        let name = format!("{}, score {score}, {rate}, {error}", one.name);
        let cells = vec![
            Cell::new(short_name(&one.name)),
            Cell::new(score).tone(if is_dropped { Tone::Bad } else { Tone::Text }),
            Cell::new(rate),
            Cell::new(error).tone(tone),
        ];
        Row { icon: None, cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.0.get(index).map_or("", |one| short_name(&one.name))
    }
}

/// What happened, the newest first.
pub(super) struct EventRows<'a> {
    pub(super) events: &'a [Event],
    pub(super) zone: &'a TimeZone,
}

impl EventRows<'_> {
    fn event(&self, index: usize) -> Option<&Event> {
        self.events.get(self.events.len().checked_sub(index + 1)?)
    }
}

impl Rows for EventRows<'_> {
    fn len(&self) -> usize {
        self.events.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(event) = self.event(index) else { return Row::default() };
        let at = time(event.at, self.zone);
        let (icon, tone) = match event.kind {
            EventKind::Bad => (Icon::Damaged, Tone::Bad),
            EventKind::Disk => (Icon::Warning, Tone::Bad),
            EventKind::Codebase => (Icon::Info, Tone::Secondary),
            EventKind::State | EventKind::Survey => (Icon::Clock, Tone::Secondary),
        };
        let text = sentence(&with_short_addresses(&event.text));
        let name = format!("{at} {text}");
        let cells = vec![Cell::secondary(at), Cell::new(text).tone(tone)];
        Row { icon: Some((icon, None)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.event(index).map_or("", |event| event.text.as_str())
    }
}
