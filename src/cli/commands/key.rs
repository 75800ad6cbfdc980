//! `key`: own keys that seal, foreign keys that are trusted, backups.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde::Serialize;

use super::words::moment;
use crate::cli::arguments::{KeyCommand, UseWord};
use crate::cli::context::{Context, cancelled_at_question};
use crate::cli::exit::Exit;
use crate::cli::report::count;
use crate::cli::terminal::{Answer, can_ask, tell};
use crate::failure::{Class, Failure};
use crate::session::{
    CountKeyUses, CreateKey, DistrustKey, ExportKey, ImportKey, KeyInfo, KeyUse, ListKeys, Passphrase,
    RetireKey, ShowKey, TrustKey,
};

/// A passphrase file is read so far.
const PASSPHRASE_MAX_BYTES: u64 = 4096;
/// A new passphrase is no shorter; the console asks for as many.
const PASSPHRASE_MIN_CHARS: usize = 8;
const TOO_SHORT: &str = "A passphrase has at least 8 characters";
/// How often a passphrase can be mistyped.
const TRIES: u32 = 3;

/// `key create|show|trust|distrust|list|export|import|retire`
pub(super) fn key(context: &Context, command: KeyCommand) -> Result<Exit, Failure> {
    let (key, done) = match command {
        KeyCommand::List => {
            let keys = context.run_with_keys(ListKeys {})?;
            let uses = uses(context);
            let listed: Vec<_> = keys
                .iter()
                .map(|key| ListedKey { key, used_by_packages: uses.as_ref().map(|uses| used_by(key, uses)) })
                .collect();
            context.report.document(&listed);
            for ListedKey { key, used_by_packages } in &listed {
                let mut line = one_line(key);
                if let Some(number) = used_by_packages {
                    line.push_str(&format!(", used by {}", count(*number, "package")));
                }
                context.report.line(line);
            }
            if keys.is_empty() {
                context
                    .report
                    .note("there is no key yet; the first seal makes one, or: packhouse-cli key create NAME");
            }
            return Ok(Exit::Done);
        }
        KeyCommand::Show { name } => {
            let key = context.run_with_keys(ShowKey { name })?;
            context.report.document(&key);
            context.report.line(one_line(&key));
            context.report.line(&key.public);
            return Ok(Exit::Done);
        }
        KeyCommand::Create { name } => {
            let key = context.run_with_keys(CreateKey { name })?;
            context.report.note(format!(
                "it exists only here. Save a backup now: packhouse-cli key export {:?} FILE",
                key.name
            ));
            (key, "Made")
        }
        KeyCommand::Trust { key, name, uses } => {
            let uses = uses.into_iter().map(KeyUse::from).collect();
            (context.run_with_keys(TrustKey { key, name, uses })?, "Trusted")
        }
        KeyCommand::Distrust { name } => (context.run_with_keys(DistrustKey { name })?, "No longer trusted"),
        KeyCommand::Retire { name } => (context.run_with_keys(RetireKey { name })?, "Retired"),
        KeyCommand::Export { name, to, passphrase_file } => {
            // Nobody types a passphrase for a backup that cannot be written.
            require_backup_possible(&context.run_with_keys(ShowKey { name: name.clone() })?, &to)?;
            let passphrase = new_passphrase(context, passphrase_file.as_deref())?;
            (context.run_with_keys(ExportKey { name, to, passphrase })?, "Wrote a backup of")
        }
        KeyCommand::Import { from, name, passphrase_file } => {
            let name = name.unwrap_or_else(|| name_of(&from));
            (import(context, &from, &name, passphrase_file.as_deref())?, "Imported")
        }
    };
    context.report.document(&key);
    context.report.line(format!("{done} {} (key {})", key.name, key.key_id));
    Ok(Exit::Done)
}

/// A key in `key list --json`.
#[derive(Serialize)]
struct ListedKey<'k> {
    #[serde(flatten)]
    key: &'k KeyInfo,
    /// Packages of the library that are sealed with it; absent where there is no library.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_by_packages: Option<u64>,
}

/// How many packages are sealed with each key; `None` where there is no library. Keys are listed even beside a library
/// that cannot be opened.
fn uses(context: &Context) -> Option<BTreeMap<String, u64>> {
    let counted = context
        .open_for_a_look()
        .and_then(|session| session.map(|session| context.run(&session, CountKeyUses {})).transpose());
    counted.unwrap_or_else(|failure| {
        context.report.note(format!("how many packages use each key is not known: {failure}"));
        None
    })
}

fn used_by(key: &KeyInfo, uses: &BTreeMap<String, u64>) -> u64 {
    uses.get(&key.key_id).copied().unwrap_or(0)
}

impl From<UseWord> for KeyUse {
    fn from(word: UseWord) -> Self {
        match word {
            UseWord::Seal => Self::Seal,
            UseWord::Jobs => Self::Jobs,
        }
    }
}

