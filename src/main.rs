//! The console: double-click it.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser as _;
use packhouse::console::app::App;
use packhouse::console::arguments::Arguments;
use packhouse::console::renderer;
use packhouse::console::start::Surroundings;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            // Standard error may be closed; the exit code still says that it failed.
            let _ = writeln!(std::io::stderr(), "packhouse: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let level = if arguments.verbose { LevelFilter::DEBUG } else { LevelFilter::WARN };
    let log = tracing_subscriber::fmt().with_max_level(level).with_ansi(false);
    match &arguments.log {
        Some(path) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| format!("the log file {} cannot be opened: {error}", path.display()))?;
            log.with_writer(Mutex::new(file)).init();
        }
        None => log.with_writer(std::io::stderr).init(),
    }
    let mut around = Surroundings::find(arguments)?;
    if !around.enter()? {
        return Ok(());
    }
    renderer::run(arguments.renderer, |context| App::new(context, around.clone()))?;
    Ok(())
}
