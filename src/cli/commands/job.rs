//! `job`: job containers, and what became of them on each computer.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

use super::check::report_json;
use super::words::{moment, usage};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::job_arguments::{JobArguments, JobCommand, NewJobArguments, SelectedArguments};
use crate::cli::report::{count, size};
use crate::failure::{Failure, argument};
use crate::session::{
    ContainerOptions, ContainerView, CreateJobContainer, FindJobContainer, HaltJobs, Linkage,
    ListJobContainers, NewJobContainer, OnChecksumError, PackageRef, Preflight, PreflightJob, ReadTargets,
    RecoverJobs, RemoveJobContainer, RenewJobs, ResumeJobs, Selected, Session, ShowJob, ShowJobContainer,
    Shown, TargetQuery, TargetRow, WantedProcedure, When,
};

/// `job create|preflight|list|show|output|halt|resume|renew|recover|remove`
pub(super) fn job(context: &Context, arguments: JobArguments) -> Result<Exit, Failure> {
    match arguments.command {
        JobCommand::Create(arguments) => create(context, arguments),
        JobCommand::Preflight(arguments) => preflight(context, arguments),
        JobCommand::List => list(context),
        JobCommand::Show { job, failed, find, from, most } => show(context, &job, failed, find, from, most),
        JobCommand::Output { job, target } => output(context, &job, &target),
        JobCommand::Halt(selected) => {
            steer(context, &selected, "halted", |id, selected| HaltJobs { id, selected })
        }
        JobCommand::Resume(selected) => {
            steer(context, &selected, "resumed", |id, selected| ResumeJobs { id, selected })
        }
        JobCommand::Renew(selected) => {
            steer(context, &selected, "renewed", |id, selected| RenewJobs { id, selected })
        }
        JobCommand::Recover(selected) => recover(context, &selected),
        JobCommand::Remove { job, withdraw } => remove(context, &job, withdraw),
    }
}

fn find(context: &Context, session: &Session, text: &str) -> Result<Uuid, Failure> {
    context.run(session, FindJobContainer { text: text.to_owned() })
}

fn create(context: &Context, arguments: NewJobArguments) -> Result<Exit, Failure> {
    let new = new_container(&arguments)?;
    let session = context.open_existing()?;
    let view = context.run(&session, CreateJobContainer { new })?;
    context.report.document(&view_json(&view));
    context.report.line(format!("Set up {} ({})", view.name, view.id));
    if !manager_runs(context, &session)? {
        context.report.note("no delivery manager is running; start one: packhouse-cli manage");
    }
    Ok(Exit::Done)
}

fn manager_runs(context: &Context, session: &Session) -> Result<bool, Failure> {
    use crate::session::{ManagerStatus, ReadManagerStatus};
    let status = context.run(session, ReadManagerStatus {})?;
    Ok(!matches!(status, ManagerStatus::NotRunning { .. }))
}

fn new_container(arguments: &NewJobArguments) -> Result<NewJobContainer, Failure> {
    let wanted = match &arguments.procedure {
        Some(name) => WantedProcedure::Named(name.clone()),
        None => WantedProcedure::Task(arguments.task.into()),
    };
    let by_text = |text: &String| PackageRef::Text(text.clone());
    let time =
        |text: &Option<String>| text.as_deref().map(|text| when(text, arguments.computer_time)).transpose();
    Ok(NewJobContainer {
        name: arguments.name.clone(),
        packages: arguments.packages.iter().map(|text| (by_text(text), wanted.clone())).collect(),
        computers: arguments.computers.clone(),
        groups: arguments.groups.clone(),
        installed: arguments.installed.iter().map(by_text).collect(),
        options: ContainerOptions {
            linkage: if arguments.batch { Linkage::Batch } else { Linkage::None },
            stage_only: arguments.stage_only,
            stage_at: time(&arguments.stage_at)?,
            run_at: time(&arguments.run_at)?,
            stop_starting_at: time(&arguments.stop_starting_at)?,
            time_limit_secs: arguments.time_limit,
            give_up_after_secs: arguments.give_up_after,
            parallel: arguments.parallel,
            on_checksum_error: match arguments.halt_until_consistent {
                true => OnChecksumError::Halt,
                false => OnChecksumError::Error,
            },
            reinstall: arguments.reinstall,
            installed_is_ok: arguments.installed_is_ok,
        },
        anyway: arguments.anyway,
    })
}

/// `2026-11-21T02:00`, here or on the wall of each computer; `2026-11-21T02:00:00Z` is a moment everywhere.
fn when(text: &str, on_the_wall: bool) -> Result<When, Failure> {
    let wrong = || usage(format!("{text:?} is no time"), "Give it as 2026-11-21T02:00");
    if !on_the_wall && let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(When::Site { time: moment.as_second() });
    }
    let time: DateTime = text.parse().map_err(|_| wrong())?;
    if on_the_wall {
        return Ok(When::Computer { time });
    }
    let here = time.to_zoned(jiff::tz::TimeZone::system()).map_err(|_| wrong())?;
    Ok(When::Site { time: here.timestamp().as_second() })
}

