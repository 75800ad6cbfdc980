//! `consistency PKG on|off`: the switch, the question where the files differ, and its answers.

use serde_json::json;

use super::check::report_json;
use super::repair::{How, Repaired, outcome_json, repair_package, tell_outcome};
use super::words::{moment, package_json_with, usage};
use crate::cli::arguments::{ConsistencyArguments, OnOff};
use crate::cli::context::{Context, cancelled_at_question};
use crate::cli::exit::Exit;
use crate::cli::report::harmless;
use crate::cli::terminal::{Answer, can_ask, tell};
use crate::failure::{Class, Failure, argument};
use crate::package::{CheckReport, Finding, PackageRecord, PackageState, Sha256Digest};
use crate::session::{
    Accept, AcceptRequest, Session, SwitchAnswer, SwitchOff, SwitchOn, SwitchOutcome, difference_lines,
};

/// A question shows so many differences.
const LINES_ASKED: usize = 8;
/// The library takes no shorter reason.
const REASON_MIN_CHARS: usize = 3;

/// `consistency PKG on|off [--accept --reason TEXT | --keep-blocked | --repair-from ADDRESS] [--reason TEXT]`
pub(super) fn consistency(context: &Context, arguments: ConsistencyArguments) -> Result<Exit, Failure> {
    let answer = answer_of(&arguments)?;
    if arguments.switch == OnOff::Off && !arguments.repair_from.is_empty() {
        return Err(usage(
            "--repair-from answers the question of switching the check on",
            "packhouse-cli repair PKG --from ADDRESS",
        ));
    }
    let session = context.open_online(false)?;
    let record = context.package(&session, &arguments.package)?;
    if arguments.switch == OnOff::Off {
        let record = context.run(&session, SwitchOff { package: record.id, reason: arguments.reason })?;
        context.report.document(&package_json_with(&record, json!({})));
        context.report.line(format!("{}: checksum control is off", record.key));
        return Ok(Exit::Done);
    }
    if !arguments.repair_from.is_empty() {
        return repair(context, &session, &record, &arguments.repair_from);
    }
    // Where the check is on already, accepting is an action of its own.
    if let (true, Some(SwitchAnswer::Accept(request))) = (record.checksum_control, &answer) {
        return accept(context, &session, &record, request.clone());
    }
    switch_on(context, &session, &record, answer, arguments.key)
}

fn answer_of(arguments: &ConsistencyArguments) -> Result<Option<SwitchAnswer>, Failure> {
    if arguments.switch == OnOff::Off {
        if arguments.accept || arguments.keep_blocked {
            return Err(usage(
                "--accept and --keep-blocked answer the question of switching the check on",
                "packhouse-cli consistency PKG on --accept --reason TEXT",
            ));
        }
        return Ok(None);
    }
    if arguments.keep_blocked {
        return Ok(Some(SwitchAnswer::KeepBlocked));
    }
    if !arguments.accept {
        return Ok(None);
    }
    let reason = arguments.reason.clone().ok_or_else(|| {
        Failure::new(
            "no-reason",
            Class::Usage,
            "accepting changes needs a reason",
            "Say why, with --reason TEXT",
        )
    })?;
    let expect = arguments.expect.as_deref().map(|text| {
        Sha256Digest::parse(text)
            .ok_or_else(|| usage(format!("{text:?} is no digest"), "Give the state that check showed"))
    });
    let key = arguments.key.clone();
    Ok(Some(SwitchAnswer::Accept(AcceptRequest { reason, expect: expect.transpose()?, key })))
}

fn accept(
    context: &Context,
    session: &Session,
    record: &PackageRecord,
    request: AcceptRequest,
) -> Result<Exit, Failure> {
    let (record, report) = context.run(session, Accept { package: record.id, request })?;
    context.report.document(&package_json_with(&record, json!({"accepted": report_json(&report)})));
    tell_accepted(context, &record, &report);
    Ok(Exit::Done)
}

