//! Pre-flight: what would become of a container if it were made now. Packages and staged copies are verified, computers
//! looked up; nothing is made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{JobDesk, NewJobContainer};
use crate::delivery::error::DeliveryError;
use crate::delivery::model::evaluation::{NOBODY, NOTHING_INSTALLED};
use crate::delivery::model::{Container, Entry};
use crate::delivery::staging::{SealThere, StagingDesk};
use crate::failure::Failure;
use crate::library::LibraryError;
use crate::package::PackageKey;
use crate::package::numbers::many;
use crate::package::procedure::Task;
use crate::package::record::PackageRecord;
use crate::package::staging::{StagedFinding, StagingLibrary};
use crate::store::ComputerRow;
use crate::work::Work;

/// A computer that was not heard of for so long is named.
const LONG_SILENCE: SignedDuration = SignedDuration::from_hours(24);

/// How a package of the container is.
#[derive(Clone, Debug)]
pub struct PackageFinding {
    /// Which.
    pub key: PackageKey,
    /// Bytes of its files.
    pub size_bytes: u64,
    /// Why it is not delivered now: it differs, its disk is not there. `None` where it is as recorded, or needs no check.
    pub failure: Option<Box<Failure>>,
}

/// How a package is in a staging library that some computer of the container reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StagingReadiness {
    /// Name of the staging library.
    pub staging: String,
    /// The package.
    pub package: PackageKey,
    /// How many computers read it first.
    pub computers: u64,
    /// Whether agents can be given the package from there.
    pub ready: bool,
    /// `staged and verified`, `outdated`, `not staged`, or what differs.
    pub words: String,
    /// When it was verified.
    pub verified: Option<Timestamp>,
    /// Bytes that are to be sent at most, where it is not ready.
    pub to_send_bytes: u64,
}

/// A computer about which there is something to be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComputerFinding {
    /// Its name.
    pub computer: String,
    /// Whether its job cannot be done as things are.
    pub fails: bool,
    /// `last seen 9 days ago`, `no agent is enrolled`, `too little room`.
    pub words: String,
}

/// What would become of a container.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// What would be made.
    pub container: Container,
    /// Its packages.
    pub packages: Vec<PackageFinding>,
    /// Its staged copies.
    pub staging: Vec<StagingReadiness>,
    /// Computers about which there is something to be known.
    pub computers: Vec<ComputerFinding>,
    /// How many computers it is about.
    pub targets: u64,
    /// How many of them will be done, as far as can be told.
    pub ready: u64,
    /// What is said where nobody was found.
    pub warning: Option<&'static str>,
    /// Bytes all targets together fetch at most.
    pub fetch_bytes: u64,
}

impl Preflight {
    /// Whether it can be made without an error that is known now.
    pub fn is_clear(&self) -> bool {
        self.warning.is_none()
            && self.packages.iter().all(|package| package.failure.is_none())
            && self.staging.iter().all(|staging| staging.ready)
            && self.computers.iter().all(|computer| !computer.fails)
    }
}

/// Looks at everything a container would need.
pub fn preflight(
    desk: &JobDesk,
    staging: &StagingDesk,
    new: &NewJobContainer,
    work: &Work,
) -> Result<Preflight, DeliveryError> {
    let container = desk.plan(&NewJobContainer { anyway: true, ..new.clone() })?;
    let library = &desk.library;
    let mut records: Vec<PackageRecord> = Vec::new();
    let mut packages = Vec::new();
    for entry in &container.entries {
        work.check()?;
        let checked = match library.hand_out(entry.package, work) {
            _ if entry.external => library.sealed_reginfo(entry.package).map(|(record, ..)| record),
            handed => handed.map(|handed| handed.record),
        };
        let failure = match &checked {
            Ok(_) => None,
            Err(LibraryError::Cancelled(cancelled)) => return Err((*cancelled).into()),
            Err(error) => Some(Box::new(error.explain())),
        };
        let record = match checked {
            Ok(record) => record,
            Err(_) => library.record(entry.package)?,
        };
        let key = record.key.clone();
        packages.push(PackageFinding { key, size_bytes: record.checksum.size_bytes, failure });
        records.push(record);
    }
    let mut found = Preflight {
        container,
        packages,
        staging: Vec::new(),
        computers: Vec::new(),
        targets: 0,
        ready: 0,
        warning: None,
        fetch_bytes: 0,
    };
    let computers = targets(desk, &found.container)?;
    found.targets = computers.len() as u64;
    if computers.is_empty() {
        let spec = &found.container.targets;
        let by_installed = spec.groups.is_empty() && spec.computers.is_empty();
        found.warning = Some(if by_installed { NOTHING_INSTALLED } else { NOBODY });
    }
    let unready = look_at_staging(desk, staging, &computers, &records, &mut found, work)?;
    look_at_computers(desk, &computers, &records, &unready, &mut found)?;
    Ok(found)
}

