//! A screen of its own for one program, as a value: `desk.py` in a child, ended when the value goes.
//!
//! Owns the child and the line protocol with it. Knows nothing of what the program shows.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running screen with one program on it.
pub(crate) struct Desk {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    display: String,
}

/// The path of a script beside this file.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/window").join(name)
}

impl Desk {
    /// Starts a screen and `command` on it.
    pub(crate) fn open(command: &[&str]) -> io::Result<Self> {
        let mut child = Command::new("python3")
            .arg(script("desk.py"))
            .arg("--")
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no pipe from the desk"))?;
        let mut desk = Self { child, requests, answers: BufReader::new(output), display: String::new() };
        let first = desk.answer()?;
        desk.display =
            first.strip_prefix("display ").map(str::to_owned).ok_or_else(|| io::Error::other(first))?;
        Ok(desk)
    }

    /// The value of `DISPLAY` for other programs that shall see this screen.
    pub(crate) fn display(&self) -> &str {
        &self.display
    }

    /// Sends one request (see `desk.py`) and returns its answer; an answer `error …` is an error.
    pub(crate) fn ask(&mut self, request: &str) -> io::Result<String> {
        let requests = self.requests.as_mut().ok_or_else(|| io::Error::other("the desk is closed"))?;
        writeln!(requests, "{request}")?;
        requests.flush()?;
        let answer = self.answer()?;
        if answer.starts_with("error ") { Err(io::Error::other(answer)) } else { Ok(answer) }
    }

    /// Ends the program and its screen, and waits until both are gone.
    pub(crate) fn close(mut self) -> io::Result<()> {
        self.requests = None;
        self.child.wait().map(drop)
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // The end of its input is what the desk ends by; waiting keeps the next test from finding its windows.
        self.requests = None;
        let _ended = self.child.wait();
    }
}
