//! The progress record: how far a download is, as an XML file that people can read and programs must not trust.
//!
//! Owns its form, which `resources/progress-record.md` writes down, the writer, and a reader for whatever lies in its
//! place. It is a hint: a record that is missing, cut, old or untrue costs time, never a wrong byte. Must not know
//! where it is kept, nor what its hints are worth.

use std::fmt::Write as _;
use std::ops::Range;

use jiff::Timestamp;

use super::block_map::BlockMap;
use super::digest::Sha256Digest;
use super::download::DownloadState;
use super::path::RelativePath;
use super::record::PackageId;
use super::xml::{Element, Step, Walk, XmlProblem, push_escaped};

/// Namespace of the record.
pub const NAMESPACE: &str = "urn:packhouse:progress:1";
/// Largest record that is read, in bytes.
pub const RECORD_MAX_BYTES: usize = 64 << 20;
/// Most runs of verified blocks that are written and read; blocks of further runs are checked again.
pub const RUNS_MAX: usize = 100_000;
/// Most files that are written and read; further ones are checked again.
pub const FILES_MAX: usize = 200_000;

/// How far a download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressRecord {
    /// The package, or the download itself where it is no package.
    pub package: PackageId,
    /// Name, for people.
    pub name: String,
    /// Version, for people.
    pub version: String,
    /// Where it comes from, without name and password.
    pub address: String,
    /// The folder it goes to.
    pub folder: String,
    /// SHA-256 of the snapshot whose blocks are counted here: with another snapshot the record means nothing.
    pub snapshot: Sha256Digest,
    /// How it stands.
    pub state: DownloadState,
    /// Why, where that needs a word.
    pub reason: String,
    /// Size of a block in bytes; 0 where files differ in it.
    pub block_size_bytes: u64,
    /// How many blocks there are.
    pub blocks: u64,
    /// The verified ones.
    pub verified: BlockRuns,
    /// Bytes of the whole.
    pub total_bytes: u64,
    /// Bytes fetched over the network so far.
    pub fetched_bytes: u64,
    /// What the files were when this was written.
    pub files: Vec<FileProgress>,
    /// Everything counted as verified had reached the disk, and nothing was written after this.
    pub clean_stop: bool,
    /// When the download began.
    pub begun: Timestamp,
    /// When this was written.
    pub written: Timestamp,
}

/// A file as it was when the record was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProgress {
    /// Its path within the download.
    pub path: RelativePath,
    /// Its length in bytes then, which may be less than it is to be.
    pub size_bytes: u64,
    /// Time of its last change in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Its number on its device.
    pub inode: u64,
    /// The strong ETag under which a file without block hashes came, and the address it came from.
    pub etag: Option<(String, String)>,
}

/// Blocks as runs, in order, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockRuns(Vec<Range<u64>>);

/// Why a text is no progress record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgressProblem {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// No XML that is taken.
    #[error(transparent)]
    Xml(#[from] XmlProblem),
    /// XML, but no such record.
    #[error("it is no progress record: {0}")]
    Form(&'static str),
}

impl BlockRuns {
    /// The blocks of `numbers`, which must rise.
    pub fn from_rising(numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for number in numbers {
            let Some(end) = number.checked_add(1) else { continue };
            match runs.last_mut() {
                Some(run) if run.end == number => run.end = end,
                Some(run) if run.end > number => {}
                _ => runs.push(number..end),
            }
        }
        Self(runs)
    }

    /// The runs in order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().cloned()
    }

    /// How many blocks they hold.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|run| run.end - run.start).sum()
    }

    /// Whether a block is among them.
    pub fn contains(&self, block: u64) -> bool {
        let after = self.0.partition_point(|run| run.start <= block);
        after.checked_sub(1).is_some_and(|at| self.0[at].contains(&block))
    }

    /// Reads `0-99 120 130-500`; `None` unless the numbers rise and stay below `blocks`.
    fn parse(text: &str, blocks: u64) -> Option<Self> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for word in text.split_ascii_whitespace().take(RUNS_MAX) {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let (first, last) = (number(first)?, number(last)?);
            if first > last || last >= blocks || runs.last().is_some_and(|before| before.end > first) {
                return None;
            }
            match runs.last_mut() {
                Some(before) if before.end == first => before.end = last + 1,
                _ => runs.push(first..last + 1),
            }
        }
        Some(Self(runs))
    }

    fn write(&self, into: &mut String) {
        for (at, run) in self.0.iter().take(RUNS_MAX).enumerate() {
            if at > 0 {
                into.push(if at % 16 == 0 { '\n' } else { ' ' });
            }
            // Writing to a String cannot fail.
            let _ = match run.end - run.start {
                1 => write!(into, "{}", run.start),
                _ => write!(into, "{}-{}", run.start, run.end - 1),
            };
        }
    }
}

