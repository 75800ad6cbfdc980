//! History: who, where, when, what, and why, each entry chained to the one before by its digest.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::consistency::{ConsistencyChecksum, Differences};
use super::digest::Sha256Digest;
use super::key::PackageKey;
use super::record::PackageId;
use super::staging::StagingId;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryEvent {
    /// A library was made.
    LibraryCreated,
    /// The library database was rebuilt from the packages.
    LibraryRebuilt,
    /// The library was moved to another folder.
    LibraryMoved,
    /// A package was registered.
    Registered,
    /// Files were added, replaced or removed through the library.
    Updated,
    /// Name, supplier, comment and the like.
    Edited,
    /// A procedure was added, changed or removed.
    ProcedureChanged,
    /// Checksum control was switched on.
    ControlOn,
    /// Checksum control was switched off.
    ControlOff,
    /// A verification found a difference, or that one is gone.
    Verified,
    /// Changes were accepted: the new checksum counts.
    Accepted,
    /// Sealed, or sealed again.
    Sealed,
    /// The seal was taken off.
    Unsealed,
    /// The files went to an archive.
    Archived,
    /// The files came back from an archive.
    Restored,
    /// The archive copy lies elsewhere now, or its comment changed.
    ArchiveChanged,
    /// Files were fetched again, renamed or set aside.
    Repaired,
    /// Taken out of the library.
    Removed,
    /// Taken back from the removed.
    RemovalUndone,
    /// Copied out of the library.
    Exported,
    /// Copied to a staging library.
    Staged,
    /// Removed from a staging library.
    Unstaged,
    /// A job container was made.
    JobCreated,
    /// A job container, or some of its jobs, was halted.
    JobHalted,
    /// A job container, or some of its jobs, goes on.
    JobResumed,
    /// Failed jobs of a container are done again.
    JobRenewed,
    /// A job container was removed.
    JobRemoved,
    /// The last job of a container has ended.
    JobEnded,
    /// The delivery manager found that a package, or a staged copy, differs, and stopped delivering it.
    ChecksumError,
    /// Computers came into the list.
    ComputerAdded,
    /// An agent was enrolled for a computer.
    ComputerEnrolled,
    /// Computers were taken from the list.
    ComputerRemoved,
    /// An enrolment token was made.
    TokenMade,
    /// An enrolment token was removed.
    TokenRemoved,
    /// What agents keep although no job names it was changed.
    KeepChanged,
    /// An interrupted change was finished or taken back at opening.
    Recovered,
    /// Somebody's own words.
    Note,
}

impl HistoryEvent {
    /// All events, for filters.
    pub const ALL: [Self; 37] = [
        Self::LibraryCreated,
        Self::LibraryRebuilt,
        Self::LibraryMoved,
        Self::Registered,
        Self::Updated,
        Self::Edited,
        Self::ProcedureChanged,
        Self::ControlOn,
        Self::ControlOff,
        Self::Verified,
        Self::Accepted,
        Self::Sealed,
        Self::Unsealed,
        Self::Archived,
        Self::Restored,
        Self::ArchiveChanged,
        Self::Repaired,
        Self::Removed,
        Self::RemovalUndone,
        Self::Exported,
        Self::Staged,
        Self::Unstaged,
        Self::JobCreated,
        Self::JobHalted,
        Self::JobResumed,
        Self::JobRenewed,
        Self::JobRemoved,
        Self::JobEnded,
        Self::ChecksumError,
        Self::ComputerAdded,
        Self::ComputerEnrolled,
        Self::ComputerRemoved,
        Self::TokenMade,
        Self::TokenRemoved,
        Self::KeepChanged,
        Self::Recovered,
        Self::Note,
    ];

    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::LibraryCreated => "Library created",
            Self::LibraryRebuilt => "Library database rebuilt",
            Self::LibraryMoved => "Library moved",
            Self::Registered => "Registered",
            Self::Updated => "Updated",
            Self::Edited => "Edited",
            Self::ProcedureChanged => "Procedure changed",
            Self::ControlOn => "Checksum control on",
            Self::ControlOff => "Checksum control off",
            Self::Verified => "Verified",
            Self::Accepted => "Accepted",
            Self::Sealed => "Sealed",
            Self::Unsealed => "Unsealed",
            Self::Archived => "Archived",
            Self::Restored => "Restored",
            Self::ArchiveChanged => "Archive changed",
            Self::Repaired => "Repaired",
            Self::Removed => "Removed",
            Self::RemovalUndone => "Removal undone",
            Self::Exported => "Exported",
            Self::Staged => "Staged",
            Self::Unstaged => "Unstaged",
            Self::JobCreated => "Job created",
            Self::JobHalted => "Job halted",
            Self::JobResumed => "Job resumed",
            Self::JobRenewed => "Job renewed",
            Self::JobRemoved => "Job removed",
            Self::JobEnded => "Job ended",
            Self::ChecksumError => "Checksum error",
            Self::ComputerAdded => "Computer added",
            Self::ComputerEnrolled => "Computer enrolled",
            Self::ComputerRemoved => "Computer removed",
            Self::TokenMade => "Token made",
            Self::TokenRemoved => "Token removed",
            Self::KeepChanged => "Packages to keep",
            Self::Recovered => "Finished after interruption",
            Self::Note => "Note",
        }
    }
}

