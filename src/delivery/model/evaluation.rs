//! Evaluation: from what a container says to the jobs it consists of, one for each package and computer.
//!
//! Whatever cannot be done becomes a job that says why; nobody who was named is passed over in silence.

use std::collections::HashSet;

use uuid::Uuid;

use super::container::{Container, Entry, Linkage, NamedComputer};
use super::job::{JobEvent, JobPlace, step};
use crate::package::PackageKey;
use crate::package::procedure::Task;
use crate::package::record::PackageRecord;
use crate::package::state::PackageState;

/// What is said where nobody was found.
pub const NOBODY: &str = "No target computers found in evaluation step";
/// The same where computers were to be found by what is installed on them.
pub const NOTHING_INSTALLED: &str = "No target installations found in evaluation step";

/// Why a procedure of a package cannot be run by a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The package is not in the library.
    #[error("{0} is not in the library any more")]
    Gone(PackageKey),
    /// It is Open or Archived.
    #[error("{key} is {}; only sealed packages are delivered", state.word().to_lowercase())]
    NotSealed {
        /// The package.
        key: PackageKey,
        /// Its state.
        state: PackageState,
    },
    /// No new jobs.
    #[error("{0} is retired: no new jobs")]
    Retired(PackageKey),
    /// It has no such procedure.
    #[error("{key} has no procedure {wanted}")]
    NoProcedure {
        /// The package.
        key: PackageKey,
        /// The name in quotation marks, or `for Install`.
        wanted: String,
    },
    /// Several procedures for the task, none of them the default.
    #[error("{key} has several procedures for {task}: {}", names.join(", "))]
    Several {
        /// The package.
        key: PackageKey,
        /// The task.
        task: Task,
        /// Their names.
        names: Vec<String>,
    },
    /// Not offered in jobs.
    #[error("the procedure {name:?} of {key} is not offered in jobs")]
    NotOffered {
        /// The package.
        key: PackageKey,
        /// The procedure.
        name: String,
    },
}

impl Refused {
    /// The code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gone(_) => "package-gone",
            Self::NotSealed { .. } => "not-sealed",
            Self::Retired(_) => "retired",
            Self::NoProcedure { .. } | Self::Several { .. } => "no-procedure",
            Self::NotOffered { .. } => "not-offered",
        }
    }
}

/// Which procedure of a package a job is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted<'w> {
    /// The default for a task, or the only one for it.
    Task(Task),
    /// The one of this name, without regard to case.
    Named(&'w str),
}

/// The entry of a container for a procedure of a package.
pub fn entry_for(record: &PackageRecord, wanted: &Wanted<'_>) -> Result<Entry, Refused> {
    if record.retired {
        return Err(Refused::Retired(record.key.clone()));
    }
    allowed(record)?;
    let key = || record.key.clone();
    let listed = match wanted {
        Wanted::Named(name) => {
            let folded = name.trim().to_lowercase();
            let found =
                record.procedures.iter().find(|listed| listed.procedure.name.to_lowercase() == folded);
            found.ok_or_else(|| Refused::NoProcedure { key: key(), wanted: format!("{name:?}") })?
        }
        Wanted::Task(task) => {
            let of_task: Vec<_> =
                record.procedures.iter().filter(|listed| listed.procedure.task == *task).collect();
            let offered: Vec<_> = of_task.iter().copied().filter(|listed| listed.choice.offered).collect();
            let default = offered.iter().copied().find(|listed| listed.choice.default_for_task);
            match (default, offered.as_slice(), of_task.as_slice()) {
                (Some(default), ..) => default,
                (None, &[only], _) => only,
                (None, [], []) => {
                    return Err(Refused::NoProcedure { key: key(), wanted: format!("for {task}") });
                }
                (None, [], &[hidden, ..]) => hidden,
                (None, several, _) => {
                    let names = several.iter().map(|listed| listed.procedure.name.clone()).collect();
                    return Err(Refused::Several { key: key(), task: *task, names });
                }
            }
        }
    };
    if !listed.choice.offered {
        return Err(Refused::NotOffered { key: key(), name: listed.procedure.name.clone() });
    }
    Ok(Entry {
        package: record.id,
        key: record.key.clone(),
        procedure: listed.procedure.name.clone(),
        task: listed.procedure.task,
        external: listed.procedure.external,
    })
}

/// Whether a package, as it is now, may be delivered by a container that has it already: it must still be sealed, and its
/// procedure there and offered.
pub fn still_allowed(record: &PackageRecord, entry: &Entry) -> Result<(), Refused> {
    allowed(record)?;
    let found = record.procedures.iter().find(|listed| listed.procedure.name == entry.procedure);
    match found {
        None => {
            Err(Refused::NoProcedure { key: record.key.clone(), wanted: format!("{:?}", entry.procedure) })
        }
        Some(listed) if !listed.choice.offered => {
            Err(Refused::NotOffered { key: record.key.clone(), name: entry.procedure.clone() })
        }
        Some(_) => Ok(()),
    }
}

