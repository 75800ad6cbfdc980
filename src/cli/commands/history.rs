//! `history [PKG]`: who, where, when, what; its export and its chain.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::check::moment_of;
use super::words::usage;
use crate::cli::arguments::{HistoryArguments, HistoryFormat};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::failure::Failure;
use crate::package::history::ChainState;
use crate::package::{HistoryEntry, HistoryEvent};
use crate::session::{ExportFormat, ExportHistory, HistoryFilter, ReadHistory, Session, VerifyHistory};

/// `history [PKG] [--format csv|json|html --to FILE] [--verify]`
pub(super) fn history(context: &Context, arguments: HistoryArguments) -> Result<Exit, Failure> {
    if arguments.verify && arguments.package.is_some() {
        return Err(usage("the chain runs through all of History", "history --verify, without a package"));
    }
    let session = context.open(true)?;
    if arguments.verify {
        return verify(context, &session);
    }
    let package = match &arguments.package {
        Some(text) => Some(context.package(&session, text)?.id),
        None => None,
    };
    let filter = HistoryFilter {
        package,
        events: arguments.event.iter().map(|word| event_of(word)).collect::<Result<_, _>>()?,
        who: arguments.who,
        from: arguments.from.as_deref().map(moment_of).transpose()?,
        until: arguments.until.as_deref().map(end_of).transpose()?,
        staging: None,
        text: arguments.text,
        newest: arguments.newest,
    };
    if let (Some(format), Some(to)) = (arguments.format, arguments.to) {
        let format = match format {
            HistoryFormat::Csv => ExportFormat::Csv,
            HistoryFormat::Json => ExportFormat::Json,
            HistoryFormat::Html => ExportFormat::Html,
        };
        let shown = to.display().to_string();
        let entries = context.run(&session, ExportHistory { filter, format, to })?;
        context.report.document(&json!({"entries": entries, "file": shown}));
        context.report.line(format!("Wrote {entries} entries to {shown}"));
        return Ok(Exit::Done);
    }
    let entries = context.run(&session, ReadHistory { filter })?;
    context.report.document(&entries);
    if context.report.wants_text() {
        for entry in &entries {
            context.report.line(one_line(entry));
        }
    }
    Ok(Exit::Done)
}

/// An event by its word in JSON, `-` or `_` between its parts.
fn event_of(word: &str) -> Result<HistoryEvent, Failure> {
    let code = word.trim().to_lowercase().replace('-', "_");
    serde_json::from_value(code.into()).map_err(|_| {
        let known: Vec<String> = HistoryEvent::ALL
            .iter()
            .filter_map(|event| Some(serde_json::to_value(event).ok()?.as_str()?.replace('_', "-")))
            .collect();
        usage(format!("{word:?} is no event"), &format!("Give one of {}", known.join(", ")))
    })
}

/// A day counts to its end, a moment as it is.
fn end_of(text: &str) -> Result<Timestamp, Failure> {
    match text.parse::<Date>().ok().filter(|_| text.parse::<Timestamp>().is_err()) {
        Some(day) => match day.tomorrow() {
            Ok(next) => moment_of(&next.to_string()),
            Err(_) => Ok(Timestamp::MAX),
        },
        None => moment_of(text),
    }
}

fn one_line(entry: &HistoryEntry) -> String {
    let mut line = format!(
        "{:>5}  {}  {}@{}  {}",
        entry.number,
        entry.local_time,
        entry.who,
        entry.host,
        entry.event.word()
    );
    if let Some(package) = &entry.package {
        line.push_str(&format!("  {package}"));
    }
    if let Some(differences) = entry.differences.as_ref().filter(|differences| !differences.is_empty()) {
        line.push_str(&format!("  {}", differences.summary()));
    }
    if let Some(reason) = &entry.reason {
        line.push_str(&format!("  reason: {reason}"));
    }
    if let Some(details) = &entry.details {
        line.push_str(&format!("  ({details})"));
    }
    line
}

fn verify(context: &Context, session: &Session) -> Result<Exit, Failure> {
    let state = context.run(session, VerifyHistory {})?;
    context.report.document(&state);
    match state {
        ChainState::Verified { entries } => {
            let noun = if entries == 1 { "entry" } else { "entries" };
            context.report.line(format!("Chain verified, {entries} {noun}"));
            Ok(Exit::Done)
        }
        ChainState::Broken { number, why } => {
            context.report.line(format!("The chain is broken at entry {number}: {why}"));
            Ok(Exit::No)
        }
    }
}
