//! Looking before anything is sent: whether a staging library answers, what room it has, and what of a package is there
//! already.
//!
//! Changes nothing there, but for the one object of a trial, which is taken away again. A store that does not answer in
//! time is told of, and not waited for.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::desk::{NewStagingLibrary, StagingDesk, StagingWay};
use super::error::{StageError, StagingError};
use super::place::{Place, There};
use super::plan::{Before, StagePlan, Step, plan};
use super::store::{StagingAddress, StagingStore, StorePath, open_store};
use crate::package::record::PackageRecord;
use crate::package::reginfo::{REGINFO_NAME, RegInfo};
use crate::package::snapshot::{self, SNAPSHOT_NAME};
use crate::package::staging::UNFINISHED;
use crate::package::staging::{StagedFinding, StagingId, StagingLibrary};
use crate::package::{Manifest, PackageId, Sha256Digest};
use crate::work::Work;

/// A store that has not answered by then is taken for one that does not.
const PATIENCE: Duration = Duration::from_secs(25);
/// How often it is looked whether somebody does not want to know any more.
const LOOKED: Duration = Duration::from_millis(50);
/// What a trial writes.
const TRIED: &[u8] = b"Packhouse was here to try this staging library, and takes this away again.\n";

/// How a staging library answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagingReach {
    /// When.
    pub at: Timestamp,
    /// Room that is left there, in bytes, where it is known: of a folder.
    pub free_bytes: Option<u64>,
    /// Whether it can list what it has.
    pub lists: bool,
}

/// What staging a package would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageLook {
    /// The revision that lies there with its seal.
    pub revision: Option<u64>,
    /// Files that would be sent.
    pub send_files: u64,
    /// Their bytes.
    pub send_bytes: u64,
    /// Bytes of files of the right size whose content would be compared first; what differs is sent too.
    pub look_bytes: u64,
    /// Bytes of files that are there.
    pub kept_bytes: u64,
    /// Objects of an earlier revision that would be removed.
    pub removed: u64,
}

impl StageLook {
    /// Whether this revision is there whole.
    pub fn is_there(&self, revision: u64) -> bool {
        self.revision == Some(revision) && self.send_files == 0 && self.look_bytes == 0 && self.removed == 0
    }
}

/// What was seen in the place of a package, and what is to be done there.
pub(super) struct Seen {
    /// The tag files there.
    pub(super) tags: BTreeMap<String, String>,
    /// The revision that lies there with a whole seal.
    pub(super) revision: Option<u64>,
    /// What lay there had a seal: what is kept of it was proven once.
    pub(super) was_sealed: bool,
    /// What is to be done.
    pub(super) plan: StagePlan,
}

impl StagingDesk {
    /// Asks a staging library whether it answers where the console writes, and what room it has.
    pub fn reach(&self, staging: StagingId, work: &Work) -> Result<StagingReach, StageError> {
        let staging = self.get(staging)?;
        let store = self.open(&staging, StagingWay::Write)?;
        let (free_bytes, lists) = in_time(&staging.write, work, move || answers(store.as_ref()))?;
        Ok(StagingReach { at: self.now(), free_bytes, lists })
    }

    /// Tries a staging library before it is kept: writes an object, reads it where agents read, takes it away. `kept` is
    /// the staging library whose credentials are used where none are given.
    pub fn try_out(
        &self,
        new: &NewStagingLibrary,
        kept: Option<StagingId>,
        work: &Work,
    ) -> Result<StagingReach, StageError> {
        let (write, taken) = StagingAddress::parse(&new.write)?;
        let mut credentials = new.credentials.clone().or(taken);
        if let (None, Some(kept)) = (&credentials, kept) {
            // They are shown to the server they were given for, and to no other.
            let of = StagingAddress::parse(&self.get(kept)?.write)?.0;
            credentials = if of.is_same_server(&write) { self.credentials(kept)? } else { None };
        }
        let open = |address: &StagingAddress| {
            let known = if address.is_same_server(&write) { credentials.clone() } else { None };
            open_store(address, known, self.network())
        };
        let store = open(&write)?;
        let read = match &new.read {
            Some(read) => Some(open(&StagingAddress::parse(read)?.0)?),
            None => None,
        };
        let shown = write.to_string();
        let (free_bytes, lists) = in_time(&shown, work, move || tried(store.as_ref(), read.as_deref()))?;
        Ok(StagingReach { at: self.now(), free_bytes, lists })
    }

