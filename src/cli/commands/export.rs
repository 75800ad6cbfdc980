//! `export PKG --to DIR`.

use serde_json::json;

use super::words::package_json_with;
use crate::cli::arguments::ExportArguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::failure::Failure;
use crate::session::Export;

/// `export PKG --to DIR`
pub(super) fn export(context: &Context, arguments: ExportArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let record = context.package(&session, &arguments.package)?;
    let shown = arguments.to.display().to_string();
    context.run(&session, Export { package: record.id, to: arguments.to })?;
    context.report.document(&package_json_with(&record, json!({"folder": shown})));
    context.report.line(format!("Exported {} to {shown}", record.key));
    Ok(Exit::Done)
}