fn allowed(record: &PackageRecord) -> Result<(), Refused> {
    match record.state {
        PackageState::Sealed => Ok(()),
        state => Err(Refused::NotSealed { key: record.key.clone(), state }),
    }
}

/// A computer that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Row of the computer.
    pub computer: i64,
    /// Its identity.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// What is known of one package of a container when it is evaluated.
#[derive(Clone, Debug, Default)]
pub struct EntryFacts {
    /// Rows of the computers on which it is installed.
    pub installed_on: HashSet<i64>,
    /// Why it cannot be delivered.
    pub refused: Option<Refused>,
}

/// A job that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Which package of the container.
    pub entry: usize,
    /// Row of the computer; absent where there is none of this name any more.
    pub computer: Option<i64>,
    /// Name of the computer.
    pub target: String,
    /// Where it stands at once.
    pub place: JobPlace,
    /// Code and words of the reason; empty where it waits for its turn.
    pub why: (&'static str, String),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// The jobs in the order of their turns: all of a computer side by side.
    pub jobs: Vec<Planned>,
    /// What is said about the whole, where there is nothing to do.
    pub warning: Option<&'static str>,
}

/// Makes the jobs of a container. `found` are the computers that were found for it, each once, in the order of their
/// turns; `facts` says of each entry what is known.
pub fn evaluate(container: &Container, found: &[Target], facts: &[EntryFacts]) -> Evaluation {
    let known: HashSet<Uuid> = found.iter().map(|target| target.id).collect();
    let gone = container.targets.computers.iter().filter(|named| !known.contains(&named.id.0));
    let gone: Vec<&NamedComputer> = gone.collect();
    if found.is_empty() && gone.is_empty() {
        let by_installed = !container.targets.installed.is_empty()
            && container.targets.groups.is_empty()
            && container.targets.computers.is_empty();
        let warning = Some(if by_installed { NOTHING_INSTALLED } else { NOBODY });
        return Evaluation { jobs: Vec::new(), warning };
    }
    let mut jobs = Vec::with_capacity((found.len() + gone.len()) * container.entries.len());
    for target in found {
        let mut failed = false;
        for (place, entry) in container.entries.iter().enumerate() {
            let mut planned = planned(container, entry, facts.get(place), target.computer);
            if failed {
                planned = (step(JobPlace::NEW, JobEvent::BatchFailed).place, "batch-failed", String::new());
            }
            let (state, code, words) = planned;
            let counts_as_failed =
                state.is_over() && state.shown(container.options.installed_is_ok) == super::job::Shown::Error;
            failed |= counts_as_failed && container.options.linkage == Linkage::Batch;
            let words = if words.is_empty() { super::failures::reason(code).to_owned() } else { words };
            jobs.push(Planned {
                entry: place,
                computer: Some(target.computer),
                target: target.name.clone(),
                place: state,
                why: (code, words),
            });
        }
    }
    for named in gone {
        for place in 0..container.entries.len() {
            let code = "unknown-computer";
            jobs.push(Planned {
                entry: place,
                computer: None,
                target: named.name.clone(),
                place: step(JobPlace::NEW, JobEvent::Forbidden).place,
                why: (code, super::failures::reason(code).to_owned()),
            });
        }
    }
    Evaluation { jobs, warning: None }
}

