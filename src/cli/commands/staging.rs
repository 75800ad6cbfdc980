//! `staging`, `stage` and `unstage`: staging libraries, and bringing packages there and away.

use serde_json::{Value, json};

use super::check::report_json;
use super::library_check::bytes_per_second;
use super::words::{amount, moment, usage};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::{count, size};
use crate::cli::staging_arguments::{
    StageArguments, StagingAddArguments, StagingArguments, StagingCommand, StagingEditArguments,
    UnstageArguments,
};
use crate::failure::{Class, Failure};
use crate::package::staging::{Line, StagedFinding, StagingLibrary, Window};
use crate::package::{PackageId, PackageKey};
use crate::place;
use crate::session::{
    AddStagingLibrary, CopyRow, Credentials, EditStagingLibrary, FindStaging, ListStagedCopies, ListStaging,
    NewStagingLibrary, PutProof, ReachStaging, Reconcile, Reconciled, RemoveStagingLibrary, SealThere,
    Session, Stage, StageReport, StagedCheck, StagingEdit, StagingRow, Unstage, VerifyStaged,
};

/// What stands for nothing where something could be given.
const NOTHING: &str = "-";

/// `staging add|edit|list|remove|verify|reconcile`
pub(super) fn staging(context: &Context, arguments: StagingArguments) -> Result<Exit, Failure> {
    match arguments.command {
        StagingCommand::Add(arguments) => add(context, arguments),
        StagingCommand::Edit(arguments) => edit(context, arguments),
        StagingCommand::List { staging: None } => list(context),
        StagingCommand::List { staging: Some(staging) } => list_one(context, &staging),
        StagingCommand::Remove { staging, forget } => remove(context, &staging, forget),
        StagingCommand::Verify { staging, package, deep } => {
            verify(context, &staging, package.as_deref(), deep)
        }
        StagingCommand::Reconcile { staging, stage, now } => reconcile(context, &staging, stage, now),
    }
}

fn find(context: &Context, session: &Session, text: &str) -> Result<StagingLibrary, Failure> {
    context.run(session, FindStaging { text: text.to_owned() })
}

fn credentials(user: &str) -> Credentials {
    let (password, _) = place::sign_in();
    Credentials::Basic { user: user.to_owned(), password: password.unwrap_or_default() }
}

fn window(text: &str) -> Result<Window, Failure> {
    Window::parse(text).map_err(|why| usage(why.to_string(), "Give it as 20:00-06:00"))
}

fn add(context: &Context, arguments: StagingAddArguments) -> Result<Exit, Failure> {
    let line = Line {
        bytes_per_second: arguments.limit.as_deref().map(bytes_per_second).transpose()?,
        window: arguments.window.as_deref().map(window).transpose()?,
    };
    let (_, token) = place::sign_in();
    let token = token.map(|token| Credentials::Bearer { token });
    let new = NewStagingLibrary {
        name: arguments.name,
        write: arguments.address,
        read: arguments.read,
        report: arguments.report,
        line,
        for_tests: arguments.for_tests,
        credentials: arguments.user.as_deref().map(credentials).or(token),
    };
    let session = context.open_online(false)?;
    let staging = context.run(&session, AddStagingLibrary { new })?;
    context.report.document(&staging_json(&staging));
    context.report.line(format!("Added {} at {}", staging.name, staging.write));
    // A server is asked when something is sent to it; a folder answers at once.
    if !staging.write.contains("://")
        && let Err(failure) = context.run(&session, ReachStaging { staging: staging.id })
    {
        context.report.note(format!("{}. {}", failure.message, failure.action));
    }
    Ok(Exit::Done)
}

fn edit(context: &Context, arguments: StagingEditArguments) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let staging = find(context, &session, &arguments.staging)?;
    let given = |text: Option<String>| text.map(|text| (text != NOTHING).then_some(text));
    let mut line = staging.line;
    if let Some(limit) = given(arguments.limit) {
        line.bytes_per_second = limit.as_deref().map(bytes_per_second).transpose()?;
    }
    if let Some(given) = given(arguments.window) {
        line.window = given.as_deref().map(window).transpose()?;
    }
    let edit = StagingEdit {
        name: arguments.name,
        write: arguments.address,
        read: given(arguments.read),
        report: given(arguments.report),
        line: Some(line),
        for_tests: arguments.for_tests,
        credentials: given(arguments.user).map(|user| user.as_deref().map(credentials)),
    };
    let staging = context.run(&session, EditStagingLibrary { id: staging.id, edit })?;
    context.report.document(&staging_json(&staging));
    context.report.line(format!("{}: {}", staging.name, staging.write));
    Ok(Exit::Done)
}