    /// Says what staging a package would do. The package is not verified: its record counts.
    pub fn look(&self, package: PackageId, staging: StagingId, work: &Work) -> Result<StageLook, StageError> {
        let staging = self.get(staging)?;
        let (record, info, _) = self.library.sealed_reginfo(package)?;
        let manifest = self.library.recorded_manifest(package)?;
        let snapshot = info.sha256.get(SNAPSHOT_NAME).copied().unwrap_or_default();
        let place = Place::of(self.open(&staging, StagingWay::Write)?, &record.key)?;
        let seen = self.see(&staging, &record, &manifest, snapshot, &place, work)?;
        let mut look = StageLook {
            revision: seen.revision,
            removed: seen.plan.stale.len() as u64,
            ..StageLook::default()
        };
        for (at, step) in seen.plan.steps.iter().enumerate() {
            let bytes = manifest.files().size_bytes(at);
            match step {
                Step::Keep => look.kept_bytes += bytes,
                Step::Look => look.look_bytes += bytes,
                Step::Send => {
                    look.send_files += 1;
                    look.send_bytes += bytes;
                }
            }
        }
        Ok(look)
    }

    /// Looks at what lies in the place of a package and makes the plan. Changes nothing there.
    pub(super) fn see(
        &self,
        staging: &StagingLibrary,
        record: &PackageRecord,
        manifest: &Manifest,
        snapshot: Sha256Digest,
        place: &Place,
        work: &Work,
    ) -> Result<Seen, StageError> {
        let tags = place.tags(work)?;
        let there = tags.get(REGINFO_NAME).and_then(|text| RegInfo::parse(text).ok());
        if let Some(other) = there.as_ref().filter(|there| there.id != record.id) {
            return Err(StageError::OtherPackage {
                place: place.root.to_string(),
                name: staging.name.clone(),
                found: format!("it is {} with the id {}", other.key, other.id),
            });
        }
        let proven = self.library.prove_tags(&record.key.to_string(), &tags).ok();
        // What was found to differ is looked at: its seal says what should be there, not what is.
        let before = self.library.catalogue().staged_copy(staging.id, record.id)?;
        let is_doubted = before.is_some_and(|copy| copy.finding == StagedFinding::Differs);
        let named = || tags.get(SNAPSHOT_NAME).and_then(|text| snapshot::read(text).ok());
        let named = if proven.is_none() { named().filter(|named| named.package == record.id) } else { None };
        let before = match (&proven, &named) {
            (Some(sealed), _) if is_doubted => Before::Names(&sealed.manifest),
            (Some(sealed), _) => Before::Sealed(&sealed.manifest),
            (None, Some(named)) => Before::Names(&named.manifest),
            (None, None) => Before::Nothing,
        };
        let known = self.library.catalogue().sent_files(staging.id, record.id, snapshot)?;
        // Where nothing of ours ever was, a server that cannot list is not asked for each file.
        let is_first =
            tags.is_empty() && known.as_ref().is_none_or(|sent| sent.iter().all(|byte| *byte == 0));
        let there = match place.walk(work)? {
            None if is_first => There::default(),
            listed => place.listing(listed, manifest, work)?,
        };
        let plan = plan(manifest, &there, before, &known.unwrap_or_default());
        let revision = proven.as_ref().map(|sealed| sealed.info.revision);
        Ok(Seen { was_sealed: proven.is_some() && !is_doubted, revision, plan, tags })
    }
}

