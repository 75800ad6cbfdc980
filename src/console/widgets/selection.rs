//! Which rows of a list are selected, and how keys and clicks change that.
//!
//! Knows positions, not what stands in them. After sorting the caller moves the positions with [`Selection::remap`].

use std::collections::BTreeSet;

/// The selected rows of a list, the row with the cursor, and where a range starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    rows: BTreeSet<usize>,
    cursor: Option<usize>,
    anchor: Option<usize>,
}

impl Selection {
    /// One row, which also has the cursor.
    pub fn one(row: usize) -> Self {
        Self { rows: BTreeSet::from([row]), cursor: Some(row), anchor: Some(row) }
    }

    /// Whether `row` is selected.
    pub fn contains(&self, row: usize) -> bool {
        self.rows.contains(&row)
    }

    /// The selected rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.rows.iter().copied()
    }

    /// How many rows are selected.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is selected.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row keys act on.
    pub fn cursor(&self) -> Option<usize> {
        self.cursor
    }

    /// Selects `row` alone.
    pub fn select(&mut self, row: usize) {
        *self = Self::one(row);
    }

    /// Adds or takes out `row`.
    pub fn toggle(&mut self, row: usize) {
        if !self.rows.remove(&row) {
            self.rows.insert(row);
        }
        self.cursor = Some(row);
        self.anchor = Some(row);
    }

    /// Selects everything from the anchor to `row`.
    pub fn extend_to(&mut self, row: usize) {
        let anchor = self.anchor.unwrap_or(row);
        self.rows = (anchor.min(row)..=anchor.max(row)).collect();
        self.cursor = Some(row);
        self.anchor = Some(anchor);
    }

    /// Moves the cursor and leaves the selection.
    pub fn move_cursor(&mut self, row: usize) {
        self.cursor = Some(row);
    }

    /// Selects rows `0..count`.
    pub fn select_all(&mut self, count: usize) {
        self.rows = (0..count).collect();
    }

    /// Forgets rows from `count` on, after the list became shorter.
    pub fn truncate(&mut self, count: usize) {
        self.rows.split_off(&count);
        self.cursor = self.cursor.filter(|row| *row < count);
        self.anchor = self.anchor.filter(|row| *row < count);
    }

    /// Moves every row to its new place after sorting or filtering; `None` = it is not shown any more.
    pub fn remap(&mut self, place: impl Fn(usize) -> Option<usize>) {
        self.rows = self.rows.iter().filter_map(|row| place(*row)).collect();
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
        selection.remap(|row| if row == 0 { None } else { Some(row + 10) });
        assert_eq!(selection.rows().collect::<Vec<_>>(), [12]);
        assert_eq!(selection.cursor(), Some(12));
        selection.truncate(12);
        assert!(selection.is_empty() && selection.cursor().is_none());
    }
}
