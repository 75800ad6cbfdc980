//! `verify FOLDER|ARCHIVE`: whether what somebody hands over is what it says. The answer no is exit code 1.

use serde_json::{Value, json};

use super::words::amount;
use crate::cli::arguments::VerifyArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::failure::Failure;
use crate::session::{VerifiedThing, Verify, VerifyReport};

/// `verify FOLDER|ARCHIVE [--trust KEY]`
pub(super) fn verify(context: &Context, arguments: VerifyArguments) -> Result<Exit, Failure> {
    let VerifyArguments { path, trust } = arguments;
    let shown = path.display().to_string();
    let judged = context.run_with_keys(Verify { path, trust })?;
    context.report.document(&document(&judged));
    if context.report.wants_text() {
        tell(context, &shown, &judged);
    }
    Ok(if judged.valid { Exit::Done } else { Exit::No })
}

fn document(judged: &VerifyReport) -> Value {
    json!({
        "valid": judged.valid,
        "thing": judged.thing,
        "name": judged.package.as_ref().map(crate::package::PackageKey::name),
        "version": judged.package.as_ref().map(crate::package::PackageKey::version),
        "seal": judged.seal,
        "key_id": judged.key_id,
        "key_name": judged.key_name,
        "bagit_version": judged.bagit_version,
        "files": judged.files,
        "size_bytes": judged.size_bytes,
        "errors": judged.errors,
        "warnings": judged.warnings,
    })
}

fn tell(context: &Context, shown: &str, judged: &VerifyReport) {
    let thing = match judged.thing {
        VerifiedThing::Package => "package",
        VerifiedThing::Bag => "bag",
        VerifiedThing::Archive => "archive",
    };
    let package = judged.package.as_ref().map(|key| format!(" of {key}")).unwrap_or_default();
    let verdict = if judged.valid { "valid" } else { "not a valid" };
    let amount = amount(judged.files, judged.size_bytes);
    context.report.line(format!("{shown}: {verdict} {thing}{package}, {amount}"));
    if let (Some(name), Some(id)) = (&judged.key_name, &judged.key_id) {
        context.report.line(format!("  sealed by {name} (key {id})"));
    }
    for error in &judged.errors {
        context.report.line(format!("  error: {error}"));
    }
    for warning in &judged.warnings {
        context.report.line(format!("  warning: {warning}"));
    }
}
