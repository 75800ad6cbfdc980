//! Finding the targets of containers whose time has come.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Manager, Tick};
use crate::delivery::documents::JobId;
use crate::delivery::error::DeliveryError;
use crate::delivery::history::tell_ended;
use crate::delivery::model::container::{Container, earliest};
use crate::delivery::model::evaluation::{EntryFacts, Evaluation, Refused, Target, evaluate, still_allowed};
use crate::delivery::model::{Linkage, reason};
use crate::delivery::moves::{class_of, definition_of};
use crate::library::LibraryError;
use crate::store::{ContainerRow, JobClass, NewJob};

impl Manager {
    /// Gives a container its jobs, if its time has come and it has none; or those of computers that came since, when it
    /// is time to run.
    pub(super) fn evaluate(&self, tick: &mut Tick<'_>, row: &mut ContainerRow) -> Result<(), DeliveryError> {
        let container = definition_of(row)?;
        if row.halted || container.due().is_some_and(|due| tick.now < due) {
            return Ok(());
        }
        let again = match row.evaluated {
            None => false,
            Some(evaluated) if is_found_again(&container, evaluated, tick.now) => true,
            Some(_) => return Ok(()),
        };
        let mut found = self.find_targets(&container)?;
        if again {
            let before = self.library.catalogue().computers_of_container(row.row)?;
            found.retain(|target| !before.contains(&target.computer));
        }
        let mut facts = Vec::with_capacity(container.entries.len());
        for entry in &container.entries {
            facts.push(match self.library.record(entry.package) {
                Ok(record) => EntryFacts {
                    installed_on: self.library.catalogue().computers_with(record.id, record.revision)?,
                    refused: still_allowed(&record, entry).err(),
                },
                Err(LibraryError::NotFound(_)) => {
                    EntryFacts { refused: Some(Refused::Gone(entry.key.clone())), ..EntryFacts::default() }
                }
                Err(error) => return Err(error.into()),
            });
        }
        let mut evaluation = evaluate(&container, &found, &facts);
        if again {
            // Who was named and is gone has its job already.
            evaluation.jobs.retain(|job| job.computer.is_some());
            evaluation.warning = None;
        }
        self.keep_jobs(tick.now, row, &container, &evaluation)?;
        tick.report.evaluated.push(row.name.clone());
        if evaluation.warning.is_some() {
            tick.report.ended.push(row.name.clone());
        }
        Ok(())
    }

    fn find_targets(&self, container: &Container) -> Result<Vec<Target>, DeliveryError> {
        let spec = &container.targets;
        let ids: Vec<Uuid> = spec.computers.iter().map(|named| named.id.0).collect();
        let installed: Vec<_> = spec.installed.iter().map(|package| package.id).collect();
        let found = self.library.catalogue().targets(&ids, &spec.groups, &installed)?;
        Ok(found.into_iter().map(|(computer, id, name)| Target { computer, id, name }).collect())
    }

    fn keep_jobs(
        &self,
        now: Timestamp,
        row: &mut ContainerRow,
        container: &Container,
        evaluation: &Evaluation,
    ) -> Result<(), DeliveryError> {
        let is_batch = container.options.linkage == Linkage::Batch;
        row.evaluated = Some(now);
        if let Some(warning) = evaluation.warning {
            row.code = "no-targets".to_owned();
            row.reason = warning.to_owned();
            row.ended = Some(now);
        }
        self.library.catalogue().change(|change| -> Result<(), DeliveryError> {
            let classes: Vec<JobClass> = evaluation.jobs.iter().map(|job| class_of(job.place)).collect();
            let mut batch = (None, Uuid::nil());
            let jobs = evaluation.jobs.iter().zip(&classes).map(|(job, class)| {
                if batch.0 != job.computer {
                    batch = (job.computer, Uuid::new_v4());
                }
                NewJob {
                    id: JobId::random().0,
                    entry: u32::try_from(job.entry).unwrap_or(u32::MAX),
                    computer: job.computer,
                    target: &job.target,
                    batch: is_batch.then_some(batch.1),
                    class,
                    code: job.why.0,
                    reason: &job.why.1,
                    ended: job.place.is_over(),
                }
            });
            change.add_jobs(row.row, jobs, now)?;
            change.mark_without_agent(row.row, reason("no-agent"))?;
            change.set_container(row)?;
            if row.ended.is_some() {
                tell_ended(change, &self.library, row, container)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// Whether targets that are found by a rule are to be found again: it is time to run, and they were found before that.
fn is_found_again(container: &Container, evaluated: Timestamp, now: Timestamp) -> bool {
    let by_rule = !container.targets.groups.is_empty() || !container.targets.installed.is_empty();
    let run_at = container.options.run_at.map(earliest);
    by_rule && run_at.is_some_and(|run_at| evaluated < run_at && now >= run_at)
}
