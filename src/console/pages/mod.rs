//! What the middle of the window shows, one module a page.

pub mod history;
pub mod new_package;
pub mod opening;
pub mod packages;

use std::borrow::Cow;
use std::collections::HashMap;

use super::format;
use super::icons::Icon;
use super::widgets::tree::TreeRow;
use crate::package::PackageState;
use crate::session::View;

/// Who registers without being asked.
pub const SYSTEM: &str = "System";

/// A place in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Packages that are not as recorded.
    Inconsistent,
    /// Everything that happened.
    History,
}

/// The tree as it is now: each row with the place it stands for.
pub fn tree(view: &View) -> Vec<(Option<Place>, TreeRow<'static>)> {
    let packages = &view.packages;
    let count = |n: usize| if n == 0 { String::new() } else { format::thousands(n as u64) };
    let mut rows = vec![(None, TreeRow::heading("Library"))];
    let all = TreeRow::item(0, Icon::Library, "Software Package Library", count(packages.len()));
    rows.push((Some(Place::Packages), all));
    let mut members: HashMap<&str, usize> = HashMap::new();
    for package in packages.iter() {
        *members.entry(package.group.as_str()).or_default() += 1;
    }
    for group in view.groups.iter() {
        let members = members.get(group.as_str()).copied().unwrap_or(0);
        let row = TreeRow::item(1, Icon::Folder, Cow::Owned(group.clone()), count(members));
        rows.push((Some(Place::Group(group.clone())), row));
    }
    let filed = packages.iter().filter(|package| package.filed_by == SYSTEM).count();
    rows.push((Some(Place::AutoRegistered), TreeRow::item(0, Icon::Folder, "Auto-registered", count(filed))));
    let archived = packages.iter().filter(|package| package.state == PackageState::Archived).count();
    rows.push((Some(Place::Archived), TreeRow::item(0, Icon::Archive, "Archived", count(archived))));
    rows.push((None, TreeRow::heading("Health")));
    let inconsistent =
        packages.iter().filter(|package| package.finding != crate::package::Finding::Consistent).count();
    let row = TreeRow::item(0, Icon::Warning, "Inconsistent packages", count(inconsistent));
    rows.push((Some(Place::Inconsistent), if inconsistent > 0 { row.bad() } else { row }));
    rows.push((Some(Place::History), TreeRow::item(0, Icon::Clock, "History", "")));
    rows
}
