//! The list of packages: all, a group, the archived, those filed by System, and those that are not as recorded.
//!
//! Owns which rows are shown in which order, kept as an index over the view and made anew only when the place, the
//! filter, the sorting or the library changed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use egui::{Frame, Margin, Panel, Ui};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::action::Action;
use super::super::command::{Command, Scope};
use super::super::format;
use super::super::icons::{Icon, Mark};
use super::super::theme::Density;
use super::super::tokens::Tone;
use super::super::widgets::chip::chip;
use super::super::widgets::list::{Cell, Column, List, ListState, Row, Rows, Sort};
use super::{Place, SYSTEM};
use crate::package::record::{PackageId, PackageSummary};
use crate::package::{Finding, PackageState};
use crate::session::View;

/// A chip above the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chip {
    /// Everything.
    #[default]
    All,
    /// Open packages.
    Open,
    /// Blocked ones.
    Blocked,
    /// Without checksum control.
    CheckOff,
    /// Never read whole since they were registered.
    NeverDeepChecked,
}

impl Chip {
    const ALL: [Self; 5] = [Self::All, Self::Open, Self::Blocked, Self::CheckOff, Self::NeverDeepChecked];

    fn word(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Open => "Open",
            Self::Blocked => "Blocked",
            Self::CheckOff => "Check off",
            Self::NeverDeepChecked => "Never deep checked",
        }
    }

    fn takes(self, package: &PackageSummary) -> bool {
        match self {
            Self::All => true,
            Self::Open => package.state == PackageState::Open,
            Self::Blocked => package.is_blocked(),
            Self::CheckOff => !package.checksum_control,
            Self::NeverDeepChecked => package.deep_at.is_none(),
        }
    }
}

/// What the index was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    place: Place,
    chip: Chip,
    search: String,
    sort: Sort,
    epoch: u64,
}

/// The list and what it remembers.
pub struct PackagesPage {
    chip: Chip,
    sort: Sort,
    list: ListState,
    index: Vec<u32>,
    ids: Vec<PackageId>,
    made: Option<Made>,
    wanted: Vec<PackageId>,
}

impl Default for PackagesPage {
    fn default() -> Self {
        Self {
            chip: Chip::All,
            sort: Sort { column: 0, descending: false },
            list: ListState::default(),
            index: Vec::new(),
            ids: Vec::new(),
            made: None,
            wanted: Vec::new(),
        }
    }
}

/// What the list is drawn from.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The library.
    pub view: &'a View,
    /// Where in the tree.
    pub place: &'a Place,
    /// The clock.
    pub moment: Moment<'a>,
    /// Height of rows.
    pub density: Density,
    /// What commands would act on.
    pub scope: &'a Scope,
}

/// What stands around the rows: the clock and where it is.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// Now.
    pub now: Timestamp,
    /// The zone of times on screen.
    pub zone: &'a TimeZone,
}

impl Moment<'_> {
    /// `10:42` today, else date and time.
    pub fn text(&self, at: Timestamp) -> String {
        format::time_or_date(at, self.now, self.zone)
    }

    /// Date and time.
    pub fn full(&self, at: Timestamp) -> String {
        format::date_time(at, self.zone)
    }
}

