//! What the command line says of itself: completions, the manual, and the commands that its messages name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::Place;
use crate::support::tool;

#[test]
fn bash_takes_the_completions() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.run(&["completions", shell]).ends(0).out;
        assert!(script.contains("auto-register"), "{shell}");
        fs::write(place.path(shell), script).expect("a file");
    }
    let bash = tool("bash", "apt-get install bash");
    assert!(Command::new(&bash).arg("-n").arg(place.path("bash")).status().expect("bash runs").success());
    // The words that bash offers after `packhouse-cli che`.
    let script = "source \"$0\"; [[ $(complete -p packhouse-cli) =~ -F\\ ([^ ]+) ]]; COMP_WORDS=(packhouse-cli che); \
                  COMP_CWORD=1; ${BASH_REMATCH[1]} packhouse-cli che packhouse-cli; echo \"${COMPREPLY[@]}\"";
    let offered =
        Command::new(&bash).args(["-c", script]).arg(place.path("bash")).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&offered.stdout).trim(), "check");
    place.run(&["completions", "csh"]).ends(2);
}

#[test]
fn the_manual_has_its_sections_and_a_page_for_each_command() {
    let place = Place::new();
    let page = place.run(&["man"]).ends(0).out;
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SUBCOMMANDS"] {
        assert!(page.lines().any(|line| line.starts_with(&format!(".SH {section}"))), "{section}");
    }
    place.run(&["man", "--to", "pages"]).ends(0);
    for command in ["packhouse-cli", "packhouse-cli-check", "packhouse-cli-key-export"] {
        let page = fs::read_to_string(place.path(&format!("pages/{command}.1"))).expect("a page");
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{command}");
    }
    fs::write(place.path("file"), b"").expect("a file");
    place.run(&["man", "--to", "file"]).refuses(4, "io");
}

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The words after each `packhouse-cli ` in a text, as far as they are words of commands.
fn named_commands(text: &str, found: &mut BTreeSet<Vec<String>>) {
    // A text may run on in the next line of the source.
    let text = text.split('\\').map(str::trim_start).collect::<Vec<_>>().join("");
    for after in text.split("packhouse-cli ").skip(1) {
        let mut words = Vec::new();
        for word in after.split(' ') {
            let end = word.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(word.len());
            words.extend((end > 0).then(|| word[..end].to_owned()));
            if end == 0 || end < word.len() {
                break;
            }
        }
        found.insert(words);
    }
}

#[test]
fn the_commands_that_messages_name_exist() {
    let place = Place::new();
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut named = BTreeSet::new();
    for file in files {
        named_commands(&fs::read_to_string(file).expect("a source"), &mut named);
    }
    let mut checked = BTreeSet::new();
    for words in named.iter().filter(|words| !words.is_empty()) {
        let command = words[0].as_str();
        let has_own = ["key", "group", "library"].contains(&command);
        let path: Vec<&str> = words.iter().take(if has_own { 2 } else { 1 }).map(String::as_str).collect();
        if checked.insert(path.iter().map(ToString::to_string).collect::<Vec<_>>()) {
            place.run(&[&["help"], &path[..]].concat()).ends(0);
        }
    }
    for known in ["rebuild", "list", "check", "consistency", "restore", "seal"] {
        assert!(checked.contains(&vec![known.to_owned()]), "{known} is named: {checked:?}");
    }
    place.run(&["help", "no-such-command"]).ends(2);
    assert!(checked.contains(&vec!["key".to_owned(), "export".to_owned()]), "{checked:?}");
}

#[test]
fn what_an_action_says_can_be_typed() {
    let place = Place::new();
    place.source("My Tool 1.0", &[("a", b"1")]);
    place.run(&["register", "My Tool 1.0", "--name", "My Tool", "--version", "1.0"]).ends(0);
    place.run(&["consistency", "My Tool", "off"]).ends(0);
    fs::write(place.path("library/packages/My Tool/1.0/data/b"), b"2").expect("a file");
    let asked = place.run(&["consistency", "My Tool", "on"]).refuses(3, "consistency-question");
    let typed = asked.err.lines().find_map(|line| line.split(", or: ").nth(1)).expect("a command to type");
    let script = typed.replace("packhouse-cli", "\"$0\"");
    let ran = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_packhouse-cli")])
        .env("PACKHOUSE_LIBRARY", place.path("library"))
        .env("PACKHOUSE_KEYS", place.path("keys"))
        .output()
        .expect("a shell");
    assert!(ran.status.success(), "{typed}: {}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(place.run(&["show", "My Tool", "--json"]).ends(0).json()["blocked"], true);
    let refused = place.run(&["remove", "My Tool"]).refuses(3, "not-confirmed");
    assert!(refused.err.contains("packhouse-cli remove \"My Tool@1.0\" --yes"), "{}", refused.err);
}

#[test]
fn the_help_of_json_holds_for_commands_that_write_a_line_at_a_time() {
    let place = Place::new();
    for command in ["download", "serve", "manage", "check"] {
        let help = place.run(&[command, "--help"]).ends(0).out;
        let json =
            help.split("--json").nth(1).expect("its option").lines().take(4).collect::<Vec<_>>().join(" ");
        let json = json.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(json.contains("one document, or one a line"), "{command}: {json}");
    }
}
