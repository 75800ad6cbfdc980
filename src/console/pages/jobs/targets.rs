//! The targets of a job as rows: 100,000 of them are asked for page by page, only as far as they are looked at.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::words;
use crate::console::pages::packages::Moment;
use crate::console::tokens::Tone;
use crate::console::widgets::list::{Cell, Column, Row, Rows, Sort};
use crate::console::widgets::selection::Selection;
use crate::session::{Shown, TargetOrder, TargetPage, TargetQuery, TargetRow};

/// Rows that are read at a time.
pub(super) const PAGE: u64 = 256;
/// At most so many pages are kept.
const KEPT: usize = 64;

/// Which targets are looked at, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    pub(super) shown: Option<Shown>,
    pub(super) failure: Option<(String, Option<i32>)>,
    pub(super) find: String,
    pub(super) order: TargetOrder,
    pub(super) descending: bool,
}

impl Looked {
    /// Whether rows stay at their places while jobs go on.
    fn is_steady(&self) -> bool {
        let fixed = matches!(self.order, TargetOrder::Turn | TargetOrder::Target);
        fixed && self.shown.is_none() && self.failure.is_none()
    }

    /// Whether every target is looked at.
    pub(super) fn is_all(&self) -> bool {
        self.shown.is_none() && self.failure.is_none() && self.find.trim().is_empty()
    }

    /// The query for rows from `from` on.
    pub(super) fn query(&self, from: u64, most: u32) -> TargetQuery {
        let find = self.find.trim();
        TargetQuery {
            shown: self.shown.into_iter().collect(),
            failure: self.failure.clone(),
            text: (!find.is_empty()).then(|| find.to_owned()),
            order: self.order,
            descending: self.descending,
            from,
            most,
        }
    }

    /// The sorting as a list shows it.
    pub(super) fn sort(&self) -> Option<Sort> {
        let column = match self.order {
            TargetOrder::Turn => return None,
            TargetOrder::Target => 0,
            TargetOrder::State => 1,
            TargetOrder::Reason => 3,
            TargetOrder::Changed => 4,
        };
        Some(Sort { column, descending: self.descending })
    }

    /// After a click on a header.
    pub(super) fn sort_by(&mut self, column: usize) {
        let order = match column {
            0 => TargetOrder::Target,
            1 => TargetOrder::State,
            3 => TargetOrder::Reason,
            4 => TargetOrder::Changed,
            _ => return,
        };
        match (self.order == order, self.descending) {
            (true, false) => self.descending = true,
            // The third click gives the order of the turns back.
            (true, true) => (self.order, self.descending) = (TargetOrder::Turn, false),
            (false, _) => (self.order, self.descending) = (order, false),
        }
    }
}

struct Page {
    rows: Vec<TargetRow>,
    round: u64,
}

/// What is asked for: which page, and for which state of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAsked {
    pub(super) number: u64,
    pub(super) round: u64,
    pub(super) page: u64,
    /// What to ask the library.
    pub query: TargetQuery,
}

/// Those that were read of the targets that are looked at.
#[derive(Default)]
pub(super) struct Targets {
    looked: Looked,
    /// Rises with every other question: answers to earlier ones are of no use.
    number: u64,
    /// Rises whenever something may have changed: pages of earlier rounds are read again when they are looked at.
    round: u64,
    total: Option<u64>,
    pages: BTreeMap<u64, Page>,
    wanted: RefCell<BTreeSet<u64>>,
    asked: BTreeSet<u64>,
}

impl Targets {
    /// How many there are; `None` before it is known.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Looks at others, or in another order; whether that is anything new.
    pub(super) fn look_at(&mut self, looked: &Looked) -> bool {
        if self.looked == *looked && self.number > 0 {
            return false;
        }
        self.looked = looked.clone();
        self.number += 1;
        self.total = None;
        self.pages.clear();
        self.asked.clear();
        self.wanted.borrow_mut().clear();
        true
    }

    /// Something may have changed.
    pub(super) fn age(&mut self) {
        self.round += 1;
        self.asked.clear();
    }

