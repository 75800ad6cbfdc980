//! What `procedure` understands, and how its words become a procedure.
//!
//! Owns the small languages of its options: `3010=ok-restart`, `30m`, `NAME=VALUE`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};

use crate::package::procedure::{ExitMeaning, Procedure, ProcedureChoice, RunAs, RunsOn, Task};

/// Arguments of `procedure`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProcedureArguments {
    /// Name@Version, or Name where only one version exists
    #[arg(value_name = "PKG")]
    pub(crate) package: String,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ProcedureCommand,
}

/// Commands of `procedure`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ProcedureCommand {
    /// Add a procedure; a sealed package is signed again
    Add {
        /// Its name
        name: String,
        /// What it does
        #[arg(long, value_enum)]
        task: TaskWord,
        /// The program: a path in the package; system:NAME for one of the system that is given files of the package; one on the computer if --external
        #[arg(long, value_name = "P")]
        program: String,
        /// Everything else about it.
        #[command(flatten)]
        fields: ProcedureFields,
        /// Key to sign a sealed package again with
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
    },
    /// Change a procedure; what is not named stays
    Edit {
        /// Its name
        name: String,
        /// A new name
        #[arg(long, value_name = "N")]
        rename: Option<String>,
        /// What it does
        #[arg(long, value_enum)]
        task: Option<TaskWord>,
        /// The program
        #[arg(long, value_name = "P")]
        program: Option<String>,
        /// Everything else about it.
        #[command(flatten)]
        fields: ProcedureFields,
        /// Key to sign a sealed package again with
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
    },
    /// List the procedures
    List,
    /// Remove a procedure
    Remove {
        /// Its name
        name: String,
        /// Key to sign a sealed package again with
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
    },
    /// Make a procedure the one that is proposed for its task
    Default {
        /// Its name
        name: String,
    },
}

/// The tasks as they are typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskWord {
    /// Puts the software on a computer
    #[default]
    Install,
    /// Switches installed software on
    Activate,
    /// Changes its settings
    Configure,
    /// Takes it away again
    Uninstall,
}

impl From<TaskWord> for Task {
    fn from(word: TaskWord) -> Self {
        match word {
            TaskWord::Install => Self::Install,
            TaskWord::Activate => Self::Activate,
            TaskWord::Configure => Self::Configure,
            TaskWord::Uninstall => Self::Uninstall,
        }
    }
}

/// As whom a procedure runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunAsWord {
    /// The account of the agent
    System,
    /// Whoever is logged on
    LoggedOnUser,
}

/// What `add` and `edit` share. What is not given stays as it is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ProcedureFields {
    /// One argument; give it once for each. Never passed through a shell
    #[arg(long = "arg", value_name = "A", allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
    /// The program is already on the computer
    #[arg(long)]
    pub(crate) external: bool,
    /// Systems it runs on: windows, linux, macos
    #[arg(long, value_name = "S", value_delimiter = ',')]
    pub(crate) runs_on: Vec<String>,
    /// Least version of the system
    #[arg(long, value_name = "V")]
    pub(crate) least_version: Option<String>,
    /// Architectures it runs on: x86_64, aarch64, x86
    #[arg(long = "arch", value_name = "A", value_delimiter = ',')]
    pub(crate) architectures: Vec<String>,
    /// Ended after this time: seconds, or 90s, 30m, 2h
    #[arg(long, value_name = "SECS|30m", value_parser = duration)]
    pub(crate) time_limit: Option<u64>,
    /// What an exit code means: 3010=ok-restart, 1=error, 1641=ok, 1618=try-again:10 (minutes)
    #[arg(long = "exit-code", value_name = "CODE=MEANING", value_parser = exit_code, allow_hyphen_values = true)]
    pub(crate) exit_codes: Vec<(i32, ExitMeaning)>,
    /// An environment variable
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) environment: Vec<(String, String)>,
    /// As whom it runs
    #[arg(long, value_enum)]
    pub(crate) run_as: Option<RunAsWord>,
    /// Working folder
    #[arg(long, value_name = "DIR")]
    pub(crate) working_folder: Option<String>,
    /// Propose it for its task
    #[arg(long = "default")]
    pub(crate) default_for_task: bool,
    /// Do not offer it in jobs
    #[arg(long, conflicts_with = "offer")]
    pub(crate) no_offer: bool,
    /// Offer it in jobs
    #[arg(long)]
    pub(crate) offer: bool,
    /// Free text
    #[arg(long, value_name = "T")]
    pub(crate) comment: Option<String>,
}

