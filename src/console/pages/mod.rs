//! What the middle of the window shows, one module a page.

pub mod computers;
pub mod downloads;
pub mod history;
pub mod jobs;
pub mod keys;
pub mod library_check;
pub mod new_package;
pub mod opening;
pub mod packages;
pub mod search;
pub mod settings;
pub mod staging;
pub mod tasks;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use egui::{Key, Modifiers};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::format;
use super::icons::Icon;
use super::widgets::tree::TreeRow;
use crate::package::record::PackageSummary;
use crate::package::staging::StagingId;
use crate::package::{Finding, PackageState};
use crate::session::{ComputerGroupRow, StagingRow, View};

/// Who registers without being asked.
pub const SYSTEM: &str = "System";

/// A place in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Every package.
    #[default]
    Packages,
    /// The packages of a software group.
    Group(String),
    /// Packages filed by System.
    AutoRegistered,
    /// Archived packages.
    Archived,
    /// Packages that no new job may use.
    Retired,
    /// Packages that are not as recorded.
    Inconsistent,
    /// Files that were searched for.
    Search,
    /// Packages on their way here.
    Downloads,
    /// Job containers.
    Jobs,
    /// The targets of one of them.
    Job(Uuid),
    /// Computers that packages are delivered to.
    Computers,
    /// Those of a group.
    ComputerGroup(String),
    /// Those that packages are tried on.
    TestComputers,
    /// Those that were not heard of lately.
    NotSeen,
    /// Staging libraries.
    Staging,
    /// One of them.
    StagingLibrary(StagingId),
    /// A deep check of many packages.
    LibraryCheck,
    /// Everything that happened.
    History,
    /// What runs and what ran.
    Tasks,
    /// Own and trusted keys.
    Keys,
    /// How the program behaves.
    Settings,
}

impl Place {
    /// What it is called in a log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Group(_) => "Group",
            Self::Search => "Search results",
            Self::Job(_) => "Job",
            Self::ComputerGroup(_) => "Group of computers",
            Self::StagingLibrary(_) => "Staging library",
            other => Page::ALL.iter().find(|page| page.place() == *other).map_or("", |page| page.word()),
        }
    }

    /// Whether it shows packages.
    pub fn is_list(&self) -> bool {
        !self.is_delivery()
            && !matches!(
                self,
                Self::Search
                    | Self::Downloads
                    | Self::LibraryCheck
                    | Self::History
                    | Self::Tasks
                    | Self::Keys
                    | Self::Settings
            )
    }
}

impl Place {
    /// Whether it shows computers.
    pub fn is_computers(&self) -> bool {
        matches!(self, Self::Computers | Self::ComputerGroup(_) | Self::TestComputers | Self::NotSeen)
    }

    /// Whether it shows staging libraries.
    pub fn is_staging(&self) -> bool {
        matches!(self, Self::Staging | Self::StagingLibrary(_))
    }

    /// Whether it shows jobs, computers or staging libraries.
    pub fn is_delivery(&self) -> bool {
        self.is_computers() || self.is_staging() || matches!(self, Self::Jobs | Self::Job(_))
    }
}

/// A place that is always there; groups come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// [`Place::Packages`].
    Packages,
    /// [`Place::AutoRegistered`].
    AutoRegistered,
    /// [`Place::Archived`].
    Archived,
    /// [`Place::Retired`].
    Retired,
    /// [`Place::Downloads`].
    Downloads,
    /// [`Place::Jobs`].
    Jobs,
    /// [`Place::Computers`].
    Computers,
    /// [`Place::TestComputers`].
    TestComputers,
    /// [`Place::NotSeen`].
    NotSeen,
    /// [`Place::Staging`].
    Staging,
    /// [`Place::Inconsistent`].
    Inconsistent,
    /// [`Place::LibraryCheck`].
    LibraryCheck,
    /// [`Place::History`].
    History,
    /// [`Place::Tasks`].
    Tasks,
    /// [`Place::Keys`].
    Keys,
    /// [`Place::Settings`].
    Settings,
}

impl Page {
    /// All pages, in the order of the tree.
    pub const ALL: [Self; 16] = [
        Self::Packages,
        Self::AutoRegistered,
        Self::Archived,
        Self::Retired,
        Self::Downloads,
        Self::Jobs,
        Self::Computers,
        Self::TestComputers,
        Self::NotSeen,
        Self::Staging,
        Self::Inconsistent,
        Self::LibraryCheck,
        Self::History,
        Self::Tasks,
        Self::Keys,
        Self::Settings,
    ];

    /// The place in the tree.
    pub fn place(self) -> Place {
        match self {
            Self::Packages => Place::Packages,
            Self::AutoRegistered => Place::AutoRegistered,
            Self::Archived => Place::Archived,
            Self::Retired => Place::Retired,
            Self::Downloads => Place::Downloads,
            Self::Jobs => Place::Jobs,
            Self::Computers => Place::Computers,
            Self::TestComputers => Place::TestComputers,
            Self::NotSeen => Place::NotSeen,
            Self::Staging => Place::Staging,
            Self::Inconsistent => Place::Inconsistent,
            Self::LibraryCheck => Place::LibraryCheck,
            Self::History => Place::History,
            Self::Tasks => Place::Tasks,
            Self::Keys => Place::Keys,
            Self::Settings => Place::Settings,
        }
    }

