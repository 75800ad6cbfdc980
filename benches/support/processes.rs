//! `packhouse-cli` and others, timed as whole processes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::Outcome;

/// `packhouse-cli`, to be run on `library` with `words`.
pub(crate) fn program(library: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"));
    command.env("PACKHOUSE_KEYS", library.with_extension("keys")).arg("--library").arg(library).args(words);
    command
}

/// Seconds from starting all `commands` at once to the end of the last.
pub(crate) fn time(commands: &mut [Command]) -> Outcome<f64> {
    let started = Instant::now();
    let children: Vec<_> =
        commands.iter_mut().map(|c| c.stdout(Stdio::null()).spawn()).collect::<Result<_, _>>()?;
    for mut child in children {
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("a timed process failed: {status}").into());
        }
    }
    Ok(started.elapsed().as_secs_f64())
}
