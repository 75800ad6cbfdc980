//! The packages that agents keep although no job names them, and how many bytes of packages they keep.
//!
//! Owns the administrator's list. The manager writes it into the site list; what an agent makes of it is the agent's.

use serde::{Deserialize, Serialize};

use super::computers::ComputerDesk;
use super::documents::limits::KEEP_MAX;
use super::error::{DeliveryError, require_writable};
use crate::library::{Library, LibraryError, PackageRef};
use crate::package::numbers::many;
use crate::package::{HistoryEvent, PackageKey};

/// The name under which the library keeps the list.
const PLACE: &str = "keep";

/// What agents keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptPackages {
    /// Packages that stay although no job names them, by name. They need not be in the library any more.
    pub packages: Vec<PackageKey>,
    /// An agent keeps at most so many bytes of packages; those of open jobs count and stay. No limit where absent.
    pub most_bytes: Option<u64>,
}

/// What is to change of that; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct KeepEdit {
    /// Packages that come onto the list.
    pub add: Vec<PackageRef>,
    /// Packages that leave it, as `Name@Version`, or `Name` where only one version is on it.
    pub remove: Vec<String>,
    /// The limit in bytes; none if `Some(None)`.
    pub most_bytes: Option<Option<u64>>,
}

/// What agents are to keep.
pub(super) fn kept_packages(library: &Library) -> Result<KeptPackages, DeliveryError> {
    let text = library.catalogue().library_value(PLACE)?;
    match text {
        None => Ok(KeptPackages::default()),
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| DeliveryError::Unreadable(format!("packages to keep: {error}"))),
    }
}

impl ComputerDesk {
    /// What agents keep although no job names it.
    pub fn kept(&self) -> Result<KeptPackages, DeliveryError> {
        kept_packages(&self.library)
    }

    /// Changes what agents keep. They learn it from the site list, which the manager writes at its next round.
    pub fn keep(&self, edit: &KeepEdit) -> Result<KeptPackages, DeliveryError> {
        require_writable(&self.library)?;
        let mut kept = self.kept()?;
        let mut told = Vec::new();
        for text in &edit.remove {
            let key = kept.packages.remove(position(&kept.packages, text)?);
            let record = self.library.catalogue().package_by_key(&key)?;
            told.push((record.map(|record| record.id), key, "no longer kept by agents"));
        }
        for package in &edit.add {
            let record = self.library.resolve(package)?;
            if kept.packages.iter().any(|key| key.folded() == record.key.folded()) {
                continue;
            }
            kept.packages.push(record.key.clone());
            told.push((Some(record.id), record.key, "kept by agents although no job names it"));
        }
        if kept.packages.len() > KEEP_MAX {
            return Err(DeliveryError::KeptTooMany);
        }
        kept.packages.sort_by_key(PackageKey::folded);
        let limit = edit.most_bytes.filter(|most| *most != kept.most_bytes);
        kept.most_bytes = limit.unwrap_or(kept.most_bytes);
        if told.is_empty() && limit.is_none() {
            return Ok(kept);
        }
        let text =
            serde_json::to_string(&kept).map_err(|error| DeliveryError::Unreadable(error.to_string()))?;
        self.library.catalogue().change(|change| -> Result<(), DeliveryError> {
            change.set_library_value(PLACE, &text)?;
            for (id, key, words) in &told {
                let entry = match id {
                    Some(id) => {
                        let words = (*words).to_owned();
                        self.library.entry_about(HistoryEvent::KeepChanged, Some((*id, key)), words)
                    }
                    None => {
                        let words = format!("{key}: {words}");
                        self.library.entry_about(HistoryEvent::KeepChanged, None, words)
                    }
                };
                change.append_history(entry)?;
            }
            if let Some(limit) = limit {
                let words = match limit {
                    Some(most) => format!("agents keep at most {} of packages", many(most, "byte")),
                    None => "agents keep packages of any size".to_owned(),
                };
                change.append_history(self.library.entry_about(HistoryEvent::KeepChanged, None, words))?;
            }
            Ok(())
        })?;
        self.library.bring_history_file_up_to_date();
        Ok(kept)
    }
}

/// Which of the list a text names.
fn position(packages: &[PackageKey], text: &str) -> Result<usize, DeliveryError> {
    let folded = text.trim().to_lowercase();
    if let Some(at) = packages.iter().position(|key| key.folded() == folded) {
        return Ok(at);
    }
    let named: Vec<usize> =
        (0..packages.len()).filter(|at| packages[*at].name().to_lowercase() == folded).collect();
    match named[..] {
        [] => Err(DeliveryError::NotKept(text.trim().to_owned())),
        [one] => Ok(one),
        _ => Err(LibraryError::Ambiguous {
            name: text.trim().to_owned(),
            keys: named.iter().map(|at| packages[*at].to_string()).collect(),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_the_list_is_named_as_far_as_it_must_be() -> Result<(), Box<dyn std::error::Error>> {
        let keys = [("Tool", "1.0"), ("Tool", "2.0"), ("Font", "1")];
        let keys = keys.map(|(name, version)| PackageKey::new(name, version)).into_iter();
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        assert_eq!(position(&keys, " tool@2.0 ")?, 1);
        assert_eq!(position(&keys, "font")?, 2);
        assert!(matches!(position(&keys, "Fon"), Err(DeliveryError::NotKept(_))));
        let several = position(&keys, "Tool");
        assert!(matches!(several, Err(DeliveryError::Library(LibraryError::Ambiguous { .. }))));
        Ok(())
    }
}
