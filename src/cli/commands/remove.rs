//! `remove PKG`: out of the library for good, once somebody said yes.

use serde_json::json;

use super::words::amount;
use crate::cli::arguments::RemoveArguments;
use crate::cli::context::{Context, cancelled_at_question};
use crate::cli::exit::Exit;
use crate::cli::report::size;
use crate::cli::terminal::{Answer, can_ask, tell};
use crate::failure::{Class, Failure, argument};
use crate::package::{PackageKey, PackageState};
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
        confirm(context, &record.key, &question)?;
    }
    let removed = context.run(&session, RemoveForGood { package: record.id })?;
    context.report.document(&json!({
        "removed": true, "name": removed.key.name(), "version": removed.key.version(),
        "size_bytes": removed.size_bytes,
    }));
    context.report.line(format!("Removed {} ({})", removed.key, size(removed.size_bytes)));
    Ok(Exit::Done)
}

/// Asks until the answer is yes or no; everything but a yes is a failure.
fn confirm(context: &Context, key: &PackageKey, question: &str) -> Result<(), Failure> {
    let not_confirmed = |reason: &str| {
        let action = format!("packhouse-cli remove {} --yes", argument(&key.to_string()));
        let message = format!("{key} was not removed");
        Err(Failure::new("not-confirmed", Class::Refused, message, action).because(reason))
    };
    if !can_ask() {
        return not_confirmed("it cannot be taken back, and nobody can be asked here");
    }
    loop {
        let answer = match context.terminal().ask(question) {
            Answer::Line(answer) => answer,
            Answer::End => return not_confirmed("no answer was given"),
            Answer::Interrupted => return Err(cancelled_at_question()),
        };
        match answer.to_lowercase().as_str() {
            "y" | "yes" => return Ok(()),
            "" | "n" | "no" => return not_confirmed("the answer was no"),
            _ => tell("Answer y or n.\n"),
        }
    }
}
