//! The columns of a list of packages: what each is called, shows, and sorts by; which are shown, in which order.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Moment;
use super::texts::{checked_text, consistency_text, last_check, state_text};
use crate::console::format;
use crate::console::pages::Place;
use crate::console::tokens::Tone;
use crate::console::widgets::list::{Cell, Column};
use crate::package::Finding;
use crate::package::record::PackageSummary;

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the word that `ColumnKind::word` gives")]
pub enum ColumnKind {
    Name,
    Version,
    State,
    Consistency,
    Checked,
    Size,
    Registered,
    Supplier,
    Files,
    Group,
    FiledBy,
    SealedBy,
    SealedOn,
    Revision,
    Checksum,
    ChangedOnDisk,
    Replaces,
    ArchivePlace,
    Comment,
    PackageId,
    Since,
    FoundBy,
}
use ColumnKind as K;

/// Which list a layout belongs to: the same columns do not serve all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListKind {
    /// Packages, groups, auto-registered.
    Packages,
    /// Archived packages.
    Archived,
    /// Packages that are not as recorded.
    Inconsistent,
}

impl ListKind {
    /// The list at a place of the tree.
    pub fn of(place: &Place) -> Self {
        match place {
            Place::Archived => Self::Archived,
            Place::Inconsistent => Self::Inconsistent,
            _ => Self::Packages,
        }
    }

    /// The columns it begins with.
    fn columns(self) -> &'static [ColumnKind] {
        match self {
            Self::Packages => &[
                K::Name,
                K::Version,
                K::State,
                K::Consistency,
                K::Checked,
                K::Size,
                K::Registered,
                K::Supplier,
            ],
            Self::Archived => &[
                K::Name,
                K::Version,
                K::Consistency,
                K::Files,
                K::Size,
                K::ArchivePlace,
                K::Registered,
                K::Supplier,
            ],
            Self::Inconsistent => &[K::Name, K::Version, K::State, K::Consistency, K::Since, K::FoundBy],
        }
    }
}

/// A column that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownColumn {
    /// Which.
    pub kind: ColumnKind,
    /// Its width in points, once somebody chose it.
    #[serde(default)]
    pub width: Option<f32>,
}

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortBy {
    /// The column.
    pub kind: ColumnKind,
    /// Largest first.
    #[serde(default)]
    pub descending: bool,
}

/// The columns of a list, their order and widths, and how it is sorted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// From left to right.
    pub columns: Vec<ShownColumn>,
    /// The column that decides, and the one that decides among equals.
    pub sort: Vec<SortBy>,
}

impl Layout {
    /// How a list begins.
    pub fn of(list: ListKind) -> Self {
        let columns = list.columns().iter().map(|kind| ShownColumn { kind: *kind, width: None }).collect();
        Self { columns, sort: vec![SortBy { kind: K::Name, descending: false }] }
    }

    /// The same without what cannot be: no column, a column twice, a width that nobody can see, three sortings.
    pub fn sane(mut self, list: ListKind) -> Self {
        let mut seen = Vec::new();
        self.columns.retain(|column| {
            let new = !seen.contains(&column.kind);
            seen.push(column.kind);
            new
        });
        for column in &mut self.columns {
            let fits = |width: &f32| width.is_finite() && (30.0..=4000.0).contains(width);
            column.width = column.width.filter(fits);
        }
        if self.columns.is_empty() {
            self.columns = Self::of(list).columns;
        }
        self.sort.truncate(2);
        if self.sort.is_empty() {
            self.sort = Self::of(list).sort;
        }
        self
    }

    /// Shows or hides a column; the last one stays.
    pub fn toggle(&mut self, kind: ColumnKind) {
        match self.columns.iter().position(|column| column.kind == kind) {
            Some(_) if self.columns.len() == 1 => {}
            Some(at) => {
                self.columns.remove(at);
            }
            None => self.columns.push(ShownColumn { kind, width: None }),
        }
    }

    /// Whether a column is shown.
    pub fn shows(&self, kind: ColumnKind) -> bool {
        self.columns.iter().any(|column| column.kind == kind)
    }

