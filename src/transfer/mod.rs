//! Downloads with checkpoint recovery, block by block: the network and the folder of a package, and nothing else.
//!
//! Owns: whether an offer is trusted ([`trust`]), what is fetched from where, how it is proven, how it reaches the disk,
//! what happens after a failure, and what is kept to go on after any stop ([`checkpoint`], [`secure_storage`]): what is in
//! the folder decides, the rest is a hint. Must not know the library or who is watching.
//!
//! # One download from end to end
//!
//! 1. [`fetch_document`] brings the snapshot and the tag files; whoever asked judges the seal. [`Plan`] says what is to
//!    be fetched: files, blocks, hashes, and what is written at the end.
//! 2. [`Transfer::start`] takes the folder by a lock ([`storage`]) and starts the threads. The [`survey`] hashes what is
//!    there on all cores: what matches is *kept*, what does not is *corrupt*, the rest is *missing*. What other packages
//!    have is *reused*.
//! 3. Each connection (`fetch`) comes to the [`desk`] for a turn: a run of missing blocks, from the codebase that is
//!    fastest by its [`score`]. It asks by one Range request ([`http`]) and takes nothing but the range it asked for.
//! 4. The `prover` hashes up to four blocks side by side. Only a match makes a [`VerifiedBlock`] ([`verified`]), and the
//!    `writer` takes nothing else. It writes in place; another thread syncs about 16 MiB together; only then does the
//!    board say *verified*.
//! 5. What fails is missing again: at once from another codebase, after a short wait from the same, and when all
//!    failed three times in a row by the ladder ([`retry`]): *Retrying download*, for ever, until something arrives.
//! 6. When every block is proven the writer looks at each file: what is not as it was left (`stamps`) is hashed again.
//!    Then it sets modes, writes the tag files and syncs the folders: *Ready* ([`state`]). A stop at any moment costs the
//!    blocks that were on their way, and no others.

pub mod bits;
pub mod checkpoint;
pub mod clock;
pub mod codebase;
mod credentials;
pub mod desk;
mod documents;
pub mod downloads;
pub mod error;
mod fetch;
pub mod hints;
pub mod http;
mod network_setting;
mod network_words;
pub mod objects;
mod pin;
pub mod plan;
mod prover;
pub mod retry;
mod s3_signature;
pub mod score;
pub mod secure_storage;
mod shared;
mod stamps;
pub mod state;
pub mod storage;
pub mod survey;
mod throttle;
#[expect(
    clippy::module_inception,
    reason = "the handle of a transfer has the name of what it is a handle of"
)]
mod transfer;
pub mod trust;
pub mod verified;
mod writer;

pub use bits::Bits;
pub use clock::{Clock, ManualClock, SystemClock};
pub use codebase::{BlockRequest, BlockSource, CodebaseAddress, Credentials};
pub use desk::{
    BlockCounts, BlockNote, CodebaseState, CodebaseStatus, Event, EventKind, NextTry, Noted, RetryReason,
    TransferStatus,
};
pub use documents::{Document, fetch_document};
pub use error::{FetchProblem, InvalidReason, TransferError};
pub use hints::{FileHint, Hints};
pub use http::{NetworkOptions, ProxyAddress};
pub use network_setting::{NetworkSetting, ProxyChoice, root_certificates};
pub use objects::{ObjectAnswer, ObjectClient, ObjectRequest, PutAnswer};
pub use plan::{FilePlan, Mirror, Pieces, Place, Plan, PlanProblem, PlannedFile, TagFile};
pub use retry::Ladder;
pub use shared::Waker;
pub use stamps::Looks;
pub use state::{DownloadState, Happening};
pub use storage::{Storage, StorageWrap, StoredFile};
pub use survey::Strangers;
pub use transfer::{CONNECTIONS, CONNECTIONS_MOST, Transfer, TransferOptions};
pub use verified::{Origin, VerifiedBlock};
