//! A failure as a person reads it: what happened, why, what to do, under a stable code.
//!
//! Every room has its own error type; this is the one form in which they all reach a screen or a terminal.
//! Knows what a package is, and no other room.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// What kind of failure it is; decides the exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The answer is no: differs, damaged, not valid. Exit code 1.
    No,
    /// The request does not make sense as it was put. Exit code 2.
    Usage,
    /// A rule forbids it: sealed, blocked, not trusted, somebody else's turn. Exit code 3.
    Refused,
    /// Disk, database or network. Exit code 4.
    Environment,
    /// Cancelled by a person. Exit code 130.
    Cancelled,
}

/// A failure in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Stable, lower-case, words joined by `-`: `consistency-differs`.
    pub code: &'static str,
    /// Which kind.
    pub class: Class,
    /// What happened, a sentence fragment beginning in lower case.
    pub message: String,
    /// Why; empty where the message says it.
    pub reason: String,
    /// What to do next.
    pub action: String,
    /// The number DSM has for the same thing, as `SDM228429`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<&'static str>,
    /// The files or names concerned, one a line, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What a verification found, where that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<crate::package::CheckReport>>,
    /// Whether trying again later may help without anything being changed.
    pub temporary: bool,
}

impl Failure {
    /// A failure with a code, a class, what happened and what to do.
    pub fn new(
        code: &'static str,
        class: Class,
        message: impl Into<String>,
        action: impl Into<String>,
    ) -> Self {
        Self {
            code,
            class,
            message: message.into(),
            reason: String::new(),
            action: action.into(),
            same_as: None,
            details: Vec::new(),
            report: None,
            temporary: false,
        }
    }

    /// Adds why.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Adds the number DSM has for it.
    pub fn same_as(mut self, number: &'static str) -> Self {
        self.same_as = Some(number);
        self
    }

    /// Adds the names concerned.
    pub fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// Says that trying again later may help.
    pub fn temporary(mut self) -> Self {
        self.temporary = true;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// A word as it is typed on a command line, for an action: in quotes where it would be more than one.
pub fn argument(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@' | '/');
    if !word.is_empty() && word.chars().all(is_plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("\"{}\"", word.replace('"', "\\\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_two_words_is_one_argument() {
        assert_eq!(argument("7-Zip@24.09"), "7-Zip@24.09");
        assert_eq!(argument("Größe@1"), "Größe@1");
        assert_eq!(argument("My Tool@1.0"), "\"My Tool@1.0\"");
        assert_eq!(argument(""), "\"\"");
        assert_eq!(argument("a\"b; rm"), "\"a\\\"b; rm\"");
    }
}