fn one_line(key: &KeyInfo) -> String {
    let mut text = format!("{}  key {}  ", key.name, key.key_id);
    text.push_str(if key.own { "own" } else { "foreign" });
    if key.retired {
        text.push_str(", retired");
    }
    let uses: Vec<&str> = key
        .uses
        .iter()
        .map(|key_use| match key_use {
            KeyUse::Seal => "seal",
            KeyUse::Jobs => "jobs",
        })
        .collect();
    match uses.is_empty() {
        true => text.push_str(", not trusted"),
        false => text.push_str(&format!(", trusted for {}", uses.join(" and "))),
    }
    text.push_str(&format!(", since {}", moment(key.since)));
    if key.own {
        match key.backup {
            Some(at) => text.push_str(&format!(", backup {}", moment(at))),
            None => text.push_str(", no backup"),
        }
    }
    text
}

fn name_of(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn require_backup_possible(key: &KeyInfo, to: &Path) -> Result<(), Failure> {
    if !key.own {
        let message = format!("the key {:?} is not your own", key.name);
        let action = "Only its owner can back it up; packhouse-cli key list shows which are yours";
        return Err(Failure::new("foreign-key", Class::Refused, message, action));
    }
    if to.symlink_metadata().is_ok() {
        let message = format!("{} is already there", to.display());
        return Err(Failure::new(
            "file-exists",
            Class::Refused,
            message,
            "Name a file that does not exist yet",
        ));
    }
    Ok(())
}

/// Takes a key from a backup; a passphrase that was mistyped on the terminal is asked for again.
fn import(context: &Context, from: &Path, name: &str, file: Option<&Path>) -> Result<KeyInfo, Failure> {
    fs::File::open(from).map_err(|error| {
        let message = format!("the backup {} cannot be read", from.display());
        Failure::new("io", Class::Environment, message, "Check the path and your rights, then try again")
            .because(error.to_string())
    })?;
    let mut tries = 0;
    loop {
        let passphrase = match file {
            Some(path) => from_file(path)?,
            None => Passphrase(typed(context, "Passphrase of the backup: ")?),
        };
        let request = ImportKey { from: from.to_owned(), name: name.to_owned(), passphrase };
        tries += 1;
        match context.run_with_keys(request) {
            Err(failure) if failure.code == "wrong-passphrase" && file.is_none() && tries < TRIES => {
                tell("That is not its passphrase. Try again.\n");
            }
            other => return other,
        }
    }
}

/// The passphrase of a new backup: the first line of a file, or typed on the terminal twice.
fn new_passphrase(context: &Context, file: Option<&Path>) -> Result<Passphrase, Failure> {
    if let Some(path) = file {
        let passphrase = from_file(path)?;
        return match is_long_enough(&passphrase.0) {
            true => Ok(passphrase),
            false => Err(unusable_file(path, TOO_SHORT.to_owned())),
        };
    }
    loop {
        let passphrase = typed(context, "New passphrase for the backup: ")?;
        if !is_long_enough(&passphrase) {
            tell(&format!("{TOO_SHORT}.\n"));
        } else if passphrase == typed(context, "The same again: ")? {
            return Ok(Passphrase(passphrase));
        } else {
            tell("The two are not the same. Try again.\n");
        }
    }
}

fn is_long_enough(passphrase: &str) -> bool {
    passphrase.chars().count() >= PASSPHRASE_MIN_CHARS
}

/// A passphrase that somebody types and nobody sees.
fn typed(context: &Context, question: &str) -> Result<String, Failure> {
    let none = |reason: &str| {
        Failure::new(
            "no-passphrase",
            Class::Refused,
            "there is no passphrase for the backup",
            "Type one on a terminal, or name a file whose first line it is, with --passphrase-file FILE",
        )
        .because(reason)
    };
    if !can_ask() {
        return Err(none("nobody can be asked here"));
    }
    match context.terminal().ask_unseen(question) {
        Answer::Line(line) => Ok(line),
        Answer::End => Err(none("none was typed")),
        Answer::Interrupted => Err(cancelled_at_question()),
    }
}

fn unusable_file(path: &Path, reason: String) -> Failure {
    let message = format!("the passphrase file {} cannot be used", path.display());
    Failure::new("passphrase-file", Class::Environment, message, "Put the passphrase into its first line")
        .because(reason)
}

fn from_file(path: &Path) -> Result<Passphrase, Failure> {
    let unusable = |reason: String| unusable_file(path, reason);
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(PASSPHRASE_MAX_BYTES).read_to_string(&mut text))
        .map_err(|error| unusable(error.to_string()))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(unusable("its first line is empty".to_owned()));
    }
    Ok(Passphrase(line.to_owned()))
}
