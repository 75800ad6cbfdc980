//! Software groups, and changes of several packages at once: local fields in one transaction, the rest package by
//! package with a result for each.

use jiff::Timestamp;

use super::operation::{Operation, Step};
use super::package_folder::{notes_of, relative_folder};
use super::{Library, LibraryError, PackageEdit, SwitchOutcome};
use crate::failure::Failure;
use crate::package::key::KeyProblem;
use crate::package::record::{PackageId, PackageRecord};
use crate::package::reginfo::NOTES_NAME;
use crate::package::{CheckReport, HistoryEvent, PackageKey, PackageState};
use crate::work::Work;

/// Most packages of one transaction: each is locked, and a lock is an open file.
const MOST_AT_ONCE: usize = 400;
/// Longest name of a group, in characters.
const LONGEST_NAME: usize = 100;

/// Changes of several packages; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeveralEdit {
    /// Software group; empty for none.
    pub group: Option<String>,
    /// Free text.
    pub comment: Option<String>,
    /// Who made the software; passed over for packages that are not Open.
    pub supplier: Option<String>,
    /// Checksum control; passed over for archived packages.
    pub checksum_control: Option<SwitchEdit>,
}

/// What becomes of the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchEdit {
    /// On. Where the files differ it stays off and the question comes back.
    On,
    /// Off, for this reason.
    Off {
        /// At least three characters.
        reason: String,
    },
}

/// What became of one of several packages.
#[derive(Clone, Debug)]
pub struct EditedPackage {
    /// Which.
    pub id: PackageId,
    /// Its name and version; empty text if it is gone.
    pub name: String,
    /// The package as it is now, or why not all of it was done.
    pub result: Result<PackageRecord, Failure>,
    /// What its state did not allow, so that it was left: `supplier`.
    pub passed_over: Vec<&'static str>,
    /// What differs, where the switch stays off because of it.
    pub question: Option<CheckReport>,
}

impl Library {
    /// Makes a software group.
    pub fn add_group(&self, name: &str) -> Result<(), LibraryError> {
        self.require_writable()?;
        let name = checked_name(name)?;
        if self.group_as_spelt(&name)? != name {
            return Err(LibraryError::GroupExists(name));
        }
        self.catalogue().change(|change| change.put_group(&name))?;
        Ok(())
    }

    /// Gives a group another name; its packages stay in it. One History entry for the group and one for each package.
    pub fn rename_group(&self, from: &str, to: &str) -> Result<Vec<PackageRecord>, LibraryError> {
        self.require_writable()?;
        let from = self.require_group(from)?;
        let to = checked_name(to)?;
        let there = self.group_as_spelt(&to)?;
        if self.groups()?.contains(&there) && there != from {
            return Err(LibraryError::GroupExists(there));
        }
        if from == to {
            return Ok(Vec::new());
        }
        let members = self.members(&from)?;
        self.catalogue().change(|change| change.put_group(&to))?;
        let moved = self.move_local(&members, |record| {
            (record.group == from).then(|| record.group = to.clone()).map(|()| group_details(&from, &to))
        })?;
        self.end_group(&from, format!("group {from:?} renamed to {to:?}"))?;
        Ok(moved)
    }

    /// Takes a software group away; its packages are in none then. One History entry for the group and one for each
    /// package.
    pub fn remove_group(&self, name: &str) -> Result<Vec<PackageRecord>, LibraryError> {
        self.require_writable()?;
        let name = self.require_group(name)?;
        let members = self.members(&name)?;
        let left = self.move_local(&members, |record| {
            (record.group == name).then(|| record.group.clear()).map(|()| group_details(&name, ""))
        })?;
        self.end_group(&name, format!("group {name:?} removed"))?;
        Ok(left)
    }

    /// Puts packages into a group, which is made if it is not there; an empty name is none. All of them or none, in one
    /// transaction (of at most 400 packages), with one History entry each. Gives the packages that moved.
    pub fn move_to_group(
        &self,
        packages: &[PackageId],
        group: &str,
    ) -> Result<Vec<PackageRecord>, LibraryError> {
        self.require_writable()?;
        let group = self.group_as_spelt(group)?;
        for id in packages {
            self.record(*id)?;
        }
        if !group.is_empty() {
            self.catalogue().change(|change| change.put_group(&group))?;
        }
        self.move_local(packages, |record| {
            if record.group == group {
                return None;
            }
            let was = std::mem::replace(&mut record.group, group.clone());
            Some(group_details(&was, &group))
        })
    }

