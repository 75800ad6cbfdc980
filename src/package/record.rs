//! The registration of a package as a library keeps it: what a list, a property page and `show` tell.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::blocks::BlockSize;
use super::consistency::{CheckKind, ConsistencyChecksum, Finding};
use super::digest::Sha256Digest;
use super::key::PackageKey;
use super::procedure::{Procedure, ProcedureChoice};
use super::shared_text::SharedText;
use super::state::PackageState;

/// Identity of a package through its life: made at registration, kept by sealing again, new for a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackageId(pub uuid::Uuid);

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// What kind of installer the package holds; an icon and a starting point for procedures, nothing more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageType {
    /// Anything.
    #[default]
    Generic,
    /// Windows Installer.
    Msi,
    /// Windows app package.
    Msix,
    /// Debian package.
    Deb,
    /// RPM package.
    Rpm,
    /// A script.
    Script,
}

impl PackageType {
    /// All types, in the order of the box on screen.
    pub const ALL: [Self; 6] = [Self::Generic, Self::Msi, Self::Msix, Self::Deb, Self::Rpm, Self::Script];

    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generic => "Generic",
            Self::Msi => "MSI",
            Self::Msix => "MSIX",
            Self::Deb => "DEB",
            Self::Rpm => "RPM",
            Self::Script => "Script",
        }
    }

    /// The word in files and database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Msi => "msi",
            Self::Msix => "msix",
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Script => "script",
        }
    }

    /// Reads [`PackageType::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The last verification of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheck {
    /// When it ended.
    pub at: Timestamp,
    /// What it found.
    pub finding: Finding,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Since when a package is not as recorded, and who saw it first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// First noticed.
    pub at: Timestamp,
    /// `the watcher`, `a quick check`, and so on.
    pub by: String,
}

/// The seal of a sealed package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealInfo {
    /// The minisign key id, 16 upper-case hex digits.
    pub key_id: String,
    /// The key's name here, if it has one.
    pub key_name: String,
    /// When it was sealed.
    pub at: Timestamp,
    /// Block size of the snapshot.
    pub block_size: BlockSize,
    /// SHA-256 of `snapshot.meta4`.
    pub snapshot: Sha256Digest,
}

/// Where an archived package lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveInfo {
    /// The account that archived it.
    pub by: String,
    /// The computer.
    pub host: String,
    /// When.
    pub at: Timestamp,
    /// The archive file, absolute.
    pub path: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Free text.
    pub comment: String,
}

/// A procedure together with what was decided here about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedProcedure {
    /// What is signed.
    #[serde(flatten)]
    pub procedure: Procedure,
    /// What is local.
    pub choice: ProcedureChoice,
}

/// A package as its library knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageRecord {
    /// Identity.
    pub id: PackageId,
    /// Name and version.
    pub key: PackageKey,
    /// Where it stands in its life.
    pub state: PackageState,
    /// Rises by one with every signing; 0 before the first.
    pub revision: u64,
    /// Who made the software; may be empty.
    pub supplier: String,
    /// Kind of installer.
    pub package_type: PackageType,
    /// The package it was started from.
    pub based_on: Option<PackageKey>,
    /// Software group; local.
    pub group: String,
    /// Free text; local.
    pub comment: String,
    /// Which package it replaces; local.
    pub replaces: Option<PackageKey>,
    /// No new jobs; local.
    pub retired: bool,
    /// Who registered it; `System` if nobody did by hand.
    pub filed_by: String,
    /// When it was registered.
    pub registered: Timestamp,
    /// When it was last changed through the library.
    pub changed: Timestamp,
    /// "Checksum control of package consistency".
    pub checksum_control: bool,
    /// The recorded checksum.
    pub checksum: ConsistencyChecksum,
    /// What recorded it, for `sealed 2026-11-02 14:10`: registered, updated, sealed, restored, accepted.
    pub checksum_event: String,
    /// When it was recorded.
    pub checksum_at: Timestamp,
    /// Outcome of the last verification of any kind; [`Finding::Consistent`] until one says otherwise.
    pub finding: Finding,
    /// Since when it is not as recorded.
    pub noticed: Option<Noticed>,
    /// A change in the folder that no check has judged yet; set by the watcher, which only marks.
    pub marked: Option<Timestamp>,
    /// Last quick check.
    pub quick: Option<LastCheck>,
    /// Last deep check.
    pub deep: Option<LastCheck>,
    /// Whether the package was sealed at least once, so that codebases may hold its content.
    pub sealed_once: bool,
    /// The seal, while sealed or archived.
    pub seal: Option<SealInfo>,
    /// The archive, while archived.
    pub archive: Option<ArchiveInfo>,
    /// Procedures in the order of the screen.
    pub procedures: Vec<ListedProcedure>,
}