/// The answer *Repair*: the check is on once everything is as recorded; until then it stays as it is.
fn repair(
    context: &Context,
    session: &Session,
    record: &PackageRecord,
    from: &[String],
) -> Result<Exit, Failure> {
    let how = How { from, leave_added: false, wait: false };
    let (record, report) = match repair_package(context, session, record, &how, true)? {
        Repaired::Whole(record, report) => {
            tell_on(context, &record, &report, false);
            return Ok(Exit::Done);
        }
        Repaired::Done(outcome, plan) => {
            context.report.document(&outcome_json(&outcome));
            tell_outcome(context, &outcome, &plan);
            let outcome = *outcome;
            (outcome.record, outcome.report)
        }
    };
    let state = if record.checksum_control { "on" } else { "off" };
    context.report.line(format!("{}: checksum control is {state}", record.key));
    Ok(if report.is_consistent() { Exit::Done } else { Exit::No })
}

fn tell_accepted(context: &Context, record: &PackageRecord, report: &CheckReport) {
    context.report.line(format!("{}: accepted {}", record.key, report.differences.summary()));
    if record.state == PackageState::Sealed {
        context.report.line(format!("  sealed again as revision {}", record.revision));
    }
}

fn switch_on(
    context: &Context,
    session: &Session,
    record: &PackageRecord,
    answer: Option<SwitchAnswer>,
    key: Option<String>,
) -> Result<Exit, Failure> {
    let mut answer = answer;
    loop {
        let accepts = matches!(answer, Some(SwitchAnswer::Accept(_)));
        let outcome = match context.run(session, SwitchOn { package: record.id, answer }) {
            // The files agree after all: nothing is to be accepted, and the switch is simply on.
            Err(failure) if failure.code == "nothing-to-accept" => {
                context.run(session, SwitchOn { package: record.id, answer: None })?
            }
            other => other?,
        };
        match outcome {
            SwitchOutcome::On(record, report) => {
                tell_on(context, &record, &report, accepts);
                return Ok(Exit::Done);
            }
            SwitchOutcome::Question(report) => match question(context, record, &report, key.clone())? {
                Asked::Answer(given) => answer = Some(given),
                Asked::Repair(from) => return repair(context, session, record, &from),
            },
        }
    }
}

fn tell_on(context: &Context, record: &PackageRecord, report: &CheckReport, accepted: bool) {
    if accepted && !report.is_consistent() {
        context.report.document(&package_json_with(record, json!({"accepted": report_json(report)})));
        tell_accepted(context, record, report);
        context.report.line(format!("{}: checksum control is on", record.key));
        return;
    }
    context.report.document(&package_json_with(record, json!({"check": report_json(report)})));
    if report.is_consistent() {
        context.report.line(format!("{}: checksum control is on, the package is as recorded", record.key));
        return;
    }
    context.report.line(format!(
        "{}: checksum control is on, the package is blocked: {}",
        record.key,
        report.summary()
    ));
}

/// What somebody answered.
enum Asked {
    Answer(SwitchAnswer),
    /// From these addresses; none for what is known.
    Repair(Vec<String>),
}

