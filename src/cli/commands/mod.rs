//! The commands, one module for what belongs together. Each takes its arguments, asks the session, reports.

mod agent;
mod archive;
mod check;
mod computer;
mod consistency;
mod download;
mod export;
mod history;
mod job;
mod key;
mod library;
mod library_check;
mod listing;
mod manage;
mod procedure;
mod register;
mod remove;
mod repair;
mod seal;
mod serve;
mod shell;
mod show;
mod staging;
mod update;
mod verify;
mod words;

use super::arguments::Command;
use super::context::Context;
use super::exit::Exit;
use crate::failure::Failure;

/// Does one command.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Register(arguments) => register::register(context, arguments),
        Command::AutoRegister(arguments) => register::auto_register(context, &arguments),
        Command::List => listing::list(context),
        Command::Show(arguments) => show::show(context, &arguments),
        Command::Find(arguments) => listing::find(context, arguments),
        Command::History(arguments) => history::history(context, arguments),
        Command::Check(arguments) => check::check(context, &arguments),
        Command::Consistency(arguments) => consistency::consistency(context, arguments),
        Command::Update(arguments) => update::update(context, &arguments),
        Command::Procedure(arguments) => procedure::procedure(context, arguments),
        Command::Seal(arguments) => seal::seal(context, arguments),
        Command::Unseal(arguments) => seal::unseal(context, &arguments),
        Command::NewVersion(arguments) => seal::new_version(context, arguments),
        Command::Remove(arguments) => remove::remove(context, &arguments),
        Command::Archive(arguments) => archive::archive(context, arguments),
        Command::Restore(arguments) => archive::restore(context, arguments),
        Command::Repair(arguments) => repair::repair(context, arguments),
        Command::Verify(arguments) => verify::verify(context, arguments),
        Command::Export(arguments) => export::export(context, arguments),
        Command::Download(arguments) => download::download(context, arguments),
        Command::Serve(arguments) => serve::serve(context, arguments),
        Command::Staging(arguments) => staging::staging(context, arguments),
        Command::Stage(arguments) => staging::stage(context, arguments),
        Command::Unstage(arguments) => staging::unstage(context, arguments),
        Command::Computer(arguments) => computer::computer(context, arguments),
        Command::Job(arguments) => job::job(context, arguments),
        Command::Manage(arguments) => manage::manage(context, &arguments),
        Command::Agent(command) => agent::agent(context, command),
        Command::Rebuild => library::rebuild(context),
        Command::Library(arguments) => library::library(context, arguments),
        Command::Key(arguments) => key::key(context, arguments.command),
        Command::Group(arguments) => library::group(context, arguments.command),
        Command::Completions { shell } => shell::completions(context, shell),
        Command::Man { to } => shell::man(context, to.as_deref()),
    }
}
