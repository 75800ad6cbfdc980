//! Editing what is registered about a package: name, supplier, comment, procedures. Who may edit what stands in
//! `package::state`.

use jiff::Timestamp;

use super::operation::{Operation, Step};
use super::package_folder::{PACKAGES, put_notes, put_reginfo, relative_folder};
use super::seal::SealPlan;
use super::{Library, LibraryError};
use crate::package::procedure::{Origin, Procedure, ProcedureChoice};
use crate::package::record::{ListedProcedure, PackageId, PackageRecord, PackageType};
use crate::package::state::Field;
use crate::package::{HistoryEvent, Manifest, PackageKey, PackageState};

/// Fields to change; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageEdit {
    /// Name; renames the folder.
    pub name: Option<String>,
    /// Version; renames the folder.
    pub version: Option<String>,
    /// Who made the software.
    pub supplier: Option<String>,
    /// Kind of installer.
    pub package_type: Option<PackageType>,
    /// Software group; empty for none.
    pub group: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// Which package it replaces; `Some(None)` for none.
    pub replaces: Option<Option<PackageKey>>,
    /// No new jobs.
    pub retired: Option<bool>,
    /// Comment on the archive copy.
    pub archive_comment: Option<String>,
}

/// A change of one procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcedureEdit {
    /// Adds one. On a sealed package it has the origin *Added*, and the package is signed again.
    Add(Procedure, ProcedureChoice),
    /// Changes the one of this name.
    Change {
        /// Its name now.
        name: String,
        /// What is signed.
        procedure: Procedure,
        /// What is local.
        choice: ProcedureChoice,
    },
    /// Changes what is local about the one of this name; possible in every state but Archived.
    Choose {
        /// Its name.
        name: String,
        /// What is local.
        choice: ProcedureChoice,
    },
    /// Takes the one of this name away.
    Remove {
        /// Its name.
        name: String,
    },
    /// Moves the one of this name to another place in the order.
    Move {
        /// Its name.
        name: String,
        /// Its new place, from 0.
        to: usize,
    },
}