impl PackagesPage {
    /// The selected packages.
    pub fn selected(&self, view: &View) -> Vec<PackageSummary> {
        let rows = self.list.selection.rows().filter_map(|row| self.index.get(row));
        rows.filter_map(|at| view.packages.get(*at as usize)).cloned().collect()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many rows are selected.
    pub fn selected_count(&self) -> usize {
        self.list.selection.len()
    }

    /// Selects a package as soon as it is in the list.
    pub fn select_when_seen(&mut self, id: PackageId) {
        self.wanted = vec![id];
    }

    /// Selects several packages, as far as they are in the list when it is made next.
    pub fn select_all_when_seen(&mut self, ids: Vec<PackageId>) {
        self.chip = Chip::All;
        self.wanted = ids;
    }

    /// Whether any filter but the place hides rows.
    pub fn is_filtered(&self) -> bool {
        self.chip != Chip::All
    }

    /// Makes the index anew if anything it depends on changed; the selection stays with its packages.
    pub fn refresh(&mut self, view: &View, place: &Place, search: &str) {
        let search = search.trim().to_lowercase();
        let made = Made { place: place.clone(), chip: self.chip, search, sort: self.sort, epoch: view.epoch };
        if self.made.as_ref() != Some(&made) {
            if self.made.as_ref().is_some_and(|before| before.place != made.place) {
                self.list = ListState::default();
            }
            let packages = &view.packages;
            let takes = |package: &PackageSummary| {
                is_in(place, package)
                    && made.chip.takes(package)
                    && (made.search.is_empty()
                        || package.key.title().to_lowercase().contains(&made.search)
                        || package.supplier.to_lowercase().contains(&made.search))
            };
            let rows = packages.iter().enumerate().filter(|(_, package)| takes(package));
            self.index = rows.filter_map(|(at, _)| u32::try_from(at).ok()).collect();
            // The view is sorted by name and version; a stable sort keeps that order among equals.
            let columns = column_kinds(place);
            let kind = columns.get(made.sort.column).copied().unwrap_or(Kind::Name);
            if kind != Kind::Name {
                self.index.sort_by(|a, b| kind.compare(&packages[*a as usize], &packages[*b as usize]));
            }
            if made.sort.descending {
                self.index.reverse();
            }
            let ids: Vec<PackageId> = self.index.iter().map(|at| packages[*at as usize].id).collect();
            if !self.list.selection.is_empty() || self.list.selection.cursor().is_some() {
                let places: HashMap<PackageId, usize> =
                    ids.iter().enumerate().map(|(row, id)| (*id, row)).collect();
                let before = &self.ids;
                self.list.selection.remap(|row| before.get(row).and_then(|id| places.get(id)).copied());
            }
            self.ids = ids;
            self.made = Some(made);
        }
        if !self.wanted.is_empty() {
            let wanted: HashSet<PackageId> = self.wanted.iter().copied().collect();
            let rows = self.ids.iter().enumerate().filter(|(_, id)| wanted.contains(id));
            let rows: Vec<usize> = rows.map(|(row, _)| row).collect();
            if let Some((first, rest)) = rows.split_first() {
                self.list.selection.select(*first);
                rest.iter().for_each(|row| self.list.selection.toggle(*row));
                self.list.scroll_to(*first);
                self.wanted.clear();
            }
        }
    }

    /// Shows chips and list.
    pub fn ui(&mut self, ui: &mut Ui, shown: &Shown<'_>, actions: &mut Vec<Action>) {
        let Shown { view, place, moment, density, scope } = *shown;
        if *place == Place::Packages || matches!(place, Place::Group(_)) {
            let frame = Frame::new().inner_margin(Margin::symmetric(10, 5));
            Panel::top("chips").frame(frame).show_separator_line(false).show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 6.0;
                    for choice in Chip::ALL {
                        if chip(ui, choice.word(), self.chip == choice).clicked() {
                            self.chip = choice;
                        }
                    }
                });
            });
        } else {
            self.chip = Chip::All;
        }
        let kinds = column_kinds(place);
        let columns: Vec<Column> = kinds.iter().map(|kind| kind.column()).collect();
        let rows = PackageRows { view, index: &self.index, kinds, moment };
        let name = match place {
            Place::Inconsistent => "Inconsistent packages",
            Place::Archived => "Archived packages",
            Place::Retired => "Retired packages",
            _ => "Packages",
        };
        let done = List::new("packages", name, &columns, density.row_height()).sort(Some(self.sort)).show(
            ui,
            &mut self.list,
            &rows,
            |ui, _row| menu_ui(ui, scope, actions),
        );
        if let Some(column) = done.sort_clicked {
            let again = self.sort.column == column;
            self.sort = Sort { column, descending: again && !self.sort.descending };
        }
        if let Some(row) = done.opened
            && let Some(id) = self.ids.get(row)
        {
            actions.push(Action::Open(*id));
        }
    }
}