    /// A click on a header: sorts by it, or the other way round; among equals only, if `among_equals`.
    pub fn sort_by(&mut self, kind: ColumnKind, among_equals: bool) {
        let first = self.sort.first().copied().filter(|first| first.kind != kind);
        let turned = |sort: Option<&SortBy>| {
            let before = sort.filter(|sort| sort.kind == kind);
            SortBy { kind, descending: before.is_some_and(|sort| !sort.descending) }
        };
        self.sort = match (among_equals, first) {
            (true, Some(first)) => vec![first, turned(self.sort.get(1))],
            _ => vec![turned(self.sort.first())],
        };
    }
}

impl ColumnKind {
    /// Every column, as the dialog lists them.
    pub const ALL: [Self; 22] = [
        Self::Name,
        Self::Version,
        Self::State,
        Self::Consistency,
        Self::Checked,
        Self::Size,
        Self::Registered,
        Self::Supplier,
        Self::Files,
        Self::Group,
        Self::FiledBy,
        Self::SealedBy,
        Self::SealedOn,
        Self::Revision,
        Self::Checksum,
        Self::ChangedOnDisk,
        Self::Replaces,
        Self::ArchivePlace,
        Self::Comment,
        Self::PackageId,
        Self::Since,
        Self::FoundBy,
    ];