impl Library {
    /// Changes fields of a package.
    pub fn edit(&self, id: PackageId, edit: &PackageEdit) -> Result<PackageRecord, LibraryError> {
        let (_lock, before) = self.lock_record(id)?;
        let mut record = before.clone();
        let mut changed: Vec<&'static str> = Vec::new();
        self.apply_edit(&mut record, edit, &mut changed)?;
        if changed.is_empty() {
            return Ok(before);
        }
        let renamed = record.key != before.key;
        // A new name is a package of its own to other programs: it is taken for the change as well.
        let _new_lock = if record.key.folded() == before.key.folded() {
            None
        } else {
            Some(self.lock_package(&record.key)?)
        };
        let mut is_same_folder = false;
        if renamed {
            if let Some(there) = self.catalogue().package_by_key(&record.key)?.filter(|there| there.id != id)
            {
                return Err(LibraryError::Exists(there.key));
            }
            let folder = self.package_folder(&record.key);
            is_same_folder = std::fs::canonicalize(&folder).ok()
                == std::fs::canonicalize(self.package_folder(&before.key)).ok();
            if folder.exists() && !is_same_folder {
                return Err(LibraryError::FolderExists(folder));
            }
        }
        record.changed = Timestamp::now();
        let manifest = self.recorded_manifest(id)?;
        let operation = Operation::begin(self)?;
        let mut steps = Vec::new();
        // Files go into the folder under its old name, then the folder is renamed whole.
        let mut placed = record.clone();
        placed.key = before.key.clone();
        if record.state == PackageState::Open {
            operation.write(
                "reginfo.json",
                super::package_folder::reginfo_of(&record, &manifest).to_text().as_bytes(),
            )?;
            let to = relative_folder(&before.key).join("reginfo.json");
            steps.push(Step::Rename { from: operation.relative("reginfo.json"), to });
        }
        put_notes(&operation, &placed, &mut steps)?;
        if renamed {
            let (from, to) = (relative_folder(&before.key), relative_folder(&record.key));
            // Once only: another package may take the old name before an interrupted change is finished.
            steps.push(if is_same_folder { Step::Rename { from, to } } else { Step::MoveAside { from, to } });
            if let Some(parent) = relative_folder(&before.key).parent() {
                steps.push(Step::RemoveEmpty { path: parent.to_owned(), stop: PACKAGES.into() });
            }
        }
        let mut entry = self.entry(HistoryEvent::Edited, Some(&record));
        let mut details = changed.join(", ");
        if renamed {
            details.push_str(&format!("; was {}", before.key));
        }
        entry.details = Some(details);
        // Under its new name: whoever finds the package by it waits until the folder has that name.
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_package(&record)?;
            change.append_history(entry)?;
            Ok(())
        })?;
        Ok(record)
    }

    fn apply_edit(
        &self,
        record: &mut PackageRecord,
        edit: &PackageEdit,
        changed: &mut Vec<&'static str>,
    ) -> Result<(), LibraryError> {
        let state = record.clone();
        let mut allow = |field: Field, word: &'static str| -> Result<(), LibraryError> {
            self.require_editable(&state, field, "changed in that way")?;
            changed.push(word);
            Ok(())
        };
        let name = edit.name.as_deref().map_or(state.key.name(), str::trim);
        let version = edit.version.as_deref().map_or(state.key.version(), str::trim);
        let key = PackageKey::new(name, version)?;
        if key != state.key {
            allow(Field::Name, "name or version")?;
            record.key = key;
        }
        let text =
            |new: &Option<String>, old: &str| new.as_ref().map(|t| t.trim().to_owned()).filter(|t| t != old);
        if let Some(supplier) = text(&edit.supplier, &state.supplier) {
            allow(Field::Supplier, "supplier")?;
            record.supplier = supplier;
        }
        if let Some(kind) = edit.package_type.filter(|kind| *kind != state.package_type) {
            allow(Field::Type, "type")?;
            record.package_type = kind;
        }
        if let Some(group) = &edit.group {
            let group = self.group_as_spelt(group)?;
            if group != state.group {
                allow(Field::Group, "group")?;
                record.group = group;
            }
        }
        if let Some(comment) = text(&edit.comment, &state.comment) {
            allow(Field::Comment, "comment")?;
            record.comment = comment;
        }
        if let Some(replaces) = edit.replaces.clone().filter(|replaces| *replaces != state.replaces) {
            allow(Field::Replaces, "replaces")?;
            record.replaces = replaces;
        }
        if let Some(retired) = edit.retired.filter(|retired| *retired != state.retired) {
            allow(Field::Retired, "retired")?;
            record.retired = retired;
        }
        if let (Some(comment), Some(archive)) = (&edit.archive_comment, &mut record.archive)
            && comment.trim() != archive.comment
        {
            allow(Field::ArchiveComment, "archive comment")?;
            archive.comment = comment.trim().to_owned();
        }
        Ok(())
    }

    /// Changes the procedures of a package. On a sealed one a procedure can be added, and an added one changed or
    /// removed; the package is signed again then, which makes a new revision.
    pub fn edit_procedures(
        &self,
        id: PackageId,
        edit: &ProcedureEdit,
        key: Option<&str>,
    ) -> Result<PackageRecord, LibraryError> {
        let (_lock, mut record) = self.lock_record(id)?;
        self.require_editable(&record, Field::AddProcedure, "changed")?;
        let manifest = self.recorded_manifest(id)?;
        let before: Vec<Procedure> =
            record.procedures.iter().map(|listed| listed.procedure.clone()).collect();
        let details = apply_procedure_edit(&mut record, edit, &manifest)?;
        let signed: Vec<Procedure> =
            record.procedures.iter().map(|listed| listed.procedure.clone()).collect();
        record.changed = Timestamp::now();
        let operation = Operation::begin(self)?;
        let mut steps = Vec::new();
        let mut entry = self.entry(HistoryEvent::ProcedureChanged, Some(&record));
        entry.details = Some(details);
        if signed != before {
            if record.state == PackageState::Sealed {
                let manifest = manifest_with_hashes(&record, &manifest)?;
                let plan = SealPlan::make(self, &mut record, manifest, key)?;
                entry.key_id = Some(plan.key_id().to_owned());
                entry.details =
                    entry.details.map(|text| format!("{text}; signed again as revision {}", record.revision));
                plan.write(&operation, &record, &mut steps)?;
            } else {
                put_reginfo(&operation, &record, &manifest, &mut steps)?;
            }
        }
        put_notes(&operation, &record, &mut steps)?;
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_package(&record)?;
            change.append_history(entry)?;
            Ok(())
        })?;
        Ok(record)
    }

    /// Adds somebody's own words to the history of a package.
    pub fn add_note(&self, id: PackageId, text: &str) -> Result<(), LibraryError> {
        self.require_writable()?;
        let record = self.record(id)?;
        let mut entry = self.entry(HistoryEvent::Note, Some(&record));
        entry.details = Some(super::required_reason(text)?);
        self.catalogue().change(|change| change.append_history(entry))?;
        self.append_history_file()
    }
}

