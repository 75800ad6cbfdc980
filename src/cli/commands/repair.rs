//! `repair`: what is missing or damaged is fetched, block by block; the plan is shown before anything changes.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::check::report_json;
use super::words::{package_json_with, usage};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::repair_arguments::RepairArguments;
use crate::cli::report::{count, size};
use crate::failure::{Class, Failure, argument};
use crate::package::record::{PackageId, PackageRecord};
use crate::package::{CheckKind, Finding, PackageKey, PackageState};
use crate::session::{
    AddedChoice, Check, FolderRepair, KnownPlaces, ListPackages, PlanRepair, Repair, RepairFolder,
    RepairFrom, RepairOutcome, RepairPlan, RepairRequest, Session, SwitchOn,
};

/// `repair PKG|FOLDER|--all [--from ADDRESS]… [--plan]`
pub(super) fn repair(context: &Context, arguments: RepairArguments) -> Result<Exit, Failure> {
    let Some(target) = &arguments.target else { return repair_all(context, &arguments) };
    let path = PathBuf::from(target);
    if target.contains(['/', std::path::MAIN_SEPARATOR]) || path.join("reginfo.json").is_file() {
        return repair_folder(context, path, &arguments);
    }
    if !arguments.trust.is_empty() {
        return Err(usage("--trust is for a folder outside a library", "packhouse-cli key trust KEY"));
    }
    let session = context.open_online(false)?;
    let record = context.package(&session, target)?;
    if arguments.plan {
        let plan = context.run(&session, PlanRepair { package: record.id })?;
        let places = places(context, &session, record.id, &arguments.from)?;
        context.report.document(&plan_json(&plan, &places));
        let lines = plan_lines(&plan, &places, arguments.leave_added);
        lines.into_iter().for_each(|line| context.report.line(line));
        return Ok(if plan.finding == Finding::Consistent { Exit::Done } else { Exit::No });
    }
    let how = How { from: &arguments.from, leave_added: arguments.leave_added, wait: arguments.wait };
    match repair_package(context, &session, &record, &how, false)? {
        Repaired::Whole(record, _) => {
            context.report.document(&package_json_with(&record, json!({"repaired": []})));
            context.report.line(format!("{}: every block is as recorded, nothing to repair", record.key));
            Ok(Exit::Done)
        }
        Repaired::Done(outcome, plan) => {
            context.report.document(&outcome_json(&outcome));
            tell_outcome(context, &outcome, &plan);
            Ok(if outcome.report.is_consistent() { Exit::Done } else { Exit::No })
        }
    }
}

/// How packages are repaired.
pub(super) struct How<'a> {
    pub(super) from: &'a [String],
    pub(super) leave_added: bool,
    pub(super) wait: bool,
}

/// What became of a package.
pub(super) enum Repaired {
    /// There was nothing to repair.
    Whole(Box<PackageRecord>, Box<crate::package::CheckReport>),
    /// Something was repaired by this plan.
    Done(Box<RepairOutcome>, Box<RepairPlan>),
}

/// Plans, shows the plan, and carries out exactly that.
pub(super) fn repair_package(
    context: &Context,
    session: &Session,
    record: &PackageRecord,
    how: &How<'_>,
    switch_on: bool,
) -> Result<Repaired, Failure> {
    let package = record.id;
    let plan = context.run(session, PlanRepair { package })?;
    let places = places(context, session, package, how.from)?;
    if !plan.is_empty() {
        plan_lines(&plan, &places, how.leave_added).into_iter().for_each(|line| context.report.note(line));
    }
    let added = if how.leave_added { AddedChoice::Leave } else { AddedChoice::SetAside };
    let request = RepairRequest { added, expect: Some(plan.state_digest) };
    let from = RepairFrom { addresses: places, wait: how.wait };
    match context.run(session, Repair { package, request, from, switch_on }) {
        Err(failure) if failure.code == "nothing-to-repair" => {
            let report = context.run(session, Check { package, kind: CheckKind::Quick })?;
            if !report.is_consistent() {
                let is_left = how.leave_added && !plan.added.is_empty();
                return Err(if is_left { all_left(&record.key, plan.added.len()) } else { failure });
            }
            if switch_on {
                context.run(session, SwitchOn { package, answer: None })?;
            }
            let record = context.package(session, &record.key.to_string())?;
            Ok(Repaired::Whole(Box::new(record), Box::new(report)))
        }
        outcome => Ok(Repaired::Done(Box::new(outcome?), Box::new(plan))),
    }
}