    /// The word in the header.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Version => "Version",
            Self::State => "State",
            Self::Consistency => "Consistency",
            Self::Checked => "Checked",
            Self::Size => "Size",
            Self::Registered => "Registered",
            Self::Supplier => "Supplier",
            Self::Files => "Files",
            Self::Group => "Group",
            Self::FiledBy => "Filed by",
            Self::SealedBy => "Sealed by",
            Self::SealedOn => "Sealed on",
            Self::Revision => "Revision",
            Self::Checksum => "Checksum",
            Self::ChangedOnDisk => "Changed on disk",
            Self::Replaces => "Replaces",
            Self::ArchivePlace => "Archive place",
            Self::Comment => "Comment",
            Self::PackageId => "Package id",
            Self::Since => "Since",
            Self::FoundBy => "Found by",
        }
    }

    /// The column as the list shows it.
    pub(super) fn column(self, width: Option<f32>) -> Column {
        // Together they fit a window of 1280 points beside the tree.
        let usual = match self {
            Self::Name => 180.0,
            Self::Consistency => 230.0,
            Self::Supplier | Self::Replaces | Self::SealedBy => 140.0,
            Self::Since | Self::ChangedOnDisk => 136.0,
            Self::Checked => 120.0,
            Self::Registered | Self::Group | Self::FiledBy | Self::SealedOn | Self::Checksum => 100.0,
            Self::Version => 92.0,
            Self::State | Self::Size | Self::Files | Self::Revision => 82.0,
            Self::FoundBy => 160.0,
            Self::Comment | Self::ArchivePlace | Self::PackageId => 260.0,
        };
        let width_now = width.unwrap_or(usual);
        let column = match self {
            Self::Size | Self::Files | Self::Revision => Column::number(self.word(), width_now),
            _ => Column::text(self.word(), width_now),
        };
        // What is left over goes to the names, unless somebody chose their width.
        if self == Self::Name && width.is_none() { column.growing() } else { column }
    }

    /// What stands in the column.
    pub(super) fn cell<'p>(self, package: &'p PackageSummary, moment: Moment<'_>) -> Cell<'p> {
        let time = |at: Option<Timestamp>| Cell::secondary(at.map(|at| moment.text(at)).unwrap_or_default());
        let date = |at: Option<Timestamp>| {
            Cell::secondary(at.map(|at| format::date(at, moment.zone)).unwrap_or_default())
        };
        match self {
            Self::Name => Cell::new(package.key.name()),
            Self::Version => Cell::new(package.key.version()),
            Self::State => {
                let tone = if package.is_blocked() { Tone::Bad } else { Tone::Secondary };
                Cell::new(state_text(package)).tone(tone)
            }
            Self::Consistency => {
                let (text, tone) = consistency_text(package, moment);
                Cell::new(text).tone(tone)
            }
            Self::Checked => Cell::secondary(checked_text(package, moment)),
            Self::Size => Cell::new(format::size(package.size_bytes)),
            Self::Files => Cell::new(format::thousands(package.files)),
            Self::Registered => date(Some(package.registered)),
            Self::Supplier => Cell::secondary(package.supplier.as_str()),
            Self::Group => Cell::secondary(package.group.as_str()),
            Self::FiledBy => Cell::secondary(package.filed_by.as_str()),
            Self::SealedBy => Cell::secondary(package.sealed_by.as_deref().unwrap_or_default()),
            Self::SealedOn => date(package.sealed_at),
            Self::Revision if package.revision == 0 => Cell::default(),
            Self::Revision => Cell::secondary(package.revision.to_string()),
            Self::Checksum => Cell::secondary(package.digest.short()).monospace(),
            Self::ChangedOnDisk => time(package.marked),
            Self::Replaces => Cell::secondary(package.replaces().map(|key| key.title()).unwrap_or_default()),
            Self::ArchivePlace => Cell::secondary(package.archive_path().unwrap_or_default()),
            Self::Comment => Cell::secondary(package.comment()),
            Self::PackageId => Cell::secondary(package.id.to_string()).monospace(),
            Self::Since => time(package.noticed_at),
            Self::FoundBy => Cell::secondary(package.noticed_by.as_deref().unwrap_or_default()),
        }
    }

    /// The text of the column if it is the text of a field, which then is also what it sorts and filters by.
    pub(super) fn field(self, package: &PackageSummary) -> Option<Cow<'_, str>> {
        let field = match self {
            Self::Name => package.key.name(),
            Self::Version => package.key.version(),
            Self::State => state_text(package),
            Self::Supplier => package.supplier.as_str(),
            Self::Group => package.group.as_str(),
            Self::FiledBy => package.filed_by.as_str(),
            Self::SealedBy => package.sealed_by.as_deref().unwrap_or_default(),
            Self::FoundBy => package.noticed_by.as_deref().unwrap_or_default(),
            Self::ArchivePlace => package.archive_path().unwrap_or_default(),
            Self::Comment => package.comment(),
            Self::Replaces => {
                return Some(package.replaces().map_or(Cow::Borrowed(""), |key| key.title().into()));
            }
            _ => return None,
        };
        Some(Cow::Borrowed(field))
    }

    /// The moment in the column, where it shows one.
    pub(super) fn moment(self, package: &PackageSummary) -> Option<Timestamp> {
        match self {
            Self::Checked => last_check(package),
            Self::Registered => Some(package.registered),
            Self::SealedOn => package.sealed_at,
            Self::ChangedOnDisk => package.marked,
            Self::Since => package.noticed_at,
            _ => None,
        }
    }

    /// Numbers that stand in the order of the column, one for each of `packages` with its place in the library.
    pub(super) fn ranks<'p>(
        self,
        packages: impl Iterator<Item = (u32, &'p PackageSummary)> + Clone,
    ) -> Vec<u64> {
        match self {
            // The library is in the order of names.
            Self::Name => packages.map(|(place, _)| u64::from(place)).collect(),
            Self::State => packages.map(|(_, p)| u64::from(!p.is_blocked()) * 8 + p.state as u64).collect(),
            Self::Consistency => packages
                .map(|(_, p)| (u64::from(severity(p)) << 56) | (time_rank(last_check(p)) >> 8))
                .collect(),
            Self::Size => packages.map(|(_, p)| p.size_bytes).collect(),
            Self::Files => packages.map(|(_, p)| p.files).collect(),
            Self::Revision => packages.map(|(_, p)| p.revision).collect(),
            Self::Checksum => packages.map(|(_, p)| first_bytes(p.digest.as_bytes())).collect(),
            Self::PackageId => packages.map(|(_, p)| first_bytes(p.id.0.as_bytes())).collect(),
            Self::Checked | Self::Registered | Self::SealedOn | Self::ChangedOnDisk | Self::Since => {
                packages.map(|(_, p)| time_rank(self.moment(p))).collect()
            }
            Self::Version => text_ranks(packages.map(|(_, p)| Cow::Borrowed(p.key.version())), by_version),
            _ => text_ranks(packages.map(|(_, p)| self.field(p).unwrap_or_default()), by_letters),
        }
    }
}

/// Findings first.
fn severity(package: &PackageSummary) -> u8 {
    match (package.finding, package.marked.is_some(), package.checksum_control) {
        (Finding::Missing, ..) => 0,
        (Finding::Damaged, ..) => 1,
        (Finding::Unreadable, ..) => 2,
        (Finding::Differs, ..) => 3,
        (_, true, _) => 4,
        (.., false) => 5,
        _ => 6,
    }
}