impl ProcedureFields {
    /// Writes what was given into a procedure and what is decided here about it.
    pub(crate) fn apply(&self, procedure: &mut Procedure, choice: &mut ProcedureChoice) {
        let Self { arguments, external, runs_on, least_version, architectures, .. } = self;
        if !arguments.is_empty() {
            procedure.arguments.clone_from(arguments);
        }
        procedure.external |= external;
        let RunsOn { systems, least_version: least, architectures: machines } = &mut procedure.runs_on;
        if !runs_on.is_empty() {
            systems.clone_from(runs_on);
        }
        if least_version.is_some() {
            least.clone_from(least_version);
        }
        if !architectures.is_empty() {
            machines.clone_from(architectures);
        }
        if self.time_limit.is_some() {
            procedure.time_limit_secs = self.time_limit;
        }
        if !self.exit_codes.is_empty() {
            procedure.exit_codes = self.exit_codes.iter().copied().collect();
        }
        if !self.environment.is_empty() {
            procedure.environment = self.environment.iter().cloned().collect::<BTreeMap<_, _>>();
        }
        match self.run_as {
            Some(RunAsWord::System) => procedure.run_as = RunAs::System,
            Some(RunAsWord::LoggedOnUser) => procedure.run_as = RunAs::LoggedOnUser,
            None => {}
        }
        if self.working_folder.is_some() {
            procedure.working_folder.clone_from(&self.working_folder);
        }
        choice.default_for_task |= self.default_for_task;
        if self.offer || self.no_offer {
            choice.offered = self.offer;
        }
        if let Some(comment) = &self.comment {
            choice.comment.clone_from(comment);
        }
    }
}

fn duration(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("a time is seconds, or 90s, 30m, 2h".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a time is seconds, or 90s, 30m, 2h".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "the time is too long".to_owned())
}

fn exit_code(text: &str) -> Result<(i32, ExitMeaning), String> {
    const FORM: &str = "an exit code is CODE=ok, CODE=ok-restart, CODE=try-again:MINUTES or CODE=error";
    let (code, meaning) = text.split_once('=').ok_or(FORM)?;
    let code: i32 = code.trim().parse().map_err(|_| FORM)?;
    let meaning = match meaning.trim() {
        "ok" => ExitMeaning::Ok,
        "ok-restart" => ExitMeaning::OkRestart,
        "error" => ExitMeaning::Error,
        other => {
            let minutes = other.strip_prefix("try-again:").ok_or(FORM)?;
            ExitMeaning::TryAgain { after_minutes: minutes.parse().map_err(|_| FORM)? }
        }
    };
    Ok((code, meaning))
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is NAME=VALUE".to_owned()),
    }
}

/// The words of an exit code's meaning, as `--exit-code` takes them.
pub(crate) fn meaning_words(meaning: ExitMeaning) -> String {
    match meaning {
        ExitMeaning::Ok => "ok".to_owned(),
        ExitMeaning::OkRestart => "ok-restart".to_owned(),
        ExitMeaning::TryAgain { after_minutes } => format!("try-again:{after_minutes}"),
        ExitMeaning::Error => "error".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("90"), Ok(90));
        assert_eq!(duration("30m"), Ok(1800));
        assert_eq!(duration("2h"), Ok(7200));
        for wrong in ["", "m", "-1", "5d", "99999999999999999999", "18446744073709551615h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn exit_codes_are_read_as_they_are_written() {
        for text in ["0=ok", "3010=ok-restart", "1618=try-again:10", "-1=error"] {
            let (code, meaning) = exit_code(text).expect("well formed");
            assert_eq!(format!("{code}={}", meaning_words(meaning)), text);
        }
        for wrong in ["", "1", "x=ok", "1=", "1=try-again", "1=try-again:-1"] {
            assert!(exit_code(wrong).is_err(), "{wrong}");
        }
    }
}
