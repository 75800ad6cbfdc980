//! The house keeps its plan: arrows run one way, the engine stays silent, every module says what it is for.
//!
//! Reads the sources as text and fails with file and line. The rules are in `rules`, tried here on planted faults
//! first, so that a rule which no longer sees anything turns red too.

mod paths;
mod rules;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rules::{MANY_LINES, complaints_of_shape, complaints_of_source};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`, with its path relative to it, in order.
fn rust_files(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(entry.path())?));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[test]
#[expect(clippy::print_stdout, reason = "long files are said, not failed; the runner keeps it unless asked")]
fn the_sources_keep_the_rules() -> io::Result<()> {
    let files = rust_files(&root().join("src"))?;
    assert!(files.iter().any(|(path, _)| path == "package/mod.rs"), "the sources were not found: {files:?}");
    let complaints: Vec<String> =
        files.iter().flat_map(|(path, text)| complaints_of_source(path, text)).collect();
    assert!(complaints.is_empty(), "under src/:\n{}", complaints.join("\n"));
    for (path, text) in files.iter().filter(|(_, text)| text.lines().count() > MANY_LINES) {
        println!("src/{path} is asking to be two files: {} lines", text.lines().count());
    }
    Ok(())
}

#[test]
fn tests_and_benchmarks_say_what_they_are_for() -> io::Result<()> {
    let mut complaints = Vec::new();
    for folder in ["tests", "benches"].map(|name| root().join(name)).iter().filter(|folder| folder.is_dir()) {
        for (path, text) in rust_files(folder)? {
            complaints.extend(complaints_of_shape(&folder.join(path).to_string_lossy(), &text));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

/// The complaints about a file whose opening words are in order, and whose second line on is `body`.
fn complaints(path: &str, body: &str) -> Vec<String> {
    complaints_of_source(path, &format!("//! What it is for.\n{body}"))
}

#[track_caller]
fn assert_caught(path: &str, body: &str, line: usize, word: &str) {
    let found = complaints(path, body);
    let place = format!("{path}:{line}: ");
    assert!(
        found.iter().any(|complaint| complaint.starts_with(&place) && complaint.contains(word)),
        "{path} with {body:?} should be caught at line {line} for `{word}`, was: {found:?}"
    );
}

#[track_caller]
fn assert_clean(path: &str, body: &str) {
    let found = complaints(path, body);
    assert!(found.is_empty(), "{path} with {body:?} is in order, but: {found:?}");
}

#[test]
fn an_arrow_that_runs_back_is_caught() {
    assert_caught("package/key.rs", "use crate::store::Catalogue;", 2, "store");
    assert_caught(
        "store/mod.rs",
        "\n\nuse crate::{\n    package::PackageKey,\n    library::seal,\n};",
        6,
        "library",
    );
    assert_caught("library/scan.rs", "fn a() { crate::session::open() }", 2, "session");
    assert_caught("library/scan.rs", "use crate::transfer::survey;", 2, "transfer");
    assert_caught("transfer/http.rs", "pub use crate::library as shelves;", 2, "library");
    assert_caught("session/mod.rs", "type A = Vec<crate::console::App>;", 2, "console");
    assert_caught("console/tree.rs", "use crate::library::Library;", 2, "library");
    assert_caught("console/tree.rs", "use crate::cli;", 2, "cli");
    assert_caught("cli/args.rs", "use crate::store;", 2, "store");
    assert_caught("work.rs", "use crate::package::PackageKey;", 2, "package");
    assert_caught("main.rs", "use packhouse::{console, store};", 2, "store");
    assert_caught("bin/packhouse-cli.rs", "fn main() { packhouse::library::open(); }", 2, "library");
}

#[test]
fn an_arrow_in_test_code_or_by_way_of_super_is_caught() {
    assert_caught(
        "package/key.rs",
        "#[cfg(test)]\nmod tests {\n    use crate::library::Library;\n}",
        4,
        "library",
    );
    assert_caught("package/mod.rs", "use super::store;", 2, "store");
    assert_caught("package/key.rs", "use super::super::store::Catalogue;", 2, "store");
    assert_caught(
        "package/key.rs",
        "mod tests { mod inner { use super::super::super::super::store; } }",
        2,
        "store",
    );
    assert_caught("work.rs", "use super::package;", 2, "package");
}

#[test]
fn a_way_around_the_rules_is_caught() {
    assert_caught("package/key.rs", "use crate::*;", 2, "whole house");
    assert_caught("package/key.rs", "use crate::{self as house};", 2, "whole house");
    assert_caught("package/key.rs", "use crate as house;", 2, "another name");
    assert_caught("package/mod.rs", "use super::*;", 2, "whole house");
    assert_caught("package/key.rs", "#[path = \"../store/mod.rs\"]\nmod store;", 2, "path");
    assert_caught("package/key.rs", "include!(\"../store/mod.rs\");", 2, "include");
    assert_caught("cellar/mod.rs", "", 1, "no room");
    assert_caught("library/mod.rs", "use crate::cellar::wine;", 2, "cellar");
}

#[test]
fn a_crate_outside_its_place_is_caught() {
    assert_caught("session/mod.rs", "use egui::Context;", 2, "egui");
    assert_caught("cli/report.rs", "fn a(_: &::eframe::Frame) {}", 2, "eframe");
    assert_caught("library/mod.rs", "use rfd;", 2, "rfd");
    assert_caught("session/mod.rs", "use poll_promise::Promise;", 2, "poll_promise");
    assert_caught("lib.rs", "use eframe::egui;", 2, "eframe");
    assert_caught("session/mod.rs", "use rusqlite::Connection;", 2, "rusqlite");
    assert_caught("library/mod.rs", "use clap::Parser;", 2, "clap");
    assert_caught("store/mod.rs", "fn a() { rpassword::prompt_password(\"\"); }", 2, "rpassword");
}

#[test]
fn an_engine_that_prints_or_reads_the_environment_is_caught() {
    assert_caught("library/scan.rs", "fn a() {\n    println!(\"x\");\n}", 3, "println");
    assert_caught("store/mod.rs", "fn a() { std::eprintln!(\"x\") }", 2, "eprintln");
    assert_caught("package/key.rs", "fn a() { dbg!(1); }", 2, "dbg");
    assert_caught("session/mod.rs", "fn a() { std::env::var(\"HOME\"); }", 2, "std::env::var");
    assert_caught("session/mod.rs", "use std::{env, fs};", 2, "std::env");
    assert_caught("transfer/http.rs", "fn a() { env::var_os(\"http_proxy\"); }", 2, "env::var_os");
    assert_caught("library/mod.rs", "fn a() { std::env::home_dir(); }", 2, "home_dir");
    assert_caught("library/mod.rs", "use etcetera::home_dir;", 2, "home folder");
    assert_caught("library/mod.rs", "use std::io::{self, stdout};", 2, "stdout");
    assert_caught("library/mod.rs", "fn a() { io::stdin().lines(); }", 2, "stdin");
}

#[test]
fn a_package_room_that_touches_the_world_is_caught() {
    assert_caught("package/key.rs", "use std::fs::File;", 2, "std::fs");
    assert_caught("package/key.rs", "use std::{collections::BTreeMap, thread};", 2, "std::thread");
    assert_caught("package/key.rs", "fn a() { std::time::SystemTime::now(); }", 2, "SystemTime");
}

#[test]
fn a_file_without_words_or_without_end_is_caught() {
    assert!(complaints_of_source("store/mod.rs", "use std::fmt;\n")[0].contains("//!"));
    assert!(complaints_of_source("store/mod.rs", "//!\nuse std::fmt;\n")[0].contains("//!"));
    assert!(complaints_of_source("store/mod.rs", "")[0].contains("//!"));
    assert!(complaints("store/mod.rs", &"\n".repeat(700))[0].contains("701 lines"));
    assert_clean("store/mod.rs", &"\n".repeat(699));
}

#[test]
fn what_is_in_order_is_left_alone() {
    assert_clean("lib.rs", "pub mod package;\npub mod store;\npub use store::Catalogue;");
    assert_clean("store/mod.rs", "use crate::{package::{PackageKey, digest::*}, work::Work};");
    assert_clean("store/schema.rs", "use super::rows::Row;\nuse crate::store::rows;\npub(crate) fn a() {}");
    assert_clean("store/schema.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n}\nuse super::rows;");
    assert_clean(
        "console/mod.rs",
        "use egui::Ui;\nuse crate::session::Session;\nfn a() { std::env::args(); }",
    );
    assert_clean("main.rs", "use packhouse::console;\nfn main() { eframe::run_native(); }");
    assert_clean("bin/packhouse-cli.rs", "fn main() -> std::process::ExitCode { packhouse::cli::run() }");
    assert_clean(
        "library/mod.rs",
        "const A: &str = std::env::consts::OS;\nconst B: &str = env!(\"CARGO_PKG_NAME\");",
    );
    // Words are no code.
    assert_clean(
        "package/key.rs",
        "// crate::store\n/* use egui; /* println!() */ std::env */\n/// See crate::library.",
    );
    assert_clean(
        "package/key.rs",
        "const A: &str = \"crate::store \\\" println!(\";\nconst B: &str = r#\"std::fs::read\"#;",
    );
    assert_clean(
        "package/key.rs",
        "fn a<'egui>(q: &'egui str) -> bool { q == \"'\" || q.starts_with(['\"', '\\'']) }",
    );
}

/// The lines of the fenced code blocks of a Markdown text.
fn code_lines(markdown: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            found.push(line.trim());
        }
    }
    found
}

#[test]
fn the_readme_says_what_is_run() -> io::Result<()> {
    let readme = fs::read_to_string(root().join("README.md"))?;
    let code = code_lines(&readme);
    assert!(code.contains(&"cargo run --release"), "the README does not say how to start the console");
    let script = fs::read_to_string(root().join(".ci/run"))?;
    let commands: Vec<&str> =
        script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(commands, ["exec bash tests/run"], ".ci/run does more or less than the tests");
    assert!(code.contains(&"bash tests/run"), "the README does not say what .ci/run runs");
    let cargo = fs::read_to_string(root().join("Cargo.toml"))?;
    assert!(cargo.contains("\ndefault-run = \"packhouse\"\n"), "`cargo run` would not start the console");
    Ok(())
}
