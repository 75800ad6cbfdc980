//! The command line: what it understands, what it prints, and the exit code it ends with.
//!
//! Knows the session and what a package is. Owns everything the engine must not touch: the environment, the home
//! folder, the terminal, the signals.

mod agent_arguments;
mod arguments;
mod commands;
mod computer_arguments;
mod context;
mod download_arguments;
mod exit;
mod job_arguments;
mod key_arguments;
mod procedure_arguments;
mod progress;
mod register_arguments;
mod repair_arguments;
mod report;
mod serve_arguments;
mod staging_arguments;
mod terminal;

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use clap::Parser as _;
use tracing_subscriber::filter::LevelFilter;

use crate::failure::{Class, Failure};
use arguments::{Arguments, GlobalArguments};
use context::Context;
pub use exit::Exit;

/// Does what the command line says and gives the exit code.
pub fn run(line: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are errors to clap; whether they can be printed changes nothing.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let Arguments { global, command } = arguments;
    let logging = start_log(&global);
    let context = Context::new(global);
    let ended = logging.and_then(|()| commands::run(&context, command));
    let printed = context.report.finish();
    match ended.and_then(|exit| printed.map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => {
            context.report.failure(&failure);
            failure.class.into()
        }
    }
}

/// Log lines go to the file that was named, else with `--verbose` to standard error, else nowhere.
fn start_log(global: &GlobalArguments) -> Result<(), Failure> {
    let level = if global.verbose { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let log = tracing_subscriber::fmt().with_max_level(level).with_ansi(false);
    match &global.log {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.map_err(|error| unusable_log(path, &error))?;
            log.with_writer(Mutex::new(file)).init();
        }
        None if global.verbose => log.with_writer(std::io::stderr).init(),
        None => {}
    }
    Ok(())
}

fn unusable_log(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("the log file {} cannot be written", path.display());
    Failure::new("log", Class::Environment, message, "Name another file").because(error.to_string())
}
