//! `computer`: the computers that jobs are for, groups of them, and how agents are enrolled.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::library_check::bytes;
use super::words::{moment, usage};
use crate::cli::computer_arguments::{
    ComputerAddArguments, ComputerArguments, ComputerCommand, ComputerEditArguments, ComputerGroupCommand,
    ComputerListArguments, TokenCommand,
};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, size};
use crate::failure::{Class, Failure};
use crate::session::{
    AddComputer, AddComputerGroup, ComputerEdit, ComputerFilter, ComputerGroupEdit, ComputerRow,
    EditComputer, EditComputerGroup, EnrolmentTokenRow, Fingerprint, ImportComputers, KeepEdit, KeepPackages,
    ListComputerGroups, ListComputers, ListKeptPackages, ListTokens, NewComputer, NewEnrolmentToken,
    PackageRef, RemoveComputerGroup, RemoveComputers, RemoveToken, Session, ShowComputer, TokenReach,
    TokenRequest,
};

/// What stands for nothing where something could be given.
const NOTHING: &str = "-";
/// Longest table that is read, in bytes.
const TABLE_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// `computer add|list|show|edit|remove|import|test|keep|token|group`
pub(super) fn computer(context: &Context, arguments: ComputerArguments) -> Result<Exit, Failure> {
    match arguments.command {
        ComputerCommand::Add(arguments) => add(context, arguments),
        ComputerCommand::List(arguments) => list(context, arguments),
        ComputerCommand::Show { computer } => show(context, computer),
        ComputerCommand::Edit(arguments) => edit(context, arguments),
        ComputerCommand::Remove { computers, withdraw } => remove(context, computers, withdraw),
        ComputerCommand::Import { file, skip_errors } => import(context, &file, skip_errors),
        ComputerCommand::Test { computers, off } => test(context, &computers, !off),
        ComputerCommand::Keep { packages, remove, most } => keep(context, packages, remove, most),
        ComputerCommand::Token { command } => token(context, command),
        ComputerCommand::Group { command } => group(context, command),
    }
}

fn given(text: Option<String>) -> Option<Option<String>> {
    text.map(|text| (text != NOTHING).then_some(text))
}

fn add(context: &Context, arguments: ComputerAddArguments) -> Result<Exit, Failure> {
    let session = context.open(true)?;
    let new = NewComputer {
        name: arguments.name,
        comment: arguments.comment,
        groups: arguments.group,
        test: arguments.test,
        staging: arguments.staging,
        staging_only: arguments.only_this,
    };
    let computer = context.run(&session, AddComputer { new })?;
    context.report.document(&computer_json(&computer));
    context.report.line(format!("Added {}", computer.name));
    Ok(Exit::Done)
}

fn edit(context: &Context, arguments: ComputerEditArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let edit = ComputerEdit {
        name: arguments.name,
        comment: arguments.comment,
        test: None,
        staging: given(arguments.staging),
        staging_only: arguments.only_this,
        groups: None,
        add_groups: arguments.add_group,
        leave_groups: arguments.leave_group,
    };
    let computer = context.run(&session, EditComputer { computer: arguments.computer, edit })?;
    context.report.document(&computer_json(&computer));
    context.report.line(line_of(&computer));
    Ok(Exit::Done)
}

fn test(context: &Context, computers: &[String], test: bool) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let mut changed = Vec::new();
    for computer in computers {
        let edit = ComputerEdit { test: Some(test), ..ComputerEdit::default() };
        let computer = context.run(&session, EditComputer { computer: computer.clone(), edit })?;
        let what = if test { "a test computer" } else { "no test computer" };
        context.report.line(format!("{} is {what}", computer.name));
        changed.push(computer_json(&computer));
    }
    context.report.document(&changed);
    Ok(Exit::Done)
}

fn list(context: &Context, arguments: ComputerListArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let installed = match &arguments.installed {
        Some(text) => Some(context.package(&session, text)?.id),
        None => None,
    };
    let not_seen_since = arguments.not_seen.map(|secs| {
        let ago = SignedDuration::from_secs(i64::try_from(secs).unwrap_or(i64::MAX));
        Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::MIN)
    });
    let filter = ComputerFilter {
        group: arguments.group,
        test: arguments.test.then_some(true),
        not_seen_since,
        installed,
        text: arguments.find,
    };
    let computers = context.run(&session, ListComputers { filter })?;
    if context.report.is_json() {
        context.report.document(&computers.iter().map(computer_json).collect::<Vec<_>>());
    }
    for computer in &computers {
        context.report.line(line_of(computer));
    }
    context.report.line(count(computers.len() as u64, "computer"));
    Ok(Exit::Done)
}