    /// Its name in the tree and in menus.
    pub fn word(self) -> &'static str {
        match self {
            Self::Packages => "Software Package Library",
            Self::AutoRegistered => "Auto-registered",
            Self::Archived => "Archived",
            Self::Retired => "Retired",
            Self::Downloads => "Downloads",
            Self::Jobs => "Jobs",
            Self::Computers => "Computers",
            Self::TestComputers => "Test computers",
            Self::NotSeen => "Not seen lately",
            Self::Staging => "Staging libraries",
            Self::Inconsistent => "Inconsistent packages",
            Self::LibraryCheck => "Library check",
            Self::History => "History",
            Self::Tasks => "Tasks",
            Self::Keys => "Keys",
            Self::Settings => "Settings",
        }
    }

    /// What it is for.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Packages => "All packages",
            Self::AutoRegistered => "Packages filed by System",
            Self::Archived => "Packages whose files lie in an archive",
            Self::Retired => "Packages for which no new job is made",
            Self::Downloads => "Packages on their way here, block by block",
            Self::Jobs => "What is run on which computers, and how it stands",
            Self::Computers => "Computers that packages are delivered to",
            Self::TestComputers => "Computers that packages are tried on",
            Self::NotSeen => "Computers that were not heard of for 7 days",
            Self::Staging => "Where agents read packages. In ITMS: package server",
            Self::Inconsistent => "Packages that are not as recorded",
            Self::LibraryCheck => "Read every file and compare its hashes",
            Self::History => "Everything that happened in this library",
            Self::Tasks => "What runs, and what ran since the start",
            Self::Keys => "Keys that seal and keys that are trusted",
            Self::Settings => "Library, appearance, defaults",
        }
    }

    /// Its icon in the tree.
    pub fn icon(self) -> Icon {
        match self {
            Self::Packages => Icon::Library,
            Self::AutoRegistered => Icon::Folder,
            Self::Archived | Self::Retired => Icon::Archive,
            Self::Downloads => Icon::Download,
            Self::Jobs => Icon::Jobs,
            Self::Computers | Self::TestComputers | Self::NotSeen => Icon::Computers,
            Self::Staging => Icon::Staging,
            Self::Inconsistent => Icon::Warning,
            Self::LibraryCheck => Icon::Shield,
            Self::History => Icon::Clock,
            Self::Tasks => Icon::Jobs,
            Self::Keys => Icon::Key,
            Self::Settings => Icon::Settings,
        }
    }

    /// Its key.
    pub fn key(self) -> Option<(Modifiers, Key)> {
        let shifted = Modifiers::COMMAND | Modifiers::SHIFT;
        let number = match self {
            // The ten digits are taken.
            Self::Jobs => return Some((shifted, Key::J)),
            Self::Computers => return Some((shifted, Key::M)),
            Self::Staging => return Some((shifted, Key::L)),
            Self::TestComputers | Self::NotSeen => return None,
            Self::Packages => Key::Num1,
            Self::AutoRegistered => Key::Num2,
            Self::Archived => Key::Num3,
            Self::Retired => Key::Num4,
            Self::Inconsistent => Key::Num5,
            Self::LibraryCheck => Key::Num6,
            Self::History => Key::Num7,
            Self::Tasks => Key::Num8,
            Self::Keys => Key::Num9,
            Self::Downloads => Key::Num0,
            Self::Settings => Key::Comma,
        };
        Some((Modifiers::COMMAND, number))
    }
}

/// What the tree shows of jobs and computers.
#[derive(Clone, Debug, Default)]
pub struct TreeDelivery {
    /// Rises with every reading.
    pub count: u64,
    /// Jobs that have not ended.
    pub active_jobs: usize,
    /// The one whose targets are shown.
    pub job: Option<(Uuid, String)>,
    /// All computers.
    pub computers: usize,
    /// Test computers.
    pub tests: usize,
    /// Those that were not seen lately.
    pub unseen: usize,
    /// Groups of computers, by name.
    pub groups: Arc<Vec<ComputerGroupRow>>,
    /// Staging libraries, by name.
    pub staging: Arc<Vec<StagingRow>>,
}

/// What the rows of the tree are made for: the view, whether anything was searched for, active downloads, the reading of
/// jobs and computers, and the job that is shown.
type MadeFor = (u64, bool, usize, u64, Option<Uuid>);

/// The rows of the tree, made anew when the library changed.
#[derive(Default)]
pub struct TreeRows {
    rows: Vec<TreeRow<'static>>,
    places: Vec<Option<Place>>,
    made: Option<MadeFor>,
}