/// Everything that differs is what was to be left.
fn all_left(key: &PackageKey, added: usize) -> Failure {
    let shown = argument(&key.to_string()).into_owned();
    let action = format!(
        "packhouse-cli repair {shown} sets aside what does not belong to it; packhouse-cli consistency {shown} on \
         --accept --reason TEXT keeps it as a part of the package"
    );
    let left = match added {
        1 => "1 file that does not belong to it was left".to_owned(),
        several => format!("{several} files that do not belong to it were left"),
    };
    Failure::new("nothing-to-repair", Class::No, format!("{key} is still not as recorded: {left}"), &action)
}

/// The addresses that were given, or those that are known.
fn places(
    context: &Context,
    session: &Session,
    package: PackageId,
    given: &[String],
) -> Result<Vec<String>, Failure> {
    if given.is_empty() { context.run(session, KnownPlaces { package }) } else { Ok(given.to_vec()) }
}

fn plan_json(plan: &RepairPlan, places: &[String]) -> Value {
    let mut document = json!(plan);
    if let Value::Object(fields) = &mut document {
        fields.remove("key");
        fields.insert("name".to_owned(), plan.key.name().into());
        fields.insert("version".to_owned(), plan.key.version().into());
        fields.insert("from".to_owned(), json!(places.iter().map(|place| shown(place)).collect::<Vec<_>>()));
        fields.insert("blocks".to_owned(), plan.blocks().into());
        fields.insert("fetch_bytes".to_owned(), plan.fetch_bytes().into());
    }
    document
}

fn plan_lines(plan: &RepairPlan, places: &[String], leave_added: bool) -> Vec<String> {
    if plan.is_empty() && plan.unreadable.is_empty() {
        return vec![format!("{}: nothing to repair", plan.key)];
    }
    let files = |number: usize| count(number as u64, "file");
    let mut parts = Vec::new();
    if plan.blocks() > 0 {
        let to_fetch = plan.fetch.iter().filter(|file| file.blocks > 0).count();
        let blocks = count(plan.blocks(), "block");
        parts.push(format!("{} to fetch ({blocks} in {})", size(plan.fetch_bytes()), files(to_fetch)));
    }
    let without = plan.fetch.iter().filter(|file| file.blocks == 0).count();
    let what = if leave_added { "to leave" } else { "to set aside" };
    for (number, what) in [
        (without, "to make right without fetching"),
        (plan.rename.len(), "to rename"),
        (plan.added.len(), what),
        (plan.unreadable.len(), "that cannot be read"),
    ] {
        parts.extend((number > 0).then(|| format!("{} {what}", files(number))));
    }
    let mut lines = vec![format!("{}: {}", plan.key, parts.join(", "))];
    let mut shown_plan = plan.clone();
    if leave_added {
        shown_plan.added.clear();
    }
    lines.extend(shown_plan.lines().into_iter().map(|line| format!("  {line}")));
    if !shown_plan.added.is_empty() {
        lines.push(format!("  set aside in {}", plan.set_aside.display()));
    }
    if leave_added {
        lines
            .extend(plan.added.iter().map(|file| format!("  leave {}: it does not belong to it", file.path)));
    }
    if plan.blocks() > 0 {
        lines.extend(places.iter().map(|place| format!("  from {}", shown(place))));
    }
    lines
}

/// What was done, in the shape scripts rely on.
pub(super) fn outcome_json(outcome: &RepairOutcome) -> Value {
    let renamed: Vec<Value> = outcome
        .renamed
        .iter()
        .map(|(found, recorded)| json!({"found": found, "recorded": recorded}))
        .collect();
    package_json_with(
        &outcome.record,
        json!({
            "repaired": outcome.repaired,
            "renamed": renamed,
            "set_aside": outcome.set_aside,
            "set_aside_folder": outcome.set_aside_folder,
            "fetched_bytes": outcome.fetched_bytes,
            "reused_bytes": outcome.reused_bytes,
            "from": from_json(&outcome.from),
            "check": report_json(&outcome.report),
            "stopped": outcome.stopped,
        }),
    )
}

