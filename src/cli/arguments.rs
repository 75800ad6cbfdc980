//! What the command line understands: options of the whole program, the commands, and what each takes.
//!
//! Owns the words people and scripts type. Must not know: what a command does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use super::agent_arguments::AgentCommand;
pub(crate) use super::computer_arguments::ComputerArguments;
pub(crate) use super::download_arguments::DownloadArguments;
pub(crate) use super::job_arguments::{JobArguments, ManageArguments};
pub(crate) use super::key_arguments::{KeyArguments, KeyCommand, UseWord};
pub(crate) use super::procedure_arguments::{ProcedureArguments, ProcedureCommand};
pub(crate) use super::register_arguments::{AutoRegisterArguments, LinksWord, RegisterArguments};
pub(crate) use super::repair_arguments::RepairArguments;
pub(crate) use super::serve_arguments::ServeArguments;
pub(crate) use super::staging_arguments::{StageArguments, StagingArguments, UnstageArguments};

const ABOUT: &str = "Keeps a library of software packages and proves that none of them has changed";

const AFTER_HELP: &str = "\
PKG is Name@Version, or Name where only one version exists.

To begin:
  packhouse-cli register \"7-Zip 24.09\"   take a folder in; its name gives name and version
  packhouse-cli check 7-Zip              is it still as it was recorded?
  packhouse-cli seal 7-Zip               sign it; the first seal makes your key
  packhouse-cli archive 7-Zip --to DIR   one file, proven before the files are removed
  packhouse-cli help COMMAND             all options of a command

Exit codes:
  0 done, or yes    1 the answer is no (differs, damaged, not valid)    2 usage
  3 refused by a rule, or a question was not answered    4 disk or network    130 interrupted

Environment:
  PACKHOUSE_LIBRARY       the library, where --library is not given
  PACKHOUSE_KEYS          the folder of your keys [default: packhouse/keys in your data folder]
  PACKHOUSE_CERTIFICATES  more root certificates to trust, where --certificates is not given
  NO_COLOR                no bold or underlined text";

/// Keeps a library of software packages and proves that none of them has changed.
#[derive(Clone, Debug, Parser)]
#[command(name = "packhouse-cli", version, about = ABOUT, after_help = AFTER_HELP, max_term_width = 110)]
pub(crate) struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalArguments {
    /// Library to work on [default: $PACKHOUSE_LIBRARY, else Packhouse in your documents or home folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) library: Option<PathBuf>,
    /// Trust the root certificates in this file (PEM) too when downloading, staging, delivering, and as an agent
    /// [default: $PACKHOUSE_CERTIFICATES]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) certificates: Option<PathBuf>,
    /// Print JSON on standard output: one document, or one a line where a command tells of its work as it goes on
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but errors, and JSON where asked for
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Name everything concerned by an error; log more
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Append log lines to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Register a folder, files or a BagIt bag as a new package
    Register(RegisterArguments),
    /// Register a folder, or each folder that appears in one, filed by System
    AutoRegister(AutoRegisterArguments),
    /// List every package
    List,
    /// Show everything the library knows of a package
    Show(PackageArgument),
    /// Find files by part of a path, pattern or SHA-256, in every package
    Find(FindArguments),
    /// Show, export or verify History: who changed what, when and why
    History(HistoryArguments),
    /// Check whether a package is as recorded
    Check(CheckArguments),
    /// Switch the consistency check of a package on or off, or accept what changed
    Consistency(ConsistencyArguments),
    /// Add, replace or remove files of an Open package
    Update(UpdateArguments),
    /// Show or change the procedures of a package: install, activate, configure, uninstall
    Procedure(ProcedureArguments),
    /// Seal an Open package: hashes, BagIt bag, signature
    Seal(SealArguments),
    /// Take the seal off, so that the package can change
    Unseal(PackageArgument),
    /// Start an Open copy of a package under a new version
    NewVersion(NewVersionArguments),
    /// Remove a package from the library for good
    Remove(RemoveArguments),
    /// Write a sealed package to one file and remove its files from the library
    Archive(ArchiveArguments),
    /// Bring a package back from its archive
    Restore(RestoreArguments),
    /// Repair a package or a package folder: fetch its missing and damaged blocks
    Repair(RepairArguments),
    /// Tell whether a package folder, a BagIt bag or an archive is whole; needs no library
    Verify(VerifyArguments),
    /// Copy a package out of the library, as a folder
    Export(ExportArguments),
    /// Download a package, or what a Metalink lists, block by block; goes on after any stop
    Download(DownloadArguments),
    /// Serve the packages to other computers over HTTP, read-only, until interrupted
    Serve(ServeArguments),
    /// Add, list, verify and reconcile staging libraries: where agents get packages from
    Staging(StagingArguments),
    /// Copy sealed packages to a staging library; only what is missing there is sent
    Stage(StageArguments),
    /// Remove packages from a staging library
    Unstage(UnstageArguments),
    /// Add, list and group the computers that packages are delivered to, and enrol their agents
    Computer(ComputerArguments),
    /// Set up, show and steer jobs: a procedure of a package on many computers
    Job(JobArguments),
    /// Be the delivery manager: carry out jobs until interrupted
    Manage(ManageArguments),
    /// Run this computer's agent: it brings sealed packages here and runs what they were sealed with; needs no library
    #[command(subcommand)]
    Agent(AgentCommand),
    /// Write a damaged or lost library database anew from the packages
    Rebuild,
    /// Show facts about the library
    Library(LibraryArguments),
    /// Make, show, back up and trust the keys that seal packages
    Key(KeyArguments),
    /// List, make and remove software groups, and put packages into them
    Group(GroupArguments),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command into a folder
    Man {
        /// Folder to write to
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

/// Names one package.
#[derive(Clone, Debug, Args)]
pub(crate) struct PackageArgument {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
}

/// Arguments of `find`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FindArguments {
    /// Part of a path, a pattern with * and ?, or a SHA-256
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: String,
    /// At most so many files
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(crate) limit: usize,
    /// Not in archived packages
    #[arg(long)]
    pub(crate) no_archived: bool,
    /// Say how many files there are in all, however many are shown
    #[arg(long, conflicts_with = "csv")]
    pub(crate) count: bool,
    /// Write all that is found to this new file, as a table
    #[arg(long, value_name = "FILE", conflicts_with = "limit")]
    pub(crate) csv: Option<PathBuf>,
}

/// In which form History is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HistoryFormat {
    /// One table
    Csv,
    /// A JSON array
    Json,
    /// A document to print, a page for each entry
    Html,
}

