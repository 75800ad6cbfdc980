//! The rules of the house, as values and functions from text to complaints.
//!
//! Owns: which room may name which, what only the front ends may do, what every module must have. Opens no file: it is
//! given paths and texts, so that the rules can be tried on planted faults.

use crate::paths::{NamedPath, Token, named_paths, text_at, tokens};

/// A room, and the other rooms it may name. The arrows run one way:
/// `package <- disk, store <- archive_file <- library, transfer, serve <- delivery <- session <- console | cli`.
/// `library` and `transfer` never name each other; `console` and `cli` know the session and what a package is.
const ROOMS: &[(&str, &[&str])] = &[
    ("work", &[]),
    ("package", &["work"]),
    ("failure", &["package"]),
    ("store", &["package", "work"]),
    ("disk", &["package", "work"]),
    ("archive_file", &["disk", "package", "work"]),
    ("library", &["archive_file", "disk", "store", "package", "work", "failure"]),
    ("transfer", &["archive_file", "disk", "store", "package", "work", "failure"]),
    ("serve", &["disk", "package", "work", "failure"]),
    ("delivery", &["library", "transfer", "archive_file", "disk", "store", "package", "work", "failure"]),
    (
        "session",
        &[
            "delivery",
            "library",
            "transfer",
            "serve",
            "archive_file",
            "disk",
            "store",
            "package",
            "work",
            "failure",
        ],
    ),
    ("place", &["session", "failure"]),
    ("console", &["place", "session", "package", "work", "failure"]),
    ("cli", &["place", "session", "package", "work", "failure"]),
    ("main.rs", &["console", "session", "package", "work", "failure"]),
    ("bin/packhouse-cli.rs", &["cli", "session", "package", "work", "failure"]),
];

/// The rooms that never print, never ask, and never read the environment or the home folder.
const ENGINE: &[&str] = &[
    "work",
    "failure",
    "package",
    "disk",
    "archive_file",
    "store",
    "library",
    "transfer",
    "serve",
    "delivery",
    "session",
];

/// A crate, and the only places that may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("egui", &["console", "main.rs"]),
    ("eframe", &["console", "main.rs"]),
    ("egui_extras", &["console", "main.rs"]),
    ("egui_kittest", &["console"]),
    ("rfd", &["console", "main.rs"]),
    ("notify_rust", &["console"]),
    ("poll_promise", &["console", "main.rs"]),
    ("clap", FRONT_ENDS),
    ("clap_complete", FRONT_ENDS),
    ("clap_mangen", FRONT_ENDS),
    ("etcetera", FRONT_ENDS),
    ("indicatif", FRONT_ENDS),
    ("rpassword", FRONT_ENDS),
    ("tracing_subscriber", FRONT_ENDS),
    ("rusqlite", &["store"]),
    ("nix", &["disk"]),
    ("axum", &["serve"]),
    ("hyper", &["serve"]),
    ("hyper_util", &["serve"]),
    ("tokio_rustls", &["serve"]),
    ("rcgen", &["serve"]),
    ("chacha20poly1305", &["transfer"]),
    ("reqwest", &["transfer", "delivery"]),
    ("object_store", &["delivery"]),
    ("tokio", &["transfer", "serve", "delivery"]),
    ("rustls", &["transfer", "serve"]),
    ("rustls_platform_verifier", &["transfer"]),
];
const FRONT_ENDS: &[&str] = &["place", "console", "cli", "main.rs", "bin/packhouse-cli.rs"];

/// The path beginnings that the room `package` never names: it is pure.
const NOT_PURE: &[&[&str]] = &[
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["rustix"],
    &["tokio"],
];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];
const STANDARD_STREAMS: &[&str] = &["stdin", "stdout", "stderr"];

/// A file of more lines is two things.
pub(crate) const MOST_LINES: usize = 700;
/// A file of more lines is asking to be two things; said, not failed.
pub(crate) const MANY_LINES: usize = 500;

