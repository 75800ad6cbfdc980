//! Where the bytes of a repair could come from, as far as this library knows: blocks of other packages, archives,
//! and what was repaired or restored from before. Reads no package but the one that is looked for.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::plan::{RepairPlan, only};
use super::{EqualBlock, FROM};
use crate::library::{Library, LibraryError};
use crate::package::record::{PackageId, PackageRecord};
use crate::package::reginfo::DATA_NAME;
use crate::package::{HistoryEvent, Manifest, PackageKey, PackageState, Sha256Digest};
use crate::store::HistoryFilter;

/// A block that a repair has to get from somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadBlock {
    /// Path of its file relative to `data/`.
    pub path: String,
    /// Where it lies in the file, in bytes.
    pub range: Range<u64>,
    /// Its number within the file.
    pub nth: u64,
    /// What it must hash to.
    pub hash: Sha256Digest,
}

/// What a repair has to get, and what of it other packages of the library should have.
#[derive(Clone, Debug, Default)]
pub struct Needed {
    /// The blocks, by file.
    pub blocks: Vec<BadBlock>,
    /// Those that lie in other packages, by hash.
    pub equal: HashMap<Sha256Digest, EqualBlock>,
}

impl Needed {
    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        self.blocks.iter().map(|block| block.range.end - block.range.start).sum()
    }

    /// Bytes that other packages should have.
    pub fn equal_bytes(&self) -> u64 {
        let equal = self.blocks.iter().filter(|block| self.equal.contains_key(&block.hash));
        equal.map(|block| block.range.end - block.range.start).sum()
    }
}

impl Library {
    /// What a repair by this plan has to get.
    pub fn needed(&self, plan: &RepairPlan) -> Result<Needed, LibraryError> {
        let manifest = self.recorded_manifest(plan.package)?;
        let mut needed = Needed::default();
        for file in &plan.fetch {
            let recorded = manifest.files().position(&file.path).and_then(|at| manifest.get(at));
            let Some(hashes) = recorded.and_then(|recorded| recorded.hashes) else { continue };
            for nth in &file.bad {
                let hash = usize::try_from(*nth).ok().and_then(|nth| hashes.blocks.get(nth));
                let range = manifest.block_size().range(*nth, file.size_bytes);
                needed.blocks.extend(hash.map(|hash| BadBlock {
                    path: file.path.clone(),
                    range,
                    nth: *nth,
                    hash: *hash,
                }));
            }
        }
        let paths: HashSet<&str> = plan.fetch.iter().map(|file| file.path.as_str()).collect();
        let wanted = only(&manifest, &paths);
        needed.equal = self.equal_blocks(&plan.key, &wanted, Some((plan.package, &paths)))?;
        let own = self.package_folder(&plan.key).join(DATA_NAME);
        needed.equal.retain(|_, equal| {
            let path = equal.file.strip_prefix(&own).ok().and_then(Path::to_str);
            !path.is_some_and(|path| paths.contains(path))
        });
        Ok(needed)
    }

    /// Where what this plan needs could be had, as far as is known; none if nobody is known.
    pub(in crate::library) fn places_for(&self, plan: &RepairPlan) -> Result<Vec<String>, LibraryError> {
        let needed = self.needed(plan)?;
        if needed.equal_bytes() == needed.bytes() {
            let own =
                if needed.blocks.is_empty() { "nothing to fetch" } else { "other packages of the library" };
            return Ok(vec![own.to_owned()]);
        }
        self.known_places(plan.package)
    }

    /// Where blocks with the hashes of these files lie in this package, in other versions of it, and in packages that
    /// have one of these files.
    pub(in crate::library) fn equal_blocks(
        &self,
        key: &PackageKey,
        wanted: &Manifest,
        bad: Option<(PackageId, &HashSet<&str>)>,
    ) -> Result<HashMap<Sha256Digest, EqualBlock>, LibraryError> {
        let hashes: HashSet<Sha256Digest> =
            wanted.iter().filter_map(|file| file.hashes).flat_map(|h| h.blocks.iter().copied()).collect();
        let mut equal = HashMap::new();
        for other in self.packages_alike(key, wanted)? {
            let manifest = self.recorded_manifest(other.id)?;
            let root = self.data_folder(&other.key);
            let is_bad = |path| bad.is_some_and(|(id, bad)| other.id == id && bad.contains(path));
            // A bad file may still have the block, so it is asked last.
            let (bad, good): (Vec<_>, Vec<_>) = manifest.iter().partition(|file| is_bad(file.path));
            for file in good.into_iter().chain(bad) {
                let blocks = file.hashes.map(|hashes| hashes.blocks.as_slice()).unwrap_or_default();
                for (number, hash) in (0u64..).zip(blocks).filter(|(_, hash)| hashes.contains(hash)) {
                    equal.entry(*hash).or_insert_with(|| EqualBlock {
                        file: root.join(file.path),
                        offset_bytes: number * manifest.block_size().bytes(),
                    });
                }
            }
        }
        Ok(equal)
    }

    /// Packages in which equal blocks are likely: whose files lie in the library, and this package itself last.
    fn packages_alike(
        &self,
        key: &PackageKey,
        wanted: &Manifest,
    ) -> Result<Vec<PackageRecord>, LibraryError> {
        let files: HashSet<Sha256Digest> =
            wanted.iter().filter_map(|file| file.hashes.map(|hashes| hashes.file)).collect();
        let mut alike = self.catalogue().packages_named(key.name())?;
        let with_files = self.catalogue().packages_with_files(&files)?;
        for id in with_files {
            if !alike.iter().any(|other| other.id == id) {
                alike.extend(self.catalogue().package(id)?);
            }
        }
        alike.retain(|other| other.state != PackageState::Archived);
        alike.sort_by_key(|other| other.key == *key);
        Ok(alike)
    }

    /// Where a package could be repaired from, as far as History and the record know: archives, and what it was
    /// repaired from before. The latest first.
    pub fn known_places(&self, id: PackageId) -> Result<Vec<String>, LibraryError> {
        let record = self.record(id)?;
        let events = vec![HistoryEvent::Archived, HistoryEvent::Restored, HistoryEvent::Repaired];
        let filter =
            HistoryFilter { package: Some(id), events, newest: Some(50), ..HistoryFilter::default() };
        let mut places: Vec<String> = record.archive.into_iter().map(|archive| archive.path).collect();
        for entry in self.history(&filter)?.into_iter().rev() {
            let details = entry.details.unwrap_or_default();
            let named = match entry.event {
                HistoryEvent::Archived => details.strip_prefix("to ").map(str::to_owned),
                HistoryEvent::Restored => details.strip_prefix("from ").map(str::to_owned),
                _ => details.rsplit_once(FROM).map(|(_, from)| from.to_owned()),
            };
            for place in named.iter().flat_map(|named| named.split(" | ")) {
                let is_whole = Path::new(place).is_absolute() || place.contains("://");
                if is_whole && !is_gone(place) && !places.iter().any(|known| known == place) {
                    places.push(place.to_owned());
                }
            }
        }
        places.retain(|place| !is_gone(place));
        Ok(places)
    }
}

fn is_gone(place: &str) -> bool {
    let path = PathBuf::from(place);
    path.is_absolute() && !path.exists()
}