/// Writes a record.
pub fn write(record: &ProgressRecord) -> String {
    let mut text = String::with_capacity(1024 + record.files.len() * 120);
    text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(
        "<!-- How far this download is. Packhouse takes it as a hint: deleting it costs time only. -->\n",
    );
    let _ = writeln!(text, "<progress xmlns=\"{NAMESPACE}\">");
    let id = record.package.to_string();
    element(&mut text, "package", &[("id", &id), ("name", &record.name), ("version", &record.version)], "");
    let snapshot = record.snapshot.to_string();
    let from = [("address", &*record.address), ("folder", &*record.folder), ("snapshot-sha256", &*snapshot)];
    element(&mut text, "download", &from, "");
    element(&mut text, "state", &[("word", record.state.words())], &record.reason);
    let (size, blocks) = (record.block_size_bytes.to_string(), record.blocks.to_string());
    let count = record.verified.count().to_string();
    let mut runs = String::new();
    record.verified.write(&mut runs);
    element(&mut text, "blocks", &[("size", &size), ("total", &blocks), ("verified", &count)], &runs);
    let (total, fetched) = (record.total_bytes.to_string(), record.fetched_bytes.to_string());
    element(&mut text, "bytes", &[("total", &total), ("fetched", &fetched)], "");
    let (begun, written) = (record.begun.to_string(), record.written.to_string());
    element(&mut text, "times", &[("begun", &begun), ("written", &written)], "");
    element(&mut text, "stop", &[("clean", if record.clean_stop { "yes" } else { "no" })], "");
    for file in record.files.iter().take(FILES_MAX) {
        let (size, mtime) = (file.size_bytes.to_string(), file.mtime_ns.to_string());
        let inode = file.inode.to_string();
        let mut parts =
            vec![("path", file.path.as_str()), ("size", &*size), ("mtime-ns", &*mtime), ("inode", &*inode)];
        if let Some((etag, from)) = &file.etag {
            parts.extend([("etag", &**etag), ("from", &**from)]);
        }
        element(&mut text, "file", &parts, "");
    }
    text.push_str("</progress>\n");
    text
}

fn element(into: &mut String, name: &str, attributes: &[(&str, &str)], content: &str) {
    let _ = write!(into, "  <{name}");
    for (key, value) in attributes {
        let _ = write!(into, " {key}=\"");
        push_escaped(into, value);
        into.push('"');
    }
    if content.is_empty() {
        into.push_str("/>\n");
    } else {
        into.push('>');
        // Line ends stay what they are: runs of blocks are read by people too.
        for (at, line) in content.split('\n').enumerate() {
            if at > 0 {
                into.push('\n');
            }
            push_escaped(into, line);
        }
        let _ = writeln!(into, "</{name}>");
    }
}

/// Reads a record. Elements and attributes that are not known are passed over.
pub fn read(text: &str) -> Result<ProgressRecord, ProgressProblem> {
    if text.trim().is_empty() {
        return Err(ProgressProblem::Empty);
    }
    if text.len() > RECORD_MAX_BYTES {
        return Err(ProgressProblem::Form("it is larger than 64 MiB"));
    }
    let mut walk = Walk::new(text);
    let mut reading = Reading::default();
    let mut names: Vec<&'static str> = Vec::new();
    while let Some(step) = walk.next()? {
        match step {
            Step::Begin(element) => {
                let name = reading.begin(names.len(), &element)?;
                names.push(name);
            }
            Step::End(text) => match names.pop() {
                Some("state") => reading.reason = text.to_owned(),
                Some("blocks") => {
                    let runs = BlockRuns::parse(text, reading.blocks.unwrap_or(0));
                    let runs = runs.ok_or(ProgressProblem::Form("its runs of blocks are not possible"))?;
                    reading.verified = Some(runs);
                }
                _ => {}
            },
        }
    }
    reading.finish().ok_or(ProgressProblem::Form("a part of it is missing or not possible"))
}