/// Never comes first; then by time.
fn time_rank(at: Option<Timestamp>) -> u64 {
    // Microseconds of a time stamp lie within 2^58 on both sides of 1970.
    at.map_or(0, |at| at.as_microsecond().wrapping_add(1 << 62) as u64)
}

fn first_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The place of each text among the different ones. Few are different in most columns, and only those are compared.
fn text_ranks<'p>(
    texts: impl Iterator<Item = Cow<'p, str>> + Clone,
    compare: impl Fn(&str, &str) -> Ordering,
) -> Vec<u64> {
    let mut ranks: HashMap<Cow<'p, str>, u64> = texts.clone().map(|text| (text, 0)).collect();
    let mut order: Vec<(&str, &mut u64)> = ranks.iter_mut().map(|(text, rank)| (&**text, rank)).collect();
    order.sort_by(|a, b| compare(a.0, b.0).then_with(|| a.0.cmp(b.0)));
    order.into_iter().zip(0..).for_each(|((_, place), rank)| *place = rank);
    texts.map(|text| ranks.get(&text).copied().unwrap_or_default()).collect()
}

/// Without regard to case; what is empty comes last.
fn by_letters(a: &str, b: &str) -> Ordering {
    a.is_empty()
        .cmp(&b.is_empty())
        .then_with(|| a.chars().flat_map(char::to_lowercase).cmp(b.chars().flat_map(char::to_lowercase)))
}

/// Numbers in versions count as numbers: 24.9 comes before 24.10.
pub(super) fn by_version(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (part_a, rest_a, number_a) = first_part(a);
        let (part_b, rest_b, number_b) = first_part(b);
        let order = match (part_a.is_empty(), part_b.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            _ if number_a && number_b => {
                let (a, b) = (part_a.trim_start_matches('0'), part_b.trim_start_matches('0'));
                // Without leading zeros the longer number is the larger one.
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            _ => part_a.cmp(part_b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// The digits or the other characters at the beginning, what follows them, and whether they are digits.
fn first_part(text: &str) -> (&str, &str, bool) {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(text.len());
    let (part, rest) = text.split_at(end);
    (part, rest, is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_sorted_as_people_count() {
        let mut versions = ["24.10", "24.9", "1.0-beta", "1.0", "1.0.1", "2", "007", "10"];
        versions.sort_by(|a, b| by_version(a, b));
        assert_eq!(versions, ["1.0", "1.0-beta", "1.0.1", "2", "007", "10", "24.9", "24.10"]);
    }

    #[test]
    fn text_is_sorted_without_case_and_nothing_comes_last() {
        let ranks = text_ranks(["b", "", "A", "b", "Ö"].into_iter().map(Cow::Borrowed), by_letters);
        assert_eq!(ranks, [1, 3, 0, 1, 2]);
    }

    #[test]
    fn a_second_click_turns_and_shift_adds() {
        let mut layout = Layout::of(ListKind::Packages);
        layout.sort_by(K::Supplier, false);
        layout.sort_by(K::Size, true);
        layout.sort_by(K::Size, true);
        let sort = |kind, descending| SortBy { kind, descending };
        assert_eq!(layout.sort, [sort(K::Supplier, false), sort(K::Size, true)]);
        layout.sort_by(K::Supplier, true);
        assert_eq!(layout.sort, [sort(K::Supplier, true)], "the first column cannot also be the second");
    }

    #[test]
    fn what_cannot_be_shown_is_put_right() {
        let nothing = Layout { columns: Vec::new(), sort: Vec::new() };
        assert_eq!(nothing.sane(ListKind::Archived), Layout::of(ListKind::Archived));
        let mut odd = Layout::of(ListKind::Packages);
        odd.columns.push(ShownColumn { kind: K::Name, width: Some(100.0) });
        odd.columns[1].width = Some(f32::NAN);
        odd.columns[2].width = Some(1.0e9);
        assert_eq!(odd.sane(ListKind::Packages), Layout::of(ListKind::Packages));
    }

    #[test]
    fn the_last_column_stays() {
        let mut layout = Layout::of(ListKind::Inconsistent);
        for kind in ListKind::Inconsistent.columns() {
            layout.toggle(*kind);
        }
        assert_eq!(layout.columns.len(), 1);
    }
}
