//! What the command line prints: text or JSON on standard output, failures on standard error.
//!
//! Owns the two streams. Text of strangers is made harmless here: a control character in a file name must not move the
//! cursor of whoever reads it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use crate::failure::{Class, Failure};
pub(crate) use crate::package::numbers::many as count;

/// How many details of a failure are printed unless all are asked for.
const DETAILS_SHOWN: usize = 50;

/// The two output streams.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    quiet: bool,
    verbose: bool,
    out: RefCell<BufWriter<Stdout>>,
    broken: RefCell<Option<io::Error>>,
}

impl Report {
    pub(crate) fn new(json: bool, quiet: bool, verbose: bool) -> Self {
        let out = RefCell::new(BufWriter::with_capacity(1 << 16, io::stdout()));
        Self { json, quiet, verbose, out, broken: RefCell::new(None) }
    }

    /// Whether a JSON document is wanted instead of text.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether text on standard output would be seen.
    pub(crate) fn wants_text(&self) -> bool {
        !self.json && !self.quiet
    }

    /// Writes to standard output through its buffer.
    pub(crate) fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut broken = self.broken.borrow_mut();
        if broken.is_none() {
            *broken = write(&mut *self.out.borrow_mut()).err();
        }
    }

    /// A line of text on standard output; nothing where JSON or silence is wanted.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if self.wants_text() {
            self.write(|out| writeln!(out, "{}", harmless(text.as_ref())));
        }
    }

    /// The one JSON document, where it is wanted.
    pub(crate) fn document(&self, value: &impl Serialize) {
        if self.json {
            self.write(|out| {
                serde_json::to_writer(&mut *out, value)?;
                writeln!(out)
            });
        }
    }

    /// One object of a stream, a line of its own, seen at once.
    pub(crate) fn stream(&self, value: &impl Serialize) {
        self.document(value);
        self.flush();
    }

    /// Brings to the reader what was written so far.
    pub(crate) fn flush(&self) {
        self.write(|out| out.flush());
    }

    /// A remark on standard error.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            // Nobody is left to be told that standard error is gone.
            let _ = writeln!(io::stderr(), "note: {}", harmless(text.as_ref()));
        }
    }

    /// Ends standard output. A reader that went away (`| head`) is no failure.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        self.flush();
        match self.broken.borrow_mut().take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
                "output",
                Class::Environment,
                "standard output cannot be written",
                "Check where it goes, then try again",
            )
            .because(error.to_string())),
            _ => Ok(()),
        }
    }

    /// Tells a failure on standard error: code and message, reason, action, then the details.
    pub(crate) fn failure(&self, failure: &Failure) {
        let text = failure_text(failure, self.verbose);
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// The lines of a failure.
pub(crate) fn failure_text(failure: &Failure, all: bool) -> String {
    let mut text = format!("error[{}]: {}\n", failure.code, harmless(&failure.message));
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}: {}", harmless(value));
        }
    };
    add("reason", &failure.reason);
    add("action", &failure.action);
    if all {
        add("same as", failure.same_as.unwrap_or_default());
    }
    let shown = if all { failure.details.len() } else { failure.details.len().min(DETAILS_SHOWN) };
    for detail in &failure.details[..shown] {
        let _ = writeln!(text, "  {}", harmless(detail));
    }
    if failure.details.len() > shown {
        let _ = writeln!(text, "  and {} more (--verbose names all)", failure.details.len() - shown);
    }
    text
}

/// The text with every control character, line end and direction mark written out.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\t' => written.push_str("\\t"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            c if harmful(c) => {
                let _ = write!(written, "\\u{{{:x}}}", u32::from(c));
            }
            c => written.push(c),
        }
    }
    Cow::Owned(written)
}

/// A size for people: `742 bytes`, `3.56 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") };
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match value {
        value if value < 10.0 => format!("{value:.2} {}", UNITS[unit]),
        value if value < 100.0 => format!("{value:.1} {}", UNITS[unit]),
        value => format!("{value:.0} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_order_and_in_bounds() {
        let details = (0..60).map(|n| format!("file {n}\u{1b}[31m")).collect();
        let failure =
            Failure::new("source-refused", Class::Refused, "60 entries cannot be taken", "Rename them")
                .because("two\nlines")
                .with_details(details);
        let text = failure_text(&failure, false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "error[source-refused]: 60 entries cannot be taken");
        assert_eq!(lines[1], "reason: two\\nlines");
        assert_eq!(lines[2], "action: Rename them");
        assert_eq!(lines[3], "  file 0\\u{1b}[31m");
        assert_eq!(lines.len(), 3 + 50 + 1);
        assert_eq!(lines[53], "  and 10 more (--verbose names all)");
        assert_eq!(failure_text(&failure, true).lines().count(), 3 + 60);
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1536, "1.50 KiB"),
            (1023 * 1024, "1.00 MiB"),
            (3_822_520_893, "3.56 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
