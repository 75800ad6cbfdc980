//! `show PKG`: everything a library knows of a package.

use serde_json::json;

use super::words::{amount, moment, package_json_with};
use crate::cli::arguments::PackageArgument;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::failure::Failure;
use crate::package::Finding;
use crate::session::{CopyRow, ListStagedCopies, PackageDetails, PackageRef, ShowPackage, difference_lines};

/// `show PKG`
pub(super) fn show(context: &Context, arguments: &PackageArgument) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let package = PackageRef::Text(arguments.package.clone());
    let details = context.run(&session, ShowPackage { package })?;
    let staged = context.run(&session, ListStagedCopies { package: Some(details.record.id) })?;
    context.report.document(&document(&details, &staged));
    if context.report.wants_text() {
        for line in lines(&details, &staged) {
            context.report.line(line);
        }
    }
    Ok(Exit::Done)
}

/// The fields scripts rely on come first; what follows them is more of what the property page shows.
fn document(details: &PackageDetails, staged: &[CopyRow]) -> serde_json::Value {
    let record = &details.record;
    let snapshot = record.seal.as_ref().map(|seal| {
        json!({
            "block_size_bytes": seal.block_size.bytes(),
            "blocks": details.blocks,
            "digest": seal.snapshot,
        })
    });
    package_json_with(
        record,
        json!({
            "snapshot": snapshot,
            "procedures": record.procedures,
            "supplier": record.supplier,
            "type": record.package_type,
            "group": record.group,
            "comment": record.comment,
            "based_on": record.based_on.as_ref().map(ToString::to_string),
            "finding": record.finding,
            "seal": record.seal.as_ref().map(|seal| json!({
                "key_id": seal.key_id, "key_name": seal.key_name, "at": seal.at,
            })),
            "archive": record.archive.as_ref().map(|archive| json!({
                "path": archive.path, "size_bytes": archive.size_bytes, "at": archive.at, "by": archive.by,
                "host": archive.host, "comment": archive.comment,
                "reachable": details.archive_reachable,
            })),
            "folder": details.folder.display().to_string(),
            "staged": staged.iter().map(super::staging::copy_json).collect::<Vec<_>>(),
        }),
    )
}

fn lines(details: &PackageDetails, staged: &[CopyRow]) -> Vec<String> {
    let record = &details.record;
    let mut lines = vec![record.key.to_string()];
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("  {:<14}{value}", format!("{name}:")));
        }
    };
    let state = if record.revision > 0 {
        format!("{}, revision {}", record.state.word(), record.revision)
    } else {
        record.state.word().to_owned()
    };
    add("State", state);
    add("Consistency", consistency(details));
    add("Supplier", record.supplier.clone());
    add("Group", record.group.clone());
    add("Comment", record.comment.clone());
    add("Type", record.package_type.word().to_owned());
    add("Based on", record.based_on.as_ref().map(ToString::to_string).unwrap_or_default());
    add("Files", amount(record.checksum.files, record.checksum.size_bytes));
    add(
        "Blocks",
        format!("{} of up to {}", details.blocks, crate::cli::report::size(details.block_size_bytes)),
    );
    add("Checksum", record.checksum.digest.to_string());
    add("Recorded", format!("{}, {}", record.checksum_event, moment(record.checksum_at)));
    add("Filed by", format!("{}, {}", record.filed_by, moment(record.registered)));
    if let Some(seal) = &record.seal {
        add("Sealed by", format!("{} (key {}), {}", seal.key_name, seal.key_id, moment(seal.at)));
        add("Snapshot", seal.snapshot.to_string());
    }
    match &record.archive {
        Some(archive) => {
            let there = if details.archive_reachable == Some(true) { "" } else { ", not reachable now" };
            add("Archive", format!("{}{there}", archive.path));
            add("Archived by", format!("{} on {}, {}", archive.by, archive.host, moment(archive.at)));
        }
        None => add("Folder", details.folder.display().to_string()),
    }
    add("Id", record.id.to_string());
    for row in staged {
        let outdated = if row.is_outdated() { " (outdated)" } else { "" };
        let finding = row.copy.finding.word().to_lowercase();
        add("Staged at", format!("{}, revision {}{outdated}, {finding}", row.name, row.copy.revision));
    }
    for listed in &record.procedures {
        add("Procedure", super::procedure::one_line(listed));
    }
    if let Some(report) = &details.report {
        lines.extend(difference_lines(report).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn consistency(details: &PackageDetails) -> String {
    let record = &details.record;
    let mut text = match (record.finding, record.checksum_control) {
        (Finding::Consistent, _) => "as recorded".to_owned(),
        (finding, true) => format!("blocked: {}", finding.word().to_lowercase()),
        (finding, false) => finding.word().to_lowercase(),
    };
    if let Some(noticed) = &record.noticed {
        text.push_str(&format!(", first noticed {} by {}", moment(noticed.at), noticed.by));
    }
    if !record.checksum_control {
        text.push_str("; checksum control is off");
    }
    if record.marked.is_some() {
        text.push_str("; changed, not checked yet");
    }
    text
}