/// A seal needs every hash; they are there since the package was sealed before, unless a database was lost.
fn manifest_with_hashes<'m>(
    record: &PackageRecord,
    manifest: &'m Manifest,
) -> Result<&'m Manifest, LibraryError> {
    if manifest.has_all_hashes() {
        return Ok(manifest);
    }
    Err(LibraryError::Unreadable {
        what: record.key.to_string(),
        why: "its recorded hashes were lost".to_owned(),
    })
}

fn apply_procedure_edit(
    record: &mut PackageRecord,
    edit: &ProcedureEdit,
    manifest: &Manifest,
) -> Result<String, LibraryError> {
    let sealed = record.state == PackageState::Sealed;
    let is_file = |path: &str| manifest.files().position(path).is_some();
    let position = |record: &PackageRecord, name: &str| {
        let folded = name.to_lowercase();
        record
            .procedures
            .iter()
            .position(|listed| listed.procedure.name.to_lowercase() == folded)
            .ok_or_else(|| LibraryError::NoSuchProcedure(name.to_owned()))
    };
    let may_change = |listed: &ListedProcedure| {
        if sealed && listed.procedure.origin == Origin::Embedded {
            return Err(LibraryError::ProcedureSealed(listed.procedure.name.clone()));
        }
        Ok(())
    };
    let others = |record: &PackageRecord, except: Option<usize>| -> Vec<Procedure> {
        let kept = record.procedures.iter().enumerate().filter(|(index, _)| Some(*index) != except);
        kept.map(|(_, listed)| listed.procedure.clone()).collect()
    };
    let (details, chosen) = match edit {
        ProcedureEdit::Add(procedure, choice) => {
            let mut procedure = procedure.clone();
            procedure.origin = if sealed { Origin::Added } else { Origin::Embedded };
            procedure.check(others(record, None).iter(), is_file)?;
            let first = !record.procedures.iter().any(|listed| listed.procedure.task == procedure.task);
            let mut choice = choice.clone();
            choice.default_for_task |= first;
            let details = format!("added {:?}", procedure.name);
            record.procedures.push(ListedProcedure { procedure, choice });
            (details, Some(record.procedures.len() - 1))
        }
        ProcedureEdit::Change { name, procedure, choice } => {
            let at = position(record, name)?;
            let mut procedure = procedure.clone();
            procedure.origin = record.procedures[at].procedure.origin;
            if procedure != record.procedures[at].procedure {
                may_change(&record.procedures[at])?;
                procedure.check(others(record, Some(at)).iter(), is_file)?;
            }
            record.procedures[at] = ListedProcedure { procedure, choice: choice.clone() };
            (format!("changed {name:?}"), Some(at))
        }
        ProcedureEdit::Choose { name, choice } => {
            let at = position(record, name)?;
            record.procedures[at].choice = choice.clone();
            (format!("chosen for {name:?}: {}", describe(choice)), Some(at))
        }
        ProcedureEdit::Remove { name } => {
            let at = position(record, name)?;
            may_change(&record.procedures[at])?;
            record.procedures.remove(at);
            (format!("removed {name:?}"), None)
        }
        ProcedureEdit::Move { name, to } => {
            let at = position(record, name)?;
            may_change(&record.procedures[at])?;
            let listed = record.procedures.remove(at);
            let to = (*to).min(record.procedures.len());
            record.procedures.insert(to, listed);
            (format!("moved {name:?}"), None)
        }
    };
    // One default for each task: the one chosen last.
    if let Some(at) = chosen.filter(|at| record.procedures[*at].choice.default_for_task) {
        let task = record.procedures[at].procedure.task;
        for (index, listed) in record.procedures.iter_mut().enumerate() {
            if index != at && listed.procedure.task == task {
                listed.choice.default_for_task = false;
            }
        }
    }
    Ok(details)
}

fn describe(choice: &ProcedureChoice) -> String {
    let default = if choice.default_for_task { "default for its task" } else { "not the default" };
    let offered = if choice.offered { "offered in jobs" } else { "not offered in jobs" };
    format!("{default}, {offered}")
}