fn staging_json(staging: &StagingLibrary) -> Value {
    json!({
        "id": staging.id,
        "name": staging.name,
        "write": staging.write,
        "read": staging.read_address(),
        "report": staging.report_address(),
        "limit_bytes_per_s": staging.line.bytes_per_second,
        "window": staging.line.window,
        "for_tests": staging.for_tests,
        "added": staging.added,
        "reconciled": staging.reconciled,
    })
}

pub(super) fn copy_json(row: &CopyRow) -> Value {
    json!({
        "staging": row.name,
        "package_id": row.copy.package,
        "name": row.copy.key.name(),
        "version": row.copy.key.version(),
        "revision": row.copy.revision,
        "newest_revision": row.newest,
        "outdated": row.is_outdated(),
        "finding": row.copy.finding,
        "files": row.copy.files,
        "size_bytes": row.copy.size_bytes,
        "staged_at": row.copy.staged_at,
        "staged_by": row.copy.staged_by,
        "verified_at": row.copy.listed_at,
        "contents_verified_at": row.copy.read_at,
    })
}

fn row_json(row: &StagingRow) -> Value {
    let mut document = staging_json(&row.staging);
    if let Value::Object(fields) = &mut document {
        for (name, value) in [
            ("packages", json!(row.copies)),
            ("size_bytes", json!(row.size_bytes)),
            ("outdated", json!(row.outdated)),
            ("not_whole", json!(row.not_whole)),
            ("signs_in", json!(row.has_credentials)),
        ] {
            fields.insert(name.to_owned(), value);
        }
    }
    document
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let rows = context.run(&session, ListStaging {})?;
    context.report.document(&rows.iter().map(row_json).collect::<Vec<_>>());
    for row in &rows {
        let mut line = format!(
            "{}  {}  {}, {}",
            row.staging.name,
            row.staging.write,
            count(row.copies, "package"),
            size(row.size_bytes)
        );
        for (number, what) in [(row.outdated, "outdated"), (row.not_whole, "not whole")] {
            if number > 0 {
                line.push_str(&format!(", {number} {what}"));
            }
        }
        if let Some(window) = row.staging.line.window {
            line.push_str(&format!(", open {window}"));
        }
        if let Some(rate) = row.staging.line.bytes_per_second {
            line.push_str(&format!(", at most {}/s", size(rate)));
        }
        if let Some(found) = row.staging.reconciled {
            line.push_str(&format!(", reconciled {}", moment(found.at)));
        }
        context.report.line(line);
    }
    if rows.is_empty() {
        context.report.line("There is no staging library: packhouse-cli staging add NAME ADDRESS");
    }
    Ok(Exit::Done)
}

fn copy_line(row: &CopyRow) -> String {
    let mut line = format!("{}  revision {}", row.copy.key, row.copy.revision);
    match row.newest {
        Some(newest) if row.is_outdated() => line.push_str(&format!(" (outdated: {newest} here)")),
        Some(_) => {}
        None => line.push_str(" (no longer in the library)"),
    }
    line.push_str(&format!("  {}", amount(row.copy.files, row.copy.size_bytes)));
    line.push_str(&format!("  {}", row.copy.finding.word().to_lowercase()));
    if let Some(at) = row.copy.listed_at {
        line.push_str(&format!(", verified {}", moment(at)));
    }
    line
}

fn list_one(context: &Context, staging: &str) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let staging = find(context, &session, staging)?;
    let copies = context.run(&session, ListStagedCopies { package: None })?;
    let copies: Vec<CopyRow> = copies.into_iter().filter(|row| row.copy.staging == staging.id).collect();
    let mut document = staging_json(&staging);
    if let Value::Object(fields) = &mut document {
        fields.insert("copies".to_owned(), copies.iter().map(copy_json).collect());
    }
    context.report.document(&document);
    for row in &copies {
        context.report.line(copy_line(row));
    }
    context.report.line(count(copies.len() as u64, "package"));
    Ok(Exit::Done)
}

fn remove(context: &Context, staging: &str, forget: bool) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let staging = find(context, &session, staging)?;
    let removed = context.run(&session, RemoveStagingLibrary { id: staging.id, forget_copies: forget })?;
    context.report.document(&json!({"removed": true, "name": removed.name}));
    context.report.line(format!("{} is no longer listed; what lies there stays there", removed.name));
    Ok(Exit::Done)
}

/// The package that is staged under this name; the library need not have it any more.
fn staged_package(copies: &[CopyRow], text: &str) -> Result<PackageId, Failure> {
    let matches = |key: &PackageKey| {
        let text = text.to_lowercase();
        key.folded() == text || key.name().to_lowercase() == text
    };
    let mut found: Vec<&CopyRow> = copies.iter().filter(|row| matches(&row.copy.key)).collect();
    found.dedup_by_key(|row| row.copy.package);
    let ids: std::collections::BTreeSet<PackageId> = found.iter().map(|row| row.copy.package).collect();
    let mut ids = ids.into_iter();
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(Failure::new(
            "not-staged",
            Class::Refused,
            format!("{text} is not staged anywhere"),
            "packhouse-cli staging list shows what is staged",
        )),
        (Some(_), Some(_)) => {
            let keys = found.iter().map(|row| row.copy.key.to_string()).collect();
            let message = format!("several versions of {text:?} are staged");
            Err(Failure::new("ambiguous", Class::Usage, message, "Name one: Name@Version").with_details(keys))
        }
    }
}

