//! `remove PKG`: out of the library for good, once somebody said yes.

use serde_json::json;

use super::words::amount;
use crate::cli::arguments::RemoveArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::size;
use crate::failure::{Class, Failure};
use crate::package::PackageState;
use crate::session::RemoveForGood;

/// `remove PKG [--yes]`
pub(super) fn remove(context: &Context, arguments: &RemoveArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let record = context.package(&session, &arguments.package)?;
    if !arguments.yes {
        let stays = match &record.archive {
            Some(archive) if record.state == PackageState::Archived => {
                format!(" Its archive {} stays.", archive.path)
            }
            _ => String::new(),
        };
        let question = format!(
            "Remove {} ({}) from the library for good?{stays} [y/N]: ",
            record.key,
            amount(record.checksum.files, record.checksum.size_bytes)
        );
        let answer = context.ask(&question).map(|answer| answer.to_lowercase());
        if !matches!(answer.as_deref(), Some("y" | "yes")) {
            return Err(Failure::new(
                "not-confirmed",
                Class::Refused,
                format!("{} was not removed", record.key),
                "Answer yes, or give --yes",
            )
            .because("removing from the command line cannot be taken back"));
        }
    }
    let removed = context.run(&session, RemoveForGood { package: record.id })?;
    context.report.document(&json!({
        "removed": true, "name": removed.key.name(), "version": removed.key.version(),
        "size_bytes": removed.size_bytes,
    }));
    context.report.line(format!("Removed {} ({})", removed.key, size(removed.size_bytes)));
    Ok(Exit::Done)
}
