//! `manage`: the delivery manager, until interrupted, or for one round.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::job_arguments::ManageArguments;
use crate::cli::report::count;
use crate::failure::{Class, Failure};
use crate::session::{ManagerSetting, ManagerStatus, ReadManagerStatus, TickReport};

/// How often it is looked whether Ctrl+C was pressed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// `manage [--once]`
pub(super) fn manage(context: &Context, arguments: &ManageArguments) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let setting = ManagerSetting {
        every: Duration::from_secs(arguments.every),
        poll_seconds: u32::try_from(arguments.poll).unwrap_or(u32::MAX),
    };
    if arguments.once {
        let (_bar, work) = context.follow();
        let report = session.manage_once(&setting, work)?;
        drop(_bar);
        tell(context, &report, &[]);
        if report.is_quiet() {
            let open = match report.open_containers {
                0 => String::new(),
                1 => "; 1 job has not ended".to_owned(),
                open => format!("; {open} jobs have not ended"),
            };
            context.report.line(format!("Nothing to do now{open}"));
        }
        context.report.stream(&tick_json(&report));
        return Ok(Exit::Done);
    }
    let (told, ticks) = mpsc::channel();
    let listener = Box::new(move |ticked: &Result<TickReport, Failure>| {
        // Whoever listens may be gone already.
        let _ = told.send(ticked.clone());
    });
    session.start_telling_manager(setting, listener)?;
    context.report.stream(&json!({ "event": "started", "library": session.root().display().to_string() }));
    context.report.line(format!("Managing deliveries of {}; Ctrl+C ends it", session.root().display()));
    context.report.flush();
    let mut told_problems = Vec::new();
    while !context.is_cancelled() && session.manages() {
        match ticks.recv_timeout(BETWEEN_LOOKS) {
            Ok(Ok(report)) => {
                if !report.is_quiet() {
                    context.report.stream(&tick_json(&report));
                    tell(context, &report, &told_problems);
                    context.report.flush();
                }
                told_problems = report.problems;
            }
            Ok(Err(failure)) => {
                context.report.stream(&json!({ "event": "failed", "failure": failure }));
                context.report.note(failure.to_string());
            }
            Err(_) => {}
        }
    }
    if context.is_cancelled() {
        context.report.stream(&json!({ "event": "stopping" }));
        session.stop_manager();
        context.report.stream(&json!({ "event": "stopped" }));
        context.report.line("Stopped; what was ordered goes on");
        return Ok(Exit::Interrupted);
    }
    Err(match context.run(&session, ReadManagerStatus {})? {
        ManagerStatus::NotRunning { ended: Some(failure), .. } => *failure,
        _ => {
            let message = "the delivery manager ended";
            Failure::new("manager-ended", Class::Environment, message, "Start it again")
        }
    })
}

fn tick_json(report: &TickReport) -> Value {
    let mut document = json!(report);
    if let Value::Object(fields) = &mut document {
        fields.insert("event".to_owned(), json!("tick"));
    }
    document
}

/// Tells what a round did. What stays a problem is told once: `told` are those of the round before.
fn tell(context: &Context, tick: &TickReport, told: &[String]) {
    let report = &context.report;
    for name in &tick.enrolled {
        report.line(format!("Enrolled {name}"));
    }
    for name in &tick.evaluated {
        report.line(format!("Found the targets of {name}"));
    }
    if tick.reports > 0 {
        let (reports, targets) = (count(tick.reports, "report"), count(tick.reported_jobs, "target"));
        report.line(format!("Applied {reports} about {targets}"));
    }
    if tick.set_up > 0 {
        report.line(format!("Set up {}", count(tick.set_up, "target")));
    }
    for error in &tick.checksum_errors {
        report.line(format!("Checksum error: {error}"));
    }
    for name in &tick.ended {
        report.line(format!("Ended: {name}"));
    }
    for problem in tick.problems.iter().filter(|problem| !told.contains(problem)) {
        report.note(problem);
    }
}