fn menu_ui(ui: &mut Ui, scope: &Scope, actions: &mut Vec<Action>) {
    ui.set_min_width(190.0);
    for (group, commands) in Command::PACKAGE_MENU.iter().enumerate() {
        if group > 0 {
            ui.separator();
        }
        for command in *commands {
            let entry = command.entry();
            let refused = scope.refusal(*command);
            let mut button = egui::Button::new(entry.text.as_str());
            if let Some(shortcut) = &entry.shortcut {
                button = button.shortcut_text(super::super::shell::key_text(ui.ctx(), shortcut));
            }
            let mut response = ui.add_enabled(refused.is_none(), button);
            if let Some(reason) = refused {
                response = response.on_disabled_hover_text(reason);
            }
            if response.clicked() {
                actions.push(Action::Run(*command));
                ui.close();
            }
        }
    }
}

fn is_in(place: &Place, package: &PackageSummary) -> bool {
    match place {
        Place::Packages => true,
        Place::Group(group) => package.group == *group,
        Place::AutoRegistered => package.filed_by == SYSTEM,
        Place::Archived => package.state == PackageState::Archived,
        Place::Retired => package.retired,
        Place::Inconsistent => package.finding != Finding::Consistent,
        Place::Search
        | Place::LibraryCheck
        | Place::History
        | Place::Tasks
        | Place::Keys
        | Place::Settings => false,
    }
}

/// A column of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Version,
    State,
    Consistency,
    Size,
    Registered,
    Supplier,
    Since,
    FoundBy,
    Files,
}

fn column_kinds(place: &Place) -> &'static [Kind] {
    use Kind::*;
    match place {
        Place::Inconsistent => &[Name, Version, State, Consistency, Since, FoundBy],
        Place::Archived => &[Name, Version, Consistency, Files, Size, Registered, Supplier],
        _ => &[Name, Version, State, Consistency, Size, Registered, Supplier],
    }
}

impl Kind {
    fn column(self) -> Column {
        match self {
            Self::Name => Column::text("Name", 180.0).growing(),
            Self::Version => Column::text("Version", 100.0),
            Self::State => Column::text("State", 84.0),
            Self::Consistency => Column::text("Consistency", 222.0),
            Self::Size => Column::number("Size", 84.0),
            Self::Registered => Column::text("Registered", 104.0),
            Self::Supplier => Column::text("Supplier", 150.0),
            Self::Since => Column::text("Since", 146.0),
            Self::FoundBy => Column::text("Found by", 160.0),
            Self::Files => Column::number("Files", 84.0),
        }
    }

    fn compare(self, a: &PackageSummary, b: &PackageSummary) -> Ordering {
        match self {
            Self::Name => a.key.cmp(&b.key),
            Self::Version => a.key.version().cmp(b.key.version()),
            Self::State => (a.is_blocked(), a.state).cmp(&(b.is_blocked(), b.state)),
            Self::Consistency => rank(a).cmp(&rank(b)).then(last_check(a).cmp(&last_check(b))),
            Self::Size => a.size_bytes.cmp(&b.size_bytes),
            Self::Files => a.files.cmp(&b.files),
            Self::Registered => a.registered.cmp(&b.registered),
            Self::Supplier => a.supplier.to_lowercase().cmp(&b.supplier.to_lowercase()),
            Self::Since => a.noticed_at.cmp(&b.noticed_at),
            Self::FoundBy => a.noticed_by.cmp(&b.noticed_by),
        }
    }
}

