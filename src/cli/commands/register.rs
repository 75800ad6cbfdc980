//! `register` and `auto-register`.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::seal::tell_new_key;
use super::words::{amount, package_json_with};
use crate::cli::arguments::{AutoRegisterArguments, RegisterArguments};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::count;
use crate::failure::{Class, Failure};
use crate::session::{
    AutoRegister, AutoRegisterOutcome, ParentWatch, Register, RegisterReport, RegisterRequest, Seal, Session,
};

/// How often a watched folder is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// `register FOLDER|FILES…`
pub(super) fn register(context: &Context, arguments: RegisterArguments) -> Result<Exit, Failure> {
    let session = context.open(true)?;
    let RegisterArguments { sources, name, package_version, seal, key, .. } = arguments;
    let proposed = (name.is_none(), package_version.is_none());
    let based_on = match &arguments.based_on {
        Some(text) => Some(context.package(&session, text)?.id),
        None => None,
    };
    let request = RegisterRequest {
        based_on,
        name,
        version: package_version,
        supplier: arguments.supplier,
        comment: arguments.comment,
        group: arguments.group,
        links: arguments.links.into(),
        leave_out: arguments.leave_out,
        rename: arguments.rename,
        checksum_control: !arguments.no_consistency_check,
        reason: arguments.reason,
        ..RegisterRequest::new(sources)
    };
    let mut registered = context.run(&session, Register { request })?;
    // A package folder with a whole, trusted seal is sealed already.
    if seal && registered.record.state == crate::package::PackageState::Open {
        let request = Seal { package: registered.record.id, key, block_size: None };
        let sealed = context.run(&session, request).map_err(|failure| Failure {
            message: format!("{} was registered, but not sealed: {}", registered.record.key, failure.message),
            ..failure
        })?;
        tell_new_key(context, &sealed);
        registered.record = sealed.record;
        registered.notes.extend(sealed.notes);
    }
    tell(context, &registered, proposed);
    Ok(Exit::Done)
}

fn tell(context: &Context, registered: &RegisterReport, proposed: (bool, bool)) {
    let RegisterReport { record, warnings, empty_folders, skipped_links, notes } = registered;
    let report = &context.report;
    report.document(&registered_json(registered));
    report.line(format!(
        "Registered {} ({}), {}",
        record.key,
        amount(record.checksum.files, record.checksum.size_bytes),
        record.state.word()
    ));
    let proposal = match proposed {
        (true, true) => Some("name and version"),
        (true, false) => Some("name"),
        (false, true) => Some("version"),
        (false, false) => None,
    };
    if let Some(proposal) = proposal {
        report.line(format!("  {proposal} taken from the source"));
    }
    if *empty_folders > 0 {
        report.line(format!("  {} left out: a package is its files", count(*empty_folders, "empty folder")));
    }
    if *skipped_links > 0 {
        report.line(format!("  {} left out, as asked", count(*skipped_links, "symbolic link")));
    }
    for note in notes {
        report.line(format!("  {note}"));
    }
    for (path, why) in warnings {
        report.line(format!("  warning: {path}: {why}"));
    }
}

fn registered_json(registered: &RegisterReport) -> serde_json::Value {
    let warnings: Vec<_> =
        registered.warnings.iter().map(|(path, why)| json!({"path": path, "reason": why})).collect();
    package_json_with(
        &registered.record,
        json!({
            "warnings": warnings,
            "empty_folders": registered.empty_folders,
            "skipped_links": registered.skipped_links,
            "notes": registered.notes,
        }),
    )
}

/// `auto-register FOLDER [--watch]`
pub(super) fn auto_register(context: &Context, arguments: &AutoRegisterArguments) -> Result<Exit, Failure> {
    let session = context.open(true)?;
    if arguments.watch {
        return watch(context, &session, &arguments.folder);
    }
    let request = AutoRegister { folder: arguments.folder.clone() };
    match context.run(&session, request)? {
        AutoRegisterOutcome::Registered(registered) => tell(context, &registered, (true, true)),
        AutoRegisterOutcome::Known(key) => {
            context.report.document(&json!({"known": true, "name": key.name(), "version": key.version()}));
            context.report.line(format!("{key} is already in the library; nothing was changed"));
        }
    }
    Ok(Exit::Done)
}

/// Registers every folder below `parent` once it is complete, until interrupted.
fn watch(context: &Context, session: &Session, parent: &Path) -> Result<Exit, Failure> {
    let report = &context.report;
    let mut watch = ParentWatch::new(parent);
    let mut told_of = false;
    loop {
        let complete = context.watched(&mut watch)?;
        if !told_of {
            report.stream(&json!({"event": "watching", "folder": parent.display().to_string()}));
            report.line(format!("Watching {}", parent.display()));
            report.flush();
            told_of = true;
        }
        for folder in complete {
            let shown = folder.display().to_string();
            match context.run(session, AutoRegister { folder }) {
                Ok(AutoRegisterOutcome::Registered(registered)) => {
                    let mut event = json!({"event": "registered", "folder": shown});
                    if let (Some(event), serde_json::Value::Object(more)) =
                        (event.as_object_mut(), registered_json(&registered))
                    {
                        event.extend(more);
                    }
                    report.stream(&event);
                    if !report.is_json() {
                        tell(context, &registered, (false, false));
                    }
                }
                Ok(AutoRegisterOutcome::Known(key)) => {
                    report.stream(&json!({
                        "event": "known", "folder": shown, "name": key.name(), "version": key.version(),
                    }));
                    report.line(format!("{key} is already in the library; nothing was changed"));
                }
                Err(failure) if failure.class == Class::Cancelled => return Err(failure),
                // One bad folder does not stop the others.
                Err(failure) => {
                    report.stream(&json!({"event": "failed", "folder": shown, "error": failure}));
                    report.failure(&failure);
                }
            }
            report.flush();
        }
        let next = Instant::now() + BETWEEN_LOOKS;
        while Instant::now() < next {
            context.require_uncancelled()?;
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}
