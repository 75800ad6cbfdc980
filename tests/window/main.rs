//! Real windows on a screen of their own: started, waited for, dragged onto, photographed, ended.
//!
//! The screen is `desk.py`, the drag `xdnd_source.py`, both beside this file.

#[cfg(feature = "gui")]
mod console_story;
mod desk;
#[cfg(feature = "gui")]
mod native_dialogs;
#[cfg(all(feature = "gui", target_os = "linux"))]
mod programs;

use std::error::Error;
use std::process::Command;

use desk::{Desk, script};

#[test]
fn a_desk_shows_a_window_photographs_it_and_ends_with_it() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut desk = Desk::open(&["zenity", "--info", "--title", "Desk test", "--text", "here"])?;
    let window = desk.ask("wait 'Desk test'")?;
    let id = window.split(' ').nth(1).ok_or("no window id")?.to_owned();
    let photo = folder.path().join("desk.png");
    desk.ask(&format!("photo '{}' {id}", photo.display()))?;
    assert!(std::fs::read(&photo)?.starts_with(b"\x89PNG"), "the photograph is no PNG");
    assert!(desk.ask("wait 'no such title' 0.2").is_err());

    // A window that takes no files says so, and the drag passes it on.
    let drag = Command::new("python3")
        .arg(script("xdnd_source.py"))
        .args(["--window", &id, "--timeout", "5"])
        .arg(folder.path())
        .env("DISPLAY", desk.display())
        .output()?;
    assert_eq!(drag.status.code(), Some(1), "{drag:?}");
    assert!(String::from_utf8_lossy(&drag.stderr).contains("the window"), "{drag:?}");

    let display = desk.display().to_owned();
    desk.close()?;
    let after = Command::new("xwininfo").args(["-root", "-display", &display]).output()?;
    assert!(!after.status.success(), "the screen {display} is still there");
    Ok(())
}
