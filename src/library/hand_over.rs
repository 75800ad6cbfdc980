//! Handing a library over: one page to read and one file to take in, with everything a successor must know.
//!
//! Secrets are not in it: a key goes by its own backup.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::io_error;
use super::history_page::escaped;
use super::package_folder::read_text;
use super::restore::require_empty;
use super::{KeyInfo, Library, LibraryError};
use crate::package::{Finding, HistoryEvent, PackageState};
use crate::store::HistoryFilter;

/// Name of the page.
const PAGE: &str = "hand-over.html";
/// Name of the file other consoles read.
const DOCUMENT: &str = "hand-over.json";
/// The form of the document.
const FORMAT: &str = "packhouse-hand-over-1";
/// Largest document that is read, in bytes.
const DOCUMENT_MAX_BYTES: u64 = 32 << 20;
/// How many of the last events are told.
const EVENTS: u32 = 100;

/// Everything a successor must know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandOverDocument {
    /// `packhouse-hand-over-1`.
    pub format: String,
    /// When it was written.
    pub written: Timestamp,
    /// By whom.
    pub by: String,
    /// On which computer.
    pub host: String,
    /// The library.
    pub library: HandedLibrary,
    /// Own keys, and how many packages here each sealed.
    pub own_keys: Vec<HandedKey>,
    /// Keys of others that are trusted.
    pub trusted_keys: Vec<HandedKey>,
    /// Groups and their packages.
    pub groups: Vec<HandedGroup>,
    /// Folders with archives of this library.
    pub archive_folders: Vec<HandedFolder>,
    /// What is not settled.
    pub findings: Vec<HandedFinding>,
    /// Packages that were never deep checked.
    pub never_deep_checked: Vec<String>,
    /// The last events, the newest first.
    pub events: Vec<HandedEvent>,
}

/// The library as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedLibrary {
    /// Its folder.
    pub folder: PathBuf,
    /// Its identity.
    pub id: String,
    /// Format of its database.
    pub format: i64,
    /// Open packages.
    pub open: u64,
    /// Sealed packages.
    pub sealed: u64,
    /// Archived packages.
    pub archived: u64,
    /// Files of all packages, recorded.
    pub files: u64,
    /// Their bytes.
    pub size_bytes: u64,
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedKey {
    /// What is known of it.
    #[serde(flatten)]
    pub key: KeyInfo,
    /// Packages of this library it sealed.
    pub sealed_packages: u64,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedGroup {
    /// Its name.
    pub name: String,
    /// Packages in it.
    pub packages: u64,
}

/// A folder with archives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedFolder {
    /// The folder.
    pub folder: String,
    /// Archives of this library in it.
    pub archives: u64,
    /// How many of them are not there now.
    pub missing: u64,
}

/// A package that is not as recorded, or not watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedFinding {
    /// The package.
    pub package: String,
    /// What is open about it: `Differs`, `checksum control is off`.
    pub what: String,
    /// Since when, if that is known.
    pub since: Option<Timestamp>,
}

/// An event, shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedEvent {
    /// Number in History.
    pub number: u64,
    /// Local time where it happened.
    pub local_time: String,
    /// Who.
    pub who: String,
    /// What.
    pub event: HistoryEvent,
    /// The package; empty for the whole library.
    pub package: String,
    /// Reason and details.
    pub words: String,
}