impl PackageRecord {
    /// A package as it begins: Open, agreeing with its checksum, the check on, never checked, never sealed; all that is
    /// optional is empty.
    pub fn new(
        id: PackageId,
        key: PackageKey,
        filed_by: &str,
        checksum: ConsistencyChecksum,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            key,
            state: PackageState::Open,
            revision: 0,
            supplier: String::new(),
            package_type: PackageType::Generic,
            based_on: None,
            group: String::new(),
            comment: String::new(),
            replaces: None,
            retired: false,
            filed_by: filed_by.to_owned(),
            registered: now,
            changed: now,
            checksum_control: true,
            checksum,
            checksum_event: "registered".to_owned(),
            checksum_at: now,
            finding: Finding::Consistent,
            noticed: None,
            marked: None,
            quick: None,
            deep: None,
            sealed_once: false,
            seal: None,
            archive: None,
            procedures: Vec::new(),
        }
    }

    /// Whether staging, archiving and delivering are refused: the switch is on, and the last verification of
    /// any kind did not agree.
    pub fn is_blocked(&self) -> bool {
        self.checksum_control && self.finding != Finding::Consistent
    }

    /// Counts what recorded the checksum just now as the last deep check: every file was read for it, and its hashes
    /// were taken or proven.
    pub fn count_as_deep_check(&mut self, took_ms: u64) {
        self.deep = Some(LastCheck { at: self.checksum_at, finding: Finding::Consistent, took_ms });
    }

    /// What the last deep check was, where nobody started it: `sealed`, `registered`, `restored`.
    pub fn deep_event(&self) -> Option<&str> {
        let deep = self.deep.filter(|deep| deep.finding == Finding::Consistent)?;
        (deep.at == self.checksum_at).then_some(self.checksum_event.as_str())
    }

    /// The last check of either kind, the later one.
    pub fn last_check(&self) -> Option<(CheckKind, LastCheck)> {
        let quick = self.quick.map(|check| (CheckKind::Quick, check));
        let deep = self.deep.map(|check| (CheckKind::Deep, check));
        match (quick, deep) {
            (Some(quick), Some(deep)) => Some(if quick.1.at > deep.1.at { quick } else { deep }),
            (quick, deep) => quick.or(deep),
        }
    }
}

/// What a list shows of a package, without its procedures, seal and archive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PackageSummary {
    /// Identity.
    pub id: PackageId,
    /// Name and version.
    pub key: PackageKey,
    /// Where it stands in its life.
    pub state: PackageState,
    /// Number of signings.
    pub revision: u64,
    /// Who made the software.
    pub supplier: SharedText,
    /// Kind of installer.
    pub package_type: PackageType,
    /// Software group.
    pub group: SharedText,
    /// No new jobs.
    pub retired: bool,
    /// Who registered it.
    pub filed_by: SharedText,
    /// When.
    pub registered: Timestamp,
    /// The switch.
    pub checksum_control: bool,
    /// Files, recorded.
    pub files: u64,
    /// Sum of their sizes in bytes, recorded.
    pub size_bytes: u64,
    /// SHA-256 over their names and sizes, recorded.
    pub digest: Sha256Digest,
    /// Outcome of the last verification.
    pub finding: Finding,
    /// Since when it is not as recorded.
    pub noticed_at: Option<Timestamp>,
    /// Who saw it first: `the watcher`, `a quick check`.
    pub noticed_by: Option<SharedText>,
    /// Changed on disk, not judged yet.
    pub marked: Option<Timestamp>,
    /// When the last quick check ended.
    pub quick_at: Option<Timestamp>,
    /// When the last deep check ended.
    pub deep_at: Option<Timestamp>,
    /// Name of the key it was sealed with, or its id where it has no name here; while sealed or archived.
    pub sealed_by: Option<SharedText>,
    /// When it was sealed; while sealed or archived.
    pub sealed_at: Option<Timestamp>,
    /// What few packages have.
    pub rare: Option<Box<RareFields>>,
}

/// What few packages have, apart from the rest so that it costs nothing where it is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RareFields {
    /// Free text; may be empty.
    pub comment: String,
    /// Which package it replaces.
    pub replaces: Option<PackageKey>,
    /// The archive file, absolute; while archived.
    pub archive_path: Option<String>,
}

impl PackageSummary {
    /// The comment; may be empty.
    pub fn comment(&self) -> &str {
        self.rare.as_ref().map_or("", |rare| &rare.comment)
    }

    /// Which package it replaces.
    pub fn replaces(&self) -> Option<&PackageKey> {
        self.rare.as_ref()?.replaces.as_ref()
    }

    /// Where its archive lies, while archived.
    pub fn archive_path(&self) -> Option<&str> {
        self.rare.as_ref()?.archive_path.as_deref()
    }

    /// Whether staging, archiving and delivering are refused.
    pub fn is_blocked(&self) -> bool {
        self.checksum_control && self.finding != Finding::Consistent
    }
}

impl From<&PackageRecord> for PackageSummary {
    fn from(record: &PackageRecord) -> Self {
        let rare = RareFields {
            comment: record.comment.clone(),
            replaces: record.replaces.clone(),
            archive_path: record.archive.as_ref().map(|archive| archive.path.clone()),
        };
        let sealed_by = |seal: &SealInfo| {
            SharedText::from(if seal.key_name.is_empty() { seal.key_id.as_str() } else { &seal.key_name })
        };
        Self {
            id: record.id,
            key: record.key.clone(),
            state: record.state,
            revision: record.revision,
            supplier: record.supplier.as_str().into(),
            package_type: record.package_type,
            group: record.group.as_str().into(),
            retired: record.retired,
            filed_by: record.filed_by.as_str().into(),
            registered: record.registered,
            checksum_control: record.checksum_control,
            files: record.checksum.files,
            size_bytes: record.checksum.size_bytes,
            digest: record.checksum.digest,
            finding: record.finding,
            noticed_at: record.noticed.as_ref().map(|noticed| noticed.at),
            noticed_by: record.noticed.as_ref().map(|noticed| noticed.by.as_str().into()),
            marked: record.marked,
            quick_at: record.quick.map(|check| check.at),
            deep_at: record.deep.map(|check| check.at),
            sealed_by: record.seal.as_ref().map(sealed_by),
            sealed_at: record.seal.as_ref().map(|seal| seal.at),
            rare: (rare != RareFields::default()).then(|| Box::new(rare)),
        }
    }
}
