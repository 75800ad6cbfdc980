//! What a change writes outside the library before it is whole: noted in the folder of its operation, so that a killed
//! program leaves neither half a file nor an empty folder behind. Opening the library removes them.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::LibraryError;
use super::error::io_error;
use super::operation::{Operation, sync_folder};
use super::package_folder::read_text;

/// The note in the folder of the operation.
const NOTE: &str = "elsewhere.json";
/// Most bytes of a note: two paths.
const NOTE_MAX_BYTES: u64 = 64 * 1024;

/// What was going to be written.
#[derive(Debug, Serialize, Deserialize)]
struct Elsewhere {
    /// The file while it is not whole, absolute.
    partial: PathBuf,
    /// The folders that are made for it, the deepest first.
    made: Vec<PathBuf>,
}

/// A file that is going to be written outside the library.
#[derive(Debug)]
pub(super) struct Announced {
    /// Its folder, which is there now, with no link in it.
    pub(super) folder: PathBuf,
    /// Its path until it is whole: a name that no other operation and nobody else uses.
    pub(super) partial: PathBuf,
    /// The folders that were made for it, the deepest first.
    made: Vec<PathBuf>,
}

impl Announced {
    /// Removes the folders that were made for it, as far as they are empty.
    pub(super) fn remove_made(&self) {
        // Stays where somebody else uses it by now.
        let _ = self.made.iter().try_for_each(fs::remove_dir);
    }

    /// Makes sure that the name of the file, and those of the folders made for it, have reached the disk.
    pub(super) fn sync_names(&self) -> Result<(), LibraryError> {
        sync_folder(&self.folder)?;
        self.made.iter().filter_map(|made| made.parent()).try_for_each(sync_folder)
    }
}

/// Notes that a file is going to be written in `folder`, then makes the folder if it is not there.
pub(super) fn announce(operation: &Operation<'_>, folder: &Path) -> Result<Announced, LibraryError> {
    let folder = std::path::absolute(folder).map_err(io_error("open", folder))?;
    if folder.to_str().is_none() {
        // Neither this note nor the record of an archive could say where it is.
        let why = crate::package::path::PathProblem::NotUtf8.to_string();
        return Err(LibraryError::Refused(vec![(folder.display().to_string(), why)]));
    }
    let name = partial_name(operation.folder());
    let made: Vec<PathBuf> =
        folder.ancestors().take_while(|above| !above.exists()).map(Path::to_owned).collect();
    let note = Elsewhere { partial: folder.join(&name), made: made.clone() };
    let text = serde_json::to_string(&note).unwrap_or_default();
    let path = operation.folder().join(NOTE);
    File::create(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(io_error("write", &path))?;
    sync_folder(operation.folder())?;
    let mut announced = Announced { partial: PathBuf::new(), made, folder };
    let real = fs::create_dir_all(&announced.folder).and_then(|()| fs::canonicalize(&announced.folder));
    match real {
        Ok(real) => {
            announced.partial = real.join(name);
            announced.folder = real;
            Ok(announced)
        }
        Err(error) => {
            announced.remove_made();
            Err(io_error("make the folder", &announced.folder)(error))
        }
    }
}

/// Removes what a killed operation left outside the library. Gives whether its note is no longer needed: while the disk
/// it names is away, it is.
pub(super) fn remove_left(operation_folder: &Path) -> bool {
    let Ok(Some(text)) = read_text(&operation_folder.join(NOTE), NOTE_MAX_BYTES) else { return true };
    // A torn note was never followed by anything.
    let Ok(Elsewhere { partial, made }) = serde_json::from_str::<Elsewhere>(&text) else { return true };
    // Only a file of the very name this operation gave it, so that nobody can have others removed.
    let is_named_so =
        partial.file_name().is_some_and(|name| name.to_str() == Some(&partial_name(operation_folder)));
    if !is_named_so || !partial.is_absolute() {
        return true;
    }
    if fs::symlink_metadata(&partial).is_ok_and(|there| there.is_file())
        && let Err(error) = fs::remove_file(&partial)
    {
        tracing::warn!(path = %partial.display(), %error, "half an archive could not be removed");
        return false;
    }
    let is_reachable = partial.parent().is_some_and(Path::is_dir);
    // Only while they are empty, and only above the file.
    let removed = made.iter().filter(|folder| partial.starts_with(folder)).try_for_each(fs::remove_dir);
    is_reachable || removed.is_ok() && !made.is_empty()
}

/// `.<operation>.tar.zst.partial`
fn partial_name(operation_folder: &Path) -> String {
    let operation = operation_folder.file_name().unwrap_or_default().to_string_lossy();
    format!(".{operation}.tar.zst.partial")
}