fn planned(
    container: &Container,
    entry: &Entry,
    facts: Option<&EntryFacts>,
    computer: i64,
) -> (JobPlace, &'static str, String) {
    let Some(facts) = facts else { return (JobPlace::NEW, "", String::new()) };
    if let Some(refused) = &facts.refused {
        let place = step(JobPlace::NEW, JobEvent::Forbidden).place;
        return (place, refused.code(), refused.to_string());
    }
    let installs =
        entry.task == Task::Install && !container.options.reinstall && !container.options.stage_only;
    if installs && facts.installed_on.contains(&computer) {
        let place = step(JobPlace::NEW, JobEvent::FoundInstalled).place;
        return (place, "already-installed", String::new());
    }
    (JobPlace::NEW, "", String::new())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::delivery::documents::ComputerId;
    use crate::delivery::model::container::{ContainerOptions, InstalledPackage, TargetSpec};
    use crate::delivery::model::job::JobState;
    use crate::package::FileList;
    use crate::package::procedure::{Procedure, ProcedureChoice};
    use crate::package::record::{ListedProcedure, PackageId};

    fn record() -> PackageRecord {
        let key = PackageKey::new("Tool", "1").expect("good");
        let id = PackageId(Uuid::from_u128(1));
        let mut record =
            PackageRecord::new(id, key, "anna", FileList::new().checksum(), Timestamp::UNIX_EPOCH);
        record.state = PackageState::Sealed;
        let listed = |name: &str, task| ListedProcedure {
            procedure: Procedure::new(name, task, "run"),
            choice: ProcedureChoice::default(),
        };
        record.procedures = vec![listed("Install", Task::Install), listed("Remove", Task::Uninstall)];
        record
    }

    fn container(entries: usize, linkage: Linkage) -> Container {
        let record = record();
        let entry = entry_for(&record, &Wanted::Task(Task::Install)).expect("it is there");
        Container {
            entries: vec![entry; entries],
            targets: TargetSpec { groups: vec!["all".into()], ..TargetSpec::default() },
            options: ContainerOptions { linkage, ..ContainerOptions::default() },
        }
    }

    fn target(number: i64) -> Target {
        Target { computer: number, id: Uuid::from_u128(number as u128), name: format!("PC-{number}") }
    }

    #[test]
    fn a_procedure_is_taken_by_task_or_name_if_it_is_offered() {
        let mut record = record();
        let by = |record: &PackageRecord, wanted: Wanted<'_>| entry_for(record, &wanted).map(|e| e.procedure);
        assert_eq!(by(&record, Wanted::Task(Task::Install)), Ok("Install".to_owned()));
        assert_eq!(by(&record, Wanted::Named("REMOVE")), Ok("Remove".to_owned()));
        assert!(matches!(by(&record, Wanted::Task(Task::Activate)), Err(Refused::NoProcedure { .. })));
        let mut second = record.procedures[0].clone();
        second.procedure.name = "Install quietly".into();
        record.procedures.push(second);
        assert!(matches!(by(&record, Wanted::Task(Task::Install)), Err(Refused::Several { .. })));
        record.procedures[2].choice.default_for_task = true;
        assert_eq!(by(&record, Wanted::Task(Task::Install)), Ok("Install quietly".to_owned()));
        record.procedures[0].choice.offered = false;
        assert!(matches!(by(&record, Wanted::Named("install")), Err(Refused::NotOffered { .. })));
        record.retired = true;
        assert!(matches!(by(&record, Wanted::Named("Remove")), Err(Refused::Retired(_))));
        record.retired = false;
        record.state = PackageState::Open;
        assert!(matches!(by(&record, Wanted::Named("Remove")), Err(Refused::NotSealed { .. })));
    }

    #[test]
    fn nobody_found_is_said_in_the_words_of_dsm() {
        let mut nobody = container(1, Linkage::None);
        let facts = [EntryFacts::default()];
        assert_eq!(evaluate(&nobody, &[], &facts).warning, Some(NOBODY));
        nobody.targets.groups.clear();
        nobody.targets.installed = vec![InstalledPackage { id: PackageId(Uuid::nil()), key: record().key }];
        assert_eq!(evaluate(&nobody, &[], &facts).warning, Some(NOTHING_INSTALLED));
    }

    #[test]
    fn who_was_named_and_is_gone_has_a_job_that_says_so() {
        let mut container = container(1, Linkage::None);
        container.targets.computers =
            vec![NamedComputer { id: ComputerId(Uuid::from_u128(9)), name: "PC-9".into() }];
        let found = evaluate(&container, &[target(1)], &[EntryFacts::default()]);
        let states: Vec<_> = found.jobs.iter().map(|job| (job.target.as_str(), job.place.state)).collect();
        assert_eq!(states, [("PC-1", JobState::Waiting), ("PC-9", JobState::ManipulationNotAllowed)]);
        assert_eq!(found.jobs[1].why.0, "unknown-computer");
    }

    #[test]
    fn a_batch_ends_where_one_of_it_cannot_be_done() {
        let facts = || EntryFacts { installed_on: HashSet::from([1]), refused: None };
        let facts = [EntryFacts::default(), facts(), EntryFacts::default()];
        for (linkage, ok, last) in [
            (Linkage::None, false, JobState::Waiting),
            (Linkage::Batch, false, JobState::DeliveryError),
            (Linkage::Batch, true, JobState::Waiting),
        ] {
            let mut container = container(3, linkage);
            container.options.installed_is_ok = ok;
            let jobs = evaluate(&container, &[target(1), target(2)], &facts).jobs;
            let states: Vec<_> = jobs.iter().map(|job| job.place.state).collect();
            assert_eq!(states[..3], [JobState::Waiting, JobState::AlreadyInstalled, last]);
            assert_eq!(states[3..], [JobState::Waiting; 3], "the other computer has nothing of it");
        }
    }
}
