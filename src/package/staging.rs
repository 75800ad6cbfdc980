//! A staging library as a library keeps it, and the copies of packages that lie there. No name, password or token is
//! ever part of it.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use super::digest::Sha256Digest;
use super::key::PackageKey;
use super::record::PackageId;

/// What the name of a file begins with that somebody writes into a staging library and has not finished: it gets its
/// name when it is whole. No dot, for web servers list nothing that begins with one.
pub const UNFINISHED: &str = "packhouse-unfinished-";

/// Identity of a staging library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StagingId(pub uuid::Uuid);

impl fmt::Display for StagingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A staging library: the package store of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagingLibrary {
    /// Identity.
    pub id: StagingId,
    /// Its name, unique without regard to case.
    pub name: String,
    /// Where the console writes, without a password.
    pub write: String,
    /// Where agents read; the address for writing if absent.
    pub read: Option<String>,
    /// Where agents report; the address for writing if absent.
    pub report: Option<String>,
    /// What the line there carries, and when.
    pub line: Line,
    /// Only test computers read it: what lies there keeps no package sealed.
    pub for_tests: bool,
    /// When it was added.
    pub added: Timestamp,
    /// What the last reconcile found.
    pub reconciled: Option<LastReconcile>,
}

impl StagingLibrary {
    /// Where agents read.
    pub fn read_address(&self) -> &str {
        self.read.as_deref().unwrap_or(&self.write)
    }

    /// Where agents report.
    pub fn report_address(&self) -> &str {
        self.report.as_deref().unwrap_or(&self.write)
    }
}

/// The line to a staging library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Most bytes a second that are sent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
    /// When something may be sent; at any time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// A part of each day, in local time: `20:00-06:00` goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    from_minute: u16,
    until_minute: u16,
}

/// A text that is no part of a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no part of a day, such as 20:00-06:00")]
pub struct NotAWindow(String);

impl Window {
    /// Reads `HH:MM-HH:MM`.
    pub fn parse(text: &str) -> Result<Self, NotAWindow> {
        let minute = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let number = |text: &str, most: u16| {
                let is_number = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
                is_number.then(|| text.parse::<u16>().ok()).flatten().filter(|number| *number <= most)
            };
            let (hour, minute) = (number(hour, 24)?, number(minute, 59)?);
            let minutes = hour * 60 + minute;
            (minutes <= 24 * 60).then_some(minutes % (24 * 60))
        };
        let ends = text.split_once('-').and_then(|(from, until)| Some((minute(from)?, minute(until)?)));
        match ends {
            Some((from_minute, until_minute)) if from_minute != until_minute => {
                Ok(Self { from_minute, until_minute })
            }
            _ => Err(NotAWindow(text.chars().take(40).collect())),
        }
    }

    /// Whether something may be sent at this time of day.
    pub fn is_open(self, at: Time) -> bool {
        let now = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
        if self.from_minute < self.until_minute {
            (self.from_minute..self.until_minute).contains(&now)
        } else {
            now >= self.from_minute || now < self.until_minute
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (self.from_minute, self.until_minute);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

impl TryFrom<String> for Window {
    type Error = NotAWindow;

    fn try_from(text: String) -> Result<Self, NotAWindow> {
        Self::parse(&text)
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.to_string()
    }
}

/// What the last reconcile of a staging library found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReconcile {
    /// When.
    pub at: Timestamp,
    /// Packages there that the library does not know.
    pub unknown: u64,
    /// Copies that should be there and are not.
    pub missing: u64,
    /// Copies of an older revision.
    pub outdated: u64,
    /// Copies that are there in part.
    pub incomplete: u64,
}

/// How a staged copy was found last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StagedFinding {
    /// Every file is there, with its size or its content.
    Whole,
    /// Staging has begun and did not end: what is there has no seal.
    Incomplete,
    /// Something there is not as it was sent.
    Differs,
    /// It is not there any more.
    Missing,
    /// It was found there and never compared.
    Unverified,
}

impl StagedFinding {
    /// All findings.
    pub const ALL: [Self; 5] =
        [Self::Whole, Self::Incomplete, Self::Differs, Self::Missing, Self::Unverified];

    /// The word in the database and in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Incomplete => "incomplete",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Unverified => "unverified",
        }
    }

    /// The word on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "Whole",
            Self::Incomplete => "Incomplete",
            Self::Differs => "Differs",
            Self::Missing => "Missing",
            Self::Unverified => "Not verified",
        }
    }

    /// Reads [`StagedFinding::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finding| finding.code() == code)
    }
}

/// The copy of a package in a staging library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedCopy {
    /// The staging library.
    pub staging: StagingId,
    /// The package.
    pub package: PackageId,
    /// Its name and version when it was staged, which name its folder there.
    pub key: PackageKey,
    /// The revision that lies there, or is being sent.
    pub revision: u64,
    /// SHA-256 of its snapshot.
    pub snapshot: Sha256Digest,
    /// Files below `data/`.
    pub files: u64,
    /// Sum of their sizes.
    pub size_bytes: u64,
    /// When it was staged.
    pub staged_at: Timestamp,
    /// By whom.
    pub staged_by: String,
    /// How it was found last.
    pub finding: StagedFinding,
    /// When it was last verified by names and sizes.
    pub listed_at: Option<Timestamp>,
    /// When its contents were last read.
    pub read_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_may_go_over_midnight() {
        let night = Window::parse("20:00-06:30").expect("a window");
        for (hour, minute, open) in
            [(19, 59, false), (20, 0, true), (23, 59, true), (0, 0, true), (6, 29, true), (6, 30, false)]
        {
            assert_eq!(night.is_open(jiff::civil::time(hour, minute, 0, 0)), open, "{hour}:{minute}");
        }
        let day = Window::parse("8:00-17:00").expect("a window");
        assert_eq!(day.to_string(), "08:00-17:00");
        assert!(day.is_open(jiff::civil::time(8, 0, 0, 0)) && !day.is_open(jiff::civil::time(17, 0, 0, 0)));
        assert_eq!(Window::parse("18:00-24:00").expect("until midnight").to_string(), "18:00-00:00");
        for wrong in
            ["", "20:00", "20:00-20:00", "25:00-06:00", "20-06", "20:60-06:00", "-1:00-2:00", "24:01-1:00"]
        {
            assert!(Window::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn findings_have_words_of_their_own() {
        for finding in StagedFinding::ALL {
            assert_eq!(StagedFinding::from_code(finding.code()), Some(finding));
        }
    }
}