    /// The pages that have to be read now.
    pub(super) fn take_asks(&mut self) -> Vec<PageAsked> {
        let mut wanted = std::mem::take(&mut *self.wanted.borrow_mut());
        if self.total.is_none() {
            wanted.insert(0);
        }
        wanted.retain(|page| self.pages.get(page).is_none_or(|known| known.round < self.round));
        wanted.retain(|page| self.asked.insert(*page));
        let (number, round) = (self.number, self.round);
        let most = u32::try_from(PAGE).unwrap_or(u32::MAX);
        let ask = |page: u64| PageAsked { number, round, page, query: self.looked.query(page * PAGE, most) };
        wanted.into_iter().map(ask).collect()
    }

    /// Takes over a page, if it answers what is asked now; `selection` follows its rows to their new places.
    pub(super) fn set_page(
        &mut self,
        asked: &PageAsked,
        read: TargetPage,
        selection: &mut Selection,
    ) -> bool {
        if asked.number != self.number {
            return false;
        }
        let count = usize::try_from(read.total).unwrap_or(usize::MAX);
        let first = usize::try_from(asked.page * PAGE).unwrap_or(usize::MAX);
        let before = self.pages.remove(&asked.page);
        if !self.looked.is_steady()
            && let Some(before) = &before
        {
            // A row that is not on this page any more is not followed.
            let place = |row: usize| {
                let Some(job) = row.checked_sub(first).and_then(|at| before.rows.get(at)) else {
                    return (row < count).then_some(row);
                };
                let now = read.rows.iter().position(|one| one.job == job.job)?;
                Some(first + now)
            };
            if selection.rows().any(|row| place(row) != Some(row)) {
                selection.remap(count, place);
            }
        }
        self.total = Some(read.total);
        self.pages.insert(asked.page, Page { rows: read.rows, round: asked.round });
        while self.pages.len() > KEPT {
            // The one that is farthest from what was just looked at.
            let far = |page: &u64| page.abs_diff(asked.page);
            let Some(farthest) = self.pages.keys().copied().max_by_key(far) else { break };
            self.pages.remove(&farthest);
        }
        true
    }

    /// The row, as it was read last; it is asked for where it was not, or may be another by now.
    pub(super) fn row(&self, index: usize) -> Option<&TargetRow> {
        let index = index as u64;
        let page = index / PAGE;
        let known = self.pages.get(&page);
        if known.is_none_or(|known| known.round < self.round) {
            self.wanted.borrow_mut().insert(page);
        }
        known?.rows.get(usize::try_from(index % PAGE).ok()?)
    }

    /// The row, if it was read; it is not asked for.
    pub(super) fn known(&self, index: usize) -> Option<&TargetRow> {
        let index = index as u64;
        self.pages.get(&(index / PAGE))?.rows.get(usize::try_from(index % PAGE).ok()?)
    }
}

/// The columns.
pub(super) fn columns() -> [Column; 5] {
    [
        Column::text("Computer", 170.0),
        Column::text("State", 300.0).growing(),
        Column::text("Package", 170.0).unsortable(),
        Column::text("Exit code", 80.0),
        Column::text("Since", 128.0),
    ]
}

/// All that are looked at.
pub(super) struct TargetRows<'a> {
    pub(super) targets: &'a Targets,
    pub(super) moment: Moment<'a>,
}