impl Library {
    /// What a successor must know, as it stands now.
    pub fn hand_over_document(&self) -> Result<HandOverDocument, LibraryError> {
        let info = self.info()?;
        let packages = self.list()?;
        let mut sealed_by: BTreeMap<String, u64> = BTreeMap::new();
        let mut folders: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for package in packages.iter().filter(|package| package.state != PackageState::Open) {
            let record = self.record(package.id)?;
            if let Some(seal) = record.seal {
                *sealed_by.entry(seal.key_id).or_default() += 1;
            }
            if let Some(archive) = record.archive {
                let path = PathBuf::from(archive.path);
                let folder = path.parent().unwrap_or(&path).display().to_string();
                let counts = folders.entry(folder).or_default();
                counts.0 += 1;
                counts.1 += u64::from(!path.is_file());
            }
        }
        let keys = self
            .keys()
            .list()?
            .into_iter()
            .map(|key| HandedKey { sealed_packages: sealed_by.get(&key.key_id).copied().unwrap_or(0), key });
        let (own_keys, trusted_keys) = keys.partition(|key: &HandedKey| key.key.own);
        let mut findings = Vec::new();
        for package in &packages {
            let mut find = |what: &str, since| {
                findings.push(HandedFinding {
                    package: package.key.to_string(),
                    what: what.to_owned(),
                    since,
                });
            };
            if package.finding != Finding::Consistent {
                find(package.finding.word(), package.noticed_at);
            } else if package.marked.is_some() {
                find("changed on disk, not checked yet", package.marked);
            }
            if !package.checksum_control {
                find("checksum control is off", None);
            }
        }
        let never = packages
            .iter()
            .filter(|package| package.state != PackageState::Archived && package.deep_at.is_none())
            .map(|package| package.key.to_string());
        let groups = self.groups()?.into_iter().map(|name| HandedGroup {
            packages: packages.iter().filter(|package| package.group == name).count() as u64,
            name,
        });
        let filter = HistoryFilter { newest: Some(EVENTS), ..HistoryFilter::default() };
        let events = self.history(&filter)?.into_iter().rev().map(|entry| HandedEvent {
            number: entry.number,
            local_time: entry.local_time,
            who: entry.who,
            event: entry.event,
            package: entry.package.as_ref().map(ToString::to_string).unwrap_or_default(),
            words: entry.reason.into_iter().chain(entry.details).collect::<Vec<_>>().join("; "),
        });
        Ok(HandOverDocument {
            format: FORMAT.to_owned(),
            written: Timestamp::now(),
            by: self.actor().who.clone(),
            host: self.actor().host.clone(),
            library: HandedLibrary {
                folder: info.root,
                id: info.id,
                format: info.format,
                open: info.open,
                sealed: info.sealed,
                archived: info.archived,
                files: info.files,
                size_bytes: info.size_bytes,
            },
            own_keys,
            trusted_keys,
            groups: groups.collect(),
            archive_folders: folders
                .into_iter()
                .map(|(folder, (archives, missing))| HandedFolder { folder, archives, missing })
                .collect(),
            findings,
            never_deep_checked: never.collect(),
            events: events.collect(),
        })
    }

    /// Writes the page and the file into a folder, which must be new or empty and outside the library.
    pub fn hand_over(&self, to: &Path) -> Result<HandOverDocument, LibraryError> {
        self.require_outside(to)?;
        require_empty(to)?;
        let document = self.hand_over_document()?;
        let text = serde_json::to_string_pretty(&document).map_err(|error| LibraryError::Unreadable {
            what: "the library".to_owned(),
            why: error.to_string(),
        })?;
        let existed = to.exists();
        fs::create_dir_all(to).map_err(io_error("make the folder", to))?;
        let write = |name: &str, text: &str| {
            let path = to.join(name);
            let mut file = fs::File::create_new(&path).map_err(io_error("write", &path))?;
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io_error("write", &path))
        };
        let written = write(DOCUMENT, &text).and_then(|()| write(PAGE, &page(&document)));
        if let Err(error) = written {
            let _ = fs::remove_file(to.join(DOCUMENT));
            let _ = fs::remove_file(to.join(PAGE));
            if !existed {
                let _ = fs::remove_dir(to);
            }
            return Err(error);
        }
        Ok(document)
    }
}