    /// Changes several packages and says of each what became of it. Group and comment of all change in one transaction;
    /// one that cannot be changed does not keep the others from it.
    pub fn edit_several(
        &self,
        packages: &[PackageId],
        edit: &SeveralEdit,
        work: &Work,
    ) -> Result<Vec<EditedPackage>, LibraryError> {
        self.require_writable()?;
        if let Some(SwitchEdit::Off { reason }) = &edit.checksum_control {
            super::required_reason(reason)?;
        }
        work.begin("Saving", 0, 0);
        let mut edited = Vec::with_capacity(packages.len());
        let mut there = Vec::with_capacity(packages.len());
        for id in packages {
            let found = self.catalogue().package(*id)?;
            if found.is_some() {
                there.push(*id);
            }
            let gone = || LibraryError::NotFound(id.to_string()).explain();
            edited.push(EditedPackage {
                id: *id,
                name: found.as_ref().map(|record| record.key.to_string()).unwrap_or_default(),
                result: found.ok_or_else(gone),
                passed_over: Vec::new(),
                question: None,
            });
        }
        if let Err(error) = self.edit_local(&there, edit) {
            // One of them is taken, say: each is tried by itself below, and says so itself.
            tracing::debug!(%error, "not all at once");
        }
        for (done, one) in edited.iter_mut().enumerate() {
            work.set_packages(done as u64, packages.len() as u64);
            if one.result.is_ok() {
                let changed = match work.check() {
                    Ok(()) => self.edit_one_of_several(edit, one, work),
                    Err(cancelled) => Err(cancelled.into()),
                };
                one.result = changed.map_err(|error| error.explain());
            }
        }
        work.set_packages(packages.len() as u64, packages.len() as u64);
        Ok(edited)
    }
}

impl Library {
    /// Group and comment of several packages, in one transaction.
    fn edit_local(&self, packages: &[PackageId], edit: &SeveralEdit) -> Result<(), LibraryError> {
        let group = edit.group.as_deref().map(|group| self.group_as_spelt(group)).transpose()?;
        if let Some(group) = group.as_deref().filter(|group| !group.is_empty()) {
            self.catalogue().change(|change| change.put_group(group))?;
        }
        let comment = edit.comment.as_deref().map(str::trim);
        self.move_local(packages, |record| {
            let mut details = Vec::new();
            if let Some(group) = group.as_ref().filter(|group| **group != record.group) {
                let was = std::mem::replace(&mut record.group, group.clone());
                details.push(group_details(&was, group));
            }
            if let Some(comment) = comment.filter(|comment| *comment != record.comment) {
                record.comment = comment.to_owned();
                details.push("comment".to_owned());
            }
            (!details.is_empty()).then(|| details.join(", "))
        })?;
        Ok(())
    }

    fn edit_one_of_several(
        &self,
        edit: &SeveralEdit,
        one: &mut EditedPackage,
        work: &Work,
    ) -> Result<PackageRecord, LibraryError> {
        let mut record = self.record(one.id)?;
        let may_have_supplier = record.state == PackageState::Open;
        if edit.supplier.as_deref().is_some_and(|supplier| supplier.trim() != record.supplier)
            && !may_have_supplier
        {
            one.passed_over.push("supplier");
        }
        let single = PackageEdit {
            group: edit.group.clone(),
            comment: edit.comment.clone(),
            supplier: edit.supplier.clone().filter(|_| may_have_supplier),
            ..PackageEdit::default()
        };
        if single != PackageEdit::default() {
            record = self.edit(one.id, &single)?;
        }
        match &edit.checksum_control {
            Some(_) if record.state == PackageState::Archived => one.passed_over.push("checksum control"),
            Some(SwitchEdit::Off { reason }) if record.checksum_control => {
                record = self.switch_off(one.id, Some(reason))?;
            }
            Some(SwitchEdit::On) if !record.checksum_control => {
                match self.switch_on(one.id, None, &work.part())? {
                    SwitchOutcome::On(switched, _) => record = *switched,
                    SwitchOutcome::Question(report) => one.question = Some(report),
                }
            }
            _ => {}
        }
        Ok(record)
    }