impl Rows for TargetRows<'_> {
    fn len(&self) -> usize {
        usize::try_from(self.targets.total.unwrap_or(0)).unwrap_or(usize::MAX)
    }

    fn row(&self, index: usize) -> Row<'_> {
        let Some(row) = self.targets.row(index) else {
            let cells = vec![Cell::secondary("…"); 5];
            return Row { icon: None, cells, name: "being read".into() };
        };
        let text = words::target_text(row);
        let package = row.package.title();
        let name = format!("{}, {text}, {package}", row.target);
        let exit = row.exit_code.map_or_else(|| "–".to_owned(), |code| code.to_string());
        let exit_tone = if row.shown == Shown::Error { Tone::Text } else { Tone::Secondary };
        let cells = vec![
            Cell::new(row.target.as_str()),
            Cell::new(text).tone(words::target_tone(row.shown)),
            Cell::secondary(package),
            Cell::new(exit).tone(exit_tone),
            Cell::secondary(self.moment.text(row.changed)),
        ];
        Row { icon: Some(words::target_icon(row.shown)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.targets.known(index).map_or("", |row| row.target.as_str())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::package::PackageKey;
    use crate::session::JobState;

    fn row(number: u128) -> TargetRow {
        TargetRow {
            job: Uuid::from_u128(number),
            target: format!("PC-{number}"),
            package: PackageKey::new("Tool", "1").expect("good"),
            shown: Shown::Error,
            state: JobState::ExecutionError,
            unconfirmed: false,
            code: "exit-code".to_owned(),
            reason: "exit code 1603".to_owned(),
            percent: None,
            exit_code: Some(1603),
            changed: Timestamp::UNIX_EPOCH,
            begun: None,
            ended: None,
        }
    }

    fn page(numbers: &[u128], total: u64) -> TargetPage {
        TargetPage { total, rows: numbers.iter().map(|number| row(*number)).collect() }
    }

    #[test]
    fn only_pages_that_are_looked_at_are_asked_for_and_each_once() {
        let mut targets = Targets::default();
        targets.look_at(&Looked::default());
        let first = targets.take_asks();
        assert_eq!(first.len(), 1);
        assert!(targets.take_asks().is_empty(), "it is on its way");
        let mut selection = Selection::default();
        targets.set_page(&first[0], page(&[1, 2], 100_000), &mut selection);
        assert_eq!(targets.total(), Some(100_000));
        assert!(targets.row(1).is_some() && targets.row(90_000).is_none());
        let next = targets.take_asks();
        assert_eq!(next.iter().map(|asked| asked.query.from).collect::<Vec<_>>(), [90_000 / PAGE * PAGE]);
        targets.age();
        targets.row(0);
        let again = targets.take_asks();
        assert_eq!(again.iter().map(|asked| asked.page).collect::<Vec<_>>(), [0]);
        assert!(targets.known(0).is_some(), "what was there is shown meanwhile");
    }

    #[test]
    fn answers_to_another_question_are_not_taken() {
        let mut targets = Targets::default();
        targets.look_at(&Looked::default());
        let old = targets.take_asks();
        targets.look_at(&Looked { shown: Some(Shown::Ok), ..Looked::default() });
        targets.set_page(&old[0], page(&[1], 1), &mut Selection::default());
        assert_eq!(targets.total(), None);
    }

    #[test]
    fn what_is_selected_follows_its_target_and_what_left_is_selected_no_more() {
        let failed = Looked { shown: Some(Shown::Error), ..Looked::default() };
        let mut targets = Targets::default();
        targets.look_at(&failed);
        let mut selection = Selection::default();
        let asked = targets.take_asks();
        targets.set_page(&asked[0], page(&[1, 2, 3], 3), &mut selection);
        selection.select_rows([0, 2].into_iter());
        targets.age();
        targets.row(0);
        let asked = targets.take_asks();
        // The first was renewed.
        targets.set_page(&asked[0], page(&[2, 3], 2), &mut selection);
        assert_eq!(selection.rows().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn few_pages_are_kept() {
        let mut targets = Targets::default();
        targets.look_at(&Looked::default());
        for page_number in 0..200u64 {
            targets.row(usize::try_from(page_number * PAGE).expect("small"));
            for asked in targets.take_asks() {
                targets.set_page(&asked, page(&[1], 100_000), &mut Selection::default());
            }
        }
        assert!(targets.pages.len() <= KEPT);
    }

    #[test]
    fn a_header_sorts_up_then_down_then_not() {
        let mut looked = Looked::default();
        looked.sort_by(1);
        assert_eq!((looked.order, looked.descending), (TargetOrder::State, false));
        looked.sort_by(1);
        assert!(looked.descending);
        looked.sort_by(1);
        assert_eq!((looked.order, looked.descending), (TargetOrder::Turn, false));
        looked.sort_by(2);
        assert_eq!(looked.order, TargetOrder::Turn);
    }
}
