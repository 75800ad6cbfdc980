//! `library`, `rebuild` and `group`: the library as a whole.

use serde_json::json;

use super::words::{amount, package_json};
use crate::cli::arguments::{GroupCommand, LibraryArguments, LibraryCommand};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, size};
use crate::failure::Failure;
use crate::package::PackageRecord;
use crate::session::{
    AddGroup, DeleteOldCopy, Edit, HandOver, ListGroups, MoveLibrary, MoveToGroup, PackageEdit, ReadInfo,
    ReadOnlyReason, RemoveGroup, RenameGroup,
};

/// `library info|move|delete-old-copy|hand-over`
pub(super) fn library(context: &Context, arguments: LibraryArguments) -> Result<Exit, Failure> {
    match arguments.command {
        LibraryCommand::Info => info(context),
        LibraryCommand::Move { to } => {
            let session = context.open_existing()?;
            let moved = context.run(&session, MoveLibrary { to })?;
            context.report.document(&moved);
            let report = &context.report;
            report.line(format!(
                "Moved the library to {} ({})",
                moved.to.display(),
                amount(moved.files, moved.size_bytes)
            ));
            report.line(format!("  {} proven by their hashes", count(moved.proven, "package")));
            if moved.compared > 0 {
                let packages = count(moved.compared, "package");
                report.line(format!("  {packages} not as recorded before, and compared with the original"));
            }
            report.line(format!(
                "  The old folder {} stays until library delete-old-copy",
                moved.from.display()
            ));
            report.line(format!("  Name the new one from now on: --library {}", moved.to.display()));
            Ok(Exit::Done)
        }
        LibraryCommand::DeleteOldCopy => {
            let session = context.open_existing()?;
            let old = context.run(&session, DeleteOldCopy {})?;
            context.report.document(&json!({"deleted": old.display().to_string()}));
            context.report.line(format!("Deleted {}", old.display()));
            Ok(Exit::Done)
        }
        LibraryCommand::HandOver { to } => {
            let session = context.open_existing()?;
            let shown = to.display().to_string();
            let document = context.run(&session, HandOver { to })?;
            context.report.document(&document);
            context.report.line(format!("Wrote hand-over.html and hand-over.json to {shown}"));
            for key in document.own_keys.iter().filter(|key| key.key.backup.is_none()) {
                let name = &key.key.name;
                context.report.note(format!("the key {name:?} has no backup: key export {name:?} FILE"));
            }
            Ok(Exit::Done)
        }
    }
}

fn info(context: &Context) -> Result<Exit, Failure> {
    let session = context.open(true)?;
    let info = context.run(&session, ReadInfo {})?;
    context.report.document(&info);
    let line = |name: &str, value: String| context.report.line(format!("{:<12}{value}", format!("{name}:")));
    line("Folder", info.root.display().to_string());
    line(
        "Lies on",
        info.network_share.map_or_else(|| "a disk".to_owned(), |kind| format!("a network share ({kind})")),
    );
    line("Id", info.id.clone());
    line("Format", info.format.to_string());
    line("Packages", format!("{} open, {} sealed, {} archived", info.open, info.sealed, info.archived));
    line("Groups", info.groups.to_string());
    line("Blocked", info.blocked.to_string());
    line("Check off", info.check_off.to_string());
    line("Deep check", format!("{} never deep checked", count(info.never_deep_checked, "package")));
    line(
        "Removed",
        format!("{} ({}), can be taken back in the console", info.removed, size(info.removed_bytes)),
    );
    line(
        "Files",
        format!("{}; {} of them here", amount(info.files, info.size_bytes), size(info.present_bytes)),
    );
    line("Database", size(info.database_bytes));
    line("History", format!("{} entries", info.history_entries));
    line("Watching", format!("an open console watches up to {}", count(info.watches, "folder")));
    if let Some(old) = &info.old_copy {
        line("Old copy", format!("{}, until library delete-old-copy", old.display()));
    }
    if info.read_only {
        context.report.line(match session.read_only_reason() {
            Some(ReadOnlyReason::InUse) => "Open for reading only: another program has it",
            Some(ReadOnlyReason::Medium) => "Open for reading only: its medium is mounted so",
            Some(ReadOnlyReason::Permissions) => "Open for reading only: you may not write in its folder",
            _ => "Open for reading only",
        });
    }
    Ok(Exit::Done)
}

