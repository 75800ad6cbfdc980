//! Item procedures: how a package is installed, activated, configured, uninstalled.
//!
//! The words are DSM's. Arguments are a list and never pass through a shell.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a procedure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Puts the software on a computer; at least one is needed to deliver.
    Install,
    /// Switches installed software on.
    Activate,
    /// Changes its settings.
    Configure,
    /// Takes it away again.
    Uninstall,
}

impl Task {
    /// All four, in the order of DSM's dialog.
    pub const ALL: [Self; 4] = [Self::Install, Self::Activate, Self::Configure, Self::Uninstall];

    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Install => "Install",
            Self::Activate => "Activate",
            Self::Configure => "Configure",
            Self::Uninstall => "Uninstall",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// When a procedure came to the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Registered with the package ("Original delivery").
    Embedded,
    /// Registered after sealing.
    Added,
}

/// What a procedure needs of the computer it runs on; empty lists mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunsOn {
    /// `windows`, `linux`, `macos`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<String>,
    /// Least version of the system, as its own text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_version: Option<String>,
    /// `x86_64`, `aarch64`, `x86`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
}

impl RunsOn {
    /// Whether a computer with Windows may be among those it runs on. A system that nobody knows may be anything.
    pub fn may_be_windows(&self) -> bool {
        let is_other =
            |system: &String| ["linux", "macos"].iter().any(|one| system.eq_ignore_ascii_case(one));
        self.systems.is_empty() || !self.systems.iter().all(is_other)
    }

    /// For screens: `windows, linux · x86_64`, or `any system`.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        if !self.systems.is_empty() {
            parts.push(self.systems.join(", "));
        }
        if let Some(version) = &self.least_version {
            parts.push(format!("from {version}"));
        }
        if !self.architectures.is_empty() {
            parts.push(self.architectures.join(", "));
        }
        if parts.is_empty() { "any system".to_owned() } else { parts.join(" · ") }
    }
}

/// As whom a procedure runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunAs {
    /// The account of the agent.
    #[default]
    System,
    /// Whoever is logged on.
    LoggedOnUser,
}

/// What an exit code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitMeaning {
    /// Done.
    Ok,
    /// Done; the computer wants a restart.
    OkRestart,
    /// Try again after so many minutes.
    TryAgain {
        /// Minutes to wait.
        after_minutes: u32,
    },
    /// Failed. Every code that is not listed means this too (SDM228001).
    Error,
}

/// What the program of a procedure begins with that is part of the computer's system and is given files of the package:
/// `system:msiexec`.
pub const SYSTEM_PREFIX: &str = "system:";

/// Where the program of a procedure lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program<'p> {
    /// A file of the package, by its path there.
    InPackage(&'p str),
    /// A program of the system, by name or path, that is given files of the package: the package is needed.
    OfSystem(&'p str),
    /// A program on the computer, by name or path; the package is not needed.
    External(&'p str),
}

impl<'p> Program<'p> {
    /// Its name or path, without what says where it lies.
    pub fn text(self) -> &'p str {
        match self {
            Self::InPackage(text) | Self::OfSystem(text) | Self::External(text) => text,
        }
    }
}

/// The highest exit code on every system but Windows, where programs end with any number of 32 bits.
pub const EXIT_CODE_MOST: i32 = 255;

/// One procedure of a package, as it is signed; what is local stands in [`ProcedureChoice`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Procedure {
    /// Unique within the package, without regard to case.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// When it came to the package.
    pub origin: Origin,
    /// Whether its program is already on the computer. An external procedure needs no file of the package,
    /// so the agent does not check the package before it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub external: bool,
    /// The program: a path in the package; after [`SYSTEM_PREFIX`] a program of the system that is given files of the
    /// package; if external, a path or name on the computer.
    pub program: String,
    /// Arguments, one an entry; never given to a shell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Working folder; the agent's scratch folder if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_folder: Option<String>,
    /// Environment variables set beside the inherited ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Where it runs.
    #[serde(default)]
    pub runs_on: RunsOn,
    /// As whom.
    #[serde(default)]
    pub run_as: RunAs,
    /// Ended after so many seconds; absent means the agent's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_secs: Option<u64>,
    /// Exit codes with a meaning; 0 is done unless it says otherwise, all others are errors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "exit_codes")]
    pub exit_codes: BTreeMap<i32, ExitMeaning>,
}

