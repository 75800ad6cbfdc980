//! The native dialogs of the console, and what the console keeps over a restart, in a real window.
//!
//! Without a session bus the dialogs are `zenity`; a script of that name, first on the path, answers in its place with
//! what a person would have chosen, and writes down what it was asked.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console_story::{act, until};
use crate::desk::Desk;

type Outcome = Result<(), Box<dyn Error>>;

/// The size the places below were measured at.
const SIZE: (&str, &str) = ("1280", "696");
/// Places in the window.
const FOLDER: (&str, &str) = ("790", "148");
const FILES: (&str, &str) = ("864", "148");

/// A console in a real window, and the folder all of it happens in.
struct Console {
    desk: Desk,
    id: String,
    folder: PathBuf,
}

impl Console {
    fn open(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let path = |name: &str| folder.join(name).display().to_string();
        let search = format!("PATH={}:{}", path("bin"), std::env::var("PATH")?);
        let mut desk = Desk::open(&[
            "env",
            &format!("HOME={}", folder.display()),
            &format!("PACKHOUSE_KEYS={}", path("keys")),
            &format!("XDG_DATA_HOME={}", path("kept")),
            &search,
            env!("CARGO_BIN_EXE_packhouse"),
            "--library",
            &path("library"),
        ])?;
        let window = desk.ask("wait 'Packhouse' 60")?;
        let id = window.split(' ').nth(1).ok_or("no window id")?.to_owned();
        act(&desk, "xdotool", &["windowsize", "--sync", &id, SIZE.0, SIZE.1])?;
        act(&desk, "xdotool", &["windowfocus", "--sync", &id])?;
        let console = Self { desk, id, folder: folder.to_owned() };
        let opened = folder.join("library/catalog.db");
        console.wait("the library is made", || opened.is_file())?;
        Ok(console)
    }

    fn click(&self, place: (&str, &str)) -> Outcome {
        act(&self.desk, "xdotool", &["mousemove", "--window", &self.id, place.0, place.1, "click", "1"])
    }

    fn press(&self, keys: &[&str]) -> Outcome {
        act(&self.desk, "xdotool", &[&["key", "--delay", "100"], keys].concat())
    }

    /// Runs a command by its name: Find a command, the name, Enter.
    fn command(&self, name: &str) -> Outcome {
        self.press(&["ctrl+k"])?;
        act(&self.desk, "xdotool", &["type", "--delay", "60", name])?;
        self.press(&["Return"])
    }

    /// Waits; the pointer moves a little meanwhile, which changes nothing.
    fn wait(&self, what: &str, condition: impl FnMut() -> bool) -> Outcome {
        until(what, condition, || {
            act(&self.desk, "xdotool", &["mousemove", "--window", &self.id, "640", "500"])
        })
    }

    /// How often a native dialog was asked for, and with which words the last time.
    fn asked(&self) -> (usize, String) {
        let log = fs::read_to_string(self.folder.join("asked")).unwrap_or_default();
        (log.lines().count(), log.lines().last().unwrap_or_default().to_owned())
    }

    /// What the next native dialogs answer.
    fn will_choose(&self, paths: &[&Path]) -> Outcome {
        let lines: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        Ok(fs::write(self.folder.join("answer"), lines.join("\n"))?)
    }

    /// Does `open` until a native dialog was asked for, and waits until it has answered.
    fn choose(&self, mut open: impl FnMut(&Self) -> Outcome) -> Result<String, Box<dyn Error>> {
        let (before, _) = self.asked();
        until("a native dialog", || self.asked().0 > before, || open(self))?;
        Ok(self.asked().1)
    }
}

/// The script that answers in the place of `zenity`: one line in `asked` for each time, `answer` as the choice.
fn stand_in(folder: &Path) -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = folder.join("bin");
    fs::create_dir(&bin)?;
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && exec echo 3.44.0\nprintf '%s ' \"$@\" >>'{0}/asked'\n\
         echo >>'{0}/asked'\ncat '{0}/answer'\n",
        folder.display()
    );
    fs::write(bin.join("zenity"), script)?;
    Ok(fs::set_permissions(bin.join("zenity"), fs::Permissions::from_mode(0o755))?)
}

/// Runs the command line with the keys of the folder.
fn cli(folder: &Path, arguments: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_packhouse-cli"))
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("PACKHOUSE_KEYS", folder.join("keys"))
        .output()?;
    if output.status.success() { Ok(()) } else { Err(format!("{arguments:?}: {output:?}").into()) }
}