    /// Changes what is local and not signed of several packages: records, History entries and intents in one
    /// transaction, then the notes beside the packages. `change` gives what to tell of it, `None` if nothing changes.
    fn move_local(
        &self,
        packages: &[PackageId],
        change: impl Fn(&mut PackageRecord) -> Option<String>,
    ) -> Result<Vec<PackageRecord>, LibraryError> {
        let mut keys: Vec<(String, PackageKey, PackageId)> = Vec::with_capacity(packages.len());
        for id in packages {
            let key = self.record(*id)?.key;
            keys.push((key.folded(), key, *id));
        }
        // Everybody takes them in the same order, so that nobody waits for somebody who waits.
        keys.sort();
        keys.dedup();
        let mut changed = Vec::new();
        for some in keys.chunks(MOST_AT_ONCE) {
            let mut locks = Vec::with_capacity(some.len());
            for (_, key, _) in some {
                locks.push(self.lock_package(key)?);
            }
            let mut moved: Vec<PackageRecord> = Vec::new();
            let mut entries = Vec::new();
            for (_, key, id) in some {
                let mut record = self.record(*id)?;
                if record.key != *key {
                    return Err(LibraryError::ChangedAgain(record.key));
                }
                let Some(details) = change(&mut record) else { continue };
                record.changed = Timestamp::now();
                let mut entry = self.entry(HistoryEvent::Edited, Some(&record));
                entry.details = Some(details);
                entries.push(entry);
                moved.push(record);
            }
            if moved.is_empty() {
                continue;
            }
            let operation = Operation::begin(self)?;
            let mut parts = Vec::with_capacity(moved.len());
            for (number, record) in moved.iter().enumerate() {
                let name = Operation::part(number, NOTES_NAME);
                operation.write(&name, notes_of(record).to_text().as_bytes())?;
                let to = relative_folder(&record.key).join(NOTES_NAME);
                parts.push((record.key.folded(), vec![Step::Rename { from: operation.relative(&name), to }]));
            }
            operation.commit_several(&parts, |change| {
                for (record, entry) in moved.iter().zip(entries) {
                    change.put_package(record)?;
                    change.append_history(entry)?;
                }
                Ok(())
            })?;
            changed.append(&mut moved);
        }
        Ok(changed)
    }

    /// Forgets a group that nobody is in any more.
    fn end_group(&self, name: &str, details: String) -> Result<(), LibraryError> {
        let mut entry = self.entry(HistoryEvent::Edited, None);
        entry.details = Some(details);
        self.catalogue().change(|change| {
            change.delete_group(name)?;
            change.append_history(entry)
        })?;
        self.append_history_file()
    }

    fn members(&self, group: &str) -> Result<Vec<PackageId>, LibraryError> {
        let members = self.list()?.into_iter().filter(|package| package.group == group);
        Ok(members.map(|package| package.id).collect())
    }

    /// The group of this name, as it is spelt in the library.
    fn require_group(&self, name: &str) -> Result<String, LibraryError> {
        let spelt = self.group_as_spelt(name)?;
        if self.groups()?.contains(&spelt) { Ok(spelt) } else { Err(LibraryError::NoSuchGroup(spelt)) }
    }

    /// A name for a group; spelt as the group that is there, if one differs from it by case only. Empty stays empty.
    pub(super) fn group_as_spelt(&self, name: &str) -> Result<String, LibraryError> {
        if name.trim().is_empty() {
            return Ok(String::new());
        }
        let name = checked_name(name)?;
        let groups = self.groups()?;
        if groups.contains(&name) {
            return Ok(name);
        }
        let folded = name.to_lowercase();
        Ok(groups.into_iter().find(|group| group.to_lowercase() == folded).unwrap_or(name))
    }
}

fn checked_name(name: &str) -> Result<String, LibraryError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(KeyProblem::Empty("name of the group").into());
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(LibraryError::GroupName(name.chars().take(LONGEST_NAME).collect()));
    }
    Ok(name.to_owned())
}

fn group_details(from: &str, to: &str) -> String {
    match (from, to) {
        ("", to) => format!("group {to:?}"),
        (from, "") => format!("group: none; was {from:?}"),
        (from, to) => format!("group {to:?}; was {from:?}"),
    }
}
