//! Real windows and what stands beside them: killed and started again, a second console, the command line, the program
//! that the system has for a file, and a drop onto a property window.

use std::error::Error;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::console_story::{act, until};
use crate::desk::{Desk, script};

type Done = Result<(), Box<dyn Error>>;

/// A screen, a folder to play in, and who is at work there.
struct Place {
    desk: Desk,
    folder: tempfile::TempDir,
}

/// A console in its window; ended with this value.
struct Console {
    child: Child,
    id: String,
}

impl Drop for Console {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn text(path: &Path) -> Result<&str, Box<dyn Error>> {
    path.to_str().ok_or_else(|| "not UTF-8".into())
}

impl Place {
    fn new() -> Result<Self, Box<dyn Error>> {
        // The screen wants a program; the consoles are started beside it, so that they can be killed.
        let desk = Desk::open(&["tail", "-f", "/dev/null"])?;
        let folder = tempfile::tempdir()?;
        fs::DirBuilder::new().mode(0o700).create(folder.path().join("runtime"))?;
        Ok(Self { desk, folder })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, program: &str, data: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", self.desk.display())
            .env("HOME", self.folder.path())
            .env("PACKHOUSE_LIBRARY", self.at("library"))
            .env("PACKHOUSE_KEYS", self.at("keys"))
            .env("XDG_DATA_HOME", self.at(data))
            .env("XDG_RUNTIME_DIR", self.at("runtime"))
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(Stdio::null());
        command
    }

    /// Runs the command line on the library.
    fn cli(&self, arguments: &[&str]) -> Done {
        let output = self.program(env!("CARGO_BIN_EXE_packhouse-cli"), "data").args(arguments).output()?;
        if output.status.success() { Ok(()) } else { Err(format!("{arguments:?}: {output:?}").into()) }
    }

    /// Registers a folder with one file.
    fn register(&self, name: &str, file: &str) -> Done {
        let source = self.at(name);
        fs::create_dir(&source)?;
        fs::write(source.join(file), name)?;
        self.cli(&["register", text(&source)?])
    }

    /// Starts a console and waits for its window.
    fn console(&mut self, change: impl FnOnce(&mut Command)) -> Result<Console, Box<dyn Error>> {
        let mut command = self.program(env!("CARGO_BIN_EXE_packhouse"), "data");
        change(&mut command);
        let child = command.spawn()?;
        let mut console = Console { child, id: String::new() };
        let window = self.desk.ask("wait 'Packhouse' 60")?;
        console.id = window.split(' ').nth(1).ok_or("no window id")?.to_owned();
        act(&self.desk, "xdotool", &["windowfocus", "--sync", &console.id])?;
        self.settle(&console)?;
        Ok(console)
    }

    fn resize(&self, console: &Console, width: &str, height: &str) -> Done {
        act(&self.desk, "xdotool", &["windowmove", &console.id, "0", "0"])?;
        act(&self.desk, "xdotool", &["windowsize", "--sync", &console.id, width, height])
    }

    fn photo(&mut self, console: &Console, name: &str) -> Result<PathBuf, Box<dyn Error>> {
        let photo = self.at(name);
        self.desk.ask(&format!("photo '{}' {}", photo.display(), console.id))?;
        Ok(photo)
    }

    /// Waits until the picture stays as it is.
    fn settle(&mut self, console: &Console) -> Result<PathBuf, Box<dyn Error>> {
        let (mut last, mut equal) = (Vec::new(), 0);
        for _ in 0..200 {
            let photo = self.photo(console, "settling.ppm")?;
            let now = fs::read(&photo)?;
            equal = if now == last { equal + 1 } else { 0 };
            if equal == 3 {
                return Ok(photo);
            }
            last = now;
        }
        Err("the window does not come to rest".into())
    }

    /// What the window shows once it is at rest, kept under a name.
    fn picture(&mut self, console: &Console, name: &str) -> Result<PathBuf, Box<dyn Error>> {
        let kept = self.at(name);
        fs::copy(self.settle(console)?, &kept)?;
        Ok(kept)
    }