/// The computers that would be found now.
fn targets(desk: &JobDesk, container: &Container) -> Result<Vec<ComputerRow>, DeliveryError> {
    let spec = &container.targets;
    let ids: Vec<_> = spec.computers.iter().map(|named| named.id.0).collect();
    let installed: Vec<_> = spec.installed.iter().map(|package| package.id).collect();
    let rows: BTreeSet<i64> = {
        let catalogue = desk.library.catalogue();
        catalogue.targets(&ids, &spec.groups, &installed)?.into_iter().map(|(row, ..)| row).collect()
    };
    let all = desk.library.catalogue().computers(&crate::store::ComputerFilter::default())?;
    Ok(all.into_iter().filter(|computer| rows.contains(&computer.row)).collect())
}

/// Verifies the copies that computers read first; gives the rows of computers that no good copy serves.
fn look_at_staging(
    desk: &JobDesk,
    staging: &StagingDesk,
    computers: &[ComputerRow],
    records: &[PackageRecord],
    found: &mut Preflight,
    work: &Work,
) -> Result<BTreeSet<i64>, DeliveryError> {
    let (stagings, reads) = {
        let rows: Vec<i64> = computers.iter().map(|computer| computer.row).collect();
        let catalogue = desk.library.catalogue();
        (catalogue.staging_libraries()?, catalogue.computers_read(&rows)?)
    };
    let mut of_home: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for computer in computers {
        let home = reads.get(&computer.row).and_then(|reads| reads.home.clone());
        *of_home.entry(home).or_default() += 1;
    }
    let mut good: BTreeMap<(String, usize), bool> = BTreeMap::new();
    for library in &stagings {
        let id = library.id.to_string();
        let count = of_home.get(&Some(id.clone())).copied().unwrap_or(0);
        for (place, record) in records.iter().enumerate() {
            work.check()?;
            let external = found.container.entries.get(place).is_some_and(|entry| entry.external);
            let ready = readiness(desk, staging, library, record, external, count, work)?;
            good.insert((id.clone(), place), ready.ready);
            // A staging library that no computer reads first is named only where something lies there.
            if count > 0 || ready.verified.is_some() {
                found.staging.push(ready);
            }
        }
    }
    // A copy elsewhere serves where not only the home is read.
    let mut unready = BTreeSet::new();
    for computer in computers {
        let reads = reads.get(&computer.row).cloned().unwrap_or_default();
        let served = (0..records.len()).all(|place| {
            stagings.iter().any(|library| {
                let id = library.id.to_string();
                let is_home = reads.home.as_ref() == Some(&id);
                let may = is_home || !(reads.only || library.for_tests && !reads.test);
                may && good.get(&(id, place)).copied().unwrap_or(false)
            })
        });
        if !served {
            unready.insert(computer.row);
        }
    }
    Ok(unready)
}

