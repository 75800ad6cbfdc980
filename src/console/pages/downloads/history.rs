//! The history of blocks that had trouble, in words, for the grid and the table below it.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::console::widgets::block_grid::words::BlockNotes;
use crate::session::{BlockNote, CodebaseStatus, LiveDownload, Noted};

/// Asks the download for the blocks that are looked at.
pub(super) struct LiveNotes<'a> {
    pub(super) live: &'a LiveDownload,
    pub(super) codebases: &'a [CodebaseStatus],
    pub(super) zone: &'a TimeZone,
    /// What was asked in this frame: a row of a table asks twice.
    pub(super) asked: Mutex<HashMap<usize, Option<String>>>,
}

impl LiveNotes<'_> {
    fn text(&self, block: usize) -> Option<String> {
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let told = asked.entry(block).or_insert_with(|| {
            let names: Vec<&str> = self.codebases.iter().map(|codebase| codebase.name.as_str()).collect();
            line(&self.live.notes(block), &names, self.zone)
        });
        told.clone()
    }
}

impl BlockNotes for LiveNotes<'_> {
    fn lines(&self, block: usize) -> Vec<String> {
        self.text(block).into_iter().collect()
    }

    fn in_table(&self, block: usize) -> Option<String> {
        self.text(block)
    }

    fn column(&self) -> (&'static str, f32) {
        ("What happened", 330.0)
    }
}

/// `bad from Köln 14:02:11 · good from origin 14:02:12`; nothing where nothing happened.
fn line(notes: &[BlockNote], codebases: &[&str], zone: &TimeZone) -> Option<String> {
    let name = |index: usize| codebases.get(index).map_or("a codebase", |name| short_name(name));
    let parts: Vec<String> = notes
        .iter()
        .map(|note| {
            let at = time(note.at, zone);
            match note.what {
                Noted::CorruptOnDisk => format!("bad on the disk {at}"),
                Noted::Bad(index) => format!("bad from {} {at}", name(index)),
                Noted::Fetched(index) => format!("good from {} {at}", name(index)),
                Noted::Reused => format!("good from another package {at}"),
            }
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// `14:02:11`.
pub(super) fn time(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// The host of an address, or the last part of a path: enough to tell codebases apart.
pub(super) fn short_name(name: &str) -> &str {
    let Some((_, rest)) = name.split_once("://") else { return name };
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    if host.is_empty() {
        return rest.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
    }
    host
}

/// A text in which addresses stand by their hosts: there is little room in a list.
pub(super) fn with_short_addresses(text: &str) -> String {
    let short = |word: &str| {
        if !word.contains("://") {
            return word.to_owned();
        }
        let address = word.trim_end_matches([':', ';', ',', '.', ')']);
        match short_name(address) {
            "" => word.to_owned(),
            name => format!("{name}{}", &word[address.len()..]),
        }
    };
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_tells_what_became_of_it() -> Result<(), jiff::Error> {
        let at: Timestamp = "2026-11-02T14:02:11Z".parse()?;
        let later: Timestamp = "2026-11-02T14:02:12Z".parse()?;
        let notes = [BlockNote { at, what: Noted::Bad(0) }, BlockNote { at: later, what: Noted::Fetched(1) }];
        let codebases = ["http://koeln.example:81/x/", "http://origin.example/x/"];
        let told = line(&notes, &codebases, &TimeZone::UTC);
        assert_eq!(
            told.as_deref(),
            Some("bad from koeln.example:81 14:02:11 · good from origin.example 14:02:12")
        );
        assert_eq!(line(&[], &codebases, &TimeZone::UTC), None);
        let lost = [BlockNote { at, what: Noted::Bad(7) }];
        assert_eq!(line(&lost, &codebases, &TimeZone::UTC).as_deref(), Some("bad from a codebase 14:02:11"));
        Ok(())
    }

    #[test]
    fn names_are_short() {
        assert_eq!(short_name("https://user@host.example/a/b/"), "host.example");
        assert_eq!(short_name("file:///srv/Staging Köln/"), "Staging Köln");
        assert_eq!(short_name("in this library: KiCad 8.0.6"), "in this library: KiCad 8.0.6");
        assert_eq!(
            with_short_addresses("block 9 from http://a.example/b/c/: not as hashed, dropped"),
            "block 9 from a.example: not as hashed, dropped"
        );
        assert_eq!(with_short_addresses("  nothing ends :// "), "  nothing ends :// ");
    }
}