/// A place as it may be shown: without a name and a password.
fn shown(place: &str) -> String {
    crate::package::address::without_credentials(place).0
}

fn from_json(from: &[(String, u64)]) -> Vec<Value> {
    from.iter().map(|(codebase, bytes)| json!({"codebase": codebase, "fetched_bytes": bytes})).collect()
}

/// What was done, in words.
pub(super) fn tell_outcome(context: &Context, outcome: &RepairOutcome, plan: &RepairPlan) {
    let report = &context.report;
    let key = &outcome.record.key;
    let mut parts = vec![format!("repaired {}", count(outcome.repaired.len() as u64, "file"))];
    for (bytes, what) in [(outcome.fetched_bytes, "fetched"), (outcome.reused_bytes, "found here")] {
        parts.extend((bytes > 0).then(|| format!("{} {what}", size(bytes))));
    }
    if parts.len() == 1 && !outcome.repaired.is_empty() {
        parts.push("nothing had to be fetched".to_owned());
    }
    // Only names were wrong, or files too many.
    let needed_no_bytes = outcome.repaired.is_empty() && outcome.report.is_consistent();
    report.line(match needed_no_bytes {
        true => format!("{key}: as recorded again"),
        false => format!("{key}: {}", parts.join(", ")),
    });
    for file in plan.fetch.iter().filter(|file| file.is_too_long() && outcome.repaired.contains(&file.path)) {
        report.line(format!("  {} cut to its {}", file.path, count(file.size_bytes, "byte")));
    }
    for (name, bytes) in &outcome.from {
        report.line(format!("  {} from {name}", size(*bytes)));
    }
    for (found, recorded) in &outcome.renamed {
        report.line(format!("  {found} is named {recorded} again"));
    }
    if let Some(folder) = &outcome.set_aside_folder {
        report.line(format!(
            "  {} set aside in {}",
            count(outcome.set_aside.len() as u64, "file"),
            folder.display()
        ));
    }
    if let Some(failure) = &outcome.stopped {
        report.failure(failure);
    }
    if !outcome.report.is_consistent() {
        report.line(format!("{key}: still {}", outcome.report.summary()));
    }
}

fn repair_all(context: &Context, arguments: &RepairArguments) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let mut listed = context.run(&session, ListPackages {})?;
    listed
        .retain(|package| package.state != PackageState::Archived && package.finding != Finding::Consistent);
    let how = How { from: &arguments.from, leave_added: arguments.leave_added, wait: arguments.wait };
    let (mut documents, mut whole, mut failed) = (Vec::new(), 0, 0);
    for package in &listed {
        let done = if arguments.plan {
            plan_of(context, &session, package.id, &how)
        } else {
            one_of_all(context, &session, package.id, &package.key, &how)
        };
        match done {
            Err(failure) if failure.class == Class::Cancelled => return Err(failure),
            Err(failure) => {
                let key = package.key.to_string();
                let is_named = failure.message.starts_with(&key);
                let message = if is_named { failure.message } else { format!("{key}: {}", failure.message) };
                let shown = Failure { message, ..failure };
                context.report.failure(&shown);
                documents.push(json!({
                    "name": package.key.name(), "version": package.key.version(), "error": shown,
                }));
                failed += 1;
            }
            Ok((document, is_whole)) => {
                documents.push(document);
                whole += usize::from(is_whole);
            }
        }
    }
    context.report.document(&json!({
        "not_as_recorded": listed.len(), "repaired": whole, "failed": failed, "packages": documents,
    }));
    if listed.is_empty() {
        context.report.line("Nothing to repair: every package was as recorded when it was last verified");
    } else if arguments.plan {
        context.report.line(format!("{} not as recorded", count(listed.len() as u64, "package")));
    } else {
        let total = count(listed.len() as u64, "package");
        context.report.line(format!("{total} not as recorded, {whole} as recorded now"));
    }
    Ok(if whole == listed.len() { Exit::Done } else { Exit::No })
}