fn readiness(
    desk: &JobDesk,
    staging: &StagingDesk,
    library: &StagingLibrary,
    record: &PackageRecord,
    external: bool,
    computers: u64,
    work: &Work,
) -> Result<StagingReadiness, DeliveryError> {
    let mut ready = StagingReadiness {
        staging: library.name.clone(),
        package: record.key.clone(),
        computers,
        ready: false,
        words: "not staged".to_owned(),
        verified: None,
        to_send_bytes: record.checksum.size_bytes,
    };
    let known = desk.library.catalogue().staged_copy(library.id, record.id)?;
    let Some(known) = known.filter(|copy| copy.finding != StagedFinding::Missing) else { return Ok(ready) };
    ready.verified = known.listed_at;
    if known.revision != record.revision {
        ready.words = format!("outdated: revision {}, the library has {}", known.revision, record.revision);
        return Ok(ready);
    }
    match staging.verify(record.id, library.id, false, work) {
        Ok(check) => {
            ready.verified = check.copy.listed_at;
            ready.ready = check.is_good() || external && check.seal == SealThere::Newest;
            ready.words = match &check.seal {
                SealThere::Newest if ready.ready => "staged and verified".to_owned(),
                SealThere::Newest => check.report.differences.summary(),
                SealThere::Outdated { revision } => format!("outdated: revision {revision}"),
                SealThere::Later { revision } => format!("of revision {revision}, later than the library's"),
                SealThere::Missing => "incomplete: its seal is missing".to_owned(),
                SealThere::Untrusted { why } => format!("its seal is not trusted: {why}"),
                SealThere::Nothing => "not staged".to_owned(),
            };
        }
        Err(error) => {
            work.check()?;
            ready.words = error.to_string();
        }
    }
    if ready.ready {
        ready.to_send_bytes = 0;
    }
    Ok(ready)
}

fn look_at_computers(
    desk: &JobDesk,
    computers: &[ComputerRow],
    records: &[PackageRecord],
    unready: &BTreeSet<i64>,
    found: &mut Preflight,
) -> Result<(), DeliveryError> {
    let now = desk.clock.wall();
    let packages_fail = found.packages.iter().any(|package| package.failure.is_some());
    let options = found.container.options.clone();
    let mut installed = Vec::new();
    for (entry, record) in found.container.entries.iter().zip(records) {
        let looks = entry.task == Task::Install && !options.reinstall && !options.stage_only;
        installed.push(match looks {
            true => desk.library.catalogue().computers_with(record.id, record.revision)?,
            false => Default::default(),
        });
    }
    let needs = |entry: &Entry| !entry.external;
    let size: u64 = found
        .container
        .entries
        .iter()
        .zip(records)
        .filter(|(entry, _)| needs(entry))
        .map(|(_, record)| record.checksum.size_bytes)
        .fold(0, u64::saturating_add);
    for computer in computers {
        let mut words = Vec::new();
        let mut fails = false;
        let mut note = |text: String, fatal: bool| {
            words.push(text);
            fails |= fatal;
        };
        match (&computer.agent, computer.seen) {
            (None, _) => note("no agent is enrolled".to_owned(), true),
            (Some(_), None) => note("never seen".to_owned(), false),
            (Some(_), Some(seen)) if now.duration_since(seen) > LONG_SILENCE => {
                let days = now.duration_since(seen).as_hours() / 24;
                let days = many(u64::try_from(days).unwrap_or_default(), "day");
                note(format!("last seen {days} ago"), false);
            }
            (Some(_), Some(_)) => {}
        }
        if let Some(free) = computer.facts.free_bytes.filter(|free| *free < size) {
            note(format!("{} free, {size} needed", many(free, "byte")), true);
        }
        if installed.iter().any(|on| on.contains(&computer.row)) {
            note("it is installed there already".to_owned(), !options.installed_is_ok);
        }
        if unready.contains(&computer.row) {
            note("not staged where it reads".to_owned(), true);
        }
        if !fails && !packages_fail {
            found.ready += 1;
        }
        found.fetch_bytes = found.fetch_bytes.saturating_add(size);
        if !words.is_empty() {
            found.computers.push(ComputerFinding {
                computer: computer.name.clone(),
                fails,
                words: words.join("; "),
            });
        }
    }
    Ok(())
}
