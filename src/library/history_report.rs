//! History for people and auditors: one entry with its place in the chain, and exports that say what was left out and
//! whether the chain held.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::csv::field;
use super::error::io_error;
use super::history_page::{Report, page};
use super::{Library, LibraryError};
use crate::package::history::ChainState;
use crate::package::{ConsistencyChecksum, HistoryEntry, Sha256Digest};
use crate::store::{HistoryFilter, StoreError};

/// In which form History is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One table, a line an entry, after RFC 4180.
    Csv,
    /// One page on paper for each entry, as a document that needs nothing else.
    Html,
    /// One object: where it comes from, the filter, the chain, and the entries as they are kept.
    Json,
}

/// One entry, and how it stands in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryDetails {
    /// The entry.
    pub entry: HistoryEntry,
    /// SHA-256 of its line: what the next entry carries as `previous`.
    pub digest: Sha256Digest,
    /// Whether it carries the digest of the entry before it.
    pub follows: bool,
    /// Whether the next entry carries its digest; `None` for the last.
    pub is_followed: Option<bool>,
    /// The differences, one a line.
    pub differences: Vec<String>,
}

/// An export as JSON.
#[derive(Serialize)]
struct Export<'e> {
    library: &'e str,
    exported: Timestamp,
    by: &'e str,
    filter: &'e HistoryFilter,
    #[serde(flatten)]
    chain: &'e ChainState,
    /// SHA-256 of the last entry of all, whatever the filter: what the next entry will carry.
    chain_value: Sha256Digest,
    entries: Vec<&'e RawValue>,
}

impl Library {
    /// One entry with its place in the chain; `None` if there is none of this number.
    pub fn history_details(&self, number: u64) -> Result<Option<HistoryDetails>, LibraryError> {
        let line = |number: u64| self.catalogue().history_line(number);
        let Some(own) = line(number)? else { return Ok(None) };
        let entry: HistoryEntry = serde_json::from_str(&own)
            .map_err(|error| StoreError::Damaged(format!("a history entry: {error}")))?;
        let digest = HistoryEntry::digest_of_line(&own);
        let before = match number.saturating_sub(1) {
            0 => Some(Sha256Digest::default()),
            before => line(before)?.map(|line| HistoryEntry::digest_of_line(&line)),
        };
        let is_followed = line(number.saturating_add(1))?.map(|next| {
            serde_json::from_str::<HistoryEntry>(&next).is_ok_and(|next| next.previous == digest)
        });
        Ok(Some(HistoryDetails {
            follows: before == Some(entry.previous),
            differences: entry.differences.as_ref().map(|d| d.lines()).unwrap_or_default(),
            entry,
            digest,
            is_followed,
        }))
    }

    /// Every account in History, sorted: what can be filtered by.
    pub fn history_people(&self) -> Result<Vec<String>, LibraryError> {
        Ok(self.catalogue().history_people()?)
    }

    /// Writes the entries that pass the filter to a new file, with the filter, the state of the chain and its last
    /// value. Gives how many entries.
    pub fn export_history(
        &self,
        filter: &HistoryFilter,
        format: ExportFormat,
        to: &Path,
    ) -> Result<u64, LibraryError> {
        let lines = self.catalogue().history_lines(filter)?;
        let chain = self.verify_history()?;
        let last = self.catalogue().last_history_number()?;
        let last = self.catalogue().history_line(last)?;
        let chain_value = last.map(|line| HistoryEntry::digest_of_line(&line)).unwrap_or_default();
        let damaged = |error: serde_json::Error| StoreError::Damaged(format!("a history entry: {error}"));
        let text = match format {
            ExportFormat::Json => {
                let entries = lines.iter().map(|line| serde_json::from_str::<&RawValue>(line));
                let export = Export {
                    library: self.id(),
                    exported: Timestamp::now(),
                    by: &self.actor().who,
                    filter,
                    chain: &chain,
                    chain_value,
                    entries: entries.collect::<Result<_, _>>().map_err(damaged)?,
                };
                let mut text = serde_json::to_string_pretty(&export).map_err(damaged)?;
                text.push('\n');
                text
            }
            ExportFormat::Html => {
                let (who, host) = (&self.actor().who, &self.actor().host);
                let now = Timestamp::now().to_zoned(self.actor().time_zone.clone());
                let report = Report {
                    library: &self.root().display().to_string(),
                    made: &format!("Made by {who} on {host}, {}", now.strftime("%Y-%m-%d %H:%M")),
                    filter: &filter_words(filter),
                    chain: &chain_words(&chain, chain_value),
                };
                page(&report, &lines).map_err(damaged)?
            }
            ExportFormat::Csv => {
                let chain = chain_words(&chain, chain_value);
                table(&lines, &filter_words(filter), &chain).map_err(damaged)?
            }
        };
        let mut file = fs::File::create_new(to).map_err(io_error("write", to))?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            let _ = fs::remove_file(to);
            return Err(io_error("write", to)(error));
        }
        Ok(lines.len() as u64)
    }
}

