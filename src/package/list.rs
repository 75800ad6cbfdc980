//! All packages of a library at one moment, in the order of their names.
//!
//! A new list shares the rows that did not change with the list before it, so a refresh of 100,000 packages costs the
//! memory of those that changed.

use std::collections::HashMap;
use std::ops::Index;
use std::sync::Arc;

use super::record::{PackageId, PackageSummary};

/// Packages by name and version without regard to case.
#[derive(Clone, Debug, Default)]
pub struct PackageList {
    rows: Vec<Arc<PackageSummary>>,
    places: HashMap<PackageId, u32>,
}

impl PackageList {
    /// A list of rows that are already in order.
    pub fn new(rows: Vec<Arc<PackageSummary>>) -> Self {
        let places = rows.iter().zip(0..).map(|(row, place)| (row.id, place)).collect();
        Self { rows, places }
    }

    /// How many packages there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All packages, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PackageSummary> + DoubleEndedIterator {
        self.rows.iter().map(|row| &**row)
    }

    /// The package at `place`.
    pub fn get(&self, place: usize) -> Option<&PackageSummary> {
        self.rows.get(place).map(|row| &**row)
    }

    /// The rows as they are shared.
    pub fn rows(&self) -> &[Arc<PackageSummary>] {
        &self.rows
    }

    /// Where a package stands.
    pub fn place_of(&self, id: PackageId) -> Option<usize> {
        self.places.get(&id).map(|place| *place as usize)
    }

    /// The package with this identity.
    pub fn find(&self, id: PackageId) -> Option<&Arc<PackageSummary>> {
        self.rows.get(self.place_of(id)?)
    }
}

impl Index<usize> for PackageList {
    type Output = PackageSummary;
    fn index(&self, place: usize) -> &PackageSummary {
        &self.rows[place]
    }
}

impl FromIterator<PackageSummary> for PackageList {
    fn from_iter<I: IntoIterator<Item = PackageSummary>>(packages: I) -> Self {
        Self::new(packages.into_iter().map(Arc::new).collect())
    }
}
