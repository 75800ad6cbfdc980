//! Where a front end stands: which library, which keys, who is at work. The console and the command line ask the same
//! questions here, so that they always mean the same library.
//!
//! Reads the environment, the home folder and the system's own names. Must not know what is done with the answers.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use jiff::tz::TimeZone;

use crate::failure::{Class, Failure};
use crate::session::Actor;

/// The library to work on: named, else `$PACKHOUSE_LIBRARY`, else `Packhouse` in the documents or home folder.
pub(crate) fn library(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    if let Some(named) = env::var_os("PACKHOUSE_LIBRARY").filter(|named| !named.is_empty()) {
        return Ok(PathBuf::from(named));
    }
    let home = home()?;
    let in_home = home.join("Packhouse");
    let Some(documents) = documents(&home).filter(|documents| documents.is_dir()) else {
        return Ok(in_home);
    };
    let in_documents = documents.join("Packhouse");
    // A library that was made before there was a documents folder stays the one that is meant.
    if !in_documents.exists() && in_home.join("catalog.db").exists() { Ok(in_home) } else { Ok(in_documents) }
}

/// The folder of the user's keys.
pub(crate) fn keys() -> Result<PathBuf, Failure> {
    if let Some(folder) = env::var_os("PACKHOUSE_KEYS").filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(folder));
    }
    let strategy = etcetera::choose_base_strategy().map_err(|_| no_home())?;
    Ok(strategy.data_dir().join("packhouse").join("keys"))
}

/// The folder of this computer's agent.
pub(crate) fn agent() -> Result<PathBuf, Failure> {
    #[cfg(unix)]
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/packhouse-agent"));
    }
    let strategy = etcetera::choose_base_strategy().map_err(|_| no_home())?;
    Ok(strategy.data_dir().join("packhouse").join("agent"))
}

/// The folder in which a server keeps the certificate it made, so that those who know it know it again.
pub(crate) fn certificates() -> Result<PathBuf, Failure> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| no_home())?;
    Ok(strategy.data_dir().join("packhouse").join("serve"))
}

/// The system and its version, as it tells them itself: `linux`, `12`.
pub(crate) fn system() -> (String, String) {
    let version = fs::read_to_string("/etc/os-release").ok().and_then(|text| version_line(&text));
    (env::consts::OS.to_owned(), version.unwrap_or_default())
}

fn version_line(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_ID="))?;
    let version = line.trim().trim_matches(['"', '\'']);
    (version.len() <= 64 && !version.chars().any(char::is_control)).then(|| version.to_owned())
}

/// The folder for copies of a library database that a program on another computer has to itself.
pub(crate) fn copies() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.cache_dir().join("packhouse").join("copies"))
}

/// A folder for sockets that is the user's alone, gone with the session where the system has such a place.
#[cfg(feature = "gui")]
pub(crate) fn runtime() -> PathBuf {
    match env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute()) {
        Some(folder) => folder.join("packhouse"),
        None => env::temp_dir().join(format!("packhouse-{}", account_number().replace(' ', "-"))),
    }
}

/// The folder for things that last no longer than a piece of work.
#[cfg(feature = "gui")]
pub(crate) fn scratch() -> PathBuf {
    env::temp_dir()
}

/// What the environment says for the sign-in at a server: the password, and a bearer token.
pub(crate) fn sign_in() -> (Option<String>, Option<String>) {
    let said = |name| env::var(name).ok().filter(|value| !value.is_empty());
    (said("PACKHOUSE_PASSWORD"), said("PACKHOUSE_TOKEN"))
}

/// The file of root certificates that are trusted beside those of the system: named, else `$PACKHOUSE_CERTIFICATES`.
pub(crate) fn trusted_certificates(named: Option<&Path>) -> Option<PathBuf> {
    let said = || env::var_os("PACKHOUSE_CERTIFICATES").filter(|file| !file.is_empty()).map(PathBuf::from);
    named.map(Path::to_owned).or_else(said)
}

/// The proxy the environment names, where it names one, and the hosts that are reached without it.
pub(crate) fn proxy() -> Option<(String, String)> {
    let first = |names: &[&str]| {
        let mut values = names.iter().filter_map(|name| env::var(name).ok());
        values.find(|value| !value.trim().is_empty())
    };
    let url = first(&["HTTPS_PROXY", "https_proxy", "http_proxy", "ALL_PROXY", "all_proxy"])?;
    let bypass = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Some((url, format!("localhost,127.0.0.1,::1,{bypass}")))
}

/// Who is at work, as History keeps it; `how` is `console` or `command line`.
pub(crate) fn actor(how: &str) -> Actor {
    Actor { who: account(), host: host(), how: how.to_owned(), time_zone: TimeZone::system() }
}

fn home() -> Result<PathBuf, Failure> {
    etcetera::home_dir().map_err(|_| no_home())
}

fn no_home() -> Failure {
    Failure::new(
        "no-home",
        Class::Environment,
        "your home folder is not known",
        "Name the library with --library DIR, and the folder of your keys with PACKHOUSE_KEYS",
    )
}

/// The documents folder: where `user-dirs.dirs` says (XDG), else `Documents`.
fn documents(home: &Path) -> Option<PathBuf> {
    let config = env::var_os("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    let said = fs::read_to_string(config.join("user-dirs.dirs")).ok();
    let said = said.as_deref().and_then(|text| documents_line(text, home));
    Some(said.unwrap_or_else(|| home.join("Documents")))
}

fn documents_line(text: &str, home: &Path) -> Option<PathBuf> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("XDG_DOCUMENTS_DIR="))?;
    let value = line.trim().trim_matches('"');
    match value.strip_prefix("$HOME") {
        // "$HOME" alone means that there is no such folder.
        Some("" | "/") => None,
        Some(rest) => Some(home.join(rest.trim_start_matches('/'))),
        None => Some(PathBuf::from(value)).filter(|path| path.is_absolute()),
    }
}

fn account() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .filter_map(|name| env::var(name).ok())
        .find(|name| !name.trim().is_empty());
    named.unwrap_or_else(account_number)
}

#[cfg(unix)]
fn account_number() -> String {
    format!("uid {}", rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn account_number() -> String {
    "unknown".to_owned()
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_what_the_system_says() {
        assert_eq!(version_line("NAME=x\nVERSION_ID=\"12\"\n"), Some("12".to_owned()));
        assert_eq!(version_line("VERSION_ID=13.1"), Some("13.1".to_owned()));
        assert_eq!(version_line("NAME=x"), None);
    }

    #[test]
    fn the_documents_folder_is_where_the_desktop_says() {
        let home = Path::new("/home/anna");
        let line = |text| documents_line(text, home);
        assert_eq!(line("# x\nXDG_DOCUMENTS_DIR=\"$HOME/Dokumente\"\n"), Some(home.join("Dokumente")));
        assert_eq!(line("XDG_DOCUMENTS_DIR=\"/srv/docs\""), Some(PathBuf::from("/srv/docs")));
        for none in
            ["", "XDG_MUSIC_DIR=\"$HOME/m\"", "XDG_DOCUMENTS_DIR=\"$HOME/\"", "XDG_DOCUMENTS_DIR=\"docs\""]
        {
            assert_eq!(line(none), None, "{none}");
        }
    }
}