/// Arguments of `history`.
#[derive(Clone, Debug, Args)]
pub(crate) struct HistoryArguments {
    /// Only this package
    #[arg(value_name = "PKG")]
    pub(crate) package: Option<String>,
    /// Only these events: accepted, sealed, control-off, …
    #[arg(long, value_name = "EVENT,…", value_delimiter = ',')]
    pub(crate) event: Vec<String>,
    /// Only what this account did
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// From this day or moment on (2026-11-02, 2026-11-02T14:10:00Z)
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// Up to this day, or before this moment
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,
    /// Only entries with this text in package, reason, details or a path
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// At most so many, the newest
    #[arg(long, value_name = "N")]
    pub(crate) newest: Option<u32>,
    /// Export to the file named with --to
    #[arg(long, value_enum, value_name = "csv|json", requires = "to", hide_possible_values = true)]
    pub(crate) format: Option<HistoryFormat>,
    /// The file to export to; must not exist
    #[arg(long, value_name = "FILE", requires = "format")]
    pub(crate) to: Option<PathBuf>,
    /// Verify the chain: tells whether an entry was changed or is missing
    #[arg(long, conflicts_with_all = ["format", "to", "event", "who", "from", "until", "text", "newest"])]
    pub(crate) verify: bool,
}

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG", required_unless_present = "all")]
    pub(crate) package: Option<String>,
    /// Every package that is not archived
    #[arg(long, conflicts_with = "package")]
    pub(crate) all: bool,
    /// Read every file and compare it with its recorded hashes, block by block
    #[arg(long)]
    pub(crate) deep: bool,
    /// Only packages that were not as recorded last time
    #[arg(long, requires = "all")]
    pub(crate) damaged_only: bool,
    /// Only packages not checked in this way since this day or moment (2026-11-02, 2026-11-02T14:10:00Z)
    #[arg(long, value_name = "DATE", requires = "all")]
    pub(crate) not_since: Option<String>,
    /// Read at most so many bytes a second: 5000000, 20M
    #[arg(long, value_name = "BYTES_PER_S", requires_all = ["all", "deep"])]
    pub(crate) limit: Option<String>,
    /// Begin anew, even if the last deep check of all is not done
    #[arg(long, requires_all = ["all", "deep"])]
    pub(crate) restart: bool,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnOff {
    /// Notice changes, and deliver nothing that differs
    On,
    /// Notice nothing
    Off,
}

