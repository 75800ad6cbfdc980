//! Everything without a screen: scripts, servers, agents.

use std::process::ExitCode;

fn main() -> ExitCode {
    packhouse::cli::run(std::env::args_os()).into()
}
