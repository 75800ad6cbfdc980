//! What a writer that was killed left in a staging library: removed once nobody can be writing it any more.
//!
//! Owns when something was first seen. A store tells no times, and clocks of two machines differ: what lies there for an
//! hour by the manager's own clock is left over.

use std::collections::HashMap;
use std::time::Duration;

use super::ManagerOptions;
use crate::delivery::staging::{Listed, StagingStore, StorePath};

/// Nobody writes one report or one enrolment for so long.
const LEFT_AFTER: Duration = Duration::from_secs(3600);
/// So many are remembered; the others are seen when these are gone.
const MOST: usize = 10_000;

/// Objects that were begun and are not finished, by store and path, and when they were seen first.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    seen: HashMap<(String, StorePath), Duration>,
}

impl Leftovers {
    /// Looks at what was listed in `folder`, and removes what was left there. What cannot be removed holds up nothing else:
    /// it is tried again the next time.
    pub(super) fn sweep(
        &mut self,
        options: &ManagerOptions,
        store: &dyn StagingStore,
        folder: &StorePath,
        listed: &[Listed],
    ) {
        let (now, name) = (options.clock.now(), store.name());
        let mut still = HashMap::new();
        for entry in listed.iter().filter(|entry| entry.is_unfinished()).take(MOST) {
            let Ok(path) = folder.join(&entry.name) else { continue };
            let place = (name.clone(), path);
            let first = self.seen.get(&place).copied().unwrap_or(now);
            if now.saturating_sub(first) < LEFT_AFTER {
                still.insert(place, first);
            } else if let Err(error) = store.remove(&place.1) {
                tracing::warn!(%error, "what a killed writer left stays");
                still.insert(place, first);
            }
        }
        self.seen.retain(|(other, path), _| {
            *other != name || path.split().is_none_or(|(parent, _)| parent != *folder)
        });
        self.seen.extend(still);
    }
}
