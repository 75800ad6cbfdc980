//! Which packages a list shows, in which order: numbers into the list of the library.
//!
//! Made beside the window where there are many packages; what it needs goes in as a [`Job`], and the list goes on
//! showing the old index until the new one is there.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::columns::{ColumnKind, SortBy, by_version};
use super::filter::{Filters, Test};
use crate::console::pages::Place;
use crate::package::record::PackageSummary;
use crate::package::{PackageId, PackageList, PackageState};

/// What an index is made from, besides the packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) place: Place,
    pub(super) filters: Filters,
    pub(super) search: String,
    pub(super) sort: Vec<SortBy>,
}

/// An index about to be made, on any thread.
pub struct Job {
    pub(super) wanted: Wanted,
    pub(super) zone: TimeZone,
    pub(super) packages: Arc<PackageList>,
    /// What is shown now, to find again what is selected.
    pub(super) before: Arc<PackageList>,
}

/// No place.
const NOWHERE: u32 = u32::MAX;

/// The rows of a list.
#[derive(Default)]
pub struct Index {
    pub(super) wanted: Wanted,
    pub(super) packages: Arc<PackageList>,
    /// Places in `packages`, from the first row on.
    rows: Vec<u32>,
    /// The row of each place.
    row_of: Vec<u32>,
    /// The place now of each place before, if these are other packages.
    moved: Option<Vec<u32>>,
}

impl Job {
    /// The index of a list that shows nothing yet, with dates in UTC.
    pub fn new(
        place: Place,
        filters: Filters,
        search: &str,
        sort: Vec<SortBy>,
        packages: &Arc<PackageList>,
    ) -> Self {
        let wanted = Wanted { place, filters, search: search.to_lowercase(), sort };
        let (packages, before) = (Arc::clone(packages), Arc::clone(packages));
        Self { wanted, zone: TimeZone::UTC, packages, before }
    }

    /// Makes the index. 100,000 packages take some 20 ms.
    pub fn make(self) -> Index {
        let Self { wanted, zone, packages, before } = self;
        let test = Test::new(&wanted.place, &wanted.filters, &wanted.search, &zone);
        let taken = packages.iter().zip(0u32..).filter(|(package, _)| test.takes(package));
        let mut rows: Vec<u32> = taken.map(|(_, place)| place).collect();
        sort(&mut rows, &packages, &wanted.sort);
        let mut row_of = vec![NOWHERE; packages.len()];
        for (place, row) in rows.iter().zip(0u32..) {
            row_of[*place as usize] = row;
        }
        let moved = (!Arc::ptr_eq(&before, &packages)).then(|| {
            let place = |id| packages.place_of(id).map_or(NOWHERE, |place| place as u32);
            before.iter().map(|package| place(package.id)).collect()
        });
        Index { wanted, packages, rows, row_of, moved }
    }
}

/// Stable: what is equal stays in the order of names.
fn sort(rows: &mut Vec<u32>, packages: &PackageList, by: &[SortBy]) {
    let Some(first) = by.first() else { return };
    if first.kind == ColumnKind::Name {
        // No two packages have the same name and version: nothing is left to decide.
        if first.descending {
            rows.reverse();
        }
        return;
    }
    let ranks = |by: &SortBy| {
        let packages = rows.iter().map(|place| (*place, &packages[*place as usize]));
        let mut ranks = by.kind.ranks(packages);
        if by.descending {
            ranks.iter_mut().for_each(|rank| *rank = !*rank);
        }
        ranks
    };
    let first = ranks(first);
    let mut order: Vec<(u64, u64, u32)> = match by.get(1) {
        Some(second) => {
            let second = ranks(second);
            rows.iter().zip(first).zip(second).map(|((row, first), second)| (first, second, *row)).collect()
        }
        None => rows.iter().zip(first).map(|(row, first)| (first, 0, *row)).collect(),
    };
    order.sort_unstable();
    *rows = order.into_iter().map(|(_, _, row)| row).collect();
}

impl Index {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The package of a row.
    pub fn package(&self, row: usize) -> Option<&Arc<crate::package::record::PackageSummary>> {
        self.packages.rows().get(*self.rows.get(row)? as usize)
    }

    /// The row of a package.
    pub fn row_of(&self, id: PackageId) -> Option<usize> {
        self.row_at(u32::try_from(self.packages.place_of(id)?).ok()?)
    }

    /// The rows, in order, of packages that are not archived and not among the `kept` newest such versions of their
    /// product.
    pub fn older_than_newest(&self, kept: usize) -> Vec<usize> {
        let shown: Vec<(usize, &PackageSummary)> = (0..)
            .zip(self.packages.iter())
            .filter(|(_, package)| package.state != PackageState::Archived)
            .filter_map(|(place, package)| Some((self.row_at(place)?, package)))
            .collect();
        let mut rows = Vec::new();
        // In the order of names the versions of a product stand together.
        let is_same = |(_, a): &(_, &PackageSummary), (_, b): &(_, &PackageSummary)| {
            a.key.name() == b.key.name() || a.key.name().to_lowercase() == b.key.name().to_lowercase()
        };
        for versions in shown.chunk_by(is_same).filter(|versions| versions.len() > kept) {
            let mut versions = versions.to_vec();
            versions.sort_by(|(_, a), (_, b)| by_version(b.key.version(), a.key.version()));
            rows.extend(versions.into_iter().skip(kept).map(|(row, _)| row));
        }
        rows.sort_unstable();
        rows
    }

