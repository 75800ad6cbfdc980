//! `check --all --deep`: a library check that can be interrupted, and goes on when the same is run again.

use serde_json::{Value, json};

use super::words::{moment, usage};
use crate::cli::arguments::CheckArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, size};
use crate::failure::{Class, Failure};
use crate::session::{
    CheckGroup, CheckOrder, CheckRun, CheckedRow, LibraryCheck, ReadLibraryCheck, RunLibraryCheck, Session,
};

/// Runs it, or goes on with it, and tells what was found.
pub(super) fn run(
    context: &Context,
    session: &Session,
    order: CheckOrder,
    arguments: &CheckArguments,
) -> Result<Exit, Failure> {
    let limit = arguments.limit.as_deref().map(bytes_per_second).transpose()?;
    let kept = context.run(session, ReadLibraryCheck {})?;
    let goes_on = kept.filter(|kept| kept.ended.is_none() && kept.order == order && !arguments.restart);
    if let Some(kept) = goes_on {
        let done = kept.total_packages - kept.left_packages;
        context.report.note(format!(
            "going on with the check of {}: {done} of {} done, {} left (--restart begins anew)",
            moment(kept.begun),
            count(kept.total_packages, "package"),
            size(kept.left_bytes)
        ));
    }
    context.limit(limit);
    let request = RunLibraryCheck { run: CheckRun { order: Some(order), restart: arguments.restart } };
    let check = context.run(session, request).map_err(|failure| match failure.class {
        Class::Cancelled => Failure {
            action: "What was checked is kept: run the same again to go on, or add --restart".to_owned(),
            ..failure
        },
        _ => failure,
    })?;
    tell(context, &check);
    Ok(if check.is_whole() { Exit::Done } else { exit_of(&check) })
}

/// A package that differs is an answer; one that could not be read is none.
fn exit_of(check: &LibraryCheck) -> Exit {
    let has = |group| check.in_group(group).next().is_some();
    if has(CheckGroup::Repairable) || has(CheckGroup::NotRepairable) || has(CheckGroup::Unproven) {
        Exit::No
    } else {
        Class::Environment.into()
    }
}

fn tell(context: &Context, check: &LibraryCheck) {
    let report = &context.report;
    let of = |group| check.in_group(group).count();
    let (whole, unreadable, passed) =
        (of(CheckGroup::Whole), of(CheckGroup::Unreadable), of(CheckGroup::Passed));
    let (differ, repairable) = (of(CheckGroup::NotRepairable), of(CheckGroup::Repairable));
    let unproven = of(CheckGroup::Unproven);
    if report.is_json() {
        let packages: Vec<Value> = check.done.iter().map(row_json).collect();
        report.document(&json!({
            "checked": check.done.len(), "consistent": whole, "differ": differ + repairable, "repairable": repairable, "failed": unreadable,
            "without_hashes": unproven, "not_checked": passed, "size_bytes": check.total_bytes,
            "begun": check.begun, "ended": check.ended, "packages": packages,
        }));
    }
    for group in CheckGroup::ALL.into_iter().filter(|group| *group != CheckGroup::Whole) {
        for row in check.in_group(group) {
            let why = match row.places.first() {
                Some(_) if row.fetch_bytes == 0 => ", nothing has to be fetched".to_owned(),
                Some(place) => format!(" from {place}, {} to fetch", size(row.fetch_bytes)),
                None if row.why.is_empty() => String::new(),
                None => format!(": {}", row.why),
            };
            report.line(format!("{}: {}{why}", row.key, group.word().to_lowercase()));
            for file in &row.troubled {
                report.line(format!("  {}: {}", file.path, file.what));
            }
        }
    }
    let mut summary = format!(
        "{} checked, {}, {whole} whole",
        count(check.done.len() as u64, "package"),
        size(check.total_bytes)
    );
    for (number, words) in [
        (repairable, "repairable (packhouse-cli repair --all)"),
        (differ, "not repairable: nobody is known who has a copy"),
        (unreadable, "unreadable"),
        (unproven, "without hashes, so not proven"),
        (passed, "not checked"),
    ] {
        if number > 0 {
            summary.push_str(&format!("; {number} {words}"));
        }
    }
    report.line(summary);
}

fn row_json(row: &CheckedRow) -> Value {
    json!({
        "id": row.id, "name": row.key.name(), "version": row.key.version(), "group": row.group,
        "consistent": row.group == CheckGroup::Whole,
        "finding": row.finding, "reason": row.why, "files": row.troubled,
        "repair_from": row.places, "fetch_bytes": row.fetch_bytes,
    })
}

/// Bytes a second, or with K, M, G (of 1024): `5000000`, `20M`.
pub(super) fn bytes_per_second(text: &str) -> Result<u64, Failure> {
    bytes(text)
        .ok_or_else(|| usage(format!("{text:?} is no rate"), "Give bytes a second: 5000000, 500K, 20M, 1G"))
}

/// A number of bytes: `5000000`, `500K`, `20M`, `1G`; not 0.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        for (text, rate) in [("1", 1), ("500K", 500 << 10), ("20m", 20 << 20), ("1G", 1 << 30)] {
            assert_eq!(bytes_per_second(text), Ok(rate), "{text}");
        }
        for wrong in ["", "0", "M", "1MM", "-1", "1.5M", "99999999999G"] {
            assert!(bytes_per_second(wrong).is_err(), "{wrong}");
        }
    }
}
