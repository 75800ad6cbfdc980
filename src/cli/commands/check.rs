//! `check`: whether packages are as recorded. The answer no is exit code 1.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::library_check;
use super::words::{amount, usage};
use crate::cli::arguments::CheckArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::count;
use crate::failure::{Failure, argument};
use crate::package::{CheckKind, CheckReport, Finding, PackageRecord, PackageState};
use crate::session::{
    Check, CheckAll, CheckOrder, CheckedPackage, ListPackages, PackageRef, Session, ShowPackage,
    difference_lines,
};

/// `check PKG|--all [--deep]`
pub(super) fn check(context: &Context, arguments: &CheckArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let kind = if arguments.deep { CheckKind::Deep } else { CheckKind::Quick };
    let Some(package) = &arguments.package else {
        return check_all(context, &session, kind, arguments);
    };
    let record = context.package(&session, package)?;
    let report = context.run(&session, Check { package: record.id, kind })?;
    context.report.document(&report_json(&report));
    context.report.line(format!("{}: {}", record.key, verdict(&report)));
    for line in difference_lines(&report) {
        context.report.line(format!("  {line}"));
    }
    match report.finding {
        Finding::Consistent => {}
        Finding::Missing => {
            let details = context.run(&session, ShowPackage { package: PackageRef::Id(record.id) })?;
            context.report.line(format!("  {}", details.folder.display()));
            missing_lines(&record).into_iter().for_each(|line| context.report.line(line));
        }
        _ => context.report.line(format!("  state {}", report.state_digest())),
    }
    Ok(if report.is_consistent() { Exit::Done } else { Exit::No })
}

/// What can be done where there is nothing that could be accepted.
fn missing_lines(record: &PackageRecord) -> Vec<String> {
    let key = argument(&record.key.to_string()).into_owned();
    let back = match record.sealed_once {
        true => format!("  Put it back from a backup, or: packhouse-cli repair {key} --from ADDRESS"),
        false => "  Put it back from a backup".to_owned(),
    };
    vec![back, format!("  If it is gone for good: packhouse-cli remove {key}")]
}

fn verdict(report: &CheckReport) -> String {
    match report.finding {
        Finding::Consistent => {
            let found = report.found.unwrap_or(report.recorded);
            let mut text = format!("consistent, {}", amount(found.files, found.size_bytes));
            if report.kind == CheckKind::Deep {
                match report.without_hashes {
                    0 => text.push_str(", every block as recorded"),
                    some => {
                        text.push_str(&format!(", but {} without hashes: not compared", count(some, "file")))
                    }
                }
            }
            text
        }
        Finding::Missing => report.summary(),
        finding => format!("{}, {}", finding.word().to_lowercase(), report.differences.summary()),
    }
}

/// A report in the shape scripts rely on.
pub(super) fn report_json(report: &CheckReport) -> Value {
    let differences = &report.differences;
    let paths = |files: &[crate::package::consistency::ListedFile]| -> Vec<String> {
        files.iter().map(|file| file.path.clone()).collect()
    };
    let case_changed: Vec<Value> = differences
        .case_changed
        .iter()
        .map(|file| json!({"recorded": file.recorded, "found": file.found}))
        .collect();
    let damaged: Vec<Value> =
        differences.damaged.iter().map(|file| json!({"path": file.path, "blocks": file.blocks})).collect();
    json!({
        "consistent": report.is_consistent(),
        "recorded": report.recorded,
        "found": report.found,
        "added": paths(&differences.added),
        "removed": paths(&differences.removed),
        "resized": differences.resized,
        "case_changed": case_changed,
        "damaged": damaged,
        "unreadable": differences.unreadable,
        "kind": report.kind,
        "finding": report.finding,
        "files_without_hashes": report.without_hashes,
        "state_digest": (report.finding != Finding::Missing).then(|| report.state_digest()),
    })
}

fn check_all(
    context: &Context,
    session: &Session,
    kind: CheckKind,
    arguments: &CheckArguments,
) -> Result<Exit, Failure> {
    let not_since = arguments.not_since.as_deref().map(moment_of).transpose()?;
    // Where nothing can be written there is nothing to go on with later.
    if kind == CheckKind::Deep && !session.is_read_only() {
        let order = CheckOrder { packages: None, not_since, damaged_only: arguments.damaged_only };
        return library_check::run(context, session, order, arguments);
    }
    let packages = if arguments.damaged_only || not_since.is_some() {
        let listed = context.run(session, ListPackages {})?;
        let chosen = listed.into_iter().filter(|package| {
            let last = if kind == CheckKind::Deep { package.deep_at } else { package.quick_at };
            package.state != PackageState::Archived
                && (!arguments.damaged_only || package.finding != Finding::Consistent)
                && not_since.is_none_or(|since| last.is_none_or(|last| last < since))
        });
        Some(chosen.map(|package| package.id).collect())
    } else {
        None
    };
    let checked = context.run(session, CheckAll { packages, kind })?;
    tell_all(context, &checked);
    let good = |package: &CheckedPackage| package.result.as_ref().is_ok_and(CheckReport::is_consistent);
    if checked.iter().all(good) {
        return Ok(Exit::Done);
    }
    // A package that differs is an answer; one that could not be checked is none.
    let differs = checked.iter().any(|package| package.result.as_ref().is_ok_and(|r| !r.is_consistent()));
    let failed = checked.iter().find_map(|package| package.result.as_ref().err());
    Ok(match failed {
        Some(failure) if !differs => failure.class.into(),
        _ => Exit::No,
    })
}

fn tell_all(context: &Context, checked: &[CheckedPackage]) {
    let report = &context.report;
    let consistent =
        checked.iter().filter(|p| p.result.as_ref().is_ok_and(CheckReport::is_consistent)).count();
    let failed = checked.iter().filter(|p| p.result.is_err()).count();
    let differ = checked.len() - consistent - failed;
    if report.is_json() {
        let packages: Vec<Value> = checked
            .iter()
            .map(|package| {
                let mut value = match &package.result {
                    Ok(report) => report_json(report),
                    Err(failure) => json!({"error": failure}),
                };
                if let Value::Object(fields) = &mut value {
                    fields.insert("name".to_owned(), package.key.name().into());
                    fields.insert("version".to_owned(), package.key.version().into());
                }
                value
            })
            .collect();
        report.document(&json!({
            "checked": checked.len(), "consistent": consistent, "differ": differ, "failed": failed,
            "packages": packages,
        }));
    }
    for package in checked {
        match &package.result {
            Ok(found) if found.is_consistent() => {}
            Ok(found) => {
                report.line(format!("{}: {}", package.key, verdict(found)));
                for line in difference_lines(found) {
                    report.line(format!("  {line}"));
                }
            }
            Err(failure) => report.failure(failure),
        }
    }
    let mut summary = format!("{} checked, {consistent} consistent", count(checked.len() as u64, "package"));
    if differ > 0 {
        summary.push_str(&format!(", {differ} not as recorded"));
    }
    if failed > 0 {
        summary.push_str(&format!(", {failed} could not be checked"));
    }
    report.line(summary);
}

/// A day (its beginning here) or a moment.
pub(super) fn moment_of(text: &str) -> Result<Timestamp, Failure> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let day = text.parse::<Date>().ok().and_then(|day| day.to_zoned(TimeZone::system()).ok());
    day.map(|day| day.timestamp())
        .ok_or_else(|| usage(format!("{text:?} is no date"), "Write 2026-11-02 or 2026-11-02T14:10:00Z"))
}