/// Asks what should happen to a package that differs; where nobody answers, that is the failure.
fn question(
    context: &Context,
    record: &PackageRecord,
    report: &CheckReport,
    key: Option<String>,
) -> Result<Asked, Failure> {
    if !can_ask() {
        let failure = unanswered(record, report, "no answer was given; nothing was changed");
        return Err(failure.with_details(difference_lines(report)));
    }
    let line = |answer| match answer {
        Answer::Line(line) => Ok(line),
        Answer::End => Err(unanswered(record, report, "no answer was given; nothing was changed")),
        Answer::Interrupted => Err(cancelled_at_question()),
    };
    let may_accept = may_accept(report);
    let terminal = context.terminal();
    tell(&question_text(record, report, may_accept));
    loop {
        let answer = line(terminal.ask("Answer [k]: "))?;
        match answer.to_lowercase().as_str() {
            "a" | "accept" if may_accept => {}
            "" | "k" | "keep" | "keep blocked" => return Ok(Asked::Answer(SwitchAnswer::KeepBlocked)),
            "r" | "repair" if record.sealed_once => {
                let from =
                    line(terminal.ask("Repair from (address, folder or archive; empty: what is known): "))?;
                return Ok(Asked::Repair(if from.is_empty() { Vec::new() } else { vec![from] }));
            }
            "c" | "cancel" => {
                return Err(unanswered(record, report, "it was cancelled; nothing was changed"));
            }
            _ => {
                tell(match (may_accept, record.sealed_once) {
                    (true, true) => "Answer a, r, k or c.\n",
                    (true, false) => "Answer a, k or c.\n",
                    (false, true) => "Answer r, k or c.\n",
                    (false, false) => "Answer k or c.\n",
                });
                continue;
            }
        }
        loop {
            let reason = line(terminal.ask("Reason, kept in History (empty: back): "))?;
            if reason.is_empty() {
                break;
            }
            if reason.chars().count() >= REASON_MIN_CHARS {
                let expect = Some(report.state_digest());
                return Ok(Asked::Answer(SwitchAnswer::Accept(AcceptRequest { reason, expect, key })));
            }
            tell(&format!("A reason has at least {REASON_MIN_CHARS} characters.\n"));
        }
    }
}

/// What cannot be read cannot be vouched for.
fn may_accept(report: &CheckReport) -> bool {
    !matches!(report.finding, Finding::Unreadable | Finding::Missing)
}

/// What differs, and what each answer means.
fn question_text(record: &PackageRecord, report: &CheckReport, may_accept: bool) -> String {
    let mut text = format!("{} differs from its recorded checksum\n", record.key.title());
    let lines = difference_lines(report);
    for line in lines.iter().take(LINES_ASKED) {
        text.push_str(&format!("  {}\n", harmless(line)));
    }
    if lines.len() > LINES_ASKED {
        let more = lines.len() - LINES_ASKED;
        let key = argument(&record.key.to_string()).into_owned();
        text.push_str(&format!("  and {more} more (packhouse-cli check {key} lists all)\n"));
    }
    text.push_str(&format!(
        "{}. The checksum was recorded {}, when it was {}. What should happen to the package?\n",
        report.summary(),
        moment(record.checksum_at),
        record.checksum_event,
    ));
    if record.state == PackageState::Sealed && may_accept {
        text.push_str(&format!(
            "The package is sealed. Accepting means sealing it again as revision {}.\n",
            record.revision + 1
        ));
    }
    if may_accept {
        text.push_str(
            "  a  Accept changes: the files are right; record the new checksum and switch the check on\n",
        );
    }
    if record.sealed_once {
        text.push_str(
            "  r  Repair: the files are wrong; fetch the sealed content again and switch the check on\n",
        );
    }
    text.push_str("  k  Keep blocked: switch the check on and deliver nothing until this is settled\n");
    text.push_str("  c  Cancel: the check stays off\n");
    text
}

fn unanswered(record: &PackageRecord, report: &CheckReport, reason: &str) -> Failure {
    let key = &record.key;
    let message = format!("{key} differs from its recorded checksum: {}", report.summary());
    let shown = argument(&key.to_string()).into_owned();
    let keep = format!("packhouse-cli consistency {shown} on --keep-blocked");
    let action = match may_accept(report) {
        true => format!(
            "Look at what differs, then: packhouse-cli consistency {shown} on --accept --reason TEXT, or: {keep}"
        ),
        false if record.sealed_once => {
            format!("packhouse-cli consistency {shown} on --repair-from ADDRESS, or: {keep}")
        }
        false => keep,
    };
    Failure::new("consistency-question", Class::Refused, message, action).because(reason).same_as("SDM002300")
}