/// Findings first.
fn rank(package: &PackageSummary) -> u8 {
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

fn last_check(package: &PackageSummary) -> Option<Timestamp> {
    package.quick_at.max(package.deep_at)
}

/// Icon and corner mark of a package.
pub fn icon_of(package: &PackageSummary) -> (Icon, Option<Mark>) {
    let icon = match (package.finding, package.state) {
        (Finding::Missing, _) => Icon::PackageMissing,
        (_, PackageState::Open) => Icon::PackageOpen,
        (_, PackageState::Sealed) => Icon::PackageSealed,
        (_, PackageState::Archived) => Icon::PackageArchived,
    };
    let mark = if package.is_blocked() {
        Some(Mark::Blocked)
    } else if package.finding != Finding::Consistent {
        Some(Mark::Differs)
    } else if !package.checksum_control {
        Some(Mark::CheckOff)
    } else {
        None
    };
    (icon, mark)
}

/// The text of the column *Consistency*, and how it stands out.
pub fn consistency_text(package: &PackageSummary, moment: Moment<'_>) -> (Cow<'static, str>, Tone) {
    if package.finding != Finding::Consistent {
        let word = package.finding.word();
        let text = match package.noticed_at {
            Some(at) => Cow::Owned(format!("{word} since {}", moment.text(at))),
            None => Cow::Borrowed(word),
        };
        return (text, Tone::Bad);
    }
    if let Some(at) = package.marked {
        return (Cow::Owned(format!("Changed {}, not checked", moment.text(at))), Tone::Busy);
    }
    if package.state == PackageState::Archived {
        let text = match last_check(package) {
            Some(at) => Cow::Owned(format!("Verified in archive {}", format::date(at, moment.zone))),
            None => Cow::Borrowed("In the archive"),
        };
        return (text, Tone::Secondary);
    }
    if !package.checksum_control {
        return (Cow::Borrowed("Check off"), Tone::Busy);
    }
    let (at, kind) = match (package.quick_at, package.deep_at) {
        (quick, Some(deep)) if quick.is_none_or(|quick| quick < deep) => (deep, "deep"),
        (Some(quick), _) => (quick, "quick"),
        _ => (package.registered, "recorded"),
    };
    (Cow::Owned(format!("Consistent · {kind} {}", moment.text(at))), Tone::Secondary)
}

struct PackageRows<'a> {
    view: &'a View,
    index: &'a [u32],
    kinds: &'static [Kind],
    moment: Moment<'a>,
}

impl Rows for PackageRows<'_> {
    fn len(&self) -> usize {
        self.index.len()
    }

    fn row(&self, index: usize) -> Row<'_> {
        let package = &self.view.packages[self.index[index] as usize];
        let moment = self.moment;
        let state = if package.is_blocked() { "Blocked" } else { package.state.word() };
        let (consistency, tone) = consistency_text(package, moment);
        let name = format!("{}, {state}, {consistency}", package.key.title());
        let cells = self
            .kinds
            .iter()
            .map(|kind| match kind {
                Kind::Name => Cell::new(package.key.name()),
                Kind::Version => Cell::new(package.key.version()),
                Kind::State => {
                    let tone = if package.is_blocked() { Tone::Bad } else { Tone::Secondary };
                    Cell::secondary(state).tone(tone)
                }
                Kind::Consistency => Cell::new(consistency.clone()).tone(tone),
                Kind::Size => Cell::new(format::size(package.size_bytes)),
                Kind::Files => Cell::new(format::thousands(package.files)),
                Kind::Registered => Cell::secondary(format::date(package.registered, moment.zone)),
                Kind::Supplier => Cell::secondary(package.supplier.as_str()),
                Kind::Since => {
                    Cell::secondary(package.noticed_at.map(|at| moment.text(at)).unwrap_or_default())
                }
                Kind::FoundBy => Cell::secondary(package.noticed_by.as_deref().unwrap_or_default()),
            })
            .collect();
        Row { icon: Some(icon_of(package)), cells, name: name.into() }
    }

    fn jump_text(&self, index: usize) -> &str {
        self.view.packages[self.index[index] as usize].key.name()
    }
}
