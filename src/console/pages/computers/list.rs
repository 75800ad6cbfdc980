//! The rows of the list of computers: which are shown, and in which order.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::{Known, is_unseen};
use crate::console::format;
use crate::console::icons::{Icon, Mark};
use crate::console::pages::Place;
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tone;
use crate::console::widgets::list::{Cell, Column, Row, Rows, Sort};
use crate::session::ComputerRow;

/// The columns.
pub(super) fn columns() -> [Column; 8] {
    [
        Column::text("Computer", 170.0).growing_by(1),
        Column::text("Groups", 150.0).growing_by(2),
        Column::text("Last seen", 130.0),
        Column::text("Agent", 76.0),
        Column::text("System", 110.0),
        Column::number("Installed", 76.0),
        Column::number("Free", 80.0),
        Column::text("Staging library", 130.0).growing_by(1),
    ]
}

/// Places of the computers that are shown, in their order.
pub(super) fn index(
    known: &Known,
    place: &Place,
    find: &str,
    sort: Option<Sort>,
    now: Timestamp,
) -> Vec<u32> {
    let find = find.trim().to_lowercase();
    let fits = |row: &ComputerRow| {
        let is_in = match place {
            Place::ComputerGroup(group) => row.groups.iter().any(|one| one == group),
            Place::TestComputers => row.test,
            Place::NotSeen => is_unseen(row, now),
            _ => true,
        };
        let has = |text: &str| text.to_lowercase().contains(&find);
        is_in && (find.is_empty() || has(&row.name) || has(&row.facts.host) || has(&row.comment))
    };
    let rows = known.computers.iter().enumerate().filter(|(_, row)| fits(row));
    let mut index: Vec<u32> = rows.filter_map(|(at, _)| u32::try_from(at).ok()).collect();
    if let Some(sort) = sort {
        index.sort_by(|a, b| {
            let (a, b) = (&known.computers[*a as usize], &known.computers[*b as usize]);
            let order = compare(a, b, sort.column, known);
            if sort.descending { order.reverse() } else { order }
        });
    }
    index
}

fn compare(a: &ComputerRow, b: &ComputerRow, column: usize, known: &Known) -> Ordering {
    match column {
        1 => a.groups.cmp(&b.groups),
        2 => a.seen.cmp(&b.seen),
        3 => a.facts.agent_version.cmp(&b.facts.agent_version),
        4 => a.facts.system.cmp(&b.facts.system),
        5 => a.installed.cmp(&b.installed),
        6 => a.facts.free_bytes.cmp(&b.facts.free_bytes),
        7 => staging_of(a, known).cmp(&staging_of(b, known)),
        _ => a.name.to_lowercase().cmp(&b.name.to_lowercase()),
    }
}

/// Name of the home staging library of a computer; `–` for none.
pub(super) fn staging_of(row: &ComputerRow, known: &Known) -> String {
    let name = row.staging.as_ref().map(|id| known.staging.get(id).cloned().unwrap_or_else(|| id.clone()));
    name.unwrap_or_else(|| "–".to_owned())
}

/// When a computer was heard of last: `never`, `no agent`, `10:42`.
pub(super) fn seen_text(row: &ComputerRow, moment: Moment<'_>) -> String {
    match (&row.agent, row.seen) {
        (_, Some(seen)) => moment.text(seen),
        (Some(_), None) => "never".to_owned(),
        (None, None) => "no agent enrolled".to_owned(),
    }
}

/// The computers that are shown.
pub(super) struct ComputerRows<'a> {
    pub(super) known: &'a Known,
    pub(super) index: &'a [u32],
    pub(super) moment: Moment<'a>,
}

impl ComputerRows<'_> {
    fn at(&self, index: usize) -> Option<&ComputerRow> {
        self.known.computers.get(*self.index.get(index)? as usize)
    }

    fn texts(&self, row: &ComputerRow) -> [String; 8] {
        let facts = &row.facts;
        let or_none = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
        [
            row.name.clone(),
            or_none(&row.groups.join(", ")),
            seen_text(row, self.moment),
            or_none(&facts.agent_version),
            or_none(&facts.system),
            if row.installed == 0 { "–".to_owned() } else { format::thousands(row.installed) },
            facts.free_bytes.map_or_else(|| "–".to_owned(), format::size),
            staging_of(row, self.known),
        ]
    }
}

/// The rows at these places as text with a header, for the clipboard.
pub(super) fn copied(rows: &ComputerRows<'_>, places: impl Iterator<Item = usize>) -> String {
    let titles: Vec<String> = columns().iter().map(|column| column.title.to_string()).collect();
    let mut text = titles.join("\t") + "\n";
    for row in places.filter_map(|place| rows.at(place)) {
        let cells = rows.texts(row).map(|cell| cell.replace(char::is_control, " "));
        text.push_str(&(cells.join("\t") + "\n"));
    }
    text
}

impl Rows for ComputerRows<'_> {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(row) = self.at(index) else { return Row::default() };
        let [name, groups, seen, agent, system, installed, free, staging] = self.texts(row);
        let test = if row.test { ", test computer" } else { "" };
        let said = format!("{name}{test}, {groups}, last seen {seen}, {installed} installed");
        let late = is_unseen(row, self.moment.now);
        let title = if row.test { format!("{name} (test)") } else { name };
        let cells = vec![
            Cell::new(title),
            Cell::secondary(groups),
            Cell::new(seen).tone(if late { Tone::Busy } else { Tone::Secondary }),
            Cell::secondary(agent),
            Cell::secondary(system),
            Cell::secondary(installed),
            Cell::secondary(free),
            Cell::secondary(staging),
        ];
        let mark = late.then_some(Mark::Differs);
        Row { icon: Some((Icon::Computers, mark)), cells, name: said.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.at(index).map_or("", |row| row.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;
    use crate::session::ComputerFacts;

    fn computer(name: &str, groups: &[&str], seen: Option<Timestamp>) -> ComputerRow {
        ComputerRow {
            row: 0,
            id: Uuid::new_v4(),
            name: name.to_owned(),
            comment: String::new(),
            test: name.starts_with("TEST"),
            staging: None,
            staging_only: false,
            added: Timestamp::UNIX_EPOCH,
            agent: None,
            seen,
            facts: ComputerFacts::default(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            installed: name.len() as u64,
            open_jobs: 0,
        }
    }

    #[test]
    fn places_find_and_sorting_choose_the_rows() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 30);
        let old = now - SignedDuration::from_hours(24 * 9);
        let computers = vec![
            computer("PC-1", &["Köln"], Some(now)),
            computer("PC-20", &["Köln", "Lyon"], Some(old)),
            computer("TEST-300", &[], None),
        ];
        let known = Known { computers: Arc::new(computers), ..Known::default() };
        let shown = |place: Place, find: &str, sort| index(&known, &place, find, sort, now);
        assert_eq!(shown(Place::Computers, "", None), [0, 1, 2]);
        assert_eq!(shown(Place::ComputerGroup("Lyon".into()), "", None), [1]);
        assert_eq!(shown(Place::TestComputers, "", None), [2]);
        assert_eq!(shown(Place::NotSeen, "", None), [1, 2], "never counts too");
        assert_eq!(shown(Place::Computers, "pc-", None), [0, 1]);
        let by_installed = Some(Sort { column: 5, descending: true });
        assert_eq!(shown(Place::Computers, "", by_installed), [2, 1, 0]);
    }
}
