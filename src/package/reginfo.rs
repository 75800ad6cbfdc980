//! The two small files of a package folder: `reginfo.json`, which is what the seal covers, and `notes.json`,
//! which holds what is local and not signed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::consistency::ConsistencyChecksum;
use super::digest::Sha256Digest;
use super::key::PackageKey;
use super::procedure::{Procedure, ProcedureChoice};
use super::record::{PackageId, PackageType};

/// Name of the registration info in a package folder.
pub const REGINFO_NAME: &str = "reginfo.json";
/// Name of the seal: the minisign signature over `reginfo.json`.
pub const SEAL_NAME: &str = "reginfo.json.minisig";
/// Name of the local notes.
pub const NOTES_NAME: &str = "notes.json";
/// Name of the folder with the files of the package.
pub const DATA_NAME: &str = "data";

/// Largest `reginfo.json` or `notes.json` that is read, in bytes.
pub const REGINFO_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Tag files whose digests `reginfo.json` names, in the order they are written.
pub const COVERED_NAMES: [&str; 4] = ["manifest-sha256.txt", "bag-info.txt", "bagit.txt", "snapshot.meta4"];

const FORMAT: &str = "packhouse-reginfo-1";

/// Registration information: what is signed, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegInfo {
    format: String,
    /// Identity of the package.
    pub id: PackageId,
    /// Its name and version.
    #[serde(flatten)]
    pub key: PackageKey,
    /// The package it was started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub based_on: Option<PackageKey>,
    /// Who made the software.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub supplier: String,
    /// Kind of installer.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// Rises by one with every signing; 0 before the first.
    pub revision: u64,
    /// Number of files, sum of bytes, digest of names and sizes.
    pub checksum: ConsistencyChecksum,
    /// Procedures, in order.
    #[serde(default)]
    pub procedures: Vec<Procedure>,
    /// Paths of the executable files, sorted.
    #[serde(default)]
    pub executable: Vec<String>,
    /// SHA-256 of the tag files of [`COVERED_NAMES`]; empty while the package is Open.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<String, Sha256Digest>,
}

/// Why a text is no registration information.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegInfoProblem {
    /// No JSON of this form.
    #[error("it cannot be read: {0}")]
    Json(String),
    /// Another format, probably of a newer program.
    #[error("it has the format {0:?}, which this program does not know")]
    Format(String),
    /// An executable path that no package can have.
    #[error("{0:?} is no path of a package")]
    Path(String),
}

impl RegInfo {
    /// Registration information of a package that is not sealed.
    #[expect(
        clippy::too_many_arguments,
        reason = "every part is needed and none has a default that would be right"
    )]
    pub fn new(
        id: PackageId,
        key: PackageKey,
        based_on: Option<PackageKey>,
        supplier: String,
        package_type: PackageType,
        revision: u64,
        checksum: ConsistencyChecksum,
        procedures: Vec<Procedure>,
        executable: Vec<String>,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            id,
            key,
            based_on,
            supplier,
            package_type,
            revision,
            checksum,
            procedures,
            executable,
            sha256: BTreeMap::new(),
        }
    }

    /// The text of the file: JSON, two spaces a level, line end at the end; the same for the same content.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the text of the file.
    pub fn parse(text: &str) -> Result<Self, RegInfoProblem> {
        let info: Self =
            serde_json::from_str(text).map_err(|error| RegInfoProblem::Json(error.to_string()))?;
        if info.format != FORMAT {
            return Err(RegInfoProblem::Format(info.format));
        }
        if let Some(path) = info.executable.iter().find(|path| super::path::check(path).is_err()) {
            return Err(RegInfoProblem::Path(path.clone()));
        }
        Ok(info)
    }

    /// The trusted comment of the seal.
    pub fn trusted_comment(&self) -> String {
        format!(
            "id={} name={} version={} revision={}",
            self.id,
            self.key.name(),
            self.key.version(),
            self.revision
        )
    }
}

/// What is local to one library: kept beside the package so that a lost catalogue can be rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// Software group.
    #[serde(default)]
    pub group: String,
    /// Free text.
    #[serde(default)]
    pub comment: String,
    /// The switch.
    pub checksum_control: bool,
    /// Who registered it.
    pub filed_by: String,
    /// When.
    pub registered: Timestamp,
    /// Which package it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<PackageKey>,
    /// No new jobs.
    #[serde(default)]
    pub retired: bool,
    /// What was decided about each procedure, by name.
    #[serde(default)]
    pub procedures: BTreeMap<String, ProcedureChoice>,
    /// Where it was archived, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<super::record::ArchiveInfo>,
}

impl Notes {
    /// The text of the file.
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the text of the file; `None` if it cannot be read, since nothing in it is more than convenience.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::FileList;

    #[test]
    fn what_is_written_is_read_and_other_formats_are_named() {
        let key = PackageKey::new("7-Zip", "24.09").expect("good");
        let mut info = RegInfo::new(
            PackageId(uuid::Uuid::from_u128(1)),
            key,
            None,
            "Igor Pavlov".into(),
            PackageType::Msi,
            3,
            FileList::new().checksum(),
            vec![Procedure::new("Install", crate::package::procedure::Task::Install, "setup.exe")],
            vec!["bin/run".into()],
        );
        info.sha256.insert("bagit.txt".into(), Sha256Digest::of(b"x"));
        let text = info.to_text();
        assert_eq!(RegInfo::parse(&text), Ok(info));
        assert!(matches!(
            RegInfo::parse(&text.replace("reginfo-1", "reginfo-9")),
            Err(RegInfoProblem::Format(_))
        ));
        assert!(matches!(RegInfo::parse(&text.replace("bin/run", "../run")), Err(RegInfoProblem::Path(_))));
        assert!(matches!(RegInfo::parse(&text.replace("7-Zip", "7/Zip")), Err(RegInfoProblem::Json(_))));
    }
}
