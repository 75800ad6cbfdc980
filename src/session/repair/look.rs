//! What each place has of what a repair needs, looked at before anything is repaired.

use super::places::Place;
use crate::library::{Library, LibraryError, RepairPlan};
use crate::package::Sha256Digest;
use crate::package::record::PackageId;
use crate::transfer::NetworkOptions;
use crate::work::Work;

/// A place to repair from, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceLook {
    /// As it was given; empty for other packages of the library, which are always asked.
    pub address: String,
    /// How many of the bytes it has, proven; `None` where that shows only while they are fetched.
    pub has_bytes: Option<u64>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// A repair that could begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedRepair {
    /// What it would do.
    pub plan: RepairPlan,
    /// From where.
    pub places: Vec<PlaceLook>,
}

/// Finds out what a repair would do, and which of the known places have what it needs.
pub(in crate::session) fn prepare(
    library: &Library,
    package: PackageId,
    network: &NetworkOptions,
    work: &Work,
) -> Result<PreparedRepair, LibraryError> {
    let plan = library.plan_repair(package, work)?;
    let known = library.known_places(package)?;
    let places = look(library, &plan, &known, network, work)?;
    Ok(PreparedRepair { plan, places })
}

/// Looks at these places, and at other packages of the library.
pub(in crate::session) fn look(
    library: &Library,
    plan: &RepairPlan,
    addresses: &[String],
    network: &NetworkOptions,
    work: &Work,
) -> Result<Vec<PlaceLook>, LibraryError> {
    let needed = library.needed(plan)?;
    let mut places = Vec::new();
    let equal = needed.equal_bytes();
    if equal > 0 {
        places.push(PlaceLook { address: String::new(), has_bytes: Some(equal), problem: None });
    }
    for address in addresses {
        work.check()?;
        let mut found = PlaceLook { address: address.clone(), has_bytes: None, problem: None };
        match Place::find(address, &plan.key, network) {
            Err(failure) => found.problem = Some(failure.to_string()),
            Ok(place) if place.is_here() => {
                let mut has_bytes = 0;
                for block in &needed.blocks {
                    work.check()?;
                    let Ok(length) = usize::try_from(block.range.end - block.range.start) else { continue };
                    let mut room = vec![0; length];
                    let has = place.read(block, &mut room).unwrap_or(false);
                    if has && Sha256Digest::of(&room) == block.hash {
                        has_bytes += length as u64;
                    }
                }
                found.has_bytes = Some(has_bytes);
            }
            Ok(_) => {}
        }
        places.push(found);
    }
    Ok(places)
}
