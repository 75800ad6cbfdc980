//! What `repair` takes.

use clap::Args;

/// Arguments of `repair`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
ADDRESS is an http or https address or a folder of the package, of another library or of a staging library, an archive,
a folder of the same files, or a .meta4. Several are used together. Without --from, archives and addresses that History
names are tried; blocks that lie in other packages of the library are taken first in any case.
Only missing and damaged blocks are fetched, each proven by its hash. Files that do not belong to the package are set
aside in the library, never deleted. What a repair could not get, or was interrupted before, is fetched by the next.")]
pub(crate) struct RepairArguments {
    /// A package (Name@Version, or Name where only one version exists), or a sealed package folder outside a library
    #[arg(value_name = "PKG|FOLDER", required_unless_present = "all")]
    pub(crate) target: Option<String>,
    /// Every package that was not as recorded when it was last verified
    #[arg(long, conflicts_with = "target")]
    pub(crate) all: bool,
    /// Where to repair from, as often as needed
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Vec<String>,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) plan: bool,
    /// Leave files that do not belong to the package where they are; it stays blocked
    #[arg(long)]
    pub(crate) leave_added: bool,
    /// Wait and try again for as long as nobody answers, instead of giving up
    #[arg(long)]
    pub(crate) wait: bool,
    /// Key to trust for this once, for a folder: its text (RW…), a .pub file, or a name from `key list`
    #[arg(long, value_name = "KEY", conflicts_with = "all")]
    pub(crate) trust: Vec<String>,
}
