//! Whose home a staging library is: the computers that read it first.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::console::pages::computers::Known;

/// A computer that reads a staging library first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its name.
    pub computer: String,
    /// Why it does: `its own choice`, the name of a group, or where its agent was enrolled.
    pub by: HomeBy,
    /// Whether it reads no other.
    pub only: bool,
    /// When it was heard of last.
    pub seen: Option<Timestamp>,
}

/// Why a computer reads a staging library first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HomeBy {
    /// It says so itself.
    Own,
    /// This group of its says so.
    Group(String),
    /// Its agent looks there for jobs, and nobody said otherwise.
    Polls,
}

impl HomeBy {
    /// As it is shown.
    pub fn text(&self) -> String {
        match self {
            Self::Own => "set for the computer".to_owned(),
            Self::Group(group) => format!("set for its group {group}"),
            Self::Polls => "its agent was enrolled there".to_owned(),
        }
    }
}

/// The computers of each staging library, by its identity as text; by name, as they were read.
pub type Homes = HashMap<String, Vec<Home>>;

/// Finds them: what a computer says itself comes first, then the first of its groups that says something.
pub fn homes(known: &Known) -> Homes {
    let groups: HashMap<&str, (&str, bool)> = known
        .groups
        .iter()
        .filter_map(|group| Some((group.name.as_str(), (group.staging.as_deref()?, group.staging_only))))
        .collect();
    let mut homes = Homes::new();
    for row in known.computers.iter() {
        let mut names: Vec<&String> = row.groups.iter().collect();
        names.sort_by_key(|name| name.to_lowercase());
        let of_group = names.into_iter().find_map(|name| Some((name, groups.get(name.as_str())?)));
        let polls = row.agent.as_ref().map(|agent| agent.polls.clone());
        let (staging, by, only) = match (&row.staging, of_group) {
            (Some(own), _) => (own.clone(), HomeBy::Own, row.staging_only),
            (None, Some((group, (staging, only)))) => {
                ((*staging).to_owned(), HomeBy::Group(group.clone()), *only)
            }
            (None, None) => match polls {
                Some(polls) => (polls, HomeBy::Polls, false),
                None => continue,
            },
        };
        let home = Home { computer: row.name.clone(), by, only, seen: row.seen };
        homes.entry(staging).or_default().push(home);
    }
    homes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::session::{ComputerFacts, ComputerGroupRow, ComputerRow};

    fn computer(name: &str, own: Option<&str>, groups: &[&str]) -> ComputerRow {
        ComputerRow {
            row: 0,
            id: Uuid::new_v4(),
            name: name.to_owned(),
            comment: String::new(),
            test: false,
            staging: own.map(str::to_owned),
            staging_only: false,
            added: Timestamp::UNIX_EPOCH,
            agent: None,
            seen: None,
            facts: ComputerFacts::default(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            installed: 0,
            open_jobs: 0,
        }
    }

    #[test]
    fn what_a_computer_says_itself_comes_before_its_groups() {
        let group = |name: &str, staging: Option<&str>| ComputerGroupRow {
            name: name.to_owned(),
            comment: String::new(),
            staging: staging.map(str::to_owned),
            staging_only: true,
            computers: 1,
        };
        let computers = vec![
            computer("PC-1", Some("a"), &["Köln"]),
            computer("PC-2", None, &["Lab", "Köln"]),
            computer("PC-3", None, &["Lab"]),
        ];
        let groups = vec![group("Köln", Some("b")), group("Lab", None)];
        let known = Known { computers: Arc::new(computers), groups: Arc::new(groups), ..Known::default() };
        let homes = homes(&known);
        let names = |id: &str| homes.get(id).map(|of| of.iter().map(|home| home.computer.as_str()).collect());
        assert_eq!(names("a"), Some(vec!["PC-1"]));
        assert_eq!(names("b"), Some(vec!["PC-2"]));
        assert!(homes["b"][0].only && homes["b"][0].by == HomeBy::Group("Köln".to_owned()));
        assert_eq!(homes.len(), 2, "PC-3 has none");
    }
}
