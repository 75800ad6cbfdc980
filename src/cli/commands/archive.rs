//! `archive` and `restore`.

use std::path::PathBuf;

use serde_json::json;

use super::words::{amount, package_json_with};
use crate::cli::arguments::{ArchiveArguments, RestoreArguments};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, size};
use crate::failure::Failure;
use crate::session::{
    Archive, ArchiveRequest, RepairAndRestore, RepairFrom, Restore, RestoreSource, SaveGoodFiles, Session,
};

/// `archive PKG --to DIR`
pub(super) fn archive(context: &Context, arguments: ArchiveArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let package = context.package(&session, &arguments.package)?.id;
    let request = ArchiveRequest { folder: arguments.to, comment: arguments.comment };
    let archived = context.run(&session, Archive { package, request })?;
    let record = &archived.record;
    context.report.document(&package_json_with(
        record,
        json!({
            "file": archived.file.display().to_string(),
            "archive_bytes": archived.size_bytes,
            "freed_bytes": archived.freed_bytes,
        }),
    ));
    context.report.line(format!(
        "Archived {} to {} ({}); {} freed in the library",
        record.key,
        archived.file.display(),
        size(archived.size_bytes),
        size(archived.freed_bytes)
    ));
    if archived.was_there {
        context.report.line("  A whole archive of this package was already there");
    }
    Ok(Exit::Done)
}

/// `restore FILE|PKG [--repair-from ADDRESS]…`
pub(super) fn restore(context: &Context, arguments: RestoreArguments) -> Result<Exit, Failure> {
    let session = context.open_online(true)?;
    let source = source_of(context, &session, &arguments.source)?;
    if let Some(to) = arguments.save_good_files {
        let shown = to.display().to_string();
        let saved = context.run(&session, SaveGoodFiles { source, to })?;
        context.report.document(&json!({"saved_files": saved, "folder": shown}));
        context.report.line(format!("Saved {} to {shown}; this is no package", count(saved, "whole file")));
        return Ok(Exit::Done);
    }
    let restored = if arguments.repair_from.is_empty() {
        context.run(&session, Restore { source })?
    } else {
        let from = RepairFrom { addresses: arguments.repair_from, wait: false };
        context.run(&session, RepairAndRestore { source, from })?
    };
    let record = &restored.record;
    context.report.document(&package_json_with(
        record,
        json!({
            "file": restored.file.display().to_string(),
            "is_new": restored.is_new,
            "repaired": restored.repaired.as_ref().map_or(&[][..], |fetched| fetched.whole.as_slice()),
            "fetched_bytes": restored.repaired.as_ref().map_or(0, |fetched| fetched.fetched_bytes),
        }),
    ));
    context.report.line(format!(
        "Restored {} from {} ({})",
        record.key,
        restored.file.display(),
        amount(record.checksum.files, record.checksum.size_bytes)
    ));
    if let Some(fetched) = &restored.repaired {
        let from: Vec<&str> = fetched.from.iter().map(|(name, _)| name.as_str()).collect();
        context.report.line(format!(
            "  Its archive is damaged: {} repaired, {} fetched from {}",
            count(fetched.whole.len() as u64, "file"),
            size(fetched.fetched_bytes),
            if from.is_empty() { "other packages".to_owned() } else { from.join(", ") }
        ));
    }
    Ok(Exit::Done)
}

/// What is there as a file is a file; everything else is the name of a package, unless it looks like a path.
fn source_of(context: &Context, session: &Session, text: &str) -> Result<RestoreSource, Failure> {
    let path = PathBuf::from(text);
    let looks_like_path = text.contains(['/', std::path::MAIN_SEPARATOR]) || text.ends_with(".tar.zst");
    if looks_like_path || path.is_file() {
        return Ok(RestoreSource::File(path));
    }
    Ok(RestoreSource::Package(context.package(session, text)?.id))
}
