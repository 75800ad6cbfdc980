//! `update PKG`: files are added, replaced, renamed and removed through the library.

use std::path::PathBuf;

use serde_json::json;

use super::words::{package_json_with, usage};
use crate::cli::arguments::UpdateArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::failure::Failure;
use crate::session::{AddedFile, Update, UpdateRequest};

/// `update PKG [--add PATH[=DEST]]… [--remove PATH]… [--rename FROM=TO]…`
pub(super) fn update(context: &Context, arguments: &UpdateArguments) -> Result<Exit, Failure> {
    if arguments.add.is_empty() && arguments.remove.is_empty() && arguments.rename.is_empty() {
        return Err(usage("nothing is to be changed", "Name files with --add, --remove or --rename"));
    }
    let mut rename = Vec::new();
    for text in &arguments.rename {
        let (from, to) = text.split_once('=').ok_or_else(|| {
            usage(format!("{text:?} does not say where to"), "Write --rename FROM=TO, paths in the package")
        })?;
        rename.push((from.to_owned(), to.to_owned()));
    }
    let request = UpdateRequest {
        add: arguments.add.iter().map(|text| added(text)).collect(),
        remove: arguments.remove.clone(),
        rename,
        links: arguments.links.into(),
    };
    let session = context.open_existing()?;
    let package = context.package(&session, &arguments.package)?.id;
    let updated = context.run(&session, Update { package, request })?;
    let record = &updated.record;
    context.report.document(&package_json_with(
        record,
        json!({
            "added": updated.added, "replaced": updated.replaced, "removed": updated.removed,
            "renamed": updated.renamed,
        }),
    ));
    context.report.line(format!(
        "Updated {}: {} added, {} replaced, {} removed, {} renamed",
        record.key, updated.added, updated.replaced, updated.removed, updated.renamed
    ));
    if record.is_blocked() {
        context.report.line("  It still differs from its recorded checksum: see check");
    }
    Ok(Exit::Done)
}

/// `PATH` or `PATH=DEST`. A file whose own name has a `=` is taken by that name.
fn added(text: &str) -> AddedFile {
    let whole = PathBuf::from(text);
    if whole.symlink_metadata().is_ok() {
        return AddedFile { from: whole, to: None };
    }
    match text.rsplit_once('=') {
        Some((from, to)) => AddedFile { from: PathBuf::from(from), to: Some(to.to_owned()) },
        None => AddedFile { from: whole, to: None },
    }
}
