//! From the start of the console to what is seen: its first frame, and the first rows of its list. With an empty library and with one of 100,000 packages, rendered in software on a screen of its own.
//!
//! Beside it, in the same run and by the same eye, a small program of the desktop: `zenity --info`. Each start is a new
//! process with settings of its own; the files it reads are warm. Times are from before the fork until the pixels of
//! the screen have changed, looked at every other millisecond.

#[path = "support/many_packages.rs"]
mod many_packages;
mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Outcome, data_folder, report};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::rust_connection::RustConnection;

const RUNS: usize = 11;
const SCREEN: (i16, i16) = (1280, 800);
/// Where the eye looks: left, top, width, height.
const EVERYTHING: (i16, i16, u16, u16) = (0, 0, 1280, 800);
/// Rows of the list stand here; while the library is being opened nothing does.
const LIST: (i16, i16, u16, u16) = (300, 420, 800, 300);
/// A program that shows nothing until then has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(2);

fn main() -> Outcome {
    let data = data_folder()?;
    let many = many_packages::library(&data)?;
    let empty = tempfile::tempdir()?;
    let screen = Screen::open()?;
    let mut millis: [Vec<f64>; 5] = Default::default();
    for _ in 0..RUNS {
        let (frame, _) = screen.start(&mut console(&empty.path().join("library")))?;
        millis[0].push(frame);
        let (frame, list) = screen.start(&mut console(&many))?;
        millis[1].push(frame);
        millis[2].push(list);
        let (frame, _) = screen.start(Command::new("zenity").args(["--info", "--text", "Packhouse"]))?;
        millis[3].push(frame);
        millis[4].push(millis[1][millis[1].len() - 1] / frame);
    }
    let names = [
        "start_to_first_frame_empty_ms",
        "start_to_first_frame_100000_packages_ms",
        "start_to_list_100000_packages_ms",
        "zenity_start_to_first_frame_ms",
        "first_frame_100000_packages_vs_zenity",
    ];
    names.iter().zip(&mut millis).for_each(|(name, values)| report(name, values));
    Ok(())
}

/// The console on `library`, with nothing of the user's.
fn console(library: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhouse"));
    command.args(["--theme", "dark", "--library"]).arg(library);
    command.env("PACKHOUSE_KEYS", library.with_extension("keys"));
    command.env("XDG_DATA_HOME", library.with_extension("settings"));
    command
}

/// An X server without a screen, and a pair of eyes on it.
struct Screen {
    server: Child,
    display: String,
    eye: RustConnection,
    root: u32,
}

impl Screen {
    fn open() -> Outcome<Self> {
        let size = format!("{}x{}x24", SCREEN.0, SCREEN.1);
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &size, "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("Xvfb: {error}; apt-get install xvfb zenity"))?;
        let mut number = String::new();
        let output = server.stdout.take().ok_or("no pipe")?;
        BufReader::new(output).read_line(&mut number)?;
        let display = format!(":{}", number.trim());
        let (eye, screen) = x11rb::connect(Some(&display))?;
        let root = x11rb::connection::Connection::setup(&eye).roots[screen].root;
        Ok(Self { server, display, eye, root })
    }

    /// Starts a program; gives the milliseconds until anything is on the screen, and until something stands where a
    /// console with packages has its list (for anything else the first time again).
    fn start(&self, command: &mut Command) -> Outcome<(f64, f64)> {
        self.wait(|screen| Ok(!screen.is_drawn(EVERYTHING)?))?;
        command.env("DISPLAY", &self.display).env("LIBGL_ALWAYS_SOFTWARE", "1");
        for name in ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DBUS_SESSION_BUS_ADDRESS"] {
            command.env_remove(name);
        }
        let has_list =
            command.get_args().any(|argument| argument.to_string_lossy().contains("many-packages"));
        let started = Instant::now();
        let mut program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let seen = self.wait(|screen| screen.is_drawn(EVERYTHING)).and_then(|()| {
            let frame = started.elapsed().as_secs_f64() * 1e3;
            if has_list {
                self.wait(|screen| screen.is_drawn(LIST))?;
            }
            Ok((frame, started.elapsed().as_secs_f64() * 1e3))
        });
        program.kill()?;
        program.wait()?;
        seen
    }

    fn wait(&self, until: impl Fn(&Self) -> Outcome<bool>) -> Outcome {
        let end = Instant::now() + PATIENCE;
        while !until(self)? {
            if Instant::now() > end {
                return Err("nothing was to be seen".into());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Whether there is more than one colour in this part of the screen.
    fn is_drawn(&self, (x, y, width, height): (i16, i16, u16, u16)) -> Outcome<bool> {
        let image = self.eye.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, height, u32::MAX)?;
        let pixels = image.reply()?.data;
        let first = pixels.get(..4).ok_or("an empty picture")?;
        Ok(pixels.chunks_exact(4).any(|pixel| pixel != first))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The server is ours: it ends with the benchmark.
        let _killed = self.server.kill();
        let _ended = self.server.wait();
    }
}
