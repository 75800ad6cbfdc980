//! `completions` and `man`: what a shell and its manual want to know of the command line.

use std::path::Path;

use clap::CommandFactory as _;

use crate::cli::arguments::Arguments;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::failure::{Class, Failure};

/// `completions SHELL`
pub(super) fn completions(context: &Context, shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "packhouse-cli", &mut script);
    context.report.write(|out| out.write_all(&script));
    Ok(Exit::Done)
}

/// `man [--to DIR]`
pub(super) fn man(context: &Context, to: Option<&Path>) -> Result<Exit, Failure> {
    let command = Arguments::command();
    let failed = |error: std::io::Error| {
        Failure::new("io", Class::Environment, "the manual page cannot be written", "Check the folder")
            .because(error.to_string())
    };
    match to {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(failed)?;
            clap_mangen::generate_to(command, folder).map_err(failed)?;
            context.report.line(format!("Wrote the manual pages to {}", folder.display()));
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page).map_err(failed)?;
            context.report.write(|out| out.write_all(&page));
        }
    }
    Ok(Exit::Done)
}
