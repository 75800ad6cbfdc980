//! The archive file: one `<Name>-<Version>.tar.zst` that any `tar --zstd` unpacks and that stays readable around damage.
//!
//! Owns: the format (a pax tar cut into independent zstd frames, with a seek table in the zstd *seekable format*
//! 0.1.0 at the end), writing it, judging it against a [`crate::package::Manifest`], and unpacking it.
//! Must not know: the catalogue, seals, or what a package's life is. It never writes below anything but the
//! folder it was given.
//!
//! ```text
//! frame 0..k    <top>/reginfo.json, <top>/snapshot.meta4, …    tag files, in the order of the caller
//! frame k..n-1  <top>/data/  <top>/data/…                      by path bytes; two zero blocks end the tar
//! skippable     seek table: stored size, content size and checksum of each frame
//! ```
//! Where a frame begins follows from the sizes alone ([`Layout`]), so an archive of ours can be judged file by
//! file even where tar headers are lost. Archives of others are read as a stream.

mod blocks;
mod damage;
mod extraction;
mod frames;
mod judge;
mod layout;
mod limits;
mod reader;
mod seek_table;
mod shown;
mod tar_stream;
mod writer;

pub use blocks::ArchiveBlocks;
pub use damage::{ArchiveDamage, Extra, ExtraReason, FileDamage, FileDamageKind};
pub use layout::{Layout, LayoutError};
pub use limits::{Limits, ReadError};
pub use reader::{ArchiveReader, Entries, TagFile, TagFiles};
pub use tar_stream::Entry;
pub use writer::{ArchiveContents, ArchiveSummary, WriteError, write_archive};

/// Most content bytes of one frame of ours, and of a frame that is decoded in one piece.
pub const FRAME_MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Small files share a frame until it holds this much.
pub const SHARED_FRAME_BYTES: u64 = 2 * 1024 * 1024;
/// Compression level unless told otherwise.
pub const DEFAULT_LEVEL: i32 = 3;

/// How many threads one long piece of work takes.
fn worker_count() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