fn show(context: &Context, computer: String) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let details = context.run(&session, ShowComputer { computer })?;
    let computer = &details.computer;
    if context.report.is_json() {
        let installed: Vec<Value> = details
            .installed
            .iter()
            .map(|one| {
                json!({
                    "package_id": one.package, "name": one.name, "version": one.version, "revision": one.revision,
                    "procedure": one.procedure, "task": one.task, "since": one.since,
                })
            })
            .collect();
        let jobs: Vec<Value> = details
            .jobs
            .iter()
            .map(|one| {
                json!({
                    "job": one.job.id, "container": one.container, "name": one.container_name,
                    "state": one.job.state, "code": one.job.code, "reason": one.job.reason,
                    "exit_code": one.job.exit_code, "changed": one.job.changed,
                })
            })
            .collect();
        let mut document = computer_json(computer);
        if let Value::Object(fields) = &mut document {
            fields.insert("staging".to_owned(), json!(details.staging));
            fields.insert("enrolled_through".to_owned(), json!(details.polls));
            fields.insert("installed_packages".to_owned(), json!(installed));
            fields.insert("jobs".to_owned(), json!(jobs));
        }
        context.report.document(&document);
    }
    let report = &context.report;
    report.line(line_of(computer));
    let facts = &computer.facts;
    if !facts.system.is_empty() {
        let version = [facts.system.as_str(), &facts.system_version, &facts.architecture].join(" ");
        report.line(format!("  {} ({}), agent {}", facts.host, version.trim(), facts.agent_version));
    }
    if let Some(free) = facts.free_bytes {
        report.line(format!("  {} free", size(free)));
    }
    for (what, name) in [("Reads first", &details.staging), ("Enrolled through", &details.polls)] {
        if let Some(name) = name {
            report.line(format!("  {what}: {name}"));
        }
    }
    for one in &details.installed {
        let since = moment(one.since);
        report.line(format!(
            "  Installed: {}@{} revision {}, since {since}",
            one.name, one.version, one.revision
        ));
    }
    for one in &details.jobs {
        let why = if one.job.reason.is_empty() { String::new() } else { format!(": {}", one.job.reason) };
        report.line(format!("  Job: {}, {}{why}", one.container_name, one.job.state));
    }
    Ok(Exit::Done)
}

fn remove(context: &Context, computers: Vec<String>, withdraw: bool) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let removed = context.run(&session, RemoveComputers { computers, withdraw })?;
    let removed: Vec<String> = removed.into_iter().map(|computer| computer.row.name).collect();
    context.report.document(&json!({ "removed": removed }));
    for name in &removed {
        context.report.line(format!("Removed {name}"));
    }
    Ok(Exit::Done)
}

fn import(context: &Context, file: &std::path::Path, skip_errors: bool) -> Result<Exit, Failure> {
    let unreadable = |why: String| {
        let message = format!("the table {} cannot be read", file.display());
        Failure::new("io", Class::Environment, message, "Check the path, then try again").because(why)
    };
    let length = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
    if length > TABLE_MAX_BYTES {
        return Err(unreadable(format!(
            "it has {}, at most {} are taken",
            size(length),
            size(TABLE_MAX_BYTES)
        )));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("the table {} is not in UTF-8", file.display());
        Failure::new(
            "import-refused",
            Class::Refused,
            message,
            "Save it as UTF-8 (in Excel: CSV UTF-8), then try again",
        )
        .because(format!("line {line} has other characters"))
    })?;
    let session = context.open(true)?;
    let report = context.run(&session, ImportComputers { text, skip_errors })?;
    context
        .report
        .document(&json!({ "added": report.added, "changed": report.changed, "errors": report.errors }));
    for error in &report.errors {
        context.report.note(format!("line {} was passed over: {}", error.line, error.why));
    }
    context.report.line(format!(
        "{} added, {} changed",
        count(report.added.len() as u64, "computer"),
        report.changed.len()
    ));
    Ok(if report.errors.is_empty() { Exit::Done } else { Exit::No })
}

