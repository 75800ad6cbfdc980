//! `key`: own keys that seal, foreign keys that are trusted, backups.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::words::moment;
use crate::cli::arguments::{KeyCommand, UseWord};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::can_ask;
use crate::failure::{Class, Failure};
use crate::session::{
    CreateKey, DistrustKey, ExportKey, ImportKey, KeyInfo, KeyUse, ListKeys, Passphrase, RetireKey, ShowKey,
    TrustKey,
};

/// A passphrase file is read so far.
const PASSPHRASE_MAX_BYTES: u64 = 4096;

/// `key create|show|trust|distrust|list|export|import|retire`
pub(super) fn key(context: &Context, command: KeyCommand) -> Result<Exit, Failure> {
    let session = context.open(true)?;
    let (key, done) = match command {
        KeyCommand::List => {
            let keys = context.run(&session, ListKeys {})?;
            context.report.document(&keys);
            for key in &keys {
                context.report.line(one_line(key));
            }
            return Ok(Exit::Done);
        }
        KeyCommand::Show { name } => {
            let key = context.run(&session, ShowKey { name })?;
            context.report.document(&key);
            context.report.line(one_line(&key));
            context.report.line(&key.public);
            return Ok(Exit::Done);
        }
        KeyCommand::Create { name } => {
            let key = context.run(&session, CreateKey { name })?;
            context.report.note(format!(
                "it exists only here. Save a backup now: packhouse-cli key export {:?} FILE",
                key.name
            ));
            (key, "Made")
        }
        KeyCommand::Trust { key, name, uses } => {
            let uses = uses.into_iter().map(KeyUse::from).collect();
            (context.run(&session, TrustKey { key, name, uses })?, "Trusted")
        }
        KeyCommand::Distrust { name } => (context.run(&session, DistrustKey { name })?, "No longer trusted"),
        KeyCommand::Retire { name } => (context.run(&session, RetireKey { name })?, "Retired"),
        KeyCommand::Export { name, to, passphrase_file } => {
            // Asked for only once it is sure that there is such a key.
            context.run(&session, ShowKey { name: name.clone() })?;
            let passphrase = passphrase(context, passphrase_file.as_deref(), true)?;
            (context.run(&session, ExportKey { name, to, passphrase })?, "Wrote a backup of")
        }
        KeyCommand::Import { from, name, passphrase_file } => {
            let name = name.unwrap_or_else(|| name_of(&from));
            let passphrase = passphrase(context, passphrase_file.as_deref(), false)?;
            (context.run(&session, ImportKey { from, name, passphrase })?, "Imported")
        }
    };
    context.report.document(&key);
    context.report.line(format!("{done} {} (key {})", key.name, key.key_id));
    Ok(Exit::Done)
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

/// The passphrase of a backup: the first line of a file, or typed on the terminal, a new one twice.
fn passphrase(context: &Context, file: Option<&Path>, new: bool) -> Result<Passphrase, Failure> {
    if let Some(path) = file {
        return from_file(path);
    }
    let none = |reason: &str| {
        Failure::new(
            "no-passphrase",
            Class::Refused,
            "there is no passphrase for the backup",
            "Type one on a terminal, or name a file with --passphrase-file FILE",
        )
        .because(reason)
    };
    if !can_ask() {
        return Err(none("nobody can be asked here"));
    }
    let ask = |prompt: &str| {
        context.while_asking(|| rpassword::prompt_password(prompt)).map_err(|error| none(&error.to_string()))
    };
    let typed = ask("Passphrase of the backup: ")?;
    if new && typed != ask("The same again: ")? {
        return Err(none("the two are not the same"));
    }
    if typed.is_empty() {
        return Err(none("it is empty"));
    }
    Ok(Passphrase(typed))
}

fn from_file(path: &Path) -> Result<Passphrase, Failure> {
    let unusable = |reason: String| {
        let message = format!("the passphrase file {} cannot be used", path.display());
        Failure::new("passphrase-file", Class::Environment, message, "Put the passphrase into its first line")
            .because(reason)
    };
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
