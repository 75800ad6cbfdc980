//! The terminal as somebody who answers: whether anybody sits there, questions, passphrases that are not shown.
//!
//! Owns the promise that Ctrl+C in the middle of a question leaves the terminal as it was found, echo and all. Must not
//! know what is asked.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::report::harmless;

/// Whether somebody sits there to answer.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A line, without white space at its ends.
    Line(String),
    /// The end of input: Ctrl+D, or a terminal that went away.
    End,
    /// Ctrl+C.
    Interrupted,
}

/// The question that is open now, if one is. Clones speak of the same terminal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terminal {
    open: Arc<Mutex<Option<Settings>>>,
}

impl Terminal {
    /// Asks a question and waits for a line.
    pub(crate) fn ask(&self, question: &str) -> Answer {
        let _open = self.open_question();
        tell(&harmless(question));
        let mut answer = String::new();
        match io::stdin().read_line(&mut answer) {
            Ok(read) if read > 0 => Answer::Line(answer.trim().to_owned()),
            _ => {
                tell("\n");
                Answer::End
            }
        }
    }

    /// Asks for a passphrase, which is not shown while it is typed.
    pub(crate) fn ask_unseen(&self, question: &str) -> Answer {
        let _open = self.open_question();
        match rpassword::prompt_password(harmless(question)) {
            Ok(typed) => Answer::Line(typed),
            // Ctrl+C is a character while nothing is shown; the signal is sent as well, see `end_at_question`.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Answer::Interrupted,
            Err(_) => {
                tell("\n");
                Answer::End
            }
        }
    }

    fn open_question(&self) -> OpenQuestion<'_> {
        *self.settings() = Some(Settings::of_terminal());
        OpenQuestion(self)
    }

    fn settings(&self) -> MutexGuard<'_, Option<Settings>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a question is open, sets the terminal as it was before and calls `end`, which ends the program. The question
    /// cannot close meanwhile, so that the end is told by this or by the one who asked, and never by both.
    pub(crate) fn end_at_question(&self, end: impl FnOnce()) {
        let open = self.settings();
        if let Some(settings) = &*open {
            settings.restore();
            end();
        }
    }
}

/// A question is open until this is dropped.
struct OpenQuestion<'t>(&'t Terminal);

impl Drop for OpenQuestion<'_> {
    fn drop(&mut self) {
        *self.0.settings() = None;
    }
}

/// Writes to the terminal what belongs to a question.
pub(crate) fn tell(text: &str) {
    let mut terminal = io::stderr();
    // A question that cannot be seen is not answered, and that is told.
    let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
}

/// How the terminal was set before a question.
#[derive(Debug)]
struct Settings {
    #[cfg(unix)]
    attributes: Option<rustix::termios::Termios>,
}

impl Settings {
    #[cfg(unix)]
    fn of_terminal() -> Self {
        Self { attributes: rustix::termios::tcgetattr(io::stdin()).ok() }
    }

    #[cfg(unix)]
    fn restore(&self) {
        if let Some(attributes) = &self.attributes {
            // A terminal that went away needs nothing.
            let _ =
                rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, attributes);
        }
    }

    #[cfg(not(unix))]
    fn of_terminal() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    fn restore(&self) {}
}