/// Whether a store answers: its room, and whether it can list.
fn answers(store: &dyn StagingStore) -> Result<(Option<u64>, bool), StagingError> {
    let lists = match store.list(&StorePath::root()) {
        Ok(_) => true,
        Err(StagingError::CannotList(_)) => false,
        Err(error) => return Err(error),
    };
    if !lists {
        store.size(&name_of_trial("delivery")?)?;
    }
    Ok((store.free_bytes(), lists))
}

/// Writes, reads and removes an object.
fn tried(
    store: &dyn StagingStore,
    read: Option<&dyn StagingStore>,
) -> Result<(Option<u64>, bool), StagingError> {
    let answered = answers(store)?;
    let path = name_of_trial(&uuid::Uuid::new_v4().simple().to_string())?;
    let tried = store.write(&path, TRIED).and_then(|()| {
        let from = read.unwrap_or(store);
        let found = from.read(&path, TRIED.len() as u64)?;
        let why = match found {
            Some(found) if found == TRIED => return Ok(()),
            Some(_) => "it was read back and is another",
            None if read.is_some() => "it is not found where agents read: that is another place",
            None => "it was written and is not there",
        };
        let (store, path) = (from.name(), path.to_string());
        Err(StagingError::Differs { store, path, why: why.to_owned() })
    });
    // Whatever was found, nothing of the trial stays.
    let removed = store.remove(&path);
    tried.and(removed)?;
    Ok(answered)
}

fn name_of_trial(name: &str) -> Result<StorePath, StagingError> {
    let name = format!("{UNFINISHED}trial-{name}");
    StorePath::parse(&name).map_err(|problem| StagingError::Setup(problem.to_string()))
}

/// Asks on a thread of its own, which is left behind where it does not come back: a share that is gone lets nobody wait.
fn in_time<T: Send + 'static>(
    store: &str,
    work: &Work,
    ask: impl FnOnce() -> Result<T, StagingError> + Send + 'static,
) -> Result<T, StageError> {
    let (tell, told) = channel();
    let asked = std::thread::Builder::new().name("staging library".to_owned()).spawn(move || {
        // Nobody may want to know any more.
        let _ = tell.send(ask());
    });
    let failed = |why: String| StagingError::Failed {
        store: store.to_owned(),
        what: "asking".to_owned(),
        why,
        is_temporary: true,
    };
    asked.map_err(|error| failed(crate::disk::words(&error)))?;
    let begun = Instant::now();
    loop {
        match told.recv_timeout(LOOKED) {
            Ok(answer) => return Ok(answer?),
            Err(RecvTimeoutError::Disconnected) => return Err(failed("it broke off".to_owned()).into()),
            Err(RecvTimeoutError::Timeout) => {
                work.check()?;
                if begun.elapsed() > PATIENCE {
                    let why = format!("no answer within {} s", PATIENCE.as_secs());
                    return Err(failed(why).into());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_does_not_answer_is_left_as_soon_as_nobody_wants_to_know() {
        let (hold, held) = channel::<()>();
        let work = Work::new();
        work.cancel();
        let asked = in_time("/gone", &work, move || {
            let _ = held.recv();
            Ok(())
        });
        assert!(matches!(asked, Err(StageError::Cancelled(_))), "{asked:?}");
        drop(hold);
        let broken = in_time::<()>("/gone", &Work::new(), || panic!("on purpose"));
        assert!(broken.is_err_and(|error| error.is_temporary()));
    }

    #[test]
    fn a_trial_leaves_nothing_and_says_what_is_wrong() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let other = tempfile::tempdir()?;
        let open = |path: &std::path::Path| {
            let address = StagingAddress::Folder(path.to_owned());
            open_store(&address, None, &Default::default())
        };
        let store = open(folder.path())?;
        let (free, lists) = tried(store.as_ref(), None)?;
        assert!(lists && free.is_none_or(|free| free > 0));
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
        let elsewhere = open(other.path())?;
        let error = tried(store.as_ref(), Some(elsewhere.as_ref())).expect_err("another place");
        assert!(error.to_string().contains("another place"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0, "nothing of the trial stays");
        let gone = open(&folder.path().join("not there"))?;
        assert!(tried(gone.as_ref(), None).is_err());
        Ok(())
    }
}