fn verify(context: &Context, staging: &str, package: Option<&str>, deep: bool) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let staging = find(context, &session, staging)?;
    let package = match package {
        Some(text) => {
            let copies = context.run(&session, ListStagedCopies { package: None })?;
            let here: Vec<CopyRow> =
                copies.into_iter().filter(|row| row.copy.staging == staging.id).collect();
            Some(staged_package(&here, text)?)
        }
        None => None,
    };
    let checks = context.run(&session, VerifyStaged { package, staging: staging.id, deep })?;
    context.report.document(&checks.iter().map(check_json).collect::<Vec<_>>());
    for check in &checks {
        context.report.line(format!("{}: {}", check.copy.key, verdict(check)));
        for line in check.report.differences.lines() {
            context.report.line(format!("  {line}"));
        }
    }
    if checks.is_empty() {
        context.report.line(format!("Nothing is known to lie at {}", staging.name));
    }
    Ok(if checks.iter().all(StagedCheck::is_good) { Exit::Done } else { Exit::No })
}

fn check_json(check: &StagedCheck) -> Value {
    let mut document = report_json(&check.report);
    if let Value::Object(fields) = &mut document {
        fields.insert("name".to_owned(), json!(check.copy.key.name()));
        fields.insert("version".to_owned(), json!(check.copy.key.version()));
        fields.insert("revision".to_owned(), json!(check.copy.revision));
        fields.insert("staging".to_owned(), json!(check.name));
        fields.insert("good".to_owned(), json!(check.is_good()));
        if let Ok(Value::Object(seal)) = serde_json::to_value(&check.seal) {
            let reason = seal.get("why").cloned().unwrap_or(Value::Null);
            fields.insert("seal".to_owned(), seal.get("seal").cloned().unwrap_or(Value::Null));
            fields.insert("seal_reason".to_owned(), reason);
        }
    }
    document
}

fn verdict(check: &StagedCheck) -> String {
    let seal = match &check.seal {
        SealThere::Newest => format!("revision {}", check.copy.revision),
        SealThere::Outdated { revision } => format!("outdated, revision {revision}"),
        SealThere::Later { revision } => format!("revision {revision}, which is later than the library's"),
        SealThere::Missing => "incomplete, without its seal".to_owned(),
        SealThere::Untrusted { why } => format!("not to be trusted: {why}"),
        SealThere::Nothing => return "not there".to_owned(),
    };
    if check.report.is_consistent() {
        let found = check.report.found.unwrap_or(check.report.recorded);
        format!("whole, {seal}, {}", amount(found.files, found.size_bytes))
    } else {
        format!("{seal}; {}", check.report.differences.summary())
    }
}

fn reconcile(context: &Context, staging: &str, stage: bool, now: bool) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let staging = find(context, &session, staging)?;
    let found = context.run(&session, Reconcile { staging: staging.id })?;
    tell(context, &found);
    let mut staged = Vec::new();
    if stage {
        for row in found.missing.iter().chain(&found.outdated).chain(&found.incomplete) {
            // What the library no longer has cannot be staged.
            if row.newest.is_some() {
                let request = Stage { package: row.copy.package, staging: staging.id, now };
                staged.push(context.run(&session, request)?);
            }
        }
        for report in &staged {
            tell_staged(context, report);
        }
    }
    context.report.document(&reconciled_json(&found, &staged));
    let open = found.missing.len() + found.outdated.len() + found.incomplete.len();
    let is_settled = open == staged.len() && found.unknown.is_empty();
    Ok(if is_settled { Exit::Done } else { Exit::No })
}

fn reconciled_json(found: &Reconciled, staged: &[StageReport]) -> Value {
    let rows = |rows: &[CopyRow]| rows.iter().map(copy_json).collect::<Vec<_>>();
    let unknown: Vec<Value> = found
        .unknown
        .iter()
        .map(|one| {
            json!({
                "folder": one.folder, "id": one.id, "revision": one.revision,
                "name": one.key.as_ref().map(PackageKey::name),
                "version": one.key.as_ref().map(PackageKey::version),
            })
        })
        .collect();
    json!({
        "staging": found.staging.name,
        "at": found.found.at,
        "unknown": unknown,
        "missing": rows(&found.missing),
        "outdated": rows(&found.outdated),
        "incomplete": rows(&found.incomplete),
        "as_they_should_be": rows(&found.good),
        "learned": found.learned.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "staged": staged.iter().map(stage_json).collect::<Vec<_>>(),
    })
}