fn keep(
    context: &Context,
    packages: Vec<String>,
    remove: Vec<String>,
    most: Option<String>,
) -> Result<Exit, Failure> {
    let most_bytes = match most.as_deref() {
        None => None,
        Some(NOTHING) => Some(None),
        Some(text) => Some(Some(bytes(text).ok_or_else(|| {
            usage(format!("{text:?} is no size"), "Give bytes: 5000000, 500M, 20G; or - for no limit")
        })?)),
    };
    let session = context.open_existing()?;
    let kept = if packages.is_empty() && remove.is_empty() && most_bytes.is_none() {
        context.run(&session, ListKeptPackages {})?
    } else {
        let add = packages.into_iter().map(PackageRef::Text).collect();
        context.run(&session, KeepPackages { edit: KeepEdit { add, remove, most_bytes } })?
    };
    context.report.document(&kept);
    for package in &kept.packages {
        context.report.line(package.to_string());
    }
    let limit = match kept.most_bytes {
        Some(most) => format!("at most {}", size(most)),
        None => "no limit".to_owned(),
    };
    let packages = count(kept.packages.len() as u64, "package");
    context.report.line(format!("Agents keep {packages}, {limit}"));
    Ok(Exit::Done)
}

fn token(context: &Context, command: TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Make { group, test, computer, valid, pin } => {
            let pin = pin.as_deref().map(fingerprint).transpose()?;
            let session = context.open(true)?;
            let request = TokenRequest { group, test, computer, valid_secs: Some(valid), pin };
            let token = context.run(&session, NewEnrolmentToken { request })?;
            let mut document = token_json(&token.row);
            if let Value::Object(fields) = &mut document {
                fields.insert("token".to_owned(), json!(*token.text));
                let not_open = token.reach.not_open.iter();
                let not_open: Vec<Value> =
                    not_open.map(|(name, why)| json!({ "staging": name, "why": why })).collect();
                fields.insert("open_at".to_owned(), json!(token.reach.open_at));
                fields.insert("not_open".to_owned(), json!(not_open));
            }
            context.report.document(&document);
            context.report.line(&*token.text);
            context.report.note(format!(
                "it is shown this once, serves one computer, and is taken until {}",
                moment(token.row.expires)
            ));
            note_reach(context, &token.reach);
        }
        TokenCommand::List => {
            let session = context.open_existing()?;
            let tokens = context.run(&session, ListTokens {})?;
            context.report.document(&tokens.iter().map(token_json).collect::<Vec<_>>());
            for token in &tokens {
                let state = match &token.used {
                    Some((at, by)) => format!("used by {by} on {}", moment(*at)),
                    None if token.expires < Timestamp::now() => format!("expired {}", moment(token.expires)),
                    None => format!("open until {}", moment(token.expires)),
                };
                let group = token.group.as_ref().map(|group| format!(", group {group}")).unwrap_or_default();
                context.report.line(format!("{}  {state}{group}", token.id));
            }
            if tokens.is_empty() {
                context.report.line("There is no token: packhouse-cli computer token make");
            }
        }
        TokenCommand::Remove { id } => {
            let session = context.open_existing()?;
            context.run(&session, RemoveToken { id: id.clone() })?;
            context.report.document(&json!({ "removed": id }));
            context.report.line(format!("Removed the token {id}"));
        }
    }
    Ok(Exit::Done)
}

/// Where the computer can be enrolled at once, and what has to happen where it cannot.
fn note_reach(context: &Context, reach: &TokenReach) {
    const LATER: &str = "it is opened there by the delivery manager: packhouse-cli manage";
    if !reach.open_at.is_empty() {
        context.report.note(format!("it can be used at once at {}", reach.open_at.join(", ")));
    }
    for (name, why) in &reach.not_open {
        let place = if name.is_empty() { String::new() } else { format!(" at {name}") };
        context.report.note(format!("it cannot be used{place} yet: {why}; {LATER}"));
    }
    if reach.open_at.is_empty() && reach.not_open.is_empty() {
        context
            .report
            .note("there is no staging library yet: packhouse-cli staging add, then packhouse-cli manage");
    }
}