impl TreeRows {
    /// Makes them anew if this is another view; `searched` says whether anything was searched for, `active` how many
    /// downloads are at work.
    pub fn refresh(&mut self, view: &View, searched: bool, active: usize, delivery: &TreeDelivery) {
        let job = delivery.job.as_ref().map(|(id, _)| *id);
        let of = Some((view.epoch, searched, active, delivery.count, job));
        if self.made != of {
            (self.places, self.rows) = tree(view, searched, active, delivery).into_iter().unzip();
            self.made = of;
        }
    }

    /// The rows.
    pub fn rows(&self) -> &[TreeRow<'static>] {
        &self.rows
    }

    /// The place a row stands for; a heading stands for none.
    pub fn place(&self, row: usize) -> Option<&Place> {
        self.places.get(row)?.as_ref()
    }

    /// The row of a place.
    pub fn row_of(&self, place: &Place) -> Option<usize> {
        self.places.iter().position(|one| one.as_ref() == Some(place))
    }
}

/// Each row of the tree with the place it stands for.
fn tree(
    view: &View,
    searched: bool,
    active: usize,
    delivery: &TreeDelivery,
) -> Vec<(Option<Place>, TreeRow<'static>)> {
    let packages = &view.packages;
    let count = |n: usize| if n == 0 { String::new() } else { format::thousands(n as u64) };
    let number =
        |takes: fn(&PackageSummary) -> bool| count(packages.iter().filter(|package| takes(package)).count());
    let page =
        |page: Page, count: String| (Some(page.place()), TreeRow::item(0, page.icon(), page.word(), count));
    let heading = |text: &'static str| (None, TreeRow::heading(text));
    let mut rows = vec![heading("Library")];
    // Dropped here, packages leave their group.
    let (place, row) = page(Page::Packages, count(packages.len()));
    rows.push((place, row.taking()));
    let mut members: HashMap<&str, usize> = HashMap::new();
    for package in packages.iter() {
        *members.entry(package.group.as_str()).or_default() += 1;
    }
    for group in view.groups.iter() {
        let members = members.get(group.as_str()).copied().unwrap_or(0);
        let row = TreeRow::item(1, Icon::Folder, Cow::Owned(group.clone()), count(members)).taking();
        rows.push((Some(Place::Group(group.clone())), row));
    }
    rows.push(page(Page::AutoRegistered, number(|package| package.filed_by == SYSTEM)));
    rows.push(page(Page::Archived, number(|package| package.state == PackageState::Archived)));
    rows.push(page(Page::Retired, number(|package| package.retired)));
    if searched {
        let row = TreeRow::item(0, Icon::Search, "Search results", "");
        rows.push((Some(Place::Search), row));
    }
    rows.push(heading("Delivery"));
    let active =
        if active == 0 { String::new() } else { format!("{} active", format::thousands(active as u64)) };
    rows.push(page(Page::Downloads, active));
    let jobs = match delivery.active_jobs {
        0 => String::new(),
        active => format!("{} active", format::thousands(active as u64)),
    };
    rows.push(page(Page::Jobs, jobs));
    if let Some((id, name)) = &delivery.job {
        let row = TreeRow::item(1, Icon::Jobs, Cow::Owned(name.clone()), "");
        rows.push((Some(Place::Job(*id)), row));
    }
    rows.push(page(Page::Computers, count(delivery.computers)));
    // A package that is dropped on a group begins a job for it.
    for group in delivery.groups.iter() {
        let members = count(usize::try_from(group.computers).unwrap_or(usize::MAX));
        let row = TreeRow::item(1, Icon::Folder, Cow::Owned(group.name.clone()), members).taking();
        rows.push((Some(Place::ComputerGroup(group.name.clone())), row));
    }
    if delivery.computers > 0 {
        rows.push(page(Page::TestComputers, count(delivery.tests)));
        rows.push(page(Page::NotSeen, count(delivery.unseen)));
    }
    rows.push(page(Page::Staging, count(delivery.staging.len())));
    // A package that is dropped on one is staged there.
    for row in delivery.staging.iter() {
        let name = Cow::Owned(row.staging.name.clone());
        let copies = count(usize::try_from(row.copies).unwrap_or(usize::MAX));
        let item = TreeRow::item(1, Icon::Staging, name, copies).taking();
        rows.push((Some(Place::StagingLibrary(row.staging.id)), item));
    }
    rows.push(heading("Health"));
    let inconsistent = number(|package| package.finding != Finding::Consistent);
    let finds = !inconsistent.is_empty();
    let (place, row) = page(Page::Inconsistent, inconsistent);
    rows.push((place, if finds { row.bad() } else { row }));
    rows.push(page(Page::LibraryCheck, String::new()));
    rows.push(page(Page::History, String::new()));
    rows.push(heading("Packhouse"));
    rows.extend([Page::Tasks, Page::Keys, Page::Settings].map(|one| page(one, String::new())));
    rows
}
