//! What `computer` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `computer`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ComputerArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ComputerCommand,
}

/// What can be done with computers.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ComputerCommand {
    /// Add a computer; it gets jobs once an agent is enrolled for it
    Add(ComputerAddArguments),
    /// List computers
    List(ComputerListArguments),
    /// Show a computer, its software and its jobs
    Show {
        /// Name or id
        #[arg(value_name = "COMPUTER")]
        computer: String,
    },
    /// Change a computer
    Edit(ComputerEditArguments),
    /// Take computers off the list; nothing on them is touched
    Remove {
        /// Names or ids
        #[arg(value_name = "COMPUTER", required = true)]
        computers: Vec<String>,
        /// Also where jobs have not ended: these are withdrawn
        #[arg(long)]
        withdraw: bool,
    },
    /// Add and change computers from a table: name,group,test,staging,comment
    #[command(after_help = "\
The first line names the columns; only name must be there. Fields are separated by comma, semicolon or tab, several
groups by |. Where a line cannot be taken, nothing is changed.")]
    Import {
        /// The table
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Pass over lines that cannot be taken
        #[arg(long)]
        skip_errors: bool,
    },
    /// Mark computers as test computers: what is there can still be unsealed
    Test {
        /// Names or ids
        #[arg(value_name = "COMPUTER", required = true)]
        computers: Vec<String>,
        /// Take the mark off
        #[arg(long)]
        off: bool,
    },
    /// Show or change which packages agents keep although no job names them
    #[command(after_help = "\
Agents remove a package once no job and no site list names it. What is said here reaches them with the site list, which
the delivery manager writes: with their next jobs, and else within 6 hours. The limit counts all packages of a computer;
those of open jobs stay.")]
    Keep {
        /// Packages to keep, as Name@Version; without any the list is shown
        #[arg(value_name = "PKG")]
        packages: Vec<String>,
        /// Keep this package no longer
        #[arg(long, value_name = "PKG")]
        remove: Vec<String>,
        /// Bytes of packages that a computer keeps at most: 20G, 500M; - for no limit
        #[arg(long, value_name = "BYTES|-")]
        most: Option<String>,
    },
    /// Make, list and remove the tokens with which agents are enrolled
    Token {
        /// What to do.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Make, list, change and remove groups of computers
    Group {
        /// What to do.
        #[command(subcommand)]
        command: ComputerGroupCommand,
    },
}

/// Arguments of `computer add`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ComputerAddArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Group it comes into, as often as needed
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Vec<String>,
    /// It is a test computer
    #[arg(long)]
    pub(crate) test: bool,
    /// Staging library it reads first
    #[arg(long, value_name = "STAGING")]
    pub(crate) staging: Option<String>,
    /// It reads no other
    #[arg(long, requires = "staging")]
    pub(crate) only_this: bool,
    /// Free text
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) comment: String,
}

/// Arguments of `computer list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ComputerListArguments {
    /// Only those in this group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Only test computers
    #[arg(long)]
    pub(crate) test: bool,
    /// Only those not heard of for so long: 12h, 9d
    #[arg(long, value_name = "TIME", value_parser = super::job_arguments::seconds)]
    pub(crate) not_seen: Option<u64>,
    /// Only those on which this package is installed
    #[arg(long, value_name = "PKG")]
    pub(crate) installed: Option<String>,
    /// Only those with this in name, host or comment
    #[arg(long, value_name = "TEXT")]
    pub(crate) find: Option<String>,
}

/// Arguments of `computer edit`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ComputerEditArguments {
    /// Name or id
    #[arg(value_name = "COMPUTER")]
    pub(crate) computer: String,
    /// Another name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Group it comes into
    #[arg(long, value_name = "GROUP")]
    pub(crate) add_group: Vec<String>,
    /// Group it leaves
    #[arg(long, value_name = "GROUP")]
    pub(crate) leave_group: Vec<String>,
    /// Staging library it reads first; - for none
    #[arg(long, value_name = "STAGING|-")]
    pub(crate) staging: Option<String>,
    /// Whether it reads no other
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) only_this: Option<bool>,
}

/// What can be done with tokens.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for one computer; it is shown once, and typed there: agent enroll --site URL --token T
    Make {
        /// Group the computer comes into
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        /// It becomes a test computer
        #[arg(long)]
        test: bool,
        /// The computer of the list that it is, whatever it calls itself
        #[arg(long, value_name = "COMPUTER")]
        computer: Option<String>,
        /// How long it is taken: 30m, 12h, 7d
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = super::job_arguments::seconds)]
        valid: u64,
        /// SHA-256 of the server's certificate, as `serve --tls-self` prints it
        #[arg(long, value_name = "HEX")]
        pin: Option<String>,
    },
    /// List tokens
    List,
    /// Remove a token: nobody is enrolled with it any more
    Remove {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// What can be done with groups of computers.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ComputerGroupCommand {
    /// List groups
    List,
    /// Make a group
    Add {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Change what holds for the computers of a group
    Edit {
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
        /// Free text
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
        /// Staging library they read first, where they have none of their own; - for none
        #[arg(long, value_name = "STAGING|-")]
        staging: Option<String>,
        /// Whether they read no other
        #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
        only_this: Option<bool>,
    },
    /// Remove a group; its computers stay
    Remove {
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
    },
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}
