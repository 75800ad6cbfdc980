//! The selected packages, with what is said of all of them counted once: a menu asks it for every command, of up to
//! 100,000 packages.

use std::sync::Arc;

use super::format;
use crate::package::record::PackageSummary;
use crate::package::{PackageId, PackageState};

/// What is selected.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    packages: Vec<Arc<PackageSummary>>,
    states: [usize; 3],
    blocked: usize,
    size_bytes: u64,
}

impl Selected {
    /// Counts them.
    pub fn new(packages: Vec<Arc<PackageSummary>>) -> Self {
        let mut states = [0; 3];
        let (mut blocked, mut size_bytes) = (0, 0u64);
        for package in &packages {
            states[package.state as usize] += 1;
            blocked += usize::from(package.is_blocked());
            size_bytes = size_bytes.saturating_add(package.size_bytes);
        }
        Self { packages, states, blocked, size_bytes }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// All of them, in the order of the screen.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PackageSummary> {
        self.packages.iter().map(|package| &**package)
    }

    /// The one package, if it is one.
    pub fn one(&self) -> Option<&Arc<PackageSummary>> {
        match self.packages.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// How many are in this state.
    pub fn in_state(&self, state: PackageState) -> usize {
        self.states[state as usize]
    }

    /// How many are blocked.
    pub fn blocked(&self) -> usize {
        self.blocked
    }

    /// Identities, in the order of the screen.
    pub fn ids(&self) -> Vec<PackageId> {
        self.packages.iter().map(|package| package.id).collect()
    }

    /// Copies, for a dialog.
    pub fn to_vec(&self) -> Vec<PackageSummary> {
        self.iter().cloned().collect()
    }

    /// `12 selected: 9 sealed, 2 open, 1 blocked, 4.1 GiB`.
    pub fn sentence(&self) -> String {
        let count = |n: usize, word: &str| (n > 0).then(|| format!("{} {word}", format::thousands(n as u64)));
        let parts = [
            count(self.in_state(PackageState::Sealed), "sealed"),
            count(self.in_state(PackageState::Open), "open"),
            count(self.in_state(PackageState::Archived), "archived"),
            count(self.blocked, "blocked"),
            Some(format::size(self.size_bytes)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{} selected: {}", format::thousands(self.len() as u64), parts.join(", "))
    }
}

impl From<Vec<PackageSummary>> for Selected {
    fn from(packages: Vec<PackageSummary>) -> Self {
        Self::new(packages.into_iter().map(Arc::new).collect())
    }
}