/// Arguments of `consistency`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConsistencyArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
    /// Whether changes are noticed
    #[arg(value_enum, value_name = "on|off")]
    pub(crate) switch: OnOff,
    /// The files are right: record the new checksum (needs --reason)
    #[arg(long, conflicts_with_all = ["keep_blocked", "repair_from"])]
    pub(crate) accept: bool,
    /// Switch on and deliver nothing until what differs is settled
    #[arg(long, conflicts_with = "repair_from")]
    pub(crate) keep_blocked: bool,
    /// The files are wrong: fetch what is missing or damaged from here, then switch on. As often as needed
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) repair_from: Vec<String>,
    /// Accept only exactly this state: the digest that check showed
    #[arg(long, value_name = "DIGEST", requires = "accept")]
    pub(crate) expect: Option<String>,
    /// Why; kept in History
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Key to seal again with, where a sealed package is accepted
    #[arg(long, value_name = "NAME", requires = "accept")]
    pub(crate) key: Option<String>,
}

/// Arguments of `update`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UpdateArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
    /// File or folder to add or replace, and where it goes in the package
    #[arg(long, value_name = "PATH[=DEST]")]
    pub(crate) add: Vec<String>,
    /// File or folder of the package to remove
    #[arg(long, value_name = "PATH")]
    pub(crate) remove: Vec<String>,
    /// File or folder of the package to rename
    #[arg(long, value_name = "FROM=TO")]
    pub(crate) rename: Vec<String>,
    /// What becomes of symbolic links
    #[arg(long, value_enum, value_name = "refuse|copy|skip", default_value_t, hide_possible_values = true)]
    pub(crate) links: LinksWord,
}

/// Arguments of `seal`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SealArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
    /// Size of the blocks that are hashed: a power of two from 256K to 64M [default: as recorded, 2M at first]
    #[arg(long, value_name = "N")]
    pub(crate) block_size: Option<String>,
    /// Key to seal with [default: your newest key; the first seal makes one]
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
}

/// Arguments of `new-version`.
#[derive(Clone, Debug, Args)]
pub(crate) struct NewVersionArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
    /// The new version
    #[arg(value_name = "VERSION")]
    pub(crate) new_version: String,
}

/// Arguments of `remove`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RemoveArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Arguments of `archive`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ArchiveArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
    /// Folder for the archive file; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Free text
    #[arg(long, value_name = "C", default_value = "", hide_default_value = true)]
    pub(crate) comment: String,
}

/// Arguments of `restore`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RestoreArguments {
    /// An archive file, or an archived package
    #[arg(value_name = "FILE|PKG")]
    pub(crate) source: String,
    /// Save the whole files of a damaged archive to this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "repair_from")]
    pub(crate) save_good_files: Option<PathBuf>,
    /// Fetch what is damaged in the archive from here, as often as needed
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) repair_from: Vec<String>,
}

/// Arguments of `verify`.
#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Folder or archive file
    #[arg(value_name = "FOLDER|ARCHIVE")]
    pub(crate) path: PathBuf,
    /// Key to trust for this once: its text (RW…), a .pub file, or a name from `key list`
    #[arg(long, value_name = "KEY")]
    pub(crate) trust: Vec<String>,
}

/// Arguments of `export`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
    /// The folder it becomes; new or empty
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}

/// Arguments of `library`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LibraryArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: LibraryCommand,
}

/// Commands of `library`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LibraryCommand {
    /// Show where it is, what is in it and how large it is
    Info,
    /// Move it to a new or empty folder: copied, the copy proven, switched over. The old folder stays
    Move {
        /// The new folder
        #[arg(value_name = "DIR")]
        to: PathBuf,
    },
    /// Delete the folder the library was moved from
    DeleteOldCopy,
    /// Write what a successor must know into a new or empty folder: a page and a file, without secrets
    HandOver {
        /// The folder
        #[arg(value_name = "DIR")]
        to: PathBuf,
    },
}

/// Arguments of `group`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GroupArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: GroupCommand,
}

/// Commands of `group`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List software groups
    List,
    /// Make a software group
    Add {
        /// Its name
        name: String,
    },
    /// Give a software group another name
    Rename {
        /// Its name now
        name: String,
        /// Its new name
        to: String,
    },
    /// Put packages into a group, all of them or none
    Move {
        /// Name@Version, or Name where only one version exists
        #[arg(value_name = "PKG", required = true)]
        packages: Vec<String>,
        /// The group, made if it is not there; "" for none
        #[arg(long, value_name = "GROUP")]
        to: String,
    },
    /// Take a software group away; its packages stay
    Remove {
        /// Its name
        name: String,
    },
    /// Put a package into a group, or with "" into none
    Set {
        /// Name@Version, or Name where only one version exists
        #[arg(value_name = "PKG")]
        package: String,
        /// Name of the group
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() -> Result<(), clap::Error> {
        for line in [["packhouse-cli", "--json", "list"], ["packhouse-cli", "list", "--json"]] {
            assert!(Arguments::try_parse_from(line)?.global.json);
        }
        Ok(())
    }
}
