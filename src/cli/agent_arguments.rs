//! What `agent` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Subcommands of `agent`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Make an agent on this computer and enrol it at a site, with a token typed once
    Enroll(EnrollArguments),
    /// Do what the site asks for, until interrupted; a procedure that runs then is waited for
    Run(RunArguments),
    /// Show how the agent stands; nothing is asked of the site
    Status(AgentFolder),
}

/// Where an agent lies.
#[derive(Clone, Debug, Args)]
pub(crate) struct AgentFolder {
    /// The agent's own folder [default: /var/lib/packhouse-agent for root, else in the user's data]
    #[arg(long, value_name = "DIR", env = "PACKHOUSE_AGENT")]
    pub(crate) folder: Option<PathBuf>,
}

/// Arguments of `agent enroll`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A name and a password for the server stand in the address: https://name:password@host/staging. They are kept in the
agent's folder, for its account alone.")]
pub(crate) struct EnrollArguments {
    /// Address of the staging library: a folder, http://…, https://… or s3://bucket/prefix
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) site: String,
    /// The token, as it was shown when it was made
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: String,
    #[command(flatten)]
    pub(crate) place: AgentFolder,
}

/// Arguments of `agent run`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArguments {
    /// Ask the site once, do what is due now, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Most bytes a second that downloads take: 500k, 10M
    #[arg(long, value_name = "BYTES_PER_S")]
    pub(crate) limit: Option<String>,
    #[command(flatten)]
    pub(crate) place: AgentFolder,
}