/// What is decided here about a procedure and never signed: it can change in every state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcedureChoice {
    /// The one that is proposed for its task.
    pub default_for_task: bool,
    /// Whether jobs may use it.
    pub offered: bool,
    /// Free text.
    pub comment: String,
    /// Whether the comment is shown to the user of the computer.
    pub comment_is_message: bool,
}

impl Default for ProcedureChoice {
    fn default() -> Self {
        Self { default_for_task: false, offered: true, comment: String::new(), comment_is_message: false }
    }
}

/// Reads exit codes from the text they are as JSON keys: inside a flattened struct serde does not do it by itself.
fn exit_codes<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<i32, ExitMeaning>, D::Error> {
    let texts = BTreeMap::<String, ExitMeaning>::deserialize(from)?;
    let number =
        |text: &str| text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no exit code")));
    texts.iter().map(|(text, meaning)| Ok((number(text)?, *meaning))).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde's skip_serializing_if asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Why a procedure is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProcedureProblem {
    /// No name.
    #[error("the procedure has no name")]
    NoName,
    /// No program.
    #[error("the procedure names no program")]
    NoProgram,
    /// Another procedure has this name.
    #[error("a procedure named {0:?} exists already")]
    NameTaken(String),
    /// A program of the system, not external, and no argument names a file of the package.
    #[error("{0:?} is given no file of the package; if it needs none, the procedure is external")]
    NoFileOfPackage(String),
    /// Not external, and the program is no file of the package.
    #[error("{0:?} is no file of the package")]
    ProgramNotInPackage(String),
    /// A NUL byte or a line end where the system takes none.
    #[error("{0} contains a character that no system takes")]
    Character(&'static str),
    /// A time limit of zero.
    #[error("the time limit is zero")]
    ZeroTimeLimit,
    /// An exit code that none of its systems can give.
    #[error("no program ends with {code} on {systems}: exit codes are 0 to {EXIT_CODE_MOST} there")]
    ExitCode {
        /// The code.
        code: i32,
        /// Where the procedure runs.
        systems: String,
    },
}

impl Procedure {
    /// A procedure that runs `program` of the package for `task`, all else left as usual.
    pub fn new(name: &str, task: Task, program: &str) -> Self {
        Self {
            name: name.to_owned(),
            task,
            origin: Origin::Embedded,
            external: false,
            program: program.to_owned(),
            arguments: Vec::new(),
            working_folder: None,
            environment: BTreeMap::new(),
            runs_on: RunsOn::default(),
            run_as: RunAs::default(),
            time_limit_secs: None,
            exit_codes: BTreeMap::new(),
        }
    }

    /// Checks it against the files of its package and the other procedures.
    pub fn check<'a>(
        &self,
        mut others: impl Iterator<Item = &'a Self>,
        is_file: impl Fn(&str) -> bool,
    ) -> Result<(), ProcedureProblem> {
        if self.name.trim().is_empty() {
            return Err(ProcedureProblem::NoName);
        }
        if self.name.chars().any(char::is_control) {
            return Err(ProcedureProblem::Character("the name"));
        }
        let folded = self.name.to_lowercase();
        if others.any(|other| other.name.to_lowercase() == folded) {
            return Err(ProcedureProblem::NameTaken(self.name.clone()));
        }
        if self.program.trim().is_empty() {
            return Err(ProcedureProblem::NoProgram);
        }
        if self.program.contains('\0') || self.arguments.iter().any(|a| a.contains('\0')) {
            return Err(ProcedureProblem::Character("the program or an argument"));
        }
        if self.environment.iter().any(|(k, v)| k.is_empty() || k.contains(['=', '\0']) || v.contains('\0')) {
            return Err(ProcedureProblem::Character("the environment"));
        }
        match self.program() {
            Program::InPackage(path) if !is_file(path) => {
                return Err(ProcedureProblem::ProgramNotInPackage(path.to_owned()));
            }
            Program::OfSystem(name) if name.trim().is_empty() => return Err(ProcedureProblem::NoProgram),
            Program::OfSystem(name) if !self.named_files().any(|path| is_file(&path)) => {
                return Err(ProcedureProblem::NoFileOfPackage(name.to_owned()));
            }
            _ => {}
        }
        if self.time_limit_secs == Some(0) {
            return Err(ProcedureProblem::ZeroTimeLimit);
        }
        if !self.runs_on.may_be_windows()
            && let Some(code) = self.windows_exit_codes().next()
        {
            return Err(ProcedureProblem::ExitCode { code, systems: self.runs_on.systems.join(", ") });
        }
        Ok(())
    }

    /// Exit codes with a meaning that programs can give on Windows only.
    pub fn windows_exit_codes(&self) -> impl Iterator<Item = i32> {
        self.exit_codes.keys().copied().filter(|code| !(0..=EXIT_CODE_MOST).contains(code))
    }

    /// Its program, and where that lies.
    pub fn program(&self) -> Program<'_> {
        if self.external {
            return Program::External(&self.program);
        }
        match self.program.strip_prefix(SYSTEM_PREFIX) {
            Some(name) => Program::OfSystem(name),
            None => Program::InPackage(&self.program),
        }
    }

    /// The paths in a package that its arguments may mean: `setup.msi`, `./setup.msi`, `'x64\setup.msi'`,
    /// `TRANSFORMS=setup.mst`.
    pub fn named_files(&self) -> impl Iterator<Item = String> {
        let whole = self.arguments.iter().map(String::as_str);
        let values = self.arguments.iter().filter_map(|argument| Some(argument.split_once(['=', ':'])?.1));
        whole.chain(values).map(|text| {
            let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            let text = quoted.map_or_else(|| text.to_owned(), |text| text.replace("''", "'"));
            let path = text.replace('\\', "/");
            path.strip_prefix("./").map(str::to_owned).unwrap_or(path)
        })
    }

    /// What `code` means for this procedure.
    pub fn meaning_of(&self, code: i32) -> ExitMeaning {
        let unlisted = if code == 0 { ExitMeaning::Ok } else { ExitMeaning::Error };
        self.exit_codes.get(&code).copied().unwrap_or(unlisted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_must_be_in_the_package_unless_external() {
        let mut procedure = Procedure::new("Install", Task::Install, "setup.exe");
        let none = || std::iter::empty::<&Procedure>();
        assert_eq!(procedure.check(none(), |p| p == "setup.exe"), Ok(()));
        assert_eq!(
            procedure.check(none(), |_| false),
            Err(ProcedureProblem::ProgramNotInPackage("setup.exe".into()))
        );
        procedure.external = true;
        assert_eq!(procedure.check(none(), |_| false), Ok(()));
        let twin = Procedure::new("INSTALL", Task::Install, "x");
        assert_eq!(
            procedure.check([&twin].into_iter(), |_| true),
            Err(ProcedureProblem::NameTaken("Install".into()))
        );
    }

    #[test]
    fn a_program_of_the_system_is_given_a_file_of_the_package() {
        let is_file = |path: &str| path == "x64/set up.msi";
        let mut procedure = Procedure::new("Install", Task::Install, "system:msiexec");
        let none = || std::iter::empty::<&Procedure>();
        assert_eq!(procedure.program(), Program::OfSystem("msiexec"));
        let refused = Err(ProcedureProblem::NoFileOfPackage("msiexec".to_owned()));
        for given in [
            "x64/set up.msi",
            "./x64/set up.msi",
            "x64\\set up.msi",
            "'x64/set up.msi'",
            "PATH=x64/set up.msi",
        ] {
            procedure.arguments = vec!["/i".to_owned(), given.to_owned()];
            assert_eq!(procedure.check(none(), is_file), Ok(()), "{given}");
        }
        procedure.arguments = vec!["/x".to_owned(), "{code}".to_owned()];
        assert_eq!(procedure.check(none(), is_file), refused);
        procedure.program = "system: ".to_owned();
        assert_eq!(procedure.check(none(), is_file), Err(ProcedureProblem::NoProgram));
        // As it was written before there was such a program.
        let old = r#"{"name":"Install","task":"install","origin":"embedded","external":true,
                      "program":"msiexec","arguments":["/i","a.msi"]}"#;
        let old: Procedure = serde_json::from_str(old).expect("it is read");
        assert_eq!(old.program(), Program::External("msiexec"));
        assert_eq!(old.check(none(), |_| false), Ok(()));
    }

    #[test]
    fn unlisted_exit_codes_are_errors() {
        let mut procedure = Procedure::new("Install", Task::Install, "setup.exe");
        procedure.exit_codes.insert(3010, ExitMeaning::OkRestart);
        procedure.exit_codes.insert(1618, ExitMeaning::TryAgain { after_minutes: 10 });
        assert_eq!(procedure.meaning_of(0), ExitMeaning::Ok);
        assert_eq!(procedure.meaning_of(3010), ExitMeaning::OkRestart);
        assert_eq!(procedure.meaning_of(1603), ExitMeaning::Error);
    }
}
