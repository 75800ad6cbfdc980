//! `procedure PKG add|edit|list|remove|default`.

use super::words::package_json_with;
use crate::cli::arguments::{ProcedureArguments, ProcedureCommand};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::procedure_arguments::meaning_words;
use crate::failure::{Class, Failure, argument};
use crate::package::procedure::{EXIT_CODE_MOST, Procedure, ProcedureChoice};
use crate::package::record::ListedProcedure;
use crate::package::{PackageRecord, PackageState};
use crate::session::{EditProcedures, ProcedureEdit};

/// `procedure PKG …`
pub(super) fn procedure(context: &Context, arguments: ProcedureArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let record = context.package(&session, &arguments.package)?;
    let (edit, key) = match arguments.command {
        ProcedureCommand::List => {
            context.report.document(&record.procedures);
            for listed in &record.procedures {
                context.report.line(one_line(listed));
            }
            return Ok(Exit::Done);
        }
        ProcedureCommand::Add { name, task, program, fields, key } => {
            let mut procedure = Procedure::new(&name, task.into(), &program);
            let mut choice = ProcedureChoice::default();
            fields.apply(&mut procedure, &mut choice);
            (ProcedureEdit::Add(procedure, choice), key)
        }
        ProcedureCommand::Edit { name, rename, task, program, fields, key } => {
            let ListedProcedure { mut procedure, mut choice } = named(&record, &name)?.clone();
            if let Some(new) = rename {
                procedure.name = new;
            }
            if let Some(task) = task {
                procedure.task = task.into();
            }
            if let Some(program) = program {
                procedure.program = program;
            }
            fields.apply(&mut procedure, &mut choice);
            (ProcedureEdit::Change { name, procedure, choice }, key)
        }
        ProcedureCommand::Remove { name, key } => (ProcedureEdit::Remove { name }, key),
        ProcedureCommand::Default { name } => {
            let choice = ProcedureChoice { default_for_task: true, ..named(&record, &name)?.choice.clone() };
            (ProcedureEdit::Choose { name, choice }, None)
        }
    };
    let note = match &edit {
        ProcedureEdit::Add(procedure, _) | ProcedureEdit::Change { procedure, .. } => windows_only(procedure),
        _ => None,
    };
    let changed = context.run(&session, EditProcedures { package: record.id, edit, key })?;
    context
        .report
        .document(&package_json_with(&changed, serde_json::json!({"procedures": changed.procedures})));
    for listed in &changed.procedures {
        context.report.line(one_line(listed));
    }
    if let Some(note) = note {
        context.report.note(note);
    }
    if changed.state == PackageState::Sealed && changed.revision != record.revision {
        context.report.line(format!("{} was signed again as revision {}", changed.key, changed.revision));
    }
    Ok(Exit::Done)
}

/// What is said of exit codes that a procedure for any system has, and that only one of them can give.
fn windows_only(procedure: &Procedure) -> Option<String> {
    let codes: Vec<String> = procedure.windows_exit_codes().map(|code| code.to_string()).collect();
    (procedure.runs_on.systems.is_empty() && !codes.is_empty()).then(|| {
        format!(
            "only Windows has exit codes outside 0 to {EXIT_CODE_MOST}: on other systems nothing ends with {}",
            codes.join(", ")
        )
    })
}

fn named<'r>(record: &'r PackageRecord, name: &str) -> Result<&'r ListedProcedure, Failure> {
    let folded = name.to_lowercase();
    let found = record.procedures.iter().find(|listed| listed.procedure.name.to_lowercase() == folded);
    found.ok_or_else(|| {
        Failure::new(
            "no-such-procedure",
            Class::Usage,
            format!("there is no procedure {name:?}"),
            format!("packhouse-cli procedure {} list shows them", argument(&record.key.to_string())),
        )
    })
}

/// A procedure on one line.
pub(super) fn one_line(listed: &ListedProcedure) -> String {
    let ListedProcedure { procedure, choice } = listed;
    let mut text = format!("{} ({}): {}", procedure.name, procedure.task, procedure.program);
    for argument in &procedure.arguments {
        text.push_str(&format!(" {argument:?}"));
    }
    if procedure.external {
        text.push_str(", external");
    }
    if choice.default_for_task {
        text.push_str(", default");
    }
    if !choice.offered {
        text.push_str(", not offered");
    }
    text.push_str(&format!(", {}", procedure.runs_on.describe()));
    if let Some(seconds) = procedure.time_limit_secs {
        text.push_str(&format!(", at most {seconds} s"));
    }
    for (code, meaning) in &procedure.exit_codes {
        text.push_str(&format!(", {code}={}", meaning_words(*meaning)));
    }
    text
}