/// One entry. Optional parts are left out of its JSON, so its form does not change when others are added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Number, from 1, without gaps.
    pub number: u64,
    /// When, UTC.
    pub at: Timestamp,
    /// Local time at the computer, with its zone, as text.
    pub local_time: String,
    /// The account.
    pub who: String,
    /// The computer.
    pub host: String,
    /// `console`, `command line`, `watched folder`.
    pub how: String,
    /// What happened.
    pub event: HistoryEvent,
    /// The package, unless it concerns the whole library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageKey>,
    /// Its identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_id: Option<PackageId>,
    /// Checksum before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_checksum: Option<ConsistencyChecksum>,
    /// Checksum after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_checksum: Option<ConsistencyChecksum>,
    /// Why, in the words of who did it; "no reason given" is kept as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The differences that were found or accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differences: Option<Differences>,
    /// Id of the key used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// What else is worth knowing, one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// The staging library where a package was brought or taken away; entries of earlier programs name it in `details`
    /// only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging: Option<StagingId>,
    /// SHA-256 of the entry before: of its line in `history.jsonl`, without the line end. All zeros for the first.
    pub previous: Sha256Digest,
}

/// A staging library of which entries are sought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StagingNamed {
    /// Which.
    pub id: StagingId,
    /// Its name, for entries that do not say which.
    pub name: String,
}