fn plan_of(
    context: &Context,
    session: &Session,
    package: PackageId,
    how: &How<'_>,
) -> Result<(Value, bool), Failure> {
    let plan = context.run(session, PlanRepair { package })?;
    let places = places(context, session, package, how.from)?;
    plan_lines(&plan, &places, how.leave_added).into_iter().for_each(|line| context.report.line(line));
    Ok((plan_json(&plan, &places), plan.finding == Finding::Consistent))
}

fn one_of_all(
    context: &Context,
    session: &Session,
    package: PackageId,
    key: &PackageKey,
    how: &How<'_>,
) -> Result<(Value, bool), Failure> {
    let record = context.package(session, &key.to_string())?;
    if record.id != package {
        return Err(usage(format!("{key} is another package now"), "Run the same again"));
    }
    Ok(match repair_package(context, session, &record, how, false)? {
        Repaired::Whole(record, _) => {
            context.report.line(format!("{}: every block is as recorded", record.key));
            (package_json_with(&record, json!({"repaired": []})), true)
        }
        Repaired::Done(outcome, plan) => {
            tell_outcome(context, &outcome, &plan);
            (outcome_json(&outcome), outcome.report.is_consistent())
        }
    })
}

fn repair_folder(context: &Context, folder: PathBuf, arguments: &RepairArguments) -> Result<Exit, Failure> {
    if !folder.is_dir() {
        let what = if folder.exists() { "is no folder" } else { "is not there" };
        return Err(usage(
            format!("{} {what}", folder.display()),
            "Check the path, or name a package of the library as Name@Version",
        ));
    }
    let from = RepairFrom { addresses: arguments.from.clone(), wait: arguments.wait };
    let network = context.network()?;
    let trust = arguments.trust.clone();
    let request = RepairFolder { folder, from, network, trust, plan_only: arguments.plan };
    let repair = context.run_with_keys(request)?;
    let is_whole = if arguments.plan { repair.was_whole() } else { repair.stopped.is_none() };
    context.report.document(&folder_json(&repair, is_whole));
    let shown = repair.folder.display();
    let key = &repair.key;
    let bad = format!("{}, {}", count(repair.blocks, "missing or damaged block"), size(repair.bad_bytes));
    context.report.line(match (repair.blocks, arguments.plan) {
        (0, _) => format!("{shown}: no block of {key} is missing or damaged"),
        (_, true) => format!("{shown}: {key} has {bad}"),
        (_, false) => format!("{shown}: {key} had {bad}; {} fetched", size(repair.fetched_bytes)),
    });
    for (name, bytes) in &repair.from {
        context.report.line(format!("  {} from {name}", size(*bytes)));
    }
    let (cut, made) = match arguments.plan {
        true => ("is longer than recorded; a repair cuts it", "is missing and empty; a repair makes it"),
        false => ("was cut to its recorded length", "was missing and is empty; it was made"),
    };
    repair.cut.iter().for_each(|path| context.report.line(format!("  {path} {cut}")));
    repair.made.iter().for_each(|path| context.report.line(format!("  {path} {made}")));
    for path in &repair.strangers {
        context.report.line(format!("  {path} does not belong to the package and was left"));
    }
    if let Some(failure) = &repair.stopped {
        context.report.failure(failure);
    }
    Ok(if is_whole { Exit::Done } else { Exit::No })
}

fn folder_json(repair: &FolderRepair, is_whole: bool) -> Value {
    json!({
        "name": repair.key.name(), "version": repair.key.version(),
        "folder": repair.folder.display().to_string(),
        "whole": is_whole, "blocks": repair.blocks, "bad_bytes": repair.bad_bytes,
        "fetched_bytes": repair.fetched_bytes, "from": from_json(&repair.from),
        "cut": repair.cut, "made": repair.made, "strangers": repair.strangers, "stopped": repair.stopped,
    })
}