fn preflight(context: &Context, arguments: NewJobArguments) -> Result<Exit, Failure> {
    let new = new_container(&arguments)?;
    let session = context.open_online(false)?;
    let found = context.run(&session, PreflightJob { new })?;
    context.report.document(&preflight_json(&found));
    let report = &context.report;
    for package in &found.packages {
        match &package.failure {
            None => report.line(format!("{}: as recorded", package.key)),
            Some(failure) => {
                report.line(format!("{}: {}", package.key, failure.message));
                for detail in &failure.details {
                    report.line(format!("  {detail}"));
                }
            }
        }
    }
    for one in &found.staging {
        let sent = if one.to_send_bytes > 0 {
            format!(", {} to send", size(one.to_send_bytes))
        } else {
            String::new()
        };
        let computers = count(one.computers, "computer");
        report.line(format!("{} at {}: {}{sent}, {computers}", one.package, one.staging, one.words));
    }
    for one in &found.computers {
        report.line(format!("{}: {}", one.computer, one.words));
    }
    if let Some(warning) = found.warning {
        report.line(warning);
    }
    report.line(format!(
        "{} of {} ready, {} to fetch in all",
        found.ready,
        count(found.targets, "computer"),
        size(found.fetch_bytes)
    ));
    Ok(if found.is_clear() { Exit::Done } else { Exit::No })
}

fn preflight_json(found: &Preflight) -> Value {
    let packages: Vec<Value> = found
        .packages
        .iter()
        .map(|package| {
            json!({
                "name": package.key.name(), "version": package.key.version(), "size_bytes": package.size_bytes,
                "ready": package.failure.is_none(), "failure": package.failure,
            })
        })
        .collect();
    json!({
        "clear": found.is_clear(), "targets": found.targets, "ready": found.ready, "warning": found.warning,
        "fetch_bytes": found.fetch_bytes, "packages": packages, "staging": found.staging,
        "computers": found.computers,
    })
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let containers = context.run(&session, ListJobContainers {})?;
    context.report.document(&containers.iter().map(view_json).collect::<Vec<_>>());
    let digits = shortest_id(&containers);
    for view in &containers {
        let id = view.id.to_string();
        context.report.line(format!("{}  {}", id.get(..digits).unwrap_or(&id), line_of(view)));
    }
    if containers.is_empty() {
        context.report.line("There is no job: packhouse-cli job create PKG --computer NAME, or --group NAME");
    }
    Ok(Exit::Done)
}

/// How much of an id tells every job from the others.
fn shortest_id(containers: &[ContainerView]) -> usize {
    let mut ids: Vec<String> = containers.iter().map(|view| view.id.to_string()).collect();
    ids.sort_unstable();
    let same = |pair: &[String]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count();
    ids.windows(2).map(|pair| same(pair) + 1).max().unwrap_or_default().max(8)
}

fn show(
    context: &Context,
    job: &str,
    failed: bool,
    find_text: Option<String>,
    from: u64,
    most: u32,
) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let id = find(context, &session, job)?;
    let details = context.run(&session, ShowJobContainer { id })?;
    let query = TargetQuery {
        shown: if failed { vec![Shown::Error] } else { Vec::new() },
        text: find_text,
        from,
        most,
        ..TargetQuery::default()
    };
    let page = context.run(&session, ReadTargets { id, query })?;
    if context.report.is_json() {
        let mut document = view_json(&details.view);
        if let Value::Object(fields) = &mut document {
            fields.insert("definition".to_owned(), json!(details.definition));
            fields.insert("failures".to_owned(), json!(details.failures));
            fields.insert("targets_total".to_owned(), json!(page.total));
            fields.insert("targets".to_owned(), json!(page.rows));
        }
        context.report.document(&document);
    }
    let report = &context.report;
    report.line(line_of(&details.view));
    if let Some(differs) = &details.view.report {
        for line in differs.differences.lines() {
            report.line(format!("  {line}"));
        }
    }
    for group in &details.failures {
        report.line(format!("  {} with {}", group.jobs, group.words));
    }
    for row in &page.rows {
        report.line(format!("  {}", target_line(row, details.definition.entries.len() > 1)));
    }
    let shown = page.rows.len() as u64;
    if from + shown < page.total {
        report.line(format!("  and {} more (--from {})", page.total - from - shown, from + shown));
    }
    if details.view.totals.error > 0 {
        report.note(next_step(&details.view));
    }
    Ok(if details.view.totals.error > 0 { Exit::No } else { Exit::Done })
}

/// What is to be done about targets that failed.
fn next_step(view: &ContainerView) -> String {
    let id = view.id;
    match (&view.report, view.packages.as_slice()) {
        (None, _) => format!(
            "what a computer said: packhouse-cli job output {id} COMPUTER; to do what failed again: packhouse-cli job renew {id}"
        ),
        (Some(_), packages) => {
            let package = match packages {
                [one] => argument(&one.to_string()).into_owned(),
                _ => "PKG".to_owned(),
            };
            format!(
                "put the package right: packhouse-cli repair {package}; then do what failed again: packhouse-cli job renew {id}"
            )
        }
    }
}

