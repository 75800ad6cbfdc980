//! The selected rows as text for the clipboard, made on any thread.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Moment;
use super::columns::ColumnKind;
use crate::console::selected::Selected;

/// Up to so many rows are turned into text at once.
const COPIED_AT_ONCE: usize = 500;

/// Rows about to become text.
pub struct Copied {
    pub(super) columns: Vec<ColumnKind>,
    pub(super) packages: Arc<Selected>,
    pub(super) now: Timestamp,
    pub(super) zone: TimeZone,
}

impl Copied {
    /// Whether there are so many that it takes its time.
    pub fn is_long(&self) -> bool {
        self.packages.len() > COPIED_AT_ONCE
    }

    /// A header and a line for each package.
    pub fn rows(&self) -> String {
        let moment = Moment { now: self.now, zone: &self.zone };
        let words: Vec<&str> = self.columns.iter().map(|kind| kind.word()).collect();
        let mut text = words.join("\t");
        text.push('\n');
        for package in self.packages.iter() {
            for (at, kind) in self.columns.iter().enumerate() {
                if at > 0 {
                    text.push('\t');
                }
                // Nothing in a cell may look like the end of it.
                let whole = *kind == ColumnKind::Checksum;
                let cell =
                    if whole { package.digest.to_string().into() } else { kind.cell(package, moment).text };
                text.extend(cell.chars().map(|c| if c.is_control() { ' ' } else { c }));
            }
            text.push('\n');
        }
        text
    }

    /// The checksums, each with its package if there are several.
    pub fn checksums(&self) -> String {
        match self.packages.one() {
            Some(one) => one.digest.to_string(),
            None => self.packages.iter().map(|p| format!("{}\t{}\n", p.digest, p.key)).collect(),
        }
    }
}