/// `rebuild`
pub(super) fn rebuild(context: &Context) -> Result<Exit, Failure> {
    let rebuilt = context.rebuild()?;
    let packages: Vec<_> = rebuilt
        .packages
        .iter()
        .map(|package| {
            json!({
                "name": package.key.name(), "version": package.key.version(), "state": package.state,
                "lost": package.lost,
            })
        })
        .collect();
    let left_out: Vec<_> = rebuilt
        .left_out
        .iter()
        .map(|(folder, why)| json!({"folder": folder.display().to_string(), "reason": why}))
        .collect();
    context.report.document(&json!({
        "packages": packages, "left_out": left_out, "history_entries": rebuilt.history_entries,
        "lost": rebuilt.lost, "old_database": rebuilt.old_database.as_ref().map(|path| path.display().to_string()),
    }));
    let line = |text: String| context.report.line(text);
    line(format!(
        "Found {} and {} of History",
        count(rebuilt.packages.len() as u64, "package"),
        if rebuilt.history_entries == 1 {
            "1 entry".to_owned()
        } else {
            format!("{} entries", rebuilt.history_entries)
        }
    ));
    for package in &rebuilt.packages {
        line(format!("  {} ({})", package.key, package.state.word()));
        for lost in &package.lost {
            line(format!("    lost: {lost}"));
        }
    }
    for (folder, why) in &rebuilt.left_out {
        line(format!("  left out: {}: {why}", folder.display()));
    }
    for lost in &rebuilt.lost {
        line(format!("Lost: {lost}"));
    }
    if let Some(old) = &rebuilt.old_database {
        line(format!("The old database is {}", old.display()));
    }
    Ok(Exit::Done)
}

/// `group list|add|rename|move|remove|set`
pub(super) fn group(context: &Context, command: GroupCommand) -> Result<Exit, Failure> {
    let session = context.open(true)?;
    match command {
        GroupCommand::List => {
            let groups = context.run(&session, ListGroups {})?;
            context.report.document(&groups);
            for group in groups {
                context.report.line(group);
            }
        }
        GroupCommand::Add { name } => {
            context.run(&session, AddGroup { name: name.clone() })?;
            context.report.document(&json!({"group": name}));
            context.report.line(format!("Made the group {name}"));
        }
        GroupCommand::Rename { name, to } => {
            let moved = context.run(&session, RenameGroup { from: name.clone(), to: to.clone() })?;
            context.report.document(&json!({"group": to.trim(), "packages": keys_of(&moved)}));
            context.report.line(format!(
                "Renamed the group {name} to {}, {}",
                to.trim(),
                count(moved.len() as u64, "package")
            ));
        }
        GroupCommand::Move { packages, to } => {
            let ids = packages.iter().map(|text| Ok(context.package(&session, text)?.id));
            let packages = ids.collect::<Result<Vec<_>, Failure>>()?;
            let moved = context.run(&session, MoveToGroup { packages, group: to.clone() })?;
            context.report.document(&json!({"group": to.trim(), "packages": keys_of(&moved)}));
            let moved = count(moved.len() as u64, "package");
            match to.trim() {
                "" => context.report.line(format!("{moved} taken out of their groups")),
                group => context.report.line(format!("{moved} moved to {group}")),
            }
        }
        GroupCommand::Remove { name } => {
            let left = context.run(&session, RemoveGroup { name: name.clone() })?;
            context.report.document(&json!({"group": name, "packages": keys_of(&left)}));
            context.report.line(format!("Removed the group {name}"));
        }
        GroupCommand::Set { package, name } => {
            let package = context.package(&session, &package)?.id;
            let edit = PackageEdit { group: Some(name.clone()), ..PackageEdit::default() };
            let record = context.run(&session, Edit { package, edit })?;
            context.report.document(&package_json(&record));
            match name.trim() {
                "" => context.report.line(format!("{} is in no group", record.key)),
                name => context.report.line(format!("{} is in {name}", record.key)),
            }
        }
    }
    Ok(Exit::Done)
}

fn keys_of(records: &[PackageRecord]) -> Vec<String> {
    records.iter().map(|record| record.key.to_string()).collect()
}