fn target_line(row: &TargetRow, several: bool) -> String {
    let package = if several { format!(" {}", row.package) } else { String::new() };
    let mut line = format!("{}{package}: {}", row.target, row.shown.word());
    match (&row.reason, row.exit_code) {
        (reason, None) if !reason.is_empty() => line.push_str(&format!(": {reason}")),
        (reason, Some(exit)) if reason.is_empty() => line.push_str(&format!(": exit code {exit}")),
        (reason, Some(exit)) => line.push_str(&format!(": exit code {exit}, {reason}")),
        _ => {}
    }
    if let Some(percent) = row.percent {
        line.push_str(&format!(", {percent} %"));
    }
    line
}

fn output(context: &Context, job: &str, target: &str) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let id = find(context, &session, job)?;
    let query = TargetQuery { text: Some(target.to_owned()), most: u32::MAX, ..TargetQuery::default() };
    let page = context.run(&session, ReadTargets { id, query })?;
    let folded = target.trim().to_lowercase();
    let rows: Vec<&TargetRow> = page.rows.iter().filter(|row| row.target.to_lowercase() == folded).collect();
    if rows.is_empty() {
        return Err(usage(
            format!("{target:?} is no target of this job"),
            "packhouse-cli job show JOB names them",
        ));
    }
    let mut documents = Vec::new();
    for row in rows {
        let view = context.run(&session, ShowJob { job: row.job })?;
        documents.push(json!({
            "job": view.row.job, "target": view.row.target, "package": view.row.package.to_string(),
            "shown": view.row.shown, "state": view.row.state, "code": view.row.code, "reason": view.row.reason,
            "exit_code": view.row.exit_code, "meaning": view.meaning, "output": view.output,
            "differences": view.differences.as_ref().map(report_json),
        }));
        context.report.line(target_line(&view.row, true));
        if let Some(differs) = &view.differences {
            for line in differs.differences.lines() {
                context.report.line(format!("  {line}"));
            }
        }
        for line in view.output.as_deref().unwrap_or_default().lines() {
            context.report.line(format!("  | {line}"));
        }
    }
    context.report.document(&documents);
    Ok(Exit::Done)
}

fn selected(arguments: &SelectedArguments) -> Selected {
    match &arguments.reason {
        Some(code) => Selected::Reason { code: code.clone(), exit_code: arguments.exit_code },
        None if arguments.target.is_empty() => Selected::All,
        None => Selected::Targets(arguments.target.clone()),
    }
}

fn steer<R: crate::session::Request<Reply = u64>>(
    context: &Context,
    arguments: &SelectedArguments,
    done: &str,
    request: impl FnOnce(Uuid, Selected) -> R,
) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let id = find(context, &session, &arguments.job)?;
    let targets = context.run(&session, request(id, selected(arguments)))?;
    context.report.document(&json!({ "id": id, done: targets }));
    context.report.line(format!("{} {done}", count(targets, "target")));
    if targets > 0 && !manager_runs(context, &session)? {
        context.report.note(
            "no delivery manager is running: until one does, computers do what they were told before; start one: \
             packhouse-cli manage",
        );
    }
    Ok(Exit::Done)
}

fn recover(context: &Context, arguments: &SelectedArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let id = find(context, &session, &arguments.job)?;
    let view = context.run(&session, RecoverJobs { id, selected: selected(arguments) })?;
    context.report.document(&view_json(&view));
    context.report.line(format!("Set up {} ({})", view.name, view.id));
    Ok(Exit::Done)
}

fn remove(context: &Context, job: &str, withdraw: bool) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let id = find(context, &session, job)?;
    let name = context.run(&session, RemoveJobContainer { id, withdraw })?;
    context.report.document(&json!({ "removed": id, "name": name }));
    context.report.line(format!("Removed {name}"));
    Ok(Exit::Done)
}

fn view_json(view: &ContainerView) -> Value {
    let mut document = json!(view);
    if let Value::Object(fields) = &mut document {
        fields.insert("targets".to_owned(), json!(view.totals.all()));
        fields.insert("report".to_owned(), json!(view.report.as_ref().map(report_json)));
        let packages: Vec<String> = view.packages.iter().map(ToString::to_string).collect();
        fields.insert("packages".to_owned(), json!(packages));
    }
    document
}

fn line_of(view: &ContainerView) -> String {
    let mut line = format!("{}  {}", view.name, view.state.word());
    let totals = Shown::ALL.into_iter().filter(|shown| view.totals.of(*shown) > 0);
    let totals: Vec<String> =
        totals.map(|shown| format!("{} {}", view.totals.of(shown), shown.word())).collect();
    if !totals.is_empty() {
        line.push_str(&format!(": {}", totals.join(", ")));
    }
    if view.totals.all() == 0 && view.evaluated.is_none() {
        line.push_str(&format!(", set up {}", moment(view.created)));
    }
    if !view.reason.is_empty() {
        line.push_str(&format!(". {}", view.reason));
    }
    line
}
