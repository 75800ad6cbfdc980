//! What `download` takes.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `download`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
FOLDER becomes the package folder, a valid bag again; the files of a Metalink that is no Packhouse package lie directly
in it. Only blocks that are missing or corrupt are fetched. Nothing ends it but a verdict: where nobody answers it waits
and goes on, and after any interruption the same line goes on where it was.

With --json each thing that happens is an object in a line of its own; the last one says \"ready\" or \"invalid\".

Exit code 0: every block was proven. 1: a block was bad from every codebase. 3: not trusted, nothing was fetched.
4: the disk or the network, with --once.

Environment: PACKHOUSE_PASSWORD for --user, PACKHOUSE_TOKEN for a bearer token, HTTPS_PROXY and HTTP_PROXY,
PACKHOUSE_CERTIFICATES for --certificates.")]
pub(crate) struct DownloadArguments {
    /// Address of a snapshot or Metalink, of a package folder, or of an archive; on a web server or on this computer
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// The folder it becomes; what is right in it stays
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: PathBuf,
    /// Another address of the same files
    #[arg(long, value_name = "URL")]
    pub(crate) codebase: Vec<String>,
    /// Connections at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) connections: u32,
    /// Fetch at most so many bytes a second: 5000000, 20M
    #[arg(long, value_name = "BYTES_PER_S")]
    pub(crate) limit: Option<String>,
    /// Key to trust for this once: its text (RW…), a .pub file, or a name from `key list`
    #[arg(long, value_name = "KEY", conflicts_with = "allow_unsigned")]
    pub(crate) trust: Vec<String>,
    /// Take it without a seal, where it has none: nobody vouches for its list of hashes
    #[arg(long)]
    pub(crate) allow_unsigned: bool,
    /// Why that is all right
    #[arg(long, value_name = "TEXT", requires = "allow_unsigned")]
    pub(crate) reason: Option<String>,
    /// Take a lower revision than was seen before
    #[arg(long)]
    pub(crate) allow_older: bool,
    /// Register it in the library when it is ready
    #[arg(long)]
    pub(crate) register: bool,
    /// End with 4 where it would wait
    #[arg(long)]
    pub(crate) once: bool,
    /// Wait 3 to 120 minutes where nobody answers, as agents do, instead of 5 to 120 seconds
    #[arg(long)]
    pub(crate) agent_ladder: bool,
    /// Sign in under this name, with the password in PACKHOUSE_PASSWORD
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}
