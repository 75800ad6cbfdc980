//! The real console in a real window: a folder dragged onto it from another program becomes a package.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::desk::{Desk, script};

/// How long the program may take for what a person waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a program that acts on the screen of the desk.
pub(crate) fn act(desk: &Desk, program: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let output = Command::new(program).args(arguments).env("DISPLAY", desk.display()).output()?;
    if output.status.success() { Ok(()) } else { Err(format!("{program} {arguments:?}: {output:?}").into()) }
}

/// Repeats `again` until `condition` holds.
pub(crate) fn until(
    what: &str,
    mut condition: impl FnMut() -> bool,
    mut again: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > end {
            return Err(format!("waited in vain: {what}").into());
        }
        again()?;
    }
    Ok(())
}

#[test]
fn a_folder_dragged_onto_the_window_becomes_a_package() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let library = folder.path().join("library");
    let source = folder.path().join("Größe & Maß 2.5");
    fs::create_dir(&source)?;
    fs::write(source.join("setup.exe"), b"installer")?;
    let path = |path: &Path| path.to_str().map(str::to_owned).ok_or("not UTF-8");
    let home = format!("HOME={}", path(folder.path())?);
    let keys = format!("PACKHOUSE_KEYS={}", path(&folder.path().join("keys"))?);
    let config = format!("XDG_DATA_HOME={}", path(&folder.path().join("data"))?);
    let mut desk = Desk::open(&[
        "env",
        &home,
        &keys,
        &config,
        env!("CARGO_BIN_EXE_packhouse"),
        "--library",
        &path(&library)?,
    ])?;
    let window = desk.ask("wait 'Packhouse' 60")?;
    let id = window.split(' ').nth(1).ok_or("no window id")?.to_owned();
    act(&desk, "xdotool", &["windowfocus", "--sync", &id])?;
    let opened = library.join("catalog.db");
    until(
        "the library is made",
        || opened.is_file(),
        || act(&desk, "xdotool", &["mousemove", "300", "300"]),
    )?;

    let dragged = path(&source)?;
    let drag = script("xdnd_source.py");
    act(&desk, "python3", &[&path(&drag)?, "--window", &id, "--timeout", "20", &dragged])?;
    // The New package page is filled in; its main button is the default. Pressed before it is there, nothing happens.
    let package = library.join("packages/Größe & Maß/2.5/data/setup.exe");
    until(
        "the package is there",
        || package.is_file(),
        || act(&desk, "xdotool", &["key", "--delay", "200", "Return"]),
    )?;
    assert_eq!(fs::read(&package)?, b"installer");

    let photo = folder.path().join("console.png");
    desk.ask(&format!("photo '{}' {id}", photo.display()))?;
    assert!(fs::read(&photo)?.starts_with(b"\x89PNG"), "the photograph is no PNG");
    desk.close()?;
    Ok(())
}
