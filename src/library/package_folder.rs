//! The folder of one package, `packages/<Name>/<Version>/`: where each file of it lies and what it says.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::operation::{Operation, Step};
use super::{Library, LibraryError};
use crate::package::reginfo::{DATA_NAME, NOTES_NAME, Notes, REGINFO_MAX_BYTES, REGINFO_NAME, RegInfo};
use crate::package::{Manifest, PackageKey, PackageRecord};

/// Folder of all packages in a library.
pub(super) const PACKAGES: &str = "packages";
/// Folder of a library that what is downloaded goes to, unless told otherwise.
pub(super) const DOWNLOADS: &str = "downloads";
/// Folder of a library in which downloads say how far they are.
pub(super) const PROGRESS: &str = "progress";

/// The package folder, relative to the library.
pub(super) fn relative_folder(key: &PackageKey) -> PathBuf {
    Path::new(PACKAGES).join(key.name()).join(key.version())
}

impl Library {
    /// Where what is downloaded goes, unless told otherwise: beside the packages.
    pub fn downloads_folder(&self) -> PathBuf {
        self.root().join(DOWNLOADS)
    }

    /// The package folder, absolute.
    pub fn package_folder(&self, key: &PackageKey) -> PathBuf {
        self.root().join(relative_folder(key))
    }

    /// The folder with the files of the package, absolute.
    pub fn data_folder(&self, key: &PackageKey) -> PathBuf {
        self.package_folder(key).join(DATA_NAME)
    }
}

/// The registration info of a record as it stands now, unsigned.
pub(super) fn reginfo_of(record: &PackageRecord, manifest: &Manifest) -> RegInfo {
    RegInfo::new(
        record.id,
        record.key.clone(),
        record.based_on.clone(),
        record.supplier.clone(),
        record.package_type,
        record.revision,
        record.checksum,
        record.procedures.iter().map(|listed| listed.procedure.clone()).collect(),
        manifest.executable_paths().map(str::to_owned).collect(),
    )
}

/// The local notes of a record.
pub(super) fn notes_of(record: &PackageRecord) -> Notes {
    Notes {
        group: record.group.clone(),
        comment: record.comment.clone(),
        checksum_control: record.checksum_control,
        filed_by: record.filed_by.clone(),
        registered: record.registered,
        replaces: record.replaces.clone(),
        retired: record.retired,
        procedures: record
            .procedures
            .iter()
            .map(|listed| (listed.procedure.name.clone(), listed.choice.clone()))
            .collect(),
        archive: record.archive.clone(),
    }
}

/// Writes the notes of a record into the operation, and adds the step that puts them into place.
pub(super) fn put_notes(
    operation: &Operation<'_>,
    record: &PackageRecord,
    steps: &mut Vec<Step>,
) -> Result<(), LibraryError> {
    operation.write(NOTES_NAME, notes_of(record).to_text().as_bytes())?;
    steps.push(Step::Rename {
        from: operation.relative(NOTES_NAME),
        to: relative_folder(&record.key).join(NOTES_NAME),
    });
    Ok(())
}

/// Writes the unsigned registration info of an Open package into the operation, and adds its step.
pub(super) fn put_reginfo(
    operation: &Operation<'_>,
    record: &PackageRecord,
    manifest: &Manifest,
    steps: &mut Vec<Step>,
) -> Result<(), LibraryError> {
    operation.write(REGINFO_NAME, reginfo_of(record, manifest).to_text().as_bytes())?;
    steps.push(Step::Rename {
        from: operation.relative(REGINFO_NAME),
        to: relative_folder(&record.key).join(REGINFO_NAME),
    });
    Ok(())
}

/// Reads a small text file, at most `max_bytes` of it; `None` if it is not there.
pub(super) fn read_text(path: &Path, max_bytes: u64) -> Result<Option<String>, LibraryError> {
    let unreadable = |why: String| LibraryError::Unreadable { what: path.display().to_string(), why };
    // A stranger's folder can hold a named pipe of this name: nobody waits for it.
    let file = match crate::disk::open_plain(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let mut text = String::new();
    file.take(max_bytes + 1).read_to_string(&mut text).map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > max_bytes {
        return Err(unreadable(format!("it is larger than {max_bytes} bytes")));
    }
    Ok(Some(text))
}

/// Reads the registration info in a folder; `None` if there is none.
pub(super) fn read_reginfo(folder: &Path) -> Result<Option<(RegInfo, String)>, LibraryError> {
    let path = folder.join(REGINFO_NAME);
    let Some(text) = read_text(&path, REGINFO_MAX_BYTES)? else { return Ok(None) };
    let info = RegInfo::parse(&text).map_err(|problem| LibraryError::Unreadable {
        what: path.display().to_string(),
        why: problem.to_string(),
    })?;
    Ok(Some((info, text)))
}
