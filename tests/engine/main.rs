//! The engines under every operation, on real trees and files.

mod archive_file;
mod board;
mod catalogue;
mod checkpoint;
mod download_trust;
mod downloads;
mod hashing;
mod scan;