/// A pin as it is printed by `serve`: the whole SHA-256 of the certificate, or its first half; colons may be in it.
fn fingerprint(text: &str) -> Result<Fingerprint, Failure> {
    let digits: String = text.chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
    let is_length = matches!(digits.len(), 32 | 64) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let pin = is_length.then(|| Fingerprint::parse(&digits[..32])).flatten();
    pin.ok_or_else(|| {
        usage(format!("{text:?} is no pin"), "Give the SHA-256 of the certificate, as serve prints it")
    })
}

fn token_json(token: &EnrolmentTokenRow) -> Value {
    json!({
        "id": token.id, "group": token.group, "test": token.test, "computer": token.computer, "made": token.made,
        "made_by": token.made_by, "expires": token.expires,
        "used": token.used.as_ref().map(|(at, _)| at), "used_by": token.used.as_ref().map(|(_, by)| by),
    })
}

fn group(context: &Context, command: ComputerGroupCommand) -> Result<Exit, Failure> {
    match command {
        ComputerGroupCommand::List => {
            let session = context.open_existing()?;
            let groups = context.run(&session, ListComputerGroups {})?;
            let rows = groups.iter().map(|group| {
                json!({
                    "name": group.name, "comment": group.comment, "staging": group.staging,
                    "only_this": group.staging_only, "computers": group.computers,
                })
            });
            context.report.document(&rows.collect::<Vec<_>>());
            for group in &groups {
                context.report.line(format!("{}  {}", group.name, count(group.computers, "computer")));
            }
            if groups.is_empty() {
                context.report.line("There is no group: packhouse-cli computer group add NAME");
            }
        }
        ComputerGroupCommand::Add { name } => {
            let session = context.open(true)?;
            context.run(&session, AddComputerGroup { name: name.clone() })?;
            told(context, &session, "Added the group", &name);
        }
        ComputerGroupCommand::Edit { name, comment, staging, only_this } => {
            let session = context.open_existing()?;
            let edit = ComputerGroupEdit { comment, staging: given(staging), staging_only: only_this };
            context.run(&session, EditComputerGroup { name: name.clone(), edit })?;
            told(context, &session, "Changed the group", &name);
        }
        ComputerGroupCommand::Remove { name } => {
            let session = context.open_existing()?;
            context.run(&session, RemoveComputerGroup { name: name.clone() })?;
            told(context, &session, "Removed the group", &name);
        }
    }
    Ok(Exit::Done)
}

fn told(context: &Context, _session: &Session, what: &str, name: &str) {
    context.report.document(&json!({ "name": name.trim() }));
    context.report.line(format!("{what} {}", name.trim()));
}

fn computer_json(computer: &ComputerRow) -> Value {
    json!({
        "id": computer.id,
        "name": computer.name,
        "comment": computer.comment,
        "test": computer.test,
        "groups": computer.groups,
        "staging_id": computer.staging,
        "staging_only": computer.staging_only,
        "added": computer.added,
        "agent": computer.agent.as_ref().map(|agent| agent.agent),
        "enrolled": computer.agent.as_ref().map(|agent| agent.since),
        "last_seen": computer.seen,
        "host": computer.facts.host,
        "system": computer.facts.system,
        "system_version": computer.facts.system_version,
        "architecture": computer.facts.architecture,
        "agent_version": computer.facts.agent_version,
        "free_bytes": computer.facts.free_bytes,
        "installed": computer.installed,
        "open_jobs": computer.open_jobs,
    })
}

fn line_of(computer: &ComputerRow) -> String {
    let seen = match (&computer.agent, computer.seen) {
        (None, _) => "no agent".to_owned(),
        (Some(_), None) => "never seen".to_owned(),
        (Some(_), Some(seen)) => format!("seen {}", moment(seen)),
    };
    let mut line = format!("{}  {seen}, {} installed", computer.name, count(computer.installed, "package"));
    if computer.test {
        line.push_str(", test computer");
    }
    if !computer.groups.is_empty() {
        line.push_str(&format!(", in {}", computer.groups.join(", ")));
    }
    if computer.open_jobs > 0 {
        line.push_str(&format!(", {}", count(computer.open_jobs, "open job")));
    }
    line
}