fn tell(context: &Context, found: &Reconciled) {
    let report = &context.report;
    let groups = [
        ("missing there", &found.missing),
        ("outdated there", &found.outdated),
        ("incomplete there", &found.incomplete),
    ];
    report.line(format!(
        "{}: {} whole, {} missing, {} outdated, {} incomplete, {} unknown",
        found.staging.name,
        found.good.len(),
        found.missing.len(),
        found.outdated.len(),
        found.incomplete.len(),
        found.unknown.len()
    ));
    for (what, rows) in groups {
        for row in rows {
            report.line(format!("  {what}: {}", copy_line(row)));
        }
    }
    for one in &found.unknown {
        let what = one.key.as_ref().map_or_else(|| "no package of ours".to_owned(), ToString::to_string);
        report.line(format!("  unknown there: {} ({what})", one.folder));
    }
    for key in &found.learned {
        report.line(format!("  known again: {key}"));
    }
}

fn stage_json(report: &StageReport) -> Value {
    json!({
        "name": report.copy.key.name(),
        "version": report.copy.key.version(),
        "package_id": report.copy.package,
        "revision": report.copy.revision,
        "staging": report.name,
        "finding": report.copy.finding,
        "files": report.copy.files,
        "size_bytes": report.copy.size_bytes,
        "sent_files": report.sent_files,
        "sent_bytes": report.sent_bytes,
        "kept_bytes": report.kept_bytes,
        "removed_objects": report.removed,
        "strangers": report.strangers,
        "proven_by": report.proof,
    })
}

fn tell_staged(context: &Context, report: &StageReport) {
    let proof = match report.proof {
        PutProof::ReadBack => "read back",
        PutProof::Checksum => "proven by checksums and a listing",
        PutProof::Listing => "proven by names and sizes",
    };
    context.report.line(format!(
        "Staged {} revision {} at {}: {} sent, {} there already, {proof}",
        report.copy.key,
        report.copy.revision,
        report.name,
        amount(report.sent_files, report.sent_bytes),
        size(report.kept_bytes)
    ));
    for path in &report.strangers {
        context.report.note(format!("{path} there belongs to no package and was left"));
    }
}

/// `stage PKG… --to STAGING…`
pub(super) fn stage(context: &Context, arguments: StageArguments) -> Result<Exit, Failure> {
    let limit = arguments.limit.as_deref().map(bytes_per_second).transpose()?;
    let session = context.open_online(false)?;
    let mut targets = Vec::new();
    for text in &arguments.to {
        targets.push(find(context, &session, text)?);
    }
    let mut packages = Vec::new();
    for text in &arguments.packages {
        packages.push(context.package(&session, text)?.id);
    }
    context.limit(limit);
    let mut reports = Vec::new();
    for package in packages {
        for target in &targets {
            let request = Stage { package, staging: target.id, now: arguments.now };
            let report = context.run(&session, request)?;
            tell_staged(context, &report);
            reports.push(report);
        }
    }
    document_of(context, reports.iter().map(stage_json).collect());
    let is_whole = |report: &StageReport| report.copy.finding == StagedFinding::Whole;
    Ok(if reports.iter().all(is_whole) { Exit::Done } else { Exit::No })
}

/// One object where one thing was asked for, else an array.
fn document_of(context: &Context, mut documents: Vec<Value>) {
    match documents.len() {
        1 => context.report.document(&documents.remove(0)),
        _ => context.report.document(&documents),
    }
}

/// `unstage PKG… --from STAGING|--all`
pub(super) fn unstage(context: &Context, arguments: UnstageArguments) -> Result<Exit, Failure> {
    let session = context.open_online(false)?;
    let mut from = Vec::new();
    for text in &arguments.from {
        from.push(find(context, &session, text)?);
    }
    let copies = context.run(&session, ListStagedCopies { package: None })?;
    let mut reports = Vec::new();
    for text in &arguments.packages {
        let package = staged_package(&copies, text)?;
        let places = if arguments.all {
            let rows = copies.iter().filter(|row| row.copy.package == package);
            rows.map(|row| row.copy.staging).collect::<Vec<_>>()
        } else {
            from.iter().map(|staging| staging.id).collect()
        };
        for staging in places {
            let report = context.run(&session, Unstage { package, staging })?;
            let there = if report.was_there { "" } else { " (nothing lay there)" };
            context.report.line(format!("Unstaged {} from {}{there}", report.copy.key, report.name));
            reports.push(json!({
                "unstaged": true, "name": report.copy.key.name(), "version": report.copy.key.version(),
                "revision": report.copy.revision, "staging": report.name, "was_there": report.was_there,
            }));
        }
    }
    document_of(context, reports);
    Ok(Exit::Done)
}
