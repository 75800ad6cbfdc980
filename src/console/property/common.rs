//! What several packages have in common: each field one value, or different ones.
//!
//! Made on another thread where there are many; the window only shows it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::draft::Part;
use crate::console::format;
use crate::console::icons::{Icon, Mark};
use crate::console::pages::packages::icon_of;
use crate::package::record::{PackageId, PackageSummary, PackageType};
use crate::package::{Finding, PackageList, PackageState};

/// A field of several packages; `None` where they differ.
pub(super) type Same<T> = Option<T>;

/// Several packages and what is said of all of them.
#[derive(Debug)]
pub struct Common {
    /// What it was made from, to know when it is old.
    pub(super) list: Arc<PackageList>,
    /// Those that are still there, in the order of the list.
    pub(super) rows: Vec<Arc<PackageSummary>>,
    pub(super) ids: Vec<PackageId>,
    pub(super) name: Same<String>,
    pub(super) version: Same<String>,
    pub(super) supplier: Same<String>,
    pub(super) group: Same<String>,
    pub(super) comment: Same<String>,
    pub(super) package_type: Same<PackageType>,
    pub(super) filed_by: Same<String>,
    pub(super) control: Same<bool>,
    pub(super) retired: usize,
    pub(super) controlled: usize,
    pub(super) blocked: usize,
    pub(super) files: u64,
    pub(super) size_bytes: u64,
    /// What the title of the window begins with.
    pub(super) icon: Same<(Icon, Option<Mark>)>,
    states: [usize; 3],
    findings: Vec<(Finding, usize)>,
    /// What is another than it was for any of them, since the last time they were compared.
    pub(super) changed: BTreeSet<Part>,
}

/// The value all of them have.
fn same<'a, T: PartialEq + ?Sized>(
    rows: &'a [Arc<PackageSummary>],
    field: impl Fn(&'a PackageSummary) -> &'a T,
) -> Option<&'a T> {
    let first = field(rows.first()?);
    rows.iter().all(|row| field(row) == first).then_some(first)
}

impl Common {
    /// Looks these packages up and compares them. 100,000 take longer than a frame.
    pub fn of(list: Arc<PackageList>, ids: &[PackageId]) -> Self {
        let wanted: HashSet<PackageId> = ids.iter().copied().collect();
        let mut places: Vec<usize> = wanted.iter().filter_map(|id| list.place_of(*id)).collect();
        places.sort_unstable();
        let rows: Vec<_> = places.iter().map(|place| Arc::clone(&list.rows()[*place])).collect();
        let text = |field: fn(&PackageSummary) -> &str| same(&rows, field).map(str::to_owned);
        let mut states = [0; 3];
        let mut findings: Vec<(Finding, usize)> = Vec::new();
        let (mut files, mut size_bytes) = (0u64, 0u64);
        let (mut blocked, mut retired, mut controlled) = (0, 0, 0);
        for row in &rows {
            states[row.state as usize] += 1;
            blocked += usize::from(row.is_blocked());
            retired += usize::from(row.retired);
            controlled += usize::from(row.checksum_control);
            files = files.saturating_add(row.files);
            size_bytes = size_bytes.saturating_add(row.size_bytes);
            match findings.iter_mut().find(|(finding, _)| *finding == row.finding) {
                Some((_, count)) => *count += 1,
                None => findings.push((row.finding, 1)),
            }
        }
        let icon = rows.first().map(|row| icon_of(row));
        Self {
            icon: icon.filter(|icon| rows.iter().all(|row| icon_of(row) == *icon)),
            name: text(|row| row.key.name()),
            version: text(|row| row.key.version()),
            supplier: text(|row| &row.supplier),
            group: text(|row| &row.group),
            comment: text(|row| row.comment()),
            filed_by: text(|row| &row.filed_by),
            package_type: same(&rows, |row| &row.package_type).copied(),
            control: same(&rows, |row| &row.checksum_control).copied(),
            ids: rows.iter().map(|row| row.id).collect(),
            list,
            rows,
            retired,
            controlled,
            blocked,
            files,
            size_bytes,
            states,
            findings,
            changed: BTreeSet::new(),
        }
    }

    /// Looks the same packages up in another list, and notes which of the fields that can be edited have changed.
    pub(super) fn again(&self, list: Arc<PackageList>) -> Self {
        let mut now = Self::of(list, &self.ids);
        let before: HashMap<PackageId, &Arc<PackageSummary>> =
            self.rows.iter().map(|row| (row.id, row)).collect();
        for row in &now.rows {
            // A row that did not change is the same one.
            let Some(was) = before.get(&row.id).filter(|was| !Arc::ptr_eq(was, row)) else { continue };
            let parts = [
                (Part::Supplier, was.supplier != row.supplier),
                (Part::Group, was.group != row.group),
                (Part::Comment, was.comment() != row.comment()),
                (Part::Control, was.checksum_control != row.checksum_control),
            ];
            now.changed.extend(parts.into_iter().filter(|(_, is)| *is).map(|(part, _)| part));
        }
        now
    }

    /// How many packages there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many are in this state.
    pub(super) fn in_state(&self, state: PackageState) -> usize {
        self.states[state as usize]
    }

    /// `9 sealed, 2 open, 1 archived, 1 blocked`.
    pub(super) fn states(&self) -> String {
        let count = |n: usize, word: &str| (n > 0).then(|| format!("{} {word}", format::thousands(n as u64)));
        let parts = [
            count(self.in_state(PackageState::Sealed), "sealed"),
            count(self.in_state(PackageState::Open), "open"),
            count(self.in_state(PackageState::Archived), "archived"),
            count(self.blocked, "blocked"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// `11 consistent, 1 differs`; the largest number first.
    pub(super) fn findings(&self) -> String {
        let mut findings = self.findings.clone();
        findings.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let part = |(finding, count): &(Finding, usize)| {
            format!("{} {}", format::thousands(*count as u64), finding.word().to_lowercase())
        };
        findings.iter().map(part).collect::<Vec<_>>().join(", ")
    }
}
