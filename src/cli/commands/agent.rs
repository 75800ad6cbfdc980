//! `agent`: this computer as a target of jobs. Enrolled once, then run by the system.

use std::path::Path;

use serde_json::{Value, json};

use super::library_check::bytes_per_second;
use crate::cli::agent_arguments::{AgentCommand, AgentFolder, EnrollArguments, RunArguments};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, size};
use crate::failure::{Failure, argument};
use crate::place;
use crate::session::agent::{
    AgentRun, AgentSurroundings, HostFacts, JobReport, PollReport, ReportedState, enrol_agent, run_agent,
    status_of_agent,
};

/// `agent enroll|run|status`
pub(super) fn agent(context: &Context, command: AgentCommand) -> Result<Exit, Failure> {
    match command {
        AgentCommand::Enroll(arguments) => enroll(context, &arguments),
        AgentCommand::Run(arguments) => run(context, &arguments),
        AgentCommand::Status(place) => status(context, &place),
    }
}

fn folder(place: &AgentFolder) -> Result<std::path::PathBuf, Failure> {
    place.folder.clone().map_or_else(place::agent, Ok)
}

fn surroundings(context: &Context, limit: Option<&str>) -> Result<AgentSurroundings, Failure> {
    let (system, system_version) = place::system();
    let host = HostFacts {
        host: place::actor("agent").host,
        system,
        system_version,
        architecture: std::env::consts::ARCH.to_owned(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let limit_bytes_per_second = limit.map(bytes_per_second).transpose()?;
    Ok(AgentSurroundings { host, network: context.network()?, limit_bytes_per_second })
}

fn enroll(context: &Context, arguments: &EnrollArguments) -> Result<Exit, Failure> {
    let folder = folder(&arguments.place)?;
    let enrolled = enrol_agent(&folder, &arguments.site, &arguments.token, surroundings(context, None)?)?;
    context.report.document(&json!({
        "agent": enrolled.agent,
        "site": enrolled.site,
        "address": enrolled.address,
        "folder": folder.display().to_string(),
    }));
    context.report.line(format!("Enrolled at {} as agent {}", enrolled.address, enrolled.agent));
    context.report.line(format!("  Folder {}", folder.display()));
    context.report.line(format!("  Start it with: {}", start(&folder)));
    Ok(Exit::Done)
}

/// The command that runs the agent in `folder`, from any working folder.
fn start(folder: &Path) -> String {
    if place::agent().is_ok_and(|usual| usual == folder) {
        return "packhouse-cli agent run".to_owned();
    }
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    format!("packhouse-cli agent run --folder {}", argument(&folder.display().to_string()))
}

fn run(context: &Context, arguments: &RunArguments) -> Result<Exit, Failure> {
    let folder = folder(&arguments.place)?;
    let how = if arguments.once { AgentRun::Once } else { AgentRun::On };
    let surroundings = surroundings(context, arguments.limit.as_deref())?;
    let mut last = PollReport::default();
    let mut has_failed = false;
    context.report.stream(&json!({"event": "started", "folder": folder.display().to_string()}));
    if !arguments.once {
        context.report.line(format!("Running the agent in {}; Ctrl+C ends it", folder.display()));
        context.report.flush();
    }
    let mut is_first = true;
    let mut tell = |report: &PollReport| {
        let failed = |job: &JobReport| matches!(job.state, ReportedState::Error | ReportedState::Refused);
        has_failed |= report.jobs.iter().any(failed);
        tell_poll(context, report, (!is_first).then_some(&last));
        is_first = false;
        last = report.clone();
    };
    run_agent(&folder, how, surroundings, context.work(), &mut tell)?;
    if !arguments.once {
        context.report.stream(&json!({"event": "stopped"}));
        return Ok(Exit::Interrupted);
    }
    match last.unreachable {
        _ if has_failed => Ok(Exit::No),
        Some(failure) => Err(failure),
        None if last.refused.is_some() => Ok(Exit::Refused),
        None => Ok(Exit::Done),
    }
}

/// One line for each thing that happened to a job, and one for the poll.
fn tell_poll(context: &Context, report: &PollReport, last: Option<&PollReport>) {
    let out = &context.report;
    let is_new = last.is_none();
    let nothing = PollReport::default();
    let last = last.unwrap_or(&nothing);
    for job in &report.jobs {
        let mut line = serde_json::to_value(job).unwrap_or_default();
        if let Value::Object(fields) = &mut line {
            fields.insert("event".to_owned(), json!("job"));
        }
        out.stream(&line);
        let reason = job.reason.as_ref().map(|reason| format!(": {}", reason.text)).unwrap_or_default();
        out.line(format!("Job {}  {}{reason}", job.job, word(job.state)));
    }
    out.stream(&json!({
        "event": "poll",
        "news": report.has_news,
        "known": report.is_known,
        "gone": report.is_gone,
        "unreachable": report.unreachable.as_ref().map(|failure| json!({"code": failure.code, "message": failure.message})),
        "refused": report.refused.as_ref().map(|(code, text)| json!({"code": code, "message": text})),
        "reports_sent": report.reports_sent,
        "reports_waiting": report.reports_waiting,
        "downloads": report.downloads,
        "next_seconds": report.next.as_secs(),
    }));
    // What stays the same is told once.
    if report.unreachable != last.unreachable
        && let Some(failure) = &report.unreachable
    {
        out.line(format!("The site cannot be reached: {}", failure.message));
    }
    if report.refused != last.refused
        && let Some((_, text)) = &report.refused
    {
        out.line(format!("Not taken: {text}"));
    }
    let is_reached = report.unreachable.is_none() && report.refused.is_none();
    if is_reached && !report.is_known && is_new {
        out.line(
            "Enrolled, and not taken in yet: the delivery manager of the site does it (packhouse-cli manage)",
        );
    }
    if report.is_gone && !last.is_gone {
        out.line("The site has no jobs for this agent any more: its computer was taken off the list there");
    }
    out.flush();
}

fn word(state: ReportedState) -> &'static str {
    match state {
        ReportedState::Received => "received",
        ReportedState::Delivering => "delivering",
        ReportedState::Delivered => "delivered",
        ReportedState::AlreadyDelivered => "delivered before",
        ReportedState::AlreadyInstalled => "installed already",
        ReportedState::WaitingForTime => "waits for its time",
        ReportedState::Executing => "executing",
        ReportedState::Ok => "OK",
        ReportedState::Error => "Error",
        ReportedState::Withdrawn => "withdrawn",
        ReportedState::Refused => "refused",
    }
}

fn status(context: &Context, place: &AgentFolder) -> Result<Exit, Failure> {
    let status = status_of_agent(&folder(place)?)?;
    let out = &context.report;
    out.document(&status);
    out.line(format!("Agent {}", status.agent));
    out.line(format!("  Site {}", status.address));
    out.line(format!("  Folder {}", status.folder.display()));
    match status.sequence {
        Some(sequence) => out.line(format!("  Jobs as of sequence {sequence}")),
        None => out.line("  The site has not told it anything yet"),
    }
    for job in &status.jobs {
        out.line(format!("  Job {}  {}, {}", job.job, job.title, job.state));
    }
    for package in &status.packages {
        let whole = if package.is_whole { "" } else { ", not whole" };
        out.line(format!(
            "  Package {} {}, {}{whole}",
            package.name,
            package.version,
            size(package.size_bytes)
        ));
    }
    for installed in &status.installed {
        out.line(format!("  Installed {}", installed.key.title()));
    }
    if status.reports_waiting > 0 {
        out.line(format!("  {} to be sent", count(status.reports_waiting, "report")));
    }
    Ok(Exit::Done)
}
