//! A download as it is listed and kept: from where, into which folder, what is wanted of it, how it stands, and on
//! whose word its content is believed. No name, password or token is ever part of it.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::PackageKey;
use super::record::PackageId;

/// Identity of a download in a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DownloadId(pub uuid::Uuid);

impl fmt::Display for DownloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// How a download stands; the words of the Symantec Management Agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownloadState {
    /// Waits for its turn.
    #[default]
    Pending,
    /// Looks at what the folder holds.
    Checking,
    /// Blocks arrive.
    Downloading,
    /// Every codebase has failed; waits for the next try.
    Retrying,
    /// Stopped by a person.
    Paused,
    /// Every block has been proven.
    Ready,
    /// Cannot be finished; the reason says why.
    Invalid,
}

impl DownloadState {
    /// All states, in the order of a download's life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Checking,
        Self::Downloading,
        Self::Retrying,
        Self::Paused,
        Self::Ready,
        Self::Invalid,
    ];

    /// The words on screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pending => "Download pending",
            Self::Checking => "Checking",
            Self::Downloading => "Downloading",
            Self::Retrying => "Retrying download",
            Self::Paused => "Paused",
            Self::Ready => "Ready",
            Self::Invalid => "Invalid",
        }
    }

    /// The state with these words.
    pub fn from_words(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.words() == words)
    }

    /// Whether nothing more happens by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Ready | Self::Invalid)
    }
}

/// What a person wants of a download.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// To go on, also after a restart.
    #[default]
    Running,
    /// To stand still.
    Paused,
}

/// How long to wait between tries when every codebase fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LadderKind {
    /// 5 to 120 seconds: somebody watches.
    #[default]
    Console,
    /// 3 to 120 minutes: the agent's.
    Agent,
}

/// Somebody's decision, with the reason given for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Who decided.
    pub who: String,
    /// Why; empty where the command line gave none.
    pub reason: String,
}

/// On whose word the content of a download is believed; kept with it for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trust", rename_all = "snake_case")]
pub enum TrustDecision {
    /// Sealed by a key that is trusted.
    Sealed {
        /// Name of the key here.
        name: String,
        /// Its id.
        key_id: String,
    },
    /// Sealed by a key that is not known; taken this once.
    ThisOnce {
        /// Id of the key.
        key_id: String,
        /// By whom and why.
        allowed: Allowance,
    },
    /// Not signed at all.
    Unsigned {
        /// By whom it was allowed and why.
        allowed: Allowance,
    },
}

/// A place a download may have its blocks from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodebaseEntry {
    /// Its address, without name and password.
    pub address: String,
    /// Whether it was added by a person; the others came with the Metalink.
    #[serde(default)]
    pub added: bool,
}

/// A download as a library keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct DownloadRecord {
    /// Its identity.
    pub id: DownloadId,
    /// The package, once its snapshot is known and names one.
    pub package: Option<PackageId>,
    /// Name and version, once known.
    pub key: Option<PackageKey>,
    /// Under which id its snapshot and progress are kept: the package's, or its own; none until they are known.
    pub kept_as: Option<PackageId>,
    /// Address of the snapshot, of the package folder or of the archive, without name and password.
    pub address: String,
    /// Where it goes. A name that is not UTF-8 cannot be kept.
    pub folder: PathBuf,
    /// Codebases besides the address.
    pub codebases: Vec<CodebaseEntry>,
    /// Most connections at once.
    pub connections: u32,
    /// Most bytes a second, where limited.
    pub limit_bytes_per_s: Option<u64>,
    /// Which ladder of waits.
    pub ladder: LadderKind,
    /// What is wanted of it.
    pub wanted: Wanted,
    /// How it stood last.
    pub state: DownloadState,
    /// Why, where that needs a word; empty elsewhere.
    pub reason: String,
    /// On whose word it is believed, once decided.
    pub trust: Option<TrustDecision>,
    /// Take a lower revision than was seen before.
    pub allow_older: bool,
    /// Register it in this library when it is Ready.
    pub register: bool,
    /// The package it was registered as.
    pub registered_as: Option<PackageKey>,
    /// Size of the whole in bytes, once known.
    pub size_bytes: Option<u64>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it became Ready or Invalid.
    pub finished: Option<Timestamp>,
    /// Its place in the list; lower ones run first.
    pub place: i64,
}

impl DownloadRecord {
    /// A download that is asked for now: to run, on the console's ladder, with 8 connections and no limit. Names and
    /// passwords in `address` are taken out.
    pub fn new(id: DownloadId, address: &str, folder: PathBuf, created: Timestamp) -> Self {
        Self {
            id,
            package: None,
            key: None,
            kept_as: None,
            address: super::address::without_credentials(address).0,
            folder,
            codebases: Vec::new(),
            connections: 8,
            limit_bytes_per_s: None,
            ladder: LadderKind::default(),
            wanted: Wanted::default(),
            state: DownloadState::default(),
            reason: String::new(),
            trust: None,
            allow_older: false,
            register: false,
            registered_as: None,
            size_bytes: None,
            created,
            finished: None,
            place: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_their_state() {
        for state in DownloadState::ALL {
            assert_eq!(DownloadState::from_words(state.words()), Some(state));
        }
        assert_eq!(DownloadState::from_words("ready"), None);
    }
}
