//! The registration info of a sealed package as it lies in its folder: what a job needs that touches no file of it.

use super::package_folder::read_text;
use super::{Library, LibraryError};
use crate::package::record::{PackageId, PackageRecord};
use crate::package::reginfo::{REGINFO_NAME, RegInfo};
use crate::package::{PackageState, Sha256Digest};

/// Longest text that is read.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

impl Library {
    /// The registration info of a sealed package and the SHA-256 of its text. No file below `data/` is looked at, and the
    /// seal is left to whoever runs what it covers.
    pub fn sealed_reginfo(
        &self,
        id: PackageId,
    ) -> Result<(PackageRecord, RegInfo, Sha256Digest), LibraryError> {
        let record = self.record(id)?;
        if record.state != PackageState::Sealed {
            return Err(LibraryError::State {
                key: record.key,
                state: record.state,
                doing: "delivered",
                instead: "Seal the package first",
            });
        }
        self.require_reachable()?;
        let path = self.package_folder(&record.key).join(REGINFO_NAME);
        let broken = |why: String| LibraryError::SealBroken { what: record.key.to_string(), why };
        let text =
            read_text(&path, MOST_BYTES)?.ok_or_else(|| broken(format!("{REGINFO_NAME} is missing")))?;
        let info = RegInfo::parse(&text).map_err(|problem| broken(problem.to_string()))?;
        if info.id != record.id || info.revision != record.revision {
            return Err(broken("it is not the one that is recorded".to_owned()));
        }
        Ok((record, info, Sha256Digest::of(text.as_bytes())))
    }
}
