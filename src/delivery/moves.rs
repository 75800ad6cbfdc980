//! Joins the rows of jobs with the state machine: what happens to many jobs happens to each class of them at once.
//!
//! Owns the way from words in the database to places and back. Decides nothing: that is [`step`]'s.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::error::DeliveryError;
use super::model::Container;
use super::model::job::{After, JobEvent, JobPlace, JobState, step};
use crate::store::{Change, ContainerRow, JobClass, JobMove, JobRow, JobsOf, StoreError};

/// The place that the words of a class mean.
pub(crate) fn place_of(class: &JobClass) -> Result<JobPlace, StoreError> {
    let state = JobState::from_code(&class.state)
        .ok_or_else(|| StoreError::Damaged(format!("{:?} is no state of a job", class.state)))?;
    Ok(JobPlace { state, after: After::from_code(&class.after), known: class.known })
}

/// The place of one job.
pub(crate) fn place_of_job(job: &JobRow) -> Result<JobPlace, StoreError> {
    let class = JobClass { state: job.state.clone(), after: job.after.clone(), known: job.known };
    place_of(&class)
}

/// The words of a place.
pub(crate) fn class_of(place: JobPlace) -> JobClass {
    JobClass {
        state: place.state.code().to_owned(),
        after: After::code(place.after).to_owned(),
        known: place.known,
    }
}

/// Lets an event happen to jobs, all at once; gives how many it moved.
pub(crate) fn happen(
    change: &Change<'_>,
    jobs: &JobsOf<'_>,
    event: JobEvent,
    why: (&str, &str),
    at: Timestamp,
) -> Result<u64, StoreError> {
    happen_in(change, jobs, event, why, None, at)
}

/// The same; gives how many it moved of each package, by the number of the package, none for a package without any.
pub(crate) fn happen_by_entry(
    change: &Change<'_>,
    jobs: &JobsOf<'_>,
    event: JobEvent,
    why: (&str, &str),
    at: Timestamp,
) -> Result<BTreeMap<u32, u64>, StoreError> {
    let mut moved = BTreeMap::new();
    happen_to(change, jobs, event, why, None, at, &mut |from| {
        for (entry, count) in change.class_by_entry(jobs, from)? {
            *moved.entry(entry).or_default() += count;
        }
        Ok(())
    })?;
    Ok(moved)
}

/// The same where their environment was proven.
pub(crate) fn happen_in(
    change: &Change<'_>,
    jobs: &JobsOf<'_>,
    event: JobEvent,
    why: (&str, &str),
    environment: Option<i64>,
    at: Timestamp,
) -> Result<u64, StoreError> {
    happen_to(change, jobs, event, why, environment, at, &mut |_| Ok(()))
}

/// Moves class by class; `before` sees each one that moves, while its jobs still stand there.
fn happen_to(
    change: &Change<'_>,
    jobs: &JobsOf<'_>,
    event: JobEvent,
    why: (&str, &str),
    environment: Option<i64>,
    at: Timestamp,
    before: &mut dyn FnMut(&JobClass) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut moved = 0;
    for from in change.job_classes(jobs)? {
        let place = place_of(&from)?;
        let after = step(place, event);
        let stays = after.place == place && !after.fresh;
        if stays && (environment.is_none() || place.state != JobState::Building) {
            continue;
        }
        before(&from)?;
        let to = class_of(after.place);
        let to = JobMove {
            class: &to,
            listed: after.place.state.is_listed(),
            ended: after.place.is_over(),
            fresh: after.fresh,
            environment,
            why,
        };
        moved += change.move_jobs(jobs, &from, &to, at)?;
    }
    Ok(moved)
}

/// Lets a container go on: it has not ended, whatever was before.
pub(crate) fn reopen(change: &Change<'_>, container: &mut ContainerRow) -> Result<(), StoreError> {
    if container.ended.take().is_some() {
        change.set_container(container)?;
    }
    Ok(())
}

/// What a container is.
pub(crate) fn definition_of(row: &ContainerRow) -> Result<Container, DeliveryError> {
    serde_json::from_str(&row.definition)
        .map_err(|error| DeliveryError::Unreadable(format!("{}: {error}", row.name)))
}
