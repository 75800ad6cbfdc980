//! Unstaging: taking a package out of a staging library. The seal goes first, so that nothing half removed passes for whole.

use super::desk::{StagingDesk, StagingWay};
use super::error::StageError;
use super::lanes::patiently;
use super::place::Place;
use crate::package::reginfo::{REGINFO_NAME, RegInfo, SEAL_NAME};
use crate::package::staging::{StagedCopy, StagedFinding, StagingId};
use crate::package::{HistoryEvent, PackageId};
use crate::work::Work;

/// What unstaging did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnstageReport {
    /// The copy as it was known.
    pub copy: StagedCopy,
    /// Name of the staging library.
    pub name: String,
    /// Whether anything lay there.
    pub was_there: bool,
}

impl StagingDesk {
    /// Removes the copy of a package from a staging library. Refused while `uses` names anybody who needs it there: one
    /// line each, such as `job "Branch Köln"`. A library that no longer has the package does not need to have it.
    pub fn unstage(
        &self,
        package: PackageId,
        staging: StagingId,
        uses: &dyn Fn(PackageId, StagingId) -> Result<Vec<String>, StageError>,
        work: &Work,
    ) -> Result<UnstageReport, StageError> {
        self.require_writable()?;
        let staging = self.get(staging)?;
        let mut copy = self.known_copy(&staging, package)?;
        let used = uses(package, staging.id)?;
        if !used.is_empty() {
            return Err(StageError::InUse { key: copy.key, name: staging.name, uses: used });
        }
        work.begin("Unstaging", 0, 0);
        let place = Place::of(self.open(&staging, StagingWay::Write)?, &copy.key)?;
        let tags = place.tags(work)?;
        let there = tags.get(REGINFO_NAME).and_then(|text| RegInfo::parse(text).ok());
        if let Some(other) = there.filter(|there| there.id != package) {
            return Err(StageError::OtherPackage {
                place: place.root.to_string(),
                name: staging.name,
                found: format!("it is {} with the id {}", other.key, other.id),
            });
        }
        let was_there = !tags.is_empty() || place.walk(work)?.is_none_or(|there| !there.is_empty());
        copy.finding = StagedFinding::Incomplete;
        self.put_copy(&copy)?;
        for name in ["tagmanifest-sha256.txt", SEAL_NAME] {
            let path = place.at(name)?;
            patiently(work, || place.store.remove(&path))?;
        }
        place.store.settle()?;
        patiently(work, || place.store.remove_folder(&place.root))?;
        if let Some((above, _)) = place.root.split() {
            place.store.remove_empty(&above)?;
        }
        self.library.catalogue().change(|change| change.delete_staged(staging.id, package))?;
        let details = format!("revision {} from {}", copy.revision, staging.name);
        self.library.note_handed_out(HistoryEvent::Unstaged, (package, &copy.key), staging.id, details)?;
        Ok(UnstageReport { copy, name: staging.name, was_there })
    }
}