/// Reads what a predecessor wrote: the folder, or the file in it. Nothing is taken over.
pub fn read_hand_over(from: &Path) -> Result<HandOverDocument, LibraryError> {
    let path = if from.is_dir() { from.join(DOCUMENT) } else { from.to_owned() };
    let unreadable = |why: String| LibraryError::Unreadable { what: path.display().to_string(), why };
    let text =
        read_text(&path, DOCUMENT_MAX_BYTES)?.ok_or_else(|| unreadable("it is not there".to_owned()))?;
    let document: HandOverDocument =
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    if document.format != FORMAT {
        return Err(unreadable("another program or a newer one wrote it".to_owned()));
    }
    Ok(document)
}

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;\
    color:#1b2026;background:#fff}table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}\
    th,td{text-align:left;vertical-align:top;padding:.25em .75em .25em 0;border-bottom:1px solid #d5dae0}\
    th{color:#525d68;font-weight:600}h1{font-size:1.5em}h2{font-size:1.15em;margin-top:1.5em}\
    td{overflow-wrap:anywhere}";

/// The document as one page that needs nothing else.
fn page(document: &HandOverDocument) -> String {
    let library = &document.library;
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Hand over: {}</title><style>{STYLE}</style></head><body>\n<h1>Hand over of a software package library</h1>\n",
        escaped(&library.folder.display().to_string())
    );
    let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    table(
        &mut html,
        "Library",
        &["", ""],
        [
            vec!["Folder".to_owned(), library.folder.display().to_string()],
            vec!["Id".to_owned(), library.id.clone()],
            vec!["Format".to_owned(), library.format.to_string()],
            vec![
                "Packages".to_owned(),
                format!("{} open, {} sealed, {} archived", library.open, library.sealed, library.archived),
            ],
            vec!["Files".to_owned(), format!("{} ({} bytes)", library.files, library.size_bytes)],
            vec![
                "Written".to_owned(),
                format!("{} by {} on {}", minute(document.written), document.by, document.host),
            ],
        ],
    );
    let key = |key: &HandedKey| {
        let backup = key.key.backup.map_or_else(|| "no backup".to_owned(), minute);
        vec![
            key.key.name.clone(),
            key.key.key_id.clone(),
            minute(key.key.since),
            if key.key.own { backup } else { String::new() },
            key.sealed_packages.to_string(),
            if key.key.retired { "retired".to_owned() } else { String::new() },
        ]
    };
    let heads = ["Name", "Fingerprint", "Since", "Backup on", "Packages sealed", ""];
    table(&mut html, "Own keys", &heads, document.own_keys.iter().map(key));
    table(&mut html, "Trusted keys", &heads, document.trusted_keys.iter().map(key));
    html.push_str(
        "<p>Secret keys are not in this folder: each goes by its own backup file and passphrase.</p>\n",
    );
    let findings = document.findings.iter().map(|finding| {
        vec![finding.package.clone(), finding.what.clone(), finding.since.map(minute).unwrap_or_default()]
    });
    table(&mut html, "Open findings", &["Package", "Finding", "Since"], findings);
    let never = document.never_deep_checked.iter().map(|package| vec![package.clone()]);
    table(&mut html, "Never deep checked", &["Package"], never);
    let groups = document.groups.iter().map(|group| vec![group.name.clone(), group.packages.to_string()]);
    table(&mut html, "Groups", &["Group", "Packages"], groups);
    let folders = document
        .archive_folders
        .iter()
        .map(|folder| vec![folder.folder.clone(), folder.archives.to_string(), folder.missing.to_string()]);
    table(&mut html, "Archive folders", &["Folder", "Archives", "Not there now"], folders);
    let events = document.events.iter().map(|event| {
        vec![
            event.local_time.clone(),
            event.who.clone(),
            event.event.word().to_owned(),
            event.package.clone(),
            event.words.clone(),
        ]
    });
    table(&mut html, "Last events", &["Time", "Who", "Event", "Package", "Reason and details"], events);
    html.push_str("</body></html>\n");
    html
}

fn table(html: &mut String, title: &str, heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    // Writing to a String cannot fail.
    let _ = writeln!(html, "<h2>{}</h2>", escaped(title));
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        html.push_str("<p>None.</p>\n");
        return;
    }
    html.push_str("<table>");
    if heads.iter().any(|head| !head.is_empty()) {
        html.push_str("<thead><tr>");
        for head in heads {
            let _ = write!(html, "<th scope=\"col\">{}</th>", escaped(head));
        }
        html.push_str("</tr></thead>");
    }
    html.push_str("<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escaped(&cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table>\n");
}
