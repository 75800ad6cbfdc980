//! What lies in a bag folder: every plain file with its size; anything else is refused here.
//!
//! Must not know: tag files and what they list.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization as _;

use crate::package::bag::{Issues, PAYLOAD_FOLDER, ProblemCode, WarningCode};
use crate::work::{Cancelled, Work};

/// All files of a bag.
#[derive(Default)]
pub(super) struct Tree {
    /// Path relative to the bag, and size in bytes, sorted by path bytes.
    pub(super) files: BTreeMap<String, u64>,
    /// Paths that are there but refused, so that they are not called missing too.
    pub(super) refused: BTreeSet<String>,
    /// Whether `data` is a folder.
    pub(super) has_payload_folder: bool,
}

impl Tree {
    /// Payload files by path below `data/`.
    pub(super) fn payload(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().filter_map(|(path, size)| Some((path.strip_prefix("data/")?, *size)))
    }

    /// Number and sizes of the payload files.
    pub(super) fn payload_sum(&self) -> (u64, u64) {
        self.payload().fold((0, 0), |(files, bytes), (_, size)| (files + 1, bytes.saturating_add(size)))
    }

    /// Paths by their composed form (NFC), where that can differ from the path.
    pub(super) fn by_normal_form(&self) -> HashMap<String, Vec<String>> {
        let mut forms: HashMap<String, Vec<String>> = HashMap::new();
        for path in self.files.keys().filter(|path| !path.is_ascii()) {
            forms.entry(path.nfc().collect()).or_default().push(path.clone());
        }
        forms
    }
}

/// Lists the bag at `root`, a real path. The inner error is that of the root folder itself.
pub(super) fn walk(
    root: &Path,
    work: &Work,
    issues: &mut Issues,
) -> Result<Result<Tree, io::Error>, Cancelled> {
    let mut tree = Tree::default();
    let mut folders: Vec<(PathBuf, String)> = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        work.check()?;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if prefix.is_empty() => return Ok(Err(error)),
            Err(error) => {
                issues.error(ProblemCode::Unreadable, prefix.trim_end_matches('/'), error.to_string());
                continue;
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) => take(root, &prefix, &entry, &mut tree, &mut folders, issues),
                Err(error) => {
                    issues.error(ProblemCode::Unreadable, prefix.trim_end_matches('/'), error.to_string());
                }
            }
        }
    }
    Ok(Ok(tree))
}

fn take(
    root: &Path,
    prefix: &str,
    entry: &DirEntry,
    tree: &mut Tree,
    folders: &mut Vec<(PathBuf, String)>,
    issues: &mut Issues,
) {
    let name = entry.file_name();
    let Some(name) = name.to_str() else {
        let shown = format!("{prefix}{}", name.to_string_lossy());
        issues.error(ProblemCode::NameNotUtf8, shown, "its name is not valid UTF-8");
        return;
    };
    let path = format!("{prefix}{name}");
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        Err(error) => {
            issues.error(ProblemCode::Unreadable, path.clone(), error.to_string());
            tree.refused.insert(path);
            return;
        }
    };
    if metadata.is_dir() {
        tree.has_payload_folder |= path == PAYLOAD_FOLDER;
        folders.push((entry.path(), format!("{path}/")));
    } else if metadata.is_file() {
        tree.files.insert(path, metadata.len());
    } else if metadata.is_symlink() {
        match linked_file(root, &entry.path()) {
            Ok(size_bytes) => {
                let message = "it is a symbolic link to another file of the bag";
                issues.warn(WarningCode::Link, path.clone(), message);
                tree.files.insert(path, size_bytes);
            }
            Err(why) => {
                issues.error(ProblemCode::Link, path.clone(), why);
                tree.refused.insert(path);
            }
        }
    } else {
        issues.error(ProblemCode::NotAFile, path.clone(), "it is neither a file nor a folder");
        tree.refused.insert(path);
    }
}

/// The size of the file that a link leads to, if that is a plain file of the same bag.
fn linked_file(root: &Path, link: &Path) -> Result<u64, String> {
    let target = link.canonicalize().map_err(|e| format!("it is a symbolic link that leads nowhere: {e}"))?;
    if !target.starts_with(root) {
        return Err("it is a symbolic link that leads out of the bag".to_owned());
    }
    let metadata = fs::symlink_metadata(&target).map_err(|e| e.to_string())?;
    if !metadata.is_file() {
        return Err("it is a symbolic link to something that is no file".to_owned());
    }
    Ok(metadata.len())
}
