//! The engines under every operation, on real trees and files.

mod archive_file;
mod board;
mod catalogue;
mod hashing;
mod scan;
