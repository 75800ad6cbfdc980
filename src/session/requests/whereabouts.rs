//! Where a package is outside the library: staged, installed, in jobs. It is what the tab *Delivery* shows, and what a
//! refusal names.

use std::collections::HashSet;

use super::{Request, Session};
use crate::delivery::error::DeliveryError;
use crate::delivery::jobs::PackageJobs;
use crate::delivery::staging::CopyRow;
use crate::failure::Failure;
use crate::package::record::PackageId;
use crate::package::staging::StagedFinding;
use crate::package::{PackageKey, PackageList};
use crate::session::unpanicked;
use crate::store::InstalledOn;
use crate::work::Work;

/// Of so many newer versions of a package jobs are looked for.
const NEWER_MOST: usize = 64;

/// Where a package is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Whereabouts {
    /// How many staging libraries there are at all.
    pub libraries: u64,
    /// Its copies in staging libraries, by name of these, and whether only test computers read there.
    pub staged: Vec<(CopyRow, bool)>,
    /// On how many computers it is installed, test computers left out.
    pub installed: u64,
    /// On how many test computers it is installed.
    pub installed_tests: u64,
    /// The first of all these by name.
    pub computers: Vec<InstalledOn>,
    /// The jobs that deliver it, the newest first.
    pub jobs: Vec<PackageJobs>,
    /// The jobs of packages that replace it, directly or through others.
    pub replacing: Vec<(PackageKey, PackageJobs)>,
}

impl Whereabouts {
    /// What lies where others than test computers read, by name of the staging library.
    pub fn staged_for_others(&self) -> impl Iterator<Item = &CopyRow> {
        let counts = |row: &CopyRow| row.copy.finding != StagedFinding::Missing;
        self.staged.iter().filter(move |(row, for_tests)| !for_tests && counts(row)).map(|(row, _)| row)
    }

    /// The jobs that have it to do for others than test computers.
    pub fn waiting_jobs(&self) -> impl Iterator<Item = &PackageJobs> {
        self.jobs.iter().filter(|job| job.holds)
    }

    /// Whether others than test computers were given it, or can be: it cannot be unsealed then.
    pub fn is_delivered(&self) -> bool {
        self.installed > 0
            || self.staged_for_others().next().is_some()
            || self.waiting_jobs().next().is_some()
    }
}

/// Reads where a package is.
#[derive(Clone, Debug)]
pub struct ReadWhereabouts {
    /// Which.
    pub package: PackageId,
    /// So many computers are named at most.
    pub most: u32,
}

impl Request for ReadWhereabouts {
    type Reply = Whereabouts;

    fn title(&self) -> String {
        "Reading where a package is".to_owned()
    }

    fn changes(&self) -> bool {
        false
    }

    fn run(self, session: &Session, _work: &Work) -> Result<Whereabouts, Failure> {
        let Self { package, most } = self;
        let (desk, computers, jobs) = (session.staging(), session.computers(), session.jobs());
        let view = session.view();
        unpanicked(|| {
            let staged = desk.copies_of(package).map_err(|error| error.explain())?;
            let all = desk.list().map_err(|error| error.explain())?;
            let libraries = all.len() as u64;
            let for_tests = all.into_iter().filter(|row| row.staging.for_tests);
            let for_tests: HashSet<_> = for_tests.map(|row| row.staging.id).collect();
            let deliveries = || -> Result<Whereabouts, DeliveryError> {
                let (installed, installed_tests) = computers.installed_count(package)?;
                let mut replacing = Vec::new();
                for (id, key) in newer(&view.packages, package) {
                    replacing.extend(jobs.jobs_of_package(id)?.into_iter().map(|job| (key.clone(), job)));
                }
                Ok(Whereabouts {
                    libraries,
                    staged: Vec::new(),
                    installed,
                    installed_tests,
                    computers: computers.installed_on(package, most)?,
                    jobs: jobs.jobs_of_package(package)?,
                    replacing,
                })
            };
            let found = deliveries().map_err(|error| error.explain())?;
            let staged = staged.into_iter().map(|row| {
                let tests = for_tests.contains(&row.copy.staging);
                (row, tests)
            });
            Ok(Whereabouts { staged: staged.collect(), ..found })
        })
    }
}

/// The packages that replace this one, directly or through others, at most [`NEWER_MOST`].
fn newer(packages: &PackageList, package: PackageId) -> Vec<(PackageId, PackageKey)> {
    let Some(first) = packages.find(package) else { return Vec::new() };
    let mut seen = HashSet::from([package]);
    let mut wanted = vec![first.key.folded()];
    let mut found = Vec::new();
    while !wanted.is_empty() && found.len() < NEWER_MOST {
        let before = std::mem::take(&mut wanted);
        for one in packages.iter() {
            let replaces = one.replaces().is_some_and(|key| before.contains(&key.folded()));
            if replaces && seen.insert(one.id) {
                wanted.push(one.key.folded());
                found.push((one.id, one.key.clone()));
            }
        }
    }
    found.truncate(NEWER_MOST);
    found.sort_by(|(_, a), (_, b)| a.cmp(b));
    found
}
