//! What a package *is*: names, files, checksums, blocks, seals, procedures, and the formats that carry them.
//!
//! Owns: the vocabulary every other room speaks, and the rules that need nothing but values.
//! Must not know: files, clocks, threads, databases, networks, screens. Everything here is a pure function
//! of its arguments, so every rule can be tested with plain values.

pub mod address;
pub mod agent_proof;
pub mod bag;
pub mod block_board;
pub mod block_map;
pub mod block_state;
pub mod blocks;
pub mod bucket;
pub mod consistency;
pub mod content_range;
pub mod deep_blocks;
pub mod digest;
pub mod download;
pub mod file_list;
pub mod history;
pub mod key;
pub mod list;
pub mod manifest;
pub mod metalink;
pub mod numbers;
pub mod path;
pub mod procedure;
pub mod progress_record;
pub mod proposal;
pub mod record;
pub mod reginfo;
pub mod sha256_lanes;
pub mod shared_text;
pub mod signed_document;
pub mod snapshot;
pub mod staging;
pub mod state;
pub mod trust;
pub mod xml;

pub use block_board::{BlockBoard, BoardCopy, BoardSlot};
pub use block_map::{BlockMap, BlockPlace};
pub use block_state::BlockState;
pub use blocks::{BlockIndex, BlockSize};
pub use consistency::{CheckKind, CheckReport, ConsistencyChecksum, Differences, Finding};
pub use content_range::ContentRange;
pub use digest::Sha256Digest;
pub use download::{DownloadId, DownloadRecord, DownloadState};
pub use file_list::FileList;
pub use history::{HistoryEntry, HistoryEvent};
pub use key::PackageKey;
pub use list::PackageList;
pub use manifest::Manifest;
pub use metalink::Metalink;
pub use path::RelativePath;
pub use procedure::Procedure;
pub use progress_record::ProgressRecord;
pub use record::{PackageId, PackageRecord};
pub use shared_text::SharedText;
pub use signed_document::SignedDocument;
pub use staging::{StagedCopy, StagedFinding, StagingId, StagingLibrary};
pub use state::PackageState;
pub use trust::{KeyInfo, KeyUse, SealJudgement};
