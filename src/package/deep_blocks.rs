//! How the blocks of a package stand after its last deep check, from what is recorded of it: nothing is called verified
//! that no deep check of the present content has proven.

use jiff::Timestamp;

use super::block_map::BlockMap;
use super::block_state::BlockState;
use super::consistency::{CheckKind, CheckReport, Finding};
use super::record::{LastCheck, PackageRecord};

/// What the states of the blocks rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeepBasis {
    /// No deep check was ever made.
    Never,
    /// The last one is older than what is recorded now.
    Outdated(LastCheck),
    /// The archive was read back and proven when it was written, and not verified since.
    Archived(Timestamp),
    /// The last one found differences that are not there any more; which blocks it proved is not known.
    PutRight(LastCheck),
    /// The last one.
    Checked(LastCheck),
}

/// The states of all blocks in `map`. `report` is the last verification, if it did not agree.
pub fn after_deep_check(
    map: &BlockMap,
    record: &PackageRecord,
    report: Option<&CheckReport>,
) -> (Vec<BlockState>, DeepBasis) {
    let basis = basis_of(record, report);
    let mut states = match basis {
        DeepBasis::Checked(_) | DeepBasis::Archived(_) => map.all_verified(),
        _ => vec![BlockState::Missing; map.len()],
    };
    if let Some(report) = report {
        map.mark_report(report, &mut states);
    }
    (states, basis)
}

fn basis_of(record: &PackageRecord, report: Option<&CheckReport>) -> DeepBasis {
    if let Some(archive) = &record.archive
        && record.deep.is_none_or(|deep| archive.at > deep.at)
    {
        return DeepBasis::Archived(archive.at);
    }
    let Some(deep) = record.deep else { return DeepBasis::Never };
    if record.checksum_at > deep.at {
        return DeepBasis::Outdated(deep);
    }
    let has_its_report = report.is_some_and(|report| report.kind == CheckKind::Deep);
    match deep.finding {
        // A quick check that agrees after damage has hashed the damaged files again.
        Finding::Consistent | Finding::Damaged => DeepBasis::Checked(deep),
        _ if has_its_report => DeepBasis::Checked(deep),
        _ => DeepBasis::PutRight(deep),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::package::block_state::BlockState::{Missing, Verified};
    use crate::package::consistency::Differences;
    use crate::package::manifest::{FileHashes, ManifestFile};
    use crate::package::record::ArchiveInfo;
    use crate::package::{
        BlockSize, ConsistencyChecksum, FileList, Manifest, PackageId, PackageKey, Sha256Digest,
    };

    fn map() -> BlockMap {
        let hashes = FileHashes { file: Sha256Digest::default(), blocks: vec![Sha256Digest::default()] };
        let file = ManifestFile { path: "a".into(), size_bytes: 1, executable: false, hashes: Some(hashes) };
        let manifest = Manifest::from_files(BlockSize::DEFAULT, vec![file]).expect("one file");
        BlockMap::of(&manifest).expect("one block")
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(secs)
    }

    fn record(deep: Option<(i64, Finding)>) -> PackageRecord {
        let key = PackageKey::parse("7-Zip@24.09").expect("a key");
        let checksum = ConsistencyChecksum::of(&FileList::new());
        let mut record = PackageRecord::new(PackageId(uuid::Uuid::nil()), key, "anna", checksum, at(100));
        record.deep = deep.map(|(secs, finding)| LastCheck { at: at(secs), finding, took_ms: 1 });
        record
    }

    fn report(kind: CheckKind) -> CheckReport {
        CheckReport {
            kind,
            at: at(300),
            took_ms: 1,
            finding: Finding::Differs,
            recorded: ConsistencyChecksum::of(&FileList::new()),
            found: None,
            differences: Differences::default(),
            without_hashes: 0,
        }
    }

    #[test]
    fn only_a_deep_check_of_what_is_recorded_verifies() {
        let state = |record: &PackageRecord, report: Option<&CheckReport>| {
            after_deep_check(&map(), record, report).0[0]
        };
        assert_eq!(state(&record(None), None), Missing);
        assert_eq!(state(&record(Some((99, Finding::Consistent))), None), Missing, "older than the checksum");
        assert_eq!(state(&record(Some((200, Finding::Consistent))), None), Verified);
        assert_eq!(state(&record(Some((200, Finding::Damaged))), None), Verified, "hashed again since");
        let differed = record(Some((200, Finding::Differs)));
        assert_eq!(state(&differed, None), Missing, "what it proved is not known any more");
        assert_eq!(state(&differed, Some(&report(CheckKind::Quick))), Missing);
        assert_eq!(state(&differed, Some(&report(CheckKind::Deep))), Verified);
    }

    #[test]
    fn an_archive_was_proven_when_it_was_written() {
        let mut archived = record(Some((200, Finding::Differs)));
        archived.archive = Some(ArchiveInfo {
            by: "anna".into(),
            host: "pc-114".into(),
            at: at(250),
            path: "/archives/a.tar.zst".into(),
            size_bytes: 1,
            comment: String::new(),
        });
        assert_eq!(after_deep_check(&map(), &archived, None), (vec![Verified], DeepBasis::Archived(at(250))));
        archived.deep = Some(LastCheck { at: at(300), finding: Finding::Damaged, took_ms: 1 });
        let (_, basis) = after_deep_check(&map(), &archived, Some(&report(CheckKind::Deep)));
        assert!(matches!(basis, DeepBasis::Checked(_)));
    }
}
