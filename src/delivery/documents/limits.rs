//! How much is taken in one document. What comes from a store may come from anybody who can write there.

pub use crate::package::signed_document::{ENROLMENT_MAX_BYTES, SIGNED_MAX_BYTES, SIGNED_REPORT_MAX_BYTES};

/// Longest signed document of the manager, in bytes: site list or jobs of an agent, as text.
pub const DOCUMENT_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Longest report as text, in bytes.
pub const REPORT_MAX_BYTES: u64 = 1024 * 1024;
/// Most jobs in a document or a report.
pub const JOBS_MAX: usize = 10_000;
/// Most public keys for one use.
pub const KEYS_MAX: usize = 64;
/// Most packages a site asks its agents to keep.
pub const KEEP_MAX: usize = 10_000;
/// Most addresses a job names to read from.
pub const READ_MAX: usize = 16;
/// Most installed packages in a report.
pub const INSTALLED_MAX: usize = 2_000;
/// Longest name of a container, computer, system or procedure, in bytes.
pub const NAME_MAX_BYTES: usize = 1024;
/// Longest address, in bytes.
pub const ADDRESS_MAX_BYTES: usize = 4096;
/// Longest reason, in bytes.
pub const REASON_MAX_BYTES: usize = 8 * 1024;
/// Longest output of a procedure in a report, in bytes: its end.
pub const OUTPUT_MAX_BYTES: usize = 64 * 1024;
/// Most files of one kind that a report names as different.
pub const DIFFERENCES_MAX: usize = 200;
/// Most bytes of their names that a report tells.
pub const DIFFERENCES_MAX_BYTES: usize = 128 * 1024;
/// Longest public key in its base64 form, in bytes.
pub const KEY_MAX_BYTES: usize = 128;
/// Longest time between two polls, in seconds: a week.
pub const POLL_MAX_SECS: u32 = 7 * 24 * 3600;
/// Longest time limit of a procedure, in seconds: DSM's most, 7 days.
pub const TIME_LIMIT_MAX_SECS: u64 = 7 * 24 * 3600;
