//! What `staging`, `stage` and `unstage` take.

use clap::{Args, Subcommand};

const SIGN_IN: &str = "\
Environment: PACKHOUSE_PASSWORD for --user. For a bucket the user is the access key and the password the secret key. Both
are kept encrypted for this account, and nowhere else.";

/// Arguments of `staging`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StagingArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: StagingCommand,
}

/// What can be done with staging libraries.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum StagingCommand {
    /// Add a staging library; nothing is asked of it yet
    #[command(after_help = SIGN_IN)]
    Add(StagingAddArguments),
    /// Change a staging library; nothing there is touched
    #[command(after_help = SIGN_IN)]
    Edit(StagingEditArguments),
    /// List staging libraries, or what lies in one, as far as is known here
    List {
        /// Name or address of one
        #[arg(value_name = "STAGING")]
        staging: Option<String>,
    },
    /// Take a staging library off the list; what lies there stays there
    Remove {
        /// Name or address
        #[arg(value_name = "STAGING")]
        staging: String,
        /// Also while packages are known to lie there
        #[arg(long)]
        forget: bool,
    },
    /// Verify what lies there against its seal, by names and sizes
    Verify {
        /// Name or address
        #[arg(value_name = "STAGING")]
        staging: String,
        /// Only this package
        #[arg(value_name = "PKG")]
        package: Option<String>,
        /// Read every content as well
        #[arg(long)]
        deep: bool,
    },
    /// Look what lies there: unknown, missing, outdated, incomplete
    Reconcile {
        /// Name or address
        #[arg(value_name = "STAGING")]
        staging: String,
        /// Then stage what is missing, outdated or incomplete
        #[arg(long)]
        stage: bool,
        /// With --stage: also while the line is closed
        #[arg(long, requires = "stage")]
        now: bool,
    },
}

/// Arguments of `staging add`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StagingAddArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Where packages are written: a folder, http(s)://…, or s3://bucket/prefix?endpoint=URL&region=R
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// Where agents read [default: ADDRESS]
    #[arg(long, value_name = "URL")]
    pub(crate) read: Option<String>,
    /// Where agents report [default: ADDRESS]
    #[arg(long, value_name = "URL")]
    pub(crate) report: Option<String>,
    /// Send at most so many bytes a second there: 5000000, 20M
    #[arg(long, value_name = "BYTES_PER_S")]
    pub(crate) limit: Option<String>,
    /// Send only at this time of day
    #[arg(long, value_name = "HH:MM-HH:MM")]
    pub(crate) window: Option<String>,
    /// Only test computers read it: what lies there can still be unsealed
    #[arg(long)]
    pub(crate) for_tests: bool,
    /// Sign in under this name
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// Arguments of `staging edit`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StagingEditArguments {
    /// Name or address
    #[arg(value_name = "STAGING")]
    pub(crate) staging: String,
    /// Another name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where packages are written
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<String>,
    /// Where agents read; - for the same as where packages are written
    #[arg(long, value_name = "URL|-")]
    pub(crate) read: Option<String>,
    /// Where agents report; - for the same as where packages are written
    #[arg(long, value_name = "URL|-")]
    pub(crate) report: Option<String>,
    /// Send at most so many bytes a second there; - for no limit
    #[arg(long, value_name = "BYTES_PER_S|-")]
    pub(crate) limit: Option<String>,
    /// Send only at this time of day; - for any
    #[arg(long, value_name = "HH:MM-HH:MM|-")]
    pub(crate) window: Option<String>,
    /// Whether only test computers read it
    #[arg(long, value_name = "true|false")]
    pub(crate) for_tests: Option<bool>,
    /// Sign in under this name; - for not at all
    #[arg(long, value_name = "NAME|-")]
    pub(crate) user: Option<String>,
}

/// Arguments of `stage`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Only what is missing is sent: after an interruption the same line sends the rest. The seal is written last, so that a copy
that is not finished is none.")]
pub(crate) struct StageArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG", required = true)]
    pub(crate) packages: Vec<String>,
    /// Name or address of the staging library, as often as needed
    #[arg(long, value_name = "STAGING", required = true)]
    pub(crate) to: Vec<String>,
    /// Send at most so many bytes a second: 5000000, 20M
    #[arg(long, value_name = "BYTES_PER_S")]
    pub(crate) limit: Option<String>,
    /// Also while the line is closed
    #[arg(long)]
    pub(crate) now: bool,
}

/// Arguments of `unstage`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UnstageArguments {
    /// Name@Version, or Name where only one version is staged
    #[arg(value_name = "PKG", required = true)]
    pub(crate) packages: Vec<String>,
    /// Name or address of the staging library
    #[arg(long, value_name = "STAGING", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) from: Vec<String>,
    /// From every staging library
    #[arg(long)]
    pub(crate) all: bool,
}