#[derive(Default)]
struct Reading {
    package: Option<(PackageId, String, String)>,
    from: Option<(String, String, Sha256Digest)>,
    state: Option<DownloadState>,
    reason: String,
    block_size_bytes: Option<u64>,
    blocks: Option<u64>,
    verified: Option<BlockRuns>,
    bytes: Option<(u64, u64)>,
    times: Option<(Timestamp, Timestamp)>,
    clean_stop: bool,
    files: Vec<FileProgress>,
}

impl Reading {
    /// Takes what the attributes of an element say; gives its name where its text counts too.
    fn begin(&mut self, depth: usize, element: &Element<'_, '_>) -> Result<&'static str, ProgressProblem> {
        if depth == 0 {
            let is_ours = element.name() == "progress" && element.is_of(NAMESPACE);
            return if is_ours { Ok("") } else { Err(ProgressProblem::Form("its root is another")) };
        }
        if depth > 1 || !element.is_of(NAMESPACE) {
            return Ok("");
        }
        let text = |name: &str| -> Result<String, XmlProblem> {
            Ok(element.attribute(name)?.unwrap_or_default().into_owned())
        };
        let count = |name: &str| -> Result<Option<u64>, XmlProblem> { Ok(number(&text(name)?)) };
        match element.name() {
            "package" => {
                let id = uuid::Uuid::parse_str(&text("id")?).ok();
                self.package = id.map(PackageId).zip(Some((text("name")?, text("version")?))).map(flat);
            }
            "download" => {
                let snapshot = Sha256Digest::parse(&text("snapshot-sha256")?);
                let (address, folder) = (text("address")?, text("folder")?);
                self.from = snapshot.map(|snapshot| (address, folder, snapshot));
            }
            "state" => {
                self.state = DownloadState::from_words(&text("word")?);
                return Ok("state");
            }
            "blocks" => {
                self.block_size_bytes = count("size")?;
                self.blocks = count("total")?.filter(|blocks| *blocks <= BlockMap::MOST as u64);
                return Ok("blocks");
            }
            "bytes" => self.bytes = count("total")?.zip(count("fetched")?),
            "times" => self.times = text("begun")?.parse().ok().zip(text("written")?.parse().ok()),
            "stop" => self.clean_stop = text("clean")? == "yes",
            "file" if self.files.len() < FILES_MAX => {
                let path = RelativePath::parse(&text("path")?).ok();
                let stamp = count("size")?.zip(text("mtime-ns")?.parse().ok()).zip(count("inode")?);
                let etag = Some((text("etag")?, text("from")?)).filter(|(etag, _)| !etag.is_empty());
                let file = path.zip(stamp).map(|(path, ((size_bytes, mtime_ns), inode))| FileProgress {
                    path,
                    size_bytes,
                    mtime_ns,
                    inode,
                    etag,
                });
                self.files.push(file.ok_or(ProgressProblem::Form("a file in it is not possible"))?);
            }
            _ => {}
        }
        Ok("")
    }

    fn finish(self) -> Option<ProgressRecord> {
        let (package, name, version) = self.package?;
        let (address, folder, snapshot) = self.from?;
        let (total_bytes, fetched_bytes) = self.bytes?;
        let (begun, written) = self.times?;
        Some(ProgressRecord {
            package,
            name,
            version,
            address,
            folder,
            snapshot,
            state: self.state?,
            reason: self.reason,
            block_size_bytes: self.block_size_bytes?,
            blocks: self.blocks?,
            verified: self.verified?,
            total_bytes,
            fetched_bytes,
            files: self.files,
            clean_stop: self.clean_stop,
            begun,
            written,
        })
    }
}

fn flat((id, (name, version)): (PackageId, (String, String))) -> (PackageId, String, String) {
    (id, name, version)
}

/// Plain digits: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