impl HistoryEntry {
    /// The line that stands in `history.jsonl`, without the line end; what the next entry's `previous` is taken over.
    pub fn line(&self) -> String {
        // A struct of strings, numbers and lists always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether the entry has this text, which must be lower-case, in anything a person reads of it.
    pub fn mentions(&self, text: &str) -> bool {
        let has = |field: &str| field.to_lowercase().contains(text);
        let optional = [&self.reason, &self.key_id, &self.details];
        [self.who.as_str(), &self.host, &self.how, self.event.word()].into_iter().any(has)
            || self.package.as_ref().is_some_and(|key| has(&key.to_string()) || has(&key.title()))
            || optional.into_iter().flatten().any(|field| has(field))
            || self.differences.as_ref().is_some_and(|differences| differences.paths().any(has))
    }

    /// Whether it tells of this staging library. An entry that does not say which is known by the name.
    pub fn is_of_staging(&self, staging: &StagingNamed) -> bool {
        if let Some(id) = self.staging {
            return id == staging.id;
        }
        let details = self.details.as_deref().unwrap_or_default();
        match self.event {
            HistoryEvent::Staged => details.contains(&format!(" at {}:", staging.name)),
            HistoryEvent::Unstaged => details.ends_with(&format!(" from {}", staging.name)),
            _ => false,
        }
    }

    /// The digest of a line, for the next entry.
    pub fn digest_of_line(line: &str) -> Sha256Digest {
        let mut hasher = Sha256::new();
        hasher.update(line.as_bytes());
        Sha256Digest::finish(hasher)
    }
}

/// The state of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "chain", rename_all = "lowercase")]
pub enum ChainState {
    /// Every entry fits the one before.
    Verified {
        /// How many entries.
        entries: u64,
    },
    /// The first entry that does not fit.
    Broken {
        /// Its number, or the number that should stand there.
        number: u64,
        /// What does not fit.
        why: String,
    },
}

/// Follows the chain over the lines in order.
pub fn verify_chain<'a>(lines: impl Iterator<Item = &'a str>) -> ChainState {
    let mut expected = Sha256Digest::default();
    let mut count = 0u64;
    for line in lines {
        let number = count + 1;
        let broken = |why: &str| ChainState::Broken { number, why: why.to_owned() };
        let Ok(entry) = serde_json::from_str::<HistoryEntry>(line) else {
            return broken("the entry cannot be read");
        };
        if entry.number != number {
            return broken("an entry is missing before it, or its number was changed");
        }
        if entry.previous != expected {
            return broken("the entry before it was changed");
        }
        expected = HistoryEntry::digest_of_line(line);
        count = number;
    }
    ChainState::Verified { entries: count }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(count: u64) -> Vec<String> {
        let mut previous = Sha256Digest::default();
        (1..=count)
            .map(|number| {
                let entry = HistoryEntry {
                    number,
                    at: Timestamp::UNIX_EPOCH,
                    local_time: String::new(),
                    who: "anna".into(),
                    host: "PC-114".into(),
                    how: "console".into(),
                    event: HistoryEvent::Note,
                    package: None,
                    package_id: None,
                    old_checksum: None,
                    new_checksum: None,
                    reason: Some(format!("reason {number}")),
                    differences: None,
                    key_id: None,
                    details: None,
                    staging: None,
                    previous,
                };
                previous = HistoryEntry::digest_of_line(&entry.line());
                entry.line()
            })
            .collect()
    }

    #[test]
    fn any_change_to_an_entry_breaks_the_chain_at_the_next() {
        let mut lines = chain(4);
        assert_eq!(verify_chain(lines.iter().map(String::as_str)), ChainState::Verified { entries: 4 });
        lines[1] = lines[1].replace("reason 2", "reason X");
        assert!(matches!(
            verify_chain(lines.iter().map(String::as_str)),
            ChainState::Broken { number: 3, .. }
        ));
        let mut shorter = chain(4);
        shorter.remove(2);
        assert!(matches!(
            verify_chain(shorter.iter().map(String::as_str)),
            ChainState::Broken { number: 3, .. }
        ));
    }
    #[test]
    fn an_entry_of_an_earlier_program_is_of_the_staging_library_that_it_names() {
        let entry = |event: &str, details: &str| -> HistoryEntry {
            let line = format!(
                r#"{{"number":1,"at":"2026-11-02T13:10:07Z","local_time":"","who":"anna","host":"PC-114","how":"console","event":"{event}","details":"{details}","previous":"{}"}}"#,
                Sha256Digest::default()
            );
            let entry: HistoryEntry = serde_json::from_str(&line).expect("an entry");
            assert_eq!(entry.line(), line, "it stays as it was written");
            entry
        };
        let id = |number| StagingId(uuid::Uuid::from_u128(number));
        let koeln = StagingNamed { id: id(1), name: "Köln".to_owned() };
        let staged = entry("staged", "revision 1 at Köln: 7 files sent, 12 bytes");
        assert!(staged.is_of_staging(&koeln));
        assert!(entry("unstaged", "revision 1 from Köln").is_of_staging(&koeln));
        assert!(!entry("staged", "revision 1 at Köln Süd: 7 files sent, 12 bytes").is_of_staging(&koeln));
        assert!(!entry("note", "revision 1 from Köln").is_of_staging(&koeln));
        let other = HistoryEntry { staging: Some(id(2)), ..staged };
        assert!(!other.is_of_staging(&koeln), "what says which is not known by its name");
    }
}
