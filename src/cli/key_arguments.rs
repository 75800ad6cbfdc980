//! What `key` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Arguments of `key`.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeyArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

/// What a trusted key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UseWord {
    /// Seal packages
    Seal,
    /// Sign jobs
    Jobs,
}

/// Commands of `key`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key
    Create {
        /// Its name, as "Packaging Berlin 2026"
        name: String,
    },
    /// Show a key; its base64 text stands on a line of its own
    Show {
        /// Name or id
        name: String,
    },
    /// Trust a key of somebody else
    Trust {
        /// Its text (RW…), or a .pub file
        key: String,
        /// Its name here
        #[arg(long, value_name = "N")]
        name: Option<String>,
        /// What it may do
        #[arg(
            long = "use",
            value_enum,
            value_name = "seal,jobs",
            value_delimiter = ',',
            default_value = "seal",
            hide_possible_values = true
        )]
        uses: Vec<UseWord>,
    },
    /// Trust a key no longer
    Distrust {
        /// Name or id
        name: String,
    },
    /// List every key
    List,
    /// Write a backup of an own key, encrypted with a passphrase
    Export {
        /// Name or id
        name: String,
        /// The file; must not exist
        to: PathBuf,
        /// Read the passphrase from the first line of this file instead of asking
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Take a key from a backup, or from minisign's own key file
    Import {
        /// The file
        from: PathBuf,
        /// Its name here
        #[arg(long, value_name = "N")]
        name: Option<String>,
        /// Read the passphrase from the first line of this file instead of asking
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Use an own key no longer for sealing; what it sealed stays trusted
    Retire {
        /// Name or id
        name: String,
    },
}
