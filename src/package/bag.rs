//! BagIt (RFC 8493, and the drafts 0.93 to 0.97 before it): the text formats, written for our sealed packages
//! and read from anybody's.
//!
//! Owns: the declaration, the metadata file, manifests, the fetch list, checksum algorithms, and the names of
//! everything that can be wrong. Must not know: folders and files on disk; whether a listed file is there is
//! judged by `library::bag_check`.

pub mod algorithm;
pub mod declaration;
pub mod fetch;
pub mod info;
pub mod issue;
pub mod listing;
pub mod text;
pub mod write;

pub use algorithm::{Algorithm, Hasher};
pub use declaration::{BagVersion, Declaration};
pub use issue::{BagProblem, BagWarning, ISSUES_MAX, Issues, ProblemCode, WarningCode};
pub use text::TagEncoding;

/// The declaration file.
pub const DECLARATION_FILE: &str = "bagit.txt";
/// The metadata file, from 0.96 on.
pub const INFO_FILE: &str = "bag-info.txt";
/// The metadata file up to 0.95.
pub const OLD_INFO_FILE: &str = "package-info.txt";
/// The list of files to fetch.
pub const FETCH_FILE: &str = "fetch.txt";
/// The payload folder.
pub const PAYLOAD_FOLDER: &str = "data";

/// Largest declaration that is read, in bytes.
pub const DECLARATION_MAX_BYTES: u64 = 64 << 10;
/// Largest metadata file that is read, in bytes.
pub const INFO_MAX_BYTES: u64 = 16 << 20;
/// Largest manifest or fetch list that is read, in bytes: about three million files.
pub const LISTING_MAX_BYTES: u64 = 512 << 20;
