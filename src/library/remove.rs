//! Removing packages, taking removals back, and emptying the trash.

use super::operation::{Operation, Step, TRASH};
use super::package_folder::{PACKAGES, relative_folder};
use super::{Library, LibraryError};
use crate::package::HistoryEvent;
use crate::package::PackageKey;
use crate::package::record::PackageId;
use crate::store::RemovedPackage;

/// A package that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its name and version.
    pub key: PackageKey,
    /// Its size in bytes.
    pub size_bytes: u64,
}

impl Library {
    /// Takes a package out of the library. Its folder goes to `.trash/` until [`Library::empty_trash`]; an archive
    /// file stays where it is.
    pub fn remove(&self, id: PackageId) -> Result<Removed, LibraryError> {
        let (_lock, record) = self.lock_record(id)?;
        let operation = Operation::begin(self)?;
        // Sorts by time, so that the one removed last is taken back first.
        let trash = uuid::Uuid::new_v4().simple().to_string();
        let trash = format!("{:020}-{}", jiff::Timestamp::now().as_microsecond(), &trash[..12]);
        let folder = relative_folder(&record.key);
        let mut steps =
            vec![Step::Rename { from: folder.clone(), to: std::path::Path::new(TRASH).join(&trash) }];
        if let Some(parent) = folder.parent() {
            steps.push(Step::RemoveEmpty { path: parent.to_owned(), stop: PACKAGES.into() });
        }
        let mut entry = self.entry(HistoryEvent::Removed, Some(&record));
        entry.old_checksum = Some(record.checksum);
        operation.commit(&record.key.folded(), &steps, |change| {
            change.put_in_trash(id, &trash)?;
            change.append_history(entry)?;
            Ok(())
        })?;
        Ok(Removed { key: record.key, size_bytes: record.checksum.size_bytes })
    }

    /// Removed packages that can be taken back, the one removed last at the end.
    pub fn removed(&self) -> Result<Vec<Removed>, LibraryError> {
        let removed = self.catalogue().removed_packages()?;
        let plain = removed.into_iter().map(|removed| Removed {
            key: removed.record.key,
            size_bytes: removed.record.checksum.size_bytes,
        });
        Ok(plain.collect())
    }

    /// Takes the last removal back.
    pub fn undo_remove(&self) -> Result<PackageKey, LibraryError> {
        self.require_writable()?;
        let removed = self.catalogue().removed_packages()?.pop().ok_or(LibraryError::NothingToUndo)?;
        let record = removed.record;
        let _lock = self.lock_package(&record.key)?;
        self.require_free(&record.key)?;
        let folder = self.package_folder(&record.key);
        if folder.exists() {
            return Err(LibraryError::FolderExists(folder));
        }
        let from = std::path::Path::new(TRASH).join(&removed.trash);
        if !self.root().join(&from).is_dir() {
            // Another program was faster, or somebody cleared the trash by hand.
            return Err(LibraryError::NothingToUndo);
        }
        let operation = Operation::begin(self)?;
        let steps = [Step::Rename { from, to: relative_folder(&record.key) }];
        let entry = self.entry(HistoryEvent::RemovalUndone, Some(&record));
        operation.commit(&record.key.folded(), &steps, |change| {
            if !change.take_from_trash(record.id, &removed.trash)? {
                return Err(LibraryError::NothingToUndo);
            }
            change.append_history(entry)?;
            Ok(())
        })?;
        Ok(record.key)
    }

    /// Removes a package for good. Other removed packages stay until [`Library::empty_trash`].
    pub fn remove_for_good(&self, id: PackageId) -> Result<Removed, LibraryError> {
        let gone = self.remove(id)?;
        // Read into a value first: the catalogue must not be held while it is changed.
        let all = self.catalogue().removed_packages()?;
        for removed in all.iter().filter(|removed| removed.record.id == id) {
            self.delete_removed(removed)?;
        }
        Ok(gone)
    }

    /// Deletes removed packages for good: undo ends. Gives how many.
    pub fn empty_trash(&self) -> Result<u64, LibraryError> {
        self.require_writable()?;
        let mut count = 0;
        let all = self.catalogue().removed_packages()?;
        for removed in &all {
            count += u64::from(self.delete_removed(removed)?);
        }
        Ok(count)
    }

    /// Whether it was still in the trash: another program may have taken it back meanwhile.
    fn delete_removed(&self, removed: &RemovedPackage) -> Result<bool, LibraryError> {
        let _lock = self.lock_package(&removed.record.key)?;
        let operation = Operation::begin(self)?;
        let steps = [Step::Remove { path: std::path::Path::new(TRASH).join(&removed.trash) }];
        let deleted = operation.commit(&removed.record.key.folded(), &steps, |change| {
            if change.delete_from_trash(removed.record.id, &removed.trash)? {
                Ok(())
            } else {
                Err(LibraryError::NothingToUndo)
            }
        });
        match deleted {
            Ok(()) => Ok(true),
            Err(LibraryError::NothingToUndo) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
