//! What several commands say in the same words, and the small values several of them take.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::arguments::LinksWord;
use crate::cli::report::{count, size};
use crate::failure::{Class, Failure};
use crate::package::PackageRecord;
use crate::session::Links;

impl From<LinksWord> for Links {
    fn from(word: LinksWord) -> Self {
        match word {
            LinksWord::Refuse => Self::Refuse,
            LinksWord::Copy => Self::Copy,
            LinksWord::Skip => Self::Skip,
        }
    }
}

/// A request that does not make sense as it was put.
pub(super) fn usage(message: impl Into<String>, action: &str) -> Failure {
    Failure::new("usage", Class::Usage, message, action)
}

/// `3 files, 1.50 MiB`.
pub(super) fn amount(files: u64, bytes: u64) -> String {
    format!("{}, {}", count(files, "file"), size(bytes))
}

/// A moment in local time, to the minute.
pub(super) fn moment(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// What every change reports of the package it changed.
pub(super) fn package_json(record: &PackageRecord) -> Value {
    json!({
        "id": record.id,
        "name": record.key.name(),
        "version": record.key.version(),
        "state": record.state,
        "revision": record.revision,
        "filed_by": record.filed_by,
        "registered": record.registered,
        "checksum_control": record.checksum_control,
        "blocked": record.is_blocked(),
        "files": record.checksum.files,
        "size_bytes": record.checksum.size_bytes,
        "checksum": record.checksum,
    })
}

/// The same, with more fields.
pub(super) fn package_json_with(record: &PackageRecord, more: Value) -> Value {
    let mut document = package_json(record);
    if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
        document.extend(more);
    }
    document
}
