//! Which rows of a list are selected, and how keys and clicks change that.
//!
//! Knows positions, not what stands in them. After sorting the caller moves the positions with [`Selection::remap`].

use std::ops::Range;

/// Rows as ranges, in order and apart from each other: all of 100,000 rows are one range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RowSet(Vec<Range<usize>>);

impl RowSet {
    fn range(rows: Range<usize>) -> Self {
        Self(if rows.is_empty() { Vec::new() } else { vec![rows] })
    }

    /// Rows in rising order.
    fn in_order(rows: impl Iterator<Item = usize>) -> Self {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for row in rows {
            match ranges.last_mut() {
                Some(last) if last.end == row => last.end += 1,
                _ => ranges.push(row..row + 1),
            }
        }
        Self(ranges)
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().flat_map(Clone::clone)
    }

    fn len(&self) -> usize {
        self.0.iter().map(ExactSizeIterator::len).sum()
    }

    /// The first range that ends behind `row`.
    fn at(&self, row: usize) -> usize {
        self.0.partition_point(|range| range.end <= row)
    }

    fn contains(&self, row: usize) -> bool {
        self.0.get(self.at(row)).is_some_and(|range| range.contains(&row))
    }

    fn insert(&mut self, row: usize) {
        let at = self.at(row);
        if self.0.get(at).is_some_and(|range| range.contains(&row)) {
            return;
        }
        let joins_before = at > 0 && self.0[at - 1].end == row;
        let joins_after = self.0.get(at).is_some_and(|range| range.start == row + 1);
        match (joins_before, joins_after) {
            (true, true) => {
                self.0[at - 1].end = self.0[at].end;
                self.0.remove(at);
            }
            (true, false) => self.0[at - 1].end = row + 1,
            (false, true) => self.0[at].start = row,
            (false, false) => self.0.insert(at, row..row + 1),
        }
    }

    /// Whether it was there.
    fn remove(&mut self, row: usize) -> bool {
        let at = self.at(row);
        let Some(range) = self.0.get(at).filter(|range| range.contains(&row)).cloned() else { return false };
        let rest = [range.start..row, row + 1..range.end].into_iter().filter(|part| !part.is_empty());
        self.0.splice(at..=at, rest);
        true
    }

    fn truncate(&mut self, count: usize) {
        self.0.truncate(self.0.partition_point(|range| range.start < count));
        if let Some(last) = self.0.last_mut() {
            last.end = last.end.min(count);
        }
    }
}

/// The selected rows of a list, the row with the cursor, and where a range starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    rows: RowSet,
    cursor: Option<usize>,
    anchor: Option<usize>,
}

impl Selection {
    /// One row, which also has the cursor.
    pub fn one(row: usize) -> Self {
        Self { rows: RowSet::range(row..row + 1), cursor: Some(row), anchor: Some(row) }
    }

    /// Whether `row` is selected.
    pub fn contains(&self, row: usize) -> bool {
        self.rows.contains(row)
    }

    /// The selected rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.rows.iter()
    }

    /// How many rows are selected.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is selected.
    pub fn is_empty(&self) -> bool {
        self.rows.0.is_empty()
    }

    /// The row keys act on.
    pub fn cursor(&self) -> Option<usize> {
        self.cursor
    }

    /// Selects `row` alone.
    pub fn select(&mut self, row: usize) {
        *self = Self::one(row);
    }

    /// Selects these rows, which come in rising order.
    pub fn select_rows(&mut self, rows: impl Iterator<Item = usize>) {
        self.rows = RowSet::in_order(rows);
        self.cursor = self.rows.iter().next();
        self.anchor = self.cursor;
    }

    /// Adds or takes out `row`.
    pub fn toggle(&mut self, row: usize) {
        if !self.rows.remove(row) {
            self.rows.insert(row);
        }
        self.cursor = Some(row);
        self.anchor = Some(row);
    }

    /// Selects everything from the anchor to `row`.
    pub fn extend_to(&mut self, row: usize) {
        let anchor = self.anchor.unwrap_or(row);
        self.rows = RowSet::range(anchor.min(row)..anchor.max(row) + 1);
        self.cursor = Some(row);
        self.anchor = Some(anchor);
    }

    /// Moves the cursor and leaves the selection.
    pub fn move_cursor(&mut self, row: usize) {
        self.cursor = Some(row);
    }

    /// Selects rows `0..count`.
    pub fn select_all(&mut self, count: usize) {
        self.rows = RowSet::range(0..count);
    }

    /// Forgets rows from `count` on, after the list became shorter.
    pub fn truncate(&mut self, count: usize) {
        self.rows.truncate(count);
        self.cursor = self.cursor.filter(|row| *row < count);
        self.anchor = self.anchor.filter(|row| *row < count);
    }

    /// Moves every row to its new place among `count` rows after sorting or filtering; `None` = it is not shown any
    /// more.
    pub fn remap(&mut self, count: usize, place: impl Fn(usize) -> Option<usize>) {
        let mut selected = vec![false; count];
        for row in self.rows.iter().filter_map(&place) {
            if let Some(selected) = selected.get_mut(row) {
                *selected = true;
            }
        }
        let rows = selected.iter().enumerate().filter(|(_, selected)| **selected).map(|(row, _)| row);
        self.rows = RowSet::in_order(rows);
        self.cursor = self.cursor.and_then(&place);
        self.anchor = self.anchor.and_then(&place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_turns_around_its_anchor() {
        let mut selection = Selection::one(5);
        selection.extend_to(8);
        assert_eq!(selection.rows().collect::<Vec<_>>(), [5, 6, 7, 8]);
        selection.extend_to(3);
        assert_eq!(selection.rows().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(selection.cursor(), Some(3));
    }

    #[test]
    fn toggling_keeps_the_others() {
        let mut selection = Selection::one(1);
        selection.toggle(4);
        selection.toggle(1);
        assert_eq!(selection.rows().collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn sorting_moves_and_filtering_drops() {
        let mut selection = Selection::one(0);
        selection.toggle(2);
        selection.remap(13, |row| if row == 0 { None } else { Some(row + 10) });
        assert_eq!(selection.rows().collect::<Vec<_>>(), [12]);
        assert_eq!(selection.cursor(), Some(12));
        selection.truncate(12);
        assert!(selection.is_empty() && selection.cursor().is_none());
    }

    #[test]
    fn ranges_join_and_part() {
        let mut selection = Selection::default();
        for row in [4, 2, 3, 9] {
            selection.toggle(row);
        }
        assert_eq!(selection.rows.0, [2..5, 9..10]);
        selection.toggle(3);
        assert_eq!(selection.rows.0, [2..3, 4..5, 9..10]);
        assert!(selection.contains(4) && !selection.contains(3) && !selection.contains(5));
        assert_eq!(selection.len(), 3);
        selection.truncate(5);
        assert_eq!(selection.rows().collect::<Vec<_>>(), [2, 4]);
        selection.select_all(100_000);
        assert_eq!((selection.len(), selection.rows.0.len()), (100_000, 1));
        selection.remap(100_000, |row| Some(99_999 - row));
        assert_eq!((selection.len(), selection.rows.0.len()), (100_000, 1), "all of them in any order");
    }
}