    fn row_at(&self, place: u32) -> Option<usize> {
        self.row_of.get(place as usize).filter(|row| **row != NOWHERE).map(|row| *row as usize)
    }

    /// The row of what stood at `row` of the index before this one.
    pub(super) fn row_after(&self, before: &Self, row: usize) -> Option<usize> {
        let place = *before.rows.get(row)?;
        let place = match &self.moved {
            Some(moved) => *moved.get(place as usize)?,
            None => place,
        };
        self.row_at(place)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::console::pages::packages::filter::Chip;
    use crate::package::consistency::ConsistencyChecksum;
    use crate::package::record::{PackageRecord, PackageSummary};
    use crate::package::{PackageKey, Sha256Digest};

    fn package(name: &str, size_bytes: u64, supplier: &str) -> PackageSummary {
        let checksum = ConsistencyChecksum { files: 1, size_bytes, digest: Sha256Digest::default() };
        let key = PackageKey::new(name, "1").expect("a good name");
        let id = PackageId(uuid::Uuid::from_u128(name.bytes().fold(7, |n, b| n * 257 + u128::from(b))));
        let mut record = PackageRecord::new(id, key, "anna", checksum, Timestamp::UNIX_EPOCH);
        record.supplier = supplier.to_owned();
        PackageSummary::from(&record)
    }

    fn list(names: &[(&str, u64, &str)]) -> Arc<PackageList> {
        Arc::new(names.iter().map(|(name, size, supplier)| package(name, *size, supplier)).collect())
    }

    fn make(wanted: &Wanted, packages: &Arc<PackageList>, before: &Arc<PackageList>) -> Index {
        let (packages, before) = (Arc::clone(packages), Arc::clone(before));
        Job { wanted: wanted.clone(), zone: TimeZone::UTC, packages, before }.make()
    }

    fn names(index: &Index) -> Vec<&str> {
        (0..index.len()).filter_map(|row| index.package(row)).map(|package| package.key.name()).collect()
    }

    #[test]
    fn equals_keep_the_order_of_names_in_both_directions() {
        let packages = list(&[("a", 2, "x"), ("b", 1, "y"), ("c", 2, "x"), ("d", 1, "")]);
        let by = |kind, descending| SortBy { kind, descending };
        let mut wanted = Wanted { sort: vec![by(ColumnKind::Size, false)], ..Wanted::default() };
        assert_eq!(names(&make(&wanted, &packages, &packages)), ["b", "d", "a", "c"]);
        wanted.sort = vec![by(ColumnKind::Size, true)];
        assert_eq!(names(&make(&wanted, &packages, &packages)), ["a", "c", "b", "d"]);
        wanted.sort = vec![by(ColumnKind::Supplier, false), by(ColumnKind::Name, true)];
        assert_eq!(names(&make(&wanted, &packages, &packages)), ["c", "a", "b", "d"]);
        wanted.sort = vec![by(ColumnKind::Name, true)];
        assert_eq!(names(&make(&wanted, &packages, &packages)), ["d", "c", "b", "a"]);
    }

    #[test]
    fn of_each_product_the_newest_that_are_not_archived_are_left_out() {
        let versions = ["Tool 1.9", "tool 1.10", "Tool 2", "Tool 3", "Other 1", "Other 2", "Zed 7"];
        let all = versions.map(|title| {
            let (name, version) = title.split_once(' ').expect("a name and a version");
            let mut summary = package(title, 1, "");
            summary.key = PackageKey::new(name, version).expect("a good name");
            if title == "Tool 3" {
                summary.state = PackageState::Archived;
            }
            summary
        });
        let mut all = all.to_vec();
        all.sort_by_key(|package| package.key.folded());
        let packages = Arc::new(all.into_iter().collect::<PackageList>());
        let by_name = SortBy { kind: ColumnKind::Name, descending: true };
        let wanted = Wanted { sort: vec![by_name], ..Wanted::default() };
        let index = make(&wanted, &packages, &packages);
        let titles = |rows: Vec<usize>| -> Vec<String> {
            rows.into_iter().map(|row| index.package(row).expect("a row").key.title()).collect()
        };
        assert_eq!(titles(index.older_than_newest(2)), ["Tool 1.9"]);
        let mut older = titles(index.older_than_newest(1));
        older.sort();
        assert_eq!(older, ["Other 1", "Tool 1.9", "tool 1.10"]);
        assert!(index.older_than_newest(3).is_empty());
    }

    #[test]
    fn rows_are_found_again_after_sorting_filtering_and_another_list() {
        let before = list(&[("a", 2, ""), ("b", 1, ""), ("d", 3, "")]);
        let after = list(&[("aa", 9, ""), ("b", 1, ""), ("c", 0, ""), ("d", 3, "")]);
        let wanted = Wanted::default();
        let first = make(&wanted, &before, &before);
        let by_size = vec![SortBy { kind: ColumnKind::Size, descending: true }];
        let second = make(&Wanted { sort: by_size, ..Wanted::default() }, &after, &before);
        assert_eq!(names(&second), ["aa", "d", "b", "c"]);
        assert_eq!([0, 1, 2].map(|row| second.row_after(&first, row)), [None, Some(2), Some(1)]);
        assert_eq!(second.row_of(before[1].id), Some(2));
        let filters = Filters { chip: Chip::Blocked, ..Filters::default() };
        let none = make(&Wanted { filters, ..Wanted::default() }, &after, &after);
        assert!(none.is_empty() && none.row_after(&second, 0).is_none());
    }
}
