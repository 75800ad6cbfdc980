//! What `register` and `auto-register` take.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What becomes of symbolic links in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinksWord {
    /// Refuse the source and list them
    #[default]
    Refuse,
    /// Take what they point to, inside the source
    Copy,
    /// Leave them out
    Skip,
}

/// Arguments of `register`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RegisterArguments {
    /// One folder, taken by its content, or several files and folders, taken by their names
    #[arg(value_name = "FOLDER|FILES", required = true)]
    pub(crate) sources: Vec<PathBuf>,
    /// Name of the package [default: read from the source's name]
    #[arg(long, value_name = "N")]
    pub(crate) name: Option<String>,
    /// Version of the package [default: read from the source's name]
    #[arg(long = "version", value_name = "V")]
    pub(crate) package_version: Option<String>,
    /// Who made the software
    #[arg(long, value_name = "S")]
    pub(crate) supplier: Option<String>,
    /// Free text
    #[arg(long, value_name = "C")]
    pub(crate) comment: Option<String>,
    /// Software group
    #[arg(long, value_name = "G")]
    pub(crate) group: Option<String>,
    /// What becomes of symbolic links
    #[arg(long, value_enum, value_name = "refuse|copy|skip", default_value_t, hide_possible_values = true)]
    pub(crate) links: LinksWord,
    /// Take a file or folder under another name, as often as needed; bytes that are no text are typed as \xE4
    #[arg(long, value_name = "OLD=NEW", value_parser = renaming)]
    pub(crate) rename: Vec<(String, String)>,
    /// Leave out an entry that no package can hold, as often as needed
    #[arg(long, value_name = "PATH")]
    pub(crate) leave_out: Vec<String>,
    /// Do not notice changes behind the library's back
    #[arg(long)]
    pub(crate) no_consistency_check: bool,
    /// Why the check is off
    #[arg(long, value_name = "TEXT", requires = "no_consistency_check")]
    pub(crate) reason: Option<String>,
    /// Register it as a new version of this package, which hands on supplier, group, comment and procedures
    #[arg(long, value_name = "PKG")]
    pub(crate) based_on: Option<String>,
    /// Seal it right away
    #[arg(long)]
    pub(crate) seal: bool,
    /// Key to seal with [default: your newest key; the first seal makes one]
    #[arg(long, value_name = "NAME", requires = "seal")]
    pub(crate) key: Option<String>,
}

/// `OLD=NEW`
fn renaming(text: &str) -> Result<(String, String), String> {
    let (old, new) = text.split_once('=').ok_or("expected OLD=NEW")?;
    if old.is_empty() || new.is_empty() {
        Err("expected OLD=NEW".to_owned())
    } else {
        Ok((old.into(), new.into()))
    }
}

/// Arguments of `auto-register`.
#[derive(Clone, Debug, Args)]
pub(crate) struct AutoRegisterArguments {
    /// A package; with --watch, a folder whose folders are packages
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Go on until interrupted: register each folder once it has not changed for 5 seconds
    #[arg(long)]
    pub(crate) watch: bool,
}
