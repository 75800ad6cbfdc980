//! `seal`, `unseal` and `new-version`.

use serde_json::json;

use super::words::{package_json, package_json_with, usage};
use crate::cli::arguments::{NewVersionArguments, PackageArgument, SealArguments};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::failure::Failure;
use crate::package::BlockSize;
use crate::session::{NewVersion, Seal, SealReport, Unseal};

/// `seal PKG [--block-size N]`
pub(super) fn seal(context: &Context, arguments: SealArguments) -> Result<Exit, Failure> {
    let block_size = arguments.block_size.as_deref().map(block_size).transpose()?;
    let session = context.open_existing()?;
    let package = context.package(&session, &arguments.package)?.id;
    let sealed = context.run(&session, Seal { package, key: arguments.key, block_size })?;
    let record = &sealed.record;
    context.report.document(&package_json_with(
        record,
        json!({
            "key_id": sealed.key.key_id, "key_name": sealed.key.name, "key_is_new": sealed.key_is_new,
            "notes": sealed.notes,
        }),
    ));
    context.report.line(format!(
        "Sealed {} with {} (key {}), revision {}",
        record.key, sealed.key.name, sealed.key.key_id, record.revision
    ));
    for note in &sealed.notes {
        context.report.line(format!("  {note}"));
    }
    tell_new_key(context, &sealed);
    Ok(Exit::Done)
}

/// The first seal makes a key: without a backup, a dead disk ends all sealing with it.
pub(super) fn tell_new_key(context: &Context, sealed: &SealReport) {
    if sealed.key_is_new {
        context.report.note(format!(
            "the key {:?} was made for this seal and exists only here. Save a backup now: \
             packhouse-cli key export {:?} FILE",
            sealed.key.name, sealed.key.name
        ));
    }
}

/// Bytes, or with K or M: `262144`, `256K`, `2M`.
fn block_size(text: &str) -> Result<BlockSize, Failure> {
    const ACTION: &str = "Give a power of two from 256K to 64M";
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches("ib").trim_end_matches(['k', 'm']);
    let factor: u64 = match &lower[digits.len()..] {
        "" => 1,
        "k" | "kib" => 1024,
        "m" | "mib" => 1024 * 1024,
        _ => return Err(usage(format!("{text:?} is no size"), ACTION)),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    let bytes = bytes.ok_or_else(|| usage(format!("{text:?} is no size"), ACTION))?;
    BlockSize::new(bytes).map_err(|why| usage(why.to_string(), ACTION))
}

/// `unseal PKG`
pub(super) fn unseal(context: &Context, arguments: &PackageArgument) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let package = context.package(&session, &arguments.package)?.id;
    let record = context.run(&session, Unseal { package })?;
    context.report.document(&package_json(&record));
    context.report.line(format!(
        "{} is Open; sealing it again makes revision {}",
        record.key,
        record.revision + 1
    ));
    Ok(Exit::Done)
}

/// `new-version PKG VERSION`
pub(super) fn new_version(context: &Context, arguments: NewVersionArguments) -> Result<Exit, Failure> {
    let session = context.open_existing()?;
    let package = context.package(&session, &arguments.package)?;
    let request = NewVersion { package: package.id, version: arguments.new_version };
    let record = context.run(&session, request)?;
    context.report.document(&package_json_with(&record, json!({"based_on": package.key.to_string()})));
    context.report.line(format!("{} is Open, based on {}", record.key, package.key));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_sizes_have_units() {
        for (text, bytes) in [("262144", 262_144), ("256K", 262_144), ("2M", 2 << 20), ("64MiB", 64 << 20)] {
            assert_eq!(block_size(text).map(BlockSize::bytes), Ok(bytes), "{text}");
        }
        for wrong in ["", "M", "3M", "128K", "128M", "2G", "-2M", "99999999999999999999M", "2KM"] {
            assert!(block_size(wrong).is_err(), "{wrong}");
        }
    }
}