    fn keys(&mut self, console: &Console, keys: &[&str]) -> Done {
        for key in keys {
            act(&self.desk, "xdotool", &["key", key])?;
            self.settle(console)?;
        }
        Ok(())
    }

    fn write(&mut self, console: &Console, text: &str) -> Done {
        act(&self.desk, "xdotool", &["type", "--delay", "20", text])?;
        self.settle(console).map(drop)
    }

    /// Everything that is kept over a restart, as it lies on the disk now.
    fn kept(&self) -> String {
        fs::read_to_string(self.at("data/packhouse/app.ron")).unwrap_or_default()
    }

    fn windows(&self) -> Result<usize, Box<dyn Error>> {
        let found = Command::new("xdotool")
            .args(["search", "--onlyvisible", "--name", "^Packhouse"])
            .env("DISPLAY", self.desk.display())
            .output()?;
        Ok(String::from_utf8_lossy(&found.stdout).lines().count())
    }
}

/// How many pixels two pictures of one size do not have in common.
fn different(one: &Path, other: &Path) -> Result<usize, Box<dyn Error>> {
    let (one, other) = (fs::read(one)?, fs::read(other)?);
    if one.len() != other.len() {
        return Ok(one.len().max(other.len()) / 3);
    }
    Ok(one.chunks(3).zip(other.chunks(3)).filter(|(a, b)| a != b).count())
}

#[test]
fn what_was_arranged_is_there_after_a_kill() -> Done {
    let mut place = Place::new()?;
    place.register("Alpha 9.0", "a.exe")?;
    place.register("Beta 1.0", "b.exe")?;
    let console = place.console(|_| ())?;
    place.resize(&console, "1100", "640")?;
    let fresh = place.picture(&console, "fresh.ppm")?;
    // Sorted by version; filter row, details pane, higher rows.
    act(&place.desk, "xdotool", &["mousemove", "--window", &console.id, "460", "114", "click", "1"])?;
    place.keys(&console, &["ctrl+shift+f", "F4", "ctrl+plus"])?;
    let arranged = place.picture(&console, "arranged.ppm")?;
    assert!(different(&fresh, &arranged)? > 4000, "the arrangement is not seen");
    let written = |place: &Place| place.kept().contains("comfortable");
    until("the arrangement is written", || written(&place), || act(&place.desk, "true", &[]))?;
    // It is written some seconds after the last change: the size of the window with it.
    drop(console);
    let console = place.console(|_| ())?;
    let size = place.desk.ask("wait 'Packhouse' 60")?;
    assert!(size.ends_with(" 1100 640"), "{size}");
    place.resize(&console, "1100", "640")?;
    let again = place.picture(&console, "again.ppm")?;
    let (off, was) = (different(&arranged, &again)?, different(&fresh, &again)?);
    // The ring around what had the keyboard is the only thing that goes.
    assert!(off < 4000 && was > 4000, "{off} pixels from the arrangement, {was} from the start");

    // The page too.
    place.keys(&console, &["ctrl+5"])?;
    let page = place.picture(&console, "page.ppm")?;
    until("the page is written", || place.kept().contains("inconsistent"), || act(&place.desk, "true", &[]))?;
    drop(console);
    let console = place.console(|_| ())?;
    place.resize(&console, "1100", "640")?;
    let again = place.picture(&console, "page-again.ppm")?;
    let off = different(&page, &again)?;
    assert!(off < 4000 && different(&arranged, &again)? > off, "{off} pixels from the page");
    Ok(())
}

#[test]
fn a_second_console_hands_its_paths_over_and_ends() -> Done {
    let mut place = Place::new()?;
    place.register("Alpha 9.0", "a.exe")?;
    let console = place.console(|_| ())?;
    let source = place.at("Gamma 3.0");
    fs::create_dir(&source)?;
    fs::write(source.join("g.exe"), "gamma")?;
    let second = place.program(env!("CARGO_BIN_EXE_packhouse"), "data").arg(&source).output()?;
    assert!(second.status.success(), "{second:?}");
    assert_eq!(place.windows()?, 1, "one window for one library");
    let package = place.at("library/packages/Gamma/3.0/data/g.exe");
    // Its page is filled in; the main button is the default.
    until(
        "the package of the second console",
        || package.is_file(),
        || act(&place.desk, "xdotool", &["key", "--delay", "200", "Return"]),
    )?;
    drop(console);
    Ok(())
}

#[test]
fn a_command_is_found_and_carried_out_with_keys_alone() -> Done {
    let mut place = Place::new()?;
    place.register("Alpha 9.0", "a.exe")?;
    let console = place.console(|_| ())?;
    let to = place.at("successor");
    place.keys(&console, &["ctrl+k"])?;
    place.write(&console, "hand over")?;
    place.keys(&console, &["Return"])?;
    place.write(&console, text(&to)?)?;
    place.keys(&console, &["Return"])?;
    let page = to.join("hand-over.html");
    until("the hand over", || page.is_file(), || act(&place.desk, "true", &[]))
}

#[test]
fn what_the_command_line_changes_is_seen_without_a_touch() -> Done {
    let mut place = Place::new()?;
    place.register("Alpha 9.0", "a.exe")?;
    let console = place.console(|_| ())?;
    let before = place.picture(&console, "before.ppm")?;
    place.register("Beta 1.0", "b.exe")?;
    let mut after = before.clone();
    // A row more is more than a cursor that blinks.
    let mut off = 0;
    for _ in 0..200 {
        after = place.photo(&console, "after.ppm")?;
        off = different(&before, &after)?;
        if off > 300 {
            break;
        }
    }
    assert!(off > 300, "nothing was seen of it: {off} pixels");
    place.cli(&["remove", "Beta@1.0", "--yes"])?;
    let seen = after;
    let with_it = place.at("with.ppm");
    fs::copy(seen, &with_it)?;
    let mut gone = 0;
    for _ in 0..200 {
        gone = different(&with_it, &place.photo(&console, "gone.ppm")?)?;
        if gone > 300 {
            break;
        }
    }
    assert!(gone > 300, "the removal was not seen: {gone} pixels");
    Ok(())
}

#[test]
fn a_property_window_is_opened_by_keys_takes_a_drop_and_opens_a_file() -> Done {
    let mut place = Place::new()?;
    place.register("Alpha 9.0", "z.txt")?;
    // The program that the system has for a file: it writes down what it is given.
    let programs = place.at("programs");
    let log = place.at("opened");
    fs::create_dir(&programs)?;
    fs::write(programs.join("xdg-open"), "#!/bin/sh\nprintf '%s\\n' \"$@\" >>\"$OPENED\"\n")?;
    fs::set_permissions(programs.join("xdg-open"), fs::Permissions::from_mode(0o755))?;
    let path = format!("{}:{}", text(&programs)?, std::env::var("PATH")?);
    let console = place.console(|command| {
        command.env("PATH", path).env("OPENED", &log);
    })?;
    place.resize(&console, "1280", "696")?;
    place.settle(&console)?;
    // Tool bar, tree, list; the first row; its window; its third tab.
    place.keys(&console, &["F6", "F6", "F6", "Home", "Return", "ctrl+Tab", "ctrl+Tab"])?;

    let added = place.at("notes.txt");
    fs::write(&added, "read me")?;
    let drag = script("xdnd_source.py");
    let arguments = [text(&drag)?, "--window", &console.id, "--timeout", "20", text(&added)?];
    act(&place.desk, "python3", &arguments)?;
    place.settle(&console)?;
    let file = place.at("library/packages/Alpha/9.0/data/notes.txt");
    until(
        "the file is in the package",
        || file.is_file(),
        || act(&place.desk, "xdotool", &["key", "--delay", "200", "Return"]),
    )?;
    place.settle(&console)?;

    // The first row of the files.
    until(
        "the file is opened",
        || fs::read_to_string(&log).is_ok_and(|opened| opened.contains("data/notes.txt")),
        || {
            let arguments = ["mousemove", "--window", &console.id, "350", "316"];
            act(&place.desk, "xdotool", &arguments)?;
            act(&place.desk, "xdotool", &["click", "--repeat", "2", "--delay", "60", "1"])
        },
    )
}