fn chain_words(chain: &ChainState, value: Sha256Digest) -> String {
    match chain {
        ChainState::Verified { entries } => format!("verified, {entries} entries, last {value}"),
        ChainState::Broken { number, why } => format!("broken at entry {number}: {why}"),
    }
}

/// The filter in words: `all entries`, `event: Accepted, Sealed; who: anna`.
fn filter_words(filter: &HistoryFilter) -> String {
    let mut parts = Vec::new();
    if let Some(package) = filter.package {
        parts.push(format!("package: {package}"));
    }
    if !filter.events.is_empty() {
        let words: Vec<&str> = filter.events.iter().map(|event| event.word()).collect();
        parts.push(format!("event: {}", words.join(", ")));
    }
    let texts = [
        ("who", filter.who.clone()),
        ("from", filter.from.map(|at| at.to_string())),
        ("until", filter.until.map(|at| at.to_string())),
        ("staging library", filter.staging.as_ref().map(|staging| staging.name.clone())),
        ("text", filter.text.clone()),
        ("newest", filter.newest.map(|newest| newest.to_string())),
    ];
    for (name, value) in texts {
        parts.extend(value.map(|value| format!("{name}: {value}")));
    }
    if parts.is_empty() { "all entries".to_owned() } else { parts.join("; ") }
}

const HEADER: &str = "Number,Time (UTC),Local time,Who,Where,How,Event,Package,Old checksum,New checksum,Reason,\
                      Differences,Files that differ,Key,Details,Previous,Digest,Filter,Chain\r\n";

/// A line an entry. Filter and chain stand on each, so that the table stays one where lines are taken out of it.
fn table(lines: &[String], filter: &str, chain: &str) -> Result<String, serde_json::Error> {
    let mut text = String::from(HEADER);
    let checksum = |checksum: Option<ConsistencyChecksum>| {
        checksum
            .map(|c| format!("{} files, {} bytes, {}", c.files, c.size_bytes, c.digest))
            .unwrap_or_default()
    };
    for line in lines {
        let entry: HistoryEntry = serde_json::from_str(line)?;
        let fields = [
            entry.number.to_string(),
            entry.at.to_string(),
            entry.local_time,
            entry.who,
            entry.host,
            entry.how,
            entry.event.word().to_owned(),
            entry.package.as_ref().map(ToString::to_string).unwrap_or_default(),
            checksum(entry.old_checksum),
            checksum(entry.new_checksum),
            entry.reason.unwrap_or_default(),
            entry.differences.as_ref().map(|d| d.summary()).unwrap_or_default(),
            entry.differences.as_ref().map(|d| d.lines().join(" | ")).unwrap_or_default(),
            entry.key_id.unwrap_or_default(),
            entry.details.unwrap_or_default(),
            entry.previous.to_string(),
            HistoryEntry::digest_of_line(line).to_string(),
            filter.to_owned(),
            chain.to_owned(),
        ];
        let quoted: Vec<_> = fields.iter().map(|text| field(text)).collect();
        text.push_str(&quoted.join(","));
        text.push_str("\r\n");
    }
    Ok(text)
}