#[test]
fn native_dialogs_answer_with_what_was_chosen() -> Outcome {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    stand_in(folder.path())?;
    for (name, file) in [("Tool 1.0", "tool.exe"), ("Größe & Maß 2.5", "setup.exe")] {
        fs::create_dir(at(name))?;
        fs::write(at(name).join(file), name)?;
    }
    cli(folder.path(), &["--library", "first", "register", "Tool 1.0", "--seal"])?;
    cli(folder.path(), &["--library", "first", "archive", "Tool", "--to", "shelf"])?;
    let console = Console::open(folder.path())?;

    // Restore… > Browse…: a file. The keyboard stands in the path field.
    console.will_choose(&[&at("shelf/Tool-1.0.tar.zst")])?;
    let asked = console.choose(|console| {
        console.press(&["Escape", "Escape"])?;
        console.command("restore")?;
        console.press(&["Tab", "space"])
    })?;
    assert!(asked.contains("--file-selection") && !asked.contains("--directory"), "{asked}");
    let restored = at("library/packages/Tool/1.0/data/tool.exe");
    until("it is restored", || restored.is_file(), || console.press(&["Tab", "space"]))?;

    // New package > Folder…
    console.will_choose(&[&at("Größe & Maß 2.5")])?;
    let asked = console.choose(|console| {
        console.press(&["ctrl+n"])?;
        console.click(FOLDER)
    })?;
    assert!(asked.contains("--directory"), "{asked}");
    let made = at("library/packages/Größe & Maß/2.5/data/setup.exe");
    until("the package is there", || made.is_file(), || console.press(&["Return"]))?;

    // It is selected: Export… > Browse…
    console.will_choose(&[&at("out")])?;
    let asked = console.choose(|console| console.press(&["Escape", "ctrl+e", "Tab", "space"]))?;
    assert!(asked.contains("--directory"), "{asked}");
    let copied = at("out/data/setup.exe");
    until("it is exported", || copied.is_file(), || console.press(&["Tab", "space"]))?;

    // History > Export… > Browse…: a file to write. The format comes before the field.
    console.will_choose(&[&at("history.csv")])?;
    console.press(&["Escape"])?;
    let asked = console.choose(|console| {
        console.press(&["Escape", "Escape"])?;
        console.command("export history")?;
        console.press(&["Tab", "space"])
    })?;
    assert!(asked.contains("--save"), "{asked}");
    until("it is written", || at("history.csv").is_file(), || console.press(&["Tab", "space"]))?;
    assert!(fs::read_to_string(at("history.csv"))?.contains("Größe & Maß"));

    // New package > Files…: several. Leaving the page leaves nothing.
    console.will_choose(&[&at("Tool 1.0/tool.exe"), &at("Größe & Maß 2.5/setup.exe")])?;
    let asked = console.choose(|console| {
        console.press(&["Escape", "ctrl+n"])?;
        console.click(FILES)
    })?;
    assert!(asked.contains("--multiple"), "{asked}");
    console.desk.close()?;
    Ok(())
}

#[test]
fn theme_and_density_outlast_a_restart() -> Outcome {
    let folder = tempfile::tempdir()?;
    stand_in(folder.path())?;
    let dark = photograph(Console::open(folder.path())?, folder.path(), "dark", |console| {
        console.command("light")?;
        console.command("comfortable")?;
        Ok(())
    })?;
    let light = photograph(Console::open(folder.path())?, folder.path(), "light", |_| Ok(()))?;
    assert!(dark < 0.4 && light > 0.8, "brightness before {dark} and after the restart {light}");
    let kept = kept(&folder.path().join("kept"))?;
    assert!(kept.contains("light") && kept.contains("comfortable"), "{kept}");
    Ok(())
}

/// Photographs a console as it starts, then does `more` and quits it. Gives the brightness of the picture, 0 to 1.
fn photograph(
    mut console: Console,
    folder: &Path,
    name: &str,
    more: impl FnOnce(&Console) -> Outcome,
) -> Result<f64, Box<dyn Error>> {
    let photo = folder.join(format!("{name}.png"));
    console.desk.ask(&format!("photo '{}' {}", photo.display(), console.id))?;
    more(&console)?;
    console.press(&["ctrl+q"])?;
    assert_eq!(console.desk.ask("exit 30")?, "exit 0");
    console.desk.close()?;
    let output = Command::new("convert")
        .arg(&photo)
        .args(["-colorspace", "Gray", "-format", "%[fx:mean]", "info:"])
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// What the console kept.
fn kept(folder: &Path) -> Result<String, Box<dyn Error>> {
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "ron") {
                return Ok(fs::read_to_string(path)?);
            }
        }
    }
    Err("nothing was kept".into())
}
