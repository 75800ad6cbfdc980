//! What deliveries leave in History: one entry for each package of a job, none for a single target.
//!
//! Owns the words of these entries and where they come from. They are written in the change that they tell of, by
//! whoever makes that change.

use super::error::DeliveryError;
use super::model::container::{Container, JobTotals, TargetSpec};
use super::moves::place_of;
use crate::library::Library;
use crate::package::numbers::many;
use crate::package::record::PackageId;
use crate::package::{CheckReport, HistoryEvent, PackageKey};
use crate::store::{Change, ContainerRow, StoreError};

/// Most names that an entry spells out.
const NAMES: usize = 20;

/// Tells of every package of a job, once, in the words for its entries of the job; nothing where there are none.
pub(crate) fn tell_of_job(
    change: &Change<'_>,
    library: &Library,
    event: HistoryEvent,
    (name, container): (&str, &Container),
    words: impl Fn(&[u32]) -> Option<String>,
) -> Result<(), StoreError> {
    let mut packages: Vec<(PackageId, &PackageKey, Vec<u32>)> = Vec::new();
    for (place, entry) in (0u32..).zip(&container.entries) {
        match packages.iter_mut().find(|(package, ..)| *package == entry.package) {
            Some((.., places)) => places.push(place),
            None => packages.push((entry.package, &entry.key, vec![place])),
        }
    }
    for (package, key, places) in packages {
        let Some(words) = words(&places) else { continue };
        let details = format!("{words}; job {name:?}");
        change.append_history(library.entry_about(event, Some((package, key)), details))?;
    }
    Ok(())
}

/// Where the jobs of each package of a container stand, by the number of the package.
pub(crate) fn totals_by_entry(
    change: &Change<'_>,
    row: &ContainerRow,
    container: &Container,
) -> Result<Vec<JobTotals>, StoreError> {
    let mut totals = vec![JobTotals::default(); container.entries.len()];
    for (number, count) in change.job_counts_by_entry(row.row)? {
        if let Some(totals) = totals.get_mut(number as usize) {
            totals.add(place_of(&count.class)?, count.jobs, container.options.installed_is_ok);
        }
    }
    Ok(totals)
}

/// Tells what a new job is to do.
pub(crate) fn tell_created(
    change: &Change<'_>,
    library: &Library,
    name: &str,
    container: &Container,
) -> Result<(), StoreError> {
    let targets = words_of_targets(&container.targets);
    for entry in &container.entries {
        let doing = if container.options.stage_only { "Stage" } else { entry.task.word() };
        let details = format!("{doing} by {:?} on {targets}; job {name:?}", entry.procedure);
        let package = Some((entry.package, &entry.key));
        change.append_history(library.entry_about(HistoryEvent::JobCreated, package, details))?;
    }
    Ok(())
}

/// Tells how a job ended, by package: how many computers, OK and in error.
pub(crate) fn tell_ended(
    change: &Change<'_>,
    library: &Library,
    row: &ContainerRow,
    container: &Container,
) -> Result<(), DeliveryError> {
    let all = totals_by_entry(change, row, container)?;
    for (entry, totals) in container.entries.iter().zip(all) {
        let doing = if container.options.stage_only { "Stage" } else { entry.task.word() };
        let details = if totals.all() == 0 && !row.reason.is_empty() {
            format!("{doing}: {}; job {:?}", row.reason, row.name)
        } else {
            let on = many(totals.all(), "computer");
            format!("{doing} on {on}: {}; job {:?}", words_of_totals(&totals), row.name)
        };
        let package = Some((entry.package, &entry.key));
        change.append_history(library.entry_about(HistoryEvent::JobEnded, package, details))?;
    }
    Ok(())
}

/// Tells that the delivery manager found a package, or a copy of it, to differ; with the differences where it knows them.
pub(crate) fn tell_checksum_error(
    change: &Change<'_>,
    library: &Library,
    package: (PackageId, &PackageKey),
    report: Option<&CheckReport>,
    words: String,
) -> Result<(), StoreError> {
    let mut entry = library.entry_about(HistoryEvent::ChecksumError, Some(package), words);
    if let Some(report) = report {
        entry.old_checksum = Some(report.recorded);
        entry.new_checksum = report.found;
        entry.differences = Some(report.differences.clone());
    }
    change.append_history(entry)?;
    Ok(())
}

/// Tells of computers and tokens, which concern no package.
pub(crate) fn tell(
    change: &Change<'_>,
    library: &Library,
    event: HistoryEvent,
    words: String,
) -> Result<(), StoreError> {
    change.append_history(library.entry_about(event, None, words))?;
    Ok(())
}

/// Names, or the first of many.
pub(crate) fn words_of_names<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(NAMES);
    let first = names.take(NAMES).collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// How many are done and how many failed.
pub(crate) fn words_of_totals(totals: &JobTotals) -> String {
    match (totals.ok, totals.error) {
        (ok, 0) => format!("{ok} OK"),
        (0, error) => format!("{error} in error"),
        (ok, error) => format!("{ok} OK, {error} in error"),
    }
}

fn words_of_targets(targets: &TargetSpec) -> String {
    let mut words = Vec::new();
    match targets.computers.as_slice() {
        [] => {}
        some if some.len() <= NAMES => {
            words.push(words_of_names(some.iter().map(|computer| computer.name.as_str())));
        }
        more => words.push(many(more.len() as u64, "computer")),
    }
    words.extend(targets.groups.iter().map(|group| format!("group {group:?}")));
    words.extend(targets.installed.iter().map(|package| format!("where {} is installed", package.key)));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_counted() {
        let names: Vec<String> = (0..25).map(|number| format!("pc-{number}")).collect();
        let words = words_of_names(names.iter().map(String::as_str));
        assert!(words.starts_with("pc-0, pc-1, ") && words.ends_with("pc-19 and 5 more"), "{words}");
        assert_eq!(words_of_names(names[..2].iter().map(String::as_str)), "pc-0, pc-1");
    }
}