/// What is wrong with one file under `src/`, each complaint with file and line; empty where nothing is.
///
/// `path` is relative to `src/`, with `/`: `store/schema.rs`.
pub(crate) fn complaints_of_source(path: &str, text: &str) -> Vec<String> {
    let mut complaints = complaints_of_shape(path, text);
    // lib.rs is the map: it declares every room, and no arrow starts there.
    let room = room_of(path);
    let is_known = ROOMS.iter().any(|(name, _)| *name == room);
    if room != "lib.rs" && !is_known {
        complaints.push(format!("{path}:1: `{room}` is no room of the house"));
        return complaints;
    }
    let tokens = tokens(text);
    let mut say = |line: usize, what: String| complaints.push(format!("{path}:{line}: {what}"));
    for named in named_paths(&tokens) {
        if let Some(what) = wrong_arrow(path, room, &named) {
            say(named.line, what);
        }
        if let Some(what) = wrong_crate(room, &named) {
            say(named.line, what);
        }
        if ENGINE.contains(&room)
            && let Some(what) = front_end_work(&named)
        {
            say(named.line, format!("{what}: only the front ends do, and hand the answer in"));
        }
        if room == "package"
            && let Some(what) = NOT_PURE.iter().find(|start| starts_with(&named.parts, start))
        {
            say(named.line, format!("`package` is pure and names `{}`", what.join("::")));
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        if let Some(what) = wrong_macro(room, &tokens, at) {
            say(token.line, what);
        }
    }
    complaints.dedup();
    complaints
}

/// What is wrong with any Rust file of the house, its place not considered: no opening words, too long.
pub(crate) fn complaints_of_shape(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.trim_start_matches("//!").trim().is_empty() || !first.starts_with("//!") {
        complaints.push(format!("{path}:1: opens without `//!` and what the module is for"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        complaints.push(format!("{path}:{lines}: {lines} lines, more than {MOST_LINES}"));
    }
    complaints
}

/// The room a file belongs to: the first part of its path, `main.rs` and the like for the programs.
fn room_of(path: &str) -> &str {
    if path.starts_with("bin/") || path == "main.rs" || path == "lib.rs" {
        return path;
    }
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Where a path leads to a room that `room` may not name, or to the whole house.
fn wrong_arrow(path: &str, room: &str, named: &NamedPath) -> Option<String> {
    if room == "lib.rs" {
        return None;
    }
    let from_root = from_root(path, named)?;
    let target = match from_root.first().map(String::as_str) {
        None | Some("*" | "self") => return Some(format!("`{room}` takes the whole house at once")),
        Some(target) => target,
    };
    let (_, allowed) = ROOMS.iter().find(|(name, _)| *name == room)?;
    if target == room || allowed.contains(&target) {
        return None;
    }
    if ROOMS.iter().any(|(name, _)| *name == target) {
        let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
        Some(format!("`{room}` names `{target}`; it may name {allowed}"))
    } else {
        Some(format!("`{room}` names `{target}`, which is no room of the house"))
    }
}

/// The parts of a path counted from the root of the library; `None` for a path that does not leave its room.
fn from_root(path: &str, named: &NamedPath) -> Option<Vec<String>> {
    let is_program = path == "main.rs" || path.starts_with("bin/");
    let first = named.parts.first()?.as_str();
    match first {
        "packhouse" if is_program && named.parts.len() > 1 => Some(named.parts[1..].to_vec()),
        // `pub(crate)` and `extern crate` name no path; `use crate as house` would hide all that follow.
        "crate" if !is_program && named.parts.len() > 1 => Some(named.parts[1..].to_vec()),
        "super" | "self" if !is_program => {
            let mut module = module_of(path);
            module.extend(named.inline_modules.iter().cloned());
            let mut rest = named.parts.as_slice();
            if rest.first().is_some_and(|part| part == "self") {
                rest = &rest[1..];
            }
            let mut rose = false;
            while rest.first().is_some_and(|part| part == "super") {
                module.pop();
                rest = &rest[1..];
                rose = true;
            }
            (rose && module.is_empty()).then(|| rest.to_vec())
        }
        _ => None,
    }
}

/// The modules a file stands for: `store/schema.rs` is `store`, `schema`; `store/mod.rs` is `store`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

fn wrong_crate(room: &str, named: &NamedPath) -> Option<String> {
    let first = named.parts.first()?;
    let (name, places) = CRATES.iter().find(|(name, _)| name == first)?;
    (!places.contains(&room)).then(|| format!("`{room}` names `{name}`; only {} may", places.join(", ")))
}

/// Where a path reads the environment, the home folder, or a standard stream.
fn front_end_work(named: &NamedPath) -> Option<String> {
    let parts: Vec<&str> = named.parts.iter().map(String::as_str).collect();
    let text = named.parts.join("::");
    match parts.as_slice() {
        // What kind of system this was built for is no environment.
        ["std", "env", "consts", ..] => None,
        ["std", "env", ..] | ["env", _, ..] => Some(format!("`{text}` reads the environment")),
        [.., "home_dir"] => Some(format!("`{text}` reads the home folder")),
        [.., "io", stream] if STANDARD_STREAMS.contains(stream) => {
            Some(format!("`{text}` speaks to the terminal"))
        }
        _ => None,
    }
}

/// Macros and attributes: printing, and ways to bring in text that these rules would not see.
fn wrong_macro(room: &str, tokens: &[Token], at: usize) -> Option<String> {
    let text = text_at(tokens, at);
    let is_macro = text_at(tokens, at + 1) == "!";
    if is_macro && PRINTING.contains(&text) && ENGINE.contains(&room) {
        return Some(format!("`{text}!` in the engine: only the front ends print"));
    }
    if is_macro && text == "include" {
        return Some("`include!` brings in text that has no place in the tree".to_owned());
    }
    if text == "path" && text_at(tokens, at + 1) == "=" && at >= 2 && text_at(tokens, at - 2) == "#" {
        return Some("`#[path]` puts a module where the tree does not show it".to_owned());
    }
    if text == "crate" && text_at(tokens, at + 1) == "as" {
        return Some("the house under another name".to_owned());
    }
    None
}

fn starts_with(parts: &[String], start: &[&str]) -> bool {
    parts.len() >= start.len() && parts.iter().zip(start).all(|(part, wanted)| part == wanted)
}
